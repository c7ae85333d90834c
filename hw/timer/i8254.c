/* SPDX-License-Identifier: MIT */
/*
 * Intel 8254 programmable interval timer (Intel order 231164) and port 61h of
 * the PC (IBM AT Technical Reference; Intel 82371SB, 290550, section 2.5.4).
 *
 * Nothing counts.  A counter remembers the tick at which its counting element
 * was loaded (`start`) and with what (`n`); its value and its OUT at any tick
 * follow from the difference.  Ticks are guest time times 1193182 Hz, from
 * time 0, so nothing drifts:
 *
 *      clock_now() --> tick --(- start)--> elapsed --> count_at(), out_at()
 *                                                  --> next_edge() --> Timer
 *
 * Only counter 0 has a wire and needs a Timer.  The low times of modes 2 to 5
 * are given to the wire at their rising end, as low-high: an edge triggered
 * input sees the same, and a host that runs the Timer late loses no edge.
 *
 * Not modelled: a count of 1 in modes 2 and 3 (illegal; OUT stays high), and
 * the sound of the speaker.
 */
#include "hw/timer/i8254.h"

#include <errno.h>

#include "util/bits.h"
#include "util/log.h"

enum { NUM_COUNTERS = 3, SPEAKER = 2 };

/* Control word: SC1 SC0 RW1 RW0 M2 M1 M0 BCD */
enum { CW_BCD = 0x01, CW_RW = 0x30, CW_KEPT = 0x3f };
enum { RW_LATCH, RW_LSB, RW_MSB, RW_BOTH };
/* Read-back command; both bits are active low. */
enum { RB_NO_COUNT = 0x20, RB_NO_STATUS = 0x10 };
/* Status byte */
enum { ST_OUT = 0x80, ST_NULL = 0x40 };
/* Port 61h */
enum { P61_GATE2 = 0x01, P61_SPEAKER = 0x02, P61_KEPT = 0x0f,
       P61_REFRESH = 0x10, P61_OUT2 = 0x20 };

typedef struct Counter {
    uint8_t control;                    /* bits 5:0 of the control word */
    uint8_t gate;
    uint8_t programmed;                 /* a count came since the control word */
    uint8_t counting;                   /* n and start are valid */
    uint8_t pending;                    /* `next` replaces n at swap_at */
    uint8_t low_first;                  /* mode 3: the half cycle at start */
    uint8_t before;                     /* OUT until start */
    uint8_t write_msb, read_msb;        /* second byte of two is next */
    uint8_t lsb;                        /* first byte of two, written */
    uint8_t latched;                    /* bytes of latch still to be read */
    uint8_t status_latched, status;
    uint16_t latch;
    uint16_t idle_count;                /* value while not counting */
    uint32_t n, next;                   /* 1 .. 65536 */
    int64_t start, swap_at;             /* ticks */
    int64_t paused_at;                  /* tick the gate stopped it, or -1 */
} Counter;

typedef struct I8254 {
    Device dev;
    Timer timer;                        /* next edge of OUT 0 */
    Counter counter[NUM_COUNTERS];
    uint8_t port61;
} I8254;

/* -- Time -------------------------------------------------------------------- */

static int64_t now_tick(const I8254 *s)
{
    return muldiv64(clock_now(s->dev.clock), I8254_HZ, NS_PER_SEC);
}

/* The first nanosecond of a tick. */
static int64_t tick_to_ns(int64_t tick)
{
    int64_t ns = muldiv64(tick, NS_PER_SEC, I8254_HZ);

    return muldiv64(ns, I8254_HZ, NS_PER_SEC) < tick ? ns + 1 : ns;
}

/* -- One counter, as functions of the tick ----------------------------------- */

static int mode_of(const Counter *c)
{
    int m = c->control >> 1 & 7;

    return m > 5 ? m - 4 : m;           /* X10 is mode 2, X11 mode 3 */
}

static bool periodic(const Counter *c)
{
    return mode_of(c) == 2 || mode_of(c) == 3;
}

