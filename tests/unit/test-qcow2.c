/* SPDX-License-Identifier: MIT */
/*
 * qcow2: what is written is read back, in every shape of image; every hostile
 * header is a sentence; and after a power failure at any moment the image is
 * consistent and has all that was flushed (test-qcow2-cuts.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/block-int.h"
#include "tests/test.h"
#include "tests/unit/temp-file.h"
#include "util/bits.h"
#include "util/mem.h"

enum { DISK = 4 << 20 };

static uint32_t seed;

static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)(seed >> 4) * below >> 28);
}

/* -- Images ------------------------------------------------------------------ */

static bool is_fast(void)
{
    const char *level = getenv("TEST_LEVEL");

    return level && !strcmp(level, "fast");
}

static int make(const char *path, uint64_t size, const char *options, Error *err)
{
    BlockOpts o = { NULL, 0 };
    int ret = opts_parse(&o, options, err);

    ret = ret < 0 ? ret : bdrv_create("qcow2", path, size, &o, err);
    opts_free(&o);
    return ret;
}

static char *new_image(uint64_t size, const char *options)
{
    char *path = temp_file();
    Error err = { "" };

    if (make(path, size, options, &err) < 0) {
        printf("# %s: %s\n", options, err.msg);
        CHECK(!"created");
    }
    return path;
}

static BlockDriverState *open_image(const char *path, int flags)
{
    BlockDriverState *bs = bdrv_new("disk");
    Error err = { "" };

    if (bdrv_open(bs, path, "qcow2", flags, NULL, &err) < 0) {
        printf("# %s\n", err.msg);
        CHECK(!"opens");
    }
    return bs;
}

static void say(void *opaque, const char *line)
{
    (void)opaque;
    printf("# %s\n", line);
}

static BlockCheck check_image(const char *path, int fix)
{
    BlockDriverState *bs = open_image(path, fix ? BDRV_O_RDWR | BDRV_O_REPAIR : 0);
    BlockCheck res = { .corruptions = 0 };
    Error err = { "" };

    CHECK_EQ(bs->drv->check(bs, &res, fix, &err), 0);
    bdrv_delete(bs);
    return res;
}

static void expect_clean(const char *path)
{
    BlockDriverState *bs = open_image(path, 0);
    BlockCheck res = { .report = say };
    Error err = { "" };

    CHECK_EQ(bs->drv->check(bs, &res, 0, &err), 0);
    CHECK_EQ(res.corruptions, 0);
    CHECK_EQ(res.leaks, 0);
    bdrv_delete(bs);
}

typedef struct Packed { BlockDriverState *bs; uint64_t off, len; QEMUIOVector *q; } Packed;

static int run_packed(void *arg)
{
    Packed *p = arg;

    return bdrv_co_write_compressed(p->bs, p->off, p->len, p->q, 0);
}

static int write_packed(BlockDriverState *bs, uint64_t off, const void *buf, size_t len)
{
    struct iovec one;
    QEMUIOVector q;
    Packed p = { bs, off, len, &q };

    iov_init_buf(&q, &one, (void *)(uintptr_t)buf, len);
    return aio_run_sync(run_packed, &p);
}

/* -- Against a model --------------------------------------------------------- */

static void fill(uint8_t *buf, size_t len)
{
    uint32_t same = rnd(1 << 28);

    for (size_t i = 0; i + 4 <= len; i += 4) {
        uint32_t v = rnd(4) ? same : rnd(1 << 28);

        memcpy(buf + i, &v, 4);
    }
}

static void random_request(BlockDriverState *bs, uint8_t *shadow)
{
    uint32_t off = rnd(DISK / 512) * 512, len = (1 + rnd(rnd(4) ? 64 : 1024)) * 512;

    len = MIN(len, DISK - off);
    uint8_t *buf = xmalloc(len);

    switch (rnd(10)) {
    case 0:
        CHECK_EQ(blk_write_zeroes(bs, off, len), 0);
        memset(shadow + off, 0, len);
        break;
    case 1:                             /* discarded bytes may be anything */
        CHECK_EQ(blk_discard(bs, off, len), 0);
        CHECK_EQ(blk_pread(bs, off, shadow + off, len), 0);
        break;
    case 2:
        CHECK_EQ(blk_flush(bs), 0);
        break;
    case 3:
        off = align_down(off, 65536);
        free(buf);
        buf = xmalloc(65536);
        fill(buf, 65536);
        if (write_packed(bs, off, buf, 65536) == 0) {
            memcpy(shadow + off, buf, 65536);
        }
        break;
    case 4: case 5: case 6:
        fill(buf, len);
        CHECK_EQ(blk_pwrite(bs, off, buf, len), 0);
        memcpy(shadow + off, buf, len);
        break;
    default:
        CHECK_EQ(blk_pread(bs, off, buf, len), 0);
        CHECK(memcmp(buf, shadow + off, len) == 0);
    }
    free(buf);
}

static void expect_content(BlockDriverState *bs, const uint8_t *shadow)
{
    uint8_t *buf = xmalloc(DISK);

    CHECK_EQ(blk_pread(bs, 0, buf, DISK), 0);
    CHECK(memcmp(buf, shadow, DISK) == 0);
    free(buf);
}

static void work(const char *path, uint8_t *shadow, int num)
{
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR | BDRV_O_UNMAP | BDRV_O_NO_FLUSH);

    for (int i = 0; i < num; i++) {
        random_request(bs, shadow);
    }
    expect_content(bs, shadow);
    bdrv_delete(bs);
}

