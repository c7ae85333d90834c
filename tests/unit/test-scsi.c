/* SPDX-License-Identifier: MIT */
/* SCSI disks and CD drives by SPC-3, SBC-2 and MMC-3, and the contract of scsi.h. */
#include "hw/scsi/scsi.h"

#include "hw/scsi/cd-sector.h"
#include "tests/unit/chip-test.h"
#include "tests/unit/scsi-disk.h"

enum { BLOCKS = 4096, CD_BLOCKS = 100 };

/* -- An adapter -------------------------------------------------------------- */

typedef struct Adapter {
    Device dev;
    SCSIBus bus;
    int wakes, gone;
} Adapter;

static void on_wake(SCSIBus *bus, SCSIRequest *r)
{
    CHECK(r->state != SCSI_BUSY);
    container_of(bus, Adapter, bus)->wakes++;
}

static void on_gone(SCSIBus *bus, SCSIRequest *r)
{
    CHECK(r->state != SCSI_FREE);
    container_of(bus, Adapter, bus)->gone++;
}

static const SCSIHostOps adapter_ops = { on_wake, on_gone };

static void adapter_init(Device *d)
{
    scsi_bus_init(&((Adapter *)d)->bus, d, &adapter_ops, 16, 7);
}

static void adapter_free(Device *d)
{
    scsi_bus_free(&((Adapter *)d)->bus);
}

static const DeviceType adapter_type = {
    .name = "adapter", .desc = "test", .bus = "sys", .state_size = sizeof(Adapter),
    .has_bus = "scsi", .has_bus_at = offsetof(Adapter, bus),
    .init = adapter_init, .free = adapter_free,
};

/* -- The test bed ------------------------------------------------------------ */

static Adapter *adapter;
static TestDrive drive;
static Device *unit;

static uint8_t buf[2 << 20];
static uint32_t got;                    /* bytes the command moved */
static uint8_t sense[SCSI_SENSE];

static Device *add_unit(const DeviceType *t, BlockDriverState *blk, const char *id,
                        const char *lun)
{
    Device *d = device_new(t, NULL, &clock_, NULL, NULL);
    Error err = { "" };

    chip_link(d, "bus", adapter);
    chip_link(d, "drive", blk);
    if (id) {
        chip_prop(d, "scsi-id", id);
    }
    chip_prop(d, "lun", lun);
    if (device_realize(d, &err) < 0) {
        printf("# %s\n", err.msg);
        device_free(d);
        return NULL;
    }
    device_reset(d);
    return d;
}

static void bed(const DeviceType *t, uint64_t blocks, uint32_t block, int flags)
{
    clock_init_manual(&clock_);
    adapter = (Adapter *)device_new(&adapter_type, NULL, &clock_, NULL, NULL);
    drive = drive_new("test0", blocks, block, flags);
    unit = add_unit(t, drive.blk, "3", "0");
    CHECK(unit != NULL);
}

static void unbed(void)
{
    device_free(unit);
    device_free(&adapter->dev);
    drive_free(&drive);
}

/* What a driver does; data in pieces of `piece`.  The status. */
static int command_on(unsigned lun, const uint8_t *cdb, uint32_t piece)
{
    SCSIRequest *r = scsi_new(&adapter->bus, 3, lun, SCSI_NO_TAG, cdb,
                              scsi_cdb_length(cdb[0]));
    int status;

    got = 0;
    scsi_start(r);
    for (int rounds = 0; r->state != SCSI_DONE && rounds < 100000; rounds++) {
        uint32_t n = MIN(r->avail, piece);

        if (r->state == SCSI_BUSY) {
            blk_drain_all();
            continue;
        }
        CHECK(n > 0 && got + n <= sizeof(buf));
        if (r->state == SCSI_DATA_IN) {
            memcpy(buf + got, r->data, n);
        } else {
            memcpy(r->data, buf + got, n);
        }
        got += n;
        scsi_moved(r, n);
    }
    CHECK_EQ(r->state, SCSI_DONE);
    CHECK_EQ(r->moved, got);
    status = r->status;
    memcpy(sense, r->sense, SCSI_SENSE);
    scsi_free(r);
    return status;
}

#define COMMAND(...) command_on(0, (const uint8_t[16]){ __VA_ARGS__ }, 1 << 20)
/* Key, ASC, ASCQ of the last CHECK CONDITION. */
#define SENSE_IS(key, asc, ascq) \
    CHECK_EQ(sense[2] << 16 | sense[12] << 8 | sense[13], (key) << 16 | (asc) << 8 | (ascq))

