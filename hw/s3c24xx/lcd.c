/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A LCD controller (S3C2440A User's Manual rev. 1, chapter 15).
 *
 *   registers --read_look()--> Look: all that the picture depends on but memory;
 *                              another one than last time: all is drawn again
 *   frame buffer: words --BSWP, HWSWP--> pixels, the first in the highest bits
 *       --palette, LUTs or nothing--> surface; only lines in dirty pages
 *
 * Frames are not played: the time of the last one is known, sync_frames() catches
 * up when somebody looks.  Only while an interrupt is not masked a Timer waits for
 * the next one.
 *
 * Not modelled: dithering of STN panels (their levels are shown as they are),
 * polarities, the FIFO (its interrupt comes with the frame's), LPC3600 and LCC3600
 * timing (TCONSEL is stored), that the palette cannot be written while it is read.
 */
#include "hw/s3c24xx/lcd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw/display/edge.h"
#include "hw/display/frame.h"
#include "hw/s3c24xx/clock.h"
#include "util/bits.h"
#include "util/mem.h"

enum { CON1_ENVID = 1 << 0, PNR_DUAL = 0, PNR_4, PNR_8, PNR_TFT };
enum { CON5_HWSWP = 1 << 0, CON5_BSWP = 1 << 1, CON5_FRM565 = 1 << 11, CON5_BPP24BL = 1 << 12 };
enum { TPALEN = 1 << 24 };
enum { INT_FIFO = 1 << 0, INT_FRAME = 1 << 1, INT_ALL = 3 };
enum { MAX_LINES = 2048, MAX_WIDTH = 2048, MAX_STRIDE = 2 * 2047 + 4 * 2048 };
enum { PALETTE_SIZE = 256, PALETTE_AT = 0x400 };

/* "BPPMODE" */
typedef enum Bpp { STN_1, STN_2, STN_4, STN_8, STN_12_PACKED, STN_12, STN_16,
                   TFT_1 = 8, TFT_2, TFT_4, TFT_8, TFT_16, TFT_24 } Bpp;

/* Compared byte by byte: always cleared first. */
typedef struct Look {
    int width, height, lines;           /* lines: of one panel */
    uint32_t base[2];                   /* upper, lower panel */
    uint32_t stride;                    /* bytes */
    uint32_t bpp, con5, fill;
    bool on, filled;
    uint32_t palette[PALETTE_SIZE];
} Look;

typedef struct S3cLcd {
    Device dev;
    Device *clock;
    uint32_t panel_width, panel_height;
    uint32_t con[5], saddr[3], redlut, greenlut, bluelut, dithmode, tpal;
    uint32_t srcpnd, intpnd, intmsk, tconsel;
    uint32_t palette[PALETTE_SIZE];
    int64_t frame_start;
    Timer frame;
    /* Not saved. */
    Edge edge;
    Console *console;
    bool drawn;                         /* `look` is what the surface shows */
    Look look;
    uint8_t *page_dirty;
} S3cLcd;

/* -- Timing ------------------------------------------------------------------ */

static bool enabled(const S3cLcd *s)
{
    return s->con[0] & CON1_ENVID;
}

static unsigned scan_mode(const S3cLcd *s)
{
    return bits(s->con[0], 6, 5);
}

static bool is_tft(const S3cLcd *s)
{
    return scan_mode(s) == PNR_TFT;
}

static int lines_of(const S3cLcd *s)
{
    return (int)bits(s->con[1], 23, 14) + 1;
}

/* "HOZVAL": pixels of TFT panels; of STN, shifts of 4 or 8 lines, 3 for a colour. */
static int width_of(const S3cLcd *s)
{
    int n = (int)bits(s->con[2], 18, 8) + 1, data = scan_mode(s) == PNR_8 ? 8 : 4;

    if (is_tft(s)) {
        return n;
    }
    return MIN(bits(s->con[0], 4, 1) >= STN_8 ? n * data / 3 : n * data, MAX_WIDTH);
}

/* "VCLK = HCLK / [(CLKVAL + 1) x 2]", STN without the + 1; and the porches. */
static int64_t frame_ns(const S3cLcd *s)
{
    int64_t clkval = bits(s->con[0], 17, 8), clocks, lines = lines_of(s);

    if (is_tft(s)) {
        lines += (int64_t)bits(s->con[1], 31, 24) + bits(s->con[1], 13, 6) +
                 bits(s->con[1], 5, 0) + 3;
        clocks = (int64_t)bits(s->con[2], 25, 19) + bits(s->con[2], 7, 0) +
                 bits(s->con[3], 7, 0) + 3 + width_of(s);
        clkval++;
    } else {
        clocks = (int64_t)bits(s->con[2], 18, 8) + 1 + 16 * bits(s->con[2], 20, 19);
    }
    int64_t ns = muldiv64(MAX(clkval, 1) * 2 * clocks * lines, NS_PER_SEC, s3c_hclk(s->clock));

    /* Nobody needs frames faster than these, and the host has other work. */
    return MIN(MAX(ns, NS_PER_SEC / 120), NS_PER_SEC);
}

static void update_irq(S3cLcd *s)
{
    s->intpnd |= s->srcpnd & ~s->intmsk & INT_ALL;
    qemu_set_irq(s->dev.irq[0], s->intpnd != 0);
}

/* What has happened since somebody looked. */
static void sync_frames(S3cLcd *s)
{
    int64_t now = clock_now(s->dev.clock), len = frame_ns(s);

    if (enabled(s) && now - s->frame_start >= len) {
        s->frame_start += (now - s->frame_start) / len * len;
        s->srcpnd |= INT_ALL;
        update_irq(s);
    }
}

/* A timer only if an interrupt comes of it. */
static void arm(S3cLcd *s)
{
    if (enabled(s) && ~s->intmsk & INT_ALL) {
        timer_set(&s->frame, s->frame_start + frame_ns(s));
    } else {
        timer_cancel(&s->frame);
        s->frame.deadline = 0;
    }
}

static void frame_ended(void *opaque)
{
    S3cLcd *s = opaque;

    sync_frames(s);
    arm(s);
}

/* -- Registers --------------------------------------------------------------- */

/* "LINECNT": counts down from LINEVAL. */
static uint32_t read_con1(Device *d)
{
    S3cLcd *s = (S3cLcd *)d;

    sync_frames(s);
    if (!enabled(s)) {
        return s->con[0];
    }
    int64_t since = clock_now(d->clock) - s->frame_start;
    uint32_t line = (uint32_t)muldiv64(MAX(since, 0), lines_of(s), frame_ns(s));
    uint32_t last = (uint32_t)lines_of(s) - 1;

    return s->con[0] | (last - MIN(line, last)) << 18;
}

static void write_con1(Device *d, uint32_t val)
{
    S3cLcd *s = (S3cLcd *)d;
    bool was = enabled(s);

    sync_frames(s);
    s->con[0] = val;
    if (enabled(s) && !was) {
        s->frame_start = clock_now(d->clock);
    }
    arm(s);
}

static uint32_t read_con2(Device *d) { return ((S3cLcd *)d)->con[1]; }
static uint32_t read_con3(Device *d) { return ((S3cLcd *)d)->con[2]; }

static void write_timing(S3cLcd *s, int n, uint32_t val)
{
    sync_frames(s);
    s->con[n] = val;
    arm(s);
}

static void write_con2(Device *d, uint32_t val) { write_timing((S3cLcd *)d, 1, val); }
static void write_con3(Device *d, uint32_t val) { write_timing((S3cLcd *)d, 2, val); }

static uint32_t read_srcpnd(Device *d)
{
    sync_frames((S3cLcd *)d);
    return ((S3cLcd *)d)->srcpnd;
}

static uint32_t read_intpnd(Device *d)
{
    sync_frames((S3cLcd *)d);
    return ((S3cLcd *)d)->intpnd;
}

/* Ones clear; INTPND first comes again from SRCPND. */
static void write_srcpnd(Device *d, uint32_t val)
{
    sync_frames((S3cLcd *)d);
    ((S3cLcd *)d)->srcpnd &= ~val;
}

static void write_intpnd(Device *d, uint32_t val)
{
    S3cLcd *s = (S3cLcd *)d;

    sync_frames(s);
    s->intpnd &= ~val;
    qemu_set_irq(d->irq[0], s->intpnd != 0);
}

static uint32_t read_intmsk(Device *d) { return ((S3cLcd *)d)->intmsk; }

static void write_intmsk(Device *d, uint32_t val)
{
    S3cLcd *s = (S3cLcd *)d;

    sync_frames(s);
    s->intmsk = val;
    arm(s);
    update_irq(s);
}

/* clang-format off */
#define AT(m) offsetof(S3cLcd, m)
#define VIRT REG_VIRTUAL
#define ALL 0xffffffff
/* "LCD controller special registers". */
static const RegDef lcd_regs[] = {
    { "LCDCON1",   0x00, VIRT,         REG_RW, 0,     0x0003ffff, read_con1,   write_con1 },
    { "LCDCON2",   0x04, VIRT,         REG_RW, 0,     ALL,        read_con2,   write_con2 },
    { "LCDCON3",   0x08, VIRT,         REG_RW, 0,     0x03ffffff, read_con3,   write_con3 },
    { "LCDCON4",   0x0c, AT(con[3]),   REG_RW, 0,     0xffff,     NULL,        NULL },
    { "LCDCON5",   0x10, AT(con[4]),   REG_RW, 0,     0x1fff,     NULL,        NULL },
    { "LCDSADDR1", 0x14, AT(saddr[0]), REG_RW, 0,     0x3fffffff, NULL,        NULL },
    { "LCDSADDR2", 0x18, AT(saddr[1]), REG_RW, 0,     0x001fffff, NULL,        NULL },
    { "LCDSADDR3", 0x1c, AT(saddr[2]), REG_RW, 0,     0x003fffff, NULL,        NULL },
    { "REDLUT",    0x20, AT(redlut),   REG_RW, 0,     ALL,        NULL,        NULL },
    { "GREENLUT",  0x24, AT(greenlut), REG_RW, 0,     ALL,        NULL,        NULL },
    { "BLUELUT",   0x28, AT(bluelut),  REG_RW, 0,     0xffff,     NULL,        NULL },
    { "DITHMODE",  0x4c, AT(dithmode), REG_RW, 0,     0x7ffff,    NULL,        NULL },
    { "TPAL",      0x50, AT(tpal),     REG_RW, 0,     0x1ffffff,  NULL,        NULL },
    { "LCDINTPND", 0x54, VIRT,         REG_RW, 0,     INT_ALL,    read_intpnd, write_intpnd },
    { "LCDSRCPND", 0x58, VIRT,         REG_RW, 0,     INT_ALL,    read_srcpnd, write_srcpnd },
    { "LCDINTMSK", 0x5c, VIRT,         REG_RW, 0,     7,          read_intmsk, write_intmsk },
    { "TCONSEL",   0x60, AT(tconsel),  REG_RW, 0xf84, 0xfff,      NULL,        NULL },
    REG_END
};
/* clang-format on */

/* "Palette usage": an entry of 16 bits at each word. */
static uint64_t palette_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return ((S3cLcd *)opaque)->palette[offset / 4];
}

static void palette_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    (void)size;
    ((S3cLcd *)opaque)->palette[offset / 4] = (uint32_t)val & 0xffff;
}

