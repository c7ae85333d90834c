/* SPDX-License-Identifier: MIT */
/* The x87 unit: what its helpers and generators share. */
#ifndef TARGET_I386_FPU_H
#define TARGET_I386_FPU_H

#include "target-i386/cpu.h"

/* FST and its family, to memory */
typedef enum FpStore {
    FST_M32, FST_M64, FST_M80, FIST_16, FIST_32, FIST_64, FISTT_16, FISTT_32, FISTT_64, FST_BCD,
} FpStore;

/* Status word, SDM vol. 1, 8.1.3; control word masks are the low six bits */
enum {
    FPUS_IE = 1, FPUS_DE = 2, FPUS_ZE = 4, FPUS_OE = 8, FPUS_UE = 16, FPUS_PE = 32,
    FPUS_EXC = 63, FPUS_SF = 1 << 6, FPUS_ES = 1 << 7,
    FPUS_C0 = 1 << 8, FPUS_C1 = 1 << 9, FPUS_C2 = 1 << 10, FPUS_C3 = 1 << 14,
    FPUS_CC = FPUS_C0 | FPUS_C1 | FPUS_C2 | FPUS_C3, FPUS_B = 1 << 15,
};

/*
 * The guest's unit into the host's, and back: env->fpu_live.  On the vCPU thread,
 * with all exceptions masked to load.  sync leaves it where it is, but makes env
 * exact.
 */
void x86_fpu_load(CPUX86State *env);
void x86_fpu_spill(CPUX86State *env);
void x86_fpu_sync(CPUX86State *env);

/* As FSTENV has it, SDM vol. 1, 8.1.7. */
uint32_t x86_fpu_tag_word(const CPUX86State *env);
/* The status word and TOP; ES and B follow the exceptions. */
void x86_fpu_set_status(CPUX86State *env, uint32_t sw);

/* The host's control word follows the guest's while its code runs. */
void x86_fpu_enter(CPUX86State *env);
void x86_fpu_leave(CPUX86State *env);
/* Translated code was left by longjmp: take over sticky flags from the host's
 * MXCSR, give C its own. */
void x86_fpu_landed(CPUX86State *env);

#endif
