/* SPDX-License-Identifier: MIT */
/*
 * Code for operations that compute a value.
 *
 * rows[] is the back end: one row per operation, naming the function for its
 * shape and what that needs to know.  x86 is a two-operand machine, so the
 * recurring question is which register the result may share with an operand;
 * lea, BMI1/2, AVX and the three-operand imul are used where they save the
 * copy.
 */
#include <assert.h>

#include "tcg/x86_64/x86.h"

typedef struct OpRow OpRow;
typedef void EmitOp(X86 *x, const OpRow *row);

struct OpRow {
    EmitOp *emit;
    uint32_t opc;                       /* an opcode, or a /digit */
    uint8_t is64;
    uint8_t ext;                        /* more, by shape */
};

static bool is_reg(const Loc *l, unsigned reg)
{
    return l->kind == LOC_REG && l->reg == reg;
}

static RegMask reg_bit(const Loc *l)
{
    return l->kind == LOC_REG ? BIT(l->reg) : 0;
}

static unsigned hint_of(X86 *x)
{
    return x->hint[x86_op(x)->d.temp];
}

/* Would x86_def() put the result there if asked? */
static bool good_dest(X86 *x, const Loc *l)
{
    if (l->kind != LOC_REG) {
        return false;
    }
    return hint_of(x) != NO_REG ? hint_of(x) == l->reg
                                : (x->alloc & ~x->used & BIT(l->reg)) != 0;
}

static void swap_locs(Loc *a, Loc *b)
{
    Loc t = *a;

    *a = *b;
    *b = t;
}

static TCGType type_of(bool is64)
{
    return is64 ? TCG_I64 : TCG_I32;
}

static void set_flags(X86 *x, FlagsKind kind, bool is64)
{
    x->flags.kind = (uint8_t)kind;
    x->flags.is64 = is64;
    x->flags.d = x86_op(x)->d.temp;
}

/* opc d, l */
static void op_loc(X86 *x, unsigned opc, unsigned d, const Loc *l)
{
    if (l->kind == LOC_MEM) {
        asm_rm(&x->as, opc, d, l->mem);
    } else {
        asm_rr(&x->as, opc, d, l->reg);
    }
}

static void alu_loc(X86 *x, unsigned alu, bool is64, unsigned d, const Loc *l)
{
    if (l->kind == LOC_IMM) {
        asm_alu_ri(&x->as, alu, is64, d, (int32_t)l->k);
    } else {
        op_loc(x, alu << 3 | 3 | rex_w(is64), d, l);
    }
}

/* -- Two operands ------------------------------------------------------------ */

/*
 * The result's register, holding a; b must still be intact.  A commutative
 * operation may swap them first.
 */
static unsigned def_from_a(X86 *x, Loc *a, Loc *b, bool comm, bool is64)
{
    unsigned d;

    if (comm && b->kind != LOC_IMM &&
        (a->kind == LOC_IMM || (good_dest(x, b) && !good_dest(x, a)) ||
         (b->kind == LOC_MEM && a->kind == LOC_REG && !good_dest(x, a)))) {
        swap_locs(a, b);
    }
    d = x86_def(x, a->kind == LOC_REG ? a->reg : NO_REG,
                reg_bit(b) & ~reg_bit(a));
    x86_mov_loc(x, d, a, type_of(is64));
    return d;
}

static void emit_add_locs(X86 *x, Loc *a, Loc *b, bool is64)
{
    unsigned d;

    if (a->kind == LOC_REG && b->kind == LOC_REG && !good_dest(x, a) &&
        !good_dest(x, b)) {
        d = x86_def(x, NO_REG, 0);
        if (d != a->reg && d != b->reg) {
            Mem m = mem_index(a->reg, b->reg, 0);

            asm_lea(&x->as, is64, d, m);
            return;
        }
        alu_loc(x, ALU_ADD, is64, d, d == a->reg ? b : a);
    } else {
        d = def_from_a(x, a, b, true, is64);
        alu_loc(x, ALU_ADD, is64, d, b);
    }
    set_flags(x, FLAGS_RESULT, is64);
}

/* An addition of one value and a constant. */
static void emit_add_imm(X86 *x, unsigned temp, Loc *a, int64_t k, bool is64)
{
    unsigned d = x86_def(x, a->kind == LOC_REG ? a->reg : NO_REG, 0);
    bool flags = x->wants_flags[x->op];

    if (!flags && (k == 0 || (a->kind == LOC_REG && d != a->reg))) {
        if (k == 0) {
            x86_mov_loc(x, d, a, type_of(is64));
        } else {
            asm_lea(&x->as, is64, d, mem(a->reg, (int32_t)k));
        }
        return;
    }
    x86_mov_loc(x, d, a, type_of(is64));
    if (flags || (k < 0 && k != INT32_MIN)) {
        asm_alu_ri(&x->as, ALU_SUB, is64, d, (int32_t)-k);
        set_flags(x, FLAGS_CMP, is64);
        x->flags.a = (uint16_t)temp;
        x->flags.b = TCG_NO_TEMP;
        x->flags.k = is64 ? (uint64_t)-k : (uint32_t)-k;
    } else {
        asm_alu_ri(&x->as, ALU_ADD, is64, d, (int32_t)k);
        set_flags(x, FLAGS_RESULT, is64);
    }
}

static Mem address_of(const Addr *a, const uint8_t *reg)
{
    Mem m = { .base = NO_REG, .index = NO_REG, .disp = (int32_t)a->disp };

    for (unsigned i = 0; i < a->num; i++) {
        if (a->scale[i] == 0 && m.base == NO_REG) {
            m.base = reg[i];
        } else {
            m.index = reg[i];
            m.scale = a->scale[i];
        }
    }
    if (m.base == NO_REG && m.scale == 1) {
        m.base = m.index;
        m.scale = 0;
    }
    return m;
}

static void emit_lea(X86 *x, const Addr *a, bool is64)
{
    uint8_t reg[2] = { NO_REG, NO_REG };
    unsigned d;

    for (unsigned i = 0; i < a->num; i++) {
        reg[i] = (uint8_t)x86_use_reg(x, a->temp[i]);
    }
    for (unsigned i = 0; i < a->num; i++) {
        x86_consume_temp(x, a->temp[i], a->next[i]);
    }
    d = x86_def(x, reg[0], 0);
    asm_lea(&x->as, is64, d, address_of(a, reg));
}

static void emit_add(X86 *x, const OpRow *row)
{
    const Addr *a = &x->addr[x->op];
    Loc l[2];

    if (a->num == 0) {
        x86_def_lazy(x, TEMP_CONST, row->is64 ? (uint64_t)a->disp
                                              : (uint32_t)a->disp);
        return;
    }
    if (a->scale[0] || (a->num == 2 && (a->scale[1] || a->disp))) {
        emit_lea(x, a, row->is64);
        return;
    }
    for (unsigned i = 0; i < a->num; i++) {
        l[i] = x86_use_temp(x, a->temp[i], a->next[i] == 0);
        if (l[i].kind == LOC_IMM) {
            l[i] = (Loc){ .kind = LOC_REG,
                          .reg = (uint8_t)x86_use_reg(x, a->temp[i]) };
        }
    }
    for (unsigned i = 0; i < a->num; i++) {
        x86_consume_temp(x, a->temp[i], a->next[i]);
    }
    if (a->num == 2) {
        emit_add_locs(x, &l[0], &l[1], row->is64);
    } else {
        emit_add_imm(x, a->temp[0], &l[0], a->disp, row->is64);
    }
}

