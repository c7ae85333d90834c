/* SPDX-License-Identifier: MIT */
/*
 * ARM PrimeCell PL110 colour LCD controller (ARM DDI 0161).
 *
 *   registers --read_look()--> Look: all that the picture depends on but memory;
 *                              another one than last time: all is drawn again
 *   frame buffer: only lines in dirty pages are drawn
 *
 * The one idea: frames are not played.  The time of the last frame start is
 * known, sync_frames() catches up whenever somebody looks: a register, the user
 * interface.  Only while an interrupt of the frame is enabled a Timer waits for
 * the next one.
 *
 * Not modelled: grey levels as the eye sees them on STN panels (the four bits are
 * taken as they are), FIFO underflow, the watermark, power sequencing.
 */
#include "hw/display/pl110.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw/core/primecell.h"
#include "hw/display/frame.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"

/* 1024 lines of 1024 pixels of 32 bits */
enum { MAX_BYTES = 4 << 20, PALETTE_WORDS = 128 };

/* DDI 0161, 3.3.7: LCDControl */
enum { C_ENABLE = 1 << 0, C_BW = 1 << 4, C_TFT = 1 << 5, C_DUAL = 1 << 7, C_BGR = 1 << 8,
       C_BEBO = 1 << 9, C_BEPO = 1 << 10, C_POWER = 1 << 11 };
enum { BPP_1, BPP_2, BPP_4, BPP_8, BPP_16, BPP_24 };
/* 3.3.8: interrupts */
enum { INT_FUF = 1 << 1, INT_LNBU = 1 << 2, INT_VCOMP = 1 << 3, INT_MBERROR = 1 << 4,
       INT_ALL = 0x1e };
typedef enum Mux { MUX_888, MUX_5551, MUX_565_RED_LOW, MUX_565_BLUE_LOW } Mux;

/* Compared byte by byte: always cleared first. */
typedef struct Look {
    int width, height, lines;           /* lines: of one panel */
    uint32_t base[2];                   /* upper, lower panel */
    uint32_t bpp;                       /* BPP_1 ...; bits in memory: bits_of() */
    bool on, tft, grey, bgr, bebo, bepo;
    uint8_t mux;
    uint32_t palette[256];
} Look;

typedef struct PL110 {
    Device dev;
    char *variant;
    uint32_t clock;
    bool versatile;
    uint32_t tim[4], upbase, lpbase, control, imsc, ris;
    uint32_t palette[PALETTE_WORDS];
    uint32_t base[2];                   /* of the frame that is shown */
    int64_t frame_start;
    Timer frame;
    uint8_t mux;                        /* levels of the inputs */
    /* Not saved. */
    Console *con;
    bool drawn;                         /* `look` is what the surface shows */
    Look look;
    uint8_t *page_dirty;
} PL110;

/* -- Timing ------------------------------------------------------------------ */

static int width_of(const PL110 *s)
{
    return (int)(bits(s->tim[0], 7, 2) + 1) * 16;       /* 3.3.1: PPL */
}

static int lines_of(const PL110 *s)
{
    return (int)bits(s->tim[1], 9, 0) + 1;              /* 3.3.2: LPP */
}

/* 3.3.3: panel clocks of CLCDCLK, times a frame with its porches. */
static int64_t frame_ns(const PL110 *s)
{
    uint32_t divider = bits(s->tim[2], 4, 0) | bits(s->tim[2], 31, 27) << 5;
    int64_t clocks = width_of(s) + (int)bits(s->tim[0], 15, 8) +
                     (int)bits(s->tim[0], 23, 16) + (int)bits(s->tim[0], 31, 24) + 3;
    int64_t lines = lines_of(s) + (int)bits(s->tim[1], 15, 10) +
                    (int)bits(s->tim[1], 23, 16) + (int)bits(s->tim[1], 31, 24) + 1;

    if (!s->clock) {
        return NS_PER_SEC / 60;
    }
    clocks *= s->tim[2] >> 26 & 1 ? 1 : divider + 2;    /* BCD: bypass */
    int64_t ns = muldiv64(clocks * lines, NS_PER_SEC, s->clock);

    /* Nobody needs frames faster than these, and the host has other work. */
    return MIN(MAX(ns, NS_PER_SEC / 120), NS_PER_SEC);
}

