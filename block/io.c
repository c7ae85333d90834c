/* SPDX-License-Identifier: MIT */
/*
 * Requests between the nodes of a block tree.
 *
 * Every driver gets what it asked for: bdrv_co_preadv() and its sisters check
 * the range, and where a driver wants alignment (O_DIRECT, overlay granules)
 * they go through a bounce buffer:
 *
 *      guest     |  ......wwwwwwwwwwwwww...  |
 *      driver    |[ read ][            ][read]|   then one aligned write
 *
 * A write that reads its edges first is `serialising`: nothing that overlaps it
 * may be in flight beside it.  A request waits only for older ones, so two
 * never wait for each other.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block/block-int.h"
#include "block/job.h"
#include "util/bits.h"
#include "util/mem.h"

enum { ZERO_CHUNK = 1 << 20 };

#define MAX_OFFSET ((uint64_t)INT64_MAX - (1u << 20))

void *bdrv_memalign(const BlockDriverState *bs, size_t len)
{
    size_t align = MAX(bs->mem_align, 64);
    void *p;

    return posix_memalign(&p, align, MAX(len, 1)) == 0 ? p : NULL;
}

static int check_range(const BlockDriverState *bs, uint64_t off, uint64_t len, bool any_end)
{
    if (!bs->drv) {
        return -ENOMEDIUM;
    }
    if (off > MAX_OFFSET || len > MAX_OFFSET - off) {
        return -EIO;
    }
    any_end |= bs->growable;
    return any_end || (off <= bs->length && len <= bs->length - off) ? 0 : -EIO;
}

/* -- Writes in flight -------------------------------------------------------- */

static bool overlap(const BlockRequest *a, const BlockRequest *b)
{
    return a->start < b->end && b->start < a->end;
}

/* An older request that r must not run beside. */
static BlockRequest *older_conflict(BlockRequest *r)
{
    for (BlockRequest *o = r->next; o; o = o->next) {
        if ((r->serialising || o->serialising) && overlap(r, o)) {
            return o;
        }
    }
    return NULL;
}

static void request_begin(BlockDriverState *bs, BlockRequest *r, uint64_t off,
                          uint64_t len, bool serialising)
{
    BlockRequest *o;

    *r = (BlockRequest){ .start = off, .end = off + len,
                         .serialising = serialising, .next = bs->writes };
    bs->writes = r;
    while ((o = older_conflict(r))) {
        co_queue_wait(&o->waiters);
    }
    if (bs->job) {
        job_before_write(bs, off, len);
    }
}

/* reached: the file goes on to the end of the request now, if it did not before. */
static void request_end(BlockDriverState *bs, BlockRequest *r, bool reached)
{
    BlockRequest **p = &bs->writes;

    while (*p != r) {
        p = &(*p)->next;
    }
    *p = r->next;
    bs->write_gen++;
    if (reached && bs->growable && r->end > bs->length) {
        bs->length = r->end;
    }
    co_queue_all(&r->waiters);
    if (bs->job) {
        job_after_write(bs, r->start, r->end - r->start);
    }
}

/* -- Reading ----------------------------------------------------------------- */

static bool is_aligned(const BlockDriverState *bs, uint64_t off, uint64_t len,
                       uint32_t align, const QEMUIOVector *qiov, size_t at)
{
    return !((off | len) & (align - 1)) &&
           (bs->mem_align <= 1 || iov_is_aligned(qiov, at, len, bs->mem_align));
}

static int read_aligned_buf(BlockDriverState *bs, uint64_t off, void *buf, size_t len)
{
    struct iovec one;
    QEMUIOVector q;

    iov_init_buf(&q, &one, buf, len);
    return bs->drv->co_preadv(bs, off, len, &q, 0);
}

/* How many bytes are before the end; the others are zeroed. */
static uint64_t zero_behind(uint64_t end, uint64_t off, uint64_t len,
                            const QEMUIOVector *qiov, size_t at)
{
    uint64_t there = off < end ? MIN(len, end - off) : 0;

    if (there < len) {
        iov_memset(qiov, at + there, 0, len - there);
    }
    return there;
}

/* The file of an image may end within its last cluster.  Behind the end, devices and
 * exports read as zeroes, as regular files do by themselves. */
