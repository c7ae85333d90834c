/* SPDX-License-Identifier: MIT */
/*
 * What the files of the PC boards share: pc.c (map, memory, firmware), pc-cpu.c
 * (the processor's pins), acpi.c (tables for the guest).
 */
#ifndef HW_BOARDS_PC_H
#define HW_BOARDS_PC_H

#include "hw/boards/machine.h"

extern const QEMUMachine pc_machine, isapc_machine;

/* Inputs of "cpu" in the boards' tables. */
typedef enum PcInput {
    PC_NMI, PC_NMI_MASK,                /* 1: NMI does not reach it */
    PC_SMI,
    PC_A20,                             /* 1: address line 20 passes */
    PC_RESET,                           /* of the whole machine, at 1 */
    PC_POWER_OFF,                       /* at 1 */
    PC_INTR,                            /* of the first processor, + i: others */
} PcInput;

enum { PC_MAX_CPUS = 16 };

typedef struct PcCpu {
    Machine *m;
    CPUState *cpu;
    Device *lapic, *pic;                /* lapic: NULL on isapc */
} PcCpu;

typedef struct Pc {
    RAMBlock *ram_block;
    MemoryRegion ram;                   /* all of it; shown through aliases */
    MemoryRegion low, high, above_4g, isa_area;
    uint64_t below_4g, from_4g;         /* bytes of RAM */
    RAMBlock *bios_block;
    MemoryRegion bios, bios_alias, bios_seen_by_pci;
    AddressSpace *rom;                  /* the PCI side below 1 MiB: ROMs */
    Device *fw_cfg;
    PcCpu cpu[PC_MAX_CPUS];
    MemoryRegion apic_page;             /* each CPU sees its own there */
    bool nmi_masked, nmi_level;
} Pc;

/* pc-cpu.c.  Create the processors, then, once the devices are there, connect
 * their pins.  pc_place_lapics: those of all but the first. */
int pc_cpus_new(Machine *m, Error *err);
int pc_place_lapics(Machine *m, Error *err);
void pc_cpus_connect(Machine *m);
void pc_map_apics(Machine *m);
void pc_cpus_reset(Machine *m);         /* after the processors' own */

/* acpi.c: etc/acpi/tables, etc/acpi/rsdp, etc/table-loader into fw_cfg. */
int pc_acpi_publish(Machine *m, Error *err);

#endif
