/* SPDX-License-Identifier: MIT */
/*
 * The block layer: whatever is written is read back, by every path, and every
 * bad input is a sentence.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/block-int.h"
#include "block/drive.h"
#include "sys/loop.h"
#include "tests/test.h"
#include "tests/unit/temp-file.h"
#include "util/bits.h"
#include "util/mem.h"

enum { DISK = 1 << 20 };

static char *temp_image(uint64_t size)
{
    char *path = temp_file_in("/var/tmp");

    if (truncate(path, (off_t)size) < 0) {
        abort();
    }
    return path;
}

static BlockDriverState *open_ok(const char *path, const char *format, int flags)
{
    BlockDriverState *bs = bdrv_new("disk");
    Error err = { "" };

    if (bdrv_open(bs, path, format, flags, NULL, &err) < 0) {
        printf("# %s\n", err.msg);
        CHECK(!"opens");
    }
    return bs;
}

static uint32_t seed;

static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)(seed >> 4) * below >> 28);
}

/* One random request, done to the disk and to the shadow. */
static void random_request(BlockDriverState *bs, uint8_t *shadow, uint32_t unit)
{
    uint32_t off = rnd(DISK / unit) * unit;
    uint32_t len = (1 + rnd(rnd(4) ? 16384 / unit : 262144 / unit)) * unit;

    len = MIN(len, DISK - off);
    uint8_t *buf = xmalloc(len + 1);

    switch (rnd(8)) {
    case 0:
        CHECK_EQ(blk_write_zeroes(bs, off, len), 0);
        memset(shadow + off, 0, len);
        break;
    case 1: case 2: case 3:
        for (uint32_t i = 0; i < len; i++) {
            buf[1 + i] = (uint8_t)rnd(256);
        }
        CHECK_EQ(blk_pwrite(bs, off, buf + 1, len), 0);
        memcpy(shadow + off, buf + 1, len);
        break;
    case 4:
        CHECK_EQ(blk_flush(bs), 0);
        break;
    default:
        CHECK_EQ(blk_pread(bs, off, buf + 1, len), 0);
        CHECK(memcmp(buf + 1, shadow + off, len) == 0);
    }
    free(buf);
}

static void shadow_test(int flags, uint32_t unit)
{
    char *path = temp_image(DISK);
    uint8_t *shadow = xzalloc(DISK);

    seed = 4711 + unit;
    for (int round = 0; round < 4; round++) {
        BlockDriverState *bs = open_ok(path, "raw", flags);

        for (int i = 0; i < 100; i++) {
            random_request(bs, shadow, unit);
        }
        bdrv_delete(bs);
    }
    free(shadow);
    drop(path);
}

TEST(raw_keeps_what_is_written) { shadow_test(BDRV_O_RDWR, 512); }
TEST(any_offset_and_length_will_do) { shadow_test(BDRV_O_RDWR, 1); }
TEST(writethrough_keeps_it_too) { shadow_test(BDRV_O_RDWR | BDRV_O_WRITETHROUGH, 512); }

static bool no_o_direct(void)
{
    char *path = temp_image(4096);
    int fd = open(path, O_RDONLY | O_DIRECT);

    drop(path);
    return fd < 0 || close(fd) < 0;
}

/* O_DIRECT wants aligned offsets, lengths and memory; callers do not care. */
TEST(direct_io_takes_any_offset_length_and_memory)
{
    if (no_o_direct()) {
        TEST_SKIP("this file system has no O_DIRECT");
    }
    shadow_test(BDRV_O_RDWR | BDRV_O_NOCACHE, 1);
    shadow_test(BDRV_O_RDWR | BDRV_O_NOCACHE, 4096);
}

/* -- Overlay --------------------------------------------------------------- */

static uint8_t byte_at(const char *path, long off)
{
    FILE *f = fopen(path, "rb");
    int c;

    fseek(f, off, SEEK_SET);
    c = fgetc(f);
    fclose(f);
    return (uint8_t)c;
}

