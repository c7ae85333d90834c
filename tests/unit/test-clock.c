/* SPDX-License-Identifier: MIT */
/* sys/clock.h: the paced reading is the real one, within its window, and never
 * goes back. */
#include "sys/clock.h"

#include <unistd.h>

#include "tests/test.h"

/* 100 us of a clock that is 1/64 off, and what the two calls take. */
enum { OFF_BY = 100000 };

/* Does clock_now_paced(), called between two real readings, lie between them? */
static bool agrees(const Clock *c, ClockPace *p)
{
    int64_t before = clock_now(c), now = clock_now_paced(c, p), after = clock_now(c);

    return now > before - OFF_BY && now < after + OFF_BY;
}

TEST(paced_time_is_time)
{
    Clock c;
    ClockPace p = { 0 };
    unsigned wrong = 0, back = 0;
    int64_t last = 0;

    clock_init(&c);
    clock_start(&c);
    while (clock_now(&c) < 60 * NS_PER_MS) {
        int64_t now = clock_now_paced(&c, &p);

        back += now < last;
        last = now;
        wrong += !agrees(&c, &p);
    }
    CHECK_EQ(back, 0);
    CHECK_EQ(wrong, 0);
}

TEST(paced_time_stands_still_when_stopped)
{
    Clock c;
    ClockPace p = { 0 };

    clock_init(&c);
    clock_start(&c);
    clock_now_paced(&c, &p);
    clock_stop(&c);
    int64_t stopped = clock_now_paced(&c, &p);

    usleep(2000);
    CHECK_EQ(clock_now_paced(&c, &p), stopped);
    clock_start(&c);
    CHECK(clock_now_paced(&c, &p) >= stopped);
    CHECK(agrees(&c, &p));
}

TEST(a_pause_between_readings_is_counted)
{
    Clock c;
    ClockPace p = { 0 };

    clock_init(&c);
    clock_start(&c);
    for (unsigned i = 0; i < 5; i++) {
        CHECK(agrees(&c, &p));
        usleep(10000);
    }
    CHECK(agrees(&c, &p));
}
