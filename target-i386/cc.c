/* SPDX-License-Identifier: MIT */
/*
 * Lazy flags made real (SDM vol. 1, 3.4.3.1 "Status Flags"; appendix A of the
 * same volume lists what each instruction does to them).
 *
 * Operands are shifted up so that their sign bit is bit 31; then one formula
 * serves all widths.  With a the first operand, b the second, r the result:
 *
 *      carry out of an addition      (a & b) | ((a | b) & ~r)      sign bit
 *      borrow out of a subtraction   (~a & b) | ((~a | b) & r)     sign bit
 *      AF                            a ^ b ^ r                     bit 4
 *
 * Flags the manual calls undefined are what processors since the P6 do, where
 * that is a simple rule: shifts compute OF for every count as for 1, and AF is
 * clear after logic, shifts and bit tests.
 */
#include "target-i386/cc.h"

#include "target-i386/helper.h"

static uint32_t flag(uint32_t cond, uint32_t bit)
{
    return cond ? bit : 0;
}

typedef struct Fields {
    uint32_t op, dst, src;
} Fields;

/* CF and OF of IMUL: the product is not what the low half says. */
static bool too_wide(int64_t product, unsigned size)
{
    static const uint8_t up[] = { 56, 48, 32 };

    return product != (int64_t)((uint64_t)product << up[size]) >> up[size];
}

/* What has not been computed yet. */
static Fields late(uint32_t op, uint32_t dst, uint32_t src)
{
    unsigned base = op & CC_OP_MASK, size = cc_size(base), n = cc_count(op);

    switch (cc_base(base)) {
    case CC_OP_IMULB:
        return (Fields){ CC_OP_MULB + size, dst * src,
                         too_wide((int64_t)(int32_t)dst * (int32_t)src, size) };
    case CC_OP_SHLB:
        return (Fields){ base, dst, src << n };
    case CC_OP_SHRB:
        return (Fields){ CC_OP_SARB + size, dst, src >> n };
    default:                            /* SAR */
        return (Fields){ base, dst, (uint32_t)((int32_t)src >> n) };
    }
}

static inline Fields finished(uint32_t op, uint32_t dst, uint32_t src)
{
    unsigned base = op & CC_OP_MASK;

    if (base - CC_OP_CMPB < 3) {
        return (Fields){ CC_OP_SUBB + cc_size(base), dst - src, src };
    }
    if (base < CC_OP_IMULB && !(op & CC_COUNT_MASK)) {
        return (Fields){ base, dst, src };
    }
    return late(op, dst, src);
}

/* Everything but ZF, SF and PF. */
static uint32_t carry_flags(uint32_t op, uint32_t dst, uint32_t src,
                            uint32_t src2)
{
    static const uint8_t shift_up[] = { 24, 16, 0 };
    unsigned up = shift_up[cc_size(op)];
    uint32_t a, b = src << up, r = dst << up;

    switch (cc_base(op)) {
    case CC_OP_MULB:
        return flag(src, CC_C | CC_O);
    case CC_OP_ADDB:
        src2 = 0;
        /* fall through */
    case CC_OP_ADCB:
        a = (dst - src - src2) << up;
        return flag(((a & b) | ((a | b) & ~r)) >> 31, CC_C) |
               flag(((a ^ r) & (b ^ r)) >> 31, CC_O) |
               (((dst - src - src2) ^ src ^ dst) & CC_A);
    case CC_OP_SUBB:
        src2 = 0;
        /* fall through */
    case CC_OP_SBBB:
        a = (dst + src + src2) << up;
        return flag(((~a & b) | ((~a | b) & r)) >> 31, CC_C) |
               flag(((a ^ b) & (a ^ r)) >> 31, CC_O) |
               (((dst + src + src2) ^ src ^ dst) & CC_A);
    case CC_OP_INCB:
        return flag(src, CC_C) | flag(r == 1u << 31, CC_O) |
               flag((dst & 15) == 0, CC_A);
    case CC_OP_DECB:
        return flag(src, CC_C) | flag(r == (1u << 31) - (1u << up), CC_O) |
               flag((dst & 15) == 15, CC_A);
    case CC_OP_SHLB:
        return flag(b >> 31, CC_C) | flag((b ^ r) >> 31, CC_O);
    case CC_OP_SARB:
        return flag(src & 1, CC_C) | flag((b ^ r) >> 31, CC_O);
    case CC_OP_BTB:
        return flag(src & 1, CC_C);
    default:                            /* LOGIC */
        return 0;
    }
}

