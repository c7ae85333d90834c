/* SPDX-License-Identifier: MIT */
/*
 * High precision event timers (Intel, IA-PC HPET Specification 1.0a, 2004).
 *
 *      main counter (10 ns) ==? comparator n --> edge:  low, high
 *                                  ^        '--> level: status bit = wire
 *              periodic: += period-'
 *
 * The main counter is guest time plus an offset; a Timer per comparator waits
 * for its next match.  An edge leaves its wire high until the next one, so that
 * the controller it goes to keeps the request.
 *
 * Not modelled: interrupts by message (FSB); periodic interrupts closer than
 * 10 us arrive merged.
 */
#include "hw/timer/hpet.h"

#include <errno.h>

#include "util/bits.h"
#include "util/log.h"

enum { NUM_TIMERS = 3, NUM_PINS = 24, NS_PER_TICK = 10, MIN_PERIOD = 1000 };

/* 2.3.1, memory map */
enum { REG_ID = 0x000, REG_CONFIG = 0x010, REG_STATUS = 0x020, REG_COUNTER = 0x0f0,
       REG_TIMER0 = 0x100, TIMER_STRIDE = 0x20 };
enum { T_CONFIG = 0x00, T_COMPARATOR = 0x08, T_FSB = 0x10 };

/* 2.3.4: 10 ns in fs; vendor 8086h, legacy capable, 64 bits, 3 timers, rev. 1 */
#define CAPABILITIES (10000000ull << 32 | 0x8086a000ull | (NUM_TIMERS - 1) << 8 | 1)

enum { CONFIG_ENABLE = 1, CONFIG_LEGACY = 2 };
/* 2.3.8, timer configuration; all timers periodic, 64 bits, pins 20-23 */
enum { TN_LEVEL = 1 << 1, TN_ENABLE = 1 << 2, TN_PERIODIC = 1 << 3,
       TN_PERIODIC_CAP = 1 << 4, TN_64_CAP = 1 << 5, TN_SET = 1 << 6,
       TN_32 = 1 << 8, TN_WRITABLE = 0x3f4e };
#define TN_FIXED (0x00f00000ull << 32 | TN_PERIODIC_CAP | TN_64_CAP)

typedef struct Comparator {
    struct Hpet *hpet;
    Timer timer;
    uint64_t config, match, period;
} Comparator;

typedef struct Hpet {
    Device dev;
    uint64_t config, status;
    uint64_t counter;                   /* its value at origin */
    int64_t origin;                     /* ns; counts from there if enabled */
    Comparator comparator[NUM_TIMERS];
    uint8_t inputs;                     /* levels of PIT, RTC */
} Hpet;

static bool running(const Hpet *s)
{
    return s->config & CONFIG_ENABLE;
}

static bool legacy(const Hpet *s)
{
    return s->config & CONFIG_LEGACY;
}

/* Counts wrap at 2^64; guest time since then does so in 2^64 * 10 ns. */
static uint64_t counter_now(const Hpet *s)
{
    if (!running(s)) {
        return s->counter;
    }
    return s->counter +
           (uint64_t)((clock_now(s->dev.clock) - s->origin) / NS_PER_TICK);
}

static int index_of(const Comparator *c)
{
    return (int)(c - c->hpet->comparator);
}

/* -- Wires ------------------------------------------------------------------- */

/* 2.3.8, Tn_INT_ROUTE_CNF: ignored by timers 0 and 1 in legacy replacement. */
static unsigned wire_of(const Comparator *c)
{
    int n = index_of(c);

    if (legacy(c->hpet) && n < 2) {
        return n == 0 ? HPET_OUT_IRQ0 : HPET_OUT_IRQ8;
    }
    return HPET_OUT_PIN0 + bits((uint32_t)c->config, 13, 9) % NUM_PINS;
}

static void set_wire(const Comparator *c, int level)
{
    qemu_set_irq(c->hpet->dev.irq[wire_of(c)], level);
}

