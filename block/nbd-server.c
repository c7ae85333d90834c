/* SPDX-License-Identifier: MIT */
/*
 * NBD server: clients and the transmission phase (NBD protocol, "Transmission
 * phase"); the handshake is in nbd-options.c.
 *
 *   listening socket --> client: a coroutine reads its requests
 *                          `--> a coroutine per request: disk, then the answer
 *
 * Answers come in the order in which the disk is done.  Long reads are sent as
 * pieces of data and holes, if the client knows structured replies.  All clients of
 * a drive share it, so a flush of one covers the writes of all: that is what the
 * multi-conn flag promises.
 *
 * Not modelled: TLS, resizing, fast zeroes, dirty bitmaps, a limit on the memory of all
 * clients together: each may have 64 MiB of requests in flight.
 */
#include "block/nbd-server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "block/block-int.h"
#include "block/nbd-server-int.h"
#include "util/bits.h"
#include "util/mem.h"

#define SECOND 1000000000ll

enum {
    MAX_IN_FLIGHT = 64, MAX_BYTES = 64 << 20, HANDSHAKE_SECONDS = 10,
    SPARSE_READ = 64 << 10,             /* shorter reads are one piece */
    MAX_EXTENTS = 1024, CACHE_PIECE = 1 << 20,
};

struct NbdServer {
    NbdServerConfig cfg;
    int listen_fd;
    bool accepting;
    AioTimer again;                     /* after a failed accept() */
    NbdClient *clients;
    int num_clients;
    CoQueue none_left;
};

typedef struct Request {
    NbdClient *c;
    uint16_t flags, type;
    uint64_t handle, off, len;
    uint8_t *data;                      /* of reads and writes */
} Request;

static void accept_clients(void *opaque);

const NbdServerConfig *nbd_server_config(const NbdServer *s) { return &s->cfg; }

void nbd_server_report(const NbdServer *s, const char *fmt, ...)
{
    char line[400];
    va_list ap;

    if (s->cfg.report) {
        va_start(ap, fmt);
        vsnprintf(line, sizeof(line), fmt, ap);
        va_end(ap);
        s->cfg.report(s->cfg.opaque, line);
    }
}

uint16_t nbd_server_flags(const NbdServer *s, const NbdExport *e, bool structured)
{
    unsigned flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA |
                     NBD_FLAG_SEND_CACHE;

    flags |= structured ? NBD_FLAG_SEND_DF : 0;
    flags |= e->read_only ? NBD_FLAG_READ_ONLY
                          : NBD_FLAG_SEND_TRIM | NBD_FLAG_SEND_WRITE_ZEROES;
    flags |= s->cfg.max_clients > 1 ? NBD_FLAG_CAN_MULTI_CONN : 0;
    return (uint16_t)flags;
}

/* -- Answers ----------------------------------------------------------------- */

/* A client that does not take its answers is disconnected; its reader ends it. */
static int send_answer(NbdClient *c, const uint8_t *head, size_t head_len,
                       const void *data, size_t len)
{
    struct iovec one;
    QEMUIOVector q;

    iov_init_buf(&q, &one, (void *)(uintptr_t)data, len);
    co_mutex_lock(&c->send);
    int ret = nbd_sock_writev(&c->sock, head, head_len, &q, 0, len);
    co_mutex_unlock(&c->send);
    if (ret < 0) {
        nbd_sock_shutdown(&c->sock);
    }
    return ret;
}

static int send_simple(const Request *r, int errnum, const void *data, size_t len)
{
    uint8_t h[NBD_SIMPLE_SIZE];

    nbd_put32(h, NBD_SIMPLE_MAGIC);
    nbd_put32(h + 4, errnum ? nbd_error_to_wire(errnum) : 0);
    nbd_put64(h + 8, r->handle);
    return send_answer(r->c, h, sizeof(h), data, len);
}

/* extra: bytes in front of data, at h + NBD_CHUNK_SIZE already. */
static int send_chunk(const Request *r, uint8_t *h, unsigned type, bool last, size_t extra,
                      const void *data, size_t len)
{
    nbd_put32(h, NBD_CHUNK_MAGIC);
    nbd_put16(h + 4, last ? NBD_REPLY_FLAG_DONE : 0);
    nbd_put16(h + 6, type);
    nbd_put64(h + 8, r->handle);
    nbd_put32(h + 16, (uint32_t)(extra + len));
    return send_answer(r->c, h, NBD_CHUNK_SIZE + extra, data, len);
}

