/* SPDX-License-Identifier: MIT */
/*
 * Intel 440FX host bridge, for boards.
 *
 * A PCI device, always 00:00.0.  Window 0: CONFADD and CONFDATA, ports 0xcf8 to
 * 0xcff.  Input 0: SMIACT# of the processor (1 = in SMM).  Property "isa":
 * the bridge that gets what is not a doubleword access to CONFADD (0xcf9).
 *
 * After the device is realized the board calls i440fx_attach() once.
 */
#ifndef HW_PCI_I440FX_H
#define HW_PCI_I440FX_H

#include "hw/core/pci.h"

extern const DeviceType i440fx_type;

/*
 * Give the bridge its memory: `ram` is RAM from address 0; `rom` is what the
 * PCI side answers with below 1 MiB (ROMs), the same as the board maps into
 * d->mem.  The bridge maps RAM over 0xc0000-0xfffff and 0xa0000-0xbffff as its
 * registers say; the board maps all other RAM.
 */
void i440fx_attach(Device *d, MemoryRegion *ram, AddressSpace *rom);

#endif
