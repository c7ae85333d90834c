/* SPDX-License-Identifier: MIT */
/*
 * CFI NOR flash (JEDEC JESD68.01 and JEP137; Intel 290737, 28F128J3: command set 1;
 * AMD 22358, Am29LV160D: command set 2).
 *
 *   guest reads ------> RAM, while the mode is READ_ARRAY
 *               '-----> byte_at(): status, codes, query, otherwise
 *   guest writes -----> command state machine --> RAM --mark--> dirty pages
 *   drive <------ write_back(), one run of dirty pages at a time, then a flush
 *
 * The one idea: the contents are RAM and the window is a ROM that takes writes, so
 * that only a change of mode touches the memory map.  A flash that has no drive and
 * was never programmed is all ones and has no RAM behind it (`filled` is 0).
 *
 * A program operation can only clear bits (both manuals), so a write buffer starts
 * as all ones and is and-ed into the contents.
 *
 * Not modelled: time (program and erase are done at once, suspending them changes
 * nothing), block locking and protection registers, the byte mode of x8/x16 chips,
 * chips with different contents of their command registers.
 */
#include "hw/block/pflash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/block.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"

enum { MAX_SIZE = 64 << 20, MAX_REGIONS = 8, PAGE = 4096, MAX_RUN = 1 << 20,
       BUFFER_WORDS = 256, MAX_BUFFER = BUFFER_WORDS * 4, QUERY_SIZE = 0x80 };

typedef enum Mode { READ_ARRAY, READ_STATUS, READ_ID, READ_QUERY, MODE_NUM } Mode;

/* What the next write is. */
typedef enum Cycle {
    COMMAND,
    /* Intel */
    PROGRAM_DATA, ERASE_CONFIRM, BUFFER_COUNT, BUFFER_FIRST, BUFFER_DATA, BUFFER_CONFIRM,
    LOCK_CODE,
    /* AMD; PROGRAM_DATA too */
    UNLOCK_2, UNLOCKED, ERASE_UNLOCK_1, ERASE_UNLOCK_2, ERASE_COMMAND, MORE_SECTORS,
    BYPASS_EXIT,
    CYCLE_NUM
} Cycle;

/* 290737, table 6: status register */
enum { ST_READY = 0x80, ST_ERASE = 0x20, ST_PROGRAM = 0x10, ST_VPP = 0x08, ST_LOCKED = 0x02 };

typedef struct SectorRegion { uint32_t num, size; } SectorRegion;

typedef struct Flash {
    Device dev;
    BlockDriverState *blk;
    uint64_t want_size;
    uint32_t width, device_width, command_set, sector, manufacturer, device;
    char *region_list;
    bool gated;
    /* Found by realize(). */
    uint32_t size;
    SectorRegion region[MAX_REGIONS];
    unsigned num_regions;
    uint8_t query[QUERY_SIZE];
    RAMBlock *ram;
    bool attached;
    bool orphaned;                      /* its medium was taken out by force */
    /* State. */
    uint8_t mode, cycle, status, bypass, gate, filled;
    uint32_t left, base;                /* BUFFER_DATA: writes to come; where */
    uint8_t buffer[MAX_BUFFER];
    /* Writing back. */
    uint8_t *dirty;                     /* by page */
    bool unflushed;
    BlockAIOCB *aio;
    QEMUIOVector qiov;
    struct iovec one;
} Flash;

static const char *name_of(const Flash *s)
{
    return s->dev.id ? s->dev.id : s->dev.type->name;
}

/* -- The drive --------------------------------------------------------------- */

static void write_back(Flash *s);

static void written_back(void *opaque, int ret)
{
    Flash *s = opaque;

    s->aio = NULL;
    if (ret < 0) {
        s->status |= ST_PROGRAM | ST_ERASE;
        log_unimp(name_of(s), "%s: what was programmed is not in it: %s", blk_name(s->blk),
                  strerror(-ret));
    }
    write_back(s);
}

