/* SPDX-License-Identifier: MIT */
/*
 * Labels, branches, and the ways between blocks.
 *
 * At every label, and wherever another block may begin, the state is canonical:
 * globals in their pins or env fields; but TCGTarget.pc, which is stored behind a
 * goto_ptr only if the jump cache does not know the way.  A conditional branch
 * stores what is dirty before it jumps, or in a stub if the fall-through path
 * would rather not.
 *
 * goto_tb is a jmp whose displacement is patched; when a conditional branch is
 * the only way to a goto_tb, the branch itself is patched instead, or the jmp of
 * its stub.  Patching is one 4-byte store.  Behind the block lies, for each slot,
 * a pair of u32: offset of the displacement, offset of where it points unpatched.
 */
#include <assert.h>
#include <string.h>

#include "tcg/x86_64/x86.h"

Stub *x86_new_stub(X86 *x, StubKind kind, uint8_t *from)
{
    assert(x->num_stubs < MAX_STUBS);
    Stub *stub = &x->stub[x->num_stubs++];

    stub->kind = (uint8_t)kind;
    stub->from = from;
    stub->num_pending = 0;
    return stub;
}

/* Everything home: dirty globals in env, pins in their registers. */
static void make_canonical(X86 *x)
{
    x86_store_dirty(x, ~0ull);
    x86_load_pins(x, x->pins);
}

static void jump_to_label(X86 *x, uint8_t *at, unsigned label)
{
    if (x->label_pos[label]) {
        asm_set_rel32(at, x->label_pos[label]);
    } else {
        x->fixup[x->num_fixups].at = at;
        x->fixup[x->num_fixups++].label = (uint16_t)label;
    }
}

static void emit_label(X86 *x, unsigned label)
{
    make_canonical(x);
    x86_start_ebb(x);
    x->label_pos[label] = x->as.p;
}

static void emit_br(X86 *x, unsigned label)
{
    make_canonical(x);
    jump_to_label(x, asm_jmp(&x->as), label);
    x86_start_ebb(x);
}

/* Can a branch to this label be patched to go to the next block? */
static bool joins_goto_tb(const X86 *x, unsigned label)
{
    unsigned slot = x->label_slot[label];

    return slot < TCG_SLOTS && x->label_refs[label] == 1 && !x->label_pos[label] &&
           !x->jump_at[slot] && x->jump_label[slot] == NO_LABEL;
}

/* Dirty globals whose store is better left to the taken path. */
static uint64_t postponed(const X86 *x)
{
    uint64_t later = 0;

    if (!x86_may_pend(x)) {
        return 0;
    }
    for (uint64_t m = x->dirty; m; m &= m - 1) {
        unsigned g = (unsigned)__builtin_ctzll(m);

        later |= (uint64_t)x->global_set_again[g] << g;
    }
    return later;
}

static void emit_brcond(X86 *x, bool is64)
{
    const TCGOp *op = x86_op(x);
    unsigned label = (unsigned)op->k[1], cc;
    bool join = joins_goto_tb(x, label);
    uint64_t later = postponed(x);
    Compare c;

    x86_store_dirty(x, ~later);
    x86_load_pins(x, x->pins);
    c = x86_prepare_compare(x, (TCGCond)op->k[0], is64);
    cc = x86_compare(x, &c);
    if (join) {
        x->jump_label[x->label_slot[label]] = (uint16_t)label;
    }
    if (later) {
        Stub *stub = x86_new_stub(x, join ? STUB_GOTO : STUB_BRANCH, asm_jcc(&x->as, cc));

        stub->label = (uint16_t)label;
        x86_pend(x, stub, later);
    } else if (join) {
        asm_align_rel32(&x->as, 2);
        x->jump_at[x->label_slot[label]] = asm_jcc(&x->as, cc);
    } else {
        jump_to_label(x, asm_jcc(&x->as, cc), label);
    }
    if (!x->has_flags[x->op]) {
        x86_consume(x);
    }
}

static void patched_jmp(X86 *x, unsigned slot)
{
    asm_align_rel32(&x->as, 1);
    x->jump_at[slot] = asm_jmp(&x->as);
}

static void emit_goto_tb(X86 *x, unsigned slot)
{
    make_canonical(x);
    if (x->jump_label[slot] == NO_LABEL) {
        patched_jmp(x, slot);
    }
    x86_start_ebb(x);
}

/* t becomes the offset of pc's entry (tcg_jump_slot()), in units of 8 bytes. */
static void jump_cache_index(X86 *x, unsigned pc, unsigned t)
{
    const TCGJumpCache *jc = &x->target->jump_cache;

    if (x->bmi && jc->bits + jc->hash_shift < 32) {
        asm_rorx(&x->as, false, t, pc, jc->hash_shift);
    } else {
        asm_mov_rr(&x->as, false, t, pc);
        asm_shift_ri(&x->as, SH_SHR, false, t, jc->hash_shift);
    }
    asm_rr(&x->as, ALU_XOR << 3 | 3, t, pc);
    asm_alu_ri(&x->as, ALU_AND, false, t, (2 << jc->bits) - 2);
}

