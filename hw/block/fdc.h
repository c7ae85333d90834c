/* SPDX-License-Identifier: MIT */
/*
 * Floppy disk controller 82078, for boards.
 *
 * Window 0: ports 0x3f0-0x3f5 (6); window 1: port 0x3f7 (1).  Output 0 is the
 * interrupt (IRQ 6).  Properties: driveA, driveB (block drives; none: no such
 * drive), dma (link to the i8237; none: only non-DMA transfers), channel (2).
 */
#ifndef HW_BLOCK_FDC_H
#define HW_BLOCK_FDC_H

#include "hw/core/device.h"

extern const DeviceType fdc_type;

/* As in CMOS 0x10: 0 none, 1 360K, 2 1.2M, 3 720K, 4 1.44M, 5 2.88M.  By the
 * medium at power-on; an empty drive is 1.44M. */
int fdc_drive_kind(const Device *fdc, int drive);

#endif
