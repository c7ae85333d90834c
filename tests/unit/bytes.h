/* SPDX-License-Identifier: MIT */
/* Files put together byte by byte; data is the caller's to free. */
#ifndef TESTS_UNIT_BYTES_H
#define TESTS_UNIT_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util/bits.h"
#include "util/mem.h"

typedef struct Bytes { uint8_t *data; size_t len; } Bytes;

static inline void put(Bytes *b, const void *data, size_t len)
{
    b->data = xrealloc(b->data, b->len + len + 1);
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

static inline void put_be(Bytes *b, uint64_t value, unsigned n)
{
    uint8_t buf[8];

    store_be(buf, value, n);
    put(b, buf, n);
}

static inline void put_zeroes(Bytes *b, size_t len)
{
    uint8_t *zeroes = xzalloc(len + 1);

    put(b, zeroes, len);
    free(zeroes);
}

#endif
