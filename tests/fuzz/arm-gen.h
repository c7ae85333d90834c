/* SPDX-License-Identifier: MIT */
/*
 * Random ARM instructions, from the rows of the decode tables.
 *
 * Wild ones are what the row's pattern leaves open, filled in at random.  Tame
 * ones have one meaning on every ARM (nothing UNPREDICTABLE), touch memory near
 * what r6, r7 and sp point to and nowhere else, and do not leave the sequence:
 *
 *      r5        a small multiple of 8: register offsets
 *      r6 r7 sp  pointers into the middle of TAME_SCRATCH bytes
 *      others    anything, and may be written
 */
#ifndef TESTS_FUZZ_ARM_GEN_H
#define TESTS_FUZZ_ARM_GEN_H

#include <string.h>

#include "target-arm/gen-vfp.h"
#include "target-arm/gen.h"
#include "tests/arm-rig.h"

enum { TAME_SCRATCH = 1024, TAME_LEN = 4 };     /* at most so many in a row */

static uint64_t rnd_state;

static uint32_t rnd(void)
{
    rnd_state = rnd_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(rnd_state >> 32);
}

static uint32_t below(uint32_t n)
{
    return (uint32_t)((uint64_t)rnd() * n >> 32);
}

/* Values at whose edges things happen */
static uint32_t rnd_value(void)
{
    static const uint32_t edges[] = {
        0, 1, 2, 31, 32, 33, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000,
        0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff, 0x7fff7fff, 0x80008000,
    };

    switch (below(4)) {
    case 0: return edges[below(ARRAY_SIZE(edges))];
    case 1: return rnd() & 0xff;
    default: return rnd();
    }
}

/* Bits of a field, from its mask: the value's bits in order. */
static uint32_t scatter(uint32_t mask, uint32_t v)
{
    uint32_t r = 0;

    for (; mask; mask &= mask - 1, v >>= 1) {
        r |= v & 1 ? mask & -mask : 0;
    }
    return r;
}

static uint32_t gather(uint32_t mask, uint32_t raw)
{
    uint32_t v = 0;

    for (unsigned i = 0; mask; mask &= mask - 1, i++) {
        v |= raw & mask & -mask ? 1u << i : 0;
    }
    return v;
}

static uint32_t get_field(const ArmRow *r, uint32_t raw, char letter)
{
    return gather(arm_row_field(r, letter), raw);
}

static uint32_t set_field(const ArmRow *r, uint32_t raw, char letter, uint32_t v)
{
    uint32_t mask = arm_row_field(r, letter);

    return (raw & ~mask) | scatter(mask, v);
}

static uint32_t wild_insn(const ArmRow *r)
{
    uint32_t m, v, raw;

    arm_row_bits(r, &m, &v);
    do {
        raw = (rnd() & ~m) | v;
    } while (arm_row_is_cond(r) && raw >> 28 == 15);
    return r->fixed ? raw & 0xffff : raw;
}

/* -- Tame ones --------------------------------------------------------------- */

typedef void ArmTrans(ArmDis *, const ArmInsn *);

static bool is_one_of(const ArmRow *r, ArmTrans *const *list)
{
    for (; *list; list++) {
        if (r->trans == *list) {
            return true;
        }
    }
    return false;
}

/* Leaves the sequence, needs rights, or goes by a monitor. */
static bool never_tame(const ArmRow *r)
{
    static ArmTrans *const list[] = {
        trans_svc, trans_bkpt, trans_udf, trans_bx, trans_blx_reg, trans_blx_imm, trans_t_bl_high,
        trans_t_bl, trans_t_blx, trans_cps, trans_t_cps, trans_setend, trans_srs, trans_rfe,
        trans_ldc, trans_cdp, trans_mcr, trans_mrc, trans_mcrr, trans_mrrc, trans_ldrex,
        trans_strex, trans_vfp_msr, NULL,
    };

    return is_one_of(r, list);
}

static bool is_ldst(const ArmRow *r)
{
    static ArmTrans *const list[] = {
        trans_ldst_imm, trans_ldst_reg, trans_ldst_user_imm, trans_ldst_user_reg, NULL,
    };

    return is_one_of(r, list);
}

