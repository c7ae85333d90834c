/* SPDX-License-Identifier: MIT */
/*
 * Hardware task switching (SDM vol. 3, chapter 7).
 *
 *   old TSS <-- registers          registers <-- new TSS
 *
 * After the state of the new task is loaded, faults (bad selectors in its
 * TSS) belong to the new task: they are raised with its EIP.
 */
#include "target-i386/sys.h"

#include "util/bits.h"

/* Byte offsets, figures 7-2 and 7-10. */
typedef struct TSSLayout {
    unsigned size;                      /* of a register */
    unsigned min_limit;
    unsigned eip, eflags, regs, es, ldt;
    unsigned num_segs;
} TSSLayout;

static const TSSLayout tss16 = { 2, 43, 14, 16, 18, 34, 42, 4 };
static const TSSLayout tss32 = { 4, 103, 32, 36, 40, 72, 96, 6 };

typedef struct TaskState {
    uint32_t eip, eflags, regs[8], segs[6], ldt, cr3, trap;
} TaskState;

static const TSSLayout *layout_of(unsigned type)
{
    return type & 8 ? &tss32 : &tss16;
}

static unsigned memop_of(const TSSLayout *l)
{
    return l->size == 4 ? MO_32 : MO_16;
}

static void load_task(CPUX86State *env, const TSSLayout *l, uint32_t base, TaskState *t,
                      uintptr_t ra)
{
    unsigned op = memop_of(l), seg_step = l->size;

    *t = (TaskState){ 0 };
    if (l == &tss32) {
        t->cr3 = ld_sys(env, base + 28, MO_32, ra);
        t->trap = ld_sys(env, base + 100, MO_16, ra) & 1;
    }
    t->eip = ld_sys(env, base + l->eip, op, ra);
    t->eflags = ld_sys(env, base + l->eflags, op, ra);
    for (unsigned i = 0; i < 8; i++) {
        t->regs[i] = ld_sys(env, base + l->regs + i * l->size, op, ra);
        t->regs[i] |= l->size == 2 ? 0xffff0000 : 0;
    }
    for (unsigned i = 0; i < l->num_segs; i++) {
        t->segs[i] = ld_sys(env, base + l->es + i * seg_step, MO_16, ra);
    }
    t->ldt = ld_sys(env, base + l->ldt, MO_16, ra);
}

static void save_task(CPUX86State *env, const TSSLayout *l, uint32_t eip, uint32_t eflags,
                      uintptr_t ra)
{
    uint32_t base = env->tr.base;
    unsigned op = memop_of(l);

    st_sys(env, base + l->eip, eip, op, ra);
    st_sys(env, base + l->eflags, eflags, op, ra);
    for (unsigned i = 0; i < 8; i++) {
        st_sys(env, base + l->regs + i * l->size, env->regs[i], op, ra);
    }
    for (unsigned i = 0; i < l->num_segs; i++) {
        st_sys(env, base + l->es + i * l->size, env->segs[i].selector, MO_16, ra);
    }
}

static void set_busy(CPUX86State *env, const SegmentCache *tr, bool busy, uintptr_t ra)
{
    uint32_t addr = env->gdt.base + (tr->selector & ~7u) + 4;
    uint32_t e2 = ld_sys(env, addr, MO_32, ra);

    e2 = busy ? e2 | DESC_TSS_BUSY : e2 & ~(uint32_t)DESC_TSS_BUSY;
    st_sys(env, addr, e2, MO_32, ra);
}

static void load_ldt(CPUX86State *env, uint32_t sel)
{
    Descriptor d;

    env->ldt = (SegmentCache){ .selector = sel };
    if (!(sel & 0xfffc)) {
        return;
    }
    if ((sel & 4) || !desc_fetch(env, sel, &d, 0) || (d.e2 & DESC_S) ||
        desc_type(&d) != TYPE_LDT || !(d.e2 & DESC_P)) {
        x86_raise_err(env, EXCP_TS, sel & 0xfffc, 0);
    }
    env->ldt = (SegmentCache){ .selector = sel, .base = desc_base(&d),
                               .limit = desc_limit(&d), .flags = d.e2 & 0x00f0ff00 };
}

/* 7.3, table 7-1: the checks of each segment of the new task. */
static void load_task_seg(CPUX86State *env, unsigned seg, uint32_t sel)
{
    unsigned cpl = x86_cpl(env), rpl = sel & 3;
    Descriptor d;

    if (!(sel & 0xfffc)) {
        if (seg == R_CS || seg == R_SS) {
            x86_raise_err(env, EXCP_TS, 0, 0);
        }
        seg_load_null(env, seg, sel);
        return;
    }
    desc_get(env, sel, &d, EXCP_TS, 0);
    bool code = d.e2 & DESC_CODE, conforming = code && (d.e2 & DESC_C);
    bool ok = d.e2 & DESC_S;

    if (seg == R_CS) {
        ok = ok && code && (conforming ? desc_dpl(&d) <= rpl : desc_dpl(&d) == rpl);
    } else if (seg == R_SS) {
        ok = ok && !code && (d.e2 & DESC_W) && rpl == cpl && desc_dpl(&d) == cpl;
    } else {
        ok = ok && (!code || (d.e2 & DESC_R)) &&
             (conforming || desc_dpl(&d) >= MAX(cpl, rpl));
    }
    if (!ok) {
        x86_raise_err(env, EXCP_TS, sel & 0xfffc, 0);
    }
    if (!(d.e2 & DESC_P)) {
        x86_raise_err(env, seg == R_SS ? EXCP_SS : EXCP_NP, sel & 0xfffc, 0);
    }
    desc_set_accessed(env, &d, 0);
    seg_load_desc(env, seg, sel, &d);
}

