/* SPDX-License-Identifier: MIT */
/*
 * Loads and stores.
 *
 * The access comes first, then the base, then what was loaded: so the base is
 * as it was when the access faults (base restored, DDI 0100I A2.6.6), and
 * a load wins over write-back to the same register.  Of LDM, registers other
 * than the base may be loaded already.
 */
#include "target-arm/gen.h"
#include "target-arm/helper.h"
#include "target-arm/translate.h"

typedef struct Address {
    TCGv access, base;                  /* base: after write-back */
    bool write_back;
} Address;

/* Write-back to PC is UNPREDICTABLE: none. */
static Address address(const ArmInsn *a, TCGv base, TCGv moved)
{
    return (Address){ .access = a->p ? moved : base, .base = moved,
                      .write_back = (!a->p || a->w) && a->rn != R_PC };
}

/* T16: PC counts as a multiple of 4.  What is loaded from there is not bound. */
static TCGv base_of(ArmDis *d, const ArmInsn *a)
{
    return a->rn == R_PC ? tcg_const(d->s, arm_pc_value(d) & ~3u) : arm_reg(d, a->rn);
}

static void write_back(ArmDis *d, const ArmInsn *a, const Address *at)
{
    if (at->write_back) {
        arm_set_reg(d, a->rn, at->base);
    }
}

static unsigned memop_of(unsigned op)
{
    switch (op) {
    case OP_LDRB: case OP_STRB: return MO_8;
    case OP_LDRH: case OP_STRH: return MO_16;
    case OP_LDRSB: return MO_8 | MO_SIGN;
    case OP_LDRSH: return MO_16 | MO_SIGN;
    default: return MO_32;
    }
}

static void load(ArmDis *d, const ArmInsn *a, const Address *at)
{
    TCGv v = arm_ld(d, at->access, memop_of(a->row->op));

    write_back(d, a, at);
    if (a->rd == R_PC) {
        arm_load_pc(d, v);
    } else {
        arm_set_reg(d, a->rd, v);
    }
}

/* DDI 0406C A8.8.72: an odd Rd is UNDEFINED (v5TE) or UNPREDICTABLE; so is PC. */
static void load_pair(ArmDis *d, const ArmInsn *a, const Address *at)
{
    TCGv v[2];

    arm_ld_pair(d, at->access, v);
    write_back(d, a, at);
    arm_set_reg(d, a->rd, v[0]);
    arm_set_reg(d, a->rd + 1, v[1]);
}

static void transfer(ArmDis *d, const ArmInsn *a, const Address *at)
{
    unsigned op = a->row->op;

    switch (op) {
    case OP_STR: case OP_STRB: case OP_STRH:
        arm_st(d, at->access, arm_reg(d, a->rd), memop_of(op));
        write_back(d, a, at);
        break;
    case OP_LDRD:
        load_pair(d, a, at);
        break;
    case OP_STRD:
        arm_st_pair(d, at->access, (TCGv[]){ arm_reg(d, a->rd), arm_reg(d, a->rd + 1) });
        write_back(d, a, at);
        break;
    default:
        load(d, a, at);
        break;
    }
}

static bool bad_pair(ArmDis *d, const ArmInsn *a)
{
    unsigned op = a->row->op;
    bool bad = (op == OP_LDRD || op == OP_STRD) && ((a->rd & 1) || a->rd == R_LR);

    if (bad) {
        arm_undef(d);
    }
    return bad;
}

void trans_ldst_imm(ArmDis *d, const ArmInsn *a)
{
    int32_t offset = a->u ? (int32_t)a->imm : -(int32_t)a->imm;

    if (!bad_pair(d, a)) {
        TCGv base = base_of(d, a);
        Address at = address(a, base, tcg_addi(d->s, base, offset));

        transfer(d, a, &at);
    }
}

/* A8.4.3: LSR, ASR #0 mean #32, ROR #0 means RRX. */
static TCGv offset_reg(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;
    TCGv m = arm_reg(d, a->rm);
    unsigned n = a->imm;

    switch (a->type) {
    case 0:
        return n ? tcg_shli(s, m, n) : m;
    case 1:
        return n ? tcg_shri(s, m, n) : tcg_const(s, 0);
    case 2:
        return tcg_sari(s, m, n ? n : 31);
    default:
        return n ? tcg_rotr(s, m, tcg_const(s, n))
                 : tcg_or(s, tcg_shri(s, m, 1), tcg_shli(s, arm_carry(d), 31));
    }
}

