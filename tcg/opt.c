/* SPDX-License-Identifier: MIT */
/*
 * The optimizer.
 *
 * Forwards, each operation is looked at once, with its operands already in
 * their simplest form:
 *
 *   copies       an operation that turns out to be one of its operands is
 *                dropped and its users are given that
 *   constants    folded with eval.c, which is made from tcg-ops.def
 *   bits         for each value the bits that may be one, and how many bits it
 *                is the sign extension of: so redundant extensions vanish
 *   rules        one function per operation, in the table rules[]
 *
 * Backwards, what nobody uses is dropped: values, and a set() that another
 * overwrites with nothing between that could see it.  A value whose only user
 * is a comparison with zero melts into that there, where it is known that
 * nobody else wants it.
 *
 * Requirements for a rule:
 *   1. An operand of an operand (origin()) may be used instead of the operand,
 *      but not past a set() that would force the old value to be kept: only
 *      where an operation is saved for certain.
 *   2. It never makes a list longer.
 *   3. Operations with SIDE are kept, whatever their result is worth.
 */
#include "tcg/opt.h"

#include <assert.h>
#include <string.h>

#include "tcg/backend.h"
#include "tcg/eval.h"

typedef struct Pass {
    TCGContext *s;
    TCGOpt *o;
    TCGOp *op;                          /* being looked at */
    bool is64;                          /* its type */
    bool unreachable;                   /* is what follows it */
} Pass;

typedef void Rule(Pass *p);

/* -- What is known about values ---------------------------------------------- */

static TCGOptTemp *in(const Pass *p, unsigned i)
{
    return &p->o->t[p->op->in[i].temp];
}

static bool is_k(const Pass *p, unsigned i, uint64_t k)
{
    return in(p, i)->is_const && in(p, i)->k == k;
}

static uint64_t type_mask(const Pass *p)
{
    return p->is64 ? ~0ull : 0xffffffffu;
}

static unsigned type_bits(const Pass *p)
{
    return p->is64 ? 64 : 32;
}

/* The operation that made operand i. */
static const TCGOp *origin(const Pass *p, unsigned i)
{
    return &p->s->ops[in(p, i)->def];
}

static uint64_t ones(unsigned len)
{
    return len >= 64 ? ~0ull : (1ull << len) - 1;
}

/* All bits at and below the highest. */
static uint64_t smear(uint64_t m)
{
    return m ? ~0ull >> __builtin_clzll(m) : 0;
}

/* -- What a rule may do ------------------------------------------------------ */

static bool same_type(const TCGContext *s, unsigned t, unsigned u)
{
    return s->temp_type[t] == s->temp_type[u];
}

static void to_copy(Pass *p, unsigned temp)
{
    if (!same_type(p->s, temp, p->op->d.temp)) {    /* skip_extensions() */
        p->op->opc = TCG_extu_i32_i64;
        p->op->in[0].temp = (uint16_t)temp;
        return;
    }
    p->o->t[p->op->d.temp].copy_of = (uint16_t)temp;
    p->op->opc = TCG_nop;
}

static void know_const(TCGOpt *o, unsigned temp, uint64_t k)
{
    o->t[temp] = (TCGOptTemp){
        .ones = k, .k = k, .copy_of = (uint16_t)temp, .signed_bits = 64, .is_const = true,
    };
}

/* k fits the type. */
static void result_is_const(Pass *p, uint64_t k)
{
    unsigned d = p->op->d.temp;

    p->s->temp_is_const[d] = true;
    p->s->temp_k[d] = k;
    know_const(p->o, d, k);
    p->op->opc = TCG_nop;
}

static void to_const(Pass *p, uint64_t k)
{
    result_is_const(p, k & type_mask(p));
}

static void to_unary(Pass *p, unsigned opc_i32, unsigned temp)
{
    if (!same_type(p->s, temp, p->op->d.temp)) {
        return;
    }
    p->op->opc = (uint16_t)(opc_i32 + p->is64);
    p->op->in[0].temp = (uint16_t)temp;
}

static bool room_for_const(const Pass *p)
{
    return p->s->num_temps < TCG_MAX_TEMPS;
}

static TCGv const_temp(Pass *p, bool is64, uint64_t k)
{
    TCGv v = is64 ? tcg_const64(p->s, k) : tcg_const(p->s, (uint32_t)k);

    know_const(p->o, v.temp, p->s->temp_k[v.temp]);
    return v;
}

/* opc with operand 1 replaced by a constant; false if there is no room. */
static bool to_binary_const(Pass *p, unsigned opc_i32, uint64_t k)
{
    if (!room_for_const(p)) {
        return false;
    }
    p->op->in[1] = const_temp(p, p->is64, k & type_mask(p));
    p->op->opc = (uint16_t)(opc_i32 + p->is64);
    return true;
}

