/* SPDX-License-Identifier: MIT */
/*
 * Lazy flags: what the fields cc_dst, cc_src and cc_src2 of the CPU state mean
 * for each value of cc_op.
 *
 *   op        cc_dst   cc_src                      cc_src2
 *   EFLAGS    -        the six flags themselves    -
 *   MUL       low half not 0: CF and OF are set    -
 *   ADD       result   second operand              -
 *   ADC       result   second operand              carry in, 0 or 1
 *   SUB       result   second operand              -       (first - second)
 *   SBB       result   second operand              borrow in, 0 or 1
 *   LOGIC     result   -                           -
 *   INC, DEC  result   CF as before, 0 or 1        -
 *   SHL       result   operand << (count - 1)      -
 *   SAR       result   operand >> (count - 1)      -       (also SHR, SHRD)
 *   BT        as before: ZF SF PF   CF, 0 or 1     -
 *
 * Each but EFLAGS exists for bytes, words and doublewords, in this order.
 * Above the operand's width the bits of the fields mean nothing.
 */
#ifndef TARGET_I386_CC_H
#define TARGET_I386_CC_H

#include <stdint.h>

#define CC_OPS(OP) \
    OP(MUL) OP(ADD) OP(ADC) OP(SUB) OP(SBB) OP(LOGIC) OP(INC) OP(DEC) OP(SHL) OP(SAR) OP(BT)

typedef enum CCOp {
    CC_OP_EFLAGS,
#define CC_OP_ENUM(name) CC_OP_##name##B, CC_OP_##name##W, CC_OP_##name##L,
    CC_OPS(CC_OP_ENUM)
#undef CC_OP_ENUM
    CC_OP_NUM,
    CC_OP_DYNAMIC = CC_OP_NUM,          /* translator only: not known yet */
} CCOp;

/* The operation without its width, as its byte form; and log2 of the width. */
static inline CCOp cc_base(unsigned op) { return (CCOp)(op - (op - CC_OP_MULB) % 3); }
static inline unsigned cc_size(unsigned op) { return (op - CC_OP_MULB) % 3; }

/* The six flags. */
uint32_t x86_cc_flags(uint32_t op, uint32_t dst, uint32_t src, uint32_t src2);

#endif
