/* SPDX-License-Identifier: MIT */
/*
 * A host for IDE tests: two channels behind a PIIX3 function, RAM, and the
 * register accesses a driver makes.  Disks are files in a temporary directory.
 */
#ifndef TESTS_UNIT_IDE_HOST_H
#define TESTS_UNIT_IDE_HOST_H

#include <stdlib.h>
#include <unistd.h>

#include "block/block.h"
#include "hw/core/pci.h"
#include "hw/ide/ide-int.h"
#include "hw/ide/ide.h"
#include "util/bits.h"
#include "util/mem.h"

enum { HOST_RAM = 1 << 20, PRD_TABLE = 0x1000, DMA_AREA = 0x10000 };
enum { IDE_DATA, IDE_ERROR, IDE_COUNT, IDE_LBA0, IDE_LBA1, IDE_LBA2, IDE_DEV, IDE_STATUS };

typedef struct Host {
    Clock clock;
    AddressSpace *mem, *io;
    RAMBlock *ram;
    MemoryRegion ram_region;
    PCIBus *pci;
    Device *ch[2], *piix, *drive[4];
    BlockDriverState *blk[4];
    char *path[4];
    int irq[2], irq_edges[2];
} Host;

static Host host;

static void host_irq(void *opaque, int n, int level)
{
    (void)opaque;
    host.irq_edges[n] += level && !host.irq[n];
    host.irq[n] = level;
}

static void *host_find(void *opaque, PropKind kind, const char *name)
{
    (void)opaque;
    if (kind == PROP_DRIVE) {
        return bdrv_find(name);
    }
    return !strcmp(name, "ide.0") ? host.ch[0] : !strcmp(name, "ide.1") ? host.ch[1] : NULL;
}

static const PropResolver host_resolver = { host_find, NULL };

static void host_set(Device *d, const char *name, const char *value)
{
    Error err = { "" };

    if (device_set_prop(d, name, value, &host_resolver, &err) < 0) {
        printf("# %s\n", err.msg);
        CHECK(!"the property is there");
    }
}

static int host_realize(Device *d)
{
    Error err = { "" };
    int ret = device_realize(d, &err);

    if (ret < 0) {
        printf("# %s\n", err.msg);
    }
    return ret;
}

static void host_enable_piix(void)
{
    pci_config_write(host.pci, PCI_DEVFN(1, 1), PCI_COMMAND, 5, 2);
    pci_config_write(host.pci, PCI_DEVFN(1, 1), 0x20, 0xc001, 4);
    pci_config_write(host.pci, PCI_DEVFN(1, 1), 0x40, 0x80008000, 4);
}

static void host_start(void)
{
    Error err;

    memset(&host, 0, sizeof(host));
    clock_init_manual(&host.clock);
    host.mem = as_new("memory", 1ull << 32);
    host.io = as_new("io", 1 << 16);
    host.ram = ram_block_new("test.ram", HOST_RAM);
    region_init_ram(&host.ram_region, "ram", host.ram);
    region_map(host.mem, &host.ram_region, 0, 0);
    host.pci = pci_bus_new(host.mem, host.io);
    for (int i = 0; i < 2; i++) {
        host.ch[i] = device_new(&ide_channel_type, i ? "ide.1" : "ide.0", &host.clock,
                                host.mem, host.io);
        device_connect(host.ch[i], 0, (qemu_irq){ host_irq, NULL, i });
        device_map(host.ch[i], 0, i ? 0x170 : 0x1f0, 0);
        device_map(host.ch[i], 1, i ? 0x376 : 0x3f6, 0);
        device_realize(host.ch[i], &err);
        device_reset(host.ch[i]);
    }
    host.piix = device_new(&piix3_ide_type, "ide", &host.clock, host.mem, host.io);
    host_set(host.piix, "channel0", "ide.0");
    host_set(host.piix, "channel1", "ide.1");
    CHECK_EQ(pci_plug(host.pci, (PCIDevice *)host.piix, PCI_DEVFN(1, 1), &err), 0);
    CHECK_EQ(host_realize(host.piix), 0);
    device_reset(host.piix);
    host_enable_piix();
}

/* A drive on a file of `size` bytes, each sector stamped with its number; size
 * 0: an empty CD drive. */