static Mem known_entry(const X86 *x, uint32_t pc)
{
    const TCGJumpCache *jc = &x->target->jump_cache;

    return x86_env(jc->table + 16 * tcg_jump_slot(pc, jc->hash_shift, jc->bits));
}

/* A register that holds known | pc; pc may be NO_REG. */
static unsigned jump_cache_key(X86 *x, uint64_t known, unsigned pc)
{
    unsigned key;

    if (pc != NO_REG && known == 0) {
        return pc;
    }
    key = x86_scratch(x, 0);
    asm_mov_ri(&x->as, key, known, true);
    if (pc != NO_REG) {
        asm_rr(&x->as, ALU_OR << 3 | 3 | REX_W, key, pc);
    }
    return key;
}

/* The pc is stored when the cache does not have it; blocks it has do not look. */
static void emit_goto_ptr(X86 *x)
{
    const TCGOp *op = x86_op(x);
    unsigned temp = op->in[0].temp, pc = NO_REG, global = x->target->pc - 1u, key;
    uint64_t later = 0, known = op->k[0] << 32;
    Mem entry;
    Stub *stub;

    if (x->target->pc && (x->dirty >> global & 1) && x86_may_pend(x)) {
        later = 1ull << global;
    }
    x86_store_dirty(x, ~later);
    x86_load_pins(x, x->pins);
    if (op->k[1]) {
        known |= (uint32_t)x->t[temp].k;
        entry = known_entry(x, (uint32_t)known);
    } else {
        entry = x86_env(x->target->jump_cache.table);
        pc = x86_use_reg(x, temp);
        entry.index = (uint8_t)x86_scratch(x, 0);
        entry.scale = 3;
        jump_cache_index(x, pc, entry.index);
    }
    key = jump_cache_key(x, known, pc);
    asm_rm(&x->as, 0x39 | REX_W, key, entry);
    stub = x86_new_stub(x, STUB_EXIT, asm_jcc(&x->as, CC_NE));
    stub->k = x->tb | TB_EXIT_NONE;
    x86_pend(x, stub, later);
    x86_clean(x, later);
    entry.disp += 8;
    asm_rm(&x->as, 0xff, 4, entry);
    x86_start_ebb(x);
}

/* Pins in env or only there: then none is stored on leaving. */
static void emit_exit(X86 *x, uintptr_t result)
{
    bool home = !(x->pins & ~(x->pins_home | x->pins_stale));

    x86_store_dirty(x, ~0ull);
    if (x->pins_stale) {
        x86_store_pins(x, x->pins);
        home = true;
    }
    asm_mov_ri(&x->as, RAX, result, true);
    asm_jmp_to(&x->as, home ? x->leave_home : x->leave);
    x86_start_ebb(x);
}

static void emit_next_tb(X86 *x, const TCGOp *op)
{
    const TCGGlobalDef *pc = &x->target->globals[x->target->pc - 1];

    emit_goto_tb(x, (unsigned)op->k[0]);
    asm_mov_mi(&x->as, false, x86_env(pc->offset), (int32_t)x->t[op->in[0].temp].k);
    emit_exit(x, x->tb | op->k[0]);
}

void x86_insn_start(X86 *x)
{
    const TCGOp *op = x86_op(x);

    x->out->insns[x->out->num_insns++] = (TCGInsnStart){
        .code_offset = (uint32_t)(x->as.p - x->code),
        .pc = (uint32_t)op->k[0], .word = (uint32_t)op->k[1],
    };
}

void x86_control_op(X86 *x)
{
    const TCGOp *op = x86_op(x);

    switch (op->opc) {
    case TCG_brcond_i32:
        emit_brcond(x, false);
        return;
    case TCG_brcond_i64:
        emit_brcond(x, true);
        return;
    case TCG_cold_i32:
        x86_cold_op(x);
        return;
    }
    x->flags.kind = FLAGS_NONE;
    switch (op->opc) {
    case TCG_qemu_ld:
        x86_qemu_ld(x);
        break;
    case TCG_qemu_st:
        x86_qemu_st(x);
        break;
    case TCG_x87_ld: case TCG_x87_st:
        x86_x87_access(x);
        break;
    case TCG_vredo:
        x86_redo_op(x);
        break;
    case TCG_call:
        x86_call_op(x);
        break;
    case TCG_label:
        emit_label(x, (unsigned)op->k[0]);
        break;
    case TCG_br:
        emit_br(x, (unsigned)op->k[0]);
        break;
    case TCG_goto_tb:
        emit_goto_tb(x, (unsigned)op->k[0]);
        break;
    case TCG_next_tb:
        emit_next_tb(x, op);
        break;
    case TCG_goto_ptr:
        emit_goto_ptr(x);
        break;
    default:
        assert(op->opc == TCG_exit_tb);
        emit_exit(x, x->tb | op->k[0]);
        break;
    }
}

