/* SPDX-License-Identifier: MIT */
/*
 * qcow2: cluster 0.
 *
 *      0    magic "QFI\xfb", version          40   L1 table offset
 *      8    backing name: offset, length      48   refcount table offset, clusters
 *      20   cluster bits                      60   snapshots: number, offset
 *      24   size of the disk                  72   features: incompatible, compatible,
 *      32   encryption                             autoclear             (version 3)
 *      36   L1 entries                        96   refcount order, 100 header length,
 *                                             104  compression type
 *      header length: extensions (type, length, data, padded to 8) ... 0, 0
 *      then: backing name
 *
 * The fixed part lies in one sector, and is written as one: whatever points to
 * a new table there points to the old one or to the new one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block/qcow2.h"
#include "util/bits.h"
#include "util/mem.h"

enum {
    EXT_END = 0, EXT_FORMAT = (int)0xe2792aca, EXT_FEATURES = 0x6803f857,
    EXT_DATA_FILE = 0x44415441, FEATURE_ROW = 48,
};

static const struct Feature { uint8_t type, bit; const char *name; } features[] = {
    { 0, 0, "dirty bit" },
    { 0, 1, "corrupt bit" },
    { 0, 2, "external data file" },
    { 0, 3, "compression type" },
    { 0, 4, "extended L2 entries" },
    { 1, 0, "lazy refcounts" },
    { 2, 0, "bitmaps" },
    { 2, 1, "raw external data" },
};

const char *qcow2_compression_name(uint8_t type)
{
    return type ? "zstd" : "zlib";
}

/* -- Reading ----------------------------------------------------------------- */

static int bad(BlockDriverState *bs, Error *err, const char *what)
{
    return error_set(err, EINVAL, "%s: %s", bs->filename, what);
}

static int unknown_features(BlockDriverState *bs, uint64_t bits, const uint8_t *table,
                            size_t len, Error *err)
{
    char list[300] = "";

    for (unsigned bit = 0; bit < 64; bit++) {
        size_t used = strlen(list);
        char name[47] = "";

        if (!(bits >> bit & 1)) {
            continue;
        }
        for (size_t i = 0; i + FEATURE_ROW <= len; i += FEATURE_ROW) {
            if (table[i] == 0 && table[i + 1] == bit) {
                memcpy(name, table + i + 2, 46);
            }
        }
        snprintf(list + used, sizeof(list) - used, *name ? "%s%s" : "%s%sbit %u",
                 used ? ", " : "", name, bit);
    }
    return error_set(err, ENOTSUP, "%s: uses qcow2 features this program does not have: %s",
                     bs->filename, list);
}

static void keep_ext(Qcow2 *s, uint32_t type, const uint8_t *data, uint32_t len)
{
    s->ext = xrealloc(s->ext, (size_t)(s->num_ext + 1) * sizeof(*s->ext));
    s->ext[s->num_ext++] = (Qcow2Ext){ type, len, memcpy(xmalloc(len + 1), data, len) };
}

/* Extensions in head[pos, end). */
static int read_extensions(BlockDriverState *bs, const uint8_t *head, uint64_t pos,
                           uint64_t end, Error *err)
{
    Qcow2 *s = bs->opaque;
    const uint8_t *names = NULL;
    size_t names_len = 0;

    while (pos + 8 <= end) {
        uint32_t type = (uint32_t)load_be(head + pos, 4);
        uint32_t len = (uint32_t)load_be(head + pos + 4, 4);

        pos += 8;
        if (type == EXT_END) {
            break;
        }
        if (len > end - pos) {
            return bad(bs, err, "a header extension reaches beyond the header");
        }
        switch ((int)type) {
        case EXT_FORMAT:
            free(bs->backing_format);
            bs->backing_format = xstrndup((const char *)head + pos, len);
            break;
        case EXT_DATA_FILE:
            free(s->data_name);
            s->data_name = xstrndup((const char *)head + pos, len);
            break;
        case EXT_FEATURES:
            names = head + pos;
            names_len = len;
            break;
        default:
            keep_ext(s, type, head + pos, len);
        }
        pos += align_up(len, 8);
    }
    uint64_t unknown = s->incompat & ~QCOW2_INCOMPAT_KNOWN;

    return unknown ? unknown_features(bs, unknown, names, names_len, err) : 0;
}

static int read_backing_name(BlockDriverState *bs, const uint8_t *head, Error *err)
{
    const Qcow2 *s = bs->opaque;
    uint64_t off = load_be(head + 8, 8), len = load_be(head + 16, 4);

    if (!off) {
        return 0;
    }
    if (len > QCOW2_MAX_BACKING_NAME || off > s->cluster_size ||
        len > s->cluster_size - off) {
        return bad(bs, err, "the name of the backing file is too long or outside the header");
    }
    bs->backing_file = len ? xstrndup((const char *)head + off, len) : NULL;
    return 0;
}

