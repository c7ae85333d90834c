/* SPDX-License-Identifier: MIT */
/*
 * VFP operations by helper.
 *
 *   helper_vfp_fast   while TBF_FPFAST holds: what translated code has no
 *                     operation for, on the host's unit if that is exact
 *   helper_vfp_any    in any mode: fpu/softfloat.c, and traps
 *   arm_vfp_redo      an operation of the host's that was not exact, again
 *
 * A trapped exception does what the VFP9-S and VFP11 do (DDI 0100I, C3.4):
 * the operation waits in FPINST, FPEXC.EX is set, and the next instruction for
 * the unit is UNDEFINED, so that support code finishes it.
 *
 * Not modelled: bounces for denormals and underflow without a trap, which those
 * cores need support code for; the unit here does these itself.
 */
#include "fpu/softfloat.h"
#include "target-arm/gen-vfp.h"
#include "target-arm/helper.h"
#include "target-arm/vfp.h"

static unsigned d_of(uint32_t word) { return word >> 6 & 31; }
static unsigned n_of(uint32_t word) { return word >> 11 & 31; }
static unsigned m_of(uint32_t word) { return word >> 16 & 31; }
static VfpOp op_of(uint32_t word) { return (VfpOp)(word & 31); }
static bool is_double(uint32_t word) { return word & VFP_WORD_DOUBLE; }

static uint64_t get(const CPUARMState *env, bool dbl, unsigned n)
{
    return dbl ? env->vfp.d[n] : env->vfp.s[n];
}

static void set(CPUARMState *env, bool dbl, unsigned n, uint64_t v)
{
    if (dbl) {
        env->vfp.d[n] = v;
    } else {
        env->vfp.s[n] = (uint32_t)v;
    }
}

static uint64_t operand(const CPUARMState *env, uint32_t word, unsigned n)
{
    return get(env, is_double(word), n);
}

/* -- In integers ------------------------------------------------------------- */

typedef struct Outcome {
    uint64_t val;
    uint32_t nzcv;                      /* of comparisons */
    bool dbl;                           /* the destination */
} Outcome;

static FloatMode mode_of(const CPUARMState *env)
{
    return (FloatMode){
        .round = (uint8_t)((env->fpscr & FPSCR_RMODE) >> FPSCR_RMODE_SHIFT),
        .flush_to_zero = env->fpscr & FPSCR_FZ,
        .default_nan = env->fpscr & FPSCR_DN,
    };
}

static bool is_compare(uint32_t word)
{
    return op_of(word) >= VFP_CMP && op_of(word) <= VFP_CMPEZ;
}

/* ARMv7 ARM A8.8.337 and A8.8.355: where signs change, those of NaNs too. */
static uint64_t arith(const CPUARMState *env, uint32_t word, FloatMode *m)
{
    const FloatFormat *f = is_double(word) ? &float_double : &float_single;
    uint64_t d = operand(env, word, d_of(word)), a = operand(env, word, n_of(word)),
             b = operand(env, word, m_of(word));

    switch (op_of(word)) {
    case VFP_MLA:  return float_add(f, d, float_mul(f, a, b, m), m);
    case VFP_MLS:  return float_add(f, d, float_neg(f, float_mul(f, a, b, m)), m);
    case VFP_NMLS: return float_add(f, float_neg(f, d), float_mul(f, a, b, m), m);
    case VFP_NMLA: return float_add(f, float_neg(f, d),
                                    float_neg(f, float_mul(f, a, b, m)), m);
    case VFP_MUL:  return float_mul(f, a, b, m);
    case VFP_NMUL: return float_neg(f, float_mul(f, a, b, m));
    case VFP_ADD:  return float_add(f, a, b, m);
    case VFP_SUB:  return float_sub(f, a, b, m);
    case VFP_DIV:  return float_div(f, a, b, m);
    default:       return float_sqrt(f, b, m);
    }
}

static uint32_t to_int(const FloatFormat *f, uint64_t v, VfpOp op, FloatMode *m)
{
    if (op == VFP_TOUIZ || op == VFP_TOSIZ) {
        m->round = FLOAT_TO_ZERO;
    }
    return float_to_int(f, v, op == VFP_TOSI || op == VFP_TOSIZ, m);
}

