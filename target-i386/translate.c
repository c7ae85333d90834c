/* SPDX-License-Identifier: MIT */
/*
 * i386 to TCG: blocks, checks and operands.
 *
 * Each instruction goes through the same steps:
 *
 *      decode -> may it run? -> load the operands of its row -> gen ->
 *      write operand 0 back -> commit the flags
 *
 * Everything that can fault comes before anything that changes the guest's
 * state; that is why flags are recorded first and committed last.
 *
 * A block ends where the next address or the mode is not known any more, where
 * the code leaves the page of the block's start, or when it is long enough.
 * Direct jumps within the page are goto_tb, as the mapping of that page is what
 * found this block; all others look the next block up.  Some are no end: a block
 * goes on behind a branch, or where a jump leads (Traces, below).
 *
 * Exits that are hardly ever taken (segment limits, #BR, an interrupted REP) are
 * conditional branches to stubs behind the block, so the main path has no
 * labels and values live through it.
 *
 * LOCK needs nothing: CPUs take turns on one thread.
 *
 * Not modelled: test registers TR3 .. TR7 (#UD); the code segment limit is
 * checked per instruction, after its bytes were fetched.
 */
#include "target-i386/translate.h"

#include "target-i386/helper.h"
#include "util/bits.h"

/* -- What tcg/ is told about this guest -------------------------------------- */

/* Pinned by use: the stack and what compilers allocate first. */
static const TCGGlobalDef globals[G_NUM] = {
    [G_EAX] = { "eax", ENV(regs[R_EAX]), TCG_I32, 2 },
    [G_ECX] = { "ecx", ENV(regs[R_ECX]), TCG_I32, 5 },
    [G_EDX] = { "edx", ENV(regs[R_EDX]), TCG_I32, 6 },
    [G_EBX] = { "ebx", ENV(regs[R_EBX]), TCG_I32, 4 },
    [G_ESP] = { "esp", ENV(regs[R_ESP]), TCG_I32, 1 },
    [G_EBP] = { "ebp", ENV(regs[R_EBP]), TCG_I32, 3 },
    [G_ESI] = { "esi", ENV(regs[R_ESI]), TCG_I32, 7 },
    [G_EDI] = { "edi", ENV(regs[R_EDI]), TCG_I32, 8 },
    [G_EIP] = { "eip", ENV(eip), TCG_I32, 0 },
    [G_CC_OP] = { "cc_op", ENV(cc_op), TCG_I32, 0 },
    [G_CC_DST] = { "cc_dst", ENV(cc_dst), TCG_I32, 0 },
    [G_CC_SRC] = { "cc_src", ENV(cc_src), TCG_I32, 0 },
    [G_CC_SRC2] = { "cc_src2", ENV(cc_src2), TCG_I32, 0 },
    [G_CC_INC] = { "cc_inc", ENV(cc_inc), TCG_I32, 0 },
    [G_FPIP] = { "fpip", ENV(fpip), TCG_I32, 0 },
    [G_FPOP] = { "fpop", ENV(fpop), TCG_I32, 0 },
    [G_FPDP] = { "fpdp", ENV(fpdp), TCG_I32, 0 },
#define XMM(n) [G_XMM0 + n] = { "xmm" #n, ENV(xmm[n]), TCG_V128, 0 }
    XMM(0), XMM(1), XMM(2), XMM(3), XMM(4), XMM(5), XMM(6), XMM(7),
};

const TCGTarget x86_tcg_target = {
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
    .pc = G_EIP + 1,
    .exit_request = ENV(common.exit_request),
    .mxcsr = ENV(mxcsr_host),
    .cold = x86_cold,
};

/* -- Registers --------------------------------------------------------------- */

TCGv x86_zext(X86Dis *d, TCGv v, TCGMemOp size)
{
    return size == MO_8 ? tcg_ext8u(d->s, v) : size == MO_16 ? tcg_ext16u(d->s, v) : v;
}

TCGv x86_sext(X86Dis *d, TCGv v, TCGMemOp size)
{
    return size == MO_8 ? tcg_ext8s(d->s, v) : size == MO_16 ? tcg_ext16s(d->s, v) : v;
}

static TCGGlobal global_of(unsigned n)
{
    return (TCGGlobal)(G_EAX + n);
}

