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
#include <stdlib.h>
#include <string.h>

#include "tools/fs.h"
#include "util/bits.h"
#include "util/mem.h"

enum { SECTOR = 512, TABLE = 446, ENTRY = 16, MAX_PARTS = 128, GPT_ENTRY = 128 };
enum { EXTENDED = 0x05, EXTENDED_LBA = 0x0f, EXTENDED_LINUX = 0x85, PROTECTIVE = 0xee };

int fs_volume_read(const FsVolume *v, uint64_t off, void *buf, uint64_t len)
{
    if (off > v->len || len > v->len - off) {
        return -EIO;
    }
    return blk_pread(v->bs, v->start + off, buf, len);
}

typedef struct Parts {
    FsVolume v[MAX_PARTS + 1];          /* by number; len 0: none */
    int last;
} Parts;

static void add(Parts *p, BlockDriverState *bs, int number, uint64_t start, uint64_t len)
{
    uint64_t all = blk_length(bs) / SECTOR;

    if (number <= MAX_PARTS && len && start && start < all) {
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

static void find_logical(Parts *p, BlockDriverState *bs, uint64_t first)
{
    uint64_t at = first;
    uint8_t buf[SECTOR];

    for (int number = 5; number <= MAX_PARTS && read_mbr(bs, at, buf); number++) {
        const uint8_t *e = buf + TABLE, *next = e + ENTRY;

        add(p, bs, number, at + load_le(e + 8, 4), load_le(e + 12, 4));
        if (!is_extended(next[4]) || load_le(next + 8, 4) == 0) {
            break;
        }
        at = first + load_le(next + 8, 4);
    }
}

static bool find_gpt(Parts *p, BlockDriverState *bs)
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
    for (uint64_t i = 0; i < MIN(num, MAX_PARTS); i++) {
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

static void find_parts(Parts *p, BlockDriverState *bs)
{
    uint8_t buf[SECTOR];

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

static Fs *open_volume(const FsVolume *v, Error *err)
{
    Fs *fs = fs_fat.open(v, err);

    return fs ? fs : fs_ext.open(v, err);
}

static Fs *open_any(const Parts *p, Error *err)
{
    Fs *fs = open_volume(&p->v[0], err);

    for (int i = 1; !fs && i <= p->last; i++) {
        fs = p->v[i].len ? open_volume(&p->v[i], err) : NULL;
    }
    return fs;
}

Fs *fs_open(BlockDriverState *bs, int part, Error *err)
{
    Parts *p = xzalloc(sizeof(*p));
    Error why = { "" };
    Fs *fs = NULL;

    find_parts(p, bs);
    p->v[0] = (FsVolume){ bs, 0, blk_length(bs) };
    if (part < 0) {
        fs = open_any(p, &why);
    } else if (part <= p->last && p->v[part].len) {
        fs = open_volume(&p->v[part], &why);
    } else {
        error_set(&why, ENOENT, "%s: has no partition %d", blk_filename(bs), part);
    }
    if (!fs && !*why.msg) {
        error_set(&why, EINVAL, "%s: no FAT or ext2, ext3, ext4 file system in %s",
                  blk_filename(bs), part < 0 ? "it" : "that partition");
    }
    if (!fs) {
        *err = why;
    }
    free(p);
    return fs;
}
