/* SPDX-License-Identifier: MIT */
/*
 * The interpreter back end: runs anywhere, and is the second opinion on every
 * other back end.
 *
 * A block is a stream of 32-bit words in the code buffer:
 *
 *      head       HEAD, tb (2 words)
 *      operation  opc | d << 16, operands two to a word, consts two words each
 *      ...
 *
 * where get and set have the offset and type of their global as constant, and
 * a call has its number of operands in front of them.
 *
 * Constants are loaded right behind the head, so that every one is in its
 * temporary whatever branch is taken.  A label costs nothing; a branch
 * holds its target as a word index into the block.  goto_tb is followed by a
 * pointer, 8-aligned: tcg_patch_jump() stores the next block's stream there.
 * Globals stay in env all the time, so the state is exact at every operation.
 *
 * Float operations run under the guest's MXCSR where the host has one;
 * on other hosts they round to nearest and raise no flags.
 */
#include <assert.h>
#include <fenv.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <xmmintrin.h>
#endif

#include "tcg/backend.h"
#include "tcg/eval.h"

enum { HEAD = TCG_NUM_OPS, PAD, CONST };

typedef struct Interp {
    TCGVec t[TCG_MAX_TEMPS];
    const uint32_t *pos;                /* behind the operation being run */
    uint32_t label[TCG_MAX_LABELS];     /* while encoding: word index */
    struct { uint32_t at, label; } fixup[TCG_MAX_OPS];
    unsigned num_fixups;
} Interp;

/* -- Encoding ---------------------------------------------------------------- */

typedef struct Stream {
    uint32_t *base, *p, *end;
    bool full;
} Stream;

static void put(Stream *w, uint32_t word)
{
    if (w->p == w->end) {
        w->full = true;
    } else {
        *w->p++ = word;
    }
}

static void put64(Stream *w, uint64_t v)
{
    put(w, (uint32_t)v);
    put(w, (uint32_t)(v >> 32));
}

static void encode_label_ref(Interp *in, Stream *w, uint64_t label)
{
    in->fixup[in->num_fixups].at = (uint32_t)(w->p - w->base);
    in->fixup[in->num_fixups++].label = (uint32_t)label;
    put(w, 0);
}

static void encode_goto_tb(Stream *w, const TCGOp *op, TCGCode *out)
{
    if (((uintptr_t)w->p & 7) == 0) {
        put(w, PAD);
    }
    put(w, TCG_goto_tb);
    out->jump[op->k[0]] = (uint32_t)((w->p - w->base) * 4);
    put64(w, 0);
}

static void encode_op(Interp *in, Stream *w, const TCGOp *op)
{
    unsigned ins = tcg_op_ins(op), consts = tcg_op_defs[op->opc].consts;

    put(w, op->opc | (uint32_t)op->d.temp << 16);
    if (op->opc == TCG_call) {
        put(w, ins);
    }
    for (unsigned i = 0; i < ins; i += 2) {
        put(w, op->in[i].temp | (uint32_t)op->in[i + 1].temp << 16);
    }
    switch (op->opc) {
    case TCG_br:
        encode_label_ref(in, w, op->k[0]);
        break;
    case TCG_brcond_i32: case TCG_brcond_i64:
        put(w, (uint32_t)op->k[0]);
        encode_label_ref(in, w, op->k[1]);
        break;
    default:
        for (unsigned i = 0; i < consts; i++) {
            put64(w, op->k[i]);
        }
        break;
    }
}

static void encode(const TCGContext *s, Interp *in, Stream *w, const TCGOp *op,
                   TCGCode *out)
{
    switch (op->opc) {
    case TCG_nop:
        break;
    case TCG_label:
        in->label[op->k[0]] = (uint32_t)(w->p - w->base);
        break;
    case TCG_insn_start:
        out->insns[out->num_insns++] = (TCGInsnStart){
            .code_offset = (uint32_t)((w->p - w->base) * 4),
            .pc = (uint32_t)op->k[0], .word = (uint32_t)op->k[1],
        };
        break;
    case TCG_goto_tb:
        encode_goto_tb(w, op, out);
        break;
    case TCG_next_tb: {
        TCGOp set = { .opc = TCG_set, .in = { op->in[0] }, .k = { s->target->pc - 1u } };
        TCGOp leave = { .opc = TCG_exit_tb, .k = { op->k[0] } };

        encode_goto_tb(w, op, out);
        encode(s, in, w, &set, out);
        encode(s, in, w, &leave, out);
        break;
    }
    case TCG_get: case TCG_set:
        put(w, op->opc | (uint32_t)op->d.temp << 16);
        if (op->opc == TCG_set) {
            put(w, op->in[0].temp);
        }
        put(w, s->target->globals[op->k[0]].offset);
        put(w, s->target->globals[op->k[0]].type);
        break;
    default:
        encode_op(in, w, op);
        break;
    }
}

