/* SPDX-License-Identifier: MIT */
/*
 * Atmel serial EEPROMs AT24C01A, 02, 04, 08A, 16A (0180).
 *
 *      word address: 8 bits sent, the rest from the device address
 *      write: page buffer --STOP--> memory, 5 ms --> drive
 *      read:  memory[word++]
 *
 * While a page is being written the chip does not acknowledge its address,
 * which is how drivers wait for it ("acknowledge polling").
 *
 * Not modelled: larger ones, whose word address is two bytes.
 */
#include "hw/i2c/at24c.h"

#include <errno.h>

#include "block/block.h"
#include "hw/i2c/i2c.h"
#include "util/bits.h"
#include "util/iov.h"

enum { MIN_SIZE = 128, MAX_SIZE = 2048, BLOCK = 256, MAX_PAGE = 32 };
#define WRITE_NS (5 * NS_PER_MS)        /* table "AC characteristics", tWR */

typedef struct At24c {
    I2CDevice i2c;
    uint32_t size, page;
    bool wp, attached;
    BlockDriverState *blk;
    BlockAIOCB *acb;                    /* a page on its way to the drive */
    QEMUIOVector qiov;
    struct iovec iov;
    uint8_t stored[MAX_PAGE];           /* that page */
    int64_t busy_until;
    uint32_t written;                   /* bytes of buf, since START */
    uint16_t word;                      /* the address counter */
    uint8_t addressed;                  /* the word address was sent */
    uint8_t buf[MAX_PAGE];
    uint8_t mem[MAX_SIZE];
} At24c;

static unsigned page_start(const At24c *s)
{
    return s->word & ~(s->page - 1);
}

static bool busy(const At24c *s)
{
    return s->acb || clock_now(s->i2c.dev.clock) < s->busy_until;
}

/* -- The drive --------------------------------------------------------------- */

/* An error was handled by the drive's policy; the chip cannot report one. */
static void page_stored(void *opaque, int ret)
{
    (void)ret;
    ((At24c *)opaque)->acb = NULL;
}

/* A drive shorter than the chip holds what it can. */
static void store_page(At24c *s)
{
    uint64_t at = page_start(s), len = s->blk ? blk_length(s->blk) : 0;

    if (at >= len) {
        return;
    }
    memcpy(s->stored, s->mem + at, s->page);
    iov_init_buf(&s->qiov, &s->iov, s->stored, MIN(s->page, len - at));
    s->acb = blk_aio_pwritev(s->blk, at, &s->qiov, page_stored, s);
}

/* -- The bus ----------------------------------------------------------------- */

/* Table "Device address": bits that name a block of 256 bytes. */
static bool at24c_start(I2CDevice *d, uint8_t address, bool read)
{
    At24c *s = (At24c *)d;

    if (busy(s)) {
        return false;
    }
    s->word = (uint16_t)((s->word % BLOCK | (address - d->address) * BLOCK) % s->size);
    s->addressed = read;
    s->written = 0;
    return true;
}

/* "Page write": the lower address bits count up and wrap within the page. */
static bool at24c_write(I2CDevice *d, uint8_t val)
{
    At24c *s = (At24c *)d;

    if (!s->addressed) {
        s->word = (uint16_t)(((s->word & ~(BLOCK - 1)) | val) % s->size);
        s->addressed = 1;
        return true;
    }
    unsigned at = s->word % s->page;

    s->buf[at] = val;
    s->written |= 1u << at;
    s->word = (uint16_t)(page_start(s) + (at + 1) % s->page);
    return true;
}

/* "Sequential read": at the end of the memory it rolls over. */
static uint8_t at24c_read(I2CDevice *d)
{
    At24c *s = (At24c *)d;
    uint8_t val = s->mem[s->word];

    s->word = (uint16_t)((s->word + 1u) % s->size);
    return val;
}

static void at24c_stop(I2CDevice *d)
{
    At24c *s = (At24c *)d;

    if (!s->written) {
        return;
    }
    if (!s->wp) {
        for (unsigned i = 0; i < s->page; i++) {
            if (s->written >> i & 1) {
                s->mem[page_start(s) + i] = s->buf[i];
            }
        }
        s->busy_until = clock_now(d->dev.clock) + WRITE_NS;
        store_page(s);
    }
    s->written = 0;
}