static void emit_logic(X86 *x, const OpRow *row)
{
    bool is64 = row->is64;
    const Temp *k = &x->t[x86_op(x)->in[1].temp];
    Loc a, b;
    unsigned d;

    if (row->opc == ALU_AND && k->kind == TEMP_CONST && k->k <= UINT32_MAX) {
        is64 = false;                   /* clears the high half all the same */
    }
    a = x86_use_imm32(x, 0, row->is64);
    b = x86_use_imm32(x, 1, is64);
    x86_consume(x);
    d = def_from_a(x, &a, &b, true, row->is64);
    alu_loc(x, row->opc, is64, d, &b);
    if (is64 == row->is64) {
        set_flags(x, FLAGS_LOGIC, is64);
    }
}

static void emit_sub(X86 *x, const OpRow *row)
{
    const TCGOp *op = x86_op(x);
    bool is64 = row->is64;
    Loc a = x86_use_imm32(x, 0, is64), b = x86_use_imm32(x, 1, is64);
    unsigned d;

    x86_consume(x);
    if (b.kind == LOC_REG && b.reg == hint_of(x) && !is_reg(&a, b.reg) &&
        !x->wants_flags[x->op] && !x->soft_hint[op->d.temp]) {
        d = x86_def(x, NO_REG, 0);      /* d = -d + a */
        asm_rr(&x->as, 0xf7 | rex_w(is64), 3, d);
        alu_loc(x, ALU_ADD, is64, d, &a);
        set_flags(x, FLAGS_RESULT, is64);
        return;
    }
    d = def_from_a(x, &a, &b, false, is64);
    alu_loc(x, ALU_SUB, is64, d, &b);
    set_flags(x, FLAGS_CMP, is64);
    x->flags.a = op->in[0].temp;
    x->flags.b = b.kind == LOC_IMM ? TCG_NO_TEMP : op->in[1].temp;
    x->flags.k = b.k;
}

static void emit_mul(X86 *x, const OpRow *row)
{
    bool is64 = row->is64;
    Loc a = x86_use(x, 0), b = x86_use_imm32(x, 1, is64);
    unsigned d;

    if (a.kind == LOC_IMM) {
        a = (Loc){ .kind = LOC_REG,
                   .reg = (uint8_t)x86_use_reg(x, x86_op(x)->in[0].temp) };
    }
    x86_consume(x);
    if (b.kind == LOC_IMM) {            /* imul r, r/m, imm */
        bool short_imm = (int32_t)b.k == (int8_t)b.k;

        d = x86_def(x, a.kind == LOC_REG ? a.reg : NO_REG, 0);
        op_loc(x, (short_imm ? 0x6b : 0x69) | rex_w(is64), d, &a);
        if (short_imm) {
            asm_byte(&x->as, (uint8_t)b.k);
        } else {
            asm_long(&x->as, (uint32_t)b.k);
        }
        return;
    }
    d = def_from_a(x, &a, &b, true, is64);
    op_loc(x, OPC_IMUL | rex_w(is64), d, &b);
}

static void emit_andc(X86 *x, const OpRow *row)
{
    bool is64 = row->is64;
    unsigned b = x86_use_reg(x, x86_op(x)->in[1].temp), t;
    Loc a = x86_use(x, 0);

    if (a.kind == LOC_IMM) {
        a = (Loc){ .kind = LOC_REG,
                   .reg = (uint8_t)x86_use_reg(x, x86_op(x)->in[0].temp) };
    }
    if (x->bmi) {                       /* andn d, b, a = ~b & a */
        unsigned opc = MAP_0F38 | 0xf2 | rex_w(is64), d;

        x86_consume(x);
        d = x86_def(x, b, 0);
        if (a.kind == LOC_MEM) {
            asm_vex_rm(&x->as, opc, d, b, a.mem);
        } else {
            asm_vex_rr(&x->as, opc, d, b, a.reg);
        }
        return;
    }
    t = x86_scratch(x, 0);
    x86_consume(x);
    asm_mov_rr(&x->as, is64, t, b);
    asm_rr(&x->as, 0xf7 | rex_w(is64), 2, t);
    op_loc(x, 0x23 | rex_w(is64), t, &a);
    asm_mov_rr(&x->as, is64, x86_def(x, t, 0), t);
}

/* -- Shifts ------------------------------------------------------------------ */

static void shift_imm(X86 *x, const OpRow *row, unsigned k)
{
    bool is64 = row->is64;
    Loc a = x86_use(x, 0);
    unsigned d;

    x86_consume(x);
    d = x86_def(x, a.kind == LOC_REG ? a.reg : NO_REG, 0);
    if (a.kind == LOC_REG && a.reg != d && k) {
        if (row->opc == SH_SHL && k == 1) {
            asm_lea(&x->as, is64, d, mem_index(a.reg, a.reg, 0));
            return;
        }
        if (row->opc == SH_SHL && k <= 3) {
            Mem m = { .base = NO_REG, .index = a.reg, .scale = (uint8_t)k };

            asm_lea(&x->as, is64, d, m);
            return;
        }
        if (x->bmi && row->opc <= SH_ROR) {
            asm_rorx(&x->as, is64, d, a.reg,
                     row->opc == SH_ROR ? k : (is64 ? 64 : 32) - k);
            return;
        }
    }
    x86_mov_loc(x, d, &a, type_of(is64));
    if (k) {
        asm_shift_ri(&x->as, row->opc, is64, d, k);
        if (row->opc >= SH_SHL) {
            set_flags(x, FLAGS_RESULT, is64);
        }
    }
}

static void shift_cl(X86 *x, const OpRow *row)
{
    const TCGOp *op = x86_op(x);
    unsigned count = op->in[1].temp, d;
    Loc a;

    if (!(x->t[count].regs & BIT(RCX))) {
        x86_reserve(x, RCX);
        x86_load(x, RCX, count);
    }
    x->lock |= BIT(RCX);
    a = x86_use(x, 0);
    x86_consume(x);
    d = x86_def(x, a.kind == LOC_REG ? a.reg : NO_REG, BIT(RCX));
    x86_mov_loc(x, d, &a, type_of(row->is64));
    asm_shift_cl(&x->as, row->opc, row->is64, d);
}

/* ext: mandatory prefix of the BMI2 form, in units of PRE_66; 0: none. */
static void emit_shift(X86 *x, const OpRow *row)
{
    const Temp *count = &x->t[x86_op(x)->in[1].temp];
    unsigned b, d, opc;
    Loc a;

    if (count->kind == TEMP_CONST) {
        shift_imm(x, row, (unsigned)count->k & (row->is64 ? 63 : 31));
        return;
    }
    if (!x->bmi || !row->ext) {
        shift_cl(x, row);
        return;
    }
    b = x86_use_reg(x, x86_op(x)->in[1].temp);
    a = x86_use(x, 0);
    if (a.kind == LOC_IMM) {
        a = (Loc){ .kind = LOC_REG,
                   .reg = (uint8_t)x86_use_reg(x, x86_op(x)->in[0].temp) };
    }
    x86_consume(x);
    d = x86_def(x, a.kind == LOC_REG ? a.reg : b, 0);
    opc = MAP_0F38 | 0xf7 | row->ext * PRE_66 | rex_w(row->is64);
    if (a.kind == LOC_MEM) {
        asm_vex_rm(&x->as, opc, d, b, a.mem);
    } else {
        asm_vex_rr(&x->as, opc, d, b, a.reg);
    }
}

