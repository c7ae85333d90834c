/* SPDX-License-Identifier: MIT */
/*
 * qemu-img bench: how fast are requests of one size, so many at a time?
 *
 * With --flush-interval, after so many writes a flush is sent when those in
 * flight are done (--no-drain: beside them).
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "block/aio.h"
#include "tools/img.h"
#include "util/bits.h"
#include "util/mem.h"

typedef struct Slot {                   /* one request in flight */
    struct Bench *b;
    QEMUIOVector qiov;
    struct iovec one;
} Slot;

typedef struct Bench {
    BlockDriverState *bs;
    uint64_t count, depth, size, step, offset, flush_interval, pattern;
    bool write, drain, quiet;
    uint64_t to_send, to_finish, in_flight, until_flush;
    bool flushing;
    Slot **idle;
    uint64_t num_idle;
    int ret;
} Bench;

/* -- Running ----------------------------------------------------------------- */

static void send_more(Bench *b);

static void request_done(void *opaque, int ret)
{
    Slot *s = opaque;
    Bench *b = s->b;

    b->ret = ret < 0 && b->ret >= 0 ? ret : b->ret;
    b->idle[b->num_idle++] = s;
    b->in_flight--;
    b->to_finish--;
    send_more(b);
}

static void flush_done(void *opaque, int ret)
{
    Bench *b = opaque;

    b->ret = ret < 0 && b->ret >= 0 ? ret : b->ret;
    b->flushing = false;
    send_more(b);
}

static void send_one(Bench *b)
{
    Slot *s = b->idle[--b->num_idle];
    uint64_t next = b->offset + b->step;

    b->in_flight++;
    b->to_send--;
    b->until_flush--;
    if (b->write) {
        blk_aio_pwritev(b->bs, b->offset, &s->qiov, request_done, s);
    } else {
        blk_aio_preadv(b->bs, b->offset, &s->qiov, request_done, s);
    }
    next %= b->bs->length;
    b->offset = next + b->size <= b->bs->length ? next : 0;
}

static void send_more(Bench *b)
{
    while (b->to_send && b->num_idle && b->ret >= 0) {
        if (b->flush_interval && b->until_flush == 0) {
            if (b->flushing || (b->drain && b->in_flight)) {
                return;
            }
            b->flushing = true;
            b->until_flush = b->flush_interval;
            blk_aio_flush(b->bs, flush_done, b);
        }
        if (b->flushing && b->drain) {
            return;
        }
        send_one(b);
    }
}

static int run(Bench *b)
{
    char *memory = bdrv_memalign(b->bs, b->depth * b->size);
    Slot *slots = xcalloc(b->depth, sizeof(*slots));
    struct timespec t0, t1;

    b->idle = xcalloc(b->depth, sizeof(*b->idle));
    if (!memory) {
        free(slots);
        free(b->idle);
        return img_fail("%" PRIu64 " buffers of %" PRIu64 " bytes: out of memory", b->depth,
                        b->size);
    }
    memset(memory, b->write ? (int)b->pattern : 0, b->depth * b->size);
    for (uint64_t i = 0; i < b->depth; i++) {
        slots[i].b = b;
        iov_init_buf(&slots[i].qiov, &slots[i].one, memory + i * b->size, b->size);
        b->idle[b->num_idle++] = &slots[i];
    }
    b->to_send = b->to_finish = b->count;
    b->until_flush = b->flush_interval;
    clock_gettime(CLOCK_MONOTONIC, &t0);
    send_more(b);
    while (b->in_flight || b->flushing) {
        aio_poll();
    }
    clock_gettime(CLOCK_MONOTONIC, &t1);
    free(memory);
    free(slots);
    free(b->idle);
    if (b->ret < 0) {
        return img_fail("Failed request: %s", strerror(-b->ret));
    }
    printf("Run completed in %3.3f seconds.\n", (double)(t1.tv_sec - t0.tv_sec) +
           (double)(t1.tv_nsec - t0.tv_nsec) / 1e9);
    return 0;
}

