/* SPDX-License-Identifier: MIT */
/*
 * The bus between local APICs and I/O APICs (SDM vol. 3A, 10.2): interrupt
 * messages to processors, end-of-interrupt messages back.
 *
 *      I/O APIC --apic_bus_send--> [who is meant?] --> lapic_receive
 *      lapic --apic_bus_eoi--> every I/O APIC
 *
 * One per machine, a device without registers; its id is the "bus" property of
 * the APICs, which join it when they are realized.
 */
#ifndef HW_INTC_APIC_BUS_H
#define HW_INTC_APIC_BUS_H

#include "hw/core/device.h"

extern const DeviceType apic_bus_type;

/* Table 10-1 and figure 10-12, also of the I/O APIC's redirection entries. */
typedef enum ApicMode {
    APIC_FIXED = 0, APIC_LOWEST = 1, APIC_SMI = 2, APIC_NMI = 4, APIC_INIT = 5,
    APIC_SIPI = 6, APIC_EXTINT = 7,
} ApicMode;

typedef struct ApicMessage {
    uint8_t dest;                       /* APIC id, or logical destination */
    bool logical;
    ApicMode mode;
    uint8_t vector;
    bool level;                         /* trigger mode: level */
} ApicMessage;

enum { APIC_BUS_MAX_LAPICS = 255, APIC_BUS_MAX_IOAPICS = 8 };

/* 0, or -errno: the bus is full. */
int apic_bus_add_lapic(Device *bus, Device *lapic, Error *err);
int apic_bus_add_ioapic(Device *bus, Device *ioapic, Error *err);

/* To all that are meant (lowest priority: to one); false if there was none. */
bool apic_bus_send(Device *bus, const ApicMessage *m);
/* To all local APICs, but not to `except` (or NULL). */
bool apic_bus_broadcast(Device *bus, const ApicMessage *m, const Device *except);
/* A local APIC has ended a level triggered interrupt. */
void apic_bus_eoi(Device *bus, uint8_t vector);

#endif
