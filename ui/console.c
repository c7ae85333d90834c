/* SPDX-License-Identifier: MIT */
#include "ui/console.h"

#include <stdlib.h>
#include <string.h>

#include "sys/clock.h"
#include "sys/loop.h"
#include "ui/display.h"
#include "util/bits.h"
#include "util/mem.h"

enum { MAX_DISPLAYS = 4, REFRESH_MS = 30 };

/* What belongs to the process: who shows, who is shown, who listens. */
static struct ConsoleRoom {
    Console *consoles;
    struct { const DisplayOps *ops; void *opaque; } displays[MAX_DISPLAYS];
    int num_displays;
    Clock clock;                        /* runs always, whatever the guest does */
    bool clock_ready;
    Timer refresh;
} room;

/* -- Consoles ---------------------------------------------------------------- */

Console *console_new(const char *name, const ConsoleOps *ops, void *opaque)
{
    Console *con = xzalloc(sizeof(*con)), **p = &room.consoles;

    *con = (Console){ .name = name, .ops = ops, .opaque = opaque };
    con->text.cursor_x = con->text.cursor_y = -1;
    while (*p) {
        p = &(*p)->next;
    }
    *p = con;
    return con;
}

void console_free(Console *con)
{
    if (!con) {
        return;
    }
    for (Console **p = &room.consoles; *p; p = &(*p)->next) {
        if (*p == con) {
            *p = con->next;
            break;
        }
    }
    free(con->surface.pixels);
    free(con->text.cells);
    free(con);
}

Console *console_first(void)
{
    return room.consoles;
}

void console_resize(Console *con, int width, int height)
{
    Surface *s = &con->surface;

    if (s->pixels && s->width == width && s->height == height) {
        return;
    }
    free(s->pixels);
    s->width = width;
    s->height = height;
    s->pixels = xcalloc((size_t)width * (size_t)height, sizeof(*s->pixels));
    for (int i = 0; i < room.num_displays; i++) {
        if (room.displays[i].ops->resized) {
            room.displays[i].ops->resized(room.displays[i].opaque, con);
        }
    }
}

void console_resize_text(Console *con, int width, int height)
{
    TextScreen *t = &con->text;

    if (t->width == width && t->height == height) {
        return;
    }
    free(t->cells);
    t->width = width;
    t->height = height;
    t->cells = xcalloc((size_t)width * (size_t)height, sizeof(*t->cells));
    t->cursor_x = t->cursor_y = -1;
}

void console_damage(Console *con, Rect r)
{
    int right = MIN(r.x + r.w, con->surface.width);
    int bottom = MIN(r.y + r.h, con->surface.height);

    r.x = MAX(r.x, 0);
    r.y = MAX(r.y, 0);
    r.w = right - r.x;
    r.h = bottom - r.y;
    if (r.w <= 0 || r.h <= 0) {
        return;
    }
    for (int i = 0; i < room.num_displays; i++) {
        if (room.displays[i].ops->damaged) {
            room.displays[i].ops->damaged(room.displays[i].opaque, con, r);
        }
    }
}

/* -- Displays ---------------------------------------------------------------- */

/* Only what a display can show is drawn: pixels if it wants damage. */
static void refresh(void *opaque)
{
    bool pixels = false;

    (void)opaque;
    for (int i = 0; i < room.num_displays; i++) {
        pixels |= room.displays[i].ops->damaged != NULL;
    }
    for (Console *con = room.consoles; con && pixels; con = con->next) {
        con->ops->update(con->opaque, false);
    }
    display_refresh_all();
    timer_set(&room.refresh, clock_now(&room.clock) + REFRESH_MS * NS_PER_MS);
}

static void start_refresh(void)
{
    if (!room.clock_ready) {
        room.clock_ready = true;
        clock_init(&room.clock);
        clock_start(&room.clock);
        loop_add_clock(&room.clock);
        timer_init(&room.clock, &room.refresh, refresh, NULL);
    }
    if (!room.refresh.armed) {
        timer_set(&room.refresh, clock_now(&room.clock));
    }
}

void console_add_display(const DisplayOps *ops, void *opaque)
{
    if (room.num_displays < MAX_DISPLAYS) {
        room.displays[room.num_displays].ops = ops;
        room.displays[room.num_displays++].opaque = opaque;
        start_refresh();
    }
}

void console_remove_display(const void *opaque)
{
    for (int i = 0; i < room.num_displays; i++) {
        if (room.displays[i].opaque == opaque) {
            room.displays[i] = room.displays[--room.num_displays];
            break;
        }
    }
    if (!room.num_displays && room.clock_ready) {
        timer_cancel(&room.refresh);
    }
}