static int check_crypt(BlockDriverState *bs, uint32_t method, Error *err)
{
    static const char *const names[] = { "", "AES (legacy)", "LUKS" };

    if (method == 0) {
        return 0;
    }
    return error_set(err, ENOTSUP, "%s: encrypted with %s, which this program does not have:"
                     " decrypt it where it was made", bs->filename,
                     method < ARRAY_SIZE(names) ? names[method] : "an unknown method");
}

/* Version 3 and what it added. */
static int parse_features(BlockDriverState *bs, const uint8_t *head, Error *err)
{
    Qcow2 *s = bs->opaque;

    s->header_len = QCOW2_V2_HEADER;
    s->refcount_order = 4;
    if (s->version < 3) {
        return 0;
    }
    s->incompat = load_be(head + 72, 8);
    s->compat = load_be(head + 80, 8);
    s->autoclear = load_be(head + 88, 8);
    s->refcount_order = (uint32_t)load_be(head + 96, 4);
    s->header_len = (uint32_t)load_be(head + 100, 4);
    s->compression = s->header_len > 104 ? head[104] : 0;
    if (s->header_len < 104 || s->header_len > s->cluster_size) {
        return bad(bs, err, "the header's length makes no sense");
    }
    if (s->refcount_order > 6) {
        return bad(bs, err, "refcounts of more than 64 bits");
    }
    return 0;
}

static int check_compression(BlockDriverState *bs, Error *err)
{
    const Qcow2 *s = bs->opaque;
    bool marked = s->incompat & QCOW2_INCOMPAT_COMPRESS;

    if (s->compression > 1) {
        return error_set(err, ENOTSUP, "%s: compressed in way %u, known are 0 (zlib) and"
                         " 1 (zstd)", bs->filename, s->compression);
    }
    if (marked != (s->compression != 0)) {
        return bad(bs, err, "the header contradicts itself about the compression type");
    }
#ifndef CONFIG_ZSTD
    if (s->compression == 1) {
        return error_set(err, ENOTSUP, "%s: compressed with zstd, which this program was built"
                         " without: install libzstd-dev, run configure and make",
                         bs->filename);
    }
#endif
    return 0;
}

static void set_shapes(Qcow2 *s)
{
    s->entry_bits = qcow2_subs(s) ? 4 : 3;
    s->sub_bits = s->cluster_bits - (qcow2_subs(s) ? 5 : 0);
    s->l2_bits = s->cluster_bits - s->entry_bits;
    s->rb_bits = s->cluster_bits + 3 - s->refcount_order;
    s->refcount_max = s->refcount_order == 6 ? INT64_MAX
                    : (1ull << (1u << s->refcount_order)) - 1;
}

/* A table of len bytes at off lies in the file, on a cluster. */
static int check_table(BlockDriverState *bs, uint64_t off, uint64_t len, uint64_t max,
                       const char *what, Error *err)
{
    const Qcow2 *s = bs->opaque;
    uint64_t have = align_up(bs->file->length, s->cluster_size);

    if (len > max) {
        return error_set(err, EFBIG, "%s: the %s is too large (%llu bytes; %llu at most)",
                         bs->filename, what, (unsigned long long)len,
                         (unsigned long long)max);
    }
    if (len == 0) {
        return 0;
    }
    if (off % s->cluster_size || off == 0) {
        return error_set(err, EINVAL, "%s: the %s is not on a cluster", bs->filename, what);
    }
    if (off > have || len > have - off) {
        return error_set(err, EINVAL, "%s: the %s is beyond the end of the file: cut off?",
                         bs->filename, what);
    }
    return 0;
}

static int parse_tables(BlockDriverState *bs, const uint8_t *head, Error *err)
{
    Qcow2 *s = bs->opaque;

    bs->length = load_be(head + 24, 8);
    s->l1_size = (uint32_t)load_be(head + 36, 4);
    s->l1_offset = load_be(head + 40, 8);
    s->reftable_offset = load_be(head + 48, 8);
    s->reftable_clusters = (uint32_t)load_be(head + 56, 4);
    s->num_snap = (uint32_t)load_be(head + 60, 4);
    s->snap_offset = load_be(head + 64, 8);
    if (bs->length > INT64_MAX - (1ull << 40) ||
        qcow2_l1_need(s, bs->length) > QCOW2_MAX_L1 / 8) {
        return bad(bs, err, "the disk is larger than an L1 table can describe");
    }
    if (s->l1_size < qcow2_l1_need(s, bs->length)) {
        return bad(bs, err, "the L1 table is too small for the disk");
    }
    int ret = check_table(bs, s->l1_offset, s->l1_size * 8ull, QCOW2_MAX_L1,
                          "L1 table", err);

    if (ret >= 0 && !s->reftable_clusters) {
        ret = bad(bs, err, "there is no refcount table");
    }
    if (ret >= 0) {
        ret = check_table(bs, s->reftable_offset, s->reftable_clusters * s->cluster_size,
                          QCOW2_MAX_REFTABLE, "refcount table", err);
    }
    if (ret >= 0 && s->num_snap > QCOW2_MAX_SNAPSHOTS) {
        ret = bad(bs, err, "more snapshots than 65536");
    }
    return ret;
}

