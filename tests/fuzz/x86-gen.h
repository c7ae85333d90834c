/* SPDX-License-Identifier: MIT */
/*
 * Random user-mode instructions from the opcode maps of target-i386.
 *
 *   maps --collect--> Leaf: one row and what must be in the bytes to reach it
 *   Leaf --gen_unit--> Unit: bytes of it, after others that make it useful
 *   Units --case_place--> Case: at an address, jumps resolved, memory set up
 *
 * Jumps lead to the head of a later unit or to the end.  Memory operands lie in
 * the data area as long as registers have the values they began with; else the
 * result is a page fault, which is a test too.
 */
#ifndef FUZZ_X86_GEN_H
#define FUZZ_X86_GEN_H

#include "target-i386/opmap.h"
#include "target-i386/translate.h"
#include "tests/x86-rig.h"

/* -- Random numbers ---------------------------------------------------------- */

static uint64_t rng;

static uint64_t rnd64(void)             /* xorshift64* */
{
    rng ^= rng >> 12;
    rng ^= rng << 25;
    rng ^= rng >> 27;
    return rng * 2685821657736338717ull;
}

static uint32_t rnd(uint32_t below)
{
    return (uint32_t)((rnd64() >> 32) * below >> 32);
}

static bool chance(unsigned percent)
{
    return rnd(100) < percent;
}

static const uint16_t selectors[] = {
    0, 3, SEL_DATA, SEL_DATA - 3, SEL_CODE, SEL_DATA32, SEL_STACK16, SEL_DOWN, SEL_RO, SEL_ABSENT,
    SEL_CODE16, SEL_XONLY, SEL_CONFORM, 0x10, 0x18, 0x1b, 0x40, 0x53, 0x6b, 0x47, 0x83,
};

/* Edge values find what uniform values miss. */
static uint32_t rnd_value(void)
{
    static const uint32_t edge[] = {
        0, 1, 2, 3, 4, 7, 8, 9, 0xf, 0x10, 0x1f, 0x20, 0x21, 0x7f, 0x80, 0x81, 0xff, 0x100, 0x7fff, 0x8000,
        0xffff, 0x10000, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff, 0x99, 0x66,
        0xffff8000, 0xffffff80, 0xaaaaaaaa,
    };

    switch (rnd(6)) {
    case 0: case 1: return edge[rnd(ARRAY_SIZE(edge))];
    case 2: return (uint32_t)rnd64() << rnd(32);
    case 3: return (uint32_t)rnd64() >> rnd(32);
    case 4: return chance(20) ? selectors[rnd(ARRAY_SIZE(selectors))] : (uint32_t)rnd64();
    default: return (uint32_t)rnd64();
    }
}

/* -- Floating-point values --------------------------------------------------- */

/* sign, exponent near its ends, fraction with few bits set */
static uint64_t rnd_float(unsigned frac_bits, unsigned exp_bits)
{
    uint64_t frac_mask = (1ull << frac_bits) - 1, frac = rnd64();
    unsigned exp_max = (1u << exp_bits) - 1, bias = exp_max >> 1, exp;

    switch (rnd(6)) {
    case 0: exp = 0; break;
    case 1: exp = exp_max; break;
    case 2: exp = rnd(2) ? exp_max - 1 - rnd(3) : 1 + rnd(3); break;
    case 3: case 4: exp = bias - 4 + rnd(72); break;
    default: exp = rnd(exp_max + 1);
    }
    switch (rnd(5)) {
    case 0: frac = 0; break;
    case 1: frac = 1ull << rnd(frac_bits); break;
    case 2: frac = -(1ull << rnd(frac_bits)); break;
    case 3: frac >>= rnd(64); break;
    default: break;
    }
    return (uint64_t)rnd(2) << (frac_bits + exp_bits) | (uint64_t)(exp & exp_max) << frac_bits |
           (frac & frac_mask);
}

static void put_float80(uint8_t *p)
{
    uint64_t v = rnd_float(48, 15), mant = (v & ((1ull << 48) - 1)) << 15;
    unsigned exp = (unsigned)(v >> 48 & 0x7fff);

    if (chance(50)) {
        mant |= rnd64() >> 49;
    }
    mant |= exp ? 1ull << 63 : 0;
    if (chance(4)) {
        mant ^= 1ull << 63;             /* unnormal, pseudo-denormal ... */
    }
    store_le(p, mant, 8);
    store_le(p + 8, exp | (v >> 63) << 15, 2);
}

