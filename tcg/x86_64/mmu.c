/* SPDX-License-Identifier: MIT */
/*
 * Guest memory: the hot path.
 *
 *          rorx   t0, addr, page_bits - 4
 *          and    t0, [rbp + mask]             byte offset of the TLB entry
 *          lea    t1, [addr + size - 1]        last byte: crossing pages fails
 *          and    t1, page_mask
 *          cmp    t1, [rbp + t0 + table]
 *          jne    stub                         slow.c
 *          mov    t0, [rbp + t0 + table + 8]   addend
 *          mov    d, [t0 + addr]
 *      resume:
 *
 * Accesses of one group (groups.c) are checked by the first of them, whose check is
 * of all bytes they touch, from lo on.  What it holds is the host's address of lo:
 *
 *          lea    t0, [addr + lo - at]
 *          ...                                 t1, t2: as above, of t0
 *          jne    stub
 *          add    t0, [rbp + t1 + table + 8]
 *          mov    d, [t0 + at - lo]
 *
 * The others:
 *
 *          test   t0, t0
 *          js     stub
 *          mov    d, [t0 + at - lo]
 *
 * It is lo's guest address and bit 63 when the check of the group failed, or when an
 * access of another group took the slow path since; for that, the guest address is in
 * the frame, too.  The stub tries the access alone then (straddle.c).
 */
#include <assert.h>

#include "tcg/x86_64/x86.h"

/* -- The inline part --------------------------------------------------------- */

/* t0 becomes the offset of the entry of addr. */
static void tlb_index(X86 *x, unsigned addr, unsigned t0)
{
    unsigned shift = x->target->mmu.page_bits - 4u;

    if (x->bmi) {
        asm_rorx(&x->as, false, t0, addr, shift);
    } else {
        if (t0 != addr) {
            asm_mov_rr(&x->as, false, t0, addr);
        }
        asm_shift_ri(&x->as, SH_SHR, false, t0, shift);
    }
}

Mem x86_tlb_entry(const X86 *x, unsigned t0, unsigned mmu_idx, int32_t field)
{
    const TCGSoftMMU *mmu = &x->target->mmu;
    Mem m = x86_env(mmu->table + mmu_idx * mmu->table_stride);

    m.index = (uint8_t)t0;
    m.disp += field;
    return m;
}

/* That, if the table is of its full size; t0 becomes it of the table as it is. */
void x86_tlb_offset(X86 *x, unsigned addr, unsigned t0, unsigned mmu_idx)
{
    tlb_index(x, addr, t0);
    asm_rm(&x->as, ALU_AND << 3 | 3, t0, x86_env(x->target->mmu.mask + 4 * mmu_idx));
}

/* Compare a range with its TLB entry, t0 being the offset of that then. */
static void tlb_compare(X86 *x, unsigned addr, unsigned t0, unsigned t1,
                        unsigned mmu_idx, bool write, Range range)
{
    const TCGSoftMMU *mmu = &x->target->mmu;
    int32_t page_mask = -(1 << mmu->page_bits);

    x86_tlb_offset(x, addr, t0, mmu_idx);
    if (range.align) {
        page_mask |= range.align - 1;
    }
    if (range.probe == 0) {
        asm_mov_rr(&x->as, false, t1, addr);
    } else {
        asm_lea(&x->as, false, t1, mem(addr, range.probe));
    }
    asm_alu_ri(&x->as, ALU_AND, false, t1, page_mask);
    asm_rm(&x->as, OPC_CMP, t1, x86_tlb_entry(x, t0, mmu_idx, write ? 4 : 0));
}

