/* SPDX-License-Identifier: MIT */
/*
 * qcow2: from a guest offset to a place in the file, and how that changes.
 *
 *      guest offset | L1 index | L2 index | in cluster |
 *      L1 (memory) -----' l1[i] --> L2 slice (cache) --> cluster
 *
 *      entry                   read                written
 *      0                       backing, or zeroes  new cluster
 *      offset | COPIED         the cluster         in place
 *      offset                  the cluster         new cluster: a snapshot has it
 *      ZERO [| offset]         zeroes              new, or that cluster
 *      COMPRESSED ...          inflated            new cluster
 *
 * With extended L2 entries (16 bytes), a cluster has 32 subclusters with two
 * bits each: allocated, zero.
 *
 * A write that needs a new cluster is on s->allocs from the choice of the
 * cluster until the entry points to it; who wants the same guest cluster waits.
 * Data goes to the cluster in between, without the lock.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/qcow2.h"
#include "util/bits.h"
#include "util/mem.h"

enum { MANY_FREES = 4096 };

typedef struct Entry { uint64_t e, map; } Entry;

static Entry get_entry(const Qcow2 *s, const Slice *slice, uint64_t i)
{
    const uint8_t *p = slice->data + (i << s->entry_bits);

    return (Entry){ load_be(p, 8), qcow2_subs(s) ? load_be(p + 8, 8) : 0 };
}

static bool put_entry(Qcow2 *s, Slice *slice, uint64_t i, Entry new)
{
    uint8_t *p = slice->data + (i << s->entry_bits);
    Entry old = get_entry(s, slice, i);

    if (old.e == new.e && old.map == new.map) {
        return false;
    }
    store_be(p, new.e, 8);
    if (qcow2_subs(s)) {
        store_be(p + 8, new.map, 8);
    }
    qcow2_cache_mark(&s->l2c, slice);
    return true;
}

/* Has it a cluster of its own (not a compressed one)? */
static bool has_host(const Qcow2 *s, uint64_t e)
{
    return !(e & QCOW2_COMPRESSED) &&
           ((e & QCOW2_OFFSET) || (qcow2_external(s) && (e & QCOW2_COPIED)));
}

/* -EUCLEAN: says two things at once. */
static int kind_of(const Qcow2 *s, Entry n, unsigned sub)
{
    bool host = has_host(s, n.e);

    if (n.e & QCOW2_COMPRESSED) {
        return Q_PACKED;
    }
    if (host && (n.e & QCOW2_OFFSET & (s->cluster_size - 1))) {
        return -EUCLEAN;
    }
    if (!qcow2_subs(s)) {
        return s->version >= 3 && (n.e & QCOW2_ZERO) ? Q_ZERO : host ? Q_DATA : Q_HOLE;
    }
    bool data = n.map >> sub & 1, zero = n.map >> (32 + sub) & 1;

    if ((data && zero) || (data && !host)) {
        return -EUCLEAN;
    }
    return zero ? Q_ZERO : data ? Q_DATA : Q_HOLE;
}

void qcow2_packed_range(const Qcow2 *s, uint64_t entry, uint64_t *off, uint64_t *len)
{
    unsigned x = 62 - (s->cluster_bits - 8);
    uint64_t at = entry & ((1ull << x) - 1);

    *off = align_down(at, 512);
    *len = ((entry & (QCOW2_COMPRESSED - 1)) >> x) * 512 + 512;
}

/* -- Finding ----------------------------------------------------------------- */

static uint64_t l1_index(const Qcow2 *s, uint64_t off)
{
    return off >> (s->l2_bits + s->cluster_bits);
}

static uint64_t l2_index(const Qcow2 *s, uint64_t off)
{
    return off >> s->cluster_bits & ((1ull << s->l2_bits) - 1);
}

static uint64_t entries_per_slice(const Qcow2 *s)
{
    return s->l2c.slice_size >> s->entry_bits;
}

/* Where the slice for a guest offset is; 0: there is no table. */
static uint64_t slice_offset(const Qcow2 *s, uint64_t off)
{
    uint64_t i = l1_index(s, off), l2 = i < s->l1_size ? s->l1[i] & QCOW2_OFFSET : 0;

    return l2 ? l2 + align_down(l2_index(s, off) << s->entry_bits, s->l2c.slice_size) : 0;
}

