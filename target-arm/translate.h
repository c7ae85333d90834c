/* SPDX-License-Identifier: MIT */
/*
 * ARM to TCG: the translator's state and what handlers may use of it.
 *
 *   translate.c   block loop, conditions, registers, PC, leaving a block
 *   decode.c      words -> ArmInsn, from the rows of a32.def, t16.def, vfp.def
 *   gen-cc.c      flags: recording them and testing conditions
 *   gen-mem.c     memory access, alignment, byte order
 *   gen-*.c       trans_<handler>() functions, by family (gen.h)
 *
 * Rules for a trans_ function:
 *   1. Its condition holds: the loop has seen to that.
 *   2. Change no register or flag before the last access that may fault (LDM
 *      may, but its base: DDI 0100I, A2.6.6).
 *   3. Emit no label in the middle: values die there.  If it cannot be helped,
 *      use arm_label().
 *   4. At most 256 operations.
 *   5. UNDEFINED: arm_undef(d) and return.  What the row's `needs` says was
 *      checked before.
 */
#ifndef TARGET_ARM_TRANSLATE_H
#define TARGET_ARM_TRANSLATE_H

#include "target-arm/cpu.h"
#include "target-arm/decode.h"

/* Globals of arm_tcg_target.  G_R0 + n is rn up to 14. */
enum {
    G_R0, G_SP = 13, G_LR = 14, G_PC = 15, G_NF, G_ZF, G_CF, G_VF, G_CC, G_NUM
};

extern const TCGTarget arm_tcg_target;

/* CPUOps.gen_intermediate_code, restore_state and unaligned */
void arm_gen_intermediate_code(CPUState *cpu, TCGContext *s, DisasRequest *req);
void arm_restore_state(CPUState *cpu, uint32_t pc, uint32_t word);
bool arm_unaligned(CPUState *cpu, vaddr *addr, uint32_t memop, MMUAccess access,
                   unsigned *rotate);

/* How a block goes on after an instruction. */
typedef enum ArmEnd {
    END_NOT,                            /* with the next instruction */
    END_NEXT,                           /* block ends, PC is next */
    END_MODE,                           /* the same by cpu_exec: tbflags or masks
                                           of interrupts may be new */
    END_GONE,                           /* every path has left already */
} ArmEnd;

typedef struct ArmCond {                /* true if a c b */
    TCGCond c;
    TCGv a, b;
} ArmCond;

/* What is known about the flags at translation time. */
typedef struct ArmCC {
    int8_t cv, nz;                      /* CC_LAZY_CV, _NZ: 0, 1, -1 not known */
    bool have_ab, have_res;
    TCGv a, b;                          /* C and V are those of a - b */
    TCGv res;                           /* N and Z are those of this */
} ArmCC;

/* An exit hardly ever taken, behind the block. */
typedef struct ArmStub {
    TCGLabel label;
    uint32_t next;                      /* PC */
} ArmStub;

#define ARM_MAX_STUBS 32
#define ARM_MAX_ROUNDS 4

struct ArmDis {
    /* The block */
    TCGContext *s;
    CPUState *cpu;
    uint32_t features, flags;           /* of the model; TBF_xxx */
    uint32_t start;                     /* address of the first instruction */
    /* A block that jumps to itself is translated several times over. */
    unsigned num_insns;                 /* so far */
    unsigned rounds, max_rounds;        /* jumps to the start so far; at most */
    uint32_t loop_end;                  /* address behind the loop */
    TCGLabel loop_exit[ARM_MAX_ROUNDS];
    uint8_t mmu_idx, user_mmu_idx;      /* user: of LDRT and STRT */
    bool thumb, leave;                  /* leave: to cpu_exec, do not chain */
    bool bound;                         /* DisasRequest.bound */
    unsigned num_stubs;
    ArmStub stubs[ARM_MAX_STUBS];
    /* Code from start to the end of its page */
    const uint8_t *window;

    /* The instruction */
    uint32_t pc, next;                  /* address of it and behind it */
    ArmEnd end;
    bool predicated;                    /* arm_set_reg() keeps the old value */
    ArmCond pred;                       /* unless this holds */
    bool word_checked;                  /* arm_block_addr(): the first is aligned */
    ArmCC cc;
    /* Instructions in a row with one condition are jumped over together. */
    bool skipping;
    uint8_t skip_cond;
    bool flags_set;                     /* since then */
    TCGLabel skip;
    ArmCC skip_cc;                      /* at the jump */
    /* T16: the first half of a BL is right before this instruction */
    bool have_bl;
    uint32_t bl_base;
    /* gen-vfp.c: s0-s31, d0-d15 in lane 0 of vectors, then fpscr_nzcv; bit n of
     * known: vfp_val[n] is it */
    uint64_t vfp_known;
    TCGv vfp_val[49];
};

#define ENV(member) ((uint32_t)offsetof(CPUARMState, member))

static inline bool arm_has(const ArmDis *d, uint32_t features)
{
    return (d->features & features) == features;
}
static inline bool arm_dis_priv(const ArmDis *d) { return d->flags & TBF_PRIV; }

