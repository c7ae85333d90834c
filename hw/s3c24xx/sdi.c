/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A SD interface (S3C2440A User's Manual rev. 1, chapter 19).
 *
 *   SDICmdCon --> sd_command --> SDIRSP0-3, SDICmdSta
 *   SDIDatCon --> data path: card --sd_read--> FIFO (64 bytes) --> guest, DMA
 *                            card <--sd_write-- FIFO <-- guest, DMA
 *
 * The one idea: pump() moves all that can be moved between card and FIFO, after
 * everything that may have changed that.  The card's clock stands still while the
 * FIFO is full or empty: nothing is lost.
 *
 * The interrupt is a level: what is enabled in SDIIntMsk and true.
 *
 * Not modelled: stream mode (moves the data as blocks do), SDIO interrupts and
 * read wait, big endian FIFO access, CRC errors.
 */
#include "hw/s3c24xx/sdi.h"

#include <errno.h>

#include "hw/s3c24xx/clock.h"
#include "hw/sd/sd.h"
#include "util/bits.h"
#include "util/log.h"

enum { FIFO_SIZE = 64, FIFO_HALF = 32 };
enum { CON_BIG_ENDIAN = 1 << 4, CON_RESET = 1 << 8 };
enum { CMD_START = 1 << 8, CMD_WAIT = 1 << 9 };
enum { CSTA_FIN = 1 << 9, CSTA_TIMEOUT = 1 << 10, CSTA_SENT = 1 << 11, CSTA_CRC = 1 << 12,
       CSTA_ALL = 0x1e00 };
enum { DCON_START = 1 << 14, DCON_DMA = 1 << 15, DCON_BLOCKS = 1 << 17,
       DCON_AFTER_COMMAND = 7 << 18 };
enum { MODE_NONE, MODE_BUSY, MODE_RECEIVE, MODE_TRANSMIT };
enum { DSTA_RX_ON = 1 << 0, DSTA_TX_ON = 1 << 1, DSTA_BUSY_FIN = 1 << 3, DSTA_FIN = 1 << 4,
       DSTA_TIMEOUT = 1 << 5, DSTA_NO_BUSY = 1 << 11, DSTA_STICKY = 0x6f8 };
enum { FSTA_RX_HALF = 1 << 7, FSTA_RX_FULL = 1 << 8, FSTA_RX_LAST = 1 << 9,
       FSTA_TX_EMPTY = 1 << 10, FSTA_TX_HALF = 1 << 11, FSTA_RX_ANY = 1 << 12,
       FSTA_TX_ROOM = 1 << 13, FSTA_FAIL_SHIFT = 14, FSTA_RESET = 1 << 16 };

typedef struct S3cSdi {
    Device dev;
    Device *clock, *card;
    bool attached;
    uint32_t con, pre, arg, cmdcon, cmdsta, rsp[4], dtimer, bsize, datcon, datsta, imsk;
    uint32_t fail;                      /* FFfail */
    uint32_t left;                      /* bytes to pass between FIFO and card */
    uint8_t active;                     /* MODE_xxx of the data path */
    uint8_t armed;                      /* MODE_xxx that begins with a command */
    uint8_t fifo[FIFO_SIZE], head, count;
    Timer timeout;
    uint8_t outputs;                    /* levels: not saved */
} S3cSdi;

/* -- Wires ------------------------------------------------------------------- */

static unsigned mode_of(const S3cSdi *s)
{
    return bits(s->datcon, 13, 12);
}

static bool transmits(const S3cSdi *s)
{
    return mode_of(s) == MODE_TRANSMIT;
}

static uint32_t fifo_status(const S3cSdi *s)
{
    uint32_t st = s->count | s->fail << FSTA_FAIL_SHIFT;

    if (transmits(s)) {
        st |= s->count ? 0 : FSTA_TX_EMPTY;
        st |= s->count <= FIFO_HALF ? FSTA_TX_HALF : 0;
        return st | (s->count < FIFO_SIZE ? FSTA_TX_ROOM : 0);
    }
    st |= s->count >= FIFO_HALF ? FSTA_RX_HALF : 0;
    st |= s->count == FIFO_SIZE ? FSTA_RX_FULL : 0;
    st |= s->count && !s->left ? FSTA_RX_LAST : 0;
    return st | (s->count ? FSTA_RX_ANY : 0);
}

/* "SDI interrupt mask register": where its bits come from. */
static uint32_t interrupts(const S3cSdi *s)
{
    uint32_t fsta = fifo_status(s);

    return bits(fsta, 11, 7) |                          /* 4:0 */
           bits(s->datsta, 7, 3) << 6 |                 /* 10:6 */
           (uint32_t)(s->fail != 0) << 11 |
           bits(s->datsta, 10, 9) << 12 |               /* 13:12 */
           bits(s->cmdsta, 12, 9) << 14 |               /* 17:14 */
           bits(s->datsta, 11, 11) << 18;
}

static bool dma_request(const S3cSdi *s)
{
    if (!(s->datcon & DCON_DMA)) {
        return false;
    }
    if (transmits(s)) {
        return s->active && s->count + 4 <= FIFO_SIZE && s->count < s->left;
    }
    return s->count >= 4 || (s->count && !s->left);
}

static void update(S3cSdi *s)
{
    uint8_t now = (uint8_t)(((interrupts(s) & s->imsk) != 0) << S3C_SDI_OUT_IRQ |
                            dma_request(s) << S3C_SDI_OUT_DMA);
    uint8_t changed = now ^ s->outputs;

    s->outputs = now;
    for (unsigned n = 0; n < S3C_SDI_NUM_OUTPUTS; n++) {
        if (changed >> n & 1) {
            qemu_set_irq(s->dev.irq[n], now >> n & 1);
        }
    }
}

/* -- Data path --------------------------------------------------------------- */

static int64_t timeout_ns(const S3cSdi *s)
{
    return muldiv64((int64_t)MAX(s->dtimer, 1u) * (s->pre + 1), NS_PER_SEC, s3c_pclk(s->clock));
}

static void stop_data(S3cSdi *s)
{
    s->active = s->armed = MODE_NONE;
    timer_cancel(&s->timeout);
}

static void push(S3cSdi *s, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        s->fifo[(s->head + s->count++) % FIFO_SIZE] = buf[i];
    }
}