static bool bad_table(const Qcow2 *s, uint64_t off)
{
    uint64_t i = l1_index(s, off);

    return i < s->l1_size && (s->l1[i] & QCOW2_OFFSET & (s->cluster_size - 1));
}

/* Guest offset where the slice's (no table: the table's) reach ends. */
static uint64_t reach_end(const Qcow2 *s, uint64_t off, bool table)
{
    unsigned bits = table ? s->l2_bits : s->l2_bits - (unsigned)
                    __builtin_ctzll((1ull << s->l2_bits) / entries_per_slice(s));
    uint64_t reach = 1ull << (bits + s->cluster_bits);

    return align_down(off, reach) + reach;
}

/* What this slice says about [off, ..), in one kind and piece. */
static int run_in_slice(const Qcow2 *s, const Slice *slice, uint64_t off, uint64_t len,
                        Qcow2Run *run)
{
    uint64_t end = MIN(off + len, reach_end(s, off, false)), unit = 1ull << s->sub_bits;
    uint64_t pos = off;

    while (pos < end) {
        Entry n = get_entry(s, slice, l2_index(s, pos) % entries_per_slice(s));
        int kind = kind_of(s, n, (unsigned)(pos % s->cluster_size >> s->sub_bits) & 31);
        bool host = kind != Q_PACKED && has_host(s, n.e);
        uint64_t at = (n.e & QCOW2_OFFSET) + pos % s->cluster_size;

        if (kind < 0) {
            return kind;
        }
        if (pos == off) {
            *run = (Qcow2Run){ kind, host, n.e & QCOW2_COPIED, at, n.e, 0 };
        } else if (kind != (int)run->kind || host != run->has_host ||
                   kind == Q_PACKED || !(n.e & QCOW2_COPIED) != !run->copied ||
                   (host && at != run->host + (pos - off))) {
            break;
        }
        pos = align_down(pos, kind == Q_PACKED ? s->cluster_size : unit) +
              (kind == Q_PACKED ? s->cluster_size : unit);
    }
    run->len = MIN(pos, end) - off;
    return 0;
}

static void no_table(const Qcow2 *s, uint64_t off, uint64_t len, Qcow2Run *run)
{
    *run = (Qcow2Run){ .kind = Q_HOLE, .len = MIN(len, reach_end(s, off, true) - off) };
}

static int corrupt_entry(BlockDriverState *bs, uint64_t off)
{
    return qcow2_corrupt(bs, "the L2 entry of guest offset 0x%llx makes no sense",
                         (unsigned long long)off);
}

static int get_slice(BlockDriverState *bs, uint64_t off, Slice **slice)
{
    Qcow2 *s = bs->opaque;

    if (bad_table(s, off) || qcow2_beyond_file(bs, slice_offset(s, off))) {
        return qcow2_corrupt(bs, "the L2 table of guest offset 0x%llx is not on a cluster of"
                             " the file", (unsigned long long)off);
    }
    return qcow2_cache_get(bs, &s->l2c, slice_offset(s, off), slice);
}

int qcow2_find_locked(BlockDriverState *bs, uint64_t off, uint64_t len, Qcow2Run *run)
{
    const Qcow2 *s = bs->opaque;
    Slice *slice;

    if (!slice_offset(s, off)) {
        no_table(s, off, len, run);
        return 0;
    }
    int ret = get_slice(bs, off, &slice);
    if (ret >= 0 && run_in_slice(s, slice, off, len, run) < 0) {
        ret = corrupt_entry(bs, off);
    }
    return ret;
}

/* Without waiting: false if it is not that easy. */
static bool find_cached(Qcow2 *s, uint64_t off, uint64_t len, Qcow2Run *run)
{
    uint64_t at = slice_offset(s, off);

    if (!at) {
        no_table(s, off, len, run);
        return true;
    }
    Slice *slice = bad_table(s, off) ? NULL : qcow2_cache_peek(&s->l2c, at);

    return slice && run_in_slice(s, slice, off, len, run) >= 0;
}

