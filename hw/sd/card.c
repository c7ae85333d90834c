/* SPDX-License-Identifier: MIT */
/*
 * SD memory card in SD mode (SD Specifications Part 1, Physical Layer Simplified
 * Specification 3.01; sections are that document's).
 *
 *   idle --ACMD41--> ready --CMD2--> ident --CMD3--> stby --CMD7--> tran
 *                                                                  |   ^
 *             image --fetch()--> buf --sd_read()--> host   (data)  +---+
 *             image <--flush()-- buf <--sd_write()-- host  (rcv, prg)
 *
 * The one idea: a data command only notes where in the image it is (`at`, `left`)
 * and what `buf` holds (`pos`, `len`).  What to ask of the host follows from these
 * alone (kick()), so that it can be done later, when an abandoned request is out
 * of the way, or again, after a snapshot.  A read fetches ever larger pieces ahead
 * of the guest, a write is collected to pieces of the size of buf.
 *
 * Images up to 2 GiB are standard capacity cards, addressed by byte, with a CSD of
 * version 1; larger ones are high capacity, addressed by block.  The CSD cannot
 * say every size; such an image is refused.
 *
 * A card has no flush command: a write is done when busy ends, and whether that
 * is on the host's disk is decided by the drive's cache=.
 *
 * Not modelled: SPI mode, UHS-I (voltage switch, tuning), passwords (CMD42: class
 * 7 is not in the CSD, so it is an illegal command), the security commands
 * (ACMD18 ...), time that programming and erasing take; write protected groups
 * are forgotten when the card is taken out.
 */
#include "hw/sd/sd.h"

#include <errno.h>
#include <string.h>

#include "block/block.h"
#include "util/bits.h"
#include "util/log.h"

enum {
    BLOCK = 512, FIRST_CHUNK = 8 << 10, BUFFER = 64 << 10, REGISTER_MAX = 512,
    WP_GROUPS = 128, CSD_COPY_AND_PROTECT = 0x7c,       /* byte 14, bits 14:10 */
    CSD_PERM_PROTECT = 0x20, CSD_TMP_PROTECT = 0x10,
};
#define SDSC_MAX (2ull << 30)
#define SD_MAX   (2ull << 40)
#define HC_UNIT  (512u << 10)
#define NO_COUNT 0

/* 4.10.1, CURRENT_STATE; SD_INACTIVE has no number there. */
typedef enum SDState {
    SD_IDLE, SD_READY, SD_IDENT, SD_STBY, SD_TRAN, SD_DATA, SD_RCV, SD_PRG, SD_DIS,
    SD_INACTIVE, SD_NUM_STATES
} SDState;

/* Table 4-36, card status. */
#define OUT_OF_RANGE    (1u << 31)
#define ADDRESS_ERROR   (1u << 30)
#define BLOCK_LEN_ERROR (1u << 29)
#define ERASE_SEQ_ERROR (1u << 28)
#define ERASE_PARAM     (1u << 27)
#define WP_VIOLATION    (1u << 26)
#define ILLEGAL_COMMAND (1u << 22)
#define CARD_ECC_FAILED (1u << 21)
#define GENERAL_ERROR   (1u << 19)
#define CSD_OVERWRITE   (1u << 16)
#define WP_ERASE_SKIP   (1u << 15)
#define ERASE_RESET     (1u << 13)
#define READY_FOR_DATA  (1u << 8)
#define APP_CMD         (1u << 5)

/* 4.9.5: R6 carries these, and the lower bits as they are. */
#define R6_ERRORS       (ILLEGAL_COMMAND | GENERAL_ERROR | 1u << 23)

#define OCR_BUSY        (1u << 31)      /* 5.1: 1 is power up done */
#define OCR_CCS         (1u << 30)
#define OCR_VOLTAGES    0x00ff8000u     /* 2.7 to 3.6 V */

typedef enum DataKind {
    DATA_NONE,
    DATA_REG_OUT, DATA_REG_IN,          /* reg[pos .. len) */
    DATA_READ, DATA_WRITE,              /* the image, through buf */
    DATA_NUM
} DataKind;

typedef enum EraseSeq { ERASE_NONE, ERASE_HAS_START, ERASE_HAS_END, ERASE_NUM } EraseSeq;

typedef struct SDCard {
    Device dev;
    BlockDriverState *blk;
    bool attached, protect;
    const SDHostOps *host;
    void *host_opaque;
    /* The medium: found by look_at_medium(). */
    uint64_t size;                      /* 0: the slot is empty */
    bool high_capacity;
    uint8_t block_len_log, size_mult;   /* CSD version 1 */
    /* Registers and the state machine. */
    uint8_t state, app, bus_width, high_speed, host_knows_hc, powered_up;
    uint8_t csd_flags;                  /* byte 14 of the CSD */
    uint8_t erase_seq, erasing;
    uint16_t rca;
    uint32_t errors;                    /* of the card status, not yet told */
    uint32_t block_len;                 /* CMD16 */
    uint32_t block_count;               /* CMD23, for the next command */
    uint32_t written;                   /* ACMD22, blocks */
    uint64_t erase_start, erase_end;    /* bytes */
    uint8_t wp_groups[WP_GROUPS / 8];
    /* Data. */
    uint8_t data;                       /* DataKind */
    uint8_t in_command;                 /* DATA_REG_IN: for CMD27, 56 */
    uint8_t counted;                    /* ends by itself */
    uint8_t flushing;                   /* buf[0 .. pos) goes to the image */
    uint32_t pos, len, chunk;
    uint64_t at, left;                  /* in the image: next byte, bytes to go */
    uint8_t reg[REGISTER_MAX], buf[BUFFER];
    /* The host's request for buf, or an erasure. */
    BlockAIOCB *aio;
    bool stale;                         /* nobody waits for it any more */
    QEMUIOVector qiov;
    struct iovec one;
} SDCard;

static const char *name_of(const SDCard *s)
{
    return s->dev.id ? s->dev.id : s->dev.type->name;
}

/* -- Registers of the card (chapter 5) --------------------------------------- */

