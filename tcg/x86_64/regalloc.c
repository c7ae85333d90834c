/* SPDX-License-Identifier: MIT */
/*
 * The register allocator: forward over the operations, local to a basic block,
 * knowing for every value when it is used next (liveness.c).
 *
 * Rules that hold between operations:
 *   1. A pin holds its global's value, unless it is in pins_stale (then the env
 *      field does), or the value being made there is about to be set() and
 *      nobody can look before.
 *   2. A value that is needed (used later, or dirty) is in a register, or a
 *      slot, or home in an env field, or is a constant.
 *   3. While a global is dirty no value relies on its env field.
 *   4. A dirty value is in a register or is a constant, so that a slow path can
 *      store it without a scratch register.
 *   5. reg_temp[] and Temp.regs mirror each other; a register of a value that
 *      is not needed any more is free.
 *
 * Within an operation: x86_use() the operands, which locks their registers;
 * x86_consume(), after which operands that die have given up their registers
 * but these still hold the bits; x86_def() the result, which may get one of
 * them; emit.
 */
#include <assert.h>
#include <string.h>

#include "tcg/x86_64/x86.h"

static bool is_xmm(unsigned reg)
{
    return reg >= XMM0;
}

static unsigned lowest(RegMask m)
{
    return (unsigned)__builtin_ctz(m);
}

static bool needed(const Temp *t)
{
    return t->next != 0 || t->dirty != 0;
}

/* -- Books ------------------------------------------------------------------- */

static void bind(X86 *x, unsigned reg, unsigned temp)
{
    x->reg_temp[reg] = (uint16_t)temp;
    x->t[temp].regs |= BIT(reg);
    x->used |= BIT(reg);
}

static void unbind(X86 *x, unsigned reg)
{
    unsigned temp = x->reg_temp[reg];

    if (temp != TCG_NO_TEMP) {
        x->t[temp].regs &= ~BIT(reg);
        x->reg_temp[reg] = TCG_NO_TEMP;
        x->used &= ~BIT(reg);
    }
}

static void set_home(X86 *x, unsigned g, unsigned temp)
{
    x->t[temp].home = (uint8_t)g;
    x->home_temp[g] = (uint16_t)temp;
    x->tracked |= 1ull << g;
}

static void lose_home(X86 *x, unsigned g)
{
    unsigned temp = x->home_temp[g];

    if (temp != TCG_NO_TEMP && x->t[temp].home == g) {
        x->t[temp].home = NO_GLOBAL;
    }
    x->home_temp[g] = TCG_NO_TEMP;
}

/* A value nobody needs gives up everything. */
static inline void release_if_unneeded(X86 *x, unsigned temp)
{
    const Temp *t = &x->t[temp];

    while (t->regs && !needed(t)) {
        unbind(x, lowest(t->regs));
    }
}

static Mem slot_mem(const Temp *t)
{
    return mem(RSP, FRAME_SLOTS + 8 * t->slot);
}

static Mem global_mem(const X86 *x, unsigned g)
{
    return x86_env(x->target->globals[g].offset);
}

/* -- Moving values ----------------------------------------------------------- */

static void load_mem(X86 *x, unsigned reg, Mem m, TCGType type)
{
    asm_rm(&x->as, type == TCG_V128 ? OPC_MOVAPS_LOAD
                                    : OPC_MOV_LOAD | rex_w(type == TCG_I64),
           reg, m);
}

static void store_mem(X86 *x, unsigned reg, Mem m, TCGType type)
{
    asm_rm(&x->as, type == TCG_V128 ? OPC_MOVAPS_STORE
                                    : OPC_MOV_STORE | rex_w(type == TCG_I64),
           reg, m);
}

static void move_reg(X86 *x, unsigned d, unsigned s, TCGType type)
{
    if (type == TCG_V128) {
        asm_rr(&x->as, OPC_MOVAPS_LOAD, d, s);
    } else {
        asm_mov_rr(&x->as, type == TCG_I64, d, s);
    }
}

