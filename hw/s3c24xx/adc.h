/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A A/D converter and touch screen interface.
 *
 * Window 0: the registers.  Outputs, pulses: the pen's interrupt, for the
 * sub-source S3C_SUB_TC, and the end of a conversion, for S3C_SUB_ADC.
 * Properties: "clock", the s3c2440-clock; "touch", whether there is a touch
 * screen: an absolute pointer whose left button is the pen; "x_min" to "y_max",
 * what is measured at its edges, and "swap_xy"; "ain0" to "ain3", what is
 * measured at the other inputs, of 1023.
 */
#ifndef HW_S3C24XX_ADC_H
#define HW_S3C24XX_ADC_H

#include "hw/core/device.h"

enum { S3C_ADC_OUT_TC, S3C_ADC_OUT_ADC, S3C_ADC_NUM_OUTPUTS };

extern const DeviceType s3c2440_adc_type;

#endif