static int send_error(const Request *r, int errnum)
{
    uint8_t h[NBD_CHUNK_SIZE + 6];
    const char *text = strerror(errnum);
    bool needs_chunk = r->type == NBD_CMD_READ || r->type == NBD_CMD_BLOCK_STATUS;

    nbd_server_report(r->c->server, "request %u at %llu, %llu bytes: %s", r->type,
                      (unsigned long long)r->off, (unsigned long long)r->len, text);
    if (!r->c->structured || !needs_chunk) {
        return send_simple(r, errnum, NULL, 0);
    }
    nbd_put32(h + NBD_CHUNK_SIZE, nbd_error_to_wire(errnum));
    nbd_put16(h + NBD_CHUNK_SIZE + 4, (unsigned)strlen(text));
    return send_chunk(r, h, NBD_REPLY_ERROR, true, 6, text, strlen(text));
}

/* -- Reading ----------------------------------------------------------------- */

typedef struct Extent {
    uint64_t num;
    uint32_t flags, depth;              /* NBD_STATE_xxx; 0: nobody has it */
} Extent;

/* Whoever in the chain of backing images has it. */
static int get_extent(BlockDriverState *bs, uint64_t off, uint64_t len, Extent *e)
{
    uint32_t depth = 0;

    *e = (Extent){ .num = len, .flags = NBD_STATE_HOLE | NBD_STATE_ZERO };
    for (; bs && off < bs->length; bs = bs->backing) {
        int ret = bdrv_co_block_status(bs, off, e->num, &e->num, NULL);

        if (ret < 0 || e->num == 0) {
            return ret < 0 ? ret : -EIO;
        }
        depth++;
        if (ret & BDRV_BLOCK_ALLOCATED) {
            e->flags = ret & BDRV_BLOCK_ZERO ? NBD_STATE_HOLE | NBD_STATE_ZERO : 0;
            e->depth = depth;
            break;
        }
    }
    return 0;
}

static int read_disk(const Request *r, uint64_t off, uint64_t len)
{
    const NbdExport *e = r->c->export;
    struct iovec one;
    QEMUIOVector q;

    iov_init_buf(&q, &one, r->data + (off - r->off), len);
    return bdrv_co_preadv(e->bs, e->offset + off, len, &q, 0);
}

/* False: an error was sent, or the client is gone. */
static bool send_piece(const Request *r, uint64_t off, uint64_t len, bool zero, bool last)
{
    uint8_t h[NBD_CHUNK_SIZE + 12];

    nbd_put64(h + NBD_CHUNK_SIZE, off);
    if (zero) {
        nbd_put32(h + NBD_CHUNK_SIZE + 8, (uint32_t)len);
        return send_chunk(r, h, NBD_REPLY_OFFSET_HOLE, last, 12, NULL, 0) >= 0;
    }
    int ret = read_disk(r, off, len);

    if (ret < 0) {
        send_error(r, -ret);
        return false;
    }
    return send_chunk(r, h, NBD_REPLY_OFFSET_DATA, last, 8, r->data + (off - r->off), len) >= 0;
}

/* Data and holes, in order. */
static void read_sparse(const Request *r)
{
    const NbdExport *e = r->c->export;
    uint64_t off = r->off, end = r->off + r->len;
    bool going = true;

    while (off < end && going) {
        Extent x;
        int ret = get_extent(e->bs, e->offset + off, end - off, &x);
        if (ret < 0) {
            send_error(r, -ret);
            return;
        }
        going = send_piece(r, off, x.num, x.flags & NBD_STATE_ZERO, off + x.num == end);
        off += x.num;
    }
}

static int do_read(const Request *r)
{
    bool whole = r->flags & NBD_CMD_FLAG_DF || r->len < SPARSE_READ;
    uint8_t h[NBD_CHUNK_SIZE];

    if (r->c->structured) {
        if (r->len == 0) {
            send_chunk(r, h, NBD_REPLY_NONE, true, 0, NULL, 0);
        } else if (whole) {
            send_piece(r, r->off, r->len, false, true);
        } else {
            read_sparse(r);
        }
        return 1;
    }
    int ret = read_disk(r, r->off, r->len);

    if (ret >= 0) {
        send_simple(r, 0, r->data, r->len);
        ret = 1;
    }
    return ret;
}

