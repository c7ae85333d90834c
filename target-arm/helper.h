/* SPDX-License-Identifier: MIT */
/*
 * Helpers: the C functions translated code calls, declared from the rows of
 * helper-*.def.  h_<name> is the descriptor for tcg_call(), helper_<name> the
 * function.
 */
#ifndef TARGET_ARM_HELPER_H
#define TARGET_ARM_HELPER_H

#include "target-arm/cpu.h"

/* Of helper_parallel(): the prefixes of ADD16, ASX ... */
enum { PARALLEL_S, PARALLEL_Q, PARALLEL_SH, PARALLEL_U, PARALLEL_UQ, PARALLEL_UH };

#define HELPER(name, flags, sig, ret, args)                                 \
    ret helper_##name args;                                                 \
    extern const TCGHelper h_##name;
#include "target-arm/helper-int.def"
#include "target-arm/helper-vfp.def"
#undef HELPER

#endif
