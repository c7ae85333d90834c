/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL041 audio CODEC interface (ARM DDI 0173) and the National LM4549
 * codec behind it (LM4549 data sheet; AC '97 Component Specification 2.1).
 *
 *   SL1TX, SL2TX --> slots 1, 2 --> register of the codec --> SL1RX, SL2RX
 *   DRn --> transmit FIFO --> slots 3.. at the codec's rate
 *   DRn <-- receive FIFO <-- slots 3.. at the codec's rate
 *
 * The one idea: samples are not moved one by one.  A FIFO is a number of words and
 * the time up to which that is right; sync_fifos() catches up when somebody looks,
 * and a Timer waits for the next crossing of a mark that interrupts.
 *
 * Not modelled: sound (what is played is dropped, what is recorded is silence; both
 * take the time they should), slot 12 (GPIO and wake-up), slot interrupts, the
 * receive timeout, DMA, loopback, a second codec.
 */
#include "hw/arm/pl041.h"

#include <errno.h>
#include <string.h>

#include "hw/core/primecell.h"
#include "util/bits.h"
#include "util/log.h"

enum { NUM_CHANNELS = 4, CODEC_REGS = 64, MAX_FIFO = 4096, RATE = 48000, MIN_RATE = 4000 };

/* DDI 0173, 3.2: offsets; channel n is at n * CHANNEL_SIZE */
enum {
    RXCR = 0x00, TXCR = 0x04, SR = 0x08, ISR = 0x0c, IE = 0x10, CHANNEL_SIZE = 0x14,
    SL1RX = 0x50, SL1TX = 0x54, SL2RX = 0x58, SL2TX = 0x5c, SL12RX = 0x60, SL12TX = 0x64,
    SLFR = 0x68, SLISTAT = 0x6c, SLIEN = 0x70, INTCLR = 0x74, MAINCR = 0x78, RESET = 0x7c,
    SYNC = 0x80, ALLINTS = 0x84, MAINFR = 0x88, DR = 0x90, DR_SIZE = 0x20,
};
enum { CR_EN = 1 << 0, CR_COMPACT = 1 << 15, CR_FEN = 1 << 16, CR_WRITABLE = 0x1fffffff };
enum { SR_RXFE = 1 << 0, SR_TXFE = 1 << 1, SR_RXHF = 1 << 2, SR_TXHE = 1 << 3,
       SR_RXFF = 1 << 4, SR_TXFF = 1 << 5, SR_RXB = 1 << 6, SR_TXB = 1 << 7,
       SR_RXO = 1 << 8, SR_TXU = 1 << 9 };
enum { INT_TXC = 1 << 0, INT_TX = 1 << 2, INT_RX = 1 << 3, INT_OR = 1 << 4, INT_UR = 1 << 5,
       INT_ALL = 0x7f };
enum { SLFR_1RXV = 1 << 6, SLFR_1TXE = 1 << 7, SLFR_2RXV = 1 << 8, SLFR_2TXE = 1 << 9,
       SLFR_12TXE = 1 << 11 };
enum { CLEAR_RXO1 = 1, CLEAR_TXU1 = 5 };                /* first bits, of channel 1 */
enum { MAINCR_IE = 1 << 0, MAINCR_WRITABLE = 0xfff };
enum { SLOT1_READ = 1 << 19 };

enum { RX, TX };

typedef struct Fifo {
    uint32_t cr;
    uint32_t level;                     /* words */
    int64_t at;                         /* when it was that */
} Fifo;

typedef struct Channel {
    Fifo fifo[2];                       /* RX, TX */
    uint32_t ie;
    uint32_t errors;                    /* SR_RXO, SR_TXU */
} Channel;

typedef struct PL041 {
    Device dev;
    uint32_t depth;
    Channel ch[NUM_CHANNELS];
    uint32_t sl1rx, sl2rx, sl1tx, sl2tx, sl12tx, slfr, slien, maincr, nreset, sync;
    uint16_t codec[CODEC_REGS];         /* by address / 2 */
    Timer next;
} PL041;

/* -- LM4549 ------------------------------------------------------------------ */

enum { AC97_RESET = 0x00, AC97_POWERDOWN = 0x26, AC97_EXT_CTRL = 0x2a, AC97_DAC_RATE = 0x2c,
       AC97_ADC_RATE = 0x32, EXT_VRA = 1 };

/* clang-format off */
/* Data sheet, register map; read-only ones have no bits to write. */
static const struct CodecReg { uint8_t reg; uint16_t reset, wmask; } codec_regs[] = {
    { 0x00, 0x0d50, 0x0000 },           /* reset: identification */
    { 0x02, 0x8000, 0x9f1f },           /* master volume */
    { 0x04, 0x8000, 0x9f1f },           /* line level volume */
    { 0x06, 0x8000, 0x801f },           /* master volume mono */
    { 0x0a, 0x0000, 0x801e },           /* PC beep */
    { 0x0c, 0x8008, 0x801f },           /* phone */
    { 0x0e, 0x8008, 0x805f },           /* microphone */
    { 0x10, 0x8808, 0x9f1f },           /* line in */
    { 0x12, 0x8808, 0x9f1f },           /* CD */
    { 0x14, 0x8808, 0x9f1f },           /* video */
    { 0x16, 0x8808, 0x9f1f },           /* aux */
    { 0x18, 0x8808, 0x9f1f },           /* PCM out */
    { 0x1a, 0x0000, 0x0707 },           /* record select */
    { 0x1c, 0x8000, 0x8f0f },           /* record gain */
    { 0x20, 0x0000, 0xe380 },           /* general purpose */
    { 0x22, 0x0101, 0x0000 },           /* 3D control */
    { 0x26, 0x000f, 0xff00 },           /* powerdown; all sections are ready */
    { 0x28, 0x0001, 0x0000 },           /* extended audio ID: variable rate */
    { 0x2a, 0x0000, 0x0001 },           /* extended audio control */
    { 0x2c, 0xbb80, 0xffff },           /* DAC rate */
    { 0x32, 0xbb80, 0xffff },           /* ADC rate */
    { 0x7c, 0x4e53, 0x0000 },           /* vendor: "NS" */
    { 0x7e, 0x4331, 0x0000 },           /* "C", LM4549 */
};
/* clang-format on */

static void codec_reset(PL041 *s)
{
    memset(s->codec, 0, sizeof(s->codec));
    for (size_t i = 0; i < ARRAY_SIZE(codec_regs); i++) {
        s->codec[codec_regs[i].reg / 2] = codec_regs[i].reset;
    }
}

/* Without VRA both rates are 48 kHz. */
static void fix_rates(PL041 *s)
{
    static const uint8_t regs[] = { AC97_DAC_RATE, AC97_ADC_RATE };

    for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
        uint16_t *rate = &s->codec[regs[i] / 2];

        *rate = s->codec[AC97_EXT_CTRL / 2] & EXT_VRA
              ? (uint16_t)MIN(MAX(*rate, MIN_RATE), RATE) : RATE;
    }
}

