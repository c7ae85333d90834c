/* SPDX-License-Identifier: MIT */
/*
 * Flags in the translator.
 *
 *      cmp r0,r1       arm_set_cc_sub()   records cf = r0, vf = r1, cc_op
 *      blt x           arm_cond()         brcond LT r0, r1
 *
 * A subtraction is recorded by its operands: three stores at most, and a
 * condition behind it is one comparison of them.  Everything else records the
 * flags themselves.  A logical operation changes N and Z only, so C and V of a
 * subtraction may be lazy while N and Z are not.
 *
 *      cc_op        N, Z            C, V
 *      0            nf, zf          cf, vf
 *      CV           nf, zf          of cf - vf
 *      CV | NZ      of cf - vf      of cf - vf
 *
 * Within a block it is mostly known which (ArmCC); at its head it is not, and
 * conditional moves pick the right value.  What the next flags overwrite before
 * anybody can look is dropped by the optimizer.
 */
#include "target-arm/translate.h"

static TCGv konst(ArmDis *d, uint32_t k)
{
    return tcg_const(d->s, k);
}

/* -- The flags as values ----------------------------------------------------- */

static TCGv lazy_a(ArmDis *d)
{
    return d->cc.have_ab ? d->cc.a : tcg_get(d->s, G_CF);
}

static TCGv lazy_b(ArmDis *d)
{
    return d->cc.have_ab ? d->cc.b : tcg_get(d->s, G_VF);
}

static TCGv lazy_result(ArmDis *d)
{
    return tcg_sub(d->s, lazy_a(d), lazy_b(d));
}

/* lazy if the bit of cc_op is set, else plain */
static TCGv choose(ArmDis *d, uint32_t bit, TCGv lazy, TCGv plain)
{
    return tcg_movcond(d->s, TCG_COND_TSTNE, tcg_get(d->s, G_CC), konst(d, bit), lazy, plain);
}

/* g is G_NF or G_ZF. */
static TCGv nz_value(ArmDis *d, TCGGlobal g)
{
    if (d->cc.have_res) {
        return d->cc.res;
    }
    switch (d->cc.nz) {
    case 0:  return tcg_get(d->s, g);
    case 1:  return lazy_result(d);
    default: return choose(d, CC_LAZY_NZ, lazy_result(d), tcg_get(d->s, g));
    }
}

TCGv arm_carry(ArmDis *d)
{
    switch (d->cc.cv) {
    case 0:  return tcg_get(d->s, G_CF);
    case 1:  return tcg_setcond(d->s, TCG_COND_GEU, lazy_a(d), lazy_b(d));
    default: return choose(d, CC_LAZY_CV,
                           tcg_setcond(d->s, TCG_COND_GEU, lazy_a(d), lazy_b(d)),
                           tcg_get(d->s, G_CF));
    }
}

/* Bit 31: (a ^ b) & (a ^ (a - b)) */
static TCGv lazy_overflow(ArmDis *d)
{
    TCGContext *s = d->s;
    TCGv a = lazy_a(d);

    return tcg_and(s, tcg_xor(s, a, lazy_b(d)), tcg_xor(s, a, lazy_result(d)));
}

static TCGv overflow(ArmDis *d)
{
    switch (d->cc.cv) {
    case 0:  return tcg_get(d->s, G_VF);
    case 1:  return lazy_overflow(d);
    default: return choose(d, CC_LAZY_CV, lazy_overflow(d), tcg_get(d->s, G_VF));
    }
}

/* -- Conditions -------------------------------------------------------------- */

static ArmCond against_zero(ArmDis *d, TCGCond c, TCGv v)
{
    return (ArmCond){ c, v, konst(d, 0) };
}

/* All four flags are of a - b. */
static bool all_lazy(const ArmDis *d)
{
    return d->cc.cv == 1 && d->cc.nz == 1;
}

static ArmCond of_lazy(ArmDis *d, TCGCond c)
{
    return (ArmCond){ c, lazy_a(d), lazy_b(d) };
}

/* C && !Z */
static ArmCond higher(ArmDis *d)
{
    TCGv mask = tcg_neg(d->s, arm_carry(d));

    return against_zero(d, TCG_COND_NE, tcg_and(d->s, mask, nz_value(d, G_ZF)));
}

/* N ^ V in bit 31 */
static TCGv less(ArmDis *d)
{
    return tcg_xor(d->s, nz_value(d, G_NF), overflow(d));
}

/* !Z && N == V */
static ArmCond greater(ArmDis *d)
{
    TCGv mask = tcg_sari(d->s, less(d), 31);

    return against_zero(d, TCG_COND_NE, tcg_andc(d->s, nz_value(d, G_ZF), mask));
}

