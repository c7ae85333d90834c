/* SPDX-License-Identifier: MIT */
/*
 * The Hamming code of NAND flash: corrects one bit in up to 2048 bytes.
 *
 * A sum over bytes in order: an odd byte changes the parities of its address's
 * bits (P8 and up), its own bits those of the columns (P1 to P4).  Each parity P
 * is stored next to P', of the other half, and inverted ("SmartMedia Physical
 * Format Specification"), so that erased bytes have a code of ones.
 */
#ifndef HW_NAND_ECC_H
#define HW_NAND_ECC_H

#include <stdint.h>

typedef struct NandEcc {                /* all zero: begin */
    uint32_t count, line;
    uint8_t col, odd;
} NandEcc;

static inline void nand_ecc_byte(NandEcc *e, uint8_t byte)
{
    uint8_t odd = (uint8_t)__builtin_parity(byte);

    e->col ^= byte;
    e->odd ^= odd;
    e->line ^= odd ? e->count : 0;
    e->count++;
}

/* Pairs P above P', two bits each: num of lines, from P8 << first on. */
uint32_t nand_ecc_lines(const NandEcc *e, unsigned first, unsigned num);
/* P1, P2, P4 */
uint32_t nand_ecc_columns(const NandEcc *e);
/* As the S3C2440 has it in NFMECC0: P8-P64, P128-P1024, P2048 and columns, the
 * rest.  Linux keeps the lower three bytes. */
uint32_t nand_ecc_code(const NandEcc *e);

#endif
