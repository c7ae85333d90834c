/* SPDX-License-Identifier: MIT */
/*
 * The PC's keyboard and mouse controller, an Intel 8042 with IBM's program.
 *
 * Window 0: port 60h; window 1: port 64h.
 * Outputs: IRQ1 and IRQ12, held while a byte of the keyboard or mouse waits in
 * the output buffer; the A20 gate (1: address line 20 passes); reset of the
 * CPU, pulsed.
 * Properties: "kbd", "mouse": what is plugged in (ps2-kbd, ps2-mouse); realize
 * connects their wires.
 */
#ifndef HW_INPUT_I8042_H
#define HW_INPUT_I8042_H

#include "hw/core/device.h"

extern const DeviceType i8042_type;

enum { I8042_DATA, I8042_COMMAND };     /* windows */
enum { I8042_IRQ1, I8042_IRQ12, I8042_A20, I8042_RESET };       /* outputs */

#endif
