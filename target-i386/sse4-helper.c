/* SPDX-License-Identifier: MIT */
/*
 * SSE4.1, SSE4.2, AES and PCLMULQDQ in C (SDM vol. 2, each instruction's
 * "Operation"): for hosts without them, the interpreter and unmasked exceptions.
 *
 * Only DPPS and DPPD calculate; they use the host's SSE multiplication and
 * addition, with the guest's MXCSR in force.
 */
#include "target-i386/helper.h"

#include <emmintrin.h>
#include <string.h>

#include "target-i386/sys.h"
#include "util/bits.h"

/* -- Lane by lane ------------------------------------------------------------ */

/* Each of the n elements of d is `value`, made of elements of a, d's old, and b. */
#define LANES_I(name, n, lane, value)                                       \
    void helper_##name(void *d, const void *s, uint32_t imm)                \
    {                                                                       \
        XMMReg a = *(XMMReg *)d, b = *(const XMMReg *)s;                    \
        for (unsigned i = 0; i < (n); i++) {                                \
            ((XMMReg *)d)->lane[i] = imm >> i & 1 ? (value) : a.lane[i];    \
        }                                                                   \
    }
#define LANES(name, n, lane, value)                                         \
    void helper_##name(void *d, const void *s)                              \
    {                                                                       \
        XMMReg a = *(XMMReg *)d, b = *(const XMMReg *)s;                    \
        (void)a;                                                            \
        for (unsigned i = 0; i < (n); i++) {                                \
            ((XMMReg *)d)->lane[i] = value;                                 \
        }                                                                   \
    }

static uint16_t saturate(uint32_t v)
{
    return (int32_t)v < 0 ? 0 : (int32_t)v > 0xffff ? 0xffff : (uint16_t)v;
}

LANES(PACKUSDW, 8, w, saturate((i < 4 ? &a : &b)->l[i & 3]))
LANES(PCMPEQQ, 2, q, a.q[i] == b.q[i] ? ~0ull : 0)
LANES(PCMPGTQ, 2, q, (int64_t)a.q[i] > (int64_t)b.q[i] ? ~0ull : 0)
LANES(PMULDQ, 2, q, (uint64_t)((int64_t)(int32_t)a.l[2 * i] * (int32_t)b.l[2 * i]))
LANES(PMULLD, 4, l, a.l[i] * b.l[i])
LANES(PMINSB, 16, b, (int8_t)a.b[i] < (int8_t)b.b[i] ? a.b[i] : b.b[i])
LANES(PMINSD, 4, l, (int32_t)a.l[i] < (int32_t)b.l[i] ? a.l[i] : b.l[i])
LANES(PMINUW, 8, w, MIN(a.w[i], b.w[i]))
LANES(PMINUD, 4, l, MIN(a.l[i], b.l[i]))
LANES(PMAXSB, 16, b, (int8_t)a.b[i] > (int8_t)b.b[i] ? a.b[i] : b.b[i])
LANES(PMAXSD, 4, l, (int32_t)a.l[i] > (int32_t)b.l[i] ? a.l[i] : b.l[i])
LANES(PMAXUW, 8, w, MAX(a.w[i], b.w[i]))
LANES(PMAXUD, 4, l, MAX(a.l[i], b.l[i]))
LANES(PMOVSXBW, 8, w, (uint16_t)(int8_t)b.b[i])
LANES(PMOVSXBD, 4, l, (uint32_t)(int8_t)b.b[i])
LANES(PMOVSXBQ, 2, q, (uint64_t)(int8_t)b.b[i])
LANES(PMOVSXWD, 4, l, (uint32_t)(int16_t)b.w[i])
LANES(PMOVSXWQ, 2, q, (uint64_t)(int16_t)b.w[i])
LANES(PMOVSXDQ, 2, q, (uint64_t)(int32_t)b.l[i])
LANES(PMOVZXBW, 8, w, b.b[i])
LANES(PMOVZXBD, 4, l, b.b[i])
LANES(PMOVZXBQ, 2, q, b.b[i])
LANES(PMOVZXWD, 4, l, b.w[i])
LANES(PMOVZXWQ, 2, q, b.w[i])
LANES(PMOVZXDQ, 2, q, b.l[i])
LANES_I(BLENDPS, 4, l, b.l[i])
LANES_I(BLENDPD, 2, q, b.q[i])
LANES_I(PBLENDW, 8, w, b.w[i])

