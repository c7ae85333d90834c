/* SPDX-License-Identifier: MIT */
/*
 * Jobs: mirror and backup.
 *
 *      drive    | granule 0 | granule 1 | granule 2 | ...      64 KiB each
 *      todo           0           1           1                a bit each
 *
 *      coroutine     takes the next granules that are to do, copies them, pauses
 *      guest writes  mirror: afterwards, the granules are to do again
 *                    backup: before, granules that are to do are copied
 *
 * Whoever takes granules clears their bits first and is in `copies` until they are
 * written.  So a mirror whose read races with a guest's write copies again, and a
 * backup's guest waits for the copy in progress of what it is about to change.
 *
 * A job ends in a bottom half: nothing else of the block layer is on the stack then,
 * so that the drive may be drained and the trees exchanged.
 */
#include "block/job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block/block-int.h"
#include "sys/loop.h"
#include "util/bits.h"
#include "util/mem.h"

enum { GRANULE = 64 << 10, MAX_RUN = 16 };

#define GATHER_NS 100000000             /* of a mirror that follows */

typedef struct Copy {                   /* in progress: granules [first, end) */
    uint64_t first, end;
    CoQueue waiters;
    struct Copy *next;
} Copy;

typedef struct BlockJob {
    BlockJobKind kind;
    BlockDriverState *bs, *target;
    bool top;                           /* only what the top image has */
    uint8_t *todo;
    uint64_t num, left;                 /* granules: all, to do */
    uint64_t speed;                     /* bytes per second, or 0 */
    Copy *copies;
    Coroutine *co;                      /* NULL: over, or not started */
    AioTimer timer;
    QEMUBH *bh;
    bool waiting, idle;                 /* for the timer; until somebody wakes it */
    bool ready, finish, pivot, abort, over;
    int users;                          /* guest's requests inside */
    char why[512];                      /* failed: what to tell */
} BlockJob;

static const char *const kind_names[] = { [JOB_MIRROR] = "mirror", [JOB_BACKUP] = "backup" };

static bool must_stop(const BlockJob *j) { return j->abort || j->why[0]; }

/* -- Granules ---------------------------------------------------------------- */

static bool is_todo(const BlockJob *j, uint64_t g)
{
    return j->todo[g / 8] >> (g % 8) & 1;
}

static void set_todo(BlockJob *j, uint64_t g, bool on)
{
    if (is_todo(j, g) != on) {
        j->todo[g / 8] ^= (uint8_t)(1u << (g % 8));
        j->left += on ? 1 : -1ull;
    }
}

/* The first that is to do in [g, end), or end. */
static uint64_t find_todo(const BlockJob *j, uint64_t g, uint64_t end)
{
    while (g < end && !is_todo(j, g)) {
        g += g % 8 == 0 && !j->todo[g / 8] ? 8 : 1;
    }
    return MIN(g, end);
}

static Copy *find_copy(const BlockJob *j, uint64_t first, uint64_t end)
{
    for (Copy *c = j->copies; c; c = c->next) {
        if (c->first < end && first < c->end) {
            return c;
        }
    }
    return NULL;
}

/* -- Copying ----------------------------------------------------------------- */

static void fail(BlockJob *j, int ret, const char *what)
{
    if (!must_stop(j)) {
        snprintf(j->why, sizeof(j->why), "%.60s: %s to %.300s given up: %s: %s",
                 blk_name(j->bs), kind_names[j->kind], blk_filename(j->target), what,
                 strerror(-ret));
    }
}

static void copy_bytes(BlockJob *j, uint64_t off, uint64_t len, void *buf)
{
    struct iovec one;
    QEMUIOVector q;

    iov_init_buf(&q, &one, buf, len);
    int ret = bdrv_co_preadv(j->bs, off, len, &q, 0);

    if (ret < 0) {
        fail(j, ret, "reading");
        return;
    }
    ret = iov_is_zero(&q, 0, len)
        ? bdrv_co_write_zeroes(j->target, off, len, BDRV_REQ_MAY_UNMAP)
        : bdrv_co_pwritev(j->target, off, len, &q, 0, 0);
    if (ret < 0) {
        fail(j, ret, "writing");
    }
}

