/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A IIC-bus interface.
 *
 * Window 0: the registers.  Output 0: the interrupt, as a level.  Property
 * "clock": the s3c2440-clock.  The bus is in .has_bus = "i2c", hw/i2c/i2c.h.
 */
#ifndef HW_S3C24XX_I2C_H
#define HW_S3C24XX_I2C_H

#include "hw/core/device.h"

extern const DeviceType s3c2440_i2c_type;

#endif
