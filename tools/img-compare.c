/* SPDX-License-Identifier: MIT */
/*
 * qemu-img compare, diff: do two images hold the same disk, and if not, where
 * do they differ?
 *
 *      image 1   |  data  | zero |   data    |
 *      image 2   | zero |   data    |  data  |
 *                [  1   ][2][ 3 ][ 4][   5   ]   parts of one kind in both
 *
 * Parts that both say are zero are not read.  Where one image is shorter, the
 * other must be zero.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/img.h"
#include "util/bits.h"

enum { CHUNK = 1 << 20, SAME = 0, DIFFERENT = 1, TROUBLE = 2 };

typedef struct Pair {
    BlockDriverState *bs[2];
    char *buf[2];
    const char *format[2], *cache;
    uint64_t total, common;             /* lengths: the longer, the shorter */
    bool strict, quiet, progress, json, share;
} Pair;

typedef struct Part {
    uint64_t off, len;
    int status[2];
    bool zero[2];
} Part;

/* -- Parts ------------------------------------------------------------------- */

static int look(const Pair *p, int i, uint64_t off, Part *part)
{
    BlockDriverState *bs = p->bs[i];
    ImgExtent e;

    if (off >= bs->length) {
        part->status[i] = BDRV_BLOCK_ZERO;
        part->zero[i] = true;
        return 0;
    }
    int ret = img_extent(bs, NULL, off, MIN(part->len, bs->length - off), &e);

    if (ret < 0) {
        img_fail("Sector allocation test failed for %s: %s", blk_filename(bs), strerror(-ret));
        return ret;
    }
    part->len = e.num;
    part->status[i] = e.status;
    part->zero[i] = e.status & BDRV_BLOCK_ZERO;
    return 0;
}

static int next_part(const Pair *p, uint64_t off, Part *part)
{
    *part = (Part){ .off = off, .len = p->total - off };
    int ret = look(p, 0, off, part);

    return ret < 0 ? ret : look(p, 1, off, part);
}

static int read_chunk(const Pair *p, const Part *part, uint64_t off, size_t len)
{
    for (int i = 0; i < 2; i++) {
        if (part->zero[i]) {
            continue;
        }
        int ret = blk_pread(p->bs[i], off, p->buf[i], len);

        if (ret < 0) {
            img_fail("Error while reading offset %" PRIu64 " of %s: %s", off,
                     blk_filename(p->bs[i]), strerror(-ret));
            return ret;
        }
    }
    return 0;
}

/* Bytes of the chunk from `at` on that are the same, or that are not. */
static size_t run_length(const Pair *p, const Part *part, size_t at, size_t len, bool *same)
{
    size_t i = at;

    while (i < len) {
        size_t n = MIN(BDRV_SECTOR_SIZE, len - i);
        bool eq = part->zero[0] ? buf_is_zero(p->buf[1] + i, n)
                : part->zero[1] ? buf_is_zero(p->buf[0] + i, n)
                : !memcmp(p->buf[0] + i, p->buf[1] + i, n);

        if (i > at && eq != *same) {
            break;
        }
        *same = eq;
        i += n;
    }
    return i - at;
}

static bool chunk_same(const Pair *p, const Part *part, size_t len)
{
    return part->zero[0] ? buf_is_zero(p->buf[1], len)
         : part->zero[1] ? buf_is_zero(p->buf[0], len) : !memcmp(p->buf[0], p->buf[1], len);
}

/* -- Compare ----------------------------------------------------------------- */

static int say_different(const Pair *p, const char *fmt, uint64_t off)
{
    if (!p->quiet) {
        printf(fmt, off);
        printf("\n");
    }
    return DIFFERENT;
}

static int compare_part(const Pair *p, const Part *part)
{
    for (uint64_t off = part->off; off < part->off + part->len;) {
        size_t len = MIN(part->off + part->len - off, CHUNK);
        bool same = true;

        if (read_chunk(p, part, off, len) < 0) {
            return TROUBLE;
        }
        if (!chunk_same(p, part, len)) {
            size_t n = run_length(p, part, 0, len, &same);

            return say_different(p, "Content mismatch at offset %" PRIu64 "!",
                                 off + (same ? n : 0));
        }
        off += len;
    }
    return SAME;
}

static bool same_allocation(const Part *part)
{
    int mask = BDRV_BLOCK_DATA | BDRV_BLOCK_ZERO | BDRV_BLOCK_ALLOCATED;

    return ((part->status[0] ^ part->status[1]) & mask) == 0;
}

/* [off, end) of both. */
static int compare_range(const Pair *p, uint64_t off, uint64_t end, ImgProgress *bar)
{
    while (off < end) {
        Part part;

        if (next_part(p, off, &part) < 0) {
            return TROUBLE;
        }
        part.len = MIN(part.len, end - off);
        if (p->strict && !same_allocation(&part)) {
            return say_different(p, "Strict mode: Offset %" PRIu64 " block status mismatch!",
                                 off);
        }
        if (!part.zero[0] || !part.zero[1]) {
            int ret = compare_part(p, &part);

            if (ret != SAME) {
                return ret;
            }
        }
        off += part.len;
        img_progress(bar, off, p->total);
    }
    return SAME;
}