static void load_task_segs(CPUX86State *env, const TaskState *t)
{
    static const unsigned order[] = { R_CS, R_SS, R_ES, R_DS, R_FS, R_GS };

    for (unsigned i = 0; i < 6; i++) {
        if (x86_vm86(env)) {
            seg_load_real(env, order[i], t->segs[order[i]]);
        } else {
            load_task_seg(env, order[i], t->segs[order[i]]);
        }
    }
}

/* Until each is loaded and checked, no segment grants anything. */
static void forget_segs(CPUX86State *env, const TaskState *t)
{
    for (unsigned i = 0; i < 6; i++) {
        seg_load_null(env, i, t->segs[i]);
    }
}

static void enter_task(CPUX86State *env, const TSSLayout *l, const TaskState *t)
{
    uint32_t mask = 0xffff | (l == &tss32 ? RF_MASK | VM_MASK | AC_MASK | VIF_MASK |
                                            VIP_MASK | ID_MASK : 0);

    if (l == &tss32 && (env->cr[0] & CR0_PG)) {
        x86_load_cr3(env, t->cr3);
    }
    env->eip = t->eip;
    memcpy(env->regs, t->regs, sizeof(env->regs));
    x86_set_eflags(env, t->eflags, mask);
    forget_segs(env, t);
    x86_set_cpl(env, x86_vm86(env) ? 3 : t->segs[R_CS] & 3);
    load_ldt(env, t->ldt);
    load_task_segs(env, t);
    if (env->eip > env->segs[R_CS].limit) {
        x86_raise_err(env, EXCP_GP, 0, 0);
    }
    env->dr[7] &= ~0x55u;               /* local breakpoints, 17.2.4 */
    x86_debug_updated(env);
    if (t->trap) {
        env->dr[6] |= 1u << 15;
        x86_raise(env, EXCP_DB, 0);
    }
}

void task_switch(CPUX86State *env, uint32_t sel, const Descriptor *d, TaskSwitch why,
                 uint32_t next_eip, uintptr_t ra)
{
    const TSSLayout *new = layout_of(desc_type(d));
    const TSSLayout *old = layout_of(env->tr.flags >> DESC_TYPE_SHIFT & 15);
    uint32_t base = desc_base(d), eflags = x86_get_eflags(env);
    TaskState t;

    if (desc_limit(d) < new->min_limit || env->tr.limit < old->min_limit) {
        x86_raise_err(env, EXCP_TS, sel & 0xfffc, ra);
    }
    load_task(env, new, base, &t, ra);
    if (why == TASK_IRET) {
        eflags &= ~(uint32_t)NT_MASK;
    }
    save_task(env, old, next_eip, eflags, ra);
    if (why != TASK_CALL) {
        set_busy(env, &env->tr, false, ra);
    } else {
        st_sys(env, base, env->tr.selector, MO_16, ra);
        t.eflags |= NT_MASK;
    }
    env->tr = (SegmentCache){ .selector = sel, .base = base, .limit = desc_limit(d),
                              .flags = (d->e2 & 0x00f0ff00) | DESC_TSS_BUSY };
    if (why != TASK_IRET) {
        set_busy(env, &env->tr, true, ra);
    }
    env->cr[0] |= CR0_TS;
    env->hflags |= HF_TS;
    enter_task(env, new, &t);
}

void task_gate(CPUX86State *env, const Descriptor *gate, TaskSwitch why,
               uint32_t next_eip, uintptr_t ra)
{
    uint32_t sel = gate->e1 >> 16;
    Descriptor d;

    if (!(sel & 0xfffc) || (sel & 4)) {
        x86_raise_err(env, EXCP_GP, sel & 0xfffc, ra);
    }
    desc_get(env, sel, &d, EXCP_GP, ra);
    if ((d.e2 & DESC_S) || (desc_type(&d) != TYPE_TSS16 && desc_type(&d) != TYPE_TSS32)) {
        x86_raise_err(env, EXCP_GP, sel & 0xfffc, ra);
    }
    if (!(d.e2 & DESC_P)) {
        x86_raise_err(env, EXCP_NP, sel & 0xfffc, ra);
    }
    task_switch(env, sel, &d, why, next_eip, ra);
}
