/* SPDX-License-Identifier: MIT */
/*
 * A32 and T16 decoder: an instruction in, a row of a32.def or t16.def and its
 * fields out.  Knows encodings, not meanings.
 *
 * A row:
 *
 *   A32(pattern, handler, op, needs, section, syntax)
 *   T16(pattern, fixed, handler, op, needs, section, syntax)
 *
 *   pattern   the encoding diagram, first bit first; blanks are for the eye.
 *             0 1 the bit must have this value; - should-be bit, ignored; any
 *             other letter is a field (below).  A field may be in several
 *             pieces, which are put together in the order they stand there.
 *             cccc is a condition, and not 1111: that is a space of its own.
 *   fixed     T16: fields its pattern does not have, "S=1 n=13", or what a field
 *             is multiplied by, "i*4".  cond is AL.
 *   handler   trans_<handler>() in gen-*.c (gen.h) makes operations of it
 *   op        what handlers that serve several rows tell them apart by
 *   needs     ARM_xxx of cpu.h, all of which the model must have; else the
 *             instruction is undefined.  ARM_V4T: every model.
 *   section   of the ARMv7 ARM (DDI 0406C)
 *   syntax    for the disassembler: disas-arm.c
 *
 * Letters:  c cond  n rn  d rd  m rm  s rs  a ra  i imm  r rot  t type  l list
 *           S P U W X Y (s p u w x y of ArmInsn: single bits)
 *           p coproc  o opc1  q opc2  k mask  D N M (dhi nhi mhi: of VFP)
 *
 * Order does not matter: of the rows that match, the one with most fixed bits
 * wins, and tests/unit/test-arm-decode.c proves that this is never a tie.
 */
#ifndef TARGET_ARM_DECODE_H
#define TARGET_ARM_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ArmDis ArmDis;           /* translate.h */
typedef struct ArmInsn ArmInsn;

typedef struct ArmRow {
    const char *pattern, *fixed;        /* fixed: NULL in A32 */
    void (*trans)(ArmDis *d, const ArmInsn *a);
    uint8_t op;                         /* ArmOp; VFP has its own */
    uint16_t needs;
    const char *section, *syntax;
} ArmRow;

typedef enum ArmOp {
    OP_NONE,
    /* Data processing, in the order of their opcodes */
    OP_AND, OP_EOR, OP_SUB, OP_RSB, OP_ADD, OP_ADC, OP_SBC, OP_RSC,
    OP_TST, OP_TEQ, OP_CMP, OP_CMN, OP_ORR, OP_MOV, OP_BIC, OP_MVN,
    /* Loads and stores */
    OP_LDR, OP_STR, OP_LDRB, OP_STRB, OP_LDRH, OP_STRH, OP_LDRSB, OP_LDRSH,
    OP_LDRD, OP_STRD,
    /* Parallel arithmetic: S Q SH U UQ UH times these */
    OP_ADD16, OP_ASX, OP_SAX, OP_SUB16, OP_ADD8, OP_SUB8,
    /* Multiplies */
    OP_MUL, OP_MLA, OP_UMULL, OP_UMLAL, OP_SMULL, OP_SMLAL,
    OP_SMLA, OP_SMUL, OP_SMLAW, OP_SMULW, OP_SMLALXY,
    OP_SMLAD, OP_SMLSD, OP_SMUAD, OP_SMUSD, OP_SMLALD, OP_SMLSLD,
    OP_SMMLA, OP_SMMLS, OP_SMMUL,
    /* Saturating */
    OP_QADD, OP_QSUB, OP_QDADD, OP_QDSUB, OP_SSAT, OP_USAT, OP_SSAT16, OP_USAT16,
    /* Extensions, with or without an addend */
    OP_SXTB, OP_SXTH, OP_SXTB16, OP_UXTB, OP_UXTH, OP_UXTB16,
    OP_REV, OP_REV16, OP_REVSH,
    OP_PKHBT, OP_PKHTB,
} ArmOp;

/* A field that the row does not have reads as 0. */
struct ArmInsn {
    const ArmRow *row;                  /* NULL: undefined */
    uint32_t raw;
    uint32_t cond, rn, rd, rm, rs, ra, imm, rot, type, list;
    uint32_t s, p, u, w, x, y;
    uint32_t coproc, opc1, opc2, mask, dhi, nhi, mhi;
};

extern const ArmRow arm_a32_rows[], arm_t16_rows[];
extern const unsigned arm_num_a32_rows, arm_num_t16_rows;

/* The rows as tables for look-up; heap. */
typedef struct ArmDecoder ArmDecoder;
ArmDecoder *arm_decoder_new(void);
void arm_decoder_free(ArmDecoder *t);

/* features: of the model.  T16: the halfword is in raw <15:0>. */
const ArmRow *arm_decode(const ArmDecoder *t, uint32_t raw, bool thumb, uint32_t features,
                         ArmInsn *insn);

/* For tests: the fixed bits of a row; whether it is of the space cond 1111; the
 * bits of field `letter`. */
void arm_row_bits(const ArmRow *row, uint32_t *mask, uint32_t *value);
bool arm_row_is_cond(const ArmRow *row);
uint32_t arm_row_field(const ArmRow *row, char letter);

/*
 * The text of an instruction at address pc; returns its length in bytes.
 * buf gets "undefined" if it is in no row (features ~0: any model).
 */
unsigned arm_disassemble(const ArmDecoder *t, uint32_t raw, bool thumb, uint32_t features,
                         uint32_t pc, char *buf, size_t len);
/* CPUOps.disassemble; mode 0: A32 */
void arm_disassemble_code(int mode, uint64_t addr, const uint8_t *code, size_t len,
                          void (*put)(void *opaque, size_t at, size_t size, const char *text),
                          void *opaque);

#endif
