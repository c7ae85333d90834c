/* SPDX-License-Identifier: MIT */
/*
 * What block/host-cdrom.c makes of a drive; for host-cdrom.t, which compiles and
 * runs it in a guest.
 *
 *     host-cdrom DEVICE [open | close | lock | unlock]
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "block/host-cdrom.h"

static void act(int fd, const char *what)
{
    if (!strcmp(what, "open") || !strcmp(what, "close")) {
        host_cdrom_move_tray(fd, !strcmp(what, "open"));
    } else {
        host_cdrom_lock_tray(fd, !strcmp(what, "lock"));
    }
}

int main(int argc, char **argv)
{
    int fd = open(argv[1], O_RDONLY | O_NONBLOCK);
    uint64_t size = 0;

    if (fd < 0 || !host_cdrom_is_drive(fd)) {
        printf("no drive\n");
        return 1;
    }
    bool first = host_cdrom_disc_changed(fd), again = host_cdrom_disc_changed(fd);

    if (argc > 2) {
        act(fd, argv[2]);
    }
    ioctl(fd, BLKGETSIZE64, &size);
    printf("disc %d, changed %d then %d, %llu bytes\n", host_cdrom_has_disc(fd), first, again,
           (unsigned long long)size);
    if (argc > 2 && !strcmp(argv[2], "lock")) {
        pause();                        /* closing it unlocks it */
    }
    return 0;
}
