/* SPDX-License-Identifier: MIT */
/*
 * qcow2: do the refcounts say what the tables say?
 *
 *      tables --walk--> pointers to each cluster ==? refcounts
 *                              more: corruption    fewer: leak
 *
 * The pointers are counted for a window of clusters at a time, so that memory
 * is bounded whatever the size of the file.  Repair sets the counts right in
 * place; where blocks are missing or the table is bad, all refcounts are made
 * anew behind the end of the file, and one write of the header switches over.
 *
 * Pointers to places beyond the file and entries that contradict themselves
 * are reported and not repaired: nobody knows what they should be.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block/qcow2.h"
#include "util/bits.h"
#include "util/mem.h"

enum { WINDOW = 1 << 22, L1_CHUNK = 8192, EXT_BITMAPS = 0x23852875, MAX_BITMAPS = 65535 };

typedef struct Check {
    BlockDriverState *bs;
    BlockCheck *res;
    int fix;
    uint64_t first, window, limit;      /* clusters; limit: the end */
    uint64_t pointed;                   /* behind the last one pointed to */
    uint32_t *counts;
    bool telling;                       /* the first pass tells what it finds */
    bool no_refcounts;                  /* do not count the refcount structures */
    bool active, rebuild;
    uint64_t highest, next_host;
} Check;

