/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL061 general purpose input/output, eight pins.
 *
 * Window 0: 4 KiB of registers.  Inputs 0-7: the pins, driven from outside.
 * Output 0: the interrupt; output 1 + n: pin n, 0 while it is an input.
 */
#ifndef HW_MISC_PL061_H
#define HW_MISC_PL061_H

#include "hw/core/device.h"

enum { PL061_NUM_PINS = 8 };
enum { PL061_OUT_IRQ = 0, PL061_OUT_PIN0 = 1, PL061_NUM_OUTPUTS = 9 };

extern const DeviceType pl061_type;

#endif
