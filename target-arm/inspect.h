/* SPDX-License-Identifier: MIT */
/*
 * The ARM for a monitor's eyes: registers by name, translation tables as text
 * (CPUOps.get_register, dump_mem, dump_tlb).  Nothing is changed.
 */
#ifndef TARGET_ARM_INSPECT_H
#define TARGET_ARM_INSPECT_H

#include "target-arm/cpu.h"

/* r0 .. r15 sp lr pc cpsr spsr fpscr fpexc s0 .. s31 d0 .. d15 */
bool arm_get_register(CPUState *cpu, const char *name, uint64_t *val);
/* One line per range with the same rights: start-end size kernel user */
void arm_dump_mem(CPUState *cpu, void (*put)(void *, const char *), void *opaque);
/* One line per section or page: virtual: physical size domain kernel user */
void arm_dump_tlb(CPUState *cpu, void (*put)(void *, const char *), void *opaque);

/* CPUOps.gdb_features and so on: gdb.c */
const GDBFeature *arm_gdb_features(CPUState *cpu);
void arm_gdb_read_reg(CPUState *cpu, unsigned n, uint8_t *buf);
bool arm_gdb_write_reg(CPUState *cpu, unsigned n, const uint8_t *buf);

#endif
