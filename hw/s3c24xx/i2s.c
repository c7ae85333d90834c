/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A IIS-bus interface (S3C2440A User's Manual rev. 1, chapter 21).
 *
 *   IISFIFO --> transmit FIFO (32 half-words) --fs--> codec
 *   IISFIFO <-- receive FIFO, silence <---------fs--
 *
 * While the interface is enabled a Timer moves PERIOD frames between FIFOs and
 * codec, each time as many frames' time after the last.  An empty transmit FIFO
 * sends nothing: the bus clock goes on, a file of what was played does not.
 *
 * Not modelled: slave mode (the board's codec is one), 8-bit samples to a codec
 * (made 16 bits), MSB-justified format (the codec is told by its own registers).
 */
#include "hw/s3c24xx/i2s.h"

#include <errno.h>

#include "hw/misc/uda1341.h"
#include "hw/s3c24xx/clock.h"
#include "util/bits.h"
#include "util/log.h"

enum { CON_ENABLE = 1 << 0, CON_PRESCALER = 1 << 1, CON_RX_IDLE = 1 << 2, CON_TX_IDLE = 1 << 3,
       CON_RX_DMA = 1 << 4, CON_TX_DMA = 1 << 5, CON_RX_READY = 1 << 6, CON_TX_READY = 1 << 7,
       CON_INDEX = 1 << 8 };
enum { MOD_384FS = 1 << 2, MOD_16BIT = 1 << 3, MOD_RX = 1 << 6, MOD_TX = 1 << 7,
       MOD_SLAVE = 1 << 8, MOD_MPLL = 1 << 9 };
enum { FCON_RX_ENABLE = 1 << 12, FCON_TX_ENABLE = 1 << 13, FCON_RX_DMA = 1 << 14,
       FCON_TX_DMA = 1 << 15 };
enum { FIFO_SIZE = 32, PERIOD = 8 };
#define LATE_NS (100 * NS_PER_MS)       /* later than this is not made up for */

typedef struct S3cI2s {
    Device dev;
    Device *clock, *codec;
    uint32_t con, mod, psr, fcon;
    uint16_t tx[FIFO_SIZE];
    uint8_t tx_head, tx_count, rx_count, right;
    Timer period;
    uint8_t outputs;                    /* levels: not saved */
} S3cI2s;

/* -- FIFOs and wires --------------------------------------------------------- */

static bool tx_on(const S3cI2s *s)
{
    return s->con & CON_ENABLE && s->mod & MOD_TX && s->fcon & FCON_TX_ENABLE;
}

static bool rx_on(const S3cI2s *s)
{
    return s->con & CON_ENABLE && s->mod & MOD_RX && s->fcon & FCON_RX_ENABLE;
}

/* Requests of normal FIFO access are bits of IISCON alone. */
static void update(S3cI2s *s)
{
    bool tx = s->con & CON_TX_DMA && s->fcon & FCON_TX_DMA && s->fcon & FCON_TX_ENABLE &&
              s->tx_count + 2 <= FIFO_SIZE;
    bool rx = s->con & CON_RX_DMA && s->fcon & FCON_RX_DMA && s->fcon & FCON_RX_ENABLE &&
              s->rx_count;
    uint8_t now = (uint8_t)(tx << S3C_I2S_OUT_DMA_TX | rx << S3C_I2S_OUT_DMA_RX);
    uint8_t changed = now ^ s->outputs;

    s->outputs = now;
    for (unsigned n = 0; n < S3C_I2S_NUM_OUTPUTS; n++) {
        if (changed >> n & 1) {
            qemu_set_irq(s->dev.irq[n], now >> n & 1);
        }
    }
}

/* -- Time -------------------------------------------------------------------- */

/* "CODECLK = PCLK / (prescaler A + 1)", 256 or 384 of it a sample. */
static uint32_t rate_of(const S3cI2s *s)
{
    uint32_t div = bits(s->psr, 9, 5) + 1, fs = s->mod & MOD_384FS ? 384 : 256;
    uint32_t hz = s->mod & MOD_MPLL ? s3c_clock_hz(s->clock, S3C_FCLK) : s3c_pclk(s->clock);

    return MAX(hz / (s->con & CON_PRESCALER ? div : 1) / fs, 1u);
}

/* Codecs end at 100 kHz; the host has other work. */
static int64_t period_ns(const S3cI2s *s)
{
    return MAX(PERIOD * NS_PER_SEC / rate_of(s), 20 * NS_PER_US);
}

static void run(S3cI2s *s)
{
    if (s->con & CON_ENABLE) {
        timer_set(&s->period, clock_now(s->dev.clock) + period_ns(s));
    } else {
        timer_cancel(&s->period);
        s->period.deadline = 0;
    }
}

static uint16_t pop(S3cI2s *s)
{
    uint16_t v = s->tx[s->tx_head];

    s->tx_head = (uint8_t)((s->tx_head + 1) % FIFO_SIZE);
    s->tx_count--;
    return s->mod & MOD_16BIT ? v : (uint16_t)(v << 8);
}

/* Left, right, left ... */
static void play(S3cI2s *s)
{
    int16_t frames[PERIOD][2];
    unsigned num = 0;

    while (num < PERIOD && s->tx_count >= 2) {
        frames[num][0] = (int16_t)pop(s);
        frames[num][1] = (int16_t)pop(s);
        num++;
    }
    if (num && s->codec) {
        uda1341_play(s->codec, frames, num, rate_of(s));
    }
}

static void period_over(void *opaque)
{
    S3cI2s *s = opaque;
    int64_t now = clock_now(s->dev.clock);
    int64_t next = s->period.deadline + period_ns(s);

    if (tx_on(s) && !(s->con & CON_TX_IDLE)) {
        play(s);
    }
    if (rx_on(s) && !(s->con & CON_RX_IDLE)) {
        s->rx_count = (uint8_t)MIN(s->rx_count + 2 * PERIOD, FIFO_SIZE);
    }
    s->right ^= 1;
    timer_set(&s->period, next < now - LATE_NS ? now : next);
    update(s);
}

/* -- Registers --------------------------------------------------------------- */

static uint32_t read_con(Device *d)
{
    const S3cI2s *s = (S3cI2s *)d;

    return s->con | (s->rx_count ? CON_RX_READY : 0) | (s->tx_count ? CON_TX_READY : 0) |
           (s->right ? CON_INDEX : 0);
}

static void write_con(Device *d, uint32_t val)
{
    S3cI2s *s = (S3cI2s *)d;
    bool was = s->con & CON_ENABLE;

    s->con = val;
    if (was != (val & CON_ENABLE)) {
        run(s);
    }
    update(s);
}

static void write_mod(Device *d, uint32_t val)
{
    if (val & MOD_SLAVE) {
        log_unimp("s3c2440-i2s", "slave mode");
    }
    update((S3cI2s *)d);
}

static uint32_t read_fcon(Device *d)
{
    const S3cI2s *s = (S3cI2s *)d;

    return s->fcon | s->rx_count | (uint32_t)s->tx_count << 6;
}

/* "FIFO enable": off, it is empty. */
static void write_fcon(Device *d, uint32_t val)
{
    S3cI2s *s = (S3cI2s *)d;

    s->fcon = val;
    s->tx_count = val & FCON_TX_ENABLE ? s->tx_count : 0;
    s->rx_count = val & FCON_RX_ENABLE ? s->rx_count : 0;
    update(s);
}

/* Nothing is plugged into the microphone. */
static uint32_t read_fifo(Device *d)
{
    S3cI2s *s = (S3cI2s *)d;

    s->rx_count -= s->rx_count ? 1 : 0;
    update(s);
    return 0;
}

static void write_fifo(Device *d, uint32_t val)
{
    S3cI2s *s = (S3cI2s *)d;

    if (s->tx_count == FIFO_SIZE || !(s->fcon & FCON_TX_ENABLE)) {
        log_guest("s3c2440-i2s", "write to a transmit FIFO that is %s",
                  s->tx_count ? "full" : "off");
        return;
    }
    s->tx[(s->tx_head + s->tx_count++) % FIFO_SIZE] = (uint16_t)val;
    update(s);
}

/* clang-format off */
#define AT(m) offsetof(S3cI2s, m)
#define VIRT REG_VIRTUAL
/* "IIS-bus interface special registers". */
static const RegDef i2s_regs[] = {
    { "IISCON",  0x00, VIRT,    REG_RW, 0, 0x3f,   read_con,  write_con },
    { "IISMOD",  0x04, AT(mod), REG_RW, 0, 0x3ff,  NULL,      write_mod },
    { "IISPSR",  0x08, AT(psr), REG_RW, 0, 0x3ff,  NULL,      NULL },
    { "IISFCON", 0x0c, VIRT,    REG_RW, 0, 0xf000, read_fcon, write_fcon },
    { "IISFIFO", 0x10, VIRT,    REG_RW, 0, 0xffff, read_fifo, write_fifo },
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static void i2s_init(Device *d)
{
    timer_init(d->clock, &((S3cI2s *)d)->period, period_over, d);
}

static int i2s_realize(Device *d, Error *err)
{
    const S3cI2s *s = (S3cI2s *)d;

    if (s->codec && s->codec->type != &uda1341_type) {
        return error_set(err, EINVAL, "s3c2440-i2s: codec: want a uda1341");
    }
    return 0;
}

static void drive_outputs(S3cI2s *s)
{
    for (unsigned n = 0; n < S3C_I2S_NUM_OUTPUTS; n++) {
        qemu_irq_lower(s->dev.irq[n]);
    }
    s->outputs = 0;
    update(s);
}

static void i2s_reset(Device *d)
{
    S3cI2s *s = (S3cI2s *)d;

    s->con = s->fcon = 0;
    memset(s->tx, 0, sizeof(s->tx));
    s->tx_head = s->tx_count = s->rx_count = s->right = 0;
    run(s);
    drive_outputs(s);
}

static int i2s_post_load(Device *d, Error *err)
{
    S3cI2s *s = (S3cI2s *)d;

    if (s->tx_head >= FIFO_SIZE || s->tx_count > FIFO_SIZE || s->rx_count > FIFO_SIZE) {
        return error_set(err, EINVAL, "the snapshot is damaged");
    }
    s->con &= 0x3f;
    s->fcon &= 0xf000;
    s->right &= 1;
    drive_outputs(s);
    return 0;
}

static void i2s_free(Device *d)
{
    timer_cancel(&((S3cI2s *)d)->period);
}

static const WindowDef i2s_windows[] = {
    { "i2s", false, 0x1000, i2s_regs, NULL },
    { .name = NULL }
};

static const PropDef i2s_props[] = {
    { "clock", PROP_LINK, AT(clock), 0, "the s3c2440-clock" },
    { "codec", PROP_LINK, AT(codec), 0, "the uda1341" },
    { .name = NULL }
};

static const VMField i2s_vmstate[] = {
    VM_FIELD(S3cI2s, con),
    VM_FIELD(S3cI2s, mod),
    VM_FIELD(S3cI2s, psr),
    VM_FIELD(S3cI2s, fcon),
    VM_ARRAY(S3cI2s, tx),
    VM_FIELD(S3cI2s, tx_head),
    VM_FIELD(S3cI2s, tx_count),
    VM_FIELD(S3cI2s, rx_count),
    VM_FIELD(S3cI2s, right),
    VM_TIMER(S3cI2s, period),
    VM_END
};

const DeviceType s3c2440_i2s_type = {
    .name       = "s3c2440-i2s",
    .desc       = "I2S controller",
    .manual     = "S3C2440A User's Manual, chapter 21",
    .bus        = "sys",
    .state_size = sizeof(S3cI2s),
    .windows    = i2s_windows,
    .props      = i2s_props,
    .vmstate    = i2s_vmstate,
    .num_irqs   = S3C_I2S_NUM_OUTPUTS,
    .init       = i2s_init,
    .realize    = i2s_realize,
    .reset      = i2s_reset,
    .post_load  = i2s_post_load,
    .free       = i2s_free,
};
