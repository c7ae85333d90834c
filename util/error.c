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
    Error old;
    va_list ap;

    if (err) {
        old = *err;
        va_start(ap, fmt);
        int n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
        va_end(ap);
        size_t used = n < 0 ? 0 : (size_t)n;
        if (used < sizeof(err->msg)) {
            snprintf(err->msg + used, sizeof(err->msg) - used, ": %.*s",
                     (int)sizeof(old.msg) - 1, old.msg);
        }
    }
    return ret;
}
