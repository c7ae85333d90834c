/* SPDX-License-Identifier: MIT */
/*
 * What translated integer code leaves to C: exceptions, status registers,
 * banked registers, CP15, parallel arithmetic.
 */
#include "target-arm/cp15.h"
#include "target-arm/decode.h"
#include "target-arm/helper.h"

/* -- Exceptions -------------------------------------------------------------- */

void helper_raise(CPUARMState *env, uint32_t excp)
{
    arm_raise(env, (int)excp, GETPC());
}

/* DDI 0100I A4.1.7: a prefetch abort; on v6 with "debug event" as its status. */
void helper_bkpt(CPUARMState *env, uint32_t pc)
{
    env->fault_status = 2;
    env->fault_addr = pc;
    arm_raise(env, EXCP_PREFETCH_ABORT, GETPC());
}

/* T of the new CPSR says how much of pc counts. */
static void go(CPUARMState *env, uint32_t pc, uint32_t cpsr)
{
    arm_cpsr_write(env, cpsr, ~0u);
    env->regs[R_PC] = pc & (env->thumb ? ~1u : ~3u);
}

static bool has_spsr(const CPUARMState *env)
{
    unsigned mode = env->cpsr & CPSR_M;

    return mode != MODE_USR && mode != MODE_SYS;
}

/* System mode has no SPSR: UNPREDICTABLE, CPSR stays. */
void helper_exception_return(CPUARMState *env, uint32_t pc)
{
    go(env, pc, has_spsr(env) ? env->spsr : arm_cpsr_read(env));
}

void helper_rfe(CPUARMState *env, uint32_t pc, uint32_t cpsr)
{
    go(env, pc, cpsr);
}

/* -- Status registers -------------------------------------------------------- */

uint32_t helper_mrs_cpsr(CPUARMState *env)
{
    return arm_cpsr_read(env) & ~(uint32_t)(CPSR_T | CPSR_J);
}

void helper_msr_cpsr(CPUARMState *env, uint32_t val, uint32_t mask)
{
    arm_cpsr_write(env, val, mask);
}

void helper_msr_spsr(CPUARMState *env, uint32_t val, uint32_t mask)
{
    if (has_spsr(env)) {
        env->spsr = (env->spsr & ~mask) | (val & mask);
    }
}

/* -- Banks ------------------------------------------------------------------- */

/* Where register n of the bank of `mode` is now. */
static uint32_t *banked(CPUARMState *env, unsigned n, unsigned mode)
{
    unsigned now = arm_bank(env->cpsr & CPSR_M), bank = arm_bank(mode);
    bool elsewhere = n >= 8 && n < R_SP && (now == BANK_FIQ) != (bank == BANK_FIQ);

    if (elsewhere) {
        return bank == BANK_FIQ ? &env->fiq_r8_12[n - 8] : &env->usr_r8_12[n - 8];
    }
    if (bank != now && (n == R_SP || n == R_LR)) {
        return n == R_SP ? &env->banked_r13[bank] : &env->banked_r14[bank];
    }
    return &env->regs[n];
}

uint32_t helper_get_user_reg(CPUARMState *env, uint32_t n)
{
    return *banked(env, n, MODE_USR);
}

void helper_set_user_reg(CPUARMState *env, uint32_t n, uint32_t val)
{
    *banked(env, n, MODE_USR) = val;
}

uint32_t helper_get_sp_of(CPUARMState *env, uint32_t mode)
{
    return *banked(env, R_SP, mode);
}

void helper_set_sp_of(CPUARMState *env, uint32_t mode, uint32_t val)
{
    *banked(env, R_SP, mode) = val;
}

/* -- CP15 -------------------------------------------------------------------- */

uint32_t helper_cp15_read(CPUARMState *env, uint32_t insn)
{
    uint32_t val = 0;

    if (!arm_cp15_read(env, insn, &val)) {
        arm_raise(env, EXCP_UNDEF, GETPC());
    }
    return val;
}

