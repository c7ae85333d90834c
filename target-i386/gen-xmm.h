/* SPDX-License-Identifier: MIT */
/*
 * What gen-sse.c and gen-sse4.c do the same way: operands in XMM registers, the
 * host's own instruction, and the helper in its place, which works on
 * env->xmm_d and xmm_t.
 */
#ifndef TARGET_I386_GEN_XMM_H
#define TARGET_I386_GEN_XMM_H

#include "target-i386/helper.h"
#include "target-i386/translate.h"

/* -- Operands ---------------------------------------------------------------- */

static inline TCGv xmm(X86Dis *d, unsigned n) { return tcg_get(d->s, (TCGGlobal)(G_XMM0 + n)); }
static inline void set_xmm(X86Dis *d, unsigned n, TCGv v) { tcg_set(d->s, (TCGGlobal)(G_XMM0 + n), v); }

/* The r/m operand; fewer bytes than 16 in memory are the low ones. */
static inline TCGv xmm_source(X86Dis *d, unsigned bytes)
{
    if (!d->has_mem) {
        return xmm(d, d->rm);
    }
    return x86_ld_mem(d, 0, bytes == 16 ? (unsigned)MO_128 | MO_ALIGN
                          : bytes == 8 ? (unsigned)MO_64 | MO_VEC : (unsigned)MO_32 | MO_VEC);
}

static inline TCGv imm8(X86Dis *d, unsigned operand) { return tcg_const(d->s, d->imm[operand] & 0xff); }

static inline TCGv in_xmm_t(X86Dis *d, TCGv v)
{
    tcg_st(d->s, TCG_stv, v, ENV(xmm_t));
    return tcg_env_ptr(d->s, ENV(xmm_t));
}

static inline TCGv in_xmm_d(X86Dis *d, TCGv v)
{
    tcg_st(d->s, TCG_stv, v, ENV(xmm_d));
    return tcg_env_ptr(d->s, ENV(xmm_d));
}

static inline void from_xmm_d(X86Dis *d, unsigned n)
{
    set_xmm(d, n, tcg_ld(d->s, TCG_ldv, ENV(xmm_d)));
}

/* -- The host's own instruction ---------------------------------------------- */

static inline bool fast(const X86Dis *d)
{
    return d->s->x86_ops;
}

/* The guest's instruction as tcg_x86() wants it. */
static inline uint32_t insn(const X86Dis *d)
{
    uint32_t prefix = d->rep == 0xf3 ? TCG_X86_F3 : d->rep == 0xf2 ? TCG_X86_F2
                    : d->prefix66 ? TCG_X86_66 : 0;

    return d->map | d->opcode | prefix;
}

static inline uint32_t insn_imm(const X86Dis *d, uint32_t imm)
{
    return insn(d) | TCG_X86_IMM8 | (imm & 0xff) << 16;
}

static inline TCGv op1(X86Dis *d, uint32_t k, TCGv a)
{
    return tcg_x86(d->s, TCG_x86_v, k, a, a);
}

static inline TCGv op2(X86Dis *d, uint32_t k, TCGv a, TCGv b)
{
    return tcg_x86(d->s, TCG_x86_vv, k, a, b);
}

typedef enum Arity { ONE, TWO } Arity;  /* operands */

/* d = d op s, or d = op s. */
static inline void fast_op(X86Dis *d, Arity arity, uint32_t k, TCGv s)
{
    set_xmm(d, d->reg, arity == ONE ? op1(d, k, s) : op2(d, k, xmm(d, d->reg), s));
}

/* Lane 0; the rest cleared. */
static inline TCGv xmm_from_i32(X86Dis *d, TCGv v)
{
    const uint32_t movd = TCG_X86_0F | TCG_X86_66 | 0x6e;

    if (fast(d)) {
        return tcg_x86(d->s, TCG_x86_iv, movd, v, v);
    }
    tcg_st(d->s, TCG_st32, v, ENV(xmm_t));
    return tcg_ld(d->s, TCG_ldvs, ENV(xmm_t));
}

/* -- Unmasked exceptions: around a helper that may raise ---------------------- */

static inline bool traps(const X86Dis *d)
{
    return d->hflags & HF_SSE_TRAP;
}

static inline bool fast_float(const X86Dis *d)
{
    return fast(d) && !traps(d);
}

static inline void trap_begin(X86Dis *d, TCGv dest)
{
    if (traps(d)) {
        tcg_call(d->s, &h_sse_begin, dest);
    }
}

static inline void trap_end(X86Dis *d, TCGv dest)
{
    if (traps(d)) {
        tcg_call(d->s, &h_sse_end, dest);
    }
}

/* d = h(d, s, imm8), by the helper. */
static inline void call_imm(X86Dis *d, const TCGHelper *h, TCGv s)
{
    s = in_xmm_t(d, s);
    TCGv dest = in_xmm_d(d, xmm(d, d->reg));

    trap_begin(d, dest);
    tcg_call(d->s, h, dest, s, imm8(d, 2));
    trap_end(d, dest);
    from_xmm_d(d, d->reg);
}

#endif