void helper_blendv(void *d, const void *s, const void *m, uint32_t bytes)
{
    for (unsigned i = 0; i < 16; i++) {
        if (((const uint8_t *)m)[i | (bytes - 1)] & 0x80) {
            ((uint8_t *)d)[i] = ((const uint8_t *)s)[i];
        }
    }
}

void helper_insertps(void *d, const void *s, uint32_t imm)
{
    XMMReg *r = d;

    r->l[imm >> 4 & 3] = ((const XMMReg *)s)->l[imm >> 6];
    for (unsigned i = 0; i < 4; i++) {
        r->l[i] = imm >> i & 1 ? 0 : r->l[i];
    }
}

uint32_t helper_ptest(const void *d, const void *s)
{
    const XMMReg *a = d, *b = s;
    bool none = !(a->q[0] & b->q[0]) && !(a->q[1] & b->q[1]);
    bool inside = !(~a->q[0] & b->q[0]) && !(~a->q[1] & b->q[1]);

    return (none ? CC_Z : 0) | (inside ? CC_C : 0);
}

/* The least word, and which it is. */
void helper_PHMINPOSUW(void *d, const void *s)
{
    const XMMReg *b = s;
    unsigned least = 0;

    for (unsigned i = 1; i < 8; i++) {
        least = b->w[i] < b->w[least] ? i : least;
    }
    *(XMMReg *)d = (XMMReg){ .w = { b->w[least], (uint16_t)least } };
}

/* Sums of the differences of four bytes of s and eight runs of four of d. */
void helper_MPSADBW(void *d, const void *s, uint32_t imm)
{
    XMMReg a = *(XMMReg *)d, b = *(const XMMReg *)s;
    const uint8_t *from = a.b + (imm >> 2 & 1) * 4, *with = b.b + (imm & 3) * 4;

    for (unsigned i = 0; i < 8; i++) {
        unsigned sum = 0;

        for (unsigned k = 0; k < 4; k++) {
            sum += (unsigned)abs(from[i + k] - with[k]);
        }
        ((XMMReg *)d)->w[i] = (uint16_t)sum;
    }
}

/* -- Dot products ------------------------------------------------------------ */

/* Which of two NaNs an addition gives shows how processors do it: every element
 * of the result is a sum of its own. */
void helper_dpps_mul(void *d, const void *s, uint32_t imm)
{
    XMMReg b = *(const XMMReg *)s;

    for (unsigned i = 0; i < 4; i++) {
        if (!(imm >> (4 + i) & 1)) {
            ((XMMReg *)d)->l[i] = b.l[i] = 0;
        }
    }
    helper_MULPS_x(d, &b);
}

void helper_dpps_add(void *d)
{
    XMMReg t = *(XMMReg *)d, neighbour = { .l = { t.l[1], t.l[0], t.l[3], t.l[2] } };

    helper_ADDPS_x(&neighbour, &t);
    *(XMMReg *)d = neighbour;
}

void helper_dpps_add2(void *d)
{
    XMMReg t = *(XMMReg *)d, other = { .q = { t.q[1], t.q[0] } };

    helper_ADDPS_x(d, &other);
}

void helper_dpps_put(void *d, uint32_t imm)
{
    for (unsigned i = 0; i < 4; i++) {
        ((XMMReg *)d)->l[i] &= imm >> i & 1 ? ~0u : 0;
    }
}

void helper_dppd_mul(void *d, const void *s, uint32_t imm)
{
    XMMReg b = *(const XMMReg *)s;

    for (unsigned i = 0; i < 2; i++) {
        if (!(imm >> (4 + i) & 1)) {
            ((XMMReg *)d)->q[i] = b.q[i] = 0;
        }
    }
    helper_MULPD_x(d, &b);
}

void helper_dppd_add(void *d)
{
    XMMReg t = *(XMMReg *)d, other = { .q = { t.q[1], t.q[0] } };

    helper_ADDPD_x(d, &other);
}

void helper_dppd_put(void *d, uint32_t imm)
{
    for (unsigned i = 0; i < 2; i++) {
        ((XMMReg *)d)->q[i] &= imm >> i & 1 ? ~0ull : 0;
    }
}

/* -- Rounding to integers ---------------------------------------------------- */

enum { MXCSR_IE = 1, MXCSR_PE = 1 << 5, MXCSR_DAZ = 1 << 6 };

typedef struct Rounding {
    unsigned mode;                      /* 0 nearest even, 1 down, 2 up, 3 to zero */
    bool daz;
    unsigned flags;                     /* of MXCSR, so far */
} Rounding;