static int compare(Pair *p)
{
    ImgProgress bar;

    img_progress_start(&bar, p->progress && !p->quiet);
    int ret = SAME;

    if (p->total != p->common && p->strict) {
        ret = DIFFERENT;
        printf("%s", p->quiet ? "" : "Strict mode: Image size mismatch!\n");
    } else {
        ret = compare_range(p, 0, p->common, &bar);
    }
    if (ret == SAME && p->total != p->common) {
        printf("%s", p->quiet ? "" : "Warning: Image size mismatch!\n");
        ret = compare_range(p, p->common, p->total, &bar);
    }
    if (ret == SAME && !p->quiet) {
        printf("Images are identical.\n");
    }
    img_progress_end(&bar, false);
    return ret;
}

/* -- Diff -------------------------------------------------------------------- */

typedef struct Diff {
    const Pair *p;
    uint64_t start, end, bytes, num;    /* the range that is being told */
} Diff;

static void tell_range(Diff *d)
{
    if (d->end == d->start || d->p->quiet) {
        return;
    }
    if (d->p->json) {
        printf("%s{ \"start\": %" PRIu64 ", \"length\": %" PRIu64 "}", d->num ? ",\n" : "[",
               d->start, d->end - d->start);
    } else {
        char a[24], b[24];

        snprintf(a, sizeof(a), "%#" PRIx64, d->start);
        snprintf(b, sizeof(b), "%#" PRIx64, d->end - d->start);
        printf("%s%-16s%s\n", d->num ? "" : "Offset          Length\n", a, b);
    }
    d->num++;
}

static void add_range(Diff *d, uint64_t off, uint64_t len)
{
    if (off != d->end) {
        tell_range(d);
        d->start = off;
    }
    d->end = off + len;
    d->bytes += len;
}

static int diff_part(const Pair *p, const Part *part, Diff *d)
{
    for (uint64_t off = part->off; off < part->off + part->len;) {
        size_t len = MIN(part->off + part->len - off, CHUNK), at = 0;

        if (read_chunk(p, part, off, len) < 0) {
            return TROUBLE;
        }
        while (at < len) {
            bool same = true;
            size_t n = run_length(p, part, at, len, &same);

            if (!same) {
                add_range(d, off + at, n);
            }
            at += n;
        }
        off += len;
    }
    return SAME;
}

static int diff(Pair *p)
{
    Diff d = { .p = p };

    for (uint64_t off = 0; off < p->total;) {
        Part part;

        if (next_part(p, off, &part) < 0 ||
            ((!part.zero[0] || !part.zero[1]) && diff_part(p, &part, &d) == TROUBLE)) {
            return TROUBLE;
        }
        off += part.len;
    }
    tell_range(&d);
    if (p->json && !p->quiet) {
        printf(d.num ? "]\n" : "[]\n");
    } else if (!p->quiet && d.bytes == 0) {
        printf("Images are identical.\n");
    }
    return d.bytes ? DIFFERENT : SAME;
}

/* -- The command line -------------------------------------------------------- */

static int with_pair(Pair *p, char **files, int (*run)(Pair *p))
{
    int flags = p->share ? BDRV_O_NO_LOCK : 0, ret = TROUBLE;

    if (!img_cache(p->cache, true, &flags)) {
        return TROUBLE;
    }
    p->bs[0] = img_open(files[0], p->format[0], flags, true);
    p->bs[1] = p->bs[0] ? img_open(files[1], p->format[1], flags, true) : NULL;
    if (p->bs[1]) {
        p->total = MAX(p->bs[0]->length, p->bs[1]->length);
        p->common = MIN(p->bs[0]->length, p->bs[1]->length);
        p->buf[0] = bdrv_memalign(p->bs[0], CHUNK);
        p->buf[1] = bdrv_memalign(p->bs[1], CHUNK);
        ret = p->buf[0] && p->buf[1] ? run(p) : TROUBLE;
    }
    for (int i = 0; i < 2; i++) {
        free(p->buf[i]);
        bdrv_delete(p->bs[i]);
    }
    return ret;
}

static int take_arguments(Pair *p, int argc, char **argv, const char *shorts, const char *longs,
                          int (*run)(Pair *p))
{
    ImgArgs a;
    int o;

    p->cache = "writeback";
    img_args(&a, argc, argv, shorts, longs);
    while ((o = img_option(&a)) != -1) {
        switch (o) {
        case 'f': p->format[0] = optarg; break;
        case 'F': p->format[1] = optarg; break;
        case 'T': p->cache = optarg; break;
        case 'U': p->share = true; break;
        case 'p': p->progress = true; break;
        case 'q': p->quiet = true; break;
        case 's': p->strict = true; break;
        case OPT_OUTPUT:
            if (!img_output(optarg, &p->json)) {
                return TROUBLE;
            }
            break;
        default: return a.status;
        }
    }
    if (img_left(&a) != 2) {
        return img_usage("Expecting two image file names");
    }
    return with_pair(p, argv + optind, run);
}

int img_compare(int argc, char **argv)
{
    Pair p = { .quiet = false };

    return take_arguments(&p, argc, argv, "f:F:T:Upqs", "force-share", compare);
}

int img_diff(int argc, char **argv)
{
    Pair p = { .quiet = false };

    return take_arguments(&p, argc, argv, "f:F:T:Uq", "force-share output", diff);
}