TCGv x86_reg(X86Dis *d, unsigned n, TCGMemOp size)
{
    if (size == MO_8 && n >= 4) {
        return tcg_extract(d->s, tcg_get(d->s, global_of(n - 4)), 8, 8);
    }
    return x86_zext(d, tcg_get(d->s, global_of(n)), size);
}

void x86_set_reg(X86Dis *d, unsigned n, TCGMemOp size, TCGv v)
{
    TCGContext *s = d->s;
    bool high = size == MO_8 && n >= 4;
    TCGGlobal g = global_of(high ? n - 4 : n);

    if (size != MO_32) {
        v = tcg_deposit(s, tcg_get(s, g), v, high ? 8 : 0, 8u << size);
    }
    tcg_set(s, g, v);
}

/* -- Stubs ------------------------------------------------------------------- */

enum { STUB_RAISE, STUB_SEG = 20, STUB_AGAIN = 26, STUB_SOFT_INT, STUB_NEXT, STUB_LEAVE,
       STUB_FLDCW };

/* The stub `kind` of this instruction; for STUB_RAISE and STUB_SEG the vector
 * or segment is part of the kind. */
static TCGLabel stub(X86Dis *d, unsigned kind, unsigned arg)
{
    if (!d->have_stub[kind]) {
        d->have_stub[kind] = true;
        d->stub_of[kind] = (uint8_t)d->num_stubs;
        d->stubs[d->num_stubs++] = (X86Stub){
            .label = tcg_new_label(d->s), .kind = (uint8_t)kind, .arg = (uint8_t)arg,
            .pc = d->pc, .next = d->next,
        };
    }
    return d->stubs[d->stub_of[kind]].label;
}

static void branch(X86Dis *d, X86Cond c, TCGLabel l)
{
    tcg_brcond(d->s, c.c, c.a, c.b, l);
}

void x86_raise_if(X86Dis *d, X86Cond c, int vector)
{
    branch(d, c, stub(d, STUB_RAISE + (unsigned)vector, 0));
}

void x86_again_if(X86Dis *d, X86Cond c)
{
    branch(d, c, stub(d, STUB_AGAIN, 0));
}

void x86_soft_int_if(X86Dis *d, X86Cond c, unsigned vector)
{
    branch(d, c, stub(d, STUB_SOFT_INT, vector));
}

void x86_fldcw_if(X86Dis *d, X86Cond c)
{
    branch(d, c, stub(d, STUB_FLDCW, 0));
}

static X86Cond interrupt_waits(X86Dis *d)
{
    TCGv request = tcg_ld(d->s, TCG_ld32, ENV(common.interrupt_request));

    return (X86Cond){ TCG_COND_NE, request, tcg_const(d->s, 0) };
}

void x86_check_mode(X86Dis *d, bool irq)
{
    TCGv now = tcg_ld(d->s, TCG_ld32, ENV(hflags));
    X86Cond other = { TCG_COND_NE, now, tcg_const(d->s, d->hflags) };

    if (!d->leave) {
        branch(d, other, stub(d, STUB_NEXT, 0));
        if (irq) {
            branch(d, interrupt_waits(d), stub(d, STUB_NEXT, 0));
        }
    }
}

static void call_raise(X86Dis *d, unsigned vector)
{
    tcg_call(d->s, &h_raise, tcg_const(d->s, vector));
}

/* EIP is set: single-step trap if there is one, then back to cpu_exec. */
static void leave(X86Dis *d)
{
    if ((d->hflags & HF_TF) && !d->no_trap) {
        tcg_call0(d->s, &h_single_step);
    }
    tcg_exit_tb(d->s, TB_EXIT_NONE);
}

static void set_eip(X86Dis *d, uint32_t eip)
{
    tcg_set(d->s, G_EIP, tcg_const(d->s, eip));
}

