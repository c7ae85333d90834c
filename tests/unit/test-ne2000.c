/* SPDX-License-Identifier: MIT */
/* NE2000 cards against the DP8390D and RTL8029AS data sheets. */
#include "hw/net/ne2000.h"

#include "net/ether.h"
#include "tests/unit/nic-test.h"
#include "util/bits.h"

enum { CR = 0, PSTART = 1, PSTOP = 2, BNRY = 3, TPSR = 4, TSR = 4, TBCR0 = 5, TBCR1 = 6, ISR = 7,
       RSAR0 = 8, RSAR1 = 9, RBCR0 = 10, RBCR1 = 11, RCR = 12, TCR = 13, DCR = 14, IMR = 15,
       PAR = 1, CURR = 7, MAR = 8, DATA = 0x10, RESET = 0x1f };
enum { STOP = 0x21, START = 0x22, PAGE1 = 0x40, READ = 0x0a, WRITE = 0x12, TRANSMIT = 0x26 };
enum { PRX = 1, PTX = 2, RDC = 0x40, RST = 0x80 };
enum { FIRST = 0x4c, LAST = 0x80, TX_PAGE = 0x40 };

static unsigned get(Device *d, unsigned port)      { return (unsigned)device_read(d, 0, port, 1); }
static void set(Device *d, unsigned port, unsigned v) { device_write(d, 0, port, v, 1); }

static unsigned get1(Device *d, unsigned port)
{
    set(d, CR, START | PAGE1);
    unsigned val = get(d, port);

    set(d, CR, START);
    return val;
}

static void set1(Device *d, unsigned port, unsigned val)
{
    set(d, CR, START | PAGE1);
    set(d, port, val);
    set(d, CR, START);
}

/* DP8390D, 8.0: initialization sequence. */
static Device *start(Device *d)
{
    set(d, CR, STOP);
    set(d, DCR, 0x49);                  /* words */
    set(d, TCR, 0);
    set(d, RCR, 0x04);                  /* broadcasts too */
    set(d, PSTART, FIRST);
    set(d, BNRY, LAST - 1);
    set(d, PSTOP, LAST);
    set(d, ISR, 0xff);
    set(d, IMR, PRX | PTX);
    set(d, CR, START);
    for (unsigned i = 0; i < 6; i++) {
        set1(d, PAR + i, card_mac[i]);
    }
    set1(d, CURR, FIRST);
    return d;
}

static Device *running(void)
{
    return start(nic_new(&ne2k_isa_type));
}

static void dma(Device *d, unsigned at, size_t len, unsigned command)
{
    set(d, RBCR0, len & 0xff);
    set(d, RBCR1, (unsigned)len >> 8);
    set(d, RSAR0, at & 0xff);
    set(d, RSAR1, at >> 8);
    set(d, CR, command);
}

static void write_mem(Device *d, unsigned at, const uint8_t *p, size_t len)
{
    dma(d, at, align_up(len, 2), WRITE);
    for (size_t i = 0; i < len; i += 2) {
        device_write(d, 0, DATA, load_le(p + i, 2), 2);
    }
}

static void read_mem(Device *d, unsigned at, uint8_t *p, size_t len)
{
    dma(d, at, align_up(len, 2), READ);
    for (size_t i = 0; i < len; i += 2) {
        store_le(p + i, device_read(d, 0, DATA, 2), 2);
    }
}

static void send_frame(Device *d, const uint8_t *f, size_t len)
{
    write_mem(d, TX_PAGE << 8, f, len);
    set(d, TPSR, TX_PAGE);
    set(d, TBCR0, len & 0xff);
    set(d, TBCR1, (unsigned)len >> 8);
    set(d, CR, TRANSMIT);
}

/* The next packet as lib8390 takes it; its length, 0 if there is none. */
static size_t receive_frame(Device *d, uint8_t *out, uint8_t head[4])
{
    unsigned page = get(d, BNRY) + 1;

    page = page >= LAST ? FIRST : page;
    if (get1(d, CURR) == page) {
        return 0;
    }
    read_mem(d, page << 8, head, 4);
    size_t len = load_le(head + 2, 2) - 4;
    read_mem(d, (page << 8) + 4, out, len);     /* round the ring */
    set(d, BNRY, head[1] - 1u);
    return len;
}