/* The next run of dirty pages, or a flush after the last one. */
static void write_back(Flash *s)
{
    uint32_t pages = s->size / PAGE + 1;
    const uint8_t *first = s->attached ? memchr(s->dirty, 1, pages) : NULL;

    if (!s->attached || s->aio || s->orphaned) {
        return;
    }
    if (!first) {
        if (s->unflushed) {
            s->unflushed = false;
            s->aio = blk_aio_flush(s->blk, written_back, s);
        }
        return;
    }
    uint32_t start = (uint32_t)(first - s->dirty), end = start;

    while (s->dirty[end] && (end - start) * PAGE < MAX_RUN) {
        s->dirty[end++] = 0;
    }
    uint32_t off = start * PAGE, len = MIN(end * PAGE, s->size) - off;

    iov_init_buf(&s->qiov, &s->one, s->ram->host + off, len);
    s->unflushed = true;
    s->aio = blk_aio_pwritev(s->blk, off, &s->qiov, written_back, s);
}

static void contents_changed(Flash *s, uint32_t off, uint32_t len)
{
    for (uint32_t p = off / PAGE; s->attached && p <= (off + len - 1) / PAGE; p++) {
        s->dirty[p] = 1;
    }
    if (s->dev.mem) {
        region_written(s->dev.mem, &s->dev.window[0], off, len);
    }
    write_back(s);
}

/* -- Contents ---------------------------------------------------------------- */

static void set_mode(Flash *s, Mode mode)
{
    s->mode = (uint8_t)mode;
    region_set_rom_mode(&s->dev.window[0], mode == READ_ARRAY && s->filled);
}

/* From all ones without memory to all ones. */
static void fill(Flash *s)
{
    if (!s->filled) {
        memset(s->ram->host, 0xff, s->size);
        s->filled = 1;
        set_mode(s, (Mode)s->mode);
    }
}

/* 0, or what the status register says about why not. */
static uint8_t refusal(const Flash *s)
{
    if (s->gated && !s->gate) {
        return ST_VPP;
    }
    return s->orphaned || (s->blk && blk_is_read_only(s->blk)) ? ST_LOCKED : 0;
}

static bool program(Flash *s, uint32_t off, const uint8_t *data, uint32_t len)
{
    uint8_t why = refusal(s);

    if (why || off >= s->size || len > s->size - off) {
        s->status |= ST_PROGRAM | why;
        return false;
    }
    fill(s);
    for (uint32_t i = 0; i < len; i++) {
        s->ram->host[off + i] &= data[i];
    }
    contents_changed(s, off, len);
    return true;
}

static void program_word(Flash *s, uint32_t off, uint32_t val, unsigned size)
{
    uint8_t data[4];

    store_le(data, val, 4);
    program(s, off, data, size);
}

static void erase(Flash *s, uint32_t off, uint32_t len)
{
    uint8_t why = refusal(s);

    if (why) {
        s->status |= ST_ERASE | why;
        return;
    }
    fill(s);
    memset(s->ram->host + off, 0xff, len);
    contents_changed(s, off, len);
}

static void erase_sector(Flash *s, uint32_t off)
{
    uint32_t start = 0;

    for (unsigned i = 0; i < s->num_regions; i++) {
        const SectorRegion *r = &s->region[i];

        if (off - start < r->num * r->size) {
            erase(s, start + (off - start) / r->size * r->size, r->size);
            return;
        }
        start += r->num * r->size;
    }
}

/* -- Command set 1 (290737, table 4) ----------------------------------------- */

