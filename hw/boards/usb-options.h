/* SPDX-License-Identifier: MIT */
/*
 * USB for people: -usb, -usbdevice, and the monitor's usb_add, usb_del, info usb,
 * device_add and device_del.
 *
 *   mouse, tablet, keyboard
 *   disk:FILE, disk:format=FORMAT:FILE, disk::FILE
 *
 * A device is known as BUS.NUMBER, "0.1": buses in the order of their
 * controllers, numbers from 1 and for as long as the device is there, whatever
 * address the guest gives it.  When one port is left, a hub takes it.
 */
#ifndef HW_BOARDS_USB_OPTIONS_H
#define HW_BOARDS_USB_OPTIONS_H

#include "hw/boards/machine.h"

/* After machine_new(): a controller, if config.usb wants one and there is none. */
int usb_start(Machine *m, Error *err);
/* While the machine is built, and while it runs. */
int usb_device_add(Machine *m, const char *spec, Error *err);
int usb_device_del(Machine *m, const char *number, Error *err);
/* -device of a machine that runs, and what takes it away by its id. */
int usb_hotplug(Machine *m, const char *spec, Error *err);
int usb_hot_unplug(Machine *m, const char *id, Error *err);
void usb_dump(const Machine *m, void (*put)(void *, const char *), void *opaque);

#endif
