/* SPDX-License-Identifier: MIT */
/*
 * SDM vol. 2D, table A-2 (one-byte opcodes) and table A-6 (their groups).
 *
 * Where this differs from the table in the manual:
 *   82      group 1, an alias of 80 (documented as invalid in 64-bit mode only)
 *   C0..D3  /6 of group 2 is SHL as well
 *   D6      SALC, F1 INT1: in every processor, in the manual's text since 2018
 *   F6, F7  /1 of group 3 is TEST as well
 */
#include "target-i386/opmap.h"

#include <stddef.h>

#include "target-i386/gen.h"
#include "target-i386/translate.h"

/* clang-format off */

/* An ALU operation owns six opcodes. */
#define ALU(base, name, access, lock)                                       \
    [base + 0] = F(lock, name, access, E_b, G_b),                           \
    [base + 1] = F(lock, name, access, E_v, G_v),                           \
    [base + 2] = I(name, access, G_b, E_b),                                 \
    [base + 3] = I(name, access, G_v, E_v),                                 \
    [base + 4] = I(name, access, AL, I_b),                                  \
    [base + 5] = I(name, access, AX_v, I_v)

static const X86Op group1[8] = {
    [0] = F(OP_LOCK, ADD, RW), [1] = F(OP_LOCK, OR,  RW), [2] = F(OP_LOCK, ADC, RW),
    [3] = F(OP_LOCK, SBB, RW), [4] = F(OP_LOCK, AND, RW), [5] = F(OP_LOCK, SUB, RW),
    [6] = F(OP_LOCK, XOR, RW), [7] = I(CMP, R),
};

static const X86Op group1a[8] = { [0] = I(POP_E, X) };

static const X86Op group2[8] = {
    [0] = I(ROL, RW), [1] = I(ROR, RW), [2] = I(RCL, RW), [3] = I(RCR, RW),
    [4] = I(SHL, RW), [5] = I(SHR, RW), [6] = I(SHL, RW), [7] = I(SAR, RW),
};

static const X86Op group3b[8] = {
    [0] = I(TEST, R, E_b, I_b), [1] = I(TEST, R, E_b, I_b),
    [2] = F(OP_LOCK, NOT, RW), [3] = F(OP_LOCK, NEG, RW),
    [4] = I(MUL, R), [5] = I(IMUL1, R), [6] = I(DIV, R), [7] = I(IDIV, R),
};

static const X86Op group3v[8] = {
    [0] = I(TEST, R, E_v, I_v), [1] = I(TEST, R, E_v, I_v),
    [2] = F(OP_LOCK, NOT, RW), [3] = F(OP_LOCK, NEG, RW),
    [4] = I(MUL, R), [5] = I(IMUL1, R), [6] = I(DIV, R), [7] = I(IDIV, R),
};

static const X86Op group4[8] = {
    [0] = F(OP_LOCK, INC, RW, E_b), [1] = F(OP_LOCK, DEC, RW, E_b),
};

static const X86Op group5[8] = {
    [0] = F(OP_LOCK, INC, RW, E_v), [1] = F(OP_LOCK, DEC, RW, E_v),
    [2] = F(OP_JUMP, CALL_E, R, E_v), [3] = F(OP_JUMP, CALLF_M, R, M_n),
    [4] = F(OP_JUMP, JMP_E, R, E_v), [5] = F(OP_JUMP, JMPF_M, R, M_n),
    [6] = I(PUSH, R, E_v),
};

static const X86Op group11b[8] = { [0] = I(MOV, W, E_b, I_b) };
static const X86Op group11v[8] = { [0] = I(MOV, W, E_v, I_v) };

static const X86Op op_90[4] = {
    [0] = I(NOP, R), [1] = I(NOP, R), [2] = I(PAUSE, R), [3] = I(NOP, R),
};

