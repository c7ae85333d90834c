/* SPDX-License-Identifier: MIT */
/*
 * Coroutines: functions that wait without holding up their caller.
 *
 *   coroutine_create(fn, arg) -> coroutine_enter() --> fn runs ...
 *        returns here <----------------------------- coroutine_yield()
 *                        coroutine_enter() again --> ... and goes on
 *
 * A coroutine has a stack of its own (128 KiB above a guard page, pooled) and
 * is gone when its function returns.  One that waits for something leaves its
 * coroutine_self() with whoever will know, and yields; that party enters it.
 * It may be entered on another thread than it yielded on, so it must not keep
 * addresses of thread-local variables over a yield.
 *
 * CoQueue and CoMutex are for coroutines that wait for each other.  Those woken
 * run when the coroutine that woke them yields or ends, never inside it.
 *
 * Threads: with the global lock (or in a single-threaded tool).
 */
#ifndef UTIL_COROUTINE_H
#define UTIL_COROUTINE_H

#include <stdbool.h>

typedef struct Coroutine Coroutine;

Coroutine *coroutine_create(void (*fn)(void *opaque), void *opaque);
/* Run it until it yields or ends. */
void coroutine_enter(Coroutine *co);
/* Back to whoever entered us. */
void coroutine_yield(void);
/* The one that runs; NULL outside of any. */
Coroutine *coroutine_self(void);
/* Enter it soon: at once outside of coroutines, else when this one pauses. */
void coroutine_wake(Coroutine *co);

/* First in, first out.  All zero is empty. */
typedef struct CoQueue { Coroutine *first, *last; } CoQueue;

void co_queue_wait(CoQueue *q);
bool co_queue_next(CoQueue *q);         /* wake the first; false if none */
void co_queue_all(CoQueue *q);

/* Fair; not recursive.  All zero is unlocked. */
typedef struct CoMutex { bool locked; CoQueue waiters; } CoMutex;

void co_mutex_lock(CoMutex *m);
void co_mutex_unlock(CoMutex *m);

#endif
