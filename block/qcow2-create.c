/* SPDX-License-Identifier: MIT */
/*
 * qcow2: new images, and how large they would be.
 *
 *      | header | refcount table | refcount block | then, as any other growth: L1 ...
 *
 * An image is born with a disk of no bytes, opened, and resized.  With
 * preallocation, clusters are entered without being written: the file is new,
 * so it reads as zeroes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "block/qcow2.h"
#include "util/bits.h"
#include "util/mem.h"

const BlockOptDef qcow2_create_opts[] = {
    { "backing_file", "File name of a base image" },
    { "backing_fmt", "Image format of the base image" },
    { "cluster_size", "qcow2 cluster size" },
    { "compat", "Compatibility level (v2 [0.10] or v3 [1.1])" },
    { "compression_type", "Compression method used for image cluster compression" },
    { "data_file", "File name of an external data file" },
    { "data_file_raw", "The external data file must stay valid as a raw image" },
    { "encrypt.cipher-alg", "Name of encryption cipher algorithm" },
    { "encrypt.cipher-mode", "Name of encryption cipher mode" },
    { "encrypt.format", "Encrypt the image, format choices: 'aes', 'luks'" },
    { "encrypt.hash-alg", "Name of encryption hash algorithm" },
    { "encrypt.iter-time", "Time to spend in PBKDF in milliseconds" },
    { "encrypt.ivgen-alg", "Name of IV generator algorithm" },
    { "encrypt.ivgen-hash-alg", "Name of IV generator hash algorithm" },
    { "encrypt.key-secret", "ID of secret providing qcow AES key or LUKS passphrase" },
    { "encryption", "Encrypt the image with format 'aes'. (Deprecated in favor of"
      " encrypt.format=aes)" },
    { "extended_l2", "Extended L2 tables" },
    { "lazy_refcounts", "Postpone refcount updates" },
    { "preallocation", "Preallocation mode (allowed values: off, metadata, falloc, full)" },
    { "refcount_bits", "Width of a reference count entry in bits" },
    { "size", "Virtual disk size" },
    { NULL, NULL }
};

typedef enum Prealloc { PRE_OFF, PRE_METADATA, PRE_FALLOC, PRE_FULL } Prealloc;

typedef struct New {
    uint32_t version;
    uint64_t cluster_size, refcount_bits, size;
    uint8_t compression;
    bool lazy, subs, raw_data;
    Prealloc prealloc;
    const char *backing, *backing_format, *data_file;
} New;

/* -- Options ----------------------------------------------------------------- */

static int refuse_encryption(const BlockOpts *o, Error *err)
{
    bool on = false;
    int ret = opts_get_bool(o, "encryption", &on, err);

    if (ret < 0) {
        return ret;
    }
    for (const BlockOptDef *d = qcow2_create_opts; d->name; d++) {
        on |= strncmp(d->name, "encrypt.", 8) == 0 && opts_get(o, d->name);
    }
    return on ? error_set(err, ENOTSUP, "encrypted images (AES, LUKS) are not supported:"
                          " encrypt inside the guest, or the file system of the host") : 0;
}

static int parse_words(const BlockOpts *o, New *n, Error *err)
{
    static const char *const modes[] = { "off", "metadata", "falloc", "full" };
    const char *compat = opts_get(o, "compat"), *mode = opts_get(o, "preallocation");
    const char *how = opts_get(o, "compression_type");
    size_t m = 0;

    if (compat && (!strcmp(compat, "0.10") || !strcmp(compat, "v2"))) {
        n->version = 2;
    } else if (compat && strcmp(compat, "1.1") && strcmp(compat, "v3")) {
        return error_set(err, EINVAL, "compat=%s: write v2 (0.10) or v3 (1.1)", compat);
    }
    if (how && !strcmp(how, "zstd")) {
        n->compression = 1;
    } else if (how && strcmp(how, "zlib")) {
        return error_set(err, EINVAL, "compression_type=%s: write zlib or zstd", how);
    }
    while (mode && m < ARRAY_SIZE(modes) && strcmp(mode, modes[m])) {
        m++;
    }
    if (m == ARRAY_SIZE(modes)) {
        return error_set(err, EINVAL, "preallocation=%s: write off, metadata, falloc or full",
                         mode);
    }
    n->prealloc = (Prealloc)m;
    return 0;
}

static int check_old_version(const New *n, Error *err)
{
    const char *what = n->refcount_bits != 16 ? "refcount_bits other than 16"
                     : n->lazy ? "lazy_refcounts" : n->data_file ? "data_file"
                     : n->compression ? "compression_type other than zlib"
                     : n->subs ? "extended_l2" : NULL;

    return n->version < 3 && what
           ? error_set(err, EINVAL, "%s needs compat=1.1 (v3)", what) : 0;
}

