/* SPDX-License-Identifier: MIT */
/* The Versatile/PB's PCI bridge: ARM DUI 0224, and what Linux' pci-versatile.c does. */
#include "hw/pci/versatile-pci.h"

#include "tests/unit/chip-test.h"
#include "util/bits.h"

enum { REGS = 0, BRIDGE = 1, MEM0 = 2, MEM1 = 3, MEM2 = 4 };
enum { IMAP1 = 0x04, SELFID = 0x0c, SMAP0 = 0x14 };
enum { SELF = 0, CONFIG = 16 << 20, PORTS = 32 << 20, SLOT_11 = 11 << 11 };

/* -- A PCI card: 256 bytes of memory, 16 ports, INTA ------------------------- */

typedef struct Card {
    PCIDevice pci;
    uint8_t mem[256], ports[16];
} Card;

static uint64_t card_read(void *opaque, hwaddr offset, unsigned size)
{
    return load_le(((Card *)opaque)->mem + offset, size);
}

static void card_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    store_le(((Card *)opaque)->mem + offset, val, size);
}

static uint64_t port_read(void *opaque, hwaddr offset, unsigned size)
{
    return load_le(((Card *)opaque)->ports + offset, size);
}

static void port_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    store_le(((Card *)opaque)->ports + offset, val, size);
}

static const MemoryRegionOps mem_ops = { card_read, card_write, 1, 4 };
static const MemoryRegionOps port_ops = { port_read, port_write, 1, 4 };
static const WindowDef card_windows[] = {
    { "memory", false, 256, NULL, &mem_ops },
    { "ports", true, 16, NULL, &port_ops },
    { .name = NULL }
};
static const PCIDeviceOps card_pci = {
    .vendor = 0x1234, .device = 0x5678, .class = 0x0100, .irq_pin = 1,
};
static const DeviceType card_type = {
    .name = "card", .desc = "test", .bus = "pci", .state_size = sizeof(Card),
    .windows = card_windows, .bus_ops = &card_pci,
};

/* -- A board ----------------------------------------------------------------- */

static AddressSpace *mem, *io;
static RAMBlock *ram;
static MemoryRegion ram_region;
static PCIBus *bus;
static Device *bridge;
static Card *card;

static void board_start(void)
{
    Error err;

    clock_init_manual(&clock_);
    mem = as_new("memory", 1ull << 32);
    io = as_new("io", 1 << 16);
    ram = ram ? ram : ram_block_new("test.ram", 1 << 20);
    memset(ram->host, 0, ram->size);
    region_init_ram(&ram_region, "ram", ram);
    region_map(mem, &ram_region, 0, 0);
    bridge = chip_plug(device_new(&versatile_pci_type, NULL, &clock_, mem, io));
    bus = versatile_pci_bus(bridge);
    device_map(bridge, MEM1, 0x50000000, 0);
    device_map(bridge, MEM2, 0x60000000, 0);
    card = (Card *)device_new(&card_type, NULL, &clock_, mem, io);
    CHECK_EQ(pci_plug(bus, &card->pci, PCI_DEVFN(12, 0), &err), 0);
    device_realize(&card->pci.dev, &err);
}

static void board_stop(void)
{
    pci_unplug(&card->pci);
    device_free(&card->pci.dev);
    device_free(bridge);
    free(bus);
    region_unmap(&ram_region);
    as_free(io);
    as_free(mem);
}

static uint32_t conf(unsigned slot, unsigned reg)
{
    return (uint32_t)device_read(bridge, BRIDGE, CONFIG + (slot << 11) + reg, 4);
}

static void set_conf(unsigned slot, unsigned reg, uint32_t val, unsigned size)
{
    device_write(bridge, BRIDGE, CONFIG + (slot << 11) + reg, val, size);
}

/* What Linux does at boot: maps, itself as bus master, BARs 0 to 2 at 0. */
static void linux_setup(void)
{
    device_write(bridge, REGS, IMAP1, 5, 4);
    device_write(bridge, REGS, IMAP1 + 4, 6, 4);
    device_write(bridge, REGS, SELFID, 11, 4);
    device_write(bridge, BRIDGE, SELF + SLOT_11 + PCI_COMMAND, 0x16, 4);
    for (unsigned n = 0; n < 3; n++) {
        device_write(bridge, BRIDGE, SELF + SLOT_11 + PCI_BAR0 + 4 * n, 0, 4);
        device_write(bridge, REGS, SMAP0 + 4 * n, 0, 4);
    }
}

static void card_setup(void)
{
    set_conf(12, PCI_BAR0, 0x50000000, 4);
    set_conf(12, PCI_BAR0 + 4, 0x1000, 4);
    set_conf(12, PCI_COMMAND, 7, 2);
}

/* -- Configuration ----------------------------------------------------------- */

/* Linux finds its slot by 030010ee and class 0b400000 in the self window. */
TEST(the_bridge_is_in_slot_11)
{
    board_start();
    for (unsigned slot = 0; slot < 32; slot++) {
        uint64_t id = device_read(bridge, BRIDGE, SELF + (slot << 11), 4);

        CHECK_EQ(id, slot == 11 ? 0x030010ee : slot == 12 ? 0x56781234 : 0xffffffff);
    }
    CHECK_EQ(device_read(bridge, BRIDGE, SELF + SLOT_11 + 8, 4), 0x0b400000);
    board_stop();
}

TEST(configuration_cycles)
{
    board_start();
    CHECK_EQ(conf(12, 0), 0x56781234);
    CHECK_EQ(conf(13, 0), 0xffffffff);
    CHECK_EQ(device_read(bridge, BRIDGE, CONFIG + (1 << 16) + (12 << 11), 4), 0xffffffff);
    set_conf(12, PCI_INTERRUPT_LINE, 29, 1);
    CHECK_EQ(conf(12, PCI_INTERRUPT_LINE) & 0xff, 29);
    CHECK_EQ(device_read(bridge, BRIDGE, CONFIG + (12 << 11) + 2, 2), 0x5678);
    board_stop();
}

