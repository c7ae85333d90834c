/* SPDX-License-Identifier: MIT */
/*
 * The standard VGA as a PCI function (1234:1111) and as an ISA card: which
 * addresses reach it, and its ROM.
 *
 *   0xa0000-0xbffff  ports 0x3b0-0x3df  ports 0x1ce-0x1d1     both
 *   BAR0 video memory   BAR2 registers  ROM BAR               PCI only
 *
 * BAR2 has the ports again, for hosts without any: 0x400 is port 0x3c0, 0x500
 * the first DISPI register (16 bits each).
 *
 * A PCI VGA answers at the legacy addresses while its command register enables
 * I/O and memory (PCI-to-PCI Bridge Architecture 1.2, 12.1).
 *
 * Not modelled: EDID data at the start of BAR2.
 */
#include "hw/display/vga.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/core/pci.h"
#include "hw/display/vga-core.h"
#include "util/bits.h"
#include "util/log.h"
#include "util/mem.h"

enum { WIN_LEGACY, WIN_PORTS, WIN_MMIO, WIN_VBE };
enum { ISA_LEGACY, ISA_PORTS, ISA_VBE };
enum { LEGACY_PRIORITY = 2, ROM_MAX = 1 << 20 };

typedef struct VGACard {
    Device dev;
    VGA vga;
    uint32_t vgamem_mb;
} VGACard;

typedef struct PCIVGA {
    PCIDevice pci;
    VGA vga;
    uint32_t vgamem_mb;
    char *romfile;
    MemoryRegion rom;
} PCIVGA;

static VGA *vga_of(void *opaque)
{
    Device *d = opaque;

    return d->type == &vga_pci_type ? &((PCIVGA *)opaque)->vga
                                    : &((VGACard *)opaque)->vga;
}

/* -- Windows ----------------------------------------------------------------- */

static uint64_t legacy_read(void *opaque, hwaddr offset, unsigned size)
{
    VGA *s = vga_of(opaque);
    uint64_t val = 0;

    for (unsigned i = 0; i < size; i++) {
        val |= (uint64_t)vga_mem_read(s, (uint32_t)offset + i) << (8 * i);
    }
    return val;
}

static void legacy_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    VGA *s = vga_of(opaque);

    for (unsigned i = 0; i < size; i++) {
        vga_mem_write(s, (uint32_t)offset + i, (uint8_t)(val >> (8 * i)));
    }
}

static uint64_t port_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return vga_port_read(vga_of(opaque), VGA_PORT_BASE + (unsigned)offset);
}

static void port_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    (void)size;
    vga_port_write(vga_of(opaque), VGA_PORT_BASE + (unsigned)offset, (uint8_t)val);
}

/* The data port is at 0x1cf; 0x1d0 for those that want it aligned. */
static uint64_t vbe_port_read(void *opaque, hwaddr offset, unsigned size)
{
    VGA *s = vga_of(opaque);

    (void)size;
    return offset ? vbe_read(s, s->vbe_index) : s->vbe_index;
}

static void vbe_port_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    VGA *s = vga_of(opaque);

    if (!offset) {
        s->vbe_index = (uint16_t)val;
    } else if (size == 2) {
        vbe_write(s, s->vbe_index, (uint16_t)val);
    } else {
        log_guest(s->name, "VBE data port written with %u byte", size);
    }
}

static uint64_t mmio_read(void *opaque, hwaddr offset, unsigned size)
{
    VGA *s = vga_of(opaque);
    uint64_t val = 0;

    if (offset >= 0x400 && offset < 0x420) {
        for (unsigned i = 0; i < size; i++) {
            val |= (uint64_t)vga_port_read(s, (unsigned)offset - 0x40 + i) << (8 * i);
        }
        return val;
    }
    if (offset >= 0x500 && offset < 0x500 + 2 * VBE_NUM) {
        return vbe_read(s, ((unsigned)offset - 0x500) / 2) >> (8 * (offset & 1));
    }
    return 0;
}

static void mmio_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    VGA *s = vga_of(opaque);

    if (offset >= 0x400 && offset < 0x420) {
        for (unsigned i = 0; i < size; i++) {
            vga_port_write(s, (unsigned)offset - 0x40 + i, (uint8_t)(val >> (8 * i)));
        }
    } else if (offset >= 0x500 && offset < 0x500 + 2 * VBE_NUM && size == 2) {
        vbe_write(s, ((unsigned)offset - 0x500) / 2, (uint16_t)val);
    } else {
        log_guest(s->name, "write 0x%x to 0x%x of BAR2: nothing there",
                  (unsigned)val, (unsigned)offset);
    }
}

