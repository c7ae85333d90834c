/* SPDX-License-Identifier: MIT */
/*
 * Drives: what a device holds on to.
 *
 *   blk_aio_*() -> coroutine -> tree -> done -> policy --report--> callback
 *                     ^                           |
 *                     '------ blk_resume_all() <--stop-- parked
 *
 * A request is on exactly one list: in_flight, or stopped.
 */
#include "block/backend.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block/block-int.h"
#include "block/job.h"
#include "sys/loop.h"
#include "util/bits.h"
#include "util/mem.h"

typedef enum Op { OP_READ, OP_WRITE, OP_FLUSH, OP_DISCARD, OP_ZEROES } Op;

struct BlockAIOCB {
    BlockDriverState *bs;
    Op op;
    uint64_t off, len;
    QEMUIOVector *qiov;
    BlockCompletionFunc *cb;            /* NULL: cancelled */
    void *opaque;
    bool over;                          /* cancelled, and done */
    int ret;
    AioTask done;
    BlockAIOCB *next;
};

typedef struct BlockBackend {
    char *name;
    BlockDriverState *bs;
    BlockConf conf;
    BlockStats stats;
    Throttle throttle;
    BlockAIOCB *in_flight, *stopped;
    const char *user;                   /* the device, or NULL */
    const BlockDevOps *ops;
    void *opaque;
    int open_flags;                     /* for the next medium */
    QEMUBH *disc_changed;
    struct BlockBackend *next;
} BlockBackend;

static BlockBackend *all;
static struct {
    void (*fn)(void *opaque, const char *why);
    void *opaque;
} stop_handler;

/* -- Life and facts ---------------------------------------------------------- */

void blk_add(BlockDriverState *bs, const char *name)
{
    BlockBackend *blk = xzalloc(sizeof(*blk)), **p = &all;

    *blk = (BlockBackend){ .name = xstrdup(name ? name : ""), .bs = bs,
                           .conf.werror = BLOCK_ERROR_ENOSPC,
                           .open_flags = BDRV_O_RDWR | BDRV_O_AUTO_RDONLY };
    bs->blk = blk;
    while (*p) {
        p = &(*p)->next;
    }
    *p = blk;
}

void blk_remove(BlockDriverState *bs)
{
    BlockBackend **p = &all;

    while (*p != bs->blk) {
        p = &(*p)->next;
    }
    *p = bs->blk->next;
    bh_delete(bs->blk->disc_changed);
    free(bs->blk->name);
    free(bs->blk);
}

BlockDriverState *bdrv_find(const char *name)
{
    for (BlockBackend *b = all; b; b = b->next) {
        if (*name && strcmp(b->name, name) == 0) {
            return b->bs;
        }
    }
    return NULL;
}

BlockDriverState *bdrv_next(const BlockDriverState *bs)
{
    BlockBackend *b = bs ? bs->blk->next : all;

    while (b && !*b->name) {            /* a tool's, or a job's target */
        b = b->next;
    }
    return b ? b->bs : NULL;
}

bool blk_is_inserted(const BlockDriverState *bs) { return bs->drv != NULL; }
bool blk_is_read_only(const BlockDriverState *bs) { return bs->read_only; }
uint64_t blk_length(const BlockDriverState *bs) { return bs->drv ? bs->length : 0; }
const char *blk_name(const BlockDriverState *bs) { return bs->blk->name; }
const char *blk_note(const BlockDriverState *bs) { return bs->note; }
BlockConf *blk_conf(BlockDriverState *bs) { return &bs->blk->conf; }
const BlockStats *blk_stats(const BlockDriverState *bs) { return &bs->blk->stats; }

const char *blk_filename(const BlockDriverState *bs)
{
    return bs->filename ? bs->filename : "";
}

const char *blk_format(const BlockDriverState *bs)
{
    return bs->drv ? bs->drv->name : "";
}

void blk_dump(void (*put)(void *, const char *), void *opaque)
{
    for (const BlockDriverState *bs = bdrv_next(NULL); bs; bs = bdrv_next(bs)) {
        const BlockBackend *b = bs->blk;
        char line[4400];

        if (bs->drv) {
            snprintf(line, sizeof(line), "%s: %s%s (%s%s), %" PRIu64 " bytes, cache=%s%s%s",
                     b->name, b->conf.is_cdrom ? "cdrom " : "", bs->filename,
                     bs->drv->name, bs->read_only ? ", read-only" : "", bs->length,
                     bdrv_cache_name(bs->flags), bs->note ? "; " : "",
                     bs->note ? bs->note : "");
        } else {
            snprintf(line, sizeof(line), "%s: %s[not inserted]", b->name,
                     b->conf.is_cdrom ? "cdrom " : "");
        }
        put(opaque, line);
    }
}

