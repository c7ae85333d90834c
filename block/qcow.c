/* SPDX-License-Identifier: MIT */
/*
 * qcow: copy on write, version 1.
 *
 *       0  "QFI\xfb"          4  u32 version 1
 *       8  u64 offset and  16  u32 length of the backing file's name
 *      20  u32 its modification time, or 0
 *      24  u64 bytes of the disk
 *      32  u8 cluster bits  33  u8 bits of an index into a level 2 table
 *      36  u32 encryption: 0 none, 1 AES
 *      40  u64 offset of the level 1 table
 *
 *      offset on the disk | level 1 index | level 2 index | in the cluster |
 *      level 1   u64: offset of a level 2 table, 0 not there
 *      level 2   u64: offset of a cluster, 0 not there; with bit 63 set:
 *                | 1 | length (cluster bits) | offset (63 - cluster bits) |
 *                of a cluster compressed with raw deflate, window of 4 KiB
 *
 * All big-endian.  (The QCOW Image Format, Mark McLoughlin, 2008.)
 *
 * Order: a new level 2 table is zeroes in the file before level 1 knows it; data,
 * flush, then entries of both levels.
 *
 * Not modelled: AES encryption.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "block/clusters.h"
#include "util/bits.h"
#include "util/mem.h"

enum { HEADER = 48, MAX_NAME = 1023, WINDOW_BITS = 12, CHUNK = 4096 };

#define MAGIC           0x514649fbu
#define COMPRESSED      (1ull << 63)

typedef struct Qcow {
    ClusterMap map;
    unsigned cluster_bits, l2_bits;
    uint64_t l1_at, l1_size;
    uint64_t end;                       /* of what is used in the file */
} Qcow;

static const BlockOptDef create_opts[] = {
    { "backing_file", "image that shows where this one has nothing" },
    { "backing_fmt", "its format; qcow cannot record it" },
    { "encryption", "only off" },
    { NULL, NULL }
};

static int qcow_probe(const uint8_t *head, size_t len, const char *filename)
{
    (void)filename;
    return len >= HEADER && load_be(head, 4) == MAGIC && load_be(head + 4, 4) == 1 ? 100 : 0;
}

/* -- Tables ------------------------------------------------------------------ */

static int read_entry(const Qcow *s, uint64_t off, uint64_t *value)
{
    uint8_t buf[8];
    int ret = tables_read(s->map.tables, off, buf, 8);

    *value = load_be(buf, 8);
    return ret;
}

static int write_entry(const Qcow *s, uint64_t off, uint64_t value)
{
    uint8_t buf[8];

    store_be(buf, value, 8);
    return tables_write(s->map.tables, off, buf, 8);
}

/* Offset of the level 2 entry of cluster n; 0 if there is no such table. */
static int find_entry(const Qcow *s, uint64_t n, uint64_t *at)
{
    uint64_t table;
    int ret = read_entry(s, s->l1_at + (n >> s->l2_bits) * 8, &table);

    if (ret < 0 || table == 0) {
        *at = 0;
        return ret;
    }
    if (table % 8 || table >= s->map.file->length ||
        s->map.file->length - table < 8ull << s->l2_bits) {
        return -EIO;
    }
    *at = table + (n & ((1ull << s->l2_bits) - 1)) * 8;
    return 0;
}

static int lookup(ClusterMap *m, uint64_t n, uint64_t *host)
{
    const Qcow *s = m->opaque;
    uint64_t at, entry = 0;
    int ret = find_entry(s, n, &at);

    if (ret >= 0 && at) {
        ret = read_entry(s, at, &entry);
    }
    if (ret < 0) {
        return ret;
    }
    *host = entry;
    if (entry == 0) {                   /* without a table: all it would hold */
        *host = at ? 0 : (1ull << s->l2_bits) - (n & ((1ull << s->l2_bits) - 1));
        return CLUSTER_HOLE;
    }
    if (entry & COMPRESSED) {
        return CLUSTER_PACKED;
    }
    return entry % BDRV_SECTOR_SIZE == 0 && entry < m->file->length ? CLUSTER_DATA : -EIO;
}

static uint64_t take_room(Qcow *s, uint64_t len, uint64_t align)
{
    uint64_t at = align_up(s->end, align);

    s->end = at + len;
    return at;
}