static uint32_t modulus(const Counter *c)
{
    return c->control & CW_BCD ? 10000 : 65536;
}

static int64_t elapsed(const Counter *c, int64_t tick)
{
    if (c->paused_at >= 0 && tick > c->paused_at) {
        tick = c->paused_at;
    }
    return tick - c->start;
}

/* Mode 3, odd n: high for (n + 1) / 2, low for (n - 1) / 2. */
static uint32_t high_half(const Counter *c)
{
    return (c->n + 1) / 2;
}

/* Ticks since the last rise of OUT in mode 3. */
static uint32_t square_phase(const Counter *c, int64_t e)
{
    return (uint32_t)((e + (c->low_first ? high_half(c) : 0)) % c->n);
}

/* "Mode Definitions". */
static bool out_at(const Counter *c, int64_t tick)
{
    int64_t e = elapsed(c, tick);

    if (periodic(c) && (!c->gate || (c->counting && c->n < 2))) {
        return true;
    }
    if (!c->counting || e < 0) {
        return c->before;
    }
    switch (mode_of(c)) {
    case 2:  return e % c->n != c->n - 1;
    case 3:  return square_phase(c, e) < high_half(c);
    case 4:
    case 5:  return e != c->n;
    default: return e >= c->n;
    }
}

/* Mode 3 counts down by two, odd counts from n - 1. */
static uint32_t square_count(const Counter *c, int64_t e)
{
    uint32_t phase = square_phase(c, e);

    if (phase >= high_half(c)) {
        phase -= high_half(c);
    }
    return (c->n & ~1u) - 2 * phase;
}

static uint16_t count_at(const Counter *c, int64_t tick)
{
    int64_t e = elapsed(c, tick);
    int64_t m = modulus(c), v;

    if (!c->counting || e < 0) {
        return c->idle_count;
    }
    switch (mode_of(c)) {
    case 2:  v = c->n - e % c->n; break;
    case 3:  v = square_count(c, e); break;
    default: v = ((c->n - e) % m + m) % m;
    }
    return (uint16_t)(v % m);
}

/* Modes 2 and 3: the end of the cycle or half cycle, where a new count is
 * loaded. */
static int64_t next_reload(const Counter *c, int64_t tick)
{
    int64_t e = elapsed(c, tick);
    uint32_t phase;

    if (mode_of(c) == 2) {
        return c->start + (e / c->n + 1) * c->n;
    }
    phase = square_phase(c, e);
    return tick + (phase < high_half(c) ? high_half(c) : c->n) - phase;
}

/* The tick after `tick` at which the wire must move, or -1. */
static int64_t next_edge(const Counter *c, int64_t tick)
{
    int64_t e = elapsed(c, tick);

    if (!c->counting || c->paused_at >= 0) {
        return -1;
    }
    if (e < 0) {
        return c->start;
    }
    switch (mode_of(c)) {
    case 2:
    case 3:
        return c->pending ? c->swap_at : tick + c->n -
               (mode_of(c) == 2 ? e % c->n : square_phase(c, e));
    case 4:
    case 5:
        return e <= c->n ? c->start + c->n + 1 : -1;
    default:
        return e < c->n ? c->start + c->n : -1;
    }
}

static uint16_t to_digits(const Counter *c, uint16_t v)
{
    if (!(c->control & CW_BCD)) {
        return v;
    }
    return (uint16_t)(v / 1000 % 10 << 12 | v / 100 % 10 << 8 |
                      v / 10 % 10 << 4 | v % 10);
}

static uint32_t from_digits(const Counter *c, uint16_t v)
{
    uint32_t n = v;

    if (c->control & CW_BCD) {
        n = (v >> 12) * 1000u + (v >> 8 & 15) * 100u + (v >> 4 & 15) * 10u +
            (v & 15);
    }
    return n ? n : modulus(c);
}

/* -- Changes ----------------------------------------------------------------- */

/* A count written in mode 2 or 3 waits for the end of the cycle, in 1 and 5 for
 * a trigger (swap_at -1). */
