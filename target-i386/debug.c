/* SPDX-License-Identifier: MIT */
/*
 * Debug registers, breakpoints and single step (SDM vol. 3, chapter 17).
 *
 * Instruction breakpoints: while one is armed HF_BP is set and translated code
 * calls check_bp before each instruction.
 *
 * Not modelled: data and I/O breakpoints (R/W 01, 10 and 11 of DR7) are kept
 * but never trigger; setting one is logged.
 */
#include "target-i386/sys.h"

#include "target-i386/helper.h"
#include "util/log.h"

enum {
    DR6_BS = 1 << 14, DR6_BD = 1 << 13, DR6_FIXED = (int)0xffff0ff0,
    DR7_GD = 1 << 13, DR7_FIXED = 1 << 10,
};

static bool enabled(const CPUX86State *env, unsigned n)
{
    return env->dr[7] >> (2 * n) & 3;
}

static unsigned condition(const CPUX86State *env, unsigned n)
{
    return env->dr[7] >> (16 + 4 * n) & 3;
}

void x86_debug_updated(CPUX86State *env)
{
    env->hflags &= ~(uint32_t)HF_BP;
    for (unsigned n = 0; n < 4; n++) {
        if (!enabled(env, n)) {
            continue;
        }
        if (condition(env, n) == 0) {
            env->hflags |= HF_BP;
        } else {
            log_unimp("cpu", "data breakpoint %u at %08x", n, env->dr[n]);
        }
    }
}

/* DR4 and DR5 are DR6 and DR7 unless CR4.DE, 17.2.2. */
static unsigned real_number(CPUX86State *env, uint32_t n, uintptr_t ra)
{
    if (n == 4 || n == 5) {
        if (env->cr[4] & CR4_DE) {
            x86_raise(env, EXCP_UD, ra);
        }
        n += 2;
    }
    if (env->dr[7] & DR7_GD) {
        env->dr[7] &= ~(uint32_t)DR7_GD;
        env->dr[6] |= DR6_BD;
        x86_raise(env, EXCP_DB, ra);
    }
    return n;
}

uint32_t helper_mov_from_dr(CPUX86State *env, uint32_t n)
{
    return env->dr[real_number(env, n, GETPC())];
}

void helper_mov_to_dr(CPUX86State *env, uint32_t n, uint32_t val)
{
    n = real_number(env, n, GETPC());
    if (n == 6) {
        val = (val & ~0x1000u) | (uint32_t)DR6_FIXED;
    } else if (n == 7) {
        val = (val & ~0xd000u) | DR7_FIXED;
    }
    env->dr[n] = val;
    x86_debug_updated(env);
}

void helper_single_step(CPUX86State *env)
{
    env->dr[6] |= DR6_BS;
    env->eflags &= ~(uint32_t)RF_MASK;
    x86_raise(env, EXCP_DB, 0);
}

/* RF lets the instruction past its own breakpoint, once. */
void helper_check_bp(CPUX86State *env, uint32_t linear)
{
    uint32_t hit = 0;

    if (env->eflags & RF_MASK) {
        env->eflags &= ~(uint32_t)RF_MASK;
        return;
    }
    for (unsigned n = 0; n < 4; n++) {
        if (enabled(env, n) && condition(env, n) == 0 && env->dr[n] == linear) {
            hit |= 1u << n;
        }
    }
    if (hit) {
        env->dr[6] |= hit;
        env->eflags |= RF_MASK;         /* in the image pushed: this is a fault */
        x86_raise(env, EXCP_DB, GETPC());
    }
}
