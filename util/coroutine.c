/* SPDX-License-Identifier: MIT */
/*
 * Coroutines, over the switch of coroutine-switch.h.
 *
 * Each thread has a leader: a Coroutine without a stack of its own, which
 * stands for the thread itself, so that a switch is always between two of them.
 * `caller` of a running coroutine is who entered it; of one that waits, NULL.
 */
#include "util/coroutine.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/coroutine-switch.h"
#include "util/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

enum { STACK_SIZE = 128 << 10, POOL_MAX = 64 };

struct Coroutine {
    CoContext ctx;
    void (*fn)(void *opaque);
    void *opaque;
    Coroutine *caller;
    Coroutine *next;                    /* in a CoQueue, the ready list, the pool */
    void *mapping;                      /* guard page, then the stack */
    const void *stack;                  /* bounds, for the sanitizer */
    size_t stack_size;
    void *fake_stack;
    bool ended;
};

static __thread Coroutine leader;
static __thread Coroutine *current;

/* Ended coroutines, and those to be entered when the running one pauses. */
static struct { Coroutine *first; int num; } pool;
static CoQueue ready;

/* Never inlined: a coroutine that moves between threads must not keep the
 * address of a thread-local variable. */
__attribute__((noinline)) static Coroutine *get_current(void)
{
    return current ? current : &leader;
}

__attribute__((noinline)) static void set_current(Coroutine *co)
{
    current = co;
}

__attribute__((noinline)) static bool is_leader(const Coroutine *co)
{
    return co == &leader;
}

Coroutine *coroutine_self(void)
{
    Coroutine *co = get_current();

    return is_leader(co) ? NULL : co;
}

#ifdef WITH_ASAN
#include <sanitizer/common_interface_defs.h>

static void leave_stack(Coroutine *from, Coroutine *to)
{
    __sanitizer_start_switch_fiber(from->ended ? NULL : &from->fake_stack,
                                   to->stack, to->stack_size);
}

/* Only a leader's bounds are news. */
static void arrive_on_stack(Coroutine *self)
{
    const void *stack;
    size_t size;

    __sanitizer_finish_switch_fiber(self->fake_stack, &stack, &size);
    if (self->caller && !self->caller->mapping) {
        self->caller->stack = stack;
        self->caller->stack_size = size;
    }
}
#else
static void leave_stack(Coroutine *from, Coroutine *to)
{
    (void)from;
    (void)to;
}

static void arrive_on_stack(Coroutine *self)
{
    (void)self;
}
#endif

static void switch_to(Coroutine *from, Coroutine *to)
{
    set_current(to);
    leave_stack(from, to);
    co_context_switch(&from->ctx, &to->ctx);
    arrive_on_stack(from);
}

static void back_to_caller(Coroutine *self)
{
    Coroutine *caller = self->caller;

    self->caller = NULL;
    switch_to(self, caller);
}

static void entry(void)
{
    Coroutine *self = get_current();

    arrive_on_stack(self);
    self->fn(self->opaque);
    self->ended = true;
    back_to_caller(self);
    assert(!"an ended coroutine was entered");
}

static Coroutine *new_coroutine(void)
{
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    Coroutine *co = xzalloc(sizeof(*co));

    co->mapping = mmap(NULL, guard + STACK_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE,
                       -1, 0);
    assert(co->mapping != MAP_FAILED);
    mprotect(co->mapping, guard, PROT_NONE);
    co->stack = (char *)co->mapping + guard;
    co->stack_size = STACK_SIZE;
    return co;
}

static void release(Coroutine *co)
{
    if (pool.num < POOL_MAX) {
        co->next = pool.first;
        pool.first = co;
        pool.num++;
    } else {
        munmap(co->mapping, (size_t)sysconf(_SC_PAGESIZE) + STACK_SIZE);
        free(co);
    }
}

Coroutine *coroutine_create(void (*fn)(void *opaque), void *opaque)
{
    Coroutine *co = pool.first;

    if (co) {
        pool.first = co->next;
        pool.num--;
    } else {
        co = new_coroutine();
    }
    co->fn = fn;
    co->opaque = opaque;
    co->next = NULL;
    co->ended = false;
    co->fake_stack = NULL;
    co_context_init(&co->ctx, (void *)co->stack, co->stack_size, entry);
    return co;
}

static void push(CoQueue *q, Coroutine *co)
{
    co->next = NULL;
    if (q->last) {
        q->last->next = co;
    } else {
        q->first = co;
    }
    q->last = co;
}

static Coroutine *pop(CoQueue *q)
{
    Coroutine *co = q->first;

    if (co) {
        q->first = co->next;
        if (!q->first) {
            q->last = NULL;
        }
        co->next = NULL;
    }
    return co;
}

static void enter(Coroutine *from, Coroutine *co)
{
    assert(!co->caller && !co->ended);
    co->caller = from;
    switch_to(from, co);
    if (co->ended) {
        release(co);
    }
}

void coroutine_enter(Coroutine *co)
{
    Coroutine *from = get_current();

    enter(from, co);
    if (is_leader(from)) {
        while ((co = pop(&ready))) {
            enter(from, co);
        }
    }
}

void coroutine_yield(void)
{
    Coroutine *self = get_current();

    assert(self->caller);
    back_to_caller(self);
}

void coroutine_wake(Coroutine *co)
{
    if (coroutine_self()) {
        push(&ready, co);
    } else {
        coroutine_enter(co);
    }
}

/* -- Waiting for each other -------------------------------------------------- */

void co_queue_wait(CoQueue *q)
{
    push(q, get_current());
    coroutine_yield();
}

bool co_queue_next(CoQueue *q)
{
    Coroutine *co = pop(q);

    if (co) {
        coroutine_wake(co);
    }
    return co != NULL;
}

void co_queue_all(CoQueue *q)
{
    CoQueue woken = *q;

    *q = (CoQueue){ NULL, NULL };
    while (co_queue_next(&woken)) {
    }
}

void co_mutex_lock(CoMutex *m)
{
    if (m->locked) {
        co_queue_wait(&m->waiters);     /* handed over by the owner */
    } else {
        m->locked = true;
    }
}

void co_mutex_unlock(CoMutex *m)
{
    assert(m->locked);
    if (!co_queue_next(&m->waiters)) {
        m->locked = false;
    }
}