/* -- One operand ------------------------------------------------------------- */

static void emit_group3(X86 *x, const OpRow *row)
{
    Loc a = x86_use(x, 0);
    unsigned d;

    x86_consume(x);
    d = x86_def(x, a.kind == LOC_REG ? a.reg : NO_REG, 0);
    x86_mov_loc(x, d, &a, type_of(row->is64));
    asm_rr(&x->as, 0xf7 | rex_w(row->is64), row->opc, d);
}

/* An operand in a register or memory. */
static Loc use_rm(X86 *x, unsigned k)
{
    Loc a = x86_use(x, k);

    if (a.kind == LOC_IMM) {
        a = (Loc){ .kind = LOC_REG,
                   .reg = (uint8_t)x86_use_reg(x, x86_op(x)->in[k].temp) };
    }
    return a;
}

/* opc d, r/m; a narrow source may be the low byte of anything. */
static void emit_move_extend(X86 *x, const OpRow *row)
{
    Loc a = use_rm(x, 0);
    unsigned d;

    x86_consume(x);
    d = x86_def(x, a.kind == LOC_REG ? a.reg : NO_REG, 0);
    op_loc(x, row->opc, d, &a);
}

/* The upper half of an i32's register is zero. */
static void emit_extu(X86 *x, const OpRow *row)
{
    Loc a = use_rm(x, 0);
    unsigned d;

    (void)row;
    x86_consume(x);
    d = x86_def(x, a.kind == LOC_REG ? a.reg : NO_REG, 0);
    x86_mov_loc(x, d, &a, TCG_I32);
}

/* k[0]: the upper half is zero already. */
static void emit_trunc(X86 *x, const OpRow *row)
{
    if (x86_op(x)->k[0]) {
        emit_extu(x, row);
    } else {
        emit_move_extend(x, row);
    }
}

static void emit_count_zeros(X86 *x, const OpRow *row)
{
    bool is64 = row->is64, leading = row->ext == 1;
    unsigned bits = is64 ? 64 : 32, d;
    bool native = leading ? x->lzcnt : x->bmi;
    Loc a = use_rm(x, 0);

    x86_consume(x);
    if (native) {
        d = x86_def(x, a.kind == LOC_REG ? a.reg : NO_REG, 0);
        op_loc(x, row->opc | PRE_F3 | rex_w(is64), d, &a);
    } else {                            /* bsf, bsr: SDM, ZF if zero */
        unsigned t = x86_scratch(x, reg_bit(&a));

        d = x86_def(x, NO_REG, reg_bit(&a) | BIT(t));
        asm_mov_ri(&x->as, d, leading ? 2 * bits - 1 : bits, true);
        op_loc(x, row->opc | rex_w(is64), t, &a);
        asm_rr(&x->as, MAP_0F | 0x40 | CC_NE | rex_w(is64), d, t);
        if (leading) {
            asm_alu_ri(&x->as, ALU_XOR, is64, d, (int32_t)bits - 1);
        }
    }
}

static void emit_bswap(X86 *x, const OpRow *row)
{
    Loc a = x86_use(x, 0);
    unsigned d;

    x86_consume(x);
    d = x86_def(x, a.kind == LOC_REG ? a.reg : NO_REG, 0);
    x86_mov_loc(x, d, &a, type_of(row->is64));
    asm_rr(&x->as, 0x0f | rex_w(row->is64), 1, d);      /* 0f c8+d */
}

/* -- Bit fields -------------------------------------------------------------- */

/* ah, bh, ch, dh can be named if no REX prefix is needed. */
static bool has_high_byte(unsigned r)
{
    return r <= RBX;
}

/* ext: sign extend. */
static void emit_extract(X86 *x, const OpRow *row)
{
    const TCGOp *op = x86_op(x);
    unsigned pos = (unsigned)op->k[0], len = (unsigned)op->k[1], d;
    bool is64 = row->is64;
    unsigned bits = is64 ? 64 : 32;
    Loc a = use_rm(x, 0);

    x86_consume(x);
    d = x86_def(x, a.kind == LOC_REG ? a.reg : NO_REG, 0);
    if (pos == 8 && len == 8 && a.kind == LOC_REG && has_high_byte(a.reg) &&
        d < R8 && !(is64 && row->ext)) {
        asm_rr(&x->as, row->ext ? OPC_MOVSX8 : OPC_MOVZX8, d, a.reg + 4);
        return;
    }
    if (pos == 0 && (len == 8 || len == 16)) {
        op_loc(x, (row->ext ? (len == 8 ? OPC_MOVSX8 : OPC_MOVSX16) |
                              rex_w(is64)
                            : len == 8 ? OPC_MOVZX8 : OPC_MOVZX16) |
                  (len == 8 ? RM8 : 0), d, &a);
        return;
    }
    if (row->ext && pos == 0 && len == 32) {
        op_loc(x, OPC_MOVSXD, d, &a);
        return;
    }
    if (pos == 0 && len == 32) {
        x86_mov_loc(x, d, &a, TCG_I32);
        if (is_reg(&a, d)) {
            asm_mov_rr(&x->as, false, d, d);
        }
        return;
    }
    x86_mov_loc(x, d, &a, type_of(is64));
    if (row->ext) {
        if (pos + len < bits) {
            asm_shift_ri(&x->as, SH_SHL, is64, d, bits - pos - len);
        }
        if (len < bits) {
            asm_shift_ri(&x->as, SH_SAR, is64, d, bits - len);
        }
        return;
    }
    if (pos) {
        asm_shift_ri(&x->as, SH_SHR, is64, d, pos);
    }
    if (pos + len == bits) {
        return;
    }
    if (len == 32) {
        asm_mov_rr(&x->as, false, d, d);
    } else if (len == 8 || len == 16) {
        asm_rr(&x->as, (len == 8 ? OPC_MOVZX8 | RM8 : OPC_MOVZX16), d, d);
    } else if (len < 32) {
        asm_alu_ri(&x->as, ALU_AND, false, d, (int32_t)((1u << len) - 1));
    } else {
        asm_shift_ri(&x->as, SH_SHL, true, d, 64 - len);
        asm_shift_ri(&x->as, SH_SHR, true, d, 64 - len);
    }
}