/* Without what shows from the backing image, if only the top is wanted. */
static void copy_range(BlockJob *j, uint64_t off, uint64_t len, void *buf)
{
    uint64_t num = len;

    for (; len && !must_stop(j); off += num, len -= num) {
        int status = BDRV_BLOCK_ALLOCATED;

        num = len;
        if (j->top) {
            status = bdrv_co_block_status(j->bs, off, len, &num, NULL);
        }
        if (status < 0) {
            fail(j, status, "reading");
        } else if (status & BDRV_BLOCK_ALLOCATED) {
            copy_bytes(j, off, num, buf);
        }
    }
}

/* What is to do from granule g on, at most `most`, not beyond end.  Bytes copied. */
static uint64_t copy_granules(BlockJob *j, uint64_t g, uint64_t end, uint64_t most)
{
    Copy c = { .first = g, .end = g, .next = j->copies }, **p = &j->copies;
    const BlockDriverState *strict = j->bs->mem_align > j->target->mem_align ? j->bs : j->target;

    while (c.end < end && c.end - g < most && is_todo(j, c.end)) {
        set_todo(j, c.end++, false);
    }
    uint64_t off = g * GRANULE, len = MIN(c.end * GRANULE, j->bs->length) - off;
    void *buf = bdrv_memalign(strict, len);

    j->copies = &c;
    if (buf) {
        copy_range(j, off, len, buf);
    } else {
        fail(j, -ENOMEM, "reading");
    }
    free(buf);
    while (*p != &c) {
        p = &(*p)->next;
    }
    *p = c.next;
    co_queue_all(&c.waiters);
    return len;
}

/* -- The coroutine ----------------------------------------------------------- */

static void timer_fired(void *opaque)
{
    BlockJob *j = opaque;

    j->waiting = j->idle = false;
    coroutine_enter(j->co);
}

/* ns < 0: until wake(), which may have been called while nobody waited. */
static void pause_job(BlockJob *j, int64_t ns)
{
    if (must_stop(j)) {
        return;
    }
    j->waiting = true;
    j->idle = ns < 0;
    if (ns >= 0) {
        aio_timer_set(&j->timer, ns);
    }
    coroutine_yield();
}

static void wake(BlockJob *j)
{
    if (j->waiting) {
        aio_timer_set(&j->timer, 0);
    }
}

static int64_t time_for(const BlockJob *j, uint64_t bytes)
{
    return j->speed && !j->finish ? (int64_t)(bytes * 1e9 / (double)j->speed) : 0;
}

/* From the first granule to the last: what a guest writes meanwhile may be left. */
static void copy_pass(BlockJob *j)
{
    for (uint64_t g = 0; !must_stop(j) && (g = find_todo(j, g, j->num)) < j->num;) {
        pause_job(j, time_for(j, copy_granules(j, g, j->num, j->speed ? 1 : MAX_RUN)));
    }
    while (j->copies) {
        co_queue_wait(&j->copies->waiters);
    }
}

static void flush_target(BlockJob *j)
{
    int ret = must_stop(j) ? 0 : bdrv_co_flush(j->target);

    if (ret < 0) {
        fail(j, ret, "writing");
    }
}

static void run_job(void *opaque)
{
    BlockJob *j = opaque;

    copy_pass(j);
    while (j->kind == JOB_MIRROR && !must_stop(j) && !j->finish) {
        j->ready = true;
        if (!j->left) {
            pause_job(j, -1);
        }
        if (!must_stop(j) && !j->finish) {
            pause_job(j, GATHER_NS);    /* a granule that is written again and again */
        }
        copy_pass(j);
    }
    flush_target(j);
    j->over = j->kind == JOB_BACKUP;
    j->co = NULL;
    bh_schedule(j->bh);
}

/* -- The guest's writes ------------------------------------------------------ */

void job_before_write(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    BlockJob *j = bs->job;
    uint64_t g = off / GRANULE, end = (off + len + GRANULE - 1) / GRANULE;

    if (j->kind != JOB_BACKUP) {
        return;
    }
    end = MIN(end, j->num);
    j->users++;
    while (!j->over && !must_stop(j)) {
        Copy *c = find_copy(j, g, end);

        if (c) {
            co_queue_wait(&c->waiters);
            continue;
        }
        uint64_t next = find_todo(j, g, end);

        if (next == end) {
            break;
        }
        copy_granules(j, next, end, MAX_RUN);
    }
    j->users--;
}

