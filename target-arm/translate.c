/* SPDX-License-Identifier: MIT */
/*
 * ARM to TCG: blocks, conditions, registers and the program counter.
 *
 * Each instruction goes through the same steps:
 *
 *      decode -> condition -> trans_<handler>() -> does the block go on?
 *
 * A condition costs as little as it can.  An operation that only sets registers
 * is done anyway, and a conditional move keeps the old value; so is a compare
 * behind a compare.  Anything else is jumped over, and so are instructions right
 * behind it that have the same condition.  A conditional branch is the same,
 * with the jump to the next instruction where the others have a label.
 *
 * A block ends where the next address or the mode is not known any more, at the
 * end of its page, or when it is long enough.  Direct jumps within the page are
 * goto_tb, as the mapping of that page is what found this block; all others look
 * the next block up.  So do changes of the instruction set: TBF_THUMB is known
 * on both ways out of a BX.
 *
 * Not modelled: bit 25 of an address moved by FCSE is not a page border for a
 * block that runs across it; word-invariant byte order (c1.B of v4 and v5) moves
 * whole words the other way round, not bytes within words.
 */
#include "target-arm/translate.h"

#include "target-arm/gen-vfp.h"
#include "target-arm/gen.h"
#include "target-arm/helper.h"
#include "util/bits.h"

/* -- What tcg/ is told about this guest -------------------------------------- */

#define REG(n, pin) [n] = { "r" #n, ENV(regs[n]), TCG_I32, pin }

/* Pinned by use: what compilers allocate first, and the stack. */
static const TCGGlobalDef globals[G_NUM] = {
    REG(0, 3), REG(1, 5), REG(2, 2), REG(3, 1), REG(4, 6), REG(5, 7), REG(6, 8), REG(7, 0),
    REG(8, 0), REG(9, 0), REG(10, 0), REG(11, 0), REG(12, 0),
    [G_SP] = { "sp", ENV(regs[13]), TCG_I32, 4 },
    [G_LR] = { "lr", ENV(regs[14]), TCG_I32, 0 },
    [G_PC] = { "pc", ENV(regs[15]), TCG_I32, 0 },
    [G_NF] = { "nf", ENV(nf), TCG_I32, 0 },
    [G_ZF] = { "zf", ENV(zf), TCG_I32, 0 },
    [G_CF] = { "cf", ENV(cf), TCG_I32, 0 },
    [G_VF] = { "vf", ENV(vf), TCG_I32, 0 },
    [G_CC] = { "cc_op", ENV(cc_op), TCG_I32, 0 },
};

const TCGTarget arm_tcg_target = {
    .globals = globals,
    .num_globals = G_NUM,
    .mmu = {
        .table = ENV(tlb.table),
        .table_stride = sizeof(CPUTLBEntry) * CPU_TLB_SIZE,
        .mask = ENV(common.tlb_mask),
        .page_bits = TARGET_PAGE_BITS, .modes = NB_MMU_MODES,   /* ld, st ...: the engine's */
    },
    .jump_cache = {
        .table = ENV(tlb.jump_cache),
        .bits = CPU_JMP_CACHE_BITS,
        .hash_shift = CPU_JMP_CACHE_SHIFT,
    },
    .pc = G_PC + 1,
    .exit_request = ENV(common.exit_request),
    .mxcsr = ENV(mxcsr_host),
    .redo = arm_vfp_redo,
};

void arm_restore_state(CPUState *cpu, uint32_t pc, uint32_t word)
{
    (void)word;
    arm_env(cpu)->regs[R_PC] = pc;
}

/* -- Registers --------------------------------------------------------------- */

TCGv arm_reg(ArmDis *d, unsigned n)
{
    d->bound |= n == R_PC;
    return n == R_PC ? tcg_const(d->s, arm_pc_value(d)) : tcg_get(d->s, (TCGGlobal)(G_R0 + n));
}

void arm_set_reg(ArmDis *d, unsigned n, TCGv v)
{
    TCGGlobal g = (TCGGlobal)(G_R0 + n);

    if (d->predicated) {
        v = tcg_movcond(d->s, d->pred.c, d->pred.a, d->pred.b, v, tcg_get(d->s, g));
    }
    tcg_set(d->s, g, v);
}

/* -- Leaving ----------------------------------------------------------------- */

static void set_pc(ArmDis *d, uint32_t pc)
{
    tcg_set(d->s, G_PC, tcg_const(d->s, pc));
}

static bool same_page(const ArmDis *d, uint32_t pc)
{
    return ((pc ^ d->start) >> TARGET_PAGE_BITS) == 0;
}

/* G_PC is pc; goes on with these flags. */
static void look_up(ArmDis *d, TCGv pc, uint32_t flags)
{
    if (d->leave) {
        tcg_exit_tb(d->s, TB_EXIT_NONE);
    } else {
        tcg_goto_ptr(d->s, pc, flags);
    }
    d->end = END_GONE;
}

void arm_jump(ArmDis *d, uint32_t addr, unsigned slot)
{
    if (d->leave || !same_page(d, addr)) {
        set_pc(d, addr);
        look_up(d, tcg_const(d->s, addr), d->flags);
        return;
    }
    tcg_next_tb(d->s, slot, addr);
    d->end = END_GONE;
}

