/* SPDX-License-Identifier: MIT */
/*
 * SSE4.1, SSE4.2, AES, PCLMULQDQ (SDM vol. 1, chapter 12), CRC32, POPCNT and MOVBE.
 *
 * As in gen-sse.c, an operation is the host's same instruction, if this host has
 * it.  Its twin is a helper in plain C (sse4-helper.c), so these instructions
 * are there on every host.
 */
#include "target-i386/gen-sse4.h"

#include "target-i386/gen-xmm.h"

static bool host_has(X86Feature f)
{
    switch (f) {
    case FEAT_SSE41: return __builtin_cpu_supports("sse4.1");
    case FEAT_SSE42: return __builtin_cpu_supports("sse4.2");
    case FEAT_POPCNT: return __builtin_cpu_supports("popcnt");
    case FEAT_AES: return __builtin_cpu_supports("aes");
    case FEAT_PCLMULQDQ: return __builtin_cpu_supports("pclmul");
    default: return false;
    }
}

/* -- The rows of sse4-ops.def ------------------------------------------------ */

static TCGv source(X86Dis *d, unsigned bytes)
{
    return bytes == 2 && d->has_mem ? xmm_from_i32(d, x86_ld_mem(d, 0, MO_16))
                                    : xmm_source(d, bytes);
}

static void op(X86Dis *d, const TCGHelper *h, X86Feature f, TCGv s, Arity arity)
{
    if (fast(d) && host_has(f)) {
        fast_op(d, arity, insn(d), s);
    } else {
        s = in_xmm_t(d, s);
        tcg_call(d->s, h, in_xmm_d(d, xmm(d, d->reg)), s);
        from_xmm_d(d, d->reg);
    }
}

static void op_imm(X86Dis *d, const TCGHelper *h, X86Feature f, TCGv s, Arity arity)
{
    if (fast(d) && host_has(f)) {
        fast_op(d, arity, insn_imm(d, d->imm[2]), s);
    } else {
        s = in_xmm_t(d, s);
        tcg_call(d->s, h, in_xmm_d(d, xmm(d, d->reg)), s, imm8(d, 2));
        from_xmm_d(d, d->reg);
    }
}

static void op_float(X86Dis *d, const TCGHelper *h, X86Feature f, TCGv s, Arity arity)
{
    if (!traps(d)) {
        op_imm(d, h, f, s, arity);
        return;
    }
    call_imm(d, h, s);
}

#define ROW(name, feature, bytes, fn, arity)                                \
    void gen_##name(X86Dis *d) { fn(d, &h_##name, FEAT_##feature, source(d, bytes), arity); }
#define TWO(name, feature, bytes) ROW(name, feature, bytes, op, TWO)
#define ONE(name, feature, bytes) ROW(name, feature, bytes, op, ONE)
#define TWO_I(name, feature, bytes) ROW(name, feature, bytes, op_imm, TWO)
#define ONE_I(name, feature, bytes) ROW(name, feature, bytes, op_imm, ONE)
#define TWO_F(name, feature, bytes) ROW(name, feature, bytes, op_float, TWO)
#define ONE_F(name, feature, bytes) ROW(name, feature, bytes, op_float, ONE)
#include "target-i386/sse4-ops.def"

/* -- Dot products ------------------------------------------------------------ */

typedef struct Dot {
    const TCGHelper *mul, *put, *add[2];
} Dot;

/* Exceptions are looked at after the products, and after each addition. */
static void dot(X86Dis *d, const Dot *how)
{
    TCGv s = xmm_source(d, 16);

    if (fast_float(d) && host_has(FEAT_SSE41)) {
        fast_op(d, TWO, insn_imm(d, d->imm[2]), s);
        return;
    }
    s = in_xmm_t(d, s);
    TCGv dest = in_xmm_d(d, xmm(d, d->reg));

    trap_begin(d, dest);
    tcg_call(d->s, how->mul, dest, s, imm8(d, 2));
    trap_end(d, dest);
    for (unsigned i = 0; i < 2 && how->add[i]; i++) {
        trap_begin(d, dest);
        tcg_call(d->s, how->add[i], dest);
        trap_end(d, dest);
    }
    tcg_call(d->s, how->put, dest, imm8(d, 2));
    from_xmm_d(d, d->reg);
}

void gen_DPPS(X86Dis *d)
{
    dot(d, &(Dot){ &h_dpps_mul, &h_dpps_put, { &h_dpps_add, &h_dpps_add2 } });
}

void gen_DPPD(X86Dis *d)
{
    dot(d, &(Dot){ &h_dppd_mul, &h_dppd_put, { &h_dppd_add } });
}

