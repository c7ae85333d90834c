/* SPDX-License-Identifier: MIT */
/* The vectored interrupt controller against ARM DDI 0181. */
#include "hw/intc/pl190.h"

#include "tests/unit/primecell-test.h"

enum { IRQSTATUS = 0x000, FIQSTATUS = 0x004, RAWINTR = 0x008, INTSELECT = 0x00c,
       INTENABLE = 0x010, INTENCLEAR = 0x014, SOFTINT = 0x018, SOFTINTCLEAR = 0x01c,
       PROTECTION = 0x020, VECTADDR = 0x030, DEFVECTADDR = 0x034, VECTADDR0 = 0x100,
       VECTCNTL0 = 0x200, ITCR = 0x300 };
enum { IRQ = PL190_OUT_IRQ, FIQ = PL190_OUT_FIQ };

static void vector(Device *d, unsigned n, unsigned source, uint32_t addr)
{
    out(d, VECTADDR0 + 4 * n, addr);
    out(d, VECTCNTL0 + 4 * n, 0x20 | source);
}

TEST(identification)
{
    Device *d = chip_new(&pl190_type);

    CHECK_EQ(primecell_id_of(d), 0xb105f00d00041190);
    device_free(d);
}

/* 3.3.3, 3.3.5: raw status is before masking; enabling is by writing ones, and
 * zeros change nothing. */
TEST(enable_and_clear)
{
    Device *d = chip_new(&pl190_type);

    chip_input(d, 12, 1);
    CHECK_EQ(in(d, RAWINTR), 1 << 12);
    CHECK_EQ(in(d, IRQSTATUS), 0);
    CHECK_EQ(wire[IRQ], 0);
    out(d, INTENABLE, 1 << 12);
    out(d, INTENABLE, 1 << 4);
    CHECK_EQ(in(d, INTENABLE), 1 << 12 | 1 << 4);
    CHECK_EQ(in(d, IRQSTATUS), 1 << 12);
    CHECK_EQ(wire[IRQ], 1);
    CHECK_EQ(wire[FIQ], 0);
    out(d, INTENCLEAR, 1 << 12);
    CHECK_EQ(in(d, INTENABLE), 1 << 4);
    CHECK_EQ(wire[IRQ], 0);
    device_free(d);
}

/* Sources are level sensitive: the request goes with the source. */
TEST(level_sensitive)
{
    Device *d = chip_new(&pl190_type);

    out(d, INTENABLE, 1u << 31);
    chip_input(d, 31, 1);
    CHECK_EQ(wire[IRQ], 1);
    chip_input(d, 31, 0);
    CHECK_EQ(wire[IRQ], 0);
    CHECK_EQ(in(d, IRQSTATUS), 0);
    device_free(d);
}

/* 3.3.4: 1 = FIQ. */
TEST(select_fiq)
{
    Device *d = chip_new(&pl190_type);

    out(d, INTENABLE, 1 << 4);
    chip_input(d, 4, 1);
    out(d, INTSELECT, 1 << 4);
    CHECK_EQ(wire[IRQ], 0);
    CHECK_EQ(wire[FIQ], 1);
    CHECK_EQ(in(d, IRQSTATUS), 0);
    CHECK_EQ(in(d, FIQSTATUS), 1 << 4);
    out(d, INTSELECT, 0);
    CHECK_EQ(wire[FIQ], 0);
    CHECK_EQ(wire[IRQ], 1);
    device_free(d);
}

/* 3.3.7: "generates a software interrupt ... before interrupt masking". */
TEST(software_interrupts)
{
    Device *d = chip_new(&pl190_type);

    out(d, INTENABLE, 1 << 3);
    out(d, SOFTINT, 1 << 3 | 1 << 5);
    CHECK_EQ(in(d, SOFTINT), 1 << 3 | 1 << 5);
    CHECK_EQ(in(d, RAWINTR), 1 << 3 | 1 << 5);
    CHECK_EQ(in(d, IRQSTATUS), 1 << 3);
    CHECK_EQ(wire[IRQ], 1);
    out(d, SOFTINTCLEAR, 1 << 3);
    CHECK_EQ(wire[IRQ], 0);
    CHECK_EQ(in(d, RAWINTR), 1 << 5);
    device_free(d);
}

