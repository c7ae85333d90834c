/* SPDX-License-Identifier: MIT */
/*
 * Jobs and snapshots on a drive whose guest does not stop writing: a mirror is the
 * drive as it is, a backup the drive as it was, and a failure is the job's alone.
 */
#include "block/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/block-int.h"
#include "sys/loop.h"
#include "tests/test.h"
#include "util/bits.h"
#include "util/mem.h"

enum { DISK = 6 << 20, SLOTS = 8, AREA = DISK / SLOTS, MOST = 150000 };

/* A guest's request: in an area of its own, so that the order is known. */
typedef struct Slot {
    struct Rig *rig;
    uint8_t *buf;
    struct iovec iov;
    QEMUIOVector q;
    bool busy;
} Slot;

typedef struct Rig {
    char *dir;
    BlockDriverState *bs;
    uint8_t *shadow, *then, *read;
    Slot slot[SLOTS];
    int failed;
} Rig;

static uint32_t seed;

static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)(seed >> 4) * below >> 28);
}

static const char *name(const Rig *r, const char *file)
{
    static char path[4][300];
    static int n;

    n = (n + 1) % 4;
    snprintf(path[n], sizeof(path[n]), "%s/%s", r->dir, file);
    return path[n];
}

static Rig *rig_new(const char *format)
{
    Rig *r = xzalloc(sizeof(*r));
    Error err = { "" };

    seed = 42;
    r->dir = xasprintf("%s/test-job-XXXXXX", getenv("TMPDIR") ?: "/var/tmp");
    if (!mkdtemp(r->dir)) {
        abort();
    }
    r->shadow = xzalloc(DISK);
    r->then = xzalloc(DISK);
    r->read = xzalloc(DISK);
    r->bs = bdrv_new("disk");
    CHECK_EQ(bdrv_create(format, name(r, "disk"), DISK, NULL, &err), 0);
    CHECK_EQ(bdrv_open(r->bs, name(r, "disk"), format, BDRV_O_RDWR, NULL, &err), 0);
    for (int i = 0; i < SLOTS; i++) {
        r->slot[i] = (Slot){ .rig = r, .buf = xmalloc(MOST) };
    }
    return r;
}

static void rig_free(Rig *r)
{
    char *cmd = xasprintf("rm -r '%s'", r->dir);

    bdrv_delete(r->bs);
    CHECK_EQ(system(cmd), 0);
    for (int i = 0; i < SLOTS; i++) {
        free(r->slot[i].buf);
    }
    free(cmd);
    free(r->dir);
    free(r->shadow);
    free(r->then);
    free(r->read);
    free(r);
}

/* -- The guest --------------------------------------------------------------- */

static void written(void *opaque, int ret)
{
    Slot *s = opaque;

    s->busy = false;
    s->rig->failed += ret < 0;
}

static void guest_write(Rig *r)
{
    Slot *s = &r->slot[rnd(SLOTS)];
    uint32_t len = 1 + rnd(rnd(3) ? 5000 : MOST - 1), off = rnd(AREA - len);

    if (s->busy) {
        return;
    }
    off += (uint32_t)(s - r->slot) * AREA;
    if (rnd(6) == 0) {
        memset(r->shadow + off, 0, len);
        s->busy = true;
        blk_aio_write_zeroes(r->bs, off, len, written, s);
        return;
    }
    memset(s->buf, (int)rnd(256), len);
    memcpy(r->shadow + off, s->buf, len);
    iov_init_buf(&s->q, &s->iov, s->buf, len);
    s->busy = true;
    blk_aio_pwritev(r->bs, off, &s->q, written, s);
}

static void guest_works(Rig *r, int requests)
{
    for (int i = 0; i < requests; i++) {
        guest_write(r);
        loop_run_once(0);
    }
}

static void settle(Rig *r)
{
    blk_drain(r->bs);
    CHECK_EQ(r->failed, 0);
}

static void now_is_then(Rig *r)
{
    settle(r);
    memcpy(r->then, r->shadow, DISK);
}

static void count_line(void *opaque, const char *line)
{
    *(bool *)opaque |= strstr(line, ", ready") != NULL;
}

static bool is_ready(void)
{
    bool ready = false;

    job_dump(count_line, &ready);
    return ready;
}

static void ignore_line(void *opaque, const char *line)
{
    (void)opaque;
    (void)line;
}

