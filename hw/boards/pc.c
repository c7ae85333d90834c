/* SPDX-License-Identifier: MIT */
/*
 * PC with Intel 440FX and PIIX3 (machine "pc"), and a PC AT without PCI
 * ("isapc").
 *
 *   0         0xa0000   0xc0000        1 MiB       3.5 GiB      4 GiB
 *   |   RAM   |   VGA   |  ROM or RAM  |    RAM    | PCI, APICs |BIOS| RAM ...
 *
 * The tables are the boards; the rest is memory, firmware and CMOS.
 *
 * On the AT board the ROM area is RAM into which the BIOS is copied at reset,
 * as its chip set has no registers to shadow with.
 */
#include "hw/boards/pc.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block/block.h"
#include "hw/block/fdc.h"
#include "hw/boards/loader.h"
#include "hw/char/serial.h"
#include "hw/display/vga.h"
#include "hw/dma/i8237.h"
#include "hw/ide/ide.h"
#include "hw/input/i8042.h"
#include "hw/input/port92.h"
#include "hw/input/ps2.h"
#include "hw/intc/apic-bus.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/intc/lapic.h"
#include "hw/misc/debugcon.h"
#include "hw/misc/ferr.h"
#include "hw/misc/fw_cfg.h"
#include "hw/misc/isa-irqs.h"
#include "hw/net/ne2000.h"
#include "hw/net/rtl8139.h"
#include "hw/pci/i440fx.h"
#include "hw/pci/piix3.h"
#include "hw/pci/piix4-pm.h"
#include "hw/timer/hpet.h"
#include "hw/timer/i8254.h"
#include "hw/timer/mc146818.h"
#include "hw/usb/uhci.h"
#include "net/net.h"
#include "util/bits.h"
#include "util/mem.h"

#define MiB ((uint64_t)1 << 20)
#define GiB ((uint64_t)1 << 30)

#define ISA(n) { "isa", n }
#define CPU(n) { "cpu", n }

/* IBM 6280070 (AT); Intel 290550, I/O map. */
#define AT_DEVICES                                                              \
    /* id         type              at            outputs      properties */    \
    { "isa",      &isa_irqs_type,     .at = { 0 } },                            \
    { "pic2",     &i8259_type,        .at = { 0xa0, 0x4d1 },                    \
                  .irq = { { "pic", 2 } }, .props = "elcr_mask=0xde" },         \
    { "pic",      &i8259_type,        .at = { 0x20, 0x4d0 },                    \
                  .irq = { PIC_INT }, .props = "slave=pic2,elcr_mask=0xf8" },   \
    { "dma2",     &i8237_type,        .at = { [I8237_REGS16] = 0xc0,            \
                  [I8237_PAGES] = 0x88 }, .props = "shift=1" },                 \
    { "dma",      &i8237_type,        .at = { [I8237_REGS] = AT_ZERO,           \
                  [I8237_PAGES] = 0x80 }, .props = "cascade=dma2" },            \
    { "pit",      &i8254_type,        .at = { 0x40, 0x61 },               \
                  .irq = { TIMER_INT } },                                       \
    { "kbd",      &ps2_kbd_type,      .at = { 0 } },                            \
    { "mouse",    &ps2_mouse_type,    .at = { 0 } },                            \
    { "i8042",    &i8042_type,        .at = { 0x60, 0x64 },                     \
                  .irq = { ISA(1), ISA(12), CPU(PC_A20), CPU(PC_RESET) },       \
                  .props = "kbd=kbd,mouse=mouse" },                             \
    { "rtc",      &mc146818_type,     .at = { 0x70 },                           \
                  .irq = { CLOCK_INT, CPU(PC_NMI_MASK) } },                        \
    { "port92",   &port92_type,       .at = { 0x92 },                           \
                  .irq = { CPU(PC_A20), CPU(PC_RESET) } },                      \
    { "ferr",     &ferr_type,         .at = { 0xf0 }, .irq = { ISA(13) } },     \
    { "serial0",  &serial_type,       .at = { 0x3f8 }, .irq = { ISA(4) },       \
                  .props = "chardev=@serial0" },                                \
    { "serial1",  &serial_type,       .at = { 0x2f8 }, .irq = { ISA(3) },       \
                  .props = "chardev=@serial1" },                                \
    { "serial2",  &serial_type,       .at = { 0x3e8 }, .irq = { ISA(4) },       \
                  .props = "chardev=@serial2" },                                \
    { "serial3",  &serial_type,       .at = { 0x2e8 }, .irq = { ISA(3) },       \
                  .props = "chardev=@serial3" },                                \
    { "fdc",      &fdc_type,          .at = { 0x3f0, 0x3f7 }, .irq = { ISA(6) }, \
                  .props = "driveA=@floppy0,driveB=@floppy1,dma=dma" },         \
    { "ide.0",    &ide_channel_type,  .at = { 0x1f0, 0x3f6 }, .irq = { ISA(14) } }, \
    { "ide.1",    &ide_channel_type,  .at = { 0x170, 0x376 }, .irq = { ISA(15) } }, \
    { "debugcon", &isa_debugcon_type, .at = { 0x402 }, .props = "chardev=@debugcon" }, \
    { "fw_cfg",   &fw_cfg_type,       .at = { 0x510, 0x514 } }