static int64_t allocate(ClusterMap *m, uint64_t first, uint64_t num, uint64_t *host,
                        bool *zeroed)
{
    (void)first;
    *host = take_room(m->opaque, num * m->size, m->size);
    *zeroed = *host >= m->file->length;
    return (int64_t)num;
}

static int set_entry(Qcow *s, uint64_t n, uint64_t value)
{
    uint64_t at;
    int ret = find_entry(s, n, &at);

    if (ret >= 0 && at == 0) {
        uint64_t table = take_room(s, 8ull << s->l2_bits, s->map.size);

        ret = tables_zero(s->map.tables, table, 8ull << s->l2_bits);
        if (ret >= 0) {
            ret = write_entry(s, s->l1_at + (n >> s->l2_bits) * 8, table);
        }
        at = table + (n & ((1ull << s->l2_bits) - 1)) * 8;
    }
    return ret < 0 ? ret : write_entry(s, at, value);
}

static int enter(ClusterMap *m, uint64_t first, uint64_t num, uint64_t host)
{
    int ret = 0;

    for (uint64_t i = 0; i < num && ret >= 0; i++) {
        ret = set_entry(m->opaque, first + i, host + i * m->size);
    }
    return ret;
}

/* -- Compression ------------------------------------------------------------- */

static int unpack(ClusterMap *m, uint64_t n, uint64_t host, uint8_t *buf)
{
    const Qcow *s = m->opaque;
    unsigned shift = 63 - s->cluster_bits;
    uint64_t at = host & ((1ull << shift) - 1);
    uint64_t len = host >> shift & (m->size - 1);
    z_stream z = { .avail_in = (uInt)len, .next_out = buf, .avail_out = m->size };

    (void)n;
    if (at >= m->file->length || len > m->file->length - at) {
        return -EIO;
    }
    uint8_t *in = xmalloc(len + 1);
    int ret = bdrv_pread(m->file, at, in, len);

    z.next_in = in;
    if (ret >= 0 && inflateInit2(&z, -WINDOW_BITS) == Z_OK) {
        int done = inflate(&z, Z_FINISH);

        ret = z.avail_out == 0 && (done == Z_STREAM_END || done == Z_BUF_ERROR) ? 0 : -EIO;
        inflateEnd(&z);
    }
    free(in);
    return ret;
}

static int64_t pack(const ClusterMap *m, uint64_t n, const uint8_t *in, uint8_t *out,
                    size_t room)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)in, .avail_in = m->size,
                   .next_out = out, .avail_out = (uInt)room - 1 };

    (void)n;
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -WINDOW_BITS, 9,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return -ENOMEM;
    }
    int done = deflate(&z, Z_FINISH);

    deflateEnd(&z);
    return done == Z_STREAM_END ? (int64_t)(room - 1 - z.avail_out) : -ENOSPC;
}

static int allocate_packed(ClusterMap *m, uint64_t len, uint64_t *host)
{
    *host = take_room(m->opaque, len, 1);
    return 0;
}

static int enter_packed(ClusterMap *m, uint64_t n, uint64_t host, uint64_t len)
{
    Qcow *s = m->opaque;

    return set_entry(s, n, COMPRESSED | len << (63 - s->cluster_bits) | host);
}

static const ClusterOps qcow_clusters = {
    .lookup = lookup, .allocate = allocate, .enter = enter, .unpack = unpack, .pack = pack,
    .allocate_packed = allocate_packed, .enter_packed = enter_packed,
};

/* -- Opening ----------------------------------------------------------------- */

static int check_header(BlockDriverState *bs, const uint8_t *h, Error *err)
{
    const char *f = bs->filename;

    if (load_be(h, 4) != MAGIC) {
        return error_set(err, EINVAL, "%s: not a qcow image", f);
    }
    if (load_be(h + 4, 4) != 1) {
        return error_set(err, ENOTSUP, "%s: qcow version %u: use format=qcow2", f,
                         (unsigned)load_be(h + 4, 4));
    }
    if (load_be(h + 36, 4)) {
        return error_set(err, ENOTSUP, "%s: encrypted with %s, which is not supported: convert"
                         " it with the program that made it", f,
                         load_be(h + 36, 4) == 1 ? "AES" : "an unknown method");
    }
    if (h[32] < 9 || h[32] > 16 || h[33] < 6 || h[33] > 13) {
        return error_set(err, EINVAL, "%s: damaged qcow header: %u cluster bits, %u level 2"
                         " bits", f, h[32], h[33]);
    }
    if (load_be(h + 24, 8) < 2 || load_be(h + 24, 8) > 1ull << 60) {
        return error_set(err, EINVAL, "%s: damaged qcow header: a disk of %llu bytes", f,
                         (unsigned long long)load_be(h + 24, 8));
    }
    return 0;
}

