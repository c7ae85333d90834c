/* SPDX-License-Identifier: MIT */
/*
 * MMX and SSE instructions (SDM vol. 1, chapters 9 to 12).
 *
 * An operation is a helper on two register addresses; a memory operand is
 * loaded to env->xmm_t first, by translated code, so that its faults are the
 * instruction's.  Moves are loads and stores here, without a helper.
 *
 * MMX instructions make the x87 register stack theirs: TOP 0, all registers
 * valid, exponent all ones in what is written (9.5).
 */
#include "target-i386/gen-sse.h"

#include "target-i386/helper.h"
#include "target-i386/translate.h"

static uint32_t xmm_at(unsigned n) { return ENV(xmm) + 16 * n; }
static uint32_t mmx_at(unsigned n) { return ENV(fpregs) + 16 * n; }

/* -- MMX state --------------------------------------------------------------- */

static void mmx_enter(X86Dis *d)
{
    tcg_call0(d->s, &h_fwait);
    tcg_st(d->s, TCG_st32, tcg_const(d->s, 0), ENV(fpstt));
    tcg_st(d->s, TCG_st64, tcg_const64(d->s, 0), ENV(fptags));
}

static void mmx_written(X86Dis *d, unsigned n)
{
    tcg_st(d->s, TCG_st16, tcg_const(d->s, 0xffff), mmx_at(n) + 8);
}

void gen_EMMS(X86Dis *d)
{
    tcg_call0(d->s, &h_fwait);
    tcg_st(d->s, TCG_st32, tcg_const(d->s, 0), ENV(fpstt));
    tcg_st(d->s, TCG_st64, tcg_const64(d->s, 0x0101010101010101ull), ENV(fptags));
}

/* -- Source operands --------------------------------------------------------- */

/* Address of the r/m operand: a register, or memory brought to xmm_t. */
static TCGv source(X86Dis *d, uint32_t reg_at, unsigned bytes)
{
    if (!d->has_mem) {
        return tcg_env_ptr(d->s, reg_at);
    }
    if (bytes == 16) {
        TCGv addr = x86_linear(d, d->seg, x86_ea(d, 0), 16, false);

        x86_check_align(d, addr, 16, EXCP_GP);
        tcg_st(d->s, TCG_stv, x86_ld_mem(d, 0, MO_128), ENV(xmm_t));
    } else if (bytes == 8) {
        tcg_st(d->s, TCG_st64, x86_ld_mem(d, 0, MO_64), ENV(xmm_t));
    } else {
        tcg_st(d->s, TCG_st32, x86_ld_mem(d, 0, MO_32), ENV(xmm_t));
    }
    return tcg_env_ptr(d->s, ENV(xmm_t));
}

static TCGv xmm_source(X86Dis *d, unsigned bytes) { return source(d, xmm_at(d->rm), bytes); }
static TCGv mmx_source(X86Dis *d) { return source(d, mmx_at(d->rm), 8); }
static TCGv xmm_dest(X86Dis *d) { return tcg_env_ptr(d->s, xmm_at(d->reg)); }
static TCGv mmx_dest(X86Dis *d) { return tcg_env_ptr(d->s, mmx_at(d->reg)); }
static TCGv imm8(X86Dis *d, unsigned operand) { return tcg_const(d->s, d->imm[operand] & 0xff); }

/* -- The rows of simd-ops.def ------------------------------------------------ */

static void mmx_op(X86Dis *d, const TCGHelper *h, unsigned bytes)
{
    TCGv s = source(d, mmx_at(d->rm), bytes);

    mmx_enter(d);
    tcg_call(d->s, h, mmx_dest(d), s);
    mmx_written(d, d->reg);
}

static void xmm_op(X86Dis *d, const TCGHelper *h, unsigned bytes)
{
    TCGv s = xmm_source(d, bytes);

    tcg_call(d->s, h, xmm_dest(d), s);
}

static bool traps(const X86Dis *d)
{
    return d->hflags & HF_SSE_TRAP;
}

static void trap_begin(X86Dis *d)
{
    if (traps(d)) {
        tcg_call(d->s, &h_sse_begin, xmm_dest(d));
    }
}

