/* SPDX-License-Identifier: MIT */
/*
 * qcow2: compressed clusters.
 *
 *      L2 entry | 0 | 1 | sectors - 1 | byte offset in the file |
 *      file     ...|##packed A##|#packed B#|##pack     a cluster holds several
 *
 * Deflate without a header and with a window of 4 KiB, or zstd.  Both are work
 * for worker threads: a request of many clusters keeps all processors busy.
 * What does not get smaller is written as it is; noise is not even tried.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#ifdef CONFIG_ZSTD
#include <zstd.h>
#endif

#include "block/qcow2.h"
#include "util/bits.h"
#include "util/mem.h"

/* In a window of 4 KiB, level 5 makes files that are 0.4 % larger than those of level 6,
 * zlib's default, in four fifths of its time. */
enum { MAX_AT_ONCE = 8, LEVEL = 5, WINDOW_BITS = -12, MEM_LEVEL = 9, KEPT = 4 };

typedef struct Job {
    bool zstd;
    uint8_t *in, *out;
    size_t in_len, out_len;             /* out: room, then used */
} Job;

/* -- On a worker thread ------------------------------------------------------ */

/*
 * Nothing to gain by more than a sector: all bytes are about as frequent, and four of
 * them hardly ever come again within the window.  Small clusters are simply tried.
 */
static bool is_noise(const uint8_t *p, size_t len)
{
    enum { MIN_LEN = 16384, WINDOW = 4096, HASH_BITS = 13 };
    uint32_t num[256] = { 0 }, at[1 << HASH_BITS] = { 0 };
    uint64_t squares = 0;
    size_t again = 0;

    if (len < MIN_LEN) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        num[p[i]]++;
    }
    for (int i = 0; i < 256; i++) {
        squares += (uint64_t)num[i] * num[i];
    }
    if (squares > (uint64_t)len * len / 256 + 4 * len) {
        return false;
    }
    for (size_t i = 1; i + 4 <= len; i++) {
        uint32_t v = (uint32_t)load_le(p + i, 4), h = v * 2654435761u >> (32 - HASH_BITS);

        again += at[h] && i - at[h] <= WINDOW && load_le(p + at[h], 4) == v;
        at[h] = (uint32_t)i;
    }
    return again <= len / 1024;
}

