/* SPDX-License-Identifier: MIT */
/*
 * Disassembler: the syntax of a row, with its directives filled in from the
 * fields of the instruction.
 *
 *   %c condition  %S "s" if flags are set
 *   %d %n %m %s %a registers   %e %u Rd + 1, Rm + 1   %f Rd, or the flags
 *   %I modified constant   %i constant   %M Rm, shifted   %R Rm, by register
 *   %V %v mnemonic and operands of a move with shift   %T mnemonic of the shift
 *   %A %Q address with constant, with register   %C coprocessor's
 *   %b %w %L mode, write-back and list of a block transfer (%g: mode of RFE)
 *   %B target
 *   %h %H halves of Rm, Rs: b or t   %X "x"   %Y "r"   %N "l"
 *   %l %r ", lsl #n" ", asr #n"   %t ", ror #n"   %x %Z width of saturation
 *   %P status register   %k its mask   %K what CPS does   %E byte order
 *   %j coprocessor   %D %F %G its registers   %o %q its operations
 *   %z, %y and digits: VFP (vfp.def)
 *
 * Text is in today's ("unified") syntax.
 */
#include "target-arm/decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "target-arm/cpu.h"
#include "util/bits.h"

typedef struct Text {
    char *buf;
    size_t len, used;
    const ArmInsn *a;
    uint32_t pc;
    bool thumb;
} Text;

__attribute__((format(printf, 2, 3)))
static void put(Text *t, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(t->buf + t->used, t->len - t->used, fmt, ap);
    va_end(ap);
    t->used = MIN(t->used + (size_t)n, t->len - 1);
}

static const char *reg(unsigned n)
{
    static const char *const names[16] = {
        "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7",
        "r8", "r9", "r10", "r11", "r12", "sp", "lr", "pc",
    };

    return names[n & 15];
}

static void put_number(Text *t, int64_t n)
{
    if (n < 0) {
        put(t, n < -9 ? "#-0x%llx" : "#-%lld", (long long)-n);
    } else {
        put(t, n > 9 ? "#0x%llx" : "#%lld", (long long)n);
    }
}

/* -- Shifts ------------------------------------------------------------------ */

static const char *const shift_names[4] = { "lsl", "lsr", "asr", "ror" };

static void put_shift(Text *t, unsigned type, unsigned n)
{
    if (type == 3 && n == 0) {
        put(t, ", rrx");
    } else if (type || n) {
        put(t, ", %s ", shift_names[type]);
        put_number(t, n ? n : 32);
    }
}

static void put_shifted(Text *t)
{
    put(t, "%s", reg(t->a->rm));
    put_shift(t, t->a->type, t->a->imm);
}

static void put_by_register(Text *t)
{
    put(t, "%s, %s %s", reg(t->a->rm), shift_names[t->a->type], reg(t->a->rs));
}

/* A move with a shift is a shift. */
static void put_move_name(Text *t)
{
    const ArmInsn *a = t->a;
    bool plain = a->type == 0 && a->imm == 0;

    put(t, "%s", plain ? "mov" : a->type == 3 && a->imm == 0 ? "rrx" : shift_names[a->type]);
}

static void put_move_operands(Text *t)
{
    const ArmInsn *a = t->a;

    put(t, "%s", reg(a->rm));
    if (a->imm || a->type == 1 || a->type == 2) {
        put(t, ", ");
        put_number(t, a->imm ? a->imm : 32);
    }
}

static void put_lsl(Text *t)
{
    put_shift(t, 0, t->a->imm);
}

static void put_asr(Text *t)
{
    put_shift(t, 2, t->a->imm);
}

static void put_rotation(Text *t)
{
    if (t->a->rot) {
        put_shift(t, 3, 8 * t->a->rot);
    }
}

static void put_shift_name(Text *t) { put(t, "%s", shift_names[t->a->type]); }

/* -- Registers and numbers ----------------------------------------------------- */

