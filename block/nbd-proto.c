/* SPDX-License-Identifier: MIT */
/*
 * NBD: addresses, numbers of errors, sockets.
 *
 *   reader --> ahead (16 KiB) or, for long data, straight into its memory
 *
 * A descriptor stays watched after a wait, and is forgotten only when it is
 * ready and nobody waits: the usual wait costs no system call but poll().
 */
#include "block/nbd-proto.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/bits.h"
#include "util/mem.h"

enum { READ_AHEAD = 16 << 10, MAX_PIECES = 64, BUSY_PAUSE = 50000000 /* ns */ };

/* -- Numbers ----------------------------------------------------------------- */

/* NBD protocol, "Error values". */
static const struct WireError { uint32_t wire; int errnum; } wire_errors[] = {
    { 1, EPERM }, { 5, EIO }, { 12, ENOMEM }, { 22, EINVAL }, { 28, ENOSPC },
    { 75, EOVERFLOW }, { 95, ENOTSUP }, { 108, ESHUTDOWN },
    { 1, EROFS }, { 28, EFBIG }, { 28, EDQUOT }, { 5, ENOMEDIUM },
};

uint32_t nbd_error_to_wire(int errnum)
{
    for (size_t i = 0; i < ARRAY_SIZE(wire_errors); i++) {
        if (wire_errors[i].errnum == errnum) {
            return wire_errors[i].wire;
        }
    }
    return 5;
}

int nbd_error_from_wire(uint32_t error)
{
    for (size_t i = 0; i < ARRAY_SIZE(wire_errors); i++) {
        if (wire_errors[i].wire == error) {
            return wire_errors[i].errnum;
        }
    }
    return EINVAL;
}

/* -- Addresses --------------------------------------------------------------- */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* RFC 3986, 2.1: "%41" is "A".  NULL if malformed, or a zero byte. */
static char *decode(const char *text, size_t len)
{
    char *out = xmalloc(len + 1), *w = out;

    for (size_t i = 0; i < len; i++) {
        if (text[i] != '%') {
            *w++ = text[i];
            continue;
        }
        int hi = i + 2 < len ? hex(text[i + 1]) : -1;
        int lo = i + 2 < len ? hex(text[i + 2]) : -1;

        if (hi < 0 || lo < 0 || hi + lo == 0) {
            free(out);
            return NULL;
        }
        *w++ = (char)(hi << 4 | lo);
        i += 2;
    }
    *w = 0;
    return out;
}

static int malformed(const char *text, bool is_unix, Error *err)
{
    return error_set(err, EINVAL, "nbd%s:%.200s: write nbd://host:port/export,"
                     " nbd+unix:///export?socket=PATH, nbd:host:port:exportname=NAME"
                     " or nbd:unix:PATH:exportname=NAME", is_unix ? "+unix" : "", text);
}

/* "host", "host:port", "[::1]:port"; *end is behind it. */
static int parse_host(const char *p, const char *stop, NbdAddress *a, const char **end)
{
    const char *host = p, *host_end;

    if (*p == '[') {
        host++;
        host_end = strchr(p, ']');
        p = host_end ? host_end + 1 : NULL;
    } else {
        host_end = p + strcspn(p, stop);
        p = host_end;
    }
    if (!p) {
        return -EINVAL;
    }
    a->host = host_end > host ? xstrndup(host, (size_t)(host_end - host))
                              : xstrdup("localhost");
    if (*p == ':') {
        size_t n = strspn(p + 1, "0123456789");

        a->port = n ? xstrndup(p + 1, n) : xstrdup(NBD_DEFAULT_PORT);
        p += 1 + n;
    } else {
        a->port = xstrdup(NBD_DEFAULT_PORT);
    }
    *end = p;
    return 0;
}

/* "NBD URI" specification: the export is the path without its first slash. */
static int parse_uri(const char *text, bool is_unix, NbdAddress *a)
{
    const char *p = text + 2, *query = strchr(text, '?');
    size_t n;

    if (is_unix) {
        p += strcspn(p, "/?");
    } else if (parse_host(p, ":/?", a, &p) < 0) {
        return -EINVAL;
    }
    if (*p && *p != '/' && *p != '?') {
        return -EINVAL;
    }
    p += *p == '/';
    n = strcspn(p, "?");
    a->export_name = decode(p, n);
    while (query && *query) {
        query++;
        n = strcspn(query, "&");
        if (!strncmp(query, "socket=", 7) && is_unix && !a->path) {
            a->path = decode(query + 7, n - 7);
        } else {
            return -EINVAL;
        }
        query += n;
    }
    return a->export_name && (!is_unix || (a->path && *a->path)) ? 0 : -EINVAL;
}

static int parse_classic(const char *text, NbdAddress *a)
{
    static const char key[] = ":exportname=";
    const char *name = strstr(text, key);
    char *place = name ? xstrndup(text, (size_t)(name - text)) : xstrdup(text);
    const char *end = "";
    int ret = 0;

    a->export_name = xstrdup(name ? name + sizeof(key) - 1 : "");
    if (strncmp(place, "unix:", 5) == 0) {
        a->path = place[5] ? xstrdup(place + 5) : NULL;
        ret = a->path ? 0 : -EINVAL;
    } else {
        ret = *place ? parse_host(place, ":", a, &end) : -EINVAL;
        ret = *end ? -EINVAL : ret;
    }
    free(place);
    return ret;
}

