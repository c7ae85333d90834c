/* SPDX-License-Identifier: MIT */
#include "block/clusters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/bits.h"
#include "util/mem.h"

enum {
    MAX_RUN = 65536,                    /* clusters looked up at a time */
    MAX_HOLE = 1 << 30,
    SPARSE_FROM = 256 << 10,            /* larger clusters are not filled with zeroes */
    ZERO_CHUNK = 1 << 20,
    MAX_PLACES = 16 << 20,              /* of check: 64 MiB */
    MAX_FINDINGS = 100000,              /* of check, then it gives up */
};

/* Clusters someone is writing for the first time; others wait until they are
 * in the table. */
typedef struct ClusterAlloc {
    uint64_t first, num;
    CoQueue waiters;
    struct ClusterAlloc *next;
} ClusterAlloc;

/* Bytes of the disk that are in the same place. */
typedef struct Run {
    uint64_t n;                         /* bytes */
    int kind;
    uint64_t host;                      /* DATA: of the first byte; PACKED */
} Run;

void clusters_free(ClusterMap *m)
{
    tables_free(m->tables);
    free(m->unpacked);
    m->tables = NULL;
    m->unpacked = NULL;
}

/* Bytes that one answer of lookup() is about. */
static uint64_t width(const ClusterMap *m, int kind, uint64_t host)
{
    return kind == CLUSTER_HOLE && host ? MIN(host, MAX_HOLE / m->size) * m->size : m->size;
}

static int find_run(ClusterMap *m, uint64_t off, uint64_t len, Run *r)
{
    uint64_t first = off / m->size, in = off % m->size, host = 0;

    r->kind = m->ops->lookup(m, first, &host);
    if (r->kind < 0) {
        return r->kind;
    }
    r->host = r->kind == CLUSTER_DATA ? host + in : host;
    r->n = MIN(len, width(m, r->kind, host) - in);
    for (int i = 1; r->n < len && i < MAX_RUN && r->kind != CLUSTER_PACKED; i++) {
        uint64_t next = 0;

        if (m->ops->lookup(m, (off + r->n) / m->size, &next) != r->kind ||
            (r->kind == CLUSTER_DATA && next != host + (uint64_t)i * m->size)) {
            break;
        }
        r->n += MIN(len - r->n, width(m, r->kind, next));
    }
    return 0;
}

/* -- Reading ----------------------------------------------------------------- */

static int read_packed(ClusterMap *m, uint64_t n, uint64_t host, size_t in,
                       uint64_t len, const QEMUIOVector *qiov, size_t at)
{
    if (m->unpacked && m->unpacked_host == host) {
        iov_from_buf(qiov, at, m->unpacked + in, len);
        return 0;
    }
    uint8_t *buf = malloc(m->size);
    int ret = buf ? m->ops->unpack(m, n, host, buf) : -ENOMEM;

    if (ret < 0) {
        free(buf);
        return ret;
    }
    iov_from_buf(qiov, at, buf + in, len);
    free(m->unpacked);
    m->unpacked = buf;
    m->unpacked_host = host;
    return 0;
}

static int read_run(ClusterMap *m, uint64_t off, const Run *r,
                    const QEMUIOVector *qiov, size_t at)
{
    switch (r->kind) {
    case CLUSTER_DATA:
        return bdrv_co_preadv(m->file, r->host, r->n, qiov, at);
    case CLUSTER_PACKED:
        return read_packed(m, off / m->size, r->host, off % m->size, r->n, qiov, at);
    case CLUSTER_HOLE:
        return bdrv_co_read_backing(m->bs, m->start + off, r->n, qiov, at);
    }
    iov_memset(qiov, at, 0, r->n);
    return 0;
}

int clusters_preadv(ClusterMap *m, uint64_t off, uint64_t len,
                    const QEMUIOVector *qiov, size_t at)
{
    int ret = 0;

    while (len && ret >= 0) {
        Run r;

        ret = find_run(m, off, len, &r);
        if (ret >= 0) {
            ret = read_run(m, off, &r, qiov, at);
            off += r.n;
            at += r.n;
            len -= r.n;
        }
    }
    return ret;
}

/* -- Writing new clusters ---------------------------------------------------- */

static ClusterAlloc *conflict(const ClusterMap *m, uint64_t first, uint64_t num)
{
    ClusterAlloc *a = m->allocs;

    while (a && (first >= a->first + a->num || a->first >= first + num)) {
        a = a->next;
    }
    return a;
}

/* With m->lock held: true if someone was in the way, and we waited for him
 * without it; what was looked up is then old. */
