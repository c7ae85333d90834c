/* SPDX-License-Identifier: MIT */
/*
 * The block tree: find the driver, open, close, create, commit.
 *
 *      bs (raw, qcow2 ..) --file--> protocol node (file, nbd ..)
 *       `-- backing --> format node --file--> ...
 *
 * A node belongs to exactly one parent.  The top node keeps its address while
 * what it holds changes (medium change, -snapshot): contents are moved.
 */
#include "block/block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "block/backend.h"
#include "block/block-int.h"
#include "block/job.h"
#include "util/bits.h"
#include "util/mem.h"

enum { HEAD_SIZE = 4096, MAX_DEPTH = 64, COMMIT_CHUNK = 1 << 20 };

/* -- Drivers ----------------------------------------------------------------- */

const BlockDriver *bdrv_find_driver(const char *name)
{
    for (int i = 0; bdrv_drivers[i]; i++) {
        if (strcmp(bdrv_drivers[i]->name, name) == 0) {
            return bdrv_drivers[i];
        }
    }
    return NULL;
}

void bdrv_each_format(void (*fn)(void *opaque, const char *name), void *opaque)
{
    for (int i = 0; bdrv_drivers[i]; i++) {
        if (bdrv_drivers[i]->for_users) {
            fn(opaque, bdrv_drivers[i]->name);
        }
    }
}

static void append_name(void *opaque, const char *name)
{
    char *list = opaque;

    strncat(list, *list ? ", " : "", 200 - strlen(list));
    strncat(list, name, 200 - strlen(list));
}

static int find_format(const char *name, const BlockDriver **drv, Error *err)
{
    char list[256] = "";

    *drv = bdrv_find_driver(name);
    if (*drv && !(*drv)->protocol) {
        return 0;
    }
    if (*drv && !strcmp(name, "host_device")) {
        *drv = &bdrv_raw;
        return 0;
    }
    bdrv_each_format(append_name, list);
    return error_set(err, EINVAL, "no image format \"%s\"; there is: %s", name, list);
}

const BlockDriver *bdrv_probe(const uint8_t *head, size_t len, const char *filename)
{
    const BlockDriver *best = &bdrv_raw;
    int best_score = 0;

    for (int i = 0; bdrv_drivers[i]; i++) {
        const BlockDriver *d = bdrv_drivers[i];
        int score = d->probe ? d->probe(head, len, filename) : 0;

        if (score > best_score) {
            best_score = score;
            best = d;
        }
    }
    return best;
}

/* "nbd:host:1" names a protocol; a path may hold colons after a slash. */
static int find_protocol(const char *filename, const BlockDriver **drv,
                         const char **rest, Error *err)
{
    size_t n = strcspn(filename, ":/");
    struct stat st;

    *rest = filename;
    if (filename[n] == ':') {
        for (int i = 0; bdrv_drivers[i]; i++) {
            const char *p = bdrv_drivers[i]->protocol;

            if (p && strlen(p) == n && strncmp(filename, p, n) == 0) {
                *drv = bdrv_drivers[i];
                *rest = filename + n + 1;
                return 0;
            }
        }
        if (stat(filename, &st) < 0) {
            return error_set(err, ENOENT, "%s: no such file, and no protocol \"%.*s\"",
                             filename, (int)n, filename);
        }
    }
    *drv = stat(filename, &st) == 0 && S_ISBLK(st.st_mode) ? &bdrv_host_device
                                                           : &bdrv_file;
    return 0;
}

char *bdrv_path_beside(const char *base, const char *file)
{
    const char *slash = strrchr(base, '/');
    size_t n = strcspn(file, ":/");

    if (!slash || file[0] == '/' || file[n] == ':') {
        return xstrdup(file);
    }
    return xasprintf("%.*s%s", (int)(slash + 1 - base), base, file);
}

/* -- Nodes ------------------------------------------------------------------- */

