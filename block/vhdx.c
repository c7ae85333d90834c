/* SPDX-License-Identifier: MIT */
/*
 * vhdx: Microsoft virtual hard disks, version 2; dynamic and fixed.
 *
 *        0K  "vhdxfile", creator        64K, 128K  two headers
 *      192K, 256K  two region tables     1M ..  regions and blocks, whole MiB
 *
 *      header, 4096 bytes
 *        0 "head"   4 CRC-32C   8 u64 sequence number: the higher counts
 *       16 GUID of the file's contents  32 of the data  48 of the log, 0: empty
 *       64 u16 log version 0   66 u16 version 1   68 u32 and 72 u64: the log
 *      region table, 64 KiB
 *        0 "regi"   4 CRC-32C   8 u32 entries   16 entries of 32 bytes:
 *          GUID, u64 offset, u32 length, u32 required
 *      metadata region
 *        0 "metadata"  10 u16 entries  32 entries of 32 bytes:
 *          GUID, u32 offset, u32 length, u32 flags: 2 required
 *        file parameters: u32 block size, u32 flags: 0 fixed, 1 has a parent;
 *        disk size u64; sector sizes u32; disk ID
 *      block allocation table
 *        u64 per block, after each `ratio` of them one for a sector bitmap
 *        bits 2:0   0 not present, 1 undefined, 2 zero, 3 unmapped, 6 present
 *        bits 63:20 MiB in the file
 *      ratio = 2^23 * sector size / block size
 *
 * All little-endian.  ([MS-VHDX].)
 *
 * Order: data, flush, log entry, flush, table, flush.  Before anything is
 * changed the header gets new GUIDs; it names the log from the first entry in it
 * until the image is closed.  An image with a log is replayed when opened, in
 * memory if it is read-only.
 *
 * Not modelled: differencing images, resizing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "block/clusters.h"
#include "block/vhdx-log.h"
#include "util/bits.h"
#include "util/mem.h"

enum {
    MIB = 1 << 20, HEADER = 4096, REGIONS_AT = 192 << 10, REGIONS = 64 << 10,
    MAX_REGIONS = 2047, MAX_ITEMS = 2047, MAX_BLOCK = 256 << 20,
    NOT_PRESENT = 0, UNDEFINED = 1, ZERO = 2, UNMAPPED = 3, PRESENT = 6,
    FLAG_FIXED = 1, FLAG_PARENT = 2, ITEM_REQUIRED = 4,
    ITEMS_AT = 64 << 10, MAX_REPLAY = 1 << 20, MAX_ZERO = 1 << 30,
};

#define MAX_DISK        (64ull << 40)

static const uint32_t header_at[2] = { 64 << 10, 128 << 10 };

/* Bytes as in the file. */
static const uint8_t guid_bat[16] = {
    0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42,
    0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08,
};
static const uint8_t guid_metadata[16] = {
    0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
    0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e,
};

/* The parent locator: of differencing images, which are refused as such. */
static const uint8_t guid_locator[16] = {
    0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45,
    0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c,
};

enum { PARAMETERS, DISK_SIZE, DISK_ID, LOGICAL, PHYSICAL, NUM_ITEMS };

static const struct { uint8_t guid[16]; uint32_t len, at, flags; } items[NUM_ITEMS] = {
    { { 0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d,
        0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b }, 8, 0, 4 },
    { { 0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48,
        0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8 }, 8, 8, 6 },
    { { 0xab, 0x12, 0xca, 0xbe, 0xe6, 0xb2, 0x23, 0x45,
        0x93, 0xef, 0xc3, 0x09, 0xe0, 0x00, 0xc7, 0x46 }, 16, 16, 6 },
    { { 0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47,
        0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f }, 4, 32, 6 },
    { { 0xc7, 0x48, 0xa3, 0xcd, 0x5d, 0x44, 0x71, 0x44,
        0x9c, 0xc9, 0xe9, 0x88, 0x52, 0x51, 0xc5, 0x56 }, 4, 36, 6 },
};

typedef struct Region { uint64_t at, len; } Region;