static bool enabled(const PL110 *s)
{
    return s->control & C_ENABLE;
}

static void update_irq(const PL110 *s)
{
    qemu_set_irq(s->dev.irq[0], (s->ris & s->imsc) != 0);
}

/* 3.3.5: the base registers are read at the start of each frame. */
static void start_frame(PL110 *s)
{
    s->base[0] = s->upbase;
    s->base[1] = s->lpbase;
    s->ris |= INT_LNBU;
    if (s->dev.mem && !as_find(s->dev.mem, s->upbase)->region) {
        s->ris |= INT_MBERROR;
    }
}

/* What has happened since somebody looked. */
static void sync_frames(PL110 *s)
{
    int64_t now = clock_now(s->dev.clock), len = frame_ns(s);

    if (enabled(s) && now - s->frame_start >= len) {
        s->frame_start += (now - s->frame_start) / len * len;
        start_frame(s);
        s->ris |= INT_VCOMP;
        update_irq(s);
    }
}

/* A timer only if an interrupt comes of it. */
static void arm(PL110 *s)
{
    if (enabled(s) && s->imsc & (INT_LNBU | INT_VCOMP | INT_MBERROR)) {
        timer_set(&s->frame, s->frame_start + frame_ns(s));
    } else {
        timer_cancel(&s->frame);
        s->frame.deadline = 0;
    }
}

static void frame_ended(void *opaque)
{
    PL110 *s = opaque;

    sync_frames(s);
    arm(s);
}

/* -- Registers --------------------------------------------------------------- */

/* Writes come after the frames that ended before them, so they store by hand. */
static uint32_t read_upbase(Device *d) { return ((PL110 *)d)->upbase; }
static uint32_t read_lpbase(Device *d) { return ((PL110 *)d)->lpbase; }

static void write_upbase(Device *d, uint32_t val)
{
    PL110 *s = (PL110 *)d;

    sync_frames(s);
    s->upbase = val;
}

static void write_lpbase(Device *d, uint32_t val)
{
    PL110 *s = (PL110 *)d;

    sync_frames(s);
    s->lpbase = val;
}

static void write_timing(PL110 *s, int n, uint32_t val)
{
    sync_frames(s);
    s->tim[n] = val;
    arm(s);
}

static void write_tim0(Device *d, uint32_t val) { write_timing((PL110 *)d, 0, val); }
static void write_tim1(Device *d, uint32_t val) { write_timing((PL110 *)d, 1, val); }
static void write_tim2(Device *d, uint32_t val) { write_timing((PL110 *)d, 2, val); }
static uint32_t read_tim0(Device *d) { return ((PL110 *)d)->tim[0]; }
static uint32_t read_tim1(Device *d) { return ((PL110 *)d)->tim[1]; }
static uint32_t read_tim2(Device *d) { return ((PL110 *)d)->tim[2]; }

static void write_control(PL110 *s, uint32_t val)
{
    bool was = enabled(s);

    sync_frames(s);
    s->control = val & 0x13fff;
    if (enabled(s) && !was) {
        s->frame_start = clock_now(s->dev.clock);
        start_frame(s);
    }
    arm(s);
    update_irq(s);
}

static void write_imsc(PL110 *s, uint32_t val)
{
    sync_frames(s);
    s->imsc = val & INT_ALL;
    arm(s);
    update_irq(s);
}

/* 0x18 and 0x1c: IMSC and CONTROL, on the Versatile the other way round. */
static uint32_t read_18(Device *d)
{
    const PL110 *s = (PL110 *)d;

    return s->versatile ? s->control : s->imsc;
}