/*
 * Look through operations that leave the low len bits of operand i as they
 * were in their own operand.
 */
static void strip(Pass *p, unsigned i, unsigned len)
{
    for (;;) {
        const TCGOp *o = origin(p, i);
        unsigned keeps, from = 0;

        if (in(p, i)->is_const) {
            return;
        }
        switch (o->opc) {
        case TCG_ext8u_i32: case TCG_ext8u_i64:
        case TCG_ext8s_i32: case TCG_ext8s_i64:
            keeps = 8;
            break;
        case TCG_ext16u_i32: case TCG_ext16u_i64:
        case TCG_ext16s_i32: case TCG_ext16s_i64:
            keeps = 16;
            break;
        case TCG_and_i32: case TCG_and_i64: {
            const TCGOptTemp *k = &p->o->t[o->in[1].temp];

            keeps = k->is_const && ~k->k ? (unsigned)__builtin_ctzll(~k->k) : 0;
            break;
        }
        case TCG_deposit_i32: case TCG_deposit_i64:
            if (o->k[0] == 0) {
                keeps = (unsigned)o->k[1];
                from = 1;
            } else {
                keeps = (unsigned)o->k[0];
            }
            break;
        default:
            return;
        }
        if (keeps < len) {
            return;
        }
        p->op->in[i] = o->in[from];
    }
}

/* -- Rules: arithmetic ------------------------------------------------------- */

static void rule_add(Pass *p)
{
    if (is_k(p, 1, 0)) {
        to_copy(p, p->op->in[0].temp);
    }
}

static void rule_sub(Pass *p)
{
    if (is_k(p, 1, 0)) {
        to_copy(p, p->op->in[0].temp);
    } else if (p->op->in[0].temp == p->op->in[1].temp) {
        to_const(p, 0);
    } else if (is_k(p, 0, 0)) {
        to_unary(p, TCG_neg_i32, p->op->in[1].temp);
    } else if (in(p, 1)->is_const) {
        to_binary_const(p, TCG_add_i32, -in(p, 1)->k);
    }
}

static void rule_mul(Pass *p)
{
    uint64_t k = in(p, 1)->k;

    if (!in(p, 1)->is_const) {
        return;
    }
    if (k == 0) {
        to_const(p, 0);
    } else if (k == 1) {
        to_copy(p, p->op->in[0].temp);
    } else if ((k & (k - 1)) == 0) {
        to_binary_const(p, TCG_shl_i32, (uint64_t)__builtin_ctzll(k));
    }
}

static void rule_and(Pass *p)
{
    uint64_t k = in(p, 1)->k;

    if (in(p, 1)->is_const && k) {
        strip(p, 0, 64 - (unsigned)__builtin_clzll(k));
    }
    if (p->op->in[0].temp == p->op->in[1].temp) {
        to_copy(p, p->op->in[0].temp);
    } else if (!in(p, 1)->is_const) {
        return;
    } else if ((in(p, 0)->ones & ~k) == 0) {
        to_copy(p, p->op->in[0].temp);
    } else if (k == 0xff) {
        to_unary(p, TCG_ext8u_i32, p->op->in[0].temp);
    } else if (k == 0xffff) {
        to_unary(p, TCG_ext16u_i32, p->op->in[0].temp);
    } else if (p->is64 && k == 0xffffffff &&
               same_type(p->s, p->op->in[0].temp, p->op->d.temp)) {
        p->op->opc = TCG_extract_i64;
        p->op->k[0] = 0;
        p->op->k[1] = 32;
    }
}

static void rule_or(Pass *p)
{
    if (is_k(p, 1, 0) || p->op->in[0].temp == p->op->in[1].temp) {
        to_copy(p, p->op->in[0].temp);
    } else if (is_k(p, 1, type_mask(p))) {
        to_const(p, ~0ull);
    }
}

static void rule_xor(Pass *p)
{
    if (is_k(p, 1, 0)) {
        to_copy(p, p->op->in[0].temp);
    } else if (p->op->in[0].temp == p->op->in[1].temp) {
        to_const(p, 0);
    } else if (is_k(p, 1, type_mask(p))) {
        to_unary(p, TCG_not_i32, p->op->in[0].temp);
    }
}

static void rule_andc(Pass *p)
{
    if (in(p, 1)->is_const) {
        to_binary_const(p, TCG_and_i32, ~in(p, 1)->k);
    } else if (p->op->in[0].temp == p->op->in[1].temp) {
        to_const(p, 0);
    }
}

static void rule_shift(Pass *p)
{
    strip(p, 1, p->is64 ? 6 : 5);       /* the definition masks the count */
    if (in(p, 1)->is_const && (in(p, 1)->k & (type_bits(p) - 1)) == 0) {
        to_copy(p, p->op->in[0].temp);
    }
}

