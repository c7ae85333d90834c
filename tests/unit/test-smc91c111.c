/* SPDX-License-Identifier: MIT */
/* The LAN91C111 against SMSC's data sheet, rev. 1.91. */
#include "hw/net/smc91c111.h"

#include "net/ether.h"
#include "tests/unit/nic-test.h"
#include "util/bits.h"

/* bank << 4 | offset */
enum { TCR = 0x00, EPHSR = 0x02, RCR = 0x04, MIR = 0x08, CR = 0x10, IAR = 0x14, CTR = 0x1c,
       MMUCR = 0x20, PNR = 0x22, FIFO = 0x24, PTR = 0x26, DATA = 0x28, IST = 0x2c, MT = 0x30,
       MGMT = 0x38, REV = 0x3a, BSR = 0x0e };
enum { ALLOC_TX = 0x20, RESET_MMU = 0x40, REMOVE_RELEASE = 0x80, RELEASE = 0xa0, ENQUEUE = 0xc0 };
enum { INT_RCV = 1, INT_TX = 2, INT_TX_EMPTY = 4, INT_ALLOC = 8, INT_MD = 0x80 };
enum { TXENA = 1, PAD = 0x80, EPH_LOOP = 0x2000, RXEN = 0x100, PROMISC = 2, ALMUL = 4,
       STRIP_CRC = 0x200, AUTO_RELEASE = 0x800 };
enum { AUTO_INCR = 0x4000, RCV = 0x8000, READ = 0x2000 };

static void select_bank(Device *d, unsigned reg)
{
    device_write(d, 0, BSR, reg >> 4, 2);
}

static unsigned get(Device *d, unsigned reg)
{
    select_bank(d, reg);
    return (unsigned)device_read(d, 0, reg & 15, 2);
}

static void set(Device *d, unsigned reg, unsigned val)
{
    select_bank(d, reg);
    device_write(d, 0, reg & 15, val, 2);
}

static unsigned get8(Device *d, unsigned reg)
{
    select_bank(d, reg);
    return (unsigned)device_read(d, 0, reg & 15, 1);
}

static void set8(Device *d, unsigned reg, unsigned val)
{
    select_bank(d, reg);
    device_write(d, 0, reg & 15, val, 1);
}

static Device *running(void)
{
    Device *d = nic_new(&smc91c111_type);

    set(d, TCR, TXENA | PAD);
    set(d, RCR, RXEN);
    return d;
}

static void write_words(Device *d, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i += 2) {
        set(d, DATA, (unsigned)load_le(p + i, 2));
    }
}

/* 7.x: allocate; status 0, count, data, control byte; enqueue. */
static unsigned send_frame(Device *d, const uint8_t *f, size_t len)
{
    uint8_t packet[2048] = { 0 };
    size_t count = (len & ~(size_t)1) + 6;

    store_le(packet + 2, count, 2);
    memcpy(packet + 4, f, len);
    packet[count - 1] = len & 1 ? 0x20 : 0;
    set(d, MMUCR, ALLOC_TX);
    unsigned n = get8(d, PNR + 1);
    set8(d, PNR, n);
    set(d, PTR, AUTO_INCR);
    write_words(d, packet, count);
    set(d, MMUCR, ENQUEUE);
    return n;
}

static size_t receive_frame(Device *d, uint8_t *out, unsigned *status, unsigned *control)
{
    set(d, PTR, RCV | READ | AUTO_INCR);
    *status = get(d, DATA);
    size_t count = get(d, DATA);
    for (size_t i = 0; i + 6 < count; i += 2) {
        store_le(out + i, get(d, DATA), 2);
    }
    unsigned last = get(d, DATA);
    *control = last >> 8;
    if (*control & 0x20) {
        out[count - 6] = (uint8_t)last;
    }
    set(d, MMUCR, REMOVE_RELEASE);
    return count - 6 + (*control & 0x20 ? 1 : 0);
}