int nbd_parse_address(const char *text, bool is_unix, NbdAddress *a, Error *err)
{
    bool uri = strncmp(text, "//", 2) == 0;
    int ret = uri ? parse_uri(text, is_unix, a) : is_unix ? -EINVAL
                                                          : parse_classic(text, a);

    if (ret >= 0 && strlen(a->export_name) > NBD_MAX_STRING) {
        return error_set(err, EINVAL, "nbd: the name of an export has at most %d bytes",
                         NBD_MAX_STRING);
    }
    return ret < 0 ? malformed(text, is_unix, err) : 0;
}

void nbd_free_address(NbdAddress *a)
{
    free(a->host);
    free(a->port);
    free(a->path);
    free(a->export_name);
    *a = (NbdAddress){ NULL, NULL, NULL, NULL };
}

/* -- Waiting ----------------------------------------------------------------- */

static void on_readable(void *opaque);
static void on_writable(void *opaque);

static void watch(NbdSock *s, bool read, bool write)
{
    if (s->watch_read != read || s->watch_write != write) {
        s->watch_read = read;
        s->watch_write = write;
        aio_set_fd(s->fd, read ? on_readable : NULL, write ? on_writable : NULL, s);
    }
}

static void on_readable(void *opaque)
{
    NbdSock *s = opaque;
    Coroutine *co = s->reader;

    if (!co) {
        watch(s, false, s->watch_write);
        return;
    }
    s->reader = NULL;
    coroutine_enter(co);
}

static void on_writable(void *opaque)
{
    NbdSock *s = opaque;
    Coroutine *co = s->writer;

    if (!co) {
        watch(s, s->watch_read, false);
        return;
    }
    s->writer = NULL;
    coroutine_enter(co);
}

static int wait_ready(NbdSock *s, bool write)
{
    if (s->expired) {
        return -ETIMEDOUT;
    }
    if (write) {
        assert(!s->writer);
        s->writer = coroutine_self();
    } else {
        assert(!s->reader);
        s->reader = coroutine_self();
    }
    watch(s, s->watch_read || !write, s->watch_write || write);
    coroutine_yield();
    return s->expired ? -ETIMEDOUT : 0;
}

/* A socket that does not connect yet is not ready by shutdown() alone. */
static void limit_over(void *opaque)
{
    NbdSock *s = opaque;
    Coroutine **who = s->reader ? &s->reader : &s->writer;
    Coroutine *co = *who;

    s->expired = true;
    shutdown(s->fd, SHUT_RDWR);
    if (co) {
        *who = NULL;
        coroutine_enter(co);
    }
}

void nbd_sock_limit(NbdSock *s, int64_t ns)
{
    if (ns) {
        aio_timer_set(&s->limit, ns);
    } else {
        aio_timer_cancel(&s->limit);
    }
}

/* -- Life -------------------------------------------------------------------- */

void nbd_sock_init(NbdSock *s, int fd)
{
    *s = (NbdSock){ .fd = fd, .limit = { .fn = limit_over, .opaque = s },
                    .ahead = xmalloc(READ_AHEAD) };
}

void nbd_sock_close(NbdSock *s)
{
    assert(!s->reader && !s->writer);
    aio_timer_cancel(&s->limit);
    watch(s, false, false);
    if (s->fd >= 0) {
        close(s->fd);
    }
    free(s->ahead);
    s->ahead = NULL;
    s->fd = -1;
}

void nbd_sock_shutdown(NbdSock *s)
{
    shutdown(s->fd, SHUT_RDWR);
}

static int connect_to(NbdSock *s, const struct sockaddr *addr, socklen_t len)
{
    int one = 1, error = 0, ret = 0;
    socklen_t size = sizeof(error);

    s->fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd < 0) {
        return -errno;
    }
    if (addr->sa_family != AF_UNIX) {
        setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    }
    if (connect(s->fd, addr, len) < 0) {
        ret = -errno;
    }
    if (ret == -EINPROGRESS) {
        ret = wait_ready(s, true);
        if (ret >= 0 && getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0) {
            ret = -error;
        }
    }
    if (ret < 0) {
        watch(s, false, false);
        close(s->fd);
        s->fd = -1;
    }
    return ret;
}

static int connect_unix(NbdSock *s, const char *path, Error *err)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof(sun.sun_path)) {
        return error_set(err, ENAMETOOLONG, "%s: too long for the path of a socket", path);
    }
    memcpy(sun.sun_path, path, strlen(path) + 1);
    int ret = connect_to(s, (struct sockaddr *)&sun, sizeof(sun));

    /* unix(7): EAGAIN, the server's queue is full. */
    while (ret == -EAGAIN && !s->expired) {
        aio_co_sleep(BUSY_PAUSE);
        ret = connect_to(s, (struct sockaddr *)&sun, sizeof(sun));
    }
    ret = ret == -EAGAIN ? -ETIMEDOUT : ret;
    return ret < 0 ? error_set(err, -ret, "%s: cannot connect: %s", path, strerror(-ret)) : 0;
}

