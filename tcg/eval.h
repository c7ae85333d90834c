/* SPDX-License-Identifier: MIT */
/*
 * What operations compute, as C: the `value` column of tcg-ops.def made
 * callable.  The constant folder and the interpreter use it, and the tests
 * compare the back end with it.  Values of type i32 are zero extended to 64
 * bits, here and wherever else a value is held in a u64.
 */
#ifndef TCG_EVAL_H
#define TCG_EVAL_H

#include "tcg/tcg.h"

typedef union TCGVec {
    uint8_t u8[16];
    uint16_t u16[8];
    uint32_t u32[4];
    uint64_t u64[2];
    float f32[4];
    double f64[2];
} TCGVec;

bool tcg_eval_cond(TCGCond c, TCGType type, uint64_t a, uint64_t b);

bool tcg_eval_doubt(TCGDoubt kind, uint64_t lane);

/*
 * Any operation that maps integers to an integer.  k is TCGOp.k.  False if
 * opc is something else.
 */
bool tcg_eval(TCGOpcode opc, const uint64_t *in, const uint64_t *k,
              uint64_t *out);

/* The same for VEC and VSCALAR rows. */
bool tcg_eval_vec(TCGOpcode opc, const TCGVec *a, const TCGVec *b,
                  TCGVec *out);

#endif
