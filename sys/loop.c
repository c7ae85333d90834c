/* SPDX-License-Identifier: MIT */
#include "sys/loop.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util/mem.h"

enum { MAX_CLOCKS = 4, MAX_HOOKS = 16 };

struct QEMUBH {
    void (*fn)(void *opaque);
    void *opaque;
    bool scheduled;                     /* atomic */
    bool deleted;
    QEMUBH *next;
};

typedef struct Hook {
    const LoopHook *ops;
    void *opaque;
} Hook;

typedef struct Watch {
    LoopFdFn *on_read, *on_write;
    void *opaque;
} Watch;

/* The one loop of the process; parallel arrays because ppoll wants one. */
static struct Loop {
    pthread_mutex_t lock;
    struct pollfd *fds;
    Watch *watches;
    int num, room;
    QEMUBH *bhs;
    Clock *clocks[MAX_CLOCKS];
    int num_clocks;
    Hook hooks[MAX_HOOKS];
    int num_hooks;
    struct pollfd *polled;              /* of this wait: fds, then the hooks' */
    int num_polled, room_polled;
    int wake_fd;
} loop = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake_fd = -1 };

static __thread bool lock_held;

void global_lock(void)
{
    assert(!lock_held);
    pthread_mutex_lock(&loop.lock);
    lock_held = true;
}

void global_unlock(void)
{
    assert(lock_held);
    lock_held = false;
    pthread_mutex_unlock(&loop.lock);
}

bool global_locked(void)
{
    return lock_held;
}

bool global_enter(void)
{
    bool entered = !lock_held;

    if (entered) {
        global_lock();
    }
    return entered;
}

void global_leave(bool entered)
{
    if (entered) {
        global_unlock();
    }
}

static int find_fd(int fd)
{
    for (int i = 0; i < loop.num; i++) {
        if (loop.fds[i].fd == fd) {
            return i;
        }
    }
    return -1;
}

static int add_fd(int fd)
{
    if (loop.num == loop.room) {
        loop.room = loop.room * 2 + 8;
        loop.fds = xrealloc(loop.fds, (size_t)loop.room * sizeof(*loop.fds));
        loop.watches = xrealloc(loop.watches,
                                (size_t)loop.room * sizeof(*loop.watches));
    }
    loop.fds[loop.num].fd = fd;
    loop.fds[loop.num].revents = 0;
    return loop.num++;
}

static void remove_fd(int i)
{
    loop.num--;
    loop.fds[i] = loop.fds[loop.num];
    loop.watches[i] = loop.watches[loop.num];
}

void loop_set_fd(int fd, LoopFdFn *on_read, LoopFdFn *on_write, void *opaque)
{
    int i = find_fd(fd);

    if (!on_read && !on_write) {
        if (i >= 0) {
            remove_fd(i);
        }
        return;
    }
    if (i < 0) {
        i = add_fd(fd);
    }
    loop.fds[i].events = (short)((on_read ? POLLIN : 0) | (on_write ? POLLOUT : 0));
    loop.watches[i] = (Watch){ on_read, on_write, opaque };
    loop_wake();
}

static void drain_wake(void *opaque)
{
    uint64_t n;

    (void)opaque;
    while (read(loop.wake_fd, &n, sizeof(n)) < 0 && errno == EINTR) {
    }
}

__attribute__((constructor)) static void open_wake_fd(void)
{
    loop.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert(loop.wake_fd >= 0);
    loop_set_fd(loop.wake_fd, drain_wake, NULL, NULL);
}

