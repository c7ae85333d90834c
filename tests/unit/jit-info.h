/* SPDX-License-Identifier: MIT */
/* The counters of info jit, read from its text. */
#ifndef TESTS_UNIT_JIT_INFO_H
#define TESTS_UNIT_JIT_INFO_H

#include <stdlib.h>
#include <string.h>

#include "cpus.h"
#include "tests/test.h"

typedef struct Text { char s[8192]; size_t len; } Text;

static inline void collect(void *opaque, const char *s)
{
    Text *t = opaque;
    size_t n = strlen(s);

    if (t->len + n < sizeof(t->s)) {
        memcpy(t->s + t->len, s, n + 1);
        t->len += n;
    }
}

/* The number behind `name`; a check fails if the name is not there. */
static inline uint64_t jit_value(CPUs *cpus, const char *name)
{
    Text t = { .len = 0 };

    cpus_dump_jit(cpus, collect, &t);
    const char *p = strstr(t.s, name);

    CHECK(p != NULL);
    return p ? strtoull(p + strlen(name), NULL, 10) : 0;
}

#endif