TEST(snapshot_leaves_the_image_alone_until_commit)
{
    char *path = temp_image(DISK);
    uint8_t *shadow = xzalloc(DISK), *buf = xmalloc(DISK);
    Error err = { "" };
    BlockDriverState *bs = open_ok(path, "raw", BDRV_O_RDWR);

    for (int i = 0; i < DISK; i++) {
        shadow[i] = (uint8_t)(i * 7 >> 3);
    }
    CHECK_EQ(blk_pwrite(bs, 0, shadow, DISK), 0);
    bdrv_delete(bs);
    chmod(path, 0444);
    bs = open_ok(path, NULL, BDRV_O_RDWR | BDRV_O_SNAPSHOT);
    CHECK(!blk_is_read_only(bs));
    seed = 99;
    for (int i = 0; i < 300; i++) {
        random_request(bs, shadow, i & 1 ? 1 : 512);
    }
    CHECK_EQ(byte_at(path, 8), 7);
    chmod(path, 0644);
    CHECK_EQ(bdrv_commit(bs, &err), 0);
    CHECK_EQ(blk_pread(bs, 0, buf, DISK), 0);
    CHECK(memcmp(buf, shadow, DISK) == 0);
    bdrv_delete(bs);
    bs = open_ok(path, "raw", 0);
    CHECK_EQ(blk_pread(bs, 0, buf, DISK), 0);
    CHECK(memcmp(buf, shadow, DISK) == 0);
    bdrv_delete(bs);
    free(buf);
    free(shadow);
    drop(path);
}

TEST(commit_without_overlay_says_so)
{
    char *path = temp_image(DISK);
    BlockDriverState *bs = open_ok(path, "raw", BDRV_O_RDWR);
    Error err = { "" };

    CHECK_EQ(bdrv_commit(bs, &err), (uint64_t)-EINVAL);
    CHECK(strstr(err.msg, "disk: nothing to commit"));
    bdrv_delete(bs);
    drop(path);
}

/* -- Bad input ------------------------------------------------------------- */

static void expect_error(const char *path, const char *format, int flags, int errnum,
                         const char *part)
{
    BlockDriverState *bs = bdrv_new("disk");
    Error err = { "" };

    CHECK_EQ(bdrv_open(bs, path, format, flags, NULL, &err), (uint64_t)-errnum);
    if (!strstr(err.msg, part)) {
        printf("# %s\n", err.msg);
        CHECK(!"the sentence says what is wrong");
    }
    CHECK(!blk_is_inserted(bs));
    bdrv_delete(bs);
}

TEST(bad_input_is_a_sentence)
{
    char *path = temp_image(DISK);

    expect_error("/nowhere/disk.img", NULL, BDRV_O_RDWR, ENOENT, "no such file");
    expect_error("/tmp", NULL, BDRV_O_RDWR, EISDIR, "a directory");
    expect_error("/dev/null", NULL, BDRV_O_RDWR, EINVAL, "neither a file");
    expect_error("gopher:x", NULL, BDRV_O_RDWR, ENOENT, "no protocol \"gopher\"");
    expect_error(path, "qcow9", BDRV_O_RDWR, EINVAL, "there is: raw");
    if (geteuid() != 0) {
        chmod(path, 0400);
        expect_error(path, NULL, BDRV_O_RDWR, EACCES, "use readonly=on");
        chmod(path, 0);
        expect_error(path, NULL, 0, EACCES, "may not be read");
    }
    drop(path);
}

TEST(a_second_writer_is_refused)
{
    char *path = temp_image(DISK);
    BlockDriverState *a = open_ok(path, "raw", BDRV_O_RDWR);

    expect_error(path, "raw", BDRV_O_RDWR, EBUSY, "in use");
    expect_error(path, "raw", 0, EBUSY, "in use");
    bdrv_delete(open_ok(path, "raw", BDRV_O_NO_LOCK));
    bdrv_delete(a);
    a = open_ok(path, "raw", 0);
    bdrv_delete(open_ok(path, "raw", 0));       /* readers may be many */
    bdrv_delete(a);
    drop(path);
}

