/* SPDX-License-Identifier: MIT */
/*
 * i386 to TCG: the translator's state and what generators may use of it.
 *
 *   translate.c   block loop, checks, operands, leaving a block
 *   decode.c      bytes -> X86Dis: prefixes, row, ModRM, immediates
 *   gen-cc.c      lazy flags: recording them and testing conditions
 *   gen-*.c       one function per instruction
 *
 * Rules for a gen_ function:
 *   1. Change no register or flag before the last access that may fault.  The
 *      common code keeps this for operand 0 and for flags recorded with
 *      x86_set_cc(); sets of one's own come after x86_write_back().
 *   2. Emit no label in the middle: values die there.  Conditional exits go to
 *      a stub behind the block (x86_stub_xxx).  If it cannot be helped, use
 *      x86_label().
 *   3. At most 256 operations.
 */
#ifndef TARGET_I386_TRANSLATE_H
#define TARGET_I386_TRANSLATE_H

#include "target-i386/cc.h"
#include "target-i386/cpu.h"
#include "target-i386/opmap.h"

/* Globals of x86_tcg_target, in the order of CPUX86State.regs. */
enum {
    G_EAX, G_ECX, G_EDX, G_EBX, G_ESP, G_EBP, G_ESI, G_EDI,
    G_EIP, G_CC_OP, G_CC_DST, G_CC_SRC, G_CC_SRC2, G_CC_INC,
    G_FPIP, G_FPOP, G_FPDP, G_XMM0, G_NUM = G_XMM0 + 8
};

extern const TCGTarget x86_tcg_target;

/* CPUOps.gen_intermediate_code */
void x86_gen_intermediate_code(CPUState *cpu, TCGContext *s, DisasRequest *req);

/* How a block goes on after an instruction. */
typedef enum X86End {
    END_NOT,                            /* with the next instruction */
    END_NEXT,                           /* block ends, EIP is next */
    END_MODE,                           /* the same, but the mode may be new */
    END_EIP,                            /* EIP was set by the instruction */
    END_GONE,                           /* every path has left already */
} X86End;

/* A rarely taken exit behind the block. */
typedef struct X86Stub {
    TCGLabel label;
    uint8_t kind;                       /* translate.c */
    uint8_t arg;
    uint32_t pc, next;                  /* of its instruction */
} X86Stub;

#define X86_MAX_STUBS 160

/* A branch not taken is gone on behind; the way it leads to has a slot of its own. */
#define X86_MAX_SIDES (TCG_SLOTS - 2)

typedef struct X86Side {
    TCGLabel label;
    uint32_t eip;
} X86Side;

typedef struct X86Cond {                /* true if a c b */
    TCGCond c;
    TCGv a, b;
} X86Cond;

/* What is known about the lazy flags at translation time. */
typedef struct X86CC {
    uint32_t op;                        /* cc.h, or CC_OP_DYNAMIC */
    uint8_t inc;                        /* DYNAMIC, but with this CCInc on top */
    bool have_ab;                       /* SUB, CMP: a and b are its operands */
    bool have_carry;                    /* carry is CF, 0 or 1 */
    bool src_set, src2_set, inc_set;    /* set in this block */
    TCGv a, b, carry;
} X86CC;

/* What an instruction does to the flags; committed after its write-back. */
typedef struct X86NewCC {
    bool pending;
    uint32_t op;
    uint8_t inc_kind;                   /* becomes X86CC.inc */
    bool have_dst, have_src, have_src2, have_inc, have_ab, have_carry;
    TCGv op_val;                        /* if op is CC_OP_DYNAMIC */
    TCGv dst, src, src2, inc, a, b, carry;
} X86NewCC;

/* Where the guest's x87 unit is: in env, or the host's (gen-x87-host.c). */
typedef enum X86Unit { UNIT_UNKNOWN, UNIT_ENV, UNIT_HOST } X86Unit;

struct X86Dis {
    /* The block */
    TCGContext *s;
    CPUState *cpu;
    const X86Model *model;
    uint32_t hflags, cs_base, start;    /* start: EIP of the first instruction */
    uint8_t mmu_idx;
    bool code32;
    bool first;                         /* this is its first instruction */
    bool leave;                         /* to cpu_exec, do not chain */
    bool bound;                         /* DisasRequest.bound */
    bool shadow;                        /* STI came right before: one more
                                           instruction, then the block ends */
    bool check_irq;                     /* and looks for interrupts on leaving */
    bool checked;                       /* DisasRequest.checked */
    X86End end;
    /* A block that jumps to itself is translated several times over */
    unsigned num_insns;                 /* so far */
    unsigned rounds;                    /* jumps to the start so far */
    unsigned max_rounds;
    uint32_t loop_end;                  /* EIP behind the loop */
    TCGLabel loop_exit;
    uint32_t low, high;                 /* EIPs of its bytes: [low, high) */
    unsigned num_jumps;                 /* that were followed */
    unsigned num_sides;
    X86Side side[X86_MAX_SIDES];
    unsigned num_stubs;
    X86Stub *stubs;                     /* X86_MAX_STUBS */
    /* Code bytes at linear .. linear + window_len - 1 */
    const uint8_t *window;
    uint32_t window_start, window_len;

