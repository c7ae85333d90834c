/* SPDX-License-Identifier: MIT */
/*
 * Files inside disk images, for reading: qemu-img ls, cat, cp; qemu-nbd -P.
 *
 *      image -> partition (fs-part.c) -> which one? (fs-open.c)
 *            -> FAT (fs-fat.c) or ext2/3/4 (fs-ext.c)
 *
 * A file system is a list of FsOps over a volume, a range of bytes of an image.
 * Everything on the disk is hostile: chains may be circles, names may be paths.
 * Results are 0 or -errno.
 */
#ifndef TOOLS_FS_H
#define TOOLS_FS_H

#include <stdbool.h>
#include <stdint.h>

#include "block/block.h"

typedef struct FsVolume {
    BlockDriverState *bs;
    uint64_t start, len;
} FsVolume;

enum { FS_MAX_PARTS = 128 };

typedef struct FsParts {
    FsVolume v[FS_MAX_PARTS + 1];       /* by number; 0: the whole; len 0: none */
    int last;
} FsParts;

typedef struct FsNode {                 /* a file, a directory ... */
    uint64_t id;                        /* the file system's */
    uint64_t size;
    int64_t mtime;                      /* seconds since 1970 */
    uint32_t mode;                      /* as in stat(2) */
    uint32_t uid, gid;
} FsNode;

typedef struct Fs Fs;

/* False: stop here. */
typedef bool FsListFn(void *opaque, const char *name, const FsNode *node);

/* Bytes that may be other than zero.  Not 0: stop, and return it. */
typedef int FsRangeFn(void *opaque, uint64_t off, uint64_t len);

typedef struct FsOps {
    const char *name;
    /* NULL if the volume holds something else; err only for what is it, and bad. */
    Fs *(*open)(const FsVolume *v, Error *err);
    void (*close)(Fs *fs);
    /* path is absolute; links are followed. */
    int (*find)(Fs *fs, const char *path, FsNode *node);
    /* Without "." and "..". */
    int (*list)(Fs *fs, const FsNode *dir, FsListFn *fn, void *opaque);
    /* Bytes, fewer than len only at the end. */
    int64_t (*read)(Fs *fs, const FsNode *node, uint64_t off, void *buf, uint64_t len);
    /* What lies between holes, in order.  NULL: there are no holes. */
    int (*ranges)(Fs *fs, const FsNode *node, FsRangeFn *fn, void *opaque);
} FsOps;

struct Fs {
    const FsOps *ops;
    FsVolume volume;
};

extern const FsOps fs_fat, fs_ext;

/* The file system of partition `part` (0: the whole image; -1: the first that
 * has one we know), or NULL and a sentence. */
Fs *fs_open(BlockDriverState *bs, int part, Error *err);

/* Those of an MBR or a GPT: 1 to 4, logical ones from 5. */
void fs_find_parts(FsParts *p, BlockDriverState *bs);
/* Number 0: the whole.  NULL and a sentence: it is not there. */
const FsVolume *fs_find_part(const FsParts *p, int number, Error *err);

int fs_volume_read(const FsVolume *v, uint64_t off, void *buf, uint64_t len);

#endif