static uint32_t read_1c(Device *d)
{
    const PL110 *s = (PL110 *)d;

    return s->versatile ? s->imsc : s->control;
}

static void write_18(Device *d, uint32_t val)
{
    PL110 *s = (PL110 *)d;

    if (s->versatile) {
        write_control(s, val);
    } else {
        write_imsc(s, val);
    }
}

static void write_1c(Device *d, uint32_t val)
{
    PL110 *s = (PL110 *)d;

    if (s->versatile) {
        write_imsc(s, val);
    } else {
        write_control(s, val);
    }
}

static uint32_t read_ris(Device *d)
{
    PL110 *s = (PL110 *)d;

    sync_frames(s);
    return s->ris;
}

static uint32_t read_mis(Device *d)
{
    PL110 *s = (PL110 *)d;

    sync_frames(s);
    return s->ris & s->imsc;
}

static void write_icr(Device *d, uint32_t val)
{
    PL110 *s = (PL110 *)d;

    sync_frames(s);
    s->ris &= ~val;
    update_irq(s);
}

static unsigned bits_of(uint32_t bpp)
{
    return bpp <= BPP_16 ? 1u << bpp : 32;
}

/* 3.3.11: how far the frame has been read by now. */
static uint32_t current_addr(PL110 *s, int panel)
{
    sync_frames(s);
    if (!enabled(s)) {
        return s->base[panel];
    }
    int64_t bytes = (int64_t)width_of(s) * bits_of(bits(s->control, 3, 1)) / 8 * lines_of(s);
    int64_t since = clock_now(s->dev.clock) - s->frame_start;

    return s->base[panel] + ((uint32_t)muldiv64(bytes, MAX(since, 0), frame_ns(s)) & ~3u);
}

static uint32_t read_upcurr(Device *d)
{
    return current_addr((PL110 *)d, 0);
}

static uint32_t read_lpcurr(Device *d)
{
    return current_addr((PL110 *)d, 1);
}

#define AT(f) offsetof(PL110, f)
#define PAL(n) { "PALETTE", 0x200 + 4 * (n), AT(palette[n]), REG_RW, 0, ~0u, NULL, NULL }
#define PAL4(n)  PAL(n), PAL((n) + 1), PAL((n) + 2), PAL((n) + 3)
#define PAL16(n) PAL4(n), PAL4((n) + 4), PAL4((n) + 8), PAL4((n) + 12)

/* clang-format off */
/* DDI 0161, table 3-1 */
static const RegDef pl110_regs[] = {
    { "TIMING0", 0x00, REG_VIRTUAL, REG_RW, 0, 0xfffffffc, read_tim0, write_tim0 },
    { "TIMING1", 0x04, REG_VIRTUAL, REG_RW, 0, ~0u,        read_tim1, write_tim1 },
    { "TIMING2", 0x08, REG_VIRTUAL, REG_RW, 0, ~0u,        read_tim2, write_tim2 },
    { "TIMING3", 0x0c, AT(tim[3]),  REG_RW, 0, 0x1007f,    NULL,      NULL },
    { "UPBASE",  0x10, REG_VIRTUAL, REG_RW, 0, ~3u,        read_upbase, write_upbase },
    { "LPBASE",  0x14, REG_VIRTUAL, REG_RW, 0, ~3u,        read_lpbase, write_lpbase },
    { "IMSC/CONTROL", 0x18, REG_VIRTUAL, REG_RW, 0, ~0u,   read_18,   write_18 },
    { "CONTROL/IMSC", 0x1c, REG_VIRTUAL, REG_RW, 0, ~0u,   read_1c,   write_1c },
    { "RIS",     0x20, REG_VIRTUAL, REG_R,  0, 0,          read_ris,  NULL },
    { "MIS",     0x24, REG_VIRTUAL, REG_R,  0, 0,          read_mis,  NULL },
    { "ICR",     0x28, REG_VIRTUAL, REG_W,  0, INT_ALL,    NULL,      write_icr },
    { "UPCURR",  0x2c, REG_VIRTUAL, REG_R,  0, 0,          read_upcurr, NULL },
    { "LPCURR",  0x30, REG_VIRTUAL, REG_R,  0, 0,          read_lpcurr, NULL },
    PAL16(0),  PAL16(16), PAL16(32), PAL16(48), PAL16(64), PAL16(80), PAL16(96), PAL16(112),
    PRIMECELL_ID_REGS(0x10, 0x11, 0x04, 0x00),
    REG_END
};
/* clang-format on */