    /* The instruction */
    uint32_t pc, next;                  /* EIP of it and behind it */
    const uint8_t *code;                /* its bytes in the window, and ... */
    uint32_t readable;                  /* how many there are, it and behind; or 0 */
    const X86Op *op;                    /* row; NULL: #UD */
    uint16_t operand[3];
    uint32_t places;                    /* of these three: a bit for each X_xx */
    uint8_t opcode;                     /* last byte of it */
    uint16_t map;                       /* 0, or TCG_X86_0F.. */
    uint8_t rep;                        /* 0, 0xf2, 0xf3 */
    bool escape;                        /* D8 .. DF */
    bool lock, prefix66;
    bool too_long, crosses;             /* more than 15 bytes; another page */
    bool no_trap;                       /* no single-step trap behind it */
    TCGMemOp osize, asize;              /* MO_16 or MO_32 */
    int8_t seg_override;                /* R_xx or -1 */
    bool has_modrm, has_mem;            /* has_mem: the address fields hold */
    uint8_t modrm, mod, reg, rm;
    int8_t base, index;                 /* register or -1 */
    uint8_t scale, seg;
    uint32_t disp;
    uint32_t imm[3];                    /* per operand; F: offset */
    uint16_t selector;                  /* of F */

    /* While generating */
    TCGMemOp ot;                        /* size of operand 0 */
    TCGv val[3], result;
    TCGv linear;                        /* of the memory operand, if loaded */
    bool have_stub[32];                 /* raise stubs of this instruction */
    uint8_t stub_of[32];
    X86Unit unit;                       /* at this place in the block */
    X86CC cc;
    X86NewCC new_cc;
};

#define ENV(member) ((uint32_t)offsetof(CPUX86State, member))

/*
 * Decode the instruction at d->pc, all but the block's fields.  False: it
 * reaches into another page and is not the first; nothing is lost.
 */
bool x86_decode(X86Dis *d);
/* Row and sub rows' name, for tests and logs; "(bad)". */
const char *x86_insn_name(const X86Dis *d);
bool x86_feature(const CPUX86State *env, X86Feature f);

static inline unsigned cpl(const X86Dis *d) { return d->hflags & HF_CPL_MASK; }
static inline unsigned iopl(const X86Dis *d)
{
    return (d->hflags & HF_IOPL_MASK) >> HF_IOPL_SHIFT;
}
static inline bool ss32(const X86Dis *d) { return d->hflags & HF_SS32; }
static inline unsigned osize_bytes(const X86Dis *d) { return 1u << d->osize; }
static inline unsigned place_of(unsigned operand) { return operand >> 4; }
static inline unsigned size_of(unsigned operand) { return operand & 15; }

/* -- Registers and values (translate.c) -------------------------------------- */

/* General register by its encoding; 8 bit: 4 .. 7 are AH .. BH.  Zero extended. */
TCGv x86_reg(X86Dis *d, unsigned n, TCGMemOp size);
void x86_set_reg(X86Dis *d, unsigned n, TCGMemOp size, TCGv v);
TCGv x86_zext(X86Dis *d, TCGv v, TCGMemOp size);
TCGv x86_sext(X86Dis *d, TCGv v, TCGMemOp size);
/* Store d->result to operand 0 (X86Access X). */
void x86_write_back(X86Dis *d);

/* -- Memory ------------------------------------------------------------------ */

/* Offset of the memory operand plus extra, wrapped to the address size. */
TCGv x86_ea(X86Dis *d, int32_t extra);
/* The linear address of seg:offset, checked for size bytes. */
TCGv x86_linear(X86Dis *d, unsigned seg, TCGv offset, unsigned size, bool write);
/* seg:offset; memop as in tcg.h */
TCGv x86_ld(X86Dis *d, unsigned seg, TCGv offset, unsigned memop);
void x86_st(X86Dis *d, unsigned seg, TCGv offset, TCGv v, unsigned memop);
/* The memory operand plus extra bytes */
TCGv x86_ld_mem(X86Dis *d, int32_t extra, unsigned memop);
void x86_st_mem(X86Dis *d, int32_t extra, TCGv v, unsigned memop);
/* Raise unless addr is a multiple of size: vector with error code 0 */
void x86_check_align(X86Dis *d, TCGv linear, unsigned size, int vector);

