/* SPDX-License-Identifier: MIT */
/*
 * LSI53C895A PCI to Ultra2 SCSI controller, for boards.
 *
 * A PCI device, 1000:0012, INTA.  BARs: registers in port space (256 bytes) and
 * memory (1 KiB), on-chip RAM (8 KiB).  Its bus has targets 0 to 15, the chip
 * itself is 7.  In a board's table:
 *   { "lsi", &lsi53c895a_type, .devfn = AT_DEVFN(13, 0) },
 *   { "scsi-disk0", &scsi_hd_type, .props = "bus=lsi,scsi-id=0,drive=@scsi0" }
 */
#ifndef HW_SCSI_LSI_H
#define HW_SCSI_LSI_H

#include "hw/core/pci.h"

extern const DeviceType lsi53c895a_type;

#endif