void blk_dump_stats(void (*put)(void *, const char *), void *opaque)
{
    for (const BlockDriverState *bs = bdrv_next(NULL); bs; bs = bdrv_next(bs)) {
        const BlockBackend *b = bs->blk;
        char line[300];

        snprintf(line, sizeof(line), "%s: rd_bytes=%" PRIu64 " wr_bytes=%" PRIu64
                 " rd_operations=%" PRIu64 " wr_operations=%" PRIu64
                 " flush_operations=%" PRIu64 " errors=%" PRIu64, b->name,
                 b->stats.rd_bytes, b->stats.wr_bytes, b->stats.rd_ops,
                 b->stats.wr_ops, b->stats.flush_ops, b->stats.errors);
        put(opaque, line);
    }
}

static const struct CacheMode { const char *name; int flags; } cache_modes[] = {
    { "none", BDRV_O_NOCACHE },
    { "off", BDRV_O_NOCACHE },
    { "directsync", BDRV_O_NOCACHE | BDRV_O_WRITETHROUGH },
    { "writethrough", BDRV_O_WRITETHROUGH },
    { "writeback", 0 },
    { "unsafe", BDRV_O_NO_FLUSH },
    { NULL, 0 }
};

#define CACHE_FLAGS (BDRV_O_NOCACHE | BDRV_O_WRITETHROUGH | BDRV_O_NO_FLUSH)

int bdrv_parse_cache(const char *mode, int *flags)
{
    for (const struct CacheMode *m = cache_modes; m->name; m++) {
        if (strcmp(m->name, mode) == 0) {
            *flags = (*flags & ~CACHE_FLAGS) | m->flags;
            return 0;
        }
    }
    return -EINVAL;
}

const char *bdrv_cache_name(int flags)
{
    for (const struct CacheMode *m = cache_modes; m->name; m++) {
        if (m->flags == (flags & CACHE_FLAGS)) {
            return m->name;
        }
    }
    return "mixed";
}

void blk_set_write_cache(BlockDriverState *bs, bool on)
{
    bs->flags = on ? bs->flags & ~BDRV_O_WRITETHROUGH : bs->flags | BDRV_O_WRITETHROUGH;
}

bool blk_write_cache(const BlockDriverState *bs)
{
    return !(bs->flags & BDRV_O_WRITETHROUGH);
}

int bdrv_parse_detect_zeroes(const char *mode, BlockDetectZeroes *out)
{
    static const char *const names[] = { "off", "on", "unmap" };

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(names[i], mode) == 0) {
            *out = (BlockDetectZeroes)i;
            return 0;
        }
    }
    return -EINVAL;
}

/* -- Requests ---------------------------------------------------------------- */

int blk_co_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                   const QEMUIOVector *qiov, size_t at, int flags)
{
    BlockDetectZeroes mode = bs->blk->conf.detect_zeroes;

    if (mode != BLOCK_DETECT_OFF && iov_is_zero(qiov, at, len)) {
        bool hole = mode == BLOCK_DETECT_UNMAP && bs->flags & BDRV_O_UNMAP;

        return bdrv_co_write_zeroes(bs, off, len, flags | (hole ? BDRV_REQ_MAY_UNMAP : 0));
    }
    return bdrv_co_pwritev(bs, off, len, qiov, at, flags);
}

static int perform(const BlockAIOCB *a)
{
    BlockDriverState *bs = a->bs;
    int fua = bs->flags & BDRV_O_WRITETHROUGH ? BDRV_REQ_FUA : 0;

    if (a->op == OP_READ || a->op == OP_WRITE || a->op == OP_ZEROES) {
        throttle_co_wait(&bs->blk->throttle, &bs->blk->conf.limits, a->op != OP_READ, a->len);
    }
    switch (a->op) {
    case OP_READ:    return bdrv_co_preadv(bs, a->off, a->len, a->qiov, 0);
    case OP_WRITE:   return blk_co_pwritev(bs, a->off, a->len, a->qiov, 0, fua);
    case OP_FLUSH:   return bdrv_co_flush(bs);
    case OP_DISCARD: return bdrv_co_discard(bs, a->off, a->len);
    case OP_ZEROES:
        return bdrv_co_write_zeroes(bs, a->off, a->len, fua | BDRV_REQ_MAY_UNMAP);
    }
    return -EINVAL;
}