int qcow2_find(BlockDriverState *bs, uint64_t off, uint64_t len, Qcow2Run *run)
{
    Qcow2 *s = bs->opaque;

    if (find_cached(s, off, len, run)) {
        return 0;
    }
    co_mutex_lock(&s->lock);
    int ret = qcow2_find_locked(bs, off, len, run);
    co_mutex_unlock(&s->lock);
    return ret;
}

int qcow2_read_l2(BlockDriverState *bs, uint64_t l2_offset, uint8_t *table)
{
    const Qcow2 *s = bs->opaque;

    return bdrv_pread(bs->file, l2_offset, table, s->cluster_size);
}

/* -- Tables ------------------------------------------------------------------ */

void qcow2_dirty_l1(Qcow2 *s, uint64_t i)
{
    bool none = s->l1_dirty_from >= s->l1_dirty_to;

    s->l1_dirty_from = none ? i : MIN(s->l1_dirty_from, i);
    s->l1_dirty_to = none ? i + 1 : MAX(s->l1_dirty_to, i + 1);
}

static int fill_table(BlockDriverState *bs, uint64_t old, uint64_t off, bool fresh)
{
    const Qcow2 *s = bs->opaque;

    if (!old) {
        return fresh ? 0 : bdrv_co_write_zeroes(bs->file, off, s->cluster_size, 0);
    }
    uint8_t *table = xmalloc(s->cluster_size);
    int ret = qcow2_read_l2(bs, old, table);

    if (ret >= 0) {
        ret = bdrv_pwrite(bs->file, off, table, s->cluster_size);
    }
    free(table);
    return ret;
}

/* A table for this guest offset that is ours alone. */
static int need_table(BlockDriverState *bs, uint64_t off)
{
    Qcow2 *s = bs->opaque;
    uint64_t i = l1_index(s, off), at, old;
    bool fresh;

    if (i >= s->l1_size) {
        int ret = qcow2_grow_l1(bs, i + 1);

        if (ret < 0) {
            return ret;
        }
    }
    old = s->l1[i] & QCOW2_OFFSET;
    if (old && (s->l1[i] & QCOW2_COPIED)) {
        return 0;
    }
    if (bad_table(s, off)) {
        return corrupt_entry(bs, off);
    }
    int64_t got = qcow2_alloc(bs, 1, true, &at, &fresh);
    int ret = got < 0 ? (int)got : fill_table(bs, old, at, fresh);

    if (ret < 0) {
        return ret;
    }
    qcow2_cache_drop(&s->l2c, at, s->cluster_size);
    s->l1[i] = at | QCOW2_COPIED;
    qcow2_dirty_l1(s, i);
    qcow2_note_meta(s, at, s->cluster_size);
    if (old) {
        qcow2_free_later(s, old, s->cluster_size);
    }
    return 0;
}

/* The slice of this offset, to be changed. */
static int own_slice(BlockDriverState *bs, uint64_t off, Slice **slice)
{
    int ret = need_table(bs, off);

    return ret < 0 ? ret : get_slice(bs, off, slice);
}

int qcow2_grow_l1(BlockDriverState *bs, uint64_t need)
{
    Qcow2 *s = bs->opaque;
    uint64_t bytes = align_up(need * 8, s->cluster_size), at;
    uint64_t old_at = s->l1_offset, old_len = (uint64_t)s->l1_size * 8;
    bool fresh;

    if (need > QCOW2_MAX_L1 / 8) {
        return -EFBIG;
    }
    int64_t got = qcow2_alloc(bs, bytes >> s->cluster_bits, true, &at, &fresh);
    int ret = got < 0 ? (int)got : qcow2_write_back(bs, false);     /* its count, too */

    if (ret < 0) {
        return ret;
    }
    uint8_t *buf = calloc(1, bytes);
    uint64_t *l1 = calloc(need, sizeof(*l1));

    if (!buf || !l1) {
        free(buf);
        free(l1);
        return -ENOMEM;
    }
    for (uint64_t i = 0; i < s->l1_size; i++) {
        l1[i] = s->l1[i];
        store_be(buf + i * 8, l1[i], 8);
    }
    ret = bdrv_pwrite(bs->file, at, buf, bytes);
    free(buf);
    if (ret >= 0) {
        ret = bdrv_co_flush(bs->file);
    }
    if (ret < 0) {
        free(l1);
        return ret;
    }
    free(s->l1);
    s->l1 = l1;
    s->l1_size = (uint32_t)need;
    s->l1_offset = at;
    s->l1_dirty_from = s->l1_dirty_to = 0;
    qcow2_note_meta(s, at, bytes);
    ret = qcow2_switch_header(bs);
    return ret < 0 || !old_len ? ret : qcow2_add_refcount(bs, old_at, old_len, -1);
}

