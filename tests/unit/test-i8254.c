/* SPDX-License-Identifier: MIT */
/* The 8254 against its data sheet (Intel 231164). */
#include "hw/timer/i8254.h"

#include "tests/unit/chip-test.h"

enum { CTL = 3 };

static void out(Device *d, unsigned port, uint8_t val)
{
    device_write(d, I8254_PORTS, port, val, 1);
}

static uint8_t in(Device *d, unsigned port)
{
    return (uint8_t)device_read(d, I8254_PORTS, port, 1);
}

static uint16_t in16(Device *d, unsigned port)
{
    uint16_t low = in(d, port);

    return (uint16_t)(low | in(d, port) << 8);
}

/* Go to the first nanosecond of tick n of the 1193182 Hz clock. */
static void to_tick(int64_t n)
{
    int64_t ns = (n * NS_PER_SEC + I8254_HZ - 1) / I8254_HZ;

    clock_step(&clock_, ns - clock_now(&clock_));
}

static void program(Device *d, int counter, int mode, uint16_t count)
{
    out(d, CTL, (uint8_t)(counter << 6 | 0x30 | mode << 1));
    out(d, (unsigned)counter, count & 0xff);
    out(d, (unsigned)counter, count >> 8);
}

static uint8_t status(Device *d, int counter)
{
    out(d, CTL, (uint8_t)(0xe0 | 2 << counter));
    return in(d, (unsigned)counter);
}

static void gate2(Device *d, int level)
{
    device_write(d, I8254_PORT61, 0, level, 1);
}

static int out2(Device *d)
{
    return device_read(d, I8254_PORT61, 0, 1) >> 5 & 1;
}

/* Mode 0: "OUT does not go high until N + 1 CLK pulses after the count." */
TEST(mode_0_interrupt_on_terminal_count)
{
    Device *d = chip_new(&i8254_type);

    program(d, 0, 0, 4);
    CHECK_EQ(wire[0], 0);
    to_tick(1);
    CHECK_EQ(in16(d, 0), 4);
    to_tick(4);
    CHECK_EQ(in16(d, 0), 1);
    CHECK_EQ(wire[0], 0);
    to_tick(5);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(in16(d, 0), 0);
    to_tick(6);
    CHECK_EQ(in16(d, 0), 0xffff);       /* "wraps around to the highest count" */
    out(d, 0, 9);                       /* "the first byte disables counting, */
    CHECK_EQ(wire[0], 0);               /*  OUT is set low immediately" */
    to_tick(10);
    CHECK_EQ(in16(d, 0), 0xffff);
    out(d, 0, 0);
    to_tick(19);
    CHECK_EQ(wire[0], 0);
    to_tick(20);
    CHECK_EQ(wire[0], 1);
    device_free(d);
}

/* Mode 0: "GATE = 0 disables counting" and does not touch OUT. */
TEST(mode_0_gate_pauses)
{
    Device *d = chip_new(&i8254_type);

    gate2(d, 1);
    program(d, 2, 0, 10);
    to_tick(4);
    CHECK_EQ(in16(d, 2), 7);
    gate2(d, 0);
    to_tick(50);
    CHECK_EQ(in16(d, 2), 7);
    gate2(d, 1);
    to_tick(56);
    CHECK_EQ(out2(d), 0);
    to_tick(57);
    CHECK_EQ(out2(d), 1);
    device_free(d);
}

/* Mode 1: one-shot, started and restarted by the gate. */
TEST(mode_1_retriggerable_one_shot)
{
    Device *d = chip_new(&i8254_type);

    program(d, 2, 1, 3);
    CHECK_EQ(out2(d), 1);
    to_tick(10);
    CHECK_EQ(out2(d), 1);
    gate2(d, 1);
    to_tick(11);
    CHECK_EQ(out2(d), 0);
    to_tick(12);
    gate2(d, 0);
    gate2(d, 1);                        /* retrigger: loaded at 13 */
    to_tick(15);
    CHECK_EQ(out2(d), 0);
    to_tick(16);
    CHECK_EQ(out2(d), 1);
    device_free(d);
}

