/* SPDX-License-Identifier: MIT */
/*
 * Motorola MC146818A real time clock plus RAM (Motorola MC146818A data sheet,
 * 1984), with the PC's ports 70h/71h and century byte (IBM AT Technical
 * Reference, "Real-time Clock/CMOS RAM").
 *
 *      clock_now() + offset --> seconds --(+ shift)--> time registers, AF
 *       (divider chain)   |         '--> UF
 *                         '--> 32768 Hz / 2^n --> PF
 *                                       C = PF | AF | UF,  & B --> IRQ
 *
 * The time is not stored but while it stands still (SET, or the divider in
 * reset).  Flags are worked out by catch_up() whenever somebody looks; a Timer
 * runs only for an interrupt that is enabled and not yet flagged.
 *
 * Not modelled: daylight saving (DSE is stored), the square wave output, and
 * divider settings for other crystals than 32768 Hz.
 */
#include "hw/timer/mc146818.h"

#include <errno.h>

#include "util/bits.h"
#include "util/log.h"

enum { SECOND, SECOND_ALARM, MINUTE, MINUTE_ALARM, HOUR, HOUR_ALARM, WEEKDAY,
       DAY, MONTH, YEAR, REG_A, REG_B, REG_C, REG_D, NUM_CMOS = 128 };
enum { A_UIP = 0x80, A_DV = 0x70, A_RS = 0x0f, A_DV_RESET = 0x60 };
enum { B_SET = 0x80, B_PIE = 0x40, B_AIE = 0x20, B_UIE = 0x10, B_SQWE = 0x08,
       B_DM = 0x04, B_24 = 0x02 };
enum { C_IRQF = 0x80, C_PF = 0x40, C_AF = 0x20, C_UF = 0x10 };
enum { D_VRT = 0x80, HOUR_PM = 0x80, DONT_CARE = 0xc0 };
enum { CRYSTAL_HZ = 32768, SECS_PER_DAY = 86400 };

/* "Update cycle": UIP rises 244 us before the update, which takes 1984 us. */
#define UIP_NS ((244 + 1984) * NS_PER_US)
#define NEVER  INT64_MAX

typedef struct MC146818 {
    Device dev;
    Timer timer;
    uint64_t rtc_base;
    int64_t offset;                     /* divider chain - guest clock, ns */
    int64_t stopped_at;                 /* the chain, while it is reset */
    int64_t shift;                      /* time of day - chain seconds */
    int64_t seen_sec, seen_period;      /* flags are worked out until here */
    int64_t written_sec;                /* registers are as the guest wrote them */
    int32_t weekday_shift;              /* the guest's day of the week - ours */
    uint8_t index;                      /* port 70h */
    uint8_t cmos[NUM_CMOS];
} MC146818;

/* -- Calendar ---------------------------------------------------------------- */

typedef struct Date { int year, month, day; } Date;

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t floor_mod(int64_t a, int64_t b)
{
    return a - floor_div(a, b) * b;
}

/*
 * Days since 1970-01-01, Gregorian.  A year is counted from March, so that the
 * leap day is its last: 153 days in each five months from there.
 */
static int64_t days_from_date(Date d)
{
    int64_t months = (int64_t)d.year * 12 + d.month - 3;
    int64_t y = floor_div(months, 12), m = floor_mod(months, 12);

    return y * 365 + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) +
           (m * 153 + 2) / 5 + d.day - 1 - 719468;
}

static Date date_from_days(int64_t days)
{
    int64_t n = days + 719468;          /* since 0000-03-01 */
    int64_t y = floor_div(n * 400, 146097);     /* perhaps one too many */

    while (days_from_date((Date){ (int)y, 3, 1 }) > days) {
        y--;
    }
    while (days_from_date((Date){ (int)y + 1, 3, 1 }) <= days) {
        y++;
    }
    int yday = (int)(days - days_from_date((Date){ (int)y, 3, 1 }));
    int m = (yday * 5 + 2) / 153;

    return (Date){ (int)y + (m >= 10), m >= 10 ? m - 9 : m + 3,
                   yday - (m * 153 + 2) / 5 + 1 };
}

