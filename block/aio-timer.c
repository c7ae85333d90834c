/* SPDX-License-Identifier: MIT */
/*
 * Timers of the block layer: for what happens on the host (reconnecting,
 * throttling, limits of time), whether the machine runs or not.
 *
 * All timers are one list, earliest first, behind one timerfd; so a caller that
 * waits in aio_poll() sees them, and no timer of the guest.
 */
#include <assert.h>
#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "block/aio.h"
#include "util/bits.h"

static struct Timers {
    AioTimer *first;
    int fd;
} timers = { NULL, -1 };

int64_t aio_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* To the first deadline; a deadline of zero would switch it off. */
static void program(void)
{
    struct itimerspec its = { { 0, 0 }, { 0, 0 } };

    if (timers.first) {
        int64_t at = MAX(timers.first->deadline, 1);

        its.it_value = (struct timespec){ at / 1000000000, at % 1000000000 };
    }
    timerfd_settime(timers.fd, TFD_TIMER_ABSTIME, &its, NULL);
}

static void fire(void *opaque)
{
    int64_t now = aio_now_ns();
    uint64_t n;

    (void)opaque;
    while (read(timers.fd, &n, sizeof(n)) < 0 && errno == EINTR) {
    }
    while (timers.first && timers.first->deadline <= now) {
        AioTimer *t = timers.first;

        timers.first = t->next;
        t->armed = false;
        t->fn(t->opaque);
    }
    program();
}

void aio_timer_cancel(AioTimer *t)
{
    if (t->armed) {
        AioTimer **p = &timers.first;

        while (*p != t) {
            p = &(*p)->next;
        }
        *p = t->next;
        t->armed = false;
    }
}

void aio_timer_set(AioTimer *t, int64_t ns)
{
    AioTimer **p = &timers.first;

    if (timers.fd < 0) {
        timers.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        assert(timers.fd >= 0);
        aio_set_fd(timers.fd, fire, NULL, NULL);
    }
    aio_timer_cancel(t);
    t->deadline = aio_now_ns() + MAX(ns, 0);
    t->armed = true;
    while (*p && (*p)->deadline <= t->deadline) {
        p = &(*p)->next;
    }
    t->next = *p;
    *p = t;
    if (timers.first == t) {
        program();
    }
}

static void wake_sleeper(void *opaque)
{
    coroutine_enter(opaque);
}

void aio_co_sleep(int64_t ns)
{
    AioTimer t = { .fn = wake_sleeper, .opaque = coroutine_self() };

    assert(t.opaque);
    aio_timer_set(&t, ns);
    coroutine_yield();
}