static void codec_write(PL041 *s, unsigned reg, uint16_t val)
{
    uint16_t *p = &s->codec[reg / 2];

    if (reg == AC97_RESET) {
        codec_reset(s);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(codec_regs); i++) {
        if (codec_regs[i].reg == reg) {
            *p = (uint16_t)((*p & ~codec_regs[i].wmask) | (val & codec_regs[i].wmask));
        }
    }
    fix_rates(s);
}

/* -- FIFOs ------------------------------------------------------------------- */

static bool runs(const PL041 *s, const Fifo *f)
{
    return s->maincr & MAINCR_IE && s->nreset && f->cr & CR_EN && f->cr & CR_FEN &&
           bits(f->cr, 12, 1);
}

/* Samples a second, all slots; two are in a word if it is compact. */
static int64_t words_per_2s(const PL041 *s, const Fifo *f, int way)
{
    int slots = __builtin_popcount(bits(f->cr, 12, 1));
    int rate = s->codec[(way == TX ? AC97_DAC_RATE : AC97_ADC_RATE) / 2];

    return (int64_t)slots * rate * (f->cr & CR_COMPACT ? 1 : 2);
}

static int64_t ns_of_words(const PL041 *s, const Fifo *f, int way, int64_t words)
{
    int64_t per_2s = words_per_2s(s, f, way);

    return muldiv64(words, 2 * NS_PER_SEC, per_2s) + 1;
}

static void sync_fifo(PL041 *s, Channel *c, int way, int64_t now)
{
    Fifo *f = &c->fifo[way];

    if (!runs(s, f) || now <= f->at) {
        f->at = now;
        return;
    }
    int64_t words = muldiv64(now - f->at, words_per_2s(s, f, way), 2 * NS_PER_SEC);
    int64_t room = way == TX ? f->level : s->depth - f->level;

    if (words > room) {
        c->errors |= way == TX ? SR_TXU : SR_RXO;
        f->at = now;
        words = room;
    } else if (words) {
        f->at = MIN(now, f->at + ns_of_words(s, f, way, words) - 1);
    }
    f->level = way == TX ? f->level - (uint32_t)words : f->level + (uint32_t)words;
}