static void ready_disk(void)
{
    bed(&scsi_hd_type, BLOCKS, 512, BDRV_O_RDWR);
    CHECK_EQ(COMMAND(0x00), STATUS_CHECK);
    CHECK_EQ(COMMAND(0x00), STATUS_GOOD);
}

static void ready_cd(void)
{
    bed(&scsi_cd_type, CD_BLOCKS, 2048, 0);
    CHECK_EQ(COMMAND(0x00), STATUS_CHECK);
    CHECK_EQ(COMMAND(0x00), STATUS_GOOD);
}

/* -- SPC-3 ------------------------------------------------------------------- */

/* 6.4.2, SAM-3 5.9.5: INQUIRY works with a unit attention pending, and leaves it;
 * the next other command ends with it. */
TEST(unit_attention_after_power_on)
{
    bed(&scsi_hd_type, BLOCKS, 512, BDRV_O_RDWR);
    CHECK_EQ(COMMAND(0x12, 0, 0, 0, 255), STATUS_GOOD);
    CHECK_EQ(got, 96);
    CHECK_EQ(buf[0], 0x00);
    CHECK_EQ(buf[4] + 5, 96);
    CHECK(buf[7] & 2);                  /* CMDQUE */
    CHECK(!memcmp(buf + 8, "QEMU    QEMU HARDDISK   ", 24));
    CHECK_EQ(COMMAND(0x00), STATUS_CHECK);
    SENSE_IS(6, 0x29, 1);
    CHECK_EQ(COMMAND(0x03, 0, 0, 0, 18), STATUS_GOOD);
    CHECK_EQ(got, 18);
    CHECK_EQ(buf[0], 0x70);
    CHECK_EQ(buf[2], 6);
    CHECK_EQ(COMMAND(0x03, 0, 0, 0, 18), STATUS_GOOD);
    CHECK_EQ(buf[2], 0);                /* it was taken */
    CHECK_EQ(COMMAND(0x00), STATUS_GOOD);
    unbed();
}

/* 6.27: REQUEST SENSE itself may take a unit attention. */
TEST(request_sense_takes_a_unit_attention)
{
    bed(&scsi_hd_type, BLOCKS, 512, BDRV_O_RDWR);
    CHECK_EQ(COMMAND(0x03, 0, 0, 0, 18), STATUS_GOOD);
    CHECK_EQ(buf[2], 6);
    CHECK_EQ(COMMAND(0x00), STATUS_GOOD);
    unbed();
}

/* 4.3.4.6: the allocation length is where data end, without an error. */
TEST(allocation_length)
{
    ready_disk();
    CHECK_EQ(COMMAND(0x12, 0, 0, 0, 5), STATUS_GOOD);
    CHECK_EQ(got, 5);
    CHECK_EQ(COMMAND(0x12, 0, 0, 0, 0), STATUS_GOOD);
    CHECK_EQ(got, 0);
    unbed();
}

/* 7.6: the list of pages names the pages there are. */
TEST(vital_product_data)
{
    ready_disk();
    CHECK_EQ(COMMAND(0x12, 1, 0x00, 0, 255), STATUS_GOOD);
    uint8_t num = buf[3], pages[16];
    CHECK(num >= 5 && num <= 16);
    memcpy(pages, buf + 4, MIN(num, 16));
    for (int i = 0; i < num; i++) {
        CHECK(i == 0 || pages[i] > pages[i - 1]);
        CHECK_EQ(COMMAND(0x12, 1, pages[i], 0, 255), STATUS_GOOD);
        CHECK_EQ(buf[1], pages[i]);
        CHECK_EQ(load_be(buf + 2, 2) + 4, got);
    }
    CHECK_EQ(COMMAND(0x12, 1, 0x80, 0, 255), STATUS_GOOD);
    CHECK(!memcmp(buf + 4, "test0", 5));
    CHECK_EQ(COMMAND(0x12, 1, 0xb0, 0, 255), STATUS_GOOD);
    CHECK_EQ(got, 64);
    CHECK_EQ(COMMAND(0x12, 1, 0xb2, 0, 255), STATUS_GOOD);
    CHECK_EQ(buf[5] & 0x80, 0x80);      /* LBPU */
    CHECK_EQ(COMMAND(0x12, 1, 0x99, 0, 255), STATUS_CHECK);
    SENSE_IS(5, 0x24, 0);
    CHECK_EQ(COMMAND(0x12, 0, 0x80, 0, 255), STATUS_CHECK);     /* page without EVPD */
    unbed();
}