static void emit_stub(X86Dis *d, const X86Stub *st)
{
    TCGContext *s = d->s;

    tcg_set_label(s, st->label);
    if (st->kind == STUB_NEXT || st->kind == STUB_LEAVE) {
        if (st->kind == STUB_NEXT) {
            set_eip(d, st->next);
        }
        tcg_exit_tb(s, TB_EXIT_NONE);
        return;
    }
    tcg_insn_start(s, st->pc, 0);
    if (st->kind == STUB_AGAIN) {
        set_eip(d, st->pc);
        leave(d);
        return;
    }
    if (st->kind == STUB_FLDCW) {
        tcg_call0(s, &h_fldcw_trap);
        set_eip(d, st->next);
        leave(d);
        return;
    }
    if (st->kind == STUB_SOFT_INT) {
        tcg_call(s, &h_soft_trap, tcg_const(s, st->arg), tcg_const(s, st->pc),
                 tcg_const(s, st->next));
        tcg_exit_tb(s, TB_EXIT_NONE);
        return;
    }
    if (st->kind >= STUB_SEG) {
        tcg_call(s, &h_seg_slow, tcg_const(s, st->kind - STUB_SEG));
    } else {
        call_raise(d, st->kind);
    }
    set_eip(d, st->pc);
    tcg_exit_tb(s, TB_EXIT_NONE);
}

void x86_raise_now(X86Dis *d, int vector)
{
    call_raise(d, (unsigned)vector);
    tcg_exit_tb(d->s, TB_EXIT_NONE);
    d->end = END_GONE;
}

void x86_label(X86Dis *d, TCGLabel l)
{
    tcg_set_label(d->s, l);
    d->cc.have_ab = d->cc.have_carry = false;
}

/* -- Addresses --------------------------------------------------------------- */

TCGv x86_ea(X86Dis *d, int32_t extra)
{
    TCGContext *s = d->s;
    uint32_t disp = d->disp + (uint32_t)extra;
    TCGv ea = tcg_const(s, disp);
    bool have = false;

    if (d->base >= 0) {
        ea = tcg_get(s, global_of((unsigned)d->base));
        have = true;
    }
    if (d->index >= 0) {
        TCGv index = tcg_get(s, global_of((unsigned)d->index));

        index = d->scale ? tcg_shli(s, index, d->scale) : index;
        ea = have ? tcg_add(s, ea, index) : index;
        have = true;
    }
    if (have && disp) {
        ea = tcg_addi(s, ea, (int32_t)disp);
    }
    return d->asize == MO_16 ? tcg_ext16u(s, ea) : ea;
}

/*
 * The flat bit of CS says nothing about writing, and a write through CS is
 * rare, so it always takes the checked way.
 */
static bool is_flat(const X86Dis *d, unsigned seg, bool write)
{
    return (d->hflags & HF_FLAT(seg)) && !(seg == R_CS && write);
}

static TCGv checked(X86Dis *d, unsigned seg, TCGv offset, unsigned size, bool write)
{
    TCGContext *s = d->s;
    uint32_t cache = ENV(segs) + seg * (uint32_t)sizeof(SegmentCache);

    if (d->hflags & HF_EXPAND) {
        return tcg_call(s, write ? &h_seg_check_w : &h_seg_check_r, tcg_const(s, seg),
                        offset, tcg_const(s, size));
    }
    TCGv limit = tcg_ld(s, TCG_ld64, cache + (uint32_t)(write ? offsetof(SegmentCache, write_last)
                                                              : offsetof(SegmentCache, read_last)));
    TCGv last = tcg_extu64(s, offset);

    last = size > 1 ? tcg_addi(s, last, size - 1) : last;
    tcg_brcond(s, TCG_COND_GT, last, limit, stub(d, STUB_SEG + seg, 0));
    return tcg_add(s, offset, tcg_ld(s, TCG_ld32, cache + (uint32_t)offsetof(SegmentCache, base)));
}

void x86_check_align(X86Dis *d, TCGv linear, unsigned size, int vector)
{
    X86Cond c = { TCG_COND_TSTNE, linear, tcg_const(d->s, size - 1) };

    x86_raise_if(d, c, vector);
}

/* SDM vol. 3, table 6-7; SSE has rules of its own, x87 images count as words. */
static unsigned alignment(unsigned size)
{
    switch (size) {
    case 2: case 4: case 8: return size;
    case 10: return 8;
    case 14: case 94: return 2;
    case 28: case 108: return 4;
    default: return 1;
    }
}

TCGv x86_linear(X86Dis *d, unsigned seg, TCGv offset, unsigned size, bool write)
{
    TCGv linear = is_flat(d, seg, write) ? offset : checked(d, seg, offset, size, write);

    if ((d->hflags & HF_AC) && alignment(size) > 1) {
        x86_check_align(d, linear, alignment(size), EXCP_AC);
    }
    return linear;
}

