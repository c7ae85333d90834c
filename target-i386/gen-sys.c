/* SPDX-License-Identifier: MIT */
/*
 * System instructions: segment registers, descriptor tables, control and debug
 * registers, ports, interrupts.  Most are calls of the helpers in
 * helper-sys.def; rows say what ends a block.
 */
#include "target-i386/gen.h"
#include "target-i386/helper.h"
#include "target-i386/translate.h"

static TCGv konst(X86Dis *d, uint32_t k)
{
    return tcg_const(d->s, k);
}

/* -- Segment registers ------------------------------------------------------- */

static uint32_t selector_at(unsigned seg)
{
    return ENV(segs) + seg * (uint32_t)sizeof(SegmentCache) +
           (uint32_t)offsetof(SegmentCache, selector);
}

static TCGv selector(X86Dis *d, unsigned seg)
{
    return tcg_ext16u(d->s, tcg_ld(d->s, TCG_ld32, selector_at(seg)));
}

/* A 16-bit result: a word of memory, or a whole register. */
static void store_word(X86Dis *d, TCGv v)
{
    if (d->has_mem) {
        x86_st_mem(d, 0, v, MO_16);
    } else {
        x86_set_reg(d, d->rm, d->osize, v);
    }
}

/* Loading SS keeps interrupts and traps off for one instruction (SDM vol. 3,
 * 6.8.3). */
static void load_seg(X86Dis *d, unsigned seg, TCGv sel)
{
    tcg_call(d->s, &h_load_seg, konst(d, seg), sel);
    if (seg == R_SS) {
        tcg_call0(d->s, &h_set_inhibit);
        d->no_trap = true;
    }
}

void gen_MOV_ES(X86Dis *d)
{
    if (d->reg > R_GS) {
        x86_raise_now(d, EXCP_UD);
    } else {
        store_word(d, selector(d, d->reg));
    }
}

void gen_MOV_SE(X86Dis *d)
{
    if (d->reg > R_GS || d->reg == R_CS) {
        x86_raise_now(d, EXCP_UD);
    } else {
        load_seg(d, d->reg, d->val[1]);
        x86_check_mode(d, false);
    }
}

/* SDM vol. 2B, PUSH: with 32-bit operands, recent processors move 16 bits and
 * leave the high half of the slot alone. */
void gen_PUSH_S(X86Dis *d)
{
    TCGv offset = x86_stack_offset(d, -(int32_t)osize_bytes(d));

    x86_st(d, R_SS, offset, selector(d, d->opcode >> 3 & 7), MO_16);
    x86_set_sp(d, offset);
}

void gen_POP_S(X86Dis *d)
{
    TCGv v = x86_pop_load(d, d->osize);

    load_seg(d, d->opcode >> 3 & 7, v);
    x86_add_sp(d, (int32_t)osize_bytes(d));
    x86_check_mode(d, false);
}

static void load_far(X86Dis *d, unsigned seg)
{
    TCGv offset = x86_ld_mem(d, 0, d->osize);
    TCGv sel = x86_ld_mem(d, (int32_t)osize_bytes(d), MO_16);

    tcg_call(d->s, &h_load_seg, konst(d, seg), sel);
    x86_set_reg(d, d->reg, d->osize, offset);
    x86_check_mode(d, false);
}

void gen_LES(X86Dis *d)
{
    load_far(d, R_ES);
}

void gen_LDS(X86Dis *d)
{
    load_far(d, R_DS);
}

void gen_LSS(X86Dis *d)
{
    load_far(d, R_SS);
}

void gen_LFS(X86Dis *d)
{
    load_far(d, R_FS);
}

void gen_LGS(X86Dis *d)
{
    load_far(d, R_GS);
}

/* -- Looking at descriptors: ZF says whether one may --------------------------- */

/* ZF = zf (0 or 1), the others stay. */
static void set_zf(X86Dis *d, TCGv zf)
{
    TCGContext *s = d->s;
    TCGv rest = tcg_andi(s, x86_eflags_cc(d), ~(uint32_t)CC_Z);

    x86_set_cc_eflags(d, tcg_or(s, rest, tcg_shli(s, zf, 6)));
}

static void access_rights(X86Dis *d, const TCGHelper *h)
{
    TCGContext *s = d->s;
    TCGv old = x86_reg(d, d->reg, d->osize), r = tcg_call(s, h, d->val[1]);
    TCGv valid = tcg_andi(s, tcg_trunc32(s, tcg_shri(s, r, 32)), 1);
    TCGv v = tcg_movcond(s, TCG_COND_NE, valid, konst(d, 0), tcg_trunc32(s, r), old);

    x86_set_reg(d, d->reg, d->osize, v);
    set_zf(d, valid);
}

void gen_LAR(X86Dis *d)
{
    access_rights(d, &h_lar);
}