static const MemoryRegionOps legacy_ops = { legacy_read, legacy_write, 1, 4 };
static const MemoryRegionOps port_ops = { port_read, port_write, 1, 1 };
static const MemoryRegionOps vbe_ops = { vbe_port_read, vbe_port_write, 1, 2 };
static const MemoryRegionOps mmio_ops = { mmio_read, mmio_write, 1, 2 };

#define LEGACY_WINDOW { "vga-legacy", false, VGA_WINDOW_SIZE, NULL, &legacy_ops }
#define PORT_WINDOW   { "vga", true, 0x30, NULL, &port_ops }
#define VBE_WINDOW    { "vbe", true, 4, NULL, &vbe_ops }

static const WindowDef pci_windows[] = {
    [WIN_LEGACY] = LEGACY_WINDOW,
    [WIN_PORTS]  = PORT_WINDOW,
    [WIN_MMIO]   = { "vga-mmio", false, 0x1000, NULL, &mmio_ops },
    [WIN_VBE]    = VBE_WINDOW,
    { .name = NULL },
};

static const WindowDef isa_windows[] = {
    [ISA_LEGACY] = LEGACY_WINDOW,
    [ISA_PORTS]  = PORT_WINDOW,
    [ISA_VBE]    = VBE_WINDOW,
    { .name = NULL },
};

/* -- ROM --------------------------------------------------------------------- */

static FILE *open_firmware(const char *name)
{
    const char *dirs = CONFIG_FIRMWARE_DIRS;
    FILE *f = NULL;

    if (strchr(name, '/')) {
        return fopen(name, "rb");
    }
    while (!f && *dirs) {
        size_t len = strcspn(dirs, ":");
        char *path = xasprintf("%.*s/%s", (int)len, dirs, name);

        f = fopen(path, "rb");
        free(path);
        dirs += len + (dirs[len] == ':');
    }
    return f;
}

/* A missing ROM matters only to a user who asked for that file. */
static int load_rom(PCIVGA *c, Error *err)
{
    const char *name = c->romfile ? c->romfile : "vgabios-stdvga.bin";
    FILE *f = *name ? open_firmware(name) : NULL;

    if (!f) {
        return !c->romfile || !*name ? 0 :
               error_set(err, ENOENT, "VGA: romfile=%s: cannot be read; -L names "
                         "its directory", name);
    }
    uint8_t *data = xmalloc(ROM_MAX);
    size_t len = fread(data, 1, ROM_MAX, f), size = 2048;
    int ret = 0;

    fclose(f);
    while (size < len) {
        size *= 2;
    }
    RAMBlock *ram = ram_block_new("vga.rom", size);
    if (len < 3 || data[0] != 0x55 || data[1] != 0xaa) {
        ret = error_set(err, EINVAL, "VGA: romfile=%s: not an option ROM", name);
    } else if (!ram) {
        ret = error_set(err, ENOMEM, "VGA: romfile=%s: no memory for it", name);
    } else {
        memcpy(ram->host, data, len);
        region_init_rom(&c->rom, "vga.rom", ram);
        pci_set_bar(&c->pci, PCI_ROM_BAR, &c->rom, false, false);
    }
    free(data);
    return ret;
}

/* -- PCI --------------------------------------------------------------------- */

/* After the command register may have changed. */
static void gate_legacy(PCIVGA *c)
{
    uint16_t cmd = (uint16_t)load_le(c->pci.config + PCI_COMMAND, 2);
    MemoryRegion *w = c->pci.dev.window;

    region_set_disabled(&w[WIN_LEGACY], !(cmd & PCI_COMMAND_MEMORY));
    region_set_disabled(&w[WIN_PORTS], !(cmd & PCI_COMMAND_IO));
    region_set_disabled(&w[WIN_VBE], !(cmd & PCI_COMMAND_IO));
    c->vga.window_enabled = cmd & PCI_COMMAND_MEMORY;
    vga_update_linear(&c->vga);
}

static void pci_vga_config_written(PCIDevice *pd, unsigned addr, unsigned len)
{
    if (addr < PCI_COMMAND + 2 && addr + len > PCI_COMMAND) {
        gate_legacy((PCIVGA *)pd);
    }
}

