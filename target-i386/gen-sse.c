/* SPDX-License-Identifier: MIT */
/*
 * MMX and SSE instructions (SDM vol. 1, chapters 9 to 12).
 *
 * XMM registers are globals, and an operation is the host's same instruction on
 * them, found by the guest's opcode: tcg_x86().  Its slow twin is a helper on two
 * addresses, env->xmm_d and xmm_t; it is used where the back end has no such
 * instructions, and while exceptions are unmasked.
 *
 * MMX registers are fields of env.  An operation is the host's on XMM registers,
 * whose low halves are loaded and stored; where those would not be the same, and
 * for the slow twin, it is a helper, a memory operand brought to xmm_t.
 *
 * MMX instructions make the x87 register stack theirs: TOP 0, all registers
 * valid, exponent all ones in what is written (9.5).
 */
#include "target-i386/gen-sse.h"

#include "target-i386/gen-xmm.h"

static uint32_t mmx_at(unsigned n) { return ENV(fpregs) + 16 * n; }

/* -- MMX state --------------------------------------------------------------- */

static void set_x87(X86Dis *d, uint64_t tags)
{
    if (!x86_x87_on_host(d)) {          /* else nothing can be pending */
        tcg_call0(d->s, &h_fwait);
    }
    tcg_st(d->s, TCG_st32, tcg_const(d->s, 0), ENV(fpstt));
    tcg_st(d->s, TCG_st64, tcg_const64(d->s, tags), ENV(fptags));
}

static void mmx_enter(X86Dis *d)
{
    set_x87(d, 0);
}

static void mmx_written(X86Dis *d, unsigned n)
{
    tcg_st(d->s, TCG_st16, tcg_const(d->s, 0xffff), mmx_at(n) + 8);
}

void gen_EMMS(X86Dis *d)
{
    set_x87(d, 0x0101010101010101ull);
}

/* -- Operands ---------------------------------------------------------------- */

/* Address of the r/m operand: a register, or memory brought to xmm_t. */
static TCGv mmx_source(X86Dis *d, unsigned bytes)
{
    if (!d->has_mem) {
        return tcg_env_ptr(d->s, mmx_at(d->rm));
    }
    if (bytes == 8) {
        tcg_st(d->s, TCG_st64, x86_ld_mem(d, 0, MO_64), ENV(xmm_t));
    } else {
        tcg_st(d->s, TCG_st32, x86_ld_mem(d, 0, MO_32), ENV(xmm_t));
    }
    return tcg_env_ptr(d->s, ENV(xmm_t));
}

static TCGv mmx_dest(X86Dis *d) { return tcg_env_ptr(d->s, mmx_at(d->reg)); }

/* The same as lane 0 of a vector, the rest 0. */
static TCGv mmx_vector(X86Dis *d, unsigned bytes)
{
    return d->has_mem ? xmm_source(d, bytes) : tcg_ld(d->s, TCG_ldvd, mmx_at(d->rm));
}

static void set_mmx(X86Dis *d, unsigned n, TCGv v)
{
    tcg_st(d->s, TCG_stvd, v, mmx_at(n));
    mmx_written(d, n);
}

/* -- The rows of simd-ops.def ------------------------------------------------ */

static void mmx_call(X86Dis *d, const TCGHelper *h, unsigned bytes)
{
    TCGv s = mmx_source(d, bytes);

    mmx_enter(d);
    tcg_call(d->s, h, mmx_dest(d), s);
    mmx_written(d, d->reg);
}

static void mmx_op(X86Dis *d, const TCGHelper *h, unsigned bytes, Arity arity)
{
    uint32_t k = insn(d) | TCG_X86_66;

    if (!fast(d)) {
        mmx_call(d, h, bytes);
        return;
    }
    TCGv s = mmx_vector(d, bytes);

    mmx_enter(d);
    set_mmx(d, d->reg, arity == ONE ? op1(d, k, s)
                                    : op2(d, k, tcg_ld(d->s, TCG_ldvd, mmx_at(d->reg)), s));
}

