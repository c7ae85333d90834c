/* SPDX-License-Identifier: MIT */
/*
 * A pair of file descriptors as the working part of a back end.
 *
 *   fd_chan_write --> 64 KiB ring --> out_fd        (when poll says writable)
 *   chr_receive   <-- filter      <-- in_fd         (while the front end takes)
 *
 * Both descriptors are set non-blocking while open and may be the same one.
 * The owner's hooks: filter() changes received bytes in place (telnet) and
 * returns how many are left; hangup() is called once at end of file, and must
 * call fd_chan_close() if it wants no more of it.
 *
 * Threads: with the global lock.
 */
#ifndef CHAR_FD_H
#define CHAR_FD_H

#include "char/char.h"

#define FD_CHAN_BUFFER 65536

typedef struct FdChan {
    CharDriverState *chr;
    int in_fd, out_fd;                  /* -1: none */
    int in_flags, out_flags;            /* as we found them */
    size_t (*filter)(CharDriverState *chr, uint8_t *buf, size_t len);
    void (*hangup)(CharDriverState *chr);
    bool paused;                        /* the front end takes nothing */
    bool ended;                         /* end of file seen */
    uint8_t *ring;
    size_t head, used;                  /* first byte, how many */
    uint64_t dropped;                   /* bytes, ever */
} FdChan;

/* Zeroed storage; no descriptors yet. */
void fd_chan_init(FdChan *f, CharDriverState *chr);
void fd_chan_open(FdChan *f, int in_fd, int out_fd);
/* Restores the blocking mode and forgets the descriptors, without closing. */
void fd_chan_close(FdChan *f);
void fd_chan_write(FdChan *f, const uint8_t *buf, size_t len);
/* The front end has room (or handlers) again. */
void fd_chan_resume(FdChan *f);

#endif
