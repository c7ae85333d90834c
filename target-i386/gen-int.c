/* SPDX-License-Identifier: MIT */
/*
 * Integer instructions: arithmetic, logic, data movement, flags.
 * Shifts and bits are in gen-shift.c.
 */
#include "target-i386/gen.h"
#include "target-i386/helper.h"
#include "target-i386/translate.h"

/* -- Arithmetic and logic ---------------------------------------------------- */

void gen_ADD(X86Dis *d)
{
    d->result = tcg_add(d->s, d->val[0], d->val[1]);
    x86_set_cc_src(d, CC_OP_ADDB, d->result, d->val[1]);
}

void gen_SUB(X86Dis *d)
{
    d->result = tcg_sub(d->s, d->val[0], d->val[1]);
    x86_set_cc_sub(d, d->result, d->val[0], d->val[1]);
}

/* SDM vol. 2A, CMP: flags as SUB sets them, result dropped. */
void gen_CMP(X86Dis *d)
{
    x86_set_cc_cmp(d, d->val[0], d->val[1]);
}

/*
 * With carry: in 64 bits, where the carry out is bit 32 (or whatever is just
 * above the operand) of the sum.
 */
void gen_ADC(X86Dis *d)
{
    TCGContext *s = d->s;
    TCGv in = x86_carry(d), out;

    if (d->ot == MO_32) {
        TCGv sum = tcg_add(s, tcg_extu64(s, d->val[0]), tcg_extu64(s, d->val[1]));

        sum = tcg_add(s, sum, tcg_extu64(s, in));
        d->result = tcg_trunc32(s, sum);
        out = tcg_trunc32(s, tcg_shri(s, sum, 32));
    } else {
        d->result = tcg_add(s, tcg_add(s, d->val[0], d->val[1]), in);
        out = tcg_shri(s, d->result, 8u << d->ot);
    }
    x86_set_cc_carry(d, CC_OP_ADCB, d->result, d->val[1], in, out);
}

/* sbb r,r is how a carry is made a mask: r is not needed for it. */
static bool same_register(const X86Dis *d)
{
    return d->mod == 3 && d->has_modrm && d->reg == d->rm &&
           place_of(d->operand[1]) != X_I;
}

static void sbb_same(X86Dis *d)
{
    TCGv in = x86_carry(d);

    d->result = tcg_neg(d->s, in);
    x86_set_cc_carry(d, CC_OP_SBBB, d->result, tcg_const(d->s, 0), in, in);
}

void gen_SBB(X86Dis *d)
{
    TCGContext *s = d->s;

    if (same_register(d)) {
        sbb_same(d);
        return;
    }
    TCGv in = x86_carry(d), out;

    if (d->ot == MO_32) {
        TCGv diff = tcg_sub(s, tcg_extu64(s, d->val[0]), tcg_extu64(s, d->val[1]));

        diff = tcg_sub(s, diff, tcg_extu64(s, in));
        d->result = tcg_trunc32(s, diff);
        out = tcg_trunc32(s, tcg_shri(s, diff, 63));
    } else {
        d->result = tcg_sub(s, tcg_sub(s, d->val[0], d->val[1]), in);
        out = tcg_shri(s, d->result, 31);
    }
    x86_set_cc_carry(d, CC_OP_SBBB, d->result, d->val[1], in, out);
}

static void logic(X86Dis *d, TCGv r)
{
    d->result = r;
    x86_set_cc(d, CC_OP_LOGICB, r);
}

void gen_AND(X86Dis *d)
{
    logic(d, tcg_and(d->s, d->val[0], d->val[1]));
}

void gen_OR(X86Dis *d)
{
    logic(d, tcg_or(d->s, d->val[0], d->val[1]));
}

void gen_XOR(X86Dis *d)
{
    if (same_register(d)) {
        logic(d, tcg_const(d->s, 0));
    } else {
        logic(d, tcg_xor(d->s, d->val[0], d->val[1]));
    }
}

void gen_TEST(X86Dis *d)
{
    gen_AND(d);
}

void gen_INC(X86Dis *d)
{
    d->result = tcg_addi(d->s, d->val[0], 1);
    x86_set_cc_inc(d, CC_OP_INCB, d->result);
}