static int parse_rest(BlockDriverState *bs, const uint8_t *head, Error *err)
{
    Qcow2 *s = bs->opaque;
    uint64_t name_at = load_be(head + 8, 8);
    int ret = read_backing_name(bs, head, err);

    if (ret >= 0) {
        s->ext_end = name_at && name_at < s->cluster_size ? name_at : s->cluster_size;
        ret = read_extensions(bs, head, s->header_len, s->ext_end, err);
    }
    if (ret >= 0) {
        ret = check_crypt(bs, (uint32_t)load_be(head + 32, 4), err);
    }
    if (ret >= 0) {
        ret = check_compression(bs, err);
    }
    if (ret >= 0 && qcow2_subs(s) && s->cluster_bits < 14) {
        ret = bad(bs, err, "extended L2 entries need clusters of 16 KiB at least");
    }
    if (ret < 0) {
        return ret;
    }
    if (s->header_len > QCOW2_V3_HEADER) {
        size_t more = s->header_len - QCOW2_V3_HEADER;

        s->more_header = memcpy(xmalloc(more), head + QCOW2_V3_HEADER, more);
    }
    set_shapes(s);
    return parse_tables(bs, head, err);
}

int qcow2_read_header(BlockDriverState *bs, Error *err)
{
    Qcow2 *s = bs->opaque;
    uint8_t start[QCOW2_V3_HEADER] = { 0 };
    int ret = bdrv_pread(bs->file, 0, start, MIN(sizeof(start), bs->file->length));

    if (ret < 0) {
        return error_set(err, -ret, "%s: the header cannot be read: %s", bs->filename,
                         strerror(-ret));
    }
    s->version = (uint32_t)load_be(start + 4, 4);
    s->cluster_bits = (uint32_t)load_be(start + 20, 4);
    if (load_be(start, 4) != QCOW2_MAGIC) {
        return bad(bs, err, "not a qcow2 image");
    }
    if (s->version != 2 && s->version != 3) {
        return error_set(err, ENOTSUP, "%s: qcow2 version %u: known are 2 and 3",
                         bs->filename, s->version);
    }
    if (s->cluster_bits < 9 || s->cluster_bits > 21) {
        return bad(bs, err, "clusters are 512 bytes to 2 MiB large, these are not");
    }
    s->cluster_size = 1ull << s->cluster_bits;
    ret = parse_features(bs, start, err);
    if (ret < 0) {
        return ret;
    }
    uint8_t *head = xzalloc(s->cluster_size);

    ret = bdrv_pread(bs->file, 0, head, MIN(s->cluster_size, bs->file->length));
    ret = ret < 0 ? error_set(err, -ret, "%s: the header cannot be read: %s", bs->filename,
                              strerror(-ret)) : parse_rest(bs, head, err);
    free(head);
    return ret;
}

/* -- Writing ----------------------------------------------------------------- */

static uint32_t fixed_len(const Qcow2 *s)
{
    return MIN(s->header_len, QCOW2_V3_HEADER);
}

/* Everything but the place of the backing name: bytes 8 .. 19. */
static void encode_fixed(const BlockDriverState *bs, uint8_t *p)
{
    const Qcow2 *s = bs->opaque;

    store_be(p, QCOW2_MAGIC, 4);
    store_be(p + 4, s->version, 4);
    store_be(p + 20, s->cluster_bits, 4);
    store_be(p + 24, bs->length, 8);
    store_be(p + 32, 0, 4);
    store_be(p + 36, s->l1_size, 4);
    store_be(p + 40, s->l1_offset, 8);
    store_be(p + 48, s->reftable_offset, 8);
    store_be(p + 56, s->reftable_clusters, 4);
    store_be(p + 60, s->num_snap, 4);
    store_be(p + 64, s->snap_offset, 8);
    if (s->version >= 3) {
        store_be(p + 72, s->incompat, 8);
        store_be(p + 80, s->compat, 8);
        store_be(p + 88, s->autoclear, 8);
        store_be(p + 96, s->refcount_order, 4);
        store_be(p + 100, s->header_len, 4);
        p[104] = s->compression;
    }
}