/* Read into the host's cache. */
static int do_cache(const Request *r)
{
    Request piece = *r;
    uint8_t *buf = bdrv_memalign(r->c->export->bs, CACHE_PIECE);
    int ret = buf ? 0 : -ENOMEM;

    piece.data = buf;
    while (ret >= 0 && piece.len) {
        uint64_t n = MIN(piece.len, CACHE_PIECE);

        ret = read_disk(&piece, piece.off, n);
        piece.off += n;
        piece.len -= n;
    }
    free(buf);
    return ret;
}

/* -- Block status ------------------------------------------------------------ */

typedef uint8_t ExtentOnWire[8];

/* Neighbours that are alike become one.  Returns their number or -errno. */
static int list_extents(const Request *r, int context, ExtentOnWire *list)
{
    const NbdExport *e = r->c->export;
    uint64_t off = r->off, end = r->off + r->len;
    int num = 0, max = r->flags & NBD_CMD_FLAG_REQ_ONE ? 1 : MAX_EXTENTS;

    for (int steps = 0; off < end && steps < 4 * MAX_EXTENTS; steps++) {
        Extent x;
        int ret = get_extent(e->bs, e->offset + off, end - off, &x);
        uint32_t flags = context == CONTEXT_DEPTH ? x.depth : x.flags;

        if (ret < 0) {
            return ret;
        }
        if (num && nbd_get32(list[num - 1] + 4) == flags) {
            nbd_put32(list[num - 1], nbd_get32(list[num - 1]) + (uint32_t)x.num);
        } else if (num == max) {
            break;
        } else {
            nbd_put32(list[num], (uint32_t)x.num);
            nbd_put32(list[num++] + 4, flags);
        }
        off += x.num;
    }
    return num;
}

static int do_status(const Request *r)
{
    NbdClient *c = r->c;
    int left = 0;

    for (int i = 0; i < NUM_CONTEXTS; i++) {
        left += c->context[i];
    }
    if (!left || !c->structured || r->len == 0) {
        return -EINVAL;
    }
    ExtentOnWire *list = xmalloc(MAX_EXTENTS * sizeof(*list));
    int ret = 0;

    for (unsigned i = 0; i < NUM_CONTEXTS && ret >= 0; i++) {
        uint8_t h[NBD_CHUNK_SIZE + 4];
        int num = c->context[i] ? list_extents(r, (int)i, list) : 0;

        if (num > 0) {
            nbd_put32(h + NBD_CHUNK_SIZE, i);
            send_chunk(r, h, NBD_REPLY_BLOCK_STATUS, --left == 0, 4, list,
                       (size_t)num * sizeof(*list));
        }
        ret = num;
    }
    free(list);
    return ret < 0 ? ret : 1;
}

/* -- Writing ----------------------------------------------------------------- */

static int do_write(const Request *r)
{
    const NbdExport *e = r->c->export;
    bool safe = r->flags & NBD_CMD_FLAG_FUA || e->bs->flags & BDRV_O_WRITETHROUGH;
    struct iovec one;
    QEMUIOVector q;

    iov_init_buf(&q, &one, r->data, r->len);
    return blk_co_pwritev(e->bs, e->offset + r->off, r->len, &q, 0,
                          safe ? BDRV_REQ_FUA : 0);
}

static int do_write_zeroes(const Request *r)
{
    const NbdExport *e = r->c->export;
    bool safe = r->flags & NBD_CMD_FLAG_FUA || e->bs->flags & BDRV_O_WRITETHROUGH;

    return bdrv_co_write_zeroes(e->bs, e->offset + r->off, r->len,
                                (safe ? BDRV_REQ_FUA : 0) |
                                (r->flags & NBD_CMD_FLAG_NO_HOLE ? 0 : BDRV_REQ_MAY_UNMAP));
}

static int do_trim(const Request *r)
{
    const NbdExport *e = r->c->export;
    int ret = bdrv_co_discard(e->bs, e->offset + r->off, r->len);

    return ret >= 0 && r->flags & NBD_CMD_FLAG_FUA ? bdrv_co_flush(e->bs) : ret;
}

static int do_flush(const Request *r)
{
    return bdrv_co_flush(r->c->export->bs);
}