static int deflate_job(Job *j)
{
    z_stream z = { .next_in = j->in, .avail_in = (uInt)j->in_len,
                   .next_out = j->out, .avail_out = (uInt)j->out_len };

    if (is_noise(j->in, j->in_len)) {
        return -ENOSPC;
    }
    if (deflateInit2(&z, LEVEL, Z_DEFLATED, WINDOW_BITS, MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return -ENOMEM;
    }
    int ret = deflate(&z, Z_FINISH);

    j->out_len -= z.avail_out;
    deflateEnd(&z);
    return ret == Z_STREAM_END ? 0 : -ENOSPC;
}

/* Behind the compressed data there may be anything, up to a sector. */
static int inflate_job(Job *j)
{
    z_stream z = { .next_in = j->in, .avail_in = (uInt)j->in_len,
                   .next_out = j->out, .avail_out = (uInt)j->out_len };

    if (inflateInit2(&z, WINDOW_BITS) != Z_OK) {
        return -ENOMEM;
    }
    int ret = inflate(&z, Z_FINISH);
    bool full = z.avail_out == 0;

    inflateEnd(&z);
    return full && (ret == Z_STREAM_END || ret == Z_BUF_ERROR || ret == Z_OK) ? 0 : -EIO;
}

#ifdef CONFIG_ZSTD
/* Not in use now.  A new one costs as much as to clear its tables: half a megabyte. */
static struct { pthread_mutex_t lock; ZSTD_CCtx *ctx[KEPT]; int num; } kept = {
    .lock = PTHREAD_MUTEX_INITIALIZER
};

static ZSTD_CCtx *take_context(void)
{
    pthread_mutex_lock(&kept.lock);
    ZSTD_CCtx *c = kept.num ? kept.ctx[--kept.num] : NULL;
    pthread_mutex_unlock(&kept.lock);
    return c ? c : ZSTD_createCCtx();
}

static void put_context(ZSTD_CCtx *c)
{
    pthread_mutex_lock(&kept.lock);
    if (kept.num < KEPT) {
        kept.ctx[kept.num++] = c;
        c = NULL;
    }
    pthread_mutex_unlock(&kept.lock);
    ZSTD_freeCCtx(c);
}

static int zstd_pack_job(Job *j)
{
    ZSTD_CCtx *c = take_context();

    if (!c) {
        return -ENOMEM;
    }
    size_t n = ZSTD_compressCCtx(c, j->out, j->out_len, j->in, j->in_len, ZSTD_CLEVEL_DEFAULT);

    put_context(c);
    if (ZSTD_isError(n)) {
        return -ENOSPC;
    }
    j->out_len = n;
    return 0;
}

static int zstd_unpack_job(Job *j)
{
    ZSTD_inBuffer in = { j->in, j->in_len, 0 };
    ZSTD_outBuffer out = { j->out, j->out_len, 0 };
    ZSTD_DStream *d = ZSTD_createDStream();
    size_t ret = 1;

    while (d && out.pos < out.size && !ZSTD_isError(ret)) {
        size_t was_in = in.pos, was_out = out.pos;

        ret = ZSTD_decompressStream(d, &out, &in);
        if (in.pos == was_in && out.pos == was_out) {
            break;
        }
    }
    ZSTD_freeDStream(d);
    return out.pos == out.size ? 0 : -EIO;
}
#else
static int zstd_pack_job(Job *j)
{
    (void)j;
    return -ENOTSUP;
}

static int zstd_unpack_job(Job *j)
{
    return zstd_pack_job(j);
}
#endif

static int pack_job(void *arg)
{
    Job *j = arg;

    return j->zstd ? zstd_pack_job(j) : deflate_job(j);
}

static int unpack_job(void *arg)
{
    Job *j = arg;

    return j->zstd ? zstd_unpack_job(j) : inflate_job(j);
}

/* -- Reading ----------------------------------------------------------------- */

int qcow2_unpack(BlockDriverState *bs, uint64_t entry, uint8_t *buf)
{
    const Qcow2 *s = bs->opaque;
    unsigned x = 62 - (s->cluster_bits - 8);
    uint64_t start = entry & ((1ull << x) - 1), off, len;

    qcow2_packed_range(s, entry, &off, &len);
    len -= start - off;
    uint8_t *packed = xmalloc(len);
    Job j = { s->compression == 1, packed, buf, len, s->cluster_size };
    int ret = bdrv_pread(bs->file, start, packed, len);

    if (ret >= 0) {
        ret = aio_pool_co(unpack_job, &j);
    }
    free(packed);
    return ret;
}

/* -- Writing ----------------------------------------------------------------- */

typedef struct Pack {
    BlockDriverState *bs;
    uint64_t off, len;
    const QEMUIOVector *qiov;
    size_t at;
} Pack;

static int store(BlockDriverState *bs, uint64_t off, uint8_t *packed, size_t len)
{
    Qcow2 *s = bs->opaque;
    Qcow2Alloc a;
    uint64_t host;

    co_mutex_lock(&s->lock);
    qcow2_alloc_begin(s, &a, off, off + s->cluster_size);
    int ret = s->broken ? -EIO : qcow2_alloc_packed(bs, len, &host);

    if (ret >= 0) {
        co_mutex_unlock(&s->lock);
        ret = bdrv_pwrite(bs->file, host, packed, len);
        co_mutex_lock(&s->lock);
        if (ret < 0) {
            qcow2_free_unused(bs, host, len);
        } else {
            ret = qcow2_link_packed(bs, off, host, len);
        }
    }
    qcow2_alloc_end(s, &a);
    co_mutex_unlock(&s->lock);
    return ret;
}

static int pack_cluster(void *arg)
{
    const Pack *p = arg;
    const Qcow2 *s = p->bs->opaque;
    uint8_t *in = NULL, *out = xmalloc(s->cluster_size);
    struct iovec one;
    size_t len;

    if (iov_slice(p->qiov, p->at, p->len, &one, 1, &len) != 1 || len != s->cluster_size) {
        in = xzalloc(s->cluster_size);
        iov_to_buf(p->qiov, p->at, in, p->len);
        one.iov_base = in;
    }
    Job j = { s->compression == 1, one.iov_base, out, s->cluster_size, s->cluster_size - 1 };
    int ret = aio_pool_co(pack_job, &j);

    if (ret == -ENOSPC) {
        ret = qcow2_co_pwritev(p->bs, p->off, p->len, p->qiov, p->at);
    } else if (ret >= 0) {
        ret = store(p->bs, p->off, out, j.out_len);
    }
    free(in);
    free(out);
    return ret;
}

int qcow2_co_write_compressed(BlockDriverState *bs, uint64_t off, uint64_t len,
                              const QEMUIOVector *qiov, size_t at)
{
    const Qcow2 *s = bs->opaque;
    Qcow2Group g = { 0, 0, NULL };

    if (qcow2_external(s)) {
        return -ENOTSUP;
    }
    if (off % s->cluster_size || (len % s->cluster_size && off + len != bs->length)) {
        return -EINVAL;
    }
    while (len && g.ret >= 0) {
        Pack p = { bs, off, MIN(len, s->cluster_size), qiov, at };

        qcow2_group_add(&g, MAX_AT_ONCE, pack_cluster, &p, sizeof(p));
        off += p.len;
        at += p.len;
        len -= p.len;
    }
    return qcow2_group_wait(&g);
}
