/* SPDX-License-Identifier: MIT */
/*
 * The translator against the meaning of its operations.
 *
 * Every test runs the same operations on each Variant: back end x optimizer x
 * pinning.  The reference is eval.c (the `value` column of tcg-ops.def) for
 * single operations, and the interpreter without optimizer for programs.
 */
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
        .mask = offsetof(Env, mask), .page_bits = PAGE_BITS,
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

/* -- Helpers ----------------------------------------------------------------- */

static uint32_t help_pure(uint32_t a, uint64_t b)
{
    return a * 3 + (uint32_t)(b >> 7);
}

static uint64_t help_many(uint32_t a, uint64_t b, uint32_t c, uint64_t d,
                          uint32_t e, uint32_t f)
{
    mix(a); mix(b); mix(c); mix(d); mix(e); mix(f);
    return a ^ b << 1 ^ c ^ d << 3 ^ (uint64_t)e << 32 ^ f;
}

static void help_read(Env *env, uint32_t a)
{
    mix(a);
    mix_state(env);
}

static uint32_t help_write(uint32_t a, Env *env)
{
    mix_state(env);
    env->r[a & 7] += a;
    env->m[a % 5] ^= a;
    env->v[1].u32[a & 3] += 1;
    return a + 1;
}

static void help_raise(Env *env, uint32_t a)
{
    mix(pc_of(tcg_helper_ra(running, (uintptr_t)__builtin_return_address(0))));
    mix_state(env);
    if ((a & 15) == 5) {
        longjmp(fault_jmp, 2);
    }
}

static uint64_t help_ptr(uint64_t p)
{
    uint32_t v;

    memcpy(&v, (const void *)(uintptr_t)p, 4);
    return v;
}

/* Where the quotient does not fit is seen, and sometimes a fault. */
static uint64_t divide(Env *env, bool odd, uint32_t q, uint32_t r, uintptr_t ra)
{
    clobber();
    if (!odd) {
        return (uint64_t)r << 32 | q;
    }
    mix(pc_of(tcg_helper_ra(running, ra)));
    mix_state(env);
    if (env->m[1] & 1) {
        longjmp(fault_jmp, 3);
    }
    return 12345;
}

static uint64_t help_divu(Env *env, uint32_t a, uint32_t b, uint32_t c)
{
    uint64_t n = (uint64_t)b << 32 | a;
    bool odd = b >= c;

    return divide(env, odd, odd ? 0 : (uint32_t)(n / c), odd ? 0 : (uint32_t)(n % c),
                  (uintptr_t)__builtin_return_address(0));
}

static uint64_t help_divs(Env *env, uint32_t a, uint32_t b, uint32_t c)
{
    int64_t n = (int64_t)((uint64_t)b << 32 | a), by = (int32_t)c;
    bool odd = by == 0 || (by == -1 && n == INT64_MIN) || n / by != (int32_t)(n / by);

    return divide(env, odd, odd ? 0 : (uint32_t)(n / by), odd ? 0 : (uint32_t)(n % by),
                  (uintptr_t)__builtin_return_address(0));
}

#define HELPER(fn, flags, sig) { #fn, (void (*)(void))fn, flags, sig }

static const TCGHelper helpers[] = {
    HELPER(help_pure, TCG_CALL_PURE, "iil"),
    HELPER(help_many, TCG_CALL_NO_GLOBALS, "lililii"),
    HELPER(help_read, TCG_CALL_NO_WRITE, "vei"),
    HELPER(help_write, 0, "iie"),
    HELPER(help_raise, TCG_CALL_NO_WRITE, "vei"),
    HELPER(help_ptr, TCG_CALL_NO_GLOBALS, "ll"),
    HELPER(help_divu, TCG_CALL_NO_WRITE | TCG_CALL_DIVU, "leiii"),
    HELPER(help_divs, TCG_CALL_NO_WRITE | TCG_CALL_DIVS, "leiii"),
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

/* -- Single operations ------------------------------------------------------- */

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

typedef TCGv EmitFn(TCGContext *s, TCGv a, TCGv b, unsigned k);

/* Operand forms: where the operands come from and where the result goes. */
enum { FORM_PINS, FORM_MEMORY, FORM_CONST_B, FORM_CONST_A, FORM_IN_PLACE_A,
       FORM_IN_PLACE_B, FORM_SAME, FORM_BOTH_CONST, FORM_REUSED, NUM_FORMS };

static void emit_form(TCGContext *s, EmitFn *fn, unsigned k, unsigned form,
                      bool is64, uint64_t a, uint64_t b)
{
    TCGGlobal pin = is64 ? GW : GR, mem = is64 ? GQ : GM;
    TCGGlobal ga = pin, gb = is64 ? (TCGGlobal)(GW + 1) : GR + 1;
    TCGv va, vb, d;

    if (form == FORM_MEMORY) {
        ga = mem;
        gb = (TCGGlobal)(mem + 1);
    }
    va = form == FORM_CONST_A || form == FORM_BOTH_CONST
         ? (is64 ? tcg_const64(s, a) : tcg_const(s, (uint32_t)a))
         : tcg_get(s, ga);
    vb = form == FORM_CONST_B || form == FORM_BOTH_CONST
         ? (is64 ? tcg_const64(s, b) : tcg_const(s, (uint32_t)b))
         : form == FORM_SAME ? va : tcg_get(s, gb);
    d = fn(s, va, vb, k);
    if (form == FORM_IN_PLACE_A) {
        tcg_set(s, ga, d);
    } else if (form == FORM_IN_PLACE_B) {
        tcg_set(s, gb, d);
    }
    if (form == FORM_REUSED) {
        tcg_set(s, (TCGGlobal)(mem + 3), va);
        tcg_set(s, ga, d);
    }
    tcg_set(s, (TCGGlobal)(mem + 2), d);
}

static void check_op(const char *name, EmitFn *fn, unsigned k, bool is64,
                     uint64_t a, uint64_t b, unsigned form, uint64_t want)
{
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);
        uint64_t got;
        Env env;

        emit_form(s, fn, k, form, is64, a, b);
        finish(s);
        generate(v);
        reset_env(&env);
        env.r[0] = env.m[0] = (uint32_t)a;
        env.r[1] = env.m[1] = (uint32_t)b;
        env.w[0] = env.q[0] = a;
        env.w[1] = env.q[1] = b;
        run(v, &env);
        got = is64 ? env.q[2] : env.m[2];
        if (got != want) {
            printf("%s %s_%s form %u k %u: %llx, %llx -> %llx, want %llx\n",
                   v->name, name, is64 ? "i64" : "i32", form, k,
                   (unsigned long long)a, (unsigned long long)b,
                   (unsigned long long)got, (unsigned long long)want);
        }
        CHECK_EQ(got, want);
        if (form == FORM_REUSED) {
            CHECK_EQ(is64 ? env.q[3] : env.m[3], is64 ? a : (uint32_t)a);
        }
    }
}