static void acb_entry(void *opaque)
{
    BlockAIOCB *a = opaque;
    int ret = perform(a);

    a->ret = ret < 0 ? ret : 0;
    aio_defer(&a->done);
}

static void acb_start(BlockAIOCB *a)
{
    BlockBackend *blk = a->bs->blk;

    a->next = blk->in_flight;
    blk->in_flight = a;
    coroutine_enter(coroutine_create(acb_entry, a));
}

static void unlink_acb(BlockAIOCB **p, BlockAIOCB *a)
{
    while (*p != a) {
        p = &(*p)->next;
    }
    *p = a->next;
}

static void account(BlockStats *st, const BlockAIOCB *a)
{
    switch (a->op) {
    case OP_READ:  st->rd_ops++; st->rd_bytes += a->len; break;
    case OP_FLUSH: st->flush_ops++; break;
    default:       st->wr_ops++; st->wr_bytes += a->len; break;
    }
}

static BlockErrorAction action_for(const BlockAIOCB *a)
{
    const BlockConf *c = &a->bs->blk->conf;
    BlockErrorAction act = a->op == OP_READ ? c->rerror : c->werror;

    if (act == BLOCK_ERROR_ENOSPC) {
        act = a->ret == -ENOSPC ? BLOCK_ERROR_STOP : BLOCK_ERROR_REPORT;
    }
    return act == BLOCK_ERROR_STOP && !stop_handler.fn ? BLOCK_ERROR_REPORT : act;
}

static void park(BlockAIOCB *a)
{
    static const char *const verb[] = { "read", "write", "flush", "discard", "write" };
    BlockBackend *blk = a->bs->blk;
    char why[800];

    a->next = blk->stopped;
    blk->stopped = a;
    snprintf(why, sizeof(why), "%s: %.400s: %s at offset %" PRIu64 ": %s%s", blk->name,
             blk_filename(a->bs), verb[a->op], a->off, strerror(-a->ret),
             a->ret == -ENOSPC ? ": make room on the host, then continue"
                               : ": mend it, then continue");
    stop_handler.fn(stop_handler.opaque, why);
}

static void acb_done(void *opaque)
{
    BlockAIOCB *a = opaque;
    BlockBackend *blk = a->bs->blk;

    unlink_acb(&blk->in_flight, a);
    if (a->ret < 0 && a->cb) {
        BlockErrorAction act = action_for(a);

        blk->stats.errors++;
        if (act == BLOCK_ERROR_STOP) {
            park(a);
            return;
        }
        if (act == BLOCK_ERROR_IGNORE) {
            a->ret = 0;
        }
    } else {
        account(&blk->stats, a);
    }
    if (!a->cb) {
        a->over = true;                 /* blk_aio_cancel() waits and frees */
        return;
    }
    a->cb(a->opaque, a->ret);
    free(a);
}

static BlockAIOCB *submit(const BlockAIOCB *request)
{
    BlockAIOCB *a = xmalloc(sizeof(*a));

    *a = *request;
    a->done = (AioTask){ .fn = acb_done, .opaque = a };
    acb_start(a);
    return a;
}

BlockAIOCB *blk_aio_preadv(BlockDriverState *bs, uint64_t off, QEMUIOVector *qiov,
                           BlockCompletionFunc *cb, void *opaque)
{
    return submit(&(BlockAIOCB){ .bs = bs, .op = OP_READ, .off = off, .len = qiov->size,
                                 .qiov = qiov, .cb = cb, .opaque = opaque });
}

BlockAIOCB *blk_aio_pwritev(BlockDriverState *bs, uint64_t off, QEMUIOVector *qiov,
                            BlockCompletionFunc *cb, void *opaque)
{
    return submit(&(BlockAIOCB){ .bs = bs, .op = OP_WRITE, .off = off, .len = qiov->size,
                                 .qiov = qiov, .cb = cb, .opaque = opaque });
}

