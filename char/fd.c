/* SPDX-License-Identifier: MIT */
#include "char/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/loop.h"
#include "util/bits.h"
#include "util/mem.h"

static void on_read(void *opaque);
static void on_write(void *opaque);

/* Tell the loop what we want to hear about now. */
static void watch(FdChan *f)
{
    bool in = f->in_fd >= 0 && !f->paused && !f->ended;
    bool out = f->out_fd >= 0 && f->used;

    if (f->in_fd == f->out_fd) {
        if (f->in_fd >= 0) {
            loop_set_fd(f->in_fd, in ? on_read : NULL, out ? on_write : NULL, f);
        }
        return;
    }
    if (f->in_fd >= 0) {
        loop_set_fd(f->in_fd, in ? on_read : NULL, NULL, f);
    }
    if (f->out_fd >= 0) {
        loop_set_fd(f->out_fd, NULL, out ? on_write : NULL, f);
    }
}

/* -- Input ------------------------------------------------------------------- */

static void end_of_file(FdChan *f)
{
    f->ended = true;
    watch(f);
    if (f->hangup) {
        f->hangup(f->chr);
    }
}

static void on_read(void *opaque)
{
    FdChan *f = opaque;
    uint8_t buf[4096];
    size_t room = (size_t)chr_can_receive(f->chr);

    if (!room) {
        f->paused = true;
        watch(f);
        return;
    }
    ssize_t n = read(f->in_fd, buf, MIN(room, sizeof(buf)));
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        end_of_file(f);
        return;
    }
    size_t len = n < 0 ? 0 : (size_t)n;
    if (len && f->filter) {
        len = f->filter(f->chr, buf, len);
    }
    if (len) {
        chr_receive(f->chr, buf, len);
    }
}

void fd_chan_resume(FdChan *f)
{
    if (f->paused) {
        f->paused = false;
        watch(f);
    }
}

/* -- Output ------------------------------------------------------------------ */

static size_t write_some(int fd, const uint8_t *buf, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = write(fd, buf + done, len - done);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            break;
        }
        if (n < 0) {
            return len;                 /* nobody there: it is lost */
        }
        done += (size_t)n;
    }
    return done;
}

static void flush_ring(FdChan *f)
{
    while (f->used) {
        size_t len = MIN(f->used, FD_CHAN_BUFFER - f->head);
        size_t n = write_some(f->out_fd, f->ring + f->head, len);

        f->head = (f->head + n) % FD_CHAN_BUFFER;
        f->used -= n;
        if (n < len) {
            break;
        }
    }
}

static void on_write(void *opaque)
{
    FdChan *f = opaque;

    flush_ring(f);
    watch(f);
}

/* Append, making room by dropping the oldest. */
static void enqueue(FdChan *f, const uint8_t *buf, size_t len)
{
    if (!f->ring) {
        f->ring = xmalloc(FD_CHAN_BUFFER);
    }
    if (len > FD_CHAN_BUFFER) {
        f->dropped += len - FD_CHAN_BUFFER;
        buf += len - FD_CHAN_BUFFER;
        len = FD_CHAN_BUFFER;
    }
    if (f->used + len > FD_CHAN_BUFFER) {
        size_t drop = f->used + len - FD_CHAN_BUFFER;

        f->head = (f->head + drop) % FD_CHAN_BUFFER;
        f->used -= drop;
        f->dropped += drop;
    }
    size_t tail = (f->head + f->used) % FD_CHAN_BUFFER;
    size_t first = MIN(len, FD_CHAN_BUFFER - tail);

    memcpy(f->ring + tail, buf, first);
    memcpy(f->ring, buf + first, len - first);
    f->used += len;
}

void fd_chan_write(FdChan *f, const uint8_t *buf, size_t len)
{
    if (f->out_fd < 0) {
        return;
    }
    size_t done = f->used ? 0 : write_some(f->out_fd, buf, len);

    if (done < len) {
        bool idle = !f->used;

        enqueue(f, buf + done, len - done);
        if (idle) {
            watch(f);
        }
    }
}

/* -- Life -------------------------------------------------------------------- */

void fd_chan_init(FdChan *f, CharDriverState *chr)
{
    *f = (FdChan){ .chr = chr, .in_fd = -1, .out_fd = -1 };
    signal(SIGPIPE, SIG_IGN);           /* a peer may go at any time */
}

static void set_nonblocking(int fd)
{
    if (fd >= 0) {
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
}

void fd_chan_open(FdChan *f, int in_fd, int out_fd)
{
    f->in_fd = in_fd;
    f->out_fd = out_fd;
    f->paused = f->ended = false;
    f->head = f->used = 0;
    /* Both may be one terminal: look at both before changing either. */
    f->in_flags = in_fd >= 0 ? fcntl(in_fd, F_GETFL) : 0;
    f->out_flags = out_fd >= 0 ? fcntl(out_fd, F_GETFL) : 0;
    set_nonblocking(in_fd);
    set_nonblocking(out_fd);
    watch(f);
}

void fd_chan_close(FdChan *f)
{
    if (f->out_fd >= 0) {
        flush_ring(f);
        loop_set_fd(f->out_fd, NULL, NULL, NULL);
        fcntl(f->out_fd, F_SETFL, f->out_flags);
    }
    if (f->in_fd >= 0) {
        loop_set_fd(f->in_fd, NULL, NULL, NULL);
        fcntl(f->in_fd, F_SETFL, f->in_flags);
    }
    f->in_fd = f->out_fd = -1;
    f->used = 0;
    free(f->ring);
    f->ring = NULL;
}
