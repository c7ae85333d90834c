/* SPDX-License-Identifier: MIT */
/*
 * ARM SP804 dual timer (ARM DDI 0271).
 *
 *      LOAD --> VALUE, -1 per tick --0--> RIS --& control--> TIMINTn, TIMINTC
 *        ^---- periodic: again ------'
 *
 * Nothing counts: `left` ticks were missing to 0 at tick `since`, and ticks are
 * numbered from the start of guest time, so that no rounding adds up.  catch_up()
 * does what has happened since; a Timer waits for the next 0 only while that
 * would make an interrupt.
 *
 * Not modelled: different clock enables of the two timers, and the integration
 * test registers.
 */
#include "hw/timer/sp804.h"

#include <errno.h>

#include "hw/core/primecell.h"
#include "util/bits.h"
#include "util/log.h"

enum { NUM_TIMERS = 2, MAX_HZ = 1000000000 };
/* 3.3.3, TimerXControl */
enum { CONTROL_ONE_SHOT = 0x01, CONTROL_32 = 0x02, CONTROL_PRESCALE = 0x0c,
       CONTROL_IRQ = 0x20, CONTROL_PERIODIC = 0x40, CONTROL_ENABLE = 0x80,
       CONTROL_BITS = 0xef };

typedef struct Counter {
    struct Sp804 *chip;
    Timer timer;
    uint32_t load, control, ris;
    uint32_t high;                      /* VALUE's other half, with 16 bits */
    uint64_t left;                      /* ticks to 0; more than mask: it is 0 */
    int64_t since;                      /* at this tick, if it runs */
    uint8_t halted;                     /* one-shot, and 0 was reached */
} Counter;

typedef struct Sp804 {
    Device dev;
    uint32_t freq;
    Counter counter[NUM_TIMERS];
} Sp804;

/* -- Ticks ------------------------------------------------------------------- */

static int64_t ns_per_freq_ticks(const Counter *t)
{
    static const uint16_t divisors[4] = { 1, 16, 256, 256 };

    return NS_PER_SEC * divisors[bits(t->control, 3, 2)];
}

static int64_t ticks_now(const Counter *t)
{
    return muldiv64(clock_now(t->chip->dev.clock), t->chip->freq, ns_per_freq_ticks(t));
}

/* The first nanosecond of a tick, -1 if that is centuries ahead. */
static int64_t start_of(const Counter *t, int64_t tick)
{
    int64_t hz = t->chip->freq;
    __int128 ns = ((__int128)tick * ns_per_freq_ticks(t) + hz - 1) / hz;

    return ns >> 62 ? -1 : (int64_t)ns;
}

/* -- Counting ---------------------------------------------------------------- */

static uint64_t mask_of(const Counter *t)
{
    return t->control & CONTROL_32 ? 0xffffffff : 0xffff;
}

/* Ticks from 0 to 0.  3.3.1: periodic with 0 interrupts immediately. */
static uint64_t period_of(const Counter *t)
{
    uint64_t load = t->load & mask_of(t);

    if (t->control & CONTROL_PERIODIC) {
        return load ? load : 1;
    }
    return mask_of(t) + 1;
}

static bool running(const Counter *t)
{
    return (t->control & CONTROL_ENABLE) && !t->halted;
}

static uint64_t elapsed(const Counter *t)
{
    return running(t) ? (uint64_t)MAX(ticks_now(t) - t->since, 0) : 0;
}

static bool interrupting(const Counter *t)
{
    return t->ris && (t->control & CONTROL_IRQ);
}

static void update_irq(Sp804 *s)
{
    bool one = interrupting(&s->counter[0]), two = interrupting(&s->counter[1]);

    qemu_set_irq(s->dev.irq[SP804_OUT_TIMER1], one);
    qemu_set_irq(s->dev.irq[SP804_OUT_TIMER2], two);
    qemu_set_irq(s->dev.irq[SP804_OUT_BOTH], one || two);
}

/* 2.3.2, "Interrupt generation": raw status whenever 0 was reached. */
static void catch_up(Counter *t)
{
    uint64_t past = elapsed(t);

    if (!running(t) || past < t->left) {
        return;
    }
    t->ris = 1;
    if (t->control & CONTROL_ONE_SHOT) {
        t->halted = 1;
        t->left = 0;
    } else {
        uint64_t period = period_of(t);

        past = (past - t->left) / period * period;
        t->since += (int64_t)(t->left + past);
        t->left = period;
    }
    update_irq(t->chip);
}

