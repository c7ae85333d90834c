/* SPDX-License-Identifier: MIT */
/* The bus, its two wires, and the Versatile's controller, against NXP UM10204 and
 * ARM DUI 0224. */
#include "hw/i2c/i2c.h"

#include "hw/i2c/at24c.h"
#include "tests/unit/i2c-test.h"

enum { SET = 0, CLEAR = 4, SCL = 1, SDA = 2 };

/* -- A device that remembers ------------------------------------------------- */

typedef struct Probe {
    I2CDevice i2c;
    uint8_t last, next, nacks, stops, starts;
    uint8_t acks_left;                  /* bytes it acknowledges */
} Probe;

static bool probe_start(I2CDevice *d, uint8_t address, bool read)
{
    (void)address;
    (void)read;
    ((Probe *)d)->starts++;
    return true;
}

static bool probe_write(I2CDevice *d, uint8_t val)
{
    Probe *p = (Probe *)d;

    p->last = val;
    return p->acks_left && p->acks_left--;
}

static uint8_t probe_read(I2CDevice *d)
{
    return ((Probe *)d)->next++;
}

static void probe_nack(I2CDevice *d)
{
    ((Probe *)d)->nacks++;
}

static void probe_stop(I2CDevice *d)
{
    ((Probe *)d)->stops++;
}

static const I2CDeviceOps probe_ops = { probe_start, probe_write, probe_read, probe_nack,
                                        probe_stop };

static int probe_realize(Device *d, Error *err)
{
    ((Probe *)d)->acks_left = 100;
    return i2c_plug((I2CDevice *)d, err);
}

static void probe_free(Device *d)
{
    i2c_unplug((I2CDevice *)d);
}

static const PropDef probe_props[] = {
    I2C_PROPS(Probe, 0x2a),
    { .name = NULL }
};

static const DeviceType probe_type = {
    .name = "probe", .desc = "test", .bus = "i2c", .state_size = sizeof(Probe),
    .props = probe_props, .realize = probe_realize, .free = probe_free,
    .bus_ops = &probe_ops,
};

static Probe *probe;

static void start(void)
{
    i2c_bus_new();
    Device *d = chip_make(&probe_type);

    chip_link(d, "bus", controller);
    probe = (Probe *)chip_plug(d);
}

static void stop(void)
{
    device_free(&probe->i2c.dev);
    device_free(controller);
}

/* -- The guest's side of the wires ------------------------------------------- */

static unsigned wires(void)
{
    return (unsigned)device_read(controller, 0, 0, 4);
}

static void up(unsigned lines)
{
    device_write(controller, 0, SET, lines, 4);
}

static void down(unsigned lines)
{
    device_write(controller, 0, CLEAR, lines, 4);
}

/* 3.1.4: also in the middle of a transfer, when SCL is low. */
static void start_condition(void)
{
    up(SDA);
    up(SCL);
    down(SDA);
    down(SCL);
}

static void stop_condition(void)
{
    down(SDA);
    up(SCL);
    up(SDA);
}

static bool clock_bit(bool bit)
{
    if (bit) {
        up(SDA);
    } else {
        down(SDA);
    }
    up(SCL);
    bool level = wires() & SDA;

    down(SCL);
    return level;
}

/* True: acknowledged, SDA low in the ninth clock. */
static bool send_byte(uint8_t val)
{
    for (int i = 7; i >= 0; i--) {
        CHECK_EQ(clock_bit(val >> i & 1), val >> i & 1);
    }
    return !clock_bit(1);
}

static uint8_t get_byte(bool ack)
{
    uint8_t val = 0;

    for (int i = 0; i < 8; i++) {
        val = (uint8_t)(val << 1 | clock_bit(1));
    }
    clock_bit(!ack);
    return val;
}

/* -- Wires ------------------------------------------------------------------- */

/* Idle lines are high; the guest pulls them. */
TEST(idle_lines)
{
    start();
    CHECK_EQ(wires(), SCL | SDA);
    down(SCL);
    CHECK_EQ(wires(), SDA);
    up(SCL);
    CHECK_EQ(wires(), SCL | SDA);
    stop();
}