static void trap_end(X86Dis *d)
{
    if (traps(d)) {
        tcg_call(d->s, &h_sse_end, xmm_dest(d));
    }
}

static void float_op(X86Dis *d, const TCGHelper *h, unsigned bytes)
{
    TCGv s = xmm_source(d, bytes);

    trap_begin(d);
    tcg_call(d->s, h, xmm_dest(d), s);
    trap_end(d);
}

static void compare_op(X86Dis *d, const TCGHelper *h, unsigned bytes)
{
    TCGv s = xmm_source(d, bytes);

    trap_begin(d);
    TCGv flags = tcg_call(d->s, h, xmm_dest(d), s);

    trap_end(d);
    x86_set_cc_eflags(d, flags);
}

#define BOTH(name, insn)                                                    \
    void gen_##name##_M(X86Dis *d) { mmx_op(d, &h_##name##_m, 8); }         \
    void gen_##name##_X(X86Dis *d) { xmm_op(d, &h_##name##_x, 16); }
#define BOTH4(name, insn)                                                   \
    void gen_##name##_M(X86Dis *d) { mmx_op(d, &h_##name##_m, 4); }         \
    void gen_##name##_X(X86Dis *d) { xmm_op(d, &h_##name##_x, 16); }
#define XMM(name, insn, bytes) \
    void gen_##name##_X(X86Dis *d) { xmm_op(d, &h_##name##_x, bytes); }
#define FLOAT(name, insn, bytes) \
    void gen_##name##_X(X86Dis *d) { float_op(d, &h_##name##_x, bytes); }
#define SCALAR(name, insn, bytes) FLOAT(name, insn, bytes)
#define COMPARE(name, insn, bytes) \
    void gen_##name##_X(X86Dis *d) { compare_op(d, &h_##name##_x, bytes); }
#include "target-i386/simd-ops.def"

/* -- Shifts by an immediate: the count as a register operand ----------------- */

static TCGv count_operand(X86Dis *d)
{
    tcg_st(d->s, TCG_st64, tcg_const64(d->s, d->imm[1] & 0xff), ENV(xmm_t));
    tcg_st(d->s, TCG_st64, tcg_const64(d->s, 0), ENV(xmm_t) + 8);
    return tcg_env_ptr(d->s, ENV(xmm_t));
}

static void mmx_shift(X86Dis *d, const TCGHelper *h)
{
    mmx_enter(d);
    tcg_call(d->s, h, tcg_env_ptr(d->s, mmx_at(d->rm)), count_operand(d));
    mmx_written(d, d->rm);
}

static void xmm_shift(X86Dis *d, const TCGHelper *h)
{
    tcg_call(d->s, h, tcg_env_ptr(d->s, xmm_at(d->rm)), count_operand(d));
}

#define SHIFT(name)                                                         \
    void gen_##name##_MI(X86Dis *d) { mmx_shift(d, &h_##name##_m); }        \
    void gen_##name##_XI(X86Dis *d) { xmm_shift(d, &h_##name##_x); }
SHIFT(PSRLW) SHIFT(PSRLD) SHIFT(PSRLQ) SHIFT(PSRAW) SHIFT(PSRAD) SHIFT(PSLLW) SHIFT(PSLLD)
SHIFT(PSLLQ)

void gen_PSRLDQ(X86Dis *d)
{
    tcg_call(d->s, &h_psrldq, tcg_env_ptr(d->s, xmm_at(d->rm)), imm8(d, 1));
}

void gen_PSLLDQ(X86Dis *d)
{
    tcg_call(d->s, &h_pslldq, tcg_env_ptr(d->s, xmm_at(d->rm)), imm8(d, 1));
}

/* -- With an immediate ------------------------------------------------------- */

static void xmm_imm(X86Dis *d, const TCGHelper *h)
{
    TCGv s = xmm_source(d, 16);

    tcg_call(d->s, h, xmm_dest(d), s, imm8(d, 2));
}

static void mmx_imm(X86Dis *d, const TCGHelper *h)
{
    TCGv s = mmx_source(d);

    mmx_enter(d);
    tcg_call(d->s, h, mmx_dest(d), s, imm8(d, 2));
    mmx_written(d, d->reg);
}

