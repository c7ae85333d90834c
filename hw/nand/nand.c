/* SPDX-License-Identifier: MIT */
/*
 * Samsung NAND flash chips (data sheets K9F1208U0B, K9F1G08U0B, K9F2G08U0B,
 * K9K8G08U0B).
 *
 *   command, address --> commands[] --> page register (page + spare area)
 *                                         ^ READ     v PROGRAM (and), ERASE
 *                                       block cache: one erase block
 *                                         ^          v
 *                              drive: page, spare area, page ...; or memory
 *
 * The one idea: the drive is read an erase block at a time, so that a guest that
 * reads pages in order waits for the host once in a block.  What is programmed
 * goes to the cache and, page by page, to the drive; R/nB stays low until the
 * host has taken it.
 *
 * Memory (`ram`) holds what the drive does not: all, or the spare areas.  It is
 * stored inverted, so that an erased chip of any size costs nothing.
 *
 * Not modelled: time (what needs no host is done at once), sequential row read,
 * two-plane and cache operations (but CACHE PROGRAM, as PROGRAM), limits of
 * partial programs, wear, and which blocks are bad, which is in the image.
 */
#include "hw/nand/nand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/block.h"
#include "util/bits.h"
#include "util/iov.h"
#include "util/log.h"
#include "util/mem.h"

#define MiB (1ull << 20)
enum { MAX_RAW_PAGE = 2048 + 64, MAX_CYCLES = 5 };
/* What is read from the drive at a time, without spare areas: whole blocks. */
enum { WINDOW = 128 << 10 };
enum { ST_FAIL = 0x01, ST_READY = 0x40, ST_WRITABLE = 0x80 };

/* What data reads and writes, and addresses, are for. */
typedef enum Mode { IDLE, READ, READ_ID, READ_STATUS, PROGRAM, ERASE, NUM_MODES } Mode;
typedef enum Op { OP_NONE, OP_READ, OP_PROGRAM, OP_ERASE } Op;

/* clang-format off */
const NandModel nand_models[] = {
    { "K9F1208U0B", 64,   512,  16, 32, 1, 3, { 0xec, 0x76, 0xa5, 0xc0 },       4 },
    { "K9F1G08U0B", 128,  2048, 64, 64, 2, 2, { 0xec, 0xf1, 0x00, 0x95, 0x40 }, 5 },
    { "K9F2G08U0B", 256,  2048, 64, 64, 2, 3, { 0xec, 0xda, 0x10, 0x95, 0x44 }, 5 },
    { "K9K8G08U0B", 1024, 2048, 64, 64, 2, 3, { 0xec, 0xd3, 0x51, 0x95, 0x58 }, 5 },
    { .name = NULL }
};
/* clang-format on */

typedef struct Nand {
    Device dev;
    BlockDriverState *blk;
    uint32_t mib;
    /* Found by realize(). */
    const NandModel *model;
    bool attached, oob_in_file;
    RAMBlock *ram;                      /* inverted; NULL: the drive has all */
    const NandHostOps *host;
    void *host_opaque;
    /* State. */
    uint8_t mode, area, fail;
    uint8_t addr[MAX_CYCLES], addr_num, addr_want;
    uint8_t column_only;                /* this address is a column */
    uint8_t copying;                    /* the register holds a page to copy */
    uint32_t col, row;
    uint8_t reg[MAX_RAW_PAGE];
    /* Not saved: with the drive drained there is nothing under way. */
    Op op;
    int64_t cached;                     /* window in cache, -1: none */
    uint8_t *cache, *ones;
    BlockAIOCB *aio;
    QEMUIOVector qiov;
} Nand;

/* -- Models ------------------------------------------------------------------ */

uint32_t nand_num_pages(const NandModel *m)
{
    return (uint32_t)(m->mib * MiB / m->page);
}

const NandModel *nand_model_by_mib(uint32_t mib)
{
    for (const NandModel *m = nand_models; m->name; m++) {
        if (m->mib == mib) {
            return m;
        }
    }
    return NULL;
}

const NandModel *nand_model_by_file(uint64_t bytes, bool *oob)
{
    for (const NandModel *m = nand_models; m->name; m++) {
        uint64_t pages = nand_num_pages(m);

        *oob = bytes == pages * (m->page + m->oob);
        if (*oob || bytes == pages * m->page) {
            return m;
        }
    }
    return NULL;
}

