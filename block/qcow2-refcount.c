/* SPDX-License-Identifier: MIT */
/*
 * qcow2: how many pointers each cluster of the file has.
 *
 *      refcount table | block 0 | block 1 | 0 | ...
 *                          |
 *                          `--> | 1 | 1 | 1 | 2 | 0 | ...   a count per cluster
 *
 * A block that is missing says: all of its clusters are free.  It is made when
 * the first of them is wanted, and then lies in that very cluster, so that it
 * counts itself and making it needs no other block.  Only allocations longer
 * than a block's reach put their blocks behind themselves.
 *
 * Free clusters are looked for upwards from free_hint, below which there are
 * none.  References are dropped in batches: see rule 4 in qcow2.h.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/qcow2.h"
#include "util/bits.h"
#include "util/mem.h"

/* -- One count --------------------------------------------------------------- */

uint64_t qcow2_count_get(const uint8_t *block, int order, uint64_t i)
{
    if (order >= 3) {
        unsigned n = 1u << (order - 3);

        return load_be(block + i * n, n);
    }
    uint64_t bit = i << order;

    return block[bit / 8] >> (bit % 8) & ((1u << (1 << order)) - 1);
}

void qcow2_count_set(uint8_t *block, int order, uint64_t i, uint64_t value)
{
    if (order >= 3) {
        unsigned n = 1u << (order - 3);

        store_be(block + i * n, value, n);
        return;
    }
    uint64_t bit = i << order;
    unsigned mask = ((1u << (1 << order)) - 1) << (bit % 8);

    block[bit / 8] = (uint8_t)((block[bit / 8] & ~mask) | (unsigned)value << (bit % 8));
}

/* The slice with the count of a cluster and its index there; NULL: no block. */
static int find_count(BlockDriverState *bs, uint64_t cluster, Slice **slice, uint64_t *i)
{
    Qcow2 *s = bs->opaque;
    uint64_t bi = cluster >> s->rb_bits, in_block = cluster & ((1ull << s->rb_bits) - 1);
    uint64_t per_slice = (uint64_t)s->rbc.slice_size * 8 >> s->refcount_order;

    *slice = NULL;
    if (bi >= s->reftable_size || !s->reftable[bi]) {
        return 0;
    }
    uint64_t block = s->reftable[bi];

    if (block & (s->cluster_size - 1) || qcow2_beyond_file(bs, block)) {
        return qcow2_corrupt(bs, "refcount block %llu is at 0x%llx, not a cluster of the file",
                             (unsigned long long)bi, (unsigned long long)block);
    }
    *i = in_block % per_slice;
    return qcow2_cache_get(bs, &s->rbc, block + in_block / per_slice * s->rbc.slice_size,
                           slice);
}

int qcow2_refcount(BlockDriverState *bs, uint64_t cluster, uint64_t *count)
{
    Qcow2 *s = bs->opaque;
    Slice *slice;
    uint64_t i;
    int ret = find_count(bs, cluster, &slice, &i);

    *count = ret >= 0 && slice ? qcow2_count_get(slice->data, (int)s->refcount_order, i) : 0;
    return ret;
}

/* The block is there. */
static int put_count(BlockDriverState *bs, uint64_t cluster, uint64_t count)
{
    Qcow2 *s = bs->opaque;
    Slice *slice;
    uint64_t i;
    int ret = find_count(bs, cluster, &slice, &i);

    if (ret >= 0) {
        assert(slice && count <= s->refcount_max);
        qcow2_count_set(slice->data, (int)s->refcount_order, i, count);
        qcow2_cache_mark(&s->rbc, slice);
    }
    return ret;
}

/* -- Blocks and the table ---------------------------------------------------- */

static bool never_used(const BlockDriverState *bs, uint64_t cluster)
{
    const Qcow2 *s = bs->opaque;

    return bs->file->growable && cluster >= s->fresh_from;
}

static void dirty_reftable(Qcow2 *s, uint64_t i)
{
    bool none = s->reftable_dirty_from >= s->reftable_dirty_to;

    s->reftable_dirty_from = none ? i : MIN(s->reftable_dirty_from, i);
    s->reftable_dirty_to = none ? i + 1 : MAX(s->reftable_dirty_to, i + 1);
}

