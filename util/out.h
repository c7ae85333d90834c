/* SPDX-License-Identifier: MIT */
/*
 * Where a dump goes: the put() that a caller of some xxx_dump() gave, with its
 * opaque.  out_printf() hands it one piece of text, cut at 255 characters.
 */
#ifndef UTIL_OUT_H
#define UTIL_OUT_H

typedef struct Out {
    void (*put)(void *opaque, const char *text);
    void *opaque;
} Out;

void out_printf(const Out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
