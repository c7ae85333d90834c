/* SPDX-License-Identifier: MIT */
/*
 * Tiny code generator: the language between front ends and host code.
 *
 *   front end --emitters--> TCGOp list --opt--> TCGOp list --back end--> code
 *
 * A front end (target-xxx/) appends operations to a TCGContext; tcg_gen_code()
 * optimizes the list, allocates registers and hands it to a back end.  This
 * room knows no guest: the guest's state is a block of memory called env,
 * addressed by byte offset, with a software TLB and a jump cache whose layout
 * is in TCGTarget, and a list of globals.
 *
 * Values.  Every temporary is assigned exactly once, by the emitter that
 * returns it, so a translator reads like the formula it implements:
 *
 *      TCGv sum = tcg_add(s, tcg_add(s, x, y), carry);
 *
 * A TCGv is a struct so that a register number cannot be passed where a value
 * is meant.  Types (i32, i64, v128) are known per value; mixing them asserts.
 * A temporary dies at the next label (not at a conditional branch that falls
 * through); only constants live on: they are no operations, but temporaries
 * that are known.
 *
 * Globals are the guest registers: fields of env the target declares once.
 * tcg_get() reads one and tcg_set() writes one.  Where a global lives between
 * those is the allocator's business:
 *   - a pinned global owns a host register in every block of this CPU and is
 *     passed in it across chained jumps; its env field is stale meanwhile;
 *   - any other global is loaded at most once per block, kept in a register
 *     while it pays and stored back at the block's ends.
 *
 * Exceptions are precise.  Wherever a block can be left in the middle (guest
 * memory access, helper that may raise) the guest state is exactly what the
 * set()s before that operation say: the out-of-line slow path of a memory
 * access stores every global that is not home before it calls out, a call
 * does so inline.  Hence a front end's duty: within one guest instruction,
 * set() nothing the guest could see before the last operation that can fault.
 * The guest pc of a host pc (the `ra` below, or tcg_helper_ra()) is that of the
 * last entry of TCGCode.insns whose code_offset is below it.
 *
 * Blocks are left by
 *   goto_tb   a direct jump, patched to the next block once that is known;
 *             until then falls into what follows (set pc, exit_tb)
 *   goto_ptr  an indirect jump through the jump cache, in generated code;
 *             a miss returns to cpu_exec
 *   exit_tb   a return to cpu_exec
 * In all three, globals are home: pinned ones in their host registers for
 * another block, in env when cpu_exec gets control.
 *
 * Every block begins with a test of TCGTarget.exit_request; if it is not zero
 * the block returns TB_EXIT_REQUESTED before its first instruction.  So does one
 * with TCGContext.check, if it finds other bytes there.
 *
 * Threads: a TCGContext belongs to one thread.  Errors: none; running out of
 * code buffer or of operations is a return value, everything else asserts.
 */
#ifndef TCG_TCG_H
#define TCG_TCG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TCG_MAX_OPS     4096
#define TCG_MAX_TEMPS   4096
#define TCG_MAX_LABELS  256
#define TCG_MAX_GLOBALS 64
#define TCG_MAX_INSNS   512             /* guest instructions in a block */

typedef enum TCGType { TCG_I32, TCG_I64, TCG_V128 } TCGType;

typedef struct TCGv { uint16_t temp; } TCGv;
typedef struct TCGLabel { uint16_t id; } TCGLabel;
typedef uint8_t TCGGlobal;              /* index into TCGTarget.globals */

typedef enum TCGCond {                  /* a COND b; inverse is ^ 1 */
    TCG_COND_EQ, TCG_COND_NE,
    TCG_COND_LT, TCG_COND_GE, TCG_COND_LE, TCG_COND_GT,         /* signed */
    TCG_COND_LTU, TCG_COND_GEU, TCG_COND_LEU, TCG_COND_GTU,
    TCG_COND_TSTEQ, TCG_COND_TSTNE,                             /* a & b == 0 */
} TCGCond;

