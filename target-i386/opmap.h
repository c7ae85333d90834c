/* SPDX-License-Identifier: MIT */
/*
 * The opcode maps, in the notation of SDM vol. 2D, appendix A.
 *
 * An array index is an opcode; a row names the instruction, the function that
 * generates it and its operands.  The common code (decode.c, translate.c)
 * fetches, checks, loads operands, runs gen and writes operand 0 back, so gen_
 * functions contain only what is particular to the instruction.  A row without
 * gen and sub is an undefined opcode: #UD.
 *
 * Operands are a place and a size:
 *
 *   E  ModRM r/m, register or memory     G  ModRM reg        Z  low opcode bits
 *   M  ModRM r/m, memory only            R  ModRM r/m, a register whatever mod is
 *   AX CX DX  that register              ONE  the constant 1
 *   I  immediate        J  relative branch target      F  far pointer (A in SDM)
 *   O  memory at an immediate address    S  segment register
 *   C  control register                  D  debug register
 *   V  ModRM reg, XMM    W  r/m, XMM or memory    U  r/m, XMM only
 *   P  ModRM reg, MMX    Q  r/m, MMX or memory    N  r/m, MMX only
 *
 *   b  byte    w  word    d  doubleword    q  quadword     v  w or d by operand size
 *   sb, sw  byte, word, sign extended to v
 *   x  16 bytes, aligned in memory (#GP)   u  16 bytes, unaligned
 *   n  no value: gen uses the address or the field itself
 *
 * The value of an operand is i32 up to d (zero extended, sb and sw excepted),
 * i64 for q, v128 for x and u.  XMM operands are loaded by gen: n.
 */
#ifndef TARGET_I386_OPMAP_H
#define TARGET_I386_OPMAP_H

#include <stdint.h>

typedef struct X86Dis X86Dis;

typedef enum X86Place {
    X_NONE, X_E, X_M, X_R, X_G, X_Z, X_AX, X_CX, X_DX, X_ONE, X_I, X_J, X_F, X_O, X_S, X_C,
    X_D, X_V, X_W, X_U, X_P, X_Q, X_N,
} X86Place;

typedef enum X86Size {
    SZ_n, SZ_b, SZ_w, SZ_d, SZ_q, SZ_v, SZ_sb, SZ_sw, SZ_x, SZ_u,
} X86Size;

#define OPERAND(place, size) ((X_##place) << 4 | (SZ_##size))
enum {
    E_b = OPERAND(E, b), E_w = OPERAND(E, w), E_d = OPERAND(E, d), E_v = OPERAND(E, v),
    E_sb = OPERAND(E, sb), E_sw = OPERAND(E, sw), E_n = OPERAND(E, n),
    M_n = OPERAND(M, n), M_b = OPERAND(M, b), M_w = OPERAND(M, w), M_d = OPERAND(M, d),
    M_q = OPERAND(M, q), M_v = OPERAND(M, v), M_x = OPERAND(M, x), M_u = OPERAND(M, u),
    R_d = OPERAND(R, d), R_n = OPERAND(R, n),
    G_b = OPERAND(G, b), G_w = OPERAND(G, w), G_d = OPERAND(G, d), G_v = OPERAND(G, v),
    Z_b = OPERAND(Z, b), Z_v = OPERAND(Z, v), Z_d = OPERAND(Z, d),
    AL = OPERAND(AX, b), AX_v = OPERAND(AX, v), CL = OPERAND(CX, b), DX_w = OPERAND(DX, w),
    ONE_b = OPERAND(ONE, b),
    I_b = OPERAND(I, b), I_sb = OPERAND(I, sb), I_w = OPERAND(I, w), I_v = OPERAND(I, v),
    J_sb = OPERAND(J, sb), J_v = OPERAND(J, v), F_v = OPERAND(F, v),
    O_b = OPERAND(O, b), O_v = OPERAND(O, v), S_w = OPERAND(S, w),
    C_n = OPERAND(C, n), D_n = OPERAND(D, n),
    V_n = OPERAND(V, n), W_n = OPERAND(W, n), U_n = OPERAND(U, n),
    P_d = OPERAND(P, d), P_q = OPERAND(P, q), P_n = OPERAND(P, n),
    Q_d = OPERAND(Q, d), Q_q = OPERAND(Q, q), Q_n = OPERAND(Q, n),
    N_q = OPERAND(N, q), N_n = OPERAND(N, n),
};

