/* SPDX-License-Identifier: MIT */
/*
 * From video memory to a picture (IBM PS/2 Hardware Interface Technical
 * Reference, Video Subsystem: CRT Controller, Attribute Controller; FreeVGA).
 *
 *   registers --read_picture()--> Picture: all that the look depends on, plain
 *                                 data; another one than last time means that
 *                                 all is drawn again
 *   CRTC counters --next_line()--> for each line on the screen: memory address
 *                                 (MA), row of the character, panning
 *   dirty pages, last text cells --> only what changed is drawn
 *
 * The surface is the raster a monitor would show, one pixel per dot: mode 13h
 * is 640 x 400.  VBE modes are one pixel per pixel.
 *
 * Not modelled: overscan borders, blinking in graphics modes, horizontal and
 * vertical blanking inside the displayed area, interlace, and the doubled
 * vertical counts of CRTC mode bit 2.
 */
#include "hw/display/vga-core.h"

#include <stdlib.h>
#include <string.h>

#include "util/bits.h"
#include "util/mem.h"

typedef enum Kind {
    BLANK, TEXT, PLANAR, INTERLEAVED, PACKED, VBE_PLANAR, VBE_PACKED,
} Kind;

typedef enum Addressing { BY_BYTE, BY_WORD, BY_DWORD, LINEAR } Addressing;

enum { LINE_MAX_DOTS = (VGA_MAX_COLS + 1) * 9 * 2 + 64 };

/* Compared byte by byte: always cleared first. */
typedef struct Picture {
    Kind kind;
    int width, height;                  /* dots */
    int cols, char_width, scale;        /* characters; dots each; 1 or 2 */
    Addressing addressing;
    bool wrap_15;                       /* word mode: MA15, not MA13, is bit 0 */
    uint8_t row_bits;                   /* CRTC mode: row scan in the address */
    int count_shift;                    /* MA counts every 1, 2 or 4 characters */
    uint32_t start, offset;             /* MA, or bytes of VBE */
    int line_compare, max_scan, preset_row;
    bool double_scan, split_unpans;
    int pan;                            /* dots */
    /* Text only: */
    uint32_t font[2];                   /* word of glyph 0; [1]: attribute bit 3 */
    bool nine_dots, line_graphics, blink_enabled, blink_hides;
    bool cursor_shown, cursor_lit;
    uint32_t cursor_at;                 /* MA */
    int cursor_first, cursor_last, underline;
    uint16_t bpp;                       /* VBE_PACKED */
    uint32_t palette[256];
} Picture;

struct VGADrawn {
    bool valid;
    Picture pic;
    uint32_t *cells;                    /* last drawn, see get_cell() */
    size_t num_cells;
    uint8_t *page_dirty;                /* pages of video memory, this update */
    uint32_t num_pages;
    uint32_t dots[LINE_MAX_DOTS];
};

/* -- What the registers mean ------------------------------------------------- */

static uint32_t dac_colour(const VGA *s, uint8_t index)
{
    const uint8_t *c = &s->dac[3 * (index & s->dac_mask)];

    if (s->vbe[VBE_ENABLE] & VBE_8BIT_DAC) {
        return (uint32_t)c[0] << 16 | (uint32_t)c[1] << 8 | c[2];
    }
    uint32_t rgb = (uint32_t)c[0] << 16 | (uint32_t)c[1] << 8 | c[2];
    return rgb << 2 | (rgb >> 4 & 0x030303);
}

/* TR, Attribute Controller: 4 bits to 8 by the palette and colour select. */
static uint8_t attr_index_of(const VGA *s, unsigned pixel)
{
    unsigned val = s->attr[pixel & s->attr[ATTR_PLANES] & 15];
    unsigned select = s->attr[ATTR_COLOUR_SELECT];

    if (s->attr[ATTR_MODE] & 0x80) {
        val = (val & 0x0f) | (select & 3) << 4;
    }
    return (uint8_t)(val | (select & 0x0c) << 4);
}

