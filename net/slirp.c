/* SPDX-License-Identifier: MIT */
/*
 * The back end "user": a network behind NAT, made by libslirp out of ordinary
 * sockets, so that it needs no rights on the host.
 *
 *   guest 10.0.2.15 ---- 10.0.2.2 router, DHCP, TFTP      <-> host's sockets
 *                        10.0.2.3 name server             <-> host's resolver
 *
 * libslirp waits for its sockets in our loop (a LoopHook).  It lives in host
 * time, as the hosts it talks to do.  While the guest's queue is full its
 * sockets are left alone, and TCP's windows hold the senders.
 *
 *   hostfwd=[tcp|udp]:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT
 *   guestfwd=tcp:SERVER:PORT-CHARDEV  or  -cmd:COMMAND
 *
 * Not modelled: smb=; saving connections in snapshots.
 */
#include "net/slirp.h"

#include "net/net-int.h"

#include <errno.h>

#ifdef CONFIG_SLIRP

#include <arpa/inet.h>
#include <poll.h>
#include <slirp/libslirp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "char/char.h"
#include "sys/clock.h"
#include "sys/loop.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/out.h"

typedef struct SlirpTimer {
    SlirpTimerCb fire;
    void *opaque;
    int64_t deadline_ms;                /* -1: not armed */
    struct SlirpTimer *next;
} SlirpTimer;

/* A port of a server in the guest's network that is a character device. */
typedef struct GuestFwd {
    struct UserNet *net;
    CharDriverState *chr;
    struct in_addr server;
    int port;
    struct GuestFwd *next;
} GuestFwd;

typedef struct UserNet {
    NetClient *nc;
    Slirp *slirp;
    struct in_addr network, mask;
    bool restricted;
    bool polled;                        /* prepare() gave our sockets */
    bool woken;
    SlirpTimer *timers;
    GuestFwd *guest_fwds;
    struct UserNet *next;
} UserNet;

static UserNet *user_nets;

static int64_t host_time_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

/* -- What libslirp calls ----------------------------------------------------- */

static ssize_t send_packet(const void *buf, size_t len, void *opaque)
{
    net_send(((UserNet *)opaque)->nc, buf, len);
    return (ssize_t)len;
}

static void guest_error(const char *msg, void *opaque)
{
    log_guest(net_name(((UserNet *)opaque)->nc), "%s", msg);
}

static int64_t clock_get_ns(void *opaque)
{
    (void)opaque;
    return host_time_ns();
}

static void *timer_new(SlirpTimerCb cb, void *cb_opaque, void *opaque)
{
    UserNet *s = opaque;
    SlirpTimer *t = xzalloc(sizeof(*t));

    *t = (SlirpTimer){ cb, cb_opaque, -1, s->timers };
    s->timers = t;
    return t;
}

static void timer_free(void *timer, void *opaque)
{
    UserNet *s = opaque;

    for (SlirpTimer **p = &s->timers; *p; p = &(*p)->next) {
        if (*p == timer) {
            *p = (*p)->next;
            free(timer);
            return;
        }
    }
}

static void wake(UserNet *s)
{
    if (!s->woken) {
        s->woken = true;
        loop_wake();
    }
}

static void timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
    ((SlirpTimer *)timer)->deadline_ms = expire_ms;
    wake(opaque);
}

/* Every wait asks for all descriptors anew. */
static void register_fd(int fd, void *opaque)
{
    (void)fd;
    wake(opaque);
}

static void notify(void *opaque)
{
    wake(opaque);
}

static const SlirpCb callbacks = {
    .send_packet        = send_packet,
    .guest_error        = guest_error,
    .clock_get_ns       = clock_get_ns,
    .timer_new          = timer_new,
    .timer_free         = timer_free,
    .timer_mod          = timer_mod,
    .register_poll_fd   = register_fd,
    .unregister_poll_fd = register_fd,
    .notify             = notify,
};

/* -- The loop ---------------------------------------------------------------- */

static const struct { int slirp; short host; } poll_bits[] = {
    { SLIRP_POLL_IN, POLLIN }, { SLIRP_POLL_OUT, POLLOUT }, { SLIRP_POLL_PRI, POLLPRI },
    { SLIRP_POLL_ERR, POLLERR }, { SLIRP_POLL_HUP, POLLHUP },
};

static int add_poll(int fd, int events, void *opaque)
{
    short wanted = 0;

    (void)opaque;
    for (size_t i = 0; i < ARRAY_SIZE(poll_bits); i++) {
        wanted |= events & poll_bits[i].slirp ? poll_bits[i].host : 0;
    }
    return loop_poll(fd, wanted);
}