TEST(registers)
{
    board_start();
    device_write(bridge, REGS, IMAP1, 0xff, 4);
    CHECK_EQ(device_read(bridge, REGS, IMAP1, 4), 0x0f);
    device_write(bridge, REGS, SELFID, 11, 4);
    CHECK_EQ(device_read(bridge, REGS, SELFID, 4), 11);
    device_reset(bridge);
    CHECK_EQ(device_read(bridge, REGS, IMAP1, 4), 0);
    board_stop();
}

/* -- Windows ----------------------------------------------------------------- */

/* PCI address = IMAP << 28 | offset in the window. */
TEST(memory_windows)
{
    board_start();
    linux_setup();
    card_setup();
    as_store(mem, 0x50000010, 0x11223344, 4);
    CHECK_EQ(load_le(card->mem + 0x10, 4), 0x11223344);
    CHECK_EQ(as_load(mem, 0x50000011, 1), 0x33);
    CHECK_EQ(as_load(mem, 0x60000010, 4), 0xffffffff);
    device_write(bridge, REGS, IMAP1 + 4, 5, 4);        /* window 2 shows it, too */
    CHECK_EQ(as_load(mem, 0x60000010, 4), 0x11223344);
    device_write(bridge, REGS, IMAP1, 7, 4);
    CHECK_EQ(as_load(mem, 0x50000010, 4), 0xffffffff);
    board_stop();
}

TEST(io_window)
{
    board_start();
    card_setup();
    device_write(bridge, BRIDGE, PORTS + 0x1004, 0xabcd, 2);
    CHECK_EQ(load_le(card->ports + 4, 2), 0xabcd);
    CHECK_EQ(device_read(bridge, BRIDGE, PORTS + 0x1005, 1), 0xab);
    CHECK_EQ(device_read(bridge, BRIDGE, PORTS + 0x10000, 1), 0xff);    /* no port */
    board_stop();
}

/* Inbound: BAR n of the bridge to SMAPn << 28; RAM is seen as RAM. */
TEST(bus_masters_reach_ram)
{
    uint8_t buf[4] = { 1, 2, 3, 4 };
    uint64_t len = 4096;

    board_start();
    card_setup();
    pci_dma_write(&card->pci, 0x8000, buf, 4);          /* the bridge is off */
    CHECK_EQ(load_le(ram->host + 0x8000, 4), 0);
    linux_setup();
    pci_dma_write(&card->pci, 0x8000, buf, 4);
    CHECK_EQ(load_le(ram->host + 0x8000, 4), 0x04030201);
    CHECK(as_ram(bus->mem, 0x9000, &len, true) == ram->host + 0x9000);
    device_write(bridge, REGS, SMAP0, 1, 4);            /* no RAM at 0x10000000 */
    pci_dma_read(&card->pci, 0x8000, buf, 4);
    CHECK_EQ(load_le(buf, 4), 0xffffffff);
    board_stop();
}

TEST(inbound_bar_elsewhere)
{
    uint8_t b = 0x77;

    board_start();
    linux_setup();
    card_setup();
    for (unsigned n = 0; n < 3; n++) {
        set_conf(11, PCI_BAR0 + 4 * n, 0x80000000, 4);
    }
    pci_dma_write(&card->pci, 0x80000123, &b, 1);
    CHECK_EQ(ram->host[0x123], 0x77);
    board_stop();
}

/* Inbound to outbound to inbound: the guest's own fault, and the end of it. */
TEST(a_circle_ends)
{
    board_start();
    linux_setup();
    set_conf(11, PCI_BAR0, 0x50000000, 4);
    device_write(bridge, REGS, SMAP0, 5, 4);
    CHECK_EQ(as_load(mem, 0x50000000, 4), 0xffffffff);
    as_store(mem, 0x50000000, 1, 4);
    board_stop();
}

/* -- Interrupts: 27 + ((slot + pin - 1 + 2) & 3), pin A = 1 ------------------ */

TEST(intx_rotates_by_slot)
{
    board_start();
    pci_set_irq(&card->pci, 1);
    CHECK_EQ(wire[2], 1);               /* slot 12: SIC 29 */
    CHECK_EQ(wire[0] + wire[1] + wire[3], 0);
    pci_set_irq(&card->pci, 0);
    CHECK_EQ(wire[2], 0);
    for (int slot = 0; slot < 32; slot++) {
        for (int pin = 0; pin < 4; pin++) {
            CHECK_EQ(bus->map_irq(bus->opaque, slot, pin), (slot + pin + 2) % 4);
        }
    }
    board_stop();
}

/* -- Contract ---------------------------------------------------------------- */

TEST(anything_is_survived)
{
    board_start();
    chip_scribble(bridge, 1, 3000);
    device_reset(bridge);
    CHECK_EQ(device_read(bridge, REGS, SMAP0, 4), 0);
    board_stop();
}

TEST(snapshot)
{
    board_start();
    linux_setup();
    uint8_t *image = chip_save(bridge), b = 9;
    Error err;

    device_reset(bridge);
    card_setup();
    CHECK_EQ(device_load(bridge, image, vmstate_size(bridge->type->vmstate), &err), 0);
    CHECK_EQ(device_read(bridge, REGS, IMAP1, 4), 5);
    pci_dma_write(&card->pci, 0x10, &b, 1);
    CHECK_EQ(ram->host[0x10], 9);
    free(image);
    board_stop();
}
