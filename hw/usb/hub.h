/* SPDX-License-Identifier: MIT */
/* usb-hub: a self-powered hub of eight ports. */
#ifndef HW_USB_HUB_H
#define HW_USB_HUB_H

#include "hw/core/device.h"

extern const DeviceType usb_hub_type;

#endif
