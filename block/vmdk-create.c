/* SPDX-License-Identifier: MIT */
/*
 * vmdk: new images.
 *
 *      monolithicSparse, streamOptimized     one file: header, descriptor, tables
 *      others                                a descriptor, and its extents beside it:
 *                                            NAME-flat, NAME-f001 ..., NAME-s001 ...
 *
 *      extent    | header | room for text | directory, tables | again | pad | grains
 */
#include "block/vmdk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "block/block-int.h"
#include "util/bits.h"
#include "util/mem.h"

enum {
    SECTOR = VMDK_SECTOR, HEADER = VMDK_SECTOR, GRAIN = 64 << 10, ENTRIES = 512,
    TEXT_AT = 512, TEXT_ROOM = 20 * SECTOR,
};

#define SPLIT           (2ull << 30)

const BlockOptDef vmdk_create_opts[] = {
    { "adapter_type", "ide (default), lsilogic, buslogic or legacyESX" },
    { "backing_file", "image that shows where this one has nothing" },
    { "backing_fmt", "its format: vmdk" },
    { "compat6", "for hardware version 6 (on/off)" },
    { "hwversion", "hardware version to name" },
    { "subformat", "monolithicSparse (default), monolithicFlat, twoGbMaxExtentSparse,"
      " twoGbMaxExtentFlat or streamOptimized" },
    { "toolsversion", "version of the guest tools to name" },
    { "zeroed_grain", "zeroes are an entry, not data (on/off)" },
    { NULL, NULL }
};

typedef struct Plan {
    const char *type, *backing;
    bool flat, split, packed, zero_flag;
    uint32_t parent_cid;
} Plan;

/* Header and both sets of empty tables of a sparse extent. */
static int write_sparse(BlockDriverState *file, uint64_t size, const Plan *p)
{
    uint64_t tables = (size + (uint64_t)GRAIN * ENTRIES - 1) / ((uint64_t)GRAIN * ENTRIES);
    uint64_t gd_len = (tables * 4 + SECTOR - 1) / SECTOR, step = ENTRIES * 4 / SECTOR;
    uint64_t rgd = 1 + TEXT_ROOM / SECTOR, gd = rgd + gd_len + tables * step;
    uint64_t over = align_up(gd + gd_len + tables * step, GRAIN / SECTOR);
    uint8_t h[HEADER] = { 0 }, *dir = xzalloc(gd_len * SECTOR + 1);

    memcpy(h, "KDMV", 4);
    store_le(h + 4, p->packed ? 3 : p->zero_flag ? 2 : 1, 4);
    store_le(h + 8, VMDK_FLAG_NEWLINES | VMDK_FLAG_REDUNDANT | (p->zero_flag ? VMDK_FLAG_ZERO : 0) |
             (p->packed ? VMDK_FLAG_COMPRESSED | VMDK_FLAG_MARKERS : 0), 4);
    store_le(h + 12, size / SECTOR, 8);
    store_le(h + 20, GRAIN / SECTOR, 8);
    store_le(h + 28, p->split ? 0 : TEXT_AT / SECTOR, 8);
    store_le(h + 36, p->split ? 0 : TEXT_ROOM / SECTOR, 8);
    store_le(h + 44, ENTRIES, 4);
    store_le(h + 48, rgd, 8);
    store_le(h + 56, gd, 8);
    store_le(h + 64, over, 8);
    memcpy(h + 73, "\n \r\n", 4);
    store_le(h + 77, p->packed ? 1 : 0, 2);
    int ret = bdrv_pwrite(file, 0, h, HEADER);

    for (int copy = 0; copy < 2 && ret >= 0; copy++) {
        uint64_t at = copy ? gd : rgd;

        for (uint64_t i = 0; i < tables; i++) {
            store_le(dir + i * 4, at + gd_len + i * step, 4);
        }
        ret = bdrv_pwrite(file, at * SECTOR, dir, gd_len * SECTOR);
    }
    free(dir);
    return ret < 0 ? ret : bdrv_truncate(file, over * SECTOR, NULL);
}

