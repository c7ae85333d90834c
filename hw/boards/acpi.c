/* SPDX-License-Identifier: MIT */
/*
 * What the PC tells its operating system by ACPI (ACPI 6.4; the fixed registers
 * are those of 1.0b).
 *
 *   RSDP -> RSDT -> FADT -> DSDT (AML), FACS
 *              \--> MADT, HPET
 *
 * Firmware decides where in memory the tables go.  It gets them as two files
 * and a list of commands (etc/table-loader; SeaBIOS, romfile_loader): allocate
 * the file, add its address to a pointer, compute a checksum.
 */
#include "hw/boards/pc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/block/fdc.h"
#include "hw/boards/aml.h"
#include "hw/misc/fw_cfg.h"
#include "util/bits.h"
#include "util/mem.h"

/* SeaBIOS gives the PM function this base address. */
enum { PM_BASE = 0x600, SMBUS_BASE = 0x700, GPE_BASE = 0xafe0, APM_PORT = 0xb2 };
enum { SCI_IRQ = 9, RESET_PORT = 0xcf9, RESET_VALUE = 0x06 };
enum { ACPI_ENABLE = 0xf1, ACPI_DISABLE = 0xf0 };
#define LAPIC_BASE  0xfee00000u
#define IOAPIC_BASE 0xfec00000u
#define HPET_BASE   0xfed00000u

#define TABLES_FILE "etc/acpi/tables"
#define RSDP_FILE   "etc/acpi/rsdp"

/* -- The loader's commands --------------------------------------------------- */

enum { CMD_ALLOCATE = 1, CMD_ADD_POINTER, CMD_ADD_CHECKSUM };
enum { ZONE_HIGH = 1, ZONE_FSEG = 2 };
enum { COMMAND_LEN = 128, NAME_LEN = 56 };

typedef struct Tables {
    Aml bytes;                          /* TABLES_FILE */
    Aml commands;
    size_t facs, dsdt;
    uint32_t listed[8];                 /* offsets of what the RSDT names */
    unsigned num_listed;
} Tables;

static uint8_t *add_command(Tables *t, unsigned cmd, const char *file)
{
    uint8_t buf[COMMAND_LEN] = { 0 };

    store_le(buf, cmd, 4);
    snprintf((char *)buf + 4, NAME_LEN, "%s", file);
    aml_bytes(&t->commands, buf, sizeof(buf));
    return t->commands.data + t->commands.len - sizeof(buf) + 4 + NAME_LEN;
}

static void cmd_allocate(Tables *t, const char *file, uint32_t align, uint8_t zone)
{
    uint8_t *args = add_command(t, CMD_ALLOCATE, file);

    store_le(args, align, 4);
    args[4] = zone;
}

/* The 32 bits at `offset` of file hold an offset in TABLES_FILE. */
static void cmd_pointer(Tables *t, const char *file, size_t offset)
{
    uint8_t *args = add_command(t, CMD_ADD_POINTER, file);

    snprintf((char *)args, NAME_LEN, "%s", TABLES_FILE);
    store_le(args + NAME_LEN, offset, 4);
    args[NAME_LEN + 4] = 4;
}

static void cmd_checksum(Tables *t, const char *file, size_t at, size_t start, size_t len)
{
    uint8_t *args = add_command(t, CMD_ADD_CHECKSUM, file);

    store_le(args, at, 4);
    store_le(args + 4, start, 4);
    store_le(args + 8, len, 4);
}

/* -- Tables ------------------------------------------------------------------ */

static void put(Aml *a, uint64_t val, unsigned len)
{
    uint8_t buf[8];

    store_le(buf, val, len);
    aml_bytes(a, buf, len);
}

/* 5.2.6: the header all tables but FACS have. */
enum { HEADER_LENGTH = 4, HEADER_CHECKSUM = 9, HEADER_LEN = 36 };

static size_t begin_table(Tables *t, const char *signature, uint8_t revision)
{
    Aml *a = &t->bytes;
    size_t at = a->len;

    aml_bytes(a, signature, 4);
    put(a, 0, 4);                       /* length: end_table */
    put(a, revision, 1);
    put(a, 0, 1);                       /* checksum: the loader */
    aml_bytes(a, "QEMU  ", 6);
    aml_bytes(a, "CLASSIC ", 8);
    put(a, 1, 4);
    aml_bytes(a, "QEMU", 4);
    put(a, 1, 4);
    return at;
}

