/* SPDX-License-Identifier: MIT */
/*
 * Dallas/Maxim DS1338 serial real time clock (19-4935).
 *
 *      guest time + offset --START, wrap--> regs 00-06 <--> I2C
 *               ^-----------STOP, if written--'
 *                                           07 control, 08-3f RAM
 *
 * The time is copied to the registers at START, so that a transfer sees one
 * moment ("user buffers"), and what a transfer wrote becomes the time at its
 * end.  Time and RAM are kept by the battery, over any reset.
 *
 * Not modelled: the square wave output (its control bits are stored).
 */
#include "hw/i2c/ds1338.h"

#include <errno.h>
#include <time.h>

#include "hw/i2c/i2c.h"
#include "util/bits.h"

/* Table 3, timekeeper registers */
enum { SECONDS, MINUTES, HOURS, DAY, DATE, MONTH, YEAR, CONTROL, NUM_REGS = 64 };
enum { NUM_TIME = 7 };
enum { SECONDS_HALT = 0x80, HOURS_12 = 0x40, HOURS_PM = 0x20 };
enum { CONTROL_OUT = 0x80, CONTROL_OSF = 0x20, CONTROL_SQWE = 0x10, CONTROL_RS = 0x03 };

typedef struct Ds1338 {
    I2CDevice i2c;
    uint64_t rtc_base;
    int64_t offset;                     /* time of day - guest time, ns */
    int64_t halted_at;                  /* time of day, while CH is set */
    uint8_t halted;
    uint8_t weekday_shift;              /* day of the week - the calendar's */
    uint8_t pointer, pointed;           /* register; the first byte was written */
    uint8_t written;                    /* time registers, since START */
    uint8_t regs[NUM_REGS];
} Ds1338;

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t time_ns(const Ds1338 *s)
{
    return s->halted ? s->halted_at : clock_now(s->i2c.dev.clock) + s->offset;
}

static uint8_t to_bcd(int v)
{
    return (uint8_t)(v / 10 << 4 | v % 10);
}

static int from_bcd(uint8_t v)
{
    return (v >> 4) * 10 + (v & 15);
}

static uint8_t encode_hour(int hour, bool twelve)
{
    if (!twelve) {
        return to_bcd(hour);
    }
    return to_bcd(hour % 12 ? hour % 12 : 12) | HOURS_12 | (hour >= 12 ? HOURS_PM : 0);
}

static int decode_hour(uint8_t v)
{
    if (!(v & HOURS_12)) {
        return from_bcd(v & 0x3f);
    }
    return from_bcd(v & 0x1f) % 12 + (v & HOURS_PM ? 12 : 0);
}

/* -- The time and its registers ----------------------------------------------- */

static void copy_time(Ds1338 *s)
{
    time_t t = (time_t)floor_div(time_ns(s), NS_PER_SEC);
    struct tm tm;

    gmtime_r(&t, &tm);
    s->regs[SECONDS] = to_bcd(tm.tm_sec) | (s->halted ? SECONDS_HALT : 0);
    s->regs[MINUTES] = to_bcd(tm.tm_min);
    s->regs[HOURS] = encode_hour(tm.tm_hour, s->regs[HOURS] & HOURS_12);
    s->regs[DAY] = (uint8_t)((tm.tm_wday + s->weekday_shift) % 7 + 1);
    s->regs[DATE] = to_bcd(tm.tm_mday);
    s->regs[MONTH] = to_bcd(tm.tm_mon + 1);
    s->regs[YEAR] = to_bcd((tm.tm_year % 100 + 100) % 100);
}

/* Years are 2000 to 2099; a date that is none becomes the one it runs into. */
static int64_t decode_time(const Ds1338 *s)
{
    struct tm tm = {
        .tm_sec = from_bcd(s->regs[SECONDS] & 0x7f),
        .tm_min = from_bcd(s->regs[MINUTES] & 0x7f),
        .tm_hour = decode_hour(s->regs[HOURS]),
        .tm_mday = from_bcd(s->regs[DATE] & 0x3f),
        .tm_mon = from_bcd(s->regs[MONTH] & 0x1f) - 1,
        .tm_year = 100 + from_bcd(s->regs[YEAR]),
    };

    return timegm(&tm);
}

static void set_weekday(Ds1338 *s, int64_t sec)
{
    time_t t = (time_t)sec;
    struct tm tm;

    gmtime_r(&t, &tm);
    s->weekday_shift = (uint8_t)((s->regs[DAY] % 7 + 13 - tm.tm_wday) % 7);
}

/* "Writing the seconds register resets the countdown chain", and CH stops it,
 * which OSF remembers. */
