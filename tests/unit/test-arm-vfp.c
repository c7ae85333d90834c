/* SPDX-License-Identifier: MIT */
/*
 * VFP (ARM ARM, part C) and fpu/softfloat.c.
 *
 * Results in round-to-nearest have two makers, host and integers: they are held
 * against each other, and single facts against the manual.
 */
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "tests/test.h"
#include "tests/arm-rig.h"
#include "fpu/softfloat.h"
#include "target-arm/gen-vfp.h"
#include "target-arm/helper.h"
#include "target-arm/vfp.h"

/* -- Values ------------------------------------------------------------------- */

#define D_ONE   0x3ff0000000000000ull
#define D_TWO   0x4000000000000000ull
#define D_INF   0x7ff0000000000000ull
#define D_QNAN  0x7ff8000000001234ull
#define D_QNAN2 0xfff8000000005678ull
#define D_SNAN  0x7ff0000000000001ull
#define D_SNAN2 0xfff0000000000002ull
#define D_DN    0x7ff8000000000000ull
#define D_MIN   0x0010000000000000ull
#define D_MAX   0x7fefffffffffffffull
#define D_SIGN  0x8000000000000000ull

static uint64_t rng_state = 0x12345678;

static uint64_t rnd(void)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return rng_state * 0x2545f4914f6cdd1dull;
}

/* Often at an edge of the format, often near another one. */
static uint64_t value(bool dbl)
{
    static const uint64_t edges[] = {
        0, 1, D_MIN - 1, D_MIN, D_MIN + 1, D_ONE, D_ONE - 1, D_ONE + 1, D_TWO, D_MAX, D_INF,
        D_QNAN, D_QNAN2, D_SNAN, D_SNAN2, 0x1ff0000000000000, 0x2000000000000001,
        0x36a0000000000000, 0x380fffffffffffff, 0x41dfffffffffffff, 0x41e0000000000000,
        0x3fe0000000000000, 0x0018000000000000,
    };
    static const uint32_t single_edges[] = {
        0, 1, 0x7fffff, 0x800000, 0x800001, 0x3f800000, 0x3f7fffff, 0x7f7fffff, 0x7f800000,
        0x7fc01234, 0x7f800001, 0xffc00001, 0x1f800000, 0x20000001, 0x4effffff, 0x4f000000,
    };
    uint64_t v = rnd();

    switch (rnd() % 4) {
    case 0:
        v = dbl ? edges[v % ARRAY_SIZE(edges)] : single_edges[v % ARRAY_SIZE(single_edges)];
        break;
    case 1:                             /* small integers and fractions */
        v = dbl ? D_ONE + ((v & 0x3ff) << 46) : 0x3f800000 + ((v & 0x3ff) << 17);
        break;
    }
    v ^= rnd() & (dbl ? D_SIGN : 1u << 31);
    return dbl ? v : (uint32_t)v;
}

/* -- Integers against the host's unit ------------------------------------------ */

#ifdef __SSE2__

typedef struct HostResult {
    uint64_t val;
    uint32_t flags;
} HostResult;

#define HOST_OP(name, insn)                                                 \
    static uint64_t name(uint64_t a, uint64_t b)                            \
    {                                                                       \
        uint64_t r;                                                         \
        __asm__ volatile("movq %1, %%xmm0\n\tmovq %2, %%xmm1\n\t" insn " %%xmm1, %%xmm0\n\t" \
                         "movq %%xmm0, %0" : "=r"(r) : "r"(a), "r"(b) : "xmm0", "xmm1"); \
        return r;                                                           \
    }
HOST_OP(host_add_d, "addsd") HOST_OP(host_sub_d, "subsd")
HOST_OP(host_mul_d, "mulsd") HOST_OP(host_div_d, "divsd")
HOST_OP(host_sqrt_d, "sqrtsd") HOST_OP(host_narrow, "cvtsd2ss")
HOST_OP(host_add_s, "addss") HOST_OP(host_sub_s, "subss")
HOST_OP(host_mul_s, "mulss") HOST_OP(host_div_s, "divss")
HOST_OP(host_sqrt_s, "sqrtss") HOST_OP(host_widen, "cvtss2sd")

