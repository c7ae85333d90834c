/* SPDX-License-Identifier: MIT */
/*
 * A guest for tests of tcg/, and its Variants: back end x optimizer x pinning.
 *
 * Sixteen pages of memory behind a TLB of eight entries; what its devices and its
 * helpers see goes into log_hash.  Each including program has its own.
 */
#ifndef TESTS_UNIT_TCG_RIG_H
#define TESTS_UNIT_TCG_RIG_H

#include "tcg/tcg.h"

#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "tcg/backend.h"
#include "tcg/eval.h"
#include "tests/test.h"
#ifdef __x86_64__
#include "tcg/x86_64/x86.h"
#endif

/* -- A guest ----------------------------------------------------------------- */

enum { PAGE_BITS = 12, TLB_BITS = 3, JC_BITS = 4, NUM_PAGES = 16,
       MEM_SIZE = NUM_PAGES << PAGE_BITS };

typedef struct TlbEntry {
    uint32_t read, write;
    uint64_t addend;
} TlbEntry;

typedef struct JumpEntry {
    uint32_t pc, tag;
    uint64_t tc_ptr;
} JumpEntry;

typedef struct Env {
    uint32_t r[8];
    uint32_t m[6];
    uint64_t q[4];
    uint64_t w[2];
    TCGVec v[3] __attribute__((aligned(16)));
    uint8_t bytes[64] __attribute__((aligned(16)));
    uint32_t mxcsr;
    /* From here on variants may differ. */
    uint32_t exit_request, mask[2];
    TlbEntry tlb[2][1 << TLB_BITS];
    JumpEntry jump[1 << JC_BITS];
    uint32_t far;
} Env;

#define R(i, p) { "r" #i, offsetof(Env, r[i]), TCG_I32, p }
#define G(f, i, t, p) { #f #i, offsetof(Env, f[i]), t, p }

enum { GR = 0, GM = 8, GQ = 14, GW = 18, GV = 20, NUM_GLOBALS = 23 };

static const TCGGlobalDef globals[NUM_GLOBALS] = {
    R(0, 1), R(1, 2), R(2, 3), R(3, 4), R(4, 5), R(5, 6), R(6, 7), R(7, 0),
    G(m, 0, TCG_I32, 0), G(m, 1, TCG_I32, 0), G(m, 2, TCG_I32, 0),
    G(m, 3, TCG_I32, 0), G(m, 4, TCG_I32, 0), G(m, 5, TCG_I32, 0),
    G(q, 0, TCG_I64, 0), G(q, 1, TCG_I64, 0), G(q, 2, TCG_I64, 0),
    G(q, 3, TCG_I64, 0),
    G(w, 0, TCG_I64, 8), G(w, 1, TCG_I64, 0),
    G(v, 0, TCG_V128, 0), G(v, 1, TCG_V128, 0), G(v, 2, TCG_V128, 0),
};

static uint8_t guest_mem[2 * MEM_SIZE + 64];
static bool banked;                     /* some device accesses change what is mapped: */
static uint32_t bank;                   /*     0 or MEM_SIZE into guest_mem */
static jmp_buf fault_jmp;
static uint64_t log_hash;               /* what devices and helpers saw */
static unsigned slow_accesses;
static bool flush_on_device;            /* any device access empties the TLB */
static TCGContext *running;
static const uint8_t *running_code;
static const TCGCode *running_out;

static void mix(uint64_t v)
{
    log_hash = (log_hash ^ v) * 0x9e3779b97f4a7c15ull;
    log_hash ^= log_hash >> 29;
}

static void mix_state(const Env *env)
{
    const uint8_t *p = (const uint8_t *)env;

    for (size_t i = 0; i < offsetof(Env, bytes); i++) {
        mix(p[i]);
    }
}

static uint32_t pc_of(uintptr_t ra)
{
    uint32_t offset = (uint32_t)(ra - (uintptr_t)running_code), pc = ~0u;

    for (uint32_t i = 0; i < running_out->num_insns; i++) {
        if (running_out->insns[i].code_offset < offset) {
            pc = running_out->insns[i].pc;
        }
    }
    return pc;
}

/* Odd pages are devices: each access is seen.  Page 15 faults. */
static bool is_device(uint32_t addr)
{
    return addr >> PAGE_BITS & 1;
}

