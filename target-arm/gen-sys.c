/* SPDX-License-Identifier: MIT */
/*
 * Status registers, change of processor state, coprocessors.
 *
 * What may unmask an interrupt or change the mode ends with arm_check_mode(),
 * what may change more than that (CP15) with arm_end_mode().  Coprocessors other
 * than 15, and 10 and 11 with a VFP, are not there: UNDEFINED.
 */
#include "target-arm/gen.h"
#include "target-arm/helper.h"
#include "target-arm/translate.h"

static TCGv konst(ArmDis *d, uint32_t k)
{
    return tcg_const(d->s, k);
}

/* -- MRS and MSR --------------------------------------------------------------- */

/* PC as destination is UNPREDICTABLE, and so is SPSR in User mode: 0. */
void trans_mrs(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;

    if (a->rd == R_PC) {
        arm_undef(d);
    } else if (!a->x) {
        arm_set_reg(d, a->rd, tcg_call0(s, &h_mrs_cpsr));
        arm_cc_plain(d);
    } else {
        arm_set_reg(d, a->rd, arm_dis_priv(d) ? tcg_ld(s, TCG_ld32, ENV(spsr)) : konst(d, 0));
    }
}

/* MSR's mask c x s f as bits of the register */
static uint32_t byte_mask(unsigned k)
{
    return (k & 1 ? 0xffu : 0) | (k & 2 ? 0xff00u : 0) | (k & 4 ? 0xff0000u : 0) |
           (k & 8 ? 0xff000000u : 0);
}

/* DDI 0100I A2.5.3: User mode may write these. */
static uint32_t user_bits(const ArmDis *d)
{
    uint32_t bits = (uint32_t)CPSR_NZCV;

    bits |= arm_has(d, ARM_V5TE) ? CPSR_Q : 0;
    return bits | (arm_has(d, ARM_V6) ? CPSR_GE | CPSR_E : 0);
}

static void write_flags(ArmDis *d, TCGv v, uint32_t mask)
{
    TCGContext *s = d->s;

    if (mask & (uint32_t)CPSR_NZCV) {
        arm_set_cc_nzcv(d, v);
        if (mask & CPSR_Q) {
            tcg_st(s, TCG_st32, tcg_extract(s, v, 27, 1), ENV(qf));
        }
    }
    if (mask & CPSR_GE) {
        tcg_st(s, TCG_st32, tcg_extract(s, v, CPSR_GE_SHIFT, 4), ENV(ge));
    }
}

/* Bits other than flags. */
static void call_msr_cpsr(ArmDis *d, TCGv v, uint32_t mask)
{
    tcg_call(d->s, &h_msr_cpsr, v, konst(d, mask));
    arm_cc_plain(d);
    arm_check_mode(d);
}

/* T and J cannot be written so (UNPREDICTABLE). */
static void write_cpsr(ArmDis *d, TCGv v, uint32_t mask)
{
    const uint32_t control = CPSR_M | CPSR_A | CPSR_I | CPSR_F | CPSR_E;

    mask &= user_bits(d) | (arm_dis_priv(d) ? control : 0);
    write_flags(d, v, mask);
    if (mask & control) {
        call_msr_cpsr(d, v, mask & control);
    }
}

static void msr(ArmDis *d, const ArmInsn *a, TCGv v)
{
    uint32_t mask = byte_mask(a->mask);

    if (!a->x) {
        write_cpsr(d, v, mask);
    } else if (arm_dis_priv(d)) {
        tcg_call(d->s, &h_msr_spsr, v, konst(d, mask));
    }
}

void trans_msr_imm(ArmDis *d, const ArmInsn *a)
{
    msr(d, a, konst(d, a->imm >> 2 * a->rot | (a->rot ? a->imm << (32 - 2 * a->rot) : 0)));
}

void trans_msr_reg(ArmDis *d, const ArmInsn *a)
{
    msr(d, a, arm_reg(d, a->rm));
}

/* -- CPS, SETEND, SRS, RFE (v6) ------------------------------------------------ */

/* No effect in User mode (A2.5.3); imod 2 enables, 3 disables. */
static void change_state(ArmDis *d, unsigned imod, unsigned aif, bool has_mode, uint32_t mode)
{
    uint32_t mask = imod & 2 ? aif << 6 : 0, val = imod == 3 ? mask : 0;

    if (has_mode) {
        mask |= CPSR_M;
        val |= mode;
    }
    if (arm_dis_priv(d) && mask) {
        call_msr_cpsr(d, konst(d, val), mask);
    }
}

void trans_cps(ArmDis *d, const ArmInsn *a)
{
    change_state(d, a->type, a->mask, a->x, a->imm);
}

void trans_t_cps(ArmDis *d, const ArmInsn *a)
{
    change_state(d, 2 | a->x, a->mask, false, 0);
}

void trans_setend(ArmDis *d, const ArmInsn *a)
{
    call_msr_cpsr(d, konst(d, a->x ? CPSR_E : 0), CPSR_E);
}

/* Two words at base, as LDM and STM count; *start is the lower one's address,
 * the result the base after write-back. */