/* Bits hi:lo of a register of `len` bytes whose bit 0 is the last one. */
static void put_field(uint8_t *reg, unsigned len, int hi, int lo, uint32_t val)
{
    for (int bit = lo; bit <= hi; bit++, val >>= 1) {
        uint8_t *byte = &reg[len - 1 - (unsigned)bit / 8];
        uint8_t mask = (uint8_t)(1u << (bit % 8));

        *byte = (uint8_t)(val & 1 ? *byte | mask : *byte & ~mask);
    }
}

/* 4.5: x^7 + x^3 + 1 over the first 15 bytes, and the end bit. */
static void put_crc7(uint8_t reg[16])
{
    uint8_t crc = 0;

    for (int i = 0; i < 15; i++) {
        for (int k = 7; k >= 0; k--) {
            bool flip = (crc >> 6 & 1) != (reg[i] >> k & 1);

            crc = (uint8_t)(crc << 1 & 0x7f);
            crc ^= flip ? 0x09 : 0;
        }
    }
    reg[15] = (uint8_t)(crc << 1 | 1);
}

/* 5.2 */
static void make_cid(const SDCard *s, uint8_t cid[16])
{
    const char *serial = blk_conf(s->blk)->serial;
    uint32_t number = 0;

    for (; *serial; serial++) {
        number = number * 31 + (uint8_t)*serial;
    }
    memcpy(cid, "\x7fQEQEMU0\x10", 9);  /* maker, application, name, revision 1.0 */
    store_be(cid + 9, number, 4);
    store_be(cid + 13, 0x0091, 2);      /* January 2009 */
    put_crc7(cid);
}

static bool is_protected(const SDCard *s)
{
    return s->protect || blk_is_read_only(s->blk);
}

/* Blocks of WRITE_BL_LEN per erasable sector, sectors per group: 128 each. */
static uint64_t group_size(const SDCard *s)
{
    return 128ull * 128 << s->block_len_log;
}

/* 5.3.2, table 5-4 */
static void make_csd_v1(const SDCard *s, uint8_t csd[16])
{
    unsigned unit_log = s->block_len_log + s->size_mult + 2u;

    put_field(csd, 16, 119, 112, 0x26);                 /* TAAC 1.5 ms */
    put_field(csd, 16, 95, 84, 0x575);                  /* CCC: 0 2 4 5 6 8 10 */
    put_field(csd, 16, 83, 80, s->block_len_log);       /* READ_BL_LEN */
    put_field(csd, 16, 79, 79, 1);                      /* READ_BL_PARTIAL */
    put_field(csd, 16, 73, 62, (uint32_t)(s->size >> unit_log) - 1);
    put_field(csd, 16, 61, 50, 0xb6d);                  /* VDD currents: 35, 25 mA */
    put_field(csd, 16, 49, 47, s->size_mult);
    put_field(csd, 16, 38, 32, 127);                    /* WP_GRP_SIZE */
    put_field(csd, 16, 31, 31, 1);                      /* WP_GRP_ENABLE */
    put_field(csd, 16, 25, 22, s->block_len_log);       /* WRITE_BL_LEN */
}

/* 5.3.3, table 5-16 */
static void make_csd_v2(const SDCard *s, uint8_t csd[16])
{
    put_field(csd, 16, 127, 126, 1);
    put_field(csd, 16, 119, 112, 0x0e);
    put_field(csd, 16, 95, 84, 0x535);                  /* CCC: 0 2 4 5 8 10 */
    put_field(csd, 16, 83, 80, 9);
    put_field(csd, 16, 69, 48, (uint32_t)(s->size / HC_UNIT) - 1);
    put_field(csd, 16, 25, 22, 9);
}

static void make_csd(const SDCard *s, uint8_t csd[16])
{
    memset(csd, 0, 16);
    if (s->high_capacity) {
        make_csd_v2(s, csd);
    } else {
        make_csd_v1(s, csd);
    }
    put_field(csd, 16, 103, 96, s->high_speed ? 0x5a : 0x32);   /* 50, 25 MHz */
    put_field(csd, 16, 46, 46, 1);                      /* ERASE_BLK_EN */
    put_field(csd, 16, 45, 39, 127);                    /* SECTOR_SIZE */
    put_field(csd, 16, 28, 26, 2);                      /* R2W_FACTOR: 4 */
    csd[14] = (uint8_t)(s->csd_flags | (is_protected(s) ? CSD_PERM_PROTECT : 0));
    put_crc7(csd);
}

/* 5.6: version 3.0x, CMD23, erased data are 0, 1 and 4 bit bus */
static void make_scr(const SDCard *s, uint8_t scr[8])
{
    memset(scr, 0, 8);
    put_field(scr, 8, 59, 56, 2);                       /* SD_SPEC */
    put_field(scr, 8, 54, 52, s->high_capacity ? 3 : 2);
    put_field(scr, 8, 51, 48, 5);                       /* SD_BUS_WIDTHS */
    put_field(scr, 8, 47, 47, 1);                       /* SD_SPEC3 */
    put_field(scr, 8, 33, 33, 1);                       /* CMD23 */
}

/* 4.3.10: the 512-bit status of CMD6; group g from 1. */
static void make_switch_status(SDCard *s, uint32_t arg)
{
    unsigned chosen[7];
    bool fails = false;

    for (int g = 1; g <= 6; g++) {
        unsigned want = arg >> (4 * (g - 1)) & 15;
        unsigned have = g == 1 ? s->high_speed : 0;

        chosen[g] = want == 15 ? have : want > (g == 1 ? 1u : 0u) ? 15 : want;
        fails |= chosen[g] == 15;
    }
    memset(s->reg, 0, 64);
    put_field(s->reg, 64, 511, 496, fails ? 0 : 100);   /* mA */
    for (int g = 1; g <= 6; g++) {
        int hi = 415 + 16 * (g - 1), result = 379 + 4 * (g - 1);

        put_field(s->reg, 64, hi, hi - 15, g == 1 ? 0x8003 : 0x8001);
        put_field(s->reg, 64, result, result - 3, chosen[g]);
    }
    if (arg >> 31 && !fails) {
        s->high_speed = (uint8_t)chosen[1];
    }
}

