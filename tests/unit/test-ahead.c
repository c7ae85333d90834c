/* SPDX-License-Identifier: MIT */
/* sys/ahead.h: of a mapping that is filled in order, the next huge page is there soon, and
 * nothing else; what is written there meanwhile stays. */
#include "sys/ahead.h"

#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "tests/test.h"

enum { HUGE_PAGE = 2 << 20, PAGE = 4096, SIZE = 4 * HUGE_PAGE };

typedef struct Rig {
    void *mapping;
    uint8_t *start;                     /* of a huge page; SIZE bytes from there on */
    uintptr_t asked;
    Ahead *ahead;
} Rig;

static void rig_open(Rig *r)
{
    r->mapping = mmap(NULL, SIZE + HUGE_PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(r->mapping != MAP_FAILED);
    r->start = (uint8_t *)(((uintptr_t)r->mapping + HUGE_PAGE - 1) & -(uintptr_t)HUGE_PAGE);
    r->asked = 0;
    r->ahead = ahead_new();
}

static void rig_close(Rig *r)
{
    ahead_free(r->ahead);
    munmap(r->mapping, SIZE + HUGE_PAGE);
}

static bool is_there(const uint8_t *p)
{
    unsigned char in_core = 0;

    mincore((void *)(uintptr_t)p, PAGE, &in_core);
    return in_core & 1;
}

/* It may take as long as it likes: five seconds on the busiest of hosts. */
static bool comes(const uint8_t *p)
{
    for (unsigned i = 0; i < 5000 && !is_there(p); i++) {
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
    return is_there(p);
}

TEST(the_next_page_is_there)
{
    Rig r;

    rig_open(&r);
    CHECK(!is_there(r.start + HUGE_PAGE));
    ahead_of(r.ahead, &r.asked, r.start + 100, r.start + SIZE);
    CHECK(comes(r.start + 2 * HUGE_PAGE - PAGE));
    CHECK(!is_there(r.start));
    CHECK(!is_there(r.start + 2 * HUGE_PAGE));
    rig_close(&r);
}

TEST(downwards_too)
{
    Rig r;

    rig_open(&r);
    ahead_of(r.ahead, &r.asked, r.start + 3 * HUGE_PAGE - 100, r.start);
    CHECK(comes(r.start + HUGE_PAGE) && comes(r.start + 2 * HUGE_PAGE - PAGE));
    CHECK(!is_there(r.start + 2 * HUGE_PAGE));
    CHECK(!is_there(r.start + HUGE_PAGE - PAGE));
    ahead_of(r.ahead, &r.asked, r.start + 2 * HUGE_PAGE - 100, r.start + HUGE_PAGE - PAGE);
    CHECK(comes(r.start + HUGE_PAGE - PAGE));
    ahead_free(r.ahead);
    r.ahead = NULL;
    CHECK(!is_there(r.start + HUGE_PAGE - 2 * PAGE));
    rig_close(&r);
}

TEST(but_not_behind_the_end)
{
    Rig r;

    rig_open(&r);
    ahead_of(r.ahead, &r.asked, r.start, r.start + HUGE_PAGE + 3 * PAGE);
    CHECK(comes(r.start + HUGE_PAGE + 2 * PAGE));
    ahead_of(r.ahead, &r.asked, r.start + HUGE_PAGE, r.start + HUGE_PAGE + 3 * PAGE);
    ahead_free(r.ahead);
    r.ahead = NULL;
    CHECK(!is_there(r.start + HUGE_PAGE + 3 * PAGE));
    CHECK(!is_there(r.start + 2 * HUGE_PAGE));
    rig_close(&r);
}

TEST(what_is_written_meanwhile_stays)
{
    Rig r;
    unsigned wrong = 0;

    rig_open(&r);
    for (size_t i = 0; i < SIZE; i += 64) {
        ahead_of(r.ahead, &r.asked, r.start + i, r.start + SIZE);
        memset(r.start + i, (int)(i >> 6) | 1, 64);
    }
    for (size_t i = 0; i < SIZE; i++) {
        wrong += r.start[i] != (uint8_t)(i >> 6 | 1);
    }
    CHECK_EQ(wrong, 0);
    rig_close(&r);
}
