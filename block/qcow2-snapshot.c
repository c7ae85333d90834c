/* SPDX-License-Identifier: MIT */
/*
 * qcow2: internal snapshots.
 *
 *      table   | L1 offset, entries | id, name lengths | date | clock | VM state size
 *              | extra: VM state size (64 bits), disk size, icount | id | name | pad
 *
 *      before       L1 --> L2 (1) --> data (1)
 *      create       L1 --> L2 (2) --> data (2) <-- all of it, once more
 *                          ^
 *      snapshot     L1' ---'
 *
 * Every L2 table and every cluster counts once for each L1 table that reaches
 * it.  Flags (COPIED) and counts cannot change at once, so version 3 images are
 * marked dirty meanwhile: who opens one after a crash makes both agree.  The
 * snapshot itself is there, or gone, with one write of the header.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block/qcow2.h"
#include "util/bits.h"
#include "util/mem.h"

enum { ENTRY = 40, KNOWN_EXTRA = 24, MAX_EXTRA = 1024 };

/* All L1 tables of snapshots together: more is no honest image. */
#define MAX_ALL_L1 (2ull << 30)

/* -- The table --------------------------------------------------------------- */

static void free_snapshot(Qcow2Snapshot *sn)
{
    free(sn->id);
    free(sn->name);
    free(sn->more);
}

void qcow2_free_snapshots(Qcow2 *s)
{
    for (uint32_t i = 0; s->snap && i < s->num_snap; i++) {
        free_snapshot(&s->snap[i]);
    }
    free(s->snap);
    s->snap = NULL;
}

/* What lies behind the fixed part of an entry. */
static int read_variable(BlockDriverState *bs, uint64_t at, Qcow2Snapshot *sn,
                         uint32_t id_len, uint32_t name_len)
{
    uint8_t *buf = xmalloc(sn->extra_len + id_len + name_len + 1);
    int ret = bdrv_pread(bs->file, at, buf, sn->extra_len + id_len + name_len);

    if (ret >= 0) {
        if (sn->extra_len >= 8) {
            sn->vm_state_size = load_be(buf, 8);
        }
        sn->disk_size = sn->extra_len >= 16 ? load_be(buf + 8, 8) : 0;
        sn->icount = sn->extra_len >= 24 ? load_be(buf + 16, 8) : ~0ull;
        if (sn->extra_len > KNOWN_EXTRA) {
            sn->more_len = sn->extra_len - KNOWN_EXTRA;
            sn->more = memcpy(xmalloc(sn->more_len), buf + KNOWN_EXTRA, sn->more_len);
        }
        sn->id = xstrndup((char *)buf + sn->extra_len, id_len);
        sn->name = xstrndup((char *)buf + sn->extra_len + id_len, name_len);
    }
    free(buf);
    return ret;
}

static int check_snapshot(BlockDriverState *bs, const Qcow2Snapshot *sn, uint64_t *all,
                          Error *err)
{
    const Qcow2 *s = bs->opaque;
    uint64_t len = sn->l1_size * 8ull, have = align_up(bs->file->length, s->cluster_size);

    *all += len;
    if (len > QCOW2_MAX_L1 || *all > MAX_ALL_L1) {
        return error_set(err, EFBIG, "%s: snapshot %.60s: its L1 table is too large",
                         bs->filename, sn->name);
    }
    if (len && (sn->l1_offset % s->cluster_size || sn->l1_offset > have ||
                len > have - sn->l1_offset)) {
        return error_set(err, EINVAL, "%s: snapshot %.60s: its L1 table is not on clusters of"
                         " the file", bs->filename, sn->name);
    }
    return 0;
}

