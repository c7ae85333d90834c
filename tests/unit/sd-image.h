/* SPDX-License-Identifier: MIT */
/* What tests of cards, their controllers and flash share: a drive on a temporary
 * sparse file. */
#ifndef TESTS_UNIT_SD_IMAGE_H
#define TESTS_UNIT_SD_IMAGE_H

#include <stdlib.h>
#include <unistd.h>

#include "block/block.h"
#include "hw/sd/sd.h"
#include "tests/unit/chip-test.h"
#include "util/bits.h"

static char image_path[64];
static BlockDriverState *image_blk;

static inline void image_write(uint64_t off, const void *buf, size_t len)
{
    CHECK_EQ(blk_pwrite(image_blk, off, buf, len), 0);
}

static inline void image_read(uint64_t off, void *buf, size_t len)
{
    CHECK_EQ(blk_pread(image_blk, off, buf, len), 0);
}

static inline BlockDriverState *image_open(uint64_t size, int flags)
{
    Error err = { "" };

    snprintf(image_path, sizeof(image_path), "/tmp/test-sd-XXXXXX");
    int fd = mkstemp(image_path);

    CHECK(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
    close(fd);
    image_blk = bdrv_new("sd");
    CHECK_EQ(bdrv_open(image_blk, image_path, "raw", flags, NULL, &err), 0);
    return image_blk;
}

static inline void image_close(void)
{
    bdrv_delete(image_blk);
    image_blk = NULL;
    unlink(image_path);
}

/* A slot with a card of `size` bytes; 0: an empty slot.  Its wires are 0 and 1. */
static inline Device *card_new(uint64_t size, int flags)
{
    clock_init_manual(&clock_);
    Device *d = chip_make(&sd_card_type);

    if (size) {
        chip_link(d, "drive", image_open(size, flags));
    }
    return chip_plug(d);
}

static inline void card_free_all(Device *card)
{
    bool had_image = image_blk != NULL;

    device_free(card);
    if (had_image) {
        image_close();
    }
}

#endif
