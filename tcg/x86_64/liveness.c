/* SPDX-License-Identifier: MIT */
/*
 * One pass backwards over the block, before a byte is emitted.
 *
 *   next use   of every operand and result behind the operation: the allocator
 *              evicts what is needed last and reuses what is not needed at all
 *   hint       a result that becomes a pinned global is born in the global's
 *              register, if between here and the set() nobody can see or use
 *              the old value of the global; so is what it is computed from,
 *              if nobody needs the register until then
 *   address    add and shl by 1-3 that are used once, by the next addition,
 *              melt into it: one lea for base + index * scale + displacement
 *   flags      a subtraction right above a branch on the same operands leaves
 *              it the flags, and the operands need not live that long
 *   set again  a set() that is overwritten in the same basic block: its store
 *              is worth postponing
 */
#include <string.h>

#include "tcg/x86_64/x86.h"

typedef struct Scan {
    unsigned observed;                  /* next op that may see all globals */
    unsigned bb_end;
    unsigned root;                      /* open addition below, or 0 */
    const uint64_t *k;                  /* constants */
    const bool *is_const;
    unsigned set_at[TCG_MAX_GLOBALS];   /* nearest set and get behind, or ~0 */
    unsigned get_at[TCG_MAX_GLOBALS];
    uint16_t set_temp[TCG_MAX_GLOBALS];
} Scan;

static bool unseen_until(const Scan *c, unsigned g, unsigned at)
{
    return c->observed > at && c->get_at[g] > at;
}

static void find_hint(X86 *x, const Scan *c, unsigned temp)
{
    unsigned g = x->set_to[temp];

    x->hint[temp] = NO_REG;
    x->soft_hint[temp] = false;
    if (g != NO_GLOBAL && x->pin_reg[g] != NO_REG && c->set_temp[g] == temp) {
        if (unseen_until(c, g, c->set_at[g])) {
            x->hint[temp] = x->pin_reg[g];
        }
        return;
    }
    g = x->leads_to[temp].global;
    if (g != NO_GLOBAL && c->set_at[g] == x->leads_to[temp].at &&
        unseen_until(c, g, c->set_at[g])) {
        x->hint[temp] = x->pin_reg[g];
        x->soft_hint[temp] = true;
    }
}

/* The first operand of op, if it dies there, had better be where d will be. */
static void pass_hint(X86 *x, const Scan *c, const TCGOp *op, unsigned i)
{
    unsigned hint = x->hint[op->d.temp], a = op->in[0].temp;

    if (hint != NO_REG && x->next_in[i][0] == 0 && !c->is_const[a] &&
        x->s->temp_type[a] != TCG_V128) {
        unsigned g = x->reg_global[hint];

        x->leads_to[a].global = (uint16_t)g;
        x->leads_to[a].at = (uint16_t)c->set_at[g];
    }
}

/* -- Flags ------------------------------------------------------------------- */

static bool same_difference(const Scan *c, const TCGOp *sub, const TCGOp *br)
{
    unsigned a = br->in[0].temp, b = br->in[1].temp;
    bool is64 = br->opc == TCG_brcond_i64;

    if (sub->in[0].temp != a || c->is_const[a]) {
        return false;
    }
    if (sub->opc == (is64 ? TCG_sub_i64 : TCG_sub_i32)) {
        return sub->in[1].temp == b;
    }
    if (sub->opc == (is64 ? TCG_add_i64 : TCG_add_i32) && c->is_const[b] &&
        c->is_const[sub->in[1].temp]) {
        uint64_t k = c->k[sub->in[1].temp], sum = c->k[b] + k;

        return is64 ? sum == 0 && x86_fits_s32(c->k[b]) && x86_fits_s32(k)
                    : (uint32_t)sum == 0;
    }
    return false;
}