/* 1970-01-01 was a Thursday; registers count from Sunday = 1. */
static int weekday_of(int64_t days)
{
    return (int)floor_mod(days + 4, 7) + 1;
}

/* -- Time registers ---------------------------------------------------------- */

static bool divider_reset(const MC146818 *s)
{
    return (s->cmos[REG_A] & A_DV_RESET) == A_DV_RESET;
}

static bool updating(const MC146818 *s)
{
    return !(s->cmos[REG_B] & B_SET) && !divider_reset(s);
}

static int64_t chain_ns(const MC146818 *s)
{
    return divider_reset(s) ? s->stopped_at : clock_now(s->dev.clock) + s->offset;
}

static int64_t chain_sec(const MC146818 *s)
{
    return floor_div(chain_ns(s), NS_PER_SEC);
}

static uint8_t encode(const MC146818 *s, int v)
{
    return (uint8_t)(s->cmos[REG_B] & B_DM ? v : v / 10 << 4 | v % 10);
}

static int decode(const MC146818 *s, uint8_t v)
{
    return s->cmos[REG_B] & B_DM ? v : (v >> 4) * 10 + (v & 15);
}

static uint8_t encode_hour(const MC146818 *s, int hour)
{
    if (s->cmos[REG_B] & B_24) {
        return encode(s, hour);
    }
    return (uint8_t)(encode(s, hour % 12 ? hour % 12 : 12) |
                     (hour >= 12 ? HOUR_PM : 0));
}

static int decode_hour(const MC146818 *s, uint8_t v)
{
    if (s->cmos[REG_B] & B_24) {
        return decode(s, v);
    }
    return decode(s, v & ~HOUR_PM) % 12 + (v & HOUR_PM ? 12 : 0);
}

/* What was written stays, impossible dates too, until the next update. */
static void registers_from_time(MC146818 *s)
{
    int64_t t = chain_sec(s) + s->shift, days = floor_div(t, SECS_PER_DAY);
    int sec = (int)floor_mod(t, SECS_PER_DAY);
    int weekday = (int)floor_mod(weekday_of(days) - 1 + s->weekday_shift, 7) + 1;
    Date d = date_from_days(days);
    int century = (int)floor_mod(floor_div(d.year, 100), 100);

    if (chain_sec(s) == s->written_sec) {
        return;
    }
    s->cmos[SECOND] = encode(s, sec % 60);
    s->cmos[MINUTE] = encode(s, sec / 60 % 60);
    s->cmos[HOUR] = encode_hour(s, sec / 3600);
    s->cmos[WEEKDAY] = encode(s, weekday);
    s->cmos[DAY] = encode(s, d.day);
    s->cmos[MONTH] = encode(s, d.month);
    s->cmos[YEAR] = encode(s, (int)floor_mod(d.year, 100));
    /* BCD in either mode: the chip does not know this byte. */
    s->cmos[MC146818_CENTURY] = (uint8_t)(century / 10 << 4 | century % 10);
}

static int64_t time_from_registers(const MC146818 *s)
{
    uint8_t century = s->cmos[MC146818_CENTURY];
    int year = ((century >> 4) * 10 + (century & 15)) * 100 +
               decode(s, s->cmos[YEAR]);
    Date d = { year, decode(s, s->cmos[MONTH]), decode(s, s->cmos[DAY]) };

    return days_from_date(d) * SECS_PER_DAY +
           decode_hour(s, s->cmos[HOUR]) * 3600 +
           decode(s, s->cmos[MINUTE]) * 60 + decode(s, s->cmos[SECOND]);
}

/* The registers are the time from now on; the fraction of a second stays. */
static void time_changed(MC146818 *s)
{
    int64_t t = time_from_registers(s);
    int64_t days = floor_div(t, SECS_PER_DAY);

    s->weekday_shift = (int32_t)floor_mod(
        decode(s, s->cmos[WEEKDAY]) - weekday_of(days), 7);
    s->seen_sec = s->written_sec = chain_sec(s);
    s->shift = t - s->seen_sec;
}