/* Drives come after the controllers they look for. */
#define IDE_DRIVES                                                              \
    { "ide0-hd0", &ide_hd_type, .props = "bus=ide.0,unit=0,drive=@ide0" },      \
    { "ide0-hd1", &ide_hd_type, .props = "bus=ide.0,unit=1,drive=@ide1" },      \
    { "ide1-hd0", &ide_hd_type, .props = "bus=ide.1,unit=0,drive=@ide2" },      \
    { "ide1-hd1", &ide_hd_type, .props = "bus=ide.1,unit=1,drive=@ide3" },      \
    { "ide0-cd0", &ide_cd_type, .props = "bus=ide.0,unit=0,drive=@ide0" },      \
    { "ide0-cd1", &ide_cd_type, .props = "bus=ide.0,unit=1,drive=@ide1" },      \
    { "ide1-cd0", &ide_cd_type, .props = "bus=ide.1,unit=0,drive=@ide2" },      \
    { "ide1-cd1", &ide_cd_type, .props = "bus=ide.1,unit=1,drive=@ide3" }

#define PIC_INT   { "lapic0", LAPIC_LINT0 }
#define TIMER_INT { "hpet", HPET_IN_PIT }       /* -no-hpet: as on isapc */
#define CLOCK_INT { "hpet", HPET_IN_RTC }
static const Place pc_map[] = {
    { "apic-bus",  &apic_bus_type,  .at = { 0 } },
    { "lapic0",    &lapic_type,     .irq = { CPU(PC_INTR) },
                   .props = "id=0,bsp=on,bus=apic-bus" },
    { "ioapic",    &ioapic_type,    .at = { 0xfec00000 }, .props = "bus=apic-bus" },
    { "hpet",      &hpet_type,      .at = { 0xfed00000 }, .irq = { ISA(0), ISA(8) } },
    { "piix3",     &piix3_type,     .devfn = AT_DEVFN(1, 0) },
    { "i440fx",    &i440fx_type,    .at = { 0xcf8 }, .props = "isa=piix3",
                   .devfn = AT_DEVFN(0, 0) },
    AT_DEVICES,
    { "piix3-ide", &piix3_ide_type, .props = "channel0=ide.0,channel1=ide.1",
                   .devfn = AT_DEVFN(1, 1) },
    IDE_DRIVES,
    { "usb",       &piix3_uhci_type, .devfn = AT_DEVFN(1, 2) },
    { "pm",        &piix4_pm_type,  .at = { [PM_APM_WINDOW] = 0xb2,
                   [PM_GPE_WINDOW] = 0xafe0 },
                   .irq = { [PM_SCI] = ISA(9), [PM_SMI] = CPU(PC_SMI),
                   [PM_OFF] = CPU(PC_POWER_OFF) }, .devfn = AT_DEVFN(1, 3) },
    { "vga",       &vga_pci_type,   .devfn = AT_DEVFN(2, 0) },
};
#undef PIC_INT
#undef TIMER_INT
#undef CLOCK_INT

#define PIC_INT   CPU(PC_INTR)
#define TIMER_INT ISA(0)
#define CLOCK_INT ISA(8)
static const Place isapc_map[] = {
    AT_DEVICES,
    IDE_DRIVES,
    { "vga",       &vga_isa_type,   .at = { 0 } },
};
#undef PIC_INT
#undef TIMER_INT
#undef CLOCK_INT

