/* SPDX-License-Identifier: MIT */
/*
 * Jumps, calls, interrupts and the stack.
 *
 * A branch with a 16-bit operand size clears the upper half of EIP (SDM vol.
 * 2A, Jcc).  A target outside of the code segment faults at the branch, before
 * anything is pushed.
 */
#include "target-i386/gen.h"
#include "target-i386/helper.h"
#include "target-i386/translate.h"

static uint32_t wrap(X86Dis *d, uint32_t eip)
{
    d->bound |= d->osize == MO_16;
    return d->osize == MO_16 ? eip & 0xffff : eip;
}

static uint32_t target(X86Dis *d)
{
    return wrap(d, d->next + d->imm[0]);
}

/* -- Near jumps -------------------------------------------------------------- */

static void nothing(X86Dis *d)
{
    (void)d;
}

/* slot 1: taken, slot 0: not taken; `then` happens in both cases, but after the
 * target was found good. */
static void jump_if(X86Dis *d, X86Cond c, void (*then)(X86Dis *d))
{
    TCGLabel taken = tcg_new_label(d->s);

    tcg_brcond(d->s, c.c, c.a, c.b, taken);
    then(d);
    x86_jump(d, d->next, 0);
    x86_label(d, taken);
    x86_check_target(d, tcg_const(d->s, target(d)));
    then(d);
    x86_jump(d, target(d), 1);
}

void gen_Jcc(X86Dis *d)
{
    X86Cond c = x86_cond(d, d->opcode & 15);

    if (!x86_loop(d, c, target(d)) && !x86_pass_branch(d, c, target(d))) {
        jump_if(d, c, nothing);
    }
}

void gen_JMP(X86Dis *d)
{
    if (!x86_follow_jump(d, target(d))) {
        x86_check_target(d, tcg_const(d->s, target(d)));
        x86_jump(d, target(d), 0);
    }
}

void gen_JMP_E(X86Dis *d)
{
    x86_check_target(d, d->val[0]);
    x86_jump_val(d, d->val[0]);
}

static TCGv counter(X86Dis *d)
{
    return x86_reg(d, R_ECX, d->asize);
}

static X86Cond not_zero(X86Dis *d, TCGv v)
{
    return (X86Cond){ TCG_COND_NE, v, tcg_const(d->s, 0) };
}

static TCGv counted(X86Dis *d)
{
    return x86_zext(d, tcg_addi(d->s, counter(d), -1), d->asize);
}

static void count_down(X86Dis *d)
{
    x86_set_reg(d, R_ECX, d->asize, counted(d));
}

/* zf: -1 ignore it, else its value to go on. */
static void loop(X86Dis *d, int zf)
{
    TCGContext *s = d->s;
    X86Cond more = not_zero(d, counted(d));

    if (zf >= 0) {
        X86Cond z = x86_cond(d, zf ? 4 : 5);
        TCGv both = tcg_and(s, tcg_setcond(s, z.c, z.a, z.b),
                            tcg_setcond(s, more.c, more.a, more.b));

        more = not_zero(d, both);
    }
    jump_if(d, more, count_down);
}

void gen_LOOP(X86Dis *d)
{
    loop(d, -1);
}

void gen_LOOPE(X86Dis *d)
{
    loop(d, 1);
}

void gen_LOOPNE(X86Dis *d)
{
    loop(d, 0);
}

void gen_JCXZ(X86Dis *d)
{
    jump_if(d, (X86Cond){ TCG_COND_EQ, counter(d), tcg_const(d->s, 0) }, nothing);
}

/* -- Near calls -------------------------------------------------------------- */

void gen_CALL(X86Dis *d)
{
    x86_check_target(d, tcg_const(d->s, target(d)));
    x86_push(d, tcg_const(d->s, wrap(d, d->next)), d->osize);
    x86_jump(d, target(d), 0);
}

void gen_CALL_E(X86Dis *d)
{
    x86_check_target(d, d->val[0]);
    x86_push(d, tcg_const(d->s, wrap(d, d->next)), d->osize);
    x86_jump_val(d, d->val[0]);
}