/* No whole number of sectors: rounded up, the rest is zero and can be written. */
TEST(an_odd_size_is_rounded_up)
{
    char *path = temp_image(1000);
    uint8_t buf[512];
    BlockDriverState *bs = open_ok(path, "raw", BDRV_O_RDWR);

    CHECK_EQ(blk_length(bs), 1024);
    CHECK(blk_note(bs) && strstr(blk_note(bs), "1000 bytes"));
    memset(buf, 0xff, 512);
    CHECK_EQ(blk_pread(bs, 512, buf, 512), 0);
    CHECK(buf_is_zero(buf, 512));
    memset(buf, 0x55, 512);
    CHECK_EQ(blk_pwrite(bs, 512, buf, 512), 0);
    bdrv_delete(bs);
    CHECK_EQ(byte_at(path, 1023), 0x55);
    drop(path);
}

TEST(beyond_the_end_and_read_only_fail)
{
    char *path = temp_image(DISK), buf[512] = "";
    BlockDriverState *bs = open_ok(path, "raw", 0);

    CHECK_EQ(blk_pread(bs, DISK - 256, buf, 512), (uint64_t)-EIO);
    CHECK_EQ(blk_pread(bs, ~0ull - 100, buf, 512), (uint64_t)-EIO);
    CHECK_EQ(blk_pwrite(bs, 0, buf, 512), (uint64_t)-EPERM);
    bdrv_close(bs);
    CHECK_EQ(blk_pread(bs, 0, buf, 512), (uint64_t)-ENOMEDIUM);
    CHECK_EQ(blk_pwrite(bs, 0, buf, 512), (uint64_t)-ENOMEDIUM);
    bdrv_delete(bs);
    drop(path);
}