static unsigned memop_bytes(unsigned memop)
{
    return 1u << (memop & MO_SIZE);
}

TCGv x86_ld(X86Dis *d, unsigned seg, TCGv offset, unsigned memop)
{
    TCGv linear = x86_linear(d, seg, offset, memop_bytes(memop), memop & MO_RMW);

    return tcg_qemu_ld(d->s, linear, (TCGMemOp)memop, d->mmu_idx);
}

void x86_st(X86Dis *d, unsigned seg, TCGv offset, TCGv v, unsigned memop)
{
    TCGv linear = x86_linear(d, seg, offset, memop_bytes(memop), true);

    tcg_qemu_st(d->s, linear, v, (TCGMemOp)memop, d->mmu_idx);
}

TCGv x86_ld_mem(X86Dis *d, int32_t extra, unsigned memop)
{
    return x86_ld(d, d->seg, x86_ea(d, extra), memop);
}

void x86_st_mem(X86Dis *d, int32_t extra, TCGv v, unsigned memop)
{
    x86_st(d, d->seg, x86_ea(d, extra), v, memop);
}

/* -- The stack --------------------------------------------------------------- */

TCGv x86_stack_offset(X86Dis *d, int32_t bytes)
{
    TCGv sp = tcg_get(d->s, G_ESP);

    sp = bytes ? tcg_addi(d->s, sp, bytes) : sp;
    return ss32(d) ? sp : tcg_ext16u(d->s, sp);
}

void x86_set_sp(X86Dis *d, TCGv v)
{
    x86_set_reg(d, R_ESP, ss32(d) ? MO_32 : MO_16, v);
}

void x86_add_sp(X86Dis *d, int32_t bytes)
{
    x86_set_sp(d, tcg_addi(d->s, tcg_get(d->s, G_ESP), bytes));
}

void x86_push(X86Dis *d, TCGv v, TCGMemOp size)
{
    TCGv offset = x86_stack_offset(d, -(int32_t)memop_bytes(size));

    x86_st(d, R_SS, offset, v, size);
    x86_set_sp(d, offset);
}

TCGv x86_pop_load(X86Dis *d, TCGMemOp size)
{
    return x86_ld(d, R_SS, x86_stack_offset(d, 0), size);
}

/* -- Jumps ------------------------------------------------------------------- */

void x86_check_target(X86Dis *d, TCGv eip)
{
    if (!(d->hflags & HF_FLAT(R_CS))) {
        TCGv limit = tcg_ld(d->s, TCG_ld32, ENV(segs[R_CS].limit));

        x86_raise_if(d, (X86Cond){ TCG_COND_GTU, eip, limit }, EXCP_GP);
    }
}

/* EIP is set; interrupts may have been enabled in this block. */
static void leave_if_interrupted(X86Dis *d)
{
    if (d->check_irq) {
        branch(d, interrupt_waits(d), stub(d, STUB_LEAVE, 0));
    }
}

/* EIP is set: true if the jump cache knows the way. */
static bool may_look_up(X86Dis *d)
{
    d->end = END_GONE;
    if (d->leave) {
        leave(d);
        return false;
    }
    leave_if_interrupted(d);
    if (d->cs_base) {
        tcg_exit_tb(d->s, TB_EXIT_NONE);
    }
    return d->cs_base == 0;
}

void x86_jump_val(X86Dis *d, TCGv eip)
{
    tcg_set(d->s, G_EIP, eip);
    if (may_look_up(d)) {
        tcg_goto_ptr(d->s, eip, d->hflags);
    }
}

/* Code of the kernel is not worth copying: at one address only. */
static void jump_far_away(X86Dis *d, uint32_t eip)
{
    set_eip(d, eip);
    if (!may_look_up(d)) {
        return;
    }
    if (cpl(d) == 0) {
        d->bound = true;
        tcg_goto_known(d->s, eip, d->hflags);
    } else {
        tcg_goto_ptr(d->s, tcg_const(d->s, eip), d->hflags);
    }
}

static bool same_page(const X86Dis *d, uint32_t eip)
{
    return (((d->cs_base + eip) ^ (d->cs_base + d->start)) >> TARGET_PAGE_BITS) == 0;
}

