/* SPDX-License-Identifier: MIT */
/*
 * USB mass storage (USB-IF, Mass Storage Class Bulk-Only Transport 1.0, with
 * the transparent SCSI command set).
 *
 *   OUT: CBW --> scsi_new, scsi_start          mode
 *   OUT or IN: data <--> the request's chunks  MODE_CBW -> MODE_DATA -> MODE_CSW
 *   IN: CSW <-- its status                        ^-------------------------'
 *
 * The mode is what the host wants next, the request says what the device has; a
 * request that is busy is a NAK, and its wake() is usb_ready().  Where both want
 * different things (the thirteen cases of chapter 6) the pipe halts, and the CSW
 * tells how much was left.
 *
 * Not modelled: commands across a snapshot: one that was under way when the
 * snapshot was made fails with a unit attention, on which hosts send it again;
 * START STOP UNIT and the last sense are forgotten.
 */
#include "hw/usb/storage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/scsi/scsi.h"
#include "hw/usb/usb.h"
#include "util/bits.h"
#include "util/log.h"

enum { EP_IN = 1, EP_OUT = 2, MAX_PACKET = 64 };
enum { REQUEST_RESET = 0xff, REQUEST_MAX_LUN = 0xfe };  /* 3.1, 3.2 */
enum { CBW_SIZE = 31, CSW_SIZE = 13, INQUIRY = 0x12, TEST_UNIT_READY = 0x00 };
#define CBW_SIGNATURE 0x43425355u
#define CSW_SIGNATURE 0x53425355u
enum { CSW_PASSED, CSW_FAILED, CSW_PHASE_ERROR };       /* table 5.3 */

/* MODE_RECOVERY: only Reset Recovery (5.3.4) leads out of it. */
enum { MODE_CBW, MODE_DATA, MODE_CSW, MODE_RECOVERY, NUM_MODES };

typedef struct Storage {
    USBDevice usb;
    SCSIBus scsi;
    Device *drive;                      /* our own scsi-hd or scsi-cd */
    SCSIRequest *req;                   /* of MODE_DATA, MODE_CSW; NULL: it is over */
    BlockDriverState *blk;              /* properties */
    char *serial;
    bool removable;

    uint8_t mode, to_host, error, opcode;
    uint32_t tag, residue, moved;
} Storage;

/* -- The command ------------------------------------------------------------- */

static void drop_request(Storage *s)
{
    if (s->req) {
        scsi_cancel(s->req);
        s->req = NULL;
    }
}

static void reset_transport(Storage *s)
{
    drop_request(s);
    s->mode = MODE_CBW;
    s->to_host = s->error = s->opcode = 0;
    s->tag = s->residue = s->moved = 0;
}

/* 6.6.1: not a CBW, or not a meaningful one. */
static USBStatus refuse_cbw(Storage *s)
{
    log_guest("usb-storage", "that is no command block wrapper");
    s->mode = MODE_RECOVERY;
    usb_halt(&s->usb, USB_IN, EP_IN);
    usb_halt(&s->usb, USB_OUT, EP_OUT);
    return USB_STALL;
}

/* 5.1 */
static USBStatus take_cbw(Storage *s, USBPacket *p)
{
    const uint8_t *b = p->data;
    unsigned lun = p->size == CBW_SIZE ? b[13] : 0, len = p->size == CBW_SIZE ? b[14] : 0;
    uint8_t cdb[SCSI_MAX_CDB] = { 0 };

    if (load_le(b, MIN(p->size, 4u)) != CBW_SIGNATURE || lun >= SCSI_MAX_LUNS || len < 1 ||
        len > SCSI_MAX_CDB || !s->drive) {
        return refuse_cbw(s);
    }
    s->tag = (uint32_t)load_le(b + 4, 4);
    s->residue = (uint32_t)load_le(b + 8, 4);
    s->to_host = b[12] >> 7;
    s->error = CSW_PASSED;
    s->opcode = b[15];
    s->moved = 0;
    memcpy(cdb, b + 15, len);
    drop_request(s);
    s->req = scsi_new(&s->scsi, 0, lun, SCSI_NO_TAG, cdb, MAX(len, 6u));
    if (s->req) {
        scsi_start(s->req);
    } else {
        s->error = CSW_FAILED;
    }
    s->mode = s->residue ? MODE_DATA : MODE_CSW;
    p->len = p->size;
    return USB_ACK;
}

/* -- Data -------------------------------------------------------------------- */

/* A stick says so in INQUIRY: SPC-3 6.4.2, RMB. */
static void mark_removable(const Storage *s, uint8_t *data, uint32_t n)
{
    if (s->opcode == INQUIRY && !(s->req->cdb[1] & 1) && s->moved <= 1 && n > 1 - s->moved) {
        data[1 - s->moved] |= 0x80;
    }
}

