/* SPDX-License-Identifier: MIT */
/*
 * S3C2440A LCD controller.
 *
 * Window 0: the registers; window 1: the palette, at 400h.  Output 0: the interrupt, as a level.
 * Properties: "clock", the s3c2440-clock; "width" and "height" of the panel, for
 * its dark picture before the guest has programmed one; "leds", the board's lamps,
 * and "backlight", the name of that of the panel, see hw/display/edge.h.
 */
#ifndef HW_S3C24XX_LCD_H
#define HW_S3C24XX_LCD_H

#include "hw/core/device.h"

extern const DeviceType s3c2440_lcd_type;

#endif
