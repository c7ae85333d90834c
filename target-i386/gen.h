/* SPDX-License-Identifier: MIT */
/*
 * The gen_ functions the opcode maps name.  Each runs with the operands of its
 * row loaded (d->val) and leaves operand 0's new value in d->result.
 */
#ifndef TARGET_I386_GEN_H
#define TARGET_I386_GEN_H

#include "target-i386/opmap.h"

/* gen-int.c: data movement, arithmetic, logic, flags */
#define GEN_INT(G) \
    G(ADD) G(OR) G(ADC) G(SBB) G(AND) G(SUB) G(XOR) G(CMP) G(TEST) G(INC) G(DEC) G(NOT) G(NEG) \
    G(MUL) G(IMUL) G(IMUL1) G(DIV) G(IDIV) G(DAA) G(DAS) G(AAA) G(AAS) G(AAM) G(AAD) \
    G(MOV) G(MOVZX) G(MOVSX) G(MOVNTI) G(XCHG) G(XADD) G(CMPXCHG) G(CMPXCHG8B) G(BSWAP) \
    G(LEA) G(CBW) G(CWD) G(XLAT) G(LAHF) G(SAHF) G(CLC) G(STC) G(CMC) G(SALC) G(SETcc) G(CMOVcc) \
    G(NOP) G(CLD) G(STD)

/* gen-shift.c: shifts, rotates, single bits */
#define GEN_SHIFT(G) \
    G(ROL) G(ROR) G(RCL) G(RCR) G(SHL) G(SHR) G(SAR) G(SHLD) G(SHRD) \
    G(BT) G(BTS) G(BTR) G(BTC) G(BSF) G(BSR)

/* gen-flow.c: jumps, calls, the stack */
#define GEN_FLOW(G) \
    G(Jcc) G(JMP) G(JMP_E) G(JMPF) G(JMPF_M) G(CALL) G(CALL_E) G(CALLF) G(CALLF_M) \
    G(RET) G(RETF) G(IRET) G(LOOP) G(LOOPE) G(LOOPNE) G(JCXZ) G(INT) G(INT3) G(INTO) G(INT1) \
    G(PUSH) G(POP) G(POP_E) G(PUSHA) G(POPA) G(PUSHF) G(POPF) G(ENTER) G(LEAVE) G(BOUND)

/* gen-string.c */
#define GEN_STRING(G) G(MOVS) G(STOS) G(LODS) G(SCAS) G(CMPS) G(INS) G(OUTS)

/* gen-sys.c: segments, control registers, ports, modes */
#define GEN_SYS(G) \
    G(MOV_ES) G(MOV_SE) G(PUSH_S) G(POP_S) G(LES) G(LDS) G(LSS) G(LFS) G(LGS) G(ARPL) \
    G(LAR) G(LSL) G(VERR) G(VERW) G(SLDT) G(STR) G(LLDT) G(LTR) G(SGDT) G(SIDT) G(LGDT) G(LIDT) \
    G(SMSW) G(LMSW) G(INVLPG) G(CLTS) G(INVD) G(WBINVD) G(MOV_RC) G(MOV_CR) G(MOV_RD) G(MOV_DR) \
    G(RDMSR) G(WRMSR) G(RDTSC) G(RDPMC) G(PAUSE) G(CPUID) G(SYSENTER) G(SYSEXIT) G(RSM) G(HLT) G(MONITOR) \
    G(MWAIT) G(CLI) G(STI) G(IN) G(OUT) G(UD) G(FWAIT) G(CLFLUSH)

#define GEN_DECLARE(name) void gen_##name(X86Dis *d);
GEN_INT(GEN_DECLARE)
GEN_SHIFT(GEN_DECLARE)
GEN_FLOW(GEN_DECLARE)
GEN_STRING(GEN_DECLARE)
GEN_SYS(GEN_DECLARE)

#endif
