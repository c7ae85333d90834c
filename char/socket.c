/* SPDX-License-Identifier: MIT */
/*
 * The back ends "tcp:", "telnet:" and "unix:".
 *
 *      tcp:[HOST]:PORT[,server][,nowait][,nodelay]     telnet: the same
 *      unix:PATH[,server][,nowait]
 *
 *   server: listen_fd --accept--> conn_fd;  hang-up --> listening again
 *   client: connect once; a hang-up is the end
 *
 * One peer at a time.  Without nowait a server waits for its first peer before
 * the machine starts.  Output without a peer is lost.
 *
 * Telnet is RFC 854, with the options ECHO and SUPPRESS-GO-AHEAD, which make a
 * client send each key at once, and BINARY (RFC 856).
 *
 * Not modelled: connecting again by a client.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "char/drivers.h"
#include "char/fd.h"
#include "sys/loop.h"
#include "util/mem.h"

typedef enum TelnetState {
    TEL_DATA, TEL_CR, TEL_IAC, TEL_OPTION, TEL_SUB, TEL_SUB_IAC,
} TelnetState;

typedef struct Socket {
    FdChan chan;
    int listen_fd, conn_fd;             /* -1: none */
    bool server, wait, nodelay, telnet;
    char *path;                         /* unix: to unlink */
    TelnetState tel;
    uint8_t tel_verb;                   /* WILL .. DONT before an option */
    bool tel_binary;                    /* the client sends 8 bits */
} Socket;

/* -- Telnet, RFC 854 --------------------------------------------------------- */

enum {
    IAC = 255, DONT = 254, DO = 253, WONT = 252, WILL = 251, SB = 250,
    TEL_BREAK = 243, SE = 240,
    OPT_BINARY = 0, OPT_ECHO = 1, OPT_SGA = 3,
};

static void telnet_greet(Socket *s)
{
    static const uint8_t hello[] = {
        IAC, WILL, OPT_ECHO, IAC, WILL, OPT_SGA,
        IAC, WILL, OPT_BINARY, IAC, DO, OPT_BINARY,
    };

    s->tel = TEL_DATA;
    s->tel_binary = false;
    fd_chan_write(&s->chan, hello, sizeof(hello));
}

static void telnet_command(CharDriverState *chr, uint8_t ch)
{
    Socket *s = chr->state;

    s->tel = TEL_DATA;
    if (ch == SB) {
        s->tel = TEL_SUB;
    } else if (ch >= WILL) {
        s->tel = TEL_OPTION;
        s->tel_verb = ch;
    } else if (ch == TEL_BREAK) {
        chr_event(chr, CHR_EVENT_BREAK);
    }
}

/* One received byte; true if it is data. */
static bool telnet_byte(CharDriverState *chr, uint8_t ch)
{
    Socket *s = chr->state;

    switch (s->tel) {
    case TEL_CR:
        s->tel = TEL_DATA;
        if (ch == 0 || ch == '\n') {    /* CR NUL, CR LF: both mean CR */
            return false;
        }
        /* fall through */
    case TEL_DATA:
        if (ch == IAC) {
            s->tel = TEL_IAC;
            return false;
        }
        if (ch == '\r' && !s->tel_binary) {
            s->tel = TEL_CR;
        }
        return true;
    case TEL_IAC:
        if (ch == IAC) {
            s->tel = TEL_DATA;
            return true;
        }
        telnet_command(chr, ch);
        return false;
    case TEL_OPTION:
        if (ch == OPT_BINARY && (s->tel_verb == WILL || s->tel_verb == WONT)) {
            s->tel_binary = s->tel_verb == WILL;
        }
        s->tel = TEL_DATA;
        return false;
    case TEL_SUB:
        s->tel = ch == IAC ? TEL_SUB_IAC : TEL_SUB;
        return false;
    default:
        s->tel = ch == SE ? TEL_DATA : TEL_SUB;
        return false;
    }
}

static size_t telnet_filter(CharDriverState *chr, uint8_t *buf, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (telnet_byte(chr, buf[i])) {
            buf[n++] = buf[i];
        }
    }
    return n;
}

/* 255 is sent doubled. */
static void telnet_write(Socket *s, const uint8_t *buf, size_t len)
{
    uint8_t out[1024];
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (n + 2 > sizeof(out)) {
            fd_chan_write(&s->chan, out, n);
            n = 0;
        }
        out[n++] = buf[i];
        if (buf[i] == IAC) {
            out[n++] = IAC;
        }
    }
    fd_chan_write(&s->chan, out, n);
}

/* -- Connections ------------------------------------------------------------- */

static void on_accept(void *opaque);

static void listen_again(Socket *s)
{
    if (s->listen_fd >= 0) {
        loop_set_fd(s->listen_fd, on_accept, NULL, s);
    }
}