BlockDriverState *bdrv_new_node(void)
{
    BlockDriverState *bs = xzalloc(sizeof(*bs));

    bs->read_align = bs->write_align = bs->mem_align = 1;
    return bs;
}

BlockDriverState *bdrv_new(const char *name)
{
    BlockDriverState *bs = bdrv_new_node();

    blk_add(bs, name);
    return bs;
}

static void delete_node(BlockDriverState *bs);

/* Let go of everything but the node and its drive. */
static void close_contents(BlockDriverState *bs)
{
    struct BlockBackend *blk = bs->blk;

    if (bs->drv && bs->drv->close) {
        bs->drv->close(bs);
    }
    delete_node(bs->file);
    delete_node(bs->backing);
    free(bs->opaque);
    free(bs->filename);
    free(bs->asked_format);
    free(bs->backing_file);
    free(bs->backing_format);
    free(bs->note);
    opts_free(&bs->asked_opts);
    *bs = (BlockDriverState){ .read_align = 1, .write_align = 1, .mem_align = 1,
                              .blk = blk };
}

static void delete_node(BlockDriverState *bs)
{
    if (bs) {
        if (bs->drv) {
            bdrv_flush(bs);
        }
        close_contents(bs);
        free(bs);
    }
}

void bdrv_close(BlockDriverState *bs)
{
    if (bs->drv) {
        if (bs->blk) {
            blk_fail_stopped(bs);
            blk_drain(bs);
            job_close(bs);
        }
        bdrv_flush(bs);
        close_contents(bs);
    }
}

void bdrv_delete(BlockDriverState *bs)
{
    if (bs) {
        bdrv_close(bs);
        blk_remove(bs);
        free(bs);
    }
}

void bdrv_move_contents(BlockDriverState *bs, BlockDriverState *src)
{
    struct BlockBackend *blk = bs->blk, *src_blk = src->blk;

    *bs = *src;
    bs->blk = blk;
    *src = (BlockDriverState){ .read_align = 1, .write_align = 1, .mem_align = 1,
                               .blk = src_blk };
}

/* -- Opening ----------------------------------------------------------------- */

static int start_driver(BlockDriverState *bs, const BlockDriver *drv,
                        const char *filename, int flags, const BlockOpts *opts,
                        Error *err)
{
    bs->filename = xstrdup(filename);
    bs->flags = flags;
    bs->read_only = !(flags & BDRV_O_RDWR);
    bs->opaque = xzalloc(MAX(drv->state_size, 1));
    if (!bs->read_only && !drv->co_pwritev) {
        if (!(flags & BDRV_O_AUTO_RDONLY)) {
            return error_set(err, EROFS, "%s: %s images can only be read: use readonly=on,"
                             " or convert it", filename, drv->name);
        }
        bs->read_only = true;
        bs->flags &= ~BDRV_O_RDWR;
    }
    int ret = drv->open(bs, opts, err);

    if (ret >= 0) {
        bs->drv = drv;
    }
    return ret;
}

static int open_protocol(BlockDriverState *bs, const char *filename, int flags,
                         const BlockOpts *opts, Error *err)
{
    const BlockDriver *drv = NULL;
    const char *rest = NULL;
    int ret = find_protocol(filename, &drv, &rest, err);

    if (ret < 0) {
        return ret;
    }
    ret = start_driver(bs, drv, rest, flags, opts, err);
    if ((ret == -EACCES || ret == -EROFS || ret == -EPERM) &&
        (flags & BDRV_O_RDWR) && (flags & BDRV_O_AUTO_RDONLY)) {
        close_contents(bs);
        ret = start_driver(bs, drv, rest, flags & ~BDRV_O_RDWR, opts, err);
    }
    return ret;
}

static int probe_file(BlockDriverState *bs, const BlockDriver **drv, Error *err)
{
    uint8_t head[HEAD_SIZE] = { 0 };
    size_t len = MIN(bs->file->length, HEAD_SIZE);
    int ret = bdrv_pread(bs->file, 0, head, len);

    if (ret < 0) {
        return error_set(err, -ret, "%s: cannot be read: %s", bs->file->filename,
                         strerror(-ret));
    }
    *drv = bdrv_probe(head, len, bs->file->filename);
    return 0;
}