void x86_load_host(X86 *x, unsigned d, Mem m, unsigned memop)
{
    bool is_signed = memop & MO_SIGN, is64 = memop & MO_I64;
    bool swap = memop & MO_BSWAP;

    if (memop & MO_VEC) {
        asm_rm(&x->as, MAP_0F | ((memop & MO_SIZE) == MO_32 ? PRE_F3 : PRE_F2) | 0x10, d, m);
        return;
    }
    switch (memop & MO_SIZE) {
    case MO_8:
        asm_rm(&x->as, is_signed ? OPC_MOVSX8 | rex_w(is64) : OPC_MOVZX8, d, m);
        break;
    case MO_16:
        asm_rm(&x->as, is_signed && !swap ? OPC_MOVSX16 | rex_w(is64)
                                          : OPC_MOVZX16, d, m);
        if (swap) {
            asm_rr(&x->as, 0xc1 | PRE_66, SH_ROL, d);
            asm_byte(&x->as, 8);
            if (is_signed) {
                asm_rr(&x->as, OPC_MOVSX16 | rex_w(is64), d, d);
            }
        }
        break;
    case MO_32:
        asm_rm(&x->as, is_signed && is64 && !swap ? OPC_MOVSXD : OPC_MOV_LOAD,
               d, m);
        if (swap) {
            asm_rr(&x->as, 0x0f, 1, d);             /* bswap */
            if (is_signed && is64) {
                asm_rr(&x->as, OPC_MOVSXD, d, d);
            }
        }
        break;
    case MO_64:
        asm_rm(&x->as, OPC_MOV_LOAD | REX_W, d, m);
        if (swap) {
            asm_rr(&x->as, 0x0f | REX_W, 1, d);
        }
        break;
    default:
        asm_rm(&x->as, OPC_MOVUPS_LOAD, d, m);
        break;
    }
}

/* t: a scratch register, for swapped values. */
void x86_store_host(X86 *x, const Loc *v, Mem m, unsigned memop, unsigned t)
{
    unsigned size = memop & MO_SIZE, reg = v->reg;

    if (memop & MO_VEC) {
        asm_rm(&x->as, MAP_0F | (size == MO_32 ? PRE_F3 : PRE_F2) | 0x11, reg, m);
        return;
    }
    if (v->kind == LOC_IMM) {
        static const uint16_t opc[] = { 0xc6, 0xc7 | PRE_66, 0xc7,
                                        0xc7 | REX_W };

        asm_rm(&x->as, opc[size], 0, m);
        for (unsigned i = 0; i < (size > 2 ? 4 : 1u << size); i++) {
            asm_byte(&x->as, (uint8_t)(v->k >> 8 * i));
        }
        return;
    }
    if ((memop & MO_BSWAP) && size > MO_8) {
        asm_mov_rr(&x->as, size == MO_64, t, reg);
        reg = t;
        if (size == MO_16) {
            asm_rr(&x->as, 0xc1 | PRE_66, SH_ROL, t);
            asm_byte(&x->as, 8);
        } else {
            asm_rr(&x->as, 0x0f | rex_w(size == MO_64), 1, t);
        }
    }
    static const uint16_t opc[] = { OPC_MOV_STORE8, OPC_MOV_STORE16,
        OPC_MOV_STORE, OPC_MOV_STORE | REX_W, OPC_MOVUPS_STORE };

    asm_rm(&x->as, opc[size], reg, m);
}

/* -- Groups ------------------------------------------------------------------ */

/* Where what the group holds is kept: held[], FRAME_HELD, FRAME_GUEST. */
static unsigned held_slot(const X86 *x, unsigned group)
{
    unsigned i = 0;

    while (x->held[i].group != group) {
        i++;
        assert(i < NUM_HELD);
    }
    return i;
}

Range x86_alone(unsigned memop)
{
    int32_t size = 1 << (memop & MO_SIZE);
    int32_t align = (int32_t)tcg_alignment(memop);

    return (Range){ .end = size, .probe = size - align, .align = align > 1 ? align : 0 };
}

/* From lo on.  The last unit of the alignment has the last byte in it. */
static Range whole_group(const X86 *x)
{
    const Group *g = &x->group[x->group_of[x->op]];
    Range r = { .end = g->end - g->lo, .align = g->align };

    r.probe = r.end - 1;
    if (g->align) {
        r.probe -= (g->end - 1 - g->anchor) & (g->align - 1);
    }
    return r;
}

/* -- An access --------------------------------------------------------------- */

/* What every access does first. */
static void prepare(X86 *x)
{
    x->flags.kind = FLAGS_NONE;
    x86_load_pins(x, x->pins);
    if (!x86_may_pend(x)) {
        x86_store_dirty(x, ~0ull);
    }
}

typedef struct Access {
    unsigned memop, mmu_idx, addr;      /* addr: NO_REG if it is a member */
    unsigned addr_temp;
    int32_t to_lo;                      /* from addr */
    unsigned t0, t1, t2;                /* t0: the addend, or held */
    unsigned slot;                      /* of the group */
    int32_t disp;                       /* at - lo */
    bool write, wide, member, leader;
} Access;