/* -- The medium -------------------------------------------------------------- */

/* The smallest unit of size that the CSD has for it; 0: it is too large. */
static uint64_t size_unit(uint64_t size)
{
    uint64_t unit = 2048;               /* 5.3.2: 2 ^ (9 + 0 + 2) */

    if (size > SDSC_MAX) {
        return size > SD_MAX ? 0 : HC_UNIT;
    }
    while (size / unit > 4096) {
        unit *= 2;
    }
    return unit;
}

static bool fits_csd(uint64_t size)
{
    uint64_t unit = size_unit(size);

    return unit && size && size % unit == 0;
}

static void measure(SDCard *s, uint64_t size)
{
    uint64_t unit = size_unit(size);

    s->size = size;
    s->high_capacity = size > SDSC_MAX;
    s->block_len_log = 9;
    s->size_mult = 0;
    while (unit > 1ull << (s->block_len_log + s->size_mult + 2)) {
        if (s->size_mult < 7) {
            s->size_mult++;
        } else {
            s->block_len_log++;
        }
    }
}

static void drive_wires(const SDCard *s)
{
    qemu_set_irq(s->dev.irq[SD_OUT_PRESENT], s->size != 0);
    qemu_set_irq(s->dev.irq[SD_OUT_PROTECTED], s->size && is_protected(s));
}

static void look_at_medium(SDCard *s)
{
    uint64_t size = s->blk && blk_is_inserted(s->blk) ? blk_length(s->blk) : 0;

    if (size && !fits_csd(size)) {
        log_unimp(name_of(s), "an image of %llu bytes: no card has that size, the slot "
                  "stays empty", (unsigned long long)size);
        size = 0;
    }
    measure(s, size);
}

static bool group_protected(const SDCard *s, uint64_t addr)
{
    uint64_t g = addr / group_size(s);

    return !s->high_capacity && g < WP_GROUPS && s->wp_groups[g / 8] >> (g % 8) & 1;
}

static bool write_allowed(const SDCard *s, uint64_t addr)
{
    return !is_protected(s) && !group_protected(s, addr) &&
           !(s->csd_flags & (CSD_PERM_PROTECT | CSD_TMP_PROTECT));
}

/* -- The image --------------------------------------------------------------- */

static void tell_host(const SDCard *s)
{
    if (s->host) {
        s->host->ready(s->host_opaque);
    }
}

static void end_data(SDCard *s)
{
    s->data = DATA_NONE;
    s->pos = s->len = 0;
    s->left = 0;
    if (s->state == SD_DATA || s->state == SD_RCV || s->state == SD_PRG) {
        s->state = SD_TRAN;
    } else if (s->state == SD_DIS) {
        s->state = SD_STBY;
    }
}

static void io_done(void *opaque, int ret);

static void transfer(SDCard *s, bool write, uint32_t len)
{
    iov_init_buf(&s->qiov, &s->one, s->buf, len);
    s->aio = write ? blk_aio_pwritev(s->blk, s->at, &s->qiov, io_done, s)
                   : blk_aio_preadv(s->blk, s->at, &s->qiov, io_done, s);
}

/* Ask of the host what the state calls for, if nothing is under way. */
static void kick(SDCard *s)
{
    if (s->aio) {
        return;
    }
    if (s->erasing) {
        s->aio = blk_aio_write_zeroes(s->blk, s->erase_start,
                                      s->erase_end - s->erase_start, io_done, s);
    } else if (s->flushing) {
        transfer(s, true, s->pos);
    } else if (s->data == DATA_READ && s->pos == s->len && s->left) {
        s->chunk = MIN(s->chunk * 2, BUFFER);
        transfer(s, false, (uint32_t)MIN(s->chunk, s->left));
    }
}

static void fetched(SDCard *s, int ret)
{
    uint32_t len = (uint32_t)s->one.iov_len;

    s->pos = 0;
    s->len = len;
    s->at += len;
    s->left -= len;
    if (ret < 0) {
        s->errors |= CARD_ECC_FAILED;   /* and no data */
        s->left = s->len = 0;
        if (s->counted) {
            end_data(s);
        }
    }
}

static void flushed(SDCard *s, int ret)
{
    s->flushing = 0;
    s->at += s->pos;
    s->left -= s->pos;
    if (ret < 0) {
        s->errors |= GENERAL_ERROR;
    } else {
        s->written += s->pos / BLOCK;
    }
    s->pos = 0;
    if (s->state == SD_PRG || s->state == SD_DIS) {
        end_data(s);
    }
}

static void io_done(void *opaque, int ret)
{
    SDCard *s = opaque;
    bool stale = s->stale;

    s->aio = NULL;
    s->stale = false;
    if (stale) {
        kick(s);
    } else if (s->erasing) {
        s->erasing = 0;
        s->errors |= ret < 0 ? GENERAL_ERROR : 0;
        end_data(s);
    } else if (s->flushing) {
        flushed(s, ret);
    } else {
        fetched(s, ret);
    }
    tell_host(s);
}

/* Whole blocks that the host has sent are written, whatever happens next. */
static void flush(SDCard *s)
{
    s->pos -= s->pos % BLOCK;
    s->flushing = s->pos != 0;
    kick(s);
}

/* No more data; what is under way ends unseen. */
static void abandon(SDCard *s)
{
    if (s->data == DATA_WRITE && !s->flushing) {
        flush(s);
    }
    s->stale = s->aio != NULL;
    s->flushing = s->erasing = 0;
    end_data(s);
}

/* -- The host's side of data ------------------------------------------------- */

static size_t take(SDCard *s, const uint8_t *from, void *buf, size_t len)
{
    size_t n = MIN(len, s->len - s->pos);

    memcpy(buf, from + s->pos, n);
    s->pos += (uint32_t)n;
    return n;
}

