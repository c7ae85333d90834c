/* SPDX-License-Identifier: MIT */
/*
 * The x86-64 back end's private parts.
 *
 *      liveness.c   one pass backwards: who uses a value next, which register
 *                   it should be born in, which additions are addresses
 *      groups.c     which guest memory accesses share a TLB check
 *      regalloc.c   where values are; moves between registers, env and frame
 *      ops.c        one function per shape of value operation
 *      mmu.c        guest memory: a hit of the TLB, in line
 *      straddle.c   guest memory: groups on two pages
 *      slow.c       guest memory: the rest, out of line
 *      call.c       helpers
 *      cold.c       a helper for rare cases, out of line
 *      control.c    labels, branches, jumps between blocks, exits
 *      backend.c    prologue, the walk over the operations, jump patching
 *
 * Registers while translated code runs:
 *      rbp          env + ENV_BIAS, so that 256 bytes are near
 *      rsp          the frame below, 16-aligned
 *      pins         one global each, in the order of pin_order[] in backend.c
 *      the others   the allocator's
 *
 * A temporary is in any number of places at once: registers (some of which may
 * be pins, when the global has that value), the env field of a global, a spill
 * slot, or nowhere because it is a constant.
 */
#ifndef TCG_X86_64_X86_H
#define TCG_X86_64_X86_H

#include "tcg/backend.h"
#include "tcg/x86_64/emit.h"

#define ENV_BIAS 128
#define NO_GLOBAL 0xff
#define NO_SLOT (-1)
#define NO_LABEL 0xffff

/* What translated code finds at rsp. */
enum {
    FRAME_VALUE = 0,                    /* 16 bytes: of slow accesses, cold calls */
    FRAME_OP = 16,                      /* argument of cold calls */
    FRAME_HOST_MXCSR = 24,
    FRAME_X87 = 32,                     /* 28 bytes: FNSTENV */
    FRAME_HELD = 64,                    /* of groups (mmu.c): values without */
    FRAME_GUEST = 96,                   /*     a register; guest addresses */
    FRAME_SLOTS = 128,                  /* 8 bytes each */
    NUM_SLOTS = 2 * TCG_MAX_TEMPS + 2,
    FRAME_XMM = FRAME_SLOTS + 8 * NUM_SLOTS,    /* around slow accesses */
    FRAME_SIZE = FRAME_XMM + 16 * 16,   /* a multiple of 16 */
};

#define CALLER_SAVED (XMM_REGS | BIT(RAX) | BIT(RCX) | BIT(RDX) | BIT(RSI) | \
                      BIT(RDI) | BIT(R8) | BIT(R9) | BIT(R10) | BIT(R11))

typedef uint32_t RegMask;               /* bit n: register n of emit.h */
#define BIT(r) (1u << (r))
#define XMM_REGS 0xffff0000u
#define GP_REGS  0x0000ffffu

typedef enum TempKind {
    TEMP_VALUE,
    TEMP_CONST,                         /* k */
    TEMP_ENV_PTR,                       /* address of env byte k */
    TEMP_ENV_FIELD,                     /* not loaded yet: load opcode `field`
                                           at k; used by the next op only */
} TempKind;

typedef struct Temp {
    uint64_t k;
    RegMask regs;
    uint16_t next;                      /* op that uses it next, 0: none */
    int16_t slot;
    uint8_t kind, type;
    uint8_t home;                       /* global whose field has the value */
    uint8_t dirty;                      /* globals that wait for a store of it */
    uint16_t field;
} Temp;

/* An operand, wherever it is. */
typedef enum LocKind { LOC_REG, LOC_MEM, LOC_IMM, LOC_ENV_PTR } LocKind;

typedef struct Loc {
    uint8_t kind, reg;
    Mem mem;
    uint64_t k;
} Loc;

/* A sum that one lea computes: sum of temp[i] << scale[i], plus disp. */
typedef struct Addr {
    int64_t disp;
    uint16_t temp[2], next[2];          /* next: use behind this operation */
    uint8_t scale[2];
    uint8_t num;
} Addr;

typedef enum FlagsKind {
    FLAGS_NONE,
    FLAGS_RESULT,                       /* ZF and SF of d */
    FLAGS_LOGIC,                        /* and CF = OF = 0 */
    FLAGS_CMP,                          /* of a - b; ZF and SF of d */
    FLAGS_OTHER,                        /* in use until the next operation */
} FlagsKind;