static void end_table(Tables *t, size_t at)
{
    size_t len = t->bytes.len - at;

    store_le(t->bytes.data + at + HEADER_LENGTH, len, 4);
    cmd_checksum(t, TABLES_FILE, at + HEADER_CHECKSUM, at, len);
}

static void list_table(Tables *t, size_t at)
{
    assert(t->num_listed < ARRAY_SIZE(t->listed));
    t->listed[t->num_listed++] = (uint32_t)at;
}

/* 5.2.3.2: generic address structure. */
static void put_address(Aml *a, uint8_t space, uint8_t bits, uint64_t addr)
{
    put(a, space, 1);
    put(a, bits, 1);
    put(a, 0, 2);                       /* bit offset, access size */
    put(a, addr, 8);
}

/* 5.2.10: 64 bytes, 64-byte aligned, at the start of the file. */
static void build_facs(Tables *t)
{
    t->facs = t->bytes.len;
    aml_bytes(&t->bytes, "FACS", 4);
    put(&t->bytes, 64, 4);
    for (int i = 0; i < 7; i++) {
        put(&t->bytes, 0, 8);
    }
}

/* 5.2.9.  Flags: WBINVD works, C1 on all CPUs, no fixed sleep button, RTC wake
 * is no fixed event, reset register. */
enum { FADT_FLAGS = 1 << 0 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 10 };
enum { HAS_LEGACY_DEVICES = 1, HAS_8042 = 2 };

static void build_fadt(Tables *t)
{
    Aml *a = &t->bytes;
    size_t at = begin_table(t, "FACP", 3);

    cmd_pointer(t, TABLES_FILE, a->len);
    put(a, t->facs, 4);
    cmd_pointer(t, TABLES_FILE, a->len);
    put(a, t->dsdt, 4);
    put(a, 0, 2);                       /* reserved, preferred profile */
    put(a, SCI_IRQ, 2);
    put(a, APM_PORT, 4);
    put(a, ACPI_ENABLE, 1);
    put(a, ACPI_DISABLE, 1);
    put(a, 0, 2);                       /* S4BIOS, P state control */
    put(a, PM_BASE, 4);                 /* PM1a event */
    put(a, 0, 4);
    put(a, PM_BASE + 4, 4);             /* PM1a control */
    put(a, 0, 4);
    put(a, 0, 4);                       /* PM2 */
    put(a, PM_BASE + 8, 4);             /* timer */
    put(a, GPE_BASE, 4);
    put(a, 0, 4);
    put(a, 4, 1);                       /* their lengths */
    put(a, 2, 1);
    put(a, 0, 1);
    put(a, 4, 1);
    put(a, 4, 1);
    put(a, 0, 3);                       /* GPE1, C state control */
    put(a, 0xfff, 2);                   /* no C2 */
    put(a, 0xfff, 2);                   /* no C3 */
    put(a, 0, 4);                       /* cache flush: WBINVD */
    put(a, 0, 4);                       /* duty cycle, day and month alarm */
    put(a, 0x32, 1);                    /* century */
    put(a, HAS_LEGACY_DEVICES | HAS_8042, 2);
    put(a, 0, 1);
    put(a, FADT_FLAGS, 4);
    put_address(a, 1, 8, RESET_PORT);
    put(a, RESET_VALUE, 1);
    put(a, 0, 3);
    put(a, 0, 8);                       /* X_ fields: those above are valid */
    put(a, 0, 8);
    for (int i = 0; i < 8; i++) {
        put_address(a, 0, 0, 0);
    }
    assert(a->len - at == 244);
    end_table(t, at);
    list_table(t, at);
}

/* 5.2.12. */
static void build_madt(Tables *t, int num_cpus)
{
    /* Interrupts that are level triggered, active high: SCI and PCI. */
    static const uint8_t level[] = { 5, 9, 10, 11 };
    Aml *a = &t->bytes;
    size_t at = begin_table(t, "APIC", 1);

    put(a, LAPIC_BASE, 4);
    put(a, 1, 4);                       /* there are 8259s, too */
    for (int i = 0; i < num_cpus; i++) {
        put(a, 0x0800, 2);              /* processor: type 0, 8 bytes */
        put(a, (uint64_t)i, 1);
        put(a, (uint64_t)i, 1);
        put(a, 1, 4);                   /* enabled */
    }
    put(a, 0x0c01, 2);                  /* I/O APIC */
    put(a, 0, 2);                       /* id 0 */
    put(a, IOAPIC_BASE, 4);
    put(a, 0, 4);
    put(a, 0x0a02, 2);                  /* override: IRQ 0 is pin 2 */
    put(a, 0x0000, 2);
    put(a, 2, 4);
    put(a, 0, 2);
    for (size_t i = 0; i < sizeof(level); i++) {
        put(a, 0x0a02, 2);
        put(a, (uint64_t)level[i] << 8, 2);
        put(a, level[i], 4);
        put(a, 0x000d, 2);
    }
    put(a, 0x0604, 2);                  /* NMI: LINT1 of every processor */
    put(a, 0xff, 1);
    put(a, 0, 2);
    put(a, 1, 1);
    end_table(t, at);
    list_table(t, at);
}

