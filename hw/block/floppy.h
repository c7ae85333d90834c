/* SPDX-License-Identifier: MIT */
/*
 * Floppy drives and media: what an image of a given size was formatted as, and
 * where the head is.  The controller is fdc.c.
 */
#ifndef HW_BLOCK_FLOPPY_H
#define HW_BLOCK_FLOPPY_H

#include "block/block.h"
#include "sys/vmstate.h"

/* As in the CCR: data rates, in kbit/s. */
typedef enum FloppyRate { RATE_500, RATE_300, RATE_250, RATE_1000 } FloppyRate;

typedef struct FloppyFormat {
    uint8_t kind;                       /* CMOS drive type it is at home in */
    uint8_t secs, tracks, heads;
    uint8_t rate;
    const char *name;
} FloppyFormat;

typedef struct FloppyDrive {
    BlockDriverState *blk;              /* NULL: there is no drive */
    const FloppyFormat *format;         /* NULL: no medium */
    uint8_t kind;
    uint8_t track;                      /* where the head is */
    uint8_t changed;                    /* DSKCHG */
    uint8_t next_id;                    /* sector READ ID sees next */
} FloppyDrive;

enum { FLOPPY_SECTOR = 512, FLOPPY_MAX_TRACK = 84 };

extern const VMField floppy_vmstate[];

/* Look at the medium there is now. */
void floppy_load(FloppyDrive *d);
/* Move the head; a step with a medium in resets DSKCHG. */
void floppy_seek(FloppyDrive *d, int track);
bool floppy_rate_fits(const FloppyDrive *d, FloppyRate rate);
/* Byte offset of a sector (from 1); -1 if the medium has no such one. */
int64_t floppy_offset(const FloppyDrive *d, int track, int head, int sector);

#endif