/* 16 bytes that are one of everything. */
static void put_chunk(uint8_t *p)
{
    switch (rnd(8)) {
    case 0:
        memset(p, 0, 16);
        break;
    case 1:
        for (unsigned i = 0; i < 4; i++) {
            store_le(p + 4 * i, rnd_value(), 4);
        }
        break;
    case 2:
        for (unsigned i = 0; i < 4; i++) {
            store_le(p + 4 * i, rnd_float(23, 8), 4);
        }
        break;
    case 3:
        store_le(p, rnd_float(52, 11), 8);
        store_le(p + 8, rnd_float(52, 11), 8);
        break;
    case 4:
        store_le(p + 8, rnd64(), 8);
        put_float80(p);
        break;
    case 5:                             /* BCD */
        for (unsigned i = 0; i < 16; i++) {
            p[i] = (uint8_t)(rnd(10) << 4 | rnd(10));
        }
        p[9] = (uint8_t)(rnd(2) << 7);
        break;
    default:
        store_le(p, rnd64(), 8);
        store_le(p + 8, rnd64(), 8);
    }
}

/* -- Rows -------------------------------------------------------------------- */

enum { MAP_1, MAP_0F, MAP_0F38, MAP_0F3A, MAP_X87 };

typedef struct Leaf {
    uint8_t map, opcode;
    int8_t prefix, mod, reg, rm;        /* needed, or -1; mod 0: memory, 3 */
    const X86Op *op;
    uint16_t operand[3];
    uint64_t count;                     /* how often executed */
} Leaf;

static Leaf leaves[2048];
static unsigned num_leaves;

/* What cannot be compared; tests/insn and tests/unit have these. */
static const struct { const char *name, *why; } not_native[] = {
    { "SGDT", "the host's table, or UMIP" }, { "SIDT", "the same" }, { "SLDT", "the same" },
    { "STR", "the same" }, { "SMSW", "the same" },
    { "RDTSC", "time" }, { "CPUID", "another model" }, { "RDPMC", "the host's CR4.PCE" },
    { "SYSENTER", "a system call" },
};

static bool is_native(const X86Op *op)
{
    for (size_t i = 0; i < ARRAY_SIZE(not_native); i++) {
        if (!strcmp(op->name, not_native[i].name)) {
            return false;
        }
    }
    return true;
}

static void collect(Leaf at, const X86Op *op)
{
    if (op->op[0]) {
        memcpy(at.operand, op->op, sizeof(at.operand));
    }
    if (op->gen) {
        assert(num_leaves < ARRAY_SIZE(leaves));
        at.op = op;
        if (is_native(op)) {
            leaves[num_leaves++] = at;
        }
        return;
    }
    unsigned rows = !op->sub ? 0 : op->select == BY_MOD ? 2 : op->select == BY_PREFIX ? 4 : 8;

    for (unsigned i = 0; i < rows; i++) {
        Leaf below = at;

        switch (op->select) {
        case BY_REG: below.reg = (int8_t)i; break;
        case BY_RM: below.rm = (int8_t)i; break;
        case BY_MOD: below.mod = i ? 3 : 0; break;
        case BY_PREFIX: below.prefix = (int8_t)i; break;
        }
        collect(below, &op->sub[i]);
    }
}

static void collect_all(void)
{
    static const X86Op *const maps[] = { x86_one_byte, x86_0f, x86_0f38, x86_0f3a };

    for (unsigned m = 0; m < 4; m++) {
        for (unsigned i = 0; i < 256; i++) {
            Leaf at = { .map = (uint8_t)m, .opcode = (uint8_t)i,
                        .prefix = -1, .mod = -1, .reg = -1, .rm = -1 };

            collect(at, &maps[m][i]);
        }
    }
    for (unsigned i = 0; i < 64; i++) {
        Leaf at = { .map = MAP_X87, .opcode = (uint8_t)(0xd8 + i / 8), .prefix = -1,
                    .mod = 0, .reg = (int8_t)(i & 7), .rm = -1 };

        collect(at, &x86_x87_mem[i / 8][i & 7]);
        at.mod = 3;
        collect(at, &x86_x87_reg[i / 8][i & 7]);
    }
}

/* -- Units and cases --------------------------------------------------------- */

typedef enum FixKind { FIX_REL8, FIX_REL16, FIX_REL32, FIX_ABS16, FIX_ABS32, FIX_DATA32 } FixKind;

typedef struct Fix {
    uint8_t kind, at;                   /* offset in bytes */
    uint16_t data;                      /* DATA32: offset in the data area */
    uint8_t target;                     /* unit */
} Fix;

typedef struct Poke { uint16_t at, len; uint8_t b[16]; } Poke;

enum { MAX_UNIT_CODE = 80 };

typedef struct Unit {
    Leaf *leaf;
    uint8_t b[MAX_UNIT_CODE], len, insn;           /* insn: where the leaf's begins */
    uint8_t num_fix, num_poke;
    Fix fix[3];
    Poke poke[3];
    uint8_t image;                      /* an FPU image in data area slot n - 1 */
    bool osize16;
} Unit;

enum {
    MAX_UNITS = 8,
    /* Behind this in the data area: images of FXSAVE ..., one for each unit. */
    DATA_ANY = 0x1000,
};

