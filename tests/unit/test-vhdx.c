/* SPDX-License-Identifier: MIT */
/*
 * vhdx: logs, made by hand, and what they do to an image ([MS-VHDX] 2.3); items
 * and regions nobody knows (2.2.3, 2.6).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/block-int.h"
#include "block/vhdx-log.h"
#include "tests/test.h"
#include "tests/unit/temp-file.h"
#include "util/bits.h"
#include "util/mem.h"

enum {
    UNIT = 4096, MIB = 1 << 20, DISK = 8 * MIB, REGIONS_AT = 192 << 10, REGIONS = 64 << 10,
    MAX_LOG = 4 * MIB,
};

static const uint8_t log_guid[16] = "the log of today";

static uint64_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
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

/* -- A log by hand ----------------------------------------------------------- */

typedef struct Desc { uint64_t off, zero; uint8_t fill; } Desc;     /* zero: bytes, or 0: data */

static struct {
    uint8_t ring[MAX_LOG];
    uint32_t len;
    uint64_t flushed, last;             /* of the entries made from now on */
} hand;

static void new_log(uint32_t len)
{
    memset(&hand, 0, sizeof(hand));
    hand.len = len;
}

static void put_desc(uint8_t *d, uint8_t *data, const Desc *from, uint64_t number)
{
    memcpy(d, from->zero ? "zero" : "desc", 4);
    memset(d + 4, from->fill, 12);
    store_le(d + 16, from->off, 8);
    store_le(d + 24, number, 8);
    if (from->zero) {
        store_le(d + 4, 0, 4);
        store_le(d + 8, from->zero, 8);
        return;
    }
    memcpy(data, "data", 4);
    store_le(data + 4, number >> 32, 4);
    memset(data + 8, from->fill, UNIT - 12);
    store_le(data + UNIT - 4, number & 0xffffffff, 4);
}

/* The place behind it. */
static uint32_t put_entry(uint32_t at, uint64_t number, uint32_t tail, const Desc *descs,
                          int num)
{
    uint8_t *e = xzalloc((size_t)(1 + num) * UNIT);
    uint32_t len = UNIT;

    for (int i = 0; i < num; i++) {
        put_desc(e + 64 + 32 * i, e + len, &descs[i], number);
        len += descs[i].zero ? 0 : UNIT;
    }
    memcpy(e, "loge", 4);
    store_le(e + 8, len, 4);
    store_le(e + 12, tail, 4);
    store_le(e + 16, number, 8);
    store_le(e + 24, (uint64_t)num, 4);
    memcpy(e + 32, log_guid, 16);
    store_le(e + 48, hand.flushed, 8);
    store_le(e + 56, hand.last, 8);
    store_le(e + 4, vhdx_crc32c(0, e, len), 4);
    for (uint32_t i = 0; i < len; i++) {
        hand.ring[(at + i) % hand.len] = e[i];
    }
    free(e);
    return (at + len) % hand.len;
}

/* Entries of one page each, from that number to the other; page and fill are the number. */
static uint32_t put_run(uint32_t at, uint64_t from, uint64_t to, uint32_t tail)
{
    for (uint64_t n = from; n <= to; n++) {
        at = put_entry(at, n, tail, &(Desc){ n * UNIT, 0, (uint8_t)n }, 1);
    }
    return at;
}

static struct { int num; uint64_t off[1000]; } pages;

static int note_page(void *opaque, uint64_t off, const uint8_t *data, uint64_t len)
{
    (void)opaque;
    CHECK(!data || (data[0] == data[len - 1] && data[0] == (uint8_t)(off / UNIT)));
    if (pages.num < 1000) {
        pages.off[pages.num++] = off;
    }
    return 0;
}

static int replay(Error *err)
{
    char *path = temp_file();
    BlockDriverState *bs = bdrv_new(NULL);
    uint64_t size;

    poke(path, 0, hand.ring, hand.len);
    CHECK_EQ(bdrv_open(bs, path, "raw", 0, NULL, err), 0);
    VhdxLog log = { .file = bs, .length = hand.len };

    memcpy(log.guid, log_guid, 16);
    pages.num = 0;
    int ret = vhdx_log_replay(&log, note_page, NULL, &size, err);

    bdrv_delete(bs);
    drop(path);
    return ret;
}