static int bench(Bench *b)
{
    if (b->size > b->bs->length) {
        return img_fail("%s: smaller than one request of %" PRIu64 " bytes", blk_filename(b->bs),
                        b->size);
    }
    b->offset = b->offset + b->size <= b->bs->length ? b->offset : 0;
    b->step = b->step ? b->step : b->size;
    printf("Sending %" PRIu64 " %s requests, %" PRIu64 " bytes each, %" PRIu64 " in parallel"
           " (starting at offset %" PRIu64 ", step size %" PRIu64 ")\n", b->count,
           b->write ? "write" : "read", b->size, b->depth, b->offset, b->step);
    if (b->flush_interval) {
        printf("Sending flush every %" PRIu64 " requests\n", b->flush_interval);
    }
    fflush(stdout);
    return run(b);
}

/* -- The command line -------------------------------------------------------- */

static bool take_number(const char *what, const char *text, uint64_t min, uint64_t max,
                        uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 0);
    if (*text < '0' || *text > '9' || *end || errno || *out < min || *out > max) {
        img_fail("Invalid %s specified", what);
        return false;
    }
    return true;
}

static bool take_bytes(const char *what, uint64_t *out)
{
    if (!img_size(what, optarg, out)) {
        return false;
    }
    if (*out > INT_MAX || *out == 0) {
        img_fail("Invalid %s specified. Must be between 1 and %d.", what, INT_MAX);
        return false;
    }
    return true;
}

static bool known_aio(const char *mode)
{
    if (!strcmp(mode, "threads") || !strcmp(mode, "native")) {
        return true;
    }
    img_fail("Invalid aio option: %s", mode);
    return false;
}

/* False: all is said. */
static bool take_option(Bench *b, int o)
{
    switch (o) {
    case 'c': return take_number("request count", optarg, 0, INT_MAX, &b->count);
    case 'd': return take_number("queue depth", optarg, 1, 1 << 16, &b->depth);
    case 'i': return known_aio(optarg);
    case 'o': return img_size("offset", optarg, &b->offset);
    case 'q': b->quiet = true; break;
    case 's': return take_bytes("buffer size", &b->size);
    case 'S': return take_bytes("step size", &b->step);
    case 'w': b->write = true; break;
    case OPT_PATTERN: return take_number("pattern byte", optarg, 0, 0xff, &b->pattern);
    case OPT_FLUSH_INTERVAL:
        return take_number("flush interval", optarg, 0, INT_MAX, &b->flush_interval);
    case OPT_NO_DRAIN: b->drain = false; break;
    }
    return true;
}

int img_bench(int argc, char **argv)
{
    Bench b = { .count = 75000, .depth = 64, .size = 4096, .drain = true };
    const char *format = NULL, *cache = "writeback";
    int flags = 0, o;
    ImgArgs a;

    img_args(&a, argc, argv, "c:d:f:ni:o:qs:S:t:wU", "flush-interval no-drain pattern force-share");
    while ((o = img_option(&a)) != -1) {
        switch (o) {
        case '?': return a.status;
        case 'f': format = optarg; break;
        case 't': cache = optarg; break;
        case 'U': flags |= BDRV_O_NO_LOCK; break;
        }
        if (!take_option(&b, o)) {
            return 1;
        }
    }
    if (img_left(&a) != 1) {
        return img_usage("Expecting one image file name");
    }
    if (b.flush_interval && !b.write) {
        return img_fail("--flush-interval is only available in write tests");
    }
    if (b.flush_interval && b.flush_interval < b.depth) {
        return img_fail("Flush interval can't be smaller than depth");
    }
    if (!img_cache(cache, false, &flags)) {
        return 1;
    }
    b.bs = img_open(argv[optind], format, flags | (b.write ? BDRV_O_RDWR : 0), b.quiet);
    int ret = b.bs ? bench(&b) : 1;

    bdrv_delete(b.bs);
    return ret;
}
