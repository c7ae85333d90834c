/* SPDX-License-Identifier: MIT */
/*
 * Far jumps, calls and returns, IRET, SYSENTER and SYSEXIT (SDM vol. 2 under
 * each name; vol. 3, 5.8).
 *
 *      selector is --> code segment       same privilege, direct
 *                  --> call gate          same or inner privilege, own stack
 *                  --> task gate or TSS   task.c
 *
 * Order everywhere: fetch and check descriptors, then touch stacks, then
 * commit registers; only the first two may raise.
 */
#include "target-i386/sys.h"

#include "target-i386/helper.h"

static void check_eip(CPUX86State *env, uint32_t eip, uint32_t limit, uintptr_t ra)
{
    if (eip > limit) {
        x86_raise_err(env, EXCP_GP, 0, ra);
    }
}

static void check_present(CPUX86State *env, uint32_t sel, const Descriptor *d, uintptr_t ra)
{
    if (!(d->e2 & DESC_P)) {
        x86_raise_err(env, EXCP_NP, sel & 0xfffc, ra);
    }
}

static void get_nonnull(CPUX86State *env, uint32_t sel, Descriptor *d, uintptr_t ra)
{
    if (!(sel & 0xfffc)) {
        x86_raise_err(env, EXCP_GP, 0, ra);
    }
    desc_get(env, sel, d, EXCP_GP, ra);
}

/* SDM vol. 3, 5.8.1: no change of privilege without a gate. */
void code_check_direct(CPUX86State *env, uint32_t sel, const Descriptor *d, uintptr_t ra)
{
    unsigned cpl = x86_cpl(env);
    bool ok = (d->e2 & DESC_S) && (d->e2 & DESC_CODE);

    if (ok && d->e2 & DESC_C) {
        ok = desc_dpl(d) <= cpl;
    } else if (ok) {
        ok = (sel & 3) <= cpl && desc_dpl(d) == cpl;
    }
    if (!ok) {
        x86_raise_err(env, EXCP_GP, sel & 0xfffc, ra);
    }
    check_present(env, sel, d, ra);
}

static void load_cs(CPUX86State *env, uint32_t sel, Descriptor *d, unsigned cpl, uintptr_t ra)
{
    desc_set_accessed(env, d, ra);
    seg_load_desc(env, R_CS, (sel & 0xfffc) | cpl, d);
}

/* -- Gates and system segments, common to JMP and CALL ----------------------- */

/* A system descriptor as the target; the checks all of them share. */
static void check_gate_access(CPUX86State *env, uint32_t sel, const Descriptor *d,
                              uintptr_t ra)
{
    unsigned need = x86_cpl(env) > (sel & 3) ? x86_cpl(env) : sel & 3;

    if (desc_dpl(d) < need) {
        x86_raise_err(env, EXCP_GP, sel & 0xfffc, ra);
    }
    check_present(env, sel, d, ra);
}

/* True if it was a task: done. */
static bool enter_task(CPUX86State *env, uint32_t sel, const Descriptor *d, TaskSwitch why,
                       uint32_t next, uintptr_t ra)
{
    switch (desc_type(d)) {
    case TYPE_TSS16:
    case TYPE_TSS32:
        if (sel & 4) {
            x86_raise_err(env, EXCP_GP, sel & 0xfffc, ra);
        }
        check_gate_access(env, sel, d, ra);
        task_switch(env, sel, d, why, next, ra);
        return true;
    case TYPE_TASK_GATE:
        check_gate_access(env, sel, d, ra);
        task_gate(env, d, why, next, ra);
        return true;
    default:
        return false;
    }
}

static void check_call_gate(CPUX86State *env, uint32_t sel, const Descriptor *d, uintptr_t ra)
{
    if (desc_type(d) != TYPE_CALL16 && desc_type(d) != TYPE_CALL32) {
        x86_raise_err(env, EXCP_GP, sel & 0xfffc, ra);
    }
    check_gate_access(env, sel, d, ra);
}

static uint32_t gate_offset(const Descriptor *gate)
{
    uint32_t low = gate->e1 & 0xffff;

    return desc_type(gate) & 8 ? low | (gate->e2 & 0xffff0000) : low;
}

