/* SPDX-License-Identifier: MIT */
/*
 * The I2C bus (NXP UM10204): who is on it, and who is addressed.
 *
 * Not modelled: several controllers on one bus, 10-bit addresses, the general
 * call, and devices that stretch the clock.
 */
#include "hw/i2c/i2c.h"

#include <errno.h>

#include "util/bits.h"

static const I2CDeviceOps *ops_of(const I2CDevice *d)
{
    return d->dev.type->bus_ops;
}

static uint32_t num_addresses(const I2CDevice *d)
{
    return d->num_addresses ? d->num_addresses : 1;
}

static bool answers(const I2CDevice *d, uint8_t address)
{
    return address >= d->address && address - d->address < num_addresses(d);
}

/* -- What controllers call --------------------------------------------------- */

static I2CDevice *addressed(const I2CBus *bus)
{
    return bus->addressed ? bus->device[bus->addressed - 1] : NULL;
}

bool i2c_start(I2CBus *bus, uint8_t address, bool read)
{
    bus->addressed = 0;
    for (uint8_t i = 0; i < I2C_MAX_DEVICES; i++) {
        I2CDevice *d = bus->device[i];

        if (d && answers(d, address) &&
            (!ops_of(d)->start || ops_of(d)->start(d, address, read))) {
            bus->addressed = i + 1;
            return true;
        }
    }
    return false;
}

bool i2c_write(I2CBus *bus, uint8_t val)
{
    I2CDevice *d = addressed(bus);

    return d && ops_of(d)->write(d, val);
}

uint8_t i2c_read(I2CBus *bus)
{
    I2CDevice *d = addressed(bus);

    return d ? ops_of(d)->read(d) : 0xff;
}

void i2c_nack(I2CBus *bus)
{
    I2CDevice *d = addressed(bus);

    if (d && ops_of(d)->nack) {
        ops_of(d)->nack(d);
    }
}

void i2c_stop(I2CBus *bus)
{
    I2CDevice *d = addressed(bus);

    if (d && ops_of(d)->stop) {
        ops_of(d)->stop(d);
    }
    bus->addressed = 0;
}

/* -- Life of a bus ----------------------------------------------------------- */

void i2c_bus_reset(I2CBus *bus)
{
    bus->addressed = 0;
}

int i2c_bus_post_load(I2CBus *bus, Error *err)
{
    if (bus->addressed > I2C_MAX_DEVICES) {
        return error_set(err, EINVAL, "i2c: snapshot addresses device %u of %u",
                         bus->addressed, I2C_MAX_DEVICES);
    }
    return 0;
}

void i2c_bus_free(I2CBus *bus)
{
    for (int i = 0; i < I2C_MAX_DEVICES; i++) {
        if (bus->device[i]) {
            bus->device[i]->dev.parent_bus = NULL;
        }
    }
}

const VMField i2c_bus_vmstate[] = {
    VM_FIELD(I2CBus, addressed),
    VM_END
};

/* -- Life of a device -------------------------------------------------------- */

static I2CBus *bus_of(Device *controller)
{
    return (I2CBus *)(void *)((char *)controller + controller->type->has_bus_at);
}

static bool overlaps(const I2CDevice *a, const I2CDevice *b)
{
    return a->address < b->address + num_addresses(b) &&
           b->address < a->address + num_addresses(a);
}

/* Index of a free place, or -errno. */
static int find_place(const I2CBus *bus, const I2CDevice *d, Error *err)
{
    int place = -1;

    for (int i = I2C_MAX_DEVICES - 1; i >= 0; i--) {
        if (!bus->device[i]) {
            place = i;
        } else if (overlaps(bus->device[i], d)) {
            return error_set(err, EBUSY, "%s: address 0x%x is taken by a %s",
                             d->dev.type->name, d->address,
                             bus->device[i]->dev.type->name);
        }
    }
    if (place < 0) {
        return error_set(err, ENOSPC, "%s: the bus has %d devices already",
                         d->dev.type->name, I2C_MAX_DEVICES);
    }
    return place;
}

int i2c_plug(I2CDevice *d, Error *err)
{
    const char *name = d->dev.type->name;

    if (!d->bus || !d->bus->type->has_bus || strcmp(d->bus->type->has_bus, "i2c")) {
        return error_set(err, EINVAL, "%s: wants bus=, the id of an I2C controller",
                         name);
    }
    if (d->address + (uint64_t)num_addresses(d) > 0x80 ||
        d->address % num_addresses(d)) {
        return error_set(err, EINVAL, "%s: address=0x%x is no 7-bit address for %u "
                         "in a row", name, d->address, num_addresses(d));
    }
    I2CBus *bus = bus_of(d->bus);
    int place = find_place(bus, d, err);

    if (place < 0) {
        return place;
    }
    bus->device[place] = d;
    d->dev.parent_bus = d->bus;
    return 0;
}

void i2c_unplug(I2CDevice *d)
{
    I2CBus *bus = d->dev.parent_bus ? bus_of(d->dev.parent_bus) : NULL;

    for (int i = 0; bus && i < I2C_MAX_DEVICES; i++) {
        if (bus->device[i] == d) {
            bus->device[i] = NULL;
        }
    }
    d->dev.parent_bus = NULL;
}
