/* SPDX-License-Identifier: MIT */
/*
 * Branches and exceptions.  A conditional branch is nothing special: its
 * condition was dealt with before (translate.c).
 */
#include "target-arm/gen.h"
#include "target-arm/helper.h"
#include "target-arm/translate.h"

static uint32_t sext(uint32_t v, unsigned bits)
{
    unsigned up = 32 - bits;

    return (uint32_t)((int32_t)(v << up) >> up);
}

static void set_lr(ArmDis *d)
{
    arm_set_reg(d, R_LR, tcg_const(d->s, d->next | d->thumb));
}

/* If conditional, slot 0 is for the way on. */
static void jump(ArmDis *d, const ArmInsn *a, uint32_t addr)
{
    arm_jump(d, addr, a->cond < 14);
}

static uint32_t target(const ArmDis *d, const ArmInsn *a)
{
    return arm_pc_value(d) + sext(a->imm, 24) * 4;
}

static void jump_or_loop(ArmDis *d, const ArmInsn *a, uint32_t addr)
{
    if (!arm_loop(d, addr)) {
        jump(d, a, addr);
    }
}

void trans_b(ArmDis *d, const ArmInsn *a)
{
    jump_or_loop(d, a, target(d, a));
}

void trans_bl(ArmDis *d, const ArmInsn *a)
{
    set_lr(d);
    jump(d, a, target(d, a));
}

/* X is bit 1 of the offset. */
void trans_blx_imm(ArmDis *d, const ArmInsn *a)
{
    set_lr(d);
    arm_exchange(d, tcg_const(d->s, target(d, a) + 2 * a->x));
}

void trans_bx(ArmDis *d, const ArmInsn *a)
{
    arm_bx(d, arm_reg(d, a->rm));
}

void trans_blx_reg(ArmDis *d, const ArmInsn *a)
{
    TCGv to = arm_reg(d, a->rm);

    if (a->rm == R_PC) {                /* UNPREDICTABLE */
        arm_undef(d);
        return;
    }
    set_lr(d);
    arm_bx(d, to);
}

/* -- T16 --------------------------------------------------------------------- */

void trans_t_b(ArmDis *d, const ArmInsn *a)
{
    jump(d, a, arm_pc_value(d) + sext(a->imm, 11) * 2);
}

void trans_t_bcc(ArmDis *d, const ArmInsn *a)
{
    jump_or_loop(d, a, arm_pc_value(d) + sext(a->imm, 8) * 2);
}

void trans_t_bl_high(ArmDis *d, const ArmInsn *a)
{
    d->bl_base = arm_pc_value(d) + (sext(a->imm, 11) << 12);
    d->have_bl = true;
    arm_set_reg(d, R_LR, tcg_const(d->s, d->bl_base));
}

void trans_t_bl(ArmDis *d, const ArmInsn *a)
{
    TCGv to = tcg_addi(d->s, arm_reg(d, R_LR), a->imm);

    set_lr(d);
    if (d->have_bl) {
        arm_jump(d, (d->bl_base + a->imm) & ~1u, 0);
    } else {
        arm_branch_to(d, to);
    }
}

void trans_t_blx(ArmDis *d, const ArmInsn *a)
{
    TCGv to = tcg_addi(d->s, arm_reg(d, R_LR), a->imm);

    set_lr(d);
    arm_exchange(d, to);
}

/* -- Exceptions -------------------------------------------------------------- */

/* ARM DUI 0203, semihosting: these numbers are its. */
static bool is_semihosting(const ArmDis *d, const ArmInsn *a)
{
    return arm_env(d->cpu)->pins.semihosting && a->imm == (d->thumb ? 0xabu : 0x123456u);
}

void trans_svc(ArmDis *d, const ArmInsn *a)
{
    arm_raise_now(d, is_semihosting(d, a) ? EXCP_SEMIHOST : EXCP_SWI);
}

void trans_bkpt(ArmDis *d, const ArmInsn *a)
{
    (void)a;
    tcg_call(d->s, &h_bkpt, tcg_const(d->s, d->pc));
    tcg_exit_tb(d->s, TB_EXIT_NONE);
    d->end = END_GONE;
}

void trans_udf(ArmDis *d, const ArmInsn *a)
{
    (void)a;
    arm_undef(d);
}

void trans_nop(ArmDis *d, const ArmInsn *a)
{
    (void)d, (void)a;
}