/* -- Memory ------------------------------------------------------------------ */

enum { LOW_END = 0xa0000, ROM_AREA = 0xc0000, ROM_AREA_SIZE = 0x40000,
       BIOS_SEEN = 0x20000 };
enum { RAM_PRIORITY = 1, ROM_PRIORITY = 1 };
#define HOLE_START (0xe0000000ull)

static void show_ram(AddressSpace *as, MemoryRegion *alias, const char *name,
                     MemoryRegion *ram, hwaddr from, hwaddr at, uint64_t size)
{
    if (size) {
        region_init_alias(alias, name, ram, from, size);
        region_map(as, alias, at, RAM_PRIORITY);
    }
}

static int map_ram(Machine *m, Error *err)
{
    Pc *pc = m->board;
    uint64_t size = m->config.ram_size;

    if (size < MiB) {
        return error_set(err, EINVAL, "%s: -m: at least 1 MiB of RAM is needed",
                         m->type->name);
    }
    pc->ram_block = ram_block_new("pc.ram", size);
    if (!pc->ram_block) {
        return error_set(err, ENOMEM, "%s: no memory for %" PRIu64 " MiB of RAM, "
                         "give less with -m", m->type->name, size / MiB);
    }
    pc->below_4g = MIN(size, HOLE_START);
    pc->from_4g = size - pc->below_4g;
    region_init_ram(&pc->ram, "ram", pc->ram_block);
    show_ram(m->mem, &pc->low, "ram below 640K", &pc->ram, 0, 0, LOW_END);
    show_ram(m->mem, &pc->high, "ram above 1M", &pc->ram, MiB, MiB, pc->below_4g - MiB);
    show_ram(m->mem, &pc->above_4g, "ram above 4G", &pc->ram, pc->below_4g, 4 * GiB,
             pc->from_4g);
    return 0;
}

/* -- Firmware ---------------------------------------------------------------- */

/* -bios FILE, or the one that goes with the board. */
static char *find_bios(const Machine *m, const char *name, Error *err)
{
    const char *wanted = m->config.bios ? m->config.bios : name;
    char *path = access(wanted, R_OK) == 0 && m->config.bios
               ? xstrdup(wanted) : machine_find_firmware(m, wanted);

    if (!path) {
        error_set(err, ENOENT, "bios: %s not found, install seabios or name its "
                  "directory with -L", wanted);
    }
    return path;
}

static int load_bios(Machine *m, const char *name, Error *err)
{
    Pc *pc = m->board;
    char *path = find_bios(m, name, err);
    uint8_t *data;
    size_t len;

    if (!path) {
        return -ENOENT;
    }
    int ret = loader_read_file("bios", path, 16 * MiB, &data, &len, err);
    if (ret == 0 && (len == 0 || len % 0x10000)) {
        free(data);
        ret = error_set(err, EINVAL, "bios: %s has %zu bytes, not a multiple of "
                        "64 KiB", path, len);
    }
    if (ret == 0) {
        pc->bios_block = ram_block_new("pc.bios", len);
        if (pc->bios_block) {
            memcpy(pc->bios_block->host, data, len);
        } else {
            ret = error_set(err, ENOMEM, "bios: no memory for it");
        }
        free(data);
    }
    free(path);
    return ret;
}

/* The whole image ends at 4 GiB; its last 128 KiB are at 0xe0000, too. */
static void map_bios(Machine *m, bool below_1m)
{
    Pc *pc = m->board;
    uint64_t size = pc->bios_block->size, seen = MIN(size, (uint64_t)BIOS_SEEN);

    region_init_rom(&pc->bios, "bios", pc->bios_block);
    region_map(m->mem, &pc->bios, 4 * GiB - size, ROM_PRIORITY);
    if (below_1m) {
        pc->rom = as_new("rom", MiB);
        region_init_alias(&pc->bios_alias, "bios below 1M", &pc->bios, size - seen, seen);
        region_map(m->mem, &pc->bios_alias, MiB - seen, ROM_PRIORITY);
        region_init_alias(&pc->bios_seen_by_pci, "bios", &pc->bios, size - seen, seen);
        region_map(pc->rom, &pc->bios_seen_by_pci, MiB - seen, 0);
    }
}