/* -- Flags ------------------------------------------------------------------- */

static bool alarm_field(uint8_t alarm, uint8_t val)
{
    return (alarm & DONT_CARE) == DONT_CARE || alarm == val;
}

/* The first second after t at which the alarm matches, or NEVER. */
static int64_t next_alarm(const MC146818 *s, int64_t t)
{
    int64_t end = t + SECS_PER_DAY;

    for (t++; t <= end;) {
        int sec = (int)floor_mod(t, SECS_PER_DAY);

        if (!alarm_field(s->cmos[HOUR_ALARM], encode_hour(s, sec / 3600))) {
            t += 3600 - sec % 3600;
        } else if (!alarm_field(s->cmos[MINUTE_ALARM], encode(s, sec / 60 % 60))) {
            t += 60 - sec % 60;
        } else if (!alarm_field(s->cmos[SECOND_ALARM], encode(s, sec % 60))) {
            t++;
        } else {
            return t;
        }
    }
    return NEVER;
}

/* Table 5, 32.768 kHz: crystal cycles per periodic interrupt, 0: none. */
static int period_cycles(const MC146818 *s)
{
    int rs = s->cmos[REG_A] & A_RS;

    return rs == 0 ? 0 : rs < 3 ? 1 << (rs + 6) : 1 << (rs - 1);
}

/* Number of the running period, from time 0 of the chain. */
static int64_t period_now(const MC146818 *s)
{
    int64_t ns = chain_ns(s), sec = floor_div(ns, NS_PER_SEC);
    int64_t part = muldiv64(ns - sec * NS_PER_SEC, CRYSTAL_HZ, NS_PER_SEC);

    return (sec * CRYSTAL_HZ + part) / period_cycles(s);
}

/* The first nanosecond of a period. */
static int64_t period_start(const MC146818 *s, int64_t period)
{
    int64_t cycle = period * period_cycles(s);
    int64_t sec = floor_div(cycle, CRYSTAL_HZ);
    int64_t part = cycle - sec * CRYSTAL_HZ;

    return sec * NS_PER_SEC + (part * NS_PER_SEC + CRYSTAL_HZ - 1) / CRYSTAL_HZ;
}

static void catch_up(MC146818 *s)
{
    uint8_t *c = &s->cmos[REG_C];

    if (period_cycles(s) && !divider_reset(s)) {
        int64_t period = period_now(s);

        *c |= period != s->seen_period ? C_PF : 0;
        s->seen_period = period;
    }
    if (updating(s)) {
        int64_t sec = chain_sec(s), alarm;

        if (sec != s->seen_sec) {
            alarm = next_alarm(s, s->seen_sec + s->shift);
            *c |= C_UF;
            *c |= alarm != NEVER && alarm <= sec + s->shift ? C_AF : 0;
            s->seen_sec = sec;
        }
    }
}

static void arm(MC146818 *s)
{
    uint8_t wanted = s->cmos[REG_B] & ~s->cmos[REG_C] & (B_PIE | B_AIE | B_UIE);
    int64_t when = NEVER, alarm;

    if ((wanted & B_PIE) && period_cycles(s) && !divider_reset(s)) {
        when = MIN(when, period_start(s, s->seen_period + 1));
    }
    if ((wanted & B_UIE) && updating(s)) {
        when = MIN(when, (s->seen_sec + 1) * NS_PER_SEC);
    }
    if ((wanted & B_AIE) && updating(s)) {
        alarm = next_alarm(s, s->seen_sec + s->shift);
        if (alarm != NEVER) {
            when = MIN(when, (alarm - s->shift) * NS_PER_SEC);
        }
    }
    if (when != NEVER) {
        timer_set(&s->timer, when - s->offset);
    } else {
        timer_cancel(&s->timer);
    }
}

