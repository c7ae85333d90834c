/* SPDX-License-Identifier: MIT */
/*
 * Intel 8237A DMA controller (Intel order 231466) and the PC's page registers
 * (IBM AT Technical Reference, "DMA Controllers"; Intel 82371SB, 290550,
 * section 2.5.1).
 *
 *      DREQ --&~mask--> granted --> peer's callback --> i8237_transfer()
 *      request bit ---^                                   |
 *                     page | current address, count <-----'--> memory
 *
 * The peer moves the data; the chip only knows where it goes.  The first chip
 * is itself a peer of channel 0 of the second (cascade).
 *
 * Not modelled: memory-to-memory transfers (no PC wires them), compressed and
 * extended timing, and the polarity of DREQ and DACK (stored).
 */
#include "hw/dma/i8237.h"

#include <errno.h>
#include <string.h>

#include "util/bits.h"
#include "util/log.h"

enum { NUM_CHANNELS = 4, NUM_PAGES = 8 };
/* Registers 8 .. 15 */
enum { REG_STATUS_COMMAND = 8, REG_REQUEST, REG_MASK_BIT, REG_MODE,
       REG_CLEAR_POINTER, REG_TEMP_CLEAR, REG_CLEAR_MASK, REG_MASK_ALL };
enum { CMD_MEM_TO_MEM = 0x01, CMD_DISABLE = 0x04, CMD_ROTATE = 0x10 };
enum { MODE_TYPE = 0x0c, MODE_WRITE = 0x04, MODE_READ = 0x08, MODE_AUTOINIT = 0x10,
       MODE_DECREMENT = 0x20, MODE_SELECT = 0xc0, MODE_BLOCK = 0x80,
       MODE_CASCADE = 0xc0 };

typedef struct Channel {
    uint16_t base_address, base_count, address, count;
    uint8_t mode;
} Channel;

typedef struct Peer {
    void (*fn)(void *opaque, int ch);
    void *opaque;
    bool busy;                          /* in fn */
} Peer;

typedef struct I8237 {
    Device dev;
    Device *cascade;
    uint32_t shift;                     /* 1: words */
    Channel channel[NUM_CHANNELS];
    Peer peer[NUM_CHANNELS];
    uint8_t command, mask, request, dreq, tc;   /* bit n: channel n */
    uint8_t msb;                        /* "first/last flip-flop" */
    uint8_t granted;                    /* and the peer was told */
    uint8_t first;                      /* highest priority, when rotating */
    uint8_t page[NUM_PAGES];
} I8237;

/* Page register of each channel: 87h 83h 81h 82h, and 8fh 8bh 89h 8ah. */
static const uint8_t page_index[NUM_CHANNELS] = { 7, 3, 1, 2 };

/* -- Requests ---------------------------------------------------------------- */

static uint8_t requests(const I8237 *s)
{
    if (s->command & CMD_DISABLE) {
        return 0;
    }
    return (s->dreq & ~s->mask) | s->request;
}

/* HLDA: from the CPU always, through a cascade if that lets it pass. */
static bool has_bus(const I8237 *s)
{
    const I8237 *second = (const I8237 *)s->cascade;

    return !second || ((requests(second) & 1) &&
                       (second->channel[0].mode & MODE_SELECT) == MODE_CASCADE);
}

bool i8237_granted(const Device *dma, int ch)
{
    const I8237 *s = (const I8237 *)dma;

    return (requests(s) >> ch & 1) && has_bus(s);
}

DmaWay i8237_way(const Device *dma, int ch)
{
    static const DmaWay ways[4] = {
        DMA_VERIFY, DMA_TO_MEMORY, DMA_FROM_MEMORY, DMA_VERIFY,
    };

    return ways[(((const I8237 *)dma)->channel[ch & 3].mode & MODE_TYPE) >> 2];
}

/* A software request with no device: the data lines float. */
static void run_alone(I8237 *s, int ch)
{
    uint8_t buf[256];
    bool tc = false;

    while (!tc && i8237_granted(&s->dev, ch)) {
        memset(buf, 0xff, sizeof(buf));
        i8237_transfer(&s->dev, ch, buf, sizeof(buf), &tc);
    }
}

