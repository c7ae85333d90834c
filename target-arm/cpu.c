/* SPDX-License-Identifier: MIT */
/*
 * The ARM as the engine sees it: reset, modes and banks, block keys, snapshots,
 * register dumps.
 */
#include "target-arm/cpu.h"

#include <stdlib.h>
#include <string.h>

#include "target-arm/inspect.h"
#include "target-arm/semihost.h"
#include "target-arm/translate.h"
#include "target-arm/vfp.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"

/* -- Modes and banks: ARM ARM A2.3 ------------------------------------------- */

unsigned arm_bank(unsigned mode)
{
    switch (mode) {
    case MODE_FIQ:
        return BANK_FIQ;
    case MODE_IRQ:
        return BANK_IRQ;
    case MODE_SVC:
        return BANK_SVC;
    case MODE_ABT:
        return BANK_ABT;
    case MODE_UND:
        return BANK_UND;
    default:
        return BANK_USR;
    }
}

static bool mode_exists(unsigned mode)
{
    return mode == MODE_USR || mode == MODE_SYS || arm_bank(mode) != BANK_USR;
}

static void move_high_registers(CPUARMState *env, unsigned from, unsigned to)
{
    uint32_t *save = from == BANK_FIQ ? env->fiq_r8_12 : env->usr_r8_12;
    uint32_t *load = to == BANK_FIQ ? env->fiq_r8_12 : env->usr_r8_12;

    if (save != load) {
        memcpy(save, &env->regs[8], sizeof(env->usr_r8_12));
        memcpy(&env->regs[8], load, sizeof(env->usr_r8_12));
    }
}

void arm_switch_mode(CPUARMState *env, unsigned mode)
{
    unsigned from = arm_bank(env->cpsr & CPSR_M), to = arm_bank(mode);

    env->cpsr = (env->cpsr & ~(uint32_t)CPSR_M) | mode;
    if (from == to) {
        return;
    }
    move_high_registers(env, from, to);
    env->banked_r13[from] = env->regs[R_SP];
    env->banked_r14[from] = env->regs[R_LR];
    env->banked_spsr[from] = env->spsr;
    env->regs[R_SP] = env->banked_r13[to];
    env->regs[R_LR] = env->banked_r14[to];
    env->spsr = env->banked_spsr[to];
}

/* -- CPSR: ARM ARM A2.5 ------------------------------------------------------ */

uint32_t arm_cpsr_read(CPUARMState *env)
{
    arm_flags_sync(env);
    return env->cpsr | (env->nf & CPSR_N) | (env->zf ? 0 : CPSR_Z) | env->cf << 29 |
           env->vf >> 31 << 28 | env->qf << 27 | env->ge << CPSR_GE_SHIFT | env->thumb << 5;
}

static void write_flags(CPUARMState *env, uint32_t val, uint32_t mask)
{
    arm_flags_sync(env);
    if (mask & CPSR_N) {
        /* N and Z live in a word each: N = 1 and Z = 1 can be said. */
        env->nf = val & CPSR_N;
    }
    if (mask & CPSR_Z) {
        env->zf = !(val & CPSR_Z);
    }
    if (mask & CPSR_C) {
        env->cf = val >> 29 & 1;
    }
    if (mask & CPSR_V) {
        env->vf = val << 3;
    }
}

/* What this core has of the CPSR. */
static uint32_t cpsr_bits(const CPUARMState *env)
{
    uint32_t mask = (uint32_t)(CPSR_NZCV | CPSR_I | CPSR_F | CPSR_T | CPSR_M);

    mask |= env->features & ARM_V5TE ? CPSR_Q : 0;
    mask |= env->features & ARM_V6 ? CPSR_GE | CPSR_E | CPSR_A : 0;
    return mask;
}

