/* SPDX-License-Identifier: MIT */
/*
 * ATA disks: the commands (ATA/ATAPI-6, chapter 8; ACS-2 for DATA SET MANAGEMENT).
 *
 * PIO, reading:   disk --128 KiB--> buffer --block--> host --block--> ... again
 * PIO, writing:   host --block--> buffer ... full or last --> disk, once
 * DMA:            one request straight between disk and guest memory
 *
 * A block is one sector, or SET MULTIPLE MODE's.
 *
 * Not modelled: READ/WRITE LONG, security, device configuration overlay, CFA
 * TRANSLATE SECTOR, standby timers (a disk that spins down would only be slow).
 */
#include <errno.h>

#include "hw/ide/ide-int.h"
#include "hw/ide/ide.h"
#include "util/bits.h"
#include "util/log.h"

enum { SECTOR = BDRV_SECTOR_SIZE };

/* -- Addresses --------------------------------------------------------------- */

/* The registers name a sector, as the command addressed it. */
static void put_address(IDEDrive *d, uint64_t sector)
{
    uint32_t track = (uint32_t)(sector / d->secs);

    if (d->flags & CMD_EXT || d->select & DEV_LBA) {
        d->tf.lbal = (uint8_t)sector;
        d->tf.lbam = (uint8_t)(sector >> 8);
        d->tf.lbah = (uint8_t)(sector >> 16);
        if (d->flags & CMD_EXT) {
            d->hob.lbal = (uint8_t)(sector >> 24);
            d->hob.lbam = (uint8_t)(sector >> 32);
            d->hob.lbah = (uint8_t)(sector >> 40);
        } else {
            d->select = (uint8_t)((d->select & 0xf0) | (sector >> 24 & 15));
        }
    } else {
        d->tf.lbal = (uint8_t)(sector % d->secs + 1);
        d->tf.lbam = (uint8_t)(track / d->heads);
        d->tf.lbah = (uint8_t)(track / d->heads >> 8);
        d->select = (uint8_t)((d->select & 0xf0) | track % d->heads);
    }
}

/* ATA-1 9.x: at the end the registers name the last sector, none are left. */
static void put_last_address(IDEDrive *d)
{
    put_address(d, d->pos / SECTOR - 1);
    d->tf.nsector = 0;
}

/* Bytes per interrupt; false: READ MULTIPLE without SET MULTIPLE. */
static bool choose_block(IDEDrive *d)
{
    d->block = SECTOR;
    if (d->flags & CMD_MULTI) {
        d->block = d->multiple * (uint32_t)SECTOR;
    }
    if (!d->block) {
        ide_abort(d, ER_ABRT);
    }
    return d->block != 0;
}

/* -- Reading ----------------------------------------------------------------- */

static void fetch(IDEDrive *d)
{
    d->fetched = (uint32_t)MIN(d->left, IDE_BUFFER);
    ide_disk_io(d, false, d->fetched, AFTER_READ_FETCHED);
}

static void give_block(IDEDrive *d, uint32_t pos)
{
    ide_pio_in(d, pos, MIN(d->block, d->fetched - pos), AFTER_READ_BLOCK, true);
}

void ata_read_fetched(IDEDrive *d)
{
    d->pos += d->fetched;
    d->left -= d->fetched;
    put_last_address(d);
    give_block(d, 0);
}

/* 8.34: no interrupt after the last block. */
void ata_read_block(IDEDrive *d)
{
    if (d->io_pos < d->fetched) {
        give_block(d, d->io_pos);
    } else if (d->left) {
        fetch(d);
    } else {
        ide_run_after(d, AFTER_NOTHING);
    }
}

static void cmd_read(IDEDrive *d)
{
    if (choose_block(d)) {
        fetch(d);
    }
}

/* -- Writing ----------------------------------------------------------------- */

static void want_block(IDEDrive *d, uint32_t pos, bool irq)
{
    uint32_t len = (uint32_t)MIN(MIN(d->block, IDE_BUFFER - pos), d->left - pos);

    ide_pio_out(d, pos, len, AFTER_WRITE_BLOCK, irq);
}

void ata_write_block(IDEDrive *d)
{
    if (d->io_pos < d->left && d->io_pos < IDE_BUFFER) {
        want_block(d, d->io_pos, true);
        return;
    }
    d->fetched = d->io_pos;
    ide_disk_io(d, true, d->fetched, AFTER_WRITE_STORED);
}

void ata_write_stored(IDEDrive *d)
{
    d->pos += d->fetched;
    d->left -= d->fetched;
    if (d->left) {
        want_block(d, 0, true);
        return;
    }
    put_last_address(d);
    if (d->flags & CMD_FUA) {
        ide_flush(d);
    } else {
        ide_done(d);
    }
}

