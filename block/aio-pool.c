/* SPDX-License-Identifier: MIT */
/*
 * Waiting for the host: descriptors and deferred calls of the block layer, and
 * its pool of worker threads.
 *
 *   aio_pool_co() -> queue --> worker --> done list -> eventfd
 *                                              |
 *        coroutine goes on <-- finish_jobs() <-'
 *
 * Workers are started as needed, MAX_WORKERS at most, and leave after ten idle
 * seconds.  A job lives on the stack of the coroutine that waits for it.  Those of a
 * line are run one after the other, by the worker that has the first of them.
 */
#include "block/aio.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "sys/loop.h"
#include "util/bits.h"
#include "util/mem.h"
#include "util/thread.h"

enum { MAX_WORKERS = 64, MAX_WAKING = 4, IDLE_SECONDS = 10, MAX_FDS = 1024 };

/* -- Waiting ----------------------------------------------------------------- */

typedef struct AioFd {
    int fd;
    void (*on_read)(void *opaque);
    void (*on_write)(void *opaque);
    void *opaque;
} AioFd;

static struct Waiting {
    AioFd fds[MAX_FDS];
    int num_fds;
    AioTask *tasks, **last_task;        /* deferred */
    QEMUBH *bh;
    bool dispatching;                   /* deferred tasks will be run anyway */
} waiting;

static void run_tasks(void)
{
    while (waiting.tasks) {
        AioTask *t = waiting.tasks;

        waiting.tasks = t->next;
        t->fn(t->opaque);
    }
}

static void run_tasks_bh(void *opaque)
{
    (void)opaque;
    run_tasks();
}

void aio_defer(AioTask *task)
{
    task->next = NULL;
    if (waiting.tasks) {
        *waiting.last_task = task;
    } else {
        waiting.tasks = task;
    }
    waiting.last_task = &task->next;
    if (!waiting.bh) {
        waiting.bh = bh_new(run_tasks_bh, NULL);
    }
    if (!waiting.dispatching) {
        bh_schedule(waiting.bh);
    }
}

static void call(AioFd *f, void (*fn)(void *opaque))
{
    bool outer = !waiting.dispatching;

    waiting.dispatching = true;
    fn(f->opaque);
    if (outer) {
        waiting.dispatching = false;
        run_tasks();
    }
}

static AioFd *find_fd(int fd)
{
    for (int i = 0; i < waiting.num_fds; i++) {
        if (waiting.fds[i].fd == fd) {
            return &waiting.fds[i];
        }
    }
    return NULL;
}

static void fd_readable(void *opaque)
{
    AioFd *f = find_fd((int)(intptr_t)opaque);

    if (f && f->on_read) {
        AioFd copy = *f;

        call(&copy, copy.on_read);
    }
}

static void fd_writable(void *opaque)
{
    AioFd *f = find_fd((int)(intptr_t)opaque);

    if (f && f->on_write) {
        AioFd copy = *f;

        call(&copy, copy.on_write);
    }
}

void aio_set_fd(int fd, void (*on_read)(void *), void (*on_write)(void *),
                void *opaque)
{
    AioFd *f = find_fd(fd);

    loop_set_fd(fd, on_read ? fd_readable : NULL, on_write ? fd_writable : NULL,
                (void *)(intptr_t)fd);
    if (!on_read && !on_write) {
        if (f) {
            *f = waiting.fds[--waiting.num_fds];
        }
        return;
    }
    if (!f) {
        assert(waiting.num_fds < MAX_FDS);
        f = &waiting.fds[waiting.num_fds++];
    }
    *f = (AioFd){ fd, on_read, on_write, opaque };
}

void aio_poll(void)
{
    struct pollfd p[MAX_FDS];
    int num = waiting.num_fds;

    assert(!coroutine_self());
    if (waiting.tasks) {
        run_tasks();
        return;
    }
    assert(num > 0);
    for (int i = 0; i < num; i++) {
        const AioFd *f = &waiting.fds[i];

        p[i] = (struct pollfd){ .fd = f->fd };
        p[i].events = (short)((f->on_read ? POLLIN : 0) | (f->on_write ? POLLOUT : 0));
    }
    if (poll(p, (nfds_t)num, -1) <= 0) {
        return;
    }
    for (int i = 0; i < num; i++) {
        if (p[i].revents & ~POLLOUT) {
            fd_readable((void *)(intptr_t)p[i].fd);
        }
        if (p[i].revents & ~POLLIN) {
            fd_writable((void *)(intptr_t)p[i].fd);
        }
    }
}

typedef struct SyncCall {
    int (*fn)(void *arg);
    void *arg;
    int ret;
    bool done;
} SyncCall;

static void sync_entry(void *opaque)
{
    SyncCall *c = opaque;

    c->ret = c->fn(c->arg);
    c->done = true;
}

int aio_run_sync(int (*fn)(void *arg), void *arg)
{
    SyncCall c = { fn, arg, 0, false };

    if (coroutine_self()) {
        return fn(arg);
    }
    coroutine_enter(coroutine_create(sync_entry, &c));
    while (!c.done) {
        aio_poll();
    }
    return c.ret;
}

/* -- Worker threads ---------------------------------------------------------- */

typedef struct AioJob {
    int (*fn)(void *arg);
    void *arg;
    int ret;
    Coroutine *co;
    AioLine *line;                      /* NULL: none */
    struct AioJob *next;
} Job;

static struct Pool {
    pthread_mutex_t lock;               /* guards all below but event_fd */
    pthread_cond_t work;
    AioJobs queue, done;
    int workers, idle, queued;
    int waking;                         /* idle ones that were called, and will look */
    int event_fd;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER,
           .event_fd = -1 };