/* With the guest writing, until there is no job, or (ready) it is. */
static void wait_job(Rig *r, bool ready)
{
    for (int i = 0; i < 100000 && job_dump(ignore_line, NULL) && !(ready && is_ready()); i++) {
        guest_write(r);
        loop_run_once(1000000);
    }
    CHECK(ready == is_ready());
}

static void expect_image(Rig *r, const char *file, const char *format, const uint8_t *want)
{
    BlockDriverState *bs = bdrv_new(NULL);
    Error err = { "" };

    if (bdrv_open(bs, name(r, file), format, 0, NULL, &err) < 0) {
        printf("# %s\n", err.msg);
        CHECK(!"opens");
    } else {
        CHECK_EQ(blk_pread(bs, 0, r->read, DISK), 0);
        CHECK(memcmp(r->read, want, DISK) == 0);
    }
    bdrv_delete(bs);
}

static void expect_drive(Rig *r)
{
    settle(r);
    CHECK_EQ(blk_pread(r->bs, 0, r->read, DISK), 0);
    CHECK(memcmp(r->read, r->shadow, DISK) == 0);
}

static void start(Rig *r, BlockJobKind kind, const char *file, const char *format, int flags)
{
    Error err = { "" };

    if (job_start(r->bs, kind, name(r, file), format, flags, &err) < 0) {
        printf("# %s\n", err.msg);
        CHECK(!"starts");
    }
}

/* -- Mirror ------------------------------------------------------------------ */

static void mirror(const char *from, const char *to)
{
    Rig *r = rig_new(from);
    Error err = { "" };

    guest_works(r, 100);
    start(r, JOB_MIRROR, "copy", to, 0);
    wait_job(r, true);
    guest_works(r, 100);
    CHECK_EQ(job_complete(r->bs, &err), 0);
    wait_job(r, false);
    CHECK_STR(blk_filename(r->bs), name(r, "copy"));
    now_is_then(r);
    expect_drive(r);
    guest_works(r, 100);                /* into the copy; the old one has its last state */
    expect_drive(r);
    bdrv_close(r->bs);
    expect_image(r, "copy", to, r->shadow);
    rig_free(r);
}

TEST(mirror_of_raw_follows_and_takes_over) { mirror("raw", "qcow2"); }
TEST(mirror_of_qcow2_follows_and_takes_over) { mirror("qcow2", "raw"); }

TEST(cancelled_mirror_that_is_ready_leaves_a_whole_copy)
{
    Rig *r = rig_new("qcow2");
    Error err = { "" };

    guest_works(r, 100);
    start(r, JOB_MIRROR, "copy", NULL, 0);
    CHECK_EQ(job_complete(r->bs, &err), (uint64_t)-EBUSY);
    wait_job(r, true);
    guest_works(r, 50);
    settle(r);
    CHECK_EQ(job_cancel(r->bs, false, &err), 0);
    now_is_then(r);
    while (job_dump(ignore_line, NULL)) {
        loop_run_once(1000000);
    }
    CHECK_STR(blk_filename(r->bs), name(r, "disk"));
    expect_image(r, "copy", "qcow2", r->then);
    guest_works(r, 50);
    expect_drive(r);
    rig_free(r);
}

TEST(closing_the_drive_ends_its_mirror)
{
    Rig *r = rig_new("raw");

    guest_works(r, 50);
    start(r, JOB_MIRROR, "copy", NULL, 0);
    wait_job(r, true);
    guest_works(r, 30);
    settle(r);
    bdrv_close(r->bs);
    CHECK_EQ(job_dump(ignore_line, NULL), 0);
    expect_image(r, "copy", "raw", r->shadow);
    expect_image(r, "disk", "raw", r->shadow);
    rig_free(r);
}

/* -- Backup ------------------------------------------------------------------ */

static void backup(const char *from, const char *to)
{
    Rig *r = rig_new(from);
    Error err = { "" };

    guest_works(r, 150);
    now_is_then(r);
    start(r, JOB_BACKUP, "copy", to, 0);
    CHECK_EQ(job_set_speed(r->bs, 4 << 20, &err), 0);   /* so that the guest is first */
    guest_works(r, 200);
    CHECK_EQ(job_dump(ignore_line, NULL), 1);
    CHECK_EQ(job_set_speed(r->bs, 0, &err), 0);
    wait_job(r, false);
    expect_image(r, "copy", to, r->then);
    expect_drive(r);
    rig_free(r);
}

