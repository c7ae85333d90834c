/* SPDX-License-Identifier: MIT */
/*
 * Images that other programs leave, made here byte by byte: what they hold is read,
 * what is written there is seen by them, and what only they see stays.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "block/block-int.h"
#include "tests/test.h"
#include "tests/unit/bytes.h"

enum { SECTOR = 512, VHD_BLOCK = 2 << 20 };

static char *dir;

static void drop_dir(void)
{
    char *cmd = xasprintf("rm -rf '%s'", dir);

    CHECK_EQ(system(cmd), 0);
    free(cmd);
    free(dir);
}

static const char *in_dir(const char *name)
{
    static char path[4][256];
    static int turn;
    char *p = path[turn++ % 4];

    if (!dir) {
        dir = xstrdup(access("/dev/shm", W_OK) == 0 ? "/dev/shm/test-foreign-XXXXXX"
                                                    : "/var/tmp/test-foreign-XXXXXX");
        CHECK(mkdtemp(dir));
        atexit(drop_dir);
    }
    snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
    return p;
}

static void write_file(const char *name, Bytes *b)
{
    FILE *f = fopen(in_dir(name), "wb");

    CHECK(f && fwrite(b->data, 1, b->len, f) == b->len && fclose(f) == 0);
    free(b->data);
    *b = (Bytes){ NULL, 0 };
}

static void read_file(const char *name, uint64_t off, void *buf, size_t len)
{
    FILE *f = fopen(in_dir(name), "rb");

    CHECK(f && fseek(f, (long)off, SEEK_SET) == 0 && fread(buf, 1, len, f) == len);
    fclose(f);
}

static BlockDriverState *open_image(const char *name, const char *format, int flags)
{
    BlockDriverState *bs = bdrv_new(NULL);
    Error err = { "" };

    if (bdrv_open(bs, in_dir(name), format, flags, NULL, &err) < 0) {
        printf("# %s\n", err.msg);
        CHECK(!"opens");
    }
    return bs;
}

static void expect_refusal(const char *name, const char *format, const char *says)
{
    BlockDriverState *bs = bdrv_new(NULL);
    Error err = { "" };

    CHECK(bdrv_open(bs, in_dir(name), format, 0, NULL, &err) < 0 && strstr(err.msg, says));
    bdrv_delete(bs);
}

static void put_times(Bytes *b, uint8_t byte, size_t num)
{
    size_t at = b->len;

    put_zeroes(b, num);
    memset(b->data + at, byte, num);
}

static uint8_t byte_of(BlockDriverState *bs, uint64_t off)
{
    uint8_t byte = 0;

    CHECK_EQ(blk_pread(bs, off, &byte, 1), 0);
    return byte;
}

/* -- vpc --------------------------------------------------------------------- */

static void vhd_sum(uint8_t *p, size_t len, size_t at)
{
    uint32_t sum = 0;

    store_be(p + at, 0, 4);
    for (size_t i = 0; i < len; i++) {
        sum += p[i];
    }
    store_be(p + at, ~sum, 4);
}

/* type: 2 fixed, 3 dynamic, 4 differencing; uuid: each byte of it. */
static void put_footer(Bytes *b, uint32_t type, uint64_t size, unsigned cyls, uint8_t uuid)
{
    uint8_t f[SECTOR] = "conectix";

    store_be(f + 8, 2, 4);
    store_be(f + 12, 0x00010000, 4);
    store_be(f + 16, type == 2 ? ~0ull : SECTOR, 8);
    memcpy(f + 28, "vpc ", 4);
    store_be(f + 40, size, 8);
    store_be(f + 48, size, 8);
    store_be(f + 56, cyls, 2);
    f[58] = 4;
    f[59] = 17;
    store_be(f + 60, type, 4);
    memset(f + 68, uuid, 16);
    vhd_sum(f, sizeof(f), 64);
    put(b, f, sizeof(f));
}

static void put_header(Bytes *b, uint32_t entries, const char *parent, uint8_t uuid)
{
    uint8_t h[1024] = "cxsparse";

    memset(h + 8, 0xff, 8);
    store_be(h + 16, 1536, 8);
    store_be(h + 24, 0x00010000, 4);
    store_be(h + 28, entries, 4);
    store_be(h + 32, VHD_BLOCK, 4);
    memset(h + 40, uuid, 16);
    for (size_t i = 0; parent && parent[i]; i++) {
        h[64 + 2 * i + 1] = (uint8_t)parent[i];
    }
    vhd_sum(h, sizeof(h), 36);
    put(b, h, sizeof(h));
}

/* A table of a sector, whose entry `n` is the block at 2048, which comes next. */
static void put_table(Bytes *b, uint32_t n)
{
    size_t at = b->len;

    put_times(b, 0xff, SECTOR);
    store_be(b->data + at + n * 4, 2048 / SECTOR, 4);
}

