/* SPDX-License-Identifier: MIT */
/*
 * Running a processor: find a block, run it, deliver what has come.
 *
 * Rules for a guest (CPUOps):
 *  - An instruction that may unmask an interrupt ends its block by exit_tb
 *    TB_EXIT_NONE: requests are looked at between blocks, in C, only.
 *  - exec_interrupt is called with the global lock held; it may raise.  Other
 *    operations, and helpers, run without it.
 *  - exec_enter/exec_exit come in pairs: around cpu_exec(), and exit, enter
 *    again whenever a longjmp has skipped the epilogue of translated code.
 *  - A CPU that halts sets common.halted, then raises EXCP_HLT.  has_work
 *    says whether what has come wakes it.
 *  - A raised exception finds set_pc/restore_state done: the state is exact.
 *
 * Threads: the vCPU thread, without the global lock.
 */
#ifndef CPU_EXEC_H
#define CPU_EXEC_H

#include "cpu-common.h"

/*
 * Run until there is a reason not to: EXCP_INTERRUPT (asked to leave, or the
 * guest yields), EXCP_HLT (halted), EXCP_DEBUG (breakpoint, watchpoint, step).
 */
int cpu_exec(CPUState *cpu);

#endif