int bdrv_co_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                   const QEMUIOVector *qiov, size_t at)
{
    int ret = check_range(bs, off, len, bs->drv && bs->drv->protocol);

    if (ret >= 0 && !bs->growable) {
        len = zero_behind(bs->length, off, len, qiov, at);
    }
    if (ret < 0 || len == 0) {
        return ret;
    }
    if (is_aligned(bs, off, len, bs->read_align, qiov, at)) {
        return bs->drv->co_preadv(bs, off, len, qiov, at);
    }
    uint64_t start = align_down(off, bs->read_align);
    uint64_t end = align_up(off + len, bs->read_align);
    char *buf = bdrv_memalign(bs, end - start);

    if (!buf) {
        return -ENOMEM;
    }
    ret = read_aligned_buf(bs, start, buf, end - start);
    if (ret >= 0) {
        iov_from_buf(qiov, at, buf + (off - start), len);
    }
    free(buf);
    return ret;
}

int bdrv_co_read_backing(BlockDriverState *bs, uint64_t off, uint64_t len,
                         const QEMUIOVector *qiov, size_t at)
{
    if (bs->backing && !bs->backing->drv) {
        return -ENOMEDIUM;              /* lost: bdrv_reopen() */
    }
    uint64_t there = zero_behind(bs->backing ? bs->backing->length : 0, off, len, qiov, at);

    return there ? bdrv_co_preadv(bs->backing, off, there, qiov, at) : 0;
}

/* -- Writing ----------------------------------------------------------------- */

/* The whole aligned range around the request, edges read, then written. */
static int write_bounced(BlockDriverState *bs, uint64_t off, uint64_t len,
                         const QEMUIOVector *qiov, size_t at)
{
    uint32_t align = bs->write_align;
    uint64_t start = align_down(off, align), end = align_up(off + len, align);
    char *buf = bdrv_memalign(bs, end - start);
    struct iovec one;
    QEMUIOVector q;
    int ret = 0;

    if (!buf) {
        return -ENOMEM;
    }
    if (off > start) {
        ret = read_aligned_buf(bs, start, buf, align);
    }
    if (ret >= 0 && end > off + len && (off == start || end - start > align)) {
        ret = read_aligned_buf(bs, end - align, buf + (end - start - align), align);
    }
    if (ret >= 0) {
        iov_to_buf(qiov, at, buf + (off - start), len);
        iov_init_buf(&q, &one, buf, end - start);
        ret = bs->drv->co_pwritev(bs, start, end - start, &q, 0);
    }
    free(buf);
    return ret;
}

static int check_write(const BlockDriverState *bs, uint64_t off, uint64_t len)
{
    int ret = check_range(bs, off, len, false);

    if (ret < 0) {
        return ret;
    }
    return bs->read_only ? -EPERM : bs->drv->co_pwritev ? 0 : -ENOTSUP;
}

int bdrv_co_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                    const QEMUIOVector *qiov, size_t at, int flags)
{
    int ret = check_write(bs, off, len);
    uint64_t edges = (off | len) & (bs->write_align - 1);
    BlockRequest r;

    if (ret < 0 || len == 0) {
        return ret;
    }
    if (edges) {
        uint64_t start = align_down(off, bs->write_align);

        request_begin(bs, &r, start, align_up(off + len, bs->write_align) - start, true);
    } else {
        request_begin(bs, &r, off, len, false);
    }
    if (!is_aligned(bs, off, len, bs->write_align, qiov, at)) {
        ret = write_bounced(bs, off, len, qiov, at);
    } else if (flags & BDRV_REQ_FUA && bs->drv->co_pwritev_fua &&
               !(bs->flags & BDRV_O_NO_FLUSH)) {
        ret = bs->drv->co_pwritev_fua(bs, off, len, qiov, at);
        flags &= ~BDRV_REQ_FUA;
    } else {
        ret = bs->drv->co_pwritev(bs, off, len, qiov, at);
    }
    request_end(bs, &r, ret >= 0);
    if (ret >= 0 && (flags & BDRV_REQ_FUA)) {
        ret = bdrv_co_flush(bs);
    }
    return ret;
}