static const I2CDeviceOps at24c_ops = {
    .start = at24c_start,
    .write = at24c_write,
    .read  = at24c_read,
    .stop  = at24c_stop,
};

/* -- The type ---------------------------------------------------------------- */

static int check_sizes(At24c *s, Error *err)
{
    if (!is_pow2(s->size) || s->size < MIN_SIZE || s->size > MAX_SIZE) {
        return error_set(err, EINVAL, "at24c: size=%u: there are 128, 256, 512, 1024 "
                         "and 2048", s->size);
    }
    s->page = s->page ? s->page : s->size <= 256 ? 8 : 16;
    if (!is_pow2(s->page) || s->page > MAX_PAGE) {
        return error_set(err, EINVAL, "at24c: page=%u: want a power of two up to %d",
                         s->page, MAX_PAGE);
    }
    return 0;
}

static int load_drive(At24c *s, Error *err)
{
    size_t len = MIN(blk_length(s->blk), s->size);

    if (!s->wp && blk_is_read_only(s->blk)) {
        return error_set(err, EROFS, "at24c: drive %s can only be read: use wp=on or "
                         "snapshot=on", blk_name(s->blk));
    }
    int ret = blk_attach_dev(s->blk, s->i2c.dev.id ? s->i2c.dev.id : "at24c", NULL, s,
                             err);

    if (ret < 0) {
        return ret;
    }
    s->attached = true;
    ret = len ? blk_pread(s->blk, 0, s->mem, len) : 0;
    return ret < 0 ? error_set(err, -ret, "at24c: drive %s cannot be read",
                               blk_name(s->blk)) : 0;
}

static int at24c_realize(Device *d, Error *err)
{
    At24c *s = (At24c *)d;
    int ret = check_sizes(s, err);

    memset(s->mem, 0xff, sizeof(s->mem));
    s->i2c.num_addresses = MAX(s->size / BLOCK, 1u);
    if (ret == 0 && s->blk) {
        ret = load_drive(s, err);
    }
    return ret < 0 ? ret : i2c_plug(&s->i2c, err);
}

/* There is no reset pin; a transfer that was cut off is forgotten. */
static void at24c_reset(Device *d)
{
    At24c *s = (At24c *)d;

    s->written = s->word = s->addressed = 0;
    s->busy_until = 0;
    memset(s->buf, 0, sizeof(s->buf));
}

static int at24c_post_load(Device *d, Error *err)
{
    At24c *s = (At24c *)d;

    (void)err;
    s->word = (uint16_t)(s->word % s->size);
    s->busy_until = MIN(s->busy_until, clock_now(d->clock) + WRITE_NS);
    return 0;
}

static void at24c_free(Device *d)
{
    At24c *s = (At24c *)d;

    i2c_unplug(&s->i2c);
    if (s->attached) {
        blk_drain(s->blk);
        blk_detach_dev(s->blk);
    }
}

#define AT(m) offsetof(At24c, m)
static const PropDef at24c_props[] = {
    I2C_PROPS(At24c, 0x50),
    { "size",  PROP_U32,   AT(size), 1024, "bytes: 128 to 2048" },
    { "page",  PROP_U32,   AT(page), 0, "bytes of a page write, 0: by size" },
    { "wp",    PROP_BOOL,  AT(wp),   0, "write protected" },
    { "drive", PROP_DRIVE, AT(blk),  0, "the contents" },
    { .name = NULL }
};

static const VMField at24c_vmstate[] = {
    VM_FIELD(At24c, busy_until),
    VM_FIELD(At24c, written),
    VM_FIELD(At24c, word),
    VM_FIELD(At24c, addressed),
    VM_ARRAY(At24c, buf),
    VM_ARRAY(At24c, mem),
    VM_END
};

const DeviceType at24c_type = {
    .name       = "at24c",
    .desc       = "I2C EEPROM",
    .manual     = "Atmel 0180",
    .bus        = "i2c",
    .state_size = sizeof(At24c),
    .props      = at24c_props,
    .vmstate    = at24c_vmstate,
    .user_creatable = true,
    .realize    = at24c_realize,
    .reset      = at24c_reset,
    .post_load  = at24c_post_load,
    .free       = at24c_free,
    .bus_ops    = &at24c_ops,
};
