/* SPDX-License-Identifier: MIT */
/*
 * Between atapi.c (how packets and data travel) and mmc.c (what they mean).
 * A packet command ends with exactly one of these.
 */
#ifndef HW_IDE_ATAPI_H
#define HW_IDE_ATAPI_H

#include "hw/ide/ide-int.h"

/* Sense keys and additional codes, SPC-2 7.20.6, MMC-3 annex. */
enum { SENSE_NONE = 0, SENSE_NOT_READY = 2, SENSE_MEDIUM = 3, SENSE_ILLEGAL = 5,
       SENSE_ATTENTION = 6 };
enum { ASC_READ_ERROR = 0x11, ASC_BAD_OPCODE = 0x20, ASC_OUT_OF_RANGE = 0x21,
       ASC_BAD_FIELD = 0x24, ASC_BAD_PARAMETER = 0x26, ASC_NEW_MEDIUM = 0x28,
       ASC_RESET = 0x29, ASC_NO_SAVING = 0x39, ASC_NO_MEDIUM = 0x3a,
       ASC_LOCKED = 0x53, ASC_WRONG_MODE = 0x64 };

/* IDEDrive.media_event: GET EVENT STATUS NOTIFICATION, media class. */
enum { EVENT_NONE, EVENT_EJECT_REQUEST, EVENT_NEW_MEDIUM, EVENT_REMOVED };

enum { PKT_UA_OK = 1,                   /* also with a unit attention pending */
       PKT_MEDIUM = 2 };                /* needs a readable medium */

typedef struct PacketCommand {
    const char *name;
    void (*run)(IDEDrive *d, const uint8_t *cdb);
    uint8_t flags;
} PacketCommand;

extern const PacketCommand packet_commands[256];

void atapi_ok(IDEDrive *d);
void atapi_check(IDEDrive *d, uint8_t key, uint8_t asc, uint8_t ascq);
/* The first len bytes of buffer, at most what the host has room for. */
void atapi_reply(IDEDrive *d, uint32_t len, uint32_t room);
/* num blocks from lba, with these parts of each (READ CD, byte 9). */
void atapi_read(IDEDrive *d, uint32_t lba, uint32_t num, uint8_t parts);
/* len bytes from the host; then mmc_mode_data(). */
void atapi_receive(IDEDrive *d, uint32_t len);
void mmc_mode_data(IDEDrive *d, uint32_t len);

bool atapi_has_medium(const IDEDrive *d);
uint32_t atapi_blocks(const IDEDrive *d);
/* The guest moves the tray. */
void atapi_set_tray(IDEDrive *d, bool open);

enum { CD_PART_SYNC = 0x80, CD_PART_HEADER = 0x20, CD_PART_USER = 0x10,
       CD_PART_ECC = 0x08 };

#endif
