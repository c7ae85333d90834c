/* SPDX-License-Identifier: MIT */
/*
 * Intel 82093AA I/O advanced programmable interrupt controller (Intel
 * 290566-001), with the EOI register of later ones (version 20h; Intel ICH,
 * "I/O xAPIC").
 *
 *      pin --> edge | level & ~remote IRR --&~mask--> message to the bus
 *                              ^--- EOI of the vector
 *
 * Not modelled: the arbitration id beyond its register, and delivery status
 * (the bus is never busy).
 */
#include "hw/intc/ioapic.h"

#include <errno.h>

#include "hw/intc/apic-bus.h"
#include "util/bits.h"
#include "util/log.h"

enum { WINDOW_SELECT = 0x00, WINDOW_DATA = 0x10, WINDOW_EOI = 0x40 };
enum { REG_ID = 0x00, REG_VERSION = 0x01, REG_ARBITRATION = 0x02,
       REG_REDIRECTION = 0x10 };
enum { VERSION_WITH_EOI = 0x20 };

/* 3.2.4, redirection table entry */
#define RTE_LOGICAL    (1ull << 11)
#define RTE_REMOTE_IRR (1ull << 14)
#define RTE_LEVEL      (1ull << 15)
#define RTE_MASKED     (1ull << 16)
#define RTE_WRITABLE   0xff0000000001afffull

typedef struct IOAPIC {
    Device dev;
    Device *bus;
    uint32_t version;
    uint32_t id;                        /* bits 27:24 */
    uint8_t select;
    uint32_t lines;                     /* levels of the pins */
    uint64_t entry[IOAPIC_NUM_PINS];
} IOAPIC;

static ApicMessage message_of(uint64_t e)
{
    return (ApicMessage){
        .dest = (uint8_t)(e >> 56),
        .logical = e & RTE_LOGICAL,
        .mode = (ApicMode)bits64(e, 10, 8),
        .vector = (uint8_t)e,
        .level = e & RTE_LEVEL,
    };
}

static void send(IOAPIC *s, int pin)
{
    uint64_t *e = &s->entry[pin];
    ApicMessage m = message_of(*e);

    if (apic_bus_send(s->bus, &m) && m.level &&
        (m.mode == APIC_FIXED || m.mode == APIC_LOWEST)) {
        *e |= RTE_REMOTE_IRR;
    }
}

static void update_level(IOAPIC *s, int pin)
{
    uint64_t e = s->entry[pin];

    if ((e & RTE_LEVEL) && !(e & (RTE_MASKED | RTE_REMOTE_IRR)) &&
        (s->lines >> pin & 1)) {
        send(s, pin);
    }
}

/* 3.2.4, "Interrupt Mask": an edge at a masked pin is forgotten. */
static void set_pin(Device *d, int n, int level)
{
    IOAPIC *s = (IOAPIC *)d;
    uint32_t bit = 1u << n;
    bool rises = level && !(s->lines & bit);

    s->lines = level ? s->lines | bit : s->lines & ~bit;
    if (rises && !(s->entry[n] & (RTE_LEVEL | RTE_MASKED))) {
        send(s, n);
    }
    update_level(s, n);
}

void ioapic_eoi(Device *d, uint8_t vector)
{
    IOAPIC *s = (IOAPIC *)d;

    for (int i = 0; i < IOAPIC_NUM_PINS; i++) {
        if ((s->entry[i] & RTE_REMOTE_IRR) && (uint8_t)s->entry[i] == vector) {
            s->entry[i] &= ~RTE_REMOTE_IRR;
            update_level(s, i);
        }
    }
}

/* -- Registers --------------------------------------------------------------- */

static bool is_entry(uint8_t reg)
{
    return reg >= REG_REDIRECTION && reg < REG_REDIRECTION + 2 * IOAPIC_NUM_PINS;
}

/* Remote IRR means nothing on an edge triggered pin; changing to edge is how
 * software clears a stuck one. */
static void write_entry(IOAPIC *s, unsigned half, uint32_t val)
{
    int pin = (int)(half / 2);
    unsigned shift = 32 * (half & 1);
    uint64_t mask = RTE_WRITABLE & 0xffffffffull << shift;
    uint64_t *e = &s->entry[pin];

    *e = (*e & ~mask) | ((uint64_t)val << shift & mask);
    if (!(*e & RTE_LEVEL)) {
        *e &= ~RTE_REMOTE_IRR;
    }
    update_level(s, pin);
}

