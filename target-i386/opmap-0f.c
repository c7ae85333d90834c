/* SPDX-License-Identifier: MIT */
/*
 * SDM vol. 2D, table A-3 (0F xx), A-4 (0F 38 xx), A-5 (0F 3A xx) and table A-6
 * (their groups).
 *
 * An opcode whose instruction depends on a mandatory prefix is a table of four
 * rows: none, 66, F3, F2.
 *
 * Where this differs from the manual:
 *   18 /4..7    reserved hints do nothing, like /0../3
 *   20..23      mod is ignored: the operand is always a register (vol. 2B, MOV)
 */
#include "target-i386/opmap.h"

#include <stddef.h>

#include "target-i386/gen-sse.h"
#include "target-i386/gen-sse4.h"
#include "target-i386/gen-x87.h"
#include "target-i386/gen.h"

/* clang-format off */

/* -- Groups ------------------------------------------------------------------ */

static const X86Op group6[8] = {
    [0] = F(OP_PROT, SLDT, R, E_n),
    [1] = F(OP_PROT, STR, R, E_n),
    [2] = F(OP_PROT | OP_CPL0, LLDT, R, E_w),
    [3] = F(OP_PROT | OP_CPL0, LTR, R, E_w),
    [4] = F(OP_PROT, VERR, R, E_w),
    [5] = F(OP_PROT, VERW, R, E_w),
};

static const X86Op group7_reg1[8] = {
    [0] = F(FEAT(MONITOR), MONITOR, R),
    [1] = F(OP_JUMP | FEAT(MONITOR), MWAIT, R),
};

static const X86Op group7_mem[8] = {
    [0] = I(SGDT, R, M_n),
    [1] = I(SIDT, R, M_n),
    [2] = F(OP_CPL0, LGDT, R, M_n),
    [3] = F(OP_CPL0, LIDT, R, M_n),
    [4] = I(SMSW, R, E_n),
    [6] = F(OP_CPL0 | OP_MODE, LMSW, R, E_w),
    [7] = F(OP_CPL0 | OP_MODE, INVLPG, R, M_n),
};

static const X86Op group7_reg[8] = {
    [1] = SUB(group7_reg1, BY_RM),
    [4] = I(SMSW, R, E_n),
    [6] = F(OP_CPL0 | OP_MODE, LMSW, R, E_w),
};

static const X86Op group7[2] = { SUB(group7_mem, BY_REG), SUB(group7_reg, BY_REG) };

static const X86Op group8[8] = {
    [4] = I(BT, R), [5] = F(OP_LOCK, BTS, RW), [6] = F(OP_LOCK, BTR, RW),
    [7] = F(OP_LOCK, BTC, RW),
};

static const X86Op group9_mem[8] = {
    [1] = F(OP_LOCK | FEAT(CX8), CMPXCHG8B, X, M_q),
};

static const X86Op group9[2] = { SUB(group9_mem, BY_REG), { 0 } };

static const X86Op group15_mem[8] = {
    [0] = F(OP_MMX | FEAT(FXSR), FXSAVE, R, M_n),
    [1] = F(OP_MMX | OP_MODE | FEAT(FXSR), FXRSTOR, R, M_n),
    [2] = F(OP_SSE | OP_MODE | FEAT(SSE), LDMXCSR, R, M_n),
    [3] = F(OP_SSE | FEAT(SSE), STMXCSR, R, M_n),
    [7] = F(FEAT(CLFSH), CLFLUSH, R, M_n),
};

static const X86Op group15_reg[8] = {
    [5] = F(FEAT(SSE2), NOP, R),                        /* LFENCE */
    [6] = F(FEAT(SSE2), NOP, R),                        /* MFENCE */
    [7] = F(FEAT(SSE), NOP, R),                         /* SFENCE */
};

static const X86Op group15[2] = { SUB(group15_mem, BY_REG), SUB(group15_reg, BY_REG) };

/* Hints: no access, no fault. */
static const X86Op group16[8] = {
    [0 ... 7] = F(FEAT(SSE), NOP, R, E_n),
};

static const X86Op group_p[8] = {
    [0 ... 7] = F(FEAT(3DNOWPREFETCH), NOP, R, E_n),
};

/* -- By prefix: none, 66, F3, F2 --------------------------------------------- */

static const X86Op op_b8[4] = {
    [2] = F(FEAT(POPCNT), POPCNT, W, G_v, E_v),
};

static const X86Op op_c3[4] = {
    [0] = F(FEAT(SSE2), MOVNTI, W, M_d, G_d),
};

/* -- 0F ---------------------------------------------------------------------- */

