/* SPDX-License-Identifier: MIT */
/*
 * The VFP (VFPv2: DDI 0100I, part C).
 *
 * While TBF_FPFAST holds (round to nearest, nothing flushed, no traps) the four
 * operations are the host's own: SSE rounds as IEEE 754 has it, and its MXCSR
 * gathers the cumulative flags.  Two things differ, and show in the result:
 *
 *   a NaN          which one, and its sign
 *   +-2^emin       tiny before rounding (VFP) but not after (SSE): underflow
 *
 * So the result is looked at (tcg_redo), and in these cases arm_vfp_redo() has the
 * right one: it computes it in integers from the registers in env, which the result
 * goes to behind that.  Conversions and square roots are done alike if the host has
 * instructions for them.
 *
 * What is in env also stays in a host register (ArmDis.vfp_val) for the next
 * operation, in lane 0; the other lanes are 0, so that packed instructions raise no
 * flags for them.
 *
 * Vectors (C5.3) are as many scalar operations.
 */
#include "target-arm/gen-vfp.h"

#include "target-arm/helper.h"
#include "target-arm/translate.h"
#include "target-arm/vfp.h"

/* A register: its number and precision. */
typedef struct Reg {
    uint8_t n;
    bool dbl;
} Reg;

static uint32_t at(Reg r)
{
    return r.dbl ? ENV(vfp.d) + 8u * r.n : ENV(vfp.s) + 4u * r.n;
}

/* -- Registers --------------------------------------------------------------- */

/* From a field and its extra bit; false if the unit has no such register. */
static bool reg(ArmDis *d, bool dbl, uint32_t field, uint32_t extra, Reg *r)
{
    if (dbl && extra) {
        arm_undef(d);
        return false;
    }
    *r = (Reg){ (uint8_t)(dbl ? field : field << 1 | extra), dbl };
    return true;
}

static bool usable(ArmDis *d)
{
    if (!(d->flags & TBF_VFP)) {
        arm_undef(d);
        return false;
    }
    return true;
}

/* Index of the last comparison's flags in ArmDis.vfp_val. */
enum { NZCV = 48 };

static unsigned cache_index(Reg r) { return r.dbl ? 32u + r.n : r.n; }

/* The register changes: host registers with it, or a part of it, are stale. */
static void forget(ArmDis *d, Reg r)
{
    uint64_t singles = r.dbl ? 3ull << 2 * r.n : 1ull << r.n;
    uint64_t dbl = 1ull << (32 + (r.dbl ? r.n : r.n / 2));

    d->vfp_known &= ~(singles | dbl);
}

/* To compute with: lane 0 of a vector. */
static TCGv operand(ArmDis *d, Reg r)
{
    unsigned i = cache_index(r);

    if (!(d->vfp_known >> i & 1)) {
        d->vfp_val[i] = tcg_ld(d->s, r.dbl ? TCG_ldvd : TCG_ldvs, at(r));
        d->vfp_known |= 1ull << i;
    }
    return d->vfp_val[i];
}

static void set_result(ArmDis *d, Reg r, TCGv v)
{
    forget(d, r);
    tcg_st(d->s, r.dbl ? TCG_stvd : TCG_stvs, v, at(r));
    d->vfp_val[cache_index(r)] = v;
    d->vfp_known |= 1ull << cache_index(r);
}

/* An instruction of the host's from one register to another. */
static TCGv host(ArmDis *d, uint32_t insn, TCGv a)
{
    return tcg_x86(d->s, TCG_x86_v, insn, a, a);
}

/* As bits: i32 or i64. */
static TCGv bits_of(ArmDis *d, Reg r)
{
    const uint32_t movd = TCG_X86_0F | TCG_X86_66 | 0x7e;
    unsigned i = cache_index(r);

    if (!r.dbl && d->s->x86_ops && (d->vfp_known >> i & 1)) {
        return tcg_x86(d->s, TCG_x86_vi, movd, d->vfp_val[i], d->vfp_val[i]);
    }
    return tcg_ld(d->s, r.dbl ? TCG_ld64 : TCG_ld32, at(r));
}

