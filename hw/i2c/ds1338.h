/* SPDX-License-Identifier: MIT */
/*
 * Dallas/Maxim DS1338 (and DS1307) I2C real time clock with 56 bytes of RAM.
 *
 * Properties: "bus" and "address" (68h) as in hw/i2c/i2c.h; "rtc_base":
 * nanoseconds (two's complement) by which the guest's time of day is ahead of
 * the host's UTC when the machine is made.
 */
#ifndef HW_I2C_DS1338_H
#define HW_I2C_DS1338_H

#include "hw/core/device.h"

extern const DeviceType ds1338_type;

#endif