size_t sd_read(Device *card, void *buf, size_t len)
{
    SDCard *s = (SDCard *)card;
    size_t n = 0;

    if (!s || !len) {
        return 0;
    }
    if (s->data == DATA_REG_OUT) {
        n = take(s, s->reg, buf, len);
        if (s->pos == s->len) {
            end_data(s);
        }
    } else if (s->data == DATA_READ && s->pos < s->len) {
        n = take(s, s->buf, buf, len);
        if (s->pos == s->len && !s->left && s->counted) {
            end_data(s);
        }
        kick(s);
    } else if (s->data == DATA_READ && !s->left && !s->counted) {
        s->errors |= s->errors & CARD_ECC_FAILED ? 0 : OUT_OF_RANGE;
    }
    return n;
}

static void program_csd(SDCard *s);

static size_t write_register(SDCard *s, const void *buf, size_t len)
{
    size_t n = MIN(len, s->len - s->pos);

    memcpy(s->reg + s->pos, buf, n);
    s->pos += (uint32_t)n;
    if (s->pos == s->len) {
        if (s->in_command == 27) {
            program_csd(s);
        }
        end_data(s);
    }
    return n;
}

static size_t write_image(SDCard *s, const void *buf, size_t len)
{
    if (s->flushing || s->aio || s->state != SD_RCV) {
        return 0;
    }
    if (!s->left) {                     /* past the last block: dropped */
        s->errors |= OUT_OF_RANGE;
        return len;
    }
    uint32_t room = (uint32_t)MIN(s->left, BUFFER);
    size_t n = MIN(len, room - s->pos);

    memcpy(s->buf + s->pos, buf, n);
    s->pos += (uint32_t)n;
    if (s->pos == room) {
        if (s->counted && s->left == room) {
            s->state = SD_PRG;
        }
        flush(s);
    }
    return n;
}

size_t sd_write(Device *card, const void *buf, size_t len)
{
    SDCard *s = (SDCard *)card;

    if (!s || !len) {
        return 0;
    }
    return s->data == DATA_REG_IN ? write_register(s, buf, len)
         : s->data == DATA_WRITE ? write_image(s, buf, len) : 0;
}

bool sd_busy(const Device *card)
{
    const SDCard *s = (const SDCard *)card;

    return s && (s->state == SD_PRG || s->flushing);
}

bool sd_waits(const Device *card)
{
    const SDCard *s = (const SDCard *)card;

    return s && s->aio;
}

bool sd_inserted(const Device *card)
{
    return card && ((const SDCard *)card)->size;
}

bool sd_protected(const Device *card)
{
    return sd_inserted(card) && is_protected((const SDCard *)card);
}

/* -- Commands ---------------------------------------------------------------- */

typedef enum Verdict { OK, SILENT, ILLEGAL } Verdict;
typedef enum ReplyKind { R0, R1, R2_CID, R2_CSD, R3, R6, R7 } ReplyKind;

typedef struct SDCommand {
    const char *name;
    Verdict (*run)(SDCard *s, uint32_t arg);
    uint16_t states;                    /* where it is legal: table 4-29 */
    uint8_t reply;
    uint8_t only_sdsc;
} SDCommand;

static bool is_addressed(const SDCard *s, uint32_t arg)
{
    return arg >> 16 == s->rca;
}

static void go_idle(SDCard *s)
{
    abandon(s);
    s->state = SD_IDLE;
    s->app = s->high_speed = s->bus_width = s->host_knows_hc = s->powered_up = 0;
    s->erase_seq = ERASE_NONE;
    s->rca = 0;
    s->errors = s->written = 0;
    s->block_len = BLOCK;
    s->block_count = NO_COUNT;
    s->csd_flags &= (uint8_t)~CSD_TMP_PROTECT;
}

static Verdict go_idle_state(SDCard *s, uint32_t arg)
{
    (void)arg;
    go_idle(s);
    return OK;
}

static Verdict all_send_cid(SDCard *s, uint32_t arg)
{
    (void)arg;
    s->state = SD_IDENT;
    return OK;
}

static Verdict send_relative_addr(SDCard *s, uint32_t arg)
{
    (void)arg;
    s->rca = (uint16_t)(s->rca + 1);
    s->rca = s->rca ? s->rca : 1;
    s->state = SD_STBY;
    return OK;
}

static void send_register(SDCard *s, uint32_t len)
{
    s->data = DATA_REG_OUT;
    s->state = SD_DATA;
    s->pos = 0;
    s->len = len;
}

static void receive_register(SDCard *s, uint8_t command, uint32_t len)
{
    s->data = DATA_REG_IN;
    s->in_command = command;
    s->state = SD_RCV;
    s->pos = 0;
    s->len = len;
}

static Verdict switch_func(SDCard *s, uint32_t arg)
{
    make_switch_status(s, arg);
    send_register(s, 64);
    return OK;
}

/* 4.1: another card's address deselects this one, without a reply. */
static Verdict select_card(SDCard *s, uint32_t arg)
{
    bool mine = is_addressed(s, arg) && s->rca;

    if (mine && (s->state == SD_STBY || s->state == SD_DIS)) {
        s->state = s->state == SD_STBY ? SD_TRAN : SD_PRG;
        return OK;
    }
    if (mine) {
        return ILLEGAL;
    }
    if (s->state == SD_DATA) {
        abandon(s);
    }
    s->state = s->state == SD_TRAN ? SD_STBY : s->state == SD_PRG ? SD_DIS : s->state;
    return SILENT;
}

/* 4.3.13: only a host that knows this command may ask for high capacity. */
static Verdict send_if_cond(SDCard *s, uint32_t arg)
{
    if ((arg >> 8 & 15) != 1) {
        return SILENT;                  /* not our voltage */
    }
    s->host_knows_hc = 1;
    return OK;
}

static Verdict if_addressed(SDCard *s, uint32_t arg)
{
    return is_addressed(s, arg) ? OK : SILENT;
}

static Verdict stop_transmission(SDCard *s, uint32_t arg)
{
    (void)arg;
    if (s->state == SD_DATA) {
        abandon(s);
    } else if (s->data == DATA_WRITE) {
        s->state = SD_PRG;
        if (!s->flushing) {
            flush(s);
        }
        if (!s->flushing) {
            end_data(s);
        }
    } else {
        end_data(s);
    }
    return OK;
}