static int write_zero_data(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    size_t chunk = MIN(len, ZERO_CHUNK);
    void *buf = bdrv_memalign(bs, chunk);
    int ret = 0;

    if (!buf) {
        return -ENOMEM;
    }
    memset(buf, 0, chunk);
    while (len && ret >= 0) {
        struct iovec one;
        QEMUIOVector q;
        size_t n = MIN(len, chunk);

        iov_init_buf(&q, &one, buf, n);
        ret = bdrv_co_pwritev(bs, off, n, &q, 0, 0);
        off += n;
        len -= n;
    }
    free(buf);
    return ret;
}

static int driver_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len, int flags)
{
    BlockRequest r;

    if (!bs->drv->co_write_zeroes) {
        return -ENOTSUP;
    }
    request_begin(bs, &r, off, len, false);
    int ret = bs->drv->co_write_zeroes(bs, off, len, flags);
    request_end(bs, &r, ret >= 0);
    return ret;
}

int bdrv_co_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len, int flags)
{
    int ret = check_write(bs, off, len);
    uint64_t start = align_up(off, bs->write_align);
    uint64_t end = align_down(off + len, bs->write_align);

    if (ret < 0 || len == 0) {
        return ret;
    }
    if (off + len == bs->length) {
        end = off + len;                /* nothing behind it to keep */
    }
    if (start >= end) {
        return write_zero_data(bs, off, len);
    }
    if (off < start) {
        ret = write_zero_data(bs, off, start - off);
    }
    if (ret >= 0) {
        ret = driver_zeroes(bs, start, end - start, flags);
        if (ret == -ENOTSUP) {
            ret = write_zero_data(bs, start, end - start);
        }
    }
    if (ret >= 0 && end < off + len) {
        ret = write_zero_data(bs, end, off + len - end);
    }
    if (ret >= 0 && (flags & BDRV_REQ_FUA)) {
        ret = bdrv_co_flush(bs);
    }
    return ret;
}

int bdrv_co_write_compressed(BlockDriverState *bs, uint64_t off, uint64_t len,
                             const QEMUIOVector *qiov, size_t at)
{
    int ret = check_write(bs, off, len);
    BlockRequest r;

    if (ret >= 0 && !bs->drv->co_write_compressed) {
        ret = -ENOTSUP;
    }
    if (ret < 0 || len == 0) {
        return ret;
    }
    request_begin(bs, &r, off, len, false);
    ret = bs->drv->co_write_compressed(bs, off, len, qiov, at);
    request_end(bs, &r, ret >= 0);
    return ret;
}

/* Discard is advice: what cannot be discarded stays. */
int bdrv_co_discard(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    int ret = check_write(bs, off, len);
    uint64_t start = align_up(off, bs->write_align);
    uint64_t end = align_down(off + len, bs->write_align);
    BlockRequest r;

    if (ret < 0 || start >= end || !bs->drv->co_discard || !(bs->flags & BDRV_O_UNMAP)) {
        return ret;
    }
    request_begin(bs, &r, start, end - start, false);
    ret = bs->drv->co_discard(bs, start, end - start);
    request_end(bs, &r, false);
    return ret == -ENOTSUP ? 0 : ret;
}

/* -- Flushing ---------------------------------------------------------------- */

static int flush_node(BlockDriverState *bs)
{
    int ret = 0;

    if (bs->drv->co_flush_to_os) {
        ret = bs->drv->co_flush_to_os(bs);
    }
    if (ret >= 0 && !(bs->flags & BDRV_O_NO_FLUSH)) {
        if (bs->drv->co_flush_to_disk) {
            ret = bs->drv->co_flush_to_disk(bs);
        }
        if (ret >= 0 && bs->file) {
            ret = bdrv_co_flush(bs->file);
        }
    }
    return ret;
}

/* One at a time; one that finds everything flushed by then has nothing to do. */
int bdrv_co_flush(BlockDriverState *bs)
{
    uint64_t want = bs->write_gen;
    int ret = 0;

    if (!bs->drv) {
        return -ENOMEDIUM;
    }
    while (bs->flushing) {
        co_queue_wait(&bs->flush_waiters);
    }
    if (bs->read_only || bs->flushed_gen >= want) {
        return 0;
    }
    want = bs->write_gen;
    bs->flushing = true;
    ret = flush_node(bs);
    bs->flushing = false;
    if (ret >= 0) {
        bs->flushed_gen = want;
    }
    co_queue_all(&bs->flush_waiters);
    return ret;
}