/* 8.x: the high byte of BANK SELECT always reads 33h; REV; reset values. */
TEST(what_a_driver_looks_at_first)
{
    Device *d = nic_new(&smc91c111_type);

    CHECK_EQ(device_read(d, 0, BSR, 2), 0x3300);
    CHECK_EQ(get(d, REV), 0x3391);
    CHECK_EQ(device_read(d, 0, BSR, 2), 0x3303);
    CHECK_EQ(get(d, CR), 0xa0b1);
    CHECK_EQ(get(d, CTR), 0x1210);
    CHECK_EQ(get(d, IST), INT_TX_EMPTY);
    CHECK_EQ(get(d, MIR), 0x0404);
    for (unsigned i = 0; i < 6; i++) {
        CHECK_EQ(get8(d, IAR + i), card_mac[i]);
    }
    nic_delete(d);
}

/* A 32-bit write at offset 0xc changes the bank only. */
TEST(bank_by_double_word)
{
    Device *d = nic_new(&smc91c111_type);

    set(d, IST, 0xff00);
    device_write(d, 0, 0xc, 3u << 16, 4);
    CHECK_EQ(device_read(d, 0, BSR, 2), 0x3303);
    CHECK_EQ(get(d, IST) >> 8, 0xff);
    nic_delete(d);
}

/* 7.x: an odd frame has its last byte in the control word. */
TEST(sends_even_and_odd)
{
    Device *d = running();
    uint8_t f[2048];

    for (size_t len = 60; len <= 1514; len += 727) {
        int before = station.num;

        send_frame(d, f, make_frame(f, station_mac, card_mac, len, 1));
        CHECK_EQ(station.num, before + 1);
        CHECK_EQ(station.len, len);
        CHECK(is_frame(station.frame, station_mac, card_mac, len, 1));
        set8(d, IST, INT_TX);
        set(d, MMUCR, RESET_MMU);
    }
    send_frame(d, f, make_frame(f, station_mac, card_mac, 20, 1));
    CHECK_EQ(station.len, 60);          /* PAD_EN */
    nic_delete(d);
}

/* 7.x: 1, 2 and 4 byte accesses to the data register keep the order. */
TEST(data_in_any_width)
{
    Device *d = running();
    uint8_t got[8];

    set(d, MMUCR, ALLOC_TX);
    set8(d, PNR, get8(d, PNR + 1));
    set(d, PTR, AUTO_INCR);
    select_bank(d, DATA);
    device_write(d, 0, 8, 0x33221100, 4);
    device_write(d, 0, 8, 0x44, 1);
    device_write(d, 0, 9, 0x55, 1);
    device_write(d, 0, 10, 0x7766, 2);
    set(d, PTR, AUTO_INCR | READ);
    select_bank(d, DATA);
    for (int i = 0; i < 8; i++) {
        got[i] = (uint8_t)device_read(d, 0, 8, 1);
    }
    CHECK_EQ(load_be(got, 8), 0x0011223344556677);
    set(d, PTR, READ | 4);              /* no auto increment: it stays */
    CHECK_EQ(get(d, DATA), 0x5544);
    CHECK_EQ(get(d, DATA), 0x5544);
    nic_delete(d);
}

/* 8.x: TX INT while the completion FIFO has a number; an acknowledge pops it.
 * The status word is a copy of EPHSR.  AUTO RELEASE does without. */
TEST(transmit_completion)
{
    Device *d = running();
    uint8_t f[64];

    set8(d, IST + 1, INT_TX);
    set8(d, IST, INT_TX_EMPTY);
    CHECK_EQ(wire[0], 0);
    unsigned n = send_frame(d, f, make_frame(f, station_mac, card_mac, 60, 1));
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(get8(d, IST), INT_TX | INT_TX_EMPTY | INT_ALLOC);
    CHECK_EQ(get8(d, FIFO), n);
    CHECK_EQ(get(d, EPHSR), 0x4001);    /* LINK_OK, TX_SUC */
    CHECK_EQ(get(d, MIR) >> 8, 3);
    set(d, PTR, AUTO_INCR | READ);
    CHECK_EQ(get(d, DATA), 0x4001);
    set8(d, IST, INT_TX);
    CHECK_EQ(wire[0], 0);
    CHECK_EQ(get8(d, FIFO), 0x80);
    set(d, MMUCR, RELEASE);
    CHECK_EQ(get(d, MIR) >> 8, 4);
    set(d, CTR, AUTO_RELEASE);
    send_frame(d, f, 60);
    CHECK_EQ(get8(d, FIFO), 0x80);
    CHECK_EQ(get(d, MIR) >> 8, 4);
    nic_delete(d);
}

