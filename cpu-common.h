/* SPDX-License-Identifier: MIT */
/*
 * What every guest CPU has, and what it must provide.
 *
 *   struct CPUX86State {               struct CPUARMState {
 *       CPUCommon common;                  CPUCommon common;
 *       uint32_t regs[8]; ...              uint32_t regs[16]; ...
 *       CPUTLB tlb;                        CPUTLB tlb;
 *   };                                 };
 *
 * The engine (exec.c, cpu-exec.c, translate-all.c, cpus.c) sees a CPUState,
 * that is: the start of the guest's state, plus a const CPUOps.  It never
 * names a guest.  Guest state is plain data up to `tlb`; pointers live in
 * CPUCommon only.
 *
 * Threads: a CPU's state belongs to its vCPU thread.  Other threads may call
 * cpu_interrupt(), cpu_kick() and cpu_reset_interrupt() only.
 */
#ifndef CPU_COMMON_H
#define CPU_COMMON_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sys/vmstate.h"
#include "tcg/tcg.h"
#include "util/error.h"

typedef uint64_t vaddr;                 /* guest virtual address */
typedef uint64_t hwaddr;                /* guest physical address */

#define TARGET_PAGE_BITS 12
#define TARGET_PAGE_SIZE (1u << TARGET_PAGE_BITS)
#define TARGET_PAGE_MASK (~(vaddr)(TARGET_PAGE_SIZE - 1))

/* -- Software TLB, probed by translated code (layout: tcg.h, TCGSoftMMU) ----- */

#define NB_MMU_MODES  4                 /* i386 uses 2 of them */
#define CPU_TLB_BITS  12                /* most entries; the mask may use fewer */
#define CPU_TLB_SIZE  (1u << CPU_TLB_BITS)

typedef struct CPUTLBEntry {
    uint32_t addr_read, addr_write;
    uintptr_t addend;                   /* host = guest + addend */
} CPUTLBEntry;

/* Low bits of addr_xxx: why a comparison must fail. */
enum {
    TLB_INVALID  = 1 << 11,             /* no access of this kind */
    TLB_MMIO     = 1 << 10,             /* not RAM: ask the device */
    TLB_NOTDIRTY = 1 << 9,              /* RAM, but the write must be noted */
    TLB_WATCH    = 1 << 8,              /* a debugger watches this page */
    TLB_SUBPAGE  = 1 << 7,              /* smaller: for this one access only */
};

typedef enum MMUAccess { MMU_READ, MMU_WRITE, MMU_FETCH } MMUAccess;

#define CPU_JMP_CACHE_BITS 15           /* entries: a compiler has 100000 blocks */
#define CPU_JMP_CACHE_SHIFT 14          /* hash_shift; keeps a page's together */

typedef struct CPUJumpEntry {
    uint32_t pc, tag;
    const uint8_t *tc_ptr;
} CPUJumpEntry;

/* At the very end of the guest's state. */
typedef struct CPUTLB {
    CPUTLBEntry table[NB_MMU_MODES][CPU_TLB_SIZE];
    CPUJumpEntry jump_cache[1 << CPU_JMP_CACHE_BITS];
} CPUTLB;

/* -- CPUCommon: at offset 0 of every guest's state --------------------------- */

typedef struct CPUOps CPUOps;
typedef struct CPUExec CPUExec;         /* the engine's private part (exec.h) */
typedef struct AddressSpace AddressSpace;

/* interrupt_request: the low byte is common, the rest is the guest's own. */
enum {
    CPU_INTERRUPT_HARD  = 1 << 0,       /* the interrupt pin */
    CPU_INTERRUPT_EXIT  = 1 << 1,       /* leave cpu_exec: stop, monitor, timer */
    CPU_INTERRUPT_RESET = 1 << 2,
    CPU_INTERRUPT_DEBUG = 1 << 3,
};

/* exception_index besides the guest's own vectors (0 .. 0xffff) */
enum {
    EXCP_NONE      = -1,
    EXCP_INTERRUPT = 0x10000,           /* leave cpu_exec, nothing is wrong */
    EXCP_HLT       = 0x10001,           /* halted: wait for an interrupt */
    EXCP_DEBUG     = 0x10002,           /* breakpoint or watchpoint */
};

typedef struct CPUCommon {
    uint32_t exit_request;              /* tested at each block head */
    uint32_t interrupt_request;         /* atomic: use cpu_interrupt() */
    uint32_t tlb_mask[NB_MMU_MODES];    /* (entries in use - 1) * 16 */
    int32_t exception_index;
    uint32_t halted;
    uint32_t cpu_index;
    uint32_t tlb_offset;                /* of CPUTLB in the guest's state */
    const CPUOps *ops;
    CPUExec *exec;
} CPUCommon;

typedef struct CPUState {               /* any guest's state, seen from outside */
    CPUCommon common;
} CPUState;

static inline CPUTLB *cpu_tlb(CPUState *cpu)
{
    return (CPUTLB *)(void *)((char *)cpu + cpu->common.tlb_offset);
}

