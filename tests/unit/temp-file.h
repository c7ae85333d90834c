/* SPDX-License-Identifier: MIT */
/* Files of a test, in memory if there is some: nothing that uses them needs a disk. */
#ifndef TESTS_UNIT_TEMP_FILE_H
#define TESTS_UNIT_TEMP_FILE_H

#include <stdlib.h>
#include <unistd.h>

#include "util/mem.h"

/* An empty one; drop() removes it and frees its path. */
static char *temp_file(const char *test)
{
    const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/var/tmp";
    char *path = xasprintf("%s/%s-XXXXXX", getenv("TMPDIR") ?: where, test);
    int fd = mkstemp(path);

    if (fd < 0) {
        abort();
    }
    close(fd);
    return path;
}

static void drop(char *path)
{
    unlink(path);
    free(path);
}

#endif
