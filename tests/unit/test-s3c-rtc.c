/* SPDX-License-Identifier: MIT */
/* The real time clock against the S3C2440A User's Manual, chapter 17. */
#include "hw/s3c24xx/rtc.h"

#include <time.h>

#include "tests/unit/primecell-test.h"

enum { RTCCON = 0x40, TICNT = 0x44, RTCALM = 0x50, ALMSEC = 0x54, ALMMIN = 0x58,
       ALMHOUR = 0x5c, ALMDATE = 0x60, ALMMON = 0x64, ALMYEAR = 0x68, RTCRST = 0x6c,
       BCDSEC = 0x70, BCDMIN = 0x74, BCDHOUR = 0x78, BCDDATE = 0x7c, BCDDAY = 0x80,
       BCDMON = 0x84, BCDYEAR = 0x88 };
enum { ALARM = S3C_RTC_OUT_ALARM, TICK = S3C_RTC_OUT_TICK, WAKE = S3C_RTC_OUT_WAKE };

/* In BCD, as 0xYYMMDD and 0xhhmmss; day of the week 1 to 7. */
static void set(Device *d, uint32_t date, uint32_t time, uint32_t day)
{
    out(d, RTCCON, 1);
    out(d, BCDYEAR, date >> 16);
    out(d, BCDMON, date >> 8 & 0xff);
    out(d, BCDDATE, date & 0xff);
    out(d, BCDDAY, day);
    out(d, BCDHOUR, time >> 16);
    out(d, BCDMIN, time >> 8 & 0xff);
    out(d, BCDSEC, time & 0xff);
    out(d, RTCCON, 0);
}

static uint32_t date_of(Device *d)
{
    return in(d, BCDYEAR) << 16 | in(d, BCDMON) << 8 | in(d, BCDDATE);
}

static uint32_t time_of(Device *d)
{
    return in(d, BCDHOUR) << 16 | in(d, BCDMIN) << 8 | in(d, BCDSEC);
}

static void seconds(int64_t n)
{
    clock_step(&clock_, n * NS_PER_SEC);
}

static uint32_t bcd(int v)
{
    return (uint32_t)(v / 10 * 16 + v % 10);
}

/* It starts with the host's time of day. */
TEST(time_of_the_host)
{
    time_t before = time(NULL), after;
    Device *d = chip_new(&s3c2440_rtc_type);
    struct tm tm;

    gmtime_r(&before, &tm);
    uint32_t date = date_of(d), weekday = in(d, BCDDAY);
    after = time(NULL);
    if (before / 86400 == after / 86400) {
        CHECK_EQ(date, bcd(tm.tm_year % 100) << 16 | bcd(tm.tm_mon + 1) << 8 | bcd(tm.tm_mday));
        CHECK_EQ(weekday, tm.tm_wday + 1);
    }
    device_free(d);
}

/* "RTCEN": without it the time is not written. */
TEST(write_enable)
{
    Device *d = chip_new(&s3c2440_rtc_type);

    set(d, 0x090405, 0x101112, 1);
    out(d, BCDSEC, 0x55);
    CHECK_EQ(time_of(d), 0x101112);
    device_free(d);
}

TEST(counting)
{
    static const struct { uint32_t date, time, day, then, then_time, then_day; } rows[] = {
        { 0x260131, 0x235959, 7, 0x260201, 0x000000, 1 },
        { 0x280228, 0x235959, 3, 0x280229, 0x000000, 4 },   /* leap year */
        { 0x270228, 0x235959, 1, 0x270301, 0x000000, 2 },
        { 0x000228, 0x235959, 2, 0x000229, 0x000000, 3 },   /* 2000 is one */
        { 0x991231, 0x235959, 6, 0x000101, 0x000000, 7 },
        { 0x260615, 0x195959, 4, 0x260615, 0x200000, 4 },
        { 0x260615, 0x125859, 4, 0x260615, 0x125900, 4 },
    };
    Device *d = chip_new(&s3c2440_rtc_type);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        set(d, rows[i].date, rows[i].time, rows[i].day);
        CHECK_EQ(date_of(d), rows[i].date);
        CHECK_EQ(time_of(d), rows[i].time);
        seconds(1);
        CHECK_EQ(date_of(d), rows[i].then);
        CHECK_EQ(time_of(d), rows[i].then_time);
        CHECK_EQ(in(d, BCDDAY), rows[i].then_day);
    }
    device_free(d);
}