static bool level_active(const Comparator *c)
{
    return (c->config & TN_LEVEL) && (c->config & TN_ENABLE) &&
           (c->hpet->status >> index_of(c) & 1);
}

/* The lines that legacy replacement takes from the PIT and the RTC. */
static void pass_inputs(Hpet *s)
{
    for (int n = 0; !legacy(s) && n < 2; n++) {
        qemu_set_irq(s->dev.irq[n], s->inputs >> n & 1);
    }
}

static void set_input(Device *d, int n, int level)
{
    Hpet *s = (Hpet *)d;
    uint8_t bit = (uint8_t)(1u << n);

    s->inputs = (uint8_t)(level ? s->inputs | bit : s->inputs & ~bit);
    pass_inputs(s);
}

/* -- Comparators ------------------------------------------------------------- */

static uint64_t width_mask(const Comparator *c)
{
    return c->config & TN_32 ? 0xffffffffull : ~0ull;
}

/* Ticks until the counter reaches the comparator; equal means a whole round
 * (of 64 bits: never). */
static uint64_t ticks_left(const Comparator *c, uint64_t now)
{
    uint64_t left = (c->match - now) & width_mask(c);

    if (left) {
        return left;
    }
    return c->config & TN_32 ? 1ull << 32 : ~0ull;
}

static bool is_periodic(const Comparator *c)
{
    return (c->config & TN_PERIODIC) && (c->period & width_mask(c));
}

/* Matches centuries ahead need no Timer. */
static void arm(Comparator *c)
{
    const Hpet *s = c->hpet;
    uint64_t now = counter_now(s), left = ticks_left(c, now);

    if (!running(s) || left > 1ull << 56) {
        timer_cancel(&c->timer);
        return;
    }
    /* The tick at which it matches begins on a multiple of 10 ns of origin. */
    timer_set(&c->timer, s->origin + (int64_t)(now - s->counter + left) * NS_PER_TICK);
}

/*
 * The next period that ends after now; ends that passed unseen are skipped, as
 * are those less than MIN_PERIOD ahead if the period is shorter than that.
 */
static void advance(Comparator *c)
{
    uint64_t mask = width_mask(c), period = c->period & mask;
    uint64_t behind = (counter_now(c->hpet) - c->match) & mask;

    if (period < MIN_PERIOD) {
        behind += MIN_PERIOD;
    }
    c->match = (c->match + (behind / period + 1) * period) & mask;
}

/* 2.3.8: what happens on a match. */
static void matched(void *opaque)
{
    Comparator *c = opaque;
    Hpet *s = c->hpet;

    if (c->config & TN_LEVEL) {
        s->status |= 1ull << index_of(c);
        if (level_active(c)) {
            set_wire(c, 1);
        }
    } else if (c->config & TN_ENABLE) {
        set_wire(c, 0);
        set_wire(c, 1);
    }
    if (is_periodic(c)) {
        advance(c);
    }
    arm(c);
}

/* -- Registers --------------------------------------------------------------- */

static void arm_all(Hpet *s)
{
    for (int i = 0; i < NUM_TIMERS; i++) {
        arm(&s->comparator[i]);
    }
}

static void write_config(Hpet *s, uint64_t val)
{
    uint64_t changed = s->config ^ val;
    uint64_t count = counter_now(s);

    for (int i = 0; i < NUM_TIMERS && (changed & CONFIG_LEGACY); i++) {
        set_wire(&s->comparator[i], 0);         /* it moves to another wire */
    }
    s->config = val & (CONFIG_ENABLE | CONFIG_LEGACY);
    if (changed & CONFIG_ENABLE) {
        s->counter = count;
        s->origin = clock_now(s->dev.clock);
    }
    for (int i = 0; i < NUM_TIMERS && (changed & CONFIG_LEGACY); i++) {
        if (level_active(&s->comparator[i])) {
            set_wire(&s->comparator[i], 1);
        }
    }
    pass_inputs(s);
    arm_all(s);
}

