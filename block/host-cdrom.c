/* SPDX-License-Identifier: MIT */
#include "block/host-cdrom.h"

#include <limits.h>
#include <linux/cdrom.h>
#include <sys/ioctl.h>

bool host_cdrom_is_drive(int fd)
{
    return ioctl(fd, CDROM_DRIVE_STATUS, CDSL_CURRENT) >= 0;
}

bool host_cdrom_has_disc(int fd)
{
    return ioctl(fd, CDROM_DRIVE_STATUS, CDSL_CURRENT) == CDS_DISC_OK;
}

bool host_cdrom_disc_changed(int fd)
{
    return ioctl(fd, CDROM_MEDIA_CHANGED, CDSL_CURRENT) > 0;
}

void host_cdrom_move_tray(int fd, bool open)
{
    ioctl(fd, open ? CDROMEJECT : CDROMCLOSETRAY, 0);
}

void host_cdrom_lock_tray(int fd, bool lock)
{
    ioctl(fd, CDROM_LOCKDOOR, lock ? 1 : 0);
}