static void leave_if_not_equal(X86 *x)
{
    x86_new_stub(x, STUB_EXIT, asm_jcc(&x->as, CC_NE))->k = x->tb | TB_EXIT_REQUESTED;
}

/* Eight bytes at a time; the last ones may overlap those before. */
static void check_bytes(X86 *x, const TCGCheck *c)
{
    static const unsigned cmp[] = {
        [1] = 0x38 | REG8, [2] = 0x39 | PRE_66, [4] = 0x39, [8] = 0x39 | REX_W,
    };
    unsigned n;

    asm_mov_ri(&x->as, RAX, (uintptr_t)c->host, true);
    for (unsigned i = 0; i < c->len; i += n) {
        unsigned left = c->len - i;
        uint64_t v = 0;

        if (left < 8 && c->len >= 8) {
            i = c->len - 8;
            left = 8;
        }
        n = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
        memcpy(&v, c->bytes + i, n);
        asm_mov_ri(&x->as, RCX, v, true);
        asm_rm(&x->as, cmp[n], RCX, mem(RAX, (int32_t)i));
        leave_if_not_equal(x);
    }
}

/* The first instructions of a block: does somebody want us back?  Is it still
 * what the guest has there? */
void x86_head(X86 *x)
{
    asm_alu_mi(&x->as, ALU_CMP, false, x86_env(x->target->exit_request), 0);
    leave_if_not_equal(x);
    for (unsigned i = 0; i < 2; i++) {
        if (x->s->check[i].len) {
            check_bytes(x, &x->s->check[i]);
        }
    }
}

/* Stubs that do the same are one. */
static void exit_stub(X86 *x, const Stub *stub)
{
    if (stub->num_pending) {
        x86_store_pending(x, stub);
        asm_mov_ri(&x->as, RAX, stub->k, true);
        asm_jmp_to(&x->as, x->leave);
        return;
    }
    if (x->exit_stub && x->exit_k == stub->k) {
        asm_set_rel32(stub->from, x->exit_stub);
        return;
    }
    x->exit_stub = x->as.p;
    x->exit_k = stub->k;
    asm_mov_ri(&x->as, RAX, stub->k, true);
    asm_jmp_to(&x->as, x->leave);
}

bool x86_stubs(X86 *x)
{
    x->exit_stub = NULL;
    for (unsigned i = 0; i < x->num_stubs; i++) {
        const Stub *stub = &x->stub[i];

        if (x->as.p > x->limit) {
            return false;
        }
        asm_set_rel32(stub->from, x->as.p);
        switch (stub->kind) {
        case STUB_EXIT:
            exit_stub(x, stub);
            break;
        case STUB_COLD:
            x86_cold_stub(x, stub);
            break;
        case STUB_REDO:
            x86_redo_stub(x, stub);
            break;
        case STUB_DIV:
            x86_division_stub(x, stub);
            break;
        case STUB_BRANCH:
            x86_store_pending(x, stub);
            asm_jmp_to(&x->as, x->label_pos[stub->label]);
            break;
        case STUB_GOTO:
            x86_store_pending(x, stub);
            patched_jmp(x, x->label_slot[stub->label]);
            break;
        default:
            x86_mmu_stub(x, stub);
            break;
        }
    }
    return true;
}

static void describe_jump(X86 *x, unsigned slot)
{
    uint8_t *at = x->jump_at[slot], *reset = at + 4;
    uint32_t words[2];

    if (x->jump_label[slot] != NO_LABEL) {
        reset = x->label_pos[x->jump_label[slot]];
    }
    asm_set_rel32(at, reset);
    words[0] = (uint32_t)(at - x->code);
    words[1] = (uint32_t)(reset - x->code);
    x->out->jump[slot] = (uint32_t)(x->as.p - x->code);
    memcpy(x->as.p, words, sizeof(words));
    x->as.p += sizeof(words);
}

void x86_finish_jumps(X86 *x)
{
    for (unsigned i = 0; i < x->num_fixups; i++) {
        uint8_t *pos = x->label_pos[x->fixup[i].label];

        assert(pos);
        asm_set_rel32(x->fixup[i].at, pos);
    }
    for (unsigned slot = 0; slot < TCG_SLOTS; slot++) {
        if (x->jump_at[slot]) {
            describe_jump(x, slot);
        }
    }
}