static void arm(Counter *t)
{
    int64_t when = -1;

    if (running(t) && (t->control & CONTROL_IRQ) && !t->ris) {
        when = start_of(t, t->since + (int64_t)t->left);
    }
    if (when >= 0) {
        timer_set(&t->timer, when);
    } else {
        timer_cancel(&t->timer);
    }
}

static void zero_reached(void *opaque)
{
    Counter *t = opaque;

    catch_up(t);
    arm(t);
}

/* -- Registers --------------------------------------------------------------- */

/* 3.3.2: with 16 bits the upper half is not set to 0. */
static uint32_t read_value(Counter *t)
{
    uint32_t mask = (uint32_t)mask_of(t);

    catch_up(t);
    return ((uint32_t)(t->left - elapsed(t)) & mask) | (t->high & ~mask);
}

/* 3.3.1: "the current count immediately resets to the new value". */
static void write_load(Counter *t, uint32_t val)
{
    catch_up(t);
    t->load = t->high = val;
    t->left = val & mask_of(t);
    t->since = ticks_now(t);
    t->halted = 0;
    arm(t);
}

/* 3.3.7: the value from the next reload on. */
static void write_bgload(Counter *t, uint32_t val)
{
    catch_up(t);
    t->load = val;
}

/* The count goes on from where it is, in the new way. */
static void write_control(Counter *t, uint32_t val)
{
    catch_up(t);
    bool at_zero = t->left - elapsed(t) > mask_of(t) ||
                   (t->halted && !(val & CONTROL_ONE_SHOT));

    if ((val & CONTROL_PRESCALE) == CONTROL_PRESCALE) {
        log_guest("sp804", "undefined prescale in control 0x%x", val);
    }
    t->high = read_value(t);
    t->control = val;
    t->halted = t->halted && (val & CONTROL_ONE_SHOT);
    t->left = at_zero ? period_of(t) : t->high & mask_of(t);
    t->since = ticks_now(t);
    update_irq(t->chip);
    arm(t);
}

static void write_intclr(Counter *t)
{
    catch_up(t);
    t->ris = 0;
    update_irq(t->chip);
    arm(t);
}

static uint32_t read_ris(Counter *t)
{
    catch_up(t);
    return t->ris;
}

static uint32_t read_mis(Counter *t)
{
    catch_up(t);
    return interrupting(t);
}

/* A register hook is given the chip; these know which timer it is. */
#define HOOKS(n)                                                              \
    static Counter *counter##n(Device *d) { return &((Sp804 *)d)->counter[n - 1]; } \
    static uint32_t read_load##n(Device *d) { return counter##n(d)->load; }   \
    static uint32_t read_control##n(Device *d) { return counter##n(d)->control; } \
    static uint32_t read_value##n(Device *d) { return read_value(counter##n(d)); } \
    static uint32_t read_ris##n(Device *d) { return read_ris(counter##n(d)); } \
    static uint32_t read_mis##n(Device *d) { return read_mis(counter##n(d)); } \
    static void write_load##n(Device *d, uint32_t v) { write_load(counter##n(d), v); } \
    static void write_bgload##n(Device *d, uint32_t v) { write_bgload(counter##n(d), v); } \
    static void write_control##n(Device *d, uint32_t v) { write_control(counter##n(d), v); } \
    static void write_intclr##n(Device *d, uint32_t v) { (void)v; write_intclr(counter##n(d)); }

HOOKS(1)
HOOKS(2)