/* A file of firmware into fw_cfg, as DIR/name. */
static int publish_rom(Machine *m, const char *dir, const char *name, Error *err)
{
    Pc *pc = m->board;
    char *path = machine_find_firmware(m, name);
    char file[56];
    uint8_t *data;
    size_t len;

    if (!path) {
        return error_set(err, ENOENT, "%s not found, name its directory with -L", name);
    }
    int ret = loader_read_file("option rom", path, MiB, &data, &len, err);
    free(path);
    if (ret < 0) {
        return ret;
    }
    snprintf(file, sizeof(file), "%s/%s", dir, name);
    ret = fw_cfg_add_file(pc->fw_cfg, file, data, (uint32_t)len, err);
    free(data);
    return ret;
}

static int load_kernel(Machine *m, Error *err)
{
    /* The firmware keeps its tables at the top. */
    const uint64_t reserve = 256 << 10;
    const MachineConfig *c = &m->config;
    Pc *pc = m->board;
    const char *rom;
    char order[64];

    if (!c->kernel) {
        return c->initrd || c->append
             ? error_set(err, EINVAL, "%s needs -kernel",
                         c->initrd ? "-initrd" : "-append") : 0;
    }
    KernelFiles files = { c->kernel, c->initrd, c->append };
    int ret = loader_load_kernel(pc->fw_cfg, &files, pc->below_4g - reserve, &rom, err);
    ret = ret < 0 ? ret : publish_rom(m, "genroms", rom, err);
    if (ret < 0) {
        return ret;
    }
    snprintf(order, sizeof(order), "/rom@genroms/%s", rom);
    return fw_cfg_add_file(pc->fw_cfg, "bootorder", order,
                           (uint32_t)strlen(order) + 1, err);
}

/* -- fw_cfg and CMOS ---------------------------------------------------------- */

typedef struct __attribute__((packed)) E820Entry {
    uint64_t addr, len;
    uint32_t type;
} E820Entry;
enum { E820_RAM = 1 };

static int publish_memory(Machine *m, Error *err)
{
    Pc *pc = m->board;
    E820Entry map[2] = {
        { 0, pc->below_4g, E820_RAM }, { 4 * GiB, pc->from_4g, E820_RAM },
    };

    return fw_cfg_add_file(pc->fw_cfg, "etc/e820", map,
                           sizeof(E820Entry) * (pc->from_4g ? 2 : 1), err);
}

static int publish_config(Machine *m, Error *err)
{
    static const uint8_t no_uuid[16];
    /* S3, S4 and S5: bit 7 set where there is the state; S4's type is 2. */
    static const uint8_t states[6] = { 128, 0, 0, 1, 2, 128 };
    static const uint8_t no_retry[4] = { 0xff, 0xff, 0xff, 0xff };
    const MachineConfig *c = &m->config;
    Device *f = ((Pc *)m->board)->fw_cfg;

    fw_cfg_add(f, FW_CFG_UUID, no_uuid, sizeof(no_uuid));
    fw_cfg_add_u64(f, FW_CFG_RAM_SIZE, c->ram_size);
    fw_cfg_add_u16(f, FW_CFG_NOGRAPHIC, c->nographic);
    fw_cfg_add_u16(f, FW_CFG_NB_CPUS, (uint16_t)c->num_cpus);
    fw_cfg_add_u16(f, FW_CFG_MAX_CPUS, (uint16_t)c->num_cpus);
    fw_cfg_add_u16(f, FW_CFG_BOOT_DEVICE, (uint8_t)c->boot_order[0]);
    fw_cfg_add_u16(f, FW_CFG_BOOT_MENU, c->boot_menu);
    fw_cfg_add_u32(f, FW_CFG_IRQ0_OVERRIDE, 1);
    int ret = publish_memory(m, err);
    ret = ret < 0 ? ret : fw_cfg_add_file(f, "etc/system-states", states,
                                          sizeof(states), err);
    return ret < 0 ? ret : fw_cfg_add_file(f, "etc/boot-fail-wait", no_retry,
                                           sizeof(no_retry), err);
}

