/* SPDX-License-Identifier: MIT */
/*
 * The translator against the meaning of its operations.
 *
 * Every test runs the same operations on each Variant.  The reference is eval.c
 * (the `value` column of tcg-ops.def).
 */
#include "tcg/tcg.h"

#include "tcg/eval.h"
#include "tests/unit/tcg-rig.h"
#include "tests/unit/tcg-rows.h"

/* -- Single operations ------------------------------------------------------- */

/* Operand forms: where the operands come from and where the result goes. */
enum { FORM_PINS, FORM_MEMORY, FORM_CONST_B, FORM_CONST_A, FORM_IN_PLACE_A,
       FORM_IN_PLACE_B, FORM_SAME, FORM_BOTH_CONST, FORM_REUSED, NUM_FORMS };

static void emit_form(TCGContext *s, EmitFn *fn, unsigned k, unsigned form,
                      bool is64, uint64_t a, uint64_t b)
{
    TCGGlobal pin = is64 ? GW : GR, mem = is64 ? GQ : GM;
    TCGGlobal ga = pin, gb = is64 ? (TCGGlobal)(GW + 1) : GR + 1;
    TCGv va, vb, d;

    if (form == FORM_MEMORY) {
        ga = mem;
        gb = (TCGGlobal)(mem + 1);
    }
    va = form == FORM_CONST_A || form == FORM_BOTH_CONST
         ? (is64 ? tcg_const64(s, a) : tcg_const(s, (uint32_t)a))
         : tcg_get(s, ga);
    vb = form == FORM_CONST_B || form == FORM_BOTH_CONST
         ? (is64 ? tcg_const64(s, b) : tcg_const(s, (uint32_t)b))
         : form == FORM_SAME ? va : tcg_get(s, gb);
    d = fn(s, va, vb, k);
    if (form == FORM_IN_PLACE_A) {
        tcg_set(s, ga, d);
    } else if (form == FORM_IN_PLACE_B) {
        tcg_set(s, gb, d);
    }
    if (form == FORM_REUSED) {
        tcg_set(s, (TCGGlobal)(mem + 3), va);
        tcg_set(s, ga, d);
    }
    tcg_set(s, (TCGGlobal)(mem + 2), d);
}

static void check_op(const char *name, EmitFn *fn, unsigned k, bool is64,
                     uint64_t a, uint64_t b, unsigned form, uint64_t want)
{
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);
        uint64_t got;
        Env env;

        emit_form(s, fn, k, form, is64, a, b);
        finish(s);
        generate(v);
        reset_env(&env);
        env.r[0] = env.m[0] = (uint32_t)a;
        env.r[1] = env.m[1] = (uint32_t)b;
        env.w[0] = env.q[0] = a;
        env.w[1] = env.q[1] = b;
        run(v, &env);
        got = is64 ? env.q[2] : env.m[2];
        if (got != want) {
            printf("%s %s_%s form %u k %u: %llx, %llx -> %llx, want %llx\n",
                   v->name, name, is64 ? "i64" : "i32", form, k,
                   (unsigned long long)a, (unsigned long long)b,
                   (unsigned long long)got, (unsigned long long)want);
        }
        CHECK_EQ(got, want);
        if (form == FORM_REUSED) {
            CHECK_EQ(is64 ? env.q[3] : env.m[3], is64 ? a : (uint32_t)a);
        }
    }
}

static TCGv e_muluh(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    (void)k;
    return tcg_muluh(s, a, b);
}

static TCGv e_mulsh(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    (void)k;
    return tcg_mulsh(s, a, b);
}

static void check_row(const char *name, EmitFn *fn, TCGOpcode opc, bool is64,
                      unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        unsigned form = i % NUM_FORMS;
        uint64_t mask = is64 ? ~0ull : 0xffffffff;
        uint64_t in[4] = { value() & mask, value() & mask }, want = 0;
        uint64_t k[2] = { 0, 0 };

        if (is_shift(opc)) {
            if (form == FORM_SAME) {
                in[0] &= is64 ? 63 : 31;
            }
            in[1] &= is64 ? 63 : 31;
        }
        if (form == FORM_SAME) {
            in[1] = in[0];
        }
        CHECK(tcg_eval(opc, in, k, &want));
        check_op(name, fn, 0, is64, in[0], in[1], form, want);
    }
}

