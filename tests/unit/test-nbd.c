/* SPDX-License-Identifier: MIT */
/*
 * NBD on the wire (doc/proto.md of the NetworkBlockDevice project): what our client
 * says to a server played by a thread here, and what it does with answers that no
 * honest server gives.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "block/block-int.h"
#include "block/nbd-proto.h"
#include "sys/loop.h"
#include "tests/test.h"
#include "util/bits.h"
#include "util/mem.h"

enum { DISK = 1 << 20 };

/* What the server does instead of the right thing. */
typedef enum Lie {
    HONEST, BAD_MAGIC, OLD_STYLE, HUGE_REPLY, WRONG_OPTION, ODD_MIN_BLOCK, HUGE_SIZE, NO_SIZE,
    UNKNOWN_EXPORT, FIRST_OF_TRANSMISSION,
    WRONG_HANDLE = FIRST_OF_TRANSMISSION, WRONG_REPLY_MAGIC, DATA_BEFORE, DATA_BEHIND,
    DATA_TOO_LONG, DATA_TWICE, HOLE_TOO_LONG, HOLE_ODD, TOO_LITTLE, SIMPLE_FOR_READ,
    STATUS_FOR_READ, ERROR_WITHOUT_NUMBER, HALF_TWICE, HOLE_OVER_DATA, OVERLAP, HANG_UP, NUM_LIES,
    OTHER_BLOCKS,
} Lie;

typedef struct Server {
    Lie lie;
    int listen_fd, fd;
    char *path;
    pthread_t thread;
    uint32_t client_flags;
    uint32_t options[16];
    int num_options;
    uint16_t last_type, last_flags;     /* of requests */
    uint64_t last_off;
    uint32_t last_len;
    int writes, flushes;
    int times;                          /* a client came */
    int crowd;                          /* who connected before the client */
} Server;

static bool get(Server *s, void *buf, size_t len)
{
    return len == 0 || recv(s->fd, buf, len, MSG_WAITALL) == (ssize_t)len;
}

static void put(Server *s, const void *buf, size_t len)
{
    if (send(s->fd, buf, len, MSG_NOSIGNAL) < 0) {
        return;                         /* the client has left: get() will say so */
    }
}

static void reply(Server *s, uint32_t option, uint32_t type, const void *data, uint32_t len)
{
    uint8_t h[20];

    nbd_put64(h, NBD_OPT_REPLY_MAGIC);
    nbd_put32(h + 8, s->lie == WRONG_OPTION ? option + 1 : option);
    nbd_put32(h + 12, type);
    nbd_put32(h + 16, s->lie == HUGE_REPLY ? 1u << 30 : len);
    put(s, h, sizeof(h));
    put(s, data, len);
}

static void answer_go(Server *s)
{
    uint8_t d[14];

    if (s->lie == UNKNOWN_EXPORT) {
        reply(s, NBD_OPT_GO, NBD_REP_ERR_UNKNOWN, "gone", 4);
        return;
    }
    nbd_put16(d, NBD_INFO_EXPORT);
    nbd_put64(d + 2, s->lie == HUGE_SIZE ? 1ull << 63 : DISK);
    nbd_put16(d + 10, NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA |
              NBD_FLAG_SEND_WRITE_ZEROES);
    if (s->lie != NO_SIZE) {
        reply(s, NBD_OPT_GO, NBD_REP_INFO, d, 12);
    }
    nbd_put16(d, NBD_INFO_BLOCK_SIZE);
    nbd_put32(d + 2, s->lie == ODD_MIN_BLOCK ? 3 : s->times > 1 ? 4096 : 1);
    nbd_put32(d + 6, 4096);
    nbd_put32(d + 10, 65536);
    reply(s, NBD_OPT_GO, NBD_REP_INFO, d, 14);
    reply(s, NBD_OPT_GO, NBD_REP_ACK, NULL, 0);
}

static void answer_context(Server *s)
{
    uint8_t d[19];

    nbd_put32(d, 77);
    memcpy(d + 4, "base:allocation", 15);
    reply(s, NBD_OPT_SET_META_CONTEXT, NBD_REP_META_CONTEXT, d, 19);
    reply(s, NBD_OPT_SET_META_CONTEXT, NBD_REP_ACK, NULL, 0);
}

