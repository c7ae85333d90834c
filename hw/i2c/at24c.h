/* SPDX-License-Identifier: MIT */
/*
 * Atmel AT24C01 to AT24C16 serial EEPROMs: 128 bytes to 2 KiB.
 *
 * Properties: "bus" and "address" (50h) as in hw/i2c/i2c.h; "size" in bytes;
 * "page", bytes written at once (8 up to 256 bytes, 16 above); "wp", the write
 * protect pin; "drive", whose first bytes are the contents (none: erased, and
 * forgotten at the end).  From 512 bytes on it has an address per 256 bytes:
 *
 *   { "eeprom", &at24c_type, .props = "bus=i2c,address=0x50,size=1024" },
 */
#ifndef HW_I2C_AT24C_H
#define HW_I2C_AT24C_H

#include "hw/core/device.h"

extern const DeviceType at24c_type;

#endif
