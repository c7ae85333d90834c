/* SPDX-License-Identifier: MIT */
/*
 * parallels: expandable disks of Parallels (.hdd, .hds), both kinds.
 *
 *       0  "WithoutFreeSpace" or "WithouFreSpacExt"
 *      16  u32 version 2    20 heads    24 cylinders
 *      28  u32 sectors of a cluster
 *      32  u32 entries of the table     36  u64 sectors of the disk (the first
 *                                           kind: 32 bits of it)
 *      44  u32 0x746f6e59 while someone has it open for writing
 *      48  u32 sector where the data starts; 0: behind the table
 *      52  u32 flags        56  u64 sector of the format extension, or 0
 *      64  table: u32 per cluster of the disk, 0 if not there; counts sectors
 *          (first kind) or clusters (second) of the file
 *
 * All little-endian.  (Parallels Expandable Image File Format, as published by
 * Parallels with the ploop and QEMU documentation.)
 *
 * Order: data, flush, table.  An image that was not closed is looked through
 * when it is opened for writing.
 *
 * Not modelled: writing images with a format extension (dirty bitmaps),
 * snapshots (DiskDescriptor.xml).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/clusters.h"
#include "util/bits.h"
#include "util/mem.h"

enum {
    HEADER = 64, SECTOR = 512, AT_IN_USE = 44,
    CLUSTER = 1 << 20, CHUNK = 8 << 10, MAX_CLUSTER = 64 << 20,
};

#define IN_USE          0x746f6e59u
#define MAX_SECTORS     (1ull << 54)

typedef struct Parallels {
    ClusterMap map;
    uint64_t unit;                      /* bytes an entry counts */
    uint64_t data_at, end;
    uint32_t entries;
    bool know_end, was_in_use, marked;
} Parallels;

static const BlockOptDef create_opts[] = {
    { "cluster_size", "bytes of a cluster, 1M if not given" },
    { NULL, NULL }
};

static int parallels_probe(const uint8_t *head, size_t len, const char *filename)
{
    (void)filename;
    return len >= HEADER && load_le(head + 16, 4) == 2 &&
           (!memcmp(head, "WithoutFreeSpace", 16) || !memcmp(head, "WithouFreSpacExt", 16))
           ? 100 : 0;
}

/* -- The table --------------------------------------------------------------- */

static int lookup(ClusterMap *m, uint64_t n, uint64_t *host)
{
    const Parallels *s = m->opaque;
    uint8_t entry[4];
    int ret = tables_read(m->tables, HEADER + n * 4, entry, 4);

    if (ret < 0) {
        return ret;
    }
    *host = load_le(entry, 4) * s->unit;
    if (*host == 0) {
        return CLUSTER_HOLE;
    }
    return *host >= s->data_at && *host < m->file->length ? CLUSTER_DATA : -EIO;
}

static int find_end(Parallels *s)
{
    uint8_t buf[CHUNK];
    int ret = tables_flush(s->map.tables);

    s->end = s->data_at;
    for (uint64_t i = 0; i < s->entries && ret >= 0; i += CHUNK / 4) {
        size_t n = MIN((s->entries - i) * 4, CHUNK);

        ret = bdrv_pread(s->map.file, HEADER + i * 4, buf, n);
        for (size_t k = 0; k < n && ret >= 0; k += 4) {
            uint64_t host = load_le(buf + k, 4) * s->unit;

            if (host >= s->data_at && host < s->map.file->length) {
                s->end = MAX(s->end, host + s->map.size);
            }
        }
    }
    s->end = (s->end + s->unit - 1) / s->unit * s->unit;
    s->know_end = ret >= 0;
    return ret;
}

static int64_t allocate(ClusterMap *m, uint64_t first, uint64_t num, uint64_t *host,
                        bool *zeroed)
{
    Parallels *s = m->opaque;
    int ret = s->know_end ? 0 : find_end(s);

    (void)first;
    if (ret < 0) {
        return ret;
    }
    if ((s->end + num * m->size) / s->unit > UINT32_MAX) {
        return -EFBIG;
    }
    *host = s->end;
    *zeroed = s->end >= m->file->length;
    s->end += num * m->size;
    return (int64_t)num;
}

static int enter(ClusterMap *m, uint64_t first, uint64_t num, uint64_t host)
{
    const Parallels *s = m->opaque;
    uint8_t entry[4];
    int ret = 0;

    for (uint64_t i = 0; i < num && ret >= 0; i++) {
        store_le(entry, (host + i * m->size) / s->unit, 4);
        ret = tables_write(m->tables, HEADER + (first + i) * 4, entry, 4);
    }
    return ret;
}

