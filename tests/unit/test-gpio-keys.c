/* SPDX-License-Identifier: MIT */
/* Keys and lamps on wires. */
#include "hw/input/gpio-keys.h"

#include "hw/misc/leds.h"
#include "tests/unit/chip-test.h"
#include "ui/console.h"

static void type(const char *name, bool down)
{
    input_key((uint8_t)key_by_name(name), down);
}

/* A key is a switch to ground. */
TEST(keys_pull_their_wires_low)
{
    Device *d = chip_make(&gpio_keys_type);

    chip_prop(d, "keys", "1 2 f3");
    chip_plug(d);
    CHECK_EQ(wire[0] + wire[1] + wire[2], 3);
    type("2", true);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(wire[1], 0);
    type("f3", true);
    type("x", true);
    CHECK_EQ(wire[2], 0);
    device_reset(d);
    CHECK_EQ(wire[1], 0);               /* the finger is still there */
    type("2", false);
    type("f3", false);
    CHECK_EQ(wire[0] + wire[1] + wire[2], 3);
    device_free(d);
}

TEST(active_high)
{
    Device *d = chip_make(&gpio_keys_type);

    chip_prop(d, "keys", "a");
    chip_prop(d, "active_low", "off");
    chip_plug(d);
    CHECK_EQ(wire[0], 0);
    type("a", true);
    CHECK_EQ(wire[0], 1);
    device_free(d);
}

TEST(unknown_names_are_refused)
{
    Device *d = chip_make(&gpio_keys_type);
    Error err;

    chip_prop(d, "keys", "1 nosuchkey");
    CHECK(device_realize(d, &err) < 0);
    CHECK(strstr(err.msg, "nosuchkey") != NULL);
    device_free(d);
}

TEST(lamps)
{
    Device *d = chip_make(&leds_type), *other = chip_make(&gpio_keys_type);
    Led led;

    chip_prop(d, "names", "!D1 buzzer");
    chip_plug(d);
    CHECK(leds_get(d, 0, &led));
    CHECK_STR(led.name, "D1");
    CHECK_EQ(led.on, 1);                /* low, and active low */
    chip_input(d, 0, 1);
    chip_input(d, 0, 1);
    chip_input(d, 1, 1);
    CHECK(leds_get(d, 0, &led));
    CHECK_EQ(led.on, 0);
    CHECK_EQ(led.changes, 1);
    CHECK(leds_get(d, 1, &led));
    CHECK_STR(led.name, "buzzer");
    CHECK_EQ(led.on, 1);
    CHECK(!leds_get(d, 2, &led));
    CHECK(!leds_get(d, -1, &led));
    CHECK(!leds_get(other, 0, &led));
    device_free(d);
    device_free(other);
}

/* A lamp that flickers is seen as lit, a wire at rest is what it is. */
TEST(flicker)
{
    clock_init_manual(&clock_);
    Device *d = chip_make(&leds_type);
    Led led;

    chip_prop(d, "names", "buzzer");
    chip_plug(d);
    clock_step(&clock_, NS_PER_SEC);
    chip_input(d, 0, 1);
    chip_input(d, 0, 0);
    clock_step(&clock_, 20 * NS_PER_MS);
    CHECK(leds_get(d, 0, &led));
    CHECK_EQ(led.on, 1);
    clock_step(&clock_, LED_SEEN_NS);
    CHECK(leds_get(d, 0, &led));
    CHECK_EQ(led.on, 0);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&leds_type), *b = chip_plug(chip_make(&leds_type));

    chip_scribble(d, 3, 100);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
    d = chip_new(&gpio_keys_type);
    chip_check_hostile_snapshots(d);
    device_free(d);
}
