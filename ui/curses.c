/* SPDX-License-Identifier: MIT */
/*
 * The guest's text screen in a terminal, by ncurses with wide characters.
 *
 *   VGA text cells --CP437--> Unicode --> terminal
 *   terminal keys --> scan codes of a US keyboard --> guest
 *
 * A terminal sends characters, not keys: a capital letter becomes shift down,
 * key, shift up.  ESC before a character is alt with it; a lone ESC is the key.
 *
 * Not modelled: graphics, which is announced by its size; releasing keys when
 * the user does.
 */
#ifdef CONFIG_CURSES
#define NCURSES_WIDECHAR 1
/* Ours first: curses.h makes macros of names like KEY_PRINT. */
#include "ui/display.h"

#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/loop.h"
#include "util/bits.h"

/* IBM code page 437, all printable. */
static const uint16_t cp437[256] = {
    0x0020, 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022,
    0x25d8, 0x25cb, 0x25d9, 0x2642, 0x2640, 0x266a, 0x266b, 0x263c,
    0x25ba, 0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7, 0x25ac, 0x21a8,
    0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc,
    0x0020, 0x0021, 0x0022, 0x0023, 0x0024, 0x0025, 0x0026, 0x0027,
    0x0028, 0x0029, 0x002a, 0x002b, 0x002c, 0x002d, 0x002e, 0x002f,
    0x0030, 0x0031, 0x0032, 0x0033, 0x0034, 0x0035, 0x0036, 0x0037,
    0x0038, 0x0039, 0x003a, 0x003b, 0x003c, 0x003d, 0x003e, 0x003f,
    0x0040, 0x0041, 0x0042, 0x0043, 0x0044, 0x0045, 0x0046, 0x0047,
    0x0048, 0x0049, 0x004a, 0x004b, 0x004c, 0x004d, 0x004e, 0x004f,
    0x0050, 0x0051, 0x0052, 0x0053, 0x0054, 0x0055, 0x0056, 0x0057,
    0x0058, 0x0059, 0x005a, 0x005b, 0x005c, 0x005d, 0x005e, 0x005f,
    0x0060, 0x0061, 0x0062, 0x0063, 0x0064, 0x0065, 0x0066, 0x0067,
    0x0068, 0x0069, 0x006a, 0x006b, 0x006c, 0x006d, 0x006e, 0x006f,
    0x0070, 0x0071, 0x0072, 0x0073, 0x0074, 0x0075, 0x0076, 0x0077,
    0x0078, 0x0079, 0x007a, 0x007b, 0x007c, 0x007d, 0x007e, 0x2302,
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7,
    0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5,
    0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
    0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192,
    0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba,
    0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556,
    0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510,
    0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
    0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567,
    0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b,
    0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
    0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4,
    0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229,
    0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
    0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

/* -- Keys -------------------------------------------------------------------- */

enum { SHIFT = 0x2a, CTRL = 0x1d, ALT = 0x38, ESC_KEY = 0x01 };
enum { WITH_SHIFT = 0x100, WITH_CTRL = 0x200 };

/* The four rows of a US keyboard: without and with shift, from which key on. */
static const struct KeyRow {
    const char *plain, *shifted;
    uint8_t first;
} key_rows[] = {
    { "1234567890-=", "!@#$%^&*()_+", 0x02 },
    { "qwertyuiop[]", "QWERTYUIOP{}", 0x10 },
    { "asdfghjkl;'`", "ASDFGHJKL:\"~", 0x1e },
    { "\\zxcvbnm,./", "|ZXCVBNM<>?", 0x2b },
};

static const struct CursesKey { int code; uint16_t key; } curses_keys[] = {
    { KEY_BACKSPACE, 0x0e }, { 0x7f, 0x0e },    { '\b', 0x0e },
    { '\t', 0x0f },          { '\r', 0x1c },    { '\n', 0x1c },
    { KEY_ENTER, 0x1c },     { ' ', 0x39 },     { 0x1b, ESC_KEY },
    { KEY_BTAB, 0x0f | WITH_SHIFT },
    { KEY_UP, 0xc8 },        { KEY_DOWN, 0xd0 },
    { KEY_LEFT, 0xcb },      { KEY_RIGHT, 0xcd },
    { KEY_HOME, 0xc7 },      { KEY_END, 0xcf },
    { KEY_PPAGE, 0xc9 },     { KEY_NPAGE, 0xd1 },
    { KEY_IC, 0xd2 },        { KEY_DC, 0xd3 },
    { KEY_SLEFT, 0xcb | WITH_SHIFT }, { KEY_SRIGHT, 0xcd | WITH_SHIFT },
    { KEY_SR, 0xc8 | WITH_SHIFT },    { KEY_SF, 0xd0 | WITH_SHIFT },
    { KEY_F(1), 0x3b },  { KEY_F(2), 0x3c },  { KEY_F(3), 0x3d },
    { KEY_F(4), 0x3e },  { KEY_F(5), 0x3f },  { KEY_F(6), 0x40 },
    { KEY_F(7), 0x41 },  { KEY_F(8), 0x42 },  { KEY_F(9), 0x43 },
    { KEY_F(10), 0x44 }, { KEY_F(11), 0x57 }, { KEY_F(12), 0x58 },
};

/* Key and modifiers for what getch() gave; 0: none. */
static unsigned find_key(int code)
{
    for (size_t i = 0; i < ARRAY_SIZE(curses_keys); i++) {
        if (curses_keys[i].code == code) {
            return curses_keys[i].key;
        }
    }
    for (size_t i = 0; code > 0 && code < 0x80 && i < ARRAY_SIZE(key_rows); i++) {
        const char *p = strchr(key_rows[i].plain, code);
        const char *s = strchr(key_rows[i].shifted, code);

        if (p) {
            return key_rows[i].first + (unsigned)(p - key_rows[i].plain);
        }
        if (s) {
            return (key_rows[i].first + (unsigned)(s - key_rows[i].shifted)) | WITH_SHIFT;
        }
    }
    if (code >= 0 && code < 0x20) {     /* C-a is 1, C-@ is 0 */
        unsigned key = find_key(code ? (code | 0x60) : '2');

        return key ? (key & 0xff) | WITH_CTRL : 0;
    }
    return 0;
}

static void press(unsigned key, bool alt)
{
    const struct { bool held; uint8_t key; } mods[] = {
        { alt, ALT }, { key & WITH_SHIFT, SHIFT }, { key & WITH_CTRL, CTRL },
    };

    for (size_t i = 0; i < ARRAY_SIZE(mods); i++) {
        if (mods[i].held) {
            input_key(mods[i].key, true);
        }
    }
    input_key((uint8_t)key, true);
    input_key((uint8_t)key, false);
    for (size_t i = ARRAY_SIZE(mods); i-- > 0;) {
        if (mods[i].held) {
            input_key(mods[i].key, false);
        }
    }
}

static struct CursesDisplay {
    SCREEN *screen;
    bool redraw;                        /* the terminal has a new size */
    short pairs[64];                    /* colour pair of fg | bg << 3, 0: none */
    short num_pairs;
} view;

static void read_keys(void *opaque)
{
    int ch;

    (void)opaque;
    while ((ch = wgetch(stdscr)) != ERR) {
        bool alt = false;

        if (ch == KEY_RESIZE) {
            view.redraw = true;
            continue;
        }
        if (ch == 0x1b) {
            int next = wgetch(stdscr);

            alt = next != ERR;
            ch = alt ? next : ch;
        }
        unsigned key = find_key(ch);
        if (key) {
            press(key, alt);
        }
    }
}

/* -- Screen ------------------------------------------------------------------ */

/* CGA has blue in bit 0 and red in bit 2, terminals the other way round. */
static short terminal_colour(unsigned cga)
{
    return (short)((cga & 2) | (cga & 1) << 2 | (cga >> 2 & 1));
}

static short pair_of(unsigned fg, unsigned bg)
{
    short *pair = &view.pairs[(fg & 7) | (bg & 7) << 3];

    if (!*pair && has_colors() && view.num_pairs + 1 < COLOR_PAIRS) {
        *pair = ++view.num_pairs;
        init_pair(*pair, terminal_colour(fg), terminal_colour(bg));
    }
    return *pair;
}

static void put_cell(int y, int x, const TextCell *c)
{
    wchar_t text[2] = { cp437[c->ch], 0 };
    attr_t attr = (c->fg & 8 ? A_BOLD : 0) | (c->blink ? A_BLINK : 0);
    cchar_t cc;

    setcchar(&cc, text, attr, pair_of(c->fg, c->bg), NULL);
    mvadd_wch(y, x, &cc);
}

static void show_text(const TextScreen *t)
{
    int rows = MIN(t->height, LINES), cols = MIN(t->width, COLS);

    for (int y = 0; y < rows; y++) {
        for (int x = 0; x < cols; x++) {
            put_cell(y, x, &t->cells[y * t->width + x]);
        }
    }
    if (t->cursor_x >= 0 && t->cursor_x < cols && t->cursor_y < rows) {
        curs_set(1);
        move(t->cursor_y, t->cursor_x);
    } else {
        curs_set(0);
    }
}

static void show_graphics(Console *con)
{
    con->ops->update(con->opaque, false);
    erase();
    curs_set(0);
    mvprintw(LINES / 2, MAX(0, (COLS - 22) / 2), "%dx%d graphic mode",
             con->surface.width, con->surface.height - con->edge);
}

static void curses_refresh(void)
{
    static int width, height;           /* of the screen shown last */
    Console *con = console_first();

    read_keys(NULL);
    if (!con) {
        return;
    }
    bool text = con->ops->update_text && con->ops->update_text(con->opaque);
    int w = text ? con->text.width : 0, h = text ? con->text.height : 0;
    if (view.redraw || w != width || h != height) {
        view.redraw = false;
        width = w;
        height = h;
        clear();
    }
    if (text) {
        show_text(&con->text);
    } else {
        show_graphics(con);
    }
    refresh();
}

/* -- Life -------------------------------------------------------------------- */

/* Somebody looks, but at text: no damage wanted. */
static const DisplayOps display_ops = { NULL, NULL };

static int curses_start(Error *err)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        return error_set(err, ENOTTY, "-display curses: standard input and output "
                         "are no terminal");
    }
    setlocale(LC_CTYPE, "");
    view.screen = newterm(NULL, stdout, stdin);
    if (!view.screen) {
        const char *name = getenv("TERM");

        return error_set(err, ENOTTY, "-display curses: no description of terminal "
                         "'%s', set TERM", name ? name : "");
    }
    raw();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    set_escdelay(25);
    if (has_colors()) {
        start_color();
    }
    loop_set_fd(STDIN_FILENO, read_keys, NULL, &view);
    console_add_display(&display_ops, &view);
    return 0;
}

static void curses_stop(void)
{
    loop_set_fd(STDIN_FILENO, NULL, NULL, NULL);
    console_remove_display(&view);
    endwin();
    delscreen(view.screen);
    memset(&view, 0, sizeof(view));
}

const DisplayDriver curses_display = {
    .name = "curses", .start = curses_start, .refresh = curses_refresh,
    .stop = curses_stop,
};

#else
typedef int no_curses;                  /* ISO C wants something in a file */
#endif