static const ClusterOps parallels_clusters = {
    .lookup = lookup, .allocate = allocate, .enter = enter,
};

/* -- Opening ----------------------------------------------------------------- */

static int read_header(BlockDriverState *bs, Parallels *s, const uint8_t *h, Error *err)
{
    bool ext = !memcmp(h, "WithouFreSpacExt", 16);
    uint64_t sectors = ext ? load_le(h + 36, 8) : load_le(h + 36, 4);
    uint64_t cluster = load_le(h + 28, 4) * SECTOR, table;
    const char *f = bs->filename;

    if (!ext && memcmp(h, "WithoutFreeSpace", 16)) {
        return error_set(err, EINVAL, "%s: not a parallels image", f);
    }
    if (load_le(h + 16, 4) != 2) {
        return error_set(err, ENOTSUP, "%s: parallels version %u, only 2 can be read", f,
                         (unsigned)load_le(h + 16, 4));
    }
    if (cluster == 0 || cluster > MAX_CLUSTER) {
        return error_set(err, EINVAL, "%s: damaged parallels header: clusters of %llu bytes",
                         f, (unsigned long long)cluster);
    }
    s->entries = (uint32_t)load_le(h + 32, 4);
    table = HEADER + (uint64_t)s->entries * 4;
    if (sectors > MAX_SECTORS || sectors * SECTOR > s->entries * cluster) {
        return error_set(err, EINVAL, "%s: damaged parallels header: %llu sectors in %u"
                         " clusters of %llu", f, (unsigned long long)sectors, s->entries,
                         (unsigned long long)cluster);
    }
    s->data_at = load_le(h + 48, 4) * SECTOR;
    s->data_at = s->data_at ? s->data_at : align_up(table, SECTOR);
    if (s->data_at < table || table > bs->file->length) {
        return error_set(err, EINVAL, "%s: damaged parallels header: a table of %u entries,"
                         " data at %llu, in a file of %llu bytes", f, s->entries,
                         (unsigned long long)s->data_at,
                         (unsigned long long)bs->file->length);
    }
    s->unit = ext ? cluster : SECTOR;
    s->was_in_use = load_le(h + AT_IN_USE, 4) == IN_USE;
    bs->length = sectors * SECTOR;
    s->map = (ClusterMap){ .ops = &parallels_clusters, .bs = bs, .file = bs->file,
                           .opaque = s, .length = bs->length, .size = (uint32_t)cluster,
                           .has_offset = true };
    return 0;
}

static int mark(BlockDriverState *bs, uint32_t in_use)
{
    uint8_t buf[4];

    store_le(buf, in_use, 4);
    return bdrv_pwrite_sync(bs->file, AT_IN_USE, buf, 4);
}

/* Whoever had it open did not close it: is it all right? */
static int look_through(BlockDriverState *bs, Parallels *s, Error *err)
{
    BlockCheck res = { 0 };
    int ret = clusters_check(&s->map, s->data_at, s->map.size, &res, err);

    if (ret >= 0 && res.corruptions) {
        ret = error_set(err, EUCLEAN, "%s: was not closed and is damaged (%llu clusters): use"
                        " readonly=on and copy it, or qemu-img check -r all", bs->filename,
                        (unsigned long long)res.corruptions);
    }
    return ret;
}

static int prepare_writing(BlockDriverState *bs, Parallels *s, const uint8_t *h, Error *err)
{
    int ret = 0;

    if (load_le(h + 56, 8)) {
        return error_set(err, ENOTSUP, "%s: a parallels image with a format extension (dirty"
                         " bitmaps) can only be read: use readonly=on", bs->filename);
    }
    if (s->was_in_use && !(bs->flags & BDRV_O_REPAIR)) {
        ret = look_through(bs, s, err);
    }
    if (ret >= 0) {
        ret = mark(bs, IN_USE);
        s->marked = ret >= 0;
        if (ret < 0) {
            error_set(err, -ret, "%s: cannot be written: %s", bs->filename, strerror(-ret));
        }
    }
    return ret;
}

static int parallels_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    Parallels *s = bs->opaque;
    uint8_t h[HEADER] = { 0 };
    int ret = bdrv_pread(bs->file, 0, h, MIN(bs->file->length, HEADER));

    (void)opts;
    if (ret < 0) {
        return error_set(err, -ret, "%s: cannot be read: %s", bs->filename, strerror(-ret));
    }
    ret = read_header(bs, s, h, err);
    if (ret < 0) {
        return ret;
    }
    s->map.tables = tables_new(bs->file, NULL, NULL, 64);
    if (!bs->read_only) {
        ret = prepare_writing(bs, s, h, err);
    }
    if (ret >= 0) {
        /* What was looked at has the old header in the same sector. */
        tables_free(s->map.tables);
        s->map.tables = tables_new(bs->file, NULL, NULL, 64);
    } else {
        clusters_free(&s->map);
    }
    return ret;
}

