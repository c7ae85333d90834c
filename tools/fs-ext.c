/* SPDX-License-Identifier: MIT */
/*
 * ext2, ext3 and ext4, for reading, with libext2fs: its blocks come from a
 * volume.
 *
 * The journal is not replayed: of a file system that was not unmounted, what
 * is only there is not seen.
 */
#include "tools/fs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/bits.h"
#include "util/mem.h"

enum { SUPER_AT = 1024, MAGIC_AT = 56, MAGIC = 0xef53 };

static bool is_ext(const FsVolume *v)
{
    uint8_t super[1024];

    return fs_volume_read(v, SUPER_AT, super, sizeof(super)) >= 0 &&
           load_le(super + MAGIC_AT, 2) == MAGIC;
}

#ifdef CONFIG_E2FS
#include <ext2fs/ext2fs.h>

typedef struct Ext {
    Fs fs;
    ext2_filsys e2;
} Ext;

static int to_errno(errcode_t e)
{
    switch (e) {
    case 0: return 0;
    case EXT2_ET_FILE_NOT_FOUND: return -ENOENT;
    case EXT2_ET_NO_DIRECTORY: return -ENOTDIR;
    case EXT2_ET_SYMLINK_LOOP: return -ELOOP;
    case EXT2_ET_NO_MEMORY: return -ENOMEM;
    }
    return -EIO;
}

/* -- Blocks ------------------------------------------------------------------ */

/* The name is the address of the volume, in text. */
static errcode_t io_open(const char *name, int flags, io_channel *out);

static errcode_t io_close(io_channel c)
{
    free(c->name);
    free(c);
    return 0;
}

static errcode_t io_set_blksize(io_channel c, int size)
{
    c->block_size = size;
    return 0;
}

static errcode_t io_read64(io_channel c, unsigned long long block, int count, void *buf)
{
    const FsVolume *v = c->private_data;
    uint64_t size = (uint64_t)c->block_size, len = count < 0 ? (uint64_t)-(int64_t)count
                                                             : (uint64_t)count * size;

    if (block > v->len / size) {
        return EXT2_ET_SHORT_READ;
    }
    uint64_t off = block * size, there = MIN(len, v->len - MIN(off, v->len));

    memset((char *)buf + there, 0, len - there);
    return there == 0 || fs_volume_read(v, off, buf, there) < 0 ? EXT2_ET_SHORT_READ : 0;
}

static errcode_t io_read(io_channel c, unsigned long block, int count, void *buf)
{
    return io_read64(c, block, count, buf);
}

static errcode_t io_write64(io_channel c, unsigned long long block, int count, const void *buf)
{
    (void)c;
    (void)block;
    (void)count;
    (void)buf;
    return EXT2_ET_RO_FILSYS;
}

static errcode_t io_write(io_channel c, unsigned long block, int count, const void *buf)
{
    return io_write64(c, block, count, buf);
}

static errcode_t io_flush(io_channel c)
{
    (void)c;
    return 0;
}

static const struct struct_io_manager volume_io = {
    .magic = EXT2_ET_MAGIC_IO_MANAGER,
    .name = "volume of a disk image",
    .open = io_open,
    .close = io_close,
    .set_blksize = io_set_blksize,
    .read_blk = io_read,
    .write_blk = io_write,
    .flush = io_flush,
    .read_blk64 = io_read64,
    .write_blk64 = io_write64,
};

static errcode_t io_open(const char *name, int flags, io_channel *out)
{
    io_channel c = xzalloc(sizeof(*c));

    (void)flags;
    c->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    c->manager = (io_manager)(uintptr_t)&volume_io;
    c->name = xstrdup(name);
    c->block_size = 1024;
    c->refcount = 1;
    sscanf(name, "%p", &c->private_data);
    *out = c;
    return 0;
}

/* -- Files ------------------------------------------------------------------- */

static int read_node(Ext *x, ext2_ino_t ino, FsNode *n)
{
    struct ext2_inode i;
    errcode_t e = ext2fs_read_inode(x->e2, ino, &i);

    if (e) {
        return to_errno(e);
    }
    *n = (FsNode){ .id = ino, .size = EXT2_I_SIZE(&i), .mtime = (int64_t)i.i_mtime,
                   .mode = i.i_mode, .uid = inode_uid(i), .gid = inode_gid(i) };
    return 0;
}

static int ext_find(Fs *fs, const char *path, FsNode *node)
{
    Ext *x = (Ext *)fs;
    ext2_ino_t ino;
    errcode_t e = ext2fs_namei_follow(x->e2, EXT2_ROOT_INO, EXT2_ROOT_INO, path, &ino);

    return e ? to_errno(e) : read_node(x, ino, node);
}

typedef struct Listing {
    Ext *x;
    FsListFn *fn;
    void *opaque;
    int ret;
} Listing;