static void rule_sar(Pass *p)
{
    rule_shift(p);
    if (p->op->opc != TCG_nop && !(in(p, 0)->ones >> (type_bits(p) - 1))) {
        p->op->opc = (uint16_t)(TCG_shr_i32 + p->is64);
    }
}

/* -- Rules: extensions and bit fields ---------------------------------------- */

static unsigned ext_len(unsigned opc)
{
    return opc == TCG_ext8u_i32 || opc == TCG_ext8u_i64 ||
           opc == TCG_ext8s_i32 || opc == TCG_ext8s_i64 ? 8 : 16;
}

static void rule_extu(Pass *p)
{
    unsigned len = ext_len(p->op->opc);

    strip(p, 0, len);
    if ((in(p, 0)->ones & ~ones(len)) == 0) {
        to_copy(p, p->op->in[0].temp);
    }
}

static void rule_exts(Pass *p)
{
    unsigned len = ext_len(p->op->opc);

    strip(p, 0, len);
    if (in(p, 0)->signed_bits <= len) {
        to_copy(p, p->op->in[0].temp);
    }
}

static void field_of_deposit(Pass *p)
{
    const TCGOp *o = origin(p, 0);
    uint64_t pos = p->op->k[0], len = p->op->k[1];

    if (in(p, 0)->is_const || o->opc != TCG_deposit_i32 + p->is64) {
        return;
    }
    if (pos >= o->k[0] && pos + len <= o->k[0] + o->k[1]) {
        p->op->in[0] = o->in[1];
        p->op->k[0] -= o->k[0];
    } else if (pos + len <= o->k[0] || pos >= o->k[0] + o->k[1]) {
        p->op->in[0] = o->in[0];
    }
}

static void rule_extract(Pass *p)
{
    unsigned pos, len;

    field_of_deposit(p);
    pos = (unsigned)p->op->k[0];
    len = (unsigned)p->op->k[1];
    if (pos == 0) {
        strip(p, 0, len);
    }
    if (pos == 0 && (in(p, 0)->ones & ~ones(len)) == 0) {
        to_copy(p, p->op->in[0].temp);
    } else if (in(p, 0)->ones >> pos >> (len - 1) >> 1 == 0) {
        to_binary_const(p, TCG_shr_i32, pos);
    } else if (pos == 0 && len == 8) {
        to_unary(p, TCG_ext8u_i32, p->op->in[0].temp);
    } else if (pos == 0 && len == 16) {
        to_unary(p, TCG_ext16u_i32, p->op->in[0].temp);
    } else if (pos == 0 && len < 32) {
        to_binary_const(p, TCG_and_i32, ones(len));
    }
}

static void rule_sextract(Pass *p)
{
    unsigned pos, len;

    field_of_deposit(p);
    pos = (unsigned)p->op->k[0];
    len = (unsigned)p->op->k[1];
    if (pos == 0 && in(p, 0)->signed_bits <= len) {
        to_copy(p, p->op->in[0].temp);
    } else if (pos + len == type_bits(p)) {
        to_binary_const(p, TCG_sar_i32, pos);
    } else if (pos == 0 && len == 8) {
        to_unary(p, TCG_ext8s_i32, p->op->in[0].temp);
    } else if (pos == 0 && len == 16) {
        to_unary(p, TCG_ext16s_i32, p->op->in[0].temp);
    }
}

static void rule_deposit(Pass *p)
{
    unsigned pos = (unsigned)p->op->k[0], len = (unsigned)p->op->k[1];
    const TCGOp *o = origin(p, 0);

    strip(p, 1, len);
    if (len == type_bits(p)) {
        to_copy(p, p->op->in[1].temp);
        return;
    }
    if (is_k(p, 0, 0) && pos == 0) {
        to_unary(p, TCG_extract_i32, p->op->in[1].temp);
        return;
    }
    if (is_k(p, 0, 0) && (in(p, 1)->ones & ~ones(len)) == 0) {
        p->op->in[0] = p->op->in[1];
        to_binary_const(p, TCG_shl_i32, pos);
        return;
    }
    if (!in(p, 0)->is_const && o->opc == p->op->opc && o->k[0] == pos &&
        o->k[1] == len) {
        p->op->in[0] = o->in[0];        /* the field is overwritten */
    }
    if (p->op->in[0].temp == p->op->in[1].temp && pos == 0) {
        to_copy(p, p->op->in[0].temp);
    }
}

static void rule_extu64(Pass *p)
{
    const TCGOp *o = origin(p, 0);

    if (!in(p, 0)->is_const && o->opc == TCG_trunc_i64_i32 &&
        p->o->t[o->in[0].temp].ones <= 0xffffffff) {
        to_copy(p, o->in[0].temp);
    }
}