static int read_backing_name(BlockDriverState *bs, const uint8_t *h, Error *err)
{
    uint64_t at = load_be(h + 8, 8), len = load_be(h + 16, 4);

    if (at == 0) {
        return 0;
    }
    if (len > MAX_NAME || at > bs->file->length || len > bs->file->length - at) {
        return error_set(err, EINVAL, "%s: damaged qcow header: a backing file name of %llu"
                         " bytes at %llu", bs->filename, (unsigned long long)len,
                         (unsigned long long)at);
    }
    bs->backing_file = xzalloc(len + 1);
    int ret = bdrv_pread(bs->file, at, bs->backing_file, len);

    return ret < 0 ? error_set(err, -ret, "%s: cannot be read: %s", bs->filename,
                               strerror(-ret)) : 0;
}

static int qcow_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    Qcow *s = bs->opaque;
    uint8_t h[HEADER] = { 0 };
    int ret = bdrv_pread(bs->file, 0, h, MIN(bs->file->length, HEADER));

    (void)opts;
    if (ret < 0) {
        return error_set(err, -ret, "%s: cannot be read: %s", bs->filename, strerror(-ret));
    }
    ret = check_header(bs, h, err);
    if (ret < 0) {
        return ret;
    }
    uint64_t size = load_be(h + 24, 8), span = 1ull << (h[32] + h[33]);

    s->cluster_bits = h[32];
    s->l2_bits = h[33];
    s->l1_at = load_be(h + 40, 8);
    s->l1_size = (size + span - 1) / span;
    if (s->l1_at < HEADER || s->l1_at % 8 || s->l1_at > bs->file->length ||
        s->l1_size * 8 > align_up(bs->file->length, BDRV_SECTOR_SIZE) - s->l1_at) {
        return error_set(err, EINVAL, "%s: damaged qcow header: a level 1 table of %llu entries"
                         " at %llu in a file of %llu bytes", bs->filename,
                         (unsigned long long)s->l1_size, (unsigned long long)s->l1_at,
                         (unsigned long long)bs->file->length);
    }
    s->end = MAX(bs->file->length, align_up(s->l1_at + s->l1_size * 8, BDRV_SECTOR_SIZE));
    bs->length = align_up(size, BDRV_SECTOR_SIZE);
    ret = read_backing_name(bs, h, err);
    s->map = (ClusterMap){ .ops = &qcow_clusters, .bs = bs, .file = bs->file, .opaque = s,
                           .tables = ret < 0 ? NULL : tables_new(bs->file, NULL, NULL, 64),
                           .length = bs->length, .size = 1u << s->cluster_bits,
                           .has_offset = true };
    return ret;
}

static void qcow_close(BlockDriverState *bs)
{
    clusters_free(bs->opaque);
}

static int qcow_write_compressed(BlockDriverState *bs, uint64_t off, uint64_t len,
                                 const QEMUIOVector *qiov, size_t at)
{
    return clusters_write_packed(bs->opaque, off, len, qiov, at);
}

static int qcow_info(BlockDriverState *bs, BlockInfo *info)
{
    const Qcow *s = bs->opaque;

    info->cluster_size = s->map.size;
    return 0;
}

static int qcow_check(BlockDriverState *bs, BlockCheck *res, int fix, Error *err)
{
    Qcow *s = bs->opaque;
    BlockCheck found = *res;
    int ret = clusters_check(&s->map, HEADER, s->map.size, &found, err);

    (void)fix;
    found.leaks = res->leaks;           /* level 2 tables lie between the clusters */
    *res = found;
    return ret;
}