static void slow_access(Env *env, uint64_t addr, uint32_t memop, uintptr_t ra,
                        bool write)
{
    uint32_t a = (uint32_t)addr % MEM_SIZE, size = 1u << (memop & MO_SIZE);

    slow_accesses++;
    if (flush_on_device && is_device(a)) {
        memset(env->tlb, 0xff, sizeof(env->tlb));
    }
    if (is_device(a) || is_device(a + size - 1)) {
        mix(a);
        mix(memop);
        mix(pc_of(ra));
        mix_state(env);
        if (banked && (a & 4)) {
            bank ^= MEM_SIZE;
            memset(env->tlb, 0xff, sizeof(env->tlb));
        }
    } else if (((a ^ (a + size - 1)) >> PAGE_BITS) == 0) {
        TlbEntry *e = &env->tlb[0][(uint32_t)addr >> PAGE_BITS &
                                   ((1 << TLB_BITS) - 1)];

        e->read = (uint32_t)addr & ~0xfffu;
        e->write = write ? e->read : e->write == e->read ? e->read : ~0u;
        e->addend = (uintptr_t)guest_mem + bank + a - (uint32_t)addr;
    }
    if (a >> PAGE_BITS == NUM_PAGES - 1) {
        longjmp(fault_jmp, 1);
    }
}

static uint64_t slow_ld(void *env, uint64_t addr, uint32_t memop,
                        uint32_t mmu_idx, uintptr_t ra)
{
    unsigned size = 1u << (memop & MO_SIZE);
    uint64_t v = 0;

    CHECK(mmu_idx == 0);
    slow_access(env, addr, memop, ra, memop & MO_RMW);
    memcpy(&v, guest_mem + bank + (uint32_t)addr % MEM_SIZE, size);
    if (memop & MO_BSWAP) {
        v = __builtin_bswap64(v) >> (64 - 8 * size);
    }
    if ((memop & MO_SIGN) && size < 8) {
        v = (uint64_t)((int64_t)(v << (64 - 8 * size)) >> (64 - 8 * size));
    }
    return memop & MO_I64 || size == 8 ? v : (uint32_t)v;
}

static void slow_st(void *env, uint64_t addr, uint64_t val, uint32_t memop,
                    uint32_t mmu_idx, uintptr_t ra)
{
    unsigned size = 1u << (memop & MO_SIZE);

    CHECK(mmu_idx == 0);
    slow_access(env, addr, memop, ra, true);
    if (memop & MO_BSWAP) {
        val = __builtin_bswap64(val) >> (64 - 8 * size);
    }
    memcpy(guest_mem + bank + (uint32_t)addr % MEM_SIZE, &val, size);
}

static void slow_ld16(void *env, uint64_t addr, uint32_t memop,
                      uint32_t mmu_idx, uintptr_t ra, void *out)
{
    CHECK(mmu_idx == 0);
    slow_access(env, addr, memop, ra, false);
    memcpy(out, guest_mem + bank + (uint32_t)addr % MEM_SIZE, 16);
}

static void slow_st16(void *env, uint64_t addr, const void *val, uint32_t memop,
                      uint32_t mmu_idx, uintptr_t ra)
{
    CHECK(mmu_idx == 0);
    slow_access(env, addr, memop, ra, true);
    memcpy(guest_mem + bank + (uint32_t)addr % MEM_SIZE, val, 16);
}

/* What a function of C may do to registers. */
static void clobber(void)
{
#ifdef __x86_64__
    __asm__ volatile("xorl %%eax, %%eax\n\tmovl %%eax, %%ecx\n\tmovl %%eax, %%edx\n\t"
                     "movl %%eax, %%esi\n\tmovl %%eax, %%edi\n\tmovl %%eax, %%r8d\n\t"
                     "movl %%eax, %%r9d\n\tmovl %%eax, %%r10d\n\tmovl %%eax, %%r11d\n\t"
                     "pxor %%xmm0, %%xmm0\n\tpxor %%xmm1, %%xmm1\n\tpxor %%xmm7, %%xmm7"
                     : : : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
                     "xmm0", "xmm1", "xmm7");
#endif
}

/* As a compiled function would, it clobbers what it may. */
static void help_cold(void *env, uint32_t arg)
{
    (void)env;
    mix(arg);
    clobber();
}

static uint64_t help_redo(void *env, uint32_t arg)
{
    help_cold(env, arg);
    return arg * 0x123456789abcdefull;
}

