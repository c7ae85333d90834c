/* SPDX-License-Identifier: MIT */
/*
 * High precision event timer: a 100 MHz counter and three comparators.
 *
 * Window 0: the register block (memory).
 *
 *      PIT  --input 0--> [legacy replacement?] --output 0--> IRQ0 line
 *      RTC  --input 1--> [                   ] --output 1--> IRQ8 line
 *      timers 0..2 -----> INT_ROUTE ------------output 2 + n--> I/O APIC pin n
 *
 * With legacy replacement on, timers 0 and 1 drive IRQ0 and IRQ8 and the
 * inputs are cut off; with it off, the inputs pass through.  INT_ROUTE can name
 * pins 20 to 23.
 */
#ifndef HW_TIMER_HPET_H
#define HW_TIMER_HPET_H

#include "hw/core/device.h"

extern const DeviceType hpet_type;

enum { HPET_IN_PIT, HPET_IN_RTC };                      /* inputs */
enum { HPET_OUT_IRQ0, HPET_OUT_IRQ8, HPET_OUT_PIN0 };   /* outputs */

#endif
