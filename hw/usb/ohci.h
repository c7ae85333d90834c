/* SPDX-License-Identifier: MIT */
/*
 * OpenHCI host controller (Compaq, Microsoft, National: Open Host Controller
 * Interface Specification for USB, release 1.0a).
 *
 *   pci-ohci   a PCI card, 106b:003f; BAR 0 is the window
 *   ohci       inside a chip: window 0, 4 KiB; output 0 is its interrupt
 *
 * Property num-ports: 1 to 15, default 3.  The bus is in .has_bus = "usb".
 */
#ifndef HW_USB_OHCI_H
#define HW_USB_OHCI_H

#include "hw/core/device.h"

extern const DeviceType ohci_type, pci_ohci_type;

#endif
