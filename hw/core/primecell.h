/* SPDX-License-Identifier: MIT */
/*
 * The identification registers that end the 4 KiB of every ARM PrimeCell: four
 * bytes PeriphID0-3 (part number, designer 41h, revision, configuration) at
 * fe0h, and PCellID0-3, 0d f0 05 b1, at ff0h, a byte to a word.
 *
 * PRIMECELL_ID_REGS() is eight rows of a RegDef table; a chip without one asks
 * primecell_id() for offsets from PRIMECELL_ID on.
 */
#ifndef HW_CORE_PRIMECELL_H
#define HW_CORE_PRIMECELL_H

#include "hw/core/device.h"

enum { PRIMECELL_SIZE = 0x1000, PRIMECELL_ID = 0xfe0 };

#define PRIMECELL_ID_REG(name, offset, val) \
    { name, offset, REG_CONST, REG_R, val, 0, NULL, NULL }
#define PRIMECELL_ID_REGS(id0, id1, id2, id3)                               \
    PRIMECELL_ID_REG("PeriphID0", 0xfe0, id0),                              \
    PRIMECELL_ID_REG("PeriphID1", 0xfe4, id1),                              \
    PRIMECELL_ID_REG("PeriphID2", 0xfe8, id2),                              \
    PRIMECELL_ID_REG("PeriphID3", 0xfec, id3),                              \
    PRIMECELL_ID_REG("PCellID0",  0xff0, 0x0d),                             \
    PRIMECELL_ID_REG("PCellID1",  0xff4, 0xf0),                             \
    PRIMECELL_ID_REG("PCellID2",  0xff8, 0x05),                             \
    PRIMECELL_ID_REG("PCellID3",  0xffc, 0xb1)

/* periph_id: PeriphID0 in the lowest byte. */
static inline uint8_t primecell_id(uint32_t periph_id, hwaddr offset)
{
    uint64_t id = 0xb105f00dull << 32 | periph_id;

    return (uint8_t)(id >> (2 * (offset - PRIMECELL_ID) & 0x38));
}

#endif
