/* SPDX-License-Identifier: MIT */
#ifndef HW_NET_NE2000_H
#define HW_NET_NE2000_H

#include "hw/core/device.h"

/* Window 0: 32 ports.  Properties "iobase" and "irq" of the ISA card are its
 * jumpers; the PCI card is a Realtek RTL8029AS. */
extern const DeviceType ne2k_isa_type, ne2k_pci_type;

#endif