void arm_cpsr_write(CPUARMState *env, uint32_t val, uint32_t mask)
{
    enum { PLAIN = CPSR_I | CPSR_F | CPSR_A | CPSR_E };
    uint32_t unmasked;

    mask &= cpsr_bits(env);
    write_flags(env, val, mask);
    if (mask & CPSR_Q) {
        env->qf = val >> 27 & 1;
    }
    if (mask & CPSR_GE) {
        env->ge = val >> CPSR_GE_SHIFT & 15;
    }
    if (mask & CPSR_T) {
        env->thumb = val >> 5 & 1;
    }
    if (mask & CPSR_M) {
        if (mode_exists(val & CPSR_M)) {
            arm_switch_mode(env, val & CPSR_M);
        } else {                        /* UNPREDICTABLE: stay */
            log_guest("arm", "mode %02x does not exist, at %08x", val & CPSR_M,
                      env->regs[R_PC]);
        }
    }
    unmasked = env->cpsr & ~val & mask & (CPSR_I | CPSR_F);
    env->cpsr = (env->cpsr & ~(mask & PLAIN)) | (val & mask & PLAIN);
    if (unmasked && __atomic_load_n(&env->common.interrupt_request, __ATOMIC_RELAXED)) {
        __atomic_store_n(&env->common.exit_request, 1, __ATOMIC_SEQ_CST);
    }
    arm_update_tbflags(env);
}

/* -- Block keys -------------------------------------------------------------- */

static uint32_t memory_flags(const CPUARMState *env)
{
    uint32_t sctlr = env->cp15.sctlr;
    bool big = env->features & ARM_V6 ? env->cpsr & CPSR_E || sctlr & SCTLR_B : sctlr & SCTLR_B;

    return (big ? TBF_E : 0) | (sctlr & SCTLR_A ? TBF_ALIGN : 0) |
           (sctlr & SCTLR_U ? TBF_UNALIGNED : 0) | (sctlr & SCTLR_L4 ? TBF_L4 : 0);
}

void arm_update_tbflags(CPUARMState *env)
{
    bool priv = arm_is_priv(env);

    env->tbflags = (env->thumb ? TBF_THUMB : 0) | (priv ? TBF_PRIV : 0) |
                   arm_mmu_index(env, priv) << TBF_MMUIDX_SHIFT | memory_flags(env) |
                   arm_vfp_tbflags(env);
}

static TBKey tb_key(CPUState *cpu)
{
    const CPUARMState *env = arm_env(cpu);

    return (TBKey){ .pc = env->regs[R_PC], .flags = env->tbflags };
}

static unsigned mmu_index(CPUState *cpu)
{
    /* A snapshot may hold anything. */
    return (arm_env(cpu)->tbflags & TBF_MMUIDX) >> TBF_MMUIDX_SHIFT & (NB_MMU_MODES - 1);
}

/* Bit 0 chooses the instruction set, as for BX: ELF entry points have it. */
static void set_pc(CPUState *cpu, uint32_t pc)
{
    CPUARMState *env = arm_env(cpu);

    env->regs[R_PC] = pc & ~1u;
    if (pc & 1) {
        env->thumb = 1;
        arm_update_tbflags(env);
    }
}

static void exec_enter(CPUState *cpu) { (void)cpu; }
static void exec_exit(CPUState *cpu) { (void)cpu; }


static bool has_work(CPUState *cpu)
{
    /* Masked or not: DDI 0198, 2.3.9, and the same for other cores. */
    return __atomic_load_n(&cpu->common.interrupt_request, __ATOMIC_ACQUIRE) &
           (CPU_INTERRUPT_HARD | CPU_INTERRUPT_FIQ);
}

/* -- Reset: ARM ARM A2.6.2, B3.4.1 ------------------------------------------- */

static void reset_cp15(CPUARMState *env)
{
    memset(&env->cp15, 0, sizeof(env->cp15));
    if (env->model) {
        env->cp15.sctlr = env->model->sctlr_reset;
    }
    if (env->features & ARM_V6) {
        env->cp15.auxcr = 7;            /* DDI 0211, 3.2.19 */
    }
    env->cp15.dacr_of[1] = ~0u;
}

