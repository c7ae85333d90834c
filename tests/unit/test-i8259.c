/* SPDX-License-Identifier: MIT */
/* The 8259A against its data sheet (Intel 231468), alone and as a pair. */
#include "hw/intc/i8259.h"

#include "tests/unit/chip-test.h"

static Device *slave_;

static void out(Device *d, unsigned port, uint8_t val)
{
    device_write(d, I8259_PORTS, port, val, 1);
}

static uint8_t in(Device *d, unsigned port)
{
    return (uint8_t)device_read(d, I8259_PORTS, port, 1);
}

static void init(Device *d, uint8_t icw1, uint8_t icw2, uint8_t icw3, uint8_t icw4)
{
    out(d, 0, icw1);
    out(d, 1, icw2);
    if (!(icw1 & 2)) {
        out(d, 1, icw3);
    }
    out(d, 1, icw4);
}

/* One chip, vectors 20h.., edge triggered, nothing masked. */
static Device *single(void)
{
    Device *d = chip_new(&i8259_type);

    init(d, 0x13, 0x20, 0, 0x01);
    return d;
}

/* As in a PC: the slave's INT on IR2 of the master. */
static Device *pair(uint8_t master_icw4)
{
    clock_init_manual(&clock_);
    slave_ = chip_make(&i8259_type);
    Device *master = chip_make(&i8259_type);

    chip_link(master, "slave", slave_);
    chip_plug(slave_);
    chip_plug(master);
    device_connect(slave_, 0, device_input(master, 2));
    init(master, 0x11, 0x20, 0x04, master_icw4);
    init(slave_, 0x11, 0x28, 0x02, 0x01);
    return master;
}

static uint8_t read_isr(Device *d)
{
    out(d, 0, 0x0b);
    return in(d, 0);
}

static uint8_t read_irr(Device *d)
{
    out(d, 0, 0x0a);
    return in(d, 0);
}

/* "Interrupt sequence": IR rises, INT; INTA moves IRR to ISR, vector = T7-T3 | n. */
TEST(request_is_acknowledged_with_base_and_level)
{
    Device *d = single();

    chip_input(d, 5, 1);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(read_irr(d), 0x20);
    CHECK_EQ(i8259_intack(d), 0x25);
    CHECK_EQ(read_irr(d), 0);
    CHECK_EQ(read_isr(d), 0x20);
    CHECK_EQ(wire[0], 0);
    out(d, 0, 0x20);
    CHECK_EQ(read_isr(d), 0);
    CHECK_EQ(wire[0], 0);               /* edge: the line is still high */
    device_free(d);
}

/* "If the IR input goes low before this time a DEFAULT IR7 will occur." */
TEST(request_that_goes_away_is_spurious_level_7)
{
    Device *d = single();

    chip_input(d, 3, 1);
    chip_input(d, 3, 0);
    CHECK_EQ(wire[0], 0);
    CHECK_EQ(i8259_intack(d), 0x27);
    CHECK_EQ(read_isr(d), 0);           /* "the ISR bit is not set" */
    device_free(d);
}

/* "Fully nested mode": further requests of the same or lower priority wait. */
TEST(fully_nested)
{
    Device *d = single();

    chip_input(d, 3, 1);
    i8259_intack(d);
    chip_input(d, 4, 1);
    CHECK_EQ(wire[0], 0);
    chip_input(d, 1, 1);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(i8259_intack(d), 0x21);
    CHECK_EQ(read_isr(d), 0x0a);
    out(d, 0, 0x20);                    /* highest in service first */
    CHECK_EQ(read_isr(d), 0x08);
    CHECK_EQ(wire[0], 0);
    out(d, 0, 0x63);                    /* specific EOI of 3 */
    CHECK_EQ(read_isr(d), 0);
    CHECK_EQ(i8259_intack(d), 0x24);
    device_free(d);
}