static int interp_gen_code(TCGContext *s, uint8_t *code, size_t len,
                           const void *tb, TCGCode *out)
{
    Interp *in = s->backend_data;
    Stream w = { .base = (uint32_t *)code, .p = (uint32_t *)code };

    assert(((uintptr_t)code & 3) == 0);
    w.end = w.base + len / 4;
    in->num_fixups = 0;
    put(&w, HEAD);
    put64(&w, (uintptr_t)tb);
    for (unsigned i = 0; i < s->num_temps; i++) {
        if (s->temp_is_const[i]) {
            put(&w, CONST | i << 16);
            put64(&w, s->temp_k[i]);
        }
    }
    for (unsigned i = 0; i < s->num_ops; i++) {
        encode(s, in, &w, &s->ops[i], out);
    }
    if (w.full) {
        return -1;
    }
    for (unsigned i = 0; i < in->num_fixups; i++) {
        w.base[in->fixup[i].at] = in->label[in->fixup[i].label];
    }
    out->size = (uint32_t)((w.p - w.base) * 4);
    return 0;
}

static void interp_patch_jump(const TCGContext *s, uint8_t *code, uint32_t jump,
                              const uint8_t *target)
{
    uint64_t *slot = (uint64_t *)(code + jump);

    (void)s;
    __atomic_store_n(slot, (uintptr_t)target, __ATOMIC_RELEASE);
}

/* -- Running ----------------------------------------------------------------- */

typedef struct Run {                    /* one tcg_qemu_tb_exec() */
    const TCGTarget *target;
    Interp *in;
    uint8_t *env;
    const uint32_t *base, *p;           /* the block and where we are in it */
    uintptr_t tb;
} Run;

static uint64_t word64(const uint32_t *p)
{
    uint64_t v;

    memcpy(&v, p, 8);
    return v;
}

static uint32_t env32(const Run *r, uint32_t offset)
{
    uint32_t v;

    memcpy(&v, r->env + offset, 4);
    return v;
}

static void store_field(uint8_t *p, const TCGVec *v, size_t size)
{
    memcpy(p, v, size);
}

static TCGVec load_field(const uint8_t *p, size_t size)
{
    TCGVec v = { .u64 = { 0, 0 } };

    memcpy(&v, p, size);
    return v;
}

static size_t type_size(uint32_t type)
{
    return type == TCG_I32 ? 4 : type == TCG_I64 ? 8 : 16;
}

static uint64_t extend(uint64_t v, unsigned memop)
{
    unsigned bits = 8u << (memop & MO_SIZE);

    if (bits < 64 && (memop & MO_SIGN)) {
        v = (uint64_t)((int64_t)(v << (64 - bits)) >> (64 - bits));
    }
    return memop & MO_I64 || bits == 64 ? v : (uint32_t)v;
}

static uint64_t swap(uint64_t v, unsigned size)
{
    return __builtin_bswap64(v) >> (64 - 8 * size);
}

/* Host address of a TLB hit, or NULL. */
static uint8_t *tlb_hit(const Run *r, uint32_t addr, unsigned memop,
                        unsigned mmu_idx, bool write)
{
    const TCGSoftMMU *mmu = &r->target->mmu;
    uint32_t size = 1u << (memop & MO_SIZE), align = tcg_alignment(memop);
    uint32_t page_mask = ~0u << mmu->page_bits;
    uint32_t index = addr >> (mmu->page_bits - 4) & env32(r, mmu->mask +
                                                          4 * mmu_idx);
    const uint8_t *entry = r->env + mmu->table + mmu_idx * mmu->table_stride +
                           index;
    uint32_t tag, want;

    memcpy(&tag, entry + (write ? 4 : 0), 4);
    want = (addr + size - align) & (page_mask | (align - 1));
    return tag == want ? (uint8_t *)(addr + word64((const uint32_t *)(entry + 8)))
                       : NULL;
}

