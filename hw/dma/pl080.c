/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL080 DMA controller (ARM DDI 0196).
 *
 *   requests (wires, software) --+
 *                                v
 *   channel 0..7: step() moves a burst:  source --> destination
 *                   at the end: raw TC, next linked list item or off
 *
 * The one idea: run() gives every channel that can go, the lowest first, one step
 * at a time, until none can.  A guest may set up work without an end (a list that
 * is a ring), so a turn moves at most TURN bytes; a timer starts the next one.
 *
 * Bytes are counted, not items: `frac` are those already moved of the source item
 * that the transfer size still counts.
 *
 * Not modelled: the channels' FIFOs (a burst goes through at once, ACTIVE reads
 * 0), two bus masters (both are the same bus), locked and protected transfers,
 * big-endian masters, the test registers.
 */
#include "hw/dma/pl080.h"

#include <errno.h>
#include <string.h>

#include "hw/core/primecell.h"
#include "util/bits.h"
#include "util/log.h"

enum { NUM_CHANNELS = 8, TURN = 64 << 10, PIECE = 1024 };
enum { TURN_NS = 20000, COST_OF_ITEM = 64 };

/* 3.4: offsets */
enum {
    INT_STATUS = 0x00, INT_TC_STATUS = 0x04, INT_TC_CLEAR = 0x08, INT_ERROR_STATUS = 0x0c,
    INT_ERR_CLR = 0x10, RAW_INT_TC = 0x14, RAW_INT_ERROR = 0x18, ENBLD_CHNS = 0x1c,
    SOFT_BREQ = 0x20, SOFT_LSREQ = 0x2c, CONFIGURATION = 0x30, SYNC = 0x34,
    CHANNELS = 0x100, CHANNEL_SIZE = 0x20,
};
enum { SRC_ADDR = 0x00, DEST_ADDR = 0x04, LLI = 0x08, CONTROL = 0x0c, CONFIG = 0x10 };

enum { CONFIG_E = 1 };                  /* of the controller */
/* 3.4.17, channel control */
#define C_SIZE_MASK 0xfffu
#define C_SRC_INC   (1u << 26)
#define C_DST_INC   (1u << 27)
#define C_TC_INT    (1u << 31)
/* 3.4.18, channel configuration */
enum { CC_ENABLE = 1 << 0, CC_IE = 1 << 14, CC_ITC = 1 << 15, CC_ACTIVE = 1 << 17,
       CC_HALT = 1 << 18, CC_WRITABLE = 0x5ffff & ~0x0420 };

enum { BREQ, SREQ, LBREQ, LSREQ, NUM_REQS };

typedef struct Channel {
    uint32_t src, dst, lli, control, config;
    uint32_t frac;
} Channel;

typedef struct PL080 {
    Device dev;
    Channel ch[NUM_CHANNELS];
    uint32_t raw_tc, raw_error;         /* by channel */
    uint32_t soft[NUM_REQS];            /* by peripheral, asked for by software */
    uint32_t wired[NUM_REQS];           /* and by the peripheral: levels */
    uint32_t config, sync;
    Timer turn;
    bool running, again;                /* in run(), and it was called from there */
} PL080;

/* -- Interrupts -------------------------------------------------------------- */

static uint32_t masked(const PL080 *s, uint32_t raw, uint32_t mask_bit)
{
    uint32_t out = 0;

    for (int i = 0; i < NUM_CHANNELS; i++) {
        out |= raw & (s->ch[i].config & mask_bit ? 1u << i : 0);
    }
    return out;
}

static uint32_t tc_status(const PL080 *s)
{
    return masked(s, s->raw_tc, CC_ITC);
}

static uint32_t error_status(const PL080 *s)
{
    return masked(s, s->raw_error, CC_IE);
}

static void update_irq(const PL080 *s)
{
    bool tc = tc_status(s) != 0, error = error_status(s) != 0;

    qemu_set_irq(s->dev.irq[PL080_OUT_INTR], tc || error);
    qemu_set_irq(s->dev.irq[PL080_OUT_INTTC], tc);
    qemu_set_irq(s->dev.irq[PL080_OUT_INTERR], error);
}

/* -- One channel ------------------------------------------------------------- */

/* Table 3-20, FlowCntrl: who is a peripheral, who says when it ends. */
static bool from_peripheral(const Channel *c)
{
    return 0xdc >> bits(c->config, 13, 11) & 1;         /* 2 3 4 6 7 */
}

static bool to_peripheral(const Channel *c)
{
    return 0xba >> bits(c->config, 13, 11) & 1;         /* 1 3 4 5 7 */
}

static bool peripheral_ends(const Channel *c)
{
    return bits(c->config, 13, 11) >= 4;
}

static unsigned width(uint32_t code)
{
    return 1u << MIN(code, 2u);         /* table 3-17: more is reserved */
}

