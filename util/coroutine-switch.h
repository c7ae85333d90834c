/* SPDX-License-Identifier: MIT */
/*
 * What a coroutine needs of the host: saved registers and the switch between
 * two of them.  coroutine-x86_64.c has it in a few instructions, all other
 * hosts use coroutine-ucontext.c.  Only coroutine.c calls this.
 *
 * MXCSR and the x87 control word are not switched: they belong to the thread.
 */
#ifndef UTIL_COROUTINE_SWITCH_H
#define UTIL_COROUTINE_SWITCH_H

#include <stddef.h>

#ifdef __x86_64__
typedef struct CoContext { void *sp; } CoContext;
#else
#include <ucontext.h>
typedef struct CoContext { ucontext_t uc; } CoContext;
#endif

/* The first switch to ctx calls entry(), which never returns, on this stack. */
void co_context_init(CoContext *ctx, void *stack, size_t size, void (*entry)(void));
void co_context_switch(CoContext *from, CoContext *to);

#endif
