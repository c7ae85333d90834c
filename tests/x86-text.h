/* SPDX-License-Identifier: MIT */
/*
 * X86Ctx as text: the words of tests/insn/x86.tst.
 *
 *   eax=12 eflags=246 eip=20010002 es=2b       numbers in hexadecimal
 *   exc=e:6 cr2=20034000                       exception and error code; -: none
 *   fcw=37f fsw=3800 ftw=80 mxcsr=1f80         ftw: bit set, register in use
 *   st0=3fff:8000000000000000                  relative to TOP
 *   xmm0=ffff000011112222:3333444455556666     high and low half
 *   [10]=0102ff                                bytes at an offset of the data
 *
 * text_default() is what a word that is not there means before; after, it
 * means: as before.
 */
#ifndef TESTS_X86_TEXT_H
#define TESTS_X86_TEXT_H

#include <stdio.h>

#include "tests/x86-rig.h"

static const char *const text_regs[8] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
static const char *const text_segs[6] = { "es", "cs", "ss", "ds", "fs", "gs" };

static const struct { const char *name; uint8_t at, len; } text_fx[] = {
    { "fcw", FX_FCW, 2 }, { "fsw", FX_FSW, 2 }, { "ftw", FX_FTW, 1 }, { "fop", FX_FOP, 2 },
    { "fip", FX_FIP, 4 }, { "fdp", FX_FDP, 4 }, { "mxcsr", FX_MXCSR, 4 },
};

static void text_default(X86Ctx *c)
{
    static const uint16_t sel[6] = { SEL_DATA, SEL_CODE, SEL_DATA, SEL_DATA, SEL_DATA, SEL_DATA32 };

    memset(c, 0, sizeof(*c));
    c->r[R_ESP] = RIG_DATA + 0x800;
    c->eflags = IF_MASK | 2;
    c->eip = RIG_CODE;
    c->vector = -1;
    memcpy(c->sel, sel, sizeof(sel));
    store_le(c->fx + FX_FCW, 0x37f, 2);
    store_le(c->fx + FX_MXCSR, 0x1f80, 4);
}

static void text_put_fx(FILE *f, const uint8_t *fx, const uint8_t *base)
{
    for (size_t i = 0; i < ARRAY_SIZE(text_fx); i++) {
        uint64_t v = load_le(fx + text_fx[i].at, text_fx[i].len);

        if (v != load_le(base + text_fx[i].at, text_fx[i].len)) {
            fprintf(f, " %s=%llx", text_fx[i].name, (unsigned long long)v);
        }
    }
    for (unsigned i = 0; i < 8; i++) {
        const uint8_t *p = fx + FX_ST + 16 * i, *x = fx + FX_XMM + 16 * i;

        if (memcmp(p, base + FX_ST + 16 * i, 10)) {
            fprintf(f, " st%u=%04x:%016llx", i, (unsigned)load_le(p + 8, 2),
                    (unsigned long long)load_le(p, 8));
        }
        if (memcmp(x, base + FX_XMM + 16 * i, 16)) {
            fprintf(f, " xmm%u=%016llx:%016llx", i, (unsigned long long)load_le(x + 8, 8),
                    (unsigned long long)load_le(x, 8));
        }
    }
}

/* What differs from base, which it is relative to. */
static void text_put(FILE *f, const X86Ctx *c, const X86Ctx *base)
{
    for (unsigned i = 0; i < 8; i++) {
        if (c->r[i] != base->r[i]) {
            fprintf(f, " %s=%x", text_regs[i], c->r[i]);
        }
    }
    if (c->eflags != base->eflags) {
        fprintf(f, " eflags=%x", c->eflags);
    }
    for (unsigned i = 0; i < 6; i++) {
        if (c->sel[i] != base->sel[i]) {
            fprintf(f, " %s=%x", text_segs[i], c->sel[i]);
        }
    }
    text_put_fx(f, c->fx, base->fx);
    if (c->vector != base->vector) {
        fprintf(f, " eip=%x exc=%x:%x", c->eip, (unsigned)c->vector, c->err);
    }
    if (c->cr2 != base->cr2) {
        fprintf(f, " cr2=%x", c->cr2);
    }
}

/* Bytes of the data area that differ. */
static void text_put_data(FILE *f, const uint8_t *data, const uint8_t *base, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] == base[i]) {
            continue;
        }
        fprintf(f, " [%zx]=", i);
        for (size_t same = 0; i < len && same < 4; i++) {
            size_t k = i;

            for (same = 0; k < len && data[k] == base[k] && same < 4; k++) {
                same++;
            }
            if (same < 4 && k < len) {
                fprintf(f, "%02x", data[i]);
            } else {
                break;
            }
        }
    }
}

#endif
