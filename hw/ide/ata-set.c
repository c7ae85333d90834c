/* SPDX-License-Identifier: MIT */
/*
 * ATA disks: IDENTIFY DEVICE, SET FEATURES, power and SMART (ATA/ATAPI-6 8.15, 8.46,
 * 8.51).
 *
 * What IDENTIFY claims is what ata.c does: the words are filled from the same
 * state, at each call, so that a setting shows.
 *
 * Not modelled: APM, AAM, SMART self-tests, temperature (there is none to
 * measure).
 */
#include <stdio.h>
#include <string.h>

#include "hw/ide/ide-int.h"
#include "util/bits.h"

enum { SECTOR = BDRV_SECTOR_SIZE };

/* Transfer modes, 8.46.x: type in bits 7:3, number in 2:0. */
enum { XFER_PIO = 0x00, XFER_PIO_FLOW = 0x08, XFER_MDMA = 0x20, XFER_UDMA = 0x40 };
enum { MAX_PIO = 4, MAX_MDMA = 2, MAX_UDMA = 5 };

void ata_set_defaults(IDEDrive *d)
{
    d->cyls = d->def_cyls ? d->def_cyls : 1;
    d->heads = d->def_heads ? d->def_heads : 1;
    d->secs = d->def_secs ? d->def_secs : 1;
    d->xfer_mode = XFER_MDMA | MAX_MDMA;
    d->look_ahead = 1;
    d->write_cache = d->def_write_cache;
    if (d->blk && d->native_sectors) {
        blk_set_write_cache(d->blk, d->write_cache);
    }
}

/* -- IDENTIFY DEVICE --------------------------------------------------------- */

/* Word 63 or 88: modes 0..max supported, the selected one in the high byte. */
static uint16_t dma_modes(const IDEDrive *d, uint8_t type, int max)
{
    uint16_t w = (uint16_t)((2u << max) - 1);

    if (!ide_can_dma(d)) {
        return 0;
    }
    if ((d->xfer_mode & 0xf8) == type) {
        w |= (uint16_t)(0x100u << (d->xfer_mode & 7));
    }
    return w;
}

/* The how manieth drive of the machine, from 1: a serial number of its own. */
static unsigned place_of(const BlockDriverState *bs)
{
    unsigned n = 0;

    for (BlockDriverState *b = bdrv_next(NULL); b; b = bdrv_next(b)) {
        n++;
        if (b == bs) {
            break;
        }
    }
    return n;
}

void ata_identify_common(const IDEDrive *d, uint8_t *w, const char *model)
{
    const char *serial = blk_conf(d->blk)->serial;
    char by_place[21];

    snprintf(by_place, sizeof(by_place), "QM%05u", place_of(d->blk));
    ide_put_string(w + 20, d->serial ? d->serial : *serial ? serial : by_place, 20);
    ide_put_string(w + 46, d->ver ? d->ver : CONFIG_VERSION, 8);
    ide_put_string(w + 54, d->model ? d->model : model, 40);
    ide_put_word(w, 48, 1);             /* 32-bit data port */
    ide_put_word(w, 53, 0x0006);        /* words 64-70 and 88 are valid */
    ide_put_word(w, 63, dma_modes(d, XFER_MDMA, MAX_MDMA));
    ide_put_word(w, 64, 0x0003);        /* PIO 3 and 4 */
    for (unsigned n = 65; n <= 68; n++) {
        ide_put_word(w, n, 120);        /* cycle times, ns */
    }
    ide_put_word(w, 80, 0x00f0);        /* ATA/ATAPI-4 to 7 */
    ide_put_word(w, 81, 0x0016);        /* T13/1153D revision 17 */
    ide_put_word(w, 88, dma_modes(d, XFER_UDMA, MAX_UDMA));
    /* 93: the cable has 80 wires, the master or slave determined by jumper */
    ide_put_word(w, 93, d->unit ? 0x6b00 : 0x600b);
}

static void put_capacity(const IDEDrive *d, uint8_t *w)
{
    uint32_t chs = d->cyls * d->heads * d->secs;
    uint32_t lba28 = (uint32_t)MIN(d->num_sectors, 0xfffffff);

    ide_put_word(w, 1, (uint16_t)MIN(d->def_cyls, 16383));
    ide_put_word(w, 3, (uint16_t)d->def_heads);
    ide_put_word(w, 6, (uint16_t)d->def_secs);
    ide_put_word(w, 54, (uint16_t)d->cyls);
    ide_put_word(w, 55, (uint16_t)d->heads);
    ide_put_word(w, 56, (uint16_t)d->secs);
    store_le(w + 2 * 57, chs, 4);
    store_le(w + 2 * 60, lba28, 4);
    store_le(w + 2 * 100, d->num_sectors, 8);
}

/* Words 82-87: supported, then the same bits as they are switched now. */
enum { F82_SMART = 1 << 0, F82_POWER = 1 << 3, F82_WCACHE = 1 << 5, F82_AHEAD = 1 << 6,
       F82_HPA = 1 << 10, F82_WBUF = 1 << 12, F82_RBUF = 1 << 13, F82_NOP = 1 << 14 };
