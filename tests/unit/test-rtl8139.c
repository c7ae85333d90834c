/* SPDX-License-Identifier: MIT */
/* The RTL8139C against Realtek's data sheet, rev. 1.4. */
#include "hw/net/rtl8139.h"

#include "hw/core/pci.h"
#include "net/ether.h"
#include "tests/unit/nic-test.h"
#include "util/bits.h"

enum { IDR0 = 0, MAR0 = 8, TSD0 = 0x10, TSAD0 = 0x20, RBSTART = 0x30, CR = 0x37, CAPR = 0x38,
       CBR = 0x3a, IMR = 0x3c, ISR = 0x3e, TCR = 0x40, RCR = 0x44, CR9346 = 0x50, CONFIG1 = 0x52,
       MSR = 0x58, TSAD = 0x60, BMCR = 0x62, BMSR = 0x64 };
enum { BUFE = 1, TE = 4, RE = 8, RST = 0x10, ROK = 1, TOK = 4, LINK = 0x20 };
enum { ACCEPT_ALL = 1, ACCEPT_ME = 2, ACCEPT_GROUP = 4, ACCEPT_BROADCAST = 8, NO_WRAP = 0x80 };
enum { RING = 0x10000, RING_SIZE = 8192, TX_BUFFER = 0x20000, MEM_SIZE = 0x40000 };

static AddressSpace *mem, *io;
static PCIBus *bus;
static RAMBlock *ram;
static MemoryRegion ram_region;
static unsigned read_at;                /* in the ring */
static int irq_level;

static unsigned get(Device *d, unsigned at, unsigned size)
{
    return (unsigned)device_read(d, 0, at, size);
}

static void set(Device *d, unsigned at, unsigned val, unsigned size)
{
    device_write(d, 0, at, val, size);
}

static int map_irq(void *opaque, int slot, int pin)
{
    (void)opaque;
    (void)slot;
    return pin;
}

static void set_irq(void *opaque, int n, int level)
{
    (void)opaque;
    (void)n;
    irq_level = level;
}

