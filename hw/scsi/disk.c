/* SPDX-License-Identifier: MIT */
/*
 * scsi-hd: a SCSI disk (SBC-2, T10/1417-D; SPC-3), blocks of 512 bytes.
 *
 *   READ   fetch: one disk request per chunk --> buffer --> guest
 *   WRITE  guest --> buffer --> store: one disk request per chunk [--> flush]
 *
 * A chunk is up to 512 KiB, which is what drivers ask for at most: a command is
 * one request to the host.  Bytes go through a buffer because a SCSI initiator
 * says where each piece belongs only when it is on the wire; a target fetches
 * first and connects when it has the data.
 *
 * Not modelled: FORMAT UNIT, defects (there are none), protection information,
 * third party copy.
 */
#include <errno.h>
#include <string.h>

#include "hw/scsi/scsi-int.h"
#include "util/bits.h"

enum { FUA = 8, BYTE_CHECK = 2, BYTE_CHECK_MASK = 6, PROTECT = 0xe0 };

typedef struct SCSIDisk {
    SCSIDevice scsi;
} SCSIDisk;

static uint64_t num_blocks(const SCSIDevice *d)
{
    return blk_length(d->blk) / DISK_BLOCK;
}

static uint64_t lba_of(const SCSIRequest *r)
{
    return r->pos / DISK_BLOCK;
}

/* -- Addresses --------------------------------------------------------------- */

static uint64_t cdb_lba(const uint8_t *cdb)
{
    switch (scsi_cdb_length(cdb[0])) {
    case 6:  return load_be(cdb, 4) & 0x1fffff;
    case 16: return load_be(cdb + 2, 8);
    default: return load_be(cdb + 2, 4);
    }
}

static uint64_t cdb_count(const uint8_t *cdb)
{
    switch (scsi_cdb_length(cdb[0])) {
    case 6:  return cdb[4] ? cdb[4] : 256;
    case 10: return load_be(cdb + 7, 2);
    case 12: return load_be(cdb + 6, 4);
    default: return load_be(cdb + 10, 4);
    }
}

/* Blocks of the command into pos and left; false: status was given. */
static bool take_range(SCSIRequest *r, uint64_t lba, uint64_t num)
{
    uint64_t total = num_blocks(r->dev);

    if (lba > total || num > total - lba) {
        scsi_check(r, SENSE_ILLEGAL, ASC_OUT_OF_RANGE, 0);
        return false;
    }
    r->pos = lba * DISK_BLOCK;
    r->left = num * DISK_BLOCK;
    return true;
}

static bool take_address(SCSIRequest *r)
{
    bool six = scsi_cdb_length(r->cdb[0]) == 6;

    if (!six && r->cdb[1] & PROTECT) {
        scsi_bad_field(r);
        return false;
    }
    r->fua = !six && r->cdb[1] & FUA;
    return take_range(r, cdb_lba(r->cdb), cdb_count(r->cdb));
}

static bool can_write(SCSIRequest *r)
{
    if (blk_is_read_only(r->dev->blk)) {
        scsi_check(r, SENSE_PROTECT, ASC_WRITE_PROTECT, 0);
        return false;
    }
    return true;
}

/* One request to the host for buf[0..len). */
static void disk_io(SCSIRequest *r, bool write, uint32_t len,
                    void (*then)(SCSIRequest *r, int ret))
{
    r->state = SCSI_BUSY;
    r->filled = len;
    r->then = then;
    iov_init_buf(&r->qiov, &r->one, r->buf, len);
    r->aio = write ? blk_aio_pwritev(r->dev->blk, r->pos, &r->qiov, scsi_aio_done, r)
                   : blk_aio_preadv(r->dev->blk, r->pos, &r->qiov, scsi_aio_done, r);
}

/* -- Reading, 5.6 - 5.9 ------------------------------------------------------ */

static void fetched(SCSIRequest *r, int ret)
{
    if (ret < 0) {
        scsi_io_error(r, ret, false, lba_of(r));
        return;
    }
    r->pos += r->filled;
    r->left -= r->filled;
    scsi_data_in(r, r->filled);
}

static void fetch(SCSIRequest *r)
{
    uint32_t len = (uint32_t)MIN(r->left, SCSI_CHUNK);

    scsi_buffer(r, len);
    r->next = fetch;
    disk_io(r, false, len, fetched);
}

