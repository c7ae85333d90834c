/* SPDX-License-Identifier: MIT */
#include "util/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20 };

static void *checked(void *p, size_t size)
{
    if (!p && size) {
        fprintf(stderr, "out of memory (%zu bytes)\n", size);
        abort();
    }
    return p;
}

void *xmalloc(size_t size) { return checked(malloc(size), size); }
void *xzalloc(size_t size) { return checked(calloc(1, size), size); }
void *xcalloc(size_t num, size_t size) { return checked(calloc(num, size), num); }
void *xrealloc(void *p, size_t size) { return checked(realloc(p, size), size); }
char *xstrdup(const char *s) { return checked(strdup(s), 1); }
char *xstrndup(const char *s, size_t n) { return checked(strndup(s, n), 1); }

void *xzalloc_huge(size_t size)
{
    size_t all = (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *p = checked(aligned_alloc(HUGE_PAGE, all), all);

    madvise(p, all, MADV_HUGEPAGE);
    return memset(p, 0, all);
}

void *xmemdup(const void *p, size_t size)
{
    return memcpy(xmalloc(size), p, size);
}

char *xasprintf(const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    int len = vasprintf(&s, fmt, ap);
    va_end(ap);
    return checked(len < 0 ? NULL : s, 1);
}
