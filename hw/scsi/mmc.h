/* SPDX-License-Identifier: MIT */
/*
 * A CD/DVD-ROM drive: what its commands mean (mmc.c), whatever carries them.
 *
 *   ide-cd (hw/ide/atapi.c)  --+
 *                              +-- mmc_run() --> one end of MMCOps
 *   scsi-cd (hw/scsi/cd.c)   --+
 *
 * The carrier embeds an MMCDrive.  It keeps sense data and unit attentions,
 * answers REQUEST SENSE and INQUIRY, and gives mmc_run() everything else that
 * mmc_commands knows.  Each mmc_run() and mmc_mode_data() calls exactly one end,
 * before it returns.  Replies are built in drive->buffer, MMC_REPLY bytes.
 *
 * The tray is the drive's, the medium the block layer's: a guest may open the
 * tray with the medium in it and close it again; the user changes the medium.
 */
#ifndef HW_SCSI_MMC_H
#define HW_SCSI_MMC_H

#include <stdbool.h>
#include <stdint.h>

#include "block/block.h"
#include "hw/scsi/cd-sector.h"
#include "hw/scsi/sense.h"

typedef struct MMCDrive MMCDrive;

enum { MMC_REPLY = 4096 };              /* longest: READ DVD STRUCTURE, 2052 */

/* Parts of a sector: READ CD, byte 9. */
enum { CD_PART_SYNC = 0x80, CD_PART_HEADER = 0x20, CD_PART_USER = 0x10,
       CD_PART_ECC = 0x08 };

/* MMCDrive.media_event: GET EVENT STATUS NOTIFICATION, media class. */
enum { EVENT_NONE, EVENT_EJECT_REQUEST, EVENT_NEW_MEDIUM, EVENT_REMOVED };

typedef struct MMCOps {
    /* The ends. */
    void (*ok)(MMCDrive *d);
    void (*check)(MMCDrive *d, uint8_t key, uint8_t asc, uint8_t ascq);
    /* The first len bytes of buffer, at most what the host has room for. */
    void (*reply)(MMCDrive *d, uint32_t len, uint32_t room);
    /* num blocks from lba, these parts of each; both are in range, num > 0. */
    void (*read)(MMCDrive *d, uint32_t lba, uint32_t num, uint8_t parts);
    /* len bytes from the host into buffer; then mmc_mode_data(). */
    void (*receive)(MMCDrive *d, uint32_t len);
    /* No end: a unit attention with this ASC is pending from now on. */
    void (*attention)(MMCDrive *d, uint8_t asc);
} MMCOps;

struct MMCDrive {
    const MMCOps *ops;
    BlockDriverState *blk;
    uint8_t *buffer;
    uint32_t head;                      /* block after the last one read */
    uint8_t tray_open, locked, media_event;
};

enum { MMC_UA_OK = 1,                   /* also with a unit attention pending */
       MMC_MEDIUM = 2,                  /* needs a readable medium */
       MMC_POLL = 4 };                  /* asks how the medium is */

typedef struct MMCCommand {
    const char *name;
    void (*run)(MMCDrive *d, const uint8_t *cdb);
    uint8_t flags;
} MMCCommand;

extern const MMCCommand mmc_commands[256];      /* run NULL: not of ours */

/* cdb: 12 bytes of a command that is there.  Checks for a medium. */
void mmc_run(MMCDrive *d, const uint8_t *cdb);
void mmc_mode_data(MMCDrive *d, uint32_t len);
void mmc_reset(MMCDrive *d);
bool mmc_has_medium(const MMCDrive *d);
/* For blk_attach_dev(); opaque is the MMCDrive. */
extern const BlockDevOps mmc_dev_ops;

/* How long the chosen parts of a sector are together. */
uint32_t mmc_parts_size(uint8_t parts);
/* num blocks of user data in buf become their chosen parts, in place. */
void mmc_expand(uint8_t *buf, uint32_t lba, uint32_t num, uint8_t parts);

#endif