static void catch_up(Counter *c, int64_t tick)
{
    if (!c->pending || c->swap_at < 0 || tick < c->swap_at) {
        return;
    }
    c->low_first = mode_of(c) == 3 && out_at(c, c->swap_at - 1);
    c->start = c->swap_at;
    c->n = c->next;
    c->pending = 0;
}

/* The counting element is loaded with the next CLK pulse. */
static void load(Counter *c, int64_t tick)
{
    int mode = mode_of(c);

    c->idle_count = count_at(c, tick);
    c->before = mode == 1 ? out_at(c, tick) : mode != 0;
    c->n = c->next;
    c->start = tick + 1;
    c->counting = 1;
    c->pending = 0;
    c->low_first = 0;
    c->paused_at = c->gate || mode == 1 || mode == 5 ? -1 : c->start;
}

static void stop(Counter *c, int64_t tick)
{
    c->idle_count = count_at(c, tick);
    c->counting = 0;
    c->pending = 0;
    c->before = 0;
}

static void update_wire(I8254 *s)
{
    Counter *c = &s->counter[0];
    int64_t now = now_tick(s);
    int64_t edge;

    catch_up(c, now);
    qemu_set_irq(s->dev.irq[0], (c->counting && periodic(c)) || out_at(c, now));
    edge = next_edge(c, now);
    if (edge >= 0) {
        timer_set(&s->timer, tick_to_ns(edge));
    } else {
        timer_cancel(&s->timer);
    }
}

static void edge_due(void *opaque)
{
    I8254 *s = opaque;
    Counter *c = &s->counter[0];
    int64_t due = muldiv64(s->timer.deadline, I8254_HZ, NS_PER_SEC);
    bool was = out_at(c, due - 1);

    catch_up(c, due);
    if (!was && out_at(c, due)) {
        qemu_irq_lower(s->dev.irq[0]);
    }
    update_wire(s);
}

static void write_control(Counter *c, int64_t tick, uint8_t val)
{
    stop(c, tick);
    c->control = val & CW_KEPT;
    c->before = mode_of(c) != 0;
    c->programmed = 0;
    c->paused_at = -1;
    c->low_first = 0;
    c->write_msb = c->read_msb = 0;
    c->latched = c->status_latched = 0;
}

/* Both bytes are in. */
static void write_count(Counter *c, int64_t tick, uint16_t val)
{
    bool first = !c->programmed;

    c->next = from_digits(c, val);
    c->programmed = 1;
    switch (mode_of(c)) {
    case 1:
    case 5:                             /* loaded by the next trigger */
        c->pending = c->counting;
        c->swap_at = -1;
        return;
    case 2:
    case 3:
        if (!first && c->gate && c->counting && tick >= c->start) {
            if (!c->pending) {
                c->swap_at = next_reload(c, tick);
                c->pending = 1;
            }
            return;
        }
    }
    load(c, tick);
}

static void write_counter(Counter *c, int64_t tick, uint8_t val)
{
    switch ((c->control & CW_RW) >> 4) {
    case RW_LSB:
        write_count(c, tick, val);
        break;
    case RW_MSB:
        write_count(c, tick, (uint16_t)(val << 8));
        break;
    default:
        if (c->write_msb) {
            c->write_msb = 0;
            write_count(c, tick, (uint16_t)(val << 8 | c->lsb));
            break;
        }
        c->lsb = val;
        c->write_msb = 1;
        if (mode_of(c) == 0) {          /* "the first byte disables counting" */
            stop(c, tick);
        }
    }
}

static void set_gate(Counter *c, int64_t tick, bool level)
{
    if (level == c->gate) {
        return;
    }
    switch (mode_of(c)) {
    case 0:
    case 4:
        if (!level) {
            c->paused_at = MAX(tick, c->start);
        } else if (c->paused_at >= 0) {
            c->start += MAX(tick - c->paused_at, 0);
            c->paused_at = -1;
        }
        c->gate = level;
        break;
    case 2:
    case 3:
        if (!level) {
            c->paused_at = MAX(tick, c->start);
        }
        c->gate = level;
        if (level && c->programmed) {
            load(c, tick);
        }
        break;
    default:                            /* 1, 5: a trigger */
        c->gate = level;
        if (level && c->programmed) {
            load(c, tick);
        }
    }
}

