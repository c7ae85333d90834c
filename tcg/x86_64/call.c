/* SPDX-License-Identifier: MIT */
/*
 * Calls of helpers (System V ABI: rdi rsi rdx rcx r8 r9, result in rax).
 *
 * How much a call costs is what its flags say it may look at:
 *   NO_GLOBALS   pins in caller-saved registers go to env and come back
 *   NO_WRITE     all globals go to env, caller-saved pins come back
 *   0            all globals go to env and are forgotten
 * Pins come back when something needs them, or never if the block ends first.
 *
 * A division (TCG_CALL_DIVU, DIVS) is an instruction of ours; the helper is called
 * from a stub, with everything saved, when that could fault:
 *
 *          cmp    edx, c                   DIVS: edx is not the sign of eax, or
 *          jae    stub                     c is 0 or -1
 *          div    c
 *          shl    rdx, 32
 *          or     rax, rdx
 *      resume:
 */
#include <assert.h>

#include "tcg/x86_64/x86.h"

static const uint8_t arg_regs[6] = { RDI, RSI, RDX, RCX, R8, R9 };

typedef struct Move {
    Loc from;
    uint8_t to;
    bool is64;
} Move;

/* The operands and env, in the order of the signature. */
static unsigned collect(X86 *x, const TCGHelper *h, Move *moves)
{
    const TCGOp *op = x86_op(x);
    unsigned n = 0, k = 0;

    for (; h->sig[n + 1]; n++) {
        moves[n].to = arg_regs[n];
        if (h->sig[n + 1] == 'e') {
            moves[n].from = (Loc){ .kind = LOC_ENV_PTR, .k = 0 };
        } else {
            moves[n].from = x86_where(x, op->in[k++].temp);
            moves[n].is64 = h->sig[n + 1] == 'l';
        }
    }
    return n;
}

static bool is_source(const Move *moves, unsigned num, unsigned reg)
{
    for (unsigned i = 0; i < num; i++) {
        if (moves[i].from.kind == LOC_REG && moves[i].from.reg == reg &&
            moves[i].to != reg) {
            return true;
        }
    }
    return false;
}

/* A register move that is not blocked, or else any: then there is a cycle. */
static Move *choose(Move *moves, unsigned num, bool *cycle)
{
    Move *any = NULL;

    *cycle = false;
    for (unsigned i = 0; i < num; i++) {
        Move *m = &moves[i];

        if (m->from.kind == LOC_REG && m->from.reg != m->to) {
            if (!is_source(moves, num, m->to)) {
                return m;
            }
            any = m;
        }
    }
    *cycle = any != NULL;
    return any;
}

static void move_registers(X86 *x, Move *moves, unsigned num)
{
    bool cycle;
    Move *m;

    while ((m = choose(moves, num, &cycle)) != NULL) {
        unsigned from = m->from.reg;

        if (cycle) {
            asm_rr(&x->as, 0x87 | REX_W, from, m->to);      /* xchg */
            for (unsigned i = 0; i < num; i++) {
                if (moves[i].from.kind != LOC_REG) {
                    continue;
                }
                if (moves[i].from.reg == m->to) {
                    moves[i].from.reg = (uint8_t)from;
                } else if (moves[i].from.reg == from) {
                    moves[i].from.reg = m->to;
                }
            }
        } else {
            asm_mov_rr(&x->as, m->is64, m->to, from);
            m->from.reg = m->to;
        }
    }
}

static void move_arguments(X86 *x, Move *moves, unsigned num)
{
    move_registers(x, moves, num);
    for (unsigned i = 0; i < num; i++) {
        const Move *m = &moves[i];

        if (m->from.kind == LOC_ENV_PTR) {
            asm_lea(&x->as, true, m->to, x86_env((uint32_t)m->from.k));
        } else if (m->from.kind != LOC_REG) {
            x86_mov_loc(x, m->to, &m->from, m->is64 ? TCG_I64 : TCG_I32);
        }
    }
}

static void result(X86 *x, char type)
{
    unsigned d;

    x->lock = BIT(RAX);
    d = x86_def(x, RAX, 0);
    if (d != RAX || type == 'i') {      /* the upper half is anything */
        asm_mov_rr(&x->as, type == 'l', d, RAX);
    }
}

/* -- Division ---------------------------------------------------------------- */

/* Compare so that NE, or AE without sign, means odd. */
static unsigned look_for_odd(X86 *x, bool is_signed, unsigned c)
{
    unsigned t, u;

    if (!is_signed) {
        asm_rr(&x->as, OPC_CMP, RDX, c);
        return CC_AE;
    }
    t = x86_scratch(x, 0);
    u = x86_scratch(x, 0);
    asm_mov_rr(&x->as, false, t, RAX);
    asm_shift_ri(&x->as, SH_SAR, false, t, 31);
    asm_rr(&x->as, ALU_XOR << 3 | 3, t, RDX);
    asm_lea(&x->as, false, u, mem(c, 1));
    asm_alu_ri(&x->as, ALU_CMP, false, u, 2);
    asm_rr(&x->as, ALU_SBB << 3 | 3, u, u);
    asm_rr(&x->as, ALU_OR << 3 | 3, t, u);
    return CC_NE;
}

