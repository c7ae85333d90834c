/* SPDX-License-Identifier: MIT */
/*
 * The handlers and operations vfp.def names: gen-vfp.c.
 */
#ifndef TARGET_ARM_GEN_VFP_H
#define TARGET_ARM_GEN_VFP_H

#include "target-arm/decode.h"

/* T(x) for each trans_x of gen-vfp.c */
#define TRANS_VFP(T)                                                        \
    T(vfp_arith) T(vfp_monadic) T(vfp_compare) T(vfp_convert) T(vfp_ldst) T(vfp_ldm)   \
    T(vfp_move_single) T(vfp_move_half) T(vfp_move_pair) T(vfp_msr) T(vfp_mrs)

#define TRANS_DECLARE(name) void trans_##name(ArmDis *d, const ArmInsn *a);
TRANS_VFP(TRANS_DECLARE)
#undef TRANS_DECLARE

/* ArmRow.op; a VfpWord's too. */
typedef enum VfpOp {
    VFP_MLA, VFP_MLS, VFP_NMLS, VFP_NMLA, VFP_MUL, VFP_NMUL, VFP_ADD, VFP_SUB, VFP_DIV,
    VFP_CPY, VFP_ABS, VFP_NEG, VFP_SQRT,
    VFP_CMP, VFP_CMPE, VFP_CMPZ, VFP_CMPEZ,
    VFP_CVT,                            /* to the other precision */
    VFP_UITO, VFP_SITO, VFP_TOUI, VFP_TOUIZ, VFP_TOSI, VFP_TOSIZ,
    VFP_LOAD, VFP_STORE,
} VfpOp;

/*
 * An operation on registers as one word, for helpers:
 *
 *      4:0   VfpOp
 *      5     double precision (of the operand, where precisions differ)
 *      10:6 15:11 20:16   registers d, n, m
 *      21    only the product
 *      24:22 what is left of a vector behind this operation
 */
enum {
    VFP_WORD_DOUBLE = 1 << 5, VFP_WORD_PRODUCT = 1 << 21, VFP_WORD_LEFT_SHIFT = 22,
};

static inline uint32_t vfp_word(VfpOp op, bool dbl, unsigned d, unsigned n, unsigned m)
{
    return op | (dbl ? VFP_WORD_DOUBLE : 0) | d << 6 | n << 11 | m << 16;
}

/* TCGTarget.redo: the result the host's unit was not exact for; d is not changed. */
uint64_t arm_vfp_redo(void *env, uint32_t word);

#endif
