/* SPDX-License-Identifier: MIT */
/* The rows of tcg-ops.def as tables of what emits them. */
#ifndef TESTS_UNIT_TCG_ROWS_H
#define TESTS_UNIT_TCG_ROWS_H

#include "tcg/tcg.h"

typedef TCGv EmitFn(TCGContext *s, TCGv a, TCGv b, unsigned k);

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

#endif