/* -- Writes in flight -------------------------------------------------------- */

static Qcow2Alloc *find_alloc(const Qcow2 *s, uint64_t start, uint64_t end)
{
    Qcow2Alloc *a = s->allocs;

    while (a && !(a->start < end && start < a->end)) {
        a = a->next;
    }
    return a;
}

void qcow2_alloc_wait(Qcow2 *s, uint64_t start, uint64_t end)
{
    Qcow2Alloc *a;

    while ((a = find_alloc(s, start, end))) {
        co_mutex_unlock(&s->lock);
        co_queue_wait(&a->waiters);
        co_mutex_lock(&s->lock);
    }
}

static void add_alloc(Qcow2 *s, Qcow2Alloc *a, uint64_t start, uint64_t end)
{
    *a = (Qcow2Alloc){ .start = start, .end = end, .next = s->allocs };
    s->allocs = a;
}

void qcow2_alloc_begin(Qcow2 *s, Qcow2Alloc *a, uint64_t start, uint64_t end)
{
    qcow2_alloc_wait(s, start, end);
    add_alloc(s, a, start, end);
}

void qcow2_alloc_end(Qcow2 *s, Qcow2Alloc *a)
{
    Qcow2Alloc **p = &s->allocs;

    while (*p != a) {
        p = &(*p)->next;
    }
    *p = a->next;
    co_queue_all(&a->waiters);
}

static bool in_place(const Qcow2Run *run)
{
    return run->kind == Q_DATA && run->copied;
}

static bool reusable(const Qcow2 *s, Entry n)
{
    return has_host(s, n.e) && (n.e & QCOW2_COPIED);
}

/* How many clusters from that of off on, below end, get new contents alike. */
static uint64_t count_alike(const Qcow2 *s, const Slice *slice, uint64_t off, uint64_t end)
{
    uint64_t per = entries_per_slice(s), i = l2_index(s, off) % per, n = 1;
    uint64_t want = ((end - 1) >> s->cluster_bits) - (off >> s->cluster_bits) + 1;
    Entry first = get_entry(s, slice, i);
    bool reuse = reusable(s, first);

    for (; n < want && i + n < per; n++) {
        Entry e = get_entry(s, slice, i + n);

        if (kind_of(s, e, 0) < 0 || reusable(s, e) != reuse ||
            (reuse && ((e.e & QCOW2_OFFSET) !=
                       (first.e & QCOW2_OFFSET) + (n << s->cluster_bits) ||
                       kind_of(s, e, 0) == Q_DATA))) {
            break;
        }
    }
    return n;
}

/* What a partial write must fill up: with subclusters, only those, unless the
 * old cluster has others that cannot be pointed to any more. */
static uint64_t fill_unit(const Qcow2 *s, Entry old)
{
    bool lost = (old.e & QCOW2_COMPRESSED) || (has_host(s, old.e) && !reusable(s, old));

    return lost ? s->cluster_size : 1ull << s->sub_bits;
}

/* Others write in place to a subcluster that is data: what they may change is not filled
 * in, and the end of this write in it is a write in place, too. */
static uint64_t end_before_data(const Qcow2 *s, Entry last, uint64_t end)
{
    uint64_t unit = 1ull << s->sub_bits;
    unsigned sub = (unsigned)((end - 1) % s->cluster_size >> s->sub_bits) & 31;

    return kind_of(s, last, sub) == Q_DATA ? align_down(end, unit) : end;
}