static void load_const(X86 *x, unsigned reg, uint64_t k)
{
    bool free_flags = x->flags.kind == FLAGS_NONE;

    asm_mov_ri(&x->as, reg, k, free_flags);
}

/* Put a value's bits into a register, telling the books nothing. */
void x86_load(X86 *x, unsigned reg, unsigned temp)
{
    Temp *t = &x->t[temp];

    switch (t->kind) {
    case TEMP_CONST:
        load_const(x, reg, t->k);
        return;
    case TEMP_ENV_PTR:
        asm_lea(&x->as, true, reg, x86_env((uint32_t)t->k));
        return;
    case TEMP_ENV_FIELD:
        asm_rm(&x->as, t->field, reg, x86_env((uint32_t)t->k));
        return;
    }
    if (t->regs) {
        if (!(t->regs & BIT(reg))) {
            move_reg(x, reg, lowest(t->regs), t->type);
        }
    } else if (t->slot != NO_SLOT) {
        load_mem(x, reg, slot_mem(t), t->type);
    } else {
        assert(t->home != NO_GLOBAL);
        load_mem(x, reg, global_mem(x, t->home), t->type);
    }
}

void x86_mov_loc(X86 *x, unsigned reg, const Loc *l, TCGType type)
{
    switch (l->kind) {
    case LOC_REG:
        if (l->reg != reg) {
            move_reg(x, reg, l->reg, type);
        }
        break;
    case LOC_MEM:
        load_mem(x, reg, l->mem, type);
        break;
    default:
        load_const(x, reg, l->k);
        break;
    }
}

static void store_const(X86 *x, uint64_t k, Mem m, TCGType type)
{
    if (type == TCG_I32 || x86_fits_s32(k)) {
        asm_mov_mi(&x->as, type == TCG_I64, m, (int32_t)k);
    } else {
        asm_mov_mi(&x->as, false, m, (int32_t)k);
        m.disp += 4;
        asm_mov_mi(&x->as, false, m, (int32_t)(k >> 32));
    }
}

/* Store a value's bits, which are in a register or constant. */
static void store_value(X86 *x, const Temp *t, Mem m)
{
    if (t->regs) {
        store_mem(x, lowest(t->regs), m, t->type);
    } else {
        assert(t->kind == TEMP_CONST);
        store_const(x, t->k, m, t->type);
    }
}

/* The env field of g is about to be overwritten: its value may live there. */
static void save_from_home(X86 *x, unsigned g)
{
    unsigned temp = x->home_temp[g];

    if (temp == TCG_NO_TEMP) {
        return;
    }
    if (x->t[temp].home == g && x->t[temp].next && !x->t[temp].regs &&
        x->t[temp].slot == NO_SLOT) {
        RegMask lock = x->lock;

        x86_use_reg(x, temp);
        x->lock = lock;
    }
    lose_home(x, g);
}

static void store_global(X86 *x, unsigned g)
{
    unsigned temp = x->global_temp[g];

    store_value(x, &x->t[temp], global_mem(x, g));
    set_home(x, g, temp);
    x->dirty &= ~(1ull << g);
    x->t[temp].dirty--;
}

void x86_store_dirty(X86 *x, uint64_t which)
{
    for (uint64_t m = x->dirty & which; m; m &= m - 1) {
        unsigned g = (unsigned)__builtin_ctzll(m), temp = x->global_temp[g];

        store_global(x, g);
        release_if_unneeded(x, temp);
    }
}

