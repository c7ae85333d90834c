/* SPDX-License-Identifier: MIT */
/* The back end "file:PATH": output goes to a file, which starts empty. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "char/drivers.h"

static int get_fd(const CharDriverState *chr)
{
    return (int)(intptr_t)chr->state;
}

static int file_open(CharDriverState *chr, const char *args, Error *err)
{
    if (!*args) {
        return error_set(err, EINVAL, "file: needs a path, as in file:serial.log");
    }
    int fd = open(args, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        int e = errno;

        return error_set(err, e, "%s: %s", args, strerror(e));
    }
    chr->state = (void *)(intptr_t)fd;
    chr->opened = true;
    return 0;
}

/* A full disk loses output; there is nobody here to tell. */
static void file_write(CharDriverState *chr, const uint8_t *buf, size_t len)
{
    while (len) {
        ssize_t n = write(get_fd(chr), buf, len);

        if (n < 0 && errno != EINTR) {
            return;
        }
        if (n > 0) {
            buf += n;
            len -= (size_t)n;
        }
    }
}

static void file_close(CharDriverState *chr)
{
    close(get_fd(chr));
}

const ChrDriver chr_file_driver = {
    .name = "file", .open = file_open, .write = file_write, .close = file_close,
};
