/* SPDX-License-Identifier: MIT */
/* S3C2440A camera interface.  Window 0: the registers. */
#ifndef HW_S3C24XX_CAMIF_H
#define HW_S3C24XX_CAMIF_H

#include "hw/core/device.h"

extern const DeviceType s3c2440_camif_type;

#endif
