/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A watchdog timer.
 *
 * Window 0: the registers.  Outputs, pulses: its interrupt, for the sub-source
 * S3C_SUB_WDT; and reset.  Property "clock": the s3c2440-clock.
 */
#ifndef HW_S3C24XX_WATCHDOG_H
#define HW_S3C24XX_WATCHDOG_H

#include "hw/core/device.h"

enum { S3C_WDT_OUT_IRQ, S3C_WDT_OUT_RESET, S3C_WDT_NUM_OUTPUTS };

extern const DeviceType s3c2440_wdt_type;

#endif
