/* SPDX-License-Identifier: MIT */
/* Bit fields, written the way the manuals write them: <hi:lo>. */
#ifndef UTIL_BITS_H
#define UTIL_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define container_of(p, type, member) \
    ((type *)(void *)((char *)(p) - offsetof(type, member)))

static inline uint32_t bits(uint32_t x, int hi, int lo)
{
    return (x >> lo) & (uint32_t)((1ull << (hi - lo + 1)) - 1);
}

static inline uint64_t bits64(uint64_t x, int hi, int lo)
{
    return (x >> lo) & (hi - lo == 63 ? ~0ull : (1ull << (hi - lo + 1)) - 1);
}

static inline uint32_t ror32(uint32_t x, unsigned n)
{
    n &= 31;
    return n ? (x >> n) | (x << (32 - n)) : x;
}

static inline bool is_pow2(uint64_t x) { return x && !(x & (x - 1)); }
static inline uint64_t align_up(uint64_t x, uint64_t a) { return (x + a - 1) & -a; }
static inline uint64_t align_down(uint64_t x, uint64_t a) { return x & -a; }

/* Unaligned, explicit byte order; n is 1 to 8 bytes.  The host is little endian. */
static inline uint64_t load_le(const void *p, unsigned n)
{
    uint64_t v = 0;

    memcpy(&v, p, n);
    return v;
}

static inline void store_le(void *p, uint64_t v, unsigned n)
{
    memcpy(p, &v, n);
}

static inline uint64_t load_be(const void *p, unsigned n)
{
    return __builtin_bswap64(load_le(p, n)) >> (64 - 8 * n);
}

static inline void store_be(void *p, uint64_t v, unsigned n)
{
    store_le(p, __builtin_bswap64(v << (64 - 8 * n)), n);
}

#endif
