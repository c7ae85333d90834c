/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A PWM timers (S3C2440A User's Manual rev. 1, chapter 10).
 *
 *      PCLK --> TCFG0 prescaler --> TCFG1 divider --> TCNT, -1 per tick
 *      TCNTB, TCMPB --manual update, or reload after 0--> TCNT, TCMP
 *                            TCNT == 0 --> interrupt or DMA request
 *                            TCNT <= TCMP --> TOUT (inverted; dead zone of 0)
 *
 * Nothing counts: TCNT was `count` at tick `since`, and ticks are numbered from
 * the start of guest time, so that no rounding adds up.  catch_up() does what has
 * happened since.  A Timer waits for the next 0, and for the next edge of a TOUT
 * that is connected, but not more often than each 10 us and 200 us: what happens
 * in between happens at once then, and a faster TOUT is sampled.
 *
 * Not modelled: the external clocks TCLK0 and TCLK1: timers that use them stand
 * still.
 */
#include "hw/s3c24xx/pwm.h"

#include <errno.h>

#include "hw/s3c24xx/clock.h"
#include "util/bits.h"
#include "util/log.h"

enum { NUM_TIMERS = 5, NUM_TOUTS = 4, COUNT_MAX = 0xffff, LAST_DIVIDER = 3 };
#define MIN_WAIT      (10 * NS_PER_US)
#define MIN_EDGE_WAIT (200 * NS_PER_US)
#define NEVER         (1ll << 60)

/* TCON, of each timer from its own bit on; timer 4 has no inverter. */
enum { START = 1, UPDATE = 2, INVERT = 4, RELOAD = 8, DEAD_ZONE = 1 << 4,
       TCON_BITS = 0x7fff1f };

typedef struct Counter {
    struct S3cPwm *chip;
    Timer timer;
    uint32_t tcntb, tcmpb;
    uint32_t count, cmp;                /* TCNT, TCMP */
    int64_t since;                      /* `count` was so at this tick, if it runs */
    int64_t last_zero, last_edge;       /* told, of TCNT and TOUT; ns */
    int64_t edge_at;                    /* it may have one then; 0: nobody looks */
    uint8_t running, control;
    uint8_t fired;                      /* this 0 has interrupted */
} Counter;

typedef struct S3cPwm {
    Device dev;
    Device *clock;
    S3cClockListener listener;
    uint32_t tcfg0, tcfg1, tcon;
    Counter counter[NUM_TIMERS];
    uint8_t tout;                       /* levels as last driven; not saved */
} S3cPwm;

static int number_of(const Counter *t)
{
    return (int)(t - t->chip->counter);
}

/* -- Ticks ------------------------------------------------------------------- */

/* PCLK cycles to a tick; 0: it does not tick. */
static uint32_t cycles_per_tick(const Counter *t)
{
    int n = number_of(t);
    uint32_t prescaler = n < 2 ? bits(t->chip->tcfg0, 7, 0) : bits(t->chip->tcfg0, 15, 8);
    uint32_t mux = t->chip->tcfg1 >> (4 * n) & 15;

    return mux > LAST_DIVIDER ? 0 : (prescaler + 1) << (mux + 1);
}

static int64_t ticks_now(const Counter *t)
{
    uint32_t cycles = cycles_per_tick(t);

    return cycles ? muldiv64(clock_now(t->chip->dev.clock), s3c_pclk(t->chip->clock),
                             NS_PER_SEC * cycles)
                  : 0;
}

/* The first nanosecond of a tick, -1 if that is centuries ahead. */
static int64_t start_of(const Counter *t, int64_t tick)
{
    int64_t hz = s3c_pclk(t->chip->clock);
    __int128 ns = ((__int128)tick * NS_PER_SEC * cycles_per_tick(t) + hz - 1) / hz;

    return ns >> 62 ? -1 : (int64_t)ns;
}

static uint64_t elapsed(const Counter *t)
{
    return t->running ? (uint64_t)MAX(ticks_now(t) - t->since, 0) : 0;
}

/* -- Outputs ----------------------------------------------------------------- */

/* "DMA request mode": the timer that TCFG1 says requests and does not interrupt. */
static void zero_reached(Counter *t)
{
    int n = number_of(t);
    unsigned out = bits(t->chip->tcfg1, 23, 20) == (unsigned)n + 1
                       ? S3C_PWM_OUT_DMA : (unsigned)(S3C_PWM_OUT_TIMER0 + n);

    t->last_zero = clock_now(t->chip->dev.clock);
    qemu_irq_pulse(t->chip->dev.irq[out]);
}

static bool dead_zone(const S3cPwm *s)
{
    return s->tcon & DEAD_ZONE;
}

/*
 * "Output level control": high from TCNT == TCMP on.  With the dead zone TOUT1 is
 * TOUT0's opposite, and either rises only when the other has been low for so many
 * ticks of timer 0.
 */
static bool level_at(const S3cPwm *s, int n, uint32_t count)
{
    const Counter *t = &s->counter[n < 2 && dead_zone(s) ? 0 : n];
    uint32_t zone = bits(s->tcfg0, 23, 16);
    bool invert = s->counter[n].control & INVERT;

    if (n == 0 && dead_zone(s)) {
        return (count + zone <= t->cmp) != invert;
    }
    if (n == 1 && dead_zone(s)) {
        return (count > t->cmp && count + zone <= t->tcntb) != invert;
    }
    return (count <= t->cmp) != invert;
}

static uint32_t count_after(const Counter *t, uint64_t past)
{
    return past > t->count ? 0 : t->count - (uint32_t)past;
}

static uint32_t count_now(const Counter *t)
{
    return count_after(t, elapsed(t));
}

static void drive_tout(S3cPwm *s, int n, const Counter *t)
{
    bool level = level_at(s, n, count_now(t));

    if (level != (s->tout >> n & 1)) {
        s->tout ^= (uint8_t)(1u << n);
        qemu_set_irq(s->dev.irq[S3C_PWM_OUT_TOUT0 + n], level);
    }
}

static void drive_touts(S3cPwm *s)
{
    for (int n = 0; n < NUM_TOUTS; n++) {
        drive_tout(s, n, &s->counter[n == 1 && dead_zone(s) ? 0 : n]);
    }
}

/* -- Counting ---------------------------------------------------------------- */

static void reload(Counter *t)
{
    t->count = t->tcntb;
    t->cmp = t->tcmpb;
    t->fired = 0;
}

/* "Auto reload": the tick after 0 loads, so that there are TCNTB + 1 of them. */
static void next_period(Counter *t, uint64_t past)
{
    uint64_t period = (uint64_t)t->tcntb + 1, again = past - t->count - 1;

    if (again >= t->tcntb) {
        zero_reached(t);                /* one or more */
    }
    t->since += (int64_t)(past - again % period);
    reload(t);
    t->fired = again % period == t->tcntb;
}

static void catch_up(Counter *t)
{
    uint64_t past = elapsed(t);

    if (!t->running || past < t->count || !cycles_per_tick(t)) {
        return;
    }
    if (!t->fired) {
        t->fired = 1;
        zero_reached(t);
    }
    if (!(t->control & RELOAD)) {       /* "one-shot": the start bit clears */
        t->running = 0;
        t->count = 0;
        t->control &= (uint8_t)~START;
        t->chip->tcon &= ~(number_of(t) ? (uint32_t)START << (4 * number_of(t) + 4) : START);
    } else if (past > t->count) {
        next_period(t, past);
    }
}

/* Ticks from now to the next 0 that is not yet told. */
static uint64_t ticks_to_zero(const Counter *t, uint64_t past)
{
    uint64_t end = t->fired ? (uint64_t)t->count + 1 + t->tcntb : t->count;

    return end - MIN(past, end);
}

static bool tout_is_connected(const S3cPwm *s, int n)
{
    return n < NUM_TOUTS && (s->dev.irq[S3C_PWM_OUT_TOUT0 + n].set ||
                             (n == 0 && dead_zone(s) && s->dev.irq[S3C_PWM_OUT_TOUT0 + 1].set));
}

/* Ticks from now to where a level may change: a match, or the reload. */
static uint64_t ticks_to_edge(const Counter *t, uint64_t past)
{
    const S3cPwm *s = t->chip;
    uint32_t zone = dead_zone(s) && number_of(t) == 0 ? bits(s->tcfg0, 23, 16) : 0;
    const uint32_t edges[] = { t->cmp, t->cmp - zone, t->tcntb - zone };
    uint64_t end = (uint64_t)t->count + 1, now = t->count - MIN(past, (uint64_t)t->count);
    uint64_t next = end - MIN(past, end);

    for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
        if (edges[i] < now) {
            next = MIN(next, now - edges[i]);
        }
    }
    return next;
}