/* Every ARITH and UNARY row does what its value column says. */
TEST(arithmetic_rows)
{
    rng_state = 0x1234567;
    for (unsigned i = 0; i < sizeof(op_tests) / sizeof(op_tests[0]); i++) {
        const OpTest *t = &op_tests[i];

        check_row(t->name, t->fn, t->opc, false, 3 * NUM_FORMS);
        check_row(t->name, t->fn, (TCGOpcode)(t->opc + 1), true, 3 * NUM_FORMS);
    }
}

/* muluh and mulsh are the high half of the full product. */
TEST(high_products)
{
    rng_state = 0x7654321;
    check_row("muluh", e_muluh, TCG_muluh_i32, false, 4 * NUM_FORMS);
    check_row("mulsh", e_mulsh, TCG_mulsh_i32, false, 4 * NUM_FORMS);
    check_row("muluh", e_muluh, TCG_muluh_i64, true, 4 * NUM_FORMS);
    check_row("mulsh", e_mulsh, TCG_mulsh_i64, true, 4 * NUM_FORMS);
}

static TCGv e_setcond(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    return tcg_setcond(s, (TCGCond)k, a, b);
}

static TCGv e_movcond(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    return tcg_movcond(s, (TCGCond)k, a, b, b, a);
}

static TCGv e_movcond_const(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    return tcg_movcond(s, (TCGCond)k, a, b, tcg_xori(s, a, 5), tcg_andi(s, b, 0));
}

/* A branch over a set, and the flags an arithmetic operation leaves. */
static TCGv e_brcond(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    TCGLabel l = tcg_new_label(s);
    bool is64 = s->temp_type[a.temp] == TCG_I64;
    TCGGlobal g = is64 ? GQ + 3 : GM + 3;
    TCGv sum = tcg_sub(s, a, b);

    tcg_set(s, g, is64 ? tcg_const64(s, 1) : tcg_const(s, 1));
    tcg_set(s, GM + 5, is64 ? tcg_trunc32(s, sum) : sum);
    tcg_brcond(s, (TCGCond)k, a, b, l);
    tcg_set(s, g, is64 ? tcg_const64(s, 0) : tcg_const(s, 0));
    tcg_set_label(s, l);
    return tcg_get(s, g);
}

/* Conditions hold for the values, not for what the flags happened to be. */
TEST(conditions)
{
    static EmitFn *const fns[] = { e_setcond, e_movcond, e_movcond_const,
                                   e_brcond };

    rng_state = 0xc0ffee;
    for (unsigned c = TCG_COND_EQ; c <= TCG_COND_TSTNE; c++) {
        for (unsigned i = 0; i < 8 * NUM_FORMS; i++) {
            bool is64 = i & 1;
            unsigned form = (i >> 1) % (NUM_FORMS - 1), f = below(4);
            uint64_t mask = is64 ? ~0ull : 0xffffffff;
            uint64_t a = value() & mask, b = below(3) ? value() & mask : 0;
            bool yes;

            if (form == FORM_SAME) {
                b = a;
            }
            yes = tcg_eval_cond((TCGCond)c, is64 ? TCG_I64 : TCG_I32, a, b);
            check_op("cond", fns[f], c, is64, a, b, form,
                     f == 1 ? (yes ? b : a) : f == 2 ? (yes ? a ^ 5 : 0) : yes);
        }
    }
}

static TCGv e_extract(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    (void)b;
    return tcg_extract(s, a, k & 63, k >> 6);
}

static TCGv e_sextract(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    (void)b;
    return tcg_sextract(s, a, k & 63, k >> 6);
}

static TCGv e_deposit(TCGContext *s, TCGv a, TCGv b, unsigned k)
{
    return tcg_deposit(s, a, b, k & 63, k >> 6);
}

static void check_field(bool is64, unsigned pos, unsigned len, unsigned form)
{
    static const struct { EmitFn *fn; TCGOpcode opc; } ops[] = {
        { e_extract, TCG_extract_i32 }, { e_sextract, TCG_sextract_i32 },
        { e_deposit, TCG_deposit_i32 },
    };
    uint64_t mask = is64 ? ~0ull : 0xffffffff, k[2] = { pos, len }, want = 0;

    for (unsigned i = 0; i < 3; i++) {
        uint64_t in[4] = { value() & mask, value() & mask };

        if (form == FORM_SAME) {
            in[1] = in[0];
        }
        CHECK(tcg_eval((TCGOpcode)(ops[i].opc + is64), in, k, &want));
        check_op("field", ops[i].fn, len << 6 | pos, is64, in[0], in[1], form,
                 want);
    }
}