/* What is replayed is the run of these numbers. */
static void expect_run(uint64_t from, uint64_t to)
{
    Error err = { "" };

    CHECK_EQ(replay(&err), 1);
    CHECK_STR(err.msg, "");
    CHECK_EQ(pages.num, to - from + 1);
    for (int i = 0; i < pages.num; i++) {
        CHECK_EQ(pages.off[i], (from + (uint64_t)i) * UNIT);
    }
}

/* A program keeps its log GUID as long as the image is open (2.3.2). */
TEST(a_long_log_of_one_session_is_replayed)
{
    new_log(MIB);
    put_run(0, 1, 100, 0);
    expect_run(1, 100);
    new_log(MIB);
    put_run(0, 1, 128, 100 * 2 * UNIT);         /* full; what is before the tail is done */
    expect_run(101, 128);
}

TEST(a_log_goes_on_at_its_start)
{
    new_log(MIB);
    put_run(200 * UNIT, 1, 60, 200 * UNIT);
    expect_run(1, 60);
    new_log(MIB);
    put_run(255 * UNIT, 1, 127, 255 * UNIT);    /* the first lies across the end */
    expect_run(1, 127);
}

/* As a busy program leaves it: around several times, old entries behind the new,
 * and one that a crash has torn between them. */
TEST(old_and_torn_entries_are_left_out)
{
    new_log(MIB);
    uint32_t at = put_run(0, 1, 300, 60 * 2 * UNIT);

    expect_run(189, 300);
    put_entry(at, 301, 0, (Desc[]){ { 0, 0, 1 }, { 0, 0, 2 }, { 0, 0, 3 } }, 3);
    hand.ring[at + 2 * UNIT + 100] ^= 1;
    expect_run(189, 300);
}

/* 2.3.3: a sequence that does not hold the tail of its last entry is none. */
TEST(the_run_with_the_greatest_number_that_holds_its_tail_counts)
{
    new_log(MIB);
    put_run(0, 500, 540, 250 * UNIT);
    put_run(90 * UNIT, 10, 13, 92 * UNIT);
    put_run(110 * UNIT, 20, 60, 130 * UNIT);
    put_run(200 * UNIT, 30, 40, 200 * UNIT);
    expect_run(30, 60);
}

TEST(a_run_that_is_followed_by_an_older_one)
{
    new_log(MIB);
    put_run(put_run(0, 70, 99, 10 * UNIT), 20, 60, 60 * UNIT);
    expect_run(75, 99);
    new_log(MIB);
    put_run(put_run(0, 20, 60, 0), 70, 99, 82 * UNIT);
    expect_run(70, 99);
}

/* Each unit says it is an entry that reaches around the log: an end is made. */
TEST(entries_upon_each_other_are_refused)
{
    Error err = { "" };

    new_log(MAX_LOG);
    for (uint32_t at = 0; at < hand.len; at += UNIT) {
        put_entry(at, 1, 0, NULL, 0);
        store_le(hand.ring + at + 8, hand.len, 4);
    }
    CHECK_EQ(replay(&err), (uint64_t)-EINVAL);
    CHECK(strstr(err.msg, "lie upon each other"));
}

/* -- In an image ------------------------------------------------------------- */

static void sum(uint8_t *p, size_t len)
{
    store_le(p + 4, 0, 4);
    store_le(p + 4, vhdx_crc32c(0, p, len), 4);
}

static void put_log(const char *path)
{
    uint8_t h[UNIT];

    peek(path, 128 << 10, h, UNIT);
    store_le(h + 8, load_le(h + 8, 8) + 10, 8);
    memcpy(h + 48, log_guid, 16);
    sum(h, UNIT);
    poke(path, 128 << 10, h, UNIT);
    poke(path, MIB, hand.ring, hand.len);
}