/* Does the operation above branch i compute what it compares, for others? */
static void find_flags(X86 *x, const Scan *c, unsigned i)
{
    const TCGOp *ops = x->s->ops, *br = &ops[i];
    unsigned j = i;

    if (br->k[0] >= TCG_COND_TSTEQ) {
        return;
    }
    while (j-- > 0) {
        unsigned opc = ops[j].opc;

        if (opc != TCG_get && opc != TCG_set && opc != TCG_nop &&
            opc != TCG_insn_start) {
            break;
        }
    }
    if (j >= i || !same_difference(c, &ops[j], br)) {
        return;
    }
    for (unsigned k = j + 1; k < i; k++) {
        if (ops[k].opc == TCG_set && ops[k].in[0].temp == ops[j].d.temp) {
            x->has_flags[i] = true;
        }
    }
    if (x->uses[ops[j].d.temp]) {
        x->has_flags[i] = true;
    }
    x->wants_flags[j] = x->has_flags[i];
}

static void scan_use(X86 *x, unsigned i, unsigned k, unsigned temp)
{
    x->next_in[i][k] = x->next[temp];
    x->next[temp] = (uint16_t)i;
    x->uses[temp]++;
}

/* Operands first .. num - 1. */
static void scan_uses(X86 *x, const TCGOp *op, unsigned i, unsigned first, unsigned num)
{
    for (unsigned k = first; k < num; k++) {
        x->next_in[i][k] = x->next[op->in[k].temp];
    }
    for (unsigned k = first; k < num; k++) {
        x->next[op->in[k].temp] = (uint16_t)i;
        x->uses[op->in[k].temp]++;
    }
}

/* -- Addresses --------------------------------------------------------------- */

static void add_term(X86 *x, unsigned root, unsigned temp, unsigned scale)
{
    Addr *a = &x->addr[root];

    a->temp[a->num] = (uint16_t)temp;
    a->scale[a->num] = (uint8_t)scale;
    a->next[a->num] = x->next[temp];
    if (a->num == 1 && a->temp[0] == temp) {
        a->next[1] = a->next[0];
    }
    a->num++;
    x->next[temp] = (uint16_t)root;
    x->uses[temp]++;
}

static void open_root(X86 *x, const Scan *c, const TCGOp *op, unsigned i)
{
    Addr *a = &x->addr[i];

    a->num = 0;
    a->disp = 0;
    for (unsigned k = 0; k < 2; k++) {
        unsigned t = op->in[k].temp;

        if (c->is_const[t] && x86_fits_s32(op->opc == TCG_add_i32
                                           ? (uint64_t)(int32_t)c->k[t]
                                           : c->k[t])) {
            a->disp += op->opc == TCG_add_i32 ? (int32_t)c->k[t]
                                              : (int64_t)c->k[t];
        } else {
            add_term(x, i, t, 0);
        }
    }
    if (op->opc == TCG_add_i32) {
        a->disp = (int32_t)a->disp;
    }
}

/* Replace term n by temp << scale. */
static void replace_term(X86 *x, Addr *a, unsigned n, unsigned temp,
                         unsigned scale, unsigned root)
{
    Addr rest = *a;

    a->num = 0;
    if (rest.num == 2) {
        a->temp[0] = rest.temp[1 - n];
        a->scale[0] = rest.scale[1 - n];
        a->next[0] = rest.next[1 - n];
        a->num = 1;
    }
    add_term(x, root, temp, scale);
}

/* A constant operand of op, sign extended; false if there is none. */
static bool const_operand(const Scan *c, const TCGOp *op, unsigned *other,
                          int64_t *k)
{
    for (unsigned i = 0; i < 2; i++) {
        unsigned t = op->in[i].temp;

        if (c->is_const[t]) {
            *k = op->opc == TCG_add_i32 || op->opc == TCG_shl_i32
                 ? (int32_t)c->k[t] : (int64_t)c->k[t];
            *other = op->in[1 - i].temp;
            return i == 1 || op->opc == TCG_add_i32 || op->opc == TCG_add_i64;
        }
    }
    return false;
}

static bool fold_add(X86 *x, const Scan *c, const TCGOp *op, unsigned n)
{
    Addr *a = &x->addr[c->root];
    unsigned other, scale = a->scale[n];
    int64_t k;

    if (const_operand(c, op, &other, &k)) {
        int64_t disp = (int64_t)((uint64_t)a->disp + ((uint64_t)k << scale));

        if (op->opc == TCG_add_i32) {
            disp = (int32_t)disp;
        } else if (k != (int32_t)k || disp != (int32_t)disp) {
            return false;
        }
        a->disp = disp;
        replace_term(x, a, n, other, scale, c->root);
        return true;
    }
    if (a->num == 2 || scale != 0 || c->is_const[op->in[0].temp] ||
        c->is_const[op->in[1].temp]) {
        return false;
    }
    a->num = 0;
    add_term(x, c->root, op->in[0].temp, 0);
    add_term(x, c->root, op->in[1].temp, 0);
    return true;
}