static const MemoryRegionOps palette_ops = { palette_read, palette_write, 4, 4 };

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

static uint32_t grey(uint32_t level)
{
    return rgb(1, 1, 1) * widen(level, 4);
}

/* "16BPP": 5:6:5, or 5:5:5 with a common lowest bit, I. */
static uint32_t colour_16(uint32_t con5, uint32_t v)
{
    if (con5 & CON5_FRM565) {
        return rgb(widen(v >> 11 & 31, 5), widen(v >> 5 & 63, 6), widen(v & 31, 5));
    }
    uint32_t i = v & 1;

    return rgb(widen((v >> 11 & 31) << 1 | i, 6), widen((v >> 6 & 31) << 1 | i, 6),
               widen((v >> 1 & 31) << 1 | i, 6));
}

static uint32_t lut(uint32_t table, uint32_t n)
{
    return widen(table >> (4 * n) & 15, 4);
}

/* "Lookup table": 8 bits are 3 of red, 3 of green, 2 of blue. */
static uint32_t stn_colour(const S3cLcd *s, uint32_t bpp, uint32_t v)
{
    switch (bpp) {
    case STN_1: return grey(v & 1 ? 15 : 0);
    case STN_2: return grey(s->bluelut >> (4 * (v & 3)) & 15);
    case STN_4: return grey(v & 15);
    default:
        return rgb(lut(s->redlut, v >> 5 & 7), lut(s->greenlut, v >> 2 & 7),
                   lut(s->bluelut, v & 3));
    }
}

