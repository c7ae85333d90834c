/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL190 vectored interrupt controller.
 *
 * Window 0: 4 KiB of registers.  Inputs 0-31: VICINTSOURCE, active high, level.
 * Output 0: IRQ of the processor, output 1: FIQ (both 1 = request).
 */
#ifndef HW_INTC_PL190_H
#define HW_INTC_PL190_H

#include "hw/core/device.h"

enum { PL190_OUT_IRQ, PL190_OUT_FIQ, PL190_NUM_OUTPUTS };

extern const DeviceType pl190_type;

#endif
