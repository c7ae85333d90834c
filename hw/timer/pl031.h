/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL031 real time clock.
 *
 * Window 0: 4 KiB of registers.  Output 0: RTCINTR.
 *
 * Property "rtc_base": nanoseconds (two's complement) by which the guest's time
 * of day is ahead of the host's UTC when the machine is made.  From then on it
 * follows the guest clock.
 */
#ifndef HW_TIMER_PL031_H
#define HW_TIMER_PL031_H

#include "hw/core/device.h"

extern const DeviceType pl031_type;

#endif
