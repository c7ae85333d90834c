/* SPDX-License-Identifier: MIT */
/* The HPET against the IA-PC HPET Specification 1.0a. */
#include "hw/timer/hpet.h"

#include "tests/unit/chip-test.h"

enum { ID = 0x000, CONFIG = 0x010, STATUS = 0x020, COUNTER = 0x0f0,
       T0_CONFIG = 0x100, T0_COMPARATOR = 0x108, STRIDE = 0x20 };
enum { LEVEL = 1 << 1, ENABLE = 1 << 2, PERIODIC = 1 << 3, SET = 1 << 6,
       MODE_32 = 1 << 8, ROUTE_20 = 20 << 9 };
enum { PIN_20 = HPET_OUT_PIN0 + 20 };

static uint64_t get(Device *d, unsigned reg)
{
    return device_read(d, 0, reg, 8);
}

static void set(Device *d, unsigned reg, uint64_t val)
{
    device_write(d, 0, reg, val, 8);
}

static void ticks(int64_t n)
{
    clock_step(&clock_, n * 10);
}

/* 2.3.4: period in fs, vendor, 64 bits, legacy capable, 3 timers, revision. */
TEST(capabilities)
{
    Device *d = chip_new(&hpet_type);
    uint64_t id = get(d, ID);

    CHECK_EQ(id >> 32, 10000000);
    CHECK_EQ(id & 0xffffffff, 0x8086a201);
    CHECK_EQ(device_read(d, 0, 4, 4), 10000000);
    set(d, ID, 0);
    CHECK_EQ(get(d, ID), id);
    CHECK_EQ(get(d, T0_CONFIG) & 0x30, 0x30);
    device_free(d);
}

/* 2.3.5, 2.3.7: counts while enabled, halted else; writable while halted. */
TEST(main_counter)
{
    Device *d = chip_new(&hpet_type);

    ticks(100);
    CHECK_EQ(get(d, COUNTER), 0);
    set(d, COUNTER, 0x1ffffff00);
    set(d, CONFIG, 1);
    ticks(0x101);
    CHECK_EQ(get(d, COUNTER), 0x200000001);
    CHECK_EQ(device_read(d, 0, COUNTER, 4), 1);
    CHECK_EQ(device_read(d, 0, COUNTER + 4, 4), 2);
    set(d, CONFIG, 0);
    ticks(1000);
    CHECK_EQ(get(d, COUNTER), 0x200000001);
    device_free(d);
}

/* One-shot, edge: interrupts when the counter reaches the comparator, once. */
TEST(one_shot_edge)
{
    Device *d = chip_new(&hpet_type);

    set(d, T0_CONFIG, ENABLE | ROUTE_20);
    set(d, T0_COMPARATOR, 1000);
    set(d, CONFIG, 1);
    ticks(999);
    CHECK_EQ(rises[PIN_20], 0);
    ticks(1);
    CHECK_EQ(rises[PIN_20], 1);
    ticks(1000000);
    CHECK_EQ(rises[PIN_20], 1);
    CHECK_EQ(get(d, STATUS), 0);
    set(d, T0_COMPARATOR, get(d, COUNTER) + 5);
    ticks(5);
    CHECK_EQ(rises[PIN_20], 2);
    device_free(d);
}

/* A match that has been is not lost by a write that comes before the loop. */
TEST(match_served_late)
{
    static const struct { unsigned reg; uint64_t val; } writes[] = {
        { T0_CONFIG, ENABLE | ROUTE_20 }, { T0_COMPARATOR, 5000 }, { CONFIG, 0 }, { CONFIG, 1 },
        { COUNTER, 0 }, { T0_CONFIG, 0 },
    };

    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
        Device *d = chip_new(&hpet_type);

        set(d, T0_CONFIG, ENABLE | ROUTE_20);
        set(d, T0_COMPARATOR, 1000);
        set(d, CONFIG, 1);
        chip_loop_is_late(10020);
        set(d, writes[i].reg, writes[i].val);
        CHECK_EQ(rises[PIN_20], 1);
        device_free(d);
    }
}

/* 2.3.6: level: the status bit holds the wire until a 1 is written to it. */
TEST(level_triggered)
{
    Device *d = chip_new(&hpet_type);

    set(d, T0_CONFIG + STRIDE, ENABLE | LEVEL | ROUTE_20);
    set(d, T0_COMPARATOR + STRIDE, 10);
    set(d, CONFIG, 1);
    ticks(20);
    CHECK_EQ(wire[PIN_20], 1);
    CHECK_EQ(get(d, STATUS), 2);
    set(d, STATUS, 1);
    CHECK_EQ(wire[PIN_20], 1);
    device_write(d, 0, STATUS, 2, 4);
    CHECK_EQ(wire[PIN_20], 0);
    CHECK_EQ(get(d, STATUS), 0);
    device_free(d);
}

