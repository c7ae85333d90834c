/* SPDX-License-Identifier: MIT */
/*
 * The jump cache, with a side table per page of code.
 *
 *   CPUTLB.jump_cache[slot]  pc, tag, tc_ptr      read by translated code
 *   JumpCache.tb[slot]       the block            the same slot, for C
 *   JumpCache.pages[]        by page, ram_addr, privilege: its blocks, for revival
 *
 * `epoch` counts address space changes.  A non-global page whose epoch is old
 * has no entries; the first look-up there that succeeds proves that the page is
 * still mapped to the same ram_addr, so all its blocks are put in again.
 */
#include "jump-cache.h"

#include <string.h>

#include "tcg/tcg.h"
#include "util/bits.h"

enum { SLOTS = 1 << CPU_JMP_CACHE_BITS };

static unsigned slot_of(const CPUState *cpu, uint32_t pc)
{
    return (pc ^ pc >> cpu->common.ops->tcg->jump_cache.hash_shift) & (SLOTS - 1);
}

static void clear_slot(CPUState *cpu, unsigned slot)
{
    cpu_tlb(cpu)->jump_cache[slot] = (CPUJumpEntry){ .tc_ptr = NULL, .tag = ~0u };
    cpu->common.exec->jumps.tb[slot] = NULL;
}

static uint64_t *seen_word(JumpCache *j, uint32_t page)
{
    return &j->seen[page >> TARGET_PAGE_BITS >> 6 & 63];
}

static uint64_t seen_bit(uint32_t page)
{
    return 1ull << (page >> TARGET_PAGE_BITS & 63);
}

static CodePageBlocks *page_of(JumpCache *j, uint32_t page, uint64_t ram_addr,
                               unsigned mmu_idx)
{
    uint64_t h = (page >> TARGET_PAGE_BITS) ^ (ram_addr >> TARGET_PAGE_BITS) * 7;

    return &j->pages[(h + mmu_idx * (CODE_PAGES / 2)) % CODE_PAGES];
}

static void forget_pages(JumpCache *j)
{
    for (unsigned i = 0; i < CODE_PAGES; i++) {
        j->pages[i].page = NO_TLB_PAGE;
        j->pages[i].num = 0;
    }
}

void jump_cache_init(CPUState *cpu)
{
    cpu->common.exec->jumps.epoch = 1;
    jump_cache_flush(cpu);
}

void jump_cache_flush(CPUState *cpu)
{
    JumpCache *j = &cpu->common.exec->jumps;

    for (unsigned i = 0; i < SLOTS; i++) {
        clear_slot(cpu, i);
    }
    j->num_log = 0;
    memset(j->seen, 0, sizeof(j->seen));
    forget_pages(j);
}

void jump_cache_flush_nonglobal(CPUState *cpu)
{
    JumpCache *j = &cpu->common.exec->jumps;

    j->epoch++;
    if (j->num_log <= JUMP_LOG) {
        for (unsigned i = 0; i < j->num_log; i++) {
            clear_slot(cpu, j->log[i]);
        }
    } else {
        for (unsigned i = 0; i < SLOTS; i++) {
            clear_slot(cpu, i);
        }
    }
    j->num_log = 0;
}

/* Also what begins on the page before and reaches into this one. */
void jump_cache_flush_page(CPUState *cpu, uint32_t page)
{
    JumpCache *j = &cpu->common.exec->jumps;
    const CPUJumpEntry *e = cpu_tlb(cpu)->jump_cache;

    if (!(*seen_word(j, page) & seen_bit(page))) {
        return;
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        if (e[i].tc_ptr && e[i].pc - (page - TARGET_PAGE_SIZE) < 2 * TARGET_PAGE_SIZE) {
            clear_slot(cpu, i);
        }
    }
    for (unsigned i = 0; i < CODE_PAGES; i++) {
        if (j->pages[i].page == page || j->pages[i].page + TARGET_PAGE_SIZE == page) {
            j->pages[i].page = NO_TLB_PAGE;
            j->pages[i].num = 0;
        }
    }
}

