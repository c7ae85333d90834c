/* SPDX-License-Identifier: MIT */
/*
 * Exceptions and interrupts: raising, double faults, delivery through the IVT
 * or the IDT (SDM vol. 3, chapter 6; 20.3 for virtual-8086 mode).
 *
 *   x86_raise_err -> x86_note_exception (double fault rules) -> cpu_loop_exit
 *   cpu_exec -> x86_do_interrupt -> deliver: frame on the stack, new CS:EIP
 *
 * A fault during delivery comes back through x86_raise_err with old_exception
 * set, which is how double and triple faults are known.
 */
#include "target-i386/sys.h"

#include "sys/loop.h"
#include "target-i386/helper.h"
#include "util/log.h"

enum { NO_EXCEPTION = -1 };

/* exception_is_int.  In virtual-8086 mode INT 3 is not INT3 (SDM vol. 3, 20.3.3). */
typedef enum SoftInt { SOFT_NONE, SOFT_INT_N, SOFT_TRAP /* INT3, INTO */ } SoftInt;

/* -- Raising ----------------------------------------------------------------- */

static bool is_contributory(int vector)
{
    return vector == EXCP_DE || (vector >= EXCP_TS && vector <= EXCP_GP);
}

/* SDM vol. 3, table 6-5. */
static bool makes_double_fault(int first, int second)
{
    if (first == EXCP_PF) {
        return is_contributory(second) || second == EXCP_PF;
    }
    return is_contributory(first) && is_contributory(second);
}

/* The processor stops; what happens then is the board's business. */
static void triple_fault(CPUX86State *env)
{
    bool entered = global_enter();

    log_put(LOG_INT, "triple fault at %04x:%08x\n", env->segs[R_CS].selector, env->eip);
    env->old_exception = NO_EXCEPTION;
    env->common.halted = 1;
    env->wait_for_sipi = 1;
    env->common.exception_index = EXCP_HLT;
    if (env->pins.shutdown) {
        env->pins.shutdown(env->pins.opaque);
    }
    global_leave(entered);
}

void x86_note_exception(CPUX86State *env, int vector, uint32_t err)
{
    int first = env->old_exception;

    if (first == EXCP_DF) {
        triple_fault(env);
        return;
    }
    if (first != NO_EXCEPTION && makes_double_fault(first, vector)) {
        vector = EXCP_DF;
        err = 0;
    }
    env->common.exception_index = vector;
    env->error_code = err;
    env->exception_is_int = 0;
}

_Noreturn void x86_raise_err(CPUX86State *env, int vector, uint32_t err, uintptr_t ra)
{
    x86_note_exception(env, vector, err);
    cpu_loop_exit_restore(x86_cpu(env), ra);
}

_Noreturn void x86_raise(CPUX86State *env, int vector, uintptr_t ra)
{
    x86_raise_err(env, vector, 0, ra);
}

void helper_raise(CPUX86State *env, uint32_t vector)
{
    x86_raise(env, (int)vector, GETPC());
}

void helper_raise_err(CPUX86State *env, uint32_t vector, uint32_t err)
{
    x86_raise_err(env, (int)vector, err, GETPC());
}

/* -- Delivery ---------------------------------------------------------------- */

typedef struct Event {
    int vector;
    bool is_int;                        /* INT n, INT3, INTO: DPL is checked */
    bool external;                      /* hardware: EXT in error codes */
    bool has_err;
    uint32_t err;
    uint32_t eip;                       /* what is pushed */
} Event;

static bool has_error_code(int vector)
{
    return vector == EXCP_DF || (vector >= EXCP_TS && vector <= EXCP_PF) ||
           vector == EXCP_AC;
}

/* An error code that points at an IDT entry, 6.13. */
static uint32_t idt_error(const Event *e)
{
    return (uint32_t)e->vector * 8 + 2 + (e->is_int ? 0 : 1);
}

