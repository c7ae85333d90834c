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
 * The tray is the drive's, the medium the block layer's: a guest may open the
 * tray with the medium in it and close it again; the user changes the medium.
 *
 * Not modelled: overlap, burning.
 */
#include <errno.h>
#include <string.h>

#include "hw/ide/atapi.h"
#include "hw/ide/cd-sector.h"
#include "hw/ide/ide.h"
#include "util/bits.h"
#include "util/log.h"

enum { PHASE_PACKET = 1, PHASE_IN = 2, PHASE_OUT = 0, PHASE_STATUS = 3 };
enum { FEATURE_DMA = 1, FEATURE_OVERLAP = 2, PACKET_SIZE = 12 };
enum { RAW_PER_FETCH = 50 };

/* -- Medium ------------------------------------------------------------------ */

uint32_t atapi_blocks(const IDEDrive *d)
{
    return (uint32_t)MIN(blk_length(d->blk) / CD_DATA, UINT32_MAX);
}

bool atapi_has_medium(const IDEDrive *d)
{
    return !d->tray_open && blk_is_inserted(d->blk) && atapi_blocks(d) > 0;
}

void atapi_set_tray(IDEDrive *d, bool open)
{
    if (open == d->tray_open) {
        return;
    }
    d->tray_open = open;
    if (blk_is_inserted(d->blk)) {
        d->media_event = open ? EVENT_REMOVED : EVENT_NEW_MEDIUM;
        d->unit_attention = open ? d->unit_attention : ASC_NEW_MEDIUM;
    }
}

static void medium_changed(void *opaque, bool loaded)
{
    IDEDrive *d = opaque;

    d->tray_open = 0;
    d->media_event = loaded ? EVENT_NEW_MEDIUM : EVENT_REMOVED;
    d->unit_attention = loaded ? ASC_NEW_MEDIUM : d->unit_attention;
}

static void eject_request(void *opaque)
{
    ((IDEDrive *)opaque)->media_event = EVENT_EJECT_REQUEST;
}

static bool is_medium_locked(void *opaque)
{
    return ((IDEDrive *)opaque)->locked;
}

static const BlockDevOps cd_dev_ops = { medium_changed, eject_request, is_medium_locked };

/* -- Ends -------------------------------------------------------------------- */

void atapi_ok(IDEDrive *d)
{
    d->tf.nsector = PHASE_STATUS;
    ide_done(d);
}

