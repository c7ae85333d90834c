/* SPDX-License-Identifier: MIT */
/*
 * What the system parts of the processor share: descriptors, far transfers,
 * task switches, exceptions, paging, model-specific registers.
 *
 * All run on the vCPU thread, from translated code (ra is the return address
 * into it) or from the delivery of an interrupt (ra is 0).  State changes come
 * after the last access that may fault.
 */
#ifndef TARGET_I386_SYS_H
#define TARGET_I386_SYS_H

#include "target-i386/cpu.h"

/* -- Descriptors (seg.c) ----------------------------------------------------- */

typedef struct Descriptor {
    uint32_t e1, e2;                    /* the two doublewords */
    uint32_t addr;                      /* linear address it came from */
} Descriptor;

static inline unsigned desc_dpl(const Descriptor *d) { return d->e2 >> DESC_DPL_SHIFT & 3; }
static inline unsigned desc_type(const Descriptor *d) { return d->e2 >> DESC_TYPE_SHIFT & 15; }
static inline uint32_t desc_base(const Descriptor *d)
{
    return d->e1 >> 16 | (d->e2 & 0xff) << 16 | (d->e2 & 0xff000000);
}
uint32_t desc_limit(const Descriptor *d);

/* System segment and gate types, SDM vol. 3, table 3-2 */
enum {
    TYPE_TSS16 = 1, TYPE_LDT = 2, TYPE_TSS16_BUSY = 3, TYPE_CALL16 = 4,
    TYPE_TASK_GATE = 5, TYPE_INT16 = 6, TYPE_TRAP16 = 7, TYPE_TSS32 = 9,
    TYPE_TSS32_BUSY = 11, TYPE_CALL32 = 12, TYPE_INT32 = 14, TYPE_TRAP32 = 15,
};

/* The eight bytes at d->addr. */
void desc_read(CPUX86State *env, Descriptor *d, uintptr_t ra);
/* The descriptor of sel; false if the table has none. */
bool desc_fetch(CPUX86State *env, uint32_t sel, Descriptor *d, uintptr_t ra);
/* The same, raising `vector` with the selector (TS, GP, NP ...). */
void desc_get(CPUX86State *env, uint32_t sel, Descriptor *d, int vector, uintptr_t ra);
void desc_set_accessed(CPUX86State *env, Descriptor *d, uintptr_t ra);
void seg_load_desc(CPUX86State *env, unsigned seg, uint32_t sel, const Descriptor *d);
void seg_load_real(CPUX86State *env, unsigned seg, uint32_t sel);
void seg_load_null(CPUX86State *env, unsigned seg, uint32_t sel);

/*
 * Checks shared by far transfers: is d a code segment that may be entered at
 * the current privilege without a gate?  Raises.
 */
void code_check_direct(CPUX86State *env, uint32_t sel, const Descriptor *d, uintptr_t ra);

/* -- A stack being pushed to or popped from, not yet committed --------------- */

typedef struct Stack {
    SegmentCache ss;                    /* copy: the current or the new one */
    uint32_t sp, mask;
    unsigned mmu_idx;                   /* 0 or 1 */
    uint32_t fault_code;                /* error code of #SS */
    uintptr_t ra;
} Stack;

void stack_current(CPUX86State *env, Stack *s, uintptr_t ra);
void stack_push(CPUX86State *env, Stack *s, uint32_t val, unsigned size);
uint32_t stack_pop(CPUX86State *env, Stack *s, unsigned size);
void stack_commit(CPUX86State *env, const Stack *s);    /* sp -> (E)SP */
/* The stack of privilege level dpl from the TSS; loads nothing yet. */
void stack_from_tss(CPUX86State *env, unsigned dpl, Stack *s, uint32_t *sel,
                    Descriptor *d, uintptr_t ra);

/* -- Tasks (task.c) ---------------------------------------------------------- */

typedef enum TaskSwitch { TASK_JMP, TASK_CALL, TASK_IRET } TaskSwitch;
void task_switch(CPUX86State *env, uint32_t sel, const Descriptor *d, TaskSwitch why,
                 uint32_t next_eip, uintptr_t ra);
/* Through a task gate: checks the TSS selector in it. */
void task_gate(CPUX86State *env, const Descriptor *gate, TaskSwitch why,
               uint32_t next_eip, uintptr_t ra);

/* -- Exceptions (excp.c) ----------------------------------------------------- */

void x86_do_interrupt(CPUState *cpu);
bool x86_exec_interrupt(CPUState *cpu, uint32_t request);
bool x86_has_work(CPUState *cpu);

/* -- Paging (mmu.c) ---------------------------------------------------------- */

/* CPUOps.unaligned: only SSE operands ask for it. */
bool x86_unaligned(CPUState *cpu, vaddr *addr, uint32_t memop, MMUAccess access,
                   unsigned *rotate);
bool x86_tlb_fill(CPUState *cpu, vaddr addr, MMUAccess access, unsigned mmu_idx,
                  bool probe);
hwaddr x86_phys_page_debug(CPUState *cpu, vaddr page);
/* Load the four PAE page directory pointers; raises #GP if one is bad. */
void x86_load_pdptes(CPUX86State *env, uint32_t cr3, uintptr_t ra);

/* -- The rest ---------------------------------------------------------------- */

uint32_t x86_model_signature(const CPUX86State *env);   /* cpuid.c: EDX at reset */
void x86_enter_smm(CPUX86State *env);                   /* smm.c */
void x86_load_cr0(CPUX86State *env, uint32_t val);      /* sysreg.c, unchecked */
void x86_load_cr3(CPUX86State *env, uint32_t val);
void x86_debug_updated(CPUX86State *env);               /* debug.c: DR7 changed */
/* Ports: raises #GP if the I/O permission says no. */
void x86_check_io(CPUX86State *env, uint32_t port, unsigned size, uintptr_t ra);

/* Memory with supervisor rights, whatever the CPL: tables and task states. */
static inline uint32_t ld_sys(CPUX86State *env, uint32_t addr, unsigned memop, uintptr_t ra)
{
    return (uint32_t)cpu_ld(x86_cpu(env), addr, memop, 0, ra);
}
static inline void st_sys(CPUX86State *env, uint32_t addr, uint32_t val, unsigned memop,
                          uintptr_t ra)
{
    cpu_st(x86_cpu(env), addr, val, memop, 0, ra);
}

static inline bool x86_protected(const CPUX86State *env) { return env->hflags & HF_PE; }
static inline bool x86_vm86(const CPUX86State *env) { return env->hflags & HF_VM; }
static inline unsigned x86_iopl(const CPUX86State *env)
{
    return env->eflags >> IOPL_SHIFT & 3;
}

#endif
