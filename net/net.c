/* SPDX-License-Identifier: MIT */
/*
 * Cables and queues.
 *
 *   net_send(from) --> peer at rest, nothing queued? --> receive()
 *                          no --> queue --> bottom half --> receive() ...
 *
 * `busy` counts net_send() and receive() of a client that are on the stack.
 */
#include "net/net.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/loop.h"
#include "util/bits.h"
#include "util/mem.h"
#include "util/out.h"

enum { QUEUE_HIGH = 128, QUEUE_MAX = 1024 };

typedef struct Frame {
    struct Frame *next;
    size_t len;
    uint8_t data[];
} Frame;

struct NetClient {
    const NetOps *ops;
    void *opaque;
    char *name;
    NetClient *peer, *next;
    bool link_down;                     /* set_link NAME off */
    int busy;
    Frame *first, **last;
    unsigned queued;
    bool sender_waits;                  /* it was told false */
    QEMUBH *bh;
};

static NetClient *clients;
static bool machine_stopped;

/* -- Delivery ---------------------------------------------------------------- */

static bool ready(const NetClient *nc)
{
    if (nc->busy || (nc->ops->is_nic && machine_stopped)) {
        return false;
    }
    return !nc->ops->can_receive || nc->ops->can_receive(nc->opaque);
}

/* IEEE 802.3, 4.2.8: what is on the wire has at least 60 bytes and the FCS. */
static void deliver(NetClient *to, const uint8_t *data, size_t len)
{
    uint8_t padded[NET_MIN_FRAME];

    if (to->ops->is_nic && len < NET_MIN_FRAME) {
        memcpy(padded, data, len);
        memset(padded + len, 0, sizeof(padded) - len);
        data = padded;
        len = sizeof(padded);
    }
    to->busy++;
    to->ops->receive(to->opaque, data, len);
    to->busy--;
}

static void enqueue(NetClient *to, const void *data, size_t len)
{
    if (to->queued == QUEUE_MAX) {
        return;
    }
    Frame *f = xmalloc(sizeof(*f) + len);

    f->next = NULL;
    f->len = len;
    memcpy(f->data, data, len);
    *to->last = f;
    to->last = &f->next;
    to->queued++;
}

static Frame *dequeue(NetClient *nc)
{
    Frame *f = nc->first;

    nc->first = f->next;
    if (!nc->first) {
        nc->last = &nc->first;
    }
    nc->queued--;
    return f;
}

static void drop_queue(NetClient *nc)
{
    while (nc->first) {
        free(dequeue(nc));
    }
}

/* The bottom half. */
static void deliver_queue(void *opaque)
{
    NetClient *nc = opaque;

    while (nc->first && ready(nc)) {
        Frame *f = dequeue(nc);

        deliver(nc, f->data, f->len);
        free(f);
    }
    if (nc->sender_waits && nc->queued < QUEUE_HIGH / 2) {
        nc->sender_waits = false;
        if (nc->peer && nc->peer->ops->room) {
            nc->peer->ops->room(nc->peer->opaque);
        }
    }
}

bool net_send(NetClient *from, const void *frame, size_t len)
{
    NetClient *to = from->peer;

    if (!net_link_up(from) || len == 0 || len > NET_MAX_FRAME) {
        return true;
    }
    if (!to->first && ready(to)) {
        from->busy++;
        deliver(to, frame, len);
        from->busy--;
        net_flush(from);                /* what came meanwhile */
        net_flush(to);
        return true;
    }
    enqueue(to, frame, len);
    if (!to->busy) {
        bh_schedule(to->bh);
    }
    to->sender_waits |= to->queued >= QUEUE_HIGH;
    return !to->sender_waits;
}

bool net_can_send(const NetClient *from)
{
    NetClient *to = from->peer;

    if (to && to->queued >= QUEUE_HIGH) {
        to->sender_waits = true;
        return false;
    }
    return true;
}

void net_flush(NetClient *nc)
{
    if (nc && (nc->first || nc->sender_waits)) {
        bh_schedule(nc->bh);
    }
}

void net_set_running(bool running)
{
    machine_stopped = !running;
    for (NetClient *nc = clients; running && nc; nc = nc->next) {
        net_flush(nc);
    }
}

/* -- Ends -------------------------------------------------------------------- */

/* "user.0": the first number that is free. */
static char *make_name(const char *type)
{
    for (int n = 0;; n++) {
        char *name = xasprintf("%s.%d", type, n);

        if (!net_find(name)) {
            return name;
        }
        free(name);
    }
}

NetClient *net_client_new(const NetOps *ops, void *opaque, const char *name)
{
    NetClient *nc = xzalloc(sizeof(*nc)), **p = &clients;

    nc->ops = ops;
    nc->opaque = opaque;
    nc->name = name ? xstrdup(name) : make_name(ops->type);
    nc->last = &nc->first;
    nc->bh = bh_new(deliver_queue, nc);
    while (*p) {
        p = &(*p)->next;
    }
    *p = nc;
    return nc;
}