typedef struct OpTest {
    const char *name;
    EmitFn *fn;
    TCGOpcode opc;                      /* the i32 one */
} OpTest;

#define ARITH(name, flags, value) \
    static TCGv e_##name(TCGContext *s, TCGv a, TCGv b, unsigned k) \
    { (void)k; return tcg_##name(s, a, b); }
#define UNARY(name, flags, value) \
    static TCGv e_##name(TCGContext *s, TCGv a, TCGv b, unsigned k) \
    { (void)k; (void)b; return tcg_##name(s, a); }
#define VEC(name, flags, lane, value)
#define VSCALAR(name, lane, value)
#define OP(name, outs, ins, consts, flags)
#include "tcg/tcg-ops.def"

static TCGv e_muluh(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    (void)k;
    return tcg_muluh(s, a, b);
}

static TCGv e_mulsh(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    (void)k;
    return tcg_mulsh(s, a, b);
}

static const OpTest op_tests[] = {
#define ARITH(name, flags, value) { #name, e_##name, TCG_##name##_i32 },
#define UNARY(name, flags, value) ARITH(name, flags, value)
#define VEC(name, flags, lane, value)
#define VSCALAR(name, lane, value)
#define OP(name, outs, ins, consts, flags)
#include "tcg/tcg-ops.def"
};

static bool is_shift(TCGOpcode opc)
{
    return opc >= TCG_shl_i32 && opc <= TCG_rotr_i64;
}

static void check_row(const char *name, EmitFn *fn, TCGOpcode opc, bool is64,
                      unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        unsigned form = i % NUM_FORMS;
        uint64_t mask = is64 ? ~0ull : 0xffffffff;
        uint64_t in[4] = { value() & mask, value() & mask }, want = 0;
        uint64_t k[2] = { 0, 0 };

        if (is_shift(opc)) {
            if (form == FORM_SAME) {
                in[0] &= is64 ? 63 : 31;
            }
            in[1] &= is64 ? 63 : 31;
        }
        if (form == FORM_SAME) {
            in[1] = in[0];
        }
        CHECK(tcg_eval(opc, in, k, &want));
        check_op(name, fn, 0, is64, in[0], in[1], form, want);
    }
}

/* Every ARITH and UNARY row does what its value column says. */
TEST(arithmetic_rows)
{
    rng_state = 0x1234567;
    for (unsigned i = 0; i < sizeof(op_tests) / sizeof(op_tests[0]); i++) {
        const OpTest *t = &op_tests[i];

        check_row(t->name, t->fn, t->opc, false, 3 * NUM_FORMS);
        check_row(t->name, t->fn, (TCGOpcode)(t->opc + 1), true, 3 * NUM_FORMS);
    }
}

/* muluh and mulsh are the high half of the full product. */
TEST(high_products)
{
    rng_state = 0x7654321;
    check_row("muluh", e_muluh, TCG_muluh_i32, false, 4 * NUM_FORMS);
    check_row("mulsh", e_mulsh, TCG_mulsh_i32, false, 4 * NUM_FORMS);
    check_row("muluh", e_muluh, TCG_muluh_i64, true, 4 * NUM_FORMS);
    check_row("mulsh", e_mulsh, TCG_mulsh_i64, true, 4 * NUM_FORMS);
}

static TCGv e_setcond(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    return tcg_setcond(s, (TCGCond)k, a, b);
}

static TCGv e_movcond(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    return tcg_movcond(s, (TCGCond)k, a, b, b, a);
}

static TCGv e_movcond_const(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    return tcg_movcond(s, (TCGCond)k, a, b, tcg_xori(s, a, 5), tcg_andi(s, b, 0));
}

/* A branch over a set, and the flags an arithmetic operation leaves. */
static TCGv e_brcond(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    TCGLabel l = tcg_new_label(s);
    bool is64 = s->temp_type[a.temp] == TCG_I64;
    TCGGlobal g = is64 ? GQ + 3 : GM + 3;
    TCGv sum = tcg_sub(s, a, b);

    tcg_set(s, g, is64 ? tcg_const64(s, 1) : tcg_const(s, 1));
    tcg_set(s, GM + 5, is64 ? tcg_trunc32(s, sum) : sum);
    tcg_brcond(s, (TCGCond)k, a, b, l);
    tcg_set(s, g, is64 ? tcg_const64(s, 0) : tcg_const(s, 0));
    tcg_set_label(s, l);
    return tcg_get(s, g);
}

/* Conditions hold for the values, not for what the flags happened to be. */
TEST(conditions)
{
    static EmitFn *const fns[] = { e_setcond, e_movcond, e_movcond_const,
                                   e_brcond };

    rng_state = 0xc0ffee;
    for (unsigned c = TCG_COND_EQ; c <= TCG_COND_TSTNE; c++) {
        for (unsigned i = 0; i < 8 * NUM_FORMS; i++) {
            bool is64 = i & 1;
            unsigned form = (i >> 1) % (NUM_FORMS - 1), f = below(4);
            uint64_t mask = is64 ? ~0ull : 0xffffffff;
            uint64_t a = value() & mask, b = below(3) ? value() & mask : 0;
            bool yes;

            if (form == FORM_SAME) {
                b = a;
            }
            yes = tcg_eval_cond((TCGCond)c, is64 ? TCG_I64 : TCG_I32, a, b);
            check_op("cond", fns[f], c, is64, a, b, form,
                     f == 1 ? (yes ? b : a) : f == 2 ? (yes ? a ^ 5 : 0) : yes);
        }
    }
}

static TCGv e_extract(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    (void)b;
    return tcg_extract(s, a, k & 63, k >> 6);
}

static TCGv e_sextract(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    (void)b;
    return tcg_sextract(s, a, k & 63, k >> 6);
}

static TCGv e_deposit(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    return tcg_deposit(s, a, b, k & 63, k >> 6);
}

static void check_field(bool is64, unsigned pos, unsigned len, unsigned form)
{
    static const struct { EmitFn *fn; TCGOpcode opc; } ops[] = {
        { e_extract, TCG_extract_i32 }, { e_sextract, TCG_sextract_i32 },
        { e_deposit, TCG_deposit_i32 },
    };
    uint64_t mask = is64 ? ~0ull : 0xffffffff, k[2] = { pos, len }, want = 0;

    for (unsigned i = 0; i < 3; i++) {
        uint64_t in[4] = { value() & mask, value() & mask };

        if (form == FORM_SAME) {
            in[1] = in[0];
        }
        CHECK(tcg_eval((TCGOpcode)(ops[i].opc + is64), in, k, &want));
        check_op("field", ops[i].fn, len << 6 | pos, is64, in[0], in[1], form,
                 want);
    }
}

/* extract, sextract and deposit of <pos+len-1:pos>, bytes and words above all. */
TEST(bit_fields)
{
    static const uint8_t common[][2] = {
        { 0, 8 }, { 8, 8 }, { 0, 16 }, { 16, 16 }, { 31, 1 }, { 0, 1 },
        { 0, 31 }, { 24, 8 }, { 0, 32 }, { 5, 8 }, { 3, 16 },
    };

    rng_state = 0xfeed;
    for (unsigned form = 0; form < NUM_FORMS; form++) {
        for (unsigned i = 0; i < 11; i++) {
            check_field(form & 1, common[i][0], common[i][1], form);
            check_field(!(form & 1), common[i][0], common[i][1], form);
        }
        for (unsigned i = 0; i < 8; i++) {
            unsigned bits = i & 1 ? 64 : 32, pos = below(bits);

            check_field(i & 1, pos, 1 + below(bits - pos), form);
        }
    }
}

/* -- Vectors ----------------------------------------------------------------- */

typedef TCGv VecFn(TCGContext *s, TCGv a, TCGv b);

typedef struct VecTest {
    const char *name;
    VecFn *fn;
    TCGOpcode opc;
    uint8_t lane_bits;                  /* of floats, else 0 */
} VecTest;

enum { LANE_u8 = 0, LANE_u16 = 0, LANE_u32 = 0, LANE_u64 = 0, LANE_f32 = 32,
       LANE_f64 = 64 };

static const VecTest vec_tests[] = {
#define ARITH(name, flags, value)
#define UNARY(name, flags, value)
#define VEC(name, flags, lane, value) { #name, tcg_##name, TCG_##name, LANE_##lane },
#define VSCALAR(name, lane, value) VEC(name, 0, lane, value)
#define OP(name, outs, ins, consts, flags)
#include "tcg/tcg-ops.def"
};

/* Which of two NaN operands survives is a matter of operand order in C. */
static bool same_lanes(const VecTest *t, const TCGVec *a, const TCGVec *b)
{
    for (unsigned i = 0; t->lane_bits == 32 && i < 4; i++) {
        if (a->u32[i] != b->u32[i] &&
            !(__builtin_isnan(a->f32[i]) && __builtin_isnan(b->f32[i]))) {
            return false;
        }
    }
    for (unsigned i = 0; t->lane_bits == 64 && i < 2; i++) {
        if (a->u64[i] != b->u64[i] &&
            !(__builtin_isnan(a->f64[i]) && __builtin_isnan(b->f64[i]))) {
            return false;
        }
    }
    return t->lane_bits || memcmp(a, b, 16) == 0;
}

static void fill_vec(TCGVec *v, unsigned lane_bits)
{
    for (unsigned i = 0; i < 4; i++) {
        v->u32[i] = (uint32_t)value();
    }
    if (lane_bits && below(4)) {
        for (unsigned i = 0; i < 4 && lane_bits == 32; i++) {
            v->f32[i] = (float)(int32_t)value() / 8;
        }
        for (unsigned i = 0; i < 2 && lane_bits == 64; i++) {
            v->f64[i] = (double)(int64_t)value() / 8;
        }
    }
}

static void check_vec(const VecTest *t, unsigned form)
{
    TCGVec a, b, want;

    fill_vec(&a, t->lane_bits);
    fill_vec(&b, t->lane_bits);
    if (form == 3) {
        b = a;
    }
    CHECK(tcg_eval_vec(t->opc, &a, &b, &want));
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);
        TCGv va = tcg_get(s, GV), vb = form == 3 ? va : tcg_get(s, GV + 1);
        TCGv d = t->fn(s, va, vb);
        Env env;

        tcg_set(s, (TCGGlobal)(GV + form % 3), d);
        tcg_st(s, TCG_stv, d, offsetof(Env, bytes));
        finish(s);
        generate(v);
        reset_env(&env);
        env.v[0] = a;
        env.v[1] = b;
        run(v, &env);
        if (!same_lanes(t, &env.v[form % 3], &want)) {
            printf("%s: %s form %u\n", v->name, t->name, form);
            CHECK(!"vector result");
        }
        CHECK(memcmp(env.bytes, &env.v[form % 3], 16) == 0);
    }
}