/* Once for each grant; a request that the peer drops and raises again while it
 * is being served counts as another. */
static void serve(I8237 *s, int ch)
{
    Peer *p = &s->peer[ch];
    uint8_t bit = (uint8_t)(1u << ch);

    if (p->busy) {
        return;
    }
    p->busy = true;
    do {
        s->granted |= bit;
        if (p->fn) {
            p->fn(p->opaque, ch);
        } else if (s->request & bit) {
            run_alone(s, ch);
        }
    } while (i8237_granted(&s->dev, ch) && !(s->granted & bit));
    p->busy = false;
    if (s->command & CMD_ROTATE) {
        s->first = (ch + 1) & 3;
    }
}

/* HRQ: ask for the bus, or give it back. */
static void update_hrq(I8237 *s)
{
    if (s->cascade) {
        i8237_set_dreq(s->cascade, 0, requests(s) != 0);
    }
}

/* Serve who is newly granted, in order of priority. */
static void serve_all(I8237 *s)
{
    int first = s->command & CMD_ROTATE ? s->first : 0;

    for (int i = 0; i < NUM_CHANNELS; i++) {
        int ch = (first + i) & 3;
        uint8_t bit = (uint8_t)(1u << ch);

        if (!i8237_granted(&s->dev, ch)) {
            s->granted &= (uint8_t)~bit;
        } else if (!(s->granted & bit)) {
            serve(s, ch);
        }
    }
}

static void update(I8237 *s)
{
    update_hrq(s);
    serve_all(s);
    update_hrq(s);
}

static void cascade_granted(void *opaque, int ch)
{
    I8237 *s = opaque;

    (void)ch;
    s->granted = 0;
    serve_all(s);
}

void i8237_set_peer(Device *dma, int ch, void (*fn)(void *opaque, int ch),
                    void *opaque)
{
    ((I8237 *)dma)->peer[ch & 3] = (Peer){ fn, opaque, false };
}

void i8237_set_dreq(Device *dma, int ch, int level)
{
    I8237 *s = (I8237 *)dma;
    uint8_t bit = (uint8_t)(1u << (ch & 3)), was = s->dreq;

    s->dreq = (uint8_t)((was & ~bit) | (level ? bit : 0));
    if (s->dreq != was) {
        update(s);
    }
}

/* -- Transfers --------------------------------------------------------------- */

static hwaddr address_of(const I8237 *s, int ch)
{
    uint32_t page = s->page[page_index[ch]];

    /* 82371SB: bit 16 of a word address comes from the counter. */
    return s->shift ? (page & 0xfe) << 16 | (uint32_t)s->channel[ch].address << 1
                    : page << 16 | s->channel[ch].address;
}

static void move(I8237 *s, int ch, uint8_t *buf, unsigned len)
{
    switch (s->dev.mem ? i8237_way(&s->dev, ch) : DMA_VERIFY) {
    case DMA_TO_MEMORY:
        as_write(s->dev.mem, address_of(s, ch), buf, len);
        break;
    case DMA_FROM_MEMORY:
        as_read(s->dev.mem, address_of(s, ch), buf, len);
        break;
    case DMA_VERIFY:
        break;
    }
}

/* Units to the end of the 64 Ki that the counter can address. */
static unsigned before_wrap(const Channel *c)
{
    return c->mode & MODE_DECREMENT ? 1 : 0x10000u - c->address;
}

/* "Autoinitialize", or else the channel is masked. */
static void terminal_count(I8237 *s, int ch)
{
    Channel *c = &s->channel[ch];
    uint8_t bit = (uint8_t)(1u << ch);

    s->tc |= bit;
    s->request &= (uint8_t)~bit;
    if (c->mode & MODE_AUTOINIT) {
        c->address = c->base_address;
        c->count = c->base_count;
    } else {
        s->mask |= bit;
    }
    s->granted &= requests(s);
}