/* 8.67: the first block is asked for without an interrupt. */
static void cmd_write(IDEDrive *d)
{
    if (choose_block(d)) {
        want_block(d, 0, false);
    }
}

/* -- DMA --------------------------------------------------------------------- */

static void cmd_read_dma(IDEDrive *d)
{
    ide_dma(d, DMA_DISK_IN, AFTER_DMA_READ);
}

static void cmd_write_dma(IDEDrive *d)
{
    ide_dma(d, DMA_DISK_OUT, AFTER_DMA_WRITE);
}

void ata_dma_read_done(IDEDrive *d)
{
    put_last_address(d);
    ide_done(d);
}

void ata_dma_write_done(IDEDrive *d)
{
    put_last_address(d);
    if (d->flags & CMD_FUA) {
        ide_flush(d);
    } else {
        ide_done(d);
    }
}

/* -- Verify, seek ------------------------------------------------------------ */

static void verify_next(IDEDrive *d)
{
    d->fetched = (uint32_t)MIN(d->left, IDE_BUFFER);
    ide_disk_io(d, false, d->fetched, AFTER_VERIFY);
}

void ata_verify_more(IDEDrive *d)
{
    d->pos += d->fetched;
    d->left -= d->fetched;
    if (d->left) {
        verify_next(d);
        return;
    }
    put_last_address(d);
    ide_done(d);
}

static void cmd_verify(IDEDrive *d)
{
    verify_next(d);
}

/* The address was checked; an address is all SEEK has. */
static void cmd_seek(IDEDrive *d)
{
    ide_done(d);
}

/* ATA-3 7.19: to cylinder 0. */
static void cmd_recalibrate(IDEDrive *d)
{
    d->tf.lbam = d->tf.lbah = 0;
    ide_done(d);
}

/* -- DATA SET MANAGEMENT (ACS-2 7.10) ---------------------------------------- */

enum { DSM_TRIM = 1, RANGE_SIZE = 8 };

static void cmd_data_set(IDEDrive *d)
{
    uint32_t blocks = d->tf.nsector | (uint32_t)d->hob.nsector << 8;

    if (d->tf.feature != DSM_TRIM || blocks == 0 || blocks * SECTOR > IDE_BUFFER) {
        ide_abort(d, ER_ABRT);
        return;
    }
    d->io_pos = 0;
    d->io_end = blocks * SECTOR;
    ide_dma(d, DMA_BUFFER_OUT, AFTER_TRIM_LIST);
}

void ata_trim_list(IDEDrive *d)
{
    d->fetched = d->io_end;
    d->trim_pos = 0;
    d->status = ST_BSY | ST_DRDY | ST_DSC;
    ata_trim_next(d);
}

static void trim_done(void *opaque, int ret)
{
    IDEDrive *d = opaque;

    d->aio = NULL;
    if (ret < 0) {
        ide_abort(d, ER_ABRT);
    } else {
        ata_trim_next(d);
    }
}

/* An entry: 48 bits of LBA, 16 bits of count; a count of 0 is skipped. */
void ata_trim_next(IDEDrive *d)
{
    while (d->trim_pos < d->fetched) {
        uint64_t entry = load_le(d->buffer + d->trim_pos, RANGE_SIZE);
        uint64_t lba = entry & 0xffffffffffffull, num = entry >> 48;

        d->trim_pos += RANGE_SIZE;
        if (num == 0) {
            continue;
        }
        if (lba + num > d->num_sectors) {
            ide_abort(d, ER_IDNF);
            return;
        }
        d->io_out = 1;
        d->aio = blk_aio_discard(d->blk, lba * SECTOR, num * SECTOR, trim_done, d);
        return;
    }
    ide_done(d);
}

/* -- Capacity ---------------------------------------------------------------- */

/* 8.32, 8.33: the address of the last sector there really is. */
static void cmd_native_max(IDEDrive *d)
{
    bool ext = d->flags & CMD_EXT;
    uint64_t last = d->native_sectors - 1;

    d->select |= DEV_LBA;
    put_address(d, ext ? last : MIN(last, 0xfffffff));
    ide_done(d);
}

/* 8.56, 8.57: until the next power-on only; only right after READ NATIVE MAX
 * in the standard, which nothing depends on. */