static uint32_t compare(const CPUARMState *env, uint32_t word, const FloatFormat *f, FloatMode *m)
{
    static const uint32_t nzcv[] = {
        [FLOAT_LESS] = 8u << 28, [FLOAT_EQUAL] = 6u << 28, [FLOAT_GREATER] = 2u << 28,
        [FLOAT_UNORDERED] = 3u << 28,
    };
    VfpOp op = op_of(word);
    uint64_t b = op == VFP_CMPZ || op == VFP_CMPEZ ? 0 : operand(env, word, m_of(word));

    return nzcv[float_compare(f, operand(env, word, d_of(word)), b,
                              op == VFP_CMPE || op == VFP_CMPEZ, m)];
}

static Outcome in_integers(const CPUARMState *env, uint32_t word, FloatMode *m)
{
    bool dbl = is_double(word);
    const FloatFormat *f = dbl ? &float_double : &float_single;
    Outcome o = { .dbl = dbl };

    switch (op_of(word)) {
    case VFP_CMP: case VFP_CMPE: case VFP_CMPZ: case VFP_CMPEZ:
        o.nzcv = compare(env, word, f, m);
        break;
    case VFP_CVT:
        o.val = float_convert(dbl ? &float_single : &float_double, f,
                              get(env, dbl, m_of(word)), m);
        o.dbl = !dbl;
        break;
    case VFP_UITO: case VFP_SITO:
        o.val = float_from_int(f, env->vfp.s[m_of(word)], op_of(word) == VFP_SITO, m);
        break;
    case VFP_TOUI: case VFP_TOUIZ: case VFP_TOSI: case VFP_TOSIZ:
        o.val = to_int(f, get(env, dbl, m_of(word)), op_of(word), m);
        o.dbl = false;
        break;
    default:
        o.val = arith(env, word, m);
        break;
    }
    return o;
}

static void finish(CPUARMState *env, uint32_t word, const Outcome *o, uint32_t flags)
{
    env->fpscr |= flags & FPSCR_CUMULATIVE;
    if (is_compare(word)) {
        env->fpscr_nzcv = o->nzcv;
    } else {
        set(env, o->dbl, d_of(word), o->val);
    }
}

static void do_in_integers(CPUARMState *env, uint32_t word)
{
    FloatMode m = mode_of(env);
    Outcome o = in_integers(env, word, &m);

    finish(env, word, &o, m.flags);
}

uint64_t arm_vfp_redo(void *opaque, uint32_t word)
{
    CPUARMState *env = opaque;
    FloatMode m = mode_of(env);
    uint64_t v;

    if (word & VFP_WORD_PRODUCT) {
        v = float_mul(is_double(word) ? &float_double : &float_single,
                      operand(env, word, n_of(word)), operand(env, word, m_of(word)), &m);
    } else {
        v = in_integers(env, word, &m).val;
    }
    env->fpscr |= m.flags & FPSCR_CUMULATIVE;
    return v;
}

/* -- Traps ------------------------------------------------------------------- */

/* Underflow is trapped even if exact: DDI 0100I, C2.5. */
static bool is_trapped(const CPUARMState *env, uint32_t flags)
{
    uint32_t enabled = (env->fpscr & FPSCR_ENABLES) >> 8;

    return (flags & enabled) || ((flags & FLOAT_TINY) && (enabled & FPSCR_UFC));
}

/* The scalar operation, as an instruction that is always executed. */
static uint32_t as_instruction(uint32_t insn, uint32_t word, const Outcome *o)
{
    uint32_t regs = 0;
    struct { unsigned n, field, extra; bool dbl; } r[3] = {
        { d_of(word), 12, 22, o->dbl }, { n_of(word), 16, 7, is_double(word) },
        { m_of(word), 0, 5, is_double(word) },
    };
    bool dyadic = op_of(word) <= VFP_DIV;

    for (unsigned i = 0; i < 3; i++) {
        if (i != 1 || dyadic) {
            regs |= r[i].dbl ? r[i].n << r[i].field
                             : r[i].n >> 1 << r[i].field | (r[i].n & 1) << r[i].extra;
        }
    }
    uint32_t mask = 0x0040f02f | (dyadic ? 0x000f0080 : 0);

    return 0xe0000000 | (insn & 0x0fffffff & ~mask) | regs;
}

