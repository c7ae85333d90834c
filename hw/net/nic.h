/* SPDX-License-Identifier: MIT */
/*
 * What all network cards share: their properties "netdev" and "mac", and their
 * end of the cable.
 *
 * A card has a Nic in its state and NIC_PROPS among its properties, calls
 * nic_realize() from realize() and nic_free() from free().  Its NetOps get the
 * Device as opaque.  A card without a cable has the address
 * 52:54:00:12:34:56 if the user gave none.
 */
#ifndef HW_NET_NIC_H
#define HW_NET_NIC_H

#include "hw/core/device.h"
#include "net/net.h"

typedef struct Nic {
    NICInfo *info;                      /* "netdev" */
    char *mac_text;                     /* "mac" */
    NetClient *client;
    uint8_t mac[6];                     /* as in the card's EEPROM */
} Nic;

/* clang-format off */
#define NIC_PROPS(type, m)                                                          \
    { "netdev", PROP_NIC, offsetof(type, m.info), 0, "the network it is connected to" }, \
    { "mac", PROP_STRING, offsetof(type, m.mac_text), 0, "its address, 52:54:00:12:34:56" }
/* clang-format on */

int nic_realize(Nic *n, Device *d, const NetOps *ops, Error *err);
void nic_free(Nic *n);

static inline bool nic_send(Nic *n, const void *frame, size_t len)
{
    return net_send(n->client, frame, len);
}

/* The card may have buffers again. */
static inline void nic_flush(Nic *n)          { net_flush(n->client); }
static inline bool nic_link_up(const Nic *n)  { return n->client && net_link_up(n->client); }
/* "model=ne2k_pci,macaddr=..." for the describe() of a card's NetOps. */
void nic_describe(const Nic *n, const Device *d, char *text, size_t room);

#endif