static Access begin_access(X86 *x, bool write)
{
    const TCGOp *op = x86_op(x);
    unsigned group = x->group_of[x->op];
    Access a = { .memop = (unsigned)op->k[0], .mmu_idx = (uint8_t)op->k[1], .addr = NO_REG,
                 .addr_temp = op->in[0].temp,
                 .write = write, .t1 = NO_REG, .leader = x86_leads_group(x, x->op),
                 .member = x86_is_member(x, x->op) };

    prepare(x);
    a.wide = (a.memop & MO_SIZE) == MO_128;
    if (a.member || a.leader) {
        a.slot = held_slot(x, a.member ? group : NO_GROUP);
        a.disp = x->offset[a.addr_temp] - x->group[group].lo;
        a.to_lo = -a.disp;
    }
    if (a.leader && x->group[group].from != TCG_NO_TEMP) {
        a.addr_temp = x->group[group].from;
        a.to_lo = x->group[group].lo;
    }
    if (!a.member) {
        a.addr = x86_use_reg(x, a.addr_temp);
    } else if (x->held[a.slot].reg == NO_REG) {
        a.t0 = x86_scratch(x, 0);
        asm_rm(&x->as, OPC_MOV_LOAD | REX_W, a.t0, mem(RSP, FRAME_HELD + 8 * (int32_t)a.slot));
        x86_hold(x, a.slot, a.t0);
    } else {
        a.t0 = x->held[a.slot].reg;
        x->lock |= BIT(a.t0);
    }
    return a;
}

/* The leader's address is lo, and nobody wants it any more: it may become what is held. */
static bool address_is_lo(const X86 *x, const Access *a)
{
    const TCGOp *op = &x->s->ops[x->op];
    unsigned temp = a->addr_temp;

    return a->leader && a->to_lo == 0 && x->next_in[x->op][0] == 0 &&
           (x->alloc & BIT(a->addr)) && x->t[temp].regs == BIT(a->addr) && !x->t[temp].dirty &&
           (tcg_op_ins(op) == 1 || op->in[1].temp != temp);
}

static void get_scratch(X86 *x, Access *a, bool swap)
{
    if (!a->member) {
        a->t0 = address_is_lo(x, a) ? a->addr : x86_scratch(x, 0);
    }
    if (!a->member || swap) {
        a->t1 = x86_scratch(x, 0);
    }
    if (a->leader) {
        a->t2 = x86_scratch(x, 0);
    }
}

static void consume(X86 *x, const Access *a)
{
    const TCGOp *op = x86_op(x);

    if (!a->member) {
        x86_consume_temp(x, a->addr_temp, x->next_in[x->op][0]);
    }
    if (tcg_op_ins(op) == 2) {
        x86_consume_temp(x, op->in[1].temp, x->next_in[x->op][1]);
    }
}

static Mem host_mem(const Access *a)
{
    return a->member || a->leader ? mem(a->t0, a->disp) : mem_index(a->t0, a->addr, 0);
}

/* The check of a group; a stub for when it fails. */
static Stub *check_group(X86 *x, const Access *a, StubKind kind)
{
    const Group *g = &x->group[x->group_of[x->op]];
    Range range = whole_group(x), own = x86_alone(a->memop);
    Stub *stub;

    if (a->to_lo) {
        asm_lea(&x->as, false, a->t0, mem(a->addr, a->to_lo));
    } else if (a->t0 != a->addr) {
        asm_mov_rr(&x->as, false, a->t0, a->addr);
    }
    if (g->interrupted) {
        asm_rm(&x->as, OPC_MOV_STORE, a->t0, mem(RSP, FRAME_GUEST + 8 * (int32_t)a->slot));
    }
    tlb_compare(x, a->to_lo ? a->t0 : a->addr, a->t1, a->t2, a->mmu_idx, g->write, range);
    stub = x86_new_stub(x, kind, asm_jcc(&x->as, CC_NE));
    asm_rm(&x->as, ALU_ADD << 3 | 3 | REX_W, a->t0, x86_tlb_entry(x, a->t1, a->mmu_idx, 8));
    stub->checked = x->as.p;
    stub->group_write = g->write;
    stub->group = range;
    stub->recheck = g->write != a->write || range.end != own.end || range.align != own.align;
    return stub;
}

