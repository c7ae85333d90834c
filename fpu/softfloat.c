/* SPDX-License-Identifier: MIT */
/*
 * A value is taken apart (unpack), computed on exactly with one sticky bit, and
 * put together (round_pack).
 *
 *      Parts   (-1)^sign * sig * 2^(exp - 62)      1 <= sig / 2^62 < 2
 *
 * so the leading bit of sig is bit 62 for both formats, and bit 63 is free for
 * the carry of a sum.
 */
#include "fpu/softfloat.h"

#include <stddef.h>

const FloatFormat float_single = { 23, 8 }, float_double = { 52, 11 };

typedef enum Kind { ZERO, NORMAL, INFINITE, QUIET_NAN, SIGNALLING_NAN } Kind;

typedef struct Parts {
    Kind kind;
    bool sign;
    int exp;                            /* unbiased */
    uint64_t sig;                       /* leading bit 62 */
    uint64_t raw;
} Parts;

enum { LEAD = 62 };

static unsigned width(const FloatFormat *f) { return f->frac_bits + f->exp_bits + 1; }
static unsigned max_exp(const FloatFormat *f) { return (1u << f->exp_bits) - 1; }
static int bias(const FloatFormat *f) { return (1 << (f->exp_bits - 1)) - 1; }
static uint64_t frac_mask(const FloatFormat *f) { return (1ull << f->frac_bits) - 1; }
static uint64_t quiet_bit(const FloatFormat *f) { return 1ull << (f->frac_bits - 1); }
static uint64_t sign_bit(const FloatFormat *f, bool sign)
{
    return (uint64_t)sign << (width(f) - 1);
}

static uint64_t infinity(const FloatFormat *f, bool sign)
{
    return sign_bit(f, sign) | (uint64_t)max_exp(f) << f->frac_bits;
}

static uint64_t default_nan(const FloatFormat *f)
{
    return infinity(f, false) | quiet_bit(f);
}

static uint64_t invalid(const FloatFormat *f, FloatMode *m)
{
    m->flags |= FLOAT_INVALID;
    return default_nan(f);
}

uint64_t float_neg(const FloatFormat *f, uint64_t a)
{
    return a ^ sign_bit(f, true);
}

/* -- Taking apart ------------------------------------------------------------ */

static Parts unpack_denormal(const FloatFormat *f, Parts p, uint64_t frac, FloatMode *m)
{
    unsigned shift = (unsigned)__builtin_clzll(frac) - 1;

    if (m->flush_to_zero) {
        m->flags |= FLOAT_DENORMAL;
        p.kind = ZERO;
        return p;
    }
    p.kind = NORMAL;
    p.sig = frac << shift;
    p.exp = 1 - bias(f) + LEAD - (int)f->frac_bits - (int)shift;
    return p;
}

static Parts unpack(const FloatFormat *f, uint64_t a, FloatMode *m)
{
    uint64_t frac = a & frac_mask(f);
    unsigned exp = (unsigned)(a >> f->frac_bits) & max_exp(f);
    Parts p = { .sign = a >> (width(f) - 1) & 1, .raw = a };

    if (exp == max_exp(f)) {
        p.kind = !frac ? INFINITE : frac & quiet_bit(f) ? QUIET_NAN : SIGNALLING_NAN;
    } else if (exp) {
        p.kind = NORMAL;
        p.exp = (int)exp - bias(f);
        p.sig = (frac | 1ull << f->frac_bits) << (LEAD - f->frac_bits);
    } else if (frac) {
        p = unpack_denormal(f, p, frac, m);
    }
    return p;
}

/* ARMv7 ARM, FPProcessNaN */
static uint64_t quieted(const FloatFormat *f, const Parts *p, FloatMode *m)
{
    m->flags |= p->kind == SIGNALLING_NAN ? FLOAT_INVALID : 0;
    return m->default_nan ? default_nan(f) : p->raw | quiet_bit(f);
}

