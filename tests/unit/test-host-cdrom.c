/* SPDX-License-Identifier: MIT */
/*
 * A CD drive of the host behind a CD drive of the machine.  The host's is a file,
 * and an ioctl() of ours that answers as Linux's drivers/cdrom does.
 */
#include <fcntl.h>
#include <linux/cdrom.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "block/block.h"
#include "hw/scsi/mmc.h"
#include "sys/loop.h"
#include "tests/test.h"
#include "util/mem.h"

static struct {
    bool there, disc, changed, open, locked;
    ino_t inode;
} drive;

static int answer(unsigned long request, int arg)
{
    bool was = drive.changed;

    switch (request) {
    case CDROM_DRIVE_STATUS:  return drive.open ? CDS_TRAY_OPEN
                                   : drive.disc ? CDS_DISC_OK : CDS_NO_DISC;
    case CDROM_MEDIA_CHANGED: drive.changed = false; return was;
    case CDROMEJECT:          drive.open = true; return 0;
    case CDROMCLOSETRAY:      drive.open = false; return 0;
    case CDROM_LOCKDOOR:      drive.locked = arg; return 0;
    }
    return -1;
}

int ioctl(int fd, unsigned long request, ...)
{
    struct stat st;
    va_list ap;

    va_start(ap, request);
    void *arg = va_arg(ap, void *);

    va_end(ap);
    return drive.there && fstat(fd, &st) == 0 && st.st_ino == drive.inode
           ? answer(request, (int)(intptr_t)arg) : (int)syscall(SYS_ioctl, fd, request, arg);
}

static char *new_drive(bool disc)
{
    char *path = xasprintf("%s/test-cdrom-XXXXXX", getenv("TMPDIR") ?: "/var/tmp");
    int fd = mkstemp(path);
    struct stat st;

    if (fd < 0 || ftruncate(fd, 16 * 2048) < 0 || fstat(fd, &st) < 0) {
        abort();
    }
    close(fd);
    memset(&drive, 0, sizeof(drive));
    drive.there = true;
    drive.disc = disc;
    drive.inode = st.st_ino;
    return path;
}

static BlockDriverState *open_drive(const char *path)
{
    BlockDriverState *bs = bdrv_new("cd");
    char *name = xasprintf("host_cdrom:%s", path);
    Error err = { "" };

    if (bdrv_open(bs, name, NULL, 0, NULL, &err) < 0) {
        printf("# %s\n", err.msg);
        CHECK(!"opens");
    }
    free(name);
    return bs;
}

static void drop(BlockDriverState *bs, char *path)
{
    bdrv_delete(bs);
    unlink(path);
    free(path);
}

/* -- The machine's drive ----------------------------------------------------- */

static struct { uint8_t key, asc, ascq, attention; } end;

static void on_ok(MMCDrive *d) { (void)d; }

static void on_check(MMCDrive *d, uint8_t key, uint8_t asc, uint8_t ascq)
{
    (void)d;
    end.key = key;
    end.asc = asc;
    end.ascq = ascq;
}

static void on_reply(MMCDrive *d, uint32_t len, uint32_t room)
{
    (void)d;
    (void)len;
    (void)room;
}

static void on_attention(MMCDrive *d, uint8_t asc)
{
    (void)d;
    end.attention = asc;
}

static const MMCOps ops = { .ok = on_ok, .check = on_check, .reply = on_reply,
                            .attention = on_attention };

typedef struct Machine { MMCDrive d; uint8_t buffer[MMC_REPLY]; char *path; } Machine;

static void plug(Machine *m, bool disc)
{
    char *path = new_drive(disc);
    Error err = { "" };

    *m = (Machine){ .path = path,
                    .d = { .ops = &ops, .blk = open_drive(path), .buffer = m->buffer } };
    CHECK_EQ(blk_attach_dev(m->d.blk, "test", &mmc_dev_ops, &m->d, &err), 0);
}