/* Its size is 9 MiB for some programs; for us as the geometry says, 3 blocks. */
TEST(a_vpc_block_behind_the_geometry_stays)
{
    Bytes b = { NULL, 0 };
    uint8_t entry[20], data[16];

    put_footer(&b, 3, 9 << 20, 150, 1);
    put_header(&b, 5, NULL, 0);
    put_table(&b, 4);
    put_times(&b, 0xff, SECTOR);
    put_times(&b, 0x77, VHD_BLOCK);
    put_footer(&b, 3, 9 << 20, 150, 1);
    write_file("a.vhd", &b);
    BlockDriverState *bs = open_image("a.vhd", "vpc", BDRV_O_RDWR);

    CHECK_EQ(blk_length(bs), 150 * 4 * 17 * SECTOR);
    CHECK_EQ(blk_pwrite(bs, 0, "x", 1), 0);
    bdrv_delete(bs);
    read_file("a.vhd", 1536, entry, sizeof(entry));
    CHECK_EQ(load_be(entry + 16, 4), 4);
    CHECK(load_be(entry, 4) >= (2048 + SECTOR + VHD_BLOCK) / SECTOR);
    read_file("a.vhd", 2048 + SECTOR, data, sizeof(data));
    CHECK_EQ(data[0], 0x77);
}

TEST(what_is_written_into_a_vpc_block_has_its_bit)
{
    Bytes b = { NULL, 0 };
    uint8_t bits[2];

    put_footer(&b, 3, 150 * 4 * 17 * SECTOR, 150, 1);
    put_header(&b, 3, NULL, 0);
    put_table(&b, 0);
    put_times(&b, 0x80, 1);
    put_zeroes(&b, SECTOR - 1);
    put_zeroes(&b, VHD_BLOCK);
    put_footer(&b, 3, 150 * 4 * 17 * SECTOR, 150, 1);
    write_file("b.vhd", &b);
    BlockDriverState *bs = open_image("b.vhd", "vpc", BDRV_O_RDWR);

    CHECK_EQ(blk_pwrite(bs, 8 * SECTOR, "x", 1), 0);
    bdrv_delete(bs);
    read_file("b.vhd", 2048, bits, sizeof(bits));
    CHECK_EQ(bits[1] & 0x80, 0x80);
}

TEST(a_fixed_vpc_with_the_short_footer_opens)
{
    Bytes b = { NULL, 0 };

    put_times(&b, 0x55, 100 * 4 * 17 * SECTOR);
    put_footer(&b, 2, 100 * 4 * 17 * SECTOR, 100, 1);
    b.len--;
    write_file("c.vhd", &b);
    BlockDriverState *bs = open_image("c.vhd", "vpc", 0);

    CHECK_EQ(byte_of(bs, 100 * 4 * 17 * SECTOR - 1), 0x55);
    bdrv_delete(bs);
}

TEST(a_differencing_vpc_takes_only_its_own_parent)
{
    enum { SIZE = 100 * 4 * 17 * SECTOR };

    for (uint8_t uuid = 7; uuid <= 8; uuid++) {
        Bytes b = { NULL, 0 };

        put_times(&b, 0x55, SIZE);
        put_footer(&b, 2, SIZE, 100, 7);
        write_file("parent.vhd", &b);
        put_footer(&b, 4, SIZE, 100, 1);
        put_header(&b, 2, "parent.vhd", uuid);
        put_table(&b, 0);
        put_times(&b, 0x40, 1);         /* sector 1 is here */
        put_zeroes(&b, SECTOR - 1);
        put_times(&b, 0x66, VHD_BLOCK);
        put_footer(&b, 4, SIZE, 100, 1);
        write_file("child.vhd", &b);
        if (uuid == 8) {
            expect_refusal("child.vhd", "vpc", "another UUID");
            return;
        }
        BlockDriverState *bs = open_image("child.vhd", "vpc", 0);

        CHECK_EQ(byte_of(bs, 0), 0x55);
        CHECK_EQ(byte_of(bs, SECTOR), 0x66);
        CHECK_EQ(byte_of(bs, SIZE - 1), 0x55);
        bdrv_delete(bs);
    }
}

/* -- vdi --------------------------------------------------------------------- */