static int get_revents(int idx, void *opaque)
{
    short got = loop_poll_result(idx);
    int events = 0;

    (void)opaque;
    for (size_t i = 0; i < ARRAY_SIZE(poll_bits); i++) {
        events |= got & poll_bits[i].host ? poll_bits[i].slirp : 0;
    }
    return events;
}

static void lower_to_ms(int64_t *timeout_ns, int64_t ms)
{
    int64_t ns = MAX(ms, 0) * NS_PER_MS;

    if (*timeout_ns < 0 || ns < *timeout_ns) {
        *timeout_ns = ns;
    }
}

static void prepare(void *opaque, int64_t *timeout_ns)
{
    UserNet *s = opaque;
    uint32_t ms = UINT32_MAX;
    int64_t now_ms = host_time_ns() / NS_PER_MS;

    s->woken = false;
    s->polled = net_can_send(s->nc);
    if (s->polled) {
        slirp_pollfds_fill(s->slirp, &ms, add_poll, s);
        if (ms != UINT32_MAX) {
            lower_to_ms(timeout_ns, ms);
        }
    }
    for (const SlirpTimer *t = s->timers; t; t = t->next) {
        if (t->deadline_ms >= 0) {
            lower_to_ms(timeout_ns, t->deadline_ms - now_ms);
        }
    }
}

static void run_timers(UserNet *s)
{
    int64_t now_ms = host_time_ns() / NS_PER_MS;

    for (SlirpTimer *t = s->timers, *next; t; t = next) {
        next = t->next;
        if (t->deadline_ms >= 0 && t->deadline_ms <= now_ms) {
            t->deadline_ms = -1;
            t->fire(t->opaque);
        }
    }
}

static void done(void *opaque)
{
    UserNet *s = opaque;

    run_timers(s);
    if (!s->polled) {
        return;
    }
    slirp_pollfds_poll(s->slirp, 0, get_revents, s);
    for (const GuestFwd *f = s->guest_fwds; f; f = f->next) {
        chr_accept_input(f->chr);
    }
}

static const LoopHook hook = { prepare, done };

/* -- Frames ------------------------------------------------------------------ */

static void receive(void *opaque, const uint8_t *frame, size_t len)
{
    UserNet *s = opaque;

    slirp_input(s->slirp, frame, (int)len);
    wake(s);                            /* timers of TCP may have changed */
}

static void room(void *opaque)
{
    wake(opaque);
}

static void describe(void *opaque, char *text, size_t size)
{
    const UserNet *s = opaque;
    char net[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &s->network, net, sizeof(net));
    snprintf(text, size, "net=%s/%d,restrict=%s", net,
             __builtin_popcount(s->mask.s_addr), s->restricted ? "on" : "off");
}

static void user_free(void *opaque)
{
    UserNet *s = opaque;

    loop_remove_hook(s);
    slirp_cleanup(s->slirp);
    for (UserNet **p = &user_nets; *p; p = &(*p)->next) {
        if (*p == s) {
            *p = s->next;
            break;
        }
    }
    for (GuestFwd *f = s->guest_fwds, *next; f; f = next) {
        next = f->next;
        chr_add_handlers(f->chr, NULL, f);
        chr_close(f->chr);
        free(f);
    }
    for (SlirpTimer *t = s->timers, *next; t; t = next) {
        next = t->next;
        free(t);
    }
    free(s);
}

static const NetOps user_ops = {
    .type     = "user",
    .receive  = receive,
    .room     = room,
    .describe = describe,
    .free     = user_free,
};

/* -- Forwarding -------------------------------------------------------------- */

/* Cut the piece before `end` off *s; false if there is no such character. */
static bool cut(char **s, char end, char **piece)
{
    char *at = strchr(*s, end);

    if (!at) {
        return false;
    }
    *piece = *s;
    *at = 0;
    *s = at + 1;
    return true;
}

static bool parse_port(const char *s, int *port)
{
    char *end;
    unsigned long v = strtoul(s, &end, 10);

    *port = (int)v;
    return s[0] >= '0' && s[0] <= '9' && !*end && v <= 65535;
}

static bool parse_addr(const char *s, struct in_addr *addr)
{
    return !*s || inet_pton(AF_INET, s, addr) == 1;
}

typedef struct Forward {
    int is_udp, host_port, guest_port;
    struct in_addr host, guest;
} Forward;

