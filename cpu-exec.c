/* SPDX-License-Identifier: MIT */
/*
 *   exception? -> do_interrupt
 *   request?   -> leave, reset, exec_interrupt
 *   tb_find_fast (jump cache) -> tb_find_slow (hash) -> tb_gen_code
 *   chain it behind the last block; run; and again
 *
 * exit_request is cleared before requests are looked at: whoever makes one
 * after that sets it again, and the next block is left at its head.
 */
#include "cpu-exec.h"

#include "exec.h"
#include "hw/core/memory.h"
#include "jump-cache.h"
#include "sys/loop.h"
#include "util/log.h"

enum {
    COMMON_REQUESTS = CPU_INTERRUPT_EXIT | CPU_INTERRUPT_RESET | CPU_INTERRUPT_DEBUG,
};

/* The block that was left by goto_tb, so that it can be chained. */
typedef struct Last {
    TranslationBlock *tb;               /* or NULL */
    unsigned slot;
} Last;

static void run_pending(CPUState *cpu)
{
    CPUExec *x = cpu->common.exec;
    uint32_t what = __atomic_exchange_n(&x->pending, 0, __ATOMIC_SEQ_CST);

    if (what & PENDING_FLUSH) {
        tlb_flush(cpu);
    }
    if (what & PENDING_RECLAIM) {
        global_lock();
        as_reclaim(x->mem);
        global_unlock();
    }
    tb_run_pending(x->tbs);
}

static uint32_t requests(CPUState *cpu)
{
    return __atomic_load_n(&cpu->common.interrupt_request, __ATOMIC_SEQ_CST);
}

static bool take(CPUState *cpu, uint32_t mask)
{
    return requests(cpu) & mask &&
           __atomic_fetch_and(&cpu->common.interrupt_request, ~mask,
                              __ATOMIC_SEQ_CST) & mask;
}

/* A debugger's step is not to end in an interrupt handler. */
static bool interrupt(CPUState *cpu)
{
    CPUExec *x = cpu->common.exec;
    uint32_t which = requests(cpu) & ~(uint32_t)COMMON_REQUESTS;

    if (!which || (x->step && !x->step_irqs) || x->watch_hit) {
        return false;
    }
    global_lock();
    bool taken = cpu->common.ops->exec_interrupt(cpu, which);

    global_unlock();
    x->stat.interrupts += taken;
    return taken;
}

/* EXCP_NONE: nothing is against running on. */
static int take_requests(CPUState *cpu, Last *last)
{
    if (__atomic_load_n(&cpu->common.exit_request, __ATOMIC_RELAXED)) {
        __atomic_store_n(&cpu->common.exit_request, 0, __ATOMIC_SEQ_CST);
        run_pending(cpu);
    }
    if (!requests(cpu) && !cpu->common.halted) {
        return EXCP_NONE;
    }
    if (take(cpu, CPU_INTERRUPT_EXIT)) {
        return EXCP_INTERRUPT;
    }
    if (take(cpu, CPU_INTERRUPT_DEBUG)) {
        return EXCP_DEBUG;
    }
    if (take(cpu, CPU_INTERRUPT_RESET)) {
        cpu->common.ops->reset(cpu);
        last->tb = NULL;
    }
    do {
        if (cpu->common.halted) {
            if (!cpu->common.ops->has_work(cpu)) {
                return EXCP_HLT;
            }
            cpu->common.halted = 0;
        }
    } while (interrupt(cpu) && (last->tb = NULL, true));
    return EXCP_NONE;
}

/* EXCP_NONE: the guest's handler runs next. */
static int take_exception(CPUState *cpu)
{
    CPUExec *x = cpu->common.exec;
    int e = cpu->common.exception_index;

    if (e >= EXCP_INTERRUPT) {
        cpu->common.exception_index = EXCP_NONE;
        return x->step ? EXCP_DEBUG : e;        /* of HLT, PAUSE */
    }
    x->stat.exceptions++;
    cpu->common.ops->do_interrupt(cpu);
    return x->step ? EXCP_DEBUG : EXCP_NONE;
}

static bool at_breakpoint(CPUState *cpu, const TBKey *key)
{
    const CPUExec *x = cpu->common.exec;

    for (unsigned i = 0; i < x->num_breaks; i++) {
        if (x->breaks[i] == key->pc + key->cs_base) {
            return true;
        }
    }
    return false;
}

