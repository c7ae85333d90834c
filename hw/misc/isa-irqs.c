/* SPDX-License-Identifier: MIT */
/* The ISA interrupt lines: each goes to an 8259 and to the I/O APIC. */
#include "hw/misc/isa-irqs.h"

static void fan_out(Device *d, int n, int level)
{
    qemu_set_irq(d->irq[n], level);
    qemu_set_irq(d->irq[ISA_IRQS_TO_APIC + n], level);
}

const DeviceType isa_irqs_type = {
    .name       = "isa-irqs",
    .desc       = "ISA interrupt lines",
    .manual     = "IEEE P996",
    .bus        = "sys",
    .state_size = sizeof(Device),
    .num_irqs   = 2 * ISA_NUM_IRQS,
    .num_inputs = ISA_NUM_IRQS,
    .input      = fan_out,
};
