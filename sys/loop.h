/* SPDX-License-Identifier: MIT */
/*
 * The event loop of the main thread: file descriptors, bottom halves and the
 * timers of clocks, behind one ppoll().
 *
 *   main thread:  loop_run_once() { run what is due; unlock; ppoll; lock }
 *
 * One global lock guards all devices and everything in this header.  The main
 * thread holds it except while it waits in ppoll; vCPU threads take it to
 * enter a device.  Translated code runs without it.
 *
 * Threads: call with the lock held, except loop_wake() and bh_schedule(),
 * which any thread may call (and a signal handler loop_wake()).
 */
#ifndef SYS_LOOP_H
#define SYS_LOOP_H

#include <stdbool.h>

#include "sys/clock.h"

/* -- The global lock --------------------------------------------------------- */

void global_lock(void);
void global_unlock(void);
bool global_locked(void);               /* by this thread */
/* Lock unless this thread has it already; what it returns goes to leave. */
bool global_enter(void);
void global_leave(bool entered);

/* -- File descriptors -------------------------------------------------------- */

typedef void LoopFdFn(void *opaque);

/* Watch fd; NULL for a direction that is not wanted, both NULL to forget it.
 * Errors and hang-ups call on_read, or on_write if there is only that. */
void loop_set_fd(int fd, LoopFdFn *on_read, LoopFdFn *on_write, void *opaque);

/* A library with descriptors of its own: prepare() is asked before each wait,
 * calls loop_poll() for each descriptor and lowers *timeout_ns (-1: for ever) to
 * when it wants to run at the latest; after the wait comes done(), with what
 * loop_poll_result() has for each number that loop_poll() returned. */
typedef struct LoopHook {
    void (*prepare)(void *opaque, int64_t *timeout_ns);
    void (*done)(void *opaque);
} LoopHook;

void loop_add_hook(const LoopHook *h, void *opaque);
void loop_remove_hook(void *opaque);    /* not from within a hook */
int loop_poll(int fd, short events);    /* POLLIN ...; from prepare() only */
short loop_poll_result(int n);          /* from done() only */

/* -- Bottom halves ----------------------------------------------------------- */

/* Work to be done soon by the main thread, once however often scheduled. */
typedef struct QEMUBH QEMUBH;
QEMUBH *bh_new(void (*fn)(void *opaque), void *opaque);
void bh_schedule(QEMUBH *bh);
void bh_cancel(QEMUBH *bh);
void bh_delete(QEMUBH *bh);             /* may be called from its own fn */

/* -- Running ----------------------------------------------------------------- */

/* Have the loop run this clock's timers (at most 4 clocks). */
void loop_add_clock(Clock *c);

/* Run whatever is ready; wait for it up to timeout_ns (-1: for ever). */
void loop_run_once(int64_t timeout_ns);

/* End a wait in progress, or make the next one return at once. */
void loop_wake(void);

#endif