void trans_ldst_reg(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;

    if (!bad_pair(d, a)) {
        TCGv offset = offset_reg(d, a), base = base_of(d, a);
        Address at = address(a, base, a->u ? tcg_add(s, base, offset) : tcg_sub(s, base, offset));

        transfer(d, a, &at);
    }
}

/* LDRT and its like: with User's rights. */
static void as_user(ArmDis *d, const ArmInsn *a, void (*trans)(ArmDis *, const ArmInsn *))
{
    uint8_t mmu_idx = d->mmu_idx;

    d->mmu_idx = d->user_mmu_idx;
    trans(d, a);
    d->mmu_idx = mmu_idx;
}

void trans_ldst_user_imm(ArmDis *d, const ArmInsn *a)
{
    as_user(d, a, trans_ldst_imm);
}

void trans_ldst_user_reg(ArmDis *d, const ArmInsn *a)
{
    as_user(d, a, trans_ldst_reg);
}

void trans_pld(ArmDis *d, const ArmInsn *a)
{
    (void)d, (void)a;
}

/* -- Several registers --------------------------------------------------------- */

typedef struct Block {
    TCGv start, base;                   /* lowest address; base after write-back */
    uint32_t list;
} Block;

/* An empty list is UNPREDICTABLE: UNDEFINED. */
static bool begin_block(ArmDis *d, const ArmInsn *a, uint32_t list, Block *b)
{
    TCGContext *s = d->s;
    int32_t bytes = 4 * __builtin_popcount(list);
    TCGv base = arm_reg(d, a->rn);

    if (!list || a->rn == R_PC) {
        arm_undef(d);
        return false;
    }
    int32_t first = (a->u ? 0 : -bytes) + (a->p == a->u ? 4 : 0);

    *b = (Block){ .list = list, .base = tcg_addi(s, base, a->u ? bytes : -bytes) };
    b->start = arm_block_addr(d, first ? tcg_addi(s, base, first) : base);
    return true;
}

static TCGv word_addr(ArmDis *d, const Block *b, unsigned i)
{
    return i ? tcg_addi(d->s, b->start, 4 * (int32_t)i) : b->start;
}

/* S without PC in the list: User's registers. */
static void set_listed(ArmDis *d, unsigned n, TCGv v, bool user)
{
    if (user) {
        tcg_call(d->s, &h_set_user_reg, tcg_const(d->s, n), v);
    } else {
        arm_set_reg(d, n, v);
    }
}

/* S: CPSR from SPSR, which User mode does not have. */
static void block_to_pc(ArmDis *d, TCGv v, bool restore_cpsr)
{
    if (!restore_cpsr) {
        arm_load_pc(d, v);
    } else {
        tcg_call(d->s, &h_exception_return, v);
        tcg_exit_tb(d->s, TB_EXIT_NONE);
        d->end = END_GONE;
    }
}

static void load_block(ArmDis *d, const ArmInsn *a, uint32_t list)
{
    bool to_pc = list >> R_PC & 1, user = a->s && !to_pc, base_loaded = false;
    TCGv new_base = { 0 }, pc = { 0 };
    unsigned i = 0;
    Block b;

    if (!begin_block(d, a, list, &b)) {
        return;
    }
    for (unsigned n = 0; n < 16; n++) {
        if (!(list >> n & 1)) {
            continue;
        }
        TCGv v = arm_ld_word(d, word_addr(d, &b, i++));

        if (n == R_PC) {
            pc = v;
        } else if (n == a->rn && !user) {
            new_base = v;
            base_loaded = true;
        } else {
            set_listed(d, n, v, user);
        }
    }
    if (a->w || base_loaded) {
        arm_set_reg(d, a->rn, base_loaded ? new_base : b.base);
    }
    if (to_pc) {
        block_to_pc(d, pc, a->s && arm_dis_priv(d));
    }
}