/* Without Tn_INT_ENB_CNF: status, no interrupt. */
TEST(disabled_timer_sets_status_only)
{
    Device *d = chip_new(&hpet_type);

    set(d, T0_CONFIG, LEVEL | ROUTE_20);
    set(d, T0_COMPARATOR, 10);
    set(d, CONFIG, 1);
    ticks(20);
    CHECK_EQ(wire[PIN_20], 0);
    CHECK_EQ(get(d, STATUS), 1);
    device_free(d);
}

/* 2.3.9.2.2: periodic, programmed as Linux does: VAL_SET, first match, period. */
TEST(periodic)
{
    Device *d = chip_new(&hpet_type);

    set(d, CONFIG, 1);
    ticks(500);
    set(d, T0_CONFIG, ENABLE | PERIODIC | SET | MODE_32 | ROUTE_20);
    device_write(d, 0, T0_COMPARATOR, 10000, 4);
    CHECK_EQ(get(d, T0_CONFIG) & SET, 0);
    device_write(d, 0, T0_COMPARATOR, 3333, 4);
    CHECK_EQ(get(d, T0_COMPARATOR), 10000);
    ticks(9500);
    CHECK_EQ(rises[PIN_20], 1);
    CHECK_EQ(get(d, T0_COMPARATOR), 13333);
    ticks(3333 * 1000);
    CHECK_EQ(rises[PIN_20], 1001);
    CHECK_EQ(get(d, T0_COMPARATOR), 13333 + 3333 * 1000);
    device_free(d);
}

/* Tn_32MODE_CNF: compares 32 bits, and so matches again on each wrap. */
TEST(mode_32)
{
    Device *d = chip_new(&hpet_type);

    set(d, T0_CONFIG, ENABLE | MODE_32 | ROUTE_20);
    set(d, COUNTER, 0x5fffffff0);
    set(d, T0_COMPARATOR, 0x10);
    set(d, CONFIG, 1);
    ticks(0x20);
    CHECK_EQ(rises[PIN_20], 1);
    ticks(0xffffffff);
    CHECK_EQ(rises[PIN_20], 1);
    ticks(1);
    CHECK_EQ(rises[PIN_20], 2);
    device_free(d);
}

/* 2.3.5: legacy replacement: timer 0 is IRQ0, timer 1 is IRQ8, and the PIT and
 * the RTC are cut off; else they pass. */
TEST(legacy_replacement)
{
    Device *d = chip_new(&hpet_type);

    chip_input(d, HPET_IN_PIT, 1);
    CHECK_EQ(wire[HPET_OUT_IRQ0], 1);
    chip_input(d, HPET_IN_PIT, 0);
    CHECK_EQ(wire[HPET_OUT_IRQ0], 0);
    set(d, T0_CONFIG, ENABLE | ROUTE_20);
    set(d, T0_CONFIG + STRIDE, ENABLE | ROUTE_20);
    set(d, T0_COMPARATOR, 10);
    set(d, T0_COMPARATOR + STRIDE, 20);
    set(d, CONFIG, 3);
    chip_input(d, HPET_IN_PIT, 1);
    chip_input(d, HPET_IN_RTC, 1);
    CHECK_EQ(wire[HPET_OUT_IRQ0], 0);
    CHECK_EQ(wire[HPET_OUT_IRQ8], 0);
    ticks(10);
    CHECK_EQ(wire[HPET_OUT_IRQ0], 1);
    CHECK_EQ(wire[HPET_OUT_IRQ8], 0);
    ticks(10);
    CHECK_EQ(wire[HPET_OUT_IRQ8], 1);
    CHECK_EQ(rises[PIN_20], 0);
    set(d, CONFIG, 0);
    CHECK_EQ(wire[HPET_OUT_IRQ8], 1);   /* the RTC's level again */
    chip_input(d, HPET_IN_RTC, 0);
    CHECK_EQ(wire[HPET_OUT_IRQ8], 0);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&hpet_type), *b = chip_plug(chip_make(&hpet_type));

    chip_check_reset(d);
    chip_scribble(d, 5, 3000);
    set(d, T0_CONFIG, ENABLE | PERIODIC | SET);
    set(d, T0_COMPARATOR, 100000);
    set(d, CONFIG, 1);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