static int plan(BlockDriverState *bs, uint64_t off, uint64_t end, Qcow2Write *w)
{
    Qcow2 *s = bs->opaque;
    uint64_t start = align_down(off, s->cluster_size), per = entries_per_slice(s);
    Slice *slice;
    int ret = own_slice(bs, off, &slice);

    if (ret < 0) {
        return ret;
    }
    uint64_t i = l2_index(s, off) % per, num = count_alike(s, slice, off, end);
    Entry first = get_entry(s, slice, i);

    w->reuse = reusable(s, first);
    w->fresh = false;
    if (w->reuse) {
        w->host = first.e & QCOW2_OFFSET;
    } else if (qcow2_external(s)) {
        w->host = start;
    } else {
        int64_t got = qcow2_alloc(bs, num, false, &w->host, &w->fresh);

        if (got < 0) {
            return (int)got;
        }
        num = (uint64_t)got;
        ret = get_slice(bs, off, &slice);
    }
    if (ret >= 0 && s->data == bs->file && w->reuse) {
        ret = qcow2_check_overlap(bs, w->host, num << s->cluster_bits);
    }
    if (ret < 0) {
        return ret;
    }
    Entry last = get_entry(s, slice, i + num - 1);

    end = MIN(end, start + (num << s->cluster_bits));
    end = w->reuse ? end_before_data(s, last, end) : end;
    w->from = off;
    w->to = end;
    w->cow_from = align_down(off, fill_unit(s, first));
    w->cow_to = align_up(end, fill_unit(s, last));
    add_alloc(s, &w->alloc, start, align_up(end, s->cluster_size));
    return 1;
}

static int prepare_locked(BlockDriverState *bs, uint64_t off, uint64_t end,
                          Qcow2Run *run, Qcow2Write *w)
{
    Qcow2 *s = bs->opaque;
    uint64_t start = align_down(off, s->cluster_size);

    qcow2_alloc_wait(s, start, start + s->cluster_size);
    if (s->broken) {
        return -EIO;
    }
    int ret = qcow2_find_locked(bs, off, end - off, run);

    if (ret < 0) {
        return ret;
    }
    if (in_place(run)) {
        return s->data == bs->file ? qcow2_check_overlap(bs, run->host, run->len) : 0;
    }
    for (const Qcow2Alloc *a = s->allocs; a; a = a->next) {
        if (a->start >= start && a->start < end) {
            end = a->start;
        }
    }
    return plan(bs, off, end, w);
}

int qcow2_prepare_write(BlockDriverState *bs, uint64_t off, uint64_t end,
                        Qcow2Run *run, Qcow2Write *w)
{
    Qcow2 *s = bs->opaque;

    if (!s->broken && find_cached(s, off, end - off, run) &&
        in_place(run) &&
        (s->data != bs->file || qcow2_check_overlap(bs, run->host, run->len) >= 0)) {
        return 0;
    }
    co_mutex_lock(&s->lock);
    int ret = prepare_locked(bs, off, end, run, w);
    co_mutex_unlock(&s->lock);
    return ret;
}

/* -- New entries ------------------------------------------------------------- */

/* The reference an entry held goes away. */
static void drop_entry(Qcow2 *s, Entry old)
{
    uint64_t off, len;

    if (old.e & QCOW2_COMPRESSED) {
        qcow2_packed_range(s, old.e, &off, &len);
        qcow2_free_later(s, off, len);
    } else if ((old.e & QCOW2_OFFSET) && !qcow2_external(s)) {
        qcow2_free_later(s, old.e & QCOW2_OFFSET, s->cluster_size);
    }
}

int qcow2_limit_frees(BlockDriverState *bs)
{
    const Qcow2 *s = bs->opaque;

    return s->num_frees > MANY_FREES ? qcow2_write_back(bs, true) : 0;
}

/* Bits of the subclusters in [from, to) of a cluster. */
static uint64_t sub_mask(const Qcow2 *s, uint64_t from, uint64_t to)
{
    uint64_t a = from >> s->sub_bits, b = (to + (1ull << s->sub_bits) - 1) >> s->sub_bits;

    return ((1ull << b) - 1) & ~((1ull << a) - 1);
}

static Entry written_entry(const Qcow2 *s, Entry old, uint64_t host, uint64_t from,
                           uint64_t to)
{
    Entry n = { host | QCOW2_COPIED, 0 };

    if (qcow2_subs(s)) {
        uint64_t mask = sub_mask(s, from, to);

        old.map = old.e & QCOW2_COMPRESSED ? 0 : old.map;
        n.map = (old.map | mask) & ~(mask << 32);
    }
    return n;
}