static void xmm_op(X86Dis *d, const TCGHelper *h, unsigned bytes, Arity arity)
{
    TCGv s = xmm_source(d, bytes);

    if (fast(d)) {
        fast_op(d, arity, insn(d), s);
    } else {
        s = in_xmm_t(d, s);
        tcg_call(d->s, h, in_xmm_d(d, xmm(d, d->reg)), s);
        from_xmm_d(d, d->reg);
    }
}

static void float_op(X86Dis *d, const TCGHelper *h, unsigned bytes, Arity arity)
{
    TCGv s = xmm_source(d, bytes);

    if (fast_float(d)) {
        fast_op(d, arity, insn(d), s);
        return;
    }
    s = in_xmm_t(d, s);
    TCGv dest = in_xmm_d(d, xmm(d, d->reg));

    trap_begin(d, dest);
    tcg_call(d->s, h, dest, s);
    trap_end(d, dest);
    from_xmm_d(d, d->reg);
}

static void compare_op(X86Dis *d, const TCGHelper *h, unsigned bytes)
{
    TCGv s = xmm_source(d, bytes), a = xmm(d, d->reg);

    if (fast_float(d)) {
        x86_set_cc_eflags(d, tcg_x86(d->s, TCG_x86_cmp, insn(d), a, s));
        return;
    }
    s = in_xmm_t(d, s);
    a = in_xmm_d(d, a);
    trap_begin(d, a);
    TCGv flags = tcg_call(d->s, h, a, s);

    trap_end(d, a);
    x86_set_cc_eflags(d, flags);
}

#define BOTH_ROW(name, bytes, arity)                                        \
    void gen_##name##_M(X86Dis *d) { mmx_op(d, &h_##name##_m, bytes, arity); } \
    void gen_##name##_X(X86Dis *d) { xmm_op(d, &h_##name##_x, 16, arity); }
#define ACROSS(name, insn)                                                  \
    void gen_##name##_M(X86Dis *d) { mmx_call(d, &h_##name##_m, 8); }       \
    XMM(name, insn, 16)
#define BOTH(name, insn) BOTH_ROW(name, 8, TWO)
#define BOTH4(name, insn) BOTH_ROW(name, 4, TWO)
#define BOTH1(name, insn) BOTH_ROW(name, 8, ONE)
#define XMM(name, insn, bytes) \
    void gen_##name##_X(X86Dis *d) { xmm_op(d, &h_##name##_x, bytes, TWO); }
#define XMM1(name, insn, bytes) \
    void gen_##name##_X(X86Dis *d) { xmm_op(d, &h_##name##_x, bytes, ONE); }
#define FLOAT(name, insn, bytes) \
    void gen_##name##_X(X86Dis *d) { float_op(d, &h_##name##_x, bytes, TWO); }
#define FLOAT1(name, insn, bytes) \
    void gen_##name##_X(X86Dis *d) { float_op(d, &h_##name##_x, bytes, ONE); }
#define SCALAR(name, insn, bytes) FLOAT(name, insn, bytes)
#define COMPARE(name, insn, bytes) \
    void gen_##name##_X(X86Dis *d) { compare_op(d, &h_##name##_x, bytes); }
#include "target-i386/simd-ops.def"

/* -- Shifts by an immediate: for a helper, the count as a register operand --- */

static TCGv count_operand(X86Dis *d)
{
    tcg_st(d->s, TCG_st64, tcg_const64(d->s, d->imm[1] & 0xff), ENV(xmm_t));
    tcg_st(d->s, TCG_st64, tcg_const64(d->s, 0), ENV(xmm_t) + 8);
    return tcg_env_ptr(d->s, ENV(xmm_t));
}

static TCGv fast_shift(X86Dis *d, TCGv v)
{
    uint32_t k = insn_imm(d, d->imm[1]) | TCG_X86_DIGIT | (uint32_t)d->reg << 25;

    return op1(d, k | TCG_X86_66, v);
}

