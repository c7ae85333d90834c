/* SPDX-License-Identifier: MIT */
/*
 * Look-up of instructions in the rows of a32.def, vfp.def and t16.def.
 *
 *   word <27:20|7:4> --> candidates, those with most fixed bits first --> row
 *   halfword <15:6>  -->
 *
 * The strings are compiled once: to a mask and a value, and to the pieces of
 * its fields.  Few slots have more than two candidates.
 */
#include "target-arm/decode.h"

#include <assert.h>
#include <stdlib.h>

#include "target-arm/cpu.h"
#include "target-arm/gen-vfp.h"
#include "target-arm/gen.h"
#include "util/bits.h"
#include "util/mem.h"

const ArmRow arm_a32_rows[] = {
#define A32(pattern, handler, op, needs, section, syntax) \
    { pattern, NULL, trans_##handler, op, needs, section, syntax },
#include "target-arm/a32.def"
#include "target-arm/vfp.def"
#undef A32
};

const ArmRow arm_t16_rows[] = {
#define T16(pattern, fixed, handler, op, needs, section, syntax) \
    { pattern, fixed, trans_##handler, op, needs, section, syntax },
#include "target-arm/t16.def"
#undef T16
};

const unsigned arm_num_a32_rows = ARRAY_SIZE(arm_a32_rows);
const unsigned arm_num_t16_rows = ARRAY_SIZE(arm_t16_rows);

enum { MAX_PIECES = 14, MAX_FIXED = 6, A32_SLOTS = 4096, T16_SLOTS = 1024 };

typedef enum Space { SPACE_COND, SPACE_1111, SPACE_T16, NUM_SPACES } Space;

typedef struct Piece { uint8_t field, shift, width; } Piece;

/* field = value, or field *= value, or field = another one */
typedef struct Fixed {
    uint8_t field;
    char how;                           /* '=' '*' or 'f' */
    uint32_t value;
} Fixed;

typedef struct Compiled {
    const ArmRow *row;
    uint32_t mask, value;
    bool has_cond;
    uint8_t num_pieces, num_fixed;
    Piece piece[MAX_PIECES];
    Fixed fixed[MAX_FIXED];
} Compiled;

struct ArmDecoder {
    Compiled *rows;
    unsigned num_rows;
    uint32_t first[NUM_SPACES][A32_SLOTS + 1];      /* in list */
    uint16_t *list[NUM_SPACES];
};

/* Index of a field in ArmInsn, counting from cond. */
static unsigned field_of(char letter)
{
#define AT(member) ((offsetof(ArmInsn, member) - offsetof(ArmInsn, cond)) / sizeof(uint32_t))
    switch (letter) {
    case 'c': return AT(cond);
    case 'n': return AT(rn);
    case 'd': return AT(rd);
    case 'm': return AT(rm);
    case 's': return AT(rs);
    case 'a': return AT(ra);
    case 'i': return AT(imm);
    case 'r': return AT(rot);
    case 't': return AT(type);
    case 'l': return AT(list);
    case 'S': return AT(s);
    case 'P': return AT(p);
    case 'U': return AT(u);
    case 'W': return AT(w);
    case 'X': return AT(x);
    case 'Y': return AT(y);
    case 'p': return AT(coproc);
    case 'o': return AT(opc1);
    case 'q': return AT(opc2);
    case 'k': return AT(mask);
    case 'D': return AT(dhi);
    case 'N': return AT(nhi);
    case 'M': return AT(mhi);
    }
#undef AT
    assert(!"a letter that decode.h does not have");
    return 0;
}

/* -- Patterns ---------------------------------------------------------------- */

static unsigned row_width(const ArmRow *row)
{
    return row->fixed ? 16 : 32;
}

static uint32_t bits_that(const ArmRow *row, bool (*match)(char c, char letter), char letter)
{
    unsigned bit = row_width(row);
    uint32_t found = 0;

    for (const char *p = row->pattern; *p; p++) {
        if (*p != ' ') {
            assert(bit > 0);
            found |= (uint32_t)match(*p, letter) << --bit;
        }
    }
    assert(bit == 0);                   /* the diagram has all its bits */
    return found;
}

static bool is(char c, char letter)
{
    return c == letter;
}

static bool is_fixed(char c, char letter)
{
    (void)letter;
    return c == '0' || c == '1';
}

void arm_row_bits(const ArmRow *row, uint32_t *mask, uint32_t *value)
{
    *mask = bits_that(row, is_fixed, 0);
    *value = bits_that(row, is, '1');
}

uint32_t arm_row_field(const ArmRow *row, char letter)
{
    return bits_that(row, is, letter);
}

bool arm_row_is_cond(const ArmRow *row)
{
    return !row->fixed && arm_row_field(row, 'c');
}

/* -- Compiling --------------------------------------------------------------- */

static void compile_pattern(Compiled *c)
{
    unsigned bit = row_width(c->row);
    char last = 0;

    for (const char *p = c->row->pattern; *p; p++) {
        if (*p == ' ') {
            continue;
        }
        bit--;
        if (*p != '0' && *p != '1' && *p != '-') {
            if (*p != last) {
                assert(c->num_pieces < MAX_PIECES);
                c->piece[c->num_pieces++].field = (uint8_t)field_of(*p);
            }
            c->piece[c->num_pieces - 1].shift = (uint8_t)bit;
            c->piece[c->num_pieces - 1].width++;
        }
        last = *p;
    }
}

/* "S=1 n=d i*4" */
static void compile_fixed(Compiled *c)
{
    const char *p = c->row->fixed;

    while (p && *p) {
        assert(c->num_fixed < MAX_FIXED);
        Fixed *f = &c->fixed[c->num_fixed++];

        f->field = (uint8_t)field_of(p[0]);
        f->how = p[1];
        p += 2;
        if (*p >= '0' && *p <= '9') {
            char *end;

            f->value = (uint32_t)strtoul(p, &end, 10);
            p = end;
        } else {
            f->how = 'f';
            f->value = field_of(*p++);
        }
        p += *p == ' ';
    }
}

static Compiled compile(const ArmRow *row)
{
    Compiled c = { .row = row, .has_cond = arm_row_field(row, 'c') };

    arm_row_bits(row, &c.mask, &c.value);
    compile_pattern(&c);
    compile_fixed(&c);
    return c;
}

/* -- The index --------------------------------------------------------------- */

static Space space_of(const ArmRow *row)
{
    return row->fixed ? SPACE_T16 : arm_row_is_cond(row) ? SPACE_COND : SPACE_1111;
}

static unsigned slot_of(uint32_t raw, Space space)
{
    return space == SPACE_T16 ? raw >> 6 & (T16_SLOTS - 1)
                              : (raw >> 16 & 0xff0) | (raw >> 4 & 15);
}

static unsigned num_slots(Space space)
{
    return space == SPACE_T16 ? T16_SLOTS : A32_SLOTS;
}

/*
 * Of each slot whose bits agree with the row's, count it in at[slot], or put it
 * into list there.  Slots are run through by counting in the free bits.
 */
static void enter(const ArmDecoder *t, unsigned row, uint32_t *at, uint16_t *list)
{
    const Compiled *c = &t->rows[row];
    Space space = space_of(c->row);
    unsigned free = ~slot_of(c->mask, space) & (num_slots(space) - 1);
    unsigned base = slot_of(c->value, space), sub = 0;

    do {
        uint32_t *n = &at[base | sub];

        if (list) {
            list[*n] = (uint16_t)row;
        }
        ++*n;
        sub = (sub - free) & free;
    } while (sub);
}

static void index_space(ArmDecoder *t, Space space)
{
    unsigned slots = num_slots(space), total = 0;
    uint32_t *at = xcalloc(slots, sizeof(*at));

    for (unsigned i = 0; i < t->num_rows; i++) {
        if (space_of(t->rows[i].row) == space) {
            enter(t, i, at, NULL);
        }
    }
    for (unsigned i = 0; i < slots; i++) {
        unsigned n = at[i];

        t->first[space][i] = at[i] = total;
        total += n;
    }
    t->first[space][slots] = total;
    t->list[space] = xcalloc(total, sizeof(uint16_t));
    for (unsigned i = 0; i < t->num_rows; i++) {
        if (space_of(t->rows[i].row) == space) {
            enter(t, i, at, t->list[space]);
        }
    }
    free(at);
}

static int more_fixed_bits(const void *a, const void *b)
{
    const Compiled *x = a, *y = b;

    return __builtin_popcount(y->mask) - __builtin_popcount(x->mask);
}

ArmDecoder *arm_decoder_new(void)
{
    ArmDecoder *t = xcalloc(1, sizeof(*t));

    t->num_rows = arm_num_a32_rows + arm_num_t16_rows;
    t->rows = xcalloc(t->num_rows, sizeof(*t->rows));
    for (unsigned i = 0; i < arm_num_a32_rows; i++) {
        t->rows[i] = compile(&arm_a32_rows[i]);
    }
    for (unsigned i = 0; i < arm_num_t16_rows; i++) {
        t->rows[arm_num_a32_rows + i] = compile(&arm_t16_rows[i]);
    }
    qsort(t->rows, t->num_rows, sizeof(*t->rows), more_fixed_bits);
    for (unsigned i = 0; i < NUM_SPACES; i++) {
        index_space(t, (Space)i);
    }
    return t;
}

void arm_decoder_free(ArmDecoder *t)
{
    if (t) {
        for (unsigned i = 0; i < NUM_SPACES; i++) {
            free(t->list[i]);
        }
        free(t->rows);
        free(t);
    }
}

/* -- Decoding ---------------------------------------------------------------- */

static const Compiled *find(const ArmDecoder *t, uint32_t raw, Space space)
{
    unsigned slot = slot_of(raw, space);
    const uint16_t *p = t->list[space] + t->first[space][slot];
    const uint16_t *end = t->list[space] + t->first[space][slot + 1];

    for (; p < end; p++) {
        const Compiled *c = &t->rows[*p];

        if ((raw & c->mask) == c->value) {
            return c;
        }
    }
    return NULL;
}

static void fill_in(const Compiled *c, uint32_t raw, uint32_t *field)
{
    for (const Piece *p = c->piece; p < c->piece + c->num_pieces; p++) {
        uint32_t mask = (1u << p->width) - 1;

        field[p->field] = field[p->field] << p->width | (raw >> p->shift & mask);
    }
    for (const Fixed *f = c->fixed; f < c->fixed + c->num_fixed; f++) {
        uint32_t *to = &field[f->field];

        *to = f->how == '*' ? *to * f->value : f->how == 'f' ? field[f->value] : f->value;
    }
}

const ArmRow *arm_decode(const ArmDecoder *t, uint32_t raw, bool thumb, uint32_t features,
                         ArmInsn *insn)
{
    Space space = thumb ? SPACE_T16 : raw >> 28 == 15 ? SPACE_1111 : SPACE_COND;
    const Compiled *c = find(t, raw, space);

    *insn = (ArmInsn){ .raw = raw };
    if (!c || (c->row->needs & ~features)) {
        insn->cond = space == SPACE_COND ? raw >> 28 : 14;
        return NULL;
    }
    insn->row = c->row;
    fill_in(c, raw, &insn->cond);
    if (!c->has_cond) {
        insn->cond = 14;
    }
    return c->row;
}
