/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A SPI (S3C2440A User's Manual rev. 1, chapter 22).
 *
 *   SPTDAT --8 clocks--> SPRDAT, REDY, interrupt
 *
 * Nothing is connected: what is received is all ones, as MISO has a pull-up.
 *
 * Not modelled: slave mode, and errors of more than one master.
 */
#include "hw/s3c24xx/spi.h"

#include "hw/s3c24xx/clock.h"
#include "util/bits.h"
#include "util/log.h"

enum { CON_TAGD = 1 << 0, CON_MASTER = 1 << 3, CON_ENSCK = 1 << 4 };
enum { SMOD_POLLING, SMOD_INTERRUPT, SMOD_DMA };
enum { STA_READY = 1 << 0, STA_COLLISION = 1 << 2, NOTHING = 0xff };

typedef struct S3cSpi {
    Device dev;
    Device *clock;
    uint32_t con, pin, pre, tdat, rdat, collision;
    Timer byte;
} S3cSpi;

static void update(const S3cSpi *s)
{
    bool dma = bits(s->con, 6, 5) == SMOD_DMA && s->con & CON_ENSCK && !s->byte.armed;

    qemu_set_irq(s->dev.irq[S3C_SPI_OUT_DMA], dma);
}

static void byte_over(void *opaque)
{
    S3cSpi *s = opaque;

    s->rdat = NOTHING;
    if (bits(s->con, 6, 5) == SMOD_INTERRUPT) {
        qemu_irq_pulse(s->dev.irq[S3C_SPI_OUT_IRQ]);
    }
    update(s);
}

/* "Baud rate = PCLK / 2 / (prescaler value + 1)" */
static void start_byte(S3cSpi *s)
{
    int64_t ns = 16 * (int64_t)(s->pre + 1) * NS_PER_SEC / s3c_pclk(s->clock);

    timer_set(&s->byte, clock_now(s->dev.clock) + ns);
    update(s);
}

static uint32_t read_sta(Device *d)
{
    const S3cSpi *s = (S3cSpi *)d;

    return (s->byte.armed ? 0 : STA_READY) | (s->collision ? STA_COLLISION : 0);
}

/* "TAGD": a read starts the next byte, of all ones. */
static uint32_t read_rdat(Device *d)
{
    S3cSpi *s = (S3cSpi *)d;

    s->collision = 0;
    if (s->con & CON_TAGD && s->con & CON_ENSCK && !s->byte.armed) {
        start_byte(s);
    }
    return s->rdat;
}

static void write_tdat(Device *d, uint32_t val)
{
    S3cSpi *s = (S3cSpi *)d;

    (void)val;
    if (s->byte.armed) {
        s->collision = 1;
    } else if (!(s->con & CON_MASTER) || !(s->con & CON_ENSCK)) {
        log_unimp("s3c2440-spi", "slave mode, or without clock");
    } else {
        start_byte(s);
    }
}

static void write_con(Device *d, uint32_t val)
{
    (void)val;
    update((S3cSpi *)d);
}

/* clang-format off */
#define AT(m) offsetof(S3cSpi, m)
/* "SPI special registers". */
static const RegDef spi_regs[] = {
    { "SPCON",  0x00, AT(con),     REG_RW, 0, 0x7f, NULL,      write_con },
    { "SPSTA",  0x04, REG_VIRTUAL, REG_R,  0, 0,    read_sta,  NULL },
    { "SPPIN",  0x08, AT(pin),     REG_RW, 0, 0x07, NULL,      NULL },
    { "SPPRE",  0x0c, AT(pre),     REG_RW, 0, 0xff, NULL,      NULL },
    { "SPTDAT", 0x10, AT(tdat),    REG_RW, 0, 0xff, NULL,      write_tdat },
    { "SPRDAT", 0x14, REG_VIRTUAL, REG_R,  0, 0,    read_rdat, NULL },
    REG_END
};
/* clang-format on */

static void spi_init(Device *d)
{
    timer_init(d->clock, &((S3cSpi *)d)->byte, byte_over, d);
}

static void spi_reset(Device *d)
{
    S3cSpi *s = (S3cSpi *)d;

    timer_cancel(&s->byte);
    s->byte.deadline = 0;
    s->collision = 0;
    s->rdat = NOTHING;
    qemu_irq_lower(d->irq[S3C_SPI_OUT_IRQ]);
    update(s);
}

static int spi_post_load(Device *d, Error *err)
{
    S3cSpi *s = (S3cSpi *)d;

    (void)err;
    s->pre &= 0xff;
    update(s);
    return 0;
}

static void spi_free(Device *d)
{
    timer_cancel(&((S3cSpi *)d)->byte);
}

static const WindowDef spi_windows[] = {
    { "spi", false, 0x20, spi_regs, NULL },
    { .name = NULL }
};

static const PropDef spi_props[] = {
    { "clock", PROP_LINK, AT(clock), 0, "the s3c2440-clock" },
    { .name = NULL }
};

static const VMField spi_vmstate[] = {
    VM_FIELD(S3cSpi, con),
    VM_FIELD(S3cSpi, pin),
    VM_FIELD(S3cSpi, pre),
    VM_FIELD(S3cSpi, tdat),
    VM_FIELD(S3cSpi, rdat),
    VM_FIELD(S3cSpi, collision),
    VM_TIMER(S3cSpi, byte),
    VM_END
};

const DeviceType s3c2440_spi_type = {
    .name       = "s3c2440-spi",
    .desc       = "SPI controller",
    .manual     = "S3C2440A User's Manual, chapter 22",
    .bus        = "sys",
    .state_size = sizeof(S3cSpi),
    .windows    = spi_windows,
    .props      = spi_props,
    .vmstate    = spi_vmstate,
    .num_irqs   = S3C_SPI_NUM_OUTPUTS,
    .init       = spi_init,
    .reset      = spi_reset,
    .post_load  = spi_post_load,
    .free       = spi_free,
};