static void model_test(const char *options)
{
    char *path = new_image(DISK, options);
    uint8_t *shadow = xzalloc(DISK);

    seed = 4711;
    for (int round = is_fast() ? 2 : 0; round < 3; round++) {
        work(path, shadow, is_fast() ? 50 : 80);
        expect_clean(path);
    }
    free(shadow);
    drop(path);
}

TEST(every_cluster_size)
{
    model_test("cluster_size=512");
    model_test("cluster_size=4k");
    model_test("cluster_size=64k");
    model_test("cluster_size=2M");
}

TEST(every_refcount_width)
{
    model_test("refcount_bits=1,cluster_size=1k");
    model_test("refcount_bits=2,cluster_size=1k");
    model_test("refcount_bits=4,cluster_size=1k");
    model_test("refcount_bits=8,cluster_size=1k");
    model_test("refcount_bits=32,cluster_size=1k");
    model_test("refcount_bits=64,cluster_size=512");
}

TEST(version_2) { model_test("compat=0.10,cluster_size=4k"); }
TEST(lazy_refcounts) { model_test("lazy_refcounts=on,cluster_size=4k"); }
TEST(subclusters) { model_test("extended_l2=on,cluster_size=16k"); }

TEST(preallocation)
{
    model_test("preallocation=metadata,cluster_size=4k");
    model_test("preallocation=falloc");
    model_test("preallocation=full");
}

TEST(zstd_clusters)
{
#ifndef CONFIG_ZSTD
    TEST_SKIP("built without zstd");
#endif
    model_test("compression_type=zstd,cluster_size=16k");
}

static void backing_test(const char *options)
{
    char *base = new_image(DISK / 2, "cluster_size=1k"), *opts, *path;
    uint8_t *shadow = xzalloc(DISK);
    BlockDriverState *bs = open_image(base, BDRV_O_RDWR);

    seed = 99;
    fill(shadow, DISK / 2);
    memset(shadow + 100000, 0, 300000);
    CHECK_EQ(blk_pwrite(bs, 0, shadow, DISK / 2), 0);
    bdrv_delete(bs);
    opts = xasprintf("backing_file=%s,backing_fmt=qcow2,%s", base, options);
    path = new_image(DISK, opts);
    work(path, shadow, is_fast() ? 80 : 200);
    expect_clean(path);
    free(shadow);
    free(opts);
    drop(path);
    drop(base);
}

TEST(backing_file)
{
    backing_test("cluster_size=64k");
    backing_test("cluster_size=512");
    backing_test("compat=0.10");
    backing_test("extended_l2=on,cluster_size=32k");
}

static void data_file_test(const char *options)
{
    char *data = temp_file(), *opts = xasprintf("data_file=%s,%s", data, options);
    char *path = new_image(DISK, opts);
    uint8_t *shadow = xzalloc(DISK);

    seed = 7;
    work(path, shadow, 200);
    expect_clean(path);
    if (strstr(options, "raw")) {       /* the data file is the disk, byte by byte */
        BlockDriverState *bs = bdrv_new(NULL);
        Error err = { "" };

        CHECK_EQ(bdrv_open(bs, data, "raw", 0, NULL, &err), 0);
        expect_content(bs, shadow);
        bdrv_delete(bs);
    }
    free(shadow);
    free(opts);
    drop(path);
    drop(data);
}

TEST(external_data_file)
{
    data_file_test("cluster_size=4k");
    data_file_test("data_file_raw=on");
    data_file_test("extended_l2=on,cluster_size=16k");
}

/* -- Many requests at a time ------------------------------------------------- */

static int pending;

static void one_done(void *opaque, int ret)
{
    (void)opaque;
    CHECK_EQ(ret, 0);
    pending--;
}

/* 32 writes of different sectors in flight, of few clusters: those that share a
 * cluster must not lose each other's data. */
TEST(writes_in_flight_share_clusters)
{
    char *path = new_image(DISK, "cluster_size=16k");
    uint8_t *shadow = xzalloc(DISK), *buf = xmalloc(32 * 512);
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR);

    seed = 1;
    for (int round = 0; round < 60; round++) {
        struct iovec one[32];
        QEMUIOVector q[32];
        uint32_t start = rnd(DISK / 512 - 64 * 3);

        fill(buf, 32 * 512);
        for (uint32_t i = 0; i < 32; i++) {
            uint64_t off = (start + (i * 37 % 64) * 3) * 512ull;

            iov_init_buf(&q[i], &one[i], buf + i * 512, 512);
            memcpy(shadow + off, buf + i * 512, 512);
            pending++;
            blk_aio_pwritev(bs, off, &q[i], one_done, NULL);
        }
        if (rnd(2)) {
            pending++;
            blk_aio_flush(bs, one_done, NULL);
        }
        blk_drain(bs);
        CHECK_EQ(pending, 0);
    }
    expect_content(bs, shadow);
    bdrv_delete(bs);
    expect_clean(path);
    free(buf);
    free(shadow);
    drop(path);
}

/* An image whose file has these blkdebug rules. */
static BlockDriverState *open_with_rules(const char *path, const char *rules)
{
    char *config = temp_file(), *name = xasprintf("blkdebug:%s:%s", config, path);
    FILE *f = fopen(config, "w");

    fputs(rules, f);
    fclose(f);
    BlockDriverState *bs = open_image(name, BDRV_O_RDWR | BDRV_O_UNMAP);
    free(name);
    drop(config);
    return bs;
}

