/* SPDX-License-Identifier: MIT */
#include "sys/clock.h"

#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#ifdef __x86_64__
#include <cpuid.h>
#include <x86intrin.h>
#endif

#include "util/bits.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

int64_t clock_host_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

void clock_init(Clock *c)
{
    *c = (Clock){ .manual = false };
}

void clock_init_manual(Clock *c)
{
    *c = (Clock){ .manual = true };
}

int64_t clock_now(const Clock *c)
{
    return c->running ? read_clock(CLOCK_MONOTONIC) + c->offset : c->stopped_at;
}

#ifdef __x86_64__
enum { PACE_NS = 100000, PACE_LEARN = 1 << 24, PACE_MOST = 1 << 14 };

/* SDM vol. 3, 17.17.1: CPUID.80000007H:EDX<8>, it runs at a constant rate. */
static bool ticks_are_constant(void)
{
    unsigned a, b, c, d;

    return __get_cpuid(0x80000007, &a, &b, &c, &d) && d & 1 << 8;
}

/*
 * A real reading.  The rate is that since the first one.  Where readings do not
 * lie on one line, the host was suspended or moved: learn anew.
 */
static int64_t take_pace(ClockPace *p)
{
    uint64_t before = __rdtsc();
    int64_t ns = read_clock(CLOCK_MONOTONIC);
    uint64_t after = __rdtsc(), since = before - p->first_ticks;
    uint64_t step = before - p->ticks;

    if (after - before > PACE_MOST) {   /* interrupted: says little */
        p->window = 0;
        return ns;
    }
    int64_t guess = (int64_t)((double)step * (double)p->rate / 4294967296.0);
    bool strange = p->rate && llabs(ns - p->ns - guess) > (ns - p->ns) / 64 + 1000;

    if (!p->first_ticks || strange) {
        *p = (ClockPace){ .constant = ticks_are_constant(), .last = p->last,
                          .first_ticks = before, .first_ns = ns };
    } else if (p->constant && since > PACE_LEARN && ns > p->first_ns) {
        double rate = (double)(ns - p->first_ns) / (double)since;

        p->rate = (uint64_t)(rate * 4294967296.0);
        p->window = (uint64_t)(PACE_NS / rate);
    }
    p->ticks = before;
    p->ns = ns;
    return ns;
}

int64_t clock_now_paced(const Clock *c, ClockPace *p)
{
    if (!c->running) {
        return c->stopped_at;
    }
    uint64_t since = __rdtsc() - p->ticks;
    int64_t ns = since < p->window ? p->ns + (int64_t)(since * p->rate >> 32) : take_pace(p);

    p->last = MAX(p->last, ns);
    return p->last + c->offset;
}
#else
int64_t clock_now_paced(const Clock *c, ClockPace *p)
{
    (void)p;
    return clock_now(c);
}
#endif

void clock_start(Clock *c)
{
    if (!c->running && !c->manual) {
        c->offset = c->stopped_at - read_clock(CLOCK_MONOTONIC);
        c->running = true;
    }
}

void clock_stop(Clock *c)
{
    if (c->running) {
        c->stopped_at = clock_now(c);
        c->running = false;
    }
}

void timer_init(Clock *c, Timer *t, void (*fire)(void *opaque), void *opaque)
{
    *t = (Timer){ .fire = fire, .opaque = opaque, .clock = c };
}

void timer_set(Timer *t, int64_t deadline)
{
    Clock *c = t->clock;
    Timer **p = &c->armed;

    timer_cancel(t);
    t->deadline = deadline;
    t->armed = true;
    while (*p && (*p)->deadline <= deadline) {
        p = &(*p)->next;
    }
    t->next = *p;
    *p = t;
    if (c->armed == t && c->rearmed) {
        c->rearmed(c->opaque);
    }
}

void timer_cancel(Timer *t)
{
    if (!t->armed) {
        return;
    }
    for (Timer **p = &t->clock->armed; *p; p = &(*p)->next) {
        if (*p == t) {
            *p = t->next;
            break;
        }
    }
    t->armed = false;
}

void timer_catch_up(Timer *t)
{
    if (t->armed && t->deadline <= clock_now(t->clock)) {
        timer_cancel(t);
        t->fire(t->opaque);
    }
}

static void fire_first(Clock *c)
{
    Timer *t = c->armed;

    timer_cancel(t);
    t->fire(t->opaque);
}

void clock_step(Clock *c, int64_t ns)
{
    int64_t until = c->stopped_at + ns;

    while (c->armed && c->armed->deadline <= until) {
        if (c->armed->deadline > c->stopped_at) {
            c->stopped_at = c->armed->deadline;
        }
        fire_first(c);
    }
    c->stopped_at = until;
}

int64_t clock_run(Clock *c)
{
    int64_t now = clock_now(c);

    while (c->armed && c->armed->deadline <= now) {
        fire_first(c);
    }
    return clock_until_next(c);
}

int64_t clock_until_next(const Clock *c)
{
    if (!c->armed) {
        return -1;
    }
    int64_t left = c->armed->deadline - clock_now(c);

    return left > 0 ? left : 0;
}
