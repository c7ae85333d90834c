/* SPDX-License-Identifier: MIT */
#include "target-arm/helper.h"

#define HELPER(name, flags, sig, ret, args)                                 \
    const TCGHelper h_##name = { #name, (void (*)(void))helper_##name, flags, sig };
#include "target-arm/helper-int.def"
#include "target-arm/helper-vfp.def"
#undef HELPER
