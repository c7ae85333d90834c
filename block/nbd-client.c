/* SPDX-License-Identifier: MIT */
/*
 * Protocols nbd and nbd+unix: a disk served over the network (NBD protocol,
 * "Transmission phase").
 *
 *   request: magic flags type handle offset length [data]     (28 bytes)
 *   answer:  simple      magic error handle [data]            (16 bytes)
 *            structured  magic flags type handle length ...   (20 bytes), in pieces
 *
 *   co_preadv -> request, listed by handle --> socket
 *   reader coroutine <-- answers, any order: data goes straight to its place,
 *                        the last piece wakes the request's coroutine
 *
 * A connection that breaks takes its requests with it: each starts again on the
 * next connection, which the first of them opens.  From the loss on there are
 * reconnect-delay seconds until requests fail with EIO; after that each request
 * tries once more, at most once a second.  The server must still have an export of
 * the same size, with blocks no larger.  A server that breaks the protocol is not asked again.
 *
 * A flush covers what this connection's server has answered; what a server that
 * lost its power had answered but not yet saved, it does not know of.
 *
 * Not modelled: TLS, several connections to one export, the old-style handshake,
 * extended headers.
 */
#include "block/nbd-client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block/block-int.h"
#include "util/bits.h"
#include "util/mem.h"

#define SECOND 1000000000ll

enum {
    MAX_IN_FLIGHT = 64, MAX_CHUNK = 64 << 10, RANGE_MAX = 1 << 30,
    DEFAULT_DELAY = 5, MAX_TRIES = 10, HANDSHAKE_SECONDS = 15,
};

typedef struct Request {
    uint16_t type, flags;
    uint64_t off, len, handle;
    const QEMUIOVector *qiov;           /* data of reads and writes */
    size_t at;
    uint64_t received;                  /* bytes of a read */
    uint8_t *seen;                      /* which, if they came out of order: 1 each */
    uint64_t status_len;                /* of a block status */
    uint32_t status;
    Coroutine *co;
    bool waiting, done, lost;
    int ret;
    struct Request *next;
} Request;

typedef struct Connection {
    NbdSock sock;
    NbdExportInfo info;
    struct Client *owner;
    CoMutex send;
    Request *requests;
    bool dead, reading;
    int users;                          /* requests that know of it */
} Connection;

typedef struct Client {
    NbdAddress address;
    char *name;                         /* for messages */
    Connection *conn;                   /* NULL: lost */
    int connections;                    /* not yet freed */
    CoQueue gone;                       /* waits for the last of them */
    CoMutex connecting;
    uint64_t size, next_handle;
    uint32_t min_block;                 /* requests are multiples of it */
    int64_t delay_ns, lost_at, tried_at;        /* lost_at 0: all is well */
    bool closing, broken;               /* broken: the protocol, for good */
    int in_flight;
    CoQueue slots;
} Client;

static const BlockOptDef open_opts[] = {
    { "reconnect-delay", "seconds that requests wait for a lost server (5; 0: not at all)" },
    { NULL, NULL }
};

/* -- Answers: the reader of a connection ------------------------------------- */

static Request *find_request(Connection *c, uint64_t handle)
{
    Request *r = c->requests;

    while (r && r->handle != handle) {
        r = r->next;
    }
    return r;
}

static void forget(Connection *c, Request *r)
{
    Request **p = &c->requests;

    while (*p && *p != r) {
        p = &(*p)->next;
    }
    if (*p) {
        *p = r->next;
    }
}

static void finish(Connection *c, Request *r)
{
    forget(c, r);
    if (r->type == NBD_CMD_READ && r->ret == 0 && r->received != r->len) {
        r->ret = -EIO;                  /* the server left something out */
    }
    r->done = true;
    c->owner->lost_at = 0;
    if (r->waiting) {
        r->waiting = false;
        coroutine_wake(r->co);
    }
}