const X86Op x86_0f[256] = {
    [0x00] = SUB(group6, BY_REG),
    [0x01] = SUB(group7, BY_MOD),
    [0x02] = F(OP_PROT, LAR, R, G_v, E_w),
    [0x03] = F(OP_PROT, LSL, R, G_v, E_w),
    [0x06] = F(OP_CPL0 | OP_MODE, CLTS, R),
    [0x08] = F(OP_CPL0, INVD, R),
    [0x09] = F(OP_CPL0, WBINVD, R),
    [0x0b] = I(UD, R),                                  /* UD2 */
    [0x0d] = SUB(group_p, BY_REG),

    [0x18] = SUB(group16, BY_REG),
    [0x19 ... 0x1f] = F(FEAT(CMOV), NOP, R, E_n),       /* since the P6 */

    [0x20] = F(OP_CPL0, MOV_RC, W, R_d, C_n),
    [0x21] = F(OP_CPL0, MOV_RD, W, R_d, D_n),
    [0x22] = F(OP_CPL0 | OP_MODE, MOV_CR, R, C_n, R_d),
    [0x23] = F(OP_CPL0 | OP_MODE, MOV_DR, R, D_n, R_d),

    [0x30] = F(OP_CPL0 | OP_MODE | FEAT(MSR), WRMSR, R),
    [0x31] = F(FEAT(TSC), RDTSC, R),
    [0x32] = F(OP_CPL0 | FEAT(MSR), RDMSR, R),
    [0x33] = F(FEAT(CMOV), RDPMC, R),                   /* since the P6 */
    [0x34] = F(OP_PROT | OP_JUMP | FEAT(SEP), SYSENTER, R),
    [0x35] = F(OP_PROT | OP_CPL0 | OP_JUMP | FEAT(SEP), SYSEXIT, R),

    [0x40 ... 0x4f] = F(FEAT(CMOV), CMOVcc, RW, G_v, E_v),

    [0x80 ... 0x8f] = F(OP_JUMP, Jcc, R, J_v),
    [0x90 ... 0x9f] = I(SETcc, W, E_b),

    [0xa0] = I(PUSH_S, R), [0xa1] = I(POP_S, R),
    [0xa2] = I(CPUID, R),
    [0xa3] = I(BT, R, E_n, G_v),
    [0xa4] = I(SHLD, RW, E_v, G_v, I_b),
    [0xa5] = I(SHLD, RW, E_v, G_v, CL),
    [0xa8] = I(PUSH_S, R), [0xa9] = I(POP_S, R),
    [0xaa] = F(OP_JUMP, RSM, R),
    [0xab] = F(OP_LOCK, BTS, R, E_n, G_v),
    [0xac] = I(SHRD, RW, E_v, G_v, I_b),
    [0xad] = I(SHRD, RW, E_v, G_v, CL),
    [0xae] = SUB(group15, BY_MOD),
    [0xaf] = I(IMUL, RW, G_v, E_v),

    [0xb0] = F(OP_LOCK, CMPXCHG, X, E_b, G_b),
    [0xb1] = F(OP_LOCK, CMPXCHG, X, E_v, G_v),
    [0xb2] = I(LSS, R, G_v, M_n),
    [0xb3] = F(OP_LOCK, BTR, R, E_n, G_v),
    [0xb4] = I(LFS, R, G_v, M_n),
    [0xb5] = I(LGS, R, G_v, M_n),
    [0xb6] = I(MOVZX, W, G_v, E_b),
    [0xb7] = I(MOVZX, W, G_v, E_w),
    [0xb8] = SUB(op_b8, BY_PREFIX),
    [0xb9] = I(UD, R, G_v, E_n),                        /* UD1 */
    [0xba] = GRP(group8, E_v, I_b),
    [0xbb] = F(OP_LOCK, BTC, R, E_n, G_v),
    [0xbc] = I(BSF, RW, G_v, E_v),
    [0xbd] = I(BSR, RW, G_v, E_v),
    [0xbe] = I(MOVSX, W, G_v, E_sb),
    [0xbf] = I(MOVSX, W, G_v, E_sw),

    [0xc0] = F(OP_LOCK, XADD, X, E_b, G_b),
    [0xc1] = F(OP_LOCK, XADD, X, E_v, G_v),
    [0xc3] = SUB(op_c3, BY_PREFIX),
    [0xc7] = SUB(group9, BY_MOD),
    [0xc8 ... 0xcf] = I(BSWAP, RW, Z_d),
    [0xff] = I(UD, R, G_v, E_n),                        /* UD0 */
#include "target-i386/opmap-simd.def"
};

/* -- 0F 38, 0F 3A: every one has a ModRM byte -------------------------------- */

#define P66X(feat, name, ...) PS4(NONE, X(feat, name, R, __VA_ARGS__), NONE, NONE)
#define P41(name) P66X(SSE41, name, V_n, W_n)
#define P41I(name) P66X(SSE41, name, V_n, W_n, I_b)
/* An element of V to memory of its size or to all of a register, and back. */
#define EXTRACT(name, mem) \
    PS4(NONE, MOD(X(SSE41, name, W, mem, V_n, I_b), X(SSE41, name, W, E_d, V_n, I_b)), NONE, NONE)
#define INSERT(name, mem) \
    PS4(NONE, MOD(X(SSE41, name, R, V_n, mem, I_b), X(SSE41, name, R, V_n, E_d, I_b)), NONE, NONE)

