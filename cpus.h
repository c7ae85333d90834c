/* SPDX-License-Identifier: MIT */
/*
 * The processors of a machine and the thread that runs them.
 *
 *   main thread                                vCPU thread
 *   vm_start/vm_stop ---- pause, kick ------>  for each CPU with work:
 *   devices, timers  ---- cpu_interrupt ---->      cpu_exec()
 *   cpus_take_requests <- reset, shutdown ---  sleep when all are halted
 *
 * All CPUs of a machine take turns on one thread; with more than one, each
 * turn is at most a millisecond.  A halted machine uses no host CPU.
 *
 * Life: cpus_new, cpu_create for each, (board is built,) cpus_start, vm_start
 * ... vm_stop, cpus_free.
 *
 * Threads: call with the global lock held, which functions that wait for the
 * vCPU thread release meanwhile.  From any thread, locked or not:
 * cpu_interrupt, cpu_reset_interrupt, cpu_kick, system_xxx_request.
 */
#ifndef CPUS_H
#define CPUS_H

#include "cpu-common.h"
#include "translate-all.h"

enum { MAX_CPUS = 16 };

typedef struct CPUs CPUs;

typedef struct CPUsConfig {
    const CPUOps *ops;
    AddressSpace *mem, *io;             /* io may be NULL */
    Clock *clock;                       /* virtual time; may be NULL */
    AccelOptions accel;
} CPUsConfig;

CPUs *cpus_new(const CPUsConfig *c, Error *err);
void cpus_free(CPUs *s);                /* ends the thread; CPUs too */
/* A processor, reset; its state is cache line aligned and otherwise zero. */
CPUState *cpu_create(CPUs *s);
int cpus_num(const CPUs *s);
CPUState *cpus_get(const CPUs *s, int n);       /* NULL if there is none */
int cpus_start(CPUs *s, Error *err);    /* the thread; the machine is stopped */

/* -- Running and standing still ---------------------------------------------- */

typedef enum StopReason {
    STOP_USER, STOP_DEBUG, STOP_SHUTDOWN, STOP_IO_ERROR, STOP_SAVE, STOP_PANIC,
} StopReason;

/* Start and stop guest time and processors.  vm_stop() has returned: nothing
 * runs (on the vCPU thread itself: soon). */
void vm_start(CPUs *s);
void vm_start_frozen(CPUs *s);          /* guest time stands still: a debugger's step */
void vm_stop(CPUs *s, StopReason why);
bool vm_running(const CPUs *s);
StopReason vm_stop_reason(const CPUs *s);
CPUState *vm_debug_cpu(const CPUs *s);  /* whose was the last STOP_DEBUG */
/* Called after starting and after stopping, with the lock. */
typedef void VMNotifyFn(void *opaque, bool running, StopReason why);
void vm_add_notifier(CPUs *s, VMNotifyFn *fn, void *opaque);

/* Park the processors, guest time goes on; nests. */
void cpus_stop_all(CPUs *s);
void cpus_resume_all(CPUs *s);
/* Look at or change a CPU's state, as if on its thread. */
void run_on_cpu(CPUState *cpu, void (*fn)(CPUState *cpu, void *opaque), void *opaque);
void cpus_reset(CPUs *s);               /* every CPU: CPUOps.reset */

void cpu_kick(CPUState *cpu);           /* leave cpu_exec soon */
/* Which CPU is running on this thread; NULL on others. */
CPUState *cpu_current(void);

/* -- What guests and users want from the main loop ---------------------------- */

enum {
    REQUEST_RESET = 1, REQUEST_SHUTDOWN = 2, REQUEST_POWERDOWN = 4,
    REQUEST_DEBUG = 8,                  /* a CPU met a breakpoint: it is stopped */
};

/* After a reset or shutdown request no guest instruction runs until
 * cpus_requests_done(). */
void system_reset_request(CPUs *s);
void system_shutdown_request(CPUs *s);
void system_powerdown_request(CPUs *s);
/* What has been requested since the last call, REQUEST_xxx; wakes main_loop. */
unsigned cpus_take_requests(CPUs *s);
void cpus_requests_done(CPUs *s);

/* info jit */
void cpus_dump_jit(CPUs *s, void (*put)(void *, const char *), void *opaque);

#endif