static bool shows_backing(const BlockDriverState *bs, uint64_t off)
{
    const Qcow2 *s = bs->opaque;

    return bs->backing_file && off < s->vm_state_at;
}

/* A fresh cluster without its data reads as zeroes: a crash may show that where nothing
 * else was before. */
static int link_locked(BlockDriverState *bs, const Qcow2Write *w)
{
    Qcow2 *s = bs->opaque;
    uint64_t host = w->host;
    bool zero = w->fresh && w->cow_from == w->from && w->to == w->cow_to;
    int ret = 0;

    for (uint64_t at = w->alloc.start; at < w->alloc.end && ret >= 0; at += s->cluster_size) {
        uint64_t i = l2_index(s, at) % entries_per_slice(s);
        Slice *slice;

        ret = own_slice(bs, at, &slice);
        if (ret < 0) {
            break;
        }
        Entry old = get_entry(s, slice, i);
        uint64_t from = MAX(w->cow_from, at), to = MIN(w->cow_to, at + s->cluster_size);

        if (!w->reuse) {
            drop_entry(s, old);
        }
        put_entry(s, slice, i, written_entry(s, old, host, from - at, to - at));
        host += s->cluster_size;
        zero &= !old.e && !old.map && !shows_backing(bs, at);
    }
    s->l2_barrier |= !zero;
    return ret < 0 ? ret : qcow2_limit_frees(bs);
}

int qcow2_link(BlockDriverState *bs, Qcow2Write *w)
{
    Qcow2 *s = bs->opaque;

    co_mutex_lock(&s->lock);
    int ret = link_locked(bs, w);
    qcow2_alloc_end(s, &w->alloc);
    co_mutex_unlock(&s->lock);
    return ret;
}

void qcow2_drop_write(BlockDriverState *bs, Qcow2Write *w)
{
    Qcow2 *s = bs->opaque;

    co_mutex_lock(&s->lock);
    if (!w->reuse && !qcow2_external(s)) {
        qcow2_free_unused(bs, w->host, w->alloc.end - w->alloc.start);
    }
    qcow2_alloc_end(s, &w->alloc);
    co_mutex_unlock(&s->lock);
}

int qcow2_link_packed(BlockDriverState *bs, uint64_t off, uint64_t host, uint64_t len)
{
    Qcow2 *s = bs->opaque;
    unsigned x = 62 - (s->cluster_bits - 8);
    uint64_t more = ((host + len - 1) >> 9) - (host >> 9);
    uint64_t i = l2_index(s, off) % entries_per_slice(s);
    Slice *slice;

    if (host >> x) {
        return -EFBIG;
    }
    int ret = own_slice(bs, off, &slice);
    if (ret < 0) {
        return ret;
    }
    drop_entry(s, get_entry(s, slice, i));
    put_entry(s, slice, i, (Entry){ QCOW2_COMPRESSED | more << x | host, 0 });
    s->l2_barrier = true;
    return qcow2_limit_frees(bs);
}

/* -- Zeroes and holes -------------------------------------------------------- */

/* May nothing stay nothing?  Not zeroes that somebody wrote: the image may be given
 * a backing file. */
static bool hole_will_do(const BlockDriverState *bs, uint64_t off, Qcow2Clear how)
{
    const Qcow2 *s = bs->opaque;

    return how == Q_CLEAR_HOLE || how == Q_CLEAR_DISCARD ||
           (!shows_backing(bs, off) && (how == Q_CLEAR_UNMAP || s->version < 3));
}