static void sync_fifos(PL041 *s)
{
    int64_t now = clock_now(s->dev.clock);

    for (int i = 0; i < NUM_CHANNELS; i++) {
        sync_fifo(s, &s->ch[i], RX, now);
        sync_fifo(s, &s->ch[i], TX, now);
    }
}

static uint32_t status_of(const PL041 *s, const Channel *c)
{
    uint32_t rx = c->fifo[RX].level, tx = c->fifo[TX].level, half = s->depth / 2;

    return c->errors | (rx ? 0 : SR_RXFE) | (tx ? 0 : SR_TXFE) |
           (rx >= half ? SR_RXHF : 0) | (tx <= half ? SR_TXHE : 0) |
           (rx >= s->depth ? SR_RXFF : 0) | (tx >= s->depth ? SR_TXFF : 0) |
           (runs(s, &c->fifo[RX]) ? SR_RXB : 0) |
           (runs(s, &c->fifo[TX]) && tx ? SR_TXB : 0);
}

static uint32_t pending(const PL041 *s, const Channel *c)
{
    uint32_t sr = status_of(s, c), on = CR_EN | CR_FEN, raw = 0;

    if ((c->fifo[TX].cr & on) == on) {
        raw |= (sr & SR_TXHE ? INT_TX : 0) | (sr & SR_TXFE ? INT_TXC : 0);
    }
    if ((c->fifo[RX].cr & on) == on) {
        raw |= sr & SR_RXHF ? INT_RX : 0;
    }
    raw |= (sr & SR_TXU ? INT_UR : 0) | (sr & SR_RXO ? INT_OR : 0);
    return raw & c->ie;
}

/* Seven bits a channel. */
static uint32_t all_ints(const PL041 *s)
{
    uint32_t out = 0;

    for (int i = 0; i < NUM_CHANNELS; i++) {
        out |= pending(s, &s->ch[i]) << (7 * i);
    }
    return out;
}

/* Words until something may interrupt: half, then the end. */
static int64_t words_to_mark(const PL041 *s, const Fifo *f, int way)
{
    uint32_t half = s->depth / 2, level = f->level;

    if (way == TX) {
        return level > half ? level - half : level ? level : 1;
    }
    return level < half ? half - level : s->depth - level + 1;
}

static void arm(PL041 *s)
{
    int64_t first = INT64_MAX;

    for (int i = 0; i < NUM_CHANNELS; i++) {
        Channel *c = &s->ch[i];
        uint32_t waits = c->ie & ~pending(s, c);

        for (int way = RX; way <= TX; way++) {
            Fifo *f = &c->fifo[way];
            uint32_t of_way = way == RX ? INT_RX | INT_OR : INT_TX | INT_TXC | INT_UR;

            if (runs(s, f) && waits & of_way) {
                int64_t at = f->at + ns_of_words(s, f, way, words_to_mark(s, f, way));

                first = MIN(first, at);
            }
        }
    }
    if (first == INT64_MAX) {
        timer_cancel(&s->next);
        s->next.deadline = 0;
    } else {
        timer_set(&s->next, first);
    }
}

static void update(PL041 *s)
{
    qemu_set_irq(s->dev.irq[0], all_ints(s) != 0);
    arm(s);
}

static void mark_reached(void *opaque)
{
    sync_fifos(opaque);
    update(opaque);
}

/* -- Registers --------------------------------------------------------------- */

/* 2.3.4: slot 1 is the command, slot 2 its data; the answer comes in both. */
static void write_slot1(PL041 *s, uint32_t val)
{
    unsigned reg = bits(val, 18, 12) & ~1u;

    s->sl1tx = val;
    if (!(s->maincr & MAINCR_IE) || !s->nreset) {
        log_guest("pl041", "codec register 0x%x while the link is off", reg);
    } else if (val & SLOT1_READ) {
        s->sl1rx = bits(val, 18, 12) << 12;
        s->sl2rx = (uint32_t)s->codec[reg / 2] << 4;
        s->slfr |= SLFR_1RXV | SLFR_2RXV;
    } else {
        codec_write(s, reg, (uint16_t)(s->sl2tx >> 4));
    }
}

static void write_cr(Fifo *f, uint32_t val)
{
    f->cr = val & CR_WRITABLE;
    if (!(val & CR_FEN)) {
        f->level = 0;
    }
}