static HostResult on_host(uint64_t (*op)(uint64_t, uint64_t), uint64_t a, uint64_t b,
                          unsigned round)
{
    static const uint32_t rc[] = { [FLOAT_NEAREST_EVEN] = 0, [FLOAT_DOWN] = 1 << 13,
                                   [FLOAT_UP] = 2 << 13, [FLOAT_TO_ZERO] = 3 << 13 };
    HostResult r;

    _mm_setcsr(0x1f80 | rc[round]);
    r.val = op(a, b);
    uint32_t f = _mm_getcsr();
    _mm_setcsr(0x1f80);
    r.flags = (f & 1) | (f & 0x3c) >> 1;
    return r;
}

static uint64_t soft_sqrt(const FloatFormat *f, uint64_t a, uint64_t b, FloatMode *m)
{
    (void)a;
    return float_sqrt(f, b, m);
}

static uint64_t soft_convert(const FloatFormat *f, uint64_t a, uint64_t b, FloatMode *m)
{
    (void)a;
    return float_convert(f == &float_double ? &float_single : &float_double, f, b, m);
}

static bool is_nan(uint64_t v, bool dbl)
{
    return dbl ? (v & ~D_SIGN) > D_INF : (v & 0x7fffffff) > 0x7f800000;
}

/* The host looks for tininess after rounding: the smallest normal number. */
static bool may_differ(uint64_t v, bool dbl)
{
    return dbl ? (v & ~D_SIGN) == D_MIN : (v & 0x7fffffff) == 0x00800000;
}

TEST(integers_agree_with_the_host)
{
    static const struct {
        uint64_t (*soft)(const FloatFormat *, uint64_t, uint64_t, FloatMode *);
        uint64_t (*host[2])(uint64_t, uint64_t);
        bool other;                     /* the result has the other format */
    } ops[] = {
        { float_add, { host_add_s, host_add_d }, 0 }, { float_sub, { host_sub_s, host_sub_d }, 0 },
        { float_mul, { host_mul_s, host_mul_d }, 0 }, { float_div, { host_div_s, host_div_d }, 0 },
        { soft_sqrt, { host_sqrt_s, host_sqrt_d }, 0 },
        { soft_convert, { host_widen, host_narrow }, 1 },
    };

    for (unsigned n = 0; n < 600000; n++) {
        unsigned op = n % ARRAY_SIZE(ops), round = rnd() % 4;
        bool dbl = rnd() & 1, result_dbl = dbl ^ ops[op].other;
        uint64_t a = value(dbl), b = value(dbl);
        FloatMode m = { .round = (uint8_t)round };
        HostResult want = on_host(ops[op].host[dbl], a, b, round);
        uint64_t got = ops[op].soft(dbl ? &float_double : &float_single, a, b, &m);
        uint64_t mask = result_dbl ? ~0ull : 0xffffffff;
        uint32_t ignore = may_differ(want.val, result_dbl) ? FLOAT_UNDERFLOW : 0;
        bool same = is_nan(want.val & mask, result_dbl) ? is_nan(got, result_dbl)
                                                        : got == (want.val & mask);

        if (!same || ((m.flags ^ want.flags) & 0x1f & ~ignore)) {
            printf("# op %u dbl %d round %u: %016" PRIx64 " %016" PRIx64 "\n", op, dbl, round, a, b);
            CHECK_EQ(got, want.val & mask);
            CHECK_EQ(m.flags, want.flags);
            return;
        }
    }
}

#endif

/* -- Facts -------------------------------------------------------------------- */

static uint64_t with(uint64_t (*fn)(const FloatFormat *, uint64_t, uint64_t, FloatMode *),
                     uint64_t a, uint64_t b, FloatMode m, uint32_t *flags)
{
    uint64_t r = fn(&float_double, a, b, &m);

    *flags = m.flags & 0x9f;
    return r;
}

/* C2.3.2: the first signalling NaN, made quiet, else the first quiet one; the
 * default NaN with DN; the default NaN for invalid operations. */