void gen_DEC(X86Dis *d)
{
    d->result = tcg_addi(d->s, d->val[0], -1);
    x86_set_cc_inc(d, CC_OP_DECB, d->result);
}

void gen_NOT(X86Dis *d)
{
    d->result = tcg_not(d->s, d->val[0]);
}

void gen_NEG(X86Dis *d)
{
    d->result = tcg_neg(d->s, d->val[0]);
    x86_set_cc_sub(d, d->result, tcg_const(d->s, 0), d->val[0]);
}

/* -- Multiply and divide ----------------------------------------------------- */

static void set_pair(X86Dis *d, TCGv low, TCGv high)
{
    x86_set_reg(d, R_EAX, d->ot, low);
    x86_set_reg(d, R_EDX, d->ot, high);
}

/* CF and OF: the high half is not just an extension of the low one. */
void gen_MUL(X86Dis *d)
{
    TCGContext *s = d->s;
    TCGv a = x86_reg(d, R_EAX, d->ot), low = tcg_mul(s, a, d->val[0]), high;

    if (d->ot == MO_32) {
        high = tcg_muluh(s, a, d->val[0]);
        set_pair(d, low, high);
    } else {
        high = tcg_shri(s, low, 8u << d->ot);
        if (d->ot == MO_8) {
            x86_set_reg(d, R_EAX, MO_16, low);
        } else {
            set_pair(d, low, high);
        }
    }
    x86_set_cc_src(d, CC_OP_MULB, low, high);
}

void gen_IMUL1(X86Dis *d)
{
    TCGContext *s = d->s;
    TCGv a = x86_sext(d, x86_reg(d, R_EAX, d->ot), d->ot), b = x86_sext(d, d->val[0], d->ot);
    TCGv low = tcg_mul(s, a, b);

    if (d->ot == MO_8) {
        x86_set_reg(d, R_EAX, MO_16, low);
    } else {
        set_pair(d, low, d->ot == MO_32 ? tcg_mulsh(s, a, b) : tcg_shri(s, low, 16));
    }
    x86_set_cc_src(d, CC_OP_IMULB, a, b);
}

/* Two forms: G *= E, and G = E * immediate. */
void gen_IMUL(X86Dis *d)
{
    TCGContext *s = d->s;
    bool three = place_of(d->operand[2]) == X_I;
    TCGv a = x86_sext(d, d->val[1], d->ot);
    TCGv b = x86_sext(d, d->val[three ? 2 : 0], d->ot);

    d->result = tcg_mul(s, a, b);
    x86_set_cc_src(d, CC_OP_IMULB, a, b);
}

/* The flags are undefined; they stay. */
static void divide(X86Dis *d, const TCGHelper *const h[3])
{
    TCGContext *s = d->s;
    TCGv eax = tcg_get(s, G_EAX), edx = tcg_get(s, G_EDX), q;

    switch (d->ot) {
    case MO_8:
        q = tcg_call(s, h[0], tcg_ext16u(s, eax), d->val[0]);
        x86_set_reg(d, R_EAX, MO_16, q);
        break;
    case MO_16:
        q = tcg_call(s, h[1], tcg_deposit(s, eax, edx, 16, 16), d->val[0]);
        set_pair(d, q, tcg_shri(s, q, 16));
        break;
    default:
        q = tcg_call(s, h[2], eax, edx, d->val[0]);
        set_pair(d, tcg_trunc32(s, q), tcg_trunc32(s, tcg_shri(s, q, 32)));
        break;
    }
}

void gen_DIV(X86Dis *d)
{
    static const TCGHelper *const h[3] = { &h_divb, &h_divw, &h_divl };

    divide(d, h);
}

void gen_IDIV(X86Dis *d)
{
    static const TCGHelper *const h[3] = { &h_idivb, &h_idivw, &h_idivl };

    divide(d, h);
}

/* -- Decimal ----------------------------------------------------------------- */

static void adjust(X86Dis *d, const TCGHelper *h)
{
    tcg_call0(d->s, h);
    x86_cc_is_eflags(d);
}

void gen_DAA(X86Dis *d)
{
    adjust(d, &h_daa);
}

