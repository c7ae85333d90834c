/* SPDX-License-Identifier: MIT */
/*
 * A frame buffer in the guest's memory, drawn line by line, only where it changed.
 *
 * By LCD controllers, from ConsoleOps.update: fill in a Frame, frame_draw() draws
 * the lines that lie in pages written since the last time, all if `full`, and tells
 * the console.  A frame that is not memory as a whole is black.
 */
#ifndef HW_DISPLAY_FRAME_H
#define HW_DISPLAY_FRAME_H

#include "hw/core/memory.h"
#include "ui/console.h"

/* Room for Frame.page_dirty, of frames up to so many bytes. */
#define FRAME_PAGES(bytes) (((bytes) >> RAM_PAGE_BITS) + 2)

typedef struct Frame {
    AddressSpace *mem;
    hwaddr base;
    uint32_t stride, visible;           /* bytes, from line to line and of a line */
    int width, lines, top;              /* `width` is the surface's; top: in it */
    /* The line at frame[at]. */
    void (*draw_line)(const void *look, const uint8_t *frame, uint32_t at, uint32_t *row);
    const void *look;
    uint8_t *page_dirty;                /* room to work in */
} Frame;

void frame_draw(Console *con, const Frame *f, bool full);
/* Lines from `top` on in one colour. */
void frame_fill(Console *con, int top, int lines, uint32_t colour);

#endif
