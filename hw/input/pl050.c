/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL050 PS/2 keyboard and mouse interface (ARM DDI 0143).
 *
 *      guest --KMIDATA--> device
 *      guest <--KMIDATA-- one byte <--(880 us)-- device
 *                           '--> RXFULL --> KMIIR --> irq
 *
 * A byte to the device arrives at once, so that the transmitter is always
 * empty.  One from it comes no sooner than the cable allows, and only while the
 * interface is enabled and its clock line is not held.
 *
 * Not modelled: the reference clock divider (stored), parity errors, and
 * keyboards that are no PS/2 ones (KMITYPE is stored).
 */
#include "hw/input/pl050.h"

#include <errno.h>

#include "hw/core/primecell.h"
#include "hw/input/ps2.h"
#include "util/bits.h"

/* 3.3.1, KMICR */
enum { CR_HOLD_CLOCK = 0x01, CR_HOLD_DATA = 0x02, CR_ENABLE = 0x04, CR_TX_IRQ = 0x08,
       CR_RX_IRQ = 0x10, CR_BITS = 0x3f };
/* 3.3.2, KMISTAT */
enum { STAT_DATA = 0x01, STAT_CLOCK = 0x02, STAT_RX_PARITY = 0x04, STAT_RX_FULL = 0x10,
       STAT_TX_EMPTY = 0x40 };
enum { IR_RX = 0x01, IR_TX = 0x02 };

/* Eleven bits at 12.5 kHz. */
#define BYTE_NS (880 * NS_PER_US)

typedef struct Pl050 {
    Device dev;
    Device *device;
    Timer arrival;
    int64_t busy_until;                 /* the cable is */
    uint32_t cr, clkdiv;
    uint8_t data, full;                 /* the receive register */
} Pl050;

static uint32_t irq_status(const Pl050 *s)
{
    return (s->full && (s->cr & CR_RX_IRQ) ? IR_RX : 0) |
           (s->cr & CR_TX_IRQ ? IR_TX : 0);
}

static void update_irq(Pl050 *s)
{
    qemu_set_irq(s->dev.irq[0], irq_status(s) != 0);
}

static bool listening(const Pl050 *s)
{
    return s->device && (s->cr & CR_ENABLE) && !(s->cr & CR_HOLD_CLOCK);
}

/* Take a byte from the device if there is one, room for it, and it is time. */
static void poll_device(Pl050 *s)
{
    if (s->full || !listening(s) || !ps2_has_byte(s->device)) {
        return;
    }
    if (clock_now(s->dev.clock) < s->busy_until) {
        timer_set(&s->arrival, s->busy_until);
        return;
    }
    s->full = 1;                        /* first: reading moves the wire */
    s->data = ps2_read(s->device);
    update_irq(s);
}

static void arrived(void *opaque)
{
    poll_device(opaque);
}

static void device_wire(Device *d, int n, int level)
{
    (void)n;
    if (level) {
        poll_device((Pl050 *)d);
    }
}

/* -- Registers --------------------------------------------------------------- */

static void write_cr(Device *d, uint32_t val)
{
    (void)val;
    update_irq((Pl050 *)d);
    poll_device((Pl050 *)d);
}

/* The lines are high unless held; a PS/2 byte has odd parity. */
static uint32_t read_stat(Device *d)
{
    const Pl050 *s = (const Pl050 *)d;

    return STAT_TX_EMPTY | (s->full ? STAT_RX_FULL : 0) |
           (__builtin_parity(s->data) ? 0 : STAT_RX_PARITY) |
           (s->cr & CR_HOLD_CLOCK ? 0 : STAT_CLOCK) |
           (s->cr & CR_HOLD_DATA ? 0 : STAT_DATA);
}

static uint32_t read_data(Device *d)
{
    Pl050 *s = (Pl050 *)d;
    uint8_t val = s->data;

    if (s->full) {
        s->full = 0;
        s->busy_until = clock_now(d->clock) + BYTE_NS;
        update_irq(s);
        poll_device(s);
    }
    return val;
}

