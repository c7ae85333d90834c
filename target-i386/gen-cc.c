/* SPDX-License-Identifier: MIT */
/*
 * Lazy flags in the translator.
 *
 *      cmp eax,edx      x86_set_cc_cmp()   records cc_op, cc_dst, cc_src
 *      jl x             x86_cond()         brcond LT eax, edx
 *
 * Within a block the operation that set the flags is known, and for a
 * subtraction its operands too, so a condition becomes one comparison of those
 * and the recorded fields are dead unless the block ends or faults before the
 * next flags.  Where the operation is not known, at the head of a block, a pure
 * helper tests the fields or makes EFLAGS of them; INC and DEC do not need even
 * that, as they can be recorded on top of whatever there is.
 *
 * A recorded field is overwritten with 0 when the next operation has no use for
 * it: that costs no more than keeping it and lets the optimizer forget how it
 * was computed.
 */
#include "target-i386/translate.h"

#include "target-i386/helper.h"

static const uint32_t width_mask[] = { 0xff, 0xffff, 0xffffffff };

static bool is_op(const X86Dis *d, CCOp base)
{
    return cc_base(d->cc.op & CC_OP_MASK) == base;
}

/* cc_dst is not the result yet. */
static bool not_computed(const X86Dis *d)
{
    return is_op(d, CC_OP_CMPB) || is_op(d, CC_OP_IMULB);
}

static TCGv src(X86Dis *d)
{
    return tcg_get(d->s, G_CC_SRC);
}

/* The result the flags other than CF come from. */
static TCGv dst(X86Dis *d)
{
    TCGv v = tcg_get(d->s, d->cc.inc ? G_CC_INC : G_CC_DST);

    if (d->cc.inc || !not_computed(d)) {
        return v;
    }
    return is_op(d, CC_OP_CMPB) ? tcg_sub(d->s, v, src(d)) : tcg_mul(d->s, v, src(d));
}

static uint32_t sign_bit(unsigned size)
{
    return 1u << ((8u << size) - 1);
}

static TCGv konst(X86Dis *d, uint32_t k)
{
    return tcg_const(d->s, k);
}

/* -- Recording --------------------------------------------------------------- */

static X86NewCC *record(X86Dis *d, unsigned op)
{
    d->new_cc = (X86NewCC){ .pending = true, .op = op };
    return &d->new_cc;
}

static unsigned sized(const X86Dis *d, CCOp base)
{
    return base + d->ot;
}

void x86_set_cc(X86Dis *d, CCOp base, TCGv dst)
{
    X86NewCC *n = record(d, sized(d, base));

    n->have_dst = true;
    n->dst = dst;
}

void x86_set_cc_src(X86Dis *d, CCOp base, TCGv dst, TCGv src)
{
    x86_set_cc(d, base, dst);
    d->new_cc.have_src = true;
    d->new_cc.src = src;
}

void x86_set_cc_sub(X86Dis *d, TCGv dst, TCGv a, TCGv b)
{
    x86_set_cc_src(d, CC_OP_SUBB, dst, b);
    d->new_cc.have_ab = true;
    d->new_cc.a = a;
    d->new_cc.b = b;
}

void x86_set_cc_cmp(X86Dis *d, TCGv a, TCGv b)
{
    x86_set_cc_sub(d, a, a, b);
    d->new_cc.op = sized(d, CC_OP_CMPB);
}

void x86_set_cc_shift(X86Dis *d, CCOp base, TCGv dst, TCGv x, unsigned count)
{
    x86_set_cc_src(d, base, dst, x);
    d->new_cc.op |= (count - 1) << CC_COUNT_SHIFT;
}

void x86_set_cc_carry(X86Dis *d, CCOp base, TCGv dst, TCGv src, TCGv src2, TCGv carry)
{
    x86_set_cc_src(d, base, dst, src);
    d->new_cc.have_src2 = true;
    d->new_cc.src2 = src2;
    d->new_cc.have_carry = true;
    d->new_cc.carry = carry;
}

void x86_set_cc_eflags(X86Dis *d, TCGv flags)
{
    X86NewCC *n = record(d, CC_OP_EFLAGS);

    n->have_src = true;
    n->src = flags;
}

