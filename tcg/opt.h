/* SPDX-License-Identifier: MIT */
/*
 * The optimizer: rewrites TCGContext.ops in place, in two linear passes.
 * What it does and why is told in opt.c.
 */
#ifndef TCG_OPT_H
#define TCG_OPT_H

#include "tcg/tcg.h"

/* Working storage, inside the context so that a block allocates nothing. */
typedef struct TCGOptTemp {
    uint64_t ones;                      /* bits that may be one */
    uint64_t k;                         /* value, if is_const */
    uint16_t copy_of;                   /* the temp to use instead, or itself */
    uint16_t def;                       /* index of the defining op */
    uint8_t signed_bits;                /* it is the sign extension of so many */
    bool is_const;
} TCGOptTemp;

typedef struct TCGOpt {
    TCGOptTemp t[TCG_MAX_TEMPS];
    uint16_t uses[TCG_MAX_TEMPS];       /* backwards: behind this op */
    uint16_t user[TCG_MAX_TEMPS];       /* the last one counted */
} TCGOpt;

void tcg_optimize(TCGContext *s, TCGOpt *o);

#endif
