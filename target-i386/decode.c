/* SPDX-License-Identifier: MIT */
/*
 * Bytes to an instruction: prefixes, opcode map row, ModRM and SIB, immediates
 * (SDM vol. 2A, chapter 2).  Nothing is generated and nothing is judged here;
 * whether the instruction is allowed is translate.c's business.
 *
 *      prefixes  opcode      ModRM  SIB   displacement  immediates
 *                0F xx        |      |         |            |
 *                0F 38 xx     mod    base      disp         imm[operand]
 *                0F 3A xx     reg    index
 *                D8..DF       rm     scale
 */
#include "target-i386/translate.h"

#include <string.h>

#include "util/bits.h"

enum { MAX_LEN = 15 };

/* -- Fetching ---------------------------------------------------------------- */

/* May `len` more bytes be fetched?  No: zeros are decoded, and dropped later. */
static bool may_fetch(X86Dis *d, unsigned len)
{
    uint32_t first = d->cs_base + d->pc, end = d->cs_base + d->next + len - 1;

    if (d->next - d->pc + len > MAX_LEN) {
        d->too_long = true;
        d->readable = 0;
        return false;
    }
    if (!d->first && ((first ^ end) & ~(TARGET_PAGE_SIZE - 1))) {
        d->crosses = true;
        return false;
    }
    return true;
}

static uint32_t fetch_slowly(X86Dis *d, unsigned len)
{
    uint32_t linear = d->cs_base + d->next, v = 0;

    if (d->too_long || d->crosses || !may_fetch(d, len)) {
        return 0;
    }
    d->next += len;
    for (unsigned i = 0; i < len; i++) {
        v |= (uint32_t)cpu_code_u8(d->cpu, (uint32_t)(linear + i)) << 8 * i;
    }
    return v;
}

static inline uint32_t fetch(X86Dis *d, unsigned len)
{
    uint32_t at = d->next - d->pc;

    if (at + 4 > d->readable || at + len > MAX_LEN) {
        return fetch_slowly(d, len);
    }
    d->next += len;
    return (uint32_t)load_le(d->code + at, 4) & ~0u >> (32 - 8 * len);
}

static uint32_t fetch_signed(X86Dis *d, unsigned len)
{
    uint32_t v = fetch(d, len);

    return len == 1 ? (uint32_t)(int8_t)v : len == 2 ? (uint32_t)(int16_t)v : v;
}

/* -- Prefixes ---------------------------------------------------------------- */

static bool prefix(X86Dis *d, uint8_t byte)
{
    switch (byte) {
    case 0x26: d->seg_override = R_ES; return true;
    case 0x2e: d->seg_override = R_CS; return true;
    case 0x36: d->seg_override = R_SS; return true;
    case 0x3e: d->seg_override = R_DS; return true;
    case 0x64: d->seg_override = R_FS; return true;
    case 0x65: d->seg_override = R_GS; return true;
    case 0x66: d->prefix66 = true; return true;
    case 0x67: d->asize = d->code32 ? MO_16 : MO_32; return true;
    case 0xf0: d->lock = true; return true;
    case 0xf2: case 0xf3: d->rep = byte; return true;
    default:
        return false;
    }
}

/* -- ModRM: the memory operand ----------------------------------------------- */

static void address16(X86Dis *d)
{
    static const struct { int8_t base, index; } forms[8] = {
        { R_EBX, R_ESI }, { R_EBX, R_EDI }, { R_EBP, R_ESI }, { R_EBP, R_EDI },
        { R_ESI, -1 }, { R_EDI, -1 }, { R_EBP, -1 }, { R_EBX, -1 },
    };

    d->base = forms[d->rm].base;
    d->index = forms[d->rm].index;
    d->disp = 0;
    if (d->mod == 0 && d->rm == 6) {
        d->base = -1;
        d->disp = fetch(d, 2);
    } else if (d->mod) {
        d->disp = fetch_signed(d, d->mod);
    }
}

static void address32(X86Dis *d)
{
    d->base = (int8_t)d->rm;
    d->index = -1;
    d->disp = 0;
    if (d->rm == 4) {
        uint8_t sib = (uint8_t)fetch(d, 1);

        d->base = sib & 7;
        d->index = sib >> 3 & 7;
        d->scale = sib >> 6;
        if (d->index == 4) {
            d->index = -1;
        }
    }
    if (d->mod == 0 && d->base == 5) {
        d->base = -1;
        d->disp = fetch(d, 4);
    } else if (d->mod) {
        d->disp = fetch_signed(d, d->mod == 1 ? 1 : 4);
    }
}

static void memory_operand(X86Dis *d)
{
    d->scale = 0;
    if (d->asize == MO_16) {
        address16(d);
    } else {
        address32(d);
    }
    d->has_mem = true;
    d->seg = d->base == R_EBP || d->base == R_ESP ? R_SS : R_DS;
    if (d->seg_override >= 0) {
        d->seg = (uint8_t)d->seg_override;
    }
}

