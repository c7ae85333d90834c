/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A SD interface.
 *
 * Window 0: the registers before SDIDAT; window 1: SDIDAT, at 40h.  Outputs: the
 * interrupt, and the request for DMA, as levels.  Properties: "clock", the
 * s3c2440-clock; "card", the slot, hw/sd/sd.h.
 */
#ifndef HW_S3C24XX_SDI_H
#define HW_S3C24XX_SDI_H

#include "hw/core/device.h"

enum { S3C_SDI_OUT_IRQ, S3C_SDI_OUT_DMA, S3C_SDI_NUM_OUTPUTS };

extern const DeviceType s3c2440_sdi_type;

#endif
