/* SPDX-License-Identifier: MIT */
#include "hw/net/mii.h"

#include <string.h>

#include "util/bits.h"

/* 22.2.4.1: what can be written and stays; reset and restart clear themselves. */
enum { CONTROL_KEPT = 0x7d80 };
/* 22.2.4.2: 100BASE-X and 10 Mbit/s, full and half; preamble suppression;
 * auto-negotiation; extended registers. */
enum { STATUS = 0x7849 };
/* 28.2.4.1: selector 802.3, 10 and 100, half and full; acknowledged. */
enum { ADVERTISE = 0x01e1, ADVERTISE_KEPT = 0xbfff, PARTNER = 0x45e1, ALL_MODES = 0x01e0,
       FULL_100 = 0x0100, HALF_100 = 0x0080, FULL_10 = 0x0040 };

void mii_reset(MiiPhy *p, const MiiType *t)
{
    memset(p->reg, 0, sizeof(p->reg));
    p->reg[MII_CONTROL] = MII_CONTROL_AUTONEG | MII_CONTROL_100;
    p->reg[MII_ID1] = (uint16_t)(t->id >> 16);
    p->reg[MII_ID2] = (uint16_t)t->id;
    p->reg[MII_ADVERTISE] = ADVERTISE;
    for (size_t i = 0; i < ARRAY_SIZE(t->more); i++) {
        if (t->more[i].reg) {
            p->reg[t->more[i].reg] = t->more[i].reset;
        }
    }
    p->link_was_lost = 0;
}

bool mii_link_up(const MiiPhy *p)
{
    return p->cable && !(p->reg[MII_CONTROL] & MII_CONTROL_POWER_DOWN);
}

/* 28B.3: the best that both can, if they talk about it. */
bool mii_full_duplex(const MiiPhy *p)
{
    uint16_t both = p->reg[MII_ADVERTISE] & PARTNER & ALL_MODES;

    if (!(p->reg[MII_CONTROL] & MII_CONTROL_AUTONEG)) {
        return p->reg[MII_CONTROL] & MII_CONTROL_DUPLEX;
    }
    return (both & FULL_100) || ((both & FULL_10) && !(both & HALF_100));
}

static uint16_t read_status(MiiPhy *p)
{
    uint16_t val = STATUS;

    if (mii_link_up(p)) {
        val |= p->link_was_lost ? 0 : MII_STATUS_LINK;
        val |= p->reg[MII_CONTROL] & MII_CONTROL_AUTONEG ? MII_STATUS_AUTONEG_DONE : 0;
    }
    p->link_was_lost = 0;
    return val;
}

uint16_t mii_read(MiiPhy *p, unsigned reg)
{
    bool partner = mii_link_up(p) && (p->reg[MII_CONTROL] & MII_CONTROL_AUTONEG);

    switch (reg % MII_NUM_REGS) {
    case MII_STATUS:    return read_status(p);
    case MII_PARTNER:   return partner ? PARTNER : 0;
    case MII_EXPANSION: return partner;         /* it can auto-negotiate */
    default:            return p->reg[reg % MII_NUM_REGS];
    }
}

void mii_write(MiiPhy *p, const MiiType *t, unsigned reg, uint16_t val)
{
    reg %= MII_NUM_REGS;
    if (reg == MII_CONTROL && (val & MII_CONTROL_RESET)) {
        mii_reset(p, t);
    } else if (reg == MII_CONTROL) {
        bool was_up = mii_link_up(p);

        p->reg[reg] = val & CONTROL_KEPT;
        p->link_was_lost |= was_up && !mii_link_up(p);
    } else if (reg == MII_ADVERTISE) {
        p->reg[reg] = val & ADVERTISE_KEPT;
    }
    for (size_t i = 0; i < ARRAY_SIZE(t->more); i++) {
        if (reg && t->more[i].reg == reg) {
            p->reg[reg] = (uint16_t)((p->reg[reg] & ~t->more[i].wmask) |
                                     (val & t->more[i].wmask));
        }
    }
}

void mii_set_cable(MiiPhy *p, bool there)
{
    p->link_was_lost |= mii_link_up(p) && !there;
    p->cable = there;
}

const VMField mii_vmstate[] = {
    VM_ARRAY(MiiPhy, reg),
    VM_FIELD(MiiPhy, link_was_lost),
    VM_END
};
