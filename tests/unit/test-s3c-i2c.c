/* SPDX-License-Identifier: MIT */
/* The IIC-bus interface against the S3C2440A User's Manual, chapter 20, with an
 * EEPROM. */
#include "hw/s3c24xx/i2c.h"

#include "hw/i2c/at24c.h"
#include "tests/unit/primecell-test.h"

enum { CON = 0x00, STAT = 0x04, DS = 0x0c };
enum { ACK = 0x80, INT = 0x20, PENDING = 0x10 };
enum { TX_START = 0xf0, TX_STOP = 0xd0, RX_START = 0xb0, RX_STOP = 0x90, BUSY = 0x20, NACK = 1 };

static Device *i2c, *eeprom;

static void begin(void)
{
    clock_init_manual(&clock_);
    i2c = chip_make(&s3c2440_i2c_type);
    eeprom = chip_make(&at24c_type);
    chip_link(eeprom, "bus", i2c);
    chip_plug(eeprom);
    chip_plug(i2c);
    out(i2c, CON, ACK | INT | 5);
}

static void end(void)
{
    device_free(eeprom);
    device_free(i2c);
}

/* "Interrupt pending" after nine clocks, and one interrupt: "when a 1-byte transmit
 * or receive operation is completed". */
static bool byte_passes(void)
{
    int before = rises[0];

    CHECK_EQ(in(i2c, CON) & PENDING, 0);
    clock_step(&clock_, NS_PER_MS);
    CHECK_EQ(in(i2c, CON) & PENDING, PENDING);
    CHECK_EQ(rises[0] - before, 1);
    CHECK_EQ(wire[0], 0);
    return !(in(i2c, STAT) & NACK);
}

static bool start(uint8_t byte, uint32_t stat)
{
    out(i2c, DS, byte);
    out(i2c, STAT, stat);
    return byte_passes();
}

static bool send(uint8_t byte)
{
    out(i2c, DS, byte);
    out(i2c, CON, ACK | INT | 5);
    return byte_passes();
}

static void stop(uint32_t stat)
{
    out(i2c, STAT, stat);
    out(i2c, CON, ACK | INT | 5);
    CHECK_EQ(in(i2c, STAT) & BUSY, 0);
}

/* Figures "master transmitter" and "master receiver". */
TEST(write_and_read)
{
    begin();
    CHECK(start(0xa0, TX_START));
    CHECK(send(0x10) && send(0x5a) && send(0xa5));
    stop(TX_STOP);
    clock_step(&clock_, 10 * NS_PER_MS);
    CHECK(start(0xa0, TX_START) && send(0x10));
    CHECK(start(0xa1, RX_START));
    out(i2c, CON, ACK | INT | 5);
    CHECK(byte_passes());
    CHECK_EQ(in(i2c, DS), 0x5a);
    out(i2c, CON, INT | 5);             /* the last: no acknowledge */
    byte_passes();
    CHECK_EQ(in(i2c, DS), 0xa5);
    stop(RX_STOP);
    end();
}

/* IICSTAT 0: nobody acknowledged. */
TEST(no_acknowledge)
{
    begin();
    CHECK(!start(0x42, TX_START));
    stop(TX_STOP);
    end();
}

/* IICCON[5]: no interrupt while it is off; one that waits comes when it is on. */
TEST(interrupt_enable)
{
    begin();
    out(i2c, CON, ACK | 5);
    out(i2c, DS, 0xa0);
    out(i2c, STAT, TX_START);
    clock_step(&clock_, NS_PER_MS);
    CHECK_EQ(in(i2c, CON) & PENDING, PENDING);
    CHECK_EQ(rises[0], 0);
    out(i2c, CON, ACK | INT | PENDING | 5);
    CHECK_EQ(rises[0], 1);
    out(i2c, CON, ACK | INT | PENDING | 5);
    CHECK_EQ(rises[0], 1);
    stop(TX_STOP);
    CHECK_EQ(rises[0], 1);
    end();
}

/* "Bus busy" while a transfer goes on. */
TEST(busy)
{
    begin();
    CHECK_EQ(in(i2c, STAT) & BUSY, 0);
    start(0xa0, TX_START);
    CHECK_EQ(in(i2c, STAT) & BUSY, BUSY);
    stop(TX_STOP);
    end();
}

TEST(contract)
{
    clock_init_manual(&clock_);
    Device *d = chip_new(&s3c2440_i2c_type);

    chip_check_reset(d);
    chip_check_hostile_snapshots(d);
    device_free(d);
}
