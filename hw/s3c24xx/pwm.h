/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A PWM timers 0 to 4.
 *
 * Window 0: the registers.  Outputs: an interrupt of each timer, a pulse; a
 * request for DMA, a pulse, by the timer that TCFG1 chooses; the levels of TOUT0
 * to TOUT3.  Property "clock": the s3c2440-clock.
 */
#ifndef HW_S3C24XX_PWM_H
#define HW_S3C24XX_PWM_H

#include "hw/core/device.h"

enum { S3C_PWM_OUT_TIMER0, S3C_PWM_OUT_DMA = 5, S3C_PWM_OUT_TOUT0,
       S3C_PWM_NUM_OUTPUTS = S3C_PWM_OUT_TOUT0 + 4 };

extern const DeviceType s3c2440_timers_type;

#endif