/* OCW1: a masked level is held in IRR, and requests when unmasked. */
TEST(mask)
{
    Device *d = single();

    out(d, 1, 0x10);
    CHECK_EQ(in(d, 1), 0x10);
    chip_input(d, 4, 1);
    CHECK_EQ(wire[0], 0);
    CHECK_EQ(read_irr(d), 0x10);
    out(d, 1, 0);
    CHECK_EQ(wire[0], 1);
    device_free(d);
}

/* ICW1 LTIM: "level triggered mode": no edge needed, repeats after EOI. */
TEST(level_triggered_by_icw1)
{
    Device *d = single();

    init(d, 0x1b, 0x20, 0, 0x01);
    chip_input(d, 6, 1);
    CHECK_EQ(i8259_intack(d), 0x26);
    out(d, 0, 0x20);
    CHECK_EQ(wire[0], 1);
    i8259_intack(d);
    chip_input(d, 6, 0);
    out(d, 0, 0x20);
    CHECK_EQ(wire[0], 0);
    device_free(d);
}

/* 82371SB ELCR: per input; reserved bits read as 0. */
TEST(elcr_chooses_per_input)
{
    clock_init_manual(&clock_);
    Device *d = chip_make(&i8259_type);

    chip_prop(d, "elcr_mask", "0xf8");
    chip_plug(d);
    init(d, 0x13, 0x20, 0, 0x01);
    device_write(d, I8259_ELCR, 0, 0xff, 1);
    CHECK_EQ(device_read(d, I8259_ELCR, 0, 1), 0xf8);
    device_write(d, I8259_ELCR, 0, 0x20, 1);
    chip_input(d, 4, 1);
    chip_input(d, 5, 1);
    i8259_intack(d);
    out(d, 0, 0x20);
    CHECK_EQ(i8259_intack(d), 0x25);
    out(d, 0, 0x20);
    CHECK_EQ(read_irr(d), 0x20);        /* only the level triggered one again */
    device_free(d);
}

/* OCW2: "rotate on non-specific EOI": the served level becomes the lowest. */
TEST(rotate_on_eoi)
{
    Device *d = single();

    chip_input(d, 2, 1);
    i8259_intack(d);
    out(d, 0, 0xa0);
    chip_input(d, 2, 0);
    chip_input(d, 2, 1);
    chip_input(d, 3, 1);
    chip_input(d, 0, 1);
    CHECK_EQ(i8259_intack(d), 0x23);    /* 3 is now highest, 2 lowest */
    out(d, 0, 0x20);
    CHECK_EQ(i8259_intack(d), 0x20);
    out(d, 0, 0x20);
    CHECK_EQ(i8259_intack(d), 0x22);
    device_free(d);
}

/* OCW2: "set priority command": bottom priority is L2-L0. */
TEST(specific_rotation)
{
    Device *d = single();

    out(d, 0, 0xc5);
    chip_input(d, 5, 1);
    chip_input(d, 0, 1);
    chip_input(d, 6, 1);
    CHECK_EQ(i8259_intack(d), 0x26);
    out(d, 0, 0xe6);                    /* rotate on specific EOI */
    CHECK_EQ(read_isr(d), 0);
    CHECK_EQ(i8259_intack(d), 0x20);
    device_free(d);
}

/* ICW4 AEOI: EOI at the end of the last INTA pulse, with rotation if set. */
TEST(automatic_eoi)
{
    Device *d = single();

    init(d, 0x13, 0x20, 0, 0x03);
    chip_input(d, 1, 1);
    CHECK_EQ(i8259_intack(d), 0x21);
    CHECK_EQ(read_isr(d), 0);
    out(d, 0, 0x80);                    /* rotate in AEOI mode, set */
    chip_input(d, 1, 0);
    chip_input(d, 1, 1);
    i8259_intack(d);
    chip_input(d, 1, 0);
    chip_input(d, 1, 1);
    chip_input(d, 7, 1);
    CHECK_EQ(i8259_intack(d), 0x27);
    device_free(d);
}

