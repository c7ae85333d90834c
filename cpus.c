/* SPDX-License-Identifier: MIT */
/*
 * The vCPU thread parks when it must (park_wanted), sleeps when no CPU has
 * work, and else gives each CPU its turn.
 *
 * `lock` guards what decides that.  It is never held while the global lock is
 * being waited for.  Whoever wants the thread to look again sets its wish,
 * then makes every CPU leave cpu_exec, then signals; the thread looks after
 * leaving, so no wish is lost.  A sleeping thread says so in `sleeping` before
 * it looks a last time, so that cpu_interrupt() need not take the lock when
 * nobody sleeps.
 */
#include "cpus.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu-exec.h"
#include "exec.h"
#include "hw/core/memory.h"
#include "sys/loop.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/out.h"
#include "util/thread.h"

#define SLICE_NS (1 * NS_PER_MS)

enum { MAX_NOTIFIERS = 32 };

struct CPUs {
    CPUsConfig config;
    TBContext *tbs;
    CPUState *cpu[MAX_CPUS];
    int num;

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake, parked_cond;
    bool started, quit, running, hold, stop_wanted;
    int pause;                          /* cpus_stop_all() depth */
    bool parked;
    CPUState *turn;                     /* atomic: who runs */
    uint32_t park_hint;                 /* atomic: look at park_wanted() */
    uint32_t sleeping;                  /* atomic */
    uint32_t requests;                  /* atomic: REQUEST_xxx */

    StopReason reason, reason_wanted;
    CPUState *debug_cpu;                /* the last that stopped by STOP_DEBUG */
    QEMUBH *stop_bh, *slice_bh;
    Timer slice;
    struct { VMNotifyFn *fn; void *opaque; } notify[MAX_NOTIFIERS];
    int num_notify;
};

/* Whose turn it is; set on the vCPU thread only. */
static __thread CPUs *thread_of;
static __thread CPUState *current;

CPUState *cpu_current(void)
{
    return current;
}

static bool on_thread(const CPUs *s)
{
    return thread_of == s || !s->started;
}

/* -- Waking ------------------------------------------------------------------ */

static void wake(CPUs *s)
{
    if (__atomic_load_n(&s->sleeping, __ATOMIC_SEQ_CST)) {
        pthread_mutex_lock(&s->lock);
        pthread_cond_signal(&s->wake);
        pthread_mutex_unlock(&s->lock);
    }
}

void cpu_interrupt(CPUState *cpu, uint32_t mask)
{
    __atomic_or_fetch(&cpu->common.interrupt_request, mask, __ATOMIC_SEQ_CST);
    __atomic_store_n(&cpu->common.exit_request, 1, __ATOMIC_SEQ_CST);
    wake(cpu->common.exec->cpus);
}

void cpu_reset_interrupt(CPUState *cpu, uint32_t mask)
{
    __atomic_and_fetch(&cpu->common.interrupt_request, ~mask, __ATOMIC_SEQ_CST);
}

void cpu_kick(CPUState *cpu)
{
    cpu_interrupt(cpu, CPU_INTERRUPT_EXIT);
}

static bool park_wanted(const CPUs *s)
{
    return s->pause || !s->running || s->hold || s->stop_wanted || s->quit;
}

/* With s->lock: a wish has changed. */
static void look_again(CPUs *s)
{
    if (s->started && park_wanted(s)) {
        __atomic_store_n(&s->park_hint, 1, __ATOMIC_SEQ_CST);
        for (int i = 0; i < s->num; i++) {
            CPUCommon *c = &s->cpu[i]->common;

            __atomic_or_fetch(&c->interrupt_request, CPU_INTERRUPT_EXIT, __ATOMIC_SEQ_CST);
            __atomic_store_n(&c->exit_request, 1, __ATOMIC_SEQ_CST);
        }
    }
    pthread_cond_signal(&s->wake);
}

