/* SPDX-License-Identifier: MIT */
/*
 * Intel 82078 floppy disk controller, AT mode (Intel 290468).
 *
 *   command bytes -> run -> [ execution: buffer <-> DMA or FIFO port ] -> result
 *                                  |
 *                             one disk request
 *
 * A data command works on a run: the sectors from R to EOT, with MT those of
 * the other side after them.  They are read in one request, then handed out
 * until terminal count; or taken in until terminal count, then written in one.
 * Result bytes C, H, R, N follow from the bytes moved (table 5-3).
 *
 * Not modelled: time (seeks and rotation take none), gaps, CRC errors, deleted
 * data marks (read and written as normal data), media of other than 512-byte
 * sectors, MT with an EOT short of the track's end (it stops there); without a
 * medium commands fail at once where the chip would wait.
 */
#include "hw/block/fdc.h"

#include <errno.h>
#include <string.h>

#include "block/block.h"
#include "hw/block/floppy.h"
#include "hw/dma/i8237.h"
#include "util/bits.h"
#include "util/log.h"

enum { NUM_DRIVES = 4, MAX_RUN = 2 * 48 * FLOPPY_SECTOR, SIZE_512 = 2, ID_SIZE = 4 };
enum { SRA, SRB, DOR, TDR, MSR, FIFO };                 /* offsets; write 4: DSR */

enum { DOR_NRESET = 0x04, DOR_DMAGATE = 0x08, DOR_MOTOR0 = 0x10 };
enum { MSR_BUSY = 0x10, MSR_NONDMA = 0x20, MSR_DIO = 0x40, MSR_RQM = 0x80 };
enum { DSR_RESET = 0x80, DSR_POWERDOWN = 0x40 };
enum { ST0_ABNORMAL = 0x40, ST0_INVALID = 0x80, ST0_READY_CHANGED = 0xc0,
       ST0_SEEK_END = 0x20, ST0_EQUIPMENT = 0x10, ST0_HEAD = 0x04 };
enum { ST1_MISSING_MARK = 0x01, ST1_NOT_WRITABLE = 0x02, ST1_NO_DATA = 0x04,
       ST1_DATA_ERROR = 0x20, ST1_END = 0x80 };
enum { ST2_SCAN_NO = 0x04, ST2_SCAN_EQUAL = 0x08, ST2_WRONG_CYL = 0x10,
       ST2_CONTROL_MARK = 0x40 };
enum { ST3_TWO_SIDES = 0x08, ST3_TRACK0 = 0x10, ST3_READY = 0x20, ST3_PROTECTED = 0x40 };
enum { CMD_MT = 0x80, CMD_SK = 0x20 };
enum { CONFIG_EIS = 0x40, CONFIG_NO_POLL = 0x10 };

typedef enum Phase { PHASE_COMMAND, PHASE_DISK, PHASE_MOVE, PHASE_RESULT, PHASE_NUM } Phase;
/* What the execution phase does. */
typedef enum Exec { EXEC_READ, EXEC_WRITE, EXEC_FORMAT, EXEC_FORMAT_WRITE, EXEC_SCAN,
                    EXEC_VERIFY, EXEC_NUM } Exec;

typedef struct Fdc {
    Device dev;
    Device *dma;
    BlockDriverState *blk[2];
    uint32_t channel;

    uint8_t dor, tdr, dsr, ccr;
    uint8_t phase, exec, irq;
    uint8_t fifo[20], fifo_pos, fifo_len;
    uint8_t drv;                        /* of the command */
    uint8_t st0, st1, st2;
    uint8_t sense_left;                 /* drives with a reset interrupt to read */
    uint8_t seek_st0[NUM_DRIVES], seek_done[NUM_DRIVES];
    /* SPECIFY, CONFIGURE ... */
    uint8_t srt_hut, hlt_nd, config, pretrk, perpendicular, lock, option, powerdown;
    uint8_t eot, drive_spec[NUM_DRIVES];
    /* Execution */
    uint32_t pos, len;                  /* in buffer */
    uint8_t track, head, sector;        /* where the run starts */
    uint8_t tc;
    uint8_t buffer[MAX_RUN], compare[MAX_RUN];
    FloppyDrive drive[NUM_DRIVES];

    BlockAIOCB *aio;
    QEMUIOVector qiov;
    struct iovec one;
} Fdc;

typedef struct Command {
    uint8_t mask, value;
    const char *name;
    uint8_t params;
    void (*run)(Fdc *s);
    uint8_t exec;
} Command;

static const Command *find_command(uint8_t byte);

/* -- Interrupt, phases ------------------------------------------------------- */

/* 2.1.3: DMAGATE# enables the pins INT and DRQ. */
static void drive_irq(Fdc *s)
{
    qemu_set_irq(s->dev.irq[0], s->irq && s->dor & DOR_DMAGATE);
}

static void set_irq(Fdc *s, int level)
{
    s->irq = (uint8_t)level;
    drive_irq(s);
}

static void set_dreq(Fdc *s, int level)
{
    if (s->dma) {
        i8237_set_dreq(s->dma, (int)s->channel, level);
    }
}

