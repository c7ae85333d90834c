/* SPDX-License-Identifier: MIT */
/*
 * Shifts, rotates and single bits.
 *
 * The count is taken modulo 32 (SDM vol. 2B, SAL/SAR/SHL/SHR); a count of 0
 * changes nothing, no flag either.  An immediate count is known now; CL is not,
 * and its flags are a conditional choice between the old and the new.
 */
#include "target-i386/gen.h"
#include "target-i386/helper.h"
#include "target-i386/translate.h"

typedef struct Count {
    bool known;
    unsigned k;                         /* if known: 0 .. 31 */
    TCGv v;                             /* 0 .. 31 */
} Count;

/* Operand i, modulo 32. */
static Count count_of(X86Dis *d, unsigned i)
{
    unsigned place = place_of(d->operand[i]);
    Count c = { .known = place != X_CX };

    if (c.known) {
        c.k = place == X_ONE ? 1 : d->imm[i] & 31;
        c.v = tcg_const(d->s, c.k);
    } else {
        c.v = tcg_andi(d->s, d->val[i], 31);
    }
    return c;
}

/* count - 1; 31 for 0, when it does not matter. */
static TCGv less_one(X86Dis *d, Count c)
{
    return c.known ? tcg_const(d->s, (c.k - 1) & 31)
                   : tcg_andi(d->s, tcg_addi(d->s, c.v, -1), 31);
}

static void flags_unless_zero(X86Dis *d, Count c)
{
    if (!c.known) {
        x86_cc_if(d, (X86Cond){ TCG_COND_NE, c.v, tcg_const(d->s, 0) });
    }
}

/* -- Shifts ------------------------------------------------------------------ */

static void shift(X86Dis *d, TCGv x, CCOp base, TCGv (*op)(TCGContext *, TCGv, TCGv))
{
    Count c = count_of(d, 1);

    d->result = d->val[0];
    if (c.known && c.k == 0) {
        return;
    }
    d->result = op(d->s, x, c.v);
    if (c.known) {
        x86_set_cc_shift(d, base, d->result, x, c.k);
    } else {
        x86_set_cc_src(d, base, d->result, op(d->s, x, less_one(d, c)));
        flags_unless_zero(d, c);
    }
}

void gen_SHL(X86Dis *d)
{
    shift(d, d->val[0], CC_OP_SHLB, tcg_shl);
}

void gen_SHR(X86Dis *d)
{
    shift(d, d->val[0], CC_OP_SHRB, tcg_shr);
}

void gen_SAR(X86Dis *d)
{
    shift(d, x86_sext(d, d->val[0], d->ot), CC_OP_SARB, tcg_sar);
}

/* -- Double shifts ----------------------------------------------------------- */

/*
 * In 64 bits.  A 16-bit operand with a count above 16 is undefined; processors
 * then shift in the destination again, as if it were x:y:x.
 */
static TCGv join(X86Dis *d, TCGv high, TCGv low)
{
    TCGContext *s = d->s;

    return tcg_or(s, tcg_shli(s, tcg_extu64(s, high), 32), tcg_extu64(s, low));
}

static TCGv repeat16(X86Dis *d, TCGv high, TCGv low)
{
    return tcg_deposit(d->s, low, high, 16, 16);
}

void gen_SHLD(X86Dis *d)
{
    TCGContext *s = d->s;
    Count c = count_of(d, 2);
    TCGv x = d->val[0], y = d->val[1], wide;

    d->result = x;
    if (c.known && c.k == 0) {
        return;
    }
    if (d->ot == MO_16) {
        wide = join(d, x, repeat16(d, y, x));
    } else {
        wide = join(d, x, y);
    }
    TCGv r = tcg_shl(s, wide, tcg_extu64(s, c.v));
    TCGv before = tcg_shl(s, wide, tcg_extu64(s, less_one(d, c)));

    d->result = tcg_trunc32(s, tcg_shri(s, r, 32));
    x86_set_cc_src(d, CC_OP_SHLB, d->result, tcg_trunc32(s, tcg_shri(s, before, 32)));
    flags_unless_zero(d, c);
}

