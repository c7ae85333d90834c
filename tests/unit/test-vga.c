/* SPDX-License-Identifier: MIT */
/*
 * The standard VGA on a small PCI bus: registers by the rules of the IBM Video
 * Subsystem reference (TR) and the DISPI description, pictures by looking at
 * the surface.
 */
#include "hw/display/vga.h"

#include <stdlib.h>
#include <unistd.h>

#include "hw/core/pci.h"
#include "tests/test.h"
#include "ui/console.h"
#include "util/bits.h"
#include "util/log.h"

#define LFB 0xfd000000u

typedef struct Card {
    AddressSpace *mem, *io;
    PCIBus *bus;
    Device *d;
    Console *con;
} Card;

static Card card_new(void)
{
    Card c = { .mem = as_new("memory", 1ull << 32), .io = as_new("io", 0x10000) };
    Clock *clock = malloc(sizeof(*clock));
    Error err;

    clock_init_manual(clock);
    c.bus = pci_bus_new(c.mem, c.io);
    c.d = device_new(&vga_pci_type, "vga", clock, c.mem, c.io);
    CHECK_EQ(device_set_prop(c.d, "romfile", "", NULL, &err), 0);
    CHECK_EQ(pci_plug(c.bus, (PCIDevice *)c.d, 16, &err), 0);
    CHECK_EQ(device_realize(c.d, &err), 0);
    device_reset(c.d);
    pci_config_write(c.bus, 16, PCI_BAR0, LFB, 4);
    pci_config_write(c.bus, 16, PCI_COMMAND, 3, 2);
    c.con = console_first();
    return c;
}

static void card_free(Card *c)
{
    Clock *clock = c->d->clock;

    pci_unplug((PCIDevice *)c->d);
    device_free(c->d);
    free(clock);
    free(c->bus);
    as_free(c->mem);
    as_free(c->io);
}

static void out(Card *c, unsigned port, unsigned val)
{
    as_store(c->io, port, val, 1);
}

static unsigned in(Card *c, unsigned port)
{
    return (unsigned)as_load(c->io, port, 1);
}

static void set(Card *c, unsigned port, unsigned index, unsigned val)
{
    as_store(c->io, port, val << 8 | index, 2);
}

static unsigned get(Card *c, unsigned port, unsigned index)
{
    out(c, port, index);
    return in(c, port + 1);
}

static void set_attr(Card *c, unsigned index, unsigned val)
{
    in(c, 0x3da);
    out(c, 0x3c0, index);
    out(c, 0x3c0, val);
}

static void set_dac(Card *c, unsigned i, unsigned r, unsigned g, unsigned b)
{
    out(c, 0x3c8, i);
    out(c, 0x3c9, r);
    out(c, 0x3c9, g);
    out(c, 0x3c9, b);
}

static void vbe(Card *c, unsigned index, unsigned val)
{
    as_store(c->io, 0x1ce, index, 2);
    as_store(c->io, 0x1cf, val, 2);
}

static unsigned vbe_get(Card *c, unsigned index)
{
    as_store(c->io, 0x1ce, index, 2);
    return (unsigned)as_load(c->io, 0x1cf, 2);
}

/* -- Standard modes, TR "BIOS mode register values" --------------------------- */

typedef struct Mode {
    uint8_t misc, seq[5], crtc[25], attr[20], gc[9];
} Mode;

static const Mode mode_03 = {
    0x67, { 3, 0, 3, 0, 2 },
    { 0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0,
      0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff },
    { 0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f,
      0x0c, 0, 0x0f, 8 },
    { 0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff },
};

static const Mode mode_04 = {
    0x63, { 3, 9, 3, 0, 2 },
    { 0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0,
      0x9c, 0x8e, 0x8f, 0x14, 0, 0x96, 0xb9, 0xa2, 0xff },
    { 0, 0x13, 0x15, 0x17, 2, 4, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
      0x01, 0, 3, 0 },
    { 0, 0, 0, 0, 0, 0x30, 0x0f, 0, 0xff },
};

static const Mode mode_12 = {
    0xe3, { 3, 1, 15, 0, 6 },
    { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0, 0x40, 0, 0, 0, 0, 0, 0,
      0xea, 0x8c, 0xdf, 0x28, 0, 0xe7, 0x04, 0xe3, 0xff },
    { 0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f,
      0x01, 0, 0x0f, 0 },
    { 0, 0, 0, 0, 0, 0, 5, 0x0f, 0xff },
};

static const Mode mode_13 = {
    0x63, { 3, 1, 15, 0, 14 },
    { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x41, 0, 0, 0, 0, 0, 0,
      0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff },
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 0x0f, 0 },
    { 0, 0, 0, 0, 0, 0x40, 5, 0x0f, 0xff },
};

