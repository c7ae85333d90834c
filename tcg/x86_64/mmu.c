/* SPDX-License-Identifier: MIT */
/*
 * Guest memory.
 *
 *          rorx   t0, addr, page_bits - 4
 *          and    t0, [rbp + mask]             byte offset of the TLB entry
 *          lea    t1, [addr + size - 1]        last byte: crossing pages fails
 *          and    t1, page_mask
 *          cmp    t1, [rbp + t0 + table]
 *          jne    stub
 *          mov    t0, [rbp + t0 + table + 8]   addend
 *          mov    d, [t0 + addr]
 *      resume:
 *
 *      stub:                                   out of line, one per access
 *          dirty globals to env, live xmm registers to the frame
 *          address, value, memop, MMU index and the distance to resume into
 *          the frame
 *          call   thunk                        one per kind of access
 *          d from the frame; jmp resume
 *
 * The thunk saves all that C may clobber and stores every pin, so that the
 * slow path sees the exact guest state and may leave by longjmp.
 *
 * A read-modify-write (MO_RMW) checks once: its load keeps the addend for the
 * store that follows, or zero when it took the slow path.
 */
#include <assert.h>

#include "tcg/x86_64/x86.h"

/* -- The inline part --------------------------------------------------------- */

static uint8_t *tlb_check(X86 *x, unsigned addr, unsigned t0, unsigned t1,
                          unsigned memop, unsigned mmu_idx, bool write)
{
    const TCGSoftMMU *mmu = &x->target->mmu;
    uint32_t size = 1u << (memop & MO_SIZE);
    uint32_t table = mmu->table + mmu_idx * mmu->table_stride;
    int32_t page_mask = -(1 << mmu->page_bits);
    unsigned shift = mmu->page_bits - 4u;
    Mem entry = x86_env(table);
    uint8_t *miss;

    if (x->bmi) {
        asm_rorx(&x->as, false, t0, addr, shift);
    } else {
        asm_mov_rr(&x->as, false, t0, addr);
        asm_shift_ri(&x->as, SH_SHR, false, t0, shift);
    }
    asm_rm(&x->as, ALU_AND << 3 | 3, t0, x86_env(mmu->mask + 4 * mmu_idx));
    if (size == 1 || (memop & MO_ALIGN)) {
        asm_mov_rr(&x->as, false, t1, addr);
        page_mask |= (int32_t)size - 1;
    } else {
        asm_lea(&x->as, false, t1, mem(addr, (int32_t)size - 1));
    }
    asm_alu_ri(&x->as, ALU_AND, false, t1, page_mask);
    entry.index = (uint8_t)t0;
    entry.disp += write ? 4 : 0;
    asm_rm(&x->as, OPC_CMP, t1, entry);
    miss = asm_jcc(&x->as, CC_NE);
    entry.disp = x86_env(table + 8).disp;
    asm_rm(&x->as, OPC_MOV_LOAD | REX_W, t0, entry);
    return miss;
}