static bool uses_dma(const Fdc *s)
{
    return !(s->hlt_nd & 1) && s->dma;
}

static void command_phase(Fdc *s)
{
    s->phase = PHASE_COMMAND;
    s->fifo_pos = 0;
    s->fifo_len = 1;
}

static void result_phase(Fdc *s, unsigned len)
{
    s->phase = PHASE_RESULT;
    s->fifo_pos = 0;
    s->fifo_len = (uint8_t)len;
}

static void result_byte(Fdc *s, uint8_t val)
{
    s->fifo[0] = val;
    result_phase(s, 1);
}

static FloppyDrive *cur_drive(Fdc *s)
{
    return &s->drive[s->drv];
}

/* -- End of a data command --------------------------------------------------- */

/* Table 5-3: the sector after the last one moved.  Returns that one's head. */
static uint8_t final_id(Fdc *s, uint32_t moved)
{
    uint32_t n = moved / FLOPPY_SECTOR;
    uint32_t first = s->eot >= s->sector ? s->eot - s->sector + 1u : 1;
    bool mt = s->fifo[0] & CMD_MT;
    uint8_t c = s->track, h = s->head;
    uint32_t r = s->sector + n;

    if (n >= first) {                   /* past EOT */
        r = n - first + 1;
        if (mt && h == 0 && r <= s->eot) {
            h = 1;
        } else {
            c++;
            h = mt ? 0 : h;
            r = 1;
        }
    }
    s->fifo[3] = c;
    s->fifo[4] = h;
    s->fifo[5] = (uint8_t)r;
    s->fifo[6] = SIZE_512;
    return mt && n > first ? 1 : s->head;
}

static void end_data(Fdc *s, uint32_t moved)
{
    uint8_t head = final_id(s, moved);

    set_dreq(s, 0);
    if (s->st1 || s->st2 & ST2_WRONG_CYL) {
        s->st0 |= ST0_ABNORMAL;
    }
    s->fifo[0] = (uint8_t)(s->st0 | s->drv | (head ? ST0_HEAD : 0));
    s->fifo[1] = s->st1;
    s->fifo[2] = s->st2;
    result_phase(s, 7);
    set_irq(s, 1);
}

static void fail_data(Fdc *s, uint8_t st1, uint8_t st2)
{
    s->st1 |= st1;
    s->st2 |= st2;
    end_data(s, 0);
}

/* -- Moving data ------------------------------------------------------------- */

static void disk_request(Fdc *s, bool write, uint32_t len);

/* Without terminal count: EOT was the last, or the track has no sector EOT. */
static void end_run(Fdc *s)
{
    bool short_track = s->eot > s->drive[s->drv].format->secs;

    if (!s->tc) {
        s->st1 |= short_track ? ST1_NO_DATA : ST1_END;
    }
    end_data(s, s->pos);
}

/* Byte by byte, FFh from memory matches all (5.1.10). */
static void scan_result(Fdc *s)
{
    uint8_t cmd = s->fifo[0] & 0x1f;
    uint32_t sectors = s->pos / FLOPPY_SECTOR, i;

    for (i = 0; i < sectors; i++) {
        const uint8_t *disk = s->buffer + i * FLOPPY_SECTOR;
        const uint8_t *host = s->compare + i * FLOPPY_SECTOR;
        int diff = 0;

        for (uint32_t k = 0; k < FLOPPY_SECTOR && !diff; k++) {
            diff = host[k] == 0xff || disk[k] == 0xff ? 0 : disk[k] - host[k];
        }
        if (!diff || (cmd == 0x19 && diff < 0) || (cmd == 0x1d && diff > 0)) {
            s->st2 |= diff ? 0 : ST2_SCAN_EQUAL;
            end_data(s, i * FLOPPY_SECTOR);
            return;
        }
    }
    s->st2 |= ST2_SCAN_NO;
    end_run(s);
}

/* The new track: the filler byte, or each sector's data behind its ID, at the
 * place its ID says. */
static void build_track(Fdc *s)
{
    uint32_t secs = s->drive[s->drv].format->secs;

    memcpy(s->compare, s->buffer, s->pos);
    s->len = secs * FLOPPY_SECTOR;
    memset(s->buffer, s->fifo[5], s->len);
    for (uint32_t i = 0; s->exec == EXEC_FORMAT_WRITE && i < secs; i++) {
        const uint8_t *id = s->compare + i * (ID_SIZE + FLOPPY_SECTOR);

        if (id[2] >= 1 && id[2] <= secs) {
            memcpy(s->buffer + (id[2] - 1) * FLOPPY_SECTOR, id + ID_SIZE, FLOPPY_SECTOR);
        }
    }
}

/* The run or the guest's count is over. */
static void moved_all(Fdc *s)
{
    set_dreq(s, 0);
    switch (s->exec) {
    case EXEC_READ:
    case EXEC_VERIFY:
        end_run(s);
        break;
    case EXEC_SCAN:
        scan_result(s);
        break;
    case EXEC_WRITE:
        s->len = (uint32_t)align_up(s->pos, FLOPPY_SECTOR);
        memset(s->buffer + s->pos, 0, s->len - s->pos);
        disk_request(s, true, s->len);
        break;
    case EXEC_FORMAT:
    case EXEC_FORMAT_WRITE:
        build_track(s);
        disk_request(s, true, s->len);
    }
}

