/* SPDX-License-Identifier: MIT */
/*
 * Intel 440FX PCIset: 82441FX PMC host bridge (Intel order 290549).
 *
 *   CPU --> CONFADD/CONFDATA --> configuration cycles on bus 0
 *      \--> 0xc0000-0xfffff: DRAM or PCI, by segment       (PAM0-6)
 *      \--> 0xa0000-0xbffff: DRAM or PCI (VGA)             (SMRAM)
 *
 * A segment is one of four things: nothing of ours (PCI answers), DRAM,
 * DRAM for reading only, or the mode a BIOS shadows itself in: reads from the
 * ROM, writes to the DRAM under it.
 *
 * Not modelled: DRAM timing, ECC and row boundaries (the registers store),
 * D_CLS (data from PCI while code comes from SMRAM), buses behind bridges.
 */
#include "hw/pci/i440fx.h"

#include <string.h>

#include "util/bits.h"
#include "util/log.h"

/* 3.2: configuration registers. */
enum { PMCCFG = 0x50, DRB = 0x60, PAM0 = 0x59, SMRAM = 0x72 };
enum { PAM_READ = 1, PAM_WRITE = 2 };
enum { D_OPEN = 1 << 6, D_CLS = 1 << 5, D_LCK = 1 << 4, G_SMRAME = 1 << 3 };

enum { NUM_SEGMENTS = 13, SMRAM_BASE = 0xa0000, SMRAM_SIZE = 0x20000 };
/* Above what the board maps itself (1), which is above BARs (0). */
enum { RAM_PRIORITY = 3 };

typedef struct I440FX I440FX;

typedef struct Segment {
    I440FX *bridge;
    uint32_t base;
    MemoryRegion ram;                   /* alias of DRAM */
    MemoryRegion split;                 /* reads PCI, writes DRAM */
    uint8_t mode;                       /* PAM_READ | PAM_WRITE, as mapped */
} Segment;

struct I440FX {
    PCIDevice pci;
    uint32_t confadd;
    uint32_t smm_active;
    Device *isa;
    MemoryRegion *dram;
    AddressSpace *rom;
    Segment segment[NUM_SEGMENTS];
    MemoryRegion smram;
};

/* -- Segments ---------------------------------------------------------------- */

/* Table 3: PAM0 <7:4> is 0xf0000, then PAM1 <3:0> 0xc0000, <7:4> 0xc4000 ... */
static uint8_t segment_mode(const I440FX *s, unsigned n)
{
    const uint8_t *pam = s->pci.config + PAM0;

    if (n == 0) {
        return pam[0] >> 4 & 3;
    }
    return pam[1 + (n - 1) / 2] >> ((n - 1) % 2 * 4) & 3;
}

static void segment_range(unsigned n, uint32_t *base, uint32_t *size)
{
    *base = n ? 0xc0000 + (n - 1) * 0x4000 : 0xf0000;
    *size = n ? 0x4000 : 0x10000;
}

static uint64_t split_read(void *opaque, hwaddr offset, unsigned size)
{
    const Segment *seg = opaque;

    return as_load(seg->bridge->rom, seg->base + offset, size);
}

static void split_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    const Segment *seg = opaque;
    RAMBlock *b = seg->bridge->dram->ram;
    AddressSpace *mem = seg->bridge->pci.dev.mem;

    store_le(b->host + seg->base + offset, val, size);
    ram_set_dirty(b->offset + seg->base + offset, size);
    if (mem->code_written) {
        mem->code_written(mem->opaque, b->offset + seg->base + offset, size);
    }
}

static const MemoryRegionOps split_ops = { split_read, split_write, 1, 8 };

static void map_segment(Segment *seg, uint8_t mode)
{
    AddressSpace *mem = seg->bridge->pci.dev.mem;

    region_unmap(&seg->ram);
    region_unmap(&seg->split);
    if (mode & PAM_READ) {
        region_set_readonly(&seg->ram, !(mode & PAM_WRITE));
        region_map(mem, &seg->ram, seg->base, RAM_PRIORITY);
    } else if (mode & PAM_WRITE) {
        region_map(mem, &seg->split, seg->base, RAM_PRIORITY);
    }
    seg->mode = mode;
}