static bool room(const ArmDis *d)
{
    return tcg_room(d->s) && d->num_stubs < ARM_MAX_STUBS;
}

/*
 * Several rounds in one block: what one leaves in registers the next one finds
 * there, flags that it overwrites are never stored, and accesses a constant apart
 * share a TLB check.
 */
bool arm_loop(ArmDis *d, uint32_t addr)
{
    if (addr != d->start || !d->skipping || d->leave || d->s->no_opt) {
        return false;
    }
    if (d->rounds == 0) {
        d->max_rounds = d->num_insns <= 16 ? ARM_MAX_ROUNDS : d->num_insns <= 40 ? 2 : 1;
    }
    if (d->rounds + 1 >= d->max_rounds || !room(d)) {
        return false;
    }
    d->loop_exit[d->rounds++] = d->skip;
    d->loop_end = d->next;
    d->skipping = false;
    d->next = d->start;
    return true;
}

void arm_branch_to(ArmDis *d, TCGv addr)
{
    TCGv pc = tcg_andi(d->s, addr, d->thumb ? ~1u : ~3u);

    tcg_set(d->s, G_PC, pc);
    look_up(d, pc, d->flags);
}

void arm_exchange(ArmDis *d, TCGv addr)
{
    TCGv pc = tcg_andi(d->s, addr, d->thumb ? ~3u : ~1u);
    uint32_t flags = d->flags ^ TBF_THUMB;

    tcg_set(d->s, G_PC, pc);
    tcg_st(d->s, TCG_st32, tcg_const(d->s, !d->thumb), ENV(thumb));
    tcg_st(d->s, TCG_st32, tcg_const(d->s, flags), ENV(tbflags));
    look_up(d, pc, flags);
}

void arm_label(ArmDis *d, TCGLabel l)
{
    tcg_set_label(d->s, l);
    d->cc.have_ab = d->cc.have_res = false;
    d->vfp_known = 0;
}

/* Bit 1 of the address of an A32 instruction is UNPREDICTABLE: ignored. */
void arm_bx(ArmDis *d, TCGv addr)
{
    TCGLabel other = tcg_new_label(d->s);
    TCGv bit = tcg_const(d->s, 1);

    tcg_set(d->s, G_PC, addr);
    tcg_brcond(d->s, d->thumb ? TCG_COND_TSTEQ : TCG_COND_TSTNE, addr, bit, other);
    arm_branch_to(d, addr);
    arm_label(d, other);
    arm_exchange(d, tcg_get(d->s, G_PC));
}

void arm_load_pc(ArmDis *d, TCGv addr)
{
    if (arm_has(d, ARM_V5) && !(d->flags & TBF_L4)) {
        arm_bx(d, addr);
    } else {
        arm_branch_to(d, addr);
    }
}

void arm_raise_now(ArmDis *d, int excp)
{
    tcg_call(d->s, &h_raise, tcg_const(d->s, (uint32_t)excp));
    tcg_exit_tb(d->s, TB_EXIT_NONE);
    d->end = END_GONE;
}

void arm_undef(ArmDis *d)
{
    arm_raise_now(d, EXCP_UNDEF);
}

void arm_end_mode(ArmDis *d)
{
    d->end = END_MODE;
}

static TCGLabel stub(ArmDis *d)
{
    ArmStub *st = &d->stubs[d->num_stubs++];

    *st = (ArmStub){ tcg_new_label(d->s), d->next };
    return st->label;
}

void arm_check_mode(ArmDis *d)
{
    TCGContext *s = d->s;

    if (d->leave) {
        d->end = END_MODE;
        return;
    }
    TCGLabel leave = stub(d);

    tcg_brcond(s, TCG_COND_NE, tcg_ld(s, TCG_ld32, ENV(tbflags)), tcg_const(s, d->flags), leave);
    tcg_brcond(s, TCG_COND_NE, tcg_ld(s, TCG_ld32, ENV(common.interrupt_request)),
               tcg_const(s, 0), leave);
}

/* -- Conditions -------------------------------------------------------------- */

/* Only sets registers, or flags to those of a subtraction. */
static bool can_predicate(const ArmDis *d, const ArmInsn *a)
{
    void (*trans)(ArmDis *, const ArmInsn *) = a->row->trans;
    unsigned op = a->row->op;

    if (trans != trans_dp_imm && trans != trans_dp_reg && trans != trans_dp_rsr) {
        return false;
    }
    if (op == OP_CMP || (a->s && op == OP_SUB && a->rd != R_PC)) {
        return d->cc.cv == 1 && d->cc.nz == 1;
    }
    return !a->s && a->rd != R_PC && !(op >= OP_TST && op <= OP_CMN);
}

/* The flags, where the ways with and without the skipped instructions meet. */
static void merge_cc(ArmDis *d)
{
    ArmCC *cc = &d->cc, *other = &d->skip_cc;

    cc->cv = cc->cv == other->cv ? cc->cv : -1;
    cc->nz = cc->nz == other->nz ? cc->nz : -1;
}

