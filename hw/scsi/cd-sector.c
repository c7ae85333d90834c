/* SPDX-License-Identifier: MIT */
/*
 * CD-ROM sectors, Mode 01 (ECMA-130): sync, header, error detection, error
 * correction.
 *
 * EDC (14.3): a 32-bit CRC over the first 2064 bytes, least significant bit
 * first, P(x) = (x^16 + x^15 + x^2 + 1)(x^16 + x^2 + x + 1).  ECC (annex A):
 * Reed-Solomon over GF(2^8) with x^8 + x^4 + x^3 + x^2 + 1, 24 + 2 bytes down
 * each of 86 columns (P), then 43 + 2 along each of 52 diagonals (Q).
 */
#include "hw/scsi/cd-sector.h"

#include <string.h>

#include "util/bits.h"

enum { EDC_AT = 2064, P_AT = 2076, Q_AT = 2248 };
enum { FRAMES = 75, SECONDS = 60, LEAD_IN = 150 };

void cd_put_msf(uint8_t msf[3], uint32_t lba)
{
    lba += LEAD_IN;
    msf[0] = (uint8_t)(lba / FRAMES / SECONDS);
    msf[1] = (uint8_t)(lba / FRAMES % SECONDS);
    msf[2] = (uint8_t)(lba % FRAMES);
}

static uint8_t to_bcd(uint8_t n)
{
    return (uint8_t)(n / 10 << 4 | n % 10);
}

/* 0xd8018001 is P(x) with its bits reversed. */
static uint32_t edc(const uint8_t *p, int len)
{
    uint32_t crc = 0;

    while (len--) {
        crc ^= *p++;
        for (int i = 0; i < 8; i++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xd8018001 : 0);
        }
    }
    return crc;
}

static uint8_t times_alpha(uint8_t x)
{
    return (uint8_t)(x << 1 ^ (x & 0x80 ? 0x1d : 0));
}

/* x / (alpha + 1): the inverse is alpha^230, found by trying. */
static uint8_t over_alpha_plus_1(uint8_t x)
{
    unsigned y = 0;

    while ((times_alpha((uint8_t)y) ^ y) != x) {
        y++;
    }
    return (uint8_t)y;
}

/*
 * Parity of num code words of len bytes: a's weights fall from alpha^(len+1),
 * b is the plain sum; the two parity bytes make both checks zero.  `wrap` is
 * where the walk of a word starts over.
 */
static void parity(const uint8_t *data, uint8_t *out, int num, int len, int start,
                   int step, int wrap)
{
    for (int w = 0; w < num; w++) {
        int at = (w >> 1) * start + (w & 1);
        uint8_t a = 0, b = 0;

        for (int i = 0; i < len; i++) {
            a = times_alpha(a ^ data[at]);
            b ^= data[at];
            at += step;
            at -= at >= wrap ? wrap : 0;
        }
        a = over_alpha_plus_1((uint8_t)(times_alpha(a) ^ b));
        out[w] = a;
        out[w + num] = a ^ b;
    }
}

void cd_complete_sector(uint8_t raw[CD_RAW], uint32_t lba)
{
    uint8_t msf[3];

    memset(raw, 0xff, CD_SYNC);
    raw[0] = raw[CD_SYNC - 1] = 0;
    cd_put_msf(msf, lba);
    for (int i = 0; i < 3; i++) {
        raw[CD_SYNC + i] = to_bcd(msf[i]);
    }
    raw[15] = 1;                        /* mode */
    store_le(raw + EDC_AT, edc(raw, EDC_AT), 4);
    memset(raw + EDC_AT + 4, 0, 8);
    parity(raw + CD_SYNC, raw + P_AT, 86, 24, 2, 86, 1 << 20);
    parity(raw + CD_SYNC, raw + Q_AT, 52, 43, 86, 88, 52 * 43);
}