static void intel_command(Flash *s, uint8_t cmd)
{
    switch (cmd) {
    case 0xff:
        set_mode(s, READ_ARRAY);
        return;
    case 0x90:
        set_mode(s, READ_ID);
        return;
    case 0x98:
        set_mode(s, READ_QUERY);
        return;
    case 0x50:
        s->status = ST_READY;
        return;
    case 0x10: case 0x40:
        s->cycle = PROGRAM_DATA;
        break;
    case 0x20:
        s->cycle = ERASE_CONFIRM;
        break;
    case 0xe8:
        s->cycle = BUFFER_COUNT;
        break;
    case 0x60:
        s->cycle = LOCK_CODE;
        break;
    case 0x70: case 0xb0: case 0xd0:    /* status; suspend and resume nothing */
        break;
    default:
        log_guest(name_of(s), "unknown command 0x%02x", cmd);
        return;
    }
    set_mode(s, READ_STATUS);
}

/* 290737, 4.3.10: words - 1, words in the aligned buffer, confirm. */
static void buffer_write(Flash *s, uint32_t off, uint32_t val, unsigned size)
{
    uint32_t len = BUFFER_WORDS * s->width;

    if (off - s->base > len - size) {
        s->status |= ST_PROGRAM | ST_ERASE;             /* sequence error */
        s->cycle = COMMAND;
        return;
    }
    store_le(s->buffer + (off - s->base), val, size);
}

static void intel_write(Flash *s, uint32_t off, uint32_t val, unsigned size)
{
    uint8_t cmd = (uint8_t)val;
    Cycle cycle = (Cycle)s->cycle;

    s->cycle = COMMAND;
    switch (cycle) {
    case PROGRAM_DATA:
        program_word(s, off, val, size);
        break;
    case ERASE_CONFIRM:
        if (cmd == 0xd0) {
            erase_sector(s, off);
        } else {
            s->status |= ST_PROGRAM | ST_ERASE;
        }
        break;
    case BUFFER_COUNT:
        s->left = cmd + 1u;
        memset(s->buffer, 0xff, sizeof(s->buffer));
        s->cycle = BUFFER_FIRST;
        break;
    case BUFFER_FIRST:
        s->base = (uint32_t)align_down(off, BUFFER_WORDS * s->width);
        /* fall through */
    case BUFFER_DATA:
        s->cycle = --s->left ? BUFFER_DATA : BUFFER_CONFIRM;
        buffer_write(s, off, val, size);
        break;
    case BUFFER_CONFIRM:
        if (cmd == 0xd0) {
            program(s, s->base, s->buffer,
                    MIN(BUFFER_WORDS * s->width, s->size - s->base));
        } else {
            s->status |= ST_PROGRAM | ST_ERASE;
        }
        break;
    case LOCK_CODE:
        log_unimp(name_of(s), "block lock code 0x%02x", cmd);
        break;
    default:
        intel_command(s, cmd);
    }
}

/* -- Command set 2 (22358, table 9) ------------------------------------------ */

enum { UNLOCK_ADDR_1 = 0x555, UNLOCK_ADDR_2 = 0x2aa, UNLOCK_MASK = 0x7ff };

static void amd_reset(Flash *s)
{
    s->cycle = COMMAND;
    set_mode(s, READ_ARRAY);
}

static void amd_unlocked(Flash *s, uint8_t cmd)
{
    s->cycle = COMMAND;
    switch (cmd) {
    case 0xa0:
        s->cycle = PROGRAM_DATA;
        break;
    case 0x80:
        s->cycle = ERASE_UNLOCK_1;
        break;
    case 0x90:
        set_mode(s, READ_ID);
        break;
    case 0x20:
        s->bypass = 1;
        break;
    default:
        log_guest(name_of(s), "unknown command 0x%02x", cmd);
    }
}

static void amd_erase(Flash *s, uint32_t off, uint32_t index, uint8_t cmd)
{
    s->cycle = COMMAND;
    if (cmd == 0x30) {
        erase_sector(s, off);
        s->cycle = MORE_SECTORS;
    } else if (cmd == 0x10 && (index == UNLOCK_ADDR_1 || s->bypass)) {
        erase(s, 0, s->size);
    }
}

