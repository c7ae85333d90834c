/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A DMA controller, four channels.
 *
 * Window 0: the registers.  Inputs: requests S3C_DREQ_xxx, 1 while the source
 * wants a transfer, or pulses.  Outputs: the interrupt of each channel, a pulse.
 */
#ifndef HW_S3C24XX_DMA_H
#define HW_S3C24XX_DMA_H

#include "hw/core/device.h"

/* "DMA request sources", chapter 8 */
enum {
    S3C_DREQ_XD0, S3C_DREQ_XD1, S3C_DREQ_UART0, S3C_DREQ_UART1, S3C_DREQ_UART2, S3C_DREQ_SDI,
    S3C_DREQ_TIMER, S3C_DREQ_USB1, S3C_DREQ_USB2, S3C_DREQ_USB3, S3C_DREQ_USB4,
    S3C_DREQ_I2SSDO, S3C_DREQ_I2SSDI, S3C_DREQ_SPI0, S3C_DREQ_SPI1, S3C_DREQ_PCMIN,
    S3C_DREQ_PCMOUT, S3C_DREQ_MICIN, S3C_DMA_NUM_INPUTS
};
enum { S3C_DMA_NUM_CHANNELS = 4, S3C_DMA_NUM_OUTPUTS = S3C_DMA_NUM_CHANNELS };

extern const DeviceType s3c2440_dma_type;

#endif
