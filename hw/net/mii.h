/* SPDX-License-Identifier: MIT */
/*
 * The management registers of an Ethernet transceiver: IEEE 802.3 clause 22.2.4
 * (registers 0 to 15) and what a particular one adds above.
 *
 * The link is always 100 Mbit/s full duplex, agreed on at once: a partner that
 * can all that 802.3u knows.  Bits that 802.3 calls latching are.
 */
#ifndef HW_NET_MII_H
#define HW_NET_MII_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/vmstate.h"

enum { MII_CONTROL, MII_STATUS, MII_ID1, MII_ID2, MII_ADVERTISE, MII_PARTNER, MII_EXPANSION,
       MII_NUM_REGS = 32 };
enum { MII_CONTROL_DUPLEX = 0x0100, MII_CONTROL_RESTART = 0x0200,
       MII_CONTROL_POWER_DOWN = 0x0800, MII_CONTROL_AUTONEG = 0x1000,
       MII_CONTROL_100 = 0x2000, MII_CONTROL_LOOPBACK = 0x4000, MII_CONTROL_RESET = 0x8000 };
enum { MII_STATUS_LINK = 0x0004, MII_STATUS_AUTONEG_DONE = 0x0020 };

/* What a transceiver is: registers above 6 that keep what is written. */
typedef struct MiiType {
    uint32_t id;                        /* registers 2 and 3 */
    struct { uint8_t reg; uint16_t reset, wmask; } more[12];
} MiiType;

typedef struct MiiPhy {
    uint16_t reg[MII_NUM_REGS];
    uint8_t cable;                      /* there is a partner */
    uint8_t link_was_lost;              /* status bit 2 stays 0 until read */
} MiiPhy;

extern const VMField mii_vmstate[];

void mii_reset(MiiPhy *p, const MiiType *t);    /* the cable stays */
uint16_t mii_read(MiiPhy *p, unsigned reg);
void mii_write(MiiPhy *p, const MiiType *t, unsigned reg, uint16_t val);
void mii_set_cable(MiiPhy *p, bool there);
bool mii_link_up(const MiiPhy *p);      /* cable, and not powered down */
bool mii_full_duplex(const MiiPhy *p);

#endif
