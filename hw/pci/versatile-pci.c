/* SPDX-License-Identifier: MIT */
/*
 * PCI host bridge of the ARM Versatile/PB926EJ-S (ARM DUI 0224, 4.16; the
 * FPGA core's registers as Linux' pci-versatile.c uses them).
 *
 *   CPU --> 41000000, 42000000  configuration: bus<<16 | devfn<<8 | register
 *       --> 43000000            I/O: PCI port = offset
 *       --> 44, 50, 60000000    memory: PCI address = IMAPn<<28 | offset
 *
 *   PCI --> BAR n of the bridge, 256 MiB --> system address SMAPn<<28 | offset
 *
 * PCI memory is an address space of its own.  RAM behind a BAR of the bridge
 * appears there as RAM (aliases), so that devices reach it at full speed; it is
 * mapped anew whenever SMAP or the bridge's configuration is written.  What a
 * device's BAR answers goes first.
 *
 * The bridge itself is a device on the bus (10ee:0300, slot 11), which answers in
 * the self-configuration window and in the other alike.
 *
 * INTx pins rotate by slot: line = (slot + pin + 2) & 3, pin A = 0.
 *
 * Not modelled: buses behind bridges, the interrupt routing of old kernels that
 * number lines by pin, SELFID and FLAGS (the registers store).
 */
#include "hw/pci/versatile-pci.h"

#include "util/bits.h"

enum { SELF_SLOT = 11, NUM_MAPS = 3, MAP_BITS = 28, MAX_PIECES = 8, NUM_LINES = 4 };
enum { CONFIG_BYTES = 32 << 20 };       /* of window 1: then I/O */
#define MAP_SIZE (1ull << MAP_BITS)

/* What of the system is seen through one BAR: pieces of RAM, and the rest. */
typedef struct Inbound {
    struct VersatilePci *bridge;
    uint64_t base;                      /* system address */
    bool busy;                          /* a guest can make a circle */
    MemoryRegion rest;
    MemoryRegion ram[MAX_PIECES];
    unsigned num_ram;
} Inbound;

typedef struct VersatilePci {
    Device dev;
    PCIDevice host;                     /* the bridge as a PCI device */
    PCIBus *bus;
    AddressSpace *pci_mem;
    uint32_t imap[NUM_MAPS], smap[NUM_MAPS], selfid, flags;
    Inbound in[NUM_MAPS];
} VersatilePci;

static const DeviceType host_type;

/* -- From PCI to the system -------------------------------------------------- */

static uint64_t all_ones(unsigned size)
{
    return bits64(~0ull, (int)(8 * size - 1), 0);
}

static uint64_t rest_read(void *opaque, hwaddr offset, unsigned size)
{
    Inbound *in = opaque;
    uint64_t val = all_ones(size);

    if (!in->busy) {
        in->busy = true;
        val = as_load(in->bridge->dev.mem, in->base + offset, size);
        in->busy = false;
    }
    return val;
}

static void rest_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    Inbound *in = opaque;

    if (!in->busy) {
        in->busy = true;
        as_store(in->bridge->dev.mem, in->base + offset, val, size);
        in->busy = false;
    }
}

static const MemoryRegionOps rest_ops = { rest_read, rest_write, 1, 8 };

/* Below device BARs (0). */
enum { REST_PRIORITY = -2, RAM_PRIORITY = -1 };

static void unmap_inbound(Inbound *in)
{
    for (unsigned i = 0; i < in->num_ram; i++) {
        region_unmap(&in->ram[i]);
    }
    in->num_ram = 0;
    region_unmap(&in->rest);
}

static void map_ram(Inbound *in, hwaddr bar)
{
    AddressSpace *mem = in->bridge->dev.mem;
    uint64_t end = MIN(in->base + MAP_SIZE, mem->size);

    for (uint64_t at = in->base; at < end && in->num_ram < MAX_PIECES;) {
        const Section *sec = as_find(mem, at);
        uint64_t stop = MIN(sec->end, end);
        MemoryRegion *r = &in->ram[in->num_ram];

        if (sec->region && sec->region->kind == REGION_RAM && !sec->readonly) {
            region_init_alias(r, "system ram", sec->region, sec->offset + (at - sec->start),
                              stop - at);
            region_map(in->bridge->pci_mem, r, bar + (at - in->base), RAM_PRIORITY);
            in->num_ram++;
        }
        at = stop;
    }
}

