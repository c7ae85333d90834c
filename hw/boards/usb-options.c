/* SPDX-License-Identifier: MIT */
#include "hw/boards/usb-options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/usb/usb.h"
#include "util/bits.h"
#include "util/mem.h"
#include "util/out.h"

/* -- Buses ------------------------------------------------------------------- */

/* The n-th of the machine, or NULL. */
static USBBus *bus_at(const Machine *m, unsigned n)
{
    for (Device *d = m->devices; d; d = d->next) {
        USBBus *bus = usb_bus_of(d);

        if (bus && n-- == 0) {
            return bus;
        }
    }
    return NULL;
}

int usb_start(Machine *m, Error *err)
{
    if (!m->config.usb || bus_at(m, 0)) {
        return 0;
    }
    if (!m->pci) {
        return error_set(err, ENODEV, "-usb: %s has no place for a USB controller",
                         m->type->name);
    }
    return machine_add_device(m, "pci-ohci,id=usb", err);
}

/* -- Adding ------------------------------------------------------------------ */

/* The last port that is left is for a hub. */
static int make_room(Machine *m, Error *err)
{
    USBBus *bus = bus_at(m, 0);

    if (!bus) {
        return error_set(err, ENODEV, "%s has no USB here, add it with -usb", m->type->name);
    }
    return usb_free_ports(bus) == 1 ? machine_add_device(m, "usb-hub", err) : 0;
}

/* "if=none,id=ID,file=FILE[,format=F]", commas in the name doubled. */
static char *drive_spec(const char *id, const char *file, const char *format, int format_len)
{
    char *escaped = xzalloc(2 * strlen(file) + 1), *out = escaped;

    for (; *file; file++) {
        *out++ = *file;
        if (*file == ',') {
            *out++ = ',';
        }
    }
    char *spec = xasprintf("if=none,id=%s,file=%s%s%.*s", id, escaped,
                           format_len ? ",format=" : "", format_len, format);
    free(escaped);
    return spec;
}

static int open_drive(Machine *m, const char *id, char *spec, Error *err)
{
    int ret = drive_add(spec, IF_NONE, err);
    DriveInfo *d = ret == 0 ? drive_find(id) : NULL;

    if (d) {
        d->goes_with_device = true;
        ret = drive_open_all(m->config.snapshot, err);
    }
    if (d && ret < 0) {
        drive_del(d);
    }
    return ret;
}

/* What is behind "disk:": "[format=F]:FILE", or FILE. */
static int add_disk(Machine *m, const char *arg, Error *err)
{
    static const char key[] = "format=";
    const char *file = arg[0] == ':' ? arg + 1 : arg, *format = "";
    char id[24], device[64];
    int format_len = 0;

    if (!strncmp(arg, key, strlen(key)) && strchr(arg, ':')) {
        format = arg + strlen(key);
        format_len = (int)strcspn(format, ":");
        file = format + format_len + 1;
    }
    for (int i = 0; snprintf(id, sizeof(id), "usb-disk%d", i), drive_find(id); i++) {
    }
    if (!*file) {
        return error_set(err, EINVAL, "disk: no file is named, write disk:FILE");
    }
    char *spec = drive_spec(id, file, format, format_len);
    int ret = open_drive(m, id, spec, err);

    free(spec);
    if (ret == 0) {
        snprintf(device, sizeof(device), "usb-storage,drive=%s", id);
        ret = machine_add_device(m, device, err);
        if (ret < 0) {
            drive_del(drive_find(id));
        }
    }
    return ret;
}

