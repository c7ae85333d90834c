/* SPDX-License-Identifier: MIT */
/*
 * Disks in pieces: what all formats that allocate clusters on demand share.
 *
 *      disk   |   0   |   1   |   2   |   3   |   4   |
 *      table      |       -       |       z       |         the format's
 *      file       `--> cluster    `--> cluster    `-> ..
 *
 * A format tells where a cluster is, finds room for new ones, and enters them
 * into its table; everything else is here: runs of clusters as one request,
 * what a partial write of a new cluster must be filled with, several coroutines
 * at a time, the order (data first, entry afterwards), compressed clusters.
 *
 * Rules
 *  - Tables live in a Tables (tables.h), so that entries reach the disk after
 *    the data they point to.
 *  - Room in the file is never used for another cluster while the image is
 *    open; a stale answer of lookup() is therefore harmless for reading.
 *  - All callbacks run in coroutines.  allocate(), enter*() are called with
 *    map->lock held, lookup() perhaps without.
 */
#ifndef BLOCK_CLUSTERS_H
#define BLOCK_CLUSTERS_H

#include "block/tables.h"

typedef enum ClusterKind {
    CLUSTER_HOLE,                       /* the backing image shows, else zeroes */
    CLUSTER_ZERO,
    CLUSTER_DATA,                       /* at *host */
    CLUSTER_PACKED,                     /* compressed, at *host */
} ClusterKind;

typedef struct ClusterMap ClusterMap;

typedef struct ClusterOps {
    /* A ClusterKind or -errno.  Of a HOLE *host may be how many there surely are
     * from n on, so that large ones are passed quickly; 0 is one. */
    int (*lookup)(ClusterMap *m, uint64_t n, uint64_t *host);
    /* Room for 1 .. num clusters in one piece at *host: how many, or -errno.
     * *zeroed: the file reads as zeroes there, and may end before it.  -EAGAIN: not
     * while others are between allocate() and enter(). */
    int64_t (*allocate)(ClusterMap *m, uint64_t first, uint64_t num, uint64_t *host,
                        bool *zeroed);
    int (*enter)(ClusterMap *m, uint64_t first, uint64_t num, uint64_t host);
    /* Or NULL: the format cannot say "zeroes". */
    int (*enter_zero)(ClusterMap *m, uint64_t first, uint64_t num);

    /* Compression, or NULL.  unpack: the whole cluster into buf. */
    int (*unpack)(ClusterMap *m, uint64_t n, uint64_t host, uint8_t *buf);
    /* Bytes in out (of room), or -ENOSPC if it does not get smaller.  On a
     * worker thread. */
    int64_t (*pack)(const ClusterMap *m, uint64_t n, const uint8_t *in, uint8_t *out,
                    size_t room);
    int (*allocate_packed)(ClusterMap *m, uint64_t len, uint64_t *host);
    int (*enter_packed)(ClusterMap *m, uint64_t n, uint64_t host, uint64_t len);
} ClusterOps;

struct ClusterMap {
    const ClusterOps *ops;
    BlockDriverState *bs, *file;        /* whose backing; what holds the data */
    Tables *tables;                     /* the format's, or NULL */
    void *opaque;                       /* the format's */
    uint64_t start, length;             /* the part of the disk this is */
    uint32_t size;                      /* of a cluster */
    bool pack_all;                      /* every write is compressed */
    bool has_offset;                    /* file is bs->file: block_status says where */

    CoMutex lock;
    struct ClusterAlloc *allocs;        /* in flight */
    uint64_t unpacked_host;             /* last one unpacked, if unpacked */
    uint8_t *unpacked;
};

void clusters_free(ClusterMap *m);      /* and its tables; not m itself */

/* off counts from m->start; the rest as in BlockDriver. */
int clusters_preadv(ClusterMap *m, uint64_t off, uint64_t len,
                    const QEMUIOVector *qiov, size_t at);
int clusters_pwritev(ClusterMap *m, uint64_t off, uint64_t len,
                     const QEMUIOVector *qiov, size_t at);
int clusters_write_packed(ClusterMap *m, uint64_t off, uint64_t len,
                          const QEMUIOVector *qiov, size_t at);
int clusters_write_zeroes(ClusterMap *m, uint64_t off, uint64_t len, int flags);
/* Holes in the file where clusters are; their contents become undefined. */
int clusters_discard(ClusterMap *m, uint64_t off, uint64_t len);
int clusters_status(ClusterMap *m, uint64_t off, uint64_t len, uint64_t *num,
                    uint64_t *map);

/* For check(): no cluster outside [base, end of file), no two in one place;
 * what is neither is a leak.  pitch: bytes a cluster takes in the file. */
int clusters_check(ClusterMap *m, uint64_t base, uint64_t pitch, BlockCheck *res,
                   Error *err);

/* For drivers whose state begins with a ClusterMap. */
int clusters_co_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                       const QEMUIOVector *qiov, size_t at);
int clusters_co_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                        const QEMUIOVector *qiov, size_t at);
int clusters_co_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len, int flags);
int clusters_co_discard(BlockDriverState *bs, uint64_t off, uint64_t len);
int clusters_co_status(BlockDriverState *bs, uint64_t off, uint64_t len, uint64_t *num,
                       uint64_t *map);
int clusters_co_flush(BlockDriverState *bs);

#endif