/* Every VEC and VSCALAR row, lane by lane; scalars keep a's other lanes. */
TEST(vector_rows)
{
    rng_state = 0xabcdef;
    for (unsigned i = 0; i < sizeof(vec_tests) / sizeof(vec_tests[0]); i++) {
        for (unsigned n = 0; n < 12; n++) {
            check_vec(&vec_tests[i], n % 4);
        }
    }
}

/* Translated code rounds as the guest's MXCSR says and leaves flags in it. */
TEST(mxcsr_in_force)
{
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);
        Env env;

        tcg_set(s, GV + 2, tcg_vdivsd(s, tcg_get(s, GV), tcg_get(s, GV + 1)));
        finish(s);
        generate(v);
        reset_env(&env);
        env.mxcsr = 0x5f80;                 /* SDM vol. 1, 10.2.3: round up */
        env.v[0].f64[0] = 1;
        env.v[1].f64[0] = 3;
        run(v, &env);
        CHECK_EQ(env.v[2].u64[0], 0x3fd5555555555556);
        CHECK_EQ(env.mxcsr, 0x5fa0);        /* precision flag */
    }
}

/* -- Blocks ------------------------------------------------------------------ */

/* exit_request is tested before the first instruction. */
TEST(requested_exit)
{
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);
        Env env;

        tcg_set(s, GR, tcg_const(s, 1));
        finish(s);
        generate(v);
        reset_env(&env);
        env.exit_request = 1;
        CHECK_EQ(run(v, &env), (uintptr_t)tb_dummy | TB_EXIT_REQUESTED);
        CHECK_EQ(env.r[0], 0);
        env.exit_request = 0;
        CHECK_EQ(run(v, &env), (uintptr_t)tb_dummy | TB_EXIT_NONE);
        CHECK_EQ(env.r[0], 1);
    }
}