static bool waited(ClusterMap *m, uint64_t first, uint64_t num)
{
    ClusterAlloc *a = conflict(m, first, num);

    if (a) {
        co_mutex_unlock(&m->lock);
        co_queue_wait(&a->waiters);
        co_mutex_lock(&m->lock);
    }
    return a != NULL;
}

static void alloc_begin(ClusterMap *m, ClusterAlloc *a, uint64_t first, uint64_t num)
{
    *a = (ClusterAlloc){ .first = first, .num = num, .next = m->allocs };
    m->allocs = a;
}

static void alloc_end(ClusterMap *m, ClusterAlloc *a)
{
    ClusterAlloc **p = &m->allocs;

    while (*p != a) {
        p = &(*p)->next;
    }
    *p = a->next;
    co_queue_all(&a->waiters);
}

/* A write of new clusters at host: `head` bytes before and `tail` behind the
 * n bytes of the request make them whole. */
typedef struct NewData {
    Run old;                            /* what was there */
    uint64_t off, n, host, head, tail;
    bool zeroed;
    const QEMUIOVector *qiov;
    size_t at;
} NewData;

static int read_old(ClusterMap *m, const NewData *d, uint64_t off, void *buf, size_t len)
{
    struct iovec one;
    QEMUIOVector q;
    Run r = { .n = len, .kind = d->old.kind, .host = d->old.host };

    iov_init_buf(&q, &one, buf, len);
    return len ? read_run(m, off, &r, &q, 0) : 0;
}

/* One request: old data, the caller's, old data. */
static int write_whole(ClusterMap *m, const NewData *d)
{
    QEMUIOVector q;
    char *head = bdrv_memalign(m->file, d->head), *tail = bdrv_memalign(m->file, d->tail);
    struct iovec *iov = xcalloc((size_t)d->qiov->num + 2, sizeof(*iov));
    size_t covered;
    int ret = head && tail ? 0 : -ENOMEM;

    if (ret >= 0) {
        ret = read_old(m, d, d->off - d->head, head, d->head);
    }
    if (ret >= 0) {
        ret = read_old(m, d, d->off + d->n, tail, d->tail);
    }
    if (ret >= 0) {
        int num = iov_slice(d->qiov, d->at, d->n, iov, d->qiov->num, &covered);

        iov_init(&q, num + 2);
        if (d->head) {
            iov_add(&q, head, d->head);
        }
        for (int i = 0; i < num; i++) {
            iov_add(&q, iov[i].iov_base, iov[i].iov_len);
        }
        if (d->tail) {
            iov_add(&q, tail, d->tail);
        }
        ret = bdrv_co_pwritev(m->file, d->host, q.size, &q, 0, 0);
        iov_free(&q);
    }
    free(iov);
    free(head);
    free(tail);
    return ret;
}

/* Make [from, to) of the file zeroes, and the file reach to. */
static int zero_file(ClusterMap *m, uint64_t from, uint64_t to, bool zeroed)
{
    static const uint8_t zeroes[BDRV_SECTOR_SIZE];
    uint64_t inside = MIN(to, MAX(m->file->length, from));
    int ret = 0;

    if (!zeroed && inside > from) {
        ret = bdrv_co_write_zeroes(m->file, from, inside - from, BDRV_REQ_MAY_UNMAP);
    }
    if (ret >= 0 && to > m->file->length) {
        size_t n = MIN(to - from, sizeof(zeroes));

        ret = bdrv_pwrite(m->file, to - n, zeroes, n);
    }
    return ret;
}

/* Only the caller's data; the rest of a large cluster is a hole in the file. */
static int write_sparse(ClusterMap *m, const NewData *d)
{
    uint64_t start = d->host + d->head, end = start + d->n;
    int ret = 0;

    if (!d->zeroed && d->head) {
        ret = zero_file(m, d->host, start, false);
    }
    if (ret >= 0) {
        ret = bdrv_co_pwritev(m->file, start, d->n, d->qiov, d->at, 0);
    }
    if (ret >= 0 && d->tail) {
        ret = zero_file(m, end, end + d->tail, d->zeroed);
    }
    return ret;
}

static int write_new_data(ClusterMap *m, const NewData *d)
{
    bool zero = d->old.kind == CLUSTER_ZERO ||
                (d->old.kind == CLUSTER_HOLE && !m->bs->backing);

    if (d->head + d->tail == 0) {
        return bdrv_co_pwritev(m->file, d->host, d->n, d->qiov, d->at, 0);
    }
    return zero && m->size >= SPARSE_FROM ? write_sparse(m, d) : write_whole(m, d);
}