/* Mode 2: "the sequence is repeated indefinitely", low for one clock. */
TEST(mode_2_rate_generator)
{
    Device *d = chip_new(&i8254_type);

    program(d, 0, 2, 5);
    to_tick(1);
    CHECK_EQ(in16(d, 0), 5);
    to_tick(4);
    CHECK_EQ(status(d, 0) >> 7, 1);
    to_tick(5);
    CHECK_EQ(in16(d, 0), 1);
    CHECK_EQ(status(d, 0) >> 7, 0);
    to_tick(6);
    CHECK_EQ(in16(d, 0), 5);
    CHECK_EQ(status(d, 0) >> 7, 1);
    rises[0] = 0;
    to_tick(6 + 5 * 100);
    CHECK_EQ(rises[0], 100);
    device_free(d);
}

/* Mode 2: "writing a new count while counting does not affect the current
 * counting sequence." */
TEST(mode_2_new_count_waits_for_the_end_of_the_cycle)
{
    Device *d = chip_new(&i8254_type);

    program(d, 0, 2, 10);
    to_tick(3);
    CHECK_EQ(status(d, 0) & 0x40, 0);
    out(d, 0, 4);
    out(d, 0, 0);
    CHECK_EQ(status(d, 0) & 0x40, 0x40);        /* NULL COUNT */
    to_tick(10);
    CHECK_EQ(in16(d, 0), 1);
    to_tick(11);
    CHECK_EQ(status(d, 0) & 0x40, 0);
    CHECK_EQ(in16(d, 0), 4);
    rises[0] = 0;
    to_tick(19);
    CHECK_EQ(rises[0], 2);
    device_free(d);
}

/* Mode 2 and 3: "GATE going low sets OUT high immediately; a trigger reloads." */
TEST(mode_2_gate)
{
    Device *d = chip_new(&i8254_type);

    gate2(d, 1);
    program(d, 2, 2, 5);
    to_tick(5);
    CHECK_EQ(out2(d), 0);
    gate2(d, 0);
    CHECK_EQ(out2(d), 1);
    to_tick(100);
    gate2(d, 1);
    to_tick(101);
    CHECK_EQ(in16(d, 2), 5);
    to_tick(105);
    CHECK_EQ(out2(d), 0);
    device_free(d);
}

/* Mode 3, even: high for N/2, low for N/2, counted down by two. */
TEST(mode_3_square_wave_even)
{
    Device *d = chip_new(&i8254_type);
    static const uint8_t counts[] = { 4, 2, 4, 2, 4 };
    static const uint8_t outs[] = { 1, 1, 0, 0, 1 };

    program(d, 0, 3, 4);
    for (int i = 0; i < 5; i++) {
        to_tick(1 + i);
        CHECK_EQ(in16(d, 0), counts[i]);
        CHECK_EQ(status(d, 0) >> 7, outs[i]);
    }
    rises[0] = 0;
    to_tick(5 + 4 * 1000);
    CHECK_EQ(rises[0], 1000);
    device_free(d);
}

/* Mode 3, odd (figure 17): high for (N + 1)/2, low for (N - 1)/2. */
TEST(mode_3_square_wave_odd)
{
    Device *d = chip_new(&i8254_type);
    static const uint8_t counts[] = { 4, 2, 0, 4, 2, 4 };
    static const uint8_t outs[] = { 1, 1, 1, 0, 0, 1 };

    program(d, 0, 3, 5);
    for (int i = 0; i < 6; i++) {
        to_tick(1 + i);
        CHECK_EQ(in16(d, 0), counts[i]);
        CHECK_EQ(status(d, 0) >> 7, outs[i]);
    }
    device_free(d);
}

/* Mode 3: a new count is loaded "at the end of the current half-cycle". */
TEST(mode_3_new_count_waits_for_the_half_cycle)
{
    Device *d = chip_new(&i8254_type);

    program(d, 0, 3, 8);
    to_tick(2);
    out(d, 0, 4);
    out(d, 0, 0);
    to_tick(4);
    CHECK_EQ(in16(d, 0), 2);
    CHECK_EQ(status(d, 0) >> 7, 1);
    to_tick(5);
    CHECK_EQ(in16(d, 0), 4);
    CHECK_EQ(status(d, 0) >> 7, 0);
    to_tick(6);
    CHECK_EQ(status(d, 0) >> 7, 0);
    to_tick(7);
    CHECK_EQ(status(d, 0) >> 7, 1);
    device_free(d);
}

