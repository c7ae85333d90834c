/* SPDX-License-Identifier: MIT */
#include "tools/refused.h"

#include <assert.h>
#include <string.h>

#include "util/bits.h"

static const char no_tls[] = "nor is TLS; for encryption, forward the socket with ssh -L";

static const struct { const char *option, *advice; } refused[] = {
    { "bitmap", "bitmaps are not exported; without it the data is" },
    { "bitmaps", "bitmaps are not copied; without it the data is" },
    { "image-opts", "name the file, and give its format with -f" },
    { "object", "nor are encryption and TLS, which need it" },
    { "selinux-label", "label the socket with chcon(1) when it is there" },
    { "target-image-opts", "name the file, and give its format with -O" },
    { "tls-authz", no_tls },
    { "tls-creds", no_tls },
    { "tls-hostname", no_tls },
    { "trace", "-v reports clients, and requests that failed" },
};

const char *refused_advice(const char *option)
{
    size_t i = 0;

    while (strcmp(refused[i].option, option) != 0) {
        i++;
        assert(i < ARRAY_SIZE(refused));
    }
    return refused[i].advice;
}
