/* SPDX-License-Identifier: MIT */
/* What tests of ARM's PrimeCells share: registers are words in window 0, and
 * the last eight identify the chip. */
#ifndef TESTS_UNIT_PRIMECELL_TEST_H
#define TESTS_UNIT_PRIMECELL_TEST_H

#include "tests/unit/chip-test.h"

static inline uint32_t in(Device *d, unsigned reg)
{
    return (uint32_t)device_read(d, 0, reg, 4);
}

static inline void out(Device *d, unsigned reg, uint32_t val)
{
    device_write(d, 0, reg, val, 4);
}

/* PeriphID0-3 and PCellID0-3, the first in the lowest byte.  They are read-only,
 * and a byte each. */
static inline uint64_t primecell_id_of(Device *d)
{
    uint64_t id = 0;

    for (unsigned i = 0; i < 8; i++) {
        out(d, 0xfe0 + 4 * i, 0xffffffff);
        CHECK_EQ(in(d, 0xfe0 + 4 * i) >> 8, 0);
        CHECK_EQ(device_read(d, 0, 0xfe0 + 4 * i, 1), in(d, 0xfe0 + 4 * i));
        id |= (uint64_t)in(d, 0xfe0 + 4 * i) << (8 * i);
    }
    return id;
}

#endif