/* -- Blending by XMM0 -------------------------------------------------------- */

enum {
    HOST_PCMPGTB = TCG_X86_0F | TCG_X86_66 | 0x64,
    HOST_PAND = TCG_X86_0F | TCG_X86_66 | 0xdb, HOST_PANDN = TCG_X86_0F | TCG_X86_66 | 0xdf,
    HOST_POR = TCG_X86_0F | TCG_X86_66 | 0xeb, HOST_PXOR = TCG_X86_0F | TCG_X86_66 | 0xef,
    HOST_PSRAD = TCG_X86_0F | TCG_X86_66 | TCG_X86_IMM8 | TCG_X86_DIGIT | 0x72 | 4 << 25,
    HOST_PSHUFD = TCG_X86_0F | TCG_X86_66 | TCG_X86_IMM8 | 0x70,
    HOST_PEXTRW = TCG_X86_0F | TCG_X86_66 | TCG_X86_IMM8 | 0xc5,
    HOST_MOVD_R = TCG_X86_0F | TCG_X86_66 | 0x7e,       /* r32, xmm */
};

/* Lanes of `bytes`: all ones where m has its sign bit set. */
static TCGv sign_mask(X86Dis *d, TCGv m, unsigned bytes)
{
    if (bytes == 1) {
        return op2(d, HOST_PCMPGTB, op2(d, HOST_PXOR, m, m), m);
    }
    m = op1(d, HOST_PSRAD | 31 << 16, m);
    return bytes == 4 ? m : op1(d, HOST_PSHUFD | 0xf5 << 16, m);
}

/* The host's own has XMM0 for a mask, as the guest's: SSE2 is easier to place. */
static void blend(X86Dis *d, unsigned bytes)
{
    TCGv s = xmm_source(d, 16), a = xmm(d, d->reg), m = xmm(d, 0);

    if (fast(d)) {
        m = sign_mask(d, m, bytes);
        s = op2(d, HOST_PAND, s, m);
        set_xmm(d, d->reg, op2(d, HOST_POR, s, op2(d, HOST_PANDN, m, a)));
        return;
    }
    tcg_st(d->s, TCG_stv, m, ENV(xmm_saved));
    s = in_xmm_t(d, s);
    tcg_call(d->s, &h_blendv, in_xmm_d(d, a), s, tcg_env_ptr(d->s, ENV(xmm_saved)),
             tcg_const(d->s, bytes));
    from_xmm_d(d, d->reg);
}

void gen_PBLENDVB(X86Dis *d) { blend(d, 1); }
void gen_BLENDVPS(X86Dis *d) { blend(d, 4); }
void gen_BLENDVPD(X86Dis *d) { blend(d, 8); }

void gen_PTEST(X86Dis *d)
{
    TCGv s = xmm_source(d, 16), a = xmm(d, d->reg);

    if (fast(d) && host_has(FEAT_SSE41)) {
        x86_set_cc_eflags(d, tcg_x86(d->s, TCG_x86_cmp, insn(d), a, s));
    } else {
        s = in_xmm_t(d, s);
        x86_set_cc_eflags(d, tcg_call(d->s, &h_ptest, in_xmm_d(d, a), s));
    }
}

/* -- Single elements --------------------------------------------------------- */

/* In memory there is element 0 only, for the host's too, which may find any
 * register there. */
void gen_INSERTPS(X86Dis *d)
{
    unsigned from = d->has_mem ? 0 : d->imm[2] >> 6 & 3;
    TCGv s = xmm_source(d, 4);

    if (fast(d) && from) {
        s = op1(d, HOST_PSHUFD | from << 16, s);
        from = 0;
    }
    d->imm[2] = (d->imm[2] & 0x3f) | from << 6;
    op_imm(d, &h_insertps, FEAT_SSE41, s, TWO);
}

static void insert(X86Dis *d, TCGOpcode st, unsigned at)
{
    TCGv v = xmm(d, d->reg);

    if (fast(d) && host_has(FEAT_SSE41)) {
        v = tcg_x86(d->s, TCG_x86_viv, insn_imm(d, d->imm[2]), v, d->val[1]);
    } else {
        in_xmm_t(d, v);
        tcg_st(d->s, st, d->val[1], ENV(xmm_t) + at);
        v = tcg_ld(d->s, TCG_ldv, ENV(xmm_t));
    }
    set_xmm(d, d->reg, v);
}

void gen_PINSRB(X86Dis *d) { insert(d, TCG_st8, d->imm[2] & 15); }
void gen_PINSRD(X86Dis *d) { insert(d, TCG_st32, (d->imm[2] & 3) * 4); }

