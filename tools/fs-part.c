/* SPDX-License-Identifier: MIT */
/*
 * Partitions of a disk image.
 *
 *      MBR      | code ... | 446: 4 x 16 bytes | 55 aa |      numbers 1 to 4
 *      entry    | boot | chs | type | chs | first sector (4) | sectors (4) |
 *      extended | entry: logical | entry: next extended |     numbers 5 ...
 *      GPT      sector 1: "EFI PART", 72: entries at, 80: number, 84: size
 *
 * Documents: the MBR as Linux reads it (block/partitions/msdos.c), the UEFI
 * specification 2.10, 5.3 (GPT).
 */
#include <errno.h>
#include <string.h>

#include "tools/fs.h"
#include "util/bits.h"

enum { SECTOR = 512, TABLE = 446, ENTRY = 16, GPT_ENTRY = 128 };
enum { EXTENDED = 0x05, EXTENDED_LBA = 0x0f, EXTENDED_LINUX = 0x85, PROTECTIVE = 0xee };

static void add(FsParts *p, BlockDriverState *bs, int number, uint64_t start, uint64_t len)
{
    uint64_t all = blk_length(bs) / SECTOR;

    if (number <= FS_MAX_PARTS && len && start && start < all) {
        p->v[number] = (FsVolume){ bs, start * SECTOR, MIN(len, all - start) * SECTOR };
        p->last = MAX(p->last, number);
    }
}

static bool is_extended(int type)
{
    return type == EXTENDED || type == EXTENDED_LBA || type == EXTENDED_LINUX;
}

static bool read_mbr(BlockDriverState *bs, uint64_t sector, uint8_t *buf)
{
    return sector < blk_length(bs) / SECTOR &&
           blk_pread(bs, sector * SECTOR, buf, SECTOR) >= 0 && load_le(buf + 510, 2) == 0xaa55;
}

static void find_logical(FsParts *p, BlockDriverState *bs, uint64_t first)
{
    uint64_t at = first;
    uint8_t buf[SECTOR];

    for (int number = 5; number <= FS_MAX_PARTS && read_mbr(bs, at, buf); number++) {
        const uint8_t *e = buf + TABLE, *next = e + ENTRY;

        add(p, bs, number, at + load_le(e + 8, 4), load_le(e + 12, 4));
        if (!is_extended(next[4]) || load_le(next + 8, 4) == 0) {
            break;
        }
        at = first + load_le(next + 8, 4);
    }
}

static bool find_gpt(FsParts *p, BlockDriverState *bs)
{
    uint8_t head[SECTOR], e[GPT_ENTRY];

    if (blk_length(bs) < 34 * SECTOR || blk_pread(bs, SECTOR, head, SECTOR) < 0 ||
        memcmp(head, "EFI PART", 8)) {
        return false;
    }
    uint64_t at = load_le(head + 72, 8), num = load_le(head + 80, 4), size = load_le(head + 84, 4);

    if (at >= blk_length(bs) / SECTOR || size < GPT_ENTRY || size > 4096) {
        return true;
    }
    for (uint64_t i = 0; i < MIN(num, FS_MAX_PARTS); i++) {
        if (blk_pread(bs, at * SECTOR + i * size, e, GPT_ENTRY) < 0) {
            break;
        }
        uint64_t first = load_le(e + 32, 8), last = load_le(e + 40, 8);

        if (load_le(e, 8) | load_le(e + 8, 8) && last >= first) {
            add(p, bs, (int)i + 1, first, last - first + 1);
        }
    }
    return true;
}

void fs_find_parts(FsParts *p, BlockDriverState *bs)
{
    uint8_t buf[SECTOR];

    *p = (FsParts){ .v[0] = { bs, 0, blk_length(bs) } };
    if (!read_mbr(bs, 0, buf)) {
        return;
    }
    for (int i = 0; i < 4; i++) {
        const uint8_t *e = buf + TABLE + i * ENTRY;

        if (e[4] == PROTECTIVE && find_gpt(p, bs)) {
            return;
        }
    }
    for (int i = 0; i < 4; i++) {
        const uint8_t *e = buf + TABLE + i * ENTRY;
        uint64_t start = load_le(e + 8, 4);

        if (is_extended(e[4])) {
            find_logical(p, bs, start);
        } else if (e[4]) {
            add(p, bs, i + 1, start, load_le(e + 12, 4));
        }
    }
}

const FsVolume *fs_find_part(const FsParts *p, int number, Error *err)
{
    if (number <= p->last && p->v[number].len) {
        return &p->v[number];
    }
    error_set(err, ENOENT, "%s: has no partition %d", blk_filename(p->v[0].bs), number);
    return NULL;
}
