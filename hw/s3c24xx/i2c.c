/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A IIC-bus interface (S3C2440A User's Manual rev. 1, chapter 20).
 *
 *   IICSTAT: START, IICDS = address --> i2c_start --.
 *   IICCON: pending written as 0    --> next byte --+--9 clocks--> pending, interrupt
 *   IICSTAT: STOP                   --> i2c_stop
 *
 * "Interrupt pending" stops the bus after each byte and its acknowledge; writing
 * it as 0 goes on.  The byte is on the wire for nine clocks of PCLK / 16 or 512
 * / (prescaler + 1) before that.  The interrupt is given once for each: drivers clear
 * SRCPND first and "pending" last.
 *
 * Not modelled: slave modes, arbitration (nobody else is a master), the filter
 * and the delay of SDA (IICLC is stored).
 */
#include "hw/s3c24xx/i2c.h"

#include <errno.h>

#include "hw/i2c/i2c.h"
#include "hw/s3c24xx/clock.h"
#include "util/bits.h"
#include "util/log.h"

enum { CON_PENDING = 1 << 4, CON_IRQ = 1 << 5, CON_DIV512 = 1 << 6, CON_ACK = 1 << 7 };
enum { STAT_NACK = 1 << 0, STAT_ENABLE = 1 << 4, STAT_BUSY = 1 << 5 };
enum { MASTER_RX = 2, MASTER_TX = 3, CLOCKS = 9 };
typedef enum Phase { PHASE_IDLE, PHASE_ADDRESS, PHASE_DATA, NUM_PHASES } Phase;

typedef struct S3cI2c {
    Device dev;
    Device *clock;
    I2CBus bus;
    uint32_t con, stat, add, ds, lc;
    uint8_t phase;                      /* of the byte that is on the wire, or was */
    uint8_t shift;                      /* that byte */
    Timer byte;
} S3cI2c;

/* "Tx/Rx interrupt": enabled, and the bus has just stopped. */
static bool wants_irq(const S3cI2c *s)
{
    return s->con & CON_PENDING && s->con & CON_IRQ;
}

static unsigned mode_of(const S3cI2c *s)
{
    return bits(s->stat, 7, 6);
}

static int64_t byte_ns(const S3cI2c *s)
{
    int64_t div = (s->con & CON_DIV512 ? 512 : 16) * (int64_t)(bits(s->con, 3, 0) + 1);

    return CLOCKS * div * NS_PER_SEC / s3c_pclk(s->clock);
}

static void start_byte(S3cI2c *s, Phase phase)
{
    s->phase = (uint8_t)phase;
    s->shift = (uint8_t)s->ds;
    timer_set(&s->byte, clock_now(s->dev.clock) + byte_ns(s));
}

static bool receive(S3cI2c *s)
{
    s->ds = i2c_read(&s->bus);
    if (!(s->con & CON_ACK)) {
        i2c_nack(&s->bus);
        return false;
    }
    return true;
}

/* The mode says who sends data; the address is always sent. */
static void byte_over(void *opaque)
{
    S3cI2c *s = opaque;
    bool ack;

    if (s->phase == PHASE_ADDRESS) {
        ack = i2c_start(&s->bus, s->shift >> 1, s->shift & 1);
    } else {
        ack = mode_of(s) == MASTER_RX ? receive(s) : i2c_write(&s->bus, s->shift);
    }
    s->stat = (s->stat & ~(uint32_t)STAT_NACK) | (ack ? 0 : STAT_NACK);
    s->con |= CON_PENDING;
    if (wants_irq(s)) {
        qemu_irq_pulse(s->dev.irq[0]);
    }
}

static void stop(S3cI2c *s)
{
    if (s->phase != PHASE_IDLE) {
        i2c_stop(&s->bus);
    }
    s->phase = PHASE_IDLE;
    timer_cancel(&s->byte);
}

/* -- Registers --------------------------------------------------------------- */

static uint32_t read_con(Device *d) { return ((S3cI2c *)d)->con; }
static uint32_t read_stat(Device *d) { return ((S3cI2c *)d)->stat; }
static uint32_t read_ds(Device *d) { return ((S3cI2c *)d)->ds; }

/* "A pending written as 0: clear and resume"; 1 has no effect. */
static void write_con(Device *d, uint32_t val)
{
    S3cI2c *s = (S3cI2c *)d;
    bool resume = s->con & CON_PENDING && !(val & CON_PENDING);
    bool wanted = wants_irq(s);

    s->con = (val & ~(uint32_t)CON_PENDING) | (resume ? 0 : s->con & CON_PENDING);
    if (resume && s->stat & STAT_BUSY) {
        start_byte(s, PHASE_DATA);
    }
    if (!wanted && wants_irq(s)) {
        qemu_irq_pulse(s->dev.irq[0]);
    }
}

/* "START STOP signal generation"; data output is on in all of it. */
static void write_stat(Device *d, uint32_t val)
{
    S3cI2c *s = (S3cI2c *)d;

    s->stat = (s->stat & STAT_NACK) | val;
    if (!(val & STAT_ENABLE) || !(val & STAT_BUSY)) {
        s->stat &= ~(uint32_t)STAT_BUSY;
        stop(s);
    } else if (mode_of(s) >= MASTER_RX) {
        s->con &= ~(uint32_t)CON_PENDING;
        start_byte(s, PHASE_ADDRESS);
    } else {
        log_unimp("s3c2440-i2c", "slave mode");
    }
}

static void write_ds(Device *d, uint32_t val)
{
    ((S3cI2c *)d)->ds = val;
}

/* clang-format off */
#define AT(m) offsetof(S3cI2c, m)
#define VIRT REG_VIRTUAL
/* "IIC-bus interface special registers". */
static const RegDef i2c_regs[] = {
    { "IICCON",  0x00, VIRT,    REG_RW, 0, 0xff, read_con,  write_con },
    { "IICSTAT", 0x04, VIRT,    REG_RW, 0, 0xf0, read_stat, write_stat },
    { "IICADD",  0x08, AT(add), REG_RW, 0, 0xff, NULL,      NULL },
    { "IICDS",   0x0c, VIRT,    REG_RW, 0, 0xff, read_ds,   write_ds },
    { "IICLC",   0x10, AT(lc),  REG_RW, 0, 0x7,  NULL,      NULL },
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static void i2c_init(Device *d)
{
    timer_init(d->clock, &((S3cI2c *)d)->byte, byte_over, d);
}

static void i2c_reset(Device *d)
{
    S3cI2c *s = (S3cI2c *)d;

    timer_cancel(&s->byte);
    s->byte.deadline = 0;
    i2c_bus_reset(&s->bus);
    s->con = s->stat = s->ds = 0;
    s->phase = s->shift = 0;
}

static int i2c_post_load(Device *d, Error *err)
{
    S3cI2c *s = (S3cI2c *)d;

    if (s->phase >= NUM_PHASES) {
        return error_set(err, EINVAL, "the snapshot is damaged");
    }
    return i2c_bus_post_load(&s->bus, err);
}

static void i2c_free(Device *d)
{
    timer_cancel(&((S3cI2c *)d)->byte);
    i2c_bus_free(&((S3cI2c *)d)->bus);
}

static const WindowDef i2c_windows[] = {
    { "i2c", false, 0x1000, i2c_regs, NULL },
    { .name = NULL }
};

static const PropDef i2c_props[] = {
    { "clock", PROP_LINK, AT(clock), 0, "the s3c2440-clock" },
    { .name = NULL }
};

static const VMField i2c_vmstate[] = {
    VM_I2C(S3cI2c, bus),
    VM_FIELD(S3cI2c, con),
    VM_FIELD(S3cI2c, stat),
    VM_FIELD(S3cI2c, add),
    VM_FIELD(S3cI2c, ds),
    VM_FIELD(S3cI2c, lc),
    VM_FIELD(S3cI2c, phase),
    VM_FIELD(S3cI2c, shift),
    VM_TIMER(S3cI2c, byte),
    VM_END
};

const DeviceType s3c2440_i2c_type = {
    .name       = "s3c2440-i2c",
    .desc       = "I2C controller",
    .manual     = "S3C2440A User's Manual, chapter 20",
    .bus        = "sys",
    .has_bus    = "i2c",
    .has_bus_at = offsetof(S3cI2c, bus),
    .state_size = sizeof(S3cI2c),
    .windows    = i2c_windows,
    .props      = i2c_props,
    .vmstate    = i2c_vmstate,
    .num_irqs   = 1,
    .init       = i2c_init,
    .reset      = i2c_reset,
    .post_load  = i2c_post_load,
    .free       = i2c_free,
};