static void mmx_shift(X86Dis *d, const TCGHelper *h)
{
    mmx_enter(d);
    if (fast(d)) {
        set_mmx(d, d->rm, fast_shift(d, tcg_ld(d->s, TCG_ldvd, mmx_at(d->rm))));
    } else {
        tcg_call(d->s, h, tcg_env_ptr(d->s, mmx_at(d->rm)), count_operand(d));
        mmx_written(d, d->rm);
    }
}

static void xmm_shift(X86Dis *d, const TCGHelper *h)
{
    if (fast(d)) {
        set_xmm(d, d->rm, fast_shift(d, xmm(d, d->rm)));
    } else {
        tcg_call(d->s, h, in_xmm_d(d, xmm(d, d->rm)), count_operand(d));
        from_xmm_d(d, d->rm);
    }
}

#define SHIFT(name)                                                         \
    void gen_##name##_MI(X86Dis *d) { mmx_shift(d, &h_##name##_m); }        \
    void gen_##name##_XI(X86Dis *d) { xmm_shift(d, &h_##name##_x); }
SHIFT(PSRLW) SHIFT(PSRLD) SHIFT(PSRLQ) SHIFT(PSRAW) SHIFT(PSRAD) SHIFT(PSLLW) SHIFT(PSLLD)
SHIFT(PSLLQ)

static void byte_shift(X86Dis *d, const TCGHelper *h)
{
    if (fast(d)) {
        set_xmm(d, d->rm, fast_shift(d, xmm(d, d->rm)));
    } else {
        tcg_call(d->s, h, in_xmm_d(d, xmm(d, d->rm)), imm8(d, 1));
        from_xmm_d(d, d->rm);
    }
}

void gen_PSRLDQ(X86Dis *d) { byte_shift(d, &h_psrldq); }
void gen_PSLLDQ(X86Dis *d) { byte_shift(d, &h_pslldq); }

/* -- With an immediate ------------------------------------------------------- */

static void xmm_imm(X86Dis *d, const TCGHelper *h, Arity arity)
{
    TCGv s = xmm_source(d, 16);

    if (fast(d)) {
        fast_op(d, arity, insn_imm(d, d->imm[2]), s);
    } else {
        s = in_xmm_t(d, s);
        tcg_call(d->s, h, in_xmm_d(d, xmm(d, d->reg)), s, imm8(d, 2));
        from_xmm_d(d, d->reg);
    }
}

static void mmx_imm(X86Dis *d, const TCGHelper *h)
{
    TCGv s = mmx_source(d, 8);

    mmx_enter(d);
    tcg_call(d->s, h, mmx_dest(d), s, imm8(d, 2));
    mmx_written(d, d->reg);
}

/* On the low half that is PSHUFLW. */
void gen_PSHUFW(X86Dis *d)
{
    if (!fast(d)) {
        mmx_imm(d, &h_pshufw);
        return;
    }
    TCGv s = mmx_vector(d, 8);

    mmx_enter(d);
    set_mmx(d, d->reg, op1(d, insn_imm(d, d->imm[2]) | TCG_X86_F2, s));
}

void gen_PALIGNR_M(X86Dis *d) { mmx_imm(d, &h_palignr_m); }
void gen_PSHUFD(X86Dis *d) { xmm_imm(d, &h_pshufd, ONE); }
void gen_PSHUFLW(X86Dis *d) { xmm_imm(d, &h_pshuflw, ONE); }
void gen_PSHUFHW(X86Dis *d) { xmm_imm(d, &h_pshufhw, ONE); }
void gen_SHUFPS(X86Dis *d) { xmm_imm(d, &h_shufps, TWO); }
void gen_SHUFPD(X86Dis *d) { xmm_imm(d, &h_shufpd, TWO); }
void gen_PALIGNR_X(X86Dis *d) { xmm_imm(d, &h_palignr_x, TWO); }

