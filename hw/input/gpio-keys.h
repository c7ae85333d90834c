/* SPDX-License-Identifier: MIT */
/*
 * Keys of a board, each on a wire of its own, pressed by keys of the user's
 * keyboard.
 *
 * Property "keys": names as in sendkey, separated by spaces; output n is the nth
 * of them, 0 while it is held down ("active_low=off": 1).  A keyboard that is
 * plugged in later gets the user's keys instead.
 */
#ifndef HW_INPUT_GPIO_KEYS_H
#define HW_INPUT_GPIO_KEYS_H

#include "hw/core/device.h"

enum { GPIO_KEYS_MAX = 16 };

extern const DeviceType gpio_keys_type;

#endif