TEST(nan_rules)
{
    const FloatMode plain = { 0 }, dn = { .default_nan = true };
    const uint64_t quiet = 1ull << 51;
    uint32_t f;

    CHECK_EQ(with(float_add, D_QNAN, D_SNAN, plain, &f), D_SNAN | quiet);
    CHECK_EQ(f, FLOAT_INVALID);
    CHECK_EQ(with(float_add, D_SNAN, D_SNAN2, plain, &f), D_SNAN | quiet);
    CHECK_EQ(with(float_mul, D_QNAN2, D_QNAN, plain, &f), D_QNAN2);
    CHECK_EQ(f, 0);
    CHECK_EQ(with(float_sub, D_ONE, D_QNAN, plain, &f), D_QNAN);
    CHECK_EQ(with(float_div, D_QNAN2, D_ONE, dn, &f), D_DN);
    CHECK_EQ(f, 0);
    CHECK_EQ(with(float_sub, D_INF, D_INF, plain, &f), D_DN);
    CHECK_EQ(f, FLOAT_INVALID);
    CHECK_EQ(with(float_mul, 0, D_INF | D_SIGN, plain, &f), D_DN);
    CHECK_EQ(with(float_div, 0, D_SIGN, plain, &f), D_DN);
    CHECK_EQ(f, FLOAT_INVALID);
}

/* C2.4.1, flush-to-zero: denormal operands count as zeros and set IDC, tiny
 * results are zeros and set UFC but not IXC. */
TEST(flush_to_zero)
{
    const FloatMode fz = { .flush_to_zero = true };
    uint32_t f;

    CHECK_EQ(with(float_add, 1, D_ONE, fz, &f), D_ONE);
    CHECK_EQ(f, FLOAT_DENORMAL);
    CHECK_EQ(with(float_mul, D_MIN | D_SIGN, 0x3fe0000000000000, fz, &f), D_SIGN);
    CHECK_EQ(f, FLOAT_UNDERFLOW);
    CHECK_EQ(with(float_div, D_ONE, 1, fz, &f), D_INF);
    CHECK_EQ(f, FLOAT_DIV_BY_ZERO | FLOAT_DENORMAL);
}

/* C2.5: tiny before rounding, though the result is normal: underflow. */
TEST(tininess_before_rounding)
{
    const FloatMode plain = { 0 };
    uint32_t f;

    /* (2 - 2^-52) * 2^-1023 rounds up to 2^-1022 */
    CHECK_EQ(with(float_mul, 0x3fffffffffffffff, 0x0008000000000000, plain, &f), D_MIN);
    CHECK_EQ(f, FLOAT_UNDERFLOW | FLOAT_INEXACT);
    CHECK_EQ(with(float_mul, D_MIN, 0x3fe0000000000000, plain, &f), D_MIN / 2);
    CHECK_EQ(f, 0);
}

TEST(to_integers)
{
    static const struct { uint64_t a; bool is_signed; unsigned round; uint32_t val, flags; } rows[] = {
        { 0x4004000000000000, 1, FLOAT_NEAREST_EVEN, 2, FLOAT_INEXACT },    /* 2.5 */
        { 0x4004000000000000, 1, FLOAT_UP, 3, FLOAT_INEXACT },
        { 0xc004000000000000, 1, FLOAT_UP, (uint32_t)-2, FLOAT_INEXACT },
        { 0xc004000000000000, 1, FLOAT_DOWN, (uint32_t)-3, FLOAT_INEXACT },
        { 0x41dfffffffe00000, 1, FLOAT_TO_ZERO, 0x7fffffff, FLOAT_INEXACT },
        { 0x41dfffffffe00000, 1, FLOAT_NEAREST_EVEN, 0x7fffffff, FLOAT_INVALID },
        { 0xc1e0000000000000, 1, FLOAT_TO_ZERO, 0x80000000, 0 },
        { 0xc1e0000000200000, 1, FLOAT_NEAREST_EVEN, 0x80000000, FLOAT_INVALID },
        { 0x41efffffffe00000, 0, FLOAT_TO_ZERO, 0xffffffff, 0 },
        { 0x41f0000000000000, 0, FLOAT_TO_ZERO, 0xffffffff, FLOAT_INVALID },
        { 0xbfe0000000000000, 0, FLOAT_TO_ZERO, 0, FLOAT_INEXACT },
        { 0xbff0000000000000, 0, FLOAT_TO_ZERO, 0, FLOAT_INVALID },
        { D_QNAN, 1, FLOAT_TO_ZERO, 0, FLOAT_INVALID },
        { D_INF | D_SIGN, 1, FLOAT_TO_ZERO, 0x80000000, FLOAT_INVALID },
        { D_INF, 0, FLOAT_TO_ZERO, 0xffffffff, FLOAT_INVALID },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        FloatMode m = { .round = (uint8_t)rows[i].round };

        CHECK_EQ(float_to_int(&float_double, rows[i].a, rows[i].is_signed, &m), rows[i].val);
        CHECK_EQ(m.flags, rows[i].flags);
    }
}

