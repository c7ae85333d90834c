/* SPDX-License-Identifier: MIT */
/*
 * bochs: growing disks of Bochs.  Read-only.
 *
 *        0  "Bochs Virtual HD Image"   32  "Redolog"   48  "Growing"
 *       64  u32 version 0x10000 or 0x20000    68  u32 bytes of the header, 512
 *       72  u32 entries of the catalog        76  u32 bytes of a bitmap
 *       80  u32 bytes of an extent
 *       84  version 1: u64 bytes of the disk; version 2: u32 time, u64 at 88
 *
 *      | header | catalog | extent | extent | ...
 *      catalog   u32 per extent of the disk: its number in the file, ~0 not there
 *      extent    | bitmap: a bit per sector, lowest first | data |
 *                each from a whole sector on
 *
 * All little-endian.  (Bochs User Manual, "Disk Image Modes"; bximage.)
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/tables.h"
#include "util/bits.h"
#include "util/mem.h"

enum { SECTOR = 512, HEADER = 512 };

#define NO_EXTENT       0xffffffffu

typedef struct Bochs {
    Tables *tables;
    uint64_t catalog_at, data_at;
    uint32_t entries, bitmap, extent;   /* bitmap: whole sectors */
} Bochs;

static int bochs_probe(const uint8_t *head, size_t len, const char *filename)
{
    (void)filename;
    return len >= HEADER && !memcmp(head, "Bochs Virtual HD Image", 23) &&
           !memcmp(head + 32, "Redolog", 8) && !memcmp(head + 48, "Growing", 8) ? 100 : 0;
}

static int check_sizes(BlockDriverState *bs, const Bochs *s, uint32_t bitmap, Error *err)
{
    if (!is_pow2(s->extent) || s->extent < SECTOR || s->extent > 1 << 26 ||
        bitmap < (s->extent / SECTOR + 7) / 8 || bitmap > 1 << 20) {
        return error_set(err, EINVAL, "%s: damaged bochs header: extents of %u bytes, bitmaps of"
                         " %u", bs->filename, s->extent, bitmap);
    }
    if (bs->length % SECTOR || bs->length > (uint64_t)s->entries * s->extent) {
        return error_set(err, EINVAL, "%s: damaged bochs header: a disk of %llu bytes in %u"
                         " extents of %u", bs->filename, (unsigned long long)bs->length,
                         s->entries, s->extent);
    }
    if (s->catalog_at < HEADER || s->data_at > bs->file->length + SECTOR) {
        return error_set(err, EINVAL, "%s: truncated: a catalog of %u entries in a file of %llu"
                         " bytes", bs->filename, s->entries,
                         (unsigned long long)bs->file->length);
    }
    return 0;
}

static int bochs_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    Bochs *s = bs->opaque;
    uint8_t h[HEADER] = { 0 };
    int ret = bdrv_pread(bs->file, 0, h, MIN(bs->file->length, HEADER));
    uint32_t version = (uint32_t)load_le(h + 64, 4), bitmap = (uint32_t)load_le(h + 76, 4);

    (void)opts;
    if (ret < 0) {
        return error_set(err, -ret, "%s: cannot be read: %s", bs->filename, strerror(-ret));
    }
    if (!bochs_probe(h, HEADER, NULL)) {
        return error_set(err, EINVAL, "%s: not a growing bochs image", bs->filename);
    }
    if (version != 0x10000 && version != 0x20000) {
        return error_set(err, ENOTSUP, "%s: bochs image version 0x%x, only 0x10000 and 0x20000"
                         " can be read", bs->filename, version);
    }
    s->catalog_at = load_le(h + 68, 4);
    s->entries = (uint32_t)load_le(h + 72, 4);
    s->bitmap = (uint32_t)align_up(bitmap, SECTOR);
    s->extent = (uint32_t)load_le(h + 80, 4);
    s->data_at = s->catalog_at + (uint64_t)s->entries * 4;
    bs->length = load_le(h + (version == 0x10000 ? 84 : 88), 8);
    ret = check_sizes(bs, s, bitmap, err);
    if (ret >= 0) {
        s->tables = tables_new(bs->file, NULL, NULL, 64);
    }
    return ret;
}

static void bochs_close(BlockDriverState *bs)
{
    Bochs *s = bs->opaque;

    tables_free(s->tables);
}

/* Bytes from off (<= len) that are all there, or all not. */
static int own_run(const Bochs *s, uint64_t off, uint64_t len, uint64_t *num, bool *here,
                   uint64_t *host)
{
    uint64_t in = off % s->extent, first = in / SECTOR, at, run;
    uint8_t e[4];
    int ret = tables_read(s->tables, s->catalog_at + off / s->extent * 4, e, 4);

    *here = false;
    *num = MIN(len, s->extent - in);
    if (ret < 0 || load_le(e, 4) == NO_EXTENT) {
        return ret;
    }
    at = s->data_at + load_le(e, 4) * (s->bitmap + (uint64_t)s->extent);
    *host = at + s->bitmap + in;
    ret = tables_bit_run(s->tables, at, first, (in + *num + SECTOR - 1) / SECTOR - first, false,
                         here, &run);
    if (ret >= 0) {
        *num = MIN(*num, (first + run) * SECTOR - in);
    }
    return ret;
}

static int bochs_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                        const QEMUIOVector *qiov, size_t at)
{
    int ret = 0;

    while (len && ret >= 0) {
        uint64_t n, host = 0;
        bool here;

        ret = own_run(bs->opaque, off, len, &n, &here, &host);
        if (ret >= 0 && here) {
            ret = bdrv_co_preadv(bs->file, host, n, qiov, at);
        } else if (ret >= 0) {
            iov_memset(qiov, at, 0, n);
        }
        off += n;
        at += n;
        len -= n;
    }
    return ret;
}

static int bochs_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                              uint64_t *num, uint64_t *map)
{
    bool here;
    int ret = own_run(bs->opaque, off, len, num, &here, map);

    return ret < 0 ? ret : here ? BDRV_BLOCK_DATA | BDRV_BLOCK_ALLOCATED | BDRV_BLOCK_OFFSET
                                : BDRV_BLOCK_ZERO;
}

const BlockDriver bdrv_bochs = {
    .name = "bochs",
    .for_users = true,
    .state_size = sizeof(Bochs),
    .probe = bochs_probe,
    .open = bochs_open,
    .close = bochs_close,
    .co_preadv = bochs_preadv,
    .co_block_status = bochs_block_status,
};
