/* SPDX-License-Identifier: MIT */
/*
 * overlay: -snapshot.  Writes go to a temporary file, the image stays as it is.
 *
 *      disk      | granule 0 | granule 1 | granule 2 | ...     4 KiB each
 *      written        0           1           0                a bit each
 *      read from   backing    temp file    backing
 *
 * The temporary file is sparse, has every granule at its own place, and no
 * name: it is gone with us.  Partial writes of a granule are completed by io.c
 * (write_align), which also keeps others away meanwhile.  `commit` copies the
 * written granules into the backing image.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block/block-int.h"
#include "util/bits.h"
#include "util/mem.h"

enum { GRANULE = 4096 };

typedef struct Overlay {
    uint8_t *written;                   /* a bit per granule */
    uint64_t num;
} Overlay;

static bool is_written(const Overlay *s, uint64_t g)
{
    return s->written[g / 8] >> (g % 8) & 1;
}

static void mark(Overlay *s, uint64_t off, uint64_t len)
{
    uint64_t end = MIN((off + len + GRANULE - 1) / GRANULE, s->num);

    for (uint64_t g = off / GRANULE; g < end; g++) {
        s->written[g / 8] |= (uint8_t)(1u << (g % 8));
    }
}

/* How many bytes from off (<= len) are in the same place as the one at off. */
static uint64_t same_run(const Overlay *s, uint64_t off, uint64_t len, bool *here)
{
    uint64_t g = off / GRANULE, end = off + len, next = (g + 1) * GRANULE;

    *here = is_written(s, g);
    while (next < end && is_written(s, next / GRANULE) == *here) {
        next += GRANULE;
    }
    return MIN(next, end) - off;
}

static int overlay_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                          const QEMUIOVector *qiov, size_t at)
{
    const Overlay *s = bs->opaque;
    int ret = 0;

    while (len && ret >= 0) {
        bool here;
        uint64_t n = same_run(s, off, len, &here);

        ret = here ? bdrv_co_preadv(bs->file, off, n, qiov, at)
                   : bdrv_co_read_backing(bs, off, n, qiov, at);
        off += n;
        at += n;
        len -= n;
    }
    return ret;
}

static int overlay_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                           const QEMUIOVector *qiov, size_t at)
{
    int ret = bdrv_co_pwritev(bs->file, off, len, qiov, at, 0);

    if (ret >= 0) {
        mark(bs->opaque, off, len);
    }
    return ret;
}

static int overlay_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len,
                                int flags)
{
    int ret = bdrv_co_write_zeroes(bs->file, off, align_up(len, GRANULE),
                                   flags | BDRV_REQ_MAY_UNMAP);

    if (ret >= 0) {
        mark(bs->opaque, off, len);
    }
    return ret;
}

static int overlay_discard(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    return overlay_write_zeroes(bs, off, len, 0);
}

static int overlay_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                                uint64_t *num, uint64_t *map)
{
    bool here;

    *num = same_run(bs->opaque, off, len, &here);
    *map = off;
    return here ? BDRV_BLOCK_DATA | BDRV_BLOCK_ALLOCATED | BDRV_BLOCK_OFFSET : 0;
}

static int overlay_make_empty(BlockDriverState *bs)
{
    Overlay *s = bs->opaque;

    memset(s->written, 0, s->num / 8 + 1);
    return bdrv_truncate(bs->file, 0, NULL);
}

static void overlay_close(BlockDriverState *bs)
{
    Overlay *s = bs->opaque;

    free(s->written);
}

/* A node over a new file that has no name any more. */
static int open_temporary(BlockDriverState *bs, Error *err)
{
    const char *dir = getenv("TMPDIR");
    char *path = xasprintf("%s/qemu-overlay-XXXXXX", dir && *dir ? dir : "/var/tmp");
    int fd = mkstemp(path), ret;

    if (fd < 0) {
        ret = error_set(err, errno, "%s: no temporary file for -snapshot: %s:"
                        " set TMPDIR to a directory with room", path, strerror(errno));
    } else {
        close(fd);
        ret = bdrv_open_child(bs, &bs->file, path, NULL,
                              BDRV_O_RDWR | BDRV_O_NO_FLUSH, err);
        unlink(path);
    }
    free(path);
    return ret;
}

int bdrv_add_overlay(BlockDriverState *bs, Error *err)
{
    BlockDriverState *lower = xzalloc(sizeof(*lower));
    Overlay *s = xzalloc(sizeof(*s));

    bdrv_move_contents(lower, bs);
    bs->drv = &bdrv_overlay;
    bs->opaque = s;
    bs->backing = lower;
    bs->filename = xstrdup(lower->filename);
    bs->note = lower->note ? xstrdup(lower->note) : NULL;
    bs->flags = (lower->flags | BDRV_O_RDWR | BDRV_O_NO_FLUSH | BDRV_O_UNMAP) &
                ~(BDRV_O_NOCACHE | BDRV_O_WRITETHROUGH);
    bs->length = lower->length;
    bs->write_align = GRANULE;
    s->num = (lower->length + GRANULE - 1) / GRANULE;
    s->written = calloc(s->num / 8 + 1, 1);
    if (!s->written) {
        return error_set(err, ENOMEM, "%s: too large for -snapshot", bs->filename);
    }
    return open_temporary(bs, err);
}

static int overlay_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    (void)opts;
    return error_set(err, EINVAL, "%s: an overlay is made by -snapshot, not opened",
                     bs->filename);
}

const BlockDriver bdrv_overlay = {
    .name = "overlay",
    .state_size = sizeof(Overlay),
    .open = overlay_open,
    .close = overlay_close,
    .co_preadv = overlay_preadv,
    .co_pwritev = overlay_pwritev,
    .co_write_zeroes = overlay_write_zeroes,
    .co_discard = overlay_discard,
    .co_block_status = overlay_block_status,
    .make_empty = overlay_make_empty,
};
