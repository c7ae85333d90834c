/* SPDX-License-Identifier: MIT */
/*
 * Fresh memory made ready before it is needed.
 *
 * The kernel clears a page when it is touched first, which for a huge page takes a
 * millisecond, or several in a virtual machine.  Who fills a large mapping in order says
 * how far it has come; a thread touches the next huge page meanwhile.  Nobody waits for
 * it: memory that it has not come to is touched by who fills it, as ever.
 *
 * Threads: one at a time for each Ahead.
 */
#ifndef SYS_AHEAD_H
#define SYS_AHEAD_H

#include <stdint.h>

typedef struct Ahead Ahead;

/* The thread begins with the first page. */
Ahead *ahead_new(void);
/* No memory is touched any more when it returns.  NULL is fine. */
void ahead_free(Ahead *a);

/*
 * What ends at `end` is filled as far as `at`, upwards or, if `end` is below, downwards.
 * *asked, 0 at first, remembers for which page the thread was asked.  The mapping stays
 * until ahead_free().
 */
void ahead_of(Ahead *a, uintptr_t *asked, const void *at, const void *end);

#endif