/* -- Reads ------------------------------------------------------------------- */

/* "Counter Latch Command": a latched count is kept until it is read. */
static void latch_count(Counter *c, int64_t tick)
{
    if (!c->latched) {
        c->latch = to_digits(c, count_at(c, tick));
        c->latched = (c->control & CW_RW) >> 4 == RW_BOTH ? 2 : 1;
    }
}

/* NULL COUNT: what was written is not in the counting element yet. */
static bool null_count(const Counter *c, int64_t tick)
{
    return !c->counting || c->pending || tick < c->start;
}

static void latch_status(Counter *c, int64_t tick)
{
    if (!c->status_latched) {
        c->status = (uint8_t)(c->control | (out_at(c, tick) ? ST_OUT : 0) |
                              (null_count(c, tick) ? ST_NULL : 0));
        c->status_latched = 1;
    }
}

static uint8_t read_counter(Counter *c, int64_t tick)
{
    uint16_t v = c->latched ? c->latch : to_digits(c, count_at(c, tick));
    int rw = (c->control & CW_RW) >> 4;
    bool msb = rw == RW_MSB;

    if (c->status_latched) {
        c->status_latched = 0;
        return c->status;
    }
    if (rw == RW_BOTH) {
        msb = c->read_msb;
        c->read_msb = !c->read_msb;
    }
    if (c->latched) {
        c->latched--;
    }
    return (uint8_t)(msb ? v >> 8 : v);
}

/* -- Ports ------------------------------------------------------------------- */

static void read_back(I8254 *s, int64_t tick, uint8_t val)
{
    for (int i = 0; i < NUM_COUNTERS; i++) {
        Counter *c = &s->counter[i];

        if (!(val >> (i + 1) & 1)) {
            continue;
        }
        if (!(val & RB_NO_COUNT)) {
            latch_count(c, tick);
        }
        if (!(val & RB_NO_STATUS)) {
            latch_status(c, tick);
        }
    }
}

static void write_command(I8254 *s, int64_t tick, uint8_t val)
{
    if (val >> 6 == NUM_COUNTERS) {
        read_back(s, tick, val);
    } else if ((val & CW_RW) >> 4 == RW_LATCH) {
        latch_count(&s->counter[val >> 6], tick);
    } else {
        write_control(&s->counter[val >> 6], tick, val);
    }
}

static int64_t catch_up_all(I8254 *s)
{
    int64_t tick = now_tick(s);

    for (int i = 0; i < NUM_COUNTERS; i++) {
        catch_up(&s->counter[i], tick);
    }
    return tick;
}

static uint64_t read_port(void *opaque, hwaddr offset, unsigned size)
{
    I8254 *s = opaque;
    int64_t tick = catch_up_all(s);

    (void)size;
    if (offset >= NUM_COUNTERS) {
        log_guest("i8254", "read of the control word register");
        return 0xff;
    }
    return read_counter(&s->counter[offset], tick);
}

static void write_port(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    I8254 *s = opaque;
    int64_t tick = catch_up_all(s);

    (void)size;
    if (offset >= NUM_COUNTERS) {
        write_command(s, tick, (uint8_t)val);
    } else {
        write_counter(&s->counter[offset], tick, (uint8_t)val);
    }
    update_wire(s);
}

static const MemoryRegionOps port_ops = {
    .read = read_port, .write = write_port, .min = 1, .max = 1,
};

/* Refresh toggles every 15.085 us, the period of counter 1 in an AT (18 ticks):
 * BIOSes measure delays by it. */
static uint64_t read_port61(void *opaque, hwaddr offset, unsigned size)
{
    I8254 *s = opaque;
    int64_t tick = catch_up_all(s);

    (void)offset;
    (void)size;
    return s->port61 | (tick / 18 & 1 ? P61_REFRESH : 0) |
           (out_at(&s->counter[SPEAKER], tick) ? P61_OUT2 : 0);
}