static bool parse_protocol(const char *s, int *is_udp)
{
    *is_udp = !strcmp(s, "udp");
    return *is_udp || !*s || !strcmp(s, "tcp");
}

/* [tcp|udp]:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT; cuts s to pieces. */
static bool parse_forward(char *s, Forward *f)
{
    char *protocol, *host, *host_port, *guest;

    *f = (Forward){ 0 };
    return cut(&s, ':', &protocol) && cut(&s, ':', &host) && cut(&s, '-', &host_port) &&
           cut(&s, ':', &guest) && parse_protocol(protocol, &f->is_udp) &&
           parse_addr(host, &f->host) && parse_port(host_port, &f->host_port) &&
           parse_addr(guest, &f->guest) && parse_port(s, &f->guest_port) &&
           f->guest_port;
}

static int add_forward(UserNet *s, const char *rule, Error *err)
{
    char *copy = xstrdup(rule);
    Forward f;
    bool ok = parse_forward(copy, &f);

    free(copy);
    if (!ok) {
        return error_set(err, EINVAL, "hostfwd=%s: want [tcp|udp]:[HOSTADDR]:HOSTPORT-"
                         "[GUESTADDR]:GUESTPORT", rule);
    }
    if (slirp_add_hostfwd(s->slirp, f.is_udp, f.host, f.host_port, f.guest,
                          f.guest_port) < 0) {
        return error_set(err, errno ? errno : EIO, "hostfwd=%s: cannot use port %d of the "
                         "host: %s", rule, f.host_port, strerror(errno ? errno : EIO));
    }
    return 0;
}

static UserNet *find_net(const char *name, Error *err)
{
    UserNet *s = user_nets;

    while (s && name && strcmp(net_name(s->nc), name)) {
        s = s->next;
    }
    if (!s) {
        error_set(err, ENOENT, name ? "hostfwd: no user network called '%s', see info network"
                                    : "hostfwd: there is no user network", name);
    }
    return s;
}

int user_net_forward(const char *name, const char *rule, Error *err)
{
    UserNet *s = find_net(name, err);

    return s ? add_forward(s, rule, err) : -ENOENT;
}

int user_net_unforward(const char *name, const char *rule, Error *err)
{
    UserNet *s = find_net(name, err);
    char *copy = xstrdup(rule), *rest = copy, *protocol, *host;
    Forward f = { 0 };

    if (!s) {
        free(copy);
        return -ENOENT;
    }
    bool ok = cut(&rest, ':', &protocol) && cut(&rest, ':', &host) &&
              parse_protocol(protocol, &f.is_udp) && parse_addr(host, &f.host) &&
              parse_port(rest, &f.host_port);
    free(copy);
    if (!ok) {
        return error_set(err, EINVAL, "hostfwd_remove %s: want [tcp|udp]:[HOSTADDR]:HOSTPORT",
                         rule);
    }
    if (slirp_remove_hostfwd(s->slirp, f.is_udp, f.host, f.host_port) < 0) {
        return error_set(err, ENOENT, "hostfwd_remove %s: nothing is forwarded from there", rule);
    }
    return 0;
}

/* -- Servers that are character devices -------------------------------------- */

static ssize_t from_guest(const void *buf, size_t len, void *opaque)
{
    chr_write(((GuestFwd *)opaque)->chr, buf, len);
    return (ssize_t)len;
}

static int fwd_can_receive(void *opaque)
{
    const GuestFwd *f = opaque;

    return (int)MIN(slirp_socket_can_recv(f->net->slirp, f->server, f->port),
                    (size_t)65536);
}

static void fwd_receive(void *opaque, const uint8_t *buf, size_t len)
{
    const GuestFwd *f = opaque;

    slirp_socket_recv(f->net->slirp, f->server, f->port, buf, (int)len);
}

static const ChrHandlers fwd_handlers = { fwd_can_receive, fwd_receive, NULL };

static int add_chardev(UserNet *s, const char *spec, struct in_addr server, int port,
                       Error *err)
{
    char *label = xasprintf("%s.guestfwd%d", net_name(s->nc), port);
    GuestFwd *f = xzalloc(sizeof(*f));

    *f = (GuestFwd){ .net = s, .server = server, .port = port };
    f->chr = chr_open(label, spec, err);
    free(label);
    if (!f->chr) {
        free(f);
        return -EINVAL;
    }
    f->next = s->guest_fwds;
    s->guest_fwds = f;
    chr_add_handlers(f->chr, &fwd_handlers, f);
    return slirp_add_guestfwd(s->slirp, from_guest, f, &f->server, port);
}

