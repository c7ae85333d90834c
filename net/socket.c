/* SPDX-License-Identifier: MIT */
/*
 * The back end "socket": a cable to another emulator.
 *
 *   listen=[HOST]:PORT  one peer at a time, the next one after it has gone
 *   connect=HOST:PORT   to one that listens
 *   mcast=ADDR:PORT     all that use the group share a hub
 *   udp=HOST:PORT,localaddr=[HOST]:PORT    point to point
 *   fd=N                one that is open already
 *
 * On a stream each frame has its length before it, 32 bits, high byte first; a
 * datagram is a frame.  Frames without a peer, and those a slow peer does not
 * take, are lost.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net-int.h"
#include "sys/loop.h"
#include "util/bits.h"
#include "util/mem.h"

enum { LENGTH_BYTES = 4, OUT_MAX = 1 << 20 };

typedef struct SocketNet {
    NetClient *nc;
    int listen_fd, fd;                  /* -1: none */
    int send_fd;                        /* of datagrams */
    bool datagram, paused;
    struct sockaddr_in to, from;        /* of datagrams: the peer's, ours */
    char *text;
    uint8_t in[LENGTH_BYTES + NET_MAX_FRAME];
    size_t in_len;
    uint8_t *out;                       /* what the peer has yet to take */
    size_t out_len;
} SocketNet;

static void on_accept(void *opaque);
static void on_stream(void *opaque);
static void on_datagram(void *opaque);
static void on_writable(void *opaque);

static void watch(SocketNet *s)
{
    LoopFdFn *in = s->datagram ? on_datagram : on_stream;

    if (s->fd >= 0) {
        loop_set_fd(s->fd, s->paused ? NULL : in, s->out_len ? on_writable : NULL, s);
    }
    if (s->listen_fd >= 0) {
        loop_set_fd(s->listen_fd, s->fd < 0 ? on_accept : NULL, NULL, s);
    }
}

/* -- Streams ----------------------------------------------------------------- */

static void hang_up(SocketNet *s)
{
    loop_set_fd(s->fd, NULL, NULL, NULL);
    close(s->fd);
    s->fd = -1;
    s->in_len = s->out_len = 0;
    watch(s);
}

/* All whole frames at the start of in[]; false: the peer talks nonsense. */
static bool take_frames(SocketNet *s)
{
    size_t at = 0;

    while (s->in_len - at >= LENGTH_BYTES) {
        size_t len = load_be(s->in + at, LENGTH_BYTES);

        if (len > NET_MAX_FRAME) {
            return false;
        }
        if (s->in_len - at - LENGTH_BYTES < len) {
            break;
        }
        s->paused |= !net_send(s->nc, s->in + at + LENGTH_BYTES, len);
        at += LENGTH_BYTES + len;
    }
    memmove(s->in, s->in + at, s->in_len - at);
    s->in_len -= at;
    return true;
}

static void on_stream(void *opaque)
{
    SocketNet *s = opaque;
    ssize_t n = recv(s->fd, s->in + s->in_len, sizeof(s->in) - s->in_len, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    s->in_len += n > 0 ? (size_t)n : 0;
    if (n <= 0 || !take_frames(s)) {
        hang_up(s);
    } else if (s->paused) {
        watch(s);
    }
}

static void on_writable(void *opaque)
{
    SocketNet *s = opaque;
    ssize_t n = send(s->fd, s->out, s->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n < 0) {
        hang_up(s);
        return;
    }
    s->out_len -= (size_t)n;
    memmove(s->out, s->out + n, s->out_len);
    watch(s);
}

static void send_stream(SocketNet *s, const uint8_t *frame, size_t len)
{
    if (s->fd < 0 || s->out_len + LENGTH_BYTES + len > OUT_MAX) {
        return;
    }
    bool idle = s->out_len == 0;

    s->out = s->out ? s->out : xmalloc(OUT_MAX);
    store_be(s->out + s->out_len, len, LENGTH_BYTES);
    memcpy(s->out + s->out_len + LENGTH_BYTES, frame, len);
    s->out_len += LENGTH_BYTES + len;
    if (idle) {
        on_writable(s);
    }
}

static void on_accept(void *opaque)
{
    SocketNet *s = opaque;
    int one = 1, fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        s->fd = fd;
        watch(s);
    }
}

/* -- Datagrams --------------------------------------------------------------- */

