/* SPDX-License-Identifier: MIT */
/* The PL110 against ARM DDI 0161, and the Versatile's variant (ARM DUI 0224). */
#include "hw/display/pl110.h"

#include "tests/unit/chip-test.h"
#include "ui/console.h"
#include "util/bits.h"

enum { TIM0 = 0x00, TIM1 = 0x04, TIM2 = 0x08, UPBASE = 0x10, LPBASE = 0x14, IMSC = 0x18,
       CONTROL = 0x1c, RIS = 0x20, MIS = 0x24, ICR = 0x28, UPCURR = 0x2c, PALETTE = 0x200 };
enum { ENABLE = 1 << 0, BPP = 1 << 1, BW = 1 << 4, TFT = 1 << 5, DUAL = 1 << 7, BGR = 1 << 8,
       BEBO = 1 << 9, BEPO = 1 << 10, POWER = 1 << 11, ON = ENABLE | POWER };
enum { LNBU = 1 << 2, VCOMP = 1 << 3, MBERROR = 1 << 4 };
enum { RAM_SIZE = 1 << 20, FRAME = 0x8000 };

static AddressSpace *mem;
static RAMBlock *ram;
static MemoryRegion ram_region;
static int damages;

static void damaged(void *opaque, Console *con, Rect r)
{
    (void)opaque;
    (void)con;
    damages += r.h;
}

static uint32_t get(Device *d, unsigned reg)
{
    return (uint32_t)device_read(d, 0, reg, 4);
}

static void set(Device *d, unsigned reg, uint32_t val)
{
    device_write(d, 0, reg, val, 4);
}

/* 32 by 4 pixels. */
static Device *lcd_new(const char *variant)
{
    static const DisplayOps ops = { .damaged = damaged };

    if (!ram) {
        ram = ram_block_new("test.ram", RAM_SIZE);
        region_init_ram(&ram_region, "ram", ram);
        mem = as_new("memory", 1ull << 32);
        region_map(mem, &ram_region, 0, 0);
        console_add_display(&ops, NULL);
    }
    as_write(mem, 0, (uint8_t[RAM_SIZE]){ 0 }, RAM_SIZE);
    clock_init_manual(&clock_);
    Device *d = device_new(&pl110_type, NULL, &clock_, mem, NULL);

    if (variant) {
        chip_prop(d, "variant", variant);
    }
    chip_plug(d);
    set(d, TIM0, 1 << 2);
    set(d, TIM1, 3);
    set(d, UPBASE, FRAME);
    return d;
}

static uint32_t pixel(int x, int y)
{
    Console *con = console_first();

    con->ops->update(con->opaque, false);
    return con->surface.pixels[y * con->surface.width + x];
}

static void put(unsigned at, uint32_t val)
{
    as_store(mem, FRAME + at, val, 4);
}

static void show(Device *d, uint32_t control)
{
    set(d, CONTROL, 0);
    set(d, CONTROL, control | ON);
}

TEST(identification)
{
    Device *d = lcd_new(NULL);

    CHECK_EQ(get(d, 0xfe0) | get(d, 0xfe4) << 8 | get(d, 0xfe8) << 16, 0x041110);
    CHECK_EQ(get(d, 0xffc), 0xb1);
    device_free(d);
}

/* 3.3.1, 3.3.2: PPL and LPP. */
TEST(size)
{
    Device *d = lcd_new(NULL);

    pixel(0, 0);
    CHECK_EQ(console_first()->surface.width, 32);
    CHECK_EQ(console_first()->surface.height, 4);
    set(d, TIM0, 49 << 2);
    set(d, TIM1, 599);
    pixel(0, 0);
    CHECK_EQ(console_first()->surface.width, 800);
    CHECK_EQ(console_first()->surface.height, 600);
    device_free(d);
}

/* 24 bits: red lowest; BGR: blue lowest. */
TEST(true_colour)
{
    Device *d = lcd_new(NULL);

    put(4, 0xff102030);
    put(32 * 4, 0x00804020);
    show(d, TFT | 5 * BPP);
    CHECK_EQ(pixel(1, 0), 0x302010);
    CHECK_EQ(pixel(0, 1), 0x204080);
    show(d, TFT | 5 * BPP | BGR);
    CHECK_EQ(pixel(1, 0), 0x102030);
    device_free(d);
}