/* The block's code: what the jump cache knows is found without a look at the block. */
static const uint8_t *tb_find_fast(CPUState *cpu, const TBKey *key, unsigned cflags)
{
    const uint8_t *code = cflags ? NULL : jump_cache_find(cpu, key);

    if (!code) {
        TranslationBlock *tb = tb_find_slow(cpu, key, cflags);

        code = (tb ? tb : tb_gen_code(cpu, key, cflags))->tc_ptr;
    }
    return code;
}

static void put_cpu(void *opaque, const char *text)
{
    (void)opaque;
    log_put(LOG_CPU, "%s", text);
}

static void log_block(CPUState *cpu, const uint8_t *code)
{
    if (log_on(LOG_EXEC)) {
        const TranslationBlock *tb = tb_of_code(code);

        log_put(LOG_EXEC, "Trace %u: %08x + %08x [%08x]\n", cpu->common.cpu_index,
                tb->pc, tb->cs_base, tb->flags);
    }
    if (log_on(LOG_CPU) && cpu->common.ops->dump_state) {
        cpu->common.ops->dump_state(cpu, put_cpu, NULL);
    }
}

/* A block of one instruction has run, as somebody wished. */
static int ran_one_insn(CPUExec *x)
{
    bool tell = x->step || x->watch_hit;

    x->watch_told |= x->watch_hit;
    x->one_insn = x->watch_hit = false;
    return tell ? EXCP_DEBUG : EXCP_NONE;
}

static int run_block(CPUState *cpu, const uint8_t *code, unsigned cflags, Last *last)
{
    CPUExec *x = cpu->common.exec;

    log_block(cpu, code);
    x->in_code = true;
    uintptr_t ret = tcg_qemu_tb_exec(tb_tcg(x->tbs), cpu, code);
    x->in_code = false;

    TBExit how = (TBExit)(ret & TB_EXIT_MASK);

    x->stat.exits[how]++;
    last->tb = (TranslationBlock *)(ret & ~(uintptr_t)TB_EXIT_MASK);
    last->slot = how;
    if (how == TB_EXIT_REQUESTED) {
        cpu->common.ops->set_pc(cpu, last->tb->pc);
        tb_check(x->tbs, last->tb);
        last->tb = NULL;
        return EXCP_NONE;
    }
    if (how == TB_EXIT_NONE) {
        last->tb = NULL;
    }
    return cflags & TB_ONE_INSN ? ran_one_insn(x) : EXCP_NONE;
}

static int run(CPUState *cpu)
{
    CPUExec *x = cpu->common.exec;
    Last last = { NULL, 0 };

    for (;;) {
        int why = EXCP_NONE;

        while (cpu->common.exception_index != EXCP_NONE && why == EXCP_NONE) {
            last.tb = NULL;
            why = take_exception(cpu);
        }
        if (why == EXCP_NONE) {
            why = take_requests(cpu, &last);
        }
        if (why != EXCP_NONE) {
            return why;
        }
        TBKey key = cpu->common.ops->tb_key(cpu);

        if (x->num_breaks && !x->step && at_breakpoint(cpu, &key)) {
            return EXCP_DEBUG;
        }
        uint64_t evictions = tb_evictions(x->tbs);
        unsigned cflags = x->one_insn || x->step ? TB_ONE_INSN : 0;
        const uint8_t *code = tb_find_fast(cpu, &key, cflags);

        if (last.tb && evictions == tb_evictions(x->tbs)) {
            tb_add_jump(x->tbs, last.tb, last.slot, tb_of_code(code));
        }
        why = run_block(cpu, code, cflags, &last);
        if (why != EXCP_NONE) {
            return why;
        }
    }
}

/* Somebody called cpu_loop_exit(). */
static void landed(CPUState *cpu)
{
    CPUExec *x = cpu->common.exec;

    if (global_locked()) {
        global_unlock();
    }
    if (x->in_code) {
        x->in_code = false;
        x->stat.raised++;
        if (cpu->common.ops->exec_landed) {
            cpu->common.ops->exec_landed(cpu);
        }
    }
}

int cpu_exec(CPUState *cpu)
{
    cpu->common.ops->exec_enter(cpu);
    if (_setjmp(cpu->common.exec->jmp)) {
        landed(cpu);
    }
    int why = run(cpu);

    cpu->common.ops->exec_exit(cpu);
    return why;
}