static unsigned src_width(const Channel *c)
{
    return width(bits(c->control, 20, 18));
}

static unsigned dst_width(const Channel *c)
{
    return width(bits(c->control, 23, 21));
}

/* Table 3-16: items of a burst. */
static unsigned burst_size(uint32_t code)
{
    return code ? 2u << code : 1;
}

static uint32_t bytes_left(const Channel *c)
{
    return (c->control & C_SIZE_MASK) * src_width(c) - c->frac;
}

static void moved(Channel *c, uint32_t n)
{
    uint32_t sw = src_width(c), items = (c->frac + n) / sw;

    c->frac = (c->frac + n) % sw;
    if (!peripheral_ends(c)) {
        c->control -= items;            /* the lowest field, and it has that many */
    }
    c->src += c->control & C_SRC_INC ? n : 0;
    c->dst += c->control & C_DST_INC ? n : 0;
}

/* RAM at once, devices item by item. */
static void fetch(PL080 *s, const Channel *c, uint8_t *buf, uint32_t n)
{
    bool inc = c->control & C_SRC_INC;
    uint64_t len = n;

    if (inc && as_ram(s->dev.mem, c->src, &len, false) && len == n) {
        as_read(s->dev.mem, c->src, buf, n);
        return;
    }
    for (uint32_t i = 0, w; i < n; i += w) {
        for (w = src_width(c); w > n - i; w /= 2) {
        }
        store_le(buf + i, as_load(s->dev.mem, c->src + (inc ? i : 0), w), w);
    }
}

static void deliver(PL080 *s, const Channel *c, const uint8_t *buf, uint32_t n)
{
    bool inc = c->control & C_DST_INC;
    uint64_t len = n;

    if (inc && as_ram(s->dev.mem, c->dst, &len, true) && len == n) {
        as_write(s->dev.mem, c->dst, buf, n);
        return;
    }
    for (uint32_t i = 0, w; i < n; i += w) {
        for (w = dst_width(c); w > n - i; w /= 2) {
        }
        as_store(s->dev.mem, c->dst + (inc ? i : 0), load_le(buf + i, w), w);
    }
}

static bool answers(const PL080 *s, uint32_t addr)
{
    return s->dev.mem && as_find(s->dev.mem, addr)->region;
}

/* 2.2.7: an error response ends the channel. */
static void fail(PL080 *s, int i)
{
    s->ch[i].config &= ~(uint32_t)CC_ENABLE;
    s->raw_error |= 1u << i;
}

/* 3.4.16: the next item of the list, or the end. */
static void finish(PL080 *s, int i)
{
    Channel *c = &s->ch[i];
    uint32_t item = c->lli & ~3u;

    s->raw_tc |= c->control & C_TC_INT ? 1u << i : 0;
    c->frac = 0;
    if (!item) {
        c->config &= ~(uint32_t)CC_ENABLE;
    } else if (!answers(s, item)) {
        fail(s, i);
    } else {
        c->src = (uint32_t)as_load(s->dev.mem, item, 4);
        c->dst = (uint32_t)as_load(s->dev.mem, item + 4, 4);
        c->lli = (uint32_t)as_load(s->dev.mem, item + 8, 4);
        c->control = (uint32_t)as_load(s->dev.mem, item + 12, 4);
    }
}

/* -- Requests ---------------------------------------------------------------- */

typedef struct Request {
    uint32_t bytes;                     /* 0: none */
    int kind;                           /* SREQ ...; to be taken back */
    unsigned line;
    bool last;
} Request;

static bool asked(const PL080 *s, int kind, unsigned line)
{
    return (s->soft[kind] | s->wired[kind]) >> line & 1;
}

static Request request_of(const PL080 *s, unsigned line, unsigned burst, unsigned item)
{
    static const uint8_t order[NUM_REQS] = { LBREQ, BREQ, LSREQ, SREQ };

    for (int i = 0; i < NUM_REQS; i++) {
        int kind = order[i];

        if (asked(s, kind, line)) {
            bool whole = kind == BREQ || kind == LBREQ;

            return (Request){ whole ? burst * item : item, kind, line,
                              kind == LBREQ || kind == LSREQ };
        }
    }
    return (Request){ .bytes = 0 };
}

static Request src_request(const PL080 *s, const Channel *c)
{
    if (!from_peripheral(c)) {
        return (Request){ .bytes = PIECE, .kind = -1 };
    }
    return request_of(s, bits(c->config, 4, 1), burst_size(bits(c->control, 14, 12)),
                      src_width(c));
}

static Request dst_request(const PL080 *s, const Channel *c)
{
    if (!to_peripheral(c)) {
        return (Request){ .bytes = PIECE, .kind = -1 };
    }
    return request_of(s, bits(c->config, 9, 6), burst_size(bits(c->control, 17, 15)),
                      dst_width(c));
}

