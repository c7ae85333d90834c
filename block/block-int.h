/* SPDX-License-Identifier: MIT */
/*
 * What a block driver is: for files in block/, and for tools/.
 *
 * A format (raw, qcow2) turns offsets of a disk into offsets of bs->file; a
 * protocol (file, nbd) moves bytes.  One driver, one file, its on-disk layout
 * drawn at the head; one line in block/drivers.c.
 *
 * Obligations
 *  - co_* functions run in coroutines: they may wait (bdrv_co_*, CoMutex), and
 *    several run at a time.  State they share is looked at again after each
 *    wait, or guarded with a CoMutex.
 *  - open(), create(), check() and the like may use bdrv_pread() and
 *    bdrv_pwrite(), which wait.
 *  - Nothing a file says is believed: every offset, length and count is
 *    checked before use; errors are sentences that name bs->filename.
 *  - Write order is the driver's: what must be on disk first is written, then
 *    bdrv_co_flush(bs->file), then what depends on it.  After a kill at any
 *    moment the image checks clean, leaks allowed.
 *  - Requests arrive checked: inside [0, bs->length) (protocols that set
 *    `growable` may be written beyond it), len > 0, multiples of the alignment
 *    the driver asked for (the last one may reach up to bs->length rounded up
 *    to it), never writes when bs->read_only.
 *  - The data of a request is [at, at+len) of qiov.
 */
#ifndef BLOCK_BLOCK_INT_H
#define BLOCK_BLOCK_INT_H

#include "block/aio.h"
#include "block/block.h"
#include "util/coroutine.h"

typedef struct BlockDriver BlockDriver;

/* Answers of block_status. */
enum {
    BDRV_BLOCK_DATA      = 1,           /* has bytes of its own */
    BDRV_BLOCK_ZERO      = 2,           /* reads as zeroes */
    BDRV_BLOCK_ALLOCATED = 4,           /* from this image, not its backing */
    BDRV_BLOCK_OFFSET    = 8,           /* *map is where in bdrv_data_file(bs) */
};

/* Flags of write requests. */
enum {
    BDRV_REQ_FUA       = 1,             /* safe on disk when done */
    BDRV_REQ_MAY_UNMAP = 2,             /* write_zeroes: a hole will do */
};

typedef struct BlockCheck {             /* result of check() */
    uint64_t corruptions, leaks, errors;
    uint64_t corruptions_fixed, leaks_fixed;
    uint64_t allocated_clusters, total_clusters, image_end;
    uint64_t fragmented_clusters, compressed_clusters;
    /* One sentence per finding, or NULL: the caller's. */
    void (*report)(void *opaque, const char *line);
    void *opaque;
} BlockCheck;

enum { BDRV_FIX_LEAKS = 1, BDRV_FIX_ERRORS = 2 };

typedef struct BlockSnapshot {          /* an internal snapshot */
    char id[128], name[256];
    uint64_t vm_state_size, date_sec, vm_clock_ns;
    uint32_t date_nsec;
    uint64_t icount;                    /* ~0: not recorded */
    uint64_t disk_size;                 /* 0: not recorded */
} BlockSnapshot;

typedef struct BlockMeasure {           /* bytes of the file of a new image */
    uint64_t required, fully_allocated;
} BlockMeasure;

typedef struct BlockInfo {              /* what info and qemu-img tell */
    uint64_t cluster_size;              /* 0: none */
    uint64_t vm_state_offset;           /* where savevm puts it; 0: nowhere */
    bool compressed, encrypted, dirty, corrupt;
    /* "compat: 1.1\nlazy refcounts: no"; a tab after the end of a line: the value goes on. */
    char specific[12 << 10];
} BlockInfo;

struct BlockDriver {
    const char *name;                   /* "qcow2" */
    const char *protocol;               /* "nbd" of nbd:...; NULL: a format */
    size_t state_size;                  /* bs->opaque: zeroed at open */
    const BlockOptDef *open_opts, *create_opts;         /* or NULL */
    bool supports_backing;
    bool for_users;                     /* listed as a format */

    /* 0..100: how sure, from the first len bytes of the file. */
    int (*probe)(const uint8_t *head, size_t len, const char *filename);

    /* bs->file is open (formats); set bs->length and what else below. */
    int (*open)(BlockDriverState *bs, const BlockOpts *opts, Error *err);
    void (*close)(BlockDriverState *bs);
    int (*create)(const char *filename, uint64_t size, const BlockOpts *opts,
                  Error *err);

