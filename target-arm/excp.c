/* SPDX-License-Identifier: MIT */
/*
 * Exceptions (ARM ARM A2.6): each is a row that says where it goes, what it
 * masks and how far LR is ahead of the instruction.
 *
 *   arm_raise, tlb_fill, exec_interrupt -> exception_index
 *   cpu_exec -> arm_do_interrupt -> enter(): banked LR and SPSR, mode, vector
 *
 * regs[15] is the address of the instruction that was interrupted or that
 * raised; for IRQ and FIQ that is the next one to run.
 *
 * Not modelled: vectored interrupts of the v6 VIC port (c1.VE), imprecise
 * external aborts.
 */
#include "target-arm/cpu.h"

#include "util/log.h"

typedef struct Entry {
    const char *name;
    uint8_t mode, vector;
    uint8_t lr_arm, lr_thumb;           /* LR: so far behind the instruction */
    bool masks_fiq, masks_abort;        /* F; A (v6) */
} Entry;

static const Entry entries[] = {
    [EXCP_RESET]          = { "reset", MODE_SVC, 0x00, 0, 0, true, true },
    [EXCP_UNDEF]          = { "undefined", MODE_UND, 0x04, 4, 2, false, false },
    [EXCP_SWI]            = { "swi", MODE_SVC, 0x08, 4, 2, false, false },
    [EXCP_PREFETCH_ABORT] = { "prefetch abort", MODE_ABT, 0x0c, 4, 4, false, true },
    [EXCP_DATA_ABORT]     = { "data abort", MODE_ABT, 0x10, 8, 8, false, true },
    [EXCP_IRQ]            = { "irq", MODE_IRQ, 0x18, 4, 4, false, true },
    [EXCP_FIQ]            = { "fiq", MODE_FIQ, 0x1c, 4, 4, true, true },
};

_Noreturn void arm_raise(CPUARMState *env, int excp, uintptr_t ra)
{
    env->common.exception_index = excp;
    cpu_loop_exit_restore(arm_cpu(env), ra);
}

/* ARM ARM B4.6.1: the status and address registers are those of the abort. */
static void set_fault_registers(CPUARMState *env, int excp)
{
    if (excp == EXCP_DATA_ABORT) {
        env->cp15.dfsr = env->fault_status;
        env->cp15.dfar = env->fault_addr;
    } else if (excp == EXCP_PREFETCH_ABORT) {
        env->cp15.ifsr = env->fault_status;
        env->cp15.ifar = env->fault_addr;
    }
}

static void log_entry(CPUARMState *env, int excp, uint32_t psr)
{
    if (excp == EXCP_DATA_ABORT || excp == EXCP_PREFETCH_ABORT) {
        log_put(LOG_INT, "%s at %08x psr %08x, address %08x status %03x\n", entries[excp].name,
                env->regs[R_PC], psr, env->fault_addr, env->fault_status);
    } else {
        log_put(LOG_INT, "%s at %08x psr %08x r0 %08x r7 %08x\n", entries[excp].name,
                env->regs[R_PC], psr, env->regs[0], env->regs[7]);
    }
}

static void enter(CPUARMState *env, int excp)
{
    const Entry *e = &entries[excp];
    uint32_t psr = arm_cpsr_read(env), sctlr = env->cp15.sctlr;
    uint32_t set = e->mode | CPSR_I | (e->masks_fiq ? CPSR_F : 0) |
                   (e->masks_abort ? CPSR_A : 0) | (sctlr & SCTLR_EE ? CPSR_E : 0);
    uint32_t lr = env->regs[R_PC] + (env->thumb ? e->lr_thumb : e->lr_arm);

    if (log_on(LOG_INT)) {
        log_entry(env, excp, psr);
    }
    set_fault_registers(env, excp);
    arm_switch_mode(env, e->mode);
    arm_cpsr_write(env, set, CPSR_M | CPSR_T | CPSR_E | (set & (CPSR_I | CPSR_F | CPSR_A)));
    env->spsr = psr;
    env->regs[R_LR] = lr;
    env->regs[R_PC] = (sctlr & SCTLR_V ? 0xffff0000 : 0) + e->vector;
}

void arm_do_interrupt(CPUState *cpu)
{
    CPUARMState *env = arm_env(cpu);
    int excp = cpu->common.exception_index;

    cpu->common.exception_index = EXCP_NONE;
    if (excp == EXCP_SEMIHOST) {
        arm_semihost(env);
        env->regs[R_PC] += env->thumb ? 2 : 4;
    } else if (excp == EXCP_RESET) {
        arm_cpu_ops.reset(cpu);
    } else {
        enter(env, excp);
    }
}

bool arm_exec_interrupt(CPUState *cpu, uint32_t request)
{
    CPUARMState *env = arm_env(cpu);

    if ((request & CPU_INTERRUPT_FIQ) && !(env->cpsr & CPSR_F)) {
        enter(env, EXCP_FIQ);
        return true;
    }
    if ((request & CPU_INTERRUPT_HARD) && !(env->cpsr & CPSR_I)) {
        enter(env, EXCP_IRQ);
        return true;
    }
    return false;
}