/* 2.3.6: a written 1 clears, in level triggered mode. */
static void write_status(Hpet *s, uint64_t val)
{
    for (int i = 0; i < NUM_TIMERS; i++) {
        if ((val & s->status) >> i & 1) {
            s->status &= ~(1ull << i);
            set_wire(&s->comparator[i], 0);
        }
    }
}

/* 2.3.7: "writes should only be done while the counter is halted". */
static void write_counter(Hpet *s, uint64_t val)
{
    if (running(s)) {
        log_guest("hpet", "main counter written while it runs");
    }
    s->counter = val;
    s->origin = clock_now(s->dev.clock);
    arm_all(s);
}

static void write_timer_config(Comparator *c, uint64_t val)
{
    if (level_active(c) || !(c->config & TN_LEVEL)) {
        set_wire(c, 0);
    }
    c->config = TN_FIXED | (val & TN_WRITABLE);
    if (c->config & TN_32) {
        c->match &= 0xffffffff;
        c->period &= 0xffffffff;
    }
    if (level_active(c)) {
        set_wire(c, 1);
    }
    arm(c);
}

/*
 * 2.3.9.2.2: in periodic mode a write sets the period; with Tn_VAL_SET_CNF it
 * sets the comparator too, and the bit clears itself.
 */
static void write_comparator(Comparator *c, uint64_t val)
{
    val &= width_mask(c);
    if (!(c->config & TN_PERIODIC) || (c->config & TN_SET)) {
        c->match = val;
    }
    if (c->config & TN_PERIODIC) {
        c->period = val;
    }
    c->config &= ~(uint64_t)TN_SET;
    arm(c);
}

static Comparator *comparator_at(Hpet *s, unsigned reg)
{
    unsigned n = (reg - REG_TIMER0) / TIMER_STRIDE;

    return reg >= REG_TIMER0 && n < NUM_TIMERS ? &s->comparator[n] : NULL;
}

/* reg: a multiple of 8. */
static uint64_t read_reg64(Hpet *s, unsigned reg)
{
    const Comparator *c = comparator_at(s, reg);

    if (c) {
        switch (reg % TIMER_STRIDE) {
        case T_CONFIG:     return c->config;
        case T_COMPARATOR: return c->match;
        default:           return 0;    /* FSB route, reserved */
        }
    }
    switch (reg) {
    case REG_ID:      return CAPABILITIES;
    case REG_CONFIG:  return s->config;
    case REG_STATUS:  return s->status;
    case REG_COUNTER: return counter_now(s);
    default:
        log_guest("hpet", "read at offset 0x%x", reg);
        return 0;
    }
}

static void write_reg64(Hpet *s, unsigned reg, uint64_t val)
{
    Comparator *c = comparator_at(s, reg);

    for (int i = 0; i < NUM_TIMERS; i++) {
        timer_catch_up(&s->comparator[i].timer);
    }
    if (c && reg % TIMER_STRIDE == T_CONFIG) {
        write_timer_config(c, val);
    } else if (c && reg % TIMER_STRIDE == T_COMPARATOR) {
        write_comparator(c, val);
    } else if (c && reg % TIMER_STRIDE == T_FSB) {
        log_unimp("hpet", "interrupt by message");
    } else if (reg == REG_CONFIG) {
        write_config(s, val);
    } else if (reg == REG_STATUS) {
        write_status(s, val);
    } else if (reg == REG_COUNTER) {
        write_counter(s, val);
    } else {
        log_guest("hpet", "write 0x%llx at offset 0x%x", (unsigned long long)val,
                  reg);
    }
}

/* 2.3.1: 32 and 64 bits, aligned; other accesses are undefined, and work. */
static uint64_t read_reg(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return read_reg64(opaque, offset & ~7u) >> (8 * (offset & 7));
}