/* Subclusters in `mask` (all: the whole cluster) of an entry are cleared. */
static int cleared_entry(const BlockDriverState *bs, uint64_t off, Entry old, uint64_t mask,
                         Qcow2Clear how, Entry *out)
{
    const Qcow2 *s = bs->opaque;
    bool whole = mask == 0xffffffff, backing = shows_backing(bs, off);
    bool zero = how == Q_CLEAR_ZERO || how == Q_CLEAR_UNMAP ||
                (how == Q_CLEAR_DISCARD && backing);

    *out = old;
    if (!old.e && !old.map && hole_will_do(bs, off, how)) {
        return 0;
    }
    if (zero && s->version < 3) {
        if (backing || how == Q_CLEAR_ZERO) {
            return -ENOTSUP;
        }
        zero = false;                   /* a hole reads as zeroes, too */
    }
    if (whole) {
        bool keep = how == Q_CLEAR_ZERO && reusable(s, old);

        out->e = keep ? old.e & (QCOW2_COPIED | QCOW2_OFFSET) : 0;
        out->e |= zero && !qcow2_subs(s) ? QCOW2_ZERO : 0;
        out->map = zero && qcow2_subs(s) ? mask << 32 : 0;
        return 0;
    }
    if ((old.e & QCOW2_COMPRESSED) || (has_host(s, old.e) && !reusable(s, old))) {
        return -ENOTSUP;
    }
    out->map &= ~(mask | mask << 32);
    out->map |= zero ? mask << 32 : 0;
    return 0;
}

static int clear_cluster(BlockDriverState *bs, uint64_t off, uint64_t end, Qcow2Clear how)
{
    Qcow2 *s = bs->opaque;
    uint64_t start = align_down(off, s->cluster_size), i = l2_index(s, off);
    uint64_t stop = MIN(end, start + s->cluster_size);
    bool whole = off == start && (stop == start + s->cluster_size || stop == bs->length);
    uint64_t mask = whole ? 0xffffffff : sub_mask(s, off - start, stop - start);
    Slice *slice;
    Entry new;
    int ret;

    i %= entries_per_slice(s);
    if (slice_offset(s, off)) {         /* perhaps there is nothing to change */
        ret = get_slice(bs, off, &slice);
        if (ret < 0) {
            return ret;
        }
        Entry old = get_entry(s, slice, i);

        ret = cleared_entry(bs, off, old, mask, how, &new);
        if (ret < 0 || (old.e == new.e && old.map == new.map)) {
            return ret;
        }
    }
    ret = own_slice(bs, off, &slice);
    if (ret < 0) {
        return ret;
    }
    Entry old = get_entry(s, slice, i);

    ret = cleared_entry(bs, off, old, mask, how, &new);
    if (ret >= 0 && put_entry(s, slice, i, new) && !has_host(s, new.e)) {
        drop_entry(s, old);
        if (has_host(s, old.e) && qcow2_external(s) && how != Q_CLEAR_HOLE) {
            bdrv_co_discard(s->data, start, s->cluster_size);
        }
    }
    return ret < 0 ? ret : qcow2_limit_frees(bs);
}

/* What became holes needs no room in a data file any more, once no entry on the disk leads
 * there: other than zeroes, a hole shows what is behind it. */
static int give_back(BlockDriverState *bs, uint64_t from, uint64_t to)
{
    Qcow2 *s = bs->opaque;
    int ret = qcow2_write_back(bs, true);

    if (ret >= 0) {
        ret = bdrv_co_flush(bs->file);
    }
    to = MIN(to, MIN(bs->length, s->data->length));
    if (ret >= 0 && from < to) {
        qcow2_wait_users(s);
        bdrv_co_discard(s->data, from, to - from);
    }
    return ret;
}

int qcow2_clear_locked(BlockDriverState *bs, uint64_t off, uint64_t end, Qcow2Clear how)
{
    Qcow2 *s = bs->opaque;
    uint64_t from = off;
    int ret = s->broken ? -EIO : 0;

    while (off < end && ret >= 0) {
        if (!slice_offset(s, off) && hole_will_do(bs, off, how)) {
            off = reach_end(s, off, true);
            continue;
        }
        ret = clear_cluster(bs, off, end, how);
        off = align_down(off, s->cluster_size) + s->cluster_size;
    }
    return ret >= 0 && how == Q_CLEAR_HOLE && qcow2_external(s) ? give_back(bs, from, end) : ret;
}

int qcow2_clear(BlockDriverState *bs, uint64_t off, uint64_t len, Qcow2Clear how)
{
    Qcow2 *s = bs->opaque;

    co_mutex_lock(&s->lock);
    qcow2_alloc_wait(s, align_down(off, s->cluster_size),
                     align_up(off + len, s->cluster_size));
    int ret = qcow2_clear_locked(bs, off, off + len, how);
    co_mutex_unlock(&s->lock);
    return ret;
}