static int cannot_write(const char *filename, int ret, Error *err)
{
    return ret < 0 ? error_set(err, -ret, "%s: cannot be written: %s", filename,
                               strerror(-ret)) : 0;
}

static int create_extent(const char *filename, uint64_t size, const Plan *p, Error *err)
{
    BlockDriverState *file;
    int ret = bdrv_create_node(filename, p->flat ? size : 0, NULL, &file, err);

    if (ret < 0) {
        return ret;
    }
    ret = p->flat ? 0 : write_sparse(file, size, p);
    ret = ret < 0 ? ret : bdrv_flush(file);
    bdrv_delete_child(file);
    return cannot_write(filename, ret, err);
}

/* All extents of the disk; their lines are appended to *lines. */
static int create_extents(const char *filename, uint64_t size, const Plan *p, char **lines,
                          Error *err)
{
    size_t stem = strlen(filename);
    int ret = 0, i = 0;

    if (stem > 5 && !strcmp(filename + stem - 5, ".vmdk")) {
        stem -= 5;
    }
    *lines = xstrdup("");
    for (uint64_t off = 0; (off < size || i == 0) && ret >= 0; i++) {
        uint64_t n = p->split ? MIN(size - off, SPLIT) : size;
        bool alone = !p->split && !p->flat;
        char *name = alone ? xstrdup(filename)
                   : !p->split ? xasprintf("%.*s-flat.vmdk", (int)stem, filename)
                   : xasprintf("%.*s-%c%03d.vmdk", (int)stem, filename,
                               p->flat ? 'f' : 's', i + 1);
        const char *slash = strrchr(name, '/');
        char *more = xasprintf("%sRW %llu %s \"%s\"%s\n", *lines,
                               (unsigned long long)(n / SECTOR), p->flat ? "FLAT" : "SPARSE",
                               slash ? slash + 1 : name, p->flat ? " 0" : "");

        ret = create_extent(name, n, p, err);
        free(name);
        free(*lines);
        *lines = more;
        off += n;
    }
    return ret;
}

static int parse_plan(const BlockOpts *opts, Plan *p, Error *err)
{
    static const struct { const char *name; bool flat, split, packed; } types[] = {
        { "monolithicSparse", false, false, false },
        { "monolithicFlat", true, false, false },
        { "twoGbMaxExtentSparse", false, true, false },
        { "twoGbMaxExtentFlat", true, true, false },
        { "streamOptimized", false, false, true },
    };
    const char *type = opts_get(opts, "subformat"), *fmt = opts_get(opts, "backing_fmt");

    p->backing = opts_get(opts, "backing_file");
    p->parent_cid = VMDK_NO_CID;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (!type || !strcmp(type, types[i].name)) {
            p->type = types[i].name;
            p->flat = types[i].flat;
            p->split = types[i].split;
            p->packed = types[i].packed;
            break;
        }
    }
    if (!p->type) {
        return error_set(err, EINVAL, "subformat=%s: use monolithicSparse, monolithicFlat,"
                         " twoGbMaxExtentSparse, twoGbMaxExtentFlat or streamOptimized", type);
    }
    if (p->backing && (p->flat || p->packed)) {
        return error_set(err, ENOTSUP, "subformat=%s: such images cannot have a backing file",
                         p->type);
    }
    if (p->backing && fmt && strcmp(fmt, "vmdk")) {
        return error_set(err, EINVAL, "backing_fmt=%s: the backing file of a vmdk image is a"
                         " vmdk image", fmt);
    }
    int ret = opts_get_bool(opts, "zeroed_grain", &p->zero_flag, err);

    p->zero_flag = p->zero_flag && !p->packed;
    return ret;
}

static int read_parent_cid(const char *filename, Plan *p, Error *err)
{
    BlockDriverState *bs;
    char *path;

    if (!p->backing) {
        return 0;
    }
    bs = bdrv_new(NULL);
    path = bdrv_path_beside(filename, p->backing);
    int ret = bdrv_open(bs, path, "vmdk", 0, NULL, err);

    if (ret >= 0) {
        p->parent_cid = vmdk_cid(bs);
    } else {
        error_prefix(err, ret, "backing file of %s", filename);
    }
    bdrv_delete(bs);
    free(path);
    return ret;
}

