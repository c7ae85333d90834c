/* SPDX-License-Identifier: MIT */
/*
 * Hubs: what is sent into one port comes out of all others.
 *
 *   user.0 -- port   port -- ne2k_pci.0
 *                 \ /
 *                 hub
 *                  |
 *                 port -- dump.0
 *
 * A port that can take no more holds up none of the others: a frame waits only
 * while no port at all could take it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "net/net.h"
#include "util/mem.h"

typedef struct HubPort {
    NetClient *nc;
    int hub;
    struct HubPort *next;               /* all ports of all hubs */
} HubPort;

static HubPort *ports;

static bool can_receive(void *opaque)
{
    const HubPort *from = opaque;
    bool others = false;

    for (const HubPort *p = ports; p; p = p->next) {
        if (p->hub == from->hub && p != from && net_peer(p->nc)) {
            if (net_can_send(p->nc)) {
                return true;
            }
            others = true;
        }
    }
    return !others;
}

static void receive(void *opaque, const uint8_t *frame, size_t len)
{
    const HubPort *from = opaque;

    for (const HubPort *p = ports; p; p = p->next) {
        if (p->hub == from->hub && p != from) {
            net_send(p->nc, frame, len);
        }
    }
}

static void room(void *opaque)
{
    const HubPort *at = opaque;

    for (const HubPort *p = ports; p; p = p->next) {
        if (p->hub == at->hub && p != at) {
            net_flush(p->nc);
        }
    }
}

static void describe(void *opaque, char *text, size_t size)
{
    snprintf(text, size, "hubid=%d", ((const HubPort *)opaque)->hub);
}

static void port_free(void *opaque)
{
    for (HubPort **p = &ports; *p; p = &(*p)->next) {
        if (*p == opaque) {
            *p = (*p)->next;
            break;
        }
    }
    free(opaque);
}

static const NetOps hub_ops = {
    .type        = "hubport",
    .can_receive = can_receive,
    .receive     = receive,
    .room        = room,
    .describe    = describe,
    .free        = port_free,
};

NetClient *net_hub_port_new(int n, const char *name)
{
    HubPort *p = xzalloc(sizeof(*p));

    p->hub = n;
    p->next = ports;
    ports = p;
    p->nc = net_client_new(&hub_ops, p, name);
    return p->nc;
}

int net_hub_of(const NetClient *nc)
{
    const NetClient *port = net_ops(nc) == &hub_ops ? nc : net_peer(nc);

    if (!port || net_ops(port) != &hub_ops) {
        return -1;
    }
    return ((const HubPort *)net_opaque(port))->hub;
}