static void rule_exts64(Pass *p)
{
    if (!(in(p, 0)->ones >> 31)) {
        p->op->opc = TCG_extu_i32_i64;
    }
}

static void rule_trunc(Pass *p)
{
    const TCGOp *o = origin(p, 0);

    if (!in(p, 0)->is_const && (o->opc == TCG_extu_i32_i64 ||
                                o->opc == TCG_exts_i32_i64)) {
        to_copy(p, o->in[0].temp);
    } else {
        p->op->k[0] = in(p, 0)->ones <= 0xffffffff;     /* nothing to cut */
    }
}

/* -- Rules: comparisons ------------------------------------------------------ */

static TCGCond swap_cond(TCGCond c)
{
    switch (c) {
    case TCG_COND_LT: return TCG_COND_GT;
    case TCG_COND_GT: return TCG_COND_LT;
    case TCG_COND_LE: return TCG_COND_GE;
    case TCG_COND_GE: return TCG_COND_LE;
    case TCG_COND_LTU: return TCG_COND_GTU;
    case TCG_COND_GTU: return TCG_COND_LTU;
    case TCG_COND_LEU: return TCG_COND_GEU;
    case TCG_COND_GEU: return TCG_COND_LEU;
    default: return c;
    }
}

/* 1 or 0 if the comparison can only have that outcome, else -1. */
static int decide(Pass *p)
{
    const TCGOptTemp *a = in(p, 0), *b = in(p, 1);
    TCGCond c = (TCGCond)p->op->k[0];
    TCGType type = p->is64 ? TCG_I64 : TCG_I32;

    if (a->is_const && b->is_const) {
        return tcg_eval_cond(c, type, a->k, b->k);
    }
    if (p->op->in[0].temp == p->op->in[1].temp && c < TCG_COND_TSTEQ) {
        return tcg_eval_cond(c, type, 0, 0);
    }
    if ((c == TCG_COND_TSTEQ || c == TCG_COND_TSTNE) &&
        (a->ones & b->ones) == 0) {
        return c == TCG_COND_TSTEQ;
    }
    if (!b->is_const) {
        return -1;
    }
    if ((c == TCG_COND_EQ || c == TCG_COND_NE) && (b->k & ~a->ones)) {
        return c == TCG_COND_NE;
    }
    if ((c == TCG_COND_LTU || c == TCG_COND_GEU) &&
        (b->k == 0 || a->ones < b->k)) {
        return (c == TCG_COND_LTU) == (b->k != 0);
    }
    if ((c == TCG_COND_LT || c == TCG_COND_GE) && b->k == 0 &&
        !(a->ones >> (type_bits(p) - 1))) {
        return c == TCG_COND_GE;
    }
    return -1;
}

/*
 * Constant to the right; unsigned comparisons with 0 and 1 are for equality;
 * setcond compared with 0 is the comparison that made it.
 */
static void normalize_compare(Pass *p)
{
    TCGOp *op = p->op;
    const TCGOp *o;

    if (in(p, 0)->is_const && !in(p, 1)->is_const) {
        TCGv t = op->in[0];

        op->in[0] = op->in[1];
        op->in[1] = t;
        op->k[0] = swap_cond((TCGCond)op->k[0]);
    }
    if (op->k[0] >= TCG_COND_TSTEQ && in(p, 1)->is_const &&
        (in(p, 0)->ones & ~in(p, 1)->k) == 0 && room_for_const(p)) {
        op->in[1] = const_temp(p, p->is64, 0);
        op->k[0] = op->k[0] == TCG_COND_TSTEQ ? TCG_COND_EQ : TCG_COND_NE;
    }
    if (is_k(p, 1, 0) && op->k[0] == TCG_COND_GTU) {
        op->k[0] = TCG_COND_NE;
    } else if (is_k(p, 1, 0) && op->k[0] == TCG_COND_LEU) {
        op->k[0] = TCG_COND_EQ;
    }
    o = origin(p, 0);
    while (is_k(p, 1, 0) && !in(p, 0)->is_const &&
           (op->k[0] == TCG_COND_EQ || op->k[0] == TCG_COND_NE) &&
           o->opc == TCG_setcond_i32 + p->is64) {
        TCGCond c = (TCGCond)o->k[0];

        op->k[0] = op->k[0] == TCG_COND_NE ? c : tcg_invert(c);
        op->in[0] = o->in[0];
        op->in[1] = o->in[1];
        o = origin(p, 0);
    }
}

