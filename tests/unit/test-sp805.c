/* SPDX-License-Identifier: MIT */
/* The watchdog against ARM DDI 0270. */
#include "hw/timer/sp805.h"

#include "tests/unit/primecell-test.h"

enum { LOAD = 0x000, VALUE = 0x004, CONTROL = 0x008, INTCLR = 0x00c, RIS = 0x010,
       MIS = 0x014, LOCK = 0xc00 };
enum { INTEN = 1, RESEN = 2 };
enum { IRQ = SP805_OUT_IRQ, RESET = SP805_OUT_RESET };

static void ticks(int64_t n)
{
    clock_step(&clock_, n * NS_PER_US);
}

TEST(identification)
{
    Device *d = chip_new(&sp805_type);

    CHECK_EQ(primecell_id_of(d), 0xb105f00d00141805);
    CHECK_EQ(in(d, LOAD), 0xffffffff);
    CHECK_EQ(in(d, VALUE), 0xffffffff);
    device_free(d);
}

/* 2.3: the first time out interrupts, the second resets. */
TEST(interrupt_then_reset)
{
    Device *d = chip_new(&sp805_type);

    out(d, LOAD, 1000);
    out(d, CONTROL, INTEN | RESEN);
    ticks(400);
    CHECK_EQ(in(d, VALUE), 600);
    ticks(599);
    CHECK_EQ(wire[IRQ], 0);
    ticks(1);
    CHECK_EQ(wire[IRQ], 1);
    CHECK_EQ(in(d, RIS), 1);
    CHECK_EQ(in(d, MIS), 1);
    ticks(1000);
    CHECK_EQ(wire[RESET], 0);
    ticks(1);
    CHECK_EQ(wire[RESET], 1);
    device_reset(d);
    CHECK_EQ(wire[RESET], 0);
    device_free(d);
}

/* 3.3.4: clearing the interrupt reloads the counter: a guest that does it in
 * time is never reset. */
TEST(kicked)
{
    Device *d = chip_new(&sp805_type);

    out(d, LOAD, 1000);
    out(d, CONTROL, INTEN | RESEN);
    for (int i = 0; i < 20; i++) {
        ticks(1500);
        CHECK_EQ(wire[IRQ], 1);
        out(d, INTCLR, 1);
        CHECK_EQ(wire[IRQ], 0);
        CHECK_EQ(in(d, VALUE), 1000);
    }
    CHECK_EQ(wire[RESET], 0);
    device_free(d);
}

/* 3.3.3, RESEN "acts as a mask for the reset output". */
TEST(without_resen)
{
    Device *d = chip_new(&sp805_type);

    out(d, LOAD, 1000);
    out(d, CONTROL, INTEN);
    ticks(50000);
    CHECK_EQ(wire[IRQ], 1);
    CHECK_EQ(wire[RESET], 0);
    out(d, CONTROL, INTEN | RESEN);
    ticks(1001);
    CHECK_EQ(wire[RESET], 1);
    device_free(d);
}

/* 3.3.3, INTEN: off stops the counter, on again reloads it. */
TEST(disable_and_reload)
{
    Device *d = chip_new(&sp805_type);

    out(d, LOAD, 1000);
    out(d, CONTROL, INTEN);
    ticks(300);
    out(d, CONTROL, 0);
    ticks(3000);
    CHECK_EQ(in(d, VALUE), 700);
    CHECK_EQ(in(d, RIS), 0);
    out(d, CONTROL, INTEN);
    CHECK_EQ(in(d, VALUE), 1000);
    out(d, LOAD, 50);
    ticks(50);
    CHECK_EQ(wire[IRQ], 1);
    device_free(d);
}

/* 3.3.7, WdogLock: all others cannot be written; reads 1 while locked. */
TEST(lock)
{
    Device *d = chip_new(&sp805_type);

    CHECK_EQ(in(d, LOCK), 0);
    out(d, LOCK, 0);
    CHECK_EQ(in(d, LOCK), 1);
    out(d, LOAD, 5);
    out(d, CONTROL, INTEN);
    CHECK_EQ(in(d, LOAD), 0xffffffff);
    CHECK_EQ(in(d, CONTROL), 0);
    out(d, LOCK, 0x1acce551);
    CHECK_EQ(in(d, LOCK), 0);
    out(d, LOAD, 5);
    CHECK_EQ(in(d, LOAD), 5);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&sp805_type), *b = chip_plug(chip_make(&sp805_type));

    chip_check_reset(d);
    chip_scribble(d, 3, 300);
    chip_check_snapshot(d, b);
    CHECK_EQ(in(d, VALUE), in(b, VALUE));
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