void x86_jump(X86Dis *d, uint32_t eip, unsigned slot)
{
    if (d->leave || !same_page(d, eip)) {
        jump_far_away(d, eip);
        return;
    }
    d->end = END_GONE;
    if (d->check_irq) {
        set_eip(d, eip);
        leave_if_interrupted(d);
    }
    tcg_next_tb(d->s, slot, eip);
}

static bool room(const X86Dis *d)
{
    return tcg_room(d->s) && d->num_stubs + 32 <= X86_MAX_STUBS;
}

/*
 * Several rounds in one block: what one leaves in registers the next one finds
 * there, flags that it overwrites are never stored, and accesses a constant apart
 * share a TLB check.
 */
static unsigned max_rounds(const X86Dis *d)
{
    return d->num_insns <= 8 ? 8 : d->num_insns <= 16 ? 4 : d->num_insns <= 48 ? 2 : 1;
}

bool x86_loop(X86Dis *d, X86Cond c, uint32_t target)
{
    if (d->rounds == 0) {
        d->max_rounds = max_rounds(d);
    }
    if (target != d->start || d->max_rounds == 1 || d->s->no_opt || d->leave || d->crosses ||
        d->check_irq || d->shadow) {
        return false;
    }
    if (d->rounds == 0) {
        d->loop_exit = tcg_new_label(d->s);
        d->loop_end = d->next;
    }
    tcg_brcond(d->s, tcg_invert(c.c), c.a, c.b, d->loop_exit);
    if (++d->rounds < d->max_rounds && room(d)) {
        d->next = d->start;
        d->end = END_NOT;
    } else {
        x86_jump(d, d->start, 1);
    }
    return true;
}

/*
 * Traces: a block goes on behind a branch forwards, as if that were seldom taken, and
 * where a jump leads.  Flags that are overwritten there are stored on the way out
 * only, and conditions know which operation set them.  The second round of a loop goes
 * where the first one went.
 */
enum { MAX_TRACE = 24, MAX_JUMPS = 2, MAX_AWAY = 1024 };

static bool may_go_on(const X86Dis *d, uint32_t eip)
{
    return same_page(d, eip) && same_page(d, d->next) && d->osize == MO_32 &&
           (d->hflags & HF_FLAT(R_CS)) && !d->s->no_opt && !d->leave && !d->crosses &&
           !d->check_irq && !d->shadow;
}

static X86Side *side_to(X86Dis *d, uint32_t eip)
{
    for (unsigned i = 0; i < d->num_sides; i++) {
        if (d->side[i].eip == eip) {
            return &d->side[i];
        }
    }
    if (d->num_sides == X86_MAX_SIDES || d->num_insns > MAX_TRACE) {
        return NULL;
    }
    d->side[d->num_sides] = (X86Side){ tcg_new_label(d->s), eip };
    return &d->side[d->num_sides++];
}

bool x86_pass_branch(X86Dis *d, X86Cond c, uint32_t target)
{
    X86Side *side = target > d->pc && may_go_on(d, target) ? side_to(d, target) : NULL;

    if (!side) {
        return false;
    }
    branch(d, c, side->label);
    d->end = END_NOT;
    return true;
}

bool x86_follow_jump(X86Dis *d, uint32_t target)
{
    if (!may_go_on(d, target) || d->checked || target == d->start ||
        target + MAX_AWAY < d->start || target > d->start + MAX_AWAY) {
        return false;
    }
    if (d->rounds == 0 && (d->num_jumps == MAX_JUMPS || d->num_insns > MAX_TRACE)) {
        return false;
    }
    d->num_jumps++;
    d->next = target;
    d->end = END_NOT;
    return true;
}

/* -- Operands ---------------------------------------------------------------- */

static TCGMemOp memop_of(const X86Dis *d, unsigned size)
{
    static const uint8_t fixed[] = {
        [SZ_b] = MO_8, [SZ_w] = MO_16, [SZ_d] = MO_32, [SZ_q] = MO_64,
        [SZ_sb] = MO_8 | MO_SIGN, [SZ_sw] = MO_16 | MO_SIGN, [SZ_x] = MO_128, [SZ_u] = MO_128,
    };

    return size == SZ_n || size == SZ_v ? d->osize : (TCGMemOp)fixed[size];
}

