/* SPDX-License-Identifier: MIT */
/*
 * One National PC16550D UART.
 *
 * Window 0: the eight registers, a byte each.  Output 0: INTR, gated by OUT2 as
 * on the PC's serial adapter.  Properties: "chardev", the other end of the
 * line (none: output is dropped, nothing arrives); "baudbase", baud rate at
 * divisor 1.
 */
#ifndef HW_CHAR_SERIAL_H
#define HW_CHAR_SERIAL_H

#include "hw/core/device.h"

extern const DeviceType serial_type;

#endif
