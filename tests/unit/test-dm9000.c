/* SPDX-License-Identifier: MIT */
/* The DM9000 against Davicom's data sheets (DM9000A-DS-P01). */
#include "hw/net/dm9000.h"

#include "net/ether.h"
#include "tests/unit/nic-test.h"
#include "util/bits.h"

enum { NCR = 0, NSR = 1, TCR = 2, RCR = 5, EPCR = 0xb, EPAR = 0xc, EPDRL = 0xd, EPDRH = 0xe,
       PAR = 0x10, MAR = 0x16, GPR = 0x1f, VIDL = 0x28, CHIPR = 0x2c, TCSCR = 0x31,
       RCSCSR = 0x32, MRCMDX = 0xf0, MRCMD = 0xf2, MRRL = 0xf4, MRRH = 0xf5, MWCMD = 0xf8,
       MWRL = 0xfa, MWRH = 0xfb, TXPLL = 0xfc, TXPLH = 0xfd, ISR = 0xfe, IMR = 0xff };
enum { PR = 1, PT = 2, LNKCHG = 0x20, AUTO_WRAP = 0x80, RXEN = 1, PROMISC = 2, ALL = 8 };

static unsigned get(Device *d, unsigned reg)
{
    device_write(d, 0, 0, reg, 1);
    return (unsigned)device_read(d, 0, 4, 1);
}

static void set(Device *d, unsigned reg, unsigned val)
{
    device_write(d, 0, 0, reg, 1);
    device_write(d, 0, 4, val, 1);
}

/* As a driver starts it: PHY on, pointers wrap, receiver on. */
static Device *start(Device *d)
{
    set(d, NCR, 1);
    set(d, GPR, 0);
    set(d, IMR, AUTO_WRAP | PR | PT);
    set(d, RCR, RXEN);
    set(d, ISR, 0x3f);
    return d;
}

static Device *running(void)
{
    return start(nic_new(&dm9000_type));
}

static void send_frame(Device *d, const uint8_t *f, size_t len)
{
    device_write(d, 0, 0, MWCMD, 1);
    for (size_t i = 0; i < len; i += 2) {
        device_write(d, 0, 4, load_le(f + i, 2), 2);
    }
    set(d, TXPLL, len & 0xff);
    set(d, TXPLH, len >> 8);
    set(d, TCR, 1);
}

/* Header and data; the length without FCS, 0 if nothing is there. */
static size_t receive_frame(Device *d, uint8_t *out, uint8_t head[4])
{
    device_write(d, 0, 0, MRCMDX, 1);
    if (!(device_read(d, 0, 4, 1) & 1)) {
        return 0;
    }
    device_write(d, 0, 0, MRCMD, 1);
    store_le(head, device_read(d, 0, 4, 2), 2);
    store_le(head + 2, device_read(d, 0, 4, 2), 2);
    size_t len = load_le(head + 2, 2);
    for (size_t i = 0; i < len; i += 2) {
        store_le(out + i, device_read(d, 0, 4, 2), 2);
    }
    return len - 4;
}

/* Chapter 6: ids, the address from the EEPROM, width in ISR. */
TEST(what_a_driver_looks_at_first)
{
    Device *d = nic_new(&dm9000_type);

    CHECK_EQ(get(d, VIDL) | get(d, VIDL + 1) << 8, 0x0a46);
    CHECK_EQ(get(d, VIDL + 2) | get(d, VIDL + 3) << 8, 0x9000);
    CHECK_EQ(get(d, CHIPR), 0x19);
    CHECK_EQ(get(d, ISR) >> 6, 0);
    for (unsigned i = 0; i < 6; i++) {
        CHECK_EQ(get(d, PAR + i), card_mac[i]);
    }
    CHECK_EQ(get(d, NSR) & 0x40, 0);    /* the PHY is off until GPR says so */
    set(d, GPR, 0);
    CHECK_EQ(get(d, NSR) & 0x40, 0x40);
    nic_delete(d);
}

/* 6.x, EPCR: read a word of the EEPROM, a register of the PHY. */
TEST(eeprom_and_phy)
{
    Device *d = running();

    for (unsigned word = 0; word < 3; word++) {
        set(d, EPAR, word);
        set(d, EPCR, 4);
        CHECK_EQ(get(d, EPCR) & 1, 0);
        set(d, EPCR, 0);
        CHECK_EQ(get(d, EPDRL), card_mac[2 * word]);
        CHECK_EQ(get(d, EPDRH), card_mac[2 * word + 1]);
    }
    set(d, EPAR, 0x40 | 2);
    set(d, EPCR, 0x0c);
    CHECK_EQ(get(d, EPDRH) << 8 | get(d, EPDRL), 0x0181);
    set(d, EPAR, 0x40 | 1);
    set(d, EPCR, 0x0c);
    CHECK_EQ(get(d, EPDRL) & 0x24, 0x24);
    set(d, EPAR, 0x40 | 4);
    set(d, EPDRL, 0x61);
    set(d, EPDRH, 0x00);
    set(d, EPCR, 0x0a);
    set(d, EPDRL, 0);
    set(d, EPCR, 0x0c);
    CHECK_EQ(get(d, EPDRL), 0x61);
    nic_delete(d);
}