static void deliver_real(CPUX86State *env, const Event *e)
{
    Stack s;
    uint32_t entry = (uint32_t)e->vector * 4;

    if (entry + 3 > env->idt.limit) {
        x86_raise_err(env, EXCP_GP, idt_error(e), 0);
    }
    uint32_t ip = ld_sys(env, env->idt.base + entry, MO_16, 0);
    uint32_t cs = ld_sys(env, env->idt.base + entry + 2, MO_16, 0);

    stack_current(env, &s, 0);
    stack_push(env, &s, x86_get_eflags(env), 2);
    stack_push(env, &s, env->segs[R_CS].selector, 2);
    stack_push(env, &s, e->eip, 2);
    stack_commit(env, &s);
    seg_load_real(env, R_CS, cs);
    env->eip = ip;
    x86_set_eflags(env, 0, IF_MASK | TF_MASK | AC_MASK | RF_MASK);
}

/*
 * Faults and not traps set RF in the image they push, so that the instruction
 * can be restarted past its breakpoint (17.3.1.1).
 */
static uint32_t pushed_flags(CPUX86State *env, const Event *e)
{
    bool fault = !e->is_int && !e->external && e->vector != EXCP_DB &&
                 e->vector != EXCP_BP && e->vector != EXCP_OF;

    uint32_t flags = x86_get_eflags(env);

    if (e->vector != EXCP_DB) {         /* there debug.c has decided */
        flags &= ~(uint32_t)RF_MASK;
    }
    return flags | (fault ? RF_MASK : 0);
}

static void push_frame(CPUX86State *env, Stack *s, const Event *e, unsigned size)
{
    stack_push(env, s, pushed_flags(env, e), size);
    stack_push(env, s, env->segs[R_CS].selector, size);
    stack_push(env, s, e->eip, size);
    if (e->has_err) {
        stack_push(env, s, e->err, size);
    }
}

static void enter_handler(CPUX86State *env, const Descriptor *gate, uint32_t sel,
                          const Descriptor *code, unsigned cpl)
{
    bool is_interrupt = !(desc_type(gate) & 1);

    seg_load_desc(env, R_CS, (sel & 0xfffc) | cpl, code);
    env->eip = (gate->e1 & 0xffff) | (desc_type(gate) & 8 ? gate->e2 & 0xffff0000 : 0);
    x86_set_eflags(env, 0, TF_MASK | VM_MASK | RF_MASK | NT_MASK |
                   (is_interrupt ? IF_MASK : 0));
}

/* To an inner level: its stack from the TSS; from virtual-8086 mode the data
 * segments are saved there as well and cleared. */
static void deliver_inner(CPUX86State *env, const Event *e, const Descriptor *gate,
                          uint32_t sel, Descriptor *code)
{
    static const unsigned saved[] = { R_GS, R_FS, R_DS, R_ES };
    unsigned size = desc_type(gate) & 8 ? 4 : 2, dpl = desc_dpl(code);
    bool vm86 = x86_vm86(env);
    uint32_t ss;
    Descriptor stack_desc;
    Stack s;

    stack_from_tss(env, dpl, &s, &ss, &stack_desc, 0);
    for (unsigned i = 0; vm86 && i < 4; i++) {
        stack_push(env, &s, env->segs[saved[i]].selector, size);
    }
    stack_push(env, &s, env->segs[R_SS].selector, size);
    stack_push(env, &s, env->regs[R_ESP], size);
    push_frame(env, &s, e, size);
    desc_set_accessed(env, &stack_desc, 0);
    desc_set_accessed(env, code, 0);
    x86_set_eflags(env, 0, VM_MASK);
    x86_set_cpl(env, dpl);
    for (unsigned i = 0; vm86 && i < 4; i++) {
        seg_load_null(env, saved[i], 0);
    }
    seg_load_desc(env, R_SS, ss, &stack_desc);
    stack_commit(env, &s);
    enter_handler(env, gate, sel, code, dpl);
}