/* Stack slot `slot` operands of size away from the top, as an offset in SS. */
TCGv x86_stack_offset(X86Dis *d, int32_t bytes);
void x86_push(X86Dis *d, TCGv v, TCGMemOp size);        /* store, then ESP */
TCGv x86_pop_load(X86Dis *d, TCGMemOp size);            /* ESP unchanged */
void x86_add_sp(X86Dis *d, int32_t bytes);
void x86_set_sp(X86Dis *d, TCGv v);                     /* (E)SP = v */

/* -- Leaving ----------------------------------------------------------------- */

/* Raise now, unconditionally: the instruction ends here. */
void x86_raise_now(X86Dis *d, int vector);
/* Raise if the condition holds (error code 0 where there is one). */
void x86_raise_if(X86Dis *d, X86Cond c, int vector);
/* Leave with EIP at this very instruction if a c b: repeat prefix. */
void x86_again_if(X86Dis *d, X86Cond c);
/* INT vector if the condition holds (INTO). */
void x86_soft_int_if(X86Dis *d, X86Cond c, unsigned vector);
/* End of block: jump to a known EIP through goto_tb slot, or to a value. */
void x86_jump(X86Dis *d, uint32_t eip, unsigned slot);
/* The end of a loop that is this block, going on if c: true if that is done. */
bool x86_loop(X86Dis *d, X86Cond c, uint32_t target);
/* Go on behind a branch that is not taken, or where a jump leads: true if the block does. */
bool x86_pass_branch(X86Dis *d, X86Cond c, uint32_t target);
bool x86_follow_jump(X86Dis *d, uint32_t target);
void x86_jump_val(X86Dis *d, TCGv eip);
/* #GP(0) if a branch target is outside of CS. */
void x86_check_target(X86Dis *d, TCGv eip);
void x86_label(X86Dis *d, TCGLabel l);
/*
 * Last thing of an instruction that seldom changes the mode: go on only if
 * hflags are what the block was made for and, with irq, no interrupt waits.
 */
void x86_check_mode(X86Dis *d, bool irq);

/* FLDCW of env->fp_mem with unmasked exceptions, if the condition holds. */
void x86_fldcw_if(X86Dis *d, X86Cond c);

/* -- x87 (gen-x87-host.c) ---------------------------------------------------- */

/* Is the unit the host's while translated code runs? */
bool x86_x87_on_host(const X86Dis *d);
/* Before anything that looks at env->fpregs, fptags, fpstt, fpus. */
void x86_x87_to_env(X86Dis *d);
/* An escape instruction; false: gen is to do it, and the unit is in env. */
bool x86_x87_host(X86Dis *d);
/* TCGTarget.cold: arg is an X86Unit */
void x86_cold(void *env, uint32_t where);

/* -- Flags (gen-cc.c) -------------------------------------------------------- */

/* Record what the instruction does; op is the byte form, d->ot the width.  src
 * and src2 only where cc.h has them. */
void x86_set_cc(X86Dis *d, CCOp base, TCGv dst);
void x86_set_cc_src(X86Dis *d, CCOp base, TCGv dst, TCGv src);
void x86_set_cc_sub(X86Dis *d, TCGv dst, TCGv a, TCGv b);
void x86_set_cc_cmp(X86Dis *d, TCGv a, TCGv b);
/* x: what is shifted, by `count`, 1 .. 31. */
void x86_set_cc_shift(X86Dis *d, CCOp base, TCGv dst, TCGv x, unsigned count);
void x86_set_cc_carry(X86Dis *d, CCOp base, TCGv dst, TCGv src, TCGv src2, TCGv carry);
/* INC or DEC (byte form): CF stays. */
void x86_set_cc_inc(X86Dis *d, CCOp base, TCGv result);
/* CF and OF only: rot of cc.h with its cc_src2, and the carry in it. */
void x86_set_cc_rotate(X86Dis *d, unsigned rot, TCGv src2, TCGv carry);
/* All six flags at once, as EFLAGS bits. */
void x86_set_cc_eflags(X86Dis *d, TCGv flags);
/* CF only; the rest stays / OF, SF, AF and PF are undefined. */
void x86_set_cc_bt(X86Dis *d, TCGv carry);
/* Take the recorded change only if a c b. */
void x86_cc_if(X86Dis *d, X86Cond c);
/* A helper has stored the flags: their form is not known / EFLAGS. */
void x86_cc_unknown(X86Dis *d);
void x86_cc_is_eflags(X86Dis *d);
void x86_cc_commit(X86Dis *d);

TCGv x86_eflags_cc(X86Dis *d);          /* the six flags */
TCGv x86_carry(X86Dis *d);              /* CF, 0 or 1 */
X86Cond x86_cond(X86Dis *d, unsigned cc);       /* condition code 0 .. 15 */

#endif
