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

/*
 * Most parts of an instruction are there or not: each is written, and the pointer
 * moves on by its length, which may be 0.  Nothing to be predicted.
 */
static inline uint8_t *put(uint8_t *p, unsigned b, bool present)
{
    *p = (uint8_t)b;
    return p + present;
}

static uint8_t *prefix(uint8_t *p, unsigned opc)
{
    static const uint8_t bytes[4] = { 0, 0x66, 0xf3, 0xf2 };

    return put(p, bytes[(opc & PRE_MASK) / PRE_66], true);
}

static uint8_t *escape(uint8_t *p, unsigned map)
{
    p = put(p, 0x0f, true);
    return put(p, map == MAP_0F38 ? 0x38 : 0x3a, map > MAP_0F);
}

/* One byte, as most are. */
static inline bool is_simple(unsigned opc)
{
    return !(opc & ~(REX_W | 0xffu));
}

/* rxb: bits REX.R, REX.X, REX.B; force: emit even an empty REX. */
static inline uint8_t *opcode(uint8_t *p, unsigned opc, unsigned rxb, bool force)
{
    unsigned rex = rxb | (opc / (REX_W / 8) & 8);

    if (is_simple(opc)) {
        return put(put(p, 0x40 | rex, rex), opc, true);
    }
    if (opc & PRE_MASK) {
        p = prefix(p, opc);
    }
    p = put(p, 0x40 | rex, rex || force);
    if (opc & MAP_MASK) {
        p = escape(p, opc & MAP_MASK);
    }
    return put(p, opc, true);
}

static inline uint8_t *put_long(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
    return p + 4;
}

/* ModRM, SIB and displacement: SDM vol. 2A, 2.1.5. */
static inline uint8_t *modrm_mem(uint8_t *p, unsigned reg, Mem m)
{
    unsigned r = (reg & 7) << 3, base = m.base & 7;
    unsigned disp = (m.disp || base == 5) + !is_s8(m.disp);     /* 0, 8, 32 bits */
    unsigned disp_len = disp + (disp & 2);

    if (m.index == NO_REG && base != 4) {
        p = put(p, disp << 6 | r | base, true);
    } else {
        if (m.base == NO_REG) {         /* [index << scale + disp32] */
            disp = 0;
            disp_len = 4;
            base = 5;
        }
        p = put(p, disp << 6 | r | 4, true);
        p = put(p, (unsigned)m.scale << 6 | (m.index & 7) << 3 | base, true);
    }
    put_long(p, (uint32_t)m.disp);
    return p + disp_len;
}

/* A field of env, mostly: no index, no REX.B. */
static inline uint8_t *near_rbp(uint8_t *p, unsigned opc, unsigned reg, int32_t disp)
{
    unsigned rex = (reg & 8) >> 1 | (opc / (REX_W / 8) & 8);
    bool is_far = !is_s8(disp);

    p = put(p, 0x40 | rex, rex);
    p = put(p, opc, true);
    p = put(p, (is_far ? 0x80 : 0x40) | (reg & 7) << 3 | RBP, true);
    put_long(p, (uint32_t)disp);
    return p + (is_far ? 4 : 1);
}

static inline unsigned rxb(unsigned reg, unsigned index, unsigned base)
{
    return (reg & 8) >> 1 | (index & 8) >> 2 | (base & 8) >> 3;
}

void asm_rr(Asm *a, unsigned opc, unsigned reg, unsigned rm)
{
    bool force = ((opc & REG8) && reg >= 4) || ((opc & RM8) && rm >= 4);

    a->p = put(opcode(a->p, opc, rxb(reg, 0, rm), force), 0xc0 | (reg & 7) << 3 | (rm & 7),
               true);
}

/* Not inline: what is rare must not cost registers to save. */
static __attribute__((noinline)) uint8_t *any_rm(uint8_t *p, unsigned opc, unsigned reg, Mem m)
{
    bool force = (opc & REG8) && reg >= 4;

    return modrm_mem(opcode(p, opc, rxb(reg, m.index, m.base), force), reg, m);
}