    int (*co_preadv)(BlockDriverState *bs, uint64_t off, uint64_t len,
                     const QEMUIOVector *qiov, size_t at);
    int (*co_pwritev)(BlockDriverState *bs, uint64_t off, uint64_t len,
                      const QEMUIOVector *qiov, size_t at);
    /* A write that is safe when it is done; NULL: a flush follows instead. */
    int (*co_pwritev_fua)(BlockDriverState *bs, uint64_t off, uint64_t len,
                          const QEMUIOVector *qiov, size_t at);
    /* -ENOTSUP: write them as data. */
    int (*co_write_zeroes)(BlockDriverState *bs, uint64_t off, uint64_t len,
                           int flags);
    int (*co_discard)(BlockDriverState *bs, uint64_t off, uint64_t len);
    /* Hand cached metadata to bs->file. */
    int (*co_flush_to_os)(BlockDriverState *bs);
    /* Make it survive a power failure: protocols; formats only if they have
     * more files than bs->file. */
    int (*co_flush_to_disk)(BlockDriverState *bs);
    /* BDRV_BLOCK_xxx of the bytes at off, the same for *num of them (<= len). */
    int (*co_block_status)(BlockDriverState *bs, uint64_t off, uint64_t len,
                           uint64_t *num, uint64_t *map);
    int (*co_truncate)(BlockDriverState *bs, uint64_t size, Error *err);
    /* Enter a place for all that is at from and behind it, and reads as zeroes
     * now; reserve: the host has room for it, too. */
    int (*co_preallocate)(BlockDriverState *bs, uint64_t from, bool reserve);
    int (*co_write_compressed)(BlockDriverState *bs, uint64_t off, uint64_t len,
                               const QEMUIOVector *qiov, size_t at);

    int64_t (*allocated_size)(BlockDriverState *bs);    /* bytes on the host */
    int (*info)(BlockDriverState *bs, BlockInfo *info);
    int (*check)(BlockDriverState *bs, BlockCheck *res, int fix, Error *err);
    /* Before a commit writes into the backing image: go on taking it for ours. */
    int (*follow_backing)(BlockDriverState *bs);
    /* Forget all data, so that the backing shows: after commit. */
    int (*make_empty)(BlockDriverState *bs);
    int (*change_backing)(BlockDriverState *bs, const char *file,
                          const char *format, Error *err);
    /* Change what create() decided; checked against amend_opts. */
    const BlockOptDef *amend_opts;
    int (*amend)(BlockDriverState *bs, const BlockOpts *opts, Error *err);
    /* How large would an image of these create_opts be?  in: the image it would
     * be a copy of, or NULL: empty. */
    int (*measure)(const BlockOpts *opts, BlockDriverState *in, uint64_t size,
                   BlockMeasure *m, Error *err);

    /* A drive of the host with a disc of its own.  Another one, or none, since
     * open()? */
    bool (*disc_changed)(BlockDriverState *bs);
    void (*move_tray)(BlockDriverState *bs, bool open);
    void (*lock_tray)(BlockDriverState *bs, bool lock);

    int (*snapshot_create)(BlockDriverState *bs, BlockSnapshot *sn, Error *err);
    int (*snapshot_goto)(BlockDriverState *bs, const char *id, Error *err);
    int (*snapshot_delete)(BlockDriverState *bs, const char *id, Error *err);
    /* Let a read-only image show this snapshot, until it is closed. */
    int (*snapshot_load)(BlockDriverState *bs, const char *id, Error *err);
    /* Number of them; *list is the caller's to free. */
    int (*snapshot_list)(BlockDriverState *bs, BlockSnapshot **list, Error *err);
    int (*save_vmstate)(BlockDriverState *bs, uint64_t off, const void *buf, size_t len);
    int (*load_vmstate)(BlockDriverState *bs, uint64_t off, void *buf, size_t len);
};

typedef struct BlockRequest {           /* a write in flight: io.c */
    uint64_t start, end;
    bool serialising;                   /* reads, changes, writes back */
    CoQueue waiters;
    struct BlockRequest *next;
} BlockRequest;

struct BlockDriverState {
    const BlockDriver *drv;             /* NULL: no medium */
    void *opaque;                       /* the driver's */
    BlockDriverState *file, *backing;   /* or NULL */
    BlockDriverState *data_file;        /* the driver's: has the data, not file; or NULL */
    char *filename;
    char *asked_format;                 /* as given to bdrv_open, or NULL */
    BlockOpts asked_opts;
    int flags;                          /* BDRV_O_xxx */
    bool read_only, probed;

    /* Set by the driver's open(): */
    uint64_t length;                    /* bytes */
    uint32_t read_align, write_align;   /* of requests; 1 if any will do */
    uint32_t mem_align;                 /* of memory */
    bool growable;
    char *backing_file, *backing_format;        /* as the image says, or NULL */
    char *note;                         /* for the user, or NULL */