static void put_rd(Text *t) { put(t, "%s", reg(t->a->rd)); }
static void put_rn(Text *t) { put(t, "%s", reg(t->a->rn)); }
static void put_rm(Text *t) { put(t, "%s", reg(t->a->rm)); }
static void put_rs(Text *t) { put(t, "%s", reg(t->a->rs)); }
static void put_ra(Text *t) { put(t, "%s", reg(t->a->ra)); }
static void put_rd2(Text *t) { put(t, "%s", reg(t->a->rd + 1)); }
static void put_rm2(Text *t) { put(t, "%s", reg(t->a->rm + 1)); }
static void put_imm(Text *t) { put_number(t, t->a->imm); }
static void put_sat(Text *t) { put_number(t, t->a->rot); }
static void put_sat_signed(Text *t) { put_number(t, t->a->rot + 1); }

static void put_modified(Text *t)
{
    put_number(t, (int32_t)ror32(t->a->imm, 2 * t->a->rot));
}

static void put_rd_or_flags(Text *t)
{
    put(t, "%s", t->a->rd == 15 ? "apsr_nzcv" : reg(t->a->rd));
}

static void put_cond(Text *t)
{
    static const char names[] = "eqnehslomiplvsvchilsgeltgtle";

    if (t->a->cond < 14) {
        put(t, "%.2s", names + 2 * t->a->cond);
    }
}

static void put_s(Text *t) { put(t, "%s", t->a->s ? "s" : ""); }
static void put_x(Text *t) { put(t, "%s", t->a->x ? "x" : ""); }
static void put_round(Text *t) { put(t, "%s", t->a->x ? "r" : ""); }
static void put_long(Text *t) { put(t, "%s", t->a->x ? "l" : ""); }
static void put_half_m(Text *t) { put(t, "%s", t->a->x ? "t" : "b"); }
static void put_half_s(Text *t) { put(t, "%s", t->a->y ? "t" : "b"); }

/* -- Addresses ------------------------------------------------------------------ */

/* Called between the base and the offset: "[r1], " or "[r1, ". */
static void open_address(Text *t, bool indexed)
{
    put(t, indexed ? "[%s, " : "[%s], ", reg(t->a->rn));
}

static void close_address(Text *t, bool indexed)
{
    if (indexed) {
        put(t, t->a->w ? "]!" : "]");
    }
}

/* PLD has neither P nor W and is indexed. */
static bool is_indexed(const Text *t)
{
    return t->a->p || !(t->a->row->fixed || arm_row_field(t->a->row, 'P') ||
                        strstr(t->a->row->pattern, "0 U"));
}

static void put_address_imm(Text *t)
{
    const ArmInsn *a = t->a;
    bool indexed = is_indexed(t);

    if (indexed && !a->imm && a->u && !a->w) {
        put(t, "[%s]", reg(a->rn));
        return;
    }
    open_address(t, indexed);
    if (a->u || a->imm) {
        put_number(t, a->u ? (int64_t)a->imm : -(int64_t)a->imm);
    } else {
        put(t, "#-0");
    }
    close_address(t, indexed);
}

static void put_address_reg(Text *t)
{
    bool indexed = is_indexed(t);

    open_address(t, indexed);
    put(t, "%s", t->a->u ? "" : "-");
    put_shifted(t);
    close_address(t, indexed);
}

/* Words; with neither index nor write-back, {n} is a word for the coprocessor. */
static void put_address_coproc(Text *t)
{
    const ArmInsn *a = t->a;
    bool vfp = !arm_row_field(a->row, 'p');
    bool indexed = a->p || vfp;

    if (!indexed && !a->w) {
        put(t, "[%s], {%u}", reg(a->rn), a->imm);
        return;
    }
    if (indexed && !a->imm && a->u && !a->w) {
        put(t, "[%s]", reg(a->rn));
        return;
    }
    open_address(t, indexed);
    if (a->u || a->imm) {
        put_number(t, a->u ? 4 * (int64_t)a->imm : -4 * (int64_t)a->imm);
    } else {
        put(t, "#-0");
    }
    close_address(t, indexed);
}

static const char *const block_modes[4] = { "da", "ia", "db", "ib" };

static void put_block_mode(Text *t)
{
    unsigned mode = t->a->p * 2 + t->a->u;

    put(t, "%s", mode == 1 ? "" : block_modes[mode]);
}

static void put_any_block_mode(Text *t)
{
    put(t, "%s", block_modes[t->a->p * 2 + t->a->u]);
}