static void set_mode(Card *c, const Mode *m)
{
    out(c, 0x3c2, m->misc);
    for (unsigned i = 0; i < 5; i++) {
        set(c, 0x3c4, i, m->seq[i]);
    }
    set(c, 0x3d4, 0x11, 0);             /* unprotect */
    for (unsigned i = 0; i < 25; i++) {
        set(c, 0x3d4, i, m->crtc[i]);
    }
    for (unsigned i = 0; i < 9; i++) {
        set(c, 0x3ce, i, m->gc[i]);
    }
    for (unsigned i = 0; i < 20; i++) {
        set_attr(c, i, m->attr[i]);
    }
    out(c, 0x3c0, 0x20);                /* screen on */
    for (unsigned i = 0; i < 256; i++) {
        set_dac(c, i, i & 63, 63 - (i & 63), i >> 6);
    }
}

/* The colour that set_mode() gave DAC entry i. */
static uint32_t dac_rgb(unsigned i)
{
    uint32_t r = i & 63, g = 63 - (i & 63), b = i >> 6;

    return (r << 2 | r >> 4) << 16 | (g << 2 | g >> 4) << 8 | (b << 2 | b >> 4);
}

static uint32_t pixel(Card *c, int x, int y)
{
    const Surface *s = &c->con->surface;

    return x < s->width && y < s->height ? s->pixels[y * s->width + x] : ~0u;
}

static void draw(Card *c)
{
    c->con->ops->update(c->con->opaque, false);
}

/* -- Registers --------------------------------------------------------------- */

/* TR: registers 0 to 7 of the CRTC cannot be written while bit 7 of index 11h
 * is set, but for bit 4 of index 7. */
TEST(crtc_protect_bit)
{
    Card c = card_new();

    out(&c, 0x3c2, 1);
    set(&c, 0x3d4, 0, 0x5f);
    set(&c, 0x3d4, 0x11, 0x80);
    set(&c, 0x3d4, 0, 0x12);
    set(&c, 0x3d4, 7, 0xff);
    set(&c, 0x3d4, 8, 0x05);
    CHECK_EQ(get(&c, 0x3d4, 0), 0x5f);
    CHECK_EQ(get(&c, 0x3d4, 7), 0x10);
    CHECK_EQ(get(&c, 0x3d4, 8), 0x05);
    set(&c, 0x3d4, 0x11, 0);
    set(&c, 0x3d4, 0, 0x12);
    CHECK_EQ(get(&c, 0x3d4, 0), 0x12);
    card_free(&c);
}

/* TR, Miscellaneous Output Register bit 0: CRTC at 3Dx if set, 3Bx if clear. */
TEST(misc_output_moves_the_crtc)
{
    Card c = card_new();

    out(&c, 0x3c2, 1);
    set(&c, 0x3d4, 0x0e, 0x42);
    CHECK_EQ(get(&c, 0x3b4, 0x0e), 0xff);
    out(&c, 0x3c2, 0);
    CHECK_EQ(get(&c, 0x3b4, 0x0e), 0x42);
    CHECK_EQ(get(&c, 0x3d4, 0x0e), 0xff);
    CHECK_EQ(in(&c, 0x3cc), 0);
    card_free(&c);
}

/* TR, Attribute Controller: writes to 3C0 alternate between index and data; a
 * read of Input Status 1 makes the next one an index. */
TEST(attribute_flip_flop)
{
    Card c = card_new();

    out(&c, 0x3c2, 1);
    in(&c, 0x3da);
    out(&c, 0x3c0, 0x10);
    out(&c, 0x3c0, 0x0c);
    CHECK_EQ(in(&c, 0x3c1), 0x0c);
    out(&c, 0x3c0, 0x12);
    in(&c, 0x3da);
    out(&c, 0x3c0, 0x13);               /* an index again */
    out(&c, 0x3c0, 0x08);
    CHECK_EQ(in(&c, 0x3c1), 0x08);
    in(&c, 0x3da);
    out(&c, 0x3c0, 0x12);
    CHECK_EQ(in(&c, 0x3c1), 0);
    card_free(&c);
}

/* TR, Video DAC: three bytes a register, indices count up, 6 bits; 3C7 reads 0
 * after a write address, 3 after a read address was set. */
TEST(dac_sequences)
{
    Card c = card_new();

    out(&c, 0x3c8, 254);
    for (unsigned i = 0; i < 9; i++) {
        out(&c, 0x3c9, 0xc0 | i);
    }
    CHECK_EQ(in(&c, 0x3c7), 0);
    out(&c, 0x3c7, 255);
    CHECK_EQ(in(&c, 0x3c7), 3);
    for (unsigned i = 3; i < 9; i++) {
        CHECK_EQ(in(&c, 0x3c9), i);     /* 255, then 0 again */
    }
    card_free(&c);
}

