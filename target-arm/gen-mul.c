/* SPDX-License-Identifier: MIT */
/*
 * Multiplies.  Sums that can overflow 32 bits are made in 64, which also tells
 * whether Q is to be set.  PC as an operand or result is UNPREDICTABLE: UNDEFINED
 * here.
 */
#include "target-arm/gen.h"
#include "target-arm/translate.h"

/* Rd, Ra, Rm or Rs is PC? */
static bool uses_pc(ArmDis *d, const ArmInsn *a)
{
    bool bad = a->rd == R_PC || a->ra == R_PC || a->rm == R_PC || a->rs == R_PC;

    if (bad) {
        arm_undef(d);
    }
    return bad;
}

static TCGv sext64(ArmDis *d, unsigned n)
{
    return tcg_exts64(d->s, arm_reg(d, n));
}

/* Half of a register, sign extended; to 64 bits. */
static TCGv half(ArmDis *d, TCGv v, bool top)
{
    return tcg_sextract(d->s, v, top ? 16 : 0, 16);
}

static TCGv half64(ArmDis *d, TCGv v, bool top)
{
    return tcg_exts64(d->s, half(d, v, top));
}

void trans_mul(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;

    if (uses_pc(d, a)) {
        return;
    }
    TCGv r = tcg_mul(s, arm_reg(d, a->rm), arm_reg(d, a->rs));

    if (a->row->op == OP_MLA) {
        r = tcg_add(s, r, arm_reg(d, a->ra));
    }
    if (a->s) {
        arm_set_nz(d, r);               /* C is UNPREDICTABLE on v4: kept */
    }
    arm_set_reg(d, a->rd, r);
}

/* -- Long: RdHi is d, RdLo a --------------------------------------------------- */

static TCGv acc64(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;
    TCGv high = tcg_shli(s, tcg_extu64(s, arm_reg(d, a->rd)), 32);

    return tcg_or(s, high, tcg_extu64(s, arm_reg(d, a->ra)));
}

static void set_long(ArmDis *d, const ArmInsn *a, TCGv v)
{
    TCGContext *s = d->s;

    arm_set_reg(d, a->ra, tcg_trunc32(s, v));
    arm_set_reg(d, a->rd, tcg_trunc32(s, tcg_shri(s, v, 32)));
}

/* N is bit 63, and Z all of the 64: nf and zf differ here. */
static void set_nz64(ArmDis *d, TCGv v)
{
    TCGContext *s = d->s;
    TCGv high = tcg_trunc32(s, tcg_shri(s, v, 32));

    arm_set_nz(d, tcg_or(s, high, tcg_trunc32(s, v)));
    tcg_set(s, G_NF, high);
    d->cc.have_res = false;
}

void trans_mull(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;
    unsigned op = a->row->op;
    bool sign = op == OP_SMULL || op == OP_SMLAL;

    if (uses_pc(d, a)) {
        return;
    }
    TCGv x = arm_reg(d, a->rm), y = arm_reg(d, a->rs);
    TCGv r = sign ? tcg_mul(s, tcg_exts64(s, x), tcg_exts64(s, y))
                  : tcg_mul(s, tcg_extu64(s, x), tcg_extu64(s, y));

    if (op == OP_UMLAL || op == OP_SMLAL) {
        r = tcg_add(s, r, acc64(d, a));
    }
    if (a->s) {
        set_nz64(d, r);
    }
    set_long(d, a, r);
}

void trans_umaal(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;

    if (uses_pc(d, a)) {
        return;
    }
    TCGv r = tcg_mul(s, tcg_extu64(s, arm_reg(d, a->rm)), tcg_extu64(s, arm_reg(d, a->rs)));

    r = tcg_add(s, r, tcg_extu64(s, arm_reg(d, a->rd)));
    set_long(d, a, tcg_add(s, r, tcg_extu64(s, arm_reg(d, a->ra))));
}