void x86_set_cc_bt(X86Dis *d, TCGv carry)
{
    unsigned op = d->cc.op & (CC_OP_MASK | CC_OP_DYNAMIC);
    X86NewCC *n;

    if (op == CC_OP_EFLAGS || op == CC_OP_DYNAMIC) {
        TCGv rest = tcg_andi(d->s, x86_eflags_cc(d), ~(uint32_t)CC_C);

        x86_set_cc_eflags(d, tcg_or(d->s, rest, carry));
        n = &d->new_cc;
    } else {
        n = record(d, CC_OP_BTB + cc_size(op));
        n->have_dst = not_computed(d);
        if (n->have_dst) {
            n->dst = dst(d);
        }
        n->have_src = true;
        n->src = carry;
    }
    n->have_carry = true;
    n->carry = carry;
}

/* Knowing what is below, CF is cheap; if not, it need not be known. */
void x86_set_cc_inc(X86Dis *d, CCOp base, TCGv result)
{
    X86NewCC *n = &d->new_cc;
    unsigned kind = (base == CC_OP_INCB ? CC_INC_INC : CC_INC_DEC) + d->ot;

    if (d->cc.op != CC_OP_DYNAMIC) {
        x86_carry(d);
        x86_set_cc_src(d, base, result, d->cc.carry);
    } else {
        record(d, CC_OP_DYNAMIC);
        n->have_inc = true;
        n->inc = result;
        n->inc_kind = (uint8_t)kind;
        n->op_val = tcg_get(d->s, G_CC_OP);
        if (d->cc.inc != kind) {
            n->op_val = tcg_andi(d->s, n->op_val, ~(uint32_t)CC_INC_MASK);
            n->op_val = tcg_ori(d->s, n->op_val, kind << CC_INC_SHIFT);
        }
    }
    n->have_carry = d->cc.have_carry;
    n->carry = d->cc.carry;
}

static bool uses_src2(unsigned op);

void x86_set_cc_rotate(X86Dis *d, unsigned rot, TCGv src2, TCGv carry)
{
    unsigned op = d->cc.op;
    X86NewCC *n;

    if (op == CC_OP_DYNAMIC || uses_src2(op & CC_OP_MASK)) {
        n = record(d, rot << CC_ROT_SHIFT | CC_OP_EFLAGS);
        n->have_src = true;
        n->src = x86_eflags_cc(d);
    } else {
        n = record(d, rot << CC_ROT_SHIFT | (op & CC_OP_MASK));
    }
    n->have_src2 = true;
    n->src2 = src2;
    n->have_carry = true;
    n->carry = carry;
}

static TCGv choose(X86Dis *d, X86Cond c, TCGv yes, TCGGlobal old)
{
    return tcg_movcond(d->s, c.c, c.a, c.b, yes, tcg_get(d->s, old));
}

void x86_cc_if(X86Dis *d, X86Cond c)
{
    X86NewCC *n = &d->new_cc;

    if (n->have_dst) {
        n->dst = choose(d, c, n->dst, G_CC_DST);
    }
    if (n->have_src) {
        n->src = choose(d, c, n->src, G_CC_SRC);
    }
    if (n->have_src2) {
        n->src2 = choose(d, c, n->src2, G_CC_SRC2);
    }
    n->have_ab = n->have_carry = false;
    if (n->op != d->cc.op) {
        n->op_val = choose(d, c, konst(d, n->op), G_CC_OP);
        n->op = CC_OP_DYNAMIC;
    }
}

void x86_cc_unknown(X86Dis *d)
{
    d->new_cc.pending = false;
    d->cc = (X86CC){ .op = CC_OP_DYNAMIC };
}

void x86_cc_is_eflags(X86Dis *d)
{
    d->new_cc.pending = false;
    d->cc = (X86CC){ .op = CC_OP_EFLAGS };
}

static bool uses_src(unsigned op)
{
    unsigned base = op & CC_OP_MASK;

    return op == CC_OP_DYNAMIC || base == CC_OP_EFLAGS || cc_base(base) != CC_OP_LOGICB;
}