BlockAIOCB *blk_aio_flush(BlockDriverState *bs, BlockCompletionFunc *cb, void *opaque)
{
    return submit(&(BlockAIOCB){ .bs = bs, .op = OP_FLUSH, .cb = cb, .opaque = opaque });
}

BlockAIOCB *blk_aio_discard(BlockDriverState *bs, uint64_t off, uint64_t len,
                            BlockCompletionFunc *cb, void *opaque)
{
    return submit(&(BlockAIOCB){ .bs = bs, .op = OP_DISCARD, .off = off, .len = len,
                                 .cb = cb, .opaque = opaque });
}

BlockAIOCB *blk_aio_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len,
                                 BlockCompletionFunc *cb, void *opaque)
{
    return submit(&(BlockAIOCB){ .bs = bs, .op = OP_ZEROES, .off = off, .len = len,
                                 .cb = cb, .opaque = opaque });
}

static bool is_stopped(const BlockAIOCB *a)
{
    for (BlockAIOCB *p = a->bs->blk->stopped; p; p = p->next) {
        if (p == a) {
            return true;
        }
    }
    return false;
}

void blk_aio_cancel(BlockAIOCB *a)
{
    if (is_stopped(a)) {
        unlink_acb(&a->bs->blk->stopped, a);
    } else {
        Throttle *t = &a->bs->blk->throttle;

        a->cb = NULL;
        t->hurry++;
        while (!a->over) {
            aio_poll();
        }
        t->hurry--;
    }
    free(a);
}

/* -- All drives -------------------------------------------------------------- */

void blk_drain(BlockDriverState *bs)
{
    bs->blk->throttle.hurry++;
    while (bs->blk->in_flight) {
        aio_poll();
    }
    bs->blk->throttle.hurry--;
}

void blk_drain_all(void)
{
    bool busy;

    do {
        busy = false;
        for (BlockBackend *b = all; b; b = b->next) {
            busy |= b->in_flight != NULL;
            blk_drain(b->bs);
        }
    } while (busy);
}

int blk_flush_all(void)
{
    int ret = 0;

    for (BlockBackend *b = all; b; b = b->next) {
        int r = b->bs->drv ? bdrv_flush(b->bs) : 0;

        ret = r < 0 ? r : ret;
    }
    return ret;
}

BlockDriverState *blk_first_stopped(void)
{
    for (BlockBackend *b = all; b; b = b->next) {
        if (b->stopped) {
            return b->bs;
        }
    }
    return NULL;
}

/* The list is newest first; they go again in their old order. */
static BlockAIOCB *take_stopped(BlockBackend *blk)
{
    BlockAIOCB *ordered = NULL;

    while (blk->stopped) {
        BlockAIOCB *a = blk->stopped;

        blk->stopped = a->next;
        a->next = ordered;
        ordered = a;
    }
    return ordered;
}

void blk_resume_all(void)
{
    for (BlockBackend *b = all; b; b = b->next) {
        BlockAIOCB *a = take_stopped(b);

        while (a) {
            BlockAIOCB *next = a->next;

            acb_start(a);
            a = next;
        }
    }
}

void blk_fail_stopped(BlockDriverState *bs)
{
    BlockAIOCB *a = take_stopped(bs->blk);

    while (a) {
        BlockAIOCB *next = a->next;

        a->cb(a->opaque, a->ret);
        free(a);
        a = next;
    }
}

void blk_set_stop_handler(void (*fn)(void *opaque, const char *why), void *opaque)
{
    stop_handler.fn = fn;
    stop_handler.opaque = opaque;
}

/* -- The device at the other end --------------------------------------------- */

int blk_attach_dev(BlockDriverState *bs, const char *who, const BlockDevOps *ops,
                   void *opaque, Error *err)
{
    BlockBackend *blk = bs->blk;

    if (blk->user) {
        return error_set(err, EBUSY, "%s: already used by %s: give each device its own drive",
                         blk->name, blk->user);
    }
    blk->user = who;
    blk->ops = ops;
    blk->opaque = opaque;
    return 0;
}

void blk_detach_dev(BlockDriverState *bs)
{
    blk_fail_stopped(bs);
    blk_drain(bs);
    bs->blk->user = NULL;
    bs->blk->ops = NULL;
}

bool blk_is_attached(const BlockDriverState *bs)
{
    return bs->blk->user != NULL;
}

