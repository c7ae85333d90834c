/* SPDX-License-Identifier: MIT */
/*
 * piix3-usb-uhci: function 2 of the PIIX3, a Universal Host Controller of two
 * ports; BAR 4 is its window.  The bus is in .has_bus = "usb".
 */
#ifndef HW_USB_UHCI_H
#define HW_USB_UHCI_H

#include "hw/core/device.h"

extern const DeviceType piix3_uhci_type;

#endif
