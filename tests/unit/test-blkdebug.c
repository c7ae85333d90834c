/* SPDX-License-Identifier: MIT */
/*
 * Disks that fail, are slow, are limited or write zeroes: blkdebug, null, throttling,
 * detect-zeroes, discard.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/block-int.h"
#include "block/drive.h"
#include "sys/loop.h"
#include "tests/test.h"
#include "util/bits.h"
#include "util/mem.h"

enum { DISK = 1 << 20 };
#define MS 1000000ll

static char *image, *config;

static void write_config(const char *text)
{
    const char *dir = getenv("TMPDIR") ?: "/var/tmp";

    if (!image) {
        image = xasprintf("%s/test-blkdebug-%d.raw", dir, (int)getpid());
        config = xasprintf("%s/test-blkdebug-%d.conf", dir, (int)getpid());
    }
    FILE *f = fopen(image, "w");

    for (int i = 0; i < DISK; i++) {
        fputc(0x11, f);
    }
    fclose(f);
    f = fopen(config, "w");
    fputs(text, f);
    fclose(f);
}

static BlockDriverState *open_debug(const char *text, Error *err)
{
    BlockDriverState *bs = bdrv_new("d");

    write_config(text);
    char *name = xasprintf("blkdebug:%s:%s", config, image);
    int ret = bdrv_open(bs, name, "raw", BDRV_O_RDWR | BDRV_O_UNMAP, NULL, err);
    free(name);
    if (ret < 0) {
        bdrv_delete(bs);
        return NULL;
    }
    return bs;
}

static void done(BlockDriverState *bs)
{
    bdrv_delete(bs);
    unlink(image);
    unlink(config);
}

TEST(errors_hit_their_event_and_sector)
{
    BlockDriverState *bs = open_debug("# rules\n[inject-error]\nevent = \"write_aio\"\n"
                                      "errno = \"28\"\nsector = \"8\"\n", NULL);
    uint8_t buf[1024] = { 1 };

    CHECK(bs != NULL);
    CHECK_EQ(blk_pwrite(bs, 4096 - 512, buf, 512), 0);
    CHECK_EQ(blk_pwrite(bs, 4096 - 512, buf, 1024), -ENOSPC);
    CHECK_EQ(blk_pwrite(bs, 4096 + 512, buf, 512), 0);
    CHECK_EQ(blk_pread(bs, 4096, buf, 512), 0);
    CHECK_EQ(buf[0], 0x11);
    done(bs);
}

TEST(comments)
{
    Error err = { "" };
    BlockDriverState *bs = open_debug("# rules\n[inject-error]  # one\n"
                                      "event = \"write_aio\"\t# a = b\n", &err);

    CHECK_STR(err.msg, "");
    if (bs) {
        done(bs);
    }
}

TEST(once_and_states)
{
    BlockDriverState *bs = open_debug(
        "[inject-error]\nevent = \"read_aio\"\nonce = \"on\"\n"
        "[set-state]\nevent = \"flush_to_disk\"\nstate = \"1\"\nnew_state = \"2\"\n"
        "[inject-error]\nevent = \"write_aio\"\nstate = \"2\"\nerrno = \"5\"\n", NULL);
    uint8_t buf[512] = { 1 };

    CHECK_EQ(blk_pread(bs, 0, buf, 512), -EIO);
    CHECK_EQ(blk_pread(bs, 0, buf, 512), 0);
    CHECK_EQ(blk_pwrite(bs, 0, buf, 512), 0);
    CHECK_EQ(blk_flush(bs), 0);
    CHECK_EQ(blk_pwrite(bs, 0, buf, 512), -EIO);
    done(bs);
}

TEST(bad_rules_are_named)
{
    static const char *const bad[] = {
        "[explode]\n", "event = \"read_aio\"\n", "[delay]\nevent = \"x\"\n",
        "[delay]\ndelay = \"-1\"\n", "[delay]\ndelay = \"5\"\n", "[delay]\nnonsense\n",
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        Error err = { "" };

        CHECK(open_debug(bad[i], &err) == NULL);
        CHECK(strstr(err.msg, "test-blkdebug") != NULL);
    }
    unlink(image);
    unlink(config);
}

static int completed, failed, ticks;
static void complete(void *opaque, int ret)
{
    (void)opaque;
    completed++;
    failed += ret < 0;
}
static AioTimer tick_timer;
static void tick(void *opaque)
{
    (void)opaque;
    ticks++;
    aio_timer_set(&tick_timer, 10 * MS);
}

/* Each request takes two seconds on the host: the device gets its thread back at once,
 * the loop goes on, and requests wait side by side, not one after the other. */