/* After waiting for an interrupt the next instruction runs. */
void helper_cp15_write(CPUARMState *env, uint32_t insn, uint32_t val)
{
    uintptr_t ra = GETPC();

    if (!arm_cp15_write(env, insn, val)) {
        arm_raise(env, EXCP_UNDEF, ra);
    }
    if (env->common.exception_index == EXCP_HLT) {
        cpu_restore_state(arm_cpu(env), ra);
        env->regs[R_PC] += 4;
        cpu_loop_exit(arm_cpu(env));
    }
}

void helper_cp15_write64(CPUARMState *env, uint32_t insn, uint64_t val)
{
    if (!arm_cp15_write64(env, insn, val)) {
        arm_raise(env, EXCP_UNDEF, GETPC());
    }
}

/* -- Parallel arithmetic (ARMv7 ARM A8.8, A4.4.5) ------------------------------ */

typedef struct Lane { int32_t sum; bool subtract; } Lane;

static int32_t saturated(int32_t v, int32_t lo, int32_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* What a lane of `bits` becomes. */
static uint32_t lane_result(Lane l, unsigned kind, unsigned bits)
{
    int32_t half = 1 << (bits - 1);

    switch (kind) {
    case PARALLEL_Q:
        return (uint32_t)saturated(l.sum, -half, half - 1);
    case PARALLEL_UQ:
        return (uint32_t)saturated(l.sum, 0, 2 * half - 1);
    case PARALLEL_SH: case PARALLEL_UH:
        return (uint32_t)(l.sum >> 1);
    default:
        return (uint32_t)l.sum;
    }
}

/* GE: signed not negative; unsigned a carry out, or no borrow. */
static bool lane_ge(Lane l, unsigned kind, unsigned bits)
{
    return kind == PARALLEL_S || l.subtract ? l.sum >= 0 : l.sum >= 1 << bits;
}

static int32_t lane_of(uint32_t v, unsigned lane, unsigned bits, bool sign)
{
    uint32_t up = v << (32 - bits - lane * bits);

    return sign ? (int32_t)up >> (32 - bits) : (int32_t)(up >> (32 - bits));
}

uint64_t helper_parallel(uint32_t what, uint32_t a, uint32_t b)
{
    unsigned kind = what >> 8, op = what & 0xff;
    unsigned bits = op == OP_ADD8 || op == OP_SUB8 ? 8 : 16, lanes = 32 / bits;
    bool sign = kind == PARALLEL_S || kind == PARALLEL_Q || kind == PARALLEL_SH;
    bool crossed = op == OP_ASX || op == OP_SAX;
    uint32_t mask = (1u << bits) - 1, r = 0;
    uint64_t ge = 0;

    for (unsigned i = 0; i < lanes; i++) {
        int32_t x = lane_of(a, i, bits, sign);
        int32_t y = lane_of(b, crossed ? i ^ 1 : i, bits, sign);
        bool subtract = op == OP_SUB8 || op == OP_SUB16 || (op == OP_ASX && i == 0) ||
                        (op == OP_SAX && i == 1);
        Lane l = { subtract ? x - y : x + y, subtract };

        r |= (lane_result(l, kind, bits) & mask) << i * bits;
        ge |= lane_ge(l, kind, bits) ? (uint64_t)(bits == 8 ? 1 : 3) << i * bits / 8 : 0;
    }
    return ge << 32 | r;
}

uint32_t helper_sel(uint32_t ge, uint32_t a, uint32_t b)
{
    uint32_t mask = 0;

    for (unsigned i = 0; i < 4; i++) {
        mask |= ge >> i & 1 ? 0xffu << 8 * i : 0;
    }
    return (a & mask) | (b & ~mask);
}

uint32_t helper_usad8(uint32_t a, uint32_t b)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < 32; i += 8) {
        int32_t diff = (int32_t)(a >> i & 0xff) - (int32_t)(b >> i & 0xff);

        sum += (uint32_t)(diff < 0 ? -diff : diff);
    }
    return sum;
}