static void rule_setcond(Pass *p)
{
    TCGOp *op = p->op;
    int known;

    normalize_compare(p);
    known = decide(p);
    if (known >= 0) {
        to_const(p, (uint64_t)known);
    } else if (is_k(p, 1, 0) && op->k[0] == TCG_COND_LT) {
        to_binary_const(p, TCG_shr_i32, type_bits(p) - 1);
    } else if (is_k(p, 1, 0) && op->k[0] == TCG_COND_NE &&
               in(p, 0)->ones == 1) {
        to_copy(p, op->in[0].temp);
    } else if (is_k(p, 1, 0) && op->k[0] == TCG_COND_EQ &&
               in(p, 0)->ones == 1) {
        to_binary_const(p, TCG_xor_i32, 1);
    } else if (op->k[0] == TCG_COND_TSTNE && in(p, 1)->is_const &&
               (in(p, 1)->k & (in(p, 1)->k - 1)) == 0) {
        op->opc = (uint16_t)(TCG_extract_i32 + p->is64);
        op->k[0] = (uint64_t)__builtin_ctzll(in(p, 1)->k);
        op->k[1] = 1;
    }
}

static void rule_movcond(Pass *p)
{
    TCGOp *op = p->op;
    int known;

    normalize_compare(p);
    known = decide(p);
    if (known >= 0) {
        to_copy(p, op->in[known ? 2 : 3].temp);
    } else if (op->in[2].temp == op->in[3].temp) {
        to_copy(p, op->in[2].temp);
    } else if (is_k(p, 2, 1) && is_k(p, 3, 0)) {
        op->opc = (uint16_t)(TCG_setcond_i32 + p->is64);
    } else if (is_k(p, 2, 0) && is_k(p, 3, 1)) {
        op->opc = (uint16_t)(TCG_setcond_i32 + p->is64);
        op->k[0] = tcg_invert((TCGCond)op->k[0]);
    }
}

static void rule_brcond(Pass *p)
{
    int known;

    normalize_compare(p);
    known = decide(p);
    if (known == 0) {
        p->op->opc = TCG_nop;
    } else if (known == 1) {
        p->op->opc = TCG_br;
        p->op->k[0] = p->op->k[1];
    }
}

/* -- Rules: stores ----------------------------------------------------------- */

static void rule_st(Pass *p)
{
    strip(p, 0, p->op->opc == TCG_st8 ? 8 : 16);
}

static void rule_qemu_st(Pass *p)
{
    unsigned size = p->op->k[0] & MO_SIZE;

    if (size <= MO_16) {
        strip(p, 1, 8u << size);
    }
}

#define BOTH(name, rule) [TCG_##name##_i32] = rule, [TCG_##name##_i64] = rule

static Rule *const rules[TCG_NUM_OPS] = {
    BOTH(add, rule_add), BOTH(sub, rule_sub), BOTH(mul, rule_mul),
    BOTH(and, rule_and), BOTH(or, rule_or), BOTH(xor, rule_xor),
    BOTH(andc, rule_andc), BOTH(shl, rule_shift), BOTH(shr, rule_shift),
    BOTH(sar, rule_sar), BOTH(rotl, rule_shift), BOTH(rotr, rule_shift),
    BOTH(ext8u, rule_extu), BOTH(ext8s, rule_exts),
    BOTH(ext16u, rule_extu), BOTH(ext16s, rule_exts),
    BOTH(extract, rule_extract), BOTH(sextract, rule_sextract),
    BOTH(deposit, rule_deposit), BOTH(setcond, rule_setcond),
    BOTH(movcond, rule_movcond), BOTH(brcond, rule_brcond),
    [TCG_extu_i32_i64] = rule_extu64, [TCG_exts_i32_i64] = rule_exts64,
    [TCG_trunc_i64_i32] = rule_trunc,
    [TCG_st8] = rule_st, [TCG_st16] = rule_st, [TCG_qemu_st] = rule_qemu_st,
};

/* -- Bits of a result -------------------------------------------------------- */

static uint64_t sum_ones(uint64_t a, uint64_t b)
{
    return a & b ? smear(a | b) << 1 | 1 : a | b;
}

static uint64_t loaded_ones(const TCGOp *op, unsigned *signed_bits)
{
    unsigned bits = 8u << (op->k[0] & MO_SIZE);

    if (bits >= 64) {
        return ~0ull;
    }
    if (op->k[0] & MO_SIGN) {
        *signed_bits = bits;
        return ~0ull;
    }
    return ones(bits);
}

static uint64_t shifted_ones(const Pass *p)
{
    const TCGOptTemp *a = in(p, 0), *b = in(p, 1);
    unsigned k = b->k & (type_bits(p) - 1);

    if (!b->is_const) {
        return p->op->opc >= TCG_shr_i32 ? smear(a->ones) : ~0ull;
    }
    return p->op->opc >= TCG_shr_i32 ? a->ones >> k : a->ones << k;
}

