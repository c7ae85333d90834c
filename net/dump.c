/* SPDX-License-Identifier: MIT */
/*
 * The back end "dump": writes what it hears on a hub into a file for tcpdump
 * and Wireshark (pcap, draft-ietf-opsawg-pcap).
 *
 *   24 bytes of header; then per frame: seconds, microseconds, bytes kept,
 *   bytes there were, the bytes
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/net-int.h"
#include "sys/clock.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"

enum { PCAP_MAGIC = 0xa1b2c3d4, LINKTYPE_ETHERNET = 1 };

typedef struct Dump {
    FILE *file;
    char *path;
    unsigned keep;                      /* bytes of each frame */
} Dump;

static void receive(void *opaque, const uint8_t *frame, size_t len)
{
    Dump *s = opaque;
    int64_t now = clock_host_ns();
    size_t kept = MIN(len, (size_t)s->keep);
    uint32_t head[4] = { (uint32_t)(now / NS_PER_SEC),
                         (uint32_t)(now % NS_PER_SEC / NS_PER_US), (uint32_t)kept,
                         (uint32_t)len };

    if (!s->file) {
        return;
    }
    if (fwrite(head, sizeof(head), 1, s->file) != 1 ||
        fwrite(frame, 1, kept, s->file) != kept || fflush(s->file)) {
        fprintf(stderr, "-net dump: %s: %s; it ends here\n", s->path, strerror(errno));
        fclose(s->file);
        s->file = NULL;
    }
}

static void describe(void *opaque, char *text, size_t size)
{
    const Dump *s = opaque;

    snprintf(text, size, "file=%s,len=%u", s->path, s->keep);
}

static void dump_free(void *opaque)
{
    Dump *s = opaque;

    if (s->file) {
        fclose(s->file);
    }
    free(s->path);
    free(s);
}

static const NetOps dump_ops = {
    .type     = "dump",
    .receive  = receive,
    .describe = describe,
    .free     = dump_free,
};

static FILE *create(const NetArgs *a, const char *path, unsigned keep, Error *err)
{
    struct { uint32_t magic; uint16_t major, minor; uint32_t zone, sigfigs, keep, link; }
        head = { PCAP_MAGIC, 2, 4, 0, 0, keep, LINKTYPE_ETHERNET };
    FILE *f = fopen(path, "wbe");

    if (!f || fwrite(&head, sizeof(head), 1, f) != 1 || fflush(f)) {
        error_set(err, errno, "%s: file=%s: %s", a->what, path, strerror(errno));
        if (f) {
            fclose(f);
        }
        return NULL;
    }
    return f;
}

static int open_dump(NetClient **nc, const char *name, const NetArgs *a, Error *err)
{
    const char *path = net_arg(a, "file"), *vlan = net_arg(a, "vlan");
    char *by_default = xasprintf("qemu-vlan%s.pcap", vlan ? vlan : "0");
    unsigned keep = 65536;
    int ret = net_arg_number(a, "len", 1 << 20, &keep, err);
    FILE *f = ret < 0 ? NULL : create(a, path ? path : by_default, keep, err);

    if (f) {
        Dump *s = xzalloc(sizeof(*s));

        *s = (Dump){ f, xstrdup(path ? path : by_default), keep };
        *nc = net_client_new(&dump_ops, s, name);
    }
    free(by_default);
    return f ? 0 : -EINVAL;
}

const NetDriver net_dump_driver = {
    .name = "dump",
    .keys = "file len",
    .open = open_dump,
};
