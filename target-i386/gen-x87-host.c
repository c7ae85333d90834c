/* SPDX-License-Identifier: MIT */
/*
 * x87 instructions on the host's own unit (SDM vol. 1, chapter 8).
 *
 *      block --cold, unless live--> x86_fpu_load(): the guest's unit into the host's
 *      D8 .. DF as they are, operands in guest memory
 *      a helper that looks at env->fpregs ... <--cold, if live-- x86_fpu_spill()
 *
 * While env->fpu_live is set, the host's registers, tags, status and control word
 * are the guest's, across blocks; C code uses SSE and leaves them alone.  So an
 * instruction is itself, flags, stack faults and all, with no TOP to track.  All
 * exceptions are masked: otherwise (HF_FPU_TRAP) it is a helper's, gen-x87.c.
 */
#include "target-i386/gen-x87.h"

#include "target-i386/fpu.h"
#include "target-i386/helper.h"
#include "target-i386/translate.h"

static TCGv k(X86Dis *d, uint32_t v)
{
    return tcg_const(d->s, v);
}

bool x86_x87_on_host(const X86Dis *d)
{
    return d->s->x86_ops && !(d->hflags & HF_FPU_TRAP);
}

static void bring(X86Dis *d, X86Unit where)
{
    if (d->unit != where) {
        tcg_cold(d->s, where == UNIT_HOST ? TCG_COND_EQ : TCG_COND_NE,
                 tcg_ld(d->s, TCG_ld32, ENV(fpu_live)), k(d, 0), where);
        d->unit = where;
    }
}

void x86_x87_to_env(X86Dis *d)
{
    if (x86_x87_on_host(d)) {
        bring(d, UNIT_ENV);
    }
}

void x86_cold(void *env, uint32_t where)
{
    if (where == UNIT_HOST) {
        x86_fpu_load((CPUX86State *)env);
    } else {
        x86_fpu_spill((CPUX86State *)env);
    }
}

/* 8.1.8: the last non-control instruction. */
static void note_insn(X86Dis *d)
{
    tcg_set(d->s, G_FPIP, k(d, d->pc));
    tcg_set(d->s, G_FPOP, k(d, (d->opcode & 7u) << 8 | d->modrm));
    if (d->has_mem) {
        tcg_set(d->s, G_FPDP, x86_ea(d, 0));
    }
}

/* -- Memory operands --------------------------------------------------------- */

typedef enum Access { A_NONE, A_LOAD, A_STORE } Access;

typedef struct MemForm { uint8_t access, memop; } MemForm;

/* By opcode minus D8 and ModRM reg; the others are special. */
#define L(size) { A_LOAD, MO_##size }
#define S(size) { A_STORE, MO_##size }
static const MemForm forms[8][8] = {
    { [0 ... 7] = L(32) },
    { [0] = L(32), [2] = S(32), [3] = S(32) },
    { [0 ... 7] = L(32) },
    { [0] = L(32), [1] = S(32), [2] = S(32), [3] = S(32) },
    { [0 ... 7] = L(64) },
    { [0] = L(64), [1] = S(64), [2] = S(64), [3] = S(64) },
    { [0 ... 7] = L(16) },
    { [0] = L(16), [1] = S(16), [2] = S(16), [3] = S(16), [5] = L(64), [7] = S(64) },
};
#undef L
#undef S

static void plain_mem(X86Dis *d, const MemForm *f)
{
    bool store = f->access == A_STORE;
    TCGv addr = x86_linear(d, d->seg, x86_ea(d, 0), 1u << f->memop, store);

    bring(d, UNIT_HOST);
    tcg_x87_mem(d->s, store, d->opcode, d->reg, addr, (TCGMemOp)f->memop, d->mmu_idx);
    note_insn(d);
}

static void env_operand(X86Dis *d)
{
    tcg_x87(d->s, d->opcode, d->modrm, ENV(fp_mem));
}

static void fld_m80(X86Dis *d)
{
    tcg_st(d->s, TCG_st64, x86_ld_mem(d, 0, MO_64), ENV(fp_mem));
    tcg_st(d->s, TCG_st16, x86_ld_mem(d, 8, MO_16), ENV(fp_mem) + 8);
    bring(d, UNIT_HOST);
    env_operand(d);
    note_insn(d);
}

