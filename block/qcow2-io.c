/* SPDX-License-Identifier: MIT */
/*
 * qcow2: requests, cut into runs of one kind.
 *
 *      read   | data | zeroes | hole | packed |     parts go on side by side
 *
 *      write  |    in place    |   new clusters   |
 *                     head ----+--- data --- tail       one write to the file,
 *                     (filled from what was there)      then the entries
 *
 * New clusters at the end of the file, where nothing was ever written, read as
 * zeroes: their heads and tails are not written if they shall be zeroes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/qcow2.h"
#include "util/bits.h"
#include "util/mem.h"

enum { MAX_PARTS = 8, ZERO_CHUNK = 1 << 20 };

/* -- Parts of a request ------------------------------------------------------ */

typedef struct Part {
    Qcow2Group *g;
    int (*fn)(void *arg);
    void *arg;
} Part;

static void part_entry(void *opaque)
{
    Part *p = opaque;
    Qcow2Group *g = p->g;
    int ret = p->fn(p->arg);

    free(p->arg);
    free(p);
    g->running--;
    g->ret = ret < 0 && g->ret >= 0 ? ret : g->ret;
    if (g->waiter) {
        Coroutine *co = g->waiter;

        g->waiter = NULL;
        coroutine_wake(co);
    }
}

static void wait_below(Qcow2Group *g, int max)
{
    while (g->running >= max) {
        g->waiter = coroutine_self();
        coroutine_yield();
    }
}

void qcow2_group_add(Qcow2Group *g, int max, int (*fn)(void *arg), const void *arg,
                     size_t size)
{
    Part *p = xmalloc(sizeof(*p));

    *p = (Part){ g, fn, memcpy(xmalloc(size), arg, size) };
    g->running++;
    coroutine_enter(coroutine_create(part_entry, p));
    wait_below(g, max);
}

int qcow2_group_wait(Qcow2Group *g)
{
    wait_below(g, 1);
    return g->ret;
}

/* -- Reading ----------------------------------------------------------------- */

typedef struct Read {
    BlockDriverState *bs;
    uint64_t off;
    Qcow2Run run;
    const QEMUIOVector *qiov;
    size_t at;
} Read;

static int read_packed(const Read *r)
{
    BlockDriverState *bs = r->bs;
    Qcow2 *s = bs->opaque;
    uint64_t skip = r->off & (s->cluster_size - 1);
    struct iovec one;
    size_t covered;

    if (s->unpacked_entry == r->run.entry && s->unpacked) {
        iov_from_buf(r->qiov, r->at, s->unpacked + skip, r->run.len);
        return 0;
    }
    iov_slice(r->qiov, r->at, r->run.len, &one, 1, &covered);
    if (covered == s->cluster_size) {   /* straight to where it is wanted */
        return qcow2_unpack(bs, r->run.entry, one.iov_base);
    }
    uint8_t *buf = xmalloc(s->cluster_size);
    int ret = qcow2_unpack(bs, r->run.entry, buf);

    if (ret < 0) {
        free(buf);
        return ret;
    }
    iov_from_buf(r->qiov, r->at, buf + skip, r->run.len);
    free(s->unpacked);
    s->unpacked = buf;
    s->unpacked_entry = r->run.entry;
    return 0;
}

static int read_run(void *arg)
{
    const Read *r = arg;
    Qcow2 *s = r->bs->opaque;
    int ret = 0, epoch;

    switch (r->run.kind) {
    case Q_ZERO:
        iov_memset(r->qiov, r->at, 0, r->run.len);
        return 0;
    case Q_HOLE:
        if (r->off >= s->vm_state_at) {
            iov_memset(r->qiov, r->at, 0, r->run.len);
            return 0;
        }
        return bdrv_co_read_backing(r->bs, r->off, r->run.len, r->qiov, r->at);
    case Q_DATA:
        epoch = qcow2_use_begin(s);
        ret = bdrv_co_preadv(s->data, r->run.host, r->run.len, r->qiov, r->at);
        qcow2_use_end(s, epoch);
        return ret;
    case Q_PACKED:
        epoch = qcow2_use_begin(s);
        ret = read_packed(r);
        qcow2_use_end(s, epoch);
        return ret;
    }
    return -EIO;
}

int qcow2_co_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                    const QEMUIOVector *qiov, size_t at)
{
    Qcow2Group g = { 0, 0, NULL };
    bool parts = false;
    int ret = 0;

    while (len && ret >= 0 && g.ret >= 0) {
        Read r = { .bs = bs, .off = off, .qiov = qiov, .at = at };

        ret = qcow2_find(bs, off, len, &r.run);
        if (ret < 0) {
            break;
        }
        if (!parts && r.run.len == len) {
            return read_run(&r);
        }
        parts = true;
        if (r.run.kind == Q_ZERO) {
            read_run(&r);
        } else {
            qcow2_group_add(&g, MAX_PARTS, read_run, &r, sizeof(r));
        }
        off += r.run.len;
        at += r.run.len;
        len -= r.run.len;
    }
    int waited = qcow2_group_wait(&g);

    return ret < 0 ? ret : waited;
}

