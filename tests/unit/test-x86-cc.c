/* SPDX-License-Identifier: MIT */
/*
 * Lazy flags against the processor: each operation of cc.h is recorded the way
 * the translator does it and must give the flags the host's instruction gives
 * (SDM vol. 1, 3.4.3.1), for edge values and random ones.
 */
#include "target-i386/cc.h"

#include "target-i386/cpu.h"
#include "target-i386/helper.h"
#include "tests/test.h"

#ifdef __x86_64__

/* PUSHF without touching the red zone; LEA leaves flags alone. */
#define FLAGS_TO(op) \
    "\n\tlea -128(%%rsp), %%rsp\n\tpushf\n\tpop " op "\n\tlea 128(%%rsp), %%rsp"

static uint64_t rng = 0x9e3779b97f4a7c15ull;

static uint32_t random32(void)
{
    rng ^= rng >> 12;
    rng ^= rng << 25;
    rng ^= rng >> 27;
    return (uint32_t)(rng * 2685821657736338717ull >> 32);
}

static uint32_t value(void)
{
    static const uint32_t edge[] = {
        0, 1, 2, 0xf, 0x10, 0x7f, 0x80, 0x81, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
        0x80000000, 0xfffffffe, 0xffffffff,
    };

    return random32() % 3 ? random32() : edge[random32() % (sizeof(edge) / sizeof(edge[0]))];
}

typedef struct Native {
    uint32_t result, flags;
} Native;

/* `insn` with %0 (read and written) and %2, CF as given before. */
#define NATIVE_FN(name, type, insn)                                         \
    static Native name(uint32_t a, uint32_t b, uint32_t carry)              \
    {                                                                       \
        type r = (type)a, src = (type)b;                                    \
        uint64_t flags;                                                     \
        uint8_t add = (uint8_t)(carry ? 0xff : 0);                          \
        __asm__ volatile("addb $1, %3\n\t" insn FLAGS_TO("%1")                 \
                         : "+q"(r), "=&r"(flags)                            \
                         : "q"(src), "q"(add) : "cc", "memory");            \
        return (Native){ r, (uint32_t)flags & CC_ALL };                     \
    }
