/* SPDX-License-Identifier: MIT */
/*
 * qcow2, versions 2 and 3: disks that grow, with snapshots, backing files and
 * compression.  All numbers are big endian; everything is in clusters.
 *
 *      cluster 0        header -----.----------.-------------.
 *                                   v          v             v
 *               L1 table       refcount table      snapshot table
 *               | l2 | l2 | 0    | block | 0         | id, name, L1 of then |
 *                 |                  |                            |
 *                 v                  v                            v
 *      L2 table | entry | ...      | 1 | 1 | 2 | ...       another L1 table
 *                   |                a count per cluster
 *                   v                of the file
 *      data     | cluster of the disk |
 *
 * An L1 entry covers cluster_size / 8 clusters of the disk (half of that with
 * extended entries).  Snapshots are other L1 tables over the same L2 tables and
 * clusters; what has a count above 1 is copied before it changes.  The state
 * of a machine is stored behind the end of the disk, as if it were part of it.
 *
 * With an external data file, this file has only tables.
 *
 * The documents: the qcow2 specification (docs/interop of its authors), in our
 * words in docs/formats/qcow2.md.
 *
 * Not modelled: encryption (AES, LUKS) and bitmaps.  Encrypted images are
 * refused; bitmaps are kept, and marked out of date by the first writer.
 */
#include "block/qcow2.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/bits.h"
#include "util/mem.h"

enum { L2_CACHE = 32 << 20, REFCOUNT_CACHE = 4 << 20, SLICE = 4096 };

static int qcow2_probe(const uint8_t *head, size_t len, const char *filename)
{
    (void)filename;
    return len >= 8 && load_be(head, 4) == QCOW2_MAGIC && load_be(head + 4, 4) >= 2 ? 100 : 0;
}

uint64_t qcow2_l1_need(const Qcow2 *s, uint64_t size)
{
    unsigned bits = s->l2_bits + s->cluster_bits;

    return (size >> bits) + ((size & ((1ull << bits) - 1)) != 0);
}

uint64_t qcow2_reach(const Qcow2 *s)
{
    return (uint64_t)s->l1_size << (s->l2_bits + s->cluster_bits);
}

/* -- Corruption -------------------------------------------------------------- */

