/* SPDX-License-Identifier: MIT */
/*
 * The back end "pty": a new pseudo terminal; its path is printed, and a
 * terminal program opened on it is the peer.
 *
 * We keep the other side open ourselves.  Otherwise a pty that nobody has
 * opened would report a hang-up for ever; so it just fills its buffers, and
 * who attaches late sees what came last.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "char/drivers.h"
#include "char/fd.h"
#include "util/mem.h"

typedef struct Pty {
    FdChan chan;
    int slave;
} Pty;

static int open_slave(int master, char *name, size_t len)
{
    struct termios t;

    if (grantpt(master) < 0 || unlockpt(master) < 0 ||
        ptsname_r(master, name, len) != 0) {
        return -1;
    }
    int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (fd >= 0 && tcgetattr(fd, &t) == 0) {
        cfmakeraw(&t);
        tcsetattr(fd, TCSAFLUSH, &t);
    }
    return fd;
}

static int pty_open(CharDriverState *chr, const char *args, Error *err)
{
    char name[64];

    if (*args) {
        return error_set(err, EINVAL, "pty takes no options");
    }
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    int slave = master < 0 ? -1 : open_slave(master, name, sizeof(name));
    if (slave < 0) {
        int e = errno;

        if (master >= 0) {
            close(master);
        }
        return error_set(err, e, "pty: the host has none left: %s", strerror(e));
    }
    Pty *p = xzalloc(sizeof(*p));
    chr->state = p;
    chr->filename = xasprintf("pty:%s", name);
    chr->opened = true;
    p->slave = slave;
    fd_chan_init(&p->chan, chr);
    fd_chan_open(&p->chan, master, master);
    fprintf(stderr, "char device redirected to %s (label %s)\n", name, chr->label);
    return 0;
}

static void pty_write(CharDriverState *chr, const uint8_t *buf, size_t len)
{
    Pty *p = chr->state;

    fd_chan_write(&p->chan, buf, len);
}

static void pty_accept_input(CharDriverState *chr)
{
    Pty *p = chr->state;

    fd_chan_resume(&p->chan);
}

static void pty_close(CharDriverState *chr)
{
    Pty *p = chr->state;
    int master = p->chan.in_fd;

    fd_chan_close(&p->chan);
    close(master);
    close(p->slave);
    free(p);
}

const ChrDriver chr_pty_driver = {
    .name = "pty", .open = pty_open, .write = pty_write,
    .accept_input = pty_accept_input, .close = pty_close,
};