/* 8.x: TXENA off: packets wait in the TX FIFO. */
TEST(a_disabled_transmitter_waits)
{
    Device *d = running();
    uint8_t f[64];

    set(d, TCR, 0);
    send_frame(d, f, make_frame(f, station_mac, card_mac, 60, 1));
    CHECK_EQ(station.num, 0);
    CHECK_EQ(get8(d, FIFO), 0x80);
    set(d, TCR, TXENA);
    CHECK_EQ(station.num, 1);
    nic_delete(d);
}

/* 8.x: ALLOC INT is the complement of FAILED; a request waits for memory. */
TEST(allocation_waits_for_memory)
{
    Device *d = running();

    CHECK_EQ(get8(d, PNR + 1) & 0x80, 0x80);
    for (unsigned i = 0; i < 4; i++) {
        set(d, MMUCR, ALLOC_TX);
        CHECK_EQ(get8(d, PNR + 1), i);
    }
    set(d, MMUCR, ALLOC_TX);
    CHECK_EQ(get8(d, PNR + 1) & 0x80, 0x80);
    CHECK_EQ(get8(d, IST) & INT_ALLOC, 0);
    set8(d, PNR, 2);
    set(d, MMUCR, RELEASE);
    CHECK_EQ(get8(d, PNR + 1), 2);
    CHECK_EQ(get8(d, IST) & INT_ALLOC, INT_ALLOC);
    nic_delete(d);
}

/* 7.x: receive: status, count, data with FCS, control byte with ODDFRM. */
TEST(receives_even_and_odd)
{
    Device *d = running();
    uint8_t f[2048];
    unsigned status, control;

    set8(d, IST + 1, INT_RCV);
    for (size_t len = 60; len <= 1514; len += 727) {
        send_to_card(card_mac, len, 5);
        CHECK_EQ(wire[0], 1);
        CHECK_EQ(get8(d, FIFO + 1) & 0x80, 0);
        CHECK_EQ(receive_frame(d, f, &status, &control), len + 4);
        CHECK(is_frame(f, card_mac, station_mac, len, 5));
        CHECK_EQ(load_le(f + len, 4), ether_crc(f, len));
        CHECK_EQ(status, len & 1 ? 0x1000 : 0);
        CHECK_EQ(control, len & 1 ? 0x60 : 0x40);
        CHECK_EQ(wire[0], 0);
        CHECK_EQ(get8(d, FIFO + 1), 0x80);
    }
    set(d, RCR, RXEN | STRIP_CRC);
    send_to_card(broadcast, 60, 5);
    CHECK_EQ(receive_frame(d, f, &status, &control), 60);
    CHECK_EQ(status, 0x4000);           /* BRODCAST */
    nic_delete(d);
}

static bool takes(Device *d, const uint8_t to[6])
{
    send_to_card(to, 60, 0);
    bool got = !(get8(d, FIFO + 1) & 0x80);

    set(d, MMUCR, RESET_MMU);
    return got;
}

/* 8.x, RCR and MT0-7: the table's index is the CRC's six high bits. */
TEST(filters_addresses)
{
    static const uint8_t other[6] = { 0x52, 0x54, 0, 0, 0, 9 }, group[6] = { 1, 0, 0x5e, 0, 0, 1 };
    Device *d = running();
    unsigned hash = ether_hash(group) >> 26;

    CHECK(takes(d, card_mac) && takes(d, broadcast) && !takes(d, other) && !takes(d, group));
    set8(d, MT + hash / 8, 1u << (hash % 8));
    CHECK(takes(d, group));
    set8(d, MT + hash / 8, ~(1u << (hash % 8)) & 0xff);
    CHECK(!takes(d, group));
    set(d, RCR, RXEN | ALMUL);
    CHECK(takes(d, group) && !takes(d, other));
    set(d, RCR, RXEN | PROMISC);
    CHECK(takes(d, other));
    set(d, RCR, 0);
    CHECK(!takes(d, card_mac));
    nic_delete(d);
}

/* Out of packets, frames wait on the wire until one is released. */
TEST(frames_wait_for_memory)
{
    Device *d = running();
    uint8_t f[2048];
    unsigned status, control;

    for (unsigned i = 0; i < 10; i++) {
        send_to_card(card_mac, 100, i);
    }
    for (unsigned i = 0; i < 10; i++) {
        CHECK_EQ(receive_frame(d, f, &status, &control), 104);
        CHECK(is_frame(f, card_mac, station_mac, 100, i));
        settle();
    }
    CHECK_EQ(get8(d, FIFO + 1), 0x80);
    nic_delete(d);
}

