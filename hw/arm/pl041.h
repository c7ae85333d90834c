/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL041 advanced audio CODEC interface, with a National LM4549 AC '97
 * codec at its other end.
 *
 * Window 0 (0x1000).  Output 0 is the interrupt.  "fifo" is the depth of each FIFO
 * in words; 512 on the Versatile (ARM DUI 0224, AACI).
 */
#ifndef HW_ARM_PL041_H
#define HW_ARM_PL041_H

#include "hw/core/device.h"

extern const DeviceType pl041_type;

#endif
