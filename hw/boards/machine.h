/* SPDX-License-Identifier: MIT */
/*
 * What a machine is: a CPU model, RAM, and a table that says which device sits
 * at which address on which wire.  The table is the board manual's memory map;
 * if it is not in the table, it is not on the board.  What a table cannot say
 * (a CPU's pins, RAM split by a hole) is in the board's init().
 *
 *   QEMUMachine  const: a kind of board, chosen with -M
 *   MachineConfig       what the user asked for (vl.c fills it in)
 *   Machine             the one that runs
 *
 * Place.props are "prop=value,prop=value"; a value "@serial0" is what the user
 * put into that slot of MachineConfig (@serialN @parallelN @debugcon @ideN
 * @floppyN @scsiN @sdN @pflashN @mtd @nicN); if the slot is empty the property keeps its default.  A comma in a
 * value is doubled, as in -device.
 *
 * Several outputs may go to one input: the wires are or-ed.
 */
#ifndef HW_BOARDS_MACHINE_H
#define HW_BOARDS_MACHINE_H

#include "block/drive.h"
#include "hw/core/device.h"
#include "hw/core/pci.h"

typedef struct CPUState CPUState;
typedef struct CharDriverState CharDriverState;
typedef struct Machine Machine;

#define PLACE_MAX_WINDOWS 6
#define PLACE_MAX_IRQS    160
#define NOWHERE (~(hwaddr)0)

/* Where an output goes: a place on the board and its input, never a pointer. */
typedef struct IRQRef {
    const char *controller;             /* Place.id, "cpu"; NULL: not connected */
    int line;
} IRQRef;

typedef struct Place {
    const char *id;                     /* unique on this board: "rtc" */
    const DeviceType *type;
    hwaddr at[PLACE_MAX_WINDOWS];       /* by window; 0 = the window is not
                                           mapped, AT_ZERO = at address 0 */
    IRQRef irq[PLACE_MAX_IRQS];         /* by output */
    const char *props;                  /* "prop=value,prop=value" or NULL */
    int devfn;                          /* PCI devices: 1 + devfn; 0: not PCI */
} Place;

#define AT_ZERO NOWHERE
#define AT_DEVFN(slot, fn) (1 + PCI_DEVFN(slot, fn))

typedef struct QEMUMachine {
    const char *name, *desc, *manual;
    const char *alias;                  /* or NULL */
    const char *cpu;                    /* default CPU model */
    uint64_t ram_default, ram_max;      /* bytes */
    int max_cpus;
    bool is_default;
    /* Models for -net nic, the default one first: "smc91c111 rtl8139"; NULL: the
     * board has no place for a network card. */
    const char *nic_models;
    DriveInterface drives;              /* of -hda, and of -drive without if=; with
                                           IF_IDE, a CD and a floppy drive too */
    const char *opts_help;              /* what -M NAME,... takes, or NULL */
    const Place *map;
    size_t map_len;
    /* RAM, CPU, firmware, -kernel; then machine_place() for the table, wires
     * that are no device's input, and what else no table can say. */
    int (*init)(Machine *m, Error *err);
} QEMUMachine;

/* Of this program, NULL-terminated: list-i386.c, list-arm.c. */
extern const QEMUMachine *const machines[];

/* What a guest asks of the program that runs it. */
typedef enum MachineRequest {
    MACHINE_REQUEST_RESET,
    MACHINE_REQUEST_SHUTDOWN,           /* power off */
    MACHINE_REQUEST_EXIT,               /* isa-debug-exit: code is the status */
} MachineRequest;

typedef struct MachineConfig {
    const char *cpu_model;              /* "qemu32,+ssse3" or NULL */
    uint64_t ram_size;                  /* bytes; 0: the machine's default */
    int num_cpus;
    const char *kernel, *initrd, *append, *dtb;     /* or NULL */
    const char *bios;                   /* -bios, or NULL */
    const char *firmware_dir;           /* -L, or NULL */
    const char *boot_order;             /* "cad" */
    bool boot_menu;
    bool no_acpi, no_hpet, nographic, semihosting;
    bool usb;                           /* -usb: a controller */
    bool snapshot;                      /* of drives that come later */
    const char *vga;                    /* std, none */
    int64_t rtc_base_ns;                /* guest start time - host UTC time */
    CharDriverState *serial[4], *parallel[3], *debugcon;
    BlockDriverState *ide[4], *floppy[2];           /* by position, or NULL */
    BlockDriverState *scsi[7], *sd[2], *pflash[2], *mtd;
    struct NICInfo *nic[4];             /* -net nic, in order; net/net.h */
    const char *machine_opts;           /* -M NAME,opt=value,...: behind the name,
                                           or NULL */
    bool ide_is_cd[4];
    /* Called with the global lock, from within the guest's access; only notes
     * the request, and kicks the loop.  NULL: ignored. */
    void (*request)(void *opaque, MachineRequest what, int code);
    void *request_opaque;
    /* A new processor of this binary's architecture on m->mem and m->io, for
     * the board's init() to call; owned by the program.  NULL in tests. */
    CPUState *(*cpu_create)(void *request_opaque, Machine *m);
    /* The devices are gone and m->mem, m->io are next: end the processors,
     * which use them.  May be NULL. */
    void (*cpus_free)(void *request_opaque);
    /* A drive by its id, for -device ...,drive=ID; NULL: there are none. */
    BlockDriverState *(*find_drive)(const char *id);
} MachineConfig;

struct Machine {
    const QEMUMachine *type;
    MachineConfig config;
    Clock *clock;                       /* virtual time */
    AddressSpace *mem, *io;
    CPUState *cpu[16];
    int num_cpus;
    PCIBus *pci;                        /* or NULL */
    Device *devices;                    /* all, in order of creation */
    PropResolver resolver;
    /* A wire "cpu" in the table: input n of the processor. */
    qemu_irq (*cpu_input)(Machine *m, int n);
    qemu_irq power_button;              /* pulse: the user wants to power down */
    void *board;                        /* the board's own */
    /* The board's own; each may be NULL.  After the devices: */
    void (*board_reset)(Machine *m);
    void (*board_free)(Machine *m);
    /* A device is realized: what no wire can carry. */
    void (*device_added)(Machine *m, Device *d);
    struct WireHub *hubs;               /* machine.c's own */
};

int machine_check(const QEMUMachine *t, Error *err);
const QEMUMachine *machine_find_type(const char *name);         /* or NULL */
int machine_new(Machine **m, const QEMUMachine *t, const MachineConfig *c,
                Clock *clock, Error *err);
void machine_free(Machine *m);
/* Create, wire and realize the devices of map[0..len). */
int machine_place(Machine *m, const Place *map, size_t len, Error *err);
/* -device NAME,prop=value,... */
int machine_add_device(Machine *m, const char *spec, Error *err);
/* Ends a device that plugs into a bus where things come and go. */
void machine_remove_device(Machine *m, Device *d);
Device *machine_find(const Machine *m, const char *id);
void machine_reset(Machine *m);         /* devices in order, then CPUs */
/* Input `line` of the place called `controller`; an unconnected wire and a
 * sentence if there is none.  Each call is one more source, or-ed. */
int machine_wire(Machine *m, const char *controller, int line, qemu_irq *wire,
                 Error *err);
void machine_request(Machine *m, MachineRequest what, int code);
/* Firmware file: in -L dir; where the program is, as built ("pc-bios") or
 * installed ("../share/qemu"); in the directories configure found. */
char *machine_find_firmware(const Machine *m, const char *name);

/* All device types there are, NULL-terminated: -device help. */
extern const DeviceType *const device_types[];

#endif