static void deliver_same(CPUX86State *env, const Event *e, const Descriptor *gate,
                         uint32_t sel, Descriptor *code)
{
    Stack s;

    stack_current(env, &s, 0);
    push_frame(env, &s, e, desc_type(gate) & 8 ? 4 : 2);
    desc_set_accessed(env, code, 0);
    stack_commit(env, &s);
    enter_handler(env, gate, sel, code, x86_cpl(env));
}

static void fetch_gate(CPUX86State *env, const Event *e, Descriptor *gate)
{
    uint32_t offset = (uint32_t)e->vector * 8;

    if (offset + 7 > env->idt.limit) {
        x86_raise_err(env, EXCP_GP, idt_error(e), 0);
    }
    gate->addr = env->idt.base + offset;
    desc_read(env, gate, 0);
    bool valid = !(gate->e2 & DESC_S) &&
                 (desc_type(gate) == TYPE_TASK_GATE || (desc_type(gate) & 6) == 6);
    if (!valid || (e->is_int && desc_dpl(gate) < x86_cpl(env))) {
        x86_raise_err(env, EXCP_GP, idt_error(e), 0);
    }
    if (!(gate->e2 & DESC_P)) {
        x86_raise_err(env, EXCP_NP, idt_error(e), 0);
    }
}

static uint32_t fetch_handler(CPUX86State *env, const Event *e, const Descriptor *gate,
                              Descriptor *code)
{
    uint32_t sel = gate->e1 >> 16, ext = e->is_int ? 0 : 1;
    unsigned cpl = x86_cpl(env);

    if (!(sel & 0xfffc) || !desc_fetch(env, sel, code, 0) || !(code->e2 & DESC_S) ||
        !(code->e2 & DESC_CODE) || desc_dpl(code) > cpl) {
        x86_raise_err(env, EXCP_GP, (sel & 0xfffc) + ext, 0);
    }
    if (!(code->e2 & DESC_P)) {
        x86_raise_err(env, EXCP_NP, (sel & 0xfffc) + ext, 0);
    }
    bool conforming = code->e2 & DESC_C;
    if (x86_vm86(env) && (conforming || desc_dpl(code) != 0)) {
        x86_raise_err(env, EXCP_GP, (sel & 0xfffc) + ext, 0);
    }
    uint32_t offset = (gate->e1 & 0xffff) |
                      (desc_type(gate) & 8 ? gate->e2 & 0xffff0000 : 0);
    if (offset > desc_limit(code)) {
        x86_raise_err(env, EXCP_GP, ext, 0);
    }
    return sel;
}

static void deliver_protected(CPUX86State *env, const Event *e)
{
    Descriptor gate, code;
    Stack s;

    fetch_gate(env, e, &gate);
    if (desc_type(&gate) == TYPE_TASK_GATE) {
        task_gate(env, &gate, TASK_CALL, e->eip, 0);
        if (e->has_err) {
            stack_current(env, &s, 0);
            stack_push(env, &s, e->err,
                       env->tr.flags >> DESC_TYPE_SHIFT & 8 ? 4 : 2);
            stack_commit(env, &s);
        }
        return;
    }
    uint32_t sel = fetch_handler(env, e, &gate, &code);

    if (!(code.e2 & DESC_C) && desc_dpl(&code) < x86_cpl(env)) {
        deliver_inner(env, e, &gate, sel, &code);
    } else {
        deliver_same(env, e, &gate, sel, &code);
    }
}

/*
 * INT n in virtual-8086 mode, 20.3.3, table 20-2: with VME and a clear bit in
 * the redirection map it goes to the 8086 program's own handler.
 */
