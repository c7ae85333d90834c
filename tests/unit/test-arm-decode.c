/* SPDX-License-Identifier: MIT */
/*
 * The decode tables of ARM: every encoding has one meaning, and it is the one
 * capstone finds, too.
 */
#include "tests/test.h"

#include <ctype.h>
#include <stdlib.h>

#include "target-arm/cpu.h"
#include "target-arm/decode.h"

#ifdef CONFIG_CAPSTONE
#include <capstone/capstone.h>
#endif

typedef struct Table { const ArmRow *rows; unsigned num; bool thumb; } Table;

static Table table(bool thumb)
{
    return thumb ? (Table){ arm_t16_rows, arm_num_t16_rows, true }
                 : (Table){ arm_a32_rows, arm_num_a32_rows, false };
}

static uint64_t seed = 1;

static uint32_t random32(void)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(seed >> 32);
}

/* -- No ambiguity ------------------------------------------------------------ */

/* A condition of 1111 is not one of a row with a condition. */
static bool overlap(const ArmRow *a, const ArmRow *b)
{
    uint32_t ma, va, mb, vb;

    arm_row_bits(a, &ma, &va);
    arm_row_bits(b, &mb, &vb);
    return ((va ^ vb) & ma & mb) == 0 && arm_row_is_cond(a) == arm_row_is_cond(b);
}

static unsigned fixed_bits(const ArmRow *a)
{
    uint32_t m, v;

    arm_row_bits(a, &m, &v);
    return (unsigned)__builtin_popcount(m);
}

static void check_no_tie(Table t)
{
    for (unsigned i = 0; i < t.num; i++) {
        for (unsigned j = 0; j < i; j++) {
            const ArmRow *a = &t.rows[i], *b = &t.rows[j];
            bool tie = overlap(a, b) && fixed_bits(a) == fixed_bits(b);

            CHECK(!tie);
            if (tie) {
                printf("# %s\n# %s\n", a->pattern, b->pattern);
            }
        }
    }
}

/*
 * "Most fixed bits wins" must mean: the special case wins.  Where two rows
 * overlap, one is a special case of the other, or the common part has a row of
 * its own that beats both.
 */
static bool inside(const ArmRow *special, uint32_t mask, uint32_t value)
{
    uint32_t m, v;

    arm_row_bits(special, &m, &v);
    return (m & ~mask) == 0 && ((v ^ value) & m) == 0;
}

static bool nested(const ArmRow *a, const ArmRow *b)
{
    uint32_t ma, va, mb, vb;

    arm_row_bits(a, &ma, &va);
    arm_row_bits(b, &mb, &vb);
    return (ma & mb) == ma || (ma & mb) == mb;
}

static bool has_own_row(Table t, const ArmRow *a, const ArmRow *b)
{
    uint32_t ma, va, mb, vb;

    arm_row_bits(a, &ma, &va);
    arm_row_bits(b, &mb, &vb);
    for (unsigned i = 0; i < t.num; i++) {
        const ArmRow *r = &t.rows[i];

        if (r != a && r != b && arm_row_is_cond(r) == arm_row_is_cond(a) &&
            inside(r, ma | mb, va | vb) && fixed_bits(r) > fixed_bits(a) &&
            fixed_bits(r) > fixed_bits(b)) {
            return true;
        }
    }
    return false;
}

static void check_nested(Table t)
{
    for (unsigned i = 0; i < t.num; i++) {
        for (unsigned j = 0; j < i; j++) {
            const ArmRow *a = &t.rows[i], *b = &t.rows[j];
            bool good = !overlap(a, b) || nested(a, b) || has_own_row(t, a, b);

            CHECK(good);
            if (!good) {
                printf("# neither is a case of the other: %s\n# %s\n", a->pattern, b->pattern);
            }
        }
    }
}

TEST(no_two_rows_tie)
{
    check_no_tie(table(false));
    check_no_tie(table(true));
}

TEST(rows_that_overlap_are_nested)
{
    check_nested(table(false));
    check_nested(table(true));
}

/* -- Look-up ----------------------------------------------------------------- */

/* The row by definition: of all that match, that with most fixed bits. */
static const ArmRow *slow_decode(Table t, uint32_t raw)
{
    const ArmRow *best = NULL;

    for (unsigned i = 0; i < t.num; i++) {
        const ArmRow *r = &t.rows[i];
        uint32_t m, v;

        arm_row_bits(r, &m, &v);
        if ((raw & m) == v && (t.thumb || arm_row_is_cond(r) == (raw >> 28 != 15)) &&
            (!best || fixed_bits(r) > fixed_bits(best))) {
            best = r;
        }
    }
    return best;
}

