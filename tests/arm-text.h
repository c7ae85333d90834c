/* SPDX-License-Identifier: MIT */
/*
 * ArmCtx as text: the words of tests/insn/a32.tst.
 *
 *   r0=12 sp=20030800 lr=0 pc=20010004     numbers in hexadecimal
 *   nzcv=0110 q=1 ge=f t=1 e=1 mode=13     parts of CPSR; spsr=600000d3
 *   exc=undef fsr=1 far=20030001           undef swi pabt dabt halt
 *   d0=3ff0000000000000 s3=3f800000 fpscr=0
 *   [10]=0102ff                            bytes at an offset of the data
 *   model=arm920t c1=402078                before only; c1: control register
 *
 * text_default() is what a word that is not there means before; after, it
 * means: as before.
 */
#ifndef TESTS_ARM_TEXT_H
#define TESTS_ARM_TEXT_H

#include <stdio.h>

#include "tests/arm-rig.h"

typedef struct TextState {
    ArmCtx ctx;
    char model[16];
    uint32_t c1;
    uint8_t data[RIG_DATA_SIZE];
} TextState;

static const char *const text_regs[16] = {
    "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "sp", "lr",
    "pc",
};

static const struct { const char *name; int excp; } text_excps[] = {
    { "none", -1 }, { "undef", EXCP_UNDEF }, { "swi", EXCP_SWI }, { "pabt", EXCP_PREFETCH_ABORT },
    { "dabt", EXCP_DATA_ABORT }, { "halt", EXCP_HLT }, { "semihost", EXCP_SEMIHOST },
};

/* Parts of CPSR by name */
static const struct { const char *name; uint32_t shift, mask; } text_psr[] = {
    { "q", 27, 1 }, { "ge", 16, 15 }, { "t", 5, 1 }, { "e", 9, 1 }, { "i", 7, 1 }, { "f", 6, 1 },
    { "mode", 0, 0x1f },
};

static inline void text_default(TextState *t)
{
    memset(t, 0, sizeof(*t));
    t->ctx.r[R_SP] = RIG_DATA + 0x800;
    t->ctx.r[R_PC] = RIG_CODE;
    t->ctx.cpsr = MODE_USR;
    t->ctx.excp = -1;
    t->ctx.fpexc = 1 << 30;
    strcpy(t->model, "arm1136");
    t->c1 = SCTLR_U;
}