/* -- What the registers mean ------------------------------------------------- */

static uint32_t rgb(uint32_t r, uint32_t g, uint32_t b)
{
    return r << 16 | g << 8 | b;
}

/* n bits (4 to 8) to 8, the top ones repeated below. */
static uint32_t widen(uint32_t v, int n)
{
    return v << (8 - n) | v >> (2 * n - 8);
}

/*
 * 3.3.12: palette entries and 16-bit pixels are intensity, blue, green, red; with
 * BGR red and blue have changed places.  The intensity is the lowest of six bits.
 */
static uint32_t colour_5551(uint32_t v, bool bgr)
{
    uint32_t i = v >> 15 & 1;
    uint32_t lo = widen((v & 31) << 1 | i, 6), mid = widen((v >> 5 & 31) << 1 | i, 6);
    uint32_t hi = widen((v >> 10 & 31) << 1 | i, 6);

    return bgr ? rgb(hi, mid, lo) : rgb(lo, mid, hi);
}

static uint32_t colour_565(uint32_t v, bool red_low)
{
    uint32_t lo = widen(v & 31, 5), mid = widen(v >> 5 & 63, 6), hi = widen(v >> 11, 5);

    return red_low ? rgb(lo, mid, hi) : rgb(hi, mid, lo);
}

/* 3.3.12: an STN panel has the upper four bits of each colour. */
static uint32_t stn_colour(uint32_t v, const Look *l)
{
    uint32_t lo = widen(v >> 1 & 15, 4), mid = widen(v >> 6 & 15, 4);
    uint32_t hi = widen(v >> 11 & 15, 4);

    if (l->grey) {                      /* the red ones alone */
        return rgb(1, 1, 1) * (l->bgr ? hi : lo);
    }
    return l->bgr ? rgb(hi, mid, lo) : rgb(lo, mid, hi);
}

static void read_palette(const PL110 *s, Look *l)
{
    for (int i = 0; i < 256; i++) {
        uint32_t v = s->palette[i / 2] >> (16 * (i & 1)) & 0xffff;

        l->palette[i] = l->tft ? colour_5551(v, l->bgr) : stn_colour(v, l);
    }
}

static void read_look(const PL110 *s, Look *l)
{
    bool dual = !(s->control & C_TFT) && s->control & C_DUAL;

    memset(l, 0, sizeof(*l));
    l->width = width_of(s);
    l->lines = lines_of(s);
    l->height = l->lines << dual;
    l->on = enabled(s) && s->control & C_POWER;
    if (!l->on) {
        return;
    }
    l->base[0] = s->base[0];
    l->base[1] = dual ? s->base[1] : 0;
    l->bpp = MIN(bits(s->control, 3, 1), (uint32_t)BPP_24);
    l->tft = s->control & C_TFT;
    l->grey = !l->tft && s->control & C_BW;
    l->bgr = s->control & C_BGR;
    l->bebo = s->control & C_BEBO;
    l->bepo = s->control & C_BEPO;
    l->mux = s->versatile ? s->mux : 0;
    if (l->bpp <= BPP_8) {
        read_palette(s, l);
    }
}

/* -- Drawing ----------------------------------------------------------------- */

