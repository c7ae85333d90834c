/* SPDX-License-Identifier: MIT */
/*
 * The values of operations.  Each row becomes one function per type, so that a
 * debugger can stop in it, and one case.
 */
#include "tcg/eval.h"

#define UNUSED __attribute__((unused))
#define CLZ(x) (BITS == 32 ? __builtin_clz((uint32_t)(x)) : __builtin_clzll(x))
#define CTZ(x) (BITS == 32 ? __builtin_ctz((uint32_t)(x)) : __builtin_ctzll(x))
#define BSWAP(x) \
    (BITS == 32 ? __builtin_bswap32((uint32_t)(x)) : (T)__builtin_bswap64(x))

#define SCALAR_FN(name, bits, value)                                        \
    static uint64_t eval_##name##_i##bits(uint##bits##_t a,                 \
                                          uint##bits##_t b UNUSED)          \
    {                                                                       \
        typedef uint##bits##_t T UNUSED;                                    \
        typedef int##bits##_t S UNUSED;                                     \
        enum { BITS = bits };                                               \
        return (T)(value);                                                  \
    }

#define ARITH(name, flags, value) \
    SCALAR_FN(name, 32, value) SCALAR_FN(name, 64, value)
#define UNARY(name, flags, value) ARITH(name, flags, value)
#define VEC(name, flags, lane, value)                                       \
    static void eval_##name(const TCGVec *x, const TCGVec *y, TCGVec *d)    \
    {                                                                       \
        for (unsigned i = 0; i < sizeof(d->lane) / sizeof(d->lane[0]); i++) { \
            __typeof__(d->lane[0]) a = x->lane[i], b = y->lane[i];          \
            d->lane[i] = (value);                                           \
        }                                                                   \
    }
#define VSCALAR(name, lane, value)                                          \
    static void eval_##name(const TCGVec *x, const TCGVec *y, TCGVec *d)    \
    {                                                                       \
        __typeof__(d->lane[0]) a = x->lane[0], b = y->lane[0];              \
        *d = *x;                                                            \
        d->lane[0] = (value);                                               \
    }
#define OP(name, outs, ins, consts, flags)
#include "tcg/tcg-ops.def"

bool tcg_eval_cond(TCGCond c, TCGType type, uint64_t a, uint64_t b)
{
    int64_t sa = type == TCG_I32 ? (int32_t)a : (int64_t)a;
    int64_t sb = type == TCG_I32 ? (int32_t)b : (int64_t)b;

    switch (c) {
    case TCG_COND_EQ: return a == b;
    case TCG_COND_NE: return a != b;
    case TCG_COND_LT: return sa < sb;
    case TCG_COND_GE: return sa >= sb;
    case TCG_COND_LE: return sa <= sb;
    case TCG_COND_GT: return sa > sb;
    case TCG_COND_LTU: return a < b;
    case TCG_COND_GEU: return a >= b;
    case TCG_COND_LEU: return a <= b;
    case TCG_COND_GTU: return a > b;
    case TCG_COND_TSTEQ: return (a & b) == 0;
    case TCG_COND_TSTNE: return (a & b) != 0;
    }
    __builtin_unreachable();
}

bool tcg_eval_doubt(TCGDoubt kind, uint64_t lane)
{
    unsigned upper;

    switch (kind) {
    case TCG_DOUBT_F32:
        upper = lane >> 16 & 0x7fff;
        return upper >= 0x7f80 || upper == 0x0080;
    case TCG_DOUBT_F64:
        upper = lane >> 48 & 0x7fff;
        return upper >= 0x7ff0 || upper == 0x0010;
    case TCG_DOUBT_INT:
        return (uint32_t)lane == 0x80000000;
    }
    __builtin_unreachable();
}

static uint64_t ones(unsigned len)
{
    return len >= 64 ? ~0ull : (1ull << len) - 1;
}

