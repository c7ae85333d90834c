/* SPDX-License-Identifier: MIT */
/*
 * qcow2: what its files share.  For block/qcow2*.c only; the layout of an image
 * is drawn in qcow2.c, docs/formats/qcow2.md says more.
 *
 *      qcow2.c           open, close, facts          qcow2-create.c    create, measure
 *      qcow2-header.c    header and extensions       qcow2-amend.c     amend, resize, empty
 *      qcow2-io.c        requests                    qcow2-snapshot.c  snapshots
 *      qcow2-cluster.c   where a guest byte is       qcow2-check.c     check, repair
 *      qcow2-refcount.c  who uses a cluster          qcow2-compress.c  deflate, zstd
 *      qcow2-cache.c     slices of tables; order of writing
 *
 * Rules
 *  1. Metadata in memory is read or changed with s->lock held.  One exception:
 *     who finds a slice in the cache may look at it without the lock, until it
 *     waits.
 *  2. A slice is valid until the second next qcow2_cache_get() of its cache.
 *  3. Data is written before the L2 entry in memory points to it.
 *  4. A reference is dropped with qcow2_free_later(): the cluster is free for
 *     others only when nothing on disk points to it any more, and no request
 *     that began before is still under way in it.
 */
#ifndef BLOCK_QCOW2_H
#define BLOCK_QCOW2_H

#include "block/block-int.h"

enum {
    QCOW2_MAGIC = 0x514649fb,
    QCOW2_V2_HEADER = 72, QCOW2_V3_HEADER = 112,
    QCOW2_MAX_L1 = 32 << 20, QCOW2_MAX_REFTABLE = 8 << 20,      /* bytes */
    QCOW2_MAX_SNAPSHOTS = 65536, QCOW2_MAX_SNAPSHOT_TABLE = 16 << 20,
    QCOW2_MAX_BACKING_NAME = 1023,
    QCOW2_SUBCLUSTERS = 32,
    QCOW2_MAP_BITS = 1 << 22,           /* clusters that is_meta tells apart */
};

/* Header: features. */
#define QCOW2_INCOMPAT_DIRTY     (1ull << 0)
#define QCOW2_INCOMPAT_CORRUPT   (1ull << 1)
#define QCOW2_INCOMPAT_DATA_FILE (1ull << 2)
#define QCOW2_INCOMPAT_COMPRESS  (1ull << 3)
#define QCOW2_INCOMPAT_EXT_L2    (1ull << 4)
#define QCOW2_INCOMPAT_KNOWN     0x1full
#define QCOW2_COMPAT_LAZY        (1ull << 0)
#define QCOW2_AUTOCLEAR_BITMAPS  (1ull << 0)
#define QCOW2_AUTOCLEAR_RAW      (1ull << 1)

/* L1 and L2 entries. */
#define QCOW2_COPIED      (1ull << 63)
#define QCOW2_COMPRESSED  (1ull << 62)
#define QCOW2_ZERO        (1ull << 0)
#define QCOW2_OFFSET      0x00fffffffffffe00ull

typedef struct Slice {                  /* a piece of a table, big endian */
    uint64_t offset;                    /* in bs->file */
    uint8_t *data;
    bool dirty;
    struct Slice *hash_next, *prev, *next;
} Slice;

typedef struct Qcow2Cache {
    size_t slice_size;
    unsigned max, num, num_dirty, hash_size;
    bool ordered;                       /* dirty slices wait for a barrier */
    Slice **hash;
    Slice lru;                          /* next: the newest */
} Qcow2Cache;

typedef struct Qcow2Snapshot {
    uint64_t l1_offset, vm_state_size, vm_clock_ns, disk_size, icount;
    uint32_t l1_size, date_sec, date_nsec;
    char *id, *name;
    uint8_t *more;                      /* extra data we do not know */
    uint32_t more_len, extra_len;
} Qcow2Snapshot;

typedef struct Qcow2Ext {               /* a header extension kept as it is */
    uint32_t type, len;
    uint8_t *data;
} Qcow2Ext;

typedef struct Qcow2Alloc {             /* a write that changes entries, in flight */
    uint64_t start, end;                /* guest bytes, whole clusters */
    CoQueue waiters;
    struct Qcow2Alloc *next;
} Qcow2Alloc;

typedef struct Qcow2Free { uint64_t cluster, num; } Qcow2Free;