/* The base among what is stored is what it was before, first or not. */
static void store_block(ArmDis *d, const ArmInsn *a, uint32_t list)
{
    TCGContext *s = d->s;
    unsigned i = 0;
    Block b;

    if (!begin_block(d, a, list, &b)) {
        return;
    }
    for (unsigned n = 0; n < 16; n++) {
        if (list >> n & 1) {
            bool user = a->s && n != R_PC;
            TCGv v = user ? tcg_call(s, &h_get_user_reg, tcg_const(s, n)) : arm_reg(d, n);

            arm_st_word(d, word_addr(d, &b, i++), v);
        }
    }
    if (a->w) {
        arm_set_reg(d, a->rn, b.base);
    }
}

void trans_ldm(ArmDis *d, const ArmInsn *a)
{
    load_block(d, a, a->list);
}

void trans_stm(ArmDis *d, const ArmInsn *a)
{
    store_block(d, a, a->list);
}

void trans_t_push(ArmDis *d, const ArmInsn *a)
{
    store_block(d, a, a->list | a->x << R_LR);
}

void trans_t_pop(ArmDis *d, const ArmInsn *a)
{
    load_block(d, a, a->list | a->x << R_PC);
}

/* No write-back if the base is loaded; that needs no saying, as the load wins. */
void trans_t_ldm(ArmDis *d, const ArmInsn *a)
{
    load_block(d, a, a->list);
}

/* -- Synchronization ----------------------------------------------------------- */

/* CPUs take turns on one thread, so nothing comes between. */
void trans_swp(ArmDis *d, const ArmInsn *a)
{
    unsigned op = memop_of(a->row->op);

    if (a->rd == R_PC || a->rm == R_PC || a->rn == R_PC) {
        arm_undef(d);
        return;
    }
    TCGv addr = arm_reg(d, a->rn), v = arm_reg(d, a->rm), old;

    old = arm_ld(d, addr, op | MO_RMW);
    arm_st(d, addr, v, op);
    arm_set_reg(d, a->rd, old);
}

/*
 * The exclusive monitor is an address; ~0, which is none of a word, means open.
 * It does not see other stores: there is only one processor.
 */
void trans_ldrex(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;
    bool pair = a->row->op == OP_LDRD;
    TCGv addr = arm_reg(d, a->rn), v[2];

    if (a->rd == R_PC || a->rn == R_PC || (pair && ((a->rd & 1) || a->rd == R_LR))) {
        arm_undef(d);
        return;
    }
    if (pair) {
        arm_ld_pair(d, addr, v);
        arm_set_reg(d, a->rd + 1, v[1]);
    } else {
        v[0] = arm_ld_exclusive(d, addr, memop_of(a->row->op));
    }
    tcg_st(s, TCG_st32, addr, ENV(excl_addr));
    arm_set_reg(d, a->rd, v[0]);
}

void trans_strex(ArmDis *d, const ArmInsn *a)
{
    TCGContext *s = d->s;
    bool pair = a->row->op == OP_STRD;
    TCGLabel fail = tcg_new_label(s), done = tcg_new_label(s);

    if (a->rd == R_PC || a->rn == R_PC || a->rm == R_PC ||
        (pair && ((a->rm & 1) || a->rm == R_LR))) {
        arm_undef(d);
        return;
    }
    TCGv addr = arm_reg(d, a->rn);

    tcg_brcond(s, TCG_COND_NE, tcg_ld(s, TCG_ld32, ENV(excl_addr)), addr, fail);
    if (pair) {
        arm_st_pair(d, addr, (TCGv[]){ arm_reg(d, a->rm), arm_reg(d, a->rm + 1) });
    } else {
        arm_st_exclusive(d, addr, arm_reg(d, a->rm), memop_of(a->row->op));
    }
    arm_set_reg(d, a->rd, tcg_const(s, 0));
    tcg_br(s, done);
    arm_label(d, fail);
    arm_set_reg(d, a->rd, tcg_const(s, 1));
    arm_label(d, done);
    trans_clrex(d, a);
}

void trans_clrex(ArmDis *d, const ArmInsn *a)
{
    (void)a;
    tcg_st(d->s, TCG_st32, tcg_const(d->s, ~0u), ENV(excl_addr));
}
