/* SPDX-License-Identifier: MIT */
#include "block/drive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/bits.h"
#include "util/mem.h"

enum { MAX_DRIVES = 32 };

/* By DriveInterface; per_bus 0: one bus, any number. */
static const struct Interface { const char *name; int per_bus, max; } interfaces[] = {
    [IF_NONE]   = { "none", 0, MAX_DRIVES },
    [IF_IDE]    = { "ide", 2, 4 },
    [IF_SCSI]   = { "scsi", 7, MAX_DRIVES },
    [IF_FLOPPY] = { "floppy", 0, 2 },
    [IF_PFLASH] = { "pflash", 0, 4 },
    [IF_MTD]    = { "mtd", 0, 4 },
    [IF_SD]     = { "sd", 0, 4 },
    [IF_VIRTIO] = { "virtio", 0, MAX_DRIVES },
};

static const struct Alias {
    const char *option;
    int type;                           /* -1: the machine's */
    int index;
    bool is_cdrom;
} aliases[] = {
    { "hda", -1, 0, false },
    { "hdb", -1, 1, false },
    { "hdc", -1, 2, false },
    { "hdd", -1, 3, false },
    { "cdrom", -1, 2, true },
    { "fda", IF_FLOPPY, 0, false },
    { "fdb", IF_FLOPPY, 1, false },
    { "sd", IF_SD, -1, false },
    { "mtdblock", IF_MTD, -1, false },
    { "pflash", IF_PFLASH, -1, false },
};

static const BlockOptDef drive_opts[] = {
    { "file", "the image; without it the drive is empty" },
    { "if", "none, ide, scsi, floppy, pflash, mtd, sd, virtio" },
    { "bus", "number of the bus" },
    { "unit", "number on the bus" },
    { "index", "number counted over all buses" },
    { "media", "disk or cdrom" },
    { "id", "name, for -device drive= and the monitor" },
    { "format", "image format; found out if not given" },
    { "cache", "none, writethrough, writeback, directsync, unsafe" },
    { "snapshot", "on: writes go to a temporary file" },
    { "readonly", "on: the guest cannot write" },
    { "read-only", "the same" },
    { "serial", "serial number, 20 characters" },
    { "cyls", "cylinders" },
    { "heads", "heads" },
    { "secs", "sectors per track" },
    { "trans", "BIOS translation: none, lba, large, auto" },
    { "werror", "after a failed write: report, ignore, stop, enospc" },
    { "rerror", "after a failed read: report, ignore, stop" },
    { "discard", "unmap (give room back) or ignore" },
    { "aio", "native or threads: the better one is always taken" },
    { "detect-zeroes", "off, on, or unmap: zeroes that come as data become holes" },
    { NULL, NULL }
};

static DriveInfo *drives;

void drive_help(void (*put)(void *opaque, const char *text), void *opaque)
{
    const BlockOptDef *lists[] = { drive_opts, throttle_opts };

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        for (const BlockOptDef *d = lists[i]; d->name; d++) {
            char *line = xasprintf("  %-26s %s\n", d->name, d->help);

            put(opaque, line);
            free(line);
        }
    }
}

DriveInfo *drive_next(DriveInfo *d) { return d ? d->next : drives; }

DriveInfo *drive_get(DriveInterface type, int bus, int unit)
{
    for (DriveInfo *d = drives; d; d = d->next) {
        if (d->type == type && d->bus == bus && d->unit == unit) {
            return d;
        }
    }
    return NULL;
}

DriveInfo *drive_find(const char *id)
{
    for (DriveInfo *d = drives; d; d = d->next) {
        if (strcmp(d->id, id) == 0) {
            return d;
        }
    }
    return NULL;
}

static void free_drive(DriveInfo *d)
{
    bdrv_delete(d->bs);
    opts_free(&d->opts);
    free(d->id);
    free(d->file);
    free(d->format);
    free((char *)(uintptr_t)d->conf.trans);
    free(d);
}

void drive_del(DriveInfo *d)
{
    for (DriveInfo **p = &drives; *p; p = &(*p)->next) {
        if (*p == d) {
            *p = d->next;
            free_drive(d);
            return;
        }
    }
}

void drive_close_all(void)
{
    while (drives) {
        DriveInfo *d = drives;

        drives = d->next;
        free_drive(d);
    }
}

/* -- Parsing ----------------------------------------------------------------- */