/* extract, sextract and deposit of <pos+len-1:pos>, bytes and words above all. */
TEST(bit_fields)
{
    static const uint8_t common[][2] = {
        { 0, 8 }, { 8, 8 }, { 0, 16 }, { 16, 16 }, { 31, 1 }, { 0, 1 },
        { 0, 31 }, { 24, 8 }, { 0, 32 }, { 5, 8 }, { 3, 16 },
    };

    rng_state = 0xfeed;
    for (unsigned form = 0; form < NUM_FORMS; form++) {
        for (unsigned i = 0; i < 11; i++) {
            check_field(form & 1, common[i][0], common[i][1], form);
            check_field(!(form & 1), common[i][0], common[i][1], form);
        }
        for (unsigned i = 0; i < 8; i++) {
            unsigned bits = i & 1 ? 64 : 32, pos = below(bits);

            check_field(i & 1, pos, 1 + below(bits - pos), form);
        }
    }
}

/* -- Vectors ----------------------------------------------------------------- */

/* Which of two NaN operands survives is a matter of operand order in C. */
static bool same_lanes(const VecTest *t, const TCGVec *a, const TCGVec *b)
{
    for (unsigned i = 0; t->lane_bits == 32 && i < 4; i++) {
        if (a->u32[i] != b->u32[i] &&
            !(__builtin_isnan(a->f32[i]) && __builtin_isnan(b->f32[i]))) {
            return false;
        }
    }
    for (unsigned i = 0; t->lane_bits == 64 && i < 2; i++) {
        if (a->u64[i] != b->u64[i] &&
            !(__builtin_isnan(a->f64[i]) && __builtin_isnan(b->f64[i]))) {
            return false;
        }
    }
    return t->lane_bits || memcmp(a, b, 16) == 0;
}

static void fill_vec(TCGVec *v, unsigned lane_bits)
{
    for (unsigned i = 0; i < 4; i++) {
        v->u32[i] = (uint32_t)value();
    }
    if (lane_bits && below(4)) {
        for (unsigned i = 0; i < 4 && lane_bits == 32; i++) {
            v->f32[i] = (float)(int32_t)value() / 8;
        }
        for (unsigned i = 0; i < 2 && lane_bits == 64; i++) {
            v->f64[i] = (double)(int64_t)value() / 8;
        }
    }
}

static void check_vec(const VecTest *t, unsigned form)
{
    TCGVec a, b, want;

    fill_vec(&a, t->lane_bits);
    fill_vec(&b, t->lane_bits);
    if (form == 3) {
        b = a;
    }
    CHECK(tcg_eval_vec(t->opc, &a, &b, &want));
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);
        TCGv va = tcg_get(s, GV), vb = form == 3 ? va : tcg_get(s, GV + 1);
        TCGv d = t->fn(s, va, vb);
        Env env;

        tcg_set(s, (TCGGlobal)(GV + form % 3), d);
        tcg_st(s, TCG_stv, d, offsetof(Env, bytes));
        finish(s);
        generate(v);
        reset_env(&env);
        env.v[0] = a;
        env.v[1] = b;
        run(v, &env);
        if (!same_lanes(t, &env.v[form % 3], &want)) {
            printf("%s: %s form %u\n", v->name, t->name, form);
            CHECK(!"vector result");
        }
        CHECK(memcmp(env.bytes, &env.v[form % 3], 16) == 0);
    }
}

/* Every VEC and VSCALAR row, lane by lane; scalars keep a's other lanes. */
TEST(vector_rows)
{
    rng_state = 0xabcdef;
    for (unsigned i = 0; i < sizeof(vec_tests) / sizeof(vec_tests[0]); i++) {
        for (unsigned n = 0; n < 12; n++) {
            check_vec(&vec_tests[i], n % 4);
        }
    }
}

