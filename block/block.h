/* SPDX-License-Identifier: MIT */
/*
 * Disks and disk images, as devices and tools see them.
 *
 *   IDE, FDC ... -- blk_aio_*() --> drive (BlockDriverState, named)
 *   qemu-img     -- blk_p*()    -->   |  format: raw, qcow2 ...
 *                                     |  `- protocol: file, nbd ...
 *
 * A BlockDriverState is a tree: a format over the protocol that holds its
 * bytes and, if it has one, over a backing image.  The top of the tree is what
 * a device has; it may be empty (a drive without a medium), and a medium may be
 * put in and taken out while the device keeps the pointer.
 *
 * Offsets and lengths are bytes, any alignment.  Results are 0 or -errno
 * (-ENOMEDIUM: empty; -EIO: beyond the end, too).
 *
 * Asynchronous requests never block the caller and never call back before they
 * return; the callback comes on the main loop, or from inside blk_drain() or
 * blk_aio_cancel(), with the global lock held.  Memory of a request belongs to
 * the block layer until then.  Order of overlapping requests in flight is
 * undefined; a flush covers the writes that have called back before it.
 *
 * What a host error does is decided here (werror=, rerror=), so that devices
 * only see what they must report: with `stop`, a failed request waits, the
 * machine is stopped, and blk_resume_all() tries it again.
 *
 * Threads: with the global lock.
 */
#ifndef BLOCK_BLOCK_H
#define BLOCK_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "block/opts.h"
#include "block/throttle.h"
#include "util/error.h"
#include "util/iov.h"

typedef struct BlockDriverState BlockDriverState;
typedef struct BlockAIOCB BlockAIOCB;
typedef void BlockCompletionFunc(void *opaque, int ret);

#define BDRV_SECTOR_SIZE 512

/* How to open. */
enum {
    BDRV_O_RDWR         = 1 << 0,
    BDRV_O_SNAPSHOT     = 1 << 1,       /* writes go to a temporary overlay */
    BDRV_O_NOCACHE      = 1 << 2,       /* around the host's page cache */
    BDRV_O_WRITETHROUGH = 1 << 3,       /* a write is done when it is safe */
    BDRV_O_NO_FLUSH     = 1 << 4,       /* nothing is ever made safe */
    BDRV_O_NO_LOCK      = 1 << 5,       /* share the image whatever others do */
    BDRV_O_NO_BACKING   = 1 << 6,
    BDRV_O_UNMAP        = 1 << 7,       /* discard gives room back to the host */
    BDRV_O_REPAIR       = 1 << 8,       /* open although marked corrupt */
    BDRV_O_AUTO_RDONLY  = 1 << 9,       /* if not writable, read-only will do */
};

/* none, writethrough, writeback, directsync, unsafe (and off = none). */
int bdrv_parse_cache(const char *mode, int *flags);
const char *bdrv_cache_name(int flags);

/* -- Life -------------------------------------------------------------------- */

/* An empty drive; name "ide0-hd0", or NULL for a tool's. */
BlockDriverState *bdrv_new(const char *name);
void bdrv_delete(BlockDriverState *bs);         /* drains and closes */
BlockDriverState *bdrv_find(const char *name);  /* NULL if none */
BlockDriverState *bdrv_next(const BlockDriverState *bs);        /* NULL: the first; named ones */

/* Put an image in.  format NULL: find out.  opts: "offset=..", or NULL. */
int bdrv_open(BlockDriverState *bs, const char *filename, const char *format,
              int flags, const BlockOpts *opts, Error *err);
void bdrv_close(BlockDriverState *bs);          /* drains, flushes; now empty */
int bdrv_create(const char *format, const char *filename, uint64_t size,
                const BlockOpts *opts, Error *err);
/* Close the tree and open it as it was opened, with these flags; on error it is
 * as it was, or empty if that cannot be had any more. */