static void compare_imm(X86Dis *d, const TCGHelper *h, unsigned bytes)
{
    TCGv s = xmm_source(d, bytes);

    if (fast_float(d)) {
        fast_op(d, TWO, insn_imm(d, d->imm[2] & 7), s);
        return;
    }
    call_imm(d, h, s);
}

void gen_CMPPS(X86Dis *d) { compare_imm(d, &h_cmpps, 16); }
void gen_CMPPD(X86Dis *d) { compare_imm(d, &h_cmppd, 16); }
void gen_CMPSS(X86Dis *d) { compare_imm(d, &h_cmpss, 4); }
void gen_CMPSD(X86Dis *d) { compare_imm(d, &h_cmpsd, 8); }

/* -- Moves: MMX -------------------------------------------------------------- */

void gen_MOVD_M(X86Dis *d)
{
    mmx_enter(d);
    tcg_st(d->s, TCG_st64, tcg_extu64(d->s, d->val[1]), mmx_at(d->reg));
    mmx_written(d, d->reg);
}

void gen_MOVD_EM(X86Dis *d)
{
    mmx_enter(d);
    d->result = tcg_ld(d->s, TCG_ld32, mmx_at(d->reg));
}

void gen_MOVQ_M(X86Dis *d)
{
    TCGv v = d->has_mem ? x86_ld_mem(d, 0, MO_64) : tcg_ld(d->s, TCG_ld64, mmx_at(d->rm));

    mmx_enter(d);
    tcg_st(d->s, TCG_st64, v, mmx_at(d->reg));
    mmx_written(d, d->reg);
}

void gen_MOVQ_MS(X86Dis *d)
{
    TCGv v = tcg_ld(d->s, TCG_ld64, mmx_at(d->reg));

    mmx_enter(d);
    if (d->has_mem) {
        x86_st_mem(d, 0, v, MO_64);
    } else {
        tcg_st(d->s, TCG_st64, v, mmx_at(d->rm));
        mmx_written(d, d->rm);
    }
}

void gen_MOVNTQ(X86Dis *d) { gen_MOVQ_MS(d); }

/* -- Moves: XMM -------------------------------------------------------------- */

enum {
    HOST_MOVD_R = TCG_X86_0F | TCG_X86_66 | 0x7e,       /* r32, xmm */
    HOST_MOVQ = TCG_X86_0F | TCG_X86_F3 | 0x7e,
    HOST_MOVSS = TCG_X86_0F | TCG_X86_F3 | 0x10,
    HOST_MOVSD = TCG_X86_0F | TCG_X86_F2 | 0x10,
    HOST_MOVHLPS = TCG_X86_0F | 0x12, HOST_MOVLHPS = TCG_X86_0F | 0x16,
};

/* Lane 0 of v at byte `at` of a, by way of memory. */
static TCGv insert(X86Dis *d, TCGv a, TCGv v, TCGOpcode st, unsigned at)
{
    tcg_st(d->s, TCG_stv, a, ENV(xmm_t));
    tcg_st(d->s, st, v, ENV(xmm_t) + at);
    return tcg_ld(d->s, TCG_ldv, ENV(xmm_t));
}

static TCGv with_low32(X86Dis *d, TCGv a, TCGv v)
{
    return fast(d) ? op2(d, HOST_MOVSS, a, v) : insert(d, a, v, TCG_stvs, 0);
}

static TCGv with_low64(X86Dis *d, TCGv a, TCGv v)
{
    return fast(d) ? op2(d, HOST_MOVSD, a, v) : insert(d, a, v, TCG_stvd, 0);
}

static TCGv with_high64(X86Dis *d, TCGv a, TCGv v)
{
    return fast(d) ? op2(d, HOST_MOVLHPS, a, v) : insert(d, a, v, TCG_stvd, 8);
}

/* The rest cleared. */
static TCGv low64(X86Dis *d, TCGv v)
{
    if (fast(d)) {
        return op1(d, HOST_MOVQ, v);
    }
    in_xmm_t(d, v);
    return tcg_ld(d->s, TCG_ldvd, ENV(xmm_t));
}