static Verdict go_inactive(SDCard *s, uint32_t arg)
{
    if (is_addressed(s, arg)) {
        abandon(s);
        s->state = SD_INACTIVE;
    }
    return SILENT;
}

/* 4.3.2: at most 512, whatever READ_BL_LEN says; not for high capacity. */
static Verdict set_blocklen(SDCard *s, uint32_t arg)
{
    if (!arg || arg > BLOCK) {
        s->errors |= BLOCK_LEN_ERROR;
    } else if (!s->high_capacity) {
        s->block_len = arg;
    }
    return OK;
}

static Verdict set_block_count(SDCard *s, uint32_t arg)
{
    s->block_count = arg;
    return OK;
}

/* Table 4-29: high capacity cards take block numbers. */
static uint64_t address_of(const SDCard *s, uint32_t arg)
{
    return s->high_capacity ? (uint64_t)arg * BLOCK : arg;
}

/* `count` blocks, 0: until stopped, or the end of the card. */
static bool set_range(SDCard *s, uint32_t arg, uint32_t block_len, uint64_t count)
{
    uint64_t at = address_of(s, arg);

    if (at + block_len > s->size) {
        s->errors |= OUT_OF_RANGE;
        return false;
    }
    if (at % BLOCK + block_len > BLOCK) {               /* no misaligned blocks */
        s->errors |= ADDRESS_ERROR;
        return false;
    }
    s->at = at;
    s->left = MIN(s->size - at, count ? count * block_len : ~0ull);
    s->left -= s->left % block_len;
    s->counted = count && s->left == count * block_len;
    s->pos = s->len = 0;
    return true;
}

static Verdict start_read(SDCard *s, uint32_t arg, uint64_t count)
{
    if (set_range(s, arg, s->block_len, count)) {
        s->data = DATA_READ;
        s->state = SD_DATA;
        s->chunk = FIRST_CHUNK / 2;
        kick(s);
    }
    return OK;
}

static Verdict start_write(SDCard *s, uint32_t arg, uint64_t count)
{
    if (s->block_len != BLOCK) {
        s->errors |= BLOCK_LEN_ERROR;   /* WRITE_BL_PARTIAL is 0 */
    } else if (set_range(s, arg, BLOCK, count)) {
        if (!write_allowed(s, s->at)) {
            s->errors |= WP_VIOLATION;
            return OK;
        }
        s->data = DATA_WRITE;
        s->state = SD_RCV;
        s->written = 0;
    }
    return OK;
}

static Verdict read_single_block(SDCard *s, uint32_t arg)
{
    return start_read(s, arg, 1);
}

static Verdict read_multiple_block(SDCard *s, uint32_t arg)
{
    return start_read(s, arg, s->block_count);
}

static Verdict write_block(SDCard *s, uint32_t arg)
{
    return start_write(s, arg, 1);
}

static Verdict write_multiple_block(SDCard *s, uint32_t arg)
{
    return start_write(s, arg, s->block_count);
}

/* 5.3, type R/W: COPY and PERM_WRITE_PROTECT can only be set. */
static void program_csd(SDCard *s)
{
    uint8_t now[16], flags = s->reg[14] & 0xfc, once = 0x60;

    make_csd(s, now);
    if (memcmp(now, s->reg, 14) || (now[14] & once & ~flags)) {
        s->errors |= CSD_OVERWRITE;
    } else {
        s->csd_flags = flags & CSD_COPY_AND_PROTECT;
    }
}

static Verdict program_csd_start(SDCard *s, uint32_t arg)
{
    (void)arg;
    receive_register(s, 27, 16);
    return OK;
}

static Verdict set_group(SDCard *s, uint32_t arg, bool on)
{
    uint64_t g = arg / group_size(s);

    if (arg >= s->size) {
        s->errors |= OUT_OF_RANGE;
    } else if (g < WP_GROUPS) {
        uint8_t mask = (uint8_t)(1u << (g % 8));

        s->wp_groups[g / 8] = (uint8_t)(on ? s->wp_groups[g / 8] | mask
                                           : s->wp_groups[g / 8] & ~mask);
    }
    return OK;
}

static Verdict set_write_prot(SDCard *s, uint32_t arg)
{
    return set_group(s, arg, true);
}

static Verdict clr_write_prot(SDCard *s, uint32_t arg)
{
    return set_group(s, arg, false);
}

/* 4.3.6: 32 groups from this one on, the first in the lowest bit. */
static Verdict send_write_prot(SDCard *s, uint32_t arg)
{
    uint32_t map = 0;

    if (arg >= s->size) {
        s->errors |= OUT_OF_RANGE;
        return OK;
    }
    for (unsigned i = 0; i < 32; i++) {
        uint64_t addr = arg + i * group_size(s);

        map |= (uint32_t)(addr < s->size && group_protected(s, addr)) << i;
    }
    store_be(s->reg, map, 4);
    send_register(s, 4);
    return OK;
}

static Verdict erase_wr_blk_start(SDCard *s, uint32_t arg)
{
    s->erase_start = address_of(s, arg);
    s->erase_seq = ERASE_HAS_START;
    if (s->erase_start >= s->size) {
        s->errors |= OUT_OF_RANGE;
        s->erase_seq = ERASE_NONE;
    }
    return OK;
}

static Verdict erase_wr_blk_end(SDCard *s, uint32_t arg)
{
    uint64_t end = address_of(s, arg);

    if (s->erase_seq != ERASE_HAS_START) {
        s->errors |= ERASE_SEQ_ERROR;
        s->erase_seq = ERASE_NONE;
    } else if (end >= s->size) {
        s->errors |= OUT_OF_RANGE;
        s->erase_seq = ERASE_NONE;
    } else {
        s->erase_end = end;
        s->erase_seq = ERASE_HAS_END;
    }
    return OK;
}

/* No protected group in it?  Only standard capacity cards have any. */
static bool erasable(const SDCard *s)
{
    for (uint64_t a = s->erase_start; a < s->erase_end; a += group_size(s)) {
        if (!write_allowed(s, a)) {
            return false;
        }
    }
    return write_allowed(s, s->erase_end - 1);
}

