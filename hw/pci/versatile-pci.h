/* SPDX-License-Identifier: MIT */
/*
 * PCI host bridge of the ARM Versatile/PB, for boards.
 *
 *   window 0  registers             4 KiB     0x10001000
 *   window 1  self-configuration,   48 MiB    0x41000000
 *             configuration, I/O              (16 MiB each)
 *   window 2  PCI memory 0          192 MiB   0x44000000
 *   window 3  PCI memory 1          256 MiB   0x50000000
 *   window 4  PCI memory 2          256 MiB   0x60000000
 *
 * Outputs 0 to 3: PCI interrupt lines, on this board SIC inputs 27 to 30.
 *
 * The bridge makes the bus.  A board places it in a table without PCI rows, then
 *   m->pci = versatile_pci_bus(machine_find(m, "pci"));
 * and the machine frees the bus, after its devices.  PCI devices come later
 * than the bridge, by -device or in a second table.
 */
#ifndef HW_PCI_VERSATILE_PCI_H
#define HW_PCI_VERSATILE_PCI_H

#include "hw/core/pci.h"

extern const DeviceType versatile_pci_type;

/* Its bus; free() it after the bridge. */
PCIBus *versatile_pci_bus(Device *d);

#endif