static bool deliver_vm86_int(CPUX86State *env, const Event *e)
{
    bool redirected = false;

    if (env->cr[4] & CR4_VME) {
        uint32_t map = ld_sys(env, env->tr.base + 102, MO_16, 0) - 32u +
                       (uint32_t)e->vector / 8;
        bool in_tss = map <= env->tr.limit;
        redirected = in_tss && !(ld_sys(env, env->tr.base + map, MO_8, 0) >>
                                 (e->vector & 7) & 1);
    }
    if (!redirected) {
        if (x86_iopl(env) < 3) {
            x86_raise_err(env, EXCP_GP, 0, 0);
        }
        return false;
    }
    Stack s;
    uint32_t flags = x86_get_eflags(env);
    uint32_t ip = ld_sys(env, (uint32_t)e->vector * 4, MO_16, 0);
    uint32_t cs = ld_sys(env, (uint32_t)e->vector * 4 + 2, MO_16, 0);
    bool virtual_if = x86_iopl(env) < 3;

    if (virtual_if) {
        flags = (flags & ~(uint32_t)IF_MASK) | IOPL_MASK |
                (flags & VIF_MASK ? IF_MASK : 0);
    }
    stack_current(env, &s, 0);
    stack_push(env, &s, flags, 2);
    stack_push(env, &s, env->segs[R_CS].selector, 2);
    stack_push(env, &s, e->eip, 2);
    stack_commit(env, &s);
    seg_load_real(env, R_CS, cs);
    env->eip = ip;
    x86_set_eflags(env, 0, TF_MASK | NT_MASK | (virtual_if ? VIF_MASK : IF_MASK));
    return true;
}

static void deliver(CPUX86State *env, const Event *e, bool is_int_n)
{
    if (log_on(LOG_INT)) {
        log_put(LOG_INT, "%s %02x err %04x at %04x:%08x cpl %u eax %08x cr2 %08x\n",
                e->is_int ? "int" : e->external ? "irq" : "exception", (unsigned)e->vector, e->err,
                env->segs[R_CS].selector, e->eip, x86_cpl(env), env->regs[R_EAX], env->cr[2]);
    }
    env->old_exception = e->vector;
    if (e->external || e->is_int) {
        env->old_exception = 0xff;      /* benign: never part of a double fault */
    }
    if (!(env->cr[0] & CR0_PE)) {
        deliver_real(env, e);
    } else if (!(x86_vm86(env) && is_int_n && deliver_vm86_int(env, e))) {
        deliver_protected(env, e);
    }
    env->old_exception = NO_EXCEPTION;
    env->hflags &= ~HF_INHIBIT;
}

void x86_do_interrupt(CPUState *cpu)
{
    CPUX86State *env = x86_env(cpu);
    int vector = env->common.exception_index;
    SoftInt kind = (SoftInt)env->exception_is_int;
    bool is_int = kind != SOFT_NONE;
    Event e = {
        .vector = vector,
        .is_int = is_int,
        .has_err = !is_int && has_error_code(vector) && (env->cr[0] & CR0_PE),
        .err = env->error_code,
        .eip = is_int ? env->exception_next_eip : env->eip,
    };

    env->common.exception_index = EXCP_NONE;
    env->exception_is_int = 0;
    deliver(env, &e, kind == SOFT_INT_N);
}

/* Delivered at once: with EIP stored, the state is exact for what may fault. */
static void soft_int(CPUX86State *env, uint32_t vector, SoftInt kind, uint32_t eip,
                     uint32_t next)
{
    env->common.exception_index = (int)vector;
    env->error_code = 0;
    env->exception_is_int = kind;
    env->exception_next_eip = next;
    env->eip = eip;
    env->common.ops->do_interrupt(x86_cpu(env));
    if (env->common.exception_index != EXCP_NONE) {
        cpu_loop_exit(x86_cpu(env));
    }
}

void helper_soft_int(CPUX86State *env, uint32_t vector, uint32_t eip, uint32_t next)
{
    soft_int(env, vector, SOFT_INT_N, eip, next);
}

void helper_soft_trap(CPUX86State *env, uint32_t vector, uint32_t eip, uint32_t next)
{
    soft_int(env, vector, SOFT_TRAP, eip, next);
}

/* INT1 is a trap without the checks of INT n (SDM vol. 2, INT n). */
void helper_int1(CPUX86State *env, uint32_t next)
{
    env->eip = next;
    x86_note_exception(env, EXCP_DB, 0);
    cpu_loop_exit(x86_cpu(env));
}

/* -- External interrupts ----------------------------------------------------- */