/* Dirty values go home; the books stay as they are, for a cold path. */
void x86_pend(X86 *x, Stub *stub, uint64_t which)
{
    stub->first_pending = (uint16_t)x->num_pending;
    for (uint64_t m = x->dirty & which; m; m &= m - 1) {
        unsigned g = (unsigned)__builtin_ctzll(m), temp = x->global_temp[g];
        const Temp *t = &x->t[temp];

        assert(t->regs || t->kind == TEMP_CONST);
        x->pending[x->num_pending++] = (Pending){
            .temp = (uint16_t)temp, .global = (uint8_t)g,
            .reg = t->regs ? (uint8_t)lowest(t->regs) : NO_REG,
        };
    }
    stub->num_pending = (uint16_t)(x->num_pending - stub->first_pending);
}

/* Nothing is to be stored for these any more. */
void x86_clean(X86 *x, uint64_t which)
{
    for (uint64_t m = x->dirty & which; m; m &= m - 1) {
        x->t[x->global_temp[__builtin_ctzll(m)]].dirty--;
    }
    x->dirty &= ~which;
}

/* -- Pins -------------------------------------------------------------------- */

void x86_store_pins(X86 *x, RegMask pins)
{
    for (RegMask m = pins & x->pins & ~x->pins_home & ~x->pins_stale; m;
         m &= m - 1) {
        unsigned r = lowest(m), g = x->reg_global[r];

        store_mem(x, r, global_mem(x, g), x->target->globals[g].type);
        x->pins_home |= BIT(r);
    }
}

void x86_load_pins(X86 *x, RegMask pins)
{
    for (RegMask m = pins & x->pins_stale; m; m &= m - 1) {
        unsigned r = lowest(m), g = x->reg_global[r];

        load_mem(x, r, global_mem(x, g), x->target->globals[g].type);
    }
    x->pins_stale &= ~pins;
}

/* -- Getting a register ------------------------------------------------------ */

/*
 * Slots are not reused: an operand may still have to be read from the slot of
 * a value that has just died.
 */
static int16_t new_slot(X86 *x, TCGType type)
{
    int16_t slot;

    if (type == TCG_V128) {
        x->num_slots = (uint16_t)((x->num_slots + 1) & ~1u);
    }
    slot = (int16_t)x->num_slots;
    x->num_slots += type == TCG_V128 ? 2 : 1;
    assert(x->num_slots <= NUM_SLOTS);
    return slot;
}

static bool elsewhere(const Temp *t, unsigned reg)
{
    return (t->regs & ~BIT(reg)) != 0 || t->kind == TEMP_CONST ||
           (!t->dirty && (t->slot != NO_SLOT || t->home != NO_GLOBAL ||
                          t->kind != TEMP_VALUE));
}

/* Store a value so that it survives losing its registers. */
static void spill(X86 *x, unsigned temp)
{
    Temp *t = &x->t[temp];

    if (t->kind == TEMP_CONST) {
        return;
    }
    if (t->dirty) {
        for (uint64_t m = x->dirty; m; m &= m - 1) {
            unsigned g = (unsigned)__builtin_ctzll(m);

            if (x->global_temp[g] == temp) {
                store_global(x, g);
            }
        }
    } else if (t->next && t->slot == NO_SLOT && t->home == NO_GLOBAL &&
               t->kind == TEMP_VALUE) {
        t->slot = new_slot(x, t->type);
        store_mem(x, lowest(t->regs), slot_mem(t), t->type);
    }
}

static unsigned choose_victim(const X86 *x, RegMask from)
{
    unsigned best = NO_REG, best_next = 0;

    for (RegMask m = from; m; m &= m - 1) {
        unsigned r = lowest(m);
        const Temp *t = &x->t[x->reg_temp[r]];
        unsigned next = t->next ? t->next : TCG_MAX_OPS;

        next += elsewhere(t, r) ? 8 : 0;
        if (best == NO_REG || next > best_next) {
            best = r;
            best_next = next;
        }
    }
    return best;
}