/* DISPI: with 8BIT_DAC set the colour registers have 8 bits. */
TEST(dac_of_8_bits)
{
    Card c = card_new();

    vbe(&c, 4, 0x20);
    set_dac(&c, 7, 0xff, 0x80, 0x01);
    out(&c, 0x3c7, 7);
    CHECK_EQ(in(&c, 0x3c9), 0xff);
    CHECK_EQ(in(&c, 0x3c9), 0x80);
    CHECK_EQ(in(&c, 0x3c9), 0x01);
    card_free(&c);
}

/* TR, Input Status 1: bit 3 is set during vertical retrace, once a frame; bit 0
 * whenever nothing is displayed.  Mode 3 has 449 lines, about 70 frames. */
TEST(retrace_follows_the_clock)
{
    Card c = card_new();
    Clock *clock = c.d->clock;
    int frames = 0, was = 0, displaying = 0;

    set_mode(&c, &mode_03);
    for (int i = 0; i < 100000; i++) {
        unsigned st = in(&c, 0x3da);

        frames += (st & 8) && !was;
        was = st & 8;
        displaying += !(st & 1);
        CHECK(!(st & 8) || st & 1);
        clock_step(clock, 10000);       /* 1 s in all */
    }
    CHECK(frames >= 69 && frames <= 71);
    CHECK(displaying > 60000 && displaying < 80000);    /* 400/449 * 80/100 */
    card_free(&c);
}

/* -- Planar memory ----------------------------------------------------------- */

/* Planes 0 to 3 at an address, read mode 0. */
static uint32_t planes(Card *c, unsigned addr)
{
    uint32_t val = 0;

    set(c, 0x3ce, 5, 0);
    for (unsigned p = 0; p < 4; p++) {
        set(c, 0x3ce, 4, p);
        val |= (uint32_t)as_load(c->mem, 0xa0000 + addr, 1) << (8 * p);
    }
    return val;
}

static void poke(Card *c, unsigned addr, unsigned val)
{
    as_store(c->mem, 0xa0000 + addr, val, 1);
}

/* TR: the map mask decides which planes a write reaches. */
TEST(map_mask)
{
    Card c = card_new();

    set_mode(&c, &mode_12);
    poke(&c, 5, 0x11);
    set(&c, 0x3c4, 2, 0x5);
    poke(&c, 5, 0xee);
    CHECK_EQ(planes(&c, 5), 0x11ee11ee);
    card_free(&c);
}

/* TR, write mode 0: rotate, then set/reset where enabled, then the function
 * with the latches, then the bit mask. */
TEST(write_mode_0)
{
    Card c = card_new();

    set_mode(&c, &mode_12);
    poke(&c, 0, 0x0f);
    as_load(c.mem, 0xa0000, 1);                         /* latches: 0f everywhere */
    set(&c, 0x3ce, 3, 4);                               /* rotate right by 4 */
    poke(&c, 1, 0x12);
    CHECK_EQ(planes(&c, 1), 0x21212121);
    set(&c, 0x3ce, 3, 0);
    set(&c, 0x3ce, 0, 0x5);
    set(&c, 0x3ce, 1, 0x3);                             /* planes 0, 1 by set/reset */
    poke(&c, 2, 0x77);
    CHECK_EQ(planes(&c, 2), 0x777700ff);
    set(&c, 0x3ce, 1, 0);
    static const struct { unsigned fn, want; } rows[] = {
        { 1, 0x33 & 0x0f }, { 2, 0x33 | 0x0f }, { 3, 0x33 ^ 0x0f },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        as_load(c.mem, 0xa0000, 1);
        set(&c, 0x3ce, 3, rows[i].fn << 3);
        poke(&c, 3, 0x33);
        set(&c, 0x3ce, 3, 0);
        CHECK_EQ(planes(&c, 3), rows[i].want * 0x01010101u);
    }
    as_load(c.mem, 0xa0000, 1);
    set(&c, 0x3ce, 8, 0xf0);
    poke(&c, 4, 0xaa);
    CHECK_EQ(planes(&c, 4), 0xafafafaf);
    card_free(&c);
}

/* TR, write mode 1 copies the latches, 2 spreads four bits over the planes, 3
 * has the rotated data as a further mask on set/reset. */
TEST(write_modes_1_2_3)
{
    Card c = card_new();

    set_mode(&c, &mode_12);
    for (unsigned p = 0; p < 4; p++) {
        set(&c, 0x3c4, 2, 1u << p);
        poke(&c, 0, 0x10 + p);
    }
    set(&c, 0x3c4, 2, 15);
    as_load(c.mem, 0xa0000, 1);
    set(&c, 0x3ce, 5, 1);
    poke(&c, 1, 0xff);
    CHECK_EQ(planes(&c, 1), 0x13121110);

    set(&c, 0x3ce, 5, 2);
    poke(&c, 2, 0x0a);
    CHECK_EQ(planes(&c, 2), 0xff00ff00);

    as_load(c.mem, 0xa0000 + 9, 1);                     /* zeroes */
    set(&c, 0x3ce, 5, 3);
    set(&c, 0x3ce, 0, 0x6);
    set(&c, 0x3ce, 8, 0x3c);
    poke(&c, 3, 0xf0);
    CHECK_EQ(planes(&c, 3), 0x00303000);
    card_free(&c);
}