static uint64_t size_on_host(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* The host writes up to its limit, then no more. */
TEST(a_file_is_as_long_as_what_was_written)
{
    enum { LIMIT = 64 << 10 };
    static const uint8_t buf[LIMIT] = { 1 };
    struct rlimit limit, old;
    char *path = temp_image(0);
    BlockDriverState *file;
    Error err = { "" };

    CHECK_EQ(bdrv_create_node(path, 4096, NULL, &file, &err), 0);
    file->flags |= BDRV_O_UNMAP;
    getrlimit(RLIMIT_FSIZE, &old);
    limit = (struct rlimit){ LIMIT, old.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    CHECK_EQ(blk_discard(file, LIMIT, LIMIT), 0);
    CHECK_EQ(file->length, 4096);
    CHECK_EQ(bdrv_pwrite(file, LIMIT, buf, 4096), (uint64_t)-EFBIG);
    CHECK_EQ(file->length, 4096);
    CHECK(blk_write_zeroes(file, LIMIT, LIMIT) < 0);
    CHECK_EQ(file->length, size_on_host(path));
    CHECK_EQ(bdrv_pwrite(file, LIMIT - 8192, buf, LIMIT), (uint64_t)-EFBIG);
    CHECK_EQ(file->length, LIMIT);
    CHECK_EQ(size_on_host(path), LIMIT);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    bdrv_delete_child(file);
    drop(path);
}

TEST(raw_window_by_offset_and_size)
{
    char *path = temp_image(DISK), buf[512] = "hello";
    BlockDriverState *bs = bdrv_new(NULL);
    BlockOpts o = { NULL, 0 };
    Error err;

    CHECK_EQ(opts_parse(&o, "offset=64k,size=4k", &err), 0);
    CHECK_EQ(bdrv_open(bs, path, "raw", BDRV_O_RDWR, &o, &err), 0);
    CHECK_EQ(blk_length(bs), 4096);
    CHECK_EQ(blk_pwrite(bs, 512, buf, 512), 0);
    CHECK_EQ(blk_pwrite(bs, 4096, buf, 512), (uint64_t)-EIO);
    CHECK_EQ(bdrv_truncate(bs, 8192, &err), (uint64_t)-ENOTSUP);
    bdrv_close(bs);
    CHECK_EQ(byte_at(path, 65536 + 512), 'h');
    opts_set(&o, "size", "2M");
    CHECK_EQ(bdrv_open(bs, path, "raw", BDRV_O_RDWR, &o, &err), (uint64_t)-EINVAL);
    opts_set(&o, "size", "1000");
    CHECK_EQ(bdrv_open(bs, path, "raw", BDRV_O_RDWR, &o, &err), (uint64_t)-EINVAL);
    CHECK(strstr(err.msg, "multiples of 512"));
    opts_free(&o);
    bdrv_delete(bs);
    drop(path);
}

static bool is_hole(BlockDriverState *bs, uint64_t off, uint64_t *num)
{
    return bdrv_block_status(bs, off, DISK - off, num, NULL) & BDRV_BLOCK_ZERO;
}

/* Where data are is remembered; a hole made among them is seen all the same. */
TEST(new_holes_are_seen)
{
    static uint8_t data[DISK];
    char *path = temp_image(DISK);
    BlockDriverState *bs = open_ok(path, "raw", BDRV_O_RDWR | BDRV_O_UNMAP);
    uint64_t num;

    memset(data, 1, sizeof(data));
    CHECK_EQ(blk_pwrite(bs, 0, data, DISK), 0);
    CHECK(!is_hole(bs, 0, &num));
    CHECK_EQ(num, DISK);
    CHECK(!is_hole(bs, DISK / 2, &num));
    CHECK_EQ(num, DISK / 2);
    CHECK_EQ(blk_discard(bs, DISK / 4, DISK / 4), 0);
    CHECK(is_hole(bs, DISK / 4, &num));
    CHECK_EQ(num, DISK / 4);
    CHECK(!is_hole(bs, 0, &num));
    CHECK_EQ(num, DISK / 4);
    CHECK_EQ(blk_pwrite(bs, DISK / 4, data, DISK / 8), 0);
    CHECK(!is_hole(bs, DISK / 4, &num));
    CHECK_EQ(num, DISK / 8);
    CHECK_EQ(blk_write_zeroes(bs, 0, DISK / 8), 0);
    CHECK(is_hole(bs, 0, &num));
    CHECK_EQ(num, DISK / 8);
    bdrv_delete(bs);
    drop(path);
}

TEST(create_truncates_and_refuses_an_image_in_use)
{
    char *path = temp_image(DISK);
    BlockDriverState *bs = open_ok(path, "raw", BDRV_O_RDWR);
    Error err;

    CHECK_EQ(bdrv_create("raw", path, 4096, NULL, &err), (uint64_t)-EBUSY);
    CHECK_EQ(bdrv_truncate(bs, 2 * DISK, &err), 0);
    CHECK_EQ(blk_length(bs), 2 * DISK);
    bdrv_delete(bs);
    CHECK_EQ(bdrv_create("raw", path, 8192, NULL, &err), 0);
    bs = open_ok(path, "raw", 0);
    CHECK_EQ(blk_length(bs), 8192);
    bdrv_delete(bs);
    drop(path);
}

/* -- Asynchronous requests and error policies ------------------------------ */

/* A disk of memory that fails when told to. */
static uint8_t mem[DISK];
static int fail_with, mem_flushes;
static CoQueue held;
static bool hold_requests;

static int mem_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                      const QEMUIOVector *q, size_t at)
{
    (void)bs;
    if (hold_requests) {
        co_queue_wait(&held);
    }
    iov_from_buf(q, at, mem + off, len);
    return fail_with;
}

static int mem_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                       const QEMUIOVector *q, size_t at)
{
    (void)bs;
    if (hold_requests) {
        co_queue_wait(&held);
    }
    if (!fail_with) {
        iov_to_buf(q, at, mem + off, len);
    }
    return fail_with;
}