static void division(X86 *x, const TCGHelper *h)
{
    const TCGOp *op = x86_op(x);
    bool is_signed = h->flags & TCG_CALL_DIVS;
    unsigned c, d;
    Stub *stub;

    x->num_divisions++;
    x86_load_pins(x, x->pins);
    if (!x86_may_pend(x)) {
        x86_store_dirty(x, ~0ull);
    }
    x86_reserve(x, RAX);
    x86_reserve(x, RDX);
    c = x86_use_reg(x, op->in[2].temp);
    x86_load(x, RAX, op->in[0].temp);
    x86_load(x, RDX, op->in[1].temp);
    stub = x86_new_stub(x, STUB_DIV, asm_jcc(&x->as, look_for_odd(x, is_signed, c)));
    stub->k = (uintptr_t)h->fn;
    stub->reg = (uint8_t)c;
    stub->insn = (uint16_t)(x->out->num_insns - 1);
    stub->xmm = x->used & XMM_REGS;
    x86_pend(x, stub, ~0ull);
    asm_rr(&x->as, 0xf7, is_signed ? 7 : 6, c);
    asm_shift_ri(&x->as, SH_SHL, true, RDX, 32);
    asm_rr(&x->as, ALU_OR << 3 | 3 | REX_W, RAX, RDX);
    stub->resume = x->as.p;
    x86_consume(x);
    d = x86_def(x, RAX, 0);
    if (d != RAX) {
        asm_mov_rr(&x->as, true, d, RAX);
    }
}

/* The helper finds its instruction by where it was called from. */
static void name_place(X86 *x, unsigned insn)
{
    TCGInsnStart *at = &x->out->insns[x->out->num_insns++];

    assert(x->out->num_insns <= TCG_MAX_INSNS);
    *at = x->out->insns[insn];
    at->code_offset = (uint32_t)(x->as.p - x->code);
}

void x86_division_stub(X86 *x, const Stub *stub)
{
    enum {                              /* RBX makes their number even */
        SAVED = (CALLER_SAVED & GP_REGS) | BIT(RBX), NUM = __builtin_popcount(SAVED),
    };
    _Static_assert(NUM % 2 == 0, "aligned at the call");

    name_place(x, stub->insn);
    x86_store_pending(x, stub);
    x86_save_xmm(x, stub->xmm, false);
    x->pins_home = x->pins_stale = 0;
    x86_store_pins(x, x->pins);
    asm_push_regs(&x->as, SAVED);
    asm_mov_rr(&x->as, false, RCX, stub->reg);
    asm_mov_rr(&x->as, false, RSI, RAX);
    asm_lea(&x->as, true, RDI, x86_env(0));
    asm_call(&x->as, stub->k);
    asm_rm(&x->as, OPC_MOV_STORE | REX_W, RAX, mem(RSP, 8 * (NUM - 1)));
    asm_pop_regs(&x->as, SAVED);
    x86_save_xmm(x, stub->xmm, true);
    asm_jmp_to(&x->as, stub->resume);
}

/* -- Calls ------------------------------------------------------------------- */

void x86_call_op(X86 *x)
{
    const TCGOp *op = x86_op(x);
    const TCGHelper *h = tcg_op_helper(op);
    bool reads = !(h->flags & (TCG_CALL_PURE | TCG_CALL_NO_GLOBALS));
    bool writes = reads && !(h->flags & TCG_CALL_NO_WRITE);
    RegMask lost = CALLER_SAVED | (writes ? x->pins : 0);
    unsigned num, ins = tcg_op_ins(op);
    Move moves[6];

    x->flags.kind = FLAGS_NONE;
    x86_forget_held(x);
    if ((h->flags & (TCG_CALL_DIVU | TCG_CALL_DIVS)) && !x->s->no_opt &&
        x->out->num_insns && x->num_divisions < MAX_DIVISIONS) {
        division(x, h);
        return;
    }
    if (reads) {
        x86_store_dirty(x, ~0ull);
    }
    x86_store_pins(x, reads ? x->pins : x->pins & CALLER_SAVED);
    num = collect(x, h, moves);
    for (unsigned k = 0; k < ins; k++) {
        x->t[op->in[k].temp].next = x->next_in[x->op][k];
    }
    x86_lose_regs(x, lost);
    if (writes) {
        x86_lose_globals(x);
    }
    move_arguments(x, moves, num);
    asm_call(&x->as, (uintptr_t)h->fn);
    x->pins_stale |= x->pins & lost;
    x86_consume(x);
    if (h->sig[0] != 'v') {
        result(x, h->sig[0]);
    }
}