enum { F83_CFA = 1 << 2, F83_LBA48 = 1 << 10, F83_FLUSH = 1 << 12,
       F83_FLUSH_EXT = 1 << 13, F83_VALID = 1 << 14 };
enum { F84_SMART_LOG = 1 << 0, F84_FUA = 1 << 6, F84_VALID = 1 << 14 };

static void put_features(const IDEDrive *d, uint8_t *w)
{
    uint16_t f82 = F82_SMART | F82_POWER | F82_WCACHE | F82_AHEAD | F82_HPA |
                   F82_WBUF | F82_RBUF | F82_NOP;
    uint16_t f83 = F83_LBA48 | F83_FLUSH | F83_FLUSH_EXT | (d->cfa ? F83_CFA : 0);
    uint16_t f84 = F84_SMART_LOG | F84_FUA;
    uint16_t off = (d->smart ? 0 : F82_SMART) | (d->write_cache ? 0 : F82_WCACHE) |
                   (d->look_ahead ? 0 : F82_AHEAD);

    ide_put_word(w, 82, f82);
    ide_put_word(w, 83, f83 | F83_VALID);
    ide_put_word(w, 84, f84 | F84_VALID);
    ide_put_word(w, 85, (uint16_t)(f82 & ~off));
    ide_put_word(w, 86, f83);
    ide_put_word(w, 87, f84 | F84_VALID);
}

void ata_identify(IDEDrive *d)
{
    uint8_t *w = d->buffer, sum = 0;

    memset(w, 0, SECTOR);
    /* Word 0: fixed disk, or what a compact flash card says */
    ide_put_word(w, 0, d->cfa ? 0x848a : 0x0040);
    ata_identify_common(d, w, "QEMU HARDDISK");
    put_capacity(d, w);
    put_features(d, w);
    ide_put_word(w, 20, 3);             /* dual ported buffer, look-ahead */
    ide_put_word(w, 21, IDE_BUFFER / SECTOR);
    ide_put_word(w, 47, 0x8000 | IDE_MAX_MULTIPLE);
    ide_put_word(w, 49, ide_can_dma(d) ? 0x0f00 : 0x0e00);  /* IORDY, LBA, DMA */
    ide_put_word(w, 50, 0x4000);
    ide_put_word(w, 51, 0x0200);        /* PIO mode 2 and up */
    ide_put_word(w, 53, 0x0007);        /* 54-58, 64-70, 88 are valid */
    ide_put_word(w, 59, 0x0100 | d->multiple);
    ide_put_word(w, 169, ide_can_dma(d) ? 1 : 0);           /* TRIM */
    w[510] = 0xa5;                      /* word 255: signature, check sum */
    for (int i = 0; i < 511; i++) {
        sum += w[i];
    }
    w[511] = (uint8_t)-sum;
    ide_pio_in(d, 0, SECTOR, AFTER_NOTHING, true);
}

/* -- SET FEATURES ------------------------------------------------------------ */

static bool set_xfer_mode(IDEDrive *d, uint8_t mode)
{
    uint8_t n = mode & 7;

    switch (mode & 0xf8) {
    case XFER_PIO:                      /* the default mode, IORDY or not */
        if (n > 1) {
            return false;
        }
        break;
    case XFER_PIO_FLOW:
        if (n > MAX_PIO) {
            return false;
        }
        break;
    case XFER_MDMA:
        if (n > MAX_MDMA || !ide_can_dma(d)) {
            return false;
        }
        break;
    case XFER_UDMA:
        if (n > MAX_UDMA || !ide_can_dma(d)) {
            return false;
        }
        break;
    default:
        return false;
    }
    d->xfer_mode = mode;
    return true;
}

static void set_write_cache(IDEDrive *d, bool on)
{
    d->write_cache = on;
    blk_set_write_cache(d->blk, on);
}

void ata_set_features(IDEDrive *d)
{
    switch (d->tf.feature) {
    case 0x02:
        if (!d->native_sectors) {       /* a CD drive */
            ide_abort(d, ER_ABRT);
            return;
        }
        set_write_cache(d, true);
        break;
    case 0x82:
        if (!d->native_sectors) {
            ide_abort(d, ER_ABRT);
            return;
        }
        set_write_cache(d, false);
        ide_flush(d);                   /* what is cached now */
        return;
    case 0x03:
        if (!set_xfer_mode(d, d->tf.nsector)) {
            ide_abort(d, ER_ABRT);
            return;
        }
        break;
    case 0x55:
    case 0xaa:
        d->look_ahead = d->tf.feature == 0xaa;
        break;
    case 0x66:                          /* keep settings over a soft reset: */
    case 0xcc:                          /* they are kept in any case */
        break;
    default:
        ide_abort(d, ER_ABRT);
        return;
    }
    ide_done(d);
}

/* -- Power and nothing ------------------------------------------------------- */

void ata_nop(IDEDrive *d)
{
    ide_abort(d, ER_ABRT);              /* 8.27: always */
}

void ata_idle(IDEDrive *d)
{
    d->power = POWER_ACTIVE;
    ide_done(d);
}