void gen_DAS(X86Dis *d)
{
    adjust(d, &h_das);
}

void gen_AAA(X86Dis *d)
{
    adjust(d, &h_aaa);
}

void gen_AAS(X86Dis *d)
{
    adjust(d, &h_aas);
}

void gen_AAM(X86Dis *d)
{
    TCGContext *s = d->s;
    TCGv al = x86_reg(d, R_EAX, MO_8), ax;

    if (d->imm[0] == 0) {
        x86_raise_now(d, EXCP_DE);
        return;
    }
    /* AH = quotient, AL = remainder: DIV's the other way round; it cannot
     * overflow, so a 16-bit division of AL does. */
    ax = tcg_call(s, &h_divw, al, d->val[0]);
    al = tcg_shri(s, ax, 16);
    d->ot = MO_8;
    x86_set_reg(d, R_EAX, MO_16, tcg_deposit(s, al, ax, 8, 8));
    x86_set_cc(d, CC_OP_LOGICB, al);
}

void gen_AAD(X86Dis *d)
{
    TCGContext *s = d->s;
    TCGv ah = x86_reg(d, R_EAX + 4, MO_8), al = x86_reg(d, R_EAX, MO_8);

    al = tcg_ext8u(s, tcg_add(s, al, tcg_mul(s, ah, d->val[0])));
    d->ot = MO_8;
    x86_set_reg(d, R_EAX, MO_16, al);
    x86_set_cc(d, CC_OP_LOGICB, al);
}

/* -- Data movement ----------------------------------------------------------- */

void gen_MOV(X86Dis *d)
{
    d->result = d->val[1];
}

void gen_MOVZX(X86Dis *d)
{
    gen_MOV(d);
}

void gen_MOVSX(X86Dis *d)
{
    gen_MOV(d);
}

void gen_MOVNTI(X86Dis *d)
{
    gen_MOV(d);
}

void gen_NOP(X86Dis *d)
{
    (void)d;
}

static void set_source(X86Dis *d, TCGv v)
{
    unsigned n = place_of(d->operand[1]) == X_AX ? R_EAX : d->reg;

    x86_set_reg(d, n, d->ot, v);
}

void gen_XCHG(X86Dis *d)
{
    d->result = d->val[1];
    x86_write_back(d);
    set_source(d, d->val[0]);
}

/* SDM vol. 2D, XADD: if both are one register, it gets the sum. */
void gen_XADD(X86Dis *d)
{
    d->result = tcg_add(d->s, d->val[0], d->val[1]);
    x86_set_cc_src(d, CC_OP_ADDB, d->result, d->val[1]);
    if (d->has_mem) {
        x86_write_back(d);
        set_source(d, d->val[0]);
    } else {
        set_source(d, d->val[0]);
        x86_write_back(d);
    }
}

/*
 * SDM vol. 2A, CMPXCHG: the destination is written in any case.  When equal,
 * the accumulator gets what it has.
 */
void gen_CMPXCHG(X86Dis *d)
{
    TCGContext *s = d->s;
    TCGv acc = x86_reg(d, R_EAX, d->ot), old = d->val[0];

    d->result = tcg_movcond(s, TCG_COND_EQ, acc, old, d->val[1], old);
    x86_set_cc_cmp(d, acc, old);
    if (d->has_mem) {
        x86_write_back(d);
        x86_set_reg(d, R_EAX, d->ot, old);
    } else {
        x86_set_reg(d, R_EAX, d->ot, old);
        x86_write_back(d);
    }
}

static TCGv pair64(X86Dis *d, TCGGlobal high, TCGGlobal low)
{
    TCGContext *s = d->s;
    TCGv h = tcg_extu64(s, tcg_get(s, high));

    return tcg_or(s, tcg_shli(s, h, 32), tcg_extu64(s, tcg_get(s, low)));
}