typedef struct Vhdx {
    ClusterMap map;
    VhdxLog log;
    uint8_t header[HEADER];             /* the present one */
    int which;                          /* of the two */
    Region bat, metadata;
    uint64_t ratio, end;                /* end: of what is used in the file */
    uint64_t reach;                     /* of the file, as its log says; or 0 */
    bool fixed, replayed;
    bool changed;                       /* the header has new GUIDs */
    bool log_named;                     /* the header names the log */
    CoMutex header_lock;
} Vhdx;

static const BlockOptDef create_opts[] = {
    { "block_size", "bytes of a block, 1M to 256M; 0: by the size of the disk" },
    { "block_state_zero", "new blocks are zero, not absent (on/off)" },
    { "log_size", "bytes of the log, whole MiB" },
    { "subformat", "dynamic (default) or fixed" },
    { NULL, NULL }
};

static int vhdx_probe(const uint8_t *head, size_t len, const char *filename)
{
    (void)filename;
    return len >= 8 && memcmp(head, "vhdxfile", 8) == 0 ? 100 : 0;
}

static void new_guid(uint8_t *g)
{
    if (getrandom(g, 16, 0) == 16) {    /* RFC 4122 version 4, Microsoft's order */
        g[7] = (g[7] & 0x0f) | 0x40;
        g[8] = (g[8] & 0x3f) | 0x80;
    }
}

static void sum(uint8_t *p, size_t len)
{
    memset(p + 4, 0, 4);
    store_le(p + 4, vhdx_crc32c(0, p, len), 4);
}

static bool sum_is_right(const uint8_t *p, size_t len)
{
    static const uint8_t zeroes[4];
    uint32_t crc = vhdx_crc32c(0, p, 4);

    crc = vhdx_crc32c(crc, zeroes, 4);
    return vhdx_crc32c(crc, p + 8, len - 8) == load_le(p + 4, 4);
}

/* -- Changing the header ----------------------------------------------------- */

/* The one that does not count is written, and counts from then on. */
static int write_header(Vhdx *s)
{
    int other = !s->which;
    int ret;

    store_le(s->header + 8, load_le(s->header + 8, 8) + 1, 8);
    sum(s->header, HEADER);
    ret = bdrv_pwrite(s->map.file, header_at[other], s->header, HEADER);
    ret = ret < 0 ? ret : bdrv_flush(s->map.file);
    s->which = ret < 0 ? s->which : other;
    return ret;
}

/* [MS-VHDX] 2.2.2: FileWriteGuid changes before the file does. */
static int before_writing(Vhdx *s)
{
    int ret = 0;

    if (s->changed) {
        return 0;
    }
    co_mutex_lock(&s->header_lock);
    if (!s->changed) {
        new_guid(s->header + 16);
        new_guid(s->header + 32);
        ret = write_header(s);
        s->changed = ret >= 0;
    }
    co_mutex_unlock(&s->header_lock);
    return ret;
}

static int journal(void *opaque, const TablePage *pages, int num)
{
    Vhdx *s = opaque;
    /* A reader's changes are those of the old log: too many to stay in memory. */
    int ret = s->map.bs->read_only ? -EROFS : vhdx_log_write(&s->log, pages, num);

    if (ret >= 0 && !s->log_named) {
        co_mutex_lock(&s->header_lock);
        memcpy(s->header + 48, s->log.guid, 16);
        ret = write_header(s);
        s->log_named = ret >= 0;
        co_mutex_unlock(&s->header_lock);
    }
    return ret;
}

/* -- The table --------------------------------------------------------------- */

static uint64_t entry_at(const Vhdx *s, uint64_t n)
{
    return s->bat.at + (n + n / s->ratio) * 8;
}

/* Up to `reach` a reader, who cannot make the file longer, finds zeroes. */
static uint64_t file_end(const Vhdx *s)
{
    return MAX(s->map.file->length, s->reach);
}

static bool overlap(uint64_t at, uint64_t len, Region r)
{
    return at < r.at + r.len && r.at < at + len;
}

