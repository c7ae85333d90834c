/* SPDX-License-Identifier: MIT */
#include "sys/clock.h"

#include <stddef.h>
#include <time.h>

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
