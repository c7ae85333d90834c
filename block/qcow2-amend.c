/* SPDX-License-Identifier: MIT */
/*
 * qcow2: changes to an image as a whole: size, backing file, options.
 *
 * Each is one write of the header's sector; what must be true before is made
 * true before (zero clusters of version 3 become data before it is version 2;
 * what lies below a disk that grows is hidden before it has grown), what may
 * only be true after comes after (freed tables).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/qcow2.h"
#include "util/bits.h"
#include "util/mem.h"

const BlockOptDef qcow2_amend_opts[] = {
    { "backing_file", "File name of a base image" },
    { "backing_fmt", "Image format of the base image" },
    { "compat", "Compatibility level (v2 [0.10] or v3 [1.1])" },
    { "data_file", "File name of an external data file" },
    { "data_file_raw", "The external data file must stay valid as a raw image" },
    { "lazy_refcounts", "Postpone refcount updates" },
    { "refcount_bits", "Width of a reference count entry in bits" },
    { "size", "Virtual disk size" },
    { NULL, NULL }
};

/* -- Size -------------------------------------------------------------------- */

/* The file ends with its last cluster in use. */
static int cut_file(BlockDriverState *bs)
{
    Qcow2 *s = bs->opaque;
    uint64_t end = align_up(bs->file->length, s->cluster_size) >> s->cluster_bits;
    uint64_t count = 0;
    int ret = 0;

    while (end > 1 && !count && ret >= 0) {
        ret = qcow2_refcount(bs, end - 1, &count);
        end -= !count;
    }
    if (ret < 0 || !bs->file->growable || end << s->cluster_bits >= bs->file->length) {
        return ret;
    }
    ret = bdrv_truncate(bs->file, end << s->cluster_bits, NULL);
    s->fresh_from = ret < 0 ? s->fresh_from : MIN(s->fresh_from, end);
    return ret;
}

static uint64_t state_at(const Qcow2 *s, uint64_t size)
{
    return qcow2_l1_need(s, size) << (s->l2_bits + s->cluster_bits);
}

/* Tables that reach it, and nothing behind the disk. */
static int prepare_alone(BlockDriverState *bs, void *arg)
{
    Qcow2 *s = bs->opaque;
    uint64_t size = *(uint64_t *)arg;
    uint64_t gone = size < bs->length ? align_up(size, s->cluster_size) : s->vm_state_at;
    int ret = qcow2_clear_locked(bs, gone, qcow2_reach(s), Q_CLEAR_HOLE);

    if (ret >= 0 && qcow2_l1_need(s, size) > s->l1_size) {
        ret = qcow2_grow_l1(bs, qcow2_l1_need(s, size));
    }
    return ret < 0 ? ret : qcow2_write_back(bs, true);
}

/* What was done for it is safe before. */
static int set_size_alone(BlockDriverState *bs, void *arg)
{
    Qcow2 *s = bs->opaque;
    uint64_t size = *(uint64_t *)arg, old = bs->length, old_state = s->vm_state_at;
    int ret = s->broken ? -EIO : qcow2_write_all(bs);

    if (ret < 0) {
        return ret;
    }
    bs->length = size;
    s->vm_state_at = state_at(s, size);
    ret = qcow2_write_header(bs);
    if (ret < 0) {
        bs->length = old;
        s->vm_state_at = old_state;
        return ret;
    }
    return size >= old ? 0 : cut_file(bs);
}

static int shrink_alone(BlockDriverState *bs, void *arg)
{
    int ret = prepare_alone(bs, arg);

    return ret < 0 ? ret : set_size_alone(bs, arg);
}

/* Bytes of [from, to) that would show, and must not. */
static int hide(BlockDriverState *bs, uint64_t from, uint64_t to)
{
    return from < to ? qcow2_co_write_zeroes(bs, from, to - from, 0) : 0;
}

/* What the backing file has behind the old end. */
static int hide_backing(BlockDriverState *bs, uint64_t size)
{
    Qcow2 *s = bs->opaque;
    uint64_t end = bs->backing ? MIN(size, bs->backing->length) : 0, old = s->vm_state_at;

    s->vm_state_at = state_at(s, size); /* these are bytes of the disk */
    int ret = end <= bs->length ? 0 : hide(bs, bs->length, align_up(end, s->cluster_size));

    s->vm_state_at = old;
    return ret;
}

