/* SPDX-License-Identifier: MIT */
/*
 * Data processing.
 *
 * Operand 2 comes in three forms; what is done with it is the operation's
 * affair.  The shifter's carry is worked out only where a logical operation
 * with S asks for it.  Shifts by a register are done in 64 bits, with room for
 * the carry at one end, so that every count from 0 to 255 comes out right
 * (ARMv7 ARM A2.2.1, Shift_C).
 */
#include "target-arm/gen.h"
#include "target-arm/helper.h"
#include "target-arm/translate.h"
#include "util/bits.h"

enum { LSL, LSR, ASR, ROR };

typedef struct Op2 {
    TCGv v;
    bool is_const, have_carry;          /* !have_carry: C stays */
    uint32_t k;                         /* if is_const */
    TCGv carry;
} Op2;

/* -- Results ----------------------------------------------------------------- */

/*
 * S with PC is a return from an exception.  In User and System mode, which
 * have no SPSR, it is UNPREDICTABLE: a branch.
 */
static void write_result(ArmDis *d, const ArmInsn *a, TCGv v)
{
    if (a->rd != R_PC) {
        arm_set_reg(d, a->rd, v);
    } else if (a->s && !d->thumb && arm_dis_priv(d)) {
        tcg_call(d->s, &h_exception_return, v);
        tcg_exit_tb(d->s, TB_EXIT_NONE);
        d->end = END_GONE;
    } else {
        arm_branch_to(d, v);
    }
}

/* Do the flags change?  Not if CPSR as a whole does. */
static bool sets_flags(const ArmInsn *a)
{
    return a->s && a->rd != R_PC;
}

/* -- Arithmetic -------------------------------------------------------------- */

static void gen_sub(ArmDis *d, const ArmInsn *a, TCGv x, TCGv y)
{
    TCGv r = tcg_sub(d->s, x, y);

    if (sets_flags(a)) {
        arm_set_cc_sub(d, x, y, r);
    }
    write_result(d, a, r);
}

/* Adding k is subtracting -k, flags and all, but for these two. */
static bool is_sub(const Op2 *op2)
{
    return op2->is_const && op2->k != 0 && op2->k != 0x80000000;
}

static void set_add_cc(ArmDis *d, TCGv x, const Op2 *op2, TCGv r)
{
    if (is_sub(op2)) {
        arm_set_cc_sub(d, x, tcg_const(d->s, -op2->k), r);
    } else {
        arm_set_cc_add(d, x, op2->v, r);
    }
}

static void gen_add(ArmDis *d, const ArmInsn *a, TCGv x, const Op2 *op2)
{
    TCGv r = tcg_add(d->s, x, op2->v);

    if (sets_flags(a)) {
        set_add_cc(d, x, op2, r);
    }
    write_result(d, a, r);
}

/* x + y + C */
static void gen_adc(ArmDis *d, const ArmInsn *a, TCGv x, TCGv y)
{
    TCGContext *s = d->s;
    TCGv c = arm_carry(d);

    if (!sets_flags(a)) {
        write_result(d, a, tcg_add(s, tcg_add(s, x, y), c));
        return;
    }
    TCGv wide = tcg_add(s, tcg_add(s, tcg_extu64(s, x), tcg_extu64(s, y)), tcg_extu64(s, c));
    TCGv r = tcg_trunc32(s, wide);

    arm_set_cc_adc(d, x, y, r, tcg_trunc32(s, tcg_shri(s, wide, 32)));
    write_result(d, a, r);
}

/* -- Logic ------------------------------------------------------------------- */

static void set_logic_cc(ArmDis *d, TCGv r, const Op2 *op2)
{
    arm_set_nz(d, r);
    if (op2->have_carry) {
        arm_set_carry(d, op2->carry);
    }
}

static void gen_logic(ArmDis *d, const ArmInsn *a, const Op2 *op2, TCGv r)
{
    if (sets_flags(a)) {
        set_logic_cc(d, r, op2);
    }
    write_result(d, a, r);
}

/* -- Compares: no result ------------------------------------------------------ */