/* 16 bits: intensity, blue, green, red. */
TEST(sixteen_bits)
{
    Device *d = lcd_new(NULL);

    put(0, 0x001f | 0xffffu << 16);
    put(4, 0x03e0 | 0x7c00u << 16);
    show(d, TFT | 4 * BPP);
    CHECK_EQ(pixel(0, 0), 0xfb0000);    /* 62 of 63 */
    CHECK_EQ(pixel(1, 0), 0xffffff);
    CHECK_EQ(pixel(2, 0), 0x00fb00);
    CHECK_EQ(pixel(3, 0), 0x0000fb);
    show(d, TFT | 4 * BPP | BGR);
    CHECK_EQ(pixel(0, 0), 0x0000fb);
    show(d, TFT | 4 * BPP | BEBO);
    CHECK_EQ(pixel(1, 0), 0xfb0000);    /* halves of a word turned around */
    device_free(d);
}

/* DUI 0224, SYS_CLCD: the multiplexer decides what 16 bits are. */
TEST(versatile_multiplexer)
{
    Device *d = lcd_new("pl110_versatile");

    set(d, 0x18, TFT | 4 * BPP | ON);   /* CONTROL and IMSC changed places */
    put(0, 0x001f | 0x07e0u << 16);
    CHECK_EQ(pixel(0, 0), 0xfb0000);
    chip_input(d, 1, 1);                /* 2: red low */
    CHECK_EQ(pixel(0, 0), 0xff0000);
    CHECK_EQ(pixel(1, 0), 0x00ff00);
    chip_input(d, 0, 1);                /* 3: blue low */
    CHECK_EQ(pixel(0, 0), 0x0000ff);
    chip_input(d, 1, 0);                /* 1: 5:5:5:1 */
    CHECK_EQ(pixel(0, 0), 0xfb0000);
    device_free(d);
}

/* Tables 2-3, 2-4: where pixel 0 is. */
TEST(palette_and_pixel_order)
{
    Device *d = lcd_new(NULL);

    set(d, PALETTE, 0x0000 | 0x801fu << 16);            /* 0 black, 1 red */
    set(d, PALETTE + 4, 0x83e0 | 0xfc00u << 16);        /* 2 green, 3 blue */
    CHECK_EQ(get(d, PALETTE + 4), 0xfc0083e0);
    put(0, 0x00000001);
    show(d, TFT | 0 * BPP);                             /* 1 bit, little, little */
    CHECK_EQ(pixel(0, 0), 0xff0404);
    CHECK_EQ(pixel(1, 0), 0x000000);
    show(d, TFT | 0 * BPP | BEPO);                      /* big pixels */
    CHECK_EQ(pixel(7, 0), 0xff0404);
    CHECK_EQ(pixel(0, 0), 0x000000);
    show(d, TFT | 0 * BPP | BEBO | BEPO);               /* all big */
    CHECK_EQ(pixel(31, 0), 0xff0404);
    put(0, 0x000000e4);
    show(d, TFT | 1 * BPP);                             /* 2 bits: 0 1 2 3 */
    CHECK_EQ(pixel(1, 0), 0xff0404);
    CHECK_EQ(pixel(2, 0) & 0x00ff00, 0x00ff00);
    CHECK_EQ(pixel(3, 0) & 0xff, 0xff);
    put(0, 0x00000032);
    show(d, TFT | 2 * BPP);                             /* 4 bits: 2 3 */
    CHECK_EQ(pixel(0, 0) & 0x00ff00, 0x00ff00);
    CHECK_EQ(pixel(1, 0) & 0xff, 0xff);
    put(0, 0x00000301);
    show(d, TFT | 3 * BPP);                             /* 8 bits: 1 3 */
    CHECK_EQ(pixel(0, 0) >> 16, 0xff);
    CHECK_EQ(pixel(1, 0) & 0xff, 0xff);
    show(d, TFT | 3 * BPP | BEBO);
    CHECK_EQ(pixel(3, 0) >> 16, 0xff);
    set(d, PALETTE, 0x801fu << 16 | 0x03ff);            /* a new colour shows */
    CHECK_EQ(pixel(0, 0) >> 8, 0xfbfb);
    device_free(d);
}

/* 3.3.12: monochrome STN takes the red of the palette, four bits. */
TEST(grey_stn)
{
    Device *d = lcd_new(NULL);

    set(d, PALETTE, 0x7c1e | 0x0010u << 16);
    put(0, 2);
    show(d, BW | 0 * BPP);
    CHECK_EQ(pixel(0, 0), 0xffffff);
    CHECK_EQ(pixel(1, 0), 0x888888);
    device_free(d);
}

/* 3.3.6: the lower panel of a dual one has its own base. */
TEST(dual_panel)
{
    Device *d = lcd_new(NULL);

    set(d, LPBASE, FRAME + 0x1000);
    set(d, PALETTE, 0x0000 | 0x001eu << 16);
    put(0x1000, 1);
    show(d, BW | DUAL | 0 * BPP);
    CHECK_EQ(pixel(0, 0), 0);
    CHECK_EQ(console_first()->surface.height, 8);
    CHECK_EQ(pixel(0, 4), 0xffffff);
    device_free(d);
}