static void start_write(BlockDriverState *bs, uint64_t off, const uint8_t *data, size_t len,
                        QEMUIOVector *q, struct iovec *one)
{
    iov_init_buf(q, one, (void *)(uintptr_t)data, len);
    pending++;
    blk_aio_pwritev(bs, off, q, one_done, NULL);
}

/* Bytes 2048 to 4095 are data.  The first write, from a subcluster that is none to the
 * middle of this one, takes its time; the second is done before. */
TEST(a_write_leaves_the_rest_of_its_last_subcluster_alone)
{
    char *path = new_image(DISK, "extended_l2=on,cluster_size=64k"), *rules;
    uint8_t *shadow = xzalloc(DISK);
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR);
    QEMUIOVector q[2];
    struct iovec one[2];
    uint64_t num, at;

    memset(shadow + 2048, 1, 2048);
    CHECK_EQ(blk_pwrite(bs, 2048, shadow + 2048, 2048), 0);
    CHECK(bdrv_block_status(bs, 2048, 2048, &num, &at) & BDRV_BLOCK_OFFSET);
    bdrv_delete(bs);
    rules = xasprintf("[delay]\nevent = write_aio\nsector = %u\ndelay = 200\n"
                      "[delay]\nevent = write_aio\nsector = %u\ndelay = 50\n",
                      (unsigned)(at / 512) - 4, (unsigned)(at / 512) + 2);
    bs = open_with_rules(path, rules);
    CHECK_EQ(blk_pread(bs, 0, shadow, 4096), 0);        /* the entry is known, too */
    memset(shadow, 2, 2560);
    memset(shadow + 3072, 3, 512);
    start_write(bs, 0, shadow, 2560, &q[0], &one[0]);
    start_write(bs, 3072, shadow + 3072, 512, &q[1], &one[1]);
    blk_drain(bs);
    expect_content(bs, shadow);
    bdrv_delete(bs);
    expect_clean(path);
    free(rules);
    free(shadow);
    drop(path);
}

/* -- Snapshots --------------------------------------------------------------- */

static void snapshot(const char *path, char what, const char *name)
{
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR);
    BlockSnapshot sn = { .date_sec = 1, .icount = ~0ull };
    Error err = { "" };
    int ret;

    snprintf(sn.name, sizeof(sn.name), "%s", name);
    ret = what == 'c' ? bs->drv->snapshot_create(bs, &sn, &err)
        : what == 'a' ? bs->drv->snapshot_goto(bs, name, &err)
                      : bs->drv->snapshot_delete(bs, name, &err);
    if (ret < 0) {
        printf("# %s\n", err.msg);
    }
    CHECK_EQ(ret, 0);
    bdrv_delete(bs);
    expect_clean(path);
}

static void snapshot_test(const char *options)
{
    char *path = new_image(DISK, options);
    uint8_t *now = xzalloc(DISK), *first = xmalloc(DISK);
    int num = is_fast() ? 25 : 60;

    seed = 12;
    work(path, now, num);
    snapshot(path, 'c', "first");
    memcpy(first, now, DISK);
    work(path, now, num);
    expect_clean(path);
    snapshot(path, 'c', "second");
    snapshot(path, 'a', "first");
    memcpy(now, first, DISK);
    work(path, now, num);
    snapshot(path, 'd', "1");
    work(path, now, num);
    snapshot(path, 'd', "second");
    work(path, now, num);
    expect_clean(path);
    free(now);
    free(first);
    drop(path);
}

TEST(snapshots)
{
    snapshot_test("cluster_size=4k");
    snapshot_test("compat=0.10");
    snapshot_test("lazy_refcounts=on,cluster_size=512");
    snapshot_test("extended_l2=on,cluster_size=16k");
}

TEST(the_state_of_a_machine_goes_with_its_snapshot)
{
    char *path = new_image(DISK, "cluster_size=4k"), buf[10000], back[10000];
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR);
    BlockSnapshot sn = { .name = "vm", .vm_state_size = 3 << 20, .vm_clock_ns = 5,
                         .icount = ~0ull }, *list;
    Error err = { "" };

    memset(buf, 0x5a, sizeof(buf));
    for (uint64_t off = 0; off < 3 << 20; off += sizeof(buf)) {
        CHECK_EQ(bs->drv->save_vmstate(bs, off, buf, sizeof(buf)), 0);
    }
    CHECK_EQ(bs->drv->snapshot_create(bs, &sn, &err), 0);
    CHECK_STR(sn.id, "1");
    CHECK_EQ(bs->drv->load_vmstate(bs, 0, back, sizeof(back)), 0);
    CHECK(buf_is_zero(back, sizeof(back)));
    CHECK_EQ(bs->drv->snapshot_goto(bs, "vm", &err), 0);
    CHECK_EQ(bs->drv->load_vmstate(bs, 123456, back, sizeof(back)), 0);
    CHECK(memcmp(buf, back, sizeof(buf)) == 0);
    CHECK_EQ(bs->drv->snapshot_list(bs, &list, &err), 1);
    CHECK(list[0].vm_state_size == 3 << 20 && list[0].disk_size == DISK);
    free(list);
    bdrv_delete(bs);
    expect_clean(path);
    drop(path);
}