/* What identifies a block besides its physical address. */
typedef struct TBKey {
    uint32_t pc;                        /* as the guest counts it (x86: EIP) */
    uint32_t cs_base;                   /* linear address = pc + cs_base */
    uint32_t flags;                     /* the guest's mode; the jump cache tag */
} TBKey;

/* One block to translate: read by gen_intermediate_code. */
typedef struct TranslationBlock TranslationBlock;

typedef struct DisasRequest {
    TBKey key;
    unsigned max_insns;                 /* 1 .. TCG_MAX_INSNS */
    unsigned mmu_idx;                   /* for instruction fetch */
    bool singlestep;                    /* of -singlestep: leave after each */
    bool checked;                       /* a store may change the code behind it:
                                           end after tcg_may_store() */
    /* Filled in by the front end: */
    uint32_t size;                      /* guest bytes, over at most 2 pages ... */
    uint32_t before;                    /* and these in front of pc, on its page:
                                           a jump leads there; 0 if checked */
    uint32_t num_insns;
    bool bound;                         /* computes with its pc more than a sum: its
                                           code cannot be moved to another pc */
} DisasRequest;

/* A processor's registers as GDB counts them: GDB manual, "Target Descriptions". */
#define GDB_REG_MAX 16

typedef struct GDBRegister {
    const char *name, *type;            /* a standard type, or one of the feature's */
    unsigned size;                      /* bytes */
} GDBRegister;

typedef struct GDBFeature {
    const char *name;                   /* "org.gnu.gdb.i386.core"; NULL: the end */
    const char *types;                  /* XML of its own types, or "" */
    const GDBRegister *regs;
    unsigned num;
} GDBFeature;

/*
 * What the engine asks of a guest architecture.  Constant, one per guest.
 * "Raises" means: cpu_loop_exit() after setting exception_index.
 */
struct CPUOps {
    const char *name;                   /* "i386" */
    const TCGTarget *tcg;
    size_t state_size;
    const VMField *vmstate;

    void (*list_models)(void (*put)(void *, const char *), void *opaque);

    void (*reset)(CPUState *cpu);
    /* Before its memory is freed: what it owns.  May be NULL. */
    void (*destroy)(CPUState *cpu);
    /* The block to run next, from the current state. */
    TBKey (*tb_key)(CPUState *cpu);
    unsigned (*mmu_index)(CPUState *cpu);
    void (*set_pc)(CPUState *cpu, uint32_t pc);
    /* After an exception in a block: pc and the word of tcg_insn_start(). */
    void (*restore_state)(CPUState *cpu, uint32_t pc, uint32_t word);
    /* Append operations for req; code is read with cpu_code_xxx() (exec.h). */
    void (*gen_intermediate_code)(CPUState *cpu, TCGContext *s,
                                  DisasRequest *req);
    /*
     * Find the translation of addr and tlb_set_page() it.  true: done.  false:
     * the fault is recorded in the state (exception_index, error code, fault
     * address) and the caller raises it, unless `probe`, which records nothing.
     */
    bool (*tlb_fill)(CPUState *cpu, vaddr addr, MMUAccess access,
                     unsigned mmu_idx, bool probe);
    /*
     * An access whose address is not a multiple of tcg_alignment(memop); may
     * be NULL if the front end has none.  true: go on at *addr, and rotate what
     * was loaded right by *rotate bits (0 before the call; MO_32 only).  false:
     * the fault is recorded as by tlb_fill.
     */
    bool (*unaligned)(CPUState *cpu, vaddr *addr, uint32_t memop, MMUAccess access,
                      unsigned *rotate);
    /* For debuggers: physical address of a page or ~0; no side effects. */
    hwaddr (*phys_page_debug)(CPUState *cpu, vaddr page);
    /* Deliver exception_index (then EXCP_NONE).  May raise again. */
    void (*do_interrupt)(CPUState *cpu);
    /* Take a pending interrupt if it is not masked; true if state changed. */
    bool (*exec_interrupt)(CPUState *cpu, uint32_t request);
    /* Halted and nothing that would wake it? */
    bool (*has_work)(CPUState *cpu);
    /* cpu_exec() is entered and left (floating-point environment). */
    void (*exec_enter)(CPUState *cpu);
    void (*exec_exit)(CPUState *cpu);
    /* Translated code was left by longjmp, its epilogue has not run.  May be
     * NULL. */
    void (*exec_landed)(CPUState *cpu);

