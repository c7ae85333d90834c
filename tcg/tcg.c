/* SPDX-License-Identifier: MIT */
/*
 * Context, operation table and emitters.
 *
 * An emitter appends one TCGOp and returns its new temporary; it checks types
 * and nothing else: all cleverness is in opt.c, so that -d op shows what the
 * front end said.  But equal constants share a temporary; and, unless opt=off, the
 * get() of a global whose value is known is that value, the set() to it nothing: what
 * is not made need not be dropped.
 */
#include "tcg/tcg.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tcg/backend.h"
#include "util/mem.h"

#define COMM  TCG_COMM
#define SIDE  TCG_SIDE
#define END   TCG_END
#define FAULT TCG_FAULT
#define LOOK  TCG_LOOK

const TCGOpDef tcg_op_defs[TCG_NUM_OPS] = {
#define ARITH(name, flags, value) \
    { #name "_i32", 1, 2, 0, flags }, { #name "_i64", 1, 2, 0, flags },
#define UNARY(name, flags, value) \
    { #name "_i32", 1, 1, 0, flags }, { #name "_i64", 1, 1, 0, flags },
#define VEC(name, flags, lane, value) { #name, 1, 2, 0, flags },
#define VSCALAR(name, lane, value) { #name, 1, 2, 0, 0 },
#define OP(name, outs, ins, consts, flags) { #name, outs, ins, consts, flags },
#include "tcg/tcg-ops.def"
};

_Static_assert(sizeof(TCGOp) == 32, "two operations per cache line");

/* -- Contexts ---------------------------------------------------------------- */

TCGContext *tcg_context_new(const TCGTarget *target, const TCGBackend *backend,
                            bool no_pin, uint8_t *code, size_t len,
                            size_t *used)
{
    TCGContextImpl *impl = xzalloc_huge(sizeof(*impl));
    long size;

    assert(target->num_globals <= TCG_MAX_GLOBALS);
    impl->pub.target = target;
    impl->pub.backend = backend;
    impl->pub.no_pin = no_pin;
    impl->pub.x86_ops = backend->x86_ops;
    impl->pub.can_check = backend->can_check;
    size = backend->init(&impl->pub, code, len);
    assert(size >= 0);
    *used = (size_t)size;
    tcg_begin(&impl->pub);
    return &impl->pub;
}

void tcg_context_free(TCGContext *s)
{
    if (s) {
        s->backend->free(s);
        free((TCGContextImpl *)s);
    }
}

void tcg_begin(TCGContext *s)
{
    TCGContextImpl *impl = (TCGContextImpl *)s;

    impl->num_blocks++;
    impl->num_insns = 0;
    impl->known_globals = 0;
    s->num_ops = s->num_temps = s->num_labels = s->num_accesses = 0;
    s->check[0].len = s->check[1].len = 0;
}

bool tcg_room(const TCGContext *s)
{
    const TCGContextImpl *impl = (const TCGContextImpl *)s;

    return s->num_ops + 512 <= TCG_MAX_OPS &&
           s->num_temps + 512 <= TCG_MAX_TEMPS &&
           s->num_labels + 32 <= TCG_MAX_LABELS &&
           impl->num_insns < TCG_MAX_INSNS;
}

int tcg_gen_code(TCGContext *s, uint8_t *code, size_t len, const void *tb,
                 TCGCode *out)
{
    assert(((uintptr_t)tb & TB_EXIT_MASK) == 0);
    if (!s->no_opt) {
        tcg_optimize(s, &((TCGContextImpl *)s)->opt);
    }
    if (s->optimized) {
        s->optimized(s);
    }
    memset(out->jump, 0xff, sizeof(out->jump));
    out->num_insns = 0;
    return s->backend->gen_code(s, code, len, tb, out);
}

void tcg_patch_jump(const TCGContext *s, uint8_t *code, uint32_t jump,
                    const uint8_t *target)
{
    s->backend->patch_jump(s, code, jump, target);
}

bool tcg_can_copy(const TCGContext *s)
{
    return s->backend->jump_word;
}

uint32_t tcg_jump_word(const TCGContext *s, const uint8_t *code, uint32_t jump)
{
    return s->backend->jump_word(code, jump);
}

uintptr_t tcg_qemu_tb_exec(const TCGContext *s, void *env,
                           const uint8_t *tc_ptr)
{
    return s->backend->exec(s, env, tc_ptr);
}

uintptr_t tcg_helper_ra(const TCGContext *s, uintptr_t ra)
{
    return s->backend->helper_ra(s, ra);
}

/* -- Appending --------------------------------------------------------------- */

static TCGOp *append(TCGContext *s, TCGOpcode opc)
{
    assert(s->num_ops < TCG_MAX_OPS);
    TCGOp *op = &s->ops[s->num_ops++];

    *op = (TCGOp){ .opc = (uint16_t)opc };
    return op;
}

static void forget_globals(TCGContext *s)
{
    ((TCGContextImpl *)s)->known_globals = 0;
}

/* A basic block ends. */
static TCGOp *append_end(TCGContext *s, TCGOpcode opc)
{
    forget_globals(s);
    return append(s, opc);
}

static TCGv new_temp(TCGContext *s, TCGType type)
{
    assert(s->num_temps < TCG_MAX_TEMPS);
    s->temp_type[s->num_temps] = (uint8_t)type;
    s->temp_is_const[s->num_temps] = false;
    return (TCGv){ s->num_temps++ };
}

static TCGType type_of(const TCGContext *s, TCGv v)
{
    assert(v.temp < s->num_temps);
    return (TCGType)s->temp_type[v.temp];
}

static TCGv emit(TCGContext *s, TCGOpcode opc, TCGType type, uint64_t k0,
                 uint64_t k1, TCGv a, TCGv b)
{
    TCGOp *op = append(s, opc);

    op->d = new_temp(s, type);
    op->in[0] = a;
    op->in[1] = b;
    op->k[0] = k0;
    op->k[1] = k1;
    return op->d;
}

/* opc is the i32 form; the i64 form is the next enumerator. */
static TCGv emit_typed(TCGContext *s, unsigned opc, uint64_t k0, uint64_t k1,
                       TCGv a, TCGv b)
{
    TCGType type = type_of(s, a);

    assert(type != TCG_V128 && type_of(s, b) == type);
    return emit(s, (TCGOpcode)(opc + (type == TCG_I64)), type, k0, k1, a, b);
}

static TCGv emit_unary(TCGContext *s, unsigned opc, uint64_t k0, uint64_t k1,
                       TCGv a)
{
    TCGType type = type_of(s, a);

    assert(type != TCG_V128);
    return emit(s, (TCGOpcode)(opc + (type == TCG_I64)), type, k0, k1, a,
                (TCGv){ 0 });
}

static TCGv emit_vec(TCGContext *s, TCGOpcode opc, TCGv a, TCGv b)
{
    assert(type_of(s, a) == TCG_V128 && type_of(s, b) == TCG_V128);
    return emit(s, opc, TCG_V128, 0, 0, a, b);
}

static TCGv emit_cast(TCGContext *s, TCGOpcode opc, TCGType from, TCGType to,
                      TCGv a)
{
    assert(type_of(s, a) == from);
    return emit(s, opc, to, 0, 0, a, (TCGv){ 0 });
}

/* -- Values ------------------------------------------------------------------ */

#define ARITH(name, flags, value)                                           \
    TCGv tcg_##name(TCGContext *s, TCGv a, TCGv b)                          \
    {                                                                       \
        return emit_typed(s, TCG_##name##_i32, 0, 0, a, b);                 \
    }
#define UNARY(name, flags, value)                                           \
    TCGv tcg_##name(TCGContext *s, TCGv a)                                  \
    {                                                                       \
        return emit_unary(s, TCG_##name##_i32, 0, 0, a);                    \
    }
#define VEC(name, flags, lane, value)                                       \
    TCGv tcg_##name(TCGContext *s, TCGv a, TCGv b)                          \
    {                                                                       \
        return emit_vec(s, TCG_##name, a, b);                               \
    }
#define VSCALAR(name, lane, value) VEC(name, 0, lane, value)
#define OP(name, outs, ins, consts, flags)
#include "tcg/tcg-ops.def"

static TCGv constant(TCGContext *s, TCGType type, uint64_t k)
{
    TCGContextImpl *impl = (TCGContextImpl *)s;
    uint64_t hash = (k * 0x9e3779b97f4a7c15ull >> 58) ^ type;
    TCGConstSlot *c = &impl->consts[hash % TCG_CONST_CACHE];

    if (c->block != impl->num_blocks || c->k != k || c->type != type) {
        c->temp = new_temp(s, type).temp;
        s->temp_is_const[c->temp] = true;
        s->temp_k[c->temp] = k;
        c->block = impl->num_blocks;
        c->k = k;
        c->type = (uint8_t)type;
    }
    return (TCGv){ c->temp };
}

TCGv tcg_const(TCGContext *s, uint32_t k)
{
    return constant(s, TCG_I32, k);
}

TCGv tcg_const64(TCGContext *s, uint64_t k)
{
    return constant(s, TCG_I64, k);
}

static TCGv const_like(TCGContext *s, TCGv a, uint64_t k)
{
    return type_of(s, a) == TCG_I32 ? tcg_const(s, (uint32_t)k)
                                    : tcg_const64(s, k);
}

TCGv tcg_addi(TCGContext *s, TCGv a, int64_t k)
{
    return tcg_add(s, a, const_like(s, a, (uint64_t)k));
}

TCGv tcg_andi(TCGContext *s, TCGv a, uint64_t k)
{
    return tcg_and(s, a, const_like(s, a, k));
}

TCGv tcg_ori(TCGContext *s, TCGv a, uint64_t k)
{
    return tcg_or(s, a, const_like(s, a, k));
}

TCGv tcg_xori(TCGContext *s, TCGv a, uint64_t k)
{
    return tcg_xor(s, a, const_like(s, a, k));
}

TCGv tcg_shli(TCGContext *s, TCGv a, unsigned k)
{
    return tcg_shl(s, a, const_like(s, a, k));
}

TCGv tcg_shri(TCGContext *s, TCGv a, unsigned k)
{
    return tcg_shr(s, a, const_like(s, a, k));
}

TCGv tcg_sari(TCGContext *s, TCGv a, unsigned k)
{
    return tcg_sar(s, a, const_like(s, a, k));
}

TCGv tcg_setcond(TCGContext *s, TCGCond c, TCGv a, TCGv b)
{
    return emit_typed(s, TCG_setcond_i32, c, 0, a, b);
}

TCGv tcg_movcond(TCGContext *s, TCGCond c, TCGv a, TCGv b, TCGv yes, TCGv no)
{
    TCGType type = type_of(s, a);

    assert(type_of(s, yes) == type && type_of(s, no) == type);
    TCGv d = emit_typed(s, TCG_movcond_i32, c, 0, a, b);
    TCGOp *op = &s->ops[s->num_ops - 1];

    op->in[2] = yes;
    op->in[3] = no;
    return d;
}

static void check_field(const TCGContext *s, TCGv a, unsigned pos, unsigned len)
{
    unsigned bits = type_of(s, a) == TCG_I32 ? 32 : 64;

    assert(len >= 1 && pos < bits && len <= bits - pos);
}

TCGv tcg_extract(TCGContext *s, TCGv a, unsigned pos, unsigned len)
{
    check_field(s, a, pos, len);
    return emit_unary(s, TCG_extract_i32, pos, len, a);
}

TCGv tcg_sextract(TCGContext *s, TCGv a, unsigned pos, unsigned len)
{
    check_field(s, a, pos, len);
    return emit_unary(s, TCG_sextract_i32, pos, len, a);
}

TCGv tcg_deposit(TCGContext *s, TCGv a, TCGv b, unsigned pos, unsigned len)
{
    check_field(s, a, pos, len);
    return emit_typed(s, TCG_deposit_i32, pos, len, a, b);
}

TCGv tcg_extu64(TCGContext *s, TCGv a)
{
    return emit_cast(s, TCG_extu_i32_i64, TCG_I32, TCG_I64, a);
}

TCGv tcg_exts64(TCGContext *s, TCGv a)
{
    return emit_cast(s, TCG_exts_i32_i64, TCG_I32, TCG_I64, a);
}

TCGv tcg_trunc32(TCGContext *s, TCGv a)
{
    return emit_cast(s, TCG_trunc_i64_i32, TCG_I64, TCG_I32, a);
}

TCGv tcg_muluh(TCGContext *s, TCGv a, TCGv b)
{
    bool is64 = type_of(s, a) == TCG_I64;

    assert(type_of(s, b) == type_of(s, a) && type_of(s, a) != TCG_V128);
    return emit(s, is64 ? TCG_muluh_i64 : TCG_muluh_i32, type_of(s, a), 0, 0,
                a, b);
}

TCGv tcg_mulsh(TCGContext *s, TCGv a, TCGv b)
{
    bool is64 = type_of(s, a) == TCG_I64;

    assert(type_of(s, b) == type_of(s, a) && type_of(s, a) != TCG_V128);
    return emit(s, is64 ? TCG_mulsh_i64 : TCG_mulsh_i32, type_of(s, a), 0, 0,
                a, b);
}

/* -- Guest state ------------------------------------------------------------- */

static void know_global(TCGContext *s, TCGGlobal g, TCGv v)
{
    TCGContextImpl *impl = (TCGContextImpl *)s;

    impl->global_temp[g] = v.temp;
    impl->known_globals |= (uint64_t)!s->no_opt << g;
}

static bool is_known(const TCGContext *s, TCGGlobal g)
{
    return ((const TCGContextImpl *)s)->known_globals >> g & 1;
}

TCGv tcg_get(TCGContext *s, TCGGlobal g)
{
    assert(g < s->target->num_globals);
    if (is_known(s, g)) {
        return (TCGv){ ((TCGContextImpl *)s)->global_temp[g] };
    }
    TCGv v = emit(s, TCG_get, s->target->globals[g].type, g, 0, (TCGv){ 0 }, (TCGv){ 0 });

    know_global(s, g, v);
    return v;
}

void tcg_set(TCGContext *s, TCGGlobal g, TCGv a)
{
    assert(g < s->target->num_globals);
    assert(s->target->globals[g].type == type_of(s, a));
    if (is_known(s, g) && ((TCGContextImpl *)s)->global_temp[g] == a.temp) {
        return;
    }
    know_global(s, g, a);
    TCGOp *op = append(s, TCG_set);

    op->in[0] = a;
    op->k[0] = g;
}

TCGv tcg_env_ptr(TCGContext *s, uint32_t offset)
{
    return emit(s, TCG_env_ptr, TCG_I64, offset, 0, (TCGv){ 0 }, (TCGv){ 0 });
}

static TCGType field_type(TCGOpcode op)
{
    switch (op) {
    case TCG_ld64: case TCG_st64:
        return TCG_I64;
    case TCG_ldv: case TCG_ldvs: case TCG_ldvd:
    case TCG_stv: case TCG_stvs: case TCG_stvd:
        return TCG_V128;
    default:
        return TCG_I32;
    }
}

TCGv tcg_ld(TCGContext *s, TCGOpcode op, uint32_t offset)
{
    assert(op >= TCG_ld8u && op <= TCG_ldvd);
    return emit(s, op, field_type(op), offset, 0, (TCGv){ 0 }, (TCGv){ 0 });
}

void tcg_st(TCGContext *s, TCGOpcode opc, TCGv a, uint32_t offset)
{
    assert(opc >= TCG_st8 && opc <= TCG_stvd);
    assert(type_of(s, a) == field_type(opc));
    TCGOp *op = append(s, opc);

    op->in[0] = a;
    op->k[0] = offset;
}

/* -- Guest memory ------------------------------------------------------------ */

static TCGType memop_type(TCGMemOp op)
{
    unsigned size = op & MO_SIZE;

    assert(size <= MO_128);
    return size == MO_128 || (op & MO_VEC) ? TCG_V128
         : size == MO_64 || (op & MO_I64) ? TCG_I64 : TCG_I32;
}

TCGv tcg_qemu_ld(TCGContext *s, TCGv addr, TCGMemOp op, unsigned mmu_idx)
{
    assert(type_of(s, addr) == TCG_I32);
    s->num_accesses++;
    return emit(s, TCG_qemu_ld, memop_type(op), op, mmu_idx, addr, (TCGv){ 0 });
}

void tcg_qemu_st(TCGContext *s, TCGv addr, TCGv val, TCGMemOp memop,
                 unsigned mmu_idx)
{
    assert(type_of(s, addr) == TCG_I32);
    assert(type_of(s, val) == memop_type(memop));
    TCGOp *op = append(s, TCG_qemu_st);

    s->num_accesses++;
    op->in[0] = addr;
    op->in[1] = val;
    op->k[0] = memop;
    op->k[1] = mmu_idx;
}

/* -- Calls ------------------------------------------------------------------- */

static TCGType letter_type(char c)
{
    assert(c == 'i' || c == 'l');
    return c == 'i' ? TCG_I32 : TCG_I64;
}

TCGv tcg_call_args(TCGContext *s, const TCGHelper *h, const TCGv *args,
                   unsigned num)
{
    if (s->counted) {
        s->counted(s, h);
    }
    TCGOp *op = append(s, TCG_call);
    unsigned n = 0;

    op->k[0] = (uintptr_t)h;
    for (const char *c = h->sig + 1; *c; c++) {
        if (*c != 'e') {
            assert(n < num && type_of(s, args[n]) == letter_type(*c));
            op->in[n] = args[n];
            n++;
        }
    }
    assert(n == num);
    op->k[1] = n;
    op->d = (TCGv){ TCG_NO_TEMP };
    if (!(h->flags & (TCG_CALL_PURE | TCG_CALL_NO_GLOBALS | TCG_CALL_NO_WRITE))) {
        forget_globals(s);
    }
    if (h->sig[0] != 'v') {
        op->d = new_temp(s, letter_type(h->sig[0]));
    }
    return op->d;
}

bool tcg_may_store(const TCGContext *s, unsigned first)
{
    for (unsigned i = first; i < s->num_ops; i++) {
        unsigned opc = s->ops[i].opc;

        if (opc == TCG_qemu_st || opc == TCG_x87_st ||
            (opc == TCG_call && !tcg_op_pure(&s->ops[i]))) {
            return true;
        }
    }
    return false;
}

/* -- Control ----------------------------------------------------------------- */

void tcg_insn_start(TCGContext *s, uint32_t pc, uint32_t word)
{
    TCGContextImpl *impl = (TCGContextImpl *)s;
    TCGOp *op = append(s, TCG_insn_start);

    assert(impl->num_insns < TCG_MAX_INSNS);
    impl->num_insns++;
    op->k[0] = pc;
    op->k[1] = word;
}

TCGLabel tcg_new_label(TCGContext *s)
{
    assert(s->num_labels < TCG_MAX_LABELS);
    s->label_at[s->num_labels] = 0;
    return (TCGLabel){ s->num_labels++ };
}

void tcg_set_label(TCGContext *s, TCGLabel l)
{
    assert(l.id < s->num_labels);
    s->label_at[l.id] = s->num_ops;
    append_end(s, TCG_label)->k[0] = l.id;
}

void tcg_br(TCGContext *s, TCGLabel l)
{
    assert(l.id < s->num_labels);
    append_end(s, TCG_br)->k[0] = l.id;
}

void tcg_brcond(TCGContext *s, TCGCond c, TCGv a, TCGv b, TCGLabel l)
{
    TCGType type = type_of(s, a);

    assert(l.id < s->num_labels);
    assert(type != TCG_V128 && type_of(s, b) == type);
    TCGOp *op = append(s, type == TCG_I32 ? TCG_brcond_i32 : TCG_brcond_i64);

    op->in[0] = a;
    op->in[1] = b;
    op->k[0] = c;
    op->k[1] = l.id;
}

TCGv tcg_vcmp(TCGContext *s, TCGOpcode op, TCGv a, TCGv b, bool signal, unsigned codes)
{
    assert(op == TCG_vcmpss || op == TCG_vcmpsd);
    assert(type_of(s, a) == TCG_V128 && type_of(s, b) == TCG_V128);
    return emit(s, op, TCG_I32, signal, codes, a, b);
}

TCGv tcg_x86(TCGContext *s, TCGOpcode op, uint32_t k, TCGv a, TCGv b)
{
    bool ints = op == TCG_x86_i || op == TCG_x86_ii, from_int = ints || op == TCG_x86_iv;
    bool to_int = ints || op == TCG_x86_vi || op == TCG_x86_cmp;

    assert(s->x86_ops && op >= TCG_x86_v && op <= TCG_x86_ii);
    assert(type_of(s, a) == (from_int ? TCG_I32 : TCG_V128));
    assert(tcg_op_defs[op].ins == 1 ||
           type_of(s, b) == (ints || op == TCG_x86_viv ? TCG_I32 : TCG_V128));
    return emit(s, op, to_int ? TCG_I32 : TCG_V128, k, 0, a, b);
}

void tcg_x87(TCGContext *s, unsigned opcode, unsigned modrm, uint32_t offset)
{
    assert(s->x86_ops);
    TCGOp *op = append(s, TCG_x87);

    op->k[0] = opcode | modrm << 8;
    op->k[1] = offset;
}

void tcg_x87_mem(TCGContext *s, bool store, unsigned opcode, unsigned reg, TCGv addr,
                 TCGMemOp memop, unsigned mmu_idx)
{
    assert(s->x86_ops && type_of(s, addr) == TCG_I32);
    TCGOp *op = append(s, store ? TCG_x87_st : TCG_x87_ld);

    s->num_accesses++;
    op->in[0] = addr;
    op->k[0] = memop;
    op->k[1] = mmu_idx | opcode << 8 | reg << 16;
}

TCGv tcg_x87_get(TCGContext *s, TCGOpcode op, uint32_t k)
{
    assert(s->x86_ops && (op == TCG_x87_sw || op == TCG_x87_cmp));
    return emit(s, op, TCG_I32, k, 0, (TCGv){ 0 }, (TCGv){ 0 });
}

void tcg_x87_cmov(TCGContext *s, unsigned i, TCGv a)
{
    assert(s->x86_ops && type_of(s, a) == TCG_I32);
    TCGOp *op = append(s, TCG_x87_cmov);

    op->in[0] = a;
    op->k[0] = i;
}

void tcg_cold(TCGContext *s, TCGCond c, TCGv a, TCGv b, uint32_t arg)
{
    assert(s->target->cold && type_of(s, a) == TCG_I32 && type_of(s, b) == TCG_I32);
    TCGOp *op = append(s, TCG_cold_i32);

    op->in[0] = a;
    op->in[1] = b;
    op->k[0] = c;
    op->k[1] = arg;
}

TCGv tcg_redo(TCGContext *s, TCGDoubt kind, TCGv a, uint32_t arg)
{
    assert(s->target->redo && type_of(s, a) == TCG_V128);
    return emit(s, TCG_vredo, TCG_V128, kind, arg, a, a);
}

void tcg_goto_tb(TCGContext *s, unsigned slot)
{
    assert(slot < TCG_SLOTS);
    append_end(s, TCG_goto_tb)->k[0] = slot;
}

void tcg_next_tb(TCGContext *s, unsigned slot, uint32_t pc)
{
    assert(slot < TCG_SLOTS && s->target->pc);
    TCGv v = tcg_const(s, pc);
    TCGOp *op = append_end(s, TCG_next_tb);

    op->in[0] = v;
    op->k[0] = slot;
}

void tcg_goto_ptr(TCGContext *s, TCGv pc, uint32_t tag)
{
    assert(type_of(s, pc) == TCG_I32);
    if (s->counted) {
        s->counted(s, NULL);
    }
    TCGOp *op = append_end(s, TCG_goto_ptr);

    op->in[0] = pc;
    op->k[0] = tag;
}

void tcg_goto_known(TCGContext *s, uint32_t pc, uint32_t tag)
{
    tcg_goto_ptr(s, tcg_const(s, pc), tag);
    s->ops[s->num_ops - 1].k[1] = 1;
}

void tcg_exit_tb(TCGContext *s, TBExit how)
{
    append_end(s, TCG_exit_tb)->k[0] = how;
}