static int64_t not_before(const Counter *t, int64_t tick, int64_t soonest)
{
    int64_t when = start_of(t, tick);

    return when < 0 ? NEVER : MAX(when, soonest);
}

static void arm(Counter *t)
{
    if (!t->running || !cycles_per_tick(t)) {
        timer_cancel(&t->timer);
        return;
    }
    uint64_t past = elapsed(t);
    int64_t tick = t->since + (int64_t)past, now = clock_now(t->chip->dev.clock);
    int64_t when = not_before(t, tick + (int64_t)ticks_to_zero(t, past),
                              MAX(now, t->last_zero + MIN_WAIT));
    t->edge_at = 0;
    if (tout_is_connected(t->chip, number_of(t))) {
        t->edge_at = not_before(t, tick + (int64_t)ticks_to_edge(t, past),
                                MAX(now, t->last_edge + MIN_EDGE_WAIT));
        when = MIN(when, t->edge_at);
    }
    timer_set(&t->timer, when);
}

static void timer_due(void *opaque)
{
    Counter *t = opaque;
    int64_t now = clock_now(t->chip->dev.clock);

    catch_up(t);
    drive_touts(t->chip);
    if (t->edge_at && t->edge_at <= now) {
        t->last_edge = now;
    }
    arm(t);
}