int bdrv_co_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                         uint64_t *num, uint64_t *map)
{
    uint64_t ignored;

    *num = 0;
    if (!bs->drv) {
        return -ENOMEDIUM;
    }
    if (off >= bs->length || len == 0) {
        return 0;
    }
    *num = MIN(len, bs->length - off);
    if (!bs->drv->co_block_status) {
        return BDRV_BLOCK_DATA | BDRV_BLOCK_ALLOCATED;
    }
    return bs->drv->co_block_status(bs, off, *num, num, map ? map : &ignored);
}

/* -- Waiting versions -------------------------------------------------------- */

typedef struct Call {
    BlockDriverState *bs;
    enum { READ, WRITE, ZEROES, DISCARD, FLUSH, STATUS } op;
    uint64_t off, len;
    const QEMUIOVector *qiov;
    int flags;
    uint64_t *num, *map;
} Call;

static int run(void *arg)
{
    Call *c = arg;

    switch (c->op) {
    case READ:    return bdrv_co_preadv(c->bs, c->off, c->len, c->qiov, 0);
    case WRITE:   return bdrv_co_pwritev(c->bs, c->off, c->len, c->qiov, 0, c->flags);
    case ZEROES:  return bdrv_co_write_zeroes(c->bs, c->off, c->len, c->flags);
    case DISCARD: return bdrv_co_discard(c->bs, c->off, c->len);
    case FLUSH:   return bdrv_co_flush(c->bs);
    case STATUS:  return bdrv_co_block_status(c->bs, c->off, c->len, c->num, c->map);
    }
    return -EINVAL;
}

int bdrv_pread(BlockDriverState *bs, uint64_t off, void *buf, size_t len)
{
    struct iovec one;
    QEMUIOVector q;

    iov_init_buf(&q, &one, buf, len);
    return aio_run_sync(run, &(Call){ .bs = bs, .op = READ, .off = off,
                                      .len = len, .qiov = &q });
}

static int write_sync(BlockDriverState *bs, uint64_t off, const void *buf,
                      size_t len, int flags)
{
    struct iovec one;
    QEMUIOVector q;

    iov_init_buf(&q, &one, (void *)(uintptr_t)buf, len);
    return aio_run_sync(run, &(Call){ .bs = bs, .op = WRITE, .off = off,
                                      .len = len, .qiov = &q, .flags = flags });
}

int bdrv_pwrite(BlockDriverState *bs, uint64_t off, const void *buf, size_t len)
{
    return write_sync(bs, off, buf, len, 0);
}

int bdrv_pwrite_sync(BlockDriverState *bs, uint64_t off, const void *buf, size_t len)
{
    return write_sync(bs, off, buf, len, BDRV_REQ_FUA);
}

int bdrv_flush(BlockDriverState *bs)
{
    return aio_run_sync(run, &(Call){ .bs = bs, .op = FLUSH });
}

int bdrv_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                      uint64_t *num, uint64_t *map)
{
    return aio_run_sync(run, &(Call){ .bs = bs, .op = STATUS, .off = off,
                                      .len = len, .num = num, .map = map });
}

int blk_discard(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    return aio_run_sync(run, &(Call){ .bs = bs, .op = DISCARD, .off = off, .len = len });
}

int blk_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    return aio_run_sync(run, &(Call){ .bs = bs, .op = ZEROES, .off = off, .len = len,
                                      .flags = BDRV_REQ_MAY_UNMAP });
}

int blk_pread(BlockDriverState *bs, uint64_t off, void *buf, size_t len)
{
    return bdrv_pread(bs, off, buf, len);
}

int blk_pwrite(BlockDriverState *bs, uint64_t off, const void *buf, size_t len)
{
    int flags = bs->flags & BDRV_O_WRITETHROUGH ? BDRV_REQ_FUA : 0;

    return write_sync(bs, off, buf, len, flags);
}

int blk_flush(BlockDriverState *bs)
{
    return bdrv_flush(bs);
}