typedef struct Qcow2 {
    uint32_t version, header_len, cluster_bits;
    uint64_t cluster_size;
    uint32_t sub_bits;                  /* log2 of bytes per (sub)cluster */
    uint32_t entry_bits;                /* log2 of bytes per L2 entry */
    uint32_t l2_bits;                   /* log2 of entries per L2 table */
    uint32_t refcount_order, rb_bits;   /* log2: bits per count, counts per block */
    uint64_t refcount_max;
    uint64_t incompat, compat, autoclear;
    uint8_t compression;                /* 0 zlib, 1 zstd */
    uint8_t *more_header;               /* behind what we know */
    Qcow2Ext *ext;
    int num_ext;
    uint64_t ext_end;                   /* first free byte of cluster 0 */
    char *data_name;

    uint64_t *l1;                       /* host order */
    uint32_t l1_size;
    uint64_t l1_offset, l1_dirty_from, l1_dirty_to;     /* entries */
    uint64_t *reftable;                 /* host order */
    uint32_t reftable_clusters, reftable_size;
    uint64_t reftable_offset, reftable_dirty_from, reftable_dirty_to;
    Qcow2Snapshot *snap;
    uint32_t num_snap;
    uint64_t snap_offset, snap_len;
    uint64_t vm_state_at;               /* guest offset behind the disk */

    BlockDriverState *data;             /* bs->file, or the external data file */
    Qcow2Cache l2c, rbc;
    CoMutex lock;
    Qcow2Alloc *allocs;
    uint64_t in_use[2];                 /* data requests, by epoch */
    int epoch;
    CoQueue epoch_waiters;

    uint64_t free_hint, fresh_from;     /* clusters */
    uint64_t packed_at;                 /* room in a cluster of compressed data */
    Qcow2Free *frees;
    unsigned num_frees, room_frees;
    bool l2_barrier;                    /* data must be safe before the L2 slices */
    bool broken;                        /* corruption seen: no more writes */
    bool stay_dirty;                    /* an operation failed half way */
    uint8_t *is_meta;                   /* bit per cluster % QCOW2_MAP_BITS: perhaps */

    uint64_t unpacked_entry;            /* the last cluster that was decompressed */
    uint8_t *unpacked;
} Qcow2;

static inline bool qcow2_external(const Qcow2 *s) { return s->incompat & QCOW2_INCOMPAT_DATA_FILE; }
static inline bool qcow2_raw_data(const Qcow2 *s) { return s->autoclear & QCOW2_AUTOCLEAR_RAW; }
static inline bool qcow2_subs(const Qcow2 *s) { return s->incompat & QCOW2_INCOMPAT_EXT_L2; }
static inline bool qcow2_lazy(const Qcow2 *s) { return s->compat & QCOW2_COMPAT_LAZY; }

/* -- qcow2.c ----------------------------------------------------------------- */

/* Something in the image contradicts itself: tell (bs->note), mark it, and
 * write no more.  Returns -EIO.  With the lock. */
