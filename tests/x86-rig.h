/* SPDX-License-Identifier: MIT */
/*
 * An emulated i386 with a megabyte of RAM, for tests that give it a state, run
 * it and look at the state it has then.
 *
 *   linear      20010000  code, read-only, 64 KiB and a page; ends with the exits
 *               20030000  data, two pages, and a third that is read-only
 *               c0100000  descriptor tables, supervisor only
 *   physical    20000000  the megabyte; user pages are where they are linear
 *               20080000  page directory, tables, descriptor tables
 *
 * Exceptions are not delivered: the first one ends the run and is the result.
 * Code that runs to one of the exits (a HLT) ends with vector -1.
 *
 * The x87, MMX and SSE state is an FXSAVE image (SDM vol. 1, 10.5.1), as that is
 * what a host can produce.
 */
#ifndef TESTS_X86_RIG_H
#define TESTS_X86_RIG_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cpu-exec.h"
#include "cpus.h"
#include "hw/core/memory.h"
#include "sys/loop.h"
#include "target-i386/cc.h"
#include "target-i386/cpuid.h"
#include "target-i386/sys.h"
#include "translate-all.h"
#include "util/bits.h"

enum {
    RIG_PHYS = 0x20000000, RIG_RAM_SIZE = 0x100000,
    RIG_CODE = 0x20010000, RIG_CODE_SIZE = 0x11000,
    RIG_EXIT16 = 0x2001ff80, RIG_EXIT32 = 0x20020e58,
    RIG_DATA = 0x20030000, RIG_DATA_SIZE = 0x3000, RIG_DATA_WRITABLE = 0x2000,
    RIG_PD = 0x20080000, RIG_PT_USER = 0x20081000, RIG_PT_SYS = 0x20082000,
    RIG_TABLES = 0x20083000,
};
#define RIG_GDT 0xc0100000u
#define RIG_LDT 0xc0100800u
#define RIG_TSS 0xc0100c00u

/* Selectors: those of Linux for user programs, and an LDT for the rest. */
enum {
    SEL_CODE = 0x23, SEL_DATA = 0x2b,
    SEL_DATA32 = 0x07,                  /* base: the data, limit: its size */
    SEL_STACK16 = 0x0f,                 /* the same, 64 KiB, SP is used */
    SEL_DOWN = 0x17,                    /* expands down to the writable end */
    SEL_RO = 0x1f, SEL_ABSENT = 0x27,
    SEL_CODE16 = 0x2f,                  /* base: the code, 64 KiB */
    SEL_XONLY = 0x37, SEL_CONFORM = 0x3f,
    SEL_CPU = 0x7b,                     /* the host's, see x86-native.h */
    RIG_LDT_ENTRIES = 8,
};

/* base, limit, attributes <55:40> as in the descriptor */
typedef struct RigSegment { uint32_t base, limit, attr; } RigSegment;

static const RigSegment rig_ldt[RIG_LDT_ENTRIES] = {
    { RIG_DATA, RIG_DATA_SIZE - 1, 0x40f3 },
    { RIG_DATA, 0xffff, 0x00f3 },
    { RIG_DATA, RIG_DATA_WRITABLE - 1, 0x40f7 },
    { RIG_DATA, RIG_DATA_SIZE - 1, 0x40f1 },
    { RIG_DATA, RIG_DATA_SIZE - 1, 0x4073 },
    { RIG_CODE, 0xffff, 0x00fb },
    { 0, 0xfffff, 0xc0f9 },
    { 0, 0xfffff, 0xc07f },                 /* Linux lets no present one in */
};

/* As Linux has them; 64-bit code, task state and LDT are there to be refused. */
static const RigSegment rig_gdt[16] = {
    [1] = { 0, 0xfffff, 0xc09b }, [2] = { 0, 0xfffff, 0xa09b }, [3] = { 0, 0xfffff, 0xc093 },
    [4] = { 0, 0xfffff, 0xc0fb }, [5] = { 0, 0xfffff, 0xc0f3 }, [6] = { 0, 0xfffff, 0xa0fb },
    [8] = { 0, 0x2087, 0x008b }, [10] = { 0, 0x3f, 0x0082 },
};

typedef struct X86Ctx {
    uint32_t r[8], eip, eflags;
    uint16_t sel[6];
    int vector;                         /* -1: none */
    uint32_t err, cr2;
    uint8_t fx[512] __attribute__((aligned(16)));
} X86Ctx;

enum { FX_FCW = 0, FX_FSW = 2, FX_FTW = 4, FX_FOP = 6, FX_FIP = 8, FX_FDP = 16, FX_MXCSR = 24,
       FX_ST = 32, FX_XMM = 160 };

typedef struct X86Rig {
    CPUs *cpus;
    CPUX86State *env;
    AddressSpace *mem;
    MemoryRegion region;
    uint8_t *ram;
    CPUOps ops;
    int vector;
    uint32_t err, eip;
} X86Rig;

