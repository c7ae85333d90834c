/* SPDX-License-Identifier: MIT */
/*
 * The edge of a board's screen: below the guest's picture, a strip with the board's
 * lamps and its buzzer.
 *
 *      +--------------------+
 *      | the guest's        |
 *      +--------------------+  Console.edge lines: what windows show, and
 *      | o o o o  =         |  "screendump -e", but not a plain screendump
 *      +--------------------+
 *
 * By the display device: its surface is edge_lines() higher than the picture, which
 * is Console.edge, and edge_draw() in ConsoleOps.update.  The lamp that lights the panel is not on the
 * strip: one sees it.
 */
#ifndef HW_DISPLAY_EDGE_H
#define HW_DISPLAY_EDGE_H

#include "hw/core/device.h"
#include "ui/console.h"

enum { EDGE_LINES = 14 };

typedef struct Edge {
    Device *leds;                       /* "leds", or NULL: no edge, always lit */
    char *backlight;                    /* a name of theirs, or NULL: always lit */
    uint32_t shown;                     /* the lamps that are drawn as on */
} Edge;

/* 0 if leds is NULL or a "leds". */
int edge_check(const Edge *e, Error *err);
int edge_lines(const Edge *e);
bool edge_lit(const Edge *e);
void edge_draw(Edge *e, Console *con, bool full);

#endif