static inline int text_nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline bool text_bytes(const char *hex, uint8_t *to, size_t max)
{
    for (size_t i = 0; *hex; i++, hex += 2) {
        int hi = text_nibble(hex[0]), lo = hi < 0 ? -1 : text_nibble(hex[1]);

        if (lo < 0 || i >= max) {
            return false;
        }
        to[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

static inline bool text_get_excp(const char *name, ArmCtx *c)
{
    for (size_t i = 0; i < ARRAY_SIZE(text_excps); i++) {
        if (!strcmp(name, text_excps[i].name)) {
            c->excp = text_excps[i].excp;
            return true;
        }
    }
    return false;
}

static inline bool text_get_flags(const char *v, ArmCtx *c)
{
    uint32_t nzcv = 0;

    for (unsigned i = 0; i < 4; i++) {
        if (v[i] != '0' && v[i] != '1') {
            return false;
        }
        nzcv = nzcv << 1 | (uint32_t)(v[i] - '0');
    }
    c->cpsr = (c->cpsr & 0x0fffffff) | nzcv << 28;
    return !v[4];
}

static inline bool text_get_number(const char *name, const char *v, TextState *t)
{
    ArmCtx *c = &t->ctx;
    uint64_t n = strtoull(v, NULL, 16);
    unsigned i;

    for (i = 0; i < 16; i++) {
        if (!strcmp(name, text_regs[i])) {
            c->r[i] = (uint32_t)n;
            return true;
        }
    }
    for (i = 0; i < ARRAY_SIZE(text_psr); i++) {
        if (!strcmp(name, text_psr[i].name)) {
            c->cpsr &= ~(text_psr[i].mask << text_psr[i].shift);
            c->cpsr |= (uint32_t)n << text_psr[i].shift;
            return true;
        }
    }
    if (!strcmp(name, "spsr")) {
        c->spsr = (uint32_t)n;
    } else if (!strcmp(name, "far")) {
        c->fault_addr = (uint32_t)n;
    } else if (!strcmp(name, "fsr")) {
        c->fault_status = (uint32_t)n;
    } else if (!strcmp(name, "fpscr")) {
        c->fpscr = (uint32_t)n;
    } else if (!strcmp(name, "fpexc")) {
        c->fpexc = (uint32_t)n;
    } else if (!strcmp(name, "c1")) {
        t->c1 = (uint32_t)n;
    } else if (sscanf(name, "d%u", &i) == 1 && i < 16) {
        c->d[i] = n;
    } else if (sscanf(name, "s%u", &i) == 1 && i < 32) {
        unsigned shift = i & 1 ? 32 : 0;

        c->d[i / 2] = (c->d[i / 2] & ~(0xffffffffull << shift)) | n << shift;
    } else {
        return false;
    }
    return true;
}

/* One word; false if it is none. */
static inline bool text_get(char *word, TextState *t)
{
    char *v = strchr(word, '=');
    unsigned at;

    if (!v) {
        return false;
    }
    *v++ = '\0';
    if (sscanf(word, "[%x]", &at) == 1) {
        return at < RIG_DATA_SIZE && text_bytes(v, t->data + at, RIG_DATA_SIZE - at);
    }
    if (!strcmp(word, "exc")) {
        return text_get_excp(v, &t->ctx);
    }
    if (!strcmp(word, "nzcv")) {
        return text_get_flags(v, &t->ctx);
    }
    if (!strcmp(word, "model")) {
        snprintf(t->model, sizeof(t->model), "%s", v);
        return true;
    }
    return text_get_number(word, v, t);
}

static inline void text_put_excp(FILE *f, int excp)
{
    for (size_t i = 0; i < ARRAY_SIZE(text_excps); i++) {
        if (text_excps[i].excp == excp) {
            fprintf(f, " exc=%s", text_excps[i].name);
            return;
        }
    }
    fprintf(f, " exc=%d", excp);
}

static inline void text_put_psr(FILE *f, uint32_t psr, uint32_t base)
{
    if ((psr ^ base) >> 28) {
        fprintf(f, " nzcv=%u%u%u%u", psr >> 31, psr >> 30 & 1, psr >> 29 & 1, psr >> 28 & 1);
    }
    for (size_t i = 0; i < ARRAY_SIZE(text_psr); i++) {
        uint32_t v = psr >> text_psr[i].shift & text_psr[i].mask;

        if (v != (base >> text_psr[i].shift & text_psr[i].mask)) {
            fprintf(f, " %s=%x", text_psr[i].name, v);
        }
    }
}

static inline void text_put_vfp(FILE *f, const ArmCtx *c, const ArmCtx *base)
{
    for (unsigned i = 0; i < 16; i++) {
        if (c->d[i] != base->d[i]) {
            fprintf(f, " d%u=%016llx", i, (unsigned long long)c->d[i]);
        }
    }
    if (c->fpscr != base->fpscr) {
        fprintf(f, " fpscr=%x", c->fpscr);
    }
    if (c->fpexc != base->fpexc) {
        fprintf(f, " fpexc=%x", c->fpexc);
    }
}

/* What differs from base, which it is relative to. */
static inline void text_put(FILE *f, const ArmCtx *c, const ArmCtx *base)
{
    for (unsigned i = 0; i < 16; i++) {
        if (c->r[i] != base->r[i]) {
            fprintf(f, " %s=%x", text_regs[i], c->r[i]);
        }
    }
    text_put_psr(f, c->cpsr, base->cpsr);
    if (c->spsr != base->spsr) {
        fprintf(f, " spsr=%x", c->spsr);
    }
    if (c->excp != base->excp) {
        text_put_excp(f, c->excp);
    }
    if (c->fault_addr != base->fault_addr) {
        fprintf(f, " far=%x", c->fault_addr);
    }
    if (c->fault_status != base->fault_status) {
        fprintf(f, " fsr=%x", c->fault_status);
    }
    text_put_vfp(f, c, base);
}

static inline void text_put_data(FILE *f, const uint8_t *data, const uint8_t *base, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] == base[i]) {
            continue;
        }
        fprintf(f, " [%zx]=", i);
        for (; i < len && data[i] != base[i]; i++) {
            fprintf(f, "%02x", data[i]);
        }
    }
}

#endif
