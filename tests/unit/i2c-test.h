/* SPDX-License-Identifier: MIT */
/* What tests of I2C devices share: a bus, and transfers on it. */
#ifndef TESTS_UNIT_I2C_TEST_H
#define TESTS_UNIT_I2C_TEST_H

#include "hw/i2c/i2c.h"
#include "hw/i2c/versatile-i2c.h"
#include "tests/unit/chip-test.h"

static Device *controller;
static I2CBus *bus;

/* A controller whose bus the test drives by bytes; time 0. */
static inline void i2c_bus_new(void)
{
    clock_init_manual(&clock_);
    controller = chip_plug(chip_make(&versatile_i2c_type));
    bus = (I2CBus *)(void *)((char *)controller + controller->type->has_bus_at);
}

/* START, address, the bytes, STOP; true: all were acknowledged. */
static inline bool i2c_send(uint8_t address, const void *buf, size_t len)
{
    bool ack = i2c_start(bus, address, false);

    for (size_t i = 0; i < len && ack; i++) {
        ack = i2c_write(bus, ((const uint8_t *)buf)[i]);
    }
    i2c_stop(bus);
    return ack;
}

/* START, address, a register, START again, the bytes, STOP. */
static inline bool i2c_fetch(uint8_t address, uint8_t reg, void *buf, size_t len)
{
    bool ack = i2c_start(bus, address, false) && i2c_write(bus, reg) &&
               i2c_start(bus, address, true);

    for (size_t i = 0; i < len && ack; i++) {
        ((uint8_t *)buf)[i] = i2c_read(bus);
    }
    i2c_nack(bus);
    i2c_stop(bus);
    return ack;
}

#endif