int qcow2_corrupt(BlockDriverState *bs, const char *fmt, ...)
{
    Qcow2 *s = bs->opaque;
    char what[200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    if (s->broken) {
        return -EIO;
    }
    free(bs->note);
    bs->note = xasprintf("%s: corrupt: %s; it is not written to any more: qemu-img check -r all"
                         " may repair it", bs->filename, what);
    if (!bs->read_only) {
        s->broken = true;
        if (s->version >= 3) {
            s->incompat |= QCOW2_INCOMPAT_CORRUPT;
            qcow2_write_header(bs);
        }
    }
    return -EIO;
}

void qcow2_note_meta(Qcow2 *s, uint64_t off, uint64_t len)
{
    uint64_t end = (off + len + s->cluster_size - 1) >> s->cluster_bits;

    for (uint64_t c = off >> s->cluster_bits; c < end; c++) {
        uint64_t bit = c % QCOW2_MAP_BITS;

        s->is_meta[bit / 8] |= (uint8_t)(1u << (bit % 8));
    }
}

static bool meets(uint64_t off, uint64_t len, uint64_t at, uint64_t table_len)
{
    return table_len && off < at + table_len && at < off + len;
}

/* The slow and exact answer: the name of what is there, or NULL. */
static const char *find_meta(const Qcow2 *s, uint64_t off, uint64_t len)
{
    uint64_t size = s->cluster_size;

    if (off < size) {
        return "the header";
    }
    if (meets(off, len, s->l1_offset, s->l1_size * 8ull)) {
        return "the L1 table";
    }
    if (meets(off, len, s->reftable_offset, s->reftable_clusters * size)) {
        return "the refcount table";
    }
    if (s->num_snap && meets(off, len, s->snap_offset, s->snap_len)) {
        return "the snapshot table";
    }
    for (uint32_t i = 0; i < s->num_snap; i++) {
        if (meets(off, len, s->snap[i].l1_offset, s->snap[i].l1_size * 8ull)) {
            return "the L1 table of a snapshot";
        }
    }
    for (uint32_t i = 0; i < s->l1_size; i++) {
        uint64_t l2 = s->l1[i] & QCOW2_OFFSET;

        if (l2 && meets(off, len, l2, size)) {
            return "an L2 table";
        }
    }
    for (uint32_t i = 0; i < s->reftable_size; i++) {
        if (s->reftable[i] && meets(off, len, s->reftable[i], size)) {
            return "a refcount block";
        }
    }
    return NULL;
}

bool qcow2_beyond_file(const BlockDriverState *bs, uint64_t off)
{
    const Qcow2 *s = bs->opaque;
    uint64_t end = MAX(bs->file->length, s->fresh_from << s->cluster_bits);
    uint64_t reach = MAX(1ull << (s->rb_bits + s->cluster_bits), 2ull * QCOW2_MAX_L1);

    return off > end && off - end > reach;
}

int qcow2_check_overlap(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    const Qcow2 *s = bs->opaque;
    bool perhaps = off < s->cluster_size;

    if (qcow2_beyond_file(bs, off)) {
        return qcow2_corrupt(bs, "the cluster at 0x%llx for new data is far beyond the end of"
                             " the file", (unsigned long long)off);
    }

    for (uint64_t c = off >> s->cluster_bits; c <= (off + len - 1) >> s->cluster_bits; c++) {
        uint64_t bit = c % QCOW2_MAP_BITS;

        perhaps |= s->is_meta[bit / 8] >> (bit % 8) & 1;
    }
    const char *what = perhaps ? find_meta(s, off, len) : NULL;

    return what ? qcow2_corrupt(bs, "the cluster at 0x%llx for new data is %s",
                                (unsigned long long)off, what) : 0;
}

static void note_tables(Qcow2 *s)
{
    qcow2_note_meta(s, 0, s->cluster_size);
    qcow2_note_meta(s, s->l1_offset, s->l1_size * 8ull);
    qcow2_note_meta(s, s->reftable_offset, s->reftable_clusters * s->cluster_size);
    qcow2_note_meta(s, s->snap_offset, s->snap_len);
    for (uint32_t i = 0; i < s->num_snap; i++) {
        qcow2_note_meta(s, s->snap[i].l1_offset, s->snap[i].l1_size * 8ull);
    }
    for (uint32_t i = 0; i < s->l1_size; i++) {
        if (s->l1[i] & QCOW2_OFFSET) {
            qcow2_note_meta(s, s->l1[i] & QCOW2_OFFSET, s->cluster_size);
        }
    }
    for (uint32_t i = 0; i < s->reftable_size; i++) {
        if (s->reftable[i]) {
            qcow2_note_meta(s, s->reftable[i], s->cluster_size);
        }
    }
}

/* -- Opening ----------------------------------------------------------------- */

static int read_table(BlockDriverState *bs, uint64_t off, uint64_t num, uint64_t **out,
                      const char *what, Error *err)
{
    uint64_t *t = calloc(num + 1, sizeof(*t));
    int ret = t ? bdrv_pread(bs->file, off, t, num * sizeof(*t)) : -ENOMEM;

    if (ret < 0) {
        free(t);
        return error_set(err, -ret, "%s: the %s cannot be read: %s", bs->filename, what,
                         strerror(-ret));
    }
    for (uint64_t i = 0; i < num; i++) {
        t[i] = load_be(&t[i], 8);
    }
    *out = t;
    return 0;
}

static void free_state(BlockDriverState *bs)
{
    Qcow2 *s = bs->opaque;

    bdrv_delete_child(bs->data_file);
    bs->data_file = NULL;
    for (int i = 0; i < s->num_ext; i++) {
        free(s->ext[i].data);
    }
    qcow2_free_snapshots(s);
    qcow2_cache_free(&s->l2c);
    qcow2_cache_free(&s->rbc);
    free(s->ext);
    free(s->more_header);
    free(s->data_name);
    free(s->l1);
    free(s->reftable);
    free(s->frees);
    free(s->is_meta);
    free(s->unpacked);
    *s = (Qcow2){ .version = 0 };
}

static int open_data_file(BlockDriverState *bs, Error *err)
{
    Qcow2 *s = bs->opaque;

    if (!qcow2_external(s)) {
        s->data = bs->file;
        return 0;
    }
    if (!s->data_name) {
        return error_set(err, EINVAL, "%s: keeps its data in another file, but does not say"
                         " in which", bs->filename);
    }
    int ret = bdrv_open_child(bs, &s->data, s->data_name, NULL, bs->flags, err);

    bs->data_file = s->data;
    return ret < 0 ? error_prefix(err, ret, "data file of %s", bs->filename) : 0;
}

static int read_tables(BlockDriverState *bs, Error *err)
{
    Qcow2 *s = bs->opaque;
    int ret = read_table(bs, s->l1_offset, s->l1_size, &s->l1, "L1 table", err);

    s->reftable_size = (uint32_t)(s->reftable_clusters * s->cluster_size / 8);
    if (ret >= 0) {
        ret = read_table(bs, s->reftable_offset, s->reftable_size, &s->reftable,
                         "refcount table", err);
    }
    for (uint32_t i = 0; ret >= 0 && i < s->reftable_size; i++) {
        s->reftable[i] &= ~511ull;
    }
    return ret < 0 ? ret : qcow2_read_snapshots(bs, err);
}

static void set_up(BlockDriverState *bs)
{
    Qcow2 *s = bs->opaque;
    uint64_t l2_len = qcow2_l1_need(s, bs->length) << s->cluster_bits;
    size_t slice = MIN(s->cluster_size, SLICE);

    qcow2_cache_init(&s->l2c, slice, MIN(l2_len + (1 << 20), L2_CACHE) / slice, true);
    qcow2_cache_init(&s->rbc, slice, REFCOUNT_CACHE / slice, false);
    s->is_meta = xzalloc(QCOW2_MAP_BITS / 8);
    s->vm_state_at = qcow2_l1_need(s, bs->length) << (s->l2_bits + s->cluster_bits);
    s->fresh_from = align_up(bs->file->length, s->cluster_size) >> s->cluster_bits;
    s->free_hint = 1;
    note_tables(s);
}

/* What only a writer does: repair after a crash, features that it drops. */
static int start_writing(void *arg)
{
    BlockDriverState *bs = arg;
    Qcow2 *s = bs->opaque;
    uint64_t keep = QCOW2_AUTOCLEAR_RAW;
    int ret = 0;

    if (s->autoclear & ~keep) {
        s->autoclear &= keep;
        ret = qcow2_write_header(bs);
    }
    return ret;
}

static int repair_dirty(BlockDriverState *bs, Error *err)
{
    Qcow2 *s = bs->opaque;
    BlockCheck res = { .corruptions = 0 };

    if (!(s->incompat & QCOW2_INCOMPAT_DIRTY)) {
        return 0;
    }
    int ret = qcow2_check(bs, &res, BDRV_FIX_LEAKS | BDRV_FIX_ERRORS, err);

    if (ret >= 0 && (res.corruptions || res.errors)) {
        ret = error_set(err, EIO, "%s: was not closed, and cannot be repaired: open it"
                        " read-only, and run qemu-img check", bs->filename);
    }
    return ret;
}

static int check_writable(BlockDriverState *bs, Error *err)
{
    Qcow2 *s = bs->opaque;

    if ((s->incompat & QCOW2_INCOMPAT_CORRUPT) && !(bs->flags & BDRV_O_REPAIR)) {
        return error_set(err, EACCES, "%s: marked as corrupt, not opened for writing: use it"
                         " read-only, or run qemu-img check -r all", bs->filename);
    }
    int ret = aio_run_sync(start_writing, bs);

    if (ret < 0) {
        return error_set(err, -ret, "%s: the header cannot be written: %s", bs->filename,
                         strerror(-ret));
    }
    if (bs->flags & BDRV_O_REPAIR) {    /* whoever asked will check it */
        s->stay_dirty = s->incompat & QCOW2_INCOMPAT_DIRTY;
        return 0;
    }
    return repair_dirty(bs, err);
}

static int qcow2_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    int ret = qcow2_read_header(bs, err);

    (void)opts;
    if (ret >= 0) {
        ret = open_data_file(bs, err);
    }
    if (ret >= 0) {
        ret = read_tables(bs, err);
    }
    if (ret >= 0) {
        set_up(bs);
        ret = bs->read_only ? 0 : check_writable(bs, err);
    }
    if (ret < 0) {
        free_state(bs);
    }
    return ret;
}