static void cmd_read(SCSIRequest *r)
{
    if (!take_address(r)) {
        return;
    }
    if (r->left == 0) {
        scsi_good(r);
        return;
    }
    /* After a snapshot: whole blocks that were taken are not fetched again. */
    uint64_t done = align_down(MIN(r->skip, r->left - 1), DISK_BLOCK);

    r->pos += done;
    r->left -= done;
    r->skip -= done;
    fetch(r);
}

/* -- Writing, 5.25 - 5.36 ---------------------------------------------------- */

/* A change of the medium that is the whole command. */
static void ended(SCSIRequest *r, int ret)
{
    if (ret < 0) {
        scsi_io_error(r, ret, true, lba_of(r));
    } else {
        scsi_good(r);
    }
}

static void flush(SCSIRequest *r)
{
    r->state = SCSI_BUSY;
    r->then = ended;
    r->aio = blk_aio_flush(r->dev->blk, scsi_aio_done, r);
}

static void written(SCSIRequest *r)
{
    if (r->fua) {
        flush(r);
    } else {
        scsi_good(r);
    }
}

static void store(SCSIRequest *r);

static void stored(SCSIRequest *r, int ret)
{
    if (ret < 0) {
        scsi_io_error(r, ret, true, lba_of(r));
        return;
    }
    r->pos += r->filled;
    r->left -= r->filled;
    if (r->left) {
        scsi_receive(r, (uint32_t)MIN(r->left, SCSI_CHUNK), store);
    } else {
        written(r);
    }
}

/* A guest that stopped early may have left half a block. */
static void store(SCSIRequest *r)
{
    uint32_t len = (uint32_t)align_down(r->filled, DISK_BLOCK);

    r->left -= r->filled - len;
    if (len) {
        disk_io(r, true, len, stored);
    } else {
        written(r);
    }
}

static void cmd_write(SCSIRequest *r)
{
    if (can_write(r) && take_address(r)) {
        scsi_receive(r, (uint32_t)MIN(r->left, SCSI_CHUNK), store);
    }
}

static void cmd_write_verify(SCSIRequest *r)
{
    cmd_write(r);
    r->fua = 1;
}

static void cmd_synchronize(SCSIRequest *r)
{
    if (take_range(r, cdb_lba(r->cdb), 0)) {
        flush(r);
    }
}

/* -- VERIFY, 5.20 ------------------------------------------------------------ */

static void verify(SCSIRequest *r);

static void verified(SCSIRequest *r, int ret)
{
    if (ret < 0) {
        scsi_io_error(r, ret, false, lba_of(r));
        return;
    }
    r->pos += r->filled;
    r->left -= r->filled;
    if (r->left) {
        verify(r);
    } else {
        scsi_good(r);
    }
}

static void verify(SCSIRequest *r)
{
    uint32_t len = (uint32_t)MIN(r->left, SCSI_CHUNK);

    scsi_buffer(r, len);
    disk_io(r, false, len, verified);
}

/* BYTCHK: the guest's block is in the first half of buf, the disk's after it. */
enum { COMPARE_CHUNK = SCSI_CHUNK / 2 };

static void compare(SCSIRequest *r);

static void compared(SCSIRequest *r, int ret)
{
    if (ret < 0) {
        scsi_io_error(r, ret, false, lba_of(r));
        return;
    }
    if (memcmp(r->buf, r->buf + COMPARE_CHUNK, r->filled)) {
        scsi_check_at(r, 0xe, ASC_MISCOMPARE, 0, lba_of(r));
        return;
    }
    r->pos += r->filled;
    r->left -= r->filled;
    if (r->left) {
        scsi_receive(r, (uint32_t)MIN(r->left, COMPARE_CHUNK), compare);
    } else {
        scsi_good(r);
    }
}

static void compare(SCSIRequest *r)
{
    uint32_t len = (uint32_t)align_down(r->filled, DISK_BLOCK);

    r->left -= r->filled - len;
    if (!len) {
        scsi_good(r);
        return;
    }
    r->filled = len;
    r->state = SCSI_BUSY;
    r->then = compared;
    iov_init_buf(&r->qiov, &r->one, r->buf + COMPARE_CHUNK, len);
    r->aio = blk_aio_preadv(r->dev->blk, r->pos, &r->qiov, scsi_aio_done, r);
}