static bool uses_src2(unsigned op)
{
    unsigned base = op & CC_OP_MASK;

    return op == CC_OP_DYNAMIC || (op & CC_ROT_MASK) ||
           (base != CC_OP_EFLAGS && (cc_base(base) == CC_OP_ADCB || cc_base(base) == CC_OP_SBBB));
}

/* One field: its new value, or 0 if what was set here is not needed any more. */
static void commit_field(X86Dis *d, TCGGlobal g, bool have, TCGv v, bool *was_set, bool needed)
{
    if (have || (*was_set && !needed)) {
        tcg_set(d->s, g, have ? v : konst(d, 0));
        *was_set = have;
    }
}

void x86_cc_commit(X86Dis *d)
{
    X86NewCC *n = &d->new_cc;
    X86CC *cc = &d->cc;

    if (!n->pending) {
        return;
    }
    n->pending = false;
    if (n->have_dst) {
        tcg_set(d->s, G_CC_DST, n->dst);
    }
    commit_field(d, G_CC_SRC, n->have_src, n->src, &cc->src_set, uses_src(n->op));
    commit_field(d, G_CC_SRC2, n->have_src2, n->src2, &cc->src2_set, uses_src2(n->op));
    commit_field(d, G_CC_INC, n->have_inc, n->inc, &cc->inc_set, n->op == CC_OP_DYNAMIC);
    if (n->op == CC_OP_DYNAMIC) {
        if (!n->inc_kind || n->inc_kind != cc->inc) {
            tcg_set(d->s, G_CC_OP, n->op_val);
        }
    } else if (n->op != cc->op) {
        tcg_set(d->s, G_CC_OP, konst(d, n->op));
    }
    cc->op = n->op;
    cc->inc = n->inc_kind;
    cc->have_ab = n->have_ab;
    cc->a = n->a;
    cc->b = n->b;
    cc->have_carry = n->have_carry;
    cc->carry = n->carry;
}

/* -- Reading: pieces --------------------------------------------------------- */

static TCGv op_value(X86Dis *d)
{
    return d->cc.op == CC_OP_DYNAMIC ? tcg_get(d->s, G_CC_OP) : konst(d, d->cc.op);
}

TCGv x86_eflags_cc(X86Dis *d)
{
    TCGContext *s = d->s;

    if (d->cc.op == CC_OP_EFLAGS) {
        return tcg_get(s, G_CC_SRC);
    }
    return tcg_call(s, &h_cc_all, op_value(d), tcg_get(s, G_CC_DST), tcg_get(s, G_CC_SRC),
                    tcg_get(s, G_CC_SRC2),
                    d->cc.op == CC_OP_DYNAMIC ? tcg_get(s, G_CC_INC) : konst(d, 0));
}

static TCGv call_carry(X86Dis *d)
{
    TCGContext *s = d->s;

    return tcg_call(s, &h_cc_carry, op_value(d), tcg_get(s, G_CC_DST), tcg_get(s, G_CC_SRC),
                    tcg_get(s, G_CC_SRC2));
}

static X86Cond cond(TCGCond c, TCGv a, TCGv b)
{
    return (X86Cond){ c, a, b };
}

static X86Cond call_test(X86Dis *d, unsigned which)
{
    TCGContext *s = d->s;
    TCGv v = tcg_call(s, &h_cc_test, op_value(d), tcg_get(s, G_CC_DST), tcg_get(s, G_CC_SRC),
                      tcg_get(s, G_CC_SRC2), tcg_get(s, G_CC_INC), konst(d, which));

    return cond(TCG_COND_NE, v, konst(d, 0));
}

static X86Cond never(X86Dis *d)
{
    return cond(TCG_COND_NE, konst(d, 0), konst(d, 0));
}

static X86Cond bit_set(X86Dis *d, TCGv v, uint32_t mask)
{
    return cond(TCG_COND_TSTNE, v, konst(d, mask));
}

static X86Cond is_zero(X86Dis *d, TCGv v, unsigned size)
{
    return size == MO_32 ? cond(TCG_COND_EQ, v, konst(d, 0))
                         : cond(TCG_COND_TSTEQ, v, konst(d, width_mask[size]));
}