static inline TCGCond tcg_invert(TCGCond c) { return (TCGCond)(c ^ 1); }

/* How a guest memory access looks; or-ed together. */
typedef enum TCGMemOp {
    MO_8 = 0, MO_16, MO_32, MO_64, MO_128,      /* log2 of the size */
    MO_SIZE  = 7,
    MO_SIGN  = 8,                       /* sign extend to the result type */
    MO_I64   = 16,                      /* result or operand is i64 (MO_64
                                           always is; MO_128 is v128) */
    MO_BSWAP = 32,                      /* other byte order than the host */
    MO_ALIGN = 64,                      /* natural alignment or slow path */
    MO_RMW   = 128,                     /* a load that faults as a write */
    MO_VEC   = 256,                     /* MO_32, MO_64 as lane 0 of a v128, the
                                           others 0; ld and st (below)
                                           are not told */
    MO_ALIGN4 = MO_ALIGN | MO_SIGN,     /* with MO_64: a multiple of 4 will do */
} TCGMemOp;

/* What the address is to be a multiple of: a power of two. */
static inline uint32_t tcg_alignment(uint32_t memop)
{
    uint32_t size = 1u << (memop & MO_SIZE);
    bool four = (memop & MO_SIZE) == MO_64 && (memop & MO_SIGN);

    return !(memop & MO_ALIGN) ? 1 : four ? 4 : size;
}

typedef enum TCGOpcode {
#define ARITH(name, flags, value) TCG_##name##_i32, TCG_##name##_i64,
#define UNARY(name, flags, value) TCG_##name##_i32, TCG_##name##_i64,
#define VEC(name, flags, lane, value) TCG_##name,
#define VSCALAR(name, lane, value) TCG_##name,
#define OP(name, outs, ins, consts, flags) TCG_##name,
#include "tcg/tcg-ops.def"
    TCG_NUM_OPS
} TCGOpcode;

enum { TCG_COMM = 1, TCG_SIDE = 2, TCG_END = 4, TCG_FAULT = 8, TCG_LOOK = 16 };

typedef struct TCGOpDef {
    const char *name;
    uint8_t outs, ins, consts, flags;
} TCGOpDef;

extern const TCGOpDef tcg_op_defs[TCG_NUM_OPS];

typedef struct TCGOp {
    uint16_t opc;
    TCGv d;
    TCGv in[6];                         /* as many as the operation has */
    uint64_t k[2];
} TCGOp;

/* -- Helpers: C functions called by translated code -------------------------- */

enum {
    TCG_CALL_PURE   = 1,    /* depends on its arguments only, no effect: may be
                               dropped or merged */
    TCG_CALL_NO_GLOBALS = 2,/* neither reads nor writes globals, cannot raise */
    TCG_CALL_NO_WRITE   = 4,/* may read globals or raise, writes none */
    /* "leiii", NO_WRITE: divides b:a by c, without and with sign; the quotient, and in
     * the upper half the remainder.  A back end may do in line what is not odd: where
     * the quotient does not fit, or c is 0, and whatever it likes, is the helper's. */
    TCG_CALL_DIVU = 8, TCG_CALL_DIVS = 16,
    /* 0: may read and write any global and raise */
};

/*
 * One per helper, constant.  sig is the return type, then up to six arguments:
 * v nothing, i u32, l u64 (also for pointers: tcg_env_ptr), e env (given by
 * the call itself, no TCGv).
 */
typedef struct TCGHelper {
    const char *name;
    void (*fn)(void);
    uint8_t flags;
    char sig[8];
} TCGHelper;

/* -- What a target tells tcg/ ------------------------------------------------ */

typedef struct TCGGlobalDef {
    const char *name;
    uint32_t offset;                    /* in env */
    TCGType type;
    uint8_t pin;                        /* 1 = first to get a host register, 2 =
                                           next ...; 0 = never pinned */
} TCGGlobalDef;

