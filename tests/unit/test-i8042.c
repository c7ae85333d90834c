/* SPDX-License-Identifier: MIT */
/* The keyboard controller with a keyboard and a mouse, against the IBM PS/2
 * Technical Reference; and port 92h. */
#include "hw/input/i8042.h"

#include "hw/input/port92.h"
#include "hw/input/ps2.h"
#include "tests/unit/chip-test.h"
#include "ui/console.h"

static Device *kbd, *mouse, *kbc;

static uint8_t status(void)
{
    return (uint8_t)device_read(kbc, I8042_COMMAND, 0, 1);
}

static uint8_t get(void)
{
    return (uint8_t)device_read(kbc, I8042_DATA, 0, 1);
}

static void command(uint8_t val)
{
    device_write(kbc, I8042_COMMAND, 0, val, 1);
}

static void put(uint8_t val)
{
    device_write(kbc, I8042_DATA, 0, val, 1);
}

static void set_command_byte(uint8_t val)
{
    command(0x60);
    put(val);
}

static void byte_time(void)
{
    clock_step(&clock_, NS_PER_MS);
}

/* Both interrupts on, both interfaces enabled, no translation. */
static void start(void)
{
    clock_init_manual(&clock_);
    kbd = chip_plug(chip_make(&ps2_kbd_type));
    mouse = chip_plug(chip_make(&ps2_mouse_type));
    kbc = chip_make(&i8042_type);
    chip_link(kbc, "kbd", kbd);
    chip_link(kbc, "mouse", mouse);
    chip_plug(kbc);
    set_command_byte(0x07);
}

static void stop(void)
{
    device_free(kbc);
    device_free(mouse);
    device_free(kbd);
}

/* Commands that answer by themselves. */
TEST(controller_commands)
{
    static const uint8_t rows[][2] = {
        { 0xaa, 0x55 }, { 0xab, 0x00 }, { 0xa9, 0x00 }, { 0xa4, 0xf1 },
        { 0x20, 0x07 }, { 0xe0, 0x03 },
    };

    start();
    for (size_t i = 0; i < sizeof(rows) / 2; i++) {
        CHECK_EQ(status() & 1, 0);
        command(rows[i][0]);
        CHECK_EQ(status() & 0x29, 0x09);        /* OBF, command, not AUX */
        CHECK_EQ(get(), rows[i][1]);
        CHECK_EQ(status() & 1, 0);
    }
    stop();
}

/* 20h-3Fh and 60h-7Fh: 32 bytes of RAM. */
TEST(controller_ram)
{
    start();
    command(0x65);
    put(0xa5);
    command(0x25);
    CHECK_EQ(get(), 0xa5);
    stop();
}

/* IRQ1 while a keyboard byte waits; cleared by reading port 60h. */
TEST(key_raises_irq1)
{
    start();
    input_key(0x1e, true);
    CHECK_EQ(wire[I8042_IRQ1], 1);
    CHECK_EQ(wire[I8042_IRQ12], 0);
    CHECK_EQ(status() & 0x21, 0x01);
    CHECK_EQ(get(), 0x1c);
    CHECK_EQ(wire[I8042_IRQ1], 0);
    CHECK_EQ(get(), 0x1c);              /* the buffer keeps its last value */
    stop();
}

/* A byte takes its time on the cable: the next one comes after that. */
TEST(bytes_are_paced)
{
    start();
    input_key(0x1e, true);
    input_key(0x1e, false);
    CHECK_EQ(get(), 0x1c);
    CHECK_EQ(status() & 1, 0);
    CHECK_EQ(get(), 0x1c);
    byte_time();
    CHECK_EQ(status() & 1, 1);
    CHECK_EQ(get(), 0xf0);
    byte_time();
    CHECK_EQ(get(), 0x1c);
    CHECK_EQ(rises[I8042_IRQ1], 3);
    stop();
}

/* Command byte bit 6: set 2 to set 1.  F0h becomes bit 7 of the next code. */
TEST(translation)
{
    start();
    set_command_byte(0x47);
    input_key(0x1e, true);
    CHECK_EQ(get(), 0x1e);
    byte_time();
    input_key(0x1e, false);
    CHECK_EQ(get(), 0x9e);
    byte_time();
    input_key(0xc8, false);
    CHECK_EQ(get(), 0xe0);
    byte_time();
    CHECK_EQ(get(), 0xc8);
    byte_time();
    put(0xf2);                          /* id ab 83, translated */
    CHECK_EQ(get(), 0xfa);
    byte_time();
    CHECK_EQ(get(), 0xab);
    byte_time();
    CHECK_EQ(get(), 0x41);
    stop();
}

/* Translated set 2 is set 1, for every key. */
TEST(translation_inverts_set_2)
{
    start();
    set_command_byte(0x47);
    for (int key = 1; key < 0x80; key++) {
        input_key((uint8_t)key, true);
        CHECK_EQ(get(), key);
        byte_time();
        input_key((uint8_t)key, false);
        CHECK_EQ(get(), key | 0x80);
        byte_time();
    }
    stop();
}