/*
 * Table 2-3 and 2-4: BEBO turns the bytes of a word around, BEPO the pixels of a
 * byte.  `at` is the offset from the start of the frame, which is a word.
 */
static void draw_indexed(const Look *l, const uint8_t *frame, uint32_t at, uint32_t *row)
{
    unsigned n = bits_of(l->bpp), mask = (1u << n) - 1, turn = l->bebo ? 3 : 0;

    for (int x = 0; x < l->width; at++) {
        unsigned byte = frame[at ^ turn];

        for (unsigned k = 0; k < 8; k += n) {
            row[x++] = l->palette[byte >> (l->bepo ? 8 - n - k : k) & mask];
        }
    }
}

/* 16 bits: the multiplexer says what they are, if there is one; STN: 4:4:4. */
static uint32_t colour_16(const Look *l, uint32_t v)
{
    if (!l->tft) {
        uint32_t lo = widen(v & 15, 4), mid = widen(v >> 4 & 15, 4), hi = widen(v >> 8 & 15, 4);

        return l->bgr ? rgb(hi, mid, lo) : rgb(lo, mid, hi);
    }
    return l->mux == MUX_565_RED_LOW ? colour_565(v, true)
         : l->mux == MUX_565_BLUE_LOW ? colour_565(v, false) : colour_5551(v, l->bgr);
}

static void draw_16(const Look *l, const uint8_t *frame, uint32_t at, uint32_t *row)
{
    unsigned turn = l->bebo ? 2 : 0;

    for (int x = 0; x < l->width; x++, at += 2) {
        row[x] = colour_16(l, (uint32_t)load_le(frame + (at ^ turn), 2));
    }
}

static void draw_24(const Look *l, const uint8_t *frame, uint32_t at, uint32_t *row)
{
    for (int x = 0; x < l->width; x++, at += 4) {
        uint32_t v = (uint32_t)load_le(frame + at, 4);

        row[x] = l->bgr ? v & 0xffffff : rgb(v & 0xff, v >> 8 & 0xff, v >> 16 & 0xff);
    }
}

static uint32_t line_bytes(const Look *l)
{
    return (uint32_t)l->width * bits_of(l->bpp) / 8;
}

static void draw_line(const void *look, const uint8_t *frame, uint32_t at, uint32_t *row)
{
    const Look *l = look;

    if (l->bpp <= BPP_8) {
        draw_indexed(l, frame, at, row);
    } else if (l->bpp == BPP_16) {
        draw_16(l, frame, at, row);
    } else {
        draw_24(l, frame, at, row);
    }
}

/* One panel, its first line at `top` of the surface. */
static void draw_panel(PL110 *s, int panel, int top, bool full)
{
    const Look *l = &s->look;
    const Frame f = {
        .mem = s->dev.mem, .base = l->base[panel], .stride = line_bytes(l),
        .visible = line_bytes(l), .width = l->width, .lines = l->lines, .top = top,
        .draw_line = draw_line, .look = l, .page_dirty = s->page_dirty,
    };

    frame_draw(s->con, &f, full);
}

static void update(void *opaque, bool full)
{
    PL110 *s = opaque;
    Look now;

    sync_frames(s);
    read_look(s, &now);
    full |= !s->drawn || memcmp(&now, &s->look, sizeof(now)) ||
            s->con->surface.width != now.width || s->con->surface.height != now.height;
    memcpy(&s->look, &now, sizeof(now));
    s->drawn = true;
    console_resize(s->con, now.width, now.height);
    if (!now.on || !s->dev.mem) {
        if (full) {
            frame_fill(s->con, 0, now.height, 0);
        }
        return;
    }
    draw_panel(s, 0, 0, full);
    if (now.height > now.lines) {
        draw_panel(s, 1, now.lines, full);
    }
}

static bool update_text(void *opaque)
{
    PL110 *s = opaque;

    console_resize_text(s->con, 0, 0);
    return false;
}

static const ConsoleOps console_ops = { .update = update, .update_text = update_text };