/* With m->lock held, left without it.  *done: bytes, 0 to look again. */
static int write_new(ClusterMap *m, NewData *d, uint64_t *done)
{
    uint64_t first = d->off / m->size;
    uint64_t num = (d->off + d->old.n - 1) / m->size + 1 - first;
    ClusterAlloc a;

    *done = 0;
    if (waited(m, first, num)) {
        co_mutex_unlock(&m->lock);
        return 0;
    }
    int64_t got = m->ops->allocate(m, first, num, &d->host, &d->zeroed);

    if (got == -EAGAIN && m->allocs) {
        waited(m, m->allocs->first, 1);
        co_mutex_unlock(&m->lock);
        return 0;
    }
    if (got < 0) {
        co_mutex_unlock(&m->lock);
        return (int)got;
    }
    alloc_begin(m, &a, first, (uint64_t)got);
    co_mutex_unlock(&m->lock);
    d->head = d->off % m->size;
    d->n = MIN(d->old.n, (uint64_t)got * m->size - d->head);
    d->tail = (uint64_t)got * m->size - d->head - d->n;
    int ret = write_new_data(m, d);

    co_mutex_lock(&m->lock);
    if (ret >= 0) {
        ret = m->ops->enter(m, first, (uint64_t)got, d->host);
    }
    alloc_end(m, &a);
    co_mutex_unlock(&m->lock);
    *done = d->n;
    return ret;
}

static int write_plain(ClusterMap *m, uint64_t off, uint64_t len,
                       const QEMUIOVector *qiov, size_t at)
{
    int ret = 0;

    while (len && ret >= 0) {
        NewData d = { .off = off, .qiov = qiov, .at = at };
        uint64_t n = 0;

        co_mutex_lock(&m->lock);
        ret = find_run(m, off, len, &d.old);
        if (ret < 0) {
            co_mutex_unlock(&m->lock);
        } else if (d.old.kind == CLUSTER_DATA) {
            co_mutex_unlock(&m->lock);
            n = d.old.n;
            ret = bdrv_co_pwritev(m->file, d.old.host, n, qiov, at, 0);
        } else {
            ret = write_new(m, &d, &n);
        }
        off += n;
        at += n;
        len -= n;
    }
    return ret;
}

int clusters_pwritev(ClusterMap *m, uint64_t off, uint64_t len,
                     const QEMUIOVector *qiov, size_t at)
{
    return m->pack_all ? clusters_write_packed(m, off, len, qiov, at)
                       : write_plain(m, off, len, qiov, at);
}

/* -- Writing compressed ------------------------------------------------------ */

typedef struct PackJob {
    const ClusterMap *m;
    uint64_t n;
    const uint8_t *in;
    uint8_t *out;
    size_t room;
    int64_t len;
} PackJob;

static int run_pack(void *arg)
{
    PackJob *j = arg;

    j->len = j->m->ops->pack(j->m, j->n, j->in, j->out, j->room);
    return j->len < 0 ? (int)j->len : 0;
}

/* With m->lock held, left without it. */
static int enter_packed(ClusterMap *m, const PackJob *j)
{
    ClusterAlloc a;
    uint64_t host;
    int ret = m->ops->allocate_packed(m, (uint64_t)j->len, &host);

    if (ret < 0) {
        co_mutex_unlock(&m->lock);
        return ret;
    }
    alloc_begin(m, &a, j->n, 1);
    co_mutex_unlock(&m->lock);
    ret = bdrv_pwrite(m->file, host, j->out, (size_t)j->len);
    co_mutex_lock(&m->lock);
    if (ret >= 0) {
        ret = m->ops->enter_packed(m, j->n, host, (uint64_t)j->len);
    }
    alloc_end(m, &a);
    co_mutex_unlock(&m->lock);
    return ret;
}

/* -ENOSPC: not smaller, or there is plain data already. */
static int pack_one(ClusterMap *m, uint64_t n, const uint8_t *in)
{
    size_t room = m->pack_all ? (size_t)m->size + m->size / 64 + 512 : m->size;
    PackJob j = { .m = m, .n = n, .in = in, .out = malloc(room), .room = room };
    int ret = j.out ? aio_pool_co(run_pack, &j) : -ENOMEM;

    if (ret >= 0) {
        uint64_t host;

        co_mutex_lock(&m->lock);
        while (waited(m, n, 1)) {
        }
        ret = m->ops->lookup(m, n, &host);
        if (ret < 0 || ret == CLUSTER_DATA) {
            co_mutex_unlock(&m->lock);
            ret = ret < 0 ? ret : -ENOSPC;
        } else {
            ret = enter_packed(m, &j);
        }
    }
    free(j.out);
    return ret;
}

