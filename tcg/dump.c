/* SPDX-License-Identifier: MIT */
/*
 * The operation list as text: one operation a line, result first, constants
 * and globals by value and name instead of by temporary.
 *
 *       ---- 0x08048100
 *      get         t3, eax
 *      add_i32     t5, t3, $0x10
 *      set         eax, t5
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "tcg/backend.h"

static const char *const cond_names[] = {
    "eq", "ne", "lt", "ge", "le", "gt", "ltu", "geu", "leu", "gtu",
    "tsteq", "tstne",
};

typedef struct Line {
    char text[160];
    unsigned len;
    bool any;                           /* an operand was printed */
} Line;

static void __attribute__((format(printf, 2, 3)))
add(Line *l, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(l->text + l->len, sizeof(l->text) - l->len, fmt, ap);
    va_end(ap);
    l->len += n < 0 ? 0 : (unsigned)n;
    if (l->len > sizeof(l->text) - 1) {
        l->len = sizeof(l->text) - 1;
    }
}

static void comma(Line *l)
{
    if (l->any) {
        add(l, ", ");
    }
    l->any = true;
}

static void add_value(Line *l, const TCGContext *s, TCGv v)
{
    comma(l);
    if (s->temp_is_const[v.temp]) {
        add(l, "$0x%" PRIx64, s->temp_k[v.temp]);
    } else {
        add(l, "t%u", v.temp);
    }
}

static void add_memop(Line *l, uint64_t memop)
{
    static const char *const sizes[8] = { "8", "16", "32", "64", "128" };

    bool wide = (memop & MO_SIZE) == MO_64;

    comma(l);
    add(l, "%s%s%s%s%s%s%s", memop & MO_SIGN && !wide ? "s" : "u", sizes[memop & MO_SIZE],
        memop & MO_I64 ? ".i64" : "", memop & MO_BSWAP ? ".bswap" : "",
        !(memop & MO_ALIGN) ? "" : wide && memop & MO_SIGN ? ".align4" : ".align",
        memop & MO_RMW ? ".rmw" : "", memop & MO_VEC ? ".vec" : "");
}

static void add_consts(Line *l, const TCGContext *s, const TCGOp *op)
{
    switch (op->opc) {
    case TCG_get:
        comma(l);
        add(l, "%s", s->target->globals[op->k[0]].name);
        break;
    case TCG_setcond_i32: case TCG_setcond_i64:
    case TCG_movcond_i32: case TCG_movcond_i64:
        comma(l);
        add(l, "%s", cond_names[op->k[0]]);
        break;
    case TCG_brcond_i32: case TCG_brcond_i64:
        comma(l);
        add(l, "%s, L%u", cond_names[op->k[0]], (unsigned)op->k[1]);
        break;
    case TCG_cold_i32:
        comma(l);
        add(l, "%s, 0x%x", cond_names[op->k[0]], (unsigned)op->k[1]);
        break;
    case TCG_vredo:
        comma(l);
        add(l, "%s, 0x%x", op->k[0] == TCG_DOUBT_F32 ? "f32" : op->k[0] == TCG_DOUBT_F64 ? "f64"
                           : "int", (unsigned)op->k[1]);
        break;
    case TCG_label: case TCG_br:
        comma(l);
        add(l, "L%u", (unsigned)op->k[0]);
        break;
    case TCG_qemu_ld: case TCG_qemu_st:
        add_memop(l, op->k[0]);
        comma(l);
        add(l, "mmu%u", (unsigned)op->k[1]);
        break;
    case TCG_call:
        break;
    default:
        for (unsigned i = 0; i < tcg_op_defs[op->opc].consts; i++) {
            comma(l);
            add(l, "0x%" PRIx64, op->k[i]);
        }
        break;
    }
}

static void format_op(Line *l, const TCGContext *s, const TCGOp *op)
{
    const TCGOpDef *def = &tcg_op_defs[op->opc];

    if (op->opc == TCG_insn_start) {
        add(l, " ---- 0x%08x 0x%x\n", (unsigned)op->k[0], (unsigned)op->k[1]);
        return;
    }
    add(l, "%-12s ", op->opc == TCG_call ? tcg_op_helper(op)->name : def->name);
    if (def->outs && op->d.temp != TCG_NO_TEMP) {
        comma(l);
        add(l, "t%u", op->d.temp);
    }
    if (op->opc == TCG_set) {
        comma(l);
        add(l, "%s", s->target->globals[op->k[0]].name);
    }
    for (unsigned i = 0; i < tcg_op_ins(op); i++) {
        add_value(l, s, op->in[i]);
    }
    if (op->opc != TCG_set) {
        add_consts(l, s, op);
    }
    add(l, "\n");
}

void tcg_dump_ops(const TCGContext *s, void (*put)(void *opaque, const char *),
                  void *opaque)
{
    for (unsigned i = 0; i < s->num_ops; i++) {
        if (s->ops[i].opc != TCG_nop) {
            Line l = { .len = 0 };

            format_op(&l, s, &s->ops[i]);
            put(opaque, l.text);
        }
    }
}
