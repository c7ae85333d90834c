/* SPDX-License-Identifier: MIT */
/*
 * CP15 beyond MCR and MRC (cpu.h: arm_cp15_read, _write, _write_is_quiet).
 *
 * A write of c7,c0,4 (wait for interrupt) leaves common.exception_index at
 * EXCP_HLT: the caller sets PC behind the instruction and leaves the block.
 */
#ifndef TARGET_ARM_CP15_H
#define TARGET_ARM_CP15_H

#include "target-arm/cpu.h"

/* MCRR: block cache operations of v6.  insn is the MCRR word. */
bool arm_cp15_write64(CPUARMState *env, uint32_t insn, uint64_t val);

#endif
