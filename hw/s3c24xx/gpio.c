/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A I/O ports (S3C2440A User's Manual rev. 1, chapter 9).
 *
 *      GPxCON: output --> GPxDAT --.
 *              TOUT (GPB0-3) ------+--> pin <-- outside, or GPxUP's pull-up
 *                                        |
 *      EINT 16-23: EINTFLT <-- GPFCON, GPGCON: EINT
 *              '--> EXTINT: level or edge --> 0-3: at once
 *                                        '--> 4-23: EINTPEND --& ~EINTMASK-->
 *
 * What leaves a pin by another function than an output is the business of the
 * chip whose function it is; the pin's level is then that of outside.
 *
 * The registers live through sleep mode ("Power management", chapter 7): they
 * are set aside when the wake-up comes, and the reset after it puts them back.
 *
 * Not modelled: clock outputs (DCLKCON and MISCCR are stored), drive strength
 * (DSCn) and sleep levels (MSLCON), which are stored, and GSTATUS0's inputs.
 */
#include "hw/s3c24xx/gpio.h"

#include <errno.h>

#include "hw/s3c24xx/clock.h"
#include "util/bits.h"

enum { PORT_A, PORT_B, PORT_C, PORT_D, PORT_E, PORT_F, PORT_G, PORT_H, PORT_J, NUM_PORTS };
enum { MODE_INPUT, MODE_OUTPUT, MODE_FUNCTION };
enum { CHIP_ID = 0x32440001 };
enum { NUM_EINTS = 24, FIRST_PEND = 4, NUM_FILTERS = 8, FIRST_FILTER = 16, NUM_TOUTS = 4,
       LAST_WAKE = 15, EINT_BITS = 0xfffff0 };
enum { FLT_CLK_FIN = 0x80, FLTEN = 8, EINT_TYPE = 7 };

typedef struct Port {
    uint32_t con, dat, up;
} Port;

typedef struct Regs {                   /* kept through sleep mode */
    Port port[NUM_PORTS];
    uint32_t misccr, dclkcon, extint[3], eintflt[2], eintmask, eintpend;
    uint32_t gstatus3, gstatus4, dsc[2], mslcon;
} Regs;

typedef struct S3cGpio {
    Device dev;
    Device *clock;
    Timer filter;                       /* the first of stable_at[] */
    Regs r, kept;
    uint32_t gstatus2;
    uint32_t outside[NUM_PORTS], driven[NUM_PORTS];     /* a bit to a pin */
    uint32_t shown[NUM_PORTS];          /* levels as last given to the wires */
    uint32_t eint;                      /* behind the filters, as last seen */
    int64_t stable_at[NUM_FILTERS];     /* a change comes through; 0: none */
    uint32_t next_cause;                /* of the reset to come; 0: power on */
    uint8_t tout;
} S3cGpio;

/* Pins of a port, and its first pin among all. */
static const struct { uint8_t num, first; } ports[NUM_PORTS] = {
    { 25, S3C_GPA }, { 11, S3C_GPB }, { 16, S3C_GPC }, { 16, S3C_GPD }, { 16, S3C_GPE },
    { 8, S3C_GPF }, { 16, S3C_GPG }, { 11, S3C_GPH }, { 13, S3C_GPJ },
};

/* -- Pins -------------------------------------------------------------------- */

/* Port A: a bit, 0 is an output and 1 the function. */
static unsigned mode_of(const S3cGpio *s, int port, int pin)
{
    uint32_t con = s->r.port[port].con;

    if (port == PORT_A) {
        return con >> pin & 1 ? MODE_FUNCTION : MODE_OUTPUT;
    }
    return con >> (2 * pin) & 3;
}

static uint32_t bits_of(int port)
{
    return (1u << ports[port].num) - 1;
}

/* The pins of a port in a mode. */
static uint32_t pins_in(const S3cGpio *s, int port, unsigned mode)
{
    uint32_t mask = 0;

    for (int i = 0; i < ports[port].num; i++) {
        mask |= (uint32_t)(mode_of(s, port, i) == mode) << i;
    }
    return mask;
}

static uint32_t levels_of(const S3cGpio *s, int port)
{
    const Port *p = &s->r.port[port];
    uint32_t out = pins_in(s, port, MODE_OUTPUT);
    uint32_t in = (s->outside[port] & s->driven[port]) | (~p->up & ~s->driven[port]);
    uint32_t tout = port == PORT_B ? pins_in(s, port, MODE_FUNCTION) & ((1 << NUM_TOUTS) - 1)
                                   : 0;

    return ((p->dat & out) | (s->tout & tout) | (in & ~out & ~tout)) & bits_of(port);
}

static void show(S3cGpio *s, int port, uint32_t changed)
{
    s->shown[port] = levels_of(s, port);
    for (; changed; changed &= changed - 1) {
        int pin = __builtin_ctz(changed);

        qemu_set_irq(s->dev.irq[S3C_GPIO_OUT_PIN0 + ports[port].first + pin],
                     s->shown[port] >> pin & 1);
    }
}

/* -- External interrupts ----------------------------------------------------- */

static uint32_t type_of(const S3cGpio *s, int n)
{
    return s->r.extint[n / 8] >> (n % 8 * 4) & EINT_TYPE;
}

static bool enabled(const S3cGpio *s, int n)
{
    return mode_of(s, n < 8 ? PORT_F : PORT_G, n % 8 + (n >= FIRST_FILTER ? 8 : 0)) ==
           MODE_FUNCTION;
}

/* "EXTINTn": 000 low, 001 high, 01x falling, 10x rising, 11x both. */
static bool level_active(const S3cGpio *s, int n)
{
    uint32_t type = type_of(s, n);

    return type < 2 && enabled(s, n) && (s->eint >> n & 1) == type;
}

static bool edge_wanted(const S3cGpio *s, int n)
{
    uint32_t type = type_of(s, n);

    return enabled(s, n) && (type & (s->eint >> n & 1 ? 4 : 2));
}

static void update_eints(S3cGpio *s)
{
    for (int n = FIRST_PEND; n < NUM_EINTS; n++) {
        s->r.eintpend |= (uint32_t)level_active(s, n) << n;
    }
    uint32_t pending = s->r.eintpend & ~s->r.eintmask;
    for (int n = 0; n < FIRST_PEND; n++) {
        qemu_set_irq(s->dev.irq[S3C_GPIO_OUT_EINT0 + n], level_active(s, n));
    }
    qemu_set_irq(s->dev.irq[S3C_GPIO_OUT_EINT4_7], (pending & 0xf0) != 0);
    qemu_set_irq(s->dev.irq[S3C_GPIO_OUT_EINT8_23], pending >> 8 != 0);
}

static void eint_changed(S3cGpio *s, int n, bool level)
{
    bool comes;

    s->eint ^= (uint32_t)(level != (s->eint >> n & 1)) << n;
    comes = edge_wanted(s, n);
    if (comes && n < FIRST_PEND) {
        qemu_irq_pulse(s->dev.irq[S3C_GPIO_OUT_EINT0 + n]);
    } else if (comes) {
        s->r.eintpend |= 1u << n;
    }
    if ((comes || level_active(s, n)) && n <= LAST_WAKE) {
        qemu_irq_pulse(s->dev.irq[S3C_GPIO_OUT_WAKE]);
    }
}

/* -- Filters of 16 to 23 ----------------------------------------------------- */

/* "EINTFLTn": width in cycles of PCLK or of the crystal, if FLTEN says so. */
static int64_t filter_ns(const S3cGpio *s, int i)
{
    uint32_t flt = s->r.eintflt[i / 4] >> (i % 4 * 8) & 0xff;
    uint32_t hz = s3c_clock_hz(s->clock, flt & FLT_CLK_FIN ? S3C_FIN : S3C_PCLK);

    return s->r.extint[2] >> (4 * i) & FLTEN ? (flt & 0x7f) * NS_PER_SEC / hz : 0;
}

static void arm(S3cGpio *s)
{
    int64_t first = 0;

    for (int i = 0; i < NUM_FILTERS; i++) {
        if (s->stable_at[i] && (!first || s->stable_at[i] < first)) {
            first = s->stable_at[i];
        }
    }
    if (first) {
        timer_set(&s->filter, first);
    } else {
        timer_cancel(&s->filter);
    }
}

static uint32_t eint_pins(const S3cGpio *s)
{
    return levels_of(s, PORT_F) | levels_of(s, PORT_G) << 8;
}

/* A pin is not as it was seen: now, or when it has been so for long enough. */
static void see_eint(S3cGpio *s, int n, bool level)
{
    int64_t wait = n >= FIRST_FILTER ? filter_ns(s, n - FIRST_FILTER) : 0;

    if (!wait) {
        eint_changed(s, n, level);
    } else if (!s->stable_at[n - FIRST_FILTER]) {
        s->stable_at[n - FIRST_FILTER] = clock_now(s->dev.clock) + wait;
    }
}

static void see_eints(S3cGpio *s)
{
    uint32_t pins = eint_pins(s), changed = pins ^ s->eint;

    for (int i = 0; i < NUM_FILTERS; i++) {
        if (!(changed >> (FIRST_FILTER + i) & 1)) {
            s->stable_at[i] = 0;
        }
    }
    for (; changed; changed &= changed - 1) {
        int n = __builtin_ctz(changed);

        see_eint(s, n, pins >> n & 1);
    }
    arm(s);
    update_eints(s);
}

static void filter_due(void *opaque)
{
    S3cGpio *s = opaque;
    int64_t now = clock_now(s->dev.clock);

    for (int i = 0; i < NUM_FILTERS; i++) {
        if (s->stable_at[i] && s->stable_at[i] <= now) {
            s->stable_at[i] = 0;
            eint_changed(s, FIRST_FILTER + i, eint_pins(s) >> (FIRST_FILTER + i) & 1);
        }
    }
    arm(s);
    update_eints(s);
}

/* -- Inputs ------------------------------------------------------------------ */

static void port_changed(S3cGpio *s, int port)
{
    show(s, port, levels_of(s, port) ^ s->shown[port]);
    if (port == PORT_F || port == PORT_G) {
        see_eints(s);
    }
}

static void drive_pin(S3cGpio *s, int n, int level)
{
    int port = NUM_PORTS - 1;

    while (n < ports[port].first) {
        port--;
    }
    uint32_t bit = 1u << (n - ports[port].first);
    s->driven[port] |= bit;
    s->outside[port] = level ? s->outside[port] | bit : s->outside[port] & ~bit;
    port_changed(s, port);
}

static void reset_comes(S3cGpio *s, uint32_t cause)
{
    s->next_cause = cause;
    if (cause == S3C_GSTATUS2_SLEEP) {
        s->kept = s->r;
    }
    qemu_irq_pulse(s->dev.irq[S3C_GPIO_OUT_RESET]);
}

static void set_input(Device *d, int n, int level)
{
    S3cGpio *s = (S3cGpio *)d;

    if (n < S3C_NUM_PINS) {
        drive_pin(s, n, level);
    } else if (n < S3C_GPIO_IN_WATCHDOG) {
        uint8_t bit = (uint8_t)(1u << (n - S3C_GPIO_IN_TOUT0));

        s->tout = (uint8_t)(level ? s->tout | bit : s->tout & ~bit);
        port_changed(s, PORT_B);
    } else if (level) {
        reset_comes(s, n == S3C_GPIO_IN_WATCHDOG ? S3C_GSTATUS2_WATCHDOG : S3C_GSTATUS2_SLEEP);
    }
}

/* -- Registers --------------------------------------------------------------- */

static void port_written(Device *d, int port, uint32_t val)
{
    (void)val;
    port_changed((S3cGpio *)d, port);
}

/* A register hook is given the chip; these know which port it is. */
#define HOOKS(x)                                                                            \
    static uint32_t read_dat##x(Device *d) { return levels_of((S3cGpio *)d, PORT_##x); }    \
    static void write_##x(Device *d, uint32_t val) { port_written(d, PORT_##x, val); }

HOOKS(B)
HOOKS(C)
HOOKS(D)
HOOKS(E)
HOOKS(F)
HOOKS(G)
HOOKS(H)
HOOKS(J)

static void write_A(Device *d, uint32_t val)
{
    port_written(d, PORT_A, val);
}

static void write_extint(Device *d, uint32_t val)
{
    (void)val;
    see_eints((S3cGpio *)d);
}

static uint32_t read_eintpend(Device *d)
{
    return ((S3cGpio *)d)->r.eintpend;
}

/* Ones clear; a level that is still there comes again. */
static void write_eintpend(Device *d, uint32_t val)
{
    ((S3cGpio *)d)->r.eintpend &= ~val;
    update_eints((S3cGpio *)d);
}

static uint32_t read_gstatus2(Device *d)
{
    return ((S3cGpio *)d)->gstatus2;
}

static void write_gstatus2(Device *d, uint32_t val)
{
    ((S3cGpio *)d)->gstatus2 &= ~val;
}

/* clang-format off */
#define AT(m) offsetof(S3cGpio, m)
#define VIRT REG_VIRTUAL
#define ALL 0xffffffff
#define PORT(x, at, con_bits, dat_bits, up_reset)                                               \
    { "GP" #x "CON", at + 0, AT(r.port[PORT_##x].con), REG_RW, 0, con_bits, NULL, write_##x },  \
    { "GP" #x "DAT", at + 4, AT(r.port[PORT_##x].dat), REG_RW, 0, dat_bits, read_dat##x, write_##x }, \
    { "GP" #x "UP",  at + 8, AT(r.port[PORT_##x].up),  REG_RW, up_reset, dat_bits, NULL, write_##x }

/* "I/O port control register". */
static const RegDef gpio_regs[] = {
    { "GPACON", 0x00, AT(r.port[PORT_A].con), REG_RW, 0xffffff, 0x1ffffff, NULL, write_A },
    { "GPADAT", 0x04, AT(r.port[PORT_A].dat), REG_RW, 0,        0x1ffffff, NULL, write_A },
    PORT(B, 0x10, 0x003fffff, 0x07ff, 0),
    PORT(C, 0x20, ALL,        0xffff, 0),
    PORT(D, 0x30, ALL,        0xffff, 0xf000),
    PORT(E, 0x40, ALL,        0xffff, 0),
    PORT(F, 0x50, 0x0000ffff, 0x00ff, 0),
    PORT(G, 0x60, ALL,        0xffff, 0xfc00),
    PORT(H, 0x70, 0x003fffff, 0x07ff, 0),
    PORT(J, 0xd0, 0x03ffffff, 0x1fff, 0),
    { "MISCCR",   0x80, AT(r.misccr),     REG_RW, 0x10020,   0x807f377b, NULL, NULL },
    { "DCLKCON",  0x84, AT(r.dclkcon),    REG_RW, 0,         0x0ff30ff3, NULL, NULL },
    { "EXTINT0",  0x88, AT(r.extint[0]),  REG_RW, 0,         0x77777777, NULL, write_extint },
    { "EXTINT1",  0x8c, AT(r.extint[1]),  REG_RW, 0,         ALL,        NULL, write_extint },
    { "EXTINT2",  0x90, AT(r.extint[2]),  REG_RW, 0,         ALL,        NULL, write_extint },
    { "EINTFLT0", 0x94, REG_CONST,        REG_RW, 0,         0,          NULL, NULL },
    { "EINTFLT1", 0x98, REG_CONST,        REG_RW, 0,         0,          NULL, NULL },
    { "EINTFLT2", 0x9c, AT(r.eintflt[0]), REG_RW, 0,         ALL,        NULL, write_extint },
    { "EINTFLT3", 0xa0, AT(r.eintflt[1]), REG_RW, 0,         ALL,        NULL, write_extint },
    { "EINTMASK", 0xa4, AT(r.eintmask),   REG_RW, EINT_BITS, EINT_BITS,  NULL, write_extint },
    { "EINTPEND", 0xa8, VIRT,             REG_RW, 0,         EINT_BITS,  read_eintpend, write_eintpend },
    { "GSTATUS0", 0xac, REG_CONST,        REG_R,  0,         0,          NULL, NULL },
    { "GSTATUS1", 0xb0, REG_CONST,        REG_R,  CHIP_ID,   0,          NULL, NULL },
    { "GSTATUS2", S3C_GSTATUS2, VIRT,     REG_RW, 0,         7,          read_gstatus2, write_gstatus2 },
    { "GSTATUS3", S3C_GSTATUS3, AT(r.gstatus3), REG_RW, 0,   ALL,        NULL, NULL },
    { "GSTATUS4", 0xbc, AT(r.gstatus4),   REG_RW, 0,         ALL,        NULL, NULL },
    { "DSC0",     0xc4, AT(r.dsc[0]),     REG_RW, 0,         0x800003ff, NULL, NULL },
    { "DSC1",     0xc8, AT(r.dsc[1]),     REG_RW, 0,         0x3fffffff, NULL, NULL },
    { "MSLCON",   0xcc, AT(r.mslcon),     REG_RW, 0,         0x0fff,     NULL, NULL },
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static void gpio_init(Device *d)
{
    S3cGpio *s = (S3cGpio *)d;

    timer_init(d->clock, &s->filter, filter_due, s);
}

static void show_all(S3cGpio *s)
{
    for (int i = 0; i < NUM_PORTS; i++) {
        show(s, i, bits_of(i));
    }
    update_eints(s);
}

/* "GSTATUS2": power on, unless somebody said that it was something else. */
static void gpio_reset(Device *d)
{
    S3cGpio *s = (S3cGpio *)d;

    s->gstatus2 = s->next_cause ? s->next_cause : S3C_GSTATUS2_POWER_ON;
    s->next_cause = 0;
    s->r.eintpend = 0;
    if (s->gstatus2 == S3C_GSTATUS2_SLEEP) {
        s->r = s->kept;
    }
    memset(&s->kept, 0, sizeof(s->kept));
    memset(s->stable_at, 0, sizeof(s->stable_at));
    timer_cancel(&s->filter);
    s->filter.deadline = 0;
    s->eint = eint_pins(s);
    qemu_irq_lower(d->irq[S3C_GPIO_OUT_WAKE]);
    qemu_irq_lower(d->irq[S3C_GPIO_OUT_RESET]);
    show_all(s);
}

static int gpio_post_load(Device *d, Error *err)
{
    S3cGpio *s = (S3cGpio *)d;

    (void)err;
    for (int i = 0; i < NUM_PORTS; i++) {
        s->outside[i] &= bits_of(i);
        s->driven[i] &= bits_of(i);
    }
    for (int i = 0; i < NUM_FILTERS; i++) {
        s->stable_at[i] = MAX(s->stable_at[i], 0);
    }
    s->eint &= (1u << NUM_EINTS) - 1;
    s->r.eintpend &= EINT_BITS;
    s->tout &= (1 << NUM_TOUTS) - 1;
    s->next_cause &= S3C_GSTATUS2_SLEEP | S3C_GSTATUS2_WATCHDOG;
    show_all(s);
    return 0;
}

static void gpio_free(Device *d)
{
    timer_cancel(&((S3cGpio *)d)->filter);
}

static const WindowDef gpio_windows[] = {
    { "gpio", false, 0x1000, gpio_regs, NULL },
    { .name = NULL }
};

static const PropDef gpio_props[] = {
    { "clock", PROP_LINK, AT(clock), 0, "the s3c2440-clock" },
    { .name = NULL }
};

static const VMField port_vmstate[] = {
    VM_FIELD(Port, con),
    VM_FIELD(Port, dat),
    VM_FIELD(Port, up),
    VM_END
};

static const VMField regs_vmstate[] = {
    VM_STRUCTS(Regs, port, NUM_PORTS, port_vmstate),
    VM_FIELD(Regs, misccr),
    VM_FIELD(Regs, dclkcon),
    VM_ARRAY(Regs, extint),
    VM_ARRAY(Regs, eintflt),
    VM_FIELD(Regs, eintmask),
    VM_FIELD(Regs, eintpend),
    VM_FIELD(Regs, gstatus3),
    VM_FIELD(Regs, gstatus4),
    VM_ARRAY(Regs, dsc),
    VM_FIELD(Regs, mslcon),
    VM_END
};

static const VMField gpio_vmstate[] = {
    VM_TIMER(S3cGpio, filter),
    VM_STRUCTS(S3cGpio, r, 1, regs_vmstate),
    VM_STRUCTS(S3cGpio, kept, 1, regs_vmstate),
    VM_FIELD(S3cGpio, gstatus2),
    VM_ARRAY(S3cGpio, outside),
    VM_ARRAY(S3cGpio, driven),
    VM_ARRAY(S3cGpio, shown),
    VM_FIELD(S3cGpio, eint),
    VM_ARRAY(S3cGpio, stable_at),
    VM_FIELD(S3cGpio, next_cause),
    VM_FIELD(S3cGpio, tout),
    VM_END
};

const DeviceType s3c2440_gpio_type = {
    .name       = "s3c2440-gpio",
    .desc       = "I/O ports, external interrupts, chip status",
    .manual     = "S3C2440A User's Manual, chapter 9",
    .bus        = "sys",
    .state_size = sizeof(S3cGpio),
    .windows    = gpio_windows,
    .props      = gpio_props,
    .vmstate    = gpio_vmstate,
    .num_irqs   = S3C_GPIO_NUM_OUTPUTS,
    .num_inputs = S3C_GPIO_NUM_INPUTS,
    .init       = gpio_init,
    .reset      = gpio_reset,
    .post_load  = gpio_post_load,
    .free       = gpio_free,
    .input      = set_input,
};
