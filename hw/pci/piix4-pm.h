/* SPDX-License-Identifier: MIT */
/*
 * Intel 82371AB PIIX4, function 3: power management and SMBus, for boards.
 *
 * Windows 0 and 1 (PM and SMBus ports) are where configuration space says;
 * the board maps window 2, APMC and APMS (0xb2), and window 3, a block of
 * general purpose events (0xafe0).
 *
 * Input 0: the power button (a pulse), input 1: general purpose event 0.
 * Outputs: PM_SCI (IRQ 9), PM_SMI, PM_OFF (pulses: the power goes off).
 */
#ifndef HW_PCI_PIIX4_PM_H
#define HW_PCI_PIIX4_PM_H

#include "hw/core/pci.h"

enum { PM_WINDOW, PM_SMBUS_WINDOW, PM_APM_WINDOW, PM_GPE_WINDOW };
enum { PM_SCI, PM_SMI, PM_OFF, PM_NUM_OUTPUTS };

extern const DeviceType piix4_pm_type;

#endif