static bool is_memory(const X86Dis *d, unsigned operand)
{
    static const uint32_t places = 1u << X_E | 1u << X_M | 1u << X_O | 1u << X_W | 1u << X_Q;

    return d->has_mem && (places >> place_of(operand) & 1) && size_of(operand) != SZ_n;
}

/* Which general register an operand is, or -1. */
static int gpr_of(const X86Dis *d, unsigned operand)
{
    switch (place_of(operand)) {
    case X_E: case X_R: return d->rm;
    case X_G: return d->reg;
    case X_Z: return d->opcode & 7;
    case X_AX: return R_EAX;
    case X_CX: return R_ECX;
    case X_DX: return R_EDX;
    default: return -1;
    }
}

/* Where in env an MMX operand is, or 0. */
static uint32_t vector_of(const X86Dis *d, unsigned operand)
{
    switch (place_of(operand)) {
    case X_P: return ENV(fpregs) + 16u * d->reg;
    case X_Q: case X_N: return ENV(fpregs) + 16u * d->rm;
    default: return 0;
    }
}

static TCGv load_memory(X86Dis *d, unsigned operand, bool rmw)
{
    TCGMemOp op = memop_of(d, size_of(operand));

    return tcg_qemu_ld(d->s, d->linear, (TCGMemOp)(op | (rmw ? MO_RMW : 0)), d->mmu_idx);
}

static TCGv load_vector(X86Dis *d, unsigned operand, uint32_t at)
{
    TCGMemOp op = memop_of(d, size_of(operand));

    return tcg_ld(d->s, op == MO_128 ? TCG_ldv : op == MO_64 ? TCG_ld64 : TCG_ld32, at);
}

static TCGv load_gpr(X86Dis *d, unsigned operand, unsigned n)
{
    TCGMemOp op = memop_of(d, size_of(operand)), size = (TCGMemOp)(op & MO_SIZE);
    TCGv v = x86_reg(d, n, size);

    return op & MO_SIGN ? x86_sext(d, v, size) : v;
}

static TCGv load_operand(X86Dis *d, unsigned i, bool rmw)
{
    unsigned operand = d->operand[i];

    if (is_memory(d, operand)) {
        return load_memory(d, operand, rmw);
    }
    int n = gpr_of(d, operand);

    if (n >= 0) {
        return load_gpr(d, operand, (unsigned)n);
    }
    uint32_t at = vector_of(d, operand);

    if (at) {
        return load_vector(d, operand, at);
    }
    return tcg_const(d->s, place_of(operand) == X_ONE ? 1 : d->imm[i]);
}

void x86_write_back(X86Dis *d)
{
    unsigned operand = d->operand[0];
    TCGMemOp op = memop_of(d, size_of(operand));
    uint32_t at = vector_of(d, operand);

    if (is_memory(d, operand)) {
        tcg_qemu_st(d->s, d->linear, d->result, op, d->mmu_idx);
    } else if (at) {
        tcg_st(d->s, op == MO_128 ? TCG_stv : op == MO_64 ? TCG_st64 : TCG_st32, d->result, at);
    } else {
        x86_set_reg(d, (unsigned)gpr_of(d, operand), op, d->result);
    }
}

/* Address and check the memory operand, if the row has one with a value. */
static void address_operand(X86Dis *d)
{
    for (unsigned i = 0; i < 3 && d->has_mem; i++) {
        unsigned size = size_of(d->operand[i]);

        if (is_memory(d, d->operand[i])) {
            bool write = i == 0 && d->op->access != R;

            d->linear = x86_linear(d, d->seg, x86_ea(d, 0), memop_bytes(memop_of(d, size)),
                                   write);
            if (size == SZ_x) {
                x86_check_align(d, d->linear, 16, EXCP_GP);
            }
        }
    }
}

static void run(X86Dis *d)
{
    X86Access access = (X86Access)d->op->access;
    bool writes = access == W || access == RW;

    if (d->op->flags & OP_MMX) {
        x86_x87_to_env(d);
    }
    d->ot = (TCGMemOp)(memop_of(d, size_of(d->operand[0])) & MO_SIZE);
    address_operand(d);
    for (unsigned i = 0; i < 3; i++) {
        bool loaded = size_of(d->operand[i]) != SZ_n && !(i == 0 && access == W);

        if (loaded) {
            d->val[i] = load_operand(d, i, i == 0 && access != R);
        }
    }
    if (!d->escape || !x86_x87_host(d)) {
        d->op->gen(d);
    }
    if (d->end != END_GONE) {
        if (writes) {
            x86_write_back(d);
        }
        x86_cc_commit(d);
    }
}