static int pci_vga_realize(Device *d, Error *err)
{
    PCIVGA *c = (PCIVGA *)d;
    int ret = vga_init(&c->vga, "VGA", d->clock, d->mem,
                       (uint64_t)c->vgamem_mb << 20, err);

    if (ret < 0) {
        return ret;
    }
    pci_set_bar(&c->pci, 0, &c->vga.vram_region, false, true);
    ret = load_rom(c, err);
    if (ret < 0) {
        return ret;
    }
    device_map(d, WIN_LEGACY, VGA_WINDOW_BASE, LEGACY_PRIORITY);
    device_map(d, WIN_PORTS, VGA_PORT_BASE, LEGACY_PRIORITY);
    device_map(d, WIN_VBE, 0x1ce, LEGACY_PRIORITY);
    gate_legacy(c);
    return 0;
}

static void pci_vga_reset(Device *d)
{
    PCIVGA *c = (PCIVGA *)d;

    pci_reset_common(&c->pci);
    vga_reset(&c->vga);
    gate_legacy(c);
}

static int pci_vga_post_load(Device *d, Error *err)
{
    PCIVGA *c = (PCIVGA *)d;
    int ret = pci_post_load(&c->pci, err);

    ret = ret < 0 ? ret : vga_post_load(&c->vga, err);
    gate_legacy(c);
    return ret;
}

static void vga_card_free(Device *d)
{
    vga_free(vga_of(d));
}

static const PropDef pci_props[] = {
    { "vgamem_mb", PROP_U32, offsetof(PCIVGA, vgamem_mb), 16, "video memory, MiB" },
    { "romfile", PROP_STRING, offsetof(PCIVGA, romfile), 0,
      "video BIOS (vgabios-stdvga.bin)" },
    { .name = NULL },
};

static const VMField pci_vga_vmstate[] = {
    VM_STRUCTS(PCIVGA, pci, 1, pci_device_vmstate),
    VM_STRUCTS(PCIVGA, vga, 1, vga_vmstate),
    VM_END
};

static const PCIDeviceOps pci_vga_ops = {
    .vendor = 0x1234, .device = 0x1111, .class = 0x0300, .revision = 2,
    .not_bars = 1 << WIN_LEGACY | 1 << WIN_PORTS | 1 << WIN_VBE,
    .config_written = pci_vga_config_written,
};

const DeviceType vga_pci_type = {
    .name = "VGA",
    .desc = "standard VGA with VBE extensions",
    .manual = "IBM PS/2 Video Subsystem; Bochs VBE extensions",
    .bus = "pci",
    .state_size = sizeof(PCIVGA),
    .windows = pci_windows,
    .props = pci_props,
    .vmstate = pci_vga_vmstate,
    .user_creatable = true,
    .realize = pci_vga_realize,
    .reset = pci_vga_reset,
    .post_load = pci_vga_post_load,
    .free = vga_card_free,
    .bus_ops = &pci_vga_ops,
};

/* -- ISA --------------------------------------------------------------------- */

static int isa_vga_realize(Device *d, Error *err)
{
    VGACard *c = (VGACard *)d;
    int ret = vga_init(&c->vga, "isa-vga", d->clock, d->mem,
                       (uint64_t)c->vgamem_mb << 20, err);

    if (ret < 0) {
        return ret;
    }
    c->vga.window_enabled = true;
    device_map(d, ISA_LEGACY, VGA_WINDOW_BASE, LEGACY_PRIORITY);
    device_map(d, ISA_PORTS, VGA_PORT_BASE, LEGACY_PRIORITY);
    device_map(d, ISA_VBE, 0x1ce, LEGACY_PRIORITY);
    return 0;
}

static void isa_vga_reset(Device *d)
{
    vga_reset(vga_of(d));
}

static int isa_vga_post_load(Device *d, Error *err)
{
    return vga_post_load(vga_of(d), err);
}

static const PropDef isa_props[] = {
    { "vgamem_mb", PROP_U32, offsetof(VGACard, vgamem_mb), 8, "video memory, MiB" },
    { .name = NULL },
};

static const VMField isa_vga_vmstate[] = {
    VM_STRUCTS(VGACard, vga, 1, vga_vmstate),
    VM_END
};

const DeviceType vga_isa_type = {
    .name = "isa-vga",
    .desc = "standard VGA with VBE extensions, ISA card",
    .manual = "IBM PS/2 Video Subsystem; Bochs VBE extensions",
    .bus = "isa",
    .state_size = sizeof(VGACard),
    .windows = isa_windows,
    .props = isa_props,
    .vmstate = isa_vga_vmstate,
    .user_creatable = true,
    .realize = isa_vga_realize,
    .reset = isa_vga_reset,
    .post_load = isa_vga_post_load,
    .free = vga_card_free,
};