/* True: the transmission phase follows. */
static bool handshake(Server *s)
{
    uint8_t h[18], data[9000];

    nbd_put64(h, s->lie == BAD_MAGIC ? 1 : NBD_MAGIC);
    nbd_put64(h + 8, s->lie == OLD_STYLE ? NBD_OLD_MAGIC : NBD_OPT_MAGIC);
    nbd_put16(h + 16, NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES);
    put(s, h, sizeof(h));
    if (!get(s, data, 4)) {
        return false;
    }
    s->client_flags = nbd_get32(data);
    while (get(s, h, 16)) {
        uint32_t option = nbd_get32(h + 8), len = nbd_get32(h + 12);

        if (nbd_get64(h) != NBD_OPT_MAGIC || len > sizeof(data) || !get(s, data, len)) {
            return false;
        }
        s->options[s->num_options++ % 16] = option;
        switch (option) {
        case NBD_OPT_STRUCTURED_REPLY: reply(s, option, NBD_REP_ACK, NULL, 0); break;
        case NBD_OPT_SET_META_CONTEXT: answer_context(s); break;
        case NBD_OPT_GO:
            answer_go(s);
            if (s->lie != UNKNOWN_EXPORT) {
                return true;
            }
            break;
        default: return false;
        }
    }
    return false;
}

static void chunk(Server *s, const uint8_t *request, unsigned type, bool last,
                  const void *head, size_t head_len, uint32_t len)
{
    uint8_t h[20], *zero = xzalloc(len + 1);

    nbd_put32(h, NBD_CHUNK_MAGIC);
    nbd_put16(h + 4, last ? NBD_REPLY_FLAG_DONE : 0);
    nbd_put16(h + 6, type);
    memcpy(h + 8, request + 8, 8);
    nbd_put32(h + 16, (uint32_t)head_len + len);
    put(s, h, sizeof(h));
    put(s, head, head_len);
    memset(zero, 0x5a, len);
    put(s, zero, len);
    free(zero);
}

/* Data at off + shift, so long. */
static void data(Server *s, const uint8_t *request, int64_t shift, uint32_t len, bool last)
{
    uint8_t off[8];

    nbd_put64(off, nbd_get64(request + 16) + (uint64_t)shift);
    chunk(s, request, NBD_REPLY_OFFSET_DATA, last, off, 8, len);
}

static void simple(Server *s, const uint8_t *request, uint32_t magic)
{
    uint8_t h[16] = { 0 };

    nbd_put32(h, magic);
    memcpy(h + 8, request + 8, 8);
    h[8] ^= s->lie == WRONG_HANDLE ? 0xff : 0;
    put(s, h, sizeof(h));
}

static void hole(Server *s, const uint8_t *request, uint32_t len, size_t size)
{
    uint8_t d[13] = { 0 };

    nbd_put64(d, nbd_get64(request + 16));
    nbd_put32(d + 8, len);
    chunk(s, request, NBD_REPLY_OFFSET_HOLE, true, d, size, 0);
}

static void answer_read(Server *s, const uint8_t *r)
{
    uint32_t len = nbd_get32(r + 24);
    uint8_t d[12] = { 0 };

    switch (s->lie) {
    case WRONG_HANDLE:      simple(s, r, NBD_SIMPLE_MAGIC); break;
    case WRONG_REPLY_MAGIC: simple(s, r, 0x12345678); break;
    case DATA_BEFORE:       data(s, r, -512, len, true); break;
    case DATA_BEHIND:       data(s, r, 512, len, true); break;
    case DATA_TOO_LONG:     data(s, r, 0, len + 512, true); break;
    case DATA_TWICE:        data(s, r, 0, len, false); data(s, r, 0, len, true); break;
    case HOLE_TOO_LONG:     hole(s, r, len + 1, 12); break;
    case HOLE_ODD:          hole(s, r, len, 13); break;
    case TOO_LITTLE:        data(s, r, 0, len / 2, true); break;
    case SIMPLE_FOR_READ:   simple(s, r, NBD_SIMPLE_MAGIC); break;
    case STATUS_FOR_READ:
        nbd_put32(d, 77);
        nbd_put32(d + 4, len);
        chunk(s, r, NBD_REPLY_BLOCK_STATUS, true, d, 12, 0);
        break;
    case ERROR_WITHOUT_NUMBER: chunk(s, r, NBD_REPLY_ERROR, true, d, 6, 0); break;
    case HALF_TWICE:
        data(s, r, 0, len / 2, false);
        data(s, r, 0, len - len / 2, true);
        break;
    case HOLE_OVER_DATA:
        data(s, r, 0, len / 2, false);
        hole(s, r, len - len / 2, 12);
        break;
    case OVERLAP:           /* and the last byte is missing */
        data(s, r, len / 4, len / 4, false);
        data(s, r, 0, len / 4 + 1, false);
        data(s, r, len / 2, len - len / 2 - 1, true);
        break;
    default:                /* in three pieces, the first last */
        data(s, r, len / 4, len / 2 - len / 4, false);
        data(s, r, len / 2, len - len / 2, false);
        data(s, r, 0, len / 4, true);
    }
}

