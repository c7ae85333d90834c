/* SPDX-License-Identifier: MIT */
/*
 * qemu-img commit, rebase: move data along a chain of backing images.
 *
 *      base <-- middle <-- top
 *      commit   top (and middle, with -b base) is written into base
 *      rebase   top gets another backing image, and what would show through
 *               differently; unsafe: only its name
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/img.h"
#include "util/bits.h"
#include "util/mem.h"

enum { CHUNK = 2 << 20 };

/* The node in the chain below bs with that name, or NULL. */
static BlockDriverState *find_below(BlockDriverState *bs, const char *name)
{
    for (BlockDriverState *n = bs; n->backing; n = n->backing) {
        char *path = bdrv_path_beside(bs->filename, name);
        bool same = !strcmp(n->backing->filename, name) ||
                    !strcmp(n->backing->filename, path) ||
                    (n->backing_file && !strcmp(n->backing_file, name));

        free(path);
        if (same) {
            return n->backing;
        }
    }
    return NULL;
}

/* -- Commit ------------------------------------------------------------------ */

typedef struct Commit {
    const char *format, *cache, *base_name;
    bool quiet, progress, keep;
    BlockDriverState *top, *base;
    ImgProgress bar;
} Commit;

static int commit_piece(Commit *c, uint64_t off, const ImgExtent *e, char *buf)
{
    if (!(e->status & BDRV_BLOCK_ALLOCATED)) {
        return 0;
    }
    if (e->status & BDRV_BLOCK_ZERO) {
        return blk_write_zeroes(c->base, off, e->num);
    }
    int ret = bdrv_pread(c->top, off, buf, e->num);

    return ret < 0 ? ret : bdrv_pwrite(c->base, off, buf, e->num);
}

static int commit_data(Commit *c)
{
    char *buf = bdrv_memalign(c->base, CHUNK);
    uint64_t size = c->top->length;
    int ret = buf ? 0 : -ENOMEM;

    for (uint64_t off = 0; ret >= 0 && off < size;) {
        ImgExtent e;

        ret = img_extent(c->top, c->base, off, MIN(size - off, CHUNK), &e);
        if (ret >= 0) {
            ret = commit_piece(c, off, &e, buf);
            off += e.num;
        }
        img_progress(&c->bar, off, size);
    }
    free(buf);
    return ret < 0 ? ret : bdrv_flush(c->base);
}

static int empty_top(Commit *c)
{
    if (c->keep || c->base_name || !c->top->drv->make_empty) {
        return 0;
    }
    int ret = c->top->drv->make_empty(c->top);

    return ret < 0 ? img_fail("Could not empty %s: %s", c->top->filename, strerror(-ret)) : 0;
}

static int commit_to_base(Commit *c)
{
    Error err = { "" };
    BlockDriverState *above = c->top;

    while (above->backing != c->base) {
        above = above->backing;
    }
    int ret = bdrv_begin_commit(above, c->top->length, &err);

    if (ret < 0) {
        return img_fail("%s", err.msg);
    }
    c->base = above->backing;
    ret = commit_data(c);
    return ret < 0 ? img_fail("Could not commit to %s: %s", c->base->filename, strerror(-ret)) : 0;
}

static int commit(Commit *c)
{
    if (!c->top->backing) {
        return img_fail("Image does not have a backing file");
    }
    c->base = c->base_name ? find_below(c->top, c->base_name) : c->top->backing;
    if (!c->base) {
        return img_fail("Did not find '%s' in the backing chain of '%s'", c->base_name,
                        c->top->filename);
    }
    img_progress_start(&c->bar, c->progress && !c->quiet);
    int ret = commit_to_base(c);

    if (!ret) {
        ret = empty_top(c);
    }
    img_progress_end(&c->bar, !ret);
    if (!ret && !c->quiet) {
        printf("Image committed.\n");
    }
    return ret;
}