static void unplug(Machine *m)
{
    blk_detach_dev(m->d.blk);
    drop(m->d.blk, m->path);
}

/* A command of the guest, and what the host does in the meantime. */
static void run(Machine *m, uint8_t opcode, uint8_t byte4)
{
    uint8_t cdb[12] = { opcode, 0, 0, 0, byte4 };

    memset(&end, 0, sizeof(end));
    mmc_run(&m->d, cdb);
    loop_run_once(0);
}

enum { TEST_UNIT_READY = 0x00, START_STOP = 0x1b, PREVENT = 0x1e, EJECT = 2, LOAD = 3 };

/* -- Tests ------------------------------------------------------------------- */

TEST(what_is_no_drive_is_refused)
{
    char *path = new_drive(true), *name = xasprintf("host_cdrom:%s", path);
    BlockDriverState *bs = bdrv_new("cd");
    Error err = { "" };

    drive.there = false;
    CHECK(bdrv_open(bs, name, NULL, 0, NULL, &err) < 0);
    CHECK(strstr(err.msg, "not a CD drive"));
    free(name);
    drop(bs, path);
}

TEST(a_disc_has_a_size_and_an_empty_drive_none)
{
    char *path = new_drive(true);
    BlockDriverState *bs = open_drive(path);

    CHECK_EQ(blk_length(bs), 16 * 2048);
    drop(bs, path);
    path = new_drive(false);
    bs = open_drive(path);
    CHECK_EQ(blk_length(bs), 0);
    drop(bs, path);
}

TEST(the_guest_sees_discs_come_and_go)
{
    Machine m;

    plug(&m, false);
    run(&m, TEST_UNIT_READY, 0);
    CHECK(end.key == SENSE_NOT_READY && end.asc == ASC_NO_MEDIUM && end.ascq == 1);
    drive.disc = true;
    run(&m, TEST_UNIT_READY, 0);
    CHECK_EQ(end.attention, ASC_NEW_MEDIUM);
    CHECK_EQ(blk_length(m.d.blk), 16 * 2048);
    run(&m, TEST_UNIT_READY, 0);
    CHECK_EQ(end.key, 0);

    drive.changed = true;               /* another disc, between two questions */
    CHECK_EQ(truncate(m.path, 32 * 2048), 0);
    run(&m, TEST_UNIT_READY, 0);
    CHECK_EQ(end.attention, ASC_NEW_MEDIUM);
    CHECK_EQ(blk_length(m.d.blk), 32 * 2048);

    drive.disc = false;
    run(&m, TEST_UNIT_READY, 0);
    CHECK_EQ(m.d.media_event, EVENT_REMOVED);
    run(&m, TEST_UNIT_READY, 0);
    CHECK_EQ(end.asc, ASC_NO_MEDIUM);
    unplug(&m);
}

TEST(the_guest_moves_and_locks_the_tray_of_the_host)
{
    Machine m;

    plug(&m, true);
    run(&m, PREVENT, 1);
    CHECK(drive.locked);
    run(&m, START_STOP, EJECT);
    CHECK(!drive.open && end.asc == ASC_LOCKED);
    drive.changed = true;               /* the lock outlives a change of the disc */
    drive.locked = false;
    run(&m, TEST_UNIT_READY, 0);
    CHECK(drive.locked);
    run(&m, PREVENT, 0);
    CHECK(!drive.locked);
    run(&m, START_STOP, EJECT);
    CHECK(drive.open);
    run(&m, TEST_UNIT_READY, 0);
    CHECK(end.asc == ASC_NO_MEDIUM && blk_length(m.d.blk) == 0);
    run(&m, START_STOP, LOAD);
    CHECK(!drive.open);
    run(&m, TEST_UNIT_READY, 0);
    run(&m, TEST_UNIT_READY, 0);
    CHECK(end.key == 0 && blk_length(m.d.blk) == 16 * 2048);
    unplug(&m);
}