/* clang-format off */
#define ALL 0xffffffff
#define VIRT REG_VIRTUAL
#define TIMER(n, at)                                                                         \
    { "Timer" #n "Load",    at + 0x00, VIRT, REG_RW, 0, ALL, read_load##n,    write_load##n },  \
    { "Timer" #n "Value",   at + 0x04, VIRT, REG_R,  0, 0,   read_value##n,   NULL },           \
    { "Timer" #n "Control", at + 0x08, VIRT, REG_RW, 0, CONTROL_BITS,                           \
      read_control##n, write_control##n },                                                      \
    { "Timer" #n "IntClr",  at + 0x0c, VIRT, REG_W,  0, ALL, NULL,            write_intclr##n }, \
    { "Timer" #n "RIS",     at + 0x10, VIRT, REG_R,  0, 0,   read_ris##n,     NULL },           \
    { "Timer" #n "MIS",     at + 0x14, VIRT, REG_R,  0, 0,   read_mis##n,     NULL },           \
    { "Timer" #n "BGLoad",  at + 0x18, VIRT, REG_RW, 0, ALL, read_load##n,    write_bgload##n }

/* Table 3-1, register summary. */
static const RegDef sp804_regs[] = {
    TIMER(1, 0x00),
    TIMER(2, 0x20),
    PRIMECELL_ID_REGS(0x04, 0x18, 0x14, 0x00),
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static void sp804_init(Device *d)
{
    Sp804 *s = (Sp804 *)d;

    for (int i = 0; i < NUM_TIMERS; i++) {
        s->counter[i].chip = s;
        timer_init(d->clock, &s->counter[i].timer, zero_reached, &s->counter[i]);
    }
}

static int sp804_realize(Device *d, Error *err)
{
    uint32_t freq = ((Sp804 *)d)->freq;

    if (freq < 1 || freq > MAX_HZ) {
        return error_set(err, ERANGE, "sp804: freq=%u: want 1 to %d", freq, MAX_HZ);
    }
    return 0;
}

/* Table 3-1: free running, interrupt enabled, disabled. */
static void sp804_reset(Device *d)
{
    Sp804 *s = (Sp804 *)d;

    for (int i = 0; i < NUM_TIMERS; i++) {
        Counter *t = &s->counter[i];

        timer_cancel(&t->timer);
        t->timer.deadline = 0;
        t->load = t->ris = 0;
        t->control = CONTROL_IRQ;
        t->left = t->high = 0xffffffff;
        t->since = 0;
        t->halted = 0;
    }
    update_irq(s);
}

static int sp804_post_load(Device *d, Error *err)
{
    Sp804 *s = (Sp804 *)d;

    for (int i = 0; i < NUM_TIMERS; i++) {
        Counter *t = &s->counter[i];

        if (t->left > 1ull << 32 || t->since < 0 || t->since >> 61) {
            return error_set(err, EINVAL, "sp804: snapshot has an impossible count");
        }
        t->control &= CONTROL_BITS;
        t->ris = t->ris != 0;
        t->halted = t->halted && (t->control & CONTROL_ONE_SHOT);
    }
    update_irq(s);
    return 0;
}

static void sp804_free(Device *d)
{
    for (int i = 0; i < NUM_TIMERS; i++) {
        timer_cancel(&((Sp804 *)d)->counter[i].timer);
    }
}

static const WindowDef sp804_windows[] = {
    { "timers", false, PRIMECELL_SIZE, sp804_regs, NULL },
    { .name = NULL }
};

static const PropDef sp804_props[] = {
    { "freq", PROP_U32, offsetof(Sp804, freq), 1000000, "TIMCLK in Hz" },
    { .name = NULL }
};

static const VMField counter_vmstate[] = {
    VM_TIMER(Counter, timer),
    VM_FIELD(Counter, load),
    VM_FIELD(Counter, control),
    VM_FIELD(Counter, ris),
    VM_FIELD(Counter, high),
    VM_FIELD(Counter, left),
    VM_FIELD(Counter, since),
    VM_FIELD(Counter, halted),
    VM_END
};

static const VMField sp804_vmstate[] = {
    VM_STRUCTS(Sp804, counter, NUM_TIMERS, counter_vmstate),
    VM_END
};

const DeviceType sp804_type = {
    .name       = "sp804",
    .desc       = "dual timer",
    .manual     = "ARM DDI 0271",
    .bus        = "sys",
    .state_size = sizeof(Sp804),
    .windows    = sp804_windows,
    .props      = sp804_props,
    .vmstate    = sp804_vmstate,
    .num_irqs   = SP804_NUM_OUTPUTS,
    .init       = sp804_init,
    .realize    = sp804_realize,
    .reset      = sp804_reset,
    .post_load  = sp804_post_load,
    .free       = sp804_free,
};
