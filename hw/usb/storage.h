/* SPDX-License-Identifier: MIT */
/*
 * usb-storage: a memory stick, or a CD drive if that is what the block drive is.
 *
 * Properties: drive (wanted), serial, removable (default off), bus, port.
 */
#ifndef HW_USB_STORAGE_H
#define HW_USB_STORAGE_H

#include "hw/core/device.h"

extern const DeviceType usb_storage_type;

#endif