/* TR, read mode 1: a 1 where all planes that are cared for equal the compare
 * register. */
TEST(read_mode_1)
{
    Card c = card_new();

    set_mode(&c, &mode_12);
    set(&c, 0x3c4, 2, 1);
    poke(&c, 0, 0xf0);
    set(&c, 0x3c4, 2, 2);
    poke(&c, 0, 0xcc);
    set(&c, 0x3ce, 5, 8);
    set(&c, 0x3ce, 2, 1);                               /* colour 1 */
    CHECK_EQ(as_load(c.mem, 0xa0000, 1), 0x30);
    set(&c, 0x3ce, 7, 1);                               /* plane 0 only */
    CHECK_EQ(as_load(c.mem, 0xa0000, 1), 0xf0);
    set(&c, 0x3ce, 7, 0);
    CHECK_EQ(as_load(c.mem, 0xa0000, 1), 0xff);
    card_free(&c);
}

/* TR, Graphics Controller Miscellaneous: 4 memory maps. */
TEST(memory_maps)
{
    Card c = card_new();
    static const struct { unsigned gc6; uint32_t in, out; } rows[] = {
        { 0x05, 0xa0000, 0xb0000 }, { 0x09, 0xb0000, 0xb8000 },
        { 0x0d, 0xb8000, 0xb0000 }, { 0x01, 0xb8000, 0 },
    };

    set_mode(&c, &mode_12);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        set(&c, 0x3ce, 6, rows[i].gc6);
        as_store(c.mem, rows[i].in, 0x5a, 1);
        CHECK_EQ(as_load(c.mem, rows[i].in, 1), 0x5a);
        if (rows[i].out) {
            as_store(c.mem, rows[i].out, 0x5a, 1);
            CHECK_EQ(as_load(c.mem, rows[i].out, 1), 0xff);
        }
    }
    out(&c, 0x3c2, 0xe1);               /* TR, misc output: RAM disabled */
    CHECK_EQ(as_load(c.mem, 0xb8000, 1), 0xff);
    card_free(&c);
}

/* PCI-to-PCI Bridge 1.2, 12.1: a VGA decodes its ranges while enabled. */
TEST(command_register_gates_legacy_ranges)
{
    Card c = card_new();

    set_mode(&c, &mode_13);
    as_store(c.mem, 0xa0000, 1, 1);
    pci_config_write(c.bus, 16, PCI_COMMAND, 0, 2);
    CHECK_EQ(as_load(c.mem, 0xa0000, 1), 0xff);
    CHECK_EQ(in(&c, 0x3cc), 0xff);
    pci_config_write(c.bus, 16, PCI_COMMAND, 3, 2);
    CHECK_EQ(as_load(c.mem, 0xa0000, 1), 1);
    CHECK_EQ(in(&c, 0x3cc), 0x63);
    card_free(&c);
}

/* -- Text -------------------------------------------------------------------- */

/* Write a glyph of 16 rows as a BIOS does: plane 2, odd/even off. */
static void set_glyph(Card *c, unsigned map_at, unsigned ch, unsigned rows)
{
    set(c, 0x3c4, 2, 4);
    set(c, 0x3c4, 4, 6);
    set(c, 0x3ce, 5, 0);
    set(c, 0x3ce, 6, 4);
    for (unsigned y = 0; y < 16; y++) {
        poke(c, map_at + 32 * ch + y, rows);
    }
    set(c, 0x3c4, 2, 3);
    set(c, 0x3c4, 4, 2);
    set(c, 0x3ce, 5, 0x10);
    set(c, 0x3ce, 6, 0x0e);
}

static void put_char(Card *c, unsigned x, unsigned y, unsigned ch, unsigned attr)
{
    as_store(c->mem, 0xb8000 + 2 * (80 * y + x), attr << 8 | ch, 2);
}

static Card text_card(void)
{
    Card c = card_new();

    set_mode(&c, &mode_03);
    set_glyph(&c, 0, 'A', 0xa5);
    set_glyph(&c, 0, 0xc4, 0xff);
    set_glyph(&c, 0, 0xb3, 0xff);
    set(&c, 0x3d4, 0x0f, 79);           /* cursor out of the way */
    return c;
}

/* Mode 3: 80 x 25 characters of 9 x 16 dots; the attribute's low half colours
 * the dots, its high half the rest; through the palette and the DAC. */