static void pop(S3cSdi *s, uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        buf[i] = s->fifo[s->head];
        s->head = (uint8_t)((s->head + 1) % FIFO_SIZE);
        s->count--;
    }
}

static bool moved(S3cSdi *s, size_t n)
{
    s->left -= (uint32_t)n;
    if (n) {
        timer_cancel(&s->timeout);
    }
    return n != 0;
}

static void pump_in(S3cSdi *s)
{
    uint8_t buf[FIFO_SIZE];
    size_t n;

    do {
        n = sd_read(s->card, buf, MIN(s->left, (uint32_t)(FIFO_SIZE - s->count)));
        push(s, buf, n);
    } while (moved(s, n) && s->left && s->count < FIFO_SIZE);
}

/* The card takes a part: the rest stays at the head. */
static void pump_out(S3cSdi *s)
{
    uint8_t buf[FIFO_SIZE];
    size_t n;

    do {
        uint32_t want = MIN(s->left, (uint32_t)MIN(s->count, FIFO_SIZE - s->head));

        memcpy(buf, s->fifo + s->head, want);
        n = sd_write(s->card, buf, want);
        pop(s, buf, n);
    } while (moved(s, n) && s->left && s->count);
}

/* The data timer runs while the card has the turn. */
static void watch_timeout(S3cSdi *s)
{
    bool turn = s->active == MODE_RECEIVE ? s->count < FIFO_SIZE : s->count || !s->left;

    if (!turn) {
        timer_cancel(&s->timeout);
    } else if (!s->timeout.armed) {
        timer_set(&s->timeout, clock_now(s->dev.clock) + timeout_ns(s));
    }
}

/* A transmission ends when the card is no longer busy. */
static void end_if_complete(S3cSdi *s)
{
    if (s->left || (s->active != MODE_RECEIVE && sd_busy(s->card))) {
        watch_timeout(s);
        return;
    }
    s->datsta |= s->active == MODE_BUSY ? DSTA_BUSY_FIN : DSTA_FIN;
    if (s->active != MODE_RECEIVE) {
        s->datsta |= DSTA_NO_BUSY;
    }
    stop_data(s);
}

static void pump(S3cSdi *s)
{
    if (s->active == MODE_RECEIVE && s->left && s->count < FIFO_SIZE) {
        pump_in(s);
    } else if (s->active == MODE_TRANSMIT && s->left && s->count) {
        pump_out(s);
    }
    if (s->active) {
        end_if_complete(s);
    }
    update(s);
}