static void amd_command(Flash *s, uint32_t index, uint8_t cmd)
{
    s->cycle = COMMAND;
    if (s->bypass) {
        s->cycle = cmd == 0xa0 ? PROGRAM_DATA : cmd == 0x80 ? ERASE_COMMAND
                 : cmd == 0x90 ? BYPASS_EXIT : COMMAND;
    } else if (cmd == 0xaa && index == UNLOCK_ADDR_1) {
        s->cycle = UNLOCK_2;
    } else if (cmd == 0x98 && (index & 0xff) == 0x55) {
        set_mode(s, READ_QUERY);
    }
}

static void amd_write(Flash *s, uint32_t off, uint32_t val, unsigned size)
{
    uint32_t index = off / s->width & UNLOCK_MASK;
    uint8_t cmd = (uint8_t)val;

    if (s->cycle == PROGRAM_DATA) {
        s->cycle = COMMAND;
        program_word(s, off, val, size);
        return;
    }
    if (cmd == 0xf0) {
        amd_reset(s);
        return;
    }
    bool first = cmd == 0xaa && index == UNLOCK_ADDR_1;
    bool second = cmd == 0x55 && index == UNLOCK_ADDR_2;

    switch (s->cycle) {
    case UNLOCK_2:
        s->cycle = second ? UNLOCKED : COMMAND;
        break;
    case UNLOCKED:
        if (index == UNLOCK_ADDR_1) {
            amd_unlocked(s, cmd);
        } else {
            amd_reset(s);
        }
        break;
    case ERASE_UNLOCK_1:
        s->cycle = first ? ERASE_UNLOCK_2 : COMMAND;
        break;
    case ERASE_UNLOCK_2:
        s->cycle = second ? ERASE_COMMAND : COMMAND;
        break;
    case ERASE_COMMAND:
        amd_erase(s, off, index, cmd);
        break;
    case MORE_SECTORS:                  /* 22358: further ones within 50 us */
        if (cmd == 0x30) {
            erase_sector(s, off);
        } else {
            amd_command(s, index, cmd);
        }
        break;
    case BYPASS_EXIT:
        s->bypass = cmd != 0;
        s->cycle = COMMAND;
        break;
    default:
        amd_command(s, index, cmd);
    }
}

/* -- The window -------------------------------------------------------------- */

/* The byte of chip registers at this offset of the bank; all chips agree. */
static uint8_t byte_at(const Flash *s, uint32_t off)
{
    uint32_t index = off / s->width & 0xff, lane = off % s->device_width;
    uint32_t val = 0;

    switch (s->mode) {
    case READ_ARRAY:
        return s->filled ? s->ram->host[off] : 0xff;
    case READ_STATUS:
        val = s->status;
        break;
    case READ_ID:
        val = index == 0 ? s->manufacturer : index == 1 ? s->device : 0;
        break;
    default:
        val = index < QUERY_SIZE ? s->query[index] : 0;
    }
    return (uint8_t)(val >> (8 * lane));
}

static uint64_t flash_read(void *opaque, hwaddr offset, unsigned size)
{
    const Flash *s = opaque;
    uint64_t val = 0;

    for (unsigned i = 0; i < size; i++) {
        uint8_t b = offset + i < s->size ? byte_at(s, (uint32_t)offset + i) : 0xff;

        val |= (uint64_t)b << (8 * i);
    }
    return val;
}

static void flash_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    Flash *s = opaque;

    if (offset >= s->size || size > s->size - offset) {
        log_guest(name_of(s), "write past the end, at 0x%x", (unsigned)offset);
    } else if (size > s->width) {       /* the bus makes two of it */
        for (unsigned i = 0; i < size; i += s->width) {
            flash_write(s, offset + i, val >> (8 * i) & (~0ull >> (64 - 8 * s->width)),
                        s->width);
        }
    } else if (s->command_set == 1) {
        intel_write(s, (uint32_t)offset, (uint32_t)val, size);
    } else {
        amd_write(s, (uint32_t)offset, (uint32_t)val, size);
    }
}