void ata_standby(IDEDrive *d)
{
    d->power = POWER_STANDBY;
    ide_done(d);
}

void ata_sleep(IDEDrive *d)
{
    d->power = POWER_SLEEP;
    ide_done(d);
}

/* 8.7: 00h standby, FFh active or idle. */
void ata_check_power(IDEDrive *d)
{
    d->tf.nsector = d->power == POWER_STANDBY ? 0x00 : 0xff;
    ide_done(d);
}

/* -- SMART ------------------------------------------------------------------- */

enum { SMART_KEY_MID = 0x4f, SMART_KEY_HIGH = 0xc2, NUM_ATTRIBUTES = 4 };

/* id, flags (pre-failure, online), value, threshold */
static const struct Attribute { uint8_t id, flags, threshold; } attributes[NUM_ATTRIBUTES] = {
    { 1, 0x03, 6 },                     /* raw read error rate */
    { 5, 0x03, 36 },                    /* reallocated sectors */
    { 9, 0x03, 0 },                     /* power-on hours */
    { 12, 0x03, 0 },                    /* power cycles */
};

static uint64_t attribute_raw(const IDEDrive *d, uint8_t id)
{
    switch (id) {
    case 1:  return blk_stats(d->blk)->errors;
    case 9:  return (uint64_t)(clock_now(d->dev.clock) / (3600 * NS_PER_SEC));
    case 12: return 1;
    default: return 0;
    }
}

static void give_sector(IDEDrive *d)
{
    uint8_t sum = 0;

    for (int i = 0; i < SECTOR - 1; i++) {
        sum += d->buffer[i];
    }
    d->buffer[SECTOR - 1] = (uint8_t)-sum;
    ide_pio_in(d, 0, SECTOR, AFTER_NOTHING, true);
}

/* 8.51.7, table 34 of ATA-5 and the vendor's usual attribute layout. */
static void smart_read_data(IDEDrive *d)
{
    uint8_t *b = d->buffer;

    memset(b, 0, SECTOR);
    b[0] = 0x01;
    for (int i = 0; i < NUM_ATTRIBUTES; i++) {
        uint8_t *a = b + 2 + 12 * i;

        a[0] = attributes[i].id;
        a[1] = attributes[i].flags;
        a[3] = a[4] = 100;              /* normalized: now, worst */
        store_le(a + 5, attribute_raw(d, attributes[i].id), 6);
    }
    b[362] = 0x00;                      /* off-line collection never started */
    b[367] = 0x01;                      /* execute off-line immediate */
    b[368] = 0x03;                      /* saves attributes, auto save */
    b[370] = 0x01;                      /* error logging */
    give_sector(d);
}

static void smart_read_thresholds(IDEDrive *d)
{
    memset(d->buffer, 0, SECTOR);
    d->buffer[0] = 0x01;
    for (int i = 0; i < NUM_ATTRIBUTES; i++) {
        d->buffer[2 + 12 * i] = attributes[i].id;
        d->buffer[3 + 12 * i] = attributes[i].threshold;
    }
    give_sector(d);
}

enum { LOG_DIRECTORY = 0, LOG_SUMMARY = 1, LOG_SELF_TEST = 6 };

/* 8.51.8: the logs are there and have no entry. */
static void smart_read_log(IDEDrive *d)
{
    uint8_t *b = d->buffer;

    if (d->tf.nsector != 1) {
        ide_abort(d, ER_ABRT);
        return;
    }
    memset(b, 0, SECTOR);
    switch (d->tf.lbal) {
    case LOG_DIRECTORY:
        b[0] = 1;                       /* version; then sectors of log n */
        b[2 * LOG_SUMMARY] = b[2 * LOG_SELF_TEST] = 1;
        ide_pio_in(d, 0, SECTOR, AFTER_NOTHING, true);
        return;
    case LOG_SUMMARY:
    case LOG_SELF_TEST:
        b[0] = 1;
        give_sector(d);
        return;
    default:
        ide_abort(d, ER_ABRT);
    }
}

/* 8.51.5: off-line collection finds nothing to collect; no self-tests. */
static void smart_offline(IDEDrive *d)
{
    if (d->tf.lbal != 0) {
        ide_abort(d, ER_ABRT);
    } else {
        ide_done(d);
    }
}

void ata_smart(IDEDrive *d)
{
    bool enable = d->tf.feature == 0xd8;

    if (d->tf.lbam != SMART_KEY_MID || d->tf.lbah != SMART_KEY_HIGH ||
        (!d->smart && !enable)) {
        ide_abort(d, ER_ABRT);
        return;
    }
    switch (d->tf.feature) {
    case 0xd0: smart_read_data(d); break;
    case 0xd1: smart_read_thresholds(d); break;
    case 0xd4: smart_offline(d); break;
    case 0xd5: smart_read_log(d); break;
    case 0xd2:                          /* attribute auto save */
    case 0xda:                          /* RETURN STATUS: the keys stay: healthy */
        ide_done(d);
        break;
    case 0xd8:
    case 0xd9:
        d->smart = enable;
        ide_done(d);
        break;
    default:
        ide_abort(d, ER_ABRT);
    }
}
