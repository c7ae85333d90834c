/* SPDX-License-Identifier: MIT */
/* The dual timer against ARM DDI 0271. */
#include "hw/timer/sp804.h"

#include "tests/unit/primecell-test.h"

enum { LOAD = 0x00, VALUE = 0x04, CONTROL = 0x08, INTCLR = 0x0c, RIS = 0x10, MIS = 0x14,
       BGLOAD = 0x18, SECOND = 0x20 };
enum { ONE_SHOT = 0x01, SIZE_32 = 0x02, BY_16 = 0x04, BY_256 = 0x08, IRQ = 0x20,
       PERIODIC = 0x40, ENABLE = 0x80 };
enum { BOTH = SP804_OUT_BOTH, TIMER1 = SP804_OUT_TIMER1, TIMER2 = SP804_OUT_TIMER2 };

/* At 1 MHz. */
static void ticks(int64_t n)
{
    clock_step(&clock_, n * NS_PER_US);
}

TEST(identification)
{
    Device *d = chip_new(&sp804_type);

    CHECK_EQ(primecell_id_of(d), 0xb105f00d00141804);
    device_free(d);
}

/* Table 3-1, reset values. */
TEST(reset_values)
{
    Device *d = chip_new(&sp804_type);

    for (unsigned at = 0; at <= SECOND; at += SECOND) {
        CHECK_EQ(in(d, at + LOAD), 0);
        CHECK_EQ(in(d, at + VALUE), 0xffffffff);
        CHECK_EQ(in(d, at + CONTROL), 0x20);
        CHECK_EQ(in(d, at + RIS), 0);
    }
    device_free(d);
}

/* 2.1, free-running: from 0 to the maximum; "value" cannot be written. */
TEST(free_running)
{
    Device *d = chip_new(&sp804_type);

    out(d, SECOND + CONTROL, 0);
    out(d, SECOND + LOAD, 0xffffffff);
    out(d, SECOND + VALUE, 0xffffffff);
    out(d, SECOND + CONTROL, ENABLE | SIZE_32);
    CHECK_EQ(in(d, SECOND + VALUE), 0xffffffff);
    ticks(1000);
    CHECK_EQ(in(d, SECOND + VALUE), 0xffffffff - 1000);
    out(d, SECOND + VALUE, 5);
    CHECK_EQ(in(d, SECOND + VALUE), 0xffffffff - 1000);
    CHECK_EQ(in(d, VALUE), 0xffffffff); /* the other one stands */
    out(d, SECOND + LOAD, 10);
    ticks(10);
    CHECK_EQ(in(d, SECOND + VALUE), 0);
    CHECK_EQ(in(d, SECOND + RIS), 1);
    CHECK_EQ(in(d, SECOND + MIS), 0);
    ticks(1);
    CHECK_EQ(in(d, SECOND + VALUE), 0xffffffff);
    out(d, SECOND + INTCLR, 0);
    CHECK_EQ(in(d, SECOND + RIS), 0);
    clock_step(&clock_, (1ll << 32) * NS_PER_US);
    CHECK_EQ(in(d, SECOND + VALUE), 0xffffffff);
    CHECK_EQ(in(d, SECOND + RIS), 1);
    device_free(d);
}

/* 2.1, periodic: an interrupt each `load` ticks, without drift. */
TEST(periodic)
{
    Device *d = chip_new(&sp804_type);

    out(d, LOAD, 10000);
    out(d, CONTROL, ENABLE | PERIODIC | SIZE_32 | IRQ);
    ticks(9999);
    CHECK_EQ(in(d, VALUE), 1);
    CHECK_EQ(wire[BOTH], 0);
    for (int i = 1; i <= 100; i++) {
        ticks(1);
        CHECK_EQ(wire[BOTH], 1);
        CHECK_EQ(wire[TIMER1], 1);
        CHECK_EQ(in(d, MIS), 1);
        out(d, INTCLR, 1);
        CHECK_EQ(wire[BOTH], 0);
        ticks(9999);
        CHECK_EQ(wire[BOTH], 0);
    }
    CHECK_EQ(rises[TIMER1], 100);
    CHECK_EQ(rises[TIMER2], 0);
    device_free(d);
}

/* Periods that pass while the interrupt is not cleared do not shift the rest. */
TEST(late_clear_keeps_the_phase)
{
    Device *d = chip_new(&sp804_type);

    out(d, LOAD, 100);
    out(d, CONTROL, ENABLE | PERIODIC | SIZE_32 | IRQ);
    ticks(350);
    CHECK_EQ(in(d, VALUE), 50);
    out(d, INTCLR, 1);
    ticks(49);
    CHECK_EQ(wire[BOTH], 0);
    ticks(1);
    CHECK_EQ(wire[BOTH], 1);
    device_free(d);
}

/* 2.1, one-shot: from LOAD to 0, where it halts until LOAD is written; as Linux
 * programs each of its events. */
TEST(one_shot)
{
    Device *d = chip_new(&sp804_type);

    for (int i = 0; i < 3; i++) {
        out(d, LOAD, 500);
        out(d, CONTROL, ENABLE | IRQ | SIZE_32 | ONE_SHOT);
        CHECK_EQ(in(d, VALUE), 500);
        ticks(499);
        CHECK_EQ(wire[BOTH], 0);
        ticks(1);
        CHECK_EQ(wire[BOTH], 1);
        CHECK_EQ(in(d, VALUE), 0);
        out(d, INTCLR, 1);
        ticks(100000);
        CHECK_EQ(in(d, VALUE), 0);
        CHECK_EQ(wire[BOTH], 0);
        CHECK_EQ(in(d, RIS), 0);
    }
    /* "or by clearing the One Shot Count bit" */
    out(d, CONTROL, ENABLE | SIZE_32);
    ticks(1);
    CHECK_EQ(in(d, VALUE), 0xffffffff);
    device_free(d);
}

