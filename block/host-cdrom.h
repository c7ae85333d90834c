/* SPDX-License-Identifier: MIT */
/*
 * A CD drive of the host: what file.c wants to know of it, and have done.
 *
 * Linux's interface: Documentation/userspace-api/ioctl/cdrom.rst.  Each function
 * may wait for the drive.
 */
#ifndef BLOCK_HOST_CDROM_H
#define BLOCK_HOST_CDROM_H

#include <stdbool.h>

bool host_cdrom_is_drive(int fd);
bool host_cdrom_has_disc(int fd);
/* Is it another disc than when this was last asked? */
bool host_cdrom_disc_changed(int fd);
/* A drive that cannot, or whose tray something else has locked, does nothing. */
void host_cdrom_move_tray(int fd, bool open);
void host_cdrom_lock_tray(int fd, bool lock);

#endif