/* The PROM: each byte of the address twice, 57h at the end. */
TEST(prom_has_the_address)
{
    Device *d = nic_new(&ne2k_isa_type);

    set(d, DCR, 0x48);                  /* bytes */
    dma(d, 0, 32, READ);
    for (int i = 0; i < 32; i++) {
        unsigned byte = get(d, DATA);

        if (i < 12) {
            CHECK_EQ(byte, card_mac[i / 2]);
        } else if (i >= 28) {
            CHECK_EQ(byte, 0x57);
        }
    }
    CHECK_EQ(get(d, ISR) & RDC, RDC);
    set(d, DCR, 0x49);                  /* words: each access moves two */
    dma(d, 0, 12, READ);
    for (int i = 0; i < 6; i++) {
        CHECK_EQ(get(d, DATA), card_mac[i]);
    }
    nic_delete(d);
}

/* 10.x: reset sets RST, start clears it; registers by page. */
TEST(reset_and_pages)
{
    Device *d = running();

    CHECK_EQ(get(d, ISR) & RST, 0);
    get(d, RESET);
    CHECK_EQ(get(d, ISR) & RST, RST);
    CHECK_EQ(get(d, CR), STOP);
    set(d, ISR, 0xff);
    CHECK_EQ(get(d, ISR) & RST, RST);
    set(d, CR, START);
    CHECK_EQ(get(d, ISR) & RST, 0);
    set(d, CR, START | 0x80);           /* page 2 reads back */
    CHECK_EQ(get(d, 1), FIRST);
    CHECK_EQ(get(d, 2), LAST);
    nic_delete(d);
}

/* Remote DMA in bytes, words and double words; ends with RDC, then nothing. */
TEST(remote_dma)
{
    static const uint8_t data[] = "0123456789";
    uint8_t got[16] = "";
    Device *d = running();

    write_mem(d, 0x5000, data, 10);
    CHECK_EQ(get(d, ISR) & RDC, RDC);
    device_write(d, 0, DATA, 0xffff, 2);        /* RBCR is used up */
    read_mem(d, 0x5000, got, 12);
    CHECK(!memcmp(got, data, 10) && got[10] == 0);
    nic_delete(d);
    d = start(nic_new(&ne2k_pci_type));
    write_mem(d, 0x5000, data, 10);
    dma(d, 0x5001, 8, READ);
    CHECK_EQ(device_read(d, 0, DATA, 4), 0x34333231);
    CHECK_EQ(device_read(d, 0, DATA, 2), 0x3635);
    nic_delete(d);
}

TEST(sends)
{
    Device *d = running();
    uint8_t f[2048];

    for (size_t len = 60; len <= 1514; len += 727) {
        send_frame(d, f, make_frame(f, station_mac, card_mac, len, 2));
        CHECK_EQ(station.len, len);
        CHECK(is_frame(station.frame, station_mac, card_mac, len, 2));
        CHECK_EQ(get(d, CR) & 4, 0);
        CHECK_EQ(get(d, TSR) & 1, 1);
        CHECK_EQ(wire[0], 1);
        set(d, ISR, PTX);
        CHECK_EQ(wire[0], 0);
    }
    set(d, TCR, 2);                     /* loopback: it does not leave */
    int before = station.num;
    send_frame(d, f, 60);
    CHECK_EQ(station.num, before);
    CHECK_EQ(get(d, ISR) & PTX, PTX);
    nic_delete(d);
}