static int open_tree(BlockDriverState *bs, const char *filename, const char *format,
                     int flags, const BlockOpts *opts, int depth, Error *err);

static int open_backing(BlockDriverState *bs, int depth, Error *err)
{
    int flags = bs->flags & ~(BDRV_O_RDWR | BDRV_O_REPAIR);

    if (!bs->backing_file || (bs->flags & BDRV_O_NO_BACKING)) {
        return 0;
    }
    if (depth >= MAX_DEPTH) {
        return error_set(err, ELOOP, "%s: more than %d backing files: do they form a circle?",
                         bs->filename, MAX_DEPTH);
    }
    char *path = bdrv_path_beside(bs->filename, bs->backing_file);

    bs->backing = bdrv_new_node();
    int ret = open_tree(bs->backing, path, bs->backing_format, flags, NULL,
                        depth + 1, err);
    free(path);
    if (ret < 0 && ret != -ELOOP) {     /* not once per turn */
        error_prefix(err, ret, "backing file of %s", bs->filename);
    }
    return ret;
}

static int open_parts(BlockDriverState *bs, const char *filename, const char *format,
                      int flags, const BlockOpts *opts, int depth, Error *err)
{
    const BlockDriver *drv = NULL;
    int ret = format ? find_format(format, &drv, err) : 0;

    if (ret >= 0) {
        bs->file = bdrv_new_node();
        ret = open_protocol(bs->file, filename, flags, opts, err);
    }
    if (ret >= 0 && !drv) {
        ret = probe_file(bs, &drv, err);
    }
    if (ret >= 0) {
        ret = opts_check(opts, drv->open_opts, bs->file->drv->open_opts, err);
    }
    if (ret < 0) {
        return ret;
    }
    flags = bs->file->read_only ? flags & ~BDRV_O_RDWR : flags;
    ret = start_driver(bs, drv, filename, flags, opts, err);
    bs->probed = !format && drv == &bdrv_raw;
    return ret < 0 ? ret : open_backing(bs, depth, err);
}

static int open_tree(BlockDriverState *bs, const char *filename, const char *format,
                     int flags, const BlockOpts *opts, int depth, Error *err)
{
    int ret = open_parts(bs, filename, format, flags, opts, depth, err);

    if (ret < 0) {
        close_contents(bs);
        return ret;
    }
    bs->asked_format = format ? xstrdup(format) : NULL;
    for (int i = 0; opts && i < opts->num; i++) {
        opts_set(&bs->asked_opts, opts->opt[i].name, opts->opt[i].value);
    }
    return 0;
}

int bdrv_open(BlockDriverState *bs, const char *filename, const char *format,
              int flags, const BlockOpts *opts, Error *err)
{
    bool overlay = (flags & BDRV_O_SNAPSHOT) && (flags & BDRV_O_RDWR);

    if (overlay) {
        flags &= ~BDRV_O_RDWR;
    }
    int ret = open_tree(bs, filename, format, flags & ~BDRV_O_SNAPSHOT, opts, 0, err);

    if (ret >= 0 && overlay) {
        ret = bdrv_add_overlay(bs, err);
        if (ret < 0) {
            close_contents(bs);
        }
    }
    return ret;
}

int bdrv_open_child(BlockDriverState *bs, BlockDriverState **child,
                    const char *filename, const char *format, int flags, Error *err)
{
    char *path = bdrv_path_beside(bs->filename, filename);
    BlockDriverState *node = bdrv_new_node();
    int ret = format ? open_tree(node, path, format, flags, NULL, 1, err)
                     : open_protocol(node, path, flags, NULL, err);

    free(path);
    if (ret < 0) {
        close_contents(node);
        free(node);
        return ret;
    }
    *child = node;
    return 0;
}