#define NUM_HELD 4                      /* groups at a time that hold something */

/* A value to store to a global's field in a cold path. */
typedef struct Pending {
    uint16_t temp;                      /* the constant, if reg is NO_REG */
    uint8_t global, reg;
} Pending;

/* Bytes from addr to addr + end that a check covers; addr + probe must be on the page
 * of addr, and a multiple of align if that is not 0. */
typedef struct Range {
    int32_t end, probe, align;
} Range;

typedef enum StubKind { STUB_LD, STUB_ST, STUB_LD16, STUB_ST16, STUB_X87_LD, STUB_X87_ST,
                        STUB_BRANCH, STUB_GOTO, STUB_EXIT, STUB_COLD, STUB_REDO, STUB_DIV } StubKind;

typedef struct Stub {                   /* code out of line */
    uint8_t *from, *resume;
    uint64_t k;                         /* constant to store, tb | exit, x87
                                           instruction, or argument of cold
                                           and redo */
    RegMask xmm;                        /* live across it */
    uint16_t first_pending, num_pending;
    uint16_t label;
    uint8_t kind, addr, reg;            /* reg: result, or value or NO_REG;
                                           addr of redo: see cold.c */
    uint8_t held;                       /* its group's, or NO_REG */
    uint8_t disp;                       /* of the access, in the group */
    uint8_t *checked;                   /* behind the group's check */
    bool leader;                        /* of it: the check has just failed, which is */
    bool group_write;                   /*     for writing ... */
    Range group;                        /*     all of this */
    bool recheck;                       /* alone, before the slow path */
    uint8_t kill;                       /* other groups that must not outlive it */
    uint8_t kill_reg[NUM_HELD];         /* what holds each, or NO_REG: the frame */
    uint16_t insn;                      /* of a division: TCGCode.insns[] */
    uint8_t mmu_idx;
    uint16_t memop;                     /* of redo: TCGDoubt */
} Stub;

static inline bool x86_stub_stores(const Stub *stub)
{
    return stub->kind == STUB_ST || stub->kind == STUB_ST16 || stub->kind == STUB_X87_ST;
}

static inline bool x86_stub_is_x87(const Stub *stub)
{
    return stub->kind == STUB_X87_LD || stub->kind == STUB_X87_ST;
}

/*
 * Accesses that share a TLB check: same base and mode, and nothing between them
 * that could change the mapping, but other accesses.
 */
typedef struct Group {
    int32_t lo, end;                    /* bytes touched, from the base */
    int32_t align, anchor;              /* base + anchor is to be a multiple of
                                           align; 0: of nothing */
    uint16_t first, last;               /* ops */
    int32_t at;                         /* of the first, from the base */
    uint16_t from;                      /* base: a pin's value, of which the first makes
                                           its address; or TCG_NO_TEMP */
    bool write;                         /* one of them does */
    bool interrupted;                   /* by accesses that are not of it */
} Group;

#define NO_GROUP      0xffff
#define MAX_MODES     4                 /* of TCGSoftMMU */
#define MAX_STUBS     (TCG_MAX_OPS + 2)
#define MAX_PENDING   16384
#define MAX_DIVISIONS 64                /* in line: each is an entry of TCGCode.insns */
#define MAX_FIXUPS    TCG_MAX_OPS

