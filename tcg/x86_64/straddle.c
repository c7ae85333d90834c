/* SPDX-License-Identifier: MIT */
/*
 * Guest memory: groups that straddle two pages.
 *
 * A loop along an array comes here at the end of each page, a function whose stack frame
 * is there at each access; so this is code, not a description as in slow.c, but short, as
 * each access of a group has some: what is common is in thunks, one for each mode and
 * kind.  Both sorts of code begin with
 *
 *          push   held
 *          call   thunk
 *          test   eax, imm32           nothing: Note, for the thunk
 *
 * and the thunk drops what was pushed, and returns behind the rest of the code if it has
 * failed.  The first access looks whether the two pages are side by side in the host's
 * memory, too.  Then the group is held all the same:
 *
 *          pop    held                 here the thunk has not dropped it
 *          jmp    checked
 *
 * Others, or if they are not side by side, look whether the access itself hits:
 *
 *          mov    d, [r]               r, whose value is in the frame, is the
 *          mov    r, [frame]               host's address
 *          jmp    resume
 */
#include <stddef.h>
#include <string.h>

#include "tcg/x86_64/x86.h"

typedef struct Note {
    uint8_t disp, probe, align;         /* of the access in its group; Range; align - 1 */
    uint8_t len;                        /* of the rest of the code */
} Note;

enum { TEST_EAX = 0xa9, NOTE_AT = 1 };  /* the note is behind the opcode */

/* In a thunk that has pushed `pushed` registers: where to return to, what is held. */
static Mem return_address(unsigned pushed)
{
    return mem(RSP, 8 * (int32_t)pushed);
}

static Mem held_value(unsigned pushed)
{
    return mem(RSP, 8 * (int32_t)pushed + 8);
}

static void load_note(X86 *x, unsigned d, unsigned from, size_t field)
{
    asm_rm(&x->as, OPC_MOVZX8, d, mem(from, NOTE_AT + (int32_t)field));
}

/* d becomes what of an address is compared with a tag, align - 1 is in d. */
static void mask_address(X86 *x, unsigned d, unsigned addr)
{
    asm_alu_ri(&x->as, ALU_SUB, false, d, 1 << x->target->mmu.page_bits);
    asm_rr(&x->as, ALU_AND << 3 | 3, d, addr);
}

static uint8_t *jump_if_miss(X86 *x, unsigned tag, unsigned offset, unsigned mmu_idx, bool write)
{
    asm_rm(&x->as, OPC_CMP, tag, x86_tlb_entry(x, offset, mmu_idx, write ? 4 : 0));
    return asm_jcc(&x->as, CC_NE);
}

/* a, b: two of the registers pushed. */
static void return_failed(X86 *x, RegMask pushed, unsigned a, unsigned b)
{
    Mem at = return_address((unsigned)__builtin_popcount(pushed));

    asm_rm(&x->as, OPC_MOV_LOAD | REX_W, a, at);
    load_note(x, b, a, offsetof(Note, len));
    asm_lea(&x->as, true, a, (Mem){ .base = (uint8_t)a, .index = (uint8_t)b,
                                    .disp = NOTE_AT + sizeof(Note) });
    asm_rm(&x->as, OPC_MOV_STORE | REX_W, a, at);
    asm_pop_regs(&x->as, pushed);
    asm_ret(&x->as, 8);
}

/* What is held becomes the host's address. */
static uint8_t *group_thunk(X86 *x, unsigned mmu_idx, bool write)
{
    enum { PUSHED = BIT(RAX) | BIT(RCX) | BIT(RDX) | BIT(RSI), NUM = 4 };
    Asm *as = &x->as;
    uint8_t *start = as->p, *miss[3];

    asm_push_regs(as, PUSHED);
    asm_rm(as, OPC_MOV_LOAD, RCX, held_value(NUM));
    x86_tlb_offset(x, RCX, RAX, mmu_idx);
    asm_mov_ri(as, RDX, 0, true);
    mask_address(x, RDX, RCX);
    miss[0] = jump_if_miss(x, RDX, RAX, mmu_idx, write);
    asm_rm(as, OPC_MOV_LOAD | REX_W, RSI, x86_tlb_entry(x, RAX, mmu_idx, 8));
    asm_rm(as, OPC_MOV_LOAD | REX_W, RDX, return_address(NUM));
    load_note(x, RAX, RDX, offsetof(Note, probe));
    asm_rr(as, ALU_ADD << 3 | 3, RAX, RCX);
    load_note(x, RDX, RDX, offsetof(Note, align));
    mask_address(x, RDX, RAX);
    x86_tlb_offset(x, RAX, RAX, mmu_idx);
    miss[1] = jump_if_miss(x, RDX, RAX, mmu_idx, write);
    asm_rm(as, OPC_CMP | REX_W, RSI, x86_tlb_entry(x, RAX, mmu_idx, 8));
    miss[2] = asm_jcc(as, CC_NE);
    asm_rr(as, ALU_ADD << 3 | 3 | REX_W, RCX, RSI);
    asm_rm(as, OPC_MOV_STORE | REX_W, RCX, held_value(NUM));
    asm_pop_regs(as, PUSHED);
    asm_ret(as, 0);
    for (unsigned i = 0; i < 3; i++) {
        asm_set_rel32(miss[i], as->p);
    }
    return_failed(x, PUSHED, RAX, RCX);
    return start;
}