/* r0 += 1; unchained until patched, and again after unpatching; slot 1 by a
 * conditional branch. */
TEST(chaining)
{
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);
        TCGLabel l = tcg_new_label(s);
        uint8_t *first;
        TCGCode out;
        TCGv n;
        Env env;

        n = tcg_addi(s, tcg_get(s, GR), 1);
        tcg_set(s, GR, n);
        tcg_brcond(s, TCG_COND_LTU, n, tcg_const(s, 1000), l);
        tcg_goto_tb(s, 0);
        tcg_set(s, GM, tcg_const(s, 10));
        tcg_exit_tb(s, TB_EXIT_SLOT0);
        tcg_set_label(s, l);
        tcg_goto_tb(s, 1);
        tcg_set(s, GM, tcg_const(s, 11));
        tcg_exit_tb(s, TB_EXIT_SLOT1);
        generate(v);
        first = v->code;
        out = v->out;
        reset_env(&env);
        CHECK_EQ(run(v, &env), (uintptr_t)tb_dummy | TB_EXIT_SLOT1);
        CHECK_EQ(env.r[0], 1);
        CHECK_EQ(env.m[0], 11);
        tcg_patch_jump(s, first, out.jump[1], first);
        CHECK_EQ(run(v, &env), (uintptr_t)tb_dummy | TB_EXIT_SLOT0);
        CHECK_EQ(env.r[0], 1000);
        CHECK_EQ(env.m[0], 10);
        tcg_patch_jump(s, first, out.jump[1], NULL);
        env.r[0] = 0;
        CHECK_EQ(run(v, &env), (uintptr_t)tb_dummy | TB_EXIT_SLOT1);
        CHECK_EQ(env.r[0], 1);

        /* The other slot goes to a second block. */
        tcg_begin(s);
        tcg_set(s, GR + 1, tcg_addi(s, tcg_get(s, GR), 5));
        finish(s);
        v->code = first + ((out.size + 63) & ~63u);
        generate(v);
        tcg_patch_jump(s, first, out.jump[0], v->code);
        v->code = first;
        env.r[0] = 2000;
        CHECK_EQ(run(v, &env), (uintptr_t)tb_dummy | TB_EXIT_NONE);
        CHECK_EQ(env.r[1], 2006);
    }
}

/* goto_ptr goes where the jump cache says, if pc and tag are right; to a constant, too.
 * The pc is stored if it does not. */
TEST(jump_cache)
{
    for (uint32_t kind = 0; kind < 4; kind++) {
        FOR_VARIANTS(v) {
            TCGContext *s = begin(v);
            uint8_t *first = v->code;
            uint32_t pc = 0x1234 << 3, index, tag = kind & 1;
            TCGCode out;
            Env env;

            tcg_set(s, GR + 1, tcg_const(s, 7));
            if (kind & 2) {
                tcg_set(s, GM + 5, tcg_const(s, pc));
                tcg_goto_known(s, pc, tag);
            } else {
                tcg_set(s, GM + 5, tcg_get(s, GR));
                tcg_goto_ptr(s, tcg_get(s, GR), tag);
            }
            generate(v);
            out = v->out;
            tcg_begin(s);
            tcg_set(s, GR + 2, tcg_get(s, GR + 1));
            finish(s);
            v->code = first + ((out.size + 63) & ~63u);
            generate(v);
            reset_env(&env);
            index = (pc ^ pc >> 5) >> 1 & 15;
            env.jump[index] = (JumpEntry){ pc, tag, (uintptr_t)v->code };
            v->code = first;
            v->out = out;
            env.r[0] = pc;
            run(v, &env);
            CHECK_EQ(env.r[2], 7);
            env.r[2] = 0;
            env.jump[index].tag ^= 2;
            CHECK_EQ(run(v, &env), (uintptr_t)tb_dummy | TB_EXIT_NONE);
            CHECK_EQ(env.r[2], 0);
            CHECK_EQ(env.m[5], pc);
            env.jump[index].tag ^= 2;
            env.jump[index].pc ^= 16;
            env.m[5] = 0;
            run(v, &env);
            CHECK_EQ(env.r[2], 0);
            CHECK_EQ(env.m[5], pc);
        }
    }
}

