/* SPDX-License-Identifier: MIT */
/*
 * Networks: cables, what is plugged in at their ends, and frames.
 *
 *   NIC --- cable --- back end (user, tap, socket, dump)
 *
 *   NIC --- port \                 a hub: the classic vlan=N; each frame goes
 *                hub 0             to all ports but the one it came from
 *   user -- port /
 *
 * A NetClient is an end of a cable; its peer is the other end, or none.  A
 * frame is an Ethernet frame from the destination address on, without FCS; one
 * shorter than 60 bytes is padded on its way into a NIC.  Frames are passed by
 * copy: the buffer stays the sender's.
 *
 * net_send() delivers at once if it can.  It cannot while the receiver
 *   - says so (can_receive(): a NIC that runs and is out of buffers; one that
 *     is switched off takes frames and drops them),
 *   - is itself in net_send() or in receive(): delivery is never re-entrant,
 *   - is a NIC of a stopped machine.
 * Then the frame waits in the receiver's queue, in order, and is delivered
 * from a bottom half: after net_flush(), when the receiver is at rest, when the
 * machine runs.  A queue that is full loses what comes.  A sender that can wait
 * (a tap) stops when net_send() returns false, until its room() is called.
 *
 * Who fails: opening a back end, with a sentence.  Sending never does; without
 * a peer or with a link switched off the frame is lost, as in a real cable.
 *
 * Threads: with the global lock.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

enum { NET_MIN_FRAME = 60, NET_MAX_FRAME = 65535, NET_MAX_NICS = 4 };

typedef struct NetClient NetClient;

typedef struct NetOps {
    const char *type;                   /* "nic", "user", "tap" ... */
    bool is_nic;
    bool (*can_receive)(void *opaque);  /* NULL: always */
    void (*receive)(void *opaque, const uint8_t *frame, size_t len);
    void (*room)(void *opaque);         /* or NULL: net_send() said false, now go on */
    void (*link_changed)(void *opaque); /* or NULL: ask net_link_up() */
    /* "net=10.0.2.0,restrict=off" for info network; or NULL */
    void (*describe)(void *opaque, char *text, size_t room);
    void (*free)(void *opaque);         /* or NULL: close what opaque has open */
} NetOps;

/* What the user said about one NIC: -net nic, -nic, -device ...,netdev=. */
typedef struct NICInfo {
    uint8_t mac[6];
    bool has_mac;
    char *model;                        /* NULL: the board's default */
    char *name;                         /* NULL: made from the model */
    NetClient *peer;                    /* the other end of its cable, or NULL */
    NetClient *nic;                     /* the device that took it, or NULL */
} NICInfo;

/* -- Ends of cables ---------------------------------------------------------- */

/* name NULL: "user.0", "user.1" ...; copied. */
NetClient *net_client_new(const NetOps *ops, void *opaque, const char *name);
void net_client_free(NetClient *nc);    /* unplugged first; nc may be NULL */
int net_plug(NetClient *a, NetClient *b, Error *err);
void net_unplug(NetClient *nc);

/* The frame was delivered, or lost; false: it, or others, wait. */
bool net_send(NetClient *from, const void *frame, size_t len);
bool net_can_send(const NetClient *from);
/* can_receive() may have become true.  Delivers soon, not now. */
void net_flush(NetClient *nc);

const char *net_name(const NetClient *nc);
void *net_opaque(const NetClient *nc);
const NetOps *net_ops(const NetClient *nc);
NetClient *net_peer(const NetClient *nc);
NetClient *net_find(const char *name);          /* or NULL */
NetClient *net_next(const NetClient *nc);       /* NULL: the first */

/* There is a cable, and neither end is switched off. */
bool net_link_up(const NetClient *nc);
void net_set_link(NetClient *nc, bool up);

/* NICs get nothing while the machine is stopped. */
void net_set_running(bool running);

/* -- Hubs -------------------------------------------------------------------- */

/* One more port of hub n, which comes to be with its first port. */
NetClient *net_hub_port_new(int n, const char *name);
/* The hub this end is plugged into, or a port of; -1: none. */
int net_hub_of(const NetClient *nc);

/* -- For people -------------------------------------------------------------- */

/* info network */
void net_dump(void (*put)(void *opaque, const char *text), void *opaque);
void net_format_mac(const uint8_t mac[6], char text[18]);
int net_parse_mac(const char *text, uint8_t mac[6], Error *err);

#endif