static uint8_t *move_buffer(Fdc *s)
{
    return s->exec == EXEC_SCAN ? s->compare : s->buffer;
}

static void dma_granted(void *opaque, int ch)
{
    Fdc *s = opaque;
    bool tc = false;

    if (s->phase != PHASE_MOVE || !uses_dma(s)) {
        return;
    }
    s->pos += i8237_transfer(s->dma, ch, move_buffer(s) + s->pos, s->len - s->pos, &tc);
    s->tc = tc;
    if (tc || s->pos == s->len) {
        moved_all(s);
    }
}

static void start_move(Fdc *s)
{
    s->phase = PHASE_MOVE;
    if (uses_dma(s)) {
        set_dreq(s, 1);
    } else {
        set_irq(s, 1);                  /* a byte can be moved */
    }
}

/* Non-DMA: an interrupt for each byte (FIFO off) or for the FIFO; here each. */
static uint8_t move_byte(Fdc *s, bool write, uint8_t val)
{
    uint8_t *p = move_buffer(s) + s->pos;

    set_irq(s, 0);
    if (write) {
        *p = val;
    } else {
        val = *p;
    }
    s->pos++;
    if (s->pos == s->len) {
        moved_all(s);
    } else {
        set_irq(s, 1);
    }
    return val;
}

static void disk_done(void *opaque, int ret)
{
    Fdc *s = opaque;
    bool read = s->exec == EXEC_READ || s->exec == EXEC_SCAN || s->exec == EXEC_VERIFY;

    s->aio = NULL;
    if (ret < 0) {
        fail_data(s, read ? ST1_DATA_ERROR : ST1_NOT_WRITABLE, 0);
    } else if (s->exec == EXEC_VERIFY) {
        s->pos = s->len;                /* nothing goes to the host: 5.1.6 */
        s->tc = 1;
        moved_all(s);
    } else if (read) {
        start_move(s);
    } else {
        if (s->exec == EXEC_WRITE) {
            end_run(s);
        } else {
            end_data(s, 0);
        }
    }
}

static void disk_request(Fdc *s, bool write, uint32_t len)
{
    const FloppyDrive *d = cur_drive(s);
    uint64_t off = (uint64_t)floppy_offset(d, s->track, s->head, s->sector);

    s->phase = PHASE_DISK;
    iov_init_buf(&s->qiov, &s->one, s->buffer, len);
    s->aio = write ? blk_aio_pwritev(d->blk, off, &s->qiov, disk_done, s)
                   : blk_aio_preadv(d->blk, off, &s->qiov, disk_done, s);
}

/* -- Data commands ----------------------------------------------------------- */

/* What stops a data command before it starts; true: it was ended. */
static bool medium_fails(Fdc *s, bool write)
{
    FloppyDrive *d = cur_drive(s);

    if (!d->format || !floppy_rate_fits(d, (FloppyRate)(s->ccr & 3))) {
        fail_data(s, ST1_MISSING_MARK | ST1_NO_DATA, 0);
        return true;
    }
    if (write && blk_is_read_only(d->blk)) {
        fail_data(s, ST1_NOT_WRITABLE, 0);
        return true;
    }
    return false;
}

/* Sectors from the first to EOT, then those of side 1 with MT. */
static uint32_t run_sectors(const Fdc *s)
{
    const FloppyFormat *f = s->drive[s->drv].format;
    uint32_t eot = MIN(s->eot, f->secs);
    uint32_t n = eot >= s->sector ? eot - s->sector + 1 : 1;
    bool both = s->fifo[0] & CMD_MT && s->head == 0 && f->heads == 2;

    /* Contiguous on the image only if side 0 is read to its end. */
    return both && eot == f->secs ? n + eot : n;
}

static void begin_data(Fdc *s, uint8_t exec)
{
    FloppyDrive *d;

    s->drv = s->fifo[1] & 3;
    s->exec = exec;
    s->st0 = s->st1 = s->st2 = 0;
    s->pos = 0;
    s->tc = 0;
    d = cur_drive(s);
    s->head = s->fifo[1] >> 2 & 1;
    s->track = s->fifo[2];
    s->sector = s->fifo[4];
    s->eot = s->fifo[6];
    if (s->config & CONFIG_EIS) {       /* 5.2.7: implied seek */
        floppy_seek(d, s->track);
    }
    if (medium_fails(s, exec == EXEC_WRITE)) {
        return;
    }
    if (d->track != s->track) {
        fail_data(s, ST1_NO_DATA, ST2_WRONG_CYL);
    } else if (s->fifo[5] != SIZE_512 || s->fifo[3] != s->head ||
               floppy_offset(d, s->track, s->head, s->sector) < 0) {
        fail_data(s, ST1_NO_DATA, 0);
    } else {
        s->len = run_sectors(s) * FLOPPY_SECTOR;
        if (exec == EXEC_WRITE) {
            start_move(s);
        } else {
            disk_request(s, false, s->len);
        }
    }
}

static void cmd_data(Fdc *s)
{
    begin_data(s, find_command(s->fifo[0])->exec);
}

