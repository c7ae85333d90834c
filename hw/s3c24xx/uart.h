/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A UART, one of its three.
 *
 * Window 0: the registers.  Outputs: received, sent, error, for the sub-sources
 * S3C_SUB_RXDn and the next two; and requests for DMA, 1 while a byte can be
 * moved.  Properties: "clock", the s3c2440-clock; "chardev", the other end of
 * the line; "modem", which UART2 has not.
 */
#ifndef HW_S3C24XX_UART_H
#define HW_S3C24XX_UART_H

#include "hw/core/device.h"

enum { S3C_UART_OUT_RX, S3C_UART_OUT_TX, S3C_UART_OUT_ERR, S3C_UART_OUT_DMA_RX,
       S3C_UART_OUT_DMA_TX, S3C_UART_NUM_OUTPUTS };

extern const DeviceType s3c2440_uart_type;

#endif