static void catch_up_all(S3cPwm *s)
{
    for (int i = 0; i < NUM_TIMERS; i++) {
        catch_up(&s->counter[i]);
    }
}

/* The count goes on from where it is, in ticks of another length. */
static void hold(S3cPwm *s)
{
    catch_up_all(s);
    for (int i = 0; i < NUM_TIMERS; i++) {
        s->counter[i].count = count_now(&s->counter[i]);
        s->counter[i].since = ticks_now(&s->counter[i]);
    }
}

static void go_on(S3cPwm *s)
{
    for (int i = 0; i < NUM_TIMERS; i++) {
        s->counter[i].since = ticks_now(&s->counter[i]);
        arm(&s->counter[i]);
    }
    drive_touts(s);
}

static void clock_changing(void *opaque)
{
    hold(opaque);
}

static void clock_changed(void *opaque)
{
    go_on(opaque);
}

/* -- Registers --------------------------------------------------------------- */

static uint32_t read_tcfg0(Device *d) { return ((S3cPwm *)d)->tcfg0; }
static uint32_t read_tcfg1(Device *d) { return ((S3cPwm *)d)->tcfg1; }

static void write_config(Device *d, uint32_t *reg, uint32_t val)
{
    S3cPwm *s = (S3cPwm *)d;

    hold(s);
    *reg = val;
    for (int n = 0; n < NUM_TIMERS; n++) {
        if (bits(s->tcfg1, 4 * n + 3, 4 * n) > LAST_DIVIDER) {
            log_unimp("s3c2440-timers", "timer %d is to count an external clock", n);
        }
    }
    go_on(s);
}

static void write_tcfg0(Device *d, uint32_t val) { write_config(d, &((S3cPwm *)d)->tcfg0, val); }
static void write_tcfg1(Device *d, uint32_t val) { write_config(d, &((S3cPwm *)d)->tcfg1, val); }

/* Start, update, invert, reload of a timer. */
static uint8_t control_of(uint32_t tcon, int n)
{
    uint32_t c = tcon >> (n ? 4 * n + 4 : 0) & 15;

    return (uint8_t)(n == 4 ? (c & 3) | (c & 4 ? RELOAD : 0) : c);
}

static void control(Counter *t, uint8_t val)
{
    if (val & UPDATE) {                 /* "manual update" */
        reload(t);
        t->since = ticks_now(t);
    }
    if ((val & START) && !t->running) {
        t->since = ticks_now(t);
        t->fired = 0;
    } else if (!(val & START) && t->running) {
        t->count = count_now(t);
    }
    t->running = val & START;
    t->control = val;
}