/* -- Instructions ------------------------------------------------------------- */

/* Encodings on d0 d1 d2 or s0 s1 s2; X: bit 8. */
enum {
    MLA = 0xee000a00, MLS = 0xee000a40, NMLS = 0xee100a00, NMLA = 0xee100a40,
    MUL = 0xee200a00, NMUL = 0xee200a40, ADD = 0xee300a00, SUB = 0xee300a40, DIV = 0xee800a00,
    CPY = 0xeeb00a40, ABS = 0xeeb00ac0, NEG = 0xeeb10a40, SQRT = 0xeeb10ac0,
    CMP = 0xeeb40a40, CMPE = 0xeeb40ac0, CMPZ = 0xeeb50a40, CMPEZ = 0xeeb50ac0,
    CVT = 0xeeb70ac0, UITO = 0xeeb80a40, SITO = 0xeeb80ac0, TOUI = 0xeebc0a40,
    TOUIZ = 0xeebc0ac0, TOSI = 0xeebd0a40, TOSIZ = 0xeebd0ac0, DBL = 1 << 8,
};

static const struct { uint32_t insn; VfpOp op; bool dyadic; } all_ops[] = {
    { MLA, VFP_MLA, 1 }, { MLS, VFP_MLS, 1 }, { NMLS, VFP_NMLS, 1 }, { NMLA, VFP_NMLA, 1 },
    { MUL, VFP_MUL, 1 }, { NMUL, VFP_NMUL, 1 }, { ADD, VFP_ADD, 1 }, { SUB, VFP_SUB, 1 },
    { DIV, VFP_DIV, 1 }, { SQRT, VFP_SQRT, 0 }, { CMP, VFP_CMP, 0 }, { CMPE, VFP_CMPE, 0 },
    { CMPZ, VFP_CMPZ, 0 }, { CMPEZ, VFP_CMPEZ, 0 }, { CVT, VFP_CVT, 0 }, { UITO, VFP_UITO, 0 },
    { SITO, VFP_SITO, 0 }, { TOUI, VFP_TOUI, 0 }, { TOUIZ, VFP_TOUIZ, 0 }, { TOSI, VFP_TOSI, 0 },
    { TOSIZ, VFP_TOSIZ, 0 },
};

static uint32_t field(bool dbl, unsigned n, unsigned at, unsigned extra)
{
    return dbl ? n << at : n >> 1 << at | (n & 1) << extra;
}

static uint32_t encode(uint32_t insn, bool d_dbl, unsigned d, bool nm_dbl, unsigned n, unsigned m,
                       bool dyadic)
{
    return insn | field(d_dbl, d, 12, 22) | (dyadic ? field(nm_dbl, n, 16, 7) : 0) |
           field(nm_dbl, m, 0, 5);
}

static void open_vfp(bool interp)
{
    rig_open(&(AccelOptions){ .tb_size = 8 << 20, .interp = interp }, "arm926");
}

static void put_code(const uint32_t *code, unsigned num)
{
    for (unsigned i = 0; i < num; i++) {
        store_le(rig_ptr(RIG_CODE + 4 * i), code[i], 4);
    }
    store_le(rig_ptr(RIG_CODE + 4 * num), 0xef000000, 4);
    tb_flush(rig.env->common.exec->tbs);
}

static ArmCtx fresh(uint32_t fpscr)
{
    return (ArmCtx){ .cpsr = MODE_SVC, .r[15] = RIG_CODE, .fpscr = fpscr, .fpexc = 1u << 30 };
}

static ArmCtx run(const ArmCtx *c)
{
    ArmCtx got;

    rig_set(c);
    rig_run(&got);
    return got;
}

/* A sequence in few registers, whose results feed each other. */
enum { LENGTH = 24 };

typedef struct Sequence {
    uint32_t code[LENGTH], word[LENGTH];
} Sequence;