static int lookup(ClusterMap *m, uint64_t n, uint64_t *host)
{
    const Vhdx *s = m->opaque;
    uint8_t buf[8];
    int ret = tables_read(m->tables, entry_at(s, n), buf, 8);
    uint64_t entry = load_le(buf, 8);

    if (ret < 0) {
        return ret;
    }
    *host = entry & ~((uint64_t)MIB - 1);
    switch (entry & 7) {
    case NOT_PRESENT:
    case UNDEFINED:
    case UNMAPPED:
        *host = 0;
        return CLUSTER_HOLE;
    case ZERO:
        return CLUSTER_ZERO;
    case PRESENT:
        if (*host >= MIB && *host < file_end(s) &&
            !overlap(*host, m->size, s->bat) && !overlap(*host, m->size, s->metadata) &&
            !overlap(*host, m->size, (Region){ s->log.at, s->log.length })) {
            return CLUSTER_DATA;
        }
    }
    return -EIO;
}

static int64_t allocate(ClusterMap *m, uint64_t first, uint64_t num, uint64_t *host,
                        bool *zeroed)
{
    Vhdx *s = m->opaque;

    (void)first;
    *host = align_up(MAX(s->end, (uint64_t)MIB), MIB);
    *zeroed = *host >= m->file->length;
    s->end = *host + num * m->size;
    return (int64_t)num;
}

static int set_state(ClusterMap *m, uint64_t n, uint64_t host, unsigned state)
{
    uint8_t buf[8];

    store_le(buf, host | state, 8);
    return tables_write(m->tables, entry_at(m->opaque, n), buf, 8);
}

static int enter(ClusterMap *m, uint64_t first, uint64_t num, uint64_t host)
{
    int ret = 0;

    for (uint64_t i = 0; i < num && ret >= 0; i++) {
        ret = set_state(m, first + i, host + i * m->size, PRESENT);
    }
    return ret;
}

static const ClusterOps vhdx_clusters = {
    .lookup = lookup, .allocate = allocate, .enter = enter,
};

/* -- Opening ----------------------------------------------------------------- */

static int cannot_read(BlockDriverState *bs, int ret, Error *err)
{
    return ret < 0 ? error_set(err, -ret, "%s: cannot be read: %s", bs->filename,
                               strerror(-ret)) : 0;
}

static int read_headers(BlockDriverState *bs, Vhdx *s, Error *err)
{
    uint8_t h[2][HEADER] = { { 0 } };
    bool good[2] = { false };
    int ret = 0;

    for (int i = 0; i < 2; i++) {
        if (bs->file->length >= header_at[i] + HEADER && ret >= 0) {
            ret = bdrv_pread(bs->file, header_at[i], h[i], HEADER);
            good[i] = ret >= 0 && !memcmp(h[i], "head", 4) && sum_is_right(h[i], HEADER);
        }
    }
    if (ret < 0) {
        return cannot_read(bs, ret, err);
    }
    if (!good[0] && !good[1]) {
        return error_set(err, EINVAL, "%s: damaged vhdx image: neither header has the right"
                         " checksum", bs->filename);
    }
    s->which = !good[0] || (good[1] && load_le(h[1] + 8, 8) > load_le(h[0] + 8, 8));
    memcpy(s->header, h[s->which], HEADER);
    if (load_le(s->header + 66, 2) != 1 || load_le(s->header + 64, 2) != 0) {
        return error_set(err, ENOTSUP, "%s: vhdx version %u, log version %u; only 1 and 0 can be"
                         " read", bs->filename, (unsigned)load_le(s->header + 66, 2),
                         (unsigned)load_le(s->header + 64, 2));
    }
    return 0;
}

static bool region_is_good(const Vhdx *s, Region r)
{
    return r.at >= MIB && r.at % MIB == 0 && r.len && r.len % MIB == 0 &&
           r.at <= file_end(s) && r.len <= file_end(s) - r.at;
}