static int grow(BlockDriverState *bs, uint64_t size)
{
    int ret = qcow2_run_alone(bs, prepare_alone, &size);

    if (ret >= 0) {
        ret = hide_backing(bs, size);
    }
    return ret < 0 ? ret : qcow2_run_alone(bs, set_size_alone, &size);
}

static int shrink(BlockDriverState *bs, uint64_t size)
{
    const Qcow2 *s = bs->opaque;
    int ret = hide(bs, size, MIN(align_up(size, s->cluster_size), bs->length));

    return ret < 0 ? ret : qcow2_run_alone(bs, shrink_alone, &size);
}

/* A raw one is the disk at any time, each byte at its own place. */
static int resize_data_file(BlockDriverState *bs, uint64_t old, uint64_t size)
{
    const Qcow2 *s = bs->opaque;
    int ret = s->data->length != size ? bdrv_truncate(s->data, size, NULL) : 0;

    return ret < 0 || size <= old ? ret : qcow2_co_preallocate(bs, old, false);
}

static int resize(BlockDriverState *bs, uint64_t size)
{
    uint64_t old = bs->length;
    int ret = size < old ? shrink(bs, size) : grow(bs, size);

    return ret < 0 || !qcow2_raw_data(bs->opaque) ? ret : resize_data_file(bs, old, size);
}

int qcow2_co_truncate(BlockDriverState *bs, uint64_t size, Error *err)
{
    const Qcow2 *s = bs->opaque;

    if (size % BDRV_SECTOR_SIZE) {
        return error_set(err, EINVAL, "%s: the size of a disk is a multiple of 512 bytes",
                         bs->filename);
    }
    if (s->num_snap && s->version < 3) {
        return error_set(err, ENOTSUP, "%s: a version 2 image with snapshots cannot be resized:"
                         " delete them, or amend it to compat=1.1", bs->filename);
    }
    if (size > INT64_MAX - (1ull << 40) || qcow2_l1_need(s, size) > QCOW2_MAX_L1 / 8) {
        return error_set(err, EFBIG, "%s: too large for clusters of %llu bytes", bs->filename,
                         (unsigned long long)s->cluster_size);
    }
    int ret = size == bs->length ? 0 : resize(bs, size);

    bs->write_gen++;
    return ret < 0 ? error_set(err, -ret, "%s: cannot be resized: %s", bs->filename,
                               strerror(-ret)) : 0;
}

static int empty_alone(BlockDriverState *bs, void *arg)
{
    Qcow2 *s = bs->opaque;
    int ret = qcow2_clear_locked(bs, 0, qcow2_reach(s), Q_CLEAR_HOLE);

    (void)arg;
    return ret < 0 ? ret : qcow2_write_back(bs, true);
}

int qcow2_make_empty(BlockDriverState *bs)
{
    int ret = qcow2_run_alone(bs, empty_alone, NULL);

    bs->write_gen++;
    return ret < 0 ? ret : bdrv_flush(bs);
}

/* -- Backing file ------------------------------------------------------------ */

int qcow2_change_backing(BlockDriverState *bs, const char *file, const char *format,
                         Error *err)
{
    char *old_file = bs->backing_file, *old_format = bs->backing_format;

    if (file && strlen(file) > QCOW2_MAX_BACKING_NAME) {
        return error_set(err, ENAMETOOLONG, "%s: the name of a backing file has at most %d"
                         " bytes", bs->filename, QCOW2_MAX_BACKING_NAME);
    }
    bs->backing_file = file && *file ? xstrdup(file) : NULL;
    bs->backing_format = bs->backing_file && format && *format ? xstrdup(format) : NULL;
    int ret = qcow2_write_full_header(bs, err);

    if (ret < 0) {
        free(bs->backing_file);
        free(bs->backing_format);
        bs->backing_file = old_file;
        bs->backing_format = old_format;
        return ret;
    }
    free(old_file);
    free(old_format);
    return 0;
}

/* -- Amend ------------------------------------------------------------------- */