static void timed_out(void *opaque)
{
    S3cSdi *s = opaque;

    if (sd_waits(s->card)) {
        timer_set(&s->timeout, clock_now(s->dev.clock) + timeout_ns(s));
        return;
    }
    s->datsta |= DSTA_TIMEOUT;
    stop_data(s);
    update(s);
}

static void card_ready(void *opaque)
{
    pump(opaque);
}

static const SDHostOps host_ops = { .ready = card_ready };

static void empty_fifo(S3cSdi *s)
{
    s->head = s->count = 0;
    s->fail = 0;
}

static void begin_data(S3cSdi *s)
{
    s->active = s->armed;
    s->armed = MODE_NONE;
    s->left = s->active >= MODE_RECEIVE ? s->bsize * MAX(bits(s->datcon, 11, 0), 1u) : 0;
    if (s->active >= MODE_RECEIVE && !s->left) {
        s->active = MODE_NONE;
    }
}

/* "DTST": starts, with the next command if "after command" says so, and clears
 * itself; what was under way is over.  Linux writes SDIBSize between the two. */
static void write_datcon(Device *d, uint32_t val)
{
    S3cSdi *s = (S3cSdi *)d;

    stop_data(s);
    s->datcon &= ~(uint32_t)DCON_START;
    s->armed = (uint8_t)(val & DCON_START ? mode_of(s) : MODE_NONE);
    if (s->armed >= MODE_RECEIVE && !(val & DCON_BLOCKS)) {
        log_unimp("s3c2440-sdi", "stream mode");
    }
    if (s->armed && !(val & DCON_AFTER_COMMAND)) {
        begin_data(s);
    }
    pump(s);
}

/* "SDIDatCnt": blocks and bytes of a block that remain. */
static uint32_t read_datcnt(Device *d)
{
    const S3cSdi *s = (S3cSdi *)d;
    uint32_t size = MAX(s->bsize, 1u);

    return (s->left / size & 0xfff) << 12 | s->left % size;
}

static uint32_t read_datsta(Device *d)
{
    const S3cSdi *s = (S3cSdi *)d;

    return s->datsta | (s->active == MODE_RECEIVE ? DSTA_RX_ON : 0) |
           (s->active == MODE_TRANSMIT ? DSTA_TX_ON : 0);
}

static void write_datsta(Device *d, uint32_t val)
{
    S3cSdi *s = (S3cSdi *)d;

    s->datsta &= ~val;
    update(s);
}

static uint32_t read_fsta(Device *d)
{
    return fifo_status((S3cSdi *)d);
}

static void write_fsta(Device *d, uint32_t val)
{
    S3cSdi *s = (S3cSdi *)d;

    s->fail &= ~bits(val, 15, 14);
    if (val & FSTA_RESET) {
        empty_fifo(s);
    }
    pump(s);
}

static void write_imsk(Device *d, uint32_t val)
{
    (void)val;
    update((S3cSdi *)d);
}

/* -- FIFO -------------------------------------------------------------------- */

static uint64_t read_fifo(void *opaque, hwaddr offset, unsigned size)
{
    S3cSdi *s = opaque;
    uint8_t buf[4] = { 0 };

    (void)offset;
    if (!s->count || transmits(s)) {
        log_guest("s3c2440-sdi", "read of an empty FIFO");
        return 0;
    }
    pop(s, buf, MIN(size, s->count));
    /* Flags change here only; refills are cheaper in larger pieces. */
    if (s->count < FIFO_HALF) {
        pump(s);
    }
    return load_le(buf, size);
}

static void write_fifo(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    S3cSdi *s = opaque;
    uint8_t buf[4];

    (void)offset;
    if (!transmits(s) || s->count + size > FIFO_SIZE) {
        log_guest("s3c2440-sdi", "write to a FIFO that is %s", transmits(s) ? "full" : "not sent");
        s->fail |= 1;
        update(s);
        return;
    }
    store_le(buf, val, size);
    push(s, buf, size);
    if (s->count >= FIFO_HALF || s->count >= s->left) {
        pump(s);
    } else {
        update(s);
    }
}

static const MemoryRegionOps fifo_ops = { read_fifo, write_fifo, 1, 4 };