static uint64_t extended(uint64_t m, unsigned len, unsigned *signed_bits)
{
    *signed_bits = len;
    m &= ones(len);
    return m >> (len - 1) ? m | ~ones(len) : m;
}

/* A superset of the bits that can be one in the result. */
static uint64_t possible_ones(const Pass *p, unsigned *signed_bits)
{
    const TCGOp *op = p->op;

    switch (op->opc) {
    case TCG_and_i32: case TCG_and_i64:
        return in(p, 0)->ones & in(p, 1)->ones;
    case TCG_andc_i32: case TCG_andc_i64:
        return in(p, 0)->ones;
    case TCG_or_i32: case TCG_or_i64: case TCG_xor_i32: case TCG_xor_i64:
        return in(p, 0)->ones | in(p, 1)->ones;
    case TCG_add_i32: case TCG_add_i64:
        return sum_ones(in(p, 0)->ones, in(p, 1)->ones);
    case TCG_shl_i32: case TCG_shl_i64: case TCG_shr_i32: case TCG_shr_i64:
        return shifted_ones(p);
    case TCG_ext8u_i32: case TCG_ext8u_i64:
        return in(p, 0)->ones & 0xff;
    case TCG_ext16u_i32: case TCG_ext16u_i64:
        return in(p, 0)->ones & 0xffff;
    case TCG_ext8s_i32: case TCG_ext8s_i64:
        return extended(in(p, 0)->ones, 8, signed_bits);
    case TCG_ext16s_i32: case TCG_ext16s_i64:
        return extended(in(p, 0)->ones, 16, signed_bits);
    case TCG_sextract_i32: case TCG_sextract_i64:
        return extended(in(p, 0)->ones >> op->k[0], (unsigned)op->k[1],
                        signed_bits);
    case TCG_extract_i32: case TCG_extract_i64:
        return in(p, 0)->ones >> op->k[0] & ones((unsigned)op->k[1]);
    case TCG_deposit_i32: case TCG_deposit_i64: {
        uint64_t m = ones((unsigned)op->k[1]) << op->k[0];

        return (in(p, 0)->ones & ~m) | (in(p, 1)->ones << op->k[0] & m);
    }
    case TCG_setcond_i32: case TCG_setcond_i64:
        return 1;
    case TCG_movcond_i32: case TCG_movcond_i64:
        return in(p, 2)->ones | in(p, 3)->ones;
    case TCG_extu_i32_i64: case TCG_trunc_i64_i32:
        return in(p, 0)->ones & 0xffffffff;
    case TCG_exts_i32_i64:
        return extended(in(p, 0)->ones, 32, signed_bits);
    case TCG_clz_i32: case TCG_clz_i64: case TCG_ctz_i32: case TCG_ctz_i64:
        return 0x7f;
    case TCG_ld8u:
        return 0xff;
    case TCG_ld16u:
        return 0xffff;
    case TCG_ld8s:
        return extended(0xff, 8, signed_bits);
    case TCG_ld16s:
        return extended(0xffff, 16, signed_bits);
    case TCG_qemu_ld:
        return loaded_ones(op, signed_bits);
    default:
        return ~0ull;
    }
}

/* The result is any value of its type. */
static TCGOptTemp *new_value(Pass *p, unsigned index)
{
    unsigned d = p->op->d.temp;
    TCGOptTemp *t = &p->o->t[d];

    *t = (TCGOptTemp){
        .ones = p->s->temp_type[d] == TCG_I32 ? 0xffffffff : ~0ull,
        .copy_of = (uint16_t)d, .def = (uint16_t)index, .signed_bits = 64,
    };
    return t;
}

static void note_result(Pass *p, unsigned index)
{
    unsigned signed_bits = 64;
    uint64_t ones = possible_ones(p, &signed_bits);
    TCGOptTemp *t = new_value(p, index);

    t->ones &= ones;
    if (t->ones < 1ull << 31) {
        unsigned bits = t->ones ? 65 - (unsigned)__builtin_clzll(t->ones) : 1;

        signed_bits = bits < signed_bits ? bits : signed_bits;
    }
    t->signed_bits = (uint8_t)signed_bits;
}

/* -- Forwards ---------------------------------------------------------------- */

/* If all operands are constants. */
static bool fold(Pass *p, unsigned num)
{
    uint64_t v[4], result;

    if (num > 4) {
        return false;
    }
    for (unsigned i = 0; i < num; i++) {
        if (!in(p, i)->is_const) {
            return false;
        }
        v[i] = in(p, i)->k;
    }
    if (!tcg_eval((TCGOpcode)p->op->opc, v, p->op->k, &result)) {
        return false;
    }
    result_is_const(p, result);
    return true;
}

static void put_constant_right(Pass *p)
{
    TCGOp *op = p->op;
    TCGv t = op->in[0];

    if (!in(p, 1)->is_const) {
        op->in[0] = op->in[1];
        op->in[1] = t;
    }
}