/* 5.1.4: all sectors of the track from the first on, whatever R says. */
static void cmd_read_track(Fdc *s)
{
    s->fifo[0] &= (uint8_t)~CMD_MT;
    s->fifo[4] = 1;
    begin_data(s, EXEC_READ);
}

/* 5.1.3: no sector has a deleted mark: skipped with SK, else one is read. */
static void cmd_read_deleted(Fdc *s)
{
    if (s->fifo[0] & CMD_SK) {
        s->drv = s->fifo[1] & 3;
        s->head = s->fifo[1] >> 2 & 1;
        s->st0 = s->st1 = 0;
        s->st2 = 0;
        fail_data(s, ST1_NO_DATA, 0);
        return;
    }
    s->fifo[6] = s->fifo[4];
    begin_data(s, EXEC_READ);
    s->st2 |= s->phase == PHASE_RESULT ? 0 : ST2_CONTROL_MARK;
}

/* 5.1.6: with EC the last byte is a sector count. */
static void cmd_verify(Fdc *s)
{
    if (s->fifo[1] & 0x80 && s->fifo[8]) {
        uint32_t last = s->fifo[4] + s->fifo[8] - 1u;

        s->fifo[6] = (uint8_t)MIN(last, s->fifo[6]);
    }
    begin_data(s, EXEC_VERIFY);
}

/* 5.1.7: four bytes for each sector come from the host, with FORMAT AND WRITE
 * its data too. */
static void cmd_format(Fdc *s)
{
    FloppyDrive *d;

    s->exec = find_command(s->fifo[0])->exec;
    s->drv = s->fifo[1] & 3;
    d = cur_drive(s);
    s->head = s->fifo[1] >> 2 & 1;
    s->track = d->track;
    s->sector = 1;
    s->eot = s->fifo[3];
    s->st0 = s->st1 = s->st2 = 0;
    s->pos = 0;
    s->tc = 0;
    if (medium_fails(s, true)) {
        return;
    }
    if (s->fifo[2] != SIZE_512 || s->fifo[3] != d->format->secs ||
        floppy_offset(d, s->track, s->head, d->format->secs) < 0) {
        log_guest("fdc", "format with %u sectors of size %u: not the medium's",
                  s->fifo[3], s->fifo[2]);
        fail_data(s, ST1_NO_DATA, 0);
        return;
    }
    s->len = s->fifo[3] * (s->exec == EXEC_FORMAT ? (uint32_t)ID_SIZE
                                                  : ID_SIZE + FLOPPY_SECTOR);
    start_move(s);
}

/* 5.1.9: the ID of the next sector that passes. */
static void cmd_read_id(Fdc *s)
{
    FloppyDrive *d;

    s->drv = s->fifo[1] & 3;
    d = cur_drive(s);
    s->head = s->fifo[1] >> 2 & 1;
    s->track = d->track;
    s->st0 = s->st1 = s->st2 = 0;
    s->fifo[0] = 0;
    if (medium_fails(s, false)) {
        return;
    }
    if (floppy_offset(d, s->track, s->head, 1) < 0) {
        fail_data(s, ST1_MISSING_MARK | ST1_NO_DATA, 0);
        return;
    }
    d->next_id = (uint8_t)(d->next_id % d->format->secs + 1);
    s->sector = d->next_id;
    s->eot = d->format->secs;
    end_data(s, 0);
}

/* -- Seeks ------------------------------------------------------------------- */

static void seek_ended(Fdc *s, uint8_t st0)
{
    s->seek_st0[s->drv] = (uint8_t)(st0 | s->drv | (s->fifo[1] & ST0_HEAD));
    s->seek_done[s->drv] = 1;
    command_phase(s);
    set_irq(s, 1);
}

/* 5.2.2: without a track 0 signal after 79 steps: equipment check. */
static void cmd_recalibrate(Fdc *s)
{
    s->drv = s->fifo[1] & 3;
    s->fifo[1] &= 3;
    floppy_seek(cur_drive(s), 0);
    seek_ended(s, cur_drive(s)->blk ? ST0_SEEK_END
                                    : ST0_SEEK_END | ST0_EQUIPMENT | ST0_ABNORMAL);
}

static void cmd_seek(Fdc *s)
{
    s->drv = s->fifo[1] & 3;
    floppy_seek(cur_drive(s), s->fifo[2]);
    seek_ended(s, ST0_SEEK_END);
}

/* 5.2.12: DIR is bit 6 of the command. */
static void cmd_relative_seek(Fdc *s)
{
    int by = s->fifo[0] & 0x40 ? s->fifo[2] : -s->fifo[2];

    s->drv = s->fifo[1] & 3;
    floppy_seek(cur_drive(s), cur_drive(s)->track + by);
    seek_ended(s, ST0_SEEK_END);
}