/* CMOS, as RBIL's CMOS.LST and SeaBIOS's documentation have it. */
enum { CMOS_FLOPPY = 0x10, CMOS_DISKS = 0x12, CMOS_EQUIPMENT = 0x14,
       CMOS_BASE_MEM = 0x15, CMOS_EXT_MEM = 0x17, CMOS_DISK_TYPE = 0x19,
       CMOS_DISK_0 = 0x1b, CMOS_TRANSLATION = 0x39, CMOS_EXT_MEM2 = 0x30, CMOS_OVER_16M = 0x34,
       CMOS_BOOT2 = 0x38, CMOS_BOOT1 = 0x3d, CMOS_OVER_4G = 0x5b, CMOS_CPUS = 0x5f };

static void set_cmos(Device *rtc, unsigned at, uint64_t val, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        mc146818_set_cmos(rtc, at + i, (uint8_t)(val >> 8 * i));
    }
}

static void set_cmos_memory(const Pc *pc, Device *rtc)
{
    uint64_t ext_kib = MIN((pc->below_4g - MiB) >> 10, 0xfc00ull);
    uint64_t over_16m = pc->below_4g > 16 * MiB ? (pc->below_4g - 16 * MiB) >> 16 : 0;

    set_cmos(rtc, CMOS_BASE_MEM, LOW_END >> 10, 2);
    set_cmos(rtc, CMOS_EXT_MEM, ext_kib, 2);
    set_cmos(rtc, CMOS_EXT_MEM2, ext_kib, 2);
    set_cmos(rtc, CMOS_OVER_16M, MIN(over_16m, 0xffffull), 2);
    set_cmos(rtc, CMOS_OVER_4G, pc->from_4g >> 16, 3);
}

/*
 * Geometries of the first two disks for a classic BIOS: type 47 is what the
 * nine bytes say.  Translations of all four: two bits each.
 */
static void set_cmos_disk(Device *rtc, int n, BlockDriverState *bs)
{
    enum { USER_TYPE = 47, MORE_HEADS = 8 };
    uint32_t cyls, heads, secs;
    int translation = blk_geometry(bs, &cyls, &heads, &secs);
    unsigned at = CMOS_DISK_0 + 9 * (unsigned)n;

    set_cmos(rtc, CMOS_TRANSLATION, mc146818_get_cmos(rtc, CMOS_TRANSLATION) |
             (uint64_t)translation << (2 * n), 1);
    if (n >= 2) {
        return;
    }
    set_cmos(rtc, CMOS_DISKS, mc146818_get_cmos(rtc, CMOS_DISKS) | (n ? 0x0f : 0xf0), 1);
    set_cmos(rtc, CMOS_DISK_TYPE + (unsigned)n, USER_TYPE, 1);
    set_cmos(rtc, at, cyls, 2);
    set_cmos(rtc, at + 2, heads, 1);
    set_cmos(rtc, at + 3, 0xffff, 2);   /* no write precompensation */
    set_cmos(rtc, at + 5, 0xc0 | (heads > 8 ? MORE_HEADS : 0), 1);
    set_cmos(rtc, at + 6, cyls, 2);     /* landing zone */
    set_cmos(rtc, at + 8, secs, 1);
}

static void set_cmos_disks(const Machine *m, Device *rtc)
{
    const MachineConfig *c = &m->config;

    for (int i = 0; i < 4; i++) {
        if (c->ide[i] && !c->ide_is_cd[i]) {
            set_cmos_disk(rtc, i, c->ide[i]);
        }
    }
}

/* "cad": the first three letters; 1 floppy, 2 disk, 3 CD, 4 network. */
static int set_cmos_boot(const Machine *m, Device *rtc, Error *err)
{
    static const char letters[] = "acdn";
    unsigned order[3] = { 0 };

    for (unsigned i = 0; m->config.boot_order[i]; i++) {
        const char *at = strchr(letters, m->config.boot_order[i]);

        if (!at || i >= ARRAY_SIZE(order)) {
            return error_set(err, EINVAL, "-boot %s: want up to three letters of "
                             "a (floppy), c (disk), d (CD) and n (network)",
                             m->config.boot_order);
        }
        order[i] = (unsigned)(at - letters) + 1;
    }
    set_cmos(rtc, CMOS_BOOT1, order[0] | order[1] << 4, 1);
    set_cmos(rtc, CMOS_BOOT2, order[2] << 4, 1);
    return 0;
}