void gen_SHRD(X86Dis *d)
{
    TCGContext *s = d->s;
    Count c = count_of(d, 2);
    TCGv x = d->val[0], y = d->val[1], wide;

    d->result = x;
    if (c.known && c.k == 0) {
        return;
    }
    if (d->ot == MO_16) {
        wide = join(d, x, repeat16(d, y, x));
    } else {
        wide = join(d, y, x);
    }
    TCGv before = tcg_shr(s, wide, tcg_extu64(s, less_one(d, c)));

    d->result = tcg_trunc32(s, tcg_shr(s, wide, tcg_extu64(s, c.v)));
    x86_set_cc_src(d, CC_OP_SARB, d->result, tcg_trunc32(s, before));
    flags_unless_zero(d, c);
}

/* -- Rotates: CF and OF only ------------------------------------------------- */

static unsigned bits_of(const X86Dis *d)
{
    return 8u << d->ot;
}

/* The operand repeated to fill 32 bits, so that a 32-bit rotate will do. */
static TCGv fill32(X86Dis *d, TCGv v)
{
    TCGContext *s = d->s;

    if (d->ot == MO_8) {
        return tcg_mul(s, v, tcg_const(s, 0x01010101));
    }
    return d->ot == MO_16 ? tcg_deposit(s, v, v, 16, 16) : v;
}

void gen_ROL(X86Dis *d)
{
    TCGContext *s = d->s;
    Count c = count_of(d, 1);

    d->result = d->val[0];
    if (c.known && c.k == 0) {
        return;
    }
    d->result = tcg_rotl(s, fill32(d, d->val[0]), c.v);
    x86_set_cc_rotate(d, CC_ROT_LEFT + d->ot, d->result, tcg_andi(s, d->result, 1));
    flags_unless_zero(d, c);
}

void gen_ROR(X86Dis *d)
{
    TCGContext *s = d->s;
    Count c = count_of(d, 1);

    d->result = d->val[0];
    if (c.known && c.k == 0) {
        return;
    }
    d->result = tcg_rotr(s, fill32(d, d->val[0]), c.v);
    x86_set_cc_rotate(d, CC_ROT_RIGHT + d->ot, d->result,
                      tcg_extract(s, d->result, bits_of(d) - 1, 1));
    flags_unless_zero(d, c);
}

/* OF is CF ^ top bit after RCL, the two top bits' difference after RCR. */
static void rotate_carry_flags(X86Dis *d, bool left, Count c, TCGv carry)
{
    TCGContext *s = d->s;
    TCGv top = tcg_extract(s, d->result, bits_of(d) - 1, 1);
    TCGv other = left ? carry : tcg_extract(s, d->result, bits_of(d) - 2, 1);
    TCGv overflow = tcg_xor(s, top, other);

    x86_set_cc_rotate(d, CC_ROT_BITS, tcg_or(s, carry, tcg_shli(s, overflow, 1)), carry);
    flags_unless_zero(d, c);
}

/* By 1, as in 64-bit shifts of old compilers: no helper. */
static TCGv rotate_carry_1(X86Dis *d, bool left)
{
    TCGContext *s = d->s;
    TCGv x = d->val[0], in = x86_carry(d);
    unsigned top = bits_of(d) - 1;

    if (left) {
        d->result = tcg_or(s, tcg_shli(s, x, 1), in);
        return tcg_extract(s, x, top, 1);
    }
    d->result = tcg_or(s, tcg_shri(s, x, 1), tcg_shli(s, in, top));
    return tcg_andi(s, x, 1);
}

static void rotate_carry(X86Dis *d, bool left)
{
    TCGContext *s = d->s;
    Count c = count_of(d, 1);
    TCGv carry;

    d->result = d->val[0];
    if (c.known && c.k == 0) {
        return;
    }
    if (c.known && c.k == 1) {
        carry = rotate_carry_1(d, left);
    } else {
        TCGv r = tcg_call(s, left ? &h_rcl : &h_rcr, d->val[0], c.v, x86_carry(d),
                          tcg_const(s, d->ot));

        carry = tcg_trunc32(s, tcg_shri(s, r, 32));
        d->result = tcg_trunc32(s, r);
    }
    rotate_carry_flags(d, left, c, carry);
}

void gen_RCL(X86Dis *d)
{
    rotate_carry(d, true);
}

