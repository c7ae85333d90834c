/* SPDX-License-Identifier: MIT */
/*
 * Guest memory: the slow path.
 *
 *      stub:                                   one per access
 *          dirty globals to env, live xmm registers to the frame; a value that
 *          is in no general register to the frame
 *          call   thunk                        one for all
 *          jmp    resume
 *          SlowAccess                          what the access is
 *
 * The thunk saves the general registers where slow_access() finds them: it reads
 * address and value there, writes the result there, and stores every pin, so that the
 * guest's state is exact and the slow path may leave by longjmp.  A stub is hardly
 * ever run, so a description that is short to write is better than code.  But those of
 * groups, which come here when the group straddles two pages, begin with code (straddle.c).
 *
 * If the result is not for a general register, or xmm registers were live, the jump
 * leads behind the description, where that is seen to.
 */
#include <assert.h>
#include <string.h>

#include "tcg/x86_64/x86.h"
#include "util/bits.h"

#define HELD_FAILED (1ull << 63)        /* mmu.c */

typedef struct __attribute__((packed)) SlowAccess {
    uint64_t back : 20;                 /* from the jump to `resume` */
    uint64_t mmu_idx : 4;
    uint64_t store : 1, wide : 1;       /* wide: 16 bytes */
    uint64_t in_frame : 1;              /* the value is there, or goes there */
    uint64_t leader : 1;                /* of a group whose check has just failed */
    uint64_t recheck : 1;               /* alone, before the slow path */
    uint64_t memop : 8, disp : 8;
    uint64_t kill : NUM_HELD;           /* Stub.kill */
    uint64_t addr : 4, value : 4;       /* registers; addr: or what its group holds */
    uint16_t kill_regs;                 /* four bits each; RSP: the frame */
} SlowAccess;

/* What the thunk makes of the stack. */
typedef struct Saved {
    uint64_t reg[16], pad;
    const uint8_t *ra;                  /* at the jump of the stub */
    uint8_t frame[];
} Saved;

enum { JUMP_LEN = 5 };

/* -- While the guest runs ---------------------------------------------------- */

static uint8_t *env_of(const Saved *s)
{
    return (uint8_t *)(uintptr_t)(s->reg[RBP] - ENV_BIAS);
}

/* Where addr is in the host's memory if the TLB has addr + last, which is to be a
 * multiple of align; else NULL. */
static uint8_t *probe(const X86 *x, const Saved *s, const SlowAccess *a, uint32_t addr,
                      unsigned last, unsigned align, bool write)
{
    const TCGSoftMMU *mmu = &x->target->mmu;
    const uint8_t *env = env_of(s), *entry = env + mmu->table + a->mmu_idx * mmu->table_stride;
    uint32_t mask = (uint32_t)load_le(env + mmu->mask + 4 * a->mmu_idx, 4);
    uint32_t page = -(1u << mmu->page_bits) | (align - 1);

    addr += last;
    entry += addr >> (mmu->page_bits - 4) & mask;
    if ((addr & page) != load_le(entry + (write ? 4 : 0), 4)) {
        return NULL;
    }
    return (uint8_t *)(uintptr_t)(addr + load_le(entry + 8, 8)) - last;
}

/* This access alone: it may hit where its group does not. */
static uint8_t *probe_alone(const X86 *x, const Saved *s, const SlowAccess *a, uint32_t addr)
{
    unsigned size = 1u << (a->memop & MO_SIZE), align = tcg_alignment(a->memop);
    bool write = a->store || (a->memop & MO_RMW);
    uint8_t *first = probe(x, s, a, addr, 0, 1, write);

    return first == probe(x, s, a, addr, size - align, align, write) ? first : NULL;
}

static uint64_t swap(uint64_t v, unsigned memop)
{
    return memop & MO_BSWAP ? __builtin_bswap64(v) >> (64 - (8u << (memop & MO_SIZE))) : v;
}

static uint64_t extend(uint64_t v, unsigned memop)
{
    unsigned shift = 64 - (8u << (memop & MO_SIZE));

    return memop & MO_SIGN ? (uint64_t)((int64_t)(v << shift) >> shift) : v;
}