int qcow2_reads_zero(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    const Qcow2 *s = bs->opaque;
    uint64_t end = off + len;
    Qcow2Run run;

    for (; off < end; off += run.len) {
        int ret = qcow2_find(bs, off, end - off, &run);

        if (ret < 0) {
            return ret;
        }
        bool hidden = !bs->backing || off >= s->vm_state_at ||
                      (bs->backing->drv && off >= bs->backing->length);

        if (run.kind != Q_ZERO && !(run.kind == Q_HOLE && hidden)) {
            return 0;
        }
    }
    return 1;
}

/* -- Writing ----------------------------------------------------------------- */

/* What a new cluster holds in [off, off + len): in *buf, or NULL: it need not
 * be written. */
static int fill(BlockDriverState *bs, uint64_t off, uint64_t len, bool fresh, void **buf)
{
    const Qcow2 *s = bs->opaque;
    uint64_t there = len;
    struct iovec one;
    QEMUIOVector q;

    *buf = NULL;
    if (off < s->vm_state_at) {         /* nothing counts behind the disk's end */
        there = off < bs->length ? MIN(len, bs->length - off) : 0;
    }
    int zero = len ? qcow2_reads_zero(bs, off, there) : 1;

    if (zero < 0 || len == 0 || (zero && fresh)) {
        return zero < 0 ? zero : 0;
    }
    *buf = bdrv_memalign(s->data, len);
    if (!*buf) {
        return -ENOMEM;
    }
    memset((char *)*buf + (zero ? 0 : there), 0, len - (zero ? 0 : there));
    if (zero) {
        return 0;
    }
    iov_init_buf(&q, &one, *buf, there);
    return qcow2_co_preadv(bs, off, there, &q, 0);
}

static int write_pieces(BlockDriverState *bs, const Qcow2Write *w, void *head, void *tail,
                        const QEMUIOVector *qiov, size_t at)
{
    const Qcow2 *s = bs->opaque;
    uint64_t from = head ? w->cow_from : w->from, len = w->to - w->from;
    uint64_t host = w->host + (from - w->alloc.start);
    QEMUIOVector q;

    if (!head && !tail) {
        return bdrv_co_pwritev(s->data, host, len, qiov, at, 0);
    }
    iov_init(&q, 8);
    if (head) {
        iov_add(&q, head, w->from - w->cow_from);
    }
    while (len) {
        struct iovec iov[16];
        size_t covered;
        int num = iov_slice(qiov, at, len, iov, 16, &covered);

        for (int i = 0; i < num; i++) {
            iov_add(&q, iov[i].iov_base, iov[i].iov_len);
        }
        at += covered;
        len -= covered;
    }
    if (tail) {
        iov_add(&q, tail, w->cow_to - w->to);
    }
    int ret = bdrv_co_pwritev(s->data, host, q.size, &q, 0, 0);

    iov_free(&q);
    return ret;
}

static int write_new(BlockDriverState *bs, Qcow2Write *w, const QEMUIOVector *qiov, size_t at)
{
    void *head = NULL, *tail = NULL;
    int ret = fill(bs, w->cow_from, w->from - w->cow_from, w->fresh, &head);

    if (ret >= 0) {
        ret = fill(bs, w->to, w->cow_to - w->to, w->fresh, &tail);
    }
    if (ret >= 0) {
        ret = write_pieces(bs, w, head, tail, qiov, at);
    }
    free(head);
    free(tail);
    if (ret < 0) {
        qcow2_drop_write(bs, w);
        return ret;
    }
    return qcow2_link(bs, w);
}

int qcow2_co_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                     const QEMUIOVector *qiov, size_t at)
{
    Qcow2 *s = bs->opaque;
    uint64_t end = off + len;

    while (off < end) {
        Qcow2Run run;
        Qcow2Write w;
        int ret = qcow2_prepare_write(bs, off, end, &run, &w);
        uint64_t n = ret > 0 ? w.to - w.from : run.len;

        if (ret == 0) {
            int epoch = qcow2_use_begin(s);

            ret = bdrv_co_pwritev(s->data, run.host, n, qiov, at, 0);
            qcow2_use_end(s, epoch);
        } else if (ret > 0) {
            ret = write_new(bs, &w, qiov, at);
        }
        if (ret < 0) {
            return ret;
        }
        off += n;
        at += n;
    }
    return 0;
}