/* ARMv7 ARM, FPProcessNaNs: true if there is one. */
static bool propagate(const FloatFormat *f, const Parts *a, const Parts *b, FloatMode *m,
                      uint64_t *result)
{
    const Parts *p = a->kind == SIGNALLING_NAN ? a : b->kind == SIGNALLING_NAN ? b
                   : a->kind == QUIET_NAN ? a : b->kind == QUIET_NAN ? b : NULL;

    if (p) {
        *result = quieted(f, p, m);
    }
    return p;
}

/* -- Putting together -------------------------------------------------------- */

static uint64_t shift_right_sticky(uint64_t v, unsigned n)
{
    return n == 0 ? v : n > 63 ? v != 0 : v >> n | ((v << (64 - n)) != 0);
}

/* Is sig, of which the low `extra` bits do not fit, rounded away from zero? */
static bool rounds_up(uint64_t sig, unsigned extra, bool sign, unsigned round)
{
    uint64_t rest = sig & ((1ull << extra) - 1), half = 1ull << (extra - 1);

    switch (round) {
    case FLOAT_NEAREST_EVEN:
        return rest > half || (rest == half && sig >> extra & 1);
    case FLOAT_UP:
        return rest && !sign;
    case FLOAT_DOWN:
        return rest && sign;
    default:
        return false;
    }
}

static uint64_t overflow(const FloatFormat *f, bool sign, FloatMode *m)
{
    bool to_infinity = m->round == FLOAT_NEAREST_EVEN || (m->round == FLOAT_UP && !sign) ||
                       (m->round == FLOAT_DOWN && sign);

    m->flags |= FLOAT_OVERFLOW | FLOAT_INEXACT;
    return infinity(f, sign) - (to_infinity ? 0 : 1);
}

/* sig: leading bit 62, bit 0 is sticky.  ARMv7 ARM, FPRound. */
static uint64_t round_pack(const FloatFormat *f, bool sign, int exp, uint64_t sig, FloatMode *m)
{
    unsigned extra = LEAD - f->frac_bits;
    int biased = exp + bias(f);
    bool tiny = biased < 1;

    if (tiny && m->flush_to_zero) {
        m->flags |= FLOAT_UNDERFLOW;
        return sign_bit(f, sign);
    }
    if (tiny) {
        m->flags |= FLOAT_TINY;
        sig = shift_right_sticky(sig, (unsigned)(1 - biased));
        biased = 0;
    }
    bool inexact = sig & ((1ull << extra) - 1);
    uint64_t rounded = (sig >> extra) + rounds_up(sig, extra, sign, m->round);

    /* The leading bit, where there is one, adds 1 to the exponent. */
    uint64_t packed = ((uint64_t)(biased - !tiny) << f->frac_bits) + rounded;

    if (packed >> f->frac_bits >= max_exp(f)) {
        return overflow(f, sign, m);
    }
    m->flags |= inexact ? FLOAT_INEXACT | (tiny ? FLOAT_UNDERFLOW : 0) : 0;
    return sign_bit(f, sign) | packed;
}

static uint64_t normalize_pack(const FloatFormat *f, bool sign, int exp, uint64_t sig,
                               FloatMode *m)
{
    unsigned clz = (unsigned)__builtin_clzll(sig);

    if (clz == 0) {
        return round_pack(f, sign, exp + 1, shift_right_sticky(sig, 1), m);
    }
    return round_pack(f, sign, exp - (int)(clz - 1), sig << (clz - 1), m);
}

/* -- Arithmetic -------------------------------------------------------------- */

static uint64_t add_normal(const FloatFormat *f, Parts a, Parts b, FloatMode *m)
{
    if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig)) {
        Parts t = a;

        a = b;
        b = t;
    }
    /* Three bits below the last one of a double, and the sticky one, are enough. */
    uint64_t sig = shift_right_sticky(b.sig, (unsigned)(a.exp - b.exp));

    if (a.sign == b.sign) {
        return normalize_pack(f, a.sign, a.exp, a.sig + sig, m);
    }
    if (a.sig == sig) {
        return sign_bit(f, m->round == FLOAT_DOWN);
    }
    return normalize_pack(f, a.sign, a.exp, a.sig - sig, m);
}