static const MemoryRegionOps flash_ops = { flash_read, flash_write, 1, 4 };

/* -- Query structure (JESD68.01) --------------------------------------------- */

static unsigned log2_of(uint32_t v)
{
    return 31u - (unsigned)__builtin_clz(v);
}

/* What follows the regions: JEP137 and the vendors' tables. */
static void make_vendor_query(Flash *s, uint8_t *q)
{
    memcpy(q, "PRI1", 4);
    if (s->command_set == 1) {
        q[4] = '0';                     /* 1.0; no optional features */
    } else {
        q[4] = '1';
        q[6] = 2;                       /* erase suspend, to read and write */
        q[15] = 2;                      /* small sectors at the bottom */
    }
}

static void make_query(Flash *s)
{
    uint32_t chips = s->width / s->device_width;
    uint8_t *q = s->query;
    unsigned vendor = 0x2d + 4 * s->num_regions;

    memcpy(q + 0x10, "QRY", 3);
    q[0x13] = (uint8_t)s->command_set;
    q[0x15] = (uint8_t)vendor;
    q[0x1b] = 0x27;                     /* VCC 2.7 to 3.6 V */
    q[0x1c] = 0x36;
    q[0x1f] = 4;                        /* typical times, 2^n us: a word */
    q[0x21] = 10;                       /* 2^n ms: a sector */
    q[0x23] = 5;                        /* at most 2^n times that */
    q[0x25] = 4;
    q[0x27] = (uint8_t)log2_of(s->size / chips);
    q[0x28] = s->device_width == 1 ? 0 : s->device_width == 2 ? 1 : 3;
    if (s->command_set == 1) {
        q[0x20] = 7;
        q[0x24] = 4;
        q[0x2a] = (uint8_t)log2_of(BUFFER_WORDS * s->device_width);
    }
    q[0x2c] = (uint8_t)s->num_regions;
    for (unsigned i = 0; i < s->num_regions; i++) {
        store_le(q + 0x2d + 4 * i, s->region[i].num - 1, 2);
        store_le(q + 0x2f + 4 * i, s->region[i].size / chips / 256, 2);
    }
    make_vendor_query(s, q + vendor);
}

/* -- Properties -------------------------------------------------------------- */

/* "31x64k"; NULL: it is not that. */
static const char *parse_region(const char *p, SectorRegion *r)
{
    char *end;
    unsigned long num = strtoul(p, &end, 10), size;

    if (end == p || *end != 'x' || !num || num > 0x10000) {
        return NULL;
    }
    p = end + 1;
    size = strtoul(p, &end, 10);
    if (end == p || !size || size > MAX_SIZE) {
        return NULL;
    }
    if (*end == 'k' || *end == 'K') {
        size <<= 10;
        end++;
    }
    *r = (SectorRegion){ (uint32_t)num, (uint32_t)MIN(size, MAX_SIZE) };
    return *end == '+' ? end + 1 : *end ? NULL : end;
}

static int parse_regions(Flash *s, uint64_t *total, Error *err)
{
    *total = 0;
    for (const char *p = s->region_list; *p;) {
        SectorRegion *r = &s->region[s->num_regions];

        if (s->num_regions == MAX_REGIONS || !(p = parse_region(p, r))) {
            return error_set(err, EINVAL, "%s: regions=%s: it is up to %d NUMxSIZE[k], "
                             "joined by +", name_of(s), s->region_list, MAX_REGIONS);
        }
        *total += (uint64_t)r->num * r->size;
        s->num_regions++;
    }
    return 0;
}