/* IA-PC HPET 1.0a, 3.2.4. */
static void build_hpet(Tables *t)
{
    Aml *a = &t->bytes;
    size_t at = begin_table(t, "HPET", 1);

    put(a, 0x8086a201, 4);              /* as its capability register */
    put_address(a, 0, 0, HPET_BASE);
    put(a, 0, 1);
    put(a, 0, 2);
    put(a, 0, 1);
    end_table(t, at);
    list_table(t, at);
}

static size_t build_rsdt(Tables *t)
{
    size_t at = begin_table(t, "RSDT", 1);

    for (unsigned i = 0; i < t->num_listed; i++) {
        cmd_pointer(t, TABLES_FILE, t->bytes.len);
        put(&t->bytes, t->listed[i], 4);
    }
    end_table(t, at);
    return at;
}

/* -- DSDT -------------------------------------------------------------------- */

static void put_hid(Aml *a, const char *id)
{
    aml_name(a, "_HID");
    aml_eisa_id(a, id);
}

static void put_number(Aml *a, const char *name, uint32_t val)
{
    aml_name(a, name);
    aml_int(a, val);
}

/* Resources of a device that cannot be moved. */
typedef struct IsaDevice {
    const char *name, *hid;
    struct { uint16_t base; uint8_t len; } io[4];
    int irq, dma;                       /* 0: none */
    const char *id;                     /* of the place that must exist, or NULL */
    uint32_t uid;                       /* or 0 */
} IsaDevice;

static const IsaDevice isa_devices[] = {
    /* name   hid        ports                              irq dma place    uid */
    { "PIC",  "PNP0000", { { 0x20, 2 }, { 0xa0, 2 }, { 0x4d0, 2 } }, 2, 0, NULL, 0 },
    { "TIMR", "PNP0100", { { 0x40, 4 } },                     0, 0, NULL, 0 },
    { "DMAC", "PNP0200", { { 0x00, 16 }, { 0x80, 16 }, { 0xc0, 32 } }, 0, 4, NULL, 0 },
    { "SPKR", "PNP0800", { { 0x61, 1 } },                     0, 0, NULL, 0 },
    { "RTC",  "PNP0B00", { { 0x70, 2 } },                     8, 0, NULL, 0 },
    { "FPU",  "PNP0C04", { { 0xf0, 1 } },                    13, 0, NULL, 0 },
    { "KBD",  "PNP0303", { { 0x60, 1 }, { 0x64, 1 } },        1, 0, NULL, 0 },
    { "MOU",  "PNP0F13", { { 0, 0 } },                       12, 0, NULL, 0 },
    { "FDC0", "PNP0700", { { 0x3f2, 4 }, { 0x3f7, 1 } },      6, 2, "fdc", 0 },
    { "COM1", "PNP0501", { { 0x3f8, 8 } },                    4, 0, "serial0", 1 },
    { "COM2", "PNP0501", { { 0x2f8, 8 } },                    3, 0, "serial1", 2 },
    { "COM3", "PNP0501", { { 0x3e8, 8 } },                    4, 0, "serial2", 3 },
    { "COM4", "PNP0501", { { 0x2e8, 8 } },                    3, 0, "serial3", 4 },
    { "LPT1", "PNP0400", { { 0x378, 8 } },                    7, 0, "parallel0", 1 },
    { "SYSR", "PNP0C02", { { PM_BASE, 0x40 }, { SMBUS_BASE, 0x10 },
                           { GPE_BASE, 4 }, { APM_PORT, 2 } }, 0, 0, NULL, 0 },
};