/* Mode 4: "OUT will go low for one CLK pulse" when the count expires, once. */
TEST(mode_4_software_triggered_strobe)
{
    Device *d = chip_new(&i8254_type);

    program(d, 0, 4, 3);
    to_tick(3);
    CHECK_EQ(status(d, 0) >> 7, 1);
    to_tick(4);
    CHECK_EQ(status(d, 0) >> 7, 0);
    to_tick(5);
    CHECK_EQ(status(d, 0) >> 7, 1);
    to_tick(5 + 2 * 65536);
    CHECK_EQ(rises[0], 2);              /* mode's initial high, the strobe's end */
    device_free(d);
}

/* Mode 5: as mode 4, started by the gate. */
TEST(mode_5_hardware_triggered_strobe)
{
    Device *d = chip_new(&i8254_type);

    program(d, 2, 5, 3);
    to_tick(20);
    CHECK_EQ(out2(d), 1);
    gate2(d, 1);
    to_tick(23);
    CHECK_EQ(out2(d), 1);
    to_tick(24);
    CHECK_EQ(out2(d), 0);
    to_tick(25);
    CHECK_EQ(out2(d), 1);
    device_free(d);
}

/* A count of 0 is 2^16; no period is lost in a day: 18.2065 Hz, exactly. */
TEST(zero_is_65536_and_nothing_drifts)
{
    Device *d = chip_new(&i8254_type);

    program(d, 0, 2, 0);
    to_tick(1);
    rises[0] = 0;
    clock_step(&clock_, 86400 * NS_PER_SEC - clock_now(&clock_));
    CHECK_EQ(rises[0], (86400 * I8254_HZ - 1) / 65536);
    device_free(d);
}

/* "BCD counter (4 decades)": 0 is 10^4. */
TEST(bcd)
{
    Device *d = chip_new(&i8254_type);

    out(d, CTL, 0x35);                  /* counter 0, both, mode 2, BCD */
    out(d, 0, 0x00);
    out(d, 0, 0x10);
    to_tick(2);
    CHECK_EQ(in16(d, 0), 0x0999);
    out(d, CTL, 0x35);
    out(d, 0, 0);
    out(d, 0, 0);
    to_tick(4);
    CHECK_EQ(in16(d, 0), 0x9999);
    device_free(d);
}

/* "Counter latch command": held until read; a second one is ignored. */
TEST(latch)
{
    Device *d = chip_new(&i8254_type);

    program(d, 0, 2, 1000);
    to_tick(101);
    out(d, CTL, 0x00);
    to_tick(201);
    out(d, CTL, 0x00);
    CHECK_EQ(in16(d, 0), 900);
    CHECK_EQ(in16(d, 0), 800);
    device_free(d);
}

/* "Read-back command": the status comes before the latched count. */
TEST(read_back)
{
    Device *d = chip_new(&i8254_type);

    program(d, 0, 2, 1000);
    to_tick(11);
    out(d, CTL, 0xc2);
    to_tick(20);
    CHECK_EQ(in(d, 0), 0x80 | 0x34);
    CHECK_EQ(in16(d, 0), 990);
    device_free(d);
}

/* RW1 RW0: one byte only, the other is 0. */
TEST(single_byte_access)
{
    Device *d = chip_new(&i8254_type);

    out(d, CTL, 0x24);                  /* counter 0, MSB, mode 2 */
    out(d, 0, 0x12);
    to_tick(1);
    CHECK_EQ(in(d, 0), 0x12);
    out(d, CTL, 0x14);                  /* LSB */
    out(d, 0, 0x12);
    to_tick(3);
    CHECK_EQ(in(d, 0), 0x11);
    device_free(d);
}

/* Port 61h: bits 3:0 kept, bit 4 toggles with refresh every 15 us. */
TEST(port_61)
{
    Device *d = chip_new(&i8254_type);
    int toggles = 0, last = 0;

    device_write(d, I8254_PORT61, 0, 0xfe, 1);
    CHECK_EQ(device_read(d, I8254_PORT61, 0, 1) & 0xcf, 0x0e);
    for (int us = 0; us < 1000; us++) {
        int now = device_read(d, I8254_PORT61, 0, 1) >> 4 & 1;

        toggles += now != last;
        last = now;
        clock_step(&clock_, NS_PER_US);
    }
    CHECK_EQ(toggles, 66);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&i8254_type), *b = chip_plug(chip_make(&i8254_type));

    chip_check_reset(d);
    chip_scribble(d, 3, 200);
    program(d, 0, 3, 1193);
    program(d, 2, 2, 77);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
