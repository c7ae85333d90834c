/* SPDX-License-Identifier: MIT */
/* Clock and power management against the S3C2440A User's Manual, chapter 7. */
#include "hw/s3c24xx/clock.h"

#include "tests/unit/primecell-test.h"

enum { LOCKTIME = 0x00, MPLLCON = 0x04, UPLLCON = 0x08, CLKCON = 0x0c, CLKSLOW = 0x10,
       CLKDIVN = 0x14, CAMDIVN = 0x18 };
enum { MHZ = 1000000 };

TEST(reset_values)
{
    Device *d = chip_new(&s3c2440_clock_type);

    CHECK_EQ(in(d, LOCKTIME), 0xffffffff);
    CHECK_EQ(in(d, MPLLCON), 0x96030);
    CHECK_EQ(in(d, UPLLCON), 0x4d030);
    CHECK_EQ(in(d, CLKCON), 0xfffff0);
    CHECK_EQ(in(d, CLKSLOW), 4);
    CHECK_EQ(in(d, CLKDIVN), 0);
    CHECK_EQ(in(d, CAMDIVN), 0);
    device_free(d);
}

/* "Power-on reset": Fin is used until the PLL is written, its old value too. */
TEST(crystal_until_the_pll_is_written)
{
    Device *d = chip_new(&s3c2440_clock_type);

    CHECK_EQ(s3c_clock_hz(d, S3C_FCLK), 12 * MHZ);
    CHECK_EQ(s3c_clock_hz(d, S3C_UCLK), 12 * MHZ);
    out(d, MPLLCON, in(d, MPLLCON));
    CHECK_EQ(s3c_clock_hz(d, S3C_FCLK), 758400000);     /* 2 * 158 * 12 / 5 */
    device_reset(d);
    CHECK_EQ(s3c_clock_hz(d, S3C_FCLK), 12 * MHZ);
    device_free(d);
}

/* "PLL value selection table": rows for 12 MHz. */
TEST(pll_table)
{
    static const struct { uint32_t mdiv, pdiv, sdiv, hz; } rows[] = {
        { 82, 2, 1, 270 * MHZ }, { 92, 1, 1, 400 * MHZ }, { 127, 2, 1, 405 * MHZ },
        { 110, 3, 1, 283200000 }, { 92, 1, 3, 100 * MHZ },
    };
    Device *d = chip_new(&s3c2440_clock_type);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        out(d, MPLLCON, rows[i].mdiv << 12 | rows[i].pdiv << 4 | rows[i].sdiv);
        CHECK_EQ(s3c_clock_hz(d, S3C_FCLK), rows[i].hz);
    }
    out(d, UPLLCON, 56 << 12 | 2 << 4 | 2);
    CHECK_EQ(s3c_clock_hz(d, S3C_UCLK), 48 * MHZ);
    out(d, UPLLCON, 56 << 12 | 2 << 4 | 1);
    CHECK_EQ(s3c_clock_hz(d, S3C_UCLK), 96 * MHZ);
    out(d, CLKDIVN, 8);
    CHECK_EQ(s3c_clock_hz(d, S3C_UCLK), 48 * MHZ);
    device_free(d);
}

/* "Clock divider control": HDIVN, PDIVN, with HCLK3_HALF and HCLK4_HALF. */
TEST(dividers)
{
    static const struct { uint32_t hdivn, cam, div; } rows[] = {
        { 0, 0, 1 }, { 1, 0, 2 }, { 2, 0, 4 }, { 2, 0x200, 8 }, { 2, 0x100, 4 },
        { 3, 0, 3 }, { 3, 0x100, 6 }, { 3, 0x200, 3 },
    };
    Device *d = chip_new(&s3c2440_clock_type);

    out(d, MPLLCON, 127 << 12 | 2 << 4 | 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        out(d, CAMDIVN, rows[i].cam);
        out(d, CLKDIVN, rows[i].hdivn << 1 | 1);
        CHECK_EQ(s3c_hclk(d), 405 * MHZ / rows[i].div);
        CHECK_EQ(s3c_pclk(d), 405 * MHZ / rows[i].div / 2);
        out(d, CLKDIVN, rows[i].hdivn << 1);
        CHECK_EQ(s3c_pclk(d), s3c_hclk(d));
    }
    out(d, CAMDIVN, 1 << 12);                           /* DVS_EN: FCLK = HCLK */
    out(d, CLKDIVN, 5);
    CHECK_EQ(s3c_clock_hz(d, S3C_FCLK), s3c_hclk(d));
    CHECK_EQ(s3c_hclk(d), 101250000);
    device_free(d);
}

