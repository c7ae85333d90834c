/* SPDX-License-Identifier: MIT */
#include "util/iov.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/bits.h"
#include "util/mem.h"

void iov_init(QEMUIOVector *q, int room)
{
    room = MAX(room, 1);
    *q = (QEMUIOVector){ .iov = xcalloc((size_t)room, sizeof(struct iovec)),
                         .room = room };
}

void iov_init_buf(QEMUIOVector *q, struct iovec *one, void *buf, size_t len)
{
    *one = (struct iovec){ buf, len };
    *q = (QEMUIOVector){ .iov = one, .num = 1, .size = len };
}

void iov_add(QEMUIOVector *q, void *buf, size_t len)
{
    struct iovec *last = q->num ? &q->iov[q->num - 1] : NULL;

    assert(q->room);
    q->size += len;
    if (last && (char *)last->iov_base + last->iov_len == buf) {
        last->iov_len += len;
        return;
    }
    if (q->num == q->room) {
        q->room *= 2;
        q->iov = xrealloc(q->iov, (size_t)q->room * sizeof(struct iovec));
    }
    q->iov[q->num++] = (struct iovec){ buf, len };
}

void iov_reset(QEMUIOVector *q)
{
    q->num = 0;
    q->size = 0;
}

void iov_free(QEMUIOVector *q)
{
    if (q->room) {
        free(q->iov);
    }
    *q = (QEMUIOVector){ .iov = NULL };
}

/* Walks the pieces of a range. */
typedef struct Walk {
    const struct iovec *iov;
    size_t skip, left;
} Walk;

static Walk walk_from(const QEMUIOVector *q, size_t at, size_t len)
{
    Walk w = { q->iov, at, len };

    assert(at <= q->size && len <= q->size - at);
    while (len && w.skip >= w.iov->iov_len) {
        w.skip -= w.iov->iov_len;
        w.iov++;
    }
    return w;
}

static bool walk_next(Walk *w, char **p, size_t *n)
{
    while (w->left && w->skip == w->iov->iov_len) {
        w->iov++;
        w->skip = 0;
    }
    if (!w->left) {
        return false;
    }
    *p = (char *)w->iov->iov_base + w->skip;
    *n = MIN(w->left, w->iov->iov_len - w->skip);
    w->left -= *n;
    w->skip += *n;
    return true;
}

void iov_to_buf(const QEMUIOVector *q, size_t at, void *buf, size_t len)
{
    Walk w = walk_from(q, at, len);
    char *p, *out = buf;

    for (size_t n; walk_next(&w, &p, &n); out += n) {
        memcpy(out, p, n);
    }
}

void iov_from_buf(const QEMUIOVector *q, size_t at, const void *buf, size_t len)
{
    Walk w = walk_from(q, at, len);
    const char *in = buf;
    char *p;

    for (size_t n; walk_next(&w, &p, &n); in += n) {
        memcpy(p, in, n);
    }
}

void iov_memset(const QEMUIOVector *q, size_t at, int c, size_t len)
{
    Walk w = walk_from(q, at, len);
    char *p;

    for (size_t n; walk_next(&w, &p, &n);) {
        memset(p, c, n);
    }
}

bool buf_is_zero(const void *buf, size_t len)
{
    const char *p = buf;

    return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

bool iov_is_zero(const QEMUIOVector *q, size_t at, size_t len)
{
    Walk w = walk_from(q, at, len);
    char *p;

    for (size_t n; walk_next(&w, &p, &n);) {
        if (!buf_is_zero(p, n)) {
            return false;
        }
    }
    return true;
}

bool iov_is_aligned(const QEMUIOVector *q, size_t at, size_t len, size_t align)
{
    Walk w = walk_from(q, at, len);
    char *p;

    for (size_t n; walk_next(&w, &p, &n);) {
        if (((uintptr_t)p | n) & (align - 1)) {
            return false;
        }
    }
    return true;
}

int iov_slice(const QEMUIOVector *q, size_t at, size_t len, struct iovec *out,
              int max, size_t *covered)
{
    Walk w = walk_from(q, at, len);
    char *p;
    int num = 0;

    *covered = 0;
    for (size_t n; num < max && walk_next(&w, &p, &n);) {
        out[num++] = (struct iovec){ p, n };
        *covered += n;
    }
    return num;
}