/* 5.2.4: after a reset four of these; then one for each seek; else invalid. */
static void cmd_sense_interrupt(Fdc *s)
{
    int n = -1;

    for (int i = 0; i < NUM_DRIVES && n < 0; i++) {
        n = s->seek_done[i] ? i : -1;
    }
    if (s->sense_left) {
        n = NUM_DRIVES - s->sense_left--;
        s->fifo[0] = (uint8_t)(ST0_READY_CHANGED | n);
    } else if (n >= 0) {
        s->fifo[0] = s->seek_st0[n];
        s->seek_done[n] = 0;
    } else {
        result_byte(s, ST0_INVALID);
        return;
    }
    s->fifo[1] = s->drive[n].track;
    set_irq(s, 0);
    result_phase(s, 2);
}

/* -- Control commands -------------------------------------------------------- */

static void cmd_specify(Fdc *s)
{
    s->srt_hut = s->fifo[1];
    s->hlt_nd = s->fifo[2];
    command_phase(s);
}

/* 5.2.3 */
static void cmd_sense_drive(Fdc *s)
{
    FloppyDrive *d;

    s->drv = s->fifo[1] & 3;
    d = cur_drive(s);
    result_byte(s, (uint8_t)(ST3_READY | ST3_TWO_SIDES | (s->fifo[1] & 7) |
                             (d->blk && d->track == 0 ? ST3_TRACK0 : 0) |
                             (d->format && blk_is_read_only(d->blk) ? ST3_PROTECTED : 0)));
}

/* 5.2.10 */
static void cmd_dumpreg(Fdc *s)
{
    for (int i = 0; i < NUM_DRIVES; i++) {
        s->fifo[i] = s->drive[i].track;
    }
    s->fifo[4] = s->srt_hut;
    s->fifo[5] = s->hlt_nd;
    s->fifo[6] = s->eot;
    s->fifo[7] = (uint8_t)(s->lock << 7 | s->perpendicular);
    s->fifo[8] = s->config;
    s->fifo[9] = s->pretrk;
    result_phase(s, 10);
}

static void cmd_version(Fdc *s)
{
    result_byte(s, 0x90);               /* 5.2.8: enhanced controller */
}

static void cmd_perpendicular(Fdc *s)
{
    /* 5.2.11: drive bits change only with OW */
    s->perpendicular = s->fifo[1] & 0x80 ? s->fifo[1] & 0x3f
                     : (uint8_t)((s->perpendicular & 0x3c) | (s->fifo[1] & 3));
    command_phase(s);
}

static void cmd_configure(Fdc *s)
{
    s->config = s->fifo[2] & 0x7f;
    s->pretrk = s->fifo[3];
    command_phase(s);
}

static void cmd_lock(Fdc *s)
{
    s->lock = s->fifo[0] >> 7;
    result_byte(s, (uint8_t)(s->lock << 4));
}

static void cmd_powerdown(Fdc *s)
{
    s->powerdown = s->fifo[1];
    result_byte(s, s->powerdown);
}

static void cmd_part_id(Fdc *s)
{
    result_byte(s, 0x41);               /* 82078, 64 pins */
}

static void cmd_option(Fdc *s)
{
    s->option = s->fifo[1];
    command_phase(s);
}

/* 5.2.13: bytes for up to four drives; the last has bit 7, bit 6 no result. */
static void cmd_drive_specification(Fdc *s)
{
    uint8_t last = s->fifo[s->fifo_pos - 1];

    if (!(last & 0x80) && s->fifo_pos < 6) {
        s->drive_spec[last >> 5 & 3] = last & 0x1f;
        s->fifo_len++;                  /* another one */
        return;
    }
    if (last & 0x40) {
        command_phase(s);
    } else {
        memcpy(s->fifo, s->drive_spec, NUM_DRIVES);
        result_phase(s, NUM_DRIVES);
    }
}

/* 5.2.14, 5.2.15: what a power-down would lose; RESTORE takes it back. */
static void cmd_save(Fdc *s)
{
    uint8_t tracks[NUM_DRIVES];

    for (int i = 0; i < NUM_DRIVES; i++) {
        tracks[i] = s->drive[i].track;
    }
    memset(s->fifo, 0, sizeof(s->fifo));
    s->fifo[0] = s->option;
    s->fifo[1] = s->powerdown;
    memcpy(s->fifo + 2, tracks, NUM_DRIVES);
    s->fifo[6] = s->srt_hut;
    s->fifo[7] = s->hlt_nd;
    s->fifo[8] = s->eot;
    s->fifo[9] = (uint8_t)(s->lock << 7 | s->perpendicular);
    s->fifo[10] = s->config;
    s->fifo[11] = s->pretrk;
    memcpy(s->fifo + 12, s->drive_spec, NUM_DRIVES);
    result_phase(s, 16);
}

static void cmd_restore(Fdc *s)
{
    const uint8_t *p = s->fifo + 1;

    s->option = p[0];
    s->powerdown = p[1];
    s->srt_hut = p[6];
    s->hlt_nd = p[7];
    s->eot = p[8];
    s->lock = p[9] >> 7;
    s->perpendicular = p[9] & 0x3f;
    s->config = p[10];
    s->pretrk = p[11];
    memcpy(s->drive_spec, p + 12, NUM_DRIVES);
    command_phase(s);
}

static void cmd_invalid(Fdc *s)
{
    log_guest("fdc", "invalid command %02xh", s->fifo[0]);
    result_byte(s, ST0_INVALID);
}

