/* SPDX-License-Identifier: MIT */
/*
 * PCI bus and configuration space (PCI Local Bus Specification 3.0, PCI-SIG).
 *
 *   config write -> wmask, w1c -> command or BAR? -> map_bars -> region_map
 *                                                 \-> INTx gate
 *
 * A function's INTx pin is irq_level behind the Interrupt Disable bit; lines
 * count the pins that pull them, so a line falls when the last pin lets go.
 *
 * BARs are mapped at priority 0: what a board decodes itself (RAM, ROM, legacy
 * ports) goes above.  A BAR that holds 0 counts as not assigned.
 *
 * Not modelled: 64-bit BARs, bridges, MSI, parity and abort status bits.
 */
#include "hw/core/pci.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/out.h"

#define NOT_MAPPED (~(uint64_t)0)
enum { PCI_STATUS_INTERRUPT = 1 << 3 };

const VMField pci_device_vmstate[] = {
    VM_ARRAY(PCIDevice, config),
    VM_FIELD(PCIDevice, irq_level),
    VM_END
};

static const PCIDeviceOps *pci_ops(const PCIDevice *pd)
{
    return pd->dev.type->bus_ops;
}

static uint16_t command(const PCIDevice *pd)
{
    return (uint16_t)load_le(pd->config + PCI_COMMAND, 2);
}

static unsigned bar_offset(unsigned n)
{
    return n == PCI_ROM_BAR ? PCI_ROM_ADDRESS : PCI_BAR0 + 4 * n;
}

/* -- Base addresses, 6.2.5 --------------------------------------------------- */

static uint64_t decoded_at(const PCIDevice *pd, unsigned n)
{
    const PCIBar *bar = &pd->bar[n];
    uint32_t raw = (uint32_t)load_le(pd->config + bar_offset(n), 4);
    uint64_t addr = raw & ~(uint32_t)(bar->size - 1);
    uint64_t limit = bar->io ? 1u << 16 : 1ull << 32;
    bool on = command(pd) & (bar->io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY);

    if (!bar->size || !on || !addr || addr > limit - bar->size ||
        (n == PCI_ROM_BAR && !(raw & 1))) {
        return NOT_MAPPED;
    }
    return addr;
}

static void map_bar(PCIDevice *pd, unsigned n)
{
    PCIBar *bar = &pd->bar[n];
    uint64_t addr = decoded_at(pd, n);

    if (bar->region && addr != bar->mapped_at) {
        region_unmap(bar->region);
        bar->mapped_at = addr;
        if (addr != NOT_MAPPED) {
            region_map(bar->io ? pd->bus->io : pd->bus->mem, bar->region, addr, 0);
        }
    }
}

static void map_bars(PCIDevice *pd)
{
    if (!pd->bus) {
        return;
    }
    as_begin(pd->bus->mem);
    as_begin(pd->bus->io);
    for (unsigned n = 0; n < PCI_NUM_BARS; n++) {
        map_bar(pd, n);
    }
    as_commit(pd->bus->io);
    as_commit(pd->bus->mem);
}

void pci_set_bar(PCIDevice *pd, unsigned n, MemoryRegion *r, bool io, bool prefetch)
{
    /* The smallest BARs that can be told from their flag bits. */
    uint64_t size = MAX(r->size, n == PCI_ROM_BAR ? 2048 : io ? 4 : 16);

    while (!is_pow2(size)) {
        size += size & -size;
    }
    assert(n < PCI_NUM_BARS && size <= 1ull << 31 && !(io && size > 256));
    pd->bar[n] = (PCIBar){ .region = r, .size = size, .io = io,
                           .prefetch = prefetch, .mapped_at = NOT_MAPPED };
    uint32_t flags = io ? 1 : prefetch ? 8 : 0;
    uint32_t wmask = ~(uint32_t)(size - 1) | (n == PCI_ROM_BAR);
    store_le(pd->config + bar_offset(n), flags, 4);
    store_le(pd->config_reset + bar_offset(n), flags, 4);
    store_le(pd->wmask + bar_offset(n), wmask, 4);
}