/* Each day of four years by steps, against one long step. */
TEST(days_add_up)
{
    Device *d = chip_new(&s3c2440_rtc_type);

    set(d, 0x260101, 0x120000, 5);
    for (int i = 0; i < 1461; i++) {
        seconds(86400);
        CHECK_EQ(time_of(d), 0x120000);
    }
    CHECK_EQ(date_of(d), 0x300101);
    CHECK_EQ(in(d, BCDDAY), (5 - 1 + 1461) % 7 + 1);
    set(d, 0x260101, 0x120000, 5);
    seconds(1461ll * 86400);
    CHECK_EQ(date_of(d), 0x300101);
    CHECK_EQ(in(d, BCDDAY), (5 - 1 + 1461) % 7 + 1);
    device_free(d);
}

/* "Alarm function": the enabled fields are compared; once for each match. */
TEST(alarm)
{
    Device *d = chip_new(&s3c2440_rtc_type);

    set(d, 0x260615, 0x101500, 2);
    out(d, ALMSEC, 0x05);
    out(d, RTCALM, 0x01);               /* ALMEN is off */
    seconds(10);
    CHECK_EQ(rises[ALARM], 0);
    out(d, RTCALM, 0x41);
    seconds(60 + 54);
    CHECK_EQ(rises[ALARM], 1);
    seconds(60);
    CHECK_EQ(rises[ALARM], 2);
    CHECK_EQ(rises[WAKE], 2);
    out(d, ALMMIN, 0x20);
    out(d, ALMHOUR, 0x10);
    out(d, ALMDATE, 0x15);
    out(d, ALMMON, 0x06);
    out(d, ALMYEAR, 0x26);
    out(d, RTCALM, 0x7f);
    seconds(3600);
    CHECK_EQ(rises[ALARM], 3);
    seconds(86400 * 2);
    CHECK_EQ(rises[ALARM], 3);
    out(d, RTCALM, 0x42);               /* the minute: once in it */
    seconds(3600);
    CHECK_EQ(rises[ALARM], 4);
    device_free(d);
}

/* "Period = (n + 1) / 128 second". */
TEST(tick)
{
    Device *d = chip_new(&s3c2440_rtc_type);

    out(d, TICNT, 0x80 | 127);
    seconds(10);
    CHECK_EQ(rises[TICK], 10);
    out(d, TICNT, 0x80);
    seconds(1);
    CHECK_EQ(rises[TICK], 10 + 128);
    out(d, TICNT, 0);
    seconds(1);
    CHECK_EQ(rises[TICK], 10 + 128);
    device_free(d);
}

/* "Round reset function": 30, 40 or 50 seconds carry a minute. */
TEST(round_reset)
{
    static const struct { uint32_t sec, rst, then; } rows[] = {
        { 0x29, 0xb, 0x101500 }, { 0x30, 0xb, 0x101600 }, { 0x39, 0xc, 0x101500 },
        { 0x40, 0xc, 0x101600 }, { 0x49, 0xd, 0x101500 }, { 0x50, 0xd, 0x101600 },
        { 0x59, 0x8, 0x101500 }, { 0x59, 0x3, 0x101559 },
    };
    Device *d = chip_new(&s3c2440_rtc_type);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        set(d, 0x260615, 0x101500 | rows[i].sec, 2);
        out(d, RTCRST, rows[i].rst);
        CHECK_EQ(time_of(d), rows[i].then);
    }
    device_free(d);
}

/* It has a battery: reset stops alarm and tick, and not the time. */
TEST(time_goes_on_over_reset)
{
    Device *d = chip_new(&s3c2440_rtc_type);

    set(d, 0x260615, 0x101500, 2);
    out(d, TICNT, 0x80);
    out(d, RTCALM, 0x41);
    device_reset(d);
    CHECK_EQ(in(d, RTCALM), 0);
    CHECK_EQ(in(d, TICNT), 0);
    seconds(90);
    CHECK_EQ(date_of(d), 0x260615);
    CHECK_EQ(time_of(d), 0x101630);
    CHECK_EQ(rises[TICK], 0);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&s3c2440_rtc_type);
    Device *b = chip_plug(chip_make(&s3c2440_rtc_type));

    out(d, RTCCON, 1);
    chip_scribble(d, 3, 300);
    chip_check_snapshot(d, b);
    CHECK_EQ(date_of(d), date_of(b));
    CHECK_EQ(time_of(d), time_of(b));
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
