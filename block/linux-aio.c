/* SPDX-License-Identifier: MIT */
/*
 * Linux native AIO (io_submit(2)) for files opened with O_DIRECT, by libaio.
 *
 * One context for the process.  A request that finds the kernel's queue full
 * waits for one to come back and tries again, in order.
 */
#include "block/aio.h"

#ifdef CONFIG_LINUX_AIO

#include <assert.h>
#include <errno.h>
#include <libaio.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MAX_REQUESTS = 128 };

struct LinuxAio {
    io_context_t ctx;
    int event_fd;
    int in_flight;
    CoQueue full;
};

typedef struct Request {
    struct iocb iocb;
    Coroutine *co;
    int64_t ret;
} Request;

static LinuxAio the_aio;
static bool tried, usable;

static void finish(void *opaque)
{
    LinuxAio *aio = opaque;
    struct io_event ev[MAX_REQUESTS];
    struct timespec now = { 0, 0 };
    uint64_t n;

    while (read(aio->event_fd, &n, sizeof(n)) < 0 && errno == EINTR) {
    }
    int num = io_getevents(aio->ctx, 0, MAX_REQUESTS, ev, &now);

    for (int i = 0; i < num; i++) {
        Request *r = ev[i].data;

        r->ret = (int64_t)(long)ev[i].res;
        aio->in_flight--;
        coroutine_enter(r->co);
        co_queue_next(&aio->full);
    }
}

LinuxAio *linux_aio_get(void)
{
    LinuxAio *aio = &the_aio;

    if (!tried) {
        tried = true;
        aio->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        usable = aio->event_fd >= 0 && io_setup(MAX_REQUESTS, &aio->ctx) == 0;
        if (usable) {
            aio_set_fd(aio->event_fd, finish, NULL, aio);
        }
    }
    return usable ? aio : NULL;
}

int64_t linux_aio_co(LinuxAio *aio, int fd, bool write, const struct iovec *iov,
                     int num, uint64_t off)
{
    Request r = { .co = coroutine_self() };
    struct iocb *list[] = { &r.iocb };
    int ret;

    assert(r.co);
    if (write) {
        io_prep_pwritev(&r.iocb, fd, iov, num, (long long)off);
    } else {
        io_prep_preadv(&r.iocb, fd, iov, num, (long long)off);
    }
    io_set_eventfd(&r.iocb, aio->event_fd);
    r.iocb.data = &r;
    while ((ret = io_submit(aio->ctx, 1, list)) == -EAGAIN && aio->in_flight) {
        co_queue_wait(&aio->full);
    }
    if (ret < 0) {
        return ret;
    }
    aio->in_flight++;
    coroutine_yield();
    return r.ret;
}

#else

#include <errno.h>

LinuxAio *linux_aio_get(void)
{
    return NULL;
}

int64_t linux_aio_co(LinuxAio *aio, int fd, bool write, const struct iovec *iov,
                     int num, uint64_t off)
{
    (void)aio;
    (void)fd;
    (void)write;
    (void)iov;
    (void)num;
    (void)off;
    return -ENOSYS;
}

#endif
