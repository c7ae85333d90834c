/* SPDX-License-Identifier: MIT */
/*
 * Allocation that cannot fail: running out of memory aborts.  For sizes that
 * a guest or an image file chose, check against a limit first.
 * Free everything with free().
 */
#ifndef UTIL_MEM_H
#define UTIL_MEM_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xzalloc(size_t size);
void *xcalloc(size_t num, size_t size);
/* Zeroed, in huge pages of the host if it has them: for what is looked up at random
 * all the time.  All of it is resident. */
void *xzalloc_huge(size_t size);
void *xrealloc(void *p, size_t size);
void *xmemdup(const void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