int clusters_write_packed(ClusterMap *m, uint64_t off, uint64_t len,
                          const QEMUIOVector *qiov, size_t at)
{
    uint8_t *in = malloc(m->size);
    int ret = in ? 0 : -ENOMEM;

    if (off % m->size || (len % m->size && off + len != m->length)) {
        ret = -EINVAL;
    }
    while (len && ret >= 0) {
        size_t n = MIN(len, m->size);

        iov_to_buf(qiov, at, in, n);
        memset(in + n, 0, m->size - n);
        ret = pack_one(m, off / m->size, in);
        if (ret == -ENOSPC && !m->pack_all) {
            ret = write_plain(m, off, n, qiov, at);
        }
        off += n;
        at += n;
        len -= n;
    }
    free(in);
    return ret;
}

/* -- Zeroes, holes, status --------------------------------------------------- */

static int write_zero_data(ClusterMap *m, uint64_t off, uint64_t len)
{
    size_t chunk = (size_t)MIN(len, MAX(m->size, ZERO_CHUNK));
    void *buf = calloc(1, chunk);
    int ret = buf ? 0 : -ENOMEM;

    while (len && ret >= 0) {
        struct iovec one;
        QEMUIOVector q;
        size_t n = MIN(len, chunk);

        iov_init_buf(&q, &one, buf, n);
        ret = clusters_pwritev(m, off, n, &q, 0);
        off += n;
        len -= n;
    }
    free(buf);
    return ret;
}

static int enter_zeroes(ClusterMap *m, uint64_t first, uint64_t num)
{
    co_mutex_lock(&m->lock);
    while (waited(m, first, num)) {
    }
    int ret = m->ops->enter_zero(m, first, num);

    co_mutex_unlock(&m->lock);
    return ret;
}

/* Part of one run; *n may become less. */
static int zero_run(ClusterMap *m, uint64_t off, const Run *r, uint64_t *n, int flags)
{
    uint64_t in = off % m->size, whole = *n;

    if (r->kind == CLUSTER_DATA) {
        return bdrv_co_write_zeroes(m->file, r->host, *n, flags);
    }
    if (r->kind == CLUSTER_ZERO || (r->kind == CLUSTER_HOLE && !m->bs->backing)) {
        return 0;
    }
    if (off + *n < m->length) {
        whole = *n / m->size * m->size;
    }
    if (in || !m->ops->enter_zero || whole == 0) {
        *n = MIN(*n, m->size - in);
        return write_zero_data(m, off, *n);
    }
    *n = whole;
    return enter_zeroes(m, off / m->size, (whole + m->size - 1) / m->size);
}

int clusters_write_zeroes(ClusterMap *m, uint64_t off, uint64_t len, int flags)
{
    int ret = 0;

    while (len && ret >= 0) {
        Run r;

        ret = find_run(m, off, len, &r);
        if (ret >= 0) {
            uint64_t n = r.n;

            ret = zero_run(m, off, &r, &n, flags);
            off += n;
            len -= n;
        }
    }
    return ret;
}

int clusters_discard(ClusterMap *m, uint64_t off, uint64_t len)
{
    int ret = 0;

    while (len && ret >= 0) {
        Run r;

        ret = find_run(m, off, len, &r);
        if (ret >= 0) {
            ret = r.kind == CLUSTER_DATA ? bdrv_co_discard(m->file, r.host, r.n) : 0;
            off += r.n;
            len -= r.n;
        }
    }
    return ret;
}

int clusters_status(ClusterMap *m, uint64_t off, uint64_t len, uint64_t *num,
                    uint64_t *map)
{
    Run r;
    int ret = find_run(m, off, len, &r);

    if (ret < 0) {
        return ret;
    }
    *num = r.n;
    switch (r.kind) {
    case CLUSTER_DATA:
        *map = r.host;
        return BDRV_BLOCK_DATA | BDRV_BLOCK_ALLOCATED |
               (m->has_offset ? BDRV_BLOCK_OFFSET : 0);
    case CLUSTER_PACKED:
        return BDRV_BLOCK_DATA | BDRV_BLOCK_ALLOCATED;
    case CLUSTER_ZERO:
        return BDRV_BLOCK_ZERO | BDRV_BLOCK_ALLOCATED;
    }
    return m->bs->backing ? 0 : BDRV_BLOCK_ZERO;
}