typedef struct Format { unsigned frac_bits, exp_bits; } Format;

static const Format single = { 23, 8 }, double_ = { 52, 11 };

/* 0 < |v| < 1: 0 or 1 with its sign */
static uint64_t round_small(uint64_t magnitude, uint64_t sign, const Format *f, unsigned mode)
{
    uint64_t one = ((1ull << (f->exp_bits - 1)) - 1) << f->frac_bits;
    uint64_t half = one - (1ull << f->frac_bits);
    bool up = mode == 0 ? magnitude > half : mode == 1 ? sign != 0 : mode == 2 && !sign;

    return sign | (up ? one : 0);
}

static uint64_t round_float(uint64_t v, const Format *f, Rounding *r)
{
    uint64_t sign = v & 1ull << (f->frac_bits + f->exp_bits), magnitude = v ^ sign;
    uint64_t inf = ((1ull << f->exp_bits) - 1) << f->frac_bits;
    int bias = (1 << (f->exp_bits - 1)) - 1, e = (int)(magnitude >> f->frac_bits) - bias;

    if (magnitude > inf) {              /* NaN: quiet */
        uint64_t quiet = 1ull << (f->frac_bits - 1);

        r->flags |= v & quiet ? 0 : MXCSR_IE;
        return v | quiet;
    }
    if (e == -bias && r->daz) {
        return sign;
    }
    if (!magnitude || e >= (int)f->frac_bits) {
        return v;
    }
    if (e < 0) {
        r->flags |= MXCSR_PE;
        return round_small(magnitude, sign, f, r->mode);
    }
    uint64_t unit = 1ull << ((int)f->frac_bits - e);

    if (!(v & (unit - 1))) {
        return v;
    }
    r->flags |= MXCSR_PE;
    if (r->mode == 0) {                 /* the exponent's last bit is odd for e = 0 */
        v += unit / 2 - !(v & unit);
    } else if (r->mode == (sign ? 1u : 2u)) {
        v += unit - 1;
    }
    return v & ~(unit - 1);
}

/* imm: <1:0> the mode, <2> MXCSR has it, <3> Inexact is not told. */
static Rounding begin_rounding(uint32_t imm)
{
    unsigned mxcsr = _mm_getcsr();

    return (Rounding){ .mode = imm & 4 ? mxcsr >> 13 & 3 : imm & 3, .daz = mxcsr & MXCSR_DAZ };
}

static void end_rounding(const Rounding *r, uint32_t imm)
{
    _mm_setcsr(_mm_getcsr() | (r->flags & ~(imm & 8 ? MXCSR_PE : 0u)));
}

#define ROUND(name, n, lane, format)                                        \
    void helper_##name(void *d, const void *s, uint32_t imm)                \
    {                                                                       \
        Rounding r = begin_rounding(imm);                                   \
        for (unsigned i = 0; i < (n); i++) {                                \
            ((XMMReg *)d)->lane[i] = round_float(((const XMMReg *)s)->lane[i], format, &r); \
        }                                                                   \
        end_rounding(&r, imm);                                              \
    }
ROUND(ROUNDPS, 4, l, &single)
ROUND(ROUNDPD, 2, q, &double_)
ROUND(ROUNDSS, 1, l, &single)
ROUND(ROUNDSD, 1, q, &double_)

/* -- PCMPxSTRx: SDM vol. 1, 12.4 and vol. 2B, "4.1" ---------------------------- */

typedef struct Strings {
    const XMMReg *a, *b;
    unsigned imm, num, len_a, len_b;    /* num: elements in a register */
} Strings;

static int element(const Strings *s, const XMMReg *r, unsigned i)
{
    switch (s->imm & 3) {
    case 0: return r->b[i];
    case 1: return r->w[i];
    case 2: return (int8_t)r->b[i];
    default: return (int16_t)r->w[i];
    }
}

static bool equal(const Strings *s, unsigned i, unsigned j)
{
    return element(s, s->a, i) == element(s, s->b, j);
}

static bool equal_any(const Strings *s, unsigned j)
{
    for (unsigned i = 0; i < s->len_a && j < s->len_b; i++) {
        if (equal(s, i, j)) {
            return true;
        }
    }
    return false;
}