/* 9.8: the sense key is in Error, too. */
void atapi_check(IDEDrive *d, uint8_t key, uint8_t asc, uint8_t ascq)
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
        atapi_check(d, SENSE_NOT_READY, ASC_NO_MEDIUM, 0);
    } else {
        atapi_check(d, SENSE_MEDIUM, ASC_READ_ERROR, 0);
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

void atapi_reply(IDEDrive *d, uint32_t len, uint32_t room)
{
    d->fetched = MIN(len, room);
    d->left = 0;
    if (d->fetched) {
        send_buffer(d);
    } else {
        atapi_ok(d);
    }
}

/* -- Reading ----------------------------------------------------------------- */

static uint32_t size_of_parts(uint8_t parts)
{
    return (parts & CD_PART_SYNC ? CD_SYNC : 0) + (parts & CD_PART_HEADER ? CD_HEADER : 0) +
           (parts & CD_PART_USER ? CD_DATA : 0) + (parts & CD_PART_ECC ? CD_ECC : 0);
}

static void fetch(IDEDrive *d)
{
    uint32_t most = d->raw_flags == CD_PART_USER ? IDE_BUFFER : RAW_PER_FETCH * CD_DATA;

    d->fetched = (uint32_t)MIN(d->left, most);
    ide_disk_io(d, false, d->fetched, AFTER_CD_FETCHED);
}

static uint8_t *put_part(uint8_t *out, const uint8_t *part, size_t len, bool wanted)
{
    if (wanted) {
        memcpy(out, part, len);
        out += len;
    }
    return out;
}

static void expand_sector(IDEDrive *d, uint32_t lba, uint32_t i)
{
    enum { USER_AT = CD_SYNC + CD_HEADER };
    uint8_t raw[CD_RAW], parts = d->raw_flags, *out = d->buffer + i * d->sector_size;

    memcpy(raw + USER_AT, d->buffer + i * CD_DATA, CD_DATA);
    cd_complete_sector(raw, lba + i);
    out = put_part(out, raw, CD_SYNC, parts & CD_PART_SYNC);
    out = put_part(out, raw + CD_SYNC, CD_HEADER, parts & CD_PART_HEADER);
    out = put_part(out, raw + USER_AT, CD_DATA, parts & CD_PART_USER);
    put_part(out, raw + USER_AT + CD_DATA, CD_ECC, parts & CD_PART_ECC);
}

/* In place: sectors that grow from the last one down, others from the first. */
static void expand_sectors(IDEDrive *d, uint32_t lba, uint32_t num)
{
    bool grow = d->sector_size > CD_DATA;

    for (uint32_t k = 0; k < num; k++) {
        expand_sector(d, lba, grow ? num - 1 - k : k);
    }
}

void atapi_fetched(IDEDrive *d)
{
    uint32_t num = d->fetched / CD_DATA;
    uint32_t lba = (uint32_t)(d->pos / CD_DATA);

    d->pos += d->fetched;
    d->left -= d->fetched;
    if (d->raw_flags != CD_PART_USER) {
        expand_sectors(d, lba, num);
        d->fetched = num * d->sector_size;
    }
    send_buffer(d);
}

void atapi_data_done(IDEDrive *d)
{
    if (d->left) {
        fetch(d);
    } else {
        atapi_ok(d);
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

void atapi_read(IDEDrive *d, uint32_t lba, uint32_t num, uint8_t parts)
{
    d->sector_size = size_of_parts(parts);
    if (lba > atapi_blocks(d) || num > atapi_blocks(d) - lba) {
        atapi_check(d, SENSE_ILLEGAL, ASC_OUT_OF_RANGE, 0);
        return;
    }
    if (num == 0 || d->sector_size == 0) {
        atapi_ok(d);
        return;
    }
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

void atapi_receive(IDEDrive *d, uint32_t len)
{
    len = MIN(len, IDE_BUFFER);
    if (len == 0) {
        atapi_ok(d);
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
    mmc_mode_data(d, d->fetched);
}

/* -- Packets ----------------------------------------------------------------- */

static bool is_ready(IDEDrive *d, const PacketCommand *c)
{
    if (d->unit_attention && !(c->flags & PKT_UA_OK)) {
        uint8_t asc = d->unit_attention;

        d->unit_attention = 0;
        atapi_check(d, SENSE_ATTENTION, asc, 0);
        return false;
    }
    if (c->flags & PKT_MEDIUM && !atapi_has_medium(d)) {
        atapi_check(d, SENSE_NOT_READY, ASC_NO_MEDIUM, d->tray_open ? 2 : 1);
        return false;
    }
    return true;
}

void atapi_cdb(IDEDrive *d)
{
    memcpy(d->cdb, d->buffer, sizeof(d->cdb));
    const PacketCommand *c = &packet_commands[d->cdb[0]];

    d->io_pos = d->io_end = 0;
    if (!c->run) {
        log_unimp("ide-cd", "packet command %02xh: refused", d->cdb[0]);
        atapi_check(d, SENSE_ILLEGAL, ASC_BAD_OPCODE, 0);
    } else if (is_ready(d, c)) {
        c->run(d, d->cdb);
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
    return ide_drive_attach((IDEDrive *)dev, &cd_kind, &cd_dev_ops, err);
}

static void cd_reset(Device *dev)
{
    IDEDrive *d = (IDEDrive *)dev;

    d->sense_key = d->asc = d->ascq = 0;
    d->locked = d->tray_open = 0;
    d->unit_attention = ASC_RESET;
    d->media_event = EVENT_NONE;
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
