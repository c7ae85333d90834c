/* SPDX-License-Identifier: MIT */
/*
 * x86-64 instruction encoding (SDM vol. 2A, chapter 2): bytes, not decisions.
 *
 * An opcode is one word: the opcode byte or-ed with its map, mandatory prefix
 * and operand size.  `reg` and `rm` are the operands as ModRM names them;
 * registers are 0-15 for rax-r15 and 16-31 for xmm0-xmm15.
 */
#ifndef TCG_X86_64_EMIT_H
#define TCG_X86_64_EMIT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI,
    R8, R9, R10, R11, R12, R13, R14, R15,
    XMM0, NO_REG = 0xf4,                /* bits <3:0> say so in a SIB byte, too */
};

enum {
    MAP_0F = 0x100, MAP_0F38 = 0x200, MAP_0F3A = 0x300, MAP_MASK = 0x300,
    PRE_66 = 0x400, PRE_F3 = 0x800, PRE_F2 = 0xc00, PRE_MASK = 0xc00,
    REX_W = 0x1000,                     /* 64-bit operands */
    REG8 = 0x2000, RM8 = 0x4000,        /* sil, dil ... need a REX prefix */
};

enum {                                  /* opcodes used in several places */
    OPC_MOV_LOAD = 0x8b, OPC_MOV_STORE = 0x89, OPC_LEA = 0x8d,
    OPC_MOV_STORE8 = 0x88 | REG8, OPC_MOV_STORE16 = 0x89 | PRE_66,
    OPC_TEST = 0x85, OPC_CMP = 0x3b,
    OPC_MOVZX8 = MAP_0F | 0xb6, OPC_MOVZX16 = MAP_0F | 0xb7,
    OPC_MOVSX8 = MAP_0F | 0xbe, OPC_MOVSX16 = MAP_0F | 0xbf,
    OPC_MOVSXD = 0x63 | REX_W,
    OPC_MOVAPS_LOAD = MAP_0F | 0x28, OPC_MOVAPS_STORE = MAP_0F | 0x29,
    OPC_MOVUPS_LOAD = MAP_0F | 0x10, OPC_MOVUPS_STORE = MAP_0F | 0x11,
    OPC_IMUL = MAP_0F | 0xaf,
    OPC_RORX = MAP_0F3A | PRE_F2 | 0xf0,
};

enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
enum { SH_ROL = 0, SH_ROR = 1, SH_SHL = 4, SH_SHR = 5, SH_SAR = 7 };
enum {                                  /* condition codes */
    CC_B = 2, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS,
    CC_P,
    CC_L = 12, CC_GE, CC_LE, CC_G,
};

typedef struct Mem {                    /* [base + index << scale + disp] */
    uint8_t base, index, scale;         /* NO_REG: none */
    int32_t disp;
} Mem;

typedef struct Asm {
    uint8_t *p;
} Asm;

static inline Mem mem(unsigned base, int32_t disp)
{
    return (Mem){ .base = (uint8_t)base, .index = NO_REG, .disp = disp };
}

static inline Mem mem_index(unsigned base, unsigned index, int32_t disp)
{
    return (Mem){ .base = (uint8_t)base, .index = (uint8_t)index, .disp = disp };
}

static inline unsigned rex_w(bool is64) { return is64 ? REX_W : 0; }

void asm_byte(Asm *a, unsigned b);
void asm_long(Asm *a, uint32_t v);
void asm_quad(Asm *a, uint64_t v);

void asm_rr(Asm *a, unsigned opc, unsigned reg, unsigned rm);
void asm_rm(Asm *a, unsigned opc, unsigned reg, Mem m);
/* VEX encoded, 128 bits. */
void asm_vex_rr(Asm *a, unsigned opc, unsigned reg, unsigned vvvv, unsigned rm);
void asm_vex_rm(Asm *a, unsigned opc, unsigned reg, unsigned vvvv, Mem m);

void asm_mov_rr(Asm *a, bool is64, unsigned d, unsigned s);
/* zero_ok: the flags may be clobbered, so that 0 can be an xor. */
void asm_mov_ri(Asm *a, unsigned d, uint64_t k, bool zero_ok);
void asm_mov_mi(Asm *a, bool is64, Mem m, int32_t k);
void asm_lea(Asm *a, bool is64, unsigned d, Mem m);
void asm_alu_ri(Asm *a, unsigned alu, bool is64, unsigned r, int32_t k);
void asm_alu_mi(Asm *a, unsigned alu, bool is64, Mem m, int32_t k);
void asm_shift_ri(Asm *a, unsigned sh, bool is64, unsigned r, unsigned k);
void asm_shift_cl(Asm *a, unsigned sh, bool is64, unsigned r);
void asm_rorx(Asm *a, bool is64, unsigned d, unsigned s, unsigned k);
void asm_test_ri(Asm *a, bool is64, unsigned r, int32_t k);
void asm_setcc(Asm *a, unsigned cc, unsigned r);
void asm_push(Asm *a, unsigned r);
void asm_pop(Asm *a, unsigned r);
void asm_ret(Asm *a, unsigned pop);     /* bytes above the return address */
/* All of a mask, the lowest first; all of them back. */
void asm_push_regs(Asm *a, uint32_t regs);
void asm_pop_regs(Asm *a, uint32_t regs);

/* Jumps and calls; the first two return where the displacement is. */
uint8_t *asm_jcc(Asm *a, unsigned cc);
uint8_t *asm_jmp(Asm *a);
void asm_jmp_to(Asm *a, const uint8_t *target);
void asm_call(Asm *a, uintptr_t fn);    /* clobbers rax if fn is far away */
void asm_set_rel32(uint8_t *at, const uint8_t *target);
/* Nops until the displacement of a jump whose opcode is len bytes long would
 * be within 8 aligned bytes: then it is written at once (SDM vol. 3, 8.1.1; AMD
 * APM vol. 2, 7.3.2). */
void asm_align_rel32(Asm *a, unsigned len);

#endif