static unsigned alloc_reg(X86 *x, bool xmm, RegMask avoid)
{
    RegMask all = x->alloc & (xmm ? XMM_REGS : GP_REGS) & ~(x->lock | avoid);
    RegMask idle = all & ~x->used;
    RegMask best = idle & ~x->held_regs;
    unsigned r;

    if (best) {
        return lowest(best);
    }
    if (idle) {
        x86_spill_held(x, BIT(lowest(idle)));
        return lowest(idle);
    }
    r = choose_victim(x, all & x->used);
    assert(r != NO_REG);
    if (!elsewhere(&x->t[x->reg_temp[r]], r)) {
        spill(x, x->reg_temp[r]);
    }
    unbind(x, r);
    return r;
}

/* A free register for the duration of the operation; it is locked. */
unsigned x86_scratch(X86 *x, RegMask avoid)
{
    unsigned r = alloc_reg(x, false, avoid);

    x->lock |= BIT(r);
    return r;
}

/* Move whatever is needed out of a register. */
static void vacate(X86 *x, unsigned reg)
{
    unsigned temp = x->reg_temp[reg];

    if (temp == TCG_NO_TEMP) {
        return;
    }
    if (needed(&x->t[temp]) && !elsewhere(&x->t[temp], reg)) {
        Temp *t = &x->t[temp];
        bool only_dirty = t->next == 0;

        /* Storing it now saves the copy, unless the store may never happen. */
        for (uint64_t m = x->dirty; m && only_dirty; m &= m - 1) {
            unsigned g = (unsigned)__builtin_ctzll(m);

            only_dirty = x->global_temp[g] != temp || !x->global_set_again[g];
        }
        if (only_dirty) {
            spill(x, temp);
        } else {
            unsigned r = alloc_reg(x, is_xmm(reg), BIT(reg));

            move_reg(x, r, reg, t->type);
            bind(x, r, temp);
        }
    }
    unbind(x, reg);
}

/* Make this very register free and lock it. */
void x86_reserve(X86 *x, unsigned reg)
{
    RegMask locked = x->lock;

    x->lock |= BIT(reg);
    x86_spill_held(x, BIT(reg));
    assert(!(locked & BIT(reg)));
    vacate(x, reg);
}

/* -- Operands ---------------------------------------------------------------- */

/* The value in a register, which is locked. */
unsigned x86_use_reg(X86 *x, unsigned temp)
{
    Temp *t = &x->t[temp];
    unsigned r;

    if (t->regs) {
        r = lowest(t->regs);
    } else {
        r = alloc_reg(x, t->type == TCG_V128, 0);
        x86_load(x, r, temp);
        bind(x, r, temp);
    }
    x->lock |= BIT(r);
    return r;
}

/* A value where it is; in a register if this is not its last use. */
Loc x86_use_temp(X86 *x, unsigned temp, bool last)
{
    Temp *t = &x->t[temp];

    if (!t->regs && t->kind == TEMP_CONST) {
        return (Loc){ .kind = LOC_IMM, .reg = NO_REG, .k = t->k };
    }
    if (!t->regs && t->kind == TEMP_VALUE && last &&
        !(t->type == TCG_I32 && tcg_takes_i32(x86_op(x)->opc))) {
        if (t->slot != NO_SLOT) {
            return (Loc){ .kind = LOC_MEM, .reg = NO_REG, .mem = slot_mem(t) };
        }
        if (t->home != NO_GLOBAL) {
            return (Loc){ .kind = LOC_MEM, .reg = NO_REG,
                          .mem = global_mem(x, t->home) };
        }
    }
    return (Loc){ .kind = LOC_REG, .reg = (uint8_t)x86_use_reg(x, temp),
                  .k = t->kind == TEMP_CONST ? t->k : 0 };
}

/* Operand k of the operation. */
Loc x86_use(X86 *x, unsigned k)
{
    return x86_use_temp(x, x86_op(x)->in[k].temp,
                        x->next_in[x->op][k] == 0);
}

