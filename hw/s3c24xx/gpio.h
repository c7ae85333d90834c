/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A I/O ports, external interrupts and chip status.
 *
 * Window 0: the registers.  Inputs: the pins, S3C_PIN(port, n), as driven from
 * outside; one that nobody has driven is pulled up, or low without the pull-up.
 * Then TOUT0 to TOUT3 of the timers, which leave by GPB0 to GPB3, and two causes
 * of reset, which are told to GSTATUS2 and passed on to RESET.
 *
 * Outputs: the external interrupts for the interrupt controller (0 to 3 alone,
 * 4-7, 8-23); WAKE, a pulse when one of 0 to 15 comes; RESET; and the levels of
 * all pins, at S3C_GPIO_OUT_PIN0 + S3C_PIN(port, n).
 */
#ifndef HW_S3C24XX_GPIO_H
#define HW_S3C24XX_GPIO_H

#include "hw/core/device.h"

/* Numbers of the first pins. */
enum { S3C_GPA, S3C_GPB = 25, S3C_GPC = S3C_GPB + 11, S3C_GPD = S3C_GPC + 16,
       S3C_GPE = S3C_GPD + 16, S3C_GPF = S3C_GPE + 16, S3C_GPG = S3C_GPF + 8,
       S3C_GPH = S3C_GPG + 16, S3C_GPJ = S3C_GPH + 11, S3C_NUM_PINS = S3C_GPJ + 13 };

/* S3C_PIN(B, 5) is GPB5; S3C_PIN_EINT(8) is GPG0. */
#define S3C_PIN(port, n) (S3C_GP##port + (n))
#define S3C_PIN_EINT(n) ((n) < 8 ? S3C_PIN(F, n) : S3C_PIN(G, (n) - 8))

enum { S3C_GPIO_IN_TOUT0 = S3C_NUM_PINS, S3C_GPIO_IN_WATCHDOG = S3C_GPIO_IN_TOUT0 + 4,
       S3C_GPIO_IN_WAKEUP, S3C_GPIO_NUM_INPUTS };
enum { S3C_GPIO_OUT_EINT0, S3C_GPIO_OUT_EINT1, S3C_GPIO_OUT_EINT2, S3C_GPIO_OUT_EINT3,
       S3C_GPIO_OUT_EINT4_7, S3C_GPIO_OUT_EINT8_23, S3C_GPIO_OUT_WAKE, S3C_GPIO_OUT_RESET,
       S3C_GPIO_OUT_PIN0, S3C_GPIO_NUM_OUTPUTS = S3C_GPIO_OUT_PIN0 + S3C_NUM_PINS };

/* GSTATUS2: what reset it last. */
enum { S3C_GSTATUS2_POWER_ON = 1, S3C_GSTATUS2_SLEEP = 2, S3C_GSTATUS2_WATCHDOG = 4 };
enum { S3C_GSTATUS2 = 0xb4, S3C_GSTATUS3 = 0xb8 };

extern const DeviceType s3c2440_gpio_type;

#endif