/* BARs 0 to 2 of the bridge: base <31:28>; 0 is an address like others. */
static void map_inbound(VersatilePci *s)
{
    const uint8_t *c = s->host.config;
    bool on = c[PCI_COMMAND] & PCI_COMMAND_MEMORY;
    uint32_t seen = 0;

    if (!s->dev.mem) {
        return;
    }
    as_begin(s->pci_mem);
    for (unsigned n = 0; n < NUM_MAPS; n++) {
        Inbound *in = &s->in[n];
        uint32_t bar = (uint32_t)load_le(c + PCI_BAR0 + 4 * n, 4) >> MAP_BITS;

        unmap_inbound(in);
        if (on && !(seen & 1u << bar)) {
            seen |= 1u << bar;
            in->base = (uint64_t)(s->smap[n] & 15) << MAP_BITS;
            region_map(s->pci_mem, &in->rest, (uint64_t)bar << MAP_BITS, REST_PRIORITY);
            map_ram(in, (uint64_t)bar << MAP_BITS);
        }
    }
    as_commit(s->pci_mem);
}

/* Code may lie in RAM that is written through PCI memory. */
static void code_written(void *opaque, uint64_t ram_addr, uint64_t len)
{
    AddressSpace *mem = ((VersatilePci *)opaque)->dev.mem;

    if (mem && mem->code_written) {
        mem->code_written(mem->opaque, ram_addr, len);
    }
}

static void host_config_init(PCIDevice *pd)
{
    for (unsigned n = 0; n < NUM_MAPS; n++) {
        store_le(pd->wmask + PCI_BAR0 + 4 * n, 0xf0000000, 4);
    }
    store_le(pd->wmask + PCI_COMMAND, 0x0557, 2);       /* with write and invalidate */
}

static void host_config_written(PCIDevice *pd, unsigned addr, unsigned len)
{
    (void)len;
    if (addr < PCI_BAR0 + 4 * NUM_MAPS) {
        map_inbound(container_of(pd, VersatilePci, host));
    }
}

/* -- From the system to PCI -------------------------------------------------- */

static bool is_bus_0(hwaddr offset)
{
    return (offset & 0xffffff) >> 16 == 0;
}

static uint64_t bridge_read(void *opaque, hwaddr offset, unsigned size)
{
    VersatilePci *s = opaque;

    if (offset >= CONFIG_BYTES) {
        offset -= CONFIG_BYTES;
        return s->bus->io && offset < s->bus->io->size ? as_load(s->bus->io, offset, size)
                                                       : all_ones(size);
    }
    if (!is_bus_0(offset)) {
        return all_ones(size);
    }
    return pci_config_read(s->bus, offset >> 8 & 0xff, offset & 0xff, size);
}

static void bridge_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    VersatilePci *s = opaque;

    if (offset >= CONFIG_BYTES) {
        offset -= CONFIG_BYTES;
        if (s->bus->io && offset < s->bus->io->size) {
            as_store(s->bus->io, offset, val, size);
        }
    } else if (is_bus_0(offset)) {
        pci_config_write(s->bus, offset >> 8 & 0xff, offset & 0xff, (uint32_t)val, size);
    }
}

static uint64_t outbound(const VersatilePci *s, unsigned n, hwaddr offset)
{
    return (uint64_t)(s->imap[n] & 15) << MAP_BITS | offset;
}

#define MEMORY_WINDOW(n)                                                              \
    static uint64_t read_##n(void *opaque, hwaddr offset, unsigned size)              \
    {                                                                                 \
        const VersatilePci *s = opaque;                                               \
        return as_load(s->pci_mem, outbound(s, n, offset), size);                     \
    }                                                                                 \
    static void write_##n(void *opaque, hwaddr offset, uint64_t val, unsigned size)   \
    {                                                                                 \
        const VersatilePci *s = opaque;                                               \
        as_store(s->pci_mem, outbound(s, n, offset), val, size);                      \
    }                                                                                 \
    static const MemoryRegionOps memory_ops_##n = { read_##n, write_##n, 1, 8 };

MEMORY_WINDOW(0)
MEMORY_WINDOW(1)
MEMORY_WINDOW(2)

static const MemoryRegionOps bridge_ops = { bridge_read, bridge_write, 1, 4 };

/* -- Interrupts -------------------------------------------------------------- */

static int map_irq(void *opaque, int slot, int pin)
{
    (void)opaque;
    return (slot + pin + 2) & (NUM_LINES - 1);
}

static void set_irq(void *opaque, int line, int level)
{
    qemu_set_irq(((VersatilePci *)opaque)->dev.irq[line], level);
}

/* -- Type -------------------------------------------------------------------- */

static void write_smap(Device *d, uint32_t val)
{
    (void)val;
    map_inbound((VersatilePci *)d);
}

