/* SPDX-License-Identifier: MIT */
/*
 * Ports for firmware's and tests' own use, for boards.
 *
 * isa-debugcon    bytes written go to a chardev; reads give 0xe9 (0x402, 0xe9)
 * isa-debug-exit  a write ends the emulator (0x501)
 */
#ifndef HW_MISC_DEBUGCON_H
#define HW_MISC_DEBUGCON_H

#include "hw/core/device.h"

extern const DeviceType isa_debugcon_type;      /* property "chardev" */
extern const DeviceType isa_debug_exit_type;

/* What to do with a value written to d, an isa-debug-exit. */
void isa_debug_exit_connect(Device *d, void (*exit_with)(void *opaque, int status),
                            void *opaque);

#endif