/* r becomes the host's address. */
static uint8_t *alone_thunk(X86 *x, unsigned mmu_idx, bool write, unsigned r)
{
    const unsigned a = r == RAX ? RCX : RAX, b = RDX;
    const RegMask pushed = BIT(a) | BIT(b);
    Asm *as = &x->as;
    uint8_t *start = as->p, *miss;

    asm_rm(as, OPC_MOV_STORE | REX_W, r, mem(RSP, 16 + FRAME_VALUE));
    asm_push_regs(as, pushed);
    asm_rm(as, OPC_MOV_LOAD | REX_W, b, return_address(2));
    load_note(x, r, b, offsetof(Note, disp));
    asm_rm(as, ALU_ADD << 3 | 3, r, held_value(2));
    load_note(x, a, b, offsetof(Note, probe));
    asm_rr(as, ALU_ADD << 3 | 3, a, r);
    load_note(x, b, b, offsetof(Note, align));
    mask_address(x, b, a);
    x86_tlb_offset(x, r, a, mmu_idx);
    miss = jump_if_miss(x, b, a, mmu_idx, write);
    asm_rm(as, ALU_ADD << 3 | 3 | REX_W, r, x86_tlb_entry(x, a, mmu_idx, 8));
    asm_pop_regs(as, pushed);
    asm_ret(as, 8);
    asm_set_rel32(miss, as->p);
    asm_rm(as, OPC_MOV_LOAD | REX_W, r, mem(RSP, 32 + FRAME_VALUE));
    return_failed(x, pushed, a, b);
    return start;
}

void x86_straddle_thunks(X86 *x)
{
    for (unsigned i = 0; i < x->target->mmu.modes; i++) {
        for (unsigned write = 0; write < 2; write++) {
            x->group_thunk[i][write] = group_thunk(x, i, write);
            x->alone_thunk[i][write][0] = alone_thunk(x, i, write, RAX);
            x->alone_thunk[i][write][1] = alone_thunk(x, i, write, RCX);
        }
    }
}

/* -- While a block is made --------------------------------------------------- */

/* What both sorts begin with; where the note goes. */
static uint8_t *begin(X86 *x, const Stub *stub, const uint8_t *thunk)
{
    uint8_t *note;

    asm_push(&x->as, stub->held);
    asm_call(&x->as, (uintptr_t)thunk);
    asm_byte(&x->as, TEST_EAX);
    note = x->as.p;
    x->as.p += sizeof(Note);
    return note;
}

static void end(X86 *x, uint8_t *at, unsigned disp, Range range)
{
    Note note = { .disp = (uint8_t)disp, .probe = (uint8_t)range.probe,
                  .align = (uint8_t)(range.align ? range.align - 1 : 0),
                  .len = (uint8_t)(x->as.p - (at + sizeof(note))) };

    memcpy(at, &note, sizeof(note));
}

static void check_group(X86 *x, const Stub *stub)
{
    uint8_t *at = begin(x, stub, x->group_thunk[stub->mmu_idx][stub->group_write]);

    asm_pop(&x->as, stub->held);
    asm_jmp_to(&x->as, stub->checked);
    end(x, at, 0, stub->group);
}

static void access_at(X86 *x, const Stub *stub, Mem m)
{
    if (x86_stub_is_x87(stub)) {
        x86_x87_insn(x, stub->k, m);
    } else if (!x86_stub_stores(stub)) {
        x86_load_host(x, stub->reg, m, stub->memop);
    } else {
        Loc v = { .kind = stub->reg == NO_REG ? LOC_IMM : LOC_REG,
                  .reg = stub->reg, .k = stub->k };

        x86_store_host(x, &v, m, stub->memop, NO_REG);
    }
}

static void check_alone(X86 *x, const Stub *stub)
{
    bool store = x86_stub_stores(stub), write = store || (stub->memop & MO_RMW);
    unsigned r = store && stub->reg == RAX ? RCX : RAX;
    uint8_t *at = begin(x, stub, x->alone_thunk[stub->mmu_idx][write][r == RCX]);

    access_at(x, stub, mem(r, 0));
    if (store || stub->reg != r) {
        asm_rm(&x->as, OPC_MOV_LOAD | REX_W, r, mem(RSP, FRAME_VALUE));
    }
    asm_jmp_to(&x->as, stub->resume);
    end(x, at, stub->disp, x86_alone(stub->memop));
}

/* Nothing for accesses without a group; a swapped store would take a register more. */
void x86_straddle_stub(X86 *x, const Stub *stub)
{
    if (stub->leader) {
        check_group(x, stub);
    } else if (stub->recheck && !(x86_stub_stores(stub) && (stub->memop & MO_BSWAP))) {
        check_alone(x, stub);
    }
}
