/* SPDX-License-Identifier: MIT */
/*
 * MMX and SSE on the host's own units (SDM vol. 1, chapters 9 to 12).
 *
 * An x86 host does each operation itself, with the guest's MXCSR in force
 * (TCGTarget.mxcsr), so results and flags are exact by construction.  The rows
 * of simd-ops.def become one helper each.
 *
 * While the guest has unmasked SIMD exceptions, each operation is bracketed by
 * sse_begin and sse_end: everything stays masked on the host, and new flags
 * that the guest has not masked undo the operation and raise #XM.
 *
 * Not modelled: unmasked underflow is raised by inexact tiny results only, and
 * PE goes with unmasked overflow and underflow always.
 */
#include "target-i386/helper.h"

#include <emmintrin.h>
#include <string.h>

#include "target-i386/sys.h"
#include "util/bits.h"

/* -- One helper per row ------------------------------------------------------ */

#define BOTH(name, insn)                                                    \
    void helper_##name##_m(void *d, const void *s)                          \
    {                                                                       \
        __asm__ volatile("movq (%0), %%mm0\n\t" insn " (%1), %%mm0\n\t"     \
                         "movq %%mm0, (%0)\n\temms"                         \
                         : : "r"(d), "r"(s) : "memory");                    \
    }                                                                       \
    XMM(name, insn, 16)
#define XMM(name, insn, bytes)                                              \
    void helper_##name##_x(void *d, const void *s)                          \
    {                                                                       \
        __asm__ volatile("movdqa (%0), %%xmm0\n\t" insn " (%1), %%xmm0\n\t" \
                         "movdqa %%xmm0, (%0)"                              \
                         : : "r"(d), "r"(s) : "memory", "xmm0");            \
    }
#define FLOAT(name, insn, bytes) XMM(name, insn, bytes)
/* Loads no wider than the stores before them were: they are forwarded. */
#define SCALAR(name, insn, bytes)                                           \
    void helper_##name##_x(void *d, const void *s)                          \
    {                                                                       \
        __asm__ volatile("movq (%0), %%xmm0\n\t" insn " (%1), %%xmm0\n\t"   \
                         "movq %%xmm0, (%0)"                                \
                         : : "r"(d), "r"(s) : "memory", "xmm0");            \
    }
/* OF, SF and AF are cleared. */
#define COMPARE(name, insn, bytes)                                          \
    uint32_t helper_##name##_x(void *d, const void *s)                      \
    {                                                                       \
        uint64_t flags;                                                     \
        __asm__ volatile("movq (%1), %%xmm0\n\t" insn " (%2), %%xmm0\n\t" \
                         "pushfq\n\tpop %0"                                 \
                         : "=&r"(flags) : "r"(d), "r"(s) : "memory", "xmm0", "cc"); \
        return (uint32_t)flags & (CC_Z | CC_P | CC_C);                      \
    }
#include "target-i386/simd-ops.def"

/* -- Shuffles ---------------------------------------------------------------- */

static void shuffle_words(uint16_t *d, const uint16_t *s, uint32_t imm)
{
    uint16_t w[4];

    memcpy(w, s, sizeof(w));
    for (unsigned i = 0; i < 4; i++) {
        d[i] = w[imm >> 2 * i & 3];
    }
}

void helper_pshufw(void *d, const void *s, uint32_t imm)
{
    shuffle_words((uint16_t *)d, (const uint16_t *)s, imm);
}

void helper_pshuflw(void *d, const void *s, uint32_t imm)
{
    XMMReg v = *(const XMMReg *)s;

    shuffle_words(v.w, v.w, imm);
    *(XMMReg *)d = v;
}

void helper_pshufhw(void *d, const void *s, uint32_t imm)
{
    XMMReg v = *(const XMMReg *)s;

    shuffle_words(v.w + 4, v.w + 4, imm);
    *(XMMReg *)d = v;
}

void helper_pshufd(void *d, const void *s, uint32_t imm)
{
    XMMReg v = *(const XMMReg *)s;

    for (unsigned i = 0; i < 4; i++) {
        ((XMMReg *)d)->l[i] = v.l[imm >> 2 * i & 3];
    }
}