static int check_new(const New *n, Error *err)
{
    if (!is_pow2(n->cluster_size) || n->cluster_size < 512 || n->cluster_size > 2 << 20) {
        return error_set(err, EINVAL, "cluster_size must be a power of two between 512 and"
                         " 2048k");
    }
    if (!is_pow2(n->refcount_bits) || n->refcount_bits > 64) {
        return error_set(err, EINVAL, "refcount_bits must be a power of two up to 64");
    }
    if (n->subs && n->cluster_size < 16384) {
        return error_set(err, EINVAL, "extended_l2 needs clusters of at least 16384 bytes");
    }
    if (n->raw_data && !n->data_file) {
        return error_set(err, EINVAL, "data_file_raw needs data_file");
    }
    if (n->raw_data && n->backing) {
        return error_set(err, EINVAL, "data_file_raw and a backing file exclude each other");
    }
    if (n->prealloc != PRE_OFF && n->backing) {
        return error_set(err, EINVAL, "preallocation would hide the backing file: use one of"
                         " them");
    }
    if (n->backing_format && !n->backing) {
        return error_set(err, EINVAL, "backing_fmt needs backing_file");
    }
#ifndef CONFIG_ZSTD
    if (n->compression == 1) {
        return error_set(err, ENOTSUP, "compression_type=zstd: this program was built without:"
                         " install libzstd-dev, run configure and make");
    }
#endif
    return check_old_version(n, err);
}

static int parse_new(const BlockOpts *o, uint64_t size, New *n, Error *err)
{
    *n = (New){ .version = 3, .cluster_size = 65536, .refcount_bits = 16,
                .size = align_up(size, BDRV_SECTOR_SIZE),
                .backing = opts_get(o, "backing_file"),
                .backing_format = opts_get(o, "backing_fmt"),
                .data_file = opts_get(o, "data_file") };
    int ret = refuse_encryption(o, err);

    if (ret >= 0) {
        ret = parse_words(o, n, err);
    }
    if (ret >= 0) {
        ret = opts_get_size(o, "cluster_size", &n->cluster_size, err);
    }
    if (ret >= 0) {
        ret = opts_get_size(o, "refcount_bits", &n->refcount_bits, err);
    }
    if (ret >= 0) {
        ret = opts_get_bool(o, "lazy_refcounts", &n->lazy, err);
    }
    if (ret >= 0) {
        ret = opts_get_bool(o, "extended_l2", &n->subs, err);
    }
    if (ret >= 0) {
        ret = opts_get_bool(o, "data_file_raw", &n->raw_data, err);
    }
    if (ret >= 0) {
        ret = check_new(n, err);
    }
    if (ret >= 0 && n->raw_data && n->prealloc == PRE_OFF) {
        n->prealloc = PRE_METADATA;     /* each guest byte at its own place */
    }
    return ret;
}

/* -- Size -------------------------------------------------------------------- */

static uint64_t div_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

/* Bytes of everything but data, for a disk that is full. */
static uint64_t metadata_size(const New *n)
{
    uint64_t cs = n->cluster_size, data = n->data_file ? 0 : div_up(n->size, cs);
    uint64_t l2 = div_up(div_up(n->size, cs), cs / (n->subs ? 16 : 8));
    uint64_t fixed = 1 + l2 + div_up(l2 * 8, cs), reach = cs * 8 / n->refcount_bits;
    uint64_t blocks = 0, table = 0;

    for (;;) {
        uint64_t b = div_up(fixed + data + blocks + table, reach), t = div_up(b * 8, cs);

        if (b == blocks && t == table) {
            return (fixed + blocks + table) * cs;
        }
        blocks = b;
        table = t;
    }
}

static int check_size(const New *n, Error *err)
{
    uint64_t reach = n->cluster_size / (n->subs ? 16 : 8) * n->cluster_size;

    if (n->size > INT64_MAX - (1ull << 40) || div_up(n->size, reach) > QCOW2_MAX_L1 / 8) {
        return error_set(err, EFBIG, "too large for clusters of %llu bytes: use a larger"
                         " cluster_size", (unsigned long long)n->cluster_size);
    }
    return 0;
}

/* Is it data, anywhere in the chain?  *num bytes are the same.  -errno. */
static int data_status(BlockDriverState *in, uint64_t off, uint64_t *num)
{
    int st = 0;

    *num = in->length - off;
    for (BlockDriverState *n = in; n && !(st & BDRV_BLOCK_ALLOCATED); n = n->backing) {
        if (off >= n->length) {
            return 0;
        }
        st = bdrv_block_status(n, off, *num, num, NULL);
        if (st < 0) {
            return st;
        }
    }
    return (st & BDRV_BLOCK_DATA) && !(st & BDRV_BLOCK_ZERO);
}