/* One entry at *at, which moves behind it. */
static int read_snapshot(BlockDriverState *bs, uint64_t *at, Qcow2Snapshot *sn, Error *err)
{
    uint8_t p[ENTRY];
    int ret = bdrv_pread(bs->file, *at, p, ENTRY);

    if (ret >= 0) {
        uint32_t id_len = (uint32_t)load_be(p + 12, 2), name_len = (uint32_t)load_be(p + 14, 2);

        *sn = (Qcow2Snapshot){ .l1_offset = load_be(p, 8),
                               .l1_size = (uint32_t)load_be(p + 8, 4),
                               .date_sec = (uint32_t)load_be(p + 16, 4),
                               .date_nsec = (uint32_t)load_be(p + 20, 4),
                               .vm_clock_ns = load_be(p + 24, 8),
                               .vm_state_size = load_be(p + 32, 4),
                               .extra_len = (uint32_t)load_be(p + 36, 4) };
        if (sn->extra_len > MAX_EXTRA) {
            return error_set(err, EFBIG, "%s: a snapshot has too much extra data (%u bytes)",
                             bs->filename, sn->extra_len);
        }
        ret = read_variable(bs, *at + ENTRY, sn, id_len, name_len);
        *at += align_up(ENTRY + sn->extra_len + id_len + name_len, 8);
    }
    return ret < 0 ? error_set(err, -ret, "%s: the snapshots cannot be read: %s", bs->filename,
                               strerror(-ret)) : 0;
}

int qcow2_read_snapshots(BlockDriverState *bs, Error *err)
{
    Qcow2 *s = bs->opaque;
    uint64_t at = s->snap_offset, all = 0;
    uint32_t num = s->num_snap;
    int ret = 0;

    s->num_snap = 0;
    if (num && at % s->cluster_size) {
        return error_set(err, EINVAL, "%s: the snapshot table is not on a cluster",
                         bs->filename);
    }
    if (num && (at >= bs->file->length || (bs->file->length - at) / ENTRY < num)) {
        return error_set(err, EINVAL, "%s: the snapshot table is beyond the end of the file",
                         bs->filename);
    }
    s->snap = xcalloc(num + 1, sizeof(*s->snap));
    while (s->num_snap < num && ret >= 0) {
        Qcow2Snapshot *sn = &s->snap[s->num_snap];

        ret = read_snapshot(bs, &at, sn, err);
        if (ret >= 0) {
            s->num_snap++;
            ret = check_snapshot(bs, sn, &all, err);
        }
        if (ret >= 0 && at - s->snap_offset > QCOW2_MAX_SNAPSHOT_TABLE) {
            ret = error_set(err, EFBIG, "%s: the snapshot table is too large", bs->filename);
        }
    }
    s->snap_len = num ? at - s->snap_offset : 0;
    return ret;
}

static uint64_t entry_len(const Qcow2Snapshot *sn)
{
    return align_up(ENTRY + KNOWN_EXTRA + sn->more_len + strlen(sn->id) + strlen(sn->name), 8);
}

static uint8_t *encode(uint8_t *p, const Qcow2Snapshot *sn)
{
    size_t id_len = strlen(sn->id), name_len = strlen(sn->name);
    uint8_t *v = p + ENTRY;

    store_be(p, sn->l1_offset, 8);
    store_be(p + 8, sn->l1_size, 4);
    store_be(p + 12, id_len, 2);
    store_be(p + 14, name_len, 2);
    store_be(p + 16, sn->date_sec, 4);
    store_be(p + 20, sn->date_nsec, 4);
    store_be(p + 24, sn->vm_clock_ns, 8);
    store_be(p + 32, sn->vm_state_size > UINT32_MAX ? 0 : sn->vm_state_size, 4);
    store_be(p + 36, KNOWN_EXTRA + sn->more_len, 4);
    store_be(v, sn->vm_state_size, 8);
    store_be(v + 8, sn->disk_size, 8);
    store_be(v + 16, sn->icount, 8);
    if (sn->more_len) {
        memcpy(v + KNOWN_EXTRA, sn->more, sn->more_len);
    }
    v += KNOWN_EXTRA + sn->more_len;
    memcpy(v, sn->id, id_len);
    memcpy(v + id_len, sn->name, name_len);
    return p + entry_len(sn);
}

/* In new clusters, not yet pointed to. */
static int write_list(BlockDriverState *bs, const Qcow2Snapshot *list, uint32_t num,
                      uint64_t *at, uint64_t len)
{
    const Qcow2 *s = bs->opaque;
    bool fresh;
    int64_t got = qcow2_alloc(bs, (len + s->cluster_size - 1) >> s->cluster_bits, true, at,
                              &fresh);

    if (got < 0) {
        return (int)got;
    }
    uint8_t *buf = xzalloc(len), *p = buf;

    for (uint32_t i = 0; i < num; i++) {
        p = encode(p, &list[i]);
    }
    int ret = bdrv_pwrite(bs->file, *at, buf, len);

    free(buf);
    return ret;
}

