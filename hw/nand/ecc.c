/* SPDX-License-Identifier: MIT */
#include "hw/nand/ecc.h"

/* p: the parity of the half where the bit is 1. */
static uint32_t pair(const NandEcc *e, unsigned p)
{
    return (p << 1 | (p ^ e->odd)) ^ 3;
}

uint32_t nand_ecc_lines(const NandEcc *e, unsigned first, unsigned num)
{
    uint32_t val = 0;

    for (unsigned i = 0; i < num; i++) {
        val |= pair(e, e->line >> (first + i) & 1) << (2 * i);
    }
    return val;
}

/* The columns whose number has that bit. */
uint32_t nand_ecc_columns(const NandEcc *e)
{
    return pair(e, (unsigned)__builtin_parity(e->col & 0xaa)) |
           pair(e, (unsigned)__builtin_parity(e->col & 0xcc)) << 2 |
           pair(e, (unsigned)__builtin_parity(e->col & 0xf0)) << 4;
}

/* S3C2440A User's Manual, "2048 byte main ECC parity code assignment table". */
uint32_t nand_ecc_code(const NandEcc *e)
{
    uint32_t code0 = nand_ecc_lines(e, 0, 4), code1 = nand_ecc_lines(e, 4, 4);
    uint32_t code2 = nand_ecc_lines(e, 8, 1) | nand_ecc_columns(e) << 2;
    uint32_t code3 = nand_ecc_lines(e, 9, 2) | 0xf0;

    return code0 | code1 << 8 | code2 << 16 | code3 << 24;
}