/* Write the low 8 or 16 bits of d. */
static void insert_low(X86 *x, unsigned d, const Loc *b, unsigned len)
{
    if (b->kind == LOC_IMM && len == 8) {
        asm_rr(&x->as, 0xc6 | RM8, 0, d);
        asm_byte(&x->as, (uint8_t)b->k);
    } else if (b->kind == LOC_IMM) {
        asm_rr(&x->as, 0xc7 | PRE_66, 0, d);
        asm_byte(&x->as, (uint8_t)b->k);
        asm_byte(&x->as, (uint8_t)(b->k >> 8));
    } else if (b->kind == LOC_MEM) {
        asm_rm(&x->as, len == 8 ? 0x8a | REG8 : 0x8b | PRE_66, d, b->mem);
    } else {
        asm_rr(&x->as, len == 8 ? 0x8a | REG8 | RM8 : 0x8b | PRE_66, d, b->reg);
    }
}

static void insert_second_byte(X86 *x, unsigned d, const Loc *b)
{
    if (b->kind == LOC_IMM) {
        asm_rr(&x->as, 0xc6, 0, d + 4);
        asm_byte(&x->as, (uint8_t)b->k);
    } else if (b->kind == LOC_MEM) {
        asm_rm(&x->as, 0x8a, d + 4, b->mem);
    } else {
        asm_rr(&x->as, 0x8a, d + 4, b->reg);
    }
}

/* Any field, with masks; t is a scratch register. */
static void insert_masked(X86 *x, unsigned d, const Loc *b, unsigned t,
                          unsigned pos, unsigned len, bool is64)
{
    unsigned bits = is64 ? 64 : 32;

    x86_mov_loc(x, t, b, type_of(is64));
    if (len == bits) {
        asm_mov_rr(&x->as, is64, d, t);
        return;
    }
    /* Rotate the field to the top, shift it out, shift the new one in. */
    asm_shift_ri(&x->as, SH_SHL, is64, t, bits - len);
    if (pos) {
        asm_shift_ri(&x->as, SH_ROR, is64, d, pos);
    }
    asm_shift_ri(&x->as, SH_SHR, is64, d, len);
    if (len < bits) {
        /* shld d, t, len */
        asm_rr(&x->as, MAP_0F | 0xa4 | rex_w(is64), t, d);
        asm_byte(&x->as, len);
    }
    if (pos) {
        asm_shift_ri(&x->as, SH_ROL, is64, d, pos);
    }
}

static void emit_deposit(X86 *x, const OpRow *row)
{
    const TCGOp *op = x86_op(x);
    unsigned pos = (unsigned)op->k[0], len = (unsigned)op->k[1], d, t;
    bool is64 = row->is64, simple = len == 8 || len == 16;
    Loc a = x86_use(x, 0);
    Loc b = simple ? x86_use_imm32(x, 1, false) : x86_use(x, 1);

    t = simple ? NO_REG : x86_scratch(x, 0);
    x86_consume(x);
    d = x86_def(x, a.kind == LOC_REG ? a.reg : NO_REG,
                (reg_bit(&b) & ~reg_bit(&a)) | (simple ? 0 : BIT(t)));
    if (!simple) {
        if (is_reg(&b, d)) {
            x86_mov_loc(x, t, &b, type_of(is64));
            b = (Loc){ .kind = LOC_REG, .reg = (uint8_t)t };
        }
        x86_mov_loc(x, d, &a, type_of(is64));
        insert_masked(x, d, &b, t, pos, len, is64);
        return;
    }
    x86_mov_loc(x, d, &a, type_of(is64));
    if (pos == 8 && len == 8 && has_high_byte(d) && !is_reg(&b, d) &&
        (b.kind != LOC_REG || has_high_byte(b.reg))) {
        insert_second_byte(x, d, &b);
        return;
    }
    if (is_reg(&b, d) && pos) {         /* a and b are one value */
        t = x86_scratch(x, BIT(d));
        asm_mov_rr(&x->as, is64, t, d);
        b.reg = (uint8_t)t;
    }
    if (pos) {
        asm_shift_ri(&x->as, SH_ROR, is64, d, pos);
    }
    insert_low(x, d, &b, len);
    if (pos) {
        asm_shift_ri(&x->as, SH_ROL, is64, d, pos);
    }
}

/* -- Wide products ----------------------------------------------------------- */

/* i32: the product of two extended values fits 64 bits. */
static void emit_mulh32(X86 *x, const OpRow *row)
{
    Loc a = use_rm(x, 0), b = use_rm(x, 1);
    bool is_signed = row->ext;
    unsigned t = x86_scratch(x, 0), d;

    x86_consume(x);
    d = x86_def(x, NO_REG, reg_bit(&a) | reg_bit(&b) | BIT(t));
    op_loc(x, is_signed ? OPC_MOVSXD : OPC_MOV_LOAD, t, &a);
    op_loc(x, is_signed ? OPC_MOVSXD : OPC_MOV_LOAD, d, &b);
    asm_rr(&x->as, OPC_IMUL | REX_W, d, t);
    asm_shift_ri(&x->as, SH_SHR, true, d, 32);
}

static void emit_mulh64(X86 *x, const OpRow *row)
{
    const TCGOp *op = x86_op(x);
    unsigned d;
    Loc b;

    x86_reserve(x, RAX);
    x86_reserve(x, RDX);
    x86_load(x, RAX, op->in[0].temp);
    b = use_rm(x, 1);
    if (b.kind == LOC_MEM) {
        asm_rm(&x->as, 0xf7 | REX_W, row->opc, b.mem);
    } else {
        asm_rr(&x->as, 0xf7 | REX_W, row->opc, b.reg);
    }
    x86_consume(x);
    d = x86_def(x, RDX, 0);
    if (d != RDX) {
        asm_mov_rr(&x->as, true, d, RDX);
    }
}

/* -- Comparisons ------------------------------------------------------------- */

static const uint8_t cond_code[] = {
    [TCG_COND_EQ] = CC_E, [TCG_COND_NE] = CC_NE,
    [TCG_COND_LT] = CC_L, [TCG_COND_GE] = CC_GE,
    [TCG_COND_LE] = CC_LE, [TCG_COND_GT] = CC_G,
    [TCG_COND_LTU] = CC_B, [TCG_COND_GEU] = CC_AE,
    [TCG_COND_LEU] = CC_BE, [TCG_COND_GTU] = CC_A,
    [TCG_COND_TSTEQ] = CC_E, [TCG_COND_TSTNE] = CC_NE,
};

static bool is_test(TCGCond c)
{
    return c == TCG_COND_TSTEQ || c == TCG_COND_TSTNE;
}

/* Do the flags already tell? */
static bool flags_known(X86 *x, TCGCond c, bool is64)
{
    const TCGOp *op = x86_op(x);
    unsigned a = op->in[0].temp, b = op->in[1].temp;
    bool zero = x->t[b].kind == TEMP_CONST && x->t[b].k == 0;

    if (x->flags.kind == FLAGS_NONE || x->flags.kind == FLAGS_OTHER ||
        x->flags.is64 != is64) {
        return false;
    }
    if (x->flags.kind == FLAGS_CMP && x->flags.a == a && !is_test(c) &&
        (x->flags.b == TCG_NO_TEMP
         ? x->t[b].kind == TEMP_CONST && x->t[b].k == x->flags.k
         : x->flags.b == b)) {
        return true;
    }
    if (x->flags.d != a) {
        return false;
    }
    if (is_test(c)) {
        return a == b;
    }
    return zero && (c == TCG_COND_EQ || c == TCG_COND_NE ||
                    x->flags.kind == FLAGS_LOGIC);
}