/* 9.x: packets I and II in turn, one behind the other in a ring of 3 KiB. */
TEST(sends_round_the_ring)
{
    Device *d = running();
    uint8_t f[2048];

    for (unsigned i = 0; i < 20; i++) {
        size_t len = 60 + i * 73;

        send_frame(d, f, make_frame(f, station_mac, card_mac, len, i));
        CHECK_EQ(station.num, (int)i + 1);
        CHECK_EQ(station.len, len);
        CHECK(is_frame(station.frame, station_mac, card_mac, len, i));
        CHECK_EQ(get(d, NSR) & 0x0c, i & 1 ? 0x08 : 0x04);
        CHECK_EQ(get(d, NSR) & 0x0c, 0);
        CHECK_EQ(get(d, TCR) & 1, 0);
        CHECK_EQ(get(d, ISR) & PT, PT);
        CHECK_EQ(wire[0], 1);
        set(d, ISR, PT);
        CHECK_EQ(wire[0], 0);
    }
    nic_delete(d);
}

/* 9.x: 01h, status, length with FCS; data; FCS; up to the next word; wraps. */
TEST(receives_round_the_ring)
{
    Device *d = running();
    uint8_t f[2048], head[4];

    CHECK_EQ(receive_frame(d, f, head), 0);
    for (unsigned i = 0; i < 60; i++) {
        size_t len = 60 + i * 17;

        send_to_card(card_mac, len, i);
        CHECK_EQ(wire[0], 1);
        CHECK_EQ(receive_frame(d, f, head), len);
        CHECK_EQ(load_le(head, 2), 0x0001);
        CHECK(is_frame(f, card_mac, station_mac, len, i));
        CHECK_EQ(load_le(f + len, 4), ether_crc(f, len));
        set(d, ISR, PR);
        CHECK_EQ(wire[0], 0);
        CHECK_EQ(receive_frame(d, f, head), 0);
    }
    CHECK(get(d, MRRH) >= 0x0c && get(d, MRRH) < 0x40);
    nic_delete(d);
}

/* When the 13 KiB are full frames wait, and none is lost or torn. */
TEST(frames_wait_for_memory)
{
    Device *d = running();
    uint8_t f[2048], head[4];

    for (unsigned i = 0; i < 40; i++) {
        send_to_card(card_mac, 1000, i);
    }
    for (unsigned i = 0; i < 40; i++) {
        CHECK_EQ(receive_frame(d, f, head), 1000);
        CHECK(is_frame(f, card_mac, station_mac, 1000, i));
        settle();
    }
    CHECK_EQ(receive_frame(d, f, head), 0);
    nic_delete(d);
}

/* 6.x, IMR bit 7: pointers wrap, and setting it puts 0Ch into F5h. */
TEST(setting_par_moves_the_read_pointer)
{
    Device *d = nic_new(&dm9000_type);

    CHECK_EQ(get(d, MRRH), 0);
    set(d, IMR, AUTO_WRAP);
    CHECK_EQ(get(d, MRRH), 0x0c);
    set(d, MRRH, 0x3f);
    set(d, MRRL, 0xfe);
    set(d, IMR, AUTO_WRAP | PR);        /* it was set already */
    CHECK_EQ(get(d, MRRH), 0x3f);
    device_write(d, 0, 0, MRCMD, 1);
    device_read(d, 0, 4, 2);
    CHECK_EQ(get(d, MRRH), 0x0c);
    set(d, MWRH, 0x0b);
    set(d, MWRL, 0xfe);
    device_write(d, 0, 0, MWCMD, 1);
    device_write(d, 0, 4, 0x1234, 2);
    CHECK_EQ(get(d, MWRH) << 8 | get(d, MWRL), 0);
    nic_delete(d);
}

static bool takes(Device *d, const uint8_t to[6])
{
    uint8_t f[2048], head[4];

    send_to_card(to, 60, 0);
    return receive_frame(d, f, head) == 60;
}

