/* SPDX-License-Identifier: MIT */
/*
 * Packet commands of a CD/DVD-ROM drive (MMC-3, T10/1363-D; SPC-2 for the common
 * ones).
 *
 * A disc has one session with one data track from block 0 to its end.  One with
 * more blocks than a CD can number is a DVD.
 *
 * Not modelled: audio, changers, burning; READ CD of audio and Mode 2 sectors.
 */
#include "hw/scsi/mmc.h"

#include <string.h>

#include "util/bits.h"

enum { MAX_CD_BLOCKS = 449849 };        /* 99:59:74 */
enum { PROFILE_NONE = 0, PROFILE_CD = 8, PROFILE_DVD = 0x10 };
enum { DATA_TRACK = 0x14, LEAD_OUT = 0xaa };
enum { SPEED_KB = 8467, BUFFER_KB = 128 };      /* 48 times 176.4 */

static uint16_t be16(const uint8_t *p) { return (uint16_t)load_be(p, 2); }
static uint32_t be32(const uint8_t *p) { return (uint32_t)load_be(p, 4); }

/* -- Medium ------------------------------------------------------------------ */

static uint32_t num_blocks(const MMCDrive *d)
{
    return (uint32_t)MIN(blk_length(d->blk) / CD_DATA, UINT32_MAX);
}

bool mmc_has_medium(const MMCDrive *d)
{
    return !d->tray_open && blk_is_inserted(d->blk) && num_blocks(d) > 0;
}

static void set_tray(MMCDrive *d, bool open)
{
    if (open == d->tray_open) {
        return;
    }
    d->tray_open = open;
    if (blk_is_inserted(d->blk)) {
        d->media_event = open ? EVENT_REMOVED : EVENT_NEW_MEDIUM;
        if (!open) {
            d->ops->attention(d, ASC_NEW_MEDIUM);
        }
    }
}

static void medium_changed(void *opaque, bool loaded)
{
    MMCDrive *d = opaque;

    d->tray_open = 0;
    d->media_event = loaded ? EVENT_NEW_MEDIUM : EVENT_REMOVED;
    if (loaded) {
        d->ops->attention(d, ASC_NEW_MEDIUM);
    }
}

static void eject_request(void *opaque)
{
    ((MMCDrive *)opaque)->media_event = EVENT_EJECT_REQUEST;
}

static bool is_medium_locked(void *opaque)
{
    return ((MMCDrive *)opaque)->locked;
}

const BlockDevOps mmc_dev_ops = { medium_changed, eject_request, is_medium_locked };

void mmc_reset(MMCDrive *d)
{
    d->locked = d->tray_open = 0;
    blk_lock_tray(d->blk, false);
    d->media_event = EVENT_NONE;
    d->head = 0;
}

/* -- Helpers ----------------------------------------------------------------- */

static void bad_field(MMCDrive *d)
{
    d->ops->check(d, SENSE_ILLEGAL, ASC_BAD_FIELD, 0);
}

static uint16_t profile(const MMCDrive *d)
{
    if (!mmc_has_medium(d)) {
        return PROFILE_NONE;
    }
    return num_blocks(d) > MAX_CD_BLOCKS ? PROFILE_DVD : PROFILE_CD;
}

/* An address field of 4 bytes, as number or as minute, second, frame. */
static void put_address(uint8_t *p, uint32_t lba, bool msf)
{
    store_be(p, 0, 4);
    if (msf) {
        cd_put_msf(p + 1, lba);
    } else {
        store_be(p, lba, 4);
    }
}

/* -- Drive ------------------------------------------------------------------- */

static void test_unit_ready(MMCDrive *d, const uint8_t *cdb)
{
    (void)cdb;
    d->ops->ok(d);
}

static void start_stop(MMCDrive *d, const uint8_t *cdb)
{
    bool load_eject = cdb[4] & 2, start = cdb[4] & 1;

    if (load_eject && !start && d->locked) {
        d->ops->check(d, mmc_has_medium(d) ? SENSE_ILLEGAL : SENSE_NOT_READY,
                    ASC_LOCKED, 2);
        return;
    }
    if (load_eject) {
        blk_move_tray(d->blk, !start);
        set_tray(d, !start);
    }
    d->ops->ok(d);
}

static void prevent_removal(MMCDrive *d, const uint8_t *cdb)
{
    d->locked = cdb[4] & 1;
    blk_lock_tray(d->blk, d->locked);
    d->ops->ok(d);
}

