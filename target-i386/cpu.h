/* SPDX-License-Identifier: MIT */
/*
 * i386 processor state, as generated code and helpers see it.
 *
 * "SDM" in this folder is the Intel 64 and IA-32 Architectures Software
 * Developer's Manual, order numbers 253665 (vol. 1) to 253669 (vol. 3).
 *
 * Lazy flags.  The six arithmetic flags are not stored: cc_op says what was
 * done last, cc_dst its result, cc_src (and cc_src2) its operands; EFLAGS are
 * computed when somebody looks (cc.c).  DF is in `df` as +1 or -1.  `eflags`
 * holds all other bits.
 *
 * hflags ("hidden flags") are what translated code depends on besides its
 * address: the mode.  They are kept up to date by whatever changes a source of
 * them (x86_update_hflags) and are the flags of the TBKey.  A segment whose
 * FLAT bit is set has base 0, limit 4G and all rights an access needs: code
 * for it has no check at all.
 */
#ifndef TARGET_I386_CPU_H
#define TARGET_I386_CPU_H

#include "cpu-common.h"

enum { R_EAX, R_ECX, R_EDX, R_EBX, R_ESP, R_EBP, R_ESI, R_EDI };
enum { R_ES, R_CS, R_SS, R_DS, R_FS, R_GS };

/* EFLAGS, SDM vol. 1, 3.4.3 */
enum {
    CC_C = 1, CC_P = 1 << 2, CC_A = 1 << 4, CC_Z = 1 << 6, CC_S = 1 << 7,
    CC_O = 1 << 11, CC_ALL = CC_C | CC_P | CC_A | CC_Z | CC_S | CC_O,
    TF_MASK = 1 << 8, IF_MASK = 1 << 9, DF_MASK = 1 << 10, IOPL_MASK = 3 << 12,
    IOPL_SHIFT = 12, NT_MASK = 1 << 14, RF_MASK = 1 << 16, VM_MASK = 1 << 17,
    AC_MASK = 1 << 18, VIF_MASK = 1 << 19, VIP_MASK = 1 << 20, ID_MASK = 1 << 21,
};

/* hflags */
enum {
    HF_CPL_MASK  = 3,
    HF_CS32      = 1 << 2,              /* default operand and address size */
    HF_SS32      = 1 << 3,              /* stack pointer is ESP */
    HF_PE        = 1 << 4,              /* CR0.PE and not EFLAGS.VM */
    HF_VM        = 1 << 5,              /* virtual-8086 */
    HF_IOPL_SHIFT = 6, HF_IOPL_MASK = 3 << 6,
    HF_TF        = 1 << 8,
    HF_BP        = 1 << 9,              /* an instruction breakpoint is armed */
    HF_INHIBIT   = 1 << 10,             /* STI or MOV SS came right before */
    HF_MP        = 1 << 11,             /* CR0.MP EM TS */
    HF_EM        = 1 << 12,
    HF_TS        = 1 << 13,
    HF_OSFXSR    = 1 << 14,             /* CR4.OSFXSR */
    HF_AC        = 1 << 15,             /* alignment is checked */
    HF_SMM       = 1 << 16,
    HF_FLAT_SHIFT = 17,                 /* + R_xx: that segment is flat */
    HF_SSE_TRAP  = 1 << 23,             /* MXCSR has an unmasked exception */
    HF_FPU_TRAP  = 1 << 24,             /* and the x87 control word */
    HF_VME       = 1 << 27,             /* CR4.VME, or PVI at CPL 3 */
    HF_OSXMMEXCPT = 1 << 28,
    HF_EXPAND    = 1 << 29,             /* an expand-down segment is in use: limits
                                           are checked by helper; set by
                                           h_seg_slow, may be dropped any time */
};
#define HF_FLAT(seg) (1u << (HF_FLAT_SHIFT + (seg)))

/* Descriptor attributes as in its second doubleword, SDM vol. 3, 3.4.5 */
enum {
    DESC_A = 1 << 8, DESC_W = 1 << 9 /* data */, DESC_R = 1 << 9 /* code */,
    DESC_E = 1 << 10 /* expand down */, DESC_C = 1 << 10 /* conforming */,
    DESC_CODE = 1 << 11, DESC_S = 1 << 12, DESC_DPL_SHIFT = 13,
    DESC_DPL = 3 << 13, DESC_P = 1 << 15, DESC_B = 1 << 22, DESC_G = 1 << 23,
    DESC_TYPE_SHIFT = 8, DESC_TYPE = 15 << 8, DESC_TSS_BUSY = 1 << 9,
};

