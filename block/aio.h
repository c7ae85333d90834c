/* SPDX-License-Identifier: MIT */
/*
 * How the block layer waits for the host.
 *
 *   coroutine -- aio_pool_co(preadv) --> a worker thread
 *             -- linux_aio_co() -------> the kernel (O_DIRECT files)
 *   main loop or aio_poll() <-- eventfd -- done; the coroutine goes on
 *
 * Everything a block request can wait for is known here as well as to the main
 * loop, so that a synchronous caller can wait for disks, and for nothing else:
 * aio_poll() never runs a timer or another device.
 *
 * Threads: with the global lock; the functions given to the pool run without.
 */
#ifndef BLOCK_AIO_H
#define BLOCK_AIO_H

#include <stdbool.h>
#include <stdint.h>

#include "util/coroutine.h"
#include "util/iov.h"

/* -- Waiting ----------------------------------------------------------------- */

/* loop_set_fd(), seen by aio_poll() too.  Both NULL: forget fd. */
void aio_set_fd(int fd, void (*on_read)(void *), void (*on_write)(void *),
                void *opaque);

/* Run fn soon, outside of any coroutine.  The storage is the caller's until
 * fn is called. */
typedef struct AioTask {
    void (*fn)(void *opaque);
    void *opaque;
    struct AioTask *next;
} AioTask;
void aio_defer(AioTask *task);

/* Wait until something was finished, and run it.  Not in a coroutine. */
void aio_poll(void);

/* Run fn in a coroutine (or in the present one) and wait for its result. */
int aio_run_sync(int (*fn)(void *arg), void *arg);

/* -- Time: of the host, seen by aio_poll() too ------------------------------- */

int64_t aio_now_ns(void);               /* CLOCK_MONOTONIC */

/* One-shot; the storage is the caller's while it is armed.  All zero: not armed. */
typedef struct AioTimer {
    int64_t deadline;
    void (*fn)(void *opaque);           /* outside of any coroutine */
    void *opaque;
    bool armed;
    struct AioTimer *next;
} AioTimer;
/* In ns from now on, instead of any earlier deadline. */
void aio_timer_set(AioTimer *t, int64_t ns);
void aio_timer_cancel(AioTimer *t);
/* Coroutine only. */
void aio_co_sleep(int64_t ns);

/* -- Worker threads ---------------------------------------------------------- */

/* Coroutine only: fn(arg) on a worker thread; its result. */
int aio_pool_co(int (*fn)(void *arg), void *arg);
/* The same, one at a time of those with this line, in order.  line: all zero at first,
 * the caller's until the last job is done; NULL: none. */
typedef struct AioJobs { struct AioJob *first, *last; } AioJobs;
typedef struct AioLine { bool busy; AioJobs waiting; } AioLine;
int aio_line_co(AioLine *line, int (*fn)(void *arg), void *arg);
/* What the program does meanwhile, a machine if it does not say: a tool waits, a
 * server sends what it read before. */
typedef enum AioProgram { AIO_MACHINE, AIO_TOOL, AIO_SERVER } AioProgram;
void aio_program(AioProgram is);
/* Is it better to make such a transfer, which the page cache can take or has, at once
 * than to hand it to a worker?  num: bytes. */
bool aio_at_once(bool write, size_t num);

/* -- Linux native AIO -------------------------------------------------------- */

typedef struct LinuxAio LinuxAio;

/* NULL if the host has none. */
LinuxAio *linux_aio_get(void);
/* Coroutine only: bytes moved or -errno; may move less than asked. */
int64_t linux_aio_co(LinuxAio *aio, int fd, bool write, const struct iovec *iov,
                     int num, uint64_t off);

#endif
