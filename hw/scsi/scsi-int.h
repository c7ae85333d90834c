/* SPDX-License-Identifier: MIT */
/*
 * Between the devices of hw/scsi.
 *
 *   scsi-bus.c  requests: slots, life, resets     spc.c   INQUIRY, sense, LUNs
 *   disk.c      scsi-hd: blocks                   disk-mode.c  its pages
 *   cd.c        scsi-cd: mmc.c for everything
 *
 * A command is a row of a table.  run() ends in one of
 *
 *   scsi_good(), scsi_check()      status
 *   scsi_reply(r, len, room)       buf[0..len) to the guest, then GOOD
 *   scsi_receive(r, len, next)     len bytes into buf, then next(r)
 *   an aio on the drive            r->aio = blk_aio_...(..., scsi_aio_done, r)
 *                                  with r->then set; state SCSI_BUSY
 *
 * and so does each next() and then().  Buffers hold SCSI_CHUNK bytes at most.
 */
#ifndef HW_SCSI_SCSI_INT_H
#define HW_SCSI_SCSI_INT_H

#include "hw/scsi/scsi.h"
#include "hw/scsi/sense.h"

enum { SCSI_MAX_REQUESTS = 64, SCSI_CHUNK = 512 << 10 };

enum { CMD_UA_OK = 1,                   /* also with a unit attention pending */
       CMD_MEDIUM = 2 };                /* needs a medium, and the unit started */

typedef struct SCSICommand {
    const char *name;
    void (*run)(SCSIRequest *r);
    uint8_t flags;
} SCSICommand;

typedef struct SCSIUnit {               /* what differs between hd and cd */
    uint8_t type;                       /* peripheral device type */
    bool removable;
    const char *product;
    const SCSICommand *commands;        /* 256, by opcode */
    /* A VPD page of its own: its length, 0 if there is none. */
    unsigned (*vpd)(SCSIDevice *d, uint8_t page, uint8_t *out);
    const uint8_t *vpd_pages;           /* their numbers, 0-terminated */
} SCSIUnit;

struct SCSIDevice {
    Device dev;
    const SCSIUnit *unit;
    SCSIBus *bus;
    SCSIDevice *next;

    /* Properties */
    Device *link;
    uint32_t id, lun;
    BlockDriverState *blk;
    char *serial, *vendor, *product, *ver;

    uint8_t sense[SCSI_SENSE];          /* for REQUEST SENSE; [2] 0: none */
    uint8_t attention, attention_q;     /* ASC, ASCQ of the pending one; 0: none */
    uint8_t stopped, write_cache, def_write_cache;
    SCSIRequest req[SCSI_MAX_REQUESTS];
    Timer loaded;                       /* wakes the adapter after a snapshot */
};

/* -- scsi-bus.c -------------------------------------------------------------- */

uint8_t *scsi_buffer(SCSIRequest *r, uint32_t size);    /* r->buf, zeroed when small */
void scsi_good(SCSIRequest *r);
void scsi_check(SCSIRequest *r, uint8_t key, uint8_t asc, uint8_t ascq);
/* The same, of a block that failed. */
void scsi_check_at(SCSIRequest *r, uint8_t key, uint8_t asc, uint8_t ascq, uint64_t lba);
void scsi_bad_field(SCSIRequest *r);
void scsi_reply(SCSIRequest *r, uint32_t len, uint64_t room);
void scsi_data_in(SCSIRequest *r, uint32_t len);        /* a chunk; r->left is after it */
void scsi_receive(SCSIRequest *r, uint32_t len, void (*next)(SCSIRequest *r));
void scsi_aio_done(void *opaque, int ret);
/* A host error as sense. */
void scsi_io_error(SCSIRequest *r, int ret, bool write, uint64_t lba);
/* A unit attention for the next command. */
void scsi_attention(SCSIDevice *d, uint8_t asc, uint8_t ascq);
void scsi_put_sense(uint8_t out[SCSI_SENSE], uint8_t key, uint8_t asc, uint8_t ascq);

void scsi_device_init(Device *dev);
int scsi_device_attach(SCSIDevice *d, const SCSIUnit *unit, const BlockDevOps *ops,
                       void *opaque, Error *err);
void scsi_device_reset(SCSIDevice *d);
int scsi_device_post_load(SCSIDevice *d, Error *err);
void scsi_device_free(Device *dev);
extern const VMField scsi_device_vmstate[];
#define VM_SCSI_DEVICE(type, m) VM_STRUCTS(type, m, 1, scsi_device_vmstate)

/* -- spc.c: commands that all devices have ----------------------------------- */

void spc_request_sense(SCSIRequest *r);
void spc_inquiry(SCSIRequest *r);
void spc_report_luns(SCSIRequest *r);
void spc_good(SCSIRequest *r);          /* commands that need nothing done */
void spc_no_lun(SCSIRequest *r);        /* any command to a LUN that is not there */

/* -- disk-mode.c ------------------------------------------------------------- */

void disk_mode_sense(SCSIRequest *r);
void disk_mode_select(SCSIRequest *r);
void disk_log_sense(SCSIRequest *r);
unsigned disk_vpd(SCSIDevice *d, uint8_t page, uint8_t *out);
extern const uint8_t disk_vpd_pages[];

enum { DISK_BLOCK = BDRV_SECTOR_SIZE, DISK_MAX_UNMAP = 255 };

#define SCSI_PROP(type, n, k, f, def, help) { n, k, offsetof(type, f), def, help }
#define SCSI_DEVICE_PROPS(T, m)                                                       \
    SCSI_PROP(T, "bus", PROP_LINK, m.link, 0, "the adapter; default: the first"),     \
    SCSI_PROP(T, "scsi-id", PROP_U32, m.id, UINT32_MAX, "target; default: a free one"), \
    SCSI_PROP(T, "lun", PROP_U32, m.lun, 0, "logical unit, 0 to 7"),                  \
    SCSI_PROP(T, "drive", PROP_DRIVE, m.blk, 0, "the block drive"),                   \
    SCSI_PROP(T, "serial", PROP_STRING, m.serial, 0, "serial number"),                \
    SCSI_PROP(T, "vendor", PROP_STRING, m.vendor, 0, "vendor, 8 characters"),         \
    SCSI_PROP(T, "product", PROP_STRING, m.product, 0, "product, 16 characters"),     \
    SCSI_PROP(T, "ver", PROP_STRING, m.ver, 0, "revision, 4 characters")

#endif
