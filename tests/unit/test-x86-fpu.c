/* SPDX-License-Identifier: MIT */
/*
 * The guest's x87 unit in the host's and back (fpu.h), and the change between
 * masked and unmasked exceptions in the middle of code (SDM vol. 1, 8.6).
 */
#include "target-i386/fpu.h"

#include "exec.h"
#include "tests/test.h"
#include "tests/x86-rig.h"

enum { CODE_AT = RIG_CODE + 0x100 };

typedef struct Unit {
    FPReg regs[8];
    uint8_t tags[8];
    uint32_t top, cw, sw;
} Unit;

/* Values of all classes, as unlike each other as can be; TOP and tags by n. */
static void set_unit(CPUX86State *env, unsigned n)
{
    static const uint16_t exps[8] = { 0x3fff, 0, 0x7fff, 0xffff, 0x8000, 1, 0xc123, 0x7ffe };

    for (unsigned i = 0; i < 8; i++) {
        env->fpregs[i].f.mant = (i & 1 ? 0x8000000000000000ull : 0) + 0x0123456789abcdefull * n + i;
        env->fpregs[i].f.se = exps[(i + n) & 7];
        env->fptags[i] = (n * 0x9e3779b1u >> i) & 1;
    }
    env->fpstt = n & 7;
    env->fpuc = 0x7f | (n & 15) << 8;
    env->fpus = (n & 0x7f) | (n & 7) << 8 | (n & 8) << 11;
}

static Unit get_unit(const CPUX86State *env)
{
    Unit u = { .top = env->fpstt, .cw = env->fpuc, .sw = env->fpus };

    for (unsigned i = 0; i < 8; i++) {
        u.regs[i].f = env->fpregs[i].f;
        u.tags[i] = env->fptags[i];
    }
    return u;
}

static bool same(const Unit *a, const Unit *b)
{
    for (unsigned i = 0; i < 8; i++) {
        if (a->regs[i].f.mant != b->regs[i].f.mant || a->regs[i].f.se != b->regs[i].f.se ||
            a->tags[i] != b->tags[i]) {
            return false;
        }
    }
    return a->top == b->top && a->cw == b->cw && a->sw == b->sw;
}

static void scribble(CPUX86State *env)
{
    memset(env->fpregs, 0x5a, sizeof(env->fpregs));
    memset(env->fptags, 0, sizeof(env->fptags));
    env->fpstt = env->fpus = 0;
}

TEST(load_and_spill)
{
    rig_open(&(AccelOptions){ .tb_size = 8 << 20 }, "core2duo");
    CPUX86State *env = rig.env;

    for (unsigned n = 0; n < 1000; n++) {
        set_unit(env, n);
        Unit before = get_unit(env);

        x86_fpu_load(env);
        CHECK_EQ(env->fpu_live, 1);
        scribble(env);
        x86_fpu_sync(env);
        CHECK_EQ(env->fpu_live, 1);
        Unit synced = get_unit(env);

        scribble(env);
        x86_fpu_spill(env);
        CHECK_EQ(env->fpu_live, 0);
        Unit after = get_unit(env);

        CHECK(same(&before, &synced));
        CHECK(same(&before, &after));
        x86_fpu_spill(env);             /* once more does nothing */
        after = get_unit(env);
        CHECK(same(&before, &after));
    }
    x86_fpu_leave(env);
    rig_close();
}

static X86Ctx run_code(const uint8_t *code, size_t len, uint16_t cw_in_memory)
{
    X86Ctx c = { .eip = CODE_AT, .eflags = 0x202, .r = { [R_EBX] = RIG_DATA } };
    uint8_t *p = rig_ptr(CODE_AT);

    for (unsigned i = 0; i < 6; i++) {
        c.sel[i] = i == R_CS ? SEL_CODE : i == R_FS || i == R_GS ? 0 : SEL_DATA;
    }
    store_le(c.fx + FX_FCW, 0x37f, 2);
    store_le(c.fx + FX_MXCSR, 0x1f80, 4);
    memcpy(p, code, len);
    p[len] = 0xe9;
    store_le(p + len + 1, RIG_EXIT32 - (CODE_AT + len + 5), 4);
    store_le(rig_ptr(RIG_DATA), cw_in_memory, 2);
    tb_flush(rig.env->common.exec->tbs);
    rig_set(&c);
    rig_run(&c);
    return c;
}