static X86Rig rig;

static uint8_t *rig_ptr(uint32_t phys)
{
    return rig.ram + (phys - RIG_PHYS);
}

static void rig_put32(uint32_t phys, uint32_t val)
{
    memcpy(rig_ptr(phys), &val, 4);
}

/* Instead of delivering it. */
static void rig_record(CPUState *cpu)
{
    CPUX86State *env = x86_env(cpu);
    int vector = env->common.exception_index;

    rig.vector = vector;
    rig.err = env->error_code;
    rig.eip = env->eip;
    if (env->exception_is_int && (vector == EXCP_BP || vector == EXCP_OF)) {
        rig.eip = env->exception_next_eip;
    } else if (env->exception_is_int) {     /* gates with a DPL of 0 */
        rig.vector = EXCP_GP;
        rig.err = (uint32_t)vector * 8 + 2;
    }
    env->exception_is_int = 0;
    env->common.exception_index = EXCP_INTERRUPT;
}

static void rig_put_segments(uint32_t at, const RigSegment *s, unsigned num)
{
    for (unsigned i = 0; i < num; i++) {
        rig_put32(at + 8 * i, (s[i].limit & 0xffff) | s[i].base << 16);
        rig_put32(at + 8 * i + 4, (s[i].base >> 16 & 0xff) | s[i].attr << 8 |
                  (s[i].limit & 0xf0000) | (s[i].base & 0xff000000));
    }
}

static void rig_map(uint32_t linear, uint32_t size, unsigned flags)
{
    for (uint32_t a = linear; a < linear + size; a += TARGET_PAGE_SIZE) {
        rig_put32(RIG_PT_USER + (a >> 12 & 0x3ff) * 4, a | flags);
    }
}

/* 32-bit protected mode, paging, privilege level 3. */
static void rig_user_mode(void)
{
    enum { PRESENT = 1, WRITE = 2, USER = 4 };
    CPUX86State *env = rig.env;

    rig_put32(RIG_PD + (RIG_PHYS >> 22) * 4, RIG_PT_USER | PRESENT | WRITE | USER);
    rig_put32(RIG_PD + (RIG_GDT >> 22) * 4, RIG_PT_SYS | PRESENT | WRITE);
    rig_put32(RIG_PT_SYS + (RIG_GDT >> 12 & 0x3ff) * 4, RIG_TABLES | PRESENT | WRITE);
    rig_map(RIG_CODE, RIG_CODE_SIZE, PRESENT | USER);
    rig_map(RIG_DATA, RIG_DATA_WRITABLE, PRESENT | WRITE | USER);
    rig_map(RIG_DATA + RIG_DATA_WRITABLE, RIG_DATA_SIZE - RIG_DATA_WRITABLE, PRESENT | USER);
    rig_put_segments(RIG_TABLES, rig_gdt, 16);
    rig_put_segments(RIG_TABLES + 0x800, rig_ldt, RIG_LDT_ENTRIES);
    *rig_ptr(RIG_EXIT32) = *rig_ptr(RIG_EXIT16) = 0xf4;

    env->cr[0] = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
    env->cr[3] = RIG_PD;
    env->cr[4] = CR4_OSFXSR | CR4_OSXMMEXCPT;
    env->gdt = (DescTable){ RIG_GDT, 127 };
    env->ldt = (SegmentCache){ .selector = 0x50, .base = RIG_LDT, .limit = RIG_LDT_ENTRIES * 8 - 1,
                               .flags = DESC_P | TYPE_LDT << DESC_TYPE_SHIFT };
    env->tr = (SegmentCache){ .selector = 0x40, .base = RIG_TSS, .limit = 0x67,
                              .flags = DESC_P | TYPE_TSS32_BUSY << DESC_TYPE_SHIFT };
    rig_put32(RIG_TABLES + 0xc64, 0x68 << 16);      /* no I/O permission map */
    env->a20_mask = ~0u;
    x86_set_cpl(env, 3);
    x86_update_hflags(env);
    tlb_flush(x86_cpu(env));
}

static void rig_open(const AccelOptions *o, const char *model)
{
    Error err;

    rig.mem = as_new("memory", 1ull << 32);
    region_init_ram(&rig.region, "ram", ram_block_new("ram", RIG_RAM_SIZE));
    region_map(rig.mem, &rig.region, RIG_PHYS, 0);
    rig.ops = x86_cpu_ops;
    rig.ops.do_interrupt = rig_record;
    rig.ram = rig.region.ram->host;
    CPUsConfig c = { .ops = &rig.ops, .mem = rig.mem, .accel = *o };

    rig.cpus = cpus_new(&c, &err);
    assert(rig.cpus);
    rig.env = x86_env(cpu_create(rig.cpus));
    int ret = x86_set_model(rig.env, model, &err);
    assert(ret == 0);
    rig.env->feat_ext_ecx |= 1 << 8;    /* PREFETCHW, in no model yet */
    rig_user_mode();
}