static void set_speed(MMCDrive *d, const uint8_t *cdb)
{
    (void)cdb;                          /* every speed is as fast as the host */
    d->ops->ok(d);
}

static void mechanism_status(MMCDrive *d, const uint8_t *cdb)
{
    uint8_t *b = d->buffer;

    memset(b, 0, 8);
    b[1] = d->tray_open ? 0x10 : 0;
    b[5] = 1;                           /* one slot, no table of slots */
    d->ops->reply(d, 8, be16(cdb + 8));
}

/* -- Events and configuration ------------------------------------------------ */

enum { CLASS_MEDIA = 4 };

static void get_event_status(MMCDrive *d, const uint8_t *cdb)
{
    uint8_t *b = d->buffer;
    bool media = cdb[4] & 1 << CLASS_MEDIA;

    if (!(cdb[1] & 1)) {                /* only polled */
        bad_field(d);
        return;
    }
    memset(b, 0, 8);
    store_be(b, media ? 6 : 2, 2);
    b[2] = media ? CLASS_MEDIA : 0x80;  /* no event available */
    b[3] = 1 << CLASS_MEDIA;
    if (media) {
        b[4] = d->media_event;
        b[5] = (uint8_t)((d->tray_open ? 1 : 0) | (mmc_has_medium(d) ? 2 : 0));
        d->media_event = EVENT_NONE;
    }
    d->ops->reply(d, media ? 8 : 4, be16(cdb + 7));
}

/* Features, 5.3: number, flags, data.  Current: needs a medium of `when`. */
enum { FEATURE_VERSION_1 = 1 << 2, FEATURE_PERSISTENT = 2, FEATURE_CURRENT = 1 };

static const struct Feature {
    uint16_t code, when;                /* when: profile, 0 always, 1 any medium */
    uint8_t flags, len;
    uint8_t data[8];
} features[] = {
    { 0x0000, 0, FEATURE_PERSISTENT, 8, { 0, PROFILE_DVD, 0, 0, 0, PROFILE_CD, 0, 0 } },
    { 0x0001, 0, FEATURE_VERSION_1 | FEATURE_PERSISTENT, 8, { 0, 0, 0, 2, 0 } },
    { 0x0002, 0, FEATURE_VERSION_1 | FEATURE_PERSISTENT, 4, { 0 } },
    { 0x0003, 0, FEATURE_PERSISTENT, 4, { 0x29 } },     /* tray, eject, lock */
    { 0x0010, 1, 0, 8, { 0, 0, 8, 0, 0, 1, 0, 0 } },    /* 2048-byte blocks */
    { 0x001d, PROFILE_CD, 0, 0, { 0 } },
    { 0x001e, PROFILE_CD, 0, 4, { 0 } },
    { 0x001f, PROFILE_DVD, 0, 0, { 0 } },
    { 0x0100, 0, FEATURE_PERSISTENT, 0, { 0 } },
};

static bool is_current(const struct Feature *f, uint16_t prof)
{
    return f->when == 0 || f->when == prof || (f->when == 1 && prof != PROFILE_NONE);
}

static uint8_t *put_feature(uint8_t *p, const struct Feature *f, uint16_t prof)
{
    store_be(p, f->code, 2);
    p[2] = f->flags | (is_current(f, prof) ? FEATURE_CURRENT : 0);
    p[3] = f->len;
    memcpy(p + 4, f->data, f->len);
    if (f->code == 0) {                 /* which profile of the list is current */
        p[4 + 2] = prof == PROFILE_DVD;
        p[8 + 2] = prof == PROFILE_CD;
    }
    return p + 4 + f->len;
}

static void get_configuration(MMCDrive *d, const uint8_t *cdb)
{
    uint8_t *b = d->buffer, *p = b + 8;
    uint16_t first = be16(cdb + 2), prof = profile(d);
    uint8_t which = cdb[1] & 3;         /* all, current, this one */

    if (which == 3) {
        bad_field(d);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
        const struct Feature *f = &features[i];

        if ((which == 2 ? f->code == first : f->code >= first) &&
            (which != 1 || is_current(f, prof))) {
            p = put_feature(p, f, prof);
        }
    }
    memset(b, 0, 8);
    store_be(b, (uint32_t)(p - b) - 4, 4);
    store_be(b + 6, prof, 2);
    d->ops->reply(d, (uint32_t)(p - b), be16(cdb + 7));
}

