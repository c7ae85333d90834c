/* SPDX-License-Identifier: MIT */
/*
 * Scattered memory: what one disk request or network packet is made of.
 *
 * A QEMUIOVector does not own the memory its pieces point to, only the list of
 * them.  Offsets and lengths are bytes; a range that leaves the vector is a
 * bug of the caller.
 */
#ifndef UTIL_IOV_H
#define UTIL_IOV_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

typedef struct QEMUIOVector {
    struct iovec *iov;
    int num, room;                      /* room 0: iov is the caller's */
    size_t size;                        /* sum of all lengths */
} QEMUIOVector;

/* An empty one, to be grown with iov_add() and freed. */
void iov_init(QEMUIOVector *q, int room);
/* One piece; nothing to free.  `one` must live as long as q. */
void iov_init_buf(QEMUIOVector *q, struct iovec *one, void *buf, size_t len);
/* A piece that continues the last one extends it. */
void iov_add(QEMUIOVector *q, void *buf, size_t len);
void iov_reset(QEMUIOVector *q);
void iov_free(QEMUIOVector *q);

void iov_to_buf(const QEMUIOVector *q, size_t at, void *buf, size_t len);
void iov_from_buf(const QEMUIOVector *q, size_t at, const void *buf, size_t len);
void iov_memset(const QEMUIOVector *q, size_t at, int c, size_t len);
bool iov_is_zero(const QEMUIOVector *q, size_t at, size_t len);
/* Do all pieces start and end on multiples of align (a power of two)? */
bool iov_is_aligned(const QEMUIOVector *q, size_t at, size_t len, size_t align);

/* The pieces of [at, at+len), at most max of them, into out; returns how many
 * and in *covered how many bytes they are. */
int iov_slice(const QEMUIOVector *q, size_t at, size_t len, struct iovec *out,
              int max, size_t *covered);

bool buf_is_zero(const void *buf, size_t len);

#endif