/* 4.3.5; a range with a protected group is left alone as a whole. */
static Verdict erase(SDCard *s, uint32_t arg)
{
    (void)arg;
    if (s->erase_seq != ERASE_HAS_END) {
        s->errors |= ERASE_SEQ_ERROR;
    } else if (s->erase_end < s->erase_start) {
        s->errors |= ERASE_PARAM;
    } else {
        s->erase_start = align_down(s->erase_start, BLOCK);
        s->erase_end = align_down(s->erase_end, BLOCK) + BLOCK;
        if (erasable(s)) {
            s->state = SD_PRG;
            s->erasing = 1;
            kick(s);
        } else {
            s->errors |= WP_ERASE_SKIP;
        }
    }
    s->erase_seq = ERASE_NONE;
    return OK;
}

static Verdict app_cmd(SDCard *s, uint32_t arg)
{
    if (!is_addressed(s, arg)) {
        return SILENT;
    }
    s->app = 1;
    return OK;
}

/* 4.3.9: what the block means is the maker's; this one means nothing. */
static Verdict gen_cmd(SDCard *s, uint32_t arg)
{
    if (arg & 1) {
        memset(s->reg, 0, s->block_len);
        send_register(s, s->block_len);
    } else {
        receive_register(s, 56, s->block_len);
    }
    return OK;
}

static Verdict nothing(SDCard *s, uint32_t arg)
{
    (void)s;
    (void)arg;
    return OK;
}

static Verdict set_bus_width(SDCard *s, uint32_t arg)
{
    s->bus_width = arg & 3;
    return OK;
}

/* 4.10.2; speed class and the like are 0: not given */
static Verdict sd_status(SDCard *s, uint32_t arg)
{
    (void)arg;
    memset(s->reg, 0, 64);
    put_field(s->reg, 64, 511, 510, s->bus_width);
    send_register(s, 64);
    return OK;
}

static Verdict send_num_wr_blocks(SDCard *s, uint32_t arg)
{
    (void)arg;
    store_be(s->reg, s->written, 4);
    send_register(s, 4);
    return OK;
}

/* 4.2.3: no voltage is a question; high capacity waits for a host that has it. */
static Verdict sd_send_op_cond(SDCard *s, uint32_t arg)
{
    if (!(arg & 0xffffff)) {
        return OK;
    }
    if (!(arg & OCR_VOLTAGES)) {
        s->state = SD_INACTIVE;
        return SILENT;
    }
    if (!s->high_capacity || (s->host_knows_hc && arg & OCR_CCS)) {
        s->powered_up = 1;
        s->state = SD_READY;
    }
    return OK;
}

static Verdict send_scr(SDCard *s, uint32_t arg)
{
    (void)arg;
    make_scr(s, s->reg);
    send_register(s, 8);
    return OK;
}

#define IN(state)  (1u << SD_##state)
#define ANY_BUT_INACTIVE ((1u << SD_INACTIVE) - 1)
#define SELECTABLE (IN(STBY) | IN(TRAN) | IN(DATA) | IN(PRG) | IN(DIS))
#define TALKING    (IN(STBY) | IN(TRAN) | IN(DATA) | IN(RCV) | IN(PRG) | IN(DIS))

/* clang-format off */
static const SDCommand commands[64] = {
    [0]  = { "GO_IDLE_STATE",        go_idle_state,       ANY_BUT_INACTIVE,     R0, 0 },
    [2]  = { "ALL_SEND_CID",         all_send_cid,        IN(READY),            R2_CID, 0 },
    [3]  = { "SEND_RELATIVE_ADDR",   send_relative_addr,  IN(IDENT) | IN(STBY), R6, 0 },
    [6]  = { "SWITCH_FUNC",          switch_func,         IN(TRAN),             R1, 0 },
    [7]  = { "SELECT_CARD",          select_card,         SELECTABLE,           R1, 0 },
    [8]  = { "SEND_IF_COND",         send_if_cond,        IN(IDLE),             R7, 0 },
    [9]  = { "SEND_CSD",             if_addressed,        IN(STBY),             R2_CSD, 0 },
    [10] = { "SEND_CID",             if_addressed,        IN(STBY),             R2_CID, 0 },
    [12] = { "STOP_TRANSMISSION",    stop_transmission,   IN(DATA) | IN(RCV),   R1, 0 },
    [13] = { "SEND_STATUS",          if_addressed,        TALKING,              R1, 0 },
    [15] = { "GO_INACTIVE_STATE",    go_inactive,         TALKING,              R0, 0 },
    [16] = { "SET_BLOCKLEN",         set_blocklen,        IN(TRAN),             R1, 0 },
    [17] = { "READ_SINGLE_BLOCK",    read_single_block,   IN(TRAN),             R1, 0 },
    [18] = { "READ_MULTIPLE_BLOCK",  read_multiple_block, IN(TRAN),             R1, 0 },
    [23] = { "SET_BLOCK_COUNT",      set_block_count,     IN(TRAN),             R1, 0 },
    [24] = { "WRITE_BLOCK",          write_block,         IN(TRAN),             R1, 0 },
    [25] = { "WRITE_MULTIPLE_BLOCK", write_multiple_block, IN(TRAN),            R1, 0 },
    [27] = { "PROGRAM_CSD",          program_csd_start,   IN(TRAN),             R1, 0 },
    [28] = { "SET_WRITE_PROT",       set_write_prot,      IN(TRAN),             R1, 1 },
    [29] = { "CLR_WRITE_PROT",       clr_write_prot,      IN(TRAN),             R1, 1 },
    [30] = { "SEND_WRITE_PROT",      send_write_prot,     IN(TRAN),             R1, 1 },
    [32] = { "ERASE_WR_BLK_START",   erase_wr_blk_start,  IN(TRAN),             R1, 0 },
    [33] = { "ERASE_WR_BLK_END",     erase_wr_blk_end,    IN(TRAN),             R1, 0 },
    [38] = { "ERASE",                erase,               IN(TRAN),             R1, 0 },
    [55] = { "APP_CMD",              app_cmd,             TALKING | IN(IDLE),   R1, 0 },
    [56] = { "GEN_CMD",              gen_cmd,             IN(TRAN),             R1, 0 },
};

