/* SPDX-License-Identifier: MIT */
/*
 * Commands that every SCSI device has (SPC-3, T10/1416-D): INQUIRY with vital
 * product data, REQUEST SENSE, REPORT LUNS; and what a target says for a LUN
 * that is not there.
 *
 * Not modelled: descriptor format sense data, persistent reservations.
 */
#include <stdio.h>
#include <string.h>

#include "hw/scsi/scsi-int.h"
#include "util/bits.h"

enum { INQUIRY_LENGTH = 96, NO_LUN = 0x7f };

/* ASCII fields are padded with blanks, 4.4.1. */
static void put_text(uint8_t *out, const char *s, size_t len)
{
    memset(out, ' ', len);
    memcpy(out, s, MIN(strlen(s), len));
}

static const char *vendor(const SCSIDevice *d)
{
    return d->vendor ? d->vendor : "QEMU";
}

static const char *product(const SCSIDevice *d)
{
    return d->product ? d->product : d->unit->product;
}

/* What tells this drive from others: its serial number, or its drive's name. */
static const char *identity(const SCSIDevice *d)
{
    return d->serial ? d->serial : *blk_conf(d->blk)->serial ? blk_conf(d->blk)->serial
                                                             : blk_name(d->blk);
}

/* -- INQUIRY, 6.4 ------------------------------------------------------------ */

static unsigned put_page_list(const SCSIDevice *d, uint8_t *p)
{
    unsigned n = 0;

    p[n++] = 0x00;
    p[n++] = 0x80;
    p[n++] = 0x83;
    for (const uint8_t *page = d->unit->vpd_pages; page && *page; page++) {
        p[n++] = *page;
    }
    return n;
}

static unsigned put_serial(const SCSIDevice *d, uint8_t *p)
{
    unsigned len = (unsigned)MIN(strlen(identity(d)), 64);

    memcpy(p, identity(d), len);
    return len;
}

/* 7.6.3: one designator, the vendor's own (T10 vendor identification). */
static unsigned put_designator(const SCSIDevice *d, uint8_t *p)
{
    unsigned len = (unsigned)MIN(strlen(identity(d)), 64);

    p[0] = 0x02;                        /* ASCII */
    p[1] = 0x01;
    p[3] = (uint8_t)(8 + 16 + len);
    put_text(p + 4, vendor(d), 8);
    put_text(p + 12, product(d), 16);
    memcpy(p + 28, identity(d), len);
    return 28 + len;
}

static unsigned put_vpd(SCSIDevice *d, uint8_t page, uint8_t *p)
{
    switch (page) {
    case 0x00: return put_page_list(d, p);
    case 0x80: return put_serial(d, p);
    case 0x83: return put_designator(d, p);
    default:   return d->unit->vpd ? d->unit->vpd(d, page, p) : 0;
    }
}

static void vital_product_data(SCSIRequest *r, uint32_t room)
{
    SCSIDevice *d = r->dev;
    uint8_t *b = scsi_buffer(r, 4096);
    unsigned len = put_vpd(d, r->cdb[2], b + 4);

    if (!len) {
        scsi_bad_field(r);
        return;
    }
    b[0] = d->unit->type;
    b[1] = r->cdb[2];
    store_be(b + 2, len, 2);
    scsi_reply(r, 4 + len, room);
}

/* Versions, 6.4.2: SAM-3, SPC-3, and the device's own set. */
static void put_versions(const SCSIDevice *d, uint8_t *p)
{
    store_be(p, 0x0060, 2);
    store_be(p + 2, 0x0300, 2);
    store_be(p + 4, d->unit->type == 0 ? 0x0320 : 0x02a0, 2);   /* SBC-2, MMC-3 */
}

