/* SPDX-License-Identifier: MIT */
#include "hw/display/edge.h"

#include <errno.h>
#include <string.h>

#include "hw/misc/leds.h"
#include "util/bits.h"

enum { LEFT = 8, PITCH = 16, SIZE = 8 };
enum { BODY = 0x202428, LAMP_ON = 0x40ff40, LAMP_OFF = 0x104010, BUZZER_ON = 0xffc020,
       BUZZER_OFF = 0x403008 };

int edge_check(const Edge *e, Error *err)
{
    return !e->leds || e->leds->type == &leds_type
               ? 0 : error_set(err, EINVAL, "leds=%s: want a leds", e->leds->id);
}

int edge_lines(const Edge *e)
{
    return e->leds ? EDGE_LINES : 0;
}

static bool is_backlight(const Edge *e, const Led *led)
{
    return e->backlight && !strcmp(led->name, e->backlight);
}

bool edge_lit(const Edge *e)
{
    Led led;

    for (int n = 0; e->leds && leds_get(e->leds, n, &led); n++) {
        if (is_backlight(e, &led)) {
            return led.on;
        }
    }
    return true;
}

/* What does not fit is left out. */
static void fill(Surface *s, Rect r, uint32_t colour)
{
    for (int y = r.y; y < r.y + r.h; y++) {
        for (int x = r.x; x < MIN(r.x + r.w, s->width); x++) {
            s->pixels[(size_t)y * (size_t)s->width + (size_t)x] = colour;
        }
    }
}

/* A buzzer is wider than a lamp. */
static int draw_lamp(Surface *s, int x, const Led *led)
{
    bool buzzer = !strcmp(led->name, "buzzer");
    int width = buzzer ? 2 * SIZE : SIZE, y = s->height - (EDGE_LINES + SIZE) / 2;

    fill(s, (Rect){ x, y, width, SIZE }, (uint32_t)(buzzer ? led->on ? BUZZER_ON : BUZZER_OFF
                                                           : led->on ? LAMP_ON : LAMP_OFF));
    return x + width + PITCH - SIZE;
}

static uint32_t lamps_on(const Edge *e)
{
    uint32_t on = 0;
    Led led;

    for (int n = 0; leds_get(e->leds, n, &led); n++) {
        on |= (uint32_t)(led.on && !is_backlight(e, &led)) << n;
    }
    return on;
}

void edge_draw(Edge *e, Console *con, bool full)
{
    Surface *s = &con->surface;
    uint32_t on = e->leds ? lamps_on(e) : 0;
    Rect strip = { 0, s->height - EDGE_LINES, s->width, EDGE_LINES };
    Led led;

    if (!e->leds || (!full && on == e->shown)) {
        return;
    }
    e->shown = on;
    fill(s, strip, BODY);
    for (int n = 0, x = LEFT; leds_get(e->leds, n, &led); n++) {
        x = is_backlight(e, &led) ? x : draw_lamp(s, x, &led);
    }
    console_damage(con, strip);
}