const X86Op x86_one_byte[256] = {
    ALU(0x00, ADD, RW, OP_LOCK),
    ALU(0x08, OR,  RW, OP_LOCK),
    ALU(0x10, ADC, RW, OP_LOCK),
    ALU(0x18, SBB, RW, OP_LOCK),
    ALU(0x20, AND, RW, OP_LOCK),
    ALU(0x28, SUB, RW, OP_LOCK),
    ALU(0x30, XOR, RW, OP_LOCK),
    ALU(0x38, CMP, R, 0),
    [0x06] = I(PUSH_S, R), [0x07] = I(POP_S, R),
    [0x0e] = I(PUSH_S, R),                              /* 0F: x86_0f */
    [0x16] = I(PUSH_S, R), [0x17] = I(POP_S, R),
    [0x1e] = I(PUSH_S, R), [0x1f] = I(POP_S, R),
    [0x27] = I(DAA, R), [0x2f] = I(DAS, R), [0x37] = I(AAA, R), [0x3f] = I(AAS, R),

    [0x40 ... 0x47] = I(INC, RW, Z_v),
    [0x48 ... 0x4f] = I(DEC, RW, Z_v),
    [0x50 ... 0x57] = I(PUSH, R, Z_v),
    [0x58 ... 0x5f] = I(POP, W, Z_v),

    [0x60] = I(PUSHA, R), [0x61] = I(POPA, R),
    [0x62] = I(BOUND, R, G_v, M_n),
    [0x63] = F(OP_PROT, ARPL, R, E_n, G_w),
    [0x68] = I(PUSH, R, I_v),
    [0x69] = I(IMUL, W, G_v, E_v, I_v),
    [0x6a] = I(PUSH, R, I_sb),
    [0x6b] = I(IMUL, W, G_v, E_v, I_sb),
    [0x6c ... 0x6d] = I(INS, R),
    [0x6e ... 0x6f] = F(OP_END, OUTS, R),
    [0x70 ... 0x7f] = F(OP_JUMP, Jcc, R, J_sb),

    [0x80] = GRP(group1, E_b, I_b),
    [0x81] = GRP(group1, E_v, I_v),
    [0x82] = GRP(group1, E_b, I_b),
    [0x83] = GRP(group1, E_v, I_sb),
    [0x84] = I(TEST, R, E_b, G_b),
    [0x85] = I(TEST, R, E_v, G_v),
    [0x86] = F(OP_LOCK, XCHG, X, E_b, G_b),
    [0x87] = F(OP_LOCK, XCHG, X, E_v, G_v),
    [0x88] = I(MOV, W, E_b, G_b),
    [0x89] = I(MOV, W, E_v, G_v),
    [0x8a] = I(MOV, W, G_b, E_b),
    [0x8b] = I(MOV, W, G_v, E_v),
    [0x8c] = I(MOV_ES, R, E_n, S_w),
    [0x8d] = I(LEA, W, G_v, M_n),
    [0x8e] = I(MOV_SE, R, S_w, E_w),
    [0x8f] = GRP(group1a, E_n),

    [0x90] = SUB(op_90, BY_PREFIX),
    [0x91 ... 0x97] = I(XCHG, X, Z_v, AX_v),
    [0x98] = I(CBW, R), [0x99] = I(CWD, R),
    [0x9a] = F(OP_JUMP, CALLF, R, F_v),
    [0x9b] = I(FWAIT, R),
    [0x9c] = I(PUSHF, R), [0x9d] = I(POPF, R),
    [0x9e] = I(SAHF, R), [0x9f] = I(LAHF, R),

    [0xa0] = I(MOV, W, AL, O_b), [0xa1] = I(MOV, W, AX_v, O_v),
    [0xa2] = I(MOV, W, O_b, AL), [0xa3] = I(MOV, W, O_v, AX_v),
    [0xa4 ... 0xa5] = I(MOVS, R),
    [0xa6 ... 0xa7] = I(CMPS, R),
    [0xa8] = I(TEST, R, AL, I_b), [0xa9] = I(TEST, R, AX_v, I_v),
    [0xaa ... 0xab] = I(STOS, R),
    [0xac ... 0xad] = I(LODS, R),
    [0xae ... 0xaf] = I(SCAS, R),

    [0xb0 ... 0xb7] = I(MOV, W, Z_b, I_b),
    [0xb8 ... 0xbf] = I(MOV, W, Z_v, I_v),

    [0xc0] = GRP(group2, E_b, I_b),
    [0xc1] = GRP(group2, E_v, I_b),
    [0xc2] = F(OP_JUMP, RET, R, I_w), [0xc3] = F(OP_JUMP, RET, R),
    [0xc4] = I(LES, R, G_v, M_n),
    [0xc5] = I(LDS, R, G_v, M_n),
    [0xc6] = GRP(group11b, E_b, I_b),
    [0xc7] = GRP(group11v, E_v, I_v),
    [0xc8] = I(ENTER, R, I_w, I_b), [0xc9] = I(LEAVE, R),
    [0xca] = F(OP_JUMP, RETF, R, I_w), [0xcb] = F(OP_JUMP, RETF, R),
    [0xcc] = F(OP_JUMP, INT3, R), [0xcd] = F(OP_JUMP, INT, R, I_b),
    [0xce] = I(INTO, R), [0xcf] = F(OP_JUMP, IRET, R),

    [0xd0] = GRP(group2, E_b, ONE_b),
    [0xd1] = GRP(group2, E_v, ONE_b),
    [0xd2] = GRP(group2, E_b, CL),
    [0xd3] = GRP(group2, E_v, CL),
    [0xd4] = I(AAM, R, I_b), [0xd5] = I(AAD, R, I_b),
    [0xd6] = I(SALC, R), [0xd7] = I(XLAT, R),           /* D8..DF: opmap-x87.c */

    [0xe0] = F(OP_JUMP, LOOPNE, R, J_sb), [0xe1] = F(OP_JUMP, LOOPE, R, J_sb),
    [0xe2] = F(OP_JUMP, LOOP, R, J_sb), [0xe3] = F(OP_JUMP, JCXZ, R, J_sb),
    [0xe4] = I(IN, W, AL, I_b), [0xe5] = I(IN, W, AX_v, I_b),
    [0xe6] = F(OP_END, OUT, R, I_b, AL), [0xe7] = F(OP_END, OUT, R, I_b, AX_v),
    [0xe8] = F(OP_JUMP, CALL, R, J_v),
    [0xe9] = F(OP_JUMP, JMP, R, J_v),
    [0xea] = F(OP_JUMP, JMPF, R, F_v),
    [0xeb] = F(OP_JUMP, JMP, R, J_sb),
    [0xec] = I(IN, W, AL, DX_w), [0xed] = I(IN, W, AX_v, DX_w),
    [0xee] = F(OP_END, OUT, R, DX_w, AL), [0xef] = F(OP_END, OUT, R, DX_w, AX_v),

    [0xf1] = F(OP_JUMP, INT1, R),
    [0xf4] = F(OP_CPL0 | OP_JUMP, HLT, R), [0xf5] = I(CMC, R),
    [0xf6] = GRP(group3b, E_b),
    [0xf7] = GRP(group3v, E_v),
    [0xf8] = I(CLC, R), [0xf9] = I(STC, R), [0xfa] = I(CLI, R), [0xfb] = I(STI, R),
    [0xfc] = I(CLD, R), [0xfd] = I(STD, R),
    [0xfe] = SUB(group4, BY_REG),
    [0xff] = SUB(group5, BY_REG),
};