/* The backing image has it all now: an empty level 1 table, a short file. */
static int qcow_make_empty(BlockDriverState *bs)
{
    Qcow *s = bs->opaque;
    uint64_t end = s->l1_at + s->l1_size * 8;
    int ret = tables_zero(s->map.tables, s->l1_at, s->l1_size * 8);

    ret = ret < 0 ? ret : tables_flush(s->map.tables);
    ret = ret < 0 ? ret : bdrv_flush(bs->file);
    ret = ret < 0 ? ret : bdrv_truncate(bs->file, end, NULL);
    if (ret >= 0) {
        s->end = align_up(end, BDRV_SECTOR_SIZE);
        tables_free(s->map.tables);
        clusters_free(&(ClusterMap){ .unpacked = s->map.unpacked });
        s->map.unpacked = NULL;
        s->map.tables = tables_new(bs->file, NULL, NULL, 64);
    }
    return ret;
}

/* -- Creating ---------------------------------------------------------------- */

static int write_image(BlockDriverState *file, uint64_t size, const char *backing)
{
    static const uint8_t zeroes[CHUNK];
    unsigned cluster_bits = backing ? 9 : 12, l2_bits = backing ? 12 : 9;
    size_t len = backing ? strlen(backing) : 0;
    uint64_t l1_at = align_up(HEADER + len, 8);
    uint64_t l1_size = (size + (1 << 21) - 1) >> 21;
    uint8_t h[HEADER + MAX_NAME] = { 0 };

    store_be(h, MAGIC, 4);
    store_be(h + 4, 1, 4);
    store_be(h + 8, backing ? HEADER : 0, 8);
    store_be(h + 16, len, 4);
    store_be(h + 24, size, 8);
    h[32] = (uint8_t)cluster_bits;
    h[33] = (uint8_t)l2_bits;
    store_be(h + 40, l1_at, 8);
    if (backing) {
        memcpy(h + HEADER, backing, len);
    }
    int ret = bdrv_pwrite(file, 0, h, HEADER + len);

    for (uint64_t at = l1_at, end = l1_at + l1_size * 8; at < end && ret >= 0;) {
        size_t n = MIN(end - at, CHUNK);

        ret = bdrv_pwrite(file, at, zeroes, n);
        at += n;
    }
    return ret < 0 ? ret : bdrv_flush(file);
}

static int qcow_create(const char *filename, uint64_t size, const BlockOpts *opts,
                       Error *err)
{
    const char *backing = opts_get(opts, "backing_file");
    BlockDriverState *file;
    bool encrypt = false;
    int ret = opts_get_bool(opts, "encryption", &encrypt, err);

    if (ret < 0) {
        return ret;
    }
    if (encrypt) {
        return error_set(err, ENOTSUP, "encryption=on: AES is not supported");
    }
    if (backing && strlen(backing) > MAX_NAME) {
        return error_set(err, ENAMETOOLONG, "%s: the name of the backing file is longer than"
                         " %d bytes", filename, MAX_NAME);
    }
    if (size == 0 || size > 1ull << 50) {
        return error_set(err, EINVAL, "%s: a qcow image holds 512 bytes to 1 PiB", filename);
    }
    ret = bdrv_create_node(filename, 0, NULL, &file, err);
    if (ret < 0) {
        return ret;
    }
    ret = write_image(file, align_up(size, BDRV_SECTOR_SIZE), backing);
    bdrv_delete_child(file);
    return ret < 0 ? error_set(err, -ret, "%s: cannot be written: %s", filename,
                               strerror(-ret)) : 0;
}

const BlockDriver bdrv_qcow = {
    .name = "qcow",
    .for_users = true,
    .supports_backing = true,
    .state_size = sizeof(Qcow),
    .create_opts = create_opts,
    .probe = qcow_probe,
    .open = qcow_open,
    .close = qcow_close,
    .create = qcow_create,
    .co_preadv = clusters_co_preadv,
    .co_pwritev = clusters_co_pwritev,
    .co_write_zeroes = clusters_co_write_zeroes,
    .co_discard = clusters_co_discard,
    .co_write_compressed = qcow_write_compressed,
    .co_flush_to_os = clusters_co_flush,
    .co_block_status = clusters_co_status,
    .info = qcow_info,
    .check = qcow_check,
    .make_empty = qcow_make_empty,
};
