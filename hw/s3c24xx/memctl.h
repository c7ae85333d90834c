/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A memory controller.
 *
 * Window 0: the registers.  Output 0: 1 while the banks 6 and 7 are of 128 MiB
 * each (BANKSIZE), so that smaller SDRAM is seen again behind its end.  Property
 * "bwscon_om": BWSCON's DW0, which the pins OM1:0 set.
 */
#ifndef HW_S3C24XX_MEMCTL_H
#define HW_S3C24XX_MEMCTL_H

#include "hw/core/device.h"

extern const DeviceType s3c2440_memctl_type;

#endif