static int take_entry(struct ext2_dir_entry *d, int offset, int block_size, char *block,
                      void *opaque)
{
    Listing *l = opaque;
    char name[EXT2_NAME_LEN + 1];
    int len = ext2fs_dirent_name_len(d);
    FsNode n;

    (void)offset;
    (void)block_size;
    (void)block;
    memcpy(name, d->name, (size_t)len);
    name[len] = 0;
    if (!strcmp(name, ".") || !strcmp(name, "..")) {
        return 0;
    }
    l->ret = read_node(l->x, d->inode, &n);
    return l->ret < 0 || !l->fn(l->opaque, name, &n) ? DIRENT_ABORT : 0;
}

static int ext_list(Fs *fs, const FsNode *dir, FsListFn *fn, void *opaque)
{
    Listing l = { (Ext *)fs, fn, opaque, 0 };
    errcode_t e = ext2fs_dir_iterate(l.x->e2, (ext2_ino_t)dir->id, 0, NULL, take_entry, &l);

    return e ? to_errno(e) : l.ret;
}

static int64_t ext_read(Fs *fs, const FsNode *node, uint64_t off, void *buf, uint64_t len)
{
    Ext *x = (Ext *)fs;
    ext2_file_t f;
    unsigned got = 0;
    errcode_t e = ext2fs_file_open(x->e2, (ext2_ino_t)node->id, 0, &f);

    if (!e) {
        e = ext2fs_file_llseek(f, off, EXT2_SEEK_SET, NULL);
        if (!e) {
            e = ext2fs_file_read(f, buf, (unsigned)MIN(len, 1u << 30), &got);
        }
        ext2fs_file_close(f);
    }
    return e ? to_errno(e) : (int64_t)got;
}

typedef struct Ranges {
    FsRangeFn *fn;
    void *opaque;
    uint64_t block, size, off, len;     /* size: of the file; len 0: none pending */
    int ret;
} Ranges;

static void send_range(Ranges *r)
{
    uint64_t len = r->off < r->size ? MIN(r->len, r->size - r->off) : 0;

    if (len && !r->ret) {
        r->ret = r->fn(r->opaque, r->off, len);
    }
    r->off += r->len;
    r->len = 0;
}

/* An image may have its blocks in any order, and twice: what is behind us stays there. */
static int take_block(ext2_filsys e2, blk64_t *block, e2_blkcnt_t number, blk64_t ref,
                      int ref_offset, void *opaque)
{
    Ranges *r = opaque;
    uint64_t off = (uint64_t)number * r->block;

    (void)e2;
    (void)block;
    (void)ref;
    (void)ref_offset;
    if (number < 0 || off < r->off + r->len) {
        return 0;
    }
    if (off > r->off + r->len) {
        send_range(r);
        r->off = off;
    }
    r->len += r->block;
    return r->ret ? BLOCK_ABORT : 0;
}

static int ext_ranges(Fs *fs, const FsNode *node, FsRangeFn *fn, void *opaque)
{
    Ext *x = (Ext *)fs;
    Ranges r = { .fn = fn, .opaque = opaque, .block = x->e2->blocksize, .size = node->size };
    errcode_t e = ext2fs_block_iterate3(x->e2, (ext2_ino_t)node->id,
                                        BLOCK_FLAG_DATA_ONLY | BLOCK_FLAG_READ_ONLY, NULL,
                                        take_block, &r);

    if (e == EXT2_ET_INLINE_DATA_CANT_ITERATE) {
        return fn(opaque, 0, node->size);
    }
    send_range(&r);
    return r.ret ? r.ret : to_errno(e);
}

/* -- Opening ----------------------------------------------------------------- */

static Fs *ext_open(const FsVolume *v, Error *err)
{
    char name[32];

    if (!is_ext(v)) {
        return NULL;
    }
    Ext *x = xzalloc(sizeof(*x));

    x->fs = (Fs){ &fs_ext, *v };
    snprintf(name, sizeof(name), "%p", (void *)&x->fs.volume);
    errcode_t e = ext2fs_open2(name, NULL, EXT2_FLAG_64BITS, 0, 0,
                               (io_manager)(uintptr_t)&volume_io, &x->e2);

    if (e) {
        error_set(err, EIO, "%s: the ext file system in it cannot be read (error %ld of"
                  " libext2fs): e2fsck may mend it", blk_filename(v->bs), e);
        free(x);
        return NULL;
    }
    return &x->fs;
}

static void ext_close(Fs *fs)
{
    Ext *x = (Ext *)fs;

    ext2fs_close_free(&x->e2);
    free(x);
}

const FsOps fs_ext = { "ext", ext_open, ext_close, ext_find, ext_list, ext_read,
                       ext_ranges };

#else

static Fs *ext_open(const FsVolume *v, Error *err)
{
    if (is_ext(v)) {
        error_set(err, ENOTSUP, "%s: an ext file system, and this program was built without"
                  " libext2fs: install libext2fs-dev, run configure and make",
                  blk_filename(v->bs));
    }
    return NULL;
}

const FsOps fs_ext = { "ext", ext_open, NULL, NULL, NULL, NULL, NULL };

#endif