/* -- Requests ---------------------------------------------------------------- */

/* run(): 0, -errno, or 1: answered already. */
static const struct Command {
    int (*run)(const Request *r);
    bool writes, data;                  /* data: memory for len bytes */
    uint16_t flags;                     /* allowed, besides FUA */
} commands[] = {
    [NBD_CMD_READ] = { do_read, false, true, NBD_CMD_FLAG_DF },
    [NBD_CMD_WRITE] = { do_write, true, true, 0 },
    [NBD_CMD_FLUSH] = { do_flush, false, false, 0 },
    [NBD_CMD_TRIM] = { do_trim, true, false, 0 },
    [NBD_CMD_CACHE] = { do_cache, false, false, 0 },
    [NBD_CMD_WRITE_ZEROES] = { do_write_zeroes, true, false, NBD_CMD_FLAG_NO_HOLE },
    [NBD_CMD_BLOCK_STATUS] = { do_status, false, false, NBD_CMD_FLAG_REQ_ONE },
};

static const struct Command *find_command(unsigned type)
{
    return type < ARRAY_SIZE(commands) && commands[type].run ? &commands[type] : NULL;
}

/* Of a request that is complete: 0 or -errno for its answer. */
static int check_request(const Request *r)
{
    const struct Command *cmd = find_command(r->type);
    const NbdExport *e = r->c->export;

    if (!cmd || r->flags & ~(cmd->flags | NBD_CMD_FLAG_FUA) ||
        (r->type == NBD_CMD_READ && r->len > NBD_MAX_PAYLOAD)) {
        return -EINVAL;
    }
    if (cmd->writes && e->read_only) {
        return -EPERM;
    }
    if (r->type == NBD_CMD_FLUSH) {
        return 0;
    }
    return r->off <= e->size && r->len <= e->size - r->off ? 0
         : cmd->writes ? -ENOSPC : -EINVAL;
}

static void request_entry(void *opaque)
{
    Request *r = opaque;
    NbdClient *c = r->c;
    int ret = check_request(r);

    if (ret >= 0) {
        ret = commands[r->type].run(r);
    }
    if (ret < 0) {
        send_error(r, -ret);
    } else if (ret == 0) {
        send_simple(r, 0, NULL, 0);
    }
    c->in_flight--;
    c->bytes -= r->data ? r->len : 0;
    free(r->data);
    free(r);
    co_queue_all(&c->room);
}

static void wait_for_room(NbdClient *c, uint64_t bytes)
{
    while (c->in_flight >= MAX_IN_FLIGHT || (c->bytes && c->bytes + bytes > MAX_BYTES)) {
        co_queue_wait(&c->room);
    }
}

/* Memory, and what the client sends along. */
static int read_payload(Request *r)
{
    NbdClient *c = r->c;
    const struct Command *cmd = find_command(r->type);
    int ret = 0;

    if (r->type == NBD_CMD_WRITE && r->len > NBD_MAX_PAYLOAD) {
        return -EPROTO;                 /* too much even to skip it */
    }
    if (cmd && cmd->data && r->len && r->len <= NBD_MAX_PAYLOAD) {
        wait_for_room(c, r->len);
        r->data = bdrv_memalign(c->export->bs, r->len);
        if (!r->data) {
            return -ENOMEM;
        }
        if (r->type == NBD_CMD_WRITE) {
            ret = nbd_sock_read(&c->sock, r->data, r->len);
        }
        if (ret < 0) {
            free(r->data);
            r->data = NULL;
        }
    }
    return ret;
}

/* Less than zero: the end of this client. */
static int next_request(NbdClient *c)
{
    uint8_t h[NBD_REQUEST_SIZE];
    int ret;

    wait_for_room(c, 0);
    ret = nbd_sock_read(&c->sock, h, sizeof(h));
    if (ret < 0) {
        return ret;
    }
    if (nbd_get32(h) != NBD_REQUEST_MAGIC) {
        return -EPROTO;
    }
    if (nbd_get16(h + 6) == NBD_CMD_DISC) {
        return -ECONNABORTED;
    }
    Request *r = xzalloc(sizeof(*r));

    *r = (Request){ .c = c, .flags = nbd_get16(h + 4), .type = nbd_get16(h + 6),
                    .handle = nbd_get64(h + 8), .off = nbd_get64(h + 16),
                    .len = nbd_get32(h + 24) };
    ret = read_payload(r);
    if (ret < 0) {
        free(r);
        return ret;
    }
    c->in_flight++;
    c->bytes += r->data ? r->len : 0;
    coroutine_enter(coroutine_create(request_entry, r));
    return 0;
}