TEST(unknown_command)
{
    ready_disk();
    CHECK_EQ(COMMAND(0xc1), STATUS_CHECK);
    SENSE_IS(5, 0x20, 0);
    CHECK_EQ(COMMAND(0x04), STATUS_CHECK);              /* FORMAT UNIT */
    SENSE_IS(5, 0x20, 0);
    unbed();
}

/* SAM-3 5.9.4, SPC-3 6.4.2: what a target says of a LUN that is not there. */
TEST(logical_unit_not_there)
{
    ready_disk();
    CHECK_EQ(command_on(2, (uint8_t[16]){ 0x12, 0, 0, 0, 36 }, 99), STATUS_GOOD);
    CHECK_EQ(buf[0], 0x7f);
    CHECK_EQ(command_on(2, (uint8_t[16]){ 0x00 }, 99), STATUS_CHECK);
    SENSE_IS(5, 0x25, 0);
    CHECK_EQ(command_on(2, (uint8_t[16]){ 0x03, 0, 0, 0, 18 }, 99), STATUS_GOOD);
    CHECK_EQ(buf[12], 0x25);
    CHECK_EQ(COMMAND(0x03, 0, 0, 0, 18), STATUS_GOOD);
    CHECK_EQ(buf[2], 0);                /* LUN 0 has nothing to do with it */
    unbed();
}

/* 6.21 */
TEST(report_luns)
{
    ready_disk();
    TestDrive second = drive_new("test1", 8, 512, BDRV_O_RDWR);
    Device *d = add_unit(&scsi_hd_type, second.blk, "3", "5");

    CHECK_EQ(COMMAND(0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64), STATUS_GOOD);
    CHECK_EQ(got, 24);
    CHECK_EQ(load_be(buf, 4), 16);
    CHECK_EQ(load_be(buf + 8, 8), 0);
    CHECK_EQ(load_be(buf + 16, 8), 5ull << 48);
    CHECK_EQ(command_on(5, (uint8_t[16]){ 0x25 }, 99), STATUS_CHECK);   /* its own UA */
    CHECK_EQ(command_on(5, (uint8_t[16]){ 0x25 }, 99), STATUS_GOOD);
    CHECK_EQ(load_be(buf, 4), 7);
    device_free(d);
    drive_free(&second);
    unbed();
}

/* -- SBC-2: blocks ----------------------------------------------------------- */

static void check_blocks(uint32_t first, uint32_t num)
{
    CHECK_EQ(got, num * 512);
    for (uint32_t i = 0; i < num; i++) {
        CHECK_EQ(load_le(buf + i * 512, 4), first + i);
        CHECK_EQ(buf[i * 512 + 511], (first + i) & 0xff);
    }
}

TEST(read_capacity)
{
    ready_disk();
    CHECK_EQ(COMMAND(0x25), STATUS_GOOD);
    CHECK_EQ(load_be(buf, 4), BLOCKS - 1);
    CHECK_EQ(load_be(buf + 4, 4), 512);
    CHECK_EQ(COMMAND(0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32), STATUS_GOOD);
    CHECK_EQ(got, 32);
    CHECK_EQ(load_be(buf, 8), BLOCKS - 1);
    CHECK_EQ(load_be(buf + 8, 4), 512);
    CHECK_EQ(COMMAND(0x9e, 0x11), STATUS_CHECK);
    unbed();
}

TEST(reads_of_all_lengths)
{
    ready_disk();
    CHECK_EQ(COMMAND(0x08, 0, 0x01, 0x02, 3), STATUS_GOOD);
    check_blocks(0x102, 3);
    CHECK_EQ(COMMAND(0x08, 0, 0, 0, 0), STATUS_GOOD);           /* 0 is 256 */
    check_blocks(0, 256);
    CHECK_EQ(COMMAND(0x28, 0, 0, 0, 0x0f, 0xf0, 0, 0, 16), STATUS_GOOD);
    check_blocks(0xff0, 16);
    CHECK_EQ(COMMAND(0xa8, 0, 0, 0, 0, 9, 0, 0, 0, 2), STATUS_GOOD);
    check_blocks(9, 2);
    CHECK_EQ(COMMAND(0x88, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1), STATUS_GOOD);
    check_blocks(7, 1);
    CHECK_EQ(COMMAND(0x28), STATUS_GOOD);                       /* 0 is 0 */
    CHECK_EQ(got, 0);
    unbed();
}

