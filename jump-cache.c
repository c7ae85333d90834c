/* SPDX-License-Identifier: MIT */
/*
 * The jump cache, with a side table per page of code.
 *
 *   CPUTLB.jump_cache[slot]  pc, tag, tc_ptr      read by translated code
 *   JumpCache.second[slot]   the same             what it displaced, for C
 *   JumpCache.pages[]        by page, ram_addr, privilege: its blocks, for revival
 *
 * `epoch` counts flushes.  A page whose epoch is older than the last flush that
 * concerned it has no entries; the first look-up there that succeeds proves
 * that it is still mapped to the same ram_addr, so all its blocks are put in
 * again.
 */
#include "jump-cache.h"

#include <string.h>

#include "tcg/tcg.h"
#include "util/bits.h"

enum { SLOTS = 1 << CPU_JMP_CACHE_BITS, PAGE_SLOTS = (int)TARGET_PAGE_SIZE / 2 };
_Static_assert(SLOTS <= 1 << 16, "SlotLog.slot");

static unsigned slot_of(const CPUState *cpu, uint32_t pc)
{
    return tcg_jump_slot(pc, cpu->common.ops->tcg->jump_cache.hash_shift, CPU_JMP_CACHE_BITS);
}

static void clear_slot(CPUState *cpu, unsigned slot)
{
    CPUJumpEntry *second = &cpu->common.exec->jumps.second[slot];

    cpu_tlb(cpu)->jump_cache[slot] = (CPUJumpEntry){ .tc_ptr = NULL, .tag = ~0u };
    if (second->tc_ptr) {
        second->tc_ptr = NULL;
    }
}

/* Entries made before this epoch are gone. */
static uint64_t first_epoch(const JumpCache *j, bool global)
{
    return global ? j->full_epoch : j->epoch;
}

static unsigned seen_hash(uint32_t page)
{
    return (page >> TARGET_PAGE_BITS) * 0x9e3779b1u >> 21;
}

_Static_assert(SEEN_PAGES == 1 << (32 - 21), "bits of seen_hash");

/* There may be entries of this page. */
static void mark_seen(JumpCache *j, uint32_t page, bool global)
{
    SeenPage *s = &j->seen[global][seen_hash(page)];
    bool other = s->epoch >= first_epoch(j, global) && s->page != page;

    s->page = other ? NO_TLB_PAGE : page;       /* more than one */
    s->epoch = j->epoch;
}

static bool was_seen(const JumpCache *j, uint32_t page)
{
    for (unsigned global = 0; global < 2; global++) {
        const SeenPage *s = &j->seen[global][seen_hash(page)];

        if (s->epoch >= first_epoch(j, global) &&
            (s->page == page || s->page == NO_TLB_PAGE)) {
            return true;
        }
    }
    return false;
}

static CodePageBlocks *page_of(JumpCache *j, uint32_t page, uint64_t ram_addr,
                               unsigned mmu_idx)
{
    uint64_t h = (page | mmu_idx) ^ ram_addr >> TARGET_PAGE_BITS << 32;

    return &j->pages[(h * 0x9e3779b97f4a7c15ull >> 40) % CODE_PAGES];
}

static void clear_all(CPUState *cpu)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        clear_slot(cpu, i);
    }
}

void jump_cache_init(CPUState *cpu)
{
    JumpCache *j = &cpu->common.exec->jumps;

    j->epoch = j->full_epoch = 1;
    clear_all(cpu);
    for (unsigned i = 0; i < CODE_PAGES; i++) {
        j->pages[i].page = NO_TLB_PAGE;
    }
}

static void clear_logged(CPUState *cpu, SlotLog *log)
{
    if (log->num <= SLOT_LOG) {
        for (unsigned i = 0; i < log->num; i++) {
            clear_slot(cpu, log->slot[i]);
        }
    } else {
        clear_all(cpu);
    }
    log->num = 0;
}

void jump_cache_flush(CPUState *cpu)
{
    JumpCache *j = &cpu->common.exec->jumps;

    j->full_epoch = ++j->epoch;
    clear_logged(cpu, &j->log[0]);
    clear_logged(cpu, &j->log[1]);
}

void jump_cache_flush_nonglobal(CPUState *cpu)
{
    JumpCache *j = &cpu->common.exec->jumps;

    j->epoch++;
    clear_logged(cpu, &j->log[0]);
}

/* Does the entry's block begin on `page` and have bytes on `hit`? */
static bool concerns(const CPUJumpEntry *e, uint32_t page, uint32_t hit)
{
    return e->tc_ptr && !((e->pc ^ page) >> TARGET_PAGE_BITS) &&
           (page == hit || tb_page_addr(tb_of_code(e->tc_ptr), 1) != NO_PAGE);
}

