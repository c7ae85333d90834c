/* SPDX-License-Identifier: MIT */
/* The block layer's workers, and lines of jobs: the contract in block/aio.h. */
#include <semaphore.h>
#include <unistd.h>

#include "block/aio.h"
#include "tests/test.h"

enum { JOBS = 40 };

static AioLine line;
static int running, most, order[JOBS], num_run, num_back;
static sem_t let_go;

static int count_those_at_once(void *arg)
{
    int now = __atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);

    most = now > most ? now : most;
    order[num_run++] = (int)(intptr_t)arg;
    usleep(200);
    __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    return (int)(intptr_t)arg;
}

static void in_line(void *opaque)
{
    CHECK_EQ(aio_line_co(&line, count_those_at_once, opaque), (int)(intptr_t)opaque);
    num_back++;
}

static void start(void (*entry)(void *opaque), int arg)
{
    coroutine_enter(coroutine_create(entry, (void *)(intptr_t)arg));
}

static void wait_for(int num)
{
    while (num_back < num) {
        aio_poll();
    }
    num_back = 0;
}

TEST(jobs_of_a_line_run_one_at_a_time_and_in_order)
{
    for (int round = 0; round < 5; round++) {
        num_run = 0;
        for (int i = 0; i < JOBS; i++) {
            start(in_line, i);
        }
        wait_for(JOBS);
        CHECK_EQ(most, 1);
        for (int i = 0; i < JOBS; i++) {
            CHECK_EQ(order[i], i);
        }
        CHECK(!line.busy && !line.waiting.first);
    }
}

static int wait_to_be_let_go(void *arg)
{
    (void)arg;
    return sem_wait(&let_go);
}

static int let_one_go(void *arg)
{
    (void)arg;
    return sem_post(&let_go);
}

static void held_in_line(void *opaque)
{
    (void)opaque;
    CHECK_EQ(aio_line_co(&line, wait_to_be_let_go, NULL), 0);
    num_back++;
}

static void beside_it(void *opaque)
{
    (void)opaque;
    CHECK_EQ(aio_pool_co(let_one_go, NULL), 0);
    num_back++;
}

/* More wait in the line than there are workers: they must not take them all. */
TEST(a_line_that_stands_holds_nobody_else_up)
{
    enum { HELD = 100 };

    sem_init(&let_go, 0, 0);
    for (int i = 0; i < HELD; i++) {
        start(held_in_line, 0);
    }
    for (int i = 0; i < HELD; i++) {
        start(beside_it, 0);
    }
    wait_for(2 * HELD);
    sem_destroy(&let_go);
}
