/* SPDX-License-Identifier: MIT */
/* The machines of qemu-system-arm. */
#include "hw/boards/arm-mini2440.h"
#include "hw/boards/arm-versatile.h"
#include "hw/boards/machine.h"

const QEMUMachine *const machines[] = {
    &mini2440_machine,
    &versatileab_machine,
    &versatilepb_machine,
    NULL
};
