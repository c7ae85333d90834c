/* SPDX-License-Identifier: MIT */
/*
 * x87 instructions (SDM vol. 1, chapter 8): operands to helpers.  This is the slow
 * twin of gen-x87-host.c, and the way while exceptions are unmasked.
 *
 * Loads of an operand from memory are made here, so that they hit the TLB in
 * translated code; stores are made by the helpers, because whether there is
 * one depends on the exceptions found.  The last instruction's address, opcode
 * and operand address are noted behind the helper, which may still have raised
 * the exception of the one before.
 */
#include "target-i386/gen-x87.h"

#include "target-i386/fpu.h"
#include "target-i386/helper.h"
#include "target-i386/translate.h"

static TCGv k(X86Dis *d, uint32_t v)
{
    return tcg_const(d->s, v);
}

/* 8.1.8: FIP, FOP and FDP of the last non-control instruction. */
static void note_insn(X86Dis *d)
{
    tcg_set(d->s, G_FPIP, k(d, d->pc));
    tcg_set(d->s, G_FPOP, k(d, (d->opcode & 7u) << 8 | d->modrm));
    if (d->has_mem) {
        tcg_set(d->s, G_FPDP, x86_ea(d, 0));
    }
}

static TCGv address(X86Dis *d, unsigned size, bool write)
{
    return x86_linear(d, d->seg, x86_ea(d, 0), size, write);
}

/* -- Arithmetic -------------------------------------------------------------- */

void gen_FARITH_M32(X86Dis *d)
{
    tcg_call(d->s, &h_farith_m32, k(d, d->reg), x86_ld_mem(d, 0, MO_32));
    note_insn(d);
}

void gen_FARITH_M64(X86Dis *d)
{
    tcg_call(d->s, &h_farith_m64, k(d, d->reg), x86_ld_mem(d, 0, MO_64));
    note_insn(d);
}

void gen_FARITH_I32(X86Dis *d)
{
    tcg_call(d->s, &h_farith_i32, k(d, d->reg), x86_ld_mem(d, 0, MO_32));
    note_insn(d);
}

void gen_FARITH_I16(X86Dis *d)
{
    tcg_call(d->s, &h_farith_i32, k(d, d->reg), x86_ld_mem(d, 0, MO_16 | MO_SIGN));
    note_insn(d);
}

void gen_FARITH_ST0(X86Dis *d)
{
    tcg_call(d->s, &h_farith, k(d, d->reg), k(d, 0), k(d, d->rm));
    note_insn(d);
}

/* With ST(i) as the destination, the reversed operations change places. */
void gen_FARITH_STI(X86Dis *d)
{
    uint32_t op = d->reg >= 4 ? d->reg ^ 1u : d->reg;

    tcg_call(d->s, &h_farith, k(d, op), k(d, d->rm), k(d, 0));
    note_insn(d);
}

static void pop(X86Dis *d)
{
    tcg_call0(d->s, &h_fpop);
}

void gen_FARITHP_STI(X86Dis *d)
{
    gen_FARITH_STI(d);
    pop(d);
}

/* -- Comparisons ------------------------------------------------------------- */

static void compare(X86Dis *d, unsigned i, bool quiet, unsigned pops)
{
    tcg_call(d->s, &h_fcom, k(d, i), k(d, quiet));
    while (pops--) {
        pop(d);
    }
    note_insn(d);
}

void gen_FCOM(X86Dis *d) { compare(d, d->rm, false, 0); }
void gen_FCOMP(X86Dis *d) { compare(d, d->rm, false, 1); }
void gen_FCOMPP(X86Dis *d) { compare(d, 1, false, 2); }
void gen_FUCOM(X86Dis *d) { compare(d, d->rm, true, 0); }
void gen_FUCOMP(X86Dis *d) { compare(d, d->rm, true, 1); }
void gen_FUCOMPP(X86Dis *d) { compare(d, 1, true, 2); }

static void compare_eflags(X86Dis *d, bool quiet, bool with_pop)
{
    x86_set_cc_eflags(d, tcg_call(d->s, &h_fcomi, k(d, d->rm), k(d, quiet)));
    if (with_pop) {
        pop(d);
    }
    note_insn(d);
}