/* -- Halves, v5TE --------------------------------------------------------------- */

/* Rd is the low word of sum; Q if that is not all of it. */
static void set_and_q(ArmDis *d, const ArmInsn *a, TCGv sum)
{
    TCGContext *s = d->s;
    TCGv r = tcg_trunc32(s, sum);
    TCGv lost = tcg_trunc32(s, tcg_setcond(s, TCG_COND_NE, sum, tcg_exts64(s, r)));

    tcg_st(s, TCG_st32, tcg_or(s, tcg_ld(s, TCG_ld32, ENV(qf)), lost), ENV(qf));
    arm_set_reg(d, a->rd, r);
}

void trans_mul_half(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;

    if (uses_pc(d, a)) {
        return;
    }
    TCGv r = tcg_mul(s, half(d, arm_reg(d, a->rm), a->x), half(d, arm_reg(d, a->rs), a->y));

    switch (a->row->op) {
    case OP_SMUL:
        arm_set_reg(d, a->rd, r);
        break;
    case OP_SMLA:
        set_and_q(d, a, tcg_add(s, tcg_exts64(s, r), sext64(d, a->ra)));
        break;
    default:
        set_long(d, a, tcg_add(s, acc64(d, a), tcg_exts64(s, r)));
        break;
    }
}

/* 32 x 16 bits, the upper 32 of 48 */
void trans_mul_wide(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;

    if (uses_pc(d, a)) {
        return;
    }
    TCGv r = tcg_sari(s, tcg_mul(s, sext64(d, a->rm), half64(d, arm_reg(d, a->rs), a->y)), 16);

    if (a->row->op == OP_SMULW) {
        arm_set_reg(d, a->rd, tcg_trunc32(s, r));
    } else {
        set_and_q(d, a, tcg_add(s, r, sext64(d, a->ra)));
    }
}

/* -- Two halves at once, v6 ------------------------------------------------------- */

static TCGv dual(ArmDis *d, const ArmInsn *a, bool subtract)
{
    TCGContext *s = d->s;
    TCGv x = arm_reg(d, a->rm), y = arm_reg(d, a->rs);
    TCGv low = tcg_mul(s, half64(d, x, false), half64(d, y, a->x));
    TCGv high = tcg_mul(s, half64(d, x, true), half64(d, y, !a->x));

    return subtract ? tcg_sub(s, low, high) : tcg_add(s, low, high);
}

void trans_mul_dual(ArmDis *d, const ArmInsn *a)
{
    unsigned op = a->row->op;

    if (uses_pc(d, a)) {
        return;
    }
    TCGv r = dual(d, a, op == OP_SMLSD || op == OP_SMUSD);

    if (op == OP_SMLAD || op == OP_SMLSD) {
        r = tcg_add(d->s, r, sext64(d, a->ra));
    }
    set_and_q(d, a, r);
}

void trans_mul_dual_long(ArmDis *d, const ArmInsn *a)
{
    if (!uses_pc(d, a)) {
        set_long(d, a, tcg_add(d->s, acc64(d, a), dual(d, a, a->row->op == OP_SMLSLD)));
    }
}

/* The upper word of a product, or of Ra:0 plus or minus that; x: rounded. */
void trans_mul_top(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;
    unsigned op = a->row->op;

    if (uses_pc(d, a)) {
        return;
    }
    TCGv r = tcg_mul(s, sext64(d, a->rm), sext64(d, a->rs));

    if (op != OP_SMMUL) {
        TCGv acc = tcg_shli(s, tcg_extu64(s, arm_reg(d, a->ra)), 32);

        r = op == OP_SMMLA ? tcg_add(s, acc, r) : tcg_sub(s, acc, r);
    }
    if (a->x) {
        r = tcg_addi(s, r, 0x80000000ll);
    }
    arm_set_reg(d, a->rd, tcg_trunc32(s, tcg_shri(s, r, 32)));
}
