/* SPDX-License-Identifier: MIT */
/*
 * SDM vol. 2D, tables: the escapes D8 .. DF.
 *
 * First index: the opcode minus D8.  Second: ModRM reg.  The register forms of
 * D9 and DB have one instruction per r/m in places: a sub table BY_RM.
 *
 * Where this differs from the manual: the undocumented aliases of FXCH, FSTP,
 * FCOM and FFREEP that every processor has (D9 /3, DC /2 /3, DD /1, DE /2,
 * DF /0 .. /3).
 */
#include "target-i386/opmap.h"

#include <stddef.h>

#include "target-i386/gen-x87.h"

#define X(name, ...) F(OP_FPU, name, R, __VA_ARGS__)
/* May change whether exceptions are masked. */
#define XMODE(name) F(OP_FPU | OP_MODE, name, R, M_n)
/* No operands; `rows` for all eight r/m. */
#define XR(name) F(OP_FPU, name, R)
#define BYRM(table) SUB(table, BY_RM)

/* clang-format off */

static const X86Op d9_2[8] = { [0] = XR(FNOP) };
static const X86Op d9_4[8] = {
    [0] = XR(F_D9), [1] = XR(F_D9), [4] = XR(F_D9), [5] = XR(F_D9),
};
static const X86Op d9_5[8] = { [0 ... 6] = XR(FLD_CONST) };
static const X86Op da_5[8] = { [1] = XR(FUCOMPP) };
static const X86Op db_4[8] = {
    [0] = XR(FNNOP), [1] = XR(FNNOP), [2] = XR(FNCLEX), [3] = F(OP_FPU | OP_MODE, FNINIT, R), [4] = XR(FNNOP),
};
static const X86Op de_3[8] = { [1] = XR(FCOMPP) };
static const X86Op df_4[8] = { [0] = XR(FNSTSW_AX) };

const X86Op x86_x87_mem[8][8] = {
    { [0 ... 7] = X(FARITH_M32, M_n) },                                         /* D8 */
    { [0] = X(FLD_M32, M_n), [2] = X(FST_M32, M_n), [3] = X(FSTP_M32, M_n),     /* D9 */
      [4] = XMODE(FLDENV), [5] = X(FLDCW, M_n), [6] = XMODE(FNSTENV), [7] = X(FNSTCW, M_n) },
    { [0 ... 7] = X(FARITH_I32, M_n) },                                         /* DA */
    { [0] = X(FILD_32, M_n), [1] = F(OP_FPU | FEAT(SSE3), FISTTP_32, R, M_n),   /* DB */
      [2] = X(FIST_32, M_n), [3] = X(FISTP_32, M_n), [5] = X(FLD_M80, M_n),
      [7] = X(FSTP_M80, M_n) },
    { [0 ... 7] = X(FARITH_M64, M_n) },                                         /* DC */
    { [0] = X(FLD_M64, M_n), [1] = F(OP_FPU | FEAT(SSE3), FISTTP_64, R, M_n),   /* DD */
      [2] = X(FST_M64, M_n), [3] = X(FSTP_M64, M_n), [4] = XMODE(FRSTOR),
      [6] = XMODE(FNSAVE), [7] = X(FNSTSW_M, M_n) },
    { [0 ... 7] = X(FARITH_I16, M_n) },                                         /* DE */
    { [0] = X(FILD_16, M_n), [1] = F(OP_FPU | FEAT(SSE3), FISTTP_16, R, M_n),   /* DF */
      [2] = X(FIST_16, M_n), [3] = X(FISTP_16, M_n), [4] = X(FBLD, M_n),
      [5] = X(FILD_64, M_n), [6] = X(FBSTP, M_n), [7] = X(FISTP_64, M_n) },
};

const X86Op x86_x87_reg[8][8] = {
    { [0] = XR(FARITH_ST0), [1] = XR(FARITH_ST0), [2] = XR(FCOM), [3] = XR(FCOMP),      /* D8 */
      [4 ... 7] = XR(FARITH_ST0) },
    { [0] = XR(FLD_ST), [1] = XR(FXCH), [2] = BYRM(d9_2), [3] = XR(FSTPNCE),            /* D9 */
      [4] = BYRM(d9_4), [5] = BYRM(d9_5), [6] = XR(F_D9), [7] = XR(F_D9) },
    { [0 ... 3] = F(OP_FPU | FEAT(CMOV), FCMOV, R), [5] = BYRM(da_5) },                 /* DA */
    { [0 ... 3] = F(OP_FPU | FEAT(CMOV), FCMOV, R), [4] = BYRM(db_4),                   /* DB */
      [5] = F(OP_FPU | FEAT(CMOV), FUCOMI, R), [6] = F(OP_FPU | FEAT(CMOV), FCOMI, R) },
    { [0] = XR(FARITH_STI), [1] = XR(FARITH_STI), [2] = XR(FCOM), [3] = XR(FCOMP),      /* DC */
      [4 ... 7] = XR(FARITH_STI) },
    { [0] = XR(FFREE), [1] = XR(FXCH), [2] = XR(FST_ST), [3] = XR(FSTP_ST),             /* DD */
      [4] = XR(FUCOM), [5] = XR(FUCOMP) },
    { [0] = XR(FARITHP_STI), [1] = XR(FARITHP_STI), [2] = XR(FCOMP), [3] = BYRM(de_3),  /* DE */
      [4 ... 7] = XR(FARITHP_STI) },
    { [0] = XR(FFREEP), [1] = XR(FXCH), [2] = XR(FSTP_ST), [3] = XR(FSTP_ST),           /* DF */
      [4] = BYRM(df_4), [5] = F(OP_FPU | FEAT(CMOV), FUCOMIP, R),
      [6] = F(OP_FPU | FEAT(CMOV), FCOMIP, R) },
};