/* The same, but a constant only if an instruction can hold it. */
Loc x86_use_imm32(X86 *x, unsigned k, bool is64)
{
    const Temp *t = &x->t[x86_op(x)->in[k].temp];

    if (t->kind == TEMP_CONST && (!is64 || x86_fits_s32(t->k))) {
        return (Loc){ .kind = LOC_IMM, .reg = NO_REG, .k = t->k };
    }
    if (t->kind == TEMP_CONST) {
        return (Loc){ .kind = LOC_REG, .k = t->k,
            .reg = (uint8_t)x86_use_reg(x, x86_op(x)->in[k].temp) };
    }
    return x86_use(x, k);
}

void x86_consume_temp(X86 *x, unsigned temp, unsigned next)
{
    x->t[temp].next = (uint16_t)next;
    release_if_unneeded(x, temp);
}

void x86_consume(X86 *x)
{
    const TCGOp *op = x86_op(x);
    unsigned num = tcg_op_ins(op);

    for (unsigned k = 0; k < num; k++) {
        x86_consume_temp(x, op->in[k].temp, x->next_in[x->op][k]);
    }
}

/* -- Results ----------------------------------------------------------------- */

void x86_new_temp(X86 *x, unsigned temp, TempKind kind, uint64_t k)
{
    Temp *t = &x->t[temp];

    t->k = k;
    t->regs = 0;
    t->next = 0;
    t->slot = NO_SLOT;
    t->kind = (uint8_t)kind;
    t->type = x->s->temp_type[temp];
    t->home = NO_GLOBAL;
    t->dirty = 0;
}

/* The result is a constant or something as cheap. */
void x86_def_lazy(X86 *x, TempKind kind, uint64_t k)
{
    unsigned d = x86_op(x)->d.temp;

    x86_new_temp(x, d, kind, k);
    x->t[d].next = x->next_out[x->op];
}

/* The result is, or will be, in this register, which is free. */
void x86_def_in(X86 *x, unsigned reg)
{
    x86_def_lazy(x, TEMP_VALUE, 0);
    bind(x, reg, x86_op(x)->d.temp);
}

/*
 * A register for the result: the pin it is meant for, else `prefer` if that is
 * free, else any but those in avoid.
 */
unsigned x86_def(X86 *x, unsigned prefer, RegMask avoid)
{
    unsigned d = x86_op(x)->d.temp, hint = x->hint[d];
    bool xmm = x->s->temp_type[d] == TCG_V128;
    unsigned r;

    if (hint != NO_REG && x->soft_hint[d] &&
        x->reg_temp[hint] != TCG_NO_TEMP) {
        hint = NO_REG;
    }
    if (hint != NO_REG && !(avoid & BIT(hint))) {
        r = hint;
        x->lock |= BIT(r);
        vacate(x, r);
        x->pins_home &= ~BIT(r);
        x->pins_stale &= ~BIT(r);
    } else if (prefer != NO_REG && (x->alloc & ~x->used & ~avoid & BIT(prefer)) &&
               is_xmm(prefer) == xmm) {
        r = prefer;
    } else {
        r = alloc_reg(x, xmm, avoid);
    }
    x->lock |= BIT(r);
    x86_def_in(x, r);
    return r;
}

void x86_finish_def(X86 *x)
{
    release_if_unneeded(x, x86_op(x)->d.temp);
}

/* -- Globals ----------------------------------------------------------------- */

static void copy_to_result(X86 *x, unsigned temp)
{
    unsigned r = x86_def(x, NO_REG, x->t[temp].regs);

    x86_load(x, r, temp);
}

/* Does a value that is worth copying, or must be, stand for global g? */
static bool known_value(const X86 *x, unsigned g)
{
    unsigned temp = x->global_temp[g];

    return temp != TCG_NO_TEMP &&
           (needed(&x->t[temp]) || x->t[temp].regs ||
            x->t[temp].kind == TEMP_CONST);
}