/* -- The type ---------------------------------------------------------------- */

static void set_input(Device *d, int n, int level)
{
    PL110 *s = (PL110 *)d;

    s->mux = (uint8_t)(level ? s->mux | 1u << n : s->mux & ~(1u << n));
}

static void pl110_init(Device *d)
{
    PL110 *s = (PL110 *)d;

    timer_init(d->clock, &s->frame, frame_ended, s);
}

static int pl110_realize(Device *d, Error *err)
{
    PL110 *s = (PL110 *)d;

    s->versatile = s->variant && !strcmp(s->variant, "pl110_versatile");
    if (s->variant && !s->versatile && strcmp(s->variant, "pl110")) {
        return error_set(err, EINVAL, "%s: variant=%s: it is pl110 or pl110_versatile",
                         d->id ? d->id : "pl110", s->variant);
    }
    s->page_dirty = xzalloc(FRAME_PAGES(MAX_BYTES));
    s->con = console_new(d->id ? d->id : "pl110", &console_ops, s);
    return 0;
}

/* The wires of the multiplexer stay as they are. */
static void pl110_reset(Device *d)
{
    PL110 *s = (PL110 *)d;

    s->control = s->imsc = s->ris = 0;
    memset(s->tim, 0, sizeof(s->tim));
    s->upbase = s->lpbase = s->base[0] = s->base[1] = 0;
    s->frame_start = 0;
    arm(s);
    update_irq(s);
}

static int pl110_post_load(Device *d, Error *err)
{
    PL110 *s = (PL110 *)d;

    if (s->frame_start < 0 || s->frame_start > 1ll << 60) {
        return error_set(err, EINVAL, "the snapshot has an impossible time");
    }
    s->control &= 0x13fff;
    s->imsc &= INT_ALL;
    s->ris &= INT_ALL;
    s->mux &= 3;
    s->upbase &= ~3u;
    s->lpbase &= ~3u;
    s->base[0] &= ~3u;
    s->base[1] &= ~3u;
    s->drawn = false;
    arm(s);
    update_irq(s);
    return 0;
}

static void pl110_free(Device *d)
{
    PL110 *s = (PL110 *)d;

    timer_cancel(&s->frame);
    if (s->con) {
        console_free(s->con);
    }
    free(s->page_dirty);
}

static const WindowDef pl110_windows[] = {
    { "pl110", false, 0x1000, pl110_regs, NULL },
    { .name = NULL },
};

static const PropDef pl110_props[] = {
    { "variant", PROP_STRING, offsetof(PL110, variant), 0, "pl110 or pl110_versatile" },
    { "clock", PROP_U32, offsetof(PL110, clock), 0, "CLCDCLK in Hz; 0: always 60 frames" },
    { .name = NULL },
};

static const VMField pl110_vmstate[] = {
    VM_ARRAY(PL110, tim),
    VM_FIELD(PL110, upbase),
    VM_FIELD(PL110, lpbase),
    VM_FIELD(PL110, control),
    VM_FIELD(PL110, imsc),
    VM_FIELD(PL110, ris),
    VM_ARRAY(PL110, palette),
    VM_ARRAY(PL110, base),
    VM_FIELD(PL110, frame_start),
    VM_TIMER(PL110, frame),
    VM_FIELD(PL110, mux),
    VM_END
};

const DeviceType pl110_type = {
    .name = "pl110",
    .desc = "ARM PrimeCell colour LCD controller",
    .manual = "ARM DDI 0161",
    .bus = "sys",
    .state_size = sizeof(PL110),
    .windows = pl110_windows,
    .props = pl110_props,
    .vmstate = pl110_vmstate,
    .num_irqs = 1,
    .num_inputs = 2,
    .init = pl110_init,
    .realize = pl110_realize,
    .reset = pl110_reset,
    .post_load = pl110_post_load,
    .free = pl110_free,
    .input = set_input,
};
