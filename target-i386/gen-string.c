/* SPDX-License-Identifier: MIT */
/*
 * String instructions (SDM vol. 1, 7.3.9).
 *
 * A single element is generated in line.  With a repeat prefix a helper does as
 * many elements as it can at a time; when it was interrupted, the instruction
 * is left with EIP unchanged and ECX, ESI and EDI advanced, exactly as the
 * processor does it.  INS and OUTS always go through a helper.
 */
#include "target-i386/gen.h"
#include "target-i386/helper.h"
#include "target-i386/string-helper.h"
#include "target-i386/translate.h"

static TCGMemOp element(const X86Dis *d)
{
    return d->opcode & 1 ? d->osize : MO_8;
}

static unsigned source_seg(const X86Dis *d)
{
    return d->seg_override >= 0 ? (unsigned)d->seg_override : R_DS;
}

static TCGv load_si(X86Dis *d)
{
    return x86_ld(d, source_seg(d), x86_reg(d, R_ESI, d->asize), element(d));
}

static TCGv load_di(X86Dis *d)
{
    return x86_ld(d, R_ES, x86_reg(d, R_EDI, d->asize), element(d));
}

static void store_di(X86Dis *d, TCGv v)
{
    x86_st(d, R_ES, x86_reg(d, R_EDI, d->asize), v, element(d));
}

static void advance(X86Dis *d, unsigned n)
{
    TCGContext *s = d->s;
    TCGv step = tcg_ld(s, TCG_ld32, ENV(df)), reg = tcg_get(s, (TCGGlobal)(G_EAX + n));

    step = element(d) ? tcg_shli(s, step, element(d)) : step;
    x86_set_reg(d, n, d->asize, tcg_add(s, reg, step));
}

/* -- Repeated ---------------------------------------------------------------- */

static uint32_t info(const X86Dis *d)
{
    return (uint32_t)element(d) | (d->asize == MO_32 ? STR_ADDR32 : 0) |
           source_seg(d) << STR_SEG_SHIFT | (d->rep == 0xf2 ? STR_REPNE : 0) |
           (d->rep ? STR_REP : 0) | (d->hflags & HF_TF ? STR_ONE : 0);
}

static void by_helper(X86Dis *d, const TCGHelper *h)
{
    TCGv done = tcg_call(d->s, h, tcg_const(d->s, info(d)));

    x86_again_if(d, (X86Cond){ TCG_COND_EQ, done, tcg_const(d->s, 0) });
}

/* Comparisons leave flags, unless there was nothing to compare. */
static void compare_by_helper(X86Dis *d, const TCGHelper *h)
{
    by_helper(d, h);
    x86_cc_unknown(d);
}

/* -- Instructions ------------------------------------------------------------ */

void gen_MOVS(X86Dis *d)
{
    if (d->rep) {
        by_helper(d, &h_rep_movs);
        return;
    }
    store_di(d, load_si(d));
    advance(d, R_ESI);
    advance(d, R_EDI);
}

void gen_STOS(X86Dis *d)
{
    if (d->rep) {
        by_helper(d, &h_rep_stos);
        return;
    }
    store_di(d, tcg_get(d->s, G_EAX));
    advance(d, R_EDI);
}

void gen_LODS(X86Dis *d)
{
    if (d->rep) {
        by_helper(d, &h_rep_lods);
        return;
    }
    TCGv v = load_si(d);

    advance(d, R_ESI);
    x86_set_reg(d, R_EAX, element(d), v);
}

static void compare(X86Dis *d, TCGv a, TCGv b)
{
    d->ot = element(d);
    x86_set_cc_cmp(d, a, b);
}

void gen_SCAS(X86Dis *d)
{
    if (d->rep) {
        compare_by_helper(d, &h_rep_scas);
        return;
    }
    compare(d, x86_reg(d, R_EAX, element(d)), load_di(d));
    advance(d, R_EDI);
}

void gen_CMPS(X86Dis *d)
{
    if (d->rep) {
        compare_by_helper(d, &h_rep_cmps);
        return;
    }
    /* The order matters if both fault; processors begin with ES:EDI. */
    TCGv b = load_di(d), a = load_si(d);

    compare(d, a, b);
    advance(d, R_ESI);
    advance(d, R_EDI);
}

void gen_INS(X86Dis *d)
{
    by_helper(d, &h_ins);
}

void gen_OUTS(X86Dis *d)
{
    by_helper(d, &h_outs);
}
