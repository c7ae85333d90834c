/* SPDX-License-Identifier: MIT */
/*
 * SCSI (SAM-3): a bus, its devices, and requests, as host adapters see them.
 *
 *   adapter -- scsi_new(), scsi_start() --> SCSIRequest --> device (disk.c, cd.c)
 *      ^                                        |
 *      '---------- SCSIHostOps.wake() <---------'
 *
 * An adapter is whatever takes commands from the guest: a SCSI chip, a USB
 * mass storage device.  It has a SCSIBus in its state and calls scsi_bus_init()
 * in init().  Up to 16 targets with up to 8 LUNs each; one initiator.
 *
 * A request is a thing to look at.  After scsi_start() and after scsi_moved(),
 * and whenever wake(r) comes, r->state says what is next:
 *
 *   SCSI_BUSY      nothing: the device works, wake(r) comes when it is over
 *   SCSI_DATA_IN   r->data has r->avail bytes for the guest: take 1 to avail of
 *                  them, then scsi_moved(r, n)
 *   SCSI_DATA_OUT  r->data has room for r->avail bytes of the guest: put 1 to
 *                  avail, then scsi_moved(r, n)
 *   SCSI_DONE      r->status, and with CHECK CONDITION r->sense (autosense:
 *                  take it or let the guest send REQUEST SENSE); scsi_free(r)
 *
 * A long transfer comes in several chunks, with SCSI_BUSY between them: that is
 * where a bus with disconnection disconnects.  An adapter that has no more data
 * to move while the device wants some says scsi_end_data(r); it counts itself
 * what was left over.
 *
 * wake() comes from the main loop or from a drain of the block layer, never
 * from inside a call of the adapter's.  Nothing here blocks, but scsi_cancel()
 * and resets, which wait for the host to be done with the memory.
 *
 * Sense: after CHECK CONDITION it is kept for REQUEST SENSE until another
 * command comes.  Unit attentions (reset, new medium) end the next command that
 * is not INQUIRY, REPORT LUNS or REQUEST SENSE.
 *
 * Snapshots: requests are in the device's.  After a load they start again where
 * they were and wake() follows; an adapter finds them with scsi_next() and
 * knows them by id, lun, tag and its two words `host`.
 *
 * Threads: with the global lock.
 */
#ifndef HW_SCSI_SCSI_H
#define HW_SCSI_SCSI_H

#include "block/block.h"
#include "hw/core/device.h"

enum { SCSI_MAX_TARGETS = 16, SCSI_MAX_LUNS = 8, SCSI_MAX_CDB = 16, SCSI_SENSE = 18 };

/* Status codes, SAM-3 5.3.1. */
enum { STATUS_GOOD = 0x00, STATUS_CHECK = 0x02, STATUS_CONDITION_MET = 0x04,
       STATUS_BUSY = 0x08, STATUS_TASK_SET_FULL = 0x28 };

/* A tag is 0 to 255, or this: an untagged command. */
enum { SCSI_NO_TAG = 0x100 };

typedef struct SCSIBus SCSIBus;
typedef struct SCSIDevice SCSIDevice;
typedef struct SCSIRequest SCSIRequest;

typedef enum SCSIState {
    SCSI_FREE, SCSI_BUSY, SCSI_DATA_IN, SCSI_DATA_OUT, SCSI_DONE, SCSI_NUM_STATES
} SCSIState;

struct SCSIRequest {
    SCSIDevice *dev;
    uint8_t state;                      /* SCSIState */
    uint8_t id, lun;                    /* as the adapter gave them */
    uint8_t status;
    uint32_t tag;
    uint8_t cdb[SCSI_MAX_CDB];
    uint8_t sense[SCSI_SENSE];          /* fixed format, with STATUS_CHECK */
    uint8_t *data;
    uint32_t avail;
    uint64_t moved;                     /* bytes so far, scsi_moved() counts */
    uint32_t host[2];                   /* the adapter's own */

