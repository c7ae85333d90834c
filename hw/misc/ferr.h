/* SPDX-License-Identifier: MIT */
/*
 * The PC's coprocessor error logic, for boards.
 *
 * Input 0: FERR# of the processor (1 = error).  Output 0: IRQ 13.  Window 0:
 * ports 0xf0 and 0xf1; a write takes IRQ 13 back.
 */
#ifndef HW_MISC_FERR_H
#define HW_MISC_FERR_H

#include "hw/core/device.h"

extern const DeviceType ferr_type;

#endif