/* T16: not if the base is loaded. */
static void put_write_back(Text *t)
{
    const ArmInsn *a = t->a;
    bool loaded = t->thumb && (a->raw & 0x800) && (a->list >> a->rn & 1);

    put(t, "%s", a->w && !loaded ? "!" : "");
}

static void put_list(Text *t)
{
    const ArmInsn *a = t->a;
    uint32_t list = a->list;
    const char *sep = "";

    if (t->thumb && a->rn == R_SP) {    /* PUSH, POP */
        list |= a->x << (a->u ? R_PC : R_LR);
    }
    put(t, "{");
    for (unsigned i = 0; i < 16; i++) {
        if (list >> i & 1) {
            put(t, "%s%s", sep, reg(i));
            sep = ", ";
        }
    }
    put(t, "}%s", a->s ? " ^" : "");
}

static uint32_t sext(uint32_t v, unsigned bits)
{
    unsigned up = 32 - bits;

    return (uint32_t)((int32_t)(v << up) >> up);
}

static void put_target(Text *t)
{
    const ArmInsn *a = t->a;
    unsigned bits = (unsigned)__builtin_popcount(arm_row_field(a->row, 'i'));
    uint32_t at = t->thumb ? t->pc + 4 + sext(a->imm, bits) * 2
                           : t->pc + 8 + sext(a->imm, bits) * 4 + a->x * 2;

    put(t, "#0x%x", at);
}

/* -- System ------------------------------------------------------------------------ */

static void put_psr(Text *t) { put(t, "%s", t->a->x ? "spsr" : "cpsr"); }

static void put_psr_mask(Text *t)
{
    put(t, "_%s%s%s%s", t->a->mask & 8 ? "f" : "", t->a->mask & 4 ? "s" : "",
        t->a->mask & 2 ? "x" : "", t->a->mask & 1 ? "c" : "");
}

static void put_cps(Text *t)
{
    const ArmInsn *a = t->a;
    unsigned imod = t->thumb ? 2 | a->x : a->type;

    if (imod & 2) {
        put(t, "%s %s%s%s", imod == 3 ? "id" : "ie", a->mask & 4 ? "a" : "",
            a->mask & 2 ? "i" : "", a->mask & 1 ? "f" : "");
    }
    if (!t->thumb && a->x) {
        put(t, imod & 2 ? ", " : " ");
        put_number(t, a->imm);
    }
}

static void put_endian(Text *t) { put(t, "%s", t->a->x ? "be" : "le"); }
static void put_coproc(Text *t) { put(t, "%u", t->a->coproc); }
static void put_crd(Text *t) { put(t, "%u", t->a->rd); }
static void put_crn(Text *t) { put(t, "%u", t->a->rn); }
static void put_crm(Text *t) { put(t, "%u", t->a->rm); }
static void put_opc1(Text *t) { put_number(t, t->a->opc1); }
static void put_opc2(Text *t) { put_number(t, t->a->opc2); }

/* -- VFP ----------------------------------------------------------------------------- */

static void put_vreg(Text *t, unsigned n, unsigned bit, bool is_double)
{
    put(t, is_double ? "d%u" : "s%u", is_double ? n | bit << 4 : n << 1 | bit);
}

static void put_vd(Text *t) { put_vreg(t, t->a->rd, t->a->dhi, t->a->x); }
static void put_vm(Text *t) { put_vreg(t, t->a->rm, t->a->mhi, t->a->x); }
static void put_sd(Text *t) { put_vreg(t, t->a->rd, t->a->dhi, false); }
static void put_dd(Text *t) { put_vreg(t, t->a->rd, t->a->dhi, true); }
static void put_sm(Text *t) { put_vreg(t, t->a->rm, t->a->mhi, false); }
static void put_dm(Text *t) { put_vreg(t, t->a->rm, t->a->mhi, true); }
static void put_precision(Text *t) { put(t, ".f%u", t->a->x ? 64 : 32); }
static void put_index(Text *t) { put(t, "%u", t->a->y); }

/* A half of a double is a double here. */
static void put_vn(Text *t)
{
    put_vreg(t, t->a->rn, t->a->nhi, t->a->x || arm_row_field(t->a->row, 'Y'));
}