static void set_bits(ArmDis *d, Reg r, TCGv v)
{
    const uint32_t movd = TCG_X86_0F | TCG_X86_66 | 0x6e;

    if (!r.dbl && d->s->x86_ops) {
        set_result(d, r, tcg_x86(d->s, TCG_x86_iv, movd, v, v));
        return;
    }
    forget(d, r);
    tcg_st(d->s, r.dbl ? TCG_st64 : TCG_st32, v, at(r));
}

/* -- Arithmetic -------------------------------------------------------------- */

static bool fast(const ArmDis *d)
{
    return d->flags & TBF_FPFAST;
}

/* A 64-bit constant in lane 0. */
static TCGv lane_const(ArmDis *d, uint64_t k)
{
    tcg_st(d->s, TCG_st64, tcg_const64(d->s, k), ENV(vfp_const));
    return tcg_ld(d->s, TCG_ldvd, ENV(vfp_const));
}

static TCGv sign_bit(ArmDis *d, bool dbl)
{
    return lane_const(d, dbl ? 1ull << 63 : 1ull << 31);
}

static void set_looked_at(ArmDis *d, Reg r, TCGv v, uint32_t word)
{
    set_result(d, r, tcg_redo(d->s, r.dbl ? TCG_DOUBT_F64 : TCG_DOUBT_F32, v, word));
}

/* The helper does it; r changes. */
static void by_helper(ArmDis *d, const ArmInsn *a, uint32_t word, Reg r)
{
    TCGContext *s = d->s;

    forget(d, r);
    if (fast(d)) {
        tcg_call(s, &h_vfp_fast, tcg_const(s, word));
    } else {
        tcg_call(s, &h_vfp_any, tcg_const(s, word), tcg_const(s, a->raw));
    }
}

typedef TCGv Binary(TCGContext *s, TCGv a, TCGv b);
static Binary *const adds[2] = { tcg_vaddss, tcg_vaddsd };
static Binary *const subs[2] = { tcg_vsubss, tcg_vsubsd };
static Binary *const muls[2] = { tcg_vmulss, tcg_vmulsd };
static Binary *const divs[2] = { tcg_vdivss, tcg_vdivsd };

/* The operand with its sign changed. */
static TCGv negated(ArmDis *d, Reg r)
{
    return tcg_vxor(d->s, operand(d, r), sign_bit(d, r.dbl));
}

/* n * m, looked at. */
static TCGv product(ArmDis *d, Reg n, Reg m, uint32_t word)
{
    return tcg_redo(d->s, n.dbl ? TCG_DOUBT_F64 : TCG_DOUBT_F32,
                    muls[n.dbl](d->s, operand(d, n), operand(d, m)), word | VFP_WORD_PRODUCT);
}

/* Every way of changing signs is exact; those of zeros come out as by C4.1. */
static TCGv compute(ArmDis *d, VfpOp op, Reg rd, Reg rn, Reg rm, uint32_t word)
{
    TCGContext *s = d->s;
    bool dbl = rd.dbl;

    switch (op) {
    case VFP_MLA:
        return adds[dbl](s, operand(d, rd), product(d, rn, rm, word));
    case VFP_MLS:
        return subs[dbl](s, operand(d, rd), product(d, rn, rm, word));
    case VFP_NMLS:
        return subs[dbl](s, product(d, rn, rm, word), operand(d, rd));
    case VFP_NMLA:
        return subs[dbl](s, negated(d, rd), product(d, rn, rm, word));
    case VFP_MUL:
        return muls[dbl](s, operand(d, rn), operand(d, rm));
    case VFP_NMUL:
        return muls[dbl](s, negated(d, rn), operand(d, rm));
    case VFP_ADD:
        return adds[dbl](s, operand(d, rn), operand(d, rm));
    case VFP_SUB:
        return subs[dbl](s, operand(d, rn), operand(d, rm));
    default:
        return divs[dbl](s, operand(d, rn), operand(d, rm));
    }
}