static int page_to_file(void *opaque, uint64_t off, const uint8_t *data, uint64_t len)
{
    const Vhdx *s = opaque;
    uint64_t end = MIN(off + len, s->map.file->length);

    if (data) {
        return bdrv_pwrite(s->map.file, off, data, len);
    }
    if (off >= end) {
        return 0;                       /* finish_replay() makes the file longer */
    }
    return end - off > MAX_ZERO ? -EINVAL : blk_write_zeroes(s->map.file, off, end - off);
}

static int page_to_memory(void *opaque, uint64_t off, const uint8_t *data, uint64_t len)
{
    static const uint8_t zeroes[HEADER];
    Vhdx *s = opaque;
    int ret = len > MAX_REPLAY ? -EROFS : 0;

    for (; len && ret >= 0; off += HEADER, len -= HEADER) {
        ret = tables_write(s->map.tables, off, data ? data : zeroes, HEADER);
    }
    return ret;
}

static int finish_replay(BlockDriverState *bs, Vhdx *s)
{
    int ret = 0;

    if (s->reach > bs->file->length && bs->file->growable) {
        ret = bdrv_truncate(bs->file, s->reach, NULL);
    }
    ret = ret < 0 ? ret : bdrv_flush(bs->file);
    memset(s->header + 48, 0, 16);
    return ret < 0 ? ret : write_header(s);
}

static int replay_log(BlockDriverState *bs, Vhdx *s, Error *err)
{
    Region r = { load_le(s->header + 72, 8), load_le(s->header + 68, 4) };

    if (!region_is_good(s, r)) {
        return error_set(err, EINVAL, "%s: damaged vhdx header: a log of %llu bytes at %llu",
                         bs->filename, (unsigned long long)r.len, (unsigned long long)r.at);
    }
    s->log = (VhdxLog){ .file = bs->file, .at = r.at, .length = (uint32_t)r.len };
    memcpy(s->log.guid, s->header + 48, 16);
    if (!buf_is_zero(s->log.guid, 16)) {
        int ret = vhdx_log_replay(&s->log, bs->read_only ? page_to_memory : page_to_file, s,
                                  &s->reach, err);

        if (ret < 0) {
            return ret != -EROFS ? ret :
                   error_set(err, EROFS, "%s: the vhdx log is too long to be replayed in memory:"
                             " open the image for writing once (qemu-img check -r all)",
                             bs->filename);
        }
        s->replayed = ret > 0;
        if (!bs->read_only && (ret = finish_replay(bs, s)) < 0) {
            return error_set(err, -ret, "%s: the vhdx log cannot be replayed: %s", bs->filename,
                             strerror(-ret));
        }
    }
    new_guid(s->log.guid);
    return 0;
}

static int take_region(BlockDriverState *bs, Vhdx *s, const uint8_t *e, Error *err)
{
    Region r = { load_le(e + 16, 8), load_le(e + 24, 4) };
    Region *into = !memcmp(e, guid_bat, 16) ? &s->bat
                 : !memcmp(e, guid_metadata, 16) ? &s->metadata : NULL;

    if (!into) {
        return load_le(e + 28, 4) & 1 ?
               error_set(err, ENOTSUP, "%s: a vhdx image with a required region of unknown kind"
                         " %08x", bs->filename, (unsigned)load_le(e, 4)) : 0;
    }
    if (!region_is_good(s, r) || into->len) {
        return error_set(err, EINVAL, "%s: damaged vhdx region table: a region of %llu bytes at"
                         " %llu", bs->filename, (unsigned long long)r.len,
                         (unsigned long long)r.at);
    }
    *into = r;
    return 0;
}

