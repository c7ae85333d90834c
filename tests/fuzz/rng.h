/* SPDX-License-Identifier: MIT */
/* Random numbers that a seed, which is not 0, repeats: xorshift64*, Marsaglia, Vigna. */
#ifndef FUZZ_RNG_H
#define FUZZ_RNG_H

#include <stdbool.h>
#include <stdint.h>

static uint64_t rng;

static inline uint64_t next(void)
{
    rng ^= rng >> 12;
    rng ^= rng << 25;
    rng ^= rng >> 27;
    return rng * 0x2545f4914f6cdd1dull;
}

static inline uint64_t below(uint64_t n)
{
    return (next() >> 11) % n;
}

static inline bool one_in(unsigned n)
{
    return below(n) == 0;
}

#endif