int bdrv_reopen(BlockDriverState *bs, int flags, Error *err);
/* The tree opened again for writing, or no more; on error it is as it was. */
int bdrv_set_writable(BlockDriverState *bs, bool writable, Error *err);
int bdrv_truncate(BlockDriverState *bs, uint64_t size, Error *err);
/* After it grew from that size: places for the new part, entered and not written;
 * reserve: with room on the host.  From its length on: nothing, but -ENOTSUP if that
 * cannot be had. */
int bdrv_preallocate(BlockDriverState *bs, uint64_t from, bool reserve, Error *err);
/* Before above->backing (perhaps another node afterwards) is written on the behalf of
 * `above`: it can be, holds `size` bytes, and `above` will open upon it also if the
 * commit is broken off. */
int bdrv_begin_commit(BlockDriverState *above, uint64_t size, Error *err);
/* Write what the top image holds into its backing image. */
int bdrv_commit(BlockDriverState *bs, Error *err);

/* -- Snapshots, with the guest running ---------------------------------------- */

/* From now on writes go to a new image over what the drive has; reuse: the file
 * is there, and its backing is as it should be. */
int blk_snapshot(BlockDriverState *bs, const char *file, const char *format, bool reuse,
                 Error *err);
/* Inside the image (qcow2).  id: number or name.  Going back is for a machine that
 * is stopped, and is going to be loaded or reset. */
int blk_snapshot_create(BlockDriverState *bs, const char *name, uint64_t vm_clock_ns, Error *err);
int blk_snapshot_delete(BlockDriverState *bs, const char *id, Error *err);
int blk_snapshot_goto(BlockDriverState *bs, const char *id, Error *err);
/* A heading and a line per snapshot of all drives; how many there are. */
int blk_snapshot_dump(void (*put)(void *opaque, const char *line), void *opaque);

/* Names of all formats, one call each. */
void bdrv_each_format(void (*fn)(void *opaque, const char *name), void *opaque);

/* -- Facts ------------------------------------------------------------------- */

bool blk_is_inserted(const BlockDriverState *bs);
bool blk_is_read_only(const BlockDriverState *bs);
uint64_t blk_length(const BlockDriverState *bs);        /* 0 when empty */
const char *blk_name(const BlockDriverState *bs);
const char *blk_filename(const BlockDriverState *bs);   /* "" when empty */
const char *blk_format(const BlockDriverState *bs);     /* "" when empty */
/* Something the user should know about this image, or NULL. */
const char *blk_note(const BlockDriverState *bs);

typedef enum BlockErrorAction {
    BLOCK_ERROR_REPORT, BLOCK_ERROR_IGNORE, BLOCK_ERROR_STOP, BLOCK_ERROR_ENOSPC,
} BlockErrorAction;

/* Write zeroes as zeroes although they came as data; UNMAP: a hole will do. */
typedef enum BlockDetectZeroes {
    BLOCK_DETECT_OFF, BLOCK_DETECT_ON, BLOCK_DETECT_UNMAP,
} BlockDetectZeroes;
/* off, on, unmap: -EINVAL if it is none of them. */
int bdrv_parse_detect_zeroes(const char *mode, BlockDetectZeroes *out);

/* How a drive presents itself; whoever made it fills this in. */
typedef struct BlockConf {
    bool is_cdrom;
    uint32_t cyls, heads, secs;         /* 0: not given */
    const char *trans;                  /* none, lba, large, auto; or NULL */
    char serial[21];
    BlockErrorAction werror, rerror;
    BlockDetectZeroes detect_zeroes;
    BlockLimits limits;
} BlockConf;

BlockConf *blk_conf(BlockDriverState *bs);

typedef struct BlockStats {
    uint64_t rd_ops, wr_ops, flush_ops, rd_bytes, wr_bytes, errors;
} BlockStats;
const BlockStats *blk_stats(const BlockDriverState *bs);

/* One line per drive: info block, info blockstats. */
void blk_dump(void (*put)(void *, const char *), void *opaque);
void blk_dump_stats(void (*put)(void *, const char *), void *opaque);