static void read_palette(const VGA *s, Picture *p)
{
    bool direct = p->kind == PACKED || p->kind == VBE_PACKED;

    for (unsigned i = 0; i < (direct ? 256 : 16); i++) {
        p->palette[i] = dac_colour(s, direct ? (uint8_t)i : attr_index_of(s, i));
    }
}

static bool screen_is_off(const VGA *s)
{
    return !(s->attr_index & 0x20) || s->seq[SEQ_CLOCKING] & 0x20;
}

static Kind kind_of(const VGA *s)
{
    if (screen_is_off(s)) {
        return BLANK;
    }
    if (vbe_is_on(s)) {
        return s->vbe[VBE_BPP] == 4 ? VBE_PLANAR : VBE_PACKED;
    }
    if (!(s->gc[GC_MISC] & 1)) {
        return TEXT;
    }
    return s->gc[GC_MODE] & 0x40 ? PACKED
         : s->gc[GC_MODE] & 0x20 ? INTERLEAVED : PLANAR;
}

static uint32_t font_base(unsigned map)
{
    return (map & 3) << 14 | (map >> 2 & 1) << 13;
}

static void read_text(const VGA *s, Picture *p)
{
    unsigned maps = s->seq[SEQ_CHAR_MAP];
    const uint8_t *crtc = s->crtc;
    int64_t frame = clock_now(s->clock) * 70 / NS_PER_SEC;

    p->font[0] = font_base((maps & 3) | (maps >> 4 & 1) << 2);
    p->font[1] = font_base((maps >> 2 & 3) | (maps >> 5 & 1) << 2);
    p->nine_dots = p->char_width == 9;
    p->line_graphics = s->attr[ATTR_MODE] & 0x04;
    p->blink_enabled = s->attr[ATTR_MODE] & 0x08;
    p->blink_hides = p->blink_enabled && (frame / 16 & 1);
    p->cursor_first = crtc[CRTC_CURSOR_START] & 0x1f;
    p->cursor_last = crtc[CRTC_CURSOR_END] & 0x1f;
    p->cursor_shown = !(crtc[CRTC_CURSOR_START] & 0x20) &&
                      p->cursor_first <= p->cursor_last &&
                      p->cursor_first <= p->max_scan;
    p->cursor_lit = !(frame / 8 & 1);
    p->cursor_at = (uint32_t)(crtc[CRTC_CURSOR_HI] << 8 | crtc[CRTC_CURSOR_LO]) +
                   (crtc[CRTC_CURSOR_END] >> 5 & 3);
    p->underline = crtc[CRTC_UNDERLINE] & 0x1f;
}

static int pan_of(const VGA *s, const Picture *p)
{
    int pan = s->attr[ATTR_PAN];

    if (p->kind == TEXT && p->char_width == 9) {
        return pan >= 8 ? 0 : pan + 1;
    }
    return p->kind == PACKED ? pan & 6 : pan & 7;
}

static void read_crtc(const VGA *s, Picture *p)
{
    const uint8_t *crtc = s->crtc;
    unsigned over = crtc[CRTC_OVERFLOW], max = crtc[CRTC_MAX_SCAN];
    bool dword = crtc[CRTC_UNDERLINE] & 0x40;

    p->cols = crtc[CRTC_H_DISP_END] + 1;
    p->char_width = p->kind == TEXT && !(s->seq[SEQ_CLOCKING] & 1) ? 9 : 8;
    p->scale = s->seq[SEQ_CLOCKING] & 8 ? 2 : 1;
    p->width = p->cols * p->char_width * p->scale;
    p->height = (int)(crtc[CRTC_V_DISP_END] | (over & 0x02) << 7 | (over & 0x40) << 3) + 1;
    p->addressing = dword ? (s->seq[SEQ_MEM_MODE] & 8 ? LINEAR : BY_DWORD)
                          : crtc[CRTC_MODE] & 0x40 ? BY_BYTE : BY_WORD;
    p->wrap_15 = crtc[CRTC_MODE] & 0x20;
    p->row_bits = crtc[CRTC_MODE] & 3;
    p->count_shift = crtc[CRTC_UNDERLINE] & 0x20 ? 2 : crtc[CRTC_MODE] >> 3 & 1;
    p->start = (uint32_t)(crtc[CRTC_START_HI] << 8 | crtc[CRTC_START_LO]) +
               (crtc[CRTC_PRESET_ROW] >> 5 & 3);
    p->offset = crtc[CRTC_OFFSET] * 2u;
    p->line_compare = (int)(crtc[CRTC_LINE_COMPARE] | (over & 0x10) << 4 |
                            (max & 0x40) << 3);
    p->max_scan = (int)(max & 0x1f);
    p->double_scan = max & 0x80;
    p->preset_row = crtc[CRTC_PRESET_ROW] & 0x1f;
    p->split_unpans = s->attr[ATTR_MODE] & 0x20;
    p->pan = pan_of(s, p) * p->scale;
}