static void put_inquiry(const SCSIDevice *d, uint8_t *b)
{
    b[0] = d->unit->type;
    b[1] = d->unit->removable ? 0x80 : 0;
    b[2] = 5;                           /* SPC-3 */
    b[3] = 0x12;                        /* hierarchical LUNs, format 2 */
    b[4] = INQUIRY_LENGTH - 5;
    b[7] = 0x32;                        /* 16 bits wide, synchronous, queueing */
    put_text(b + 8, vendor(d), 8);
    put_text(b + 16, product(d), 16);
    put_text(b + 32, d->ver ? d->ver : CONFIG_VERSION, 4);
    put_versions(d, b + 58);
}

void spc_inquiry(SCSIRequest *r)
{
    uint32_t room = (uint32_t)load_be(r->cdb + 3, 2);

    if (r->cdb[1] & 1) {
        vital_product_data(r, room);
    } else if (r->cdb[1] & 2 || r->cdb[2]) {
        scsi_bad_field(r);
    } else {
        put_inquiry(r->dev, scsi_buffer(r, INQUIRY_LENGTH));
        scsi_reply(r, INQUIRY_LENGTH, room);
    }
}

/* -- REQUEST SENSE, 6.27 ----------------------------------------------------- */

void spc_request_sense(SCSIRequest *r)
{
    SCSIDevice *d = r->dev;
    uint8_t *b = scsi_buffer(r, SCSI_SENSE);

    if (r->cdb[1] & 1) {                /* descriptor format */
        scsi_bad_field(r);
        return;
    }
    if (d->sense[2]) {
        memcpy(b, d->sense, SCSI_SENSE);
    } else if (d->attention) {
        scsi_put_sense(b, SENSE_ATTENTION, d->attention, d->attention_q);
        d->attention = 0;
    } else {
        scsi_put_sense(b, SENSE_NONE, 0, 0);
    }
    memset(d->sense, 0, SCSI_SENSE);
    scsi_reply(r, SCSI_SENSE, r->cdb[4]);
}

/* -- REPORT LUNS, 6.21 ------------------------------------------------------- */

void spc_report_luns(SCSIRequest *r)
{
    uint32_t room = (uint32_t)load_be(r->cdb + 6, 4), len = 8;
    uint8_t *b = scsi_buffer(r, 8 + 8 * SCSI_MAX_LUNS);

    if (r->cdb[2] > 2 || room < 16) {
        scsi_bad_field(r);
        return;
    }
    /* SELECT REPORT 1: well known LUNs only, and there are none. */
    for (unsigned lun = 0; lun < SCSI_MAX_LUNS && r->cdb[2] != 1; lun++) {
        for (const SCSIDevice *d = r->dev->bus->devices; d; d = d->next) {
            if (d->id == r->id && d->lun == lun) {
                b[len + 1] = (uint8_t)lun;
                len += 8;
            }
        }
    }
    store_be(b, len - 8, 4);
    scsi_reply(r, len, room);
}

/* -- A LUN that is not there, 4.5.6 and 6.4.2 -------------------------------- */

static void no_lun_sense(SCSIRequest *r)
{
    scsi_put_sense(scsi_buffer(r, SCSI_SENSE), SENSE_ILLEGAL, ASC_NO_LUN, 0);
    scsi_reply(r, SCSI_SENSE, r->cdb[4]);
}

static void no_lun_inquiry(SCSIRequest *r)
{
    uint8_t *b = scsi_buffer(r, 36);

    if (r->cdb[1] & 3 || r->cdb[2]) {
        scsi_bad_field(r);
        return;
    }
    b[0] = NO_LUN;                      /* not capable of supporting a device */
    b[2] = 5;
    b[3] = 0x12;
    b[4] = 36 - 5;
    memset(b + 8, ' ', 28);
    scsi_reply(r, 36, load_be(r->cdb + 3, 2));
}

void spc_no_lun(SCSIRequest *r)
{
    switch (r->cdb[0]) {
    case 0x03: no_lun_sense(r); break;
    case 0x12: no_lun_inquiry(r); break;
    case 0xa0: spc_report_luns(r); break;
    default:   scsi_check(r, SENSE_ILLEGAL, ASC_NO_LUN, 0);
    }
}

void spc_good(SCSIRequest *r)
{
    scsi_good(r);
}