/* FPEXC.VECITR counts what is left of a vector, less one. */
static _Noreturn void bounce(CPUARMState *env, uint32_t word, uint32_t insn, const Outcome *o,
                             uintptr_t ra)
{
    uint32_t left = word >> VFP_WORD_LEFT_SHIFT & 7;

    env->fpinst = as_instruction(insn, word, o);
    env->fpexc = (env->fpexc & ~(uint32_t)FPEXC_VECITR) | (uint32_t)FPEXC_EX |
                 ((left - 1) & 7) << FPEXC_VECITR_SHIFT;
    cpu_restore_state(arm_cpu(env), ra);
    env->regs[R_PC] += 4;
    arm_update_tbflags(env);
    env->common.exception_index = EXCP_INTERRUPT;
    cpu_loop_exit(arm_cpu(env));
}

void helper_vfp_any(CPUARMState *env, uint32_t word, uint32_t insn)
{
    FloatMode m = mode_of(env);
    Outcome o = in_integers(env, word, &m);

    if (is_trapped(env, m.flags)) {
        bounce(env, word, insn, &o, GETPC());
    }
    finish(env, word, &o, m.flags);
}

/* -- On the host's unit ------------------------------------------------------ */

#ifdef __SSE2__

static double as_double(uint64_t v)
{
    union { uint64_t bits; double val; } u = { .bits = v };

    return u.val;
}

static float as_float(uint64_t v)
{
    union { uint32_t bits; float val; } u = { .bits = (uint32_t)v };

    return u.val;
}

static uint64_t double_bits(double v)
{
    union { double val; uint64_t bits; } u = { .val = v };

    return u.bits;
}

static uint64_t float_bits(float v)
{
    union { float val; uint32_t bits; } u = { .val = v };

    return u.bits;
}

/* One instruction each, and volatile: their flags are the guest's. */
#define HOST(name, insn, Result, out, Operand, in)                          \
    static Result name(Operand a)                                           \
    {                                                                       \
        Result r;                                                           \
        __asm__ volatile(insn " %1, %0" : "=" out(r) : in(a));              \
        return r;                                                           \
    }
HOST(sqrt_d, "sqrtsd", double, "x", double, "x")
HOST(sqrt_s, "sqrtss", float, "x", float, "x")
HOST(narrow, "cvtsd2ss", float, "x", double, "x")
HOST(widen, "cvtss2sd", double, "x", float, "x")
HOST(int_to_d, "cvtsi2sdq", double, "x", int64_t, "r")
HOST(int_to_s, "cvtsi2ssq", float, "x", int64_t, "r")
HOST(to_int_d, "cvtsd2si", int64_t, "r", double, "x")
HOST(to_int_z_d, "cvttsd2si", int64_t, "r", double, "x")
HOST(to_int_s, "cvtss2si", int64_t, "r", float, "x")
HOST(to_int_z_s, "cvttss2si", int64_t, "r", float, "x")

/* Positive, or at most 0 after rounding, and below 2^limit: no flag but inexact. */
static bool in_range(uint64_t v, bool dbl, unsigned limit, bool is_signed)
{
    bool sign = v >> (dbl ? 63 : 31) & 1;
    unsigned exp = dbl ? v >> 52 & 0x7ff : v >> 23 & 0xff, bias = dbl ? 1023 : 127;

    return exp < bias + limit && (!sign || is_signed);
}

static bool host_to_int(CPUARMState *env, uint32_t word)
{
    VfpOp op = op_of(word);
    bool is_signed = op == VFP_TOSI || op == VFP_TOSIZ, dbl = is_double(word);
    bool to_zero = op == VFP_TOSIZ || op == VFP_TOUIZ;
    uint64_t v = get(env, dbl, m_of(word));
    int64_t i;

    /* One below the limit of the type: rounding up stays inside. */
    if (!in_range(v, dbl, is_signed ? 30 : 31, is_signed)) {
        return false;
    }
    if (dbl) {
        i = to_zero ? to_int_z_d(as_double(v)) : to_int_d(as_double(v));
    } else {
        i = to_zero ? to_int_z_s(as_float(v)) : to_int_s(as_float(v));
    }
    env->vfp.s[d_of(word)] = (uint32_t)i;
    return true;
}

static void host_from_int(CPUARMState *env, uint32_t word)
{
    uint32_t v = env->vfp.s[m_of(word)];
    int64_t i = op_of(word) == VFP_SITO ? (int32_t)v : (int64_t)v;

    if (is_double(word)) {
        env->vfp.d[d_of(word)] = double_bits(int_to_d(i));
    } else {
        env->vfp.s[d_of(word)] = (uint32_t)float_bits(int_to_s(i));
    }
}