/* As much as both sides have; into or out of the packet. */
static void move_data(Storage *s, USBPacket *p, SCSIState state)
{
    while (s->req && s->req->state == state && p->len < p->size && s->residue) {
        uint32_t n = MIN(MIN(p->size - p->len, s->residue), s->req->avail);

        if (state == SCSI_DATA_IN) {
            memcpy(p->data + p->len, s->req->data, n);
            if (s->removable) {
                mark_removable(s, p->data + p->len, n);
            }
        } else {
            memcpy(s->req->data, p->data + p->len, n);
        }
        p->len += n;
        s->residue -= n;
        s->moved += n;
        scsi_moved(s->req, n);
    }
}

/* Cases 2, 3, 7, 8, 10, 13: the device wants other data than the host said. */
static void phase_error(Storage *s)
{
    log_guest("usb-storage", "command %02xh: its data are not as in the CBW", s->opcode);
    drop_request(s);
    s->error = CSW_PHASE_ERROR;
}

/* The device has no more for the host: a short packet said so, or a halt does. */
static USBStatus end_of_data(Storage *s, USBToken token, unsigned ep)
{
    s->mode = MODE_CSW;
    if (token == USB_IN && s->moved % MAX_PACKET) {
        return USB_ACK;
    }
    usb_halt(&s->usb, token, ep);
    return USB_STALL;
}

static USBStatus data_stage(Storage *s, USBPacket *p)
{
    bool in = p->token == USB_IN;
    unsigned ep = in ? EP_IN : EP_OUT;

    move_data(s, p, in ? SCSI_DATA_IN : SCSI_DATA_OUT);
    if (s->residue == 0) {
        s->mode = MODE_CSW;
        if (in || p->len == p->size) {
            return USB_ACK;
        }
        usb_halt(&s->usb, USB_OUT, EP_OUT);
        return USB_STALL;
    }
    if (p->len == p->size) {
        return USB_ACK;
    }
    if (s->req && s->req->state == SCSI_BUSY) {
        return USB_NAK;
    }
    if (s->req && s->req->state != SCSI_DONE) {
        phase_error(s);
    }
    return end_of_data(s, p->token, ep);
}

/* -- Status ------------------------------------------------------------------ */

/* 5.2 */
static USBStatus give_csw(Storage *s, USBPacket *p)
{
    uint8_t csw[CSW_SIZE];

    if (s->req && s->req->state == SCSI_BUSY) {
        return USB_NAK;
    }
    if (s->req && s->req->state != SCSI_DONE) {
        phase_error(s);
    }
    if (p->size < CSW_SIZE) {
        return USB_BABBLE;
    }
    if (s->req) {
        s->error = s->req->status == STATUS_GOOD ? CSW_PASSED : CSW_FAILED;
        scsi_free(s->req);
        s->req = NULL;
    }
    store_le(csw, CSW_SIGNATURE, 4);
    store_le(csw + 4, s->tag, 4);
    store_le(csw + 8, s->residue, 4);
    csw[12] = s->error;
    memcpy(p->data, csw, CSW_SIZE);
    p->len = CSW_SIZE;
    s->mode = MODE_CBW;
    return USB_ACK;
}

static USBStatus storage_transfer(USBDevice *d, USBPacket *p)
{
    Storage *s = (Storage *)d;
    bool in = p->token == USB_IN;

    switch (s->mode) {
    case MODE_CBW:
        return in ? USB_NAK : take_cbw(s, p);
    case MODE_DATA:
        if (in == s->to_host) {
            return data_stage(s, p);
        }
        break;
    case MODE_CSW:
        if (in) {
            return give_csw(s, p);
        }
        break;
    default:
        break;
    }
    if (in && s->mode == MODE_DATA) {
        return USB_NAK;                 /* the host is early */
    }
    usb_halt(d, p->token, in ? EP_IN : EP_OUT);
    return USB_STALL;
}

/* -- SCSI side --------------------------------------------------------------- */

static void scsi_wake(SCSIBus *bus, SCSIRequest *r)
{
    (void)r;
    usb_ready(&container_of(bus, Storage, scsi)->usb);
}

static void scsi_gone(SCSIBus *bus, SCSIRequest *r)
{
    Storage *s = container_of(bus, Storage, scsi);

    if (s->req == r) {
        s->req = NULL;
        s->error = CSW_FAILED;
        usb_ready(&s->usb);
    }
}

static const SCSIHostOps scsi_host_ops = { scsi_wake, scsi_gone };

/* -- USB side ---------------------------------------------------------------- */

static void storage_bus_reset(USBDevice *d)
{
    reset_transport((Storage *)d);
}

static int storage_control(USBDevice *d, const USBSetup *setup, uint8_t *data)
{
    Storage *s = (Storage *)d;

    if ((setup->type & ~USB_REQ_TO_HOST) != (USB_REQ_CLASS | USB_INTERFACE_TO)) {
        return -1;
    }
    switch (setup->request) {
    case REQUEST_RESET:                 /* halts stay: 3.1 */
        reset_transport(s);
        return 0;
    case REQUEST_MAX_LUN:
        data[0] = 0;
        return 1;
    default:
        return -1;
    }
}

/* clang-format off */
static const USBEndpoint endpoints[] = {
    { 0x80 | EP_IN, 2, MAX_PACKET, 0 },
    { EP_OUT,       2, MAX_PACKET, 0 },
};
/* clang-format on */