static void cmd_set_max(IDEDrive *d)
{
    uint64_t lba = d->tf.lbal | d->tf.lbam << 8 | (uint32_t)d->tf.lbah << 16;

    if (d->flags & CMD_EXT) {
        lba |= (uint64_t)d->hob.lbal << 24 | (uint64_t)d->hob.lbam << 32 |
               (uint64_t)d->hob.lbah << 40;
    } else {
        lba |= (uint64_t)(d->select & 15) << 24;
    }
    bool other = !(d->flags & CMD_EXT) && d->tf.feature;    /* passwords, freeze */
    if (other || !(d->select & DEV_LBA)) {
        ide_abort(d, ER_ABRT);
    } else if (lba >= d->native_sectors) {
        ide_abort(d, ER_IDNF);
    } else {
        d->num_sectors = lba + 1;
        ide_done(d);
    }
}

/* 8.16 of ATA-5: heads and sectors for CHS addresses. */
static void cmd_init_params(IDEDrive *d)
{
    uint32_t heads = (d->select & 15) + 1u, secs = d->tf.nsector;
    uint64_t cyls = secs ? d->num_sectors / (heads * secs) : 0;

    if (!cyls) {
        ide_abort(d, ER_ABRT);
        return;
    }
    d->heads = heads;
    d->secs = secs;
    d->cyls = (uint32_t)MIN(cyls, 65535);
    ide_done(d);
}

/* -- Small ones -------------------------------------------------------------- */

/* 8.54: a power of two, not more than IDENTIFY says; 0 switches it off. */
static void cmd_set_multiple(IDEDrive *d)
{
    uint8_t n = d->tf.nsector;

    if (n > IDE_MAX_MULTIPLE || (n && !is_pow2(n))) {
        ide_abort(d, ER_ABRT);
        return;
    }
    d->multiple = n;
    ide_done(d);
}

static void cmd_flush(IDEDrive *d)
{
    ide_flush(d);
}

static void cmd_read_buffer(IDEDrive *d)
{
    ide_pio_in(d, 0, SECTOR, AFTER_NOTHING, true);
}

static void cmd_write_buffer(IDEDrive *d)
{
    ide_pio_out(d, 0, SECTOR, AFTER_DONE, false);
}

/* CFA 6.2.1.23: the extended code of the last error; there was none. */
static void cmd_cfa_error(IDEDrive *d)
{
    ide_done(d);
}

static void cmd_cfa_erase(IDEDrive *d)
{
    ide_done(d);                        /* writes need no erased sectors here */
}

#define A  CMD_ADDRESS
#define AX (CMD_ADDRESS | CMD_EXT)
#define M  CMD_MULTI
#define D  CMD_DMA