/* left: of the vector, behind this one. */
static void arith(ArmDis *d, const ArmInsn *a, Reg rd, Reg rn, Reg rm, unsigned left)
{
    VfpOp op = (VfpOp)a->row->op;
    uint32_t word = vfp_word(op, rd.dbl, rd.n, rn.n, rm.n) | left << VFP_WORD_LEFT_SHIFT;

    if (fast(d)) {
        set_looked_at(d, rd, compute(d, op, rd, rn, rm, word), word);
    } else {
        by_helper(d, a, word, rd);
    }
}

static TCGv square_root(ArmDis *d, Reg r)
{
    TCGv v = operand(d, r);

    return tcg_x86(d->s, TCG_x86_vv, TCG_X86_0F | (r.dbl ? TCG_X86_F2 : TCG_X86_F3) | 0x51, v, v);
}

static void monadic(ArmDis *d, const ArmInsn *a, Reg rd, Reg rm, unsigned left)
{
    VfpOp op = (VfpOp)a->row->op;
    uint32_t word = vfp_word(op, rd.dbl, rd.n, 0, rm.n) | left << VFP_WORD_LEFT_SHIFT;

    switch (op) {
    case VFP_CPY:
        set_result(d, rd, operand(d, rm));
        break;
    case VFP_ABS:
        set_result(d, rd, tcg_vandn(d->s, sign_bit(d, rd.dbl), operand(d, rm)));
        break;
    case VFP_NEG:
        set_result(d, rd, negated(d, rm));
        break;
    default:
        if (fast(d) && d->s->x86_ops) {
            set_looked_at(d, rd, square_root(d, rm), word);
        } else {
            by_helper(d, a, word, rd);
        }
        break;
    }
}

/* -- Vectors: C5.3 ----------------------------------------------------------- */

typedef struct Vector {
    unsigned len, stride;
} Vector;

/* A destination in the first bank makes it a scalar operation. */
static Vector vector_of(const ArmDis *d, Reg rd)
{
    unsigned bank = rd.dbl ? 4 : 8;
    Vector v = { 1, (d->flags & TBF_VECSTRIDE) >> TBF_VECSTRIDE_SHIFT == 3 ? 2 : 1 };

    if (rd.n >= bank) {
        v.len = 1 + ((d->flags & TBF_VECLEN) >> TBF_VECLEN_SHIFT);
    }
    return v;
}

/* The next one of its bank, round and round. */
static Reg next_reg(Reg r, const Vector *v)
{
    unsigned bank = r.dbl ? 4 : 8;

    r.n = (uint8_t)((r.n & ~(bank - 1)) | ((r.n + v->stride) & (bank - 1)));
    return r;
}

/* The second operand is a scalar if it is in the first bank. */
static Reg next_second(Reg r, const Vector *v)
{
    return r.n < (r.dbl ? 4 : 8) ? r : next_reg(r, v);
}

void trans_vfp_arith(ArmDis *d, const ArmInsn *a)
{
    Reg rd, rn, rm;

    if (!usable(d) || !reg(d, a->x, a->rd, a->dhi, &rd) || !reg(d, a->x, a->rn, a->nhi, &rn) ||
        !reg(d, a->x, a->rm, a->mhi, &rm)) {
        return;
    }
    Vector v = vector_of(d, rd);

    for (unsigned i = 0; i < v.len; i++) {
        arith(d, a, rd, rn, rm, v.len - 1 - i);
        rd = next_reg(rd, &v);
        rn = next_reg(rn, &v);
        rm = next_second(rm, &v);
    }
}

void trans_vfp_monadic(ArmDis *d, const ArmInsn *a)
{
    Reg rd, rm;

    if (!usable(d) || !reg(d, a->x, a->rd, a->dhi, &rd) || !reg(d, a->x, a->rm, a->mhi, &rm)) {
        return;
    }
    Vector v = vector_of(d, rd);

    for (unsigned i = 0; i < v.len; i++) {
        monadic(d, a, rd, rm, v.len - 1 - i);
        rd = next_reg(rd, &v);
        rm = next_second(rm, &v);
    }
}

