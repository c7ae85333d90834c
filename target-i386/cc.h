/* SPDX-License-Identifier: MIT */
/*
 * Lazy flags: what the fields cc_dst, cc_src and cc_src2 of the CPU state mean
 * for each value of cc_op.
 *
 *   op        cc_dst   cc_src                      cc_src2
 *   EFLAGS    -        the six flags themselves    -
 *   MUL       low half not 0: CF and OF are set    -
 *   IMUL      operand  operand, both sign extended -       (not multiplied yet)
 *   ADD       result   second operand              -
 *   ADC       result   second operand              carry in, 0 or 1
 *   SUB       result   second operand              -       (first - second)
 *   CMP       first    second operand              -       (not subtracted yet)
 *   SBB       result   second operand              borrow in, 0 or 1
 *   LOGIC     result   -                           -
 *   INC, DEC  result   CF as before, 0 or 1        -
 *   SHL       result   operand; bits 16:12 say     -
 *   SHR       result   how far it is still to be   -       (zero extended)
 *   SAR       result   shifted: count - 1 in all   -       (sign extended; SHRD)
 *   BT        as before: ZF SF PF   CF, 0 or 1     -
 *
 * Each but EFLAGS exists for bytes, words and doublewords, in this order.
 * Above the operand's width the bits of the fields mean nothing.
 *
 * On top of that, cc_op may say that a rotate came later, and later still an
 * INC or DEC; what they leave alone is that of the operation below:
 *
 *   bits 5:0   the operation above; bits 16:12 belong to it
 *   bits 8:6   CCRot: CF and OF come from cc_src2 (then bits 5:0 are not ADC, SBB)
 *   bits 11:9  CCInc: all but CF come from cc_inc, its result
 */
#ifndef TARGET_I386_CC_H
#define TARGET_I386_CC_H

#include <stdbool.h>
#include <stdint.h>

#define CC_OPS(OP) \
    OP(MUL) OP(ADD) OP(ADC) OP(SUB) OP(SBB) OP(LOGIC) OP(INC) OP(DEC) OP(SHL) OP(SAR) OP(BT) \
    OP(IMUL) OP(CMP) OP(SHR)

typedef enum CCOp {
    CC_OP_EFLAGS,
#define CC_OP_ENUM(name) CC_OP_##name##B, CC_OP_##name##W, CC_OP_##name##L,
    CC_OPS(CC_OP_ENUM)
#undef CC_OP_ENUM
    CC_OP_NUM,
    CC_OP_MASK = 63,
    CC_COUNT_SHIFT = 12, CC_COUNT_MASK = 31 << CC_COUNT_SHIFT,
    CC_OP_DYNAMIC = 1 << 20,            /* translator only: not known yet */
} CCOp;

_Static_assert(CC_OP_NUM <= CC_OP_MASK, "the base operation has six bits");

typedef enum CCRot {                    /* cc_src2 is: */
    CC_ROT_NONE,
    CC_ROT_LEFT,                        /* + size: the result of ROL */
    CC_ROT_RIGHT = 4,                   /* + size: the result of ROR */
    CC_ROT_BITS = 7,                    /* bit 0 CF, bit 1 OF */
    CC_ROT_SHIFT = 6, CC_ROT_MASK = 7 << CC_ROT_SHIFT,
} CCRot;

typedef enum CCInc {
    CC_INC_NONE,
    CC_INC_INC,                         /* + size */
    CC_INC_DEC = 4,                     /* + size */
    CC_INC_SHIFT = 9, CC_INC_MASK = 7 << CC_INC_SHIFT,
} CCInc;

/* The operation without its width, as its byte form; and log2 of the width. */
static inline CCOp cc_base(unsigned op) { return (CCOp)(op - (op - CC_OP_MULB) % 3); }
static inline unsigned cc_size(unsigned op) { return (op - CC_OP_MULB) % 3; }
/* How far cc_src is still to be shifted. */
static inline unsigned cc_count(unsigned op) { return (op & CC_COUNT_MASK) >> CC_COUNT_SHIFT; }
/* The operation a CCInc stands for. */
static inline CCOp cc_inc_op(unsigned inc)
{
    return (CCOp)(inc < CC_INC_DEC ? CC_OP_INCB + inc - CC_INC_INC
                                   : CC_OP_DECB + inc - CC_INC_DEC);
}

/* The six flags. */
uint32_t x86_cc_flags(uint32_t op, uint32_t dst, uint32_t src, uint32_t src2, uint32_t inc);

#endif