/* A device that changes the memory map is obeyed by the very next access. */
TEST(map_changes_inside_a_block)
{
    flush_on_device = true;
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);
        TCGv base = tcg_get(s, GR), a, b;
        Env env;

        a = tcg_qemu_ld(s, base, MO_32, 0);
        tcg_set(s, GR + 1, a);
        tcg_qemu_st(s, tcg_get(s, GR + 3), a, MO_32, 0);
        b = tcg_qemu_ld(s, tcg_addi(s, base, 4), MO_32, 0);
        tcg_set(s, GR + 2, b);
        tcg_set(s, GR + 4, tcg_qemu_ld(s, tcg_addi(s, base, 8), MO_32, 0));
        finish(s);
        generate(v);
        reset_env(&env);
        memcpy(guest_mem + 0x2000, "abcdefghijkl", 12);
        env.r[0] = 0x2000;
        env.r[3] = 0x1000;
        run(v, &env);                   /* fills the TLB */
        env.tlb[0][2].read = 0x2000;
        env.tlb[0][2].addend = (uintptr_t)guest_mem;
        slow_accesses = 0;
        run(v, &env);
        CHECK_EQ(slow_accesses, 2);     /* the store, and the load behind it */
        CHECK_EQ(env.r[2], 0x68676665);
        CHECK_EQ(env.r[4], 0x6c6b6a69);
    }
    flush_on_device = false;
}

/* A group of accesses across a page boundary needs no slow path of its own. */
TEST(neighbours_on_two_pages)
{
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);
        TCGv base = tcg_get(s, GR);
        Env env;

        for (unsigned i = 0; i < 4; i++) {
            tcg_set(s, (TCGGlobal)(GM + i), tcg_qemu_ld(s,
                    tcg_addi(s, base, (int)i * 8 - 16), MO_32, 0));
            tcg_qemu_st(s, tcg_addi(s, base, (int)i * 8 - 12), base, MO_32, 0);
        }
        finish(s);
        generate(v);
        reset_env(&env);
        memset(guest_mem + 0x3ff0, 0x11, 16);
        memset(guest_mem + 0x4000, 0x22, 16);
        env.r[0] = 0x4000;
        env.tlb[0][4].read = env.tlb[0][4].write = 0x4000;
        env.tlb[0][4].addend = (uintptr_t)guest_mem;
        env.tlb[0][3].read = env.tlb[0][3].write = 0x3000;
        env.tlb[0][3].addend = (uintptr_t)guest_mem;
        slow_accesses = 0;
        run(v, &env);
        CHECK_EQ(slow_accesses, 0);
        CHECK_EQ(env.m[0], 0x11111111);
        CHECK_EQ(env.m[1], 0x11111111);
        CHECK_EQ(env.m[2], 0x22222222);
        CHECK_EQ(env.m[3], 0x22222222);
        CHECK(memcmp(guest_mem + 0x3ff4, &env.r[0], 4) == 0);
        CHECK(memcmp(guest_mem + 0x400c, &env.r[0], 4) == 0);
    }
}

/* A buffer that is too small is an error, not an overrun. */
TEST(no_room)
{
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);

        for (unsigned i = 0; i < 900; i++) {
            tcg_set(s, (TCGGlobal)(i % 14), tcg_qemu_ld(s, tcg_get(s, GR + 1),
                                                        MO_32, 0));
        }
        finish(s);
        v->code[10000] = 0x5a;
        CHECK_EQ(tcg_gen_code(s, v->code, 10000, tb_dummy, &v->out), -1);
        CHECK_EQ(v->code[10000], 0x5a);
    }
}

/* -- Random programs --------------------------------------------------------- */

enum { POOL = 24 };

typedef struct Program {                /* values that may be used now */
    TCGContext *s;
    TCGv pool[3][POOL];
    unsigned num[3];
    unsigned insns;
    TCGLabel open[4];                   /* forward branch targets */
    unsigned num_open;
} Program;

static void add_value(Program *p, TCGv v)
{
    TCGType t = (TCGType)p->s->temp_type[v.temp];

    if (p->num[t] < POOL) {
        p->pool[t][p->num[t]++] = v;
    } else {
        p->pool[t][below(POOL)] = v;
    }
}

static TCGGlobal pick_global(TCGType t)
{
    return (TCGGlobal)(t == TCG_I32 ? below(13)   /* m5 counts loops */
                     : t == TCG_I64 ? GQ + below(6) : GV + below(3));
}

static TCGv pick(Program *p, TCGType t)
{
    if (t != TCG_V128 && below(6) == 0) {
        return t == TCG_I32 ? tcg_const(p->s, (uint32_t)value())
                            : tcg_const64(p->s, value());
    }
    if (p->num[t] == 0 || below(4) == 0) {
        TCGv v = tcg_get(p->s, pick_global(t));

        add_value(p, v);
        return v;
    }
    return p->pool[t][below(p->num[t])];
}

static TCGType int_type(void)
{
    return below(3) ? TCG_I32 : TCG_I64;
}

