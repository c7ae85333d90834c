/* SPDX-License-Identifier: MIT */
#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/bits.h"

const LogItemInfo log_items[LOG_NUM_ITEMS] = {
#define LOG_ROW(id, name, help) [id] = { name, help },
    LOG_ITEMS(LOG_ROW)
#undef LOG_ROW
};

static uint32_t wanted;
static FILE *out;
static uint64_t counts[LOG_NUM_ITEMS];

static int find_item(const char *name, size_t len)
{
    for (int i = 0; i < LOG_NUM_ITEMS; i++) {
        if (strlen(log_items[i].name) == len &&
            !strncmp(log_items[i].name, name, len)) {
            return i;
        }
    }
    return -1;
}

int log_set(const char *items, Error *err)
{
    uint32_t mask = 0;

    for (const char *p = items; *p;) {
        size_t len = strcspn(p, ",");
        int i = find_item(p, len);

        if (len == 3 && !strncmp(p, "all", 3)) {
            mask = ~0u;
        } else if (len == 4 && !strncmp(p, "none", 4)) {
            mask = 0;
        } else if (i < 0) {
            return error_set(err, EINVAL,
                             "-d: no log item '%.*s', '-d help' lists them",
                             (int)len, p);
        } else {
            mask |= 1u << i;
        }
        p += len + (p[len] == ',');
    }
    __atomic_store_n(&wanted, mask, __ATOMIC_RELAXED);
    return 0;
}

int log_open(const char *path, Error *err)
{
    FILE *f = NULL;

    if (path) {
        f = fopen(path, "w");
        if (!f) {
            int e = errno;

            return error_set(err, e, "log file %s: %s", path, strerror(e));
        }
        setvbuf(f, NULL, _IOLBF, 0);
    }
    if (out) {
        fclose(out);
    }
    out = f;
    return 0;
}

bool log_on(LogItem item)
{
    return __atomic_load_n(&wanted, __ATOMIC_RELAXED) >> item & 1;
}

void log_put(LogItem item, const char *fmt, ...)
{
    va_list ap;

    if (log_on(item)) {
        va_start(ap, fmt);
        vfprintf(out ? out : stderr, fmt, ap);
        va_end(ap);
    }
}

static void counted(LogItem item, const char *label, const char *who,
                    const char *fmt, va_list ap)
{
    char line[512];

    __atomic_add_fetch(&counts[item], 1, __ATOMIC_RELAXED);
    if (log_on(item)) {
        vsnprintf(line, sizeof(line), fmt, ap);
        log_put(item, "%s: %s: %s\n", label, who, line);
    }
}

void log_guest(const char *who, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    counted(LOG_GUEST_ERRORS, "guest error", who, fmt, ap);
    va_end(ap);
}

void log_unimp(const char *who, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    counted(LOG_UNIMP, "unimplemented", who, fmt, ap);
    va_end(ap);
}

uint64_t log_count(LogItem item)
{
    return __atomic_load_n(&counts[item], __ATOMIC_RELAXED);
}