static int choose(const BlockOpts *o, const char *name, const char *const *words,
                  int *out, Error *err)
{
    const char *v = opts_get(o, name);
    char list[200] = "";

    if (!v) {
        return 0;
    }
    for (int i = 0; words[i]; i++) {
        if (strcmp(v, words[i]) == 0) {
            *out = i;
            return 0;
        }
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
                 i ? ", " : "", words[i]);
    }
    return error_set(err, EINVAL, "%s=%s: use one of %s", name, v, list);
}

static int get_number(const BlockOpts *o, const char *name, uint64_t max,
                      uint32_t *out, Error *err)
{
    const char *v = opts_get(o, name);
    char *end;

    if (!v) {
        return 0;
    }
    unsigned long n = strtoul(v, &end, 0);
    if (*v < '0' || *v > '9' || *end || n > max) {
        return error_set(err, EINVAL, "%s=%s: write a number, at most %u", name, v,
                         (unsigned)max);
    }
    *out = (uint32_t)n;
    return 0;
}

static int parse_geometry(DriveInfo *d, const BlockOpts *o, Error *err)
{
    static const char *const words[] = { "none", "lba", "large", "auto", NULL };
    BlockConf *c = &d->conf;
    int trans = -1, ret;

    if ((ret = get_number(o, "cyls", 16383, &c->cyls, err)) < 0 ||
        (ret = get_number(o, "heads", 16, &c->heads, err)) < 0 ||
        (ret = get_number(o, "secs", 63, &c->secs, err)) < 0 ||
        (ret = choose(o, "trans", words, &trans, err)) < 0) {
        return ret;
    }
    int given = !!c->cyls + !!c->heads + !!c->secs;
    if (given != 0 && given != 3) {
        return error_set(err, EINVAL, "cyls, heads and secs: give all three or none");
    }
    if (trans >= 0 && !given && trans != 3) {
        return error_set(err, EINVAL, "trans=%s: needs cyls, heads and secs", words[trans]);
    }
    c->trans = trans >= 0 ? xstrdup(words[trans]) : NULL;
    return 0;
}

static int parse_policies(DriveInfo *d, const BlockOpts *o, Error *err)
{
    static const char *const w[] = { "report", "ignore", "stop", "enospc", NULL };
    static const char *const r[] = { "report", "ignore", "stop", NULL };
    int we = BLOCK_ERROR_ENOSPC, re = BLOCK_ERROR_REPORT;
    int ret = choose(o, "werror", w, &we, err);

    if (ret >= 0) {
        ret = choose(o, "rerror", r, &re, err);
    }
    d->conf.werror = (BlockErrorAction)we;
    d->conf.rerror = (BlockErrorAction)re;
    return ret;
}

static int parse_flags(DriveInfo *d, const BlockOpts *o, Error *err)
{
    static const char *const discard_words[] = { "ignore", "unmap", NULL };
    static const char *const aio_words[] = { "native", "threads", NULL };
    static const char *const media_words[] = { "disk", "cdrom", NULL };
    bool snapshot = false, readonly = false;
    const char *cache = opts_get(o, "cache");
    static const char *const detect_words[] = { "off", "on", "unmap", NULL };
    int unmap = 0, aio = 0, detect = 0, media = d->conf.is_cdrom, ret;

    if ((ret = opts_get_bool(o, "snapshot", &snapshot, err)) < 0 ||
        (ret = opts_get_bool(o, "readonly", &readonly, err)) < 0 ||
        (ret = opts_get_bool(o, "read-only", &readonly, err)) < 0 ||
        (ret = choose(o, "discard", discard_words, &unmap, err)) < 0 ||
        (ret = choose(o, "aio", aio_words, &aio, err)) < 0 ||
        (ret = choose(o, "detect-zeroes", detect_words, &detect, err)) < 0 ||
        (ret = choose(o, "media", media_words, &media, err)) < 0) {
        return ret;
    }
    if (cache && bdrv_parse_cache(cache, &d->flags) < 0) {
        return error_set(err, EINVAL, "cache=%s: use none, writethrough, writeback,"
                         " directsync or unsafe", cache);
    }
    if (detect == BLOCK_DETECT_UNMAP && !unmap) {
        return error_set(err, EINVAL, "detect-zeroes=unmap: needs discard=unmap");
    }
    d->conf.detect_zeroes = (BlockDetectZeroes)detect;
    d->conf.is_cdrom = media;
    readonly |= d->conf.is_cdrom;
    d->flags |= (readonly ? 0 : BDRV_O_RDWR) | (snapshot ? BDRV_O_SNAPSHOT : 0) |
                (unmap ? BDRV_O_UNMAP : 0) |
                (d->type == IF_FLOPPY ? BDRV_O_AUTO_RDONLY : 0);
    return 0;
}