static void gen_cmp(ArmDis *d, TCGv x, TCGv y)
{
    arm_set_cc_sub(d, x, y, tcg_sub(d->s, x, y));
}

static void gen_dp(ArmDis *d, const ArmInsn *a, const Op2 *op2)
{
    TCGContext *s = d->s;
    unsigned op = a->row->op;
    bool unary = op == OP_MOV || op == OP_MVN;
    TCGv v = op2->v, rn = unary ? v : arm_reg(d, a->rn);

    switch (op) {
    case OP_AND: gen_logic(d, a, op2, tcg_and(s, rn, v)); break;
    case OP_EOR: gen_logic(d, a, op2, tcg_xor(s, rn, v)); break;
    case OP_SUB: gen_sub(d, a, rn, v); break;
    case OP_RSB: gen_sub(d, a, v, rn); break;
    case OP_ADD: gen_add(d, a, rn, op2); break;
    case OP_ADC: gen_adc(d, a, rn, v); break;
    case OP_SBC: gen_adc(d, a, rn, tcg_not(s, v)); break;
    case OP_RSC: gen_adc(d, a, v, tcg_not(s, rn)); break;
    case OP_TST: set_logic_cc(d, tcg_and(s, rn, v), op2); break;
    case OP_TEQ: set_logic_cc(d, tcg_xor(s, rn, v), op2); break;
    case OP_CMP: gen_cmp(d, rn, v); break;
    case OP_CMN: set_add_cc(d, rn, op2, tcg_add(s, rn, v)); break;
    case OP_ORR: gen_logic(d, a, op2, tcg_or(s, rn, v)); break;
    case OP_MOV: gen_logic(d, a, op2, v); break;
    case OP_BIC: gen_logic(d, a, op2, tcg_andc(s, rn, v)); break;
    default:     gen_logic(d, a, op2, tcg_not(s, v)); break;
    }
}

/* Does anybody look at the shifter's carry? */
static bool wants_carry(const ArmInsn *a)
{
    unsigned op = a->row->op;
    bool logic = op == OP_AND || op == OP_EOR || op >= OP_ORR;

    return op == OP_TST || op == OP_TEQ || (logic && sets_flags(a));
}

/* -- Forms of operand 2 ------------------------------------------------------- */

/* A5.2.4 ARMExpandImm_C: the carry changes only if there was a rotation. */
void trans_dp_imm(ArmDis *d, const ArmInsn *a)
{
    uint32_t k = ror32(a->imm, 2 * a->rot);
    Op2 op2 = { .v = tcg_const(d->s, k), .is_const = true, .k = k, .have_carry = a->rot != 0 };

    op2.carry = op2.have_carry ? tcg_const(d->s, k >> 31) : op2.v;
    gen_dp(d, a, &op2);
}

static TCGv bit(ArmDis *d, TCGv v, unsigned n)
{
    return tcg_extract(d->s, v, n, 1);
}

/* Bit 31, and 0, of the counts that mean 32. */
static Op2 shift_32(ArmDis *d, TCGv v, unsigned type)
{
    Op2 r = { .have_carry = true, .carry = bit(d, v, 31) };

    r.v = type == LSR ? tcg_const(d->s, 0) : tcg_sari(d->s, v, 31);
    return r;
}

static Op2 rrx(ArmDis *d, TCGv v)
{
    TCGContext *s = d->s;
    TCGv c = arm_carry(d);

    return (Op2){ .have_carry = true, .carry = bit(d, v, 0),
                  .v = tcg_or(s, tcg_shri(s, v, 1), tcg_shli(s, c, 31)) };
}

/* A8.4.3 DecodeImmShift.  LSL #0 is no shift; the others mean #32, or RRX. */
static Op2 shift_imm(ArmDis *d, TCGv v, unsigned type, unsigned n, bool carry)
{
    TCGContext *s = d->s;
    Op2 r = { .v = v };

    if (n == 0) {
        return type == LSL ? r : type == ROR ? rrx(d, v) : shift_32(d, v, type);
    }
    switch (type) {
    case LSL: r.v = tcg_shli(s, v, n); break;
    case LSR: r.v = tcg_shri(s, v, n); break;
    case ASR: r.v = tcg_sari(s, v, n); break;
    default:  r.v = tcg_rotr(s, v, tcg_const(s, n)); break;
    }
    if (carry) {
        r.have_carry = true;
        r.carry = bit(d, v, type == LSL ? 32 - n : n - 1);
    }
    return r;
}

