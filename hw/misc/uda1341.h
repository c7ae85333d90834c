/* SPDX-License-Identifier: MIT */
/*
 * Philips UDA1341TS audio codec.
 *
 * Inputs: the L3 bus: mode, data, clock.  Property "wav": a file that gets what
 * is played, in 16 bits of two channels, at the rate of the first sample; without
 * it nobody listens.
 */
#ifndef HW_MISC_UDA1341_H
#define HW_MISC_UDA1341_H

#include "hw/core/device.h"

enum { UDA1341_IN_MODE, UDA1341_IN_DATA, UDA1341_IN_CLOCK, UDA1341_NUM_INPUTS };

extern const DeviceType uda1341_type;

/* By the I2S controller: left, right; rate in Hz. */
void uda1341_play(Device *d, const int16_t (*frames)[2], unsigned num, uint32_t rate);

#endif
