/* SPDX-License-Identifier: MIT */
/*
 * The drives of the command line: -drive, -hda ... -cdrom, -fda, -sd, -pflash.
 *
 *   drive_add(), drive_add_file()   as the options come: a list, nothing opened
 *   drive_add_defaults()            the empty CD and floppy drive of a PC
 *   drive_open_all()                open the images; machine creation is next
 *
 * The options of -drive are two tables, of drive.c and of throttle.c; others go to
 * the image format.
 */
#ifndef BLOCK_DRIVE_H
#define BLOCK_DRIVE_H

#include "block/block.h"

typedef enum DriveInterface {
    IF_NONE, IF_IDE, IF_SCSI, IF_FLOPPY, IF_PFLASH, IF_MTD, IF_SD, IF_VIRTIO,
    IF_COUNT
} DriveInterface;

typedef struct DriveInfo {
    DriveInterface type;
    int bus, unit;
    char *id;                           /* also the BlockDriverState's name */
    char *file, *format;                /* or NULL */
    int flags;                          /* BDRV_O_xxx */
    BlockConf conf;
    BlockOpts opts;                     /* for the format */
    BlockDriverState *bs;               /* after drive_open_all() */
    bool goes_with_device;              /* whoever removes its device drops it */
    struct DriveInfo *next;
} DriveInfo;

/* default_if: the machine's, for -drive without if=. */
int drive_add(const char *spec, DriveInterface default_if, Error *err);
/* A line for each option of -drive: "-drive help". */
void drive_help(void (*put)(void *opaque, const char *text), void *opaque);
/* option: "hda".."hdd", "cdrom", "fda", "fdb", "sd", "mtdblock", "pflash". */
int drive_add_file(const char *option, const char *file, DriveInterface default_if,
                   Error *err);
/* An empty CD drive at index 2 and a floppy drive at 0, if these are free. */
void drive_add_defaults(void);
/* snapshot: -snapshot, for all of them. */
int drive_open_all(bool snapshot, Error *err);
void drive_close_all(void);
void drive_del(DriveInfo *d);           /* closes it; no device may have it */

DriveInfo *drive_get(DriveInterface type, int bus, int unit);   /* or NULL */
DriveInfo *drive_find(const char *id);
DriveInfo *drive_next(DriveInfo *d);    /* NULL: the first */

#endif
