/* SPDX-License-Identifier: MIT */
/*
 * ARM Versatile/PB and Versatile/AB, baseboards for the ARM926EJ-S (ARM DUI
 * 0224 and DUI 0225).
 *
 *   0           0x10000000   0x34000000   0x41000000          0x70000000
 *   |   RAM     | registers  | NOR flash  | PCI configuration,|  nothing:
 *   | <= 256 M  |            |   64 M     | I/O, memory       |  reads 0
 *
 * Without -kernel the processor starts in the NOR flash, which is at 0 too
 * until the system controller says REMAPCLEAR (DUI 0224, 4.2).
 *
 * The AB has no PCI and no second SD slot.
 *
 * Wires of the SD interfaces are those of Linux' old board files and of other
 * emulators, which differ from Linux' device tree (docs/versatilepb.md).
 */
#include "hw/boards/arm-versatile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block/block.h"
#include "hw/arm/pl041.h"
#include "hw/arm/sp810.h"
#include "hw/arm/versatile-sic.h"
#include "hw/arm/versatile-sysregs.h"
#include "hw/block/pflash.h"
#include "hw/boards/arm-boot.h"
#include "hw/boards/loader.h"
#include "hw/char/pl011.h"
#include "hw/display/pl110.h"
#include "hw/dma/pl080.h"
#include "hw/i2c/ds1338.h"
#include "hw/i2c/versatile-i2c.h"
#include "hw/input/pl050.h"
#include "hw/input/ps2.h"
#include "hw/intc/pl190.h"
#include "hw/misc/pl061.h"
#include "hw/net/smc91c111.h"
#include "hw/pci/versatile-pci.h"
#include "hw/scsi/lsi.h"
#include "hw/scsi/scsi.h"
#include "hw/sd/pl181.h"
#include "hw/sd/sd.h"
#include "hw/timer/pl031.h"
#include "hw/timer/sp804.h"
#include "hw/timer/sp805.h"
#include "target-arm/cpu.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"

#define MiB ((uint64_t)1 << 20)

enum { MACH_VERSATILE_PB = 387, MACH_VERSATILE_AB = 606 };
enum { FLASH_BASE = 0x34000000, FLASH_SIZE = 64 << 20 };
/* Devices have 1: machine.c. */
enum { NOTHING_PRIORITY = -1, BIOS_PRIORITY = 2, BOOT_PRIORITY = 2 };

enum { SCSI_SLOT = 13 };                /* 11 is the bridge's, 12 free for a card */

/* Inputs of "cpu". */
enum { PIN_IRQ, PIN_FIQ, PIN_RESET, PIN_REMAPCLEAR };

typedef struct Versatile {
    ArmBoard board;
    ArmBoot boot;
    RAMBlock *ram_block;
    RAMBlock *bios_block;
    MemoryRegion ram, nothing, bios, boot_at_0;
} Versatile;

#define CPU(n) { "cpu", n }
#define VIC(n) { "vic", n }
#define SIC(n) { "sic", n }
#define PASS(n) [VERSATILE_SIC_OUT_SOURCE + (n)] = VIC(n)