/* Half a register: of a period, what was written last, not what it counts to. */
static uint64_t other_half(Hpet *s, unsigned reg)
{
    const Comparator *c = comparator_at(s, reg);

    if (reg == REG_STATUS) {
        return 0;
    }
    if (c && reg % TIMER_STRIDE == T_COMPARATOR && (c->config & TN_PERIODIC) &&
        !(c->config & TN_SET)) {
        return c->period;
    }
    return read_reg64(s, reg);
}

static void write_reg(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    unsigned reg = (unsigned)offset & ~7u, shift = 8 * (offset & 7);
    uint64_t mask = size == 8 ? ~0ull : (1ull << (8 * size)) - 1;

    if (size < 8) {
        val = (other_half(opaque, reg) & ~(mask << shift)) | (val & mask) << shift;
    }
    write_reg64(opaque, reg, val);
}

static const MemoryRegionOps reg_ops = {
    .read = read_reg, .write = write_reg, .min = 1, .max = 8,
};

/* -- The type ---------------------------------------------------------------- */

static void hpet_init(Device *d)
{
    Hpet *s = (Hpet *)d;

    for (int i = 0; i < NUM_TIMERS; i++) {
        s->comparator[i].hpet = s;
        timer_init(d->clock, &s->comparator[i].timer, matched, &s->comparator[i]);
    }
}

static void hpet_reset(Device *d)
{
    Hpet *s = (Hpet *)d;

    for (int i = 0; i < NUM_TIMERS; i++) {
        Comparator *c = &s->comparator[i];

        set_wire(c, 0);
        timer_cancel(&c->timer);
        c->timer.deadline = 0;
        c->config = TN_FIXED;
        c->match = ~0ull;
        c->period = 0;
    }
    s->config = s->status = s->counter = 0;
    s->origin = 0;
    pass_inputs(s);
}

static int hpet_post_load(Device *d, Error *err)
{
    Hpet *s = (Hpet *)d;

    if (s->origin < -(1ll << 60) || s->origin > 1ll << 60) {
        return error_set(err, EINVAL, "hpet: snapshot has an impossible time");
    }
    s->config &= CONFIG_ENABLE | CONFIG_LEGACY;
    for (int i = 0; i < NUM_TIMERS; i++) {
        Comparator *c = &s->comparator[i];

        c->config = TN_FIXED | (c->config & TN_WRITABLE);
        if (level_active(c)) {
            set_wire(c, 1);
        }
    }
    pass_inputs(s);
    return 0;
}

static void hpet_free(Device *d)
{
    for (int i = 0; i < NUM_TIMERS; i++) {
        timer_cancel(&((Hpet *)d)->comparator[i].timer);
    }
}

static const WindowDef hpet_windows[] = {
    { "hpet", false, 0x400, NULL, &reg_ops },
    { .name = NULL }
};

static const VMField comparator_vmstate[] = {
    VM_FIELD(Comparator, config),
    VM_FIELD(Comparator, match),
    VM_FIELD(Comparator, period),
    VM_TIMER(Comparator, timer),
    VM_END
};

static const VMField hpet_vmstate[] = {
    VM_FIELD(Hpet, config),
    VM_FIELD(Hpet, status),
    VM_FIELD(Hpet, counter),
    VM_FIELD(Hpet, origin),
    VM_STRUCTS(Hpet, comparator, NUM_TIMERS, comparator_vmstate),
    VM_FIELD(Hpet, inputs),
    VM_END
};

const DeviceType hpet_type = {
    .name       = "hpet",
    .desc       = "high precision event timer",
    .manual     = "IA-PC HPET 1.0a",
    .bus        = "sys",
    .state_size = sizeof(Hpet),
    .windows    = hpet_windows,
    .vmstate    = hpet_vmstate,
    .num_irqs   = HPET_OUT_PIN0 + NUM_PINS,
    .num_inputs = 2,
    .init       = hpet_init,
    .reset      = hpet_reset,
    .post_load  = hpet_post_load,
    .free       = hpet_free,
    .input      = set_input,
};