static bool is_i64(const TCGContext *s, const TCGOp *op)
{
    TCGv v = op->opc <= TCG_rotr_i64 ? op->d : op->in[0];

    return s->temp_type[v.temp] == TCG_I64;
}

/* Apply rules until one gives up. */
static void simplify(Pass *p)
{
    for (unsigned n = 0; n < 4; n++) {
        unsigned opc = p->op->opc;
        const TCGOpDef *def = &tcg_op_defs[opc];

        if (def->ins && in(p, 0)->is_const) {
            if (fold(p, def->ins)) {
                return;
            }
            if (def->flags & TCG_COMM) {
                put_constant_right(p);
            }
        }
        if (!rules[opc]) {
            return;
        }
        p->is64 = is_i64(p->s, p->op);
        rules[opc](p);
        if (p->op->opc == opc || p->op->opc == TCG_nop) {
            return;
        }
    }
}

/* A zero extended i32 may stand for itself. */
static void skip_extensions(Pass *p)
{
    for (unsigned i = 0; i < 2; i++) {
        if (!in(p, i)->is_const && origin(p, i)->opc == TCG_extu_i32_i64) {
            p->op->in[i] = origin(p, i)->in[0];
        }
    }
}

static void forward_value(Pass *p, unsigned index)
{
    TCGOp *op = p->op;
    unsigned num = tcg_op_ins(op);

    for (unsigned i = 0; i < num; i++) {
        op->in[i].temp = p->o->t[op->in[i].temp].copy_of;
    }
    if (op->opc != TCG_call) {
        if (tcg_takes_i32(op->opc)) {
            skip_extensions(p);
        }
        simplify(p);
    }
    const TCGOpDef *def = &tcg_op_defs[op->opc];

    if (def->outs && op->d.temp != TCG_NO_TEMP) {
        note_result(p, index);
    }
    if (def->flags & TCG_END) {
        p->unreachable = !tcg_op_goes_on(op);
    }
}

static void forward_op(Pass *p, unsigned index)
{
    switch (p->op->opc) {
    case TCG_insn_start:
        break;
    case TCG_get:
        new_value(p, index);
        break;
    case TCG_set:
        p->op->in[0].temp = in(p, 0)->copy_of;
        break;
    default:
        forward_value(p, index);
        break;
    }
}

/* Up to the next label, within the instruction begun last. */
static unsigned drop_unreachable(TCGContext *s, unsigned i)
{
    for (; i < s->num_ops && s->ops[i].opc != TCG_label; i++) {
        if (s->ops[i].opc != TCG_insn_start) {
            s->ops[i].opc = TCG_nop;
        }
    }
    return i;
}

static void forwards(Pass *p)
{
    TCGContext *s = p->s;

    for (unsigned t = 0, num = s->num_temps; t < num; t++) {
        if (s->temp_is_const[t]) {
            know_const(p->o, t, s->temp_k[t]);
        }
    }
    for (unsigned i = 0, num = s->num_ops; i < num;) {
        p->op = &s->ops[i];
        p->unreachable = false;
        forward_op(p, i++);
        if (p->unreachable) {
            i = drop_unreachable(s, i);
        }
    }
}

/* -- Backwards --------------------------------------------------------------- */

typedef struct Back {
    Pass *p;
    uint64_t dead;                      /* globals set before anybody looks */
} Back;

static bool observes_globals(const TCGOp *op)
{
    if (op->opc == TCG_call) {
        return !(tcg_op_helper(op)->flags &
                 (TCG_CALL_PURE | TCG_CALL_NO_GLOBALS));
    }
    return tcg_op_defs[op->opc].flags & (TCG_END | TCG_FAULT | TCG_LOOK);
}

static void count_use(TCGOpt *o, unsigned temp, unsigned user)
{
    o->uses[temp]++;
    o->user[temp] = (uint16_t)user;
}

/* The comparison that is the only user of op's result and compares it with 0. */
static TCGOp *only_compared(const Back *b, const TCGOp *op)
{
    const TCGOpt *o = b->p->o;
    TCGOp *user = &b->p->s->ops[o->user[op->d.temp]];

    if (o->uses[op->d.temp] != 1) {
        return NULL;
    }
    switch (user->opc) {
    case TCG_brcond_i32: case TCG_brcond_i64:
    case TCG_setcond_i32: case TCG_setcond_i64:
    case TCG_movcond_i32: case TCG_movcond_i64:
        return user->in[0].temp == op->d.temp &&
               o->t[user->in[1].temp].is_const &&
               o->t[user->in[1].temp].k == 0 ? user : NULL;
    default:
        return NULL;
    }
}