/* DUI 0224, 4.1 (memory map) and 4.10 (interrupts). */
#define COMMON_DEVICES                                                                          \
    /* id         type                 at              outputs    properties */                 \
    { "vic",      &pl190_type,         .at = { 0x10140000 },                                    \
                  .irq = { CPU(PIN_IRQ), CPU(PIN_FIQ) } },                                      \
    { "sic",      &versatile_sic_type, .at = { 0x10003000 },                                    \
                  .irq = { [VERSATILE_SIC_OUT_PARENT] = VIC(31),                                \
                    PASS(21), PASS(22), PASS(23), PASS(24), PASS(25),                           \
                    PASS(26), PASS(27), PASS(28), PASS(29), PASS(30) } },                       \
    { "sysctl",   &sp810_type,         .at = { 0x101e0000 }, .irq = { CPU(PIN_REMAPCLEAR) } },  \
    { "watchdog", &sp805_type,         .at = { 0x101e1000 }, .irq = { VIC(0), CPU(PIN_RESET) } }, \
    { "timer01",  &sp804_type,         .at = { 0x101e2000 }, .irq = { VIC(4) } },               \
    { "timer23",  &sp804_type,         .at = { 0x101e3000 }, .irq = { VIC(5) } },               \
    { "gpio0",    &pl061_type,         .at = { 0x101e4000 }, .irq = { VIC(6) } },               \
    { "gpio1",    &pl061_type,         .at = { 0x101e5000 }, .irq = { VIC(7) } },               \
    { "gpio2",    &pl061_type,         .at = { 0x101e6000 }, .irq = { VIC(8) } },               \
    { "gpio3",    &pl061_type,         .at = { 0x101e7000 }, .irq = { VIC(9) } },               \
    { "rtc",      &pl031_type,         .at = { 0x101e8000 }, .irq = { VIC(10) } },              \
    { "uart0",    &pl011_type,         .at = { 0x101f1000 }, .irq = { VIC(12) },                \
                  .props = "chardev=@serial0" },                                                \
    { "uart1",    &pl011_type,         .at = { 0x101f2000 }, .irq = { VIC(13) },                \
                  .props = "chardev=@serial1" },                                                \
    { "uart2",    &pl011_type,         .at = { 0x101f3000 }, .irq = { VIC(14) },                \
                  .props = "chardev=@serial2" },                                                \
    { "uart3",    &pl011_type,         .at = { 0x10009000 }, .irq = { SIC(6) },                 \
                  .props = "chardev=@serial3" },                                                \
    { "clcd",     &pl110_type,         .at = { 0x10120000 }, .irq = { VIC(16) },                \
                  .props = "variant=pl110_versatile" },                                         \
    { "dma",      &pl080_type,         .at = { 0x10130000 }, .irq = { VIC(17) } },              \
    { "aaci",     &pl041_type,         .at = { 0x10004000 }, .irq = { SIC(24) } },              \
    { "flash",    &cfi_flash_type,     .at = { FLASH_BASE },                                    \
                  .props = "drive=@pflash0,size=64M,width=4,device-width=2,sector=256k,gated=on" }, \
    { "i2c",      &versatile_i2c_type, .at = { 0x10002000 } },                                  \
    { "ds1338",   &ds1338_type,        .props = "bus=i2c,address=0x68" },                       \
    { "keyboard", &ps2_kbd_type,       .at = { 0 } },                                           \
    { "mouse",    &ps2_mouse_type,     .at = { 0 } },                                           \
    { "kmi0",     &pl050_type,         .at = { 0x10006000 }, .irq = { SIC(3) },                 \
                  .props = "device=keyboard" },                                                 \
    { "kmi1",     &pl050_type,         .at = { 0x10007000 }, .irq = { SIC(4) },                 \
                  .props = "device=mouse" },                                                    \
    { "net",      &smc91c111_type,     .at = { 0x10010000 }, .irq = { SIC(25) },                \
                  .props = "netdev=@nic0" },                                                       \
    { "sd0",      &sd_card_type,       .irq = { { "sysregs", VERSATILE_SYSREGS_IN_CARD0 },      \
                  { "sysregs", VERSATILE_SYSREGS_IN_PROTECT0 } }, .props = "drive=@sd0" },      \
    { "mmci0",    &pl181_type,         .at = { 0x10005000 }, .irq = { SIC(22), SIC(1) },        \
                  .props = "card=sd0" }

#define SYSREGS(properties)                                                                     \
    { "sysregs",  &versatile_sysregs_type, .at = { 0x10000000 },                                \
                  .irq = { [VERSATILE_SYSREGS_OUT_RESET] = CPU(PIN_RESET),                      \
                    [VERSATILE_SYSREGS_OUT_FLASH_WRITE] = { "flash", 0 },                      \
                    [VERSATILE_SYSREGS_OUT_CLCD_MODE0] = { "clcd", 0 },                         \
                    [VERSATILE_SYSREGS_OUT_CLCD_MODE1] = { "clcd", 1 } }, .props = properties }

static const Place pb_map[] = {
    SYSREGS("pci=on"),
    COMMON_DEVICES,
    { "sd1",      &sd_card_type,       .irq = { { "sysregs", VERSATILE_SYSREGS_IN_CARD1 },
                  { "sysregs", VERSATILE_SYSREGS_IN_PROTECT1 } }, .props = "drive=@sd1" },
    { "mmci1",    &pl181_type,         .at = { 0x1000b000 }, .irq = { SIC(23), SIC(2) },
                  .props = "card=sd1" },
    { "pci",      &versatile_pci_type,
                  .at = { 0x10001000, 0x41000000, 0x44000000, 0x50000000, 0x60000000 },
                  .irq = { SIC(27), SIC(28), SIC(29), SIC(30) } },
};

static const Place ab_map[] = {
    SYSREGS("pci=off"),
    COMMON_DEVICES,
};

/* -- Where nothing is -------------------------------------------------------- */