/* More than a chunk, in odd pieces. */
TEST(long_read_in_odd_pieces)
{
    ready_disk();
    CHECK_EQ(command_on(0, (uint8_t[16]){ 0x28, 0, 0, 0, 0, 5, 0, 0x0b, 0x00 }, 999),
             STATUS_GOOD);
    check_blocks(5, 0xb00);
    unbed();
}

TEST(beyond_the_end)
{
    ready_disk();
    CHECK_EQ(COMMAND(0x28, 0, 0, 0, 0x10, 0, 0, 0, 1), STATUS_CHECK);
    SENSE_IS(5, 0x21, 0);
    CHECK_EQ(COMMAND(0x28, 0, 0, 0, 0x0f, 0xff, 0, 0, 2), STATUS_CHECK);
    CHECK_EQ(COMMAND(0x88, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2),
             STATUS_CHECK);
    SENSE_IS(5, 0x21, 0);
    CHECK_EQ(COMMAND(0x28, 0x20, 0, 0, 0, 0, 0, 0, 1), STATUS_CHECK);   /* RDPROTECT */
    SENSE_IS(5, 0x24, 0);
    unbed();
}

TEST(writes)
{
    ready_disk();
    memset(buf, 0x5a, 4096);
    CHECK_EQ(command_on(0, (uint8_t[16]){ 0x2a, 0x08, 0, 0, 0, 10, 0, 0, 3 }, 700),
             STATUS_GOOD);              /* FUA */
    CHECK_EQ(got, 3 * 512);
    CHECK_EQ(COMMAND(0x35), STATUS_GOOD);
    CHECK_EQ(COMMAND(0x28, 0, 0, 0, 0, 9, 0, 0, 5), STATUS_GOOD);
    CHECK_EQ(load_le(buf, 4), 9);
    CHECK_EQ(buf[512], 0x5a);
    CHECK_EQ(buf[4 * 512 - 1], 0x5a);
    CHECK_EQ(load_le(buf + 4 * 512, 4), 13);
    unbed();
}

TEST(long_write)
{
    uint32_t bad = 0;

    ready_disk();
    for (uint32_t i = 0; i < sizeof(buf) / 4; i++) {
        store_le(buf + 4 * i, i * 2654435761u, 4);
    }
    CHECK_EQ(command_on(0, (uint8_t[16]){ 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0c, 0 },
                        12345), STATUS_GOOD);
    CHECK_EQ(got, 0xc00 * 512);
    memset(buf, 0, sizeof(buf));
    CHECK_EQ(COMMAND(0x28, 0, 0, 0, 0, 0, 0, 0x0c, 0), STATUS_GOOD);
    for (uint32_t i = 0; i < 0xc00 * 128; i++) {
        bad += load_le(buf + 4 * i, 4) != i * 2654435761u;
    }
    CHECK_EQ(bad, 0);
    unbed();
}

TEST(read_only_disk)
{
    bed(&scsi_hd_type, BLOCKS, 512, 0);
    COMMAND(0x00);
    CHECK_EQ(COMMAND(0x2a, 0, 0, 0, 0, 0, 0, 0, 1), STATUS_CHECK);
    SENSE_IS(7, 0x27, 0);
    CHECK_EQ(COMMAND(0x1a, 0x08, 0x08, 0, 255), STATUS_GOOD);
    CHECK_EQ(buf[2] & 0x80, 0x80);      /* WP */
    unbed();
}

/* 5.20: BYTCHK compares the medium with the data sent. */
TEST(verify)
{
    ready_disk();
    CHECK_EQ(COMMAND(0x2f, 0, 0, 0, 0, 0, 0, 0x0f, 0), STATUS_GOOD);
    CHECK_EQ(got, 0);
    CHECK_EQ(COMMAND(0x28, 0, 0, 0, 0, 20, 0, 0, 2), STATUS_GOOD);
    CHECK_EQ(COMMAND(0x2f, 2, 0, 0, 0, 20, 0, 0, 2), STATUS_GOOD);
    CHECK_EQ(got, 1024);
    buf[700] ^= 1;
    CHECK_EQ(COMMAND(0x2f, 2, 0, 0, 0, 20, 0, 0, 2), STATUS_CHECK);
    SENSE_IS(0xe, 0x1d, 0);
    unbed();
}