static void tell(BlockCheck *res, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void tell(BlockCheck *res, const char *fmt, ...)
{
    char line[200];
    va_list ap;

    if (res && res->report) {
        va_start(ap, fmt);
        vsnprintf(line, sizeof(line), fmt, ap);
        va_end(ap);
        res->report(res->opaque, line);
    }
}

static void corruption(Check *c, const char *what, uint64_t where)
{
    if (c->telling) {
        c->res->corruptions++;
        tell(c->res, "ERROR %s 0x%" PRIx64, what, where);
    }
}

/* -- Counting ---------------------------------------------------------------- */

static void ref(Check *c, uint64_t off, uint64_t len, const char *what)
{
    const Qcow2 *s = c->bs->opaque;

    if (len == 0) {
        return;
    }
    uint64_t first = off >> s->cluster_bits, last = (off + len - 1) >> s->cluster_bits;

    if (last >= c->limit || off + len < off) {
        corruption(c, what, off);
        return;
    }
    c->pointed = MAX(c->pointed, last + 1);
    for (uint64_t i = MAX(first, c->first); i <= last && i < c->first + c->window; i++) {
        c->counts[i - c->first]++;
    }
}

static void note_active(Check *c, uint64_t host, bool packed)
{
    const Qcow2 *s = c->bs->opaque;

    if (!c->active || !c->telling) {
        return;
    }
    c->res->allocated_clusters++;
    c->res->compressed_clusters += packed;
    if (packed || (c->next_host && c->next_host != host)) {
        c->res->fragmented_clusters++;
    }
    c->next_host = packed ? c->next_host : host + s->cluster_size;
}

static void ref_entry(Check *c, const uint8_t *p)
{
    const Qcow2 *s = c->bs->opaque;
    uint64_t e = load_be(p, 8), host = e & QCOW2_OFFSET, len;

    if (e & QCOW2_COMPRESSED) {
        qcow2_packed_range(s, e, &host, &len);
        if (qcow2_external(s)) {
            corruption(c, "compressed cluster beside an external data file", host);
            return;
        }
        note_active(c, host, true);
        ref(c, host, len, "compressed data beyond the end of the file at");
        return;
    }
    if (qcow2_subs(s)) {
        uint64_t map = load_be(p + 8, 8);

        if ((uint32_t)map & map >> 32) {
            corruption(c, "subclusters both allocated and zero, map", map);
        }
    }
    bool external = qcow2_external(s);

    if (!host && !(external && (e & QCOW2_COPIED))) {
        return;
    }
    if (host & (s->cluster_size - 1)) {
        corruption(c, "data cluster not on a cluster:", host);
        return;
    }
    note_active(c, host, false);
    ref(c, host, external ? 0 : s->cluster_size, "data beyond the end of the file at");
}

static int walk_l2(Check *c, uint64_t l2)
{
    const Qcow2 *s = c->bs->opaque;
    uint8_t *table = xmalloc(s->cluster_size);
    int ret = qcow2_read_l2(c->bs, l2, table);

    for (uint64_t i = 0; ret >= 0 && i < 1ull << s->l2_bits; i++) {
        ref_entry(c, table + (i << s->entry_bits));
    }
    free(table);
    return ret;
}

/* There cannot be more tables than clusters: *left counts down. */
static int walk_l1_entry(Check *c, uint64_t e, uint64_t *left)
{
    const Qcow2 *s = c->bs->opaque;
    uint64_t l2 = e & QCOW2_OFFSET;

    if (!l2) {
        return 0;
    }
    if (l2 & (s->cluster_size - 1) || l2 >> s->cluster_bits >= c->limit) {
        corruption(c, "L2 table not on a cluster of the file:", l2);
        return 0;
    }
    if (*left == 0) {
        corruption(c, "more L2 tables than clusters in the file, at", l2);
        return 0;
    }
    --*left;
    ref(c, l2, s->cluster_size, "L2 table beyond the end of the file at");
    return walk_l2(c, l2);
}

static int walk_snapshot_l1(Check *c, const Qcow2Snapshot *sn)
{
    uint8_t *buf = xmalloc(L1_CHUNK * 8);
    uint64_t left = c->limit;
    int ret = 0;

    for (uint32_t i = 0; i < sn->l1_size && ret >= 0; i += L1_CHUNK) {
        uint32_t num = MIN(L1_CHUNK, sn->l1_size - i);

        ret = bdrv_pread(c->bs->file, sn->l1_offset + i * 8ull, buf, num * 8);
        for (uint32_t n = 0; n < num && ret >= 0; n++) {
            ret = walk_l1_entry(c, load_be(buf + n * 8, 8), &left);
        }
    }
    free(buf);
    return ret;
}

/* Bitmaps are not ours, but their clusters are in use. */
static int walk_bitmap(Check *c, uint64_t table, uint32_t num)
{
    const Qcow2 *s = c->bs->opaque;
    uint8_t *buf = xmalloc(L1_CHUNK * 8);
    int ret = 0;

    ref(c, table, num * 8ull, "bitmap table beyond the end of the file at");
    if (table >> s->cluster_bits >= c->limit || num > QCOW2_MAX_L1 / 8) {
        num = 0;
    }
    for (uint32_t i = 0; i < num && ret >= 0; i += L1_CHUNK) {
        uint32_t n = MIN(L1_CHUNK, num - i);

        ret = bdrv_pread(c->bs->file, table + i * 8ull, buf, n * 8);
        for (uint32_t k = 0; k < n && ret >= 0; k++) {
            uint64_t off = load_be(buf + k * 8, 8) & QCOW2_OFFSET;

            ref(c, off, off ? s->cluster_size : 0, "bitmap beyond the end of the file at");
        }
    }
    free(buf);
    return ret;
}

static int walk_bitmaps(Check *c, const Qcow2Ext *e)
{
    uint64_t len = e->len >= 24 ? load_be(e->data + 8, 8) : 0, pos = 0;
    uint64_t dir_at = e->len >= 24 ? load_be(e->data + 16, 8) : 0;

    if (!len || len > 1 << 20 || dir_at >= c->bs->file->length) {
        return 0;
    }
    uint8_t *dir = xzalloc(len);
    int ret = bdrv_pread(c->bs->file, dir_at, dir, len);

    ref(c, dir_at, len, "bitmap directory beyond the end of the file at");
    while (ret >= 0 && pos + 24 <= len) {
        const uint8_t *p = dir + pos;

        ret = walk_bitmap(c, load_be(p, 8), (uint32_t)load_be(p + 8, 4));
        pos += align_up(24 + load_be(p + 20, 4) + load_be(p + 18, 2), 8);
    }
    free(dir);
    return ret;
}

static void walk_refcounts(Check *c)
{
    const Qcow2 *s = c->bs->opaque;

    ref(c, s->reftable_offset, s->reftable_clusters * s->cluster_size,
        "refcount table beyond the end of the file at");
    for (uint32_t i = 0; i < s->reftable_size; i++) {
        uint64_t block = s->reftable[i];

        if (block && (block & (s->cluster_size - 1) ||
                      block >> s->cluster_bits >= c->limit)) {
            corruption(c, "refcount block not on a cluster of the file:", block);
            c->rebuild = true;
        } else if (block) {
            ref(c, block, s->cluster_size, "refcount block");
        }
    }
}

/* All pointers into the window. */
static int count_window(Check *c)
{
    Qcow2 *s = c->bs->opaque;
    uint64_t left = c->limit;
    int ret = 0;

    memset(c->counts, 0, c->window * sizeof(*c->counts));
    ref(c, 0, s->cluster_size, "header");
    ref(c, s->l1_offset, s->l1_size * 8ull, "L1 table beyond the end of the file at");
    c->active = true;
    for (uint32_t i = 0; i < s->l1_size && ret >= 0; i++) {
        ret = walk_l1_entry(c, s->l1[i], &left);
    }
    c->active = false;
    ref(c, s->snap_offset, s->snap_len, "snapshot table beyond the end of the file at");
    for (uint32_t i = 0; i < s->num_snap && ret >= 0; i++) {
        ref(c, s->snap[i].l1_offset, s->snap[i].l1_size * 8ull,
            "L1 table of a snapshot beyond the end of the file at");
        ret = walk_snapshot_l1(c, &s->snap[i]);
    }
    for (int i = 0; i < s->num_ext && ret >= 0; i++) {
        ret = s->ext[i].type == EXT_BITMAPS ? walk_bitmaps(c, &s->ext[i]) : 0;
    }
    if (!c->no_refcounts) {
        walk_refcounts(c);
    }
    return ret;
}

/* -- Comparing --------------------------------------------------------------- */

static int mend(Check *c, uint64_t cluster, uint64_t want, bool leak)
{
    Qcow2 *s = c->bs->opaque;
    BlockCheck *res = c->res;
    int ret = want > s->refcount_max ? -ERANGE
            : qcow2_set_refcount(c->bs, cluster, want);

    if (ret < 0) {
        res->corruptions++;
        c->rebuild |= ret == -ENOENT;
        return ret == -ENOENT || ret == -ERANGE ? 0 : ret;
    }
    s->free_hint = want ? s->free_hint : MIN(s->free_hint, cluster);
    res->leaks_fixed += leak;
    res->corruptions_fixed += !leak;
    return 0;
}

static int compare_one(Check *c, uint64_t cluster, uint64_t want)
{
    BlockCheck *res = c->res;
    uint64_t have;
    int ret = qcow2_refcount(c->bs, cluster, &have);

    if (have || want) {
        c->highest = cluster + 1;
    }
    if (ret < 0) {                      /* its block is nowhere: told already */
        c->rebuild = true;
        res->corruptions += want != 0;
        return 0;
    }
    if (have == want) {
        return 0;
    }
    bool leak = have > want, fix = c->fix & (leak ? BDRV_FIX_LEAKS : BDRV_FIX_ERRORS);

    tell(res, "%s cluster %" PRIu64 " refcount=%" PRIu64 " reference=%" PRIu64,
         fix ? "Repairing" : leak ? "Leaked" : "ERROR", cluster, have, want);
    if (fix) {
        return mend(c, cluster, want, leak);
    }
    res->leaks += leak;
    res->corruptions += !leak;
    return 0;
}

/* Is there neither a pointer nor a count in these clusters of the window? */
static bool all_unused(const Check *c, uint64_t i, uint64_t num)
{
    const Qcow2 *s = c->bs->opaque;

    for (uint64_t bi = i >> s->rb_bits; bi <= (i + num - 1) >> s->rb_bits; bi++) {
        if (bi < s->reftable_size && s->reftable[bi]) {
            return false;
        }
    }
    return buf_is_zero(&c->counts[i - c->first], num * sizeof(*c->counts));
}

static int compare_window(Check *c)
{
    uint64_t end = MIN(c->limit, c->first + c->window), step;
    int ret = 0;

    for (uint64_t i = c->first; i < end && ret >= 0; i += step) {
        step = MIN(end - i, 4096);
        if (all_unused(c, i, step)) {
            continue;
        }
        for (uint64_t k = i; k < i + step && ret >= 0; k++) {
            ret = compare_one(c, k, c->counts[k - c->first]);
        }
    }
    return ret;
}

static int check_refcounts(Check *c)
{
    int ret = 0;

    c->telling = true;
    for (c->first = 0; c->first < c->limit && ret >= 0; c->first += c->window) {
        ret = count_window(c);
        c->telling = false;
        if (ret >= 0) {
            ret = compare_window(c);
        }
    }
    return ret;
}

/* Clusters of the file; tables may reach a little beyond what was written. */
static uint64_t end_of_file(const BlockDriverState *bs)
{
    const Qcow2 *s = bs->opaque;

    return (align_up(bs->file->length, s->cluster_size) >> s->cluster_bits) +
           (bs->file->growable ? 1ull << s->rb_bits : 0);
}

/* -- New refcounts ----------------------------------------------------------- */

typedef struct Rebuild {
    uint32_t order;
    uint64_t start, blocks, clusters;   /* of the table */
    uint64_t reach;                     /* clusters per block */
} Rebuild;

static void plan_rebuild(const Qcow2 *s, uint64_t start, uint32_t order, Rebuild *r)
{
    *r = (Rebuild){ order, start, 1, 1, s->cluster_size * 8 >> order };
    for (;;) {
        uint64_t blocks = (start + r->blocks + r->clusters + r->reach - 1) / r->reach;
        uint64_t clusters = (blocks * 8 + s->cluster_size - 1) / s->cluster_size;

        if (blocks <= r->blocks && clusters <= r->clusters) {
            return;
        }
        r->blocks = MAX(blocks, r->blocks);
        r->clusters = MAX(clusters, r->clusters);
    }
}

/* Counts of the window into the new blocks. */
static int store_window(Check *c, const Rebuild *r)
{
    const Qcow2 *s = c->bs->opaque;
    uint64_t chunk = MIN(r->reach, c->window), size = chunk << r->order >> 3;
    uint64_t end = MIN(c->first + c->window, r->blocks * r->reach), max = s->refcount_max;
    uint8_t *buf = xmalloc(size);
    int ret = 0;

    if (r->order != s->refcount_order) {
        max = r->order == 6 ? INT64_MAX : (1ull << (1u << r->order)) - 1;
    }
    for (uint64_t at = c->first; at < end && ret >= 0; at += chunk) {
        uint64_t block = at / r->reach, in_block = at % r->reach << r->order >> 3;

        memset(buf, 0, size);
        for (uint64_t i = 0; i < chunk && ret >= 0; i++) {
            uint64_t n = c->counts[at - c->first + i];

            ret = n > max ? -ERANGE : 0;
            qcow2_count_set(buf, (int)r->order, i, MIN(n, max));
        }
        if (ret >= 0) {
            ret = bdrv_pwrite(c->bs->file, ((r->start + block) << s->cluster_bits) + in_block,
                              buf, size);
        }
    }
    free(buf);
    return ret;
}

static int write_new_table(BlockDriverState *bs, const Rebuild *r, uint64_t **out)
{
    const Qcow2 *s = bs->opaque;
    uint64_t size = r->clusters * s->cluster_size / 8;
    uint8_t *buf = xzalloc(size * 8);

    *out = xcalloc(size, sizeof(**out));
    for (uint64_t i = 0; i < r->blocks; i++) {
        (*out)[i] = (r->start + i) << s->cluster_bits;
        store_be(buf + i * 8, (*out)[i], 8);
    }
    int ret = bdrv_pwrite(bs->file, (r->start + r->blocks) << s->cluster_bits, buf, size * 8);

    free(buf);
    return ret;
}

static int switch_refcounts(BlockDriverState *bs, const Rebuild *r)
{
    Qcow2 *s = bs->opaque;
    uint64_t *table, start = r->start << s->cluster_bits;
    int ret = write_new_table(bs, r, &table);

    if (ret >= 0) {
        ret = bdrv_co_flush(bs->file);
    }
    if (ret < 0) {
        free(table);
        return ret;
    }
    qcow2_cache_drop(&s->l2c, start, r->blocks << s->cluster_bits);
    qcow2_cache_free(&s->rbc);
    qcow2_cache_init(&s->rbc, s->rbc.slice_size, s->rbc.max, false);
    free(s->reftable);
    s->reftable = table;
    s->reftable_size = (uint32_t)(r->clusters * s->cluster_size / 8);
    s->reftable_clusters = (uint32_t)r->clusters;
    s->reftable_offset = start + (r->blocks << s->cluster_bits);
    s->reftable_dirty_from = s->reftable_dirty_to = 0;
    s->refcount_order = r->order;
    s->rb_bits = s->cluster_bits + 3 - r->order;
    s->refcount_max = r->order == 6 ? INT64_MAX : (1ull << (1u << r->order)) - 1;
    s->free_hint = 1;
    s->packed_at = 0;
    qcow2_note_meta(s, start, (r->blocks + r->clusters) << s->cluster_bits);
    return qcow2_switch_header(bs);
}

static int rebuild_windows(Check *c, const Rebuild *r)
{
    const Qcow2 *s = c->bs->opaque;
    int ret = 0;

    c->limit = r->start + r->blocks + r->clusters;
    for (c->first = 0; c->first < r->blocks * r->reach && ret >= 0; c->first += c->window) {
        ret = count_window(c);
        ref(c, r->start << s->cluster_bits, (r->blocks + r->clusters) << s->cluster_bits, "");
        if (ret >= 0) {
            ret = store_window(c, r);
        }
    }
    return ret;
}

int qcow2_rebuild(BlockDriverState *bs, uint32_t order)
{
    Qcow2 *s = bs->opaque;
    BlockCheck res = { .corruptions = 0 };
    Check c = { .bs = bs, .res = &res, .no_refcounts = true, .window = WINDOW,
                .limit = end_of_file(bs) };
    Rebuild r;

    if (!bs->file->growable) {
        return -ENOSPC;
    }
    c.counts = xmalloc(WINDOW * sizeof(*c.counts));
    int ret = count_window(&c);         /* where does the image end? */

    plan_rebuild(s, MAX(s->fresh_from, c.pointed), order, &r);
    if (r.clusters * s->cluster_size > QCOW2_MAX_REFTABLE) {
        ret = -EFBIG;
    }
    if (ret >= 0) {
        s->fresh_from = MAX(s->fresh_from, r.start + r.blocks + r.clusters);
        ret = rebuild_windows(&c, &r);
    }
    free(c.counts);
    return ret < 0 ? ret : switch_refcounts(bs, &r);
}

/* -- COPIED ------------------------------------------------------------------ */

/* What the flag should be for a pointer to host; *bad if it is not. */
static int copied_flag(BlockDriverState *bs, uint64_t e, BlockCheck *res, bool fix,
                       const char *what, bool *bad)
{
    const Qcow2 *s = bs->opaque;
    uint64_t count = 1;
    int ret = qcow2_external(s) && *what == 'd' ? 0
            : qcow2_refcount(bs, (e & QCOW2_OFFSET) >> s->cluster_bits, &count);

    *bad = ret >= 0 && (count == 1) != !!(e & QCOW2_COPIED);
    if (!*bad || !res) {
        return res && !fix ? 0 : ret;   /* a bad block was told already */
    }
    tell(res, "%s OFLAG_COPIED %s: entry=%" PRIx64 " refcount=%" PRIu64,
         fix ? "Repairing" : "ERROR", what, e, count);
    res->corruptions_fixed += fix;
    res->corruptions += !fix;
    return 0;
}

static int check_l2_flags(BlockDriverState *bs, uint64_t l2, BlockCheck *res, bool fix)
{
    Qcow2 *s = bs->opaque;
    uint64_t per = s->l2c.slice_size >> s->entry_bits;
    Slice *slice = NULL;
    int ret = 0;

    for (uint64_t i = 0; i < 1ull << s->l2_bits && ret >= 0; i++) {
        bool bad = false;

        if (i % per == 0) {
            ret = qcow2_cache_get(bs, &s->l2c, l2 + (i << s->entry_bits), &slice);
            if (ret < 0) {
                break;
            }
        }
        uint8_t *p = slice->data + (i % per << s->entry_bits);
        uint64_t e = load_be(p, 8);

        if (e & QCOW2_COMPRESSED || !(e & QCOW2_OFFSET) ||
            (e & QCOW2_OFFSET & (s->cluster_size - 1))) {
            continue;
        }
        ret = copied_flag(bs, e, res, fix, "data cluster", &bad);
        if (bad && fix) {
            store_be(p, e ^ QCOW2_COPIED, 8);
            qcow2_cache_mark(&s->l2c, slice);
        }
    }
    return ret;
}

int qcow2_check_copied(BlockDriverState *bs, BlockCheck *res, bool fix)
{
    Qcow2 *s = bs->opaque;
    uint64_t limit = end_of_file(bs), left = limit;
    int ret = 0;

    for (uint32_t i = 0; i < s->l1_size && ret >= 0 && left; i++) {
        uint64_t l2 = s->l1[i] & QCOW2_OFFSET;
        bool bad;

        if (!l2 || l2 & (s->cluster_size - 1) || l2 >> s->cluster_bits >= limit) {
            continue;
        }
        left--;
        ret = copied_flag(bs, s->l1[i], res, fix, "L2 table", &bad);
        if (bad && fix) {
            s->l1[i] ^= QCOW2_COPIED;
            qcow2_dirty_l1(s, i);
        }
        if (ret >= 0) {
            ret = check_l2_flags(bs, l2, res, fix);
        }
    }
    return ret;
}

/* -- Check ------------------------------------------------------------------- */

typedef struct Alone {
    BlockDriverState *bs;
    int (*fn)(BlockDriverState *bs, void *arg);
    void *arg;
} Alone;

static int run_alone(void *opaque)
{
    const Alone *a = opaque;
    Qcow2 *s = a->bs->opaque;

    co_mutex_lock(&s->lock);
    qcow2_alloc_wait(s, 0, ~0ull);
    int ret = a->bs->read_only || s->broken ? 0 : qcow2_write_back(a->bs, true);

    if (ret >= 0) {
        ret = a->fn(a->bs, a->arg);
    }
    co_mutex_unlock(&s->lock);
    return ret;
}

int qcow2_run_alone(BlockDriverState *bs, int (*fn)(BlockDriverState *bs, void *arg),
                    void *arg)
{
    Alone a = { bs, fn, arg };

    return aio_run_sync(run_alone, &a);
}

static int repair_all(Check *c)
{
    Qcow2 *s = c->bs->opaque;
    uint64_t found = c->res->corruptions;
    int ret = qcow2_rebuild(c->bs, s->refcount_order);

    if (ret < 0) {
        return ret;
    }
    tell(c->res, "The refcounts have been rebuilt");
    /* What is left now is what refcounts cannot mend. */
    c->res->corruptions = c->res->leaks = 0;
    c->rebuild = false;
    c->res->allocated_clusters = c->res->compressed_clusters = 0;
    c->res->fragmented_clusters = c->next_host = 0;
    c->limit = end_of_file(c->bs);
    c->window = MIN(c->limit, WINDOW);
    ret = check_refcounts(c);
    c->res->corruptions_fixed += found - MIN(found, c->res->corruptions);
    return ret;
}

static int finish_repair(Check *c)
{
    Qcow2 *s = c->bs->opaque;
    bool all = c->fix & BDRV_FIX_ERRORS;
    int ret = 0;

    if (all && !c->res->corruptions && !c->res->errors) {
        s->stay_dirty = s->broken = false;
        free(c->bs->note);
        c->bs->note = NULL;
        if (s->incompat & QCOW2_INCOMPAT_CORRUPT) {
            s->incompat &= ~QCOW2_INCOMPAT_CORRUPT;
            ret = qcow2_write_back(c->bs, true);
            if (ret >= 0) {
                ret = qcow2_write_header(c->bs);
            }
            s->incompat |= ret < 0 ? QCOW2_INCOMPAT_CORRUPT : 0;
        }
    }
    return ret < 0 ? ret : qcow2_write_all(c->bs);
}

static int check_alone(BlockDriverState *bs, void *arg)
{
    Check *c = arg;
    const Qcow2 *s = bs->opaque;

    c->limit = end_of_file(bs);
    c->window = MIN(c->limit, WINDOW);
    c->res->total_clusters = align_up(bs->length, s->cluster_size) >> s->cluster_bits;
    int ret = check_refcounts(c);

    if (ret >= 0 && c->rebuild && (c->fix & BDRV_FIX_ERRORS)) {
        ret = repair_all(c);
    }
    if (ret >= 0) {
        ret = qcow2_check_copied(bs, c->res, c->fix & BDRV_FIX_ERRORS);
    }
    c->res->image_end = c->highest << s->cluster_bits;
    return ret < 0 || !c->fix ? ret : finish_repair(c);
}

int qcow2_recount(BlockDriverState *bs)
{
    BlockCheck res = { .corruptions = 0 };
    Check c = { .bs = bs, .res = &res, .fix = BDRV_FIX_LEAKS | BDRV_FIX_ERRORS };
    int ret = qcow2_write_back(bs, true);

    c.counts = xmalloc(WINDOW * sizeof(*c.counts));
    if (ret >= 0) {
        ret = check_alone(bs, &c);
    }
    free(c.counts);
    return ret;
}

int qcow2_check(BlockDriverState *bs, BlockCheck *res, int fix, Error *err)
{
    const Qcow2 *s = bs->opaque;
    Check c = { .bs = bs, .res = res, .fix = bs->read_only ? 0 : fix };

    if (end_of_file(bs) > (uint64_t)WINDOW << 10) {
        return error_set(err, EFBIG, "%s: too many clusters to be checked: %llu of %llu bytes",
                         bs->filename, (unsigned long long)end_of_file(bs),
                         (unsigned long long)s->cluster_size);
    }
    c.counts = malloc(WINDOW * sizeof(*c.counts));
    int ret = c.counts ? qcow2_run_alone(bs, check_alone, &c) : -ENOMEM;

    free(c.counts);
    if (ret < 0) {
        res->errors++;
        return error_set(err, -ret, "%s: cannot be checked: %s", bs->filename, strerror(-ret));
    }
    return 0;
}