    /* The device's: */
    uint8_t *buf;
    uint32_t buf_size, filled;
    uint64_t pos, left, skip;           /* bytes */
    uint8_t fua;
    BlockAIOCB *aio;
    QEMUIOVector qiov;
    struct iovec one;
    void (*then)(SCSIRequest *r, int ret);      /* aio is done */
    void (*next)(SCSIRequest *r);       /* the chunk was taken; or `filled` came */
};

typedef struct SCSIHostOps {
    /* It is not SCSI_BUSY any more. */
    void (*wake)(SCSIBus *bus, SCSIRequest *r);
    /* Forget it: its device was reset or removed, not by the adapter. */
    void (*gone)(SCSIBus *bus, SCSIRequest *r);
} SCSIHostOps;

struct SCSIBus {
    Device *host;
    const SCSIHostOps *ops;
    unsigned num_targets;               /* 1 to SCSI_MAX_TARGETS */
    int own_id;                         /* the adapter's, no target; -1: none */
    SCSIDevice *devices;
};

/* -- Bus --------------------------------------------------------------------- */

/*
 * The adapter's DeviceType says that and where it has a bus:
 *   .has_bus = "scsi", .has_bus_at = offsetof(State, bus)
 * Drives find it by their property "bus"; without one, the machine's first.
 */
void scsi_bus_init(SCSIBus *bus, Device *host, const SCSIHostOps *ops,
                   unsigned num_targets, int own_id);
/* In free(): devices stay, without a bus. */
void scsi_bus_free(SCSIBus *bus);
bool scsi_has_target(const SCSIBus *bus, unsigned id);
/*
 * For an adapter with a drive of its own (USB): a realized scsi-hd, or a scsi-cd
 * if blk_conf() says so, at target 0, LUN 0.  The adapter resets it and frees it
 * with device_free(), before scsi_bus_free().
 */
Device *scsi_new_drive(SCSIBus *bus, BlockDriverState *blk, const char *serial,
                       Error *err);

/* -- Requests ---------------------------------------------------------------- */

/*
 * len 6 to 16 (SCSI_MAX_CDB); the target must be there, the LUN need not: it
 * then answers as SPC-3 wants.  NULL: too many; report TASK SET FULL.
 */
SCSIRequest *scsi_new(SCSIBus *bus, unsigned id, unsigned lun, uint32_t tag,
                      const uint8_t *cdb, unsigned len);
/* Length of a CDB by its first byte, SPC-3 4.3.4.1: 6, 10, 12 or 16. */
unsigned scsi_cdb_length(uint8_t opcode);
void scsi_start(SCSIRequest *r);
void scsi_moved(SCSIRequest *r, uint32_t n);
void scsi_end_data(SCSIRequest *r);
void scsi_free(SCSIRequest *r);         /* SCSI_DONE only */

/* Abort; r is free on return.  Also of a request that is done. */
void scsi_cancel(SCSIRequest *r);
/* Cancel all of a target's, or of everybody's, and unit attention. */
void scsi_reset_target(SCSIBus *bus, unsigned id);
void scsi_reset_bus(SCSIBus *bus);

/* The one after r; NULL: the first, none.  Order is by device, then slot. */
SCSIRequest *scsi_next(const SCSIBus *bus, const SCSIRequest *r);
SCSIRequest *scsi_find(const SCSIBus *bus, unsigned id, unsigned lun, uint32_t tag);

/* -- Devices ----------------------------------------------------------------- */

/*
 * scsi-hd, scsi-cd: properties bus (link to an adapter), scsi-id, lun, drive,
 * serial, vendor, product, ver.  In a board's table, below the adapter's row:
 *   { "scsi-disk0", &scsi_hd_type, .props = "bus=lsi,scsi-id=0,drive=@scsi0" }
 */
extern const DeviceType scsi_hd_type, scsi_cd_type;

#endif
