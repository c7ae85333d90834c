/* SPDX-License-Identifier: MIT */
/*
 * ATAPI CD drive: how packets, data and sense travel (ATA/ATAPI-6 9.8; INF-8020i).
 *
 *   A0h -> DRQ -> 12 byte packet -> command (mmc.c) -> data -> status, IRQ
 *
 * The Sector Count register tells the phase: CoD 1 for the packet, IO 1 for data
 * in, both for status.  PIO data comes in pieces of at most the byte count the
 * host wrote; DMA of plain 2048-byte blocks goes straight to guest memory.
 *
 * Not modelled: overlap, burning.
 */
#include <errno.h>
#include <string.h>

#include "hw/ide/ide-int.h"
#include "hw/ide/ide.h"
#include "util/bits.h"
#include "util/log.h"

enum { PHASE_PACKET = 1, PHASE_IN = 2, PHASE_OUT = 0, PHASE_STATUS = 3 };
enum { FEATURE_DMA = 1, FEATURE_OVERLAP = 2, PACKET_SIZE = 12 };
enum { RAW_PER_FETCH = 50 };

static IDEDrive *drive_of(MMCDrive *cd)
{
    return container_of(cd, IDEDrive, cd);
}

/* -- Ends -------------------------------------------------------------------- */

static void packet_ok(IDEDrive *d)
{
    d->tf.nsector = PHASE_STATUS;
    ide_done(d);
}

/* 9.8: the sense key is in Error, too. */
static void packet_check(IDEDrive *d, uint8_t key, uint8_t asc, uint8_t ascq)
{
    d->sense_key = key;
    d->asc = asc;
    d->ascq = ascq;
    d->tf.nsector = PHASE_STATUS;
    ide_abort(d, (uint8_t)(key << 4 | ER_ABRT));
}

void atapi_io_error(IDEDrive *d, int ret)
{
    if (ret == -ENOMEDIUM) {
        packet_check(d, SENSE_NOT_READY, ASC_NO_MEDIUM, 0);
    } else {
        packet_check(d, SENSE_MEDIUM, ASC_READ_ERROR, 0);
    }
}

/* -- Data to the host -------------------------------------------------------- */

/* The limit may be odd only for the last piece. */
static void give_piece(IDEDrive *d, uint32_t pos)
{
    uint32_t left = d->fetched - pos;
    uint32_t limit = d->byte_limit == 0 || d->byte_limit == 0xffff ? 0xfffe
                                                                   : d->byte_limit;

    if (left > limit) {
        left = limit & ~1u ? limit & ~1u : 1;
    }
    d->tf.nsector = PHASE_IN;
    d->tf.lbam = (uint8_t)left;
    d->tf.lbah = (uint8_t)(left >> 8);
    ide_pio_in(d, pos, left, AFTER_CD_BLOCK, true);
}

static void send_buffer(IDEDrive *d)
{
    if (d->packet_dma) {
        d->io_pos = 0;
        d->io_end = d->fetched;
        ide_dma(d, DMA_BUFFER_IN, AFTER_CD_DATA);
    } else {
        give_piece(d, 0);
    }
}

static void packet_reply(IDEDrive *d, uint32_t len, uint32_t room)
{
    d->fetched = MIN(len, room);
    d->left = 0;
    if (d->fetched) {
        send_buffer(d);
    } else {
        packet_ok(d);
    }
}

/* -- Reading ----------------------------------------------------------------- */

static void fetch(IDEDrive *d)
{
    uint32_t most = d->raw_flags == CD_PART_USER ? IDE_BUFFER : RAW_PER_FETCH * CD_DATA;

    d->fetched = (uint32_t)MIN(d->left, most);
    ide_disk_io(d, false, d->fetched, AFTER_CD_FETCHED);
}

void atapi_fetched(IDEDrive *d)
{
    uint32_t num = d->fetched / CD_DATA;
    uint32_t lba = (uint32_t)(d->pos / CD_DATA);

    d->pos += d->fetched;
    d->left -= d->fetched;
    if (d->raw_flags != CD_PART_USER) {
        mmc_expand(d->buffer, lba, num, d->raw_flags);
        d->fetched = num * d->sector_size;
    }
    send_buffer(d);
}

void atapi_data_done(IDEDrive *d)
{
    if (d->left) {
        fetch(d);
    } else {
        packet_ok(d);
    }
}

void atapi_block(IDEDrive *d)
{
    if (d->io_pos < d->fetched) {
        give_piece(d, d->io_pos);
    } else {
        atapi_data_done(d);
    }
}