TEST(text_mode_draws_glyphs)
{
    Card c = text_card();

    put_char(&c, 3, 2, 'A', 0x1e);
    draw(&c);
    CHECK_EQ(c.con->surface.width, 720);
    CHECK_EQ(c.con->surface.height, 400);
    for (int y = 32; y < 48; y++) {
        for (int i = 0; i < 9; i++) {
            bool on = i < 8 && 0xa5 >> (7 - i) & 1;

            CHECK_EQ(pixel(&c, 27 + i, y), dac_rgb(on ? 0x3e : 1));
        }
    }
    CHECK_EQ(pixel(&c, 27, 31), dac_rgb(0));
    CHECK_EQ(pixel(&c, 27, 48), dac_rgb(0));
    card_free(&c);
}

/* TR, Attribute Mode Control bit 2: the ninth dot of C0-DF repeats the eighth,
 * that of others is background. */
TEST(line_graphics_ninth_dot)
{
    Card c = text_card();

    put_char(&c, 0, 0, 0xc4, 0x07);
    put_char(&c, 1, 0, 0xb3, 0x07);
    draw(&c);
    CHECK_EQ(pixel(&c, 8, 0), dac_rgb(7));
    CHECK_EQ(pixel(&c, 17, 0), dac_rgb(0));
    card_free(&c);
}

/* TR, Sequencer Character Map Select: attribute bit 3 chooses the font. */
TEST(two_fonts)
{
    Card c = text_card();

    set_glyph(&c, 0x4000, 'A', 0xff);   /* map 1 */
    set(&c, 0x3c4, 3, 0x04);            /* A (bit 3 set): 1, B: 0 */
    put_char(&c, 0, 0, 'A', 0x0f);
    put_char(&c, 1, 0, 'A', 0x07);
    draw(&c);
    CHECK_EQ(pixel(&c, 1, 0), dac_rgb(0x3f));
    CHECK_EQ(pixel(&c, 10, 0), dac_rgb(0));
    card_free(&c);
}

/* TR, Cursor Start and End: the rows lit; bit 5 of start turns it off. */
TEST(cursor_shape)
{
    Card c = text_card();

    put_char(&c, 5, 1, ' ', 0x07);
    set(&c, 0x3d4, 0x0f, 85);
    draw(&c);
    CHECK_EQ(pixel(&c, 45, 16 + 12), dac_rgb(0));
    CHECK_EQ(pixel(&c, 45, 16 + 13), dac_rgb(7));
    CHECK_EQ(pixel(&c, 53, 16 + 14), dac_rgb(7));
    CHECK_EQ(pixel(&c, 45, 16 + 15), dac_rgb(0));
    set(&c, 0x3d4, 0x0a, 0x2d);
    draw(&c);
    CHECK_EQ(pixel(&c, 45, 16 + 13), dac_rgb(0));
    card_free(&c);
}

/* TR: the cursor blinks every 16 frames, characters every 32, by attribute bit 7
 * while Attribute Mode Control bit 3 is set; else that bit is intensity. */
TEST(blinking)
{
    Card c = text_card();
    uint32_t lit = 0, dark = 0;

    put_char(&c, 0, 0, 'A', 0x87);
    for (int i = 0; i < 40; i++) {
        draw(&c);
        *(pixel(&c, 0, 0) == dac_rgb(7) ? &lit : &dark) += 1;
        clock_step(c.d->clock, NS_PER_SEC / 35);
    }
    CHECK(lit >= 15 && dark >= 15);
    set_attr(&c, 0x10, 4);
    out(&c, 0x3c0, 0x20);
    draw(&c);
    CHECK_EQ(pixel(&c, 0, 0), dac_rgb(7));
    CHECK_EQ(pixel(&c, 1, 0), dac_rgb(0x38));
    card_free(&c);
}

/* TR: start address scrolls by characters; the line compare register starts
 * again at address 0 on the line after it. */
TEST(start_address_and_split_screen)
{
    Card c = text_card();

    put_char(&c, 0, 0, 0xc4, 0x02);     /* address 0 */
    put_char(&c, 0, 30, 0xc4, 0x04);    /* address 2400 */
    set(&c, 0x3d4, 0x0c, 2400 >> 8);
    set(&c, 0x3d4, 0x0d, 2400 & 255);
    set(&c, 0x3d4, 0x18, 199);          /* line compare 199, bits 8, 9 clear */
    set(&c, 0x3d4, 7, 0x0f);
    set(&c, 0x3d4, 9, 0x0f);
    draw(&c);
    CHECK_EQ(pixel(&c, 0, 0), dac_rgb(4));
    CHECK_EQ(pixel(&c, 0, 199), dac_rgb(0));
    CHECK_EQ(pixel(&c, 0, 200), dac_rgb(2));
    card_free(&c);
}

/* TR, Horizontal PEL Panning: 8 is none in 9-dot modes, 0 is one dot. */
TEST(panning)
{
    Card c = text_card();

    put_char(&c, 0, 0, 'A', 0x07);      /* 10100101 */
    draw(&c);
    CHECK_EQ(pixel(&c, 0, 0), dac_rgb(7));
    CHECK_EQ(pixel(&c, 1, 0), dac_rgb(0));
    set_attr(&c, 0x13, 0);
    out(&c, 0x3c0, 0x20);
    draw(&c);
    CHECK_EQ(pixel(&c, 0, 0), dac_rgb(0));
    CHECK_EQ(pixel(&c, 1, 0), dac_rgb(7));
    card_free(&c);
}