static void guest_load(Run *r, TCGVec *d, uint32_t addr, unsigned memop,
                       unsigned mmu_idx)
{
    unsigned size = 1u << (memop & MO_SIZE);
    const uint8_t *p = tlb_hit(r, addr, memop, mmu_idx, memop & MO_RMW);
    const TCGSoftMMU *mmu = &r->target->mmu;
    uintptr_t ra = (uintptr_t)r->p;

    if (p) {
        *d = load_field(p, size);
        if (size <= 8) {
            uint64_t v = memop & MO_BSWAP ? swap(d->u64[0], size) : d->u64[0];

            d->u64[0] = extend(v, memop);
        }
    } else if (size == 16) {
        mmu->ld16(r->env, addr, memop, mmu_idx, ra, d);
    } else {
        uint64_t v = mmu->ld(r->env, addr, memop & ~MO_VEC, mmu_idx, ra);

        d->u64[1] = 0;
        d->u64[0] = memop & MO_I64 || size == 8 ? v : (uint32_t)v;
    }
}

static void guest_store(Run *r, const TCGVec *val, uint32_t addr,
                        unsigned memop, unsigned mmu_idx)
{
    unsigned size = 1u << (memop & MO_SIZE);
    uint8_t *p = tlb_hit(r, addr, memop, mmu_idx, true);
    const TCGSoftMMU *mmu = &r->target->mmu;
    uintptr_t ra = (uintptr_t)r->p;
    TCGVec v = *val;

    if (p) {
        if (memop & MO_BSWAP) {
            v.u64[0] = swap(v.u64[0], size);
        }
        store_field(p, &v, size);
    } else if (size == 16) {
        mmu->st16(r->env, addr, &v, memop, mmu_idx, ra);
    } else {
        mmu->st(r->env, addr, v.u64[0], memop & ~MO_VEC, mmu_idx, ra);
    }
}

/*
 * Every ABI we run on passes u32, u64 and pointers alike, in registers, so one
 * prototype calls them all.
 */
typedef uint64_t AnyHelper(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                           uint64_t);

static void call(Run *r, TCGVec *d, const TCGHelper *h, const TCGVec *const *in)
{
    uint64_t a[6] = { 0 }, v;
    unsigned n = 0;

    for (unsigned i = 0; h->sig[i + 1]; i++) {
        a[i] = h->sig[i + 1] == 'e' ? (uintptr_t)r->env : in[n++]->u64[0];
    }
    v = ((AnyHelper *)h->fn)(a[0], a[1], a[2], a[3], a[4], a[5]);
    if (h->sig[0] != 'v') {
        d->u64[0] = h->sig[0] == 'i' ? (uint32_t)v : v;
    }
}

static void env_load(Run *r, TCGVec *d, TCGOpcode opc, uint64_t offset)
{
    static const struct { uint8_t size, is_signed; } fields[] = {
        { 1, 0 }, { 1, 1 }, { 2, 0 }, { 2, 1 }, { 4, 0 }, { 8, 0 }, { 16, 0 },
        { 4, 0 }, { 8, 0 },
    };
    unsigned i = opc - TCG_ld8u;

    *d = load_field(r->env + offset, fields[i].size);
    if (fields[i].is_signed) {
        d->u64[0] = fields[i].size == 1 ? (uint32_t)(int8_t)d->u64[0]
                                        : (uint32_t)(int16_t)d->u64[0];
    }
}

static void env_store(Run *r, const TCGVec *a, TCGOpcode opc, uint64_t offset)
{
    static const uint8_t sizes[] = { 1, 2, 4, 8, 16, 4, 8 };

    store_field(r->env + offset, a, sizes[opc - TCG_st8]);
}

/* isless() does not signal quiet NaNs (C11 F.9.3); compilers differ about <. */
static uint32_t compare_lanes(TCGOpcode opc, const TCGVec *x, const TCGVec *y,
                              const uint32_t *k)
{
    bool dbl = opc == TCG_vcmpsd, signals = word64(k);
    volatile double a = dbl ? x->f64[0] : (double)x->f32[0];
    volatile double b = dbl ? y->f64[0] : (double)y->f32[0];
    unsigned order = __builtin_isgreater(a, b) ? 0 : __builtin_isless(a, b) ? 1 :
                     __builtin_isunordered(a, b) ? 3 : 2;

    if (signals && order == 3) {
        feraiseexcept(FE_INVALID);
    }
    return (uint32_t)(word64(k + 2) >> 4 * order) << 28;
}