static void put_result(uint64_t *to, uint64_t v, unsigned memop)
{
    bool is64 = (memop & MO_SIZE) == MO_64 || (memop & MO_I64);

    *to = is64 ? v : (uint32_t)v;
}

static void copy(uint8_t *host, uint64_t *value, const SlowAccess *a)
{
    unsigned size = 1u << (a->memop & MO_SIZE);

    if (a->wide && a->store) {
        memcpy(host, value, 16);
    } else if (a->wide) {
        memcpy(value, host, 16);
    } else if (a->store) {
        store_le(host, swap(*value, a->memop), size);
    } else {
        uint64_t v = swap(load_le(host, size), a->memop);

        put_result(value, extend(v, a->memop), a->memop);
    }
}

static void call_target(const X86 *x, const Saved *s, const SlowAccess *a, uint32_t addr,
                        uint64_t *value)
{
    const TCGSoftMMU *mmu = &x->target->mmu;
    uintptr_t ra = (uintptr_t)s->ra - a->back;
    void *env = env_of(s);

    if (a->wide && a->store) {
        mmu->st16(env, addr, value, a->memop, a->mmu_idx, ra);
    } else if (a->wide) {
        mmu->ld16(env, addr, a->memop, a->mmu_idx, ra, value);
    } else if (a->store) {
        mmu->st(env, addr, *value, a->memop, a->mmu_idx, ra);
    } else {
        put_result(value, mmu->ld(env, addr, a->memop, a->mmu_idx, ra), a->memop);
    }
}

static void store_pins(const X86 *x, const Saved *s)
{
    for (RegMask m = x->pins; m; m &= m - 1) {
        unsigned r = (unsigned)__builtin_ctz(m);
        const TCGGlobalDef *g = &x->target->globals[x->reg_global[r]];

        store_le(env_of(s) + g->offset, s->reg[r], g->type == TCG_I64 ? 8 : 4);
    }
}

/* Other groups have to check again: each of their accesses by itself. */
static void kill_groups(Saved *s, const SlowAccess *a)
{
    for (unsigned m = a->kill; m; m &= m - 1) {
        unsigned i = (unsigned)__builtin_ctz(m), r = a->kill_regs >> 4 * i & 15;
        uint64_t failed = load_le(s->frame + FRAME_GUEST + 8 * i, 4) | HELD_FAILED;

        if (r == RSP) {
            store_le(s->frame + FRAME_HELD + 8 * i, failed, 8);
        } else {
            s->reg[r] = failed;
        }
    }
}

static void slow_access(const X86 *x, Saved *s)
{
    uint8_t *host;
    SlowAccess a;

    memcpy(&a, s->ra + JUMP_LEN, sizeof(a));
    uint64_t *value = a.in_frame ? (uint64_t *)(void *)(s->frame + FRAME_VALUE)
                                 : &s->reg[a.value];
    uint64_t *base = &s->reg[a.addr];
    uint32_t addr = (uint32_t)*base + a.disp;

    if (a.leader) {
        *base |= HELD_FAILED;
    }
    if (a.recheck && (host = probe_alone(x, s, &a, addr)) != NULL) {
        copy(host, value, &a);
        return;
    }
    store_pins(x, s);
    call_target(x, s, &a, addr, value);
    kill_groups(s, &a);
}

void x86_slow_thunk(X86 *x)
{
    Asm *as = &x->as;

    x->slow_thunk = as->p;
    asm_lea(as, true, RSP, mem(RSP, -8));
    for (unsigned r = R15 + 1u; r-- > 0;) {
        asm_push(as, r);
    }
    asm_mov_ri(as, RDI, (uintptr_t)x, true);
    asm_mov_rr(as, true, RSI, RSP);
    asm_call(as, (uintptr_t)slow_access);
    for (unsigned r = 0; r <= R15; r++) {
        if (r == RSP) {
            asm_lea(as, true, RSP, mem(RSP, 8));
        } else {
            asm_pop(as, r);
        }
    }
    asm_lea(as, true, RSP, mem(RSP, 8));
    asm_ret(as, 0);
}

/* -- While a block is made --------------------------------------------------- */

void x86_save_xmm(X86 *x, RegMask regs, bool restore)
{
    for (RegMask m = regs; m; m &= m - 1) {
        unsigned r = (unsigned)__builtin_ctz(m);

        asm_rm(&x->as, restore ? OPC_MOVAPS_LOAD : OPC_MOVAPS_STORE, r,
               mem(RSP, FRAME_XMM + 16 * (int32_t)(r - XMM0)));
    }
}

