/* SPDX-License-Identifier: MIT */
/*
 * Motorola MC146818A real time clock with 128 bytes of CMOS RAM, as a PC has
 * it at ports 70h (index, and NMI mask) and 71h (data).
 *
 * Window 0: the two ports.  Output 0: IRQ (IRQ8 of a PC), held until register C
 * is read; output 1: 1 while bit 7 of port 70h masks NMI.
 *
 * Property "rtc_base": nanoseconds (two's complement) by which the guest's time
 * of day is ahead of the host's UTC when the machine is made.  From then on it
 * follows the guest clock.
 */
#ifndef HW_TIMER_MC146818_H
#define HW_TIMER_MC146818_H

#include "hw/core/device.h"

extern const DeviceType mc146818_type;

/* The PC keeps the century here; this device counts it like the year. */
enum { MC146818_CENTURY = 0x32 };

/* RAM, for the board to fill before the guest starts, and to look at.  Time
 * registers are not reached this way. */
void mc146818_set_cmos(Device *d, unsigned index, uint8_t val);
uint8_t mc146818_get_cmos(const Device *d, unsigned index);

#endif
