/* SPDX-License-Identifier: MIT */
/*
 * qcow2 when its file fails: the n-th write or flush, for every n, alone or with
 * all that follow (which is a crash: nothing gets to the disk any more).
 *
 *      blkdebug   state 1 --write--> 2 --write--> .. n: errors
 *
 * After a crash, the next writer finds a consistent image; after one error the
 * same open goes on, but for errors of the header's own write.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "block/block-int.h"
#include "tests/test.h"
#include "tests/unit/temp-file.h"
#include "util/bits.h"
#include "util/mem.h"

enum { DISK = 1 << 20, OLD = 500 * 1024 + 512, GROWN = 900 * 1024 + 512 };

/* -- Images ------------------------------------------------------------------ */

static char *new_image(uint64_t size, const char *options)
{
    char *path = temp_file();
    BlockOpts o = { NULL, 0 };
    Error err = { "" };

    CHECK_EQ(opts_parse(&o, options, &err), 0);
    CHECK_EQ(bdrv_create("qcow2", path, size, &o, &err), 0);
    opts_free(&o);
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

static void fill(BlockDriverState *bs, uint64_t off, uint64_t len, int byte)
{
    char *buf = memset(xmalloc(len), byte, len);

    CHECK_EQ(blk_pwrite(bs, off, buf, len), 0);
    free(buf);
}

static bool is_full_of(BlockDriverState *bs, uint64_t off, uint64_t len, int byte)
{
    char *buf = xmalloc(len);
    bool same = blk_pread(bs, off, buf, len) == 0;

    for (uint64_t i = 0; i < len && same; i++) {
        same = buf[i] == (char)byte;
    }
    free(buf);
    return same;
}

static char *image_full_of(int byte)
{
    char *path = new_image(DISK, "");
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR);

    fill(bs, 0, DISK, byte);
    bdrv_delete(bs);
    return path;
}

static char *new_overlay(uint64_t size, const char *base, const char *options)
{
    char *opts = xasprintf("backing_file=%s,backing_fmt=qcow2,%s", base, options);
    char *path = new_image(size, opts);

    free(opts);
    return path;
}

static void say(void *opaque, const char *line)
{
    (void)opaque;
    if (strncmp(line, "Leaked", 6)) {
        printf("# %s\n", line);
    }
}

/* Leaks, if there is no corruption. */
static uint64_t leaks(BlockDriverState *bs)
{
    BlockCheck res = { .report = say };
    Error err = { "" };

    CHECK_EQ(bs->drv->check(bs, &res, 0, &err), 0);
    CHECK_EQ(res.corruptions, 0);
    return res.leaks;
}

/* -- Failures ---------------------------------------------------------------- */

typedef struct Failure {
    const char *event;
    int n;                              /* the n-th one, from 1 on */
    bool lasts;
} Failure;

static const char *const writes_and_flushes[] = { "write_aio", "flush_to_disk" };

static void put_error(FILE *f, const char *event, const Failure *fail)
{
    fprintf(f, "[inject-error]\nevent = %s\nerrno = 28\nstate = %d\nonce = %s\n", event,
            fail->n, fail->lasts ? "off" : "on");
}

static BlockDriverState *open_failing(const char *path, const Failure *fail)
{
    static const char *const changes[] = {
        "write_aio", "write_zeroes", "discard", "flush_to_disk",
    };
    char *config = temp_file(), *name = xasprintf("blkdebug:%s:%s", config, path);
    FILE *f = fopen(config, "w");

    for (int i = 1; i < fail->n; i++) {
        fprintf(f, "[set-state]\nevent = %s\nstate = %d\nnew_state = %d\n", fail->event, i,
                i + 1);
    }
    for (size_t i = 0; fail->lasts && i < ARRAY_SIZE(changes); i++) {
        put_error(f, changes[i], fail);
    }
    if (!fail->lasts) {
        put_error(f, fail->event, fail);
    }
    fclose(f);
    BlockDriverState *bs = open_image(name, BDRV_O_RDWR);

    free(name);
    drop(config);
    return bs;
}

/* -- Crashes ----------------------------------------------------------------- */