static ArmCond even_cond(ArmDis *d, unsigned cond)
{
    static const uint8_t of_sub[] = {
        [0] = TCG_COND_EQ, [1] = TCG_COND_GEU, [4] = TCG_COND_GTU, [5] = TCG_COND_GE,
        [6] = TCG_COND_GT,
    };
    unsigned which = cond >> 1;

    if (all_lazy(d) && which != 2 && which != 3) {
        return of_lazy(d, (TCGCond)of_sub[which]);
    }
    switch (which) {
    case 0:  return against_zero(d, TCG_COND_EQ, nz_value(d, G_ZF));
    case 1:  return d->cc.cv == 1 ? of_lazy(d, TCG_COND_GEU)
                                  : against_zero(d, TCG_COND_NE, arm_carry(d));
    case 2:  return against_zero(d, TCG_COND_LT, nz_value(d, G_NF));
    case 3:  return against_zero(d, TCG_COND_LT, overflow(d));
    case 4:  return higher(d);
    case 5:  return against_zero(d, TCG_COND_GE, less(d));
    default: return greater(d);
    }
}

/* ARMv7 ARM A8.3: the odd ones are the opposite. */
ArmCond arm_cond(ArmDis *d, unsigned cond)
{
    ArmCond c = even_cond(d, cond);

    if (cond & 1) {
        c.c = tcg_invert(c.c);
    }
    return c;
}

/* -- Recording --------------------------------------------------------------- */

static void set_kind(ArmDis *d, int cv, int nz)
{
    ArmCC *cc = &d->cc;

    if (cv < 0) {                       /* N and Z are plain now */
        tcg_set(d->s, G_CC, tcg_andi(d->s, tcg_get(d->s, G_CC), CC_LAZY_CV));
    } else if (cc->cv != cv || cc->nz != nz) {
        tcg_set(d->s, G_CC, konst(d, (cv ? CC_LAZY_CV : 0u) | (nz ? CC_LAZY_NZ : 0u)));
    }
    cc->cv = (int8_t)cv;
    cc->nz = (int8_t)nz;
    d->flags_set = true;
}

void arm_set_nz(ArmDis *d, TCGv result)
{
    if (d->cc.nz != 0) {
        set_kind(d, d->cc.cv, 0);
    }
    d->flags_set = true;
    tcg_set(d->s, G_NF, result);
    tcg_set(d->s, G_ZF, result);
    d->cc.have_res = true;
    d->cc.res = result;
}

/* Comes behind arm_set_nz(). */
void arm_set_carry(ArmDis *d, TCGv c)
{
    if (d->cc.cv != 0) {
        tcg_set(d->s, G_VF, overflow(d));
        set_kind(d, 0, 0);
    }
    tcg_set(d->s, G_CF, c);
    d->cc.have_ab = false;
}

static TCGv keep_unless(ArmDis *d, TCGv v, TCGv old)
{
    return d->predicated ? tcg_movcond(d->s, d->pred.c, d->pred.a, d->pred.b, v, old) : v;
}

/* Predicated only if all_lazy(). */
void arm_set_cc_sub(ArmDis *d, TCGv a, TCGv b, TCGv result)
{
    ArmCC *cc = &d->cc;

    a = keep_unless(d, a, lazy_a(d));
    b = keep_unless(d, b, lazy_b(d));
    set_kind(d, 1, 1);
    tcg_set(d->s, G_CF, a);
    tcg_set(d->s, G_VF, b);
    cc->have_ab = true;
    cc->a = a;
    cc->b = b;
    cc->have_res = !d->predicated;
    cc->res = result;
}

static void set_cc_plain(ArmDis *d, TCGv result, TCGv carry, TCGv v)
{
    set_kind(d, 0, 0);
    tcg_set(d->s, G_NF, result);
    tcg_set(d->s, G_ZF, result);
    tcg_set(d->s, G_CF, carry);
    tcg_set(d->s, G_VF, v);
    d->cc.have_ab = false;
    d->cc.have_res = true;
    d->cc.res = result;
}

/* a + b: the operands have the same sign, the result another one */
static TCGv sum_overflow(ArmDis *d, TCGv a, TCGv b, TCGv result)
{
    return tcg_andc(d->s, tcg_xor(d->s, a, result), tcg_xor(d->s, a, b));
}

void arm_set_cc_add(ArmDis *d, TCGv a, TCGv b, TCGv result)
{
    set_cc_plain(d, result, tcg_setcond(d->s, TCG_COND_LTU, result, a),
                 sum_overflow(d, a, b, result));
}

void arm_set_cc_adc(ArmDis *d, TCGv a, TCGv b, TCGv result, TCGv carry_out)
{
    set_cc_plain(d, result, carry_out, sum_overflow(d, a, b, result));
}

void arm_set_cc_nzcv(ArmDis *d, TCGv nzcv)
{
    TCGContext *s = d->s;

    set_kind(d, 0, 0);
    tcg_set(s, G_NF, nzcv);
    tcg_set(s, G_ZF, tcg_andi(s, tcg_not(s, nzcv), CPSR_Z));
    tcg_set(s, G_CF, tcg_extract(s, nzcv, 29, 1));
    tcg_set(s, G_VF, tcg_shli(s, nzcv, 3));
    d->cc.have_ab = d->cc.have_res = false;
}

void arm_cc_plain(ArmDis *d)
{
    d->cc = (ArmCC){ .cv = 0, .nz = 0 };
    d->flags_set = true;
}