void gen_FCOMI(X86Dis *d) { compare_eflags(d, false, false); }
void gen_FCOMIP(X86Dis *d) { compare_eflags(d, false, true); }
void gen_FUCOMI(X86Dis *d) { compare_eflags(d, true, false); }
void gen_FUCOMIP(X86Dis *d) { compare_eflags(d, true, true); }

/* -- Loads ------------------------------------------------------------------- */

void gen_FLD_M32(X86Dis *d)
{
    tcg_call(d->s, &h_fld_m32, x86_ld_mem(d, 0, MO_32));
    note_insn(d);
}

void gen_FLD_M64(X86Dis *d)
{
    tcg_call(d->s, &h_fld_m64, x86_ld_mem(d, 0, MO_64));
    note_insn(d);
}

void gen_FLD_M80(X86Dis *d)
{
    TCGv mant = x86_ld_mem(d, 0, MO_64);

    tcg_call(d->s, &h_fld_m80, mant, x86_ld_mem(d, 8, MO_16));
    note_insn(d);
}

void gen_FLD_ST(X86Dis *d)
{
    tcg_call(d->s, &h_fld_st, k(d, d->rm));
    note_insn(d);
}

void gen_FILD_16(X86Dis *d)
{
    tcg_call(d->s, &h_fild, tcg_exts64(d->s, x86_ld_mem(d, 0, MO_16 | MO_SIGN)));
    note_insn(d);
}

void gen_FILD_32(X86Dis *d)
{
    tcg_call(d->s, &h_fild, tcg_exts64(d->s, x86_ld_mem(d, 0, MO_32)));
    note_insn(d);
}

void gen_FILD_64(X86Dis *d)
{
    tcg_call(d->s, &h_fild, x86_ld_mem(d, 0, MO_64));
    note_insn(d);
}

void gen_FBLD(X86Dis *d)
{
    TCGv low = x86_ld_mem(d, 0, MO_64);

    tcg_call(d->s, &h_fbld, low, x86_ld_mem(d, 8, MO_16));
    note_insn(d);
}

void gen_FLD_CONST(X86Dis *d)
{
    tcg_call(d->s, &h_fld_const, k(d, d->rm));
    note_insn(d);
}

/* -- Stores ------------------------------------------------------------------ */

static void store(X86Dis *d, FpStore kind, unsigned size, bool with_pop)
{
    tcg_call(d->s, &h_fst_mem, k(d, kind), address(d, size, true), k(d, with_pop));
    note_insn(d);
}

void gen_FST_M32(X86Dis *d) { store(d, FST_M32, 4, false); }
void gen_FSTP_M32(X86Dis *d) { store(d, FST_M32, 4, true); }
void gen_FST_M64(X86Dis *d) { store(d, FST_M64, 8, false); }
void gen_FSTP_M64(X86Dis *d) { store(d, FST_M64, 8, true); }
void gen_FSTP_M80(X86Dis *d) { store(d, FST_M80, 10, true); }
void gen_FIST_16(X86Dis *d) { store(d, FIST_16, 2, false); }
void gen_FISTP_16(X86Dis *d) { store(d, FIST_16, 2, true); }
void gen_FIST_32(X86Dis *d) { store(d, FIST_32, 4, false); }
void gen_FISTP_32(X86Dis *d) { store(d, FIST_32, 4, true); }
void gen_FISTP_64(X86Dis *d) { store(d, FIST_64, 8, true); }
void gen_FISTTP_16(X86Dis *d) { store(d, FISTT_16, 2, true); }
void gen_FISTTP_32(X86Dis *d) { store(d, FISTT_32, 4, true); }
void gen_FISTTP_64(X86Dis *d) { store(d, FISTT_64, 8, true); }
void gen_FBSTP(X86Dis *d) { store(d, FST_BCD, 10, true); }

void gen_FST_ST(X86Dis *d)
{
    tcg_call(d->s, &h_fst_st, k(d, d->rm));
    note_insn(d);
}

