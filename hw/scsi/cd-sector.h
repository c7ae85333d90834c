/* SPDX-License-Identifier: MIT */
/*
 * A CD-ROM sector as it lies on the disc (ECMA-130, clause 14, Mode 01):
 *
 *   | sync 12 | minute second frame mode | user data 2048 | EDC 4 | 0 8 | ECC 276 |
 */
#ifndef HW_SCSI_CD_SECTOR_H
#define HW_SCSI_CD_SECTOR_H

#include <stdint.h>

enum { CD_RAW = 2352, CD_DATA = 2048, CD_SYNC = 12, CD_HEADER = 4, CD_ECC = 288 };

/* Block address to minute, second, frame: 75 frames a second, 2 seconds first. */
void cd_put_msf(uint8_t msf[3], uint32_t lba);
/* Everything around the user data, which is at raw + 16. */
void cd_complete_sector(uint8_t raw[CD_RAW], uint32_t lba);

#endif
