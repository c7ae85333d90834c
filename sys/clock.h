/* SPDX-License-Identifier: MIT */
/*
 * Guest time, host time, and timers.
 *
 * A Clock is a value someone passes in: the main loop advances the machine's,
 * a test advances its own with clock_step() and every device becomes
 * deterministic.  Units are nanoseconds.
 *
 *   virtual   runs with the host's monotonic clock while the machine runs,
 *             stands still while it is stopped; what devices use
 *   host      time of day, for real time clocks: clock_host_ns()
 *   manual    moved by clock_step() only: tests
 *
 * A Timer is one-shot.  timer_set() replaces any earlier deadline.  Callbacks
 * run in deadline order, on the thread that runs the clock, with the global
 * lock held, and may set the timer again.
 *
 * Threads: all functions with the global lock held, but clock_now(), which any
 * thread may call.
 */
#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_SEC 1000000000ll
#define NS_PER_MS  1000000ll
#define NS_PER_US  1000ll

typedef struct Timer {
    int64_t deadline;                   /* valid while armed */
    bool armed;
    void (*fire)(void *opaque);
    void *opaque;
    struct Clock *clock;
    struct Timer *next;                 /* armed timers of this clock, sorted */
} Timer;

typedef struct Clock {
    bool manual, running;
    int64_t offset;                     /* guest time - monotonic, running */
    int64_t stopped_at;                 /* guest time, stopped or manual */
    Timer *armed;
    void (*rearmed)(void *opaque);      /* the earliest deadline moved forward */
    void *opaque;
} Clock;

void clock_init(Clock *c);              /* virtual, stopped, at 0 */
void clock_init_manual(Clock *c);
int64_t clock_now(const Clock *c);
/*
 * The same for one thread that asks all the time: between real readings, at most
 * 100 us apart, the host's time stamp counter tells how long it was.  Never goes
 * back; the pace, all zero at first, is the caller's.
 */
typedef struct ClockPace {
    bool constant;                      /* the counter can be trusted */
    uint64_t first_ticks, ticks;        /* at the first and the last real reading */
    int64_t first_ns, ns;
    uint64_t window;                    /* ticks a reading is good for; 0: not known yet */
    uint64_t rate;                      /* nanoseconds per tick << 32 */
    int64_t last;                       /* what was returned last, without offset */
} ClockPace;

int64_t clock_now_paced(const Clock *c, ClockPace *p);
void clock_start(Clock *c);             /* virtual only; no-op when running */
void clock_stop(Clock *c);

/* Manual only: move on, firing what comes due, each at its own time. */
void clock_step(Clock *c, int64_t ns);

/* Fire what is due now; nanoseconds to the next one, -1 if none is armed. */
int64_t clock_run(Clock *c);
int64_t clock_until_next(const Clock *c);

/* Time of day, nanoseconds since 1970 UTC. */
int64_t clock_host_ns(void);

/* fire and opaque for good; not armed.  The Timer's storage is the caller's. */
void timer_init(Clock *c, Timer *t, void (*fire)(void *opaque), void *opaque);
void timer_set(Timer *t, int64_t deadline);
void timer_cancel(Timer *t);            /* also before its storage is freed */
/*
 * Fire t now if it is due and the loop has not got round to it: for a device
 * whose guest is about to change what t depends on.
 */
void timer_catch_up(Timer *t);

/* a * b / c without overflow in between (ticks <-> nanoseconds). */
static inline int64_t muldiv64(int64_t a, int64_t b, int64_t c)
{
    return (int64_t)((__int128)a * b / c);
}

#endif