/* -- Comparisons and conversions: scalars always ------------------------------ */

/* C4.1.5, as N Z C V of each outcome; what a host NaN stands for is one too. */
static void fast_compare(ArmDis *d, VfpOp op, Reg rd, Reg rm)
{
    enum { GREATER = 2, LESS = 8, EQUAL = 6, UNORDERED = 3 };
    unsigned codes = GREATER | LESS << 4 | EQUAL << 8 | UNORDERED << 12;
    bool signal = op == VFP_CMPE || op == VFP_CMPEZ, zero = op == VFP_CMPZ || op == VFP_CMPEZ;
    TCGContext *s = d->s;
    TCGv a = operand(d, rd), b = zero ? tcg_vxor(s, a, a) : operand(d, rm);
    TCGv nzcv = tcg_vcmp(s, rd.dbl ? TCG_vcmpsd : TCG_vcmpss, a, b, signal, codes);

    tcg_st(s, TCG_st32, nzcv, ENV(fpscr_nzcv));
    d->vfp_val[NZCV] = nzcv;
    d->vfp_known |= 1ull << NZCV;
}

void trans_vfp_compare(ArmDis *d, const ArmInsn *a)
{
    Reg rd, rm = { 0, a->x };
    VfpOp op = (VfpOp)a->row->op;
    bool zero = op == VFP_CMPZ || op == VFP_CMPEZ;

    if (!usable(d) || !reg(d, a->x, a->rd, a->dhi, &rd) ||
        (!zero && !reg(d, a->x, a->rm, a->mhi, &rm))) {
        return;
    }
    if (fast(d)) {
        fast_compare(d, op, rd, rm);
    } else {
        uint32_t word = vfp_word(op, a->x, rd.n, 0, rm.n);

        tcg_call(d->s, &h_vfp_any, tcg_const(d->s, word), tcg_const(d->s, a->raw));
        d->vfp_known &= ~(1ull << NZCV);
    }
}

/* Is the result double, is the operand; x is of the side that is no integer. */
static void precisions(const ArmInsn *a, bool *result, bool *source)
{
    switch (a->row->op) {
    case VFP_CVT:
        *source = a->raw >> 8 & 1;
        *result = !*source;
        break;
    case VFP_UITO: case VFP_SITO:
        *result = a->x;
        *source = false;
        break;
    default:
        *result = false;
        *source = a->x;
        break;
    }
}

/*
 * Packed instructions, as they leave nothing of their destination.  What does not fit
 * is 0x80000000; of the others only inexact results raise flags.
 */
enum {
    CVTDQ2PD = TCG_X86_0F | TCG_X86_F3 | 0xe6, CVTDQ2PS = TCG_X86_0F | 0x5b,
    CVTPS2PD = TCG_X86_0F | 0x5a, CVTPD2PS = TCG_X86_0F | TCG_X86_66 | 0x5a,
    CVTPD2DQ = TCG_X86_0F | TCG_X86_F2 | 0xe6, CVTTPD2DQ = TCG_X86_0F | TCG_X86_66 | 0xe6,
    CVTPS2DQ = TCG_X86_0F | TCG_X86_66 | 0x5b, CVTTPS2DQ = TCG_X86_0F | TCG_X86_F3 | 0x5b,
};

/* As the low bits of 2^52 + it. */
static TCGv unsigned_to_double(ArmDis *d, Reg r)
{
    TCGv k = lane_const(d, 0x4330000000000000);

    return tcg_vsubsd(d->s, tcg_vor(d->s, operand(d, r), k), k);
}

