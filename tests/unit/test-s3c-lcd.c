/* SPDX-License-Identifier: MIT */
/* The LCD controller against the S3C2440A User's Manual, chapter 15. */
#include "hw/s3c24xx/lcd.h"

#include "hw/display/edge.h"
#include "hw/misc/leds.h"
#include "tests/unit/primecell-test.h"
#include "ui/console.h"
#include "util/bits.h"

enum { CON1 = 0x00, CON2 = 0x04, CON3 = 0x08, CON4 = 0x0c, CON5 = 0x10, SADDR1 = 0x14,
       SADDR2 = 0x18, SADDR3 = 0x1c, BLUELUT = 0x28, TPAL = 0x50, INTPND = 0x54, SRCPND = 0x58,
       INTMSK = 0x5c };
enum { ENVID = 1, TFT = 3 << 5, TFT_1 = 8 << 1, TFT_4 = 10 << 1, TFT_8 = 11 << 1,
       TFT_16 = 12 << 1, TFT_24 = 13 << 1, STN_1 = 2 << 5 | 0 << 1, STN_2 = 2 << 5 | 1 << 1 };
enum { HWSWP = 1, BSWP = 2, FRM565 = 1 << 11, BPP24BL = 1 << 12 };
enum { WIDTH = 16, HEIGHT = 4, FRAME = 0x2000, RAM_SIZE = 0x10000 };

static AddressSpace *mem;
static MemoryRegion ram;
static Device *lcd;

static void begin(void)
{
    clock_init_manual(&clock_);
    mem = as_new("memory", 1ull << 32);
    region_init_ram(&ram, "ram", ram_block_new("lcd.ram", RAM_SIZE));
    region_map(mem, &ram, 0, 0);
    lcd = chip_plug(device_new(&s3c2440_lcd_type, NULL, &clock_, mem, NULL));
}

static void end(void)
{
    device_free(lcd);
    region_unmap(&ram);
    as_free(mem);
}

/* A panel of 16 x 4; offset: half-words between lines. */
static void set_up(uint32_t mode, uint32_t con5, unsigned line_bytes, unsigned offset)
{
    bool tft = mode & 1 << 5 && mode & 1 << 6;

    out(lcd, CON2, (HEIGHT - 1) << 14);
    out(lcd, CON3, (uint32_t)((tft ? WIDTH : WIDTH / 8) - 1) << 8);
    out(lcd, CON5, con5);
    out(lcd, SADDR1, FRAME >> 1);
    out(lcd, SADDR3, offset << 11 | line_bytes / 2);
    out(lcd, CON1, 4 << 8 | mode | ENVID);
}

static void put(unsigned at, uint32_t word)
{
    as_store(mem, FRAME + at, word, 4);
}

static uint32_t pixel(int x, int y)
{
    Console *con = console_first();

    con->ops->update(con->opaque, false);
    return con->surface.pixels[y * con->surface.width + x];
}

/* "16BPP display": without swaps the first pixel is in D[31:16]; HWSWP: D[15:0]. */
TEST(tft_16)
{
    begin();
    set_up(TFT | TFT_16, FRM565, 2 * WIDTH, 0);
    put(0, 0xf80007e0);
    CHECK_EQ(pixel(0, 0), 0xff0000);
    CHECK_EQ(pixel(1, 0), 0x00ff00);
    out(lcd, CON5, FRM565 | HWSWP);
    CHECK_EQ(pixel(0, 0), 0x00ff00);
    CHECK_EQ(pixel(1, 0), 0xff0000);
    out(lcd, CON5, HWSWP);              /* 5:5:5:I */
    put(0, 0x003e);
    CHECK_EQ(pixel(0, 0) & 0xffff00, 0);
    CHECK_EQ(pixel(0, 0) & 0xff, 0xfb); /* 111110 widened */
    end();
}