static void write_port61(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    I8254 *s = opaque;
    int64_t tick = catch_up_all(s);

    (void)offset;
    (void)size;
    s->port61 = val & P61_KEPT;
    set_gate(&s->counter[SPEAKER], tick, val & P61_GATE2);
}

static const MemoryRegionOps port61_ops = {
    .read = read_port61, .write = write_port61, .min = 1, .max = 1,
};

/* -- The type ---------------------------------------------------------------- */

static void i8254_init(Device *d)
{
    I8254 *s = (I8254 *)d;

    timer_init(d->clock, &s->timer, edge_due, s);
}

/* "The state of the 8254 is undefined after power-up": here mode 0, no count. */
static void i8254_reset(Device *d)
{
    I8254 *s = (I8254 *)d;

    for (int i = 0; i < NUM_COUNTERS; i++) {
        s->counter[i] = (Counter){
            .control = RW_BOTH << 4, .gate = i != SPEAKER,
            .n = 65536, .next = 65536, .paused_at = -1,
        };
    }
    s->port61 = 0;
    s->timer.deadline = 0;
    update_wire(s);
}

/* Larger ticks would overflow as nanoseconds; these are 30 years. */
static bool sane(const Counter *c)
{
    const int64_t far = 1ll << 50;

    return c->n >= 1 && c->n <= 65536 && c->next >= 1 && c->next <= 65536 &&
           c->start >= -far && c->start < far && c->swap_at >= -far &&
           c->swap_at < far && c->paused_at >= -1 && c->paused_at < far;
}

static int i8254_post_load(Device *d, Error *err)
{
    I8254 *s = (I8254 *)d;

    for (int i = 0; i < NUM_COUNTERS; i++) {
        Counter *c = &s->counter[i];

        if (!sane(c)) {
            return error_set(err, EINVAL,
                             "i8254: snapshot has an impossible counter");
        }
        c->control &= CW_KEPT;
    }
    update_wire(s);
    return 0;
}

static void i8254_free(Device *d)
{
    timer_cancel(&((I8254 *)d)->timer);
}

static const WindowDef i8254_windows[] = {
    [I8254_PORTS]  = { "ports",  true, 4, NULL, &port_ops },
    [I8254_PORT61] = { "port61", true, 1, NULL, &port61_ops },
    { .name = NULL }
};

static const VMField counter_vmstate[] = {
    VM_FIELD(Counter, control),
    VM_FIELD(Counter, gate),
    VM_FIELD(Counter, programmed),
    VM_FIELD(Counter, counting),
    VM_FIELD(Counter, pending),
    VM_FIELD(Counter, low_first),
    VM_FIELD(Counter, before),
    VM_FIELD(Counter, write_msb),
    VM_FIELD(Counter, read_msb),
    VM_FIELD(Counter, lsb),
    VM_FIELD(Counter, latched),
    VM_FIELD(Counter, status_latched),
    VM_FIELD(Counter, status),
    VM_FIELD(Counter, latch),
    VM_FIELD(Counter, idle_count),
    VM_FIELD(Counter, n),
    VM_FIELD(Counter, next),
    VM_FIELD(Counter, start),
    VM_FIELD(Counter, swap_at),
    VM_FIELD(Counter, paused_at),
    VM_END
};

static const VMField i8254_vmstate[] = {
    VM_STRUCTS(I8254, counter, NUM_COUNTERS, counter_vmstate),
    VM_FIELD(I8254, port61),
    VM_TIMER(I8254, timer),
    VM_END
};

const DeviceType i8254_type = {
    .name       = "i8254",
    .desc       = "programmable interval timer",
    .manual     = "Intel 231164",
    .bus        = "sys",
    .state_size = sizeof(I8254),
    .windows    = i8254_windows,
    .vmstate    = i8254_vmstate,
    .num_irqs   = 1,
    .init       = i8254_init,
    .reset      = i8254_reset,
    .post_load  = i8254_post_load,
    .free       = i8254_free,
};