void gen_LSL(X86Dis *d)
{
    access_rights(d, &h_lsl);
}

void gen_VERR(X86Dis *d)
{
    set_zf(d, tcg_call(d->s, &h_verr, d->val[0]));
}

void gen_VERW(X86Dis *d)
{
    set_zf(d, tcg_call(d->s, &h_verw, d->val[0]));
}

/* Memory is written only if RPL changes. */
void gen_ARPL(X86Dis *d)
{
    TCGContext *s = d->s;

    if (d->has_mem) {
        set_zf(d, tcg_call(s, &h_arpl, konst(d, d->seg), x86_ea(d, 0), d->val[1]));
        return;
    }
    TCGv dest = x86_reg(d, d->rm, MO_16);
    TCGv rpl = tcg_andi(s, dest, 3), want = tcg_andi(s, d->val[1], 3);
    TCGv v = tcg_movcond(s, TCG_COND_LTU, rpl, want, tcg_deposit(s, dest, want, 0, 2), dest);

    set_zf(d, tcg_setcond(s, TCG_COND_LTU, rpl, want));
    x86_set_reg(d, d->rm, MO_16, v);
}

/* -- Descriptor tables ------------------------------------------------------- */

void gen_SLDT(X86Dis *d)
{
    store_word(d, tcg_ext16u(d->s, tcg_ld(d->s, TCG_ld32, ENV(ldt.selector))));
}

void gen_STR(X86Dis *d)
{
    store_word(d, tcg_ext16u(d->s, tcg_ld(d->s, TCG_ld32, ENV(tr.selector))));
}

void gen_LLDT(X86Dis *d)
{
    tcg_call(d->s, &h_lldt, d->val[0]);
}

void gen_LTR(X86Dis *d)
{
    tcg_call(d->s, &h_ltr, d->val[0]);
}

static void store_table(X86Dis *d, uint32_t table)
{
    TCGv limit = tcg_ld(d->s, TCG_ld32, table + (uint32_t)offsetof(DescTable, limit));
    TCGv base = tcg_ld(d->s, TCG_ld32, table + (uint32_t)offsetof(DescTable, base));

    x86_st_mem(d, 0, limit, MO_16);
    x86_st_mem(d, 2, base, MO_32);
}

void gen_SGDT(X86Dis *d)
{
    store_table(d, ENV(gdt));
}

void gen_SIDT(X86Dis *d)
{
    store_table(d, ENV(idt));
}

/* SDM vol. 2A, LGDT: with a 16-bit operand the base has 24 bits. */
static void load_table(X86Dis *d, const TCGHelper *h)
{
    TCGv limit = x86_ld_mem(d, 0, MO_16), base = x86_ld_mem(d, 2, MO_32);

    base = d->osize == MO_16 ? tcg_andi(d->s, base, 0xffffff) : base;
    tcg_call(d->s, h, base, limit);
}

void gen_LGDT(X86Dis *d)
{
    load_table(d, &h_lgdt);
}

void gen_LIDT(X86Dis *d)
{
    load_table(d, &h_lidt);
}

/* -- Control and debug registers --------------------------------------------- */

void gen_SMSW(X86Dis *d)
{
    store_word(d, tcg_ld(d->s, TCG_ld32, ENV(cr[0])));
}

void gen_LMSW(X86Dis *d)
{
    tcg_call(d->s, &h_lmsw, d->val[0]);
}

void gen_CLTS(X86Dis *d)
{
    tcg_call0(d->s, &h_clts);
}

/* The address is not checked against the limit. */
void gen_INVLPG(X86Dis *d)
{
    uint32_t base = ENV(segs) + d->seg * (uint32_t)sizeof(SegmentCache) +
                    (uint32_t)offsetof(SegmentCache, base);

    tcg_call(d->s, &h_invlpg, tcg_add(d->s, x86_ea(d, 0), tcg_ld(d->s, TCG_ld32, base)));
}

void gen_INVD(X86Dis *d)
{
    (void)d;                            /* there is no cache */
}

void gen_WBINVD(X86Dis *d)
{
    (void)d;
}

void gen_CLFLUSH(X86Dis *d)
{
    tcg_call(d->s, &h_clflush, konst(d, d->seg), x86_ea(d, 0));
}

/* MOV r32,CRn */
void gen_MOV_RC(X86Dis *d)
{
    d->result = tcg_call(d->s, &h_mov_from_cr, konst(d, d->reg));
}

void gen_MOV_CR(X86Dis *d)
{
    tcg_call(d->s, &h_mov_to_cr, konst(d, d->reg), d->val[1]);
}

void gen_MOV_RD(X86Dis *d)
{
    d->result = tcg_call(d->s, &h_mov_from_dr, konst(d, d->reg));
}

