/* SPDX-License-Identifier: MIT */
#include "util/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(Error *err, int errnum, const char *fmt, ...)
{
    va_list ap;

    if (err) {
        va_start(ap, fmt);
        vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
        va_end(ap);
    }
    return -errnum;
}

int error_prefix(Error *err, int ret, const char *fmt, ...)
{
    char context[sizeof(err->msg)];
    va_list ap;

    if (err) {
        va_start(ap, fmt);
        vsnprintf(context, sizeof(context), fmt, ap);
        va_end(ap);
        size_t used = strlen(context), room = sizeof(err->msg) - 1;
        if (used + 2 < room) {
            memmove(err->msg + used + 2, err->msg, room - used - 2);
            memcpy(err->msg, context, used);
            memcpy(err->msg + used, ": ", 2);
            err->msg[room] = 0;
        }
    }
    return ret;
}