static X86Cond is_negative(X86Dis *d, TCGv v, unsigned size)
{
    return size == MO_32 ? cond(TCG_COND_LT, v, konst(d, 0))
                         : bit_set(d, v, sign_bit(size));
}

static TCGv value_of(X86Dis *d, X86Cond c)
{
    return tcg_setcond(d->s, c.c, c.a, c.b);
}

static X86Cond either(X86Dis *d, X86Cond x, X86Cond y)
{
    TCGv v = tcg_or(d->s, value_of(d, x), value_of(d, y));

    return cond(TCG_COND_NE, v, konst(d, 0));
}

/* The first operand of the operation recorded; upper bits undefined. */
static TCGv first_operand(X86Dis *d, unsigned base)
{
    TCGContext *s = d->s;

    switch (base) {
    case CC_OP_ADDB:
        return tcg_sub(s, dst(d), src(d));
    case CC_OP_ADCB:
        return tcg_sub(s, tcg_sub(s, dst(d), src(d)), tcg_get(s, G_CC_SRC2));
    case CC_OP_SUBB:
        if (d->cc.have_ab) {
            return d->cc.a;
        }
        return is_op(d, CC_OP_CMPB) ? tcg_get(s, G_CC_DST) : tcg_add(s, dst(d), src(d));
    case CC_OP_SBBB:
        return tcg_add(s, tcg_add(s, dst(d), src(d)), tcg_get(s, G_CC_SRC2));
    case CC_OP_INCB:
        return tcg_addi(s, dst(d), -1);
    default:                            /* DEC */
        return tcg_addi(s, dst(d), 1);
    }
}

/* A value whose sign bit is OF, for the operations where OF is made so. */
static TCGv overflow_sign(X86Dis *d, unsigned base)
{
    TCGContext *s = d->s;
    TCGv a, b = src(d), r = dst(d);

    switch (base) {
    case CC_OP_SHLB: return tcg_xor(s, tcg_shli(s, b, cc_count(d->cc.op)), r);
    case CC_OP_SHRB: return tcg_xor(s, tcg_shri(s, b, cc_count(d->cc.op)), r);
    case CC_OP_SARB: return tcg_xor(s, tcg_sari(s, b, cc_count(d->cc.op)), r);
    }
    a = first_operand(d, base);
    if (base == CC_OP_SUBB || base == CC_OP_SBBB) {
        return tcg_and(s, tcg_xor(s, a, b), tcg_xor(s, a, r));
    }
    return tcg_and(s, tcg_xor(s, a, r), tcg_xor(s, b, r));
}

/* -- Conditions from EFLAGS -------------------------------------------------- */

/* SDM vol. 1, appendix B, table B-1; the odd codes are the even ones negated. */
static X86Cond eflags_cond(X86Dis *d, TCGv f, unsigned which)
{
    static const uint16_t mask[] = { CC_O, CC_C, CC_Z, CC_C | CC_Z, CC_S, CC_P };
    TCGContext *s = d->s;

    if (which < 6) {
        return bit_set(d, f, mask[which]);
    }
    /* OF is bit 11, SF bit 7 */
    TCGv less = tcg_xor(s, tcg_shri(s, f, 4), f);

    if (which == 6) {
        return bit_set(d, less, CC_S);
    }
    less = tcg_andi(s, less, CC_S);
    return cond(TCG_COND_NE, tcg_or(s, less, tcg_andi(s, f, CC_Z)), konst(d, 0));
}

/* -- Conditions from a known operation --------------------------------------- */

static X86Cond cond_sub(X86Dis *d, TCGCond c, unsigned size, bool is_signed)
{
    TCGv a = d->cc.have_ab ? d->cc.a : first_operand(d, CC_OP_SUBB);
    TCGv b = d->cc.have_ab ? d->cc.b : src(d);

    if (is_signed) {
        return cond(c, x86_sext(d, a, (TCGMemOp)size), x86_sext(d, b, (TCGMemOp)size));
    }
    if (!d->cc.have_ab) {
        a = x86_zext(d, a, (TCGMemOp)size);
        b = x86_zext(d, b, (TCGMemOp)size);
    }
    return cond(c, a, b);
}