static int fill_text(const BlockOpts *opts, const Plan *p, VmdkText *t, Error *err)
{
    static const char *const adapters[] = { "ide", "lsilogic", "buslogic", "legacyESX" };
    const char *adapter = opts_get(opts, "adapter_type");
    const char *hw = opts_get(opts, "hwversion"), *tools = opts_get(opts, "toolsversion");
    bool compat6 = false, known = !adapter;
    int ret = opts_get_bool(opts, "compat6", &compat6, err);

    for (size_t i = 0; adapter && i < ARRAY_SIZE(adapters); i++) {
        known |= !strcmp(adapter, adapters[i]);
    }
    if (ret < 0 || !known) {
        return ret < 0 ? ret : error_set(err, EINVAL, "adapter_type=%s: use ide, lsilogic,"
                                         " buslogic or legacyESX", adapter);
    }
    if (hw && compat6) {
        return error_set(err, EINVAL, "compat6 and hwversion: give one of them");
    }
    t->type = p->type;
    t->parent = p->backing;
    t->parent_cid = p->parent_cid;
    t->adapter = adapter ? adapter : "ide";
    t->hwversion = hw ? hw : compat6 ? "6" : "4";
    t->toolsversion = tools ? tools : "2147483647";
    if (getrandom(&t->cid, sizeof(t->cid), 0) != sizeof(t->cid) || t->cid == VMDK_NO_CID) {
        t->cid = 0x1234;
    }
    return 0;
}

/* Into the sparse extent, or as a file of its own. */
static int place_text(const char *filename, const Plan *p, const char *text, Error *err)
{
    BlockDriverState *file, *bs = NULL;
    size_t len = strlen(text);
    int ret;

    if (p->flat || p->split) {
        ret = bdrv_create_node(filename, 0, NULL, &file, err);
    } else if (len > TEXT_ROOM) {
        return error_set(err, ENAMETOOLONG, "%s: the descriptor is longer than %d bytes: use"
                         " shorter names", filename, TEXT_ROOM);
    } else {
        bs = bdrv_new(NULL);
        ret = bdrv_open(bs, filename, "raw", BDRV_O_RDWR, NULL, err);
        file = bs->file;
    }
    if (ret >= 0) {
        ret = bdrv_pwrite_sync(file, bs ? TEXT_AT : 0, text, len);
        cannot_write(filename, ret, err);
        bs ? (void)0 : bdrv_delete_child(file);
    }
    bdrv_delete(bs);
    return ret;
}

/* Grains are found with 32 bits of sectors, extents by VMDK_MAX_EXTENTS lines. */
static uint64_t largest(const Plan *p)
{
    return p->split ? VMDK_MAX_EXTENTS * SPLIT : p->flat ? 1ull << 44 : (2ull << 40) - (1 << 30);
}

int vmdk_create(const char *filename, uint64_t size, const BlockOpts *opts, Error *err)
{
    Plan p = { 0 };
    VmdkText t = { .size = align_up(size, SECTOR) };
    char *lines = NULL;
    int ret = parse_plan(opts, &p, err);

    if (ret >= 0 && size == 0) {
        return error_set(err, EINVAL, "%s: a vmdk image has at least one sector", filename);
    }
    if (ret >= 0 && size > largest(&p)) {
        return error_set(err, EFBIG, "%s: too large for a vmdk image of subformat %s", filename,
                         p.type);
    }
    ret = ret < 0 ? ret : read_parent_cid(filename, &p, err);
    ret = ret < 0 ? ret : fill_text(opts, &p, &t, err);
    ret = ret < 0 ? ret : create_extents(filename, t.size, &p, &lines, err);
    if (ret >= 0) {
        t.lines = lines;
        char *text = vmdk_write_text(&t);

        ret = place_text(filename, &p, text, err);
        free(text);
    }
    free(lines);
    return ret;
}