static void hangup(CharDriverState *chr)
{
    Socket *s = chr->state;

    fd_chan_close(&s->chan);
    close(s->conn_fd);
    s->conn_fd = -1;
    chr_event(chr, CHR_EVENT_CLOSED);
    listen_again(s);
}

static void connected(Socket *s, int fd)
{
    int one = 1;

    s->conn_fd = fd;
    if (s->nodelay) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    if (s->listen_fd >= 0) {
        loop_set_fd(s->listen_fd, NULL, NULL, NULL);
    }
    fd_chan_open(&s->chan, fd, fd);
    if (s->telnet) {
        telnet_greet(s);
    }
    chr_event(s->chan.chr, CHR_EVENT_OPENED);
}

static void on_accept(void *opaque)
{
    Socket *s = opaque;
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0) {
        connected(s, fd);
    }
}

/* A signal ends the wait: the user gave up. */
static int accept_first(Socket *s, const char *spec, Error *err)
{
    int fd;

    fprintf(stderr, "QEMU waiting for connection on: %s\n", spec);
    do {
        fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    } while (fd < 0 && errno == ECONNABORTED);
    if (fd < 0) {
        return error_set(err, errno, "%s: no connection: %s", spec, strerror(errno));
    }
    connected(s, fd);
    return 0;
}

/* -- Specifications ---------------------------------------------------------- */

static bool take_option(Socket *s, const char *opt)
{
    if (!strcmp(opt, "server") || !strcmp(opt, "server=on")) {
        s->server = true;
    } else if (!strcmp(opt, "nowait") || !strcmp(opt, "wait=off")) {
        s->wait = false;
    } else if (!strcmp(opt, "nodelay") || !strcmp(opt, "nodelay=on")) {
        s->nodelay = true;
    } else {
        return !strcmp(opt, "server=off") || !strcmp(opt, "wait") ||
               !strcmp(opt, "wait=on") || !strcmp(opt, "nodelay=off");
    }
    return true;
}

/* Cuts the options off spec. */
static int take_options(Socket *s, char *spec, Error *err)
{
    char *save = NULL, *opts = strchr(spec, ',');

    if (opts) {
        *opts++ = 0;
        for (char *o = strtok_r(opts, ",", &save); o; o = strtok_r(NULL, ",", &save)) {
            if (!take_option(s, o)) {
                return error_set(err, EINVAL, "no option '%s', there are server, "
                                 "nowait and nodelay", o);
            }
        }
    }
    return 0;
}

/* "host:port", "[::1]:port", ":port" */
static int split_host(char *spec, char **host, char **port, Error *err)
{
    char *colon = strrchr(spec, ':');

    if (!colon || !colon[1]) {
        return error_set(err, EINVAL, "%s: no port, it should be HOST:PORT", spec);
    }
    if (strspn(colon + 1, "0123456789") == strlen(colon + 1) &&
        strtoul(colon + 1, NULL, 10) > 65535) {
        return error_set(err, EINVAL, "%s: ports end at 65535", spec);
    }
    *colon = 0;
    *port = colon + 1;
    *host = spec;
    size_t len = strlen(spec);
    if (len >= 2 && spec[0] == '[' && spec[len - 1] == ']') {
        spec[len - 1] = 0;
        *host = spec + 1;
    }
    return 0;
}

/* -- TCP --------------------------------------------------------------------- */

static int try_address(const Socket *s, const struct addrinfo *a)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    int one = 1;

    if (fd < 0) {
        return -errno;
    }
    if (s->server) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    if (s->server ? bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, 1) < 0
                  : connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
        int e = errno;

        close(fd);
        return -e;
    }
    return fd;
}

static int open_tcp(const Socket *s, char *spec, Error *err)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                              .ai_flags = s->server ? AI_PASSIVE : 0 }, *list;
    char *host = NULL, *port = NULL;
    int fd = split_host(spec, &host, &port, err);

    if (fd < 0) {
        return fd;
    }
    if (!*host && s->server) {
        hints.ai_family = AF_INET;      /* all addresses, as ever */
    }
    int ret = getaddrinfo(*host ? host : s->server ? NULL : "localhost", port,
                          &hints, &list);
    if (ret == EAI_SERVICE) {
        return error_set(err, EINVAL, "%s:%s: no such port", host, port);
    }
    if (ret) {
        return error_set(err, EINVAL, "%s:%s: %s", host, port, gai_strerror(ret));
    }
    fd = -EADDRNOTAVAIL;
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = try_address(s, a);
    }
    freeaddrinfo(list);
    if (fd < 0) {
        return error_set(err, -fd, "cannot %s %s:%s: %s",
                         s->server ? "listen on" : "connect to", host, port,
                         strerror(-fd));
    }
    return fd;
}