/*
 * Software TLB: one direct-mapped table per MMU index, inside env.  Entry:
 *      u32 addr_read, u32 addr_write, u64 addend
 * addr_xxx is the page's guest address, or-ed with low bits that make every
 * comparison fail when the slow path must run.  Index of address a:
 *      (a >> (page_bits - 4)) & *(u32 *)(env + mask + 4 * mmu_idx)
 * which is a byte offset from the table (the mask is a multiple of 16).
 * A hit's host address is a + addend.
 */
typedef struct TCGSoftMMU {
    uint32_t table;                     /* env offset of table 0 */
    uint32_t table_stride;              /* bytes between tables */
    uint32_t mask;                      /* env offset of u32 masks[] */
    uint8_t page_bits, modes;           /* tables */
    /* Out-of-line accesses.  ra: the address in translated code behind the
     * access.  They do not return if the guest faults. */
    uint64_t (*ld)(void *env, uint64_t addr, uint32_t memop, uint32_t mmu_idx,
                   uintptr_t ra);       /* extended as memop says */
    void (*st)(void *env, uint64_t addr, uint64_t val, uint32_t memop,
               uint32_t mmu_idx, uintptr_t ra);
    void (*ld16)(void *env, uint64_t addr, uint32_t memop, uint32_t mmu_idx,
                 uintptr_t ra, void *out);
    void (*st16)(void *env, uint64_t addr, const void *val, uint32_t memop,
                 uint32_t mmu_idx, uintptr_t ra);
} TCGSoftMMU;

/*
 * Jump cache: 2^bits entries inside env, each
 *      u32 pc, u32 tag, u64 tc_ptr
 */
typedef struct TCGJumpCache {
    uint32_t table;                     /* env offset */
    uint8_t bits, hash_shift;
} TCGJumpCache;

/* Which entry is pc's. */
static inline uint32_t tcg_jump_slot(uint32_t pc, unsigned hash_shift, unsigned bits)
{
    return (pc ^ pc >> hash_shift) >> 1 & ((1u << bits) - 1);
}

typedef struct TCGTarget {
    const TCGGlobalDef *globals;
    unsigned num_globals;
    TCGSoftMMU mmu;
    TCGJumpCache jump_cache;
    uint8_t pc;                         /* the global that is set() to the pc before
                                           goto_ptr, plus 1; 0: none.  No block
                                           relies on it where it begins */
    uint32_t exit_request;              /* env offset of a u32 */
    uint32_t mxcsr;                     /* env offset of the u32 MXCSR (all
                                           exceptions masked) translated code
                                           runs with; updated on leaving; 0:
                                           the guest has none */
    /* What tcg_cold() calls: as a helper that is TCG_CALL_NO_GLOBALS, with the
     * guest's MXCSR in force.  NULL: never. */
    void (*cold)(void *env, uint32_t arg);
    /* The same for tcg_redo(). */
    uint64_t (*redo)(void *env, uint32_t arg);
} TCGTarget;

typedef enum TBExit {                   /* low bits of what a block returns */
    TB_EXIT_SLOT0, TB_EXIT_SLOT1,       /* left by goto_tb 0, 1 .., unpatched */
    TB_EXIT_SLOT2, TB_EXIT_SLOT3,
    TB_EXIT_NONE,                       /* look up the next block */
    TB_EXIT_REQUESTED,                  /* first instruction not started */
    TB_EXIT_MASK = 7,
} TBExit;

enum { TCG_SLOTS = TB_EXIT_NONE };      /* jumps of a block that are patched */

/* -- A context and its blocks ------------------------------------------------ */

typedef struct TCGBackend TCGBackend;
extern const TCGBackend tcg_backend_x86_64, tcg_backend_interp;

typedef struct TCGInsnStart {           /* one per guest instruction */
    uint32_t code_offset;               /* of its first host byte */
    uint32_t pc, word;
} TCGInsnStart;

