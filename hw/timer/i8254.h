/* SPDX-License-Identifier: MIT */
/*
 * Intel 8254 interval timer with the PC's clock (1193182 Hz) and the PC's
 * port 61h around its counter 2.
 *
 * Window 0: the four ports 40h-43h; window 1: port 61h.  Output 0: OUT of
 * counter 0.  The gates of counters 0 and 1 are tied high.
 */
#ifndef HW_TIMER_I8254_H
#define HW_TIMER_I8254_H

#include "hw/core/device.h"

#define I8254_HZ 1193182ll

extern const DeviceType i8254_type;

enum { I8254_PORTS, I8254_PORT61 };     /* windows */

#endif