/* -- Requests of devices ----------------------------------------------------- */

BlockAIOCB *blk_aio_preadv(BlockDriverState *bs, uint64_t off, QEMUIOVector *qiov,
                           BlockCompletionFunc *cb, void *opaque);
BlockAIOCB *blk_aio_pwritev(BlockDriverState *bs, uint64_t off, QEMUIOVector *qiov,
                            BlockCompletionFunc *cb, void *opaque);
BlockAIOCB *blk_aio_flush(BlockDriverState *bs, BlockCompletionFunc *cb, void *opaque);
BlockAIOCB *blk_aio_discard(BlockDriverState *bs, uint64_t off, uint64_t len,
                            BlockCompletionFunc *cb, void *opaque);
BlockAIOCB *blk_aio_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len,
                                 BlockCompletionFunc *cb, void *opaque);
/* The callback will not come; on return the memory is the caller's again.
 * Waits for the host if it must. */
void blk_aio_cancel(BlockAIOCB *acb);

void blk_set_write_cache(BlockDriverState *bs, bool on);
bool blk_write_cache(const BlockDriverState *bs);

/* Wait until nothing is in flight (failed requests that wait stay). */
void blk_drain(BlockDriverState *bs);
void blk_drain_all(void);
int blk_flush_all(void);
/* A drive whose failed requests wait for blk_resume_all(), or NULL. */
BlockDriverState *blk_first_stopped(void);
void blk_resume_all(void);
/* Called, with a sentence, when a policy asks to stop the machine. */
void blk_set_stop_handler(void (*fn)(void *opaque, const char *why), void *opaque);

/* -- Requests of tools and of realize(): they wait --------------------------- */

int blk_pread(BlockDriverState *bs, uint64_t off, void *buf, size_t len);
int blk_pwrite(BlockDriverState *bs, uint64_t off, const void *buf, size_t len);
int blk_flush(BlockDriverState *bs);
int blk_discard(BlockDriverState *bs, uint64_t off, uint64_t len);
int blk_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len);

/* -- The device at the other end --------------------------------------------- */

typedef struct BlockDevOps {
    /* A medium came or went, or its size changed. */
    void (*medium_changed)(void *opaque, bool loaded);
    /* The user wants the medium out; it is locked: tell the guest. */
    void (*eject_request)(void *opaque);
    bool (*is_medium_locked)(void *opaque);
} BlockDevOps;

/* A drive has one user; a second is refused.  ops may be NULL. */
int blk_attach_dev(BlockDriverState *bs, const char *who, const BlockDevOps *ops,
                   void *opaque, Error *err);
void blk_detach_dev(BlockDriverState *bs);
/* The drive may be one of the host's (host_cdrom).  Called when the guest asks for
 * the medium's state: when that changed, medium_changed() follows, soon. */
void blk_poll_disc(BlockDriverState *bs);
/* What the guest does with its drive; others have no tray. */
void blk_move_tray(BlockDriverState *bs, bool open);
void blk_lock_tray(BlockDriverState *bs, bool lock);
bool blk_is_attached(const BlockDriverState *bs);

/* From the monitor.  Locked: refused unless force, and the guest is asked. */
int blk_eject(BlockDriverState *bs, bool force, Error *err);
int blk_change(BlockDriverState *bs, const char *filename, const char *format,
               Error *err);
/* Another size for the medium; the device is told. */
int blk_resize(BlockDriverState *bs, uint64_t size, Error *err);

/* -- Geometry ---------------------------------------------------------------- */

/* Cylinders, heads, sectors as drive and BIOS shall report them: what the user
 * gave, else what the partition table was made with, else by size.  Returns
 * the BIOS translation: 0 none, 1 lba, 2 large. */
int blk_geometry(BlockDriverState *bs, uint32_t *cyls, uint32_t *heads,
                 uint32_t *secs);

#endif
