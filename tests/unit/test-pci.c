/* SPDX-License-Identifier: MIT */
/* PCI Local Bus Specification 3.0, chapter 6, with functions made for it. */
#include "hw/core/pci.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/test.h"
#include "util/bits.h"
#include "util/mem.h"

typedef struct Card {
    PCIDevice pci;
    uint32_t reg;
    MemoryRegion rom;
    unsigned written_at, written_len;
} Card;

#define AT(m) offsetof(Card, m)

static const RegDef card_regs[] = {
    { "REG", 0x00, AT(reg), REG_RW, 0x600d, 0xffffffff, NULL, NULL },
    REG_END
};

static uint64_t port_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)opaque;
    (void)size;
    return 0xa0 + offset;
}

static void port_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    (void)offset;
    (void)size;
    ((Card *)opaque)->reg = (uint32_t)val;
}

static const MemoryRegionOps port_ops = { port_read, port_write, 1, 1 };

static const WindowDef card_windows[] = {
    { "regs", false, 0x1000, card_regs, NULL },
    { "ports", true, 0x20, NULL, &port_ops },
    { "legacy", true, 4, NULL, &port_ops },
    { .name = NULL }
};

static void card_reset(Device *d)
{
    pci_reset_common((PCIDevice *)d);
}

static void config_init(PCIDevice *pd)
{
    pd->config[0x40] = 0x11;
    pd->wmask[0x40] = 0xf0;
    pd->config[0x41] = 0xff;
    pd->w1c[0x41] = 0x0f;
}

static void config_written(PCIDevice *pd, unsigned addr, unsigned len)
{
    ((Card *)pd)->written_at = addr;
    ((Card *)pd)->written_len = len;
}

static const VMField card_vmstate[] = {
    VM_PCI_DEVICE(Card, pci), VM_FIELD(Card, reg), VM_END
};

static int card_post_load(Device *d, Error *err)
{
    return pci_post_load((PCIDevice *)d, err);
}

static const PCIDeviceOps card_pci = {
    .vendor = 0x1234, .device = 0x5678, .class = 0x0200, .prog_if = 0x01,
    .revision = 3, .irq_pin = 1, .not_bars = 1 << 2,
    .config_init = config_init, .config_written = config_written,
};

static const DeviceType card_type = {
    .name = "card", .desc = "for tests", .bus = "pci", .state_size = sizeof(Card),
    .windows = card_windows, .vmstate = card_vmstate, .reset = card_reset,
    .post_load = card_post_load, .bus_ops = &card_pci,
};

static Clock clock_;
static AddressSpace *mem, *io;
static PCIBus *bus;
static int line_level[4];

static int map_irq(void *opaque, int slot, int pin)
{
    (void)opaque;
    return (slot + pin) & 3;
}

static void set_irq(void *opaque, int line, int level)
{
    (void)opaque;
    line_level[line] = level;
}

static void bus_new(void)
{
    clock_init_manual(&clock_);
    mem = as_new("memory", 1ull << 32);
    io = as_new("io", 1 << 16);
    bus = pci_bus_new(mem, io);
    bus->map_irq = map_irq;
    bus->set_irq = set_irq;
    memset(line_level, 0, sizeof(line_level));
}

static Card *card_new(int devfn)
{
    Device *d = device_new(&card_type, NULL, &clock_, mem, io);
    Error err;

    CHECK_EQ(pci_plug(bus, (PCIDevice *)d, devfn, &err), 0);
    CHECK_EQ(device_realize(d, &err), 0);
    device_reset(d);
    return (Card *)d;
}

static void card_free(Card *c)
{
    pci_unplug(&c->pci);
    device_free(&c->pci.dev);
}

static void bus_free(void)
{
    free(bus);
    as_free(io);
    as_free(mem);
}

static uint32_t rd(unsigned devfn, unsigned addr, unsigned size)
{
    return pci_config_read(bus, devfn, addr, size);
}

static void wr(unsigned devfn, unsigned addr, uint32_t val, unsigned size)
{
    pci_config_write(bus, devfn, addr, val, size);
}

/* 6.1: all ones where there is no device. */
TEST(an_empty_slot_reads_all_ones)
{
    bus_new();
    CHECK_EQ(rd(0x20, 0, 4), 0xffffffff);
    CHECK_EQ(rd(0x20, 0, 2), 0xffff);
    CHECK_EQ(rd(0x20, 0, 1), 0xff);
    wr(0x20, 4, 7, 2);
    bus_free();
}