/* -- Mode pages -------------------------------------------------------------- */

enum { PAGE_ERROR = 0x01, PAGE_AUDIO = 0x0e, PAGE_CAPABILITIES = 0x2a, PAGE_ALL = 0x3f };

static uint8_t *put_error_page(uint8_t *p)
{
    static const uint8_t page[] = { PAGE_ERROR, 6, 0x00, 5, 0, 0, 0, 0 };

    memcpy(p, page, sizeof(page));
    return p + sizeof(page);
}

static uint8_t *put_audio_page(uint8_t *p)
{
    memset(p, 0, 16);
    p[0] = PAGE_AUDIO;
    p[1] = 14;
    p[2] = 4;                           /* immediate */
    p[7] = 75;                          /* blocks a second */
    return p + 16;
}

/* 6.3.11 */
static uint8_t *put_capabilities(const MMCDrive *d, uint8_t *p)
{
    memset(p, 0, 20);
    p[0] = PAGE_CAPABILITIES;
    p[1] = 18;
    p[2] = 0x3b;                        /* reads CD-R, CD-RW, DVD-ROM, DVD-R, -RAM */
    p[4] = 0x70;                        /* Mode 2 form 1 and 2, multi-session */
    p[6] = (uint8_t)(0x29 | (d->locked ? 2 : 0));       /* tray, eject, lock */
    store_be(p + 8, SPEED_KB, 2);
    store_be(p + 12, BUFFER_KB, 2);
    store_be(p + 14, SPEED_KB, 2);
    return p + 20;
}

static void mode_sense(MMCDrive *d, const uint8_t *cdb)
{
    uint8_t *b = d->buffer, *p = b + 8;
    uint8_t page = cdb[2] & 0x3f, control = cdb[2] >> 6;
    bool all = page == PAGE_ALL;

    if (control == 3) {
        d->ops->check(d, SENSE_ILLEGAL, ASC_NO_SAVING, 0);
        return;
    }
    if (all || page == PAGE_ERROR) {
        p = put_error_page(p);
    }
    if (all || page == PAGE_AUDIO) {
        p = put_audio_page(p);
    }
    if (all || page == PAGE_CAPABILITIES) {
        p = put_capabilities(d, p);
    }
    if (p == b + 8) {
        bad_field(d);
        return;
    }
    if (control == 1) {                 /* what can be changed: nothing */
        for (uint8_t *q = b + 8; q < p; q += 2 + q[1]) {
            memset(q + 2, 0, q[1]);
        }
    }
    memset(b, 0, 8);
    store_be(b, (uint16_t)(p - b - 2), 2);
    b[2] = d->tray_open ? 0x71 : mmc_has_medium(d) ? 0x01 : 0x70;
    d->ops->reply(d, (uint32_t)(p - b), be16(cdb + 7));
}

static void mode_select(MMCDrive *d, const uint8_t *cdb)
{
    d->ops->receive(d, be16(cdb + 7));
}

/* Nothing can be changed, but setting what is there already is legal. */
void mmc_mode_data(MMCDrive *d, uint32_t len)
{
    const uint8_t *b = d->buffer;
    uint8_t page = len >= 10 ? b[8] & 0x3f : 0;

    if (len < 10 || 10u + b[9] > len) {
        d->ops->check(d, SENSE_ILLEGAL, ASC_LIST_LENGTH, 0);
    } else if (page != PAGE_ERROR && page != PAGE_AUDIO) {
        d->ops->check(d, SENSE_ILLEGAL, ASC_BAD_PARAMETER, 0);
    } else {
        d->ops->ok(d);
    }
}

/* -- Disc -------------------------------------------------------------------- */

static void read_capacity(MMCDrive *d, const uint8_t *cdb)
{
    (void)cdb;
    store_be(d->buffer, num_blocks(d) - 1, 4);
    store_be(d->buffer + 4, CD_DATA, 4);
    d->ops->reply(d, 8, 8);
}

static uint8_t *put_track(uint8_t *p, uint8_t track, uint32_t lba, bool msf)
{
    p[0] = p[3] = 0;
    p[1] = DATA_TRACK;
    p[2] = track;
    put_address(p + 4, lba, msf);
    return p + 8;
}