static uint32_t raw_page(const Nand *s)
{
    return (uint32_t)s->model->page + s->model->oob;
}

static uint32_t raw_block(const Nand *s)
{
    return raw_page(s) * s->model->pages;
}

static const char *name_of(const Nand *s)
{
    return s->dev.id ? s->dev.id : s->dev.type->name;
}

/* -- Storage ----------------------------------------------------------------- */

static void invert(uint8_t *to, const uint8_t *from, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        to[i] = (uint8_t)~from[i];
    }
}

/* The part of a page that is in memory: from byte `skip` on. */
static uint32_t bytes_in_ram(const Nand *s)
{
    return s->blk ? s->model->oob : raw_page(s);
}

static void ram_to_page(const Nand *s, uint32_t row, uint8_t *page)
{
    uint32_t len = bytes_in_ram(s);

    if (s->ram) {
        invert(page + raw_page(s) - len, s->ram->host + (uint64_t)row * len, len);
    }
}

static void page_to_ram(const Nand *s, uint32_t row, const uint8_t *page)
{
    uint32_t len = bytes_in_ram(s);

    if (s->ram) {
        invert(s->ram->host + (uint64_t)row * len, page + raw_page(s) - len, len);
        ram_set_dirty(s->ram->offset + (uint64_t)row * len, len);
    }
}

/* Where a page is on the drive, and how much of it. */
static uint32_t bytes_on_drive(const Nand *s)
{
    return s->oob_in_file ? raw_page(s) : s->model->page;
}

static uint64_t page_offset(const Nand *s, uint32_t row)
{
    return (uint64_t)row * bytes_on_drive(s);
}

static uint32_t window_pages(const Nand *s)
{
    return WINDOW / s->model->page;
}

static uint32_t window_of(const Nand *s)
{
    return s->row / window_pages(s);
}

static uint8_t *cached_page(const Nand *s, uint32_t row)
{
    return s->cache + row % window_pages(s) * raw_page(s);
}

/* Pages as pieces of one request. */
static void gather(Nand *s, uint8_t *pages, unsigned num)
{
    iov_reset(&s->qiov);
    for (unsigned i = 0; i < num; i++) {
        iov_add(&s->qiov, pages + i * raw_page(s), bytes_on_drive(s));
    }
}

/* -- Operations: R/nB is low ------------------------------------------------- */

static void set_ready(Nand *s, bool ready)
{
    if (s->host) {
        s->host->ready(s->host_opaque, ready);
    }
}

static void finish(Nand *s, bool ok)
{
    s->fail = !ok;
    s->op = OP_NONE;
    set_ready(s, true);
}

static void go_on(Nand *s);

static void host_done(void *opaque, int ret)
{
    Nand *s = opaque;

    s->aio = NULL;
    if (s->op == OP_NONE) {
        return;                         /* a reset came between */
    }
    if (ret < 0) {
        log_unimp(name_of(s), "%s: %s", blk_name(s->blk), strerror(-ret));
        s->cached = -1;
        memset(s->reg, 0xff, sizeof(s->reg));
        finish(s, false);
    } else {
        go_on(s);
    }
}

/* Is the page in the cache?  If not it is on its way there. */
static bool load_window(Nand *s)
{
    uint32_t num = window_pages(s), first = window_of(s) * num;

    if (s->cached == window_of(s)) {
        return true;
    }
    s->cached = window_of(s);
    for (unsigned i = 0; i < num; i++) {
        ram_to_page(s, first + i, cached_page(s, first + i));
    }
    if (!s->blk) {
        return true;
    }
    gather(s, s->cache, num);
    s->aio = blk_aio_preadv(s->blk, page_offset(s, first), &s->qiov, host_done, s);
    return false;
}

static void program_page(Nand *s)
{
    uint8_t *page = cached_page(s, s->row);

    for (uint32_t i = 0; i < raw_page(s); i++) {
        page[i] &= s->reg[i];
    }
    page_to_ram(s, s->row, page);
    if (!s->blk) {
        finish(s, true);
        return;
    }
    s->op = OP_ERASE;                   /* what is left: to wait for the host */
    iov_reset(&s->qiov);
    iov_add(&s->qiov, page, bytes_on_drive(s));
    s->aio = blk_aio_pwritev(s->blk, page_offset(s, s->row), &s->qiov, host_done, s);
}

