/* SPDX-License-Identifier: MIT */
/*
 * The Versatile's serial bus interface, an I2C controller of two wires.
 *
 * Window 0: 4 KiB of registers.  Devices: hw/i2c/i2c.h.
 */
#ifndef HW_I2C_VERSATILE_I2C_H
#define HW_I2C_VERSATILE_I2C_H

#include "hw/core/device.h"

extern const DeviceType versatile_i2c_type;

#endif