void gen_MOV_DR(X86Dis *d)
{
    tcg_call(d->s, &h_mov_to_dr, konst(d, d->reg), d->val[1]);
}

/* -- Counters, models and modes ---------------------------------------------- */

void gen_RDMSR(X86Dis *d)
{
    tcg_call0(d->s, &h_rdmsr);
}

void gen_WRMSR(X86Dis *d)
{
    tcg_call0(d->s, &h_wrmsr);
}

void gen_RDTSC(X86Dis *d)
{
    tcg_call0(d->s, &h_rdtsc);
}

void gen_RDPMC(X86Dis *d)
{
    tcg_call0(d->s, &h_rdpmc);
}

void gen_CPUID(X86Dis *d)
{
    tcg_call0(d->s, &h_cpuid);
}

void gen_SYSENTER(X86Dis *d)
{
    tcg_call0(d->s, &h_sysenter);
}

void gen_SYSEXIT(X86Dis *d)
{
    tcg_call0(d->s, &h_sysexit);
}

void gen_RSM(X86Dis *d)
{
    tcg_call0(d->s, &h_rsm);
}

/* SDM vol. 2B, PAUSE: somebody waits for another processor. */
void gen_PAUSE(X86Dis *d)
{
    if (d->hflags & (HF_TF | HF_INHIBIT)) {
        return;                         /* more is to happen behind it */
    }
    tcg_call(d->s, &h_pause, konst(d, d->next));
    tcg_exit_tb(d->s, TB_EXIT_NONE);
    d->end = END_GONE;
}

void gen_HLT(X86Dis *d)
{
    tcg_call(d->s, &h_hlt, konst(d, d->next));
}

/* SDM vol. 2B, MONITOR: the address is DS:EAX, checked like a byte load. */
void gen_MONITOR(X86Dis *d)
{
    if (cpl(d) != 0) {
        x86_raise_now(d, EXCP_UD);      /* not #GP: SDM vol. 2B */
        return;
    }
    unsigned seg = d->seg_override >= 0 ? (unsigned)d->seg_override : R_DS;
    TCGv linear = x86_linear(d, seg, x86_reg(d, R_EAX, d->asize), 1, false);

    tcg_call(d->s, &h_monitor, linear);
}

void gen_MWAIT(X86Dis *d)
{
    if (cpl(d) != 0) {
        x86_raise_now(d, EXCP_UD);
        return;
    }
    tcg_call(d->s, &h_mwait, konst(d, d->next));
}

/* -- The interrupt flag ------------------------------------------------------ */

/* CPL <= IOPL, and so no virtual interrupt flag either. */
static bool owns_interrupts(const X86Dis *d)
{
    return !(d->hflags & HF_VM) && cpl(d) <= iopl(d);
}

void gen_CLI(X86Dis *d)
{
    TCGContext *s = d->s;

    if (owns_interrupts(d)) {
        TCGv f = tcg_ld(s, TCG_ld32, ENV(eflags));

        tcg_st(s, TCG_st32, tcg_andi(s, f, ~(uint32_t)IF_MASK), ENV(eflags));
    } else {
        tcg_call0(s, &h_cli);
    }
}

/*
 * Interrupts are taken between blocks, so "not before the next instruction is
 * done" (SDM vol. 2B, STI) means: one more instruction, then the block ends and
 * cpu_exec looks if there is one.
 */
void gen_STI(X86Dis *d)
{
    TCGContext *s = d->s;

    if (owns_interrupts(d) && !d->leave) {
        TCGv f = tcg_ld(s, TCG_ld32, ENV(eflags));

        tcg_st(s, TCG_st32, tcg_ori(s, f, IF_MASK), ENV(eflags));
        d->shadow = d->check_irq = true;
    } else {
        tcg_call0(s, &h_sti);
        d->end = END_MODE;
    }
}

/* -- Ports ------------------------------------------------------------------- */

void gen_IN(X86Dis *d)
{
    d->result = tcg_call(d->s, &h_in, d->val[1], konst(d, 1u << d->ot));
}

void gen_OUT(X86Dis *d)
{
    TCGMemOp size = d->opcode & 1 ? d->osize : MO_8;

    tcg_call(d->s, &h_out, d->val[0], d->val[1], konst(d, 1u << size));
}

/* -- The rest ---------------------------------------------------------------- */

void gen_UD(X86Dis *d)
{
    x86_raise_now(d, EXCP_UD);
}

/* SDM vol. 2A, WAIT: #NM needs both bits. */
void gen_FWAIT(X86Dis *d)
{
    if ((d->hflags & HF_MP) && (d->hflags & HF_TS)) {
        x86_raise_now(d, EXCP_NM);
        return;
    }
    if (!x86_x87_on_host(d)) {
        tcg_call0(d->s, &h_fwait);
    }
}
