/* SPDX-License-Identifier: MIT */
/*
 * One Intel 8259A interrupt controller (a PC has two).
 *
 * Inputs 0..7: IR0..IR7.  Output 0: INT, to a CPU (or local APIC), or to an IR
 * of the master.  Window 0: the two ports; window 1: the edge/level register
 * of the chip sets (ELCR).  Properties: "slave", on a master: the other chip;
 * "elcr_mask": bits of ELCR that exist, 0: no ELCR.
 *
 * An edge request lasts only while its line is high (data sheet, "Interrupt
 * Sequence"): a device holds its line until it is served; a mere pulse is lost.
 */
#ifndef HW_INTC_I8259_H
#define HW_INTC_I8259_H

#include "hw/core/device.h"

extern const DeviceType i8259_type;

enum { I8259_PORTS, I8259_ELCR };       /* windows */

/*
 * The CPU's interrupt acknowledge cycle: the vector, of the slave if the
 * request came from there.  Without a request it is the spurious one (IR7).
 */
int i8259_intack(Device *master);

#endif
