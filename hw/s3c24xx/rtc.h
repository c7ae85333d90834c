/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A real time clock.
 *
 * Window 0: the registers, bytes.  Outputs: the alarm's interrupt and the
 * tick's, pulses; WAKE, a pulse with the alarm, which ends sleep mode.  Property
 * "rtc_base": the guest's time of day - the host's UTC, in ns.
 */
#ifndef HW_S3C24XX_RTC_H
#define HW_S3C24XX_RTC_H

#include "hw/core/device.h"

enum { S3C_RTC_OUT_ALARM, S3C_RTC_OUT_TICK, S3C_RTC_OUT_WAKE, S3C_RTC_NUM_OUTPUTS };

extern const DeviceType s3c2440_rtc_type;

#endif
