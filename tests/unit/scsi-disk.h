/* SPDX-License-Identifier: MIT */
/* Drives for SCSI tests: files in a temporary directory, each block stamped with
 * its number. */
#ifndef TESTS_UNIT_SCSI_DISK_H
#define TESTS_UNIT_SCSI_DISK_H

#include <stdlib.h>
#include <unistd.h>

#include "block/block.h"
#include "tests/test.h"
#include "util/bits.h"
#include "util/mem.h"

typedef struct TestDrive {
    BlockDriverState *blk;
    char *path;
} TestDrive;

static TestDrive drive_new(const char *name, uint64_t blocks, uint32_t block, int flags)
{
    TestDrive t = { bdrv_new(name), NULL };
    uint8_t *b = xzalloc(block);
    Error err = { "" };

    t.path = xasprintf("%s/test-scsi-XXXXXX", getenv("TMPDIR") ?: "/var/tmp");
    int fd = mkstemp(t.path);
    CHECK(fd >= 0);
    for (uint64_t i = 0; i < blocks; i++) {
        memset(b, (uint8_t)i, block);
        store_le(b, i, 4);
        CHECK_EQ(pwrite(fd, b, block, (off_t)(i * block)), block);
    }
    close(fd);
    free(b);
    blk_conf(t.blk)->is_cdrom = block == 2048;
    CHECK_EQ(bdrv_open(t.blk, t.path, "raw", flags, NULL, &err), 0);
    return t;
}

static void drive_free(TestDrive *t)
{
    bdrv_delete(t->blk);
    unlink(t->path);
    free(t->path);
}

#endif
