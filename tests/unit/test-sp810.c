/* SPDX-License-Identifier: MIT */
/* SP810, ARM DDI 0254. */
#include "hw/arm/sp810.h"

#include "tests/unit/chip-test.h"

enum { SCCTRL = 0 };

/* 3.3.1: boot memory is at 0 after reset; REMAPCLEAR ends that and
 * REMAPSTAT tells. */
TEST(remap)
{
    Device *d = chip_new(&sp810_type);

    CHECK_EQ(wire[SP810_OUT_REMAPCLEAR], 0);
    CHECK_EQ(device_read(d, 0, SCCTRL, 4) & 0x300, 0);
    device_write(d, 0, SCCTRL, device_read(d, 0, SCCTRL, 4) | 0x100, 4);
    CHECK_EQ(wire[SP810_OUT_REMAPCLEAR], 1);
    CHECK_EQ(device_read(d, 0, SCCTRL, 4) & 0x300, 0x300);
    device_reset(d);
    CHECK_EQ(wire[SP810_OUT_REMAPCLEAR], 0);
    device_free(d);
}

/* 3.3.1: after reset the mode is doze; ModeStatus follows ModeCtrl and cannot
 * be written. */
TEST(mode)
{
    Device *d = chip_new(&sp810_type);

    CHECK_EQ(device_read(d, 0, SCCTRL, 4), 1 << 3 | 1);
    device_write(d, 0, SCCTRL, 0x7c, 4);
    CHECK_EQ(device_read(d, 0, SCCTRL, 4), 4 << 3 | 4);
    device_free(d);
}

/* 3.3.12: identification */
TEST(id)
{
    Device *d = chip_new(&sp810_type);

    CHECK_EQ(device_read(d, 0, 0xfe0, 4), 0x10);
    CHECK_EQ(device_read(d, 0, 0xfe4, 4), 0x18);
    CHECK_EQ(device_read(d, 0, 0xff4, 4), 0xf0);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&sp810_type), *b = chip_plug(chip_make(&sp810_type));

    chip_check_reset(d);
    chip_scribble(d, 5, 3000);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
