/* SPDX-License-Identifier: MIT */
/* 82441FX PMC by its data sheet, Intel 290549. */
#include "hw/pci/i440fx.h"

#include "hw/pci/piix3.h"
#include "tests/unit/chip-test.h"
#include "util/bits.h"

enum { CONFADD = 0, CONFDATA = 4, PAM0 = 0x59, SMRAM = 0x72 };

static AddressSpace *mem, *io, *rom_space;
static PCIBus *bus;
static RAMBlock *ram, *rom;
static MemoryRegion ram_region, rom_region, rom_alias;
static Device *isa;

static uint8_t cfg(Device *d, unsigned addr)
{
    device_write(d, 0, CONFADD, 0x80000000 | (addr & 0xfc), 4);
    return (uint8_t)device_read(d, 0, CONFDATA + (addr & 3), 1);
}

static void set_cfg(Device *d, unsigned addr, uint8_t val)
{
    device_write(d, 0, CONFADD, 0x80000000 | (addr & 0xfc), 4);
    device_write(d, 0, CONFDATA + (addr & 3), val, 1);
}

/* RAM under everything, ROM (0xf0 in each byte) on the PCI side of 0xc0000 up. */
static Device *bridge_new(void)
{
    Error err;

    clock_init_manual(&clock_);
    mem = as_new("memory", 1ull << 32);
    io = as_new("io", 1 << 16);
    rom_space = as_new("rom", 1 << 20);
    bus = pci_bus_new(mem, io);
    if (!ram) {
        ram = ram_block_new("test.ram", 1 << 20);
        rom = ram_block_new("test.rom", 0x40000);
    }
    memset(ram->host, 0, ram->size);
    memset(rom->host, 0xf0, rom->size);
    region_init_ram(&ram_region, "ram", ram);
    region_init_rom(&rom_region, "rom", rom);
    region_init_alias(&rom_alias, "rom", &rom_region, 0, rom->size);
    region_map(mem, &rom_region, 0xc0000, 1);
    region_map(rom_space, &rom_alias, 0xc0000, 0);
    isa = device_new(&piix3_type, "isa", &clock_, mem, io);
    Device *d = device_new(&i440fx_type, NULL, &clock_, mem, io);
    chip_link(d, "isa", isa);
    CHECK_EQ(pci_plug(bus, (PCIDevice *)isa, 8, &err), 0);
    CHECK_EQ(pci_plug(bus, (PCIDevice *)d, 0, &err), 0);
    chip_plug(isa);
    chip_plug(d);
    i440fx_attach(d, &ram_region, rom_space);
    return d;
}

static void bridge_free(Device *d)
{
    pci_unplug((PCIDevice *)d);
    pci_unplug((PCIDevice *)isa);
    device_free(d);
    device_free(isa);
    free(bus);
    region_unmap(&rom_region);
    region_unmap(&rom_alias);
    as_free(rom_space);
    as_free(io);
    as_free(mem);
}

/* 3.2: vendor, device, class, defaults. */
TEST(defaults)
{
    Device *d = bridge_new();

    CHECK_EQ(cfg(d, 0) | cfg(d, 1) << 8, 0x8086);
    CHECK_EQ(cfg(d, 2) | cfg(d, 3) << 8, 0x1237);
    CHECK_EQ(cfg(d, 0x0b), 0x06);
    CHECK_EQ(cfg(d, 0x0a), 0x00);
    CHECK_EQ(cfg(d, 0x57), 0x01);
    CHECK_EQ(cfg(d, 0x58), 0x10);
    CHECK_EQ(cfg(d, 0x67), 0x01);
    CHECK_EQ(cfg(d, SMRAM), 0x02);
    for (unsigned i = 0; i < 7; i++) {
        CHECK_EQ(cfg(d, PAM0 + i), 0);
    }
    bridge_free(d);
}

/* 3.1.1: CONFADD is accessed as a doubleword only; bit 31 enables. */
TEST(confadd)
{
    Device *d = bridge_new();

    device_write(d, 0, CONFADD, 0xffffffff, 4);
    CHECK_EQ(device_read(d, 0, CONFADD, 4), 0x80fffffc);
    device_write(d, 0, CONFADD, 0, 1);
    device_write(d, 0, CONFADD, 0, 2);
    CHECK_EQ(device_read(d, 0, CONFADD, 4), 0x80fffffc);
    CHECK_EQ(device_read(d, 0, CONFDATA, 4), 0xffffffff);       /* bus 255 */
    device_write(d, 0, CONFADD, 0x00000000, 4);
    CHECK_EQ(device_read(d, 0, CONFDATA, 4), 0xffffffff);       /* disabled */
    device_write(d, 0, CONFADD, 0x80000000, 4);
    CHECK_EQ(device_read(d, 0, CONFDATA, 4), 0x12378086);
    CHECK_EQ(device_read(d, 0, CONFDATA + 2, 2), 0x1237);
    CHECK_EQ(device_read(d, 0, CONFDATA + 3, 1), 0x12);
    bridge_free(d);
}

/* What is no doubleword at 0xcf8 goes on to ISA: 0xcf9 is the PIIX3's. */
TEST(reset_control_register_is_behind_confadd)
{
    Device *d = bridge_new();

    device_write(d, 0, 1, 0x02, 1);
    CHECK_EQ(device_read(d, 0, 1, 1), 0x02);
    CHECK_EQ(device_read(isa, 0, 0, 1), 0x02);
    CHECK_EQ(device_read(d, 0, CONFADD, 4), 0);
    bridge_free(d);
}