/* y with its sign changed, but not if it is a NaN. */
static uint64_t add(const FloatFormat *f, uint64_t a, uint64_t b, bool subtract, FloatMode *m)
{
    Parts x = unpack(f, a, m), y = unpack(f, b, m);
    uint64_t nan;

    if (propagate(f, &x, &y, m, &nan)) {
        return nan;
    }
    y.sign ^= subtract;
    if (x.kind == INFINITE || y.kind == INFINITE) {
        if (x.kind == y.kind && x.sign != y.sign) {
            return invalid(f, m);
        }
        return infinity(f, x.kind == INFINITE ? x.sign : y.sign);
    }
    if (x.kind == ZERO && y.kind == ZERO) {
        return sign_bit(f, x.sign == y.sign ? x.sign : m->round == FLOAT_DOWN);
    }
    if (x.kind == ZERO) {
        return round_pack(f, y.sign, y.exp, y.sig, m);
    }
    return y.kind == ZERO ? round_pack(f, x.sign, x.exp, x.sig, m) : add_normal(f, x, y, m);
}

uint64_t float_add(const FloatFormat *f, uint64_t a, uint64_t b, FloatMode *m)
{
    return add(f, a, b, false, m);
}

uint64_t float_sub(const FloatFormat *f, uint64_t a, uint64_t b, FloatMode *m)
{
    return add(f, a, b, true, m);
}

uint64_t float_mul(const FloatFormat *f, uint64_t a, uint64_t b, FloatMode *m)
{
    Parts x = unpack(f, a, m), y = unpack(f, b, m);
    bool sign = x.sign ^ y.sign;
    uint64_t nan;

    if (propagate(f, &x, &y, m, &nan)) {
        return nan;
    }
    if (x.kind == INFINITE || y.kind == INFINITE) {
        return x.kind == ZERO || y.kind == ZERO ? invalid(f, m) : infinity(f, sign);
    }
    if (x.kind == ZERO || y.kind == ZERO) {
        return sign_bit(f, sign);
    }
    unsigned __int128 product = (unsigned __int128)x.sig * y.sig;
    uint64_t sig = (uint64_t)(product >> LEAD) |
                   ((product & (((unsigned __int128)1 << LEAD) - 1)) != 0);

    return normalize_pack(f, sign, x.exp + y.exp, sig, m);
}

uint64_t float_div(const FloatFormat *f, uint64_t a, uint64_t b, FloatMode *m)
{
    Parts x = unpack(f, a, m), y = unpack(f, b, m);
    bool sign = x.sign ^ y.sign;
    uint64_t nan;

    if (propagate(f, &x, &y, m, &nan)) {
        return nan;
    }
    if (x.kind == y.kind && (x.kind == INFINITE || x.kind == ZERO)) {
        return invalid(f, m);
    }
    if (x.kind == INFINITE || y.kind == ZERO) {
        m->flags |= y.kind == ZERO && x.kind == NORMAL ? FLOAT_DIV_BY_ZERO : 0;
        return infinity(f, sign);
    }
    if (x.kind == ZERO || y.kind == INFINITE) {
        return sign_bit(f, sign);
    }
    unsigned __int128 dividend = (unsigned __int128)x.sig << LEAD;
    uint64_t sig = (uint64_t)(dividend / y.sig) | (dividend % y.sig != 0);

    return normalize_pack(f, sign, x.exp - y.exp, sig, m);
}