/* "CLKSLOW": Fin / (2 * SLOW_VAL), and Fin for 0. */
TEST(slow_mode)
{
    Device *d = chip_new(&s3c2440_clock_type);

    out(d, MPLLCON, 127 << 12 | 2 << 4 | 1);
    out(d, CLKSLOW, 0x14);
    CHECK_EQ(s3c_clock_hz(d, S3C_FCLK), 12 * MHZ / 8);
    out(d, CLKSLOW, 0x10);
    CHECK_EQ(s3c_clock_hz(d, S3C_FCLK), 12 * MHZ);
    out(d, CLKSLOW, 0x04);
    CHECK_EQ(s3c_clock_hz(d, S3C_FCLK), 405 * MHZ);
    device_free(d);
}

/* "CAMDIVN": UPLL itself, or UPLL / ((CAMCLK_DIV + 1) * 2). */
TEST(camera_clock)
{
    Device *d = chip_new(&s3c2440_clock_type);

    out(d, UPLLCON, 56 << 12 | 2 << 4 | 1);
    CHECK_EQ(s3c_clock_hz(d, S3C_CAMCLK), 96 * MHZ);
    out(d, CAMDIVN, 0x11);
    CHECK_EQ(s3c_clock_hz(d, S3C_CAMCLK), 24 * MHZ);
    device_free(d);
}

static int calls;
static uint32_t hz_before, hz_after;

static void changing(void *opaque)
{
    calls++;
    hz_before = s3c_pclk(opaque);
}

static void changed(void *opaque)
{
    hz_after = s3c_pclk(opaque);
}

TEST(listeners_see_both_frequencies)
{
    Device *d = chip_new(&s3c2440_clock_type);
    S3cClockListener l = { changing, changed, d, NULL };

    calls = 0;
    s3c_clock_listen(d, &l);
    out(d, MPLLCON, 92 << 12 | 1 << 4 | 1);
    CHECK_EQ(calls, 1);
    CHECK_EQ(hz_before, 12 * MHZ);
    CHECK_EQ(hz_after, 400 * MHZ);
    out(d, MPLLCON, 92 << 12 | 1 << 4 | 1);
    out(d, LOCKTIME, 5);
    CHECK_EQ(calls, 1);
    device_free(d);
}

/* CLKCON.2 stops the processor each time it is written. */
TEST(idle)
{
    Device *d = chip_new(&s3c2440_clock_type);

    out(d, CLKCON, 0x7fff4);
    CHECK_EQ(rises[S3C_CLOCK_OUT_IDLE], 1);
    CHECK_EQ(in(d, CLKCON), 0x00e00000 | 0x7fff4);
    out(d, CLKCON, 0x7fff0);
    CHECK_EQ(rises[S3C_CLOCK_OUT_IDLE], 1);
    device_free(d);
}

/* "Sleep mode": ends by an external interrupt or the RTC's alarm, by a reset. */
TEST(sleep_and_wake)
{
    Device *d = chip_new(&s3c2440_clock_type);

    for (int source = 0; source < S3C_CLOCK_NUM_INPUTS; source++) {
        chip_input(d, source, 1);
        chip_input(d, source, 0);
        CHECK_EQ(rises[S3C_CLOCK_OUT_WAKE], source);    /* not asleep */
        out(d, CLKCON, 0x7fff8);
        CHECK_EQ(wire[S3C_CLOCK_OUT_SLEEP], 1);
        chip_input(d, source, 1);
        chip_input(d, source, 0);
        CHECK_EQ(wire[S3C_CLOCK_OUT_SLEEP], 0);
        CHECK_EQ(rises[S3C_CLOCK_OUT_WAKE], source + 1);
    }
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&s3c2440_clock_type);
    Device *b = chip_plug(chip_make(&s3c2440_clock_type));

    chip_check_reset(d);
    chip_scribble(d, 3, 300);
    chip_check_snapshot(d, b);
    CHECK_EQ(s3c_pclk(b), s3c_pclk(d));
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
