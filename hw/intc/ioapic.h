/* SPDX-License-Identifier: MIT */
/*
 * Intel 82093AA I/O APIC: 24 input pins, each with a redirection entry that says
 * which message to send to whom.
 *
 * Window 0: index, data and (version 20h) EOI registers.  Inputs 0..23.
 * A wire's 1 means "asserted": the polarity bit is kept but not applied, since
 * inverters belong to the board.
 * Properties: "bus" (apic-bus; joined at realize), "version": 0x11 or 0x20.
 */
#ifndef HW_INTC_IOAPIC_H
#define HW_INTC_IOAPIC_H

#include "hw/core/device.h"

extern const DeviceType ioapic_type;

enum { IOAPIC_NUM_PINS = 24 };

/* From the bus: a local APIC has ended this level triggered vector. */
void ioapic_eoi(Device *d, uint8_t vector);

#endif