/* Version 2 cannot say that its counts are late. */
TEST(a_crash_while_amended_to_version_2)
{
    char *base = image_full_of(3);
    int ret = -1;

    for (int n = 1; n < 60 && ret < 0; n++) {
        char *path = new_overlay(DISK, base, "cluster_size=4k,lazy_refcounts=on");
        BlockDriverState *bs = open_image(path, BDRV_O_RDWR);
        BlockOpts o = { NULL, 0 };
        Error err = { "" };

        CHECK_EQ(blk_write_zeroes(bs, 0, 64 << 10), 0);
        bdrv_delete(bs);
        bs = open_failing(path, &(Failure){ "write_aio", n, true });
        opts_set(&o, "compat", "0.10");
        ret = bs->drv->amend(bs, &o, &err);
        opts_free(&o);
        bdrv_delete(bs);
        bs = open_image(path, BDRV_O_RDWR);
        leaks(bs);
        CHECK(is_full_of(bs, 0, 64 << 10, 0) && is_full_of(bs, 64 << 10, 64 << 10, 3));
        bdrv_delete(bs);
        drop(path);
    }
    CHECK_EQ(ret, 0);
    drop(base);
}

static int grow_and_crash(const char *base, const char *options, int n)
{
    char *path = new_overlay(OLD, base, options);
    BlockDriverState *bs = open_failing(path, &(Failure){ "write_aio", n, true });
    Error err = { "" };
    int ret = bdrv_truncate(bs, GROWN, &err);

    bdrv_delete(bs);
    bs = open_image(path, BDRV_O_RDWR);
    CHECK(ret < 0 || bs->length == GROWN);
    CHECK(bs->length == OLD || is_full_of(bs, OLD, GROWN - OLD, 0));
    CHECK_EQ(bdrv_truncate(bs, GROWN, &err), 0);
    CHECK(is_full_of(bs, 0, OLD, 3) && is_full_of(bs, OLD, GROWN - OLD, 0));
    leaks(bs);
    bdrv_delete(bs);
    drop(path);
    return ret;
}

/* What the backing file has there never was in the disk. */
TEST(a_crash_while_grown_over_a_longer_backing_file)
{
    static const char *const options[] = {
        "", "compat=0.10", "cluster_size=512", "lazy_refcounts=on,cluster_size=4k",
        "extended_l2=on,cluster_size=16k",
    };
    char *base = image_full_of(3);

    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        int ret = -1;

        for (int n = 1; n < 60 && ret < 0; n++) {
            ret = grow_and_crash(base, options[i], n);
        }
        CHECK_EQ(ret, 0);
    }
    drop(base);
}

/* -- Errors that pass -------------------------------------------------------- */

/* The header is written when a flush did not fail before. */
TEST(after_a_failed_flush_the_next_one_may_succeed)
{
    char *path = new_image(8 << 20, "lazy_refcounts=on");
    BlockDriverState *bs = open_failing(path, &(Failure){ "flush_to_disk", 1, false });

    fill(bs, 0, DISK, 1);
    CHECK_EQ(blk_flush(bs), (uint64_t)-ENOSPC);
    CHECK_EQ(blk_flush(bs), 0);
    fill(bs, DISK, DISK, 2);
    CHECK_EQ(blk_flush(bs), 0);
    bdrv_delete(bs);
    bs = open_image(path, 0);
    CHECK(is_full_of(bs, 0, DISK, 1) && is_full_of(bs, DISK, DISK, 2));
    CHECK_EQ(leaks(bs), 0);
    bdrv_delete(bs);
    drop(path);
}

static int grow_tables(const Failure *f)
{
    char *path = new_image(DISK, "cluster_size=512,refcount_bits=64"), buf[512] = "x";
    BlockDriverState *bs = open_failing(path, f);
    Error err = { "" };
    int ret = bdrv_truncate(bs, 9ull << 30, &err);

    ret = ret < 0 ? ret : blk_pwrite(bs, DISK - 512, buf, 512);
    ret = ret < 0 ? ret : blk_flush(bs);
    bool goes_on = blk_pwrite(bs, 0, buf, 512) >= 0 && blk_flush(bs) >= 0;

    bdrv_delete(bs);
    bs = open_image(path, BDRV_O_RDWR);
    leaks(bs);
    CHECK(ret < 0 || bs->length == 9ull << 30);
    CHECK(!goes_on || is_full_of(bs, 0, 1, 'x'));
    bdrv_delete(bs);
    drop(path);
    return ret;
}

/* Each larger table is one write of the header. */
TEST(one_error_while_tables_grow)
{
    for (int e = 0; e < 2; e++) {
        Failure f = { writes_and_flushes[e], 1, false };
        int good = 0;

        for (; f.n < 60 && good < 3; f.n++) {
            good = grow_tables(&f) < 0 ? 0 : good + 1;
        }
        CHECK_EQ(good, 3);
    }
}