static int finish(void *arg)
{
    BlockDriverState *bs = arg;
    Qcow2 *s = bs->opaque;

    co_mutex_lock(&s->lock);
    int ret = qcow2_write_all(bs);

    co_mutex_unlock(&s->lock);
    if (ret >= 0 && bs->file->growable && bs->file->length % BDRV_SECTOR_SIZE) {
        bdrv_truncate(bs->file, align_up(bs->file->length, BDRV_SECTOR_SIZE), NULL);
    }
    return ret;
}

static void qcow2_close(BlockDriverState *bs)
{
    Qcow2 *s = bs->opaque;

    if (!bs->read_only && !s->broken) {
        aio_run_sync(finish, bs);
    }
    free_state(bs);
}

/* -- Flushing ---------------------------------------------------------------- */

static int qcow2_flush_to_os(BlockDriverState *bs)
{
    Qcow2 *s = bs->opaque;

    co_mutex_lock(&s->lock);
    int ret = s->broken ? -EIO : qcow2_write_back(bs, true);

    co_mutex_unlock(&s->lock);
    return ret;
}

static int qcow2_flush_to_disk(BlockDriverState *bs)
{
    const Qcow2 *s = bs->opaque;

    return s->data == bs->file ? 0 : bdrv_co_flush(s->data);
}