/* The port the host chose, where the user said 0. */
static char *name_tcp(const Socket *s, const char *kind, int fd)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof(a);
    char host[64], port[16];

    int ret = s->server ? getsockname(fd, (struct sockaddr *)&a, &len)
                        : getpeername(fd, (struct sockaddr *)&a, &len);
    if (ret < 0 || getnameinfo((struct sockaddr *)&a, len, host, sizeof(host), port,
                               sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV)) {
        return NULL;
    }
    return xasprintf(a.ss_family == AF_INET6 ? "%s:[%s]:%s%s" : "%s:%s:%s%s", kind,
                     host, port, s->server ? ",server" : "");
}

/* -- Unix -------------------------------------------------------------------- */

/* What an earlier run left behind, and nothing else: nobody listens to it. */
static void remove_stale(const struct sockaddr_un *a)
{
    struct stat st;

    if (lstat(a->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode)) {
        return;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)a, sizeof(*a)) < 0 && errno == ECONNREFUSED) {
        unlink(a->sun_path);
    }
    close(fd);
}

static int open_unix(Socket *s, const char *path, Error *err)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };

    if (!*path || strlen(path) >= sizeof(a.sun_path)) {
        return error_set(err, EINVAL, "%s: a socket's path has 1 to %zu characters",
                         path, sizeof(a.sun_path) - 1);
    }
    strcpy(a.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ret;
    if (s->server) {
        remove_stale(&a);
        ret = bind(fd, (struct sockaddr *)&a, sizeof(a));
        ret = ret < 0 ? ret : listen(fd, 1);
    } else {
        ret = connect(fd, (struct sockaddr *)&a, sizeof(a));
    }
    if (ret < 0) {
        int e = errno;

        if (fd >= 0) {
            close(fd);
        }
        return error_set(err, e, "cannot %s %s: %s", s->server ? "listen on" : "connect to",
                         path, e == EADDRINUSE ? "it exists and is no dead socket"
                                               : strerror(e));
    }
    s->path = s->server ? xstrdup(path) : NULL;
    return fd;
}

/* -- The drivers ------------------------------------------------------------- */

static void socket_close(CharDriverState *chr);

static int start(CharDriverState *chr, Socket *s, int fd, Error *err)
{
    int ret = 0;

    chr->state = s;
    if (!s->server) {
        connected(s, fd);
        return 0;
    }
    s->listen_fd = fd;
    if (s->wait) {
        ret = accept_first(s, chr->filename ? chr->filename : chr->spec, err);
    } else {
        listen_again(s);
    }
    if (ret < 0) {
        socket_close(chr);
    }
    return ret;
}

static int socket_open(CharDriverState *chr, const char *args, Error *err)
{
    const char *kind = chr->drv->name;
    Socket *s = xzalloc(sizeof(*s));
    char *spec = xstrdup(args);

    fd_chan_init(&s->chan, chr);
    s->chan.hangup = hangup;
    s->listen_fd = s->conn_fd = -1;
    s->wait = true;
    s->telnet = !strcmp(kind, "telnet");
    s->chan.filter = s->telnet ? telnet_filter : NULL;
    int fd = take_options(s, spec, err);
    if (fd == 0) {
        fd = strcmp(kind, "unix") ? open_tcp(s, spec, err) : open_unix(s, spec, err);
    }
    free(spec);
    if (fd < 0) {
        free(s);
        return error_prefix(err, fd, "%s", kind);
    }
    chr->filename = strcmp(kind, "unix") ? name_tcp(s, kind, fd) : NULL;
    return start(chr, s, fd, err);
}

static void socket_write(CharDriverState *chr, const uint8_t *buf, size_t len)
{
    Socket *s = chr->state;

    if (s->telnet && s->conn_fd >= 0) {
        telnet_write(s, buf, len);
    } else {
        fd_chan_write(&s->chan, buf, len);
    }
}

static void socket_accept_input(CharDriverState *chr)
{
    Socket *s = chr->state;

    fd_chan_resume(&s->chan);
}

static void socket_close(CharDriverState *chr)
{
    Socket *s = chr->state;

    fd_chan_close(&s->chan);
    if (s->conn_fd >= 0) {
        close(s->conn_fd);
    }
    if (s->listen_fd >= 0) {
        loop_set_fd(s->listen_fd, NULL, NULL, NULL);
        close(s->listen_fd);
    }
    if (s->path) {
        unlink(s->path);
    }
    free(s->path);
    free(s);
}

#define SOCKET_DRIVER(word)                                                 \
    { .name = word, .open = socket_open, .write = socket_write,             \
      .accept_input = socket_accept_input, .close = socket_close }

const ChrDriver chr_tcp_driver = SOCKET_DRIVER("tcp");
const ChrDriver chr_telnet_driver = SOCKET_DRIVER("telnet");
const ChrDriver chr_unix_driver = SOCKET_DRIVER("unix");