static int intack(CPUX86State *env)
{
    bool entered = global_enter();
    int vector = -1;

    if (env->pins.intack) {
        vector = env->pins.intack(env->pins.opaque);
    }
    global_leave(entered);
    return vector;
}

static void take_external(CPUX86State *env, int vector)
{
    Event e = { .vector = vector, .external = true, .eip = env->eip };

    env->common.halted = 0;
    deliver(env, &e, false);
}

static void take_sipi(CPUX86State *env)
{
    env->wait_for_sipi = 0;
    env->common.halted = 0;
    seg_load_real(env, R_CS, env->sipi_vector << 8);
    env->eip = 0;
}

static bool take_init_or_sipi(CPUX86State *env, uint32_t request)
{
    if (request & CPU_INTERRUPT_INIT) {
        cpu_reset_interrupt(x86_cpu(env), CPU_INTERRUPT_INIT | CPU_INTERRUPT_SIPI);
        x86_cpu_ops.reset(x86_cpu(env));
        env->wait_for_sipi = env->common.halted = env->common.cpu_index != 0;
        return true;
    }
    cpu_reset_interrupt(x86_cpu(env), CPU_INTERRUPT_SIPI);
    if (env->wait_for_sipi) {
        take_sipi(env);
        return true;
    }
    return false;
}

bool x86_exec_interrupt(CPUState *cpu, uint32_t request)
{
    CPUX86State *env = x86_env(cpu);

    if (request & CPU_INTERRUPT_A20) {
        uint32_t mask = env->a20_pin ? ~0u : ~(1u << 20);

        cpu_reset_interrupt(cpu, CPU_INTERRUPT_A20);
        if (mask != env->a20_mask) {
            env->a20_mask = mask;
            tlb_flush(cpu);
        }
        return true;
    }
    if (request & (CPU_INTERRUPT_INIT | CPU_INTERRUPT_SIPI)) {
        return take_init_or_sipi(env, request);
    }
    if (env->wait_for_sipi) {
        return false;
    }
    if ((request & CPU_INTERRUPT_SMI) && !(env->hflags & HF_SMM)) {
        cpu_reset_interrupt(cpu, CPU_INTERRUPT_SMI);
        env->common.halted = 0;
        x86_enter_smm(env);
        return true;
    }
    if ((request & CPU_INTERRUPT_NMI) && !env->nmi_blocked) {
        cpu_reset_interrupt(cpu, CPU_INTERRUPT_NMI);
        env->nmi_blocked = 1;
        take_external(env, EXCP_NMI);
        return true;
    }
    if ((request & CPU_INTERRUPT_HARD) && (env->eflags & IF_MASK) &&
        !(env->hflags & HF_INHIBIT)) {
        int vector = intack(env);

        if (vector >= 0) {
            take_external(env, vector);
            return true;
        }
    }
    return false;
}

bool x86_has_work(CPUState *cpu)
{
    CPUX86State *env = x86_env(cpu);
    uint32_t request = __atomic_load_n(&cpu->common.interrupt_request, __ATOMIC_ACQUIRE);

    if (env->wait_for_sipi) {
        return request & (CPU_INTERRUPT_INIT | CPU_INTERRUPT_SIPI | CPU_INTERRUPT_A20);
    }
    return ((request & CPU_INTERRUPT_HARD) && (env->eflags & IF_MASK)) ||
           (request & (CPU_INTERRUPT_NMI | CPU_INTERRUPT_SMI | CPU_INTERRUPT_INIT |
                       CPU_INTERRUPT_SIPI | CPU_INTERRUPT_A20));
}

void x86_set_a20(CPUState *cpu, int level)
{
    x86_env(cpu)->a20_pin = level != 0;
    cpu_interrupt(cpu, CPU_INTERRUPT_A20);
}

void x86_send_sipi(CPUState *cpu, unsigned vector)
{
    x86_env(cpu)->sipi_vector = vector;
    cpu_interrupt(cpu, CPU_INTERRUPT_SIPI);
}