/* LastFileOffset is the size the file must have; what was not there is zero. */
TEST(zeroes_beyond_the_end_of_the_file_are_replayed)
{
    char *path = new_image("block_size=1M,log_size=1M");
    uint8_t buf[UNIT];

    CHECK_EQ(size_of(path), 4 * MIB);
    new_log(MIB);
    hand.flushed = 4 * MIB;
    hand.last = 9 * MIB;
    put_entry(0, 1, 0, (Desc[]){ { 7 * MIB, 64 << 10, 0 }, { 8 * MIB, 0, 0xab },
                                 { 8 * MIB - UNIT, MIB, 0 }, { 6 * MIB, 0, 0xcd } }, 4);
    put_log(path);
    opens(path, 0);
    CHECK_EQ(size_of(path), 4 * MIB);
    opens(path, BDRV_O_RDWR);
    CHECK_EQ(size_of(path), 9 * MIB);
    peek(path, 8 * MIB, buf, UNIT);
    CHECK(buf_is_zero(buf, UNIT));
    peek(path, 6 * MIB, buf, UNIT);
    CHECK_EQ(buf[0], 0xcd);
    opens(path, 0);
    drop(path);
}

/* The same for a reader, who must not make the file longer. */
TEST(a_block_that_only_the_log_makes_room_for_is_read_as_zeroes)
{
    char *path = new_image("block_size=1M,log_size=1M");
    uint8_t buf[512] = { 1 };

    new_log(MIB);
    hand.flushed = 4 * MIB;
    hand.last = 9 * MIB;
    put_entry(0, 1, 0, &(Desc){ 3 * MIB, 0, 0 }, 1);
    store_le(hand.ring + 64 + 8, 7 * MIB | 6, 8);       /* present, at 7 MiB */
    store_le(hand.ring + 4, 0, 4);
    store_le(hand.ring + 4, vhdx_crc32c(0, hand.ring, 2 * UNIT), 4);
    put_log(path);
    for (int i = 0; i < 2; i++) {
        BlockDriverState *bs = open_ok(path, i ? BDRV_O_RDWR : 0);

        if (bs) {
            CHECK_EQ(blk_pread(bs, 0, buf, sizeof(buf)), 0);
            CHECK(buf_is_zero(buf, sizeof(buf)));
        }
        bdrv_delete(bs);
        CHECK_EQ(size_of(path), i ? 9 * MIB : 4 * MIB);
    }
    drop(path);
}

