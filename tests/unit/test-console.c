/* SPDX-License-Identifier: MIT */
/* ui/console.h: consoles, damage, keys, pointers, screen dumps. */
#include "ui/console.h"

#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/test.h"
#include "util/bits.h"

/* -- Consoles ---------------------------------------------------------------- */

static void paint(void *opaque, bool full)
{
    Console *con = *(Console **)opaque;

    (void)full;
    console_resize(con, 3, 2);
    for (int i = 0; i < 6; i++) {
        con->surface.pixels[i] = 0x010203u * (unsigned)(i + 1);
    }
    console_damage(con, (Rect){ 0, 0, 3, 2 });
}

static const ConsoleOps paint_ops = { paint, NULL };

typedef struct Seen { int resized, damaged; Rect last; } Seen;

static void on_resized(void *opaque, Console *con)
{
    (void)con;
    ((Seen *)opaque)->resized++;
}

static void on_damaged(void *opaque, Console *con, Rect r)
{
    (void)con;
    ((Seen *)opaque)->damaged++;
    ((Seen *)opaque)->last = r;
}

TEST(consoles_are_listed_in_order)
{
    Console *a = console_new("a", &paint_ops, NULL);
    Console *b = console_new("b", &paint_ops, NULL);

    CHECK(console_first() == a);
    CHECK(a->next == b);
    console_free(a);
    CHECK(console_first() == b);
    console_free(b);
    CHECK(console_first() == NULL);
}

/* Displays hear of a new size once, and of damage cut to the surface. */
TEST(damage_reaches_displays)
{
    static const DisplayOps ops = { on_resized, on_damaged };
    static Seen seen;
    Console *con = console_new("vga", &paint_ops, NULL);

    console_add_display(&ops, &seen);
    console_resize(con, 100, 50);
    console_resize(con, 100, 50);
    CHECK_EQ(seen.resized, 1);
    console_damage(con, (Rect){ -5, 40, 200, 20 });
    CHECK_EQ(seen.damaged, 1);
    CHECK_EQ(seen.last.x, 0);
    CHECK_EQ(seen.last.y, 40);
    CHECK_EQ(seen.last.w, 100);
    CHECK_EQ(seen.last.h, 10);
    console_damage(con, (Rect){ 100, 0, 5, 5 });
    CHECK_EQ(seen.damaged, 1);
    console_free(con);
}

TEST(text_screen_is_sized)
{
    Console *con = console_new("vga", &paint_ops, NULL);

    CHECK_EQ(con->text.width, 0);
    console_resize_text(con, 80, 25);
    con->text.cells[80 * 25 - 1].ch = 'x';
    CHECK_EQ(con->text.cursor_x, -1);
    console_resize_text(con, 40, 25);
    CHECK_EQ(con->text.cells[0].ch, 0);
    console_free(con);
}

/* -- Screen dumps ------------------------------------------------------------ */

static size_t slurp(const char *path, uint8_t *buf, size_t len)
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(buf, 1, len, f) : 0;

    if (f) {
        fclose(f);
    }
    return n;
}

static const uint8_t rgb[18] = { 1, 2, 3, 2, 4, 6, 3, 6, 9, 4, 8, 12, 5, 10, 15,
                                 6, 12, 18 };

/* netpbm ppm(5): "P6 width height maxval", then R G B. */
TEST(ppm_dump)
{
    Console *con = NULL;
    const char *path = "/tmp/test-console.ppm";
    uint8_t buf[100];
    Error err;

    con = console_new("vga", &paint_ops, &con);
    CHECK_EQ(console_screendump(con, path, NULL, &err), 0);
    CHECK_EQ(slurp(path, buf, sizeof(buf)), 11 + 18);
    CHECK(!memcmp(buf, "P6\n3 2\n255\n", 11));
    CHECK(!memcmp(buf + 11, rgb, 18));
    unlink(path);
    console_free(con);
}

/* The edge of a screen is there if it is asked for. */
TEST(edge_of_a_dump)
{
    Console *con = NULL;
    const char *path = "/tmp/test-console.ppm";
    uint8_t buf[100];
    Error err;

    con = console_new("vga", &paint_ops, &con);
    con->edge = 1;
    CHECK_EQ(console_screendump(con, path, NULL, &err), 0);
    CHECK_EQ(slurp(path, buf, sizeof(buf)), 11 + 9);
    CHECK(!memcmp(buf, "P6\n3 1\n255\n", 11));
    CHECK_EQ(console_screendump_edge(con, path, NULL, &err), 0);
    CHECK_EQ(slurp(path, buf, sizeof(buf)), 11 + 18);
    unlink(path);
    console_free(con);
}

/* PNG 5.2, 5.3, 11.2: signature; chunks with length, type, data, CRC. */
TEST(png_dump)
{
    Console *con = NULL;
    const char *path = "/tmp/test-console.png";
    uint8_t buf[400], raw[100];
    uLongf raw_len = sizeof(raw);
    Error err;

    con = console_new("vga", &paint_ops, &con);
    CHECK_EQ(console_screendump(con, path, NULL, &err), 0);
    size_t len = slurp(path, buf, sizeof(buf));
    CHECK(!memcmp(buf, "\x89PNG\r\n\x1a\n", 8));
    for (size_t at = 8, n; at + 12 <= len; at += 12 + n) {
        n = load_be(buf + at, 4);
        CHECK(at + 12 + n <= len);
        CHECK_EQ(load_be(buf + at + 8 + n, 4), crc32(0, buf + at + 4, (uInt)n + 4));
        if (!memcmp(buf + at + 4, "IHDR", 4)) {
            CHECK_EQ(load_be(buf + at + 8, 4), 3);
            CHECK_EQ(load_be(buf + at + 12, 4), 2);
        } else if (!memcmp(buf + at + 4, "IDAT", 4)) {
            CHECK_EQ(uncompress(raw, &raw_len, buf + at + 8, n), Z_OK);
        }
    }
    CHECK(!memcmp(buf + len - 8, "IEND", 4));
    CHECK_EQ(raw_len, 2 * (1 + 9));
    CHECK(raw[0] == 0 && !memcmp(raw + 1, rgb, 9));
    CHECK(raw[10] == 0 && !memcmp(raw + 11, rgb + 9, 9));
    unlink(path);
    console_free(con);
}