/* Memory of the host a block looks at each time it is entered. */
typedef struct TCGCheck {
    const uint8_t *host;
    const uint8_t *bytes;               /* what it has to find there */
    unsigned len;
} TCGCheck;

typedef struct TCGContext TCGContext;
struct TCGContext {
    const TCGTarget *target;
    const TCGBackend *backend;
    void *backend_data;                 /* owned by the back end */
    bool no_opt, no_pin;                /* slow twins, -accel tcg,opt=off,pin=off;
                                           no_pin is fixed at tcg_context_new */
    bool x86_ops;                       /* the back end has tcg_x86(); a front
                                           end that is to do without clears it */
    void (*optimized)(const TCGContext *s); /* for -d op_opt, or NULL: called
                                           between optimizer and back end */
    /* For -d jit, or NULL: called before each tcg_call(), and, with NULL, each
     * tcg_goto_ptr(); may add operations. */
    void (*counted)(TCGContext *s, const TCGHelper *h);
    void *counted_opaque;

    /* Of this block, tcg_begin() empties them; only if the back end can. */
    bool can_check;
    TCGCheck check[2];

    uint16_t num_ops, num_temps, num_labels;
    uint16_t num_accesses;              /* to guest memory */
    TCGOp ops[TCG_MAX_OPS];
    uint16_t label_at[TCG_MAX_LABELS];  /* which of these it is; 0: not yet */
    uint8_t temp_type[TCG_MAX_TEMPS];
    bool temp_is_const[TCG_MAX_TEMPS];
    uint64_t temp_k[TCG_MAX_TEMPS];     /* the value, if it is */
};

/*
 * A new context; `target` must outlive it.  The prologue goes to the start of
 * code[0..len), *used gets its size: blocks go behind it.
 */
TCGContext *tcg_context_new(const TCGTarget *target, const TCGBackend *backend,
                            bool no_pin, uint8_t *code, size_t len,
                            size_t *used);
void tcg_context_free(TCGContext *s);

/* Forget all operations: a new block begins. */
void tcg_begin(TCGContext *s);

/* Room left for one more guest instruction of up to 256 operations? */
bool tcg_room(const TCGContext *s);

/* May the operations from number `first` on write to guest memory? */
bool tcg_may_store(const TCGContext *s, unsigned first);

typedef struct TCGCode {                /* what became of a block */
    uint32_t size;                      /* host bytes */
    uint32_t jump[TCG_SLOTS];           /* offset for tcg_patch_jump, or ~0 */
    uint32_t num_insns;
    TCGInsnStart insns[TCG_MAX_INSNS];  /* ascending */
} TCGCode;

/*
 * Translate the operations to host code at code[0..len).  tb is what exit_tb
 * returns, or-ed with its TBExit (so aligned to 8).  0, or -1 if the code does
 * not fit.
 */
int tcg_gen_code(TCGContext *s, uint8_t *code, size_t len, const void *tb,
                 TCGCode *out);

/*
 * Make the jump at code + out->jump[n] go to target, or with NULL back to its
 * unpatched state.  Atomic with respect to a thread running the code.
 */
void tcg_patch_jump(const TCGContext *s, uint8_t *code, uint32_t jump,
                    const uint8_t *target);

/* May code be copied to where it has the same alignment to 16 bytes, if what is in
 * it of addresses is mended?  Then the offset of the 4 bytes that tcg_patch_jump()
 * writes. */
bool tcg_can_copy(const TCGContext *s);
uint32_t tcg_jump_word(const TCGContext *s, const uint8_t *code, uint32_t jump);

/* Run the block at tc_ptr; returns tb | TBExit of the last block run. */
uintptr_t tcg_qemu_tb_exec(const TCGContext *s, void *env,
                           const uint8_t *tc_ptr);

/*
 * Where a helper that was called with return address ra
 * (__builtin_return_address(0)) stands in translated code: ra itself, unless
 * the back end is the interpreter.
 */
uintptr_t tcg_helper_ra(const TCGContext *s, uintptr_t ra);

