/* SPDX-License-Identifier: MIT */
/*
 * qemu-io: numbers, and what is told about a request.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/io.h"
#include "util/bits.h"

int64_t io_number(const char *text)
{
    uint64_t n;

    if (parse_size(text, &n) < 0) {
        bool big = *text && strspn(text, "0123456789") + 1 >= strlen(text) && strlen(text) > 16;

        printf(big ? "Parsing error: argument too large -- %s\n"
                   : "Parsing error: non-numeric argument, or extraneous/unrecognized suffix"
                     " -- %s\n", text);
        return big ? -ERANGE : -EINVAL;
    }
    return (int64_t)n;
}

int io_pattern(const char *text)
{
    char *end;
    long n = strtol(text, &end, 0);

    if (!*text || *end || n < 0 || n > 255) {
        printf("%s is not a valid pattern byte\n", text);
        return -1;
    }
    return (int)n;
}

const char *io_size_text(char buf[32], double value)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    int u = 0;

    while (value >= 1024 && u < 6) {
        value /= 1024;
        u++;
    }
    int n = snprintf(buf, 24, "%.3f", value);

    if (n > 4 && !strcmp(buf + n - 4, ".000")) {
        n -= 4;
    }
    snprintf(buf + n, (size_t)(32 - n), " %s", units[u]);
    return buf;
}

static void time_text(char *buf, size_t size, double sec, bool full)
{
    unsigned s = (unsigned)sec, hundredths = (unsigned)((sec - s) * 100);

    if (full || s >= 60) {
        snprintf(buf, size, "%u:%02u:%02u.%02u", s / 3600, s / 60 % 60, s % 60, hundredths);
    } else {
        snprintf(buf, size, "%02u.%02u sec", s, hundredths);
    }
}

void io_report(const char *what, const struct timespec *began, uint64_t off, uint64_t asked,
               uint64_t done, bool machine)
{
    struct timespec now;
    char ts[40], total[32], rate[32];

    clock_gettime(CLOCK_MONOTONIC, &now);
    double sec = (double)(now.tv_sec - began->tv_sec) +
                 (double)(now.tv_nsec - began->tv_nsec) / 1e9;

    sec = MAX(sec, 1e-9);
    time_text(ts, sizeof(ts), sec, machine);
    if (machine) {
        printf("%" PRIu64 ",1,%s,%.3f,%.3f\n", done, ts, (double)done / sec, 1 / sec);
        return;
    }
    printf("%s %" PRIu64 "/%" PRIu64 " bytes at offset %" PRIu64 "\n"
           "%s, 1 ops; %s (%s/sec and %.4f ops/sec)\n", what, done, asked, off,
           io_size_text(total, (double)done), ts, io_size_text(rate, (double)done / sec), 1 / sec);
}

void io_print_specific(const char *text)
{
    printf("%s", *text ? "Format specific information:\n" : "");
    while (*text) {
        size_t n = strcspn(text, "\n");

        printf("    %.*s\n", (int)n, text);
        text += n + (text[n] == '\n');
    }
}