TEST(a_log_does_not_make_a_monstrous_file)
{
    static const struct { uint64_t last; Desc desc; const char *says; } logs[] = {
        { 1ull << 60, { 3 * MIB, UNIT, 0 }, "a file of 1152921504606846976 bytes" },
        { ~0ull, { 3 * MIB, UNIT, 0 }, "a file of" },
        { 4 * MIB, { 1ull << 50, 0, 0 }, "cannot be replayed" },
        { 4 * MIB, { 1ull << 50, UNIT, 0 }, "cannot be replayed" },
        { 4 * MIB, { 4 * MIB, 1ull << 50, 0 }, "cannot be replayed" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
        char *path = new_image("block_size=1M,log_size=1M");

        new_log(MIB);
        hand.last = logs[i].last;
        put_entry(0, 1, 0, &logs[i].desc, 1);
        put_log(path);
        refused(path, 0, logs[i].says);
        refused(path, BDRV_O_RDWR, logs[i].says);
        CHECK_EQ(size_of(path), 4 * MIB);
        drop(path);
    }
}

/* Who may not write has to keep them in memory; somebody else must replay it. */
TEST(a_log_too_long_for_memory_says_what_to_do)
{
    static const struct { Desc first; int step; } logs[] = {
        { { 20 * MIB, 0, 0 }, UNIT }, { { 6 * MIB, 2 * MIB, 0 }, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
        char *path = new_image("block_size=1M,log_size=4M");
        Desc descs[126];
        uint32_t at = 0;

        new_log(4 * MIB);
        for (unsigned n = 0; n < 5; n++) {
            for (unsigned k = 0; k < 126; k++) {
                descs[k] = logs[i].first;
                descs[k].off += (uint64_t)logs[i].step * (126 * n + k);
            }
            at = put_entry(at, n + 1, 0, descs, 126);
        }
        put_log(path);
        refused(path, 0, "qemu-img check -r all");
        opens(path, BDRV_O_RDWR);
        opens(path, 0);
        drop(path);
    }
}

/* -- What the file had when an entry was written ----------------------------- */

static void copy_file(const char *from, const char *to)
{
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_TRUNC);

    while (sendfile(out, in, NULL, 1 << 20) > 0) {
    }
    close(in);
    close(out);
}

/* An open image, as a program that is killed leaves it. */
static void opens_after_kill(const char *path)
{
    char *copy = temp_file();

    copy_file(path, copy);
    opens(copy, 0);
    opens(copy, BDRV_O_RDWR);
    drop(copy);
}

/* FlushedFileOffset: a file that is shorter has been truncated (2.3.1.1). */
TEST(a_write_that_failed_does_not_count_as_length)
{
    char *path = new_image("block_size=1M,log_size=1M"), *conf = temp_file();
    char *name = xasprintf("blkdebug:%s:%s", conf, path);
    char *rule = xasprintf("[inject-error]\nevent = \"write_aio\"\nerrno = \"28\"\n"
                           "sector = \"%d\"\nonce = \"on\"\n", 6 * MIB / 512 - 1);

    poke(conf, 0, rule, strlen(rule));
    BlockDriverState *bs = open_ok(name, BDRV_O_RDWR);

    if (bs) {
        CHECK_EQ(blk_pwrite(bs, 0, rule, 64), 0);
        CHECK_EQ(blk_pwrite(bs, 5 * MIB, rule, 64), (uint64_t)-ENOSPC);
        CHECK_EQ(blk_flush(bs), 0);
        CHECK(size_of(path) < 6 * MIB);
        opens_after_kill(path);
    }
    bdrv_delete(bs);
    free(rule);
    free(name);
    drop(conf);
    drop(path);
}

TEST(a_discard_does_not_count_as_length)
{
    char *path = new_image("block_size=1M,log_size=1M");
    BlockDriverState *bs = open_ok(path, BDRV_O_RDWR);

    CHECK_EQ(blk_pwrite(bs, 0, path, 8), 0);
    bdrv_delete(bs);
    CHECK_EQ(truncate(path, 5 * MIB - UNIT), 0);        /* no more was ever written */
    bs = open_ok(path, BDRV_O_RDWR | BDRV_O_UNMAP);
    if (bs) {
        CHECK_EQ(blk_discard(bs, 0, MIB), 0);
        CHECK_EQ(bs->file->length, 5 * MIB - UNIT);
    }
    bdrv_delete(bs);
    drop(path);
}

static struct {
    BlockDriver driver;
    const BlockDriver *below;
    uint64_t safe;                      /* bytes that survive a power cut */
    int entries;
} slow;

static int slow_flush(BlockDriverState *bs)
{
    uint64_t length = bs->length;

    aio_co_sleep(20 * 1000000);
    slow.safe = length;
    return 0;
}

static int watch_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                         const QEMUIOVector *qiov, size_t at)
{
    uint8_t e[64] = { 0 };

    iov_to_buf(qiov, at, e, MIN(len, sizeof(e)));
    if (memcmp(e, "loge", 4) == 0) {
        CHECK(load_le(e + 48, 8) <= slow.safe);
        slow.entries++;
    }
    return slow.below->co_pwritev(bs, off, len, qiov, at);
}

static void on_done(void *opaque, int ret)
{
    (void)opaque;
    CHECK_EQ(ret, 0);
}

/* The size "must have been stable on the host disk" (2.3.1.1): what others write
 * while the data is flushed does not count. */
TEST(the_length_an_entry_names_is_safe)
{
    static uint8_t data[64 << 10];
    static struct iovec iov;
    static QEMUIOVector q;
    char *path = new_image("block_size=1M,log_size=1M");
    BlockDriverState *bs = open_ok(path, BDRV_O_RDWR);

    memset(&slow, 0, sizeof(slow));
    slow.below = bs->file->drv;
    slow.driver = *slow.below;
    slow.driver.co_pwritev = watch_pwritev;
    slow.driver.co_flush_to_disk = slow_flush;
    bs->file->drv = &slow.driver;
    CHECK_EQ(blk_pwrite(bs, 0, "x", 1), 0);
    iov_init_buf(&q, &iov, data, sizeof(data));
    blk_aio_flush(bs, on_done, NULL);
    blk_aio_pwritev(bs, 5 * MIB, &q, on_done, NULL);
    blk_drain(bs);
    CHECK_EQ(blk_flush(bs), 0);
    CHECK_EQ(slow.entries, 2);
    bdrv_delete(bs);
    drop(path);
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