static void clear_page(CPUState *cpu, uint32_t page, uint32_t hit)
{
    const CPUJumpEntry *e = cpu_tlb(cpu)->jump_cache;
    const CPUJumpEntry *second = cpu->common.exec->jumps.second;
    unsigned first = 0, num = SLOTS;

    if (cpu->common.ops->tcg->jump_cache.hash_shift >= TARGET_PAGE_BITS &&
        SLOTS > PAGE_SLOTS) {
        /* The hash keeps the slots of a page together. */
        first = slot_of(cpu, page) & ~(unsigned)(PAGE_SLOTS - 1);
        num = PAGE_SLOTS;
    }
    for (unsigned i = first; i < first + num; i++) {
        if (concerns(&e[i], page, hit) || concerns(&second[i], page, hit)) {
            clear_slot(cpu, i);
        }
    }
}

void jump_cache_flush_page(CPUState *cpu, uint32_t page)
{
    JumpCache *j = &cpu->common.exec->jumps;

    if (!was_seen(j, page)) {
        return;
    }
    clear_page(cpu, page, page);
    clear_page(cpu, page - TARGET_PAGE_SIZE, page);
    for (unsigned i = 0; i < CODE_PAGES; i++) {
        if (j->pages[i].page == page) {
            j->pages[i].epoch = 0;
        }
    }
}

static bool is_entry(const CPUJumpEntry *e, uint32_t pc, uint32_t flags)
{
    return e->pc == pc && e->tag == flags && e->tc_ptr;
}

const uint8_t *jump_cache_find(CPUState *cpu, const TBKey *key)
{
    unsigned slot = slot_of(cpu, key->pc);
    CPUJumpEntry *e = &cpu_tlb(cpu)->jump_cache[slot];
    CPUJumpEntry *second = &cpu->common.exec->jumps.second[slot];

    if (key->cs_base) {
        return NULL;
    }
    if (is_entry(e, key->pc, key->flags)) {
        return e->tc_ptr;
    }
    if (is_entry(second, key->pc, key->flags)) {
        CPUJumpEntry found = *second;

        *second = *e;
        *e = found;
        return e->tc_ptr;
    }
    return NULL;
}

static void put(CPUState *cpu, TranslationBlock *tb, bool global)
{
    JumpCache *j = &cpu->common.exec->jumps;
    unsigned slot = slot_of(cpu, tb->pc);
    CPUJumpEntry *e = &cpu_tlb(cpu)->jump_cache[slot];

    if (e->tc_ptr && e->tc_ptr != tb->tc_ptr) {
        j->second[slot] = *e;
    }
    *e = (CPUJumpEntry){ tb->pc, tb->flags, tb->tc_ptr };
    slot_log_add(&j->log[global], slot);
}

/* Blocks of one page only: for others the second page would need a look. */
static void remember(CPUState *cpu, TranslationBlock *tb, unsigned mmu_idx, bool global)
{
    JumpCache *j = &cpu->common.exec->jumps;
    uint32_t page = tb->pc & (uint32_t)TARGET_PAGE_MASK;
    CodePageBlocks *p = page_of(j, page, tb->page.addr, mmu_idx);

    if (p->page != page || p->ram_addr != tb->page.addr || p->mmu_idx != mmu_idx) {
        p->page = page;
        p->ram_addr = tb->page.addr;
        p->mmu_idx = (uint16_t)mmu_idx;
        p->num = 0;
    } else if (p->epoch < first_epoch(j, p->global)) {
        for (unsigned i = 0; i < p->num; i++) {
            put(cpu, p->tb[i], global);
        }
        cpu->common.exec->stat.revived += p->num;
    }
    p->epoch = j->epoch;
    p->global = global;
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
    bool alone = tb_page_addr(tb, 1) == NO_PAGE;

    if (tb->cs_base) {
        return;
    }
    mark_seen(j, page, global);
    if (!alone) {
        mark_seen(j, page + TARGET_PAGE_SIZE, global);
    } else {
        remember(cpu, tb, mmu_idx, global);
    }
    put(cpu, tb, global);
}

static void forget_block(CodePageBlocks *p, uint32_t page, const TranslationBlock *tb)
{
    if (p->page != page) {
        return;
    }
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
    uint32_t page = tb->pc & (uint32_t)TARGET_PAGE_MASK;

    if (cpu_tlb(cpu)->jump_cache[slot].tc_ptr == tb->tc_ptr ||
        j->second[slot].tc_ptr == tb->tc_ptr) {
        clear_slot(cpu, slot);
    }
    for (unsigned mmu_idx = 0; mmu_idx < NB_MMU_MODES; mmu_idx++) {
        forget_block(page_of(j, page, tb->page.addr, mmu_idx), page, tb);
    }
}
