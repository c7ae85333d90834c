/* SPDX-License-Identifier: MIT */
/*
 * The log of a VHDX image ([MS-VHDX] 2.3): what shall be written to metadata is
 * written here first, whole, so that a crash leaves the old or the new.
 *
 *      log     | entry | entry | ...                      units of 4 KiB
 *      entry   | header, descriptors | data | data | ...
 *
 *      header, 64 bytes
 *        0 "loge"  4 CRC-32C  8 u32 length  12 u32 tail  16 u64 sequence number
 *       24 u32 descriptors   32 GUID of the log
 *       48 u64 file size that was safe      56 u64 file size needed
 *      descriptor, 32 bytes
 *        0 "desc"  4 last 4 bytes   8 first 8 bytes  16 u64 offset  24 u64 number
 *        0 "zero"  8 u64 length    16 u64 offset     24 u64 number
 *      data, 4096 bytes
 *        0 "data"  4 number >> 32   8 bytes 8 to 4092 of the page   4092 number
 *
 * Entries that follow each other with rising numbers are a sequence; the one
 * with the highest number that contains the tail its last entry names counts.
 *
 * Ours are sequences of one, in the two halves of the log in turn: one that was
 * torn by a crash leaves the one before it, whose pages are in place already.
 */
#ifndef BLOCK_VHDX_LOG_H
#define BLOCK_VHDX_LOG_H

#include "block/tables.h"

enum { VHDX_MAX_BATCH = 126 };          /* pages of an entry: descriptors of 4 KiB */

typedef struct VhdxLog {
    BlockDriverState *file;
    uint64_t at;
    uint32_t length;
    uint8_t guid[16];
    uint64_t sequence;                  /* of the last entry */
} VhdxLog;

uint32_t vhdx_crc32c(uint32_t crc, const void *data, size_t len);

/* Hand all pages of the active sequence to page() in order (data NULL: len
 * zeroes).  *file_size: the length the file must have; what is new is zeroes.
 * Returns 1 if there was one, 0 if not. */
int vhdx_log_replay(const VhdxLog *log,
                    int (*page)(void *opaque, uint64_t off, const uint8_t *data,
                                uint64_t len),
                    void *opaque, uint64_t *file_size, Error *err);

/* In a coroutine: one entry of up to VHDX_MAX_BATCH pages; it is safe when this
 * returns. */
int vhdx_log_write(VhdxLog *log, const TablePage *pages, int num);

#endif