/* Reading what is to be written finds out about faults before the pop. */
static void fstp_m80(X86Dis *d)
{
    TCGv low = x86_linear(d, d->seg, x86_ea(d, 0), 10, true), high = tcg_addi(d->s, low, 8);

    tcg_qemu_ld(d->s, low, (TCGMemOp)(MO_64 | MO_RMW), d->mmu_idx);
    tcg_qemu_ld(d->s, high, (TCGMemOp)(MO_16 | MO_RMW), d->mmu_idx);
    bring(d, UNIT_HOST);
    env_operand(d);
    tcg_qemu_st(d->s, low, tcg_ld(d->s, TCG_ld64, ENV(fp_mem)), MO_64, d->mmu_idx);
    tcg_qemu_st(d->s, high, tcg_ld(d->s, TCG_ld16u, ENV(fp_mem) + 8), MO_16, d->mmu_idx);
    note_insn(d);
}

/* An exception that is not masked is the helper's business, out of line. */
static void fldcw(X86Dis *d)
{
    TCGv v = x86_ld_mem(d, 0, MO_16);

    bring(d, UNIT_HOST);
    tcg_st(d->s, TCG_st16, v, ENV(fp_mem));
    x86_fldcw_if(d, (X86Cond){ TCG_COND_NE, tcg_andi(d->s, v, 0x3f), k(d, 0x3f) });
    env_operand(d);
    tcg_st(d->s, TCG_st32, tcg_ori(d->s, tcg_andi(d->s, v, 0x1f3f), 0x40), ENV(fpuc));
}

static bool special_mem(X86Dis *d)
{
    switch ((d->opcode & 7) << 4 | d->reg) {
    case 0x15:
        fldcw(d);
        return true;
    case 0x17:                          /* FNSTCW: env->fpuc is exact */
        gen_FNSTCW(d);
        return true;
    case 0x35:
        fld_m80(d);
        return true;
    case 0x37:
        fstp_m80(d);
        return true;
    case 0x57:
        bring(d, UNIT_HOST);
        x86_st_mem(d, 0, tcg_x87_get(d->s, TCG_x87_sw, 0), MO_16);
        return true;
    default:
        return false;
    }
}

/* -- Registers only ---------------------------------------------------------- */

static void fcmov(X86Dis *d)
{
    static const uint8_t conds[4] = { 0x2, 0x4, 0x6, 0xa };
    X86Cond c = x86_cond(d, conds[d->reg & 3] | (d->opcode & 1u));

    tcg_x87_cmov(d->s, d->rm, tcg_setcond(d->s, c.c, c.a, c.b));
    note_insn(d);
}

static bool is_compare_eflags(const X86Dis *d)
{
    return (d->opcode == 0xdb || d->opcode == 0xdf) && (d->reg == 5 || d->reg == 6);
}

/* FNCLEX, FNENI, FNDISI, FNSETPM; not FNINIT */
static bool is_control(const X86Dis *d)
{
    return d->opcode == 0xdb && d->reg == 4;
}

static bool register_form(X86Dis *d)
{
    if (is_control(d) && d->rm == 3) {
        return false;
    }
    bring(d, UNIT_HOST);
    if (d->opcode == 0xdf && d->reg == 4) {
        x86_set_reg(d, R_EAX, MO_16, tcg_x87_get(d->s, TCG_x87_sw, 0));
    } else if ((d->opcode == 0xda || d->opcode == 0xdb) && d->reg < 4) {
        fcmov(d);
    } else if (is_compare_eflags(d)) {
        x86_set_cc_eflags(d, tcg_x87_get(d->s, TCG_x87_cmp,
                                         (uint32_t)d->opcode | (uint32_t)d->modrm << 8));
        note_insn(d);
    } else {
        tcg_x87(d->s, d->opcode, d->modrm, 0);
        if (!is_control(d)) {
            note_insn(d);
        }
    }
    return true;
}

bool x86_x87_host(X86Dis *d)
{
    const MemForm *f = &forms[d->opcode & 7][d->reg];

    if (!x86_x87_on_host(d)) {
        return false;
    }
    if (!d->has_mem && register_form(d)) {
        return true;
    }
    if (d->has_mem && f->access != A_NONE) {
        plain_mem(d, f);
        return true;
    }
    if (d->has_mem && special_mem(d)) {
        return true;
    }
    x86_x87_to_env(d);
    return false;
}