/* Translated code rounds as the guest's MXCSR says and leaves flags in it. */
TEST(mxcsr_in_force)
{
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);
        Env env;

        tcg_set(s, GV + 2, tcg_vdivsd(s, tcg_get(s, GV), tcg_get(s, GV + 1)));
        finish(s);
        generate(v);
        reset_env(&env);
        env.mxcsr = 0x5f80;                 /* SDM vol. 1, 10.2.3: round up */
        env.v[0].f64[0] = 1;
        env.v[1].f64[0] = 3;
        run(v, &env);
        CHECK_EQ(env.v[2].u64[0], 0x3fd5555555555556);
        CHECK_EQ(env.mxcsr, 0x5fa0);        /* precision flag */
    }
}

/* -- Blocks ------------------------------------------------------------------ */

/* exit_request is tested before the first instruction. */
TEST(requested_exit)
{
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);
        Env env;

        tcg_set(s, GR, tcg_const(s, 1));
        finish(s);
        generate(v);
        reset_env(&env);
        env.exit_request = 1;
        CHECK_EQ(run(v, &env), (uintptr_t)tb_dummy | TB_EXIT_REQUESTED);
        CHECK_EQ(env.r[0], 0);
        env.exit_request = 0;
        CHECK_EQ(run(v, &env), (uintptr_t)tb_dummy | TB_EXIT_NONE);
        CHECK_EQ(env.r[0], 1);
    }
}

/* r0 += 1; unchained until patched, and again after unpatching; slot 1 by a
 * conditional branch. */
TEST(chaining)
{
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);
        TCGLabel l = tcg_new_label(s);
        uint8_t *first;
        TCGCode out;
        TCGv n;
        Env env;

        n = tcg_addi(s, tcg_get(s, GR), 1);
        tcg_set(s, GR, n);
        tcg_brcond(s, TCG_COND_LTU, n, tcg_const(s, 1000), l);
        tcg_goto_tb(s, 0);
        tcg_set(s, GM, tcg_const(s, 10));
        tcg_exit_tb(s, TB_EXIT_SLOT0);
        tcg_set_label(s, l);
        tcg_next_tb(s, 1, 11);          /* sets the pc, GM + 5 */
        generate(v);
        first = v->code;
        out = v->out;
        reset_env(&env);
        CHECK_EQ(run(v, &env), (uintptr_t)tb_dummy | TB_EXIT_SLOT1);
        CHECK_EQ(env.r[0], 1);
        CHECK_EQ(env.m[5], 11);
        env.m[5] = 0;
        tcg_patch_jump(s, first, out.jump[1], first);
        CHECK_EQ(run(v, &env), (uintptr_t)tb_dummy | TB_EXIT_SLOT0);
        CHECK_EQ(env.r[0], 1000);
        CHECK_EQ(env.m[0], 10);
        CHECK_EQ(env.m[5], 0);
        tcg_patch_jump(s, first, out.jump[1], NULL);
        env.r[0] = 0;
        CHECK_EQ(run(v, &env), (uintptr_t)tb_dummy | TB_EXIT_SLOT1);
        CHECK_EQ(env.r[0], 1);

        /* The other slot goes to a second block. */
        tcg_begin(s);
        tcg_set(s, GR + 1, tcg_addi(s, tcg_get(s, GR), 5));
        finish(s);
        v->code = first + ((out.size + 63) & ~63u);
        generate(v);
        tcg_patch_jump(s, first, out.jump[0], v->code);
        v->code = first;
        env.r[0] = 2000;
        CHECK_EQ(run(v, &env), (uintptr_t)tb_dummy | TB_EXIT_NONE);
        CHECK_EQ(env.r[1], 2006);
    }
}

/* A way out of the middle: what is set again behind it is set there only, and its jump
 * is patched. */