/* Table 5-1.  First match counts. */
/* clang-format off */
static const Command commands[] = {
    { 0x1f, 0x06, "READ DATA",            8, cmd_data,          EXEC_READ },
    { 0x3f, 0x05, "WRITE DATA",           8, cmd_data,          EXEC_WRITE },
    { 0x3f, 0x09, "WRITE DELETED DATA",   8, cmd_data,          EXEC_WRITE },
    { 0x1f, 0x0c, "READ DELETED DATA",    8, cmd_read_deleted,  0 },
    { 0x9f, 0x02, "READ TRACK",           8, cmd_read_track,    0 },
    { 0x1f, 0x16, "VERIFY",               8, cmd_verify,        0 },
    { 0xbf, 0x0d, "FORMAT TRACK",         5, cmd_format,        EXEC_FORMAT },
    { 0xbf, 0xad, "FORMAT AND WRITE",     5, cmd_format,        EXEC_FORMAT_WRITE },
    { 0x1f, 0x11, "SCAN EQUAL",           8, cmd_data,          EXEC_SCAN },
    { 0x1f, 0x19, "SCAN LOW OR EQUAL",    8, cmd_data,          EXEC_SCAN },
    { 0x1f, 0x1d, "SCAN HIGH OR EQUAL",   8, cmd_data,          EXEC_SCAN },
    { 0xff, 0x07, "RECALIBRATE",          1, cmd_recalibrate,   0 },
    { 0xff, 0x08, "SENSE INTERRUPT",      0, cmd_sense_interrupt, 0 },
    { 0xff, 0x03, "SPECIFY",              2, cmd_specify,       0 },
    { 0xff, 0x04, "SENSE DRIVE STATUS",   1, cmd_sense_drive,   0 },
    { 0xff, 0x8e, "DRIVE SPECIFICATION",  1, cmd_drive_specification, 0 },
    { 0xff, 0x0f, "SEEK",                 2, cmd_seek,          0 },
    { 0xbf, 0x8f, "RELATIVE SEEK",        2, cmd_relative_seek, 0 },
    { 0xbf, 0x0a, "READ ID",              1, cmd_read_id,       0 },
    { 0xff, 0x0e, "DUMPREG",              0, cmd_dumpreg,       0 },
    { 0xff, 0x10, "VERSION",              0, cmd_version,       0 },
    { 0xff, 0x12, "PERPENDICULAR MODE",   1, cmd_perpendicular, 0 },
    { 0xff, 0x13, "CONFIGURE",            3, cmd_configure,     0 },
    { 0x7f, 0x14, "LOCK",                 0, cmd_lock,          0 },
    { 0xff, 0x17, "POWERDOWN MODE",       1, cmd_powerdown,     0 },
    { 0xff, 0x18, "PART ID",              0, cmd_part_id,       0 },
    { 0xff, 0x2e, "SAVE",                 0, cmd_save,          0 },
    { 0xff, 0x33, "OPTION",               1, cmd_option,        0 },
    { 0xff, 0x4e, "RESTORE",             16, cmd_restore,       0 },
    { 0x00, 0x00, "invalid",              0, cmd_invalid,       0 },
};
/* clang-format on */

static const Command *find_command(uint8_t byte)
{
    const Command *c = commands;

    while ((byte & c->mask) != c->value) {
        c++;
    }
    return c;
}

/* -- Reset ------------------------------------------------------------------- */

static void stop_transfer(Fdc *s)
{
    if (s->aio) {
        blk_aio_cancel(s->aio);
        s->aio = NULL;
    }
    set_dreq(s, 0);
    command_phase(s);
}

/* Entering reset, 4.1: LOCK keeps CONFIGURE's FIFO settings. */
static void enter_reset(Fdc *s)
{
    stop_transfer(s);
    set_irq(s, 0);
    s->sense_left = 0;
    memset(s->seek_done, 0, sizeof(s->seek_done));
    if (!s->lock) {
        s->config = (uint8_t)((s->config & ~0x2f) | 0x20);      /* FIFO off */
        s->pretrk = 0;
    }
    s->config &= (uint8_t)~(CONFIG_EIS | CONFIG_NO_POLL);
    s->perpendicular &= 0x3c;
}

/* 5.2.4.1: polling finds all four drives changed their ready state. */
static void leave_reset(Fdc *s)
{
    s->sense_left = NUM_DRIVES;
    set_irq(s, 1);
}

/* -- Registers --------------------------------------------------------------- */

static uint8_t read_msr(const Fdc *s)
{
    if (!(s->dor & DOR_NRESET)) {
        return 0;
    }
    switch (s->phase) {
    case PHASE_RESULT:
        return MSR_RQM | MSR_DIO | MSR_BUSY;
    case PHASE_DISK:
        return MSR_BUSY;
    case PHASE_MOVE:
        if (uses_dma(s)) {
            return MSR_BUSY;
        }
        return MSR_BUSY | MSR_NONDMA | MSR_RQM | (s->exec == EXEC_READ ? MSR_DIO : 0);
    default:
        return MSR_RQM | (s->fifo_pos ? MSR_BUSY : 0);
    }
}