int usb_device_add(Machine *m, const char *spec, Error *err)
{
    static const struct { const char *name, *type; } simple[] = {
        { "mouse", "usb-mouse" }, { "tablet", "usb-tablet" }, { "keyboard", "usb-kbd" },
    };
    static const char *const later[] = { "host", "serial", "net", "bt", "braille",
                                         "wacom-tablet" };
    size_t len = strcspn(spec, ":");
    int ret = make_room(m, err);

    if (ret < 0) {
        return error_prefix(err, ret, "-usbdevice %s", spec);
    }
    for (size_t i = 0; i < ARRAY_SIZE(simple); i++) {
        if (!strcmp(spec, simple[i].name)) {
            return machine_add_device(m, simple[i].type, err);
        }
    }
    if (!strncmp(spec, "disk:", 5)) {
        ret = add_disk(m, spec + 5, err);
        return ret < 0 ? error_prefix(err, ret, "-usbdevice") : 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
        if (strlen(later[i]) == len && !strncmp(spec, later[i], len)) {
            return error_set(err, ENOTSUP, "-usbdevice %s: not implemented", later[i]);
        }
    }
    return error_set(err, EINVAL, "-usbdevice: no device '%s'; there are mouse, tablet, keyboard"
                     " and disk:FILE", spec);
}

int usb_hotplug(Machine *m, const char *spec, Error *err)
{
    size_t len = strcspn(spec, ",");

    for (const DeviceType *const *t = device_types; *t; t++) {
        if (strlen((*t)->name) == len && !strncmp((*t)->name, spec, len) &&
            (!(*t)->bus || strcmp((*t)->bus, "usb"))) {
            return error_set(err, ENOTSUP, "%s: only USB devices can be added while the machine"
                             " runs", (*t)->name);
        }
    }
    return machine_add_device(m, spec, err);
}

/* -- Removing ---------------------------------------------------------------- */

static void remove_device(Machine *m, USBDevice *d)
{
    USBBus *bus = d->port ? d->port->bus : NULL;

    for (USBPort *p = bus ? bus->ports : NULL; p;) {
        if (p->hub == d && p->dev) {
            remove_device(m, p->dev);
            p = bus->ports;
        } else {
            p = p->next;
        }
    }
    machine_remove_device(m, &d->dev);
    for (DriveInfo *i = drive_next(NULL), *next; i; i = next) {
        next = drive_next(i);
        if (i->goes_with_device && !blk_is_attached(i->bs)) {
            drive_del(i);
        }
    }
}

int usb_device_del(Machine *m, const char *number, Error *err)
{
    unsigned n, at;
    char rest;
    bool good = sscanf(number, "%u.%u%c", &n, &at, &rest) == 2;
    USBBus *bus = good ? bus_at(m, n) : NULL;

    for (USBPort *p = bus ? bus->ports : NULL; p; p = p->next) {
        if (p->dev && p->dev->number == at) {
            remove_device(m, p->dev);
            return 0;
        }
    }
    return error_set(err, good ? ENODEV : EINVAL, good ? "usb_del: there is no device %s, see"
                     " info usb" : "usb_del: '%s' is not BUS.NUMBER, as in info usb", number);
}

int usb_hot_unplug(Machine *m, const char *id, Error *err)
{
    Device *d = machine_find(m, id);

    if (!d) {
        return error_set(err, ENODEV, "device_del: there is no device called '%s'", id);
    }
    if (!d->type->bus || strcmp(d->type->bus, "usb")) {
        return error_set(err, ENOTSUP, "device_del: %s: only USB devices can go while the machine"
                         " runs", id);
    }
    remove_device(m, (USBDevice *)d);
    return 0;
}

/* -- info usb ---------------------------------------------------------------- */

void usb_dump(const Machine *m, void (*put)(void *, const char *), void *opaque)
{
    Out o = { put, opaque };
    const USBBus *bus;

    if (!bus_at(m, 0)) {
        put(opaque, "this machine has no USB\n");
    }
    for (unsigned n = 0; (bus = bus_at(m, n)); n++) {
        for (const USBPort *p = bus->ports; p; p = p->next) {
            const USBDesc *d = p->dev ? usb_desc(p->dev) : NULL;
            char path[32];

            usb_port_path(p, path, sizeof(path));
            if (d) {
                out_printf(&o, "  Device %u.%u, Port %s, Speed %s Mb/s, Product %s%s%s\n", n,
                           p->dev->number, path, d->speed == USB_LOW_SPEED ? "1.5" : "12",
                           d->product_name, p->dev->dev.id ? ", ID: " : "",
                           p->dev->dev.id ? p->dev->dev.id : "");
            }
        }
    }
}