static bool fold_shl(X86 *x, const Scan *c, const TCGOp *op, unsigned n)
{
    Addr *a = &x->addr[c->root];
    unsigned other;
    int64_t k;

    if (!const_operand(c, op, &other, &k) || k < 1 || k > 3 - a->scale[n] ||
        (a->num == 2 && a->scale[1 - n] != 0)) {
        return false;
    }
    replace_term(x, a, n, other, a->scale[n] + (unsigned)k, c->root);
    return true;
}

static bool is_add(unsigned opc)
{
    return opc == TCG_add_i32 || opc == TCG_add_i64;
}

/* Can op melt into the addition below it? */
static bool fold_address(X86 *x, const Scan *c, const TCGOp *op)
{
    unsigned d = op->d.temp, opc = op->opc, root = c->root;
    bool is64;

    if (!root || x->uses[d] != 1 || x->next[d] != root) {
        return false;
    }
    is64 = x->s->ops[root].opc == TCG_add_i64;
    for (unsigned n = 0; n < x->addr[root].num; n++) {
        if (x->addr[root].temp[n] == d) {
            return opc == (is64 ? TCG_add_i64 : TCG_add_i32)
                   ? fold_add(x, c, op, n)
                 : opc == (is64 ? TCG_shl_i64 : TCG_shl_i32)
                   ? fold_shl(x, c, op, n) : false;
        }
    }
    return false;
}

/* -- The pass ---------------------------------------------------------------- */

static void scan_result(X86 *x, const Scan *c, unsigned d, unsigned i)
{
    x->next_out[i] = x->next[d];
    find_hint(x, c, d);
}

static void scan_get(X86 *x, Scan *c, const TCGOp *op, unsigned i)
{
    scan_result(x, c, op->d.temp, i);
    x->folded[i] = x->next_out[i] == 0;
    if (!x->folded[i]) {
        c->get_at[op->k[0]] = i;
    }
}

static void scan_set(X86 *x, Scan *c, const TCGOp *op, unsigned i)
{
    unsigned g = (unsigned)op->k[0], temp = op->in[0].temp;

    x->folded[i] = false;
    x->set_again[i] = c->set_at[g] < c->bb_end;
    c->set_at[g] = i;
    c->set_temp[g] = (uint16_t)temp;
    x->set_to[temp] = (uint16_t)g;
    c->root = 0;
    scan_uses(x, op, i, 0, 1);
}

static void scan_add(X86 *x, Scan *c, const TCGOp *op, unsigned i)
{
    open_root(x, c, op, i);
    c->root = x->wants_flags[i] ? 0 : i;
}

/* What others may see, or where they go. */
static void scan_place(Scan *c, const TCGOp *op, unsigned i)
{
    unsigned flags = tcg_op_defs[op->opc].flags;

    if (flags & (TCG_END | TCG_FAULT | TCG_LOOK)) {
        c->observed = i;
    }
    if (flags & TCG_END) {
        c->bb_end = i;
    }
    c->root = 0;
}

static void scan_branch(X86 *x, Scan *c, const TCGOp *op, unsigned i)
{
    x->folded[i] = x->has_flags[i] = false;
    x->label_refs[op->k[1]]++;
    scan_place(c, op, i);
    find_flags(x, c, i);
    if (!x->has_flags[i]) {
        scan_uses(x, op, i, 0, 2);
    }
}

/* Is this an access that checks from lo, elsewhere, and can do so from the base? */
static bool leads_from_base(X86 *x, const TCGOp *op, unsigned i)
{
    unsigned base;
    Group *g;

    if (!x86_leads_group(x, i)) {
        return false;
    }
    g = &x->group[x->group_of[i]];
    base = x->base[op->in[0].temp];
    if (g->at == g->lo || base >= TCG_MAX_TEMPS || !x->from_pin[base]) {
        return false;
    }
    g->from = (uint16_t)base;
    return true;
}