static void enter(Run *r, const uint32_t *stream)
{
    r->base = r->p = stream;
}

static bool probe_jump_cache(Run *r, uint32_t pc, uint64_t tag)
{
    const TCGJumpCache *jc = &r->target->jump_cache;
    uint32_t at = jc->table + 16 * tcg_jump_slot(pc, jc->hash_shift, jc->bits);

    if (env32(r, at) != pc || env32(r, at + 4) != (uint32_t)tag) {
        return false;
    }
    enter(r, (const uint32_t *)word64((const uint32_t *)(r->env + at + 8)));
    return true;
}

/*
 * One operation other than values.  k points to its constants.  True: leave,
 * with *result.
 */
static bool control(Run *r, TCGOpcode opc, const TCGVec *const *in,
                    const uint32_t *k, uintptr_t *result)
{
    switch ((unsigned)opc) {
    case HEAD:
        r->tb = word64(k);
        *result = r->tb | TB_EXIT_REQUESTED;
        r->p = k + 2;
        return env32(r, r->target->exit_request) != 0;
    case TCG_br:
        r->p = r->base + k[0];
        return false;
    case TCG_brcond_i32: case TCG_brcond_i64:
        if (tcg_eval_cond((TCGCond)k[0],
                          opc == TCG_brcond_i32 ? TCG_I32 : TCG_I64,
                          in[0]->u64[0], in[1]->u64[0])) {
            r->p = r->base + k[1];
        }
        return false;
    case TCG_goto_tb: {
        uint64_t next = __atomic_load_n((const uint64_t *)k, __ATOMIC_ACQUIRE);

        if (next) {
            enter(r, (const uint32_t *)next);
        }
        return false;
    }
    case TCG_goto_ptr:
        *result = r->tb | TB_EXIT_NONE;
        return !probe_jump_cache(r, (uint32_t)in[0]->u64[0], word64(k));
    default:
        assert(opc == TCG_exit_tb);
        *result = r->tb | word64(k);
        return true;
    }
}

static void value(Run *r, TCGOpcode opc, TCGVec *d, const TCGVec *const *in,
                  unsigned ins, const uint32_t *k)
{
    uint64_t a[4], consts[2] = { 0, 0 };
    unsigned num = tcg_op_defs[opc].consts;

    for (unsigned i = 0; i < num; i++) {
        consts[i] = word64(k + 2 * i);
    }
    for (unsigned i = 0; i < ins && i < 4; i++) {
        a[i] = in[i]->u64[0];
    }
    if (opc == TCG_env_ptr) {
        d->u64[0] = (uintptr_t)r->env + consts[0];
    } else if (!tcg_eval(opc, a, consts, &d->u64[0])) {
        bool known = tcg_eval_vec(opc, in[0], in[1], d);

        assert(known);
    }
}

static unsigned stream_ins(TCGOpcode opc, const uint32_t *p)
{
    if (opc == TCG_call) {
        return p[0];
    }
    return opc >= TCG_NUM_OPS ? 0 : tcg_op_defs[opc].ins;
}

static unsigned stream_consts(TCGOpcode opc)
{
    switch ((unsigned)opc) {
    case TCG_br:
        return 1;
    case TCG_brcond_i32: case TCG_brcond_i64: case CONST:
        return 2;
    default:
        return opc >= TCG_NUM_OPS ? 0 : 2 * tcg_op_defs[opc].consts;
    }
}