void gen_RET(X86Dis *d)
{
    bool drop = place_of(d->operand[0]) == X_I;
    TCGv eip = x86_pop_load(d, d->osize);

    x86_check_target(d, eip);
    x86_add_sp(d, (int32_t)(osize_bytes(d) + (drop ? d->imm[0] : 0)));
    x86_jump_val(d, eip);
}

/* -- Far transfers: helpers set EIP ------------------------------------------ */

static void far_pointer(X86Dis *d, TCGv *sel, TCGv *offset)
{
    *offset = x86_ld_mem(d, 0, d->osize);
    *sel = x86_ld_mem(d, (int32_t)osize_bytes(d), MO_16);
}

static void jump_far(X86Dis *d, TCGv sel, TCGv offset)
{
    tcg_call(d->s, &h_ljmp, sel, offset, tcg_const(d->s, d->next));
}

static void call_far(X86Dis *d, TCGv sel, TCGv offset)
{
    tcg_call(d->s, &h_lcall, sel, offset, tcg_const(d->s, osize_bytes(d)),
             tcg_const(d->s, d->next));
}

void gen_JMPF(X86Dis *d)
{
    jump_far(d, tcg_const(d->s, d->selector), tcg_const(d->s, d->imm[0]));
}

void gen_JMPF_M(X86Dis *d)
{
    TCGv sel, offset;

    far_pointer(d, &sel, &offset);
    jump_far(d, sel, offset);
}

void gen_CALLF(X86Dis *d)
{
    call_far(d, tcg_const(d->s, d->selector), tcg_const(d->s, d->imm[0]));
}

void gen_CALLF_M(X86Dis *d)
{
    TCGv sel, offset;

    far_pointer(d, &sel, &offset);
    call_far(d, sel, offset);
}

void gen_RETF(X86Dis *d)
{
    uint32_t drop = place_of(d->operand[0]) == X_I ? d->imm[0] : 0;

    tcg_call(d->s, &h_lret, tcg_const(d->s, osize_bytes(d)), tcg_const(d->s, drop));
}

void gen_IRET(X86Dis *d)
{
    tcg_call(d->s, &h_iret, tcg_const(d->s, osize_bytes(d)), tcg_const(d->s, d->next));
}

/* -- Software interrupts ----------------------------------------------------- */

void gen_INT(X86Dis *d)
{
    d->no_trap = true;
    tcg_call(d->s, &h_soft_int, tcg_const(d->s, d->imm[0]), tcg_const(d->s, d->pc),
             tcg_const(d->s, d->next));
}

void gen_INT3(X86Dis *d)
{
    d->no_trap = true;
    tcg_call(d->s, &h_soft_trap, tcg_const(d->s, EXCP_BP), tcg_const(d->s, d->pc),
             tcg_const(d->s, d->next));
}

void gen_INT1(X86Dis *d)
{
    d->no_trap = true;
    tcg_call(d->s, &h_int1, tcg_const(d->s, d->next));
}

void gen_INTO(X86Dis *d)
{
    x86_soft_int_if(d, x86_cond(d, 0), EXCP_OF);
}

/* SDM vol. 2A, BOUND: signed; the upper bound lies behind the lower. */
void gen_BOUND(X86Dis *d)
{
    TCGv index = x86_sext(d, d->val[0], d->osize);
    TCGv low = x86_ld_mem(d, 0, d->osize | MO_SIGN);
    TCGv high = x86_ld_mem(d, (int32_t)osize_bytes(d), d->osize | MO_SIGN);

    x86_raise_if(d, (X86Cond){ TCG_COND_LT, index, low }, EXCP_BR);
    x86_raise_if(d, (X86Cond){ TCG_COND_GT, index, high }, EXCP_BR);
}

/* -- Stack ------------------------------------------------------------------- */

void gen_PUSH(X86Dis *d)
{
    x86_push(d, d->val[0], d->osize);
}