static bool is_block(const ArmRow *r)
{
    static ArmTrans *const list[] = {
        trans_ldm, trans_stm, trans_t_ldm, trans_t_push, trans_t_pop, NULL,
    };

    return is_one_of(r, list);
}

/* Bits that should be 1, of those that are "-". */
static uint32_t ones_that_should_be(const ArmRow *r)
{
    static ArmTrans *const all[] = {
        trans_par_s, trans_par_q, trans_par_sh, trans_par_u, trans_par_uq, trans_par_uh,
        trans_sel, trans_sat16, trans_rev, trans_clz, trans_clrex, trans_pld, NULL,
    };

    if (r->trans == trans_mrs) {
        return 0x000f0000;
    }
    if (r->trans == trans_msr_reg || r->trans == trans_msr_imm || r->trans == trans_nop) {
        return 0x0000f000;
    }
    if (r->trans == trans_clrex) {
        return 0x000ff00f;
    }
    return is_one_of(r, all) ? ~0u : 0;
}

/* A register that may be written. */
static uint32_t free_reg(bool thumb)
{
    static const uint8_t regs[] = { 0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 14 };

    return regs[below(thumb ? 5 : ARRAY_SIZE(regs))];
}

static uint32_t tame_ldst(const ArmRow *r, uint32_t raw)
{
    bool thumb = r->fixed, dual = r->op == OP_LDRD || r->op == OP_STRD;
    bool moves = !thumb && (!get_field(r, raw, 'P') || get_field(r, raw, 'W'));

    if (arm_row_field(r, 'n')) {
        raw = set_field(r, raw, 'n', thumb ? 6 + below(2) : (uint32_t[]){ 6, 7, 13 }[below(3)]);
    }
    raw = set_field(r, raw, 'm', 5);
    raw = set_field(r, raw, 't', 0);
    if (!get_field(r, raw, 'P') && !thumb) {
        raw = set_field(r, raw, 'W', 0);
    }
    if (r->trans == trans_ldst_imm || r->trans == trans_ldst_user_imm) {
        uint32_t imm = get_field(r, raw, 'i') & (thumb ? 15 : 63);

        raw = set_field(r, raw, 'i', dual || moves ? imm & ~7u : imm);
    } else {
        raw = set_field(r, raw, 'i', below(2));
    }
    if (dual) {
        raw = set_field(r, raw, 'd', (uint32_t[]){ 0, 2, 8, 10 }[below(4)]);
    }
    return raw;
}

static uint32_t tame_block(const ArmRow *r, uint32_t raw)
{
    bool thumb = r->fixed;
    uint32_t list = rnd() & (thumb ? 0x1f : 0x5f1f);

    if (arm_row_field(r, 'n')) {
        raw = set_field(r, raw, 'n', thumb ? 6 + below(2) : (uint32_t[]){ 6, 7, 13 }[below(3)]);
    }
    raw = set_field(r, raw, 'l', list ? list : 1);
    raw = set_field(r, raw, 'S', 0);
    return r->trans == trans_t_pop ? set_field(r, raw, 'X', 0) : raw;
}

/* To the next instruction or two further on. */
static uint32_t tame_branch(const ArmRow *r, uint32_t raw)
{
    return set_field(r, raw, 'i', below(3) - 1);
}

static bool is_double(const ArmRow *r, uint32_t raw)
{
    return raw >> 8 & 1 || strstr(r->syntax, "f64");
}

/* A list of registers: as many as fit, four doubles at most. */
static uint32_t tame_vfp_list(const ArmRow *r, uint32_t raw)
{
    bool dbl = is_double(r, raw);
    uint32_t first = get_field(r, raw, 'd') * 2 + (dbl ? 0 : get_field(r, raw, 'D'));
    uint32_t num = 1 + below(8);

    num = num > 32 - first ? 32 - first : num;
    return set_field(r, raw, 'i', dbl ? (num + 1) & ~1u : num);
}

/*
 * VFPv2 has 16 doubles: D, N and M are 0 for them.  A pair of singles does not
 * end behind s31.
 */