TranslationBlock *jump_cache_find(CPUState *cpu, const TBKey *key)
{
    unsigned slot = slot_of(cpu, key->pc);
    const CPUJumpEntry *e = &cpu_tlb(cpu)->jump_cache[slot];

    return !key->cs_base && e->pc == key->pc && e->tag == key->flags && e->tc_ptr
         ? cpu->common.exec->jumps.tb[slot] : NULL;
}

static void put(CPUState *cpu, TranslationBlock *tb, bool global)
{
    JumpCache *j = &cpu->common.exec->jumps;
    unsigned slot = slot_of(cpu, tb->pc);

    cpu_tlb(cpu)->jump_cache[slot] = (CPUJumpEntry){ tb->pc, tb->flags, tb->tc_ptr };
    j->tb[slot] = tb;
    if (global) {
        return;
    }
    if (j->num_log < JUMP_LOG) {
        j->log[j->num_log++] = (uint16_t)slot;
    } else {
        j->num_log = JUMP_LOG + 1;
    }
}

/* Blocks of one page only: for others the second page would need a look. */
static void remember(CPUState *cpu, TranslationBlock *tb, unsigned mmu_idx)
{
    JumpCache *j = &cpu->common.exec->jumps;
    uint32_t page = tb->pc & (uint32_t)TARGET_PAGE_MASK;
    CodePageBlocks *p = page_of(j, page, tb->page_addr[0], mmu_idx);

    if (p->page != page || p->ram_addr != tb->page_addr[0] || p->mmu_idx != mmu_idx) {
        p->page = page;
        p->ram_addr = tb->page_addr[0];
        p->mmu_idx = (uint16_t)mmu_idx;
        p->epoch = j->epoch;
        p->num = 0;
    } else if (p->epoch != j->epoch) {
        p->epoch = j->epoch;
        for (unsigned i = 0; i < p->num; i++) {
            put(cpu, p->tb[i], false);
        }
        cpu->common.exec->stat.revived += p->num;
    }
    for (unsigned i = 0; i < p->num; i++) {
        if (p->tb[i] == tb) {
            return;
        }
    }
    if (p->num == CODE_PAGE_BLOCKS) {
        memmove(p->tb, p->tb + 1, (CODE_PAGE_BLOCKS - 1) * sizeof(p->tb[0]));
        p->num--;
    }
    p->tb[p->num++] = tb;
}

void jump_cache_insert(CPUState *cpu, TranslationBlock *tb, unsigned mmu_idx, bool global)
{
    JumpCache *j = &cpu->common.exec->jumps;
    uint32_t page = tb->pc & (uint32_t)TARGET_PAGE_MASK;
    bool alone = tb->page_addr[1] == NO_PAGE;

    if (tb->cs_base) {
        return;
    }
    *seen_word(j, page) |= seen_bit(page);
    if (!alone) {
        page += TARGET_PAGE_SIZE;
        *seen_word(j, page) |= seen_bit(page);
    } else if (!global) {
        remember(cpu, tb, mmu_idx);
    }
    put(cpu, tb, global);
}

static void forget_block(CodePageBlocks *p, const TranslationBlock *tb)
{
    for (unsigned i = 0; i < p->num; i++) {
        if (p->tb[i] == tb) {
            p->tb[i] = p->tb[--p->num];
            break;
        }
    }
}

void jump_cache_remove(CPUState *cpu, TranslationBlock *tb)
{
    JumpCache *j = &cpu->common.exec->jumps;
    unsigned slot = slot_of(cpu, tb->pc);

    if (j->tb[slot] == tb) {
        clear_slot(cpu, slot);
    }
    for (unsigned mmu_idx = 0; mmu_idx < NB_MMU_MODES; mmu_idx++) {
        forget_block(page_of(j, tb->pc & (uint32_t)TARGET_PAGE_MASK, tb->page_addr[0],
                             mmu_idx), tb);
    }
}
