/* SPDX-License-Identifier: MIT */
/* The commands about drives. */
#include "block/block.h"

#include <string.h>

#include "block/job.h"
#include "monitor/command.h"
#include "util/bits.h"

/* -- Media ------------------------------------------------------------------- */

static BlockDriverState *find_drive(Monitor *mon, const char *name)
{
    BlockDriverState *bs = bdrv_find(name);

    if (!bs) {
        monitor_printf(mon, "there is no drive called '%s', see info block\n", name);
    }
    return bs;
}

void cmd_eject(Monitor *mon, const Args *a)
{
    BlockDriverState *bs = find_drive(mon, a->v[0].s);
    Error err;

    if (bs && blk_eject(bs, a->flag, &err) < 0) {
        monitor_error(mon, &err);
    }
}

void cmd_change(Monitor *mon, const Args *a)
{
    BlockDriverState *bs = find_drive(mon, a->v[0].s);
    Error err;

    if (bs && blk_change(bs, a->v[1].s, a->v[2].given ? a->v[2].s : NULL, &err) < 0) {
        monitor_error(mon, &err);
    }
}

static void commit(Monitor *mon, BlockDriverState *bs)
{
    Error err;

    if (bdrv_commit(bs, &err) < 0) {
        monitor_error(mon, &err);
    }
}

void cmd_commit(Monitor *mon, const Args *a)
{
    BlockDriverState *bs;

    if (strcmp(a->v[0].s, "all")) {
        bs = find_drive(mon, a->v[0].s);
        if (bs) {
            commit(mon, bs);
        }
        return;
    }
    for (bs = bdrv_next(NULL); bs; bs = bdrv_next(bs)) {
        if (blk_is_inserted(bs) && !blk_is_read_only(bs)) {
            commit(mon, bs);
        }
    }
}

void cmd_block_resize(Monitor *mon, const Args *a)
{
    BlockDriverState *bs = find_drive(mon, a->v[0].s);
    uint64_t size;
    Error err;

    if (!bs) {
        return;
    }
    if (parse_size(a->v[1].s, &size) < 0) {
        monitor_printf(mon, "%s: write a size, as 512M or 2G\n", a->v[1].s);
    } else if (blk_resize(bs, size, &err) < 0) {
        monitor_error(mon, &err);
    }
}

/* -- Snapshots --------------------------------------------------------------- */

void cmd_snapshot_blkdev(Monitor *mon, const Args *a)
{
    BlockDriverState *bs = find_drive(mon, a->v[0].s);
    Error err;

    if (bs && !a->v[1].given) {
        monitor_put(mon, "snapshot_blkdev: give the name of a new image file\n");
    } else if (bs && blk_snapshot(bs, a->v[1].s, a->v[2].given ? a->v[2].s : "qcow2", a->flag,
                                  &err) < 0) {
        monitor_error(mon, &err);
    }
}

void cmd_snapshot_blkdev_internal(Monitor *mon, const Args *a)
{
    BlockDriverState *bs = find_drive(mon, a->v[0].s);
    uint64_t now = (uint64_t)clock_now(mon->ops.machine->clock);
    Error err;

    if (bs && blk_snapshot_create(bs, a->v[1].s, now, &err) < 0) {
        monitor_error(mon, &err);
    }
}

void cmd_snapshot_delete_blkdev_internal(Monitor *mon, const Args *a)
{
    BlockDriverState *bs = find_drive(mon, a->v[0].s);
    Error err;

    if (bs && blk_snapshot_delete(bs, a->v[1].s, &err) < 0) {
        monitor_error(mon, &err);
    }
}

void cmd_snapshot_goto_blkdev_internal(Monitor *mon, const Args *a)
{
    BlockDriverState *bs = find_drive(mon, a->v[0].s);
    Error err;

    if (bs && mon->ops.cpus && vm_running(mon->ops.cpus)) {
        monitor_put(mon, "the guest would not know its disk any more: stop the machine first\n");
    } else if (bs && blk_snapshot_goto(bs, a->v[1].s, &err) < 0) {
        monitor_error(mon, &err);
    }
}

static void put_line(void *mon, const char *text)
{
    monitor_printf(mon, "%s\n", text);
}

void info_snapshots(Monitor *mon, const Args *a)
{
    (void)a;
    if (blk_snapshot_dump(put_line, mon) == 0) {
        monitor_put(mon, "no drive has a snapshot\n");
    }
}

/* -- Jobs -------------------------------------------------------------------- */

static void start_job(Monitor *mon, const Args *a, BlockJobKind kind)
{
    BlockDriverState *bs = find_drive(mon, a->v[0].s);
    int flags = (a->flag ? JOB_REUSE : 0) | (a->flag2 ? JOB_FULL : 0);
    Error err;

    if (bs && job_start(bs, kind, a->v[1].s, a->v[2].given ? a->v[2].s : NULL, flags,
                        &err) < 0) {
        monitor_error(mon, &err);
    }
}

void cmd_drive_mirror(Monitor *mon, const Args *a) { start_job(mon, a, JOB_MIRROR); }
void cmd_drive_backup(Monitor *mon, const Args *a) { start_job(mon, a, JOB_BACKUP); }

void cmd_block_job_cancel(Monitor *mon, const Args *a)
{
    BlockDriverState *bs = find_drive(mon, a->v[0].s);
    Error err;

    if (bs && job_cancel(bs, a->flag, &err) < 0) {
        monitor_error(mon, &err);
    }
}

void cmd_block_job_complete(Monitor *mon, const Args *a)
{
    BlockDriverState *bs = find_drive(mon, a->v[0].s);
    Error err;

    if (bs && job_complete(bs, &err) < 0) {
        monitor_error(mon, &err);
    }
}

void cmd_block_job_set_speed(Monitor *mon, const Args *a)
{
    BlockDriverState *bs = find_drive(mon, a->v[0].s);
    uint64_t speed;
    Error err;

    if (!bs) {
        return;
    }
    if (parse_size(a->v[1].s, &speed) < 0) {
        monitor_printf(mon, "%s: write bytes per second, as 10M\n", a->v[1].s);
    } else if (job_set_speed(bs, speed, &err) < 0) {
        monitor_error(mon, &err);
    }
}

void info_block_jobs(Monitor *mon, const Args *a)
{
    (void)a;
    if (job_dump(put_line, mon) == 0) {
        monitor_put(mon, "No active jobs\n");
    }
}