void helper_shufps(void *d, const void *s, uint32_t imm)
{
    XMMReg a = *(XMMReg *)d, b = *(const XMMReg *)s;

    for (unsigned i = 0; i < 4; i++) {
        ((XMMReg *)d)->l[i] = (i < 2 ? &a : &b)->l[imm >> 2 * i & 3];
    }
}

void helper_shufpd(void *d, const void *s, uint32_t imm)
{
    XMMReg a = *(XMMReg *)d, b = *(const XMMReg *)s;

    ((XMMReg *)d)->q[0] = a.q[imm & 1];
    ((XMMReg *)d)->q[1] = b.q[imm >> 1 & 1];
}

/* Bytes imm .. imm + n - 1 of s (low) and d (high) together. */
static void align_right(uint8_t *d, const uint8_t *s, unsigned n, uint32_t imm)
{
    uint8_t both[32];

    memcpy(both, s, n);
    memcpy(both + n, d, n);
    for (unsigned i = 0; i < n; i++) {
        d[i] = imm + i < 2 * n ? both[imm + i] : 0;
    }
}

void helper_palignr_m(void *d, const void *s, uint32_t imm)
{
    align_right((uint8_t *)d, (const uint8_t *)s, 8, imm);
}

void helper_palignr_x(void *d, const void *s, uint32_t imm)
{
    align_right((uint8_t *)d, (const uint8_t *)s, 16, imm);
}

void helper_psrldq(void *d, uint32_t imm)
{
    uint8_t v[16], *out = (uint8_t *)d;

    memcpy(v, d, 16);
    for (unsigned i = 0; i < 16; i++) {
        out[i] = i + imm < 16 ? v[i + imm] : 0;
    }
}

void helper_pslldq(void *d, uint32_t imm)
{
    uint8_t v[16], *out = (uint8_t *)d;

    memcpy(v, d, 16);
    for (unsigned i = 0; i < 16; i++) {
        out[i] = i >= imm ? v[i - imm] : 0;
    }
}

/* -- Comparisons by predicate ------------------------------------------------ */

#define CMP_CASE(n, insn)                                                   \
    case n:                                                                 \
        __asm__ volatile("movdqa (%0), %%xmm0\n\t" insn " $" #n ", (%1), %%xmm0\n\t" \
                         "movdqa %%xmm0, (%0)" : : "r"(d), "r"(s) : "memory", "xmm0"); \
        break;