static int add_guest_forward(UserNet *s, const char *rule, Error *err)
{
    char *copy = xstrdup(rule), *rest = copy, *protocol, *server, *port_text;
    struct in_addr addr = { 0 };
    Error why = { "" };
    int port = 0, is_udp, ret = -EINVAL;

    if (cut(&rest, ':', &protocol) && cut(&rest, ':', &server) &&
        cut(&rest, '-', &port_text) && parse_protocol(protocol, &is_udp) && !is_udp &&
        *server && parse_addr(server, &addr) && parse_port(port_text, &port) && port) {
        ret = !strncmp(rest, "cmd:", 4) ? slirp_add_exec(s->slirp, rest + 4, &addr, port)
                                        : add_chardev(s, rest, addr, port, &why);
        if (ret < 0 && !why.msg[0]) {
            error_set(&why, EADDRINUSE, "no address for a server there: it must be in "
                      "the network, not the host's or the name server's, and free");
        }
    } else {
        error_set(&why, EINVAL, "want tcp:SERVER:PORT-CHARDEV or tcp:SERVER:PORT-cmd:COMMAND");
    }
    free(copy);
    return ret < 0 ? error_set(err, EINVAL, "guestfwd=%s: %s", rule, why.msg) : 0;
}

/* -- Settings ---------------------------------------------------------------- */

static int set_addr(const NetArgs *a, const char *key, struct in_addr *addr, Error *err)
{
    const char *s = net_arg(a, key);

    if (s && inet_pton(AF_INET, s, addr) != 1) {
        return error_set(err, EINVAL, "%s: %s=%s is no IPv4 address", a->what, key, s);
    }
    return 0;
}

/* "10.0.2.0/24", "10.0.2.0/255.255.255.0" */
static int set_network(const NetArgs *a, UserNet *s, Error *err)
{
    const char *text = net_arg(a, "net");
    char buf[64], *slash;
    int bits_set = 24;

    snprintf(buf, sizeof(buf), "%s", text ? text : "10.0.2.0");
    slash = strchr(buf, '/');
    if (slash) {
        *slash++ = 0;
    }
    bool ok = inet_pton(AF_INET, buf, &s->network) == 1;
    if (slash && strchr(slash, '.')) {
        ok = ok && inet_pton(AF_INET, slash, &s->mask) == 1;
    } else {
        ok = ok && (!slash || (parse_port(slash, &bits_set) && bits_set >= 4 && bits_set <= 28));
        s->mask.s_addr = htonl(~0u << (32 - MIN(bits_set, 28)));
    }
    uint32_t rest = ~ntohl(s->mask.s_addr);
    if (!ok || (rest & (rest + 1)) || rest < 15) {
        return error_set(err, EINVAL, "%s: net=%s: want ADDRESS/BITS with 4 to 28 bits, "
                         "like 10.0.2.0/24", a->what, text);
    }
    s->network.s_addr &= s->mask.s_addr;
    return 0;
}

static int check_inside(const NetArgs *a, const UserNet *s, const char *key,
                        struct in_addr addr, Error *err)
{
    if ((addr.s_addr & s->mask.s_addr) != s->network.s_addr) {
        return error_set(err, EINVAL, "%s: %s=%s is not in the network, see net=", a->what,
                         key, net_arg(a, key));
    }
    return 0;
}

/* An address of the network, by default its nth. */
static int set_inside(const NetArgs *a, const UserNet *s, const char *key, uint32_t nth,
                      struct in_addr *addr, Error *err)
{
    addr->s_addr = s->network.s_addr | htonl(nth);
    int ret = set_addr(a, key, addr, err);

    return ret < 0 ? ret : check_inside(a, s, key, *addr, err);
}

static int check_tftp(const NetArgs *a, Error *err)
{
    const char *dir = net_arg(a, "tftp");
    struct stat st;

    if (!dir) {
        return 0;
    }
    if (stat(dir, &st) < 0) {
        return error_set(err, errno, "%s: tftp=%s: %s", a->what, dir, strerror(errno));
    }
    return S_ISDIR(st.st_mode) ? 0 :
           error_set(err, ENOTDIR, "%s: tftp=%s is not a directory", a->what, dir);
}

