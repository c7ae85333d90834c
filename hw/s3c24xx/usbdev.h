/* SPDX-License-Identifier: MIT */
/* S3C2440A USB device controller.  Window 0: the registers, from 140h on; output 0:
 * the interrupt, which never comes, as no host is connected. */
#ifndef HW_S3C24XX_USBDEV_H
#define HW_S3C24XX_USBDEV_H

#include "hw/core/device.h"

extern const DeviceType s3c2440_udc_type;

#endif
