/* SPDX-License-Identifier: MIT */
/*
 * The floating-point unit's state: FPSCR, FPEXC and the flags of TBKey they
 * decide.  ARM ARM part C.
 *
 * While TBF_FPFAST holds, translated code computes on the host's SSE unit and
 * the cumulative flags gather in its MXCSR: arm_vfp_absorb() moves them to
 * env->fpscr.
 */
#ifndef TARGET_ARM_VFP_H
#define TARGET_ARM_VFP_H

#include "target-arm/cpu.h"

/* ARM ARM C2.8.2 */
enum {
    FPSCR_IOC = 1, FPSCR_DZC = 2, FPSCR_OFC = 4, FPSCR_UFC = 8, FPSCR_IXC = 16,
    FPSCR_IDC = 1 << 7, FPSCR_CUMULATIVE = 0x9f,
    FPSCR_ENABLES = 0x9f00,             /* the same exceptions, trapped */
    FPSCR_LEN_SHIFT = 16, FPSCR_LEN = 7 << 16,
    FPSCR_STRIDE_SHIFT = 20, FPSCR_STRIDE = 3 << 20,
    FPSCR_RMODE_SHIFT = 22, FPSCR_RMODE = 3 << 22,
    FPSCR_FZ = 1 << 24, FPSCR_DN = 1 << 25,
    FPSCR_BITS = FPSCR_CUMULATIVE | FPSCR_ENABLES | FPSCR_LEN | FPSCR_STRIDE | FPSCR_RMODE |
                 FPSCR_FZ | FPSCR_DN,   /* what env->fpscr keeps */
};
enum {
    FPEXC_EX = (int)(1u << 31), FPEXC_EN = 1 << 30,
    FPEXC_VECITR_SHIFT = 8, FPEXC_VECITR = 7 << 8,
};

/* TBF_VFP, TBF_VECxxx, TBF_FPFAST */
uint32_t arm_vfp_tbflags(const CPUARMState *env);
/* Does the model have the unit, and does c1,c0,2 let this mode use it? */
bool arm_vfp_allowed(const CPUARMState *env);
void arm_vfp_reset(CPUARMState *env);
/* In a helper: the flags the host has raised since. */
void arm_vfp_absorb(CPUARMState *env);
/* CPUOps.exec_landed */
void arm_vfp_landed(CPUState *cpu);

#endif