static uint32_t tame_vfp(const ArmRow *r, uint32_t raw)
{
    static ArmTrans *const core[] = {
        trans_vfp_move_single, trans_vfp_move_half, trans_vfp_move_pair, trans_vfp_mrs, NULL,
    };

    if (is_double(r, raw) || r->trans == trans_vfp_move_pair) {
        raw = set_field(r, set_field(r, set_field(r, raw, 'D', 0), 'N', 0), 'M', 0);
    }
    if (r->trans == trans_vfp_ldst || r->trans == trans_vfp_ldm) {
        raw = set_field(r, raw, 'n', (uint32_t[]){ 6, 7, 13 }[below(3)]);
        raw = r->trans == trans_vfp_ldm ? tame_vfp_list(r, raw) : set_field(r, raw, 'i', below(8));
    }
    if (is_one_of(r, core)) {
        raw = set_field(r, raw, 'd', free_reg(false));
    }
    if (r->trans == trans_vfp_mrs) {
        raw = set_field(r, raw, 'n', 1);
        return below(2) ? set_field(r, raw, 'd', 15) : raw;
    }
    while (r->trans == trans_vfp_move_pair && get_field(r, raw, 'n') == get_field(r, raw, 'd')) {
        raw = set_field(r, raw, 'd', free_reg(false));
    }
    return raw;
}

/* A register of a core's, which may be written in a pair. */
static uint32_t tame_pair_source(const ArmRow *r, uint32_t raw)
{
    return r->trans == trans_vfp_move_pair ? set_field(r, raw, 'n', free_reg(false)) : raw;
}

static uint32_t tame_insn(const ArmRow *r)
{
    bool thumb = r->fixed;
    uint32_t raw = wild_insn(r), blank = arm_row_field(r, '-');

    raw = (raw & ~blank) | (blank & ones_that_should_be(r));
    if (arm_row_field(r, 'c') && ((raw >> (thumb ? 8 : 28) & 15) >= 14 || (!thumb && below(2)))) {
        raw = set_field(r, raw, 'c', thumb ? below(14) : 14);
    }
    if (r->needs & ARM_VFP2) {
        return tame_vfp(r, tame_pair_source(r, raw));
    }
    for (const char *p = "nms"; *p; p++) {
        raw = arm_row_field(r, *p) && get_field(r, raw, *p) == 15
            ? set_field(r, raw, *p, below(15)) : raw;
    }
    raw = set_field(r, raw, 'd', free_reg(thumb));
    do {
        raw = set_field(r, raw, 'a', free_reg(thumb));
    } while (arm_row_field(r, 'a') && get_field(r, raw, 'a') == get_field(r, raw, 'd'));
    if (is_ldst(r)) {
        raw = tame_ldst(r, raw);
    } else if (is_block(r)) {
        raw = tame_block(r, raw);
    } else if (r->trans == trans_swp) {
        raw = set_field(r, set_field(r, raw, 'n', 6 + below(2)), 'm', below(5));
    } else if (r->trans == trans_b || r->trans == trans_bl || r->trans == trans_t_b ||
               r->trans == trans_t_bcc) {
        raw = tame_branch(r, raw);
    } else if (r->trans == trans_msr_reg || r->trans == trans_msr_imm) {
        raw = set_field(r, set_field(r, raw, 'k', 4u << below(2) | 8), 'X', 0);
    } else if (thumb && strstr(r->fixed, "d=13")) {     /* sp moves a little */
        raw = set_field(r, raw, 'i', below(8) * 2);
    } else if (r->trans == trans_mrs) {
        raw = set_field(r, raw, 'X', 0);
    }
    return raw;
}

/* Compares of T16 high registers, and of others, name no low or no PC. */
static bool is_tame(const ArmDecoder *t, const ArmRow *r, uint32_t raw)
{
    ArmInsn a;

    if (arm_decode(t, raw, r->fixed, ~0u, &a) != r) {
        return false;                   /* it has become a special case */
    }
    if (r->trans == trans_dp_reg && r->fixed && !strncmp(r->pattern, "010001", 6)) {
        return a.rd < 13 && a.rd != 5 && a.rd != 6 && a.rd != 7 && a.rm != 15 && a.rn != 15 &&
               (a.rn > 7 || a.rm > 7);
    }
    return true;
}

#endif