/* -- Zeroes and discards ----------------------------------------------------- */

/* Written out, where it is not zero already. */
static int write_zero_data(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    const Qcow2 *s = bs->opaque;
    size_t chunk = MIN(len, ZERO_CHUNK);
    void *buf = bdrv_memalign(s->data, chunk);
    int ret = buf ? 0 : -ENOMEM;

    if (buf) {
        memset(buf, 0, chunk);
    }
    while (len && ret >= 0) {
        uint64_t n = MIN(len, chunk);
        struct iovec one;
        QEMUIOVector q;

        iov_init_buf(&q, &one, buf, n);
        ret = qcow2_reads_zero(bs, off, n);
        if (ret == 0) {
            ret = qcow2_co_pwritev(bs, off, n, &q, 0);
        }
        off += n;
        len -= n;
    }
    free(buf);
    return ret < 0 ? ret : 0;
}

/* Within one cluster, or whole clusters. */
static int zero_part(BlockDriverState *bs, uint64_t off, uint64_t len, Qcow2Clear how)
{
    Qcow2 *s = bs->opaque;
    uint64_t unit = 1ull << s->sub_bits;
    bool to_end = off + len == bs->length;
    int ret = -ENOTSUP;

    if (len == 0) {
        return 0;
    }
    if (off % unit == 0 && (len % unit == 0 || to_end)) {
        ret = qcow2_clear(bs, off, len, how);
    }
    return ret == -ENOTSUP ? write_zero_data(bs, off, len) : ret;
}

/* An external file that must stay a raw image has the zeroes, too. */
static int zero_raw_data(BlockDriverState *bs, uint64_t off, uint64_t len, int flags)
{
    const Qcow2 *s = bs->opaque;

    return qcow2_raw_data(s) ? bdrv_co_write_zeroes(s->data, off, len, flags) : 0;
}

int qcow2_co_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len, int flags)
{
    const Qcow2 *s = bs->opaque;
    uint64_t end = off + len, unit = s->cluster_size;
    uint64_t first = MIN(align_up(off, unit), end);
    uint64_t last = end == bs->length ? end : MAX(align_down(end, unit), first);
    bool unmap = (flags & BDRV_REQ_MAY_UNMAP) && !qcow2_raw_data(s);
    Qcow2Clear how = unmap ? Q_CLEAR_UNMAP : Q_CLEAR_ZERO;
    int ret = zero_raw_data(bs, off, len, flags);

    if (ret >= 0) {
        ret = zero_part(bs, off, first - off, how);
    }
    if (ret >= 0) {
        ret = zero_part(bs, first, last - first, how);
    }
    return ret < 0 ? ret : zero_part(bs, last, end - last, how);
}

int qcow2_co_discard(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    const Qcow2 *s = bs->opaque;
    uint64_t first = align_up(off, s->cluster_size), end = off + len;
    uint64_t last = end == bs->length ? end : align_down(end, s->cluster_size);

    if (qcow2_raw_data(s)) {
        return qcow2_co_write_zeroes(bs, off, len, BDRV_REQ_MAY_UNMAP);
    }
    return first < last ? qcow2_clear(bs, first, last - first, Q_CLEAR_DISCARD) : 0;
}

/* -- Status ------------------------------------------------------------------ */

static int status_of(const BlockDriverState *bs, const Qcow2Run *run)
{
    int at = run->has_host ? BDRV_BLOCK_OFFSET : 0;

    switch (run->kind) {
    case Q_HOLE:   return bs->backing_file ? 0 : BDRV_BLOCK_ZERO;
    case Q_ZERO:   return BDRV_BLOCK_ZERO | BDRV_BLOCK_ALLOCATED | at;
    case Q_DATA:   return BDRV_BLOCK_DATA | BDRV_BLOCK_ALLOCATED | at;
    case Q_PACKED: return BDRV_BLOCK_DATA | BDRV_BLOCK_ALLOCATED;
    }
    return -EIO;
}

int qcow2_co_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                          uint64_t *num, uint64_t *map)
{
    uint64_t end = off + len, pos = off;
    int status = 0;

    while (pos < end) {
        Qcow2Run run;
        int ret = qcow2_find(bs, pos, end - pos, &run);

        if (ret < 0) {
            return ret;
        }
        int st = status_of(bs, &run);

        if (pos == off) {
            status = st;
            *map = run.host;
        } else if (st != status ||
                   ((st & BDRV_BLOCK_OFFSET) && run.host != *map + (pos - off))) {
            break;
        }
        pos += run.len;
    }
    *num = pos - off;
    return status;
}