static void read_vbe(const VGA *s, Picture *p)
{
    p->width = s->vbe[VBE_XRES];
    p->height = s->vbe[VBE_YRES];
    p->bpp = s->vbe[VBE_BPP];
    p->start = vbe_start(s);
    p->offset = vbe_line_length(s);
    p->cols = p->width / 8;
    p->char_width = 8;
    p->scale = 1;
    p->pan = p->kind == VBE_PLANAR ? s->vbe[VBE_X_OFFSET] & 7 : 0;
}

static void read_picture(const VGA *s, Picture *p)
{
    memset(p, 0, sizeof(*p));
    p->kind = kind_of(s);
    if (vbe_is_on(s)) {
        read_vbe(s, p);
    } else {
        read_crtc(s, p);
    }
    if (p->kind == TEXT) {
        read_text(s, p);
    }
    if (p->kind == BLANK) {
        int width = p->width, height = p->height;
        bool known = width >= 320 && height >= 100;

        memset(p, 0, sizeof(*p));
        p->kind = BLANK;
        p->width = known ? width : 720; /* nothing was programmed yet */
        p->height = known ? height : 400;
        return;
    }
    read_palette(s, p);
}

/* -- Lines ------------------------------------------------------------------- */

/* The CRTC's counters at one line of the screen. */
typedef struct Line {
    int y;
    uint32_t ma;                        /* of the first character */
    int row;                            /* in the character */
    int pan;
    bool second;                        /* of a line shown twice */
} Line;

static Line first_line(const Picture *p)
{
    return (Line){ .ma = p->start, .row = p->preset_row, .pan = p->pan };
}

static void next_line(const Picture *p, Line *l)
{
    if (l->y++ == p->line_compare) {
        *l = (Line){ .y = l->y, .pan = p->split_unpans ? 0 : p->pan };
        return;
    }
    l->second = p->double_scan && !l->second;
    if (l->second) {
        return;
    }
    if (l->row == p->max_scan) {
        l->row = 0;
        l->ma += p->offset;
    } else {
        l->row = (l->row + 1) & 31;
    }
}

/* TR, CRTC Mode Control: how the counter reaches memory. */
static uint32_t word_at(const Picture *p, uint32_t ma, int row)
{
    uint32_t a = ma & 0xffff;

    switch (p->addressing) {
    case BY_WORD:
        a = a << 1 | (p->wrap_15 ? a >> 15 : a >> 13 & 1);
        break;
    case BY_DWORD:
        a = a << 2 | a >> 14;
        break;
    default:
        break;
    }
    if (!(p->row_bits & 1)) {
        a = (a & ~0x2000u) | (uint32_t)(row & 1) << 13;
    }
    if (!(p->row_bits & 2)) {
        a = (a & ~0x4000u) | (uint32_t)(row & 2) << 13;
    }
    return a & (VGA_PLANE_SIZE - 1);
}

static uint32_t word_of_char(const Picture *p, const Line *l, int col)
{
    return word_at(p, l->ma + ((uint32_t)col >> p->count_shift), l->row);
}

static uint32_t get_word(const VGA *s, uint32_t word)
{
    return (uint32_t)load_le(s->vram->host + 4 * (word & (s->vram_size / 4 - 1)), 4);
}

