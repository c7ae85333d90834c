/* SPDX-License-Identifier: MIT */
/* x86-64 instruction encoding. */
#include "tcg/x86_64/emit.h"

#include <string.h>

void asm_byte(Asm *a, unsigned b)
{
    *a->p++ = (uint8_t)b;
}

void asm_long(Asm *a, uint32_t v)
{
    memcpy(a->p, &v, 4);
    a->p += 4;
}

void asm_quad(Asm *a, uint64_t v)
{
    memcpy(a->p, &v, 8);
    a->p += 8;
}

static bool is_s8(int32_t k)
{
    return k == (int8_t)k;
}

static void prefix(Asm *a, unsigned opc)
{
    static const uint8_t bytes[4] = { 0, 0x66, 0xf3, 0xf2 };
    unsigned pre = (opc & PRE_MASK) / PRE_66;

    if (pre) {
        asm_byte(a, bytes[pre]);
    }
}

/* rxb: bits REX.R, REX.X, REX.B; force: emit even an empty REX. */
static void rex_and_opcode(Asm *a, unsigned opc, unsigned rxb, bool force)
{
    unsigned rex = rxb | (opc & REX_W ? 8 : 0);

    prefix(a, opc);
    if (rex || force) {
        asm_byte(a, 0x40 | rex);
    }
    switch (opc & MAP_MASK) {
    case MAP_0F:
        asm_byte(a, 0x0f);
        break;
    case MAP_0F38:
        asm_byte(a, 0x0f);
        asm_byte(a, 0x38);
        break;
    case MAP_0F3A:
        asm_byte(a, 0x0f);
        asm_byte(a, 0x3a);
        break;
    }
    asm_byte(a, opc);
}

static void modrm_mem(Asm *a, unsigned reg, Mem m)
{
    unsigned r = (reg & 7) << 3, base = m.base & 7;
    unsigned mod = m.disp == 0 && base != 5 ? 0 : is_s8(m.disp) ? 0x40 : 0x80;

    if (m.base == NO_REG) {             /* [index << scale + disp32] */
        asm_byte(a, r | 4);
        asm_byte(a, (unsigned)m.scale << 6 | (m.index & 7) << 3 | 5);
        asm_long(a, (uint32_t)m.disp);
        return;
    }
    if (m.index != NO_REG) {
        asm_byte(a, mod | r | 4);
        asm_byte(a, (unsigned)m.scale << 6 | (m.index & 7) << 3 | base);
    } else {
        asm_byte(a, mod | r | base);
        if (base == 4) {
            asm_byte(a, 0x24);
        }
    }
    if (mod == 0x40) {
        asm_byte(a, (uint8_t)m.disp);
    } else if (mod == 0x80) {
        asm_long(a, (uint32_t)m.disp);
    }
}

static unsigned high(unsigned reg)
{
    return reg != NO_REG && (reg & 8);
}