/* SBC-3 5.41: one block goes to all; NUMBER 0 is up to the end. */
TEST(write_same)
{
    ready_disk();
    memset(buf, 0x33, 512);
    CHECK_EQ(COMMAND(0x41, 0, 0, 0, 0, 100, 0, 0x06, 0), STATUS_GOOD);
    CHECK_EQ(got, 512);
    CHECK_EQ(COMMAND(0x28, 0, 0, 0, 0, 99, 0, 0x06, 2), STATUS_GOOD);
    CHECK_EQ(load_le(buf, 4), 99);
    CHECK(buf[512] == 0x33 && buf[512 * 0x600 + 511] == 0x33);
    CHECK_EQ(load_le(buf + 512 * 0x601, 4), 100 + 0x600);
    memset(buf, 0, 512);
    CHECK_EQ(COMMAND(0x93, 8, 0, 0, 0, 0, 0, 0, 0x0f, 0), STATUS_GOOD);
    CHECK_EQ(COMMAND(0x28, 0, 0, 0, 0x0f, 0xff, 0, 0, 1), STATUS_GOOD);
    CHECK_EQ(load_le(buf, 4), 0);
    CHECK_EQ(COMMAND(0x93, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4), STATUS_GOOD);  /* NDOB */
    CHECK_EQ(got, 0);
    CHECK_EQ(COMMAND(0x08, 0, 0, 1, 1), STATUS_GOOD);
    CHECK_EQ(load_le(buf, 4), 0);
    unbed();
}

/* SBC-3 5.28 */
TEST(unmap)
{
    ready_disk();
    memset(buf, 0, 64);
    store_be(buf, 8 + 32 - 2, 2);
    store_be(buf + 2, 32, 2);
    store_be(buf + 8, 50, 8);
    store_be(buf + 16, 10, 4);
    store_be(buf + 24, 200, 8);
    store_be(buf + 32, 1, 4);
    CHECK_EQ(COMMAND(0x42, 0, 0, 0, 0, 0, 0, 0, 40), STATUS_GOOD);
    store_be(buf + 24, BLOCKS, 8);
    CHECK_EQ(COMMAND(0x42, 0, 0, 0, 0, 0, 0, 0, 40), STATUS_CHECK);
    SENSE_IS(5, 0x21, 0);
    CHECK_EQ(COMMAND(0x42, 0, 0, 0, 0, 0, 0, 0, 4), STATUS_CHECK);
    SENSE_IS(5, 0x1a, 0);
    CHECK_EQ(COMMAND(0x08, 0, 0, 49, 1), STATUS_GOOD);
    check_blocks(49, 1);
    unbed();
}

/* 5.17: a stopped unit is not ready until started. */
TEST(start_stop)
{
    ready_disk();
    CHECK_EQ(COMMAND(0x1b, 0, 0, 0, 0), STATUS_GOOD);
    CHECK_EQ(COMMAND(0x28, 0, 0, 0, 0, 0, 0, 0, 1), STATUS_CHECK);
    SENSE_IS(2, 0x04, 2);
    CHECK_EQ(COMMAND(0x1b, 0, 0, 0, 1), STATUS_GOOD);
    CHECK_EQ(COMMAND(0x28, 0, 0, 0, 0, 0, 0, 0, 1), STATUS_GOOD);
    unbed();
}

/* -- Mode pages -------------------------------------------------------------- */

TEST(mode_sense)
{
    ready_disk();
    CHECK_EQ(COMMAND(0x1a, 0, 0x3f, 0, 255), STATUS_GOOD);
    CHECK_EQ(buf[0] + 1, got);
    CHECK_EQ(buf[3], 8);
    CHECK_EQ(load_be(buf + 4, 4), BLOCKS);
    CHECK_EQ(load_be(buf + 9, 3), 512);
    uint32_t at = 12;
    while (at < got) {
        at += 2u + buf[at + 1];
    }
    CHECK_EQ(at, got);
    CHECK_EQ(COMMAND(0x5a, 0x10, 0x08, 0, 0, 0, 0, 0, 255), STATUS_GOOD);       /* LLBAA */
    CHECK_EQ(load_be(buf, 2) + 2, got);
    CHECK_EQ(load_be(buf + 6, 2), 16);
    CHECK_EQ(load_be(buf + 8, 8), BLOCKS);
    CHECK_EQ(buf[24], 0x08);
    CHECK_EQ(COMMAND(0x1a, 8, 0xc8, 0, 255), STATUS_CHECK);     /* saved values */
    SENSE_IS(5, 0x39, 0);
    CHECK_EQ(COMMAND(0x1a, 8, 0x1f, 0, 255), STATUS_CHECK);
    SENSE_IS(5, 0x24, 0);
    unbed();
}