/* 6.2.1: identification is read-only. */
TEST(header_of_a_function)
{
    bus_new();
    Card *c = card_new(0x18);

    CHECK_EQ(rd(0x18, 0x00, 4), 0x56781234);
    CHECK_EQ(rd(0x18, 0x08, 4), 0x02000103);
    CHECK_EQ(rd(0x18, 0x0e, 1), 0);
    CHECK_EQ(rd(0x18, 0x3d, 1), 1);
    wr(0x18, 0x00, 0, 4);
    wr(0x18, 0x08, 0, 4);
    CHECK_EQ(rd(0x18, 0x00, 4), 0x56781234);
    CHECK_EQ(rd(0x18, 0x08, 4), 0x02000103);
    wr(0x18, 0x3c, 11, 1);
    CHECK_EQ(rd(0x18, 0x3c, 1), 11);
    CHECK_EQ(rd(0x18, 0xfe, 4), 0xffffffff);    /* past the end */
    card_free(c);
    bus_free();
}

/* 6.2.5.1: size is found by writing all ones. */
TEST(bars_tell_their_size_and_kind)
{
    bus_new();
    Card *c = card_new(0x18);

    wr(0x18, 0x10, 0xffffffff, 4);
    CHECK_EQ(rd(0x18, 0x10, 4), 0xfffff000);
    wr(0x18, 0x14, 0xffffffff, 4);
    CHECK_EQ(rd(0x18, 0x14, 4), 0xffffffe1);
    wr(0x18, 0x18, 0xffffffff, 4);      /* a window that is no BAR */
    CHECK_EQ(rd(0x18, 0x18, 4), 0);
    card_free(c);
    bus_free();
}