static int mem_flush(BlockDriverState *bs)
{
    (void)bs;
    mem_flushes++;
    return fail_with;
}

static const BlockDriver mem_driver = {
    .name = "mem", .co_preadv = mem_preadv, .co_pwritev = mem_pwritev,
    .co_flush_to_disk = mem_flush,
};

static BlockDriverState *mem_disk(void)
{
    BlockDriverState *bs = bdrv_new("mem0");

    bs->drv = &mem_driver;
    bs->filename = xstrdup("mem.img");
    bs->length = DISK;
    fail_with = 0;
    return bs;
}

static int calls, last_ret;

static void count_call(void *opaque, int ret)
{
    (void)opaque;
    calls++;
    last_ret = ret;
}

static QEMUIOVector *one_sector(void)
{
    static uint8_t buf[512];
    static struct iovec one;
    static QEMUIOVector q;

    iov_init_buf(&q, &one, buf, 512);
    return &q;
}

/* The callback never comes before the request function has returned. */
TEST(callbacks_come_later)
{
    BlockDriverState *bs = mem_disk();

    calls = 0;
    blk_aio_preadv(bs, 0, one_sector(), count_call, NULL);
    CHECK_EQ(calls, 0);
    loop_run_once(0);
    CHECK_EQ(calls, 1);
    blk_aio_pwritev(bs, 0, one_sector(), count_call, NULL);
    blk_aio_flush(bs, count_call, NULL);
    CHECK_EQ(calls, 1);
    blk_drain(bs);
    CHECK_EQ(calls, 3);
    CHECK_EQ(blk_stats(bs)->rd_bytes, 512);
    CHECK_EQ(blk_stats(bs)->flush_ops, 1);
    bdrv_delete(bs);
}

TEST(a_cancelled_request_does_not_call_back)
{
    char *path = temp_image(DISK);
    BlockDriverState *bs = open_ok(path, "raw", BDRV_O_RDWR);

    calls = 0;
    blk_aio_cancel(blk_aio_pwritev(bs, 0, one_sector(), count_call, NULL));
    loop_run_once(0);
    CHECK_EQ(calls, 0);
    bdrv_delete(bs);
    drop(path);
}

TEST(writethrough_flushes_each_write)
{
    BlockDriverState *bs = mem_disk();
    uint8_t buf[512] = { 1 };

    blk_set_write_cache(bs, false);
    mem_flushes = 0;
    blk_pwrite(bs, 0, buf, 512);
    blk_pwrite(bs, 512, buf, 512);
    CHECK_EQ(mem_flushes, 2);
    blk_set_write_cache(bs, true);
    blk_pwrite(bs, 0, buf, 512);
    CHECK_EQ(mem_flushes, 2);
    blk_flush(bs);
    blk_flush(bs);                      /* nothing new to flush */
    CHECK_EQ(mem_flushes, 3);
    bdrv_delete(bs);
}

static int stops;
static char stop_reason[300];

static void on_stop(void *opaque, const char *why)
{
    (void)opaque;
    stops++;
    snprintf(stop_reason, sizeof(stop_reason), "%s", why);
}

static void request_with_policy(BlockDriverState *bs, BlockErrorAction act, int error)
{
    blk_conf(bs)->werror = act;
    fail_with = error;
    calls = stops = 0;
    blk_aio_pwritev(bs, 0, one_sector(), count_call, NULL);
    blk_drain(bs);
}