/* The code segment a call gate leads to. */
static uint32_t gate_target(CPUX86State *env, const Descriptor *gate, Descriptor *code,
                            uintptr_t ra)
{
    uint32_t sel = gate->e1 >> 16;

    get_nonnull(env, sel, code, ra);
    if (!(code->e2 & DESC_S) || !(code->e2 & DESC_CODE) ||
        desc_dpl(code) > x86_cpl(env)) {
        x86_raise_err(env, EXCP_GP, sel & 0xfffc, ra);
    }
    check_present(env, sel, code, ra);
    return sel;
}

/* -- JMP --------------------------------------------------------------------- */

static void ljmp_protected(CPUX86State *env, uint32_t sel, uint32_t eip, uint32_t next,
                           uintptr_t ra)
{
    Descriptor d, code;

    get_nonnull(env, sel, &d, ra);
    if (!(d.e2 & DESC_S)) {
        if (enter_task(env, sel, &d, TASK_JMP, next, ra)) {
            return;
        }
        check_call_gate(env, sel, &d, ra);
        eip = gate_offset(&d);
        sel = gate_target(env, &d, &code, ra);
        if (!(code.e2 & DESC_C) && desc_dpl(&code) != x86_cpl(env)) {
            x86_raise_err(env, EXCP_GP, sel & 0xfffc, ra);
        }
        d = code;
    } else {
        code_check_direct(env, sel, &d, ra);
    }
    check_eip(env, eip, desc_limit(&d), ra);
    load_cs(env, sel, &d, x86_cpl(env), ra);
    env->eip = eip;
}

void helper_ljmp(CPUX86State *env, uint32_t sel, uint32_t eip, uint32_t next)
{
    uintptr_t ra = GETPC();

    sel &= 0xffff;
    if (x86_protected(env)) {
        ljmp_protected(env, sel, eip, next, ra);
        return;
    }
    check_eip(env, eip, env->segs[R_CS].limit, ra);
    seg_load_real(env, R_CS, sel);
    env->eip = eip;
}

/* -- CALL -------------------------------------------------------------------- */

static void push_return(CPUX86State *env, Stack *s, uint32_t next, unsigned size)
{
    stack_push(env, s, env->segs[R_CS].selector, size);
    stack_push(env, s, next, size);
}

/* SDM vol. 3, 5.8.5: new stack, old SS:ESP, parameters, old CS:EIP. */
static void call_inner(CPUX86State *env, const Descriptor *gate, uint32_t sel,
                       Descriptor *code, uint32_t next, uintptr_t ra)
{
    unsigned size = desc_type(gate) & 8 ? 4 : 2, dpl = desc_dpl(code);
    unsigned params = gate->e2 & 31;
    uint32_t ss, eip = gate_offset(gate), val[31];
    Stack old, s;
    Descriptor stack_desc;

    stack_from_tss(env, dpl, &s, &ss, &stack_desc, ra);
    check_eip(env, eip, desc_limit(code), ra);
    stack_current(env, &old, ra);
    for (unsigned i = 0; i < params; i++) {
        val[i] = stack_pop(env, &old, size);
    }
    stack_push(env, &s, env->segs[R_SS].selector, size);
    stack_push(env, &s, env->regs[R_ESP], size);
    for (unsigned i = params; i-- > 0;) {
        stack_push(env, &s, val[i], size);
    }
    push_return(env, &s, next, size);
    desc_set_accessed(env, &stack_desc, ra);
    desc_set_accessed(env, code, ra);
    x86_set_cpl(env, dpl);
    seg_load_desc(env, R_SS, ss, &stack_desc);
    seg_load_desc(env, R_CS, (sel & 0xfffc) | dpl, code);
    stack_commit(env, &s);
    env->eip = eip;
}

static void call_same(CPUX86State *env, uint32_t sel, Descriptor *code, uint32_t eip,
                      unsigned size, uint32_t next, uintptr_t ra)
{
    Stack s;

    check_eip(env, eip, desc_limit(code), ra);
    stack_current(env, &s, ra);
    push_return(env, &s, next, size);
    load_cs(env, sel, code, x86_cpl(env), ra);
    stack_commit(env, &s);
    env->eip = eip;
}