/* What is changeable can be changed, and nothing else. */
TEST(mode_select_write_cache)
{
    ready_disk();
    CHECK_EQ(COMMAND(0x1a, 8, 0x48, 0, 255), STATUS_GOOD);
    CHECK_EQ(buf[4 + 2], 4);            /* WCE */
    CHECK_EQ(COMMAND(0x1a, 8, 0x08, 0, 255), STATUS_GOOD);
    CHECK_EQ(buf[4 + 2], 4);
    buf[0] = 0;
    buf[4 + 2] = 0;
    CHECK_EQ(COMMAND(0x15, 0x10, 0, 0, 24), STATUS_GOOD);
    CHECK(!blk_write_cache(drive.blk));
    CHECK_EQ(COMMAND(0x1a, 8, 0x08, 0, 255), STATUS_GOOD);
    CHECK_EQ(buf[4 + 2], 0);
    buf[0] = 0;
    buf[4 + 2] = 1;                     /* RCD */
    CHECK_EQ(COMMAND(0x15, 0x10, 0, 0, 24), STATUS_CHECK);
    SENSE_IS(5, 0x26, 0);
    device_reset(unit);
    CHECK(blk_write_cache(drive.blk));
    unbed();
}

TEST(log_sense)
{
    ready_disk();
    CHECK_EQ(COMMAND(0x4d, 0, 0x40, 0, 0, 0, 0, 0, 64), STATUS_GOOD);
    CHECK_EQ(load_be(buf + 2, 2), 1);
    CHECK_EQ(COMMAND(0x4d, 0, 0x42, 0, 0, 0, 0, 0, 64), STATUS_CHECK);
    unbed();
}

/* -- Requests ---------------------------------------------------------------- */

static SCSIRequest *start(uint32_t tag, uint32_t lba, uint8_t num, uint8_t opcode)
{
    uint8_t cdb[10] = { opcode };

    store_be(cdb + 2, lba, 4);
    cdb[8] = num;
    SCSIRequest *r = scsi_new(&adapter->bus, 3, 0, tag, cdb, 10);

    if (r) {
        scsi_start(r);
    }
    return r;
}

/* Tagged requests run side by side; wake() tells of each, later. */
TEST(tagged_requests)
{
    SCSIRequest *r[8];

    ready_disk();
    for (uint32_t i = 0; i < 8; i++) {
        r[i] = start(i, i * 100, 1, 0x28);
        CHECK_EQ(r[i]->state, SCSI_BUSY);
    }
    adapter->wakes = 0;
    blk_drain_all();
    CHECK_EQ(adapter->wakes, 8);
    for (uint32_t i = 8; i-- > 0;) {
        CHECK(scsi_find(&adapter->bus, 3, 0, i) == r[i]);
        CHECK_EQ(r[i]->state, SCSI_DATA_IN);
        CHECK_EQ(r[i]->avail, 512);
        CHECK_EQ(load_le(r[i]->data, 4), i * 100);
        scsi_moved(r[i], 512);
        CHECK_EQ(r[i]->state, SCSI_DONE);
        scsi_free(r[i]);
    }
    CHECK(scsi_next(&adapter->bus, NULL) == NULL);
    unbed();
}

TEST(too_many_requests)
{
    uint32_t n = 0;

    ready_disk();
    while (start(n, 0, 1, 0x2a)) {
        n++;
    }
    CHECK(n >= 64 && n <= 256);
    scsi_reset_bus(&adapter->bus);
    CHECK(scsi_next(&adapter->bus, NULL) == NULL);
    CHECK_EQ(COMMAND(0x00), STATUS_CHECK);
    SENSE_IS(6, 0x29, 0);
    unbed();
}

TEST(cancel)
{
    ready_disk();
    SCSIRequest *busy = start(1, 0, 200, 0x28), *out = start(2, 0, 1, 0x2a);

    CHECK_EQ(out->state, SCSI_DATA_OUT);
    adapter->wakes = 0;
    scsi_cancel(busy);
    scsi_cancel(out);
    blk_drain_all();
    CHECK_EQ(adapter->wakes, 0);
    CHECK_EQ(COMMAND(0x08, 0, 0, 0, 1), STATUS_GOOD);
    check_blocks(0, 1);
    unbed();
}