/* -- Emitters ---------------------------------------------------------------- */

#define ARITH(name, flags, value) TCGv tcg_##name(TCGContext *s, TCGv a, TCGv b);
#define UNARY(name, flags, value) TCGv tcg_##name(TCGContext *s, TCGv a);
#define VEC(name, flags, lane, value) \
    TCGv tcg_##name(TCGContext *s, TCGv a, TCGv b);
#define VSCALAR(name, lane, value) TCGv tcg_##name(TCGContext *s, TCGv a, TCGv b);
#define OP(name, outs, ins, consts, flags)
#include "tcg/tcg-ops.def"

TCGv tcg_const(TCGContext *s, uint32_t k);                      /* i32 */
TCGv tcg_const64(TCGContext *s, uint64_t k);                    /* i64 */
/* With a constant right operand, of a's type. */
TCGv tcg_addi(TCGContext *s, TCGv a, int64_t k);
TCGv tcg_andi(TCGContext *s, TCGv a, uint64_t k);
TCGv tcg_ori(TCGContext *s, TCGv a, uint64_t k);
TCGv tcg_xori(TCGContext *s, TCGv a, uint64_t k);
TCGv tcg_shli(TCGContext *s, TCGv a, unsigned k);
TCGv tcg_shri(TCGContext *s, TCGv a, unsigned k);
TCGv tcg_sari(TCGContext *s, TCGv a, unsigned k);

TCGv tcg_setcond(TCGContext *s, TCGCond c, TCGv a, TCGv b);     /* a's type */
TCGv tcg_movcond(TCGContext *s, TCGCond c, TCGv a, TCGv b, TCGv yes, TCGv no);
TCGv tcg_extract(TCGContext *s, TCGv a, unsigned pos, unsigned len);
TCGv tcg_sextract(TCGContext *s, TCGv a, unsigned pos, unsigned len);
TCGv tcg_deposit(TCGContext *s, TCGv a, TCGv b, unsigned pos, unsigned len);
TCGv tcg_extu64(TCGContext *s, TCGv a);                         /* i32 -> i64 */
TCGv tcg_exts64(TCGContext *s, TCGv a);
TCGv tcg_trunc32(TCGContext *s, TCGv a);                        /* i64 -> i32 */
/*
 * Lane 0 of a against lane 0 of b, op being TCG_vcmpss or TCG_vcmpsd: an i32 with
 * bits <31:28> from `codes`, <3:0> if greater, <7:4> less, <11:8> equal, <15:12>
 * unordered.  signal: quiet NaNs raise Invalid too.
 */
TCGv tcg_vcmp(TCGContext *s, TCGOpcode op, TCGv a, TCGv b, bool signal, unsigned codes);
/*
 * A host instruction, if TCGContext.x86_ops: for guests that have the same ones.
 * op: TCG_x86_xxx, the shape.  k: the opcode byte, or-ed with
 */
enum {
    TCG_X86_0F = 0x100, TCG_X86_0F38 = 0x200, TCG_X86_0F3A = 0x300,
    TCG_X86_66 = 0x400, TCG_X86_F3 = 0x800, TCG_X86_F2 = 0xc00,
    TCG_X86_IMM8 = 1 << 15,             /* an immediate byte, << 16 */
    TCG_X86_DIGIT = 1 << 24,            /* ModRM reg is a digit, << 25 */
};
/* b is ignored if the operation has one operand. */
TCGv tcg_x86(TCGContext *s, TCGOpcode op, uint32_t k, TCGv a, TCGv b);
/*
 * An instruction of the host's x87 unit, whose state is the guest's then, with
 * all exceptions masked: on registers; on the field at `offset`, if ModRM says
 * memory; on guest memory.
 */
void tcg_x87(TCGContext *s, unsigned opcode, unsigned modrm, uint32_t offset);
void tcg_x87_mem(TCGContext *s, bool store, unsigned opcode, unsigned reg, TCGv addr,
                 TCGMemOp memop, unsigned mmu_idx);