/* 3.3.3, TimerSize 0: 16 bits; the others of VALUE stay as they were loaded. */
TEST(sixteen_bits)
{
    Device *d = chip_new(&sp804_type);

    out(d, LOAD, 0x12340005);
    out(d, CONTROL, ENABLE | IRQ);
    CHECK_EQ(in(d, VALUE), 0x12340005);
    ticks(5);
    CHECK_EQ(wire[BOTH], 1);
    ticks(1);
    CHECK_EQ(in(d, VALUE), 0x1234ffff);
    out(d, INTCLR, 1);
    ticks(0xfffe);
    CHECK_EQ(wire[BOTH], 0);
    ticks(1);
    CHECK_EQ(wire[BOTH], 1);
    device_free(d);
}

/* 3.3.3, TimerPre: divided by 1, 16, 256. */
TEST(prescale)
{
    Device *d = chip_new(&sp804_type);

    out(d, LOAD, 1000);
    out(d, CONTROL, ENABLE | SIZE_32 | BY_16);
    ticks(160);
    CHECK_EQ(in(d, VALUE), 990);
    out(d, CONTROL, ENABLE | SIZE_32 | BY_256);
    ticks(2560);
    CHECK_EQ(in(d, VALUE), 980);
    out(d, CONTROL, ENABLE | SIZE_32);
    ticks(80);
    CHECK_EQ(in(d, VALUE), 900);
    device_free(d);
}

/* 3.3.1: LOAD restarts the count at once; disabled it stands, enabled again it
 * goes on. */
TEST(load_and_stop)
{
    Device *d = chip_new(&sp804_type);

    out(d, LOAD, 1000);
    CHECK_EQ(in(d, VALUE), 1000);
    out(d, CONTROL, ENABLE | SIZE_32 | PERIODIC);
    ticks(400);
    out(d, CONTROL, SIZE_32 | PERIODIC);
    ticks(5000);
    CHECK_EQ(in(d, VALUE), 600);
    CHECK_EQ(in(d, RIS), 0);
    out(d, CONTROL, ENABLE | SIZE_32 | PERIODIC);
    ticks(100);
    CHECK_EQ(in(d, VALUE), 500);
    out(d, LOAD, 2000);
    ticks(1);
    CHECK_EQ(in(d, VALUE), 1999);
    device_free(d);
}

/* 3.3.7: BGLOAD takes effect at the next reload; LOAD reads the same. */
TEST(background_load)
{
    Device *d = chip_new(&sp804_type);

    out(d, LOAD, 100);
    out(d, CONTROL, ENABLE | SIZE_32 | PERIODIC | IRQ);
    ticks(30);
    out(d, BGLOAD, 1000);
    CHECK_EQ(in(d, LOAD), 1000);
    CHECK_EQ(in(d, BGLOAD), 1000);
    CHECK_EQ(in(d, VALUE), 70);
    ticks(70);
    CHECK_EQ(wire[BOTH], 1);
    CHECK_EQ(in(d, VALUE), 1000);
    device_free(d);
}

/* 3.3.3: IntEnable masks; TIMINTC is the or of both. */
TEST(interrupt_outputs)
{
    Device *d = chip_new(&sp804_type);

    out(d, LOAD, 10);
    out(d, CONTROL, ENABLE | SIZE_32 | ONE_SHOT);
    out(d, SECOND + LOAD, 20);
    out(d, SECOND + CONTROL, ENABLE | SIZE_32 | ONE_SHOT | IRQ);
    ticks(15);
    CHECK_EQ(in(d, RIS), 1);
    CHECK_EQ(wire[BOTH], 0);
    out(d, CONTROL, ENABLE | SIZE_32 | ONE_SHOT | IRQ);
    CHECK_EQ(wire[TIMER1], 1);
    CHECK_EQ(wire[BOTH], 1);
    ticks(5);
    CHECK_EQ(wire[TIMER2], 1);
    out(d, INTCLR, 1);
    CHECK_EQ(wire[TIMER1], 0);
    CHECK_EQ(wire[BOTH], 1);
    out(d, SECOND + INTCLR, 1);
    CHECK_EQ(wire[BOTH], 0);
    device_free(d);
}

/* A clock that does not divide a second does not drift. */
TEST(odd_frequency)
{
    clock_init_manual(&clock_);
    Device *d = chip_make(&sp804_type);

    chip_prop(d, "freq", "32768");
    chip_plug(d);
    out(d, LOAD, 327);
    out(d, CONTROL, ENABLE | SIZE_32 | PERIODIC | IRQ);
    for (int i = 0; i < 3276; i++) {
        clock_step(&clock_, clock_until_next(&clock_));
        CHECK_EQ(in(d, RIS), 1);
        out(d, INTCLR, 1);
    }
    /* 3276 * 327 / 32768 s, rounded up to ns */
    CHECK_EQ(clock_now(&clock_), (3276ll * 327 * NS_PER_SEC + 32767) / 32768);
    device_free(d);
}

TEST(a_clock_of_zero_is_refused)
{
    Device *d = chip_make(&sp804_type);
    Error err;

    chip_prop(d, "freq", "0");
    CHECK(device_realize(d, &err) < 0);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&sp804_type), *b = chip_plug(chip_make(&sp804_type));

    chip_check_reset(d);
    chip_scribble(d, 3, 300);
    chip_check_snapshot(d, b);
    CHECK_EQ(in(d, VALUE), in(b, VALUE));
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