void job_after_write(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    BlockJob *j = bs->job;
    uint64_t end = MIN((off + len + GRANULE - 1) / GRANULE, j->num);

    if (j->kind == JOB_MIRROR) {
        for (uint64_t g = off / GRANULE; g < end; g++) {
            set_todo(j, g, true);
        }
        if (j->idle) {
            wake(j);
        }
    }
}

/* -- The end ----------------------------------------------------------------- */

static int copy_rest(void *opaque)
{
    BlockJob *j = opaque;

    for (uint64_t g = 0; !must_stop(j) && (g = find_todo(j, g, j->num)) < j->num;) {
        copy_granules(j, g, j->num, MAX_RUN);
    }
    flush_target(j);
    return 0;
}

/* The guest goes on in the copy. */
static void exchange(BlockJob *j)
{
    BlockDriverState *bs = j->bs, *old = bdrv_new(NULL);
    bool read_only = bs->read_only;
    int cache = bs->flags & BDRV_O_WRITETHROUGH;        /* the guest may have set it */

    bdrv_move_contents(old, bs);
    bdrv_move_contents(bs, j->target);
    bs->flags = (bs->flags & ~BDRV_O_WRITETHROUGH) | cache;
    bs->read_only = read_only;
    bdrv_delete(old);
}

static void end_job(BlockJob *j)
{
    BlockDriverState *bs = j->bs;

    if (j->kind == JOB_MIRROR && !must_stop(j)) {
        blk_drain(bs);
        while (bs->writes) {
            aio_poll();
        }
        aio_run_sync(copy_rest, j);
    }
    j->over = true;
    while (j->users || j->copies) {
        aio_poll();
    }
    bs->job = NULL;
    if (j->why[0]) {
        fprintf(stderr, "%s; the copy is not whole, the drive goes on as it was\n", j->why);
    } else if (j->pivot && !j->abort) {
        exchange(j);
    }
    bdrv_delete(j->target);
    bh_delete(j->bh);
    free(j->todo);
    free(j);
}

static void end_bh(void *opaque)
{
    end_job(opaque);
}

/* Now, by whoever is not in the middle of something. */
static void end_now(BlockJob *j)
{
    wake(j);
    while (j->co) {
        aio_poll();
    }
    bh_cancel(j->bh);
    end_job(j);
}

void job_close(BlockDriverState *bs)
{
    BlockJob *j = bs->job;

    if (!j) {
        return;
    }
    j->finish = j->ready;
    j->pivot = false;
    if (!j->ready && !must_stop(j) && j->co) {
        fprintf(stderr, "%s: %s to %s ends before it is done: the copy is not whole\n",
                blk_name(bs), kind_names[j->kind], blk_filename(j->target));
        j->abort = true;
    }
    end_now(j);
}

/* -- Beginning --------------------------------------------------------------- */

static int create_target(BlockDriverState *bs, const char *target, const char *format, bool top,
                         Error *err)
{
    BlockOpts opts = { NULL, 0 };

    if (top && !bs->backing->drv) {
        return error_set(err, ENOMEDIUM, "%s: its backing image is lost", bs->filename);
    }
    if (top) {
        char *backing = realpath(bs->backing->filename, NULL);

        opts_set(&opts, "backing_file", backing ? backing : bs->backing->filename);
        opts_set(&opts, "backing_fmt", bs->backing->drv->name);
        free(backing);
    }
    int ret = bdrv_create(format, target, bs->length, &opts, err);

    opts_free(&opts);
    return ret;
}

static int open_target(BlockJob *j, const char *target, const char *format, int flags, Error *err)
{
    BlockDriverState *bs = j->bs;
    int how = (bs->flags | BDRV_O_RDWR) & ~(BDRV_O_AUTO_RDONLY | BDRV_O_NO_LOCK | BDRV_O_REPAIR);
    int ret = 0;

    if (bs->drv == &bdrv_overlay) {
        how &= ~BDRV_O_NO_FLUSH;        /* that is for the temporary file */
    }
    if (!(flags & JOB_REUSE)) {
        format = format ? format : bs->drv->create ? bs->drv->name : bdrv_qcow2.name;
        ret = create_target(bs, target, format, j->top, err);
    }
    if (ret >= 0) {
        ret = bdrv_open(j->target, target, format, how, NULL, err);
    }
    if (ret >= 0 && j->target->length != bs->length) {
        ret = error_set(err, EINVAL, "%s: has %" PRIu64 " bytes, the drive %" PRIu64 ": they"
                        " must be the same", target, j->target->length, bs->length);
    }
    return ret;
}