static TCGv two_words(ArmDis *d, const ArmInsn *a, TCGv base, TCGv *start)
{
    int32_t first = (a->u ? 0 : -8) + (a->p == a->u ? 4 : 0);

    *start = arm_block_addr(d, tcg_addi(d->s, base, first));
    return tcg_addi(d->s, base, a->u ? 8 : -8);
}

/* LR and SPSR of this mode to another one's stack; User mode: UNPREDICTABLE. */
void trans_srs(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;
    TCGv mode = konst(d, a->imm), start, base;

    if (!arm_dis_priv(d)) {
        arm_undef(d);
        return;
    }
    base = two_words(d, a, tcg_call(s, &h_get_sp_of, mode), &start);
    arm_st_word(d, start, arm_reg(d, R_LR));
    arm_st_word(d, tcg_addi(s, start, 4), tcg_ld(s, TCG_ld32, ENV(spsr)));
    if (a->w) {
        tcg_call(s, &h_set_sp_of, mode, base);
    }
}

void trans_rfe(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;
    TCGv start, base, pc, cpsr;

    if (!arm_dis_priv(d) || a->rn == R_PC) {
        arm_undef(d);
        return;
    }
    base = two_words(d, a, arm_reg(d, a->rn), &start);
    pc = arm_ld_word(d, start);
    cpsr = arm_ld_word(d, tcg_addi(s, start, 4));
    if (a->w) {
        arm_set_reg(d, a->rn, base);
    }
    tcg_call(s, &h_rfe, pc, cpsr);
    tcg_exit_tb(s, TB_EXIT_NONE);
    d->end = END_GONE;
}

/* -- Coprocessors --------------------------------------------------------------- */

void trans_ldc(ArmDis *d, const ArmInsn *a)
{
    (void)a;
    arm_undef(d);
}

void trans_cdp(ArmDis *d, const ArmInsn *a)
{
    (void)a;
    arm_undef(d);
}

/* The block at the next instruction, with these flags. */
static void next_block(ArmDis *d, uint32_t flags)
{
    tcg_set(d->s, G_PC, konst(d, d->next));
    tcg_goto_ptr(d->s, konst(d, d->next), flags);
}

/*
 * Linux goes to and fro between two domain settings, which have a set of TLB
 * tables each (mmu.c): no more than another MMU index.
 */
static void dacr_write(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;
    uint32_t set = d->flags >> TBF_MMUIDX_SHIFT >> 1 & 1;
    uint32_t flags = d->flags ^ 2u << TBF_MMUIDX_SHIFT;
    TCGLabel same = tcg_new_label(s), other = tcg_new_label(s);

    tcg_brcond(s, TCG_COND_EQ, arm_reg(d, a->rd), tcg_ld(s, TCG_ld32, ENV(cp15.dacr)), same);
    tcg_brcond(s, TCG_COND_NE, arm_reg(d, a->rd),
               tcg_ld(s, TCG_ld32, ENV(cp15.dacr_of[0]) + 4 * !set), other);
    tcg_st(s, TCG_st32, arm_reg(d, a->rd), ENV(cp15.dacr));
    tcg_st(s, TCG_st32, konst(d, flags), ENV(tbflags));
    next_block(d, flags);
    arm_label(d, other);
    tcg_call(s, &h_cp15_write, konst(d, a->raw), arm_reg(d, a->rd));
    tcg_set(s, G_PC, konst(d, d->next));
    tcg_exit_tb(s, TB_EXIT_NONE);
    arm_label(d, same);
    next_block(d, d->flags);
    d->end = END_GONE;
}

/* MCR p15, 0, Rd, c3, c0, 0 */
static bool is_dacr(uint32_t insn)
{
    return (insn & 0x00ff0fff) == 0x00030f10;
}

void trans_mcr(ArmDis *d, const ArmInsn *a)
{
    if (a->coproc != 15) {
        arm_undef(d);
        return;
    }
    if (is_dacr(a->raw) && arm_dis_priv(d) && !d->leave && !arm_has(d, ARM_MPU)) {
        dacr_write(d, a);
        return;
    }
    if (arm_cp15_write_is_nothing(d->features, a->raw, arm_dis_priv(d))) {
        return;
    }
    tcg_call(d->s, &h_cp15_write, konst(d, a->raw), arm_reg(d, a->rd));
    if (!arm_cp15_write_is_quiet(a->raw)) {
        arm_end_mode(d);
    }
}

/* To PC: the flags (A8.8.107). */
void trans_mrc(ArmDis *d, const ArmInsn *a)
{
    if (a->coproc != 15) {
        arm_undef(d);
        return;
    }
    TCGv v = tcg_call(d->s, &h_cp15_read, konst(d, a->raw));

    if (a->rd == R_PC) {
        arm_set_cc_nzcv(d, v);
    } else {
        arm_set_reg(d, a->rd, v);
    }
}

void trans_mcrr(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;

    if (a->coproc != 15) {
        arm_undef(d);
        return;
    }
    TCGv low = tcg_extu64(s, arm_reg(d, a->rd)), high = tcg_extu64(s, arm_reg(d, a->rn));

    tcg_call(s, &h_cp15_write64, konst(d, a->raw), tcg_or(s, low, tcg_shli(s, high, 32)));
}

void trans_mrrc(ArmDis *d, const ArmInsn *a)
{
    (void)a;
    arm_undef(d);
}