void loop_wake(void)
{
    uint64_t one = 1;

    while (write(loop.wake_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

/* -- Bottom halves ----------------------------------------------------------- */

QEMUBH *bh_new(void (*fn)(void *opaque), void *opaque)
{
    QEMUBH *bh = xzalloc(sizeof(*bh));

    *bh = (QEMUBH){ .fn = fn, .opaque = opaque, .next = loop.bhs };
    loop.bhs = bh;
    return bh;
}

void bh_schedule(QEMUBH *bh)
{
    if (!__atomic_exchange_n(&bh->scheduled, true, __ATOMIC_ACQ_REL)) {
        loop_wake();
    }
}

void bh_cancel(QEMUBH *bh)
{
    __atomic_store_n(&bh->scheduled, false, __ATOMIC_RELEASE);
}

void bh_delete(QEMUBH *bh)
{
    if (bh) {
        bh_cancel(bh);
        bh->deleted = true;
    }
}

static void run_bhs(void)
{
    for (QEMUBH *bh = loop.bhs; bh; bh = bh->next) {
        if (__atomic_exchange_n(&bh->scheduled, false, __ATOMIC_ACQ_REL)) {
            bh->fn(bh->opaque);
        }
    }
    for (QEMUBH **p = &loop.bhs; *p;) {
        QEMUBH *bh = *p;

        if (bh->deleted) {
            *p = bh->next;
            free(bh);
        } else {
            p = &bh->next;
        }
    }
}

/* -- Running ----------------------------------------------------------------- */

static void clock_rearmed(void *opaque)
{
    (void)opaque;
    loop_wake();
}

void loop_add_clock(Clock *c)
{
    assert(loop.num_clocks < MAX_CLOCKS);
    loop.clocks[loop.num_clocks++] = c;
    c->rearmed = clock_rearmed;
}

static int64_t run_clocks(int64_t timeout_ns)
{
    for (int i = 0; i < loop.num_clocks; i++) {
        int64_t next = clock_run(loop.clocks[i]);

        if (next >= 0 && loop.clocks[i]->running &&
            (timeout_ns < 0 || next < timeout_ns)) {
            timeout_ns = next;
        }
    }
    return timeout_ns;
}

static bool bh_pending(void)
{
    for (QEMUBH *bh = loop.bhs; bh; bh = bh->next) {
        if (__atomic_load_n(&bh->scheduled, __ATOMIC_ACQUIRE)) {
            return true;
        }
    }
    return false;
}

/* -- Hooks ------------------------------------------------------------------- */

void loop_add_hook(const LoopHook *h, void *opaque)
{
    assert(loop.num_hooks < MAX_HOOKS);
    loop.hooks[loop.num_hooks++] = (Hook){ h, opaque };
    loop_wake();
}

void loop_remove_hook(void *opaque)
{
    for (int i = 0; i < loop.num_hooks; i++) {
        if (loop.hooks[i].opaque == opaque) {
            loop.hooks[i] = loop.hooks[--loop.num_hooks];
            return;
        }
    }
}

int loop_poll(int fd, short events)
{
    if (loop.num_polled == loop.room_polled) {
        loop.room_polled = loop.room_polled * 2 + 8;
        loop.polled = xrealloc(loop.polled,
                               (size_t)loop.room_polled * sizeof(*loop.polled));
    }
    loop.polled[loop.num_polled] = (struct pollfd){ .fd = fd, .events = events };
    return loop.num_polled++;
}

short loop_poll_result(int n)
{
    return loop.polled[n].revents;
}

static int64_t prepare_wait(int64_t timeout_ns)
{
    loop.num_polled = 0;
    for (int i = 0; i < loop.num; i++) {
        loop_poll(loop.fds[i].fd, loop.fds[i].events);
    }
    for (int i = 0; i < loop.num_hooks; i++) {
        loop.hooks[i].ops->prepare(loop.hooks[i].opaque, &timeout_ns);
    }
    return timeout_ns;
}

/* A callback may change the set: look each ready fd up again. */
static void dispatch(const struct pollfd *ready, int num)
{
    for (int k = 0; k < num; k++) {
        int i = ready[k].revents ? find_fd(ready[k].fd) : -1;
        short bad = ready[k].revents & (POLLERR | POLLHUP | POLLNVAL);

        if (i < 0) {
            continue;
        }
        Watch w = loop.watches[i];
        if (w.on_read && (ready[k].revents & POLLIN || bad)) {
            w.on_read(w.opaque);
        }
        i = find_fd(ready[k].fd);
        if (i < 0 || loop.watches[i].opaque != w.opaque) {
            continue;
        }
        if (w.on_write && loop.watches[i].on_write &&
            (ready[k].revents & POLLOUT || (bad && !w.on_read))) {
            w.on_write(w.opaque);
        }
    }
}

void loop_run_once(int64_t timeout_ns)
{
    run_bhs();
    timeout_ns = run_clocks(timeout_ns);
    if (bh_pending()) {
        timeout_ns = 0;
    }
    int num = loop.num, hooks = loop.num_hooks;

    timeout_ns = prepare_wait(timeout_ns);
    struct timespec ts = { timeout_ns / NS_PER_SEC, timeout_ns % NS_PER_SEC };
    bool held = lock_held;
    if (held) {
        global_unlock();
    }
    int n = ppoll(loop.polled, (nfds_t)loop.num_polled, timeout_ns < 0 ? NULL : &ts, NULL);
    if (held) {
        global_lock();
    }
    for (int i = 0; n < 0 && i < loop.num_polled; i++) {
        loop.polled[i].revents = 0;
    }
    for (int i = 0; i < hooks && i < loop.num_hooks; i++) {
        loop.hooks[i].ops->done(loop.hooks[i].opaque);
    }
    if (n > 0) {
        dispatch(loop.polled, num);
    }
    run_clocks(0);
    run_bhs();
}