/* The header points to the table of these from now on, or as before. */
static int point_to_list(BlockDriverState *bs, uint32_t num, uint64_t at, uint64_t len)
{
    Qcow2 *s = bs->opaque;
    uint64_t old_at = s->snap_offset, old_len = s->snap_len;
    uint32_t old_num = s->num_snap;
    int ret = qcow2_write_back(bs, false);

    if (ret >= 0) {
        s->snap_offset = at;
        s->snap_len = len;
        s->num_snap = num;
        ret = qcow2_write_header(bs);
    }
    if (ret < 0) {
        s->snap_offset = old_at;
        s->snap_len = old_len;
        s->num_snap = old_num;
        return ret;
    }
    qcow2_note_meta(s, at, len);
    qcow2_free_unused(bs, old_at, old_len);
    return 0;
}

/* The table of these, in the place of the present one. */
static int write_snapshots(BlockDriverState *bs, const Qcow2Snapshot *list, uint32_t num)
{
    uint64_t len = 0, at = 0;

    for (uint32_t i = 0; i < num; i++) {
        len += entry_len(&list[i]);
    }
    if (len > QCOW2_MAX_SNAPSHOT_TABLE || num > QCOW2_MAX_SNAPSHOTS) {
        return -EFBIG;
    }
    int ret = len ? write_list(bs, list, num, &at, len) : 0;

    return ret < 0 ? ret : point_to_list(bs, num, at, len);
}

int qcow2_size_snapshots(BlockDriverState *bs, void *unused)
{
    Qcow2 *s = bs->opaque;
    bool changed = false;

    (void)unused;
    for (uint32_t i = 0; i < s->num_snap; i++) {
        if (s->snap[i].extra_len < 16) {
            s->snap[i].disk_size = bs->length;
            changed = true;
        }
    }
    return changed ? write_snapshots(bs, s->snap, s->num_snap) : 0;
}

/* -- Counts ------------------------------------------------------------------ */

static int count_packed(BlockDriverState *bs, uint64_t e, int delta)
{
    Qcow2 *s = bs->opaque;
    uint64_t off, len;

    qcow2_packed_range(s, e, &off, &len);
    if (delta > 0) {
        return qcow2_add_refcount(bs, off, len, delta);
    }
    qcow2_free_later(s, off, len);
    return 0;
}

static int count_cluster(BlockDriverState *bs, uint64_t host, int delta)
{
    Qcow2 *s = bs->opaque;

    if (host & (s->cluster_size - 1)) {
        return qcow2_corrupt(bs, "an entry points to 0x%llx, not a cluster",
                             (unsigned long long)host);
    }
    if (delta > 0) {
        return qcow2_add_refcount(bs, host, s->cluster_size, delta);
    }
    qcow2_free_later(s, host, s->cluster_size);
    return 0;
}

static int count_table(BlockDriverState *bs, uint64_t l2, int delta)
{
    Qcow2 *s = bs->opaque;
    uint8_t *table = xmalloc(s->cluster_size);
    int ret = qcow2_read_l2(bs, l2, table);

    for (uint64_t i = 0; ret >= 0 && i < 1ull << s->l2_bits; i++) {
        uint64_t e = load_be(table + (i << s->entry_bits), 8);

        if (e & QCOW2_COMPRESSED) {
            ret = count_packed(bs, e, delta);
        } else if (e & QCOW2_OFFSET) {
            ret = count_cluster(bs, e & QCOW2_OFFSET, delta);
        }
    }
    free(table);
    return ret < 0 ? ret : count_cluster(bs, l2, delta);
}

/* Everything an L1 table reaches, once more (delta 1) or less (-1). */
static int count_tree(BlockDriverState *bs, const uint64_t *l1, uint32_t size, int delta)
{
    int ret = 0;

    for (uint32_t i = 0; i < size && ret >= 0; i++) {
        if (l1[i] & QCOW2_OFFSET) {
            ret = count_table(bs, l1[i] & QCOW2_OFFSET, delta);
            ret = ret < 0 ? ret : qcow2_limit_frees(bs);
        }
    }
    return ret;
}