static int check_widths(Flash *s, Error *err)
{
    s->device_width = s->device_width ? s->device_width : s->width;
    if ((s->width != 1 && s->width != 2 && s->width != 4) ||
        !is_pow2(s->device_width) || s->device_width > s->width) {
        return error_set(err, EINVAL, "%s: width=%u device-width=%u: they are 1, 2 or 4, "
                         "and a chip is no wider than the bus", name_of(s), s->width,
                         s->device_width);
    }
    if (s->command_set != 1 && s->command_set != 2) {
        return error_set(err, EINVAL, "%s: command-set=%u: 1 is Intel's, 2 is AMD's",
                         name_of(s), s->command_set);
    }
    return 0;
}

static int find_size(Flash *s, Error *err)
{
    uint64_t size = s->want_size, sum = 0;
    int ret = s->region_list ? parse_regions(s, &sum, err) : 0;

    if (ret < 0) {
        return ret;
    }
    size = size ? size : sum ? sum : s->blk ? blk_length(s->blk) : 0;
    if (size < PAGE || size > MAX_SIZE || !is_pow2(size) || (sum && sum != size)) {
        return error_set(err, EINVAL, "%s: %llu bytes: a flash has a power of two of them, "
                         "from 4 KiB to 64 MiB, and its regions make as many", name_of(s),
                         (unsigned long long)size);
    }
    if (s->blk && blk_length(s->blk) != size) {
        return error_set(err, EINVAL, "%s: %s has %llu bytes and the flash %llu: resize the "
                         "image (qemu-img resize)", name_of(s), blk_filename(s->blk),
                         (unsigned long long)blk_length(s->blk), (unsigned long long)size);
    }
    s->size = (uint32_t)size;
    if (!sum) {
        s->num_regions = 1;
        s->region[0] = (SectorRegion){ s->sector ? s->size / s->sector : 0, s->sector };
    }
    return 0;
}

static int check_sectors(const Flash *s, Error *err)
{
    uint32_t chips = s->width / s->device_width;

    for (unsigned i = 0; i < s->num_regions; i++) {
        uint32_t num = s->region[i].num, size = s->region[i].size;

        if (!num || num > 0x10000 || !is_pow2(size) || size / chips < 256 ||
            size / chips / 256 > 0xffff) {
            return error_set(err, EINVAL, "%s: sectors of %u bytes: they are a power of two, "
                             "from 256 bytes of a chip to the size of the flash", name_of(s),
                             size);
        }
    }
    return 0;
}

/* -- The type ---------------------------------------------------------------- */

static bool is_medium_locked(void *opaque)
{
    (void)opaque;
    return true;                        /* it is soldered */
}

/* By force: what comes in its place is not this flash's. */
static void medium_changed(void *opaque, bool loaded)
{
    (void)loaded;
    ((Flash *)opaque)->orphaned = true;
}

static const BlockDevOps dev_ops = {
    .medium_changed = medium_changed, .is_medium_locked = is_medium_locked,
};

static int load_contents(Flash *s, Error *err)
{
    int ret = blk_attach_dev(s->blk, name_of(s), &dev_ops, s, err);

    if (ret < 0) {
        return ret;
    }
    s->attached = true;
    ret = blk_pread(s->blk, 0, s->ram->host, s->size);
    if (ret < 0) {
        return error_set(err, -ret, "%s: %s: cannot be read: %s", name_of(s),
                         blk_filename(s->blk), strerror(-ret));
    }
    s->filled = 1;
    return 0;
}

static int flash_realize(Device *d, Error *err)
{
    Flash *s = (Flash *)d;
    int ret = check_widths(s, err);

    ret = ret < 0 ? ret : find_size(s, err);
    ret = ret < 0 ? ret : check_sectors(s, err);
    if (ret < 0) {
        return ret;
    }
    s->ram = ram_block_new(xasprintf("%s.flash", name_of(s)), s->size);
    if (!s->ram) {
        return error_set(err, ENOMEM, "%s: no memory for %u bytes", name_of(s), s->size);
    }
    s->dirty = xzalloc(s->size / PAGE + 2);
    make_query(s);
    d->window[0].ram = s->ram;
    d->window[0].size = s->size;
    s->status = ST_READY;
    return s->blk ? load_contents(s, err) : 0;
}

