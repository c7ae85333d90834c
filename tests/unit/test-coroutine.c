/* SPDX-License-Identifier: MIT */
/* Coroutines and scattered memory: the contracts in their headers. */
#include <pthread.h>
#include <time.h>

#include "tests/test.h"
#include "util/bits.h"
#include "util/coroutine.h"
#include "util/iov.h"

static char trace[200];

static void note(const char *s)
{
    strcat(trace, s);
}

static void three_steps(void *opaque)
{
    const char *name = opaque;

    for (int i = 0; i < 3; i++) {
        note(name);
        coroutine_yield();
    }
    note(".");
}

/* enter() runs to the next yield; locals survive; the end frees it. */
TEST(enter_and_yield_alternate)
{
    Coroutine *a = coroutine_create(three_steps, (void *)"a");
    Coroutine *b = coroutine_create(three_steps, (void *)"b");

    trace[0] = 0;
    for (int i = 0; i < 4; i++) {
        coroutine_enter(a);
        coroutine_enter(b);
    }
    CHECK(strcmp(trace, "ababab..") == 0);
    CHECK(coroutine_self() == NULL);
}

static void inner(void *opaque)
{
    CHECK(coroutine_self() != opaque);
    note("i");
    coroutine_yield();
    note("I");
}

static void outer(void *opaque)
{
    Coroutine *c = coroutine_create(inner, coroutine_self());

    (void)opaque;
    note("o");
    coroutine_enter(c);
    note("O");
    coroutine_enter(c);
    note("!");
}

TEST(they_nest)
{
    trace[0] = 0;
    coroutine_enter(coroutine_create(outer, NULL));
    CHECK(strcmp(trace, "oiOI!") == 0);
}

static CoMutex mutex;
static Coroutine *holder;
static int inside;

static void hold(void *opaque)
{
    co_mutex_lock(&mutex);
    CHECK_EQ(++inside, 1);
    holder = coroutine_self();
    coroutine_yield();
    inside--;
    note(opaque);
    co_mutex_unlock(&mutex);
    note("-");
}

/* First come, first served, and never two inside. */
TEST(mutex_is_fair_and_exclusive)
{
    static const char *const names[] = { "1", "2", "3" };

    trace[0] = 0;
    for (int i = 0; i < 3; i++) {
        coroutine_enter(coroutine_create(hold, (void *)(uintptr_t)names[i]));
    }
    for (int i = 0; i < 3; i++) {
        coroutine_enter(holder);
    }
    CHECK(strcmp(trace, "1-2-3-") == 0);
    CHECK(!mutex.locked);
}

static void wait_in(void *opaque)
{
    co_queue_wait(opaque);
    note("w");
}

static void wake_all(void *opaque)
{
    co_queue_all(opaque);
    note("k");                          /* before those woken run */
}

TEST(woken_run_after_the_waker)
{
    CoQueue q = { NULL, NULL };

    trace[0] = 0;
    for (int i = 0; i < 3; i++) {
        coroutine_enter(coroutine_create(wait_in, &q));
    }
    coroutine_enter(coroutine_create(wake_all, &q));
    CHECK(strcmp(trace, "kwww") == 0);
}

static void deep(void *opaque)
{
    volatile char frame[40 << 10];

    for (size_t i = 0; i < sizeof(frame); i += 1024) {
        frame[i] = (char)i;
    }
    coroutine_yield();
    for (size_t i = 0; i < sizeof(frame); i += 1024) {
        *(int *)opaque += frame[i] == (char)i;
    }
}

/* Stacks are separate and large enough for honest frames. */
TEST(stacks_do_not_overlap)
{
    Coroutine *co[100];
    int good = 0;

    for (size_t i = 0; i < ARRAY_SIZE(co); i++) {
        co[i] = coroutine_create(deep, &good);
        coroutine_enter(co[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(co); i++) {
        coroutine_enter(co[i]);
    }
    CHECK_EQ(good, 100 * 40);
}

static void *enter_there(void *co)
{
    coroutine_enter(co);
    CHECK(coroutine_self() == NULL);
    return NULL;
}

static void moves(void *opaque)
{
    Coroutine *me = coroutine_self();

    coroutine_yield();
    *(bool *)opaque = coroutine_self() == me;
}

TEST(one_may_move_to_another_thread)
{
    bool same = false;
    Coroutine *co = coroutine_create(moves, &same);
    pthread_t t;

    coroutine_enter(co);
    CHECK_EQ(pthread_create(&t, NULL, enter_there, co), 0);
    pthread_join(t, NULL);
    CHECK(same);
}

static void spin(void *opaque)
{
    for (long i = *(long *)opaque; i > 0; i--) {
        coroutine_yield();
    }
}

/* A disk request makes a handful of switches: they must cost next to nothing. */
TEST(a_switch_takes_well_under_a_microsecond)
{
    long num = 200000;
    Coroutine *co = coroutine_create(spin, &num);
    struct timespec a, b;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    for (long i = 0; i <= num; i++) {
        coroutine_enter(co);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    double ns = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
    printf("# %.1f ns per enter and yield\n", ns / (double)num);
    CHECK(ns / (double)num < 1000);
}

/* -- util/iov -------------------------------------------------------------- */

TEST(iov_copies_over_piece_borders)
{
    char mem[] = "abc.d.efgh", *a = mem, *b = mem + 4, *c = mem + 6, out[9] = "";
    QEMUIOVector q;

    iov_init(&q, 1);
    iov_add(&q, a, 3);
    iov_add(&q, b, 1);
    iov_add(&q, c, 4);
    CHECK_EQ(q.size, 8);
    iov_to_buf(&q, 2, out, 4);
    CHECK(strcmp(out, "cdef") == 0);
    iov_from_buf(&q, 1, "XYZW", 4);
    CHECK(!memcmp(a, "aXY", 3) && b[0] == 'Z' && !memcmp(c, "Wfgh", 4));
    iov_memset(&q, 3, 0, 5);
    CHECK(iov_is_zero(&q, 3, 5) && !iov_is_zero(&q, 2, 6));
    iov_free(&q);
}

TEST(iov_slice_reports_what_it_covers)
{
    char mem[64];
    struct iovec out[2];
    QEMUIOVector q;
    size_t covered;

    iov_init(&q, 3);
    iov_add(&q, mem, 4);
    iov_add(&q, mem + 16, 8);
    iov_add(&q, mem + 32, 8);
    CHECK_EQ(iov_slice(&q, 3, 15, out, 2, &covered), 2);
    CHECK_EQ(covered, 9);
    CHECK(out[0].iov_base == mem + 3 && out[1].iov_base == mem + 16);
    CHECK_EQ(iov_slice(&q, 12, 8, out, 2, &covered), 1);
    CHECK_EQ(covered, 8);
    iov_free(&q);
}

TEST(iov_add_merges_neighbours)
{
    char a[16];
    QEMUIOVector q;

    iov_init(&q, 1);
    iov_add(&q, a, 8);
    iov_add(&q, a + 8, 8);
    CHECK_EQ(q.num, 1);
    CHECK(iov_is_aligned(&q, 0, 16, 1));
    iov_free(&q);
}