/* 6.32: format 0, from a track on. */
static uint32_t toc_tracks(MMCDrive *d, uint8_t from, bool msf)
{
    uint8_t *p = d->buffer + 4;

    if (from > 1 && from != LEAD_OUT) {
        return 0;
    }
    if (from <= 1) {
        p = put_track(p, 1, 0, msf);
    }
    p = put_track(p, LEAD_OUT, num_blocks(d), msf);
    return (uint32_t)(p - d->buffer);
}

/* Format 2: what is in the lead-in, always as MSF. */
static uint32_t toc_raw(MMCDrive *d)
{
    static const uint8_t points[] = { 0xa0, 0xa1, 0xa2, 1 };
    uint8_t *p = d->buffer + 4;

    for (size_t i = 0; i < sizeof(points); i++, p += 11) {
        memset(p, 0, 11);
        p[0] = 1;                       /* session */
        p[1] = DATA_TRACK;
        p[3] = points[i];
        if (points[i] < 0xa2) {
            if (points[i] >= 0xa0) {
                p[8] = 1;               /* first, last track */
            } else {
                cd_put_msf(p + 8, 0);
            }
        } else {
            cd_put_msf(p + 8, num_blocks(d));
        }
    }
    return (uint32_t)(p - d->buffer);
}

static void read_toc(MMCDrive *d, const uint8_t *cdb)
{
    bool msf = cdb[1] & 2;
    uint8_t format = cdb[2] & 15 ? cdb[2] & 15 : cdb[9] >> 6;
    uint32_t len = 0;

    switch (format) {
    case 0:
        len = toc_tracks(d, cdb[6], msf);
        break;
    case 1:                             /* the first track of the last session */
        len = (uint32_t)(put_track(d->buffer + 4, 1, 0, msf) - d->buffer);
        break;
    case 2:
        len = toc_raw(d);
    }
    if (!len) {
        bad_field(d);
        return;
    }
    store_be(d->buffer, len - 2, 2);
    d->buffer[2] = d->buffer[3] = 1;    /* first and last track, or session */
    d->ops->reply(d, len, be16(cdb + 7));
}

/* 6.31 */
static void read_subchannel(MMCDrive *d, const uint8_t *cdb)
{
    bool msf = cdb[1] & 2, q = cdb[2] & 0x40;
    uint8_t *b = d->buffer;
    uint32_t len = q ? cdb[3] == 1 ? 16 : 24 : 4;

    if (q && (cdb[3] < 1 || cdb[3] > 3)) {
        bad_field(d);
        return;
    }
    memset(b, 0, 24);
    b[1] = 0x15;                        /* no audio status */
    store_be(b + 2, len - 4, 2);
    if (q) {
        b[4] = cdb[3];                  /* 2, 3: catalogue number, ISRC: invalid */
    }
    if (q && cdb[3] == 1) {
        b[5] = DATA_TRACK;
        b[6] = b[7] = 1;                /* track, index */
        put_address(b + 8, d->head, msf);
        put_address(b + 12, d->head, msf);
    }
    d->ops->reply(d, len, be16(cdb + 7));
}

static void read_disc_information(MMCDrive *d, const uint8_t *cdb)
{
    uint8_t *b = d->buffer;

    memset(b, 0, 34);
    store_be(b, 32, 2);
    b[2] = 0x0e;                        /* complete disc, complete last session */
    b[3] = b[4] = b[5] = b[6] = 1;      /* first track; sessions; tracks */
    b[7] = 0x20;                        /* unrestricted use */
    memset(b + 16, 0xff, 8);            /* nowhere left to write */
    d->ops->reply(d, 34, be16(cdb + 7));
}

static void read_track_information(MMCDrive *d, const uint8_t *cdb)
{
    uint8_t *b = d->buffer, kind = cdb[1] & 3;
    uint32_t what = be32(cdb + 2);

    if (kind == 3 || (kind == 0 ? what >= num_blocks(d) : what != 1)) {
        bad_field(d);
        return;
    }
    memset(b, 0, 36);
    store_be(b, 34, 2);
    b[2] = b[3] = 1;                    /* track, session */
    b[5] = 4;                           /* data */
    b[6] = 1;                           /* Mode 1 */
    store_be(b + 24, num_blocks(d), 4);
    d->ops->reply(d, 36, be16(cdb + 7));
}

/* -- DVD --------------------------------------------------------------------- */