static void put_isa_device(Aml *a, const IsaDevice *d)
{
    aml_device(a, d->name);
    put_hid(a, d->hid);
    if (d->uid) {
        put_number(a, "_UID", d->uid);
    }
    aml_name(a, "_CRS");
    aml_resources(a);
    for (size_t i = 0; i < ARRAY_SIZE(d->io) && d->io[i].len; i++) {
        aml_res_io(a, d->io[i].base, d->io[i].len);
    }
    if (d->irq) {
        aml_res_irq(a, (unsigned)d->irq);
    }
    if (d->dma) {
        aml_res_dma(a, (unsigned)d->dma);
    }
    aml_end_resources(a);
    aml_end(a);
}

static bool is_present(const Machine *m, const char *id)
{
    const Device *d = machine_find(m, id);

    if (d && d->type == &fdc_type) {
        return fdc_drive_kind(d, 0) || fdc_drive_kind(d, 1);
    }
    return d != NULL;
}

/* The bridge, its PIRQ routing registers, and what is behind it. */
static void put_isa_bridge(const Machine *m, Aml *a)
{
    aml_device(a, "ISA");
    put_number(a, "_ADR", 0x00010000);
    aml_region(a, "PRQ", AML_PCI_CONFIG, 0x60, 4);
    aml_field_bytes(a, "PRQ");
    aml_field_unit(a, "PRQA", 8);
    aml_field_unit(a, "PRQB", 8);
    aml_field_unit(a, "PRQC", 8);
    aml_field_unit(a, "PRQD", 8);
    aml_end(a);
    for (size_t i = 0; i < ARRAY_SIZE(isa_devices); i++) {
        const IsaDevice *d = &isa_devices[i];

        if (!d->id || is_present(m, d->id)) {
            put_isa_device(a, d);
        }
    }
    aml_end(a);
}

/* Every slot's pins, rotated by slot as the board has them: 6.2.13 _PRT. */
static void put_routing(Aml *a)
{
    char link[] = "\\_SB.LNKA";

    aml_name(a, "_PRT");
    aml_package(a, 32 * 4);
    for (unsigned slot = 0; slot < 32; slot++) {
        for (unsigned pin = 0; pin < 4; pin++) {
            link[8] = (char)('A' + ((slot - 1 + pin) & 3));
            aml_package(a, 4);
            aml_int(a, slot << 16 | 0xffff);
            aml_int(a, pin);
            aml_path(a, link);
            aml_int(a, 0);
            aml_end(a);
        }
    }
    aml_end(a);
}

static void put_pci_root(const Machine *m, Aml *a)
{
    const Pc *pc = m->board;

    aml_device(a, "PCI0");
    put_hid(a, "PNP0A03");
    put_number(a, "_UID", 0);
    aml_name(a, "_CRS");
    aml_resources(a);
    aml_res_bus_numbers(a, 0, 0xff);
    aml_res_io(a, 0xcf8, 8);
    aml_res_io_range(a, 0x0000, 0x0cf7);
    aml_res_io_range(a, 0x0d00, 0xffff);
    aml_res_memory_range(a, 0x000a0000, 0x000bffff);
    aml_res_memory_range(a, (uint32_t)align_up(pc->below_4g, 1 << 20), IOAPIC_BASE - 1);
    aml_end_resources(a);
    put_routing(a);
    put_isa_bridge(m, a);
    aml_end(a);
}

/* 6.2.13: a link device per PIRQ line; the register is the truth. */
static void put_link(Aml *a, int n)
{
    static const uint32_t choices[] = { 5, 10, 11 }, none[] = { 0 };
    enum { IRQ_AT = 5, DISABLED = 0x80 };       /* IRQ_AT: in the descriptor */
    char name[] = "LNKA", reg[] = "\\_SB.PCI0.ISA.PRQA";

    name[3] = reg[17] = (char)('A' + n);
    aml_device(a, name);
    put_hid(a, "PNP0C0F");
    put_number(a, "_UID", (uint32_t)n + 1);
    aml_name(a, "_PRS");
    aml_resources(a);
    aml_res_interrupts(a, choices, ARRAY_SIZE(choices));
    aml_end_resources(a);

    aml_method(a, "_STA", 0, false);    /* there; bit 1: enabled */
    aml_if(a);
    aml_and(a);
    aml_path(a, reg);
    aml_int(a, DISABLED);
    aml_none(a);
    aml_return(a);
    aml_int(a, 0x09);
    aml_end(a);
    aml_return(a);
    aml_int(a, 0x0b);
    aml_end(a);

    aml_method(a, "_DIS", 0, false);
    aml_or(a);
    aml_path(a, reg);
    aml_int(a, DISABLED);
    aml_path(a, reg);
    aml_end(a);

    aml_method(a, "_CRS", 0, true);
    aml_name(a, "BUF");
    aml_resources(a);
    aml_res_interrupts(a, none, 1);
    aml_end_resources(a);
    aml_create_dword_field(a);
    aml_path(a, "BUF");
    aml_int(a, IRQ_AT);
    aml_new_name(a, "IRQ");
    aml_and(a);
    aml_path(a, reg);
    aml_int(a, 0x0f);
    aml_path(a, "IRQ");
    aml_return(a);
    aml_path(a, "BUF");
    aml_end(a);

    aml_method(a, "_SRS", 1, true);
    aml_create_dword_field(a);
    aml_arg(a, 0);
    aml_int(a, IRQ_AT);
    aml_new_name(a, "IRQ");
    aml_store(a);
    aml_path(a, "IRQ");
    aml_path(a, reg);
    aml_end(a);
    aml_end(a);
}

