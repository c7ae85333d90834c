/* SPDX-License-Identifier: MIT */
/* The status and system control registers against ARM DUI 0224, chapter 4. */
#include "hw/arm/versatile-sysregs.h"

#include "tests/unit/primecell-test.h"

enum { ID = 0x00, SW = 0x04, LED = 0x08, OSC0 = 0x0c, LOCK = 0x20, COUNT_100HZ = 0x24,
       CFGDATA1 = 0x28, FLAGS = 0x30, FLAGSCLR = 0x34, NVFLAGS = 0x38, NVFLAGSCLR = 0x3c,
       RESETCTL = 0x40, PCICTL = 0x44, MCI = 0x48, FLASH = 0x4c, CLCD = 0x50,
       COUNT_24MHZ = 0x5c, PROCID0 = 0x84 };
enum { KEY = 0xa05f };
enum { RESET = VERSATILE_SYSREGS_OUT_RESET, FLASH_WRITE = VERSATILE_SYSREGS_OUT_FLASH_WRITE,
       MODE0 = VERSATILE_SYSREGS_OUT_CLCD_MODE0, MODE1 = VERSATILE_SYSREGS_OUT_CLCD_MODE1 };

TEST(identification)
{
    clock_init_manual(&clock_);
    Device *d = chip_plug(chip_make(&versatile_sysregs_type));

    CHECK_EQ(in(d, ID), 0x41007004);
    CHECK_EQ(in(d, PROCID0), 0x02000000);
    CHECK_EQ(in(d, PCICTL) & 1, 1);
    device_free(d);

    d = chip_make(&versatile_sysregs_type);
    chip_prop(d, "sys_id", "0x41008004");
    chip_prop(d, "switches", "5");
    chip_prop(d, "pci", "off");
    chip_plug(d);
    CHECK_EQ(in(d, ID), 0x41008004);
    CHECK_EQ(in(d, SW), 5);
    CHECK_EQ(in(d, PCICTL) & 1, 0);
    device_free(d);
}

static bool dump_has_led;

static void find_led(void *opaque, const char *text)
{
    (void)opaque;
    dump_has_led |= strstr(text, "SYS_LED") && strstr(text, "0x000000a5");
}

/* Eight LEDs; the monitor shows them. */
TEST(leds)
{
    Device *d = chip_new(&versatile_sysregs_type);

    out(d, LED, 0xffffffa5);
    CHECK_EQ(in(d, LED), 0xa5);
    device_dump(d, find_led, NULL);
    CHECK(dump_has_led);
    device_free(d);
}

/* SYS_100HZ and SYS_24MHZ are free running 32-bit counters. */
TEST(counters)
{
    Device *d = chip_new(&versatile_sysregs_type);
    uint32_t fast = in(d, COUNT_24MHZ), slow = in(d, COUNT_100HZ);

    clock_step(&clock_, 25 * NS_PER_MS);
    CHECK_EQ(in(d, COUNT_24MHZ) - fast, 600000);
    CHECK_EQ(in(d, COUNT_100HZ) - slow, 2);
    clock_step(&clock_, 200 * NS_PER_SEC);
    CHECK_EQ(in(d, COUNT_24MHZ) - fast, (uint32_t)(600000 + 200ull * 24000000));
    device_free(d);
}

/* SYS_LOCK: 0xa05f unlocks, anything else locks; bit 16 says locked. */
TEST(lock)
{
    Device *d = chip_new(&versatile_sysregs_type);

    CHECK_EQ(in(d, LOCK) >> 16, 1);
    out(d, OSC0, 0x12345);
    out(d, CFGDATA1, 1);
    CHECK_EQ(in(d, OSC0), 0);
    CHECK_EQ(in(d, CFGDATA1), 0);
    out(d, LOCK, KEY);
    CHECK_EQ(in(d, LOCK), KEY);
    out(d, OSC0, 0xfff12345);
    CHECK_EQ(in(d, OSC0), 0x12345);
    out(d, LOCK, 0);
    out(d, OSC0, 1);
    CHECK_EQ(in(d, OSC0), 0x12345);
    device_free(d);
}

/* Flags are set and cleared by writing ones. */
TEST(flags)
{
    static const unsigned rows[][2] = { { FLAGS, FLAGSCLR }, { NVFLAGS, NVFLAGSCLR } };
    Device *d = chip_new(&versatile_sysregs_type);

    for (int i = 0; i < 2; i++) {
        out(d, rows[i][0], 0xf0);
        out(d, rows[i][0], 0x0f);
        CHECK_EQ(in(d, rows[i][0]), 0xff);
        out(d, rows[i][1], 0x3c);
        CHECK_EQ(in(d, rows[i][0]), 0xc3);
    }
    device_free(d);
}

/* SYS_RESETCTL bit 8, unlocked. */
TEST(reset_request)
{
    Device *d = chip_new(&versatile_sysregs_type);

    out(d, RESETCTL, 0x105);
    CHECK_EQ(rises[RESET], 0);
    out(d, LOCK, KEY);
    out(d, RESETCTL, 0x005);
    CHECK_EQ(rises[RESET], 0);
    out(d, RESETCTL, 0x105);
    CHECK_EQ(rises[RESET], 1);
    CHECK_EQ(wire[RESET], 0);
    device_free(d);
}

/* SYS_MCI: card detection in bits 1:0, write protection above. */
TEST(cards)
{
    Device *d = chip_new(&versatile_sysregs_type);

    CHECK_EQ(in(d, MCI), 0);
    chip_input(d, VERSATILE_SYSREGS_IN_CARD1, 1);
    chip_input(d, VERSATILE_SYSREGS_IN_PROTECT0, 1);
    CHECK_EQ(in(d, MCI), 6);
    chip_input(d, VERSATILE_SYSREGS_IN_CARD1, 0);
    CHECK_EQ(in(d, MCI), 4);
    device_free(d);
}

/* SYS_FLASH bit 0, SYS_CLCD bits 1:0 steer other chips; 12:8 is the display. */
TEST(steering)
{
    Device *d = chip_new(&versatile_sysregs_type);

    out(d, FLASH, 1);
    CHECK_EQ(wire[FLASH_WRITE], 1);
    out(d, FLASH, 0);
    CHECK_EQ(wire[FLASH_WRITE], 0);
    out(d, CLCD, 2);
    CHECK_EQ(wire[MODE0], 0);
    CHECK_EQ(wire[MODE1], 1);
    CHECK_EQ(in(d, CLCD), 0x1f02);
    out(d, CLCD, 0xffffff01);
    CHECK_EQ(wire[MODE0], 1);
    CHECK_EQ(wire[MODE1], 0);
    CHECK_EQ(in(d, CLCD), 0x1f01);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&versatile_sysregs_type);
    Device *b = chip_plug(chip_make(&versatile_sysregs_type));

    chip_check_reset(d);
    chip_scribble(d, 3, 300);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