static void write_data(Device *d, uint32_t val)
{
    Pl050 *s = (Pl050 *)d;

    if (s->device && (s->cr & CR_ENABLE)) {
        ps2_write(s->device, (uint8_t)val);
        poll_device(s);
    }
}

static uint32_t read_ir(Device *d)
{
    return irq_status((const Pl050 *)d);
}

/* clang-format off */
#define AT(m) offsetof(Pl050, m)
/* Table 3-1, register summary. */
static const RegDef pl050_regs[] = {
    { "KMICR",     0x00, AT(cr),      REG_RW, 0, CR_BITS, NULL,      write_cr },
    { "KMISTAT",   0x04, REG_VIRTUAL, REG_R,  0, 0,       read_stat, NULL },
    { "KMIDATA",   0x08, REG_VIRTUAL, REG_RW, 0, 0xff,    read_data, write_data },
    { "KMICLKDIV", 0x0c, AT(clkdiv),  REG_RW, 0, 0x0f,    NULL,      NULL },
    { "KMIIR",     0x10, REG_VIRTUAL, REG_R,  0, 0,       read_ir,   NULL },
    PRIMECELL_ID_REGS(0x50, 0x10, 0x04, 0x00),
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static void pl050_init(Device *d)
{
    timer_init(d->clock, &((Pl050 *)d)->arrival, arrived, d);
}

static int pl050_realize(Device *d, Error *err)
{
    Pl050 *s = (Pl050 *)d;

    if (s->device && !ps2_is(s->device)) {
        return error_set(err, EINVAL, "pl050: device= wants a ps2-kbd or ps2-mouse, "
                         "not a %s", s->device->type->name);
    }
    if (s->device) {
        device_connect(s->device, 0, device_input(d, 0));
    }
    return 0;
}

static void pl050_reset(Device *d)
{
    Pl050 *s = (Pl050 *)d;

    timer_cancel(&s->arrival);
    s->arrival.deadline = 0;
    s->busy_until = 0;
    s->data = s->full = 0;
    update_irq(s);
}

static int pl050_post_load(Device *d, Error *err)
{
    Pl050 *s = (Pl050 *)d;

    (void)err;
    /* The cable is never busy for longer. */
    s->busy_until = MIN(s->busy_until, clock_now(d->clock) + BYTE_NS);
    s->cr &= CR_BITS;
    update_irq(s);
    return 0;
}

static void pl050_free(Device *d)
{
    timer_cancel(&((Pl050 *)d)->arrival);
}

static const WindowDef pl050_windows[] = {
    { "kmi", false, PRIMECELL_SIZE, pl050_regs, NULL },
    { .name = NULL }
};

static const PropDef pl050_props[] = {
    { "device", PROP_LINK, AT(device), 0, "the keyboard or mouse" },
    { .name = NULL }
};

static const VMField pl050_vmstate[] = {
    VM_TIMER(Pl050, arrival),
    VM_FIELD(Pl050, busy_until),
    VM_FIELD(Pl050, cr),
    VM_FIELD(Pl050, clkdiv),
    VM_FIELD(Pl050, data),
    VM_FIELD(Pl050, full),
    VM_END
};

const DeviceType pl050_type = {
    .name       = "pl050",
    .desc       = "PS/2 keyboard and mouse interface",
    .manual     = "ARM DDI 0143",
    .bus        = "sys",
    .state_size = sizeof(Pl050),
    .windows    = pl050_windows,
    .props      = pl050_props,
    .vmstate    = pl050_vmstate,
    .num_irqs   = 1,
    .num_inputs = 1,
    .init       = pl050_init,
    .realize    = pl050_realize,
    .reset      = pl050_reset,
    .post_load  = pl050_post_load,
    .free       = pl050_free,
    .input      = device_wire,
};