/* floor(sqrt(v)), bit by bit; sticky if there is a rest. */
static uint64_t root_sticky(unsigned __int128 v)
{
    unsigned __int128 root = 0, bit = (unsigned __int128)1 << 124;

    while (bit) {
        if (v >= root + bit) {
            v -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
        bit >>= 2;
    }
    return (uint64_t)root | (v != 0);
}

uint64_t float_sqrt(const FloatFormat *f, uint64_t a, FloatMode *m)
{
    Parts x = unpack(f, a, m);

    if (x.kind == QUIET_NAN || x.kind == SIGNALLING_NAN) {
        return quieted(f, &x, m);
    }
    if (x.kind == ZERO) {
        return sign_bit(f, x.sign);
    }
    if (x.sign) {
        return invalid(f, m);
    }
    if (x.kind == INFINITE) {
        return infinity(f, false);
    }
    unsigned odd = (unsigned)x.exp & 1;

    return normalize_pack(f, false, (x.exp - (int)odd) / 2,
                          root_sticky((unsigned __int128)x.sig << (LEAD + odd)), m);
}

/* -- Comparison -------------------------------------------------------------- */

FloatOrder float_compare(const FloatFormat *f, uint64_t a, uint64_t b, bool signal_all,
                         FloatMode *m)
{
    Parts x = unpack(f, a, m), y = unpack(f, b, m);
    uint64_t magnitude = sign_bit(f, true) - 1;

    if (x.kind >= QUIET_NAN || y.kind >= QUIET_NAN) {
        bool signals = x.kind == SIGNALLING_NAN || y.kind == SIGNALLING_NAN || signal_all;

        m->flags |= signals ? FLOAT_INVALID : 0;
        return FLOAT_UNORDERED;
    }
    int64_t u = x.kind == ZERO ? 0 : (int64_t)(a & magnitude);
    int64_t v = y.kind == ZERO ? 0 : (int64_t)(b & magnitude);

    u = x.sign ? -u : u;
    v = y.sign ? -v : v;
    return u < v ? FLOAT_LESS : u > v ? FLOAT_GREATER : FLOAT_EQUAL;
}

/* -- Conversion -------------------------------------------------------------- */

/* Magnitude rounded to an integer, as long as that is below 2^33. */
static uint64_t round_to_integer(const Parts *p, FloatMode *m, bool *inexact)
{
    enum { EXTRA = 2 };
    unsigned shift = (unsigned)(LEAD - EXTRA - p->exp);
    uint64_t sig = shift_right_sticky(p->sig, shift > 63 ? 64 : shift);

    *inexact = sig & ((1 << EXTRA) - 1);
    return (sig >> EXTRA) + rounds_up(sig, EXTRA, p->sign, m->round);
}

uint32_t float_to_int(const FloatFormat *f, uint64_t a, bool is_signed, FloatMode *m)
{
    Parts p = unpack(f, a, m);
    uint32_t least = is_signed ? 0x80000000 : 0, most = is_signed ? 0x7fffffff : ~0u;
    uint64_t limit = p.sign ? (is_signed ? 1ull << 31 : 0) : most;
    bool inexact;

    if (p.kind == ZERO) {
        return 0;
    }
    if (p.kind != NORMAL || p.exp > 32) {
        m->flags |= FLOAT_INVALID;
        return p.kind >= QUIET_NAN ? 0 : p.sign ? least : most;
    }
    uint64_t v = round_to_integer(&p, m, &inexact);

    if (v > limit) {
        m->flags |= FLOAT_INVALID;
        return p.sign ? least : most;
    }
    m->flags |= inexact ? FLOAT_INEXACT : 0;
    return p.sign ? -(uint32_t)v : (uint32_t)v;
}

uint64_t float_from_int(const FloatFormat *f, uint32_t v, bool is_signed, FloatMode *m)
{
    bool sign = is_signed && v >> 31;
    uint64_t magnitude = sign ? (uint32_t)-v : v;

    return magnitude ? normalize_pack(f, sign, LEAD, magnitude, m) : 0;
}

uint64_t float_convert(const FloatFormat *to, const FloatFormat *from, uint64_t a,
                       FloatMode *m)
{
    Parts p = unpack(from, a, m);
    int shift = (int)to->frac_bits - (int)from->frac_bits;

    switch (p.kind) {
    case ZERO:
        return sign_bit(to, p.sign);
    case INFINITE:
        return infinity(to, p.sign);
    case NORMAL:
        return round_pack(to, p.sign, p.exp, p.sig, m);
    default:                            /* the leading bits of the fraction stay */
        p.raw &= frac_mask(from);
        p.raw = shift > 0 ? p.raw << shift : p.raw >> -shift;
        p.raw |= infinity(to, p.sign);
        return quieted(to, &p, m);
    }
}