int img_commit(int argc, char **argv)
{
    Commit c = { .cache = "writeback" };
    uint64_t rate;
    int flags = BDRV_O_RDWR | BDRV_O_UNMAP, o;
    ImgArgs a;

    img_args(&a, argc, argv, "f:t:b:dpqr:", "");
    while ((o = img_option(&a)) != -1) {
        switch (o) {
        case 'f': c.format = optarg; break;
        case 't': c.cache = optarg; break;
        case 'b': c.base_name = optarg; break;
        case 'd': c.keep = true; break;
        case 'p': c.progress = true; break;
        case 'q': c.quiet = true; break;
        case 'r':
            if (!img_size("rate limit", optarg, &rate)) {
                return 1;
            }
            return img_fail("-r is only available for convert");
        default: return a.status;
        }
    }
    if (img_left(&a) != 1) {
        return img_usage("Expecting one image file name");
    }
    if (!img_cache(c.cache, false, &flags)) {
        return 1;
    }
    c.top = img_open(argv[optind], c.format, flags, c.quiet);
    int ret = c.top ? commit(&c) : 1;

    bdrv_delete(c.top);
    return ret;
}

/* -- Rebase ------------------------------------------------------------------ */

typedef struct Rebase {
    const char *format, *cache, *src_cache, *backing, *backing_format;
    bool quiet, progress, unsafe, share;
    BlockDriverState *top, *now;        /* now: the new backing, or NULL */
    const BlockDriverState *shared;     /* where old and new chain are the same */
    ImgProgress bar;
} Rebase;

static int read_new(const Rebase *r, uint64_t off, char *buf, size_t len)
{
    size_t there = 0;

    if (r->now && off < r->now->length) {
        there = MIN(len, r->now->length - off);
    }
    memset(buf + there, 0, len - there);
    return there ? bdrv_pread(r->now, off, buf, there) : 0;
}

/* Zeroes that stay when another file lies behind them: as data, where the format has
 * no other way.  at: so many zeroes. */
static int write_lasting_zeroes(const Rebase *r, uint64_t off, const char *at, uint64_t len)
{
    int ret = blk_write_zeroes(r->top, off, len);

    for (uint64_t num; len && ret >= 0; off += num, at += num, len -= num) {
        ret = bdrv_block_status(r->top, off, len, &num, NULL);
        if (ret >= 0 && !(ret & BDRV_BLOCK_ALLOCATED)) {
            ret = blk_pwrite(r->top, off, at, num);
        }
    }
    return MIN(ret, 0);
}

/* Write what old and new show differently, in pieces of the cluster size. */
static int copy_differences(const Rebase *r, uint64_t off, const char *old, const char *now,
                            size_t len, size_t grain)
{
    for (size_t i = 0, n; i < len; i += n) {
        size_t from = i;

        n = MIN(grain - (off + i) % grain, len - i);
        if (!memcmp(old + i, now + i, n)) {
            continue;
        }
        while (i + n < len && memcmp(old + i + n, now + i + n, MIN(grain, len - i - n))) {
            n += MIN(grain, len - i - n);
        }
        int ret = buf_is_zero(old + from, n)
                ? write_lasting_zeroes(r, off + from, old + from, n)
                : blk_pwrite(r->top, off + from, old + from, n);

        if (ret < 0) {
            return ret;
        }
    }
    return 0;
}

/* *len shrinks to what was looked at. */
static int rebase_piece(const Rebase *r, uint64_t off, uint64_t *len, char *old, char *now,
                        size_t grain)
{
    ImgExtent e;
    int ret = img_extent(r->top, r->top->backing, off, *len, &e);

    *len = e.num;
    if (ret < 0 || e.status & BDRV_BLOCK_ALLOCATED) {
        return ret;
    }
    if (r->shared && off < r->top->backing->length) {
        ret = img_extent(r->top->backing, r->shared, off, *len, &e);
        *len = e.num;
        if (ret < 0 || (r->shared != r->top->backing &&
                        !(e.status & (BDRV_BLOCK_ALLOCATED | BDRV_BLOCK_ZERO)))) {
            return ret;
        }
    }
    ret = bdrv_pread(r->top, off, old, *len);
    if (ret >= 0) {
        ret = read_new(r, off, now, *len);
    }
    return ret < 0 ? ret : copy_differences(r, off, old, now, *len, grain);
}

