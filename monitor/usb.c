/* SPDX-License-Identifier: MIT */
/* Commands about USB, and about devices that come and go. */
#include "hw/boards/usb-options.h"
#include "monitor/command.h"

static void try(Monitor *mon, const char *arg, int (*fn)(Machine *m, const char *arg, Error *err))
{
    Error err;

    if (fn(mon->ops.machine, arg, &err) < 0) {
        monitor_error(mon, &err);
    }
}

void cmd_usb_add(Monitor *mon, const Args *a)
{
    try(mon, a->v[0].s, usb_device_add);
}

void cmd_usb_del(Monitor *mon, const Args *a)
{
    try(mon, a->v[0].s, usb_device_del);
}

void cmd_device_add(Monitor *mon, const Args *a)
{
    try(mon, a->v[0].s, usb_hotplug);
}

void cmd_device_del(Monitor *mon, const Args *a)
{
    try(mon, a->v[0].s, usb_hot_unplug);
}

void info_usb(Monitor *mon, const Args *a)
{
    (void)a;
    usb_dump(mon->ops.machine, monitor_put, mon);
}