static Device *plug(void)
{
    Error err;

    clock_init_manual(&clock_);
    memset(&station, 0, sizeof(station));
    station.nc = net_client_new(&station_ops, &station, "station");
    cable = (NICInfo){ .has_mac = true, .peer = station.nc };
    memcpy(cable.mac, card_mac, 6);
    mem = as_new("mem", 1ull << 32);
    io = as_new("io", 0x10000);
    ram = ram ? ram : ram_block_new("test.ram", MEM_SIZE);
    region_init_ram(&ram_region, "ram", ram);
    region_map(mem, &ram_region, 0, 0);
    memset(ram->host, 0, MEM_SIZE);
    bus = pci_bus_new(mem, io);
    bus->map_irq = map_irq;
    bus->set_irq = set_irq;
    irq_level = 0;

    Device *d = device_new(&rtl8139_type, NULL, &clock_, mem, io);
    chip_link(d, "netdev", &cable);
    CHECK_EQ(pci_plug(bus, (PCIDevice *)d, -1, &err), 0);
    CHECK_EQ(device_realize(d, &err), 0);
    device_reset(d);
    pci_config_write(bus, ((PCIDevice *)d)->devfn, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
    return d;
}

static void unplug(Device *d)
{
    pci_unplug((PCIDevice *)d);
    device_free(d);
    net_client_free(station.nc);
    free(bus);
    as_free(io);
    as_free(mem);
}

static Device *running(unsigned rcr)
{
    Device *d = plug();

    set(d, RBSTART, RING, 4);
    set(d, IMR, ROK | TOK | LINK, 2);
    set(d, CR, TE | RE, 1);
    set(d, RCR, rcr, 4);
    read_at = 0;
    return d;
}

static void send_frame(Device *d, unsigned n, const uint8_t *f, size_t len)
{
    memcpy(ram->host + TX_BUFFER, f, len);
    set(d, TSAD0 + 4 * n, TX_BUFFER, 4);
    set(d, TSD0 + 4 * n, (unsigned)len, 4);
}

/* The length without FCS, 0 if the buffer is empty; `wrapped` if packets do. */
static size_t receive_frame(Device *d, uint8_t *out, unsigned *status, bool wrapped)
{
    uint8_t head[4];

    if (get(d, CR, 1) & BUFE) {
        return 0;
    }
    memcpy(head, ram->host + RING + read_at, 4);
    *status = (unsigned)load_le(head, 2);
    size_t len = load_le(head + 2, 2);
    for (size_t i = 0; i < len; i++) {
        size_t at = read_at + 4 + i;

        out[i] = ram->host[RING + (wrapped ? at % RING_SIZE : at)];
    }
    read_at = (unsigned)align_up(read_at + 4 + len, 4) % RING_SIZE;
    set(d, CAPR, (read_at - 16) & 0xffff, 2);
    return len - 4;
}

TEST(reset_values)
{
    Device *d = plug();

    for (unsigned i = 0; i < 6; i++) {
        CHECK_EQ(get(d, IDR0 + i, 1), card_mac[i]);
    }
    CHECK_EQ(get(d, TCR, 4) & 0x7cc00000, 0x74000000);
    CHECK_EQ(get(d, TSD0, 4), 0x2000);
    CHECK_EQ(get(d, CAPR, 2), 0xfff0);
    CHECK_EQ(get(d, CR, 1), BUFE);
    CHECK_EQ(get(d, MSR, 1) & 4, 0);
    CHECK_EQ(get(d, BMSR, 2) & 0x24, 0x24);
    CHECK_EQ(device_read(d, 1, IDR0, 4), load_le(card_mac, 4));    /* memory too */
    unplug(d);
}

/* 6.x: 9346CR.EEM = 11 lets the address and CONFIG1 be written. */
TEST(configuration_is_locked)
{
    Device *d = plug();

    set(d, IDR0, 0x12, 1);
    CHECK_EQ(get(d, IDR0, 1), card_mac[0]);
    set(d, CR9346, 0xc0, 1);
    set(d, IDR0, 0x04030212, 4);
    set(d, CONFIG1, 0x0d, 1);
    set(d, CR9346, 0, 1);
    CHECK_EQ(get(d, IDR0, 4), 0x04030212);
    CHECK_EQ(get(d, CONFIG1, 1), 0x0d);
    unplug(d);
}

enum { EE_DO = 1, EE_DI = 2, EE_SK = 4, EE_CS = 8, EE_MODE = 0x80 };

static unsigned read_eeprom(Device *d, unsigned word)
{
    unsigned command = 6 << 6 | word, val = 0;

    set(d, CR9346, EE_MODE | EE_CS, 1);
    for (int i = 10; i >= 0; i--) {
        unsigned bit = EE_MODE | EE_CS | (command >> i & 1 ? EE_DI : 0);

        set(d, CR9346, bit, 1);
        set(d, CR9346, bit | EE_SK, 1);
    }
    for (int i = 0; i < 16; i++) {
        set(d, CR9346, EE_MODE | EE_CS, 1);
        set(d, CR9346, EE_MODE | EE_CS | EE_SK, 1);
        val = val << 1 | (get(d, CR9346, 1) & EE_DO);
    }
    set(d, CR9346, EE_MODE, 1);
    return val;
}

/* Chapter 5: 8129h, then the ids; the address from word 7 on. */
TEST(eeprom)
{
    Device *d = plug();

    CHECK_EQ(read_eeprom(d, 0), 0x8129);
    CHECK_EQ(read_eeprom(d, 1), 0x10ec);
    CHECK_EQ(read_eeprom(d, 2), 0x8139);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(read_eeprom(d, 7 + i), load_le(card_mac + 2 * i, 2));
    }
    unplug(d);
}

/* 6.x: OWN and TOK are set when a frame is out; the descriptors take turns. */
TEST(sends_in_turn)
{
    Device *d = running(0);
    uint8_t f[2048];

    for (unsigned i = 0; i < 8; i++) {
        size_t len = 60 + i * 200;

        send_frame(d, i % 4, f, make_frame(f, station_mac, card_mac, len, i));
        CHECK_EQ(station.num, (int)i + 1);
        CHECK_EQ(station.len, len);
        CHECK(is_frame(station.frame, station_mac, card_mac, len, i));
        CHECK_EQ(get(d, TSD0 + 4 * (i % 4), 4), 0xa000 | len);
        CHECK_EQ(get(d, ISR, 2), TOK);
        CHECK_EQ(irq_level, 1);
        set(d, ISR, TOK, 2);
        CHECK_EQ(irq_level, 0);
    }
    CHECK_EQ(get(d, TSAD, 2), 0xf00f);
    set(d, CR, RE, 1);                  /* off: it waits */
    send_frame(d, 0, f, 60);
    CHECK_EQ(station.num, 8);
    CHECK_EQ(get(d, TSD0, 4) & 0x2000, 0);
    set(d, CR, RE | TE, 1);
    CHECK_EQ(station.num, 9);
    unplug(d);
}

static void check_ring(unsigned rcr, bool wrapped)
{
    Device *d = running(rcr);
    uint8_t f[2048];
    unsigned status;

    for (unsigned i = 0; i < 60; i++) {
        size_t len = 60 + i * 23;

        send_to_card(card_mac, len, i);
        CHECK_EQ(irq_level, 1);
        CHECK_EQ(get(d, CR, 1) & BUFE, 0);
        CHECK_EQ(receive_frame(d, f, &status, wrapped), len);
        CHECK_EQ(status, 0x4001);
        CHECK(is_frame(f, card_mac, station_mac, len, i));
        CHECK_EQ(load_le(f + len, 4), ether_crc(f, len));
        CHECK_EQ(get(d, CBR, 2), read_at);
        CHECK_EQ(get(d, CR, 1) & BUFE, BUFE);
        set(d, ISR, ROK, 2);
        CHECK_EQ(irq_level, 0);
    }
    unplug(d);
}