/* NBD protocol, "Structured reply types": in any order, but nothing twice. */
static bool take_place(Request *r, uint64_t off, uint64_t len)
{
    uint64_t at = off - r->off;

    if (r->type != NBD_CMD_READ || off < r->off || at > r->len || len > r->len - at) {
        return false;
    }
    if (!r->seen && at != r->received) {
        r->seen = xzalloc(r->len);
        memset(r->seen, 1, r->received);
    }
    if (r->seen) {
        if (!buf_is_zero(r->seen + at, len)) {
            return false;
        }
        memset(r->seen + at, 1, len);
    }
    r->received += len;
    return true;
}

/* -EPROTO for all that an honest server never sends. */
static int take_data(Connection *c, Request *r, uint64_t off, uint64_t len)
{
    return take_place(r, off, len)
         ? nbd_sock_readv(&c->sock, r->qiov, r->at + (off - r->off), len) : -EPROTO;
}

static int take_offset_data(Connection *c, Request *r, uint32_t len)
{
    uint8_t off[8];
    int ret = len > 8 ? nbd_sock_read(&c->sock, off, 8) : -EPROTO;

    return ret < 0 ? ret : take_data(c, r, nbd_get64(off), len - 8);
}

static int take_hole(Connection *c, Request *r, uint32_t len)
{
    uint8_t d[12];
    int ret = len == 12 ? nbd_sock_read(&c->sock, d, 12) : -EPROTO;

    if (ret < 0) {
        return ret;
    }
    uint64_t off = nbd_get64(d), num = nbd_get32(d + 8);

    if (!take_place(r, off, num)) {
        return -EPROTO;
    }
    iov_memset(r->qiov, r->at + (off - r->off), 0, num);
    return 0;
}

/* The first extent will do; the rest need not come. */
static int take_status(Connection *c, Request *r, uint32_t len)
{
    uint8_t d[12];
    int ret = len >= 12 && len % 8 == 4 && len <= MAX_CHUNK
            ? nbd_sock_read(&c->sock, d, 12) : -EPROTO;

    if (ret < 0 || r->type != NBD_CMD_BLOCK_STATUS || nbd_get32(d) != c->info.context ||
        nbd_get32(d + 4) == 0) {
        return ret < 0 ? ret : -EPROTO;
    }
    r->status_len = MIN(nbd_get32(d + 4), r->len);
    r->status = nbd_get32(d + 8);
    return nbd_sock_skip(&c->sock, len - 12);
}

static int take_error(Connection *c, Request *r, uint32_t len)
{
    uint8_t d[6];
    int ret = len >= 6 && len <= MAX_CHUNK ? nbd_sock_read(&c->sock, d, 6) : -EPROTO;

    if (ret < 0 || nbd_get16(d + 4) > len - 6 || nbd_get32(d) == 0) {
        return ret < 0 ? ret : -EPROTO;
    }
    r->ret = r->ret < 0 ? r->ret : -nbd_error_from_wire(nbd_get32(d));
    return nbd_sock_skip(&c->sock, len - 6);
}

static int take_chunk(Connection *c)
{
    uint8_t h[NBD_CHUNK_SIZE - 4];
    int ret = nbd_sock_read(&c->sock, h, sizeof(h));

    if (ret < 0) {
        return ret;
    }
    unsigned flags = nbd_get16(h), type = nbd_get16(h + 2);
    uint32_t len = nbd_get32(h + 12);
    Request *r = find_request(c, nbd_get64(h + 4));

    if (!r || !c->info.structured) {
        return -EPROTO;
    }
    if (type & NBD_REPLY_IS_ERROR) {
        ret = take_error(c, r, len);
    } else if (type == NBD_REPLY_OFFSET_DATA) {
        ret = take_offset_data(c, r, len);
    } else if (type == NBD_REPLY_OFFSET_HOLE) {
        ret = take_hole(c, r, len);
    } else if (type == NBD_REPLY_BLOCK_STATUS) {
        ret = take_status(c, r, len);
    } else {
        ret = type == NBD_REPLY_NONE && len == 0 && flags & NBD_REPLY_FLAG_DONE
            ? 0 : -EPROTO;
    }
    if (ret >= 0 && flags & NBD_REPLY_FLAG_DONE) {
        finish(c, r);
    }
    return ret;
}

