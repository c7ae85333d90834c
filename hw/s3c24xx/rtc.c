/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A real time clock (S3C2440A User's Manual rev. 1, chapter 17).
 *
 *      guest time + phase --> seconds --> BCDSEC .. BCDYEAR ==? ALMxxx --> alarm
 *                         '--> 1/128 s / (TICNT + 1) --> tick
 *
 * The counters are as the guest wrote them, impossible dates too, at second
 * `as_of`; catch_up() adds the seconds since whenever somebody looks.  A Timer
 * runs each second while the alarm is enabled, and one for the tick.  The time
 * goes on over a reset, and in sleep mode.
 *
 * The year has two digits, and each fourth is a leap year, 00 is 2000 ("Leap year
 * generator").
 *
 * Not modelled: RTCCON's CLKSEL, CNTSEL and CLKRST, which are for tests of the
 * chip (they are stored).
 */
#include "hw/s3c24xx/rtc.h"

#include <errno.h>

#include "util/bits.h"
#include "util/log.h"

enum { SEC, MIN_, HOUR, DATE, DAY, MON, YEAR, NUM_FIELDS };
enum { RTCCON_RTCEN = 1 };
enum { TICNT_ENABLE = 0x80, TICNT_COUNT = 0x7f };
#define TICK_NS (NS_PER_SEC / 128)
enum { RTCALM_ALMEN = 0x40, RTCALM_BITS = 0x7f };
enum { RTCRST_ENABLE = 8 };
enum { SECS_PER_DAY = 86400, YEARS = 100, DAYS_PER_CENTURY = 36525 };
/* 1970-01-01 to 2000-01-01, a Saturday; BCDDAY 1 is Sunday */
enum { DAYS_TO_2000 = 10957, DAY_OF_2000 = 6 };

typedef struct S3cRtc {
    Device dev;
    uint64_t rtc_base;
    Timer second, tick;
    int64_t phase;                      /* chain of seconds - guest time, ns */
    int64_t as_of;                      /* second at which the counters are so */
    uint32_t field[NUM_FIELDS];         /* BCD */
    uint32_t alarm[NUM_FIELDS];         /* BCD; DAY is not compared */
    uint32_t rtccon, ticnt, rtcalm, rtcrst;
    uint8_t matches;
} S3cRtc;

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t chain_sec(const S3cRtc *s)
{
    return floor_div(clock_now(s->dev.clock) + s->phase, NS_PER_SEC);
}

/* -- Calendar ---------------------------------------------------------------- */

static uint32_t to_bcd(int64_t v)
{
    return (uint32_t)(v / 10 << 4 | v % 10);
}

static int64_t from_bcd(uint32_t v)
{
    return (v >> 4) * 10 + (v & 15);
}

static int days_in(int month, int year)
{
    static const uint8_t days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    return days[month] + (month == 1 && year % 4 == 0);
}

/* Days since 2000-01-01, of anything the counters may hold. */
static int64_t days_of(const S3cRtc *s)
{
    int month = (int)MIN(MAX(from_bcd(s->field[MON]), 1), 12) - 1;
    int year = (int)(from_bcd(s->field[YEAR]) % YEARS);
    int64_t days = year * 365 + (year + 3) / 4 + MAX(from_bcd(s->field[DATE]), 1) - 1;

    for (int m = 0; m < month; m++) {
        days += days_in(m, year);
    }
    return days;
}

static void set_date(S3cRtc *s, int64_t days)
{
    int year = 0, month = 0;

    days = (days % DAYS_PER_CENTURY + DAYS_PER_CENTURY) % DAYS_PER_CENTURY;
    for (; days >= 365 + (year % 4 == 0); year++) {
        days -= 365 + (year % 4 == 0);
    }
    for (; days >= days_in(month, year); month++) {
        days -= days_in(month, year);
    }
    s->field[YEAR] = to_bcd(year);
    s->field[MON] = to_bcd(month + 1);
    s->field[DATE] = to_bcd(days + 1);
}

static void set_time_of_day(S3cRtc *s, int64_t sec)
{
    s->field[SEC] = to_bcd(sec % 60);
    s->field[MIN_] = to_bcd(sec / 60 % 60);
    s->field[HOUR] = to_bcd(sec / 3600);
}

/* The day of the week is a counter of its own. */
static void catch_up(S3cRtc *s)
{
    int64_t now = chain_sec(s), past = now - s->as_of;
    int64_t sec = from_bcd(s->field[SEC]) + 60 * from_bcd(s->field[MIN_]) +
                  3600 * from_bcd(s->field[HOUR]) + past;

    if (past == 0) {
        return;
    }
    int64_t carry = floor_div(sec, SECS_PER_DAY);
    set_time_of_day(s, sec - carry * SECS_PER_DAY);
    if (carry) {
        int64_t day = MAX((int64_t)s->field[DAY], 1) - 1 + carry % 7 + 7;

        set_date(s, days_of(s) + carry);
        s->field[DAY] = (uint32_t)(day % 7 + 1);
    }
    s->as_of = now;
}

/* -- Alarm and tick ---------------------------------------------------------- */

/* RTCALM's bits, in their order. */
static const uint8_t alarm_fields[6] = { SEC, MIN_, HOUR, DATE, MON, YEAR };

static bool alarm_matches(const S3cRtc *s)
{
    bool any = false;

    for (int i = 0; i < 6; i++) {
        uint8_t f = alarm_fields[i];

        if (s->rtcalm >> i & 1) {
            any = true;
            if (s->alarm[f] != s->field[f]) {
                return false;
            }
        }
    }
    return any && (s->rtcalm & RTCALM_ALMEN);
}

/* It comes when the counters become equal. */
static void compare(S3cRtc *s)
{
    bool before = s->matches;

    catch_up(s);
    s->matches = alarm_matches(s);
    if (s->matches && !before) {
        qemu_irq_pulse(s->dev.irq[S3C_RTC_OUT_ALARM]);
        qemu_irq_pulse(s->dev.irq[S3C_RTC_OUT_WAKE]);
    }
    if (s->rtcalm & RTCALM_ALMEN) {
        timer_set(&s->second, (s->as_of + 1) * NS_PER_SEC - s->phase);
    } else {
        timer_cancel(&s->second);
    }
}

static void second_begins(void *opaque)
{
    compare(opaque);
}

/* "Tick time interrupt": period = (n + 1) / 128 s. */
static void arm_tick(S3cRtc *s)
{
    int64_t period = ((s->ticnt & TICNT_COUNT) + 1) * TICK_NS;

    if (s->ticnt & TICNT_ENABLE) {
        timer_set(&s->tick, (clock_now(s->dev.clock) / period + 1) * period);
    } else {
        timer_cancel(&s->tick);
    }
}

static void tick_due(void *opaque)
{
    S3cRtc *s = opaque;

    qemu_irq_pulse(s->dev.irq[S3C_RTC_OUT_TICK]);
    arm_tick(s);
}

/* -- Registers --------------------------------------------------------------- */

static uint32_t read_field(Device *d, int n)
{
    catch_up((S3cRtc *)d);
    return ((S3cRtc *)d)->field[n];
}

/* "RTCEN": without it the counters are not written. */
static void write_field(Device *d, int n, uint32_t val)
{
    S3cRtc *s = (S3cRtc *)d;

    if (!(s->rtccon & RTCCON_RTCEN)) {
        log_guest("s3c2440-rtc", "the time is written, and RTCEN is off");
        return;
    }
    catch_up(s);
    s->field[n] = val;
    compare(s);
}

/* A register hook is given the chip; these know which counter it is. */
#define HOOKS(name, n)                                                          \
    static uint32_t read_##name(Device *d) { return read_field(d, n); }         \
    static void write_##name(Device *d, uint32_t val) { write_field(d, n, val); }

HOOKS(sec, SEC)
HOOKS(min, MIN_)
HOOKS(hour, HOUR)
HOOKS(date, DATE)
HOOKS(day, DAY)
HOOKS(mon, MON)
HOOKS(year, YEAR)

static void write_alarm(Device *d, uint32_t val)
{
    (void)val;
    compare((S3cRtc *)d);
}

static void write_ticnt(Device *d, uint32_t val)
{
    (void)val;
    arm_tick((S3cRtc *)d);
}

/* "Round reset": from 30, 40 or 50 seconds on a minute is carried. */
static void write_rtcrst(Device *d, uint32_t val)
{
    S3cRtc *s = (S3cRtc *)d;
    int64_t boundary = 10 * (val & 7);

    if (!(val & RTCRST_ENABLE)) {
        return;
    }
    catch_up(s);
    if (boundary >= 30 && boundary <= 50 && from_bcd(s->field[SEC]) >= boundary) {
        s->as_of -= 60;                 /* a minute is missing */
    }
    s->field[SEC] = 0;
    compare(s);
}

/* clang-format off */
#define AT(m) offsetof(S3cRtc, m)
#define VIRT REG_VIRTUAL
/* "Real time clock special registers", as seen by little endian. */
static const RegDef rtc_regs[] = {
    { "RTCCON",  0x40, AT(rtccon),       REG_RW, 0, 0x0f,        NULL,      NULL },
    { "TICNT",   0x44, AT(ticnt),        REG_RW, 0, 0xff,        NULL,      write_ticnt },
    { "RTCALM",  0x50, AT(rtcalm),       REG_RW, 0, RTCALM_BITS, NULL,      write_alarm },
    { "ALMSEC",  0x54, AT(alarm[SEC]),   REG_RW, 0, 0x7f,        NULL,      write_alarm },
    { "ALMMIN",  0x58, AT(alarm[MIN_]),  REG_RW, 0, 0x7f,        NULL,      write_alarm },
    { "ALMHOUR", 0x5c, AT(alarm[HOUR]),  REG_RW, 0, 0x3f,        NULL,      write_alarm },
    { "ALMDATE", 0x60, AT(alarm[DATE]),  REG_RW, 1, 0x3f,        NULL,      write_alarm },
    { "ALMMON",  0x64, AT(alarm[MON]),   REG_RW, 1, 0x1f,        NULL,      write_alarm },
    { "ALMYEAR", 0x68, AT(alarm[YEAR]),  REG_RW, 0, 0xff,        NULL,      write_alarm },
    { "RTCRST",  0x6c, AT(rtcrst),       REG_RW, 0, 0x0f,        NULL,      write_rtcrst },
    { "BCDSEC",  0x70, VIRT,             REG_RW, 0, 0x7f,        read_sec,  write_sec },
    { "BCDMIN",  0x74, VIRT,             REG_RW, 0, 0x7f,        read_min,  write_min },
    { "BCDHOUR", 0x78, VIRT,             REG_RW, 0, 0x3f,        read_hour, write_hour },
    { "BCDDATE", 0x7c, VIRT,             REG_RW, 0, 0x3f,        read_date, write_date },
    { "BCDDAY",  0x80, VIRT,             REG_RW, 0, 0x07,        read_day,  write_day },
    { "BCDMON",  0x84, VIRT,             REG_RW, 0, 0x1f,        read_mon,  write_mon },
    { "BCDYEAR", 0x88, VIRT,             REG_RW, 0, 0xff,        read_year, write_year },
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static void rtc_init(Device *d)
{
    S3cRtc *s = (S3cRtc *)d;

    timer_init(d->clock, &s->second, second_begins, s);
    timer_init(d->clock, &s->tick, tick_due, s);
}

static int rtc_realize(Device *d, Error *err)
{
    S3cRtc *s = (S3cRtc *)d;
    int64_t ns = clock_host_ns() + (int64_t)s->rtc_base;
    int64_t t = floor_div(ns, NS_PER_SEC), days = floor_div(t, SECS_PER_DAY);

    (void)err;
    s->phase = ns - t * NS_PER_SEC - clock_now(d->clock);
    s->as_of = chain_sec(s);
    set_time_of_day(s, t - days * SECS_PER_DAY);
    set_date(s, days - DAYS_TO_2000);
    s->field[DAY] = (uint32_t)(((days - DAYS_TO_2000 + DAY_OF_2000) % 7 + 7) % 7 + 1);
    return 0;
}

static void rtc_reset(Device *d)
{
    S3cRtc *s = (S3cRtc *)d;

    timer_cancel(&s->second);
    timer_cancel(&s->tick);
    s->second.deadline = s->tick.deadline = 0;
    s->matches = 0;
    for (unsigned i = 0; i < S3C_RTC_NUM_OUTPUTS; i++) {
        qemu_irq_lower(d->irq[i]);
    }
}

static int rtc_post_load(Device *d, Error *err)
{
    static const uint8_t masks[NUM_FIELDS] = { 0x7f, 0x7f, 0x3f, 0x3f, 0x07, 0x1f, 0xff };
    S3cRtc *s = (S3cRtc *)d;
    const int64_t far = 1ll << 32;

    if (s->phase < -(1ll << 61) || s->phase > 1ll << 61 || s->as_of < -far || s->as_of > far) {
        return error_set(err, EINVAL, "s3c2440-rtc: snapshot has an impossible time");
    }
    for (int i = 0; i < NUM_FIELDS; i++) {
        s->field[i] &= masks[i];
        s->alarm[i] &= masks[i];
    }
    s->rtcalm &= RTCALM_BITS;
    s->matches = s->matches != 0;
    return 0;
}

static void rtc_free(Device *d)
{
    timer_cancel(&((S3cRtc *)d)->second);
    timer_cancel(&((S3cRtc *)d)->tick);
}

static const WindowDef rtc_windows[] = {
    { "rtc", false, 0x1000, rtc_regs, NULL },
    { .name = NULL }
};

static const PropDef rtc_props[] = {
    { "rtc_base", PROP_U64, AT(rtc_base), 0, "guest time of day - host UTC, in ns" },
    { .name = NULL }
};

static const VMField rtc_vmstate[] = {
    VM_TIMER(S3cRtc, second),
    VM_TIMER(S3cRtc, tick),
    VM_FIELD(S3cRtc, phase),
    VM_FIELD(S3cRtc, as_of),
    VM_ARRAY(S3cRtc, field),
    VM_ARRAY(S3cRtc, alarm),
    VM_FIELD(S3cRtc, rtccon),
    VM_FIELD(S3cRtc, ticnt),
    VM_FIELD(S3cRtc, rtcalm),
    VM_FIELD(S3cRtc, rtcrst),
    VM_FIELD(S3cRtc, matches),
    VM_END
};

const DeviceType s3c2440_rtc_type = {
    .name       = "s3c2440-rtc",
    .desc       = "real time clock",
    .manual     = "S3C2440A User's Manual, chapter 17",
    .bus        = "sys",
    .state_size = sizeof(S3cRtc),
    .windows    = rtc_windows,
    .props      = rtc_props,
    .vmstate    = rtc_vmstate,
    .num_irqs   = S3C_RTC_NUM_OUTPUTS,
    .init       = rtc_init,
    .realize    = rtc_realize,
    .reset      = rtc_reset,
    .post_load  = rtc_post_load,
    .free       = rtc_free,
};