static void random_sequence(Sequence *q)
{
    for (unsigned i = 0; i < LENGTH; i++) {
        unsigned k = (unsigned)(rnd() % ARRAY_SIZE(all_ops)), regs = 6;
        VfpOp op = all_ops[k].op;
        bool dbl = rnd() & 1;
        bool d_dbl = op == VFP_CVT ? !dbl : op >= VFP_TOUI ? false : dbl;
        bool m_dbl = op == VFP_UITO || op == VFP_SITO ? false : dbl;
        unsigned d = (unsigned)(rnd() % regs), n = (unsigned)(rnd() % regs),
                 m = op == VFP_CMPZ || op == VFP_CMPEZ ? 0 : (unsigned)(rnd() % regs);

        q->code[i] = encode(all_ops[k].insn | (dbl ? DBL : 0), d_dbl, d, m_dbl, n, m,
                            all_ops[k].dyadic);
        q->word[i] = vfp_word(op, dbl, d, all_ops[k].dyadic ? n : 0, m);
    }
}

static bool same(const ArmCtx *a, const ArmCtx *b)
{
    return a->excp == b->excp && a->fpscr == b->fpscr && !memcmp(a->d, b->d, sizeof(a->d));
}

/* Translated code and the same by helper_vfp_any(), one by one. */
static void check_sequences(bool interp, uint32_t fpscr, unsigned num)
{
    Sequence q;

    open_vfp(interp);
    for (unsigned i = 0; i < num && test_failures == 0; i++) {
        ArmCtx c = fresh(fpscr), got, want;

        random_sequence(&q);
        put_code(q.code, LENGTH);
        for (unsigned j = 0; j < 16; j++) {
            c.d[j] = rnd() & 1 ? value(true) : value(false) | value(false) << 32;
        }
        got = run(&c);
        rig_set(&c);
        for (unsigned j = 0; j < LENGTH; j++) {
            helper_vfp_any(rig.env, q.word[j], q.code[j]);
        }
        rig_get(&want);
        want.excp = -1;
        CHECK(same(&got, &want));
        for (unsigned j = 0; j < LENGTH && !same(&got, &want); j++) {
            printf("# %08x\n", q.code[j]);
        }
    }
    rig_close();
}

TEST(host_and_integers_agree_in_code) { check_sequences(false, 0, 4000); }
TEST(host_and_integers_agree_on_the_interpreter) { check_sequences(true, 0, 1000); }

TEST(any_mode_in_code)
{
    for (uint32_t mode = 1; mode < 16; mode++) {
        check_sequences(false, mode << 22, 60);
    }
}

/* The results that only integers have: NaNs, their signs, tininess. */
TEST(not_as_the_host)
{
    static const uint32_t code[] = { 0xee310b02 };      /* vadd.f64 d0, d1, d2 */
    static const uint32_t mla[] = { 0xee010b02 };       /* vmla.f64 d0, d1, d2 */

    for (unsigned interp = 0; interp < 2; interp++) {
        ArmCtx c = fresh(0), got;

        open_vfp(interp);
        put_code(code, 1);
        c.d[1] = D_INF;
        c.d[2] = D_INF | D_SIGN;
        got = run(&c);
        CHECK_EQ(got.d[0], D_DN);                       /* the host's is negative */
        CHECK_EQ(got.fpscr, FPSCR_IOC);
        c.d[1] = D_QNAN;
        c.d[2] = D_SNAN;
        got = run(&c);
        CHECK_EQ(got.d[0], D_SNAN | 1ull << 51);        /* the host takes the first */
        put_code(mla, 1);
        c.d[0] = D_ONE;
        c.d[1] = 0x3fffffffffffffff;
        c.d[2] = 0x0008000000000000;
        got = run(&c);
        CHECK_EQ(got.d[0], D_ONE);
        CHECK_EQ(got.fpscr, FPSCR_UFC | FPSCR_IXC);
        rig_close();
    }
}

/* Not fused: C4.1.10 rounds the product. */
TEST(multiply_accumulate_rounds_twice)
{
    static const uint32_t mla[] = { 0xee010b02 };
    ArmCtx c = fresh(0), got;

    open_vfp(false);
    put_code(mla, 1);
    c.d[0] = 0xbff0000000000002;        /* -(1 + 2^-51) */
    c.d[1] = c.d[2] = 0x3ff0000000000001;       /* 1 + 2^-52 */
    got = run(&c);
    CHECK_EQ(got.d[0], 0);
    CHECK_EQ(got.fpscr, FPSCR_IXC);
    rig_close();
}

/* -- Vectors: C5.3 ------------------------------------------------------------ */