void asm_rr(Asm *a, unsigned opc, unsigned reg, unsigned rm)
{
    bool force = ((opc & REG8) && reg >= 4) || ((opc & RM8) && rm >= 4);

    rex_and_opcode(a, opc, high(reg) << 2 | high(rm), force);
    asm_byte(a, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

void asm_rm(Asm *a, unsigned opc, unsigned reg, Mem m)
{
    rex_and_opcode(a, opc, high(reg) << 2 | high(m.index) << 1 | high(m.base),
                   (opc & REG8) && reg >= 4);
    modrm_mem(a, reg, m);
}

/* SDM vol. 2A 2.3.5; the fields R, X, B and vvvv are stored inverted. */
static void vex(Asm *a, unsigned opc, unsigned rxb, unsigned vvvv)
{
    static const uint8_t pp[4] = { 0, 1, 2, 3 };
    unsigned low = (~vvvv & 15) << 3 | pp[(opc & PRE_MASK) / PRE_66];
    unsigned w = opc & REX_W ? 0x80 : 0;

    if ((rxb & 3) == 0 && !w && (opc & MAP_MASK) == MAP_0F) {
        asm_byte(a, 0xc5);
        asm_byte(a, (rxb & 4 ? 0 : 0x80) | low);
    } else {
        asm_byte(a, 0xc4);
        asm_byte(a, (~rxb & 7) << 5 | (opc & MAP_MASK) / MAP_0F);
        asm_byte(a, w | low);
    }
    asm_byte(a, opc);
}

void asm_vex_rr(Asm *a, unsigned opc, unsigned reg, unsigned vvvv, unsigned rm)
{
    vex(a, opc, high(reg) << 2 | high(rm), vvvv);
    asm_byte(a, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

void asm_vex_rm(Asm *a, unsigned opc, unsigned reg, unsigned vvvv, Mem m)
{
    vex(a, opc, high(reg) << 2 | high(m.index) << 1 | high(m.base), vvvv);
    modrm_mem(a, reg, m);
}

void asm_mov_rr(Asm *a, bool is64, unsigned d, unsigned s)
{
    asm_rr(a, OPC_MOV_LOAD | rex_w(is64), d, s);
}

void asm_mov_ri(Asm *a, unsigned d, uint64_t k, bool zero_ok)
{
    if (k == 0 && zero_ok) {
        asm_rr(a, 0x31, d, d);
    } else if (k <= UINT32_MAX) {
        rex_and_opcode(a, 0xb8 | (d & 7), high(d), false);
        asm_long(a, (uint32_t)k);
    } else if ((int64_t)k == (int32_t)k) {
        asm_rr(a, 0xc7 | REX_W, 0, d);
        asm_long(a, (uint32_t)k);
    } else {
        rex_and_opcode(a, REX_W | 0xb8 | (d & 7), high(d), false);
        asm_quad(a, k);
    }
}

void asm_mov_mi(Asm *a, bool is64, Mem m, int32_t k)
{
    asm_rm(a, 0xc7 | rex_w(is64), 0, m);
    asm_long(a, (uint32_t)k);
}

void asm_lea(Asm *a, bool is64, unsigned d, Mem m)
{
    asm_rm(a, OPC_LEA | rex_w(is64), d, m);
}

void asm_alu_ri(Asm *a, unsigned alu, bool is64, unsigned r, int32_t k)
{
    if (is_s8(k)) {
        asm_rr(a, 0x83 | rex_w(is64), alu, r);
        asm_byte(a, (uint8_t)k);
    } else if (r == RAX) {
        rex_and_opcode(a, (alu << 3 | 5) | rex_w(is64), 0, false);
        asm_long(a, (uint32_t)k);
    } else {
        asm_rr(a, 0x81 | rex_w(is64), alu, r);
        asm_long(a, (uint32_t)k);
    }
}

void asm_alu_mi(Asm *a, unsigned alu, bool is64, Mem m, int32_t k)
{
    asm_rm(a, (is_s8(k) ? 0x83 : 0x81) | rex_w(is64), alu, m);
    if (is_s8(k)) {
        asm_byte(a, (uint8_t)k);
    } else {
        asm_long(a, (uint32_t)k);
    }
}

void asm_shift_ri(Asm *a, unsigned sh, bool is64, unsigned r, unsigned k)
{
    if (k == 1) {
        asm_rr(a, 0xd1 | rex_w(is64), sh, r);
    } else {
        asm_rr(a, 0xc1 | rex_w(is64), sh, r);
        asm_byte(a, k);
    }
}

void asm_shift_cl(Asm *a, unsigned sh, bool is64, unsigned r)
{
    asm_rr(a, 0xd3 | rex_w(is64), sh, r);
}

void asm_rorx(Asm *a, bool is64, unsigned d, unsigned s, unsigned k)
{
    asm_vex_rr(a, OPC_RORX | rex_w(is64), d, 0, s);
    asm_byte(a, k);
}

void asm_test_ri(Asm *a, bool is64, unsigned r, int32_t k)
{
    if (k >= 0 && k < 0x100) {
        asm_rr(a, 0xf6 | RM8, 0, r);
        asm_byte(a, (unsigned)k);
    } else {
        asm_rr(a, 0xf7 | rex_w(is64 && k < 0), 0, r);
        asm_long(a, (uint32_t)k);
    }
}

void asm_setcc(Asm *a, unsigned cc, unsigned r)
{
    asm_rr(a, MAP_0F | RM8 | 0x90 | cc, 0, r);
}

void asm_push(Asm *a, unsigned r)
{
    rex_and_opcode(a, 0x50 | (r & 7), high(r), false);
}

void asm_pop(Asm *a, unsigned r)
{
    rex_and_opcode(a, 0x58 | (r & 7), high(r), false);
}

uint8_t *asm_jcc(Asm *a, unsigned cc)
{
    asm_byte(a, 0x0f);
    asm_byte(a, 0x80 | cc);
    asm_long(a, 0);
    return a->p - 4;
}

uint8_t *asm_jmp(Asm *a)
{
    asm_byte(a, 0xe9);
    asm_long(a, 0);
    return a->p - 4;
}

void asm_set_rel32(uint8_t *at, const uint8_t *target)
{
    int32_t rel = (int32_t)(target - (at + 4));

    memcpy(at, &rel, 4);
}

void asm_jmp_to(Asm *a, const uint8_t *target)
{
    asm_set_rel32(asm_jmp(a), target);
}

void asm_call(Asm *a, uintptr_t fn)
{
    int64_t rel = (int64_t)(fn - (uintptr_t)(a->p + 5));

    if (rel == (int32_t)rel) {
        asm_byte(a, 0xe8);
        asm_long(a, (uint32_t)rel);
    } else {
        asm_mov_ri(a, RAX, fn, false);
        asm_rr(a, 0xff, 2, RAX);
    }
}

/* SDM vol. 2B, NOP: recommended multi-byte sequences. */
void asm_align_rel32(Asm *a, unsigned len)
{
    static const uint8_t nops[4][3] = {
        { 0 }, { 0x90 }, { 0x66, 0x90 }, { 0x0f, 0x1f, 0x00 },
    };
    unsigned n = -(unsigned)((uintptr_t)a->p + len) & 3;

    memcpy(a->p, nops[n], 3);
    a->p += n;
}