void bdrv_delete_child(BlockDriverState *child)
{
    delete_node(child);
}

/* -- Changing ---------------------------------------------------------------- */

int bdrv_create_node(const char *filename, uint64_t size, const BlockOpts *opts,
                     BlockDriverState **node, Error *err)
{
    int ret = bdrv_file.create(filename, size, opts, err);

    if (ret < 0) {
        return ret;
    }
    *node = bdrv_new_node();
    ret = open_protocol(*node, filename, BDRV_O_RDWR, NULL, err);
    if (ret < 0) {
        close_contents(*node);
        free(*node);
        *node = NULL;
    }
    return ret;
}

int bdrv_create(const char *format, const char *filename, uint64_t size,
                const BlockOpts *opts, Error *err)
{
    const BlockDriver *drv;
    int ret = find_format(format, &drv, err);

    if (ret < 0) {
        return ret;
    }
    if (!drv->create) {
        return error_set(err, ENOTSUP, "%s: images of format %s cannot be made, only read",
                         filename, format);
    }
    ret = opts_check(opts, drv->create_opts, bdrv_file.create_opts, err);
    return ret < 0 ? ret : drv->create(filename, size, opts, err);
}

static int reopen(BlockDriverState *bs, const BlockDriverState *how, int flags, Error *err)
{
    int ret = open_tree(bs, how->filename, how->drv->name, flags, &how->asked_opts,
                        0, err);

    bs->probed = ret >= 0 && how->probed;
    return ret;
}

int bdrv_reopen(BlockDriverState *bs, int flags, Error *err)
{
    if (!bs->drv) {
        return error_set(err, ENOMEDIUM, "there is no image to be opened again");
    }
    int ret = bdrv_flush(bs);

    if (ret < 0) {
        return error_set(err, -ret, "%s: cannot be written: %s", bs->filename, strerror(-ret));
    }
    BlockDriverState *old = bdrv_new_node();

    bdrv_move_contents(old, bs);
    /* The old tree's lock is in the way of the new one: close it first. */
    BlockDriverState how = { .drv = old->drv, .filename = xstrdup(old->filename),
                             .flags = old->flags, .probed = old->probed };
    for (int i = 0; i < old->asked_opts.num; i++) {
        opts_set(&how.asked_opts, old->asked_opts.opt[i].name, old->asked_opts.opt[i].value);
    }
    close_contents(old);
    free(old);
    ret = reopen(bs, &how, flags, err);

    if (ret < 0) {
        reopen(bs, &how, how.flags, NULL);
    }
    free(how.filename);
    opts_free(&how.asked_opts);
    return ret;
}

int bdrv_set_writable(BlockDriverState *bs, bool writable, Error *err)
{
    int flags = writable ? bs->flags | BDRV_O_RDWR : bs->flags & ~BDRV_O_RDWR;

    return bs->read_only == !writable ? 0 : bdrv_reopen(bs, flags, err);
}

typedef struct Truncate { BlockDriverState *bs; uint64_t size; Error *err; } Truncate;

static int run_truncate(void *arg)
{
    Truncate *t = arg;

    return t->bs->drv->co_truncate(t->bs, t->size, t->err);
}

int bdrv_truncate(BlockDriverState *bs, uint64_t size, Error *err)
{
    Truncate t = { bs, size, err };

    if (!bs->drv) {
        return error_set(err, ENOMEDIUM, "%s: there is no medium", blk_name(bs));
    }
    if (bs->read_only) {
        return error_set(err, EROFS, "%s: open for reading only", bs->filename);
    }
    if (!bs->drv->co_truncate) {
        return error_set(err, ENOTSUP, "%s: images of format %s cannot be resized: convert it",
                         bs->filename, bs->drv->name);
    }
    return aio_run_sync(run_truncate, &t);
}

typedef struct Preallocate { BlockDriverState *bs; uint64_t from; bool reserve; } Preallocate;