typedef struct Case {
    unsigned num;
    bool bits16;                        /* code, stack and data segments of 64 KiB */
    Unit unit[MAX_UNITS];
    X86Ctx before;
    uint8_t data[RIG_DATA_SIZE];
    /* Filled in by case_place(): */
    uint32_t addr, start[MAX_UNITS + 1], end;
    uint8_t code[MAX_UNITS * MAX_UNIT_CODE + 16];
} Case;

typedef struct Gen {
    Case *c;
    Unit *u;
    unsigned index;                     /* of u */
    unsigned intact;                    /* registers that have their first value */
} Gen;

static void emit(Gen *g, uint32_t v, unsigned len)
{
    store_le(g->u->b + g->u->len, v, len);
    g->u->len = (uint8_t)(g->u->len + len);
}

static uint8_t later_unit(const Gen *g)
{
    return (uint8_t)(g->index + 1 + rnd(g->c->num - g->index));
}

static void add_fix(Gen *g, FixKind kind, unsigned at, unsigned data)
{
    g->u->fix[g->u->num_fix++] = (Fix){ .kind = (uint8_t)kind, .at = (uint8_t)at,
        .data = (uint16_t)data, .target = later_unit(g) };
}

static void poke(Gen *g, uint32_t at, uint64_t v, unsigned len)
{
    Poke *p = &g->u->poke[g->u->num_poke++];

    p->at = (uint16_t)at;
    p->len = (uint16_t)len;
    store_le(p->b, v, len);
}

/* -- Memory operands --------------------------------------------------------- */

/* An offset in the data area, mostly. */
static uint32_t any_target(void)
{
    uint32_t t = rnd(DATA_ANY - 64);

    if (chance(2)) {
        static const uint16_t edge[] = { 0x0ff8, 0x2ff8, 0x1ff8, 0x2000 };

        return edge[rnd(ARRAY_SIZE(edge))] + rnd(16);
    }
    if (chance(1)) {
        return 0u - rnd(16);
    }
    return chance(75) ? t & ~15u : t;
}

/* What to add to an offset in the data area, where the segment is flat. */
static uint32_t bias(const Case *c, uint8_t seg_prefix)
{
    bool flat = seg_prefix == 0x64 || (seg_prefix != 0x65 && !c->bits16);

    return flat ? RIG_DATA : 0;
}

static int pick_intact(Gen *g, bool index)
{
    unsigned n = rnd(8);

    for (unsigned i = 0; i < 8; i++, n = (n + 1) & 7) {
        if ((g->intact >> n & 1) && !(index && n == R_ESP)) {
            return (int)n;
        }
    }
    return -1;
}

static void modrm32(Gen *g, unsigned reg, uint32_t target)
{
    const uint32_t *r = g->c->before.r;
    int base = chance(80) ? pick_intact(g, false) : -1;
    int index = chance(40) ? pick_intact(g, true) : -1;
    unsigned scale = rnd(4);
    uint32_t disp = target;
    unsigned mod = 2;

    if (base < 0 && index < 0) {
        emit(g, reg << 3 | 5, 1);
        emit(g, target, 4);
        return;
    }
    disp -= index >= 0 ? r[index] << scale : 0;
    disp -= base >= 0 ? r[base] : 0;
    if (base < 0) {
        mod = 0;
    } else if (disp == 0 && base != R_EBP) {
        mod = 0;
    } else if ((int32_t)disp == (int8_t)disp) {
        mod = 1;
    }
    if (index >= 0 || base == R_ESP || base < 0 || chance(5)) {
        emit(g, mod << 6 | reg << 3 | 4, 1);
        emit(g, scale << 6 | (index < 0 ? 4u : (unsigned)index) << 3 |
             (base < 0 ? 5u : (unsigned)base), 1);
    } else {
        emit(g, mod << 6 | reg << 3 | (unsigned)base, 1);
    }
    emit(g, disp, base < 0 || mod == 2 ? 4 : mod == 1 ? 1 : 0);
}

static void modrm16(Gen *g, unsigned reg, uint32_t target)
{
    static const uint8_t uses[8][2] = {
        { R_EBX, R_ESI }, { R_EBX, R_EDI }, { R_EBP, R_ESI }, { R_EBP, R_EDI },
        { R_ESI, 8 }, { R_EDI, 8 }, { R_EBP, 8 }, { R_EBX, 8 },
    };
    const uint32_t *r = g->c->before.r;
    unsigned rm = rnd(8);
    uint32_t disp = target;

    if (rm == 6 && chance(50)) {
        emit(g, reg << 3 | 6, 1);
        emit(g, disp, 2);
        return;
    }
    disp -= r[uses[rm][0]] + (uses[rm][1] < 8 ? r[uses[rm][1]] : 0);
    disp &= 0xffff;
    unsigned mod = disp == 0 && rm != 6 ? 0 : (int16_t)disp == (int8_t)disp ? 1 : 2;

    emit(g, mod << 6 | reg << 3 | rm, 1);
    emit(g, disp, mod);
}