static void end_skip(ArmDis *d)
{
    if (d->skipping) {
        d->skipping = false;
        arm_label(d, d->skip);
        if (d->flags_set) {
            merge_cc(d);
        }
    }
}

static void begin_skip(ArmDis *d, unsigned cond)
{
    ArmCond c = arm_cond(d, cond ^ 1);

    d->skip = tcg_new_label(d->s);
    tcg_brcond(d->s, c.c, c.a, c.b, d->skip);
    d->skipping = true;
    d->skip_cond = (uint8_t)cond;
    d->flags_set = false;
    d->skip_cc = d->cc;
}

/* -- Instructions ------------------------------------------------------------ */

static void run_conditional(ArmDis *d, const ArmInsn *a)
{
    if (d->skipping) {                  /* it holds here */
        a->row->trans(d, a);
    } else if (can_predicate(d, a)) {
        d->pred = arm_cond(d, a->cond);
        d->predicated = true;
        a->row->trans(d, a);
        d->predicated = false;
    } else {
        begin_skip(d, a->cond);
        a->row->trans(d, a);
    }
    if (d->end == END_GONE) {           /* if the condition held, that is */
        d->cc = d->skip_cc;
        d->flags_set = false;
        end_skip(d);
        d->end = END_NEXT;
    }
}

static uint32_t fetch(const ArmDis *d)
{
    if (d->window) {
        return (uint32_t)load_le(d->window + (d->pc - d->start), d->thumb ? 2 : 4);
    }
    return d->thumb ? cpu_code_u16(d->cpu, d->pc) : cpu_code_u32(d->cpu, d->pc);
}

static void translate_insn(ArmDis *d)
{
    ArmInsn a;
    bool bl = d->have_bl;
    const ArmRow *row = arm_decode(arm_env(d->cpu)->decoder, fetch(d), d->thumb, d->features, &a);

    d->end = END_NOT;
    if (d->skipping && (a.cond != d->skip_cond || d->flags_set)) {
        end_skip(d);
    }
    tcg_insn_start(d->s, d->pc, 0);
    if (a.cond >= 14) {
        row ? row->trans(d, &a) : arm_undef(d);
    } else if (row) {
        run_conditional(d, &a);
    } else {
        static const ArmRow undefined = { .trans = trans_udf };

        a.row = &undefined;
        run_conditional(d, &a);
    }
    d->have_bl = d->have_bl && !bl;     /* for one instruction */
}

/* -- Blocks ------------------------------------------------------------------ */

/* Where the rounds leave to. */
static void finish_loop(ArmDis *d)
{
    for (unsigned i = 0; i < d->rounds; i++) {
        arm_label(d, d->loop_exit[i]);
    }
    arm_jump(d, d->loop_end, 0);
}

static void finish(ArmDis *d)
{
    end_skip(d);
    if (d->end == END_MODE) {
        set_pc(d, d->next);
        tcg_exit_tb(d->s, TB_EXIT_NONE);
    } else if (d->end != END_GONE && !(d->rounds && d->next == d->loop_end)) {
        arm_jump(d, d->next, d->rounds != 0);
    }
    if (d->rounds) {
        finish_loop(d);
    }
    for (unsigned i = 0; i < d->num_stubs; i++) {
        tcg_set_label(d->s, d->stubs[i].label);
        set_pc(d, d->stubs[i].next);
        tcg_exit_tb(d->s, TB_EXIT_NONE);
    }
}

/* The first fetch is what makes the engine watch the page for writes. */
static void open_window(ArmDis *d)
{
    uint32_t len = TARGET_PAGE_SIZE - (d->start & (TARGET_PAGE_SIZE - 1));

    cpu_code_u8(d->cpu, d->start);
    d->window = cpu_probe(d->cpu, d->start, len, MMU_FETCH, d->mmu_idx, 0);
}

void arm_gen_intermediate_code(CPUState *cpu, TCGContext *s, DisasRequest *req)
{
    CPUARMState *env = arm_env(cpu);
    uint32_t flags = req->key.flags;
    ArmDis d = {
        .s = s, .cpu = cpu, .features = env->features, .flags = flags,
        .start = req->key.pc, .next = req->key.pc, .mmu_idx = (uint8_t)req->mmu_idx,
        .user_mmu_idx = (uint8_t)arm_mmu_index(env, false), .thumb = flags & TBF_THUMB,
        .leave = req->singlestep, .cc = { .cv = -1, .nz = -1 },
    };

    if (!env->decoder) {
        env->decoder = arm_decoder_new();
    }
    open_window(&d);
    while (d.end == END_NOT && d.num_insns < req->max_insns && room(&d) &&
           same_page(&d, d.next)) {
        d.pc = d.next;
        d.next = d.pc + (d.thumb ? 2 : 4);
        d.num_insns++;
        unsigned first_op = s->num_ops;

        translate_insn(&d);
        if (req->checked && tcg_may_store(s, first_op)) {
            break;
        }
    }
    finish(&d);
    req->num_insns = d.num_insns;
    req->size = (d.rounds ? d.loop_end : d.next) - d.start;
    req->bound = d.bound;
}
