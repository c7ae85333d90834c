/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A DMA controller (S3C2440A User's Manual rev. 1, chapter 8).
 *
 *   request: SW_TRIG or a source of sources[] --> service: one unit or burst,
 *                                                 or all ("whole service")
 *   CURR_TC 0 at a request: DISRC, DIDST, TC are loaded
 *   CURR_TC 0 after a service: interrupt; off, unless it reloads
 *
 * The one idea: serve() does what is requested, at once.  A source that never
 * stops asking is stopped for a moment after SLICE services, so that the guest
 * gets its turn: `more` goes on.
 *
 * Not modelled: the time of transfers, ACK signals, and with them the difference
 * between demand and handshake mode.
 */
#include "hw/s3c24xx/dma.h"

#include <errno.h>

#include "util/bits.h"
#include "util/log.h"

enum { NUM = S3C_DMA_NUM_CHANNELS, CHANNEL_SIZE = 0x40, NUM_SOURCES = 7 };
enum { C_FIXED = 1 << 0, C_INT_AFTER_RELOAD = 1 << 2 };
enum { DCON_NO_RELOAD = 1 << 22, DCON_HARDWARE = 1 << 23, DCON_WHOLE = 1 << 27,
       DCON_BURST = 1 << 28, DCON_INT = 1 << 29 };
enum { TRIG_SW = 1 << 0, TRIG_ON = 1 << 1, TRIG_STOP = 1 << 2 };
enum { STAT_BUSY = 1 << 20, TC_MAX = 0xfffff };
enum { SLICE = 4096 };
#define MORE_NS (20 * NS_PER_US)

typedef struct Channel {
    uint32_t disrc, disrcc, didst, didstc, dcon, dmasktrig;
    uint32_t csrc, cdst, tc;
    uint32_t pulses;                    /* requests that came and went */
} Channel;

typedef struct S3cDma {
    Device dev;
    Channel ch[NUM];
    uint32_t level;                     /* of the inputs */
    uint8_t serving;                    /* a bit to a channel: not again from inside */
    Timer more;
} S3cDma;

/* "DMA request sources for each channel", by HWSRCSEL. */
static const uint8_t sources[NUM][NUM_SOURCES] = {
    { S3C_DREQ_XD0, S3C_DREQ_UART0, S3C_DREQ_SDI, S3C_DREQ_TIMER, S3C_DREQ_USB1,
      S3C_DREQ_I2SSDO, S3C_DREQ_PCMIN },
    { S3C_DREQ_XD1, S3C_DREQ_UART1, S3C_DREQ_I2SSDI, S3C_DREQ_SPI0, S3C_DREQ_USB2,
      S3C_DREQ_PCMOUT, S3C_DREQ_SDI },
    { S3C_DREQ_I2SSDO, S3C_DREQ_I2SSDI, S3C_DREQ_SDI, S3C_DREQ_TIMER, S3C_DREQ_USB3,
      S3C_DREQ_PCMIN, S3C_DREQ_MICIN },
    { S3C_DREQ_UART2, S3C_DREQ_SDI, S3C_DREQ_SPI1, S3C_DREQ_TIMER, S3C_DREQ_USB4,
      S3C_DREQ_MICIN, S3C_DREQ_PCMOUT },
};

/* -- Requests ---------------------------------------------------------------- */

/* S3C_DMA_NUM_INPUTS: none. */
static unsigned source_of(const Channel *c, int n)
{
    unsigned sel = bits(c->dcon, 26, 24);

    return c->dcon & DCON_HARDWARE && sel < NUM_SOURCES ? sources[n][sel] : S3C_DMA_NUM_INPUTS;
}

static bool requested(const S3cDma *s, int n)
{
    const Channel *c = &s->ch[n];

    if (!(c->dmasktrig & TRIG_ON)) {
        return false;
    }
    return c->pulses || c->dmasktrig & TRIG_SW || s->level >> source_of(c, n) & 1;
}

static void take_request(Channel *c)
{
    if (c->dmasktrig & TRIG_SW) {
        c->dmasktrig &= ~(uint32_t)TRIG_SW;
    } else if (c->pulses) {
        c->pulses--;
    }
}

/* -- Transfers --------------------------------------------------------------- */

static unsigned unit_size(const Channel *c)
{
    unsigned dsz = bits(c->dcon, 21, 20);

    return dsz < 2 ? 1u << dsz : 4;
}

static void load(Channel *c)
{
    c->csrc = c->disrc;
    c->cdst = c->didst;
    c->tc = bits(c->dcon, 19, 0);
}

/* "Unit" or "burst of 4". */
static void move(S3cDma *s, Channel *c)
{
    unsigned size = unit_size(c), num = c->dcon & DCON_BURST ? 4 : 1;
    uint64_t val[4] = { 0 };

    for (unsigned i = 0; i < num; i++) {
        val[i] = s->dev.mem ? as_load(s->dev.mem, c->csrc & ~(size - 1), size) : 0;
        c->csrc += c->disrcc & C_FIXED ? 0 : size;
    }
    for (unsigned i = 0; i < num; i++) {
        if (s->dev.mem) {
            as_store(s->dev.mem, c->cdst & ~(size - 1), val[i], size);
        }
        c->cdst += c->didstc & C_FIXED ? 0 : size;
    }
    c->tc--;
}

/* TC reached 0: "INT", "RELOAD", and "CHK_INT", which waits for the reload. */
static void complete(S3cDma *s, int n)
{
    Channel *c = &s->ch[n];

    if (c->dcon & DCON_NO_RELOAD) {
        c->dmasktrig &= ~(uint32_t)TRIG_ON;
        c->pulses = 0;
    } else if (c->didstc & C_INT_AFTER_RELOAD) {
        load(c);
    }
    if (c->dcon & DCON_INT) {
        qemu_irq_pulse(s->dev.irq[n]);
    }
}

/* One service; its moves, of which there are at least one. */
static unsigned serve_once(S3cDma *s, int n)
{
    Channel *c = &s->ch[n];
    unsigned moves = 0;

    take_request(c);
    if (!c->tc) {
        load(c);
    }
    while (c->tc && (!moves || c->dcon & DCON_WHOLE) && c->dmasktrig & TRIG_ON) {
        move(s, c);
        moves++;
    }
    if (!c->tc) {
        complete(s, n);
    }
    return MAX(moves, 1u);
}

/* Channel 0 has the highest priority; each of its transfers may request more. */
static void serve(S3cDma *s)
{
    unsigned done = 0;

    for (int n = 0; n < NUM && done < SLICE;) {
        if (s->serving >> n & 1 || !requested(s, n)) {
            n++;
            continue;
        }
        s->serving |= (uint8_t)(1u << n);
        done += serve_once(s, n);
        s->serving &= (uint8_t)~(1u << n);
        n = 0;
    }
    if (done >= SLICE && !s->more.armed) {
        timer_set(&s->more, clock_now(s->dev.clock) + MORE_NS);
    }
}

static void serve_more(void *opaque)
{
    serve(opaque);
}

/* A level lasts; of a pulse there is one service, even when it is over. */
static void set_input(Device *d, int n, int level)
{
    S3cDma *s = (S3cDma *)d;
    bool was = s->level >> n & 1;

    s->level = (s->level & ~(1u << n)) | (uint32_t)(level != 0) << n;
    if (!level || was || s->more.armed) {
        return;
    }
    if (n != S3C_DREQ_TIMER) {
        serve(s);
        return;
    }
    s->level &= ~(1u << n);
    for (int i = 0; i < NUM; i++) {
        Channel *c = &s->ch[i];

        c->pulses += source_of(c, i) == (unsigned)n && c->dmasktrig & TRIG_ON ? 1 : 0;
    }
    serve(s);
}

/* -- Registers --------------------------------------------------------------- */

static uint32_t *reg_of(Channel *c, unsigned offset)
{
    switch (offset) {
    case 0x00: return &c->disrc;
    case 0x04: return &c->disrcc;
    case 0x08: return &c->didst;
    case 0x0c: return &c->didstc;
    case 0x10: return &c->dcon;
    case 0x18: return &c->csrc;
    case 0x1c: return &c->cdst;
    case 0x20: return &c->dmasktrig;
    default:   return NULL;
    }
}

static uint64_t dma_read(void *opaque, hwaddr offset, unsigned size)
{
    S3cDma *s = opaque;
    Channel *c = &s->ch[offset / CHANNEL_SIZE];
    uint32_t *reg = reg_of(c, offset % CHANNEL_SIZE);

    (void)size;
    if (offset % CHANNEL_SIZE == 0x14) {        /* DSTAT */
        return c->tc | (c->tc && c->dmasktrig & TRIG_ON ? STAT_BUSY : 0);
    }
    if (!reg) {
        log_guest("s3c2440-dma", "read of nothing at 0x%x", (unsigned)offset);
    }
    return reg ? *reg : 0;
}

/* "STOP" ends after the current transfer; it clears CURR_TC and the addresses. */
static void write_trigger(S3cDma *s, Channel *c, uint32_t val)
{
    c->dmasktrig = val & (TRIG_SW | TRIG_ON);
    if (val & TRIG_STOP) {
        c->dmasktrig = c->tc = c->csrc = c->cdst = c->pulses = 0;
    }
    if (!(c->dmasktrig & TRIG_ON)) {
        c->pulses = 0;
    }
    if (c->dcon & DCON_HARDWARE) {
        c->dmasktrig &= ~(uint32_t)TRIG_SW;
    }
    serve(s);
}

static void dma_write(void *opaque, hwaddr offset, uint64_t val64, unsigned size)
{
    static const uint32_t masks[] = { 0x7fffffff, 3, 0x7fffffff, 7, 0xffffffff };
    S3cDma *s = opaque;
    Channel *c = &s->ch[offset / CHANNEL_SIZE];
    unsigned at = offset % CHANNEL_SIZE;
    uint32_t val = (uint32_t)val64;

    (void)size;
    if (at == 0x20) {
        write_trigger(s, c, val);
    } else if (at <= 0x10) {
        *reg_of(c, at) = val & masks[at / 4];
    } else {
        log_guest("s3c2440-dma", "write 0x%x to offset 0x%x", val, (unsigned)offset);
    }
}

static const MemoryRegionOps dma_ops = { dma_read, dma_write, 4, 4 };

/* -- The type ---------------------------------------------------------------- */

static void dma_init(Device *d)
{
    timer_init(d->clock, &((S3cDma *)d)->more, serve_more, d);
}

/* The inputs are as they are driven. */
static void dma_reset(Device *d)
{
    S3cDma *s = (S3cDma *)d;

    memset(s->ch, 0, sizeof(s->ch));
    timer_cancel(&s->more);
    s->more.deadline = 0;
    s->serving = 0;
    for (int n = 0; n < NUM; n++) {
        qemu_irq_lower(d->irq[n]);
    }
}

static int dma_post_load(Device *d, Error *err)
{
    S3cDma *s = (S3cDma *)d;

    (void)err;
    s->level &= (1u << S3C_DMA_NUM_INPUTS) - 1;
    s->serving = 0;
    for (int n = 0; n < NUM; n++) {
        s->ch[n].dmasktrig &= TRIG_SW | TRIG_ON;
        s->ch[n].tc &= TC_MAX;
    }
    return 0;
}

static void dma_free(Device *d)
{
    timer_cancel(&((S3cDma *)d)->more);
}

static const WindowDef dma_windows[] = {
    { "dma", false, NUM * CHANNEL_SIZE, NULL, &dma_ops },
    { .name = NULL }
};

static const VMField channel_vmstate[] = {
    VM_FIELD(Channel, disrc),
    VM_FIELD(Channel, disrcc),
    VM_FIELD(Channel, didst),
    VM_FIELD(Channel, didstc),
    VM_FIELD(Channel, dcon),
    VM_FIELD(Channel, dmasktrig),
    VM_FIELD(Channel, csrc),
    VM_FIELD(Channel, cdst),
    VM_FIELD(Channel, tc),
    VM_FIELD(Channel, pulses),
    VM_END
};

static const VMField dma_vmstate[] = {
    VM_STRUCTS(S3cDma, ch, NUM, channel_vmstate),
    VM_FIELD(S3cDma, level),
    VM_TIMER(S3cDma, more),
    VM_END
};

const DeviceType s3c2440_dma_type = {
    .name       = "s3c2440-dma",
    .desc       = "DMA controller",
    .manual     = "S3C2440A User's Manual, chapter 8",
    .bus        = "sys",
    .state_size = sizeof(S3cDma),
    .windows    = dma_windows,
    .vmstate    = dma_vmstate,
    .num_irqs   = S3C_DMA_NUM_OUTPUTS,
    .num_inputs = S3C_DMA_NUM_INPUTS,
    .init       = dma_init,
    .reset      = dma_reset,
    .post_load  = dma_post_load,
    .free       = dma_free,
    .input      = set_input,
};