/* A new block of zeroes for counts bi, in that cluster (not counted yet). */
static int install_block(BlockDriverState *bs, uint64_t bi, uint64_t cluster)
{
    Qcow2 *s = bs->opaque;
    uint64_t off = cluster << s->cluster_bits;
    int ret = qcow2_check_overlap(bs, off, s->cluster_size);

    if (ret >= 0 && !never_used(bs, cluster)) {
        ret = bdrv_co_write_zeroes(bs->file, off, s->cluster_size, 0);
    }
    if (ret >= 0) {
        qcow2_cache_drop(&s->rbc, off, s->cluster_size);
        s->reftable[bi] = off;
        s->fresh_from = MAX(s->fresh_from, cluster + 1);
        dirty_reftable(s, bi);
        qcow2_note_meta(s, off, s->cluster_size);
    }
    return ret;
}

/* Where a larger table goes: k new blocks from block bi on, then the table. */
typedef struct Growth { uint64_t first, blocks, clusters; } Growth;

static Growth plan_growth(const Qcow2 *s, uint64_t bi)
{
    uint64_t per_cluster = s->cluster_size / 8, reach = 1ull << s->rb_bits;
    Growth g = { bi << s->rb_bits, 1, 0 };

    for (;;) {
        uint64_t entries = (bi + g.blocks) + (bi + g.blocks) / 2 + 1;

        g.clusters = (entries + per_cluster - 1) / per_cluster;
        uint64_t blocks = (g.blocks + g.clusters + reach - 1) / reach;

        if (blocks <= g.blocks) {
            return g;
        }
        g.blocks = blocks;
    }
}

static int write_growth(BlockDriverState *bs, const Growth *g, uint64_t bi,
                        const uint64_t *table)
{
    Qcow2 *s = bs->opaque;
    uint64_t used = g->blocks + g->clusters, reach = 1ull << s->rb_bits;
    uint8_t *buf = xmalloc(MAX(s->cluster_size, g->clusters * s->cluster_size));
    int ret = 0;

    for (uint64_t b = 0; b < g->blocks && ret >= 0; b++) {
        memset(buf, 0, s->cluster_size);
        for (uint64_t i = b * reach; i < MIN(used, (b + 1) * reach); i++) {
            qcow2_count_set(buf, (int)s->refcount_order, i - b * reach, 1);
        }
        ret = bdrv_pwrite(bs->file, table[bi + b], buf, s->cluster_size);
    }
    for (uint64_t i = 0; i < g->clusters * s->cluster_size / 8; i++) {
        store_be(buf + i * 8, table[i], 8);
    }
    if (ret >= 0) {
        ret = bdrv_pwrite(bs->file, (g->first + g->blocks) << s->cluster_bits, buf,
                          g->clusters * s->cluster_size);
    }
    free(buf);
    return ret;
}

/* A table that reaches block bi, in clusters that nobody has counted yet. */
static int grow_reftable(BlockDriverState *bs, uint64_t bi)
{
    Qcow2 *s = bs->opaque;
    Growth g = plan_growth(s, bi);
    uint64_t size = g.clusters * s->cluster_size / 8;
    uint64_t old_at = s->reftable_offset, old_len = s->reftable_clusters * s->cluster_size;

    if (size > QCOW2_MAX_REFTABLE / 8) {
        return -EFBIG;
    }
    uint64_t *table = xcalloc(size, sizeof(*table));

    memcpy(table, s->reftable, s->reftable_size * sizeof(*table));
    for (uint64_t b = 0; b < g.blocks; b++) {
        table[bi + b] = (g.first + b) << s->cluster_bits;
    }
    uint64_t start = g.first << s->cluster_bits;
    uint64_t len = (g.blocks + g.clusters) << s->cluster_bits;
    int ret = qcow2_check_overlap(bs, start, len);

    if (ret >= 0) {
        ret = qcow2_write_back(bs, false);
    }
    if (ret >= 0) {
        s->fresh_from = MAX(s->fresh_from, g.first + g.blocks + g.clusters);
        ret = write_growth(bs, &g, bi, table);
    }
    if (ret >= 0) {
        ret = bdrv_co_flush(bs->file);
    }
    if (ret < 0) {
        free(table);
        return ret;
    }
    qcow2_cache_drop(&s->rbc, start, g.blocks << s->cluster_bits);
    free(s->reftable);
    s->reftable = table;
    s->reftable_size = (uint32_t)size;
    s->reftable_clusters = (uint32_t)g.clusters;
    s->reftable_offset = start + (g.blocks << s->cluster_bits);
    s->reftable_dirty_from = s->reftable_dirty_to = 0;
    qcow2_note_meta(s, start, len);
    ret = qcow2_switch_header(bs);
    return ret < 0 ? ret : qcow2_add_refcount(bs, old_at, old_len, -1);
}

