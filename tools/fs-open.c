/* SPDX-License-Identifier: MIT */
/* Which file system is it? */
#include <errno.h>
#include <stdlib.h>

#include "tools/fs.h"
#include "util/mem.h"

int fs_volume_read(const FsVolume *v, uint64_t off, void *buf, uint64_t len)
{
    if (off > v->len || len > v->len - off) {
        return -EIO;
    }
    return blk_pread(v->bs, v->start + off, buf, len);
}

static Fs *open_volume(const FsVolume *v, Error *err)
{
    Fs *fs = fs_fat.open(v, err);

    return fs ? fs : fs_ext.open(v, err);
}

static Fs *open_any(const FsParts *p, Error *err)
{
    Fs *fs = NULL;

    for (int i = 0; !fs && i <= p->last; i++) {
        fs = p->v[i].len ? open_volume(&p->v[i], err) : NULL;
    }
    return fs;
}

Fs *fs_open(BlockDriverState *bs, int part, Error *err)
{
    FsParts *p = xzalloc(sizeof(*p));
    Error why = { "" };

    fs_find_parts(p, bs);
    const FsVolume *v = part < 0 ? NULL : fs_find_part(p, part, &why);
    Fs *fs = part < 0 ? open_any(p, &why) : v ? open_volume(v, &why) : NULL;

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