void gen_FSTP_ST(X86Dis *d)
{
    gen_FST_ST(d);
    pop(d);
}

/* The undocumented alias at D9 /3: no stack underflow. */
void gen_FSTPNCE(X86Dis *d)
{
    tcg_call(d->s, &h_fstpnce, k(d, d->rm));
    note_insn(d);
}

/* -- Registers --------------------------------------------------------------- */

void gen_FXCH(X86Dis *d)
{
    tcg_call(d->s, &h_fxch, k(d, d->rm));
    note_insn(d);
}

/* DA /0../3: below, equal, below or equal, unordered; DB: the contrary. */
void gen_FCMOV(X86Dis *d)
{
    static const uint8_t conds[4] = { 0x2, 0x4, 0x6, 0xa };
    X86Cond c = x86_cond(d, conds[d->reg & 3] | (d->opcode & 1u));

    tcg_call(d->s, &h_fcmov, k(d, d->rm), tcg_setcond(d->s, c.c, c.a, c.b));
    note_insn(d);
}

void gen_FFREE(X86Dis *d)
{
    tcg_call(d->s, &h_ffree, k(d, d->rm));
    note_insn(d);
}

void gen_FFREEP(X86Dis *d)
{
    gen_FFREE(d);
    pop(d);
}

void gen_F_D9(X86Dis *d)
{
    tcg_call(d->s, &h_f_d9, k(d, d->modrm & 31));
    note_insn(d);
}

void gen_FNOP(X86Dis *d)
{
    tcg_call0(d->s, &h_fwait);
    note_insn(d);
}

/* FNENI, FNDISI, FNSETPM: do nothing since the 80387. */
void gen_FNNOP(X86Dis *d)
{
    (void)d;
}

/* -- Control ----------------------------------------------------------------- */

void gen_FLDCW(X86Dis *d)
{
    tcg_call(d->s, &h_fldcw, x86_ld_mem(d, 0, MO_16));
    x86_check_mode(d, false);
}

void gen_FNSTCW(X86Dis *d)
{
    x86_st_mem(d, 0, tcg_ld(d->s, TCG_ld32, ENV(fpuc)), MO_16);
}

void gen_FNSTSW_M(X86Dis *d)
{
    x86_st_mem(d, 0, tcg_call0(d->s, &h_fnstsw), MO_16);
}

void gen_FNSTSW_AX(X86Dis *d)
{
    x86_set_reg(d, R_EAX, MO_16, tcg_call0(d->s, &h_fnstsw));
}

static void image(X86Dis *d, const TCGHelper *h, unsigned words, unsigned regs, bool write)
{
    unsigned size = osize_bytes(d);

    tcg_call(d->s, h, address(d, words * size + regs, write), k(d, size));
}

void gen_FLDENV(X86Dis *d) { image(d, &h_fldenv, 7, 0, false); }
void gen_FNSTENV(X86Dis *d) { image(d, &h_fnstenv, 7, 0, true); }
void gen_FRSTOR(X86Dis *d) { image(d, &h_frstor, 7, 80, false); }
void gen_FNSAVE(X86Dis *d) { image(d, &h_fnsave, 7, 80, true); }

void gen_FNINIT(X86Dis *d)
{
    tcg_call0(d->s, &h_fninit);
}

void gen_FNCLEX(X86Dis *d)
{
    tcg_call0(d->s, &h_fnclex);
}

static void image_512(X86Dis *d, const TCGHelper *h, bool write)
{
    TCGv addr = address(d, 512, write);

    x86_check_align(d, addr, 16, EXCP_GP);
    tcg_call(d->s, h, addr);
}

void gen_FXSAVE(X86Dis *d) { image_512(d, &h_fxsave, true); }
void gen_FXRSTOR(X86Dis *d) { image_512(d, &h_fxrstor, false); }

void gen_LDMXCSR(X86Dis *d)
{
    tcg_call(d->s, &h_ldmxcsr, x86_ld_mem(d, 0, MO_32));
}

void gen_STMXCSR(X86Dis *d)
{
    x86_st_mem(d, 0, tcg_call0(d->s, &h_stmxcsr), MO_32);
}