/* -- Checking ---------------------------------------------------------------- */

/* Where the clusters of a file start: slot i is [base + i * pitch, + pitch), and
 * holds 1 + the distance of the one cluster that starts there. */
typedef struct Places {
    uint32_t *slot;
    uint64_t num, base, pitch;
} Places;

/* false: it is outside, or overlaps one that was there before. */
static bool take_place(Places *p, uint64_t host)
{
    uint64_t i = (host - p->base) / p->pitch;
    uint32_t rest = (uint32_t)((host - p->base) % p->pitch) + 1;

    if (host < p->base || i >= p->num || p->slot[i] ||
        (i > 0 && p->slot[i - 1] > rest) ||
        (i + 1 < p->num && p->slot[i + 1] && p->slot[i + 1] < rest)) {
        return false;
    }
    p->slot[i] = rest;
    return true;
}

static void report(const ClusterMap *m, BlockCheck *res, uint64_t n, const char *what)
{
    char *line = !res->report ? NULL : xasprintf("cluster %llu of the disk (from byte %llu): %s",
                           (unsigned long long)n,
                           (unsigned long long)(m->start + n * m->size), what);

    if (res->report) {
        res->report(res->opaque, line);
    }
    free(line);
}

static int check_all(ClusterMap *m, Places *p, BlockCheck *res)
{
    uint64_t total = (m->length + m->size - 1) / m->size, used = 0, packed = 0, next = 0;
    int kind = 0;

    for (uint64_t n = 0, host = 0; n < total; n += width(m, kind, host) / m->size) {
        host = 0;
        kind = m->ops->lookup(m, n, &host);
        if (kind < 0 || (kind == CLUSTER_DATA && !take_place(p, host))) {
            if (++res->corruptions > MAX_FINDINGS) {
                return -EFBIG;
            }
            report(m, res, n, kind < 0 ? "its entry leads nowhere"
                                       : "its place in the file is another's, too, or outside");
        }
        if (kind == CLUSTER_DATA) {
            res->fragmented_clusters += next && host != next;
            next = host + p->pitch;
            used++;
        }
        packed += kind == CLUSTER_PACKED;
    }
    res->total_clusters += total;
    res->allocated_clusters += used + packed;
    res->compressed_clusters += packed;
    /* Packed clusters are of any length: leaks cannot be told. */
    if (!packed && m->file->length > p->base &&
        (m->file->length - p->base) / p->pitch > used) {
        res->leaks += (m->file->length - p->base) / p->pitch - used;
    }
    return 0;
}

typedef struct CheckCall { ClusterMap *m; Places *p; BlockCheck *res; } CheckCall;

static int run_check(void *arg)
{
    CheckCall *c = arg;

    return check_all(c->m, c->p, c->res);
}

int clusters_check(ClusterMap *m, uint64_t base, uint64_t pitch, BlockCheck *res,
                   Error *err)
{
    uint64_t end = m->file->length;
    Places p = { .num = end > base ? (end - base) / pitch + 1 : 0, .base = base,
                 .pitch = pitch };

    res->image_end = MAX(res->image_end, end);
    if (p.num > MAX_PLACES) {
        return error_set(err, EFBIG, "%s: too many clusters to be checked",
                         m->bs->filename);
    }
    p.slot = xcalloc(MAX(p.num, 1), sizeof(*p.slot));
    int ret = aio_run_sync(run_check, &(CheckCall){ m, &p, res });

    free(p.slot);
    return ret < 0 ? error_set(err, -ret, "%s: damaged in too many places to be checked",
                               m->bs->filename) : 0;
}

/* -- As a driver's functions ------------------------------------------------- */

int clusters_co_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                       const QEMUIOVector *qiov, size_t at)
{
    return clusters_preadv(bs->opaque, off, len, qiov, at);
}

int clusters_co_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                        const QEMUIOVector *qiov, size_t at)
{
    return clusters_pwritev(bs->opaque, off, len, qiov, at);
}

int clusters_co_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len, int flags)
{
    return clusters_write_zeroes(bs->opaque, off, len, flags);
}

int clusters_co_discard(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    return clusters_discard(bs->opaque, off, len);
}

int clusters_co_status(BlockDriverState *bs, uint64_t off, uint64_t len, uint64_t *num,
                       uint64_t *map)
{
    return clusters_status(bs->opaque, off, len, num, map);
}

int clusters_co_flush(BlockDriverState *bs)
{
    const ClusterMap *m = bs->opaque;

    return tables_flush(m->tables);
}
