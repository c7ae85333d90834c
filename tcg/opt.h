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
    bool is_const;
    bool used;                          /* by the backward pass */
} TCGOptTemp;

typedef struct TCGOpt {
    TCGOptTemp t[TCG_MAX_TEMPS];
    uint16_t global_temp[TCG_MAX_GLOBALS];
    bool global_dead[TCG_MAX_GLOBALS];
    uint16_t num_out;
} TCGOpt;

void tcg_optimize(TCGContext *s, TCGOpt *o);

#endif
