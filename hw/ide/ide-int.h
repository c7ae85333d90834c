/* SPDX-License-Identifier: MIT */
/*
 * Between the files of hw/ide: a channel, its drives, what a controller does.
 *
 *   core.c   task file, PIO data port, resets, command dispatch
 *   ata.c    commands of disks          atapi.c   packets for hw/scsi/mmc.c
 *   pci-piix.c  the DMA side of a channel
 *
 * A command is a row of a table.  It ends with ide_done() or ide_abort(), or
 * starts a transfer and ends there:
 *
 *   ide_pio_in/out(n, after)  host moves n bytes of buffer, then after runs
 *   ide_disk_io(after)        one request to the disk, BSY meanwhile
 *   ide_dma(kind, n, after)   controller moves n bytes, then after runs
 *
 * What runs next is an enum, not a pointer, so that it can be in a snapshot.
 */
#ifndef HW_IDE_IDE_INT_H
#define HW_IDE_IDE_INT_H

#include "block/block.h"
#include "hw/core/device.h"
#include "hw/scsi/mmc.h"

typedef struct IDEChannel IDEChannel;
typedef struct IDEDrive IDEDrive;

/* ATA-6 7.15: Status; 7.8: Error; 7.7: Device; 7.10: Device Control. */
enum { ST_ERR = 0x01, ST_DRQ = 0x08, ST_DSC = 0x10, ST_DF = 0x20, ST_DRDY = 0x40,
       ST_BSY = 0x80 };
enum { ER_ABRT = 0x04, ER_IDNF = 0x10, ER_UNC = 0x40 };
enum { DEV_UNIT = 0x10, DEV_LBA = 0x40 };
enum { CTL_NIEN = 0x02, CTL_SRST = 0x04, CTL_HOB = 0x80 };

enum { IDE_BUFFER = 128 << 10, IDE_MAX_MULTIPLE = 16 };

typedef enum IDEAfter {
    AFTER_NOTHING,                      /* the command is over, silently */
    AFTER_DONE,                         /* over, with an interrupt */
    AFTER_READ_FETCHED, AFTER_READ_BLOCK,
    AFTER_WRITE_BLOCK, AFTER_WRITE_STORED,
    AFTER_VERIFY, AFTER_DMA_READ, AFTER_DMA_WRITE, AFTER_TRIM_LIST, AFTER_TRIM,
    AFTER_CDB, AFTER_CD_FETCHED, AFTER_CD_BLOCK, AFTER_CD_DATA, AFTER_CD_OUT,
    AFTER_NUM
} IDEAfter;

typedef enum IDEDma {
    DMA_NONE, DMA_DISK_IN, DMA_DISK_OUT, DMA_BUFFER_IN, DMA_BUFFER_OUT, DMA_NUM
} IDEDma;

enum {
    CMD_ADDRESS = 1,                    /* decode and check address and count */
    CMD_EXT     = 2,                    /* 48 bits */
    CMD_MULTI   = 4,                    /* blocks of SET MULTIPLE MODE */
    CMD_DMA     = 8,
    CMD_FUA     = 16,
    CMD_CFA     = 32,                   /* compact flash cards only */
    CMD_ANY     = 64,                   /* also while BSY, DRQ or asleep */
};

typedef struct IDECommand {
    const char *name;
    void (*run)(IDEDrive *d);
    uint8_t flags;
} IDECommand;

typedef struct IDEKind {                /* what differs between hd and cd */
    const IDECommand *commands;         /* by opcode, 256 */
    uint8_t lbam, lbah;                 /* signature */
    uint8_t reset_status;
} IDEKind;

typedef struct IDETaskFile {
    uint8_t feature, nsector, lbal, lbam, lbah;
} IDETaskFile;

struct IDEDrive {
    Device dev;
    const IDEKind *kind;
    IDEChannel *channel;

    /* Properties */
    Device *bus;
    uint32_t unit;
    BlockDriverState *blk;
    char *serial, *model, *ver;
    bool cfa;

    /* Registers; hob: what was written before */
    IDETaskFile tf, hob;
    uint8_t select, status, error, command;
    uint8_t intrq;
    uint8_t flags;                      /* of the command that runs */

    /* The transfer: buffer[io_pos .. io_end) is at the data port or the next
     * for DMA; [0 .. fetched) is valid; pos is where the disk is, left how
     * many bytes it has still to give or take. */
    uint8_t after, dma, io_out;
    uint32_t io_pos, io_end, fetched;
    uint64_t pos, left;
    uint32_t block;                     /* bytes per DRQ */

    /* Settings */
    uint32_t cyls, heads, secs;         /* of INITIALIZE DEVICE PARAMETERS */
    uint32_t def_cyls, def_heads, def_secs;
    uint64_t num_sectors;               /* what the guest can reach */
    uint64_t native_sectors;
    uint8_t multiple;                   /* sectors; 0: off */
    uint8_t xfer_mode;                  /* as in SET FEATURES 03h */
    uint8_t look_ahead, write_cache, smart, power;
    bool def_write_cache;
    uint32_t trim_pos;

    /* CD */
    uint8_t sense_key, asc, ascq;
    uint8_t unit_attention;             /* asc of the pending one, 0: none */
    uint8_t packet_dma;
    MMCDrive cd;
    uint8_t cdb[12];
    uint32_t sector_size, byte_limit;
    uint8_t raw_flags;                  /* READ CD: parts of a sector */

    BlockAIOCB *aio;
    QEMUIOVector qiov;
    struct iovec one;
    uint8_t buffer[IDE_BUFFER];
};

