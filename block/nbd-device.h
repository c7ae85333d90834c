/* SPDX-License-Identifier: MIT */
/*
 * The host kernel's network block devices, /dev/nbdN (linux/nbd.h): the kernel is
 * an NBD client on a socket that it is given.
 */
#ifndef BLOCK_NBD_DEVICE_H
#define BLOCK_NBD_DEVICE_H

#include <stdint.h>

#include "util/error.h"

typedef struct NbdDevice NbdDevice;

/* The kernel talks to the other end of socket (which stays the caller's) from now
 * on; gone() is called, on another thread, when the device was disconnected.
 * flags: NBD_FLAG_xxx of the export. */
int nbd_device_start(NbdDevice **d, const char *path, int socket, uint64_t size,
                     unsigned flags, void (*gone)(void), Error *err);
void nbd_device_stop(NbdDevice *d);
/* One that somebody else started. */
int nbd_device_disconnect(const char *path, Error *err);

#endif