/* Text cells are what is in memory, and the cursor where the CRTC has it. */
TEST(text_screen)
{
    Card c = text_card();

    put_char(&c, 79, 24, 'Z', 0x9e);
    set(&c, 0x3d4, 0x0e, 0);
    set(&c, 0x3d4, 0x0f, 163);
    CHECK(c.con->ops->update_text(c.con->opaque));
    const TextScreen *t = &c.con->text;
    CHECK_EQ(t->width, 80);
    CHECK_EQ(t->height, 25);
    const TextCell *cell = &t->cells[24 * 80 + 79];
    CHECK_EQ(cell->ch, 'Z');
    CHECK_EQ(cell->fg, 14);
    CHECK_EQ(cell->bg, 1);
    CHECK(cell->blink);
    CHECK_EQ(t->cursor_x, 3);
    CHECK_EQ(t->cursor_y, 2);
    set_mode(&c, &mode_13);
    CHECK(!c.con->ops->update_text(c.con->opaque));
    CHECK_EQ(c.con->text.width, 0);
    card_free(&c);
}

/* Attribute index bit 5 clear: the screen is blank; so with Clocking bit 5. */
TEST(screen_off)
{
    Card c = text_card();

    put_char(&c, 0, 0, 0xc4, 0x07);
    in(&c, 0x3da);
    out(&c, 0x3c0, 0);
    draw(&c);
    CHECK_EQ(pixel(&c, 0, 0), 0);
    CHECK(c.con->ops->update_text(c.con->opaque));
    CHECK_EQ(c.con->text.cells[0].ch, 0);
    in(&c, 0x3da);
    out(&c, 0x3c0, 0x20);
    draw(&c);
    CHECK_EQ(pixel(&c, 0, 0), dac_rgb(7));
    set(&c, 0x3c4, 1, 0x20);
    draw(&c);
    CHECK_EQ(pixel(&c, 0, 0), 0);
    card_free(&c);
}

/* -- Graphics ---------------------------------------------------------------- */

/* Mode 12h: each bit of four planes is a bit of the colour. */
TEST(planar_picture)
{
    Card c = card_new();

    set_mode(&c, &mode_12);
    for (unsigned p = 0; p < 4; p++) {
        set(&c, 0x3c4, 2, 1u << p);
        poke(&c, 80 * 100 + 10, 0xff << p);
    }
    draw(&c);
    CHECK_EQ(c.con->surface.width, 640);
    CHECK_EQ(c.con->surface.height, 480);
    static const unsigned want[8] = { 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 7, 3, 1 };
    for (int i = 0; i < 8; i++) {
        CHECK_EQ(pixel(&c, 80 + i, 100), dac_rgb(want[i]));
    }
    CHECK_EQ(pixel(&c, 80, 101), dac_rgb(0));
    card_free(&c);
}

/* TR, Color Plane Enable: a plane that is off reads as 0; Color Select gives
 * the high bits. */
TEST(plane_enable_and_colour_select)
{
    Card c = card_new();

    set_mode(&c, &mode_12);
    poke(&c, 0, 0x80);
    set_attr(&c, 0x12, 0x03);
    set_attr(&c, 0x14, 0x04);
    out(&c, 0x3c0, 0x20);
    draw(&c);
    CHECK_EQ(pixel(&c, 0, 0), dac_rgb(3 | 0x40));
    set_attr(&c, 0x10, 0x81);           /* bits 5, 4 from colour select as well */
    set_attr(&c, 0x14, 0x06);
    out(&c, 0x3c0, 0x20);
    draw(&c);
    CHECK_EQ(pixel(&c, 0, 0), dac_rgb(3 | 0x20 | 0x40));
    card_free(&c);
}

/* Mode 13h: a byte is a pixel, four dots large on this raster. */
TEST(mode_13h_picture)
{
    Card c = card_new();

    set_mode(&c, &mode_13);
    for (unsigned i = 0; i < 64000; i++) {
        poke(&c, i, (i / 320 + i % 320) & 255);
    }
    draw(&c);
    CHECK_EQ(c.con->surface.width, 640);
    CHECK_EQ(c.con->surface.height, 400);
    for (int y = 0; y < 400; y += 33) {
        for (int x = 0; x < 640; x += 7) {
            CHECK_EQ(pixel(&c, x, y), dac_rgb((unsigned)(x / 2 + y / 2) & 255));
        }
    }
    poke(&c, 320 * 150 + 60, 0xee);     /* only what changed is drawn again */
    draw(&c);
    CHECK_EQ(pixel(&c, 120, 301), dac_rgb(0xee));
    out(&c, 0x3c6, 0x0f);               /* the pixel mask */
    draw(&c);
    CHECK_EQ(pixel(&c, 120, 301), dac_rgb(0x0e));
    card_free(&c);
}

