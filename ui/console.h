/* SPDX-License-Identifier: MIT */
/*
 * What the guest shows and what the user types: the joint between display and
 * input devices (hw/) on one side, and user interfaces (window, terminal, VNC,
 * screendump) on the other.
 *
 *   VGA, LCD ..  --surface, text cells-->  Console  -->  DisplayOps (curses ...)
 *   keyboard, mouse  <--input events----   Console  <--  the same, or sendkey
 *
 * A display device registers a Console with callbacks; an interface asks it to
 * update() about 30 times a second while somebody is looking, and reads the
 * result.  Nobody looking costs nothing.
 *
 * Threads: with the global lock.
 */
#ifndef UI_CONSOLE_H
#define UI_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* -- Picture ----------------------------------------------------------------- */

typedef struct Surface {                /* 32 bits per pixel: 0x00RRGGBB */
    int width, height;
    uint32_t *pixels;                   /* width * height */
} Surface;

/* A cell of text mode. */
typedef struct TextCell {
    uint8_t ch;                         /* code page 437 */
    uint8_t fg, bg;                     /* 0..15, CGA colours */
    bool blink;
} TextCell;

typedef struct TextScreen {
    int width, height;                  /* cells; 0: not a text mode */
    TextCell *cells;
    int cursor_x, cursor_y;             /* -1: hidden */
} TextScreen;

typedef struct Rect { int x, y, w, h; } Rect;

typedef struct Console Console;

typedef struct ConsoleOps {             /* by the display device */
    /* Bring con->surface up to date (redraw all if `full`); what changed goes
     * to console_damage(). */
    void (*update)(void *opaque, bool full);
    /* Bring con->text up to date; false if not in a text mode. */
    bool (*update_text)(void *opaque);
} ConsoleOps;

struct Console {
    const char *name;                   /* "vga" */
    const ConsoleOps *ops;
    void *opaque;
    Surface surface;                    /* pixels owned here: console_resize */
    int edge;                           /* its lowest lines are no picture of the guest's,
                                           a pointer there is beside the screen */
    TextScreen text;                    /* cells owned here: console_resize_text */
    Console *next;
};

/* By a display device; free on device_free. */
Console *console_new(const char *name, const ConsoleOps *ops, void *opaque);
void console_free(Console *con);
Console *console_first(void);           /* NULL if the machine has no display */
void console_resize(Console *con, int width, int height);
void console_resize_text(Console *con, int width, int height);
void console_damage(Console *con, Rect r);

/* By user interfaces: told after each change.  Any may be NULL. */
typedef struct DisplayOps {
    void (*resized)(void *opaque, Console *con);
    void (*damaged)(void *opaque, Console *con, Rect r);
} DisplayOps;
void console_add_display(const DisplayOps *ops, void *opaque);

/* Whole picture now, to a file: format "png" or "ppm", NULL: by suffix, ppm
 * otherwise.  Without the edge, or with it. */
int console_screendump(Console *con, const char *path, const char *format,
                       Error *err);
int console_screendump_edge(Console *con, const char *path, const char *format,
                            Error *err);

/* -- Keys -------------------------------------------------------------------- */

/*
 * A key is a position on a PC keyboard, numbered as PS/2 set 1 scan code;
 * those with prefix E0 have 0x80 added.  Pause is KEY_PAUSE, Print KEY_PRINT.
 * names: "a" "ret" "ctrl" "shift_r" "f12" ..., as the monitor's sendkey.
 */
enum { KEY_PAUSE = 0xc6, KEY_PRINT = 0xb7 };
typedef struct KeyName { const char *name; uint8_t key; } KeyName;
extern const KeyName key_names[];       /* ends with name NULL */
int key_by_name(const char *name);      /* or "0x1c"; -1: unknown */

typedef struct KeySink {                /* by a keyboard device */
    void (*key)(void *opaque, uint8_t key, bool down);
    void (*leds)(void *opaque, int leds);           /* or NULL */
    void *opaque;
} KeySink;
void input_add_keyboard(const KeySink *sink);       /* copied; last one wins */
void input_remove_keyboard(const void *opaque);
void input_key(uint8_t key, bool down);

/* -- Pointers ---------------------------------------------------------------- */

enum { POINTER_LEFT = 1, POINTER_RIGHT = 2, POINTER_MIDDLE = 4 };

typedef struct PointerSink {            /* by a mouse, tablet, touch screen */
    /* relative: dx, dy in counts, y down; absolute: 0 .. 32767 */
    void (*moved)(void *opaque, int x, int y, int dz, int buttons);
    bool absolute;
    const char *name;
    void *opaque;
} PointerSink;
void input_add_pointer(const PointerSink *sink);    /* copied; last one wins */
void input_remove_pointer(const void *opaque);
bool input_is_absolute(void);
void input_pointer(int x, int y, int dz, int buttons);
/* One call per pointer: number, name, absolute, has the events.  info mice */
void input_dump_pointers(void (*put)(void *, int, const char *, bool, bool), void *opaque);

/* -- Interfaces -------------------------------------------------------------- */

/* Start -display NAME ("none", "curses"); reads keys, shows the console. */
int display_start(const char *name, Error *err);
void display_stop_all(void);            /* restores the terminal */
/* "curses yes", "sdl no (libsdl2-dev)": -display help */
void display_list(void (*put)(void *, const char *), void *opaque);

#endif
