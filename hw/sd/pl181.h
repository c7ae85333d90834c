/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL181 multimedia card interface.
 *
 * Window 0 (0x1000).  Property "card" links to the slot (hw/sd/sd.h), whose own
 * wires say whether a card is in it; without one commands time out.  "mclk" is
 * the clock in Hz that the data timer counts, divided as CLOCK says.
 *
 * Outputs: the two interrupts, by MASK0 and MASK1; then DMA requests for a PL080:
 * burst (half the FIFO) and single (a word).
 */
#ifndef HW_SD_PL181_H
#define HW_SD_PL181_H

#include "hw/core/device.h"

enum { PL181_OUT_INTR0, PL181_OUT_INTR1, PL181_OUT_DMABREQ, PL181_OUT_DMASREQ,
       PL181_NUM_OUTS };

extern const DeviceType pl181_type;

#endif