/* -- Graphics, one line of dots ---------------------------------------------- */

/* Eight pixels of four planes. */
static void put_planes(const Picture *p, uint32_t w, uint32_t *out)
{
    for (int k = 7; k >= 0; k--) {
        *out++ = p->palette[(w >> k & 1) | (w >> (k + 7) & 2) |
                            (w >> (k + 14) & 4) | (w >> (k + 21) & 8)];
    }
}

/* TR, Graphics Mode, Shift Register Mode: two bits a pixel, planes 0 and 1 one
 * after the other, their high bits from planes 2 and 3. */
static void put_interleaved(const Picture *p, uint32_t w, uint32_t *out)
{
    for (int plane = 0; plane < 2; plane++, w >>= 8) {
        for (int k = 6; k >= 0; k -= 2) {
            *out++ = p->palette[(w >> k & 3) | (w >> (k + 16) & 3) << 2];
        }
    }
}

/* Four pixels of eight bits, two dots each. */
static void put_packed(const Picture *p, uint32_t w, uint32_t *out)
{
    for (int i = 0; i < 4; i++, w >>= 8) {
        *out++ = p->palette[w & 0xff];
        *out++ = p->palette[w & 0xff];
    }
}

static void draw_vga_line(const VGA *s, const Picture *p, const Line *l, uint32_t *row)
{
    void (*put)(const Picture *, uint32_t, uint32_t *) =
        p->kind == PACKED ? put_packed :
        p->kind == INTERLEAVED ? put_interleaved : put_planes;
    uint32_t *dots = s->drawn->dots;
    int pan = l->pan / p->scale;

    for (int c = 0; c <= p->cols; c++) {
        uint32_t w = p->kind == VBE_PLANAR ? l->ma + (uint32_t)c
                                           : word_of_char(p, l, c);

        put(p, get_word(s, w), dots + 8 * c);
    }
    for (int x = 0; x < p->width; x++) {
        row[x] = dots[pan + x / p->scale];
    }
}

/* -- VBE, one line ----------------------------------------------------------- */

/* n bits to 8, the top ones repeated below. */
static uint32_t widen(uint32_t v, int n)
{
    return v << (8 - n) | v >> (2 * n - 8);
}

static void draw_vbe_line(const VGA *s, const Picture *p, uint32_t at, uint32_t *row)
{
    const uint8_t *m = s->vram->host + at;

    for (int x = 0; x < p->width; x++) {
        switch (p->bpp) {
        case 8:
            row[x] = p->palette[m[x]];
            break;
        case 15: {
            uint32_t v = (uint32_t)load_le(m + 2 * x, 2);

            row[x] = widen(v >> 10 & 31, 5) << 16 | widen(v >> 5 & 31, 5) << 8 |
                     widen(v & 31, 5);
            break;
        }
        case 16: {
            uint32_t v = (uint32_t)load_le(m + 2 * x, 2);

            row[x] = widen(v >> 11, 5) << 16 | widen(v >> 5 & 63, 6) << 8 |
                     widen(v & 31, 5);
            break;
        }
        case 24:
            row[x] = (uint32_t)load_le(m + 3 * x, 2) | (uint32_t)m[3 * x + 2] << 16;
            break;
        default:
            row[x] = (uint32_t)load_le(m + 4 * x, 4) & 0xffffff;
            break;
        }
    }
}

/* -- Which memory changed ---------------------------------------------------- */

/* Moves the dirty bits of [start, end) into page_dirty; any? */
static bool collect_dirty(VGA *s, uint32_t start, uint32_t end)
{
    VGADrawn *d = s->drawn;
    uint32_t last = MIN(end - 1, s->vram_size - 1) >> RAM_PAGE_BITS;
    bool any = false;

    memset(d->page_dirty, 0, d->num_pages);
    for (uint32_t i = start >> RAM_PAGE_BITS; i <= last; i++) {
        uint32_t first = i;

        while (i <= last && ram_is_dirty(s->vram->offset + ((uint64_t)i << RAM_PAGE_BITS),
                                         DIRTY_VGA)) {
            d->page_dirty[i++] = 1;
        }
        if (i > first) {
            any = true;
            ram_test_clear_dirty(s->vram->offset + ((uint64_t)first << RAM_PAGE_BITS),
                                 (uint64_t)(i - first) << RAM_PAGE_BITS, DIRTY_VGA);
        }
    }
    return any;
}

