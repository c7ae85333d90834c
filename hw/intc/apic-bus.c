/* SPDX-License-Identifier: MIT */
/*
 * The APIC bus: who gets a message.
 *
 * Not modelled: arbitration between senders (there is no time on this bus), and
 * the focus processor of lowest priority delivery.
 */
#include "hw/intc/apic-bus.h"

#include <errno.h>

#include "hw/intc/ioapic.h"
#include "hw/intc/lapic.h"

typedef struct ApicBus {
    Device dev;
    Device *lapic[APIC_BUS_MAX_LAPICS];
    Device *ioapic[APIC_BUS_MAX_IOAPICS];
    unsigned num_lapics, num_ioapics;
    uint8_t last;                       /* who won the last arbitration */
} ApicBus;

static int add(Device **list, unsigned *num, unsigned max, Device *d, Error *err)
{
    if (*num == max) {
        return error_set(err, ENOSPC, "apic-bus: more than %u APICs of a kind",
                         max);
    }
    list[(*num)++] = d;
    return 0;
}

int apic_bus_add_lapic(Device *bus, Device *lapic, Error *err)
{
    ApicBus *b = (ApicBus *)bus;

    return add(b->lapic, &b->num_lapics, APIC_BUS_MAX_LAPICS, lapic, err);
}

int apic_bus_add_ioapic(Device *bus, Device *ioapic, Error *err)
{
    ApicBus *b = (ApicBus *)bus;

    return add(b->ioapic, &b->num_ioapics, APIC_BUS_MAX_IOAPICS, ioapic, err);
}

/*
 * 10.6.2.4, "Lowest Priority Delivery Mode": the lowest processor priority of
 * those addressed; equals take turns.
 */
static Device *arbitrate(ApicBus *b, const ApicMessage *m)
{
    Device *best = NULL;

    for (unsigned n = 1; n <= b->num_lapics; n++) {
        unsigned i = (b->last + n) % b->num_lapics;
        Device *d = b->lapic[i];

        if (lapic_is_meant(d, m->dest, m->logical) && lapic_enabled(d) &&
            (!best || lapic_priority(d) < lapic_priority(best))) {
            best = d;
        }
    }
    for (unsigned i = 0; i < b->num_lapics; i++) {
        if (b->lapic[i] == best) {
            b->last = (uint8_t)i;
        }
    }
    return best;
}

bool apic_bus_send(Device *bus, const ApicMessage *m)
{
    ApicBus *b = (ApicBus *)bus;
    bool any = false;

    if (!b) {
        return false;
    }
    if (m->mode == APIC_LOWEST) {
        Device *d = arbitrate(b, m);

        return d && lapic_receive(d, m);
    }
    for (unsigned i = 0; i < b->num_lapics; i++) {
        if (lapic_is_meant(b->lapic[i], m->dest, m->logical)) {
            any |= lapic_receive(b->lapic[i], m);
        }
    }
    return any;
}

bool apic_bus_broadcast(Device *bus, const ApicMessage *m, const Device *except)
{
    ApicBus *b = (ApicBus *)bus;
    bool any = false;

    for (unsigned i = 0; b && i < b->num_lapics; i++) {
        if (b->lapic[i] != except) {
            any |= lapic_receive(b->lapic[i], m);
        }
    }
    return any;
}

void apic_bus_eoi(Device *bus, uint8_t vector)
{
    ApicBus *b = (ApicBus *)bus;

    for (unsigned i = 0; b && i < b->num_ioapics; i++) {
        ioapic_eoi(b->ioapic[i], vector);
    }
}

static void apic_bus_reset(Device *d)
{
    ((ApicBus *)d)->last = 0;
}

static const VMField apic_bus_vmstate[] = {
    VM_FIELD(ApicBus, last),
    VM_END
};

const DeviceType apic_bus_type = {
    .name       = "apic-bus",
    .desc       = "messages between APICs",
    .manual     = "Intel SDM vol. 3A, chapter 10",
    .bus        = "sys",
    .state_size = sizeof(ApicBus),
    .vmstate    = apic_bus_vmstate,
    .reset      = apic_bus_reset,
};
