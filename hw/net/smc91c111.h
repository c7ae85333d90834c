/* SPDX-License-Identifier: MIT */
#ifndef HW_NET_SMC91C111_H
#define HW_NET_SMC91C111_H

#include "hw/core/device.h"

/* Window 0: 16 bytes.  Output 0: the interrupt, active high. */
extern const DeviceType smc91c111_type;

#endif
