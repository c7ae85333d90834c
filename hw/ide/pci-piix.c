/* SPDX-License-Identifier: MIT */
/*
 * PIIX3 IDE function (Intel 290550, 2.3 and 2.6): bus master DMA.
 *
 *   BMIDTP --> | address   | 0 |      physical region descriptors
 *              | EOT |  count  |  --> guest memory --> one disk request
 *              | address   | 0 |
 *
 * The drive's command and the guest's Start bit may come in either order;
 * when both are there, descriptors are gathered up to what the drive wants and
 * go to the disk as one request, straight into guest memory.  Memory that is no
 * RAM goes through a bounce buffer.
 *
 * Descriptors that run out before the drive is satisfied end the bus master
 * (Active 0, no interrupt) and leave the drive waiting: 2.6.3, table 11.
 *
 * The legacy ports belong to the channels; IDETIM bit 15 and the command
 * register's I/O bit switch them on.
 *
 * Not modelled: timing (the registers store), native mode.
 */
#include <errno.h>
#include <stdlib.h>

#include "hw/core/pci.h"
#include "hw/ide/ide-int.h"
#include "hw/ide/ide.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"

enum { NUM_CHANNELS = 2, MAX_SEGMENTS = 1024 };
enum { BM_COMMAND = 0, BM_STATUS = 2, BM_TABLE = 4, BM_SIZE = 8 };
enum { BM_START = 1, BM_TO_MEMORY = 8 };
enum { BM_ACTIVE = 1, BM_ERROR = 2, BM_INTERRUPT = 4, BM_CAPABLE = 0x60 };
enum { IDETIM = 0x40, IDETIM_DECODE = 0x80, SIDETIM = 0x44 };

typedef struct Segment { uint64_t addr; uint32_t len; } Segment;

typedef struct BusMaster {
    struct PiixIde *piix;
    IDEChannel *channel;
    uint8_t command, status;
    uint32_t table;
    /* Where the walk is */
    uint32_t next_prd, seg_addr, seg_left;
    uint8_t last;                       /* the present one has EOT */
    /* A request under way */
    bool running, to_guest;
    Segment seg[MAX_SEGMENTS];
    int num_segs;
    QEMUIOVector sg;
    struct iovec one;
    uint8_t *bounce;
} BusMaster;

typedef struct PiixIde {
    PCIDevice pci;
    Device *channel[NUM_CHANNELS];      /* properties */
    BusMaster bm[NUM_CHANNELS];
} PiixIde;

static bool is_master(const PiixIde *s)
{
    return s->pci.config[PCI_COMMAND] & PCI_COMMAND_MASTER;
}

/* -- Descriptors ------------------------------------------------------------- */

/* 2.6: address (even), count (even, 0 is 64 KiB), EOT in the top bit. */
static void load_descriptor(BusMaster *bm)
{
    uint8_t prd[8];

    pci_dma_read(&bm->piix->pci, bm->next_prd, prd, sizeof(prd));
    bm->next_prd += sizeof(prd);
    bm->seg_addr = (uint32_t)load_le(prd, 4) & ~1u;
    bm->seg_left = (uint32_t)load_le(prd + 4, 2) & ~1u;
    bm->last = prd[7] >> 7;
    if (bm->seg_left == 0) {
        bm->seg_left = 64 << 10;
    }
}

/* Up to want bytes into seg[]; how many they are. */
static uint64_t gather(BusMaster *bm, uint64_t want)
{
    uint64_t got = 0;

    bm->num_segs = 0;
    while (got < want && bm->num_segs < MAX_SEGMENTS) {
        if (bm->seg_left == 0) {
            if (bm->last) {
                break;
            }
            load_descriptor(bm);
        }
        uint32_t n = (uint32_t)MIN(bm->seg_left, want - got);

        bm->seg[bm->num_segs++] = (Segment){ bm->seg_addr, n };
        bm->seg_addr += n;
        bm->seg_left -= n;
        got += n;
    }
    return got;
}