static void read_palette(const S3cLcd *s, Look *l)
{
    for (uint32_t i = 0; i < PALETTE_SIZE; i++) {
        l->palette[i] = l->bpp < TFT_1 ? stn_colour(s, l->bpp, i)
                                       : colour_16(s->con[4], s->palette[i]);
    }
}

static bool indexed(uint32_t bpp)
{
    return bpp <= STN_8 || (bpp >= TFT_1 && bpp <= TFT_8);
}

/* "BPPMODE" in memory. */
static unsigned bits_of(uint32_t bpp)
{
    static const uint8_t num[] = {
        [STN_1] = 1, [STN_2] = 2, [STN_4] = 4, [STN_8] = 8, [STN_12_PACKED] = 12, [STN_12] = 16,
        [STN_16] = 16, [7] = 16, [TFT_1] = 1, [TFT_2] = 2, [TFT_4] = 4, [TFT_8] = 8,
        [TFT_16] = 16, [TFT_24] = 32,
    };

    return num[bpp];
}

static uint32_t line_bytes(const Look *l)
{
    return (uint32_t)align_up((uint64_t)l->width * bits_of(l->bpp), 32) / 8;
}

/*
 * "OFFSIZE" is added after each page of "PAGEWIDTH" half-words.  One of 0, which is
 * what Linux makes of 1024, is the panel's width.
 */