void gen_RCR(X86Dis *d)
{
    rotate_carry(d, false);
}

/* -- Single bits ------------------------------------------------------------- */

typedef enum BitOp { BIT_TEST, BIT_SET, BIT_RESET, BIT_FLIP } BitOp;

static TCGv changed(X86Dis *d, BitOp op, TCGv v, TCGv mask)
{
    switch (op) {
    case BIT_SET: return tcg_or(d->s, v, mask);
    case BIT_RESET: return tcg_andc(d->s, v, mask);
    case BIT_FLIP: return tcg_xor(d->s, v, mask);
    default: return v;
    }
}

/* CF = the bit; returns what the word becomes. */
static TCGv bit_op(X86Dis *d, BitOp op, TCGv v, TCGv bit)
{
    TCGContext *s = d->s;

    x86_set_cc_bt(d, tcg_andi(s, tcg_shr(s, v, bit), 1));
    return changed(d, op, v, tcg_shl(s, tcg_const(s, 1), bit));
}

/*
 * Memory and a bit number in a register: a bit string, the offset is signed and
 * selects the word (SDM vol. 2A, "Bit(BitBase, BitOffset)").
 */
static void bit_string(X86Dis *d, BitOp op)
{
    TCGContext *s = d->s;
    unsigned bytes = osize_bytes(d);
    TCGv number = x86_sext(d, d->val[1], d->osize);
    TCGv word = tcg_sari(s, number, d->osize == MO_16 ? 4 : 5);
    TCGv offset = tcg_add(s, x86_ea(d, 0), tcg_shli(s, word, d->osize));
    TCGv linear, v;

    offset = x86_zext(d, offset, d->asize);
    linear = x86_linear(d, d->seg, offset, bytes, op != BIT_TEST);
    v = tcg_qemu_ld(s, linear, (TCGMemOp)(d->osize | (op == BIT_TEST ? 0 : MO_RMW)),
                    d->mmu_idx);
    v = bit_op(d, op, v, tcg_andi(s, number, 8 * bytes - 1));
    if (op != BIT_TEST) {
        tcg_qemu_st(s, linear, v, d->osize, d->mmu_idx);
    }
}

static void bit_insn(X86Dis *d, BitOp op)
{
    bool immediate = place_of(d->operand[1]) == X_I;
    TCGv bit;

    if (!immediate && d->has_mem) {
        bit_string(d, op);
        return;
    }
    bit = tcg_andi(d->s, d->val[1], 8 * osize_bytes(d) - 1);
    if (immediate) {
        d->result = bit_op(d, op, d->val[0], bit);
        return;
    }
    TCGv v = bit_op(d, op, x86_reg(d, d->rm, d->osize), bit);

    if (op != BIT_TEST) {
        x86_set_reg(d, d->rm, d->osize, v);
    }
}

void gen_BT(X86Dis *d)
{
    bit_insn(d, BIT_TEST);
}

void gen_BTS(X86Dis *d)
{
    bit_insn(d, BIT_SET);
}

void gen_BTR(X86Dis *d)
{
    bit_insn(d, BIT_RESET);
}

void gen_BTC(X86Dis *d)
{
    bit_insn(d, BIT_FLIP);
}

/* SDM vol. 2A, BSF: with a source of 0 the destination is undefined; every
 * processor, the host's too, leaves it alone, and programs rely on that. */
static void bit_scan(X86Dis *d, bool reverse)
{
    TCGContext *s = d->s;

    if (s->x86_ops) {
        d->result = tcg_x86(s, TCG_x86_ii, TCG_X86_0F | (reverse ? 0xbd : 0xbc), d->val[0],
                            d->val[1]);
    } else {
        TCGv found = reverse ? tcg_xori(s, tcg_clz(s, d->val[1]), 31) : tcg_ctz(s, d->val[1]);

        d->result = tcg_movcond(s, TCG_COND_EQ, d->val[1], tcg_const(s, 0), d->val[0], found);
    }
    x86_set_cc(d, CC_OP_LOGICB, d->val[1]);
}

void gen_BSF(X86Dis *d)
{
    bit_scan(d, false);
}

void gen_BSR(X86Dis *d)
{
    bit_scan(d, true);
}
