/* SPDX-License-Identifier: MIT */
/*
 * fw_cfg: the firmware configuration device (interface: "QEMU Firmware
 * Configuration (fw_cfg) Device", specification).
 *
 *   0x510 selector (16 bits) --> item, offset 0
 *   0x511 data ----------------> next byte of the item, 0 past its end
 *   0x514 DMA address ---------> { control, length, address } in guest memory
 *
 * The DMA address register and everything in memory is big endian.  Writing
 * its lower half starts the transfer, which is done when the write returns.
 *
 * Not modelled: items the guest writes.
 */
#include "hw/misc/fw_cfg.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"

enum { NUM_LOW = 0x60, NUM_ARCH = 0x10, ARCH_FIRST = 0x8000,
       MAX_FILES = NUM_LOW - FW_CFG_FILE_FIRST, NAME_LEN = 56, NO_ITEM = 0xffff };
enum { ID_TRADITIONAL = 1, ID_DMA = 2 };
enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16 };
#define DMA_SIGNATURE 0x51454d5520434647ull             /* "QEMU CFG" */

typedef struct Item { uint8_t *data; uint32_t len; } Item;

typedef struct FwCfg {
    Device dev;
    uint16_t key;
    uint32_t offset;
    uint64_t dma_addr;
    Item low[NUM_LOW], arch[NUM_ARCH];
    unsigned num_files;
    char names[MAX_FILES][NAME_LEN];
} FwCfg;

static const uint8_t zeros[256];

/* NULL: there is no such key, reads give 0. */
static Item *find_item(const FwCfg *s, uint16_t key)
{
    FwCfg *t = (FwCfg *)(uintptr_t)s;

    if (key < NUM_LOW) {
        return &t->low[key];
    }
    if (key >= ARCH_FIRST && key < ARCH_FIRST + NUM_ARCH) {
        return &t->arch[key - ARCH_FIRST];
    }
    return NULL;
}

/* -- For the board ----------------------------------------------------------- */

void fw_cfg_add(Device *d, uint16_t key, const void *data, uint32_t len)
{
    Item *item = find_item((FwCfg *)d, key);

    assert(item);
    free(item->data);
    item->data = xmalloc(len + 1ull);
    memcpy(item->data, data, len);
    item->len = len;
}

static void add_number(Device *d, uint16_t key, uint64_t val, unsigned len)
{
    uint8_t buf[8];

    store_le(buf, val, len);
    fw_cfg_add(d, key, buf, len);
}

void fw_cfg_add_u16(Device *d, uint16_t key, uint16_t val) { add_number(d, key, val, 2); }
void fw_cfg_add_u32(Device *d, uint16_t key, uint32_t val) { add_number(d, key, val, 4); }
void fw_cfg_add_u64(Device *d, uint16_t key, uint64_t val) { add_number(d, key, val, 8); }

/* Count, then per file: size, key, reserved, name; big endian. */
static void make_directory(FwCfg *s)
{
    uint8_t dir[4 + MAX_FILES * 64] = { 0 };

    store_be(dir, s->num_files, 4);
    for (unsigned i = 0; i < s->num_files; i++) {
        uint8_t *e = dir + 4 + 64 * i;

        store_be(e, s->low[FW_CFG_FILE_FIRST + i].len, 4);
        store_be(e + 4, FW_CFG_FILE_FIRST + i, 2);
        memcpy(e + 8, s->names[i], NAME_LEN);
    }
    fw_cfg_add(&s->dev, FW_CFG_FILE_DIR, dir, 4 + 64 * s->num_files);
}

static int file_index(const FwCfg *s, const char *name)
{
    for (unsigned i = 0; i < s->num_files; i++) {
        if (!strcmp(s->names[i], name)) {
            return (int)i;
        }
    }
    return -1;
}

int fw_cfg_add_file(Device *d, const char *name, const void *data, uint32_t len,
                    Error *err)
{
    FwCfg *s = (FwCfg *)d;
    int i = file_index(s, name);

    if (strlen(name) >= NAME_LEN) {
        return error_set(err, EINVAL, "fw_cfg: file name '%s' is too long, at "
                         "most %d characters", name, NAME_LEN - 1);
    }
    if (i < 0 && s->num_files == MAX_FILES) {
        return error_set(err, ENOSPC, "fw_cfg: no room for file '%s', there are "
                         "%d already", name, MAX_FILES);
    }
    if (i < 0) {
        i = (int)s->num_files++;
        snprintf(s->names[i], NAME_LEN, "%s", name);
    }
    fw_cfg_add(d, (uint16_t)(FW_CFG_FILE_FIRST + i), data, len);
    make_directory(s);
    return 0;
}

const void *fw_cfg_find(const Device *d, uint16_t key, uint32_t *len)
{
    const Item *item = find_item((const FwCfg *)d, key);

    *len = item ? item->len : 0;
    return item ? item->data : NULL;
}

const void *fw_cfg_find_file(const Device *d, const char *name, uint32_t *len)
{
    int i = file_index((const FwCfg *)d, name);

    *len = 0;
    return i < 0 ? NULL : fw_cfg_find(d, (uint16_t)(FW_CFG_FILE_FIRST + i), len);
}