static void go_on(Nand *s)
{
    if (s->op == OP_ERASE) {
        finish(s, true);
    } else if (load_window(s)) {
        if (s->op == OP_PROGRAM) {
            program_page(s);
        } else {
            memcpy(s->reg, cached_page(s, s->row), raw_page(s));
            finish(s, true);
        }
    }
}

static void begin(Nand *s, Op op)
{
    s->op = op;
    set_ready(s, false);
    go_on(s);
}

static bool writable(const Nand *s)
{
    return !s->blk || !blk_is_read_only(s->blk);
}

static void begin_erase(Nand *s)
{
    uint32_t num = s->model->pages, first = s->row / num * num;

    s->op = OP_ERASE;
    set_ready(s, false);
    if (s->cached == window_of(s)) {
        memset(cached_page(s, first), 0xff, raw_block(s));
    }
    for (unsigned i = 0; i < num; i++) {
        page_to_ram(s, first + i, s->ones);
    }
    if (!s->blk) {
        finish(s, true);
        return;
    }
    gather(s, s->ones, num);
    s->aio = blk_aio_pwritev(s->blk, page_offset(s, first), &s->qiov, host_done, s);
}

/* -- Commands ---------------------------------------------------------------- */

static bool small(const Nand *s)
{
    return s->model->col_cycles == 1;
}

static void want_address(Nand *s, Mode mode, uint8_t cycles)
{
    s->mode = (uint8_t)mode;
    s->addr_num = 0;
    s->addr_want = cycles;
    s->column_only = 0;
}

static uint8_t all_cycles(const Nand *s)
{
    return (uint8_t)(s->model->col_cycles + s->model->row_cycles);
}

/* K9F1208, "Pointer operation": 00h first half, 01h second half, 50h spare area.
 * Large pages: 00h alone. */
static void cmd_read(Nand *s, uint8_t cmd)
{
    s->area = cmd;
    want_address(s, READ, all_cycles(s));
}

static void cmd_read_confirm(Nand *s, uint8_t cmd)
{
    if (s->mode == READ && s->addr_num == s->addr_want) {
        s->copying = cmd == 0x35;
        begin(s, OP_READ);
    }
}

static void cmd_random_output(Nand *s, uint8_t cmd)
{
    (void)cmd;
    want_address(s, READ, s->model->col_cycles);
    s->column_only = 1;
}

/* E0h: the column is in place since its last address cycle. */
static void cmd_nothing(Nand *s, uint8_t cmd)
{
    (void)s;
    (void)cmd;
}

static void cmd_program(Nand *s, uint8_t cmd)
{
    (void)cmd;
    memset(s->reg, 0xff, sizeof(s->reg));
    want_address(s, PROGRAM, all_cycles(s));
}

/* 85h within a program: another column; else the target of a copy (8Ah: small). */
static void cmd_random_input(Nand *s, uint8_t cmd)
{
    bool within = s->mode == PROGRAM && cmd == 0x85;

    if (within) {
        want_address(s, PROGRAM, s->model->col_cycles);
        s->column_only = 1;
    } else if (s->copying || small(s)) {
        want_address(s, PROGRAM, all_cycles(s));
        s->area = 0;
    } else {
        log_guest(name_of(s), "command 85h without a page to copy");
    }
}

static void cmd_program_confirm(Nand *s, uint8_t cmd)
{
    (void)cmd;
    if (s->mode != PROGRAM || s->addr_num != s->addr_want) {
        log_guest(name_of(s), "program command without an address");
        return;
    }
    s->mode = IDLE;
    s->copying = 0;
    if (s->area == 1) {                 /* 01h is for one operation */
        s->area = 0;
    }
    if (writable(s)) {
        begin(s, OP_PROGRAM);
    } else {
        s->fail = 1;
    }
}

static void cmd_erase(Nand *s, uint8_t cmd)
{
    (void)cmd;
    want_address(s, ERASE, s->model->row_cycles);
}