void net_client_free(NetClient *nc)
{
    if (!nc) {
        return;
    }
    assert(!nc->busy);
    net_unplug(nc);
    for (NetClient **p = &clients; *p; p = &(*p)->next) {
        if (*p == nc) {
            *p = nc->next;
            break;
        }
    }
    if (nc->ops->free) {
        nc->ops->free(nc->opaque);
    }
    drop_queue(nc);
    bh_delete(nc->bh);
    free(nc->name);
    free(nc);
}

static void tell_link(NetClient *nc)
{
    if (nc->ops->link_changed) {
        nc->ops->link_changed(nc->opaque);
    }
}

int net_plug(NetClient *a, NetClient *b, Error *err)
{
    NetClient *taken = a->peer ? a : b->peer ? b : NULL;

    if (taken) {
        return error_set(err, EBUSY, "%s: it is connected to %s already", taken->name,
                         taken->peer->name);
    }
    a->peer = b;
    b->peer = a;
    tell_link(a);
    tell_link(b);
    return 0;
}

void net_unplug(NetClient *nc)
{
    NetClient *peer = nc->peer;

    if (peer) {
        nc->peer = peer->peer = NULL;
        drop_queue(nc);
        drop_queue(peer);
        nc->sender_waits = peer->sender_waits = false;
        tell_link(nc);
        tell_link(peer);
    }
}

const char *net_name(const NetClient *nc)    { return nc->name; }
void *net_opaque(const NetClient *nc)        { return nc->opaque; }
const NetOps *net_ops(const NetClient *nc)   { return nc->ops; }
NetClient *net_peer(const NetClient *nc)     { return nc->peer; }

NetClient *net_find(const char *name)
{
    NetClient *nc = clients;

    while (nc && strcmp(nc->name, name)) {
        nc = nc->next;
    }
    return nc;
}

NetClient *net_next(const NetClient *nc)
{
    return nc ? nc->next : clients;
}

bool net_link_up(const NetClient *nc)
{
    return nc->peer && !nc->link_down && !nc->peer->link_down;
}

void net_set_link(NetClient *nc, bool up)
{
    nc->link_down = !up;
    tell_link(nc);
    if (nc->peer) {
        tell_link(nc->peer);
    }
}

/* -- For people -------------------------------------------------------------- */

void net_format_mac(const uint8_t mac[6], char text[18])
{
    snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
             mac[4], mac[5]);
}

/* Six pairs of digits; a NIC's own address has bit 0 of the first byte clear. */
int net_parse_mac(const char *text, uint8_t mac[6], Error *err)
{
    unsigned v[6];
    char rest;

    if (strlen(text) != 17 || strspn(text, "0123456789abcdefABCDEF:") != 17 ||
        sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &v[0], &v[1], &v[2], &v[3], &v[4],
               &v[5], &rest) != 6) {
        return error_set(err, EINVAL, "'%s' is no MAC address, say 52:54:00:12:34:56", text);
    }
    if (v[0] & 1) {
        return error_set(err, EINVAL, "'%s' is a group address, the first byte of a "
                         "card's is even", text);
    }
    for (int i = 0; i < 6; i++) {
        mac[i] = (uint8_t)v[i];
    }
    return 0;
}

static void dump_client(const Out *o, const NetClient *nc, const char *indent)
{
    char text[128] = "";

    if (nc->ops->describe) {
        nc->ops->describe(nc->opaque, text, sizeof(text));
    }
    out_printf(o, "%s%s: type=%s%s%s%s", indent, nc->name, nc->ops->type, *text ? "," : "",
               text, nc->link_down ? ",link=off" : "");
    out_printf(o, nc->queued ? ",queued=%u\n" : "\n", nc->queued);
}

static bool dump_hub(const Out *o, int n)
{
    bool any = false;

    for (const NetClient *nc = clients; nc; nc = nc->next) {
        if (net_hub_of(nc) == n && strcmp(nc->ops->type, "hubport")) {
            if (!any) {
                out_printf(o, "VLAN %d devices:\n", n);
            }
            any = true;
            dump_client(o, nc, "  ");
        }
    }
    return any;
}

/* Hubs by number, then what is not on one: netdevs, with the NIC below. */
void net_dump(void (*put)(void *opaque, const char *text), void *opaque)
{
    const Out o = { put, opaque };
    int highest = -1;

    for (const NetClient *nc = clients; nc; nc = nc->next) {
        highest = MAX(highest, net_hub_of(nc));
    }
    for (int n = 0; n <= highest; n++) {
        dump_hub(&o, n);
    }
    for (const NetClient *nc = clients; nc; nc = nc->next) {
        if (net_hub_of(nc) >= 0 || (nc->ops->is_nic && nc->peer)) {
            continue;
        }
        dump_client(&o, nc, "");
        if (nc->peer) {
            dump_client(&o, nc->peer, " \\ ");
        }
    }
}