static inline void rig_close(void)
{
    cpus_free(rig.cpus);
    as_free(rig.mem);
}

/* -- State in and out -------------------------------------------------------- */

static void rig_load_seg(unsigned seg, uint32_t sel)
{
    Descriptor d;

    if (rig.env->segs[seg].selector == sel && (sel & 0xfffc)) {
        return;
    }
    if (!(sel & 0xfffc)) {
        seg_load_null(rig.env, seg, sel);
        return;
    }
    bool have = desc_fetch(rig.env, sel, &d, 0);
    assert(have);
    seg_load_desc(rig.env, seg, sel, &d);
}

static void rig_set_fx(const uint8_t *fx)
{
    CPUX86State *env = rig.env;
    uint32_t top = load_le(fx + FX_FSW, 2) >> 11 & 7;

    env->fpuc = (uint32_t)load_le(fx + FX_FCW, 2);
    env->fpus = (uint32_t)load_le(fx + FX_FSW, 2) & ~(7u << 11);
    env->fpstt = top;
    env->fpop = (uint32_t)load_le(fx + FX_FOP, 2);
    env->fpip = (uint32_t)load_le(fx + FX_FIP, 4);
    env->fpdp = (uint32_t)load_le(fx + FX_FDP, 4);
    for (unsigned i = 0; i < 8; i++) {
        env->fptags[i] = !(fx[FX_FTW] >> i & 1);
        memcpy(env->fpregs[(top + i) & 7].b, fx + FX_ST + 16 * i, 10);
        memcpy(env->xmm[i].b, fx + FX_XMM + 16 * i, 16);
    }
    env->mxcsr = (uint32_t)load_le(fx + FX_MXCSR, 4);
    env->mxcsr_host = env->mxcsr | 0x1f80;
    env->hflags &= ~(uint32_t)HF_SSE_TRAP;
    env->hflags |= (env->mxcsr & 0x1f80) != 0x1f80 ? HF_SSE_TRAP : 0;
    x86_update_hflags(env);
}

static void rig_get_fx(uint8_t *fx)
{
    CPUX86State *env = rig.env;

    memset(fx, 0, 512);
    store_le(fx + FX_FCW, env->fpuc, 2);
    store_le(fx + FX_FSW, env->fpus | env->fpstt << 11, 2);
    store_le(fx + FX_FOP, env->fpop, 2);
    store_le(fx + FX_FIP, env->fpip, 4);
    store_le(fx + FX_FDP, env->fpdp, 4);
    for (unsigned i = 0; i < 8; i++) {
        fx[FX_FTW] = (uint8_t)(fx[FX_FTW] | !env->fptags[i] << i);
        memcpy(fx + FX_ST + 16 * i, env->fpregs[(env->fpstt + i) & 7].b, 10);
        memcpy(fx + FX_XMM + 16 * i, env->xmm[i].b, 16);
    }
    store_le(fx + FX_MXCSR, x86_mxcsr(env), 4);
}

static void rig_set(const X86Ctx *c)
{
    CPUX86State *env = rig.env;

    memcpy(env->regs, c->r, sizeof(env->regs));
    env->eip = c->eip;
    env->hflags &= ~(uint32_t)(HF_INHIBIT | HF_EXPAND);
    for (unsigned i = 0; i < 6; i++) {
        rig_load_seg(i, c->sel[i]);
    }
    x86_set_eflags(env, c->eflags, ~(uint32_t)VM_MASK);
    rig_set_fx(c->fx);
    env->cr[2] = 0;
    env->old_exception = -1;
    env->common.exception_index = EXCP_NONE;
    env->common.halted = 0;
}

static void rig_run(X86Ctx *c)
{
    CPUX86State *env = rig.env;

    rig.vector = -2;
    while (cpu_exec(x86_cpu(env)) == EXCP_INTERRUPT && rig.vector == -2) {
        /* PAUSE gave the turn away: it comes back. */
    }
    memcpy(c->r, env->regs, sizeof(env->regs));
    c->eip = rig.eip;
    c->eflags = x86_get_eflags(env);
    for (unsigned i = 0; i < 6; i++) {
        c->sel[i] = (uint16_t)env->segs[i].selector;
    }
    c->vector = rig.vector;
    c->err = rig.err;
    c->cr2 = rig.vector == EXCP_PF ? env->cr[2] : 0;
    uint32_t at = rig.eip + env->segs[R_CS].base;

    if (rig.vector == EXCP_GP && (at == RIG_EXIT32 || at == RIG_EXIT16)) {
        c->vector = -1;
    }
    rig_get_fx(c->fx);
}

#endif