static void cmd_erase_confirm(Nand *s, uint8_t cmd)
{
    (void)cmd;
    if (s->mode != ERASE || s->addr_num != s->addr_want) {
        log_guest(name_of(s), "erase command without an address");
        return;
    }
    s->mode = IDLE;
    if (writable(s)) {
        begin_erase(s);
    } else {
        s->fail = 1;
    }
}

static void cmd_status(Nand *s, uint8_t cmd)
{
    (void)cmd;
    s->mode = READ_STATUS;
}

static void cmd_read_id(Nand *s, uint8_t cmd)
{
    (void)cmd;
    want_address(s, READ_ID, 1);
    s->col = 0;
}

static void cmd_reset(Nand *s, uint8_t cmd)
{
    (void)cmd;
    bool was_busy = s->op != OP_NONE;

    if (was_busy) {
        s->cached = -1;
    }
    s->op = OP_NONE;
    want_address(s, IDLE, 0);
    s->area = s->fail = s->copying = 0;
    if (was_busy && s->aio) {
        blk_drain(s->blk);
    }
    if (!was_busy) {
        set_ready(s, false);
    }
    set_ready(s, true);
}

enum { FOR_SMALL = 1, FOR_LARGE = 2, FOR_ALL = 3, WHEN_BUSY = 4 };

/* clang-format off */
/* "Command sets". */
static const struct Command {
    uint8_t code, flags;
    void (*run)(Nand *s, uint8_t cmd);
} commands[] = {
    { 0x00, FOR_ALL,             cmd_read },
    { 0x01, FOR_SMALL,           cmd_read },
    { 0x50, FOR_SMALL,           cmd_read },
    { 0x30, FOR_LARGE,           cmd_read_confirm },
    { 0x35, FOR_LARGE,           cmd_read_confirm },
    { 0x05, FOR_LARGE,           cmd_random_output },
    { 0xe0, FOR_LARGE,           cmd_nothing },
    { 0x80, FOR_ALL,             cmd_program },
    { 0x85, FOR_LARGE,           cmd_random_input },
    { 0x8a, FOR_SMALL,           cmd_random_input },
    { 0x10, FOR_ALL,             cmd_program_confirm },
    { 0x15, FOR_LARGE,           cmd_program_confirm },
    { 0x60, FOR_ALL,             cmd_erase },
    { 0xd0, FOR_ALL,             cmd_erase_confirm },
    { 0x70, FOR_ALL | WHEN_BUSY, cmd_status },
    { 0x71, FOR_SMALL | WHEN_BUSY, cmd_status },
    { 0x90, FOR_ALL,             cmd_read_id },
    { 0xff, FOR_ALL | WHEN_BUSY, cmd_reset },
};
/* clang-format on */

static Nand *chip_of(Device *chip)
{
    return (Nand *)chip;
}

bool nand_ready(const Device *chip)
{
    return !chip || ((const Nand *)chip)->op == OP_NONE;
}

void nand_command(Device *chip, uint8_t cmd)
{
    Nand *s = chip_of(chip);

    for (size_t i = 0; s && i < ARRAY_SIZE(commands); i++) {
        const struct Command *c = &commands[i];

        if (c->code != cmd || !(c->flags & (small(s) ? FOR_SMALL : FOR_LARGE))) {
            continue;
        }
        if (s->op == OP_NONE || c->flags & WHEN_BUSY) {
            c->run(s, cmd);
        } else {
            log_guest(name_of(s), "command %02xh while it is busy", cmd);
        }
        return;
    }
    if (s) {
        log_unimp(name_of(s), "command %02xh of %s", cmd, s->model->name);
    }
}

/* -- Addresses --------------------------------------------------------------- */

/* Small pages: 8 bits of column, the ninth by the command before. */
static void take_column(Nand *s)
{
    uint32_t col = (uint32_t)load_le(s->addr, s->model->col_cycles == 1 ? 1 : 2);

    if (small(s)) {
        col = s->area == 0x50 ? 512 + col % 16 : s->area == 1 ? 256 + col : col;
    }
    s->col = MIN(col % 4096, raw_page(s));
}

static void take_row(Nand *s, const uint8_t *from)
{
    uint32_t row = from[0] | (uint32_t)from[1] << 8;

    row |= s->model->row_cycles == 3 ? (uint32_t)from[2] << 16 : 0;
    s->row = row % nand_num_pages(s->model);
}

