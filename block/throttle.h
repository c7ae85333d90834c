/* SPDX-License-Identifier: MIT */
/*
 * Limits of a drive: bytes and requests per second, of reads, of writes, of both.
 *
 * Each limit is a leaky bucket: a request waits until the bucket is not over its
 * capacity, then pours itself in; what is in leaks at the limit's rate.  The capacity
 * is `max` (a burst of one second at that rate), or a tenth of a second's worth.
 *
 * Threads: with the global lock; throttle_co_wait() in a coroutine.
 */
#ifndef BLOCK_THROTTLE_H
#define BLOCK_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "block/opts.h"
#include "util/coroutine.h"

enum { LIMIT_BPS, LIMIT_BPS_RD, LIMIT_BPS_WR, LIMIT_IOPS, LIMIT_IOPS_RD, LIMIT_IOPS_WR,
       NUM_LIMITS };

typedef struct BlockLimits {
    uint64_t rate[NUM_LIMITS], max[NUM_LIMITS];         /* 0: none */
} BlockLimits;

/* Rows "bps", "bps_max" ... for the option list of a drive. */
extern const BlockOptDef throttle_opts[];
int throttle_parse(const BlockOpts *o, BlockLimits *limits, Error *err);

typedef struct Throttle {               /* all zero to begin with */
    double level[NUM_LIMITS];
    int64_t leaked_at;                  /* aio_now_ns() */
    CoMutex turn[2];                    /* of readers, of writers: first come first */
    int hurry;                          /* > 0: someone waits for all that is under way */
} Throttle;

/* Wait for this request's turn, or until `hurry`. */
void throttle_co_wait(Throttle *t, const BlockLimits *limits, bool write, uint64_t len);

#endif