static void answer_status(Server *s, const uint8_t *r)
{
    uint8_t d[12];

    nbd_put32(d, 77);
    nbd_put32(d + 4, 4096);
    nbd_put32(d + 8, NBD_STATE_HOLE | NBD_STATE_ZERO);
    chunk(s, r, NBD_REPLY_BLOCK_STATUS, true, d, 12, 0);
}

static void serve_client(Server *s)
{
    uint8_t r[28], sink[65536];

    s->fd = accept(s->listen_fd, NULL, NULL);
    s->times++;
    bool on = handshake(s);

    while (on && get(s, r, sizeof(r)) && nbd_get32(r) == NBD_REQUEST_MAGIC &&
           nbd_get16(r + 6) != NBD_CMD_DISC && s->lie != HANG_UP) {
        s->last_flags = nbd_get16(r + 4);
        s->last_type = nbd_get16(r + 6);
        s->last_off = nbd_get64(r + 16);
        s->last_len = nbd_get32(r + 24);
        s->flushes += s->last_type == NBD_CMD_FLUSH;
        switch (s->last_type) {
        case NBD_CMD_READ: answer_read(s, r); break;
        case NBD_CMD_BLOCK_STATUS: answer_status(s, r); break;
        case NBD_CMD_WRITE:
            s->writes++;
            on = s->last_len <= sizeof(sink) && get(s, sink, s->last_len);
            simple(s, r, NBD_SIMPLE_MAGIC);
            break;
        default: simple(s, r, NBD_SIMPLE_MAGIC);
        }
        on &= s->lie != OTHER_BLOCKS;
    }
    shutdown(s->fd, SHUT_RDWR);
}

static void *serve(void *arg)
{
    serve_client(arg);
    return NULL;
}

static void *serve_twice(void *arg)
{
    Server *s = arg;

    serve_client(s);
    close(s->fd);
    serve_client(s);
    return NULL;
}

/* Connections that have left again, as many as the queue takes. */
static void fill_queue(Server *s, const struct sockaddr_un *sun)
{
    bool taken = true;

    while (taken && s->crowd < 10) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

        taken = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0;
        s->crowd += taken;
        close(fd);
    }
}

static void *serve_late(void *arg)
{
    Server *s = arg;

    usleep(300000);
    for (int i = 0; i < s->crowd; i++) {
        close(accept(s->listen_fd, NULL, NULL));
    }
    return serve(s);
}

static Server *start_with(Lie lie, void *(*run)(void *))
{
    Server *s = xzalloc(sizeof(*s));
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    static int count;

    s->lie = lie;
    s->fd = -1;
    s->path = xasprintf("%s/test-nbd-%d-%d", getenv("TMPDIR") ?: "/tmp", (int)getpid(), count++);
    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", s->path);
    s->listen_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(s->listen_fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
        listen(s->listen_fd, 1) < 0) {
        abort();
    }
    if (run == serve_late) {
        fill_queue(s, &sun);
    }
    if (pthread_create(&s->thread, NULL, run, s)) {
        abort();
    }
    return s;
}

static Server *start(Lie lie)
{
    return start_with(lie, serve);
}

static void stop(Server *s)
{
    pthread_join(s->thread, NULL);
    close(s->fd);
    close(s->listen_fd);
    unlink(s->path);
    free(s->path);
    free(s);
}

/* reconnect-delay=0: what went wrong is reported at once. */
static int open_at(const Server *s, BlockDriverState *bs, int flags, Error *err)
{
    char *name = xasprintf("nbd:unix:%s:exportname=x", s->path);
    BlockOpts o = { NULL, 0 };

    opts_set(&o, "reconnect-delay", "0");
    int ret = bdrv_open(bs, name, "raw", BDRV_O_RDWR | flags, &o, err);
    opts_free(&o);
    free(name);
    return ret;
}

