/* SPDX-License-Identifier: MIT */
/*
 * Serial bus interface of the Versatile/PB926EJ-S (ARM DUI 0224, "Serial bus
 * interface"): the guest drives SCL and SDA by itself.
 *
 * Lines are open collector with pull-ups: high after reset, and reading shows
 * the wires, not what was written.
 *
 * Not modelled: devices that hold SCL low.
 */
#include "hw/i2c/versatile-i2c.h"

#include "hw/i2c/bitbang.h"

enum { SCL = 1, SDA = 2 };

typedef struct VersatileI2C {
    Device dev;
    I2CBus bus;
    I2CBitbang wires;
} VersatileI2C;

static uint32_t driven(const VersatileI2C *s)
{
    return (s->wires.scl ? SCL : 0) | (s->wires.sda ? SDA : 0);
}

static void drive(VersatileI2C *s, uint32_t lines)
{
    i2c_bitbang_set(&s->wires, &s->bus, lines & SCL, lines & SDA);
}

static uint32_t read_control(Device *d)
{
    const VersatileI2C *s = (const VersatileI2C *)d;

    return (s->wires.scl ? SCL : 0) | (i2c_bitbang_sda(&s->wires) ? SDA : 0);
}

static void write_controls(Device *d, uint32_t val)
{
    drive((VersatileI2C *)d, driven((VersatileI2C *)d) | val);
}

static void write_controlc(Device *d, uint32_t val)
{
    drive((VersatileI2C *)d, driven((VersatileI2C *)d) & ~val);
}

/* clang-format off */
static const RegDef sbcon_regs[] = {
    { "SB_CONTROL",  0x0, REG_VIRTUAL, REG_RW, 0, SCL | SDA, read_control, write_controls },
    { "SB_CONTROLC", 0x4, REG_VIRTUAL, REG_W,  0, SCL | SDA, NULL,         write_controlc },
    REG_END
};
/* clang-format on */

static void sbcon_reset(Device *d)
{
    VersatileI2C *s = (VersatileI2C *)d;

    i2c_bus_reset(&s->bus);
    i2c_bitbang_reset(&s->wires);
}

static int sbcon_post_load(Device *d, Error *err)
{
    VersatileI2C *s = (VersatileI2C *)d;
    int ret = i2c_bus_post_load(&s->bus, err);

    return ret < 0 ? ret : i2c_bitbang_post_load(&s->wires, err);
}

static void sbcon_free(Device *d)
{
    i2c_bus_free(&((VersatileI2C *)d)->bus);
}

static const WindowDef sbcon_windows[] = {
    { "i2c", false, 0x1000, sbcon_regs, NULL },
    { .name = NULL }
};

static const VMField sbcon_vmstate[] = {
    VM_I2C(VersatileI2C, bus),
    VM_I2C_BITBANG(VersatileI2C, wires),
    VM_END
};

const DeviceType versatile_i2c_type = {
    .name       = "versatile_i2c",
    .desc       = "I2C controller of two wires",
    .manual     = "ARM DUI 0224",
    .bus        = "sys",
    .state_size = sizeof(VersatileI2C),
    .windows    = sbcon_windows,
    .vmstate    = sbcon_vmstate,
    .reset      = sbcon_reset,
    .post_load  = sbcon_post_load,
    .free       = sbcon_free,
    .has_bus    = "i2c",
    .has_bus_at = offsetof(VersatileI2C, bus),
};