/* Code that ends at the same exit, or what cannot be gone to. */
static uint32_t far_selector(const Case *c)
{
    static const uint16_t bad[] = { 0, 3, SEL_DATA, SEL_ABSENT, SEL_RO, 0x1b, 0x83, SEL_CONFORM };
    static const uint16_t code32[] = { SEL_CODE, SEL_CODE, SEL_CODE - 1, SEL_CODE - 3, SEL_XONLY,
                                       SEL_XONLY - 1 };

    if (chance(20)) {
        return bad[rnd(ARRAY_SIZE(bad))];
    }
    return c->bits16 ? SEL_CODE16 - (chance(5) ? rnd(3) : 0) : code32[rnd(ARRAY_SIZE(code32))];
}

/* -- One instruction --------------------------------------------------------- */

static bool name_is(const Leaf *l, const char *name)
{
    return !strcmp(l->op->name, name);
}

static bool name_in(const Leaf *l, const char *list)
{
    size_t len = strlen(l->op->name);

    for (const char *p = list; (p = strstr(p, l->op->name)); p += len) {
        if ((p == list || p[-1] == ' ') && (p[len] == ' ' || !p[len])) {
            return true;
        }
    }
    return false;
}

static bool uses_place(const Leaf *l, X86Place place)
{
    for (unsigned i = 0; i < 3; i++) {
        if (place_of(l->operand[i]) == place) {
            return true;
        }
    }
    return false;
}

static bool uses_mmx(const Leaf *l)
{
    return uses_place(l, X_P) || uses_place(l, X_Q) || uses_place(l, X_N);
}

static bool has_modrm(const Leaf *l)
{
    static const uint32_t places =
        1u << X_E | 1u << X_M | 1u << X_R | 1u << X_G | 1u << X_S | 1u << X_C | 1u << X_D |
        1u << X_V | 1u << X_W | 1u << X_U | 1u << X_P | 1u << X_Q | 1u << X_N;

    if (l->reg >= 0 || l->mod >= 0 || l->rm >= 0 || l->map >= MAP_0F38) {
        return true;
    }
    for (unsigned i = 0; i < 3; i++) {
        if (places >> place_of(l->operand[i]) & 1) {
            return true;
        }
    }
    return false;
}

typedef struct Form {
    bool osize16, asize16, mem, lock;
    uint8_t rep, seg;                   /* seg: prefix byte or 0 */
    uint32_t target;
} Form;

/* What the host's processor knows by another name with a 66, F2 or F3. */
static bool may_have_66(const Leaf *l)
{
    if (l->map == MAP_0F) {
        return l->prefix < 0 && l->opcode != 0x01 && l->opcode != 0xae && l->opcode != 0xc7 &&
               l->opcode != 0xb9 && l->opcode != 0xff && l->opcode != 0x0b;
    }
    return l->map == MAP_1 || l->map == MAP_X87 || !strcmp(l->op->name, "CRC32");
}

static Form choose_form(Gen *g, const Leaf *l)
{
    Form f = { .osize16 = may_have_66(l) && chance(25), .target = any_target() };
    bool string = l->map == MAP_1 && ((l->opcode & ~3u) == 0xa4 || (l->opcode & ~3u) == 0xa8 ||
                                      (l->opcode & ~3u) == 0xac || (l->opcode & ~3u) == 0x6c);

    f.mem = l->mod < 0 ? chance(50) : l->mod == 0;
    if (uses_place(l, X_M) || uses_place(l, X_O)) {
        f.mem = !chance(1) || l->mod == 0 || uses_place(l, X_O);
    } else if (uses_place(l, X_U) || uses_place(l, X_N)) {
        f.mem = chance(1) && l->mod != 3;
    }
    if (l->map == MAP_1 && (l->opcode == 0xc4 || l->opcode == 0xc5 || l->opcode == 0x62)) {
        f.mem = true;                   /* VEX and EVEX otherwise */
    }
    if (name_in(l, "FXSAVE FXRSTOR FNSAVE FRSTOR FNSTENV FLDENV")) {
        f.asize16 = g->c->bits16;
        f.osize16 ^= g->c->bits16 && may_have_66(l);
        return f;
    }
    if (g->c->bits16) {
        f.asize16 = !chance(20);
        f.osize16 ^= may_have_66(l);
    }
    if (f.mem && !g->c->bits16 && chance(8)) {
        f.asize16 = true;
        f.seg = 0x65;
    } else if (chance(8)) {
        static const uint8_t seg[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };

        f.seg = seg[rnd(6)];
        if (string && f.seg == 0x2e) {
            f.seg = 0;                  /* the exits are not the same code */
        }
    }
    if (string && chance(50)) {
        f.rep = chance(50) ? 0xf2 : 0xf3;
    } else if (l->map == MAP_1 && chance(2) && l->opcode != 0x90) {
        f.rep = chance(50) ? 0xf2 : 0xf3;
    } else {
        f.lock = (l->op->flags & OP_LOCK) && f.mem ? chance(25) : chance(1) && l->map < MAP_X87;
    }
    return f;
}