static TCGv word(X86Dis *d, unsigned n)
{
    TCGv v = xmm(d, d->reg);

    if (fast(d)) {
        return tcg_x86(d->s, TCG_x86_vi, HOST_PEXTRW | n << 16, v, v);
    }
    in_xmm_t(d, v);
    return tcg_ld(d->s, TCG_ld16u, ENV(xmm_t) + 2 * n);
}

void gen_PEXTRB(X86Dis *d)
{
    TCGv v = word(d, d->imm[2] >> 1 & 7);

    d->result = d->imm[2] & 1 ? tcg_shri(d->s, v, 8) : tcg_ext8u(d->s, v);
}

void gen_PEXTRW(X86Dis *d)
{
    d->result = word(d, d->imm[2] & 7);
}

void gen_PEXTRD(X86Dis *d)
{
    unsigned n = d->imm[2] & 3;
    TCGv v = xmm(d, d->reg);

    if (fast(d)) {
        v = n ? op1(d, HOST_PSHUFD | n << 16, v) : v;
        d->result = tcg_x86(d->s, TCG_x86_vi, HOST_MOVD_R, v, v);
    } else {
        in_xmm_t(d, v);
        d->result = tcg_ld(d->s, TCG_ld32, ENV(xmm_t) + 4 * n);
    }
}

/* -- Strings ----------------------------------------------------------------- */

/* The only ones whose memory operand need not be aligned. */
static TCGv strings(X86Dis *d, const TCGHelper *h, bool lengths)
{
    TCGv s = in_xmm_t(d, d->has_mem ? x86_ld_mem(d, 0, MO_128) : xmm(d, d->rm));
    TCGv a = in_xmm_d(d, xmm(d, d->reg)), flags;

    if (lengths) {
        flags = tcg_call(d->s, h, a, s, imm8(d, 2), tcg_get(d->s, G_EAX), tcg_get(d->s, G_EDX));
    } else {
        flags = tcg_call(d->s, h, a, s, imm8(d, 2));
    }
    x86_set_cc_eflags(d, tcg_ext16u(d->s, flags));
    return flags;
}

static void strings_index(X86Dis *d, const TCGHelper *h, bool lengths)
{
    tcg_set(d->s, G_ECX, tcg_shri(d->s, strings(d, h, lengths), 16));
}

static void strings_mask(X86Dis *d, const TCGHelper *h, bool lengths)
{
    strings(d, h, lengths);
    from_xmm_d(d, 0);
}

void gen_PCMPESTRI(X86Dis *d) { strings_index(d, &h_pcmpestri, true); }
void gen_PCMPISTRI(X86Dis *d) { strings_index(d, &h_pcmpistri, false); }
void gen_PCMPESTRM(X86Dis *d) { strings_mask(d, &h_pcmpestrm, true); }
void gen_PCMPISTRM(X86Dis *d) { strings_mask(d, &h_pcmpistrm, false); }

/* -- General registers ------------------------------------------------------- */

void gen_CRC32(X86Dis *d)
{
    const uint32_t crc32 = TCG_X86_0F38 | TCG_X86_F2 | 0xf1;
    unsigned bytes = size_of(d->operand[1]) == SZ_b ? 1 : osize_bytes(d);
    bool host = fast(d) && host_has(FEAT_SSE42);

    if (host && bytes == 4) {
        d->result = tcg_x86(d->s, TCG_x86_ii, crc32, d->val[0], d->val[1]);
        return;
    }
    d->result = tcg_call(d->s, host ? &h_crc32_host : &h_crc32, d->val[0], d->val[1],
                         tcg_const(d->s, bytes));
}

/* ZF by the source, all others clear. */
void gen_POPCNT(X86Dis *d)
{
    const uint32_t popcnt = TCG_X86_0F | TCG_X86_F3 | 0xb8;
    TCGv v = d->val[1], zero = tcg_setcond(d->s, TCG_COND_EQ, v, tcg_const(d->s, 0));

    d->result = fast(d) && host_has(FEAT_POPCNT) ? tcg_x86(d->s, TCG_x86_i, popcnt, v, v)
                                                 : tcg_call(d->s, &h_popcnt, v);
    x86_set_cc_eflags(d, tcg_shli(d->s, zero, 6));
}

void gen_MOVBE(X86Dis *d)
{
    TCGv v = tcg_bswap(d->s, d->val[1]);

    d->result = d->osize == MO_16 ? tcg_shri(d->s, v, 16) : v;
}