static const USBInterface interface = {
    .class = 0x08, .subclass = 0x06, .protocol = 0x50,
    .num_endpoints = ARRAY_SIZE(endpoints), .endpoints = endpoints,
};

static const USBDesc desc = {
    .speed = USB_FULL_SPEED, .vendor = 0x46f4, .product = 0x0001, .release = 0x0100,
    .max_packet0 = 64, .attributes = 0x40, .max_power = 0,
    .manufacturer_name = "QEMU", .product_name = "QEMU USB HARDDRIVE",
    .num_interfaces = 1, .interfaces = &interface,
};

static const USBDeviceOps storage_ops = {
    .desc = &desc,
    .control = storage_control,
    .transfer = storage_transfer,
    .reset = storage_bus_reset,
};

/* -- Life -------------------------------------------------------------------- */

static void storage_init(Device *d)
{
    Storage *s = (Storage *)d;

    scsi_bus_init(&s->scsi, d, &scsi_host_ops, 1, -1);
}

/* 4.1.1: at least twelve hexadecimal digits, another for each device. */
static void choose_serial(Storage *s)
{
    const char *conf = blk_conf(s->blk)->serial;
    uint64_t hash = 0xcbf29ce484222325u;        /* FNV-1a of the drive's name */

    for (const char *p = blk_name(s->blk); *p; p++) {
        hash = (hash ^ (uint8_t)*p) * 0x100000001b3u;
    }
    if (s->serial || conf[0]) {
        snprintf(s->usb.serial, sizeof(s->usb.serial), "%s", s->serial ? s->serial : conf);
    } else {
        snprintf(s->usb.serial, sizeof(s->usb.serial), "%016llX", (unsigned long long)hash);
    }
}

static int storage_realize(Device *d, Error *err)
{
    Storage *s = (Storage *)d;

    if (!s->blk) {
        return error_set(err, EINVAL, "usb-storage: drive= is missing: give -drive if=none,id=ID,"
                         "file=FILE and drive=ID");
    }
    s->drive = scsi_new_drive(&s->scsi, s->blk, s->serial, err);
    if (!s->drive) {
        return -EINVAL;
    }
    choose_serial(s);
    return usb_plug(&s->usb, err);
}

static void storage_reset(Device *d)
{
    Storage *s = (Storage *)d;

    drop_request(s);
    if (s->drive) {
        device_reset(s->drive);
    }
    usb_power_on(&s->usb);
    s->mode = MODE_CBW;
}

/* The attention of power-on is not for a host that knows the drive already. */
static void take_attention(Storage *s)
{
    const uint8_t cdb[6] = { TEST_UNIT_READY };
    SCSIRequest *r = scsi_new(&s->scsi, 0, 0, SCSI_NO_TAG, cdb, sizeof(cdb));

    if (r) {
        scsi_start(r);
        scsi_cancel(r);
    }
}

static int storage_post_load(Device *d, Error *err)
{
    Storage *s = (Storage *)d;

    if (s->mode >= NUM_MODES || s->error > CSW_PHASE_ERROR) {
        return error_set(err, EINVAL, "usb-storage: the snapshot is damaged");
    }
    s->to_host = s->to_host != 0;
    drop_request(s);
    if (s->drive) {
        device_reset(s->drive);
    }
    if (s->mode == MODE_DATA || s->mode == MODE_CSW) {
        s->error = CSW_FAILED;
    } else if (s->drive) {
        take_attention(s);
    }
    return usb_device_post_load(&s->usb, err);
}

static void storage_free(Device *d)
{
    Storage *s = (Storage *)d;

    usb_unplug(&s->usb);
    drop_request(s);
    device_free(s->drive);
    scsi_bus_free(&s->scsi);
}

static const VMField storage_vmstate[] = {
    VM_USB_DEVICE(Storage, usb),
    VM_FIELD(Storage, mode),
    VM_FIELD(Storage, to_host),
    VM_FIELD(Storage, error),
    VM_FIELD(Storage, opcode),
    VM_FIELD(Storage, tag),
    VM_FIELD(Storage, residue),
    VM_FIELD(Storage, moved),
    VM_END
};

static const PropDef storage_props[] = {
    { "drive", PROP_DRIVE, offsetof(Storage, blk), 0, "the block drive" },
    { "serial", PROP_STRING, offsetof(Storage, serial), 0, "serial number" },
    { "removable", PROP_BOOL, offsetof(Storage, removable), 0, "what INQUIRY says" },
    USB_PROPS(Storage, usb),
    { .name = NULL }
};

const DeviceType usb_storage_type = {
    .name           = "usb-storage",
    .desc           = "USB memory stick, disk or CD drive",
    .manual         = "USB MSC Bulk-Only 1.0",
    .bus            = "usb",
    .state_size     = sizeof(Storage),
    .props          = storage_props,
    .vmstate        = storage_vmstate,
    .user_creatable = true,
    .init           = storage_init,
    .realize        = storage_realize,
    .reset          = storage_reset,
    .post_load      = storage_post_load,
    .free           = storage_free,
    .bus_ops        = &storage_ops,
};