static int not_amended(BlockDriverState *bs, Error *err, const char *what)
{
    return error_set(err, ENOTSUP, "%s: %s: convert it instead", bs->filename, what);
}

/* Version 2 cannot say "zeroes": write them. */
static int expand_zeroes(void *arg)
{
    BlockDriverState *bs = arg;
    const Qcow2 *s = bs->opaque;
    uint64_t off = 0;
    int ret = 0;

    void *buf = xzalloc(s->cluster_size);
    while (off < bs->length && ret >= 0) {
        Qcow2Run run;
        struct iovec one;
        QEMUIOVector q;

        ret = qcow2_find(bs, off, bs->length - off, &run);
        if (ret < 0 || run.kind != Q_ZERO) {
            off += ret < 0 ? 0 : run.len;
            continue;
        }
        uint64_t n = MIN(run.len, s->cluster_size - off % s->cluster_size);

        iov_init_buf(&q, &one, buf, n);
        if (bs->backing_file || run.has_host) {
            ret = qcow2_co_pwritev(bs, off, n, &q, 0);
        } else {
            ret = qcow2_clear(bs, off, n, Q_CLEAR_HOLE);
        }
        off += n;
    }
    free(buf);
    bs->write_gen++;
    return ret;
}

static int clean_alone(BlockDriverState *bs, void *arg)
{
    (void)arg;
    return qcow2_write_all(bs);
}

/* What the file says after an error, nobody knows. */
static int become(BlockDriverState *bs, uint32_t version, uint32_t header_len, Error *err)
{
    Qcow2 *s = bs->opaque;

    s->version = version;
    s->header_len = header_len;
    int ret = qcow2_write_full_header(bs, err);

    s->broken |= ret < 0;
    return ret;
}

static int downgrade(BlockDriverState *bs, Error *err)
{
    Qcow2 *s = bs->opaque;

    if (s->refcount_order != 4) {
        return not_amended(bs, err, "compat=0.10 needs refcounts of 16 bits");
    }
    if (s->incompat & ~QCOW2_INCOMPAT_DIRTY) {
        return not_amended(bs, err, "compat=0.10 has neither data_file, compression_type nor"
                           " extended_l2");
    }
    if (s->num_snap) {
        return not_amended(bs, err, "compat=0.10 with snapshots cannot be had");
    }
    int ret = aio_run_sync(expand_zeroes, bs);

    if (ret >= 0) {                     /* nothing is left that a dirty bit is for */
        ret = qcow2_run_alone(bs, clean_alone, NULL);
    }
    if (ret < 0) {
        return error_set(err, -ret, "%s: cannot be written: %s", bs->filename, strerror(-ret));
    }
    s->compat = s->autoclear = 0;
    return become(bs, 2, QCOW2_V2_HEADER, err);
}

static int upgrade(BlockDriverState *bs, Error *err)
{
    int ret = qcow2_run_alone(bs, qcow2_size_snapshots, NULL);

    return ret < 0 ? error_set(err, -ret, "%s: the snapshots cannot be written: %s",
                               bs->filename, strerror(-ret))
                   : become(bs, 3, QCOW2_V3_HEADER, err);
}

static int set_version(BlockDriverState *bs, const char *compat, Error *err)
{
    const Qcow2 *s = bs->opaque;
    bool old = !strcmp(compat, "0.10") || !strcmp(compat, "v2");

    if (!old && strcmp(compat, "1.1") && strcmp(compat, "v3")) {
        return error_set(err, EINVAL, "compat=%s: write v2 (0.10) or v3 (1.1)", compat);
    }
    if (!old && s->version < 3) {
        return upgrade(bs, err);
    }
    return old && s->version > 2 ? downgrade(bs, err) : 0;
}

static int rebuild_alone(BlockDriverState *bs, void *arg)
{
    int ret = qcow2_write_all(bs);

    return ret < 0 ? ret : qcow2_rebuild(bs, *(uint32_t *)arg);
}

