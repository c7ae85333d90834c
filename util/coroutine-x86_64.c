/* SPDX-License-Identifier: MIT */
/*
 * Coroutine switch for x86-64 (System V ABI 3.2.1: rbx, rbp and r12-r15 belong
 * to the caller, everything else is scratch across a call).
 */
#include "util/coroutine-switch.h"

#ifdef __x86_64__

#include <stdint.h>

enum { SAVED_REGS = 6 };

/* co_context_switch(rdi from, rsi to); sp is the only member of CoContext. */
__asm__(
    ".text\n"
    ".globl co_context_switch\n"
    ".type co_context_switch, @function\n"
    "co_context_switch:\n"
    "   push %rbp\n"
    "   push %rbx\n"
    "   push %r12\n"
    "   push %r13\n"
    "   push %r14\n"
    "   push %r15\n"
    "   mov %rsp, (%rdi)\n"
    "   mov (%rsi), %rsp\n"
    "   pop %r15\n"
    "   pop %r14\n"
    "   pop %r13\n"
    "   pop %r12\n"
    "   pop %rbx\n"
    "   pop %rbp\n"
    "   ret\n"
    ".size co_context_switch, . - co_context_switch\n");

/* As a call would leave it: a return address at 16n + 8, none above it. */
void co_context_init(CoContext *ctx, void *stack, size_t size, void (*entry)(void))
{
    uintptr_t top = ((uintptr_t)stack + size) & ~(uintptr_t)15;
    uintptr_t *sp = (uintptr_t *)top - 2;

    sp[1] = 0;
    sp[0] = (uintptr_t)entry;
    for (int i = 0; i < SAVED_REGS; i++) {
        *--sp = 0;
    }
    ctx->sp = sp;
}

#endif
