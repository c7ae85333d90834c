/* SPDX-License-Identifier: MIT */
/*
 * Blocks: made, found, chained, ended.
 *
 * Where a block is listed:
 *   phys_hash[]      by hash of ram_addr, pc, flags: phys_hash_next
 *   PageBlocks       of each page its bytes lie in (tb-pages.h)
 *   Region           in order of host address
 *   jump caches      of every CPU
 *   other blocks     that jump to it: jmp_first -> jmp_next[] ...
 *
 * A page with code that is written often gets a map of its code bytes, which is
 * drawn anew when it showed too much.  One whose writes cost too much is not
 * protected any more: its blocks check themselves, until it has been left alone
 * for a while.
 */
#include "translate-all.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "disas.h"
#include "exec.h"
#include "hw/core/memory.h"
#include "jump-cache.h"
#include "profile.h"
#include "sys/ahead.h"
#include "tb-copy.h"
#include "tb-pages.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/out.h"

enum {
    HASH_BITS = 19,
    MAX_REGIONS = 16,
    MIN_REGION = 1 << 19,               /* holds any one block several times over */
    CODE_ALIGN = 16,
    MIN_ROOM = 1024,                    /* for a block */
    MAX_INSNS = 128,                    /* guest instructions in a block */
    MAP_AFTER = 8,                      /* writes, until a page gets a code map */
    CHECK_COST = 512,                   /* of writes, within CHECK_WITHIN: ... */
    BLOCK_COST = 16,                    /* what a block lost is worth */
    CHECK_WITHIN = 1000000,             /* ns */
    CHECK_LEASE = 100000000,            /* ns without a change: protected again */
    CHECK_INSNS = 32, CHECK_BYTES = 512,/* in a block that checks itself */
    MODEL_BITS = 16,
    MAX_MOVED = 64,                     /* words in a block that is copied */
    HUGE_PAGE = 2 << 20,
};
#define DEFAULT_TB_SIZE (512ull << 20)         /* one run of gcc: 90 MiB */
#define MAX_TB_SIZE (1ull << 30)

typedef struct Region {
    uint8_t *code, *next;               /* from the start upwards */
    TranslationBlock *end;              /* from here downwards: tb_number() */
    unsigned num;
} Region;

/* A block to be copied for other addresses. */
typedef struct Model {
    TranslationBlock *tb;               /* or NULL */
    uint32_t seen;                      /* bits of pc that have differed so far */
    unsigned num;
    MovedWord *words;                   /* NULL: it was translated only once */
} Model;

typedef struct Range { uint64_t ram_addr, len; } Range;

struct TBContext {
    const CPUOps *ops;
    AccelOptions options;
    TCGTarget target;                   /* the guest's, slow paths filled in */
    TCGContext *tcg;
    uint8_t *buffer;
    size_t buffer_size, prologue;
    Region region[MAX_REGIONS];
    unsigned num_regions, current;
    Ahead *ahead;                       /* of the blocks made */
    uintptr_t code_ahead, tbs_ahead;
    TranslationBlock *phys_hash[1 << HASH_BITS];
    Model models[1 << MODEL_BITS];
    TBPages pages;
    CPUState *cpus[16];
    unsigned num_cpus;
    TCGCode code;                       /* of the block being made */
    TCGCheck check[2];                  /* if it is to check itself */
    uint8_t snapshot[CHECK_BYTES];
    Profile *profile;

    pthread_mutex_t pending_lock;
    Range *pending;                     /* written by others */
    size_t num_pending, max_pending;

    uint64_t start_ticks;
    int64_t start_ns;
    struct {
        uint64_t translated, guest_bytes, host_bytes, search_bytes, guest_insns;
        uint64_t slots, chained, evictions, flushes;
        uint64_t invalidated, smc_writes, smc_misses, smc_restarts;
        uint64_t copied;
        uint64_t checked_pages, checked_blocks, changed_blocks;
        uint64_t ticks;
        int64_t cpu_ns, cpu_blocks;     /* measured by cpu_time_ns() */
    } stat;
};

/* -- Time, cheaply ----------------------------------------------------------- */

