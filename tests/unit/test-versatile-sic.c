/* SPDX-License-Identifier: MIT */
/* The secondary interrupt controller against ARM DUI 0224. */
#include "hw/arm/versatile-sic.h"

#include "tests/unit/primecell-test.h"

enum { STATUS = 0x00, RAWSTAT = 0x04, ENABLE = 0x08, ENCLR = 0x0c, SOFTINTSET = 0x10,
       SOFTINTCLR = 0x14, PICENABLE = 0x20, PICENCLR = 0x24 };
enum { PARENT = VERSATILE_SIC_OUT_PARENT, SOURCE = VERSATILE_SIC_OUT_SOURCE };

/* SIC_STATUS is SIC_RAWSTAT after masking; any bit of it is VIC 31. */
TEST(masked_sources_reach_the_parent)
{
    Device *d = chip_new(&versatile_sic_type);

    chip_input(d, 3, 1);
    CHECK_EQ(in(d, RAWSTAT), 1 << 3);
    CHECK_EQ(in(d, STATUS), 0);
    CHECK_EQ(wire[PARENT], 0);
    out(d, ENABLE, 1 << 3);
    out(d, ENABLE, 1 << 6);
    CHECK_EQ(in(d, ENABLE), 1 << 3 | 1 << 6);
    CHECK_EQ(in(d, STATUS), 1 << 3);
    CHECK_EQ(wire[PARENT], 1);
    chip_input(d, 6, 1);
    chip_input(d, 3, 0);
    CHECK_EQ(wire[PARENT], 1);
    out(d, ENCLR, 1 << 6);
    CHECK_EQ(wire[PARENT], 0);
    CHECK_EQ(in(d, RAWSTAT), 1 << 6);
    device_free(d);
}

TEST(software_interrupts)
{
    Device *d = chip_new(&versatile_sic_type);

    out(d, ENABLE, 1);
    out(d, SOFTINTSET, 1);
    CHECK_EQ(in(d, SOFTINTSET), 1);
    CHECK_EQ(in(d, RAWSTAT), 1);
    CHECK_EQ(wire[PARENT], 1);
    out(d, SOFTINTCLR, 1);
    CHECK_EQ(wire[PARENT], 0);
    device_free(d);
}

/* SIC_PICENABLE: the source goes to its own line of the VIC as well. */
TEST(pass_through)
{
    Device *d = chip_new(&versatile_sic_type);

    chip_input(d, 25, 1);
    CHECK_EQ(wire[SOURCE + 25], 0);
    out(d, PICENABLE, 0xffd00000);
    CHECK_EQ(in(d, PICENABLE), 0xffd00000);
    CHECK_EQ(wire[SOURCE + 25], 1);
    CHECK_EQ(wire[PARENT], 0);
    chip_input(d, 25, 0);
    CHECK_EQ(wire[SOURCE + 25], 0);
    chip_input(d, 3, 1);
    CHECK_EQ(wire[SOURCE + 3], 0);
    chip_input(d, 30, 1);
    CHECK_EQ(wire[SOURCE + 30], 1);
    out(d, PICENCLR, 1 << 30);
    CHECK_EQ(wire[SOURCE + 30], 0);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&versatile_sic_type);
    Device *b = chip_plug(chip_make(&versatile_sic_type));

    chip_check_reset(d);
    chip_scribble(d, 3, 300);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
