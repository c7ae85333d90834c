/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A SPI, one of its two.
 *
 * Window 0: the registers.  Outputs: the interrupt, a pulse at the end of each
 * byte; the request for DMA, 1 while it is ready for a byte.  Property "clock":
 * the s3c2440-clock.
 */
#ifndef HW_S3C24XX_SPI_H
#define HW_S3C24XX_SPI_H

#include "hw/core/device.h"

enum { S3C_SPI_OUT_IRQ, S3C_SPI_OUT_DMA, S3C_SPI_NUM_OUTPUTS };

extern const DeviceType s3c2440_spi_type;

#endif