/* The upper half in lane 0, anything in the other. */
static TCGv high64(X86Dis *d, TCGv v)
{
    if (fast(d)) {
        return op2(d, HOST_MOVHLPS, v, v);
    }
    in_xmm_t(d, v);
    return tcg_ld(d->s, TCG_ldvd, ENV(xmm_t) + 8);
}

static TCGv load64(X86Dis *d) { return x86_ld_mem(d, 0, (unsigned)MO_64 | MO_VEC); }
static void store64(X86Dis *d, TCGv v) { x86_st_mem(d, 0, v, (unsigned)MO_64 | MO_VEC); }

void gen_MOVD_X(X86Dis *d)
{
    set_xmm(d, d->reg, xmm_from_i32(d, d->val[1]));
}

void gen_MOVD_EX(X86Dis *d)
{
    TCGv v = xmm(d, d->reg);

    if (fast(d)) {
        d->result = tcg_x86(d->s, TCG_x86_vi, HOST_MOVD_R, v, v);
    } else {
        tcg_st(d->s, TCG_stvs, v, ENV(xmm_t));
        d->result = tcg_ld(d->s, TCG_ld32, ENV(xmm_t));
    }
}

void gen_MOVQ_X(X86Dis *d)
{
    set_xmm(d, d->reg, d->has_mem ? load64(d) : low64(d, xmm(d, d->rm)));
}

void gen_MOVQ_XS(X86Dis *d)
{
    if (d->has_mem) {
        store64(d, xmm(d, d->reg));
    } else {
        set_xmm(d, d->rm, low64(d, xmm(d, d->reg)));
    }
}

static void move_load(X86Dis *d, unsigned align)
{
    set_xmm(d, d->reg, d->has_mem ? x86_ld_mem(d, 0, MO_128 | align) : xmm(d, d->rm));
}

static void move_store(X86Dis *d, unsigned align)
{
    TCGv v = xmm(d, d->reg);

    if (d->has_mem) {
        x86_st_mem(d, 0, v, MO_128 | align);
    } else {
        set_xmm(d, d->rm, v);
    }
}

void gen_MOVA(X86Dis *d) { move_load(d, MO_ALIGN); }
void gen_MOVA_S(X86Dis *d) { move_store(d, MO_ALIGN); }
void gen_MOVU(X86Dis *d) { move_load(d, 0); }
void gen_MOVU_S(X86Dis *d) { move_store(d, 0); }

/* From memory the rest is cleared, from a register it stays. */
void gen_MOVSS(X86Dis *d)
{
    TCGv v = xmm_source(d, 4);

    set_xmm(d, d->reg, d->has_mem ? v : with_low32(d, xmm(d, d->reg), v));
}

void gen_MOVSS_S(X86Dis *d)
{
    if (d->has_mem) {
        x86_st_mem(d, 0, xmm(d, d->reg), (unsigned)MO_32 | MO_VEC);
    } else {
        set_xmm(d, d->rm, with_low32(d, xmm(d, d->rm), xmm(d, d->reg)));
    }
}

void gen_MOVSD(X86Dis *d)
{
    TCGv v = xmm_source(d, 8);

    set_xmm(d, d->reg, d->has_mem ? v : with_low64(d, xmm(d, d->reg), v));
}

void gen_MOVSD_S(X86Dis *d)
{
    if (d->has_mem) {
        store64(d, xmm(d, d->reg));
    } else {
        set_xmm(d, d->rm, with_low64(d, xmm(d, d->rm), xmm(d, d->reg)));
    }
}

void gen_MOVL(X86Dis *d)
{
    TCGv v = load64(d);

    set_xmm(d, d->reg, with_low64(d, xmm(d, d->reg), v));
}

void gen_MOVH(X86Dis *d)
{
    TCGv v = load64(d);

    set_xmm(d, d->reg, with_high64(d, xmm(d, d->reg), v));
}

