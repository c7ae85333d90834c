/* SPDX-License-Identifier: MIT */
/* The MC146818A against its data sheet, as a PC has it. */
#include "hw/timer/mc146818.h"

#include "tests/unit/chip-test.h"

enum { SEC = 0, SEC_ALARM = 1, MIN = 2, MIN_ALARM = 3, HOUR = 4, HOUR_ALARM = 5,
       WEEKDAY = 6, DAY = 7, MONTH = 8, YEAR = 9, A = 10, B = 11, C = 12, D = 13,
       CENTURY = 0x32 };

static uint8_t get(Device *d, uint8_t reg)
{
    device_write(d, 0, 0, reg, 1);
    return (uint8_t)device_read(d, 0, 1, 1);
}

static void set(Device *d, uint8_t reg, uint8_t val)
{
    device_write(d, 0, 0, reg, 1);
    device_write(d, 0, 1, val, 1);
}

static void set_date(Device *d, uint8_t century, uint8_t year, uint8_t month,
                     uint8_t day)
{
    set(d, CENTURY, century);
    set(d, YEAR, year);
    set(d, MONTH, month);
    set(d, DAY, day);
}

static void set_time(Device *d, uint8_t hour, uint8_t min, uint8_t sec)
{
    set(d, HOUR, hour);
    set(d, MIN, min);
    set(d, SEC, sec);
}

/*
 * A clock whose next update is a whole second away, at the given time of the
 * 31st of December 1999, a Friday.  Releasing the divider makes the first
 * update come half a second later.
 */
static Device *clock_at(uint8_t b, uint8_t hour, uint8_t min, uint8_t sec)
{
    Device *d = chip_new(&mc146818_type);

    set(d, B, 0x80 | b);
    set(d, A, 0x76);
    set_date(d, 0x19, b & 4 ? 99 : 0x99, b & 4 ? 12 : 0x12, b & 4 ? 31 : 0x31);
    set(d, WEEKDAY, 6);
    set_time(d, hour, min, sec);
    set(d, B, b);
    set(d, A, 0x26);
    clock_step(&clock_, NS_PER_SEC / 2);
    get(d, C);
    return d;
}

/* "Time, calendar and alarm data modes": BCD, 24 hours; all fields carry. */
TEST(new_year_bcd)
{
    Device *d = clock_at(0x02, 0x23, 0x59, 0x58);

    CHECK_EQ(get(d, SEC), 0x59);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(get(d, SEC), 0x00);
    CHECK_EQ(get(d, MIN), 0x00);
    CHECK_EQ(get(d, HOUR), 0x00);
    CHECK_EQ(get(d, DAY), 0x01);
    CHECK_EQ(get(d, MONTH), 0x01);
    CHECK_EQ(get(d, YEAR), 0x00);
    CHECK_EQ(get(d, CENTURY), 0x20);
    CHECK_EQ(get(d, WEEKDAY), 7);
    device_free(d);
}

/* DM = 1: binary.  24/12 = 0: 12 hours, bit 7 is PM; noon and midnight are 12. */
TEST(binary_and_12_hours)
{
    Device *d = clock_at(0x04, 0x80 | 11, 59, 58);

    CHECK_EQ(get(d, HOUR), 0x80 | 11);
    CHECK_EQ(get(d, SEC), 59);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(get(d, HOUR), 12);
    CHECK_EQ(get(d, DAY), 1);
    clock_step(&clock_, 12 * 3600 * NS_PER_SEC);
    CHECK_EQ(get(d, HOUR), 0x80 | 12);
    clock_step(&clock_, 3600 * NS_PER_SEC);
    CHECK_EQ(get(d, HOUR), 0x80 | 1);
    device_free(d);
}

