/* SPDX-License-Identifier: MIT */
/*
 * ARM SP804 dual timer: two 32-bit down counters.
 *
 * Window 0: 4 KiB of registers.  Output 0: TIMINTC, either of the two; outputs
 * 1 and 2: TIMINT1, TIMINT2.  Property "freq": TIMCLK of both in Hz.
 */
#ifndef HW_TIMER_SP804_H
#define HW_TIMER_SP804_H

#include "hw/core/device.h"

enum { SP804_OUT_BOTH, SP804_OUT_TIMER1, SP804_OUT_TIMER2, SP804_NUM_OUTPUTS };

extern const DeviceType sp804_type;

#endif
