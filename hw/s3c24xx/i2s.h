/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A IIS-bus interface.
 *
 * Window 0: the registers.  Outputs: requests for DMA, 1 while the transmit FIFO
 * has room, and while the receive FIFO has something.  Properties: "clock", the
 * s3c2440-clock; "codec", a uda1341, hw/misc/uda1341.h.
 */
#ifndef HW_S3C24XX_I2S_H
#define HW_S3C24XX_I2S_H

#include "hw/core/device.h"

enum { S3C_I2S_OUT_DMA_TX, S3C_I2S_OUT_DMA_RX, S3C_I2S_NUM_OUTPUTS };

extern const DeviceType s3c2440_i2s_type;

#endif
