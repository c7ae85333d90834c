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

void x86_cold_thunk(X86 *x)
{
    const RegMask saved = CALLER_SAVED & GP_REGS;
    int32_t off = 8 * __builtin_popcount(saved) + 8;
    _Static_assert(__builtin_popcount(CALLER_SAVED & GP_REGS) % 2 == 1, "aligned at the call");

    if (!x->target->cold) {
        return;
    }
    x->cold_thunk = x->as.p;
    for (unsigned r = 0; r <= R15; r++) {
        if (saved & BIT(r)) {
            asm_push(&x->as, r);
        }
    }
    asm_lea(&x->as, true, RDI, x86_env(0));
    asm_rm(&x->as, OPC_MOV_LOAD, RSI, mem(RSP, off + FRAME_OP));
    asm_call(&x->as, (uintptr_t)x->target->cold);
    for (unsigned r = R15 + 1u; r-- > 0;) {
        if (saved & BIT(r)) {
            asm_pop(&x->as, r);
        }
    }
    asm_byte(&x->as, 0xc3);
}