static void scan_other(X86 *x, Scan *c, const TCGOp *op, unsigned i)
{
    bool has_out = tcg_op_defs[op->opc].outs && op->d.temp != TCG_NO_TEMP;
    bool access = tcg_op_defs[op->opc].flags & TCG_FAULT;
    bool from_base, no_address;
    unsigned ins = tcg_op_ins(op);

    x->folded[i] = x->has_flags[i] = false;
    x->next_out[i] = 0;
    if (has_out) {
        scan_result(x, c, op->d.temp, i);
        if ((x->next_out[i] == 0 && tcg_op_pure(op)) ||
            (!x->wants_flags[i] && fold_address(x, c, op))) {
            x->folded[i] = true;
            return;
        }
    }
    if (is_add(op->opc)) {
        scan_add(x, c, op, i);
        return;
    }
    scan_place(c, op, i);
    if (access && !x->num_groups) {
        x->group_of[i] = NO_GROUP;
    }
    from_base = access && leads_from_base(x, op, i);
    no_address = from_base || (access && x86_is_member(x, i));
    scan_uses(x, op, i, no_address, ins);
    if (from_base) {
        scan_use(x, i, 0, x->group[x->group_of[i]].from);
    }
    if (has_out && ins && !no_address) {
        pass_hint(x, c, op, i);
    }
}

static void scan_op(X86 *x, Scan *c, unsigned i)
{
    const TCGOp *op = &x->s->ops[i];

    switch (op->opc) {
    case TCG_nop:
        x->folded[i] = true;
        break;
    case TCG_insn_start:
        x->folded[i] = false;
        c->root = 0;
        break;
    case TCG_get:
        scan_get(x, c, op, i);
        break;
    case TCG_set:
        scan_set(x, c, op, i);
        break;
    case TCG_brcond_i32: case TCG_brcond_i64:
        scan_branch(x, c, op, i);
        break;
    case TCG_br:
        x->label_refs[op->k[0]] += 2;   /* no jcc: not worth joining */
        scan_other(x, c, op, i);
        break;
    default:
        scan_other(x, c, op, i);
        break;
    }
}

static bool is_quiet(const TCGOp *op)
{
    return op->opc == TCG_insn_start || op->opc == TCG_nop;
}

/* Is a label at op `at`, not fallen into, a goto_tb or next_tb?  Its slot; TCG_SLOTS: no. */
static unsigned slot_behind(const TCGContext *s, unsigned at)
{
    const TCGOp *op = &s->ops[at], *before = op, *end = s->ops + s->num_ops;

    do {
        if (before == s->ops) {
            return TCG_SLOTS;
        }
    } while (is_quiet(--before));
    do {
        if (++op == end) {
            return TCG_SLOTS;
        }
    } while (is_quiet(op));
    return (op->opc == TCG_goto_tb || op->opc == TCG_next_tb) && !tcg_op_goes_on(before)
           ? (unsigned)op->k[0] : TCG_SLOTS;
}

static void start_temps(X86 *x)
{
    const TCGContext *s = x->s;

    for (unsigned t = 0, num = s->num_temps; t < num; t++) {
        x->uses[t] = x->next[t] = 0;
        x->set_to[t] = x->leads_to[t].global = NO_GLOBAL;
        if (s->temp_is_const[t]) {
            x86_new_temp(x, t, TEMP_CONST, s->temp_k[t]);
        }
    }
}

void x86_liveness(X86 *x)
{
    TCGContext *s = x->s;
    Scan c;

    c.observed = c.bb_end = s->num_ops;
    c.root = 0;
    c.k = s->temp_k;
    c.is_const = s->temp_is_const;
    memset(c.set_at, 0xff, x->target->num_globals * sizeof(c.set_at[0]));
    memset(c.get_at, 0xff, x->target->num_globals * sizeof(c.get_at[0]));
    memset(x->wants_flags, 0, s->num_ops);
    for (unsigned l = 0, num = s->num_labels; l < num; l++) {
        x->label_refs[l] = 0;
        x->label_slot[l] = (uint8_t)slot_behind(s, s->label_at[l]);
    }
    start_temps(x);
    x->num_groups = 0;
    if (s->num_accesses > 1) {
        x86_find_groups(x);
    }
    for (unsigned i = s->num_ops; i-- > 0;) {
        scan_op(x, &c, i);
    }
}