static void tell_device(const BlockBackend *blk, bool loaded)
{
    if (blk->ops && blk->ops->medium_changed) {
        blk->ops->medium_changed(blk->opaque, loaded);
    }
}

void blk_tell_resized(const BlockDriverState *bs)
{
    tell_device(bs->blk, true);
}

int blk_eject(BlockDriverState *bs, bool force, Error *err)
{
    const BlockBackend *blk = bs->blk;
    const BlockDevOps *ops = blk->ops;

    if (blk->user && !(ops && ops->medium_changed)) {
        return error_set(err, ENOTSUP, "%s: not a removable medium", blk->name);
    }
    if (!force && ops && ops->is_medium_locked && ops->is_medium_locked(blk->opaque)) {
        if (ops->eject_request) {
            ops->eject_request(blk->opaque);
        }
        return error_set(err, EBUSY, "%s: the guest holds it locked: unmount it there,"
                         " or use eject -f", blk->name);
    }
    if (bs->drv) {
        int ret = job_refuse(bs, err);

        if (ret < 0) {
            return ret;
        }
        bs->blk->open_flags = bs->flags;
        bdrv_close(bs);
        tell_device(blk, false);
    }
    return 0;
}

int blk_change(BlockDriverState *bs, const char *filename, const char *format,
               Error *err)
{
    BlockDriverState *in = bdrv_new(NULL);
    int flags = bs->drv ? bs->flags : bs->blk->open_flags;
    bool same = bs->drv && strcmp(filename, bs->filename) == 0;
    int ret = same ? blk_eject(bs, false, err) : 0;

    if (ret >= 0) {
        flags = bs->blk->conf.is_cdrom ? flags & ~BDRV_O_RDWR : flags | BDRV_O_RDWR;
        ret = bdrv_open(in, filename, format, flags | BDRV_O_AUTO_RDONLY, NULL, err);
    }
    if (ret >= 0) {
        ret = blk_eject(bs, false, err);
    }
    if (ret >= 0) {
        bdrv_move_contents(bs, in);
        tell_device(bs->blk, true);
    }
    bdrv_delete(in);
    return ret;
}

/* -- Drives of the host ------------------------------------------------------ */

static BlockDriverState *host_drive(const BlockDriverState *bs)
{
    return bs->drv && bs->file && bs->file->drv->disc_changed ? bs->file : NULL;
}

static void take_disc(void *opaque)
{
    BlockBackend *blk = opaque;
    Error err = { "" };

    if (!host_drive(blk->bs) || job_refuse(blk->bs, &err) < 0) {
        return;
    }
    blk_drain(blk->bs);
    if (bdrv_reopen(blk->bs, blk->bs->flags, &err) < 0) {
        fprintf(stderr, "%s: %s; the drive is taken for empty\n", blk->name, err.msg);
    }
    tell_device(blk, blk_length(blk->bs) > 0);
    blk_lock_tray(blk->bs, blk->ops && blk->ops->is_medium_locked &&
                  blk->ops->is_medium_locked(blk->opaque));
}

void blk_poll_disc(BlockDriverState *bs)
{
    BlockBackend *blk = bs->blk;
    BlockDriverState *drive = host_drive(bs);

    if (drive && drive->drv->disc_changed(drive)) {
        blk->disc_changed = blk->disc_changed ? blk->disc_changed : bh_new(take_disc, blk);
        bh_schedule(blk->disc_changed);
    }
}

void blk_move_tray(BlockDriverState *bs, bool open)
{
    BlockDriverState *drive = host_drive(bs);

    if (drive) {
        drive->drv->move_tray(drive, open);
    }
}

void blk_lock_tray(BlockDriverState *bs, bool lock)
{
    BlockDriverState *drive = host_drive(bs);

    if (drive) {
        drive->drv->lock_tray(drive, lock);
    }
}

int blk_resize(BlockDriverState *bs, uint64_t size, Error *err)
{
    if (size % BDRV_SECTOR_SIZE) {
        return error_set(err, EINVAL, "%s: the size must be a multiple of %d bytes",
                         blk_name(bs), BDRV_SECTOR_SIZE);
    }
    blk_drain(bs);
    int ret = job_refuse(bs, err);

    if (ret >= 0) {
        ret = bdrv_truncate(bs, size, err);
    }

    if (ret >= 0) {
        tell_device(bs->blk, true);
    }
    return ret;
}
