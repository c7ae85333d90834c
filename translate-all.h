/* SPDX-License-Identifier: MIT */
/*
 * Translated blocks: guest code -> TCG -> host code, and host pc -> guest state.
 *
 *   code buffer   [prologue][ region 0 ][ region 1 ] ... [ region n-1 ]
 *   a region      block pointer, code, search data, and so on upwards, and from its
 *                 end downwards the TranslationBlocks in the same order
 *
 * Blocks are found by the ram_addr of their first byte, pc, cs_base and flags
 * (tb_find_slow), so they survive any change of mappings.  When the buffer is
 * full, the oldest region is emptied and filled again.
 *
 * Where a page is mapped at several addresses, as those of libraries are, a block
 * is translated for some of them and then copied (tb-copy.h).
 *
 * A page of RAM with blocks is write-protected by DIRTY_CODE, which makes TLB
 * entries TLB_NOTDIRTY; a write there ends the blocks whose bytes it touches,
 * no others.  If that is the block being run, the storing instruction is run
 * again as a block of its own, behind which the new bytes are found.
 *
 * A page that is written all the time, data beside code or a JIT's, is not
 * protected.  Its blocks check themselves instead: entered, one compares its
 * bytes with those it was made from, and if they differ it leaves and is ended.
 * Behind what may store such a block ends, so that it is never wrong.
 *
 * Chaining.  A block that leaves by goto_tb is patched to run into the next.
 * Hence the front end's duty: goto_tb only to a target in the same guest page
 * (linear address) as the *start* of the block, with the same cs_base, and
 * with flags that are known when translating.  For anything else it uses
 * goto_ptr, or exit_tb TB_EXIT_NONE when cs_base is not zero: the jump cache
 * (jump-cache.h) serves cs_base == 0 only.  A block that reaches into a second
 * page is never chained *to*, since its second page may have been remapped.
 * DisasRequest.singlestep: leave by exit_tb TB_EXIT_NONE only.
 *
 * Threads: the vCPU thread, or any thread while that is parked; except
 * tb_code_written().
 */
#ifndef TRANSLATE_ALL_H
#define TRANSLATE_ALL_H

#include "cpu-common.h"

typedef struct TBContext TBContext;

/* Which pages have blocks that check themselves. */
typedef enum SelfCheck { SELFCHECK_AUTO, SELFCHECK_NEVER, SELFCHECK_ALWAYS } SelfCheck;

/* -accel tcg,...: all zero is the default.  Each `no_` is a slow twin. */
typedef struct AccelOptions {
    uint64_t tb_size;                   /* bytes of code buffer; 0: 512 MiB */
    bool no_chain;                      /* every block returns to cpu_exec */
    bool no_pin, no_opt;                /* tcg.h */
    bool no_fastfp;                     /* no TCGContext.x86_ops */
    bool interp;                        /* the interpreter back end */
    bool singlestep;                    /* one instruction per block */
    bool no_fast_tlb;                   /* every access takes the slow path */
    bool no_copy;                       /* translate for each address anew */
    bool perfmap;                       /* profile.h */
    SelfCheck selfcheck;
} AccelOptions;

enum {                                  /* TranslationBlock.cflags */
    TB_ONE_INSN = 1,                    /* alone, and never chained */
    TB_NO_CACHE = 2,                    /* its code is not RAM: run once */
    TB_INVALID  = 4,
};

#define NO_PAGE (~0ull)

/* A page a block has bytes on, and its place in the list of that page. */
typedef struct TBPage {
    uint64_t addr;                      /* ram_addr, or NO_PAGE */
    uintptr_t next;                     /* block | page index: same page */
    uintptr_t *link;                    /* what holds this block | page index */
} TBPage;

/* What few blocks need; behind the search data. */
typedef struct TBRare {
    TBPage second;                      /* the page behind, if it is on two */
    TCGCheck check[2];                  /* lengths 0: it does not check itself */
} TBRare;

struct TranslationBlock {
    /* What looking it up looks at: a cache line. */
    uint32_t pc, cs_base, flags;
    uint16_t size, num_insns;           /* guest bytes from pc on, instructions */
    uint8_t cflags;
    uint8_t jmp_used;                   /* slots that are patched, bit mask */
    uint16_t search_size;               /* bytes of search data */
    uint32_t tc_size;                   /* host bytes; search data behind */
    uint8_t *tc_ptr;
    TranslationBlock *phys_hash_next;
    TBRare *rare;                       /* or NULL */
    TBPage page;                        /* the first */