int qcow2_corrupt(BlockDriverState *bs, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Would these bytes of bs->file overwrite metadata?  -EIO if so. */
int qcow2_check_overlap(BlockDriverState *bs, uint64_t off, uint64_t len);
/* Farther than anything can be: a refcount block's reach behind the end, or the
 * largest table with the blocks that count it. */
bool qcow2_beyond_file(const BlockDriverState *bs, uint64_t off);
void qcow2_note_meta(Qcow2 *s, uint64_t off, uint64_t len);
/* Entries an L1 table needs for a disk of that size. */
uint64_t qcow2_l1_need(const Qcow2 *s, uint64_t size);

/* -- qcow2-header.c ---------------------------------------------------------- */

int qcow2_read_header(BlockDriverState *bs, Error *err);
/* Its fixed part, one sector; waits until all before it and it are safe.  After an
 * error the file has the old one, and the caller takes back what it changed, or
 * nobody knows: s->broken. */
int qcow2_write_header(BlockDriverState *bs);
/* As the above, for a change that cannot be taken back: any error breaks. */
int qcow2_switch_header(BlockDriverState *bs);
/* With extensions and names. */
int qcow2_write_full_header(BlockDriverState *bs, Error *err);
int qcow2_set_dirty(BlockDriverState *bs, bool dirty);
const char *qcow2_compression_name(uint8_t type);

/* -- qcow2-cache.c ----------------------------------------------------------- */

void qcow2_cache_init(Qcow2Cache *c, size_t slice_size, uint64_t max, bool ordered);
void qcow2_cache_free(Qcow2Cache *c);
Slice *qcow2_cache_peek(Qcow2Cache *c, uint64_t offset);        /* or NULL */
int qcow2_cache_get(BlockDriverState *bs, Qcow2Cache *c, uint64_t offset, Slice **out);
void qcow2_cache_mark(Qcow2Cache *c, Slice *s);                 /* changed */
/* Forget slices of these bytes, changed or not. */
void qcow2_cache_drop(Qcow2Cache *c, uint64_t offset, uint64_t len);
/* Hand everything to bs->file in the order that keeps the image consistent;
 * with `frees`, drop references, too (which waits for the disk).  Lock held. */
int qcow2_write_back(BlockDriverState *bs, bool frees);
/* All of it, refcounts included, and safe; then no longer marked dirty. */
int qcow2_write_all(BlockDriverState *bs);
/* Data requests: between the look at the L2 entry and the end of the request. */
int qcow2_use_begin(Qcow2 *s);
void qcow2_use_end(Qcow2 *s, int epoch);
/* Wait for those that have begun. */
void qcow2_wait_users(Qcow2 *s);

/* -- qcow2-refcount.c -------------------------------------------------------- */

uint64_t qcow2_count_get(const uint8_t *block, int order, uint64_t i);
void qcow2_count_set(uint8_t *block, int order, uint64_t i, uint64_t value);
int qcow2_refcount(BlockDriverState *bs, uint64_t cluster, uint64_t *count);
int qcow2_set_refcount(BlockDriverState *bs, uint64_t cluster, uint64_t count);
int qcow2_add_refcount(BlockDriverState *bs, uint64_t off, uint64_t len, int delta);
/* Up to `num` clusters in one piece (all: exactly as many); *fresh: the file
 * has never held anything there and reads as zeroes.  Count or -errno. */
int64_t qcow2_alloc(BlockDriverState *bs, uint64_t num, bool all, uint64_t *off,
                    bool *fresh);
/* Room for compressed bytes, at any byte offset. */
int qcow2_alloc_packed(BlockDriverState *bs, uint64_t len, uint64_t *off);
void qcow2_free_later(Qcow2 *s, uint64_t off, uint64_t len);
/* What was allocated and never pointed to. */
void qcow2_free_unused(BlockDriverState *bs, uint64_t off, uint64_t len);
int qcow2_apply_frees(BlockDriverState *bs);

/* -- qcow2-cluster.c --------------------------------------------------------- */

typedef enum Qcow2Kind { Q_HOLE, Q_ZERO, Q_DATA, Q_PACKED } Qcow2Kind;

typedef struct Qcow2Run {               /* guest bytes that are of one kind */
    Qcow2Kind kind;
    bool has_host, copied;
    uint64_t host;                      /* in s->data, if has_host */
    uint64_t entry;                     /* Q_PACKED: the L2 entry */
    uint64_t len;
} Qcow2Run;

/* Drop references now, if there are many to be dropped. */
int qcow2_limit_frees(BlockDriverState *bs);
/* The longest run from off that one slice tells, at most len. */
int qcow2_find(BlockDriverState *bs, uint64_t off, uint64_t len, Qcow2Run *run);
/* As the above, with the lock held by the caller. */
int qcow2_find_locked(BlockDriverState *bs, uint64_t off, uint64_t len, Qcow2Run *run);
/* Host bytes of a compressed cluster: whole sectors. */
void qcow2_packed_range(const Qcow2 *s, uint64_t entry, uint64_t *off, uint64_t *len);

typedef struct Qcow2Write {             /* clusters that get new contents */
    Qcow2Alloc alloc;
    uint64_t host;
    bool reuse, fresh;
    uint64_t from, to;                  /* guest bytes that will be written */
    uint64_t cow_from, cow_to;          /* with what must be filled in around them */
} Qcow2Write;

/* Prepare to write up to [off, end): returns 0 with *run for bytes that are
 * written in place, 1 with *w for an allocation (to be linked or dropped). */
int qcow2_prepare_write(BlockDriverState *bs, uint64_t off, uint64_t end,
                        Qcow2Run *run, Qcow2Write *w);
int qcow2_link(BlockDriverState *bs, Qcow2Write *w);
void qcow2_drop_write(BlockDriverState *bs, Qcow2Write *w);
/* Keep others away from these clusters, once they are.  With the lock, too. */
void qcow2_alloc_begin(Qcow2 *s, Qcow2Alloc *a, uint64_t start, uint64_t end);
void qcow2_alloc_end(Qcow2 *s, Qcow2Alloc *a);
/* Wait until none is in flight there. */
void qcow2_alloc_wait(Qcow2 *s, uint64_t start, uint64_t end);
/* A compressed cluster at guest offset off has been written at host.  Lock held. */
int qcow2_link_packed(BlockDriverState *bs, uint64_t off, uint64_t host, uint64_t len);

typedef enum Qcow2Clear { Q_CLEAR_ZERO, Q_CLEAR_UNMAP, Q_CLEAR_DISCARD, Q_CLEAR_HOLE } Qcow2Clear;

/* Whole (sub)clusters become zeroes or holes.  -ENOTSUP: cannot be said. */
int qcow2_clear(BlockDriverState *bs, uint64_t off, uint64_t len, Qcow2Clear how);
/* As the above, with the lock held. */
int qcow2_clear_locked(BlockDriverState *bs, uint64_t off, uint64_t end, Qcow2Clear how);
int qcow2_grow_l1(BlockDriverState *bs, uint64_t need);
void qcow2_dirty_l1(Qcow2 *s, uint64_t i);
/* A whole table, for those who walk; what the cache holds was written back. */
int qcow2_read_l2(BlockDriverState *bs, uint64_t l2_offset, uint8_t *table);

/* -- qcow2-io.c -------------------------------------------------------------- */

/* Parts of a request that go on at the same time. */
typedef struct Qcow2Group {
    int running, ret;
    Coroutine *waiter;
} Qcow2Group;

/* Run fn(a copy of the size bytes at arg) beside us, when fewer than max do. */
void qcow2_group_add(Qcow2Group *g, int max, int (*fn)(void *arg), const void *arg,
                     size_t size);
int qcow2_group_wait(Qcow2Group *g);
/* Is it known, without reading data, that these bytes are zeroes? */
int qcow2_reads_zero(BlockDriverState *bs, uint64_t off, uint64_t len);


int qcow2_co_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                    const QEMUIOVector *qiov, size_t at);
int qcow2_co_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                     const QEMUIOVector *qiov, size_t at);
int qcow2_co_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len, int flags);
int qcow2_co_discard(BlockDriverState *bs, uint64_t off, uint64_t len);
int qcow2_co_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                          uint64_t *num, uint64_t *map);