static void load_host(X86 *x, unsigned d, Mem m, unsigned memop)
{
    bool is_signed = memop & MO_SIGN, is64 = memop & MO_I64;
    bool swap = memop & MO_BSWAP;

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
static void store_host(X86 *x, const Loc *v, Mem m, unsigned memop, unsigned t)
{
    unsigned size = memop & MO_SIZE, reg = v->reg;

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

/* What every access does first. */
static void prepare(X86 *x)
{
    x->flags.kind = FLAGS_NONE;
    x86_load_pins(x, x->pins);
    if (x->num_pending + TCG_MAX_GLOBALS > MAX_PENDING) {
        x86_store_dirty(x, ~0ull);
    }
}

static Stub *access_stub(X86 *x, StubKind kind, uint8_t *from, unsigned addr,
                         unsigned reg, RegMask live)
{
    const TCGOp *op = x86_op(x);
    Stub *stub = x86_new_stub(x, kind, from);

    stub->addr = (uint8_t)addr;
    stub->reg = (uint8_t)reg;
    stub->kept = NO_REG;
    stub->memop = (uint16_t)op->k[0];
    stub->mmu_idx = (uint8_t)op->k[1];
    stub->xmm = live & XMM_REGS;
    x86_pend(x, stub, ~0ull);
    return stub;
}

void x86_qemu_ld(X86 *x)
{
    const TCGOp *op = x86_op(x);
    unsigned memop = (unsigned)op->k[0], mmu_idx = (unsigned)op->k[1];
    bool wide = (memop & MO_SIZE) == MO_128, keep = memop & MO_RMW && !wide;
    unsigned addr, t0, t1, d;
    uint8_t *miss;
    Stub *stub;

    x86_drop_rmw(x);
    prepare(x);
    addr = x86_use_reg(x, op->in[0].temp);
    t0 = x86_scratch(x, 0);
    t1 = x86_scratch(x, 0);
    x86_consume(x);
    d = x86_def(x, t1, keep ? BIT(t0) | BIT(addr) : 0);
    miss = tlb_check(x, addr, t0, t1, memop, mmu_idx, memop & MO_RMW);
    load_host(x, d, mem_index(t0, addr, 0), memop);
    stub = access_stub(x, wide ? STUB_LD16 : STUB_LD, miss, addr, d,
                       x->used & ~BIT(d));
    stub->resume = x->as.p;
    if (keep) {
        stub->kept = (uint8_t)t0;
        x->rmw.reg = (uint8_t)t0;
        x->rmw.addr = op->in[0].temp;
        x->rmw.memop = (uint8_t)(memop & (MO_SIZE | MO_ALIGN));
        x->rmw.mmu_idx = (uint8_t)mmu_idx;
    }
}

/* The register of a checked addend for this store, or NO_REG. */
static unsigned checked_addend(const X86 *x, const TCGOp *op)
{
    if (x->rmw.reg != NO_REG && x->rmw.addr == op->in[0].temp &&
        x->rmw.memop == (op->k[0] & (MO_SIZE | MO_ALIGN)) &&
        x->rmw.mmu_idx == op->k[1]) {
        return x->rmw.reg;
    }
    return NO_REG;
}

void x86_qemu_st(X86 *x)
{
    const TCGOp *op = x86_op(x);
    unsigned memop = (unsigned)op->k[0], mmu_idx = (unsigned)op->k[1];
    unsigned size = memop & MO_SIZE, addr, t0, t1 = NO_REG;
    bool wide = size == MO_128, swap = memop & MO_BSWAP && size != MO_8;
    uint8_t *miss;
    Stub *stub;
    Loc v;

    prepare(x);
    addr = x86_use_reg(x, op->in[0].temp);
    v = swap ? (Loc){ .kind = LOC_MEM } : x86_use_imm32(x, 1, size == MO_64);
    if (v.kind == LOC_MEM) {
        v = (Loc){ .kind = LOC_REG,
                   .reg = (uint8_t)x86_use_reg(x, op->in[1].temp) };
    }
    t0 = checked_addend(x, op);
    if (t0 != NO_REG) {
        t1 = swap ? x86_scratch(x, BIT(t0)) : NO_REG;
        asm_rr(&x->as, OPC_TEST | REX_W, t0, t0);
        miss = asm_jcc(&x->as, CC_E);
    } else {
        x86_drop_rmw(x);
        t0 = x86_scratch(x, 0);
        t1 = x86_scratch(x, 0);
        miss = tlb_check(x, addr, t0, t1, memop, mmu_idx, true);
    }
    store_host(x, &v, mem_index(t0, addr, 0), memop, t1);
    stub = access_stub(x, wide ? STUB_ST16 : STUB_ST, miss, addr,
                       v.kind == LOC_REG ? v.reg : NO_REG, x->used);
    stub->k = v.k;
    stub->resume = x->as.p;
    x86_drop_rmw(x);
    x86_consume(x);
}

/* -- Out of line ------------------------------------------------------------- */

static Mem frame(int32_t offset)
{
    return mem(RSP, offset);
}

static void save_xmm(X86 *x, RegMask regs, bool restore)
{
    for (RegMask m = regs; m; m &= m - 1) {
        unsigned r = (unsigned)__builtin_ctz(m);

        asm_rm(&x->as, restore ? OPC_MOVAPS_LOAD : OPC_MOVAPS_STORE, r,
               frame(FRAME_XMM + 16 * (int32_t)(r - XMM0)));
    }
}

static void put_value(X86 *x, const Stub *stub)
{
    if (stub->kind == STUB_ST16) {
        asm_rm(&x->as, OPC_MOVAPS_STORE, stub->reg, frame(FRAME_VALUE));
    } else if (stub->reg != NO_REG) {
        asm_rm(&x->as, OPC_MOV_STORE | REX_W, stub->reg, frame(FRAME_VALUE));
    } else {
        bool is64 = (stub->memop & MO_SIZE) == MO_64;

        asm_mov_mi(&x->as, is64, frame(FRAME_VALUE), (int32_t)stub->k);
    }
}

void x86_mmu_stub(X86 *x, const Stub *stub)
{
    bool is_load = stub->kind == STUB_LD || stub->kind == STUB_LD16;
    uint8_t *args;
    uint32_t word;

    x86_store_pending(x, stub);
    save_xmm(x, stub->xmm, false);
    asm_rm(&x->as, OPC_MOV_STORE, stub->addr, frame(FRAME_ADDR));
    if (!is_load) {
        put_value(x, stub);
    }
    asm_mov_mi(&x->as, false, frame(FRAME_OP), 0);
    args = x->as.p - 4;
    asm_call(&x->as, (uintptr_t)x->thunk[stub->kind]);
    word = (uint32_t)(x->as.p - stub->resume);
    assert(word < 1u << 20 && stub->mmu_idx < 16);
    word = word << 12 | (uint32_t)stub->mmu_idx << 8 | stub->memop;
    __builtin_memcpy(args, &word, 4);
    save_xmm(x, stub->xmm, true);
    if (stub->kind == STUB_LD16) {
        asm_rm(&x->as, OPC_MOVAPS_LOAD, stub->reg, frame(FRAME_VALUE));
    } else if (is_load) {
        bool is64 = (stub->memop & MO_SIZE) == MO_64 || stub->memop & MO_I64;

        asm_rm(&x->as, OPC_MOV_LOAD | rex_w(is64), stub->reg,
               frame(FRAME_VALUE));
        if (stub->kept != NO_REG) {
            asm_mov_ri(&x->as, stub->kept, 0, true);
        }
    }
    asm_jmp_to(&x->as, stub->resume);
}

static void thunk_arguments(X86 *x, StubKind kind, int32_t off)
{
    bool value = kind == STUB_ST || kind == STUB_ST16;
    unsigned arg = value ? RCX : RDX, idx = value ? R8 : RCX;
    unsigned ra = value ? R9 : R8;

    asm_lea(&x->as, true, RDI, x86_env(0));
    asm_rm(&x->as, OPC_MOV_LOAD, RSI, frame(off + FRAME_ADDR));
    asm_rm(&x->as, OPC_MOV_LOAD, RAX, frame(off + FRAME_OP));
    asm_rr(&x->as, OPC_MOVZX8 | RM8, arg, RAX);
    asm_mov_rr(&x->as, false, idx, RAX);
    asm_shift_ri(&x->as, SH_SHR, false, idx, 8);
    asm_alu_ri(&x->as, ALU_AND, false, idx, 15);
    asm_shift_ri(&x->as, SH_SHR, false, RAX, 12);
    asm_rm(&x->as, OPC_MOV_LOAD | REX_W, ra, frame(off - 8));
    asm_rr(&x->as, ALU_SUB << 3 | 3 | REX_W, ra, RAX);
    if (kind == STUB_ST) {
        asm_rm(&x->as, OPC_MOV_LOAD | REX_W, RDX, frame(off + FRAME_VALUE));
    } else if (kind == STUB_ST16) {
        asm_lea(&x->as, true, RDX, frame(off + FRAME_VALUE));
    } else if (kind == STUB_LD16) {
        asm_lea(&x->as, true, R9, frame(off + FRAME_VALUE));
    }
}

static void mmu_thunk(X86 *x, StubKind kind, uintptr_t fn)
{
    RegMask saved = x->alloc & CALLER_SAVED & GP_REGS;
    RegMask pins = x->pins & CALLER_SAVED;
    unsigned num = (unsigned)__builtin_popcount(saved);
    int32_t pad = num % 2 == 0 ? 8 : 0, off = 8 * (int32_t)num + 8 + pad;

    x->thunk[kind] = x->as.p;
    for (RegMask m = saved; m; m &= m - 1) {
        asm_push(&x->as, (unsigned)__builtin_ctz(m));
    }
    if (pad) {
        asm_alu_ri(&x->as, ALU_SUB, true, RSP, pad);
    }
    x->pins_home = x->pins_stale = 0;
    x86_store_pins(x, x->pins);
    thunk_arguments(x, kind, off);
    asm_call(&x->as, fn);
    if (kind == STUB_LD) {
        asm_rm(&x->as, OPC_MOV_STORE | REX_W, RAX, frame(off + FRAME_VALUE));
    }
    x->pins_stale = pins;
    x86_load_pins(x, pins);
    if (pad) {
        asm_alu_ri(&x->as, ALU_ADD, true, RSP, pad);
    }
    for (unsigned r = R15 + 1u; r-- > 0;) {
        if (saved & BIT(r)) {
            asm_pop(&x->as, r);
        }
    }
    asm_byte(&x->as, 0xc3);
}

void x86_mmu_thunks(X86 *x)
{
    const TCGSoftMMU *mmu = &x->target->mmu;

    mmu_thunk(x, STUB_LD, (uintptr_t)mmu->ld);
    mmu_thunk(x, STUB_ST, (uintptr_t)mmu->st);
    mmu_thunk(x, STUB_LD16, (uintptr_t)mmu->ld16);
    mmu_thunk(x, STUB_ST16, (uintptr_t)mmu->st16);
}