/* What a channel's controller can do for it. */
typedef struct IDEDmaOps {
    /* A drive wants to move data: start when the guest has. */
    void (*ready)(void *opaque);
    /* The request ide_dma_start() began has moved n bytes, or failed. */
    void (*moved)(void *opaque, uint64_t n, int ret);
    void (*irq)(void *opaque, int level);
    void (*gone)(void *opaque);         /* the channel is being freed */
} IDEDmaOps;

struct IDEChannel {
    Device dev;
    IDEDrive *drive[2];
    uint8_t unit, control;
    uint8_t irq_level;
    const IDEDmaOps *dma;               /* or NULL: PIO only */
    void *dma_opaque;
    uint64_t dma_size;                  /* bytes under way */
    QEMUIOVector *dma_sg;
};

/* -- core.c: for commands ---------------------------------------------------- */

void ide_irq(IDEDrive *d);
void ide_done(IDEDrive *d);             /* success, with an interrupt */
void ide_abort(IDEDrive *d, uint8_t error);
/* irq: an interrupt when the data is ready */
void ide_pio_in(IDEDrive *d, uint32_t pos, uint32_t len, IDEAfter after, bool irq);
void ide_pio_out(IDEDrive *d, uint32_t pos, uint32_t len, IDEAfter after, bool irq);
/* buffer[0..len) <-> disk at d->pos; then after, or ide_io_error(). */
void ide_disk_io(IDEDrive *d, bool write, uint32_t len, IDEAfter after);
void ide_flush(IDEDrive *d);            /* then ide_done() */
/* Move d->left bytes (disk) or buffer[io_pos..io_end) by DMA. */
void ide_dma(IDEDrive *d, IDEDma kind, IDEAfter after);
bool ide_can_dma(const IDEDrive *d);
void ide_signature(IDEDrive *d);
void ide_run_after(IDEDrive *d, IDEAfter after);
/* A host error ended a request. */
void ide_io_error(IDEDrive *d, int ret);
void ide_stop_transfer(IDEDrive *d);    /* forget it; waits for the host */

/* Realize, reset and so on, common to both kinds. */
int ide_drive_attach(IDEDrive *d, const IDEKind *kind, const BlockDevOps *ops, void *opaque,
                     Error *err);
void ide_drive_reset(IDEDrive *d);
int ide_drive_post_load(IDEDrive *d, Error *err);
void ide_drive_free(Device *dev);
extern const VMField ide_drive_vmstate[];

/* 7.12: strings are padded with blanks, two characters swapped per word. */
void ide_put_string(uint8_t *words, const char *s, size_t len);
void ide_put_word(uint8_t *words, unsigned n, uint16_t v);

/* -- core.c: for controllers ------------------------------------------------- */

/* The drive that waits for DMA, NULL if none; true in *to_guest: data in. */
IDEDrive *ide_dma_waiting(IDEChannel *ch, bool *to_guest, uint64_t *want);
/* Move the first sg->size bytes of what it wants; ends in ops->moved. */
void ide_dma_start(IDEChannel *ch, QEMUIOVector *sg);
/* Stop what is under way. */
void ide_dma_cancel(IDEChannel *ch);

/* -- ata.c, atapi.c: what ide_run_after() calls ------------------------------ */

void ata_read_fetched(IDEDrive *d);
void ata_read_block(IDEDrive *d);
void ata_write_block(IDEDrive *d);
void ata_write_stored(IDEDrive *d);
void ata_verify_more(IDEDrive *d);
void ata_dma_read_done(IDEDrive *d);
void ata_dma_write_done(IDEDrive *d);
void ata_trim_list(IDEDrive *d);
void ata_trim_next(IDEDrive *d);

void atapi_cdb(IDEDrive *d);
void atapi_fetched(IDEDrive *d);
void atapi_block(IDEDrive *d);
void atapi_data_done(IDEDrive *d);
void atapi_out_done(IDEDrive *d);
void atapi_io_error(IDEDrive *d, int ret);

/* ata-set.c: settings and information, rows of both tables. */
void ata_identify(IDEDrive *d);
void ata_set_features(IDEDrive *d);
void ata_smart(IDEDrive *d);
void ata_nop(IDEDrive *d);
void ata_idle(IDEDrive *d);
void ata_standby(IDEDrive *d);
void ata_sleep(IDEDrive *d);
void ata_check_power(IDEDrive *d);
/* Of power-on; and of CCh SET FEATURES. */
void ata_set_defaults(IDEDrive *d);
/* Words of IDENTIFY that disks and CD drives have in common. */
void ata_identify_common(const IDEDrive *d, uint8_t *words, const char *model);

/* Of IDEDrive.power. */
enum { POWER_ACTIVE, POWER_STANDBY, POWER_SLEEP };

extern const IDECommand ata_commands[256], atapi_commands[256];

/* Rows of a PropDef table: what disks and CD drives have in common. */
#define IDE_PROP(n, k, f, def, help) { n, k, offsetof(IDEDrive, f), def, help }
#define IDE_DRIVE_PROPS                                                          \
    IDE_PROP("bus", PROP_LINK, bus, 0, "the channel, as ide.0"),                 \
    IDE_PROP("unit", PROP_U32, unit, 0, "0 or 1"),                               \
    IDE_PROP("drive", PROP_DRIVE, blk, 0, "the block drive"),                    \
    IDE_PROP("serial", PROP_STRING, serial, 0, "serial number, 20 characters"),  \
    IDE_PROP("model", PROP_STRING, model, 0, "model, 40 characters"),            \
    IDE_PROP("ver", PROP_STRING, ver, 0, "firmware version, 8 characters")

#endif