static int take_simple(Connection *c)
{
    uint8_t h[NBD_SIMPLE_SIZE - 4];
    int ret = nbd_sock_read(&c->sock, h, sizeof(h));

    if (ret < 0) {
        return ret;
    }
    uint32_t error = nbd_get32(h);
    Request *r = find_request(c, nbd_get64(h + 4));

    if (!r || (c->info.structured && r->type == NBD_CMD_READ) ||
        r->type == NBD_CMD_BLOCK_STATUS) {
        return r && error && r->type == NBD_CMD_BLOCK_STATUS
             ? (r->ret = -nbd_error_from_wire(error), finish(c, r), 0) : -EPROTO;
    }
    if (error) {
        r->ret = -nbd_error_from_wire(error);
    } else if (r->type == NBD_CMD_READ) {
        ret = take_data(c, r, r->off, r->len);
    }
    if (ret >= 0) {
        finish(c, r);
    }
    return ret;
}

static void free_connection(Connection *c)
{
    Client *s = c->owner;

    nbd_sock_close(&c->sock);
    nbd_free_info(&c->info);
    free(c);
    if (--s->connections == 0) {
        co_queue_all(&s->gone);
    }
}

static void unuse(Connection *c)
{
    if (--c->users == 0) {
        free_connection(c);
    }
}

/* All requests of a connection that broke start again. */
static void lose(Connection *c, int why)
{
    Client *s = c->owner;

    c->dead = true;
    nbd_sock_shutdown(&c->sock);
    if (s->conn == c) {
        s->conn = NULL;
        s->lost_at = s->lost_at ? s->lost_at : aio_now_ns();
        if (!s->closing) {
            fprintf(stderr, "%s: %s\n", s->name, why == -EPROTO
                    ? "the server breaks the NBD protocol: not asked again"
                    : "the NBD server closed the connection");
        }
    }
    s->broken |= why == -EPROTO;
    while (c->requests) {
        Request *r = c->requests;

        c->requests = r->next;
        r->lost = r->done = true;
        if (r->waiting) {
            r->waiting = false;
            coroutine_wake(r->co);
        }
    }
}

static void read_answers(void *opaque)
{
    Connection *c = opaque;
    int ret = 0;

    while (ret >= 0) {
        uint8_t magic[4];

        ret = nbd_sock_read(&c->sock, magic, sizeof(magic));
        if (ret >= 0) {
            ret = nbd_get32(magic) == NBD_SIMPLE_MAGIC ? take_simple(c)
                : nbd_get32(magic) == NBD_CHUNK_MAGIC ? take_chunk(c) : -EPROTO;
        }
    }
    lose(c, ret);
    unuse(c);
}

/* -- Connections ------------------------------------------------------------- */

static int check_export(const Client *s, const NbdExportInfo *info, bool first,
                        bool read_only, Error *err)
{
    if (!first && info->size != s->size) {
        return error_set(err, EPROTO, "%s: the export has another size now", s->name);
    }
    if (!first && info->min_block > s->min_block) {
        return error_set(err, EPROTO, "%s: the export has larger blocks now", s->name);
    }
    if (!read_only && info->flags & NBD_FLAG_READ_ONLY) {
        return error_set(err, EROFS, "%s: the export is read-only: use readonly=on", s->name);
    }
    return 0;
}

static int open_connection(Client *s, bool first, bool read_only, Error *err)
{
    Connection *c = xzalloc(sizeof(*c));

    c->owner = s;
    nbd_sock_init(&c->sock, -1);
    nbd_sock_limit(&c->sock, HANDSHAKE_SECONDS * SECOND);
    int ret = nbd_sock_connect(&c->sock, &s->address, err);
    if (ret >= 0) {
        ret = nbd_negotiate(&c->sock, s->address.export_name, &c->info, err);
    }
    if (ret >= 0) {
        ret = check_export(s, &c->info, first, read_only, err);
    }
    s->connections++;
    if (ret < 0) {
        free_connection(c);
        return ret;
    }
    nbd_sock_limit(&c->sock, 0);
    s->size = c->info.size;
    s->min_block = first ? c->info.min_block : s->min_block;
    s->conn = c;
    c->users = 1;                       /* the reader */
    coroutine_enter(coroutine_create(read_answers, c));
    return 0;
}