static int configure(const NetArgs *a, UserNet *s, SlirpConfig *c, Error *err)
{
    bool ipv6 = false;
    int ret = set_network(a, s, err);

    *c = (SlirpConfig){ .version = 1, .in_enabled = true };
    ret = ret < 0 ? ret : set_inside(a, s, "host", 2, &c->vhost, err);
    ret = ret < 0 ? ret : set_inside(a, s, "dns", 3, &c->vnameserver, err);
    ret = ret < 0 ? ret : set_inside(a, s, "dhcpstart", 15, &c->vdhcp_start, err);
    ret = ret < 0 ? ret : net_arg_bool(a, "restrict", &s->restricted, err);
    ret = ret < 0 ? ret : net_arg_bool(a, "ipv6", &ipv6, err);
    ret = ret < 0 ? ret : check_tftp(a, err);
    if (ret == 0 && c->vhost.s_addr == c->vnameserver.s_addr) {
        ret = error_set(err, EINVAL, "%s: host= and dns= are the same address", a->what);
    }
    const char *bootfile = net_arg(a, "bootfile"), *hostname = net_arg(a, "hostname");
    /* RFC 951: the name of the file has 127 bytes. */
    if (ret == 0 && bootfile && strlen(bootfile) > 127) {
        ret = error_set(err, EINVAL, "%s: bootfile= has more than 127 characters", a->what);
    }
    if (ret == 0 && hostname && strlen(hostname) > 32) {
        ret = error_set(err, EINVAL, "%s: hostname= has more than 32 characters", a->what);
    }
    c->restricted = s->restricted;
    c->vnetwork = s->network;
    c->vnetmask = s->mask;
    c->vhostname = hostname;
    c->vdomainname = net_arg(a, "domainname");
    c->tftp_path = net_arg(a, "tftp");
    c->bootfile = bootfile;
    c->in6_enabled = ipv6;
    inet_pton(AF_INET6, "fec0::", &c->vprefix_addr6);
    inet_pton(AF_INET6, "fec0::2", &c->vhost6);
    inet_pton(AF_INET6, "fec0::3", &c->vnameserver6);
    c->vprefix_len = 64;
    return ret;
}

static int add_forwards(const NetArgs *a, UserNet *s, Error *err)
{
    const char *rule;
    int ret = 0;

    for (int i = 0; ret == 0 && (rule = net_arg_next(a, "hostfwd", &i)) != NULL;) {
        ret = add_forward(s, rule, err);
    }
    for (int i = 0; ret == 0 && (rule = net_arg_next(a, "guestfwd", &i)) != NULL;) {
        ret = add_guest_forward(s, rule, err);
    }
    return ret < 0 ? error_prefix(err, ret, "%s", a->what) : 0;
}

static int open_user(NetClient **nc, const char *name, const NetArgs *a, Error *err)
{
    UserNet *s = xzalloc(sizeof(*s)), **p = &user_nets;
    SlirpConfig c;
    int ret = configure(a, s, &c, err);

    if (ret < 0) {
        free(s);
        return ret;
    }
    s->nc = net_client_new(&user_ops, s, name);
    s->slirp = slirp_new(&c, &callbacks, s);
    while (*p) {
        p = &(*p)->next;
    }
    *p = s;
    loop_add_hook(&hook, s);
    ret = add_forwards(a, s, err);
    if (ret < 0) {
        net_client_free(s->nc);
        return ret;
    }
    *nc = s->nc;
    return 0;
}

void user_net_dump(void (*put)(void *opaque, const char *text), void *opaque)
{
    const Out o = { put, opaque };

    for (UserNet *s = user_nets; s; s = s->next) {
        char *text = slirp_connection_info(s->slirp);

        out_printf(&o, "%s:\n", net_name(s->nc));
        put(opaque, text);
        free(text);
    }
}

#else

static int no_slirp(Error *err)
{
    return error_set(err, ENOTSUP, "-net user: not built in, install libslirp-dev and "
                     "configure again");
}

static int open_user(NetClient **nc, const char *name, const NetArgs *a, Error *err)
{
    (void)nc;
    (void)name;
    (void)a;
    return no_slirp(err);
}

int user_net_forward(const char *name, const char *rule, Error *err)
{
    (void)name;
    (void)rule;
    return no_slirp(err);
}

int user_net_unforward(const char *name, const char *rule, Error *err)
{
    (void)name;
    (void)rule;
    return no_slirp(err);
}

void user_net_dump(void (*put)(void *opaque, const char *text), void *opaque)
{
    put(opaque, "user networks are not built in\n");
}

#endif

const NetDriver net_user_driver = {
    .name = "user",
    .keys = "net host dns dhcpstart hostname domainname restrict ipv6 tftp bootfile "
            "hostfwd guestfwd",
    .open = open_user,
};