static void cmd_verify(SCSIRequest *r)
{
    uint8_t check = r->cdb[1] & BYTE_CHECK_MASK;

    if (!take_address(r)) {
        return;
    }
    if (check && check != BYTE_CHECK) {
        scsi_bad_field(r);
    } else if (r->left == 0) {
        scsi_good(r);
    } else if (check) {
        scsi_buffer(r, SCSI_CHUNK);
        scsi_receive(r, (uint32_t)MIN(r->left, COMPARE_CHUNK), compare);
    } else {
        verify(r);
    }
}

/* -- UNMAP and WRITE SAME: SBC-3 5.28, 5.41 ---------------------------------- */

enum { UNMAP_HEADER = 8, UNMAP_DESCRIPTOR = 16 };

static void unmap_next(SCSIRequest *r);

static void unmapped(SCSIRequest *r, int ret)
{
    if (ret < 0) {
        scsi_io_error(r, ret, true, 0);
    } else {
        unmap_next(r);
    }
}

/* skip is where the next descriptor is in buf, filled where they end. */
static void unmap_next(SCSIRequest *r)
{
    while (r->skip + UNMAP_DESCRIPTOR <= r->filled) {
        const uint8_t *p = r->buf + r->skip;
        uint64_t lba = load_be(p, 8), num = load_be(p + 8, 4);

        r->skip += UNMAP_DESCRIPTOR;
        if (!num) {
            continue;
        }
        if (!take_range(r, lba, num)) {
            return;
        }
        r->state = SCSI_BUSY;
        r->then = unmapped;
        r->aio = blk_aio_discard(r->dev->blk, r->pos, r->left, scsi_aio_done, r);
        return;
    }
    scsi_good(r);
}

static void unmap_list(SCSIRequest *r)
{
    uint32_t have = r->filled, len;

    if (have < UNMAP_HEADER) {
        scsi_check(r, SENSE_ILLEGAL, ASC_LIST_LENGTH, 0);
        return;
    }
    len = (uint32_t)load_be(r->buf + 2, 2);
    if (len / UNMAP_DESCRIPTOR > DISK_MAX_UNMAP) {
        scsi_check(r, SENSE_ILLEGAL, ASC_BAD_PARAMETER, 0);
        return;
    }
    r->filled = MIN(have, UNMAP_HEADER + len);
    r->skip = UNMAP_HEADER;
    unmap_next(r);
}

static void cmd_unmap(SCSIRequest *r)
{
    if (r->cdb[1] & 1) {                /* ANCHOR */
        scsi_bad_field(r);
    } else if (can_write(r)) {
        scsi_receive(r, (uint32_t)load_be(r->cdb + 7, 2), unmap_list);
    }
}

static void same_stored(SCSIRequest *r, int ret);

static void store_same(SCSIRequest *r)
{
    disk_io(r, true, (uint32_t)MIN(r->left, SCSI_CHUNK), same_stored);
}

static void same_stored(SCSIRequest *r, int ret)
{
    if (ret < 0) {
        scsi_io_error(r, ret, true, lba_of(r));
        return;
    }
    r->pos += r->filled;
    r->left -= r->filled;
    if (r->left) {
        store_same(r);
    } else {
        scsi_good(r);
    }
}

static void write_zeroes(SCSIRequest *r)
{
    r->state = SCSI_BUSY;
    r->then = ended;
    r->aio = blk_aio_write_zeroes(r->dev->blk, r->pos, r->left, scsi_aio_done, r);
}

/* One block came; pos and left are the blocks it goes to. */
static void same_block(SCSIRequest *r)
{
    uint8_t block[DISK_BLOCK] = { 0 };
    uint64_t num;

    memcpy(block, r->buf, MIN(r->filled, DISK_BLOCK));
    num = cdb_count(r->cdb);
    if (!take_range(r, cdb_lba(r->cdb), num ? num : num_blocks(r->dev) - cdb_lba(r->cdb))) {
        return;
    }
    if (r->left == 0) {
        scsi_good(r);
        return;
    }
    if (buf_is_zero(block, DISK_BLOCK)) {
        write_zeroes(r);
        return;
    }
    uint32_t chunk = (uint32_t)MIN(r->left, SCSI_CHUNK);

    scsi_buffer(r, chunk);
    for (uint32_t at = 0; at < chunk; at += DISK_BLOCK) {
        memcpy(r->buf + at, block, DISK_BLOCK);
    }
    store_same(r);
}