/* What did not change is not drawn. */
TEST(dirty_lines_only)
{
    Device *d = lcd_new(NULL);

    set(d, TIM0, 63 << 2);              /* 1024 by 8, a page per line */
    set(d, TIM1, 7);
    show(d, TFT | 5 * BPP);
    pixel(0, 0);
    damages = 0;
    pixel(0, 0);
    CHECK_EQ(damages, 0);
    put(4096 * 3 + 8, 0xff);
    CHECK_EQ(pixel(2, 3), 0xff0000);
    CHECK_EQ(damages, 1);
    set(d, CONTROL, 0);
    CHECK_EQ(pixel(2, 3), 0);
    device_free(d);
}

/* 3.3.8: once per frame; nothing after the controller is off. */
TEST(frame_interrupts)
{
    Device *d = lcd_new(NULL);

    set(d, IMSC, VCOMP);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(rises[0], 0);
    show(d, TFT | 4 * BPP);
    for (int i = 1; i <= 60; i++) {
        clock_step(&clock_, NS_PER_SEC / 60);
        CHECK_EQ(rises[0], i);
        CHECK(get(d, MIS) & VCOMP);
        set(d, ICR, VCOMP);
        CHECK_EQ(wire[0], 0);
    }
    set(d, CONTROL, 0);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(rises[0], 60);
    device_free(d);
}

/* Masked interrupts are there too, without a timer. */
TEST(raw_status_of_masked_frames)
{
    Device *d = lcd_new(NULL);

    show(d, TFT | 4 * BPP);
    set(d, ICR, 0x1e);
    CHECK_EQ(get(d, RIS), 0);
    CHECK_EQ(clock_until_next(&clock_), (uint64_t)-1);
    clock_step(&clock_, NS_PER_SEC / 50);
    CHECK_EQ(get(d, RIS), LNBU | VCOMP);
    device_free(d);
}

/* 3.3.5: a new base is taken at the start of a frame, which LNBU tells. */
TEST(next_base)
{
    Device *d = lcd_new(NULL);

    put(0, 0x10);
    put(0x4000, 0x20);
    show(d, TFT | 5 * BPP);
    CHECK_EQ(get(d, UPCURR), FRAME);
    set(d, ICR, LNBU);
    set(d, UPBASE, FRAME + 0x4000);
    CHECK_EQ(pixel(0, 0), 0x100000);
    CHECK_EQ(get(d, RIS) & LNBU, 0);
    clock_step(&clock_, NS_PER_SEC / 60);
    CHECK_EQ(get(d, RIS) & LNBU, LNBU);
    CHECK_EQ(pixel(0, 0), 0x200000);
    device_free(d);
}

/* 3.3.3: CLCDCLK, the divider and the porches make the rate. */
TEST(computed_rate)
{
    Device *d = lcd_new(NULL);

    device_free(d);
    d = device_new(&pl110_type, NULL, &clock_, mem, NULL);
    chip_prop(d, "clock", "25175000");
    chip_plug(d);
    set(d, TIM0, 39 << 2 | 95 << 8 | 15u << 16 | 47u << 24);    /* 640: 800 clocks */
    set(d, TIM1, 479 | 1u << 10 | 10u << 16 | 33u << 24);       /* 480: 525 lines */
    set(d, TIM2, 1 << 26);
    set(d, UPBASE, FRAME);
    set(d, IMSC, VCOMP);
    show(d, TFT | 4 * BPP);
    for (int i = 0; i < 1000; i++) {
        clock_step(&clock_, NS_PER_MS);
        set(d, ICR, VCOMP);
    }
    CHECK_EQ(rises[0], 59);             /* 59.94 Hz */
    device_free(d);
}

/* A frame buffer where nothing is: black, and an error. */
TEST(no_memory)
{
    Device *d = lcd_new(NULL);

    set(d, UPBASE, 0x80000000);
    show(d, TFT | 4 * BPP);
    CHECK_EQ(pixel(0, 0), 0);
    CHECK(get(d, RIS) & MBERROR);
    device_free(d);
}

TEST(contract)
{
    Device *a = lcd_new(NULL), *b;

    device_reset(a);
    chip_check_reset(a);
    chip_check_hostile_snapshots(a);
    pixel(0, 0);
    device_reset(a);
    b = chip_plug(device_new(&pl110_type, NULL, &clock_, mem, NULL));
    chip_scribble(a, 9, 300);
    chip_check_snapshot(a, b);
    device_free(b);
    device_free(a);
}
