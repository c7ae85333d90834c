/* SPDX-License-Identifier: MIT */
/*
 * Disk geometry for drives and BIOS.
 *
 * A partition table was made by a system that saw some geometry: the head and
 * sector of a partition's end tell which, since partitions end on cylinder
 * boundaries.  More than 16 heads was a translated one, which a drive cannot
 * have (ATA: 4 bits): the BIOS must translate again.
 */
#include <string.h>

#include "block/block.h"
#include "util/bits.h"

enum { TRANS_NONE, TRANS_LBA, TRANS_LARGE };
enum { BIOS_CYLS = 1024 };             /* a BIOS call has 10 bits for them */
enum { MAX_CYLS = 16383, MAX_HEADS = 16, STD_SECS = 63 };

/* Heads and sectors of the first partition that says; false if none does. */
static bool from_partitions(BlockDriverState *bs, uint32_t *heads, uint32_t *secs)
{
    uint8_t mbr[512];

    if (blk_length(bs) < sizeof(mbr) || blk_pread(bs, 0, mbr, sizeof(mbr)) < 0 ||
        load_le(mbr + 510, 2) != 0xaa55) {
        return false;
    }
    for (const uint8_t *p = mbr + 446; p < mbr + 510; p += 16) {
        if (load_le(p + 12, 4) && p[5]) {       /* sectors, head of the end */
            *heads = p[5] + 1u;
            *secs = p[6] & 63;
            return *secs != 0;
        }
    }
    return false;
}

static uint32_t cylinders(uint64_t sectors, uint32_t heads, uint32_t secs)
{
    uint64_t n = sectors / (heads * secs);

    return (uint32_t)MAX(MIN(n, MAX_CYLS), 1);
}

static int translation(const char *asked, uint32_t cyls)
{
    if (!asked || !strcmp(asked, "auto")) {
        return cyls <= BIOS_CYLS ? TRANS_NONE : TRANS_LBA;
    }
    return !strcmp(asked, "none") ? TRANS_NONE :
           !strcmp(asked, "large") ? TRANS_LARGE : TRANS_LBA;
}

int blk_geometry(BlockDriverState *bs, uint32_t *cyls, uint32_t *heads, uint32_t *secs)
{
    const BlockConf *conf = blk_conf(bs);
    uint64_t sectors = blk_length(bs) / BDRV_SECTOR_SIZE;
    uint32_t h, s;

    if (conf->cyls && conf->heads && conf->secs) {
        *cyls = conf->cyls;
        *heads = conf->heads;
        *secs = conf->secs;
        return translation(conf->trans, *cyls);
    }
    *heads = MAX_HEADS;
    *secs = STD_SECS;
    if (from_partitions(bs, &h, &s) && h <= MAX_HEADS && sectors / (h * s) <= MAX_CYLS) {
        *heads = h;
        *secs = s;
    }
    *cyls = cylinders(sectors, *heads, *secs);
    return translation(conf->trans, *cyls);
}