static X86Cond cond_zero(X86Dis *d, unsigned base, unsigned size)
{
    if (base == CC_OP_SUBB && d->cc.have_ab) {
        return cond(TCG_COND_EQ, d->cc.a, d->cc.b);
    }
    return is_zero(d, dst(d), size);
}

/* CF and OF of IMUL. */
static X86Cond too_wide(X86Dis *d, unsigned size)
{
    TCGContext *s = d->s;
    TCGv low = dst(d);

    if (size == MO_32) {
        return cond(TCG_COND_NE, tcg_mulsh(s, tcg_get(s, G_CC_DST), src(d)), tcg_sari(s, low, 31));
    }
    return cond(TCG_COND_NE, x86_sext(d, low, (TCGMemOp)size), low);
}

/* A rotate left CF in cc_src2. */
static X86Cond rotated_carry(X86Dis *d, unsigned rot)
{
    TCGv v = tcg_get(d->s, G_CC_SRC2);

    return bit_set(d, v, rot == CC_ROT_BITS || rot < CC_ROT_RIGHT ? 1
                                                                  : sign_bit(rot - CC_ROT_RIGHT));
}

static X86Cond cond_carry(X86Dis *d)
{
    unsigned op = d->cc.op, rot = (op & CC_ROT_MASK) >> CC_ROT_SHIFT, size;

    if (d->cc.have_carry) {
        return cond(TCG_COND_NE, d->cc.carry, konst(d, 0));
    }
    if (op == CC_OP_DYNAMIC) {
        return cond(TCG_COND_NE, call_carry(d), konst(d, 0));
    }
    if (rot) {
        return rotated_carry(d, rot);
    }
    if (op == CC_OP_EFLAGS) {
        return bit_set(d, src(d), CC_C);
    }
    size = cc_size(op & CC_OP_MASK);
    switch (cc_base(op & CC_OP_MASK)) {
    case CC_OP_IMULB:
        return too_wide(d, size);
    case CC_OP_SUBB: case CC_OP_CMPB:
        return cond_sub(d, TCG_COND_LTU, size, false);
    case CC_OP_ADDB:
        return cond(TCG_COND_LTU, x86_zext(d, dst(d), (TCGMemOp)size),
                    x86_zext(d, src(d), (TCGMemOp)size));
    case CC_OP_LOGICB:
        return never(d);
    case CC_OP_SHLB:
        return bit_set(d, src(d), sign_bit(size) >> cc_count(op));
    case CC_OP_SHRB: case CC_OP_SARB: case CC_OP_BTB:
        return bit_set(d, src(d), 1u << cc_count(op));
    case CC_OP_INCB: case CC_OP_DECB: case CC_OP_MULB:
        return cond(TCG_COND_NE, src(d), konst(d, 0));
    default:                            /* ADC, SBB */
        return cond(TCG_COND_NE, call_carry(d), konst(d, 0));
    }
}

static X86Cond cond_overflow(X86Dis *d, unsigned base, unsigned size)
{
    TCGContext *s = d->s;
    uint32_t sign = sign_bit(size);

    switch (base) {
    case CC_OP_LOGICB: case CC_OP_BTB:
        return never(d);
    case CC_OP_MULB:
        return cond(TCG_COND_NE, src(d), konst(d, 0));
    case CC_OP_IMULB:
        return too_wide(d, size);
    case CC_OP_INCB:
        return is_zero(d, tcg_xori(s, dst(d), sign), size);
    case CC_OP_DECB:
        return is_zero(d, tcg_xori(s, dst(d), sign - 1), size);
    default:
        return is_negative(d, overflow_sign(d, base), size);
    }
}