/* -- Memory ------------------------------------------------------------------ */

/* The segments as host memory; false: some of it is no RAM. */
static bool map_segments(BusMaster *bm)
{
    AddressSpace *mem = bm->piix->pci.bus->mem;

    for (int i = 0; i < bm->num_segs; i++) {
        uint64_t addr = bm->seg[i].addr, left = bm->seg[i].len;

        while (left) {
            uint64_t n = left;
            void *p = as_ram(mem, addr, &n, bm->to_guest);

            if (!p || !n) {
                iov_reset(&bm->sg);
                return false;
            }
            n = MIN(n, left);
            iov_add(&bm->sg, p, n);
            addr += n;
            left -= n;
        }
    }
    return true;
}

static void copy_bounce(BusMaster *bm)
{
    uint8_t *p = bm->bounce;

    for (int i = 0; i < bm->num_segs; i++) {
        if (bm->to_guest) {
            pci_dma_write(&bm->piix->pci, bm->seg[i].addr, p, bm->seg[i].len);
        } else {
            pci_dma_read(&bm->piix->pci, bm->seg[i].addr, p, bm->seg[i].len);
        }
        p += bm->seg[i].len;
    }
}

static void map_memory(BusMaster *bm, uint64_t len)
{
    iov_init(&bm->sg, bm->num_segs);
    if (!map_segments(bm)) {
        bm->bounce = xmalloc(len);      /* at most MAX_SEGMENTS * 64 KiB */
        iov_add(&bm->sg, bm->bounce, len);
        if (!bm->to_guest) {
            copy_bounce(bm);
        }
    }
}

static void unmap_memory(BusMaster *bm, bool ok)
{
    AddressSpace *mem = bm->piix->pci.bus->mem;

    if (bm->to_guest && bm->bounce && ok) {
        copy_bounce(bm);
    }
    for (int i = 0; bm->to_guest && !bm->bounce && i < bm->num_segs; i++) {
        as_ram_written(mem, bm->seg[i].addr, bm->seg[i].len);
    }
    free(bm->bounce);
    bm->bounce = NULL;
    iov_free(&bm->sg);
}

/* -- The engine -------------------------------------------------------------- */

static void run(BusMaster *bm)
{
    uint64_t want, got;

    if (!bm->channel || bm->running || !(bm->status & BM_ACTIVE) || !is_master(bm->piix)) {
        return;
    }
    if (!ide_dma_waiting(bm->channel, &bm->to_guest, &want)) {
        return;
    }
    if (bm->to_guest != !!(bm->command & BM_TO_MEMORY)) {
        log_guest("piix3-ide", "the direction bit is not that of the command");
    }
    got = gather(bm, want);
    if (got == 0) {
        bm->status &= (uint8_t)~BM_ACTIVE;
        return;
    }
    bm->running = true;
    map_memory(bm, got);
    ide_dma_start(bm->channel, &bm->sg);
}

static void dma_ready(void *opaque)
{
    run(opaque);
}

static void dma_moved(void *opaque, uint64_t n, int ret)
{
    BusMaster *bm = opaque;

    (void)n;
    unmap_memory(bm, ret >= 0);
    bm->running = false;
    if (bm->last && bm->seg_left == 0) {
        bm->status &= (uint8_t)~BM_ACTIVE;
    }
}

static void dma_irq(void *opaque, int level)
{
    BusMaster *bm = opaque;

    if (level) {
        bm->status |= BM_INTERRUPT;
    }
}

static void dma_gone(void *opaque)
{
    BusMaster *bm = opaque;

    bm->channel = NULL;
    bm->piix->channel[bm - bm->piix->bm] = NULL;
}

static const IDEDmaOps dma_ops = { dma_ready, dma_moved, dma_irq, dma_gone };