static bool make_const(Back *b, bool is64, uint64_t k, TCGv *v)
{
    unsigned before = b->p->s->num_temps;

    if (!room_for_const(b->p)) {
        return false;
    }
    *v = const_temp(b->p, is64, k);
    if (v->temp == before) {
        b->p->o->uses[before] = 0;
    }
    return true;
}

static void melt(Back *b, TCGOp *user, TCGCond cond, TCGv x, TCGv y)
{
    unsigned index = (unsigned)(user - b->p->s->ops);

    user->k[0] = cond;
    user->in[0] = x;
    user->in[1] = y;
    count_use(b->p->o, x.temp, index);
    count_use(b->p->o, y.temp, index);
}

/* op disappears into the comparison of its result. */
static bool melts(Back *b, const TCGOp *op)
{
    TCGOp *user = only_compared(b, op);
    TCGCond c;
    bool equality, sign, is64;
    TCGv k;

    if (!user || !same_type(b->p->s, op->in[0].temp, op->d.temp) ||
        (tcg_op_defs[op->opc].ins == 2 &&
         !same_type(b->p->s, op->in[1].temp, op->d.temp))) {
        return false;
    }
    c = (TCGCond)user->k[0];
    equality = c == TCG_COND_EQ || c == TCG_COND_NE;
    sign = c == TCG_COND_LT || c == TCG_COND_GE;
    is64 = b->p->s->temp_type[op->d.temp] == TCG_I64;
    switch (op->opc) {
    case TCG_and_i32: case TCG_and_i64:
        if (equality) {
            melt(b, user, c == TCG_COND_EQ ? TCG_COND_TSTEQ : TCG_COND_TSTNE,
                 op->in[0], op->in[1]);
        }
        return equality;
    case TCG_sub_i32: case TCG_sub_i64: case TCG_xor_i32: case TCG_xor_i64:
        if (equality) {
            melt(b, user, c, op->in[0], op->in[1]);
        }
        return equality;
    case TCG_ext8u_i32: case TCG_ext8u_i64:
    case TCG_ext16u_i32: case TCG_ext16u_i64:
        if (equality && make_const(b, is64, ones(ext_len(op->opc)), &k)) {
            melt(b, user, c == TCG_COND_EQ ? TCG_COND_TSTEQ : TCG_COND_TSTNE,
                 op->in[0], k);
            return true;
        }
        return false;
    case TCG_ext8s_i32: case TCG_ext8s_i64:
    case TCG_ext16s_i32: case TCG_ext16s_i64:
        if (sign && make_const(b, is64, 1ull << (ext_len(op->opc) - 1), &k)) {
            melt(b, user, c == TCG_COND_GE ? TCG_COND_TSTEQ : TCG_COND_TSTNE,
                 op->in[0], k);
            return true;
        }
        return false;
    default:
        return false;
    }
}

static bool is_dead(Back *b, const TCGOp *op)
{
    const TCGOpt *o = b->p->o;

    return tcg_op_pure(op) && (op->d.temp == TCG_NO_TEMP ||
                               o->uses[op->d.temp] == 0 || melts(b, op));
}

static void backward_value(Back *b, TCGOp *op, unsigned i)
{
    if (is_dead(b, op)) {
        op->opc = TCG_nop;
        return;
    }
    if (observes_globals(op)) {
        b->dead = 0;
    }
    for (unsigned k = 0, ins = tcg_op_ins(op); k < ins; k++) {
        count_use(b->p->o, op->in[k].temp, i);
    }
}

static void backward_set(Back *b, TCGOp *op, unsigned i)
{
    uint64_t bit = 1ull << op->k[0];

    if (b->dead & bit) {
        op->opc = TCG_nop;
    } else {
        b->dead |= bit;
        count_use(b->p->o, op->in[0].temp, i);
    }
}

static void backward_get(Back *b, TCGOp *op)
{
    b->dead &= ~(1ull << op->k[0]);
    if (b->p->o->uses[op->d.temp] == 0) {
        op->opc = TCG_nop;
    }
}

static void backwards(Pass *p)
{
    TCGContext *s = p->s;
    Back b = { .p = p };

    memset(p->o->uses, 0, s->num_temps * sizeof(p->o->uses[0]));
    for (unsigned i = s->num_ops; i-- > 0;) {
        TCGOp *op = &s->ops[i];

        switch (op->opc) {
        case TCG_nop: case TCG_insn_start:
            break;
        case TCG_set:
            backward_set(&b, op, i);
            break;
        case TCG_get:
            backward_get(&b, op);
            break;
        default:
            backward_value(&b, op, i);
            break;
        }
    }
}

void tcg_optimize(TCGContext *s, TCGOpt *o)
{
    Pass p = { .s = s, .o = o };

    forwards(&p);
    backwards(&p);
}