static void random_arith(Program *p)
{
    const OpTest *t = &op_tests[below(sizeof(op_tests) / sizeof(op_tests[0]))];
    TCGType type = int_type();
    TCGv a = pick(p, type), b = pick(p, type);

    if (is_shift(t->opc)) {
        b = below(2) ? tcg_andi(p->s, b, type == TCG_I32 ? 31 : 63)
            : type == TCG_I32 ? tcg_const(p->s, below(32))
                              : tcg_const64(p->s, below(64));
    }
    add_value(p, t->fn(p->s, a, b, 0));
}

static void random_address(Program *p)
{
    TCGType type = int_type();
    TCGContext *s = p->s;

    add_value(p, tcg_addi(s, tcg_add(s, pick(p, type),
                                     tcg_shli(s, pick(p, type), below(4))),
                          (int32_t)value()));
}

static void random_logic(Program *p)
{
    TCGContext *s = p->s;
    TCGType type = int_type();
    unsigned bits = type == TCG_I32 ? 32 : 64, pos = below(bits);
    unsigned len = below(2) ? 1 + below(bits - pos)
                            : bits - pos > 8 ? 8 : bits - pos;
    TCGCond c = (TCGCond)below(12);
    TCGv a = pick(p, type), b = pick(p, type);

    switch (below(10)) {
    case 9:
        add_value(p, tcg_deposit(s, pick(p, type), tcg_setcond(s, c, a, b), 0,
                                 8));
        break;
    case 0: add_value(p, tcg_setcond(s, c, a, b)); break;
    case 1: add_value(p, tcg_movcond(s, c, a, b, pick(p, type), pick(p, type)));
        break;
    case 2: add_value(p, tcg_extract(s, a, pos, len)); break;
    case 3: add_value(p, tcg_sextract(s, a, pos, len)); break;
    case 4: add_value(p, tcg_deposit(s, a, b, pos, len)); break;
    case 5: add_value(p, below(2) ? tcg_muluh(s, a, b) : tcg_mulsh(s, a, b));
        break;
    case 6: add_value(p, tcg_trunc32(s, pick(p, TCG_I64))); break;
    case 7: add_value(p, tcg_extu64(s, pick(p, TCG_I32))); break;
    default: add_value(p, tcg_exts64(s, pick(p, TCG_I32))); break;
    }
}

static void random_vec(Program *p)
{
    unsigned n;

    do {
        n = below(sizeof(vec_tests) / sizeof(vec_tests[0]));
    } while (vec_tests[n].lane_bits);
    add_value(p, vec_tests[n].fn(p->s, pick(p, TCG_V128), pick(p, TCG_V128)));
}

/* Of any bits: NaNs of all kinds too; their flags are in the MXCSR. */
static void random_vcmp(Program *p)
{
    TCGOpcode op = below(2) ? TCG_vcmpsd : TCG_vcmpss;
    TCGv a = pick(p, TCG_V128), b = below(4) ? pick(p, TCG_V128) : a;

    add_value(p, tcg_vcmp(p->s, op, a, b, below(2), below(1 << 16)));
}

static void random_set(Program *p)
{
    TCGType t = below(5) == 0 ? TCG_V128 : int_type();

    tcg_set(p->s, pick_global(t), pick(p, t));
}

static void random_env(Program *p)
{
    static const uint8_t sizes[] = { 1, 1, 2, 2, 4, 8, 16, 4, 8 };
    static const uint8_t st_sizes[] = { 1, 2, 4, 8, 16, 4, 8 };
    unsigned n;

    if (below(2)) {
        n = below(9);
        add_value(p, tcg_ld(p->s, (TCGOpcode)(TCG_ld8u + n),
                            (uint32_t)offsetof(Env, bytes) +
                            below(64 / sizes[n]) * sizes[n]));
    } else {
        n = below(7);
        tcg_st(p->s, (TCGOpcode)(TCG_st8 + n),
               pick(p, n < 3 ? TCG_I32 : n == 3 ? TCG_I64 : TCG_V128),
               (uint32_t)offsetof(Env, bytes) +
               below(64 / st_sizes[n]) * st_sizes[n]);
    }
}

static void random_cold(Program *p)
{
    TCGType t = TCG_I32;
    TCGv a = pick(p, t), b = below(2) ? pick(p, t) : tcg_const(p->s, below(4));

    tcg_cold(p->s, (TCGCond)below(12), a, b, (uint32_t)rnd());
}

/* Numbers at the borders of what is doubtful, and any. */
static void random_redo(Program *p)
{
    static const uint64_t lanes[] = {
        0, 1, 0x80000000, 0x7fffffff, 0x007fffff, 0x00800000, 0x8080ffff, 0x00810000,
        0x7f7fffff, 0x7f800000, 0xffc00000, 0x000fffffffffffff, 0x0010000000000000,
        0x8010ffffffffffff, 0x0011000000000000, 0x7fefffffffffffff, 0xfff0000000000000,
        0x7ff8000000000000, 0x8000000000000000,
    };
    TCGContext *s = p->s;
    TCGv a = pick(p, TCG_V128);

    if (below(2)) {
        tcg_st(s, TCG_st64, tcg_const64(s, lanes[below(sizeof(lanes) / sizeof(lanes[0]))]),
               (uint32_t)offsetof(Env, bytes));
        a = tcg_ld(s, TCG_ldvd, (uint32_t)offsetof(Env, bytes));
    }
    add_value(p, tcg_redo(s, (TCGDoubt)below(3), a, (uint32_t)rnd()));
}

static TCGv random_pointer(Program *p)
{
    TCGContext *s = p->s;
    TCGv a = tcg_andi(s, pick(p, TCG_I32), MEM_SIZE - 32);

    /* Page 15 faults: make that rare. */
    if (below(4)) {
        a = tcg_andi(s, a, (MEM_SIZE >> 1) - 1);
    }
    return below(2) ? tcg_addi(s, a, below(16)) : a;
}