static uint32_t read_channel(PL041 *s, unsigned reg)
{
    const Channel *c = &s->ch[reg / CHANNEL_SIZE];

    switch (reg % CHANNEL_SIZE) {
    case RXCR: return c->fifo[RX].cr;
    case TXCR: return c->fifo[TX].cr;
    case SR:   return status_of(s, c);
    case ISR:  return pending(s, c);
    default:   return c->ie;
    }
}

static void write_channel(PL041 *s, unsigned reg, uint32_t val)
{
    Channel *c = &s->ch[reg / CHANNEL_SIZE];

    switch (reg % CHANNEL_SIZE) {
    case RXCR:
        write_cr(&c->fifo[RX], val);
        break;
    case TXCR:
        write_cr(&c->fifo[TX], val);
        break;
    case IE:
        c->ie = val & INT_ALL;
        break;
    default:
        log_guest("pl041", "write 0x%x to a status register", val);
    }
}

static bool is_fifo(unsigned reg)
{
    return reg >= DR && reg < DR + NUM_CHANNELS * DR_SIZE;
}

/* Silence, as often as there is some. */
static uint32_t read_fifo(PL041 *s, unsigned reg)
{
    Fifo *f = &s->ch[(reg - DR) / DR_SIZE].fifo[RX];

    if (!f->level) {
        log_guest("pl041", "read of an empty FIFO");
        return 0;
    }
    f->level--;
    return 0;
}

static void write_fifo(PL041 *s, unsigned reg)
{
    Fifo *f = &s->ch[(reg - DR) / DR_SIZE].fifo[TX];

    if (!(f->cr & CR_FEN) || f->level >= s->depth) {
        log_guest("pl041", "write to a FIFO that is %s", f->cr & CR_FEN ? "full" : "off");
        return;
    }
    f->level++;
}

static uint32_t take_slot(PL041 *s, uint32_t val, uint32_t flag)
{
    s->slfr &= ~flag;
    return val;
}

static uint64_t read_reg(void *opaque, hwaddr offset, unsigned size)
{
    PL041 *s = opaque;
    unsigned reg = (unsigned)offset & ~3u;
    uint32_t val;

    (void)size;
    sync_fifos(s);
    if (reg < SL1RX) {
        return read_channel(s, reg);
    }
    if (is_fifo(reg)) {
        val = read_fifo(s, reg);
        update(s);
        return val;
    }
    if (reg >= PRIMECELL_ID) {
        return primecell_id(0x00041041, reg);
    }
    switch (reg) {
    case SL1RX:   return take_slot(s, s->sl1rx, SLFR_1RXV);
    case SL2RX:   return take_slot(s, s->sl2rx, SLFR_2RXV);
    case SL1TX:   return s->sl1tx;
    case SL2TX:   return s->sl2tx;
    case SL12RX:  return 0;
    case SL12TX:  return s->sl12tx;
    case SLFR:    return s->slfr | SLFR_1TXE | SLFR_2TXE | SLFR_12TXE;
    case SLISTAT: return 0;
    case SLIEN:   return s->slien;
    case MAINCR:  return s->maincr;
    case RESET:   return s->nreset;
    case SYNC:    return s->sync;
    case ALLINTS: return all_ints(s);
    case MAINFR:  return 0;             /* nothing is ever under way */
    default:
        log_guest("pl041", "read at offset 0x%x", reg);
        return 0;
    }
}

static void clear_ints(PL041 *s, uint32_t val)
{
    for (int i = 0; i < NUM_CHANNELS; i++) {
        s->ch[i].errors &= ~(val >> (CLEAR_RXO1 + i) & 1 ? (uint32_t)SR_RXO : 0);
        s->ch[i].errors &= ~(val >> (CLEAR_TXU1 + i) & 1 ? (uint32_t)SR_TXU : 0);
    }
}

static void write_main(PL041 *s, unsigned reg, uint32_t val)
{
    switch (reg) {
    case SL1TX:
        write_slot1(s, val & 0xfffff);
        break;
    case SL2TX:
        s->sl2tx = val & 0xfffff;
        break;
    case SL12TX:
        s->sl12tx = val & 0xfffff;
        break;
    case SLIEN:
        s->slien = val & 0xff;
        break;
    case INTCLR:
        clear_ints(s, val);
        break;
    case MAINCR:
        s->maincr = val & MAINCR_WRITABLE;
        break;
    case RESET:
        s->nreset = val & 1;
        if (!s->nreset) {
            codec_reset(s);
        }
        break;
    case SYNC:
        s->sync = val & 1;
        break;
    default:
        log_guest("pl041", "write 0x%x at offset 0x%x", val, reg);
    }
}

