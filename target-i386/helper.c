/* SPDX-License-Identifier: MIT */
#include "target-i386/helper.h"

#define HELPER(name, flags, sig, ret, args)                                 \
    const TCGHelper h_##name = { #name, (void (*)(void))helper_##name, flags, sig };
#include "target-i386/helper-sys.def"
#include "target-i386/helper-int.def"
#include "target-i386/helper-fpu.def"
#include "target-i386/helper-sse.def"
#include "target-i386/helper-sse4.def"
#undef HELPER