static bool in_ranges(const Strings *s, unsigned j)
{
    for (unsigned i = 0; i + 1 < s->len_a && j < s->len_b; i += 2) {
        int v = element(s, s->b, j);

        if (element(s, s->a, i) <= v && v <= element(s, s->a, i + 1)) {
            return true;
        }
    }
    return false;
}

/* Behind both ends they are equal. */
static bool equal_each(const Strings *s, unsigned j)
{
    if (j >= s->len_a || j >= s->len_b) {
        return j >= s->len_a && j >= s->len_b;
    }
    return equal(s, j, j);
}

/* Does all of a that fits begin at j? */
static bool equal_ordered(const Strings *s, unsigned j)
{
    for (unsigned i = 0; i < s->len_a && i + j < s->num; i++) {
        if (i + j >= s->len_b || !equal(s, i, i + j)) {
            return false;
        }
    }
    return true;
}

/* IntRes2, and EFLAGS << 16 */
static uint32_t compare_strings(const Strings *s)
{
    static bool (*const aggregate[4])(const Strings *, unsigned) = {
        equal_any, in_ranges, equal_each, equal_ordered,
    };
    unsigned how = s->imm >> 2 & 3, polarity = s->imm >> 4 & 3;
    uint32_t res = 0;

    for (unsigned j = 0; j < s->num; j++) {
        bool negate = polarity == 1 || (polarity == 3 && j < s->len_b);

        res |= (uint32_t)(aggregate[how](s, j) ^ negate) << j;
    }
    uint32_t flags = (res ? CC_C : 0) | (s->len_b < s->num ? CC_Z : 0) |
                     (s->len_a < s->num ? CC_S : 0) | (res & 1 ? CC_O : 0);

    return res | flags << 16;
}

static unsigned num_elements(uint32_t imm)
{
    return imm & 1 ? 8 : 16;
}

/* The absolute value, at most what fits. */
static unsigned given_length(uint32_t len, uint32_t imm)
{
    uint32_t n = (int32_t)len < 0 ? -len : len;

    return MIN(n, num_elements(imm));
}

static unsigned length_to_zero(const XMMReg *r, uint32_t imm)
{
    unsigned n = 0;

    while (n < num_elements(imm) && (imm & 1 ? r->w[n] : r->b[n])) {
        n++;
    }
    return n;
}

static Strings with_lengths(const void *d, const void *s, uint32_t imm, uint32_t a, uint32_t b)
{
    return (Strings){ d, s, imm, num_elements(imm), given_length(a, imm), given_length(b, imm) };
}

static Strings up_to_zero(const void *d, const void *s, uint32_t imm)
{
    return (Strings){ d, s, imm, num_elements(imm), length_to_zero(d, imm),
                      length_to_zero(s, imm) };
}

/* imm<6>: the last, not the first */
static uint32_t index_of(const Strings *s)
{
    uint32_t r = compare_strings(s), res = r & 0xffff, index = s->num;

    if (res) {
        index = s->imm & 0x40 ? 31 - (unsigned)__builtin_clz(res) : (unsigned)__builtin_ctz(res);
    }
    return index << 16 | r >> 16;
}

/* imm<6>: elements, not bits */
static uint32_t mask_of(const Strings *s, XMMReg *d)
{
    uint32_t r = compare_strings(s);
    XMMReg mask = { .l = { r & 0xffff } };

    for (unsigned i = 0; (s->imm & 0x40) && i < 16; i++) {
        unsigned element_of = i * s->num / 16;

        mask.b[i] = r >> element_of & 1 ? 0xff : 0;
    }
    *d = mask;
    return r >> 16;
}

uint32_t helper_pcmpestri(const void *d, const void *s, uint32_t imm, uint32_t len_d,
                          uint32_t len_s)
{
    Strings t = with_lengths(d, s, imm, len_d, len_s);

    return index_of(&t);
}

uint32_t helper_pcmpestrm(void *d, const void *s, uint32_t imm, uint32_t len_d, uint32_t len_s)
{
    Strings t = with_lengths(d, s, imm, len_d, len_s);

    return mask_of(&t, d);
}

uint32_t helper_pcmpistri(const void *d, const void *s, uint32_t imm)
{
    Strings t = up_to_zero(d, s, imm);

    return index_of(&t);
}

uint32_t helper_pcmpistrm(void *d, const void *s, uint32_t imm)
{
    Strings t = up_to_zero(d, s, imm);

    return mask_of(&t, d);
}

/* -- CRC32: polynomial 11EDC6F41H, bits reflected ----------------------------- */