static void emit_prefixes(Gen *g, const Leaf *l, const Form *f)
{
    bool bits16 = g->c->bits16;
    static const uint8_t mandatory[] = { 0, 0x66, 0xf3, 0xf2 };
    uint8_t p[6];
    unsigned n = 0;

    if (f->osize16 != bits16 && may_have_66(l)) { p[n++] = 0x66; }
    if (f->asize16 != bits16) { p[n++] = 0x67; }
    if (f->seg) { p[n++] = f->seg; }
    if (f->rep) { p[n++] = f->rep; }
    if (f->lock) { p[n++] = 0xf0; }
    if (l->prefix > 0) { p[n++] = mandatory[l->prefix]; }
    for (; n; n--) {
        unsigned i = rnd(n);

        emit(g, p[i], 1);
        p[i] = p[n - 1];
    }
}

static void emit_opcode(Gen *g, const Leaf *l)
{
    if (l->map == MAP_0F || l->map == MAP_0F38 || l->map == MAP_0F3A) {
        emit(g, 0x0f, 1);
    }
    if (l->map == MAP_0F38 || l->map == MAP_0F3A) {
        emit(g, l->map == MAP_0F38 ? 0x38 : 0x3a, 1);
    }
    emit(g, l->opcode, 1);
}

/* Where the image of this unit is in the data area. */
static uint32_t image_at(const Gen *g)
{
    return DATA_ANY + 512 * g->index;
}

static void emit_modrm(Gen *g, const Leaf *l, const Form *f)
{
    unsigned reg = l->reg >= 0 ? (unsigned)l->reg : rnd(8);

    if (l->operand[0] == S_w && reg == R_CS && chance(90)) {
        reg = R_DS;
    }
    if (g->u->image) {
        emit(g, reg << 3 | (f->asize16 ? 6 : 5), 1);
        emit(g, image_at(g) + bias(g->c, 0), f->asize16 ? 2 : 4);
    } else if (!f->mem) {
        emit(g, 0xc0 | reg << 3 | (l->rm >= 0 ? (unsigned)l->rm : rnd(8)), 1);
    } else if (f->asize16) {
        modrm16(g, reg, f->target);
    } else {
        modrm32(g, reg, f->target + bias(g->c, f->seg));
    }
}

static void emit_immediates(Gen *g, const Leaf *l, const Form *f)
{
    unsigned v = f->osize16 ? 2 : 4;

    for (unsigned i = 0; i < 3; i++) {
        unsigned size = size_of(l->operand[i]);
        unsigned len = size == SZ_b || size == SZ_sb ? 1 : size == SZ_w ? 2 : v;
        uint32_t imm = rnd_value();

        switch (place_of(l->operand[i])) {
        case X_I:
            if (name_is(l, "INT")) {
                imm = imm & 0xff ? imm : 4;
                imm = (imm & 0xff) == 0x80 ? 3 : imm;
            }
            if (name_is(l, "ENTER") && i == 0) {
                imm = rnd(300);
            }
            emit(g, imm, len);
            break;
        case X_J:
            add_fix(g, len == 1 ? FIX_REL8 : len == 2 ? FIX_REL16 : FIX_REL32, g->u->len, 0);
            emit(g, 0, len);
            break;
        case X_F:
            add_fix(g, len == 2 ? FIX_ABS16 : FIX_ABS32, g->u->len, 0);
            emit(g, 0, len);
            emit(g, far_selector(g->c), 2);
            break;
        case X_O:
            emit(g, f->target + bias(g->c, f->seg), f->asize16 ? 2 : 4);
            break;
        default:
            break;
        }
    }
}

/* -- Rows that need something around them ------------------------------------ */

static void set_esp(Gen *g, uint32_t esp)
{
    if (g->c->bits16) {
        emit(g, 0x66, 1);
    }
    emit(g, 0xbc, 1);                   /* mov esp, imm32 */
    emit(g, esp + bias(g->c, 0), 4);
}

static uint32_t any_eflags(bool nt)
{
    uint32_t f = (uint32_t)rnd64() & (CC_ALL | DF_MASK | ID_MASK);

    f |= chance(10) ? DF_MASK : 0;
    f &= chance(70) ? ~(uint32_t)DF_MASK : ~0u;
    f |= chance(2) ? AC_MASK : 0;
    f |= nt && chance(5) ? NT_MASK : 0;
    return f | 2;
}

/* A memory operand whose contents matter. */
static void place_operand(const Gen *g, Form *f)
{
    f->seg = 0;
    f->asize16 = g->c->bits16;
    f->target = rnd(DATA_ANY - 64);
}