unsigned i8237_transfer(Device *dma, int ch, void *buf, unsigned len, bool *tc)
{
    I8237 *s = (I8237 *)dma;
    Channel *c = &s->channel[ch & 3];
    unsigned done = 0, units = len >> s->shift;
    bool reached = false;

    while (done < units && !reached && i8237_granted(dma, ch & 3)) {
        unsigned left = c->count + 1u;          /* "one more than programmed" */
        unsigned n = MIN(MIN(units - done, left), before_wrap(c));

        move(s, ch & 3, (uint8_t *)buf + (done << s->shift), n << s->shift);
        c->address = (uint16_t)(c->address + (c->mode & MODE_DECREMENT ? -n : n));
        c->count = (uint16_t)(c->count - n);
        done += n;
        if (n == left) {
            reached = true;
            terminal_count(s, ch & 3);
        }
    }
    if (tc) {
        *tc = reached;
    }
    return done << s->shift;
}

/* -- Registers --------------------------------------------------------------- */

static uint8_t read_halves(I8237 *s, uint16_t val)
{
    uint8_t byte = (uint8_t)(s->msb ? val >> 8 : val);

    s->msb = !s->msb;
    return byte;
}

/* "Base and current are written together." */
static void write_halves(I8237 *s, uint16_t *base, uint16_t *current, uint8_t val)
{
    *base = (uint16_t)(s->msb ? (*base & 0xff) | val << 8 : (*base & 0xff00) | val);
    *current = *base;
    s->msb = !s->msb;
}

static void master_clear(I8237 *s)
{
    s->command = s->request = s->tc = s->msb = s->first = s->granted = 0;
    s->mask = 0x0f;
}

static uint8_t with_bit(uint8_t set, uint8_t val)
{
    uint8_t bit = (uint8_t)(1u << (val & 3));

    return val & 4 ? set | bit : set & (uint8_t)~bit;
}

static void write_control(I8237 *s, unsigned reg, uint8_t val)
{
    switch (reg) {
    case REG_STATUS_COMMAND:
        s->command = val;
        if (val & CMD_MEM_TO_MEM) {
            log_unimp("i8237", "memory-to-memory transfer");
        }
        break;
    case REG_REQUEST:
        s->request = with_bit(s->request, val);
        if ((val & 4) && (s->channel[val & 3].mode & MODE_SELECT) != MODE_BLOCK) {
            log_guest("i8237", "software request for channel %d, not in block "
                      "mode", val & 3);
        }
        break;
    case REG_MASK_BIT:      s->mask = with_bit(s->mask, val); break;
    case REG_MODE:          s->channel[val & 3].mode = val; break;
    case REG_CLEAR_POINTER: s->msb = 0; break;
    case REG_TEMP_CLEAR:    master_clear(s); break;
    case REG_CLEAR_MASK:    s->mask = 0; break;
    case REG_MASK_ALL:      s->mask = val & 0x0f; break;
    }
    update(s);
}

/* "Status register": reached terminal count, cleared by reading; requests. */
static uint8_t read_status(I8237 *s)
{
    uint8_t val = (uint8_t)(s->tc | (s->dreq | s->request) << 4);

    s->tc = 0;
    return val;
}

static void write_reg(I8237 *s, unsigned reg, uint8_t val)
{
    Channel *c = &s->channel[reg / 2 & 3];

    if (reg >= 8) {
        write_control(s, reg, val);
    } else if (reg & 1) {
        write_halves(s, &c->base_count, &c->count, val);
    } else {
        write_halves(s, &c->base_address, &c->address, val);
    }
}

static uint8_t read_reg(I8237 *s, unsigned reg)
{
    const Channel *c = &s->channel[reg / 2 & 3];

    if (reg < 8) {
        return read_halves(s, reg & 1 ? c->count : c->address);
    }
    switch (reg) {
    case REG_STATUS_COMMAND: return read_status(s);
    case REG_TEMP_CLEAR:     return 0;  /* "temporary register" */
    case REG_MASK_ALL:       return 0xf0 | s->mask;     /* 82371SB */
    default:
        log_guest("i8237", "read of write-only register %u", reg);
        return 0xff;
    }
}

static uint64_t read_port(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return read_reg(opaque, offset & 15);
}