/* -- Interrupt pins, 2.2.6 --------------------------------------------------- */

static int line_of(const PCIDevice *pd)
{
    int pin = pci_ops(pd)->irq_pin;

    if (!pin || !pd->bus || !pd->bus->map_irq) {
        return -1;
    }
    return pd->bus->map_irq(pd->bus->opaque, pd->devfn >> 3, pin - 1);
}

static bool pulls(const PCIDevice *pd)
{
    return pd->irq_level && !(command(pd) & PCI_COMMAND_INTX_DISABLE);
}

static void drive_line(PCIBus *bus, int line)
{
    if (bus->set_irq) {
        bus->set_irq(bus->opaque, line, bus->irq_count[line] != 0);
    }
}

static void count_pull(PCIDevice *pd, int by)
{
    int line = line_of(pd);

    if (line >= 0) {
        assert(line < (int)ARRAY_SIZE(pd->bus->irq_count));
        pd->bus->irq_count[line] += by;
        drive_line(pd->bus, line);
    }
}

/* Count from scratch: after a snapshot was loaded. */
static void recount_lines(PCIBus *bus)
{
    memset(bus->irq_count, 0, sizeof(bus->irq_count));
    for (unsigned i = 0; i < ARRAY_SIZE(bus->devices); i++) {
        PCIDevice *pd = bus->devices[i];

        if (pd && pulls(pd) && line_of(pd) >= 0) {
            bus->irq_count[line_of(pd)]++;
        }
    }
    for (unsigned i = 0; i < ARRAY_SIZE(bus->devices); i++) {
        if (bus->devices[i] && line_of(bus->devices[i]) >= 0) {
            drive_line(bus, line_of(bus->devices[i]));
        }
    }
}

static void show_level(PCIDevice *pd)
{
    uint8_t *status = &pd->config[PCI_STATUS];

    *status = (uint8_t)((*status & ~PCI_STATUS_INTERRUPT) |
                        (pd->irq_level ? PCI_STATUS_INTERRUPT : 0));
}

void pci_set_irq(PCIDevice *pd, int level)
{
    bool before = pulls(pd);

    pd->irq_level = level != 0;
    show_level(pd);
    if (pulls(pd) != before) {
        count_pull(pd, before ? -1 : 1);
    }
}

/* -- Plugging ---------------------------------------------------------------- */

PCIBus *pci_bus_new(AddressSpace *mem, AddressSpace *io)
{
    PCIBus *bus = xzalloc(sizeof(*bus));

    bus->mem = mem;
    bus->io = io;
    return bus;
}

/* 6.1: what every function has. */
static void init_header(PCIDevice *pd)
{
    const PCIDeviceOps *ops = pci_ops(pd);
    uint8_t *c = pd->config, *w = pd->wmask;

    store_le(c + PCI_VENDOR_ID, ops->vendor, 2);
    store_le(c + PCI_DEVICE_ID, ops->device, 2);
    c[PCI_REVISION] = ops->revision;
    c[PCI_CLASS_PROG] = ops->prog_if;
    store_le(c + PCI_CLASS, ops->class, 2);
    c[PCI_HEADER_TYPE] = ops->multifunction ? 0x80 : 0;
    c[PCI_INTERRUPT_PIN] = ops->irq_pin;
    /* I/O, memory, master, parity and SERR enable, interrupt disable */
    store_le(w + PCI_COMMAND, 0x0547, 2);
    w[0x0c] = w[0x0d] = 0xff;           /* cache line size, latency timer */
    w[PCI_INTERRUPT_LINE] = ops->irq_pin ? 0xff : 0;
    store_le(pd->w1c + PCI_STATUS, 0xf900, 2);
}

static void init_bars(PCIDevice *pd)
{
    const WindowDef *w = pd->dev.type->windows;

    for (unsigned n = 0; w && w[n].name && n < PCI_ROM_BAR; n++) {
        if (!(pci_ops(pd)->not_bars & 1 << n)) {
            pci_set_bar(pd, n, &pd->dev.window[n], w[n].io, false);
        }
    }
}