static bool field_fits(const Temp *field, const Loc *b, TCGCond c)
{
    return b->kind == LOC_IMM &&
           (field->field == OPC_MOV_LOAD ||
            (field->field == OPC_MOVZX8 && b->k <= 0xff &&
             (c < TCG_COND_LT || c >= TCG_COND_LTU)));
}

Compare x86_prepare_compare(X86 *x, TCGCond cond, bool is64)
{
    const TCGOp *op = x86_op(x);
    Compare c = { .cond = cond, .is64 = is64 };
    const Temp *field = &x->t[op->in[0].temp];

    c.done = x->has_flags[x->op] || flags_known(x, cond, is64);
    if (c.done) {
        return c;
    }
    c.b = x86_use_imm32(x, 1, is64);
    if (field->kind == TEMP_ENV_FIELD && field_fits(field, &c.b, cond)) {
        c.a = (Loc){ .kind = LOC_MEM, .reg = field->field == OPC_MOVZX8,
                     .mem = x86_env((uint32_t)field->k) };
        return c;
    }
    c.a = x86_use(x, 0);
    if (c.a.kind == LOC_IMM || (c.a.kind == LOC_MEM && c.b.kind == LOC_MEM)) {
        c.a = (Loc){ .kind = LOC_REG,
                     .reg = (uint8_t)x86_use_reg(x, op->in[0].temp) };
    }
    if (c.a.kind == LOC_MEM) {
        c.a.reg = 0;
    }
    return c;
}

/* A memory operand is a byte if its Loc.reg is 1. */
static void compare_mem_imm(X86 *x, const Compare *c)
{
    bool byte = c->a.reg == 1;

    if (is_test(c->cond)) {
        asm_rm(&x->as, (byte ? 0xf6 : 0xf7) | rex_w(c->is64), 0, c->a.mem);
    } else if (byte) {
        asm_rm(&x->as, 0x80, ALU_CMP, c->a.mem);
    } else {
        asm_alu_mi(&x->as, ALU_CMP, c->is64, c->a.mem, (int32_t)c->b.k);
        return;
    }
    if (byte) {
        asm_byte(&x->as, (uint8_t)c->b.k);
    } else {
        asm_long(&x->as, (uint32_t)c->b.k);
    }
}

static void compare_reg_imm(X86 *x, const Compare *c)
{
    if (is_test(c->cond)) {
        if (!c->is64 && (uint32_t)c->b.k == UINT32_MAX) {
            asm_rr(&x->as, OPC_TEST, c->a.reg, c->a.reg);
        } else if (c->b.k == 0xff) {
            asm_rr(&x->as, 0x84 | REG8 | RM8, c->a.reg, c->a.reg);
        } else {
            asm_test_ri(&x->as, c->is64, c->a.reg, (int32_t)c->b.k);
        }
    } else if ((int32_t)c->b.k == 0) {
        asm_rr(&x->as, OPC_TEST | rex_w(c->is64), c->a.reg, c->a.reg);
    } else {
        asm_alu_ri(&x->as, ALU_CMP, c->is64, c->a.reg, (int32_t)c->b.k);
    }
}

static void compare_locs(X86 *x, const Compare *c)
{
    unsigned w = rex_w(c->is64);

    if (c->b.kind == LOC_IMM) {
        if (c->a.kind == LOC_MEM) {
            compare_mem_imm(x, c);
        } else {
            compare_reg_imm(x, c);
        }
    } else if (is_test(c->cond)) {
        if (c->a.kind == LOC_MEM) {
            asm_rm(&x->as, OPC_TEST | w, c->b.reg, c->a.mem);
        } else {
            op_loc(x, OPC_TEST | w, c->a.reg, &c->b);
        }
    } else if (c->a.kind == LOC_MEM) {
        asm_rm(&x->as, 0x39 | w, c->b.reg, c->a.mem);
    } else {
        op_loc(x, OPC_CMP | w, c->a.reg, &c->b);
    }
}

unsigned x86_compare(X86 *x, const Compare *c)
{
    const TCGOp *op = x86_op(x);

    if (!c->done) {
        compare_locs(x, c);
        x->flags.kind = is_test(c->cond) ? FLAGS_OTHER : FLAGS_CMP;
        x->flags.is64 = c->is64;
        x->flags.a = op->in[0].temp;
        x->flags.b = op->in[1].temp;
        x->flags.d = TCG_NO_TEMP;
    }
    return cond_code[c->cond];
}

/* A byte that only the next op looks at, to put it into another value. */
static bool only_inserted(const X86 *x)
{
    const TCGOp *ops = x->s->ops;
    unsigned i = x->op + 1, d = ops[x->op].d.temp;

    while (i < x->s->num_ops && ops[i].opc == TCG_get) {
        i++;
    }
    return i < x->s->num_ops && ops[i].opc == TCG_deposit_i32 &&
           !x->folded[i] && ops[i].k[1] == 8 && ops[i].in[1].temp == d &&
           ops[i].in[0].temp != d && x->next_in[i][1] == 0;
}

static void emit_setcond(X86 *x, const OpRow *row)
{
    Compare c = x86_prepare_compare(x, (TCGCond)x86_op(x)->k[0], row->is64);
    unsigned d, cc;
    bool clear;

    x86_consume(x);
    d = x86_def(x, NO_REG, 0);
    if (only_inserted(x)) {
        cc = x86_compare(x, &c);
        asm_setcc(&x->as, cc, d);
        return;
    }
    clear = !c.done && !is_reg(&c.a, d) && !is_reg(&c.b, d);
    if (clear) {
        asm_mov_ri(&x->as, d, 0, true);
    }
    cc = x86_compare(x, &c);
    asm_setcc(&x->as, cc, d);
    if (!clear) {
        asm_rr(&x->as, OPC_MOVZX8 | RM8, d, d);
    }
}

static void emit_movcond(X86 *x, const OpRow *row)
{
    bool is64 = row->is64;
    Compare c = x86_prepare_compare(x, (TCGCond)x86_op(x)->k[0], is64);
    Loc yes = use_rm(x, 2), no = x86_use(x, 3);
    unsigned d, cc;

    x86_consume(x);
    d = x86_def(x, no.kind == LOC_REG ? no.reg : NO_REG,
                no.kind == LOC_REG ? 0 : reg_bit(&yes));
    cc = x86_compare(x, &c);
    if (is_reg(&yes, d) && !is_reg(&no, d)) {
        op_loc(x, MAP_0F | 0x40 | (cc ^ 1) | rex_w(is64), d, &no);
    } else {
        x86_mov_loc(x, d, &no, type_of(is64));
        op_loc(x, MAP_0F | 0x40 | cc | rex_w(is64), d, &yes);
    }
}

/* -- Vectors ----------------------------------------------------------------- */