/* 2.6.1: Start loads the table address; clearing it stops at once. */
static void write_command(BusMaster *bm, uint8_t val)
{
    uint8_t before = bm->command;

    bm->command = val & (BM_START | BM_TO_MEMORY);
    if (val & ~before & BM_START) {
        bm->next_prd = bm->table;
        bm->seg_left = 0;
        bm->last = 0;
        bm->status |= BM_ACTIVE;
        run(bm);
    } else if (before & ~val & BM_START) {
        if (bm->running) {
            ide_dma_cancel(bm->channel);
        }
        bm->status &= (uint8_t)~BM_ACTIVE;
    }
}

static uint8_t read_byte(const BusMaster *bm, unsigned reg)
{
    switch (reg) {
    case BM_COMMAND: return bm->command;
    case BM_STATUS:  return bm->status;
    default:         return reg >= BM_TABLE ? (uint8_t)(bm->table >> 8 * (reg - BM_TABLE)) : 0;
    }
}

static void write_byte(BusMaster *bm, unsigned reg, uint8_t val)
{
    unsigned shift = 8 * (reg - BM_TABLE);

    switch (reg) {
    case BM_COMMAND:
        write_command(bm, val);
        break;
    case BM_STATUS:                     /* 2.6.2 */
        bm->status = (bm->status & BM_ACTIVE) | (val & BM_CAPABLE) |
                     (bm->status & ~val & (BM_ERROR | BM_INTERRUPT));
        break;
    default:
        if (reg >= BM_TABLE) {
            bm->table = (bm->table & ~(0xffu << shift)) | (uint32_t)val << shift;
            bm->table &= ~3u;
        }
    }
}

static uint64_t bm_read(void *opaque, hwaddr offset, unsigned size)
{
    PiixIde *s = opaque;
    uint64_t val = 0;

    for (unsigned i = 0; i < size; i++) {
        unsigned reg = (unsigned)offset + i;

        val |= (uint64_t)read_byte(&s->bm[reg / BM_SIZE], reg % BM_SIZE) << 8 * i;
    }
    return val;
}

static void bm_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    PiixIde *s = opaque;

    for (unsigned i = 0; i < size; i++) {
        unsigned reg = (unsigned)offset + i;

        write_byte(&s->bm[reg / BM_SIZE], reg % BM_SIZE, (uint8_t)(val >> 8 * i));
    }
}

/* -- Configuration ----------------------------------------------------------- */