/* The hot check; a stub for when it fails. */
static Stub *check(X86 *x, const Access *a, StubKind kind)
{
    Stub *stub;

    if (a->leader) {
        return check_group(x, a, kind);
    }
    if (a->member) {
        asm_rr(&x->as, OPC_TEST | REX_W, a->t0, a->t0);
        stub = x86_new_stub(x, kind, asm_jcc(&x->as, CC_S));
    } else {
        tlb_compare(x, a->addr, a->t0, a->t1, a->mmu_idx, a->write, x86_alone(a->memop));
        stub = x86_new_stub(x, kind, asm_jcc(&x->as, CC_NE));
        asm_rm(&x->as, OPC_MOV_LOAD | REX_W, a->t0, x86_tlb_entry(x, a->t0, a->mmu_idx, 8));
    }
    stub->recheck = a->member;
    return stub;
}

static void end_access(X86 *x, const Access *a, Stub *stub, unsigned reg,
                       RegMask live)
{
    unsigned group = x->group_of[x->op];
    bool grouped = a->leader || a->member;

    if (a->leader) {
        x->held[a->slot].group = (uint16_t)group;
        x86_hold(x, a->slot, a->t0);
    }
    stub->addr = (uint8_t)a->addr;
    stub->reg = (uint8_t)reg;
    stub->held = grouped ? (uint8_t)a->t0 : NO_REG;
    stub->disp = (uint8_t)a->disp;
    stub->leader = a->leader;
    stub->memop = (uint16_t)a->memop;
    stub->mmu_idx = (uint8_t)a->mmu_idx;
    stub->xmm = live & XMM_REGS;
    stub->kill = 0;
    for (unsigned i = 0; i < NUM_HELD; i++) {
        if (x->held[i].group != NO_GROUP && !(grouped && i == a->slot)) {
            stub->kill |= (uint8_t)BIT(i);
            stub->kill_reg[i] = x->held[i].reg;
        }
    }
    x86_pend(x, stub, ~0ull);
    stub->resume = x->as.p;
    if (a->member && x->group[group].last == x->op) {
        x86_let_go(x, a->slot);
    }
}

void x86_qemu_ld(X86 *x)
{
    Access a = begin_access(x, x86_op(x)->k[0] & MO_RMW);
    unsigned d;
    Stub *stub;

    get_scratch(x, &a, false);
    consume(x, &a);
    d = x86_def(x, a.t1, a.leader || a.member ? BIT(a.t0) : 0);
    stub = check(x, &a, a.wide ? STUB_LD16 : STUB_LD);
    x86_load_host(x, d, host_mem(&a), a.memop);
    end_access(x, &a, stub, d, x->used & ~BIT(d));
}

void x86_qemu_st(X86 *x)
{
    Access a = begin_access(x, true);
    unsigned size = a.memop & MO_SIZE;
    bool swap = a.memop & MO_BSWAP && size != MO_8;
    Stub *stub;
    Loc v;

    v = swap ? (Loc){ .kind = LOC_MEM } : x86_use_imm32(x, 1, size == MO_64);
    if (v.kind == LOC_MEM) {
        v = (Loc){ .kind = LOC_REG,
                   .reg = (uint8_t)x86_use_reg(x, x86_op(x)->in[1].temp) };
    }
    get_scratch(x, &a, swap);
    stub = check(x, &a, a.wide ? STUB_ST16 : STUB_ST);
    x86_store_host(x, &v, host_mem(&a), a.memop, a.t1);
    stub->k = v.k;
    end_access(x, &a, stub, v.kind == LOC_REG ? v.reg : NO_REG, x->used);
    consume(x, &a);
}

/* k: opcode and ModRM reg, as k[1] of the operation has them. */
void x86_x87_insn(X86 *x, uint64_t k, Mem m)
{
    asm_rm(&x->as, k >> 8 & 0xff, k >> 16 & 7, m);
}

void x86_x87_access(X86 *x)
{
    bool store = x86_op(x)->opc == TCG_x87_st;
    Access a = begin_access(x, store);
    Stub *stub;

    get_scratch(x, &a, false);
    consume(x, &a);
    stub = check(x, &a, store ? STUB_X87_ST : STUB_X87_LD);
    stub->k = x86_op(x)->k[1];
    x86_x87_insn(x, stub->k, host_mem(&a));
    end_access(x, &a, stub, NO_REG, x->used);
}