static int read_regions(BlockDriverState *bs, Vhdx *s, Error *err)
{
    uint8_t *t = xzalloc(REGIONS);
    int ret = tables_read(s->map.tables, REGIONS_AT, t, REGIONS);
    uint64_t num;

    if (ret >= 0 && (memcmp(t, "regi", 4) || !sum_is_right(t, REGIONS))) {
        ret = tables_read(s->map.tables, REGIONS_AT + REGIONS, t, REGIONS);
    }
    cannot_read(bs, ret, err);
    num = load_le(t + 8, 4);
    if (ret >= 0 && (memcmp(t, "regi", 4) || !sum_is_right(t, REGIONS) || num > MAX_REGIONS)) {
        ret = error_set(err, EINVAL, "%s: damaged vhdx image: neither region table has the right"
                        " checksum", bs->filename);
    }
    for (uint64_t i = 0; i < num && ret >= 0; i++) {
        ret = take_region(bs, s, t + 16 + 32 * i, err);
    }
    free(t);
    if (ret >= 0 && (!s->bat.len || !s->metadata.len)) {
        ret = error_set(err, EINVAL, "%s: damaged vhdx region table: no %s", bs->filename,
                        s->bat.len ? "metadata" : "block allocation table");
    }
    if (ret >= 0 && (overlap(s->bat.at, s->bat.len, s->metadata) ||
                     overlap(s->log.at, s->log.length, s->metadata) ||
                     overlap(s->log.at, s->log.length, s->bat))) {
        ret = error_set(err, EINVAL, "%s: damaged vhdx region table: regions overlap",
                        bs->filename);
    }
    return ret;
}

static int take_item(BlockDriverState *bs, Vhdx *s, const uint8_t *e, uint8_t value[][16],
                     Error *err)
{
    uint64_t at = load_le(e + 16, 4), len = load_le(e + 20, 4);

    for (int i = 0; i < NUM_ITEMS; i++) {
        if (memcmp(e, items[i].guid, 16)) {
            continue;
        }
        if (len < items[i].len || at > s->metadata.len || len > s->metadata.len - at) {
            return error_set(err, EINVAL, "%s: damaged vhdx metadata: an item of %llu bytes at"
                             " %llu", bs->filename, (unsigned long long)len,
                             (unsigned long long)at);
        }
        return cannot_read(bs, tables_read(s->map.tables, s->metadata.at + at, value[i],
                                           items[i].len), err);
    }
    return load_le(e + 24, 4) & ITEM_REQUIRED && memcmp(e, guid_locator, 16) ?
           error_set(err, ENOTSUP, "%s: a vhdx image with a required metadata item of unknown"
                     " kind %08x", bs->filename, (unsigned)load_le(e, 4)) : 0;
}

static int check_items(BlockDriverState *bs, Vhdx *s, uint8_t value[][16], Error *err)
{
    uint64_t block = load_le(value[PARAMETERS], 4), flags = load_le(value[PARAMETERS] + 4, 4);
    uint64_t size = load_le(value[DISK_SIZE], 8), sector = load_le(value[LOGICAL], 4);
    const char *f = bs->filename;

    if (flags & FLAG_PARENT) {
        return error_set(err, ENOTSUP, "%s: a differencing vhdx image, which cannot be read:"
                         " merge it with its parent in Hyper-V", f);
    }
    if (!is_pow2(block) || block < MIB || block > MAX_BLOCK ||
        (sector != 512 && sector != 4096)) {
        return error_set(err, EINVAL, "%s: damaged vhdx metadata: blocks of %llu bytes, sectors"
                         " of %llu", f, (unsigned long long)block, (unsigned long long)sector);
    }
    if (size > MAX_DISK || size % sector) {
        return error_set(err, EINVAL, "%s: damaged vhdx metadata: a disk of %llu bytes", f,
                         (unsigned long long)size);
    }
    s->ratio = (sector << 23) / block;
    uint64_t blocks = (size + block - 1) / block;

    if (blocks && (blocks + (blocks - 1) / s->ratio) * 8 > s->bat.len) {
        return error_set(err, EINVAL, "%s: damaged vhdx image: a block allocation table of %llu"
                         " bytes for %llu blocks", f, (unsigned long long)s->bat.len,
                         (unsigned long long)blocks);
    }
    s->fixed = flags & FLAG_FIXED;
    s->map.size = (uint32_t)block;
    s->map.length = bs->length = size;
    return 0;
}