#define CMP(insn)                                                           \
    void helper_##insn(void *d, const void *s, uint32_t imm)                \
    {                                                                       \
        switch (imm & 7) {                                                  \
        CMP_CASE(0, #insn) CMP_CASE(1, #insn) CMP_CASE(2, #insn) CMP_CASE(3, #insn) \
        CMP_CASE(4, #insn) CMP_CASE(5, #insn) CMP_CASE(6, #insn) CMP_CASE(7, #insn) \
        }                                                                   \
    }
CMP(cmpps)
CMP(cmppd)
CMP(cmpss)
CMP(cmpsd)

/* -- Between register files -------------------------------------------------- */

#define TO_GPR(name, load, insn)                                            \
    uint32_t helper_##name(const void *s)                                   \
    {                                                                       \
        uint32_t r;                                                         \
        __asm__ volatile(load " (%1), %%xmm0\n\t" insn " %%xmm0, %0"        \
                         : "=r"(r) : "r"(s) : "memory", "xmm0");            \
        return r;                                                           \
    }
TO_GPR(pmovmskb_x, "movdqa", "pmovmskb")
TO_GPR(movmskps, "movdqa", "movmskps")
TO_GPR(movmskpd, "movdqa", "movmskpd")
TO_GPR(cvtss2si, "movq", "cvtss2si")
TO_GPR(cvtsd2si, "movq", "cvtsd2si")
TO_GPR(cvttss2si, "movq", "cvttss2si")
TO_GPR(cvttsd2si, "movq", "cvttsd2si")

uint32_t helper_pmovmskb_m(const void *s)
{
    const uint8_t *b = (const uint8_t *)s;
    uint32_t r = 0;

    for (unsigned i = 0; i < 8; i++) {
        r |= (uint32_t)(b[i] >> 7) << i;
    }
    return r;
}

#define FROM_GPR(name, insn)                                                \
    void helper_##name(void *d, uint32_t s)                                 \
    {                                                                       \
        __asm__ volatile("movq (%0), %%xmm0\n\t" insn " %1, %%xmm0\n\t"     \
                         "movq %%xmm0, (%0)" : : "r"(d), "r"(s) : "memory", "xmm0"); \
    }
FROM_GPR(cvtsi2ss, "cvtsi2ssl")
FROM_GPR(cvtsi2sd, "cvtsi2sdl")

#define PI_XMM(name, insn)                                                  \
    void helper_##name(void *d, const void *s)                              \
    {                                                                       \
        __asm__ volatile("movdqa (%0), %%xmm0\n\t" insn " (%1), %%xmm0\n\t" \
                         "movdqa %%xmm0, (%0)\n\temms"                      \
                         : : "r"(d), "r"(s) : "memory", "xmm0");            \
    }
PI_XMM(cvtpi2ps, "cvtpi2ps")
PI_XMM(cvtpi2pd, "cvtpi2pd")

#define XMM_PI(name, insn)                                                  \
    void helper_##name(void *d, const void *s)                              \
    {                                                                       \
        __asm__ volatile(insn " (%1), %%mm0\n\tmovq %%mm0, (%0)\n\temms"    \
                         : : "r"(d), "r"(s) : "memory");                    \
    }
XMM_PI(cvtps2pi, "cvtps2pi")
XMM_PI(cvtpd2pi, "cvtpd2pi")
XMM_PI(cvttps2pi, "cvttps2pi")
XMM_PI(cvttpd2pi, "cvttpd2pi")

void helper_maskmov(CPUX86State *env, const void *src, const void *mask, uint32_t addr,
                    uint32_t bytes)
{
    uintptr_t ra = GETPC();
    unsigned idx = x86_cpl(env) == 3;
    unsigned first = MIN(bytes, TARGET_PAGE_SIZE - (addr & (TARGET_PAGE_SIZE - 1)));

    /* Faults do not depend on the mask. */
    cpu_probe(x86_cpu(env), addr, first, MMU_WRITE, idx, ra);
    if (first < bytes) {
        cpu_probe(x86_cpu(env), (uint32_t)(addr + first), bytes - first, MMU_WRITE, idx, ra);
    }
    for (unsigned i = 0; i < bytes; i++) {
        if (((const uint8_t *)mask)[i] & 0x80) {
            cpu_st(x86_cpu(env), addr + i, ((const uint8_t *)src)[i], MO_8, idx, ra);
        }
    }
}

/* -- Unmasked exceptions, SDM vol. 1, 11.5 ----------------------------------- */

void helper_sse_begin(CPUX86State *env, const void *d)
{
    env->mxcsr |= _mm_getcsr() & 0x3f;
    _mm_setcsr(_mm_getcsr() & ~0x3fu);
    env->xmm_saved = *(const XMMReg *)d;
}

/*
 * Invalid, denormal and divide-by-zero are found before the operation; with
 * one of them unmasked, overflow, underflow and inexact were not looked for.
 */
void helper_sse_end(CPUX86State *env, void *d)
{
    uint32_t flags = _mm_getcsr() & 0x3f, unmasked = ~(env->mxcsr >> 7) & 0x3f;

    if (!(flags & unmasked)) {
        env->mxcsr |= flags;
        return;
    }
    env->mxcsr |= flags & unmasked & 7 ? flags & 7 : flags;
    _mm_setcsr(_mm_getcsr() & ~0x3fu);
    *(XMMReg *)d = env->xmm_saved;
    x86_raise(env, env->cr[4] & CR4_OSXMMEXCPT ? EXCP_XM : EXCP_UD, GETPC());
}