/* clang-format off */
const IDECommand ata_commands[256] = {
    [0x00] = { "NOP",                       ata_nop,          0 },
    [0x03] = { "CFA REQUEST EXTENDED ERROR", cmd_cfa_error,   CMD_CFA },
    [0x06] = { "DATA SET MANAGEMENT",       cmd_data_set,     D },
    [0x10 ... 0x1f] = { "RECALIBRATE",      cmd_recalibrate,  0 },
    [0x20 ... 0x21] = { "READ SECTORS",     cmd_read,         A },
    [0x24] = { "READ SECTORS EXT",          cmd_read,         AX },
    [0x25] = { "READ DMA EXT",              cmd_read_dma,     AX | D },
    [0x27] = { "READ NATIVE MAX ADDRESS EXT", cmd_native_max, CMD_EXT },
    [0x29] = { "READ MULTIPLE EXT",         cmd_read,         AX | M },
    [0x30 ... 0x31] = { "WRITE SECTORS",    cmd_write,        A },
    [0x34] = { "WRITE SECTORS EXT",         cmd_write,        AX },
    [0x35] = { "WRITE DMA EXT",             cmd_write_dma,    AX | D },
    [0x37] = { "SET MAX ADDRESS EXT",       cmd_set_max,      CMD_EXT },
    [0x38] = { "CFA WRITE SECTORS WITHOUT ERASE", cmd_write,  A | CMD_CFA },
    [0x39] = { "WRITE MULTIPLE EXT",        cmd_write,        AX | M },
    [0x3c] = { "WRITE VERIFY",              cmd_write,        A },
    [0x3d] = { "WRITE DMA FUA EXT",         cmd_write_dma,    AX | D | CMD_FUA },
    [0x40 ... 0x41] = { "READ VERIFY SECTORS", cmd_verify,    A },
    [0x42] = { "READ VERIFY SECTORS EXT",   cmd_verify,       AX },
    [0x70 ... 0x7f] = { "SEEK",             cmd_seek,         A },
    [0x91] = { "INITIALIZE DEVICE PARAMETERS", cmd_init_params, 0 },
    [0x94] = { "STANDBY IMMEDIATE",         ata_standby,      0 },
    [0x95] = { "IDLE IMMEDIATE",            ata_idle,         0 },
    [0x96] = { "STANDBY",                   ata_standby,      0 },
    [0x97] = { "IDLE",                      ata_idle,         0 },
    [0x98] = { "CHECK POWER MODE",          ata_check_power,  0 },
    [0x99] = { "SLEEP",                     ata_sleep,        0 },
    [0xb0] = { "SMART",                     ata_smart,        0 },
    [0xc0] = { "CFA ERASE SECTORS",         cmd_cfa_erase,    A | CMD_CFA },
    [0xc4] = { "READ MULTIPLE",             cmd_read,         A | M },
    [0xc5] = { "WRITE MULTIPLE",            cmd_write,        A | M },
    [0xc6] = { "SET MULTIPLE MODE",         cmd_set_multiple, 0 },
    [0xc8 ... 0xc9] = { "READ DMA",         cmd_read_dma,     A | D },
    [0xca ... 0xcb] = { "WRITE DMA",        cmd_write_dma,    A | D },
    [0xcd] = { "CFA WRITE MULTIPLE WITHOUT ERASE", cmd_write, A | M | CMD_CFA },
    [0xce] = { "WRITE MULTIPLE FUA EXT",    cmd_write,        AX | M | CMD_FUA },
    [0xe0] = { "STANDBY IMMEDIATE",         ata_standby,      0 },
    [0xe1] = { "IDLE IMMEDIATE",            ata_idle,         0 },
    [0xe2] = { "STANDBY",                   ata_standby,      0 },
    [0xe3] = { "IDLE",                      ata_idle,         0 },
    [0xe4] = { "READ BUFFER",               cmd_read_buffer,  0 },
    [0xe5] = { "CHECK POWER MODE",          ata_check_power,  0 },
    [0xe6] = { "SLEEP",                     ata_sleep,        0 },
    [0xe7] = { "FLUSH CACHE",               cmd_flush,        0 },
    [0xe8] = { "WRITE BUFFER",              cmd_write_buffer, 0 },
    [0xea] = { "FLUSH CACHE EXT",           cmd_flush,        0 },
    [0xec] = { "IDENTIFY DEVICE",           ata_identify,     0 },
    [0xef] = { "SET FEATURES",              ata_set_features, 0 },
    [0xf8] = { "READ NATIVE MAX ADDRESS",   cmd_native_max,   0 },
    [0xf9] = { "SET MAX ADDRESS",           cmd_set_max,      0 },
};
/* clang-format on */

/* -- Type -------------------------------------------------------------------- */

static const IDEKind hd_kind = { ata_commands, 0x00, 0x00, ST_DRDY | ST_DSC };

static int hd_realize(Device *dev, Error *err)
{
    IDEDrive *d = (IDEDrive *)dev;

    if (d->blk && !blk_length(d->blk)) {
        return error_set(err, ENOMEDIUM, "ide-hd: drive %s is empty: give it file=",
                         blk_name(d->blk));
    }
    if (d->blk && blk_is_read_only(d->blk)) {
        return error_set(err, EROFS, "ide-hd: drive %s can only be read, a disk is written:"
                         " use snapshot=on", blk_name(d->blk));
    }
    int ret = ide_drive_attach(d, &hd_kind, NULL, d, err);

    if (ret < 0) {
        return ret;
    }
    blk_geometry(d->blk, &d->def_cyls, &d->def_heads, &d->def_secs);
    d->native_sectors = MIN(blk_length(d->blk) / SECTOR, (1ull << 48) - 1);
    d->def_write_cache = blk_write_cache(d->blk);
    return 0;
}

static void hd_reset(Device *dev)
{
    IDEDrive *d = (IDEDrive *)dev;

    d->num_sectors = d->native_sectors;
    ide_drive_reset(d);
}

static int hd_post_load(Device *dev, Error *err)
{
    return ide_drive_post_load((IDEDrive *)dev, err);
}

static const PropDef hd_props[] = {
    IDE_DRIVE_PROPS,
    IDE_PROP("cfa", PROP_BOOL, cfa, 0, "a compact flash card"),
    { NULL, PROP_BOOL, 0, 0, NULL }
};

const DeviceType ide_hd_type = {
    .name       = "ide-hd",
    .desc       = "IDE disk",
    .manual     = "T13/1410D (ATA/ATAPI-6)",
    .bus        = "ide",
    .state_size = sizeof(IDEDrive),
    .props      = hd_props,
    .vmstate    = ide_drive_vmstate,
    .user_creatable = true,
    .realize    = hd_realize,
    .reset      = hd_reset,
    .post_load  = hd_post_load,
    .free       = ide_drive_free,
};