static uint32_t stride_of(const S3cLcd *s, const Look *l)
{
    uint32_t page = bits(s->saddr[2], 10, 0);

    return 2 * bits(s->saddr[2], 21, 11) + (page ? 2 * page : line_bytes(l));
}

static void read_look(const S3cLcd *s, Look *l)
{
    bool dual = scan_mode(s) == PNR_DUAL;

    memset(l, 0, sizeof(*l));
    l->on = enabled(s);
    if (!l->on) {
        l->width = (int)s->panel_width;
        l->lines = l->height = (int)s->panel_height;
        return;
    }
    l->width = width_of(s);
    l->lines = lines_of(s);
    l->height = l->lines << dual;
    l->bpp = MIN(bits(s->con[0], 4, 1), (uint32_t)TFT_24);
    l->filled = is_tft(s) && s->tpal & TPALEN;
    l->fill = l->filled ? s->tpal & 0xffffff : 0;
    if (!edge_lit(&s->edge)) {
        l->filled = true;
        l->fill = 0;
    }
    l->con5 = s->con[4];
    l->base[0] = s->saddr[0] << 1;
    l->base[1] = dual ? (s->saddr[0] & 0x3fe00000) << 1 | s->saddr[1] << 1 : 0;
    l->stride = stride_of(s, l);
    if (indexed(l->bpp)) {
        read_palette(s, l);
    }
}

/* -- Drawing ----------------------------------------------------------------- */

/* "Memory data format": swapped as asked, the first pixel is in the highest bits. */
static uint32_t word_at(const Look *l, const uint8_t *p)
{
    uint32_t w = (uint32_t)load_le(p, 4);

    w = l->con5 & CON5_BSWP ? __builtin_bswap32(w) : w;
    return l->con5 & CON5_HWSWP ? w << 16 | w >> 16 : w;
}

static uint32_t colour_of(const Look *l, uint32_t v)
{
    switch (l->bpp) {
    case STN_12_PACKED:
    case STN_12:
        return rgb(widen(v >> 8 & 15, 4), widen(v >> 4 & 15, 4), widen(v & 15, 4));
    case STN_16:
    case TFT_16:
        return colour_16(l->con5 | (l->bpp == STN_16 ? CON5_FRM565 : 0), v);
    case TFT_24:
        return l->con5 & CON5_BPP24BL ? v >> 8 : v & 0xffffff;
    default:
        return l->palette[v & 255];
    }
}

static void draw_line(const void *look, const uint8_t *frame, uint32_t at, uint32_t *row)
{
    const Look *l = look;
    const uint8_t *p = frame + at;
    unsigned n = bits_of(l->bpp), have = 0;
    uint64_t window = 0;                /* `have` bits, right-aligned */

    for (int x = 0; x < l->width; x++) {
        if (have < n) {
            window = window << 32 | word_at(l, p);
            have += 32;
            p += 4;
        }
        have -= n;
        row[x] = colour_of(l, (uint32_t)bits64(window >> have, (int)n - 1, 0));
    }
}

/* One panel, its first line at `top` of the surface. */
static void draw_panel(S3cLcd *s, int panel, int top, bool full)
{
    const Look *l = &s->look;
    const Frame f = {
        .mem = s->dev.mem, .base = l->base[panel], .stride = l->stride,
        .visible = line_bytes(l), .width = l->width, .lines = l->lines, .top = top,
        .draw_line = draw_line, .look = l, .page_dirty = s->page_dirty,
    };

    frame_draw(s->console, &f, full);
}