/* The client offers what the protocol asks for, in the order it asks for. */
TEST(handshake_and_requests)
{
    Server *s = start(HONEST);
    BlockDriverState *bs = bdrv_new("d");
    Error err = { "" };
    uint8_t buf[1000];
    uint64_t num;

    CHECK_EQ(open_at(s, bs, 0, &err), 0);
    CHECK_EQ(s->client_flags, NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES);
    CHECK_EQ(s->num_options, 3);
    CHECK_EQ(s->options[0], NBD_OPT_STRUCTURED_REPLY);
    CHECK_EQ(s->options[1], NBD_OPT_SET_META_CONTEXT);
    CHECK_EQ(s->options[2], NBD_OPT_GO);
    CHECK_EQ(blk_length(bs), DISK);

    CHECK_EQ(blk_pread(bs, 12345, buf, sizeof(buf)), 0);
    CHECK_EQ(s->last_type, NBD_CMD_READ);
    CHECK_EQ(s->last_off, 12345);
    CHECK_EQ(s->last_len, 1000);
    CHECK(buf[0] == 0x5a && buf[999] == 0x5a);

    CHECK_EQ(bdrv_block_status(bs, 8192, 65536, &num, NULL),
             BDRV_BLOCK_ZERO | BDRV_BLOCK_ALLOCATED | BDRV_BLOCK_OFFSET);
    CHECK_EQ(num, 4096);
    CHECK_EQ(s->last_flags, NBD_CMD_FLAG_REQ_ONE);
    CHECK_EQ(blk_write_zeroes(bs, 0, 4096), 0);
    CHECK_EQ(s->last_type, NBD_CMD_WRITE_ZEROES);
    CHECK_EQ(s->last_flags, 0);
    bdrv_delete(bs);
    stop(s);
}

/* unix(7): connect() that would have to wait for a place in the queue is EAGAIN. */
TEST(a_server_with_a_full_queue_is_waited_for)
{
    Server *s = start_with(HONEST, serve_late);
    BlockDriverState *bs = bdrv_new("d");
    uint8_t buf[512];

    CHECK(s->crowd > 0 && s->crowd < 10);
    int ret = open_at(s, bs, 0, NULL);

    CHECK_EQ(ret, 0);
    if (ret >= 0) {
        CHECK_EQ(blk_pread(bs, 0, buf, sizeof(buf)), 0);
    } else {
        shutdown(s->listen_fd, SHUT_RDWR);      /* nobody comes: end the thread */
    }
    bdrv_delete(bs);
    stop(s);
}

/* NBD_INFO_BLOCK_SIZE, maximum: longer requests are split. */
TEST(requests_are_split_at_the_maximum)
{
    Server *s = start(HONEST);
    BlockDriverState *bs = bdrv_new("d");
    uint8_t *buf = xzalloc(200000);

    CHECK_EQ(open_at(s, bs, 0, NULL), 0);
    CHECK_EQ(blk_pwrite(bs, 0, buf, 200000), 0);
    CHECK_EQ(s->writes, 4);
    CHECK_EQ(s->last_len, 200000 - 3 * 65536);
    free(buf);
    bdrv_delete(bs);
    stop(s);
}

/* cache=writethrough: FUA on the write, no flush after it. */
TEST(a_safe_write_has_fua)
{
    Server *s = start(HONEST);
    BlockDriverState *bs = bdrv_new("d");
    uint8_t buf[512] = { 1 };

    CHECK_EQ(open_at(s, bs, BDRV_O_WRITETHROUGH, NULL), 0);
    CHECK_EQ(blk_pwrite(bs, 0, buf, sizeof(buf)), 0);
    CHECK_EQ(s->last_flags, NBD_CMD_FLAG_FUA);
    CHECK_EQ(s->flushes, 0);
    bdrv_delete(bs);
    stop(s);
}

/* Every lie of a server is an error, within bounds, and the end of it. */
TEST(lies_in_the_handshake)
{
    for (int lie = BAD_MAGIC; lie < FIRST_OF_TRANSMISSION; lie++) {
        Server *s = start((Lie)lie);
        BlockDriverState *bs = bdrv_new("d");
        Error err = { "" };

        CHECK(open_at(s, bs, 0, &err) < 0);
        CHECK(strstr(err.msg, "nbd: ") != NULL);
        bdrv_delete(bs);
        stop(s);
    }
}