enum { DVD_PHYSICAL = 0, DVD_COPYRIGHT = 1, DVD_MANUFACTURER = 4, DVD_LIST = 0xff };
enum { DVD_FIRST_SECTOR = 0x30000 };

static void put_dvd_physical(const MMCDrive *d, uint8_t *p)
{
    uint32_t end = DVD_FIRST_SECTOR + num_blocks(d) - 1;

    p[0] = 0x01;                        /* DVD-ROM, version 1 */
    p[1] = 0x0f;                        /* 120 mm, rate not specified */
    p[2] = 0x01;                        /* one layer, embossed */
    store_be(p + 4, DVD_FIRST_SECTOR, 4);
    store_be(p + 8, end, 4);
    store_be(p + 12, end, 4);
}

static void read_dvd_structure(MMCDrive *d, const uint8_t *cdb)
{
    static const struct { uint8_t format; uint16_t len; } all[] = {
        { DVD_PHYSICAL, 2048 }, { DVD_COPYRIGHT, 4 }, { DVD_MANUFACTURER, 2048 },
    };
    uint8_t *b = d->buffer;
    uint32_t len = 0;

    memset(b, 0, 4 + 2048);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (cdb[7] == DVD_LIST) {
            b[4 + len] = all[i].format;
            b[4 + len + 1] = 0x40;      /* readable */
            store_be(b + 4 + len + 2, all[i].len + 4u, 2);
            len += 4;
        } else if (cdb[7] == all[i].format) {
            len = all[i].len;
        }
    }
    if (!len || cdb[6] || (profile(d) != PROFILE_DVD && cdb[7] != DVD_LIST)) {
        bad_field(d);
        return;
    }
    if (cdb[7] == DVD_PHYSICAL) {
        put_dvd_physical(d, b + 4);
    }
    store_be(b, len + 2, 2);
    d->ops->reply(d, len + 4, be16(cdb + 8));
}

/* -- Reading ----------------------------------------------------------------- */

uint32_t mmc_parts_size(uint8_t parts)
{
    return (parts & CD_PART_SYNC ? CD_SYNC : 0) + (parts & CD_PART_HEADER ? CD_HEADER : 0) +
           (parts & CD_PART_USER ? CD_DATA : 0) + (parts & CD_PART_ECC ? CD_ECC : 0);
}

static uint8_t *put_part(uint8_t *out, const uint8_t *part, size_t len, bool wanted)
{
    if (wanted) {
        memcpy(out, part, len);
        out += len;
    }
    return out;
}

static void expand_sector(const uint8_t *user, uint8_t *out, uint32_t lba, uint8_t parts)
{
    enum { USER_AT = CD_SYNC + CD_HEADER };
    uint8_t raw[CD_RAW];

    memcpy(raw + USER_AT, user, CD_DATA);
    cd_complete_sector(raw, lba);
    out = put_part(out, raw, CD_SYNC, parts & CD_PART_SYNC);
    out = put_part(out, raw + CD_SYNC, CD_HEADER, parts & CD_PART_HEADER);
    out = put_part(out, raw + USER_AT, CD_DATA, parts & CD_PART_USER);
    put_part(out, raw + USER_AT + CD_DATA, CD_ECC, parts & CD_PART_ECC);
}

/* Sectors that grow go from the last one down, others from the first. */
void mmc_expand(uint8_t *buf, uint32_t lba, uint32_t num, uint8_t parts)
{
    uint32_t size = mmc_parts_size(parts);

    for (uint32_t k = 0; k < num; k++) {
        uint32_t i = size > CD_DATA ? num - 1 - k : k;

        expand_sector(buf + i * CD_DATA, buf + i * size, lba + i, parts);
    }
}

static void read_blocks(MMCDrive *d, uint32_t lba, uint32_t num, uint8_t parts)
{
    if (lba > num_blocks(d) || num > num_blocks(d) - lba) {
        d->ops->check(d, SENSE_ILLEGAL, ASC_OUT_OF_RANGE, 0);
        return;
    }
    d->head = lba + num;
    if (num && mmc_parts_size(parts)) {
        d->ops->read(d, lba, num, parts);
    } else {
        d->ops->ok(d);
    }
}

static void read_10(MMCDrive *d, const uint8_t *cdb)
{
    read_blocks(d, be32(cdb + 2), be16(cdb + 7), CD_PART_USER);
}