/*
 * What happens to operand 0.  X: loaded as for RW, but gen itself calls
 * x86_write_back(), because more than operand 0 changes and nothing may change
 * before the last access that can fault.
 */
typedef enum X86Access { R, W, RW, X } X86Access;

/* What chooses the row in X86Op.sub. */
typedef enum X86Select {
    BY_REG,                             /* ModRM reg, 8 rows */
    BY_RM,                              /* ModRM r/m, 8 rows */
    BY_MOD,                             /* 0 memory, 1 register */
    BY_PREFIX,                          /* none, 66, F3, F2 */
} X86Select;

/* X86Op.flags: bits, and a feature in the top byte */
enum {
    OP_LOCK   = 1 << 0,                 /* LOCK is legal if operand 0 is memory */
    OP_CPL0   = 1 << 1,                 /* #GP(0) unless CPL is 0 */
    OP_PROT   = 1 << 2,                 /* #UD in real and virtual-8086 mode */
    OP_END    = 1 << 3,                 /* ends the block; the mode stays */
    OP_MODE   = 1 << 4,                 /* ends it; the mode may have changed */
    OP_JUMP   = 1 << 5,                 /* ends it; gen or a helper set EIP */
    OP_FPU    = 1 << 6,                 /* #NM if CR0.EM or CR0.TS */
    OP_MMX    = 1 << 7,                 /* #UD if CR0.EM, #NM if CR0.TS */
    OP_SSE    = 1 << 8,                 /* #UD if CR0.EM or no OSFXSR, #NM if TS */
};
#define FEAT(name) ((uint32_t)FEAT_##name << 24)

/* CPUID bits rows depend on; #UD without (cpuid bits: opmap.c). */
typedef enum X86Feature {
    FEAT_NONE, FEAT_FPU, FEAT_TSC, FEAT_MSR, FEAT_CX8, FEAT_SEP, FEAT_CMOV, FEAT_CLFSH,
    FEAT_MMX, FEAT_FXSR, FEAT_SSE, FEAT_SSE2, FEAT_SSE3, FEAT_MONITOR, FEAT_SSSE3,
    FEAT_SSE41, FEAT_SSE42, FEAT_POPCNT, FEAT_AES, FEAT_PCLMULQDQ, FEAT_MOVBE,
    FEAT_3DNOWPREFETCH, FEAT_NUM
} X86Feature;

typedef struct X86Op {
    const char *name;
    void (*gen)(X86Dis *d);
    const struct X86Op *sub;
    uint32_t flags;
    uint16_t op[3];                     /* of a row with sub: for those below
                                           that have none of their own */
    uint8_t access, select;
} X86Op;

extern const X86Op x86_one_byte[256];
extern const X86Op x86_0f[256], x86_0f38[256], x86_0f3a[256];
/* Escapes D8 + i: memory forms by ModRM reg, register forms too; those may
 * have a sub table BY_RM. */
extern const X86Op x86_x87_mem[8][8], x86_x87_reg[8][8];

/* Row builders.  F: with flags. */
#define I(name, access, ...) \
    { #name, gen_##name, NULL, 0, { __VA_ARGS__ }, access, BY_REG }
#define F(flags, name, access, ...) \
    { #name, gen_##name, NULL, flags, { __VA_ARGS__ }, access, BY_REG }
#define SUB(table, select, ...) { NULL, NULL, table, 0, { __VA_ARGS__ }, R, select }
#define GRP(table, ...) SUB(table, BY_REG, __VA_ARGS__)

#endif