static void lcall_protected(CPUX86State *env, uint32_t sel, uint32_t eip, unsigned size,
                            uint32_t next, uintptr_t ra)
{
    Descriptor d, code;

    get_nonnull(env, sel, &d, ra);
    if (d.e2 & DESC_S) {
        code_check_direct(env, sel, &d, ra);
        call_same(env, sel, &d, eip, size, next, ra);
        return;
    }
    if (enter_task(env, sel, &d, TASK_CALL, next, ra)) {
        return;
    }
    check_call_gate(env, sel, &d, ra);
    sel = gate_target(env, &d, &code, ra);
    if (!(code.e2 & DESC_C) && desc_dpl(&code) < x86_cpl(env)) {
        call_inner(env, &d, sel, &code, next, ra);
    } else {
        call_same(env, sel, &code, gate_offset(&d), desc_type(&d) & 8 ? 4 : 2, next, ra);
    }
}

void helper_lcall(CPUX86State *env, uint32_t sel, uint32_t eip, uint32_t size,
                  uint32_t next)
{
    uintptr_t ra = GETPC();
    Stack s;

    sel &= 0xffff;
    if (x86_protected(env)) {
        lcall_protected(env, sel, eip, size, next, ra);
        return;
    }
    check_eip(env, eip, env->segs[R_CS].limit, ra);
    stack_current(env, &s, ra);
    push_return(env, &s, next, size);
    stack_commit(env, &s);
    seg_load_real(env, R_CS, sel);
    env->eip = eip;
}

/* -- RET and IRET to an outer level ------------------------------------------ */

static void check_return_code(CPUX86State *env, uint32_t sel, const Descriptor *d,
                              uintptr_t ra)
{
    unsigned rpl = sel & 3;
    bool ok = (d->e2 & DESC_S) && (d->e2 & DESC_CODE) && rpl >= x86_cpl(env);

    if (ok) {
        ok = d->e2 & DESC_C ? desc_dpl(d) <= rpl : desc_dpl(d) == rpl;
    }
    if (!ok) {
        x86_raise_err(env, EXCP_GP, sel & 0xfffc, ra);
    }
    check_present(env, sel, d, ra);
}

static void check_return_stack(CPUX86State *env, uint32_t ss, Descriptor *d, unsigned rpl,
                               uintptr_t ra)
{
    get_nonnull(env, ss, d, ra);
    if ((ss & 3) != rpl || desc_dpl(d) != rpl || !(d->e2 & DESC_S) ||
        (d->e2 & DESC_CODE) || !(d->e2 & DESC_W)) {
        x86_raise_err(env, EXCP_GP, ss & 0xfffc, ra);
    }
    if (!(d->e2 & DESC_P)) {
        x86_raise_err(env, EXCP_SS, ss & 0xfffc, ra);
    }
}

/* Data segments the outer level may not use become null. */
static void drop_inner_segments(CPUX86State *env)
{
    static const unsigned data[] = { R_ES, R_DS, R_FS, R_GS };

    for (unsigned i = 0; i < 4; i++) {
        const SegmentCache *s = &env->segs[data[i]];
        bool conforming = (s->flags & DESC_CODE) && (s->flags & DESC_C);

        if ((s->selector & 0xfffc) && !conforming &&
            (s->flags >> DESC_DPL_SHIFT & 3) < x86_cpl(env)) {
            seg_load_null(env, data[i], 0);
        }
    }
}

/* Pops done so far are in s; `extra` bytes of parameters follow. */
static void return_to(CPUX86State *env, Stack *s, uint32_t cs, uint32_t eip, unsigned size,
                      uint32_t extra, uintptr_t ra)
{
    Descriptor code, stack_desc;
    unsigned rpl = cs & 3;

    get_nonnull(env, cs, &code, ra);
    check_return_code(env, cs, &code, ra);
    if (rpl == x86_cpl(env)) {
        check_eip(env, eip, desc_limit(&code), ra);
        load_cs(env, cs, &code, rpl, ra);
        s->sp += extra;
        stack_commit(env, s);
        env->eip = eip;
        return;
    }
    s->sp += extra;
    uint32_t esp = stack_pop(env, s, size);
    uint32_t ss = stack_pop(env, s, size) & 0xffff;

    check_return_stack(env, ss, &stack_desc, rpl, ra);
    check_eip(env, eip, desc_limit(&code), ra);
    desc_set_accessed(env, &code, ra);
    desc_set_accessed(env, &stack_desc, ra);
    x86_set_cpl(env, rpl);
    seg_load_desc(env, R_CS, cs, &code);
    seg_load_desc(env, R_SS, ss, &stack_desc);
    stack_current(env, s, ra);
    s->sp = esp + extra;
    if (size == 2) {
        s->mask = 0xffff;
        env->regs[R_ESP] &= 0xffff;
    }
    stack_commit(env, s);
    env->eip = eip;
    drop_inner_segments(env);
}

