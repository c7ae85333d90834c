/* SPDX-License-Identifier: MIT */
/*
 * System control port A (IBM PS/2 Hardware Interface Technical Reference,
 * S68X-2330, "System Control Port A (Hex 0092)").
 *
 * Not modelled: the password lock (bit 3), the watchdog (bit 4) and the fixed
 * disk light (bits 7:6): they are stored.
 */
#include "hw/input/port92.h"

enum { P92_RESET = 0x01, P92_A20 = 0x02, P92_KEPT = 0xcb };

typedef struct Port92 {
    Device dev;
    uint8_t val;
} Port92;

static uint64_t read_port(void *opaque, hwaddr offset, unsigned size)
{
    Port92 *s = opaque;

    (void)offset;
    (void)size;
    return s->val;
}

/* "Alternate hot reset": on the change of bit 0 from 0 to 1. */
static void write_port(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    Port92 *s = opaque;
    bool reset = (val & P92_RESET) && !(s->val & P92_RESET);

    (void)offset;
    (void)size;
    s->val = val & P92_KEPT;
    qemu_set_irq(s->dev.irq[PORT92_A20], !!(val & P92_A20));
    if (reset) {
        qemu_irq_pulse(s->dev.irq[PORT92_RESET]);
    }
}

static const MemoryRegionOps port_ops = {
    .read = read_port, .write = write_port, .min = 1, .max = 1,
};

static void port92_reset(Device *d)
{
    ((Port92 *)d)->val = 0;
    qemu_irq_lower(d->irq[PORT92_A20]);
}

static int port92_post_load(Device *d, Error *err)
{
    Port92 *s = (Port92 *)d;

    (void)err;
    s->val &= P92_KEPT;
    qemu_set_irq(d->irq[PORT92_A20], !!(s->val & P92_A20));
    return 0;
}

static const WindowDef port92_windows[] = {
    { "port92", true, 1, NULL, &port_ops },
    { .name = NULL }
};

static const VMField port92_vmstate[] = {
    VM_FIELD(Port92, val),
    VM_END
};

const DeviceType port92_type = {
    .name       = "port92",
    .desc       = "system control port A",
    .manual     = "IBM S68X-2330",
    .bus        = "isa",
    .state_size = sizeof(Port92),
    .windows    = port92_windows,
    .vmstate    = port92_vmstate,
    .num_irqs   = 2,
    .reset      = port92_reset,
    .post_load  = port92_post_load,
};