static int check_start(const BlockDriverState *bs, Error *err)
{
    return bs->drv ? job_refuse(bs, err)
                   : error_set(err, ENOMEDIUM, "%s: there is no medium", blk_name(bs));
}

int job_start(BlockDriverState *bs, BlockJobKind kind, const char *target, const char *format,
              int flags, Error *err)
{
    int ret = check_start(bs, err);

    if (ret < 0) {
        return ret;
    }
    BlockJob *j = xmalloc(sizeof(*j));

    *j = (BlockJob){ .kind = kind, .bs = bs, .target = bdrv_new(NULL),
                     .top = bs->backing && !(flags & JOB_FULL),
                     .num = (bs->length + GRANULE - 1) / GRANULE,
                     .timer = { .fn = timer_fired, .opaque = j } };
    j->todo = calloc(j->num / 8 + 1, 1);
    ret = j->todo ? open_target(j, target, format, flags, err)
                  : error_set(err, ENOMEM, "%s: too large to be copied", blk_name(bs));
    if (ret < 0) {
        bdrv_delete(j->target);
        free(j->todo);
        free(j);
        return ret;
    }
    for (uint64_t g = 0; g < j->num; g++) {
        set_todo(j, g, true);
    }
    j->bh = bh_new(end_bh, j);
    blk_drain(bs);
    bs->job = j;
    j->co = coroutine_create(run_job, j);
    coroutine_enter(j->co);
    return 0;
}

/* -- Control ----------------------------------------------------------------- */

static int find_job(const BlockDriverState *bs, BlockJob **j, Error *err)
{
    *j = bs->job;
    return *j ? 0 : error_set(err, ENOENT, "%s: no job runs on it", blk_name(bs));
}

int job_refuse(const BlockDriverState *bs, Error *err)
{
    return bs->job ? error_set(err, EBUSY, "%s: a %s job runs on it: wait for it, or"
                               " block_job_cancel", blk_name(bs), kind_names[bs->job->kind]) : 0;
}

int job_cancel(BlockDriverState *bs, bool force, Error *err)
{
    BlockJob *j;
    int ret = find_job(bs, &j, err);

    if (ret >= 0) {
        j->finish = j->ready && !force;
        j->abort = !j->finish;
        wake(j);
    }
    return ret;
}

int job_complete(BlockDriverState *bs, Error *err)
{
    BlockJob *j;
    int ret = find_job(bs, &j, err);

    if (ret >= 0 && !j->ready) {
        ret = error_set(err, EBUSY, "%s: %s", blk_name(bs), j->kind == JOB_BACKUP
                        ? "a backup completes by itself"
                        : "the mirror is not ready: wait until info block-jobs says so");
    }
    if (ret >= 0) {
        j->finish = j->pivot = true;
        wake(j);
    }
    return ret;
}

int job_set_speed(BlockDriverState *bs, uint64_t speed, Error *err)
{
    BlockJob *j;
    int ret = find_job(bs, &j, err);

    if (ret >= 0) {
        j->speed = speed;
        if (!j->idle) {
            wake(j);
        }
    }
    return ret;
}

int job_dump(void (*put)(void *opaque, const char *line), void *opaque)
{
    int num = 0;

    for (BlockDriverState *bs = bdrv_next(NULL); bs; bs = bdrv_next(bs)) {
        const BlockJob *j = bs->job;
        char line[200];

        if (j) {
            uint64_t done = (j->num - j->left) * GRANULE;

            snprintf(line, sizeof(line), "Type %s, device %s: Completed %" PRIu64 " of %" PRIu64
                     " bytes, speed limit %" PRIu64 " bytes/s%s", kind_names[j->kind],
                     blk_name(bs), MIN(done, bs->length), bs->length, j->speed,
                     j->ready ? ", ready" : "");
            put(opaque, line);
            num++;
        }
    }
    return num;
}
