/* SPDX-License-Identifier: MIT */
/* The I2C EEPROMs against Atmel's AT24C01A/02/04/08A/16A data sheet, 0180. */
#include "hw/i2c/at24c.h"

#include <unistd.h>

#include "block/block.h"
#include "tests/unit/i2c-test.h"

static Device *rom;

static void make(const char *size)
{
    rom = chip_make(&at24c_type);
    chip_link(rom, "bus", controller);
    chip_prop(rom, "size", size);
}

static void start(const char *size)
{
    i2c_bus_new();
    make(size);
    chip_plug(rom);
}

static void stop(void)
{
    device_free(rom);
    device_free(controller);
}

static void write_time(void)
{
    clock_step(&clock_, 5 * NS_PER_MS);
}

static uint8_t byte_at(uint8_t address, uint8_t word)
{
    uint8_t val = 0;

    CHECK(i2c_fetch(address, word, &val, 1));
    return val;
}

/* Erased cells are ones; byte write, random read. */
TEST(byte_write_and_random_read)
{
    start("1024");
    CHECK_EQ(byte_at(0x50, 0x10), 0xff);
    CHECK(i2c_send(0x50, "\x10\x5a", 2));
    write_time();
    CHECK_EQ(byte_at(0x50, 0x10), 0x5a);
    CHECK_EQ(byte_at(0x50, 0x11), 0xff);
    stop();
}

/* "Acknowledge polling": none until the write cycle is over. */
TEST(write_cycle)
{
    start("1024");
    CHECK(i2c_send(0x50, "\x00\x01", 2));
    CHECK(!i2c_start(bus, 0x50, false));
    i2c_stop(bus);
    clock_step(&clock_, 4 * NS_PER_MS);
    CHECK(!i2c_start(bus, 0x53, true));
    i2c_stop(bus);
    clock_step(&clock_, NS_PER_MS);
    CHECK(i2c_start(bus, 0x50, false));
    i2c_stop(bus);
    stop();
}

/* The AT24C08's 1 KiB is four addresses; the AT24C02 has one. */
TEST(device_addresses)
{
    start("1024");
    for (uint8_t block = 0; block < 4; block++) {
        CHECK(i2c_send(0x50 + block, (uint8_t[]){ 0x20, (uint8_t)(block + 1) }, 2));
        write_time();
    }
    for (uint8_t block = 0; block < 4; block++) {
        CHECK_EQ(byte_at(0x50 + block, 0x20), block + 1);
    }
    CHECK(!i2c_start(bus, 0x54, false));
    stop();
    start("256");
    CHECK(i2c_start(bus, 0x50, false));
    CHECK(!i2c_start(bus, 0x51, false));
    stop();
}

/* "Page write": the address rolls over within the page, 16 bytes here. */
TEST(page_write_rolls_over)
{
    uint8_t msg[1 + 18] = { 0x2c }, got[16];

    start("1024");
    for (uint8_t i = 0; i < 18; i++) {
        msg[1 + i] = i;
    }
    CHECK(i2c_send(0x51, msg, sizeof(msg)));
    write_time();
    CHECK(i2c_fetch(0x51, 0x20, got, 16));
    for (unsigned i = 0; i < 16; i++) {
        unsigned sent = (i + 16 - 0x0c) % 16;   /* position in the message */

        CHECK_EQ(got[i], sent < 2 ? sent + 16 : sent);
    }
    CHECK_EQ(byte_at(0x51, 0x30), 0xff);
    stop();
}

/* A write that ends without STOP is not programmed. */
TEST(start_aborts_a_write)
{
    start("1024");
    CHECK(i2c_start(bus, 0x50, false));
    CHECK(i2c_write(bus, 0x00) && i2c_write(bus, 0x77));
    CHECK(i2c_start(bus, 0x50, true));
    i2c_nack(bus);
    i2c_stop(bus);
    CHECK_EQ(byte_at(0x50, 0x00), 0xff);
    stop();
}

/* "Sequential read" goes on over the end; "current address read" after it. */
TEST(sequential_read)
{
    uint8_t got[3];

    start("256");
    CHECK(i2c_send(0x50, "\xff\x01", 2));
    write_time();
    CHECK(i2c_send(0x50, "\x00\x02\x03\x04", 4));
    write_time();
    CHECK(i2c_fetch(0x50, 0xff, got, 3));
    CHECK_EQ(got[0], 1);
    CHECK_EQ(got[1], 2);
    CHECK_EQ(got[2], 3);
    CHECK(i2c_start(bus, 0x50, true));
    CHECK_EQ(i2c_read(bus), 4);
    i2c_nack(bus);
    i2c_stop(bus);
    stop();
}

/* WP high: acknowledged, not written, and no write cycle. */
TEST(write_protect)
{
    i2c_bus_new();
    make("1024");
    chip_prop(rom, "wp", "on");
    chip_plug(rom);
    CHECK(i2c_send(0x50, "\x00\x01", 2));
    CHECK_EQ(byte_at(0x50, 0x00), 0xff);
    stop();
}

TEST(sizes_that_are_none)
{
    static const char *const sizes[] = { "0", "64", "1000", "4096" };
    Error err;

    i2c_bus_new();
    for (int i = 0; i < 4; i++) {
        make(sizes[i]);
        CHECK(device_realize(rom, &err) < 0);
        device_free(rom);
    }
    device_free(controller);
}

/* -- Contents in a file ------------------------------------------------------ */

static char path[] = "/tmp/test-at24c-XXXXXX";

static BlockDriverState *open_drive(void)
{
    BlockDriverState *bs = bdrv_new("eeprom0");
    Error err;

    CHECK_EQ(bdrv_open(bs, path, "raw", BDRV_O_RDWR, NULL, &err), 0);
    return bs;
}

static void start_with(BlockDriverState *bs)
{
    i2c_bus_new();
    make("1024");
    chip_link(rom, "drive", bs);
    chip_plug(rom);
}

TEST(drive_keeps_the_contents)
{
    int fd = mkstemp(path);
    uint8_t image[1024] = "contents", got[8];

    CHECK_EQ(write(fd, image, sizeof(image)), (ssize_t)sizeof(image));
    BlockDriverState *bs = open_drive();

    start_with(bs);
    CHECK(i2c_fetch(0x50, 0, got, 8));
    CHECK(!memcmp(got, "contents", 8));
    CHECK(i2c_send(0x52, "\x40new", 4));
    CHECK(!i2c_start(bus, 0x50, false));
    blk_drain(bs);
    write_time();
    CHECK(i2c_send(0x53, "\xf0last", 5));
    stop();                             /* waits for the drive */
    bdrv_delete(bs);

    CHECK_EQ(pread(fd, image, sizeof(image), 0), (ssize_t)sizeof(image));
    CHECK(!memcmp(image + 0x240, "new", 3));
    CHECK(!memcmp(image + 0x3f0, "last", 4));
    CHECK(!memcmp(image, "contents", 8));

    bs = open_drive();
    start_with(bs);
    CHECK_EQ(byte_at(0x52, 0x40), 'n');
    stop();
    bdrv_delete(bs);
    close(fd);
    unlink(path);
}

TEST(contract)
{
    start("1024");
    Device *other = chip_plug(chip_make(&versatile_i2c_type));
    Device *b = chip_make(&at24c_type);

    chip_link(b, "bus", other);
    chip_plug(b);
    CHECK(i2c_send(0x50, "\x10\x5a", 2));
    chip_check_snapshot(rom, b);
    chip_check_hostile_snapshots(rom);
    device_free(b);
    device_free(other);
    stop();
}