/* -- Places ------------------------------------------------------------------ */

static int free_unit(DriveInterface type, int bus, int per_bus)
{
    int unit = 0;

    while (drive_get(type, bus, unit)) {
        unit++;
    }
    return per_bus && unit >= per_bus ? -1 : unit;
}

static int next_free(DriveInfo *d)
{
    int per_bus = interfaces[d->type].per_bus;

    for (d->bus = 0; d->bus < MAX_DRIVES; d->bus++) {
        d->unit = free_unit(d->type, d->bus, per_bus);
        if (d->unit >= 0) {
            return 0;
        }
    }
    return -ENOSPC;
}

static int find_place(DriveInfo *d, const BlockOpts *o, int index, Error *err)
{
    const struct Interface *f = &interfaces[d->type];
    uint32_t bus = 0, unit = 0, idx = index >= 0 ? (uint32_t)index : 0;
    bool by_place = opts_get(o, "bus") || opts_get(o, "unit");
    int ret;

    if ((ret = get_number(o, "bus", MAX_DRIVES, &bus, err)) < 0 ||
        (ret = get_number(o, "unit", MAX_DRIVES, &unit, err)) < 0 ||
        (ret = get_number(o, "index", MAX_DRIVES, &idx, err)) < 0) {
        return ret;
    }
    if (opts_get(o, "index") && by_place) {
        return error_set(err, EINVAL, "index and bus/unit say the same: give one of them");
    }
    if (by_place) {
        d->bus = (int)bus;
        d->unit = opts_get(o, "unit") ? (int)unit : free_unit(d->type, d->bus, 0);
    } else if (index >= 0 || opts_get(o, "index")) {
        d->bus = f->per_bus ? (int)idx / f->per_bus : 0;
        d->unit = f->per_bus ? (int)idx % f->per_bus : (int)idx;
    } else if (next_free(d) < 0) {
        return error_set(err, ENOSPC, "too many %s drives", f->name);
    }
    if ((f->per_bus && d->unit >= f->per_bus) ||
        d->bus * f->per_bus + d->unit >= f->max) {
        return error_set(err, ERANGE, "if=%s has no place for bus %d, unit %d", f->name,
                         d->bus, d->unit);
    }
    DriveInfo *other = drive_get(d->type, d->bus, d->unit);
    return other ? error_set(err, EBUSY, "if=%s bus %d unit %d is taken by %s: use another"
                             " index", f->name, d->bus, d->unit, other->id) : 0;
}

static char *default_id(const DriveInfo *d)
{
    const char *name = interfaces[d->type].name;

    if (interfaces[d->type].per_bus) {
        return xasprintf("%s%d-%s%d", name, d->bus, d->conf.is_cdrom ? "cd" : "hd", d->unit);
    }
    return xasprintf("%s%d", name, d->unit);
}

/* -- Adding ------------------------------------------------------------------ */