static int read_metadata(BlockDriverState *bs, Vhdx *s, Error *err)
{
    uint8_t h[32], e[32], value[NUM_ITEMS][16] = { { 0 } };
    int ret = tables_read(s->map.tables, s->metadata.at, h, sizeof(h));

    if (ret < 0) {
        return cannot_read(bs, ret, err);
    }
    uint64_t num = load_le(h + 10, 2);

    if (memcmp(h, "metadata", 8) || num > MAX_ITEMS) {
        return error_set(err, EINVAL, "%s: damaged vhdx metadata: wrong signature",
                         bs->filename);
    }
    for (uint64_t i = 0; i < num && ret >= 0; i++) {
        ret = cannot_read(bs, tables_read(s->map.tables, s->metadata.at + 32 + 32 * i, e,
                                          sizeof(e)), err);
        ret = ret < 0 ? ret : take_item(bs, s, e, value, err);
    }
    return ret < 0 ? ret : check_items(bs, s, value, err);
}

static int vhdx_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    Vhdx *s = bs->opaque;
    uint8_t id[8] = { 0 };
    int ret = bdrv_pread(bs->file, 0, id, MIN(bs->file->length, sizeof(id)));

    (void)opts;
    if (ret < 0) {
        return cannot_read(bs, ret, err);
    }
    if (memcmp(id, "vhdxfile", 8)) {
        return error_set(err, EINVAL, "%s: not a vhdx image", bs->filename);
    }
    s->map = (ClusterMap){ .ops = &vhdx_clusters, .bs = bs, .file = bs->file, .opaque = s,
                           .has_offset = true };
    s->map.tables = tables_new(bs->file, journal, s, VHDX_MAX_BATCH);
    ret = read_headers(bs, s, err);
    ret = ret < 0 ? ret : replay_log(bs, s, err);
    ret = ret < 0 ? ret : read_regions(bs, s, err);
    ret = ret < 0 ? ret : read_metadata(bs, s, err);
    s->end = align_up(bs->file->length, MIB);
    if (ret < 0) {
        clusters_free(&s->map);
    }
    return ret;
}

static void vhdx_close(BlockDriverState *bs)
{
    Vhdx *s = bs->opaque;

    if (s->log_named && tables_clean(s->map.tables) && bdrv_flush(bs->file) >= 0) {
        memset(s->header + 48, 0, 16);
        write_header(s);
    }
    clusters_free(&s->map);
}

/* -- Requests ---------------------------------------------------------------- */

static int vhdx_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                        const QEMUIOVector *qiov, size_t at)
{
    Vhdx *s = bs->opaque;
    int ret = before_writing(s);

    return ret < 0 ? ret : clusters_pwritev(&s->map, off, len, qiov, at);
}

static int vhdx_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len, int flags)
{
    Vhdx *s = bs->opaque;
    int ret = before_writing(s);

    return ret < 0 ? ret : clusters_write_zeroes(&s->map, off, len, flags);
}

static int vhdx_discard(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    Vhdx *s = bs->opaque;
    int ret = before_writing(s);

    return ret < 0 ? ret : clusters_discard(&s->map, off, len);
}

static int vhdx_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                             uint64_t *num, uint64_t *map)
{
    Vhdx *s = bs->opaque;
    int ret = clusters_status(&s->map, off, len, num, map);

    /* A fixed image is full of blocks nobody wrote: the file knows. */
    if (ret >= 0 && s->fixed && (ret & BDRV_BLOCK_DATA)) {
        uint64_t there;
        int sub = bdrv_co_block_status(bs->file, *map, *num, &there, NULL);

        if (sub >= 0 && there) {
            *num = there;
            ret |= sub & BDRV_BLOCK_ZERO;
            ret &= sub & BDRV_BLOCK_ZERO ? ~BDRV_BLOCK_DATA : ~0;
        }
    }
    return ret;
}

static int vhdx_info(BlockDriverState *bs, BlockInfo *info)
{
    const Vhdx *s = bs->opaque;

    info->cluster_size = s->map.size;
    info->dirty = s->replayed && bs->read_only;
    return 0;
}