TEST(chaining_from_the_middle)
{
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);
        TCGLabel l = tcg_new_label(s);
        TCGv n;
        Env env;

        n = tcg_addi(s, tcg_get(s, GR), 1);
        tcg_set(s, GR, n);
        tcg_set(s, GM + 1, n);
        tcg_brcond(s, TCG_COND_LTU, n, tcg_const(s, 1000), l);
        tcg_set(s, GM + 1, tcg_const(s, 12));
        tcg_exit_tb(s, TB_EXIT_NONE);
        tcg_set_label(s, l);
        tcg_goto_tb(s, 3);
        tcg_set(s, GM, tcg_const(s, 13));
        tcg_exit_tb(s, TB_EXIT_SLOT3);
        generate(v);
        reset_env(&env);
        CHECK_EQ(run(v, &env), (uintptr_t)tb_dummy | TB_EXIT_SLOT3);
        CHECK_EQ(env.m[0], 13);
        CHECK_EQ(env.m[1], 1);
        tcg_patch_jump(s, v->code, v->out.jump[3], v->code);
        CHECK_EQ(run(v, &env), (uintptr_t)tb_dummy | TB_EXIT_NONE);
        CHECK_EQ(env.r[0], 1000);
        CHECK_EQ(env.m[1], 12);
        tcg_patch_jump(s, v->code, v->out.jump[3], NULL);
        env.r[0] = 5;
        CHECK_EQ(run(v, &env), (uintptr_t)tb_dummy | TB_EXIT_SLOT3);
        CHECK_EQ(env.m[1], 6);
    }
}

/* goto_ptr goes where the jump cache says, if pc and tag are right; to a constant, too.
 * The pc is stored if it does not. */
TEST(jump_cache)
{
    for (uint32_t kind = 0; kind < 4; kind++) {
        FOR_VARIANTS(v) {
            TCGContext *s = begin(v);
            uint8_t *first = v->code;
            uint32_t pc = 0x1234 << 3, index, tag = kind & 1;
            TCGCode out;
            Env env;

            tcg_set(s, GR + 1, tcg_const(s, 7));
            if (kind & 2) {
                tcg_set(s, GM + 5, tcg_const(s, pc));
                tcg_goto_known(s, pc, tag);
            } else {
                tcg_set(s, GM + 5, tcg_get(s, GR));
                tcg_goto_ptr(s, tcg_get(s, GR), tag);
            }
            generate(v);
            out = v->out;
            tcg_begin(s);
            tcg_set(s, GR + 2, tcg_get(s, GR + 1));
            finish(s);
            v->code = first + ((out.size + 63) & ~63u);
            generate(v);
            reset_env(&env);
            index = (pc ^ pc >> 5) >> 1 & 15;
            env.jump[index] = (JumpEntry){ pc, tag, (uintptr_t)v->code };
            v->code = first;
            v->out = out;
            env.r[0] = pc;
            run(v, &env);
            CHECK_EQ(env.r[2], 7);
            env.r[2] = 0;
            env.jump[index].tag ^= 2;
            CHECK_EQ(run(v, &env), (uintptr_t)tb_dummy | TB_EXIT_NONE);
            CHECK_EQ(env.r[2], 0);
            CHECK_EQ(env.m[5], pc);
            env.jump[index].tag ^= 2;
            env.jump[index].pc ^= 16;
            env.m[5] = 0;
            run(v, &env);
            CHECK_EQ(env.r[2], 0);
            CHECK_EQ(env.m[5], pc);
        }
    }
}

/* A device that changes the memory map is obeyed by the very next access. */
TEST(map_changes_inside_a_block)
{
    flush_on_device = true;
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);
        TCGv base = tcg_get(s, GR), a, b;
        Env env;

        a = tcg_qemu_ld(s, base, MO_32, 0);
        tcg_set(s, GR + 1, a);
        tcg_qemu_st(s, tcg_get(s, GR + 3), a, MO_32, 0);
        b = tcg_qemu_ld(s, tcg_addi(s, base, 4), MO_32, 0);
        tcg_set(s, GR + 2, b);
        tcg_set(s, GR + 4, tcg_qemu_ld(s, tcg_addi(s, base, 8), MO_32, 0));
        finish(s);
        generate(v);
        reset_env(&env);
        memcpy(guest_mem + 0x2000, "abcdefghijkl", 12);
        env.r[0] = 0x2000;
        env.r[3] = 0x1000;
        run(v, &env);                   /* fills the TLB */
        env.tlb[0][2].read = 0x2000;
        env.tlb[0][2].addend = (uintptr_t)guest_mem;
        slow_accesses = 0;
        run(v, &env);
        CHECK_EQ(slow_accesses, 2);     /* the store, and the load behind it */
        CHECK_EQ(env.r[2], 0x68676665);
        CHECK_EQ(env.r[4], 0x6c6b6a69);
    }
    flush_on_device = false;
}

