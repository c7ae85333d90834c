/* SPDX-License-Identifier: MIT */
/*
 * The `info` argument of the string helpers: what the translator knows about a
 * string instruction.
 */
#ifndef TARGET_I386_STRING_HELPER_H
#define TARGET_I386_STRING_HELPER_H

enum {
    STR_SIZE   = 3,                     /* log2 of the element size */
    STR_ADDR32 = 1 << 2,                /* ESI EDI ECX, else SI DI CX */
    STR_SEG_SHIFT = 4, STR_SEG = 7 << 4,        /* of the source, R_xx */
    STR_REPNE  = 1 << 8,                /* F2, else F3: SCAS and CMPS */
    STR_REP    = 1 << 9,                /* INS, OUTS: any prefix at all */
    STR_ONE    = 1 << 10,               /* at most one element: single-step */
};

#endif
