/* SPDX-License-Identifier: MIT */
/*
 * The back end "tap": a network interface of the host (Linux,
 * Documentation/networking/tuntap.rst).
 *
 *   guest NIC <--> /dev/net/tun <--> tap0, a card of the host
 *
 * A script may set the interface up (add it to a bridge, give it an address)
 * and another one may undo that; each gets the interface's name.
 *
 * Not modelled: offloads (vnet_hdr), several queues, vhost.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/net-int.h"
#include "sys/loop.h"
#include "util/mem.h"

#define DEFAULT_SCRIPT      "/etc/qemu-ifup"
#define DEFAULT_DOWN_SCRIPT "/etc/qemu-ifdown"
enum { FRAMES_AT_ONCE = 64 };

typedef struct Tap {
    NetClient *nc;
    int fd;
    char ifname[IFNAMSIZ];
    char *down_script;                  /* or NULL */
} Tap;

static int run_script(const char *script, const char *ifname, Error *err)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        execl(script, script, ifname, (char *)NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status)) {
        return error_set(err, EIO, "%s %s: failed, or cannot be run; script=no does without",
                         script, ifname);
    }
    return 0;
}

/* -- Frames ------------------------------------------------------------------ */

static void readable(void *opaque)
{
    Tap *s = opaque;
    uint8_t frame[NET_MAX_FRAME];

    for (int i = 0; i < FRAMES_AT_ONCE; i++) {
        ssize_t len = read(s->fd, frame, sizeof(frame));

        if (len <= 0) {
            break;
        }
        if (!net_send(s->nc, frame, (size_t)len)) {
            loop_set_fd(s->fd, NULL, NULL, NULL);
            break;
        }
    }
}

static void room(void *opaque)
{
    Tap *s = opaque;

    loop_set_fd(s->fd, readable, NULL, s);
}

/* A host that is behind loses frames, as a switch would. */
static void receive(void *opaque, const uint8_t *frame, size_t len)
{
    const Tap *s = opaque;

    while (write(s->fd, frame, len) < 0 && errno == EINTR) {
    }
}

static void describe(void *opaque, char *text, size_t size)
{
    snprintf(text, size, "ifname=%s", ((const Tap *)opaque)->ifname);
}

static void tap_free(void *opaque)
{
    Tap *s = opaque;

    loop_set_fd(s->fd, NULL, NULL, NULL);
    if (s->down_script) {
        run_script(s->down_script, s->ifname, NULL);
    }
    close(s->fd);
    free(s->down_script);
    free(s);
}

static const NetOps tap_ops = {
    .type     = "tap",
    .receive  = receive,
    .room     = room,
    .describe = describe,
    .free     = tap_free,
};

/* -- Opening ----------------------------------------------------------------- */

static int open_device(const NetArgs *a, Tap *s, Error *err)
{
    const char *wanted = net_arg(a, "ifname");
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };

    if (wanted && strlen(wanted) >= IFNAMSIZ) {
        return error_set(err, EINVAL, "%s: ifname=%s has more than %d characters", a->what,
                         wanted, IFNAMSIZ - 1);
    }
    s->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (s->fd < 0) {
        return error_set(err, errno, "%s: /dev/net/tun: %s; it is there after 'modprobe tun', "
                         "and for root", a->what, strerror(errno));
    }
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", wanted ? wanted : "tap%d");
    if (ioctl(s->fd, TUNSETIFF, &ifr) < 0) {
        int e = errno;

        close(s->fd);
        return error_set(err, e, "%s: interface %s: %s; 'ip tuntap add mode tap user NAME' "
                         "makes one for a user", a->what, ifr.ifr_name, strerror(e));
    }
    memcpy(s->ifname, ifr.ifr_name, sizeof(s->ifname));
    s->ifname[IFNAMSIZ - 1] = 0;
    return 0;
}

/* fd=N: somebody has opened it for us. */
static int take_fd(const NetArgs *a, Tap *s, Error *err)
{
    unsigned fd = 0;
    int ret = net_arg_number(a, "fd", 1 << 20, &fd, err);
    int flags = ret == 0 ? fcntl((int)fd, F_GETFL) : -1;

    if (ret == 0 && (flags < 0 || fcntl((int)fd, F_SETFL, flags | O_NONBLOCK) < 0)) {
        ret = error_set(err, errno, "%s: fd=%u: %s", a->what, fd, strerror(errno));
    }
    s->fd = (int)fd;
    snprintf(s->ifname, sizeof(s->ifname), "fd%u", fd);
    return ret;
}

/* NULL: none.  The default one may be missing. */
static const char *script_of(const NetArgs *a, const char *key, const char *by_default)
{
    const char *s = net_arg(a, key);

    if (!s) {
        return access(by_default, X_OK) == 0 ? by_default : NULL;
    }
    return *s && strcmp(s, "no") ? s : NULL;
}

static int open_tap(NetClient **nc, const char *name, const NetArgs *a, Error *err)
{
    Tap *s = xzalloc(sizeof(*s));
    bool given = net_arg(a, "fd");
    int ret;

    if (given && (net_arg(a, "ifname") || net_arg(a, "script") || net_arg(a, "downscript"))) {
        ret = error_set(err, EINVAL, "%s: with fd= there is no ifname=, script= or "
                        "downscript=", a->what);
    } else {
        ret = given ? take_fd(a, s, err) : open_device(a, s, err);
    }
    if (ret < 0) {
        free(s);
        return ret;
    }
    const char *up = given ? NULL : script_of(a, "script", DEFAULT_SCRIPT);
    const char *down = given ? NULL : script_of(a, "downscript", DEFAULT_DOWN_SCRIPT);
    ret = up ? run_script(up, s->ifname, err) : 0;
    if (ret < 0) {
        close(s->fd);
        free(s);
        return error_prefix(err, ret, "%s", a->what);
    }
    s->down_script = down ? xstrdup(down) : NULL;
    s->nc = net_client_new(&tap_ops, s, name);
    loop_set_fd(s->fd, readable, NULL, s);
    *nc = s->nc;
    return 0;
}

const NetDriver net_tap_driver = {
    .name = "tap",
    .keys = "ifname script downscript fd",
    .open = open_tap,
};
