/* SPDX-License-Identifier: MIT */
/*
 * Pages of a SCSI disk: MODE SENSE and SELECT (SPC-3 6.8, 7.4; SBC-2 6.3), LOG
 * SENSE, and vital product data about blocks (SBC-3 6.5).
 *
 * A mode page is one function that writes its current values.  All values are
 * fixed, but one bit, WCE; so a MODE SELECT is legal if it says what MODE SENSE
 * says, give or take that bit.
 *
 * Not modelled: saved pages, other block lengths, informational exceptions.
 */
#include <string.h>

#include "hw/scsi/scsi-int.h"
#include "util/bits.h"

enum { PAGE_ERROR = 0x01, PAGE_DISCONNECT = 0x02, PAGE_FORMAT = 0x03, PAGE_GEOMETRY = 0x04,
       PAGE_CACHING = 0x08, PAGE_CONTROL = 0x0a, PAGE_ALL = 0x3f };
enum { CURRENT = 0, CHANGEABLE = 1, DEFAULT = 2, SAVED = 3 };
enum { WCE = 4, RPM = 7200 };

/* -- Mode pages -------------------------------------------------------------- */

static void put_error(const SCSIDevice *d, uint8_t *p)
{
    (void)d;
    p[2] = 0xc0;                        /* AWRE, ARRE: reallocates by itself */
}

static void put_disconnect(const SCSIDevice *d, uint8_t *p)
{
    (void)d;
    (void)p;                            /* ratios and limits: the device chooses */
}

static void put_format(const SCSIDevice *d, uint8_t *p)
{
    uint32_t cyls, heads, secs;

    blk_geometry(d->blk, &cyls, &heads, &secs);
    store_be(p + 2, heads, 2);          /* tracks per zone */
    store_be(p + 10, secs, 2);
    store_be(p + 12, DISK_BLOCK, 2);
    store_be(p + 14, 1, 2);             /* interleave */
    p[20] = 0x40;                       /* hard sectored */
}

static void put_geometry(const SCSIDevice *d, uint8_t *p)
{
    uint32_t cyls, heads, secs;
    uint64_t all;

    blk_geometry(d->blk, &cyls, &heads, &secs);
    all = blk_length(d->blk) / DISK_BLOCK / MAX(heads * secs, 1u);
    store_be(p + 2, MIN(all, 0xffffff), 3);
    p[5] = (uint8_t)heads;
    store_be(p + 20, RPM, 2);
}

static void put_caching(const SCSIDevice *d, uint8_t *p)
{
    p[2] = d->write_cache ? WCE : 0;
}

static void put_control(const SCSIDevice *d, uint8_t *p)
{
    (void)d;
    p[3] = 0x10;                        /* unrestricted reordering */
}

static const struct ModePage {
    uint8_t code, len;                  /* with the two bytes of the header */
    void (*put)(const SCSIDevice *d, uint8_t *p);
} mode_pages[] = {
    { PAGE_ERROR,      12, put_error },
    { PAGE_DISCONNECT, 16, put_disconnect },
    { PAGE_FORMAT,     24, put_format },
    { PAGE_GEOMETRY,   24, put_geometry },
    { PAGE_CACHING,    20, put_caching },
    { PAGE_CONTROL,    12, put_control },
};

static const struct ModePage *find_page(uint8_t code)
{
    for (size_t i = 0; i < ARRAY_SIZE(mode_pages); i++) {
        if (mode_pages[i].code == code) {
            return &mode_pages[i];
        }
    }
    return NULL;
}

static void put_page(const SCSIDevice *d, const struct ModePage *page, uint8_t control,
                     uint8_t *p)
{
    memset(p, 0, page->len);
    if (control != CHANGEABLE) {
        page->put(d, p);
        if (page->code == PAGE_CACHING && control == DEFAULT) {
            p[2] = d->def_write_cache ? WCE : 0;
        }
    } else if (page->code == PAGE_CACHING) {
        p[2] = WCE;
    }
    p[0] = page->code;
    p[1] = page->len - 2;
}

/* -- MODE SENSE -------------------------------------------------------------- */

/* 7.4.4: of 8 bytes, or 16 if the blocks have no 32-bit number. */
static unsigned put_block_descriptor(const SCSIDevice *d, uint8_t *p, bool may_be_long)
{
    uint64_t num = blk_length(d->blk) / DISK_BLOCK;

    if (may_be_long) {
        store_be(p, num, 8);
        store_be(p + 12, DISK_BLOCK, 4);
        return 16;
    }
    store_be(p, num > 0xffffff ? 0 : num, 4);
    store_be(p + 5, DISK_BLOCK, 3);
    return 8;
}

static unsigned put_pages(const SCSIDevice *d, uint8_t code, uint8_t control, uint8_t *p)
{
    unsigned len = 0;

    for (size_t i = 0; i < ARRAY_SIZE(mode_pages); i++) {
        if (code == PAGE_ALL || code == mode_pages[i].code) {
            put_page(d, &mode_pages[i], control, p + len);
            len += mode_pages[i].len;
        }
    }
    return len;
}

