/* SPDX-License-Identifier: MIT */
/*
 * Helpers: the C functions translated code calls, declared from the rows of
 * helper-*.def.  h_<name> is the descriptor for tcg_call(), helper_<name> the
 * function.
 */
#ifndef TARGET_I386_HELPER_H
#define TARGET_I386_HELPER_H

#include "target-i386/cpu.h"

#define HELPER(name, flags, sig, ret, args)                                 \
    ret helper_##name args;                                                 \
    extern const TCGHelper h_##name;
#include "target-i386/helper-sys.def"
#include "target-i386/helper-int.def"
#include "target-i386/helper-fpu.def"
#include "target-i386/helper-sse.def"
#include "target-i386/helper-sse4.def"
#undef HELPER

#endif