static void reset(CPUState *cpu)
{
    CPUARMState *env = arm_env(cpu);

    memset(env->regs, 0, sizeof(env->regs));
    memset(env->banked_r13, 0, sizeof(env->banked_r13));
    memset(env->banked_r14, 0, sizeof(env->banked_r14));
    memset(env->banked_spsr, 0, sizeof(env->banked_spsr));
    memset(env->usr_r8_12, 0, sizeof(env->usr_r8_12));
    memset(env->fiq_r8_12, 0, sizeof(env->fiq_r8_12));
    env->nf = env->cf = env->vf = env->cc_op = 0;
    env->zf = 1;
    env->qf = env->ge = env->thumb = env->spsr = 0;
    env->cpsr = MODE_SVC | CPSR_I | CPSR_F | (env->features & ARM_V6 ? CPSR_A : 0);
    env->excl_addr = ~0u;
    env->excl_val = 0;
    env->fault_status = env->fault_addr = 0;
    reset_cp15(env);
    arm_vfp_reset(env);
    env->regs[R_PC] = env->cp15.sctlr & SCTLR_V ? 0xffff0000 : 0;
    arm_update_tbflags(env);
    cpu->common.exception_index = EXCP_NONE;
    cpu->common.halted = 0;
    tlb_flush(cpu);
}

static void destroy(CPUState *cpu)
{
    CPUARMState *env = arm_env(cpu);

    arm_decoder_free(env->decoder);
    arm_semihost_free(env);
}

/* -- Snapshot ---------------------------------------------------------------- */

static const VMField cp15_vmstate[] = {
    VM_FIELD(ArmCp15, sctlr), VM_FIELD(ArmCp15, auxcr), VM_FIELD(ArmCp15, cpacr),
    VM_ARRAY(ArmCp15, ttbr), VM_FIELD(ArmCp15, ttbcr), VM_FIELD(ArmCp15, dacr),
    VM_FIELD(ArmCp15, dfsr), VM_FIELD(ArmCp15, ifsr),
    VM_FIELD(ArmCp15, mpu_dap), VM_FIELD(ArmCp15, mpu_iap),
    VM_FIELD(ArmCp15, dfar), VM_FIELD(ArmCp15, ifar), VM_ARRAY(ArmCp15, mpu_region),
    VM_FIELD(ArmCp15, dlock), VM_FIELD(ArmCp15, ilock),
    VM_FIELD(ArmCp15, dtcm), VM_FIELD(ArmCp15, itcm), VM_FIELD(ArmCp15, tlb_lock),
    VM_FIELD(ArmCp15, prrr), VM_FIELD(ArmCp15, nmrr),
    VM_FIELD(ArmCp15, fcse), VM_FIELD(ArmCp15, context), VM_ARRAY(ArmCp15, tls),
    VM_ARRAY(ArmCp15, test), VM_ARRAY(ArmCp15, dacr_of), VM_END
};

static const VMField vmstate[] = {
    VM_FIELD(CPUARMState, common.interrupt_request),
    VM_FIELD(CPUARMState, common.halted),
    VM_ARRAY(CPUARMState, regs),
    VM_FIELD(CPUARMState, nf), VM_FIELD(CPUARMState, zf), VM_FIELD(CPUARMState, cf),
    VM_FIELD(CPUARMState, vf), VM_FIELD(CPUARMState, cc_op), VM_FIELD(CPUARMState, thumb),
    VM_FIELD(CPUARMState, qf), VM_FIELD(CPUARMState, ge), VM_FIELD(CPUARMState, cpsr),
    VM_FIELD(CPUARMState, spsr), VM_FIELD(CPUARMState, tbflags),
    VM_ARRAY(CPUARMState, banked_r13), VM_ARRAY(CPUARMState, banked_r14),
    VM_ARRAY(CPUARMState, banked_spsr),
    VM_ARRAY(CPUARMState, usr_r8_12), VM_ARRAY(CPUARMState, fiq_r8_12),
    VM_FIELD(CPUARMState, excl_addr), VM_FIELD(CPUARMState, excl_val),
    VM_ARRAY(CPUARMState, vfp.d),
    VM_FIELD(CPUARMState, fpscr), VM_FIELD(CPUARMState, fpscr_nzcv),
    VM_FIELD(CPUARMState, fpexc), VM_FIELD(CPUARMState, fpinst), VM_FIELD(CPUARMState, fpinst2),
    VM_FIELD(CPUARMState, mxcsr_host),
    VM_STRUCTS(CPUARMState, cp15, 1, cp15_vmstate),
    VM_FIELD(CPUARMState, fault_status), VM_FIELD(CPUARMState, fault_addr),
    VM_END
};

