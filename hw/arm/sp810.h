/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeXsys system controller SP810.
 *
 * Window 0: 4 KiB.  Output REMAPCLEAR: 1 from the moment the guest has asked
 * for RAM instead of boot memory at address 0.
 */
#ifndef HW_ARM_SP810_H
#define HW_ARM_SP810_H

#include "hw/core/device.h"

enum { SP810_OUT_REMAPCLEAR };

extern const DeviceType sp810_type;

#endif
