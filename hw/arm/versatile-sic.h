/* SPDX-License-Identifier: MIT */
/*
 * The Versatile's secondary interrupt controller.
 *
 * Window 0: 4 KiB.  Inputs 0-31: sources, active high, level.  Output 0: the
 * parent (VIC 31).  Output 1 + n: source n while its bit in SIC_PICENABLE is
 * set; the board connects those that have a line of their own on the VIC,
 * 21 to 30:
 *
 *   { "sic", &versatile_sic_type, { 0x10003000 },
 *     { { "vic", 31 }, [VERSATILE_SIC_OUT_SOURCE + 21] = { "vic", 21 }, ... } },
 */
#ifndef HW_ARM_VERSATILE_SIC_H
#define HW_ARM_VERSATILE_SIC_H

#include "hw/core/device.h"

enum { VERSATILE_SIC_OUT_PARENT = 0, VERSATILE_SIC_OUT_SOURCE = 1,
       VERSATILE_SIC_NUM_SOURCES = 32 };

extern const DeviceType versatile_sic_type;

#endif