/* False: the host has no such instruction. */
static bool host_convert(ArmDis *d, VfpOp op, Reg rd, Reg rm, uint32_t word)
{
    bool dbl = word & VFP_WORD_DOUBLE;

    switch (op) {
    case VFP_CVT:
        set_looked_at(d, rd, host(d, dbl ? CVTPD2PS : CVTPS2PD, operand(d, rm)), word);
        return true;
    case VFP_SITO:
        set_result(d, rd, host(d, dbl ? CVTDQ2PD : CVTDQ2PS, operand(d, rm)));
        return true;
    case VFP_UITO: {
        TCGv v = unsigned_to_double(d, rm);

        set_result(d, rd, dbl ? v : host(d, CVTPD2PS, v));
        return true;
    }
    case VFP_TOSI: case VFP_TOSIZ: {
        uint32_t near = dbl ? CVTPD2DQ : CVTPS2DQ, zero = dbl ? CVTTPD2DQ : CVTTPS2DQ;
        TCGv v = host(d, op == VFP_TOSI ? near : zero, operand(d, rm));

        set_result(d, rd, tcg_redo(d->s, TCG_DOUBT_INT, v, word));
        return true;
    }
    default:
        return false;
    }
}

void trans_vfp_convert(ArmDis *d, const ArmInsn *a)
{
    bool result, source;
    Reg rd, rm;

    precisions(a, &result, &source);
    if (!usable(d) || !reg(d, result, a->rd, a->dhi, &rd) ||
        !reg(d, source, a->rm, a->mhi, &rm)) {
        return;
    }
    VfpOp op = (VfpOp)a->row->op;
    bool dbl = op == VFP_CVT ? source : a->x;
    uint32_t word = vfp_word(op, dbl, rd.n, 0, rm.n);

    if (!(fast(d) && d->s->x86_ops && host_convert(d, op, rd, rm, word))) {
        by_helper(d, a, word, rd);
    }
}

/* -- Loads and stores: C5.1 -------------------------------------------------- */

static void load(ArmDis *d, Reg r, TCGv addr)
{
    if (arm_has_lanes(d)) {
        set_result(d, r, arm_ld_lane(d, addr, r.dbl));
    } else {
        set_bits(d, r, r.dbl ? arm_ld_dword(d, addr) : arm_ld_word(d, addr));
    }
}

static void store(ArmDis *d, Reg r, TCGv addr)
{
    if (arm_has_lanes(d)) {
        arm_st_lane(d, addr, operand(d, r), r.dbl);
    } else if (r.dbl) {
        arm_st_dword(d, addr, bits_of(d, r));
    } else {
        arm_st_word(d, addr, bits_of(d, r));
    }
}

void trans_vfp_ldst(ArmDis *d, const ArmInsn *a)
{
    Reg r;

    if (!usable(d) || !reg(d, a->x, a->rd, a->dhi, &r)) {
        return;
    }
    int64_t offset = a->u ? (int64_t)a->imm * 4 : -(int64_t)a->imm * 4;
    TCGv addr = arm_block_addr(d, tcg_addi(d->s, arm_reg(d, a->rn), offset));

    if (a->row->op == VFP_LOAD) {
        load(d, r, addr);
    } else {
        store(d, r, addr);
    }
}

/* An odd number of words with doubles: FLDMX, FSTMX, whose last word is only
 * skipped here (C5.1.1, FLDMX). */
void trans_vfp_ldm(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;
    uint32_t bytes = a->imm * 4, num = a->x ? a->imm / 2 : a->imm;
    bool down = !(a->raw >> 23 & 1);
    Reg r;

    if (!usable(d) || !reg(d, a->x, a->rd, a->dhi, &r)) {
        return;
    }
    if (num == 0 || r.n + num > (a->x ? 16u : 32u) || (a->rn == R_PC && (a->w || down))) {
        arm_undef(d);                   /* UNPREDICTABLE */
        return;
    }
    TCGv base = arm_reg(d, a->rn);
    TCGv end = tcg_addi(s, base, down ? -(int64_t)bytes : (int64_t)bytes);
    TCGv addr = arm_block_addr(d, down ? end : base);

    for (unsigned i = 0; i < num; i++, r.n++) {
        TCGv where = tcg_addi(s, addr, i * (a->x ? 8 : 4));

        if (a->row->op == VFP_LOAD) {
            load(d, r, where);
        } else {
            store(d, r, where);
        }
    }
    if (a->w || down) {
        arm_set_reg(d, a->rn, end);
    }
}

