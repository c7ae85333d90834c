/* SPDX-License-Identifier: MIT */
/*
 * What a device is.
 *
 * A device is one struct of state and a const DeviceType that describes it in
 * tables: windows (register ranges the guest sees), registers, properties,
 * fields to save.  Common code does the rest: address decode, read-only and
 * write-only checks, reset values, snapshots, `info qtree`, `-device NAME,help`,
 * tracing by register name, and the contract test every type must pass
 * (tests/unit/device-contract.c).
 *
 *      guest --> window --> register row --> word in the struct, hooks
 *                      \--> .ops (index/data pairs, command machines)
 *
 * Rules
 *  - The state struct starts with Device.
 *  - A device knows its wires, its clock and its back ends, never its address,
 *    its board or its interrupt controller.
 *  - Life: device_new (zeroed, init()) -> properties set -> wires connected ->
 *    device_realize (realize()) -> device_reset ... -> device_free.
 *  - init() creates timers and windows; it cannot fail and has no
 *    guest-visible effect.  realize() looks at properties and back ends and
 *    may fail with a sentence.
 *  - reset() runs after every register took its table reset value.  It drives
 *    the output wires to their reset level.
 *  - Whatever the guest or a snapshot does, the device survives.
 */
#ifndef HW_CORE_DEVICE_H
#define HW_CORE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/core/irq.h"
#include "hw/core/memory.h"
#include "sys/clock.h"
#include "sys/vmstate.h"
#include "util/error.h"

typedef struct Device Device;
typedef struct DeviceType DeviceType;

/* -- Registers: a table of 32-bit words -------------------------------------- */

enum { REG_R = 1, REG_W = 2, REG_RW = 3 };

#define REG_VIRTUAL 0xffff              /* no storage: the hooks do it all */
#define REG_CONST   0xfffe              /* no storage: reads as `reset` */

typedef struct RegDef {
    const char *name;                   /* the manual's */
    uint16_t offset;                    /* byte offset in the window */
    uint16_t field;                     /* offsetof a uint32_t, or REG_xxx */
    uint8_t access;
    uint32_t reset;
    uint32_t wmask;                     /* bits the guest can change */
    uint32_t (*read)(Device *d);
    void (*write)(Device *d, uint32_t val);     /* val is already masked */
} RegDef;

#define REG_END { .name = NULL }

/* -- Windows: ranges of guest addresses or ports ----------------------------- */

#define DEVICE_MAX_WINDOWS 8
#define DEVICE_MAX_IRQS    160

typedef struct WindowDef {
    const char *name;                   /* NULL ends the list */
    bool io;                            /* port space, else memory */
    uint32_t size;                      /* bytes */
    const RegDef *regs;                 /* one of these two */
    const MemoryRegionOps *ops;         /* opaque is the Device */
} WindowDef;

/* -- Properties -------------------------------------------------------------- */

typedef enum PropKind {
    PROP_BOOL, PROP_U32, PROP_U64,      /* bool, uint32_t, uint64_t field */
    PROP_STRING,                        /* char *, owned by the device */
    PROP_LINK,                          /* Device *: another device, by id */
    PROP_DRIVE,                         /* BlockDriverState *, by drive id */
    PROP_CHAR,                          /* CharDriverState *, by chardev id */
    PROP_NIC,                           /* NICInfo *, by netdev or nic id */
} PropKind;

typedef struct PropDef {
    const char *name;                   /* NULL ends the list */
    PropKind kind;
    uint16_t field;                     /* offsetof */
    uint64_t def;                       /* BOOL, U32, U64 */
    const char *help;
} PropDef;

/* How names of links and back ends become pointers; the machine provides it. */
typedef struct PropResolver {
    void *(*find)(void *opaque, PropKind kind, const char *name);
    void *opaque;
} PropResolver;

/* -- The type ---------------------------------------------------------------- */

struct DeviceType {
    const char *name;                   /* "pl031", as in -device */
    const char *desc;                   /* one line */
    const char *manual;                 /* document number */
    const char *bus;                    /* kind it plugs into: "sys", "pci",
                                           "isa", "ide", "usb" ... */
    const char *has_bus;                /* kind it has for others, or NULL ... */
    uint32_t has_bus_at;                /* ... and where in its state that is */
    size_t state_size;
    const WindowDef *windows;           /* or NULL */
    const PropDef *props;               /* or NULL */
    const VMField *vmstate;             /* what reset() and snapshots cover */
    unsigned num_irqs;                  /* output wires: irq[] */
    unsigned num_inputs;                /* input wires: device_input() */
    bool user_creatable;                /* by -device */

    void (*init)(Device *d);
    int (*realize)(Device *d, Error *err);
    void (*reset)(Device *d);
    /* Re-drive wires, check indices; -errno refuses the snapshot. */
    int (*post_load)(Device *d, Error *err);
    void (*free)(Device *d);
    void (*input)(Device *d, int n, int level);
    const void *bus_ops;                /* for the bus kind: PCIDeviceOps ... */
};

struct Device {
    const DeviceType *type;
    char *id;                           /* "uart0", or NULL */
    Clock *clock;
    AddressSpace *mem, *io;             /* where it masters the bus (DMA) and
                                           where windows are mapped; may be NULL
                                           in tests */
    qemu_irq *irq;                      /* type->num_irqs wires */
    MemoryRegion window[DEVICE_MAX_WINDOWS];    /* by index in type->windows */
    struct DeviceWindow *decoders;      /* device.c's own */
    Device *parent_bus;                 /* controller it is plugged into */
    bool realized;
    Device *next;                       /* all devices of the machine */
};

Device *device_new(const DeviceType *type, const char *id, Clock *clock,
                   AddressSpace *mem, AddressSpace *io);
/* "name" = "value" as typed by a user or a board. */
int device_set_prop(Device *d, const char *name, const char *value,
                    const PropResolver *r, Error *err);
int device_realize(Device *d, Error *err);
void device_reset(Device *d);
void device_free(Device *d);            /* unmaps its windows */

/* Solder output n to a wire. */
void device_connect(Device *d, unsigned n, qemu_irq wire);
/* The device's input n as a wire. */
qemu_irq device_input(Device *d, int n);

/* Map window n (index in type->windows) at addr; priority as region_map. */
void device_map(Device *d, unsigned n, hwaddr addr, int priority);

/* One access to window n, as the guest would make it: tests, -qtest. */
uint64_t device_read(Device *d, unsigned n, hwaddr offset, unsigned size);
void device_write(Device *d, unsigned n, hwaddr offset, uint64_t val, unsigned size);

/* Snapshot of one device. */
int device_load(Device *d, const uint8_t *in, size_t len, Error *err);

/* One line per property / register with its value: info qtree, -device X,help */
void device_dump(const Device *d, void (*put)(void *, const char *), void *opaque);
void device_type_help(const DeviceType *t, void (*put)(void *, const char *), void *opaque);

#endif
