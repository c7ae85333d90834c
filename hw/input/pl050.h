/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL050 keyboard and mouse interface: one PS/2 port.
 *
 * Window 0: 4 KiB of registers.  Output 0: KMIINTR.  Property "device": what is
 * at the end of the cable, a ps2-kbd or ps2-mouse by its id (none: nothing is).
 *
 *   { "keyboard", &ps2_kbd_type },
 *   { "kmi0", &pl050_type, { 0x10006000 }, { { "sic", 3 } }, "device=keyboard" },
 */
#ifndef HW_INPUT_PL050_H
#define HW_INPUT_PL050_H

#include "hw/core/device.h"

extern const DeviceType pl050_type;

#endif
