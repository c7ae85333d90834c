/* SPDX-License-Identifier: MIT */
/*
 * Floppy media.  An image is sectors in the order track, head, sector, 512 bytes
 * each; its size tells the format.
 *
 * Not modelled: other sector sizes, deleted data marks, gaps, bad sectors.
 */
#include "hw/block/floppy.h"

#include "util/bits.h"

/* clang-format off */
static const FloppyFormat formats[] = {
    /* kind secs tracks heads rate */
    { 4, 18, 80, 2, RATE_500,  "1.44M" },       /* the default comes first */
    { 4, 20, 80, 2, RATE_500,  "1.6M" },
    { 4, 21, 80, 2, RATE_500,  "1.68M" },
    { 4, 21, 82, 2, RATE_500,  "1.72M" },
    { 4, 21, 83, 2, RATE_500,  "1.74M" },
    { 4, 22, 80, 2, RATE_500,  "1.76M" },
    { 4, 23, 80, 2, RATE_500,  "1.84M" },
    { 4, 24, 80, 2, RATE_500,  "1.92M" },
    { 5, 36, 80, 2, RATE_1000, "2.88M" },
    { 5, 39, 80, 2, RATE_1000, "3.12M" },
    { 5, 40, 80, 2, RATE_1000, "3.2M" },
    { 5, 44, 80, 2, RATE_1000, "3.52M" },
    { 5, 48, 80, 2, RATE_1000, "3.84M" },
    { 2, 15, 80, 2, RATE_500,  "1.2M" },
    { 2, 18, 82, 2, RATE_500,  "1.48M" },
    { 2, 18, 83, 2, RATE_500,  "1.49M" },
    { 4,  9, 80, 2, RATE_250,  "720K" },
    { 4, 10, 80, 2, RATE_250,  "800K" },
    { 4, 10, 82, 2, RATE_250,  "820K" },
    { 4, 10, 83, 2, RATE_250,  "830K" },
    { 4, 13, 80, 2, RATE_250,  "1.04M" },
    { 4, 14, 80, 2, RATE_250,  "1.12M" },
    { 2, 11, 80, 2, RATE_250,  "880K" },
    { 2,  9, 40, 2, RATE_300,  "360K" },
    { 2,  9, 40, 1, RATE_300,  "180K" },
    { 2, 10, 41, 2, RATE_300,  "410K" },
    { 2, 10, 42, 2, RATE_300,  "420K" },
    { 2,  8, 40, 2, RATE_300,  "320K" },
    { 2,  8, 40, 1, RATE_300,  "160K" },
};
/* clang-format on */

static uint64_t capacity(const FloppyFormat *f)
{
    return (uint64_t)f->secs * f->tracks * f->heads * FLOPPY_SECTOR;
}

/* The format of exactly this size, else the smallest it fits in. */
static const FloppyFormat *choose(uint64_t size)
{
    const FloppyFormat *best = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        const FloppyFormat *f = &formats[i];

        if (capacity(f) == size) {
            return f;
        }
        if (capacity(f) > size && (!best || capacity(f) < capacity(best))) {
            best = f;
        }
    }
    return best ? best : &formats[0];
}

void floppy_load(FloppyDrive *d)
{
    bool there = d->blk && blk_is_inserted(d->blk) && blk_length(d->blk) > 0;

    d->format = there ? choose(blk_length(d->blk)) : NULL;
    if (d->blk && !d->kind) {
        d->kind = d->format ? d->format->kind : 4;
    }
}

void floppy_seek(FloppyDrive *d, int track)
{
    track = MIN(MAX(track, 0), FLOPPY_MAX_TRACK);
    if (track != d->track && d->format) {
        d->changed = 0;
    }
    d->track = (uint8_t)track;
}

/* A 1.2M drive turns at 360/min, so 250 kbit/s media are read at 300. */
bool floppy_rate_fits(const FloppyDrive *d, FloppyRate rate)
{
    FloppyRate want = (FloppyRate)d->format->rate;

    return rate == want || (want == RATE_300 && rate == RATE_250);
}

int64_t floppy_offset(const FloppyDrive *d, int track, int head, int sector)
{
    const FloppyFormat *f = d->format;

    if (!f || track >= f->tracks || head >= f->heads || sector < 1 || sector > f->secs) {
        return -1;
    }
    int64_t off = (((int64_t)track * f->heads + head) * f->secs + sector - 1) *
                  FLOPPY_SECTOR;

    return off + FLOPPY_SECTOR <= (int64_t)blk_length(d->blk) ? off : -1;
}

const VMField floppy_vmstate[] = {
    VM_FIELD(FloppyDrive, kind),
    VM_FIELD(FloppyDrive, track),
    VM_FIELD(FloppyDrive, changed),
    VM_FIELD(FloppyDrive, next_id),
    VM_END
};
