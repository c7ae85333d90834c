/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL080 DMA controller, eight channels.
 *
 * Window 0 (0x1000).  Inputs are the requests of 16 peripherals, as levels: what
 * asks lowers its request when it has been served.  Add the peripheral's number:
 *
 *   PL080_IN_BREQ   a burst, of the size in the channel's control register
 *   PL080_IN_SREQ   a single item
 *   PL080_IN_LBREQ, PL080_IN_LSREQ    the same, and it is the last one; for
 *                   channels whose flow the peripheral controls
 *
 * Outputs: the combined interrupt, then terminal count and error alone.  It moves
 * data in the address space it was made with.
 */
#ifndef HW_DMA_PL080_H
#define HW_DMA_PL080_H

#include "hw/core/device.h"

enum { PL080_IN_BREQ = 0, PL080_IN_SREQ = 16, PL080_IN_LBREQ = 32, PL080_IN_LSREQ = 48,
       PL080_NUM_INS = 64 };
enum { PL080_OUT_INTR, PL080_OUT_INTTC, PL080_OUT_INTERR, PL080_NUM_OUTS };

extern const DeviceType pl080_type;

#endif