/* Bytes of the image's clusters that hold anything but zeroes. */
static int count_data(BlockDriverState *in, uint64_t cluster_size, uint64_t *bytes)
{
    uint64_t off = 0, counted = 0, num;

    *bytes = 0;
    while (off < in->length) {
        int data = data_status(in, off, &num);

        if (data < 0) {
            return data;
        }
        if (data) {
            uint64_t from = MAX(align_down(off, cluster_size), counted);

            counted = align_up(off + num, cluster_size);
            *bytes += counted - from;
        }
        off += num;
    }
    return 0;
}

int qcow2_measure(const BlockOpts *opts, BlockDriverState *in, uint64_t size,
                  BlockMeasure *m, Error *err)
{
    uint64_t data = 0;
    New n;
    int ret = parse_new(opts, size, &n, err);

    if (ret >= 0) {
        ret = check_size(&n, err);
    }
    if (ret < 0) {
        return ret;
    }
    if (in && (ret = count_data(in, n.cluster_size, &data)) < 0) {
        return error_set(err, -ret, "%s: cannot be read: %s", in->filename, strerror(-ret));
    }
    uint64_t meta = metadata_size(&n), full = align_up(n.size, n.cluster_size);

    if (n.data_file) {
        full = data = 0;
    } else if (n.prealloc != PRE_OFF) {
        data = full;
    }
    *m = (BlockMeasure){ meta + data, meta + full };
    return 0;
}

/* -- Making ------------------------------------------------------------------ */

static bool is_device(const char *filename)
{
    struct stat st;

    return stat(filename, &st) == 0 && S_ISBLK(st.st_mode);
}

static int make_file(const char *filename, uint64_t size, Prealloc how, Error *err)
{
    BlockOpts o = { NULL, 0 };
    bool fill = how == PRE_FALLOC || how == PRE_FULL;

    if (is_device(filename)) {
        return 0;
    }
    opts_set(&o, "preallocation", how == PRE_FULL ? "full" : how == PRE_FALLOC ? "falloc" : "off");
    int ret = bdrv_file.create(filename, fill ? size : 0, &o, err);

    opts_free(&o);
    return ret;
}

static int make_data_file(const char *filename, const New *n, Error *err)
{
    if (!n->data_file) {
        return 0;
    }
    char *path = bdrv_path_beside(filename, n->data_file);
    int ret = make_file(path, n->size, n->prealloc, err);

    free(path);
    return ret;
}

static void fill_header(Qcow2 *s, const New *n)
{
    s->version = n->version;
    s->header_len = n->version < 3 ? QCOW2_V2_HEADER : QCOW2_V3_HEADER;
    s->cluster_bits = (uint32_t)__builtin_ctzll(n->cluster_size);
    s->cluster_size = n->cluster_size;
    s->refcount_order = (uint32_t)__builtin_ctzll(n->refcount_bits);
    s->compression = n->compression;
    s->incompat = (n->data_file ? QCOW2_INCOMPAT_DATA_FILE : 0) |
                  (n->compression ? QCOW2_INCOMPAT_COMPRESS : 0) |
                  (n->subs ? QCOW2_INCOMPAT_EXT_L2 : 0);
    s->compat = n->lazy ? QCOW2_COMPAT_LAZY : 0;
    s->autoclear = n->raw_data ? QCOW2_AUTOCLEAR_RAW : 0;
    s->reftable_offset = n->cluster_size;
    s->reftable_clusters = 1;
    s->data_name = (char *)(uintptr_t)n->data_file;
}

/* Header, refcount table and block of an empty disk into file. */
static int write_empty(const char *filename, BlockDriverState *file, const New *n, Error *err)
{
    Qcow2 s = { .version = 0 };
    BlockDriverState bs = { .opaque = &s, .file = file, .filename = (char *)(uintptr_t)filename,
                            .backing_file = (char *)(uintptr_t)n->backing,
                            .backing_format = (char *)(uintptr_t)n->backing_format };
    uint8_t *buf = xzalloc(2 * n->cluster_size);

    fill_header(&s, n);
    store_be(buf, 2 * n->cluster_size, 8);
    for (uint64_t i = 0; i < 3; i++) {
        qcow2_count_set(buf + n->cluster_size, (int)s.refcount_order, i, 1);
    }
    int ret = bdrv_pwrite(file, n->cluster_size, buf, 2 * n->cluster_size);

    free(buf);
    if (ret < 0) {
        return error_set(err, -ret, "%s: cannot be written: %s", filename, strerror(-ret));
    }
    return qcow2_write_full_header(&bs, err);
}