static const TCGTarget target = {
    .globals = globals,
    .num_globals = NUM_GLOBALS,
    .mmu = {
        .table = offsetof(Env, tlb), .table_stride = sizeof(((Env *)0)->tlb[0]),
        .mask = offsetof(Env, mask), .page_bits = PAGE_BITS, .modes = 2,
        .ld = slow_ld, .st = slow_st, .ld16 = slow_ld16, .st16 = slow_st16,
    },
    .jump_cache = { .table = offsetof(Env, jump), .bits = JC_BITS,
                    .hash_shift = 5 },
    .pc = GM + 5 + 1,
    .exit_request = offsetof(Env, exit_request),
    .mxcsr = offsetof(Env, mxcsr),
    .cold = help_cold,
    .redo = help_redo,
};

/* -- Variants ---------------------------------------------------------------- */

typedef struct Variant {
    const char *name;
    const TCGBackend *backend;
    bool no_opt, no_pin, plain;         /* plain: no BMI, LZCNT, AVX */
    TCGContext *s;
    uint8_t *base, *code;
    TCGCode out;
} Variant;

enum { CODE_SIZE = 1 << 20 };

static Variant variants[] = {
    { .name = "interp no_opt", .backend = &tcg_backend_interp, .no_opt = true },
    { .name = "interp", .backend = &tcg_backend_interp },
#ifdef __x86_64__
    { .name = "x86", .backend = &tcg_backend_x86_64 },
    { .name = "x86 no_opt", .backend = &tcg_backend_x86_64, .no_opt = true },
    { .name = "x86 no_pin", .backend = &tcg_backend_x86_64, .no_pin = true },
    { .name = "x86 no_opt no_pin", .backend = &tcg_backend_x86_64,
      .no_opt = true, .no_pin = true },
    { .name = "x86 plain", .backend = &tcg_backend_x86_64, .plain = true },
#endif
};

#define NUM_VARIANTS (sizeof(variants) / sizeof(variants[0]))
#define FOR_VARIANTS(v) for (Variant *v = variants; v < variants + NUM_VARIANTS; v++)

static uint64_t tb_dummy[2] __attribute__((aligned(8)));

static void set_up(Variant *v)
{
    size_t used;

    if (v->s) {
        return;
    }
    v->base = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    v->s = tcg_context_new(&target, v->backend, v->no_pin, v->base, CODE_SIZE,
                           &used);
    v->s->no_opt = v->no_opt;
    v->code = v->base + ((used + 63) & ~(size_t)63);
#ifdef __x86_64__
    if (v->plain) {
        X86 *x = v->s->backend_data;

        x->bmi = x->lzcnt = x->avx = false;
    }
#endif
}

static TCGContext *begin(Variant *v)
{
    set_up(v);
    tcg_begin(v->s);
    return v->s;
}

static void generate(Variant *v)
{
    int rc = tcg_gen_code(v->s, v->code,
                          (size_t)(v->base + CODE_SIZE - v->code), tb_dummy,
                          &v->out);

    CHECK_EQ(rc, 0);
}

static void reset_env(Env *env)
{
    memset(env, 0, sizeof(*env));
    env->mxcsr = 0x1f80;
    env->mask[0] = env->mask[1] = ((1 << TLB_BITS) - 1) << 4;
    memset(env->tlb, 0xff, sizeof(env->tlb));
    env->jump[0].pc = 1;
}

static uintptr_t run(Variant *v, Env *env)
{
    running = v->s;
    running_code = v->code;
    running_out = &v->out;
    return tcg_qemu_tb_exec(v->s, env, v->code);
}

static void finish(TCGContext *s)
{
    tcg_exit_tb(s, TB_EXIT_NONE);
}

/* -- Random numbers ---------------------------------------------------------- */

static uint64_t rng_state;

static uint64_t rnd(void)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return rng_state * 0x2545f4914f6cdd1dull;
}

static unsigned below(unsigned n)
{
    return (unsigned)(rnd() >> 33) % n;
}

static const uint64_t edges[] = {
    0, 1, 2, 7, 8, 15, 16, 31, 32, 63, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000,
    0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffff80, 0xffff8000, 0xffffffff,
    0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffff80000000,
    0xffffffffffffff80, 0xffffffffffffffff,
};

static uint64_t value(void)
{
    return below(3) ? edges[below(sizeof(edges) / sizeof(edges[0]))]
                    : rnd() >> below(64);
}

#endif
