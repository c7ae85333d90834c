/* SPDX-License-Identifier: MIT */
/*
 * Jobs: a drive is copied to another image while the guest uses it.
 *
 *   mirror   the copy follows the drive; once all was copied it is `ready`, and
 *            job_complete() lets the guest go on in the copy, job_cancel()
 *            leaves the copy as the drive is at that moment
 *   backup   the copy is the drive as it was when the job began: before the guest
 *            changes something, what was there is copied
 *
 * A job ends by itself when it has finished or failed; a failure is one sentence on
 * stderr, and never an error of the guest's request.  One job per drive; while it
 * runs the medium stays in and keeps its size.
 *
 * Threads: with the global lock.
 */
#ifndef BLOCK_JOB_H
#define BLOCK_JOB_H

#include "block/block.h"

typedef enum BlockJobKind { JOB_MIRROR, JOB_BACKUP } BlockJobKind;

enum {
    JOB_REUSE = 1,                      /* target exists already */
    JOB_FULL  = 2,                      /* all of it, not only what the top image has */
};

/* format NULL: that of the drive; with JOB_REUSE: find out. */
int job_start(BlockDriverState *bs, BlockJobKind kind, const char *target,
              const char *format, int flags, Error *err);
/* force: at once, although the copy is of no use then. */
int job_cancel(BlockDriverState *bs, bool force, Error *err);
int job_complete(BlockDriverState *bs, Error *err);
/* Bytes per second; 0: as fast as it goes. */
int job_set_speed(BlockDriverState *bs, uint64_t speed, Error *err);
/* A line per job; how many there are. */
int job_dump(void (*put)(void *opaque, const char *line), void *opaque);

/* -- For block/ -------------------------------------------------------------- */

/* -EBUSY and a sentence while a job runs on the drive. */
int job_refuse(const BlockDriverState *bs, Error *err);
/* Around each change of bs, in its coroutine. */
void job_before_write(BlockDriverState *bs, uint64_t off, uint64_t len);
void job_after_write(BlockDriverState *bs, uint64_t off, uint64_t len);
/* The drive is about to be closed, and drained. */
void job_close(BlockDriverState *bs);

#endif
