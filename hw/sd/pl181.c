/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL181 multimedia card interface (ARM DDI 0205; the PL180 of DDI
 * 0172 has the same registers).
 *
 *   CMD --> command path --> sd_command --> RESP0-3, STATUS
 *   DATACTRL --> data path:  card --sd_read--> FIFO (16 words) --> guest, DMA
 *                            card <--sd_write-- FIFO <-- guest, DMA
 *
 * The one idea: pump() moves all that can be moved between card and FIFO, after
 * everything that may have changed that (an access to the FIFO, a command, the
 * card's ready()).  The card's data clock stands still while the FIFO is full or
 * empty, so there is no overrun and no underrun.
 *
 * It also stands still while DATABLOCKEND waits to be seen by a driver that has
 * its interrupt on: those count blocks by it, and a real card is slower than they.
 *
 * Not modelled: stream mode (moves the data as blocks do), waiting for
 * CmdPend and for a card's interrupt (sent at once), open drain.
 */
#include "hw/sd/pl181.h"

#include <errno.h>
#include <string.h>

#include "hw/core/primecell.h"
#include "hw/sd/sd.h"
#include "util/bits.h"
#include "util/log.h"

enum { FIFO_WORDS = 16, HALF_FIFO = FIFO_WORDS / 2 };

/* DDI 0205, 3.3.6: command register */
enum { CMD_RESPONSE = 1 << 6, CMD_LONG = 1 << 7, CMD_INTERRUPT = 1 << 8,
       CMD_PENDING = 1 << 9, CMD_ENABLE = 1 << 10 };
/* 3.3.11: data control */
enum { DATA_ENABLE = 1 << 0, DATA_FROM_CARD = 1 << 1, DATA_STREAM = 1 << 2,
       DATA_DMA = 1 << 3 };
/* 3.3.5: clock */
enum { CLOCK_BYPASS = 1 << 10 };
/* 3.3.13: status; bits 10 to 0 stay until cleared */
enum {
    ST_CMDCRCFAIL = 1 << 0, ST_DATACRCFAIL = 1 << 1, ST_CMDTIMEOUT = 1 << 2,
    ST_DATATIMEOUT = 1 << 3, ST_TXUNDERRUN = 1 << 4, ST_RXOVERRUN = 1 << 5,
    ST_CMDRESPEND = 1 << 6, ST_CMDSENT = 1 << 7, ST_DATAEND = 1 << 8,
    ST_DATABLOCKEND = 1 << 10, ST_CMDACTIVE = 1 << 11, ST_TXACTIVE = 1 << 12,
    ST_RXACTIVE = 1 << 13, ST_TXFIFOHALFEMPTY = 1 << 14, ST_RXFIFOHALFFULL = 1 << 15,
    ST_TXFIFOFULL = 1 << 16, ST_RXFIFOFULL = 1 << 17, ST_TXFIFOEMPTY = 1 << 18,
    ST_RXFIFOEMPTY = 1 << 19, ST_TXDATAAVLBL = 1 << 20, ST_RXDATAAVLBL = 1 << 21,
    ST_STATIC = 0x5ff, ST_ALL = 0x3fffff,
};

typedef struct PL181 {
    Device dev;
    Device *card;
    uint32_t mclk;
    bool attached;
    uint32_t power, clock, argument, command, respcmd, resp[4];
    uint32_t datatimer, datalength, datactrl, datacnt;
    uint32_t status;                    /* the static bits */
    uint32_t mask[2];
    uint8_t active;                     /* the data path runs */
    uint32_t block_left;                /* bytes to the next DATABLOCKEND */
    uint32_t last_bytes;                /* of a last word that is not whole */
    uint32_t fifo[FIFO_WORDS], head, count;
    Timer timeout;
    uint8_t outputs;                    /* levels: not saved */
} PL181;

/* -- Wires ------------------------------------------------------------------- */

static bool reading(const PL181 *s)
{
    return s->active && s->datactrl & DATA_FROM_CARD;
}

static bool writing(const PL181 *s)
{
    return s->active && !(s->datactrl & DATA_FROM_CARD);
}

/* 3.3.13: FIFO flags of the direction that is in use. */
static uint32_t status_of(const PL181 *s)
{
    uint32_t st = s->status;

    if (writing(s)) {
        st |= ST_TXACTIVE;
        st |= s->count <= FIFO_WORDS - HALF_FIFO ? ST_TXFIFOHALFEMPTY : 0;
        st |= s->count == FIFO_WORDS ? ST_TXFIFOFULL : 0;
        st |= s->count ? ST_TXDATAAVLBL : ST_TXFIFOEMPTY;
        return st | ST_RXFIFOEMPTY;
    }
    /* Received words are taken only while this is set: Linux, mmci_pio_irq(). */
    st |= reading(s) || s->count ? ST_RXACTIVE : 0;
    st |= s->count >= HALF_FIFO ? ST_RXFIFOHALFFULL : 0;
    st |= s->count == FIFO_WORDS ? ST_RXFIFOFULL : 0;
    return st | (s->count ? ST_RXDATAAVLBL : ST_RXFIFOEMPTY);
}

/* 2.4: a burst is half the FIFO. */
static uint8_t dma_requests(const PL181 *s)
{
    uint32_t words = s->count;

    if (!(s->datactrl & DATA_DMA)) {
        return 0;
    }
    if (writing(s)) {
        words = MIN(FIFO_WORDS - s->count,
                    (s->datacnt + 3) / 4 - MIN(s->count, (s->datacnt + 3) / 4));
    }
    return (uint8_t)((words >= HALF_FIFO) << PL181_OUT_DMABREQ |
                     (words != 0) << PL181_OUT_DMASREQ);
}

static void update(PL181 *s)
{
    uint32_t st = status_of(s);
    uint8_t now = (uint8_t)(((st & s->mask[0]) != 0) << PL181_OUT_INTR0 |
                            ((st & s->mask[1]) != 0) << PL181_OUT_INTR1 |
                            dma_requests(s));
    uint8_t changed = now ^ s->outputs;

    s->outputs = now;
    for (unsigned n = 0; changed; n++, changed >>= 1) {
        if (changed & 1) {
            qemu_set_irq(s->dev.irq[n], now >> n & 1);
        }
    }
}

/* -- Data path --------------------------------------------------------------- */

static uint32_t block_size(const PL181 *s)
{
    unsigned n = bits(s->datactrl, 7, 4);

    return 1u << MIN(n, 11u);           /* 3.3.11: above 11 is reserved */
}

static int64_t timeout_ns(const PL181 *s)
{
    uint32_t divider = s->clock & CLOCK_BYPASS ? 1 : 2 * (bits(s->clock, 7, 0) + 1);
    uint64_t cycles = s->datatimer ? s->datatimer : 1ull << 32;

    return muldiv64((int64_t)cycles * divider, NS_PER_SEC, MAX(s->mclk, 1u));
}

static void stop_data(PL181 *s)
{
    s->active = 0;
    timer_cancel(&s->timeout);
}

/* Drivers that count blocks must see each end. */
static bool block_end_pending(const PL181 *s)
{
    return s->status & ST_DATABLOCKEND && (s->mask[0] | s->mask[1]) & ST_DATABLOCKEND;
}

/* `n` bytes have passed on the data lines. */
static void passed(PL181 *s, uint32_t n)
{
    s->datacnt -= n;
    s->block_left -= n;
    if (!s->block_left || !s->datacnt) {
        s->status |= ST_DATABLOCKEND;
        s->block_left = block_size(s);
    }
    timer_cancel(&s->timeout);
}

static void pump_in(PL181 *s)
{
    while (s->datacnt && s->count < FIFO_WORDS && !block_end_pending(s)) {
        uint8_t bytes[4 * FIFO_WORDS] = { 0 };
        uint32_t want = MIN(4 * (FIFO_WORDS - s->count) - s->last_bytes,
                            MIN(s->datacnt, s->block_left));
        uint32_t n = (uint32_t)sd_read(s->card, bytes + s->last_bytes, want);

        if (!n) {
            return;
        }
        /* A word that was begun is completed in place. */
        uint32_t at = 0, have = s->last_bytes + n;

        store_le(bytes, s->last_bytes ? s->fifo[(s->head + s->count) % FIFO_WORDS] |
                 load_le(bytes, 4) : load_le(bytes, 4), 4);
        for (; have - at >= 4; at += 4) {
            s->fifo[(s->head + s->count++) % FIFO_WORDS] = (uint32_t)load_le(bytes + at, 4);
        }
        s->last_bytes = have - at;
        if (s->last_bytes) {
            s->fifo[(s->head + s->count) % FIFO_WORDS] = (uint32_t)load_le(bytes + at, 4);
        }
        passed(s, n);
        if (!s->datacnt && s->last_bytes) {
            s->count++;                 /* the rest of the last word is 0 */
            s->last_bytes = 0;
        }
    }
}

/* last_bytes: of the word at the head, already sent. */
static void pump_out(PL181 *s)
{
    while (s->datacnt && s->count && !block_end_pending(s)) {
        uint8_t word[4];
        uint32_t want = MIN(4 - s->last_bytes, MIN(s->datacnt, s->block_left));

        store_le(word, s->fifo[s->head], 4);
        uint32_t n = (uint32_t)sd_write(s->card, word + s->last_bytes, want);

        if (!n) {
            return;
        }
        s->last_bytes += n;
        passed(s, n);
        if (s->last_bytes == 4 || !s->datacnt) {
            s->head = (s->head + 1) % FIFO_WORDS;
            s->count--;
            s->last_bytes = 0;
        }
    }
}

/* 2.2.5: a write ends when the card is no longer busy. */
static bool data_complete(const PL181 *s)
{
    return !s->datacnt && (reading(s) || !sd_busy(s->card));
}

/* The data timer runs while the card has the turn. */
static void watch_timeout(PL181 *s)
{
    bool card_has_turn = reading(s) ? s->count < FIFO_WORDS : s->count || !s->datacnt;

    if (!card_has_turn || block_end_pending(s)) {
        timer_cancel(&s->timeout);
    } else if (!s->timeout.armed) {
        timer_set(&s->timeout, clock_now(s->dev.clock) + timeout_ns(s));
    }
}

static void pump(PL181 *s)
{
    if (s->active) {
        if (reading(s)) {
            pump_in(s);
        } else {
            pump_out(s);
        }
        if (data_complete(s)) {
            s->status |= ST_DATAEND;
            stop_data(s);
        } else {
            watch_timeout(s);
        }
    }
    update(s);
}

static void timed_out(void *opaque)
{
    PL181 *s = opaque;

    if (sd_waits(s->card)) {
        timer_set(&s->timeout, clock_now(s->dev.clock) + timeout_ns(s));
        return;
    }
    s->status |= ST_DATATIMEOUT;
    stop_data(s);
    update(s);
}

static void card_ready(void *opaque)
{
    pump(opaque);
}

static const SDHostOps host_ops = { .ready = card_ready };

static void empty_fifo(PL181 *s)
{
    s->head = s->count = s->last_bytes = 0;
}

/* 3.3.11: the counter is loaded when the data path is enabled. */
static void write_datactrl(Device *d, uint32_t val)
{
    PL181 *s = (PL181 *)d;

    stop_data(s);
    if (val & DATA_ENABLE) {
        empty_fifo(s);
        s->datacnt = s->datalength;
        s->block_left = block_size(s);
        s->active = s->datalength != 0;
        if (val & DATA_STREAM) {
            log_unimp("pl181", "stream mode");
        }
    }
    pump(s);
}

static uint32_t read_fifo(Device *d)
{
    PL181 *s = (PL181 *)d;

    if (writing(s) || !s->count) {
        log_guest("pl181", "read of an empty FIFO");
        return 0;
    }
    uint32_t val = s->fifo[s->head];

    s->head = (s->head + 1) % FIFO_WORDS;
    s->count--;
    /* Flags change here only; refills are cheaper in larger pieces. */
    if (!s->count || s->count == HALF_FIFO - 1 || s->datactrl & DATA_DMA) {
        pump(s);
    }
    return val;
}

static void write_fifo(Device *d, uint32_t val)
{
    PL181 *s = (PL181 *)d;

    if (!writing(s) || s->count == FIFO_WORDS) {
        log_guest("pl181", "write to a FIFO that is %s", s->active ? "full" : "off");
        return;
    }
    s->fifo[(s->head + s->count++) % FIFO_WORDS] = val;
    pump(s);
}

/* -- Command path ------------------------------------------------------------ */

/* 2.2.4; the CRC field of R3 is all ones, which is no CRC. */
static uint32_t result_of(const SDReply *r, uint32_t cmd)
{
    if (!(cmd & CMD_RESPONSE)) {
        return ST_CMDSENT;
    }
    if (r->kind == SD_NO_REPLY || (r->kind == SD_LONG_REPLY) != !!(cmd & CMD_LONG)) {
        return ST_CMDTIMEOUT;
    }
    return r->kind == SD_SHORT_NO_CRC ? ST_CMDCRCFAIL : ST_CMDRESPEND;
}

static void write_command(Device *d, uint32_t val)
{
    PL181 *s = (PL181 *)d;
    SDReply r;

    if (!(val & CMD_ENABLE)) {
        return;
    }
    if (val & (CMD_INTERRUPT | CMD_PENDING)) {
        log_unimp("pl181", "commands that wait");
    }
    sd_command(s->card, val & 63, s->argument, &r);
    s->status |= result_of(&r, val);
    if (val & CMD_RESPONSE && r.kind != SD_NO_REPLY) {
        s->respcmd = r.index;
        memcpy(s->resp, r.word, sizeof(s->resp));
    }
    pump(s);
}

/* -- Other registers --------------------------------------------------------- */

static uint32_t read_status(Device *d)
{
    return status_of((PL181 *)d);
}

static void write_clear(Device *d, uint32_t val)
{
    PL181 *s = (PL181 *)d;

    s->status &= ~val;
    pump(s);
}

static void write_mask(Device *d, uint32_t val)
{
    (void)val;
    pump((PL181 *)d);
}

/* 3.3.15: words that the card side has still to put into or take from it. */
static uint32_t read_fifocnt(Device *d)
{
    return (((PL181 *)d)->datacnt + 3) / 4;
}

#define AT(f) offsetof(PL181, f)
#define FIFO(n) \
    { "FIFO", 0x80 + 4 * (n), REG_VIRTUAL, REG_RW, 0, ~0u, read_fifo, write_fifo }

/* clang-format off */
/* DDI 0205, table 3-1 */
static const RegDef pl181_regs[] = {
    { "POWER",      0x00, AT(power),      REG_RW, 0, 0xff,       NULL, NULL },
    { "CLOCK",      0x04, AT(clock),      REG_RW, 0, 0xfff,      NULL, NULL },
    { "ARGUMENT",   0x08, AT(argument),   REG_RW, 0, ~0u,        NULL, NULL },
    { "COMMAND",    0x0c, AT(command),    REG_RW, 0, 0x7ff,      NULL, write_command },
    { "RESPCMD",    0x10, AT(respcmd),    REG_R,  0, 0,          NULL, NULL },
    { "RESPONSE0",  0x14, AT(resp[0]),    REG_R,  0, 0,          NULL, NULL },
    { "RESPONSE1",  0x18, AT(resp[1]),    REG_R,  0, 0,          NULL, NULL },
    { "RESPONSE2",  0x1c, AT(resp[2]),    REG_R,  0, 0,          NULL, NULL },
    { "RESPONSE3",  0x20, AT(resp[3]),    REG_R,  0, 0,          NULL, NULL },
    { "DATATIMER",  0x24, AT(datatimer),  REG_RW, 0, ~0u,        NULL, NULL },
    { "DATALENGTH", 0x28, AT(datalength), REG_RW, 0, 0xffff,     NULL, NULL },
    { "DATACTRL",   0x2c, AT(datactrl),   REG_RW, 0, 0xff,       NULL, write_datactrl },
    { "DATACNT",    0x30, AT(datacnt),    REG_R,  0, 0,          NULL, NULL },
    { "STATUS",     0x34, REG_VIRTUAL,    REG_R,  0, 0,          read_status, NULL },
    { "CLEAR",      0x38, REG_VIRTUAL,    REG_W,  0, ST_STATIC,  NULL, write_clear },
    { "MASK0",      0x3c, AT(mask[0]),    REG_RW, 0, ST_ALL,     NULL, write_mask },
    { "MASK1",      0x40, AT(mask[1]),    REG_RW, 0, ST_ALL,     NULL, write_mask },
    { "FIFOCNT",    0x48, REG_VIRTUAL,    REG_R,  0, 0,          read_fifocnt, NULL },
    FIFO(0), FIFO(1), FIFO(2),  FIFO(3),  FIFO(4),  FIFO(5),  FIFO(6),  FIFO(7),
    FIFO(8), FIFO(9), FIFO(10), FIFO(11), FIFO(12), FIFO(13), FIFO(14), FIFO(15),
    PRIMECELL_ID_REGS(0x81, 0x11, 0x04, 0x00),
    REG_END
};
/* clang-format on */

/* -- The type ---------------------------------------------------------------- */

static void pl181_init(Device *d)
{
    PL181 *s = (PL181 *)d;

    timer_init(d->clock, &s->timeout, timed_out, s);
}

static int pl181_realize(Device *d, Error *err)
{
    PL181 *s = (PL181 *)d;

    if (s->card) {
        int ret = sd_attach(s->card, d->id ? d->id : "pl181", &host_ops, s, err);

        if (ret < 0) {
            return ret;
        }
        s->attached = true;
    }
    return 0;
}

static void drive_outputs(PL181 *s)
{
    for (unsigned n = 0; n < PL181_NUM_OUTS; n++) {
        qemu_set_irq(s->dev.irq[n], 0);
    }
    s->outputs = 0;
    update(s);
}

static void pl181_reset(Device *d)
{
    PL181 *s = (PL181 *)d;

    stop_data(s);
    s->timeout.deadline = 0;
    empty_fifo(s);
    memset(s->fifo, 0, sizeof(s->fifo));
    s->status = s->block_left = 0;
    drive_outputs(s);
}

static int pl181_post_load(Device *d, Error *err)
{
    PL181 *s = (PL181 *)d;

    if (s->head >= FIFO_WORDS || s->count > FIFO_WORDS || s->last_bytes > 3 ||
        (s->count == FIFO_WORDS && s->last_bytes && !(writing(s))) ||
        (s->active && (!s->block_left || s->block_left > block_size(s)))) {
        return error_set(err, EINVAL, "the snapshot is damaged");
    }
    s->status &= ST_STATIC;
    drive_outputs(s);
    return 0;
}

static void pl181_free(Device *d)
{
    PL181 *s = (PL181 *)d;

    timer_cancel(&s->timeout);
    if (s->attached) {
        sd_detach(s->card);
    }
}

static const WindowDef pl181_windows[] = {
    { "pl181", false, 0x1000, pl181_regs, NULL },
    { .name = NULL },
};

static const PropDef pl181_props[] = {
    { "card", PROP_LINK, offsetof(PL181, card), 0, "the slot" },
    { "mclk", PROP_U32, offsetof(PL181, mclk), 24000000, "clock in Hz" },
    { .name = NULL },
};

static const VMField pl181_vmstate[] = {
    VM_FIELD(PL181, power),
    VM_FIELD(PL181, clock),
    VM_FIELD(PL181, argument),
    VM_FIELD(PL181, command),
    VM_FIELD(PL181, respcmd),
    VM_ARRAY(PL181, resp),
    VM_FIELD(PL181, datatimer),
    VM_FIELD(PL181, datalength),
    VM_FIELD(PL181, datactrl),
    VM_FIELD(PL181, datacnt),
    VM_FIELD(PL181, status),
    VM_ARRAY(PL181, mask),
    VM_FIELD(PL181, active),
    VM_FIELD(PL181, block_left),
    VM_FIELD(PL181, last_bytes),
    VM_ARRAY(PL181, fifo),
    VM_FIELD(PL181, head),
    VM_FIELD(PL181, count),
    VM_TIMER(PL181, timeout),
    VM_END
};

const DeviceType pl181_type = {
    .name = "pl181",
    .desc = "ARM PrimeCell multimedia card interface",
    .manual = "ARM DDI 0205",
    .bus = "sys",
    .state_size = sizeof(PL181),
    .windows = pl181_windows,
    .props = pl181_props,
    .vmstate = pl181_vmstate,
    .num_irqs = PL181_NUM_OUTS,
    .init = pl181_init,
    .realize = pl181_realize,
    .reset = pl181_reset,
    .post_load = pl181_post_load,
    .free = pl181_free,
};
