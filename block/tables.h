/* SPDX-License-Identifier: MIT */
/*
 * Tables of an image (allocation tables, bitmaps, headers), in memory.
 *
 *      driver -- tables_read(), tables_write() --> pages of 4 KiB, on demand
 *                                                    |  tables_flush():
 *                                                    |  1. data of bs->file made safe
 *                                                    |  2. journal, if the format has one
 *                                                    |  3. changed sectors written
 *      bs->file <------------------------------------+
 *
 * A driver writes the data of a new cluster to the file, waits for it, and only
 * then changes the entry here.  The entry reaches the file at the next flush,
 * after the data has been made safe; so an entry on disk never points to data
 * that is not there.  tables_flush() is the driver's co_flush_to_os.
 *
 * Only sectors (512 bytes) that were written here are written to the file, so
 * a page may lie over data, too, as long as no sector holds both.  Memory is
 * bounded (8 MiB); the table on disk may be of any size.
 *
 * Threads: coroutines, any number at a time.  tables_read() and tables_write()
 * of a page that is in memory do not wait.
 */
#ifndef BLOCK_TABLES_H
#define BLOCK_TABLES_H

#include "block/block-int.h"

enum { TABLE_PAGE = 4096 };

typedef struct TablePage {              /* what a journal gets to see */
    uint64_t off;
    uint8_t dirty;                      /* a bit per sector of 512 bytes */
    uint8_t data[TABLE_PAGE];
} TablePage;

typedef struct Tables Tables;

/* journal may be NULL: make these pages safe elsewhere, before they are
 * written in place.  Whole batches are ascending and at most max_batch. */
Tables *tables_new(BlockDriverState *file,
                   int (*journal)(void *opaque, const TablePage *pages, int num),
                   void *opaque, int max_batch);
void tables_free(Tables *t);            /* NULL is fine */
/* Before the first access: this is one of num, which have the memory of one. */
void tables_share(Tables *t, int num);

int tables_read(Tables *t, uint64_t off, void *buf, size_t len);
int tables_write(Tables *t, uint64_t off, const void *buf, size_t len);
/* From bit number `first` of the bitmap at off on: *num bits (<= max, > 0) are all
 * *set.  Bit 0 is the lowest of the first byte; with msb_first, the highest. */
int tables_bit_run(Tables *t, uint64_t off, uint64_t first, uint64_t max, bool msb_first,
                   bool *set, uint64_t *num);
/* A new table: zeroes, in the file before this returns. */
int tables_zero(Tables *t, uint64_t off, uint64_t len);
int tables_flush(Tables *t);
/* Is everything in the file (not: safe)? */
bool tables_clean(const Tables *t);

#endif