/* -- For humans -------------------------------------------------------------- */

typedef struct Out {
    void (*put)(void *, const char *);
    void *opaque;
} Out;

static void out(const Out *o, char *line)
{
    o->put(o->opaque, line);
    free(line);
}

static const char *mode_name(uint32_t psr)
{
    static const char *const names[16] = {
        "usr", "fiq", "irq", "svc", "???", "???", "???", "abt",
        "???", "???", "???", "und", "???", "???", "???", "sys",
    };

    return psr & 0x10 ? names[psr & 15] : "???";
}

static void dump_vfp(CPUARMState *env, const Out *o)
{
    for (unsigned i = 0; i < 16; i++) {
        out(o, xasprintf("s%02u=%08x s%02u=%08x d%02u=%016llx(%8g)\n", 2 * i,
                         env->vfp.s[2 * i], 2 * i + 1, env->vfp.s[2 * i + 1], i,
                         (unsigned long long)env->vfp.d[i], env->vfp.fd[i]));
    }
    out(o, xasprintf("FPSCR: %08x FPEXC: %08x\n", arm_fpscr_read(env), env->fpexc));
}

/* The floating-point registers only while the guest has them switched on. */
static void dump_state(CPUState *cpu, void (*put)(void *, const char *), void *opaque)
{
    CPUARMState *env = arm_env(cpu);
    uint32_t psr = arm_cpsr_read(env);
    Out o = { put, opaque };

    for (unsigned i = 0; i < 16; i++) {
        out(&o, xasprintf("R%02u=%08x%c", i, env->regs[i], i % 4 == 3 ? '\n' : ' '));
    }
    out(&o, xasprintf("PSR=%08x %c%c%c%c %c %s32\n", psr, psr & CPSR_N ? 'N' : '-',
                      psr & CPSR_Z ? 'Z' : '-', psr & CPSR_C ? 'C' : '-',
                      psr & CPSR_V ? 'V' : '-', psr & CPSR_T ? 'T' : 'A', mode_name(psr)));
    if (env->tbflags & TBF_VFP) {
        dump_vfp(env, &o);
    }
}

/* capstone's CS_ARCH_ARM is 0; CS_MODE_ARM 0, CS_MODE_THUMB 16. */
static int disas_mode(uint32_t tb_flags, int *arch)
{
    *arch = 0;
    return tb_flags & TBF_THUMB ? 16 : 0;
}

const CPUOps arm_cpu_ops = {
    .name = "arm",
    .tcg = &arm_tcg_target,
    .state_size = sizeof(CPUARMState),
    .vmstate = vmstate,
    .list_models = arm_list_models,
    .reset = reset,
    .destroy = destroy,
    .tb_key = tb_key,
    .mmu_index = mmu_index,
    .set_pc = set_pc,
    .restore_state = arm_restore_state,
    .gen_intermediate_code = arm_gen_intermediate_code,
    .tlb_fill = arm_tlb_fill,
    .unaligned = arm_unaligned,
    .phys_page_debug = arm_phys_page_debug,
    .do_interrupt = arm_do_interrupt,
    .exec_interrupt = arm_exec_interrupt,
    .has_work = has_work,
    .exec_enter = exec_enter,
    .exec_exit = exec_exit,
    .exec_landed = arm_vfp_landed,
    .dump_state = dump_state,
    .disas_mode = disas_mode,
    .disassemble = arm_disassemble_code,
    .get_register = arm_get_register,
    .dump_mem = arm_dump_mem,
    .dump_tlb = arm_dump_tlb,
    .gdb_arch = "arm",
    .gdb_features = arm_gdb_features,
    .gdb_read_reg = arm_gdb_read_reg,
    .gdb_write_reg = arm_gdb_write_reg,
};

const CPUOps *const target_cpu_ops = &arm_cpu_ops;