static int choose_devfn(const PCIBus *bus, int devfn, const char *name, Error *err)
{
    if (devfn >= 0) {
        if (devfn > 255 || bus->devices[devfn]) {
            return error_set(err, EBUSY, "%s: PCI address %02x.%d is taken, "
                             "choose another", name, devfn >> 3, devfn & 7);
        }
        return devfn;
    }
    for (devfn = 0; devfn < 256; devfn += 8) {
        if (!bus->devices[devfn]) {
            return devfn;
        }
    }
    return error_set(err, ENOSPC, "%s: all 32 PCI slots are taken, remove a "
                     "device", name);
}

int pci_plug(PCIBus *bus, PCIDevice *pd, int devfn, Error *err)
{
    assert(!pd->bus && pci_ops(pd));
    devfn = choose_devfn(bus, devfn, pd->dev.type->name, err);
    if (devfn < 0) {
        return devfn;
    }
    pd->bus = bus;
    pd->devfn = (uint8_t)devfn;
    bus->devices[devfn] = pd;
    init_header(pd);
    init_bars(pd);
    if (pci_ops(pd)->config_init) {
        pci_ops(pd)->config_init(pd);
    }
    memcpy(pd->config_reset, pd->config, sizeof(pd->config));
    return 0;
}

void pci_unplug(PCIDevice *pd)
{
    if (!pd->bus) {
        return;
    }
    pci_set_irq(pd, 0);
    for (unsigned n = 0; n < PCI_NUM_BARS; n++) {
        if (pd->bar[n].region) {
            region_unmap(pd->bar[n].region);
            pd->bar[n].mapped_at = NOT_MAPPED;
        }
    }
    pd->bus->devices[pd->devfn] = NULL;
    pd->bus = NULL;
}

void pci_reset_common(PCIDevice *pd)
{
    pci_set_irq(pd, 0);
    memcpy(pd->config, pd->config_reset, sizeof(pd->config));
    map_bars(pd);
}

/* Bits no guest can write keep our values, whatever the snapshot says. */
int pci_post_load(PCIDevice *pd, Error *err)
{
    for (unsigned i = 0; i < PCI_HEADER_TYPE; i++) {
        uint8_t fixed = i == PCI_COMMAND || i == PCI_COMMAND + 1 ||
                        i == PCI_STATUS || i == PCI_STATUS + 1 ? 0
                        : (uint8_t)~pd->wmask[i];

        if ((pd->config[i] ^ pd->config_reset[i]) & fixed) {
            return error_set(err, EINVAL, "%s: config byte 0x%02x differs, the "
                             "snapshot is of another device",
                             pd->dev.type->name, i);
        }
    }
    for (unsigned i = PCI_BAR0; i < PCI_ROM_ADDRESS + 4; i++) {
        pd->config[i] = (uint8_t)((pd->config[i] & pd->wmask[i]) |
                                  (pd->config_reset[i] & ~pd->wmask[i]));
    }
    pd->irq_level = pd->irq_level != 0;
    show_level(pd);
    map_bars(pd);
    if (pd->bus) {
        recount_lines(pd->bus);
    }
    return 0;
}

/* -- Bus mastering ----------------------------------------------------------- */

static bool is_master(const PCIDevice *pd)
{
    if (pd->bus && command(pd) & PCI_COMMAND_MASTER) {
        return true;
    }
    log_guest(pd->dev.type->name, "DMA while bus mastering is off");
    return false;
}

void pci_dma_read(PCIDevice *pd, hwaddr addr, void *buf, uint64_t len)
{
    if (is_master(pd)) {
        as_read(pd->bus->mem, addr, buf, len);
    } else {
        memset(buf, 0xff, len);
    }
}

void pci_dma_write(PCIDevice *pd, hwaddr addr, const void *buf, uint64_t len)
{
    if (is_master(pd)) {
        as_write(pd->bus->mem, addr, buf, len);
    }
}

/* -- Configuration accesses -------------------------------------------------- */