/* s8-s11 + s16-s19; with a scalar; a scalar destination. */
TEST(short_vectors)
{
    static const uint32_t code[] = {
        0xee344a08,                     /* vadd.f32 s8, s8, s16 */
        0xee2c6a00,                     /* vmul.f32 s12, s24, s0 */
        0xee300a20,                     /* vadd.f32 s0, s0, s1 */
    };
    ArmCtx c = fresh(3 << 16), got;
    float s[32];

    for (unsigned i = 0; i < 32; i++) {
        s[i] = (float)i;
    }
    s[0] = 2;
    memcpy(c.d, s, sizeof(s));
    for (unsigned interp = 0; interp < 2; interp++) {
        open_vfp(interp);
        put_code(code, 3);
        got = run(&c);
        memcpy(s, got.d, sizeof(s));
        for (unsigned i = 0; i < 4; i++) {
            CHECK_EQ(s[8 + i], 24 + 2 * i);
            CHECK_EQ(s[12 + i], 2 * (24 + i));
        }
        CHECK_EQ(s[0], 3);
        CHECK_EQ(s[1], 1);
        rig_close();
    }
}

/* Stride 2, and round the end of a bank. */
TEST(vectors_wrap_in_their_bank)
{
    static const uint32_t code[] = {
        0xeeb06b48,                     /* vmov.f64 d6, d8 */
        0xeeb05a67,                     /* vmov.f32 s10, s15 */
    };
    ArmCtx c = fresh(1 << 16), got;

    for (unsigned i = 0; i < 16; i++) {
        c.d[i] = i;
    }
    open_vfp(false);
    put_code(code, 1);
    c.fpscr = 1 << 16 | 3 << 20;
    got = run(&c);
    CHECK_EQ(got.d[6], 8);
    CHECK_EQ(got.d[4], 10);
    CHECK_EQ(got.d[5], 5);
    CHECK_EQ(got.d[7], 7);
    put_code(code + 1, 1);
    c.fpscr = 1 << 16;
    c.d[7] = 0x77ull << 32;             /* s15 */
    c.d[4] = 0x88;                      /* s8 */
    got = run(&c);
    CHECK_EQ(got.d[5], 0x0000008800000077);     /* s11 = s8, s10 = s15 */
    rig_close();
}

/* -- Transfers ---------------------------------------------------------------- */

TEST(loads_and_stores)
{
    static const uint32_t code[] = {
        0xecb00b06,                     /* vldmia r0!, {d0-d2} */
        0xed210b06,                     /* vstmdb r1!, {d0-d2} */
        0xecb23b05,                     /* fldmiax r2!, {d3-d4} */
        0xed934b02,                     /* vldr d4, [r3, #8] */
        0xed035a01,                     /* vstr s10, [r3, #-4] */
        0xec565b14,                     /* vmov r5, r6, d4 */
        0xee247b10,                     /* vmov.32 d4[1], r7 */
    };
    ArmCtx c = fresh(0), got;

    c.r[0] = c.r[2] = RIG_DATA;
    c.r[1] = RIG_DATA + 0x118;
    c.r[3] = RIG_DATA + 0x200;
    c.r[7] = 0x7777;
    c.d[5] = 0x55555555;
    for (unsigned interp = 0; interp < 2; interp++) {
        open_vfp(interp);
        for (unsigned i = 0; i < 8; i++) {
            store_le(rig_ptr(RIG_DATA + 8 * i), 0x1111111100000000 + i, 8);
        }
        store_le(rig_ptr(RIG_DATA + 0x208), 0xaaaabbbbccccdddd, 8);
        put_code(code, ARRAY_SIZE(code));
        got = run(&c);
        CHECK_EQ(got.excp, -1);
        CHECK_EQ(got.r[0], RIG_DATA + 0x18);
        CHECK_EQ(got.r[1], RIG_DATA + 0x100);
        CHECK_EQ(got.r[2], RIG_DATA + 0x14);
        CHECK_EQ(got.d[3], 0x1111111100000000);
        CHECK_EQ(load_le(rig_ptr(RIG_DATA + 0x110), 8), 0x1111111100000002);
        CHECK_EQ(load_le(rig_ptr(RIG_DATA + 0x1fc), 4), 0x55555555);
        CHECK_EQ(got.r[5], 0xccccdddd);
        CHECK_EQ(got.r[6], 0xaaaabbbb);
        CHECK_EQ(got.d[4], 0x00007777ccccdddd);
        rig_close();
    }
}

