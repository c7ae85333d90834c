/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A NAND flash controller.
 *
 * Window 0: the registers before NFDATA; window 1: NFDATA, at 10h; window 2: the
 * registers from NFMECCD0 on, at 14h.
 * Output 0: the interrupt, as a level.  Property "chip": the chip, hw/nand/nand.h.
 *
 * s3c2440_nand_boot() is what the hardware does at reset with OM1:0 = 00: the
 * first bytes of the chip, for the SRAM at address 0; it waits for the host.
 * 0 or -errno.
 */
#ifndef HW_S3C24XX_NAND_H
#define HW_S3C24XX_NAND_H

#include "hw/core/device.h"

extern const DeviceType s3c2440_nand_type;

int s3c2440_nand_boot(Device *d, uint8_t *buf, uint32_t len);

#endif