/* Leap years: 2000 and 2004 are, 2001 and 2100 are not. */
TEST(leap_years)
{
    static const struct { uint8_t century, year, month, day; } cases[] = {
        { 0x20, 0x00, 0x02, 0x29 }, { 0x20, 0x04, 0x02, 0x29 },
        { 0x20, 0x01, 0x03, 0x01 }, { 0x21, 0x00, 0x03, 0x01 },
    };

    for (size_t i = 0; i < 4; i++) {
        Device *d = clock_at(0x02, 0x23, 0x59, 0x30);

        set_date(d, cases[i].century, cases[i].year, 0x02, 0x28);
        clock_step(&clock_, 60 * NS_PER_SEC);
        CHECK_EQ(get(d, MONTH), cases[i].month);
        CHECK_EQ(get(d, DAY), cases[i].day);
        device_free(d);
    }
}

/* "SET: the update cycle is inhibited"; time goes on from what was written.
 * "The UIE bit is cleared when the SET bit goes high." */
TEST(set_holds_the_time)
{
    Device *d = clock_at(0x12, 0x10, 0x20, 0x30);

    set(d, B, 0x92);
    CHECK_EQ(get(d, B), 0x82);
    set(d, MIN, 0x45);
    clock_step(&clock_, 10 * NS_PER_SEC);
    CHECK_EQ(get(d, SEC), 0x31);
    CHECK_EQ(get(d, A) & 0x80, 0);
    set(d, B, 0x02);
    CHECK_EQ(get(d, SEC), 0x31);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(get(d, SEC), 0x32);
    CHECK_EQ(get(d, MIN), 0x45);
    device_free(d);
}

/* "UIP ... the update cycle is in progress or will soon begin": from 244 us
 * before it until its end, 1984 us later. */
TEST(update_in_progress)
{
    Device *d = clock_at(0x02, 0, 0, 0);

    clock_step(&clock_, NS_PER_SEC - 2229 * NS_PER_US);
    CHECK_EQ(get(d, A) & 0x80, 0);
    clock_step(&clock_, 2 * NS_PER_US);
    CHECK_EQ(get(d, A) & 0x80, 0x80);
    clock_step(&clock_, 2226 * NS_PER_US);
    CHECK_EQ(get(d, A) & 0x80, 0x80);
    clock_step(&clock_, NS_PER_US);
    CHECK_EQ(get(d, A) & 0x80, 0);
    CHECK_EQ(get(d, SEC), 2);
    device_free(d);
}

/* "Update-ended interrupt": at the end of each update cycle; IRQ and all flags
 * are cleared by reading C. */
TEST(update_ended_interrupt)
{
    Device *d = clock_at(0x12, 0, 0, 0);

    clock_step(&clock_, NS_PER_SEC - 1);
    CHECK_EQ(wire[0], 0);
    clock_step(&clock_, 1);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(get(d, C) & 0x90, 0x90);
    CHECK_EQ(wire[0], 0);
    CHECK_EQ(get(d, C), 0);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(wire[0], 1);
    device_free(d);
}

/* "The flag bits are set whether or not the enable bit is"; IRQF and the line
 * follow when it is. */
TEST(flags_without_enables)
{
    Device *d = clock_at(0x02, 0, 0, 0);

    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(wire[0], 0);
    set(d, B, 0x12);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(get(d, C) & 0x90, 0x90);
    device_free(d);
}

/* Table 5, 32.768 kHz: rates from 8192 to 2 Hz, 256 and 128 Hz for 1 and 2. */
TEST(periodic_rates)
{
    for (int rs = 1; rs < 16; rs++) {
        Device *d = clock_at(0x42, 0, 0, 0);
        int hz = rs < 3 ? 512 >> rs : 65536 >> rs, num = 0;

        set(d, A, (uint8_t)(0x20 | rs));
        get(d, C);
        for (int i = 0; i < 65536; i++) {
            clock_step(&clock_, NS_PER_SEC * (i + 1) / 65536 - NS_PER_SEC * i / 65536);
            if (wire[0]) {
                num++;
                get(d, C);
            }
        }
        CHECK_EQ(num, hz);
        device_free(d);
    }
}

