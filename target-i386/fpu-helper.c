/* SPDX-License-Identifier: MIT */
/*
 * The x87 unit on the host's (SDM vol. 1, chapter 8).
 *
 *   guest registers (80 bits in memory) --fldt--> host x87 --op--> fstpt
 *                                                   |
 *                                     fnstsw: exceptions, C0..C3
 *
 * Unless translated code has the guest's whole unit in the host's (env->fpu_live):
 * then no helper runs before x86_fpu_spill().
 *
 * Every arithmetic helper loads its operands into the host unit, does the one
 * instruction and reads the status.  The host's control word holds the guest's
 * rounding and precision (all exceptions masked) as long as the vCPU thread is
 * in cpu_exec.  The host's exception flags never have more than the guest's
 * sticky ones; they are clear while the guest has any exception unmasked.
 *
 * Unmasked exceptions.  IE, DE and ZE come before the operation: nothing is
 * stored.  OE and UE come after it, with a scaled result in a register, and UE
 * then for exact results too: the operation is done with the guest's own mask of
 * these, which the no-wait instructions used here survive.  Either way ES is set
 * and the next waiting instruction raises #MF, or FERR# if CR0.NE is clear.
 *
 * Not modelled: FCS and FDS are saved as 0, as processors do that have
 * deprecated them (CPUID.7:EBX<13>).  Needs an x86 host.
 */
#include "target-i386/fpu.h"

#include <string.h>
#include <xmmintrin.h>

#include "sys/loop.h"
#include "target-i386/cpuid.h"
#include "target-i386/helper.h"
#include "target-i386/sys.h"
#include "util/bits.h"

static const FPReg indefinite = { .f = { 0xc000000000000000ull, 0xffff } };

/* -- The host's unit --------------------------------------------------------- */

static void host_fldcw(uint32_t cw)
{
    uint16_t w = (uint16_t)cw;

    __asm__ volatile("fldcw %0" : : "m"(w));
}

static uint16_t host_fnstsw(void)
{
    uint16_t sw;

    __asm__ volatile("fnstsw %0" : "=am"(sw));
    return sw;
}

static void host_fnclex(void)
{
    __asm__ volatile("fnclex");
}

/* SDM vol. 1, figure 8-9; ST0 first. */
typedef struct __attribute__((packed)) HostImage {
    uint32_t cw, sw, tags, pointers[4];
    uint8_t st[8][10];
} HostImage;

static void make_image(const CPUX86State *env, HostImage *h)
{
    *h = (HostImage){ .cw = env->fpuc, .sw = env->fpus | env->fpstt << 11 };
    for (unsigned i = 0; i < 8; i++) {
        h->tags |= (env->fptags[i] ? 3u : 0) << 2 * i;
        memcpy(h->st[i], env->fpregs[(env->fpstt + i) & 7].b, 10);
    }
}

static void take_image(CPUX86State *env, const HostImage *h)
{
    env->fpus = h->sw & 0xffff & ~(7u << 11);
    env->fpstt = h->sw >> 11 & 7;
    for (unsigned i = 0; i < 8; i++) {
        env->fptags[i] = (h->tags >> 2 * i & 3) == 3;
        memcpy(env->fpregs[(env->fpstt + i) & 7].b, h->st[i], 10);
    }
}

void x86_fpu_load(CPUX86State *env)
{
    HostImage h;

    make_image(env, &h);
    __asm__ volatile("frstor %0" : : "m"(h));
    env->fpu_live = 1;
}

void x86_fpu_spill(CPUX86State *env)
{
    HostImage h;

    if (env->fpu_live) {
        __asm__ volatile("fnsave %0" : "=m"(h));
        take_image(env, &h);
        env->fpu_live = 0;
        host_fldcw(env->fpuc | 0x3f);
    }
}

void x86_fpu_sync(CPUX86State *env)
{
    if (env->fpu_live) {
        x86_fpu_spill(env);
        x86_fpu_load(env);
    }
}

void x86_fpu_enter(CPUX86State *env)
{
    host_fnclex();
    host_fldcw(env->fpuc | 0x3f);
}

void x86_fpu_leave(CPUX86State *env)
{
    x86_fpu_spill(env);
    host_fldcw(0x37f);
}

void x86_fpu_landed(CPUX86State *env)
{
    env->mxcsr_host |= _mm_getcsr() & 0x3f;
    _mm_setcsr(0x1f80);
    /* What a helper has raised in the host's unit, before it faulted. */
    if (!env->fpu_live && host_fnstsw() & FPUS_EXC) {
        host_fnclex();
    }
}

/*
 * An operation: result(s) to r, operands a = ST0, b; the status word.  Each
 * has a twin that clears the exception before the result is fetched, so that an
 * unmasked one does not reach us.
 */
typedef uint16_t HostOp(FPReg *r, const FPReg *a, const FPReg *b);

#define HOST_ASM(load, insn, clear, unload)                                 \
    uint16_t sw;                                                            \
    __asm__ volatile(load "\n\t" insn "\n\tfnstsw %[sw]\n\t" clear "\n\t" unload \
                     : [sw] "=am"(sw), [r] "=m"(r[0]), [r2] "=m"(r[1])      \
                     : [a] "m"(*a), [b] "m"(*b));                           \
    return sw;

#define HOST_OP_(name, load, insn, clear, unload)                           \
    static uint16_t name(FPReg *r, const FPReg *a, const FPReg *b)          \
    { HOST_ASM(load, insn, clear, unload) }
