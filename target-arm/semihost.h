/* SPDX-License-Identifier: MIT */
/* Semihosting: what a CPU keeps of it.  The call is arm_semihost() of cpu.h. */
#ifndef TARGET_ARM_SEMIHOST_H
#define TARGET_ARM_SEMIHOST_H

#include "target-arm/cpu.h"

/* Close the guest's files: CPUOps.destroy. */
void arm_semihost_free(CPUARMState *env);

#endif
