/* SPDX-License-Identifier: MIT */
/*
 * The whole test framework.  A test is a function registered by TEST(); CHECK
 * reports and continues, so one run shows every broken line.  Output is TAP.
 *
 *      build/opt/tests/unit/test-pl031            run all
 *      build/opt/tests/unit/test-pl031 alarm      run those with "alarm" in the name
 *
 * TEST_SKIP("why") ends a test that cannot run here.
 */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct TestCase {
    const char *name;
    void (*fn)(void);
    struct TestCase *next;
} TestCase;

static TestCase *test_list;
static int test_failures;
static const char *test_skipped;

#define TEST(id)                                                            \
    static void id(void);                                                   \
    static TestCase tc_##id = { #id, id, NULL };                            \
    __attribute__((constructor)) static void reg_##id(void)                 \
    { TestCase **p_ = &test_list; while (*p_) { p_ = &(*p_)->next; } *p_ = &tc_##id; } \
    static void id(void)

#define TEST_SKIP(why) do { test_skipped = (why); return; } while (0)

#define CHECK(cond) \
    do { if (!(cond)) { test_failures++; \
         printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); } } while (0)

#define CHECK_EQ(got, want)                                                 \
    do {                                                                    \
        uint64_t g_ = (uint64_t)(got), w_ = (uint64_t)(want);               \
        if (g_ != w_) {                                                     \
            test_failures++;                                                \
            printf("# %s:%d: %s is 0x%" PRIx64 ", want 0x%" PRIx64 "\n",    \
                   __FILE__, __LINE__, #got, g_, w_);                       \
        }                                                                   \
    } while (0)

#define CHECK_STR(got, want)                                                \
    do {                                                                    \
        const char *g_ = (got), *w_ = (want);                               \
        if (strcmp(g_, w_)) {                                               \
            test_failures++;                                                \
            printf("# %s:%d: %s is \"%s\", want \"%s\"\n",                  \
                   __FILE__, __LINE__, #got, g_, w_);                       \
        }                                                                   \
    } while (0)

int main(int argc, char **argv)
{
    int ran = 0, failed = 0;

    for (TestCase *t = test_list; t; t = t->next) {
        if (argc > 1 && !strstr(t->name, argv[1])) {
            continue;
        }
        int before = test_failures;

        test_skipped = NULL;
        t->fn();
        ran++;
        bool bad = test_failures != before;
        failed += bad;
        printf("%sok %d - %s%s%s\n", bad ? "not " : "", ran, t->name,
               test_skipped ? " # SKIP " : "", test_skipped ? test_skipped : "");
        if (bad) {
            printf("# reproduce: %s %s\n", argv[0], t->name);
        }
        fflush(stdout);
    }
    printf("1..%d\n", ran);
    return ran == 0 || failed != 0;
}

#endif