int bdrv_co_preallocate(BlockDriverState *bs, uint64_t from, bool reserve)
{
    return bs->drv->co_preallocate ? bs->drv->co_preallocate(bs, from, reserve) : -ENOTSUP;
}

static int run_preallocate(void *arg)
{
    const Preallocate *p = arg;

    return bdrv_co_preallocate(p->bs, p->from, p->reserve);
}

int bdrv_preallocate(BlockDriverState *bs, uint64_t from, bool reserve, Error *err)
{
    Preallocate p = { bs, from, reserve };
    int ret = aio_run_sync(run_preallocate, &p);

    return ret == -ENOTSUP ? error_set(err, ENOTSUP, "%s: images of format %s have no"
                                       " preallocation=%s", bs->filename, bs->drv->name,
                                       reserve ? "falloc" : "metadata")
         : ret < 0 ? error_set(err, -ret, "%s: cannot be preallocated: %s", bs->filename,
                               strerror(-ret)) : 0;
}

/* -- Commit ------------------------------------------------------------------ */

static int commit_piece(BlockDriverState *bs, uint64_t off, uint64_t len, int status,
                        void *buf)
{
    if (status & BDRV_BLOCK_ZERO) {
        return blk_write_zeroes(bs->backing, off, len);
    }
    int ret = bdrv_pread(bs, off, buf, len);

    return ret < 0 ? ret : bdrv_pwrite(bs->backing, off, buf, len);
}

static int commit_data(BlockDriverState *bs)
{
    void *buf = bdrv_memalign(bs, COMMIT_CHUNK);
    uint64_t off = 0, num;
    int ret = buf ? 0 : -ENOMEM;

    while (ret >= 0 && off < bs->length) {
        int status = bdrv_block_status(bs, off, COMMIT_CHUNK, &num, NULL);

        ret = status;
        if (status > 0 && (status & BDRV_BLOCK_ALLOCATED)) {
            ret = commit_piece(bs, off, num, status, buf);
        }
        off += num;
    }
    free(buf);
    return ret < 0 ? ret : bdrv_flush(bs->backing);
}

int bdrv_begin_commit(BlockDriverState *above, uint64_t size, Error *err)
{
    bool follows = above->drv->follow_backing;
    int ret = follows ? bdrv_set_writable(above, true, err) : 0;

    if (ret >= 0) {
        ret = bdrv_set_writable(above->backing, true, err);
    }
    if (ret >= 0 && above->backing->length < size) {
        ret = bdrv_truncate(above->backing, size, err);
    }
    if (ret >= 0 && follows && (ret = above->drv->follow_backing(above)) < 0) {
        error_set(err, -ret, "%s: cannot be written: %s", above->filename, strerror(-ret));
    }
    return ret;
}

int bdrv_commit(BlockDriverState *bs, Error *err)
{
    if (!bs->drv || !bs->backing) {
        return error_set(err, EINVAL, "%s: nothing to commit: it has no backing image",
                         bs->blk ? blk_name(bs) : bs->filename);
    }
    if (!bs->backing->drv) {
        return error_set(err, ENOMEDIUM, "%s: its backing image is lost", bs->filename);
    }
    int ret = job_refuse(bs, err);

    if (ret < 0) {
        return ret;
    }
    if (bs->blk) {
        blk_drain(bs);
    }
    ret = bdrv_begin_commit(bs, bs->length, err);
    if (ret < 0) {
        error_prefix(err, ret, "commit");
    } else if ((ret = commit_data(bs)) < 0) {
        error_set(err, -ret, "commit to %s: %s; nothing was lost, free room and try again",
                  bs->backing->filename, strerror(-ret));
    }
    if (ret >= 0 && bs->drv->make_empty) {
        ret = bs->drv->make_empty(bs);
    }
    int closed = bdrv_set_writable(bs->backing, false, ret < 0 ? NULL : err);

    return ret < 0 ? ret : closed;
}