static uint32_t read_tcon(Device *d)
{
    S3cPwm *s = (S3cPwm *)d;

    catch_up_all(s);
    return s->tcon;
}

static void write_tcon(Device *d, uint32_t val)
{
    S3cPwm *s = (S3cPwm *)d;

    catch_up_all(s);
    s->tcon = val;
    for (int n = 0; n < NUM_TIMERS; n++) {
        Counter *t = &s->counter[n];
        uint8_t now = control_of(val, n);

        if (now != t->control || (now & UPDATE)) {
            control(t, now);
            arm(t);
        }
    }
    drive_touts(s);
}

/* A buffer counts from the next load on. */
static void write_buffer(Counter *t, uint32_t *reg, uint32_t val)
{
    catch_up(t);
    *reg = val;
}

static uint32_t read_tcnto(Counter *t)
{
    uint64_t past = elapsed(t);         /* asked once: Linux's clock is read here */

    if (past < t->count) {
        return count_after(t, past);
    }
    catch_up(t);
    return count_now(t);
}

/* A register hook is given the chip; these know which timer it is. */
#define HOOKS(n)                                                              \
    static Counter *counter##n(Device *d) { return &((S3cPwm *)d)->counter[n]; } \
    static uint32_t read_tcntb##n(Device *d) { return counter##n(d)->tcntb; } \
    static uint32_t read_tcnto##n(Device *d) { return read_tcnto(counter##n(d)); } \
    static void write_tcntb##n(Device *d, uint32_t v)                         \
    { write_buffer(counter##n(d), &counter##n(d)->tcntb, v); }

#define COMPARE_HOOKS(n)                                                      \
    static uint32_t read_tcmpb##n(Device *d) { return counter##n(d)->tcmpb; } \
    static void write_tcmpb##n(Device *d, uint32_t v)                         \
    { write_buffer(counter##n(d), &counter##n(d)->tcmpb, v); }

HOOKS(0)
HOOKS(1)
HOOKS(2)
HOOKS(3)
HOOKS(4)
COMPARE_HOOKS(0)
COMPARE_HOOKS(1)
COMPARE_HOOKS(2)
COMPARE_HOOKS(3)

/* clang-format off */
#define AT(m) offsetof(S3cPwm, m)
#define VIRT REG_VIRTUAL
#define TIMER(n)                                                                            \
    { "TCNTB" #n, 0x0c + 12 * n, VIRT, REG_RW, 0, COUNT_MAX, read_tcntb##n, write_tcntb##n },  \
    { "TCMPB" #n, 0x10 + 12 * n, VIRT, REG_RW, 0, COUNT_MAX, read_tcmpb##n, write_tcmpb##n },  \
    { "TCNTO" #n, 0x14 + 12 * n, VIRT, REG_R,  0, 0,         read_tcnto##n, NULL }

/* "PWM timer control registers". */
static const RegDef pwm_regs[] = {
    { "TCFG0",  0x00, VIRT, REG_RW, 0, 0xffffff,  read_tcfg0,  write_tcfg0 },
    { "TCFG1",  0x04, VIRT, REG_RW, 0, 0xffffff,  read_tcfg1,  write_tcfg1 },
    { "TCON",   0x08, VIRT, REG_RW, 0, TCON_BITS, read_tcon,   write_tcon },
    TIMER(0), TIMER(1), TIMER(2), TIMER(3),
    { "TCNTB4", 0x3c, VIRT, REG_RW, 0, COUNT_MAX, read_tcntb4, write_tcntb4 },
    { "TCNTO4", 0x40, VIRT, REG_R,  0, 0,         read_tcnto4, NULL },
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static void pwm_init(Device *d)
{
    S3cPwm *s = (S3cPwm *)d;

    s->listener = (S3cClockListener){ clock_changing, clock_changed, s, NULL };
    for (int i = 0; i < NUM_TIMERS; i++) {
        s->counter[i].chip = s;
        timer_init(d->clock, &s->counter[i].timer, timer_due, &s->counter[i]);
    }
}

static int pwm_realize(Device *d, Error *err)
{
    S3cPwm *s = (S3cPwm *)d;

    (void)err;
    s3c_clock_listen(s->clock, &s->listener);
    return 0;
}

/* As they are, and not as of now. */
static void show_touts(S3cPwm *s)
{
    s->tout = 0;
    for (int n = 0; n < NUM_TOUTS; n++) {
        Counter *t = &s->counter[n == 1 && dead_zone(s) ? 0 : n];
        bool level = level_at(s, n, count_now(t));

        s->tout |= (uint8_t)(level << n);
        qemu_set_irq(s->dev.irq[S3C_PWM_OUT_TOUT0 + n], level);
    }
}

static void pwm_reset(Device *d)
{
    S3cPwm *s = (S3cPwm *)d;

    s->tcfg0 = s->tcfg1 = s->tcon = 0;
    for (int i = 0; i < NUM_TIMERS; i++) {
        Counter *t = &s->counter[i];

        timer_cancel(&t->timer);
        t->timer.deadline = 0;
        t->tcntb = t->tcmpb = t->count = t->cmp = 0;
        t->since = t->last_zero = t->last_edge = t->edge_at = 0;
        t->running = t->control = t->fired = 0;
    }
    show_touts(s);
}

static int pwm_post_load(Device *d, Error *err)
{
    S3cPwm *s = (S3cPwm *)d;

    s->tcon &= TCON_BITS;
    s->tcfg0 &= 0xffffff;
    s->tcfg1 &= 0xffffff;
    for (int i = 0; i < NUM_TIMERS; i++) {
        Counter *t = &s->counter[i];

        if ((t->since | t->last_zero | t->last_edge | t->edge_at) >> 61) {
            return error_set(err, EINVAL, "s3c2440-timers: snapshot has an impossible count");
        }
        t->control = control_of(s->tcon, i);
        t->running = t->control & START;
        t->tcntb &= COUNT_MAX;
        t->tcmpb &= COUNT_MAX;
        t->count &= COUNT_MAX;
        t->cmp &= COUNT_MAX;
        t->fired = t->fired != 0;
    }
    show_touts(s);
    return 0;
}

static void pwm_free(Device *d)
{
    for (int i = 0; i < NUM_TIMERS; i++) {
        timer_cancel(&((S3cPwm *)d)->counter[i].timer);
    }
}

static const WindowDef pwm_windows[] = {
    { "timers", false, 0x1000, pwm_regs, NULL },
    { .name = NULL }
};

static const PropDef pwm_props[] = {
    { "clock", PROP_LINK, AT(clock), 0, "the s3c2440-clock" },
    { .name = NULL }
};

static const VMField counter_vmstate[] = {
    VM_TIMER(Counter, timer),
    VM_FIELD(Counter, tcntb),
    VM_FIELD(Counter, tcmpb),
    VM_FIELD(Counter, count),
    VM_FIELD(Counter, cmp),
    VM_FIELD(Counter, since),
    VM_FIELD(Counter, last_zero),
    VM_FIELD(Counter, last_edge),
    VM_FIELD(Counter, edge_at),
    VM_FIELD(Counter, running),
    VM_FIELD(Counter, control),
    VM_FIELD(Counter, fired),
    VM_END
};

static const VMField pwm_vmstate[] = {
    VM_FIELD(S3cPwm, tcfg0),
    VM_FIELD(S3cPwm, tcfg1),
    VM_FIELD(S3cPwm, tcon),
    VM_STRUCTS(S3cPwm, counter, NUM_TIMERS, counter_vmstate),
    VM_END
};

const DeviceType s3c2440_timers_type = {
    .name       = "s3c2440-timers",
    .desc       = "PWM timers",
    .manual     = "S3C2440A User's Manual, chapter 10",
    .bus        = "sys",
    .state_size = sizeof(S3cPwm),
    .windows    = pwm_windows,
    .props      = pwm_props,
    .vmstate    = pwm_vmstate,
    .num_irqs   = S3C_PWM_NUM_OUTPUTS,
    .init       = pwm_init,
    .realize    = pwm_realize,
    .reset      = pwm_reset,
    .post_load  = pwm_post_load,
    .free       = pwm_free,
};