static void random_access(Program *p, TCGv addr)
{
    TCGContext *s = p->s;
    unsigned size = below(5);
    TCGMemOp op = (TCGMemOp)(size | (size < MO_64 && below(4) == 0 ? MO_I64 : 0) |
                             (below(4) == 0 ? MO_ALIGN : 0) |
                             (size == MO_64 && below(8) == 0 ? MO_ALIGN4 : 0));
    bool vec = (size == MO_32 || size == MO_64) && !(op & MO_I64) && below(4) == 0;
    TCGMemOp order = size < MO_128 && !vec && below(5) == 0 ? MO_BSWAP : (TCGMemOp)0;
    TCGMemOp sign = size < MO_64 && !vec && below(2) ? MO_SIGN : (TCGMemOp)0;

    op = (TCGMemOp)(op | (vec ? MO_VEC : 0));
    TCGType t = size == MO_128 || vec ? TCG_V128
              : size == MO_64 || (op & MO_I64) ? TCG_I64 : TCG_I32;

    switch (below(3)) {
    case 0:
        add_value(p, tcg_qemu_ld(s, addr, (TCGMemOp)(op | order | sign), 0));
        break;
    case 1:
        tcg_qemu_st(s, addr, pick(p, t), (TCGMemOp)(op | order), 0);
        break;
    default: {
        TCGv v = tcg_qemu_ld(s, addr, (TCGMemOp)(op | MO_RMW), 0);

        add_value(p, v);
        if (t != TCG_V128) {
            random_arith(p);
            v = tcg_add(s, v, pick(p, t));
        }
        if (below(4) == 0) {
            random_set(p);
        }
        tcg_qemu_st(s, addr, v, op, 0);
        break;
    }
    }
}

/* Several accesses near each other, as to a struct or a stack. */
static void random_memory(Program *p)
{
    TCGv base = random_pointer(p), at = base;

    random_access(p, base);
    if (below(3)) {
        return;
    }
    for (unsigned n = 1 + below(6); n > 0; n--) {
        int k = (int)below(64) - 32;

        if (below(4) == 0) {
            random_arith(p);
        }
        if (below(4) == 0) {
            random_set(p);
        }
        if (below(8) == 0) {
            random_access(p, random_pointer(p));
        }
        at = below(2) ? base : at;
        at = below(2) ? tcg_addi(p->s, at, k)
                      : tcg_sub(p->s, at, tcg_const(p->s, (uint32_t)k));
        random_access(p, at);
    }
}

/* Half of them of a number that is no longer than its extension. */
static void random_division(Program *p)
{
    TCGContext *s = p->s;
    bool is_signed = below(2);
    TCGv a = pick(p, TCG_I32), b = pick(p, TCG_I32), c = pick(p, TCG_I32);

    if (below(2)) {
        b = is_signed ? tcg_sari(s, a, 31) : tcg_const(s, 0);
    }
    add_value(p, tcg_call(s, &helpers[6 + is_signed], a, b, c));
}

static void random_call(Program *p)
{
    TCGContext *s = p->s;

    switch (below(8)) {
    case 6: case 7:
        random_division(p);
        break;
    case 0:
        add_value(p, tcg_call(s, &helpers[0], pick(p, TCG_I32),
                              pick(p, TCG_I64)));
        break;
    case 1: {
        TCGv a = pick(p, TCG_I32), b = pick(p, TCG_I64), c = pick(p, TCG_I32);
        TCGv d = pick(p, TCG_I64), e = pick(p, TCG_I32), f = pick(p, TCG_I32);

        add_value(p, tcg_call(s, &helpers[1], a, b, c, d, e, f));
        break;
    }
    case 2:
        tcg_call(s, &helpers[2], pick(p, TCG_I32));
        break;
    case 3:
        add_value(p, tcg_call(s, &helpers[3], pick(p, TCG_I32)));
        break;
    case 4:
        tcg_call(s, &helpers[4], pick(p, TCG_I32));
        break;
    default:
        add_value(p, tcg_call(s, &helpers[5],
            tcg_env_ptr(s, (uint32_t)offsetof(Env, bytes) + 4 * below(8))));
        break;
    }
}

static void forget_values(Program *p)
{
    p->num[0] = p->num[1] = p->num[2] = 0;
}

/* A branch on what the flags of the subtraction above tell. */
static void random_compare(Program *p, TCGLabel l)
{
    TCGContext *s = p->s;
    TCGType t = int_type();
    TCGv a = pick(p, t), b = pick(p, t), zero, d;

    if (below(3) == 0) {
        int k = (int)below(300) - 150;

        d = tcg_addi(s, a, k);
        b = t == TCG_I32 ? tcg_const(s, (uint32_t)-k)
                         : tcg_const64(s, (uint64_t)(int64_t)-k);
    } else {
        d = tcg_sub(s, a, b);
    }
    zero = t == TCG_I32 ? tcg_const(s, 0) : tcg_const64(s, 0);
    for (unsigned n = below(3); n > 0; n--) {
        tcg_set(s, pick_global(t), below(3) ? d : pick(p, t));
    }
    if (below(4) == 0) {
        add_value(p, d);
    }
    if (below(3)) {
        tcg_brcond(s, (TCGCond)below(12), a, b, l);
    } else {
        tcg_brcond(s, (TCGCond)below(12), d, zero, l);
    }
}

static void random_branch(Program *p)
{
    TCGContext *s = p->s;
    TCGType t = int_type();

    if (p->num_open && below(2)) {
        unsigned n = below(p->num_open);

        tcg_set_label(s, p->open[n]);
        p->open[n] = p->open[--p->num_open];
        forget_values(p);
        return;
    }
    if (p->num_open == 4) {
        return;
    }
    p->open[p->num_open] = tcg_new_label(s);
    if (below(2)) {
        random_compare(p, p->open[p->num_open++]);
        return;
    }
    tcg_brcond(s, (TCGCond)below(12), pick(p, t), pick(p, t),
               p->open[p->num_open++]);
}