void gen_PSHUFW(X86Dis *d) { mmx_imm(d, &h_pshufw); }
void gen_PALIGNR_M(X86Dis *d) { mmx_imm(d, &h_palignr_m); }
void gen_PSHUFD(X86Dis *d) { xmm_imm(d, &h_pshufd); }
void gen_PSHUFLW(X86Dis *d) { xmm_imm(d, &h_pshuflw); }
void gen_PSHUFHW(X86Dis *d) { xmm_imm(d, &h_pshufhw); }
void gen_SHUFPS(X86Dis *d) { xmm_imm(d, &h_shufps); }
void gen_SHUFPD(X86Dis *d) { xmm_imm(d, &h_shufpd); }
void gen_PALIGNR_X(X86Dis *d) { xmm_imm(d, &h_palignr_x); }

static void compare_imm(X86Dis *d, const TCGHelper *h, unsigned bytes)
{
    TCGv s = xmm_source(d, bytes);

    trap_begin(d);
    tcg_call(d->s, h, xmm_dest(d), s, imm8(d, 2));
    trap_end(d);
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

static void set_low64(X86Dis *d, unsigned n, TCGv v)
{
    tcg_st(d->s, TCG_st64, v, xmm_at(n));
}

static void set_high64(X86Dis *d, unsigned n, TCGv v)
{
    tcg_st(d->s, TCG_st64, v, xmm_at(n) + 8);
}

static TCGv low64(X86Dis *d, unsigned n) { return tcg_ld(d->s, TCG_ld64, xmm_at(n)); }
static TCGv high64(X86Dis *d, unsigned n) { return tcg_ld(d->s, TCG_ld64, xmm_at(n) + 8); }

void gen_MOVD_X(X86Dis *d)
{
    set_low64(d, d->reg, tcg_extu64(d->s, d->val[1]));
    set_high64(d, d->reg, tcg_const64(d->s, 0));
}

void gen_MOVD_EX(X86Dis *d)
{
    d->result = tcg_ld(d->s, TCG_ld32, xmm_at(d->reg));
}

void gen_MOVQ_X(X86Dis *d)
{
    TCGv v = d->has_mem ? x86_ld_mem(d, 0, MO_64) : low64(d, d->rm);

    set_low64(d, d->reg, v);
    set_high64(d, d->reg, tcg_const64(d->s, 0));
}

void gen_MOVQ_XS(X86Dis *d)
{
    if (d->has_mem) {
        x86_st_mem(d, 0, low64(d, d->reg), MO_64);
    } else {
        set_low64(d, d->rm, low64(d, d->reg));
        set_high64(d, d->rm, tcg_const64(d->s, 0));
    }
}

static void move_load(X86Dis *d, bool aligned)
{
    TCGv v;

    if (d->has_mem) {
        if (aligned) {
            x86_check_align(d, x86_linear(d, d->seg, x86_ea(d, 0), 16, false), 16, EXCP_GP);
        }
        v = x86_ld_mem(d, 0, MO_128);
    } else {
        v = tcg_ld(d->s, TCG_ldv, xmm_at(d->rm));
    }
    tcg_st(d->s, TCG_stv, v, xmm_at(d->reg));
}

static void move_store(X86Dis *d, bool aligned)
{
    TCGv v = tcg_ld(d->s, TCG_ldv, xmm_at(d->reg));

    if (d->has_mem) {
        if (aligned) {
            x86_check_align(d, x86_linear(d, d->seg, x86_ea(d, 0), 16, true), 16, EXCP_GP);
        }
        x86_st_mem(d, 0, v, MO_128);
    } else {
        tcg_st(d->s, TCG_stv, v, xmm_at(d->rm));
    }
}

void gen_MOVA(X86Dis *d) { move_load(d, true); }
void gen_MOVA_S(X86Dis *d) { move_store(d, true); }
void gen_MOVU(X86Dis *d) { move_load(d, false); }
void gen_MOVU_S(X86Dis *d) { move_store(d, false); }

/* From memory the rest is cleared, from a register it stays. */
void gen_MOVSS(X86Dis *d)
{
    if (d->has_mem) {
        set_low64(d, d->reg, tcg_extu64(d->s, x86_ld_mem(d, 0, MO_32)));
        set_high64(d, d->reg, tcg_const64(d->s, 0));
    } else {
        tcg_st(d->s, TCG_st32, tcg_ld(d->s, TCG_ld32, xmm_at(d->rm)), xmm_at(d->reg));
    }
}

void gen_MOVSS_S(X86Dis *d)
{
    TCGv v = tcg_ld(d->s, TCG_ld32, xmm_at(d->reg));

    if (d->has_mem) {
        x86_st_mem(d, 0, v, MO_32);
    } else {
        tcg_st(d->s, TCG_st32, v, xmm_at(d->rm));
    }
}

void gen_MOVSD(X86Dis *d)
{
    if (d->has_mem) {
        set_low64(d, d->reg, x86_ld_mem(d, 0, MO_64));
        set_high64(d, d->reg, tcg_const64(d->s, 0));
    } else {
        set_low64(d, d->reg, low64(d, d->rm));
    }
}

void gen_MOVSD_S(X86Dis *d)
{
    if (d->has_mem) {
        x86_st_mem(d, 0, low64(d, d->reg), MO_64);
    } else {
        set_low64(d, d->rm, low64(d, d->reg));
    }
}

void gen_MOVL(X86Dis *d) { set_low64(d, d->reg, x86_ld_mem(d, 0, MO_64)); }
void gen_MOVL_S(X86Dis *d) { x86_st_mem(d, 0, low64(d, d->reg), MO_64); }
void gen_MOVH(X86Dis *d) { set_high64(d, d->reg, x86_ld_mem(d, 0, MO_64)); }
void gen_MOVH_S(X86Dis *d) { x86_st_mem(d, 0, high64(d, d->reg), MO_64); }
void gen_MOVHLPS(X86Dis *d) { set_low64(d, d->reg, high64(d, d->rm)); }
void gen_MOVLHPS(X86Dis *d) { set_high64(d, d->reg, low64(d, d->rm)); }

/* -- Between register files -------------------------------------------------- */

void gen_MOVQ2DQ(X86Dis *d)
{
    mmx_enter(d);
    set_low64(d, d->reg, tcg_ld(d->s, TCG_ld64, mmx_at(d->rm)));
    set_high64(d, d->reg, tcg_const64(d->s, 0));
}

void gen_MOVDQ2Q(X86Dis *d)
{
    mmx_enter(d);
    tcg_st(d->s, TCG_st64, low64(d, d->rm), mmx_at(d->reg));
    mmx_written(d, d->reg);
}

void gen_PINSRW_M(X86Dis *d)
{
    mmx_enter(d);
    tcg_st(d->s, TCG_st16, d->val[1], mmx_at(d->reg) + 2 * (d->imm[2] & 3));
    mmx_written(d, d->reg);
}

void gen_PINSRW_X(X86Dis *d)
{
    tcg_st(d->s, TCG_st16, d->val[1], xmm_at(d->reg) + 2 * (d->imm[2] & 7));
}

void gen_PEXTRW_M(X86Dis *d)
{
    mmx_enter(d);
    d->result = tcg_ld(d->s, TCG_ld16u, mmx_at(d->rm) + 2 * (d->imm[2] & 3));
}

void gen_PEXTRW_X(X86Dis *d)
{
    d->result = tcg_ld(d->s, TCG_ld16u, xmm_at(d->rm) + 2 * (d->imm[2] & 7));
}

void gen_PMOVMSKB_M(X86Dis *d)
{
    mmx_enter(d);
    d->result = tcg_call(d->s, &h_pmovmskb_m, tcg_env_ptr(d->s, mmx_at(d->rm)));
}

void gen_PMOVMSKB_X(X86Dis *d)
{
    d->result = tcg_call(d->s, &h_pmovmskb_x, tcg_env_ptr(d->s, xmm_at(d->rm)));
}

void gen_MOVMSKPS(X86Dis *d)
{
    d->result = tcg_call(d->s, &h_movmskps, tcg_env_ptr(d->s, xmm_at(d->rm)));
}

void gen_MOVMSKPD(X86Dis *d)
{
    d->result = tcg_call(d->s, &h_movmskpd, tcg_env_ptr(d->s, xmm_at(d->rm)));
}

static void mask_move(X86Dis *d, uint32_t src, uint32_t mask, unsigned bytes)
{
    TCGv offset = x86_reg(d, R_EDI, d->asize);
    unsigned seg = d->seg_override < 0 ? R_DS : (unsigned)d->seg_override;

    tcg_call(d->s, &h_maskmov, tcg_env_ptr(d->s, src), tcg_env_ptr(d->s, mask),
             x86_linear(d, seg, offset, bytes, true), tcg_const(d->s, bytes));
}

void gen_MASKMOVQ(X86Dis *d)
{
    mmx_enter(d);
    mask_move(d, mmx_at(d->reg), mmx_at(d->rm), 8);
}

void gen_MASKMOVDQU(X86Dis *d)
{
    mask_move(d, xmm_at(d->reg), xmm_at(d->rm), 16);
}

/* -- Conversions ------------------------------------------------------------- */

/* With a memory operand there is no transition to MMX: SDM vol. 2A has that
 * for CVTPI2PD, processors do it for CVTPI2PS too. */
static void from_mmx(X86Dis *d, const TCGHelper *h)
{
    TCGv s = mmx_source(d);

    if (!d->has_mem) {
        mmx_enter(d);
    }
    trap_begin(d);
    tcg_call(d->s, h, xmm_dest(d), s);
    trap_end(d);
}

void gen_CVTPI2PS(X86Dis *d) { from_mmx(d, &h_cvtpi2ps); }
void gen_CVTPI2PD(X86Dis *d) { from_mmx(d, &h_cvtpi2pd); }

static void to_mmx(X86Dis *d, const TCGHelper *h, unsigned bytes)
{
    TCGv s = xmm_source(d, bytes), dest = tcg_env_ptr(d->s, mmx_at(d->reg));

    mmx_enter(d);
    if (traps(d)) {
        tcg_call(d->s, &h_sse_begin, dest);
    }
    tcg_call(d->s, h, dest, s);
    if (traps(d)) {
        tcg_call(d->s, &h_sse_end, dest);
    }
    mmx_written(d, d->reg);
}

void gen_CVTPS2PI(X86Dis *d) { to_mmx(d, &h_cvtps2pi, 8); }
void gen_CVTTPS2PI(X86Dis *d) { to_mmx(d, &h_cvttps2pi, 8); }
void gen_CVTPD2PI(X86Dis *d) { to_mmx(d, &h_cvtpd2pi, 16); }
void gen_CVTTPD2PI(X86Dis *d) { to_mmx(d, &h_cvttpd2pi, 16); }

static void from_int(X86Dis *d, const TCGHelper *h)
{
    trap_begin(d);
    tcg_call(d->s, h, xmm_dest(d), d->val[1]);
    trap_end(d);
}

void gen_CVTSI2SS(X86Dis *d) { from_int(d, &h_cvtsi2ss); }
void gen_CVTSI2SD(X86Dis *d) { from_int(d, &h_cvtsi2sd); }

/* The source stands in for a destination: only flags matter. */
static void to_int(X86Dis *d, const TCGHelper *h, unsigned bytes)
{
    TCGv s = xmm_source(d, bytes);

    if (traps(d)) {
        tcg_call(d->s, &h_sse_begin, s);
    }
    d->result = tcg_call(d->s, h, s);
    if (traps(d)) {
        tcg_call(d->s, &h_sse_end, s);
    }
}

void gen_CVTSS2SI(X86Dis *d) { to_int(d, &h_cvtss2si, 4); }
void gen_CVTSD2SI(X86Dis *d) { to_int(d, &h_cvtsd2si, 8); }
void gen_CVTTSS2SI(X86Dis *d) { to_int(d, &h_cvttss2si, 4); }
void gen_CVTTSD2SI(X86Dis *d) { to_int(d, &h_cvttsd2si, 8); }
