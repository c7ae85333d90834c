/* SPDX-License-Identifier: MIT */
/*
 * Pages of RAM with code.
 *
 * Pages are kept in chunks that are made when a page of theirs first has a block,
 * as most of RAM never has.  A page of a library has a copy of its blocks for each
 * address it was ever mapped at, thousands: so each knows what links to it
 * (TBPage.link) and leaves without a search.
 */
#include "tb-pages.h"

#include <stdlib.h>
#include <string.h>

#include "hw/core/memory.h"
#include "util/bits.h"
#include "util/mem.h"

enum {
    CHUNK_BITS = 10,                    /* pages per chunk */
    PAGE_WORDS = RAM_PAGE_SIZE / 64,
};

void tb_pages_free(TBPages *s)
{
    for (uint64_t i = 0; i < s->num_chunks; i++) {
        for (unsigned k = 0; s->chunks[i] && k < 1 << CHUNK_BITS; k++) {
            free(s->chunks[i][k].map);
        }
        free(s->chunks[i]);
    }
    free(s->chunks);
}

PageBlocks *tb_pages_find(const TBPages *s, uint64_t ram_addr)
{
    uint64_t page = ram_addr >> RAM_PAGE_BITS, chunk = page >> CHUNK_BITS;

    if (chunk >= s->num_chunks || !s->chunks[chunk]) {
        return NULL;
    }
    return &s->chunks[chunk][page & ((1 << CHUNK_BITS) - 1)];
}

static PageBlocks *get_page(TBPages *s, uint64_t ram_addr)
{
    uint64_t chunk = ram_addr >> RAM_PAGE_BITS >> CHUNK_BITS;

    if (chunk >= s->num_chunks) {
        s->chunks = xrealloc(s->chunks, (chunk + 1) * sizeof(*s->chunks));
        memset(s->chunks + s->num_chunks, 0,
               (chunk + 1 - s->num_chunks) * sizeof(*s->chunks));
        s->num_chunks = chunk + 1;
    }
    if (!s->chunks[chunk]) {
        s->chunks[chunk] = xcalloc(1 << CHUNK_BITS, sizeof(PageBlocks));
    }
    return tb_pages_find(s, ram_addr);
}

/* -- Maps -------------------------------------------------------------------- */

void tb_bytes_on_page(const TranslationBlock *tb, unsigned n, uint32_t *start,
                      uint32_t *end)
{
    uint32_t first = tb_linear_pc(tb) & (RAM_PAGE_SIZE - 1);

    *start = n ? 0 : first - tb->before;
    *end = n ? first + tb->size - RAM_PAGE_SIZE
             : MIN(first + tb->size, RAM_PAGE_SIZE);
}

static void mark_map(PageBlocks *p, const TranslationBlock *tb, unsigned n)
{
    uint32_t start, end;

    tb_bytes_on_page(tb, n, &start, &end);
    for (uint32_t i = start; i < end; i++) {
        p->map[i / 64] |= 1ull << (i % 64);
    }
}

void page_blocks_draw_map(PageBlocks *p)
{
    if (!p->map) {
        p->map = xcalloc(PAGE_WORDS, sizeof(*p->map));
    } else {
        memset(p->map, 0, PAGE_WORDS * sizeof(*p->map));
    }
    for (uintptr_t l = p->first; l; l = tb_page_of_link(l)->next) {
        mark_map(p, tb_of_link(l), tb_link_n(l));
    }
}

bool page_blocks_map_hit(const PageBlocks *p, uint32_t start, uint32_t end)
{
    for (uint32_t i = start; i < end; i++) {
        if (p->map[i / 64] >> (i % 64) & 1) {
            return true;
        }
    }
    return false;
}

/* -- Lists ------------------------------------------------------------------- */

/* *at, in the list of a page, becomes l. */
static void set_link(uintptr_t *at, uintptr_t l)
{
    *at = l;
    if (l) {
        tb_page_of_link(l)->link = at;
    }
}

static uint32_t linear_page(const TranslationBlock *tb, unsigned n)
{
    return (tb_linear_pc(tb) & ~(RAM_PAGE_SIZE - 1)) + n * RAM_PAGE_SIZE;
}

void tb_pages_add(TBPages *s, TranslationBlock *tb, unsigned n)
{
    uintptr_t link = tb_make_link(tb, n);
    TBPage *on = tb_page_of_link(link);
    PageBlocks *p = get_page(s, on->addr);
    uint32_t linear = linear_page(tb, n);

    p->linear = p->first ? p->linear : linear;
    p->moved |= p->linear != linear;
    set_link(&on->next, p->first);
    set_link(&p->first, link);
    if (p->map) {
        mark_map(p, tb, n);
    }
}

void tb_pages_remove(TBPages *s, TranslationBlock *tb, unsigned n)
{
    TBPage *on = tb_page_of_link(tb_make_link(tb, n));
    PageBlocks *p = tb_pages_find(s, on->addr);

    set_link(on->link, on->next);
    if (!p->first) {
        free(p->map);
        p->map = NULL;
        p->writes = 0;
        p->moved = false;
        ram_set_dirty_client(on->addr, DIRTY_CODE);
    }
}
