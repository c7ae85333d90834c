/* SPDX-License-Identifier: MIT */
/*
 * What tcg.c, opt.c and the back ends share; nobody outside tcg/ includes it.
 *
 * A back end takes the operation list, which the optimizer may have rewritten,
 * and writes something executable into the code buffer.  Contract of the list
 * a back end sees: every temporary is defined before it is used in the same
 * basic block, but constants (TCGContext.temp_is_const), which may be used
 * anywhere; TCG_nop is nothing.
 *
 * The optimizer may say three things a front end cannot:
 *   - operand of an i64 ARITH operation is an i32 temporary: zero extended
 *   - a shift count has bits above the lowest 5 or 6: they are ignored
 *   - trunc_i64_i32 with k[0] = 1: the upper half of the operand is zero
 */
#ifndef TCG_BACKEND_H
#define TCG_BACKEND_H

#include "tcg/opt.h"
#include "tcg/tcg.h"

#define TCG_NO_TEMP 0xffff              /* TCGOp.d of a call that returns v */

struct TCGBackend {
    const char *name;
    bool x86_ops;
    bool can_check;                     /* it heeds TCGContext.check */
    /* Sets backend_data and writes the prologue; size of that, or -1. */
    long (*init)(TCGContext *s, uint8_t *code, size_t len);
    void (*free)(TCGContext *s);
    int (*gen_code)(TCGContext *s, uint8_t *code, size_t len, const void *tb,
                    TCGCode *out);
    void (*patch_jump)(const TCGContext *s, uint8_t *code, uint32_t jump,
                       const uint8_t *target);
    /* Offset of the 4 bytes that patch_jump writes; NULL: code cannot be copied. */
    uint32_t (*jump_word)(const uint8_t *code, uint32_t jump);
    uintptr_t (*exec)(const TCGContext *s, void *env, const uint8_t *tc_ptr);
    uintptr_t (*helper_ra)(const TCGContext *s, uintptr_t ra);
};

#define TCG_CONST_CACHE 64

typedef struct TCGConstSlot {
    uint64_t k;
    uint32_t block;                     /* num_blocks when it was made */
    uint16_t temp;
    uint8_t type;
} TCGConstSlot;

/* What tcg_context_new() really allocates. */
typedef struct TCGContextImpl {
    TCGContext pub;
    uint32_t num_blocks;                /* counts tcg_begin() */
    uint32_t num_insns;
    uint64_t known_globals;             /* those whose value now is ... */
    uint16_t global_temp[TCG_MAX_GLOBALS];
    TCGConstSlot consts[TCG_CONST_CACHE];
    TCGOpt opt;
} TCGContextImpl;

static inline const TCGHelper *tcg_op_helper(const TCGOp *op)
{
    return (const TCGHelper *)(uintptr_t)op->k[0];
}

static inline bool tcg_takes_i32(unsigned opc)
{
    return opc <= TCG_rotr_i64 && (opc - TCG_add_i32) % 2 == 1;
}

/* Number of TCGv operands of an operation; a call has it in k[1]. */
static inline unsigned tcg_op_ins(const TCGOp *op)
{
    return op->opc == TCG_call ? (unsigned)op->k[1] : tcg_op_defs[op->opc].ins;
}

/* Can what is behind the operation be reached from it? */
static inline bool tcg_op_goes_on(const TCGOp *op)
{
    return op->opc != TCG_br && op->opc != TCG_next_tb && op->opc != TCG_goto_ptr &&
           op->opc != TCG_exit_tb;
}

/* Can the operation be dropped when nobody uses its result? */
static inline bool tcg_op_pure(const TCGOp *op)
{
    return op->opc == TCG_call ? tcg_op_helper(op)->flags & TCG_CALL_PURE
                               : !(tcg_op_defs[op->opc].flags & TCG_SIDE);
}

#endif
