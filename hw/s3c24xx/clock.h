/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A clock and power management.
 *
 * Window 0: the registers.  Inputs S3C_CLOCK_IN_xxx: what wakes from sleep mode,
 * on a rising edge.  Outputs: IDLE, a pulse: the processor stops until an
 * interrupt; SLEEP, 1 while all but the RTC and the pins is without power; WAKE,
 * a pulse at the end of that, which resets the chip.
 *
 * Chips that count clock cycles have a property "clock", a link to this device,
 * ask s3c_clock_hz() each time, and hear of changes by a listener: changing()
 * while the old frequencies still hold, then changed().  Without a link (NULL)
 * the frequencies are those a boot loader sets.
 */
#ifndef HW_S3C24XX_CLOCK_H
#define HW_S3C24XX_CLOCK_H

#include "hw/core/device.h"

enum { S3C_CLOCK_IN_EINT, S3C_CLOCK_IN_ALARM, S3C_CLOCK_NUM_INPUTS };
enum { S3C_CLOCK_OUT_IDLE, S3C_CLOCK_OUT_SLEEP, S3C_CLOCK_OUT_WAKE, S3C_CLOCK_NUM_OUTPUTS };

typedef enum S3cClockId {
    S3C_FIN,                            /* the crystal */
    S3C_FCLK,                           /* the processor */
    S3C_HCLK,                           /* AHB: LCD, DMA, NAND, memory */
    S3C_PCLK,                           /* APB: timers, UARTs, the others */
    S3C_UCLK,                           /* USB */
    S3C_CAMCLK,                         /* CAMCLKOUT */
    S3C_NUM_CLOCKS
} S3cClockId;

typedef struct S3cClockListener {
    void (*changing)(void *opaque);     /* or NULL */
    void (*changed)(void *opaque);      /* or NULL */
    void *opaque;
    struct S3cClockListener *next;
} S3cClockListener;

extern const DeviceType s3c2440_clock_type;

/* In Hz, never 0. */
uint32_t s3c_clock_hz(const Device *clock, S3cClockId which);
/* From realize(); the storage is the caller's and lives as long as the clock.
 * clock may be NULL: nothing changes. */
void s3c_clock_listen(Device *clock, S3cClockListener *l);

static inline uint32_t s3c_pclk(const Device *clock)
{
    return s3c_clock_hz(clock, S3C_PCLK);
}

static inline uint32_t s3c_hclk(const Device *clock)
{
    return s3c_clock_hz(clock, S3C_HCLK);
}

#endif