static void host_add_drive(int n, const DeviceType *t, uint64_t size, uint32_t stamp_unit)
{
    static const char *const names[] = { "d0", "d1", "d2", "d3" };
    Error err = { "" };

    host.blk[n] = bdrv_new(names[n]);
    blk_conf(host.blk[n])->is_cdrom = t == &ide_cd_type;
    if (size) {
        host.path[n] = xasprintf("%s/test-ide-XXXXXX", getenv("TMPDIR") ?: "/var/tmp");
        int fd = mkstemp(host.path[n]);
        uint8_t *sec = xmalloc(stamp_unit);

        for (uint32_t i = 0; fd >= 0 && i < size / stamp_unit; i++) {
            memset(sec, (uint8_t)i, stamp_unit);
            store_le(sec, i, 4);
            if (pwrite(fd, sec, stamp_unit, (off_t)i * stamp_unit) < 0) {
                abort();
            }
        }
        free(sec);
        close(fd);
        CHECK_EQ(bdrv_open(host.blk[n], host.path[n], "raw",
                           t == &ide_cd_type ? 0 : BDRV_O_RDWR, NULL, &err), 0);
    }
    host.drive[n] = device_new(t, NULL, &host.clock, host.mem, host.io);
    host_set(host.drive[n], "bus", n / 2 ? "ide.1" : "ide.0");
    host_set(host.drive[n], "unit", n % 2 ? "1" : "0");
    host_set(host.drive[n], "drive", names[n]);
    CHECK_EQ(host_realize(host.drive[n]), 0);
    device_reset(host.drive[n]);
}

static void host_stop(void)
{
    for (int i = 0; i < 4; i++) {
        if (host.drive[i]) {
            device_free(host.drive[i]);
        }
        bdrv_delete(host.blk[i]);
        if (host.path[i]) {
            unlink(host.path[i]);
            free(host.path[i]);
        }
    }
    pci_unplug((PCIDevice *)host.piix);
    device_free(host.piix);
    device_free(host.ch[0]);
    device_free(host.ch[1]);
    region_unmap(&host.ram_region);
    as_free(host.mem);
    as_free(host.io);
    free(host.pci);
}

/* -- A driver's accesses --------------------------------------------------- */

static int host_channel;

static uint16_t port(int reg) { return (uint16_t)((host_channel ? 0x170 : 0x1f0) + reg); }
static uint8_t in8(int reg) { return (uint8_t)as_load(host.io, port(reg), 1); }
static void out8(int reg, uint8_t v) { as_store(host.io, port(reg), v, 1); }
static uint8_t alt(void) { return (uint8_t)as_load(host.io, host_channel ? 0x376 : 0x3f6, 1); }
static inline void control(uint8_t v) { as_store(host.io, host_channel ? 0x376 : 0x3f6, v, 1); }

/* Let the host's disks finish; what the main loop does in a machine. */
static void settle(void)
{
    blk_drain_all();
}

static void data_in(void *buf, unsigned len)
{
    for (unsigned i = 0; i < len; i += 2) {
        store_le((uint8_t *)buf + i, as_load(host.io, port(IDE_DATA), 2), 2);
    }
    settle();
}

static void data_out(const void *buf, unsigned len)
{
    for (unsigned i = 0; i < len; i += 2) {
        as_store(host.io, port(IDE_DATA), load_le((const uint8_t *)buf + i, 2), 2);
    }
    settle();
}

/* -- Bus master ------------------------------------------------------------ */

static uint16_t bm_port(int reg) { return (uint16_t)(0xc000 + 8 * host_channel + reg); }

static void bm_out(int reg, uint32_t v, unsigned size)
{
    as_store(host.io, bm_port(reg), v, size);
}

static uint8_t bm_status(void) { return (uint8_t)as_load(host.io, bm_port(2), 1); }

static void set_prd(int i, uint32_t addr, uint16_t len, bool last)
{
    uint8_t *p = host.ram->host + PRD_TABLE + 8 * i;

    store_le(p, addr, 4);
    store_le(p + 4, len, 2);
    store_le(p + 6, last ? 0x8000 : 0, 2);
}

static void bm_start(bool to_memory)
{
    bm_out(4, PRD_TABLE, 4);
    bm_out(2, 6, 1);
    bm_out(0, to_memory ? 8 : 0, 1);
    bm_out(0, to_memory ? 9 : 1, 1);
}

#endif