static uint32_t base_flags(uint32_t op, uint32_t dst, uint32_t src, uint32_t src2)
{
    static const uint32_t width[] = { 0xff, 0xffff, 0xffffffff };
    Fields f = finished(op, dst, src);

    if (f.op == CC_OP_EFLAGS) {
        return src & CC_ALL;
    }
    uint32_t mask = width[cc_size(f.op)];

    return carry_flags(f.op, f.dst, f.src, src2) |
           flag((f.dst & mask) == 0, CC_Z) |
           flag(f.dst & mask & ~(mask >> 1), CC_S) |
           flag(!__builtin_parity(f.dst & 0xff), CC_P);
}

/* SDM vol. 2B, RCL/RCR/ROL/ROR: OF for a count of 1; the rule is kept for all. */
static uint32_t rotate_flags(unsigned rot, uint32_t r)
{
    unsigned top = (8u << ((rot - CC_ROT_LEFT) % 3)) - 1;

    if (rot == CC_ROT_BITS) {
        return flag(r & 1, CC_C) | flag(r & 2, CC_O);
    }
    if (rot < CC_ROT_RIGHT) {
        return flag(r & 1, CC_C) | flag((r ^ r >> top) & 1, CC_O);
    }
    return flag(r >> top & 1, CC_C) | flag((r >> top ^ r >> (top - 1)) & 1, CC_O);
}

uint32_t x86_cc_flags(uint32_t op, uint32_t dst, uint32_t src, uint32_t src2, uint32_t inc)
{
    unsigned rot = (op & CC_ROT_MASK) >> CC_ROT_SHIFT;
    unsigned step = (op & CC_INC_MASK) >> CC_INC_SHIFT;
    uint32_t f = base_flags(op & (CC_OP_MASK | CC_COUNT_MASK), dst, src, src2);

    if (rot) {
        f = (f & ~(uint32_t)(CC_C | CC_O)) | rotate_flags(rot, src2);
    }
    if (step) {
        f = (f & CC_C) | base_flags(cc_inc_op(step), inc, 0, 0);
    }
    return f;
}

uint32_t x86_compute_cc(CPUX86State *env)
{
    return x86_cc_flags(env->cc_op, env->cc_dst, env->cc_src, env->cc_src2, env->cc_inc);
}

uint32_t helper_cc_all(uint32_t op, uint32_t dst, uint32_t src, uint32_t src2, uint32_t inc)
{
    return x86_cc_flags(op, dst, src, src2, inc);
}

/* What compilers jump on twice is a comparison of a with b, moved up to bit 31,
 * in all conditions but those on OF and PF. */
static bool is_comparison(uint32_t op, uint32_t *a, uint32_t *b)
{
    static const uint8_t up[] = { 24, 16, 0 };

    if (op - CC_OP_LOGICB < 3) {
        *b = 0;
    } else if (op - CC_OP_SUBB < 3) {
        *a += *b;
    } else if (op - CC_OP_CMPB >= 3) {
        return false;
    }
    *a <<= up[cc_size(op)];
    *b <<= up[cc_size(op)];
    return true;
}

/* SDM vol. 1, appendix B, table B-1: the condition 2 * which. */
static bool holds(uint32_t f, uint32_t which)
{
    static const uint16_t mask[] = { CC_O, CC_C, CC_Z, CC_C | CC_Z, CC_S, CC_P };
    bool less = !(f & CC_S) != !(f & CC_O);

    return which < 6 ? (f & mask[which]) != 0 : less || (which == 7 && (f & CC_Z));
}

uint32_t helper_cc_test(uint32_t op, uint32_t dst, uint32_t src, uint32_t src2, uint32_t inc,
                        uint32_t which)
{
    uint32_t a = dst, b = src;

    if (is_comparison(op, &a, &b)) {
        switch (which) {
        case 1: return a < b;
        case 2: return a == b;
        case 3: return a <= b;
        case 4: return (int32_t)(a - b) < 0;
        case 6: return (int32_t)a < (int32_t)b;
        case 7: return (int32_t)a <= (int32_t)b;
        }
    }
    return holds(x86_cc_flags(op, dst, src, src2, inc), which);
}

uint32_t helper_cc_carry(uint32_t op, uint32_t dst, uint32_t src, uint32_t src2)
{
    unsigned rot = (op & CC_ROT_MASK) >> CC_ROT_SHIFT;
    uint32_t a = dst, b = src;

    if (rot) {
        return rotate_flags(rot, src2) & CC_C;
    }
    if (is_comparison(op, &a, &b)) {
        return a < b;
    }
    Fields f = finished(op, dst, src);

    return f.op == CC_OP_EFLAGS ? src & CC_C : carry_flags(f.op, f.dst, f.src, src2) & CC_C;
}
