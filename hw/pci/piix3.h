/* SPDX-License-Identifier: MIT */
/*
 * Intel 82371SB PIIX3, function 0: PCI-to-ISA bridge, for boards.
 *
 * Inputs 0..3: PIRQA#..PIRQD# (1 = asserted).  Outputs 0..15: ISA IRQs;
 * output PIIX3_RESET: pulses when the reset control register says so.
 * Window 0: the reset control register, which the host bridge passes on.
 */
#ifndef HW_PCI_PIIX3_H
#define HW_PCI_PIIX3_H

#include "hw/core/pci.h"

enum { PIIX3_RESET = 16 };

extern const DeviceType piix3_type;

#endif