TEST(error_policies)
{
    BlockDriverState *bs = mem_disk();

    blk_set_stop_handler(on_stop, NULL);
    request_with_policy(bs, BLOCK_ERROR_REPORT, -EIO);
    CHECK(calls == 1 && last_ret == -EIO && stops == 0);
    request_with_policy(bs, BLOCK_ERROR_IGNORE, -EIO);
    CHECK(calls == 1 && last_ret == 0 && stops == 0);
    request_with_policy(bs, BLOCK_ERROR_ENOSPC, -EIO);
    CHECK(calls == 1 && last_ret == -EIO && stops == 0);
    /* enospc: the machine stops, the device knows nothing; then it goes on. */
    request_with_policy(bs, BLOCK_ERROR_ENOSPC, -ENOSPC);
    CHECK(calls == 0 && stops == 1);
    CHECK(strstr(stop_reason, "mem0: mem.img: write") && strstr(stop_reason, "make room"));
    CHECK(blk_first_stopped() == bs);
    blk_resume_all();
    blk_drain(bs);
    CHECK(calls == 0 && stops == 2);
    fail_with = 0;
    blk_resume_all();
    blk_drain(bs);
    CHECK(calls == 1 && last_ret == 0);
    CHECK(blk_first_stopped() == NULL);
    blk_set_stop_handler(NULL, NULL);
    bdrv_delete(bs);
}

/* Two partial writes of one block at once must both be there afterwards. */
TEST(read_modify_write_excludes_its_neighbours)
{
    BlockDriverState *bs = mem_disk();
    char a[100], b[100];
    struct iovec va, vb;
    QEMUIOVector qa, qb;

    memset(mem, 0, sizeof(mem));
    memset(a, 'a', sizeof(a));
    memset(b, 'b', sizeof(b));
    bs->write_align = 4096;
    hold_requests = true;
    calls = 0;
    iov_init_buf(&qa, &va, a, 100);
    iov_init_buf(&qb, &vb, b, 100);
    blk_aio_pwritev(bs, 100, &qa, count_call, NULL);
    blk_aio_pwritev(bs, 200, &qb, count_call, NULL);
    while (co_queue_next(&held)) {
    }
    hold_requests = false;
    blk_drain(bs);
    CHECK_EQ(calls, 2);
    CHECK(mem[99] == 0 && mem[100] == 'a' && mem[199] == 'a' && mem[200] == 'b' &&
          mem[299] == 'b' && mem[300] == 0);
    bdrv_delete(bs);
}

TEST(a_drive_has_one_user)
{
    BlockDriverState *bs = mem_disk();
    Error err;

    CHECK_EQ(blk_attach_dev(bs, "ide-hd", NULL, NULL, &err), 0);
    CHECK_EQ(blk_attach_dev(bs, "fdc", NULL, NULL, &err), (uint64_t)-EBUSY);
    CHECK(strstr(err.msg, "already used by ide-hd"));
    CHECK_EQ(blk_eject(bs, true, &err), (uint64_t)-ENOTSUP);
    blk_detach_dev(bs);
    bdrv_delete(bs);
}

TEST(cache_mode_names)
{
    static const char *const names[] = { "none", "directsync", "writethrough",
                                         "writeback", "unsafe" };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        int flags = BDRV_O_RDWR;

        CHECK_EQ(bdrv_parse_cache(names[i], &flags), 0);
        CHECK(strcmp(bdrv_cache_name(flags), names[i]) == 0);
        CHECK(flags & BDRV_O_RDWR);
    }
    CHECK(bdrv_parse_cache("maybe", &(int){ 0 }) < 0);
}

/* -- Geometry -------------------------------------------------------------- */

TEST(geometry_by_size_and_by_partition_table)
{
    BlockDriverState *bs = mem_disk();
    uint32_t c, h, s;

    memset(mem, 0, sizeof(mem));
    blk_geometry(bs, &c, &h, &s);
    CHECK(c == 2 && h == 16 && s == 63);
    /* A partition that ends at head 7, sector 17: 8 heads, 17 sectors. */
    store_le(mem + 510, 0xaa55, 2);
    mem[446 + 5] = 7;
    mem[446 + 6] = 17;
    store_le(mem + 446 + 12, 1000, 4);
    blk_geometry(bs, &c, &h, &s);
    CHECK(c == 2048 / (8 * 17) && h == 8 && s == 17);
    blk_conf(bs)->cyls = 3;
    blk_conf(bs)->heads = 4;
    blk_conf(bs)->secs = 5;
    CHECK_EQ(blk_geometry(bs, &c, &h, &s), 0);
    CHECK(c == 3 && h == 4 && s == 5);
    bdrv_delete(bs);
}

