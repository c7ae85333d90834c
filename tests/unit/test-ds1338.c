/* SPDX-License-Identifier: MIT */
/* The I2C clock against Maxim's DS1338 data sheet, 19-4935. */
#include "hw/i2c/ds1338.h"

#include "tests/unit/i2c-test.h"

enum { ADDRESS = 0x68, CONTROL = 7, RAM = 8, TIME_LEN = 7 };

static Device *rtc;

static void start(void)
{
    i2c_bus_new();
    rtc = chip_make(&ds1338_type);
    chip_link(rtc, "bus", controller);
    chip_plug(rtc);
}

static void stop(void)
{
    device_free(rtc);
    device_free(controller);
}

/* Seconds, minutes, hours, day, date, month, year, as the registers have them. */
static void set_time(const uint8_t *time)
{
    uint8_t msg[1 + TIME_LEN] = { 0 };

    memcpy(msg + 1, time, TIME_LEN);
    CHECK(i2c_send(ADDRESS, msg, sizeof(msg)));
}

static void check_time(const uint8_t *want)
{
    uint8_t got[TIME_LEN];

    CHECK(i2c_fetch(ADDRESS, 0, got, sizeof(got)));
    for (int i = 0; i < TIME_LEN; i++) {
        CHECK_EQ(got[i], want[i]);
    }
}

/* "rtc_base" moves the start from the host's time: 2000-01-01, a Saturday. */
TEST(starts_at_host_time_plus_offset)
{
    char text[32];

    i2c_bus_new();
    rtc = chip_make(&ds1338_type);
    chip_link(rtc, "bus", controller);
    snprintf(text, sizeof(text), "%llu",
             (unsigned long long)(10957ll * 86400 * NS_PER_SEC - clock_host_ns()));
    chip_prop(rtc, "rtc_base", text);
    chip_plug(rtc);
    check_time((uint8_t[]){ 0, 0, 0, 7, 1, 1, 0 });
    stop();
}

/* Table 3: BCD; leap years count. */
TEST(counts)
{
    start();
    set_time((uint8_t[]){ 0x58, 0x59, 0x23, 0x04, 0x28, 0x02, 0x24 });
    check_time((uint8_t[]){ 0x58, 0x59, 0x23, 0x04, 0x28, 0x02, 0x24 });
    clock_step(&clock_, 2 * NS_PER_SEC);
    check_time((uint8_t[]){ 0x00, 0x00, 0x00, 0x05, 0x29, 0x02, 0x24 });
    clock_step(&clock_, 86400 * NS_PER_SEC);
    check_time((uint8_t[]){ 0x00, 0x00, 0x00, 0x06, 0x01, 0x03, 0x24 });
    stop();
}

/* "The countdown chain is reset whenever the seconds register is written." */
TEST(seconds_start_whole)
{
    start();
    clock_step(&clock_, 700 * NS_PER_MS);
    set_time((uint8_t[]){ 0x10, 0, 0, 1, 1, 1, 0x10 });
    clock_step(&clock_, 999 * NS_PER_MS);
    check_time((uint8_t[]){ 0x10, 0, 0, 1, 1, 1, 0x10 });
    clock_step(&clock_, NS_PER_MS);
    check_time((uint8_t[]){ 0x11, 0, 0, 1, 1, 1, 0x10 });
    stop();
}

/* Hours bit 6: 12-hour mode, bit 5 is PM; 12 AM is midnight. */
TEST(twelve_hours)
{
    static const uint8_t rows[][2] = {      /* written, an hour later */
        { 0x40 | 0x12, 0x40 | 0x01 }, { 0x40 | 0x11, 0x60 | 0x12 },
        { 0x60 | 0x12, 0x60 | 0x01 }, { 0x60 | 0x11, 0x40 | 0x12 },
    };

    start();
    for (int i = 0; i < 4; i++) {
        uint8_t got = 0xff;

        set_time((uint8_t[]){ 0, 0, rows[i][0], 1, 1, 1, 0x20 });
        clock_step(&clock_, 3600 * NS_PER_SEC);
        CHECK(i2c_fetch(ADDRESS, 2, &got, 1));
        CHECK_EQ(got, rows[i][1]);
    }
    stop();
}

