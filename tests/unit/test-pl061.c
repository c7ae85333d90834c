/* SPDX-License-Identifier: MIT */
/* The general purpose input/output against ARM DDI 0190. */
#include "hw/misc/pl061.h"

#include "tests/unit/primecell-test.h"

enum { DATA = 0x3fc, DIR = 0x400, IS = 0x404, IBE = 0x408, IEV = 0x40c, IE = 0x410,
       RIS = 0x414, MIS = 0x418, IC = 0x41c, AFSEL = 0x420 };
enum { IRQ = PL061_OUT_IRQ, PIN = PL061_OUT_PIN0 };

TEST(identification)
{
    Device *d = chip_new(&pl061_type);

    CHECK_EQ(primecell_id_of(d), 0xb105f00d00041061);
    device_free(d);
}

/* 3.3.1: address bits 9:2 mask what is read and what is written. */
TEST(masked_data)
{
    Device *d = chip_new(&pl061_type);

    out(d, DIR, 0xff);
    out(d, DATA, 0xff);
    out(d, 0x98 << 2 & 0x3fc, 0x00);
    CHECK_EQ(in(d, DATA), 0x67);
    CHECK_EQ(in(d, 0x31 << 2), 0x21);
    CHECK_EQ(in(d, 0x000), 0);
    out(d, 0x000, 0xff);
    CHECK_EQ(in(d, DATA), 0x67);
    CHECK_EQ(wire[PIN + 0], 1);
    CHECK_EQ(wire[PIN + 3], 0);
    CHECK_EQ(wire[PIN + 6], 1);
    device_free(d);
}

/* Inputs read as driven; what is written to them appears with the direction. */
TEST(directions)
{
    Device *d = chip_new(&pl061_type);

    chip_input(d, 0, 1);
    chip_input(d, 7, 1);
    CHECK_EQ(in(d, DATA), 0x81);
    out(d, DATA, 0x12);
    CHECK_EQ(in(d, DATA), 0x81);
    CHECK_EQ(wire[PIN + 1], 0);
    out(d, DIR, 0x03);
    CHECK_EQ(in(d, DATA), 0x82);
    CHECK_EQ(wire[PIN + 1], 1);
    out(d, DIR, 0);
    CHECK_EQ(wire[PIN + 1], 0);
    device_free(d);
}

/* IS 0, IBE 0: the edge that IEV says, kept until GPIOIC. */
TEST(single_edges)
{
    Device *d = chip_new(&pl061_type);

    out(d, IEV, 1 << 2);
    out(d, IE, 1 << 2 | 1 << 3);
    chip_input(d, 2, 1);
    CHECK_EQ(in(d, RIS), 1 << 2);
    CHECK_EQ(wire[IRQ], 1);
    chip_input(d, 2, 0);
    CHECK_EQ(wire[IRQ], 1);
    out(d, IC, 1 << 2);
    CHECK_EQ(wire[IRQ], 0);
    chip_input(d, 3, 1);
    CHECK_EQ(wire[IRQ], 0);
    chip_input(d, 3, 0);
    CHECK_EQ(in(d, MIS), 1 << 3);
    CHECK_EQ(wire[IRQ], 1);
    device_free(d);
}

TEST(both_edges)
{
    Device *d = chip_new(&pl061_type);

    out(d, IBE, 1);
    for (int level = 1; level >= 0; level--) {
        chip_input(d, 0, level);
        CHECK_EQ(in(d, RIS), 1);
        CHECK_EQ(in(d, MIS), 0);        /* IE off */
        out(d, IC, 1);
        CHECK_EQ(in(d, RIS), 0);
    }
    device_free(d);
}

/* IS 1: the level that IEV says, as long as it is there. */
TEST(levels)
{
    Device *d = chip_new(&pl061_type);

    out(d, IS, 1 << 5);
    out(d, IEV, 1 << 5);
    out(d, IE, 1 << 5);
    chip_input(d, 5, 1);
    CHECK_EQ(wire[IRQ], 1);
    out(d, IC, 1 << 5);
    CHECK_EQ(wire[IRQ], 1);
    chip_input(d, 5, 0);
    CHECK_EQ(wire[IRQ], 0);
    out(d, IEV, 0);
    CHECK_EQ(wire[IRQ], 1);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&pl061_type), *b = chip_plug(chip_make(&pl061_type));

    chip_check_reset(d);
    chip_scribble(d, 3, 300);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
