/* SPDX-License-Identifier: MIT */
/*
 * The handlers and operations vfp.def names: gen-vfp.c.
 */
#ifndef TARGET_ARM_GEN_VFP_H
#define TARGET_ARM_GEN_VFP_H

#include "target-arm/decode.h"

/* T(x) for each trans_x of gen-vfp.c */
#define TRANS_VFP(T)

#define TRANS_DECLARE(name) void trans_##name(ArmDis *d, const ArmInsn *a);
TRANS_VFP(TRANS_DECLARE)
#undef TRANS_DECLARE

#endif