void gen_MOVL_S(X86Dis *d) { store64(d, xmm(d, d->reg)); }
void gen_MOVH_S(X86Dis *d) { store64(d, high64(d, xmm(d, d->reg))); }

void gen_MOVHLPS(X86Dis *d)
{
    set_xmm(d, d->reg, with_low64(d, xmm(d, d->reg), high64(d, xmm(d, d->rm))));
}

void gen_MOVLHPS(X86Dis *d)
{
    set_xmm(d, d->reg, with_high64(d, xmm(d, d->reg), xmm(d, d->rm)));
}

/* -- Between register files -------------------------------------------------- */

void gen_MOVQ2DQ(X86Dis *d)
{
    x86_x87_to_env(d);
    mmx_enter(d);
    set_xmm(d, d->reg, tcg_ld(d->s, TCG_ldvd, mmx_at(d->rm)));
}

void gen_MOVDQ2Q(X86Dis *d)
{
    x86_x87_to_env(d);
    mmx_enter(d);
    set_mmx(d, d->reg, xmm(d, d->rm));
}

void gen_PINSRW_M(X86Dis *d)
{
    mmx_enter(d);
    tcg_st(d->s, TCG_st16, d->val[1], mmx_at(d->reg) + 2 * (d->imm[2] & 3));
    mmx_written(d, d->reg);
}

void gen_PINSRW_X(X86Dis *d)
{
    TCGv v = xmm(d, d->reg);

    if (fast(d)) {
        v = tcg_x86(d->s, TCG_x86_viv, insn_imm(d, d->imm[2] & 7), v, d->val[1]);
    } else {
        tcg_st(d->s, TCG_stv, v, ENV(xmm_t));
        tcg_st(d->s, TCG_st16, d->val[1], ENV(xmm_t) + 2 * (d->imm[2] & 7));
        v = tcg_ld(d->s, TCG_ldv, ENV(xmm_t));
    }
    set_xmm(d, d->reg, v);
}

void gen_PEXTRW_M(X86Dis *d)
{
    mmx_enter(d);
    d->result = tcg_ld(d->s, TCG_ld16u, mmx_at(d->rm) + 2 * (d->imm[2] & 3));
}

void gen_PEXTRW_X(X86Dis *d)
{
    TCGv v = xmm(d, d->rm);

    if (fast(d)) {
        d->result = tcg_x86(d->s, TCG_x86_vi, insn_imm(d, d->imm[2] & 7), v, v);
    } else {
        in_xmm_t(d, v);
        d->result = tcg_ld(d->s, TCG_ld16u, ENV(xmm_t) + 2 * (d->imm[2] & 7));
    }
}

void gen_PMOVMSKB_M(X86Dis *d)
{
    mmx_enter(d);
    if (fast(d)) {
        TCGv v = mmx_vector(d, 8);

        d->result = tcg_x86(d->s, TCG_x86_vi, insn(d) | TCG_X86_66, v, v);
    } else {
        d->result = tcg_call(d->s, &h_pmovmskb_m, tcg_env_ptr(d->s, mmx_at(d->rm)));
    }
}

static void sign_bits(X86Dis *d, const TCGHelper *h)
{
    TCGv v = xmm(d, d->rm);

    d->result = fast(d) ? tcg_x86(d->s, TCG_x86_vi, insn(d), v, v)
                        : tcg_call(d->s, h, in_xmm_t(d, v));
}

void gen_PMOVMSKB_X(X86Dis *d) { sign_bits(d, &h_pmovmskb_x); }
void gen_MOVMSKPS(X86Dis *d) { sign_bits(d, &h_movmskps); }
void gen_MOVMSKPD(X86Dis *d) { sign_bits(d, &h_movmskpd); }

static void mask_move(X86Dis *d, TCGv src, TCGv mask, unsigned bytes)
{
    TCGv offset = x86_reg(d, R_EDI, d->asize);
    unsigned seg = d->seg_override < 0 ? R_DS : (unsigned)d->seg_override;

    tcg_call(d->s, &h_maskmov, src, mask, x86_linear(d, seg, offset, bytes, true),
             tcg_const(d->s, bytes));
}

