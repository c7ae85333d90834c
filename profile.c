/* SPDX-License-Identifier: MIT */
#include "profile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/bits.h"
#include "util/mem.h"
#include "util/out.h"

enum { MAX_COUNTS = 1024, SHOWN = 24 };

typedef struct CallCount {
    const TCGHelper *helper;            /* NULL: goto_ptr */
    uint64_t num;
} CallCount;

struct Profile {
    FILE *map;                          /* or NULL */
    unsigned num;
    CallCount count[MAX_COUNTS];        /* translated code has their addresses */
};

/* -- Names for perf ---------------------------------------------------------- */

/* Not through a link somebody else has put there. */
static FILE *open_map(Error *err)
{
    char path[64];

    snprintf(path, sizeof(path), "/tmp/perf-%ld.map", (long)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

    if (!f) {
        error_set(err, errno, "-perfmap: cannot write %s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    setvbuf(f, NULL, _IOLBF, 0);        /* whatever becomes of us */
    return f;
}

void profile_block(Profile *p, const uint8_t *code, size_t size, uint32_t addr)
{
    if (p->map) {
        fprintf(p->map, "%" PRIxPTR " %zx guest 0x%08" PRIx32 "\n", (uintptr_t)code, size, addr);
    }
}

/* -- Calls ------------------------------------------------------------------- */

static void helper_count(uint64_t *num)
{
    ++*num;
}

static const TCGHelper h_count = { "count", (void (*)(void))helper_count,
                                   TCG_CALL_NO_GLOBALS, "vl" };

/* NULL: there is no room. */
static CallCount *find_count(Profile *p, const TCGHelper *h)
{
    for (unsigned i = 0; i < p->num; i++) {
        if (p->count[i].helper == h) {
            return &p->count[i];
        }
    }
    if (p->num == MAX_COUNTS) {
        return NULL;
    }
    p->count[p->num].helper = h;
    return &p->count[p->num++];
}

void profile_call(Profile *p, TCGContext *s, const TCGHelper *h)
{
    CallCount *c = h == &h_count ? NULL : find_count(p, h);

    if (c) {
        tcg_call(s, &h_count, tcg_const64(s, (uintptr_t)&c->num));
    }
}

static int by_number(const void *a, const void *b)
{
    const CallCount *x = a, *y = b;

    return (x->num < y->num) - (x->num > y->num);
}

void profile_dump(const Profile *p, void (*put)(void *, const char *), void *opaque)
{
    Out o = { put, opaque };
    CallCount *sorted = xmalloc((p->num + 1) * sizeof(*sorted));

    memcpy(sorted, p->count, p->num * sizeof(*sorted));
    qsort(sorted, p->num, sizeof(*sorted), by_number);
    for (unsigned i = 0; i < MIN(p->num, (unsigned)SHOWN) && sorted[i].num; i++) {
        out_printf(&o, "%-18s %-20s %" PRIu64 "\n", i ? "" : "calls",
                   sorted[i].helper ? sorted[i].helper->name : "(indirect jumps)", sorted[i].num);
    }
    free(sorted);
}

/* -- Life -------------------------------------------------------------------- */

Profile *profile_new(bool perfmap, Error *err)
{
    FILE *map = perfmap ? open_map(err) : NULL;

    if (perfmap && !map) {
        return NULL;
    }
    Profile *p = xzalloc(sizeof(*p));

    p->map = map;
    return p;
}

void profile_free(Profile *p)
{
    if (p && p->map) {
        fclose(p->map);
    }
    free(p);
}