#define HOST_OP(name, load, insn, unload)                                   \
    HOST_OP_(host_##name, load, insn, "", unload)                           \
    HOST_OP_(host_##name##_trap, load, insn, "fnclex", unload)

/* Two operands, one result in ST0, ST1 dropped. */
#define HOST_OP2(name, insn) \
    HOST_OP(name, "fldt %[b]\n\tfldt %[a]", insn, "fstpt %[r]\n\tfstp %%st(0)")
/* Two operands, the instruction pops one itself. */
#define HOST_OP2P(name, insn) HOST_OP(name, "fldt %[b]\n\tfldt %[a]", insn, "fstpt %[r]")
#define HOST_OP1(name, insn) HOST_OP(name, "fldt %[a]", insn, "fstpt %[r]")

HOST_OP2(fadd, "fadd %%st(1), %%st")
HOST_OP2(fsub, "fsub %%st(1), %%st")
HOST_OP2(fsubr, "fsubr %%st(1), %%st")
HOST_OP2(fmul, "fmul %%st(1), %%st")
HOST_OP2(fdiv, "fdiv %%st(1), %%st")
HOST_OP2(fdivr, "fdivr %%st(1), %%st")
HOST_OP2(fscale, "fscale")
HOST_OP2(fprem, "fprem")
HOST_OP2(fprem1, "fprem1")
/* ST0 and a number in memory: an operand that is a NaN or makes the operation
 * invalid hides that the other is denormal, so loading it first will not do. */
#define HOST_MEM(name)                                                      \
    HOST_OP(name##_m32, "fldt %[a]", #name "s %[b]", "fstpt %[r]")          \
    HOST_OP(name##_m64, "fldt %[a]", #name "l %[b]", "fstpt %[r]")
HOST_MEM(fadd)
HOST_MEM(fsub)
HOST_MEM(fsubr)
HOST_MEM(fmul)
HOST_MEM(fdiv)
HOST_MEM(fdivr)
HOST_OP2P(fyl2x, "fyl2x")
HOST_OP2P(fyl2xp1, "fyl2xp1")
HOST_OP2P(fpatan, "fpatan")
HOST_OP1(f2xm1, "f2xm1")
HOST_OP1(fsqrt, "fsqrt")
HOST_OP1(fsin, "fsin")
HOST_OP1(fcos, "fcos")
HOST_OP1(frndint, "frndint")
/* Two results: r[0] the new ST0, r[1] what is below. */
HOST_OP(fxtract, "fldt %[a]", "fxtract", "fstpt %[r]\n\tfstpt %[r2]")
HOST_OP(fsincos, "fldt %[a]", "fsincos", "fstpt %[r]\n\tfstpt %[r2]")
HOST_OP(fptan, "fldt %[a]", "fptan", "fstpt %[r]\n\tfstpt %[r2]")
/* No result in a register. */
#define HOST_TEST(name, load, insn, unload) HOST_OP_(host_##name, load, insn, "", unload)
HOST_TEST(fcom, "fldt %[b]\n\tfldt %[a]", "fcom %%st(1)", "fstp %%st(0)\n\tfstp %%st(0)")
HOST_TEST(fcom_m32, "fldt %[a]", "fcoms %[b]", "fstp %%st(0)")
HOST_TEST(fcom_m64, "fldt %[a]", "fcoml %[b]", "fstp %%st(0)")
HOST_TEST(fucom, "fldt %[b]\n\tfldt %[a]", "fucom %%st(1)", "fstp %%st(0)\n\tfstp %%st(0)")
HOST_TEST(ftst, "fldt %[a]", "ftst", "fstp %%st(0)")
HOST_TEST(fxam, "fldt %[a]", "fxam", "fstp %%st(0)")
/* Operands in memory of other sizes are converted by loading them. */
HOST_TEST(load32, "", "flds %[a]", "fstpt %[r]")
HOST_TEST(load64, "", "fldl %[a]", "fstpt %[r]")

typedef struct HostPair { HostOp *op, *trap; } HostPair;
#define PAIR(name) { host_##name, host_##name##_trap }

/* -- Guest state ------------------------------------------------------------- */

static FPReg *st(CPUX86State *env, unsigned i)
{
    return &env->fpregs[(env->fpstt + i) & 7];
}

static bool is_empty(const CPUX86State *env, unsigned i)
{
    return env->fptags[(env->fpstt + i) & 7];
}

/* By the two parts FSTP wrote and FLD will read: a copy of 16 bytes would wait
 * for the store, not forward it. */
static void copy_reg(FPReg *d, const FPReg *s)
{
    d->f.mant = s->f.mant;
    d->f.se = s->f.se;
}

static void set_st(CPUX86State *env, unsigned i, const FPReg *v)
{
    unsigned n = (env->fpstt + i) & 7;

    copy_reg(&env->fpregs[n], v);
    env->fptags[n] = 0;
}

static void push(CPUX86State *env, const FPReg *v)
{
    env->fpstt = (env->fpstt - 1) & 7;
    set_st(env, 0, v);
}

static void pop(CPUX86State *env)
{
    env->fptags[env->fpstt] = 1;
    env->fpstt = (env->fpstt + 1) & 7;
}

static void drive_ferr(CPUX86State *env, int level)
{
    bool entered = global_enter();

    if (env->pins.ferr) {
        env->pins.ferr(env->pins.opaque, level);
    }
    global_leave(entered);
}

/* ES and B follow the exceptions and their masks. */
static void update_summary(CPUX86State *env)
{
    if (env->fpus & ~env->fpuc & FPUS_EXC) {
        env->fpus |= FPUS_ES | FPUS_B;
    } else {
        env->fpus &= ~(uint32_t)(FPUS_ES | FPUS_B);
    }
}

static void note(CPUX86State *env, uint32_t exceptions)
{
    env->fpus |= exceptions;
    update_summary(env);
}

/* Before a waiting instruction, SDM vol. 1, 8.7. */
static void check_pending(CPUX86State *env, uintptr_t ra)
{
    if (!(env->fpus & FPUS_ES)) {
        return;
    }
    if (env->cr[0] & CR0_NE) {
        x86_raise(env, EXCP_MF, ra);
    }
    drive_ferr(env, 1);
}

void helper_fwait(CPUX86State *env)
{
    check_pending(env, GETPC());
}

/* 8.5.1.1; overflow: C1 = 1.  True: masked, go on with the indefinite value. */
static bool stack_fault(CPUX86State *env, bool overflow)
{
    env->fpus = (env->fpus & ~(uint32_t)FPUS_C1) | (overflow ? FPUS_C1 : 0);
    note(env, FPUS_IE | FPUS_SF);
    return env->fpuc & FPUS_IE;
}

/*
 * Clear the host's exceptions after an operation.  FNCLEX is slow: while all
 * are masked they may stay, since they are the guest's sticky flags as well.
 */
static void forget(const CPUX86State *env, uint16_t sw)
{
    if ((sw & FPUS_EXC) && (~env->fpuc & FPUS_EXC)) {
        host_fnclex();
    }
}

/*
 * Take over what an operation reported: condition codes in `cc`, exceptions.
 * False: an unmasked exception forbids storing the result.
 */
static bool commit(CPUX86State *env, uint16_t sw, uint32_t cc)
{
    const uint16_t before = FPUS_IE | FPUS_DE | FPUS_ZE;
    bool stopped = sw & ~env->fpuc & before;

    forget(env, sw);
    if (stopped) {
        /* It did not get as far as the others; a comparison says "unordered". */
        sw &= before | FPUS_C0 | FPUS_C2 | FPUS_C3;
    }
    env->fpus = (env->fpus & ~cc) | (sw & cc);
    if (sw & FPUS_EXC & ~env->fpus) {
        note(env, sw & FPUS_EXC);
    }
    return !stopped;
}

static bool is_nan(const FPReg *v)
{
    return (v->f.se & 0x7fff) == 0x7fff && v->f.mant << 1;
}

/* Are exceptions unmasked that come after the operation? */
static bool traps_late(const CPUX86State *env)
{
    return ~env->fpuc & (FPUS_OE | FPUS_UE);
}

/* Run a pair for its result; false as commit(). */
static bool run(CPUX86State *env, const HostPair *p, FPReg *r, const FPReg *a,
                const FPReg *b, uint32_t cc)
{
    uint16_t sw;

    if (cc == FPUS_CC) {
        host_fnclex();                  /* FPREM must tell its own IE */
    }
    if (traps_late(env)) {
        host_fldcw(env->fpuc | (FPUS_IE | FPUS_DE | FPUS_ZE | FPUS_PE));
        sw = p->trap(r, a, b);
        host_fldcw(env->fpuc | 0x3f);
    } else {
        sw = p->op(r, a, b);
    }
    bool stopped = sw & ~env->fpuc & (FPUS_IE | FPUS_DE | FPUS_ZE);

    if (stopped) {
        sw &= ~FPUS_CC;
    }
    if (stopped || (sw & FPUS_IE) || is_nan(&r[0])) {
        cc &= FPUS_C1 | FPUS_C2;        /* FPREM: the quotient's bits stay */
    }
    return commit(env, sw, cc);
}

/* -- Arithmetic -------------------------------------------------------------- */

typedef enum ArithSource { FROM_ST, FROM_M32, FROM_M64 } ArithSource;

#define ARITH_PAIRS(suffix) {                                               \
    PAIR(fadd##suffix), PAIR(fmul##suffix), { NULL, NULL }, { NULL, NULL }, \
    PAIR(fsub##suffix), PAIR(fsubr##suffix), PAIR(fdiv##suffix), PAIR(fdivr##suffix) }
static const HostPair arith[][8] = {
    [FROM_ST] = ARITH_PAIRS(), [FROM_M32] = ARITH_PAIRS(_m32), [FROM_M64] = ARITH_PAIRS(_m64),
};

/* ST(dst) = ST(dst) op ST(src); for reversed forms dst - src swap in op. */
void helper_farith(CPUX86State *env, uint32_t op, uint32_t dst, uint32_t src)
{
    FPReg r[2];

    check_pending(env, GETPC());
    if (is_empty(env, dst) || is_empty(env, src)) {
        if (stack_fault(env, false)) {
            set_st(env, dst, &indefinite);
        }
        return;
    }
    if (run(env, &arith[FROM_ST][op], r, st(env, dst), st(env, src), FPUS_C1)) {
        set_st(env, dst, &r[0]);
    }
}

/* An operation with ST0 and an operand in memory. */
static void arith_mem(CPUX86State *env, unsigned op, ArithSource from, const FPReg *b)
{
    static HostOp *const compare[] = { host_fcom, host_fcom_m32, host_fcom_m64 };
    FPReg r[2];

    if (is_empty(env, 0)) {
        bool masked = stack_fault(env, false);

        if (op == 2 || op == 3) {
            env->fpus |= FPUS_C0 | FPUS_C2 | FPUS_C3;
        } else if (masked) {
            set_st(env, 0, &indefinite);
        }
        if (op == 3 && masked) {
            pop(env);
        }
    } else if (op == 2 || op == 3) {
        if (commit(env, compare[from](r, st(env, 0), b), FPUS_CC) && op == 3) {
            pop(env);
        }
    } else if (run(env, &arith[from][op], r, st(env, 0), b, FPUS_C1)) {
        set_st(env, 0, &r[0]);
    }
}

void helper_farith_m32(CPUX86State *env, uint32_t op, uint32_t val)
{
    FPReg m = { .f = { val, 0 } };

    check_pending(env, GETPC());
    arith_mem(env, op, FROM_M32, &m);
}

void helper_farith_m64(CPUX86State *env, uint32_t op, uint64_t val)
{
    FPReg m = { .f = { val, 0 } };

    check_pending(env, GETPC());
    arith_mem(env, op, FROM_M64, &m);
}

static void from_int(FPReg *r, int64_t val)
{
    __asm__ volatile("fildll %1\n\tfstpt %0" : "=m"(*r) : "m"(val));
}

void helper_farith_i32(CPUX86State *env, uint32_t op, uint32_t val)
{
    FPReg b;

    check_pending(env, GETPC());
    from_int(&b, (int32_t)val);
    arith_mem(env, op, FROM_ST, &b);
}

/* -- Comparisons ------------------------------------------------------------- */

void helper_fcom(CPUX86State *env, uint32_t i, uint32_t quiet)
{
    check_pending(env, GETPC());
    if (is_empty(env, 0) || is_empty(env, i)) {
        stack_fault(env, false);
        env->fpus |= FPUS_C0 | FPUS_C2 | FPUS_C3;
        return;
    }
    FPReg none[2];

    commit(env, (quiet ? host_fucom : host_fcom)(none, st(env, 0), st(env, i)), FPUS_CC);
}

/* C3 C2 C0 -> ZF PF CF (SDM vol. 2, FCOMI) */
static uint32_t eflags_of(uint32_t sw)
{
    return (sw & FPUS_C3 ? CC_Z : 0) | (sw & FPUS_C2 ? CC_P : 0) | (sw & FPUS_C0 ? CC_C : 0);
}

uint32_t helper_fcomi(CPUX86State *env, uint32_t i, uint32_t quiet)
{
    FPReg none[2];
    uint16_t sw = FPUS_C0 | FPUS_C2 | FPUS_C3;

    check_pending(env, GETPC());
    if (is_empty(env, 0) || is_empty(env, i)) {
        stack_fault(env, false);
    } else {
        sw = (quiet ? host_fucom : host_fcom)(none, st(env, 0), st(env, i));
        commit(env, sw, 0);
    }
    return eflags_of(sw);
}

/* The pop of FADDP, FCOMP ...: not if the operation was stopped. */
void helper_fpop(CPUX86State *env)
{
    if (!(env->fpus & ~env->fpuc & (FPUS_IE | FPUS_DE | FPUS_ZE))) {
        pop(env);
    }
}

/* -- Loads ------------------------------------------------------------------- */

/* Room on the stack?  If not and that is masked, pushes the indefinite value. */
static bool room(CPUX86State *env)
{
    if (!env->fptags[(env->fpstt - 1) & 7]) {
        if (stack_fault(env, true)) {
            push(env, &indefinite);
        }
        return false;
    }
    env->fpus &= ~(uint32_t)FPUS_C1;
    return true;
}

void helper_fld_st(CPUX86State *env, uint32_t i)
{
    check_pending(env, GETPC());
    if (is_empty(env, i)) {
        if (stack_fault(env, false)) {
            push(env, &indefinite);
        }
    } else if (room(env)) {
        FPReg v = *st(env, i);

        push(env, &v);
    }
}

static void load_converted(CPUX86State *env, HostOp *load, uint64_t val)
{
    FPReg m = { .f = { val, 0 } }, r[2];

    if (!room(env)) {
        return;
    }
    uint16_t sw = load(r, &m, &m);

    /* An unmasked denormal operand is loaded all the same. */
    if (commit(env, sw, 0) || !(sw & FPUS_IE)) {
        push(env, &r[0]);
    }
}

void helper_fld_m32(CPUX86State *env, uint32_t val)
{
    check_pending(env, GETPC());
    load_converted(env, host_load32, val);
}

void helper_fld_m64(CPUX86State *env, uint64_t val)
{
    check_pending(env, GETPC());
    load_converted(env, host_load64, val);
}

void helper_fld_m80(CPUX86State *env, uint64_t mant, uint32_t se)
{
    FPReg v = { .f = { mant, (uint16_t)se } };

    check_pending(env, GETPC());
    if (room(env)) {
        push(env, &v);
    }
}

void helper_fild(CPUX86State *env, uint64_t val)
{
    FPReg v;

    check_pending(env, GETPC());
    if (room(env)) {
        from_int(&v, (int64_t)val);
        push(env, &v);
    }
}

void helper_fbld(CPUX86State *env, uint64_t low, uint32_t high)
{
    FPReg m = { .f = { low, (uint16_t)high } }, v;

    check_pending(env, GETPC());
    if (room(env)) {
        __asm__ volatile("fbld %1\n\tfstpt %0" : "=m"(v) : "m"(m));
        push(env, &v);
    }
}

#define LOAD_CONST(insn) __asm__ volatile(insn "\n\tfstpt %0" : "=m"(v)); break

/* FLD1 FLDL2T FLDL2E FLDPI FLDLG2 FLDLN2 FLDZ; rounded as RC says. */
void helper_fld_const(CPUX86State *env, uint32_t n)
{
    FPReg v = indefinite;

    check_pending(env, GETPC());
    if (!room(env)) {
        return;
    }
    switch (n) {
    case 0: LOAD_CONST("fld1");
    case 1: LOAD_CONST("fldl2t");
    case 2: LOAD_CONST("fldl2e");
    case 3: LOAD_CONST("fldpi");
    case 4: LOAD_CONST("fldlg2");
    case 5: LOAD_CONST("fldln2");
    case 6: LOAD_CONST("fldz");
    }
    push(env, &v);
}

/* -- Stores ------------------------------------------------------------------ */

typedef uint16_t StoreFn(void *out, const FPReg *a);

typedef struct StoreOp {
    uint8_t bytes;
    uint64_t indefinite;
    StoreFn *op, *trap;
} StoreOp;

#define STORE_FN_(name, insn, clear)                                        \
    static uint16_t name(void *out, const FPReg *a)                         \
    {                                                                       \
        uint16_t sw;                                                        \
        __asm__ volatile("fldt %2\n\t" insn " %1\n\tfnstsw %0\n\t" clear    \
                         : "=am"(sw), "=m"(*(FPReg *)out) : "m"(*a));       \
        return sw;                                                          \
    }
/* An unmasked exception leaves the register on the host's stack. */
#define STORE_FN(name, insn)                                                \
    STORE_FN_(name, insn, "") STORE_FN_(name##_trap, insn, "fninit")
STORE_FN(store_m32, "fstps")
STORE_FN(store_m64, "fstpl")
STORE_FN(store_m80, "fstpt")
STORE_FN(store_i16, "fistps")
STORE_FN(store_i32, "fistpl")
STORE_FN(store_i64, "fistpll")
STORE_FN(store_t16, "fisttps")
STORE_FN(store_t32, "fisttpl")
STORE_FN(store_t64, "fisttpll")
STORE_FN(store_bcd, "fbstp")

static const StoreOp store_ops[] = {
    [FST_M32]  = { 4, 0xffc00000, store_m32, store_m32_trap },
    [FST_M64]  = { 8, 0xfff8000000000000ull, store_m64, store_m64_trap },
    [FST_M80]  = { 10, 0xc000000000000000ull, store_m80, store_m80_trap },
    [FIST_16]  = { 2, 0x8000, store_i16, store_i16_trap },
    [FIST_32]  = { 4, 0x80000000, store_i32, store_i32_trap },
    [FIST_64]  = { 8, 0x8000000000000000ull, store_i64, store_i64_trap },
    [FISTT_16] = { 2, 0x8000, store_t16, store_t16_trap },
    [FISTT_32] = { 4, 0x80000000, store_t32, store_t32_trap },
    [FISTT_64] = { 8, 0x8000000000000000ull, store_t64, store_t64_trap },
    [FST_BCD]  = { 10, 0xc000000000000000ull, store_bcd, store_bcd_trap },
};

/* Whatever of an area cannot be written, before a byte of it is; the lowest
 * address that faults is the one reported. */
static void probe_store(CPUX86State *env, uint32_t addr, unsigned len, uintptr_t ra)
{
    uint32_t last = addr + len - 1;
    unsigned idx = x86_cpl(env) == 3;

    cpu_probe(x86_cpu(env), addr, 1, MMU_WRITE, idx, ra);
    if ((addr ^ last) & ~(TARGET_PAGE_SIZE - 1)) {
        cpu_probe(x86_cpu(env), last & ~(TARGET_PAGE_SIZE - 1), 1, MMU_WRITE, idx, ra);
    }
}

static void store_guest(CPUX86State *env, uint32_t addr, const FPReg *v, unsigned bytes,
                        uintptr_t ra)
{
    static const uint8_t memop[] = { [2] = MO_16, [4] = MO_32, [8] = MO_64 };
    unsigned idx = x86_cpl(env) == 3;

    if (bytes == 10) {
        probe_store(env, addr, 10, ra);
        cpu_st(x86_cpu(env), addr + 8, v->f.se, MO_16, idx, ra);
        bytes = 8;
    }
    cpu_st(x86_cpu(env), addr, v->f.mant, memop[bytes], idx, ra);
}

void helper_fst_mem(CPUX86State *env, uint32_t kind, uint32_t addr, uint32_t do_pop)
{
    const StoreOp *s = &store_ops[kind];
    uintptr_t ra = GETPC();
    FPReg v = { .f = { s->indefinite, 0xffff } };
    uint32_t no_store = FPUS_IE | FPUS_DE | FPUS_ZE | FPUS_OE | FPUS_UE;
    bool empty = is_empty(env, 0);
    uint16_t sw = FPUS_IE | FPUS_SF;

    check_pending(env, ra);
    if (!empty && traps_late(env)) {
        host_fldcw(env->fpuc | (FPUS_IE | FPUS_DE | FPUS_ZE | FPUS_PE));
        sw = s->trap(&v, st(env, 0));
        host_fldcw(env->fpuc | 0x3f);
    } else if (!empty) {
        sw = s->op(&v, st(env, 0));
        forget(env, sw);
    }
    bool stopped = sw & ~env->fpuc & no_store;
    if (stopped) {
        sw &= no_store | FPUS_SF;
    } else {
        store_guest(env, addr, &v, s->bytes, ra);
    }
    env->fpus = (env->fpus & ~(uint32_t)FPUS_C1) | (empty ? 0 : sw & FPUS_C1);
    note(env, sw & (FPUS_EXC | (empty ? FPUS_SF : 0)));
    if (do_pop && !stopped) {
        pop(env);
    }
}

void helper_fst_st(CPUX86State *env, uint32_t i)
{
    check_pending(env, GETPC());
    if (is_empty(env, 0)) {
        if (stack_fault(env, false)) {
            set_st(env, i, &indefinite);
        }
        return;
    }
    FPReg v = *st(env, 0);

    env->fpus &= ~(uint32_t)FPUS_C1;
    set_st(env, i, &v);
}

/* D9 D8+i of an empty register copies nothing and pops. */
void helper_fstpnce(CPUX86State *env, uint32_t i)
{
    unsigned n = (env->fpstt + i) & 7;

    check_pending(env, GETPC());
    env->fpus &= ~(uint32_t)FPUS_C1;
    if (!is_empty(env, 0)) {
        env->fpregs[n].f = st(env, 0)->f;
        env->fptags[n] = 0;
    }
    pop(env);
}

void helper_fxch(CPUX86State *env, uint32_t i)
{
    check_pending(env, GETPC());
    env->fpus &= ~(uint32_t)FPUS_C1;
    if ((is_empty(env, 0) || is_empty(env, i)) && !stack_fault(env, false)) {
        return;
    }
    FPReg a = is_empty(env, 0) ? indefinite : *st(env, 0);
    FPReg b = is_empty(env, i) ? indefinite : *st(env, i);

    set_st(env, 0, &b);
    set_st(env, i, &a);
}

void helper_fcmov(CPUX86State *env, uint32_t i, uint32_t cond)
{
    check_pending(env, GETPC());
    if (is_empty(env, 0) || is_empty(env, i)) {
        if (stack_fault(env, false)) {
            set_st(env, 0, &indefinite);
        }
    } else if (cond) {
        FPReg v = *st(env, i);

        set_st(env, 0, &v);
    }
}

void helper_ffree(CPUX86State *env, uint32_t i)
{
    check_pending(env, GETPC());
    env->fpus &= ~(uint32_t)FPUS_C1;
    env->fptags[(env->fpstt + i) & 7] = 1;
}

/* -- D9 E0 .. FF ------------------------------------------------------------- */

typedef enum D9Shape {
    D9_ONE,             /* ST0 = op(ST0) */
    D9_TWO,             /* ST0 = op(ST0, ST1) */
    D9_POP,             /* ST1 = op(ST0, ST1), pop */
    D9_PUSH,            /* ST0 = r2, push r; C2: nothing changes */
} D9Shape;

typedef struct D9Row {
    HostPair op;
    D9Shape shape;
    uint32_t cc;
} D9Row;

/* By ModRM's low five bits. */
static const D9Row d9[32] = {
    [0x10] = { PAIR(f2xm1), D9_ONE, FPUS_C1 },
    [0x11] = { PAIR(fyl2x), D9_POP, FPUS_C1 },
    [0x12] = { PAIR(fptan), D9_PUSH, FPUS_C1 | FPUS_C2 },
    [0x13] = { PAIR(fpatan), D9_POP, FPUS_C1 },
    [0x14] = { PAIR(fxtract), D9_PUSH, FPUS_C1 },
    [0x15] = { PAIR(fprem1), D9_TWO, FPUS_CC },
    [0x18] = { PAIR(fprem), D9_TWO, FPUS_CC },
    [0x19] = { PAIR(fyl2xp1), D9_POP, FPUS_C1 },
    [0x1a] = { PAIR(fsqrt), D9_ONE, FPUS_C1 },
    [0x1b] = { PAIR(fsincos), D9_PUSH, FPUS_C1 | FPUS_C2 },
    [0x1c] = { PAIR(frndint), D9_ONE, FPUS_C1 },
    [0x1d] = { PAIR(fscale), D9_TWO, FPUS_C1 },
    [0x1e] = { PAIR(fsin), D9_ONE, FPUS_C1 | FPUS_C2 },
    [0x1f] = { PAIR(fcos), D9_ONE, FPUS_C1 | FPUS_C2 },
};

static void d9_underflow(CPUX86State *env, D9Shape shape, uint32_t cc)
{
    env->fpus &= ~(cc & FPUS_C2);
    if (!stack_fault(env, false)) {
        return;
    }
    if (shape == D9_POP) {
        set_st(env, 1, &indefinite);
        pop(env);
    } else {
        set_st(env, 0, &indefinite);
        if (shape == D9_PUSH) {
            push(env, &indefinite);
        }
    }
}

static void d9_push(CPUX86State *env, const D9Row *row)
{
    FPReg r[2];
    FPReg a = *st(env, 0);
    /* Out of range, the host unit pushes nothing: find out with FSIN first. */
    bool trig = row->cc & FPUS_C2;

    if (!env->fptags[(env->fpstt - 1) & 7]) {
        env->fpus &= ~(row->cc & FPUS_C2);
        if (stack_fault(env, true)) {
            set_st(env, 0, &indefinite);
            push(env, &indefinite);
        }
        return;
    }
    if (trig) {
        uint16_t sw = host_fsin(r, &a, &a);

        if (sw & FPUS_EXC) {
            host_fnclex();
        }
        if (sw & FPUS_C2) {
            env->fpus = (env->fpus & ~(uint32_t)FPUS_C1) | FPUS_C2;
            return;
        }
    }
    if (run(env, &row->op, r, &a, &a, row->cc)) {
        set_st(env, 0, &r[1]);
        push(env, &r[0]);
    }
}

static void d9_row(CPUX86State *env, const D9Row *row)
{
    bool two = row->shape == D9_TWO || row->shape == D9_POP;
    FPReg r[2];

    if (is_empty(env, 0) || (two && is_empty(env, 1))) {
        d9_underflow(env, row->shape, row->cc);
        return;
    }
    if (row->shape == D9_PUSH) {
        d9_push(env, row);
        return;
    }
    if (!run(env, &row->op, r, st(env, 0), st(env, 1), row->cc)) {
        return;
    }
    set_st(env, row->shape == D9_POP, &r[0]);
    if (row->shape == D9_POP) {
        pop(env);
    }
}

/* Empty registers have a class of their own: C3 and C0 (SDM vol. 2, FXAM). */
static void fxam(CPUX86State *env)
{
    FPReg none[2];
    uint16_t sw = host_fxam(none, st(env, 0), st(env, 0));

    if (is_empty(env, 0)) {
        sw = (uint16_t)(FPUS_C3 | FPUS_C0 | (sw & FPUS_C1));
    }
    env->fpus = (env->fpus & ~(uint32_t)FPUS_CC) | (sw & FPUS_CC);
}

static void change_sign(CPUX86State *env, uint16_t keep, uint16_t flip)
{
    if (is_empty(env, 0)) {
        d9_underflow(env, D9_ONE, 0);
        return;
    }
    env->fpus &= ~(uint32_t)FPUS_C1;
    st(env, 0)->f.se = (uint16_t)((st(env, 0)->f.se & keep) ^ flip);
}

void helper_f_d9(CPUX86State *env, uint32_t op)
{
    FPReg none[2];

    check_pending(env, GETPC());
    switch (op) {
    case 0x00:                                          /* FCHS */
        change_sign(env, 0xffff, 0x8000);
        break;
    case 0x01:                                          /* FABS */
        change_sign(env, 0x7fff, 0);
        break;
    case 0x04:                                          /* FTST */
        if (is_empty(env, 0)) {
            stack_fault(env, false);
            env->fpus |= FPUS_C0 | FPUS_C2 | FPUS_C3;
        } else {
            commit(env, host_ftst(none, st(env, 0), st(env, 0)), FPUS_CC);
        }
        break;
    case 0x05:
        fxam(env);
        break;
    case 0x16: case 0x17:                               /* FDECSTP, FINCSTP */
        env->fpus &= ~(uint32_t)FPUS_C1;
        env->fpstt = (env->fpstt + (op == 0x17 ? 1 : 7)) & 7;
        break;
    default:
        d9_row(env, &d9[op]);
    }
}

/* -- Control ----------------------------------------------------------------- */

static void set_fpuc(CPUX86State *env, uint32_t val)
{
    env->fpuc = (val & 0x1f3f) | 0x40;
    x86_update_hflags(env);
    if (~val & FPUS_EXC) {
        host_fnclex();
    }
    host_fldcw(env->fpuc | 0x3f);
    update_summary(env);
}

void x86_fpu_set_status(CPUX86State *env, uint32_t val)
{
    env->fpstt = val >> 11 & 7;
    env->fpus = val & 0x477f & ~(7u << 11);
    env->fpus |= val & FPUS_CC;
    host_fnclex();
    update_summary(env);
}

void helper_fldcw(CPUX86State *env, uint32_t val)
{
    check_pending(env, GETPC());
    set_fpuc(env, val);
}

/* Of translated code whose unit is the host's: its operand has an unmasked
 * exception. */
void helper_fldcw_trap(CPUX86State *env)
{
    x86_fpu_spill(env);
    set_fpuc(env, (uint32_t)env->fp_mem.f.mant & 0xffff);
}

uint32_t helper_fnstsw(CPUX86State *env)
{
    return env->fpus | env->fpstt << 11;
}

static void reset_unit(CPUX86State *env)
{
    env->fpus = 0;
    env->fpstt = 0;
    host_fnclex();
    set_fpuc(env, 0x37f);
    memset(env->fptags, 1, sizeof(env->fptags));
    env->fpop = env->fpip = env->fpdp = 0;
    drive_ferr(env, 0);
}

void helper_fninit(CPUX86State *env)
{
    reset_unit(env);
}

void helper_fnclex(CPUX86State *env)
{
    if (env->fpus & FPUS_ES) {
        drive_ferr(env, 0);
    }
    env->fpus &= ~(uint32_t)(FPUS_EXC | FPUS_SF | FPUS_ES | FPUS_B);
    host_fnclex();
}

/* -- Images in memory -------------------------------------------------------- */

static void st_word(CPUX86State *env, uint32_t addr, uint32_t val, unsigned memop, uintptr_t ra)
{
    cpu_st(x86_cpu(env), addr, val, memop, x86_cpl(env) == 3, ra);
}

static uint32_t ld_word(CPUX86State *env, uint32_t addr, unsigned memop, uintptr_t ra)
{
    return (uint32_t)cpu_ld(x86_cpu(env), addr, memop, x86_cpl(env) == 3, ra);
}

/* Two bits per physical register, 8.1.7: valid, zero, special, empty. */
static unsigned tag_of(const CPUX86State *env, unsigned n)
{
    const FPReg *r = &env->fpregs[n];
    unsigned exp = r->f.se & 0x7fff;

    if (env->fptags[n]) {
        return 3;
    }
    if (exp == 0 && r->f.mant == 0) {
        return 1;
    }
    return exp == 0 || exp == 0x7fff || !(r->f.mant >> 63) ? 2 : 0;
}

uint32_t x86_fpu_tag_word(const CPUX86State *env)
{
    uint32_t w = 0;

    for (unsigned n = 0; n < 8; n++) {
        w |= tag_of(env, n) << 2 * n;
    }
    return w;
}

/*
 * Figures 8-9 to 8-12: protected mode images have pointers as selector and
 * offset, real mode ones as linear addresses split over the words.
 */
static void env_words(const CPUX86State *env, unsigned size, uint32_t w[7])
{
    bool prot = x86_protected(env);
    uint32_t ip = env->fpip, dp = env->fpdp, op = env->fpop & 0x7ff;

    w[0] = env->fpuc;
    w[1] = env->fpus | env->fpstt << 11;
    w[2] = x86_fpu_tag_word(env);
    w[3] = ip;
    w[5] = dp;
    if (prot) {
        w[4] = size == 4 ? op << 16 : 0;
        w[6] = 0;
    } else if (size == 4) {
        w[3] = ip & 0xffff;
        w[4] = (ip >> 16) << 12 | op;
        w[5] = dp & 0xffff;
        w[6] = (dp >> 16) << 12;
    } else {
        w[4] = (ip >> 16 & 15) << 12 | op;
        w[6] = (dp >> 16 & 15) << 12;
    }
    for (unsigned i = 0; i < 7; i++) {
        bool pointer = i == 3 || i == 5;

        if (size == 4 && !pointer && !(i == 4 || i == 6)) {
            w[i] |= 0xffff0000;
        }
    }
}

static void store_env(CPUX86State *env, uint32_t addr, unsigned size, uintptr_t ra)
{
    uint32_t w[7];

    probe_store(env, addr, 7 * size, ra);
    env_words(env, size, w);
    for (unsigned i = 0; i < 7; i++) {
        st_word(env, addr + i * size, w[i], size == 4 ? MO_32 : MO_16, ra);
    }
}

static void fetch_env(CPUX86State *env, uint32_t addr, unsigned size, uint32_t w[7], uintptr_t ra)
{
    for (unsigned i = 0; i < 7; i++) {
        w[i] = ld_word(env, addr + i * size, size == 4 ? MO_32 : MO_16, ra);
    }
}

static void set_env(CPUX86State *env, unsigned size, const uint32_t w[7])
{
    bool prot = x86_protected(env);

    for (unsigned n = 0; n < 8; n++) {
        env->fptags[n] = (w[2] >> 2 * n & 3) == 3;
    }
    env->fpip = prot ? w[3] : (w[3] & 0xffff) | (w[4] >> 12) << 16;
    env->fpdp = prot ? w[5] : (w[5] & 0xffff) | (w[6] >> 12) << 16;
    env->fpop = (prot ? size == 4 ? w[4] >> 16 : 0 : w[4]) & 0x7ff;
    env->fpuc = (w[0] & 0x1f3f) | 0x40;
    x86_fpu_set_status(env, w[1]);
    set_fpuc(env, w[0]);
}

/* Masks all exceptions afterwards (SDM vol. 2, FSTENV). */
void helper_fnstenv(CPUX86State *env, uint32_t addr, uint32_t size)
{
    store_env(env, addr, size, GETPC());
    set_fpuc(env, env->fpuc | 0x3f);
}

void helper_fldenv(CPUX86State *env, uint32_t addr, uint32_t size)
{
    uint32_t w[7];

    check_pending(env, GETPC());
    fetch_env(env, addr, size, w, GETPC());
    set_env(env, size, w);
}

void helper_fnsave(CPUX86State *env, uint32_t addr, uint32_t size)
{
    uintptr_t ra = GETPC();

    probe_store(env, addr, 7 * size + 80, ra);
    for (unsigned i = 0; i < 8; i++) {
        store_guest(env, addr + 7 * size + 10 * i, st(env, i), 10, ra);
    }
    store_env(env, addr, size, ra);
    reset_unit(env);
}

void helper_frstor(CPUX86State *env, uint32_t addr, uint32_t size)
{
    uintptr_t ra = GETPC();
    uint32_t w[7];
    FPReg v[8];

    check_pending(env, ra);
    fetch_env(env, addr, size, w, ra);
    for (unsigned i = 0; i < 8; i++) {
        uint32_t at = addr + 7 * size + 10 * i;

        v[i].f.mant = cpu_ld(x86_cpu(env), at, MO_64, x86_cpl(env) == 3, ra);
        v[i].f.se = (uint16_t)ld_word(env, at + 8, MO_16, ra);
    }
    set_env(env, size, w);
    for (unsigned i = 0; i < 8; i++) {
        st(env, i)->f = v[i].f;
    }
}

/* -- FXSAVE, FXRSTOR, MXCSR (SDM vol. 1, 10.5) ------------------------------- */

enum { MXCSR_MASK = 0xffff };

/* From outside of translated code: leaving it has stored the sticky flags. */
uint32_t x86_mxcsr(CPUX86State *env)
{
    return env->mxcsr | (env->mxcsr_host & 0x3f);
}

/* From a helper: they are in the host's register. */
static uint32_t live_mxcsr(const CPUX86State *env)
{
    return env->mxcsr | (_mm_getcsr() & 0x3f);
}

/* The host runs with the guest's modes, everything masked. */
void x86_set_mxcsr(CPUX86State *env, uint32_t val)
{
    env->mxcsr = val;
    env->mxcsr_host = (val & 0xffff) | 0x1f80;
    _mm_setcsr(env->mxcsr_host);
    env->hflags &= ~(uint32_t)HF_SSE_TRAP;
    env->hflags |= (val & 0x1f80) != 0x1f80 ? HF_SSE_TRAP : 0;
}

void helper_ldmxcsr(CPUX86State *env, uint32_t val)
{
    if (val & ~(uint32_t)MXCSR_MASK) {
        x86_raise_err(env, EXCP_GP, 0, GETPC());
    }
    x86_set_mxcsr(env, val);
}

uint32_t helper_stmxcsr(CPUX86State *env)
{
    return live_mxcsr(env);
}

static uint32_t abridged_tags(const CPUX86State *env)
{
    uint32_t w = 0;

    for (unsigned n = 0; n < 8; n++) {
        w |= (uint32_t)!env->fptags[n] << n;
    }
    return w;
}

void helper_fxsave(CPUX86State *env, uint32_t addr)
{
    uintptr_t ra = GETPC();
    bool sse = env->cr[4] & CR4_OSFXSR;
    const struct { uint16_t at; uint32_t val; } words[] = {
        { 0, env->fpuc | (env->fpus | env->fpstt << 11) << 16 },
        { 4, abridged_tags(env) | (env->fpop & 0x7ff) << 16 },
        { 8, env->fpip }, { 12, 0 }, { 16, env->fpdp }, { 20, 0 },
        { 24, live_mxcsr(env) }, { 28, MXCSR_MASK },
    };

    probe_store(env, addr, 512, ra);
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        st_word(env, addr + words[i].at, words[i].val, MO_32, ra);
    }
    for (unsigned i = 0; i < 8; i++) {
        cpu_st(x86_cpu(env), addr + 32 + 16 * i, st(env, i)->f.mant, MO_64,
               x86_cpl(env) == 3, ra);
        cpu_st(x86_cpu(env), addr + 40 + 16 * i, st(env, i)->f.se, MO_64,
               x86_cpl(env) == 3, ra);
    }
    for (unsigned i = 0; sse && i < 16; i++) {
        cpu_st(x86_cpu(env), addr + 160 + 8 * i, env->xmm[i / 2].q[i & 1], MO_64,
               x86_cpl(env) == 3, ra);
    }
}

void helper_fxrstor(CPUX86State *env, uint32_t addr)
{
    uintptr_t ra = GETPC();
    unsigned idx = x86_cpl(env) == 3;
    bool sse = env->cr[4] & CR4_OSFXSR;
    uint32_t mxcsr = ld_word(env, addr + 24, MO_32, ra);
    XMMReg xmm[8];
    uint64_t fp[16];

    if (sse && (mxcsr & ~(uint32_t)MXCSR_MASK)) {
        x86_raise_err(env, EXCP_GP, 0, ra);
    }
    for (unsigned i = 0; i < 16; i++) {
        fp[i] = cpu_ld(x86_cpu(env), addr + 32 + 8 * i, MO_64, idx, ra);
        if (sse) {
            xmm[i / 2].q[i & 1] = cpu_ld(x86_cpu(env), addr + 160 + 8 * i, MO_64, idx, ra);
        }
    }
    uint32_t control = ld_word(env, addr, MO_32, ra);
    uint32_t tags = ld_word(env, addr + 4, MO_32, ra);

    env->fpip = ld_word(env, addr + 8, MO_32, ra);
    env->fpdp = ld_word(env, addr + 16, MO_32, ra);
    env->fpop = tags >> 16 & 0x7ff;
    env->fpuc = (control & 0x1f3f) | 0x40;
    x86_fpu_set_status(env, control >> 16);
    set_fpuc(env, control);
    for (unsigned n = 0; n < 8; n++) {
        env->fptags[n] = !(tags >> n & 1);
        st(env, n)->f.mant = fp[2 * n];
        st(env, n)->f.se = (uint16_t)fp[2 * n + 1];
    }
    if (sse) {
        memcpy(env->xmm, xmm, sizeof(xmm));
        x86_set_mxcsr(env, mxcsr);
    }
}
