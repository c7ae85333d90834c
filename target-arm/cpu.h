/* SPDX-License-Identifier: MIT */
/*
 * ARM processor state, as generated code and helpers see it.
 *
 * "ARM ARM" in this folder is the ARM Architecture Reference Manual, ARM DDI
 * 0100I (v4T to v6); "ARMv7 ARM" is DDI 0406C, whose numbering of instructions
 * (A8.8.x) the decode tables use.  Core manuals: ARM920T DDI 0151, ARM926EJ-S
 * DDI 0198, ARM946E-S DDI 0201, ARM1026EJ-S DDI 0244, ARM1136JF-S DDI 0211.
 *
 * The four condition flags are kept apart, in the form that costs least:
 *      nf  bit 31 is N         cf  0 or 1
 *      zf  0 means Z = 1       vf  bit 31 is V
 * and T, Q, GE too; `cpsr` holds the other bits (mode, I, F, A, E).  Only
 * arm_cpsr_read() and arm_cpsr_write() know this.  After a subtraction they may
 * still be its operands (cc_op): arm_flags_sync() comes before reading them,
 * and who writes all four clears cc_op.
 *
 * regs[] are those of the current mode; arm_switch_mode() exchanges banks.
 * regs[15] is not kept up to date in blocks; at an exception and outside of
 * translated code it is the address of the current (next) instruction, without
 * the +8 or +4 a guest reads.
 */
#ifndef TARGET_ARM_CPU_H
#define TARGET_ARM_CPU_H

#include "cpu-common.h"

enum { R_SP = 13, R_LR = 14, R_PC = 15 };

/* CPSR, ARM ARM A2.5 */
enum {
    CPSR_M = 0x1f, CPSR_T = 1 << 5, CPSR_F = 1 << 6, CPSR_I = 1 << 7,
    CPSR_A = 1 << 8, CPSR_E = 1 << 9, CPSR_GE_SHIFT = 16, CPSR_GE = 15 << 16,
    CPSR_J = 1 << 24, CPSR_Q = 1 << 27, CPSR_V = 1 << 28, CPSR_C = 1 << 29,
    CPSR_Z = 1 << 30, CPSR_NZCV = (int)0xf0000000,
};
#define CPSR_N 0x80000000u

enum {
    MODE_USR = 0x10, MODE_FIQ = 0x11, MODE_IRQ = 0x12, MODE_SVC = 0x13,
    MODE_ABT = 0x17, MODE_UND = 0x1b, MODE_SYS = 0x1f,
};

/* Banks of r13, r14 and SPSR; r8-r12 have two. */
enum { BANK_USR, BANK_FIQ, BANK_IRQ, BANK_SVC, BANK_ABT, BANK_UND, NUM_BANKS };

/* Exceptions, as exception_index; ARM ARM A2.6 */
enum {
    EXCP_RESET, EXCP_UNDEF, EXCP_SWI, EXCP_PREFETCH_ABORT, EXCP_DATA_ABORT,
    EXCP_IRQ, EXCP_FIQ, EXCP_SEMIHOST,
};

/* interrupt_request: CPU_INTERRUPT_HARD is nIRQ */
enum { CPU_INTERRUPT_FIQ = 1 << 8 };

/* CP15 c1, ARM ARM B3.4 */
enum {
    SCTLR_M = 1, SCTLR_A = 1 << 1, SCTLR_C = 1 << 2, SCTLR_W = 1 << 3,
    SCTLR_B = 1 << 7, SCTLR_S = 1 << 8, SCTLR_R = 1 << 9, SCTLR_Z = 1 << 11,
    SCTLR_I = 1 << 12, SCTLR_V = 1 << 13, SCTLR_RR = 1 << 14,
    SCTLR_L4 = 1 << 15, SCTLR_FI = 1 << 21, SCTLR_U = 1 << 22,
    SCTLR_XP = 1 << 23, SCTLR_VE = 1 << 24, SCTLR_EE = 1 << 25,
    SCTLR_TR = 1 << 28, SCTLR_FA = 1 << 29,
};

/* What a core has: ArmModel.features, and conditions of decode rows. */
enum {
    ARM_V4T = 1, ARM_V5 = 1 << 1, ARM_V5TE = 1 << 2, ARM_V5J = 1 << 3,
    ARM_V6 = 1 << 4, ARM_V6K = 1 << 5, ARM_VFP2 = 1 << 6, ARM_MPU = 1 << 7,
    ARM_MMU_V6 = 1 << 8,
};