static int rebase_data(Rebase *r)
{
    char *old = bdrv_memalign(r->top, CHUNK), *now = bdrv_memalign(r->top, CHUNK);
    BlockInfo info = { .cluster_size = 0 };
    int ret = old && now ? 0 : -ENOMEM;

    if (r->top->drv->info) {
        r->top->drv->info(r->top, &info);
    }
    size_t grain = MIN(MAX(info.cluster_size, 4096), CHUNK);

    for (uint64_t off = 0; ret >= 0 && off < r->top->length;) {
        uint64_t len = MIN(CHUNK, r->top->length - off);

        ret = rebase_piece(r, off, &len, old, now, grain);
        off += len;
        img_progress(&r->bar, off, r->top->length);
    }
    free(old);
    free(now);
    return ret < 0 ? img_fail("error while copying what the old backing file shows: %s",
                              strerror(-ret)) : 0;
}

static int open_new(Rebase *r)
{
    int flags = r->share ? BDRV_O_NO_LOCK : 0;

    if (!*r->backing) {
        return 0;
    }
    if (!img_cache(r->src_cache, true, &flags)) {
        return 1;
    }
    char *path = bdrv_path_beside(r->top->filename, r->backing);

    r->now = img_open(path, r->backing_format, flags, true);
    r->shared = r->now ? find_below(r->top, path) : NULL;
    free(path);
    return r->now ? 0 : 1;
}

static int change_name(const Rebase *r)
{
    Error err = { "" };

    if (!r->top->drv->change_backing) {
        return img_fail("Could not change the backing file to '%s': images of format %s have"
                        " none, or a fixed one", r->backing, blk_format(r->top));
    }
    if (*r->backing && !r->backing_format) {
        return img_fail("Could not change the backing file to '%s': backing format must be"
                        " specified", r->backing);
    }
    return r->top->drv->change_backing(r->top, r->backing, r->backing_format, &err) < 0
           ? img_fail("Could not change the backing file to '%s': %s", r->backing, err.msg) : 0;
}

static int rebase(Rebase *r)
{
    int ret = 0;

    if (!r->unsafe && open_new(r)) {
        return 1;
    }
    if (*r->backing && !r->backing_format) {
        return change_name(r);
    }
    img_progress_start(&r->bar, r->progress && !r->quiet);
    if (!r->unsafe) {
        ret = rebase_data(r);
    }
    if (!ret) {
        ret = img_flush(r->top);
    }
    if (!ret) {
        ret = change_name(r);
    }
    img_progress_end(&r->bar, false);
    return ret;
}

int img_rebase(int argc, char **argv)
{
    Rebase r = { .cache = "writeback", .src_cache = "writeback" };
    int flags = BDRV_O_RDWR, o;
    ImgArgs a;

    img_args(&a, argc, argv, "f:F:b:upt:T:qU", "force-share");
    while ((o = img_option(&a)) != -1) {
        switch (o) {
        case 'f': r.format = optarg; break;
        case 'F': r.backing_format = optarg; break;
        case 'b': r.backing = optarg; break;
        case 'u': r.unsafe = true; break;
        case 'p': r.progress = true; break;
        case 't': r.cache = optarg; break;
        case 'T': r.src_cache = optarg; break;
        case 'q': r.quiet = true; break;
        case 'U': r.share = true; break;
        default: return a.status;
        }
    }
    if (img_left(&a) != 1) {
        return img_usage("Expecting one image file name");
    }
    if (!r.backing && !r.unsafe) {
        return img_usage("Must specify backing file (-b) or use unsafe mode (-u)");
    }
    r.backing = r.backing ? r.backing : "";
    if (r.backing_format && !img_driver(r.backing_format)) {
        return img_fail("Invalid format name: '%s'", r.backing_format);
    }
    if (!img_cache(r.cache, false, &flags)) {
        return 1;
    }
    flags |= r.unsafe ? BDRV_O_NO_BACKING : 0;
    r.top = img_open(argv[optind], r.format, flags, r.quiet);
    int ret = r.top ? rebase(&r) : 1;

    bdrv_delete(r.now);
    bdrv_delete(r.top);
    return ret;
}
