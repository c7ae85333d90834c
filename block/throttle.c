/* SPDX-License-Identifier: MIT */
#include "block/throttle.h"

#include <errno.h>
#include <stdio.h>

#include "block/aio.h"
#include "util/bits.h"

#define SECOND 1e9
#define LONGEST_SLEEP (20 * 1000000ll)  /* ns: so soon `hurry` is seen */

static const struct Limit {
    const char *name, *max_name;
    const char *alias, *max_alias;      /* the later spelling */
    bool read, write, bytes;
    int total;                          /* excludes that one; -1: is a total */
} limit_defs[NUM_LIMITS] = {
    [LIMIT_BPS]     = { "bps", "bps_max", "throttling.bps-total",
                        "throttling.bps-total-max", true, true, true, -1 },
    [LIMIT_BPS_RD]  = { "bps_rd", "bps_rd_max", "throttling.bps-read",
                        "throttling.bps-read-max", true, false, true, LIMIT_BPS },
    [LIMIT_BPS_WR]  = { "bps_wr", "bps_wr_max", "throttling.bps-write",
                        "throttling.bps-write-max", false, true, true, LIMIT_BPS },
    [LIMIT_IOPS]    = { "iops", "iops_max", "throttling.iops-total",
                        "throttling.iops-total-max", true, true, false, -1 },
    [LIMIT_IOPS_RD] = { "iops_rd", "iops_rd_max", "throttling.iops-read",
                        "throttling.iops-read-max", true, false, false, LIMIT_IOPS },
    [LIMIT_IOPS_WR] = { "iops_wr", "iops_wr_max", "throttling.iops-write",
                        "throttling.iops-write-max", false, true, false, LIMIT_IOPS },
};

const BlockOptDef throttle_opts[] = {
    { "bps", "bytes per second, reads and writes" },
    { "bps_rd", "bytes per second, reads" },
    { "bps_wr", "bytes per second, writes" },
    { "iops", "requests per second, reads and writes" },
    { "iops_rd", "requests per second, reads" },
    { "iops_wr", "requests per second, writes" },
    { "bps_max", "bytes in a burst; also bps_rd_max, bps_wr_max" },
    { "bps_rd_max", "bytes in a burst of reads" },
    { "bps_wr_max", "bytes in a burst of writes" },
    { "iops_max", "requests in a burst; also iops_rd_max, iops_wr_max" },
    { "iops_rd_max", "requests in a burst of reads" },
    { "iops_wr_max", "requests in a burst of writes" },
    { "throttling.bps-total", "the same as bps" },
    { "throttling.bps-read", "the same as bps_rd" },
    { "throttling.bps-write", "the same as bps_wr" },
    { "throttling.iops-total", "the same as iops" },
    { "throttling.iops-read", "the same as iops_rd" },
    { "throttling.iops-write", "the same as iops_wr" },
    { "throttling.bps-total-max", "the same as bps_max" },
    { "throttling.bps-read-max", "the same as bps_rd_max" },
    { "throttling.bps-write-max", "the same as bps_wr_max" },
    { "throttling.iops-total-max", "the same as iops_max" },
    { "throttling.iops-read-max", "the same as iops_rd_max" },
    { "throttling.iops-write-max", "the same as iops_wr_max" },
    { NULL, NULL }
};

static int get_limit(const BlockOpts *o, const char *name, const char *alias, uint64_t *out,
                     Error *err)
{
    int ret = opts_get_size(o, name, out, err);

    if (ret >= 0) {
        ret = opts_get_size(o, alias, out, err);
    }
    if (ret >= 0 && *out > 1000000000000000ull) {
        return error_set(err, EINVAL, "%s: at most 1000000000000000", name);
    }
    return ret;
}

int throttle_parse(const BlockOpts *o, BlockLimits *limits, Error *err)
{
    for (int i = 0; i < NUM_LIMITS; i++) {
        const struct Limit *d = &limit_defs[i];
        int ret = get_limit(o, d->name, d->alias, &limits->rate[i], err);

        if (ret >= 0) {
            ret = get_limit(o, d->max_name, d->max_alias, &limits->max[i], err);
        }
        if (ret < 0) {
            return ret;
        }
        if (limits->rate[i] && d->total >= 0 && limits->rate[d->total]) {
            return error_set(err, EINVAL, "%s and %s exclude each other",
                             limit_defs[d->total].name, d->name);
        }
        if (limits->max[i] && limits->max[i] < limits->rate[i]) {
            return error_set(err, EINVAL, "%s: less than %s", d->max_name, d->name);
        }
        if (limits->max[i] && !limits->rate[i]) {
            return error_set(err, EINVAL, "%s: needs %s", d->max_name, d->name);
        }
    }
    return 0;
}

static bool concerns(const BlockLimits *l, int i, bool write)
{
    return l->rate[i] && (write ? limit_defs[i].write : limit_defs[i].read);
}

static void leak(Throttle *t, const BlockLimits *l)
{
    int64_t now = aio_now_ns();
    double seconds = (double)(now - t->leaked_at) / SECOND;

    for (int i = 0; i < NUM_LIMITS; i++) {
        t->level[i] = MAX(t->level[i] - seconds * (double)l->rate[i], 0);
    }
    t->leaked_at = now;
}

/* Nanoseconds until no bucket is over its capacity. */
static int64_t must_wait(const Throttle *t, const BlockLimits *l, bool write)
{
    double wait = 0;

    for (int i = 0; i < NUM_LIMITS; i++) {
        if (concerns(l, i, write)) {
            double rate = (double)l->rate[i];
            double capacity = l->max[i] ? (double)l->max[i] : rate / 10;

            wait = MAX(wait, (t->level[i] - capacity) / rate);
        }
    }
    return (int64_t)(wait * SECOND);
}

void throttle_co_wait(Throttle *t, const BlockLimits *l, bool write, uint64_t len)
{
    bool any = false;
    int64_t ns;

    for (int i = 0; i < NUM_LIMITS; i++) {
        any |= concerns(l, i, write);
    }
    if (!any) {
        return;
    }
    co_mutex_lock(&t->turn[write]);
    leak(t, l);
    while (!t->hurry && (ns = must_wait(t, l, write)) > 0) {
        aio_co_sleep(MIN(ns, LONGEST_SLEEP));
        leak(t, l);
    }
    for (int i = 0; i < NUM_LIMITS; i++) {
        if (concerns(l, i, write)) {
            t->level[i] += limit_defs[i].bytes ? (double)len : 1;
        }
    }
    co_mutex_unlock(&t->turn[write]);
}