/* Types, and in the equipment byte their number. */
static void set_cmos_floppies(const Machine *m, Device *rtc)
{
    enum { HAS_FLOPPY = 1, HAS_FPU = 2, HAS_PS2_MOUSE = 4, TWO_FLOPPIES = 0x40 };
    const Device *fdc = machine_find(m, "fdc");
    int a = fdc_drive_kind(fdc, 0), b = fdc_drive_kind(fdc, 1);
    int equipment = HAS_FPU | HAS_PS2_MOUSE | (a || b ? HAS_FLOPPY : 0) |
                    (a && b ? TWO_FLOPPIES : 0);

    set_cmos(rtc, CMOS_FLOPPY, (uint64_t)(a << 4 | b), 1);
    set_cmos(rtc, CMOS_EQUIPMENT, (uint64_t)equipment, 1);
}

static int set_cmos_all(const Machine *m, Error *err)
{
    Device *rtc = machine_find(m, "rtc");

    set_cmos_memory(m->board, rtc);
    set_cmos_floppies(m, rtc);
    set_cmos_disks(m, rtc);
    set_cmos(rtc, CMOS_CPUS, (uint64_t)m->config.num_cpus - 1, 1);
    return set_cmos_boot(m, rtc, err);
}

/* -- Wires that are in no table ---------------------------------------------- */

static int connect_output(Machine *m, const char *id, unsigned n, const char *to,
                          int line, Error *err)
{
    qemu_irq wire;
    int ret = machine_wire(m, to, line, &wire, err);

    if (ret == 0) {
        device_connect(machine_find(m, id), n, wire);
    }
    return ret;
}

/* IRQ 2 is the cascade. */
static int connect_isa(Machine *m, Error *err)
{
    int ret = 0;

    for (int i = 0; i < ISA_NUM_IRQS && ret == 0; i++) {
        if (i != 2) {
            ret = connect_output(m, "isa", (unsigned)i, i < 8 ? "pic" : "pic2", i & 7, err);
        }
    }
    return ret;
}

/* PIRQ lines rotate by slot, so that INTA of slot 1 is PIRQA. */
static int map_pirq(void *opaque, int slot, int pin)
{
    (void)opaque;
    return (slot - 1 + pin) & 3;
}

static void set_pirq(void *opaque, int line, int level)
{
    qemu_set_irq(device_input(opaque, line), level);
}

static int connect_pci(Machine *m, Error *err)
{
    int ret = connect_output(m, "piix3", PIIX3_RESET, "cpu", PC_RESET, err);

    for (int i = 0; i < ISA_NUM_IRQS && ret == 0; i++) {
        ret = connect_output(m, "piix3", (unsigned)i, "isa", i, err);
    }
    m->pci->map_irq = map_pirq;
    m->pci->set_irq = set_pirq;
    m->pci->opaque = machine_find(m, "piix3");
    for (int i = 0; i < ISA_NUM_IRQS && ret == 0; i++) {
        /* IRQ 0 comes in at pin 2, as the MADT and the MP table say. */
        ret = i == 2 ? 0 : connect_output(m, "isa", ISA_IRQS_TO_APIC + (unsigned)i,
                                          "ioapic", i ? i : 2, err);
    }
    for (int i = 20; i < IOAPIC_NUM_PINS && ret == 0 && machine_find(m, "hpet"); i++) {
        ret = connect_output(m, "hpet", HPET_OUT_PIN0 + (unsigned)i, "ioapic", i, err);
    }
    if (machine_find(m, "pm")) {
        m->power_button = device_input(machine_find(m, "pm"), 0);
    }
    return ret;
}

/* -- Building ---------------------------------------------------------------- */

static bool has_prefix(const char *s, const char *prefix)
{
    return !strncmp(s, prefix, strlen(prefix));
}

/* "ide1-cd0": position 2, and its kind. */
static bool is_wanted_drive(const MachineConfig *c, const char *id)
{
    int n = 2 * (id[3] - '0') + (id[7] - '0');

    return c->ide[n] && c->ide_is_cd[n] == has_prefix(id + 5, "cd");
}