static int write_first(const char *filename, const New *n, Error *err)
{
    BlockDriverState *file = bdrv_new(NULL);
    int ret = bdrv_open(file, filename, "raw", BDRV_O_RDWR, NULL, err);

    if (ret >= 0 && file->length < 3 * n->cluster_size) {
        ret = bdrv_truncate(file, 3 * n->cluster_size, err);
    }
    if (ret >= 0) {
        ret = write_empty(filename, file, n, err);
    }
    bdrv_delete(file);
    return ret;
}

/* A new cluster reads as zeroes; of an external file, what is in it already. */
static int clear_cluster(BlockDriverState *bs, const Qcow2Write *w)
{
    const Qcow2 *s = bs->opaque;
    uint64_t len = w->to - w->from;

    if (s->data != bs->file) {
        len = qcow2_raw_data(s) ? 0 : MIN(len, s->data->length - MIN(w->host, s->data->length));
    }
    return w->fresh || len == 0 ? 0 : bdrv_co_write_zeroes(s->data, w->host, len, 0);
}

/* The file reaches to end, and has room from start on. */
static int stretch(BlockDriverState *file, uint64_t start, uint64_t end, bool reserve)
{
    int ret = file->growable && file->length < end ? bdrv_truncate(file, end, NULL) : 0;

    return ret < 0 || !reserve || start >= end ? ret : bdrv_co_preallocate(file, start, true);
}

/* A place for each byte from `from` on; *start and *end: where, in s->data. */
static int find_places(BlockDriverState *bs, uint64_t from, uint64_t *start, uint64_t *end)
{
    const Qcow2 *s = bs->opaque;
    int ret = 0;

    for (uint64_t off = align_up(from, s->cluster_size); off < bs->length && ret >= 0;) {
        Qcow2Run run;
        Qcow2Write w;

        ret = qcow2_prepare_write(bs, off, bs->length, &run, &w);
        if (ret <= 0) {
            off += ret < 0 ? 0 : run.len;
            continue;
        }
        w.from = w.cow_from = w.alloc.start;
        w.to = w.cow_to = w.alloc.end;
        ret = clear_cluster(bs, &w);
        *start = MIN(*start, w.host);
        *end = MAX(*end, w.host + (w.to - w.from));
        off = w.to;
        if (ret < 0) {
            qcow2_drop_write(bs, &w);
        } else {
            ret = qcow2_link(bs, &w);
        }
    }
    return ret;
}

int qcow2_co_preallocate(BlockDriverState *bs, uint64_t from, bool reserve)
{
    const Qcow2 *s = bs->opaque;
    uint64_t start = UINT64_MAX, end = 0;
    int ret = find_places(bs, from, &start, &end);

    bs->write_gen++;
    if (ret < 0) {
        return ret;
    }
    return s->data == bs->file ? stretch(s->data, start, end, reserve)
                               : stretch(s->data, from, bs->length, reserve);
}

static int grow_new(const char *filename, const New *n, Error *err)
{
    BlockDriverState *bs = bdrv_new(NULL);
    int ret = bdrv_open(bs, filename, "qcow2", BDRV_O_RDWR | BDRV_O_NO_BACKING, NULL, err);

    if (ret >= 0) {
        Qcow2 *s = bs->opaque;

        s->fresh_from = 3;              /* the file is new: the rest is zero */
        ret = n->size ? bdrv_truncate(bs, n->size, err) : 0;
    }
    if (ret >= 0 && n->prealloc != PRE_OFF) {   /* the file was made with the room */
        ret = bdrv_preallocate(bs, 0, false, err);
    }
    if (ret >= 0 && (ret = bdrv_flush(bs)) < 0) {
        error_set(err, -ret, "%s: cannot be written: %s", filename, strerror(-ret));
    }
    bdrv_delete(bs);
    return ret;
}

int qcow2_create(const char *filename, uint64_t size, const BlockOpts *opts, Error *err)
{
    New n;
    int ret = parse_new(opts, size, &n, err);

    if (ret >= 0) {
        ret = check_size(&n, err);
    }
    if (ret < 0) {
        return error_prefix(err, ret, "%s", filename);
    }
    ret = make_data_file(filename, &n, err);
    if (ret >= 0) {
        uint64_t full = metadata_size(&n) + (n.data_file ? 0 : align_up(n.size, n.cluster_size));

        ret = make_file(filename, full, n.data_file ? PRE_OFF : n.prealloc, err);
    }
    if (ret >= 0) {
        ret = write_first(filename, &n, err);
    }
    return ret < 0 ? ret : grow_new(filename, &n, err);
}