static uint8_t read_fifo(Fdc *s)
{
    if (s->phase == PHASE_MOVE && !uses_dma(s) && s->exec == EXEC_READ) {
        return move_byte(s, false, 0);
    }
    if (s->phase != PHASE_RESULT) {
        log_guest("fdc", "FIFO read with nothing in it");
        return 0;
    }
    set_irq(s, 0);
    uint8_t val = s->fifo[s->fifo_pos++];

    if (s->fifo_pos == s->fifo_len) {
        command_phase(s);
    }
    return val;
}

static void write_fifo(Fdc *s, uint8_t val)
{
    if (!(s->dor & DOR_NRESET)) {
        return;
    }
    if (s->phase == PHASE_MOVE && !uses_dma(s) && s->exec != EXEC_READ) {
        move_byte(s, true, val);
        return;
    }
    if (s->phase != PHASE_COMMAND) {
        log_guest("fdc", "FIFO written while a command runs");
        return;
    }
    s->fifo[s->fifo_pos++] = val;
    if (s->fifo_pos == 1) {
        s->fifo_len = (uint8_t)(1 + find_command(val)->params);
    }
    if (s->fifo_pos == s->fifo_len) {
        find_command(s->fifo[0])->run(s);
    }
}

static void write_dor(Fdc *s, uint8_t val)
{
    uint8_t before = s->dor;

    s->dor = val;
    if (before & ~val & DOR_NRESET) {
        enter_reset(s);
    } else if (val & ~before & DOR_NRESET) {
        leave_reset(s);
    }
    drive_irq(s);
}

static void write_dsr(Fdc *s, uint8_t val)
{
    s->dsr = val & (uint8_t)~DSR_RESET;
    s->ccr = val & 3;
    if (val & DSR_RESET && s->dor & DOR_NRESET) {
        enter_reset(s);                 /* 2.1.5: clears itself */
        leave_reset(s);
    }
}

/* 2.1.8: DSKCHG of the selected drive, when its motor is on. */
static uint8_t read_dir(const Fdc *s)
{
    int n = s->dor & 3;
    const FloppyDrive *d = &s->drive[n];
    bool motor = s->dor & DOR_MOTOR0 << n;

    return motor && (!d->blk || d->changed || !d->format) ? 0x80 : 0;
}

static uint64_t fdc_read(void *opaque, hwaddr offset, unsigned size)
{
    Fdc *s = opaque;

    (void)size;
    switch (offset) {
    case DOR:  return s->dor;
    case TDR:  return s->tdr;
    case MSR:  return read_msr(s);
    case FIFO: return read_fifo(s);
    default:   return 0xff;             /* SRA, SRB: PS/2 mode only */
    }
}

static void fdc_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    Fdc *s = opaque;

    (void)size;
    switch (offset) {
    case DOR:  write_dor(s, (uint8_t)val); break;
    case TDR:  s->tdr = val & 3; break;
    case MSR:  write_dsr(s, (uint8_t)val); break;
    case FIFO: write_fifo(s, (uint8_t)val); break;
    default:   log_guest("fdc", "write to read-only port %u", (unsigned)offset);
    }
}

static uint64_t dir_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)offset;
    (void)size;
    return read_dir(opaque);
}

static void ccr_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    (void)offset;
    (void)size;
    ((Fdc *)opaque)->ccr = val & 3;
}

/* -- Type -------------------------------------------------------------------- */

static void medium_changed(void *opaque, bool loaded)
{
    FloppyDrive *d = opaque;

    (void)loaded;
    d->changed = 1;
    floppy_load(d);
}

static const BlockDevOps dev_ops = { .medium_changed = medium_changed };

int fdc_drive_kind(const Device *fdc, int drive)
{
    const Fdc *s = (const Fdc *)fdc;

    return drive >= 0 && drive < 2 && s->drive[drive].blk ? s->drive[drive].kind : 0;
}

static int fdc_realize(Device *dev, Error *err)
{
    Fdc *s = (Fdc *)dev;

    if (s->channel > 3) {
        return error_set(err, EINVAL, "fdc: channel=%u: the 8237 has 0 to 3", s->channel);
    }
    for (int i = 0; i < 2; i++) {
        FloppyDrive *d = &s->drive[i];

        if (s->blk[i]) {
            int ret = blk_attach_dev(s->blk[i], "fdc", &dev_ops, d, err);

            if (ret < 0) {
                return ret;
            }
            d->blk = s->blk[i];
            floppy_load(d);
        }
    }
    if (s->dma) {
        i8237_set_peer(s->dma, (int)s->channel, dma_granted, s);
    }
    return 0;
}