static void add_job(AioJobs *to, Job *job)
{
    if (to->first) {
        to->last->next = job;
    } else {
        to->first = job;
    }
    to->last = job;
}

static Job *take_job(AioJobs *from)
{
    Job *job = from->first;

    if (job) {
        from->first = job->next;
        job->next = NULL;
    }
    return job;
}

static void finish_jobs(void *opaque)
{
    uint64_t n;
    Job *job;

    (void)opaque;
    while (read(pool.event_fd, &n, sizeof(n)) < 0 && errno == EINTR) {
    }
    pthread_mutex_lock(&pool.lock);
    AioJobs done = pool.done;
    pool.done = (AioJobs){ NULL, NULL };
    pthread_mutex_unlock(&pool.lock);
    while ((job = take_job(&done)) != NULL) {
        coroutine_enter(job->co);
    }
}

/* With the lock; true if the main loop must be told. */
static bool add_done(Job *job)
{
    bool first = !pool.done.first;

    add_job(&pool.done, job);
    return first;
}

static void tell_main_loop(void)
{
    uint64_t one = 1;

    while (write(pool.event_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

/* With the lock; true if an idle worker must be called.  Few at a time: they call
 * others if there is more to do then, so that short jobs wake few, and whoever adds
 * them pays for few. */
static bool want_worker(void)
{
    bool want = pool.queued > pool.waking && pool.idle > pool.waking &&
                pool.waking < MAX_WAKING;

    pool.waking += want;
    return want;
}

/* Without the lock, or whoever is woken has to wait for it. */
static void unlock_and_call(bool call)
{
    pthread_mutex_unlock(&pool.lock);
    if (call) {
        pthread_cond_signal(&pool.work);
    }
}

/* With the lock; false if nothing came for a while. */
static bool wait_for_work(void)
{
    struct timespec until;
    int ret = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += IDLE_SECONDS;
    pool.idle++;
    while (!pool.queue.first && ret != ETIMEDOUT) {
        ret = pthread_cond_timedwait(&pool.work, &pool.lock, &until);
        pool.waking -= pool.waking > 0;
    }
    pool.idle--;
    return pool.queue.first != NULL;
}

/* With the lock; the next in its line, which is this worker's too. */
static Job *finish_job(Job *job)
{
    AioLine *line = job->line;
    Job *next = line ? take_job(&line->waiting) : NULL;

    if (line) {
        line->busy = next != NULL;
    }
    if (add_done(job)) {
        pthread_mutex_unlock(&pool.lock);
        tell_main_loop();
        pthread_mutex_lock(&pool.lock);
    }
    return next;
}

static void *worker(void *opaque)
{
    (void)opaque;
    pthread_mutex_lock(&pool.lock);
    while (wait_for_work()) {
        pool.queued--;
        for (Job *job = take_job(&pool.queue); job; job = finish_job(job)) {
            unlock_and_call(want_worker());
            job->ret = job->fn(job->arg);
            pthread_mutex_lock(&pool.lock);
        }
    }
    pool.workers--;
    pthread_mutex_unlock(&pool.lock);
    return NULL;
}

/* With the lock. */
static bool start_worker(void)
{
    pthread_attr_t attr;
    pthread_t t;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    bool ok = thread_create(&t, &attr, worker, NULL) == 0;
    pthread_attr_destroy(&attr);
    pool.workers += ok;
    return ok;
}

static void open_pool(void)
{
    if (pool.event_fd < 0) {
        pool.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        assert(pool.event_fd >= 0);
        aio_set_fd(pool.event_fd, finish_jobs, NULL, NULL);
    }
}

/* With the lock; false: there is no thread that could do it. */
static bool enqueue(Job *job)
{
    bool ok = pool.idle > pool.queued || pool.workers >= MAX_WORKERS || start_worker() ||
              pool.workers > 0;

    if (ok) {
        add_job(&pool.queue, job);
        pool.queued++;
    }
    return ok;
}

/* The same; whoever runs the one in front of it runs it too. */
static bool enqueue_in_line(Job *job)
{
    AioLine *line = job->line;

    if (line->busy) {
        add_job(&line->waiting, job);
        return true;
    }
    line->busy = enqueue(job);
    return line->busy;
}

int aio_pool_co(int (*fn)(void *arg), void *arg)
{
    return aio_line_co(NULL, fn, arg);
}

int aio_line_co(AioLine *line, int (*fn)(void *arg), void *arg)
{
    Job job = { .fn = fn, .arg = arg, .co = coroutine_self(), .line = line };

    assert(job.co);
    open_pool();
    pthread_mutex_lock(&pool.lock);
    bool ok = line ? enqueue_in_line(&job) : enqueue(&job);
    unlock_and_call(ok && want_worker());
    if (!ok) {
        return fn(arg);                 /* no thread to be had: do it here */
    }
    coroutine_yield();
    return job.ret;
}

/* Up to so many bytes.  Short ones move while they would be handed over; a server gains
 * by long ones that are read while it sends. */
static const struct AtOnce { size_t read, write; } at_once[] = {
    [AIO_MACHINE] = { SIZE_MAX, 0 },
    [AIO_TOOL] = { SIZE_MAX, 16 << 10 },
    [AIO_SERVER] = { 256 << 10, 0 },
};
static AioProgram program;

void aio_program(AioProgram is)
{
    program = is;
}

bool aio_at_once(bool write, size_t num)
{
    return num <= (write ? at_once[program].write : at_once[program].read);
}