static void address_complete(Nand *s)
{
    if (s->mode == READ_ID) {
        s->col = s->addr[0];
        return;
    }
    if (s->mode == ERASE) {
        take_row(s, s->addr);
        return;
    }
    take_column(s);
    if (s->column_only) {
        return;
    }
    take_row(s, s->addr + s->model->col_cycles);
    if (s->mode == READ && small(s)) {
        s->area = s->area == 1 ? 0 : s->area;
        s->copying = 1;
        begin(s, OP_READ);
    }
}

void nand_address(Device *chip, uint8_t val)
{
    Nand *s = chip_of(chip);

    if (!s || s->op != OP_NONE || s->addr_num >= s->addr_want) {
        return;
    }
    s->addr[s->addr_num++] = val;
    if (s->addr_num == s->addr_want) {
        address_complete(s);
    }
}

/* -- Data -------------------------------------------------------------------- */

static uint8_t status_of(const Nand *s)
{
    return (uint8_t)((s->fail ? ST_FAIL : 0) | (s->op == OP_NONE ? ST_READY : 0) |
                     (writable(s) ? ST_WRITABLE : 0));
}

/* Address 0 has the codes, over and over; others (ONFI's 20h) have nothing. */
static void read_id(Nand *s, uint8_t *buf, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        buf[i] = s->addr_num && s->addr[0] == 0 ? s->model->id[s->col % s->model->id_len] : 0;
        s->col = (s->col + 1) % s->model->id_len;
    }
}

void nand_read(Device *chip, uint8_t *buf, unsigned len)
{
    Nand *s = chip_of(chip);

    memset(buf, 0xff, len);
    if (!s) {
        return;
    }
    if (s->mode == READ_STATUS) {
        memset(buf, status_of(s), len);
    } else if (s->mode == READ_ID) {
        read_id(s, buf, len);
    } else if (s->mode == READ && s->op == OP_NONE && s->col < raw_page(s)) {
        unsigned n = MIN(len, raw_page(s) - s->col);

        memcpy(buf, s->reg + s->col, n);
        s->col += n;
    }
}

void nand_write(Device *chip, const uint8_t *buf, unsigned len)
{
    Nand *s = chip_of(chip);

    if (!s || s->mode != PROGRAM || s->addr_num != s->addr_want || s->op != OP_NONE) {
        return;
    }
    unsigned n = MIN(len, raw_page(s) - s->col);

    memcpy(s->reg + s->col, buf, n);
    s->col += n;
}

/* -- The controller ---------------------------------------------------------- */

const NandModel *nand_model(const Device *chip)
{
    return chip ? ((const Nand *)chip)->model : NULL;
}

int nand_attach(Device *chip, const char *name, const NandHostOps *ops, void *opaque, Error *err)
{
    Nand *s = chip_of(chip);

    if (chip->type != &nand_type) {
        return error_set(err, EINVAL, "%s: %s is no NAND chip", name,
                         chip->id ? chip->id : chip->type->name);
    }
    if (s->host) {
        return error_set(err, EBUSY, "%s: %s has a controller already", name, name_of(s));
    }
    s->host = ops;
    s->host_opaque = opaque;
    return 0;
}

void nand_detach(Device *chip)
{
    if (chip && chip->type == &nand_type) {
        chip_of(chip)->host = NULL;
    }
}

int nand_read_first(Device *chip, uint8_t *buf, uint32_t len)
{
    Nand *s = chip_of(chip);
    uint8_t page[MAX_RAW_PAGE];

    for (uint32_t row = 0; len; row++) {
        uint32_t n = MIN(len, s->model->page);
        int ret = s->blk ? blk_pread(s->blk, page_offset(s, row), page, bytes_on_drive(s)) : 0;

        if (ret < 0) {
            return ret;
        }
        ram_to_page(s, row, page);
        memcpy(buf, page, n);
        buf += n;
        len -= n;
    }
    return 0;
}

/* -- The type ---------------------------------------------------------------- */