uint32_t pci_config_read(PCIBus *bus, unsigned devfn, unsigned addr, unsigned size)
{
    const PCIDevice *pd = bus->devices[devfn & 0xff];

    if (!pd || addr + size > PCI_CONFIG_SIZE) {
        return (uint32_t)bits64(~0ull, (int)(8 * size - 1), 0);
    }
    return (uint32_t)load_le(pd->config + addr, size);
}

static bool touches(unsigned addr, unsigned len, unsigned first, unsigned num)
{
    return addr < first + num && first < addr + len;
}

void pci_config_write(PCIBus *bus, unsigned devfn, unsigned addr, uint32_t val,
                      unsigned size)
{
    PCIDevice *pd = bus->devices[devfn & 0xff];

    if (!pd || addr + size > PCI_CONFIG_SIZE) {
        return;
    }
    bool pulled = pulls(pd);
    for (unsigned i = addr; i < addr + size; i++, val >>= 8) {
        uint8_t b = (uint8_t)val, w = pd->wmask[i];

        pd->config[i] = (uint8_t)((pd->config[i] & ~w) | (b & w));
        pd->config[i] &= (uint8_t)~(b & pd->w1c[i]);
    }
    if (pulls(pd) != pulled) {
        count_pull(pd, pulled ? -1 : 1);
    }
    if (touches(addr, size, PCI_COMMAND, 2) ||
        touches(addr, size, PCI_BAR0, 24) ||
        touches(addr, size, PCI_ROM_ADDRESS, 4)) {
        map_bars(pd);
    }
    if (pci_ops(pd)->config_written) {
        pci_ops(pd)->config_written(pd, addr, size);
    }
}

/* -- info pci ---------------------------------------------------------------- */

/* Class codes, appendix D. */
static const struct ClassName { uint16_t class; const char *name; } class_names[] = {
    { 0x0100, "SCSI controller" },   { 0x0101, "IDE controller" },
    { 0x0106, "SATA controller" },   { 0x0200, "Ethernet controller" },
    { 0x0280, "Network controller" },{ 0x0300, "VGA controller" },
    { 0x0380, "Display controller" },{ 0x0401, "Audio controller" },
    { 0x0500, "RAM controller" },    { 0x0600, "Host bridge" },
    { 0x0601, "ISA bridge" },        { 0x0604, "PCI bridge" },
    { 0x0680, "Bridge" },            { 0x0c03, "USB controller" },
    { 0x0c05, "SMBus" },
};

static void dump_device(const PCIDevice *pd, const Out *o)
{
    const PCIDeviceOps *ops = pci_ops(pd);
    const char *class = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(class_names); i++) {
        class = class_names[i].class == ops->class ? class_names[i].name : class;
    }
    out_printf(o, "  Bus  0, device %3d, function %d:\n", pd->devfn >> 3, pd->devfn & 7);
    out_printf(o, "    %s (class %04x): PCI device %04x:%04x\n", class ? class : "Device",
               ops->class, ops->vendor, ops->device);
    if (ops->irq_pin) {
        out_printf(o, "      IRQ %d, pin %c\n", pd->config[PCI_INTERRUPT_LINE],
                   'A' + ops->irq_pin - 1);
    }
    for (unsigned n = 0; n < PCI_NUM_BARS; n++) {
        const PCIBar *bar = &pd->bar[n];
        uint64_t at = bar->mapped_at;

        if (bar->size && at == NOT_MAPPED) {
            out_printf(o, "      BAR%u: %s, not mapped\n", n, bar->io ? "I/O" : "memory");
        } else if (bar->size) {
            out_printf(o, "      BAR%u: %s at 0x%08" PRIx64 " [0x%08" PRIx64 "]\n", n,
                       bar->io ? "I/O" : "32 bit memory", at, at + bar->size - 1);
        }
    }
}

void pci_dump(const PCIBus *bus, void (*put)(void *, const char *), void *opaque)
{
    Out o = { put, opaque };

    for (unsigned i = 0; i < ARRAY_SIZE(bus->devices); i++) {
        if (bus->devices[i]) {
            dump_device(bus->devices[i], &o);
        }
    }
}