static void cmd_write_same(SCSIRequest *r)
{
    bool no_data = scsi_cdb_length(r->cdb[0]) == 16 && r->cdb[1] & 1;   /* NDOB */

    if (r->cdb[1] & (PROTECT | 0x16)) { /* ANCHOR, PBDATA, LBDATA */
        scsi_bad_field(r);
    } else if (!can_write(r) || !take_address(r)) {
        return;
    } else if (no_data) {
        r->filled = 0;
        scsi_buffer(r, DISK_BLOCK);
        same_block(r);
    } else {
        scsi_receive(r, DISK_BLOCK, same_block);
    }
}

/* -- The unit ---------------------------------------------------------------- */

/* 5.10: the last block, all ones if it has no 32-bit number. */
static void cmd_read_capacity_10(SCSIRequest *r)
{
    uint8_t *b = scsi_buffer(r, 8);

    if (!(r->cdb[8] & 1) && cdb_lba(r->cdb)) {
        scsi_bad_field(r);
        return;
    }
    store_be(b, MIN(num_blocks(r->dev) - 1, UINT32_MAX), 4);
    store_be(b + 4, DISK_BLOCK, 4);
    scsi_reply(r, 8, 8);
}

/* 5.11, SBC-3 5.16: thin, so that UNMAP is known to work. */
static void cmd_read_capacity_16(SCSIRequest *r)
{
    uint8_t *b = scsi_buffer(r, 32);

    if ((r->cdb[1] & 0x1f) != 0x10) {   /* the only service action */
        scsi_bad_field(r);
        return;
    }
    store_be(b, num_blocks(r->dev) - 1, 8);
    store_be(b + 8, DISK_BLOCK, 4);
    b[14] = 0x80;                       /* LBPME */
    scsi_reply(r, 32, load_be(r->cdb + 10, 4));
}

static void cmd_seek(SCSIRequest *r)
{
    if (take_range(r, cdb_lba(r->cdb), 1)) {
        scsi_good(r);
    }
}

/* 5.17: the medium is fixed, so that load and eject are not for us. */
static void cmd_start_stop(SCSIRequest *r)
{
    bool start = r->cdb[4] & 1;

    if (r->cdb[4] >> 4 == 0 && !(r->cdb[4] & 2)) {
        r->dev->stopped = !start;
    }
    if (!start && !blk_is_read_only(r->dev->blk)) {
        flush(r);
    } else {
        scsi_good(r);
    }
}

static void cmd_send_diagnostic(SCSIRequest *r)
{
    if (r->cdb[1] & 4) {                /* SELFTEST: passed */
        scsi_good(r);
    } else {
        scsi_bad_field(r);
    }
}

