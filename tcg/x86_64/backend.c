/* SPDX-License-Identifier: MIT */
/*
 * The x86-64 back end: entry and exit code, the walk over the operations, and
 * jump patching.
 */
#include <assert.h>
#include <cpuid.h>
#include <stdlib.h>
#include <string.h>

#include "tcg/x86_64/x86.h"
#include "util/mem.h"

/* Callee-saved first: calls of C leave those alone. */
static const uint8_t pin_order[] = { RBX, R12, R13, R14, R15, R9, R10, R11 };
static const uint8_t callee_saved[] = { RBX, RBP, R12, R13, R14, R15 };

#define NUM_PINS (sizeof(pin_order) / sizeof(pin_order[0]))
#define NUM_CALLEE_SAVED (sizeof(callee_saved) / sizeof(callee_saved[0]))

/* Room that one operation or one stub cannot exceed. */
#define MARGIN 4096

/* -- The host ---------------------------------------------------------------- */

/* SDM vol. 1, 14.3: the operating system must have enabled AVX, too. */
static bool avx_usable(unsigned ecx)
{
    uint32_t lo, hi;

    if (!(ecx & bit_OSXSAVE) || !(ecx & bit_AVX)) {
        return false;
    }
    __asm__("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (lo & 6) == 6;
}

static void detect_host(X86 *x)
{
    unsigned a, b, c, d;

    if (__get_cpuid(1, &a, &b, &c, &d)) {
        x->avx = avx_usable(c);
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        x->bmi = x->avx && (b & bit_BMI) && (b & bit_BMI2);
    }
    if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
        x->lzcnt = c & bit_LZCNT;
    }
}

static void choose_pins(X86 *x, bool no_pin)
{
    const TCGTarget *t = x->target;

    memset(x->pin_reg, NO_REG, sizeof(x->pin_reg));
    memset(x->reg_global, NO_GLOBAL, sizeof(x->reg_global));
    x->alloc = 0xffffffffu & ~(BIT(RSP) | BIT(RBP));
    for (unsigned g = 0; g < t->num_globals && !no_pin; g++) {
        unsigned pin = t->globals[g].pin;

        if (pin && pin <= NUM_PINS && t->globals[g].type != TCG_V128) {
            unsigned r = pin_order[pin - 1];

            assert(x->reg_global[r] == NO_GLOBAL);
            x->pin_reg[g] = (uint8_t)r;
            x->reg_global[r] = (uint8_t)g;
            x->pins |= BIT(r);
        }
    }
    x->alloc &= ~x->pins;
}

/* -- Into and out of translated code ----------------------------------------- */

static void mxcsr(X86 *x, unsigned digit, Mem m)
{
    asm_rm(&x->as, MAP_0F | 0xae, digit, m);
}

enum { LDMXCSR = 2, STMXCSR = 3 };

static void emit_enter(X86 *x)
{
    memcpy(&x->enter, &x->as.p, sizeof(x->enter));
    for (unsigned i = 0; i < NUM_CALLEE_SAVED; i++) {
        asm_push(&x->as, callee_saved[i]);
    }
    asm_alu_ri(&x->as, ALU_SUB, true, RSP, FRAME_SIZE + 8);
    asm_lea(&x->as, true, RBP, mem(RDI, ENV_BIAS));
    if (x->target->mxcsr) {
        mxcsr(x, STMXCSR, mem(RSP, FRAME_HOST_MXCSR));
        mxcsr(x, LDMXCSR, x86_env(x->target->mxcsr));
    }
    x->pins_stale = x->pins;
    x86_load_pins(x, x->pins);
    asm_rr(&x->as, 0xff, 4, RSI);       /* jmp rsi */
}

static void emit_leave(X86 *x)
{
    x->leave = x->as.p;
    x->pins_home = x->pins_stale = 0;
    x86_store_pins(x, x->pins);
    x->leave_home = x->as.p;
    if (x->target->mxcsr) {
        mxcsr(x, STMXCSR, x86_env(x->target->mxcsr));
        mxcsr(x, LDMXCSR, mem(RSP, FRAME_HOST_MXCSR));
    }
    asm_alu_ri(&x->as, ALU_ADD, true, RSP, FRAME_SIZE + 8);
    for (unsigned i = NUM_CALLEE_SAVED; i-- > 0;) {
        asm_pop(&x->as, callee_saved[i]);
    }
    asm_ret(&x->as, 0);
}