static bool range_dirty(const VGA *s, uint32_t start, uint32_t end)
{
    for (uint32_t i = start >> RAM_PAGE_BITS; i <= (end - 1) >> RAM_PAGE_BITS; i++) {
        if (i >= s->drawn->num_pages || s->drawn->page_dirty[i]) {
            return true;
        }
    }
    return false;
}

static bool line_dirty(const VGA *s, const Picture *p, const Line *l)
{
    if (p->kind == VBE_PACKED) {
        return range_dirty(s, l->ma, l->ma + (uint32_t)p->width * ((p->bpp + 7u) / 8));
    }
    uint32_t first = l->ma, last = l->ma + (uint32_t)p->cols;

    if (p->kind != VBE_PLANAR) {
        first = word_of_char(p, l, 0);
        last = word_of_char(p, l, p->cols);
    }
    if (last < first) {                 /* wraps */
        first = 0;
        last = VGA_PLANE_SIZE - 1;
    }
    return range_dirty(s, 4 * first, 4 * last + 4);
}

/* -- Graphics ---------------------------------------------------------------- */

static bool same_content(const Line *a, const Line *b, const Picture *p)
{
    return a->ma == b->ma && a->pan == b->pan &&
           ((a->row ^ b->row) & ~p->row_bits & 3) == 0;
}

static void draw_graphics(VGA *s, const Picture *p, bool full)
{
    Surface *out = &s->con->surface;
    Line l = first_line(p), before = l;
    int first = -1;                     /* of the lines drawn, not told yet */
    bool drawn = false;                 /* the line before */

    for (; l.y < p->height;) {
        uint32_t *row = out->pixels + (size_t)l.y * (size_t)out->width;

        if (l.y && same_content(&l, &before, p)) {
            if (drawn) {
                memcpy(row, row - out->width, (size_t)out->width * 4);
            }
        } else if ((drawn = full || line_dirty(s, p, &l))) {
            if (p->kind == VBE_PACKED) {
                draw_vbe_line(s, p, l.ma, row);
            } else {
                draw_vga_line(s, p, &l, row);
            }
        }
        if (drawn && first < 0) {
            first = l.y;
        } else if (!drawn && first >= 0) {
            console_damage(s->con, (Rect){ 0, first, p->width, l.y - first });
            first = -1;
        }
        before = l;
        if (p->kind == VBE_PACKED || p->kind == VBE_PLANAR) {
            l.ma += p->offset;
            l.y++;
        } else {
            next_line(p, &l);
        }
    }
    if (first >= 0) {
        console_damage(s->con, (Rect){ 0, first, p->width, p->height - first });
    }
}

/* -- Text -------------------------------------------------------------------- */

enum { CELL_CURSOR = 1 << 16, CELL_HIDDEN = 1 << 17 };

/* Consecutive lines of one row of characters. */
typedef struct TextRow {
    Line line;                          /* the first */
    int lines;
} TextRow;

/* From l, and moves l behind it. */
static TextRow take_row(const Picture *p, Line *l)
{
    TextRow r = { .line = *l };

    do {
        next_line(p, l);
        r.lines++;
    } while (l->y < p->height && (l->row || l->second));
    return r;
}

/* Row of the glyph at the k-th line of a row of characters. */
static int glyph_row(const Picture *p, const TextRow *r, int k)
{
    return (r->line.row + (p->double_scan ? k / 2 : k)) & 31;
}