/* -- May it run? ------------------------------------------------------------- */

/* SDM vol. 2A, "Protected Mode Exceptions" of each. */
static int fpu_fault(const X86Dis *d, uint32_t flags)
{
    uint32_t hf = d->hflags;

    if ((flags & OP_FPU) && (hf & (HF_EM | HF_TS))) {
        return EXCP_NM;
    }
    if ((flags & (OP_MMX | OP_SSE)) && (hf & HF_EM)) {
        return EXCP_UD;
    }
    if ((flags & OP_SSE) && !(hf & HF_OSFXSR)) {
        return EXCP_UD;
    }
    return (flags & (OP_MMX | OP_SSE)) && (hf & HF_TS) ? EXCP_NM : -1;
}

static bool bad_form(const X86Dis *d)
{
    static const uint32_t picky = 1u << X_C | 1u << X_S | 1u << X_M | 1u << X_U | 1u << X_N;

    for (unsigned i = 0; i < 3 && (d->places & picky); i++) {
        unsigned place = place_of(d->operand[i]);

        if (place == X_C && !(0x1d >> d->reg & 1)) {
            return true;                /* CR1, CR5 .. CR7 */
        }
        if (place == X_S && (d->reg > R_GS || (i == 0 && d->reg == R_CS))) {
            return true;                /* no such register; MOV to CS */
        }
        if ((place == X_M && !d->has_mem) || ((place == X_U || place == X_N) && d->has_mem)) {
            return true;
        }
    }
    return d->lock && !((d->op->flags & OP_LOCK) && d->has_mem);
}

/* The vector it raises before it does anything, or -1. */
static int forbidden(const X86Dis *d)
{
    const X86Op *op = d->op;

    if (d->too_long) {
        return EXCP_GP;
    }
    if (d->escape && !op && !d->lock && fpu_fault(d, OP_FPU) >= 0) {
        return EXCP_NM;
    }
    if (!op || bad_form(d) || !x86_feature(x86_env(d->cpu), (X86Feature)(op->flags >> 24)) ||
        ((op->flags & OP_PROT) && !(d->hflags & HF_PE))) {
        return EXCP_UD;
    }
    if ((op->flags & OP_CPL0) && cpl(d) != 0) {
        return EXCP_GP;
    }
    return fpu_fault(d, op->flags);
}

/* -- Blocks ------------------------------------------------------------------ */

static void check_code_limit(X86Dis *d)
{
    if (!(d->hflags & HF_FLAT(R_CS))) {
        TCGv limit = tcg_ld(d->s, TCG_ld32, ENV(segs[R_CS].limit));
        TCGv last = tcg_const(d->s, d->next - 1);

        x86_raise_if(d, (X86Cond){ TCG_COND_LTU, limit, last }, EXCP_GP);
    }
}

static void translate_insn(X86Dis *d)
{
    int vector = forbidden(d);
    uint32_t flags = d->op ? d->op->flags : 0;

    memset(d->have_stub, 0, sizeof(d->have_stub));
    tcg_insn_start(d->s, d->pc, 0);
    if (d->hflags & HF_BP) {
        tcg_call(d->s, &h_check_bp, tcg_const(d->s, d->cs_base + d->pc));
    }
    if (d->hflags & HF_INHIBIT) {
        tcg_call0(d->s, &h_clear_inhibit);
    }
    check_code_limit(d);
    d->end = flags & OP_JUMP ? END_EIP : flags & OP_MODE ? END_MODE
           : flags & OP_END ? END_NEXT : END_NOT;
    if (vector >= 0) {
        x86_raise_now(d, vector);
    } else {
        run(d);
    }
}

