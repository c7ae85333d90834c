/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL061 general purpose input/output (ARM DDI 0190).
 *
 *      DATA & DIR --> pins <-- outside          pin: DIR ? DATA : outside
 *                      |
 *                      '--> IS, IBE, IEV --> RIS --&--> MIS --or--> irq
 *                            edges are latched    IE
 *
 * GPIODATA is 256 words: address bits 9:2 are a mask of the pins meant, so that
 * a program changes some without reading the others (3.3.1).
 *
 * Not modelled: hardware control (GPIOAFSEL is stored), and the integration
 * test registers.
 */
#include "hw/misc/pl061.h"

#include "hw/core/primecell.h"
#include "util/bits.h"
#include "util/log.h"

enum { DATA_END = 0x400, REGS = 0x400 };
#define PERIPH_ID 0x00041061

/* From GPIODIR at 400h, a word each. */
enum { DIR, IS, IBE, IEV, IE, RIS, MIS, IC, AFSEL, NUM_REGS };

typedef struct Pl061 {
    Device dev;
    uint8_t inputs;                     /* levels from outside */
    uint8_t data;                       /* GPIODATA, of pins that are outputs */
    uint8_t pins;                       /* levels, to see edges */
    uint8_t latched;                    /* edges */
    uint8_t reg[NUM_REGS];              /* those that are stored */
} Pl061;

static uint8_t pin_levels(const Pl061 *s)
{
    return (uint8_t)((s->data & s->reg[DIR]) | (s->inputs & ~s->reg[DIR]));
}

/* 3.3.7, GPIORIS: level sensitive pins as they are now. */
static uint8_t raw_status(const Pl061 *s)
{
    return (uint8_t)((s->latched & ~s->reg[IS]) |
                     (~(s->pins ^ s->reg[IEV]) & s->reg[IS]));
}

static void update_irq(Pl061 *s)
{
    qemu_set_irq(s->dev.irq[PL061_OUT_IRQ], (raw_status(s) & s->reg[IE]) != 0);
}

static void drive_pins(Pl061 *s)
{
    for (int n = 0; n < PL061_NUM_PINS; n++) {
        qemu_set_irq(s->dev.irq[PL061_OUT_PIN0 + n],
                     s->data >> n & s->reg[DIR] >> n & 1);
    }
}

/* 3.3.4: with IBE both edges, else the one that IEV says. */
static void pins_changed(Pl061 *s)
{
    uint8_t now = pin_levels(s), changed = now ^ s->pins;
    uint8_t wanted = (uint8_t)(s->reg[IBE] | ~(now ^ s->reg[IEV]));

    s->latched |= (uint8_t)(changed & wanted & ~s->reg[IS]);
    s->pins = now;
    update_irq(s);
}

static void set_input(Device *d, int n, int level)
{
    Pl061 *s = (Pl061 *)d;
    uint8_t bit = (uint8_t)(1u << n);

    s->inputs = (uint8_t)(level ? s->inputs | bit : s->inputs & ~bit);
    pins_changed(s);
}

/* -- Registers --------------------------------------------------------------- */

static void write_data(Pl061 *s, uint8_t mask, uint8_t val)
{
    s->data = (uint8_t)((s->data & ~mask) | (val & mask));
    drive_pins(s);
    pins_changed(s);
}

static uint32_t read_offset(Pl061 *s, hwaddr offset)
{
    unsigned reg = (unsigned)(offset - REGS) / 4;

    if (offset < DATA_END) {
        return pin_levels(s) & (uint8_t)(offset >> 2);
    }
    if (offset >= PRIMECELL_ID) {
        return primecell_id(PERIPH_ID, offset);
    }
    if (reg >= NUM_REGS || reg == IC) {
        log_guest("pl061", "read at offset 0x%x", (unsigned)offset);
        return 0;
    }
    if (reg == RIS || reg == MIS) {
        return raw_status(s) & (reg == MIS ? s->reg[IE] : 0xff);
    }
    return s->reg[reg];
}

static void write_offset(Pl061 *s, hwaddr offset, uint8_t val)
{
    unsigned reg = (unsigned)(offset - REGS) / 4;

    if (offset < DATA_END) {
        write_data(s, (uint8_t)(offset >> 2), val);
        return;
    }
    if (reg >= NUM_REGS || reg == RIS || reg == MIS) {
        log_guest("pl061", "write 0x%x at offset 0x%x", val, (unsigned)offset);
        return;
    }
    if (reg == IC) {
        s->latched &= (uint8_t)~val;
    } else {
        s->reg[reg] = val;
    }
    if (reg == DIR) {
        drive_pins(s);
    }
    pins_changed(s);
}

static uint64_t read_reg(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return read_offset(opaque, offset);
}

static void write_reg(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    (void)size;
    write_offset(opaque, offset, (uint8_t)val);
}

static const MemoryRegionOps reg_ops = {
    .read = read_reg, .write = write_reg, .min = 4, .max = 4,
};

/* -- The type ---------------------------------------------------------------- */

/* 2.2.1: after reset all pins are inputs.  They are as they are driven. */
static void pl061_reset(Device *d)
{
    Pl061 *s = (Pl061 *)d;

    memset(s->reg, 0, sizeof(s->reg));
    s->data = s->latched = 0;
    s->pins = pin_levels(s);
    drive_pins(s);
    update_irq(s);
}

static int pl061_post_load(Device *d, Error *err)
{
    (void)err;
    drive_pins((Pl061 *)d);
    update_irq((Pl061 *)d);
    return 0;
}

static const WindowDef pl061_windows[] = {
    { "gpio", false, PRIMECELL_SIZE, NULL, &reg_ops },
    { .name = NULL }
};

static const VMField pl061_vmstate[] = {
    VM_FIELD(Pl061, inputs),
    VM_FIELD(Pl061, data),
    VM_FIELD(Pl061, pins),
    VM_FIELD(Pl061, latched),
    VM_ARRAY(Pl061, reg),
    VM_END
};

const DeviceType pl061_type = {
    .name       = "pl061",
    .desc       = "general purpose input/output",
    .manual     = "ARM DDI 0190",
    .bus        = "sys",
    .state_size = sizeof(Pl061),
    .windows    = pl061_windows,
    .vmstate    = pl061_vmstate,
    .num_irqs   = PL061_NUM_OUTPUTS,
    .num_inputs = PL061_NUM_PINS,
    .reset      = pl061_reset,
    .post_load  = pl061_post_load,
    .input      = set_input,
};