/* -- Facts ------------------------------------------------------------------- */

/* A value is cut where the other lines would have no room. */
static void add_line(BlockInfo *info, const char *name, const char *value)
{
    size_t used = strlen(info->specific), room = sizeof(info->specific);
    char *w = info->specific + used, *limit = info->specific + room - 2;

    w += snprintf(w, room - used, "%s%s: ", used ? "\n" : "", name);
    for (const char *end = MIN(w + room - 1024, limit); *value && w < end; value++) {
        *w++ = *value;
        if (*value == '\n') {
            *w++ = '\t';
        }
    }
    *w = 0;
}

static void add_bool(BlockInfo *info, const char *name, bool value)
{
    add_line(info, name, value ? "true" : "false");
}

static int qcow2_info(BlockDriverState *bs, BlockInfo *info)
{
    const Qcow2 *s = bs->opaque;
    char bits[16];

    info->cluster_size = s->cluster_size;
    info->vm_state_offset = s->vm_state_at;
    info->dirty = s->incompat & QCOW2_INCOMPAT_DIRTY;
    info->corrupt = s->incompat & QCOW2_INCOMPAT_CORRUPT;
    snprintf(bits, sizeof(bits), "%u", 1u << s->refcount_order);
    add_line(info, "compat", s->version < 3 ? "0.10" : "1.1");
    add_line(info, "compression type", qcow2_compression_name(s->compression));
    if (s->version < 3) {
        add_line(info, "refcount bits", bits);
        return 0;
    }
    add_bool(info, "lazy refcounts", qcow2_lazy(s));
    add_line(info, "refcount bits", bits);
    if (qcow2_external(s)) {
        add_line(info, "data file", s->data_name);
        add_bool(info, "data file raw", qcow2_raw_data(s));
    }
    add_bool(info, "corrupt", info->corrupt);
    add_bool(info, "extended l2", qcow2_subs(s));
    return 0;
}

static int64_t qcow2_allocated_size(BlockDriverState *bs)
{
    const Qcow2 *s = bs->opaque;
    int64_t n = bs->file->drv->allocated_size ? bs->file->drv->allocated_size(bs->file)
                                              : -ENOTSUP;

    if (n >= 0 && s->data != bs->file && s->data->drv->allocated_size) {
        n += MAX(s->data->drv->allocated_size(s->data), 0);
    }
    return n;
}

const BlockDriver bdrv_qcow2 = {
    .name = "qcow2",
    .state_size = sizeof(Qcow2),
    .create_opts = qcow2_create_opts,
    .supports_backing = true,
    .for_users = true,
    .probe = qcow2_probe,
    .open = qcow2_open,
    .close = qcow2_close,
    .create = qcow2_create,
    .co_preadv = qcow2_co_preadv,
    .co_pwritev = qcow2_co_pwritev,
    .co_write_zeroes = qcow2_co_write_zeroes,
    .co_discard = qcow2_co_discard,
    .co_flush_to_os = qcow2_flush_to_os,
    .co_flush_to_disk = qcow2_flush_to_disk,
    .co_block_status = qcow2_co_block_status,
    .co_truncate = qcow2_co_truncate,
    .co_preallocate = qcow2_co_preallocate,
    .co_write_compressed = qcow2_co_write_compressed,
    .allocated_size = qcow2_allocated_size,
    .info = qcow2_info,
    .check = qcow2_check,
    .make_empty = qcow2_make_empty,
    .change_backing = qcow2_change_backing,
    .amend_opts = qcow2_amend_opts,
    .amend = qcow2_amend,
    .measure = qcow2_measure,
    .snapshot_create = qcow2_snapshot_create,
    .snapshot_goto = qcow2_snapshot_goto,
    .snapshot_delete = qcow2_snapshot_delete,
    .snapshot_load = qcow2_snapshot_load,
    .snapshot_list = qcow2_snapshot_list,
    .save_vmstate = qcow2_save_vmstate,
    .load_vmstate = qcow2_load_vmstate,
};