typedef struct X86 {
    Asm as;
    const TCGTarget *target;

    /* Fixed by the host and the target. */
    bool bmi, lzcnt, avx;               /* bmi: BMI1 and BMI2 */
    RegMask pins, alloc;                /* pinned; for anything else */
    uint8_t pin_reg[TCG_MAX_GLOBALS];   /* or NO_REG */
    uint8_t reg_global[32];             /* or NO_GLOBAL */
    uint8_t *slow_thunk, *cold_thunk, *redo_thunk;
    uint8_t *group_thunk[MAX_MODES][2];     /* mmu_idx, write */
    uint8_t *alone_thunk[MAX_MODES][2][2];  /* and register: straddle.c */
    uint8_t *leave, *leave_home;        /* pins to env first, or already there */
    uintptr_t (*enter)(void *env, const uint8_t *tc_ptr);

    /* The block. */
    TCGContext *s;
    uint8_t *code, *limit;
    uintptr_t tb;
    TCGCode *out;

    /* Written by liveness.c. */
    uint16_t next_in[TCG_MAX_OPS][6];   /* use of an operand behind this op */
    uint16_t next_out[TCG_MAX_OPS];
    bool folded[TCG_MAX_OPS];           /* emit nothing, part of a later op */
    bool set_again[TCG_MAX_OPS];        /* a set that another one overwrites */
    bool wants_flags[TCG_MAX_OPS];      /* a subtraction: a branch below uses */
    bool has_flags[TCG_MAX_OPS];        /* them; that branch */
    Addr addr[TCG_MAX_OPS];             /* of additions */
    uint8_t hint[TCG_MAX_TEMPS];        /* register to be born in, or NO_REG */
    bool soft_hint[TCG_MAX_TEMPS];      /* only if that is free */
    uint16_t uses[TCG_MAX_TEMPS];
    uint16_t next[TCG_MAX_TEMPS];
    uint16_t set_to[TCG_MAX_TEMPS];     /* global the value goes to */
    struct { uint16_t global, at; } leads_to[TCG_MAX_TEMPS];  /* or becomes, at
                                           that set(), operated upon */
    uint16_t base[TCG_MAX_TEMPS];       /* of an address: base + offset */
    int32_t offset[TCG_MAX_TEMPS];
    bool from_pin[TCG_MAX_TEMPS];       /* the value of a pinned global */
    uint16_t group_of[TCG_MAX_OPS];     /* of memory accesses, or NO_GROUP */
    unsigned num_groups;
    Group group[TCG_MAX_OPS];
    uint16_t label_refs[TCG_MAX_LABELS];
    uint8_t label_slot[TCG_MAX_LABELS]; /* the label is a goto_tb of that slot
                                           and nothing else; TCG_SLOTS: no */

    /* State at the current operation, regalloc.c. */
    unsigned op;                        /* its index */
    Temp t[TCG_MAX_TEMPS];
    uint16_t reg_temp[32];              /* or TCG_NO_TEMP */
    RegMask used;                       /* reg_temp is not TCG_NO_TEMP */
    RegMask lock;                       /* operands of this op: hands off */
    RegMask pins_home;                  /* env field is up to date */
    RegMask pins_stale;                 /* only the env field is */
    uint16_t global_temp[TCG_MAX_GLOBALS];  /* value now, or TCG_NO_TEMP */
    uint16_t home_temp[TCG_MAX_GLOBALS];    /* value in env, or TCG_NO_TEMP */
    bool global_set_again[TCG_MAX_GLOBALS];
    uint64_t dirty;                     /* globals whose field is out of date */
    uint64_t tracked;                   /* globals with an entry above */
    uint16_t num_slots;

    struct {                            /* what the host's flags tell */
        uint8_t kind;
        bool is64;
        uint16_t a, b, d;               /* of the comparison a - b; result */
        uint64_t k;                     /* instead of b, if b is TCG_NO_TEMP */
    } flags;
    struct { uint16_t group; uint8_t reg; } held[NUM_HELD]; /* mmu.c; NO_REG: it
                                           is in the frame */
    RegMask held_regs;                  /* those: free, but better left alone */

    uint8_t *label_pos[TCG_MAX_LABELS];
    struct { uint8_t *at; uint16_t label; } fixup[MAX_FIXUPS];
    unsigned num_fixups;
    uint8_t *jump_at[TCG_SLOTS];        /* goto_tb: the displacement ... */
    uint16_t jump_label[TCG_SLOTS];     /* points to this label unpatched, or,
                                           if NO_LABEL, behind itself */
    Stub stub[MAX_STUBS];
    unsigned num_stubs;
    uint8_t *exit_stub;                 /* the last one, and what it returns */
    uintptr_t exit_k;
    Pending pending[MAX_PENDING];
    unsigned num_pending, num_divisions;
} X86;

static inline TCGOp *x86_op(X86 *x) { return &x->s->ops[x->op]; }
static inline bool x86_fits_s32(uint64_t k) { return (int64_t)k == (int32_t)k; }

/* Is there room for x86_pend()? */
static inline bool x86_may_pend(const X86 *x)
{
    return x->num_pending + TCG_MAX_GLOBALS <= MAX_PENDING;
}

static inline Mem x86_env(uint32_t offset)
{
    return mem(RBP, (int32_t)offset - ENV_BIAS);
}

/* liveness.c */
void x86_liveness(X86 *x);