static void write_data(IOAPIC *s, uint32_t val)
{
    if (is_entry(s->select)) {
        write_entry(s, s->select - REG_REDIRECTION, val);
    } else if (s->select == REG_ID) {
        s->id = val & 0x0f000000;
    } else {
        log_guest("ioapic", "write 0x%08x to register 0x%02x", val, s->select);
    }
}

static uint32_t read_data(const IOAPIC *s)
{
    unsigned half = (unsigned)s->select - REG_REDIRECTION;

    if (is_entry(s->select)) {
        return (uint32_t)(s->entry[half / 2] >> (32 * (half & 1)));
    }
    switch (s->select) {
    case REG_ID:
    case REG_ARBITRATION: return s->id;
    case REG_VERSION:     return (IOAPIC_NUM_PINS - 1) << 16 | s->version;
    default:
        log_guest("ioapic", "read of register 0x%02x", s->select);
        return 0;
    }
}

static uint64_t read_reg(void *opaque, hwaddr offset, unsigned size)
{
    IOAPIC *s = opaque;

    (void)size;
    switch (offset) {
    case WINDOW_SELECT: return s->select;
    case WINDOW_DATA:   return read_data(s);
    default:
        log_guest("ioapic", "read at offset 0x%x", (unsigned)offset);
        return 0;
    }
}

static void write_reg(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    IOAPIC *s = opaque;

    (void)size;
    if (offset == WINDOW_SELECT) {
        s->select = (uint8_t)val;
    } else if (offset == WINDOW_DATA) {
        write_data(s, (uint32_t)val);
    } else if (offset == WINDOW_EOI && s->version >= VERSION_WITH_EOI) {
        ioapic_eoi(&s->dev, (uint8_t)val);
    } else {
        log_guest("ioapic", "write at offset 0x%x", (unsigned)offset);
    }
}

static const MemoryRegionOps reg_ops = {
    .read = read_reg, .write = write_reg, .min = 1, .max = 4,
};

/* -- The type ---------------------------------------------------------------- */

static int ioapic_realize(Device *d, Error *err)
{
    IOAPIC *s = (IOAPIC *)d;

    if (s->bus && s->bus->type != &apic_bus_type) {
        return error_set(err, EINVAL, "ioapic: bus must be an apic-bus");
    }
    if (s->version != 0x11 && s->version != VERSION_WITH_EOI) {
        return error_set(err, EINVAL, "ioapic: version must be 0x11 or 0x20");
    }
    return s->bus ? apic_bus_add_ioapic(s->bus, d, err) : 0;
}

/* 3.2: all pins masked after reset.  Levels of pins belong to others. */
static void ioapic_reset(Device *d)
{
    IOAPIC *s = (IOAPIC *)d;

    s->id = 0;
    s->select = 0;
    for (int i = 0; i < IOAPIC_NUM_PINS; i++) {
        s->entry[i] = RTE_MASKED;
    }
}

static int ioapic_post_load(Device *d, Error *err)
{
    IOAPIC *s = (IOAPIC *)d;

    (void)err;
    for (int i = 0; i < IOAPIC_NUM_PINS; i++) {
        s->entry[i] &= RTE_WRITABLE | RTE_REMOTE_IRR;
    }
    return 0;
}

static const WindowDef ioapic_windows[] = {
    { "ioapic", false, 0x1000, NULL, &reg_ops },
    { .name = NULL }
};

static const PropDef ioapic_props[] = {
    { "bus",     PROP_LINK, offsetof(IOAPIC, bus),     0,    "apic-bus" },
    { "version", PROP_U32,  offsetof(IOAPIC, version), 0x11,
      "0x11, or 0x20 with EOI register" },
    { .name = NULL }
};

static const VMField ioapic_vmstate[] = {
    VM_FIELD(IOAPIC, id),
    VM_FIELD(IOAPIC, select),
    VM_FIELD(IOAPIC, lines),
    VM_ARRAY(IOAPIC, entry),
    VM_END
};

const DeviceType ioapic_type = {
    .name       = "ioapic",
    .desc       = "I/O interrupt controller",
    .manual     = "Intel 290566",
    .bus        = "sys",
    .state_size = sizeof(IOAPIC),
    .windows    = ioapic_windows,
    .props      = ioapic_props,
    .vmstate    = ioapic_vmstate,
    .num_inputs = IOAPIC_NUM_PINS,
    .realize    = ioapic_realize,
    .reset      = ioapic_reset,
    .post_load  = ioapic_post_load,
    .input      = set_pin,
};