/* The second page is `apart` bytes further from the first than for the guest. */
static void neighbours(uint32_t apart)
{
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);
        TCGv base = tcg_get(s, GR);
        uint8_t *second = guest_mem + 0x4000 + apart;
        Env env;

        for (unsigned i = 0; i < 4; i++) {
            tcg_set(s, (TCGGlobal)(GM + i), tcg_qemu_ld(s,
                    tcg_addi(s, base, (int)i * 8 - 16), MO_32, 0));
            tcg_qemu_st(s, tcg_addi(s, base, (int)i * 8 - 12), base, MO_32, 0);
        }
        finish(s);
        generate(v);
        reset_env(&env);
        memset(guest_mem + 0x3ff0, 0x11, 16);
        memset(second, 0x22, 16);
        env.r[0] = 0x4000;
        env.tlb[0][4].read = env.tlb[0][4].write = 0x4000;
        env.tlb[0][4].addend = (uintptr_t)guest_mem + apart;
        env.tlb[0][3].read = env.tlb[0][3].write = 0x3000;
        env.tlb[0][3].addend = (uintptr_t)guest_mem;
        slow_accesses = 0;
        run(v, &env);
        CHECK_EQ(slow_accesses, 0);
        CHECK_EQ(env.m[0], 0x11111111);
        CHECK_EQ(env.m[1], 0x11111111);
        CHECK_EQ(env.m[2], 0x22222222);
        CHECK_EQ(env.m[3], 0x22222222);
        CHECK(memcmp(guest_mem + 0x3ff4, &env.r[0], 4) == 0);
        CHECK(memcmp(second + 0xc, &env.r[0], 4) == 0);
    }
}

/* A group of accesses across a page boundary needs no slow path of its own. */
TEST(neighbours_on_two_pages)
{
    neighbours(0);
    neighbours(0x2000);
}

static void map(Env *env, uint32_t page, bool writable)
{
    TlbEntry *e = &env->tlb[0][page >> PAGE_BITS];

    e->read = page;
    e->write = writable ? page : ~0u;
    e->addend = (uintptr_t)guest_mem;
}

/* Loads and stores in turn, of a group from base - 8 to base + 8; with the second page
 * half a group is read only, without a multiple of 4 there is none. */
static void alone(uint32_t base, uint32_t memop, unsigned slow)
{
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);
        TCGv at = tcg_get(s, GR);
        Env env;

        for (int i = 0; i < 4; i++) {
            tcg_set(s, (TCGGlobal)(GM + i),
                    tcg_qemu_ld(s, tcg_addi(s, at, i * 4 - 8), MO_32 | memop, 0));
            tcg_qemu_st(s, tcg_addi(s, at, i * 4 - 8), at, MO_32 | memop, 0);
        }
        finish(s);
        generate(v);
        reset_env(&env);
        env.r[0] = base;
        map(&env, 0x3000, true);
        map(&env, 0x4000, false);
        memset(guest_mem + base - 8, 0x11, 16);
        slow_accesses = 0;
        run(v, &env);
        CHECK_EQ(slow_accesses, slow);
        CHECK_EQ(env.m[3], 0x11111111);
        CHECK(memcmp(guest_mem + base + 4, &base, 4) == 0);
    }
}

/* What a group has in common is not granted to its members when its check fails. */
TEST(each_access_for_itself)
{
    alone(0x4000, 0, 1);                /* and then the page is writable */
    alone(0x3800, MO_ALIGN, 0);
    alone(0x3802, MO_ALIGN, 8);
    alone(0x3802, 0, 0);
}

/* A buffer that is too small is an error, not an overrun. */
TEST(no_room)
{
    FOR_VARIANTS(v) {
        TCGContext *s = begin(v);

        for (unsigned i = 0; i < 900; i++) {
            tcg_set(s, (TCGGlobal)(i % 14), tcg_qemu_ld(s, tcg_get(s, GR + 1),
                                                        MO_32, 0));
        }
        finish(s);
        v->code[10000] = 0x5a;
        CHECK_EQ(tcg_gen_code(s, v->code, 10000, tb_dummy, &v->out), -1);
        CHECK_EQ(v->code[10000], 0x5a);
    }
}