static long x86_init(TCGContext *s, uint8_t *code, size_t len)
{
    X86 *x = xzalloc_huge(sizeof(X86));

    if (len < MARGIN) {
        free(x);
        return -1;
    }
    s->backend_data = x;
    assert(s->target->mmu.modes <= MAX_MODES);
    x->target = s->target;
    x->as.p = code;
    detect_host(x);
    choose_pins(x, s->no_pin);
    emit_enter(x);
    emit_leave(x);
    x86_slow_thunk(x);
    x86_straddle_thunks(x);
    x86_cold_thunks(x);
    return x->as.p - code;
}

static void x86_free(TCGContext *s)
{
    free(s->backend_data);
}

static uintptr_t x86_exec(const TCGContext *s, void *env, const uint8_t *tc_ptr)
{
    const X86 *x = s->backend_data;

    return x->enter(env, tc_ptr);
}

static uintptr_t x86_helper_ra(const TCGContext *s, uintptr_t ra)
{
    (void)s;
    return ra;
}

/* -- A block ----------------------------------------------------------------- */

static void emit_op(X86 *x)
{
    const TCGOp *op = x86_op(x);

    x->lock = 0;
    if (!x86_value_op(x)) {
        x86_control_op(x);
    }
    if (tcg_op_defs[op->opc].outs && op->d.temp != TCG_NO_TEMP) {
        x86_finish_def(x);
    }
}

static int x86_gen_code(TCGContext *s, uint8_t *code, size_t len,
                        const void *tb, TCGCode *out)
{
    X86 *x = s->backend_data;

    if (len < 2 * MARGIN) {
        return -1;
    }
    x->s = s;
    x->code = x->as.p = code;
    x->limit = code + len - MARGIN;
    x->tb = (uintptr_t)tb;
    x->out = out;
    memset(x->label_pos, 0, s->num_labels * sizeof(x->label_pos[0]));
    x86_liveness(x);
    x86_start_block(x);
    x86_head(x);
    for (x->op = 0; x->op < s->num_ops; x->op++) {
        if (x->folded[x->op]) {
            continue;
        }
        if (x86_op(x)->opc == TCG_insn_start) {
            x86_insn_start(x);
            continue;
        }
        emit_op(x);
        if (x->as.p > x->limit) {
            return -1;
        }
    }
    if (!x86_stubs(x)) {
        return -1;
    }
    x86_finish_jumps(x);
    out->size = (uint32_t)(x->as.p - code);
    return 0;
}

/* Within 8 aligned bytes (asm_align_rel32), but perhaps not aligned. */
typedef struct __attribute__((packed, may_alias)) Displacement {
    int32_t v;
} Displacement;

static void x86_patch_jump(const TCGContext *s, uint8_t *code, uint32_t jump,
                           const uint8_t *target)
{
    uint32_t words[2];
    uint8_t *at;

    (void)s;
    memcpy(words, code + jump, sizeof(words));
    at = code + words[0];
    if (!target) {
        target = code + words[1];
    }
    __atomic_thread_fence(__ATOMIC_RELEASE);
    ((volatile Displacement *)(void *)at)->v = (int32_t)(target - (at + 4));
}

static uint32_t x86_jump_word(const uint8_t *code, uint32_t jump)
{
    uint32_t word;

    memcpy(&word, code + jump, sizeof(word));
    return word;
}

const TCGBackend tcg_backend_x86_64 = {
    .name = "x86_64",
    .x86_ops = true,
    .can_check = true,
    .init = x86_init,
    .free = x86_free,
    .gen_code = x86_gen_code,
    .patch_jump = x86_patch_jump,
    .jump_word = x86_jump_word,
    .exec = x86_exec,
    .helper_ra = x86_helper_ra,
};