/* An instruction of this row, other bits at random. */
static uint32_t random_insn(const ArmRow *r)
{
    uint32_t m, v, raw;

    arm_row_bits(r, &m, &v);
    do {
        raw = (random32() & ~m) | v;
    } while (arm_row_is_cond(r) && raw >> 28 == 15);
    return r->fixed ? raw & 0xffff : raw;
}

static void check_look_up(ArmDecoder *d, Table t)
{
    for (unsigned i = 0; i < t.num; i++) {
        for (unsigned n = 0; n < 50; n++) {
            uint32_t raw = random_insn(&t.rows[i]);
            ArmInsn a;

            CHECK(arm_decode(d, raw, t.thumb, ~0u, &a) == slow_decode(t, raw));
        }
    }
    for (unsigned n = 0; n < 20000; n++) {
        uint32_t raw = t.thumb ? n & 0xffff : random32();
        ArmInsn a;

        CHECK(arm_decode(d, raw, t.thumb, ~0u, &a) == slow_decode(t, raw));
    }
}

TEST(look_up_finds_what_a_search_finds)
{
    ArmDecoder *d = arm_decoder_new();

    check_look_up(d, table(false));
    check_look_up(d, table(true));
    arm_decoder_free(d);
}

/* Every row can be reached, with the model that has all. */
TEST(every_row_is_found)
{
    ArmDecoder *d = arm_decoder_new();

    for (int thumb = 0; thumb < 2; thumb++) {
        Table t = table(thumb);

        for (unsigned i = 0; i < t.num; i++) {
            bool found = false;

            for (unsigned n = 0; n < 200 && !found; n++) {
                ArmInsn a;

                found = arm_decode(d, random_insn(&t.rows[i]), thumb, ~0u, &a) == &t.rows[i];
            }
            CHECK(found);
            if (!found) {
                printf("# never: %s\n", t.rows[i].pattern);
            }
        }
    }
    arm_decoder_free(d);
}

TEST(what_a_model_lacks_is_undefined)
{
    ArmDecoder *d = arm_decoder_new();
    ArmInsn a;

    CHECK(!arm_decode(d, 0xe16f0f11, false, ARM_V4T, &a));              /* CLZ: v5 */
    CHECK(arm_decode(d, 0xe16f0f11, false, ARM_V4T | ARM_V5, &a) != NULL);
    CHECK(!arm_decode(d, 0xfa000000, false, ARM_V4T, &a));              /* BLX: v5 */
    CHECK_EQ(a.cond, 14);
    CHECK(!arm_decode(d, 0x06bf0f31, false, ARM_V4T | ARM_V5 | ARM_V5TE, &a));  /* REV: v6 */
    CHECK_EQ(a.cond, 0);
    arm_decoder_free(d);
}

TEST(fields)
{
    ArmDecoder *d = arm_decoder_new();
    ArmInsn a;

    arm_decode(d, 0xe0921463, false, ~0u, &a);          /* adds r1, r2, r3, ror #8 */
    CHECK_EQ(a.rd, 1);
    CHECK_EQ(a.rn, 2);
    CHECK_EQ(a.rm, 3);
    CHECK_EQ(a.s, 1);
    CHECK_EQ(a.type, 3);
    CHECK_EQ(a.imm, 8);
    CHECK_EQ(a.row->op, OP_ADD);
    arm_decode(d, 0x11d210b7 | 5 << 8, false, ~0u, &a); /* ldrhne r1, [r2, #0x57] */
    CHECK_EQ(a.imm, 0x57);
    CHECK_EQ(a.cond, 1);
    arm_decode(d, 0x44a1, true, ~0u, &a);               /* add r9, r4 */
    CHECK_EQ(a.rd, 9);
    CHECK_EQ(a.rn, 9);
    CHECK_EQ(a.rm, 4);
    CHECK_EQ(a.s, 0);
    CHECK_EQ(a.cond, 14);
    arm_decode(d, 0x6849, true, ~0u, &a);               /* ldr r1, [r1, #4] */
    CHECK_EQ(a.imm, 4);
    CHECK_EQ(a.p, 1);
    CHECK_EQ(a.row->op, OP_LDR);
    arm_decoder_free(d);
}

/* -- The disassembler -------------------------------------------------------- */

TEST(disassembly)
{
    static const struct { uint32_t raw; bool thumb; const char *text; } cases[] = {
        { 0xe0921463, false, "adds r1, r2, r3, ror #8" },
        { 0x03a00c01, false, "moveq r0, #0x100" },
        { 0xe1b00061, false, "rrxs r0, r1" },
        { 0xe7910102, false, "ldr r0, [r1, r2, lsl #2]" },
        { 0xe4110008, false, "ldr r0, [r1], #-8" },
        { 0xe92d4003, false, "stmdb sp!, {r0, r1, lr}" },
        { 0xebfffffe, false, "bl #0x8000" },
        { 0xee070f9a, false, "mcr p15, #0, r0, c7, c10, #4" },
        { 0xf57ff01f, false, "clrex" },
        { 0xe6ffffff, false, "undefined" },
        { 0x1888, true, "adds r0, r1, r2" },
        { 0xbd01, true, "pop {r0, pc}" },
        { 0xd0fe, true, "beq #0x8000" },
    };
    ArmDecoder *d = arm_decoder_new();
    char buf[128];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned len = arm_disassemble(d, cases[i].raw, cases[i].thumb, ~0u, 0x8000, buf,
                                       sizeof(buf));

        CHECK_EQ(len, cases[i].thumb ? 2 : 4);
        CHECK_STR(buf, cases[i].text);
    }
    arm_decoder_free(d);
}

