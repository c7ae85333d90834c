/* SPDX-License-Identifier: MIT */
/* The watchdog timer against the S3C2440A User's Manual, chapter 18. */
#include "hw/s3c24xx/watchdog.h"

#include "tests/unit/primecell-test.h"

enum { WTCON = 0x00, WTDAT = 0x04, WTCNT = 0x08 };
enum { RESET_ON = 1, IRQ_ON = 4, ENABLE = 0x20 };
enum { IRQ = S3C_WDT_OUT_IRQ, RESET = S3C_WDT_OUT_RESET };

/* PCLK 50.625 MHz: prescaler 80 + 1 and 16 are 25.6 us a tick. */
#define TICK_NS 25600
#define BY_81   (80u << 8)

TEST(reset_values)
{
    Device *d = chip_new(&s3c2440_wdt_type);

    CHECK_EQ(in(d, WTCON), 0x8021);
    CHECK_EQ(in(d, WTDAT), 0x8000);
    CHECK_EQ(in(d, WTCNT), 0x8000);
    device_free(d);
}

/* It runs from reset: 0x8000 * 129 * 16 cycles. */
TEST(nobody_stops_it)
{
    Device *d = chip_new(&s3c2440_wdt_type);
    int64_t ns = muldiv64(0x8000 * 129ll * 16, NS_PER_SEC, 50625000);

    clock_step(&clock_, ns - NS_PER_MS);
    CHECK_EQ(rises[RESET], 0);
    clock_step(&clock_, 2 * NS_PER_MS);
    CHECK_EQ(rises[RESET], 1);
    CHECK_EQ(rises[IRQ], 0);
    device_free(d);
}

TEST(stopped)
{
    Device *d = chip_new(&s3c2440_wdt_type);

    out(d, WTCON, 0);
    clock_step(&clock_, 100 * NS_PER_SEC);
    CHECK_EQ(rises[RESET], 0);
    device_free(d);
}

/* "WTCON": the interrupt for a normal timer; WTDAT is loaded at 0, not at start. */
TEST(interval_timer)
{
    Device *d = chip_new(&s3c2440_wdt_type);

    out(d, WTCON, 0);
    out(d, WTDAT, 100);
    out(d, WTCNT, 50);
    out(d, WTCON, BY_81 | ENABLE | IRQ_ON);
    clock_step(&clock_, 20 * TICK_NS);
    CHECK_EQ(in(d, WTCNT), 30);
    clock_step(&clock_, 30 * TICK_NS);
    CHECK_EQ(rises[IRQ], 1);
    CHECK_EQ(in(d, WTCNT), 100);
    clock_step(&clock_, 1000 * TICK_NS);
    CHECK_EQ(rises[IRQ], 11);
    CHECK_EQ(rises[RESET], 0);
    device_free(d);
}

/* "Clock select": 16, 32, 64, 128. */
TEST(clock_select)
{
    Device *d = chip_new(&s3c2440_wdt_type);

    for (unsigned sel = 0; sel < 4; sel++) {
        out(d, WTCON, 0);
        out(d, WTCNT, 1000);
        out(d, WTCON, BY_81 | ENABLE | sel << 3);
        clock_step(&clock_, 800 * TICK_NS + 10);
        CHECK_EQ(in(d, WTCNT), 1000 - (800u >> sel));
    }
    device_free(d);
}

/* Written in time, it does not reset. */
TEST(fed)
{
    Device *d = chip_new(&s3c2440_wdt_type);

    out(d, WTCON, BY_81 | ENABLE | RESET_ON);
    for (int i = 0; i < 10; i++) {
        out(d, WTCNT, 100);
        clock_step(&clock_, 99 * TICK_NS);
    }
    CHECK_EQ(rises[RESET], 0);
    clock_step(&clock_, 2 * TICK_NS);
    CHECK_EQ(rises[RESET], 1);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&s3c2440_wdt_type), *b;

    chip_scribble(d, 3, 300);
    b = chip_plug(chip_make(&s3c2440_wdt_type));
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}

/* It counts from reset on, so a reset at the same time is the same. */
TEST(reset_undoes_all)
{
    Device *d = chip_new(&s3c2440_wdt_type), *b;

    chip_scribble(d, 5, 300);
    device_reset(d);
    b = chip_plug(chip_make(&s3c2440_wdt_type));
    uint8_t *one = chip_save(d), *two = chip_save(b);
    CHECK(!memcmp(one, two, vmstate_size(d->type->vmstate)));
    free(one);
    free(two);
    device_free(d);
    device_free(b);
}