static void wait_parked(CPUs *s)
{
    bool held = global_locked();

    if (on_thread(s)) {
        return;
    }
    if (held) {
        global_unlock();
    }
    pthread_mutex_lock(&s->lock);
    while (!s->parked && park_wanted(s)) {
        pthread_cond_wait(&s->parked_cond, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    if (held) {
        global_lock();
    }
}

/* -- The thread -------------------------------------------------------------- */

static bool has_work(CPUState *cpu)
{
    uint32_t req = __atomic_load_n(&cpu->common.interrupt_request, __ATOMIC_SEQ_CST);

    if (cpu->common.exec->held) {
        return false;
    }
    return !cpu->common.halted || cpu->common.ops->has_work(cpu) ||
           req & (CPU_INTERRUPT_EXIT | CPU_INTERRUPT_RESET | CPU_INTERRUPT_DEBUG);
}

static bool any_work(CPUs *s)
{
    for (int i = 0; i < s->num; i++) {
        if (has_work(s->cpu[i])) {
            return true;
        }
    }
    return false;
}

static void sleep_until_work(CPUs *s)
{
    pthread_mutex_lock(&s->lock);
    __atomic_store_n(&s->sleeping, 1, __ATOMIC_SEQ_CST);
    while (!any_work(s) && !park_wanted(s)) {
        pthread_cond_wait(&s->wake, &s->lock);
    }
    __atomic_store_n(&s->sleeping, 0, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&s->lock);
    if (s->num > 1) {
        bh_schedule(s->slice_bh);
    }
}

static void stop_on_debug(CPUs *s, CPUState *cpu)
{
    s->debug_cpu = cpu;
    __atomic_or_fetch(&s->requests, REQUEST_DEBUG, __ATOMIC_SEQ_CST);
    global_lock();
    vm_stop(s, STOP_DEBUG);
    global_unlock();
    loop_wake();
}

/* A turn for each CPU that can use it; false if none could. */
static bool run_turns(CPUs *s)
{
    bool any = false;

    for (int i = 0; i < s->num; i++) {
        if (__atomic_load_n(&s->park_hint, __ATOMIC_SEQ_CST)) {
            return true;
        }
        if (!has_work(s->cpu[i])) {
            continue;
        }
        any = true;
        current = s->cpu[i];
        __atomic_store_n(&s->turn, current, __ATOMIC_SEQ_CST);
        int why = cpu_exec(s->cpu[i]);

        __atomic_store_n(&s->turn, NULL, __ATOMIC_SEQ_CST);
        current = NULL;
        if (why == EXCP_DEBUG) {
            stop_on_debug(s, s->cpu[i]);
        }
    }
    return any;
}

/* Stand still as long as somebody wants that; false: the end. */
static bool park(CPUs *s)
{
    bool go_on;

    pthread_mutex_lock(&s->lock);
    while (!s->quit && park_wanted(s)) {
        s->parked = true;
        pthread_cond_broadcast(&s->parked_cond);
        pthread_cond_wait(&s->wake, &s->lock);
    }
    go_on = !s->quit;
    s->parked = s->quit;
    __atomic_store_n(&s->park_hint, 0, __ATOMIC_SEQ_CST);
    pthread_cond_broadcast(&s->parked_cond);
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

static void *vcpu_thread(void *opaque)
{
    CPUs *s = opaque;

    thread_of = s;
    while (park(s)) {
        while (!__atomic_load_n(&s->park_hint, __ATOMIC_SEQ_CST)) {
            if (!run_turns(s)) {
                sleep_until_work(s);
            }
        }
    }
    return NULL;
}

/* -- Time slices, with several CPUs ------------------------------------------ */

static void start_slice(void *opaque)
{
    CPUs *s = opaque;

    if (s->running && !s->slice.armed) {
        timer_set(&s->slice, clock_now(s->config.clock) + SLICE_NS);
    }
}

static void slice_over(void *opaque)
{
    CPUs *s = opaque;

    CPUState *cpu = __atomic_load_n(&s->turn, __ATOMIC_SEQ_CST);

    if (cpu) {
        cpu_kick(cpu);
    }
    if (!__atomic_load_n(&s->sleeping, __ATOMIC_SEQ_CST)) {
        start_slice(s);
    }
}

/* -- What memory has to tell ------------------------------------------------- */

static void map_changed(void *opaque)
{
    CPUs *s = opaque;

    for (int i = 0; i < s->num; i++) {
        if (on_thread(s)) {
            tlb_flush(s->cpu[i]);
            cpu_do_later(s->cpu[i], PENDING_RECLAIM);
        } else {
            cpu_do_later(s->cpu[i], PENDING_FLUSH | PENDING_RECLAIM);
        }
    }
}

static void code_written(void *opaque, uint64_t ram_addr, uint64_t len)
{
    CPUs *s = opaque;

    tb_code_written(s->tbs, ram_addr, len);
    for (int i = 0; i < s->num; i++) {
        __atomic_store_n(&s->cpu[i]->common.exit_request, 1, __ATOMIC_SEQ_CST);
    }
}

static void ram_cleaned(void *opaque, uint64_t ram_addr, uint64_t len)
{
    CPUs *s = opaque;

    for (int i = 0; i < s->num; i++) {
        tlb_ram_cleaned(s->cpu[i], ram_addr, len);
    }
}

/* -- info jit ----------------------------------------------------------------- */

static void dump_cpu(const CPUExec *x, int n, const Out *o)
{
    const uint64_t *exits = x->stat.exits;
    uint64_t runs = x->stat.raised, unchained = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(x->stat.exits); i++) {
        runs += exits[i];
        unchained += i < TCG_SLOTS ? exits[i] : 0;
    }
    out_printf(o, "CPU %d TLB          %" PRIu64 " misses, %" PRIu64 " revived, %" PRIu64
               " slow accesses, %" PRIu64 " noted writes\n", n, x->stat.tlb_misses,
               x->stat.tlb_victim_hits, x->stat.slow_accesses, x->stat.notdirty_writes);
    out_printf(o, "      flushes      %" PRIu64 " full, %" PRIu64 " not global, %" PRIu64
               " of a page, %" PRIu64 " resizes\n", x->stat.tlb_flushes,
               x->stat.tlb_nonglobal_flushes, x->stat.tlb_page_flushes, x->stat.tlb_resizes);
    out_printf(o, "      main loop    %" PRIu64 " times: unchained jumps %" PRIu64
               ", next block unknown %" PRIu64 ", requests %" PRIu64 ", raised %" PRIu64 "\n",
               runs, unchained, exits[TB_EXIT_NONE], exits[TB_EXIT_REQUESTED], x->stat.raised);
    out_printf(o, "      look-ups     %" PRIu64 " missed the jump cache, %" PRIu64
               " translated, %" PRIu64 " jump cache entries revived\n", x->stat.lookups,
               x->stat.lookup_misses, x->stat.revived);
    out_printf(o, "      events       %" PRIu64 " interrupts, %" PRIu64 " exceptions\n",
               x->stat.interrupts, x->stat.exceptions);
}

static void dump_jit(const CPUs *s, const Out *o)
{
    translate_dump_info(s->tbs, o->put, o->opaque);
    for (int i = 0; i < s->num; i++) {
        dump_cpu(s->cpu[i]->common.exec, i, o);
    }
}

void cpus_dump_jit(CPUs *s, void (*put)(void *, const char *), void *opaque)
{
    cpus_stop_all(s);
    dump_jit(s, &(Out){ put, opaque });
    cpus_resume_all(s);
}

/* -- Life -------------------------------------------------------------------- */

static void stop_soon(void *opaque);

CPUs *cpus_new(const CPUsConfig *c, Error *err)
{
    TBContext *tbs = tb_context_new(c->ops, &c->accel, err);

    if (!tbs) {
        return NULL;
    }
    CPUs *s = xzalloc(sizeof(*s));

    s->config = *c;
    s->tbs = tbs;
    s->reason = STOP_USER;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    pthread_cond_init(&s->parked_cond, NULL);
    s->stop_bh = bh_new(stop_soon, s);
    s->slice_bh = bh_new(start_slice, s);
    if (c->clock) {
        timer_init(c->clock, &s->slice, slice_over, s);
    }
    c->mem->changed = map_changed;
    c->mem->code_written = code_written;
    c->mem->opaque = s;
    ram_set_cleaned_hook(ram_cleaned, s);
    return s;
}

CPUState *cpu_create(CPUs *s)
{
    const CPUOps *ops = s->config.ops;
    CPUState *cpu = xzalloc_huge(ops->state_size);
    CPUExec *x = xzalloc_huge(sizeof(*x));

    assert(!s->started && s->num < MAX_CPUS);
    assert(s->num == 0 || s->config.clock);
    *x = (CPUExec){
        .cpus = s, .mem = s->config.mem, .io = s->config.io, .clock = s->config.clock,
        .tbs = s->tbs, .options = &s->config.accel,
    };
    cpu->common.cpu_index = (uint32_t)s->num;
    cpu->common.tlb_offset = ops->tcg->mmu.table;
    cpu->common.ops = ops;
    cpu->common.exec = x;
    assert(ops->tcg->jump_cache.table ==
           ops->tcg->mmu.table + offsetof(CPUTLB, jump_cache));
    cpu_exec_init(cpu);
    tb_context_add_cpu(s->tbs, cpu);
    s->cpu[s->num++] = cpu;
    ops->reset(cpu);
    return cpu;
}

int cpus_num(const CPUs *s)
{
    return s->num;
}

CPUState *cpus_get(const CPUs *s, int n)
{
    return n >= 0 && n < s->num ? s->cpu[n] : NULL;
}

int cpus_start(CPUs *s, Error *err)
{
    assert(!s->started);
    s->started = true;
    int e = thread_create(&s->thread, NULL, vcpu_thread, s);

    if (e) {
        s->started = false;
        return error_set(err, e, "vCPU thread: %s", strerror(e));
    }
    pthread_setname_np(s->thread, "vcpu");
    return 0;
}

static void join_thread(CPUs *s)
{
    bool held = global_locked();

    pthread_mutex_lock(&s->lock);
    s->quit = true;
    look_again(s);
    pthread_mutex_unlock(&s->lock);
    if (held) {
        global_unlock();
    }
    pthread_join(s->thread, NULL);
    if (held) {
        global_lock();
    }
    s->started = false;
}

static void put_log(void *opaque, const char *text)
{
    (void)opaque;
    log_put(LOG_JIT, "%s", text);
}

void cpus_free(CPUs *s)
{
    if (!s) {
        return;
    }
    if (s->started) {
        join_thread(s);
    }
    if (log_on(LOG_JIT)) {
        dump_jit(s, &(Out){ put_log, NULL });
    }
    s->config.mem->changed = NULL;
    s->config.mem->code_written = NULL;
    ram_set_cleaned_hook(NULL, NULL);
    if (s->config.clock) {
        timer_cancel(&s->slice);
    }
    bh_delete(s->stop_bh);
    bh_delete(s->slice_bh);
    for (int i = 0; i < s->num; i++) {
        if (s->config.ops->destroy) {
            s->config.ops->destroy(s->cpu[i]);
        }
        cpu_exec_destroy(s->cpu[i]);
        free(s->cpu[i]);
    }
    tb_context_free(s->tbs);
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->parked_cond);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* -- Running and standing still ---------------------------------------------- */

void cpus_stop_all(CPUs *s)
{
    pthread_mutex_lock(&s->lock);
    s->pause++;
    look_again(s);
    pthread_mutex_unlock(&s->lock);
    wait_parked(s);
}

void cpus_resume_all(CPUs *s)
{
    pthread_mutex_lock(&s->lock);
    assert(s->pause > 0);
    s->pause--;
    look_again(s);
    pthread_mutex_unlock(&s->lock);
}

void run_on_cpu(CPUState *cpu, void (*fn)(CPUState *cpu, void *opaque), void *opaque)
{
    CPUs *s = cpu->common.exec->cpus;

    if (on_thread(s)) {
        fn(cpu, opaque);
        return;
    }
    cpus_stop_all(s);
    fn(cpu, opaque);
    cpus_resume_all(s);
}

void cpus_reset(CPUs *s)
{
    cpus_stop_all(s);
    for (int i = 0; i < s->num; i++) {
        s->config.ops->reset(s->cpu[i]);
        tlb_flush(s->cpu[i]);
    }
    cpus_resume_all(s);
}

bool vm_running(const CPUs *s)
{
    return s->running;
}

StopReason vm_stop_reason(const CPUs *s)
{
    return s->reason;
}

void vm_add_notifier(CPUs *s, VMNotifyFn *fn, void *opaque)
{
    assert(s->num_notify < MAX_NOTIFIERS);
    s->notify[s->num_notify].fn = fn;
    s->notify[s->num_notify++].opaque = opaque;
}

static void notify(CPUs *s, bool running)
{
    for (int i = 0; i < s->num_notify; i++) {
        s->notify[i].fn(s->notify[i].opaque, running, s->reason);
    }
}

static void set_running(CPUs *s, bool running)
{
    pthread_mutex_lock(&s->lock);
    s->running = running;
    s->stop_wanted = false;
    look_again(s);
    pthread_mutex_unlock(&s->lock);
}

CPUState *vm_debug_cpu(const CPUs *s)
{
    return s->debug_cpu;
}

static void start(CPUs *s, bool with_clock)
{
    if (s->running) {
        return;
    }
    if (s->config.clock && with_clock) {
        clock_start(s->config.clock);
    }
    notify(s, true);
    set_running(s, true);
    if (s->num > 1) {
        start_slice(s);
    }
    loop_wake();
}

void vm_start(CPUs *s)
{
    start(s, true);
}

void vm_start_frozen(CPUs *s)
{
    start(s, false);
}

static void stop_soon(void *opaque)
{
    CPUs *s = opaque;

    if (s->stop_wanted) {
        vm_stop(s, s->reason_wanted);
    }
}

void vm_stop(CPUs *s, StopReason why)
{
    if (!s->running) {
        return;
    }
    if (s->started && thread_of == s) {
        /* Guest time and the notifiers are the main thread's. */
        pthread_mutex_lock(&s->lock);
        s->stop_wanted = true;
        s->reason_wanted = why;
        look_again(s);
        pthread_mutex_unlock(&s->lock);
        bh_schedule(s->stop_bh);
        return;
    }
    set_running(s, false);
    wait_parked(s);
    if (s->config.clock) {
        clock_stop(s->config.clock);
    }
    s->reason = why;
    notify(s, false);
}

/* -- Requests ---------------------------------------------------------------- */

static void request(CPUs *s, uint32_t what, bool hold)
{
    __atomic_or_fetch(&s->requests, what, __ATOMIC_SEQ_CST);
    if (hold) {
        pthread_mutex_lock(&s->lock);
        s->hold = true;
        look_again(s);
        pthread_mutex_unlock(&s->lock);
    }
    loop_wake();
}

void system_reset_request(CPUs *s)
{
    request(s, REQUEST_RESET, true);
}

void system_shutdown_request(CPUs *s)
{
    request(s, REQUEST_SHUTDOWN, true);
}

void system_powerdown_request(CPUs *s)
{
    request(s, REQUEST_POWERDOWN, false);
}

unsigned cpus_take_requests(CPUs *s)
{
    return __atomic_exchange_n(&s->requests, 0, __ATOMIC_SEQ_CST);
}

void cpus_requests_done(CPUs *s)
{
    pthread_mutex_lock(&s->lock);
    s->hold = false;
    look_again(s);
    pthread_mutex_unlock(&s->lock);
}