/* -- Between register files -------------------------------------------------- */

void trans_vfp_move_single(ArmDis *d, const ArmInsn *a)
{
    Reg r;

    if (!usable(d) || !reg(d, false, a->rn, a->nhi, &r)) {
        return;
    }
    if (a->rd == R_PC) {
        arm_undef(d);                   /* UNPREDICTABLE */
    } else if (a->row->op == VFP_LOAD) {
        arm_set_reg(d, a->rd, bits_of(d, r));
    } else {
        set_bits(d, r, arm_reg(d, a->rd));
    }
}

/* y: the upper half. */
void trans_vfp_move_half(ArmDis *d, const ArmInsn *a)
{
    Reg r;

    if (!usable(d) || !reg(d, true, a->rn, a->nhi, &r)) {
        return;
    }
    r = (Reg){ (uint8_t)(2 * r.n + a->y), false };
    if (a->rd == R_PC) {
        arm_undef(d);                   /* UNPREDICTABLE */
    } else if (a->row->op == VFP_LOAD) {
        arm_set_reg(d, a->rd, bits_of(d, r));
    } else {
        set_bits(d, r, arm_reg(d, a->rd));
    }
}

/* Two singles in a row, or the halves of a double: the same but for numbers. */
void trans_vfp_move_pair(ArmDis *d, const ArmInsn *a)
{
    Reg r;

    if (!usable(d) || !reg(d, a->x, a->rm, a->mhi, &r)) {
        return;
    }
    Reg low = { (uint8_t)(a->x ? 2 * r.n : r.n), false }, high = { (uint8_t)(low.n + 1), false };

    if (a->rd == R_PC || a->rn == R_PC || low.n == 31) {
        arm_undef(d);                   /* UNPREDICTABLE */
    } else if (a->row->op == VFP_LOAD) {
        arm_set_reg(d, a->rd, bits_of(d, low));
        arm_set_reg(d, a->rn, bits_of(d, high));
    } else if (a->x) {                  /* one store: a load of both follows */
        TCGContext *s = d->s;
        TCGv upper = tcg_shli(s, tcg_extu64(s, arm_reg(d, a->rn)), 32);

        set_bits(d, r, tcg_or(s, tcg_extu64(s, arm_reg(d, a->rd)), upper));
    } else {
        set_bits(d, low, arm_reg(d, a->rd));
        set_bits(d, high, arm_reg(d, a->rn));
    }
}

/* -- System registers: C2.7 --------------------------------------------------- */

enum { SYS_FPSCR = 1 };

void trans_vfp_msr(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;

    if (a->rn == SYS_FPSCR && !usable(d)) {
        return;
    }
    tcg_call(s, &h_vfp_set_sys, tcg_const(s, a->rn), arm_reg(d, a->rd));
    d->vfp_known &= ~(1ull << NZCV);
    arm_check_mode(d);
}

/* To PC: the flags of the last comparison (FMSTAT). */
void trans_vfp_mrs(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;

    if (a->rn == SYS_FPSCR && !usable(d)) {
        return;
    }
    if (a->rn == SYS_FPSCR && a->rd == R_PC) {
        arm_set_cc_nzcv(d, d->vfp_known >> NZCV & 1 ? d->vfp_val[NZCV]
                                                    : tcg_ld(s, TCG_ld32, ENV(fpscr_nzcv)));
    } else if (a->rd == R_PC) {
        arm_undef(d);                   /* UNPREDICTABLE */
    } else {
        arm_set_reg(d, a->rd, tcg_call(s, &h_vfp_get_sys, tcg_const(s, a->rn)));
    }
}
