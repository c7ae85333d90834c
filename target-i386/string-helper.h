/* SPDX-License-Identifier: MIT */
/*
 * What string-helper.c and other helpers that access memory share: the `info`
 * of the string helpers, which is what the translator knows about a
 * string instruction, and the segment check.
 */
#ifndef TARGET_I386_STRING_HELPER_H
#define TARGET_I386_STRING_HELPER_H

#include "target-i386/cpu.h"

enum {
    STR_SIZE   = 3,                     /* log2 of the element size */
    STR_ADDR32 = 1 << 2,                /* ESI EDI ECX, else SI DI CX */
    STR_SEG_SHIFT = 4, STR_SEG = 7 << 4,        /* of the source, R_xx */
    STR_REPNE  = 1 << 8,                /* F2, else F3: SCAS and CMPS */
    STR_REP    = 1 << 9,                /* INS, OUTS: any prefix at all */
    STR_ONE    = 1 << 10,               /* at most one element: single-step */
};

/* x86_seg_check() and #AC, but a flat segment has no limit, not even at 4 GiB,
 * as for translated code.  size: 1, 2 or 4. */
static inline uint32_t x86_seg_linear(CPUX86State *env, unsigned seg, uint32_t offset,
                                      uint32_t size, bool write, uintptr_t ra)
{
    bool flat = (env->hflags & HF_FLAT(seg)) && !(seg == R_CS && write);
    uint32_t addr = flat ? offset : x86_seg_check(env, seg, offset, size, write, ra);

    if ((env->hflags & HF_AC) && (addr & (size - 1))) {
        x86_raise_err(env, EXCP_AC, 0, ra);
    }
    return addr;
}

#endif