void trans_dp_reg(ArmDis *d, const ArmInsn *a)
{
    Op2 op2 = shift_imm(d, arm_reg(d, a->rm), a->type, a->imm, wants_carry(a));

    gen_dp(d, a, &op2);
}

static TCGv at_most(ArmDis *d, TCGv n, uint32_t max)
{
    TCGv k = tcg_const(d->s, max);

    return tcg_movcond(d->s, TCG_COND_LTU, n, k, n, k);
}

/* Without the carry: in 32 bits. */
static TCGv shift_reg(ArmDis *d, TCGv v, unsigned type, TCGv n)
{
    TCGContext *s = d->s;
    TCGv low = tcg_andi(s, n, 31), r;

    if (type == ROR) {
        return tcg_rotr(s, v, low);
    }
    if (type == ASR) {
        return tcg_sar(s, v, at_most(d, n, 31));
    }
    r = type == LSL ? tcg_shl(s, v, low) : tcg_shr(s, v, low);
    return tcg_movcond(s, TCG_COND_LTU, n, tcg_const(s, 32), r, tcg_const(s, 0));
}

/* The carry for a count of 0 is C; for others, multiples of 32 too, bit 31. */
static Op2 rotate_carry(ArmDis *d, TCGv v, TCGv n)
{
    TCGContext *s = d->s;
    TCGv r = shift_reg(d, v, ROR, n), c = arm_carry(d);

    return (Op2){ .v = r, .have_carry = true,
                  .carry = tcg_movcond(s, TCG_COND_EQ, n, tcg_const(s, 0), c, bit(d, r, 31)) };
}

/*
 * C is put where the last bit shifted out will be: in bit 32 of what goes left,
 * below bit 0 of what goes right.
 */
static Op2 shift_carry(ArmDis *d, TCGv v, unsigned type, TCGv n)
{
    TCGContext *s = d->s;
    TCGv c = tcg_extu64(s, arm_carry(d)), count = tcg_extu64(s, at_most(d, n, 63)), wide;

    if (type == LSL) {
        wide = tcg_shl(s, tcg_or(s, tcg_extu64(s, v), tcg_shli(s, c, 32)), count);
        return (Op2){ .v = tcg_trunc32(s, wide), .have_carry = true,
                      .carry = tcg_trunc32(s, tcg_extract(s, wide, 32, 1)) };
    }
    wide = type == LSR ? tcg_extu64(s, v) : tcg_exts64(s, v);
    wide = tcg_or(s, tcg_shli(s, wide, 1), c);
    wide = type == LSR ? tcg_shr(s, wide, count) : tcg_sar(s, wide, count);
    return (Op2){ .v = tcg_trunc32(s, tcg_shri(s, wide, 1)), .have_carry = true,
                  .carry = tcg_andi(s, tcg_trunc32(s, wide), 1) };
}

void trans_dp_rsr(ArmDis *d, const ArmInsn *a)
{
    TCGv v = arm_reg(d, a->rm), n = tcg_ext8u(d->s, arm_reg(d, a->rs));
    Op2 op2 = { .have_carry = false };

    if (!wants_carry(a)) {
        op2.v = shift_reg(d, v, a->type, n);
    } else if (a->type == ROR) {
        op2 = rotate_carry(d, v, n);
    } else {
        op2 = shift_carry(d, v, a->type, n);
    }
    gen_dp(d, a, &op2);
}

/* T16: PC counts as a multiple of 4. */
void trans_adr(ArmDis *d, const ArmInsn *a)
{
    d->bound = true;
    arm_set_reg(d, a->rd, tcg_const(d->s, (arm_pc_value(d) & ~3u) + a->imm));
}

void trans_clz(ArmDis *d, const ArmInsn *a)
{
    arm_set_reg(d, a->rd, tcg_clz(d->s, arm_reg(d, a->rm)));
}