static void packet_read(MMCDrive *cd, uint32_t lba, uint32_t num, uint8_t parts)
{
    IDEDrive *d = drive_of(cd);

    d->sector_size = mmc_parts_size(parts);
    d->raw_flags = parts;
    d->pos = (uint64_t)lba * CD_DATA;
    d->left = (uint64_t)num * CD_DATA;
    if (d->packet_dma && parts == CD_PART_USER) {
        ide_dma(d, DMA_DISK_IN, AFTER_CD_DATA);
    } else {
        fetch(d);
    }
}

/* -- Data from the host ------------------------------------------------------ */

static void packet_receive(MMCDrive *cd, uint32_t len)
{
    IDEDrive *d = drive_of(cd);

    len = MIN(len, IDE_BUFFER);
    if (len == 0) {
        packet_ok(d);
        return;
    }
    d->fetched = len;
    d->tf.nsector = PHASE_OUT;
    if (d->packet_dma) {
        d->io_pos = 0;
        d->io_end = len;
        ide_dma(d, DMA_BUFFER_OUT, AFTER_CD_OUT);
        return;
    }
    d->tf.lbam = (uint8_t)len;
    d->tf.lbah = (uint8_t)(len >> 8);
    ide_pio_out(d, 0, len, AFTER_CD_OUT, true);
}

void atapi_out_done(IDEDrive *d)
{
    mmc_mode_data(&d->cd, d->fetched);
}

/* -- Packets ----------------------------------------------------------------- */

static void ok_end(MMCDrive *cd)
{
    packet_ok(drive_of(cd));
}

static void check_end(MMCDrive *cd, uint8_t key, uint8_t asc, uint8_t ascq)
{
    packet_check(drive_of(cd), key, asc, ascq);
}

static void reply_end(MMCDrive *cd, uint32_t len, uint32_t room)
{
    packet_reply(drive_of(cd), len, room);
}

static void note_attention(MMCDrive *cd, uint8_t asc)
{
    drive_of(cd)->unit_attention = asc;
}

static const MMCOps mmc_ops = {
    ok_end, check_end, reply_end, packet_read, packet_receive, note_attention,
};

static void request_sense(IDEDrive *d)
{
    uint8_t *b = d->buffer;

    if (d->sense_key == SENSE_NONE && d->unit_attention) {
        d->sense_key = SENSE_ATTENTION;
        d->asc = d->unit_attention;
        d->ascq = d->unit_attention = 0;
    }
    memset(b, 0, 18);
    b[0] = 0x70;
    b[2] = d->sense_key;
    b[7] = 10;
    b[12] = d->asc;
    b[13] = d->ascq;
    d->sense_key = d->asc = d->ascq = 0;
    packet_reply(d, 18, d->cdb[4]);
}

static void inquiry(IDEDrive *d)
{
    uint8_t *b = d->buffer;

    if (d->cdb[1] & 1 || d->cdb[2]) {   /* vital product data */
        packet_check(d, SENSE_ILLEGAL, ASC_BAD_FIELD, 0);
        return;
    }
    memset(b, 0, 36);
    b[0] = 0x05;                        /* CD/DVD */
    b[1] = 0x80;                        /* removable */
    b[3] = 0x32;                        /* ATAPI 3, response format 2 */
    b[4] = 36 - 5;
    memset(b + 8, ' ', 28);
    memcpy(b + 8, "QEMU", 4);
    memcpy(b + 16, "QEMU DVD-ROM", 12);
    memcpy(b + 32, CONFIG_VERSION, MIN(sizeof(CONFIG_VERSION) - 1, 4));
    packet_reply(d, 36, (uint32_t)load_be(d->cdb + 3, 2));
}

static void run_other(IDEDrive *d)
{
    const MMCCommand *c = &mmc_commands[d->cdb[0]];

    if (!c->run) {
        log_unimp("ide-cd", "packet command %02xh: refused", d->cdb[0]);
        packet_check(d, SENSE_ILLEGAL, ASC_BAD_OPCODE, 0);
    } else if (d->unit_attention && !(c->flags & MMC_UA_OK)) {
        uint8_t asc = d->unit_attention;

        d->unit_attention = 0;
        packet_check(d, SENSE_ATTENTION, asc, 0);
    } else {
        mmc_run(&d->cd, d->cdb);
    }
}

void atapi_cdb(IDEDrive *d)
{
    memcpy(d->cdb, d->buffer, sizeof(d->cdb));
    d->io_pos = d->io_end = 0;
    switch (d->cdb[0]) {
    case 0x03:
        request_sense(d);
        break;
    case 0x12:
        inquiry(d);
        break;
    default:
        run_other(d);
    }
}

