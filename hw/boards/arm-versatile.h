/* SPDX-License-Identifier: MIT */
/* ARM Versatile/PB and Versatile/AB: docs/versatilepb.md. */
#ifndef HW_BOARDS_ARM_VERSATILE_H
#define HW_BOARDS_ARM_VERSATILE_H

#include "hw/boards/machine.h"

extern const QEMUMachine versatilepb_machine, versatileab_machine;

#endif