static const SDCommand app_commands[64] = {
    [6]  = { "SET_BUS_WIDTH",          set_bus_width,      IN(TRAN), R1, 0 },
    [13] = { "SD_STATUS",              sd_status,          IN(TRAN), R1, 0 },
    [22] = { "SEND_NUM_WR_BLOCKS",     send_num_wr_blocks, IN(TRAN), R1, 0 },
    [23] = { "SET_WR_BLK_ERASE_COUNT", nothing,            IN(TRAN), R1, 0 },
    [41] = { "SD_SEND_OP_COND",        sd_send_op_cond,    IN(IDLE), R3, 0 },
    [42] = { "SET_CLR_CARD_DETECT",    nothing,            IN(TRAN), R1, 0 },
    [51] = { "SEND_SCR",               send_scr,           IN(TRAN), R1, 0 },
};
/* clang-format on */

/* -- Replies ----------------------------------------------------------------- */

/* The card status as it was when the command came, with the errors it found. */
static uint32_t card_status(SDCard *s, SDState before, bool app, uint32_t tell)
{
    uint32_t status = (s->errors & tell) | (uint32_t)before << 9 | (app ? APP_CMD : 0) |
                      (s->flushing || s->state == SD_PRG || s->state == SD_DIS
                       ? 0 : READY_FOR_DATA);

    s->errors &= ~tell;
    return status;
}

static void long_reply(SDReply *r, const uint8_t reg[16])
{
    r->kind = SD_LONG_REPLY;
    r->index = 0x3f;
    for (int i = 0; i < 4; i++) {
        r->word[i] = (uint32_t)load_be(reg + 4 * i, 4);
    }
}

static void make_reply(SDCard *s, ReplyKind kind, SDState before, bool app,
                       uint32_t arg, SDReply *r)
{
    uint8_t reg[16];

    r->kind = kind == R0 ? SD_NO_REPLY : SD_SHORT_REPLY;
    switch (kind) {
    case R0:
        break;
    case R1:
        r->word[0] = card_status(s, before, app, ~0u);
        break;
    case R2_CID:
        make_cid(s, reg);
        long_reply(r, reg);
        break;
    case R2_CSD:
        make_csd(s, reg);
        long_reply(r, reg);
        break;
    case R3:
        r->kind = SD_SHORT_NO_CRC;
        r->index = 0x3f;
        r->word[0] = OCR_VOLTAGES | (s->powered_up ? OCR_BUSY : 0) |
                     (s->powered_up && s->high_capacity ? OCR_CCS : 0);
        break;
    case R6: {
        uint32_t status = card_status(s, before, app, R6_ERRORS);

        r->word[0] = (uint32_t)s->rca << 16 | (status >> 8 & 0xc000) |
                     (status >> 6 & 0x2000) | (status & 0x1fff);
        break;
    }
    case R7:
        r->word[0] = arg & 0xfff;
        break;
    }
}

/* 4.3.5: anything but status between the steps ends the sequence. */
static void watch_erase(SDCard *s, unsigned index, bool app)
{
    bool part = !app && (index == 13 || index == 33 || index == 38);

    if (s->erase_seq != ERASE_NONE && !part) {
        s->erase_seq = ERASE_NONE;
        s->errors |= index == 32 && !app ? 0 : ERASE_RESET;
    }
}

void sd_command(Device *card, unsigned index, uint32_t arg, SDReply *reply)
{
    SDCard *s = (SDCard *)card;

    index &= 63;
    *reply = (SDReply){ .kind = SD_NO_REPLY, .index = (uint8_t)index };
    if (!sd_inserted(card) || s->state == SD_INACTIVE) {
        return;
    }
    /* 4.3.9: what is not an application command is the usual one. */
    bool app = s->app && app_commands[index].run;
    const SDCommand *c = app ? &app_commands[index] : &commands[index];
    SDState before = (SDState)s->state;
    bool counts = !app && (index == 18 || index == 23 || index == 25 || index == 13);

    s->app = 0;
    watch_erase(s, index, app);
    Verdict v = ILLEGAL;
    if (c->run && c->states >> before & 1 && !(c->only_sdsc && s->high_capacity)) {
        v = c->run(s, arg);
    }
    if (!counts || index == 18 || index == 25) {
        s->block_count = NO_COUNT;
    }
    if (v == OK) {
        make_reply(s, (ReplyKind)c->reply, before, app || s->app, arg, reply);
    } else if (v == ILLEGAL) {
        s->errors |= ILLEGAL_COMMAND;   /* hosts try MMC and SDIO so: no error */
        if (c->run) {
            log_guest(name_of(s), "%sCMD%u (%s) in state %d", app ? "A" : "", index,
                      c->name, before);
        }
    }
}

/* -- The slot ---------------------------------------------------------------- */

int sd_attach(Device *card, const char *name, const SDHostOps *ops, void *opaque,
              Error *err)
{
    SDCard *s = (SDCard *)card;

    if (card->type != &sd_card_type) {
        return error_set(err, EINVAL, "%s: %s is a %s, not an sd_card", name,
                         card->id ? card->id : "what it is linked to", card->type->name);
    }
    if (s->host) {
        return error_set(err, EBUSY, "%s: %s already has a controller: give it a card of "
                         "its own", name, name_of(s));
    }
    s->host = ops;
    s->host_opaque = opaque;
    return 0;
}

void sd_detach(Device *card)
{
    if (card) {
        ((SDCard *)card)->host = NULL;
    }
}

/* What was sent and not yet written keeps the card in. */
static bool is_medium_locked(void *opaque)
{
    const SDCard *s = opaque;

    return s->data == DATA_WRITE && s->pos >= BLOCK;
}