/*
 * The flags of a TBKey: what translated code depends on besides its address.
 * Kept in env->tbflags by arm_update_tbflags(), which whoever changes a source
 * calls; code that changes one ends its block.
 */
enum {
    TBF_THUMB  = 1,
    TBF_PRIV   = 1 << 1,                /* not User mode */
    TBF_MMUIDX_SHIFT = 2, TBF_MMUIDX = 7 << 2,
    TBF_E      = 1 << 5,                /* data is big endian (CPSR.E, c1.B) */
    TBF_ALIGN  = 1 << 6,                /* alignment is checked (c1.A) */
    TBF_UNALIGNED = 1 << 7,             /* v6 unaligned access (c1.U); else
                                           old rotation and masking */
    TBF_VFP    = 1 << 8,                /* FPEXC.EN, and c1,c0,2 allows it */
    TBF_VECLEN_SHIFT = 9, TBF_VECLEN = 7 << 9,          /* FPSCR.LEN */
    TBF_VECSTRIDE_SHIFT = 12, TBF_VECSTRIDE = 3 << 12,  /* FPSCR.STRIDE */
    TBF_L4     = 1 << 14,               /* c1.L4: loads to PC do not set T */
    TBF_FPFAST = 1 << 15,               /* round to nearest, no traps, no FZ/DN:
                                           host arithmetic may be exact */
};

typedef struct ArmModel {
    const char *name;                   /* "arm926" */
    const char *desc;
    uint32_t features;
    uint32_t midr, ctr, tcmtr, sctlr_reset, sctlr_wmask, fpsid, mvfr0, mvfr1;
    const uint32_t *id;                 /* c0,c1 and c0,c2 of v6: 16, or NULL */
} ArmModel;

/* What the board gives the processor; all may be NULL. */
typedef struct ArmPins {
    /* Semihosting's SYS_EXIT; global lock held. */
    void (*exit)(void *opaque, int code);
    const char *semihost_cmdline;
    bool semihosting;
    void *opaque;
} ArmPins;

typedef struct ArmCp15 {
    uint32_t sctlr, auxcr, cpacr;               /* c1 */
    uint32_t ttbr[2], ttbcr;                    /* c2; MPU: cachable bits */
    uint32_t dacr;                              /* c3; MPU: write buffer */
    uint32_t dfsr, ifsr;                        /* c5; MPU: see mpu_ap */
    uint32_t mpu_dap, mpu_iap;                  /* c5 of 946: extended */
    uint32_t dfar, ifar;                        /* c6 */
    uint32_t mpu_region[8];                     /* c6 of 946 */
    uint32_t dlock, ilock, dtcm, itcm;          /* c9 */
    uint32_t tlb_lock;                          /* c10 */
    uint32_t prrr, nmrr;                        /* c10 of v6 */
    uint32_t fcse, context, tls[3];             /* c13 */
    uint32_t test[8];                           /* c15, as kept */
    uint32_t dacr_of[2];                        /* DACR of the TLB sets, mmu.c */
} ArmCp15;

/* What the flags are; bits of cc_op. */
enum {
    CC_LAZY_CV = 1,                     /* C, V: of the subtraction cf - vf */
    CC_LAZY_NZ = 2,                     /* with LAZY_CV: N and Z too */
};