static void served(PL080 *s, const Request *r)
{
    if (r->kind >= 0) {
        s->soft[r->kind] &= ~(1u << r->line);
    }
}

/* Whole items of the sides that are peripherals; memory takes any number. */
static uint32_t whole_items(const Channel *c, uint32_t n)
{
    unsigned unit = MAX(from_peripheral(c) ? src_width(c) : 1,
                        to_peripheral(c) ? dst_width(c) : 1);

    return (uint32_t)align_down(n, unit);
}

/* A burst of channel i, if it can; returns what it cost, 0 if it cannot. */
static uint32_t step(PL080 *s, int i)
{
    Channel *c = &s->ch[i];
    uint8_t buf[PIECE];

    if (!(c->config & CC_ENABLE) || c->config & CC_HALT) {
        return 0;
    }
    if (!peripheral_ends(c) && !(c->control & C_SIZE_MASK)) {
        finish(s, i);
        return COST_OF_ITEM;
    }
    Request from = src_request(s, c), to = dst_request(s, c);
    uint32_t n = MIN(MIN(from.bytes, to.bytes), PIECE);

    if (!n) {
        return 0;
    }
    n = peripheral_ends(c) ? n : MIN(n, bytes_left(c));
    n = whole_items(c, n);
    if (!answers(s, c->src) || !answers(s, c->dst)) {
        fail(s, i);
        return COST_OF_ITEM;
    }
    if (!n) {
        log_guest("pl080", "channel %d: size 0x%x is not a multiple of the widths", i,
                  c->control & C_SIZE_MASK);
        finish(s, i);
        return COST_OF_ITEM;
    }
    served(s, &from);
    served(s, &to);
    fetch(s, c, buf, n);
    deliver(s, c, buf, n);
    moved(c, n);
    if (peripheral_ends(c) ? from.last || to.last : !(c->control & C_SIZE_MASK)) {
        finish(s, i);
    }
    return n + COST_OF_ITEM / 4;
}

static void run(PL080 *s)
{
    uint32_t cost = 0;

    if (s->running) {                   /* a device that step() touched */
        s->again = true;
        return;
    }
    s->running = true;
    for (int i = 0; i < NUM_CHANNELS && s->config & CONFIG_E && cost < TURN; i++) {
        s->again = false;

        uint32_t n = step(s, i);

        cost += n;
        if (n || s->again) {
            i = -1;                     /* the lowest channel comes first */
        }
    }
    s->running = false;
    if (cost >= TURN && !s->turn.armed) {
        timer_set(&s->turn, clock_now(s->dev.clock) + TURN_NS);
    }
    update_irq(s);
}

static void next_turn(void *opaque)
{
    run(opaque);
}

static void set_input(Device *d, int n, int level)
{
    PL080 *s = (PL080 *)d;
    uint32_t bit = 1u << (n % 16);

    s->wired[n / 16] = level ? s->wired[n / 16] | bit : s->wired[n / 16] & ~bit;
    if (level) {
        run(s);
    }
}

/* -- Registers --------------------------------------------------------------- */

static uint32_t *channel_word(PL080 *s, unsigned offset)
{
    Channel *c = &s->ch[(offset - CHANNELS) / CHANNEL_SIZE];

    switch (offset % CHANNEL_SIZE) {
    case SRC_ADDR:  return &c->src;
    case DEST_ADDR: return &c->dst;
    case LLI:       return &c->lli;
    case CONTROL:   return &c->control;
    case CONFIG:    return &c->config;
    default:        return NULL;
    }
}

static bool is_channel(unsigned offset)
{
    return offset >= CHANNELS && offset < CHANNELS + NUM_CHANNELS * CHANNEL_SIZE;
}

static uint32_t enabled_channels(const PL080 *s)
{
    uint32_t out = 0;

    for (int i = 0; i < NUM_CHANNELS; i++) {
        out |= (s->ch[i].config & CC_ENABLE) << i;
    }
    return out;
}

static uint64_t read_reg(void *opaque, hwaddr offset, unsigned size)
{
    PL080 *s = opaque;
    unsigned reg = (unsigned)offset & ~3u;
    const uint32_t *word = is_channel(reg) ? channel_word(s, reg) : NULL;

    (void)size;
    if (word) {
        return *word;
    }
    if (reg >= PRIMECELL_ID) {
        return primecell_id(0x0a041080, reg);
    }
    if (reg >= SOFT_BREQ && reg <= SOFT_LSREQ) {
        return s->soft[(reg - SOFT_BREQ) / 4] | s->wired[(reg - SOFT_BREQ) / 4];
    }
    switch (reg) {
    case INT_STATUS:       return tc_status(s) | error_status(s);
    case INT_TC_STATUS:    return tc_status(s);
    case INT_ERROR_STATUS: return error_status(s);
    case RAW_INT_TC:       return s->raw_tc;
    case RAW_INT_ERROR:    return s->raw_error;
    case ENBLD_CHNS:       return enabled_channels(s);
    case CONFIGURATION:    return s->config;
    case SYNC:             return s->sync;
    default:
        log_guest("pl080", "read at offset 0x%x", reg);
        return 0;
    }
}

