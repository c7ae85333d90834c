/* SPDX-License-Identifier: MIT */
/* Coroutine switch for hosts without one of their own: POSIX ucontext. */
#include "util/coroutine-switch.h"

#ifndef __x86_64__

#include <assert.h>

void co_context_init(CoContext *ctx, void *stack, size_t size, void (*entry)(void))
{
    int ret = getcontext(&ctx->uc);

    assert(ret == 0);
    ctx->uc.uc_stack.ss_sp = stack;
    ctx->uc.uc_stack.ss_size = size;
    ctx->uc.uc_link = NULL;
    makecontext(&ctx->uc, entry, 0);
}

void co_context_switch(CoContext *from, CoContext *to)
{
    int ret = swapcontext(&from->uc, &to->uc);

    assert(ret == 0);
}

#endif
