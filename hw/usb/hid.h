/* SPDX-License-Identifier: MIT */
/*
 * usb-kbd, usb-mouse, usb-tablet: what the user types and points at, for guests
 * that drive them; until a guest has configured one, others have the events.
 */
#ifndef HW_USB_HID_H
#define HW_USB_HID_H

#include "hw/core/device.h"

extern const DeviceType usb_kbd_type, usb_mouse_type, usb_tablet_type;

#endif