/* 7.x: status, next page, count with FCS; round the ring. */
TEST(receives_round_the_ring)
{
    Device *d = running();
    uint8_t f[2048], head[4];

    for (unsigned i = 0; i < 60; i++) {
        size_t len = 60 + i * 24;
        unsigned page = get1(d, CURR), pages = (unsigned)(4 + len + 4 + 255) / 256;

        send_to_card(card_mac, len, i);
        CHECK_EQ(wire[0], 1);
        CHECK_EQ(receive_frame(d, f, head), len);
        CHECK(is_frame(f, card_mac, station_mac, len, i));
        CHECK_EQ(head[0], 0x01);
        CHECK_EQ(head[1], page + pages >= LAST ? page + pages - LAST + FIRST : page + pages);
        CHECK_EQ(get1(d, CURR), head[1]);
        set(d, ISR, PRX);
        CHECK_EQ(wire[0], 0);
    }
    nic_delete(d);
}

/* A full ring holds frames up, none is lost; also where the driver's "next - 1"
 * is one page below the ring. */
TEST(frames_wait_for_pages)
{
    Device *d = running();
    uint8_t f[2048], head[4];

    for (unsigned i = 0; i < 50; i++) {
        send_to_card(card_mac, 1300 + i, i);
    }
    for (unsigned i = 0; i < 50; i++) {
        CHECK_EQ(receive_frame(d, f, head), 1300 + i);
        CHECK(is_frame(f, card_mac, station_mac, 1300 + i, i));
        settle();
    }
    CHECK_EQ(receive_frame(d, f, head), 0);
    nic_delete(d);
}

/* PRX acknowledged after the last look at CURR: what came since counts again. */
TEST(no_frame_is_overlooked)
{
    Device *d = running();
    uint8_t f[2048], head[4];

    send_to_card(card_mac, 60, 1);
    receive_frame(d, f, head);
    CHECK_EQ(receive_frame(d, f, head), 0);
    send_to_card(card_mac, 60, 2);
    set(d, ISR, PRX);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(receive_frame(d, f, head), 60);
    set(d, ISR, PRX);
    CHECK_EQ(wire[0], 0);
    nic_delete(d);
}

/* 10.x: with neither STA nor STP the chip goes on as it was. */
TEST(a_page_change_does_not_stop_it)
{
    Device *d = running();
    uint8_t f[2048], head[4];

    set(d, CR, 0x20);
    send_to_card(card_mac, 60, 1);
    CHECK_EQ(receive_frame(d, f, head), 60);
    set(d, CR, STOP);
    send_to_card(card_mac, 60, 1);
    set(d, CR, START);
    CHECK_EQ(receive_frame(d, f, head), 0);
    nic_delete(d);
}

static bool takes(Device *d, unsigned rcr, const uint8_t to[6])
{
    uint8_t f[2048], head[4];

    set(d, RCR, rcr);
    send_to_card(to, 60, 0);
    return receive_frame(d, f, head) == 60;
}

/* 10.x, RCR; MAR by the CRC's six high bits. */
TEST(filters_addresses)
{
    static const uint8_t other[6] = { 0x52, 0x54, 0, 0, 0, 9 }, group[6] = { 1, 0, 0x5e, 0, 0, 1 };
    unsigned hash = ether_hash(group) >> 26;
    Device *d = running();

    CHECK(takes(d, 0, card_mac) && !takes(d, 0, broadcast) && !takes(d, 0, other));
    CHECK(takes(d, 4, broadcast) && !takes(d, 4, group));
    CHECK(!takes(d, 8, group));
    set1(d, MAR + hash / 8, 1u << (hash % 8));
    CHECK(takes(d, 8, group) && !takes(d, 0, group));
    CHECK(takes(d, 0x10, other));
    CHECK(!takes(d, 0x20, card_mac));   /* monitor: counted only */
    CHECK_EQ(get(d, 15), 1);
    CHECK_EQ(get(d, 15), 0);
    nic_delete(d);
}

TEST(ids_of_the_realtek)
{
    Device *d = nic_new(&ne2k_pci_type);

    CHECK_EQ(get(d, 10), 0x50);
    CHECK_EQ(get(d, 11), 0x43);
    nic_delete(d);
}

TEST(contract)
{
    Device *d = running(), *b = chip_plug(chip_make(&ne2k_isa_type));
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