static void collect(void *opaque, size_t at, size_t size, const char *text)
{
    char *to = opaque;

    sprintf(to + strlen(to), "%zu+%zu %s\n", at, size, text);
}

/* What does not make a whole instruction at the end is left out. */
TEST(disassembly_of_a_block)
{
    static const uint8_t code[] = { 0x01, 0xbd, 0xfe, 0xd0, 0x88 };
    char text[200] = "";

    arm_disassemble_code(16, 0x8000, code, sizeof(code), collect, text);
    CHECK_STR(text, "0+2 pop {r0, pc}\n2+2 beq #0x8002\n");
}

#ifdef CONFIG_CAPSTONE
/* Without blanks, and with numbers in one notation. */
static void squeeze(const char *in, char *out)
{
    while (*in) {
        if (*in == ' ' || *in == '{' || *in == '}') {
            in++;
        } else if (*in == '#') {
            char *end;
            long long n = strtoll(in + 1, &end, 0);

            out += sprintf(out, "#%x", (unsigned)n);
            in = end + (strncmp(end, ".0", 2) ? 0 : 2);
        } else {
            *out++ = (char)tolower(*in++);
        }
    }
    *out = '\0';
}

/* Where capstone writes otherwise, or refuses what is merely unpredictable. */
static bool same_text(const char *ours, const char *theirs)
{
    char a[160], b[160];

    squeeze(ours, a);
    squeeze(theirs, b);
    return !strcmp(a, b);
}

/*
 * Of each row, instructions with registers that are not PC.  Most must come out
 * the same, to the letter; the rest are differences in spelling (aliases,
 * APSR), so what is checked is the share of each row.
 */
static void compare_row(csh cs, ArmDecoder *d, const ArmRow *r, bool thumb)
{
    unsigned same = 0, all = 0;
    char ours[128], theirs[200] = "", last[330] = "";

    for (unsigned n = 0; n < 300; n++) {
        uint32_t raw = random_insn(r);
        cs_insn *insn;
        ArmInsn a;

        if (arm_decode(d, raw, thumb, ~0u, &a) != r ||
            cs_disasm(cs, (const uint8_t *)&raw, thumb ? 2 : 4, 0x8000, 1, &insn) != 1) {
            continue;
        }
        all++;
        arm_disassemble(d, raw, thumb, ~0u, 0x8000, ours, sizeof(ours));
        snprintf(theirs, sizeof(theirs), "%s %s", insn->mnemonic, insn->op_str);
        if (same_text(ours, theirs)) {
            same++;
        } else {
            snprintf(last, sizeof(last), "%s / %s", ours, theirs);
        }
        cs_free(insn, 1);
    }
    bool good = same * 3 >= all || all == 0;

    CHECK(good);
    if (!good) {
        printf("# %s: %u of %u as capstone; %s\n", r->pattern, same, all, last);
    }
}

/* Spelled differently always: halves of BL, APSR instead of CPSR, CPS ... */
static bool spelled_otherwise(const ArmRow *r)
{
    static const char *const words[] = {
        "bl.", "blx.", "mrs", "msr", "vmrs", "vmsr", "nop", "adr", "udf", "srs", "stc", "ldc",
        "vldm", "vstm", "rfe",
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!strncmp(r->syntax, words[i], strlen(words[i]))) {
            return true;
        }
    }
    return false;
}

static void compare_table(Table t)
{
    ArmDecoder *d = arm_decoder_new();
    csh cs;

    if (cs_open(CS_ARCH_ARM, t.thumb ? CS_MODE_THUMB : CS_MODE_ARM, &cs) != CS_ERR_OK) {
        TEST_SKIP("capstone without ARM");
    }
    cs_option(cs, CS_OPT_SYNTAX, CS_OPT_SYNTAX_NOREGNAME);
    for (unsigned i = 0; i < t.num; i++) {
        if (!spelled_otherwise(&t.rows[i])) {
            compare_row(cs, d, &t.rows[i], t.thumb);
        }
    }
    cs_close(&cs);
    arm_decoder_free(d);
}

TEST(a32_as_capstone_says)
{
    compare_table(table(false));
}

TEST(t16_as_capstone_says)
{
    compare_table(table(true));
}
#endif