/* Before the instruction; f may still change. */
static void prepare(Gen *g, const Leaf *l, Form *f)
{
    unsigned size = f->osize16 ? 2 : 4;
    uint32_t sp = 64 + (rnd(DATA_ANY - 128) & ~3u);

    if (name_in(l, "FXSAVE FXRSTOR FNSAVE FRSTOR FNSTENV FLDENV")) {
        g->u->image = 1;
    } else if (name_in(l, "RET RETF IRET")) {
        set_esp(g, sp);
        add_fix(g, FIX_DATA32, 0, sp);
        if (!name_is(l, "RET")) {
            poke(g, sp + size, far_selector(g->c), 4);
        }
        if (name_is(l, "IRET")) {
            poke(g, sp + 2 * size, any_eflags(false), size);
        }
    } else if (name_is(l, "POPF")) {
        set_esp(g, sp);
        poke(g, sp, any_eflags(false) | (chance(20) ? (uint32_t)rnd64() & ~(uint32_t)(TF_MASK | NT_MASK) : 0) |
             (chance(3) ? TF_MASK : 0), size);
    } else if (name_is(l, "POP_S")) {
        set_esp(g, sp);
        poke(g, sp, selectors[rnd(ARRAY_SIZE(selectors))], 4);
    } else if (name_in(l, "LES LDS LSS LFS LGS")) {
        place_operand(g, f);
        poke(g, f->target + size, selectors[rnd(ARRAY_SIZE(selectors))], 2);
    } else if (name_in(l, "JMPF_M CALLF_M")) {
        place_operand(g, f);
        add_fix(g, FIX_DATA32, 0, f->target);
        poke(g, f->target + size, far_selector(g->c), 2);
    } else if (name_in(l, "JMP_E CALL_E")) {
        if (f->mem) {
            place_operand(g, f);
            add_fix(g, FIX_DATA32, 0, f->target);
        }
    } else if (name_in(l, "DIV IDIV") && chance(70)) {
        bool byte = size_of(l->operand[0]) == SZ_b;

        if (name_is(l, "DIV")) {
            emit(g, byte ? 0xc0b60f : 0xd231, byte ? 3 : 2);
        } else {
            emit(g, byte ? 0xc0be0f : 0x99, byte ? 3 : 1);
        }
    } else if (name_is(l, "LDMXCSR") && chance(85)) {
        place_operand(g, f);
        poke(g, f->target, ((uint32_t)rnd64() & 0xffff) | 0xc00, 4);
    } else if (name_is(l, "FLDCW") && chance(90)) {
        place_operand(g, f);
        poke(g, f->target, (uint32_t)rnd64() | 0x3f, 2);
    } else if (name_is(l, "BOUND")) {
        place_operand(g, f);
        poke(g, f->target, (1ull << (8 * size - 1)) | (uint64_t)0x7fffffff << (8 * size), 2 * size);
    }
}

/* JMP_E, CALL_E with a register: a MOV of the target before. */
static void jump_register(Gen *g, const Leaf *l)
{
    unsigned rm = rnd(8);

    if (rm == R_ESP) {
        rm = R_EAX;
    }
    if (g->c->bits16) {
        emit(g, 0x66, 1);
    }
    emit(g, 0xb8 + rm, 1);
    add_fix(g, FIX_ABS32, g->u->len, 0);
    emit(g, 0, 4);
    g->u->insn = g->u->len;
    emit(g, 0xff, 1);
    emit(g, 0xc0u | (unsigned)l->reg << 3 | rm, 1);
    g->intact &= ~(1u << rm);
}

static void forget(Gen *g, const Leaf *l)
{
    static const struct { const char *names; unsigned regs; } implicit[] = {
        { "MOVS CMPS", 1u << R_ESI | 1u << R_EDI | 1u << R_ECX },
        { "STOS SCAS LODS INS OUTS", 1u << R_ESI | 1u << R_EDI | 1u << R_ECX | 1u << R_EAX },
        { "MUL IMUL1 DIV IDIV CBW CWD CMPXCHG8B", 1u << R_EAX | 1u << R_EDX },
        { "AAM AAD AAA AAS DAA DAS LAHF SALC XLAT CMPXCHG FNSTSW_AX IN", 1u << R_EAX },
        { "PUSH POP PUSHA PUSHF POPF PUSH_S POP_S POP_E CALL CALLF CALL_E CALLF_M RET RETF IRET",
          1u << R_ESP },
        { "ENTER LEAVE", 1u << R_ESP | 1u << R_EBP },
        { "LOOP LOOPE LOOPNE PCMPESTRI PCMPISTRI", 1u << R_ECX },
        { "POPA", 255 },
    };
    const uint8_t *p = g->u->b + g->u->insn;
    unsigned written = 0;

    for (size_t i = 0; i < ARRAY_SIZE(implicit); i++) {
        written |= name_in(l, implicit[i].names) ? implicit[i].regs : 0;
    }
    for (unsigned i = 0; i < 3; i++) {
        bool exchange = l->op->access == X;

        if ((i == 0 && l->op->access != R) || exchange || name_in(l, "BTS BTR BTC LES LDS LSS LFS LGS")) {
            switch (place_of(l->operand[i])) {
            case X_G: case X_E: case X_R:
                /* Which one it was is not worth decoding again: both. */
                for (const uint8_t *q = p; q < g->u->b + g->u->len; q++) {
                    written |= 1u << (*q & 7) | 1u << (*q >> 3 & 7);
                }
                break;
            case X_Z: written |= 1u << (l->opcode & 7) | (exchange ? 1 : 0); break;
            case X_AX: written |= 1; break;
            default: break;
            }
        }
    }
    g->intact &= ~written;
}