/* -- Registers (translate.c) ------------------------------------------------- */

/* PC reads as the address of the instruction + 8, in T16 + 4. */
TCGv arm_reg(ArmDis *d, unsigned n);
void arm_set_reg(ArmDis *d, unsigned n, TCGv v);        /* n < 15 */
static inline uint32_t arm_pc_value(const ArmDis *d) { return d->pc + (d->thumb ? 4 : 8); }

/*
 * Writes to PC; each ends the block.  ARMv7 ARM A2.3.1: BranchWritePC (stays in
 * this instruction set), BXWritePC (bit 0 chooses), and a load to PC, which is
 * BXWritePC from v5 on unless c1.L4 is set.
 */
void arm_branch_to(ArmDis *d, TCGv addr);
void arm_bx(ArmDis *d, TCGv addr);
/* To addr in the other instruction set. */
void arm_exchange(ArmDis *d, TCGv addr);
void arm_load_pc(ArmDis *d, TCGv addr);
/* Jump to a known address in this instruction set, by goto_tb `slot` if it may. */
void arm_jump(ArmDis *d, uint32_t addr, unsigned slot);
/* A conditional jump, at the end of a loop that is this block: true if that is all. */
bool arm_loop(ArmDis *d, uint32_t addr);

/* -- Leaving ----------------------------------------------------------------- */

void arm_raise_now(ArmDis *d, int excp);        /* the instruction ends here */
void arm_undef(ArmDis *d);
/*
 * Last thing of an instruction that may change tbflags or unmask interrupts: the
 * block ends and cpu_exec looks; or goes on if neither has happened.
 */
void arm_end_mode(ArmDis *d);
void arm_check_mode(ArmDis *d);
void arm_label(ArmDis *d, TCGLabel l);

/* -- Flags (gen-cc.c) -------------------------------------------------------- */

void arm_set_nz(ArmDis *d, TCGv result);        /* C and V stay */
void arm_set_carry(ArmDis *d, TCGv c);          /* 0 or 1; the others stay */
/* All four: of a - b, which is result; of a + b; of a + b + a carry; of a given
 * word, bits <31:28>. */
void arm_set_cc_sub(ArmDis *d, TCGv a, TCGv b, TCGv result);
void arm_set_cc_add(ArmDis *d, TCGv a, TCGv b, TCGv result);
void arm_set_cc_adc(ArmDis *d, TCGv a, TCGv b, TCGv result, TCGv carry_out);
void arm_set_cc_nzcv(ArmDis *d, TCGv nzcv);
/* A helper has called arm_cpsr_read() or _write(): nothing is lazy now. */
void arm_cc_plain(ArmDis *d);
TCGv arm_carry(ArmDis *d);                      /* C, 0 or 1 */
/* Condition 0 .. 13 as a comparison.  May emit operations, no labels. */
ArmCond arm_cond(ArmDis *d, unsigned cond);

/* -- Memory (gen-mem.c) ------------------------------------------------------ */

/*
 * Data access as LDR, LDRB, LDRH ... do it, by the alignment and byte order
 * rules in force (docs/arm.md): op is MO_8, MO_16, MO_32, MO_SIGN.
 */
TCGv arm_ld(ArmDis *d, TCGv addr, unsigned op);
void arm_st(ArmDis *d, TCGv addr, TCGv v, unsigned op);
/* LDREX and STREX: a multiple of the size, else an alignment fault (or, v5 style,
 * the low bits are ignored). */
TCGv arm_ld_exclusive(ArmDis *d, TCGv addr, unsigned op);
void arm_st_exclusive(ArmDis *d, TCGv addr, TCGv v, unsigned op);
/*
 * As LDM, LDC, VLDR and such do it: words at an address that is a multiple of 4,
 * else an alignment fault, or bits 1:0 are ignored (v5, c1.A clear).  Begin with
 * arm_block_addr(), then use what it returns plus a multiple of 4.  The 64-bit
 * forms are two words, that at the lower address being <31:0>, whatever the
 * byte order (i64 values).
 */
TCGv arm_block_addr(ArmDis *d, TCGv addr);
TCGv arm_ld_word(ArmDis *d, TCGv addr);
void arm_st_word(ArmDis *d, TCGv addr, TCGv v);
TCGv arm_ld_dword(ArmDis *d, TCGv addr);
void arm_st_dword(ArmDis *d, TCGv addr, TCGv v);
/* The same in one access, as lane 0 of a vector whose others are 0: if
 * arm_has_lanes(), which data in big-endian order have not. */
bool arm_has_lanes(const ArmDis *d);
TCGv arm_ld_lane(ArmDis *d, TCGv addr, bool dword);
void arm_st_lane(ArmDis *d, TCGv addr, TCGv v, bool dword);
/* LDRD, STRD; v[0] is at the lower address */
void arm_ld_pair(ArmDis *d, TCGv addr, TCGv *v);
void arm_st_pair(ArmDis *d, TCGv addr, const TCGv *v);

#endif