TEST(a_slow_host_stops_nobody)
{
    BlockDriverState *bs = open_debug("[delay]\nevent = \"read_aio\"\ndelay = \"2000\"\n"
                                      "[delay]\nevent = \"write_aio\"\ndelay = \"2000\"\n", NULL);
    static uint8_t mem[8][4096];
    struct iovec one[8];
    QEMUIOVector q[8];

    completed = failed = ticks = 0;
    tick_timer = (AioTimer){ .fn = tick };
    global_lock();
    int64_t began = aio_now_ns(), submitted;
    for (int i = 0; i < 8; i++) {
        iov_init_buf(&q[i], &one[i], mem[i], sizeof(mem[i]));
        if (i & 1) {
            blk_aio_preadv(bs, (uint64_t)i * 8192, &q[i], complete, NULL);
        } else {
            blk_aio_pwritev(bs, (uint64_t)i * 8192, &q[i], complete, NULL);
        }
    }
    submitted = aio_now_ns() - began;
    CHECK(submitted < 500 * MS);
    CHECK_EQ(completed, 0);
    tick(NULL);
    while (completed < 8) {
        loop_run_once(-1);
    }
    int64_t took = aio_now_ns() - began;
    global_unlock();
    aio_timer_cancel(&tick_timer);
    CHECK(took >= 2000 * MS && took < 3500 * MS);
    CHECK(ticks > 50);
    CHECK_EQ(failed, 0);
    CHECK_EQ(mem[1][0], 0x11);
    done(bs);
}

/* -- Null -------------------------------------------------------------------- */

TEST(null_disks)
{
    static const char *const names[] = { "null-co://", "null-aio://" };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        BlockDriverState *bs = bdrv_new("d");
        BlockOpts o = { NULL, 0 };
        uint8_t buf[512] = { 1 };

        opts_parse(&o, "size=5M,read-zeroes=on,latency-ns=20000000", NULL);
        CHECK_EQ(bdrv_open(bs, names[i], "raw", BDRV_O_RDWR, &o, NULL), 0);
        CHECK_EQ(blk_length(bs), 5 << 20);
        int64_t began = aio_now_ns();
        CHECK_EQ(blk_pwrite(bs, 0, buf, 512), 0);
        CHECK(aio_now_ns() - began >= 20 * MS);
        CHECK_EQ(blk_pread(bs, 0, buf, 512), 0);
        CHECK_EQ(buf[0], 0);
        CHECK_EQ(blk_pread(bs, 5 << 20, buf, 512), -EIO);
        opts_free(&o);
        bdrv_delete(bs);
    }
}

/* -- Limits ------------------------------------------------------------------ */

/* How long so many requests take, submitted at once; drain: when they are drained. */
static int64_t time_requests(const char *limits, int num, uint32_t len, bool write, bool drain)
{
    BlockDriverState *bs = bdrv_new("d");
    BlockOpts o = { NULL, 0 };
    Error err = { "" };
    uint8_t *mem = xzalloc(len);
    struct iovec one;
    QEMUIOVector q;

    CHECK_EQ(opts_parse(&o, limits, NULL), 0);
    CHECK_EQ(throttle_parse(&o, &blk_conf(bs)->limits, &err), 0);
    CHECK_EQ(bdrv_open(bs, "null-co://", "raw", BDRV_O_RDWR, NULL, NULL), 0);
    iov_init_buf(&q, &one, mem, len);
    completed = 0;
    int64_t began = aio_now_ns();
    for (int i = 0; i < num; i++) {
        if (write) {
            blk_aio_pwritev(bs, 0, &q, complete, NULL);
        } else {
            blk_aio_preadv(bs, 0, &q, complete, NULL);
        }
    }
    while (!drain && completed < num) {
        aio_poll();
    }
    blk_drain(bs);
    CHECK_EQ(completed, num);
    int64_t took = aio_now_ns() - began;
    bdrv_delete(bs);
    opts_free(&o);
    free(mem);
    return took;
}

/* Who quits, resets or ejects does not wait for the limit. */
TEST(a_limit_does_not_hold_a_drain_up)
{
    CHECK(time_requests("bps=1", 5, 4096, true, true) < 2000 * MS);
}

