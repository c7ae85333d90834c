/* SPDX-License-Identifier: MIT */
/* Words that move with a block, tb-copy.h: found by comparing, mended, refused. */
#include "tb-copy.h"
#include "tests/test.h"
#include "util/bits.h"

enum { SIZE = 32, MAX = 4 };

static const uint32_t no_skip[TCG_SLOTS] = { ~0u, ~0u, ~0u, ~0u };
static const Place here = { { 0xb7e12340, 0x55001000, 0x11000 } };
static const Place there = { { 0xb7f45340, 0x55002000, 0x110a8 } };
static const Place third = { { 0xb7a01340, 0x5500a000, 0x10f00 } };

/* A word of each kind, and one that stays. */
static void make(uint8_t *code, const Place *p)
{
    memset(code, 0x90, SIZE);
    store_le(code + 1, p->at[MOVE_PC] + 0x15, 4);
    store_le(code + 6, 0x40000000 - p->at[MOVE_CODE], 4);
    store_le(code + 10, p->at[MOVE_TB] | 2, 4);
    store_le(code + 20, 0xb7e12355, 4);
}

static int find(const uint8_t *a, const uint8_t *b, const uint32_t skip[TCG_SLOTS], MovedWord *list)
{
    return find_moved_words(a, b, SIZE, &here, &there, skip, list, MAX);
}

TEST(each_kind_is_found_and_moved)
{
    uint8_t a[SIZE], b[SIZE], c[SIZE];
    MovedWord list[MAX];

    make(a, &here);
    make(b, &there);
    make(c, &third);
    CHECK_EQ((unsigned)find(a, b, no_skip, list), 3);
    CHECK(list[0].at == 1 && list[0].move == MOVE_PC);
    CHECK(list[1].at == 6 && list[1].move == MOVE_CODE);
    CHECK(list[2].at == 10 && list[2].move == MOVE_TB);
    move_words(a, list, 3, &here, &third);
    CHECK(!memcmp(a, c, SIZE));
}

TEST(what_is_patched_does_not_count)
{
    uint8_t a[SIZE], b[SIZE];
    MovedWord list[MAX];

    make(a, &here);
    make(b, &there);
    store_le(a + 26, 0x12345678, 4);
    CHECK_EQ((unsigned)find(a, b, no_skip, list), -1u);
    CHECK_EQ((unsigned)find(a, b, (const uint32_t[TCG_SLOTS]){ ~0u, ~0u, 26, ~0u }, list), 3);
}

/* Half a pc, a pc shifted, a changed opcode, too many words. */
TEST(anything_else_is_refused)
{
    uint8_t a[SIZE], b[SIZE];
    MovedWord list[MAX];

    make(a, &here);
    make(b, &there);
    store_le(a + 15, here.at[MOVE_PC], 2);
    store_le(b + 15, there.at[MOVE_PC], 2);
    CHECK_EQ((unsigned)find(a, b, no_skip, list), -1u);
    make(a, &here);
    make(b, &there);
    store_le(a + 15, here.at[MOVE_PC] >> 12, 4);
    store_le(b + 15, there.at[MOVE_PC] >> 12, 4);
    CHECK_EQ((unsigned)find(a, b, no_skip, list), -1u);
    make(b, &there);
    make(a, &here);
    b[SIZE - 1] ^= 1;
    CHECK_EQ((unsigned)find(a, b, no_skip, list), -1u);
    make(b, &there);
    CHECK_EQ((unsigned)find_moved_words(a, b, SIZE, &here, &there, no_skip, list, 2), -1u);
}

/* The block has moved as far as its pc: which of them is it? */
TEST(two_explanations_are_none)
{
    Place p = there;
    uint8_t a[SIZE], b[SIZE];
    MovedWord list[MAX];

    p.at[MOVE_TB] = here.at[MOVE_TB] + (there.at[MOVE_PC] - here.at[MOVE_PC]);
    make(a, &here);
    make(b, &p);
    CHECK_EQ((unsigned)find_moved_words(a, b, SIZE, &here, &p, no_skip, list, MAX), -1u);
}