/* -- Clients ----------------------------------------------------------------- */

static void watch_listener(NbdServer *s)
{
    bool want = s->listen_fd >= 0 && s->num_clients < s->cfg.max_clients && !s->again.armed;

    if (want != s->accepting && s->listen_fd >= 0) {
        s->accepting = want;
        aio_set_fd(s->listen_fd, want ? accept_clients : NULL, NULL, s);
    }
}

static void client_left(NbdClient *c, int why)
{
    NbdServer *s = c->server;
    NbdClient **p = &s->clients;
    bool counted = c->counted;

    while (*p != c) {
        p = &(*p)->next;
    }
    *p = c->next;
    nbd_server_report(s, "a client left%s%s", why == -ECONNABORTED ? "" : ": ",
                      why == -ECONNABORTED ? "" : strerror(-why));
    nbd_sock_close(&c->sock);
    free(c);
    s->num_clients--;
    watch_listener(s);
    if (counted && s->cfg.left) {
        s->cfg.left(s->cfg.opaque, s->num_clients);
    }
    if (s->num_clients == 0) {
        co_queue_all(&s->none_left);
    }
}

static void client_entry(void *opaque)
{
    NbdClient *c = opaque;
    int ret = 0;

    if (!c->export) {
        nbd_sock_limit(&c->sock, HANDSHAKE_SECONDS * SECOND);
        ret = nbd_options(c);
        nbd_sock_limit(&c->sock, 0);
    }
    if (ret >= 0) {
        c->counted = true;
        nbd_server_report(c->server, "a client uses export \"%s\"", c->export->name);
    }
    while (ret >= 0) {
        ret = next_request(c);
    }
    if (ret != -ECONNABORTED) {
        nbd_sock_shutdown(&c->sock);
    }
    nbd_sock_limit(&c->sock, HANDSHAKE_SECONDS * SECOND);
    while (c->in_flight) {
        co_queue_wait(&c->room);
    }
    client_left(c, ret);
}

void nbd_server_serve(NbdServer *s, int fd, const NbdExport *e)
{
    NbdClient *c = xzalloc(sizeof(*c));
    int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    nbd_sock_init(&c->sock, fd);
    c->server = s;
    c->export = e;
    c->next = s->clients;
    s->clients = c;
    s->num_clients++;
    watch_listener(s);
    coroutine_enter(coroutine_create(client_entry, c));
}

static void try_again(void *opaque)
{
    watch_listener(opaque);
}

static void accept_clients(void *opaque)
{
    NbdServer *s = opaque;
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0) {
        nbd_server_serve(s, fd, NULL);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        aio_timer_set(&s->again, SECOND);
        watch_listener(s);
    }
}

NbdServer *nbd_server_new(const NbdServerConfig *config)
{
    NbdServer *s = xzalloc(sizeof(*s));

    s->cfg = *config;
    s->cfg.max_clients = config->max_clients > 0
                       ? MIN(config->max_clients, NBD_SERVER_MAX_CLIENTS)
                       : NBD_SERVER_MAX_CLIENTS;
    s->listen_fd = -1;
    s->again = (AioTimer){ .fn = try_again, .opaque = s };
    return s;
}

void nbd_server_listen(NbdServer *s, int fd)
{
    s->listen_fd = fd;
    watch_listener(s);
}

static int wait_for_all(void *arg)
{
    NbdServer *s = arg;

    while (s->clients) {
        co_queue_wait(&s->none_left);
    }
    return 0;
}

void nbd_server_free(NbdServer *s)
{
    aio_timer_cancel(&s->again);
    if (s->listen_fd >= 0) {
        aio_set_fd(s->listen_fd, NULL, NULL, NULL);
        close(s->listen_fd);
        s->listen_fd = -1;
    }
    s->cfg.left = NULL;
    for (NbdClient *c = s->clients; c; c = c->next) {
        nbd_sock_shutdown(&c->sock);
    }
    aio_run_sync(wait_for_all, s);
    free(s);
}