TEST(limits_hold)
{
    /* 100 a second, ten of them (a tenth of a second) and one more at once. */
    int64_t t = time_requests("iops=100", 41, 512, false, false);
    CHECK(t >= 290 * MS && t < 900 * MS);
    t = time_requests("iops_wr=100", 41, 512, false, false);
    CHECK(t < 200 * MS);
    t = time_requests("iops_wr=100", 41, 512, true, false);
    CHECK(t >= 290 * MS && t < 900 * MS);
    t = time_requests("bps=1M", 5, 128 << 10, true, false);
    CHECK(t >= 390 * MS && t < 1200 * MS);
    /* A burst: all at once. */
    t = time_requests("throttling.iops-total=100,throttling.iops-total-max=1000", 41, 512, true, false);
    CHECK(t < 200 * MS);
}

TEST(limits_that_make_no_sense)
{
    static const char *const bad[] = { "bps=1,bps_rd=1", "iops_max=5", "iops=5,iops_max=4",
                                       "bps=x", "iops=1,iops_wr=1" };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        BlockOpts o = { NULL, 0 };
        BlockLimits l = { { 0 }, { 0 } };
        Error err = { "" };

        opts_parse(&o, bad[i], NULL);
        CHECK_EQ(throttle_parse(&o, &l, &err), -EINVAL);
        CHECK(*err.msg);
        opts_free(&o);
    }
}

/* -- Zeroes and holes -------------------------------------------------------- */

static int64_t blocks_after(BlockDetectZeroes mode, int flags)
{
    BlockDriverState *bs = bdrv_new("d");
    static uint8_t zero[DISK];
    struct iovec one;
    QEMUIOVector q;
    struct stat st;

    write_config("");
    CHECK_EQ(bdrv_open(bs, image, "raw", BDRV_O_RDWR | flags, NULL, NULL), 0);
    blk_conf(bs)->detect_zeroes = mode;
    iov_init_buf(&q, &one, zero, DISK);
    blk_aio_pwritev(bs, 0, &q, complete, NULL);
    blk_drain(bs);
    memset(zero, 1, 4096);
    CHECK_EQ(blk_pread(bs, 0, zero, 4096), 0);
    CHECK(buf_is_zero(zero, 4096));
    stat(image, &st);
    done(bs);
    return st.st_blocks;
}

TEST(detect_zeroes)
{
    CHECK(blocks_after(BLOCK_DETECT_OFF, BDRV_O_UNMAP) >= DISK / 512);
    CHECK(blocks_after(BLOCK_DETECT_UNMAP, 0) >= DISK / 512);
    CHECK_EQ(blocks_after(BLOCK_DETECT_UNMAP, BDRV_O_UNMAP), 0);
}

static int64_t blocks_after_discard(int flags)
{
    BlockDriverState *bs = bdrv_new("d");
    struct stat st;

    write_config("");
    CHECK_EQ(bdrv_open(bs, image, "raw", BDRV_O_RDWR | flags, NULL, NULL), 0);
    CHECK_EQ(blk_discard(bs, 0, DISK), 0);
    stat(image, &st);
    done(bs);
    return st.st_blocks;
}

/* discard=unmap gives the room back, ignore keeps it. */
TEST(discard_gives_room_back)
{
    CHECK(blocks_after_discard(0) >= DISK / 512);
    CHECK_EQ(blocks_after_discard(BDRV_O_UNMAP), 0);
}

TEST(drive_options)
{
    Error err = { "" };

    CHECK(drive_add("file=null-co://,if=none,id=a,detect-zeroes=unmap", IF_IDE, &err) < 0);
    CHECK(strstr(err.msg, "discard=unmap") != NULL);
    CHECK(drive_add("file=null-co://,if=none,id=a,bps=1M,bps_wr=2M", IF_IDE, &err) < 0);
    CHECK_EQ(drive_add("file=null-co://,format=raw,if=none,id=a,detect-zeroes=unmap,"
                       "discard=unmap,iops=7,size=3M", IF_IDE, &err), 0);
    CHECK_EQ(drive_open_all(false, &err), 0);
    BlockDriverState *bs = bdrv_find("a");

    CHECK(bs && blk_length(bs) == 3 << 20);
    CHECK(bs && blk_conf(bs)->detect_zeroes == BLOCK_DETECT_UNMAP);
    CHECK(bs && blk_conf(bs)->limits.rate[LIMIT_IOPS] == 7);
    drive_close_all();
}
