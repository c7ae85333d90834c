/* SPDX-License-Identifier: MIT */
/* Files of a test, named after it. */
#ifndef TESTS_UNIT_TEMP_FILE_H
#define TESTS_UNIT_TEMP_FILE_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/mem.h"

/* An empty one, in $TMPDIR if that is set; drop() removes it and frees its path. */
static inline char *temp_file_in(const char *dir)
{
    char *path = xasprintf("%s/%s-XXXXXX", getenv("TMPDIR") ?: dir, program_invocation_short_name);
    int fd = mkstemp(path);

    if (fd < 0) {
        abort();
    }
    close(fd);
    return path;
}

/* In memory, if there is some: for whatever needs no disk. */
static inline char *temp_file(void)
{
    return temp_file_in(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/var/tmp");
}

static inline void drop(char *path)
{
    unlink(path);
    free(path);
}

#endif