/* 6.x, RCR.WRAP: 0, packets go round the ring; 1, they go on behind it. */
TEST(receives_round_the_ring)
{
    check_ring(ACCEPT_ME, true);
}

TEST(receives_past_the_end)
{
    check_ring(ACCEPT_ME | NO_WRAP, false);
}

TEST(frames_wait_for_room)
{
    Device *d = running(ACCEPT_ME);
    uint8_t f[2048];
    unsigned status;

    for (unsigned i = 0; i < 30; i++) {
        send_to_card(card_mac, 1000, i);
    }
    for (unsigned i = 0; i < 30; i++) {
        CHECK_EQ(receive_frame(d, f, &status, true), 1000);
        CHECK(is_frame(f, card_mac, station_mac, 1000, i));
        settle();
    }
    CHECK_EQ(receive_frame(d, f, &status, true), 0);
    unplug(d);
}

/*
 * ISR.ROK is cleared for frames that the guest has seen in CR or CBR; it stays for
 * one that came since, and while the ring is full and more wait.
 */
TEST(rok_stays_for_what_was_not_seen)
{
    Device *d = running(ACCEPT_ME);
    uint8_t f[2048];
    unsigned status;

    send_to_card(card_mac, 1000, 0);
    set(d, ISR, ROK, 2);
    CHECK_EQ(irq_level, 1);
    CHECK_EQ(get(d, CR, 1) & BUFE, 0);
    set(d, ISR, ROK, 2);
    CHECK_EQ(irq_level, 0);
    for (unsigned i = 1; i < 20; i++) {
        send_to_card(card_mac, 1000, i);
    }
    CHECK(get(d, CBR, 2) != 0);
    set(d, ISR, ROK, 2);
    CHECK_EQ(get(d, ISR, 2), ROK);
    for (unsigned i = 0; i < 20; i++) {
        CHECK_EQ(receive_frame(d, f, &status, true), 1000);
        settle();
    }
    CHECK_EQ(get(d, CR, 1) & BUFE, BUFE);
    set(d, ISR, ROK, 2);
    CHECK_EQ(irq_level, 0);
    unplug(d);
}

static unsigned taken(unsigned rcr, const uint8_t to[6], unsigned mar)
{
    Device *d = running(rcr);
    uint8_t f[2048];
    unsigned status = 0, hash = ether_hash(to) >> 26;

    set(d, MAR0 + hash / 8, mar << (hash % 8), 1);
    send_to_card(to, 60, 0);
    receive_frame(d, f, &status, true);
    unplug(d);
    return status;
}

/* 6.x, RCR and the status word. */
TEST(filters_addresses)
{
    static const uint8_t other[6] = { 0x52, 0x54, 0, 0, 0, 9 }, group[6] = { 1, 0, 0x5e, 0, 0, 1 };

    CHECK_EQ(taken(0, card_mac, 0), 0);
    CHECK_EQ(taken(ACCEPT_ME, card_mac, 0), 0x4001);
    CHECK_EQ(taken(ACCEPT_ME, other, 0), 0);
    CHECK_EQ(taken(ACCEPT_ALL, other, 0), 0x0001);
    CHECK_EQ(taken(ACCEPT_ME, broadcast, 0), 0);
    CHECK_EQ(taken(ACCEPT_BROADCAST, broadcast, 0), 0x2001);
    CHECK_EQ(taken(ACCEPT_GROUP, group, 0), 0);
    CHECK_EQ(taken(ACCEPT_GROUP, group, 1), 0x8001);
    CHECK_EQ(taken(0, group, 1), 0);
}

TEST(link_changes_interrupt)
{
    Device *d = running(0);

    net_set_link(station.nc, false);
    CHECK_EQ(get(d, ISR, 2), LINK);
    CHECK_EQ(irq_level, 1);
    CHECK_EQ(get(d, MSR, 1) & 4, 4);
    CHECK_EQ(get(d, BMSR, 2) & 4, 0);
    unplug(d);
}

/* 6.x, CR.RST: transmitter and receiver; the address stays. */
TEST(software_reset)
{
    Device *d = running(ACCEPT_ME);

    set(d, CR9346, 0xc0, 1);
    set(d, IDR0, 0x02, 1);
    send_to_card(card_mac, 60, 0);
    set(d, CR, RST, 1);
    CHECK_EQ(get(d, CR, 1), BUFE);
    CHECK_EQ(get(d, ISR, 2) | get(d, IMR, 2), 0);
    CHECK_EQ(get(d, IDR0, 1), 0x02);
    unplug(d);
}