void helper_lret(CPUX86State *env, uint32_t size, uint32_t addend)
{
    uintptr_t ra = GETPC();
    Stack s;

    stack_current(env, &s, ra);
    uint32_t eip = stack_pop(env, &s, size);
    uint32_t cs = stack_pop(env, &s, size) & 0xffff;

    if (x86_protected(env)) {
        return_to(env, &s, cs, eip, size, addend, ra);
        return;
    }
    check_eip(env, eip, env->segs[R_CS].limit, ra);
    s.sp += addend;
    stack_commit(env, &s);
    seg_load_real(env, R_CS, cs);
    env->eip = eip;
}

/* -- IRET -------------------------------------------------------------------- */

enum { IRET_FLAGS = CC_ALL | TF_MASK | DF_MASK | NT_MASK };
enum { IRET_FLAGS32 = RF_MASK | AC_MASK | ID_MASK };

static uint32_t flags_of_size(unsigned size)
{
    return size == 4 ? IRET_FLAGS | IRET_FLAGS32 : IRET_FLAGS;
}

/* Selectors as in real mode; the bits of EFLAGS in `more` change as well. */
static void iret_real(CPUX86State *env, unsigned size, uint32_t more, uintptr_t ra)
{
    Stack s;

    stack_current(env, &s, ra);
    uint32_t eip = stack_pop(env, &s, size);
    uint32_t cs = stack_pop(env, &s, size) & 0xffff;
    uint32_t flags = stack_pop(env, &s, size);

    check_eip(env, eip, env->segs[R_CS].limit, ra);
    stack_commit(env, &s);
    seg_load_real(env, R_CS, cs);
    env->eip = eip;
    x86_set_eflags(env, flags, flags_of_size(size) | more);
}

/* SDM vol. 3, 20.2.7 and 20.3.3 with VME: IF of the image goes to VIF. */
static void iret_vm86_vme(CPUX86State *env, unsigned size, uintptr_t ra)
{
    Stack s;

    if (size != 2) {
        x86_raise_err(env, EXCP_GP, 0, ra);
    }
    stack_current(env, &s, ra);
    uint32_t eip = stack_pop(env, &s, 2);
    uint32_t cs = stack_pop(env, &s, 2);
    uint32_t flags = stack_pop(env, &s, 2);

    if ((flags & TF_MASK) || ((flags & IF_MASK) && (env->eflags & VIP_MASK))) {
        x86_raise_err(env, EXCP_GP, 0, ra);
    }
    stack_commit(env, &s);
    seg_load_real(env, R_CS, cs);
    env->eip = eip;
    flags |= flags & IF_MASK ? VIF_MASK : 0;
    x86_set_eflags(env, flags, IRET_FLAGS | VIF_MASK);
}

static void iret_vm86(CPUX86State *env, unsigned size, uintptr_t ra)
{
    if (x86_iopl(env) < 3) {
        if (env->cr[4] & CR4_VME) {
            iret_vm86_vme(env, size, ra);
            return;
        }
        x86_raise_err(env, EXCP_GP, 0, ra);
    }
    iret_real(env, size, IF_MASK, ra);
}

/* SDM vol. 3, 20.2.5: the frame has ESP, SS, ES, DS, FS, GS as well. */
static void iret_to_vm86(CPUX86State *env, Stack *s, uint32_t eip, uint32_t cs,
                         uint32_t flags)
{
    static const unsigned order[] = { R_SS, R_ES, R_DS, R_FS, R_GS };
    uint32_t esp = stack_pop(env, s, 4), sel[5];

    for (unsigned i = 0; i < 5; i++) {
        sel[i] = stack_pop(env, s, 4) & 0xffff;
    }
    x86_set_eflags(env, flags, IRET_FLAGS | IRET_FLAGS32 | IF_MASK | IOPL_MASK |
                   VM_MASK | VIF_MASK | VIP_MASK);
    x86_set_cpl(env, 3);
    seg_load_real(env, R_CS, cs);
    for (unsigned i = 0; i < 5; i++) {
        seg_load_real(env, order[i], sel[i]);
    }
    env->regs[R_ESP] = esp;
    env->eip = eip & 0xffff;
}