/* The contents stay, and what is on its way to the drive. */
static void flash_reset(Device *d)
{
    Flash *s = (Flash *)d;

    s->cycle = COMMAND;
    s->bypass = 0;
    s->status = ST_READY;
    s->left = s->base = 0;
    memset(s->buffer, 0, sizeof(s->buffer));
    set_mode(s, READ_ARRAY);
}

static void set_input(Device *d, int n, int level)
{
    (void)n;
    ((Flash *)d)->gate = level != 0;
}

static int flash_post_load(Device *d, Error *err)
{
    Flash *s = (Flash *)d;

    if (s->mode >= MODE_NUM || s->cycle >= CYCLE_NUM || s->left > BUFFER_WORDS ||
        ((s->cycle == BUFFER_DATA || s->cycle == BUFFER_FIRST) && !s->left) || s->base >= s->size ||
        s->base % (BUFFER_WORDS * s->width) || s->filled > 1 || (s->attached && !s->filled)) {
        return error_set(err, EINVAL, "the snapshot is damaged, or of another flash");
    }
    set_mode(s, (Mode)s->mode);
    return 0;
}

static void flash_free(Device *d)
{
    Flash *s = (Flash *)d;

    if (s->attached) {
        blk_drain(s->blk);
        if (s->aio) {
            blk_aio_cancel(s->aio);
        }
        blk_detach_dev(s->blk);
    }
    free(s->dirty);
}

static const WindowDef flash_windows[] = {
    { "flash", false, MAX_SIZE, NULL, &flash_ops },
    { .name = NULL },
};

static const PropDef flash_props[] = {
    { "drive", PROP_DRIVE, offsetof(Flash, blk), 0, "contents" },
    { "size", PROP_U64, offsetof(Flash, want_size), 0, "bytes; 0: of drive or regions" },
    { "width", PROP_U32, offsetof(Flash, width), 1, "of the bus, bytes" },
    { "device-width", PROP_U32, offsetof(Flash, device_width), 0, "of a chip; 0: the bus's" },
    { "command-set", PROP_U32, offsetof(Flash, command_set), 1, "1 Intel, 2 AMD" },
    { "sector", PROP_U32, offsetof(Flash, sector), 4096, "bytes of a sector" },
    { "regions", PROP_STRING, offsetof(Flash, region_list), 0, "1x16k+2x8k+1x32k+31x64k" },
    { "manufacturer", PROP_U32, offsetof(Flash, manufacturer), 0x89, "code" },
    { "device", PROP_U32, offsetof(Flash, device), 0x18, "code" },
    { "gated", PROP_BOOL, offsetof(Flash, gated), 0, "writable while input 0 is high" },
    { .name = NULL },
};

static const VMField flash_vmstate[] = {
    VM_FIELD(Flash, mode),
    VM_FIELD(Flash, cycle),
    VM_FIELD(Flash, status),
    VM_FIELD(Flash, bypass),
    VM_FIELD(Flash, gate),
    VM_FIELD(Flash, filled),
    VM_FIELD(Flash, left),
    VM_FIELD(Flash, base),
    VM_ARRAY(Flash, buffer),
    VM_END
};

const DeviceType cfi_flash_type = {
    .name = "cfi_flash",
    .desc = "NOR flash with common flash interface",
    .manual = "JEDEC JESD68.01, JEP137; Intel 290737; AMD 22358",
    .bus = "sys",
    .state_size = sizeof(Flash),
    .windows = flash_windows,
    .props = flash_props,
    .vmstate = flash_vmstate,
    .num_inputs = 1,
    .realize = flash_realize,
    .reset = flash_reset,
    .post_load = flash_post_load,
    .free = flash_free,
    .input = set_input,
};