static void put_vpair(Text *t)
{
    if (t->a->x) {
        put_dm(t);
    } else {
        unsigned n = t->a->rm << 1 | t->a->mhi;

        put(t, "s%u, s%u", n, n + 1);
    }
}

static void put_vlist(Text *t)
{
    const ArmInsn *a = t->a;
    unsigned first = a->x ? a->rd | a->dhi << 4 : a->rd << 1 | a->dhi;
    unsigned num = a->x ? a->imm / 2 : a->imm;

    put(t, "{");
    for (unsigned i = 0; i < MIN(num, 32u); i++) {
        put(t, a->x ? "%sd%u" : "%ss%u", i ? ", " : "", first + i);
    }
    put(t, "}");
}

static void put_vsys(Text *t)
{
    static const char *const names[16] = {
        [0] = "fpsid", [1] = "fpscr", [6] = "mvfr1", [7] = "mvfr0", [8] = "fpexc",
        [9] = "fpinst", [10] = "fpinst2",
    };
    const char *name = names[t->a->rn];

    put(t, "%s", name ? name : "?");
}

/* -- All together ---------------------------------------------------------------------- */

static void (*const directives[128])(Text *) = {
    ['c'] = put_cond, ['S'] = put_s, ['d'] = put_rd, ['n'] = put_rn, ['m'] = put_rm,
    ['s'] = put_rs, ['a'] = put_ra, ['e'] = put_rd2, ['u'] = put_rm2, ['f'] = put_rd_or_flags,
    ['I'] = put_modified, ['i'] = put_imm, ['M'] = put_shifted, ['R'] = put_by_register,
    ['V'] = put_move_name, ['v'] = put_move_operands, ['T'] = put_shift_name,
    ['A'] = put_address_imm, ['Q'] = put_address_reg, ['C'] = put_address_coproc,
    ['b'] = put_block_mode, ['g'] = put_any_block_mode, ['w'] = put_write_back,
    ['L'] = put_list, ['B'] = put_target,
    ['h'] = put_half_m, ['H'] = put_half_s, ['X'] = put_x, ['Y'] = put_round, ['N'] = put_long,
    ['l'] = put_lsl, ['r'] = put_asr, ['t'] = put_rotation, ['x'] = put_sat_signed,
    ['Z'] = put_sat, ['P'] = put_psr, ['k'] = put_psr_mask, ['K'] = put_cps, ['E'] = put_endian,
    ['j'] = put_coproc, ['D'] = put_crd, ['F'] = put_crn, ['G'] = put_crm, ['o'] = put_opc1,
    ['q'] = put_opc2, ['z'] = put_precision, ['y'] = put_index, ['1'] = put_vd, ['2'] = put_vn,
    ['3'] = put_vm, ['4'] = put_sd, ['5'] = put_dd, ['6'] = put_sm, ['7'] = put_dm,
    ['8'] = put_vpair, ['9'] = put_vlist, ['0'] = put_vsys,
};

unsigned arm_disassemble(const ArmDecoder *d, uint32_t raw, bool thumb, uint32_t features,
                         uint32_t pc, char *buf, size_t len)
{
    ArmInsn a;
    const ArmRow *row = arm_decode(d, raw, thumb, features, &a);
    Text t = { .buf = buf, .len = len, .a = &a, .pc = pc, .thumb = thumb };

    for (const char *p = row ? row->syntax : "undefined"; *p; p++) {
        if (*p != '%') {
            put(&t, "%c", *p);
        } else {
            directives[(unsigned char)*++p](&t);
        }
    }
    return thumb ? 2 : 4;
}

void arm_disassemble_code(int mode, uint64_t addr, const uint8_t *code, size_t len,
                          void (*put_line)(void *opaque, size_t at, size_t size, const char *text),
                          void *opaque)
{
    ArmDecoder *d = arm_decoder_new();
    size_t size = mode ? 2 : 4;
    char text[160];

    for (size_t at = 0; at + size <= len; at += size) {
        arm_disassemble(d, (uint32_t)load_le(code + at, (unsigned)size), mode, ~0u,
                        (uint32_t)(addr + at), text, sizeof(text));
        put_line(opaque, at, size, text);
    }
    arm_decoder_free(d);
}