/* 3.2.19: SMRAM is DRAM to everybody while open, and to code in SMM. */
static void map_smram(I440FX *s)
{
    uint8_t reg = s->pci.config[SMRAM];
    bool shown = reg & D_OPEN || (s->smm_active && reg & G_SMRAME);

    if (shown != (s->smram.as != NULL)) {
        region_unmap(&s->smram);
        if (shown) {
            region_map(s->pci.dev.mem, &s->smram, SMRAM_BASE, RAM_PRIORITY);
        }
    }
}

static void map_all(I440FX *s)
{
    if (!s->dram) {
        return;
    }
    as_begin(s->pci.dev.mem);
    for (unsigned n = 0; n < NUM_SEGMENTS; n++) {
        if (segment_mode(s, n) != s->segment[n].mode) {
            map_segment(&s->segment[n], segment_mode(s, n));
        }
    }
    map_smram(s);
    as_commit(s->pci.dev.mem);
}

void i440fx_attach(Device *d, MemoryRegion *ram, AddressSpace *rom)
{
    I440FX *s = (I440FX *)d;

    s->dram = ram;
    s->rom = rom;
    for (unsigned n = 0; n < NUM_SEGMENTS; n++) {
        Segment *seg = &s->segment[n];
        uint32_t size;

        segment_range(n, &seg->base, &size);
        seg->bridge = s;
        region_init_alias(&seg->ram, "shadow ram", ram, seg->base, size);
        region_init_io(&seg->split, "shadow ram, written", size, &split_ops, seg);
    }
    region_init_alias(&s->smram, "smram", ram, SMRAM_BASE, SMRAM_SIZE);
    map_all(s);
}

static void set_smiact(Device *d, int n, int level)
{
    I440FX *s = (I440FX *)d;

    (void)n;
    s->smm_active = level;
    map_all(s);
}

/* -- Configuration ----------------------------------------------------------- */

static void config_init(PCIDevice *pd)
{
    uint8_t *c = pd->config, *w = pd->wmask;

    store_le(c + PCI_COMMAND, 0x0006, 2);
    store_le(w + PCI_COMMAND, 0x0140, 2);
    store_le(c + PCI_STATUS, 0x0280, 2);
    /*
     * The chip has no subsystem ID.  SeaBIOS knows by this one that it runs on
     * an emulated board with fw_cfg.
     */
    store_le(c + PCI_SUBSYSTEM_VENDOR, 0x1af4, 2);
    store_le(c + PCI_SUBSYSTEM_ID, 0x1100, 2);
    memset(w + PMCCFG, 0xff, SMRAM - PMCCFG);
    c[0x57] = 0x01;                     /* DRAMC */
    c[0x58] = 0x10;                     /* DRAMT */
    memset(c + DRB, 0x01, 8);
    for (unsigned i = 0; i < 7; i++) {
        w[PAM0 + i] = i ? 0x33 : 0x30;
    }
    c[SMRAM] = 0x02;                    /* C_BASE_SEG: 0xa0000 */
    w[SMRAM] = D_OPEN | D_CLS | D_LCK | G_SMRAME;
    w[0x90] = 0xff;                     /* ERRCMD */
    pd->w1c[0x91] = 0x11;               /* ERRSTS */
}

/* D_LCK closes SMRAM and stays until reset, with all of the register but D_CLS. */
static void apply_lock(PCIDevice *pd)
{
    if (pd->config[SMRAM] & D_LCK) {
        pd->config[SMRAM] &= (uint8_t)~D_OPEN;
        pd->wmask[SMRAM] = D_CLS;
    } else {
        pd->wmask[SMRAM] = D_OPEN | D_CLS | D_LCK | G_SMRAME;
    }
}

static void config_written(PCIDevice *pd, unsigned addr, unsigned len)
{
    if (addr + len > PAM0 && addr <= SMRAM) {
        apply_lock(pd);
        map_all((I440FX *)pd);
    }
}