static void iret_protected(CPUX86State *env, unsigned size, uintptr_t ra)
{
    unsigned cpl = x86_cpl(env), iopl = x86_iopl(env);
    uint32_t mask = flags_of_size(size);
    Stack s;

    stack_current(env, &s, ra);
    uint32_t eip = stack_pop(env, &s, size);
    uint32_t cs = stack_pop(env, &s, size) & 0xffff;
    uint32_t flags = stack_pop(env, &s, size);

    if (size == 4 && cpl == 0 && (flags & VM_MASK)) {
        iret_to_vm86(env, &s, eip, cs, flags);
        return;
    }
    mask |= cpl <= iopl ? IF_MASK : 0;
    mask |= cpl == 0 ? IOPL_MASK : 0;
    mask |= cpl == 0 && size == 4 ? VIF_MASK | VIP_MASK : 0;
    return_to(env, &s, cs, eip, size, 0, ra);
    x86_set_eflags(env, flags, mask);
}

static void iret_task(CPUX86State *env, uint32_t next, uintptr_t ra)
{
    uint32_t sel = ld_sys(env, env->tr.base, MO_16, ra);
    Descriptor d;

    if (sel & 4) {
        x86_raise_err(env, EXCP_TS, sel & 0xfffc, ra);
    }
    desc_get(env, sel, &d, EXCP_TS, ra);
    if ((d.e2 & DESC_S) ||
        (desc_type(&d) != TYPE_TSS16_BUSY && desc_type(&d) != TYPE_TSS32_BUSY)) {
        x86_raise_err(env, EXCP_TS, sel & 0xfffc, ra);
    }
    check_present(env, sel, &d, ra);
    task_switch(env, sel, &d, TASK_IRET, next, ra);
}

void helper_iret(CPUX86State *env, uint32_t size, uint32_t next)
{
    uintptr_t ra = GETPC();

    env->nmi_blocked = 0;
    if (x86_vm86(env)) {
        iret_vm86(env, size, ra);
    } else if (!x86_protected(env)) {
        iret_real(env, size, IF_MASK | IOPL_MASK, ra);
    } else if (env->eflags & NT_MASK) {
        iret_task(env, next, ra);
    } else {
        iret_protected(env, size, ra);
    }
}

/* -- SYSENTER, SYSEXIT: fixed flat segments ---------------------------------- */

static void load_flat(CPUX86State *env, unsigned seg, uint32_t sel, unsigned dpl, bool code)
{
    Descriptor d = {
        .e1 = 0xffff,
        .e2 = 0xf0000 | DESC_G | DESC_B | DESC_S | DESC_P | DESC_W | DESC_A |
              dpl << DESC_DPL_SHIFT | (code ? DESC_CODE : 0),
    };

    seg_load_desc(env, seg, sel, &d);
}

void helper_sysenter(CPUX86State *env)
{
    if (!(env->sysenter_cs & 0xfffc) || !(env->cr[0] & CR0_PE)) {
        x86_raise_err(env, EXCP_GP, 0, GETPC());
    }
    x86_set_eflags(env, 0, VM_MASK | IF_MASK | RF_MASK);
    x86_set_cpl(env, 0);
    load_flat(env, R_CS, env->sysenter_cs & 0xfffc, 0, true);
    load_flat(env, R_SS, (env->sysenter_cs & 0xfffc) + 8, 0, false);
    env->regs[R_ESP] = env->sysenter_esp;
    env->eip = env->sysenter_eip;
}

void helper_sysexit(CPUX86State *env)
{
    uint32_t base = env->sysenter_cs & 0xfffc;

    if (!base || !x86_protected(env) || x86_cpl(env) != 0) {
        x86_raise_err(env, EXCP_GP, 0, GETPC());
    }
    x86_set_cpl(env, 3);
    load_flat(env, R_CS, (base + 16) | 3, 3, true);
    load_flat(env, R_SS, (base + 24) | 3, 3, false);
    env->regs[R_ESP] = env->regs[R_ECX];
    env->eip = env->regs[R_EDX];
}