/* One bit counts no second owner. */
TEST(narrow_refcounts_refuse_snapshots_and_stay_as_they_were)
{
    char *path = new_image(DISK, "cluster_size=1k,refcount_bits=2");
    uint8_t *shadow = xzalloc(DISK);
    Error err = { "" };
    int made = 0;

    seed = 3;
    work(path, shadow, 60);
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR);

    while (made < 4) {
        BlockSnapshot sn = { .name = "x", .icount = ~0ull };

        if (bs->drv->snapshot_create(bs, &sn, &err) < 0) {
            break;
        }
        made++;
    }
    CHECK(made < 3 && strstr(err.msg, "refcount_bits"));
    bdrv_delete(bs);
    expect_clean(path);
    work(path, shadow, 20);
    free(shadow);
    drop(path);
}

/* -- Whole image ------------------------------------------------------------- */

TEST(resize)
{
    char *path = new_image(DISK, "cluster_size=4k"), buf[512], zero[512] = "";
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR);
    Error err = { "" };

    memset(buf, 0x77, 512);
    for (uint64_t off = 0; off < DISK; off += 512) {
        CHECK_EQ(blk_pwrite(bs, off, buf, 512), 0);
    }
    CHECK_EQ(bdrv_truncate(bs, 1000 * 512, &err), 0);
    CHECK_EQ(bdrv_truncate(bs, 1ull << 40, &err), 0);
    CHECK_EQ(blk_pread(bs, 999 * 512, buf, 512), 0);
    CHECK_EQ((uint8_t)buf[0], 0x77);
    /* What was cut off is gone, also in the cluster that is shared. */
    for (uint64_t off = 1000 * 512; off < DISK + 1024; off += 512) {
        CHECK_EQ(blk_pread(bs, off, buf, 512), 0);
        CHECK(memcmp(buf, zero, 512) == 0);
    }
    CHECK_EQ(blk_pwrite(bs, (1ull << 40) - 512, "x", 1), 0);
    CHECK_EQ(bdrv_truncate(bs, 777, &err), (uint64_t)-EINVAL);
    CHECK(bdrv_truncate(bs, 1ull << 60, &err) < 0);
    bdrv_delete(bs);
    expect_clean(path);
    drop(path);
}

/* An L1 table that is longer than what a refcount block counts. */
TEST(a_large_disk_of_tiny_clusters)
{
    char *path = new_image(10ull << 30, "cluster_size=512"), buf[512];
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR);
    Error err = { "" };

    CHECK_EQ(bdrv_truncate(bs, 40ull << 30, &err), 0);
    CHECK_EQ(blk_pwrite(bs, (40ull << 30) - 512, "end", 4), 0);
    bdrv_delete(bs);
    snapshot(path, 'c', "one");
    expect_clean(path);
    bs = open_image(path, 0);
    CHECK_EQ(blk_pread(bs, (40ull << 30) - 512, buf, 512), 0);
    CHECK_STR(buf, "end");
    bdrv_delete(bs);
    drop(path);
}

TEST(commit_empties_the_overlay)
{
    char *base = new_image(DISK, ""), *opts, *path;
    uint8_t *shadow = xzalloc(DISK);
    Error err = { "" };

    opts = xasprintf("backing_file=%s,backing_fmt=qcow2", base);
    path = new_image(DISK, opts);
    seed = 8;
    work(path, shadow, 60);
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR);

    CHECK_EQ(bdrv_commit(bs, &err), 0);
    expect_content(bs, shadow);
    bdrv_delete(bs);
    CHECK_EQ(check_image(path, 0).allocated_clusters, 0);
    bs = open_image(base, 0);
    expect_content(bs, shadow);
    bdrv_delete(bs);
    free(shadow);
    free(opts);
    drop(path);
    drop(base);
}

/* Old entries may still be there after it: they must not lead to holes.  After one that
 * does not fail, the data file needs no room. */
TEST(a_commit_that_fails_takes_nothing_from_a_data_file)
{
    char *base = new_image(DISK, ""), *data = temp_file();
    char *opts = xasprintf("data_file=%s,backing_file=%s,backing_fmt=qcow2", data, base);
    char *path = new_image(DISK, opts);
    uint8_t *shadow = xzalloc(DISK);
    Error err = { "" };
    struct stat st;
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR);

    memset(shadow, 9, DISK / 2);
    CHECK_EQ(blk_pwrite(bs, 0, shadow, DISK / 2), 0);
    bdrv_delete(bs);
    bs = open_with_rules(path, "[inject-error]\nevent = write_aio\n");
    CHECK(bdrv_commit(bs, &err) < 0);
    bdrv_delete(bs);
    bs = open_image(path, BDRV_O_RDWR | BDRV_O_UNMAP);
    expect_content(bs, shadow);
    CHECK_EQ(bdrv_commit(bs, &err), 0);
    expect_content(bs, shadow);
    bdrv_delete(bs);
    CHECK(stat(data, &st) == 0 && st.st_blocks == 0);
    free(shadow);
    free(opts);
    drop(path);
    drop(data);
    drop(base);
}

/* It cannot be opened for the commit, nor again for reading: no zeroes in its place. */
TEST(a_lost_backing_file_is_an_error)
{
    char *base = new_image(DISK, ""), buf[512] = "";
    char *opts = xasprintf("backing_file=%s,backing_fmt=qcow2", base);
    char *path = new_image(DISK, opts);
    Error err = { "" };
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR);

    CHECK_EQ(blk_pwrite(bs, 65536, buf, 512), 0);
    drop(base);
    for (int i = 0; i < 2; i++) {
        CHECK(bdrv_commit(bs, &err) < 0);
        CHECK_EQ(blk_pread(bs, 0, buf, 512), -ENOMEDIUM);
        CHECK_EQ(blk_pwrite(bs, 0, buf, 512), -ENOMEDIUM);
        CHECK_EQ(blk_pread(bs, 65536, buf, 512), 0);
    }
    CHECK(bdrv_reopen(bs->backing, 0, &err) < 0);
    bdrv_delete(bs);
    free(opts);
    drop(path);
}