    uint16_t before;                    /* guest bytes in front of pc */
    uint32_t jmp_offset[TCG_SLOTS];     /* for tcg_patch_jump, ~0: no such slot */
    TranslationBlock *jmp_dest[TCG_SLOTS];
    uintptr_t jmp_next[TCG_SLOTS];      /* block | slot: same destination */
    uintptr_t jmp_first;                /* block | slot that jumps here */
} __attribute__((aligned(64)));

_Static_assert(offsetof(TranslationBlock, page.next) <= 64, "in the first cache line");

static inline uint32_t tb_linear_pc(const TranslationBlock *tb)
{
    return tb->pc + tb->cs_base;
}

/* Links that say "block and which of its pages, or jumps": pointers with the index in
 * the low bits, as blocks are aligned. */
_Static_assert(TCG_SLOTS <= 4, "two bits");

static inline uintptr_t tb_make_link(TranslationBlock *tb, unsigned n)
{
    return (uintptr_t)tb | n;
}

static inline TranslationBlock *tb_of_link(uintptr_t link)
{
    return (TranslationBlock *)(link & ~(uintptr_t)3);
}

static inline unsigned tb_link_n(uintptr_t link)
{
    return link & 3;
}

/* ram_addr of its first or second page; NO_PAGE: there is none, or not in RAM. */
static inline uint64_t tb_page_addr(const TranslationBlock *tb, unsigned n)
{
    return n == 0 ? tb->page.addr : tb->rare ? tb->rare->second.addr : NO_PAGE;
}

/* The block whose code begins at tc_ptr. */
static inline TranslationBlock *tb_of_code(const uint8_t *tc_ptr)
{
    return ((TranslationBlock *const *)(const void *)tc_ptr)[-1];
}

/* mmap'd code buffer and a back end; NULL with a sentence. */
TBContext *tb_context_new(const CPUOps *ops, const AccelOptions *o, Error *err);
void tb_context_free(TBContext *t);
void tb_context_add_cpu(TBContext *t, CPUState *cpu);
const TCGContext *tb_tcg(const TBContext *t);

/* The block for key; NULL if there is none yet.  Raises if the guest may not
 * fetch there. */
TranslationBlock *tb_find_slow(CPUState *cpu, const TBKey *key, unsigned cflags);
/* Translate it.  Raises as a fetch does.  May empty a region: then
 * tb_evictions() changes and blocks known before may be gone. */
TranslationBlock *tb_gen_code(CPUState *cpu, const TBKey *key, unsigned cflags);
uint64_t tb_evictions(const TBContext *t);

/* Let slot n of `from` run straight into `to`, if that is allowed. */
void tb_add_jump(TBContext *t, TranslationBlock *from, unsigned n,
                 TranslationBlock *to);
void tb_phys_invalidate(TBContext *t, TranslationBlock *tb);
void tb_flush(TBContext *t);            /* all of them */

/* It was left at its head: end it, if it found that it had changed. */
void tb_check(TBContext *t, TranslationBlock *tb);

/* From here on writes to this page of RAM are seen, or its blocks see them. */
void tb_watch_page(TBContext *t, uint64_t ram_addr);

/*
 * ram_addr .. + len is about to be written by the guest.  code_ra: where in
 * translated code, 0 if not from there.  Does not return if that block is hit
 * and has more than one instruction.
 */
void tb_invalidate_phys_range(CPUState *cpu, uint64_t ram_addr, uint64_t len,
                              uintptr_t code_ra);
/* Are these len bytes of one page, which has code, known to be beside it?  Then
 * they may be written as they are. */
bool tb_is_beside_code(TBContext *t, uint64_t ram_addr, unsigned len);
/* Somebody else has written there; any thread.  The blocks go when the vCPU
 * thread comes to tb_run_pending(), which the caller makes it do soon. */
void tb_code_written(TBContext *t, uint64_t ram_addr, uint64_t len);
void tb_run_pending(TBContext *t);

/* Block that contains the host address, or NULL. */
TranslationBlock *tb_find_pc(TBContext *t, uintptr_t code_ra);
/* Make the guest state exact; false if code_ra is in no block. */
bool tb_restore_state(CPUState *cpu, uintptr_t code_ra);

/* info jit, the part about blocks. */
void translate_dump_info(const TBContext *t, void (*put)(void *, const char *),
                         void *opaque);

#endif