typedef struct Lookup {
    const NbdAddress *a;
    struct addrinfo *list;
} Lookup;

static int look_up(void *arg)
{
    Lookup *l = arg;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };

    return getaddrinfo(l->a->host, l->a->port, &hints, &l->list);
}

static int connect_tcp(NbdSock *s, const NbdAddress *a, Error *err)
{
    Lookup l = { a, NULL };
    int ret = aio_pool_co(look_up, &l);

    if (ret) {
        return error_set(err, EHOSTUNREACH, "%s:%s: %s", a->host, a->port, gai_strerror(ret));
    }
    ret = -EHOSTUNREACH;
    for (struct addrinfo *i = l.list; i && ret < 0 && !s->expired; i = i->ai_next) {
        ret = connect_to(s, i->ai_addr, i->ai_addrlen);
    }
    freeaddrinfo(l.list);
    return ret < 0 ? error_set(err, -ret, "%s:%s: cannot connect: %s", a->host, a->port,
                               strerror(-ret)) : 0;
}

int nbd_sock_connect(NbdSock *s, const NbdAddress *a, Error *err)
{
    return a->path ? connect_unix(s, a->path, err) : connect_tcp(s, a, err);
}

/* -- Moving bytes ------------------------------------------------------------ */

/* At least one byte, or an error. */
static ssize_t receive(NbdSock *s, struct iovec *iov, int num)
{
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)num };

    for (;;) {
        ssize_t n = recvmsg(s->fd, &msg, MSG_DONTWAIT);

        if (n > 0) {
            return n;
        }
        if (n < 0 && errno == EAGAIN) {
            int ret = wait_ready(s, false);

            if (ret < 0) {
                return ret;
            }
        } else if (n == 0 || errno != EINTR) {
            return s->expired ? -ETIMEDOUT : -ECONNRESET;
        }
    }
}

static int fill_ahead(NbdSock *s)
{
    struct iovec one = { s->ahead, READ_AHEAD };
    ssize_t n = receive(s, &one, 1);

    if (n < 0) {
        return (int)n;
    }
    s->start = 0;
    s->end = (size_t)n;
    return 0;
}

int nbd_sock_readv(NbdSock *s, const QEMUIOVector *qiov, size_t at, size_t len)
{
    while (len) {
        size_t n = MIN(len, s->end - s->start);

        if (n) {
            iov_from_buf(qiov, at, s->ahead + s->start, n);
            s->start += n;
        } else if (len >= READ_AHEAD) {
            struct iovec iov[MAX_PIECES];
            int num = iov_slice(qiov, at, len, iov, MAX_PIECES, &n);
            ssize_t got = receive(s, iov, num);

            if (got < 0) {
                return (int)got;
            }
            n = (size_t)got;
        } else {
            int ret = fill_ahead(s);

            if (ret < 0) {
                return ret;
            }
        }
        at += n;
        len -= n;
    }
    return 0;
}

int nbd_sock_read(NbdSock *s, void *buf, size_t len)
{
    struct iovec one;
    QEMUIOVector q;

    iov_init_buf(&q, &one, buf, len);
    return nbd_sock_readv(s, &q, 0, len);
}

int nbd_sock_skip(NbdSock *s, uint64_t len)
{
    while (len) {
        size_t n = MIN(len, s->end - s->start);
        int ret = n ? 0 : fill_ahead(s);

        if (ret < 0) {
            return ret;
        }
        s->start += n;
        len -= n;
    }
    return 0;
}

static int send_all(NbdSock *s, struct iovec *iov, int num)
{
    while (num) {
        struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)num };
        ssize_t n = sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EAGAIN) {
            int ret = wait_ready(s, true);

            if (ret < 0) {
                return ret;
            }
        } else if (n < 0 && errno != EINTR) {
            return s->expired ? -ETIMEDOUT : -ECONNRESET;
        }
        while (n > 0 || (num && iov->iov_len == 0)) {
            size_t took = MIN((size_t)MAX(n, 0), iov->iov_len);

            iov->iov_base = (char *)iov->iov_base + took;
            iov->iov_len -= took;
            n -= (ssize_t)took;
            if (iov->iov_len == 0) {
                iov++;
                num--;
            }
        }
    }
    return 0;
}

int nbd_sock_writev(NbdSock *s, const void *head, size_t head_len,
                    const QEMUIOVector *qiov, size_t at, size_t len)
{
    struct iovec iov[1 + MAX_PIECES] = { { (void *)(uintptr_t)head, head_len } };
    int ret = 0, num = 1;

    do {
        size_t n = 0;

        if (len) {
            num += iov_slice(qiov, at, len, iov + num, MAX_PIECES, &n);
        }
        ret = send_all(s, iov, num);
        num = 0;
        at += n;
        len -= n;
    } while (len && ret >= 0);
    return ret;
}

int nbd_sock_write(NbdSock *s, const void *buf, size_t len)
{
    return nbd_sock_writev(s, buf, len, NULL, 0, 0);
}