int qcow2_write_header(BlockDriverState *bs)
{
    Qcow2 *s = bs->opaque;
    uint8_t buf[QCOW2_V3_HEADER] = { 0 };
    int ret = bdrv_co_flush(bs->file);

    if (ret >= 0) {
        ret = bdrv_pread(bs->file, 0, buf, fixed_len(s));
    }
    if (ret < 0) {
        return ret;
    }
    encode_fixed(bs, buf);
    ret = bdrv_pwrite(bs->file, 0, buf, fixed_len(s));
    if (ret >= 0) {
        ret = bdrv_co_flush(bs->file);
    }
    s->broken |= ret < 0;
    return ret;
}

int qcow2_switch_header(BlockDriverState *bs)
{
    Qcow2 *s = bs->opaque;
    int ret = qcow2_write_header(bs);

    s->broken |= ret < 0;
    return ret;
}

int qcow2_set_dirty(BlockDriverState *bs, bool dirty)
{
    Qcow2 *s = bs->opaque;

    if (s->version < 3 || !(s->incompat & QCOW2_INCOMPAT_DIRTY) == !dirty) {
        return 0;
    }
    s->incompat ^= QCOW2_INCOMPAT_DIRTY;
    int ret = qcow2_write_header(bs);

    s->incompat ^= ret < 0 ? QCOW2_INCOMPAT_DIRTY : 0;
    return ret;
}

static uint64_t put_ext(uint8_t *buf, uint64_t pos, uint32_t type, const void *data,
                        size_t len)
{
    if (buf) {
        store_be(buf + pos, type, 4);
        store_be(buf + pos + 4, len, 4);
        memcpy(buf + pos + 8, data, len);
    }
    return pos + 8 + align_up(len, 8);
}

static uint64_t put_features(uint8_t *buf, uint64_t pos)
{
    uint8_t table[ARRAY_SIZE(features) * FEATURE_ROW] = { 0 };

    for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
        uint8_t *row = table + i * FEATURE_ROW;

        row[0] = features[i].type;
        row[1] = features[i].bit;
        memcpy(row + 2, features[i].name, strlen(features[i].name));
    }
    return put_ext(buf, pos, EXT_FEATURES, table, sizeof(table));
}

/* Extensions and the name; returns where it ends.  buf NULL: only count. */
static uint64_t put_rest(const BlockDriverState *bs, uint8_t *buf, bool with_names)
{
    const Qcow2 *s = bs->opaque;
    uint64_t pos = s->header_len;
    size_t name = bs->backing_file ? strlen(bs->backing_file) : 0;

    if (name && bs->backing_format) {
        pos = put_ext(buf, pos, (uint32_t)EXT_FORMAT, bs->backing_format,
                      strlen(bs->backing_format));
    }
    if (s->data_name) {
        pos = put_ext(buf, pos, EXT_DATA_FILE, s->data_name, strlen(s->data_name));
    }
    if (s->version >= 3 && with_names) {
        pos = put_features(buf, pos);
    }
    for (int i = 0; i < s->num_ext; i++) {
        pos = put_ext(buf, pos, s->ext[i].type, s->ext[i].data, s->ext[i].len);
    }
    pos = put_ext(buf, pos, EXT_END, "", 0);
    if (buf) {
        store_be(buf + 8, name ? pos : 0, 8);
        store_be(buf + 16, name, 4);
        memcpy(buf + pos, name ? bs->backing_file : "", name);
    }
    return pos + name;
}

int qcow2_write_full_header(BlockDriverState *bs, Error *err)
{
    Qcow2 *s = bs->opaque;
    bool with_names = put_rest(bs, NULL, true) <= s->cluster_size;
    uint64_t len = put_rest(bs, NULL, with_names);

    if (len > s->cluster_size) {
        return error_set(err, ENOSPC, "%s: the name of the backing file does not fit into the"
                         " header (%llu bytes): use a shorter one", bs->filename,
                         (unsigned long long)s->cluster_size);
    }
    uint8_t *buf = xzalloc(s->cluster_size);

    encode_fixed(bs, buf);
    if (s->header_len > QCOW2_V3_HEADER) {
        memcpy(buf + QCOW2_V3_HEADER, s->more_header, s->header_len - QCOW2_V3_HEADER);
    }
    put_rest(bs, buf, with_names);
    int ret = bdrv_flush(bs->file);

    if (ret >= 0) {
        ret = bdrv_pwrite_sync(bs->file, 0, buf, s->cluster_size);
    }
    free(buf);
    return ret < 0 ? error_set(err, -ret, "%s: the header cannot be written: %s", bs->filename,
                               strerror(-ret)) : 0;
}