/* Is it a NaN or as small as a number can be that was tiny before rounding? */
static bool is_doubtful(uint64_t v, bool dbl)
{
    unsigned upper = dbl ? v >> 48 & 0x7fff : v >> 16 & 0x7fff;

    return dbl ? upper >= 0x7ff0 || upper == 0x0010 : upper >= 0x7f80 || upper == 0x0080;
}

static bool host_convert(CPUARMState *env, uint32_t word)
{
    bool to_double = !is_double(word);
    uint64_t v = get(env, !to_double, m_of(word));

    v = to_double ? double_bits(widen(as_float(v))) : float_bits(narrow(as_double(v)));
    if (is_doubtful(v, to_double)) {
        return false;
    }
    set(env, to_double, d_of(word), v);
    return true;
}

static bool host_sqrt(CPUARMState *env, uint32_t word)
{
    bool dbl = is_double(word);
    uint64_t v = get(env, dbl, m_of(word));

    v = dbl ? double_bits(sqrt_d(as_double(v))) : float_bits(sqrt_s(as_float(v)));
    if (is_doubtful(v, dbl)) {
        return false;
    }
    set(env, dbl, d_of(word), v);
    return true;
}

/* False: it was not, or not exactly. */
static bool by_host(CPUARMState *env, uint32_t word)
{
    switch (op_of(word)) {
    case VFP_UITO: case VFP_SITO:
        host_from_int(env, word);
        return true;
    case VFP_TOUI: case VFP_TOUIZ: case VFP_TOSI: case VFP_TOSIZ:
        return host_to_int(env, word);
    case VFP_CVT:
        return host_convert(env, word);
    default:
        return op_of(word) == VFP_SQRT && host_sqrt(env, word);
    }
}

#else

static bool by_host(CPUARMState *env, uint32_t word)
{
    (void)env;
    (void)word;
    return false;
}

#endif

void helper_vfp_fast(CPUARMState *env, uint32_t word)
{
    if (!by_host(env, word)) {
        do_in_integers(env, word);
    }
}

/* -- System registers: DDI 0100I, C2.7 ----------------------------------------- */

enum {
    SYS_FPSID = 0, SYS_FPSCR = 1, SYS_MVFR1 = 6, SYS_MVFR0 = 7, SYS_FPEXC = 8, SYS_FPINST = 9,
    SYS_FPINST2 = 10,
};

static bool may_read(const CPUARMState *env, uint32_t reg)
{
    if (!arm_vfp_allowed(env)) {
        return false;
    }
    switch (reg) {
    case SYS_FPSID:
        return arm_is_priv(env) || (env->tbflags & TBF_VFP);
    case SYS_FPSCR:
        return true;                    /* the translator has looked at TBF_VFP */
    case SYS_MVFR0: case SYS_MVFR1:
        return arm_is_priv(env) && (env->features & ARM_V6);
    case SYS_FPEXC: case SYS_FPINST: case SYS_FPINST2:
        return arm_is_priv(env);
    default:
        return false;
    }
}

uint32_t helper_vfp_get_sys(CPUARMState *env, uint32_t reg)
{
    if (!may_read(env, reg)) {
        arm_raise(env, EXCP_UNDEF, GETPC());
    }
    switch (reg) {
    case SYS_FPSID:   return env->model->fpsid;
    case SYS_MVFR0:   return env->model->mvfr0;
    case SYS_MVFR1:   return env->model->mvfr1;
    case SYS_FPEXC:   return env->fpexc;
    case SYS_FPINST:  return env->fpinst;
    case SYS_FPINST2: return env->fpinst2;
    default:
        arm_vfp_absorb(env);
        return arm_fpscr_read(env);
    }
}

void helper_vfp_set_sys(CPUARMState *env, uint32_t reg, uint32_t val)
{
    if (!may_read(env, reg)) {
        arm_raise(env, EXCP_UNDEF, GETPC());
    }
    switch (reg) {
    case SYS_FPSCR:
        arm_fpscr_write(env, val);
        break;
    case SYS_FPEXC:
        env->fpexc = val & (uint32_t)(FPEXC_EX | FPEXC_EN | FPEXC_VECITR | 0x8f);
        arm_update_tbflags(env);
        break;
    case SYS_FPINST:
        env->fpinst = val;
        break;
    case SYS_FPINST2:
        env->fpinst2 = val;
        break;
    default:                            /* identification: ignored */
        break;
    }
}