void x86_get(X86 *x)
{
    const TCGOp *op = x86_op(x);
    unsigned g = (unsigned)op->k[0], pin = x->pin_reg[g], d = op->d.temp;

    if (pin != NO_REG) {
        x86_load_pins(x, BIT(pin));
        if (x->reg_temp[pin] == TCG_NO_TEMP) {
            x86_def_in(x, pin);
        } else {
            copy_to_result(x, x->reg_temp[pin]);
        }
    } else if (known_value(x, g)) {
        copy_to_result(x, x->global_temp[g]);
    } else {
        lose_home(x, g);
        x86_def_lazy(x, TEMP_VALUE, 0);
        x->global_temp[g] = (uint16_t)d;
        set_home(x, g, d);
    }
}

static void set_pinned(X86 *x, unsigned g, unsigned temp)
{
    unsigned pin = x->pin_reg[g];

    x->pins_home &= ~BIT(pin);
    if (x->reg_temp[pin] != temp) {
        x->lock |= x->t[temp].regs;
        vacate(x, pin);
        x86_load(x, pin, temp);
        bind(x, pin, temp);
    }
    x->pins_stale &= ~BIT(pin);
}

static void set_memory(X86 *x, unsigned g, unsigned temp)
{
    uint64_t bit = 1ull << g;
    Temp *t = &x->t[temp];

    x->global_set_again[g] = x->set_again[x->op];
    if (x->dirty & bit) {
        unsigned old = x->global_temp[g];

        x->dirty &= ~bit;
        x->t[old].dirty--;
        if (old != temp) {
            release_if_unneeded(x, old);
        }
    }
    x->global_temp[g] = (uint16_t)temp;
    x->tracked |= bit;
    if (t->home == g && x->home_temp[g] == temp) {
        return;
    }
    save_from_home(x, g);
    if (t->kind != TEMP_CONST) {
        x86_use_reg(x, temp);
    }
    t->dirty++;
    x->dirty |= bit;
}

void x86_set(X86 *x)
{
    unsigned g = (unsigned)x86_op(x)->k[0], temp = x86_op(x)->in[0].temp;

    if (x->pin_reg[g] != NO_REG) {
        set_pinned(x, g, temp);
    } else {
        set_memory(x, g, temp);
    }
    x86_consume(x);
}

/* -- Calls ------------------------------------------------------------------- */

/* Where a value is now, without moving it. */
Loc x86_where(X86 *x, unsigned temp)
{
    Temp *t = &x->t[temp];
    Loc l = { .kind = LOC_MEM, .reg = NO_REG, .k = t->k };

    if (t->regs) {
        l.kind = LOC_REG;
        l.reg = (uint8_t)lowest(t->regs);
    } else if (t->kind == TEMP_CONST) {
        l.kind = LOC_IMM;
    } else if (t->kind == TEMP_ENV_PTR) {
        l.kind = LOC_ENV_PTR;
    } else if (t->slot != NO_SLOT) {
        l.mem = slot_mem(t);
    } else {
        assert(t->home != NO_GLOBAL);
        l.mem = global_mem(x, t->home);
    }
    return l;
}

/* These registers are about to be clobbered. */
void x86_lose_regs(X86 *x, RegMask regs)
{
    for (RegMask m = regs & x->used; m; m &= m - 1) {
        unsigned r = lowest(m), temp = x->reg_temp[r];
        Temp *t = &x->t[temp];

        if (x->reg_temp[r] == TCG_NO_TEMP) {
            continue;
        }
        if (needed(t) && !(t->regs & ~regs)) {
            spill(x, temp);
        }
        unbind(x, r);
    }
}

/*
 * Somebody may change the globals' fields: nothing may rely on them.  xmm0 is
 * free, and the way from memory to memory.
 */
