/* SPDX-License-Identifier: MIT */
/*
 * ARM SP805 watchdog.
 *
 * Window 0: 4 KiB of registers.  Output 0: WDOGINT; output 1: WDOGRES, 1 from
 * the second time out until reset.  Property "freq": WDOGCLK in Hz.
 */
#ifndef HW_TIMER_SP805_H
#define HW_TIMER_SP805_H

#include "hw/core/device.h"

enum { SP805_OUT_IRQ, SP805_OUT_RESET, SP805_NUM_OUTPUTS };

extern const DeviceType sp805_type;

#endif