/* -- Steps ------------------------------------------------------------------- */

static int read_l1(BlockDriverState *bs, const Qcow2Snapshot *sn, uint32_t size, uint64_t **l1)
{
    *l1 = calloc(size + 1ull, sizeof(**l1));
    int ret = *l1 ? bdrv_pread(bs->file, sn->l1_offset, *l1, sn->l1_size * 8ull) : -ENOMEM;

    for (uint32_t i = 0; ret >= 0 && i < sn->l1_size; i++) {
        (*l1)[i] = load_be(&(*l1)[i], 8) & ~QCOW2_COPIED;
    }
    if (ret < 0) {
        free(*l1);
        *l1 = NULL;
    }
    return ret;
}

/* A copy of an L1 table in new clusters, not yet pointed to. */
static int write_l1(BlockDriverState *bs, const uint64_t *l1, uint32_t size, uint64_t *at)
{
    Qcow2 *s = bs->opaque;
    uint64_t len = align_up(size * 8ull, s->cluster_size);
    bool fresh;

    *at = 0;
    if (!size) {
        return 0;
    }
    int64_t got = qcow2_alloc(bs, len >> s->cluster_bits, true, at, &fresh);

    if (got < 0) {
        return (int)got;
    }
    uint8_t *buf = calloc(1, len);
    int ret = buf ? 0 : -ENOMEM;

    for (uint32_t i = 0; buf && i < size; i++) {
        store_be(buf + i * 8ull, l1[i] & ~QCOW2_COPIED, 8);
    }
    if (ret >= 0) {
        ret = bdrv_pwrite(bs->file, *at, buf, len);
        qcow2_note_meta(s, *at, len);
    }
    free(buf);
    return ret;
}

static Qcow2Snapshot *find(const Qcow2 *s, const char *id)
{
    for (uint32_t i = 0; i < s->num_snap; i++) {
        if (strcmp(s->snap[i].id, id) == 0) {
            return &s->snap[i];
        }
    }
    for (uint32_t i = 0; i < s->num_snap; i++) {
        if (strcmp(s->snap[i].name, id) == 0) {
            return &s->snap[i];
        }
    }
    return NULL;
}

static int begin_change(BlockDriverState *bs)
{
    Qcow2 *s = bs->opaque;

    if (s->broken) {
        return -EIO;
    }
    qcow2_wait_users(s);
    int ret = qcow2_set_dirty(bs, true);

    s->stay_dirty |= ret >= 0;
    return ret;
}

/* Flags as the counts are, and all of it safe. */
static int end_change(BlockDriverState *bs)
{
    Qcow2 *s = bs->opaque;
    int ret = qcow2_write_back(bs, true);

    if (ret >= 0) {
        ret = qcow2_check_copied(bs, NULL, true);
    }
    s->stay_dirty = ret < 0;
    return ret < 0 ? ret : qcow2_write_all(bs);
}

typedef struct Change {
    int (*fn)(BlockDriverState *bs, void *arg);
    void *arg;
} Change;

/* After an error, counts and flags are as the tables say, if that can be written. */
static int change_alone(BlockDriverState *bs, void *arg)
{
    const Qcow2 *s = bs->opaque;
    const Change *c = arg;
    int ret = begin_change(bs);

    if (ret < 0) {
        return ret;
    }
    ret = c->fn(bs, c->arg);
    if (ret >= 0) {
        ret = end_change(bs);
    }
    if (ret < 0 && !s->broken) {
        qcow2_recount(bs);
    }
    bs->write_gen++;
    return ret;
}

static int change(BlockDriverState *bs, int (*fn)(BlockDriverState *bs, void *arg), void *arg)
{
    return qcow2_run_alone(bs, change_alone, &(Change){ fn, arg });
}

/* -- Create ------------------------------------------------------------------ */

static uint64_t next_id(const Qcow2 *s)
{
    uint64_t max = 0;

    for (uint32_t i = 0; i < s->num_snap; i++) {
        uint64_t n = strtoull(s->snap[i].id, NULL, 10);

        max = MAX(max, n);
    }
    return max + 1;
}