TEST(write_transfer)
{
    start();
    start_condition();
    CHECK(send_byte(0x2a << 1));
    CHECK(send_byte(0xa5));
    CHECK_EQ(probe->last, 0xa5);
    CHECK(send_byte(0x3c));
    CHECK_EQ(probe->last, 0x3c);
    CHECK_EQ(probe->stops, 0);
    stop_condition();
    CHECK_EQ(probe->stops, 1);
    CHECK_EQ(wires(), SCL | SDA);
    stop();
}

/* 3.1.6: an address that nobody has is not acknowledged. */
TEST(nobody_there)
{
    start();
    start_condition();
    CHECK(!send_byte(0x2b << 1));
    CHECK(!send_byte(0x00));
    stop_condition();
    CHECK_EQ(probe->starts, 0);
    CHECK_EQ(probe->stops, 0);
    stop();
}

/* The controller acknowledges each byte but the last. */
TEST(read_transfer)
{
    start();
    probe->next = 0x9d;
    start_condition();
    CHECK(send_byte(0x2a << 1 | 1));
    CHECK_EQ(get_byte(true), 0x9d);
    CHECK_EQ(get_byte(true), 0x9e);
    CHECK_EQ(get_byte(false), 0x9f);
    CHECK_EQ(probe->nacks, 1);
    CHECK_EQ(probe->next, 0xa0);        /* no byte was taken in vain */
    CHECK_EQ(wires() & SDA, SDA);       /* the device has let go */
    stop_condition();
    CHECK_EQ(probe->stops, 1);
    stop();
}

/* 3.1.10, "START again" changes the direction without a STOP. */
TEST(repeated_start)
{
    start();
    probe->next = 0x11;
    start_condition();
    CHECK(send_byte(0x2a << 1));
    CHECK(send_byte(0x07));
    start_condition();
    CHECK(send_byte(0x2a << 1 | 1));
    CHECK_EQ(get_byte(false), 0x11);
    stop_condition();
    CHECK_EQ(probe->starts, 2);
    CHECK_EQ(probe->stops, 1);
    stop();
}

/* A device that does not acknowledge data is not sent more. */
TEST(refused_byte)
{
    start();
    probe->acks_left = 1;
    start_condition();
    CHECK(send_byte(0x2a << 1));
    CHECK(send_byte(1));
    CHECK(!send_byte(2));
    CHECK(!send_byte(3));
    CHECK_EQ(probe->last, 2);
    stop_condition();
    stop();
}

/* -- Plugging ---------------------------------------------------------------- */

static int try_plug(const DeviceType *t, const char *address, Device *on)
{
    Device *d = chip_make(t);
    Error err;

    if (on) {
        chip_link(d, "bus", on);
    }
    chip_prop(d, "address", address);
    int ret = device_realize(d, &err);

    device_free(d);
    return ret;
}

TEST(plug_refuses)
{
    start();
    CHECK(try_plug(&probe_type, "0x2b", NULL) < 0);
    CHECK(try_plug(&probe_type, "0x2b", &probe->i2c.dev) < 0);  /* no controller */
    CHECK(try_plug(&probe_type, "0x2a", controller) < 0);       /* taken */
    CHECK(try_plug(&probe_type, "0x80", controller) < 0);
    CHECK(try_plug(&at24c_type, "0x28", controller) < 0);       /* four, one taken */
    CHECK(try_plug(&at24c_type, "0x51", controller) < 0);       /* four, from 50h */
    CHECK_EQ(try_plug(&probe_type, "0x2b", controller), 0);
    CHECK_EQ(try_plug(&probe_type, "0x2b", controller), 0);     /* free again */
    stop();
}

/* Either end may go first. */
TEST(controller_goes_first)
{
    start();
    device_free(controller);
    device_free(&probe->i2c.dev);
    CHECK(true);
}

TEST(contract)
{
    start();
    Device *b = chip_plug(chip_make(&versatile_i2c_type));

    chip_check_reset(controller);
    start_condition();
    CHECK(send_byte(0x2a << 1));
    chip_check_snapshot(controller, b);
    chip_check_hostile_snapshots(controller);
    device_free(b);
    stop();
}