TEST(lies_in_answers)
{
    for (int lie = FIRST_OF_TRANSMISSION; lie < NUM_LIES; lie++) {
        Server *s = start((Lie)lie);
        BlockDriverState *bs = bdrv_new("d");
        uint8_t guarded[2048];
        int bad = 0;

        memset(guarded, 0xee, sizeof(guarded));
        CHECK_EQ(open_at(s, bs, 0, NULL), 0);
        if (blk_pread(bs, 4096, guarded + 512, 1024) != -EIO) {
            printf("# lie %d is believed\n", lie);
            CHECK(!"refused");
        }
        for (int i = 0; i < 512; i++) {
            bad += guarded[i] != 0xee || guarded[1536 + i] != 0xee;
        }
        CHECK_EQ(bad, 0);
        bdrv_delete(bs);
        stop(s);
    }
}

/* What was aligned for the first server is not for the second. */
TEST(larger_blocks_after_a_reconnect)
{
    Server *s = start_with(OTHER_BLOCKS, serve_twice);
    BlockDriverState *bs = bdrv_new("d");
    uint8_t buf[512];

    CHECK_EQ(open_at(s, bs, 0, NULL), 0);
    CHECK_EQ(blk_pread(bs, 512, buf, sizeof(buf)), 0);
    CHECK_EQ(blk_pread(bs, 1024, buf, sizeof(buf)), -EIO);
    CHECK_EQ(blk_pread(bs, 1536, buf, sizeof(buf)), -EIO);
    CHECK_EQ(s->times, 2);
    CHECK_EQ(s->last_off, 512);
    bdrv_delete(bs);
    stop(s);
}

/* "NBD URI" specification, and the older forms. */
TEST(addresses)
{
    static const struct {
        const char *text;
        bool is_unix;
        const char *host, *port, *path, *name;      /* name NULL: refused */
    } t[] = {
        { "//host:99/exp", false, "host", "99", NULL, "exp" },
        { "//host", false, "host", "10809", NULL, "" },
        { "//[::1]:5/a%2Fb", false, "::1", "5", NULL, "a/b" },
        { "///x", false, "localhost", "10809", NULL, "x" },
        { "host:1:exportname=a b", false, "host", "1", NULL, "a b" },
        { "unix:/a/b:exportname=c:d", false, NULL, NULL, "/a/b", "c:d" },
        { "unix:/a/b", false, NULL, NULL, "/a/b", "" },
        { "///e?socket=/x%20y", true, NULL, NULL, "/x y", "e" },
        { "//?socket=/x", true, NULL, NULL, "/x", "" },
        { "///e", true, NULL, NULL, NULL, NULL },
        { "///e?socket=", true, NULL, NULL, NULL, NULL },
        { "///e?socket=/x&y=1", true, NULL, NULL, NULL, NULL },
        { "//h/%00", false, NULL, NULL, NULL, NULL },
        { "//h/%4", false, NULL, NULL, NULL, NULL },
        { "//h:x/", false, NULL, NULL, NULL, NULL },
        { "//[::1/", false, NULL, NULL, NULL, NULL },
        { "unix:", false, NULL, NULL, NULL, NULL },
        { "", false, NULL, NULL, NULL, NULL },
    };

    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        NbdAddress a = { NULL, NULL, NULL, NULL };
        int ret = nbd_parse_address(t[i].text, t[i].is_unix, &a, NULL);

        CHECK_EQ(ret >= 0, t[i].name != NULL);
        if (ret >= 0 && t[i].name) {
            CHECK_STR(a.host ? a.host : "-", t[i].host ? t[i].host : "-");
            CHECK_STR(a.port ? a.port : "-", t[i].port ? t[i].port : "-");
            CHECK_STR(a.path ? a.path : "-", t[i].path ? t[i].path : "-");
            CHECK_STR(a.export_name, t[i].name);
        }
        nbd_free_address(&a);
    }
}

/* Timers fire in order, and aio_poll() sees them. */
static int order[3], fired;
static void fire(void *opaque) { order[fired++] = *(int *)opaque; }

TEST(aio_timers)
{
    int id[3] = { 0, 1, 2 };
    AioTimer t[3];

    for (int i = 0; i < 3; i++) {
        t[i] = (AioTimer){ .fn = fire, .opaque = &id[i] };
    }
    aio_timer_set(&t[0], 30000000);
    aio_timer_set(&t[1], 10000000);
    aio_timer_set(&t[2], 20000000);
    aio_timer_cancel(&t[2]);
    int64_t began = aio_now_ns();
    while (fired < 2) {
        aio_poll();
    }
    CHECK(aio_now_ns() - began >= 25000000);
    CHECK_EQ(order[0], 1);
    CHECK_EQ(order[1], 0);
}
