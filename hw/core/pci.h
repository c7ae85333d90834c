/* SPDX-License-Identifier: MIT */
/*
 * PCI: a bus, its devices, their configuration space (PCI Local Bus 3.0).
 *
 * A PCI device's state struct starts with PCIDevice (which starts with
 * Device); its type's bus is "pci" and bus_ops points to a PCIDeviceOps.
 * Common code keeps the header: read-only bits, BAR sizing and mapping, command
 * register, interrupt line.  BAR n maps window n of the device type; a window
 * with `io` gives an I/O BAR; not_bars names the exceptions.  A device with
 * regions of its own making (VRAM) calls pci_set_bar().
 *
 *   INTx -> bus->map_irq(slot, pin) -> one of bus->num_irqs wires, or-ed
 *
 * Config space accesses come from a host bridge through pci_config_read/write.
 */
#ifndef HW_CORE_PCI_H
#define HW_CORE_PCI_H

#include "hw/core/device.h"

#define PCI_CONFIG_SIZE 256
#define PCI_NUM_BARS    7               /* 6 and the expansion ROM */
#define PCI_ROM_BAR     6
#define PCI_DEVFN(slot, fn) ((slot) << 3 | (fn))

/* Offsets of the type 0 header, 6.1. */
enum {
    PCI_VENDOR_ID = 0x00, PCI_DEVICE_ID = 0x02, PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06, PCI_REVISION = 0x08, PCI_CLASS_PROG = 0x09,
    PCI_CLASS = 0x0a, PCI_HEADER_TYPE = 0x0e, PCI_BAR0 = 0x10,
    PCI_SUBSYSTEM_VENDOR = 0x2c, PCI_SUBSYSTEM_ID = 0x2e, PCI_ROM_ADDRESS = 0x30,
    PCI_CAPABILITIES = 0x34, PCI_INTERRUPT_LINE = 0x3c, PCI_INTERRUPT_PIN = 0x3d,
};
enum { PCI_COMMAND_IO = 1, PCI_COMMAND_MEMORY = 2, PCI_COMMAND_MASTER = 4,
       PCI_COMMAND_INTX_DISABLE = 1 << 10 };

typedef struct PCIBus PCIBus;
typedef struct PCIDevice PCIDevice;

typedef struct PCIDeviceOps {
    uint16_t vendor, device, class;     /* class: base << 8 | sub */
    uint8_t prog_if, revision;
    uint8_t irq_pin;                    /* 1 = INTA, 0 none */
    bool multifunction;
    /* Bit n: window n is no BAR (legacy ports, PMBASE); the board's table or
     * the device maps it. */
    uint8_t not_bars;
    /* Reset values and writable bits of device-specific config bytes:
     * fill pd->config and pd->wmask; called once. */
    void (*config_init)(PCIDevice *pd);
    /* After a write has changed config[addr .. addr+len). */
    void (*config_written)(PCIDevice *pd, unsigned addr, unsigned len);
} PCIDeviceOps;

typedef struct PCIBar {
    MemoryRegion *region;
    uint64_t size;                      /* power of two */
    bool io, prefetch;
    uint64_t mapped_at;                 /* ~0 when not decoded */
} PCIBar;

struct PCIDevice {
    Device dev;
    PCIBus *bus;
    uint8_t devfn;
    uint8_t config[PCI_CONFIG_SIZE];
    uint8_t config_reset[PCI_CONFIG_SIZE];
    uint8_t wmask[PCI_CONFIG_SIZE];     /* bits the guest can write */
    uint8_t w1c[PCI_CONFIG_SIZE];       /* bits a written 1 clears */
    PCIBar bar[PCI_NUM_BARS];
    uint32_t irq_level;                 /* of our INTx pin */
};

/* Every PCI device's vmstate has this among its fields. */
extern const VMField pci_device_vmstate[];
#define VM_PCI_DEVICE(type, m) VM_STRUCTS(type, m, 1, pci_device_vmstate)

struct PCIBus {
    PCIDevice *devices[256];            /* by devfn */
    AddressSpace *mem, *io;
    int (*map_irq)(void *opaque, int slot, int pin);    /* pin 0..3 -> line */
    void (*set_irq)(void *opaque, int line, int level);
    void *opaque;
    int irq_count[32];                  /* devices asserting each line */
};

PCIBus *pci_bus_new(AddressSpace *mem, AddressSpace *io);
/* Plug in, devfn -1: the first free slot.  After init, before realize. */
int pci_plug(PCIBus *bus, PCIDevice *pd, int devfn, Error *err);
void pci_unplug(PCIDevice *pd);

void pci_set_bar(PCIDevice *pd, unsigned n, MemoryRegion *r, bool io,
                 bool prefetch);
/* Drive the INTx pin. */
void pci_set_irq(PCIDevice *pd, int level);
void pci_reset_common(PCIDevice *pd);   /* call first in each type's reset() */
int pci_post_load(PCIDevice *pd, Error *err);   /* and in each post_load() */

/* Bus master access; nothing happens while Bus Master Enable is off. */
void pci_dma_read(PCIDevice *pd, hwaddr addr, void *buf, uint64_t len);
void pci_dma_write(PCIDevice *pd, hwaddr addr, const void *buf, uint64_t len);

/* From the host bridge: devfn's config[addr], 1, 2 or 4 bytes; all ones where
 * there is no device. */
uint32_t pci_config_read(PCIBus *bus, unsigned devfn, unsigned addr, unsigned size);
void pci_config_write(PCIBus *bus, unsigned devfn, unsigned addr, uint32_t val,
                      unsigned size);

/* For info pci. */
void pci_dump(const PCIBus *bus, void (*put)(void *, const char *), void *opaque);

#endif
