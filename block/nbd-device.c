/* SPDX-License-Identifier: MIT */
/*
 * /dev/nbdN: NBD_DO_IT borrows a thread of ours until the device is disconnected.
 */
#include "block/nbd-device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/nbd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util/mem.h"
#include "util/thread.h"

enum { SECTOR = 512 };

struct NbdDevice {
    int fd;
    pthread_t thread;
    void (*gone)(void);
};

static int open_device(const char *path, Error *err)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    return fd >= 0 ? fd
         : error_set(err, errno, "%s: cannot be opened: %s: does this host have network block"
                     " devices (modprobe nbd)?", path, strerror(errno));
}

int nbd_device_disconnect(const char *path, Error *err)
{
    int fd = open_device(path, err);

    if (fd < 0) {
        return fd;
    }
    ioctl(fd, NBD_CLEAR_QUE);
    int ret = ioctl(fd, NBD_DISCONNECT) < 0 ? -errno : 0;
    ioctl(fd, NBD_CLEAR_SOCK);
    close(fd);
    return ret < 0 ? error_set(err, -ret, "%s: cannot be disconnected: %s", path,
                               strerror(-ret)) : 0;
}

static void *run(void *arg)
{
    NbdDevice *d = arg;

    ioctl(d->fd, NBD_DO_IT);
    ioctl(d->fd, NBD_CLEAR_QUE);
    ioctl(d->fd, NBD_CLEAR_SOCK);
    d->gone();
    return NULL;
}

static int set_up(const NbdDevice *d, int socket, uint64_t size, unsigned flags)
{
    int read_only = 1;

    if (ioctl(d->fd, NBD_SET_SOCK, (unsigned long)socket) < 0 ||
        ioctl(d->fd, NBD_SET_BLKSIZE, (unsigned long)SECTOR) < 0 ||
        ioctl(d->fd, NBD_SET_SIZE_BLOCKS, (unsigned long)(size / SECTOR)) < 0) {
        return -errno;
    }
    ioctl(d->fd, NBD_SET_FLAGS, (unsigned long)flags);
    if (flags & NBD_FLAG_READ_ONLY && ioctl(d->fd, BLKROSET, &read_only) < 0) {
        return -errno;
    }
    return 0;
}

int nbd_device_start(NbdDevice **d, const char *path, int socket, uint64_t size,
                     unsigned flags, void (*gone)(void), Error *err)
{
    int fd = open_device(path, err);

    if (fd < 0) {
        return fd;
    }
    *d = xzalloc(sizeof(**d));
    **d = (NbdDevice){ .fd = fd, .gone = gone };
    int ret = set_up(*d, socket, size, flags);
    if (ret >= 0) {
        ret = -thread_create(&(*d)->thread, NULL, run, *d);
    }
    if (ret < 0) {
        ioctl(fd, NBD_CLEAR_SOCK);
        close(fd);
        free(*d);
        *d = NULL;
        return error_set(err, -ret, "%s: cannot be set up: %s: is it in use?", path,
                         strerror(-ret));
    }
    return 0;
}

void nbd_device_stop(NbdDevice *d)
{
    ioctl(d->fd, NBD_DISCONNECT);
    pthread_join(d->thread, NULL);
    close(d->fd);
    free(d);
}
