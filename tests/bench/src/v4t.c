/* SPDX-License-Identifier: MIT */
/*
 * What GCC calls for __sync and __clear_cache on ARMv4T Linux; the libgcc for
 * processors without an operating system, which these programs are linked
 * with, has none of it.  The kernel's helper is at a fixed address: Linux,
 * Documentation/arm/kernel_user_helpers.rst; ARM_cacheflush: asm/unistd.h.
 */
#include <unistd.h>

typedef unsigned Word;

/* 0 if *p was old and is new now */
#define kuser_cmpxchg ((int (*)(Word old, Word new, volatile Word *p))0xffff0fc0)

Word fetch_and_add(volatile Word *p, Word v) __asm__("__sync_fetch_and_add_4");
Word test_and_set(volatile Word *p, Word v) __asm__("__sync_lock_test_and_set_4");
Word compare_and_swap(volatile Word *p, Word old, Word new)
    __asm__("__sync_val_compare_and_swap_4");
void clear_cache(char *from, char *to) __asm__("__clear_cache");

Word fetch_and_add(volatile Word *p, Word v)
{
    Word old;

    do {
        old = *p;
    } while (kuser_cmpxchg(old, old + v, p));
    return old;
}

Word test_and_set(volatile Word *p, Word v)
{
    Word old;

    do {
        old = *p;
    } while (kuser_cmpxchg(old, v, p));
    return old;
}

Word compare_and_swap(volatile Word *p, Word old, Word new)
{
    Word is;

    do {
        is = *p;
        if (is != old) {
            return is;
        }
    } while (kuser_cmpxchg(old, new, p));
    return old;
}

void clear_cache(char *from, char *to)
{
    syscall(0xf0002, from, to, 0);
}
