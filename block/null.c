/* SPDX-License-Identifier: MIT */
/*
 * Protocols null-co and null-aio: a disk that forgets what is written, for
 * measuring all but the disk.  null-co answers at once, null-aio from a timer, as a
 * host would.
 */
#include "block/block-int.h"

typedef struct Null {
    int64_t latency_ns;
    bool read_zeroes, later;
} Null;

static const BlockOptDef open_opts[] = {
    { "size", "length of the disk (1G)" },
    { "latency-ns", "how long a request takes (0)" },
    { "read-zeroes", "on: reads give zeroes; off: memory stays as it is" },
    { NULL, NULL }
};

static int open_null(BlockDriverState *bs, bool later, const BlockOpts *opts, Error *err)
{
    Null *s = bs->opaque;
    uint64_t latency = 0;
    int ret;

    bs->length = 1u << 30;
    s->later = later;
    if ((ret = opts_get_size(opts, "size", &bs->length, err)) < 0 ||
        (ret = opts_get_size(opts, "latency-ns", &latency, err)) < 0 ||
        (ret = opts_get_bool(opts, "read-zeroes", &s->read_zeroes, err)) < 0) {
        return ret;
    }
    s->latency_ns = (int64_t)(latency & INT64_MAX);
    return 0;
}

static int null_co_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    return open_null(bs, false, opts, err);
}

static int null_aio_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    return open_null(bs, true, opts, err);
}

static int take_time(const BlockDriverState *bs)
{
    const Null *s = bs->opaque;

    if (s->later || s->latency_ns) {
        aio_co_sleep(s->latency_ns);
    }
    return 0;
}

static int null_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                       const QEMUIOVector *qiov, size_t at)
{
    const Null *s = bs->opaque;

    (void)off;
    if (s->read_zeroes) {
        iov_memset(qiov, at, 0, len);
    }
    return take_time(bs);
}

static int null_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                        const QEMUIOVector *qiov, size_t at)
{
    (void)off;
    (void)len;
    (void)qiov;
    (void)at;
    return take_time(bs);
}

static int null_flush(BlockDriverState *bs)
{
    return take_time(bs);
}

static int null_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                             uint64_t *num, uint64_t *map)
{
    const Null *s = bs->opaque;

    *num = len;
    *map = off;
    return BDRV_BLOCK_ALLOCATED | BDRV_BLOCK_OFFSET |
           (s->read_zeroes ? BDRV_BLOCK_ZERO : BDRV_BLOCK_DATA);
}

#define NULL_OPERATIONS                         \
    .state_size = sizeof(Null),                 \
    .open_opts = open_opts,                     \
    .co_preadv = null_preadv,                   \
    .co_pwritev = null_pwritev,                 \
    .co_flush_to_disk = null_flush,             \
    .co_block_status = null_block_status

const BlockDriver bdrv_null_co = {
    .name = "null-co",
    .protocol = "null-co",
    .open = null_co_open,
    NULL_OPERATIONS,
};

const BlockDriver bdrv_null_aio = {
    .name = "null-aio",
    .protocol = "null-aio",
    .open = null_aio_open,
    NULL_OPERATIONS,
};
