/* SPDX-License-Identifier: MIT */
/* The PS/2 interface, with a keyboard and a mouse, against ARM DDI 0143. */
#include "hw/input/pl050.h"

#include "hw/input/ps2.h"
#include "tests/unit/primecell-test.h"
#include "ui/console.h"

enum { CR = 0x00, STAT = 0x04, DATA = 0x08, CLKDIV = 0x0c, IR = 0x10 };
enum { EN = 0x04, TXIE = 0x08, RXIE = 0x10 };
enum { RXFULL = 0x10, TXBUSY = 0x20, TXEMPTY = 0x40 };

static Device *port, *kbd;

static void start(const DeviceType *type)
{
    clock_init_manual(&clock_);
    kbd = chip_plug(chip_make(type));
    port = chip_make(&pl050_type);
    chip_link(port, "device", kbd);
    chip_plug(port);
}

static void stop(void)
{
    device_free(port);
    device_free(kbd);
}

static uint32_t next_byte(void)
{
    clock_step(&clock_, NS_PER_MS);
    CHECK_EQ(in(port, STAT) & RXFULL, RXFULL);
    return in(port, DATA);
}

TEST(identification)
{
    Device *d = chip_new(&pl050_type);

    CHECK_EQ(primecell_id_of(d), 0xb105f00d00041050);
    CHECK_EQ(in(d, CR), 0);
    CHECK_EQ(in(d, STAT) & 0x73, TXEMPTY | 3);
    device_free(d);
}

/* A key's set 2 codes, as they come from the keyboard: nothing translates. */
TEST(key_codes_are_set_2)
{
    start(&ps2_kbd_type);
    out(port, CR, EN | RXIE);
    input_key(0x1e, true);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(in(port, IR), 1);
    CHECK_EQ(in(port, DATA), 0x1c);
    CHECK_EQ(wire[0], 0);
    CHECK_EQ(in(port, IR), 0);
    input_key(0x1e, false);
    CHECK_EQ(in(port, STAT) & RXFULL, 0);       /* not that fast */
    CHECK_EQ(next_byte(), 0xf0);
    CHECK_EQ(next_byte(), 0x1c);
    input_key(0xc8, true);
    CHECK_EQ(next_byte(), 0xe0);
    CHECK_EQ(next_byte(), 0x75);
    stop();
}

/* Commands go to the device, its answers come back. */
TEST(commands)
{
    start(&ps2_kbd_type);
    out(port, CR, EN);
    out(port, DATA, 0xf2);
    CHECK_EQ(in(port, STAT) & (TXEMPTY | TXBUSY), TXEMPTY);
    CHECK_EQ(next_byte(), 0xfa);
    CHECK_EQ(next_byte(), 0xab);
    CHECK_EQ(next_byte(), 0x83);
    CHECK_EQ(wire[0], 0);               /* RXIE off */
    stop();
}

TEST(mouse)
{
    start(&ps2_mouse_type);
    out(port, CR, EN | RXIE);
    out(port, DATA, 0xff);
    CHECK_EQ(next_byte(), 0xfa);
    CHECK_EQ(next_byte(), 0xaa);
    CHECK_EQ(next_byte(), 0x00);
    stop();
}

/* KMICR: disabled, or with the clock held, nothing is received; it waits. */
TEST(disabled_and_held)
{
    start(&ps2_kbd_type);
    input_key(0x1e, true);
    CHECK_EQ(in(port, STAT) & RXFULL, 0);
    out(port, CR, EN | RXIE | 0x01);
    CHECK_EQ(in(port, STAT) & RXFULL, 0);
    CHECK_EQ(in(port, STAT) & 3, 1);
    out(port, CR, EN | RXIE);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(in(port, DATA), 0x1c);
    stop();
}

/* KMISTAT bit 2 is the parity of the byte received, which is odd. */
TEST(parity)
{
    start(&ps2_kbd_type);
    out(port, CR, EN);
    input_key(0x1e, true);              /* 1c: three ones */
    CHECK_EQ(in(port, STAT) & 4, 0);
    CHECK_EQ(in(port, DATA), 0x1c);
    input_key(0x1e, false);             /* f0: four */
    clock_step(&clock_, NS_PER_MS);
    CHECK_EQ(in(port, STAT) & 4, 4);
    stop();
}

/* KMITXINTREn: interrupts while the transmitter is empty. */
TEST(transmit_interrupt)
{
    start(&ps2_kbd_type);
    out(port, CR, EN | TXIE);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(in(port, IR), 2);
    out(port, CR, EN);
    CHECK_EQ(wire[0], 0);
    stop();
}

TEST(wants_a_ps2_device)
{
    Device *other = chip_new(&pl050_type), *d = chip_make(&pl050_type);
    Error err;

    chip_link(d, "device", other);
    CHECK(device_realize(d, &err) < 0);
    device_free(d);
    device_free(other);
}

TEST(contract)
{
    start(&ps2_kbd_type);
    Device *b = chip_plug(chip_make(&pl050_type));

    chip_check_reset(port);
    out(port, CR, EN | RXIE);
    input_key(0x1e, true);
    chip_check_snapshot(port, b);
    CHECK_EQ(in(b, DATA), 0x1c);
    chip_check_hostile_snapshots(port);
    device_free(b);
    stop();
}