static void read_12(MMCDrive *d, const uint8_t *cdb)
{
    read_blocks(d, be32(cdb + 2), be32(cdb + 6), CD_PART_USER);
}

static void seek_10(MMCDrive *d, const uint8_t *cdb)
{
    uint32_t lba = be32(cdb + 2);

    if (lba >= num_blocks(d)) {
        d->ops->check(d, SENSE_ILLEGAL, ASC_OUT_OF_RANGE, 0);
        return;
    }
    d->head = lba;
    d->ops->ok(d);
}

/* 6.19: byte 9 chooses the parts; a Mode 1 sector has no subheader. */
static void read_parts(MMCDrive *d, const uint8_t *cdb, uint32_t lba, uint32_t num)
{
    uint8_t type = cdb[1] >> 2 & 7;
    uint8_t parts = cdb[9] & (CD_PART_SYNC | CD_PART_HEADER | CD_PART_USER | CD_PART_ECC);

    if (cdb[10] & 7 || cdb[9] & 6) {    /* sub-channel, C2 errors */
        bad_field(d);
    } else if (type != 0 && type != 2) {
        d->ops->check(d, SENSE_ILLEGAL, ASC_WRONG_MODE, 0);
    } else {
        read_blocks(d, lba, num, parts);
    }
}

static void read_cd(MMCDrive *d, const uint8_t *cdb)
{
    read_parts(d, cdb, be32(cdb + 2), (uint32_t)load_be(cdb + 6, 3));
}

static void read_cd_msf(MMCDrive *d, const uint8_t *cdb)
{
    uint32_t from = (cdb[3] * 60u + cdb[4]) * 75 + cdb[5];
    uint32_t to = (cdb[6] * 60u + cdb[7]) * 75 + cdb[8];

    if (from < 150 || to < from) {
        bad_field(d);
        return;
    }
    read_parts(d, cdb, from - 150, to - from);
}

/* clang-format off */
const MMCCommand mmc_commands[256] = {
    [0x00] = { "TEST UNIT READY",        test_unit_ready,        MMC_MEDIUM | MMC_POLL },
    [0x1b] = { "START STOP UNIT",        start_stop,             0 },
    [0x1e] = { "PREVENT ALLOW MEDIUM REMOVAL", prevent_removal,  0 },
    [0x25] = { "READ CAPACITY",          read_capacity,          MMC_MEDIUM },
    [0x28] = { "READ (10)",              read_10,                MMC_MEDIUM },
    [0x2b] = { "SEEK (10)",              seek_10,                MMC_MEDIUM },
    [0x42] = { "READ SUB-CHANNEL",       read_subchannel,        MMC_MEDIUM },
    [0x43] = { "READ TOC/PMA/ATIP",      read_toc,               MMC_MEDIUM },
    [0x46] = { "GET CONFIGURATION",      get_configuration,      MMC_UA_OK },
    [0x4a] = { "GET EVENT STATUS NOTIFICATION", get_event_status, MMC_UA_OK | MMC_POLL },
    [0x51] = { "READ DISC INFORMATION",  read_disc_information,  MMC_MEDIUM },
    [0x52] = { "READ TRACK INFORMATION", read_track_information, MMC_MEDIUM },
    [0x55] = { "MODE SELECT (10)",       mode_select,            0 },
    [0x5a] = { "MODE SENSE (10)",        mode_sense,             0 },
    [0xa8] = { "READ (12)",              read_12,                MMC_MEDIUM },
    [0xad] = { "READ DVD STRUCTURE",     read_dvd_structure,     MMC_MEDIUM },
    [0xb9] = { "READ CD MSF",            read_cd_msf,            MMC_MEDIUM },
    [0xbb] = { "SET CD SPEED",           set_speed,              0 },
    [0xbd] = { "MECHANISM STATUS",       mechanism_status,       0 },
    [0xbe] = { "READ CD",                read_cd,                MMC_MEDIUM },
};
/* clang-format on */

void mmc_run(MMCDrive *d, const uint8_t *cdb)
{
    const MMCCommand *c = &mmc_commands[cdb[0]];

    if (c->flags & MMC_POLL) {
        blk_poll_disc(d->blk);
    }
    if (c->flags & MMC_MEDIUM && !mmc_has_medium(d)) {
        d->ops->check(d, SENSE_NOT_READY, ASC_NO_MEDIUM, d->tray_open ? 2 : 1);
    } else {
        c->run(d, cdb);
    }
}
