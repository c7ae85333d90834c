/* SPDX-License-Identifier: MIT */
/* The table of cores behind arm_set_model() and arm_list_models(). */
#ifndef TARGET_ARM_MODELS_H
#define TARGET_ARM_MODELS_H

#include "target-arm/cpu.h"

/* By name or alias; NULL if there is none. */
const ArmModel *arm_find_model(const char *name);

#endif
