/* SPDX-License-Identifier: MIT */
/*
 * One Intel 8237A DMA controller with its page registers (a PC has two).
 *
 * Property "shift": 0 for the 8-bit controller (channels 0-3 of a PC), 1 for the
 * 16-bit one (4-7), which counts words.  Map window I8237_REGS (16 ports, at
 * 00h) of the first, I8237_REGS16 (32 ports, even ones used, at c0h) of the
 * second, and I8237_PAGES (8 ports) of both: at 80h and at 88h.
 * Property "cascade", of the first: the second, through whose channel 0 its
 * requests pass; none: they are always granted.
 * Channels are numbered 0..3 within each chip.
 *
 * A device that does DMA ("peer") and this chip:
 *
 *      i8237_set_peer(dma, ch, fn, opaque)     once
 *      i8237_set_dreq(dma, ch, 1)              wants service
 *         fn(opaque, ch)                       called as soon as the channel is
 *                                              granted: at once, or when the
 *                                              guest unmasks it
 *            i8237_transfer(dma, ch, ...)      any number of times
 *      i8237_set_dreq(dma, ch, 0)              has enough
 *
 * fn is called once per grant.  While its DREQ is up a peer may also transfer
 * later, in its own time; an ungranted channel moves nothing.
 */
#ifndef HW_DMA_I8237_H
#define HW_DMA_I8237_H

#include "hw/core/device.h"

extern const DeviceType i8237_type;

enum { I8237_REGS, I8237_REGS16, I8237_PAGES };         /* windows */

/* Which way the guest programmed a channel. */
typedef enum DmaWay { DMA_VERIFY, DMA_TO_MEMORY, DMA_FROM_MEMORY } DmaWay;

void i8237_set_peer(Device *dma, int ch, void (*fn)(void *opaque, int ch),
                    void *opaque);
void i8237_set_dreq(Device *dma, int ch, int level);

/* The channel may move data now. */
bool i8237_granted(const Device *dma, int ch);
DmaWay i8237_way(const Device *dma, int ch);

/*
 * Move up to len bytes between buf and memory, in the programmed direction
 * (verify: count only, buf untouched).  Stops at terminal count.  Returns bytes
 * moved, whole words on the 16-bit chip; *tc (or NULL) says whether terminal
 * count was reached by this call.
 */
unsigned i8237_transfer(Device *dma, int ch, void *buf, unsigned len, bool *tc);

#endif