/* -- Snapshots --------------------------------------------------------------- */

static int make_snapshot(BlockDriverState *bs, const char *name)
{
    BlockSnapshot sn = { .icount = ~0ull };
    Error err = { "" };

    snprintf(sn.name, sizeof(sn.name), "%s", name);
    return bs->drv->snapshot_create(bs, &sn, &err);
}

static int count_snapshots(BlockDriverState *bs)
{
    BlockSnapshot *list;
    Error err = { "" };
    int num = bs->drv->snapshot_list(bs, &list, &err);

    for (int i = 0; i < num; i++) {
        CHECK(!strcmp(list[i].name, "one") || !strcmp(list[i].name, "two"));
    }
    free(list);
    return num;
}

/* One is there, and 1 MiB of data. */
static char *image_with_snapshot(const char *options)
{
    char *path = new_image(DISK, options);
    BlockDriverState *bs = open_image(path, BDRV_O_RDWR);

    fill(bs, 0, DISK, 5);
    CHECK_EQ(make_snapshot(bs, "one"), 0);
    fill(bs, 0, DISK / 2, 6);
    bdrv_delete(bs);
    return path;
}

/* Version 2 has no dirty bit: its flags may be wrong after a crash, to the safe side. */
static void check_after_crash(BlockDriverState *bs, bool version_2)
{
    BlockCheck res = { .corruptions = 0 };
    Error err = { "" };

    CHECK_EQ(bs->drv->check(bs, &res, 0, &err), 0);
    CHECK(version_2 || !res.corruptions);
}

typedef struct Work {
    int (*fn)(BlockDriverState *bs);
    int before, after;                  /* snapshots */
} Work;

static void expect_snapshots(BlockDriverState *bs, const Work *w, int ret)
{
    int num = count_snapshots(bs);

    CHECK(num == w->after || (num == w->before && ret < 0));
}

static int fail(const char *options, const Failure *f, const Work *w)
{
    char *path = image_with_snapshot(options), byte[1] = { 5 };
    BlockDriverState *bs = open_failing(path, f);
    int ret = w->fn(bs);

    expect_snapshots(bs, w, ret);
    bool goes_on = blk_pwrite(bs, DISK - 1, byte, 1) >= 0;      /* not the header's write */

    bdrv_delete(bs);
    bs = open_image(path, BDRV_O_RDWR);
    expect_snapshots(bs, w, ret);
    if (goes_on && ret < 0) {
        CHECK_EQ(leaks(bs), 0);
    } else {
        check_after_crash(bs, strstr(options, "0.10"));
    }
    CHECK(is_full_of(bs, DISK / 2, DISK / 2, 5));
    bdrv_delete(bs);
    drop(path);
    return ret;
}

static void fail_often(const char *options, const Work *w)
{
    for (int i = 0; i < 4; i++) {
        Failure f = { writes_and_flushes[i & 1], 1, i & 2 };
        int before = test_failures, good = 0;

        for (; f.n < 80 && good < 3 && test_failures == before; f.n++) {
            good = fail(options, &f, w) < 0 ? 0 : good + 1;
        }
        if (test_failures > before) {
            printf("# %s, %s %d %s\n", options, f.event, f.n - 1, f.lasts ? "lasts" : "once");
        }
        CHECK_EQ(good, 3);
    }
}

static void fail_everywhere(int (*fn)(BlockDriverState *bs), int before, int after)
{
    const Work w = { fn, before, after };

    fail_often("cluster_size=4k", &w);
    fail_often("cluster_size=4k,compat=0.10", &w);
    fail_often("cluster_size=4k,lazy_refcounts=on", &w);
}

static int create_two(BlockDriverState *bs) { return make_snapshot(bs, "two"); }

static int go_to_one(BlockDriverState *bs)
{
    Error err = { "" };

    return bs->drv->snapshot_goto(bs, "one", &err);
}

static int delete_one(BlockDriverState *bs)
{
    Error err = { "" };

    return bs->drv->snapshot_delete(bs, "one", &err);
}

TEST(errors_while_a_snapshot_is_made) { fail_everywhere(create_two, 1, 2); }
TEST(errors_while_a_snapshot_is_gone_back_to) { fail_everywhere(go_to_one, 1, 1); }
TEST(errors_while_a_snapshot_is_deleted) { fail_everywhere(delete_one, 1, 0); }