/* Where an image in memory has pointers to the last x87 instruction. */
typedef struct ImagePart { uint8_t from, to; } ImagePart;

static unsigned image_pointers(const Unit *u, ImagePart part[2])
{
    uint8_t size = u->osize16 ? 2 : 4;

    if (u->leaf->op->name[1] == 'X') {
        part[0] = (ImagePart){ 6, 24 };
        part[1] = (ImagePart){ 28, 32 };        /* and the mask of MXCSR */
        return 2;
    }
    part[0] = (ImagePart){ 3 * size, 7 * size };
    return 1;
}

/* Hosts differ in the pointers they keep (CPUID.7:EBX<6>): they are cleared
 * before somebody reads them, by MOV m16, imm16 and MOV m32, imm32. */
static void clear_pointers(Gen *g)
{
    ImagePart part[2];
    unsigned num = image_pointers(g->u, part);
    bool bits16 = g->c->bits16;

    for (unsigned i = 0; i < num; i++) {
        for (unsigned at = part[i].from, len; at < part[i].to; at += len) {
            len = at % 4 || part[i].to - at < 4 ? 2 : 4;
            if ((len == 2) != bits16) {
                emit(g, 0x66, 1);
            }
            emit(g, bits16 ? 0x06c7 : 0x05c7, 2);
            emit(g, image_at(g) + at + bias(g->c, 0), bits16 ? 2 : 4);
            emit(g, 0, len);
        }
    }
}

static void gen_unit(Gen *g)
{
    Leaf *l = &leaves[rnd(num_leaves)];
    Form f = choose_form(g, l);

    *g->u = (Unit){ .leaf = l };
    prepare(g, l, &f);
    g->u->insn = g->u->len;
    g->u->osize16 = f.osize16;
    if (name_in(l, "JMP_E CALL_E") && !f.mem) {
        jump_register(g, l);
        return;
    }
    emit_prefixes(g, l, &f);
    emit_opcode(g, l);
    if (has_modrm(l)) {
        emit_modrm(g, l, &f);
    }
    emit_immediates(g, l, &f);
    if (name_in(l, "FXSAVE FNSAVE FNSTENV")) {
        clear_pointers(g);
    }
    forget(g, l);
}

/* -- The state before -------------------------------------------------------- */

static bool unmasked_mode;              /* this case may have x87, SSE exceptions */

static void rnd_fpu(uint8_t *fx)
{
    uint32_t fcw = (uint32_t)rnd64() & 0xf3f, fsw = (uint32_t)rnd64() & 0x7f7f;
    uint32_t mxcsr = (uint32_t)rnd64() & 0xffbf;

    memset(fx, 0, 512);
    if (!unmasked_mode || chance(50)) {
        fcw |= 0x3f;
    }
    if (chance(40)) {
        fcw |= 0x300;
    }
    if (!unmasked_mode || chance(50)) {
        mxcsr |= 0x1f80;
    }
    if (chance(60)) {
        mxcsr &= ~0x8040u;              /* FTZ, DAZ */
    } else if (chance(50)) {
        mxcsr |= 0x40;
    }
    if (chance(70)) {
        fsw &= ~0x7fu;
        mxcsr &= ~0x3fu;
    }
    if (fsw & ~fcw & 0x3f) {
        fsw &= chance(80) ? ~0x3fu : ~0u;
    }
    store_le(fx + FX_FCW, fcw | 0x40, 2);
    store_le(fx + FX_FSW, fsw, 2);
    /* Not modelled: what unmasked underflow says of exact results. */
    mxcsr |= 0xc00;
    fx[FX_FTW] = (uint8_t)(chance(50) ? rnd64() : rnd64() | rnd64() | rnd64());
    store_le(fx + FX_MXCSR, mxcsr, 4);
    for (unsigned i = 0; i < 8; i++) {
        put_float80(fx + FX_ST + 16 * i);
        put_chunk(fx + FX_XMM + 16 * i);
    }
}

static void rnd_state(X86Ctx *c, bool bits16)
{
    static const uint16_t sel[2][6] = {
        { SEL_DATA, SEL_CODE, SEL_DATA, SEL_DATA, SEL_DATA, SEL_DATA32 },
        { SEL_DATA32, SEL_CODE16, SEL_STACK16, SEL_DATA32, SEL_DATA, SEL_DATA32 },
    };

    memset(c, 0, sizeof(*c));
    memcpy(c->sel, sel[bits16], sizeof(c->sel));
    for (unsigned i = 0; i < 8; i++) {
        bool pointer = i == R_ESP || (i >= R_EBP ? chance(70) : chance(25));
        uint32_t at = (bits16 ? 0 : RIG_DATA) + (rnd(DATA_ANY) & ~3u);

        c->r[i] = pointer ? at : rnd_value();
        if (bits16 && chance(20)) {
            c->r[i] += (uint32_t)rnd64() << 16;
        }
    }
    if (chance(5)) {
        c->r[R_ESP] += rnd(4);
    }
    if (chance(50)) {
        c->r[R_ECX] = rnd(40);
    }
    c->eflags = any_eflags(true) | IF_MASK | (chance(1) ? TF_MASK : 0);
    rnd_fpu(c->fx);
}

