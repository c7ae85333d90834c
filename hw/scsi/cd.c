/* SPDX-License-Identifier: MIT */
/*
 * scsi-cd: a SCSI CD/DVD-ROM drive.  Commands are those of mmc.c (MMC-3); this
 * is what carries them over a SCSI bus.
 *
 *   request --> row of cd_commands --> mmc_run() --> an end --> request
 *
 * mmc.c reaches its end before it returns, so the request it works for is kept
 * in `current` for that long.
 *
 * Not modelled: audio, burning, VPD pages of block devices.
 */
#include <string.h>

#include "hw/scsi/mmc.h"
#include "hw/scsi/scsi-int.h"
#include "util/bits.h"

enum { BLOCKS_PER_FETCH = SCSI_CHUNK / CD_RAW };

typedef struct SCSICd {
    SCSIDevice scsi;
    MMCDrive mmc;
    SCSIRequest *current;
} SCSICd;

static SCSICd *cd_of(MMCDrive *m)
{
    return container_of(m, SCSICd, mmc);
}

/* -- Reading ----------------------------------------------------------------- */

/* pos and left are bytes of user data on the disc; the parts are in fua. */
static void fetched(SCSIRequest *r, int ret)
{
    uint32_t num = r->filled / CD_DATA;
    uint32_t lba = (uint32_t)(r->pos / CD_DATA);

    if (ret < 0) {
        scsi_io_error(r, ret, false, lba);
        return;
    }
    r->pos += r->filled;
    r->left -= r->filled;
    if (r->fua != CD_PART_USER) {
        mmc_expand(r->buf, lba, num, r->fua);
    }
    scsi_data_in(r, num * mmc_parts_size(r->fua));
}

static void fetch(SCSIRequest *r)
{
    uint32_t num = (uint32_t)MIN(r->left / CD_DATA, BLOCKS_PER_FETCH);

    scsi_buffer(r, num * CD_RAW);
    r->state = SCSI_BUSY;
    r->next = fetch;
    r->then = fetched;
    r->filled = num * CD_DATA;
    iov_init_buf(&r->qiov, &r->one, r->buf, r->filled);
    r->aio = blk_aio_preadv(r->dev->blk, r->pos, &r->qiov, scsi_aio_done, r);
}

/* -- Ends -------------------------------------------------------------------- */

static void end_ok(MMCDrive *m)
{
    scsi_good(cd_of(m)->current);
}

static void end_check(MMCDrive *m, uint8_t key, uint8_t asc, uint8_t ascq)
{
    scsi_check(cd_of(m)->current, key, asc, ascq);
}

static void end_reply(MMCDrive *m, uint32_t len, uint32_t room)
{
    scsi_reply(cd_of(m)->current, len, room);
}

static void end_read(MMCDrive *m, uint32_t lba, uint32_t num, uint8_t parts)
{
    SCSIRequest *r = cd_of(m)->current;
    uint32_t size = mmc_parts_size(parts);
    uint64_t done = MIN(r->skip / size, num - 1);       /* after a snapshot */

    r->skip -= done * size;
    r->pos = (lba + done) * CD_DATA;
    r->left = (num - done) * CD_DATA;
    r->fua = parts;
    fetch(r);
}

static void mode_data(SCSIRequest *r)
{
    SCSICd *s = (SCSICd *)r->dev;

    s->current = r;
    s->mmc.buffer = r->buf;
    mmc_mode_data(&s->mmc, r->filled);
}

static void end_receive(MMCDrive *m, uint32_t len)
{
    scsi_receive(cd_of(m)->current, len, mode_data);
}

static void note_attention(MMCDrive *m, uint8_t asc)
{
    scsi_attention(&cd_of(m)->scsi, asc, 0);
}

static const MMCOps mmc_ops = {
    end_ok, end_check, end_reply, end_read, end_receive, note_attention,
};

static void run_mmc(SCSIRequest *r, const uint8_t *cdb)
{
    SCSICd *s = (SCSICd *)r->dev;

    s->current = r;
    s->mmc.buffer = scsi_buffer(r, MMC_REPLY);
    mmc_run(&s->mmc, cdb);
}

static void cmd_mmc(SCSIRequest *r)
{
    run_mmc(r, r->cdb);
}

/* -- Old 6-byte forms -------------------------------------------------------- */

/* SBC-2 5.6: no count is 256. */
static void cmd_read_6(SCSIRequest *r)
{
    uint8_t cdb[12] = { 0x28 };

    store_be(cdb + 2, load_be(r->cdb, 4) & 0x1fffff, 4);
    store_be(cdb + 7, r->cdb[4] ? r->cdb[4] : 256, 2);
    run_mmc(r, cdb);
}