static void write_port(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    (void)size;
    write_reg(opaque, offset & 15, (uint8_t)val);
}

static const MemoryRegionOps port_ops = {
    .read = read_port, .write = write_port, .min = 1, .max = 1,
};

/* The second controller sits on address lines 4:1. */
static uint64_t read_port16(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return read_reg(opaque, offset >> 1 & 15);
}

static void write_port16(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    (void)size;
    write_reg(opaque, offset >> 1 & 15, (uint8_t)val);
}

static const MemoryRegionOps port16_ops = {
    .read = read_port16, .write = write_port16, .min = 1, .max = 1,
};

static uint64_t read_page(void *opaque, hwaddr offset, unsigned size)
{
    I8237 *s = opaque;

    (void)size;
    return s->page[offset % NUM_PAGES];
}

static void write_page(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    I8237 *s = opaque;

    (void)size;
    s->page[offset % NUM_PAGES] = (uint8_t)val;
}

static const MemoryRegionOps page_ops = {
    .read = read_page, .write = write_page, .min = 1, .max = 1,
};

/* -- The type ---------------------------------------------------------------- */

static int i8237_realize(Device *d, Error *err)
{
    I8237 *s = (I8237 *)d;

    if (s->shift > 1) {
        return error_set(err, EINVAL, "i8237: shift must be 0 or 1");
    }
    if (s->cascade && (s->cascade->type != &i8237_type || s->cascade == d)) {
        return error_set(err, EINVAL, "i8237: cascade must be another i8237");
    }
    if (s->cascade) {
        i8237_set_peer(s->cascade, 0, cascade_granted, s);
    }
    return 0;
}

/* Requests come from others' wires and are not reset with the chip. */
static void i8237_reset(Device *d)
{
    I8237 *s = (I8237 *)d;

    master_clear(s);
    memset(s->channel, 0, sizeof(s->channel));
    memset(s->page, 0, sizeof(s->page));
}

static int i8237_post_load(Device *d, Error *err)
{
    I8237 *s = (I8237 *)d;

    (void)err;
    s->first &= 3;
    s->mask &= 15;
    s->request &= 15;
    s->dreq &= 15;
    return 0;
}

static const WindowDef i8237_windows[] = {
    [I8237_REGS]   = { "dma",   true, 16, NULL, &port_ops },
    [I8237_REGS16] = { "dma16", true, 32, NULL, &port16_ops },
    [I8237_PAGES]  = { "pages", true, NUM_PAGES, NULL, &page_ops },
    { .name = NULL }
};

static const PropDef i8237_props[] = {
    { "shift",   PROP_U32,  offsetof(I8237, shift),   0, "1: 16-bit transfers" },
    { "cascade", PROP_LINK, offsetof(I8237, cascade), 0,
      "the i8237 whose channel 0 passes our requests" },
    { .name = NULL }
};

static const VMField channel_vmstate[] = {
    VM_FIELD(Channel, base_address),
    VM_FIELD(Channel, base_count),
    VM_FIELD(Channel, address),
    VM_FIELD(Channel, count),
    VM_FIELD(Channel, mode),
    VM_END
};

static const VMField i8237_vmstate[] = {
    VM_STRUCTS(I8237, channel, NUM_CHANNELS, channel_vmstate),
    VM_FIELD(I8237, command),
    VM_FIELD(I8237, mask),
    VM_FIELD(I8237, request),
    VM_FIELD(I8237, dreq),
    VM_FIELD(I8237, tc),
    VM_FIELD(I8237, granted),
    VM_FIELD(I8237, msb),
    VM_FIELD(I8237, first),
    VM_ARRAY(I8237, page),
    VM_END
};

const DeviceType i8237_type = {
    .name       = "i8237",
    .desc       = "DMA controller",
    .manual     = "Intel 231466",
    .bus        = "sys",
    .state_size = sizeof(I8237),
    .windows    = i8237_windows,
    .props      = i8237_props,
    .vmstate    = i8237_vmstate,
    .realize    = i8237_realize,
    .reset      = i8237_reset,
    .post_load  = i8237_post_load,
};
