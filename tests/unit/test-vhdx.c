/* SPDX-License-Identifier: MIT */
/*
 * vhdx: items and regions nobody knows ([MS-VHDX] 2.2.3, 2.6).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "block/block-int.h"
#include "block/vhdx-log.h"
#include "tests/test.h"
#include "util/bits.h"
#include "util/mem.h"

enum {
    MIB = 1 << 20, DISK = 8 * MIB, REGIONS_AT = 192 << 10, REGIONS = 64 << 10,
};

static char *temp_file(void)
{
    const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/var/tmp";
    char *path = xasprintf("%s/test-vhdx-XXXXXX", getenv("TMPDIR") ?: where);
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

static void poke(const char *path, uint64_t off, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY);

    if (pwrite(fd, bytes, len, (off_t)off) != (ssize_t)len || close(fd) < 0) {
        abort();
    }
}

static void peek(const char *path, uint64_t off, void *bytes, size_t len)
{
    int fd = open(path, O_RDONLY);

    memset(bytes, 0, len);
    CHECK(pread(fd, bytes, len, (off_t)off) >= 0);
    close(fd);
}

/* Regions at 1M (log), then 1M of metadata, 1M of table, the blocks. */
static char *new_image(const char *opts)
{
    char *path = temp_file();
    BlockOpts o = { NULL, 0 };
    Error err = { "" };

    CHECK_EQ(opts_parse(&o, opts, &err), 0);
    CHECK_EQ(bdrv_create("vhdx", path, DISK, &o, &err), 0);
    opts_free(&o);
    return path;
}

static BlockDriverState *open_ok(const char *path, int flags)
{
    BlockDriverState *bs = bdrv_new(NULL);
    Error err = { "" };

    if (bdrv_open(bs, path, "vhdx", flags, NULL, &err) < 0) {
        printf("# %s\n", err.msg);
        CHECK(!"opens");
        bdrv_delete(bs);
        return NULL;
    }
    return bs;
}

static void opens(const char *path, int flags)
{
    bdrv_delete(open_ok(path, flags));
}

static void refused(const char *path, int flags, const char *says)
{
    BlockDriverState *bs = bdrv_new(NULL);
    Error err = { "" };
    int ret = bdrv_open(bs, path, "vhdx", flags, NULL, &err);

    if (ret >= 0 || !strstr(err.msg, says) || !strstr(err.msg, path)) {
        printf("# %d %s\n", ret, err.msg);
        CHECK(!"is refused, and says why");
    }
    bdrv_delete(bs);
}

static void sum(uint8_t *p, size_t len)
{
    store_le(p + 4, 0, 4);
    store_le(p + 4, vhdx_crc32c(0, p, len), 4);
}

/* -- What nobody knows ------------------------------------------------------- */

static void add_item(const char *path, const void *guid, uint32_t flags)
{
    uint8_t e[32] = { 0 }, num[2];

    peek(path, 2 * MIB + 10, num, 2);
    memcpy(e, guid, 16);
    store_le(e + 16, 65 << 10, 4);
    store_le(e + 20, 8, 4);
    store_le(e + 24, flags, 4);
    poke(path, 2 * MIB + 32 + 32 * load_le(num, 2), e, 32);
    store_le(num, load_le(num, 2) + 1, 2);
    poke(path, 2 * MIB + 10, num, 2);
}

/* 2.6.1.2: IsRequired. */
TEST(a_required_item_of_unknown_kind_is_refused)
{
    char *path = new_image("block_size=1M,log_size=1M");

    add_item(path, "nobody knows me?", 2);
    opens(path, 0);
    add_item(path, "nor me, but must", 6);
    refused(path, 0, "a required metadata item of unknown kind 20726f6e");
    refused(path, BDRV_O_RDWR, "20726f6e");
    drop(path);
}

/* Its parent locator is required, too. */
TEST(a_differencing_image_is_called_one)
{
    static const uint8_t locator[16] = {
        0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45,
        0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c,
    };
    char *path = new_image("block_size=1M,log_size=1M");

    add_item(path, locator, 4);
    poke(path, 2 * MIB + (64 << 10) + 4, "\2", 1);
    refused(path, 0, "differencing");
    drop(path);
}

/* 2.2.3.2: Required. */
TEST(a_required_region_of_unknown_kind_is_refused)
{
    for (unsigned required = 0; required < 2; required++) {
        char *path = new_image("block_size=1M,log_size=1M");
        uint8_t *t = xmalloc(REGIONS);

        peek(path, REGIONS_AT, t, REGIONS);
        memcpy(t + 16 + 2 * 32, "what's this for?", 16);
        store_le(t + 16 + 2 * 32 + 28, required, 4);
        store_le(t + 8, 3, 4);
        sum(t, REGIONS);
        poke(path, REGIONS_AT, t, REGIONS);
        poke(path, REGIONS_AT + REGIONS, t, REGIONS);
        required ? refused(path, 0, "a required region of unknown kind 74616877")
                 : opens(path, 0);
        free(t);
        drop(path);
    }
}