/* CPUID leaves 1 and 80000001H (SDM vol. 2A, CPUID) */
bool x86_feature(const CPUX86State *env, X86Feature f)
{
    enum { D1, C1, DX, CX };
    static const struct { uint8_t word, bit; } where[FEAT_NUM] = {
        [FEAT_FPU] = { D1, 0 }, [FEAT_TSC] = { D1, 4 }, [FEAT_MSR] = { D1, 5 },
        [FEAT_CX8] = { D1, 8 }, [FEAT_SEP] = { D1, 11 }, [FEAT_CMOV] = { D1, 15 },
        [FEAT_CLFSH] = { D1, 19 }, [FEAT_MMX] = { D1, 23 }, [FEAT_FXSR] = { D1, 24 },
        [FEAT_SSE] = { D1, 25 }, [FEAT_SSE2] = { D1, 26 },
        [FEAT_SSE3] = { C1, 0 }, [FEAT_MONITOR] = { C1, 3 }, [FEAT_SSSE3] = { C1, 9 },
        [FEAT_SSE41] = { C1, 19 }, [FEAT_SSE42] = { C1, 20 }, [FEAT_POPCNT] = { C1, 23 },
        [FEAT_PCLMULQDQ] = { C1, 1 }, [FEAT_MOVBE] = { C1, 22 }, [FEAT_AES] = { C1, 25 },
        [FEAT_3DNOWPREFETCH] = { CX, 8 },
    };
    const uint32_t words[] = {
        env->feat_1_edx, env->feat_1_ecx, env->feat_ext_edx, env->feat_ext_ecx
    };

    return f == FEAT_NONE || (words[where[f].word] >> where[f].bit & 1);
}