/* ext: commutative. */
static void emit_vec(X86 *x, const OpRow *row)
{
    unsigned a = x86_use_reg(x, x86_op(x)->in[0].temp), b, d;
    Loc m = x86_use(x, 1);

    x86_consume(x);
    if (x->avx) {
        d = x86_def(x, a, 0);
        if (m.kind == LOC_MEM) {
            asm_vex_rm(&x->as, row->opc, d, a, m.mem);
        } else {
            asm_vex_rr(&x->as, row->opc, d, a, m.reg);
        }
        return;
    }
    b = m.kind == LOC_REG ? m.reg : NO_REG;
    d = x86_def(x, a, b != NO_REG && b != a ? BIT(b) : 0);
    if (d != a) {
        asm_rr(&x->as, OPC_MOVAPS_LOAD, d, a);
    }
    op_loc(x, row->opc, d, &m);
}

/* SDM vol. 2A, COMISD: unordered is ZF, PF and CF, less CF, equal ZF. */
static void emit_vcmp(X86 *x, const OpRow *row)
{
    const TCGOp *op = x86_op(x);
    uint32_t codes = (uint32_t)op->k[1];
    unsigned a = x86_use_reg(x, op->in[0].temp), t, d;
    Loc b = x86_use(x, 1);

    t = x86_scratch(x, 0);
    x86_consume(x);
    d = x86_def(x, NO_REG, BIT(t));
    op_loc(x, row->opc | (op->k[0] ? 0x2f : 0x2e), a, &b);
    asm_mov_ri(&x->as, d, codes << 28, false);
    asm_mov_ri(&x->as, t, (codes >> 4) << 28, false);
    asm_rr(&x->as, MAP_0F | 0x40 | CC_B, d, t);
    asm_mov_ri(&x->as, t, (codes >> 8) << 28, false);
    asm_rr(&x->as, MAP_0F | 0x40 | CC_E, d, t);
    asm_mov_ri(&x->as, t, (codes >> 12) << 28, false);
    asm_rr(&x->as, MAP_0F | 0x40 | CC_P, d, t);
}

/* -- tcg_x86() --------------------------------------------------------------- */

_Static_assert((int)TCG_X86_0F == (int)MAP_0F && (int)TCG_X86_0F3A == (int)MAP_0F3A &&
               (int)TCG_X86_66 == (int)PRE_66 && (int)TCG_X86_F2 == (int)PRE_F2,
               "opcodes are passed on");

static void host_insn(X86 *x, unsigned reg, unsigned vvvv, const Loc *rm)
{
    uint32_t k = (uint32_t)x86_op(x)->k[0], opc = k & (MAP_MASK | PRE_MASK | 0xff);

    if (x->avx && rm->kind == LOC_MEM) {
        asm_vex_rm(&x->as, opc, reg, vvvv, rm->mem);
    } else if (x->avx) {
        asm_vex_rr(&x->as, opc, reg, vvvv, rm->reg);
    } else {
        op_loc(x, opc, reg, rm);
    }
    if (k & TCG_X86_IMM8) {
        asm_byte(&x->as, k >> 16 & 0xff);
    }
}

/* d holds a, or VEX has a third operand. */
static unsigned def_copy(X86 *x, unsigned a, RegMask avoid)
{
    unsigned d = x86_def(x, a, x->avx ? 0 : avoid);

    if (!x->avx && d != a) {
        asm_rr(&x->as, OPC_MOVAPS_LOAD, d, a);
    }
    return d;
}

static void emit_x86_v(X86 *x, const OpRow *row)
{
    uint32_t k = (uint32_t)x86_op(x)->k[0];
    Loc a;

    (void)row;
    if (k & TCG_X86_DIGIT) {            /* vvvv, or r/m, is the destination */
        unsigned r = x86_use_reg(x, x86_op(x)->in[0].temp), d;

        x86_consume(x);
        d = def_copy(x, r, 0);
        a = (Loc){ .kind = LOC_REG, .reg = (uint8_t)(x->avx ? r : d) };
        host_insn(x, k >> 25 & 7, d, &a);
        return;
    }
    a = x86_use(x, 0);
    x86_consume(x);
    host_insn(x, x86_def(x, a.kind == LOC_REG ? a.reg : NO_REG, 0), 0, &a);
}

/* The moves between registers are other instructions if one is memory. */
static bool is_move(uint32_t k)
{
    unsigned opcode = k & (MAP_MASK | 0xff);

    return opcode == (MAP_0F | 0x10) || opcode == (MAP_0F | 0x12) || opcode == (MAP_0F | 0x16);
}

static void emit_x86_vv(X86 *x, const OpRow *row)
{
    const TCGOp *op = x86_op(x);
    unsigned a = x86_use_reg(x, op->in[0].temp);
    Loc b = is_move((uint32_t)op->k[0])
            ? (Loc){ .kind = LOC_REG, .reg = (uint8_t)x86_use_reg(x, op->in[1].temp) }
            : x86_use(x, 1);

    (void)row;
    x86_consume(x);
    host_insn(x, def_copy(x, a, is_reg(&b, a) ? 0 : reg_bit(&b)), a, &b);
}

static void emit_x86_iv(X86 *x, const OpRow *row)
{
    Loc a = use_rm(x, 0);

    (void)row;
    x86_consume(x);
    host_insn(x, x86_def(x, NO_REG, 0), 0, &a);
}

static void emit_x86_viv(X86 *x, const OpRow *row)
{
    unsigned a = x86_use_reg(x, x86_op(x)->in[0].temp);
    Loc b = use_rm(x, 1);

    (void)row;
    x86_consume(x);
    host_insn(x, def_copy(x, a, 0), a, &b);
}

static void emit_x86_vi(X86 *x, const OpRow *row)
{
    const uint32_t movd = MAP_0F | PRE_66 | 0x7e;
    uint32_t opc = (uint32_t)x86_op(x)->k[0] & (MAP_MASK | PRE_MASK | 0xff);
    unsigned a = x86_use_reg(x, x86_op(x)->in[0].temp), d;

    (void)row;
    x86_consume(x);
    d = x86_def(x, NO_REG, 0);
    if (opc == movd) {
        asm_rr(&x->as, opc, a, d);
    } else {
        Loc l = { .kind = LOC_REG, .reg = (uint8_t)a };

        host_insn(x, d, 0, &l);
    }
}

static void emit_x86_i(X86 *x, const OpRow *row)
{
    uint32_t opc = (uint32_t)x86_op(x)->k[0] & (MAP_MASK | PRE_MASK | 0xff);
    Loc a = use_rm(x, 0);

    (void)row;
    x86_consume(x);
    op_loc(x, opc, x86_def(x, a.kind == LOC_REG ? a.reg : NO_REG, 0), &a);
}

static void emit_x86_ii(X86 *x, const OpRow *row)
{
    uint32_t opc = (uint32_t)x86_op(x)->k[0] & (MAP_MASK | PRE_MASK | 0xff);
    unsigned a = x86_use_reg(x, x86_op(x)->in[0].temp), d;
    Loc b = use_rm(x, 1);

    (void)row;
    x86_consume(x);
    d = x86_def(x, a, is_reg(&b, a) ? 0 : reg_bit(&b));
    if (d != a) {
        asm_mov_rr(&x->as, false, d, a);
    }
    op_loc(x, opc, d, &b);
}