/* DUI 0224, 4.1: there is no abort.  Linux looks for PrimeCells where this
 * board has none. */
static uint64_t nothing_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)opaque;
    log_unimp("versatile", "read of %u bytes at 0x%08" PRIx64 ", where nothing is", size, offset);
    return 0;
}

static void nothing_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    (void)opaque;
    log_unimp("versatile", "write of %u bytes, 0x%" PRIx64 ", at 0x%08" PRIx64
              ", where nothing is", size, val, offset);
}

static const MemoryRegionOps nothing_ops = { nothing_read, nothing_write, 1, 8 };

/* -- The processor's pins ---------------------------------------------------- */

static void set_interrupt(Machine *m, uint32_t mask, int level)
{
    if (level) {
        cpu_interrupt(m->cpu[0], mask);
    } else {
        cpu_reset_interrupt(m->cpu[0], mask);
    }
}

static void set_pin(void *opaque, int n, int level)
{
    Machine *m = opaque;
    Versatile *v = m->board;

    switch (n) {
    case PIN_IRQ:
    case PIN_FIQ:
        if (m->num_cpus) {
            set_interrupt(m, n == PIN_IRQ ? CPU_INTERRUPT_HARD : CPU_INTERRUPT_FIQ, level);
        }
        break;
    case PIN_RESET:
        if (level) {
            machine_request(m, MACHINE_REQUEST_RESET, 0);
        }
        break;
    case PIN_REMAPCLEAR:
        if (v->boot_at_0.as) {
            region_set_disabled(&v->boot_at_0, level);
        }
        break;
    default:
        break;
    }
}

static qemu_irq cpu_input(Machine *m, int n)
{
    return (qemu_irq){ set_pin, m, n };
}

/* -- Life -------------------------------------------------------------------- */

static void board_reset(Machine *m)
{
    Versatile *v = m->board;

    arm_boot_reset(&v->boot, m);
}

static void board_free(Machine *m)
{
    Versatile *v = m->board;

    arm_boot_free(&v->boot);
    free(v);
}

static int map_ram(Machine *m, Error *err)
{
    Versatile *v = m->board;
    uint64_t size = m->config.ram_size;

    if (size < MiB) {
        return error_set(err, EINVAL, "%s: -m: at least 1 MiB of RAM is needed", m->type->name);
    }
    v->ram_block = ram_block_new("versatile.ram", size);
    if (!v->ram_block) {
        return error_set(err, ENOMEM, "%s: no memory for %" PRIu64 " MiB of RAM", m->type->name,
                         size / MiB);
    }
    region_init_ram(&v->ram, "ram", v->ram_block);
    region_map(m->mem, &v->ram, 0, 0);
    region_init_io(&v->nothing, "nothing", 4096 * MiB, &nothing_ops, m);
    region_map(m->mem, &v->nothing, 0, NOTHING_PRIORITY);
    return 0;
}

static void sys_exit(void *opaque, int code)
{
    machine_request(opaque, MACHINE_REQUEST_EXIT, code);
}

/* -bios: a file where the flash is; read only. */
static int map_bios(Machine *m, Error *err)
{
    Versatile *v = m->board;
    uint8_t *data;
    size_t len;
    int ret = loader_read_file("bios", m->config.bios, FLASH_SIZE, &data, &len, err);

    if (ret < 0) {
        return ret;
    }
    v->bios_block = ram_block_new("versatile.bios", align_up(len, RAM_PAGE_SIZE));
    if (v->bios_block) {
        memcpy(v->bios_block->host, data, len);
        region_init_rom(&v->bios, "bios", v->bios_block);
        region_map(m->mem, &v->bios, FLASH_BASE, BIOS_PRIORITY);
    } else {
        ret = error_set(err, ENOMEM, "bios: no memory for it");
    }
    free(data);
    return ret;
}

/* Without a kernel: what is in the flash runs, from address 0. */
static int map_firmware(Machine *m, Error *err)
{
    Versatile *v = m->board;
    MemoryRegion *from = &machine_find(m, "flash")->window[0];
    int ret = m->config.bios ? map_bios(m, err) : 0;

    if (ret < 0 || m->config.kernel) {
        return ret;
    }
    if (!m->config.bios && !m->config.pflash[0] && m->config.cpu_create) {
        return error_set(err, EINVAL, "%s: there is nothing to run: give it a -kernel, a -bios, "
                         "or flash memory with -pflash", m->type->name);
    }
    from = m->config.bios ? &v->bios : from;
    region_init_alias(&v->boot_at_0, "boot memory", from, 0, from->size);
    region_map(m->mem, &v->boot_at_0, 0, BOOT_PRIORITY);
    return 0;
}

