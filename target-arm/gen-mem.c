/* SPDX-License-Identifier: MIT */
/*
 * Guest memory: which alignment, which byte order.
 *
 *   c1.A  c1.U   LDR, STR ...          LDRD, STRD         LDM, STM, LDC
 *   0     0      LDR rotates, others   bits 2:0 ignored   bits 1:0 ignored
 *                ignore the low bits
 *   0     1      any address           multiple of 4      multiple of 4
 *   1     -      multiple of the size  multiple of 8      multiple of 4
 *
 * (DDI 0100I, table A2-10 and A2.8; "multiple" else alignment fault.)  Checks
 * are MO_ALIGN, which costs nothing: the TLB comparison fails, and the slow path
 * asks arm_unaligned().
 */
#include "target-arm/mmu.h"
#include "target-arm/translate.h"

static bool strict(const ArmDis *d)
{
    return d->flags & TBF_ALIGN;
}

/* Not strict, and not ARMv6's: the low bits of addresses mean little. */
static bool legacy(const ArmDis *d)
{
    return !(d->flags & (TBF_ALIGN | TBF_UNALIGNED));
}

static TCGMemOp ordered(const ArmDis *d, unsigned op)
{
    bool swap = (d->flags & TBF_E) && (op & MO_SIZE) != MO_8;

    return (TCGMemOp)(op | (swap ? MO_BSWAP : 0));
}

static TCGMemOp memop(const ArmDis *d, unsigned op)
{
    bool check = (op & MO_SIZE) != MO_8 && (strict(d) || legacy(d));

    return (TCGMemOp)(ordered(d, op) | (check ? MO_ALIGN : 0));
}

TCGv arm_ld(ArmDis *d, TCGv addr, unsigned op)
{
    return tcg_qemu_ld(d->s, addr, memop(d, op), d->mmu_idx);
}

void arm_st(ArmDis *d, TCGv addr, TCGv v, unsigned op)
{
    tcg_qemu_st(d->s, addr, v, memop(d, op), d->mmu_idx);
}

TCGv arm_ld_exclusive(ArmDis *d, TCGv addr, unsigned op)
{
    return tcg_qemu_ld(d->s, addr, (TCGMemOp)(ordered(d, op) | MO_ALIGN), d->mmu_idx);
}

void arm_st_exclusive(ArmDis *d, TCGv addr, TCGv v, unsigned op)
{
    tcg_qemu_st(d->s, addr, v, (TCGMemOp)(ordered(d, op) | MO_ALIGN), d->mmu_idx);
}

/* -- Blocks of words --------------------------------------------------------- */

TCGv arm_block_addr(ArmDis *d, TCGv addr)
{
    d->word_checked = legacy(d);
    return legacy(d) ? tcg_andi(d->s, addr, ~3u) : addr;
}

/* The first access of a block says whether all are aligned. */
static TCGMemOp word_op(ArmDis *d)
{
    TCGMemOp op = ordered(d, MO_32 | (d->word_checked ? 0 : MO_ALIGN));

    d->word_checked = true;
    return op;
}

TCGv arm_ld_word(ArmDis *d, TCGv addr)
{
    return tcg_qemu_ld(d->s, addr, word_op(d), d->mmu_idx);
}

void arm_st_word(ArmDis *d, TCGv addr, TCGv v)
{
    tcg_qemu_st(d->s, addr, v, word_op(d), d->mmu_idx);
}

static TCGMemOp lane_op(ArmDis *d, bool dword)
{
    unsigned align = d->word_checked ? 0 : dword ? MO_ALIGN4 : MO_ALIGN;

    d->word_checked = true;
    return (TCGMemOp)((dword ? MO_64 : MO_32) | MO_VEC | align);
}

bool arm_has_lanes(const ArmDis *d)
{
    return !(d->flags & TBF_E);
}

TCGv arm_ld_lane(ArmDis *d, TCGv addr, bool dword)
{
    return tcg_qemu_ld(d->s, addr, lane_op(d, dword), d->mmu_idx);
}

void arm_st_lane(ArmDis *d, TCGv addr, TCGv v, bool dword)
{
    tcg_qemu_st(d->s, addr, v, lane_op(d, dword), d->mmu_idx);
}

TCGv arm_ld_dword(ArmDis *d, TCGv addr)
{
    TCGContext *s = d->s;
    TCGv low = arm_ld_word(d, addr);
    TCGv high = arm_ld_word(d, tcg_addi(s, addr, 4));

    return tcg_or(s, tcg_extu64(s, low), tcg_shli(s, tcg_extu64(s, high), 32));
}

void arm_st_dword(ArmDis *d, TCGv addr, TCGv v)
{
    TCGContext *s = d->s;

    arm_st_word(d, addr, tcg_trunc32(s, v));
    arm_st_word(d, tcg_addi(s, addr, 4), tcg_trunc32(s, tcg_shri(s, v, 32)));
}

/* -- LDRD and STRD ----------------------------------------------------------- */

/* Words are swapped, their order is not. */
static bool pair_is_words(const ArmDis *d)
{
    return (d->flags & TBF_E) || (!strict(d) && !legacy(d));
}

/* The address of the first word, if they are accessed one by one. */
static TCGv pair_addr(ArmDis *d, TCGv addr)
{
    return legacy(d) ? arm_block_addr(d, tcg_andi(d->s, addr, ~7u)) : arm_block_addr(d, addr);
}

void arm_ld_pair(ArmDis *d, TCGv addr, TCGv *v)
{
    TCGContext *s = d->s;

    if (pair_is_words(d)) {
        addr = pair_addr(d, addr);
        v[0] = arm_ld_word(d, addr);
        v[1] = arm_ld_word(d, tcg_addi(s, addr, 4));
        return;
    }
    TCGv both = tcg_qemu_ld(s, addr, (TCGMemOp)(MO_64 | MO_ALIGN), d->mmu_idx);

    v[0] = tcg_trunc32(s, both);
    v[1] = tcg_trunc32(s, tcg_shri(s, both, 32));
}

void arm_st_pair(ArmDis *d, TCGv addr, const TCGv *v)
{
    TCGContext *s = d->s;

    if (pair_is_words(d)) {
        addr = pair_addr(d, addr);
        arm_st_word(d, addr, v[0]);
        arm_st_word(d, tcg_addi(s, addr, 4), v[1]);
        return;
    }
    TCGv both = tcg_or(s, tcg_extu64(s, v[0]), tcg_shli(s, tcg_extu64(s, v[1]), 32));

    tcg_qemu_st(s, addr, both, (TCGMemOp)(MO_64 | MO_ALIGN), d->mmu_idx);
}

/* -- What MO_ALIGN leads to -------------------------------------------------- */

bool arm_unaligned(CPUState *cpu, vaddr *addr, uint32_t op, MMUAccess access, unsigned *rotate)
{
    CPUARMState *env = arm_env(cpu);
    uint32_t mask = tcg_alignment(op) - 1;

    if (env->tbflags & (TBF_ALIGN | TBF_UNALIGNED)) {
        arm_record_alignment(env, (uint32_t)*addr, access);
        return false;
    }
    if ((op & MO_SIZE) == MO_32) {
        *rotate = (*addr & mask) * 8;
    }
    *addr &= ~(vaddr)mask;
    return true;
}
