/* SPDX-License-Identifier: MIT */
/*
 * System management mode (SDM vol. 3, chapter 31): SMI, RSM and the state save
 * area.  The documented words are at their documented places (table 31-1);
 * descriptor caches, which the manual reserves, are at places of our choosing.
 */
#include "target-i386/sys.h"

#include "sys/loop.h"
#include "target-i386/cc.h"
#include "target-i386/helper.h"

/* Offsets from SMBASE + 0x8000. */
enum {
    SAVE_CR0 = 0x7ffc, SAVE_CR3 = 0x7ff8, SAVE_EFLAGS = 0x7ff4, SAVE_EIP = 0x7ff0,
    SAVE_EDI = 0x7fec,                  /* down to EAX at 0x7fd0 */
    SAVE_DR6 = 0x7fcc, SAVE_DR7 = 0x7fc8, SAVE_TR = 0x7fc4, SAVE_LDTR = 0x7fc0,
    SAVE_GS = 0x7fbc,                   /* down to ES at 0x7fa8 */
    SAVE_CACHES = 0x7f20,               /* ours: 8 x base, limit, flags */
    SAVE_TABLES = 0x7f04,               /* ours: GDT, IDT, CR4, halted */
    SAVE_REVISION = 0x7efc, SAVE_SMBASE = 0x7ef8,
};
enum { REVISION_RELOCATION = 1 << 17 };

static void put(CPUX86State *env, unsigned at, uint32_t val)
{
    cpu_stphys(x86_cpu(env), (env->smbase + 0x8000 + at) & env->a20_mask, val, 4);
}

static uint32_t get(CPUX86State *env, unsigned at)
{
    return (uint32_t)cpu_ldphys(x86_cpu(env), (env->smbase + 0x8000 + at) & env->a20_mask, 4);
}

static SegmentCache *cache(CPUX86State *env, unsigned i)
{
    return i < 6 ? &env->segs[i] : i == 6 ? &env->ldt : &env->tr;
}

static void drive_smiact(CPUX86State *env, bool active)
{
    bool entered = global_enter();

    if (env->pins.smm) {
        env->pins.smm(env->pins.opaque, active);
    }
    global_leave(entered);
    tlb_flush(x86_cpu(env));
}

static void save_state(CPUX86State *env)
{
    put(env, SAVE_CR0, env->cr[0]);
    put(env, SAVE_CR3, env->cr[3]);
    put(env, SAVE_EFLAGS, x86_get_eflags(env));
    put(env, SAVE_EIP, env->eip);
    for (unsigned i = 0; i < 8; i++) {
        put(env, SAVE_EDI - 4 * (7 - i), env->regs[i]);
    }
    put(env, SAVE_DR6, env->dr[6]);
    put(env, SAVE_DR7, env->dr[7]);
    put(env, SAVE_TR, env->tr.selector);
    put(env, SAVE_LDTR, env->ldt.selector);
    for (unsigned i = 0; i < 6; i++) {
        put(env, SAVE_GS - 4 * (5 - i), env->segs[i].selector);
    }
    for (unsigned i = 0; i < 8; i++) {
        put(env, SAVE_CACHES + 12 * i, cache(env, i)->base);
        put(env, SAVE_CACHES + 12 * i + 4, cache(env, i)->limit);
        put(env, SAVE_CACHES + 12 * i + 8, cache(env, i)->flags | x86_cpl(env));
    }
    put(env, SAVE_TABLES, env->gdt.base);
    put(env, SAVE_TABLES + 4, env->gdt.limit | env->idt.limit << 16);
    put(env, SAVE_TABLES + 8, env->idt.base);
    put(env, SAVE_TABLES + 12, env->cr[4]);
    put(env, SAVE_REVISION, REVISION_RELOCATION);
    put(env, SAVE_SMBASE, env->smbase);
}

/* 31.5.1: real-mode addressing with 4 GiB limits. */
void x86_enter_smm(CPUX86State *env)
{
    drive_smiact(env, true);
    save_state(env);
    env->hflags = (env->hflags | HF_SMM) & ~(uint32_t)HF_INHIBIT;
    env->cr[4] = 0;
    x86_set_eflags(env, 0, ~0u);
    x86_load_cr0(env, env->cr[0] & ~(uint32_t)(CR0_PE | CR0_EM | CR0_TS | CR0_PG));
    env->dr[7] = 0x400;
    x86_debug_updated(env);
    for (unsigned i = 0; i < 6; i++) {
        env->segs[i] = (SegmentCache){
            .limit = 0xffffffff, .flags = DESC_P | DESC_S | DESC_W | DESC_A | DESC_G };
        x86_seg_updated(env, i);
    }
    env->segs[R_CS].selector = (env->smbase >> 4) & 0xffff;
    env->segs[R_CS].base = env->smbase;
    x86_seg_updated(env, R_CS);
    env->eip = 0x8000;
}

void helper_rsm(CPUX86State *env)
{
    if (!(env->hflags & HF_SMM)) {
        x86_raise(env, EXCP_UD, GETPC());
    }
    uint32_t tables = get(env, SAVE_TABLES + 4), flags = get(env, SAVE_EFLAGS);
    unsigned cpl = get(env, SAVE_CACHES + 12 * R_SS + 8) & 3;

    env->cr[4] = get(env, SAVE_TABLES + 12);
    env->cr[3] = get(env, SAVE_CR3);
    x86_load_cr0(env, get(env, SAVE_CR0));
    x86_set_eflags(env, flags, ~0u);
    x86_set_cpl(env, cpl);
    env->eip = get(env, SAVE_EIP);
    for (unsigned i = 0; i < 8; i++) {
        env->regs[i] = get(env, SAVE_EDI - 4 * (7 - i));
    }
    env->dr[6] = get(env, SAVE_DR6);
    env->dr[7] = get(env, SAVE_DR7);
    for (unsigned i = 0; i < 8; i++) {
        *cache(env, i) = (SegmentCache){
            .selector = i < 6 ? get(env, SAVE_GS - 4 * (5 - i))
                              : get(env, i == 6 ? SAVE_LDTR : SAVE_TR),
            .base = get(env, SAVE_CACHES + 12 * i),
            .limit = get(env, SAVE_CACHES + 12 * i + 4),
            .flags = get(env, SAVE_CACHES + 12 * i + 8) & ~3u,
        };
        if (i < 6) {
            x86_seg_updated(env, i);
        }
    }
    env->gdt = (DescTable){ get(env, SAVE_TABLES), tables & 0xffff };
    env->idt = (DescTable){ get(env, SAVE_TABLES + 8), tables >> 16 };
    env->smbase = get(env, SAVE_SMBASE);
    env->hflags &= ~(uint32_t)HF_SMM;
    x86_debug_updated(env);
    drive_smiact(env, false);
    if ((env->cr[0] & CR0_PG) && (env->cr[4] & CR4_PAE)) {
        x86_load_pdptes(env, env->cr[3], 0);
    }
}