/* "Alarm": once a day; codes C0h-FFh are "don't care". */
TEST(alarm)
{
    static const struct { uint8_t hour, min, sec; int64_t first, again; } cases[] = {
        { 0x01, 0x00, 0x05, 3604, 86400 },
        { 0xff, 0x00, 0x05,    4,  3600 },
        { 0xc0, 0xc0, 0x05,    4,    60 },
        { 0xff, 0xff, 0xff,    1,     1 },
    };

    for (size_t i = 0; i < 4; i++) {
        Device *d = clock_at(0x02, 0, 0, 0);

        set(d, HOUR_ALARM, cases[i].hour);
        set(d, MIN_ALARM, cases[i].min);
        set(d, SEC_ALARM, cases[i].sec);
        set(d, B, 0x22);
        clock_step(&clock_, cases[i].first * NS_PER_SEC - 1);
        CHECK_EQ(wire[0], 0);
        clock_step(&clock_, 1);
        CHECK_EQ(wire[0], 1);
        CHECK_EQ(get(d, C) & 0xa0, 0xa0);
        clock_step(&clock_, cases[i].again * NS_PER_SEC - 1);
        CHECK_EQ(wire[0], 0);
        clock_step(&clock_, 1);
        CHECK_EQ(wire[0], 1);
        device_free(d);
    }
}

/* "Divider": held in reset by 11x; first update half a second after release. */
TEST(divider_reset)
{
    Device *d = clock_at(0x02, 0x12, 0, 0);

    set(d, A, 0x66);
    clock_step(&clock_, 100 * NS_PER_SEC);
    CHECK_EQ(get(d, SEC), 1);
    set(d, A, 0x26);
    clock_step(&clock_, NS_PER_SEC / 2 - 1);
    CHECK_EQ(get(d, SEC), 1);
    clock_step(&clock_, 1);
    CHECK_EQ(get(d, SEC), 2);
    device_free(d);
}

/* RAM survives reset, which clears PIE, AIE, UIE and the flags only. */
TEST(reset)
{
    Device *d = clock_at(0x72, 0x12, 0x34, 0x56);

    mc146818_set_cmos(d, 0x40, 0xa5);
    CHECK_EQ(get(d, 0x40), 0xa5);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(wire[0], 1);
    device_reset(d);
    CHECK_EQ(wire[0], 0);
    CHECK_EQ(get(d, B), 0x02);
    CHECK_EQ(get(d, C), 0);
    CHECK_EQ(get(d, 0x40), 0xa5);
    CHECK_EQ(mc146818_get_cmos(d, 0x40), 0xa5);
    CHECK_EQ(get(d, MIN), 0x34);
    CHECK_EQ(get(d, D), 0x80);
    device_free(d);
}

/* PC: bit 7 of port 70h masks NMI; the port cannot be read. */
TEST(nmi_mask)
{
    Device *d = chip_new(&mc146818_type);

    device_write(d, 0, 0, 0x8f, 1);
    CHECK_EQ(wire[1], 1);
    device_write(d, 0, 0, 0x0f, 1);
    CHECK_EQ(wire[1], 0);
    CHECK_EQ(device_read(d, 0, 0, 1), 0xff);
    device_free(d);
}

/* "rtc_base" moves the start: 2000-01-01 must be 10957 days after 1970-01-01. */
TEST(starts_at_host_time_plus_offset)
{
    clock_init_manual(&clock_);
    Device *d = chip_make(&mc146818_type);
    char text[32];

    snprintf(text, sizeof(text), "%llu",
             (unsigned long long)(10957ll * 86400 * NS_PER_SEC - clock_host_ns()));
    chip_prop(d, "rtc_base", text);
    chip_plug(d);
    CHECK_EQ(get(d, CENTURY), 0x20);
    CHECK_EQ(get(d, YEAR), 0x00);
    CHECK_EQ(get(d, MONTH), 0x01);
    CHECK_EQ(get(d, DAY), 0x01);
    CHECK_EQ(get(d, HOUR), 0x00);
    CHECK_EQ(get(d, WEEKDAY), 7);       /* a Saturday */
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&mc146818_type), *b = chip_plug(chip_make(&mc146818_type));

    chip_scribble(d, 3, 300);
    set(d, B, 0x42);
    chip_check_snapshot(d, b);
    CHECK_EQ(get(d, SEC), get(b, SEC));
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