/* SDM vol. 2A, LAHF: SF ZF 0 AF 0 PF 1 CF; comparisons clear SF and AF. */
static void fetch_flags(X86 *x, unsigned d)
{
    asm_byte(&x->as, 0x9f);
    asm_rr(&x->as, OPC_MOVZX8, RAX, RAX + 4);
    asm_alu_ri(&x->as, ALU_AND, false, RAX, 0x45);
    if (d != RAX) {
        asm_mov_rr(&x->as, false, d, RAX);
    }
}

static void emit_x86_cmp(X86 *x, const OpRow *row)
{
    unsigned a = x86_use_reg(x, x86_op(x)->in[0].temp), d;
    Loc b = x86_use(x, 1);

    (void)row;
    x86_reserve(x, RAX);
    x86_consume(x);
    d = x86_def(x, RAX, 0);
    host_insn(x, a, 0, &b);
    fetch_flags(x, d);
}

static void emit_x87(X86 *x, const OpRow *row)
{
    const TCGOp *op = x86_op(x);
    unsigned opcode = op->k[0] & 0xff, modrm = op->k[0] >> 8 & 0xff;

    (void)row;
    if (modrm >= 0xc0) {
        asm_byte(&x->as, opcode);
        asm_byte(&x->as, modrm);
    } else {
        asm_rm(&x->as, opcode, modrm >> 3 & 7, x86_env((uint32_t)op->k[1]));
    }
}

/* fcmovne, as ZF is what a test of the condition gives */
static void emit_x87_cmov(X86 *x, const OpRow *row)
{
    unsigned r = x86_use_reg(x, x86_op(x)->in[0].temp);

    (void)row;
    asm_rr(&x->as, OPC_TEST, r, r);
    asm_byte(&x->as, 0xdb);
    asm_byte(&x->as, 0xc8 | (unsigned)x86_op(x)->k[0]);
    x86_consume(x);
}

static void emit_x87_get(X86 *x, const OpRow *row)
{
    const TCGOp *op = x86_op(x);
    unsigned d;

    x86_reserve(x, RAX);
    d = x86_def(x, RAX, 0);
    asm_byte(&x->as, row->opc ? row->opc : op->k[0] & 0xff);
    asm_byte(&x->as, row->opc ? 0xe0 : op->k[0] >> 8 & 0xff);
    if (row->opc) {                     /* fnstsw ax */
        asm_rr(&x->as, OPC_MOVZX16, d, RAX);
    } else {
        fetch_flags(x, d);
    }
}

/* -- env --------------------------------------------------------------------- */

/* A field that only the next op looks at can be compared there. */
static bool only_compared(X86 *x)
{
    const TCGOp *op = x86_op(x), *next = op + 1;

    return x->op + 1u < x->s->num_ops &&
           (next->opc == TCG_brcond_i32 || next->opc == TCG_cold_i32) &&
           next->in[0].temp == op->d.temp && next->in[1].temp != op->d.temp &&
           x->next_in[x->op + 1][0] == 0;
}

static void emit_ld(X86 *x, const OpRow *row)
{
    const TCGOp *op = x86_op(x);

    if (only_compared(x)) {
        x86_def_lazy(x, TEMP_ENV_FIELD, op->k[0]);
        x->t[op->d.temp].field = (uint16_t)row->opc;
    } else {
        asm_rm(&x->as, row->opc, x86_def(x, NO_REG, 0),
               x86_env((uint32_t)op->k[0]));
    }
}

/* ext: log2 of the size. */
static void emit_st(X86 *x, const OpRow *row)
{
    Mem m = x86_env((uint32_t)x86_op(x)->k[0]);
    Loc a = x86_use_imm32(x, 0, row->is64);

    if (a.kind == LOC_MEM) {
        a = (Loc){ .kind = LOC_REG,
                   .reg = (uint8_t)x86_use_reg(x, x86_op(x)->in[0].temp) };
    }
    if (a.kind == LOC_REG) {
        asm_rm(&x->as, row->opc, a.reg, m);
    } else if (row->ext == 0) {
        asm_rm(&x->as, 0xc6, 0, m);
        asm_byte(&x->as, (uint8_t)a.k);
    } else if (row->ext == 1) {
        asm_rm(&x->as, 0xc7 | PRE_66, 0, m);
        asm_byte(&x->as, (uint8_t)a.k);
        asm_byte(&x->as, (uint8_t)(a.k >> 8));
    } else {
        asm_mov_mi(&x->as, row->is64, m, (int32_t)a.k);
    }
    x86_consume(x);
}

static void emit_env_ptr(X86 *x, const OpRow *row)
{
    (void)row;
    x86_def_lazy(x, TEMP_ENV_PTR, x86_op(x)->k[0]);
}

static void emit_get(X86 *x, const OpRow *row)
{
    (void)row;
    x86_get(x);
}

static void emit_set(X86 *x, const OpRow *row)
{
    (void)row;
    x86_set(x);
}

/* -- The table --------------------------------------------------------------- */