static void take_time(Ds1338 *s)
{
    int64_t sec = decode_time(s);
    int64_t part = time_ns(s) - floor_div(time_ns(s), NS_PER_SEC) * NS_PER_SEC;
    int64_t now = sec * NS_PER_SEC + (s->written & 1 << SECONDS ? 0 : part);

    s->halted = (s->regs[SECONDS] & SECONDS_HALT) != 0;
    if (s->halted) {
        s->halted_at = now;
        s->regs[CONTROL] |= CONTROL_OSF;
    } else {
        s->offset = now - clock_now(s->i2c.dev.clock);
    }
    set_weekday(s, sec);
    s->written = 0;
}

/* -- The bus ----------------------------------------------------------------- */

static void end_transfer(Ds1338 *s)
{
    if (s->written) {
        take_time(s);
    }
}

static bool ds1338_start(I2CDevice *d, uint8_t address, bool read)
{
    Ds1338 *s = (Ds1338 *)d;

    (void)address;
    end_transfer(s);
    copy_time(s);
    s->pointed = read;
    return true;
}

static void advance(Ds1338 *s)
{
    s->pointer = (s->pointer + 1) % NUM_REGS;
    if (s->pointer == 0) {
        end_transfer(s);
        copy_time(s);
    }
}

/* "OSF can only be written to 0". */
static uint8_t control_bits(const Ds1338 *s, uint8_t val)
{
    return (val & (CONTROL_OUT | CONTROL_SQWE | CONTROL_RS)) |
           (val & s->regs[CONTROL] & CONTROL_OSF);
}

static bool ds1338_write(I2CDevice *d, uint8_t val)
{
    Ds1338 *s = (Ds1338 *)d;

    if (!s->pointed) {
        s->pointer = val % NUM_REGS;
        s->pointed = 1;
        return true;
    }
    s->regs[s->pointer] = s->pointer == CONTROL ? control_bits(s, val) : val;
    if (s->pointer < NUM_TIME) {
        s->written |= (uint8_t)(1u << s->pointer);
    }
    advance(s);
    return true;
}

static uint8_t ds1338_read(I2CDevice *d)
{
    Ds1338 *s = (Ds1338 *)d;
    uint8_t val = s->regs[s->pointer];

    advance(s);
    return val;
}

static void ds1338_stop(I2CDevice *d)
{
    end_transfer((Ds1338 *)d);
}

static const I2CDeviceOps ds1338_ops = {
    .start = ds1338_start,
    .write = ds1338_write,
    .read  = ds1338_read,
    .stop  = ds1338_stop,
};

/* -- The type ---------------------------------------------------------------- */

/* "Power-on", but for OSF: the clock was set before the machine was made. */
static int ds1338_realize(Device *d, Error *err)
{
    Ds1338 *s = (Ds1338 *)d;

    s->offset = clock_host_ns() + (int64_t)s->rtc_base - clock_now(d->clock);
    s->regs[CONTROL] = CONTROL_OUT | CONTROL_SQWE | CONTROL_RS;
    copy_time(s);
    return i2c_plug(&s->i2c, err);
}

/* There is no reset pin; a transfer that was cut off ends. */
static void ds1338_reset(Device *d)
{
    Ds1338 *s = (Ds1338 *)d;

    end_transfer(s);
    s->pointed = 0;
}

static bool sane(int64_t ns)
{
    return ns > -(1ll << 61) && ns < 1ll << 62;
}

static int ds1338_post_load(Device *d, Error *err)
{
    Ds1338 *s = (Ds1338 *)d;

    if (!sane(s->offset) || !sane(s->halted_at) || s->pointer >= NUM_REGS) {
        return error_set(err, EINVAL, "ds1338: snapshot has an impossible time");
    }
    s->weekday_shift %= 7;
    return 0;
}

static void ds1338_free(Device *d)
{
    i2c_unplug(&((Ds1338 *)d)->i2c);
}

static const PropDef ds1338_props[] = {
    I2C_PROPS(Ds1338, 0x68),
    { "rtc_base", PROP_U64, offsetof(Ds1338, rtc_base), 0,
      "guest time of day - host UTC, in ns" },
    { .name = NULL }
};

static const VMField ds1338_vmstate[] = {
    VM_FIELD(Ds1338, offset),
    VM_FIELD(Ds1338, halted_at),
    VM_FIELD(Ds1338, halted),
    VM_FIELD(Ds1338, weekday_shift),
    VM_FIELD(Ds1338, pointer),
    VM_FIELD(Ds1338, pointed),
    VM_FIELD(Ds1338, written),
    VM_ARRAY(Ds1338, regs),
    VM_END
};

const DeviceType ds1338_type = {
    .name       = "ds1338",
    .desc       = "I2C real time clock",
    .manual     = "Maxim 19-4935",
    .bus        = "i2c",
    .state_size = sizeof(Ds1338),
    .props      = ds1338_props,
    .vmstate    = ds1338_vmstate,
    .user_creatable = true,
    .realize    = ds1338_realize,
    .reset      = ds1338_reset,
    .post_load  = ds1338_post_load,
    .free       = ds1338_free,
    .bus_ops    = &ds1338_ops,
};
