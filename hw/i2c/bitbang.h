/* SPDX-License-Identifier: MIT */
/*
 * From levels of two wires, SCL and SDA, to the calls of an I2C bus (NXP UM10204,
 * 3.1): for controllers whose guest moves the wires by itself.
 *
 * Both wires are pulled up; the guest's level of SDA and the devices' are
 * wired-and.  The owner embeds an I2CBitbang, VM_I2C_BITBANG() is in its
 * vmstate, and its reset and post_load call the ones here.
 */
#ifndef HW_I2C_BITBANG_H
#define HW_I2C_BITBANG_H

#include "hw/i2c/i2c.h"

typedef struct I2CBitbang {
    uint8_t scl, sda;                   /* as the guest drives them */
    uint8_t out;                        /* SDA as the devices drive it */
    uint8_t phase;
    uint8_t clocks;                     /* of this byte, 0 .. 9 */
    uint8_t shift;                      /* the byte */
    uint8_t nack;                       /* its ninth bit */
} I2CBitbang;

extern const VMField i2c_bitbang_vmstate[];
#define VM_I2C_BITBANG(type, m) VM_STRUCTS(type, m, 1, i2c_bitbang_vmstate)

/*
 * The guest's levels now.  When both change at once, data changes while the
 * clock is low: no START and no STOP comes of it.
 */
void i2c_bitbang_set(I2CBitbang *b, I2CBus *bus, bool scl, bool sda);
/* The level of the SDA wire. */
bool i2c_bitbang_sda(const I2CBitbang *b);

void i2c_bitbang_reset(I2CBitbang *b);
int i2c_bitbang_post_load(I2CBitbang *b, Error *err);

#endif