#define BOTH(name, fn, opc, ext)                                            \
    [TCG_##name##_i32] = { fn, opc, 0, ext },                               \
    [TCG_##name##_i64] = { fn, opc, 1, ext }
/* The same with an opcode that needs REX.W in its i64 form. */
#define BOTH_W(name, fn, opc)                                               \
    [TCG_##name##_i32] = { fn, opc, 0, 0 },                                 \
    [TCG_##name##_i64] = { fn, (opc) | REX_W, 1, 0 }
#define VEC_ROW(name, opc, comm) [TCG_##name] = { emit_vec, MAP_0F | (opc), 0, comm }

static const OpRow rows[TCG_NUM_OPS] = {
    BOTH(add,    emit_add,   0, 0),
    BOTH(sub,    emit_sub,   0, 0),
    BOTH(mul,    emit_mul,   0, 0),
    BOTH(and,    emit_logic, ALU_AND, 0),
    BOTH(or,     emit_logic, ALU_OR, 0),
    BOTH(xor,    emit_logic, ALU_XOR, 0),
    BOTH(andc,   emit_andc,  0, 0),
    BOTH(shl,    emit_shift, SH_SHL, 1),
    BOTH(shr,    emit_shift, SH_SHR, 3),
    BOTH(sar,    emit_shift, SH_SAR, 2),
    BOTH(rotl,   emit_shift, SH_ROL, 0),
    BOTH(rotr,   emit_shift, SH_ROR, 0),
    BOTH(neg,    emit_group3, 3, 0),
    BOTH(not,    emit_group3, 2, 0),
    BOTH(ext8u,  emit_move_extend, OPC_MOVZX8 | RM8, 0),
    BOTH_W(ext8s, emit_move_extend, OPC_MOVSX8 | RM8),
    BOTH(ext16u, emit_move_extend, OPC_MOVZX16, 0),
    BOTH_W(ext16s, emit_move_extend, OPC_MOVSX16),
    BOTH(clz,    emit_count_zeros, MAP_0F | 0xbd, 1),
    BOTH(ctz,    emit_count_zeros, MAP_0F | 0xbc, 0),
    BOTH(bswap,  emit_bswap, 0, 0),

    VEC_ROW(vand,     PRE_66 | 0xdb, 1),
    VEC_ROW(vor,      PRE_66 | 0xeb, 1),
    VEC_ROW(vxor,     PRE_66 | 0xef, 1),
    VEC_ROW(vandn,    PRE_66 | 0xdf, 0),
    VEC_ROW(vadd8,    PRE_66 | 0xfc, 1),
    VEC_ROW(vadd16,   PRE_66 | 0xfd, 1),
    VEC_ROW(vadd32,   PRE_66 | 0xfe, 1),
    VEC_ROW(vadd64,   PRE_66 | 0xd4, 1),
    VEC_ROW(vsub8,    PRE_66 | 0xf8, 0),
    VEC_ROW(vsub16,   PRE_66 | 0xf9, 0),
    VEC_ROW(vsub32,   PRE_66 | 0xfa, 0),
    VEC_ROW(vsub64,   PRE_66 | 0xfb, 0),
    VEC_ROW(vcmpeq8,  PRE_66 | 0x74, 1),
    VEC_ROW(vcmpeq16, PRE_66 | 0x75, 1),
    VEC_ROW(vcmpeq32, PRE_66 | 0x76, 1),
    VEC_ROW(vmul16,   PRE_66 | 0xd5, 1),
    VEC_ROW(vaddps,   0x58, 0),
    VEC_ROW(vsubps,   0x5c, 0),
    VEC_ROW(vmulps,   0x59, 0),
    VEC_ROW(vdivps,   0x5e, 0),
    VEC_ROW(vaddpd,   PRE_66 | 0x58, 0),
    VEC_ROW(vsubpd,   PRE_66 | 0x5c, 0),
    VEC_ROW(vmulpd,   PRE_66 | 0x59, 0),
    VEC_ROW(vdivpd,   PRE_66 | 0x5e, 0),
    VEC_ROW(vaddss,   PRE_F3 | 0x58, 0),
    VEC_ROW(vsubss,   PRE_F3 | 0x5c, 0),
    VEC_ROW(vmulss,   PRE_F3 | 0x59, 0),
    VEC_ROW(vdivss,   PRE_F3 | 0x5e, 0),
    VEC_ROW(vaddsd,   PRE_F2 | 0x58, 0),
    VEC_ROW(vsubsd,   PRE_F2 | 0x5c, 0),
    VEC_ROW(vmulsd,   PRE_F2 | 0x59, 0),
    VEC_ROW(vdivsd,   PRE_F2 | 0x5e, 0),

    [TCG_vcmpss] = { emit_vcmp, MAP_0F, 0, 0 },
    [TCG_vcmpsd] = { emit_vcmp, MAP_0F | PRE_66, 0, 0 },
    [TCG_x86_v] = { emit_x86_v, 0, 0, 0 },
    [TCG_x86_vv] = { emit_x86_vv, 0, 0, 0 },
    [TCG_x86_iv] = { emit_x86_iv, 0, 0, 0 },
    [TCG_x86_viv] = { emit_x86_viv, 0, 0, 0 },
    [TCG_x86_vi] = { emit_x86_vi, 0, 0, 0 },
    [TCG_x87] = { emit_x87, 0, 0, 0 },
    [TCG_x87_cmov] = { emit_x87_cmov, 0, 0, 0 },
    [TCG_x87_sw] = { emit_x87_get, 0xdf, 0, 0 },
    [TCG_x87_cmp] = { emit_x87_get, 0, 0, 0 },
    [TCG_x86_cmp] = { emit_x86_cmp, 0, 0, 0 },
    [TCG_x86_i] = { emit_x86_i, 0, 0, 0 },
    [TCG_x86_ii] = { emit_x86_ii, 0, 0, 0 },
    BOTH(setcond,  emit_setcond, 0, 0),
    BOTH(movcond,  emit_movcond, 0, 0),
    BOTH(extract,  emit_extract, 0, 0),
    BOTH(sextract, emit_extract, 0, 1),
    BOTH(deposit,  emit_deposit, 0, 0),
    [TCG_extu_i32_i64] = { emit_extu, 0, 0, 0 },
    [TCG_exts_i32_i64] = { emit_move_extend, OPC_MOVSXD, 1, 0 },
    [TCG_trunc_i64_i32] = { emit_trunc, OPC_MOV_LOAD, 0, 0 },
    [TCG_muluh_i32] = { emit_mulh32, 0, 0, 0 },
    [TCG_mulsh_i32] = { emit_mulh32, 0, 0, 1 },
    [TCG_muluh_i64] = { emit_mulh64, 4, 1, 0 },
    [TCG_mulsh_i64] = { emit_mulh64, 5, 1, 0 },

    [TCG_get] = { emit_get, 0, 0, 0 },
    [TCG_set] = { emit_set, 0, 0, 0 },
    [TCG_env_ptr] = { emit_env_ptr, 0, 0, 0 },
    [TCG_ld8u]  = { emit_ld, OPC_MOVZX8, 0, 0 },
    [TCG_ld8s]  = { emit_ld, OPC_MOVSX8, 0, 0 },
    [TCG_ld16u] = { emit_ld, OPC_MOVZX16, 0, 0 },
    [TCG_ld16s] = { emit_ld, OPC_MOVSX16, 0, 0 },
    [TCG_ld32]  = { emit_ld, OPC_MOV_LOAD, 0, 0 },
    [TCG_ld64]  = { emit_ld, OPC_MOV_LOAD | REX_W, 1, 0 },
    [TCG_ldv]   = { emit_ld, OPC_MOVAPS_LOAD, 0, 0 },
    [TCG_ldvs]  = { emit_ld, MAP_0F | PRE_F3 | 0x10, 0, 0 },
    [TCG_ldvd]  = { emit_ld, MAP_0F | PRE_F2 | 0x10, 0, 0 },
    [TCG_st8]   = { emit_st, OPC_MOV_STORE8, 0, 0 },
    [TCG_st16]  = { emit_st, OPC_MOV_STORE16, 0, 1 },
    [TCG_st32]  = { emit_st, OPC_MOV_STORE, 0, 2 },
    [TCG_st64]  = { emit_st, OPC_MOV_STORE | REX_W, 1, 3 },
    [TCG_stv]   = { emit_st, OPC_MOVAPS_STORE, 0, 4 },
    [TCG_stvs]  = { emit_st, MAP_0F | PRE_F3 | 0x11, 0, 4 },
    [TCG_stvd]  = { emit_st, MAP_0F | PRE_F2 | 0x11, 0, 4 },
};

/* Operations that leave the host's flags alone, or look at them. */
static bool keeps_flags(const TCGOp *op)
{
    switch (op->opc) {
    case TCG_deposit_i32:
        return op->k[0] == 0 && (op->k[1] == 8 || op->k[1] == 16);
    case TCG_get: case TCG_set: case TCG_env_ptr:
    case TCG_setcond_i32: case TCG_setcond_i64:
    case TCG_movcond_i32: case TCG_movcond_i64:
        return true;
    default:
        return false;
    }
}

/* False if the operation is of another kind. */
bool x86_value_op(X86 *x)
{
    const TCGOp *op = x86_op(x);
    const OpRow *row = &rows[op->opc];

    if (!row->emit) {
        return false;
    }
    if (!keeps_flags(op)) {
        x->flags.kind = FLAGS_NONE;
    }
    row->emit(x, row);
    return true;
}