static int64_t clock_ns(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

static int64_t monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

/* Not so cheap: only with -d jit, else 0. */
static int64_t cpu_time_ns(void)
{
    return log_on(LOG_JIT) ? clock_ns(CLOCK_THREAD_CPUTIME_ID) : 0;
}

static uint64_t ticks(void)
{
#ifdef __x86_64__
    return __builtin_ia32_rdtsc();
#else
    return (uint64_t)monotonic_ns();
#endif
}

static double ticks_to_ms(const TBContext *t, uint64_t n)
{
    uint64_t all = ticks() - t->start_ticks;
    int64_t ns = monotonic_ns() - t->start_ns;

    return all ? (double)n * (double)ns / (double)all / 1e6 : 0;
}

/* -- Code buffer ------------------------------------------------------------- */

static void *map_lazily(void *near, size_t size, int prot)
{
    void *p = mmap(near, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

/* Close to our own code, so that calls of helpers are short. */
static uint8_t *map_code(size_t size)
{
    uintptr_t here = (uintptr_t)&tb_context_new & ~(uintptr_t)(HUGE_PAGE - 1);
    int prot = PROT_READ | PROT_WRITE | PROT_EXEC;

    for (size_t gap = HUGE_PAGE; gap < (1u << 30); gap *= 4) {
        if (here < size + gap) {
            break;
        }
        uint8_t *p = map_lazily((void *)(here - size - gap), size, prot);

        if (!p) {
            return NULL;
        }
        if (here - (uintptr_t)p < (1u << 31)) {
            return p;
        }
        munmap(p, size);
    }
    return map_lazily(NULL, size, prot);
}

static TranslationBlock *tb_number(const Region *r, unsigned n)
{
    return r->end - 1 - n;
}

/* Code of one more block ends here: behind that is its TranslationBlock. */
static uint8_t *code_end(const Region *r)
{
    return (uint8_t *)tb_number(r, r->num);
}

static void reset_region(Region *r)
{
    r->next = r->code;
    r->num = 0;
}

static void make_regions(TBContext *t)
{
    size_t room = t->buffer_size - t->prologue;

    t->num_regions = (unsigned)MIN(MAX(t->buffer_size / MIN_REGION, 2), MAX_REGIONS);
    size_t each = align_down(room / t->num_regions, _Alignof(TranslationBlock));

    for (unsigned i = 0; i < t->num_regions; i++) {
        Region *r = &t->region[i];

        r->code = t->buffer + t->prologue + i * each;
        r->end = (TranslationBlock *)(void *)(r->code + each);
        reset_region(r);
    }
}

static void dump_optimized(const TCGContext *s);

static void count_call(TCGContext *s, const TCGHelper *h)
{
    profile_call(s->counted_opaque, s, h);
}

static void make_tcg(TBContext *t)
{
    const TCGBackend *backend = &tcg_backend_interp;

#ifdef __x86_64__
    if (!t->options.interp) {
        backend = &tcg_backend_x86_64;
    }
#endif
    t->target = *t->ops->tcg;
    exec_fill_softmmu(&t->target.mmu);
    t->tcg = tcg_context_new(&t->target, backend, t->options.no_pin, t->buffer,
                             t->buffer_size, &t->prologue);
    t->prologue = align_up(t->prologue, _Alignof(TranslationBlock));
    t->tcg->no_opt = t->options.no_opt;
    t->tcg->x86_ops &= !t->options.no_fastfp;
    t->tcg->can_check &= t->options.selfcheck != SELFCHECK_NEVER;
    t->tcg->optimized = dump_optimized;
    t->tcg->counted_opaque = t->profile;
}

TBContext *tb_context_new(const CPUOps *ops, const AccelOptions *o, Error *err)
{
    uint64_t size = o->tb_size ? o->tb_size : DEFAULT_TB_SIZE;
    TBContext *t = xzalloc_huge(sizeof(*t));

    t->ops = ops;
    t->options = *o;
    t->buffer_size = align_up(MAX(MIN(size, MAX_TB_SIZE), 2 * (uint64_t)MIN_REGION),
                              RAM_PAGE_SIZE);
    pthread_mutex_init(&t->pending_lock, NULL);
    t->ahead = ahead_new();
    t->profile = profile_new(o->perfmap && !o->interp, err);
    if (!t->profile) {
        tb_context_free(t);
        return NULL;
    }
    t->buffer = map_code(t->buffer_size);
    if (!t->buffer) {
        error_set(err, ENOMEM, "code buffer: no %zu MiB of memory that may be "
                  "executed, try a smaller tb-size", t->buffer_size >> 20);
        tb_context_free(t);
        return NULL;
    }
    make_tcg(t);
    make_regions(t);
    madvise(t->buffer, t->buffer_size, MADV_HUGEPAGE);
    t->start_ticks = ticks();
    t->start_ns = monotonic_ns();
    return t;
}

void tb_context_free(TBContext *t)
{
    if (!t) {
        return;
    }
    ahead_free(t->ahead);
    tcg_context_free(t->tcg);
    tb_pages_free(&t->pages);
    for (unsigned i = 0; i < ARRAY_SIZE(t->models); i++) {
        free(t->models[i].words);
    }
    if (t->buffer) {
        munmap(t->buffer, t->buffer_size);
    }
    free(t->pending);
    profile_free(t->profile);
    pthread_mutex_destroy(&t->pending_lock);
    free(t);
}

void tb_context_add_cpu(TBContext *t, CPUState *cpu)
{
    assert(t->num_cpus < ARRAY_SIZE(t->cpus));
    t->cpus[t->num_cpus++] = cpu;
}

const TCGContext *tb_tcg(const TBContext *t)
{
    return t->tcg;
}

uint64_t tb_evictions(const TBContext *t)
{
    return t->stat.evictions;
}

/* -- Pages with code --------------------------------------------------------- */

static bool is_checked(TBContext *t, uint64_t ram_addr)
{
    const PageBlocks *p = tb_pages_find(&t->pages, ram_addr);

    return t->tcg->can_check && ram_addr != NO_PAGE &&
           (t->options.selfcheck == SELFCHECK_ALWAYS || (p && p->checked));
}

void tb_watch_page(TBContext *t, uint64_t ram_addr)
{
    if (!is_checked(t, ram_addr)) {
        ram_test_clear_dirty(ram_addr, 1, DIRTY_CODE);
    }
}

/* -- Chaining ---------------------------------------------------------------- */

static void unlink_jump(TBContext *t, TranslationBlock *from, unsigned n)
{
    tcg_patch_jump(t->tcg, from->tc_ptr, from->jmp_offset[n], NULL);
    from->jmp_dest[n] = NULL;
    from->jmp_used &= (uint8_t)~(1u << n);
}

static bool may_chain(const TBContext *t, const TranslationBlock *from, unsigned n,
                      const TranslationBlock *to)
{
    return !t->options.no_chain && from->jmp_offset[n] != ~0u &&
           !(from->jmp_used >> n & 1) && !from->cflags && !to->cflags &&
           tb_page_addr(to, 1) == NO_PAGE && from->cs_base == to->cs_base &&
           !((tb_linear_pc(from) ^ tb_linear_pc(to)) >> RAM_PAGE_BITS);
}

void tb_add_jump(TBContext *t, TranslationBlock *from, unsigned n,
                 TranslationBlock *to)
{
    if (!may_chain(t, from, n, to)) {
        return;
    }
    from->jmp_used |= (uint8_t)(1u << n);
    from->jmp_dest[n] = to;
    from->jmp_next[n] = to->jmp_first;
    to->jmp_first = tb_make_link(from, n);
    tcg_patch_jump(t->tcg, from->tc_ptr, from->jmp_offset[n], to->tc_ptr);
    t->stat.chained++;
}

/* Jumps of tb to others leave their lists. */
static void forget_outgoing(TranslationBlock *tb, unsigned n)
{
    if (!(tb->jmp_used >> n & 1)) {
        return;
    }
    uintptr_t *l = &tb->jmp_dest[n]->jmp_first;

    while (*l != tb_make_link(tb, n)) {
        l = &tb_of_link(*l)->jmp_next[tb_link_n(*l)];
    }
    *l = tb->jmp_next[n];
}

static void unlink_incoming(TBContext *t, TranslationBlock *tb)
{
    while (tb->jmp_first) {
        uintptr_t l = tb->jmp_first;

        tb->jmp_first = tb_of_link(l)->jmp_next[tb_link_n(l)];
        unlink_jump(t, tb_of_link(l), tb_link_n(l));
    }
}

/* -- Finding ----------------------------------------------------------------- */

static unsigned hash(uint64_t phys_pc, uint32_t pc, uint32_t flags)
{
    uint64_t h = (phys_pc ^ (uint64_t)pc << 24 ^ (uint64_t)flags << 40) *
                 0x9e3779b97f4a7c15ull;

    return (unsigned)(h >> (64 - HASH_BITS));
}

static uint64_t phys_pc_of(const TranslationBlock *tb)
{
    return tb->page.addr | (tb_linear_pc(tb) & (RAM_PAGE_SIZE - 1));
}

static TranslationBlock **bucket_of(TBContext *t, const TranslationBlock *tb)
{
    return &t->phys_hash[hash(phys_pc_of(tb), tb->pc, tb->flags)];
}

static bool second_page_is(CPUState *cpu, const TranslationBlock *tb, unsigned mmu_idx)
{
    uint32_t next = (tb_linear_pc(tb) | (RAM_PAGE_SIZE - 1)) + 1;
    CodePage p;

    if (tb_page_addr(tb, 1) == NO_PAGE) {
        return true;
    }
    code_lookup(cpu, next, mmu_idx, &p);
    return p.ram_addr == tb->rare->second.addr;
}

static void enter_jump_cache(CPUState *cpu, TranslationBlock *tb, unsigned mmu_idx,
                             bool global)
{
    CPUExec *x = cpu->common.exec;

    if (!x->options->no_chain && !tb->cflags &&
        !(x->num_breaks && cpu_breakpoint_on_page(cpu, tb_linear_pc(tb)))) {
        jump_cache_insert(cpu, tb, mmu_idx, global && tb_page_addr(tb, 1) == NO_PAGE);
    }
}

TranslationBlock *tb_find_slow(CPUState *cpu, const TBKey *key, unsigned cflags)
{
    TBContext *t = cpu->common.exec->tbs;
    unsigned mmu_idx = t->ops->mmu_index(cpu);
    uint32_t linear = key->pc + key->cs_base;
    CodePage p;

    cpu->common.exec->stat.lookups++;
    code_lookup(cpu, linear, mmu_idx, &p);
    if (p.ram_addr == NO_PAGE) {
        return NULL;
    }
    uint64_t phys_pc = p.ram_addr | (linear & (RAM_PAGE_SIZE - 1));
    TranslationBlock *tb = t->phys_hash[hash(phys_pc, key->pc, key->flags)];

    for (; tb; tb = tb->phys_hash_next) {
        if (tb->pc == key->pc && tb->page.addr == p.ram_addr &&
            tb->cs_base == key->cs_base && tb->flags == key->flags &&
            tb->cflags == cflags && second_page_is(cpu, tb, mmu_idx)) {
            enter_jump_cache(cpu, tb, mmu_idx, p.global);
            return tb;
        }
    }
    cpu->common.exec->stat.lookup_misses++;
    return NULL;
}

static Region *region_of(TBContext *t, uintptr_t code_ra)
{
    for (unsigned i = 0; i < t->num_regions; i++) {
        Region *r = &t->region[i];

        if (code_ra - (uintptr_t)r->code < (uintptr_t)r->end - (uintptr_t)r->code) {
            return r;
        }
    }
    return NULL;
}

TranslationBlock *tb_find_pc(TBContext *t, uintptr_t code_ra)
{
    Region *r = region_of(t, code_ra);
    unsigned lo = 0, hi = r ? r->num : 0;

    /* The first block that begins at code_ra or above. */
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;

        if ((uintptr_t)tb_number(r, mid)->tc_ptr < code_ra) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    TranslationBlock *tb = lo ? tb_number(r, lo - 1) : NULL;

    return tb && code_ra - (uintptr_t)tb->tc_ptr <= tb->tc_size ? tb : NULL;
}

/* -- Host pc -> guest state -------------------------------------------------- */

static uint8_t *put_number(uint8_t *p, uint32_t v)
{
    for (; v >= 0x80; v >>= 7) {
        *p++ = (uint8_t)(v | 0x80);
    }
    *p++ = (uint8_t)v;
    return p;
}

static const uint8_t *get_number(const uint8_t *p, uint32_t *v)
{
    unsigned shift = 0;

    *v = 0;
    for (; *p & 0x80; shift += 7) {
        *v |= (uint32_t)(*p++ & 0x7f) << shift;
    }
    *v |= (uint32_t)*p++ << shift;
    return p;
}

/* Small negative differences become small numbers. */
static uint32_t zigzag(uint32_t v)
{
    return v << 1 ^ (uint32_t)((int32_t)v >> 31);
}

static uint32_t unzigzag(uint32_t v)
{
    return v >> 1 ^ -(v & 1);
}

enum {
    MAX_SEARCH_PER_INSN = 15,
    MAX_RARE = sizeof(TBRare) + CHECK_BYTES + _Alignof(TBRare),
};

/* Search data: per instruction, differences to the one before. */
static uint8_t *encode_search(uint8_t *p, const TCGCode *c, uint32_t pc)
{
    TCGInsnStart last = { 0, pc, 0 };

    for (unsigned i = 0; i < c->num_insns; i++) {
        const TCGInsnStart *in = &c->insns[i];

        p = put_number(p, in->code_offset - last.code_offset);
        p = put_number(p, zigzag(in->pc - last.pc));
        p = put_number(p, zigzag(in->word - last.word));
        last = *in;
    }
    return p;
}

static bool search(const TranslationBlock *tb, uint32_t offset, TCGInsnStart *found)
{
    const uint8_t *p = tb->tc_ptr + tb->tc_size;
    TCGInsnStart in = { 0, tb->pc, 0 };
    bool any = false;

    for (unsigned i = 0; i < tb->num_insns; i++) {
        uint32_t d_offset, d_pc, d_word;

        p = get_number(p, &d_offset);
        p = get_number(p, &d_pc);
        p = get_number(p, &d_word);
        in.code_offset += d_offset;
        in.pc += unzigzag(d_pc);
        in.word += unzigzag(d_word);
        if (in.code_offset >= offset) {
            break;
        }
        *found = in;
        any = true;
    }
    return any;
}

bool tb_restore_state(CPUState *cpu, uintptr_t code_ra)
{
    TBContext *t = cpu->common.exec->tbs;
    const TranslationBlock *tb = tb_find_pc(t, code_ra);
    TCGInsnStart in;

    if (!tb || !search(tb, (uint32_t)(code_ra - (uintptr_t)tb->tc_ptr), &in)) {
        return false;
    }
    t->ops->restore_state(cpu, in.pc, in.word);
    return true;
}

/* -- Logging ----------------------------------------------------------------- */

static void put_op(void *opaque, const char *text)
{
    log_put(*(LogItem *)opaque, "%s", text);
}

static void dump_ops(const TCGContext *s, LogItem item, const char *title)
{
    if (log_on(item)) {
        log_put(item, "%s\n", title);
        tcg_dump_ops(s, put_op, &item);
        log_put(item, "\n");
    }
}

static void dump_optimized(const TCGContext *s)
{
    dump_ops(s, LOG_OP_OPT, "OP after optimization:");
}

static void log_guest_bytes(CPUState *cpu, uint32_t flags, uint32_t linear, uint32_t size)
{
    LogItem item = LOG_IN_ASM;
    int arch = 0, mode = -1;
    uint8_t *bytes = xmalloc(size);

    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = cpu_code_u8(cpu, linear + i);
    }
    if (cpu->common.ops->disas_mode) {
        mode = cpu->common.ops->disas_mode(flags, &arch);
    }
    disas_guest(arch, mode, linear, bytes, size, put_op, &item);
    log_put(item, "\n");
    free(bytes);
}

static void log_guest_code(CPUState *cpu, const DisasRequest *req)
{
    uint32_t linear = req->key.pc + req->key.cs_base, flags = req->key.flags;

    if (!log_on(LOG_IN_ASM) || !req->size) {
        return;
    }
    log_put(LOG_IN_ASM, "----------------\nIN: flags %08x\n", flags);
    log_guest_bytes(cpu, flags, linear, req->size);
    if (req->before) {
        log_guest_bytes(cpu, flags, linear - req->before, req->before);
    }
}

static void log_host_code(const uint8_t *code, size_t len)
{
    LogItem item = LOG_OUT_ASM;

    if (log_on(item)) {
        log_put(item, "OUT: [size=%zu]\n", len);
        disas_host(code, len, put_op, &item);
        log_put(item, "\n");
    }
}

/* -- Making ------------------------------------------------------------------ */

static void empty_region(TBContext *t, Region *r)
{
    for (unsigned i = 0; i < r->num; i++) {
        TranslationBlock *tb = tb_number(r, i);

        if (!(tb->cflags & TB_INVALID)) {
            tb_phys_invalidate(t, tb);
        }
    }
    reset_region(r);
    t->stat.evictions++;
}

/* Room for one block in the current region, or begin the oldest one anew. */
static void next_region(TBContext *t)
{
    t->current = (t->current + 1) % t->num_regions;
    if (t->region[t->current].num) {
        empty_region(t, &t->region[t->current]);
    }
}

static void generate_once(CPUState *cpu, DisasRequest *req)
{
    TBContext *t = cpu->common.exec->tbs;

    code_begin(cpu, req->mmu_idx);
    tcg_begin(t->tcg);
    t->tcg->counted = log_on(LOG_JIT) ? count_call : NULL;
    req->size = req->before = req->num_insns = 0;
    t->ops->gen_intermediate_code(cpu, t->tcg, req);
    assert(req->size && req->num_insns && req->size <= 2 * RAM_PAGE_SIZE);
}

/* What is at linear now, on up to two pages. */
static void take_snapshot(TBContext *t, const CodePage *pages, uint32_t linear, uint32_t size)
{
    uint32_t offset = linear & (RAM_PAGE_SIZE - 1);
    uint32_t first = MIN(size, RAM_PAGE_SIZE - offset);
    bool second = pages[1].page == (linear & ~(RAM_PAGE_SIZE - 1));

    t->check[0] = (TCGCheck){ pages[second].host + offset, t->snapshot, first };
    t->check[1] = (TCGCheck){ pages[!second].host, t->snapshot + first, size - first };
    for (unsigned i = 0; i < 2; i++) {
        if (t->check[i].len) {
            memcpy(t->snapshot + i * first, t->check[i].host, t->check[i].len);
        }
    }
}

static bool unchanged(const TCGCheck *c)
{
    return !memcmp(c[0].host, c[0].bytes, c[0].len) &&
           (!c[1].len || !memcmp(c[1].host, c[1].bytes, c[1].len));
}

/* Was the block made from the bytes of the snapshot?  If so that is cut to it. */
static bool snapshot_fits(TBContext *t, uint32_t size)
{
    TCGCheck *c = t->check;

    if (size > c[0].len + c[1].len) {
        return false;
    }
    c[0].len = MIN(c[0].len, size);
    c[1].len = size - c[0].len;
    return unchanged(c);
}

/* Nothing tells that another thread writes there meanwhile: what is made between
 * two looks that find the same bytes is made from those. */
static void generate_checked(CPUState *cpu, DisasRequest *req)
{
    TBContext *t = cpu->common.exec->tbs;
    const CodePage *pages = cpu->common.exec->code;
    uint32_t linear = req->key.pc + req->key.cs_base;
    uint32_t rest = RAM_PAGE_SIZE - (linear & (RAM_PAGE_SIZE - 1));
    CodePage first[2] = { { .page = NO_TLB_PAGE }, { .page = NO_TLB_PAGE } };

    req->max_insns = MIN(req->max_insns, CHECK_INSNS);
    code_lookup(cpu, linear, req->mmu_idx, &first[0]);
    take_snapshot(t, first, linear, MIN(rest, CHECK_BYTES));
    generate_once(cpu, req);
    while (!snapshot_fits(t, req->size)) {
        if (req->size > rest && (!pages[0].host || !pages[1].host)) {
            return;                     /* half of it is a device's: run once */
        }
        assert(req->size <= CHECK_BYTES);
        take_snapshot(t, pages, linear, req->size);
        generate_once(cpu, req);
    }
    memcpy(t->tcg->check, t->check, sizeof(t->check));
}

static void generate_ops(CPUState *cpu, DisasRequest *req)
{
    TBContext *t = cpu->common.exec->tbs;
    const CodePage *pages = cpu->common.exec->code;

    if (!req->checked) {
        generate_once(cpu, req);
        /* The second page, which was not known, may ask for it. */
        req->checked = pages[1].page != NO_TLB_PAGE && pages[0].ram_addr != NO_PAGE &&
                       pages[1].ram_addr != NO_PAGE && is_checked(t, pages[1].ram_addr);
    }
    if (req->checked) {
        generate_checked(cpu, req);
    }
    log_guest_code(cpu, req);
    dump_ops(t->tcg, LOG_OP, "OP:");
}

/* A second page, and how the block was checked, for tb_check(). */
static uint8_t *add_rare(TBContext *t, TranslationBlock *tb, uint8_t *at)
{
    TBRare *rare = (TBRare *)align_up((uintptr_t)at, _Alignof(TBRare));
    uint8_t *bytes = (uint8_t *)(rare + 1);
    uint32_t first = tb_linear_pc(tb), last = first + tb->size - 1;
    bool checks = t->tcg->check[0].len;

    if (!checks && !((first ^ last) >> RAM_PAGE_BITS)) {
        return at;
    }
    rare->second = (TBPage){ .addr = NO_PAGE };
    for (unsigned i = 0; i < 2; i++) {
        TCGCheck *c = &rare->check[i];

        *c = t->tcg->check[i];
        if (c->len) {
            memcpy(bytes, c->bytes, c->len);
            c->bytes = bytes;
            bytes += c->len;
        }
    }
    tb->rare = rare;
    t->stat.checked_blocks += checks;
    return bytes;
}

/* Host code and search data behind r->next; false if they do not fit. */
static bool generate_code(TBContext *t, Region *r, TranslationBlock *tb)
{
    uint8_t *code = r->next + CODE_ALIGN, *limit = code_end(r);

    if (tcg_gen_code(t->tcg, code, (size_t)(limit - code), tb, &t->code) < 0) {
        return false;
    }
    uint8_t *search_data = code + t->code.size;

    if (limit - search_data <
        (long)t->code.num_insns * MAX_SEARCH_PER_INSN + CODE_ALIGN + MAX_RARE) {
        return false;
    }
    uint8_t *end = encode_search(search_data, &t->code, tb->pc);

    log_host_code(code, t->code.size);
    profile_block(t->profile, code, t->code.size, tb_linear_pc(tb));
    ((TranslationBlock **)(void *)code)[-1] = tb;
    tb->tc_ptr = code;
    tb->tc_size = t->code.size;
    tb->num_insns = (uint16_t)t->code.num_insns;
    r->next = (uint8_t *)align_up((uintptr_t)add_rare(t, tb, end), CODE_ALIGN);
    r->num++;
    tb->search_size = (uint16_t)(end - search_data);
    t->stat.search_bytes += tb->search_size;
    return true;
}

/* cpu_gen_code: operations, then code; a block that fits nowhere gets shorter. */
static TranslationBlock *cpu_gen_code(CPUState *cpu, DisasRequest *req)
{
    TBContext *t = cpu->common.exec->tbs;

    for (;;) {
        Region *r = &t->region[t->current];
        bool fresh = r->num == 0;
        TranslationBlock *tb = tb_number(r, r->num);

        generate_ops(cpu, req);
        if (code_end(r) - r->next >= MIN_ROOM) {
            *tb = (TranslationBlock){
                .pc = req->key.pc, .cs_base = req->key.cs_base,
                .flags = req->key.flags, .size = (uint16_t)req->size,
                .before = (uint16_t)req->before, .page = { .addr = NO_PAGE },
            };
            if (generate_code(t, r, tb)) {
                return tb;
            }
        }
        if (fresh) {
            assert(req->max_insns > 1);
            req->max_insns /= 2;
        } else {
            next_region(t);
        }
    }
}

static void tb_link_page(TBContext *t, TranslationBlock *tb)
{
    TranslationBlock **bucket = bucket_of(t, tb);

    tb->phys_hash_next = *bucket;
    *bucket = tb;
    for (unsigned n = 0; n < 2; n++) {
        if (tb_page_addr(tb, n) != NO_PAGE) {
            tb_pages_add(&t->pages, tb, n);
            tb_watch_page(t, tb_page_addr(tb, n));
        }
    }
}

/* Which pages of RAM it lies in; not all RAM: it is used once. */
static void find_pages(CPUState *cpu, TranslationBlock *tb)
{
    const CodePage *p = cpu->common.exec->code;
    uint32_t first = tb_linear_pc(tb), last = first + tb->size - 1;

    for (unsigned i = 0; i < 2; i++) {
        if (p[i].page == (first & ~(RAM_PAGE_SIZE - 1))) {
            tb->page.addr = p[i].ram_addr;
        } else if (p[i].page == (last & ~(RAM_PAGE_SIZE - 1))) {
            tb->rare->second.addr = p[i].ram_addr;
            if (p[i].ram_addr == NO_PAGE) {
                tb->cflags |= TB_NO_CACHE;
            }
        }
    }
    if (tb->page.addr == NO_PAGE) {
        tb->cflags |= TB_NO_CACHE;
    }
}

/* -- Copying ----------------------------------------------------------------- */

/* Has the page blocks that were made for it at another address?  Most have not. */
static bool is_moved(const TBContext *t, uint64_t ram_addr, uint32_t linear)
{
    const PageBlocks *p = tb_pages_find(&t->pages, ram_addr);

    return p && p->first && (p->moved || p->linear != (linear & ~(RAM_PAGE_SIZE - 1)));
}

static Model *model_of(TBContext *t, uint64_t phys_pc, uint32_t flags)
{
    uint64_t h = (phys_pc ^ (uint64_t)flags << 40) * 0x9e3779b97f4a7c15ull;

    return &t->models[h >> (64 - MODEL_BITS)];
}

static void set_model(Model *m, TranslationBlock *tb)
{
    free(m->words);
    *m = (Model){ .tb = tb };
}

static bool is_model(const Model *m, const TBKey *key, uint64_t page)
{
    const TranslationBlock *tb = m->tb;

    return tb && tb->page.addr == page && tb->flags == key->flags && tb->pc != key->pc &&
           !((tb->pc ^ key->pc) & (RAM_PAGE_SIZE - 1));
}

static Place place_of_block(const TranslationBlock *tb)
{
    return (Place){ { tb->pc, (uint32_t)(uintptr_t)tb->tc_ptr, (uint32_t)(uintptr_t)tb } };
}

/* All bits of pc that differ have differed before, one way or the other, and the
 * code moved with them: so it is no other function of them either. */
static bool is_covered(const Model *m, uint32_t pc)
{
    return m->words && !((m->tb->pc ^ pc) & ~m->seen);
}

static TranslationBlock *copy_block(TBContext *t, const TBKey *key, uint64_t page)
{
    Model *m = model_of(t, page | (key->pc & (RAM_PAGE_SIZE - 1)), key->flags);
    Region *r = &t->region[t->current];
    TranslationBlock *from = m->tb, *tb = tb_number(r, r->num);
    uint8_t *code = r->next + CODE_ALIGN;

    if (!is_model(m, key, page) || !is_covered(m, key->pc) ||
        ((uintptr_t)from ^ (uintptr_t)tb) >> 32 ||
        code_end(r) - code < (long)from->tc_size + from->search_size + CODE_ALIGN) {
        return NULL;
    }
    *tb = (TranslationBlock){
        .pc = key->pc, .flags = key->flags, .size = from->size,
        .num_insns = from->num_insns, .search_size = from->search_size,
        .tc_size = from->tc_size, .tc_ptr = code,
        .before = from->before, .page = { .addr = page },
    };
    memcpy(tb->jmp_offset, from->jmp_offset, sizeof(tb->jmp_offset));
    Place old = place_of_block(from), new = place_of_block(tb);

    memcpy(code, from->tc_ptr, from->tc_size + from->search_size);
    move_words(code, m->words, m->num, &old, &new);
    for (unsigned n = 0; n < TCG_SLOTS; n++) {
        if (tb->jmp_offset[n] != ~0u) {
            tcg_patch_jump(t->tcg, code, tb->jmp_offset[n], NULL);
        }
    }
    ((TranslationBlock **)(void *)code)[-1] = tb;
    profile_block(t->profile, code, tb->tc_size, tb->pc);
    r->next = (uint8_t *)align_up((uintptr_t)code + tb->tc_size + tb->search_size, CODE_ALIGN);
    r->num++;
    t->stat.copied++;
    return tb;
}

/* A block of the same code that was made before its page was found to be moved. */
static TranslationBlock *find_model(const TBContext *t, const TBKey *key, uint64_t page)
{
    for (uintptr_t l = tb_pages_find(&t->pages, page)->first; l; l = tb_page_of_link(l)->next) {
        Model m = { .tb = tb_of_link(l) };

        if (tb_link_n(l) == 0 && !m.tb->cs_base && !m.tb->cflags && !m.tb->rare &&
            is_model(&m, key, page)) {
            return m.tb;
        }
    }
    return NULL;
}

/* A block has been translated: what does it tell about its model? */
static void learn_copying(TBContext *t, TranslationBlock *tb)
{
    TBKey key = { .pc = tb->pc, .flags = tb->flags };
    Model *m = model_of(t, phys_pc_of(tb), tb->flags);
    MovedWord words[MAX_MOVED];
    uint32_t skip[TCG_SLOTS];

    if (!m->tb) {
        m->tb = find_model(t, &key, tb->page.addr);
    }
    if (!is_model(m, &key, tb->page.addr) || tb->tc_size != m->tb->tc_size ||
        tb->search_size != m->tb->search_size) {
        set_model(m, tb);
        return;
    }
    for (unsigned n = 0; n < TCG_SLOTS; n++) {
        skip[n] = tb->jmp_offset[n] == ~0u ? ~0u
                  : tcg_jump_word(t->tcg, tb->tc_ptr, tb->jmp_offset[n]);
    }
    Place old = place_of_block(m->tb), new = place_of_block(tb);
    int num = find_moved_words(m->tb->tc_ptr, tb->tc_ptr, tb->tc_size, &old, &new, skip, words,
                               MAX_MOVED);
    size_t bytes = (unsigned)num * sizeof(*words);

    if (num < 0 || (m->words && ((unsigned)num != m->num || memcmp(words, m->words, bytes)))) {
        set_model(m, tb);
        return;
    }
    if (!m->words) {
        m->words = xmalloc(bytes + 1);
        memcpy(m->words, words, bytes);
        m->num = (unsigned)num;
    }
    m->seen |= m->tb->pc ^ tb->pc;
}

/* A block has been made: the memory for the next ones. */
static void prepare_next(TBContext *t)
{
    const Region *r = &t->region[t->current];

    ahead_of(t->ahead, &t->code_ahead, r->next, code_end(r));
    ahead_of(t->ahead, &t->tbs_ahead, code_end(r), r->next);
}

static void count_block(TBContext *t, const TranslationBlock *tb)
{
    t->stat.translated++;
    t->stat.guest_bytes += tb->size;
    t->stat.guest_insns += tb->num_insns;
    t->stat.host_bytes += tb->tc_size;
    for (unsigned n = 0; n < TCG_SLOTS; n++) {
        t->stat.slots += tb->jmp_offset[n] != ~0u;
    }
}

static const TranslationBlock *invalidate_on_page(TBContext *t, PageBlocks *p, uint32_t start,
                                                  uint32_t end, uintptr_t code_ra);

/* A new block on a page that checks itself; a page left alone stops doing so. */
static bool new_block_checks(TBContext *t, uint64_t ram_addr)
{
    PageBlocks *p = tb_pages_find(&t->pages, ram_addr);

    if (p && p->checked && monotonic_ns() - p->since > CHECK_LEASE) {
        invalidate_on_page(t, p, 0, RAM_PAGE_SIZE, 0);
        p->checked = false;
    }
    return is_checked(t, ram_addr);
}

/* Somebody wants to read it. */
static bool log_code(void)
{
    return log_on(LOG_IN_ASM) || log_on(LOG_OP) || log_on(LOG_OP_OPT) || log_on(LOG_OUT_ASM);
}

TranslationBlock *tb_gen_code(CPUState *cpu, const TBKey *key, unsigned cflags)
{
    TBContext *t = cpu->common.exec->tbs;
    uint64_t start = ticks();
    int64_t cpu_start = cpu_time_ns();
    CodePage p;
    DisasRequest req = {
        .key = *key,
        .max_insns = MAX_INSNS,
        .mmu_idx = t->ops->mmu_index(cpu),
    };

    code_lookup(cpu, key->pc + key->cs_base, req.mmu_idx, &p);
    if ((cflags & TB_ONE_INSN) || t->options.singlestep || p.ram_addr == NO_PAGE ||
        (cpu->common.exec->num_breaks &&
         cpu_breakpoint_on_page(cpu, key->pc + key->cs_base))) {
        req.max_insns = 1;
        req.singlestep = true;
    }
    req.checked = p.ram_addr != NO_PAGE && new_block_checks(t, p.ram_addr);
    bool copies = !t->options.no_copy && tcg_can_copy(t->tcg) && !req.singlestep &&
                  !req.checked && !key->cs_base && !log_code();
    TranslationBlock *tb = copies && is_moved(t, p.ram_addr, key->pc)
                           ? copy_block(t, key, p.ram_addr) : NULL;

    if (!tb) {
        tb = cpu_gen_code(cpu, &req);
        tb->cflags = (uint8_t)cflags;
        memcpy(tb->jmp_offset, t->code.jump, sizeof(tb->jmp_offset));
        find_pages(cpu, tb);
        if (copies && !req.bound && !tb->cflags && !tb->rare &&
            is_moved(t, tb->page.addr, tb->pc)) {
            learn_copying(t, tb);
        }
    }
    if (tb->cflags & TB_NO_CACHE) {
        tb->page.addr = NO_PAGE;
        tb->rare = NULL;
    } else {
        tb_link_page(t, tb);
        enter_jump_cache(cpu, tb, req.mmu_idx, p.global);
    }
    prepare_next(t);
    count_block(t, tb);
    t->stat.ticks += ticks() - start;
    if (cpu_start) {
        t->stat.cpu_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_start;
        t->stat.cpu_blocks++;
    }
    return tb;
}

/* -- Ending ------------------------------------------------------------------ */

static void remove_from_hash(TBContext *t, TranslationBlock *tb)
{
    TranslationBlock **p = bucket_of(t, tb);

    while (*p != tb) {
        p = &(*p)->phys_hash_next;
    }
    *p = tb->phys_hash_next;
}

static void forget_model(TBContext *t, const TranslationBlock *tb)
{
    if (tb_pages_find(&t->pages, tb->page.addr)->moved) {
        Model *m = model_of(t, phys_pc_of(tb), tb->flags);

        if (m->tb == tb) {
            set_model(m, NULL);
        }
    }
}

void tb_phys_invalidate(TBContext *t, TranslationBlock *tb)
{
    assert(!(tb->cflags & TB_INVALID));
    if (tb->cflags & TB_NO_CACHE) {
        tb->cflags |= TB_INVALID;
        return;
    }
    remove_from_hash(t, tb);
    forget_model(t, tb);
    for (unsigned n = 0; n < 2; n++) {
        if (tb_page_addr(tb, n) != NO_PAGE) {
            tb_pages_remove(&t->pages, tb, n);
        }
    }
    for (unsigned n = 0; n < TCG_SLOTS; n++) {
        forget_outgoing(tb, n);
    }
    unlink_incoming(t, tb);
    for (unsigned n = 0; n < TCG_SLOTS; n++) {
        /* It may be running: it must come back to us at its end. */
        if (tb->jmp_used >> n & 1) {
            unlink_jump(t, tb, n);
        }
    }
    for (unsigned i = 0; i < t->num_cpus; i++) {
        jump_cache_remove(t->cpus[i], tb);
    }
    tb->cflags |= TB_INVALID;
    t->stat.invalidated++;
}

void tb_flush(TBContext *t)
{
    for (unsigned i = 0; i < t->num_regions; i++) {
        empty_region(t, &t->region[i]);
    }
    t->current = 0;
    t->stat.flushes++;
}

static bool has_host_pc(const TranslationBlock *tb, uintptr_t code_ra)
{
    return code_ra - (uintptr_t)tb->tc_ptr - 1 < tb->tc_size;
}

/* End the blocks of one page that have bytes in [start, end) of it.  The one
 * that code_ra is in, if it was among them. */
static const TranslationBlock *invalidate_on_page(TBContext *t, PageBlocks *p, uint32_t start,
                                                  uint32_t end, uintptr_t code_ra)
{
    const TranslationBlock *hit = NULL;
    bool any = false;
    uintptr_t next;

    for (uintptr_t l = p->first; l; l = next) {
        TranslationBlock *tb = tb_of_link(l);
        uint32_t from, to;

        next = tb_page_of_link(l)->next;
        tb_bytes_on_page(tb, tb_link_n(l), &from, &to);
        /* Twice in the list: both its pages are this one, mapped twice. */
        if (!(tb->cflags & TB_INVALID) && from < end && start < to) {
            hit = has_host_pc(tb, code_ra) ? tb : hit;
            any = true;
            tb_phys_invalidate(t, tb);
        }
    }
    if (!any && p->map) {
        page_blocks_draw_map(p);
    }
    return hit;
}

/* Has protecting the page cost much lately? */
static bool written_often(PageBlocks *p)
{
    if (p->cost < CHECK_COST) {
        return false;
    }
    int64_t now = monotonic_ns();
    bool often = now - p->since < CHECK_WITHIN;

    p->since = now;
    p->cost = 0;
    return often;
}

/* It is not protected any more. */
static const TranslationBlock *begin_checks(TBContext *t, PageBlocks *p, uintptr_t code_ra)
{
    const TranslationBlock *hit = invalidate_on_page(t, p, 0, RAM_PAGE_SIZE, code_ra);

    p->checked = true;
    t->stat.checked_pages++;
    return hit;
}

/* The part of a write that is on one page. */
static const TranslationBlock *write_on_page(TBContext *t, uint64_t page, uint32_t start,
                                             uint32_t end, uintptr_t code_ra)
{
    PageBlocks *p = tb_pages_find(&t->pages, page);

    if (!p || !p->first) {
        ram_set_dirty_client(page, DIRTY_CODE);
        return NULL;
    }
    t->stat.smc_writes++;
    p->cost++;
    if (t->tcg->can_check && written_often(p)) {
        return begin_checks(t, p, code_ra);
    }
    if (!p->map && ++p->writes == MAP_AFTER) {
        page_blocks_draw_map(p);
    }
    if (p->map && !page_blocks_map_hit(p, start, end)) {
        t->stat.smc_misses++;
        return NULL;
    }
    uint64_t before = t->stat.invalidated;
    const TranslationBlock *hit = invalidate_on_page(t, p, start, end, code_ra);

    p->cost += BLOCK_COST * (uint32_t)(t->stat.invalidated - before);
    return hit;
}

void tb_check(TBContext *t, TranslationBlock *tb)
{
    if (!tb->rare || !tb->rare->check[0].len || (tb->cflags & TB_INVALID) ||
        unchanged(tb->rare->check)) {
        return;
    }
    for (unsigned n = 0; n < 2; n++) {
        uint64_t ram_addr = tb_page_addr(tb, n);
        PageBlocks *p = ram_addr != NO_PAGE ? tb_pages_find(&t->pages, ram_addr) : NULL;

        if (p && p->checked) {
            p->since = monotonic_ns();
        }
    }
    tb_phys_invalidate(t, tb);
    t->stat.changed_blocks++;
}

bool tb_is_beside_code(TBContext *t, uint64_t ram_addr, unsigned len)
{
    PageBlocks *p = tb_pages_find(&t->pages, ram_addr);
    uint32_t start = ram_addr & (RAM_PAGE_SIZE - 1);

    if (!p || !p->map || p->cost >= CHECK_COST || page_blocks_map_hit(p, start, start + len)) {
        return false;
    }
    p->cost++;
    t->stat.smc_writes++;
    t->stat.smc_misses++;
    return true;
}

/* RAM is written by the code at code_ra, 0 if not by code: the block that has
 * written to itself, if one has. */
static const TranslationBlock *write_range(TBContext *t, uint64_t ram_addr, uint64_t len,
                                           uintptr_t code_ra)
{
    uint64_t end = ram_addr + len;
    const TranslationBlock *hit = NULL;

    for (uint64_t a = ram_addr; a < end;) {
        uint64_t page = align_down(a, RAM_PAGE_SIZE);
        uint64_t stop = MIN(end, page + RAM_PAGE_SIZE);

        if (!ram_is_dirty(page, DIRTY_CODE)) {
            const TranslationBlock *tb = write_on_page(t, page, (uint32_t)(a - page),
                                                       (uint32_t)(stop - page), code_ra);

            hit = tb ? tb : hit;
        }
        a = stop;
    }
    return hit;
}

void tb_invalidate_phys_range(CPUState *cpu, uint64_t ram_addr, uint64_t len,
                              uintptr_t code_ra)
{
    CPUExec *x = cpu->common.exec;
    TBContext *t = x->tbs;
    const TranslationBlock *running = write_range(t, ram_addr, len, code_ra);

    /* A single instruction is left behind the store anyway. */
    if (running && !(running->cflags & TB_ONE_INSN)) {
        t->stat.smc_restarts++;
        x->one_insn = true;
        exec_leave(cpu, code_ra);
    }
}

void tb_code_written(TBContext *t, uint64_t ram_addr, uint64_t len)
{
    pthread_mutex_lock(&t->pending_lock);
    if (t->num_pending == t->max_pending) {
        t->max_pending = t->max_pending * 2 + 16;
        t->pending = xrealloc(t->pending, t->max_pending * sizeof(*t->pending));
    }
    t->pending[t->num_pending++] = (Range){ ram_addr, len };
    pthread_mutex_unlock(&t->pending_lock);
}

void tb_run_pending(TBContext *t)
{
    if (!__atomic_load_n(&t->num_pending, __ATOMIC_RELAXED)) {
        return;
    }
    pthread_mutex_lock(&t->pending_lock);
    Range *list = t->pending;
    size_t num = t->num_pending;

    t->pending = NULL;
    t->num_pending = t->max_pending = 0;
    pthread_mutex_unlock(&t->pending_lock);
    for (size_t i = 0; i < num; i++) {
        write_range(t, list[i].ram_addr, list[i].len, 0);
    }
    free(list);
}

/* -- info jit ---------------------------------------------------------------- */

static double ratio(uint64_t a, uint64_t b)
{
    return b ? (double)a / (double)b : 0;
}

void translate_dump_info(const TBContext *t, void (*put)(void *, const char *),
                         void *opaque)
{
    Out o = { put, opaque };
    uint64_t used = 0, live = 0;
    double ms = ticks_to_ms(t, t->stat.ticks);

    for (unsigned i = 0; i < t->num_regions; i++) {
        const Region *r = &t->region[i];

        used += (uint64_t)(r->next - r->code) + r->num * sizeof(TranslationBlock);
        live += r->num;
    }
    out_printf(&o, "code buffer        %.1f of %.1f MiB used, %u regions\n",
               (double)used / 1048576, (double)t->buffer_size / 1048576, t->num_regions);
    out_printf(&o, "blocks             %" PRIu64 " in buffer, %" PRIu64 " translated\n", live,
               t->stat.translated);
    out_printf(&o, "guest              %" PRIu64 " bytes, %" PRIu64 " instructions, "
               "%.1f per block\n",
               t->stat.guest_bytes, t->stat.guest_insns,
               ratio(t->stat.guest_insns, t->stat.translated));
    out_printf(&o, "host               %" PRIu64 " bytes, expansion %.1f, "
               "search data %" PRIu64 "\n",
               t->stat.host_bytes, ratio(t->stat.host_bytes, t->stat.guest_bytes),
               t->stat.search_bytes);
    out_printf(&o, "chained            %" PRIu64 " times, %.0f%% of %" PRIu64 " jumps\n",
               t->stat.chained, 100 * ratio(t->stat.chained, t->stat.slots), t->stat.slots);
    out_printf(&o, "invalidated        %" PRIu64 " blocks; regions emptied %" PRIu64
               ", flushes %" PRIu64 "\n", t->stat.invalidated, t->stat.evictions, t->stat.flushes);
    out_printf(&o, "writes near code   %" PRIu64 ", missed it %" PRIu64 ", in the running block %"
               PRIu64 "\n", t->stat.smc_writes, t->stat.smc_misses, t->stat.smc_restarts);
    out_printf(&o, "copied             %" PRIu64 " blocks to other addresses\n", t->stat.copied);
    out_printf(&o, "self-checking      %" PRIu64 " pages, %" PRIu64 " blocks, found changed %"
               PRIu64 "\n", t->stat.checked_pages, t->stat.checked_blocks,
               t->stat.changed_blocks);
    out_printf(&o, "translating        %.1f ms, %.2f us a block\n", ms,
               t->stat.translated ? 1000 * ms / (double)t->stat.translated : 0);
    if (t->stat.cpu_blocks) {
        out_printf(&o, "                   %.2f us a block of CPU time\n",
                   (double)t->stat.cpu_ns / (double)t->stat.cpu_blocks / 1000);
    }
    profile_dump(t->profile, put, opaque);
}
