/* SPDX-License-Identifier: MIT */
/*
 * Power cuts: what a driver writes to its file is recorded, and the file as it
 * would be after a cut is made again.
 *
 *      block_log_start(bs->file)     after open; keeps the file as it is then
 *      ... requests, close ...
 *      block_log_cut(n, drop, path)  a file with the first n records in it; with
 *                                    drop, those that no flush had covered may be
 *                                    missing, each by itself (the disk's cache)
 *      block_log_end()
 *
 * A flush record covers what was done before the flush began.
 */
#ifndef TESTS_UNIT_BLOCK_LOG_H
#define TESTS_UNIT_BLOCK_LOG_H

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/block-int.h"
#include "util/bits.h"
#include "util/mem.h"

typedef struct BlockLogRecord {
    enum { LOG_WRITE, LOG_ZERO, LOG_TRUNCATE, LOG_FLUSH } kind;
    uint64_t off, len;                  /* FLUSH: off is how many it covers */
    uint8_t *data;
} BlockLogRecord;

static struct {
    BlockLogRecord *rec;
    size_t num, room;
    uint8_t *base;                      /* the file at the start */
    uint64_t base_len;
    BlockDriver driver;
    const BlockDriver *below;
} block_log;

static void block_log_add(BlockLogRecord r)
{
    if (block_log.num == block_log.room) {
        block_log.room = MAX(256, 2 * block_log.room);
        block_log.rec = xrealloc(block_log.rec, block_log.room * sizeof(r));
    }
    block_log.rec[block_log.num++] = r;
}

static int log_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                       const QEMUIOVector *qiov, size_t at)
{
    uint8_t *data = xmalloc(len);
    int ret = block_log.below->co_pwritev(bs, off, len, qiov, at);

    iov_to_buf(qiov, at, data, len);
    block_log_add((BlockLogRecord){ LOG_WRITE, off, len, data });
    return ret;
}

static int log_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len, int flags)
{
    int ret = block_log.below->co_write_zeroes(bs, off, len, flags);

    if (ret >= 0) {
        block_log_add((BlockLogRecord){ LOG_ZERO, off, len, NULL });
    }
    return ret;
}

static int log_truncate(BlockDriverState *bs, uint64_t size, Error *err)
{
    block_log_add((BlockLogRecord){ LOG_TRUNCATE, size, 0, NULL });
    return block_log.below->co_truncate(bs, size, err);
}

static int log_flush(BlockDriverState *bs)
{
    (void)bs;
    block_log_add((BlockLogRecord){ LOG_FLUSH, block_log.num, 0, NULL });
    return 0;
}

static void block_log_start(BlockDriverState *file)
{
    block_log.base_len = file->length;
    block_log.base = xmalloc(file->length + 1);
    if (bdrv_pread(file, 0, block_log.base, file->length) < 0) {
        abort();
    }
    block_log.below = file->drv;
    block_log.driver = *file->drv;
    block_log.driver.co_pwritev = log_pwritev;
    block_log.driver.co_write_zeroes = log_write_zeroes;
    block_log.driver.co_discard = NULL;
    block_log.driver.co_truncate = log_truncate;
    block_log.driver.co_flush_to_disk = log_flush;
    file->drv = &block_log.driver;
}

static void block_log_end(void)
{
    for (size_t i = 0; i < block_log.num; i++) {
        free(block_log.rec[i].data);
    }
    free(block_log.rec);
    free(block_log.base);
    memset(&block_log, 0, sizeof(block_log));
}

typedef struct BlockLogImage { uint8_t *data; uint64_t len, room; } BlockLogImage;

static void block_log_reach(BlockLogImage *im, uint64_t len)
{
    if (len > im->room) {
        im->room = MAX(len, 2 * im->room);
        im->data = xrealloc(im->data, im->room);
    }
    if (len > im->len) {
        memset(im->data + im->len, 0, len - im->len);
        im->len = len;
    }
}

static void block_log_apply(BlockLogImage *im, const BlockLogRecord *r)
{
    switch (r->kind) {
    case LOG_WRITE:
        block_log_reach(im, r->off + r->len);
        memcpy(im->data + r->off, r->data, r->len);
        break;
    case LOG_ZERO:
        block_log_reach(im, r->off + r->len);
        memset(im->data + r->off, 0, r->len);
        break;
    case LOG_TRUNCATE:
        block_log_reach(im, r->off);
        im->len = r->off;
        break;
    case LOG_FLUSH:
        break;
    }
}

/* How many of the first n records are surely on the disk. */
static size_t block_log_durable(size_t n)
{
    size_t durable = 0;

    for (size_t i = 0; i < n; i++) {
        if (block_log.rec[i].kind == LOG_FLUSH) {
            durable = MAX(durable, block_log.rec[i].off);
        }
    }
    return durable;
}

static void block_log_cut(size_t n, bool (*drop)(void), const char *path)
{
    BlockLogImage im = { xmalloc(block_log.base_len + 1), block_log.base_len,
                         block_log.base_len + 1 };
    size_t durable = block_log_durable(n);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    memcpy(im.data, block_log.base, block_log.base_len);
    for (size_t i = 0; i < n; i++) {
        if (i < durable || !drop || !drop()) {
            block_log_apply(&im, &block_log.rec[i]);
        }
    }
    for (uint64_t at = 0; at < im.len;) {
        ssize_t done = pwrite(fd, im.data + at, im.len - at, (off_t)at);

        if (done <= 0) {
            abort();
        }
        at += (uint64_t)done;
    }
    close(fd);
    free(im.data);
}

#endif
