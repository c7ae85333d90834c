/* SPDX-License-Identifier: MIT */
/*
 * Coprocessor error logic of the AT (Intel 290550, 2.5.5.1 "coprocessor error
 * register"): FERR# sets a latch, the latch is IRQ 13, and a write to port
 * 0xf0 clears it.
 *
 * Not modelled: IGNNE#, which the write also asserts until FERR# goes away;
 * 0xf1, coprocessor reset, which does nothing on any 486 or later.
 */
#include "hw/misc/ferr.h"

typedef struct Ferr {
    Device dev;
    uint8_t error, latch;
} Ferr;

static void set_error(Device *d, int n, int level)
{
    Ferr *s = (Ferr *)d;

    (void)n;
    if (level && !s->error) {
        s->latch = 1;
    }
    s->error = level != 0;
    qemu_set_irq(d->irq[0], s->latch);
}

static uint64_t port_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)opaque;
    (void)offset;
    (void)size;
    return 0xff;
}

static void port_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    Ferr *s = opaque;

    (void)val;
    (void)size;
    if (offset == 0) {
        s->latch = 0;
        qemu_set_irq(s->dev.irq[0], 0);
    }
}

static void ferr_reset(Device *d)
{
    Ferr *s = (Ferr *)d;

    s->error = s->latch = 0;
    qemu_set_irq(d->irq[0], 0);
}

static int ferr_post_load(Device *d, Error *err)
{
    (void)err;
    qemu_set_irq(d->irq[0], ((Ferr *)d)->latch != 0);
    return 0;
}

static const MemoryRegionOps port_ops = { port_read, port_write, 1, 1 };

static const WindowDef ferr_windows[] = {
    { "ports", true, 2, NULL, &port_ops },
    { NULL, false, 0, NULL, NULL }
};

static const VMField ferr_vmstate[] = {
    VM_FIELD(Ferr, error),
    VM_FIELD(Ferr, latch),
    VM_END
};

const DeviceType ferr_type = {
    .name       = "ferr",
    .desc       = "coprocessor error latch",
    .manual     = "Intel 290550",
    .bus        = "sys",
    .state_size = sizeof(Ferr),
    .windows    = ferr_windows,
    .vmstate    = ferr_vmstate,
    .num_irqs   = 1,
    .num_inputs = 1,
    .reset      = ferr_reset,
    .post_load  = ferr_post_load,
    .input      = set_error,
};
