/* SPDX-License-Identifier: MIT */
/* The back end "null": output vanishes, input never comes. */
#include <errno.h>

#include "char/drivers.h"

static int null_open(CharDriverState *chr, const char *args, Error *err)
{
    if (*args) {
        return error_set(err, EINVAL, "%s takes no options", chr->spec);
    }
    chr->opened = true;
    return 0;
}

const ChrDriver chr_null_driver = { .name = "null", .open = null_open };
