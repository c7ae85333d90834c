/* SPDX-License-Identifier: MIT */
/*
 * cow: copy on write, version 2, as user-mode Linux and early emulators made it.
 *
 *         0  u32 "OOOM"   4  u32 version 2   8  name of the backing file, 1024 bytes
 *      1032  u32 its modification time    1040  u64 bytes of the disk
 *      1048  u32 bytes of a sector, 512
 *      1056  bitmap: a bit per sector, lowest first: 1 is here, 0 in the backing file
 *            data, from the next whole sector on, each sector at its own place
 *
 * All big-endian.  (Linux, arch/um/drivers/cow_user.c, struct cow_header_v2, with
 * the alignment of 64-bit hosts.)
 *
 * Order: data, flush, bitmap.
 *
 * Not modelled: versions 1 and 3.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/tables.h"
#include "util/bits.h"
#include "util/mem.h"

enum { SECTOR = 512, NAME = 1024, BITMAP_AT = 1056, HEADER = 1056 };

#define MAGIC   0x4f4f4f4du

typedef struct Cow {
    Tables *tables;
    CoMutex lock;                       /* of a byte read, changed and written */
    uint64_t data_at;
} Cow;

static int cow_probe(const uint8_t *head, size_t len, const char *filename)
{
    (void)filename;
    return len >= 8 && load_be(head, 4) == MAGIC && load_be(head + 4, 4) == 2 ? 100 : 0;
}

static int cow_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    Cow *s = bs->opaque;
    uint8_t h[HEADER] = { 0 };
    int ret = bdrv_pread(bs->file, 0, h, MIN(bs->file->length, HEADER));
    uint64_t size = load_be(h + 1040, 8);

    (void)opts;
    if (ret < 0) {
        return error_set(err, -ret, "%s: cannot be read: %s", bs->filename, strerror(-ret));
    }
    if (load_be(h, 4) != MAGIC) {
        return error_set(err, EINVAL, "%s: not a cow image", bs->filename);
    }
    if (load_be(h + 4, 4) != 2) {
        return error_set(err, ENOTSUP, "%s: cow version %u, only 2 can be read", bs->filename,
                         (unsigned)load_be(h + 4, 4));
    }
    if (load_be(h + 1048, 4) != SECTOR || size > 1ull << 50 || size % SECTOR) {
        return error_set(err, EINVAL, "%s: damaged cow header: %llu bytes in sectors of %u",
                         bs->filename, (unsigned long long)size,
                         (unsigned)load_be(h + 1048, 4));
    }
    uint64_t bitmap = (size / SECTOR + 7) / 8;

    if (bs->file->length < BITMAP_AT || bitmap > bs->file->length - BITMAP_AT) {
        return error_set(err, EINVAL, "%s: truncated: a bitmap of %llu bytes in a file of %llu",
                         bs->filename, (unsigned long long)bitmap,
                         (unsigned long long)bs->file->length);
    }
    if (h[8]) {
        bs->backing_file = xstrndup((const char *)h + 8, NAME);
    }
    s->data_at = align_up(BITMAP_AT + bitmap, SECTOR);
    s->tables = tables_new(bs->file, NULL, NULL, 64);
    bs->length = size;
    bs->write_align = SECTOR;
    return 0;
}

static void cow_close(BlockDriverState *bs)
{
    Cow *s = bs->opaque;

    tables_free(s->tables);
}

/* Bytes from off (<= len) that are all here, or all in the backing file. */
static int own_run(const Cow *s, uint64_t off, uint64_t len, uint64_t *num, bool *here)
{
    uint64_t first = off / SECTOR, run;
    int ret = tables_bit_run(s->tables, BITMAP_AT, first,
                             (off + len + SECTOR - 1) / SECTOR - first, false, here, &run);

    if (ret >= 0) {
        *num = MIN(len, (first + run) * SECTOR - off);
    }
    return ret;
}

static int cow_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                      const QEMUIOVector *qiov, size_t at)
{
    const Cow *s = bs->opaque;
    int ret = 0;

    while (len && ret >= 0) {
        uint64_t n;
        bool here = false;

        ret = own_run(s, off, len, &n, &here);
        if (ret >= 0) {
            ret = here ? bdrv_co_preadv(bs->file, s->data_at + off, n, qiov, at)
                       : bdrv_co_read_backing(bs, off, n, qiov, at);
            off += n;
            at += n;
            len -= n;
        }
    }
    return ret;
}

/* Sectors are whole here: io.c saw to that (write_align). */
static int mark(const Cow *s, uint64_t off, uint64_t len)
{
    uint64_t end = (off + len + SECTOR - 1) / SECTOR;
    int ret = 0;

    for (uint64_t i = off / SECTOR; i < end && ret >= 0; i = (i | 7) + 1) {
        uint8_t old = 0, bits;

        ret = tables_read(s->tables, BITMAP_AT + i / 8, &old, 1);
        bits = old;
        for (uint64_t k = i; k < end && k / 8 == i / 8; k++) {
            bits |= (uint8_t)(1u << (k % 8));
        }
        if (ret >= 0 && bits != old) {
            ret = tables_write(s->tables, BITMAP_AT + i / 8, &bits, 1);
        }
    }
    return ret;
}

static int cow_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                       const QEMUIOVector *qiov, size_t at)
{
    Cow *s = bs->opaque;
    int ret = bdrv_co_pwritev(bs->file, s->data_at + off, len, qiov, at, 0);

    if (ret >= 0) {
        co_mutex_lock(&s->lock);
        ret = mark(s, off, len);
        co_mutex_unlock(&s->lock);
    }
    return ret;
}

static int cow_flush(BlockDriverState *bs)
{
    Cow *s = bs->opaque;

    return tables_flush(s->tables);
}

static int cow_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                            uint64_t *num, uint64_t *map)
{
    const Cow *s = bs->opaque;
    bool here = false;
    int ret = own_run(s, off, len, num, &here);

    if (ret < 0) {
        return ret;
    }
    *map = s->data_at + off;
    return here ? BDRV_BLOCK_DATA | BDRV_BLOCK_ALLOCATED | BDRV_BLOCK_OFFSET
                : bs->backing ? 0 : BDRV_BLOCK_ZERO;
}

const BlockDriver bdrv_cow = {
    .name = "cow",
    .for_users = true,
    .state_size = sizeof(Cow),
    .probe = cow_probe,
    .open = cow_open,
    .close = cow_close,
    .co_preadv = cow_preadv,
    .co_pwritev = cow_pwritev,
    .co_flush_to_os = cow_flush,
    .co_block_status = cow_block_status,
};