static void parallels_close(BlockDriverState *bs)
{
    Parallels *s = bs->opaque;

    if (s->marked && tables_clean(s->map.tables) && bdrv_flush(bs->file) >= 0) {
        mark(bs, 0);
    }
    clusters_free(&s->map);
}

static int parallels_info(BlockDriverState *bs, BlockInfo *info)
{
    const Parallels *s = bs->opaque;

    info->cluster_size = s->map.size;
    info->dirty = s->was_in_use;
    return 0;
}

/* Entries that lead nowhere: their clusters read as zeroes from now on. */
static int repair(Parallels *s, BlockCheck *res)
{
    static const uint8_t none[4];
    uint64_t host;
    int ret = 0;

    for (uint32_t i = 0; i < s->entries && ret >= 0; i++) {
        if (lookup(&s->map, i, &host) < 0) {
            ret = tables_write(s->map.tables, HEADER + i * 4ull, none, 4);
            res->corruptions_fixed++;
        }
    }
    return ret < 0 ? ret : tables_flush(s->map.tables);
}

static int parallels_check(BlockDriverState *bs, BlockCheck *res, int fix, Error *err)
{
    Parallels *s = bs->opaque;
    int ret = clusters_check(&s->map, s->data_at, s->map.size, res, err);

    if (ret >= 0 && (fix & BDRV_FIX_ERRORS) && res->corruptions) {
        ret = repair(s, res);
    }
    return ret;
}

/* -- Creating ---------------------------------------------------------------- */

static void make_header(uint8_t *h, uint64_t sectors, uint64_t cluster, uint32_t entries,
                        uint64_t data)
{
    memset(h, 0, HEADER);
    memcpy(h, "WithouFreSpacExt", 16);
    store_le(h + 16, 2, 4);
    store_le(h + 20, 16, 4);
    store_le(h + 24, MIN(sectors / (16 * 32), UINT32_MAX), 4);
    store_le(h + 28, cluster / SECTOR, 4);
    store_le(h + 32, entries, 4);
    store_le(h + 36, sectors, 8);
    store_le(h + 48, data / SECTOR, 4);
}

static int parallels_create(const char *filename, uint64_t size, const BlockOpts *opts,
                            Error *err)
{
    uint64_t cluster = CLUSTER;
    uint8_t h[HEADER];
    BlockDriverState *file;
    int ret = opts_get_size(opts, "cluster_size", &cluster, err);

    if (ret < 0) {
        return ret;
    }
    if (cluster % SECTOR || cluster == 0 || cluster > MAX_CLUSTER) {
        return error_set(err, EINVAL, "cluster_size=%llu: use a multiple of 512 up to 64M",
                         (unsigned long long)cluster);
    }
    size = align_up(size, SECTOR);
    uint64_t entries = (size + cluster - 1) / cluster;
    uint64_t data = (HEADER + entries * 4 + cluster - 1) / cluster * cluster;

    if (entries + data / cluster >= UINT32_MAX) {
        return error_set(err, EFBIG, "%s: more than 4294967295 clusters of %llu bytes: use a"
                         " larger cluster_size", filename, (unsigned long long)cluster);
    }
    make_header(h, size / SECTOR, cluster, (uint32_t)entries, data);
    ret = bdrv_create_node(filename, data, NULL, &file, err);
    if (ret < 0) {
        return ret;
    }
    ret = bdrv_pwrite_sync(file, 0, h, HEADER);
    bdrv_delete_child(file);
    return ret < 0 ? error_set(err, -ret, "%s: cannot be written: %s", filename,
                               strerror(-ret)) : 0;
}

const BlockDriver bdrv_parallels = {
    .name = "parallels",
    .for_users = true,
    .state_size = sizeof(Parallels),
    .create_opts = create_opts,
    .probe = parallels_probe,
    .open = parallels_open,
    .close = parallels_close,
    .create = parallels_create,
    .co_preadv = clusters_co_preadv,
    .co_pwritev = clusters_co_pwritev,
    .co_write_zeroes = clusters_co_write_zeroes,
    .co_discard = clusters_co_discard,
    .co_flush_to_os = clusters_co_flush,
    .co_block_status = clusters_co_status,
    .info = parallels_info,
    .check = parallels_check,
};
