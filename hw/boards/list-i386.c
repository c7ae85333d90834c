/* SPDX-License-Identifier: MIT */
/* The machines of qemu-system-i386. */
#include "hw/boards/machine.h"
#include "hw/boards/pc.h"

const QEMUMachine *const machines[] = {
    &pc_machine,
    &isapc_machine,
    NULL
};