TCGv tcg_x87_get(TCGContext *s, TCGOpcode op, uint32_t k);  /* x87_sw, x87_cmp */
void tcg_x87_cmov(TCGContext *s, unsigned i, TCGv a);
TCGv tcg_muluh(TCGContext *s, TCGv a, TCGv b);
TCGv tcg_mulsh(TCGContext *s, TCGv a, TCGv b);

TCGv tcg_get(TCGContext *s, TCGGlobal g);
void tcg_set(TCGContext *s, TCGGlobal g, TCGv a);
TCGv tcg_env_ptr(TCGContext *s, uint32_t offset);
/* Fields of env that are not globals: op is TCG_ld8u .. ldvd, st8 .. stvd. */
TCGv tcg_ld(TCGContext *s, TCGOpcode op, uint32_t offset);
void tcg_st(TCGContext *s, TCGOpcode op, TCGv a, uint32_t offset);

/* Guest memory; addr is i32 for a 32-bit guest. */
TCGv tcg_qemu_ld(TCGContext *s, TCGv addr, TCGMemOp op, unsigned mmu_idx);
void tcg_qemu_st(TCGContext *s, TCGv addr, TCGv val, TCGMemOp op,
                 unsigned mmu_idx);

/* args: one per letter of sig but the first and 'e'. */
TCGv tcg_call_args(TCGContext *s, const TCGHelper *h, const TCGv *args,
                   unsigned num);
#define tcg_call0(s, h) tcg_call_args(s, h, NULL, 0)
#define tcg_call(s, h, ...)                                                 \
    tcg_call_args(s, h, (const TCGv[]){ __VA_ARGS__ },                      \
                  sizeof((const TCGv[]){ __VA_ARGS__ }) / sizeof(TCGv))

/*
 * TCGTarget.cold(arg) if a c b (i32): for a case that is rare, out of line.
 * Values live on, so it costs the comparison only.
 */
void tcg_cold(TCGContext *s, TCGCond c, TCGv a, TCGv b, uint32_t arg);

/*
 * The v128 a, whose lane 0 was computed; but if that is doubtful, TCGTarget.redo(arg)
 * there and 0 in the others.  It costs three instructions and a branch.
 */
typedef enum TCGDoubt {
    TCG_DOUBT_F32, TCG_DOUBT_F64,       /* infinity, NaN, or bits <31:16> or <63:48>
                                           of the smallest normal number, +- */
    TCG_DOUBT_INT,                      /* an i32 that is 0x80000000: what hosts make
                                           of numbers that do not fit */
} TCGDoubt;
TCGv tcg_redo(TCGContext *s, TCGDoubt kind, TCGv a, uint32_t arg);

void tcg_insn_start(TCGContext *s, uint32_t pc, uint32_t word);
TCGLabel tcg_new_label(TCGContext *s);
void tcg_set_label(TCGContext *s, TCGLabel l);
void tcg_br(TCGContext *s, TCGLabel l);
void tcg_brcond(TCGContext *s, TCGCond c, TCGv a, TCGv b, TCGLabel l);
void tcg_goto_tb(TCGContext *s, unsigned slot);
/* That, and what follows it: TCGTarget.pc becomes pc, exit_tb with the slot. */
void tcg_next_tb(TCGContext *s, unsigned slot, uint32_t pc);
void tcg_goto_ptr(TCGContext *s, TCGv pc, uint32_t tag);
/* To a constant; the code depends on it in a way that tb-copy.h cannot mend. */
void tcg_goto_known(TCGContext *s, uint32_t pc, uint32_t tag);
void tcg_exit_tb(TCGContext *s, TBExit how);

/* -- For humans -------------------------------------------------------------- */

/* The operation list as text, for -d op and op_opt. */
void tcg_dump_ops(const TCGContext *s, void (*put)(void *opaque, const char *),
                  void *opaque);
#endif