TEST(backup_of_raw_is_the_drive_of_then) { backup("raw", "qcow2"); }
TEST(backup_of_qcow2_is_the_drive_of_then) { backup("qcow2", "qcow2"); }

TEST(backup_of_the_top_has_the_same_backing)
{
    Rig *r = rig_new("raw");
    Error err = { "" };

    guest_works(r, 60);
    settle(r);
    CHECK_EQ(blk_snapshot(r->bs, name(r, "top"), "qcow2", false, &err), 0);
    blk_pwrite(r->bs, 5000, "changed", 7);
    memcpy(r->shadow + 5000, "changed", 7);
    now_is_then(r);
    start(r, JOB_BACKUP, "copy", NULL, 0);
    guest_works(r, 100);
    wait_job(r, false);
    expect_image(r, "copy", "qcow2", r->then);
    expect_drive(r);

    BlockDriverState *bs = bdrv_new(NULL);
    uint64_t num;

    CHECK_EQ(bdrv_open(bs, name(r, "copy"), "qcow2", BDRV_O_NO_BACKING, NULL, &err), 0);
    CHECK(bs->backing_file && strstr(bs->backing_file, "/disk"));
    CHECK(bdrv_block_status(bs, 0, 512, &num, NULL) & BDRV_BLOCK_ALLOCATED);
    CHECK(!(bdrv_block_status(bs, 65536, DISK, &num, NULL) & BDRV_BLOCK_ALLOCATED));
    CHECK_EQ(num, DISK - 65536);
    bdrv_delete(bs);
    rig_free(r);
}

/* A backup that has begun, and would take hours. */
static Rig *slow_backup(void)
{
    Rig *r = rig_new("qcow2");
    Error err = { "" };

    guest_works(r, 100);
    settle(r);
    start(r, JOB_BACKUP, "copy", NULL, 0);
    CHECK_EQ(job_set_speed(r->bs, 100, &err), 0);
    return r;
}

TEST(quitting_in_the_middle_leaves_the_disk_whole)
{
    Rig *r = slow_backup();

    guest_works(r, 20);
    bdrv_close(r->bs);
    CHECK_EQ(job_dump(ignore_line, NULL), 0);
    expect_image(r, "disk", "qcow2", r->shadow);
    rig_free(r);
}

/* The end comes between a read and its write: the pause behind them is not made. */
TEST(quitting_does_not_wait_for_a_slow_job)
{
    Rig *r = slow_backup();

    alarm(20);
    bdrv_close(r->bs);
    alarm(0);
    CHECK_EQ(job_dump(ignore_line, NULL), 0);
    rig_free(r);
}

/* -- What goes wrong --------------------------------------------------------- */

/* The target is full after some writes: the guest does not hear of it. */
static void target_fails(BlockJobKind kind)
{
    Rig *r = rig_new("qcow2");
    Error err = { "" };
    FILE *f = fopen(name(r, "rules"), "w");

    fputs("[inject-error]\nevent = \"write_aio\"\nerrno = \"28\"\n"
          "sector = \"8192\"\n", f);
    fclose(f);
    char *file = xasprintf("blkdebug:%s:%s", name(r, "rules"), name(r, "copy"));

    CHECK_EQ(bdrv_create("raw", name(r, "copy"), DISK, NULL, &err), 0);
    CHECK_EQ(blk_pwrite(r->bs, 4 << 20, "data", 4), 0);
    memcpy(r->shadow + (4 << 20), "data", 4);
    CHECK_EQ(job_start(r->bs, kind, file, "raw", JOB_REUSE, &err), 0);
    wait_job(r, false);
    CHECK_STR(blk_filename(r->bs), name(r, "disk"));
    expect_drive(r);
    free(file);
    rig_free(r);
}

TEST(failing_target_ends_a_mirror) { target_fails(JOB_MIRROR); }
TEST(failing_target_ends_a_backup) { target_fails(JOB_BACKUP); }

static void refused(Rig *r, const char *file, const char *format, int flags, const char *part)
{
    Error err = { "" };

    CHECK(job_start(r->bs, JOB_MIRROR, file, format, flags, &err) < 0);
    if (!strstr(err.msg, part)) {
        printf("# %s\n", err.msg);
        CHECK(!"the sentence");
    }
}

