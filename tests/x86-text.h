/* SPDX-License-Identifier: MIT */
/*
 * X86Ctx as text: the words of tests/insn/x86.tst.
 *
 *   eax=12 eflags=246 eip=20010002 es=2b       numbers in hexadecimal
 *   exc=e:6 cr2=20034000                       exception and error code
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

/* What of EFLAGS is compared; "eflags=val/mask" compares less. */
enum {
    TEXT_EFLAGS = CC_ALL | 2 | TF_MASK | IF_MASK | DF_MASK | IOPL_MASK | NT_MASK | AC_MASK | ID_MASK,
};

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

/* What differs from base, which it is relative to; of the flags, in mask. */
static void text_put(FILE *f, const X86Ctx *c, const X86Ctx *base, uint32_t mask)
{
    for (unsigned i = 0; i < 8; i++) {
        if (c->r[i] != base->r[i]) {
            fprintf(f, " %s=%x", text_regs[i], c->r[i]);
        }
    }
    if (((c->eflags ^ base->eflags) & mask) || mask != TEXT_EFLAGS) {
        fprintf(f, " eflags=%x", c->eflags & mask);
    }
    if (mask != TEXT_EFLAGS) {
        fprintf(f, "/%x", mask);
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
static inline void text_put_data(FILE *f, const uint8_t *data, const uint8_t *base, size_t len)
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

/* -- Reading ----------------------------------------------------------------- */

typedef struct TextState {
    X86Ctx ctx;
    uint32_t eflags_mask;
    uint8_t data[RIG_DATA_SIZE];
} TextState;

static bool text_number(const char *p, unsigned long long *v, const char *end)
{
    char *stop;

    *v = strtoull(p, &stop, 16);
    return stop != p && *stop == *end;
}

static bool text_pair(const char *p, unsigned long long v[2])
{
    return sscanf(p, "%llx:%llx", &v[0], &v[1]) == 2;
}

static bool text_bytes(const char *p, uint8_t *to, size_t max)
{
    size_t n = 0;
    unsigned byte;

    for (; n < max && sscanf(p, "%2x", &byte) == 1; p += 2) {
        to[n++] = (uint8_t)byte;
    }
    return n && !*p;
}

static bool text_get_fx(const char *name, const char *val, X86Ctx *c)
{
    unsigned long long v[2];
    unsigned i = (unsigned)name[strlen(name) - 1] - '0';
    bool is_st = name[0] == 's' && name[1] == 't', is_xmm = !strncmp(name, "xmm", 3);

    if ((is_st || is_xmm) && i < 8) {
        uint8_t *p = c->fx + (is_st ? FX_ST : FX_XMM) + 16 * i;

        if (!text_pair(val, v)) {
            return false;
        }
        store_le(p, v[1], 8);
        store_le(p + 8, v[0], is_st ? 2 : 8);
        return true;
    }
    for (i = 0; i < ARRAY_SIZE(text_fx); i++) {
        if (!strcmp(name, text_fx[i].name)) {
            store_le(c->fx + text_fx[i].at, strtoull(val, NULL, 16), text_fx[i].len);
            return true;
        }
    }
    return false;
}

static bool text_get_exc(const char *val, X86Ctx *c)
{
    unsigned long long v[2];

    if (!text_pair(val, v)) {
        return false;
    }
    c->vector = (int)v[0];
    c->err = (uint32_t)v[1];
    return true;
}

/* One word; false: there is no such. */
static inline bool text_get(char *word, TextState *t)
{
    char *val = strchr(word, '='), *slash = val ? strchr(val, '/') : NULL;
    unsigned long long v = 0;

    if (!val) {
        return false;
    }
    *val++ = '\0';
    if (word[0] == '[') {
        unsigned long long at = strtoull(word + 1, NULL, 16);

        return at < RIG_DATA_SIZE && text_bytes(val, t->data + at, RIG_DATA_SIZE - at);
    }
    if (!strcmp(word, "exc")) {
        return text_get_exc(val, &t->ctx);
    }
    if (slash) {
        *slash = '\0';
        t->eflags_mask = (uint32_t)strtoul(slash + 1, NULL, 16);
    }
    if (strchr(val, ':') || !text_number(val, &v, "")) {
        return text_get_fx(word, val, &t->ctx);
    }
    for (unsigned i = 0; i < 8; i++) {
        if (!strcmp(word, text_regs[i])) {
            t->ctx.r[i] = (uint32_t)v;
            return true;
        }
        if (i < 6 && !strcmp(word, text_segs[i])) {
            t->ctx.sel[i] = (uint16_t)v;
            return true;
        }
    }
    if (!strcmp(word, "eflags") || !strcmp(word, "eip") || !strcmp(word, "cr2")) {
        *(word[1] == 'f' ? &t->ctx.eflags : word[1] == 'i' ? &t->ctx.eip : &t->ctx.cr2) = (uint32_t)v;
        return true;
    }
    return text_get_fx(word, val, &t->ctx);
}

#endif