void x86_lose_globals(X86 *x)
{
    assert(!x->dirty);
    for (uint64_t m = x->tracked; m; m &= m - 1) {
        unsigned g = (unsigned)__builtin_ctzll(m), temp = x->home_temp[g];

        if (temp != TCG_NO_TEMP && x->t[temp].home == g && x->t[temp].next &&
            !x->t[temp].regs && x->t[temp].slot == NO_SLOT) {
            Temp *t = &x->t[temp];
            bool wide = t->type == TCG_V128;

            t->slot = new_slot(x, t->type);
            asm_rm(&x->as, wide ? OPC_MOVAPS_LOAD
                                : MAP_0F | PRE_66 | 0x6e |
                                  rex_w(t->type == TCG_I64),
                   XMM0, global_mem(x, g));
            asm_rm(&x->as, wide ? OPC_MOVAPS_STORE
                                : MAP_0F | PRE_66 | 0x7e |
                                  rex_w(t->type == TCG_I64),
                   XMM0, slot_mem(t));
        }
        lose_home(x, g);
        x->global_temp[g] = TCG_NO_TEMP;
    }
    x->tracked = 0;
}

void x86_store_pending(X86 *x, const Stub *stub)
{
    for (unsigned i = 0; i < stub->num_pending; i++) {
        const Pending *p = &x->pending[stub->first_pending + i];
        TCGType type = x->target->globals[p->global].type;
        Mem m = global_mem(x, p->global);

        if (p->reg != NO_REG) {
            store_mem(x, p->reg, m, type);
        } else {
            store_const(x, x->t[p->temp].k, m, type);
        }
    }
}

void x86_hold(X86 *x, unsigned slot, unsigned reg)
{
    x->held[slot].reg = (uint8_t)reg;
    x->held_regs |= BIT(reg);
}

void x86_spill_held(X86 *x, RegMask regs)
{
    for (unsigned i = 0; i < NUM_HELD && (regs & x->held_regs); i++) {
        unsigned r = x->held[i].reg;

        if (r != NO_REG && (regs & BIT(r))) {
            store_mem(x, r, mem(RSP, FRAME_HELD + 8 * (int32_t)i), TCG_I64);
            x->held[i].reg = NO_REG;
            x->held_regs &= ~BIT(r);
        }
    }
}

void x86_let_go(X86 *x, unsigned slot)
{
    if (x->held[slot].reg != NO_REG) {
        x->held_regs &= ~BIT(x->held[slot].reg);
    }
    x->held[slot].group = NO_GROUP;
    x->held[slot].reg = NO_REG;
}

void x86_forget_held(X86 *x)
{
    for (unsigned i = 0; i < NUM_HELD; i++) {
        x->held[i].group = NO_GROUP;
        x->held[i].reg = NO_REG;
    }
    x->held_regs = 0;
}

/* -- Boundaries -------------------------------------------------------------- */

/* Nothing is known but rule 1: an extended basic block begins. */
void x86_start_ebb(X86 *x)
{
    for (uint64_t m = x->tracked; m; m &= m - 1) {
        unsigned g = (unsigned)__builtin_ctzll(m);

        x->global_temp[g] = x->home_temp[g] = TCG_NO_TEMP;
    }
    for (RegMask m = x->used; m; m &= m - 1) {
        x->t[x->reg_temp[lowest(m)]].regs = 0;
        x->reg_temp[lowest(m)] = TCG_NO_TEMP;
    }
    x->tracked = 0;
    x->used = 0;
    x->pins_home = x->pins_stale = 0;
    x->num_slots = 0;
    x86_forget_held(x);
}

void x86_start_block(X86 *x)
{
    memset(x->reg_temp, 0xff, sizeof(x->reg_temp));
    memset(x->global_temp, 0xff, sizeof(x->global_temp));
    memset(x->home_temp, 0xff, sizeof(x->home_temp));
    x->dirty = x->tracked = 0;
    x->used = 0;
    x86_start_ebb(x);
    x->flags.kind = FLAGS_NONE;
    x->num_stubs = x->num_pending = x->num_fixups = x->num_divisions = 0;
    memset(x->jump_at, 0, sizeof(x->jump_at));
    memset(x->jump_label, 0xff, sizeof(x->jump_label));
}
