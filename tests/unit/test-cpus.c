/* SPDX-License-Identifier: MIT */
/* The thread of the processors, with the toy guest. */
#include "cpus.h"

#include <unistd.h>

#include "tests/unit/toy.h"

/* Run the main loop until the condition holds, ten seconds at most. */
#define WAIT_FOR(cond)                                                      \
    do {                                                                    \
        for (int n_ = 0; n_ < 10000 && !(cond); n_++) {                     \
            clock_run(&g->clock);                                           \
            loop_run_once(NS_PER_MS);                                       \
        }                                                                   \
        CHECK(cond);                                                        \
    } while (0)

static void count_notify(void *opaque, bool running, StopReason why)
{
    (void)why;
    *(int *)opaque += running ? 1 : 100;
}

/* Counts in memory at 0x8000; the interrupt handler counts at 0x8004. */
static void put_counter(Rig *g, bool halts)
{
    g->at = 0x1000;
    put(g, OP_MOVI, 1, 0, 0, 0x8000);
    put(g, OP_MOVI, 7, 0, 0, 1);
    uint32_t loop = g->at;

    put(g, OP_EI, 0, 0, 0, 0);
    put(g, OP_ADDI, 0, 0, 0, 1);
    put(g, OP_ST, 0, 1, MO_32, 0);
    if (halts) {
        put(g, OP_HALT, 0, 0, 0, 0);
    }
    put(g, OP_JNZ, 7, 0, 0, loop);
    g->at = 0x4000;
    put(g, OP_ADDI, 2, 2, 0, 1);
    put(g, OP_ST, 2, 1, MO_32, 4);
    put(g, OP_IRET, 0, 0, 0, 0);
    g->toy->irq_pc = 0x4000;
    g->toy->pc = 0x1000;
}

ON_ALL(stop_and_start)
{
    const uint32_t *count = (const uint32_t *)(void *)(g->host + 0x8000);
    int notes = 0;

    global_lock();
    put_counter(g, false);
    vm_add_notifier(g->cpus, count_notify, &notes);
    cpus_start(g->cpus, NULL);
    CHECK(!vm_running(g->cpus));
    vm_start(g->cpus);
    WAIT_FOR(peek(count) > 100);
    vm_stop(g->cpus, STOP_USER);
    uint32_t seen = peek(count);
    int64_t now = clock_now(&g->clock);

    usleep(3000);
    CHECK_EQ(peek(count), seen);
    CHECK_EQ(clock_now(&g->clock), now);
    CHECK_EQ(notes, 101);
    CHECK_EQ(vm_stop_reason(g->cpus), STOP_USER);
    vm_start(g->cpus);
    WAIT_FOR(peek(count) > seen);
    cpus_stop_all(g->cpus);
    cpus_stop_all(g->cpus);
    cpus_resume_all(g->cpus);
    seen = peek(count);
    usleep(3000);
    CHECK_EQ(peek(count), seen);
    cpus_resume_all(g->cpus);
    WAIT_FOR(peek(count) > seen);
    vm_stop(g->cpus, STOP_USER);
    global_unlock();
}

ON_ALL(a_halted_machine_wakes_for_each_interrupt)
{
    const uint32_t *count = (const uint32_t *)(void *)(g->host + 0x8004);

    global_lock();
    put_counter(g, true);
    cpus_start(g->cpus, NULL);
    vm_start(g->cpus);
    for (uint32_t i = 1; i <= 50; i++) {
        cpu_interrupt(g->cpu, CPU_INTERRUPT_HARD);
        WAIT_FOR(peek(count) == i);
    }
    vm_stop(g->cpus, STOP_USER);
    global_unlock();
}

static void read_pc(CPUState *cpu, void *opaque)
{
    *(uint32_t *)opaque = toy_of(cpu)->pc;
}

ON_ALL(requests_hold_the_processors)
{
    const uint32_t *count = (const uint32_t *)(void *)(g->host + 0x8000);
    uint32_t pc = 0;

    global_lock();
    put_counter(g, false);
    cpus_start(g->cpus, NULL);
    vm_start(g->cpus);
    WAIT_FOR(peek(count) > 100);
    run_on_cpu(g->cpu, read_pc, &pc);
    CHECK(pc >= 0x1000 && pc < 0x1040);
    system_powerdown_request(g->cpus);
    CHECK_EQ(cpus_take_requests(g->cpus), REQUEST_POWERDOWN);
    system_reset_request(g->cpus);
    CHECK_EQ(cpus_take_requests(g->cpus), REQUEST_RESET);
    cpus_stop_all(g->cpus);
    uint32_t seen = peek(count);

    cpus_resume_all(g->cpus);
    usleep(3000);
    CHECK_EQ(peek(count), seen);
    cpus_reset(g->cpus);
    CHECK_EQ(g->toy->pc, 0);
    g->toy->pc = 0x1000;
    cpus_requests_done(g->cpus);
    WAIT_FOR(peek(count) > 0 && peek(count) != seen);
    vm_stop(g->cpus, STOP_USER);
    global_unlock();
}

ON_ALL(a_breakpoint_stops_the_machine)
{
    global_lock();
    put_counter(g, false);
    cpu_breakpoint_insert(g->cpu, 0x1018);
    cpus_start(g->cpus, NULL);
    vm_start(g->cpus);
    WAIT_FOR(!vm_running(g->cpus));
    CHECK_EQ(vm_stop_reason(g->cpus), STOP_DEBUG);
    CHECK_EQ(cpus_take_requests(g->cpus), REQUEST_DEBUG);
    CHECK_EQ(g->toy->pc, 0x1018);
    global_unlock();
}

/* -smp: a CPU that never leaves its loop lets the other run. */
ON_ALL(processors_take_turns)
{
    const uint32_t *count = (const uint32_t *)(void *)(g->host + 0x8000);
    CPUState *other = cpu_create(g->cpus);
    Toy *t = toy_of(other);

    global_lock();
    memcpy(t->page, g->toy->page, sizeof(t->page));
    g->at = 0x2000;
    put(g, OP_MOVI, 0, 0, 0, 1);
    put(g, OP_JNZ, 0, 0, 0, g->at);
    t->pc = 0x2000;
    put_counter(g, false);
    g->toy->pc = 0x2000;
    t->pc = 0x1000;
    cpus_start(g->cpus, NULL);
    vm_start(g->cpus);
    WAIT_FOR(peek(count) > 100);
    vm_stop(g->cpus, STOP_USER);
    CHECK(g->toy->pc < 0x3000 && g->toy->pc >= 0x2000);
    global_unlock();
}
