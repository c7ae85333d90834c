/* SPDX-License-Identifier: MIT */
/*
 * The engine's private part of a processor, and what exec.c does besides
 * cpu-common.h: software TLB, instruction fetch, watched pages, debugger
 * access.  For the engine's own files, gdbstub and monitor.
 *
 *   translated code --hit--> CPUTLBEntry (in the guest's state)
 *                   --miss-> slow path -> TLBFull, beside it, same slot
 *                                      -> victims -> CPUOps.tlb_fill
 *
 * A TLB entry's fast part can only say "do it" or "ask"; TLBFull knows
 * everything.  Global pages survive tlb_flush_nonglobal().
 *
 * Threads: a CPUExec belongs to its vCPU thread.  tlb_lock guards the TLB
 * against tlb_ram_cleaned(), which comes from any thread.  A store that has
 * passed its check then may still land unnoticed: who must not miss one
 * (migration) clears dirty bits while the vCPU is parked.
 */
#ifndef EXEC_H
#define EXEC_H

#include "cpu-common.h"
#include "sys/clock.h"
#include "translate-all.h"

typedef struct CPUs CPUs;

enum {
    TLB_VICTIMS = 8,
    TLB_START = 256,                    /* entries; grows to CPU_TLB_SIZE */
    MAX_BREAKS = 32,
    MAX_WATCHES = 16,
    SEEN_PAGES = 2048,                  /* jump-cache.c */
    CODE_PAGES = 2048,                  /* jump-cache.c */
    CODE_PAGE_BLOCKS = 44,
    SLOT_LOG = 4096,                    /* of the TLB or the jump cache: a system call
                                           of Linux takes 50 pages, 2000 blocks */
};

typedef struct TLBFull {
    uint64_t ram_addr;                  /* of the page; NO_PAGE: a device */
    hwaddr phys;                        /* of the page */
    uint32_t page;                      /* guest address, NO_TLB_PAGE: free */
    uint8_t prot;                       /* PAGE_xxx */
    uint8_t size_bits;                  /* of the guest's page: 12, 21, 22; less
                                           than 12: TLB_SUBPAGE */
} TLBFull;

#define NO_TLB_PAGE (~0u)

enum {                                  /* to be done before the next block */
    PENDING_FLUSH = 1,                  /* the TLB */
    PENDING_RECLAIM = 2,                /* as_reclaim() */
};

/* Slots that were given away since the last flush, so that a flush costs what
 * was used.  num > SLOT_LOG: too many to tell. */
typedef struct SlotLog {
    unsigned num;
    uint16_t slot[SLOT_LOG];
} SlotLog;

static inline void slot_log_add(SlotLog *l, unsigned slot)
{
    if (l->num < SLOT_LOG) {
        l->slot[l->num++] = (uint16_t)slot;
    } else {
        l->num = SLOT_LOG + 1;
    }
}

typedef struct TLBMode {
    TLBFull full[CPU_TLB_SIZE];
    CPUTLBEntry victim[TLB_VICTIMS];
    TLBFull victim_full[TLB_VICTIMS];
    unsigned next_victim;
    bool used;                          /* filled since the last flush */
    SlotLog log[2];                     /* given to non-global, global pages */
    unsigned fills, conflicts;          /* in this window, for the size */
    uint64_t large[64];                 /* a bit for each MiB: parts of large pages */
} TLBMode;

/* One page of code as the fetch sees it. */
typedef struct CodePage {
    uint32_t page;                      /* linear address; NO_TLB_PAGE: none */
    bool global;
    const uint8_t *host;                /* NULL: a device */
    uint64_t ram_addr;                  /* NO_PAGE: a device */
    hwaddr phys;
} CodePage;

typedef struct Watch {
    uint32_t addr, len;
    bool read, write;
} Watch;

/* Blocks entered by the jump cache, by page: jump-cache.c */
typedef struct CodePageBlocks {
    uint32_t page;
    uint16_t num, mmu_idx;
    uint64_t ram_addr;
    uint64_t epoch;                     /* when they were put in last */
    bool global;
    TranslationBlock *tb[CODE_PAGE_BLOCKS];
} CodePageBlocks;

typedef struct SeenPage { uint32_t page; uint64_t epoch; } SeenPage;