static void write_reg(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    PL041 *s = opaque;
    unsigned reg = (unsigned)offset & ~3u;

    (void)size;
    sync_fifos(s);
    if (reg < SL1RX) {
        write_channel(s, reg, (uint32_t)val);
    } else if (is_fifo(reg)) {
        write_fifo(s, reg);
    } else {
        write_main(s, reg, (uint32_t)val);
    }
    update(s);
}

static const MemoryRegionOps reg_ops = { read_reg, write_reg, 4, 4 };

/* -- The type ---------------------------------------------------------------- */

static void pl041_init(Device *d)
{
    PL041 *s = (PL041 *)d;

    timer_init(d->clock, &s->next, mark_reached, s);
}

static int pl041_realize(Device *d, Error *err)
{
    PL041 *s = (PL041 *)d;

    if (s->depth < 8 || s->depth > MAX_FIFO || s->depth % 2) {
        return error_set(err, EINVAL, "%s: fifo=%u: it is an even number from 8 to %d",
                         d->id ? d->id : "pl041", s->depth, MAX_FIFO);
    }
    return 0;
}

static void pl041_reset(Device *d)
{
    PL041 *s = (PL041 *)d;
    int64_t now = clock_now(d->clock);

    memset(s->ch, 0, sizeof(s->ch));
    for (int i = 0; i < NUM_CHANNELS; i++) {
        s->ch[i].fifo[RX].at = s->ch[i].fifo[TX].at = now;
    }
    s->sl1rx = s->sl2rx = s->sl1tx = s->sl2tx = s->sl12tx = 0;
    s->slfr = s->slien = s->maincr = s->nreset = s->sync = 0;
    codec_reset(s);
    update(s);
}

static int pl041_post_load(Device *d, Error *err)
{
    PL041 *s = (PL041 *)d;

    for (int i = 0; i < NUM_CHANNELS; i++) {
        for (int way = RX; way <= TX; way++) {
            Fifo *f = &s->ch[i].fifo[way];

            if (f->level > s->depth || f->at < 0 || f->at > 1ll << 60) {
                return error_set(err, EINVAL, "the snapshot is damaged");
            }
            f->cr &= CR_WRITABLE;
        }
        s->ch[i].ie &= INT_ALL;
        s->ch[i].errors &= SR_RXO | SR_TXU;
    }
    fix_rates(s);
    update(s);
    return 0;
}

static void pl041_free(Device *d)
{
    timer_cancel(&((PL041 *)d)->next);
}

static const WindowDef pl041_windows[] = {
    { "pl041", false, 0x1000, NULL, &reg_ops },
    { .name = NULL },
};

static const PropDef pl041_props[] = {
    { "fifo", PROP_U32, offsetof(PL041, depth), 512, "words in each FIFO" },
    { .name = NULL },
};

static const VMField fifo_vmstate[] = {
    VM_FIELD(Fifo, cr),
    VM_FIELD(Fifo, level),
    VM_FIELD(Fifo, at),
    VM_END
};

static const VMField channel_vmstate[] = {
    VM_STRUCTS(Channel, fifo, 2, fifo_vmstate),
    VM_FIELD(Channel, ie),
    VM_FIELD(Channel, errors),
    VM_END
};

static const VMField pl041_vmstate[] = {
    VM_STRUCTS(PL041, ch, NUM_CHANNELS, channel_vmstate),
    VM_FIELD(PL041, sl1rx),
    VM_FIELD(PL041, sl2rx),
    VM_FIELD(PL041, sl1tx),
    VM_FIELD(PL041, sl2tx),
    VM_FIELD(PL041, sl12tx),
    VM_FIELD(PL041, slfr),
    VM_FIELD(PL041, slien),
    VM_FIELD(PL041, maincr),
    VM_FIELD(PL041, nreset),
    VM_FIELD(PL041, sync),
    VM_ARRAY(PL041, codec),
    VM_TIMER(PL041, next),
    VM_END
};

const DeviceType pl041_type = {
    .name = "pl041",
    .desc = "ARM PrimeCell audio CODEC interface with an LM4549",
    .manual = "ARM DDI 0173",
    .bus = "sys",
    .state_size = sizeof(PL041),
    .windows = pl041_windows,
    .props = pl041_props,
    .vmstate = pl041_vmstate,
    .num_irqs = 1,
    .init = pl041_init,
    .realize = pl041_realize,
    .reset = pl041_reset,
    .post_load = pl041_post_load,
    .free = pl041_free,
};