/* -- the others -------------------------------------------------------------- */

int qcow2_co_write_compressed(BlockDriverState *bs, uint64_t off, uint64_t len,
                              const QEMUIOVector *qiov, size_t at);
/* The whole cluster into buf; wrong data is -EIO. */
int qcow2_unpack(BlockDriverState *bs, uint64_t entry, uint8_t *buf);

int qcow2_create(const char *filename, uint64_t size, const BlockOpts *opts, Error *err);
int qcow2_measure(const BlockOpts *opts, BlockDriverState *in, uint64_t size,
                  BlockMeasure *m, Error *err);
int qcow2_co_preallocate(BlockDriverState *bs, uint64_t from, bool reserve);
extern const BlockOptDef qcow2_create_opts[], qcow2_amend_opts[];
int qcow2_amend(BlockDriverState *bs, const BlockOpts *opts, Error *err);
int qcow2_change_backing(BlockDriverState *bs, const char *file, const char *format,
                         Error *err);
int qcow2_co_truncate(BlockDriverState *bs, uint64_t size, Error *err);
int qcow2_make_empty(BlockDriverState *bs);
/* Guest bytes that the L1 table reaches, the machine's state included. */
uint64_t qcow2_reach(const Qcow2 *s);

int qcow2_read_snapshots(BlockDriverState *bs, Error *err);
void qcow2_free_snapshots(Qcow2 *s);
int qcow2_snapshot_create(BlockDriverState *bs, BlockSnapshot *sn, Error *err);
int qcow2_snapshot_goto(BlockDriverState *bs, const char *id, Error *err);
int qcow2_snapshot_load(BlockDriverState *bs, const char *id, Error *err);
int qcow2_snapshot_delete(BlockDriverState *bs, const char *id, Error *err);
int qcow2_snapshot_list(BlockDriverState *bs, BlockSnapshot **list, Error *err);
/* Version 2 may not say how large the disk was: as it is.  Lock held. */
int qcow2_size_snapshots(BlockDriverState *bs, void *unused);
int qcow2_save_vmstate(BlockDriverState *bs, uint64_t off, const void *buf, size_t len);
int qcow2_load_vmstate(BlockDriverState *bs, uint64_t off, void *buf, size_t len);

/* Runs fn in a coroutine with the lock and nothing in flight. */
int qcow2_run_alone(BlockDriverState *bs, int (*fn)(BlockDriverState *bs, void *arg),
                    void *arg);
int qcow2_check(BlockDriverState *bs, BlockCheck *res, int fix, Error *err);
/* Mend all counts and flags, after an operation half way.  Lock held. */
int qcow2_recount(BlockDriverState *bs);
/* New refcounts from what the tables say, 2^order bits wide.  Lock held. */
int qcow2_rebuild(BlockDriverState *bs, uint32_t order);
/* Is QCOW2_COPIED where it belongs?  fix: it is now.  res may be NULL.  Lock held. */
int qcow2_check_copied(BlockDriverState *bs, BlockCheck *res, bool fix);

#endif