/* SAM-3 5.9.2: a tag in use again. */
TEST(overlapped_commands)
{
    ready_disk();
    start(5, 0, 1, 0x2a);
    SCSIRequest *r = start(5, 0, 1, 0x28);

    CHECK_EQ(r->state, SCSI_DONE);
    CHECK_EQ(r->status, STATUS_CHECK);
    CHECK_EQ(r->sense[12], 0x4e);
    scsi_free(r);
    CHECK(scsi_next(&adapter->bus, NULL) == NULL);
    unbed();
}

/* The initiator has less room, or less to give, than the command says. */
TEST(end_data)
{
    ready_disk();
    SCSIRequest *r = start(1, 0, 4, 0x28);

    blk_drain_all();
    scsi_moved(r, 100);
    scsi_end_data(r);
    CHECK_EQ(r->state, SCSI_DONE);
    CHECK_EQ(r->status, STATUS_GOOD);
    scsi_free(r);
    r = start(1, 30, 4, 0x2a);
    memset(r->data, 0x77, 600);
    scsi_moved(r, 600);
    scsi_end_data(r);
    blk_drain_all();
    CHECK_EQ(r->state, SCSI_DONE);
    CHECK_EQ(r->status, STATUS_GOOD);
    scsi_free(r);
    CHECK_EQ(COMMAND(0x08, 0, 0, 30, 2), STATUS_GOOD);
    CHECK_EQ(buf[511], 0x77);
    CHECK_EQ(load_le(buf + 512, 4), 31);        /* not half of it */
    unbed();
}

/* A device reset by others tells the adapter. */
TEST(gone)
{
    ready_disk();
    start(1, 0, 1, 0x2a);
    device_reset(unit);
    CHECK_EQ(adapter->gone, 1);
    CHECK(scsi_next(&adapter->bus, NULL) == NULL);
    unbed();
}

/* In a snapshot: one with data to come, one that is done, one half written. */
TEST(snapshot_with_requests)
{
    Error err;

    ready_disk();
    SCSIRequest *in = start(1, 300, 3, 0x28), *done = start(2, BLOCKS, 1, 0x28);
    SCSIRequest *out = start(3, 0, 2, 0x2a), *fresh = start(4, 0, 1, 0x2a);
    blk_drain_all();
    scsi_moved(in, 700);
    scsi_moved(out, 512);
    in->host[1] = 0x1234;
    CHECK_EQ(done->state, SCSI_DONE);
    uint8_t *image = chip_save(unit);

    device_reset(unit);
    CHECK_EQ(device_load(unit, image, vmstate_size(unit->type->vmstate), &err), 0);
    adapter->wakes = 0;
    blk_drain_all();
    clock_step(&clock_, 1);
    CHECK(adapter->wakes >= 4);
    in = scsi_find(&adapter->bus, 3, 0, 1);
    CHECK_EQ(in->host[1], 0x1234);
    CHECK_EQ(in->state, SCSI_DATA_IN);
    CHECK_EQ(in->avail, 3 * 512 - 700);
    CHECK_EQ(in->data[0], 301 & 0xff);
    CHECK_EQ(load_le(in->data + 1024 - 700, 4), 302);
    done = scsi_find(&adapter->bus, 3, 0, 2);
    CHECK_EQ(done->status, STATUS_CHECK);
    CHECK_EQ(done->sense[12], 0x21);
    out = scsi_find(&adapter->bus, 3, 0, 3);
    CHECK_EQ(out->state, SCSI_DONE);
    CHECK_EQ(out->sense[2], 0xb);
    fresh = scsi_find(&adapter->bus, 3, 0, 4);
    CHECK_EQ(fresh->state, SCSI_DATA_OUT);
    free(image);
    unbed();
}

TEST(hostile_snapshots)
{
    uint32_t seed = 7;
    Error err;

    ready_disk();
    size_t len = vmstate_size(unit->type->vmstate);
    for (int i = 0; i < 100; i++) {
        uint8_t *image = chip_save(unit);

        for (size_t k = 0; k < len; k++) {
            if (chip_random(&seed) % 8 == 0) {
                image[k] = (uint8_t)(chip_random(&seed) % (i % 2 ? 256 : 5));
            }
        }
        device_load(unit, image, len, &err);
        blk_drain_all();
        clock_step(&clock_, 1);
        free(image);
    }
    unbed();
}