/* 3.2.18, table 3: who answers at 0xf0000 in each of the four modes. */
TEST(pam_modes)
{
    Device *d = bridge_new();

    ram->host[0xf1234] = 0x11;
    CHECK_EQ(as_load(mem, 0xf1234, 1), 0xf0);           /* 00: PCI */
    as_store(mem, 0xf1234, 0x22, 1);
    CHECK_EQ(ram->host[0xf1234], 0x11);

    set_cfg(d, PAM0, 0x20);                             /* write DRAM, read PCI */
    as_store(mem, 0xf1234, 0x33, 1);
    CHECK_EQ(as_load(mem, 0xf1234, 1), 0xf0);
    CHECK_EQ(ram->host[0xf1234], 0x33);
    as_store(mem, 0xf2000, 0x0807060504030201, 8);
    CHECK_EQ(load_le(ram->host + 0xf2000, 8), 0x0807060504030201);

    set_cfg(d, PAM0, 0x10);                             /* read DRAM only */
    CHECK_EQ(as_load(mem, 0xf1234, 1), 0x33);
    as_store(mem, 0xf1234, 0x44, 1);
    CHECK_EQ(ram->host[0xf1234], 0x33);

    set_cfg(d, PAM0, 0x30);                             /* both DRAM */
    as_store(mem, 0xf1234, 0x55, 1);
    CHECK_EQ(as_load(mem, 0xf1234, 1), 0x55);
    CHECK_EQ(as_load(mem, 0xeffff, 1), 0xf0);           /* the neighbour is not */
    set_cfg(d, PAM0, 0x00);
    CHECK_EQ(as_load(mem, 0xf1234, 1), 0xf0);
    bridge_free(d);
}

/* Table 3: each half register has its 16 KiB; reserved bits read 0. */
TEST(pam_segments)
{
    Device *d = bridge_new();

    for (unsigned i = 0; i < 12; i++) {
        uint32_t base = 0xc0000 + i * 0x4000;
        unsigned reg = PAM0 + 1 + i / 2;

        set_cfg(d, reg, i % 2 ? 0x30 : 0x03);
        as_store(mem, base, 0x5a, 1);
        as_store(mem, base + 0x3fff, 0x5b, 1);
        CHECK_EQ(as_load(mem, base, 1), 0x5a);
        CHECK_EQ(as_load(mem, base + 0x3fff, 1), 0x5b);
        CHECK_EQ(ram->host[base], 0x5a);
        CHECK_EQ(as_load(mem, base - (i ? 1 : 0), 1), i ? 0xf0 : 0x5a);
        CHECK_EQ(as_load(mem, base + 0x4000, 1), 0xf0);
        set_cfg(d, reg, 0);
    }
    set_cfg(d, PAM0 + 1, 0xff);
    CHECK_EQ(cfg(d, PAM0 + 1), 0x33);
    bridge_free(d);
}

/* 3.2.19: D_OPEN shows SMRAM to all; G_SMRAME with SMIACT#; D_LCK locks. */
TEST(smram)
{
    Device *d = bridge_new();

    ram->host[0xa8000] = 0x77;
    CHECK_EQ(as_load(mem, 0xa8000, 1), 0xff);
    set_cfg(d, SMRAM, 0x4a);
    CHECK_EQ(as_load(mem, 0xa8000, 1), 0x77);
    set_cfg(d, SMRAM, 0x0a);
    CHECK_EQ(as_load(mem, 0xa8000, 1), 0xff);
    chip_input(d, 0, 1);
    CHECK_EQ(as_load(mem, 0xa8000, 1), 0x77);
    chip_input(d, 0, 0);
    CHECK_EQ(as_load(mem, 0xa8000, 1), 0xff);
    set_cfg(d, SMRAM, 0x5a);            /* lock: D_OPEN goes away, for good */
    CHECK_EQ(cfg(d, SMRAM), 0x1a);
    set_cfg(d, SMRAM, 0x4a);
    CHECK_EQ(cfg(d, SMRAM), 0x1a);
    set_cfg(d, SMRAM, 0x2a);            /* D_CLS is still writable */
    CHECK_EQ(cfg(d, SMRAM), 0x3a);
    device_reset(d);
    CHECK_EQ(cfg(d, SMRAM), 0x02);
    set_cfg(d, SMRAM, 0x42);
    CHECK_EQ(as_load(mem, 0xa8000, 1), 0x77);
    bridge_free(d);
}

TEST(reset_unmaps_shadow_ram)
{
    Device *d = bridge_new();

    set_cfg(d, PAM0, 0x30);
    set_cfg(d, SMRAM, 0x4a);
    device_reset(d);
    CHECK_EQ(as_load(mem, 0xf0000, 1), 0xf0);
    CHECK_EQ(as_load(mem, 0xa0000, 1), 0xff);
    bridge_free(d);
}

TEST(a_snapshot_maps_shadow_ram_again)
{
    Device *d = bridge_new();
    size_t len = vmstate_size(i440fx_type.vmstate);
    Error err;

    set_cfg(d, PAM0, 0x30);
    uint8_t *image = chip_save(d);
    device_reset(d);
    CHECK_EQ(device_load(d, image, len, &err), 0);
    as_store(mem, 0xf0000, 0x99, 1);
    CHECK_EQ(as_load(mem, 0xf0000, 1), 0x99);
    free(image);
    chip_check_hostile_snapshots(d);
    bridge_free(d);
}