static int vhdx_check(BlockDriverState *bs, BlockCheck *res, int fix, Error *err)
{
    Vhdx *s = bs->opaque;
    uint64_t leaks = res->leaks;
    int ret = clusters_check(&s->map, MIB, s->map.size, res, err);

    (void)fix;
    res->leaks = leaks;                 /* room between blocks is nobody's */
    return ret;
}

/* -- Creating ---------------------------------------------------------------- */

typedef struct Plan {
    uint64_t size, block, log, bat_at, bat_len, blocks, ratio, data_at;
    bool fixed, zero;
} Plan;

static uint64_t default_block(uint64_t size)
{
    return size > 32ull << 40 ? 64 * MIB : size > 100ull << 30 ? 32 * MIB
         : size > 1ull << 30 ? 16 * MIB : 8 * MIB;
}

static int parse_plan(const BlockOpts *opts, uint64_t size, Plan *p, Error *err)
{
    const char *sub = opts_get(opts, "subformat");
    int ret = opts_get_size(opts, "block_size", &p->block, err);

    ret = ret < 0 ? ret : opts_get_size(opts, "log_size", &p->log, err);
    ret = ret < 0 ? ret : opts_get_bool(opts, "block_state_zero", &p->zero, err);
    if (ret < 0) {
        return ret;
    }
    if (sub && strcmp(sub, "dynamic") && strcmp(sub, "fixed")) {
        return error_set(err, EINVAL, "subformat=%s: use dynamic or fixed", sub);
    }
    p->fixed = sub && !strcmp(sub, "fixed");
    p->size = align_up(size, BDRV_SECTOR_SIZE);
    p->block = p->block ? p->block : default_block(size);
    if (!is_pow2(p->block) || p->block < MIB || p->block > MAX_BLOCK) {
        return error_set(err, EINVAL, "block_size=%llu: use a power of two from 1M to 256M",
                         (unsigned long long)p->block);
    }
    if (p->log < MIB || p->log % MIB || p->log > 64 * MIB) {
        return error_set(err, EINVAL, "log_size=%llu: use whole MiB from 1M to 64M",
                         (unsigned long long)p->log);
    }
    if (size > MAX_DISK) {
        return error_set(err, EFBIG, "a vhdx image holds at most 64T");
    }
    p->ratio = (512ull << 23) / p->block;
    p->blocks = (p->size + p->block - 1) / p->block;
    uint64_t entries = p->blocks ? p->blocks + (p->blocks - 1) / p->ratio : 1;

    p->bat_at = 2 * MIB + p->log;       /* behind the log and the metadata */
    p->bat_len = align_up(entries * 8, MIB);
    p->data_at = p->bat_at + p->bat_len;
    return 0;
}

static void make_region(uint8_t *e, const uint8_t *guid, uint64_t at, uint64_t len)
{
    memcpy(e, guid, 16);
    store_le(e + 16, at, 8);
    store_le(e + 24, len, 4);
    store_le(e + 28, 1, 4);
}

static int write_heads(BlockDriverState *file, const Plan *p)
{
    static const char creator[] = "qemu";
    uint8_t id[HEADER] = "vhdxfile", h[HEADER] = { 0 }, *t = xzalloc(REGIONS);
    int ret;

    for (size_t i = 0; creator[i]; i++) {
        store_le(id + 8 + 2 * i, (uint8_t)creator[i], 2);
    }
    ret = bdrv_pwrite(file, 0, id, sizeof(id));
    memcpy(h, "head", 4);
    new_guid(h + 16);
    new_guid(h + 32);
    store_le(h + 66, 1, 2);
    store_le(h + 68, p->log, 4);
    store_le(h + 72, MIB, 8);
    memcpy(t, "regi", 4);
    store_le(t + 8, 2, 4);
    make_region(t + 16, guid_bat, p->bat_at, p->bat_len);
    make_region(t + 48, guid_metadata, MIB + p->log, MIB);
    sum(t, REGIONS);
    for (unsigned i = 0; i < 2 && ret >= 0; i++) {
        store_le(h + 8, i + 1, 8);
        sum(h, HEADER);
        ret = bdrv_pwrite(file, header_at[i], h, HEADER);
        ret = ret < 0 ? ret : bdrv_pwrite(file, REGIONS_AT + i * REGIONS, t, REGIONS);
    }
    free(t);
    return ret;
}