typedef struct JumpCache {
    CPUJumpEntry second[1 << CPU_JMP_CACHE_BITS];   /* beside CPUTLB.jump_cache */
    SlotLog log[2];                     /* given to non-global, global pages */
    uint64_t epoch, full_epoch;         /* of the last flush, of the last full one */
    SeenPage seen[2][SEEN_PAGES];       /* non-global, global pages with entries */
    CodePageBlocks pages[CODE_PAGES];
} JumpCache;

struct CPUExec {
    jmp_buf jmp;                        /* cpu_exec(): cpu_loop_exit() ends here */
    bool in_code;                       /* inside tcg_qemu_tb_exec() */
    bool one_insn;                      /* the next block has one instruction */
    bool step;                          /* by a debugger */
    bool step_irqs;                     /* which takes interrupts, too */
    bool held;                          /* by a debugger: others run */
    CPUs *cpus;
    AddressSpace *mem, *io;
    Clock *clock;                       /* or NULL */
    ClockPace pace;
    TBContext *tbs;
    const AccelOptions *options;

    uint32_t tlb_lock;
    uint32_t pending;                   /* atomic: PENDING_xxx */
    TLBMode tlb[NB_MMU_MODES];
    JumpCache jumps;

    CodePage code[2];                   /* of the block being translated */
    unsigned code_mmu_idx;

    uint32_t breaks[MAX_BREAKS];        /* linear addresses */
    unsigned num_breaks;
    Watch watches[MAX_WATCHES];
    unsigned num_watches;
    bool watch_hit;                     /* report it after this instruction */
    bool watch_told;                    /* it was what stopped the machine */
    Watch watch;                        /* which */

    struct {
        uint64_t tlb_misses, tlb_victim_hits, tlb_flushes, tlb_nonglobal_flushes,
                 tlb_page_flushes, tlb_resizes, slow_accesses, notdirty_writes;
        uint64_t lookups, lookup_misses, revived;
        uint64_t interrupts, exceptions;
        uint64_t exits[TB_EXIT_MASK + 1], raised;       /* out of translated code */
    } stat;
};

void cpu_exec_init(CPUState *cpu);      /* after common.exec is filled in */
void cpu_exec_destroy(CPUState *cpu);

/* The slow paths of translated code, for TCGTarget.mmu. */
void exec_fill_softmmu(TCGSoftMMU *mmu);

/* Leave for cpu_exec with the state of code_ra (0: it is exact already). */
_Noreturn void exec_leave(CPUState *cpu, uintptr_t code_ra);

/* PENDING_xxx; any thread. */
void cpu_do_later(CPUState *cpu, uint32_t what);
/* The dirty bits of these pages were cleared; any thread. */
void tlb_ram_cleaned(CPUState *cpu, uint64_t ram_addr, uint64_t len);

/* The page an instruction fetch at addr reads.  Raises. */
void code_lookup(CPUState *cpu, uint32_t addr, unsigned mmu_idx, CodePage *p);
/* Now gen_intermediate_code: cpu_code_xxx() starts afresh. */
void code_begin(CPUState *cpu, unsigned mmu_idx);

/* -- For debuggers; while the vCPU is parked --------------------------------- */

/* 0, -ENOSPC or -ENOENT.  addr is linear. */
int cpu_breakpoint_insert(CPUState *cpu, vaddr addr);
int cpu_breakpoint_remove(CPUState *cpu, vaddr addr);
bool cpu_breakpoint_on_page(CPUState *cpu, vaddr addr);
int cpu_watchpoint_insert(CPUState *cpu, vaddr addr, uint32_t len, bool read, bool write);
int cpu_watchpoint_remove(CPUState *cpu, vaddr addr, uint32_t len, bool read, bool write);
/* What the CPU stopped at since the last call: a copy of the watchpoint to *w. */
bool cpu_watchpoint_take(CPUState *cpu, Watch *w);
/* One instruction, over a breakpoint too; HLT is one.  Interrupts wait. */
void cpu_single_step(CPUState *cpu, bool on);
void cpu_single_step_irqs(CPUState *cpu, bool on);      /* they do not */
void cpu_hold(CPUState *cpu, bool on);  /* gets no turn when the machine runs */
/* Guest virtual memory, no faults; ROM can be written.  0 or -EFAULT. */
int cpu_memory_rw_debug(CPUState *cpu, vaddr addr, void *buf, uint64_t len, bool write);

#endif
