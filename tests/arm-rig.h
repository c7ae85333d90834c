/* SPDX-License-Identifier: MIT */
/*
 * An emulated ARM with four megabytes of RAM, MMU off, for tests that give it a
 * state, run it and look at the state it has then.
 *
 *   20010000  code, 64 KiB
 *   20030000  data, 12 KiB
 *
 * Exceptions are not delivered: the first one ends the run and is the result.
 * Code ends with SVC #0, which counts as no exception (excp -1).
 */
#ifndef TESTS_ARM_RIG_H
#define TESTS_ARM_RIG_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cpu-exec.h"
#include "cpus.h"
#include "exec.h"
#include "hw/core/memory.h"
#include "target-arm/decode.h"
#include "target-arm/translate.h"
#include "util/bits.h"
#include "util/mem.h"

enum {
    RIG_PHYS = 0x20000000, RIG_RAM_SIZE = 0x400000,
    RIG_CODE = 0x20010000, RIG_CODE_SIZE = 0x10000,
    RIG_DATA = 0x20030000, RIG_DATA_SIZE = 0x3000,
};

typedef struct ArmCtx {
    uint32_t r[16], cpsr, spsr;
    int excp;                           /* -1: none */
    uint32_t fault_addr, fault_status;  /* of aborts */
    uint64_t d[16];
    uint32_t fpscr, fpexc;
} ArmCtx;

typedef struct ArmRig {
    CPUs *cpus;
    CPUARMState *env;
    AddressSpace *mem;
    MemoryRegion *region;
    uint8_t *ram;
    CPUOps ops;
    const char *model;
    int excp;
} ArmRig;

static ArmRig rig;

static inline uint8_t *rig_ptr(uint32_t phys)
{
    return rig.ram + (phys - RIG_PHYS);
}

/* Instead of delivering it. */
static void rig_record(CPUState *cpu)
{
    rig.excp = cpu->common.exception_index;
    cpu->common.exception_index = EXCP_INTERRUPT;
}

/* Resets the processor if it is another one. */
static inline void rig_set_model(const char *name)
{
    Error err;

    if (!rig.model || strcmp(rig.model, name)) {
        int ret = arm_set_model(rig.env, name, &err);

        assert(ret == 0);
        (void)ret;
        rig.model = name;
        tb_flush(rig.env->common.exec->tbs);
    }
}

static inline void rig_open(const AccelOptions *o, const char *model)
{
    Error err;

    rig = (ArmRig){ .mem = as_new("memory", 1ull << 32), .ops = arm_cpu_ops };
    rig.region = xcalloc(1, sizeof(*rig.region));
    region_init_ram(rig.region, "ram", ram_block_new("ram", RIG_RAM_SIZE));
    region_map(rig.mem, rig.region, RIG_PHYS, 0);
    rig.ops.do_interrupt = rig_record;
    rig.ram = rig.region->ram->host;
    CPUsConfig c = { .ops = &rig.ops, .mem = rig.mem, .accel = *o };

    rig.cpus = cpus_new(&c, &err);
    assert(rig.cpus);
    rig.env = arm_env(cpu_create(rig.cpus));
    rig_set_model(model);
}

static inline void rig_close(void)
{
    cpus_free(rig.cpus);
    as_free(rig.mem);
    free(rig.region);
}

static inline void rig_set(const ArmCtx *c)
{
    CPUARMState *env = rig.env;

    arm_cpsr_write(env, c->cpsr, ~0u);
    memset(env->banked_r13, 0, sizeof(env->banked_r13));
    memset(env->banked_r14, 0, sizeof(env->banked_r14));
    memset(env->banked_spsr, 0, sizeof(env->banked_spsr));
    memset(env->usr_r8_12, 0, sizeof(env->usr_r8_12));
    memset(env->fiq_r8_12, 0, sizeof(env->fiq_r8_12));
    memcpy(env->regs, c->r, sizeof(env->regs));
    env->spsr = c->spsr;
    env->excl_addr = ~0u;
    env->fault_addr = env->fault_status = 0;
    if (env->features & ARM_VFP2) {
        memcpy(env->vfp.d, c->d, sizeof(env->vfp.d));
        env->fpexc = c->fpexc;
        arm_fpscr_write(env, c->fpscr);
    }
    arm_update_tbflags(env);
    env->common.exception_index = EXCP_NONE;
    env->common.halted = 0;
}

static inline void rig_get(ArmCtx *c)
{
    CPUARMState *env = rig.env;

    memset(c, 0, sizeof(*c));
    memcpy(c->r, env->regs, sizeof(env->regs));
    c->cpsr = arm_cpsr_read(env);
    c->spsr = env->spsr;
    c->excp = rig.excp;
    if (rig.excp == EXCP_DATA_ABORT || rig.excp == EXCP_PREFETCH_ABORT) {
        c->fault_addr = env->fault_addr;
        c->fault_status = env->fault_status;
    }
    if (env->features & ARM_VFP2) {
        memcpy(c->d, env->vfp.d, sizeof(c->d));
        c->fpexc = env->fpexc;
        c->fpscr = arm_fpscr_read(env);
    }
}

/* Is the SVC #0 at pc the end of the code? */
static inline bool rig_at_end(uint32_t pc, bool thumb)
{
    if (pc < RIG_CODE || pc >= RIG_CODE + RIG_CODE_SIZE) {
        return false;
    }
    return thumb ? load_le(rig_ptr(pc), 2) == 0xdf00 : load_le(rig_ptr(pc), 4) == 0xef000000;
}

static inline void rig_run(ArmCtx *c)
{
    rig.excp = -2;
    while (cpu_exec(arm_cpu(rig.env)) == EXCP_INTERRUPT && rig.excp == -2) {
        /* Somebody wanted the turn: it comes back. */
    }
    rig_get(c);
    if (c->excp == EXCP_SWI && rig_at_end(c->r[R_PC], c->cpsr & CPSR_T)) {
        c->excp = -1;
    }
}

#endif
