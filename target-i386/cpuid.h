/* SPDX-License-Identifier: MIT */
/*
 * CPU models: what CPUID reports, and so which instructions exist.
 *
 * A model is a row; -cpu NAME,+feature,-feature,key=value changes a copy.
 * Features are named once (feature_names), for -cpu, `-cpu help` and messages.
 */
#ifndef TARGET_I386_CPUID_H
#define TARGET_I386_CPUID_H

#include "target-i386/cpu.h"

typedef enum FeatureWord { FEAT_1_EDX, FEAT_1_ECX, FEAT_EXT_EDX, FEAT_EXT_ECX, FEAT_WORDS } FeatureWord;

struct X86Model {
    const char *name, *desc;
    uint32_t level, xlevel;             /* highest leaves */
    char vendor[13];
    unsigned family, model, stepping;
    uint32_t feat[FEAT_WORDS];
    char brand[49];
    uint32_t cache_size;                /* EDX of leaf 2's classic answer */
};

/* CPUID.1:EDX and ECX, SDM vol. 2A, CPUID */
enum {
    CPUID_FPU = 1, CPUID_VME = 1 << 1, CPUID_DE = 1 << 2, CPUID_PSE = 1 << 3,
    CPUID_TSC = 1 << 4, CPUID_MSR = 1 << 5, CPUID_PAE = 1 << 6, CPUID_MCE = 1 << 7,
    CPUID_CX8 = 1 << 8, CPUID_APIC = 1 << 9, CPUID_SEP = 1 << 11, CPUID_MTRR = 1 << 12,
    CPUID_PGE = 1 << 13, CPUID_MCA = 1 << 14, CPUID_CMOV = 1 << 15, CPUID_PAT = 1 << 16,
    CPUID_PSE36 = 1 << 17, CPUID_CLFLUSH = 1 << 19, CPUID_MMX = 1 << 23,
    CPUID_FXSR = 1 << 24, CPUID_SSE = 1 << 25, CPUID_SSE2 = 1 << 26, CPUID_SS = 1 << 27,
    CPUID_ECX_SSE3 = 1, CPUID_ECX_MONITOR = 1 << 3, CPUID_ECX_SSSE3 = 1 << 9,
    CPUID_ECX_CX16 = 1 << 13, CPUID_ECX_POPCNT = 1 << 23,
    CPUID_EXT_NX = 1 << 20, CPUID_EXT_MMXEXT = 1 << 22,
};

#endif