/* SF != OF */
static X86Cond cond_less(X86Dis *d, unsigned base, unsigned size)
{
    TCGContext *s = d->s;

    switch (base) {
    case CC_OP_SUBB:
        return cond_sub(d, TCG_COND_LT, size, true);
    case CC_OP_LOGICB: case CC_OP_BTB:
        return is_negative(d, dst(d), size);
    case CC_OP_INCB:                    /* a + 1 < 0 in wide arithmetic */
    case CC_OP_DECB: {
        TCGv a = x86_sext(d, first_operand(d, base), (TCGMemOp)size);

        return cond(base == CC_OP_INCB ? TCG_COND_LT : TCG_COND_LE, a,
                    konst(d, base == CC_OP_INCB ? 0xffffffff : 0));
    }
    case CC_OP_MULB: case CC_OP_IMULB: {
        TCGv sign = x86_sext(d, dst(d), (TCGMemOp)size);
        TCGv sf = tcg_shri(s, sign, 31);

        return cond(TCG_COND_NE, sf, value_of(d, cond_overflow(d, base, size)));
    }
    default:
        return is_negative(d, tcg_xor(s, overflow_sign(d, base), dst(d)), size);
    }
}

static X86Cond cond_less_or_zero(X86Dis *d, unsigned base, unsigned size)
{
    if (base == CC_OP_SUBB) {
        return cond_sub(d, TCG_COND_LE, size, true);
    }
    if (base == CC_OP_LOGICB || base == CC_OP_BTB) {
        return cond(TCG_COND_LE, x86_sext(d, dst(d), (TCGMemOp)size), konst(d, 0));
    }
    return either(d, cond_less(d, base, size), cond_zero(d, base, size));
}

static X86Cond cond_carry_or_zero(X86Dis *d, unsigned base, unsigned size)
{
    if (base == CC_OP_SUBB) {
        return cond_sub(d, TCG_COND_LEU, size, false);
    }
    if (base == CC_OP_LOGICB) {
        return cond_zero(d, base, size);
    }
    return either(d, cond_carry(d), cond_zero(d, base, size));
}

/* PF: even parity of the low byte.  0x6996 holds the parity of each nibble. */
static X86Cond cond_parity(X86Dis *d)
{
    TCGContext *s = d->s;
    TCGv v = tcg_xor(s, dst(d), tcg_shri(s, dst(d), 4));

    v = tcg_shr(s, konst(d, 0x6996), tcg_andi(s, v, 15));
    return cond(TCG_COND_TSTEQ, v, konst(d, 1));
}

static X86Cond known_cond(X86Dis *d, unsigned op, unsigned which)
{
    unsigned base = cc_base(op), size = cc_size(op);

    if (base == CC_OP_CMPB) {
        base = CC_OP_SUBB;
    }
    switch (which) {
    case 0: return cond_overflow(d, base, size);
    case 2: return cond_zero(d, base, size);
    case 3: return cond_carry_or_zero(d, base, size);
    case 4: return is_negative(d, dst(d), size);
    case 5: return cond_parity(d);
    case 6: return cond_less(d, base, size);
    default: return cond_less_or_zero(d, base, size);
    }
}

/* ZF, SF and PF are none of a rotate's business: those of what is below. */
static bool below_rotate(unsigned op, unsigned which)
{
    return (op & CC_OP_MASK) != CC_OP_EFLAGS && (which == 2 || which == 4 || which == 5);
}

X86Cond x86_cond(X86Dis *d, unsigned cc)
{
    unsigned which = cc >> 1, op = d->cc.op;
    X86Cond c;

    if (which == 1) {
        c = cond_carry(d);
    } else if (d->cc.inc) {
        c = known_cond(d, cc_inc_op(d->cc.inc), which);
    } else if (op == CC_OP_DYNAMIC) {
        c = call_test(d, which);
    } else if (op == CC_OP_EFLAGS || ((op & CC_ROT_MASK) && !below_rotate(op, which))) {
        c = eflags_cond(d, x86_eflags_cc(d), which);
    } else {
        c = known_cond(d, op & CC_OP_MASK, which);
    }
    if (cc & 1) {
        c.c = tcg_invert(c.c);
    }
    return c;
}

TCGv x86_carry(X86Dis *d)
{
    X86CC *cc = &d->cc;

    if (!cc->have_carry) {
        cc->carry = cc->op == CC_OP_DYNAMIC ? call_carry(d) : value_of(d, cond_carry(d));
        cc->have_carry = true;
    }
    return cc->carry;
}
