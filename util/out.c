/* SPDX-License-Identifier: MIT */
#include "util/out.h"

#include <stdarg.h>
#include <stdio.h>

void out_printf(const Out *o, const char *fmt, ...)
{
    char line[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    o->put(o->opaque, line);
}