static void medium_changed(void *opaque, bool loaded)
{
    SDCard *s = opaque;

    (void)loaded;
    if (s->aio) {
        s->stale = true;
    }
    s->data = DATA_NONE;
    s->flushing = s->erasing = 0;
    look_at_medium(s);
    memset(s->wp_groups, 0, sizeof(s->wp_groups));
    s->csd_flags = 0;
    go_idle(s);
    drive_wires(s);
    tell_host(s);
}

static const BlockDevOps dev_ops = {
    .medium_changed = medium_changed, .is_medium_locked = is_medium_locked,
};

static int check_size(const SDCard *s, Error *err)
{
    uint64_t size = blk_is_inserted(s->blk) ? blk_length(s->blk) : 0;
    uint64_t unit = size_unit(size);

    if (!unit) {
        return error_set(err, EFBIG, "%s: %s is larger than the largest card, 2 TiB",
                         name_of(s), blk_filename(s->blk));
    }
    if (blk_is_inserted(s->blk) && !fits_csd(size)) {
        return error_set(err, EINVAL, "%s: %s: a card of about this size has a multiple of "
                         "%llu KiB: resize the image to %llu bytes (qemu-img resize)",
                         name_of(s), blk_filename(s->blk), (unsigned long long)unit / 1024,
                         (unsigned long long)(size ? align_up(size, unit) : unit));
    }
    return 0;
}

static int card_realize(Device *d, Error *err)
{
    SDCard *s = (SDCard *)d;

    if (!s->blk) {
        measure(s, 0);
        return 0;
    }
    int ret = check_size(s, err);
    ret = ret < 0 ? ret : blk_attach_dev(s->blk, name_of(s), &dev_ops, s, err);
    if (ret < 0) {
        return ret;
    }
    s->attached = true;
    look_at_medium(s);
    return 0;
}

/* A reset of the machine does not lose blocks that were sent. */
static void card_reset(Device *d)
{
    SDCard *s = (SDCard *)d;

    go_idle(s);
    if (s->aio) {
        blk_drain(s->blk);
    }
    if (s->aio) {
        blk_aio_cancel(s->aio);
    }
    s->aio = NULL;
    s->stale = false;
    s->erase_start = s->erase_end = s->at = 0;
    s->in_command = s->counted = 0;
    s->chunk = 0;
    memset(s->reg, 0, sizeof(s->reg));
    memset(s->buf, 0, sizeof(s->buf));
    drive_wires(s);
}

/* A snapshot is of this very card: sizes are not in it. */
static int card_post_load(Device *d, Error *err)
{
    SDCard *s = (SDCard *)d;
    bool image = s->data == DATA_READ || s->data == DATA_WRITE;
    uint32_t max = s->data == DATA_READ ? BUFFER : REGISTER_MAX;

    s->stale = s->aio != NULL;
    if (s->state >= SD_NUM_STATES || s->data >= DATA_NUM || s->erase_seq >= ERASE_NUM ||
        !s->block_len || s->block_len > BLOCK || s->chunk > BUFFER || s->high_speed > 1 ||
        (s->data != DATA_WRITE && (s->len > max || s->pos > s->len)) ||
        (s->data == DATA_WRITE && s->pos > MIN(s->left, BUFFER)) ||
        (image && (s->at > s->size || s->left > s->size - s->at)) ||
        (s->data == DATA_READ && s->chunk < FIRST_CHUNK / 2) ||
        (s->flushing && (s->data != DATA_WRITE || !s->pos)) ||
        (s->erasing && (s->erase_end > s->size || s->erase_start >= s->erase_end)) ||
        (!s->size && (image || s->erasing))) {
        return error_set(err, EINVAL, "the snapshot is damaged, or of another card");
    }
    drive_wires(s);
    kick(s);
    return 0;
}

static void card_free(Device *d)
{
    SDCard *s = (SDCard *)d;

    if (!s->attached) {
        return;
    }
    abandon(s);
    blk_drain(s->blk);
    if (s->aio) {
        blk_aio_cancel(s->aio);
    }
    blk_detach_dev(s->blk);
}

static const PropDef card_props[] = {
    { "drive", PROP_DRIVE, offsetof(SDCard, blk), 0, "image; none: an empty slot" },
    { "protect", PROP_BOOL, offsetof(SDCard, protect), 0, "the write protection switch" },
    { .name = NULL },
};

static const VMField card_vmstate[] = {
    VM_FIELD(SDCard, state),
    VM_FIELD(SDCard, app),
    VM_FIELD(SDCard, bus_width),
    VM_FIELD(SDCard, high_speed),
    VM_FIELD(SDCard, host_knows_hc),
    VM_FIELD(SDCard, powered_up),
    VM_FIELD(SDCard, csd_flags),
    VM_FIELD(SDCard, erase_seq),
    VM_FIELD(SDCard, erasing),
    VM_FIELD(SDCard, rca),
    VM_FIELD(SDCard, errors),
    VM_FIELD(SDCard, block_len),
    VM_FIELD(SDCard, block_count),
    VM_FIELD(SDCard, written),
    VM_FIELD(SDCard, erase_start),
    VM_FIELD(SDCard, erase_end),
    VM_ARRAY(SDCard, wp_groups),
    VM_FIELD(SDCard, data),
    VM_FIELD(SDCard, in_command),
    VM_FIELD(SDCard, counted),
    VM_FIELD(SDCard, flushing),
    VM_FIELD(SDCard, pos),
    VM_FIELD(SDCard, len),
    VM_FIELD(SDCard, chunk),
    VM_FIELD(SDCard, at),
    VM_FIELD(SDCard, left),
    VM_ARRAY(SDCard, reg),
    VM_ARRAY(SDCard, buf),
    VM_END
};

const DeviceType sd_card_type = {
    .name = "sd_card",
    .desc = "SD memory card in its slot",
    .manual = "SD Physical Layer Simplified Specification 3.01",
    .bus = "sd",
    .state_size = sizeof(SDCard),
    .props = card_props,
    .vmstate = card_vmstate,
    .num_irqs = 2,
    .realize = card_realize,
    .reset = card_reset,
    .post_load = card_post_load,
    .free = card_free,
};
