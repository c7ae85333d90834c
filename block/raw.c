/* SPDX-License-Identifier: MIT */
/*
 * raw: the disk, byte by byte, or a window of it.
 *
 *      bs->file |      offset      |<----- size ----->|        |
 *      disk                        |0 ....... length-1|
 *
 * A file whose size is no multiple of 512 is rounded up: reads of the rest give
 * zeroes, the first write there makes the file longer.
 *
 * If nobody said `format=raw`, an image of unknown content is raw; a guest that
 * writes another format's header there would have its next run read that
 * header.  Such writes fail.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/block-int.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"

typedef struct Raw {
    uint64_t offset;
    bool sized;                         /* by an option: its end is not the file's */
} Raw;

static const BlockOptDef open_opts[] = {
    { "offset", "where the disk starts in the file" },
    { "size", "how many bytes of the file the disk is" },
    { NULL, NULL }
};

static int raw_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    Raw *s = bs->opaque;
    uint64_t have = bs->file->length, size = ~0ull;
    int ret = opts_get_size(opts, "offset", &s->offset, err);

    if (ret >= 0) {
        ret = opts_get_size(opts, "size", &size, err);
    }
    if (ret < 0) {
        return error_prefix(err, ret, "%s", bs->filename);
    }
    if (s->offset > have || (size != ~0ull && size > have - s->offset)) {
        return error_set(err, EINVAL, "%s: offset and size reach beyond the end of the file",
                         bs->filename);
    }
    s->sized = size != ~0ull;
    if (s->sized && size % BDRV_SECTOR_SIZE && size < have - s->offset) {
        return error_set(err, EINVAL, "%s: size=%llu: a part of the file is whole sectors,"
                         " multiples of %d", bs->filename, (unsigned long long)size,
                         BDRV_SECTOR_SIZE);
    }
    size = MIN(size, have - s->offset);
    bs->length = align_up(size, BDRV_SECTOR_SIZE);
    if (bs->length != size) {
        bs->note = xasprintf("%s: %llu bytes are no whole sectors: zeroes are added to %llu",
                             bs->filename, (unsigned long long)size,
                             (unsigned long long)bs->length);
    }
    return 0;
}

static int raw_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                      const QEMUIOVector *qiov, size_t at)
{
    const Raw *s = bs->opaque;

    return bdrv_co_preadv(bs->file, s->offset + off, len, qiov, at);
}

/* Would the next run take this image for something else? */
static bool makes_a_header(BlockDriverState *bs, uint64_t off, uint64_t len,
                           const QEMUIOVector *qiov, size_t at)
{
    uint8_t head[BDRV_SECTOR_SIZE] = { 0 };

    if (!bs->probed || off >= sizeof(head)) {
        return false;
    }
    iov_to_buf(qiov, at, head + off, MIN(len, sizeof(head) - off));
    return bdrv_probe(head, sizeof(head), "") != &bdrv_raw;
}

static int write_flags(BlockDriverState *bs, uint64_t off, uint64_t len,
                       const QEMUIOVector *qiov, size_t at, int flags)
{
    const Raw *s = bs->opaque;

    if (makes_a_header(bs, off, len, qiov, at)) {
        log_guest(bs->filename, "writes the header of an image format to a raw disk;"
                  " refused, use format=raw to allow it");
        return -EPERM;
    }
    return bdrv_co_pwritev(bs->file, s->offset + off, len, qiov, at, flags);
}

static int raw_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                       const QEMUIOVector *qiov, size_t at)
{
    return write_flags(bs, off, len, qiov, at, 0);
}

static int raw_pwritev_fua(BlockDriverState *bs, uint64_t off, uint64_t len,
                           const QEMUIOVector *qiov, size_t at)
{
    return write_flags(bs, off, len, qiov, at, BDRV_REQ_FUA);
}

static int raw_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len, int flags)
{
    const Raw *s = bs->opaque;

    return bdrv_co_write_zeroes(bs->file, s->offset + off, len, flags);
}

static int raw_discard(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    const Raw *s = bs->opaque;

    return bdrv_co_discard(bs->file, s->offset + off, len);
}

static int raw_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                            uint64_t *num, uint64_t *map)
{
    const Raw *s = bs->opaque;
    int ret = bdrv_co_block_status(bs->file, s->offset + off, len, num, map);

    if (ret >= 0 && *num == 0) {        /* the rest of the last sector */
        *num = len;
        return BDRV_BLOCK_ZERO | BDRV_BLOCK_ALLOCATED;
    }
    *map = s->offset + off;
    return ret < 0 ? ret : ret | BDRV_BLOCK_OFFSET | BDRV_BLOCK_ALLOCATED;
}

static int raw_truncate(BlockDriverState *bs, uint64_t size, Error *err)
{
    const Raw *s = bs->opaque;

    if (s->sized) {
        return error_set(err, ENOTSUP, "%s: a disk of size=%llu of the file keeps that size",
                         bs->filename, (unsigned long long)bs->length);
    }
    int ret = bdrv_truncate(bs->file, s->offset + size, err);

    if (ret >= 0) {
        bs->length = align_up(size, BDRV_SECTOR_SIZE);
    }
    return ret;
}

static int raw_preallocate(BlockDriverState *bs, uint64_t from, bool reserve)
{
    const Raw *s = bs->opaque;

    return bdrv_co_preallocate(bs->file, s->offset + from, reserve);
}

static int raw_create(const char *filename, uint64_t size, const BlockOpts *opts,
                      Error *err)
{
    return bdrv_file.create(filename, size, opts, err);
}

static int raw_measure(const BlockOpts *opts, BlockDriverState *in, uint64_t size,
                       BlockMeasure *m, Error *err)
{
    (void)opts;
    (void)err;
    m->required = m->fully_allocated = align_up(in ? in->length : size, BDRV_SECTOR_SIZE);
    return 0;
}

const BlockDriver bdrv_raw = {
    .name = "raw",
    .for_users = true,
    .state_size = sizeof(Raw),
    .open_opts = open_opts,
    .open = raw_open,
    .create = raw_create,
    .co_preadv = raw_preadv,
    .co_pwritev = raw_pwritev,
    .co_pwritev_fua = raw_pwritev_fua,
    .co_write_zeroes = raw_write_zeroes,
    .co_discard = raw_discard,
    .co_block_status = raw_block_status,
    .co_truncate = raw_truncate,
    .co_preallocate = raw_preallocate,
    .measure = raw_measure,
};
