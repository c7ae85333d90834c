/* SPDX-License-Identifier: MIT */
/*
 * Pages of RAM with code: which blocks have bytes on each, and which bytes.
 *
 *   TBPages.chunks[][]   PageBlocks of a page, by its ram_addr
 *   PageBlocks.first ->  blocks of the page, newest first: TBPage.next
 *
 * A page can have a map of its code bytes, so that data beside code costs a bit
 * test; the map may show too much (blocks that are gone), never too little.
 * Whether a page gets one, and whether it is write-protected, is the owner's
 * (translate-all.c) to say, who counts the writes.
 *
 * Threads: as translate-all.h.
 */
#ifndef TB_PAGES_H
#define TB_PAGES_H

#include "translate-all.h"

typedef struct PageBlocks {
    uintptr_t first;                    /* block | page index */
    uint64_t *map;                      /* bit per byte: code; or NULL */
    uint32_t writes;
    uint32_t cost;                      /* of writes since ... */
    int64_t since;                      /* ns; if checked, of the last change */
    uint32_t linear;                    /* address of the first block's page */
    bool moved;                         /* others are at other addresses */
    bool checked;                       /* not protected, its blocks look */
} PageBlocks;

/* All zero: none. */
typedef struct TBPages {
    PageBlocks **chunks;
    uint64_t num_chunks;
} TBPages;

void tb_pages_free(TBPages *s);         /* what is in it */
/* NULL: no block was ever there. */
PageBlocks *tb_pages_find(const TBPages *s, uint64_t ram_addr);

/* Block tb is, or is no more, in the list of its n-th page.  A page without
 * blocks has no map, and writes there go at full speed (DIRTY_CODE). */
void tb_pages_add(TBPages *s, TranslationBlock *tb, unsigned n);
void tb_pages_remove(TBPages *s, TranslationBlock *tb, unsigned n);

static inline TBPage *tb_page_of_link(uintptr_t link)
{
    TranslationBlock *tb = tb_of_link(link);

    return tb_link_n(link) ? &tb->rare->second : &tb->page;
}

/* Which bytes of its n-th page a block has: [*start, *end). */
void tb_bytes_on_page(const TranslationBlock *tb, unsigned n, uint32_t *start,
                      uint32_t *end);

/* Make the map, or make it exact. */
void page_blocks_draw_map(PageBlocks *p);
/* Does it show code in [start, end) of the page?  There is one. */
bool page_blocks_map_hit(const PageBlocks *p, uint32_t start, uint32_t end);

#endif