static int write_metadata(BlockDriverState *file, const Plan *p)
{
    uint8_t t[32 + 32 * NUM_ITEMS] = "metadata", v[40] = { 0 };
    uint64_t at = MIB + p->log;

    store_le(t + 10, NUM_ITEMS, 2);
    for (int i = 0; i < NUM_ITEMS; i++) {
        uint8_t *e = t + 32 + 32 * i;

        memcpy(e, items[i].guid, 16);
        store_le(e + 16, ITEMS_AT + items[i].at, 4);
        store_le(e + 20, items[i].len, 4);
        store_le(e + 24, items[i].flags, 4);
    }
    store_le(v + items[PARAMETERS].at, p->block, 4);
    store_le(v + items[PARAMETERS].at + 4, p->fixed ? FLAG_FIXED : 0, 4);
    store_le(v + items[DISK_SIZE].at, p->size, 8);
    new_guid(v + items[DISK_ID].at);
    store_le(v + items[LOGICAL].at, 512, 4);
    store_le(v + items[PHYSICAL].at, 512, 4);
    int ret = bdrv_pwrite(file, at, t, sizeof(t));

    return ret < 0 ? ret : bdrv_pwrite(file, at + ITEMS_AT, v, sizeof(v));
}

static int write_table(BlockDriverState *file, const Plan *p)
{
    uint8_t buf[HEADER];
    uint64_t end = p->bat_at + p->bat_len, n = 0, i = 0;
    int ret = 0;

    for (uint64_t at = p->bat_at; at < end && n < p->blocks && ret >= 0; at += HEADER) {
        memset(buf, 0, sizeof(buf));
        for (size_t k = 0; k < HEADER; k += 8, i++) {
            if (i % (p->ratio + 1) == p->ratio || n == p->blocks) {
                continue;               /* of a sector bitmap: there is none */
            }
            store_le(buf + k, p->fixed ? (p->data_at + n * p->block) | PRESENT
                              : p->zero ? ZERO : NOT_PRESENT, 8);
            n++;
        }
        ret = bdrv_pwrite(file, at, buf, sizeof(buf));
    }
    return ret;
}

static int vhdx_create(const char *filename, uint64_t size, const BlockOpts *opts,
                       Error *err)
{
    Plan p = { .log = MIB, .zero = true };
    BlockDriverState *file;
    int ret = parse_plan(opts, size, &p, err);

    if (ret < 0) {
        return error_prefix(err, ret, "%s", filename);
    }
    ret = bdrv_create_node(filename, p.data_at + (p.fixed ? p.blocks * p.block : 0), NULL,
                           &file, err);
    if (ret < 0) {
        return ret;
    }
    ret = write_heads(file, &p);
    ret = ret < 0 ? ret : write_metadata(file, &p);
    ret = ret < 0 ? ret : write_table(file, &p);
    ret = ret < 0 ? ret : bdrv_flush(file);
    bdrv_delete_child(file);
    return ret < 0 ? error_set(err, -ret, "%s: cannot be written: %s", filename,
                               strerror(-ret)) : 0;
}

const BlockDriver bdrv_vhdx = {
    .name = "vhdx",
    .for_users = true,
    .state_size = sizeof(Vhdx),
    .create_opts = create_opts,
    .probe = vhdx_probe,
    .open = vhdx_open,
    .close = vhdx_close,
    .create = vhdx_create,
    .co_preadv = clusters_co_preadv,
    .co_pwritev = vhdx_pwritev,
    .co_write_zeroes = vhdx_write_zeroes,
    .co_discard = vhdx_discard,
    .co_flush_to_os = clusters_co_flush,
    .co_block_status = vhdx_block_status,
    .info = vhdx_info,
    .check = vhdx_check,
};