typedef struct CPUARMState {
    CPUCommon common;

    uint32_t regs[16];
    uint32_t nf, zf, cf, vf;
    uint32_t cc_op;                     /* CC_xxx */
    uint32_t thumb;                     /* CPSR.T */
    uint32_t qf;                        /* CPSR.Q: 0 or 1 */
    uint32_t ge;                        /* CPSR.GE: bits 3:0 */
    uint32_t cpsr;                      /* A E I F and mode */
    uint32_t spsr;                      /* of the current mode */
    uint32_t tbflags;

    uint32_t banked_r13[NUM_BANKS], banked_r14[NUM_BANKS], banked_spsr[NUM_BANKS];
    uint32_t usr_r8_12[5], fiq_r8_12[5];

    /* Exclusive monitor (v6): address, and the value that was seen there */
    uint32_t excl_addr;                 /* ~0: open */
    uint64_t excl_val;

    /* VFP: s0 is the low half of d0 */
    union { uint32_t s[32]; uint64_t d[16]; float fs[32]; double fd[16]; } vfp;
    uint32_t fpscr;                     /* but the flags NZCV, below, and the
                                           cumulative ones that the host still
                                           has: arm_fpscr_read() */
    uint32_t fpscr_nzcv;
    uint32_t fpexc, fpinst, fpinst2;
    uint32_t mxcsr_host;                /* TCGTarget.mxcsr */
    uint64_t vfp_const;                 /* within an instruction: gen-vfp.c */

    ArmCp15 cp15;

    /* The exception being delivered */
    uint32_t fault_status, fault_addr;

    /* From the model; not in snapshots */
    const ArmModel *model;
    uint32_t features;
    ArmPins pins;
    struct ArmSemihost *semihost;       /* or NULL: semihost.c */
    struct ArmDecoder *decoder;         /* arm_gen_intermediate_code() makes it,
                                           CPUOps.destroy frees it */

    CPUTLB tlb;
} CPUARMState;

extern const CPUOps arm_cpu_ops;

static inline CPUARMState *arm_env(CPUState *cpu) { return (CPUARMState *)(void *)cpu; }
static inline CPUState *arm_cpu(CPUARMState *env) { return (CPUState *)(void *)env; }

/* "arm926"; also sets the reset state. */
int arm_set_model(CPUARMState *env, const char *name, Error *err);
void arm_list_models(void (*put)(void *, const char *), void *opaque);

/* -- Within target-arm ------------------------------------------------------- */

/* CPSR as a whole; write changes the bits in mask, the bank and tbflags. */
static inline void arm_flags_sync(CPUARMState *env)
{
    uint32_t a = env->cf, b = env->vf;

    if (env->cc_op & CC_LAZY_NZ) {
        env->nf = env->zf = a - b;
    }
    if (env->cc_op) {
        env->cf = a >= b;
        env->vf = (a ^ b) & (a ^ (a - b));
        env->cc_op = 0;
    }
}
uint32_t arm_cpsr_read(CPUARMState *env);
void arm_cpsr_write(CPUARMState *env, uint32_t val, uint32_t mask);
void arm_switch_mode(CPUARMState *env, unsigned mode);
unsigned arm_bank(unsigned mode);
void arm_update_tbflags(CPUARMState *env);
static inline bool arm_is_priv(const CPUARMState *env)
{
    return (env->cpsr & CPSR_M) != MODE_USR;
}

/* Raise; ra as in cpu_loop_exit_restore(). */
_Noreturn void arm_raise(CPUARMState *env, int excp, uintptr_t ra);

/* FPSCR as the guest sees it, with cumulative flags as of now. */
uint32_t arm_fpscr_read(CPUARMState *env);
void arm_fpscr_write(CPUARMState *env, uint32_t val);

/*
 * CP15.  insn is the MCR or MRC word.  Unknown registers and rights are
 * UNDEFINED: false, logged.  May flush TLBs and change tbflags.
 */
bool arm_cp15_read(CPUARMState *env, uint32_t insn, uint32_t *val);
bool arm_cp15_write(CPUARMState *env, uint32_t insn, uint32_t val);
/* Does a write of this register leave code and mode as they are (so that the
 * block may go on)? */
bool arm_cp15_write_is_quiet(uint32_t insn);
/* Is there such a register, and nothing to be done when it is written (the caches)? */
bool arm_cp15_write_is_nothing(uint32_t features, uint32_t insn, bool priv);

/* CPUOps.tlb_fill and phys_page_debug */
bool arm_tlb_fill(CPUState *cpu, vaddr addr, MMUAccess access, unsigned mmu_idx,
                  bool probe);
hwaddr arm_phys_page_debug(CPUState *cpu, vaddr page);
/* MMU index of LDRT, STRT: User's, under the current domains. */
unsigned arm_mmu_index(const CPUARMState *env, bool priv);
void arm_dacr_write(CPUARMState *env, uint32_t val);

/* CPUOps.do_interrupt and exec_interrupt: excp.c */
void arm_do_interrupt(CPUState *cpu);
bool arm_exec_interrupt(CPUState *cpu, uint32_t request);

/* Semihosting call, r0 and r1 as ARM DUI 0203 wants them. */
void arm_semihost(CPUARMState *env);

#endif