#define NATIVE(name)                                                        \
    NATIVE_FN(name##b, uint8_t, #name " %2, %0")                            \
    NATIVE_FN(name##w, uint16_t, #name " %2, %0")                           \
    NATIVE_FN(name##l, uint32_t, #name " %2, %0")                           \
    static Native (*const name##_fn[3])(uint32_t, uint32_t, uint32_t) =     \
        { name##b, name##w, name##l };
#define NATIVE_ONE(name)                                                    \
    NATIVE_FN(name##b, uint8_t, #name " %0")                                \
    NATIVE_FN(name##w, uint16_t, #name " %0")                               \
    NATIVE_FN(name##l, uint32_t, #name " %0")                               \
    static Native (*const name##_fn[3])(uint32_t, uint32_t, uint32_t) =     \
        { name##b, name##w, name##l };

NATIVE(add)
NATIVE(adc)
NATIVE(sub)
NATIVE(sbb)
NATIVE(and)
NATIVE_ONE(inc)
NATIVE_ONE(dec)
NATIVE_ONE(neg)

enum { ROUNDS = 20000 };

static uint32_t trimmed(uint32_t v, unsigned size)
{
    return size == 2 ? v : v & ((1u << (8 << size)) - 1);
}

/* Fields may hold anything above the width. */
static uint32_t dirty(uint32_t v, unsigned size)
{
    return size == 2 ? v : trimmed(v, size) | random32() << (8 << size);
}

/* SDM vol. 1, appendix B, table B-1: O, B, Z, BE, S, P, L, LE; and what they look at. */
static bool holds(unsigned which, uint32_t f)
{
    bool of = f & CC_O, cf = f & CC_C, zf = f & CC_Z, sf = f & CC_S, pf = f & CC_P;
    const bool all[] = { of, cf, zf, cf || zf, sf, pf, sf != of, zf || sf != of };

    return all[which];
}

static const uint32_t looks_at[8] = {
    CC_O, CC_C, CC_Z, CC_C | CC_Z, CC_S, CC_P, CC_S | CC_O, CC_Z | CC_S | CC_O,
};

static void check(unsigned op, uint32_t dst, uint32_t src, uint32_t src2, uint32_t want,
                  uint32_t mask)
{
    uint32_t got = x86_cc_flags(op, dst, src, src2, random32());

    CHECK_EQ(got & ~CC_ALL, 0);
    CHECK_EQ(got & mask, want & mask);
    for (unsigned which = 0; which < 8; which++) {
        if (!(looks_at[which] & ~mask)) {
            CHECK_EQ(helper_cc_test(op, dst, src, src2, random32(), which), holds(which, want));
        }
    }
    if (mask & CC_C) {
        CHECK_EQ(helper_cc_carry(op, dst, src, src2), want & CC_C);
    }
}

#define BINARY_TEST(id, base, expr, uses_carry, mask)                       \
    TEST(id)                                                                \
    {                                                                       \
        for (unsigned i = 0; i < ROUNDS; i++) {                             \
            unsigned size = i % 3;                                          \
            uint32_t a = value(), b = value(), c = uses_carry ? random32() & 1 : 0; \
            Native n = id##_fn[size](a, b, c);                              \
                                                                            \
            CHECK_EQ(trimmed(expr, size), n.result);                        \
            check(base + size, dirty(expr, size), dirty(b, size), c, n.flags, mask); \
        }                                                                   \
    }

BINARY_TEST(add, CC_OP_ADDB, a + b, 0, CC_ALL)
BINARY_TEST(adc, CC_OP_ADCB, a + b + c, 1, CC_ALL)
BINARY_TEST(sub, CC_OP_SUBB, a - b, 0, CC_ALL)
BINARY_TEST(sbb, CC_OP_SBBB, a - b - c, 1, CC_ALL)
/* SDM vol. 2A, AND: AF is undefined. */
BINARY_TEST(and, CC_OP_LOGICB, a & b, 0, CC_ALL & ~CC_A)

/* CMP is SUB whose fields are its operands. */
TEST(cmp)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned size = i % 3;
        uint32_t a = value(), b = value();
        Native n = sub_fn[size](a, b, 0);

        check(CC_OP_CMPB + size, dirty(a, size), dirty(b, size), 0, n.flags, CC_ALL);
    }
}

/* SDM vol. 2A, INC, DEC: CF is as it was. */
#define STEP_TEST(id, base, by)                                             \
    TEST(id)                                                                \
    {                                                                       \
        for (unsigned i = 0; i < ROUNDS; i++) {                             \
            unsigned size = i % 3;                                          \
            uint32_t a = value(), c = random32() & 1;                       \
            Native n = id##_fn[size](a, 0, c);                              \
                                                                            \
            check(base + size, dirty(a + by, size), c, 0, n.flags, CC_ALL); \
        }                                                                   \
    }

STEP_TEST(inc, CC_OP_INCB, 1)
STEP_TEST(dec, CC_OP_DECB, 0xffffffff)

/* NEG is 0 - operand. */
TEST(neg)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned size = i % 3;
        uint32_t a = value();
        Native n = neg_fn[size](a, 0, 0);

        check(CC_OP_SUBB + size, dirty(-a, size), dirty(a, size), 0, n.flags, CC_ALL);
    }
}

/* -- Shifts ------------------------------------------------------------------ */

#define SHIFT_FN(name, type, suffix)                                        \
    static Native name##suffix(uint32_t a, uint32_t count)                  \
    {                                                                       \
        type r = (type)a;                                                   \
        uint64_t flags;                                                     \
        __asm__ volatile(#name #suffix " %%cl, %0" FLAGS_TO("%1")            \
                         : "+q"(r), "=&r"(flags) : "c"(count) : "cc", "memory"); \
        return (Native){ r, (uint32_t)flags & CC_ALL };                     \
    }
#define SHIFT(name)                                                         \
    SHIFT_FN(name, uint8_t, b)                                              \
    SHIFT_FN(name, uint16_t, w)                                             \
    SHIFT_FN(name, uint32_t, l)                                             \
    static Native (*const name##_fn[3])(uint32_t, uint32_t) = { name##b, name##w, name##l };

SHIFT(shl)
SHIFT(shr)
SHIFT(sar)

/* SDM vol. 2B, SHL: OF is defined for a count of 1, CF up to the width, AF
 * never. */
static uint32_t shift_mask(unsigned count, unsigned size)
{
    return CC_ALL & ~(CC_A | (count == 1 ? 0u : (unsigned)CC_O) |
                      (count >= 8u << size ? (unsigned)CC_C : 0));
}

#define SHIFT_TEST(id, base, prepare, op)                                   \
    TEST(id)                                                                \
    {                                                                       \
        for (unsigned i = 0; i < ROUNDS; i++) {                             \
            unsigned size = i % 3, count = 1 + random32() % 31;             \
            uint32_t v = value();                                           \
            __typeof__(prepare(v, size)) x = prepare(v, size);              \
            Native n = id##_fn[size](v, count);                             \
                                                                            \
            check(base + size, (uint32_t)(x op count),                      \
                  (uint32_t)(x op (count - 1)), 0, n.flags,                 \
                  shift_mask(count, size));                                 \
            check((base + size) | (count - 1) << CC_COUNT_SHIFT, (uint32_t)(x op count), \
                  (uint32_t)x, 0, n.flags, shift_mask(count, size));        \
        }                                                                   \
    }

static int32_t extended(uint32_t v, unsigned size)
{
    return size == 0 ? (int8_t)v : size == 1 ? (int16_t)v : (int32_t)v;
}

SHIFT_TEST(shl, CC_OP_SHLB, trimmed, <<)
SHIFT_TEST(shr, CC_OP_SHRB, trimmed, >>)
SHIFT_TEST(sar, CC_OP_SARB, extended, >>)
#undef SHIFT_TEST

/* -- Multiplication: CF and OF ----------------------------------------------- */

TEST(mul)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t a = value(), b = value(), low = a, high;
        uint64_t flags;

        __asm__ volatile("mull %3" FLAGS_TO("%2")
                         : "+a"(low), "=&d"(high), "=&r"(flags) : "r"(b) : "cc", "memory");
        check(CC_OP_MULL, low, high, 0, (uint32_t)flags, CC_C | CC_O);
    }
}

/* IMUL's fields are the operands, sign extended; it is done when somebody looks. */
#define IMUL_TEST(id, size, type, suffix)                                   \
    TEST(id)                                                                \
    {                                                                       \
        for (unsigned i = 0; i < ROUNDS; i++) {                             \
            type a = (type)value(), b = (type)value(), low = a;             \
            uint64_t flags;                                                 \
                                                                            \
            __asm__ volatile("imul" suffix " %2, %0" FLAGS_TO("%1")         \
                             : "+r"(low), "=&r"(flags) : "r"(b) : "cc", "memory"); \
            check(CC_OP_IMULB + size, (uint32_t)a, (uint32_t)b, 0, (uint32_t)flags, \
                  CC_C | CC_O);                                             \
        }                                                                   \
    }

IMUL_TEST(imulw, 1, int16_t, "w")
IMUL_TEST(imull, 2, int32_t, "l")

/* -- The rest ---------------------------------------------------------------- */

TEST(eflags_are_themselves)
{
    for (unsigned i = 0; i < 1000; i++) {
        uint32_t f = random32();

        CHECK_EQ(x86_cc_flags(CC_OP_EFLAGS, random32(), f, random32(), random32()), f & CC_ALL);
    }
}

/* cc.h, BT: CF is the bit, ZF SF PF are of the result before. */
TEST(bt_keeps_zero_sign_parity)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned size = i % 3;
        uint32_t dst = value(), bit = random32() & 1;
        uint32_t before = x86_cc_flags(CC_OP_LOGICB + size, dst, 0, 0, 0);

        check(CC_OP_BTB + size, dst, bit, 0, before | bit, CC_C | CC_Z | CC_S | CC_P);
    }
}

SHIFT(rol)
SHIFT(ror)

/* SDM vol. 2B, ROL, ROR: CF and OF only, OF for a count of 1. */
#define ROTATE_TEST(id, kind)                                               \
    TEST(id)                                                                \
    {                                                                       \
        for (unsigned i = 0; i < ROUNDS; i++) {                             \
            unsigned size = i % 3, count = 1 + random32() % 31;             \
            unsigned base = CC_OP_LOGICB + random32() % 3;                  \
            uint32_t dst = value();                                         \
            Native n = id##_fn[size](value(), count);                       \
            uint32_t below = x86_cc_flags(base, dst, 0, 0, 0);              \
                                                                            \
            below = (below & ~(uint32_t)(CC_C | CC_O)) | (n.flags & (CC_C | CC_O)); \
            check(base | (kind + size) << CC_ROT_SHIFT, dst, 0, dirty(n.result, size), \
                  below, CC_ALL & ~(count == 1 ? 0u : (unsigned)CC_O));     \
        }                                                                   \
    }

ROTATE_TEST(rol, CC_ROT_LEFT)
ROTATE_TEST(ror, CC_ROT_RIGHT)

/* INC and DEC on top of anything: CF is that of what is below. */
TEST(inc_dec_on_top)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned size = i % 3, below = CC_OP_ADDB + random32() % 3;
        uint32_t a = value(), dst = value(), src = value(), src2 = random32() & 3;
        bool dec = random32() & 1;
        uint32_t op = below | (random32() & 1 ? CC_ROT_BITS << CC_ROT_SHIFT : 0);
        uint32_t carry = x86_cc_flags(op, dst, src, src2, 0) & CC_C;
        Native n = (dec ? dec_fn : inc_fn)[size](a, 0, carry);
        unsigned kind = (dec ? CC_INC_DEC : CC_INC_INC) + size;

        CHECK_EQ(x86_cc_flags(op | kind << CC_INC_SHIFT, dst, src, src2,
                              dirty(a + (dec ? -1u : 1), size)), n.flags);
    }
}

#else

TEST(flags_against_the_processor)
{
    TEST_SKIP("the host is not x86");
}

#endif