/* ZF only. */
void gen_CMPXCHG8B(X86Dis *d)
{
    TCGContext *s = d->s;
    TCGv want = pair64(d, G_EDX, G_EAX), old = d->val[0];
    TCGv rest = tcg_andi(s, x86_eflags_cc(d), ~(uint32_t)CC_Z);
    TCGv equal = tcg_trunc32(s, tcg_setcond(s, TCG_COND_EQ, old, want));

    d->result = tcg_movcond(s, TCG_COND_EQ, old, want, pair64(d, G_ECX, G_EBX), old);
    x86_write_back(d);
    tcg_set(s, G_EAX, tcg_trunc32(s, old));
    tcg_set(s, G_EDX, tcg_trunc32(s, tcg_shri(s, old, 32)));
    x86_set_cc_eflags(d, tcg_or(s, rest, tcg_shli(s, equal, 6)));
}

/* With a 16-bit operand it is undefined; processors clear the register's word. */
void gen_BSWAP(X86Dis *d)
{
    if (d->osize == MO_16) {
        d->result = tcg_deposit(d->s, d->val[0], tcg_const(d->s, 0), 0, 16);
    } else {
        d->result = tcg_bswap(d->s, d->val[0]);
    }
}

void gen_LEA(X86Dis *d)
{
    d->result = x86_ea(d, 0);
}

/* CBW, CWDE */
void gen_CBW(X86Dis *d)
{
    TCGMemOp half = d->osize == MO_16 ? MO_8 : MO_16;

    x86_set_reg(d, R_EAX, d->osize, x86_sext(d, tcg_get(d->s, G_EAX), half));
}

/* CWD, CDQ */
void gen_CWD(X86Dis *d)
{
    TCGv a = x86_sext(d, tcg_get(d->s, G_EAX), d->osize);

    x86_set_reg(d, R_EDX, d->osize, tcg_sari(d->s, a, 31));
}

void gen_XLAT(X86Dis *d)
{
    TCGContext *s = d->s;
    TCGv offset = tcg_add(s, tcg_get(s, G_EBX), x86_reg(d, R_EAX, MO_8));
    unsigned seg = d->seg_override >= 0 ? (unsigned)d->seg_override : R_DS;

    offset = x86_zext(d, offset, d->asize);
    x86_set_reg(d, R_EAX, MO_8, x86_ld(d, seg, offset, MO_8));
}

/* -- Conditions -------------------------------------------------------------- */

void gen_SETcc(X86Dis *d)
{
    X86Cond c = x86_cond(d, d->opcode & 15);

    d->result = tcg_setcond(d->s, c.c, c.a, c.b);
}

/* A memory operand is read, and faults, whatever the condition. */
void gen_CMOVcc(X86Dis *d)
{
    X86Cond c = x86_cond(d, d->opcode & 15);

    d->result = tcg_movcond(d->s, c.c, c.a, c.b, d->val[1], d->val[0]);
}

void gen_SALC(X86Dis *d)
{
    x86_set_reg(d, R_EAX, MO_8, tcg_neg(d->s, x86_carry(d)));
}

/* -- Flags ------------------------------------------------------------------- */

void gen_LAHF(X86Dis *d)
{
    TCGv f = tcg_ori(d->s, x86_eflags_cc(d), 2);

    x86_set_reg(d, R_EAX + 4, MO_8, f);
}

void gen_SAHF(X86Dis *d)
{
    TCGContext *s = d->s;
    TCGv low = tcg_andi(s, x86_reg(d, R_EAX + 4, MO_8), CC_ALL & ~CC_O);

    x86_set_cc_eflags(d, tcg_or(s, tcg_andi(s, x86_eflags_cc(d), CC_O), low));
}

void gen_CLC(X86Dis *d)
{
    x86_set_cc_eflags(d, tcg_andi(d->s, x86_eflags_cc(d), ~(uint32_t)CC_C));
}

void gen_STC(X86Dis *d)
{
    x86_set_cc_eflags(d, tcg_ori(d->s, x86_eflags_cc(d), CC_C));
}

void gen_CMC(X86Dis *d)
{
    x86_set_cc_eflags(d, tcg_xori(d->s, x86_eflags_cc(d), CC_C));
}

void gen_CLD(X86Dis *d)
{
    tcg_st(d->s, TCG_st32, tcg_const(d->s, 1), ENV(df));
}

void gen_STD(X86Dis *d)
{
    tcg_st(d->s, TCG_st32, tcg_const(d->s, 0xffffffff), ENV(df));
}