static void fetch_modrm(X86Dis *d)
{
    if (!d->has_modrm) {
        d->has_modrm = true;
        d->modrm = (uint8_t)fetch(d, 1);
        d->mod = d->modrm >> 6;
        d->reg = d->modrm >> 3 & 7;
        d->rm = d->modrm & 7;
    }
}

/* -- The row ----------------------------------------------------------------- */

static unsigned sub_index(X86Dis *d, const X86Op *op)
{
    if (op->select == BY_PREFIX) {
        return d->rep == 0xf3 ? 2 : d->rep == 0xf2 ? 3 : d->prefix66;
    }
    fetch_modrm(d);
    return op->select == BY_REG ? d->reg : op->select == BY_RM ? d->rm : d->mod == 3;
}

static const X86Op *opcode_row(X86Dis *d)
{
    const X86Op *map = x86_one_byte;

    d->map = 0;
    d->opcode = (uint8_t)fetch(d, 1);
    while (prefix(d, d->opcode) && !d->too_long && !d->crosses) {
        d->opcode = (uint8_t)fetch(d, 1);
    }
    if (d->opcode >= 0xd8 && d->opcode <= 0xdf) {
        fetch_modrm(d);
        d->escape = true;
        map = (d->mod == 3 ? x86_x87_reg : x86_x87_mem)[d->opcode & 7];
        return &map[d->reg];
    }
    if (d->opcode == 0x0f) {
        map = x86_0f;
        d->map = TCG_X86_0F;
        d->opcode = (uint8_t)fetch(d, 1);
        if (d->opcode == 0x38 || d->opcode == 0x3a) {
            map = d->opcode == 0x38 ? x86_0f38 : x86_0f3a;
            d->map = d->opcode == 0x38 ? TCG_X86_0F38 : TCG_X86_0F3A;
            d->opcode = (uint8_t)fetch(d, 1);
            fetch_modrm(d);
        }
    }
    return &map[d->opcode];
}

static void choose_row(X86Dis *d)
{
    static const uint32_t in_modrm =
        1u << X_E | 1u << X_M | 1u << X_R | 1u << X_G | 1u << X_S | 1u << X_C | 1u << X_D |
        1u << X_V | 1u << X_W | 1u << X_U | 1u << X_P | 1u << X_Q | 1u << X_N;
    const X86Op *op = opcode_row(d);

    memcpy(d->operand, op->op, sizeof(d->operand));
    while (op->sub) {
        op = &op->sub[sub_index(d, op)];
        if (op->op[0]) {
            memcpy(d->operand, op->op, sizeof(d->operand));
        }
    }
    d->op = op->gen ? op : NULL;
    d->places = 1u << place_of(d->operand[0]) | 1u << place_of(d->operand[1]) |
                1u << place_of(d->operand[2]);
    if (d->places & in_modrm) {
        fetch_modrm(d);
    }
    if (d->places & 1u << X_R) {
        d->mod = 3;                     /* whatever it says */
    }
}

/* -- Immediates -------------------------------------------------------------- */

static uint32_t immediate(X86Dis *d, unsigned size)
{
    switch (size) {
    case SZ_b:
        return fetch(d, 1);
    case SZ_sb:
        return fetch_signed(d, 1) & (d->osize == MO_16 ? 0xffff : 0xffffffff);
    case SZ_w:
        return fetch(d, 2);
    default:
        return fetch(d, osize_bytes(d));
    }
}

static void fetch_operand(X86Dis *d, unsigned i)
{
    unsigned size = size_of(d->operand[i]);

    switch (place_of(d->operand[i])) {
    case X_I: case X_J:
        d->imm[i] = immediate(d, size);
        break;
    case X_F:
        d->imm[i] = fetch(d, osize_bytes(d));
        d->selector = (uint16_t)fetch(d, 2);
        break;
    case X_O:
        d->base = d->index = -1;
        d->disp = fetch(d, d->asize == MO_16 ? 2 : 4);
        d->seg = d->seg_override >= 0 ? (uint8_t)d->seg_override : R_DS;
        d->has_mem = true;
        break;
    default:
        break;
    }
}

bool x86_decode(X86Dis *d)
{
    static const uint32_t behind = 1u << X_I | 1u << X_J | 1u << X_F | 1u << X_O;
    uint32_t at = MIN(d->cs_base + d->pc - d->window_start, d->window_len);

    d->code = d->window + at;
    d->readable = d->window_len - at;
    d->next = d->pc;
    d->rep = 0;
    d->lock = d->prefix66 = d->too_long = d->crosses = false;
    d->has_modrm = d->has_mem = d->escape = d->no_trap = false;
    d->mod = d->reg = d->rm = 0;
    d->seg_override = -1;
    d->osize = d->asize = d->code32 ? MO_32 : MO_16;
    choose_row(d);
    if (d->prefix66) {
        d->osize = d->code32 ? MO_16 : MO_32;
    }
    if (d->has_modrm && d->mod != 3) {
        memory_operand(d);
    }
    for (unsigned i = 0; i < 3 && (d->places & behind); i++) {
        fetch_operand(d, i);
    }
    return !d->crosses;
}

const char *x86_insn_name(const X86Dis *d)
{
    return d->op ? d->op->name : "(bad)";
}