/* After each change of A, B, C, the alarm or the time. */
static void update(MC146818 *s)
{
    uint8_t flags = s->cmos[REG_C] & (C_PF | C_AF | C_UF);
    bool irq = flags & s->cmos[REG_B];

    s->cmos[REG_C] = flags | (irq ? C_IRQF : 0);
    qemu_set_irq(s->dev.irq[0], irq);
    arm(s);
}

static void timer_due(void *opaque)
{
    MC146818 *s = opaque;

    catch_up(s);
    update(s);
}

/* -- Registers --------------------------------------------------------------- */

static bool is_time(unsigned reg)
{
    return reg == SECOND || reg == MINUTE || reg == HOUR ||
           (reg >= WEEKDAY && reg <= YEAR) || reg == MC146818_CENTURY;
}

static bool uip(const MC146818 *s)
{
    int64_t part = floor_mod(chain_ns(s), NS_PER_SEC);

    return updating(s) && part >= NS_PER_SEC - UIP_NS;
}

/* "Divider control": held in reset; the first update is half a second after
 * its release. */
static void write_a(MC146818 *s, uint8_t val)
{
    bool was_reset = divider_reset(s);
    int64_t now = chain_ns(s);

    s->cmos[REG_A] = val & ~A_UIP;
    if (!was_reset && divider_reset(s)) {
        s->stopped_at = now;
    } else if (was_reset && !divider_reset(s)) {
        now = floor_div(now, NS_PER_SEC) * NS_PER_SEC + NS_PER_SEC / 2;
        s->offset = now - clock_now(s->dev.clock);
        s->seen_sec = chain_sec(s);
    }
    if (period_cycles(s) && !divider_reset(s)) {
        s->seen_period = period_now(s);
    }
}

/* "SET ... the UIE bit is cleared when the SET bit goes high." */
static void write_b(MC146818 *s, uint8_t val)
{
    bool was_set = s->cmos[REG_B] & B_SET;

    if (!was_set) {
        registers_from_time(s);
    }
    if (val & B_SET) {
        val &= ~B_UIE;
    }
    if ((val ^ s->cmos[REG_B]) & (B_DM | B_24)) {
        s->written_sec = NEVER;
    }
    s->cmos[REG_B] = val;
    if (was_set && !(val & B_SET)) {
        time_changed(s);
    }
}

static void write_time(MC146818 *s, unsigned reg, uint8_t val)
{
    if (s->cmos[REG_B] & B_SET) {
        s->cmos[reg] = val;
        return;
    }
    registers_from_time(s);
    s->cmos[reg] = val;
    time_changed(s);
}

static void write_data(MC146818 *s, unsigned reg, uint8_t val)
{
    catch_up(s);
    if (is_time(reg)) {
        write_time(s, reg, val);
    } else if (reg == REG_A) {
        write_a(s, val);
    } else if (reg == REG_B) {
        write_b(s, val);
    } else if (reg == REG_C || reg == REG_D) {
        log_guest("mc146818", "write 0x%02x to read-only register %u", val, reg);
    } else {
        s->cmos[reg] = val;
    }
    update(s);
}

static uint8_t read_data(MC146818 *s, unsigned reg)
{
    uint8_t val;

    catch_up(s);
    if (is_time(reg) && !(s->cmos[REG_B] & B_SET)) {
        registers_from_time(s);
    }
    val = s->cmos[reg];
    switch (reg) {
    case REG_A:
        return val | (uip(s) ? A_UIP : 0);
    case REG_C:                         /* flags are cleared by reading them */
        update(s);
        val = s->cmos[REG_C];
        s->cmos[REG_C] = 0;
        update(s);
        return val;
    case REG_D:
        return D_VRT;
    default:
        return val;
    }
}

static uint64_t read_port(void *opaque, hwaddr offset, unsigned size)
{
    MC146818 *s = opaque;

    (void)size;
    return offset == 0 ? 0xff : read_data(s, s->index & (NUM_CMOS - 1));
}

static void write_port(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    MC146818 *s = opaque;

    (void)size;
    if (offset == 0) {
        s->index = (uint8_t)val;
        qemu_set_irq(s->dev.irq[1], s->index >> 7);
    } else {
        write_data(s, s->index & (NUM_CMOS - 1), (uint8_t)val);
    }
}