/* A register loaded between two operations is not the one computed before. */
TEST(registers_are_not_stale)
{
    static const uint32_t code[] = {
        0xee310b01,                     /* vadd.f64 d0, d1, d1 */
        0xed900b00,                     /* vldr d0, [r0] */
        0xee302b01,                     /* vadd.f64 d2, d0, d1 */
        0xee031a10,                     /* vmov s6, r1: the low half of d3 */
        0xee334b01,                     /* vadd.f64 d4, d3, d1 */
    };
    ArmCtx c = fresh(0), got;

    c.r[0] = RIG_DATA;
    c.r[1] = 0;
    c.d[1] = D_ONE;
    c.d[3] = 0x4008000012345678;
    open_vfp(false);
    store_le(rig_ptr(RIG_DATA), D_TWO, 8);
    put_code(code, ARRAY_SIZE(code));
    got = run(&c);
    CHECK_EQ(got.d[2], 0x4008000000000000);
    CHECK_EQ(got.d[4], 0x4010000000000000);
    rig_close();
}

/* -- The system's side -------------------------------------------------------- */

static int excp_of(uint32_t insn, uint32_t psr, uint32_t fpexc)
{
    ArmCtx c = fresh(0);

    put_code(&insn, 1);
    c.cpsr = psr;
    c.fpexc = fpexc;
    return run(&c).excp;
}

/* C2.7: without FPEXC.EN only FPSID and FPEXC, and only in privileged modes. */
TEST(enabling)
{
    enum { VADD = (int)0xee310b02, GET_FPSID = (int)0xeef00a10, GET_FPSCR = (int)0xeef10a10,
           GET_FPEXC = (int)0xeef80a10, SET_FPEXC = (int)0xeee80a10 };

    open_vfp(false);
    CHECK_EQ(excp_of((uint32_t)VADD, MODE_SVC, 0), EXCP_UNDEF);
    CHECK_EQ(excp_of((uint32_t)GET_FPSCR, MODE_SVC, 0), EXCP_UNDEF);
    CHECK_EQ(excp_of((uint32_t)GET_FPSID, MODE_SVC, 0), -1);
    CHECK_EQ(excp_of((uint32_t)GET_FPEXC, MODE_SVC, 0), -1);
    CHECK_EQ(excp_of((uint32_t)SET_FPEXC, MODE_SVC, 0), -1);
    CHECK_EQ(excp_of((uint32_t)GET_FPSID, MODE_USR, 0), EXCP_UNDEF);
    CHECK_EQ(excp_of((uint32_t)SET_FPEXC, MODE_USR, 1u << 30), EXCP_UNDEF);
    CHECK_EQ(excp_of((uint32_t)GET_FPSCR, MODE_USR, 1u << 30), -1);
    CHECK_EQ(excp_of((uint32_t)VADD, MODE_USR, 1u << 30), -1);
    /* There are 16 double registers. */
    CHECK_EQ(excp_of(0xee710b02, MODE_USR, 1u << 30), EXCP_UNDEF);
    rig_set_model("arm920t");
    CHECK_EQ(excp_of((uint32_t)GET_FPSID, MODE_SVC, 0), EXCP_UNDEF);
    rig_close();
}

/* Switching on takes effect at the next instruction. */
TEST(switched_on_in_code)
{
    static const uint32_t code[] = {
        0xeee80a10,                     /* vmsr fpexc, r0 */
        0xee300b00,                     /* vadd.f64 d0, d0, d0 */
        0xeef11a10,                     /* vmrs r1, fpscr */
    };
    ArmCtx c = fresh(0), got;

    c.fpexc = 0;
    c.r[0] = 1u << 30;
    c.d[0] = D_ONE;
    open_vfp(false);
    put_code(code, 3);
    got = run(&c);
    CHECK_EQ(got.excp, -1);
    CHECK_EQ(got.d[0], D_TWO);
    CHECK_EQ(got.r[1], 0);
    rig_close();
}