/* One operation; as control(). */
static bool step(Run *r, uintptr_t *result)
{
    Interp *in = r->in;
    uint32_t head = *r->p++;
    TCGOpcode opc = (TCGOpcode)(head & 0xffff);
    TCGVec *d = &in->t[head >> 16 < TCG_MAX_TEMPS ? head >> 16 : 0];
    const TCGVec *v[6] = { 0 };
    unsigned ins = stream_ins(opc, r->p);
    const uint32_t *k;

    r->p += opc == TCG_call;
    for (unsigned i = 0; i < ins; i++) {
        v[i] = &in->t[r->p[i / 2] >> 16 * (i & 1) & 0xffff];
    }
    k = r->p + (ins + 1) / 2;
    r->p = in->pos = k + stream_consts(opc);
    switch ((unsigned)opc) {
    case TCG_get:
        *d = load_field(r->env + k[0], type_size(k[1]));
        return false;
    case TCG_set:
        store_field(r->env + k[0], v[0], type_size(k[1]));
        return false;
    case TCG_ld8u: case TCG_ld8s: case TCG_ld16u: case TCG_ld16s:
    case TCG_ld32: case TCG_ld64: case TCG_ldv: case TCG_ldvs: case TCG_ldvd:
        env_load(r, d, opc, word64(k));
        return false;
    case TCG_st8: case TCG_st16: case TCG_st32: case TCG_st64:
    case TCG_stv: case TCG_stvs: case TCG_stvd:
        env_store(r, v[0], opc, word64(k));
        return false;
    case TCG_qemu_ld:
        guest_load(r, d, (uint32_t)v[0]->u64[0], (unsigned)word64(k),
                   (unsigned)word64(k + 2));
        return false;
    case TCG_qemu_st:
        guest_store(r, v[1], (uint32_t)v[0]->u64[0], (unsigned)word64(k),
                    (unsigned)word64(k + 2));
        return false;
    case TCG_call:
        call(r, d, (const TCGHelper *)word64(k), v);
        return false;
    case TCG_vcmpss: case TCG_vcmpsd:
        d->u64[0] = compare_lanes(opc, v[0], v[1], k);
        return false;
    case TCG_cold_i32:
        if (tcg_eval_cond((TCGCond)word64(k), TCG_I32, v[0]->u64[0], v[1]->u64[0])) {
            r->target->cold(r->env, (uint32_t)word64(k + 2));
        }
        return false;
    case TCG_vredo:
        *d = *v[0];
        if (tcg_eval_doubt((TCGDoubt)word64(k), d->u64[0])) {
            *d = (TCGVec){ .u64 = { r->target->redo(r->env, (uint32_t)word64(k + 2)) } };
        }
        return false;
    case TCG_br: case TCG_brcond_i32: case TCG_brcond_i64: case TCG_goto_tb:
    case TCG_goto_ptr: case TCG_exit_tb: case HEAD:
        return control(r, opc, v, k, result);
    case CONST:
        d->u64[0] = word64(k);
        return false;
    case PAD:
        return false;
    default:
        value(r, opc, d, v, ins, k);
        return false;
    }
}

static uint32_t swap_mxcsr(uint32_t mxcsr)
{
#ifdef __SSE2__
    uint32_t old = _mm_getcsr();

    _mm_setcsr(mxcsr);
    return old;
#else
    return mxcsr;
#endif
}

static uintptr_t interp_exec(const TCGContext *s, void *env,
                             const uint8_t *tc_ptr)
{
    Run r = { .target = s->target, .in = s->backend_data, .env = env };
    uint32_t field = s->target->mxcsr, host = 0;
    uintptr_t result = 0;

    if (field) {
        host = swap_mxcsr(env32(&r, field));
    }
    enter(&r, (const uint32_t *)tc_ptr);
    while (!step(&r, &result)) {
    }
    if (field) {
        uint32_t guest = swap_mxcsr(host);

        memcpy(r.env + field, &guest, 4);
    }
    return result;
}

/* The helper's own return address is in call() above. */
static uintptr_t interp_helper_ra(const TCGContext *s, uintptr_t ra)
{
    const Interp *in = s->backend_data;

    (void)ra;
    return (uintptr_t)in->pos;
}

/* -- The back end ------------------------------------------------------------ */

static long interp_init(TCGContext *s, uint8_t *code, size_t len)
{
    (void)code;
    (void)len;
    s->backend_data = calloc(1, sizeof(Interp));
    assert(s->backend_data);
    return 0;
}

static void interp_free(TCGContext *s)
{
    free(s->backend_data);
}

const TCGBackend tcg_backend_interp = {
    .name = "interp",
    .init = interp_init,
    .free = interp_free,
    .gen_code = interp_gen_code,
    .patch_jump = interp_patch_jump,
    .exec = interp_exec,
    .helper_ra = interp_helper_ra,
};