/* If hflags are these now, the jump cache knows the block. */
static void go_on_as(X86Dis *d, uint32_t hflags)
{
    TCGContext *s = d->s;
    TCGLabel other = tcg_new_label(s);

    tcg_brcond(s, TCG_COND_NE, tcg_ld(s, TCG_ld32, ENV(hflags)), tcg_const(s, hflags), other);
    tcg_goto_ptr(s, tcg_get(s, G_EIP), hflags);
    tcg_set_label(s, other);
}

/*
 * EIP and hflags are what the instruction made them.  Nearly always only the
 * privilege level has changed, between 0 and 3, or nothing.
 */
static void leave_mode(X86Dis *d)
{
    uint32_t outer = d->hflags | 3, inner = d->hflags & ~(uint32_t)HF_CPL_MASK;

    if (!d->leave && (d->hflags & HF_FLAT(R_CS))) {
        branch(d, interrupt_waits(d), stub(d, STUB_LEAVE, 0));
        go_on_as(d, cpl(d) == 0 ? outer : inner);
        go_on_as(d, d->hflags);
    }
    leave(d);
}

static void finish(X86Dis *d)
{
    if (d->shadow) {                    /* there was no room for one more */
        tcg_call0(d->s, &h_set_inhibit);
        d->leave = true;
    }
    switch (d->end) {
    case END_NOT: case END_NEXT:
        if (d->crosses) {               /* nobody chains to such a block */
            jump_far_away(d, d->next);
        } else {
            x86_jump(d, d->next, d->rounds != 0);
        }
        break;
    case END_MODE:
        set_eip(d, d->next);
        leave_mode(d);
        break;
    case END_EIP:
        leave_mode(d);
        break;
    case END_GONE:
        break;
    }
    if (d->rounds) {
        x86_label(d, d->loop_exit);
        x86_jump(d, d->loop_end, 0);
    }
    for (unsigned i = 0; i < d->num_sides; i++) {
        x86_label(d, d->side[i].label);
        x86_jump(d, d->side[i].eip, 2 + i);
    }
    for (unsigned i = 0; i < d->num_stubs; i++) {
        emit_stub(d, &d->stubs[i]);
    }
}

/* The first fetch is what makes the engine watch the page for writes. */
static void open_window(X86Dis *d)
{
    uint32_t linear = d->cs_base + d->start;

    cpu_code_u8(d->cpu, linear);
    d->window_start = linear & ~(TARGET_PAGE_SIZE - 1);
    d->window = cpu_probe(d->cpu, d->window_start, TARGET_PAGE_SIZE, MMU_FETCH, d->mmu_idx, 0);
    d->window_len = d->window ? TARGET_PAGE_SIZE : 0;
}

void x86_gen_intermediate_code(CPUState *cpu, TCGContext *s, DisasRequest *req)
{
    const uint32_t alone = HF_TF | HF_INHIBIT | HF_BP;
    uint32_t hflags = req->key.flags;
    unsigned max = hflags & alone ? 1 : MIN(req->max_insns, 256);
    X86Stub stubs[X86_MAX_STUBS];
    X86Dis d = {
        .stubs = stubs, .s = s, .cpu = cpu, .hflags = hflags, .cs_base = req->key.cs_base,
        .start = req->key.pc, .next = req->key.pc, .mmu_idx = (uint8_t)req->mmu_idx,
        .code32 = hflags & HF_CS32, .bound = !(hflags & HF_CS32), .cc = { .op = CC_OP_DYNAMIC },
        .leave = req->singlestep || (hflags & (HF_TF | HF_INHIBIT)), .checked = req->checked,
        .low = req->key.pc, .high = req->key.pc,
    };

    open_window(&d);
    while (d.end == END_NOT && d.num_insns < max && room(&d)) {
        d.pc = d.next;
        d.first = d.num_insns == 0;
        if ((!d.first && !same_page(&d, d.pc)) || !x86_decode(&d)) {
            d.next = d.pc;
            break;
        }
        if (d.shadow) {
            d.shadow = false;
            max = 0;
        }
        d.num_insns++;
        d.low = MIN(d.low, d.pc);
        d.high = MAX(d.high, d.next);
        unsigned first_op = s->num_ops;

        translate_insn(&d);
        if (req->checked && tcg_may_store(s, first_op)) {
            break;
        }
    }
    finish(&d);
    req->num_insns = d.num_insns;
    req->size = d.high - d.start;
    req->before = d.start - d.low;
    req->bound = d.bound;
}
