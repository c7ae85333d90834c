/* SPDX-License-Identifier: MIT */
/*
 * What a board shows by itself: lamps, a buzzer.
 *
 * Property "names": one per input, separated by spaces; a name that begins with
 * "!" is of one that is on while its wire is low.  leds_get() is for monitors and
 * displays.  What has changed twice within LED_SEEN_NS is on: an eye sees a lamp
 * that flickers as lit, and a wire at rest does not sound.
 */
#ifndef HW_MISC_LEDS_H
#define HW_MISC_LEDS_H

#include "hw/core/device.h"

enum { LEDS_MAX = 16 };
#define LED_SEEN_NS (50 * NS_PER_MS)

typedef struct Led {
    const char *name;
    bool on;
    uint64_t changes;                   /* since power on, of its wire */
} Led;

extern const DeviceType leds_type;

/* Number n of the device; false if it has no such, or is no "leds". */
bool leds_get(const Device *d, int n, Led *led);

#endif
