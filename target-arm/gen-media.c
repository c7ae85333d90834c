/* SPDX-License-Identifier: MIT */
/*
 * Saturating, parallel, packing and extending instructions (v5TE and v6).  PC
 * as an operand or result is UNPREDICTABLE: UNDEFINED here.
 *
 * The parallel ones are rare in compiled code and are a helper each.
 */
#include "target-arm/gen.h"
#include "target-arm/helper.h"
#include "target-arm/translate.h"

static bool is_pc(ArmDis *d, unsigned a, unsigned b, unsigned c)
{
    bool bad = a == R_PC || b == R_PC || c == R_PC;

    if (bad) {
        arm_undef(d);
    }
    return bad;
}

static TCGv konst(ArmDis *d, uint32_t k)
{
    return tcg_const(d->s, k);
}

/* -- Saturation -------------------------------------------------------------- */

static void set_q_if(ArmDis *d, TCGCond c, TCGv a, TCGv b)
{
    TCGContext *s = d->s;
    TCGv q = tcg_setcond(s, c, a, b);

    tcg_st(s, TCG_st32, tcg_or(s, tcg_ld(s, TCG_ld32, ENV(qf)), q), ENV(qf));
}

/* v, but within lo .. hi (signed); Q if it was not. */
static TCGv clamp(ArmDis *d, TCGv v, int32_t lo, int32_t hi)
{
    TCGContext *s = d->s;
    TCGv min = konst(d, (uint32_t)lo), max = konst(d, (uint32_t)hi);
    TCGv r = tcg_movcond(s, TCG_COND_LT, v, min, min, v);

    r = tcg_movcond(s, TCG_COND_GT, r, max, max, r);
    set_q_if(d, TCG_COND_NE, r, v);
    return r;
}

/* x + y or x - y in 32 bits: on overflow, the end the sign of x points to. */
static TCGv add_sat(ArmDis *d, TCGv x, TCGv y, bool subtract)
{
    TCGContext *s = d->s;
    TCGv r = subtract ? tcg_sub(s, x, y) : tcg_add(s, x, y);
    TCGv signs = tcg_xor(s, x, y), changed = tcg_xor(s, x, r);
    TCGv over = subtract ? tcg_and(s, signs, changed) : tcg_andc(s, changed, signs);
    TCGv end = tcg_xori(s, tcg_sari(s, x, 31), 0x7fffffff);

    set_q_if(d, TCG_COND_LT, over, konst(d, 0));
    return tcg_movcond(s, TCG_COND_LT, over, konst(d, 0), end, r);
}

void trans_qadd(ArmDis *d, const ArmInsn *a)
{
    unsigned op = a->row->op;

    if (is_pc(d, a->rd, a->rn, a->rm)) {
        return;
    }
    TCGv y = arm_reg(d, a->rn);

    if (op == OP_QDADD || op == OP_QDSUB) {
        y = add_sat(d, y, y, false);
    }
    arm_set_reg(d, a->rd, add_sat(d, arm_reg(d, a->rm), y, op == OP_QSUB || op == OP_QDSUB));
}

/* The range of n bits: signed, n is one more than encoded. */
static TCGv saturate(ArmDis *d, const ArmInsn *a, TCGv v, bool sign)
{
    unsigned n = a->rot;

    return sign ? clamp(d, v, (int32_t)-(1u << n), (int32_t)((1u << n) - 1))
                : clamp(d, v, 0, (int32_t)((1u << n) - 1));
}

void trans_sat(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;

    if (is_pc(d, a->rd, a->rm, 0)) {
        return;
    }
    TCGv v = arm_reg(d, a->rm);

    if (a->type) {                      /* ASR #0 means #32 */
        v = tcg_sari(s, v, a->imm ? a->imm : 31);
    } else if (a->imm) {
        v = tcg_shli(s, v, a->imm);
    }
    arm_set_reg(d, a->rd, saturate(d, a, v, a->row->op == OP_SSAT));
}

void trans_sat16(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;
    bool sign = a->row->op == OP_SSAT16;

    if (is_pc(d, a->rd, a->rm, 0)) {
        return;
    }
    TCGv v = arm_reg(d, a->rm);
    TCGv low = saturate(d, a, tcg_sextract(s, v, 0, 16), sign);
    TCGv high = saturate(d, a, tcg_sextract(s, v, 16, 16), sign);

    arm_set_reg(d, a->rd, tcg_deposit(s, tcg_andi(s, low, 0xffff), high, 16, 16));
}

/* -- Parallel addition and subtraction --------------------------------------- */

/* kind: S Q SH U UQ UH.  The helper's bits 35:32 are GE. */
static void parallel(ArmDis *d, const ArmInsn *a, unsigned kind)
{
    TCGContext *s = d->s;

    if (is_pc(d, a->rd, a->rn, a->rm)) {
        return;
    }
    TCGv what = konst(d, kind << 8 | a->row->op);
    TCGv r = tcg_call(s, &h_parallel, what, arm_reg(d, a->rn), arm_reg(d, a->rm));

    if (kind == PARALLEL_S || kind == PARALLEL_U) {
        tcg_st(s, TCG_st32, tcg_trunc32(s, tcg_shri(s, r, 32)), ENV(ge));
    }
    arm_set_reg(d, a->rd, tcg_trunc32(s, r));
}