/* Unchained: address a of plane p is pixel 4a + p. */
TEST(mode_x_picture)
{
    Card c = card_new();

    set_mode(&c, &mode_13);
    set(&c, 0x3c4, 4, 6);
    set(&c, 0x3d4, 0x14, 0);
    set(&c, 0x3d4, 0x17, 0xe3);
    for (unsigned p = 0; p < 4; p++) {
        set(&c, 0x3c4, 2, 1u << p);
        poke(&c, 80 * 7 + 2, 0x20 + p);
    }
    draw(&c);
    for (unsigned p = 0; p < 4; p++) {
        CHECK_EQ(pixel(&c, (int)(8 + p) * 2, 14), dac_rgb(0x20 + p));
    }
    card_free(&c);
}

/* Mode 4: two bits a pixel, odd lines 8 KiB further. */
TEST(cga_picture)
{
    Card c = card_new();

    set_mode(&c, &mode_04);
    as_store(c.mem, 0xb8000 + 80, 0x1b, 1);             /* line 2 */
    as_store(c.mem, 0xb8000 + 0x2000, 0xe4, 1);         /* line 1 */
    as_store(c.mem, 0xb8000 + 0x2001, 0xff, 1);
    draw(&c);
    CHECK_EQ(c.con->surface.width, 640);
    CHECK_EQ(c.con->surface.height, 400);
    static const unsigned palette[4] = { 0, 0x13, 0x15, 0x17 };
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(pixel(&c, 2 * i, 4), dac_rgb(palette[i]));
        CHECK_EQ(pixel(&c, 2 * i + 1, 2), dac_rgb(palette[3 - i]));
        CHECK_EQ(pixel(&c, 2 * i + 9, 3), dac_rgb(0x17));
    }
    card_free(&c);
}

/* -- DISPI ------------------------------------------------------------------- */

static void set_vbe_mode(Card *c, unsigned w, unsigned h, unsigned bpp)
{
    vbe(c, 4, 0);
    vbe(c, 1, w);
    vbe(c, 2, h);
    vbe(c, 3, bpp);
    vbe(c, 4, 0x41);
    out(c, 0x3c2, 0x63);
    in(c, 0x3da);
    out(c, 0x3c0, 0x20);
}

/* The id can be set to any version up to ours; ENABLE|GETCAPS gives limits. */
TEST(dispi_id_and_caps)
{
    Card c = card_new();

    CHECK_EQ(vbe_get(&c, 0), 0xb0c5);
    vbe(&c, 0, 0xb0c2);
    CHECK_EQ(vbe_get(&c, 0), 0xb0c2);
    vbe(&c, 0, 0xb0c9);
    CHECK_EQ(vbe_get(&c, 0), 0xb0c2);
    vbe(&c, 4, 2);
    CHECK(vbe_get(&c, 1) >= 1600);
    CHECK(vbe_get(&c, 2) >= 1200);
    CHECK_EQ(vbe_get(&c, 3), 32);
    CHECK_EQ(vbe_get(&c, 10), 256);
    card_free(&c);
}