/* 2.2.5: vector 0 has the highest priority, sources without one the lowest. */
TEST(vectors_by_priority)
{
    Device *d = chip_new(&pl190_type);

    out(d, DEFVECTADDR, 0xdef0);
    vector(d, 0, 9, 0x1000);
    vector(d, 5, 2, 0x5000);
    out(d, INTENABLE, 0xffffffff);
    chip_input(d, 20, 1);
    CHECK_EQ(in(d, VECTADDR), 0xdef0);
    chip_input(d, 2, 1);
    CHECK_EQ(in(d, VECTADDR), 0x5000);
    chip_input(d, 9, 1);
    CHECK_EQ(in(d, VECTADDR), 0x1000);
    device_free(d);
}

/* 3.3.10: reading takes an interrupt into service, which masks its level and
 * lower ones; writing, with any value, ends that. */
TEST(service_masks_equal_and_lower_levels)
{
    Device *d = chip_new(&pl190_type);

    vector(d, 1, 10, 0x100);
    vector(d, 2, 11, 0x200);
    out(d, INTENABLE, 0xffffffff);
    chip_input(d, 11, 1);
    CHECK_EQ(in(d, VECTADDR), 0x200);
    CHECK_EQ(wire[IRQ], 0);             /* still requested, but in service */
    chip_input(d, 25, 1);
    CHECK_EQ(wire[IRQ], 0);             /* lower */
    chip_input(d, 10, 1);
    CHECK_EQ(wire[IRQ], 1);             /* higher: nests */
    CHECK_EQ(in(d, VECTADDR), 0x100);
    CHECK_EQ(wire[IRQ], 0);
    chip_input(d, 10, 0);
    out(d, VECTADDR, 0);                /* ends level 1, level 2 still served */
    CHECK_EQ(wire[IRQ], 0);
    chip_input(d, 11, 0);
    out(d, VECTADDR, 0xffffffff);
    CHECK_EQ(wire[IRQ], 1);             /* now source 25 */
    CHECK_EQ(in(d, IRQSTATUS), 1 << 25);
    device_free(d);
}

/* 3.3.13, VICVECTCNTL bit 5: a disabled vector does nothing. */
TEST(disabled_vector)
{
    Device *d = chip_new(&pl190_type);

    vector(d, 0, 7, 0x700);
    out(d, VECTCNTL0, 7);
    out(d, DEFVECTADDR, 0xd0);
    out(d, INTENABLE, 1 << 7);
    chip_input(d, 7, 1);
    CHECK_EQ(in(d, VECTADDR), 0xd0);
    device_free(d);
}

/* As Linux sets it up and handles interrupts: VECTADDR is never read in the
 * handler, and no level may stay masked. */
TEST(polling_irqstatus)
{
    Device *d = chip_new(&pl190_type);

    out(d, INTSELECT, 0);
    out(d, INTENABLE, 0);
    out(d, INTENCLEAR, 0xffffffff);
    out(d, ITCR, 0);
    out(d, SOFTINTCLEAR, 0xffffffff);
    out(d, VECTADDR, 0);
    for (int i = 0; i < 19; i++) {
        out(d, VECTADDR, in(d, VECTADDR));
    }
    for (unsigned i = 0; i < 16; i++) {
        out(d, VECTCNTL0 + 4 * i, 0x20 | i);
    }
    out(d, DEFVECTADDR, 32);
    out(d, INTENABLE, 1 << 4 | 1 << 12 | 1u << 31);
    for (int round = 0; round < 3; round++) {
        chip_input(d, 12, 1);
        CHECK_EQ(wire[IRQ], 1);
        chip_input(d, 4, 1);
        chip_input(d, 31, 1);
        CHECK_EQ(in(d, IRQSTATUS), 1u << 31 | 1 << 12 | 1 << 4);
        chip_input(d, 4, 0);
        chip_input(d, 12, 0);
        CHECK_EQ(wire[IRQ], 1);
        chip_input(d, 31, 0);
        CHECK_EQ(wire[IRQ], 0);
    }
    CHECK_EQ(rises[IRQ], 3);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&pl190_type), *b = chip_plug(chip_make(&pl190_type));

    chip_check_reset(d);
    chip_scribble(d, 3, 300);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
