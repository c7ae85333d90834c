/* SPDX-License-Identifier: MIT */
/*
 * The I2C bus (NXP UM10204, I2C-bus specification): one controller, up to 16
 * devices, each known by its 7-bit address.
 *
 *      guest --> controller (versatile_i2c, s3c2440-i2c)
 *                   |  i2c_start, i2c_write, i2c_read, i2c_nack, i2c_stop
 *                   v
 *              the device that acknowledged its address (ds1338, at24c)
 *
 * A controller's state struct has an I2CBus, its type says so by .has_bus = "i2c"
 * and .has_bus_at = its offset; VM_I2C() is in its vmstate, and it calls
 * i2c_bus_reset() from reset, i2c_bus_post_load() from post_load and
 * i2c_bus_free() from free.  A controller that moves bytes calls the functions
 * below; one that moves levels uses hw/i2c/bitbang.h.
 *
 * A device's state struct starts with I2CDevice, its type has .bus = "i2c" and
 * .bus_ops = I2CDeviceOps, and I2C_PROPS() are its first properties: "bus", the
 * id of the controller, and "address".  Its realize() ends with i2c_plug(), its
 * free() calls i2c_unplug().  On a board it is a row without windows:
 *
 *   { "i2c", &versatile_i2c_type, { 0x10002000 } },
 *   { "rtc1", &ds1338_type, .props = "bus=i2c" },
 *
 * in any order of controller and devices.
 *
 * All of it is done at once: a byte takes no time here.  A controller that
 * reports when a byte is over waits for that time by itself.
 *
 * Threads: with the global lock.
 */
#ifndef HW_I2C_I2C_H
#define HW_I2C_I2C_H

#include "hw/core/device.h"

enum { I2C_MAX_DEVICES = 16 };

/* -- For controllers --------------------------------------------------------- */

typedef struct I2CBus {
    struct I2CDevice *device[I2C_MAX_DEVICES];  /* NULL: a free place */
    uint8_t addressed;                  /* 1 + index in device[], 0: nobody */
} I2CBus;

extern const VMField i2c_bus_vmstate[];
#define VM_I2C(type, m) VM_STRUCTS(type, m, 1, i2c_bus_vmstate)

/* START, or START again, and the address byte; true: a device acknowledged. */
bool i2c_start(I2CBus *bus, uint8_t address, bool read);
/* A byte to the device; true: acknowledged. */
bool i2c_write(I2CBus *bus, uint8_t val);
/* A byte from the device; all ones if nobody sends. */
uint8_t i2c_read(I2CBus *bus);
/* The controller did not acknowledge the byte that it read: the last one. */
void i2c_nack(I2CBus *bus);
void i2c_stop(I2CBus *bus);

void i2c_bus_reset(I2CBus *bus);
int i2c_bus_post_load(I2CBus *bus, Error *err);
void i2c_bus_free(I2CBus *bus);

/* -- For devices ------------------------------------------------------------- */

typedef struct I2CDevice {
    Device dev;
    Device *bus;
    uint32_t address;                   /* the first, 7 bits */
    uint32_t num_addresses;             /* a power of two; 0 is 1 */
} I2CDevice;

typedef struct I2CDeviceOps {
    /* Addressed by START or START again; false: not now, no acknowledge.  NULL
     * is always true. */
    bool (*start)(I2CDevice *d, uint8_t address, bool read);
    bool (*write)(I2CDevice *d, uint8_t val);   /* true: acknowledged */
    uint8_t (*read)(I2CDevice *d);
    void (*nack)(I2CDevice *d);         /* or NULL */
    void (*stop)(I2CDevice *d);         /* or NULL */
} I2CDeviceOps;

#define I2C_PROPS(type, addr)                                               \
    { "bus", PROP_LINK, offsetof(type, i2c.bus), 0, "the I2C controller" }, \
    { "address", PROP_U32, offsetof(type, i2c.address), addr, "7 bits" }

int i2c_plug(I2CDevice *d, Error *err);
void i2c_unplug(I2CDevice *d);

#endif
