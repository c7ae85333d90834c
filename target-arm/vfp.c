/* SPDX-License-Identifier: MIT */
#include "target-arm/vfp.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { MXCSR_DEFAULT = 0x1f80, MXCSR_FLAGS = 0x3f };

static uint32_t host_flags(void)
{
#ifdef __SSE2__
    return _mm_getcsr() & MXCSR_FLAGS;
#else
    return 0;
#endif
}

static void host_clear_flags(void)
{
#ifdef __SSE2__
    _mm_setcsr(MXCSR_DEFAULT);
#endif
}

/* Invalid 0, (denormal 1), zero 2, overflow 3, underflow 4, inexact 5.  A
 * denormal operand is nothing to the ARM while FZ is off. */
static uint32_t from_mxcsr(uint32_t flags)
{
    return (flags & 1) | (flags & 0x3c) >> 1;
}

bool arm_vfp_allowed(const CPUARMState *env)
{
    if (!(env->features & ARM_VFP2)) {
        return false;
    }
    if (!(env->features & ARM_V6)) {
        return true;
    }
    /* DDI 0211, 3.2.22: 01 privileged, 11 full access, for each of 10 and 11. */
    uint32_t both = env->cp15.cpacr >> 20 & env->cp15.cpacr >> 22 & 3;

    return both == 3 || (both == 1 && arm_is_priv(env));
}

uint32_t arm_vfp_tbflags(const CPUARMState *env)
{
    const uint32_t slow = FPSCR_RMODE | FPSCR_FZ | FPSCR_DN | FPSCR_ENABLES;
    uint32_t flags = (env->fpscr & FPSCR_LEN) >> FPSCR_LEN_SHIFT << TBF_VECLEN_SHIFT |
                     (env->fpscr & FPSCR_STRIDE) >> FPSCR_STRIDE_SHIFT << TBF_VECSTRIDE_SHIFT;

#ifdef __SSE2__
    flags |= env->fpscr & slow ? 0 : TBF_FPFAST;
#else
    (void)slow;
#endif
    if ((env->fpexc & FPEXC_EN) && !(env->fpexc & (uint32_t)FPEXC_EX) && arm_vfp_allowed(env)) {
        flags |= TBF_VFP;
    }
    return flags;
}

void arm_vfp_reset(CPUARMState *env)
{
    memset(&env->vfp, 0, sizeof(env->vfp));
    env->fpscr = env->fpscr_nzcv = 0;
    env->fpexc = env->fpinst = env->fpinst2 = 0;
    env->mxcsr_host = MXCSR_DEFAULT;
}

void arm_vfp_absorb(CPUARMState *env)
{
    uint32_t flags = host_flags() | (env->mxcsr_host & MXCSR_FLAGS);

    if (flags) {
        env->fpscr |= from_mxcsr(flags);
        env->mxcsr_host = MXCSR_DEFAULT;
        host_clear_flags();
    }
}

void arm_vfp_landed(CPUState *cpu)
{
    arm_env(cpu)->mxcsr_host |= host_flags();
    host_clear_flags();
}

uint32_t arm_fpscr_read(CPUARMState *env)
{
    return env->fpscr | (env->fpscr_nzcv & 0xf0000000) |
           from_mxcsr(env->mxcsr_host & MXCSR_FLAGS);
}

void arm_fpscr_write(CPUARMState *env, uint32_t val)
{
    env->fpscr = val & FPSCR_BITS;
    env->fpscr_nzcv = val & 0xf0000000;
    env->mxcsr_host = MXCSR_DEFAULT;
    host_clear_flags();
    arm_update_tbflags(env);
}
