/* SPDX-License-Identifier: MIT */
/*
 * IEEE 754 single and double precision in integers, as the ARM VFP does it (ARM
 * DDI 0100I, part C; ARMv7 ARM A2.7).  What the standard leaves open:
 *
 *   NaNs        the first signalling operand, else the first quiet one, made
 *               quiet; with default_nan always the positive default NaN
 *   tininess    is detected before rounding
 *   flush       with flush_to_zero: denormal operands are zeros of their sign
 *               (FLOAT_DENORMAL), denormal results too (FLOAT_UNDERFLOW only)
 *
 * Values are their encodings: a single in the low half of a uint64_t.  Flags are
 * or-ed to mode->flags.  Pure functions of their arguments otherwise; any thread.
 */
#ifndef FPU_SOFTFLOAT_H
#define FPU_SOFTFLOAT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum FloatRound {
    FLOAT_NEAREST_EVEN, FLOAT_UP, FLOAT_DOWN, FLOAT_TO_ZERO,
} FloatRound;

enum {                                  /* FloatMode.flags */
    FLOAT_INVALID = 1, FLOAT_DIV_BY_ZERO = 2, FLOAT_OVERFLOW = 4, FLOAT_UNDERFLOW = 8,
    FLOAT_INEXACT = 16, FLOAT_DENORMAL = 128,
    FLOAT_TINY = 256,                   /* exact or not; no flag of IEEE 754 */
};

typedef struct FloatMode {
    uint8_t round;                      /* FloatRound */
    bool flush_to_zero, default_nan;
    uint32_t flags;
} FloatMode;

typedef struct FloatFormat {
    unsigned frac_bits, exp_bits;       /* stored */
} FloatFormat;

extern const FloatFormat float_single, float_double;

uint64_t float_add(const FloatFormat *f, uint64_t a, uint64_t b, FloatMode *m);
uint64_t float_sub(const FloatFormat *f, uint64_t a, uint64_t b, FloatMode *m);
uint64_t float_mul(const FloatFormat *f, uint64_t a, uint64_t b, FloatMode *m);
uint64_t float_div(const FloatFormat *f, uint64_t a, uint64_t b, FloatMode *m);
uint64_t float_sqrt(const FloatFormat *f, uint64_t a, FloatMode *m);
/* Changes the sign of anything, NaNs too. */
uint64_t float_neg(const FloatFormat *f, uint64_t a);

typedef enum FloatOrder { FLOAT_LESS, FLOAT_EQUAL, FLOAT_GREATER, FLOAT_UNORDERED } FloatOrder;

/* signal_all: a quiet NaN is FLOAT_INVALID too. */
FloatOrder float_compare(const FloatFormat *f, uint64_t a, uint64_t b, bool signal_all,
                         FloatMode *m);

/* To a 32-bit integer.  Out of range: the nearest, NaN: 0, and FLOAT_INVALID. */
uint32_t float_to_int(const FloatFormat *f, uint64_t a, bool is_signed, FloatMode *m);
uint64_t float_from_int(const FloatFormat *f, uint32_t v, bool is_signed, FloatMode *m);
uint64_t float_convert(const FloatFormat *to, const FloatFormat *from, uint64_t a,
                       FloatMode *m);

#endif