static bool is_in(const BlockOptDef *list, const char *name)
{
    for (const BlockOptDef *d = list; d->name; d++) {
        if (strcmp(d->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int check_drive(DriveInfo *d, const BlockOpts *o, Error *err)
{
    const char *serial = opts_get(o, "serial");

    if (serial && strlen(serial) > 20) {
        return error_set(err, EINVAL, "serial=%s: longer than 20 characters", serial);
    }
    snprintf(d->conf.serial, sizeof(d->conf.serial), "%s", serial ? serial : "");
    if (!d->file && !d->conf.is_cdrom && d->type != IF_FLOPPY && d->type != IF_SD) {
        return error_set(err, EINVAL, "a disk needs file=: only CD, floppy and SD drives"
                         " may be empty");
    }
    for (int i = 0; i < o->num; i++) {
        const char *name = o->opt[i].name;

        if (!is_in(drive_opts, name) && !is_in(throttle_opts, name)) {
            opts_set(&d->opts, name, o->opt[i].value);      /* for the format */
        }
    }
    if (d->conf.is_cdrom && d->type == IF_FLOPPY) {
        return error_set(err, EINVAL, "media=cdrom: not in a floppy drive, use if=ide");
    }
    if (drive_find(d->id)) {
        return error_set(err, EEXIST, "two drives are named %s: change one id", d->id);
    }
    return 0;
}

static void append(DriveInfo *d)
{
    DriveInfo **p = &drives;

    while (*p) {
        p = &(*p)->next;
    }
    *p = d;
}

static int build(DriveInfo *d, const BlockOpts *o, int index, Error *err)
{
    const char *names[IF_COUNT + 1] = { NULL };
    int type = (int)d->type, ret;

    for (int i = 0; i < IF_COUNT; i++) {
        names[i] = interfaces[i].name;
    }
    if ((ret = choose(o, "if", names, &type, err)) < 0) {
        return ret;
    }
    d->type = (DriveInterface)type;
    if ((ret = parse_flags(d, o, err)) < 0 || (ret = parse_policies(d, o, err)) < 0 ||
        (ret = throttle_parse(o, &d->conf.limits, err)) < 0 ||
        (ret = parse_geometry(d, o, err)) < 0 ||
        (ret = find_place(d, o, index, err)) < 0) {
        return ret;
    }
    const char *id = opts_get(o, "id"), *file = opts_get(o, "file");
    const char *format = opts_get(o, "format");

    d->id = id ? xstrdup(id) : default_id(d);
    d->file = file && *file ? xstrdup(file) : NULL;
    d->format = format ? xstrdup(format) : NULL;
    return check_drive(d, o, err);
}

static int add(const BlockOpts *o, DriveInterface type, int index, bool is_cdrom,
               Error *err)
{
    DriveInfo *d = xzalloc(sizeof(*d));

    d->type = type;
    d->conf.is_cdrom = is_cdrom;
    int ret = build(d, o, index, err);

    if (ret < 0) {
        free_drive(d);
    } else {
        append(d);
    }
    return ret;
}

int drive_add(const char *spec, DriveInterface default_if, Error *err)
{
    BlockOpts o = { NULL, 0 };
    int ret = opts_parse(&o, spec, err);

    if (ret >= 0) {
        ret = add(&o, default_if, -1, false, err);
    }
    opts_free(&o);
    return ret < 0 ? error_prefix(err, ret, "-drive %.100s", spec) : 0;
}

int drive_add_file(const char *option, const char *file, DriveInterface default_if,
                   Error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
        const struct Alias *a = &aliases[i];
        BlockOpts o = { NULL, 0 };

        if (strcmp(a->option, option) == 0) {
            opts_set(&o, "file", file);
            int ret = add(&o, a->type < 0 ? default_if : (DriveInterface)a->type,
                          a->index, a->is_cdrom, err);
            opts_free(&o);
            return ret < 0 ? error_prefix(err, ret, "-%s", option) : 0;
        }
    }
    return error_set(err, EINVAL, "-%s: no such drive option", option);
}

void drive_add_defaults(void)
{
    BlockOpts none = { NULL, 0 };

    if (!drive_get(IF_IDE, 1, 0)) {
        add(&none, IF_IDE, 2, true, NULL);
    }
    if (!drive_get(IF_FLOPPY, 0, 0)) {
        add(&none, IF_FLOPPY, 0, false, NULL);
    }
}

/* -- Opening ----------------------------------------------------------------- */

static int open_drive(DriveInfo *d, bool snapshot, Error *err)
{
    int ret;

    d->bs = bdrv_new(d->id);
    *blk_conf(d->bs) = d->conf;
    if (!d->file) {
        return 0;
    }
    if (snapshot && !d->conf.is_cdrom) {
        d->flags |= BDRV_O_SNAPSHOT;
    }
    ret = bdrv_open(d->bs, d->file, d->format, d->flags, &d->opts, err);
    if (ret >= 0 && blk_length(d->bs) == 0) {
        ret = error_set(err, EINVAL, "%s: empty: no disk has 0 bytes; make one with"
                        " qemu-img create", d->file);
    }
    return ret < 0 ? error_prefix(err, ret, "%s", d->id) : 0;
}

int drive_open_all(bool snapshot, Error *err)
{
    for (DriveInfo *d = drives; d; d = d->next) {
        int ret = d->bs ? 0 : open_drive(d, snapshot, err);

        if (ret < 0) {
            return ret;
        }
    }
    return 0;
}