void gen_MASKMOVQ(X86Dis *d)
{
    mmx_enter(d);
    mask_move(d, mmx_dest(d), tcg_env_ptr(d->s, mmx_at(d->rm)), 8);
}

void gen_MASKMOVDQU(X86Dis *d)
{
    mask_move(d, in_xmm_d(d, xmm(d, d->reg)), in_xmm_t(d, xmm(d, d->rm)), 16);
}

/* -- Conversions ------------------------------------------------------------- */

/* With a memory operand there is no transition to MMX: SDM vol. 2A has that
 * for CVTPI2PD, processors do it for CVTPI2PS too. */
static void from_mmx(X86Dis *d, const TCGHelper *h)
{
    x86_x87_to_env(d);
    TCGv s = mmx_source(d, 8), dest = in_xmm_d(d, xmm(d, d->reg));

    if (!d->has_mem) {
        mmx_enter(d);
    }
    trap_begin(d, dest);
    tcg_call(d->s, h, dest, s);
    trap_end(d, dest);
    from_xmm_d(d, d->reg);
}

void gen_CVTPI2PS(X86Dis *d) { from_mmx(d, &h_cvtpi2ps); }
void gen_CVTPI2PD(X86Dis *d) { from_mmx(d, &h_cvtpi2pd); }

static void to_mmx(X86Dis *d, const TCGHelper *h, unsigned bytes)
{
    x86_x87_to_env(d);
    TCGv s = in_xmm_t(d, xmm_source(d, bytes)), dest = mmx_dest(d);

    mmx_enter(d);
    trap_begin(d, dest);
    tcg_call(d->s, h, dest, s);
    trap_end(d, dest);
    mmx_written(d, d->reg);
}

void gen_CVTPS2PI(X86Dis *d) { to_mmx(d, &h_cvtps2pi, 8); }
void gen_CVTTPS2PI(X86Dis *d) { to_mmx(d, &h_cvttps2pi, 8); }
void gen_CVTPD2PI(X86Dis *d) { to_mmx(d, &h_cvtpd2pi, 16); }
void gen_CVTTPD2PI(X86Dis *d) { to_mmx(d, &h_cvttpd2pi, 16); }

static void from_int(X86Dis *d, const TCGHelper *h)
{
    TCGv v = xmm(d, d->reg);

    if (fast_float(d)) {
        set_xmm(d, d->reg, tcg_x86(d->s, TCG_x86_viv, insn(d), v, d->val[1]));
        return;
    }
    v = in_xmm_d(d, v);
    trap_begin(d, v);
    tcg_call(d->s, h, v, d->val[1]);
    trap_end(d, v);
    from_xmm_d(d, d->reg);
}

void gen_CVTSI2SS(X86Dis *d) { from_int(d, &h_cvtsi2ss); }
void gen_CVTSI2SD(X86Dis *d) { from_int(d, &h_cvtsi2sd); }

/* The source stands in for a destination: only flags matter. */
static void to_int(X86Dis *d, const TCGHelper *h, unsigned bytes)
{
    TCGv s = xmm_source(d, bytes);

    if (fast_float(d)) {
        d->result = tcg_x86(d->s, TCG_x86_vi, insn(d), s, s);
        return;
    }
    s = in_xmm_t(d, s);
    trap_begin(d, s);
    d->result = tcg_call(d->s, h, s);
    trap_end(d, s);
}

void gen_CVTSS2SI(X86Dis *d) { to_int(d, &h_cvtss2si, 4); }
void gen_CVTSD2SI(X86Dis *d) { to_int(d, &h_cvtsd2si, 8); }
void gen_CVTTSS2SI(X86Dis *d) { to_int(d, &h_cvttss2si, 4); }
void gen_CVTTSD2SI(X86Dis *d) { to_int(d, &h_cvttsd2si, 8); }
