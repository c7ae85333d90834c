/* SPDX-License-Identifier: MIT */
/*
 * qemu-img info, map, snapshot: what is in an image.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "tools/img.h"
#include "util/bits.h"
#include "util/mem.h"

/* -- Snapshots, listed ------------------------------------------------------- */

static void print_snapshot(const BlockSnapshot *sn)
{
    uint64_t ms = sn->vm_clock_ns / 1000000, s = ms / 1000;
    time_t t = (time_t)sn->date_sec;
    char size[32], date[32], clock[32], icount[24] = "";
    struct tm tm;

    localtime_r(&t, &tm);
    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
    snprintf(clock, sizeof(clock), "%02d:%02d:%02d.%03d", (int)(s / 3600), (int)(s / 60 % 60),
             (int)(s % 60), (int)(ms % 1000));
    if (sn->icount != ~0ull) {
        snprintf(icount, sizeof(icount), "%" PRIu64, sn->icount);
    }
    printf("%-10s%-17s%8s%20s%13s%11s\n", sn->id, sn->name,
           img_size_text(size, sn->vm_state_size), date, clock, icount);
}

static void print_snapshots(const BlockSnapshot *list, int num)
{
    if (num > 0) {
        printf("Snapshot list:\n%-10s%-17s%8s%20s%13s%11s\n", "ID", "TAG", "VM SIZE", "DATE",
               "VM CLOCK", "ICOUNT");
    }
    for (int i = 0; i < num; i++) {
        print_snapshot(&list[i]);
    }
}

static int list_snapshots(BlockDriverState *bs, BlockSnapshot **list)
{
    *list = NULL;
    return bs->drv->snapshot_list ? bs->drv->snapshot_list(bs, list, NULL) : 0;
}

/* -- Info -------------------------------------------------------------------- */

typedef struct Facts {
    BlockDriverState *bs;
    BlockInfo info;
    int64_t on_disk;
    BlockSnapshot *snaps;
    int num_snaps;
    char *backing_path;                 /* or NULL */
} Facts;

static void find_facts(BlockDriverState *bs, Facts *f)
{
    int64_t (*allocated)(BlockDriverState *) = bs->drv->allocated_size;

    *f = (Facts){ .bs = bs };
    if (bs->drv->info) {
        bs->drv->info(bs, &f->info);
    }
    if (!allocated && bs->file && bs->file->drv->allocated_size) {
        f->on_disk = bs->file->drv->allocated_size(bs->file);
    } else {
        f->on_disk = allocated ? allocated(bs) : -1;
    }
    f->num_snaps = list_snapshots(bs, &f->snaps);
    f->backing_path = bs->backing_file ? bdrv_path_beside(bs->filename, bs->backing_file) : NULL;
}

static void free_facts(Facts *f)
{
    free(f->snaps);
    free(f->backing_path);
}

