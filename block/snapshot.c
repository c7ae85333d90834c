/* SPDX-License-Identifier: MIT */
/*
 * Snapshots of a drive in use.
 *
 *      before            drive = image
 *      blk_snapshot()    drive = new image -- backing --> image, to read only
 *
 * The drive keeps its address, so its device notices nothing.  Requests in flight are
 * drained first: all that the guest knows to be written is in the snapshot.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "block/backend.h"
#include "block/block-int.h"
#include "block/job.h"
#include "util/bits.h"

/* -- External ---------------------------------------------------------------- */

static int check_live(const BlockDriverState *bs, Error *err)
{
    if (!bs->drv) {
        return error_set(err, ENOMEDIUM, "%s: there is no medium", blk_name(bs));
    }
    if (bs->read_only) {
        return error_set(err, EROFS, "%s: open for reading only", blk_name(bs));
    }
    return job_refuse(bs, err);
}

static int create_over(BlockDriverState *bs, const char *file, const char *format, Error *err)
{
    char *backing = realpath(bs->filename, NULL);
    BlockOpts opts = { NULL, 0 };

    opts_set(&opts, "backing_file", backing ? backing : bs->filename);
    opts_set(&opts, "backing_fmt", bs->drv->name);
    int ret = bdrv_create(format, file, bs->length, &opts, err);

    opts_free(&opts);
    free(backing);
    return ret;
}

/* Over what bs holds; nothing can fail any more. */
static void put_on_top(BlockDriverState *bs, BlockDriverState *top, int flags)
{
    BlockDriverState *lower = bdrv_new_node();

    bdrv_move_contents(lower, bs);
    bdrv_move_contents(bs, top);
    bs->backing = lower;
    bs->flags = flags;
}

int blk_snapshot(BlockDriverState *bs, const char *file, const char *format, bool reuse,
                 Error *err)
{
    int ret = check_live(bs, err), flags = bs->flags;

    if (ret >= 0 && bs->drv == &bdrv_overlay) {
        ret = error_set(err, ENOTSUP, "%s: runs with -snapshot: what it has written has no"
                        " name to refer to", blk_name(bs));
    }
    blk_drain(bs);
    if (ret >= 0 && !reuse) {
        ret = create_over(bs, file, format, err);
    }
    if (ret < 0) {
        return ret;
    }
    BlockDriverState *top = bdrv_new(NULL);

    ret = bdrv_open(top, file, format, (flags | BDRV_O_NO_BACKING) & ~BDRV_O_AUTO_RDONLY, NULL,
                    err);
    if (ret >= 0 && top->length != bs->length) {
        ret = error_set(err, EINVAL, "%s: is not as large as the drive", file);
    }
    if (ret >= 0 && !top->drv->supports_backing) {
        ret = error_set(err, ENOTSUP, "%s: %s images have no backing file", file,
                        top->drv->name);
    }
    if (ret >= 0) {
        ret = bdrv_set_writable(bs, false, err);
    }
    if (ret >= 0) {
        put_on_top(bs, top, flags);
    }
    bdrv_delete(top);
    return ret;
}

/* -- Internal ---------------------------------------------------------------- */

static int check_internal(BlockDriverState *bs, Error *err)
{
    int ret = check_live(bs, err);

    if (ret >= 0 && !bs->drv->snapshot_create) {
        ret = error_set(err, ENOTSUP, "%s: images of format %s have no snapshots: use qcow2",
                        blk_name(bs), bs->drv->name);
    }
    blk_drain(bs);
    return ret;
}

/* How many have this name. */
static int count_named(BlockDriverState *bs, const char *name)
{
    BlockSnapshot *list = NULL;
    int num = bs->drv->snapshot_list(bs, &list, NULL), same = 0;

    for (int i = 0; i < num; i++) {
        same += strcmp(list[i].name, name) == 0;
    }
    free(list);
    return same;
}

int blk_snapshot_create(BlockDriverState *bs, const char *name, uint64_t vm_clock_ns, Error *err)
{
    BlockSnapshot sn = { .vm_clock_ns = vm_clock_ns, .icount = ~0ull };
    struct timespec now;
    int ret = check_internal(bs, err);

    if (ret >= 0 && (!*name || strlen(name) >= sizeof(sn.name))) {
        ret = error_set(err, EINVAL, "a snapshot's name has 1 to %zu bytes",
                        sizeof(sn.name) - 1);
    }
    if (ret >= 0 && count_named(bs, name)) {
        ret = error_set(err, EEXIST, "%s: has a snapshot %s already", blk_name(bs), name);
    }
    if (ret < 0) {
        return ret;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(sn.name, sizeof(sn.name), "%s", name);
    sn.date_sec = (uint64_t)now.tv_sec;
    sn.date_nsec = (uint32_t)now.tv_nsec;
    return bs->drv->snapshot_create(bs, &sn, err);
}

int blk_snapshot_delete(BlockDriverState *bs, const char *id, Error *err)
{
    int ret = check_internal(bs, err);

    return ret < 0 ? ret : bs->drv->snapshot_delete(bs, id, err);
}

int blk_snapshot_goto(BlockDriverState *bs, const char *id, Error *err)
{
    int ret = check_internal(bs, err);
    uint64_t length = blk_length(bs);

    if (ret >= 0) {
        ret = bs->drv->snapshot_goto(bs, id, err);
    }
    if (ret >= 0 && blk_length(bs) != length) {
        blk_tell_resized(bs);
    }
    return ret;
}

static void dump_one(const BlockDriverState *bs, const BlockSnapshot *sn,
                     void (*put)(void *opaque, const char *line), void *opaque)
{
    unsigned ms = (unsigned)(sn->vm_clock_ns / 1000000);
    time_t when = (time_t)sn->date_sec;
    char line[500], date[32] = "";
    struct tm tm;

    if (localtime_r(&when, &tm)) {
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
    }
    snprintf(line, sizeof(line), "%-12s%-5s%-20s%8.1fM %s   %02u:%02u:%02u.%03u", blk_name(bs),
             sn->id, sn->name, (double)sn->vm_state_size / (1 << 20), date, ms / 3600000,
             ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
    put(opaque, line);
}

int blk_snapshot_dump(void (*put)(void *opaque, const char *line), void *opaque)
{
    int all = 0;

    for (BlockDriverState *bs = bdrv_next(NULL); bs; bs = bdrv_next(bs)) {
        BlockSnapshot *list = NULL;
        int num = bs->drv && bs->drv->snapshot_list ? bs->drv->snapshot_list(bs, &list, NULL) : 0;

        if (num > 0 && !all) {
            put(opaque, "DEVICE      ID   TAG                  VM SIZE                DATE"
                        "       VM CLOCK");
        }
        for (int i = 0; i < num; i++) {
            dump_one(bs, &list[i], put, opaque);
        }
        free(list);
        all += MAX(num, 0);
    }
    return all;
}