static int make_cpu(Machine *m, Error *err)
{
    if (!m->config.cpu_create) {
        return 0;                       /* a machine without, for tests */
    }
    CPUState *cpu = m->config.cpu_create(m->config.request_opaque, m);
    if (!cpu) {
        return error_set(err, ENOMEM, "cpu: no memory for it");
    }
    m->cpu[m->num_cpus++] = cpu;
    arm_env(cpu)->pins = (ArmPins){
        .exit = sys_exit, .opaque = m, .semihosting = m->config.semihosting,
        .semihost_cmdline = m->config.append,
    };
    return arm_set_model(arm_env(cpu), m->config.cpu_model, err);
}

static int init_common(Machine *m, uint32_t machine_id, const char *const *compatible,
                       Error *err)
{
    Versatile *v = xzalloc(sizeof(*v));

    m->board = v;
    m->board_free = board_free;
    m->board_reset = board_reset;
    m->cpu_input = cpu_input;
    v->board = (ArmBoard){
        .ram_size = (uint32_t)m->config.ram_size, .machine_id = machine_id,
        .compatible = compatible,
    };
    int ret = map_ram(m, err);
    ret = ret < 0 ? ret : make_cpu(m, err);
    ret = ret < 0 ? ret : machine_place(m, m->type->map, m->type->map_len, err);
    ret = ret < 0 ? ret : map_firmware(m, err);
    return ret < 0 ? ret : arm_boot_load(&v->boot, &v->board, m, err);
}

/* Drives for which there is an image, or a CD-ROM drive; the adapter comes with
 * the first. */
static int place_scsi(Machine *m, Error *err)
{
    static const Place adapter = { "scsi", &lsi53c895a_type, .devfn = AT_DEVFN(SCSI_SLOT, 0) };
    int ret = 0;

    for (unsigned i = 0; ret == 0 && i < ARRAY_SIZE(m->config.scsi); i++) {
        BlockDriverState *bs = m->config.scsi[i];
        char id[24], props[64];
        Place row = { .id = id, .props = props };

        if (!bs) {
            continue;
        }
        row.type = blk_conf(bs)->is_cdrom ? &scsi_cd_type : &scsi_hd_type;
        snprintf(id, sizeof(id), "scsi0-%s%u", blk_conf(bs)->is_cdrom ? "cd" : "hd", i);
        snprintf(props, sizeof(props), "bus=scsi,scsi-id=%u,drive=@scsi%u", i, i);
        if (!machine_find(m, "scsi")) {
            ret = machine_place(m, &adapter, 1, err);
        }
        ret = ret < 0 ? ret : machine_place(m, &row, 1, err);
    }
    return ret;
}

static int pb_init(Machine *m, Error *err)
{
    static const char *const compatible[] = { "arm,versatile-pb", NULL };
    int ret = init_common(m, MACH_VERSATILE_PB, compatible, err);
    Device *bridge = machine_find(m, "pci");

    /* The machine frees the bus, after a failure too. */
    m->pci = bridge ? versatile_pci_bus(bridge) : NULL;
    return ret < 0 ? ret : place_scsi(m, err);
}

static int ab_init(Machine *m, Error *err)
{
    static const char *const compatible[] = { "arm,versatile-ab", NULL };

    return init_common(m, MACH_VERSATILE_AB, compatible, err);
}

const QEMUMachine versatilepb_machine = {
    .name        = "versatilepb",
    .desc        = "ARM Versatile/PB (ARM926EJ-S)",
    .manual      = "ARM DUI 0224",
    .cpu         = "arm926",
    .ram_default = 128 * MiB,
    .ram_max     = 256 * MiB,           /* registers begin there */
    .max_cpus    = 1,
    .drives      = IF_SCSI,
    .nic_models  = "smc91c111",
    .map         = pb_map,
    .map_len     = ARRAY_SIZE(pb_map),
    .init        = pb_init,
};

const QEMUMachine versatileab_machine = {
    .name        = "versatileab",
    .desc        = "ARM Versatile/AB (ARM926EJ-S)",
    .manual      = "ARM DUI 0225",
    .cpu         = "arm926",
    .ram_default = 128 * MiB,
    .ram_max     = 256 * MiB,
    .max_cpus    = 1,
    .drives      = IF_SD,
    .nic_models  = "smc91c111",
    .map         = ab_map,
    .map_len     = ARRAY_SIZE(ab_map),
    .init        = ab_init,
};