/* 6.2.2: a space is decoded while its bit of the command register is set. */
TEST(command_register_enables_decoding)
{
    bus_new();
    Card *c = card_new(0x18);

    wr(0x18, 0x10, 0xe0000000, 4);
    wr(0x18, 0x14, 0xc000, 4);
    CHECK_EQ(as_load(mem, 0xe0000000, 4), 0xffffffff);
    wr(0x18, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    CHECK_EQ(as_load(mem, 0xe0000000, 4), 0x600d);
    CHECK_EQ(as_load(io, 0xc003, 1), 0xff);
    wr(0x18, PCI_COMMAND, PCI_COMMAND_IO, 2);
    CHECK_EQ(as_load(mem, 0xe0000000, 4), 0xffffffff);
    CHECK_EQ(as_load(io, 0xc003, 1), 0xa3);
    wr(0x18, 0x14, 0xd000, 4);          /* moved */
    CHECK_EQ(as_load(io, 0xc003, 1), 0xff);
    CHECK_EQ(as_load(io, 0xd003, 1), 0xa3);
    device_reset(&c->pci.dev);
    CHECK_EQ(as_load(io, 0xd003, 1), 0xff);
    CHECK_EQ(rd(0x18, 0x14, 4), 1);
    card_free(c);
    bus_free();
}

/* 6.2.5.2: a ROM is decoded with its own enable bit, too. */
TEST(expansion_rom)
{
    bus_new();
    Card *c = card_new(0x18);
    RAMBlock *b = ram_block_new("test.rom", 0x10000);

    b->host[0] = 0x55;
    region_init_rom(&c->rom, "rom", b);
    pci_set_bar(&c->pci, PCI_ROM_BAR, &c->rom, false, false);
    wr(0x18, PCI_ROM_ADDRESS, 0xffffffff, 4);
    CHECK_EQ(rd(0x18, PCI_ROM_ADDRESS, 4), 0xffff0001);
    wr(0x18, PCI_ROM_ADDRESS, 0xe0010000, 4);
    wr(0x18, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    CHECK_EQ(as_load(mem, 0xe0010000, 1), 0xff);
    wr(0x18, PCI_ROM_ADDRESS, 0xe0010001, 4);
    CHECK_EQ(as_load(mem, 0xe0010000, 1), 0x55);
    card_free(c);
    bus_free();
}

TEST(device_specific_bytes_are_masked_and_reported)
{
    bus_new();
    Card *c = card_new(0x18);

    wr(0x18, 0x40, 0xffff, 2);
    CHECK_EQ(rd(0x18, 0x40, 1), 0xf1);
    CHECK_EQ(rd(0x18, 0x41, 1), 0xf0);  /* write 1 to clear */
    CHECK_EQ(c->written_at, 0x40);
    CHECK_EQ(c->written_len, 2);
    card_free(c);
    bus_free();
}

/* 2.2.6: lines are shared, level sensitive; 6.2.2: bit 10 cuts a pin off. */
TEST(interrupt_lines_are_ored)
{
    bus_new();
    Card *a = card_new(PCI_DEVFN(1, 0)), *b = card_new(PCI_DEVFN(5, 0));
    Card *c = card_new(PCI_DEVFN(2, 0));

    pci_set_irq(&a->pci, 1);
    pci_set_irq(&b->pci, 1);
    CHECK(line_level[1] && !line_level[2]);
    CHECK_EQ(rd(PCI_DEVFN(1, 0), PCI_STATUS, 1) & 8, 8);
    pci_set_irq(&a->pci, 0);
    CHECK(line_level[1]);
    wr(PCI_DEVFN(5, 0), PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, 2);
    CHECK(!line_level[1]);
    CHECK_EQ(rd(PCI_DEVFN(5, 0), PCI_STATUS, 1) & 8, 8);
    wr(PCI_DEVFN(5, 0), PCI_COMMAND, 0, 2);
    CHECK(line_level[1]);
    pci_set_irq(&c->pci, 1);
    CHECK(line_level[2]);
    card_free(b);                       /* what is gone pulls no line */
    CHECK(!line_level[1]);
    card_free(c);
    card_free(a);
    bus_free();
}

TEST(slots_are_given_out_and_guarded)
{
    bus_new();
    Card *a = card_new(-1), *b = card_new(-1);
    Card *c = (Card *)device_new(&card_type, NULL, &clock_, mem, io);
    Error err;

    CHECK_EQ(a->pci.devfn, 0);
    CHECK_EQ(b->pci.devfn, 8);
    CHECK_EQ(pci_plug(bus, &c->pci, 8, &err), -EBUSY);
    CHECK_STR(err.msg, "card: PCI address 01.0 is taken, choose another");
    device_free(&c->pci.dev);
    card_free(b);
    card_free(a);
    bus_free();
}

/* 6.2.2: a function that is no master moves no data. */
TEST(dma_needs_bus_master_enable)
{
    bus_new();
    Card *c = card_new(0x18);
    RAMBlock *ram = ram_block_new("test.ram", 0x1000);
    MemoryRegion r;
    uint8_t buf[4] = { 1, 2, 3, 4 };

    region_init_ram(&r, "ram", ram);
    region_map(mem, &r, 0, 0);
    pci_dma_write(&c->pci, 0x100, buf, 4);
    CHECK_EQ(load_le(ram->host + 0x100, 4), 0);
    pci_dma_read(&c->pci, 0x100, buf, 4);
    CHECK_EQ(load_le(buf, 4), 0xffffffff);
    wr(0x18, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
    pci_dma_write(&c->pci, 0x100, "abcd", 4);
    pci_dma_read(&c->pci, 0x101, buf, 3);
    CHECK(!memcmp(buf, "bcd", 3));
    region_unmap(&r);
    card_free(c);
    bus_free();
}

TEST(a_snapshot_brings_mappings_and_lines_back)
{
    bus_new();
    Card *a = card_new(PCI_DEVFN(1, 0));
    size_t len = vmstate_size(card_vmstate);
    uint8_t *image = xmalloc(len);
    Error err;

    wr(PCI_DEVFN(1, 0), 0x10, 0xe0000000, 4);
    wr(PCI_DEVFN(1, 0), PCI_COMMAND, 7, 2);
    pci_set_irq(&a->pci, 1);
    vmstate_save(card_vmstate, a, image);
    device_reset(&a->pci.dev);
    CHECK(!line_level[1]);
    CHECK_EQ(as_load(mem, 0xe0000000, 4), 0xffffffff);
    CHECK_EQ(device_load(&a->pci.dev, image, len, &err), 0);
    CHECK(line_level[1]);
    CHECK_EQ(as_load(mem, 0xe0000000, 4), 0x600d);
    image[0] ^= 1;                      /* another vendor's device */
    CHECK(device_load(&a->pci.dev, image, len, &err) < 0);
    CHECK(line_level[1]);
    free(image);
    card_free(a);
    bus_free();
}

static void collect(void *opaque, const char *line)
{
    char *buf = opaque;

    snprintf(buf + strlen(buf), 1000 - strlen(buf), "%s", line);
}

TEST(info_pci)
{
    bus_new();
    Card *c = card_new(PCI_DEVFN(3, 0));
    char text[1000] = "";

    wr(PCI_DEVFN(3, 0), 0x14, 0xc000, 4);
    wr(PCI_DEVFN(3, 0), PCI_COMMAND, 1, 2);
    pci_dump(bus, collect, text);
    CHECK(strstr(text, "Bus  0, device   3, function 0:\n"));
    CHECK(strstr(text, "Ethernet controller (class 0200): PCI device 1234:5678\n"));
    CHECK(strstr(text, "BAR0: memory, not mapped\n"));
    CHECK(strstr(text, "BAR1: I/O at 0x0000c000 [0x0000c01f]\n"));
    card_free(c);
    bus_free();
}
