/* SPDX-License-Identifier: MIT */
/* FriendlyARM mini2440, Samsung S3C2440A. */
#ifndef HW_BOARDS_ARM_MINI2440_H
#define HW_BOARDS_ARM_MINI2440_H

#include "hw/boards/machine.h"

extern const QEMUMachine mini2440_machine;

#endif
