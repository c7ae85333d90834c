/* SPDX-License-Identifier: MIT */
/*
 * NOR flash with a common flash interface: a bank of equal chips side by side.
 *
 * Window 0 is the bank (at most 64 MiB).  Properties:
 *
 *   drive         contents, of exactly the bank's size; none: erased at power up,
 *                 and forgotten at the end
 *   size          of the bank in bytes; 0: as large as drive or regions
 *   width         of the bus in bytes: 1, 2, 4
 *   device-width  of a chip in bytes; 0: one chip as wide as the bus
 *   command-set   1 Intel/Sharp extended, 2 AMD/Fujitsu
 *   sector        bytes of a sector of the bank, all alike; or
 *   regions       "1x16k+2x8k+1x32k+31x64k", from address 0 up
 *   manufacturer, device    identification codes
 *   gated         input 0 must be high to program or erase (VPP, WP#)
 *
 * While it is read it is memory: the guest runs code in it at full speed.  What is
 * programmed is written to the drive at once, in the background, and flushed.
 */
#ifndef HW_BLOCK_PFLASH_H
#define HW_BLOCK_PFLASH_H

#include "hw/core/device.h"

extern const DeviceType cfi_flash_type;

#endif
