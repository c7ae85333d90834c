/* SPDX-License-Identifier: MIT */
#ifndef HW_NET_DM9000_H
#define HW_NET_DM9000_H

#include "hw/core/device.h"

/* Window 0: 8 bytes, the chip's CMD pin is A2: index port at 0, data port at 4.
 * Output 0: the interrupt, active high. */
extern const DeviceType dm9000_type;

#endif
