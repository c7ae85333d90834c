/* SPDX-License-Identifier: MIT */
/*
 * qcow2: pieces of L2 tables and refcount blocks in memory, and the order in
 * which metadata reaches the file.
 *
 *      data, new L2 tables -----------------.
 *      refcount blocks --> refcount table --+--> L2, L1 --> references dropped
 *                       ^                   ^            ^
 *                      flush              flush        flush
 *
 * Whatever is cut off by a power failure, everything to the left of it is on
 * the disk: clusters may be counted and not used (leaks), but never used and
 * not counted.  A flush is only done if there is something on both its sides.
 *
 * With lazy refcounts, the header says "dirty" instead, and refcounts are
 * written when there is time; they are made anew after a crash.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/qcow2.h"
#include "util/bits.h"
#include "util/mem.h"

enum { MIN_SLICES = 32, BATCH = 64 };

void qcow2_cache_init(Qcow2Cache *c, size_t slice_size, uint64_t max, bool ordered)
{
    c->slice_size = slice_size;
    c->max = (unsigned)MAX(max, MIN_SLICES);
    c->ordered = ordered;
    c->hash_size = MIN_SLICES;
    while (c->hash_size < c->max) {
        c->hash_size *= 2;
    }
    c->hash = xcalloc(c->hash_size, sizeof(*c->hash));
    c->lru.prev = c->lru.next = &c->lru;
}

static Slice **bucket(Qcow2Cache *c, uint64_t offset)
{
    uint64_t n = offset / c->slice_size;

    return &c->hash[(n ^ n >> 12) & (c->hash_size - 1)];
}

static void unlink_lru(Slice *s)
{
    s->prev->next = s->next;
    s->next->prev = s->prev;
}

static void make_newest(Qcow2Cache *c, Slice *s)
{
    s->prev = &c->lru;
    s->next = c->lru.next;
    s->next->prev = s;
    c->lru.next = s;
}

static void set_clean(Qcow2Cache *c, Slice *s)
{
    c->num_dirty -= s->dirty;
    s->dirty = false;
}

static void drop_slice(Qcow2Cache *c, Slice *s)
{
    Slice **p = bucket(c, s->offset);

    while (*p != s) {
        p = &(*p)->hash_next;
    }
    *p = s->hash_next;
    unlink_lru(s);
    set_clean(c, s);
    c->num--;
    free(s->data);
    free(s);
}

void qcow2_cache_free(Qcow2Cache *c)
{
    while (c->hash && c->lru.next != &c->lru) {
        drop_slice(c, c->lru.next);
    }
    free(c->hash);
    c->hash = NULL;
}

Slice *qcow2_cache_peek(Qcow2Cache *c, uint64_t offset)
{
    Slice *s = *bucket(c, offset);

    while (s && s->offset != offset) {
        s = s->hash_next;
    }
    if (s && c->lru.next != s) {
        unlink_lru(s);
        make_newest(c, s);
    }
    return s;
}

void qcow2_cache_mark(Qcow2Cache *c, Slice *s)
{
    c->num_dirty += !s->dirty;
    s->dirty = true;
}

void qcow2_cache_drop(Qcow2Cache *c, uint64_t offset, uint64_t len)
{
    for (uint64_t at = offset; at < offset + len; at += c->slice_size) {
        Slice *s = qcow2_cache_peek(c, at);

        if (s) {
            drop_slice(c, s);
        }
    }
}

static int write_slice(BlockDriverState *bs, Qcow2Cache *c, Slice *s)
{
    int ret = bdrv_pwrite(bs->file, s->offset, s->data, c->slice_size);

    if (ret >= 0) {
        set_clean(c, s);
    }
    return ret;
}

/* Too many: the oldest goes. */
static int make_room(BlockDriverState *bs, Qcow2Cache *c)
{
    int ret = 0;

    while (c->num >= c->max && ret >= 0) {
        Slice *old = c->lru.prev;

        if (old->dirty) {
            ret = c->ordered ? qcow2_write_back(bs, false) : write_slice(bs, c, old);
        }
        if (ret >= 0 && !old->dirty) {
            drop_slice(c, old);
        }
    }
    return ret;
}

int qcow2_cache_get(BlockDriverState *bs, Qcow2Cache *c, uint64_t offset, Slice **out)
{
    Slice *s = qcow2_cache_peek(c, offset);

    *out = s;
    if (s) {
        return 0;
    }
    int ret = make_room(bs, c);
    if (ret < 0) {
        return ret;
    }
    uint8_t *data = xmalloc(c->slice_size);

    ret = bdrv_pread(bs->file, offset, data, c->slice_size);
    if (ret < 0) {
        free(data);
        return ret;
    }
    s = xzalloc(sizeof(*s));
    *s = (Slice){ .offset = offset, .data = data };
    s->hash_next = *bucket(c, offset);
    *bucket(c, offset) = s;
    make_newest(c, s);
    c->num++;
    *out = s;
    return 0;
}

/* -- Writing back ------------------------------------------------------------ */