/* How long may this request wait, from now on?  Less than zero: not at all. */
static int64_t patience(const Client *s)
{
    return s->closing || s->broken ? -1 : s->lost_at + s->delay_ns - aio_now_ns();
}

/* With s->connecting locked. */
static void reconnect(Client *s, bool read_only)
{
    bool once = aio_now_ns() - s->tried_at > SECOND;
    int64_t pause = SECOND / 20;
    Error err = { "" };

    while (!s->conn && (once || patience(s) > 0) && !s->broken && !s->closing) {
        int64_t since = aio_now_ns() - s->tried_at;

        if (!once && since < pause) {
            aio_co_sleep(MIN(pause - since, MAX(patience(s), 1)));
        }
        once = false;
        s->tried_at = aio_now_ns();
        int ret = open_connection(s, false, read_only, &err);

        if (ret >= 0) {
            fprintf(stderr, "%s: connected to the NBD server again\n", s->name);
        } else if (ret == -EPROTO || ret == -EROFS) {
            fprintf(stderr, "%s: given up: %s\n", s->name, err.msg);
            s->broken = true;
        }
        pause = MIN(pause * 2, SECOND);
    }
}

/* The connection to use, counted; NULL: there is none. */
static Connection *use_connection(Client *s, bool read_only)
{
    if (!s->conn) {
        co_mutex_lock(&s->connecting);
        reconnect(s, read_only);
        co_mutex_unlock(&s->connecting);
    }
    if (s->conn) {
        s->conn->users++;
    }
    return s->conn;
}

/* -- Requests ---------------------------------------------------------------- */

static int send_request(Connection *c, const Request *r)
{
    uint8_t h[NBD_REQUEST_SIZE];
    bool data = r->type == NBD_CMD_WRITE;

    nbd_put32(h, NBD_REQUEST_MAGIC);
    nbd_put16(h + 4, r->flags);
    nbd_put16(h + 6, r->type);
    nbd_put64(h + 8, r->handle);
    nbd_put64(h + 16, r->off);
    nbd_put32(h + 24, (uint32_t)r->len);
    co_mutex_lock(&c->send);
    int ret = c->dead ? -ECONNRESET
            : nbd_sock_writev(&c->sock, h, sizeof(h), data ? r->qiov : NULL, r->at,
                              data ? r->len : 0);
    co_mutex_unlock(&c->send);
    return ret;
}

/* True: answered, in r->ret; false: the connection was lost meanwhile. */
static bool try_request(Client *s, Connection *c, Request *r)
{
    r->handle = s->next_handle++;
    r->done = r->lost = false;
    r->ret = 0;
    r->received = r->status_len = 0;
    free(r->seen);
    r->seen = NULL;
    if (c->dead) {
        return false;
    }
    r->next = c->requests;
    c->requests = r;
    if (send_request(c, r) < 0) {
        nbd_sock_shutdown(&c->sock);    /* the reader notices, and tells all */
    }
    while (!r->done) {
        r->waiting = true;
        coroutine_yield();
    }
    return !r->lost;
}

/* A request that breaks one connection after the other is not for this server. */
static bool may_try(const Client *s, int tries)
{
    return tries == 0 || (s->delay_ns && tries < MAX_TRIES);
}

static int perform(BlockDriverState *bs, Request *r)
{
    Client *s = bs->opaque;
    bool answered = false;
    int tries = 0;

    while (s->in_flight >= MAX_IN_FLIGHT) {
        co_queue_wait(&s->slots);
    }
    s->in_flight++;
    r->co = coroutine_self();
    r->ret = -EIO;
    while (!answered) {
        Connection *c = may_try(s, tries++) ? use_connection(s, bs->read_only) : NULL;

        if (!c) {
            r->ret = -EIO;
            break;
        }
        answered = try_request(s, c, r);
        unuse(c);
    }
    free(r->seen);
    s->in_flight--;
    co_queue_next(&s->slots);
    return r->ret;
}