static void describe(const BlockDriverState *bs, const BlockSnapshot *in, uint64_t l1_at,
                     Qcow2Snapshot *sn)
{
    const Qcow2 *s = bs->opaque;

    *sn = (Qcow2Snapshot){ .l1_offset = l1_at, .l1_size = s->l1_size,
                           .date_sec = (uint32_t)in->date_sec, .date_nsec = in->date_nsec,
                           .vm_clock_ns = in->vm_clock_ns, .vm_state_size = in->vm_state_size,
                           .disk_size = bs->length, .icount = in->icount,
                           .id = xstrdup(in->id), .name = xstrdup(in->name) };
}

static int add_snapshot(BlockDriverState *bs, const Qcow2Snapshot *sn)
{
    Qcow2 *s = bs->opaque;
    Qcow2Snapshot *list = xcalloc(s->num_snap + 1, sizeof(*list));

    memcpy(list, s->snap, s->num_snap * sizeof(*list));
    list[s->num_snap] = *sn;
    int ret = write_snapshots(bs, list, s->num_snap + 1);

    if (ret < 0) {
        free(list);
        return ret;
    }
    free(s->snap);
    s->snap = list;
    return 0;
}

/* Everything counts once more and is not written in place; a copy of the L1 table. */
static int share_all(BlockDriverState *bs, uint64_t *l1_at)
{
    Qcow2 *s = bs->opaque;
    int ret = count_tree(bs, s->l1, s->l1_size, 1);

    if (ret >= 0) {
        ret = qcow2_check_copied(bs, NULL, true);
    }
    if (ret >= 0) {
        qcow2_wait_users(s);            /* who had begun to write in place */
        ret = qcow2_write_back(bs, false);
    }
    return ret < 0 ? ret : write_l1(bs, s->l1, s->l1_size, l1_at);
}

static int create_it(BlockDriverState *bs, void *arg)
{
    Qcow2 *s = bs->opaque;
    BlockSnapshot *in = arg;
    Qcow2Snapshot sn;
    uint64_t at;
    int ret = share_all(bs, &at);

    if (ret < 0) {
        return ret;
    }
    snprintf(in->id, sizeof(in->id), "%llu", (unsigned long long)next_id(s));
    describe(bs, in, at, &sn);
    ret = add_snapshot(bs, &sn);
    if (ret < 0) {
        free_snapshot(&sn);
        return ret;
    }
    return qcow2_clear_locked(bs, s->vm_state_at, qcow2_reach(s), Q_CLEAR_HOLE);
}

static int explain(BlockDriverState *bs, Error *err, int ret, const char *what)
{
    const Qcow2 *s = bs->opaque;

    if (ret == -ERANGE) {
        return error_set(err, ERANGE, "%s: refcounts of %u bits cannot count one more snapshot:"
                         " amend it to more refcount_bits", bs->filename,
                         1u << s->refcount_order);
    }
    return error_set(err, -ret, "%s: the snapshot cannot be %s: %s", bs->filename, what,
                     strerror(-ret));
}

static int refuse(BlockDriverState *bs, Error *err)
{
    const Qcow2 *s = bs->opaque;

    if (bs->read_only) {
        return error_set(err, EROFS, "%s: open for reading only", bs->filename);
    }
    return qcow2_external(s) ? error_set(err, ENOTSUP, "%s: an image with an external data file"
                                         " has no internal snapshots", bs->filename) : 0;
}

int qcow2_snapshot_create(BlockDriverState *bs, BlockSnapshot *sn, Error *err)
{
    const Qcow2 *s = bs->opaque;
    int ret = refuse(bs, err);

    if (ret < 0) {
        return ret;
    }
    if (s->num_snap >= QCOW2_MAX_SNAPSHOTS) {
        return error_set(err, EFBIG, "%s: has %d snapshots already, delete some", bs->filename,
                         QCOW2_MAX_SNAPSHOTS);
    }
    ret = s->refcount_max == 1 ? -ERANGE : change(bs, create_it, sn);
    return ret < 0 ? explain(bs, err, ret, "made") : 0;
}

/* -- Go back ----------------------------------------------------------------- */