/* -- Command path ------------------------------------------------------------ */

static void take_reply(S3cSdi *s, const SDReply *r)
{
    s->cmdsta |= r->index | CSTA_FIN | (r->kind == SD_SHORT_NO_CRC ? CSTA_CRC : 0);
    if (r->kind == SD_LONG_REPLY) {
        for (int i = 0; i < 4; i++) {
            s->rsp[i] = r->word[i];     /* RSP0: bits 127:96 */
        }
    } else {
        s->rsp[0] = r->word[0];
        s->rsp[1] = s->rsp[2] = s->rsp[3] = 0;
    }
}

/* "CMST": starts, and clears itself. */
static void write_cmdcon(Device *d, uint32_t val)
{
    S3cSdi *s = (S3cSdi *)d;
    SDReply r = { .kind = SD_NO_REPLY };

    s->cmdcon &= ~(uint32_t)CMD_START;
    if (!(val & CMD_START)) {
        return;
    }
    sd_command(s->card, bits(val, 5, 0), s->arg, &r);
    s->cmdsta = (s->cmdsta & CSTA_ALL) | CSTA_SENT;
    if (val & CMD_WAIT && r.kind == SD_NO_REPLY) {
        s->cmdsta |= CSTA_TIMEOUT;
    } else if (val & CMD_WAIT) {
        take_reply(s, &r);
    }
    if (s->armed) {
        begin_data(s);
    }
    pump(s);
}

static uint32_t read_cmdsta(Device *d) { return ((S3cSdi *)d)->cmdsta; }

static void write_cmdsta(Device *d, uint32_t val)
{
    S3cSdi *s = (S3cSdi *)d;

    s->cmdsta &= ~val;
    update(s);
}

static void reset_all(S3cSdi *s)
{
    stop_data(s);
    s->timeout.deadline = 0;
    empty_fifo(s);
    memset(s->fifo, 0, sizeof(s->fifo));
    s->cmdsta = s->datsta = s->left = 0;
    update(s);
}

/* "SDreset": clears itself. */
static void write_con(Device *d, uint32_t val)
{
    S3cSdi *s = (S3cSdi *)d;

    s->con &= ~(uint32_t)CON_RESET;
    if (val & CON_RESET) {
        reset_all(s);
    }
    if (val & CON_BIG_ENDIAN) {
        log_unimp("s3c2440-sdi", "big endian byte order");
    }
}

