/* SPDX-License-Identifier: MIT */
/*
 * Expressions of the monitor: 64-bit integers.
 *
 *   sum   := prod { + - prod }       logic := sum { & | ^ sum }
 *   prod  := unary { * / % unary }   unary := + - ~ unary | number | 'c' |
 *                                             $register | ( logic )
 *
 * An operator with a blank before but none behind ends the expression:
 * "10 -5" and "4 /path" are two arguments, "10 - 5" and "10-5" are one.
 */
#ifndef MONITOR_EXPR_H
#define MONITOR_EXPR_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

typedef struct ExprEnv {
    /* Value of $name; false: there is none.  NULL: no registers. */
    bool (*get_register)(void *opaque, const char *name, uint64_t *val);
    void *opaque;
} ExprEnv;

/* Evaluate at *p and move it behind; 0 or -errno. */
int expr_eval(const char **p, const ExprEnv *env, int64_t *val, Error *err);

#endif
