/* SPDX-License-Identifier: MIT */
/* The machines of qemu-system-arm. */
#include "hw/boards/arm-versatile.h"
#include "hw/boards/machine.h"

const QEMUMachine *const machines[] = {
    &versatileab_machine,
    &versatilepb_machine,
    NULL
};