TEST(dump_errors_are_sentences)
{
    Console *con = NULL;
    Error err;

    con = console_new("vga", &paint_ops, &con);
    CHECK(console_screendump(con, "/nonexistent/x.ppm", NULL, &err) < 0);
    CHECK(strstr(err.msg, "/nonexistent/x.ppm: No such file") != NULL);
    CHECK(console_screendump(con, "/tmp/x", "jpeg", &err) < 0);
    CHECK(strstr(err.msg, "no format 'jpeg'") != NULL);
    console_free(con);
}

/* -- Keys -------------------------------------------------------------------- */

/* IBM scan code set 1; 0x80 stands for the prefix E0. */
TEST(key_names_are_scan_codes)
{
    static const KeyName some[] = {
        { "a", 0x1e }, { "ret", 0x1c }, { "esc", 0x01 }, { "spc", 0x39 },
        { "f1", 0x3b }, { "f12", 0x58 }, { "ctrl", 0x1d }, { "ctrl_r", 0x9d },
        { "alt", 0x38 }, { "delete", 0xd3 }, { "up", 0xc8 }, { "kp_enter", 0x9c },
        { "minus", 0x0c }, { "less", 0x56 }, { "0x1c", 0x1c }, { "#28", 0x1c },
        { "print", 0xb7 }, { "pause", 0xc6 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(some); i++) {
        CHECK_EQ(key_by_name(some[i].name), some[i].key);
    }
    CHECK_EQ(key_by_name("nokey"), -1);
    CHECK_EQ(key_by_name("0x"), -1);
    CHECK_EQ(key_by_name("0x1zz"), -1);
    CHECK_EQ(key_by_name("#999"), -1);
    CHECK_EQ(key_by_name(""), -1);
}

/* Every printable character of a US keyboard has a key, every name is unique
 * and can be typed after sendkey, which splits at '-'. */
TEST(key_names_are_usable)
{
    int letters = 0;

    for (const KeyName *k = key_names; k->name; k++) {
        CHECK(!strchr(k->name, '-'));
        CHECK(k->key != 0);
        letters += k->name[1] == 0 && islower((unsigned char)k->name[0]);
        for (const KeyName *j = key_names; j < k; j++) {
            CHECK(strcmp(j->name, k->name));
        }
    }
    CHECK_EQ(letters, 26);
}

typedef struct Keyboard { uint8_t key; bool down; int num; } Keyboard;

static void on_key(void *opaque, uint8_t key, bool down)
{
    *(Keyboard *)opaque = (Keyboard){ key, down, ((Keyboard *)opaque)->num + 1 };
}

/* The last keyboard gets the keys; without one they are dropped. */
TEST(keys_go_to_the_last_keyboard)
{
    Keyboard a = { 0 }, b = { 0 };

    input_key(0x1e, true);
    input_add_keyboard(&(KeySink){ on_key, NULL, &a });
    input_add_keyboard(&(KeySink){ on_key, NULL, &b });
    input_key(0x1e, true);
    CHECK_EQ(a.num, 0);
    CHECK_EQ(b.key, 0x1e);
    CHECK(b.down);
    input_remove_keyboard(&b);
    input_key(0x1f, false);
    CHECK_EQ(a.key, 0x1f);
    CHECK(!a.down);
    CHECK_EQ(b.num, 1);
    input_remove_keyboard(&a);
    input_key(0x20, true);
    CHECK_EQ(a.num, 1);
}

static void on_move(void *opaque, int x, int y, int dz, int buttons)
{
    *(int *)opaque = x * 1000 + y * 100 + dz * 10 + buttons;
}

TEST(pointer_goes_to_the_last_device)
{
    int mouse = 0, tablet = 0;

    CHECK(!input_is_absolute());
    input_pointer(1, 1, 1, 1);
    input_add_pointer(&(PointerSink){ on_move, false, "mouse", &mouse });
    CHECK(!input_is_absolute());
    input_pointer(1, 2, 3, POINTER_MIDDLE);
    CHECK_EQ(mouse, 1234);
    input_add_pointer(&(PointerSink){ on_move, true, "tablet", &tablet });
    CHECK(input_is_absolute());
    input_pointer(5, 6, 7, POINTER_LEFT);
    CHECK_EQ(tablet, 5671);
    CHECK_EQ(mouse, 1234);
    input_remove_pointer(&tablet);
    CHECK(!input_is_absolute());
    input_remove_pointer(&mouse);
}

/* -- Interfaces -------------------------------------------------------------- */

static void count_line(void *opaque, const char *line)
{
    *(int *)opaque += strchr(line, '\n') != NULL;
}

TEST(displays_by_name)
{
    Error err;
    int lines = 0;

    CHECK_EQ(display_start("none", &err), 0);
    CHECK(display_start("nosuch", &err) < 0);
    CHECK(strstr(err.msg, "-display help") != NULL);
    display_list(count_line, &lines);
    CHECK(lines >= 2);
    display_stop_all();
}