static int check_room(const BlockDriverState *bs, uint64_t end_cluster)
{
    const Qcow2 *s = bs->opaque;

    if (end_cluster > (QCOW2_OFFSET >> s->cluster_bits)) {
        return -EFBIG;
    }
    return bs->file->growable || end_cluster <= bs->file->length >> s->cluster_bits
           ? 0 : -ENOSPC;
}

/* The block that counts this cluster is there from now on. */
static int need_block(BlockDriverState *bs, uint64_t cluster)
{
    Qcow2 *s = bs->opaque;
    uint64_t bi = cluster >> s->rb_bits, first = bi << s->rb_bits;
    int ret = 0;

    if (bi >= s->reftable_size) {
        ret = check_room(bs, first + 1);
        if (ret >= 0) {
            ret = grow_reftable(bs, bi);
        }
    }
    if (ret < 0 || s->reftable[bi]) {
        return ret;
    }
    ret = check_room(bs, first + 1);
    if (ret >= 0) {
        ret = install_block(bs, bi, first);
    }
    return ret < 0 ? ret : put_count(bs, first, 1);
}

int qcow2_set_refcount(BlockDriverState *bs, uint64_t cluster, uint64_t count)
{
    const Qcow2 *s = bs->opaque;
    uint64_t bi = cluster >> s->rb_bits;

    if (bi >= s->reftable_size || !s->reftable[bi]) {
        return count ? -ENOENT : 0;
    }
    return put_count(bs, cluster, count);
}

/* -- Allocating -------------------------------------------------------------- */

/* May a run start here?  That all is used so far behind the end cannot be. */
static int check_start(BlockDriverState *bs, uint64_t cluster)
{
    const Qcow2 *s = bs->opaque;
    uint64_t off = cluster << s->cluster_bits;
    int ret = check_room(bs, cluster + 1);

    return ret < 0 || !qcow2_beyond_file(bs, off) ? ret
           : qcow2_corrupt(bs, "all clusters up to 0x%llx, far behind the end of the file, are"
                           " counted as used", (unsigned long long)off);
}

/* The first run of free clusters, up to num.  Makes blocks on its way. */
static int64_t find_run(BlockDriverState *bs, uint64_t num, uint64_t *first)
{
    Qcow2 *s = bs->opaque;
    uint64_t i = s->free_hint, run = 0, count;

    for (; run < num; i++) {
        int ret = run ? check_room(bs, i + 1) : check_start(bs, i);

        if (ret >= 0) {
            ret = need_block(bs, i);
        }
        if (ret >= 0) {
            ret = qcow2_refcount(bs, i, &count);
        }
        if (ret < 0) {
            return run ? (int64_t)run : ret;
        }
        if (count && run) {
            break;
        }
        if (!count) {
            *first = run ? *first : i;
            run++;
        }
    }
    s->free_hint = *first + run;
    return (int64_t)run;
}

/* num free clusters in one piece; where blocks are missing, all is free. */
static int find_exact(BlockDriverState *bs, uint64_t num, uint64_t *first)
{
    Qcow2 *s = bs->opaque;
    uint64_t run = 0, count;

    for (uint64_t i = s->free_hint; run < num; i++) {
        int ret = run ? check_room(bs, i + 1) : check_start(bs, i);

        if (ret >= 0) {
            ret = qcow2_refcount(bs, i, &count);
        }
        if (ret < 0) {
            return ret;
        }
        *first = run ? *first : i;
        run = count ? 0 : run + 1;
    }
    return 0;
}

