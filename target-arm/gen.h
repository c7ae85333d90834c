/* SPDX-License-Identifier: MIT */
/*
 * The trans_ functions the decode tables name.  Each translates one
 * instruction whose condition holds; the rules are in translate.h.
 */
#ifndef TARGET_ARM_GEN_H
#define TARGET_ARM_GEN_H

#include "target-arm/decode.h"

/* gen-dp.c: data processing */
#define TRANS_DP(T) T(dp_imm) T(dp_reg) T(dp_rsr) T(adr) T(clz)

/* gen-mul.c: multiplies */
#define TRANS_MUL(T) \
    T(mul) T(mull) T(umaal) T(mul_half) T(mul_wide) T(mul_dual) T(mul_dual_long) T(mul_top)

/* gen-media.c: saturating, parallel, packing (v5TE, v6) */
#define TRANS_MEDIA(T) \
    T(qadd) T(par_s) T(par_q) T(par_sh) T(par_u) T(par_uq) T(par_uh) T(pkh) T(sel) T(sat) \
    T(sat16) T(rev) T(extend) T(extend_add) T(usad8)

/* gen-ldst.c: loads and stores */
#define TRANS_LDST(T) \
    T(ldst_imm) T(ldst_reg) T(ldst_user_imm) T(ldst_user_reg) T(ldm) T(stm) T(t_push) T(t_pop) \
    T(t_ldm) T(swp) T(ldrex) T(strex) T(clrex) T(pld)

/* gen-flow.c: branches and exceptions */
#define TRANS_FLOW(T) \
    T(b) T(bl) T(bx) T(blx_reg) T(blx_imm) T(t_b) T(t_bcc) T(t_bl_high) T(t_bl) T(t_blx) \
    T(svc) T(bkpt) T(udf) T(nop)

/* gen-sys.c: status registers and coprocessors */
#define TRANS_SYS(T) \
    T(mrs) T(msr_imm) T(msr_reg) T(cps) T(t_cps) T(setend) T(srs) T(rfe) T(ldc) T(mcrr) T(mrrc) \
    T(cdp) T(mcr) T(mrc)

#define TRANS_DECLARE(name) void trans_##name(ArmDis *d, const ArmInsn *a);
TRANS_DP(TRANS_DECLARE)
TRANS_MUL(TRANS_DECLARE)
TRANS_MEDIA(TRANS_DECLARE)
TRANS_LDST(TRANS_DECLARE)
TRANS_FLOW(TRANS_DECLARE)
TRANS_SYS(TRANS_DECLARE)
#undef TRANS_DECLARE

#endif