/* groups.c: not called for a block with one access */
void x86_find_groups(X86 *x);
/* Is i, an access, one whose group's check came before? */
bool x86_is_member(const X86 *x, unsigned i);
/* Or the first of several? */
bool x86_leads_group(const X86 *x, unsigned i);

/* regalloc.c: see the comments there. */
void x86_start_block(X86 *x);
void x86_start_ebb(X86 *x);
unsigned x86_use_reg(X86 *x, unsigned temp);
Loc x86_use_temp(X86 *x, unsigned temp, bool last);
Loc x86_use(X86 *x, unsigned k);
Loc x86_use_imm32(X86 *x, unsigned k, bool is64);
void x86_consume(X86 *x);
void x86_consume_temp(X86 *x, unsigned temp, unsigned next);
unsigned x86_scratch(X86 *x, RegMask avoid);
void x86_reserve(X86 *x, unsigned reg);
unsigned x86_def(X86 *x, unsigned prefer, RegMask avoid);
void x86_def_in(X86 *x, unsigned reg);
void x86_new_temp(X86 *x, unsigned temp, TempKind kind, uint64_t k);
void x86_def_lazy(X86 *x, TempKind kind, uint64_t k);
void x86_finish_def(X86 *x);
void x86_load(X86 *x, unsigned reg, unsigned temp);
void x86_mov_loc(X86 *x, unsigned reg, const Loc *l, TCGType type);
void x86_get(X86 *x);
void x86_set(X86 *x);
void x86_store_dirty(X86 *x, uint64_t which);
void x86_store_pins(X86 *x, RegMask pins);
void x86_load_pins(X86 *x, RegMask pins);
void x86_lose_globals(X86 *x);
void x86_lose_regs(X86 *x, RegMask regs);
Loc x86_where(X86 *x, unsigned temp);
void x86_store_pending(X86 *x, const Stub *stub);
void x86_pend(X86 *x, Stub *stub, uint64_t which);
void x86_clean(X86 *x, uint64_t which);
void x86_hold(X86 *x, unsigned slot, unsigned reg);
void x86_spill_held(X86 *x, RegMask regs);
void x86_let_go(X86 *x, unsigned slot);
void x86_forget_held(X86 *x);

/* ops.c */
bool x86_value_op(X86 *x);
typedef struct Compare {                /* operands 0 and 1 of an operation */
    Loc a, b;
    TCGCond cond;
    bool is64, done;                    /* done: the flags are there already */
} Compare;
Compare x86_prepare_compare(X86 *x, TCGCond cond, bool is64);
/* The condition code to test. */
unsigned x86_compare(X86 *x, const Compare *c);

/* mmu.c */
void x86_qemu_ld(X86 *x);
void x86_qemu_st(X86 *x);
void x86_x87_access(X86 *x);
void x86_x87_insn(X86 *x, uint64_t k, Mem m);
/* t0 becomes the offset of the TLB entry of addr; the entry at such an offset. */
void x86_tlb_offset(X86 *x, unsigned addr, unsigned t0, unsigned mmu_idx);
Mem x86_tlb_entry(const X86 *x, unsigned t0, unsigned mmu_idx, int32_t field);
Range x86_alone(unsigned memop);         /* of an access by itself */
/* The host's memory; t: a scratch register, for swapped values. */
void x86_load_host(X86 *x, unsigned d, Mem m, unsigned memop);
void x86_store_host(X86 *x, const Loc *v, Mem m, unsigned memop, unsigned t);

/* straddle.c */
void x86_straddle_stub(X86 *x, const Stub *stub);
void x86_straddle_thunks(X86 *x);

/* slow.c */
void x86_mmu_stub(X86 *x, const Stub *stub);
void x86_slow_thunk(X86 *x);
void x86_save_xmm(X86 *x, RegMask regs, bool restore);

/* cold.c */
void x86_cold_op(X86 *x);
void x86_cold_stub(X86 *x, const Stub *stub);
void x86_redo_op(X86 *x);
void x86_redo_stub(X86 *x, const Stub *stub);
void x86_cold_thunks(X86 *x);

/* call.c */
void x86_call_op(X86 *x);
void x86_division_stub(X86 *x, const Stub *stub);

/* control.c */
void x86_control_op(X86 *x);
void x86_insn_start(X86 *x);
void x86_head(X86 *x);
bool x86_stubs(X86 *x);                 /* false: no room */
void x86_finish_jumps(X86 *x);
Stub *x86_new_stub(X86 *x, StubKind kind, uint8_t *from);

#endif
