/* SPDX-License-Identifier: MIT */
/*
 * Rare cases out of line.
 *
 *          cmp    a, b
 *          jcc    stub
 *      resume:
 *
 *      stub:                               one per operation
 *          live xmm registers to the frame; the argument too
 *          call   thunk                    saves what C may clobber
 *          xmm registers back; jmp resume
 *
 * The callee does not look at globals, so nothing is stored for it.
 *
 * A doubtful result (tcg_redo) is found by its upper bits, doubled so that the sign
 * is lost, and turned so that what is doubtful is at the bottom:
 *
 *          movq   t, d
 *          shr    t, 32
 *          lea    t, [t + t + bias]
 *          cmp    t, end
 *          jb     stub                 which looks again: it may be a 0
 */
#include "tcg/x86_64/x86.h"

void x86_cold_op(X86 *x)
{
    const TCGOp *op = x86_op(x);
    Compare c = x86_prepare_compare(x, (TCGCond)op->k[0], false);
    unsigned cc = x86_compare(x, &c);
    Stub *stub = x86_new_stub(x, STUB_COLD, asm_jcc(&x->as, cc));

    x86_consume(x);
    stub->k = op->k[1];
    stub->xmm = x->used & XMM_REGS;
    stub->resume = x->as.p;
    x->flags.kind = FLAGS_NONE;         /* the callee's, on the way back */
}

void x86_cold_stub(X86 *x, const Stub *stub)
{
    x86_save_xmm(x, stub->xmm, false);
    asm_mov_mi(&x->as, false, mem(RSP, FRAME_OP), (int32_t)stub->k);
    asm_call(&x->as, (uintptr_t)x->cold_thunk);
    x86_save_xmm(x, stub->xmm, true);
    asm_jmp_to(&x->as, stub->resume);
}

/* -- Results that are doubtful ----------------------------------------------- */

/* Of a word, twice the word plus `bias` is below `end` if it may be doubtful; below
 * `bias`, if it is infinite or a NaN; but not from there on to twice that: 0 and
 * denormals. */
static const struct { uint32_t bias, end; } doubts[] = {
    [TCG_DOUBT_F32] = { 0x01000000, 0x02020000 }, [TCG_DOUBT_F64] = { 0x00200000, 0x00420000 },
};

/* Compare; t is a scratch register. */
static unsigned look_at(X86 *x, TCGDoubt kind, unsigned v, unsigned t)
{
    bool wide = kind == TCG_DOUBT_F64;

    asm_rr(&x->as, MAP_0F | PRE_66 | 0x7e | rex_w(wide), v, t);
    if (kind == TCG_DOUBT_INT) {
        asm_alu_ri(&x->as, ALU_CMP, false, t, INT32_MIN);
        return CC_E;
    }
    if (wide) {
        asm_shift_ri(&x->as, SH_SHR, true, t, 32);
    }
    asm_lea(&x->as, false, t, mem_index(t, t, (int32_t)doubts[kind].bias));
    asm_alu_ri(&x->as, ALU_CMP, false, t, (int32_t)doubts[kind].end);
    return CC_B;
}

void x86_redo_op(X86 *x)
{
    const TCGOp *op = x86_op(x);
    unsigned a = x86_use_reg(x, op->in[0].temp), t = x86_scratch(x, 0), d;
    Stub *stub;

    x86_consume(x);
    d = x86_def(x, a, 0);
    if (d != a) {
        asm_rr(&x->as, OPC_MOVAPS_LOAD, d, a);
    }
    stub = x86_new_stub(x, STUB_REDO, asm_jcc(&x->as, look_at(x, (TCGDoubt)op->k[0], d, t)));
    stub->k = op->k[1];
    stub->memop = (uint16_t)op->k[0];
    stub->addr = (uint8_t)t;
    stub->reg = (uint8_t)d;
    stub->xmm = x->used & XMM_REGS & ~BIT(d);
    stub->resume = x->as.p;
}

void x86_redo_stub(X86 *x, const Stub *stub)
{
    if (stub->memop != TCG_DOUBT_INT) {
        uint32_t bias = doubts[stub->memop].bias;
        uint8_t *redo;

        asm_alu_ri(&x->as, ALU_CMP, false, stub->addr, (int32_t)bias);
        redo = asm_jcc(&x->as, CC_B);
        asm_alu_ri(&x->as, ALU_CMP, false, stub->addr, (int32_t)(2 * bias));
        asm_set_rel32(asm_jcc(&x->as, CC_B), stub->resume);
        asm_set_rel32(redo, x->as.p);
    }
    x86_save_xmm(x, stub->xmm, false);
    asm_mov_mi(&x->as, false, mem(RSP, FRAME_OP), (int32_t)stub->k);
    asm_call(&x->as, (uintptr_t)x->redo_thunk);
    x86_save_xmm(x, stub->xmm, true);
    asm_rm(&x->as, MAP_0F | PRE_F2 | 0x10, stub->reg, mem(RSP, FRAME_VALUE));
    asm_jmp_to(&x->as, stub->resume);
}

/* -- Thunks ------------------------------------------------------------------ */

static uint8_t *thunk(X86 *x, uintptr_t fn)
{
    const RegMask saved = CALLER_SAVED & GP_REGS;
    int32_t off = 8 * __builtin_popcount(saved) + 8;
    uint8_t *start = x->as.p;
    _Static_assert(__builtin_popcount(CALLER_SAVED & GP_REGS) % 2 == 1, "aligned at the call");

    asm_push_regs(&x->as, saved);
    asm_lea(&x->as, true, RDI, x86_env(0));
    asm_rm(&x->as, OPC_MOV_LOAD, RSI, mem(RSP, off + FRAME_OP));
    asm_call(&x->as, fn);
    asm_rm(&x->as, OPC_MOV_STORE | REX_W, RAX, mem(RSP, off + FRAME_VALUE));
    asm_pop_regs(&x->as, saved);
    asm_ret(&x->as, 0);
    return start;
}

void x86_cold_thunks(X86 *x)
{
    if (x->target->cold) {
        x->cold_thunk = thunk(x, (uintptr_t)x->target->cold);
    }
    if (x->target->redo) {
        x->redo_thunk = thunk(x, (uintptr_t)x->target->redo);
    }
}