/* OCW3: "special mask mode ... enables interrupts from all other levels". */
TEST(special_mask_mode_lets_lower_levels_in)
{
    Device *d = single();

    chip_input(d, 2, 1);
    i8259_intack(d);
    out(d, 1, 0x04);
    chip_input(d, 6, 1);
    CHECK_EQ(wire[0], 0);
    out(d, 0, 0x68);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(i8259_intack(d), 0x26);
    out(d, 0, 0x20);                    /* "a masked IS bit is not cleared" */
    CHECK_EQ(read_isr(d), 0x04);
    out(d, 0, 0x62);
    CHECK_EQ(read_isr(d), 0);
    device_free(d);
}

/* "Poll command": the next read acknowledges; bit 7 and the level. */
TEST(poll)
{
    Device *d = single();

    out(d, 0, 0x0c);
    CHECK_EQ(in(d, 0), 0);
    chip_input(d, 5, 1);
    out(d, 0, 0x0c);
    CHECK_EQ(in(d, 0), 0x85);
    CHECK_EQ(read_isr(d), 0x20);
    device_free(d);
}

/* ICW1 clears the IMR and the edge sense, selects IRR. */
TEST(initialization)
{
    Device *d = single();

    out(d, 1, 0xff);
    chip_input(d, 3, 1);
    out(d, 0, 0x13);
    CHECK_EQ(wire[0], 0);
    out(d, 1, 0x40);
    out(d, 1, 0x01);
    CHECK_EQ(in(d, 1), 0);
    CHECK_EQ(in(d, 0), 0);              /* a new low-to-high is needed */
    CHECK_EQ(wire[0], 0);
    chip_input(d, 3, 0);
    chip_input(d, 3, 1);
    CHECK_EQ(i8259_intack(d), 0x43);
    device_free(d);
}

/* "Cascade mode": the slave gives the vector; both need an EOI. */
TEST(cascade)
{
    Device *m = pair(0x01);

    chip_input(slave_, 6, 1);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(i8259_intack(m), 0x2e);
    CHECK_EQ(read_isr(m), 0x04);
    CHECK_EQ(read_isr(slave_), 0x40);
    out(slave_, 0, 0x20);
    chip_input(slave_, 7, 1);
    CHECK_EQ(wire[0], 0);               /* the master still serves IR2 */
    out(m, 0, 0x20);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(i8259_intack(m), 0x2f);
    device_free(m);
    device_free(slave_);
}

/* "Special fully nested mode": a slave's higher request is let through. */
TEST(special_fully_nested_mode)
{
    Device *m = pair(0x01);

    chip_input(slave_, 6, 1);
    i8259_intack(m);
    chip_input(slave_, 1, 1);
    CHECK_EQ(wire[0], 0);
    device_free(m);
    device_free(slave_);

    m = pair(0x11);
    chip_input(slave_, 6, 1);
    i8259_intack(m);
    chip_input(slave_, 1, 1);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(i8259_intack(m), 0x29);
    CHECK_EQ(read_isr(slave_), 0x42);
    device_free(m);
    device_free(slave_);
}

/* A spurious request at the slave: its level 7; the master's ISR bit is set. */
TEST(spurious_interrupt_of_the_slave)
{
    Device *m = pair(0x01);

    chip_input(m, 2, 1);                /* INT without a request behind it */
    CHECK_EQ(i8259_intack(m), 0x2f);
    CHECK_EQ(read_isr(m), 0x04);
    CHECK_EQ(read_isr(slave_), 0);
    device_free(m);
    device_free(slave_);
}

TEST(contract)
{
    clock_init_manual(&clock_);
    Device *d = chip_make(&i8259_type), *b = chip_make(&i8259_type);

    chip_prop(d, "elcr_mask", "0xde");
    chip_prop(b, "elcr_mask", "0xde");
    chip_plug(b);
    chip_plug(d);
    chip_check_reset(d);
    chip_scribble(d, 1, 1000);
    chip_input(d, 3, 1);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
