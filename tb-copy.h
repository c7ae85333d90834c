/* SPDX-License-Identifier: MIT */
/*
 * What in host code depends on where it and its guest code are.
 *
 * The same page of a library is mapped at another address in each process, and
 * its blocks differ in little: the guest's pc, where the host code is, and the
 * address of the TranslationBlock.  When a block has been translated for two
 * addresses, the two are compared; if all they differ in are 32-bit words that
 * moved exactly by the difference of one of those three, a list of the words is
 * all it takes to copy the block to a third address.  A front end says which blocks
 * compute more with their pc than a sum (DisasRequest.bound): those are left out.
 *
 * Pure functions of their arguments; any thread.
 */
#ifndef TB_COPY_H
#define TB_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tcg/tcg.h"

/* What a word may have been computed from; MOVE_CODE is subtracted: the distance
 * to something outside. */
typedef enum Move { MOVE_PC, MOVE_CODE, MOVE_TB, NUM_MOVES } Move;

typedef struct Place { uint32_t at[NUM_MOVES]; } Place;    /* the low 32 bits */

/* `at` within the code. */
typedef struct MovedWord { uint32_t at : 24, move : 8; } MovedWord;

/*
 * Compare a, made for place pa, with b, for pb, both `size` bytes, but for the 4
 * bytes at each of skip[] (~0: none), which are patched.  The number of words
 * in list, or -1: they differ in another way, in more than max words, or it
 * cannot be told which of the three a word is.
 */
int find_moved_words(const uint8_t *a, const uint8_t *b, size_t size, const Place *pa,
                     const Place *pb, const uint32_t skip[TCG_SLOTS], MovedWord *list,
                     unsigned max);

/* code was made for `from`: now for `to`. */
void move_words(uint8_t *code, const MovedWord *list, unsigned num, const Place *from,
                const Place *to);

#endif
