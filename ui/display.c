/* SPDX-License-Identifier: MIT */
/* User interfaces by name: -display NAME. */
#include "ui/display.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/bits.h"

static int none_start(Error *err)
{
    (void)err;
    return 0;
}

static const DisplayDriver none_display = { .name = "none", .start = none_start };

/* package: what brings it when driver is NULL. */
static const struct DisplayRow {
    const char *name, *package;
    const DisplayDriver *driver;
} displays[] = {
    { "none", NULL, &none_display },
#ifdef CONFIG_CURSES
    { "curses", NULL, &curses_display },
#else
    { "curses", "libncurses-dev", NULL },
#endif
};

static bool running[ARRAY_SIZE(displays)];

int display_start(const char *name, Error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(displays); i++) {
        const struct DisplayRow *d = &displays[i];

        if (strcmp(d->name, name)) {
            continue;
        }
        if (!d->driver) {
            return error_set(err, ENOSYS, "-display %s: not built in; install %s, "
                             "then configure and make again", name, d->package);
        }
        int ret = running[i] ? 0 : d->driver->start(err);
        running[i] |= ret == 0;
        return ret;
    }
    return error_set(err, EINVAL, "-display %s: there is none of this name, "
                     "-display help lists them", name);
}

void display_refresh_all(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(displays); i++) {
        if (running[i] && displays[i].driver->refresh) {
            displays[i].driver->refresh();
        }
    }
}

void display_stop_all(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(displays); i++) {
        if (running[i] && displays[i].driver->stop) {
            displays[i].driver->stop();
        }
        running[i] = false;
    }
}

void display_list(void (*put)(void *, const char *), void *opaque)
{
    char line[80];

    for (size_t i = 0; i < ARRAY_SIZE(displays); i++) {
        const struct DisplayRow *d = &displays[i];

        snprintf(line, sizeof(line), d->driver ? "%-8s yes\n" : "%-8s no (%s)\n",
                 d->name, d->package);
        put(opaque, line);
    }
}