/* "8BPP": D[31:24] is the first; BSWP: D[7:0].  The palette at 400h is 5:6:5. */
TEST(tft_8_palette)
{
    begin();
    set_up(TFT | TFT_8, FRM565, WIDTH, 0);
    device_write(lcd, 1, 4 * 7, 0x001f, 4);
    device_write(lcd, 1, 4 * 9, 0xffff, 4);
    put(0, 0x07000009);
    CHECK_EQ(pixel(0, 0), 0x0000ff);
    CHECK_EQ(pixel(3, 0), 0xffffff);
    out(lcd, CON5, FRM565 | BSWP);
    CHECK_EQ(pixel(0, 0), 0xffffff);
    CHECK_EQ(device_read(lcd, 1, 4 * 7, 4), 0x001f);
    end();
}

/* "4BPP", "1BPP": the first pixel in the highest bits. */
TEST(tft_small_pixels)
{
    begin();
    set_up(TFT | TFT_4, FRM565, WIDTH / 2, 0);
    device_write(lcd, 1, 4 * 1, 0xf800, 4);
    put(0, 0x10000000);
    CHECK_EQ(pixel(0, 0), 0xff0000);
    CHECK_EQ(pixel(1, 0), 0);
    out(lcd, CON1, 4 << 8 | TFT | TFT_1 | ENVID);
    put(0, 0x00010000);
    CHECK_EQ(pixel(15, 0), 0xff0000);
    CHECK_EQ(pixel(3, 0), 0);
    end();
}

/* "24BPP": D[23:0], or D[31:8] with BPP24BL. */
TEST(tft_24)
{
    begin();
    set_up(TFT | TFT_24, 0, 4 * WIDTH, 0);
    put(4, 0x12345678);
    CHECK_EQ(pixel(1, 0), 0x345678);
    out(lcd, CON5, BPP24BL);
    CHECK_EQ(pixel(1, 0), 0x123456);
    end();
}

/* "Virtual display": OFFSIZE half-words from the end of a line to the next. */
TEST(virtual_screen)
{
    begin();
    set_up(TFT | TFT_16, FRM565 | HWSWP, 2 * WIDTH, 100);
    put(2 * WIDTH + 200, 0xf800);
    CHECK_EQ(pixel(0, 1), 0xff0000);
    put(2 * WIDTH + 200, 0x001f);       /* seen by its dirty page */
    CHECK_EQ(pixel(0, 1), 0x0000ff);
    end();
}

/* "TPAL": the whole frame in one colour. */
TEST(temporary_palette)
{
    begin();
    set_up(TFT | TFT_16, FRM565, 2 * WIDTH, 0);
    out(lcd, TPAL, 1 << 24 | 0x123456);
    CHECK_EQ(pixel(5, 3), 0x123456);
    out(lcd, TPAL, 0x123456);
    CHECK_EQ(pixel(5, 3), 0);
    end();
}

/* STN: 1 bit is black and white, 2 bits a level of BLUELUT. */
TEST(stn_grey)
{
    begin();
    set_up(STN_1, 0, WIDTH / 8, 0);
    put(0, 0x80000000);
    CHECK_EQ(pixel(0, 0), 0xffffff);
    CHECK_EQ(pixel(1, 0), 0);
    out(lcd, CON1, 4 << 8 | STN_2 | ENVID);
    out(lcd, BLUELUT, 0xfa50);
    put(0, 0x6c000000);                 /* 1 2 3 0 */
    CHECK_EQ(pixel(0, 0), 0x555555);
    CHECK_EQ(pixel(1, 0), 0xaaaaaa);
    CHECK_EQ(pixel(2, 0), 0xffffff);
    CHECK_EQ(pixel(3, 0), 0);
    end();
}