static bool is_wide(const Stub *stub)
{
    return stub->kind == STUB_LD16 || stub->kind == STUB_ST16;
}

/*
 * What is stored, but the unit as it was: the store may fault.  Its flags and
 * its pop come when it is done.
 */
static void put_x87_value(X86 *x, const Stub *stub)
{
    asm_rm(&x->as, 0xd9, 6, mem(RSP, FRAME_X87));           /* fnstenv */
    x86_x87_insn(x, stub->k, mem(RSP, FRAME_VALUE));
    asm_rm(&x->as, 0xd9, 4, mem(RSP, FRAME_X87));           /* fldenv */
}

/* Into the frame. */
static void put_value(X86 *x, const Stub *stub)
{
    Mem m = mem(RSP, FRAME_VALUE);

    if (x86_stub_is_x87(stub)) {
        put_x87_value(x, stub);
    } else if (is_wide(stub)) {
        asm_rm(&x->as, OPC_MOVAPS_STORE, stub->reg, m);
    } else if (stub->memop & MO_VEC) {
        asm_rm(&x->as, MAP_0F | PRE_F2 | 0x11, stub->reg, m);
    } else {
        asm_mov_mi(&x->as, true, m, (int32_t)stub->k);
    }
}

/* What general registers cannot tell, when the access is done. */
static void finish(X86 *x, const Stub *stub)
{
    Mem m = mem(RSP, FRAME_VALUE);

    x86_save_xmm(x, stub->xmm, true);
    if (x86_stub_is_x87(stub)) {
        x86_x87_insn(x, stub->k, m);
    } else if (is_wide(stub) && !x86_stub_stores(stub)) {
        asm_rm(&x->as, OPC_MOVAPS_LOAD, stub->reg, m);
    } else if ((stub->memop & MO_VEC) && !x86_stub_stores(stub)) {
        unsigned prefix = (stub->memop & MO_SIZE) == MO_32 ? PRE_F3 : PRE_F2;

        asm_rm(&x->as, MAP_0F | prefix | 0x10, stub->reg, m);
    }
    asm_jmp_to(&x->as, stub->resume);
}

static void describe(X86 *x, const Stub *stub, const uint8_t *ra, bool in_frame)
{
    SlowAccess a = {
        .back = (uint64_t)(ra - stub->resume), .mmu_idx = stub->mmu_idx,
        .store = x86_stub_stores(stub), .wide = is_wide(stub), .in_frame = in_frame,
        .recheck = stub->recheck, .memop = stub->memop, .disp = stub->disp,
        .leader = stub->leader, .addr = (stub->held != NO_REG ? stub->held : stub->addr) & 15,
        .value = stub->reg & 15, .kill = stub->kill,
    };

    assert(ra - stub->resume < 1 << 20 && stub->mmu_idx < 16);
    for (unsigned m = stub->kill; m; m &= m - 1) {
        unsigned i = (unsigned)__builtin_ctz(m), r = stub->kill_reg[i];

        a.kill_regs |= (uint16_t)((r == NO_REG ? RSP : r) << 4 * i);
    }
    memcpy(x->as.p, &a, sizeof(a));
    x->as.p += sizeof(a);
}

void x86_mmu_stub(X86 *x, const Stub *stub)
{
    bool in_frame = x86_stub_is_x87(stub) || stub->reg >= XMM0;      /* or a constant */
    uint8_t *jump;

    x86_straddle_stub(x, stub);
    x86_store_pending(x, stub);
    x86_save_xmm(x, stub->xmm, false);
    if (in_frame && x86_stub_stores(stub)) {
        put_value(x, stub);
    }
    asm_call(&x->as, (uintptr_t)x->slow_thunk);
    jump = asm_jmp(&x->as);
    describe(x, stub, jump - 1, in_frame);
    if (stub->xmm || (in_frame && (x86_stub_is_x87(stub) || !x86_stub_stores(stub)))) {
        asm_set_rel32(jump, x->as.p);
        finish(x, stub);
    } else {
        asm_set_rel32(jump, stub->resume);
    }
}
