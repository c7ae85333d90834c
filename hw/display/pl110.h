/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL110 colour LCD controller.
 *
 * Window 0 (0x1000).  Property "variant": "pl110", or "pl110_versatile", whose
 * CONTROL and IMSC have changed places and whose 16-bit pixels go through a
 * multiplexer on the board: inputs 0 and 1 are its select wires,
 *
 *   0  8:8:8    1  5:5:5:1    2  5:6:5, red lowest    3  5:6:5, blue lowest
 *
 * "clock" is CLCDCLK in Hz, from which the frame rate follows; 0: 60 Hz whatever
 * the timing registers say.
 *
 * Output 0 is the combined interrupt.  Frame buffers are looked up in the address
 * space the device was made with.
 */
#ifndef HW_DISPLAY_PL110_H
#define HW_DISPLAY_PL110_H

#include "hw/core/device.h"

extern const DeviceType pl110_type;

#endif