static uint64_t sext(uint64_t a, unsigned pos, unsigned len)
{
    return (uint64_t)((int64_t)(a << (64 - pos - len)) >> (64 - len));
}

static uint64_t deposit(uint64_t a, uint64_t b, unsigned pos, unsigned len)
{
    uint64_t mask = ones(len) << pos;

    return (a & ~mask) | (b << pos & mask);
}

static uint64_t eval_other(TCGOpcode opc, const uint64_t *in, const uint64_t *k,
                           bool *known)
{
    switch (opc) {
    case TCG_setcond_i32:
        return tcg_eval_cond((TCGCond)k[0], TCG_I32, in[0], in[1]);
    case TCG_setcond_i64:
        return tcg_eval_cond((TCGCond)k[0], TCG_I64, in[0], in[1]);
    case TCG_movcond_i32:
        return in[tcg_eval_cond((TCGCond)k[0], TCG_I32, in[0], in[1]) ? 2 : 3];
    case TCG_movcond_i64:
        return in[tcg_eval_cond((TCGCond)k[0], TCG_I64, in[0], in[1]) ? 2 : 3];
    case TCG_extract_i32:
    case TCG_extract_i64:
        return in[0] >> k[0] & ones(k[1]);
    case TCG_sextract_i32:
        return (uint32_t)sext(in[0], k[0], k[1]);
    case TCG_sextract_i64:
        return sext(in[0], k[0], k[1]);
    case TCG_deposit_i32:
    case TCG_deposit_i64:
        return deposit(in[0], in[1], k[0], k[1]);
    case TCG_extu_i32_i64:
    case TCG_trunc_i64_i32:
        return (uint32_t)in[0];
    case TCG_exts_i32_i64:
        return (uint64_t)(int32_t)in[0];
    case TCG_muluh_i32:
        return in[0] * in[1] >> 32;
    case TCG_mulsh_i32:
        return (uint32_t)((int64_t)(int32_t)in[0] * (int32_t)in[1] >> 32);
    case TCG_muluh_i64:
        return (uint64_t)((unsigned __int128)in[0] * in[1] >> 64);
    case TCG_mulsh_i64:
        return (uint64_t)((__int128)(int64_t)in[0] * (int64_t)in[1] >> 64);
    default:
        *known = false;
        return 0;
    }
}

bool tcg_eval(TCGOpcode opc, const uint64_t *in, const uint64_t *k,
              uint64_t *out)
{
    bool known = true;

    switch (opc) {
#define ARITH(name, flags, value)                                           \
    case TCG_##name##_i32:                                                  \
        *out = eval_##name##_i32((uint32_t)in[0], (uint32_t)in[1]);         \
        return true;                                                        \
    case TCG_##name##_i64:                                                  \
        *out = eval_##name##_i64(in[0], in[1]);                             \
        return true;
#define UNARY(name, flags, value)                                           \
    case TCG_##name##_i32:                                                  \
        *out = eval_##name##_i32((uint32_t)in[0], 0);                       \
        return true;                                                        \
    case TCG_##name##_i64:                                                  \
        *out = eval_##name##_i64(in[0], 0);                                 \
        return true;
#define VEC(name, flags, lane, value)
#define VSCALAR(name, lane, value)
#define OP(name, outs, ins, consts, flags)
#include "tcg/tcg-ops.def"
    default:
        *out = eval_other(opc, in, k, &known);
        return known;
    }
}

bool tcg_eval_vec(TCGOpcode opc, const TCGVec *a, const TCGVec *b,
                  TCGVec *out)
{
    TCGVec d;

    switch (opc) {
#define ARITH(name, flags, value)
#define UNARY(name, flags, value)
#define VEC(name, flags, lane, value) \
    case TCG_##name: eval_##name(a, b, &d); break;
#define VSCALAR(name, lane, value) VEC(name, 0, lane, value)
#define OP(name, outs, ins, consts, flags)
#include "tcg/tcg-ops.def"
    default:
        return false;
    }
    *out = d;
    return true;
}