static void cmd_packet(IDEDrive *d)
{
    if (d->tf.feature & FEATURE_OVERLAP ||
        (d->tf.feature & FEATURE_DMA && !ide_can_dma(d))) {
        ide_abort(d, ER_ABRT);
        return;
    }
    d->packet_dma = d->tf.feature & FEATURE_DMA;
    d->byte_limit = d->tf.lbam | (uint32_t)d->tf.lbah << 8;
    d->power = POWER_ACTIVE;
    d->tf.nsector = PHASE_PACKET;
    ide_pio_out(d, 0, PACKET_SIZE, AFTER_CDB, false);
}

/* 8.9: works whatever goes on; no interrupt. */
static void cmd_device_reset(IDEDrive *d)
{
    ide_stop_transfer(d);
    ide_signature(d);
}

/* 8.15, 8.34: a packet device answers these with its signature and ABRT. */
static void cmd_show_signature(IDEDrive *d)
{
    ide_signature(d);
    ide_abort(d, ER_ABRT);
}

/* 8.16 */
static void cmd_identify_packet(IDEDrive *d)
{
    uint8_t *w = d->buffer;

    memset(w, 0, 512);
    ide_put_word(w, 0, 0x85c0);         /* CD, removable, 12 bytes, DRQ within 50 us */
    ata_identify_common(d, w, "QEMU DVD-ROM");
    ide_put_word(w, 49, ide_can_dma(d) ? 0x0f00 : 0x0e00);
    ide_put_word(w, 82, 0x4218);        /* NOP, DEVICE RESET, PACKET, power */
    ide_put_word(w, 83, 0x4000);
    ide_put_word(w, 84, 0x4000);
    ide_put_word(w, 85, 0x4218);
    ide_put_word(w, 87, 0x4000);
    ide_put_word(w, 125, 0xfffe);       /* bytes for a byte count of 0 */
    ide_pio_in(d, 0, 512, AFTER_NOTHING, true);
}

/* clang-format off */
const IDECommand atapi_commands[256] = {
    [0x00] = { "NOP",                       ata_nop,             0 },
    [0x08] = { "DEVICE RESET",              cmd_device_reset,    CMD_ANY },
    [0x20] = { "READ SECTORS",              cmd_show_signature,  0 },
    [0x94] = { "STANDBY IMMEDIATE",         ata_standby,         0 },
    [0x95] = { "IDLE IMMEDIATE",            ata_idle,            0 },
    [0x98] = { "CHECK POWER MODE",          ata_check_power,     0 },
    [0x99] = { "SLEEP",                     ata_sleep,           0 },
    [0xa0] = { "PACKET",                    cmd_packet,          0 },
    [0xa1] = { "IDENTIFY PACKET DEVICE",    cmd_identify_packet, 0 },
    [0xe0] = { "STANDBY IMMEDIATE",         ata_standby,         0 },
    [0xe1] = { "IDLE IMMEDIATE",            ata_idle,            0 },
    [0xe5] = { "CHECK POWER MODE",          ata_check_power,     0 },
    [0xe6] = { "SLEEP",                     ata_sleep,           0 },
    [0xec] = { "IDENTIFY DEVICE",           cmd_show_signature,  0 },
    [0xef] = { "SET FEATURES",              ata_set_features,    0 },
};
/* clang-format on */

/* -- Type -------------------------------------------------------------------- */

static const IDEKind cd_kind = { atapi_commands, 0x14, 0xeb, 0x00 };

static int cd_realize(Device *dev, Error *err)
{
    IDEDrive *d = (IDEDrive *)dev;

    d->cd = (MMCDrive){ .ops = &mmc_ops, .blk = d->blk, .buffer = d->buffer };
    return ide_drive_attach(d, &cd_kind, &mmc_dev_ops, &d->cd, err);
}

static void cd_reset(Device *dev)
{
    IDEDrive *d = (IDEDrive *)dev;

    d->sense_key = d->asc = d->ascq = 0;
    d->unit_attention = ASC_RESET;
    mmc_reset(&d->cd);
    ide_drive_reset(d);
}

static int cd_post_load(Device *dev, Error *err)
{
    return ide_drive_post_load((IDEDrive *)dev, err);
}

static const PropDef cd_props[] = {
    IDE_DRIVE_PROPS,
    { NULL, PROP_BOOL, 0, 0, NULL }
};

const DeviceType ide_cd_type = {
    .name       = "ide-cd",
    .desc       = "IDE CD/DVD-ROM drive",
    .manual     = "INF-8020i, MMC-3",
    .bus        = "ide",
    .state_size = sizeof(IDEDrive),
    .props      = cd_props,
    .vmstate    = ide_drive_vmstate,
    .user_creatable = true,
    .realize    = cd_realize,
    .reset      = cd_reset,
    .post_load  = cd_post_load,
    .free       = ide_drive_free,
};