/* clang-format off */
#define AT(m) offsetof(S3cSdi, m)
#define VIRT REG_VIRTUAL
#define ALL 0xffffffff
/* "SDI special registers"; SDIDAT is window 1. */
static const RegDef sdi_regs[] = {
    { "SDICON",    0x00, AT(con),    REG_RW, 0,       0x13d,       NULL,        write_con },
    { "SDIPRE",    0x04, AT(pre),    REG_RW, 1,       0xff,        NULL,        NULL },
    { "SDICmdArg", 0x08, AT(arg),    REG_RW, 0,       ALL,         NULL,        NULL },
    { "SDICmdCon", 0x0c, AT(cmdcon), REG_RW, 0,       0x1fff,      NULL,        write_cmdcon },
    { "SDICmdSta", 0x10, VIRT,       REG_RW, 0,       CSTA_ALL,    read_cmdsta, write_cmdsta },
    { "SDIRSP0",   0x14, AT(rsp[0]), REG_R,  0,       0,           NULL,        NULL },
    { "SDIRSP1",   0x18, AT(rsp[1]), REG_R,  0,       0,           NULL,        NULL },
    { "SDIRSP2",   0x1c, AT(rsp[2]), REG_R,  0,       0,           NULL,        NULL },
    { "SDIRSP3",   0x20, AT(rsp[3]), REG_R,  0,       0,           NULL,        NULL },
    { "SDIDTimer", 0x24, AT(dtimer), REG_RW, 0x10000, 0x7fffff,    NULL,        NULL },
    { "SDIBSize",  0x28, AT(bsize),  REG_RW, 0,       0xfff,       NULL,        NULL },
    { "SDIDatCon", 0x2c, AT(datcon), REG_RW, 0,       0x1ffffff,   NULL,        write_datcon },
    { "SDIDatCnt", 0x30, VIRT,       REG_R,  0,       0,           read_datcnt, NULL },
    { "SDIDatSta", 0x34, VIRT,       REG_RW, 0,       DSTA_STICKY | DSTA_NO_BUSY, read_datsta, write_datsta },
    { "SDIFSTA",   0x38, VIRT,       REG_RW, 0,       0x1c200,     read_fsta,   write_fsta },
    { "SDIIntMsk", 0x3c, AT(imsk),   REG_RW, 0,       0x7ffff,     NULL,        write_imsk },
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static void sdi_init(Device *d)
{
    timer_init(d->clock, &((S3cSdi *)d)->timeout, timed_out, d);
}

static int sdi_realize(Device *d, Error *err)
{
    S3cSdi *s = (S3cSdi *)d;
    int ret = s->card ? sd_attach(s->card, d->id ? d->id : "s3c2440-sdi", &host_ops, s, err) : 0;

    s->attached = s->card && ret == 0;
    return ret;
}

static void drive_outputs(S3cSdi *s)
{
    for (unsigned n = 0; n < S3C_SDI_NUM_OUTPUTS; n++) {
        qemu_irq_lower(s->dev.irq[n]);
    }
    s->outputs = 0;
    update(s);
}

static void sdi_reset(Device *d)
{
    reset_all((S3cSdi *)d);
    drive_outputs((S3cSdi *)d);
}

static int sdi_post_load(Device *d, Error *err)
{
    S3cSdi *s = (S3cSdi *)d;

    if (s->head >= FIFO_SIZE || s->count > FIFO_SIZE || s->active > MODE_TRANSMIT ||
        s->left > 0xfff * 0xfff || s->armed > MODE_TRANSMIT || (s->active && s->active != mode_of(s))) {
        return error_set(err, EINVAL, "the snapshot is damaged");
    }
    s->cmdsta &= CSTA_ALL | 0xff;
    s->datsta &= DSTA_STICKY | DSTA_NO_BUSY;
    s->fail &= 3;
    s->pre &= 0xff;
    s->dtimer &= 0x7fffff;
    s->bsize &= 0xfff;
    drive_outputs(s);
    return 0;
}

static void sdi_free(Device *d)
{
    S3cSdi *s = (S3cSdi *)d;

    timer_cancel(&s->timeout);
    if (s->attached) {
        sd_detach(s->card);
    }
}

static const WindowDef sdi_windows[] = {
    { "sdi", false, 0x40, sdi_regs, NULL },
    { "sdidat", false, 0x10, NULL, &fifo_ops },
    { .name = NULL }
};

static const PropDef sdi_props[] = {
    { "clock", PROP_LINK, AT(clock), 0, "the s3c2440-clock" },
    { "card",  PROP_LINK, AT(card),  0, "the slot" },
    { .name = NULL }
};

static const VMField sdi_vmstate[] = {
    VM_FIELD(S3cSdi, con),
    VM_FIELD(S3cSdi, pre),
    VM_FIELD(S3cSdi, arg),
    VM_FIELD(S3cSdi, cmdcon),
    VM_FIELD(S3cSdi, cmdsta),
    VM_ARRAY(S3cSdi, rsp),
    VM_FIELD(S3cSdi, dtimer),
    VM_FIELD(S3cSdi, bsize),
    VM_FIELD(S3cSdi, datcon),
    VM_FIELD(S3cSdi, datsta),
    VM_FIELD(S3cSdi, imsk),
    VM_FIELD(S3cSdi, fail),
    VM_FIELD(S3cSdi, left),
    VM_FIELD(S3cSdi, active),
    VM_FIELD(S3cSdi, armed),
    VM_ARRAY(S3cSdi, fifo),
    VM_FIELD(S3cSdi, head),
    VM_FIELD(S3cSdi, count),
    VM_TIMER(S3cSdi, timeout),
    VM_END
};

const DeviceType s3c2440_sdi_type = {
    .name       = "s3c2440-sdi",
    .desc       = "SD interface",
    .manual     = "S3C2440A User's Manual, chapter 19",
    .bus        = "sys",
    .state_size = sizeof(S3cSdi),
    .windows    = sdi_windows,
    .props      = sdi_props,
    .vmstate    = sdi_vmstate,
    .num_irqs   = S3C_SDI_NUM_OUTPUTS,
    .init       = sdi_init,
    .realize    = sdi_realize,
    .reset      = sdi_reset,
    .post_load  = sdi_post_load,
    .free       = sdi_free,
};
