/* SPDX-License-Identifier: MIT */
/*
 * The jump cache (tb_jmp_cache): where goto_ptr in translated code, and
 * tb_find_fast, find a block by pc and flags without asking anybody.
 *
 * An entry says: this pc, in the address space of now, is this block.  So
 * entries go when mappings of code go.  Only blocks with cs_base == 0 are in
 * it, whose pc is their linear address.
 *
 * A flush takes entries out, but remembers them by page: when code of a page is
 * looked up again with the same privilege and is still at the same ram_addr, all
 * come back at once.
 *
 * Threads: the vCPU thread, or any while it is parked.
 */
#ifndef JUMP_CACHE_H
#define JUMP_CACHE_H

#include "exec.h"

void jump_cache_init(CPUState *cpu);
/* The code of its block, or NULL. */
const uint8_t *jump_cache_find(CPUState *cpu, const TBKey *key);
/* tb is what its key means now, by a fetch with mmu_idx; global: in every
 * address space. */
void jump_cache_insert(CPUState *cpu, TranslationBlock *tb, unsigned mmu_idx, bool global);
void jump_cache_remove(CPUState *cpu, TranslationBlock *tb);
void jump_cache_flush(CPUState *cpu);
void jump_cache_flush_nonglobal(CPUState *cpu);
void jump_cache_flush_page(CPUState *cpu, uint32_t page);

#endif
