/* SPDX-License-Identifier: MIT */
#include "sys/ahead.h"

#include <stdbool.h>
#include <stdlib.h>

#include "util/mem.h"
#include "util/thread.h"

enum { HUGE_PAGE = 2 << 20, PAGE = 4096, QUEUE = 4 };

typedef struct Part { uintptr_t start, end; } Part;

struct Ahead {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t asked;
    Part queue[QUEUE];
    unsigned num;
    bool started, quit;
};

/* Others may write there at the same time: what they write stays. */
static void touch(Part p)
{
    for (uintptr_t a = p.start; a < p.end; a += PAGE) {
        __atomic_fetch_or((uint8_t *)a, 0, __ATOMIC_RELAXED);
    }
}

static void *run(void *opaque)
{
    Ahead *a = opaque;

    pthread_mutex_lock(&a->lock);
    while (!a->quit) {
        if (a->num == 0) {
            pthread_cond_wait(&a->asked, &a->lock);
            continue;
        }
        Part p = a->queue[--a->num];

        pthread_mutex_unlock(&a->lock);
        touch(p);
        pthread_mutex_lock(&a->lock);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

Ahead *ahead_new(void)
{
    Ahead *a = xzalloc(sizeof(*a));

    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->asked, NULL);
    return a;
}

void ahead_free(Ahead *a)
{
    if (!a) {
        return;
    }
    if (a->started) {
        pthread_mutex_lock(&a->lock);
        a->quit = true;
        pthread_cond_signal(&a->asked);
        pthread_mutex_unlock(&a->lock);
        pthread_join(a->thread, NULL);
    }
    pthread_cond_destroy(&a->asked);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

/* The huge page behind that of `at`; empty if there is none before `stop`. */
static Part upwards(uintptr_t at, uintptr_t stop)
{
    uintptr_t next = (at | (HUGE_PAGE - 1)) + 1;

    return (Part){ next, next + HUGE_PAGE < stop ? next + HUGE_PAGE : stop };
}

static Part downwards(uintptr_t at, uintptr_t stop)
{
    uintptr_t end = at & -(uintptr_t)HUGE_PAGE;

    return (Part){ end - HUGE_PAGE > stop ? end - HUGE_PAGE : stop, end };
}

void ahead_of(Ahead *a, uintptr_t *asked, const void *at, const void *end)
{
    uintptr_t from = (uintptr_t)at, stop = (uintptr_t)end;
    Part next = from < stop ? upwards(from, stop) : downwards(from, stop);
    uintptr_t page = from < stop ? next.start : next.end;

    if (page == *asked || next.start >= next.end) {
        return;
    }
    *asked = page;
    if (!a->started && thread_create(&a->thread, NULL, run, a) != 0) {
        return;
    }
    a->started = true;
    pthread_mutex_lock(&a->lock);
    if (a->num < QUEUE) {
        a->queue[a->num++] = next;
        pthread_cond_signal(&a->asked);
    }
    pthread_mutex_unlock(&a->lock);
}