TEST(dispi_linear_modes)
{
    Card c = card_new();
    static const struct { unsigned bpp, size; uint32_t val, rgb; } rows[] = {
        { 32, 4, 0x00123456, 0x123456 }, { 24, 3, 0x00654321, 0x654321 },
        { 16, 2, 0xf81f, 0xff00ff },     { 15, 2, 0x03e0, 0x00ff00 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        set_vbe_mode(&c, 640, 480, rows[i].bpp);
        for (unsigned b = 0; b < rows[i].size; b++) {
            as_store(c.mem, LFB + (640 * 200 + 100) * rows[i].size + b,
                     rows[i].val >> (8 * b), 1);
        }
        draw(&c);
        CHECK_EQ(c.con->surface.width, 640);
        CHECK_EQ(c.con->surface.height, 480);
        CHECK_EQ(pixel(&c, 100, 200), rows[i].rgb);
        CHECK_EQ(pixel(&c, 101, 200), 0);
    }
    card_free(&c);
}

/* The bank register moves the window at A0000 in steps of 64 KiB. */
TEST(dispi_banks)
{
    Card c = card_new();

    set_vbe_mode(&c, 640, 480, 8);
    vbe(&c, 5, 3);
    as_store(c.mem, 0xa1234, 0x99, 1);
    CHECK_EQ(as_load(c.mem, LFB + 0x31234, 1), 0x99);
    vbe(&c, 5, 0);
    CHECK_EQ(as_load(c.mem, 0xa1234, 1), 0);
    vbe(&c, 4, 0);                      /* off: the VGA's own memory again */
    set_mode(&c, &mode_13);
    as_store(c.mem, 0xa0010, 0x44, 1);
    CHECK_EQ(as_load(c.mem, LFB + 0x10, 1), 0x44);
    card_free(&c);
}

/* VIRT_WIDTH makes lines longer than what is shown; offsets choose the part. */
TEST(dispi_virtual_screen)
{
    Card c = card_new();

    set_vbe_mode(&c, 640, 480, 32);
    vbe(&c, 6, 1024);
    CHECK_EQ(vbe_get(&c, 7), (16 << 20) / 4096);
    vbe(&c, 8, 10);
    vbe(&c, 9, 20);
    as_store(c.mem, LFB + (1024 * 25 + 13) * 4, 0xabcdef, 4);
    draw(&c);
    CHECK_EQ(pixel(&c, 3, 5), 0xabcdef);
    vbe(&c, 9, 0xffff);                 /* out of the memory: refused */
    CHECK_EQ(vbe_get(&c, 9), 20);
    card_free(&c);
}

/* A mode that does not fit the memory does not come on. */
TEST(dispi_refuses_too_large)
{
    Card c = card_new();
    uint64_t before = log_count(LOG_GUEST_ERRORS);

    vbe(&c, 1, 2560);
    vbe(&c, 2, 1600);
    vbe(&c, 3, 32);
    vbe(&c, 4, 1);
    CHECK_EQ(vbe_get(&c, 4) & 1, 1);    /* 16 MB of 16 MiB: it just fits */
    vbe(&c, 4, 0);
    vbe(&c, 1, 9999);
    CHECK_EQ(vbe_get(&c, 1), 2560);
    CHECK_EQ(log_count(LOG_GUEST_ERRORS), before + 1);
    card_free(&c);
}

TEST(dispi_planar_mode)
{
    Card c = card_new();

    set_mode(&c, &mode_12);
    set_vbe_mode(&c, 800, 600, 4);
    set(&c, 0x3c4, 2, 2);
    poke(&c, 100 * 300 + 1, 0x80);
    draw(&c);
    CHECK_EQ(c.con->surface.width, 800);
    CHECK_EQ(pixel(&c, 8, 300), dac_rgb(2));
    CHECK_EQ(pixel(&c, 9, 300), dac_rgb(0));
    card_free(&c);
}

/* -- Robustness -------------------------------------------------------------- */

static uint32_t next_random(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    return *x ^= *x << 5;
}

/* Whatever is written anywhere, drawing stays inside the memory. */
TEST(any_program_is_survivable)
{
    uint32_t seed = 0x1badb002;
    Card c = card_new();

    for (int i = 0; i < 60000; i++) {
        uint32_t r = next_random(&seed), v = next_random(&seed);

        switch (r % 8) {
        case 0: as_store(c.mem, 0xa0000 + (r >> 8) % 0x20000, v, 1u << (r >> 30)); break;
        case 1: as_load(c.mem, 0xa0000 + (r >> 8) % 0x20000, 1u << (r >> 30)); break;
        case 2: set(&c, 0x3d4, (r >> 8) & 31, v & 255); break;
        case 3: vbe(&c, (r >> 8) % 12, v >> ((r >> 16) % 24) & 0xffff); break;
        case 4: vbe(&c, 4, v & 0x41); break;
        case 5: out(&c, 0x3b0 + (r >> 8) % 0x30, v & 255); break;
        case 6: as_load(c.io, 0x3b0 + (r >> 8) % 0x30, 1); break;
        default: set(&c, r & 256 ? 0x3c4 : 0x3ce, (r >> 9) & 15, v & 255); break;
        }
        if (i % 50 == 0) {
            out(&c, 0x3c2, 0x63 | (v & 0x0c));
            in(&c, 0x3da);
            out(&c, 0x3c0, 0x20);
            c.con->ops->update(c.con->opaque, r & 1024);
            c.con->ops->update_text(c.con->opaque);
            clock_step(c.d->clock, NS_PER_MS);
        }
    }
    CHECK(c.con->surface.width > 0);
    card_free(&c);
}

/* A snapshot with every bit wrong is refused or survived. */
TEST(hostile_snapshot)
{
    Card c = card_new();
    size_t len = vmstate_size(vga_pci_type.vmstate);
    uint8_t *image = malloc(len);
    uint32_t seed = 99;
    Error err;

    set_vbe_mode(&c, 640, 480, 8);
    for (int round = 0; round < 200; round++) {
        vmstate_save(vga_pci_type.vmstate, c.d, image);
        for (int i = 0; i < 20; i++) {
            size_t at = 256 + next_random(&seed) % (len - 256);

            image[at] = (uint8_t)next_random(&seed);
        }
        device_load(c.d, image, len, &err);
        draw(&c);
        as_store(c.mem, 0xa0000, 1, 1);
        for (unsigned i = 0; i < 0x30; i++) {
            in(&c, 0x3b0 + i);
        }
    }
    CHECK(c.con->surface.width > 0);
    free(image);
    card_free(&c);
}
