/* SPDX-License-Identifier: MIT */
/*
 * The Versatile's status and system control registers.
 *
 * Window 0: 4 KiB.  Inputs: a card is in slot 0 or 1; its write protection is
 * on.  Outputs: RESET rises and falls when the guest asks for a reset;
 * FLASH_WRITE is 1 while it may write to the NOR flash; CLCD_MODE0 and 1 say
 * how the colours of the PL110 reach the DAC (0 8:8:8, 1 5:5:5:1, 2 5:6:5 red
 * low, 3 5:6:5 blue low).
 *
 * Properties: "sys_id", "proc_id", what SYS_ID and SYS_PROCID0 read;
 * "switches", SYS_SW; "clcd_id", the display connected (1fh: VGA); "pci", the
 * board sits in a PCI backplane.
 */
#ifndef HW_ARM_VERSATILE_SYSREGS_H
#define HW_ARM_VERSATILE_SYSREGS_H

#include "hw/core/device.h"

enum { VERSATILE_SYSREGS_OUT_RESET, VERSATILE_SYSREGS_OUT_FLASH_WRITE,
       VERSATILE_SYSREGS_OUT_CLCD_MODE0, VERSATILE_SYSREGS_OUT_CLCD_MODE1,
       VERSATILE_SYSREGS_NUM_OUTPUTS };
enum { VERSATILE_SYSREGS_IN_CARD0, VERSATILE_SYSREGS_IN_CARD1,
       VERSATILE_SYSREGS_IN_PROTECT0, VERSATILE_SYSREGS_IN_PROTECT1,
       VERSATILE_SYSREGS_NUM_INPUTS };

extern const DeviceType versatile_sysregs_type;

#endif