static int choose_model(Nand *s, Error *err)
{
    if (!s->blk) {
        s->model = nand_model_by_mib(s->mib);
        return s->model ? 0 : error_set(err, EINVAL, "nand: size=%u: there are chips of 64, 128, "
                                        "256 and 1024 MiB", s->mib);
    }
    s->model = nand_model_by_file(blk_length(s->blk), &s->oob_in_file);
    if (!s->model) {
        return error_set(err, EINVAL, "nand: %s: is of %llu bytes; a NAND image is of 69206016 "
                         "(64 MiB), 138412032, 276824064 or 1107296256, with its spare areas: "
                         "qemu-nandimg makes one", blk_filename(s->blk),
                         (unsigned long long)blk_length(s->blk));
    }
    return 0;
}

static int nand_realize(Device *d, Error *err)
{
    Nand *s = (Nand *)d;
    int ret = choose_model(s, err);

    if (ret == 0 && s->blk) {
        ret = blk_attach_dev(s->blk, name_of(s), NULL, s, err);
        s->attached = ret == 0;
    }
    if (ret < 0) {
        return ret;
    }
    if (!s->oob_in_file) {
        uint64_t size = (uint64_t)nand_num_pages(s->model) * bytes_in_ram(s);

        s->ram = ram_block_new("nand", align_up(size, RAM_PAGE_SIZE));
        if (!s->ram) {
            return error_set(err, ENOMEM, "nand: no memory for its contents");
        }
    }
    s->cache = xcalloc(window_pages(s), raw_page(s));
    s->ones = xcalloc(1, raw_block(s));
    memset(s->ones, 0xff, raw_block(s));
    s->cached = -1;
    return 0;
}

static void nand_reset(Device *d)
{
    Nand *s = (Nand *)d;

    s->op = OP_NONE;
    if (s->aio) {
        blk_drain(s->blk);
    }
    s->cached = -1;
    want_address(s, IDLE, 0);
    s->area = s->fail = s->copying = 0;
    s->col = s->row = 0;
    memset(s->addr, 0, sizeof(s->addr));
    memset(s->reg, 0xff, sizeof(s->reg));
}

static int nand_post_load(Device *d, Error *err)
{
    Nand *s = (Nand *)d;

    if (s->mode >= NUM_MODES || s->addr_want > MAX_CYCLES || s->addr_num > s->addr_want ||
        s->col > raw_page(s) || s->row >= nand_num_pages(s->model)) {
        return error_set(err, EINVAL, "%s: snapshot: not a state of a chip", name_of(s));
    }
    s->op = OP_NONE;
    s->cached = -1;
    return 0;
}

static void nand_init(Device *d)
{
    iov_init(&((Nand *)d)->qiov, 64);
}

static void nand_free(Device *d)
{
    Nand *s = (Nand *)d;

    s->host = NULL;
    if (s->attached) {
        blk_drain(s->blk);
        blk_detach_dev(s->blk);
    }
    iov_free(&s->qiov);
    free(s->cache);
    free(s->ones);
}

static const PropDef nand_props[] = {
    { "drive", PROP_DRIVE, offsetof(Nand, blk), 0, "contents; its size says which chip" },
    { "size",  PROP_U32,   offsetof(Nand, mib), 64, "MiB without a drive: 64, 128, 256, 1024" },
    { .name = NULL }
};

static const VMField nand_vmstate[] = {
    VM_FIELD(Nand, mode),
    VM_FIELD(Nand, area),
    VM_FIELD(Nand, fail),
    VM_ARRAY(Nand, addr),
    VM_FIELD(Nand, addr_num),
    VM_FIELD(Nand, addr_want),
    VM_FIELD(Nand, column_only),
    VM_FIELD(Nand, copying),
    VM_FIELD(Nand, col),
    VM_FIELD(Nand, row),
    VM_ARRAY(Nand, reg),
    VM_END
};

const DeviceType nand_type = {
    .name       = "nand",
    .desc       = "NAND flash chip",
    .manual     = "Samsung K9F1208U0B, K9F1G08U0B, K9F2G08U0B, K9K8G08U0B",
    .bus        = "sys",
    .state_size = sizeof(Nand),
    .props      = nand_props,
    .vmstate    = nand_vmstate,
    .init       = nand_init,
    .realize    = nand_realize,
    .reset      = nand_reset,
    .post_load  = nand_post_load,
    .free       = nand_free,
};