/* 8.x: EPH_LOOP: what is sent is received, and does not leave. */
TEST(loops_back)
{
    Device *d = running();
    uint8_t f[64];

    set(d, TCR, TXENA | EPH_LOOP);
    send_frame(d, f, make_frame(f, card_mac, card_mac, 60, 1));
    CHECK_EQ(station.num, 0);
    CHECK_EQ(get8(d, FIFO + 1) & 0x80, 0);
    nic_delete(d);
}

/* -- The PHY: 802.3, 22.2.4.5 -------------------------------------------------- */

enum { MDO = 1, MDI = 2, MCLK = 4, MDOE = 8 };

static void clock_out(Device *d, uint32_t val, int num)
{
    while (num--) {
        unsigned bit = MDOE | (val >> num & 1 ? MDO : 0);

        set(d, MGMT, bit);
        set(d, MGMT, bit | MCLK);
    }
}

static unsigned phy_read(Device *d, unsigned phy, unsigned reg)
{
    unsigned val = 0;

    clock_out(d, 0xffffffff, 32);
    clock_out(d, 6u << 10 | phy << 5 | reg, 14);
    set(d, MGMT, 0);
    for (int i = 0; i < 18; i++) {
        val = val << 1 | (get(d, MGMT) & MDI ? 1 : 0);
        set(d, MGMT, 0);
        set(d, MGMT, MCLK);
    }
    set(d, MGMT, 0);
    return val;
}

static void phy_write(Device *d, unsigned phy, unsigned reg, unsigned val)
{
    clock_out(d, 0xffffffff, 32);
    clock_out(d, 5u << 28 | phy << 23 | reg << 18 | 2u << 16 | val, 32);
    set(d, MGMT, 0);
}

/* Chapter 9: address 0, id 0016h F840h; nobody answers elsewhere. */
TEST(phy_has_registers)
{
    Device *d = nic_new(&smc91c111_type);

    CHECK_EQ(phy_read(d, 0, 2), 0x0016);
    CHECK_EQ(phy_read(d, 0, 3), 0xf840);
    CHECK_EQ(phy_read(d, 1, 2), 0);
    CHECK_EQ(phy_read(d, 0, 1) & 0x24, 0x24);   /* link, negotiated */
    phy_write(d, 0, 4, 0x0061);
    CHECK_EQ(phy_read(d, 0, 4), 0x0061);
    phy_write(d, 3, 4, 0x01e1);
    CHECK_EQ(phy_read(d, 0, 4), 0x0061);
    phy_write(d, 0, 0, 0x8000);                 /* reset clears itself */
    CHECK_EQ(phy_read(d, 0, 0), 0x3000);
    CHECK_EQ(phy_read(d, 0, 4), 0x01e1);
    nic_delete(d);
}

/* 22.2.4.2.13: link status latches low.  MDINT: register 18, mask 19. */
TEST(link_changes_interrupt)
{
    Device *d = nic_new(&smc91c111_type);

    set8(d, IST + 1, INT_MD);
    phy_write(d, 0, 19, 0xffc0 & ~0x4000u);
    net_set_link(station.nc, false);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(get(d, EPHSR) & 0x4000, 0);
    CHECK_EQ(phy_read(d, 0, 18) & 0xc000, 0xc000);
    CHECK_EQ(phy_read(d, 0, 18) & 0xc000, 0);
    set8(d, IST, INT_MD);
    CHECK_EQ(wire[0], 0);
    net_set_link(station.nc, true);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(phy_read(d, 0, 1) & 4, 0);
    CHECK_EQ(phy_read(d, 0, 1) & 4, 4);
    nic_delete(d);
}

TEST(contract)
{
    Device *d = running(), *b = chip_plug(chip_make(&smc91c111_type));
    uint8_t f[64];

    device_reset(d);
    chip_check_reset(d);
    set(d, TCR, TXENA);
    set(d, RCR, RXEN);
    send_frame(d, f, make_frame(f, station_mac, card_mac, 60, 1));
    send_to_card(card_mac, 500, 3);
    chip_scribble(d, 5, 3000);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(b);
    nic_delete(d);
}