static int by_offset(const void *a, const void *b)
{
    const Slice *x = *(Slice *const *)a, *y = *(Slice *const *)b;

    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Neighbours in one request; returns how many or -errno. */
static int write_run(BlockDriverState *bs, Qcow2Cache *c, Slice **list, unsigned num)
{
    struct iovec iov[BATCH];
    QEMUIOVector q = { .iov = iov };
    unsigned n = 0;

    while (n < MIN(num, BATCH) && list[n]->offset == list[0]->offset + n * c->slice_size) {
        iov[n] = (struct iovec){ list[n]->data, c->slice_size };
        n++;
    }
    q.num = (int)n;
    q.size = n * c->slice_size;
    int ret = bdrv_co_pwritev(bs->file, list[0]->offset, q.size, &q, 0, 0);

    for (unsigned i = 0; i < n && ret >= 0; i++) {
        set_clean(c, list[i]);
    }
    return ret < 0 ? ret : (int)n;
}

static int write_slices(BlockDriverState *bs, Qcow2Cache *c)
{
    unsigned num = 0;
    int ret = 0;

    if (!c->num_dirty) {
        return 0;
    }
    Slice **list = xcalloc(c->num_dirty, sizeof(*list));

    for (Slice *s = c->lru.next; s != &c->lru; s = s->next) {
        if (s->dirty) {
            list[num++] = s;
        }
    }
    qsort(list, num, sizeof(*list), by_offset);
    for (unsigned i = 0; i < num && ret >= 0; i += (unsigned)ret) {
        ret = write_run(bs, c, list + i, num - i);
    }
    free(list);
    return ret < 0 ? ret : 0;
}

/* Entries [from, to) of a table at off, in whole sectors. */
static int write_table(BlockDriverState *bs, const uint64_t *table, uint64_t size,
                       uint64_t off, uint64_t *from, uint64_t *to)
{
    uint64_t first = align_down(*from, 64), end = MIN(align_up(*to, 64), size);

    if (*from >= *to) {
        return 0;
    }
    uint8_t *buf = xmalloc((end - first) * 8);

    for (uint64_t i = first; i < end; i++) {
        store_be(buf + (i - first) * 8, table[i], 8);
    }
    int ret = bdrv_pwrite(bs->file, off + first * 8, buf, (end - first) * 8);

    free(buf);
    if (ret >= 0) {
        *from = *to = 0;
    }
    return ret;
}

static int write_refcounts(BlockDriverState *bs)
{
    Qcow2 *s = bs->opaque;
    int ret = write_slices(bs, &s->rbc);

    if (ret >= 0 && s->reftable_dirty_from < s->reftable_dirty_to) {
        ret = bdrv_co_flush(bs->file);
        if (ret >= 0) {
            ret = write_table(bs, s->reftable, s->reftable_size, s->reftable_offset,
                              &s->reftable_dirty_from, &s->reftable_dirty_to);
        }
    }
    return ret;
}

/* Everything written so far is safe. */
static int barrier(BlockDriverState *bs)
{
    Qcow2 *s = bs->opaque;
    int ret = s->data == bs->file ? 0 : bdrv_co_flush(s->data);

    return ret < 0 ? ret : bdrv_co_flush(bs->file);
}

/* A table that L1 points to may lack the latest slices; what it was filled with
 * when it was made must be there, and that was before the barrier. */
static int write_mappings(BlockDriverState *bs, bool counted)
{
    Qcow2 *s = bs->opaque;
    bool l1_dirty = s->l1_dirty_from < s->l1_dirty_to;
    int ret = 0;

    if (l1_dirty || (s->l2c.num_dirty && (counted || s->l2_barrier))) {
        ret = barrier(bs);
        s->l2_barrier &= ret < 0;
    }
    if (ret >= 0) {
        ret = write_slices(bs, &s->l2c);
    }
    return ret < 0 ? ret : write_table(bs, s->l1, s->l1_size, s->l1_offset,
                                       &s->l1_dirty_from, &s->l1_dirty_to);
}

/* With lazy refcounts, the counts can wait once the header says so. */
static int write_or_postpone(BlockDriverState *bs, bool *postponed)
{
    Qcow2 *s = bs->opaque;
    int ret = 0;

    *postponed = qcow2_lazy(s);
    if (!qcow2_lazy(s)) {
        return write_refcounts(bs);
    }
    if (!(s->incompat & QCOW2_INCOMPAT_DIRTY) && s->rbc.num_dirty) {
        ret = qcow2_set_dirty(bs, true);
    }
    return ret;
}

int qcow2_write_back(BlockDriverState *bs, bool frees)
{
    Qcow2 *s = bs->opaque;
    bool postponed;
    int ret = write_or_postpone(bs, &postponed);

    if (ret >= 0) {
        ret = write_mappings(bs, !postponed);
    }
    if (ret >= 0 && frees && s->num_frees) {
        ret = bdrv_co_flush(bs->file);
        if (ret >= 0) {
            qcow2_wait_users(s);
            ret = qcow2_apply_frees(bs);
        }
    }
    return ret;
}

int qcow2_write_all(BlockDriverState *bs)
{
    Qcow2 *s = bs->opaque;
    int ret = qcow2_write_back(bs, true);

    if (ret >= 0) {
        ret = write_refcounts(bs);
    }
    if (ret >= 0) {
        ret = barrier(bs);
    }
    return ret < 0 || s->stay_dirty ? ret : qcow2_set_dirty(bs, false);
}

/* -- Requests under way ------------------------------------------------------ */

int qcow2_use_begin(Qcow2 *s)
{
    s->in_use[s->epoch]++;
    return s->epoch;
}

void qcow2_use_end(Qcow2 *s, int epoch)
{
    if (--s->in_use[epoch] == 0) {
        co_queue_all(&s->epoch_waiters);
    }
}

void qcow2_wait_users(Qcow2 *s)
{
    int old = s->epoch;

    while (s->in_use[!old]) {           /* of an earlier wait that failed */
        co_queue_wait(&s->epoch_waiters);
    }
    s->epoch = !old;
    while (s->in_use[old]) {
        co_queue_wait(&s->epoch_waiters);
    }
}