static void fdc_reset(Device *dev)
{
    Fdc *s = (Fdc *)dev;

    s->lock = 0;
    s->dor = 0;                         /* 2.1.3: held in reset */
    s->tdr = s->option = s->powerdown = s->perpendicular = 0;
    s->dsr = s->ccr = RATE_250;         /* 2.1.5: default */
    s->srt_hut = s->hlt_nd = s->eot = 0;
    s->config = s->pretrk = 0;
    s->exec = s->drv = s->st0 = s->st1 = s->st2 = 0;
    s->track = s->head = s->sector = s->tc = 0;
    memset(s->drive_spec, 0, sizeof(s->drive_spec));
    memset(s->seek_st0, 0, sizeof(s->seek_st0));
    for (int i = 0; i < NUM_DRIVES; i++) {
        s->drive[i].track = s->drive[i].next_id = 0;
        s->drive[i].changed = 1;
        floppy_load(&s->drive[i]);
    }
    enter_reset(s);
    s->pos = s->len = 0;
    memset(s->fifo, 0, sizeof(s->fifo));
    memset(s->buffer, 0, sizeof(s->buffer));
    memset(s->compare, 0, sizeof(s->compare));
}

static int fdc_post_load(Device *dev, Error *err)
{
    Fdc *s = (Fdc *)dev;

    if (s->phase >= PHASE_NUM || s->phase == PHASE_DISK || s->exec >= EXEC_NUM ||
        s->fifo_len > 17 || s->fifo_pos > s->fifo_len || s->len > MAX_RUN ||
        s->pos > s->len || s->head > 1 || s->drv >= NUM_DRIVES || s->sense_left > NUM_DRIVES ||
        (s->phase == PHASE_MOVE ? s->pos == s->len || !s->drive[s->drv].format
                                : s->fifo_pos == s->fifo_len)) {
        return error_set(err, EINVAL, "fdc: the snapshot is damaged, or of another floppy");
    }
    for (int i = 0; i < NUM_DRIVES; i++) {
        s->drive[i].track = MIN(s->drive[i].track, FLOPPY_MAX_TRACK);
    }
    drive_irq(s);
    return 0;
}

static void fdc_free(Device *dev)
{
    Fdc *s = (Fdc *)dev;

    if (s->aio) {
        blk_aio_cancel(s->aio);
    }
    for (int i = 0; i < 2; i++) {
        if (s->drive[i].blk) {
            blk_detach_dev(s->drive[i].blk);
        }
    }
}

static const MemoryRegionOps fdc_ops = { fdc_read, fdc_write, 1, 1 };
static const MemoryRegionOps dir_ops = { dir_read, ccr_write, 1, 1 };

static const WindowDef fdc_windows[] = {
    { "fdc", true, 6, NULL, &fdc_ops },
    { "fdc-dir", true, 1, NULL, &dir_ops },
    { NULL, false, 0, NULL, NULL }
};

static const PropDef fdc_props[] = {
    { "driveA", PROP_DRIVE, offsetof(Fdc, blk[0]), 0, "first drive" },
    { "driveB", PROP_DRIVE, offsetof(Fdc, blk[1]), 0, "second drive" },
    { "dma", PROP_LINK, offsetof(Fdc, dma), 0, "the 8237" },
    { "channel", PROP_U32, offsetof(Fdc, channel), 2, "its channel" },
    { NULL, PROP_BOOL, 0, 0, NULL }
};

static const VMField fdc_vmstate[] = {
    VM_FIELD(Fdc, dor),
    VM_FIELD(Fdc, tdr),
    VM_FIELD(Fdc, dsr),
    VM_FIELD(Fdc, ccr),
    VM_FIELD(Fdc, phase),
    VM_FIELD(Fdc, exec),
    VM_FIELD(Fdc, irq),
    VM_ARRAY(Fdc, fifo),
    VM_FIELD(Fdc, fifo_pos),
    VM_FIELD(Fdc, fifo_len),
    VM_FIELD(Fdc, drv),
    VM_FIELD(Fdc, st0),
    VM_FIELD(Fdc, st1),
    VM_FIELD(Fdc, st2),
    VM_FIELD(Fdc, sense_left),
    VM_ARRAY(Fdc, seek_st0),
    VM_ARRAY(Fdc, seek_done),
    VM_FIELD(Fdc, srt_hut),
    VM_FIELD(Fdc, hlt_nd),
    VM_FIELD(Fdc, config),
    VM_FIELD(Fdc, pretrk),
    VM_FIELD(Fdc, perpendicular),
    VM_FIELD(Fdc, lock),
    VM_FIELD(Fdc, option),
    VM_FIELD(Fdc, powerdown),
    VM_FIELD(Fdc, eot),
    VM_ARRAY(Fdc, drive_spec),
    VM_FIELD(Fdc, pos),
    VM_FIELD(Fdc, len),
    VM_FIELD(Fdc, track),
    VM_FIELD(Fdc, head),
    VM_FIELD(Fdc, sector),
    VM_FIELD(Fdc, tc),
    VM_ARRAY(Fdc, buffer),
    VM_ARRAY(Fdc, compare),
    VM_STRUCTS(Fdc, drive, NUM_DRIVES, floppy_vmstate),
    VM_END
};

const DeviceType fdc_type = {
    .name       = "fdc",
    .desc       = "floppy disk controller",
    .manual     = "Intel 290468 (82078)",
    .bus        = "sys",
    .state_size = sizeof(Fdc),
    .windows    = fdc_windows,
    .props      = fdc_props,
    .vmstate    = fdc_vmstate,
    .num_irqs   = 1,
    .realize    = fdc_realize,
    .reset      = fdc_reset,
    .post_load  = fdc_post_load,
    .free       = fdc_free,
};