static void write_channel(PL080 *s, unsigned reg, uint32_t val)
{
    uint32_t *word = channel_word(s, reg);

    if (!word) {
        log_guest("pl080", "write 0x%x at offset 0x%x", val, reg);
        return;
    }
    *word = reg % CHANNEL_SIZE == CONFIG ? val & CC_WRITABLE : val;
    if (reg % CHANNEL_SIZE == CONTROL) {
        s->ch[(reg - CHANNELS) / CHANNEL_SIZE].frac = 0;
    }
    run(s);
}

static void write_reg(void *opaque, hwaddr offset, uint64_t val64, unsigned size)
{
    PL080 *s = opaque;
    unsigned reg = (unsigned)offset & ~3u;
    uint32_t val = (uint32_t)val64;

    (void)size;
    if (is_channel(reg)) {
        write_channel(s, reg, val);
        return;
    }
    switch (reg) {
    case INT_TC_CLEAR:
        s->raw_tc &= ~val;
        break;
    case INT_ERR_CLR:
        s->raw_error &= ~val;
        break;
    case SOFT_BREQ: case SOFT_BREQ + 4: case SOFT_BREQ + 8: case SOFT_LSREQ:
        s->soft[(reg - SOFT_BREQ) / 4] |= val & 0xffff;
        break;
    case CONFIGURATION:
        s->config = val & 7;
        if (val & 6) {
            log_unimp("pl080", "big-endian masters");
        }
        break;
    case SYNC:
        s->sync = val & 0xffff;
        break;
    default:
        log_guest("pl080", "write 0x%x at offset 0x%x", val, reg);
        return;
    }
    run(s);
}

static const MemoryRegionOps reg_ops = { read_reg, write_reg, 4, 4 };

/* -- The type ---------------------------------------------------------------- */

static void pl080_init(Device *d)
{
    PL080 *s = (PL080 *)d;

    timer_init(d->clock, &s->turn, next_turn, s);
}

/* Requests of peripherals are wires: they stay as they are. */
static void pl080_reset(Device *d)
{
    PL080 *s = (PL080 *)d;

    memset(s->ch, 0, sizeof(s->ch));
    memset(s->soft, 0, sizeof(s->soft));
    s->raw_tc = s->raw_error = s->config = s->sync = 0;
    timer_cancel(&s->turn);
    s->turn.deadline = 0;
    update_irq(s);
}

static int pl080_post_load(Device *d, Error *err)
{
    PL080 *s = (PL080 *)d;

    for (int i = 0; i < NUM_CHANNELS; i++) {
        Channel *c = &s->ch[i];

        c->config &= CC_WRITABLE;
        if (c->frac >= src_width(c) || (c->frac && !(c->control & C_SIZE_MASK))) {
            return error_set(err, EINVAL, "the snapshot is damaged");
        }
    }
    update_irq(s);
    return 0;
}

static void pl080_free(Device *d)
{
    timer_cancel(&((PL080 *)d)->turn);
}

static const WindowDef pl080_windows[] = {
    { "pl080", false, 0x1000, NULL, &reg_ops },
    { .name = NULL },
};

static const VMField channel_vmstate[] = {
    VM_FIELD(Channel, src),
    VM_FIELD(Channel, dst),
    VM_FIELD(Channel, lli),
    VM_FIELD(Channel, control),
    VM_FIELD(Channel, config),
    VM_FIELD(Channel, frac),
    VM_END
};

static const VMField pl080_vmstate[] = {
    VM_STRUCTS(PL080, ch, NUM_CHANNELS, channel_vmstate),
    VM_FIELD(PL080, raw_tc),
    VM_FIELD(PL080, raw_error),
    VM_ARRAY(PL080, soft),
    VM_ARRAY(PL080, wired),
    VM_FIELD(PL080, config),
    VM_FIELD(PL080, sync),
    VM_TIMER(PL080, turn),
    VM_END
};

const DeviceType pl080_type = {
    .name = "pl080",
    .desc = "ARM PrimeCell DMA controller",
    .manual = "ARM DDI 0196",
    .bus = "sys",
    .state_size = sizeof(PL080),
    .windows = pl080_windows,
    .vmstate = pl080_vmstate,
    .num_irqs = PL080_NUM_OUTS,
    .num_inputs = PL080_NUM_INS,
    .init = pl080_init,
    .reset = pl080_reset,
    .post_load = pl080_post_load,
    .free = pl080_free,
    .input = set_input,
};