static uint64_t piece_size(const Client *s)
{
    return s->conn ? s->conn->info.max_block : NBD_MAX_PAYLOAD;
}

static uint16_t flags_of(const Client *s)
{
    return s->conn ? s->conn->info.flags : 0;
}

/* Without a connection there are no flags: a request brings one about. */
static int nbd_flush(BlockDriverState *bs)
{
    Client *s = bs->opaque;
    Request r = { .type = NBD_CMD_FLUSH };

    if (s->conn && !(flags_of(s) & NBD_FLAG_SEND_FLUSH)) {
        return 0;
    }
    return perform(bs, &r);
}

/* The disk is whole sectors; of the last one the server may have a part. */
static int nbd_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                      const QEMUIOVector *qiov, size_t at)
{
    const Client *s = bs->opaque;
    uint64_t there = off < s->size ? MIN(len, s->size - off) : 0;
    int ret = 0;

    iov_memset(qiov, at + there, 0, len - there);
    while (there && ret >= 0) {
        uint64_t n = MIN(there, piece_size(s));
        Request r = { .type = NBD_CMD_READ, .off = off, .len = n, .qiov = qiov, .at = at };

        ret = perform(bs, &r);
        off += n;
        at += n;
        there -= n;
    }
    return ret;
}

static int write_pieces(BlockDriverState *bs, uint64_t off, uint64_t len,
                        const QEMUIOVector *qiov, size_t at, uint16_t flags)
{
    const Client *s = bs->opaque;
    uint64_t there = off < s->size ? MIN(len, s->size - off) : 0;
    int ret = iov_is_zero(qiov, at + there, len - there) ? 0 : -ENOSPC;

    while (there && ret >= 0) {
        uint64_t n = MIN(there, piece_size(s));
        Request r = { .type = NBD_CMD_WRITE, .flags = flags, .off = off, .len = n,
                      .qiov = qiov, .at = at };

        ret = perform(bs, &r);
        off += n;
        at += n;
        there -= n;
    }
    return ret;
}

/* FUA: this write shall be safe when it is done. */
static int nbd_pwritev_fua(BlockDriverState *bs, uint64_t off, uint64_t len,
                           const QEMUIOVector *qiov, size_t at)
{
    bool has_fua = flags_of(bs->opaque) & NBD_FLAG_SEND_FUA;
    int ret = write_pieces(bs, off, len, qiov, at, has_fua ? NBD_CMD_FLAG_FUA : 0);

    return ret < 0 || has_fua ? ret : nbd_flush(bs);
}

static int nbd_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                       const QEMUIOVector *qiov, size_t at)
{
    return write_pieces(bs, off, len, qiov, at, 0);
}

/* Requests without data. */
static int do_range(BlockDriverState *bs, uint16_t type, uint16_t flags, uint64_t off,
                    uint64_t len)
{
    const Client *s = bs->opaque;
    int ret = 0;

    len = off < s->size ? MIN(len, s->size - off) : 0;
    while (len && ret >= 0) {
        uint64_t n = MIN(len, RANGE_MAX);
        Request r = { .type = type, .flags = flags, .off = off, .len = n };

        ret = perform(bs, &r);
        off += n;
        len -= n;
    }
    return ret;
}

static int nbd_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len, int flags)
{
    uint16_t keep = flags & BDRV_REQ_MAY_UNMAP ? 0 : NBD_CMD_FLAG_NO_HOLE;

    if (!(flags_of(bs->opaque) & NBD_FLAG_SEND_WRITE_ZEROES)) {
        return -ENOTSUP;
    }
    return do_range(bs, NBD_CMD_WRITE_ZEROES, keep, off, len);
}

static int nbd_discard(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    if (!(flags_of(bs->opaque) & NBD_FLAG_SEND_TRIM)) {
        return -ENOTSUP;
    }
    return do_range(bs, NBD_CMD_TRIM, 0, off, len);
}

