/* SPDX-License-Identifier: MIT */
/*
 * The i386 for a monitor's eyes: registers by name, page tables as text
 * (CPUOps.get_register, dump_mem, dump_tlb).  Nothing is changed, not even
 * accessed bits.
 */
#ifndef TARGET_I386_INSPECT_H
#define TARGET_I386_INSPECT_H

#include "target-i386/cpu.h"

bool x86_get_register(CPUState *cpu, const char *name, uint64_t *val);
/* One line per range with the same rights: start-end size urw */
void x86_dump_mem(CPUState *cpu, void (*put)(void *, const char *), void *opaque);
/* One line per page: virtual: physical XGPDACTUW */
void x86_dump_tlb(CPUState *cpu, void (*put)(void *, const char *), void *opaque);

/* CPUOps.gdb_features and so on: gdb.c */
const GDBFeature *x86_gdb_features(CPUState *cpu);
void x86_gdb_read_reg(CPUState *cpu, unsigned n, uint8_t *buf);
bool x86_gdb_write_reg(CPUState *cpu, unsigned n, const uint8_t *buf);

#endif