/* -- Drives ---------------------------------------------------------------- */

static void drive_fails(const char *spec, const char *part)
{
    Error err = { "" };

    CHECK(drive_add(spec, IF_IDE, &err) < 0);
    if (!strstr(err.msg, part)) {
        printf("# %s\n", err.msg);
        CHECK(!"the sentence says what is wrong");
    }
}

TEST(drive_options)
{
    char *path = temp_image(DISK), *cd = temp_image(DISK);
    char *spec = xasprintf("file=%s,cache=unsafe,serial=abc", path);
    Error err = { "" };

    CHECK_EQ(drive_add(spec, IF_IDE, &err), 0);
    CHECK_EQ(drive_add_file("cdrom", cd, IF_IDE, &err), 0);
    drive_fails("file=x,index=2", "taken by ide1-cd0");
    drive_fails("file=x,if=usb", "one of none, ide");
    drive_fails("file=x,index=9", "no place");
    drive_fails("file=x,bus=1,index=1", "the same");
    drive_fails("if=ide", "needs file=");
    drive_fails("file=x,cyls=5", "all three");
    drive_fails("file=x,cache=hot", "use none");
    drive_fails("file=x,serial=123456789012345678901", "20 characters");
    drive_fails("file=x,id=ide0-hd0,if=none", "two drives");
    drive_add_defaults();
    CHECK(drive_get(IF_FLOPPY, 0, 0) != NULL);
    CHECK_EQ(drive_open_all(false, &err), 0);
    DriveInfo *d = drive_find("ide0-hd0");
    CHECK(d && blk_length(d->bs) == DISK && (d->flags & BDRV_O_NO_FLUSH));
    CHECK(d && strcmp(blk_conf(d->bs)->serial, "abc") == 0);
    CHECK(bdrv_find("ide1-cd0") && blk_is_read_only(bdrv_find("ide1-cd0")));
    drive_close_all();
    CHECK(bdrv_next(NULL) == NULL);
    free(spec);
    drop(path);
    drop(cd);
}

TEST(commas_in_names_are_doubled)
{
    BlockOpts o = { NULL, 0 };
    Error err;

    CHECK_EQ(opts_parse(&o, "file=a,,b=c,readonly,id=x", &err), 0);
    CHECK(strcmp(opts_get(&o, "file"), "a,b=c") == 0);
    CHECK(strcmp(opts_get(&o, "readonly"), "on") == 0);
    CHECK(strcmp(opts_get(&o, "id"), "x") == 0);
    opts_free(&o);
}

TEST(sizes)
{
    uint64_t n;

    CHECK(parse_size("512", &n) == 0 && n == 512);
    CHECK(parse_size("64k", &n) == 0 && n == 65536);
    CHECK(parse_size("1.5G", &n) == 0 && n == 3ull << 29);
    CHECK(parse_size("2MiB", &n) == 0 && n == 2 << 20);
    CHECK(parse_size("", &n) < 0 && parse_size("-1", &n) < 0);
    CHECK(parse_size("5x", &n) < 0 && parse_size("99999999E", &n) < 0);
}

static void find_words(void *opaque, const char *text)
{
    unsigned *found = opaque;

    *found |= strstr(text, "  werror ") != NULL;
    *found |= (unsigned)(strstr(text, "  iops_rd_max ") != NULL) << 1;
}

TEST(help_for_drives_has_policies_and_limits)
{
    unsigned found = 0;

    drive_help(find_words, &found);
    CHECK_EQ(found, 3);
}