enum {
    CR0_PE = 1, CR0_MP = 1 << 1, CR0_EM = 1 << 2, CR0_TS = 1 << 3,
    CR0_ET = 1 << 4, CR0_NE = 1 << 5, CR0_WP = 1 << 16, CR0_AM = 1 << 18,
    CR0_NW = 1 << 29, CR0_CD = 1 << 30, CR0_PG = 1 << 31,
    CR4_VME = 1, CR4_PVI = 1 << 1, CR4_TSD = 1 << 2, CR4_DE = 1 << 3,
    CR4_PSE = 1 << 4, CR4_PAE = 1 << 5, CR4_MCE = 1 << 6, CR4_PGE = 1 << 7,
    CR4_PCE = 1 << 8, CR4_OSFXSR = 1 << 9, CR4_OSXMMEXCPT = 1 << 10,
};

/* Exceptions, SDM vol. 3, 6.3.1 */
enum {
    EXCP_DE, EXCP_DB, EXCP_NMI, EXCP_BP, EXCP_OF, EXCP_BR, EXCP_UD, EXCP_NM,
    EXCP_DF, EXCP_CSO, EXCP_TS, EXCP_NP, EXCP_SS, EXCP_GP, EXCP_PF,
    EXCP_MF = 16, EXCP_AC, EXCP_MC, EXCP_XM,
};

/* interrupt_request bits of our own */
enum {
    CPU_INTERRUPT_NMI  = 1 << 8,
    CPU_INTERRUPT_SMI  = 1 << 9,
    CPU_INTERRUPT_INIT = 1 << 10,
    CPU_INTERRUPT_SIPI = 1 << 11,
    CPU_INTERRUPT_A20  = 1 << 12,       /* a20_pin has changed */
};

typedef struct SegmentCache {
    uint32_t selector, base, limit;     /* limit in bytes, last valid offset */
    uint32_t flags;                     /* DESC_xxx */
    /*
     * Access to offsets 0 .. last is allowed, for reading and for writing; -1:
     * none is, or the segment expands down: x86_seg_check() decides.
     */
    int64_t read_last, write_last;
} SegmentCache;

typedef struct DescTable { uint32_t base, limit; } DescTable;

typedef union XMMReg {
    uint8_t b[16];
    uint16_t w[8];
    uint32_t l[4];
    uint64_t q[2];
    float s[4];
    double d[2];
} XMMReg __attribute__((aligned(16)));

/* An 80-bit register in a 16-byte slot; MMX registers are the low 8 bytes. */
typedef union FPReg {
    struct { uint64_t mant; uint16_t se; } f;
    uint64_t mmx;
    uint8_t b[16];
} FPReg __attribute__((aligned(16)));

/* What the board solders to the processor.  All with the global lock held. */
typedef struct X86Pins {
    int (*intack)(void *opaque);        /* vector of the pending INTR */
    void (*ferr)(void *opaque, int level);      /* FERR#: IRQ 13 */
    void (*smm)(void *opaque, bool active);     /* SMIACT#: SMRAM visible */
    void (*shutdown)(void *opaque);     /* triple fault: the board resets */
    uint64_t (*get_apic_base)(void *opaque);
    void (*set_apic_base)(void *opaque, uint64_t val);
    void *opaque;                       /* all may be NULL: not connected */
} X86Pins;

typedef struct X86Model X86Model;       /* cpuid.h */