static int amend(const char *path, const char *what, Error *err)
{
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR);
    BlockOpts o = { NULL, 0 };
    int ret = opts_parse(&o, what, err);

    ret = ret < 0 ? ret : bs->drv->amend(bs, &o, err);
    opts_free(&o);
    bdrv_delete(bs);
    return ret;
}

TEST(amend_keeps_the_content)
{
    static const char *const steps[] = {
        "compat=0.10", "compat=1.1", "refcount_bits=64", "lazy_refcounts=on",
        "refcount_bits=8,lazy_refcounts=off", "refcount_bits=16,compat=v2",
    };
    char *path = new_image(DISK, "cluster_size=4k");
    uint8_t *shadow = xzalloc(DISK);
    Error err = { "" };

    seed = 21;
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        work(path, shadow, 50);
        int ret = amend(path, steps[i], &err);

        if (ret < 0) {
            printf("# %s: %s\n", steps[i], err.msg);
        }
        CHECK_EQ(ret, 0);
        expect_clean(path);
    }
    work(path, shadow, 50);
    free(shadow);
    drop(path);
}

/* Numbers of qemu-img 7.2 measure -O qcow2. */
TEST(measure)
{
    BlockOpts o = { NULL, 0 };
    BlockMeasure m;
    Error err = { "" };

    CHECK_EQ(bdrv_find_driver("qcow2")->measure(NULL, NULL, 1 << 30, &m, &err), 0);
    CHECK(m.required == 393216 && m.fully_allocated == 1074135040);
    opts_set(&o, "cluster_size", "4k");
    CHECK_EQ(bdrv_find_driver("qcow2")->measure(&o, NULL, 1ull << 40, &m, &err), 0);
    CHECK(m.required == 2690920448 && m.fully_allocated == 1102202548224);
    opts_free(&o);
}

TEST(info)
{
    char *path = new_image(DISK, "lazy_refcounts=on,refcount_bits=32");
    BlockDriverState *bs = open_image(path, 0);
    BlockInfo info = { .cluster_size = 0 };

    CHECK_EQ(bs->drv->info(bs, &info), 0);
    CHECK_EQ(info.cluster_size, 65536);
    CHECK_STR(info.specific, "compat: 1.1\ncompression type: zlib\nlazy refcounts: true\n"
              "refcount bits: 32\ncorrupt: false\nextended l2: false");
    bdrv_delete(bs);
    drop(path);
}

static void refused_options(const char *options, const char *part)
{
    char *path = temp_file();
    Error err = { "" };

    CHECK(make(path, DISK, options, &err) < 0);
    if (!strstr(err.msg, part)) {
        printf("# %s: %s\n", options, err.msg);
        CHECK(!"the sentence says what is wrong");
    }
    drop(path);
}

TEST(bad_options_are_sentences)
{
    refused_options("cluster_size=3k", "power of two between 512 and 2048k");
    refused_options("cluster_size=4M", "power of two");
    refused_options("refcount_bits=3", "power of two");
    refused_options("compat=0.10,refcount_bits=8", "needs compat=1.1");
    refused_options("compat=v2,lazy_refcounts=on", "lazy_refcounts needs");
    refused_options("compat=7", "write v2");
    refused_options("compression_type=lz4", "write zlib or zstd");
    refused_options("extended_l2=on,cluster_size=8k", "16384");
    refused_options("data_file_raw=on", "needs data_file");
    refused_options("preallocation=some", "write off, metadata");
    refused_options("encryption=on", "encrypted images (AES, LUKS)");
    refused_options("encrypt.format=luks", "encrypted images (AES, LUKS)");
    refused_options("backing_fmt=raw", "needs backing_file");
}

/* -- Hostile images ---------------------------------------------------------- */

static void poke(const char *path, uint64_t off, uint64_t value, unsigned bytes)
{
    uint8_t b[8];
    int fd = open(path, O_WRONLY);

    store_be(b, value, bytes);
    CHECK_EQ(pwrite(fd, b, bytes, (off_t)off), bytes);
    close(fd);
}

static uint64_t peek(const char *path, uint64_t off)
{
    uint8_t b[8] = { 0 };
    int fd = open(path, O_RDONLY);

    CHECK(pread(fd, b, 8, (off_t)off) >= 0);
    close(fd);
    return load_be(b, 8);
}

static void expect_refusal(const char *path, int flags, const char *part)
{
    BlockDriverState *bs = bdrv_new("disk");
    Error err = { "" };

    CHECK(bdrv_open(bs, path, "qcow2", flags, NULL, &err) < 0);
    if (!strstr(err.msg, part) || !strstr(err.msg, path)) {
        printf("# %s\n", err.msg);
        CHECK(!"the sentence names the file and says what is wrong");
    }
    bdrv_delete(bs);
}

