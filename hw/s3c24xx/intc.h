/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A interrupt controller.
 *
 * Window 0: the registers.  Inputs: sources S3C_INT_xxx, and sub-sources at
 * S3C_INT_SUB + S3C_SUB_xxx; a source that has sub-sources gets no wire of its
 * own.  Output 0: nIRQ, 1: nFIQ, as 1 when active.
 *
 * An input is latched when it rises, and again when its bit is cleared while it
 * is high: pulses and levels both do.
 */
#ifndef HW_S3C24XX_INTC_H
#define HW_S3C24XX_INTC_H

#include "hw/core/device.h"

/* "Interrupt sources", chapter 14 */
enum {
    S3C_INT_EINT0, S3C_INT_EINT1, S3C_INT_EINT2, S3C_INT_EINT3, S3C_INT_EINT4_7,
    S3C_INT_EINT8_23, S3C_INT_CAM, S3C_INT_BATT_FLT, S3C_INT_TICK, S3C_INT_WDT_AC97,
    S3C_INT_TIMER0, S3C_INT_TIMER1, S3C_INT_TIMER2, S3C_INT_TIMER3, S3C_INT_TIMER4,
    S3C_INT_UART2, S3C_INT_LCD, S3C_INT_DMA0, S3C_INT_DMA1, S3C_INT_DMA2, S3C_INT_DMA3,
    S3C_INT_SDI, S3C_INT_SPI0, S3C_INT_UART1, S3C_INT_NFCON, S3C_INT_USBD, S3C_INT_USBH,
    S3C_INT_IIC, S3C_INT_UART0, S3C_INT_SPI1, S3C_INT_RTC, S3C_INT_ADC,
    S3C_INT_SUB
};

enum {
    S3C_SUB_RXD0, S3C_SUB_TXD0, S3C_SUB_ERR0, S3C_SUB_RXD1, S3C_SUB_TXD1, S3C_SUB_ERR1,
    S3C_SUB_RXD2, S3C_SUB_TXD2, S3C_SUB_ERR2, S3C_SUB_TC, S3C_SUB_ADC, S3C_SUB_CAM_C,
    S3C_SUB_CAM_P, S3C_SUB_WDT, S3C_SUB_AC97, S3C_NUM_SUBS
};

enum { S3C_INTC_NUM_INPUTS = S3C_INT_SUB + S3C_NUM_SUBS };
enum { S3C_INTC_OUT_IRQ, S3C_INTC_OUT_FIQ, S3C_INTC_NUM_OUTPUTS };

extern const DeviceType s3c2440_intc_type;

#endif
