/* SPDX-License-Identifier: MIT */
/*
 * System control port A of the PS/2, port 92h: fast A20 and CPU reset.
 *
 * Window 0: the port.  Outputs: the A20 gate (1: address line 20 passes), to be
 * or-ed with the keyboard controller's; reset of the CPU, pulsed.
 */
#ifndef HW_INPUT_PORT92_H
#define HW_INPUT_PORT92_H

#include "hw/core/device.h"

extern const DeviceType port92_type;

enum { PORT92_A20, PORT92_RESET };      /* outputs */

#endif