TEST(hostile_headers_are_sentences)
{
    static const struct Hostile {
        uint64_t off, value;
        unsigned bytes;
        const char *part;
    } cases[] = {
        { 0, 0x12345678, 4, "not a qcow2 image" },
        { 4, 4, 4, "version 4" },
        { 8, 1 << 30, 8, "name of the backing file" },
        { 16, 0xffffffff, 4, NULL },            /* a length without an offset */
        { 20, 8, 4, "512 bytes to 2 MiB" },
        { 20, 63, 4, "512 bytes to 2 MiB" },
        { 24, 1ull << 63, 8, "larger than an L1 table" },
        { 24, 1ull << 55, 8, "larger than an L1 table" },
        { 24, 1ull << 40, 8, "L1 table is too small" },
        { 32, 1, 4, "AES" },
        { 32, 2, 4, "LUKS" },
        { 32, 9, 4, "unknown method" },
        { 36, 0x7fffffff, 4, "L1 table is too large" },
        { 36, 0, 4, "L1 table is too small" },
        { 40, 0x30001, 8, "L1 table is not on a cluster" },
        { 40, 1ull << 50, 8, "L1 table is beyond" },
        { 48, 1ull << 50, 8, "refcount table is beyond" },
        { 48, 77, 8, "refcount table is not" },
        { 56, 0, 4, "no refcount table" },
        { 56, 0xffffffff, 4, "refcount table is too large" },
        { 60, 0x10000000, 4, "more snapshots" },
        { 60, 60000, 4, "snapshot table" },
        { 72, 1ull << 63, 8, "bit 63" },
        { 72, 4, 8, "does not say in which" },
        { 96, 7, 4, "64 bits" },
        { 100, 8, 4, "header's length" },
        { 100, 1 << 30, 4, "header's length" },
        { 104, 1, 1, "compression type" },
        { 104, 9, 1, "compressed in way 9" },
        { 116, 1 << 30, 4, "extension reaches beyond" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *path = new_image(DISK, "");

        poke(path, cases[i].off, cases[i].value, cases[i].bytes);
        if (cases[i].part) {
            expect_refusal(path, 0, cases[i].part);
        } else {
            bdrv_delete(open_image(path, 0));
        }
        drop(path);
    }
}

TEST(unknown_features_are_refused_by_name)
{
    char *path = new_image(DISK, "");

    /* The last row of the feature name table becomes incompatible bit 9. */
    uint64_t row = 112 + 8 + 7 * 48;

    poke(path, row, 0x0009, 2);
    poke(path, 72, 1 << 9, 8);
    expect_refusal(path, 0, "raw external data");
    drop(path);
}

TEST(absurd_snapshots_are_refused)
{
    char *path = new_image(DISK, "cluster_size=512");

    snapshot(path, 'c', "s");
    uint64_t at = peek(path, 64);

    poke(path, at + 36, 0x10000, 4);
    expect_refusal(path, 0, "extra data");
    poke(path, at + 36, 24, 4);
    poke(path, at + 8, 0x7fffffff, 4);
    expect_refusal(path, 0, "L1 table is too large");
    poke(path, at + 8, 1, 4);
    poke(path, at, 1ull << 60, 8);
    expect_refusal(path, 0, "not on clusters of the file");
    drop(path);
}

TEST(a_circle_of_backing_files_ends)
{
    char *path = temp_file(), *opts = xasprintf("backing_file=%s,backing_fmt=qcow2", path);
    Error err = { "" };

    CHECK_EQ(make(path, DISK, opts, &err), 0);
    expect_refusal(path, 0, "circle");
    free(opts);
    drop(path);
}

/* Bytes of the header behind those we know: version 2 has no room for them. */
TEST(amend_of_a_longer_header)
{
    char *path = new_image(DISK, ""), head[65536];
    int fd = open(path, O_RDWR);
    Error err = { "" };

    CHECK_EQ(pread(fd, head, sizeof(head), 0), sizeof(head));
    CHECK_EQ(pwrite(fd, head + 112, sizeof(head) - 120, 120), sizeof(head) - 120);
    close(fd);
    poke(path, 112, 0x1122334455667788, 8);
    poke(path, 100, 120, 4);
    CHECK_EQ(amend(path, "lazy_refcounts=on", &err), 0);
    CHECK(peek(path, 112) == 0x1122334455667788);
    CHECK_EQ(amend(path, "compat=0.10", &err), 0);
    expect_clean(path);
    CHECK_EQ(amend(path, "compat=1.1", &err), 0);
    expect_clean(path);
    drop(path);
}

/* Old images have snapshots that do not say how large the disk was. */
TEST(an_upgrade_tells_snapshots_their_size)
{
    char *path = new_image(DISK, "compat=0.10");
    Error err = { "" };

    snapshot(path, 'c', "s");
    uint64_t at = peek(path, 64);

    poke(path, at + 36, 0, 4);
    poke(path, at + 40, '1' << 8 | 's', 2);
    CHECK_EQ(amend(path, "compat=1.1,size=8M", &err), 0);
    expect_clean(path);
    CHECK_EQ(peek(path, peek(path, 64) + 40 + 8), DISK);
    snapshot(path, 'a', "s");
    CHECK_EQ(peek(path, 24), DISK);
    drop(path);
}

/* What a failed rebuild has written is no zeroes for those who come after it. */
TEST(counts_that_do_not_fit_leave_no_garbage)
{
    char *path = new_image(2 * DISK, "cluster_size=512"), *buf = xzalloc(DISK);
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR);
    BlockSnapshot sn = { .name = "s", .icount = ~0ull };
    BlockOpts o = { NULL, 0 };
    Error err = { "" };

    memset(buf, 1, DISK);
    CHECK_EQ(blk_pwrite(bs, 0, buf, DISK), 0);
    CHECK_EQ(bs->drv->snapshot_create(bs, &sn, &err), 0);
    CHECK_EQ(blk_pwrite(bs, 0, buf, DISK / 4 * 3), 0);
    opts_set(&o, "refcount_bits", "1");
    CHECK_EQ(bs->drv->amend(bs, &o, &err), (uint64_t)-ERANGE);
    opts_free(&o);
    for (uint64_t off = DISK; off < 2 * DISK; off += 64 << 10) {
        CHECK_EQ(blk_pwrite(bs, off, buf, 512), 0);
        CHECK_EQ(blk_pread(bs, off + 512, buf + 512, (32 << 10) - 512), 0);
        CHECK(buf_is_zero(buf + 512, (32 << 10) - 512));
    }
    bdrv_delete(bs);
    expect_clean(path);
    free(buf);
    drop(path);
}