/* The header points to this L1 table; the old one is let go. */
static int switch_l1(BlockDriverState *bs, uint64_t *l1, uint32_t size, uint64_t at,
                     uint64_t length)
{
    Qcow2 *s = bs->opaque;
    uint64_t *old = s->l1, old_at = s->l1_offset;
    uint32_t old_size = s->l1_size;
    int ret = qcow2_write_back(bs, false);

    if (ret >= 0) {
        ret = bdrv_co_flush(bs->file);
    }
    if (ret < 0) {
        return ret;
    }
    s->l1 = l1;
    s->l1_size = size;
    s->l1_offset = at;
    s->l1_dirty_from = s->l1_dirty_to = 0;
    s->unpacked_entry = 0;
    bs->length = length;
    s->vm_state_at = qcow2_l1_need(s, length) << (s->l2_bits + s->cluster_bits);
    ret = qcow2_switch_header(bs);
    if (ret >= 0) {
        ret = count_tree(bs, old, old_size, -1);
    }
    if (ret >= 0) {
        ret = qcow2_add_refcount(bs, old_at, old_size * 8ull, -1);
    }
    free(old);
    return ret;
}

static int go_to(BlockDriverState *bs, void *arg)
{
    const Qcow2 *s = bs->opaque;
    const Qcow2Snapshot *sn = arg;
    uint64_t length = sn->disk_size ? sn->disk_size : bs->length, at;
    uint64_t need = MAX(sn->l1_size, qcow2_l1_need(s, length)), *l1;

    if (length > INT64_MAX - (1ull << 40) || need > QCOW2_MAX_L1 / 8) {
        return -EFBIG;
    }
    int ret = read_l1(bs, sn, (uint32_t)need, &l1);

    if (ret < 0) {
        return ret;
    }
    ret = count_tree(bs, l1, sn->l1_size, 1);
    if (ret >= 0) {
        ret = write_l1(bs, l1, (uint32_t)need, &at);
    }
    if (ret >= 0) {
        ret = switch_l1(bs, l1, (uint32_t)need, at, length);
    }
    if (s->l1 != l1) {
        free(l1);
    }
    return ret;
}

int qcow2_snapshot_goto(BlockDriverState *bs, const char *id, Error *err)
{
    Qcow2Snapshot *sn = find(bs->opaque, id);
    int ret = refuse(bs, err);

    if (ret < 0) {
        return ret;
    }
    if (!sn) {
        return error_set(err, ENOENT, "%s: has no snapshot %s", bs->filename, id);
    }
    ret = change(bs, go_to, sn);
    return ret < 0 ? explain(bs, err, ret, "gone back to") : 0;
}

/* -- Look -------------------------------------------------------------------- */

int qcow2_snapshot_load(BlockDriverState *bs, const char *id, Error *err)
{
    Qcow2 *s = bs->opaque;
    const Qcow2Snapshot *sn = find(s, id);
    uint64_t *l1;

    if (!sn) {
        return error_set(err, ENOENT, "%s: has no snapshot %s", bs->filename, id);
    }
    uint64_t length = sn->disk_size ? sn->disk_size : bs->length;

    if (!bs->read_only || length > INT64_MAX - (1ull << 40) ||
        qcow2_l1_need(s, length) > QCOW2_MAX_L1 / 8) {
        return error_set(err, EINVAL, "%s: snapshot %s cannot be shown", bs->filename, id);
    }
    uint32_t need = (uint32_t)MAX(sn->l1_size, qcow2_l1_need(s, length));
    int ret = read_l1(bs, sn, need, &l1);

    if (ret < 0) {
        return explain(bs, err, ret, "read");
    }
    free(s->l1);
    s->l1 = l1;
    s->l1_size = need;
    s->unpacked_entry = 0;
    bs->length = length;
    s->vm_state_at = qcow2_l1_need(s, length) << (s->l2_bits + s->cluster_bits);
    return 0;
}

/* -- Delete ------------------------------------------------------------------ */

static int remove_snapshot(BlockDriverState *bs, uint32_t i)
{
    Qcow2 *s = bs->opaque;
    Qcow2Snapshot *list = xcalloc(s->num_snap, sizeof(*list));

    memcpy(list, s->snap, i * sizeof(*list));
    memcpy(list + i, s->snap + i + 1, (s->num_snap - i - 1) * sizeof(*list));
    int ret = write_snapshots(bs, list, s->num_snap - 1);

    if (ret < 0) {
        free(list);
        return ret;
    }
    free(s->snap);
    s->snap = list;
    return 0;
}

