/* SPDX-License-Identifier: MIT */
#include "hw/display/frame.h"

#include "util/bits.h"

/* Lines y to y + num of the surface, as one damage. */
static void damage_lines(Console *con, int y, int num)
{
    if (num) {
        console_damage(con, (Rect){ 0, y, con->surface.width, num });
    }
}

void frame_fill(Console *con, int top, int lines, uint32_t colour)
{
    size_t width = (size_t)con->surface.width;
    uint32_t *row = con->surface.pixels + (size_t)top * width;

    for (size_t i = 0; i < (size_t)lines * width; i++) {
        row[i] = colour;
    }
    damage_lines(con, top, lines);
}

/* Moves the dirty bits of the pages of [start, end) into page_dirty; any? */
static bool collect_dirty(const Frame *f, uint64_t start, uint64_t end)
{
    uint64_t first = start >> RAM_PAGE_BITS, last = (end - 1) >> RAM_PAGE_BITS;
    bool any = false;

    for (uint64_t p = first; p <= last; p++) {
        bool dirty = ram_is_dirty(p << RAM_PAGE_BITS, DIRTY_VGA);

        f->page_dirty[p - first] = dirty;
        any |= dirty;
    }
    if (any) {
        ram_test_clear_dirty(start, end - start, DIRTY_VGA);
    }
    return any;
}

static bool line_dirty(const Frame *f, uint64_t start, uint64_t line)
{
    uint64_t first = start >> RAM_PAGE_BITS;

    for (uint64_t p = line >> RAM_PAGE_BITS; p <= (line + f->visible - 1) >> RAM_PAGE_BITS; p++) {
        if (f->page_dirty[p - first]) {
            return true;
        }
    }
    return false;
}

void frame_draw(Console *con, const Frame *f, bool full)
{
    uint64_t want = (uint64_t)f->stride * (uint64_t)(f->lines - 1) + f->visible, len = want;
    uint32_t *row = con->surface.pixels + (size_t)f->top * (size_t)f->width;
    const Section *sec = as_find(f->mem, f->base);
    const uint8_t *bytes = as_ram(f->mem, f->base, &len, false);
    int num = 0;                        /* lines drawn, not told yet */

    if (!bytes || len < want) {
        if (full) {
            frame_fill(con, f->top, f->lines, 0);
        }
        return;
    }
    uint64_t start = sec->region->ram->offset + sec->offset + (f->base - sec->start);

    if (!collect_dirty(f, start, start + want) && !full) {
        return;
    }
    for (int y = 0; y < f->lines; y++, row += f->width) {
        uint64_t at = (uint64_t)y * f->stride;

        if (full || line_dirty(f, start, start + at)) {
            f->draw_line(f->look, bytes, (uint32_t)at, row);
            num++;
        } else {
            damage_lines(con, f->top + y - num, num);
            num = 0;
        }
    }
    damage_lines(con, f->top + f->lines - num, num);
}
