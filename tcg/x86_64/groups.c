/* SPDX-License-Identifier: MIT */
/*
 * Guest memory accesses that share a TLB check.
 *
 * A compiler's code goes to one place several times in a row: the stack, the
 * members of a struct, a read-modify-write.  If two addresses are the same
 * value plus a constant, and close to each other, they are on the same page
 * nearly always.  Such accesses form a group, per MMU index.  Its first access
 * checks the whole range the group touches and keeps where that is in the host's
 * memory; the others need no address, and only see that the check was good.  The
 * TLB has a tag for reading and one for writing; if one of the group writes, the
 * latter is checked, as what may be written may be read.  mmu.c tells what happens
 * if the check fails.
 *
 * MO_ALIGN goes along: the first access checks the alignment of one place, from
 * which that of the others follows.
 *
 * Other accesses in between may take the slow path and thereby reach a device
 * that changes the memory map; they end all other groups then.  So does a helper.
 */
#include "tcg/x86_64/x86.h"

enum { NUM_OPEN = 4, MAX_SPAN = 256, CONST_BASE = TCG_MAX_TEMPS, NO_BASE, NUM_SUMS = 32 };

typedef struct Open {                   /* a group that may grow */
    uint16_t group, base;
    uint8_t mmu_idx;
    bool interrupted;                   /* since its last access */
} Open;

typedef struct Sum {                    /* a + b, or a << shift, of bases */
    uint16_t a, b, base;
    uint8_t shift;
    uint32_t offset;                    /* base + offset is the sum of the bases, and
                                           of the offsets it was found with */
} Sum;

typedef struct Finder {
    Sum sum[NUM_SUMS];
    unsigned num_sums;
    Open open[NUM_OPEN];
    unsigned num_open;
} Finder;

/* base + offset of a sum or shift of values that are base + offset themselves: the
 * base is that of the first such sum in the block. */
static void note_sum(X86 *x, Finder *f, unsigned d, unsigned a, unsigned b, unsigned shift)
{
    uint32_t offset = ((uint32_t)x->offset[a] << shift) +
                      (b == NO_BASE ? 0 : (uint32_t)x->offset[b]);
    unsigned base_a = x->base[a], base_b = b == NO_BASE ? NO_BASE : x->base[b];
    Sum *s = f->sum, *end = s + f->num_sums;

    if (base_b != NO_BASE && base_b < base_a) {
        base_a = base_b;
        base_b = x->base[a];
    }
    while (s < end && (s->a != base_a || s->b != base_b || s->shift != shift)) {
        s++;
    }
    if (s == end) {
        if (f->num_sums == NUM_SUMS) {
            return;
        }
        *s = (Sum){ .a = (uint16_t)base_a, .b = (uint16_t)base_b, .shift = (uint8_t)shift,
                    .base = (uint16_t)d, .offset = offset };
        f->num_sums++;
    }
    x->base[d] = s->base;
    x->offset[d] = (int32_t)(offset - s->offset);
}

/* base + offset of the result of an addition or a shift. */
static void note_address(X86 *x, Finder *f, const TCGOp *op)
{
    unsigned d = op->d.temp, a = op->in[0].temp, b = op->in[1].temp;

    if (op->opc == TCG_add_i32 && x->base[b] == CONST_BASE) {
        x->base[d] = x->base[a];
        x->offset[d] = (int32_t)((uint32_t)x->offset[a] + (uint32_t)x->offset[b]);
    } else if (op->opc == TCG_add_i32) {
        note_sum(x, f, d, a, b, 0);
    } else if (x->base[b] == CONST_BASE && x->base[a] != CONST_BASE) {
        note_sum(x, f, d, a, NO_BASE, (unsigned)x->offset[b] & 31);
    }
}

static void start_bases(X86 *x)
{
    const TCGContext *s = x->s;

    for (unsigned t = 0, num = s->num_temps; t < num; t++) {
        bool is_const = s->temp_is_const[t];

        x->base[t] = (uint16_t)(is_const ? CONST_BASE : t);
        x->offset[t] = is_const ? (int32_t)s->temp_k[t] : 0;
        x->from_pin[t] = false;
    }
}