/* Where the L2 entry of guest offset 0 is. */
static uint64_t l2_of(const char *path)
{
    return peek(path, peek(path, 40)) & 0x00fffffffffffe00ull;
}

static char *image_with_data(const char *options)
{
    char *path = new_image(DISK, options), buf[512] = "data";
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR);

    for (uint64_t off = 0; off < 1 << 20; off += 65536) {
        CHECK_EQ(blk_pwrite(bs, off, buf, 512), 0);
    }
    bdrv_delete(bs);
    return path;
}

/* A write whose cluster is metadata fails, and the image is marked. */
TEST(data_over_metadata_is_not_written)
{
    static const unsigned clusters[] = { 0, 1, 2, 3, 4 };

    for (size_t i = 0; i < ARRAY_SIZE(clusters); i++) {
        char *path = image_with_data(""), buf[512] = "overwritten", head[65536];
        uint64_t host = clusters[i] * 65536ull;
        int fd = open(path, O_RDONLY);

        CHECK_EQ(pread(fd, head, sizeof(head), (off_t)host), sizeof(head));
        poke(path, l2_of(path), host | 1ull << 63, 8);
        if (host == l2_of(path)) {
            poke(path, host, host | 1ull << 63, 8);
            CHECK_EQ(pread(fd, head, sizeof(head), (off_t)host), sizeof(head));
        }
        BlockDriverState *bs = open_image(path, BDRV_O_RDWR);

        if (host) {                     /* offset 0 means: there is no cluster */
            CHECK_EQ(blk_pwrite(bs, 0, buf, 512), (uint64_t)-EIO);
            CHECK(blk_note(bs) && strstr(blk_note(bs), "corrupt"));
            bdrv_delete(bs);
            expect_refusal(path, BDRV_O_RDWR, "marked as corrupt");
            CHECK_EQ(pread(fd, buf, 512, (off_t)host), 512);
            CHECK(memcmp(buf, head, 512) == 0);
        } else {
            bdrv_delete(bs);
        }
        close(fd);
        drop(path);
    }
}

TEST(entries_without_sense_are_errors)
{
    static const uint64_t entries[] = {
        0x8000000000050200ull, 0x8000000000000200ull, 0x00ffffff00000200ull,
    };

    for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
        char *path = image_with_data(""), buf[512];

        poke(path, l2_of(path), entries[i], 8);
        BlockDriverState *bs = open_image(path, 0);

        CHECK_EQ(blk_pread(bs, 0, buf, 512), (uint64_t)-EIO);
        CHECK_EQ(blk_pread(bs, 65536, buf, 512), 0);
        bdrv_delete(bs);
        CHECK(check_image(path, 0).corruptions > 0);
        drop(path);
    }
}

TEST(bad_compressed_data_is_an_error)
{
    char *path = image_with_data(""), buf[512];

    poke(path, l2_of(path), 1ull << 62 | 0x3full << 54 | 12345, 8);
    BlockDriverState *bs = open_image(path, 0);

    CHECK_EQ(blk_pread(bs, 0, buf, 512), (uint64_t)-EIO);
    bdrv_delete(bs);
    drop(path);
}

/* Of an export or a device: it ends within the last cluster, or the last table, which is
 * behind compressed data. */
TEST(a_file_that_does_not_grow_is_zero_behind_its_end)
{
    for (int packed = 0; packed < 2; packed++) {
        char *path = new_image(1 << 30, ""), buf[65536];
        BlockDriverState *bs = open_image(path, BDRV_O_RDWR);

        memset(buf, 0x33, sizeof(buf));
        CHECK_EQ(packed ? write_packed(bs, 0, buf, sizeof(buf)) : blk_pwrite(bs, 0, buf, 512), 0);
        bdrv_delete(bs);
        bs = open_image(path, 0);
        bs->file->growable = false;
        CHECK(bs->file->length % sizeof(buf) != 0);
        CHECK_EQ(blk_pread(bs, 0, buf, sizeof(buf)), 0);
        CHECK(buf[511] == 0x33 && buf[512] == (packed ? 0x33 : 0));
        CHECK_EQ(blk_pread(bs, 256 << 20, buf, sizeof(buf)), 0);
        CHECK(buf_is_zero(buf, sizeof(buf)));
        bdrv_delete(bs);
        drop(path);
    }
}

/* -- Repair ------------------------------------------------------------------ */

TEST(leaks_are_found_and_mended)
{
    char *path = image_with_data("cluster_size=4k");
    uint64_t block = peek(path, peek(path, 48));
    BlockCheck res;

    poke(path, block + 2 * 500, 3, 2);
    res = check_image(path, 0);
    CHECK(res.leaks == 1 && res.corruptions == 0);
    res = check_image(path, BDRV_FIX_LEAKS);
    CHECK(res.leaks == 0 && res.leaks_fixed == 1);
    expect_clean(path);
    drop(path);
}