/* A group's members hear themselves, too. */
static bool is_our_own(const SocketNet *s, const struct sockaddr_in *from)
{
    return from->sin_port == s->from.sin_port && from->sin_addr.s_addr == s->from.sin_addr.s_addr;
}

static void on_datagram(void *opaque)
{
    SocketNet *s = opaque;
    struct sockaddr_in from = { 0 };
    socklen_t from_len = sizeof(from);
    ssize_t n = recvfrom(s->fd, s->in, NET_MAX_FRAME, MSG_DONTWAIT, (struct sockaddr *)&from,
                         &from_len);

    if (n > 0 && !is_our_own(s, &from) && !net_send(s->nc, s->in, (size_t)n)) {
        s->paused = true;
        watch(s);
    }
}

static void receive(void *opaque, const uint8_t *frame, size_t len)
{
    SocketNet *s = opaque;

    if (s->datagram) {
        send(s->send_fd, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else {
        send_stream(s, frame, len);
    }
}

/* -- The client -------------------------------------------------------------- */

static void room(void *opaque)
{
    SocketNet *s = opaque;

    s->paused = false;
    watch(s);
}

static void describe(void *opaque, char *text, size_t size)
{
    const SocketNet *s = opaque;

    snprintf(text, size, "%s%s", s->text,
             s->datagram ? "" : s->fd >= 0 ? ",connected" : ",no peer");
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        loop_set_fd(fd, NULL, NULL, NULL);
        close(fd);
    }
}

static void socket_free(void *opaque)
{
    SocketNet *s = opaque;

    if (s->send_fd != s->fd) {
        close_fd(s->send_fd);
    }
    close_fd(s->fd);
    close_fd(s->listen_fd);
    free(s->out);
    free(s->text);
    free(s);
}

static const NetOps socket_ops = {
    .type     = "socket",
    .receive  = receive,
    .room     = room,
    .describe = describe,
    .free     = socket_free,
};

/* -- Opening ----------------------------------------------------------------- */

/* "HOST:PORT"; an empty HOST is any address of ours. */
static int parse_address(const NetArgs *a, const char *key, struct sockaddr_in *addr, Error *err)
{
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list;
    char *copy = xstrdup(net_arg(a, key)), *colon = strrchr(copy, ':'), *end = copy;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
    int ret = 0;

    if (!colon || end == colon + 1 || *end || port > 65535) {
        ret = error_set(err, EINVAL, "%s: %s=%s: want HOST:PORT", a->what, key,
                        net_arg(a, key));
    } else {
        *colon = 0;
        *addr = (struct sockaddr_in){ .sin_family = AF_INET };
        ret = *copy ? getaddrinfo(copy, NULL, &hints, &list) : 0;
        if (ret) {
            ret = error_set(err, ENOENT, "%s: %s=%s: %s", a->what, key, net_arg(a, key),
                            gai_strerror(ret));
        } else if (*copy) {
            memcpy(addr, list->ai_addr, sizeof(*addr));
            freeaddrinfo(list);
        }
        addr->sin_port = htons((uint16_t)port);
    }
    free(copy);
    return ret;
}

static int fail(const NetArgs *a, const char *key, int fd, Error *err)
{
    int e = errno;

    if (fd >= 0) {
        close(fd);
    }
    return error_set(err, e, "%s: %s=%s: %s", a->what, key, net_arg(a, key), strerror(e));
}

static int open_listen(const NetArgs *a, SocketNet *s, Error *err)
{
    struct sockaddr_in addr;
    int one = 1, ret = parse_address(a, "listen", &addr, err);

    if (ret < 0) {
        return ret;
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 1) < 0) {
        return fail(a, "listen", fd, err);
    }
    s->listen_fd = fd;
    return 0;
}

static int open_connect(const NetArgs *a, SocketNet *s, Error *err)
{
    struct sockaddr_in addr;
    int one = 1, ret = parse_address(a, "connect", &addr, err);

    if (ret < 0) {
        return ret;
    }
    if (addr.sin_addr.s_addr == INADDR_ANY) {
        addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        return fail(a, "connect", fd, err);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    s->fd = fd;
    return 0;
}

/* What is sent comes from a socket of its own, to be told from the others'. */
static int open_sender(SocketNet *s, struct in_addr interface)
{
    socklen_t len = sizeof(s->from);

    s->send_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s->send_fd < 0 ||
        setsockopt(s->send_fd, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof(interface)) < 0 ||
        connect(s->send_fd, (struct sockaddr *)&s->to, sizeof(s->to)) < 0) {
        return -1;
    }
    return getsockname(s->send_fd, (struct sockaddr *)&s->from, &len);
}