void trans_par_s(ArmDis *d, const ArmInsn *a) { parallel(d, a, PARALLEL_S); }
void trans_par_q(ArmDis *d, const ArmInsn *a) { parallel(d, a, PARALLEL_Q); }
void trans_par_sh(ArmDis *d, const ArmInsn *a) { parallel(d, a, PARALLEL_SH); }
void trans_par_u(ArmDis *d, const ArmInsn *a) { parallel(d, a, PARALLEL_U); }
void trans_par_uq(ArmDis *d, const ArmInsn *a) { parallel(d, a, PARALLEL_UQ); }
void trans_par_uh(ArmDis *d, const ArmInsn *a) { parallel(d, a, PARALLEL_UH); }

void trans_sel(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;

    if (!is_pc(d, a->rd, a->rn, a->rm)) {
        TCGv ge = tcg_ld(s, TCG_ld32, ENV(ge));

        arm_set_reg(d, a->rd, tcg_call(s, &h_sel, ge, arm_reg(d, a->rn), arm_reg(d, a->rm)));
    }
}

void trans_usad8(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;

    if (is_pc(d, a->rd, a->rs, a->rm) || is_pc(d, a->ra, 0, 0)) {
        return;
    }
    TCGv r = tcg_call(s, &h_usad8, arm_reg(d, a->rm), arm_reg(d, a->rs));

    if (arm_row_field(a->row, 'a')) {
        r = tcg_add(s, r, arm_reg(d, a->ra));
    }
    arm_set_reg(d, a->rd, r);
}

/* -- Packing, reversal, extension -------------------------------------------- */

void trans_pkh(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;

    if (is_pc(d, a->rd, a->rn, a->rm)) {
        return;
    }
    TCGv n = arm_reg(d, a->rn), m = arm_reg(d, a->rm);

    if (a->row->op == OP_PKHBT) {
        m = a->imm ? tcg_shli(s, m, a->imm) : m;
        arm_set_reg(d, a->rd, tcg_deposit(s, m, n, 0, 16));
    } else {
        m = tcg_sari(s, m, a->imm ? a->imm : 31);
        arm_set_reg(d, a->rd, tcg_deposit(s, n, m, 0, 16));
    }
}

/* Both halves, each with its bytes exchanged */
static TCGv rev16(ArmDis *d, TCGv v)
{
    TCGContext *s = d->s;
    TCGv up = tcg_shli(s, tcg_andi(s, v, 0x00ff00ff), 8);

    return tcg_or(s, up, tcg_andi(s, tcg_shri(s, v, 8), 0x00ff00ff));
}

void trans_rev(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;

    if (is_pc(d, a->rd, a->rm, 0)) {
        return;
    }
    TCGv v = arm_reg(d, a->rm);

    switch (a->row->op) {
    case OP_REV: v = tcg_bswap(s, v); break;
    case OP_REV16: v = rev16(d, v); break;
    default: v = tcg_sari(s, tcg_bswap(s, v), 16); break;
    }
    arm_set_reg(d, a->rd, v);
}

static TCGv extend(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;
    TCGv v = arm_reg(d, a->rm);

    if (a->rot) {
        v = tcg_rotr(s, v, konst(d, 8 * a->rot));
    }
    switch (a->row->op) {
    case OP_SXTB: return tcg_ext8s(s, v);
    case OP_SXTH: return tcg_ext16s(s, v);
    case OP_UXTB: return tcg_ext8u(s, v);
    case OP_UXTH: return tcg_ext16u(s, v);
    case OP_UXTB16: return tcg_andi(s, v, 0x00ff00ff);
    default: /* OP_SXTB16 */
        return tcg_deposit(s, tcg_ext16u(s, tcg_ext8s(s, v)), tcg_sextract(s, v, 16, 8), 16, 16);
    }
}

void trans_extend(ArmDis *d, const ArmInsn *a)
{
    if (!is_pc(d, a->rd, a->rm, 0)) {
        arm_set_reg(d, a->rd, extend(d, a));
    }
}

void trans_extend_add(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;
    unsigned op = a->row->op;

    if (is_pc(d, a->rd, a->rm, 0)) {
        return;
    }
    TCGv n = arm_reg(d, a->rn), v = extend(d, a), sum = tcg_add(s, n, v);

    if (op == OP_SXTB16 || op == OP_UXTB16) {   /* halves: no carry between */
        TCGv high = tcg_add(s, tcg_shri(s, n, 16), tcg_shri(s, v, 16));

        sum = tcg_deposit(s, sum, high, 16, 16);
    }
    arm_set_reg(d, a->rd, sum);
}