/* -- Selector and data ports ------------------------------------------------- */

static void select_key(FwCfg *s, uint16_t key)
{
    s->key = key;
    s->offset = 0;
    if (!find_item(s, key)) {
        log_unimp("fw_cfg", "key 0x%x", key);
    }
}

static uint64_t port_read(void *opaque, hwaddr offset, unsigned size)
{
    FwCfg *s = opaque;
    const Item *item = find_item(s, s->key);

    if (offset != 1 || size != 1) {
        return 0;
    }
    if (!item || s->offset >= item->len) {
        return 0;
    }
    return item->data[s->offset++];
}

static void port_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    if (offset == 0 && size == 2) {
        select_key(opaque, (uint16_t)val);
    } else {
        log_guest("fw_cfg", "%u-byte write at port %u", size, (unsigned)offset);
    }
}

static const MemoryRegionOps port_ops = { port_read, port_write, 1, 2 };

/* -- DMA --------------------------------------------------------------------- */

static void write_zeros(AddressSpace *as, hwaddr addr, uint32_t len)
{
    while (len) {
        uint32_t n = MIN(len, (uint32_t)sizeof(zeros));

        as_write(as, addr, zeros, n);
        addr += n;
        len -= n;
    }
}

/* A guest may ask for 4 GiB: beyond RAM there is nothing to fill. */
enum { MAX_ZEROS = 16 << 20 };

static void transfer(FwCfg *s, hwaddr addr, uint32_t len, bool copy)
{
    const Item *item = find_item(s, s->key);
    uint32_t left = item && s->offset < item->len ? item->len - s->offset : 0;
    uint32_t n = MIN(len, left);

    if (copy && n) {
        as_write(s->dev.mem, addr, item->data + s->offset, n);
    }
    if (copy) {
        write_zeros(s->dev.mem, addr + n, MIN(len - n, (uint32_t)MAX_ZEROS));
    }
    s->offset += n;
}

static void run_dma(FwCfg *s)
{
    hwaddr at = s->dma_addr;
    uint8_t access[16], result[4];
    uint32_t status = 0;

    s->dma_addr = 0;
    if (!s->dev.mem) {
        return;
    }
    as_read(s->dev.mem, at, access, sizeof(access));
    uint32_t control = (uint32_t)load_be(access, 4);
    uint32_t len = (uint32_t)load_be(access + 4, 4);

    if (control & DMA_SELECT) {
        select_key(s, (uint16_t)(control >> 16));
    }
    if (control & (DMA_READ | DMA_SKIP)) {
        transfer(s, load_be(access + 8, 8), len, control & DMA_READ);
    } else if (control & DMA_WRITE) {
        log_guest("fw_cfg", "DMA write to key 0x%x, which is read-only", s->key);
        status = DMA_ERROR;
    }
    store_be(result, status, 4);
    as_write(s->dev.mem, at, result, sizeof(result));
}

/* The register's bytes in the order of a big-endian number. */
static uint64_t dma_read(void *opaque, hwaddr offset, unsigned size)
{
    uint8_t sig[8];

    (void)opaque;
    store_be(sig, DMA_SIGNATURE, 8);
    return load_le(sig + offset, size);
}

static void dma_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    FwCfg *s = opaque;
    uint8_t reg[8];

    store_be(reg, s->dma_addr, 8);
    store_le(reg + offset, val, size);
    s->dma_addr = load_be(reg, 8);
    if (offset + size == 8) {
        run_dma(s);
    }
}

static const MemoryRegionOps dma_ops = { dma_read, dma_write, 4, 8 };

/* -- Type -------------------------------------------------------------------- */

static void fw_cfg_init(Device *d)
{
    fw_cfg_add(d, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_add_u32(d, FW_CFG_ID, ID_TRADITIONAL | ID_DMA);
    make_directory((FwCfg *)d);
}

static void fw_cfg_reset(Device *d)
{
    FwCfg *s = (FwCfg *)d;

    s->key = NO_ITEM;
    s->offset = 0;
    s->dma_addr = 0;
}

static void fw_cfg_free(Device *d)
{
    FwCfg *s = (FwCfg *)d;

    for (unsigned i = 0; i < NUM_LOW; i++) {
        free(s->low[i].data);
    }
    for (unsigned i = 0; i < NUM_ARCH; i++) {
        free(s->arch[i].data);
    }
}

static const WindowDef fw_cfg_windows[] = {
    { "ports", true, 2, NULL, &port_ops },
    { "dma", true, 8, NULL, &dma_ops },
    { NULL, false, 0, NULL, NULL }
};

static const VMField fw_cfg_vmstate[] = {
    VM_FIELD(FwCfg, key),
    VM_FIELD(FwCfg, offset),
    VM_FIELD(FwCfg, dma_addr),
    VM_END
};

const DeviceType fw_cfg_type = {
    .name       = "fw_cfg",
    .desc       = "firmware configuration",
    .manual     = "fw_cfg specification",
    .bus        = "sys",
    .state_size = sizeof(FwCfg),
    .windows    = fw_cfg_windows,
    .vmstate    = fw_cfg_vmstate,
    .init       = fw_cfg_init,
    .reset      = fw_cfg_reset,
    .free       = fw_cfg_free,
};