/* Is the row of the table wanted? */
static bool is_wanted(const MachineConfig *c, const char *id)
{
    if (has_prefix(id, "serial")) {
        return c->serial[id[6] - '0'] != NULL;
    }
    if (has_prefix(id, "ide0-") || has_prefix(id, "ide1-")) {
        return is_wanted_drive(c, id);
    }
    if (!strcmp(id, "debugcon")) {
        return c->debugcon != NULL;
    }
    if (!strcmp(id, "vga")) {
        return !c->vga || strcmp(c->vga, "none");
    }
    if (!strcmp(id, "usb")) {
        return c->usb;
    }
    if (!strcmp(id, "hpet")) {
        return !c->no_hpet;
    }
    if (!strcmp(id, "pm")) {
        return !c->no_acpi;             /* firmware makes tables if it sees one */
    }
    return true;
}

/* "romfile=PATH" with commas doubled; NULL if there is none. */
static char *rom_prop(const Machine *m, const char *name)
{
    char *path = machine_find_firmware(m, name);
    char *prop = xzalloc(path ? 2 * strlen(path) + 16 : 1), *out = prop;

    if (!path) {
        free(prop);
        return NULL;
    }
    out += sprintf(out, "romfile=");
    for (const char *p = path; *p; p++) {
        *out++ = *p;
        if (*p == ',') {
            *out++ = ',';
        }
    }
    free(path);
    return prop;
}

/* Without an HPET the timer and the clock are what it would pass on. */
static void bypass_hpet(Place *p)
{
    static const IRQRef direct[] = { [HPET_IN_PIT] = ISA(0), [HPET_IN_RTC] = ISA(8) };

    for (int i = 0; i < PLACE_MAX_IRQS; i++) {
        if (p->irq[i].controller && !strcmp(p->irq[i].controller, "hpet")) {
            p->irq[i] = direct[p->irq[i].line];
        }
    }
}

static int place_wanted(Machine *m, Error *err)
{
    Place *rows = xcalloc(m->type->map_len, sizeof(*rows));
    char *vga_rom = rom_prop(m, "vgabios-stdvga.bin");
    size_t n = 0;

    for (size_t i = 0; i < m->type->map_len; i++) {
        const Place *p = &m->type->map[i];

        if (!is_wanted(&m->config, p->id)) {
            continue;
        }
        rows[n] = *p;
        if (m->config.no_hpet) {
            bypass_hpet(&rows[n]);
        }
        if (p->type == &vga_pci_type) {
            rows[n].props = vga_rom;
        }
        n++;
    }
    int ret = vga_rom || !m->pci || !is_wanted(&m->config, "vga") ? 0 :
              error_set(err, ENOENT, "vga: vgabios-stdvga.bin not found, install "
                        "seabios, name its directory with -L, or use -vga none");
    ret = ret < 0 ? ret : machine_place(m, rows, n, err);
    free(vga_rom);
    free(rows);
    return ret;
}

/* -net nic: PCI cards in slots 3 to 6; ISA cards at the classic ports, the first on
 * an interrupt that neither ACPI nor PCI uses. */
static int place_nics(Machine *m, Error *err)
{
    static const struct { hwaddr port; int irq; } jumpers[] = {
        { 0x300, 5 }, { 0x320, 9 }, { 0x340, 10 }, { 0x360, 11 },
    };
    enum { FIRST_SLOT = 3 };
    int ret = 0;

    for (int i = 0; ret == 0 && i < (int)ARRAY_SIZE(m->config.nic) && m->config.nic[i]; i++) {
        const char *model = m->config.nic[i]->model;
        char id[24], props[32];
        Place p = { .id = id, .type = &ne2k_pci_type, .props = props,
                    .devfn = AT_DEVFN(FIRST_SLOT + i, 0) };

        snprintf(id, sizeof(id), "nic%d", i);
        snprintf(props, sizeof(props), "netdev=@nic%d", i);
        if (!strcmp(model, "rtl8139")) {
            p.type = &rtl8139_type;
        } else if (!strcmp(model, "ne2k_isa")) {
            p.type = &ne2k_isa_type;
            p.devfn = 0;
            p.at[0] = jumpers[i].port;
            p.irq[0] = (IRQRef)ISA(jumpers[i].irq);
        }
        ret = machine_place(m, &p, 1, err);
    }
    return ret;
}

