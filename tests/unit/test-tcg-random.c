/* SPDX-License-Identifier: MIT */
/*
 * The translator with random programs: on every Variant they do what they do on
 * the interpreter without optimizer.
 */
#include "tcg/tcg.h"

#include "tests/unit/tcg-rig.h"
#include "tests/unit/tcg-rows.h"

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
    switch (below(4)) {
    case 0:
        tcg_next_tb(s, 0, 78);
        break;
    case 1:
        tcg_goto_tb(s, 0);
        tcg_set(s, GM, tcg_const(s, 77));
        tcg_exit_tb(s, TB_EXIT_SLOT0);
        break;
    case 2:
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