uint32_t helper_crc32(uint32_t crc, uint32_t val, uint32_t bytes)
{
    crc ^= bytes == 4 ? val : val & ((1u << 8 * bytes) - 1);
    for (unsigned i = 0; i < 8 * bytes; i++) {
        crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return crc;
}

uint32_t helper_crc32_host(uint32_t crc, uint32_t val, uint32_t bytes)
{
    switch (bytes) {
    case 1: __asm__("crc32b %b1, %0" : "+r"(crc) : "r"(val)); break;
    case 2: __asm__("crc32w %w1, %0" : "+r"(crc) : "r"(val)); break;
    default: __asm__("crc32l %1, %0" : "+r"(crc) : "r"(val)); break;
    }
    return crc;
}

/* -- PCLMULQDQ --------------------------------------------------------------- */

void helper_PCLMULQDQ(void *d, const void *s, uint32_t imm)
{
    uint64_t a = ((XMMReg *)d)->q[imm & 1], b = ((const XMMReg *)s)->q[imm >> 4 & 1];
    XMMReg r = { .q = { 0, 0 } };

    for (unsigned i = 0; i < 64; i++) {
        if (b >> i & 1) {
            r.q[0] ^= a << i;
            r.q[1] ^= i ? a >> (64 - i) : 0;
        }
    }
    *(XMMReg *)d = r;
}

/* -- AES: FIPS 197; byte r + 4c of a register is row r, column c of the state -- */

/* clang-format off */
static const uint8_t sbox[256] = {      /* 5.1.1 */
    0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76,
    0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0,
    0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15,
    0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75,
    0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84,
    0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf,
    0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8,
    0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2,
    0xcd, 0x0c, 0x13, 0xec, 0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73,
    0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb,
    0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79,
    0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08,
    0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a,
    0x70, 0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e,
    0xe1, 0xf8, 0x98, 0x11, 0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf,
    0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16,
};

static const uint8_t inv_sbox[256] = {  /* 5.3.2 */
    0x52, 0x09, 0x6a, 0xd5, 0x30, 0x36, 0xa5, 0x38, 0xbf, 0x40, 0xa3, 0x9e, 0x81, 0xf3, 0xd7, 0xfb,
    0x7c, 0xe3, 0x39, 0x82, 0x9b, 0x2f, 0xff, 0x87, 0x34, 0x8e, 0x43, 0x44, 0xc4, 0xde, 0xe9, 0xcb,
    0x54, 0x7b, 0x94, 0x32, 0xa6, 0xc2, 0x23, 0x3d, 0xee, 0x4c, 0x95, 0x0b, 0x42, 0xfa, 0xc3, 0x4e,
    0x08, 0x2e, 0xa1, 0x66, 0x28, 0xd9, 0x24, 0xb2, 0x76, 0x5b, 0xa2, 0x49, 0x6d, 0x8b, 0xd1, 0x25,
    0x72, 0xf8, 0xf6, 0x64, 0x86, 0x68, 0x98, 0x16, 0xd4, 0xa4, 0x5c, 0xcc, 0x5d, 0x65, 0xb6, 0x92,
    0x6c, 0x70, 0x48, 0x50, 0xfd, 0xed, 0xb9, 0xda, 0x5e, 0x15, 0x46, 0x57, 0xa7, 0x8d, 0x9d, 0x84,
    0x90, 0xd8, 0xab, 0x00, 0x8c, 0xbc, 0xd3, 0x0a, 0xf7, 0xe4, 0x58, 0x05, 0xb8, 0xb3, 0x45, 0x06,
    0xd0, 0x2c, 0x1e, 0x8f, 0xca, 0x3f, 0x0f, 0x02, 0xc1, 0xaf, 0xbd, 0x03, 0x01, 0x13, 0x8a, 0x6b,
    0x3a, 0x91, 0x11, 0x41, 0x4f, 0x67, 0xdc, 0xea, 0x97, 0xf2, 0xcf, 0xce, 0xf0, 0xb4, 0xe6, 0x73,
    0x96, 0xac, 0x74, 0x22, 0xe7, 0xad, 0x35, 0x85, 0xe2, 0xf9, 0x37, 0xe8, 0x1c, 0x75, 0xdf, 0x6e,
    0x47, 0xf1, 0x1a, 0x71, 0x1d, 0x29, 0xc5, 0x89, 0x6f, 0xb7, 0x62, 0x0e, 0xaa, 0x18, 0xbe, 0x1b,
    0xfc, 0x56, 0x3e, 0x4b, 0xc6, 0xd2, 0x79, 0x20, 0x9a, 0xdb, 0xc0, 0xfe, 0x78, 0xcd, 0x5a, 0xf4,
    0x1f, 0xdd, 0xa8, 0x33, 0x88, 0x07, 0xc7, 0x31, 0xb1, 0x12, 0x10, 0x59, 0x27, 0x80, 0xec, 0x5f,
    0x60, 0x51, 0x7f, 0xa9, 0x19, 0xb5, 0x4a, 0x0d, 0x2d, 0xe5, 0x7a, 0x9f, 0x93, 0xc9, 0x9c, 0xef,
    0xa0, 0xe0, 0x3b, 0x4d, 0xae, 0x2a, 0xf5, 0xb0, 0xc8, 0xeb, 0xbb, 0x3c, 0x83, 0x53, 0x99, 0x61,
    0x17, 0x2b, 0x04, 0x7e, 0xba, 0x77, 0xd6, 0x26, 0xe1, 0x69, 0x14, 0x63, 0x55, 0x21, 0x0c, 0x7d,
};
/* clang-format on */

/* ShiftRows by `step` columns for each row, then the box */
static XMMReg shift_and_box(const XMMReg *in, const uint8_t *box, unsigned step)
{
    XMMReg out;

    for (unsigned i = 0; i < 16; i++) {
        out.b[i] = box[in->b[(i + 4 * step * (i & 3)) & 15]];
    }
    return out;
}

/* Times x modulo x^8 + x^4 + x^3 + x + 1 (4.2.1) */
static uint8_t xtime(uint8_t v)
{
    return (uint8_t)(v << 1 ^ (v & 0x80 ? 0x1b : 0));
}

static uint8_t times(uint8_t v, unsigned factor)
{
    uint8_t r = 0;

    for (; factor; factor >>= 1, v = xtime(v)) {
        r ^= factor & 1 ? v : 0;
    }
    return r;
}

/* MixColumns: the factors in row 0 of the matrix, each row turned by one */
static XMMReg mix(const XMMReg *in, const uint8_t factor[4])
{
    XMMReg out;

    for (unsigned i = 0; i < 16; i++) {
        out.b[i] = 0;
        for (unsigned k = 0; k < 4; k++) {
            out.b[i] ^= times(in->b[(i & ~3u) | k], factor[(k - i) & 3]);
        }
    }
    return out;
}

static const uint8_t mix_factors[4] = { 2, 3, 1, 1 };           /* 5.1.3 */
static const uint8_t inv_mix_factors[4] = { 14, 11, 13, 9 };    /* 5.3.3 */

static void add_key(void *d, const XMMReg *state, const void *key)
{
    for (unsigned i = 0; i < 2; i++) {
        ((XMMReg *)d)->q[i] = state->q[i] ^ ((const XMMReg *)key)->q[i];
    }
}

void helper_AESENC(void *d, const void *s)
{
    XMMReg t = shift_and_box(d, sbox, 1);

    t = mix(&t, mix_factors);
    add_key(d, &t, s);
}

void helper_AESENCLAST(void *d, const void *s)
{
    XMMReg t = shift_and_box(d, sbox, 1);

    add_key(d, &t, s);
}

void helper_AESDEC(void *d, const void *s)
{
    XMMReg t = shift_and_box(d, inv_sbox, 3);

    t = mix(&t, inv_mix_factors);
    add_key(d, &t, s);
}

void helper_AESDECLAST(void *d, const void *s)
{
    XMMReg t = shift_and_box(d, inv_sbox, 3);

    add_key(d, &t, s);
}

void helper_AESIMC(void *d, const void *s)
{
    *(XMMReg *)d = mix(s, inv_mix_factors);
}

static uint32_t sub_word(uint32_t v)
{
    return sbox[v & 0xff] | sbox[v >> 8 & 0xff] << 8 | sbox[v >> 16 & 0xff] << 16 |
           (uint32_t)sbox[v >> 24] << 24;
}

void helper_AESKEYGENASSIST(void *d, const void *s, uint32_t imm)
{
    XMMReg b = *(const XMMReg *)s;

    for (unsigned i = 0; i < 2; i++) {
        uint32_t v = sub_word(b.l[2 * i + 1]);

        ((XMMReg *)d)->l[2 * i] = v;
        ((XMMReg *)d)->l[2 * i + 1] = (v >> 8 | v << 24) ^ imm;
    }
}