PCIBus *versatile_pci_bus(Device *d)
{
    return ((VersatilePci *)d)->bus;
}

static void bridge_init(Device *d)
{
    VersatilePci *s = (VersatilePci *)d;

    s->pci_mem = as_new("pci memory", 1ull << 32);
    s->pci_mem->code_written = code_written;
    s->pci_mem->opaque = s;
    s->bus = pci_bus_new(s->pci_mem, d->io);
    s->bus->map_irq = map_irq;
    s->bus->set_irq = set_irq;
    s->bus->opaque = s;
    for (unsigned n = 0; n < NUM_MAPS; n++) {
        s->in[n].bridge = s;
        region_init_io(&s->in[n].rest, "system", MAP_SIZE, &rest_ops, &s->in[n]);
    }
    s->host.dev.type = &host_type;
    s->host.dev.clock = d->clock;
    pci_plug(s->bus, &s->host, PCI_DEVFN(SELF_SLOT, 0), NULL);
}

static void bridge_reset(Device *d)
{
    VersatilePci *s = (VersatilePci *)d;

    pci_reset_common(&s->host);
    map_inbound(s);
}

static int bridge_post_load(Device *d, Error *err)
{
    VersatilePci *s = (VersatilePci *)d;
    int ret = pci_post_load(&s->host, err);

    map_inbound(s);
    return ret;
}

static void bridge_free(Device *d)
{
    VersatilePci *s = (VersatilePci *)d;

    for (unsigned n = 0; n < NUM_MAPS; n++) {
        unmap_inbound(&s->in[n]);
    }
    pci_unplug(&s->host);
    as_free(s->pci_mem);
}

#define FIELD(m) offsetof(VersatilePci, m)
/* clang-format off */
static const RegDef bridge_regs[] = {
    { "IMAP0",  0x00, FIELD(imap[0]), REG_RW, 0, 0xf,        NULL, NULL },
    { "IMAP1",  0x04, FIELD(imap[1]), REG_RW, 0, 0xf,        NULL, NULL },
    { "IMAP2",  0x08, FIELD(imap[2]), REG_RW, 0, 0xf,        NULL, NULL },
    { "SELFID", 0x0c, FIELD(selfid),  REG_RW, 0, 0x1f,       NULL, NULL },
    { "FLAGS",  0x10, FIELD(flags),   REG_RW, 0, 0xffffffff, NULL, NULL },
    { "SMAP0",  0x14, FIELD(smap[0]), REG_RW, 0, 0xf,        NULL, write_smap },
    { "SMAP1",  0x18, FIELD(smap[1]), REG_RW, 0, 0xf,        NULL, write_smap },
    { "SMAP2",  0x1c, FIELD(smap[2]), REG_RW, 0, 0xf,        NULL, write_smap },
    REG_END
};
/* clang-format on */

static const WindowDef bridge_windows[] = {
    { "registers",      false, 0x1000,    bridge_regs, NULL },
    { "config and I/O", false, 48u << 20, NULL, &bridge_ops },
    { "memory 0",       false, 192u << 20, NULL, &memory_ops_0 },
    { "memory 1",       false, 256u << 20, NULL, &memory_ops_1 },
    { "memory 2",       false, 256u << 20, NULL, &memory_ops_2 },
    { NULL, false, 0, NULL, NULL }
};

static const VMField bridge_vmstate[] = {
    VM_PCI_DEVICE(VersatilePci, host),
    VM_ARRAY(VersatilePci, imap),
    VM_ARRAY(VersatilePci, smap),
    VM_FIELD(VersatilePci, selfid),
    VM_FIELD(VersatilePci, flags),
    VM_END
};

static const PCIDeviceOps host_pci = {
    .vendor = 0x10ee, .device = 0x0300, .class = 0x0b40,
    .config_init = host_config_init,
    .config_written = host_config_written,
};

static const DeviceType host_type = {
    .name       = "versatile_pci_host",
    .desc       = "Versatile/PB PCI core, on its bus",
    .bus        = "pci",
    .state_size = sizeof(PCIDevice),
    .bus_ops    = &host_pci,
};

const DeviceType versatile_pci_type = {
    .name       = "versatile_pci",
    .desc       = "Versatile/PB PCI host bridge",
    .manual     = "ARM DUI 0224",
    .bus        = "sys",
    .state_size = sizeof(VersatilePci),
    .windows    = bridge_windows,
    .vmstate    = bridge_vmstate,
    .num_irqs   = NUM_LINES,
    .init       = bridge_init,
    .reset      = bridge_reset,
    .post_load  = bridge_post_load,
    .free       = bridge_free,
};