static void put_hpet_device(Aml *a)
{
    aml_device(a, "HPET");
    put_hid(a, "PNP0103");
    put_number(a, "_UID", 0);
    aml_name(a, "_CRS");
    aml_resources(a);
    aml_res_memory(a, HPET_BASE, 0x400);
    aml_end_resources(a);
    aml_end(a);
}

static void put_processors(Aml *a, int num_cpus)
{
    aml_scope(a, "\\_PR");
    for (int i = 0; i < num_cpus; i++) {
        char name[5];

        snprintf(name, sizeof(name), "CPU%X", (unsigned)i & 15);
        aml_processor(a, name, (uint8_t)i);
    }
    aml_end(a);
}

/* 7.4.2.6: SLP_TYP 0 is soft off on this chip. */
static void put_sleep_states(Aml *a)
{
    aml_name(a, "\\_S5");
    aml_package(a, 4);
    for (int i = 0; i < 4; i++) {
        aml_int(a, 0);
    }
    aml_end(a);
}

static void build_dsdt(const Machine *m, Tables *t)
{
    Aml *a = &t->bytes;

    t->dsdt = begin_table(t, "DSDT", 1);
    put_processors(a, m->config.num_cpus);
    put_sleep_states(a);
    aml_scope(a, "\\_SB");
    put_pci_root(m, a);
    for (int i = 0; i < 4; i++) {
        put_link(a, i);
    }
    if (machine_find(m, "hpet")) {
        put_hpet_device(a);
    }
    aml_end(a);
    end_table(t, t->dsdt);
}

/* -- All of it --------------------------------------------------------------- */

/* 5.2.5.3, revision 0. */
enum { RSDP_LEN = 20, RSDP_CHECKSUM = 8, RSDP_RSDT = 16 };

static int publish_rsdp(Device *fw_cfg, Tables *t, size_t rsdt, Error *err)
{
    uint8_t rsdp[RSDP_LEN] = "RSD PTR ";

    memcpy(rsdp + 9, "QEMU  ", 6);
    store_le(rsdp + RSDP_RSDT, rsdt, 4);
    cmd_pointer(t, RSDP_FILE, RSDP_RSDT);
    cmd_checksum(t, RSDP_FILE, RSDP_CHECKSUM, 0, RSDP_LEN);
    return fw_cfg_add_file(fw_cfg, RSDP_FILE, rsdp, sizeof(rsdp), err);
}

int pc_acpi_publish(Machine *m, Error *err)
{
    Device *fw_cfg = ((Pc *)m->board)->fw_cfg;
    Tables t = { 0 };

    cmd_allocate(&t, RSDP_FILE, 16, ZONE_FSEG);
    cmd_allocate(&t, TABLES_FILE, 64, ZONE_HIGH);
    build_facs(&t);
    build_dsdt(m, &t);
    build_fadt(&t);
    build_madt(&t, m->config.num_cpus);
    if (machine_find(m, "hpet")) {
        build_hpet(&t);
    }
    size_t rsdt = build_rsdt(&t);
    int ret = publish_rsdp(fw_cfg, &t, rsdt, err);
    ret = ret < 0 ? ret : fw_cfg_add_file(fw_cfg, TABLES_FILE, t.bytes.data,
                                          (uint32_t)t.bytes.len, err);
    ret = ret < 0 ? ret : fw_cfg_add_file(fw_cfg, "etc/table-loader", t.commands.data,
                                          (uint32_t)t.commands.len, err);
    free(t.bytes.data);
    free(t.commands.data);
    return ret;
}