/* ADh, AEh, A7h, A8h are bits 4 and 5; a disabled device keeps its bytes. */
TEST(disabled_interfaces_hold_their_bytes)
{
    start();
    command(0xad);
    command(0x20);
    CHECK_EQ(get(), 0x17);
    input_key(0x1e, true);
    CHECK_EQ(status() & 1, 0);
    command(0xae);
    byte_time();
    CHECK_EQ(status() & 1, 1);
    CHECK_EQ(get(), 0x1c);
    command(0xa7);
    command(0x20);
    CHECK_EQ(get(), 0x27);
    command(0xa8);
    command(0x20);
    CHECK_EQ(get(), 0x07);
    stop();
}

/* D4h: the next byte goes to the mouse; its bytes have AUX and IRQ12. */
TEST(mouse_through_the_controller)
{
    start();
    command(0xd4);
    put(0xf2);
    CHECK_EQ(wire[I8042_IRQ12], 1);
    CHECK_EQ(wire[I8042_IRQ1], 0);
    CHECK_EQ(status() & 0x21, 0x21);
    CHECK_EQ(get(), 0xfa);
    CHECK_EQ(wire[I8042_IRQ12], 0);
    byte_time();
    CHECK_EQ(get(), 0x00);
    stop();
}

/* D2h, D3h: as if from the keyboard, the mouse.  Drivers find a mouse port so. */
TEST(loops)
{
    start();
    command(0xd3);
    put(0x5a);
    CHECK_EQ(status() & 0x21, 0x21);
    CHECK_EQ(wire[I8042_IRQ12], 1);
    CHECK_EQ(get(), 0x5a);
    command(0xd2);
    put(0x77);
    CHECK_EQ(status() & 0x21, 0x01);
    CHECK_EQ(wire[I8042_IRQ1], 1);
    CHECK_EQ(get(), 0x77);
    stop();
}

/* An answer does not lose the key that waited in the output buffer. */
TEST(answer_displaces_but_keeps_a_key)
{
    start();
    input_key(0x1e, true);
    command(0x20);
    CHECK_EQ(get(), 0x07);
    CHECK_EQ(get(), 0x1c);
    stop();
}

/* D1h: output port, A20 in bit 1, reset (active low) in bit 0; FEh pulses. */
TEST(output_port)
{
    start();
    CHECK_EQ(wire[I8042_A20], 1);
    command(0xd1);
    put(0xdd);
    CHECK_EQ(wire[I8042_A20], 0);
    command(0xd0);
    CHECK_EQ(get() & 0x03, 0x01);
    command(0xd1);
    put(0xdf);
    CHECK_EQ(wire[I8042_A20], 1);
    command(0xdd);
    CHECK_EQ(wire[I8042_A20], 0);
    command(0xdf);
    CHECK_EQ(wire[I8042_A20], 1);
    CHECK_EQ(rises[I8042_RESET], 0);
    command(0xfe);
    CHECK_EQ(rises[I8042_RESET], 1);
    command(0xff);
    CHECK_EQ(rises[I8042_RESET], 1);
    command(0xd1);
    put(0xde);
    CHECK_EQ(rises[I8042_RESET], 2);
    CHECK_EQ(wire[I8042_RESET], 0);
    stop();
}

/* SYS in the status register is bit 2 of the command byte. */
TEST(system_flag)
{
    start();
    CHECK_EQ(status() & 4, 4);
    set_command_byte(0x03);
    CHECK_EQ(status() & 4, 0);
    command(0xaa);
    CHECK_EQ(get(), 0x55);
    CHECK_EQ(status() & 4, 4);
    stop();
}

/* Port 92h: bit 1 is A20, a change of bit 0 to 1 resets. */
TEST(port_92)
{
    Device *d = chip_new(&port92_type);

    CHECK_EQ(wire[PORT92_A20], 0);
    device_write(d, 0, 0, 0x02, 1);
    CHECK_EQ(wire[PORT92_A20], 1);
    CHECK_EQ(device_read(d, 0, 0, 1), 0x02);
    device_write(d, 0, 0, 0x03, 1);
    device_write(d, 0, 0, 0x03, 1);
    CHECK_EQ(rises[PORT92_RESET], 1);
    chip_check_snapshot(d, d);
    device_reset(d);
    CHECK_EQ(wire[PORT92_A20], 0);
    chip_check_reset(d);
    device_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&i8042_type), *b = chip_plug(chip_make(&i8042_type));

    chip_check_reset(d);
    chip_scribble(d, 8, 2000);
    chip_check_snapshot(d, b);
    device_free(d);
    device_free(b);

    start();
    chip_scribble(kbc, 9, 2000);
    chip_check_hostile_snapshots(kbc);
    stop();
}