static int nbd_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                            uint64_t *num, uint64_t *map)
{
    const Client *s = bs->opaque;
    const int have = BDRV_BLOCK_ALLOCATED | BDRV_BLOCK_OFFSET;
    Request r = { .type = NBD_CMD_BLOCK_STATUS, .flags = NBD_CMD_FLAG_REQ_ONE, .off = off };

    *map = off;
    *num = len;
    if (off >= s->size) {
        return have | BDRV_BLOCK_ZERO;
    }
    r.len = *num = align_down(MIN(MIN(len, s->size - off), RANGE_MAX), bs->read_align);
    if (r.len == 0 || off % bs->read_align || !s->conn || !s->conn->info.has_status) {
        *num = MIN(len, s->size - off);
        return have | BDRV_BLOCK_DATA;
    }
    int ret = perform(bs, &r);
    if (ret >= 0 && r.status_len == 0) {
        ret = -EIO;
    }
    if (ret < 0) {
        return ret;
    }
    *num = r.status_len;
    return have | (r.status & NBD_STATE_ZERO ? BDRV_BLOCK_ZERO : BDRV_BLOCK_DATA);
}

/* -- Life -------------------------------------------------------------------- */

typedef struct Opening {
    BlockDriverState *bs;
    Error *err;
} Opening;

static int do_open(void *arg)
{
    const Opening *o = arg;

    return open_connection(o->bs->opaque, true, o->bs->read_only, o->err);
}

static void free_client(Client *s)
{
    nbd_free_address(&s->address);
    free(s->name);
}

static int open_address(BlockDriverState *bs, bool is_unix, const BlockOpts *opts, Error *err)
{
    Client *s = bs->opaque;
    uint64_t delay = DEFAULT_DELAY;
    int ret = opts_get_size(opts, "reconnect-delay", &delay, err);

    if (ret >= 0) {
        ret = nbd_parse_address(bs->filename, is_unix, &s->address, err);
    }
    if (ret < 0) {
        free_client(s);
        return ret;
    }
    s->delay_ns = (int64_t)MIN(delay, 1u << 30) * SECOND;
    s->next_handle = 1;
    s->name = xasprintf("nbd%s:%s", is_unix ? "+unix" : "", bs->filename);
    ret = aio_run_sync(do_open, &(Opening){ bs, err });
    if (ret < 0) {
        free_client(s);
        return ret;
    }
    bs->length = align_up(s->size, BDRV_SECTOR_SIZE);
    bs->read_align = bs->write_align = s->min_block;
    return 0;
}

static int nbd_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    return open_address(bs, false, opts, err);
}

static int nbd_unix_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    return open_address(bs, true, opts, err);
}

static int do_close(void *arg)
{
    Client *s = arg;
    Connection *c = s->conn;

    if (c) {
        Request r = { .type = NBD_CMD_DISC, .handle = s->next_handle++ };

        c->users++;
        send_request(c, &r);
        nbd_sock_shutdown(&c->sock);
        unuse(c);
    }
    while (s->connections) {
        co_queue_wait(&s->gone);
    }
    return 0;
}

static void nbd_close(BlockDriverState *bs)
{
    Client *s = bs->opaque;

    s->closing = true;
    aio_run_sync(do_close, s);
    free_client(s);
}

#define NBD_OPERATIONS                          \
    .state_size = sizeof(Client),               \
    .open_opts = open_opts,                     \
    .close = nbd_close,                         \
    .co_preadv = nbd_preadv,                    \
    .co_pwritev = nbd_pwritev,                  \
    .co_pwritev_fua = nbd_pwritev_fua,          \
    .co_write_zeroes = nbd_write_zeroes,        \
    .co_discard = nbd_discard,                  \
    .co_flush_to_disk = nbd_flush,              \
    .co_block_status = nbd_block_status

const BlockDriver bdrv_nbd = {
    .name = "nbd",
    .protocol = "nbd",
    .open = nbd_open,
    NBD_OPERATIONS,
};

const BlockDriver bdrv_nbd_unix = {
    .name = "nbd+unix",
    .protocol = "nbd+unix",
    .open = nbd_unix_open,
    NBD_OPERATIONS,
};
