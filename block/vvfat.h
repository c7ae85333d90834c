/* SPDX-License-Identifier: MIT */
/*
 * Between vvfat.c, which makes a FAT file system of a directory, and vvfat-write.c, which
 * brings what the guest has written back into the directory.
 *
 * What the guest writes goes to a temporary file without a name, sector by sector, and
 * stays there; a sector that is not in it is made from the runs.  All functions that
 * take a Fat run on one thread at a time: s->lock.
 */
#ifndef BLOCK_VVFAT_H
#define BLOCK_VVFAT_H

#include "block/block-int.h"

enum { FAT_SECTOR = 512, FAT_ENTRY = 32, FAT_MAX_DEPTH = 24, FAT_MAX_NAME = 255,
       FAT_LFN_CHARS = 13, FAT_ATTR_LABEL = 8, FAT_ATTR_LFN = 15, FAT_ATTR_DIR = 16 };

/* A file of the host that is being written, for mkstemp: short, beside what it becomes. */
#define FAT_TEMPORARY ".vvfat-XXXXXX"

/* One file or directory: clusters [first, first + num). */
typedef struct FatRun {
    uint32_t first, num, size;
    char *path;                         /* of a file */
    uint8_t *dir;                       /* of a directory: its entries */
    uint32_t parent;                    /* number of the run above */
} FatRun;

typedef struct FatWriter FatWriter;

typedef struct Fat {
    int type;                           /* 12, 16, 32 */
    bool floppy, rw;
    uint32_t start, total;              /* sectors: of the file system */
    uint32_t reserved, fat_sectors, root_sectors, data;         /* from start on */
    uint32_t cluster_sectors, num_clusters, next_cluster;
    FatRun *runs;                       /* by first cluster, once all are there */
    int num_runs;
    FatRun root;                        /* one of them */
    FatWriter *writer;                  /* of fat:rw:, or NULL */
    CoMutex lock;
    AioTimer quiet;                     /* since the guest's last write */
    bool writing_back;
} Fat;

/* Sector n of the disk as the directory has it. */
int fat_make_sector(const Fat *s, uint32_t n, uint8_t *b);
/* Sector n as the guest sees it. */
int fat_read_sector(const Fat *s, uint32_t n, uint8_t *b);
/* A name of the host to UTF-16, its units, and back; is it the same then? */
int fat_to_utf16(const char *name, uint16_t out[FAT_MAX_NAME]);
bool fat_to_utf8(const uint16_t *u, int num, char *out);        /* 3 bytes each, 0 */
bool fat_name_returns(const char *name);
bool fat_is_temporary(const char *name);
uint8_t fat_checksum(const uint8_t name[11]);
extern const uint8_t fat_lfn_place[FAT_LFN_CHARS];

/* -- vvfat-write.c ----------------------------------------------------------- */

int fat_writer_new(Fat *s, const char *dir, uint32_t sectors, Error *err);
void fat_writer_free(Fat *s);           /* says what did not get into the directory */
int fat_write_sector(Fat *s, uint32_t n, const uint8_t *b);
bool fat_is_written(const Fat *s, uint32_t n);
int fat_read_written(const Fat *s, uint32_t n, uint8_t *b);
/* The guest's tree into the directory, if it is consistent now; else 0, and later. */
int fat_write_back(Fat *s);

#endif