/* while (--m5 & 3) { something } */
static void random_loop(Program *p)
{
    TCGContext *s = p->s;
    TCGLabel top = tcg_new_label(s);
    TCGv n;

    tcg_set_label(s, top);
    forget_values(p);
    random_arith(p);
    random_set(p);
    random_memory(p);
    n = tcg_addi(s, tcg_get(s, GM + 5), -1);
    tcg_set(s, GM + 5, n);
    tcg_brcond(s, TCG_COND_TSTNE, n, tcg_const(s, 3), top);
}

static void random_op(Program *p)
{
    unsigned n = below(100);

    if (n < 25) {
        random_arith(p);
    } else if (n < 32) {
        random_address(p);
    } else if (n < 45) {
        random_logic(p);
    } else if (n < 66) {
        random_set(p);
    } else if (n < 72) {
        random_vec(p);
    } else if (n < 78) {
        random_env(p);
    } else if (n < 90) {
        random_memory(p);
    } else if (n < 91) {
        random_vcmp(p);
    } else if (n < 92) {
        random_cold(p);
    } else if (n < 93) {
        random_redo(p);
    } else if (n < 95) {
        random_call(p);
    } else if (n < 99) {
        random_branch(p);
    } else {
        random_loop(p);
    }
}

static void random_program(TCGContext *s, uint64_t seed)
{
    Program p = { .s = s };
    unsigned num;

    rng_state = seed;
    num = 5 + below(60);
    for (unsigned i = 0; i < num; i++) {
        if (below(3) == 0) {
            tcg_insn_start(s, 0x1000 + i, i);
        }
        random_op(&p);
    }
    while (p.num_open) {
        tcg_set_label(s, p.open[--p.num_open]);
    }
    switch (below(3)) {
    case 0:
        tcg_goto_tb(s, 0);
        tcg_set(s, GM, tcg_const(s, 77));
        tcg_exit_tb(s, TB_EXIT_SLOT0);
        break;
    case 1:
        tcg_goto_ptr(s, tcg_get(s, GR), 3);
        break;
    default:
        finish(s);
        break;
    }
}

typedef struct Outcome {
    Env env;
    uint8_t mem[2 * MEM_SIZE];
    uint64_t hash;
    uintptr_t result;
} Outcome;

static void run_program(Variant *v, uint64_t seed, Outcome *o)
{
    TCGContext *s = begin(v);
    uint8_t *p = (uint8_t *)&o->env;
    volatile int fault;
    uint32_t host_mxcsr = __builtin_ia32_stmxcsr();

    random_program(s, seed);
    generate(v);
    reset_env(&o->env);
    rng_state = seed ^ 0x5555;
    for (size_t i = 0; i < offsetof(Env, mxcsr); i++) {
        p[i] = (uint8_t)rnd();
    }
    bank = 0;
    banked = seed & 1;
    for (size_t i = 0; i < 2 * MEM_SIZE; i += 8) {
        uint64_t r = i * 0x9e3779b97f4a7c15ull ^ seed;

        memcpy(guest_mem + i, &r, 8);
    }
    log_hash = 1;
    fault = setjmp(fault_jmp);
    if (fault == 0) {
        o->result = run(v, &o->env);
    } else {
        o->result = (uintptr_t)fault;
        __builtin_ia32_ldmxcsr(host_mxcsr);
    }
    memcpy(o->mem, guest_mem, sizeof(o->mem));
    banked = false;
    bank = 0;
    o->hash = log_hash;
}

static void dump_line(void *opaque, const char *line)
{
    (void)opaque;
    fputs(line, stdout);
}

static void compare(uint64_t seed, const Variant *v, const Outcome *a,
                    const Outcome *b)
{
    const uint8_t *pa = (const uint8_t *)&a->env, *pb = (const uint8_t *)&b->env;
    bool same = a->hash == b->hash && a->result == b->result &&
                memcmp(a->mem, b->mem, sizeof(a->mem)) == 0 &&
                memcmp(pa, pb, offsetof(Env, mxcsr)) == 0;

    CHECK(same);
    if (same) {
        return;
    }
    printf("seed %llu on %s: hash %d result %d mem %d\n",
           (unsigned long long)seed, v->name, a->hash == b->hash,
           a->result == b->result, memcmp(a->mem, b->mem, sizeof(a->mem)) == 0);
    for (unsigned g = 0; g < NUM_GLOBALS; g++) {
        size_t size = globals[g].type == TCG_I32 ? 4
                    : globals[g].type == TCG_I64 ? 8 : 16;

        if (memcmp(pa + globals[g].offset, pb + globals[g].offset, size)) {
            printf("  %s differs\n", globals[g].name);
        }
    }
    if (getenv("TEST_TCG_DUMP")) {
        tcg_begin(v->s);
        random_program(v->s, seed);
        tcg_dump_ops(v->s, dump_line, NULL);
    }
}

/*
 * Any program leaves the same state on every variant, sees the same values in
 * helpers and devices, and has exact globals at every access that is not a hit.
 * TEST_TCG_SEED and TEST_TCG_COUNT choose programs.
 */
TEST(random_programs)
{
    static Outcome want, got;
    const char *env_seed = getenv("TEST_TCG_SEED");
    const char *env_count = getenv("TEST_TCG_COUNT");
    uint64_t seed = env_seed ? strtoull(env_seed, NULL, 0) : 1;
    uint64_t count = env_count ? strtoull(env_count, NULL, 0) : 3000;

    for (uint64_t n = 0; n < count; n++, seed++) {
        int before = test_failures;

        run_program(&variants[0], seed, &want);
        for (unsigned i = 1; i < NUM_VARIANTS; i++) {
            run_program(&variants[i], seed, &got);
            compare(seed, &variants[i], &want, &got);
        }
        if (test_failures - before > 6) {
            break;
        }
    }
}