/* Nine bits of dots, the leftmost is bit 8. */
static unsigned glyph_dots(const VGA *s, const Picture *p, uint32_t cell, int row)
{
    unsigned ch = cell & 0xff, attr = cell >> 8 & 0xff;
    uint32_t at = p->font[attr >> 3 & 1] + 32 * ch + (uint32_t)row;
    unsigned dots = s->vram->host[4 * (at & (VGA_PLANE_SIZE - 1)) + 2] << 1;

    if (p->line_graphics && ch >= 0xc0 && ch <= 0xdf) {
        dots |= dots >> 1 & 1;
    }
    if (cell & CELL_HIDDEN) {
        dots = 0;
    }
    if (row == p->underline && (attr & 7) == 1) {
        dots = 0x1ff;
    }
    if (cell & CELL_CURSOR && row >= p->cursor_first && row <= p->cursor_last) {
        dots = 0x1ff;
    }
    return dots;
}

static void draw_cell(const VGA *s, const Picture *p, const TextRow *r, int col,
                      uint32_t cell)
{
    Surface *out = &s->con->surface;
    unsigned attr = cell >> 8 & 0xff;
    uint32_t fg = p->palette[attr & 15];
    uint32_t bg = p->palette[attr >> 4 & (p->blink_enabled ? 7 : 15)];
    int width = p->char_width * p->scale, left = col * width - r->line.pan;

    for (int k = 0; k < r->lines; k++) {
        uint32_t *row = out->pixels + (size_t)(r->line.y + k) * (size_t)out->width;
        unsigned dots = glyph_dots(s, p, cell, glyph_row(p, r, k));

        for (int i = MAX(0, -left); i < width && left + i < out->width; i++) {
            row[left + i] = dots >> (8 - i / p->scale) & 1 ? fg : bg;
        }
    }
}

/* What decides how a character looks; below these the attribute and code. */
static uint32_t get_cell(const VGA *s, const Picture *p, const Line *l, int col)
{
    uint32_t ma = (l->ma + (uint32_t)col) & 0xffff;
    uint32_t cell = get_word(s, word_of_char(p, l, col)) & 0xffff;
    bool cursor = p->cursor_shown && p->cursor_lit && ma == (p->cursor_at & 0xffff);

    return cell | (cursor ? CELL_CURSOR : 0) |
           (cell & 0x8000 && p->blink_hides ? CELL_HIDDEN : 0);
}

static void draw_text_row(VGA *s, const Picture *p, const TextRow *r, uint32_t *last,
                          bool full)
{
    int left = p->cols + 1, right = -1;

    for (int col = 0; col < p->cols + (r->line.pan != 0); col++) {
        uint32_t cell = get_cell(s, p, &r->line, col);

        if (full || last[col] != cell) {
            last[col] = cell;
            draw_cell(s, p, r, col, cell);
            left = MIN(left, col);
            right = col;
        }
    }
    if (right >= 0) {
        int w = p->char_width * p->scale;

        console_damage(s->con, (Rect){ left * w - r->line.pan, r->line.y,
                                       (right - left + 1) * w, r->lines });
    }
}

static void draw_text(VGA *s, const Picture *p, bool full)
{
    VGADrawn *d = s->drawn;
    size_t stride = (size_t)p->cols + 1, want = stride * (size_t)p->height, n = 0;

    if (d->num_cells < want) {
        d->cells = xrealloc(d->cells, want * sizeof(*d->cells));
        d->num_cells = want;
        full = true;
    }
    for (Line l = first_line(p); l.y < p->height; n++) {
        TextRow r = take_row(p, &l);

        draw_text_row(s, p, &r, d->cells + n * stride, full);
    }
}

/* -- The console's callbacks ------------------------------------------------- */

static VGADrawn *get_drawn(VGA *s)
{
    if (!s->drawn) {
        s->drawn = xzalloc(sizeof(*s->drawn));
        s->drawn->num_pages = s->vram_size >> RAM_PAGE_BITS;
        s->drawn->page_dirty = xzalloc(s->drawn->num_pages);
    }
    return s->drawn;
}