static int set_refcount_bits(BlockDriverState *bs, uint64_t bits, Error *err)
{
    const Qcow2 *s = bs->opaque;
    uint32_t order = is_pow2(bits) ? (uint32_t)__builtin_ctzll(bits) : 99;

    if (order > 6) {
        return error_set(err, EINVAL, "refcount_bits must be a power of two up to 64");
    }
    if (order == s->refcount_order) {
        return 0;
    }
    if (s->version < 3) {
        return error_set(err, EINVAL, "%s: refcount_bits other than 16 need compat=1.1",
                         bs->filename);
    }
    int ret = qcow2_run_alone(bs, rebuild_alone, &order);

    if (ret == -ERANGE) {
        return error_set(err, ERANGE, "%s: there are counts that do not fit into %llu bits",
                         bs->filename, (unsigned long long)bits);
    }
    return ret < 0 ? error_set(err, -ret, "%s: new refcounts cannot be written: %s",
                               bs->filename, strerror(-ret)) : 0;
}

static int set_data_file(BlockDriverState *bs, const BlockOpts *o, Error *err)
{
    Qcow2 *s = bs->opaque;
    const char *name = opts_get(o, "data_file");
    bool raw = qcow2_raw_data(s);
    int ret = opts_get_bool(o, "data_file_raw", &raw, err);

    if (ret < 0) {
        return ret;
    }
    if ((name && !qcow2_external(s)) || (raw && !qcow2_raw_data(s))) {
        return not_amended(bs, err, "data_file and data_file_raw are decided when it is made");
    }
    if (name) {
        free(s->data_name);
        s->data_name = xstrdup(name);
    }
    s->autoclear = raw ? s->autoclear : s->autoclear & ~QCOW2_AUTOCLEAR_RAW;
    return 0;
}

static int set_lazy(BlockDriverState *bs, const BlockOpts *o, Error *err)
{
    Qcow2 *s = bs->opaque;
    bool lazy = qcow2_lazy(s);
    int ret = opts_get_bool(o, "lazy_refcounts", &lazy, err);

    if (ret >= 0 && lazy && s->version < 3) {
        return error_set(err, EINVAL, "%s: lazy_refcounts needs compat=1.1", bs->filename);
    }
    if (ret < 0 || lazy == qcow2_lazy(s)) {
        return ret;
    }
    s->compat ^= QCOW2_COMPAT_LAZY;
    return 0;
}

static int amend_size(BlockDriverState *bs, const BlockOpts *o, Error *err)
{
    uint64_t size = bs->length;
    int ret = opts_get_size(o, "size", &size, err);

    return ret < 0 || size == bs->length ? ret : bdrv_truncate(bs, size, err);
}

static int amend_backing(BlockDriverState *bs, const BlockOpts *o, Error *err)
{
    const char *file = opts_get(o, "backing_file"), *format = opts_get(o, "backing_fmt");

    if (!file && !format) {
        return 0;
    }
    return qcow2_change_backing(bs, file ? file : bs->backing_file,
                                format ? format : bs->backing_format, err);
}

int qcow2_amend(BlockDriverState *bs, const BlockOpts *o, Error *err)
{
    const Qcow2 *s = bs->opaque;
    const char *compat = opts_get(o, "compat");
    uint64_t bits = 1ull << s->refcount_order;
    bool old = compat && (!strcmp(compat, "0.10") || !strcmp(compat, "v2"));
    int ret = qcow2_run_alone(bs, clean_alone, NULL);

    if (ret < 0) {
        return error_set(err, -ret, "%s: cannot be written: %s", bs->filename, strerror(-ret));
    }
    ret = compat && !old ? set_version(bs, compat, err) : 0;
    if (ret >= 0 && (ret = opts_get_size(o, "refcount_bits", &bits, err)) >= 0) {
        ret = set_refcount_bits(bs, bits, err);
    }
    if (ret >= 0) {
        ret = set_data_file(bs, o, err);
    }
    if (ret >= 0) {
        ret = set_lazy(bs, o, err);
    }
    if (ret >= 0) {
        ret = amend_size(bs, o, err);
    }
    if (ret >= 0 && old) {
        ret = set_version(bs, compat, err);
    }
    if (ret >= 0) {
        ret = amend_backing(bs, o, err);
    }
    return ret < 0 ? ret : qcow2_write_full_header(bs, err);
}