const X86Op x86_0f38[256] = {
    [0x00] = PM(PSHUFB, SSSE3, SSSE3), [0x01] = PM(PHADDW, SSSE3, SSSE3),
    [0x02] = PM(PHADDD, SSSE3, SSSE3), [0x03] = PM(PHADDSW, SSSE3, SSSE3),
    [0x04] = PM(PMADDUBSW, SSSE3, SSSE3), [0x05] = PM(PHSUBW, SSSE3, SSSE3),
    [0x06] = PM(PHSUBD, SSSE3, SSSE3), [0x07] = PM(PHSUBSW, SSSE3, SSSE3),
    [0x08] = PM(PSIGNB, SSSE3, SSSE3), [0x09] = PM(PSIGNW, SSSE3, SSSE3),
    [0x0a] = PM(PSIGND, SSSE3, SSSE3), [0x0b] = PM(PMULHRSW, SSSE3, SSSE3),
    [0x10] = P41(PBLENDVB), [0x14] = P41(BLENDVPS), [0x15] = P41(BLENDVPD), [0x17] = P41(PTEST),
    [0x1c] = PM(PABSB, SSSE3, SSSE3), [0x1d] = PM(PABSW, SSSE3, SSSE3),
    [0x1e] = PM(PABSD, SSSE3, SSSE3),
    [0x20] = P41(PMOVSXBW), [0x21] = P41(PMOVSXBD), [0x22] = P41(PMOVSXBQ),
    [0x23] = P41(PMOVSXWD), [0x24] = P41(PMOVSXWQ), [0x25] = P41(PMOVSXDQ),
    [0x28] = P41(PMULDQ), [0x29] = P41(PCMPEQQ),
    [0x2a] = P66X(SSE41, MOVA, V_n, M_n),                               /* MOVNTDQA */
    [0x2b] = P41(PACKUSDW),
    [0x30] = P41(PMOVZXBW), [0x31] = P41(PMOVZXBD), [0x32] = P41(PMOVZXBQ),
    [0x33] = P41(PMOVZXWD), [0x34] = P41(PMOVZXWQ), [0x35] = P41(PMOVZXDQ),
    [0x37] = P66X(SSE42, PCMPGTQ, V_n, W_n),
    [0x38] = P41(PMINSB), [0x39] = P41(PMINSD), [0x3a] = P41(PMINUW), [0x3b] = P41(PMINUD),
    [0x3c] = P41(PMAXSB), [0x3d] = P41(PMAXSD), [0x3e] = P41(PMAXUW), [0x3f] = P41(PMAXUD),
    [0x40] = P41(PMULLD), [0x41] = P41(PHMINPOSUW),
    [0xdb] = P66X(AES, AESIMC, V_n, W_n),
    [0xdc] = P66X(AES, AESENC, V_n, W_n), [0xdd] = P66X(AES, AESENCLAST, V_n, W_n),
    [0xde] = P66X(AES, AESDEC, V_n, W_n), [0xdf] = P66X(AES, AESDECLAST, V_n, W_n),
    [0xf0] = PS4(F(FEAT(MOVBE), MOVBE, W, G_v, M_v), F(FEAT(MOVBE), MOVBE, W, G_v, M_v), NONE,
                 F(FEAT(SSE42), CRC32, RW, G_d, E_b)),
    [0xf1] = PS4(F(FEAT(MOVBE), MOVBE, W, M_v, G_v), F(FEAT(MOVBE), MOVBE, W, M_v, G_v), NONE,
                 F(FEAT(SSE42), CRC32, RW, G_d, E_v)),
};

const X86Op x86_0f3a[256] = {
    [0x08] = P41I(ROUNDPS), [0x09] = P41I(ROUNDPD), [0x0a] = P41I(ROUNDSS), [0x0b] = P41I(ROUNDSD),
    [0x0c] = P41I(BLENDPS), [0x0d] = P41I(BLENDPD), [0x0e] = P41I(PBLENDW),
    [0x0f] = PS4(F(OP_MMX | FEAT(SSSE3), PALIGNR_M, R, P_n, Q_n, I_b),
                 X(SSSE3, PALIGNR_X, R, V_n, W_n, I_b), NONE, NONE),
    [0x14] = EXTRACT(PEXTRB, M_b), [0x15] = EXTRACT(PEXTRW, M_w),
    [0x16] = EXTRACT(PEXTRD, M_d), [0x17] = EXTRACT(PEXTRD, M_d),       /* 17: EXTRACTPS */
    [0x20] = INSERT(PINSRB, M_b), [0x21] = P41I(INSERTPS), [0x22] = INSERT(PINSRD, M_d),
    [0x40] = P41I(DPPS), [0x41] = P41I(DPPD), [0x42] = P41I(MPSADBW),
    [0x44] = P66X(PCLMULQDQ, PCLMULQDQ, V_n, W_n, I_b),
    [0x60] = P66X(SSE42, PCMPESTRM, V_n, W_n, I_b), [0x61] = P66X(SSE42, PCMPESTRI, V_n, W_n, I_b),
    [0x62] = P66X(SSE42, PCMPISTRM, V_n, W_n, I_b), [0x63] = P66X(SSE42, PCMPISTRI, V_n, W_n, I_b),
    [0xdf] = P66X(AES, AESKEYGENASSIST, V_n, W_n, I_b),
};
