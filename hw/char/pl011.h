/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL011 UART.
 *
 * Window 0: 4 KiB of registers.  Output 0: UARTINTR.  Properties: "chardev",
 * the other end of the line (none: output is dropped, nothing arrives);
 * "clock", UARTCLK in Hz.
 */
#ifndef HW_CHAR_PL011_H
#define HW_CHAR_PL011_H

#include "hw/core/device.h"

extern const DeviceType pl011_type;

#endif
