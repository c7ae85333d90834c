/* SPDX-License-Identifier: MIT */
/*
 * Moved words: found by comparing two copies.
 *
 * A byte that differs is in a word that begins there or up to three bytes before
 * it, as the low bytes of a difference may be zero.  Each of the four, and each of
 * the three things it can depend on, is tried; exactly one has to fit.
 */
#include "tb-copy.h"

#include "util/bits.h"

static uint32_t shift_of(Move move, const Place *from, const Place *to)
{
    uint32_t d = to->at[move] - from->at[move];

    return move == MOVE_CODE ? -d : d;
}

/* The word that covers the different byte i and begins at low or behind it. */
static bool find_word(const uint8_t *a, const uint8_t *b, size_t size, size_t low, size_t i,
                      const Place *pa, const Place *pb, MovedWord *found)
{
    unsigned fits = 0;

    for (size_t at = i > low + 3 ? i - 3 : low; at <= i && at + 4 <= size; at++) {
        uint32_t d = (uint32_t)(load_le(b + at, 4) - load_le(a + at, 4));

        for (unsigned m = 0; m < NUM_MOVES; m++) {
            if (d == shift_of((Move)m, pa, pb)) {
                *found = (MovedWord){ .at = (uint32_t)at & 0xffffff, .move = (uint8_t)m };
                fits++;
            }
        }
    }
    return fits == 1;
}

static bool is_skipped(const uint32_t skip[TCG_SLOTS], size_t i)
{
    for (unsigned n = 0; n < TCG_SLOTS; n++) {
        if (skip[n] == i) {
            return true;
        }
    }
    return false;
}

int find_moved_words(const uint8_t *a, const uint8_t *b, size_t size, const Place *pa,
                     const Place *pb, const uint32_t skip[TCG_SLOTS], MovedWord *list,
                     unsigned max)
{
    unsigned num = 0;
    size_t low = 0;                     /* behind the last word */

    if (size >= 1 << 24) {
        return -1;
    }
    for (size_t i = 0; i < size;) {
        if (is_skipped(skip, i)) {
            low = i += 4;
        } else if (a[i] == b[i]) {
            i++;
        } else if (num < max && find_word(a, b, size, low, i, pa, pb, &list[num])) {
            low = i = list[num++].at + 4;
        } else {
            return -1;
        }
    }
    return (int)num;
}

void move_words(uint8_t *code, const MovedWord *list, unsigned num, const Place *from,
                const Place *to)
{
    for (unsigned i = 0; i < num; i++) {
        uint8_t *p = code + list[i].at;

        store_le(p, load_le(p, 4) + shift_of((Move)list[i].move, from, to), 4);
    }
}