static void print_specific(const char *text)
{
    printf("%s", *text ? "Format specific information:\n" : "");
    while (*text) {
        size_t n = strcspn(text, "\n");

        printf("    %.*s\n", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

static void print_backing(const Facts *f)
{
    const BlockDriverState *bs = f->bs;

    if (!bs->backing_file) {
        return;
    }
    printf("backing file: %s", bs->backing_file);
    if (strcmp(f->backing_path, bs->backing_file)) {
        printf(" (actual path: %s)", f->backing_path);
    }
    printf("\n");
    if (bs->backing_format) {
        printf("backing file format: %s\n", bs->backing_format);
    }
}

static void print_facts(const Facts *f)
{
    const BlockDriverState *bs = f->bs;
    char size[32], used[32];

    printf("image: %s\nfile format: %s\nvirtual size: %s (%" PRIu64 " bytes)\ndisk size: %s\n",
           bs->filename, bs->drv->name, img_size_text(size, bs->length), bs->length,
           f->on_disk < 0 ? "unavailable" : img_size_text(used, (uint64_t)f->on_disk));
    printf("%s", f->info.encrypted ? "encrypted: yes\n" : "");
    if (f->info.cluster_size) {
        printf("cluster_size: %" PRIu64 "\n", f->info.cluster_size);
    }
    printf("%s", f->info.dirty ? "cleanly shut down: no\n" : "");
    print_backing(f);
    print_snapshots(f->snaps, f->num_snaps);
    print_specific(f->info.specific);
    if (bs->note) {
        printf("note: %s\n", bs->note);
    }
}

/* -- Info as JSON ------------------------------------------------------------ */

/* Also if it looks like a number. */
static bool is_text(const char *name)
{
    return !strcmp(name, "data file") || !strcmp(name, "create type");
}

static void json_value(Json *j, const char *name, const char *value)
{
    char *key = xstrdup(name);

    for (char *p = key; *p; p++) {
        *p = *p == ' ' ? '-' : *p;
    }
    if (is_text(name)) {
        json_str(j, key, value);
    } else if (*value && strspn(value, "0123456789") == strlen(value)) {
        json_num(j, key, strtoull(value, NULL, 10));
    } else if (!strcmp(value, "true") || !strcmp(value, "false")) {
        json_bool(j, key, *value == 't');
    } else {
        json_str(j, key, value);
    }
    free(key);
}

/* A line, and those behind it that a tab says to be of the same value. */
static size_t entry_length(const char *text)
{
    size_t n = strcspn(text, "\n");

    while (text[n] && text[n + 1] == '\t') {
        n += 1 + strcspn(text + n + 1, "\n");
    }
    return n;
}

static char *unfold(const char *text, size_t len)
{
    char *out = xmalloc(len + 1), *w = out;

    for (size_t i = 0; i < len; i++) {
        *w++ = text[i];
        i += text[i] == '\n';
    }
    *w = 0;
    return out;
}

/* "name: value" lines. */
static void json_specific(Json *j, const char *format, const char *text)
{
    json_open(j, "format-specific", '{');
    json_str(j, "type", format);
    json_open(j, "data", '{');
    while (*text) {
        size_t n = entry_length(text), colon = strcspn(text, ":");

        if (colon + 2 <= n) {
            char *name = xstrndup(text, colon);
            char *value = unfold(text + colon + 2, n - colon - 2);

            json_value(j, name, value);
            free(name);
            free(value);
        }
        text += n + (text[n] == '\n');
    }
    json_close(j, '}');
    json_close(j, '}');
}

static void json_snapshots(Json *j, const Facts *f)
{
    json_open(j, "snapshots", '[');
    for (int i = 0; i < f->num_snaps; i++) {
        const BlockSnapshot *sn = &f->snaps[i];

        json_open(j, NULL, '{');
        if (sn->icount != ~0ull) {
            json_num(j, "icount", sn->icount);
        }
        json_num(j, "vm-clock-nsec", sn->vm_clock_ns % 1000000000);
        json_str(j, "name", sn->name);
        json_num(j, "date-sec", sn->date_sec);
        json_num(j, "date-nsec", sn->date_nsec);
        json_num(j, "vm-clock-sec", sn->vm_clock_ns / 1000000000);
        json_str(j, "id", sn->id);
        json_num(j, "vm-state-size", sn->vm_state_size);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_facts(Json *j, const Facts *f)
{
    const BlockDriverState *bs = f->bs;

    json_open(j, NULL, '{');
    if (f->num_snaps > 0) {
        json_snapshots(j, f);
    }
    if (bs->backing_format) {
        json_str(j, "backing-filename-format", bs->backing_format);
    }
    json_num(j, "virtual-size", bs->length);
    json_str(j, "filename", bs->filename);
    if (f->info.cluster_size) {
        json_num(j, "cluster-size", f->info.cluster_size);
    }
    json_str(j, "format", bs->drv->name);
    if (f->on_disk >= 0) {
        json_num(j, "actual-size", (uint64_t)f->on_disk);
    }
    if (f->info.encrypted) {
        json_bool(j, "encrypted", true);
    }
    if (*f->info.specific) {
        json_specific(j, bs->drv->name, f->info.specific);
    }
    if (bs->backing_file) {
        json_str(j, "full-backing-filename", f->backing_path);
        json_str(j, "backing-filename", bs->backing_file);
    }
    json_bool(j, "dirty-flag", f->info.dirty);
    json_close(j, '}');
}

static int show_info(const char *file, const char *format, int flags, bool chain, bool json)
{
    BlockDriverState *top = img_open(file, format, flags | (chain ? 0 : BDRV_O_NO_BACKING), true);
    Json j = { 0, false };

    if (!top) {
        return 1;
    }
    if (json && chain) {
        json_open(&j, NULL, '[');
    }
    for (BlockDriverState *bs = top; bs; bs = bs->backing) {
        Facts f;

        find_facts(bs, &f);
        if (json) {
            json_facts(&j, &f);
        } else {
            printf("%s", bs == top ? "" : "\n");
            print_facts(&f);
        }
        free_facts(&f);
    }
    if (json && chain) {
        json_close(&j, ']');
    }
    bdrv_delete(top);
    return 0;
}

int img_info(int argc, char **argv)
{
    const char *format = NULL;
    bool chain = false, json = false;
    int flags = 0, o;
    ImgArgs a;

    img_args(&a, argc, argv, "f:U", "format output backing-chain force-share");
    while ((o = img_option(&a)) != -1) {
        switch (o) {
        case 'f': format = optarg; break;
        case 'U': flags |= BDRV_O_NO_LOCK; break;
        case OPT_BACKING_CHAIN: chain = true; break;
        case OPT_OUTPUT:
            if (!img_output(optarg, &json)) {
                return 1;
            }
            break;
        default: return a.status;
        }
    }
    if (img_left(&a) != 1) {
        return img_usage("Expecting one image file name");
    }
    return show_info(argv[optind], format, flags, chain, json);
}

/* -- Map --------------------------------------------------------------------- */

typedef struct Piece {                  /* of the map, merged */
    uint64_t start, len, offset;
    int depth;
    bool present, zero, data, has_offset;
    const BlockDriverState *node;
} Piece;

/* Zeroes behind the end of a shorter backing file are its overlay's, and not there. */
static Piece piece_of(uint64_t off, const ImgExtent *e)
{
    bool behind = off >= e->node->length;
    Piece p = { .start = off, .len = e->num, .depth = e->depth - behind, .node = e->node,
                .present = (e->status & BDRV_BLOCK_ALLOCATED) && !behind,
                .zero = e->status & BDRV_BLOCK_ZERO, .data = e->status & BDRV_BLOCK_DATA,
                .has_offset = e->status & BDRV_BLOCK_OFFSET };

    p.offset = p.has_offset ? e->map : 0;
    return p;
}

static bool continues(const Piece *a, const Piece *b)
{
    return a->depth == b->depth && a->present == b->present && a->zero == b->zero &&
           a->data == b->data && a->has_offset == b->has_offset &&
           (!a->has_offset || a->offset + a->len == b->offset);
}

static void print_hex(uint64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "%#" PRIx64, n);
    printf("%-16s", text);
}

static int print_piece(const Piece *p, bool first, bool json)
{
    if (json) {
        printf("%s{ \"start\": %" PRIu64 ", \"length\": %" PRIu64 ", \"depth\": %d,"
               " \"present\": %s, \"zero\": %s, \"data\": %s", first ? "[" : ",\n", p->start,
               p->len, p->depth, p->present ? "true" : "false", p->zero ? "true" : "false",
               p->data ? "true" : "false");
        if (p->has_offset) {
            printf(", \"offset\": %" PRIu64, p->offset);
        }
        printf("}");
        return 0;
    }
    if (!p->data || p->zero) {
        return 0;
    }
    if (!p->has_offset) {
        return img_fail("File contains external, encrypted or compressed clusters.");
    }
    print_hex(p->start);
    print_hex(p->len);
    print_hex(p->offset);
    printf("%s\n", (p->node->data_file ? p->node->data_file : p->node)->filename);
    return 0;
}

static int print_map(BlockDriverState *bs, uint64_t from, uint64_t len, bool json)
{
    uint64_t end = from < bs->length ? from + MIN(len, bs->length - from) : from;
    Piece now = { .len = 0 };
    bool first = true;
    int ret = 0;

    if (!json) {
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    }
    for (uint64_t off = from; off < end && !ret;) {
        ImgExtent e;
        int r = img_extent(bs, NULL, off, end - off, &e);

        if (r < 0) {
            return img_fail("Failed to read image metadata: %s", strerror(-r));
        }
        Piece next = piece_of(off, &e);

        off += e.num;
        if (now.len && continues(&now, &next)) {
            now.len += next.len;
            continue;
        }
        if (now.len) {
            ret = print_piece(&now, first, json);
            first = false;
        }
        now = next;
    }
    if (now.len && !ret) {
        ret = print_piece(&now, first, json);
    }
    printf("%s", json ? (now.len ? "]\n" : "[]\n") : "");
    return ret;
}

int img_map(int argc, char **argv)
{
    const char *format = NULL;
    uint64_t from = 0, len = INT64_MAX;
    bool json = false;
    int flags = 0, o;
    ImgArgs a;

    img_args(&a, argc, argv, "f:s:l:U", "format output start-offset max-length force-share");
    while ((o = img_option(&a)) != -1) {
        bool ok = true;

        switch (o) {
        case 'f': format = optarg; break;
        case 'U': flags |= BDRV_O_NO_LOCK; break;
        case OPT_OUTPUT: ok = img_output(optarg, &json); break;
        case 's': case OPT_START_OFFSET: ok = img_size("start offset", optarg, &from); break;
        case 'l': case OPT_MAX_LENGTH: ok = img_size("max length", optarg, &len); break;
        default: return a.status;
        }
        if (!ok) {
            return 1;
        }
    }
    if (img_left(&a) != 1) {
        return img_usage("Expecting one image file name");
    }
    BlockDriverState *bs = img_open(argv[optind], format, flags, true);
    int ret = bs ? print_map(bs, from, len, json) : 1;

    bdrv_delete(bs);
    return ret;
}

/* -- Snapshot ---------------------------------------------------------------- */

static int create_snapshot(BlockDriverState *bs, const char *name)
{
    BlockSnapshot sn = { .vm_state_size = 0 };
    Error err = { "" };
    struct timeval tv;

    if (!bs->drv->snapshot_create) {
        return img_fail("Could not create snapshot '%s': -95 (Operation not supported)", name);
    }
    gettimeofday(&tv, NULL);
    snprintf(sn.name, sizeof(sn.name), "%s", name);
    sn.date_sec = (uint64_t)tv.tv_sec;
    sn.date_nsec = (uint32_t)tv.tv_usec * 1000;
    if (bs->drv->snapshot_create(bs, &sn, &err) < 0) {
        return img_fail("Could not create snapshot '%s': %s", name, err.msg);
    }
    return 0;
}

static int apply_snapshot(BlockDriverState *bs, const char *name)
{
    Error err = { "" };

    if (!bs->drv->snapshot_goto) {
        return img_fail("Could not apply snapshot '%s': Block driver does not support snapshots",
                        name);
    }
    int ret = bs->drv->snapshot_goto(bs, name, &err);

    if (ret == -ENOENT) {
        return img_fail("Could not apply snapshot '%s': Failed to load snapshot: No such file or"
                        " directory", name);
    }
    return ret < 0 ? img_fail("Could not apply snapshot '%s': %s", name, err.msg) : 0;
}

static int delete_snapshot(BlockDriverState *bs, const char *name)
{
    Error err = { "" };
    int ret = bs->drv->snapshot_delete ? bs->drv->snapshot_delete(bs, name, &err) : -ENOENT;

    if (ret == -ENOENT) {
        return img_fail("Could not delete snapshot '%s': snapshot not found", name);
    }
    return ret < 0 ? img_fail("Could not delete snapshot '%s': %s", name, err.msg) : 0;
}

static int show_snapshots(BlockDriverState *bs)
{
    BlockSnapshot *list;
    int num = list_snapshots(bs, &list);

    print_snapshots(list, num);
    free(list);
    return 0;
}

static int change_snapshots(BlockDriverState *bs, int what, const char *name)
{
    switch (what) {
    case 'a': return apply_snapshot(bs, name);
    case 'c': return create_snapshot(bs, name);
    case 'd': return delete_snapshot(bs, name);
    case 'l': return show_snapshots(bs);
    }
    return 0;
}

int img_snapshot(int argc, char **argv)
{
    const char *name = NULL, *format = NULL;
    bool quiet = false;
    int what = 0, flags = 0, o;
    ImgArgs a;

    img_args(&a, argc, argv, "la:c:d:f:qU", "force-share");
    while ((o = img_option(&a)) != -1) {
        switch (o) {
        case 'a': case 'c': case 'd': case 'l':
            if (what) {
                return img_usage("Cannot mix '-l', '-a', '-c', '-d'");
            }
            what = o;
            name = optarg;
            break;
        case 'f': format = optarg; break;
        case 'q': quiet = true; break;
        case 'U': flags |= BDRV_O_NO_LOCK; break;
        default: return a.status;
        }
    }
    if (img_left(&a) != 1) {
        return img_usage("Expecting one image file name");
    }
    if (what && what != 'l') {
        flags |= BDRV_O_RDWR;
    }
    BlockDriverState *bs = img_open(argv[optind], format, flags, quiet);
    int ret = bs ? change_snapshots(bs, what, name) : 1;

    bdrv_delete(bs);
    return ret;
}