/* Four blocks; the file has room 1 and room 3 in use, and thinks 4 are. */
TEST(a_vdi_whose_rooms_are_not_in_a_row_can_be_filled)
{
    enum { SIZE = 1 << 20 };
    static const uint32_t map[4] = { 3, 0xffffffff, 0xfffffffe, 1 };
    Bytes b = { NULL, 0 };

    put_zeroes(&b, 1024);
    store_le(b.data + 0x40, 0xbeda107f, 4);
    store_le(b.data + 0x44, 0x00010001, 4);
    store_le(b.data + 0x48, 0x190, 4);
    store_le(b.data + 0x4c, 1, 4);
    store_le(b.data + 0x154, 512, 4);
    store_le(b.data + 0x158, 1024, 4);
    store_le(b.data + 0x168, 512, 4);
    store_le(b.data + 0x170, 4 * SIZE, 8);
    store_le(b.data + 0x178, SIZE, 4);
    store_le(b.data + 0x180, 4, 4);
    store_le(b.data + 0x184, 4, 4);
    for (int i = 0; i < 4; i++) {
        store_le(b.data + 512 + 4 * i, map[i], 4);
    }
    put_times(&b, 0xee, 4 * SIZE);      /* what was in the unused ones */
    write_file("a.vdi", &b);
    BlockDriverState *bs = open_image("a.vdi", "vdi", BDRV_O_RDWR);
    BlockCheck res = { 0 };

    CHECK_EQ(blk_pwrite(bs, 1 * SIZE + 5, "a", 1), 0);
    CHECK_EQ(blk_pwrite(bs, 2 * SIZE + 5, "b", 1), 0);
    CHECK_EQ(byte_of(bs, 1 * SIZE), 0);
    CHECK_EQ(byte_of(bs, 1 * SIZE + 5), 'a');
    CHECK_EQ(byte_of(bs, 3 * SIZE - 1), 0);
    CHECK_EQ(byte_of(bs, 2 * SIZE + 5), 'b');
    CHECK_EQ(byte_of(bs, 0), 0xee);
    CHECK_EQ(bs->drv->check(bs, &res, 0, NULL), 0);
    CHECK_EQ(res.corruptions + res.leaks, 0);
    bdrv_delete(bs);
}

/* -- vmdk -------------------------------------------------------------------- */

TEST(blanks_in_a_vmdk_descriptor)
{
    static const char text[] =
        "# Disk DescriptorFile\r\nversion=1\r\nCID=00000001\r\nparentCID=ffffffff\r\n"
        "createType=\"custom\"\r\n  RW 100 FLAT \"one\" 0\r\nRW\t50\tFLAT\t\"two\"\t0\r\n"
        " \tRDONLY 7 ZERO\r\n";
    Bytes b = { NULL, 0 };

    put_times(&b, 1, 100 * SECTOR);
    write_file("one", &b);
    put_times(&b, 2, 50 * SECTOR);
    write_file("two", &b);
    put(&b, text, strlen(text));
    write_file("a.vmdk", &b);
    BlockDriverState *bs = open_image("a.vmdk", "vmdk", 0);

    CHECK_EQ(blk_length(bs), 157 * SECTOR);
    CHECK_EQ(byte_of(bs, 99 * SECTOR), 1);
    CHECK_EQ(byte_of(bs, 100 * SECTOR), 2);
    CHECK_EQ(byte_of(bs, 156 * SECTOR), 0);
    bdrv_delete(bs);
}

TEST(a_vmdk_of_no_sectors_is_not_made)
{
    Error err = { "" };

    CHECK(bdrv_create("vmdk", in_dir("none.vmdk"), 0, &(BlockOpts){ NULL, 0 }, &err) < 0);
    CHECK(strstr(err.msg, "at least one sector"));
}

/* -- cow --------------------------------------------------------------------- */

static int in_flight;

static void on_done(void *opaque, int ret)
{
    (void)opaque;
    CHECK_EQ(ret, 0);
    in_flight--;
}

/* So many pages of the bitmap that it is written out while bits are set in it. */
TEST(bits_of_a_cow_set_at_the_same_time)
{
    enum { PAGES = 512, N = 8 };
    uint64_t far = 20ull << 30, page = 16 << 20;
    uint8_t data[N][SECTOR];
    struct iovec iov[N];
    QEMUIOVector q[N];
    Bytes b = { NULL, 0 };

    put_be(&b, 0x4f4f4f4d, 4);
    put_be(&b, 2, 4);
    put_zeroes(&b, 1040 - b.len);
    put_be(&b, 32ull << 30, 8);
    put_be(&b, SECTOR, 4);
    put_be(&b, 0, 4);
    write_file("a.cow", &b);
    CHECK_EQ(truncate(in_dir("a.cow"), (40ll << 30)), 0);
    BlockDriverState *bs = open_image("a.cow", "cow", BDRV_O_RDWR);

    for (int i = 0; i < PAGES; i++) {
        CHECK_EQ(blk_pwrite(bs, page * (uint64_t)(i + 1), data[0], SECTOR), 0);
    }
    for (int i = 0; i < N; i++) {
        memset(data[i], 0x70 + i, SECTOR);
        iov_init_buf(&q[i], &iov[i], data[i], SECTOR);
        in_flight++;
        blk_aio_pwritev(bs, far + (uint64_t)i * SECTOR, &q[i], on_done, NULL);
    }
    blk_drain(bs);
    CHECK_EQ(in_flight, 0);
    for (int i = 0; i < N; i++) {
        CHECK_EQ(byte_of(bs, far + (uint64_t)i * SECTOR), 0x70 + i);
    }
    bdrv_delete(bs);
}