/* 6.x, MAR: Linux's ether_crc_le() & 63; bit 63 is broadcast's. */
TEST(filters_addresses)
{
    static const uint8_t other[6] = { 0x52, 0x54, 0, 0, 0, 9 }, group[6] = { 1, 0, 0x5e, 0, 0, 1 };
    unsigned hash = ~ether_crc(group, 6) & 63;
    Device *d = running();

    CHECK(takes(d, card_mac) && !takes(d, other) && !takes(d, group) && !takes(d, broadcast));
    set(d, MAR + 7, 0x80);
    CHECK(takes(d, broadcast));
    set(d, MAR + hash / 8, get(d, MAR + hash / 8) | 1u << (hash % 8));
    CHECK(takes(d, group));
    set(d, MAR + hash / 8, 0);
    CHECK(!takes(d, group));
    set(d, RCR, RXEN | ALL);
    CHECK(takes(d, group) && takes(d, broadcast) && !takes(d, other));
    set(d, RCR, RXEN | PROMISC);
    CHECK(takes(d, other));
    set(d, PAR + 5, 0x77);              /* the filter follows PAR */
    set(d, RCR, RXEN);
    CHECK(!takes(d, card_mac));
    set(d, RCR, 0);
    CHECK(!takes(d, broadcast));
    nic_delete(d);
}

static size_t make_udp(uint8_t *f, const uint8_t *to)
{
    make_frame(f, to, station_mac, 100, 0);
    memcpy(f + 12, "\x08\x00\x45\x00\x00\x56\x00\x00\x00\x00\x40\x11\x00\x00"
                   "\x0a\x00\x02\x02\x0a\x00\x02\x0f\x00\x07\x00\x08\x00\x42\x00\x00", 30);
    return 100;
}

/* 6.x, TCSCR and RCSCSR: the chip makes and checks IP, TCP and UDP checksums. */
TEST(checksums)
{
    Device *d = running();
    uint8_t f[2048], head[4];
    unsigned bad;

    make_udp(f, station_mac);
    send_frame(d, f, 100);
    ether_check_checksums(station.frame, 100, &bad);
    CHECK_EQ(bad, ETHER_IP);
    set(d, TCSCR, 5);
    send_frame(d, f, 100);
    CHECK_EQ(ether_check_checksums(station.frame, 100, &bad), ETHER_IP | ETHER_UDP);
    CHECK_EQ(bad, 0);
    CHECK(load_be(station.frame + 40, 2) != 0);

    set(d, RCSCSR, 1);
    make_udp(f, card_mac);
    ether_fill_checksums(f, 100, ETHER_IP | ETHER_UDP);
    net_send(station.nc, f, 100);
    CHECK_EQ(receive_frame(d, f, head), 100);
    CHECK_EQ(head[0], 0x15);            /* UDP and IP there, both right */
    f[99] ^= 1;
    net_send(station.nc, f, 100);
    CHECK_EQ(receive_frame(d, f, head), 100);
    CHECK_EQ(head[0], 0x95);            /* UDP wrong */
    set(d, RCSCSR, 3);                  /* DCSE: such are dropped */
    net_send(station.nc, f, 100);
    CHECK_EQ(receive_frame(d, f, head), 0);
    nic_delete(d);
}

/* On a bus of 8 bits a memory command moves a byte. */
TEST(eight_bits)
{
    clock_init_manual(&clock_);
    Device *d = chip_make(&dm9000_type);

    chip_prop(d, "width", "8");
    start(chip_plug(d));
    CHECK_EQ(get(d, ISR) >> 6, 2);
    device_write(d, 0, 0, MWCMD, 1);
    device_write(d, 0, 4, 0x11, 1);
    CHECK_EQ(get(d, MWRL), 1);
    device_free(d);
}

/* 6.x, ISR bit 5, NSR bit 6. */
TEST(link_changes_interrupt)
{
    Device *d = running();

    set(d, IMR, AUTO_WRAP | LNKCHG);
    net_set_link(station.nc, false);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(get(d, NSR) & 0x40, 0);
    set(d, ISR, LNKCHG);
    CHECK_EQ(wire[0], 0);
    net_set_link(station.nc, true);
    CHECK_EQ(get(d, ISR) & LNKCHG, LNKCHG);
    CHECK_EQ(get(d, NSR) & 0x40, 0x40);
    nic_delete(d);
}

TEST(contract)
{
    Device *d = running(), *b = chip_plug(chip_make(&dm9000_type));
    uint8_t f[64];

    device_reset(d);
    chip_check_reset(d);
    start(d);
    send_frame(d, f, make_frame(f, station_mac, card_mac, 60, 1));
    send_to_card(card_mac, 500, 3);
    chip_scribble(d, 5, 3000);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(b);
    nic_delete(d);
}
