/* SPDX-License-Identifier: MIT */
/*
 * I2C from the levels of two wires (NXP UM10204, 3.1.2-3.1.6).
 *
 *      SDA falls, SCL high: START      SDA rises, SCL high: STOP
 *
 *      clocks     1   2  ...  8   9
 *      SDA       b7  b6  ... b0  ACK     the sender changes it while SCL is
 *                                        low, the receiver looks when it rises
 *
 * Everything a device does, it does when SCL falls: after the eighth clock it
 * has a whole byte and drives its acknowledge, after the ninth the next byte
 * begins.
 */
#include "hw/i2c/bitbang.h"

#include <errno.h>

enum { IDLE, ADDRESS, WRITE, READ, NUM_PHASES };        /* as the guest sees it */

static void bus_condition(I2CBitbang *b, I2CBus *bus, bool sda)
{
    b->out = 1;
    b->clocks = 0;
    if (sda) {
        b->phase = IDLE;
        i2c_stop(bus);
    } else {
        b->phase = ADDRESS;
    }
}

static void clock_rises(I2CBitbang *b)
{
    if (b->phase == IDLE) {
        return;
    }
    b->clocks++;
    if (b->clocks == 9) {
        b->nack = i2c_bitbang_sda(b);
    } else if (b->phase != READ) {
        b->shift = (uint8_t)(b->shift << 1 | b->sda);
    }
}

/* The guest has sent a whole byte: is it acknowledged? */
static void byte_arrived(I2CBitbang *b, I2CBus *bus)
{
    bool ack;

    if (b->phase == ADDRESS) {
        ack = i2c_start(bus, b->shift >> 1, b->shift & 1);
    } else {
        ack = i2c_write(bus, b->shift);
    }
    b->out = !ack;
}

/* After the acknowledge: without one, nothing until START or STOP. */
static void next_byte(I2CBitbang *b, I2CBus *bus)
{
    b->clocks = 0;
    b->out = 1;
    if (b->nack) {
        if (b->phase == READ) {
            i2c_nack(bus);
        }
        b->phase = IDLE;
        return;
    }
    if (b->phase == ADDRESS) {
        b->phase = b->shift & 1 ? READ : WRITE;
    }
    if (b->phase == READ) {
        b->shift = i2c_read(bus);
        b->out = b->shift >> 7;
    }
}

static void clock_falls(I2CBitbang *b, I2CBus *bus)
{
    if (b->clocks == 9) {
        next_byte(b, bus);
    } else if (b->phase == READ) {
        b->out = b->clocks == 8 || (b->shift >> (7 - b->clocks) & 1);
    } else if (b->clocks == 8) {
        byte_arrived(b, bus);
    }
}

static void set_sda(I2CBitbang *b, I2CBus *bus, bool sda)
{
    bool changed = sda != b->sda;

    b->sda = sda;
    if (changed && b->scl) {
        bus_condition(b, bus, sda);
    }
}

void i2c_bitbang_set(I2CBitbang *b, I2CBus *bus, bool scl, bool sda)
{
    if (b->scl && !scl) {
        b->scl = 0;
        clock_falls(b, bus);
    }
    set_sda(b, bus, sda);
    if (!b->scl && scl) {
        b->scl = 1;
        clock_rises(b);
    }
}

bool i2c_bitbang_sda(const I2CBitbang *b)
{
    return b->sda && b->out;
}

void i2c_bitbang_reset(I2CBitbang *b)
{
    *b = (I2CBitbang){ .scl = 1, .sda = 1, .out = 1, .phase = IDLE };
}

int i2c_bitbang_post_load(I2CBitbang *b, Error *err)
{
    /* With SCL low the clock that was counted is over: nine begin a byte. */
    if (b->phase >= NUM_PHASES || b->clocks > (b->scl ? 9 : 8) || b->scl > 1 ||
        b->sda > 1 || b->out > 1 || b->nack > 1) {
        return error_set(err, EINVAL, "i2c: snapshot has impossible wires");
    }
    return 0;
}

const VMField i2c_bitbang_vmstate[] = {
    VM_FIELD(I2CBitbang, scl),
    VM_FIELD(I2CBitbang, sda),
    VM_FIELD(I2CBitbang, out),
    VM_FIELD(I2CBitbang, phase),
    VM_FIELD(I2CBitbang, clocks),
    VM_FIELD(I2CBitbang, shift),
    VM_FIELD(I2CBitbang, nack),
    VM_END
};