/* C2.8: cumulative flags gather, from the host as well, until they are cleared. */
TEST(cumulative_flags)
{
    static const uint32_t code[] = {
        0xee810b02,                     /* vdiv.f64 d0, d1, d2: inexact */
        0xeef11a10,                     /* vmrs r1, fpscr */
        0xee813b04,                     /* vdiv.f64 d3, d1, d4: by zero */
        0xeef12a10,                     /* vmrs r2, fpscr */
        0xeee10a10,                     /* vmsr fpscr, r0 */
        0xeef13a10,                     /* vmrs r3, fpscr */
    };
    ArmCtx c = fresh(0), got;

    c.d[1] = D_ONE;
    c.d[2] = 0x4008000000000000;
    for (unsigned interp = 0; interp < 2; interp++) {
        open_vfp(interp);
        put_code(code, ARRAY_SIZE(code));
        got = run(&c);
        CHECK_EQ(got.r[1], FPSCR_IXC);
        CHECK_EQ(got.r[2], FPSCR_IXC | FPSCR_DZC);
        CHECK_EQ(got.r[3], 0);
        CHECK_EQ(got.fpscr, 0);
        rig_close();
    }
}

/* C4.1.5: N Z C V; to the CPSR by FMSTAT. */
TEST(comparisons)
{
    static const struct { uint64_t a, b; uint32_t nzcv, flags; } rows[] = {
        { D_ONE, D_ONE, 6, 0 }, { D_ONE, D_TWO, 8, 0 }, { D_TWO, D_ONE, 2, 0 },
        { 0, D_SIGN, 6, 0 }, { D_ONE, D_QNAN, 3, 0 }, { D_SNAN, D_ONE, 3, FPSCR_IOC },
        { D_INF | D_SIGN, D_MAX, 8, 0 },
    };
    static const uint32_t code[] = { 0xeeb40b41, 0xeef1fa10 };  /* vcmp d0, d1; fmstat */

    open_vfp(false);
    put_code(code, 2);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        ArmCtx c = fresh(0), got;

        c.d[0] = rows[i].a;
        c.d[1] = rows[i].b;
        got = run(&c);
        CHECK_EQ(got.fpscr, rows[i].nzcv << 28 | rows[i].flags);
        CHECK_EQ(got.cpsr >> 28, rows[i].nzcv);
    }
    rig_close();
}

/*
 * A trapped exception (C3.4): the operation goes to FPINST as a scalar one with
 * condition AL, its destination stays, and the next instruction for the unit
 * is undefined; what is not for the unit runs.
 */
TEST(trapped_exceptions)
{
    static const uint32_t code[] = {
        0x0e810b02,                     /* vdiveq.f64 d0, d1, d2 */
        0xe3a01003,                     /* mov r1, #3 */
        0xeeb03b41,                     /* vmov.f64 d3, d1 */
    };
    ArmCtx c = fresh(FPSCR_DZC << 8), got;

    c.cpsr |= CPSR_Z;
    c.d[0] = 77;
    c.d[1] = D_ONE;
    for (unsigned interp = 0; interp < 2; interp++) {
        open_vfp(interp);
        put_code(code, 3);
        got = run(&c);
        CHECK_EQ(got.excp, EXCP_UNDEF);
        CHECK_EQ(got.r[15], RIG_CODE + 8);
        CHECK_EQ(got.r[1], 3);
        CHECK_EQ(got.d[0], 77);
        CHECK_EQ(got.fpexc, 0xc0000700);
        CHECK_EQ(rig.env->fpinst, 0xee810b02);
        CHECK_EQ(got.fpscr, FPSCR_DZC << 8);
        rig_close();
    }
}

/* In the middle of a vector: FPEXC.VECITR has what is left, less one. */
TEST(trapped_in_a_vector)
{
    static const uint32_t code[] = { 0xee844a08 };      /* vdiv.f32 s8, s8, s16 */
    ArmCtx c = fresh(FPSCR_DZC << 8 | 3 << 16), got;
    uint32_t s[32] = { 0 };

    for (unsigned i = 0; i < 4; i++) {
        s[8 + i] = 0x3f800000;
        s[16 + i] = i == 1 ? 0 : 0x40000000;
    }
    memcpy(c.d, s, sizeof(s));
    open_vfp(false);
    put_code(code, 1);
    got = run(&c);
    memcpy(s, got.d, sizeof(s));
    CHECK_EQ(s[8], 0x3f000000);
    CHECK_EQ(s[9], 0x3f800000);
    CHECK_EQ(s[10], 0x3f800000);
    CHECK_EQ(got.fpexc, 0xc0000100);
    CHECK_EQ(rig.env->fpinst, 0xeec44aa8);      /* vdiv.f32 s9, s9, s17 */
    rig_close();
}