void disk_mode_sense(SCSIRequest *r)
{
    const uint8_t *cdb = r->cdb;
    SCSIDevice *d = r->dev;
    bool ten = cdb[0] == 0x5a, no_blocks = cdb[1] & 8, long_lba = ten && cdb[1] & 16;
    uint8_t code = cdb[2] & 0x3f, control = cdb[2] >> 6, sub = cdb[3];
    uint8_t *b = scsi_buffer(r, 512);
    unsigned head = ten ? 8 : 4, blocks, len;

    if (control == SAVED) {
        scsi_check(r, SENSE_ILLEGAL, ASC_NO_SAVING, 0);
        return;
    }
    blocks = no_blocks ? 0 : put_block_descriptor(d, b + head, long_lba);
    len = put_pages(d, code, control, b + head + blocks);
    if (!len || (sub && !(code == PAGE_ALL && sub == 0xff))) {
        scsi_bad_field(r);
        return;
    }
    len += head + blocks;
    uint8_t specific = 0x10 | (blk_is_read_only(d->blk) ? 0x80 : 0);    /* DPOFUA, WP */
    if (ten) {
        store_be(b, len - 2, 2);
        b[3] = specific;
        b[4] = blocks == 16;
        b[7] = (uint8_t)blocks;
    } else {
        b[0] = (uint8_t)(len - 1);
        b[2] = specific;
        b[3] = (uint8_t)blocks;
    }
    scsi_reply(r, len, ten ? load_be(cdb + 7, 2) : cdb[4]);
}

/* -- MODE SELECT ------------------------------------------------------------- */

/* One page of the list: how long it is, 0 if it cannot be so. */
static unsigned check_page(const SCSIDevice *d, const uint8_t *p, unsigned left)
{
    const struct ModePage *page = left >= 2 ? find_page(p[0] & 0x3f) : NULL;
    uint8_t now[32], mask[32];

    if (!page || p[0] & 0x40 || page->len > left || p[1] != page->len - 2) {
        return 0;
    }
    put_page(d, page, CURRENT, now);
    put_page(d, page, CHANGEABLE, mask);
    for (unsigned i = 2; i < page->len; i++) {
        if ((now[i] ^ p[i]) & ~mask[i]) {
            return 0;
        }
    }
    return page->len;
}

static void apply_page(SCSIDevice *d, const uint8_t *p)
{
    if ((p[0] & 0x3f) == PAGE_CACHING) {
        d->write_cache = (p[2] & WCE) != 0;
        blk_set_write_cache(d->blk, d->write_cache);
    }
}

/* Nothing of a list is done if some of it is wrong (SPC-3 6.7). */
static void mode_list(SCSIRequest *r)
{
    bool ten = r->cdb[0] == 0x55;
    unsigned head = ten ? 8 : 4, len = r->filled;
    const uint8_t *b = r->buf;

    if (len < head) {
        scsi_check(r, SENSE_ILLEGAL, ASC_LIST_LENGTH, 0);
        return;
    }
    unsigned blocks = ten ? (unsigned)load_be(b + 6, 2) : b[3], from = head + blocks;
    if ((blocks != 0 && blocks != 8 && blocks != 16) || from > len) {
        scsi_check(r, SENSE_ILLEGAL, ASC_BAD_PARAMETER, 0);
        return;
    }
    if (blocks && load_be(b + head + (blocks == 8 ? 5 : 13), 3) != DISK_BLOCK) {
        scsi_check(r, SENSE_ILLEGAL, ASC_BAD_PARAMETER, 0);
        return;
    }
    for (unsigned at = from, n; at < len; at += n) {
        n = check_page(r->dev, b + at, len - at);
        if (!n) {
            scsi_check(r, SENSE_ILLEGAL, ASC_BAD_PARAMETER, 0);
            return;
        }
    }
    for (unsigned at = from; at < len; at += b[at + 1] + 2u) {
        apply_page(r->dev, b + at);
    }
    scsi_good(r);
}

void disk_mode_select(SCSIRequest *r)
{
    uint32_t len = r->cdb[0] == 0x55 ? (uint32_t)load_be(r->cdb + 7, 2) : r->cdb[4];

    if (r->cdb[1] & 1) {                /* save pages */
        scsi_bad_field(r);
    } else {
        scsi_receive(r, len, mode_list);
    }
}

/* -- LOG SENSE, 6.6: the list of pages, which is the only one ---------------- */

void disk_log_sense(SCSIRequest *r)
{
    uint8_t *b = scsi_buffer(r, 5);

    if (r->cdb[1] & 1 || r->cdb[2] & 0x3f || r->cdb[3]) {
        scsi_bad_field(r);
        return;
    }
    b[3] = 1;
    scsi_reply(r, 5, load_be(r->cdb + 7, 2));
}

/* -- Vital product data ------------------------------------------------------ */

enum { VPD_LIMITS = 0xb0, VPD_CHARACTERISTICS = 0xb1, VPD_PROVISIONING = 0xb2 };

const uint8_t disk_vpd_pages[] = { VPD_LIMITS, VPD_CHARACTERISTICS, VPD_PROVISIONING, 0 };

/* Offsets are those of the page less its header of 4. */
static unsigned put_limits(uint8_t *p)
{
    store_be(p + 8, SCSI_CHUNK / DISK_BLOCK, 4);        /* optimal transfer */
    store_be(p + 16, UINT32_MAX, 4);                    /* UNMAP: blocks, ranges */
    store_be(p + 20, DISK_MAX_UNMAP, 4);
    store_be(p + 32, UINT32_MAX, 8);                    /* WRITE SAME */
    return 0x3c;
}

static unsigned put_characteristics(uint8_t *p)
{
    store_be(p, RPM, 2);
    return 0x3c;
}

/* UNMAP, and WRITE SAME (10) and (16) of zeroes, give room back. */
static unsigned put_provisioning(uint8_t *p)
{
    p[1] = 0x80;
    p[2] = 2;                           /* thin */
    return 4;
}

unsigned disk_vpd(SCSIDevice *d, uint8_t page, uint8_t *out)
{
    (void)d;
    switch (page) {
    case VPD_LIMITS:          return put_limits(out);
    case VPD_CHARACTERISTICS: return put_characteristics(out);
    case VPD_PROVISIONING:    return put_provisioning(out);
    default:                  return 0;
    }
}
