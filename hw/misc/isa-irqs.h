/* SPDX-License-Identifier: MIT */
/*
 * The ISA interrupt lines of a board with two kinds of interrupt controller.
 *
 * Inputs 0..15: IRQ 0..15.  Outputs 0..15: the 8259s' inputs; outputs
 * 16..31: the I/O APIC's.
 */
#ifndef HW_MISC_ISA_IRQS_H
#define HW_MISC_ISA_IRQS_H

#include "hw/core/device.h"

enum { ISA_NUM_IRQS = 16, ISA_IRQS_TO_APIC = 16 };

extern const DeviceType isa_irqs_type;

#endif