static int open_mcast(const NetArgs *a, SocketNet *s, Error *err)
{
    struct ip_mreq group = { .imr_interface.s_addr = INADDR_ANY };
    int one = 1, ret = parse_address(a, "mcast", &s->to, err);

    if (ret == 0 && !IN_MULTICAST(ntohl(s->to.sin_addr.s_addr))) {
        ret = error_set(err, EINVAL, "%s: mcast=%s: a group's address is from 224.0.0.0 "
                        "to 239.255.255.255", a->what, net_arg(a, "mcast"));
    }
    if (ret == 0 && net_arg(a, "localaddr") &&
        inet_pton(AF_INET, net_arg(a, "localaddr"), &group.imr_interface) != 1) {
        ret = error_set(err, EINVAL, "%s: localaddr=%s is no IPv4 address", a->what,
                        net_arg(a, "localaddr"));
    }
    if (ret < 0) {
        return ret;
    }
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    group.imr_multiaddr = s->to.sin_addr;
    if (fd < 0 || bind(fd, (struct sockaddr *)&s->to, sizeof(s->to)) < 0 ||
        setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) < 0 ||
        open_sender(s, group.imr_interface) < 0) {
        return fail(a, "mcast", fd, err);
    }
    s->datagram = true;
    s->fd = fd;
    return 0;
}

static int open_udp(const NetArgs *a, SocketNet *s, Error *err)
{
    struct sockaddr_in local;
    int one = 1, ret = parse_address(a, "udp", &s->to, err);

    if (ret == 0 && !net_arg(a, "localaddr")) {
        ret = error_set(err, EINVAL, "%s: udp= wants localaddr=[HOST]:PORT too", a->what);
    }
    ret = ret < 0 ? ret : parse_address(a, "localaddr", &local, err);
    if (ret < 0) {
        return ret;
    }
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0 ||
        connect(fd, (struct sockaddr *)&s->to, sizeof(s->to)) < 0) {
        return fail(a, "localaddr", fd, err);
    }
    s->datagram = true;
    s->fd = s->send_fd = fd;
    return 0;
}

static int open_fd(const NetArgs *a, SocketNet *s, Error *err)
{
    unsigned fd = 0;
    int type = 0, ret = net_arg_number(a, "fd", 1 << 20, &fd, err);
    socklen_t len = sizeof(type);

    if (ret == 0 && getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
        ret = error_set(err, errno, "%s: fd=%u: %s", a->what, fd, strerror(errno));
    }
    if (ret == 0) {
        s->datagram = type == SOCK_DGRAM;
        s->fd = s->send_fd = (int)fd;
    }
    return ret;
}

static int open_socket(NetClient **nc, const char *name, const NetArgs *a, Error *err)
{
    static const struct {
        const char *key;
        int (*open)(const NetArgs *a, SocketNet *s, Error *err);
    } kinds[] = {
        { "listen", open_listen }, { "connect", open_connect }, { "mcast", open_mcast },
        { "udp", open_udp }, { "fd", open_fd },
    };
    int kind = -1, num = 0;

    for (int i = 0; i < (int)ARRAY_SIZE(kinds); i++) {
        if (net_arg(a, kinds[i].key)) {
            kind = i;
            num++;
        }
    }
    if (num != 1) {
        return error_set(err, EINVAL, "%s: want one of listen=, connect=, mcast=, udp= and fd=",
                         a->what);
    }
    SocketNet *s = xzalloc(sizeof(*s));
    s->fd = s->send_fd = s->listen_fd = -1;
    int ret = kinds[kind].open(a, s, err);
    if (ret < 0) {
        close_fd(s->send_fd);
        free(s);
        return ret;
    }
    s->text = xasprintf("%s=%s", kinds[kind].key, net_arg(a, kinds[kind].key));
    s->nc = net_client_new(&socket_ops, s, name);
    watch(s);
    *nc = s->nc;
    return 0;
}

const NetDriver net_socket_driver = {
    .name = "socket",
    .keys = "listen connect mcast udp localaddr fd",
    .open = open_socket,
};