/* fld1; fldz; fldcw [ebx]; fdivp st1: 1/0; fnop; fnstcw [ebx + 2] */
static const uint8_t divide[] = { 0xd9, 0xe8, 0xd9, 0xee, 0xd9, 0x2b, 0xde, 0xf9, 0xd9, 0xd0,
                                  0xd9, 0x7b, 0x02 };

/* ZE masked: the result is infinity, ST0 was popped. */
static void fldcw_masked(void)
{
    X86Ctx c = run_code(divide, sizeof(divide), 0x0f7f);

    CHECK_EQ(c.vector, -1);
    CHECK_EQ(load_le(c.fx + FX_FSW, 2), FPUS_ZE | 7 << 11);
    CHECK_EQ(c.fx[FX_FTW], 0x80);
    CHECK_EQ(load_le(c.fx + FX_ST, 8), 1ull << 63);
    CHECK_EQ(load_le(c.fx + FX_ST + 8, 2), 0x7fff);
    CHECK_EQ(load_le(rig_ptr(RIG_DATA) + 2, 2), 0x0f7f);
    CHECK_EQ(load_le(c.fx + FX_FCW, 2), 0x0f7f);
}

/* ZE not masked: nothing is stored, nothing popped, the next one raises #MF. */
static void fldcw_unmasks(void)
{
    X86Ctx c = run_code(divide, sizeof(divide), 0x037b);

    CHECK_EQ(c.vector, EXCP_MF);
    CHECK_EQ(load_le(c.fx + FX_FSW, 2), FPUS_ZE | FPUS_ES | FPUS_B | 6u << 11);
    CHECK_EQ(c.fx[FX_FTW], 0xc0);
    CHECK_EQ(load_le(c.fx + FX_ST, 8), 0);
    CHECK_EQ(load_le(c.fx + FX_FCW, 2), 0x037b);
}

/* Unmasked code, then masked again in the same run: fldcw [ebx]; fld1;
 * fldcw [ebx + 4] (all masked); fldz; fdivp */
static void fldcw_masks_again(void)
{
    static const uint8_t code[] = { 0xd9, 0x2b, 0xd9, 0xe8, 0xd9, 0x6b, 0x04, 0xd9, 0xee,
                                    0xde, 0xf9 };

    store_le(rig_ptr(RIG_DATA) + 4, 0x37f, 2);
    X86Ctx c = run_code(code, sizeof(code), 0x0340);

    CHECK_EQ(c.vector, -1);
    CHECK_EQ(load_le(c.fx + FX_FSW, 2), FPUS_ZE | 7 << 11);
    CHECK_EQ(load_le(c.fx + FX_ST + 8, 2), 0x7fff);
}

/* A store that faults leaves flags, TOP and tags alone: fld1; fldl2t; fstps. */
static void store_faults(void)
{
    static const uint8_t code[] = { 0xd9, 0xe8, 0xd9, 0xe9, 0xd9, 0x9b,
                                    0x00, 0x20, 0x00, 0x00 };       /* read-only */
    X86Ctx c = run_code(code, sizeof(code), 0x37f);

    CHECK_EQ(c.vector, EXCP_PF);
    CHECK_EQ(load_le(c.fx + FX_FSW, 2), 6 << 11);
    CHECK_EQ(c.fx[FX_FTW], 0xc0);
}

/* On the host's unit, by helpers, and interpreted. */
static void all(void (*test)(void))
{
    static const AccelOptions variants[] = {
        { .tb_size = 8 << 20 }, { .tb_size = 8 << 20, .no_fastfp = true },
        { .tb_size = 8 << 20, .interp = true },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(variants); i++) {
        rig_open(&variants[i], "core2duo");
        test();
        rig_close();
    }
}

TEST(fldcw) { all(fldcw_masked); }
TEST(fldcw_to_unmasked) { all(fldcw_unmasks); }
TEST(fldcw_to_masked) { all(fldcw_masks_again); }
TEST(faulting_store) { all(store_faults); }