/* The pages of MODE SENSE (10) behind a header of 4 bytes instead of 8. */
static void cmd_mode_sense_6(SCSIRequest *r)
{
    uint8_t cdb[12] = { 0x5a, r->cdb[1], r->cdb[2], r->cdb[3] }, *b;
    uint32_t len;

    store_be(cdb + 7, 0xffff, 2);
    run_mmc(r, cdb);
    if (r->state != SCSI_DATA_IN) {
        return;
    }
    b = r->buf;
    len = (uint32_t)load_be(b, 2) + 2 - 4;
    b[3] = 0;
    b[0] = (uint8_t)(len - 1);
    b[1] = b[2];                        /* medium type */
    b[2] = 0;
    memmove(b + 4, b + 8, len - 4);
    scsi_reply(r, len, r->cdb[4]);
}

/* clang-format off */
#define MMC(name) { name, cmd_mmc, 0 }
#define MMC_ANYTIME(name) { name, cmd_mmc, CMD_UA_OK }
static const SCSICommand cd_commands[256] = {
    [0x00] = MMC("TEST UNIT READY"),
    [0x03] = { "REQUEST SENSE",    spc_request_sense, CMD_UA_OK },
    [0x08] = { "READ (6)",         cmd_read_6,        0 },
    [0x12] = { "INQUIRY",          spc_inquiry,       CMD_UA_OK },
    [0x16] = { "RESERVE (6)",      spc_good,          0 },
    [0x17] = { "RELEASE (6)",      spc_good,          0 },
    [0x1a] = { "MODE SENSE (6)",   cmd_mode_sense_6,  0 },
    [0x1b] = MMC("START STOP UNIT"),
    [0x1e] = MMC("PREVENT ALLOW MEDIUM REMOVAL"),
    [0x25] = MMC("READ CAPACITY"),
    [0x28] = MMC("READ (10)"),
    [0x2b] = MMC("SEEK (10)"),
    [0x42] = MMC("READ SUB-CHANNEL"),
    [0x43] = MMC("READ TOC/PMA/ATIP"),
    [0x46] = MMC_ANYTIME("GET CONFIGURATION"),
    [0x4a] = MMC_ANYTIME("GET EVENT STATUS NOTIFICATION"),
    [0x51] = MMC("READ DISC INFORMATION"),
    [0x52] = MMC("READ TRACK INFORMATION"),
    [0x55] = MMC("MODE SELECT (10)"),
    [0x5a] = MMC("MODE SENSE (10)"),
    [0xa0] = { "REPORT LUNS",      spc_report_luns,   CMD_UA_OK },
    [0xa8] = MMC("READ (12)"),
    [0xad] = MMC("READ DVD STRUCTURE"),
    [0xb9] = MMC("READ CD MSF"),
    [0xbb] = MMC("SET CD SPEED"),
    [0xbd] = MMC("MECHANISM STATUS"),
    [0xbe] = MMC("READ CD"),
};
/* clang-format on */

/* -- Type -------------------------------------------------------------------- */

static const SCSIUnit cd_unit = {
    .type = 0x05,
    .removable = true,
    .product = "QEMU CD-ROM",
    .commands = cd_commands,
};

static int cd_realize(Device *dev, Error *err)
{
    SCSICd *s = (SCSICd *)dev;

    s->mmc = (MMCDrive){ .ops = &mmc_ops, .blk = s->scsi.blk };
    return scsi_device_attach(&s->scsi, &cd_unit, &mmc_dev_ops, &s->mmc, err);
}

static void cd_reset(Device *dev)
{
    SCSICd *s = (SCSICd *)dev;

    mmc_reset(&s->mmc);
    scsi_device_reset(&s->scsi);
}

static int cd_post_load(Device *dev, Error *err)
{
    return scsi_device_post_load((SCSIDevice *)dev, err);
}

static const VMField cd_vmstate[] = {
    VM_SCSI_DEVICE(SCSICd, scsi),
    VM_FIELD(SCSICd, mmc.head),
    VM_FIELD(SCSICd, mmc.tray_open),
    VM_FIELD(SCSICd, mmc.locked),
    VM_FIELD(SCSICd, mmc.media_event),
    VM_END
};

static const PropDef cd_props[] = {
    SCSI_DEVICE_PROPS(SCSICd, scsi),
    { NULL, PROP_BOOL, 0, 0, NULL }
};

const DeviceType scsi_cd_type = {
    .name       = "scsi-cd",
    .desc       = "SCSI CD/DVD-ROM drive",
    .manual     = "T10/1363-D (MMC-3), T10/1416-D (SPC-3)",
    .bus        = "scsi",
    .state_size = sizeof(SCSICd),
    .props      = cd_props,
    .vmstate    = cd_vmstate,
    .user_creatable = true,
    .init       = scsi_device_init,
    .realize    = cd_realize,
    .reset      = cd_reset,
    .post_load  = cd_post_load,
    .free       = scsi_device_free,
};