static void update(void *opaque, bool full)
{
    S3cLcd *s = opaque;
    const Surface *surface = &s->console->surface;
    Look now;

    sync_frames(s);
    read_look(s, &now);
    s->console->edge = edge_lines(&s->edge);
    int height = now.height + s->console->edge;
    full |= !s->drawn || memcmp(&now, &s->look, sizeof(now)) || surface->width != now.width ||
            surface->height != height;
    memcpy(&s->look, &now, sizeof(now));
    s->drawn = true;
    console_resize(s->console, now.width, height);
    edge_draw(&s->edge, s->console, full);
    if (!now.on || now.filled || !s->dev.mem) {
        if (full) {
            frame_fill(s->console, 0, now.height, now.fill);
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
    console_resize_text(((S3cLcd *)opaque)->console, 0, 0);
    return false;
}

static const ConsoleOps console_ops = { .update = update, .update_text = update_text };

/* -- The type ---------------------------------------------------------------- */

static void lcd_init(Device *d)
{
    timer_init(d->clock, &((S3cLcd *)d)->frame, frame_ended, d);
}

static int lcd_realize(Device *d, Error *err)
{
    S3cLcd *s = (S3cLcd *)d;

    if (!s->panel_width || s->panel_width > MAX_WIDTH || !s->panel_height ||
        s->panel_height > MAX_LINES) {
        return error_set(err, EINVAL, "s3c2440-lcd: width=%u,height=%u: want 1 to %d",
                         s->panel_width, s->panel_height, MAX_WIDTH);
    }
    if (edge_check(&s->edge, err) < 0) {
        return -EINVAL;
    }
    s->page_dirty = xzalloc(FRAME_PAGES(MAX_LINES * MAX_STRIDE + MAX_WIDTH * 4));
    s->console = console_new(d->id ? d->id : "s3c2440-lcd", &console_ops, s);
    return 0;
}

static void lcd_reset(Device *d)
{
    S3cLcd *s = (S3cLcd *)d;

    s->con[0] = s->con[1] = s->con[2] = 0;
    s->srcpnd = s->intpnd = 0;
    s->intmsk = INT_ALL;
    memset(s->palette, 0, sizeof(s->palette));
    s->frame_start = 0;
    arm(s);
    update_irq(s);
}

static int lcd_post_load(Device *d, Error *err)
{
    S3cLcd *s = (S3cLcd *)d;

    if (s->frame_start < 0 || s->frame_start > 1ll << 60) {
        return error_set(err, EINVAL, "the snapshot has an impossible time");
    }
    s->con[0] &= 0x3ffff;
    s->srcpnd &= INT_ALL;
    s->intpnd &= INT_ALL;
    s->intmsk &= 7;
    s->drawn = false;
    arm(s);
    update_irq(s);
    return 0;
}

static void lcd_free(Device *d)
{
    S3cLcd *s = (S3cLcd *)d;

    timer_cancel(&s->frame);
    if (s->console) {
        console_free(s->console);
    }
    free(s->page_dirty);
}

static const WindowDef lcd_windows[] = {
    { "lcd", false, PALETTE_AT, lcd_regs, NULL },
    { "palette", false, 4 * PALETTE_SIZE, NULL, &palette_ops },
    { .name = NULL }
};

static const PropDef lcd_props[] = {
    { "clock",  PROP_LINK, AT(clock),        0,   "the s3c2440-clock" },
    { "width",  PROP_U32,  AT(panel_width),  240, "of the panel, pixels" },
    { "height", PROP_U32,  AT(panel_height), 320, "of the panel, lines" },
    { "leds",   PROP_LINK, AT(edge.leds),    0,   "lamps at the edge of the screen" },
    { "backlight", PROP_STRING, AT(edge.backlight), 0, "the lamp behind the panel" },
    { .name = NULL }
};

static const VMField lcd_vmstate[] = {
    VM_ARRAY(S3cLcd, con),
    VM_ARRAY(S3cLcd, saddr),
    VM_FIELD(S3cLcd, redlut),
    VM_FIELD(S3cLcd, greenlut),
    VM_FIELD(S3cLcd, bluelut),
    VM_FIELD(S3cLcd, dithmode),
    VM_FIELD(S3cLcd, tpal),
    VM_FIELD(S3cLcd, srcpnd),
    VM_FIELD(S3cLcd, intpnd),
    VM_FIELD(S3cLcd, intmsk),
    VM_FIELD(S3cLcd, tconsel),
    VM_ARRAY(S3cLcd, palette),
    VM_FIELD(S3cLcd, frame_start),
    VM_TIMER(S3cLcd, frame),
    VM_END
};

const DeviceType s3c2440_lcd_type = {
    .name       = "s3c2440-lcd",
    .desc       = "LCD controller",
    .manual     = "S3C2440A User's Manual, chapter 15",
    .bus        = "sys",
    .state_size = sizeof(S3cLcd),
    .windows    = lcd_windows,
    .props      = lcd_props,
    .vmstate    = lcd_vmstate,
    .num_irqs   = 1,
    .init       = lcd_init,
    .realize    = lcd_realize,
    .reset      = lcd_reset,
    .post_load  = lcd_post_load,
    .free       = lcd_free,
};