    void (*dump_state)(CPUState *cpu, void (*put)(void *, const char *), void *opaque);
    /* capstone: mode and syntax for in_asm of a block with these flags;
     * -1 unknown */
    int (*disas_mode)(uint32_t tb_flags, int *arch);
    /*
     * The same without capstone: calls put for each instruction of code[0..len),
     * which is at addr, with its offset, size and text.  May be NULL.
     */
    void (*disassemble)(int mode, uint64_t addr, const uint8_t *code, size_t len,
                        void (*put)(void *opaque, size_t at, size_t size, const char *text),
                        void *opaque);
    /* For the monitor; each may be NULL.  A register by its name in lower case
     * ("eax", "cs.base"); the page tables as ranges and page by page. */
    bool (*get_register)(CPUState *cpu, const char *name, uint64_t *val);
    void (*dump_mem)(CPUState *cpu, void (*put)(void *, const char *), void *opaque);
    void (*dump_tlb)(CPUState *cpu, void (*put)(void *, const char *), void *opaque);
    /* For a debugger; may be NULL.  Registers are numbered through all features,
     * in the debugger's byte order; buf has GDB_REG_MAX bytes.  false: the value
     * cannot be. */
    const char *gdb_arch;
    const GDBFeature *(*gdb_features)(CPUState *cpu);
    void (*gdb_read_reg)(CPUState *cpu, unsigned n, uint8_t *buf);
    bool (*gdb_write_reg)(CPUState *cpu, unsigned n, const uint8_t *buf);
};

/* The guest architecture this program was linked with. */
extern const CPUOps *const target_cpu_ops;

/* -- What guests and devices ask of the engine ------------------------------- */

/* Raise the pin `mask` / drop it; any thread. */
void cpu_interrupt(CPUState *cpu, uint32_t mask);
void cpu_reset_interrupt(CPUState *cpu, uint32_t mask);

/* The CPU that is running on this thread; NULL on others. */
CPUState *cpu_current(void);

/* Leave translated code at once and go where exception_index says.  ra: return
 * address of the helper in translated code (GETPC()), 0 if none: then the
 * guest state is already exact. */
_Noreturn void cpu_loop_exit(CPUState *cpu);
_Noreturn void cpu_loop_exit_restore(CPUState *cpu, uintptr_t ra);
/* Make env exact as of the instruction that called; false if ra is not in
 * translated code. */
bool cpu_restore_state(CPUState *cpu, uintptr_t ra);

#define GETPC() ((uintptr_t)__builtin_return_address(0))

/* TLB, for tlb_fill and for the guest's flush instructions. */
enum { PAGE_READ = 1, PAGE_WRITE = 2, PAGE_EXEC = 4, PAGE_GLOBAL = 8 };
/*
 * size: of the guest's page that `page` lies in, which tlb_flush_page() then
 * flushes as a whole.  If it is less than TARGET_PAGE_SIZE (1 KiB at least), the
 * entry is good for one access, and no code is kept.
 */
void tlb_set_page(CPUState *cpu, vaddr page, hwaddr phys, int prot,
                  unsigned mmu_idx, uint64_t size);
void tlb_flush(CPUState *cpu);
void tlb_flush_nonglobal(CPUState *cpu);
void tlb_flush_idx(CPUState *cpu, uint32_t idxmap);     /* bit n: MMU index n */
void tlb_flush_page(CPUState *cpu, vaddr page);

/* Guest memory from a helper, virtual; may raise.  memop: size, MO_SIGN. */
uint64_t cpu_ld(CPUState *cpu, vaddr addr, uint32_t memop, unsigned mmu_idx,
                uintptr_t ra);
void cpu_st(CPUState *cpu, vaddr addr, uint64_t val, uint32_t memop,
            unsigned mmu_idx, uintptr_t ra);
/*
 * Host pointer for len bytes at addr (all within one page) if it is plain RAM
 * that may be accessed so directly, faulting first if the guest must; NULL if
 * it is a device or watched, then use cpu_ld/cpu_st.  For MMU_WRITE, dirty
 * tracking and self-modifying code are taken care of before returning.
 */
void *cpu_probe(CPUState *cpu, vaddr addr, unsigned len, MMUAccess access,
                unsigned mmu_idx, uintptr_t ra);

/* Guest memory, physical, as the CPU sees it (page walks, INVLPG ...). */
uint64_t cpu_ldphys(CPUState *cpu, hwaddr addr, unsigned size);
void cpu_stphys(CPUState *cpu, hwaddr addr, uint64_t val, unsigned size);
/* Does anything answer there? */
bool cpu_phys_exists(CPUState *cpu, hwaddr addr);

/* Port space (x86). */
uint32_t cpu_in(CPUState *cpu, uint32_t port, unsigned size);
void cpu_out(CPUState *cpu, uint32_t port, uint32_t val, unsigned size);

/*
 * Instruction bytes while translating; raises as a fetch would, with the guest
 * state exact.  So only a block's first instruction may reach into the next
 * page: end the block before any other that would.
 */
uint8_t cpu_code_u8(CPUState *cpu, vaddr linear);
uint16_t cpu_code_u16(CPUState *cpu, vaddr linear);
uint32_t cpu_code_u32(CPUState *cpu, vaddr linear);

/* Guest time, nanoseconds (for a time stamp counter). */
int64_t cpu_clock_ns(CPUState *cpu);

#endif