    BlockRequest *writes;               /* in flight, newest first */
    uint64_t write_gen, flushed_gen;
    bool flushing;
    CoQueue flush_waiters;

    struct BlockBackend *blk;           /* a drive's: backend.c; else NULL */
    struct BlockJob *job;               /* that copies it: job.c; or NULL */
};

static inline BlockDriverState *bdrv_data_file(const BlockDriverState *bs)
{
    return bs->data_file ? bs->data_file : bs->file;
}

/* -- For drivers: in coroutines ---------------------------------------------- */

int bdrv_co_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                   const QEMUIOVector *qiov, size_t at);
int bdrv_co_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                    const QEMUIOVector *qiov, size_t at, int flags);
/* To a drive: what detect-zeroes= says is done. */
int blk_co_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                   const QEMUIOVector *qiov, size_t at, int flags);
int bdrv_co_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len, int flags);
int bdrv_co_discard(BlockDriverState *bs, uint64_t off, uint64_t len);
/* -ENOTSUP: the format has no compression. */
int bdrv_co_write_compressed(BlockDriverState *bs, uint64_t off, uint64_t len,
                             const QEMUIOVector *qiov, size_t at);
int bdrv_co_flush(BlockDriverState *bs);
/* -ENOTSUP: there are no places, or room cannot be had. */
int bdrv_co_preallocate(BlockDriverState *bs, uint64_t from, bool reserve);
int bdrv_co_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                         uint64_t *num, uint64_t *map);
/* What shows through at off: bs->backing, zeroes beyond its end or without. */
int bdrv_co_read_backing(BlockDriverState *bs, uint64_t off, uint64_t len,
                         const QEMUIOVector *qiov, size_t at);

/* -- For drivers: anywhere; they wait ---------------------------------------- */

int bdrv_pread(BlockDriverState *bs, uint64_t off, void *buf, size_t len);
int bdrv_pwrite(BlockDriverState *bs, uint64_t off, const void *buf, size_t len);
int bdrv_pwrite_sync(BlockDriverState *bs, uint64_t off, const void *buf, size_t len);
int bdrv_flush(BlockDriverState *bs);
int bdrv_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                      uint64_t *num, uint64_t *map);

/* -- The tree ---------------------------------------------------------------- */

const BlockDriver *bdrv_find_driver(const char *name);  /* NULL if none */
extern const BlockDriver *const bdrv_drivers[];         /* NULL-terminated */
/* The most likely format of these bytes; raw if none says more than 0. */
const BlockDriver *bdrv_probe(const uint8_t *head, size_t len, const char *filename);
/* Another image this one is made of, opened like it; the owner deletes it. */
int bdrv_open_child(BlockDriverState *bs, BlockDriverState **child,
                    const char *filename, const char *format, int flags, Error *err);
/* Flushed and closed; NULL is fine.  bs->file and bs->backing go by themselves. */
void bdrv_delete_child(BlockDriverState *child);
/* For create(): a new file of that size, open for writing as a protocol node
 * (bdrv_delete_child() it); opts are those of the file, or NULL. */
int bdrv_create_node(const char *filename, uint64_t size, const BlockOpts *opts,
                     BlockDriverState **node, Error *err);
/* file, relative to the directory of base; malloc'ed. */
char *bdrv_path_beside(const char *base, const char *file);
/* An overlay over what bs holds now: -snapshot. */
int bdrv_add_overlay(BlockDriverState *bs, Error *err);
/* An empty node, for bs->backing: goes with its parent. */
BlockDriverState *bdrv_new_node(void);
/* Let bs hold what src holds; src becomes empty. */
void bdrv_move_contents(BlockDriverState *bs, BlockDriverState *src);

/* Aligned memory for direct I/O; free() it.  NULL if there is not that much. */
void *bdrv_memalign(const BlockDriverState *bs, size_t len);

extern const BlockDriver bdrv_file, bdrv_host_device, bdrv_host_cdrom, bdrv_raw, bdrv_overlay;
extern const BlockDriver bdrv_qcow2;
extern const BlockDriver bdrv_bochs, bdrv_cloop, bdrv_cow, bdrv_dmg, bdrv_parallels,
    bdrv_qcow, bdrv_vdi, bdrv_vhdx, bdrv_vmdk, bdrv_vpc;
extern const BlockDriver bdrv_blkdebug, bdrv_nbd, bdrv_nbd_unix, bdrv_null_aio, bdrv_null_co,
    bdrv_vvfat;

#endif