/* A read sees one moment, and the next one when the pointer wraps. */
TEST(reads_are_consistent)
{
    start();
    set_time((uint8_t[]){ 0x59, 0x59, 0x23, 1, 0x31, 0x12, 0x10 });
    CHECK(i2c_start(bus, ADDRESS, false) && i2c_write(bus, 0));
    CHECK(i2c_start(bus, ADDRESS, true));
    CHECK_EQ(i2c_read(bus), 0x59);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(i2c_read(bus), 0x59);
    CHECK_EQ(i2c_read(bus), 0x23);
    for (int i = 3; i < 64; i++) {
        i2c_read(bus);
    }
    CHECK_EQ(i2c_read(bus), 0x00);
    CHECK_EQ(i2c_read(bus), 0x00);
    i2c_stop(bus);
    stop();
}

/* Seconds bit 7, CH: the oscillator stands, and OSF says that it did. */
TEST(clock_halt)
{
    uint8_t got = 0xff;

    start();
    CHECK(i2c_fetch(ADDRESS, CONTROL, &got, 1));
    CHECK_EQ(got & 0x20, 0);
    set_time((uint8_t[]){ 0x80 | 0x30, 0, 0, 1, 1, 1, 0x10 });
    clock_step(&clock_, 10 * NS_PER_SEC);
    check_time((uint8_t[]){ 0x80 | 0x30, 0, 0, 1, 1, 1, 0x10 });
    CHECK(i2c_send(ADDRESS, (uint8_t[]){ 0, 0x30 }, 2));
    clock_step(&clock_, NS_PER_SEC);
    check_time((uint8_t[]){ 0x31, 0, 0, 1, 1, 1, 0x10 });
    CHECK(i2c_fetch(ADDRESS, CONTROL, &got, 1));
    CHECK_EQ(got & 0x20, 0x20);
    CHECK(i2c_send(ADDRESS, (uint8_t[]){ CONTROL, 0x00 }, 2));
    CHECK(i2c_send(ADDRESS, (uint8_t[]){ CONTROL, 0xff }, 2));
    CHECK(i2c_fetch(ADDRESS, CONTROL, &got, 1));
    CHECK_EQ(got, 0x93);                /* OSF cannot be set */
    stop();
}

/* 56 bytes of RAM; the pointer counts from 3fh to 00h; a reset keeps them. */
TEST(ram)
{
    uint8_t msg[57] = { RAM }, got[57];

    start();
    for (int i = 0; i < 56; i++) {
        msg[1 + i] = (uint8_t)(i * 7);
    }
    CHECK(i2c_send(ADDRESS, msg, sizeof(msg)));
    device_reset(rtc);
    CHECK(i2c_fetch(ADDRESS, RAM, got, 56));
    CHECK(!memcmp(got, msg + 1, 56));
    CHECK(i2c_send(ADDRESS, (uint8_t[]){ 0x3f, 0xaa, 0x42 }, 3));
    CHECK(i2c_fetch(ADDRESS, 0x3f, got, 2));
    CHECK_EQ(got[0], 0xaa);
    CHECK_EQ(got[1], 0x42);
    stop();
}

TEST(contract)
{
    start();
    Device *other = chip_plug(chip_make(&versatile_i2c_type));
    Device *b = chip_make(&ds1338_type);

    chip_link(b, "bus", other);
    chip_plug(b);
    set_time((uint8_t[]){ 0x58, 0x59, 0x23, 0x04, 0x28, 0x02, 0x24 });
    chip_check_snapshot(rtc, b);
    chip_check_hostile_snapshots(rtc);
    device_free(b);
    device_free(other);
    stop();
}