/* Does the alignment of one follow from that of the other? */
static bool same_phase(const Group *g, const Group *access)
{
    int32_t less = access->align < g->align ? access->align : g->align;

    return less == 0 || ((uint32_t)(access->anchor - g->anchor) & (uint32_t)(less - 1)) == 0;
}

static bool join(Group *g, const Group *access)
{
    int32_t lo = access->lo < g->lo ? access->lo : g->lo;
    int32_t end = access->end > g->end ? access->end : g->end;

    if ((int64_t)end - lo > MAX_SPAN || !same_phase(g, access)) {
        return false;
    }
    if (access->align > g->align) {
        g->align = access->align;
        g->anchor = access->anchor;
    }
    g->lo = lo;
    g->end = end;
    g->last = access->last;
    g->write |= access->write;
    return true;
}

/* The open group that the access joins, or NULL. */
static Open *join_open(X86 *x, Finder *f, const Open *own, const Group *access)
{
    for (unsigned k = 0; k < f->num_open; k++) {
        Open *o = &f->open[k];

        if (o->base == own->base && o->mmu_idx == own->mmu_idx &&
            join(&x->group[o->group], access)) {
            return o;
        }
    }
    return NULL;
}

/* The one to give up is that of the oldest access. */
static Open *new_open(const X86 *x, Finder *f)
{
    Open *oldest = f->open;

    if (f->num_open < NUM_OPEN) {
        return &f->open[f->num_open++];
    }
    for (unsigned k = 1; k < NUM_OPEN; k++) {
        if (x->group[f->open[k].group].last < x->group[oldest->group].last) {
            oldest = &f->open[k];
        }
    }
    return oldest;
}

static void note_access(X86 *x, Finder *f, const TCGOp *op, unsigned i)
{
    int32_t at = x->offset[op->in[0].temp];
    int32_t align = (int32_t)tcg_alignment((uint32_t)op->k[0]);

    x->group_of[i] = NO_GROUP;
    if (at > INT32_MAX - 16) {
        return;
    }
    const Open own = { .group = (uint16_t)x->num_groups, .base = x->base[op->in[0].temp],
                       .mmu_idx = (uint8_t)op->k[1] };
    const Group access = {
        .lo = at, .end = at + (1 << (op->k[0] & MO_SIZE)), .at = at,
        .align = align > 1 ? align : 0, .anchor = at,
        .first = (uint16_t)i, .last = (uint16_t)i, .from = TCG_NO_TEMP,
        .write = op->opc == TCG_qemu_st || op->opc == TCG_x87_st || (op->k[0] & MO_RMW),
    };
    Open *o = join_open(x, f, &own, &access);

    if (!o) {
        o = new_open(x, f);
        *o = own;
        x->group[x->num_groups++] = access;
    }
    x->group[o->group].interrupted |= o->interrupted;
    x->group_of[i] = o->group;
    for (unsigned k = 0; k < f->num_open; k++) {
        f->open[k].interrupted = &f->open[k] != o;
    }
}

bool x86_is_member(const X86 *x, unsigned i)
{
    unsigned group = x->group_of[i];

    return group != NO_GROUP && x->group[group].first != i;
}

bool x86_leads_group(const X86 *x, unsigned i)
{
    unsigned group = x->group_of[i];

    return group != NO_GROUP && x->group[group].first == i && x->group[group].last > i;
}

void x86_find_groups(X86 *x)
{
    const TCGContext *s = x->s;
    Finder f;

    f.num_sums = f.num_open = 0;
    start_bases(x);
    for (unsigned i = 0, num = s->num_ops; i < num; i++) {
        const TCGOp *op = &s->ops[i];

        switch (op->opc) {
        case TCG_nop: case TCG_insn_start: case TCG_set:
            break;
        case TCG_get:
            x->from_pin[op->d.temp] = x->pin_reg[op->k[0]] != NO_REG;
            break;
        case TCG_add_i32: case TCG_shl_i32:
            note_address(x, &f, op);
            break;
        case TCG_qemu_ld: case TCG_qemu_st: case TCG_x87_ld: case TCG_x87_st:
            note_access(x, &f, op, i);
            break;
        default:
            if (op->opc == TCG_call || (tcg_op_defs[op->opc].flags & TCG_END)) {
                f.num_open = 0;
            }
            break;
        }
    }
}