static const MemoryRegionOps port_ops = {
    .read = read_port, .write = write_port, .min = 1, .max = 1,
};

void mc146818_set_cmos(Device *d, unsigned index, uint8_t val)
{
    ((MC146818 *)d)->cmos[index % NUM_CMOS] = val;
}

uint8_t mc146818_get_cmos(const Device *d, unsigned index)
{
    return ((const MC146818 *)d)->cmos[index % NUM_CMOS];
}

/* -- The type ---------------------------------------------------------------- */

/* What the PC's firmware finds after a battery change is undefined; this is
 * what it would set: 32768 Hz, 1024 Hz periodic rate, 24 hours, BCD. */
static void mc146818_init(Device *d)
{
    MC146818 *s = (MC146818 *)d;

    timer_init(d->clock, &s->timer, timer_due, s);
    s->cmos[REG_A] = 0x26;
    s->cmos[REG_B] = B_24;
}

static int mc146818_realize(Device *d, Error *err)
{
    MC146818 *s = (MC146818 *)d;

    (void)err;
    s->offset = clock_host_ns() + (int64_t)s->rtc_base - clock_now(d->clock);
    s->seen_sec = chain_sec(s);
    s->seen_period = period_now(s);
    s->written_sec = NEVER;
    return 0;
}

/* "RESET": time, RAM and register A are not affected. */
static void mc146818_reset(Device *d)
{
    MC146818 *s = (MC146818 *)d;

    catch_up(s);
    s->cmos[REG_B] &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    s->cmos[REG_C] = 0;
    s->index = 0;
    qemu_set_irq(d->irq[1], 0);
    update(s);
}

static bool sane(int64_t val, int bits)
{
    return val > -(1ll << bits) && val < 1ll << bits;
}

static int mc146818_post_load(Device *d, Error *err)
{
    MC146818 *s = (MC146818 *)d;

    if (!sane(s->offset, 62) || !sane(s->stopped_at, 62) ||
        !sane(s->seen_sec, 32) || !sane(s->shift, 40) ||
        !sane(s->seen_period, 46)) {
        return error_set(err, EINVAL, "mc146818: snapshot has an impossible time");
    }
    s->weekday_shift %= 7;
    s->cmos[REG_A] &= ~A_UIP;
    qemu_set_irq(d->irq[1], s->index >> 7);
    update(s);
    return 0;
}

static void mc146818_free(Device *d)
{
    timer_cancel(&((MC146818 *)d)->timer);
}

static const WindowDef mc146818_windows[] = {
    { "ports", true, 2, NULL, &port_ops },
    { .name = NULL }
};

static const PropDef mc146818_props[] = {
    { "rtc_base", PROP_U64, offsetof(MC146818, rtc_base), 0,
      "guest time of day - host UTC, in ns" },
    { .name = NULL }
};

static const VMField mc146818_vmstate[] = {
    VM_FIELD(MC146818, offset),
    VM_FIELD(MC146818, stopped_at),
    VM_FIELD(MC146818, shift),
    VM_FIELD(MC146818, seen_sec),
    VM_FIELD(MC146818, seen_period),
    VM_FIELD(MC146818, written_sec),
    VM_FIELD(MC146818, weekday_shift),
    VM_FIELD(MC146818, index),
    VM_ARRAY(MC146818, cmos),
    VM_TIMER(MC146818, timer),
    VM_END
};

const DeviceType mc146818_type = {
    .name       = "mc146818",
    .desc       = "real time clock and CMOS RAM",
    .manual     = "Motorola MC146818A",
    .bus        = "sys",
    .state_size = sizeof(MC146818),
    .windows    = mc146818_windows,
    .props      = mc146818_props,
    .vmstate    = mc146818_vmstate,
    .num_irqs   = 2,
    .init       = mc146818_init,
    .realize    = mc146818_realize,
    .reset      = mc146818_reset,
    .post_load  = mc146818_post_load,
    .free       = mc146818_free,
};