TEST(corruptions_are_found_and_mended)
{
    char *path = image_with_data("cluster_size=4k"), buf[512] = "";
    uint64_t block = peek(path, peek(path, 48));
    BlockCheck res;

    poke(path, block + 2 * 3, 0, 8);
    res = check_image(path, 0);
    CHECK(res.leaks == 0 && res.corruptions > 0);
    res = check_image(path, BDRV_FIX_LEAKS);
    CHECK(res.corruptions > 0);
    res = check_image(path, BDRV_FIX_LEAKS | BDRV_FIX_ERRORS);
    CHECK(res.corruptions == 0 && res.corruptions_fixed > 0);
    expect_clean(path);
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR);

    CHECK_EQ(blk_pread(bs, 65536, buf, 512), 0);
    CHECK_STR(buf, "data");
    bdrv_delete(bs);
    drop(path);
}

/* Bit 63 of a 64-bit count: no image has so many snapshots. */
TEST(an_absurd_refcount_is_an_error)
{
    char *path = image_with_data("cluster_size=4k,refcount_bits=64");
    uint64_t block = peek(path, peek(path, 48));

    for (int i = 0; i < 16; i++) {
        if (peek(path, block + 8 * (uint64_t)i)) {
            poke(path, block + 8 * (uint64_t)i, 1ull << 63 | 1, 8);
        }
    }
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR | BDRV_O_UNMAP);

    CHECK(blk_discard(bs, 65536, 4096) < 0 || blk_flush(bs) < 0);
    bdrv_delete(bs);
    CHECK(check_image(path, 0).corruptions > 0);
    drop(path);
}

/* The search for a free cluster ends, even where all are said to be used. */
TEST(no_free_cluster_far_behind_the_end_is_an_error)
{
    char *path = image_with_data("cluster_size=64k");
    uint64_t table = peek(path, 48), block = peek(path, table);
    BlockDriverState *bs;

    for (uint64_t i = 0; i < 65536 / 8; i++) {
        poke(path, table + i * 8, block, 8);
        poke(path, block + i * 8, 0x0001000100010001, 8);
    }
    bs = open_image(path, BDRV_O_RDWR);
    CHECK_EQ(blk_pwrite(bs, 1 << 20, "x", 1), (uint64_t)-EIO);
    CHECK(blk_note(bs) && strstr(blk_note(bs), "counted as used"));
    bdrv_delete(bs);
    drop(path);
}

TEST(refcounts_are_made_anew)
{
    static const uint64_t entries[] = { 0, 0x123400, 1ull << 50 };

    for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
        char *path = image_with_data("cluster_size=4k"), buf[512] = "";
        BlockCheck res;

        poke(path, peek(path, 48), entries[i], 8);
        CHECK(check_image(path, 0).corruptions > 0);
        res = check_image(path, BDRV_FIX_LEAKS | BDRV_FIX_ERRORS);
        CHECK(res.corruptions == 0 && res.corruptions_fixed > 0);
        expect_clean(path);
        BlockDriverState *bs = open_image(path, BDRV_O_RDWR);

        CHECK_EQ(blk_pread(bs, 65536, buf, 512), 0);
        CHECK_STR(buf, "data");
        bdrv_delete(bs);
        drop(path);
    }
}

/* Dirty: the refcounts are not to be trusted; a writer makes them right. */
TEST(a_dirty_image_is_repaired_by_its_first_writer)
{
    char *path = image_with_data("cluster_size=4k");
    uint64_t block = peek(path, peek(path, 48));

    poke(path, 72, 1, 8);
    poke(path, block + 2 * 5, 0, 8);
    bdrv_delete(open_image(path, 0));
    CHECK_EQ(peek(path, 72), 1);
    bdrv_delete(open_image(path, BDRV_O_RDWR));
    CHECK_EQ(peek(path, 72), 0);
    expect_clean(path);
    drop(path);
}

TEST(a_corrupt_image_opens_for_reading_and_for_repair_only)
{
    char *path = image_with_data("");

    poke(path, 72, 2, 8);
    expect_refusal(path, BDRV_O_RDWR, "marked as corrupt");
    bdrv_delete(open_image(path, 0));
    check_image(path, BDRV_FIX_LEAKS | BDRV_FIX_ERRORS);
    CHECK_EQ(peek(path, 72), 0);
    bdrv_delete(open_image(path, BDRV_O_RDWR));
    drop(path);
}

/* Extensions we do not know stay, whatever else the header gets. */
TEST(unknown_extensions_are_kept)
{
    char *path = new_image(DISK, "compat=0.10"), head[4096];
    BlockDriverState *bs;
    Error err = { "" };
    int fd;

    poke(path, 72, 0x12345678, 4);
    poke(path, 76, 5, 4);
    poke(path, 80, 0x68656c6c6f000000, 8);
    bs = open_image(path, BDRV_O_RDWR);
    CHECK_EQ(bs->drv->change_backing(bs, "other.img", "raw", &err), 0);
    bdrv_delete(bs);
    fd = open(path, O_RDONLY);
    CHECK_EQ(pread(fd, head, sizeof(head), 0), sizeof(head));
    CHECK(memmem(head, sizeof(head), "\x12\x34\x56\x78\0\0\0\5hello", 13));
    close(fd);
    bs = open_image(path, BDRV_O_NO_BACKING);
    CHECK_STR(bs->backing_file, "other.img");
    CHECK_STR(bs->backing_format, "raw");
    bdrv_delete(bs);
    drop(path);
}