/* -- Cases ------------------------------------------------------------------- */

static void put_image(uint8_t *p, const Unit *u)
{
    uint8_t fx[512];

    rnd_fpu(fx);
    for (unsigned i = 0; i < 512; i += 16) {
        put_chunk(p + i);
    }
    if (u->leaf->op->name[1] == 'X') {
        memcpy(p, fx, 288);
        return;
    }
    unsigned size = u->osize16 ? 2 : 4;

    memcpy(p, fx + FX_FCW, 2);
    memcpy(p + size, fx + FX_FSW, 2);
    for (unsigned i = 0; i < 8; i++) {
        put_float80(p + 7 * size + 10 * i);
    }
}

static void rnd_case(Case *c)
{
    c->num = 1 + rnd(MAX_UNITS);
    c->bits16 = chance(25);
    rnd_state(&c->before, c->bits16);
    for (unsigned i = 0; i < DATA_ANY; i += 16) {
        put_chunk(c->data + i);
    }
    Gen g = { .c = c, .intact = 255 };
    bool iret = false;

    for (unsigned i = 0; i < c->num; i++) {
        g.u = &c->unit[i];
        g.index = i;
        gen_unit(&g);
        if (g.u->image) {
            put_image(c->data + DATA_ANY + 512 * i, g.u);
        }
        iret |= name_is(g.u->leaf, "IRET");
    }
    if (iret) {                         /* NT means something else in IA-32e mode */
        c->before.eflags &= ~(uint32_t)NT_MASK;
    }
}

static uint32_t code_base(const Case *c)
{
    return c->bits16 ? RIG_CODE : 0;
}

static void fix_up(Case *c, const Unit *u, unsigned n, const Fix *f)
{
    uint8_t *p = c->code + (c->start[n] - c->addr) + f->at;
    uint32_t target = c->start[f->target], from = c->start[n] + f->at, base = code_base(c);

    switch (f->kind) {
    case FIX_REL8: store_le(p, target - (from + 1), 1); break;
    case FIX_REL16: store_le(p, target - (from + 2), 2); break;
    case FIX_REL32: store_le(p, target - (from + 4), 4); break;
    case FIX_ABS16: store_le(p, target - base, 2); break;
    case FIX_ABS32: store_le(p, target - base, 4); break;
    case FIX_DATA32: store_le(c->data + f->data, target - base, u->osize16 ? 2 : 4); break;
    }
}

/* ES and B summarize the exceptions that are not masked. */
static void make_consistent(uint8_t *fx)
{
    uint32_t fcw = (uint32_t)load_le(fx + FX_FCW, 2) | 0x40;
    uint32_t fsw = (uint32_t)load_le(fx + FX_FSW, 2) & 0x7f7f;

    store_le(fx + FX_FCW, fcw, 2);
    store_le(fx + FX_FSW, fsw | (fsw & ~fcw & 0x3f ? 0x8080 : 0), 2);
}

/* Put the code together for address addr; returns its length. */
static unsigned case_place(Case *c, uint32_t addr)
{
    unsigned n = 0;

    c->addr = addr;
    for (unsigned i = 0; i < c->num; i++) {
        c->start[i] = addr + n;
        memcpy(c->code + n, c->unit[i].b, c->unit[i].len);
        n += c->unit[i].len;
    }
    c->start[c->num] = c->end = addr + n;
    c->code[n] = 0xe9;
    if (c->bits16) {
        store_le(c->code + n + 1, RIG_EXIT16 - (addr + n + 3), 2);
        /* IRET to a small stack leaves the high half of RSP. */
        c->before.r[R_ESP] = (c->before.r[R_ESP] & 0xffff) | (NS_ADDR & 0xffff0000);
    } else {
        store_le(c->code + n + 1, RIG_EXIT32 - (addr + n + 5), 4);
    }
    for (unsigned i = 0; i < c->num; i++) {
        const Unit *u = &c->unit[i];

        for (unsigned k = 0; k < u->num_fix; k++) {
            fix_up(c, u, i, &u->fix[k]);
        }
        for (unsigned k = 0; k < u->num_poke; k++) {
            memcpy(c->data + u->poke[k].at, u->poke[k].b, u->poke[k].len);
        }
    }
    c->before.eip = addr - code_base(c);
    make_consistent(c->before.fx);
    return n + 5;
}

#endif