TEST(what_cannot_be_copied_says_so)
{
    Rig *r = rig_new("raw");
    Error err = { "" };

    guest_works(r, 50);
    refused(r, name(r, "disk"), NULL, 0, "in use");
    refused(r, "/nowhere/at/all", NULL, 0, "cannot be made");
    refused(r, name(r, "missing"), NULL, JOB_REUSE, "no such file");
    CHECK_EQ(bdrv_create("raw", name(r, "small"), DISK / 2, NULL, &err), 0);
    refused(r, name(r, "small"), "raw", JOB_REUSE, "must be the same");
    start(r, JOB_BACKUP, "copy", NULL, 0);
    refused(r, name(r, "copy2"), NULL, 0, "a backup job runs on it");
    CHECK(blk_resize(r->bs, DISK * 2, &err) == -EBUSY);
    CHECK(blk_snapshot(r->bs, name(r, "top"), "qcow2", false, &err) == -EBUSY);
    CHECK_EQ(job_cancel(r->bs, true, &err), 0);
    wait_job(r, false);
    CHECK_EQ(job_cancel(r->bs, true, &err), (uint64_t)-ENOENT);
    expect_drive(r);
    rig_free(r);
}

/* -- Snapshots --------------------------------------------------------------- */

TEST(live_snapshot_keeps_the_image_as_it_was)
{
    Rig *r = rig_new("qcow2");
    Error err = { "" };

    guest_works(r, 100);
    blk_drain(r->bs);
    memcpy(r->then, r->shadow, DISK);
    CHECK_EQ(blk_snapshot(r->bs, name(r, "top"), "qcow2", false, &err), 0);
    guest_works(r, 100);
    expect_drive(r);
    expect_image(r, "disk", "qcow2", r->then);          /* its lock lets readers in */
    CHECK_STR(blk_filename(r->bs), name(r, "top"));
    CHECK_EQ(bdrv_commit(r->bs, &err), 0);
    guest_works(r, 20);
    expect_drive(r);
    bdrv_close(r->bs);
    expect_image(r, "top", "qcow2", r->shadow);
    rig_free(r);
}

TEST(live_snapshot_that_cannot_be_changes_nothing)
{
    Rig *r = rig_new("raw");
    Error err = { "" };

    guest_works(r, 50);
    CHECK(blk_snapshot(r->bs, "/nowhere/at/all", "qcow2", false, &err) < 0);
    CHECK(blk_snapshot(r->bs, name(r, "top"), "raw", false, &err) < 0);
    CHECK(blk_snapshot(r->bs, name(r, "disk"), "qcow2", false, &err) < 0);
    CHECK_EQ(bdrv_create("qcow2", name(r, "small"), DISK / 2, NULL, &err), 0);
    CHECK(blk_snapshot(r->bs, name(r, "small"), "qcow2", true, &err) < 0);
    CHECK(strstr(err.msg, "not as large"));
    CHECK(!blk_is_read_only(r->bs));
    guest_works(r, 50);
    expect_drive(r);
    rig_free(r);
}

TEST(internal_snapshots_of_a_drive_in_use)
{
    Rig *r = rig_new("qcow2");
    Error err = { "" };

    guest_works(r, 100);
    CHECK_EQ(blk_snapshot_create(r->bs, "one", 5, &err), 0);
    now_is_then(r);
    guest_works(r, 100);
    CHECK_EQ(blk_snapshot_create(r->bs, "two", 5, &err), 0);
    CHECK_EQ(blk_snapshot_create(r->bs, "two", 5, &err), (uint64_t)-EEXIST);
    CHECK_EQ(blk_snapshot_dump(ignore_line, NULL), 2);
    guest_works(r, 100);
    expect_drive(r);
    CHECK_EQ(blk_snapshot_delete(r->bs, "two", &err), 0);
    CHECK_EQ(blk_snapshot_delete(r->bs, "two", &err), (uint64_t)-ENOENT);
    CHECK_EQ(blk_snapshot_goto(r->bs, "one", &err), 0);
    memcpy(r->shadow, r->then, DISK);
    guest_works(r, 50);
    expect_drive(r);
    rig_free(r);

    r = rig_new("raw");
    CHECK_EQ(blk_snapshot_create(r->bs, "one", 5, &err), (uint64_t)-ENOTSUP);
    CHECK(strstr(err.msg, "use qcow2"));
    rig_free(r);
}