/* Blocks for [first, first + num), in clusters from there on. */
static int make_blocks(BlockDriverState *bs, uint64_t first, uint64_t num)
{
    Qcow2 *s = bs->opaque;
    uint64_t next = first + num, made = next;
    int ret = 0;

    for (uint64_t bi = first >> s->rb_bits; bi <= (next - 1) >> s->rb_bits && ret >= 0; bi++) {
        if (!s->reftable[bi]) {
            ret = install_block(bs, bi, next++);
        }
    }
    for (; made < next && ret >= 0; made++) {
        ret = put_count(bs, made, 1);
    }
    return ret;
}

static int alloc_exact(BlockDriverState *bs, uint64_t num, uint64_t *first)
{
    Qcow2 *s = bs->opaque;
    uint64_t blocks = (num >> (s->rb_bits - 1)) + 3;
    int ret = find_exact(bs, num + blocks, first);

    while (ret >= 0 && (*first + num + blocks) >> s->rb_bits >= s->reftable_size) {
        ret = grow_reftable(bs, (*first + num + blocks) >> s->rb_bits);
        if (ret >= 0) {
            ret = find_exact(bs, num + blocks, first);
        }
    }
    return ret < 0 ? ret : make_blocks(bs, *first, num);
}

int64_t qcow2_alloc(BlockDriverState *bs, uint64_t num, bool all, uint64_t *off,
                    bool *fresh)
{
    Qcow2 *s = bs->opaque;
    uint64_t first = 0;
    int64_t got = all && num > 1 ? alloc_exact(bs, num, &first) : find_run(bs, num, &first);
    int ret = 0;

    if (got < 0) {
        return got;
    }
    num = all ? num : (uint64_t)got;
    *off = first << s->cluster_bits;
    *fresh = never_used(bs, first);
    if (first == 0) {
        return qcow2_corrupt(bs, "the header is not counted as used");
    }
    ret = qcow2_check_overlap(bs, *off, num << s->cluster_bits);
    for (uint64_t i = 0; i < num && ret >= 0; i++) {
        ret = put_count(bs, first + i, 1);
    }
    s->fresh_from = MAX(s->fresh_from, first + num);
    return ret < 0 ? ret : (int64_t)num;
}

/* Can a cluster with compressed data take one more? */
static bool can_share(BlockDriverState *bs, uint64_t off)
{
    const Qcow2 *s = bs->opaque;
    uint64_t count;

    return qcow2_refcount(bs, off >> s->cluster_bits, &count) >= 0 && count &&
           count < s->refcount_max;
}

int qcow2_alloc_packed(BlockDriverState *bs, uint64_t len, uint64_t *off)
{
    Qcow2 *s = bs->opaque;
    uint64_t at = s->packed_at, left = at ? s->cluster_size - at % s->cluster_size : 0;
    uint64_t cluster;
    bool fresh;
    int ret = 0;

    assert(len && len < s->cluster_size);
    if (left && !can_share(bs, at)) {
        left = 0;
    }
    *off = at;
    if (len > left) {
        int64_t got = qcow2_alloc(bs, 1, true, &cluster, &fresh);

        if (got < 0) {
            return (int)got;
        }
        if (!left || cluster != at + left) {
            *off = cluster;
            left = 0;
        }
    }
    if (left) {
        ret = qcow2_add_refcount(bs, at, 1, 1);
    }
    at = *off + len;
    s->packed_at = at % s->cluster_size ? at : 0;
    return ret;
}

/* -- Counting ---------------------------------------------------------------- */

