/* SPDX-License-Identifier: MIT */
/*
 * The local APIC of one CPU (xAPIC, as in a Pentium 4).
 *
 * Window 0: the 4 KiB register page.  Each CPU sees its own at the same
 * address: the board maps one region there that calls device_read/write() of
 * the lapic of the CPU that runs.
 * Inputs: LINT0 (the 8259's INT), LINT1 (NMI).  Output 0: INTR to the CPU; high
 * while lapic_get_interrupt() or the 8259 has a vector for it.
 * Properties: "id", "bsp" (bootstrap processor), "bus" (apic-bus; joined at
 * realize).
 *
 * Interrupt acknowledge, by the CPU when INTR is high and it accepts:
 *
 *      v = lapic_get_interrupt(lapic);
 *      if (v < 0 && lapic_accepts_pic(lapic)) v = i8259_intack(pic);
 */
#ifndef HW_INTC_LAPIC_H
#define HW_INTC_LAPIC_H

#include "hw/core/device.h"
#include "hw/intc/apic-bus.h"

extern const DeviceType lapic_type;

enum { LAPIC_LINT0, LAPIC_LINT1 };      /* inputs */

/* What reaches the CPU other than through INTR; any may be NULL. */
typedef struct LapicCpuOps {
    void (*nmi)(void *cpu);
    void (*smi)(void *cpu);
    void (*init)(void *cpu);            /* INIT: then wait for SIPI, unless bsp */
    void (*sipi)(void *cpu, uint8_t vector);    /* start at vector << 12 */
} LapicCpuOps;

void lapic_set_cpu(Device *d, const LapicCpuOps *ops, void *cpu);

/* Moves the highest pending vector into service; -1: none above the PPR. */
int lapic_get_interrupt(Device *d);
/* The 8259's vector is to be fetched (ExtINT); true once per ExtINT message,
 * and while LINT0 is ExtINT or the APIC is disabled by its MSR. */
bool lapic_accepts_pic(Device *d);

/* IA32_APIC_BASE: address, bit 11 global enable, bit 8 bootstrap processor. */
void lapic_set_base(Device *d, uint64_t val);
uint64_t lapic_base(const Device *d);

/* An INIT at the processor's pin: as after reset, but the id stays. */
void lapic_init_reset(Device *d);

/* -- For the bus ------------------------------------------------------------- */

bool lapic_is_meant(const Device *d, uint8_t dest, bool logical);
bool lapic_enabled(const Device *d);    /* by MSR and by software */
uint8_t lapic_priority(const Device *d);        /* PPR */
bool lapic_receive(Device *d, const ApicMessage *m);    /* false: not accepted */

#endif