/* clang-format off */
static const SCSICommand disk_commands[256] = {
    [0x00] = { "TEST UNIT READY",        spc_good,             CMD_MEDIUM },
    [0x01] = { "REZERO UNIT",            spc_good,             CMD_MEDIUM },
    [0x03] = { "REQUEST SENSE",          spc_request_sense,    CMD_UA_OK },
    [0x08] = { "READ (6)",               cmd_read,             CMD_MEDIUM },
    [0x0a] = { "WRITE (6)",              cmd_write,            CMD_MEDIUM },
    [0x0b] = { "SEEK (6)",               cmd_seek,             CMD_MEDIUM },
    [0x12] = { "INQUIRY",                spc_inquiry,          CMD_UA_OK },
    [0x15] = { "MODE SELECT (6)",        disk_mode_select,     0 },
    [0x16] = { "RESERVE (6)",            spc_good,             0 },
    [0x17] = { "RELEASE (6)",            spc_good,             0 },
    [0x1a] = { "MODE SENSE (6)",         disk_mode_sense,      0 },
    [0x1b] = { "START STOP UNIT",        cmd_start_stop,       0 },
    [0x1d] = { "SEND DIAGNOSTIC",        cmd_send_diagnostic,  0 },
    [0x1e] = { "PREVENT ALLOW MEDIUM REMOVAL", spc_good,       0 },
    [0x25] = { "READ CAPACITY (10)",     cmd_read_capacity_10, CMD_MEDIUM },
    [0x28] = { "READ (10)",              cmd_read,             CMD_MEDIUM },
    [0x2a] = { "WRITE (10)",             cmd_write,            CMD_MEDIUM },
    [0x2b] = { "SEEK (10)",              cmd_seek,             CMD_MEDIUM },
    [0x2e] = { "WRITE AND VERIFY (10)",  cmd_write_verify,     CMD_MEDIUM },
    [0x2f] = { "VERIFY (10)",            cmd_verify,           CMD_MEDIUM },
    [0x35] = { "SYNCHRONIZE CACHE (10)", cmd_synchronize,      CMD_MEDIUM },
    [0x41] = { "WRITE SAME (10)",        cmd_write_same,       CMD_MEDIUM },
    [0x42] = { "UNMAP",                  cmd_unmap,            CMD_MEDIUM },
    [0x4d] = { "LOG SENSE",              disk_log_sense,       0 },
    [0x55] = { "MODE SELECT (10)",       disk_mode_select,     0 },
    [0x56] = { "RESERVE (10)",           spc_good,             0 },
    [0x57] = { "RELEASE (10)",           spc_good,             0 },
    [0x5a] = { "MODE SENSE (10)",        disk_mode_sense,      0 },
    [0x88] = { "READ (16)",              cmd_read,             CMD_MEDIUM },
    [0x8a] = { "WRITE (16)",             cmd_write,            CMD_MEDIUM },
    [0x8e] = { "WRITE AND VERIFY (16)",  cmd_write_verify,     CMD_MEDIUM },
    [0x8f] = { "VERIFY (16)",            cmd_verify,           CMD_MEDIUM },
    [0x91] = { "SYNCHRONIZE CACHE (16)", cmd_synchronize,      CMD_MEDIUM },
    [0x93] = { "WRITE SAME (16)",        cmd_write_same,       CMD_MEDIUM },
    [0x9e] = { "READ CAPACITY (16)",     cmd_read_capacity_16, CMD_MEDIUM },
    [0xa0] = { "REPORT LUNS",            spc_report_luns,      CMD_UA_OK },
    [0xa8] = { "READ (12)",              cmd_read,             CMD_MEDIUM },
    [0xaa] = { "WRITE (12)",             cmd_write,            CMD_MEDIUM },
    [0xae] = { "WRITE AND VERIFY (12)",  cmd_write_verify,     CMD_MEDIUM },
    [0xaf] = { "VERIFY (12)",            cmd_verify,           CMD_MEDIUM },
};
/* clang-format on */

/* -- Type -------------------------------------------------------------------- */

static const SCSIUnit disk_unit = {
    .type = 0x00,
    .product = "QEMU HARDDISK",
    .commands = disk_commands,
    .vpd = disk_vpd,
    .vpd_pages = disk_vpd_pages,
};

/* The size changed: CAPACITY DATA HAS CHANGED. */
static void medium_changed(void *opaque, bool loaded)
{
    if (loaded) {
        scsi_attention(opaque, ASC_MODE_CHANGED, 9);
    }
}

static const BlockDevOps disk_ops = { medium_changed, NULL, NULL };

static int disk_realize(Device *dev, Error *err)
{
    SCSIDevice *d = (SCSIDevice *)dev;

    if (d->blk && num_blocks(d) == 0) {
        return error_set(err, ENOMEDIUM, "scsi-hd: drive %s is empty, a disk has a medium:"
                         " use file=", blk_name(d->blk));
    }
    return scsi_device_attach(d, &disk_unit, &disk_ops, d, err);
}

static void disk_reset(Device *dev)
{
    scsi_device_reset((SCSIDevice *)dev);
}

static int disk_post_load(Device *dev, Error *err)
{
    return scsi_device_post_load((SCSIDevice *)dev, err);
}

static const VMField disk_vmstate[] = {
    VM_SCSI_DEVICE(SCSIDisk, scsi),
    VM_END
};

static const PropDef disk_props[] = {
    SCSI_DEVICE_PROPS(SCSIDisk, scsi),
    { NULL, PROP_BOOL, 0, 0, NULL }
};

const DeviceType scsi_hd_type = {
    .name       = "scsi-hd",
    .desc       = "SCSI disk",
    .manual     = "T10/1417-D (SBC-2), T10/1416-D (SPC-3)",
    .bus        = "scsi",
    .state_size = sizeof(SCSIDisk),
    .props      = disk_props,
    .vmstate    = disk_vmstate,
    .user_creatable = true,
    .init       = scsi_device_init,
    .realize    = disk_realize,
    .reset      = disk_reset,
    .post_load  = disk_post_load,
    .free       = scsi_device_free,
};