/* 2.3: IDETIM 0x40 and 0x42, SIDETIM 0x44. */
static void config_init(PCIDevice *pd)
{
    store_le(pd->wmask + PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
    store_le(pd->config + PCI_STATUS, 0x0280, 2);
    store_le(pd->wmask + IDETIM, 0xf3fff3ff, 4);
    pd->wmask[SIDETIM] = 0xff;
    pci_set_bar(pd, 4, &pd->dev.window[0], true, false);
}

static void place_ports(PiixIde *s)
{
    const uint8_t *c = s->pci.config;

    for (int i = 0; i < NUM_CHANNELS; i++) {
        bool on = c[PCI_COMMAND] & PCI_COMMAND_IO && c[IDETIM + 2 * i + 1] & IDETIM_DECODE;

        for (int w = 0; s->channel[i] && w < 2; w++) {
            region_set_disabled(&s->channel[i]->window[w], !on);
        }
    }
}

static void config_written(PCIDevice *pd, unsigned addr, unsigned len)
{
    PiixIde *s = (PiixIde *)pd;

    (void)len;
    if (addr < PCI_COMMAND + 2 || (addr >= IDETIM - 3 && addr < IDETIM + 4)) {
        place_ports(s);
    }
    for (int i = 0; i < NUM_CHANNELS; i++) {
        run(&s->bm[i]);                 /* bus mastering may be on now */
    }
}

/* -- Type -------------------------------------------------------------------- */

static int piix_realize(Device *dev, Error *err)
{
    PiixIde *s = (PiixIde *)dev;

    for (int i = 0; i < NUM_CHANNELS; i++) {
        Device *c = s->channel[i];

        s->bm[i].piix = s;
        if (c && c->type != &ide_channel_type) {
            return error_set(err, EINVAL, "piix3-ide: channel%d must be an ide-channel", i);
        }
        if (c) {
            s->bm[i].channel = (IDEChannel *)c;
            s->bm[i].channel->dma = &dma_ops;
            s->bm[i].channel->dma_opaque = &s->bm[i];
        }
    }
    return 0;
}

static void piix_reset(Device *dev)
{
    PiixIde *s = (PiixIde *)dev;

    for (int i = 0; i < NUM_CHANNELS; i++) {
        BusMaster *bm = &s->bm[i];

        if (bm->running) {
            ide_dma_cancel(bm->channel);
        }
        bm->command = bm->status = bm->last = 0;
        bm->table = bm->next_prd = bm->seg_addr = bm->seg_left = 0;
    }
    pci_reset_common(&s->pci);
    place_ports(s);
}

static int piix_post_load(Device *dev, Error *err)
{
    PiixIde *s = (PiixIde *)dev;
    int ret = pci_post_load(&s->pci, err);

    for (int i = 0; i < NUM_CHANNELS; i++) {
        s->bm[i].seg_left = MIN(s->bm[i].seg_left, 64 << 10);
        s->bm[i].table &= ~3u;
    }
    place_ports(s);
    return ret;
}

static void piix_free(Device *dev)
{
    PiixIde *s = (PiixIde *)dev;

    for (int i = 0; i < NUM_CHANNELS; i++) {
        if (s->bm[i].channel) {
            ide_dma_cancel(s->bm[i].channel);
            s->bm[i].channel->dma = NULL;
        }
    }
}

static const VMField bm_vmstate[] = {
    VM_FIELD(BusMaster, command),
    VM_FIELD(BusMaster, status),
    VM_FIELD(BusMaster, table),
    VM_FIELD(BusMaster, next_prd),
    VM_FIELD(BusMaster, seg_addr),
    VM_FIELD(BusMaster, seg_left),
    VM_FIELD(BusMaster, last),
    VM_END
};

static const VMField piix_vmstate[] = {
    VM_PCI_DEVICE(PiixIde, pci),
    VM_STRUCTS(PiixIde, bm, NUM_CHANNELS, bm_vmstate),
    VM_END
};

static const MemoryRegionOps bm_ops = { bm_read, bm_write, 1, 4 };

static const WindowDef piix_windows[] = {
    { "bmide", true, NUM_CHANNELS * BM_SIZE, NULL, &bm_ops },
    { NULL, false, 0, NULL, NULL }
};

static const PropDef piix_props[] = {
    { "channel0", PROP_LINK, offsetof(PiixIde, channel[0]), 0, "primary channel" },
    { "channel1", PROP_LINK, offsetof(PiixIde, channel[1]), 0, "secondary channel" },
    { NULL, PROP_BOOL, 0, 0, NULL }
};

static const PCIDeviceOps piix_pci = {
    .vendor = 0x8086, .device = 0x7010, .class = 0x0101, .prog_if = 0x80,
    .not_bars = 0x01,
    .config_init = config_init,
    .config_written = config_written,
};

const DeviceType piix3_ide_type = {
    .name       = "piix3-ide",
    .desc       = "PIIX3 IDE bus master",
    .manual     = "Intel 290550",
    .bus        = "pci",
    .state_size = sizeof(PiixIde),
    .windows    = piix_windows,
    .props      = piix_props,
    .vmstate    = piix_vmstate,
    .realize    = piix_realize,
    .reset      = piix_reset,
    .post_load  = piix_post_load,
    .free       = piix_free,
    .bus_ops    = &piix_pci,
};
