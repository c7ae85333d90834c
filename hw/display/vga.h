/* SPDX-License-Identifier: MIT */
/*
 * The standard VGA: IBM VGA registers, VBE DISPI extensions, a linear frame
 * buffer; as a PCI function and as an ISA card.
 *
 * Both map the legacy ranges themselves (0xa0000, ports 0x3b0 and 0x1ce), the
 * PCI one while its command register enables them.  A board gives
 *
 *   VGA       at most props "vgamem_mb=N,romfile=PATH"; a romfile without a
 *             slash is looked for in the firmware directories
 *   isa-vga   the same, without BARs; its video BIOS is the board's affair
 *             (fw_cfg file vgaroms/vgabios-isavga.bin)
 */
#ifndef HW_DISPLAY_VGA_H
#define HW_DISPLAY_VGA_H

#include "hw/core/device.h"

extern const DeviceType vga_pci_type;           /* "VGA", bus pci, 1234:1111 */
extern const DeviceType vga_isa_type;           /* "isa-vga", bus isa */

#endif