/* Nobody points to this cluster any more. */
static void cluster_is_free(BlockDriverState *bs, uint64_t cluster)
{
    Qcow2 *s = bs->opaque;
    uint64_t bit = cluster % QCOW2_MAP_BITS;

    s->free_hint = MIN(s->free_hint, cluster);
    s->unpacked_entry = 0;
    if (s->packed_at >> s->cluster_bits == cluster) {
        s->packed_at = 0;
    }
    if (s->is_meta[bit / 8] >> (bit % 8) & 1) {
        qcow2_cache_drop(&s->l2c, cluster << s->cluster_bits, s->cluster_size);
        qcow2_cache_drop(&s->rbc, cluster << s->cluster_bits, s->cluster_size);
    }
}

/* Freed clusters in a row, to be given back to the host as one. */
typedef struct FreedRun { uint64_t first, num; } FreedRun;

static void give_back(BlockDriverState *bs, FreedRun *r, uint64_t cluster)
{
    const Qcow2 *s = bs->opaque;

    if (r->num && cluster == r->first + r->num) {
        r->num++;
        return;
    }
    if (r->num) {                       /* advice: a failure loses nothing */
        bdrv_co_discard(bs->file, r->first << s->cluster_bits, r->num << s->cluster_bits);
    }
    *r = (FreedRun){ cluster, 1 };
}

static int change_count(BlockDriverState *bs, uint64_t cluster, int delta, FreedRun *freed)
{
    const Qcow2 *s = bs->opaque;
    uint64_t count;
    int ret = qcow2_refcount(bs, cluster, &count);

    if (ret < 0) {
        return ret;
    }
    if (count > s->refcount_max) {      /* bit 63 of a 64-bit one */
        return qcow2_corrupt(bs, "cluster 0x%llx is counted as used 0x%llx times",
                             (unsigned long long)cluster << s->cluster_bits,
                             (unsigned long long)count);
    }
    if (delta > 0 && count > s->refcount_max - (uint64_t)delta) {
        return -ERANGE;
    }
    if (delta < 0 ? count < (uint64_t)-delta : count == 0) {
        return qcow2_corrupt(bs, "cluster 0x%llx is in use and not counted",
                             (unsigned long long)cluster << s->cluster_bits);
    }
    count += (uint64_t)(int64_t)delta;
    ret = put_count(bs, cluster, count);
    if (ret >= 0 && !count) {
        cluster_is_free(bs, cluster);
        if (freed) {
            give_back(bs, freed, cluster);
        }
    }
    return ret;
}

int qcow2_add_refcount(BlockDriverState *bs, uint64_t off, uint64_t len, int delta)
{
    const Qcow2 *s = bs->opaque;
    int ret = 0;

    if (len == 0) {
        return 0;
    }
    for (uint64_t c = off >> s->cluster_bits; c <= (off + len - 1) >> s->cluster_bits &&
         ret >= 0; c++) {
        ret = change_count(bs, c, delta, NULL);
    }
    return ret;
}

void qcow2_free_unused(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    qcow2_add_refcount(bs, off, len, -1);       /* at worst, a leak */
}

void qcow2_free_later(Qcow2 *s, uint64_t off, uint64_t len)
{
    uint64_t first = off >> s->cluster_bits, end = ((off + len - 1) >> s->cluster_bits) + 1;
    Qcow2Free *last = s->num_frees ? &s->frees[s->num_frees - 1] : NULL;

    if (last && last->cluster + last->num == first) {
        last->num += end - first;
        return;
    }
    if (s->num_frees == s->room_frees) {
        s->room_frees = MAX(64, s->room_frees * 2);
        s->frees = xrealloc(s->frees, s->room_frees * sizeof(*s->frees));
    }
    s->frees[s->num_frees++] = (Qcow2Free){ first, end - first };
}

int qcow2_apply_frees(BlockDriverState *bs)
{
    Qcow2 *s = bs->opaque;
    Qcow2Free *list = s->frees;
    unsigned num = s->num_frees;
    FreedRun freed = { 0, 0 };
    int ret = 0;

    s->frees = NULL;
    s->num_frees = s->room_frees = 0;
    for (unsigned i = 0; i < num && ret >= 0; i++) {
        for (uint64_t n = 0; n < list[i].num && ret >= 0; n++) {
            ret = change_count(bs, list[i].cluster + n, -1, &freed);
        }
    }
    give_back(bs, &freed, ~0ull);
    free(list);
    return ret;
}