/* 3.1: CONFADD is bit 31 enable, <23:16> bus, <15:8> devfn, <7:2> register. */
static bool selects_bus_0(const I440FX *s)
{
    return s->pci.bus && bits(s->confadd, 31, 31) && bits(s->confadd, 23, 16) == 0;
}

/* Only a doubleword access is CONFADD; others go on to the ISA bridge. */
enum { ISA_RCR_WINDOW = 0, ISA_RCR_PORT = 1 };

static uint64_t ports_read(void *opaque, hwaddr offset, unsigned size)
{
    I440FX *s = opaque;

    if (offset == 0 && size == 4) {
        return s->confadd;
    }
    if (offset == ISA_RCR_PORT && size == 1 && s->isa) {
        return device_read(s->isa, ISA_RCR_WINDOW, 0, 1);
    }
    if (offset < 4 || !selects_bus_0(s)) {
        return bits64(~0ull, (int)(8 * size - 1), 0);
    }
    return pci_config_read(s->pci.bus, bits(s->confadd, 15, 8),
                           (s->confadd & 0xfc) | (offset & 3), size);
}

static void ports_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    I440FX *s = opaque;

    if (offset == 0 && size == 4) {
        s->confadd = (uint32_t)val & 0x80fffffc;
    } else if (offset == ISA_RCR_PORT && size == 1 && s->isa) {
        device_write(s->isa, ISA_RCR_WINDOW, 0, val, 1);
    } else if (offset < 4) {
        log_guest("i440fx", "%u-byte write to CONFADD+%u", size, (unsigned)offset);
    } else if (selects_bus_0(s)) {
        pci_config_write(s->pci.bus, bits(s->confadd, 15, 8),
                         (s->confadd & 0xfc) | (offset & 3), (uint32_t)val, size);
    }
}

static const MemoryRegionOps port_ops = { ports_read, ports_write, 1, 4 };

/* -- Type -------------------------------------------------------------------- */

static void i440fx_reset(Device *d)
{
    I440FX *s = (I440FX *)d;

    pci_reset_common(&s->pci);
    s->confadd = 0;
    s->smm_active = 0;
    apply_lock(&s->pci);
    map_all(s);
}

static int i440fx_post_load(Device *d, Error *err)
{
    I440FX *s = (I440FX *)d;
    int ret = pci_post_load(&s->pci, err);

    if (ret == 0) {
        apply_lock(&s->pci);
        map_all(s);
    }
    return ret;
}

static void i440fx_free(Device *d)
{
    I440FX *s = (I440FX *)d;

    for (unsigned n = 0; n < NUM_SEGMENTS; n++) {
        region_unmap(&s->segment[n].ram);
        region_unmap(&s->segment[n].split);
    }
    region_unmap(&s->smram);
}

static const WindowDef i440fx_windows[] = {
    { "conf", true, 8, NULL, &port_ops },
    { NULL, false, 0, NULL, NULL }
};

static const PropDef i440fx_props[] = {
    { "isa", PROP_LINK, offsetof(I440FX, isa), 0, "PCI-to-ISA bridge" },
    { NULL, PROP_BOOL, 0, 0, NULL }
};

static const VMField i440fx_vmstate[] = {
    VM_PCI_DEVICE(I440FX, pci),
    VM_FIELD(I440FX, confadd),
    VM_FIELD(I440FX, smm_active),
    VM_END
};

static const PCIDeviceOps i440fx_pci = {
    .vendor = 0x8086, .device = 0x1237, .class = 0x0600, .revision = 0x02,
    .not_bars = 0x01,
    .config_init = config_init,
    .config_written = config_written,
};

const DeviceType i440fx_type = {
    .name       = "i440fx",
    .desc       = "440FX host bridge",
    .manual     = "Intel 290549",
    .bus        = "pci",
    .state_size = sizeof(I440FX),
    .windows    = i440fx_windows,
    .props      = i440fx_props,
    .vmstate    = i440fx_vmstate,
    .num_inputs = 1,
    .reset      = i440fx_reset,
    .post_load  = i440fx_post_load,
    .free       = i440fx_free,
    .input      = set_smiact,
    .bus_ops    = &i440fx_pci,
};