static void draw_blank(VGA *s, const Picture *p)
{
    memset(s->con->surface.pixels, 0, (size_t)p->width * (size_t)p->height * 4);
    console_damage(s->con, (Rect){ 0, 0, p->width, p->height });
}

/* All but what blinks: a blink must not redraw the whole screen. */
static bool same_look(const Picture *a, const Picture *b)
{
    Picture x;

    memcpy(&x, a, sizeof(x));
    x.blink_hides = b->blink_hides;
    x.cursor_lit = b->cursor_lit;
    x.cursor_at = b->cursor_at;
    return !memcmp(&x, b, sizeof(x));
}

static void update(void *opaque, bool full)
{
    VGA *s = opaque;
    VGADrawn *d = get_drawn(s);
    Picture p;

    read_picture(s, &p);
    full |= !d->valid || !same_look(&d->pic, &p) ||
            s->con->surface.width != p.width || s->con->surface.height != p.height;
    if (p.kind == TEXT) {
        full |= s->font_changed;
        s->font_changed = false;
    }
    bool blinked = d->pic.cursor_lit != p.cursor_lit ||
                   d->pic.cursor_at != p.cursor_at ||
                   d->pic.blink_hides != p.blink_hides;
    memcpy(&d->pic, &p, sizeof(p));
    d->valid = true;
    console_resize(s->con, p.width, p.height);
    if (p.kind == BLANK) {
        if (full) {
            draw_blank(s, &p);
        }
        return;
    }
    uint32_t start = vbe_is_on(s) ? p.start : 0;
    uint32_t len = vbe_is_on(s) ? p.offset * (uint32_t)p.height : VGA_PLANE_SIZE;
    uint32_t unit = p.kind == VBE_PACKED ? 1 : 4;
    bool dirty = collect_dirty(s, start * unit, (start + len) * unit);
    if (!dirty && !full && !blinked) {
        return;
    }
    if (p.kind == TEXT) {
        draw_text(s, &p, full);
    } else {
        draw_graphics(s, &p, full);
    }
}

static TextCell text_cell(const Picture *p, uint32_t cell)
{
    uint8_t attr = (uint8_t)(cell >> 8);

    return (TextCell){
        .ch = (uint8_t)cell, .fg = attr & 15,
        .bg = attr >> 4 & (p->blink_enabled ? 7 : 15),
        .blink = p->blink_enabled && attr & 0x80,
    };
}

/* A text mode whose screen is off. */
static void blank_text(Console *con)
{
    console_resize_text(con, 80, 25);
    memset(con->text.cells, 0, 80 * 25 * sizeof(TextCell));
    con->text.cursor_x = con->text.cursor_y = -1;
}

static bool update_text(void *opaque)
{
    VGA *s = opaque;
    Picture p;
    int rows = 0;

    read_picture(s, &p);
    if (p.kind == BLANK && !vbe_is_on(s) && !(s->gc[GC_MISC] & 1)) {
        blank_text(s->con);
        return true;
    }
    if (p.kind != TEXT) {
        console_resize_text(s->con, 0, 0);
        return false;
    }
    for (Line l = first_line(&p); l.y < p.height; rows++) {
        take_row(&p, &l);
    }
    console_resize_text(s->con, p.cols, rows);
    TextScreen *t = &s->con->text;
    t->cursor_x = t->cursor_y = -1;
    p.cursor_lit = true;
    Line l = first_line(&p);
    for (int y = 0; y < rows; y++) {
        TextRow r = take_row(&p, &l);

        for (int x = 0; x < p.cols; x++) {
            uint32_t cell = get_cell(s, &p, &r.line, x);

            t->cells[y * p.cols + x] = text_cell(&p, cell);
            if (cell & CELL_CURSOR) {
                t->cursor_x = x;
                t->cursor_y = y;
            }
        }
    }
    return true;
}

const ConsoleOps vga_console_ops = { .update = update, .update_text = update_text };

void vga_draw_free(VGA *s)
{
    if (s->drawn) {
        free(s->drawn->cells);
        free(s->drawn->page_dirty);
        free(s->drawn);
        s->drawn = NULL;
    }
}