typedef struct CPUX86State {
    CPUCommon common;

    uint32_t regs[8];
    uint32_t eip;                       /* not kept up to date in blocks */
    uint32_t cc_op;                     /* CCOp, cc.h */
    uint32_t cc_dst, cc_src, cc_src2, cc_inc;
    int32_t df;
    uint32_t eflags;                    /* all but CC_ALL and DF */
    uint32_t hflags;

    SegmentCache segs[6];
    SegmentCache ldt, tr;
    DescTable gdt, idt;
    uint32_t cr[5];
    uint32_t dr[8];
    uint32_t a20_mask;                  /* ~0, or ~(1 << 20) */
    uint32_t a20_pin;
    uint64_t pdpte[4];                  /* PAE: loaded with CR3 */

    /* x87 and MMX (SDM vol. 1, chapter 8) */
    FPReg fpregs[8];                    /* physical: st(i) is (top + i) & 7 */
    uint8_t fptags[8];                  /* 1 = empty */
    uint32_t fpstt;                     /* TOP */
    uint32_t fpuc, fpus;                /* fpus without TOP */
    uint32_t fpop, fpip, fpcs, fpdp, fpds;
    uint32_t fpu_live;                  /* the host's unit has registers, tags, TOP
                                           and status; fpuc is exact: fpu.h */
    FPReg fp_mem;                       /* scratch of one instruction */

    XMMReg xmm[8];
    XMMReg xmm_d, xmm_t, xmm_saved;     /* scratch of one instruction */
    uint32_t mxcsr;                     /* the guest's: masks and modes; sticky
                                           flags are in mxcsr_host while code
                                           runs, see x86_mxcsr() */
    uint32_t mxcsr_host;                /* TCGTarget.mxcsr */

    uint32_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t efer, pat, star, misc_enable, apic_base;
    uint64_t mtrr_def, mtrr_fixed[11], mtrr_var[16];
    uint64_t mcg_status, mc_banks[4 * 4];
    int64_t tsc_offset;
    uint32_t smbase;
    uint32_t nmi_blocked;
    uint32_t sipi_vector;
    uint32_t wait_for_sipi;
    uint32_t monitor_armed;

    /* The exception being delivered */
    uint32_t error_code;
    uint32_t exception_is_int;          /* by INT n: no error code, DPL checked */
    uint32_t exception_next_eip;        /* for those: what is pushed */
    int32_t old_exception;              /* for double faults */

    /* Features, from the model; not in snapshots */
    X86Model *model;                    /* owned */
    uint32_t feat_1_edx, feat_1_ecx, feat_ext_edx, feat_ext_ecx;
    X86Pins pins;

    CPUTLB tlb;
} CPUX86State;

extern const CPUOps x86_cpu_ops;

static inline CPUX86State *x86_env(CPUState *cpu) { return (CPUX86State *)(void *)cpu; }
static inline CPUState *x86_cpu(CPUX86State *env) { return (CPUState *)(void *)env; }

/* "qemu32,+ssse3,-sse2"; also sets the reset state.  -cpu ? is x86_list_models */
int x86_set_model(CPUX86State *env, const char *spec, Error *err);
void x86_list_models(void (*put)(void *, const char *), void *opaque);

/* The A20 gate; any thread, with the lock. */
void x86_set_a20(CPUState *cpu, int level);
void x86_send_sipi(CPUState *cpu, unsigned vector);

/* -- Within target-i386 ------------------------------------------------------ */

/* EFLAGS, complete / only the arithmetic six. */
uint32_t x86_get_eflags(CPUX86State *env);
uint32_t x86_compute_cc(CPUX86State *env);
/* Change the bits in mask, and hflags with them. */
void x86_set_eflags(CPUX86State *env, uint32_t val, uint32_t mask);
void x86_update_hflags(CPUX86State *env);
uint32_t x86_mxcsr(CPUX86State *env);   /* with sticky flags as of now */
void x86_set_mxcsr(CPUX86State *env, uint32_t val);

/* Raise; ra as in cpu_loop_exit_restore().  err: error code where there is one */
_Noreturn void x86_raise(CPUX86State *env, int vector, uintptr_t ra);
_Noreturn void x86_raise_err(CPUX86State *env, int vector, uint32_t err,
                             uintptr_t ra);

/* Note it for delivery, with the rules of double and triple faults. */
void x86_note_exception(CPUX86State *env, int vector, uint32_t err);
/* Recompute what depends on type, limit and mode. */
void x86_seg_updated(CPUX86State *env, unsigned seg);
void x86_set_cpl(CPUX86State *env, unsigned cpl);
static inline unsigned x86_cpl(const CPUX86State *env) { return env->hflags & HF_CPL_MASK; }
/* Is this access allowed?  The linear address; else raises #SS or #GP. */
uint32_t x86_seg_check(CPUX86State *env, unsigned seg, uint32_t offset,
                       uint32_t size, bool write, uintptr_t ra);

#endif
