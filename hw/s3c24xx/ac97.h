/* SPDX-License-Identifier: MIT */
/* S3C2440A AC97 controller.  Window 0: the registers. */
#ifndef HW_S3C24XX_AC97_H
#define HW_S3C24XX_AC97_H

#include "hw/core/device.h"

extern const DeviceType s3c2440_ac97_type;

#endif