static int delete_it(BlockDriverState *bs, void *arg)
{
    const Qcow2 *s = bs->opaque;
    uint32_t i = (uint32_t)((Qcow2Snapshot *)arg - s->snap);
    Qcow2Snapshot gone = s->snap[i];
    uint64_t *l1;
    int ret = read_l1(bs, &gone, gone.l1_size, &l1);

    if (ret < 0) {
        return ret;
    }
    ret = remove_snapshot(bs, i);
    if (ret >= 0) {
        ret = count_tree(bs, l1, gone.l1_size, -1);
        if (ret >= 0) {
            ret = qcow2_add_refcount(bs, gone.l1_offset, gone.l1_size * 8ull, -1);
        }
        free_snapshot(&gone);
    }
    free(l1);
    return ret;
}

int qcow2_snapshot_delete(BlockDriverState *bs, const char *id, Error *err)
{
    Qcow2Snapshot *sn = find(bs->opaque, id);
    int ret = refuse(bs, err);

    if (ret < 0) {
        return ret;
    }
    if (!sn) {
        return error_set(err, ENOENT, "%s: has no snapshot %s", bs->filename, id);
    }
    ret = change(bs, delete_it, sn);
    return ret < 0 ? explain(bs, err, ret, "deleted") : 0;
}

int qcow2_snapshot_list(BlockDriverState *bs, BlockSnapshot **list, Error *err)
{
    const Qcow2 *s = bs->opaque;

    (void)err;
    *list = xcalloc(s->num_snap + 1, sizeof(**list));
    for (uint32_t i = 0; i < s->num_snap; i++) {
        const Qcow2Snapshot *sn = &s->snap[i];
        BlockSnapshot *out = &(*list)[i];

        *out = (BlockSnapshot){ .vm_state_size = sn->vm_state_size, .date_sec = sn->date_sec,
                                .date_nsec = sn->date_nsec, .vm_clock_ns = sn->vm_clock_ns,
                                .icount = sn->icount, .disk_size = sn->disk_size };
        snprintf(out->id, sizeof(out->id), "%s", sn->id);
        snprintf(out->name, sizeof(out->name), "%s", sn->name);
    }
    return (int)s->num_snap;
}

/* -- The machine's state ----------------------------------------------------- */

typedef struct VmState { BlockDriverState *bs; uint64_t off; void *buf; size_t len; } VmState;

static int write_state(void *arg)
{
    const VmState *v = arg;
    const Qcow2 *s = v->bs->opaque;
    struct iovec one;
    QEMUIOVector q;

    iov_init_buf(&q, &one, v->buf, v->len);
    int ret = qcow2_co_pwritev(v->bs, s->vm_state_at + v->off, v->len, &q, 0);

    v->bs->write_gen++;
    return ret;
}

static int read_state(void *arg)
{
    const VmState *v = arg;
    const Qcow2 *s = v->bs->opaque;
    struct iovec one;
    QEMUIOVector q;

    iov_init_buf(&q, &one, v->buf, v->len);
    return qcow2_co_preadv(v->bs, s->vm_state_at + v->off, v->len, &q, 0);
}

static bool out_of_reach(const BlockDriverState *bs, uint64_t off, size_t len)
{
    const Qcow2 *s = bs->opaque;
    uint64_t max = (uint64_t)QCOW2_MAX_L1 / 8 << (s->l2_bits + s->cluster_bits);

    return off > max || len > max - off || s->vm_state_at > max - off - len;
}

int qcow2_save_vmstate(BlockDriverState *bs, uint64_t off, const void *buf, size_t len)
{
    VmState v = { bs, off, (void *)(uintptr_t)buf, len };

    if (bs->read_only || qcow2_external(bs->opaque)) {
        return bs->read_only ? -EROFS : -ENOTSUP;
    }
    return out_of_reach(bs, off, len) ? -EFBIG : aio_run_sync(write_state, &v);
}

int qcow2_load_vmstate(BlockDriverState *bs, uint64_t off, void *buf, size_t len)
{
    VmState v = { bs, off, buf, len };

    return out_of_reach(bs, off, len) ? -EFBIG : aio_run_sync(read_state, &v);
}