/* "LCDINTMSK": a masked interrupt is pending in LCDSRCPND alone; ones clear. */
TEST(frame_interrupt)
{
    begin();
    set_up(TFT | TFT_16, FRM565, 2 * WIDTH, 0);
    CHECK_EQ(in(lcd, INTMSK), 3);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(in(lcd, SRCPND), 3);
    CHECK_EQ(in(lcd, INTPND), 0);
    CHECK_EQ(wire[0], 0);
    out(lcd, SRCPND, 3);
    out(lcd, INTMSK, 1);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(in(lcd, INTPND), 2);
    CHECK_EQ(wire[0], 1);
    out(lcd, INTMSK, 3);
    out(lcd, INTPND, 2);
    CHECK_EQ(wire[0], 0);
    end();
}

/* "LINECNT": down from LINEVAL. */
TEST(line_counter)
{
    begin();
    set_up(TFT | TFT_16, FRM565, 2 * WIDTH, 0);
    CHECK_EQ(in(lcd, CON1) >> 18, HEIGHT - 1);
    clock_step(&clock_, NS_PER_SEC / 120 - NS_PER_US);
    CHECK_EQ(in(lcd, CON1) >> 18, 0);
    end();
}

/* A dark panel has its size; a frame that is no memory is black. */
TEST(off_and_nowhere)
{
    begin();
    pixel(0, 0);
    CHECK_EQ(console_first()->surface.width, 240);
    CHECK_EQ(console_first()->surface.height, 320);
    set_up(TFT | TFT_16, FRM565, 2 * WIDTH, 0);
    out(lcd, SADDR1, 0x3fffffff);
    CHECK_EQ(pixel(0, 0), 0);
    end();
}

/* PAGEWIDTH is 0: Linux cuts 1024 half-words so; without an OFFSIZE to add behind a
 * page, its width makes no difference to the words that follow each other. */
TEST(no_page_width)
{
    begin();
    set_up(TFT | TFT_16, FRM565, 0, 0);
    put(2 * WIDTH, 0xf800ffff);
    CHECK_EQ(pixel(0, 0), 0);
    CHECK_EQ(pixel(0, 1), 0xff0000);
    end();
}

/* The lamps are below the picture; without its backlight the panel is dark. */
TEST(edge)
{
    enum { LAMP = WIDTH * (HEIGHT + EDGE_LINES / 2) + 8 };

    begin();
    Device *leds = chip_make(&leds_type);
    Console *con;

    chip_prop(leds, "names", "!D1 light");
    chip_plug(leds);
    device_free(lcd);
    lcd = device_new(&s3c2440_lcd_type, NULL, &clock_, mem, NULL);
    chip_link(lcd, "leds", leds);
    chip_prop(lcd, "backlight", "light");
    chip_plug(lcd);
    con = console_first();
    set_up(TFT | TFT_16, FRM565, 2 * WIDTH, 0);
    put(0, 0xf800ffff);
    CHECK_EQ(pixel(0, 0), 0);
    CHECK_EQ(con->surface.height, HEIGHT + EDGE_LINES);
    CHECK_EQ(con->edge, EDGE_LINES);
    uint32_t lit = con->surface.pixels[LAMP];
    chip_input(leds, 1, 1);
    CHECK_EQ(pixel(0, 0), 0xff0000);
    chip_input(leds, 0, 1);             /* D1 goes out */
    pixel(0, 0);
    CHECK(con->surface.pixels[LAMP] != lit);
    chip_input(leds, 0, 0);
    pixel(0, 0);
    CHECK_EQ(con->surface.pixels[LAMP], lit);
    chip_input(leds, 1, 0);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(pixel(0, 0), 0);
    end();
    device_free(leds);
}

/* What is no lamps is refused. */
TEST(edge_of_something_else)
{
    Error err;

    begin();
    Device *other = device_new(&s3c2440_lcd_type, NULL, &clock_, mem, NULL);

    chip_link(other, "leds", lcd);
    CHECK(device_realize(other, &err) < 0);
    CHECK(strstr(err.msg, "leds") != NULL);
    device_free(other);
    end();
}

TEST(contract)
{
    begin();
    chip_check_reset(lcd);
    chip_check_hostile_snapshots(lcd);
    end();
}