/* -- The bus ----------------------------------------------------------------- */

TEST(ids)
{
    ready_disk();
    TestDrive second = drive_new("test1", 8, 512, BDRV_O_RDWR);

    CHECK(add_unit(&scsi_hd_type, second.blk, "3", "0") == NULL);       /* taken */
    CHECK(add_unit(&scsi_hd_type, second.blk, "7", "0") == NULL);       /* the adapter */
    CHECK(add_unit(&scsi_hd_type, second.blk, "16", "0") == NULL);
    CHECK(add_unit(&scsi_hd_type, second.blk, "1", "8") == NULL);
    Device *d = add_unit(&scsi_hd_type, second.blk, NULL, "0");         /* the first free */
    CHECK(scsi_has_target(&adapter->bus, 0));
    device_free(d);
    CHECK(!scsi_has_target(&adapter->bus, 0));
    d = scsi_new_drive(&adapter->bus, second.blk, "SER", NULL);
    CHECK(scsi_has_target(&adapter->bus, 0));
    device_free(d);
    drive_free(&second);
    unbed();
}

/* -- CD ---------------------------------------------------------------------- */

TEST(cd_inquiry_and_capacity)
{
    ready_cd();
    CHECK_EQ(COMMAND(0x12, 0, 0, 0, 255), STATUS_GOOD);
    CHECK_EQ(buf[0], 0x05);
    CHECK_EQ(buf[1], 0x80);
    CHECK_EQ(COMMAND(0x25), STATUS_GOOD);
    CHECK_EQ(load_be(buf, 4), CD_BLOCKS - 1);
    CHECK_EQ(load_be(buf + 4, 4), 2048);
    unbed();
}

TEST(cd_reads)
{
    ready_cd();
    CHECK_EQ(command_on(0, (uint8_t[16]){ 0x28, 0, 0, 0, 0, 7, 0, 0, 3 }, 1001), STATUS_GOOD);
    CHECK_EQ(got, 3 * 2048);
    CHECK_EQ(load_le(buf + 2 * 2048, 4), 9);
    CHECK_EQ(COMMAND(0x08, 0, 0, 5, 1), STATUS_GOOD);
    CHECK_EQ(load_le(buf, 4), 5);
    CHECK_EQ(COMMAND(0x28, 0, 0, 0, 0, CD_BLOCKS, 0, 0, 1), STATUS_CHECK);
    SENSE_IS(5, 0x21, 0);
    /* READ CD, all parts: raw sectors */
    CHECK_EQ(COMMAND(0xbe, 0, 0, 0, 0, 4, 0, 0, 2, 0xf8), STATUS_GOOD);
    CHECK_EQ(got, 2 * CD_RAW);
    CHECK_EQ(load_le(buf + CD_RAW + 16, 4), 5);
    CHECK_EQ(buf[CD_RAW + 1], 0xff);    /* sync */
    unbed();
}

TEST(cd_toc_and_modes)
{
    ready_cd();
    CHECK_EQ(COMMAND(0x43, 0, 0, 0, 0, 0, 0, 0, 255), STATUS_GOOD);
    CHECK_EQ(load_be(buf, 2) + 2, got);
    CHECK_EQ(COMMAND(0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 255), STATUS_GOOD);
    CHECK_EQ(buf[8], 0x2a);
    CHECK_EQ(COMMAND(0x1a, 0, 0x2a, 0, 255), STATUS_GOOD);
    CHECK_EQ(buf[0] + 1, got);
    CHECK_EQ(buf[4], 0x2a);
    CHECK_EQ(COMMAND(0x15), STATUS_CHECK);
    unbed();
}

TEST(cd_tray)
{
    ready_cd();
    CHECK_EQ(COMMAND(0x1b, 0, 0, 0, 2), STATUS_GOOD);
    CHECK_EQ(COMMAND(0x00), STATUS_CHECK);
    SENSE_IS(2, 0x3a, 2);
    CHECK_EQ(COMMAND(0x1b, 0, 0, 0, 3), STATUS_GOOD);
    CHECK_EQ(COMMAND(0x00), STATUS_CHECK);
    SENSE_IS(6, 0x28, 0);               /* may have been changed */
    CHECK_EQ(COMMAND(0x1e, 0, 0, 0, 1), STATUS_GOOD);
    CHECK_EQ(COMMAND(0x1b, 0, 0, 0, 2), STATUS_CHECK);
    SENSE_IS(5, 0x53, 2);
    unbed();
}