/* Registers: ESP is incremented first, so that POP ESP gets what was there. */
void gen_POP(X86Dis *d)
{
    d->result = x86_pop_load(d, d->osize);
    x86_add_sp(d, (int32_t)osize_bytes(d));
}

/* SDM vol. 2B, POP: an address based on ESP uses its value after the pop. */
void gen_POP_E(X86Dis *d)
{
    int32_t bytes = (int32_t)osize_bytes(d);
    TCGv v = x86_pop_load(d, d->osize);

    if (d->has_mem) {
        x86_st_mem(d, d->base == R_ESP ? bytes : 0, v, d->osize);
        x86_add_sp(d, bytes);
    } else {
        x86_add_sp(d, bytes);
        x86_set_reg(d, d->rm, d->osize, v);
    }
}

void gen_PUSHA(X86Dis *d)
{
    int32_t bytes = (int32_t)osize_bytes(d);

    for (unsigned n = R_EAX; n <= R_EDI; n++) {
        TCGv v = tcg_get(d->s, (TCGGlobal)(G_EAX + n));

        x86_st(d, R_SS, x86_stack_offset(d, -bytes * (int32_t)(n + 1)), v, d->osize);
    }
    x86_add_sp(d, -8 * bytes);
}

void gen_POPA(X86Dis *d)
{
    int32_t bytes = (int32_t)osize_bytes(d);
    TCGv v[8];

    for (unsigned n = R_EDI; n <= R_EDI; n--) {
        if (n != R_ESP) {
            v[n] = x86_ld(d, R_SS, x86_stack_offset(d, bytes * (int32_t)(R_EDI - n)), d->osize);
        }
    }
    for (unsigned n = R_EAX; n <= R_EDI; n++) {
        if (n != R_ESP) {
            x86_set_reg(d, n, d->osize, v[n]);
        }
    }
    x86_add_sp(d, 8 * bytes);
}

void gen_PUSHF(X86Dis *d)
{
    x86_push(d, tcg_call(d->s, &h_pushf, tcg_const(d->s, osize_bytes(d))), d->osize);
}

void gen_POPF(X86Dis *d)
{
    TCGv v = x86_pop_load(d, d->osize);

    tcg_call(d->s, &h_popf, v, tcg_const(d->s, osize_bytes(d)));
    x86_add_sp(d, (int32_t)osize_bytes(d));
    x86_cc_is_eflags(d);
    x86_check_mode(d, true);
}

/*
 * SDM vol. 2A, ENTER.  Level 0, the only one compilers emit, is PUSH EBP, MOV
 * EBP,ESP, SUB ESP,size; other levels copy frame pointers, by a helper.  Where
 * the stack pointer ends up must be writable.  EBP gets all of ESP - 4, even
 * if only SP counts.
 */
void gen_ENTER(X86Dis *d)
{
    TCGContext *s = d->s;
    uint32_t size = d->imm[0], level = d->imm[1] & 31;
    TCGv frame = x86_stack_offset(d, -(int32_t)osize_bytes(d));
    TCGv ebp = x86_reg(d, R_EBP, d->osize);

    if (level) {
        tcg_call(s, &h_enter, tcg_const(s, size), tcg_const(s, level), tcg_const(s, d->osize));
        return;
    }
    x86_st(d, R_SS, frame, ebp, d->osize);
    x86_ld(d, R_SS, x86_stack_offset(d, -(int32_t)(osize_bytes(d) + size)), d->osize | MO_RMW);
    x86_set_reg(d, R_EBP, d->osize, tcg_addi(s, tcg_get(s, G_ESP), -(int32_t)osize_bytes(d)));
    x86_set_sp(d, tcg_addi(s, frame, -(int32_t)size));
}

void gen_LEAVE(X86Dis *d)
{
    TCGContext *s = d->s;
    TCGv sp = x86_reg(d, R_EBP, ss32(d) ? MO_32 : MO_16);
    TCGv v = x86_ld(d, R_SS, sp, d->osize);

    x86_set_sp(d, tcg_addi(s, sp, osize_bytes(d)));
    x86_set_reg(d, R_EBP, d->osize, v);
}