void asm_rm(Asm *a, unsigned opc, unsigned reg, Mem m)
{
    a->p = is_simple(opc) && m.index == NO_REG && m.base == RBP
           ? near_rbp(a->p, opc, reg, m.disp) : any_rm(a->p, opc, reg, m);
}

/* SDM vol. 2A 2.3.5; the fields R, X, B and vvvv are stored inverted. */
static inline uint8_t *vex(uint8_t *p, unsigned opc, unsigned rex, unsigned vvvv)
{
    unsigned low = (~vvvv & 15) << 3 | (opc & PRE_MASK) / PRE_66;
    unsigned w = opc & REX_W ? 0x80 : 0;

    if ((rex & 3) == 0 && !w && (opc & MAP_MASK) == MAP_0F) {
        p = put(p, 0xc5, true);
        p = put(p, (rex & 4 ? 0 : 0x80) | low, true);
    } else {
        p = put(p, 0xc4, true);
        p = put(p, (~rex & 7) << 5 | (opc & MAP_MASK) / MAP_0F, true);
        p = put(p, w | low, true);
    }
    return put(p, opc, true);
}

void asm_vex_rr(Asm *a, unsigned opc, unsigned reg, unsigned vvvv, unsigned rm)
{
    a->p = put(vex(a->p, opc, rxb(reg, 0, rm), vvvv), 0xc0 | (reg & 7) << 3 | (rm & 7), true);
}

void asm_vex_rm(Asm *a, unsigned opc, unsigned reg, unsigned vvvv, Mem m)
{
    a->p = modrm_mem(vex(a->p, opc, rxb(reg, m.index, m.base), vvvv), reg, m);
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
        a->p = opcode(a->p, 0xb8 | (d & 7), rxb(0, 0, d), false);
        asm_long(a, (uint32_t)k);
    } else if ((int64_t)k == (int32_t)k) {
        asm_rr(a, 0xc7 | REX_W, 0, d);
        asm_long(a, (uint32_t)k);
    } else {
        a->p = opcode(a->p, REX_W | 0xb8 | (d & 7), rxb(0, 0, d), false);
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
        a->p = opcode(a->p, (alu << 3 | 5) | rex_w(is64), 0, false);
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
    a->p = opcode(a->p, 0x50 | (r & 7), rxb(0, 0, r), false);
}

void asm_pop(Asm *a, unsigned r)
{
    a->p = opcode(a->p, 0x58 | (r & 7), rxb(0, 0, r), false);
}

void asm_ret(Asm *a, unsigned pop)
{
    if (pop == 0) {
        asm_byte(a, 0xc3);
        return;
    }
    asm_byte(a, 0xc2);
    asm_byte(a, pop & 0xff);
    asm_byte(a, pop >> 8);
}

void asm_push_regs(Asm *a, uint32_t regs)
{
    for (unsigned r = 0; r <= R15; r++) {
        if (regs >> r & 1) {
            asm_push(a, r);
        }
    }
}

void asm_pop_regs(Asm *a, uint32_t regs)
{
    for (unsigned r = R15 + 1u; r-- > 0;) {
        if (regs >> r & 1) {
            asm_pop(a, r);
        }
    }
}

uint8_t *asm_jcc(Asm *a, unsigned cc)
{
    uint8_t *p = put(put(a->p, 0x0f, true), 0x80 | cc, true);

    a->p = put_long(p, 0);
    return p;
}

uint8_t *asm_jmp(Asm *a)
{
    uint8_t *p = put(a->p, 0xe9, true);

    a->p = put_long(p, 0);
    return p;
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
    unsigned at = (unsigned)((uintptr_t)a->p + len) & 7, n = at > 4 ? 8 - at : 0;

    memcpy(a->p, nops[n], 3);
    a->p += n;
}