static void debug_exit(void *opaque, int status)
{
    machine_request(opaque, MACHINE_REQUEST_EXIT, status);
}

static void device_added(Machine *m, Device *d)
{
    if (d->type == &isa_debug_exit_type) {
        isa_debug_exit_connect(d, debug_exit, m);
    }
}

static void board_free(Machine *m)
{
    Pc *pc = m->board;

    as_free(pc->rom);
    free(pc);
}

static int init_common(Machine *m, const char *bios, Error *err)
{
    Pc *pc = xzalloc(sizeof(*pc));

    m->board = pc;
    m->board_free = board_free;
    m->board_reset = pc_cpus_reset;
    m->device_added = device_added;
    int ret = map_ram(m, err);
    ret = ret < 0 ? ret : load_bios(m, bios, err);
    ret = ret < 0 ? ret : pc_cpus_new(m, err);
    ret = ret < 0 ? ret : place_wanted(m, err);
    ret = ret < 0 ? ret : place_nics(m, err);
    ret = ret < 0 ? ret : connect_isa(m, err);
    if (ret < 0) {
        return ret;
    }
    pc->fw_cfg = machine_find(m, "fw_cfg");
    ret = set_cmos_all(m, err);
    ret = ret < 0 ? ret : publish_config(m, err);
    return ret < 0 ? ret : load_kernel(m, err);
}

static int pc_init(Machine *m, Error *err)
{
    m->pci = pci_bus_new(m->mem, m->io);
    int ret = init_common(m, "bios-256k.bin", err);

    ret = ret < 0 ? ret : pc_place_lapics(m, err);
    if (ret < 0) {
        return ret;
    }
    Pc *pc = m->board;
    pc_cpus_connect(m);
    pc_map_apics(m);
    map_bios(m, true);
    i440fx_attach(machine_find(m, "i440fx"), &pc->ram, pc->rom);
    ret = connect_pci(m, err);
    return ret < 0 || m->config.no_acpi ? ret : pc_acpi_publish(m, err);
}

/* -- isapc ------------------------------------------------------------------- */

static void isapc_reset(Machine *m)
{
    Pc *pc = m->board;
    uint64_t size = pc->bios_block->size, seen = MIN(size, (uint64_t)BIOS_SEEN);

    as_write(m->mem, MiB - seen, pc->bios_block->host + size - seen, seen);
    pc_cpus_reset(m);
}

static int isapc_init(Machine *m, Error *err)
{
    int ret = init_common(m, "bios.bin", err);

    if (ret < 0) {
        return ret;
    }
    Pc *pc = m->board;
    pc_cpus_connect(m);
    map_bios(m, false);
    if (machine_find(m, "vga")) {
        ret = publish_rom(m, "vgaroms", "vgabios-isavga.bin", err);
    }
    show_ram(m->mem, &pc->isa_area, "ram of the rom area", &pc->ram, ROM_AREA,
             ROM_AREA, ROM_AREA_SIZE);
    m->board_reset = isapc_reset;
    return ret;
}

const QEMUMachine pc_machine = {
    .name        = "pc",
    .desc        = "PC (i440FX + PIIX3)",
    .manual      = "Intel 290549, 290550, 290562",
    .cpu         = "qemu32",
    .ram_default = 128 * MiB,
    .ram_max     = 60 * GiB,            /* 36 address bits, less the hole */
    .max_cpus    = PC_MAX_CPUS,
    .is_default  = true,
    .nic_models  = "ne2k_pci rtl8139 ne2k_isa",
    .drives      = IF_IDE,
    .map         = pc_map,
    .map_len     = ARRAY_SIZE(pc_map),
    .init        = pc_init,
};

const QEMUMachine isapc_machine = {
    .name        = "isapc",
    .desc        = "ISA-only PC",
    .manual      = "IBM 6280070",
    .cpu         = "486",
    .ram_default = 128 * MiB,
    .ram_max     = HOLE_START,
    .drives      = IF_IDE,
    .max_cpus    = 1,
    .nic_models  = "ne2k_isa",
    .map         = isapc_map,
    .map_len     = ARRAY_SIZE(isapc_map),
    .init        = isapc_init,
};
