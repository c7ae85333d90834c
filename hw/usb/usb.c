/* SPDX-License-Identifier: MIT */
/*
 * The USB (Universal Serial Bus Specification 2.0): who is on it, which way is
 * open, who hears a token.
 *
 *   root port 1 -- hub -- port 1 -- keyboard      path "1.1"
 *                     \-- port 2                       "1.2"
 *   root port 2 -- stick                               "2"
 *
 * A token reaches every device to which all ports on the way are enabled and
 * not suspended; the one with that address answers.
 *
 * Not modelled: data toggles (nothing is ever lost), high speed, the time that
 * reset and resume take, power budgets.
 */
#include "hw/usb/usb.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hw/usb/usb-int.h"
#include "util/bits.h"
#include "util/log.h"

/* -- Ports ------------------------------------------------------------------- */

void usb_bus_init(USBBus *bus, Device *host, void (*ready)(USBBus *bus))
{
    *bus = (USBBus){ .host = host, .ready = ready };
}

void usb_port_init(USBBus *bus, USBPort *p, USBDevice *hub, unsigned number,
                   const USBPortOps *ops)
{
    USBPort **at = &bus->ports;

    *p = (USBPort){ .ops = ops, .bus = bus, .hub = hub, .number = number };
    while (*at) {
        at = &(*at)->next;
    }
    *at = p;
}

void usb_port_free(USBPort *p)
{
    if (!p->bus) {
        return;
    }
    if (p->dev) {
        p->dev->port = NULL;
        p->dev->dev.parent_bus = NULL;
        p->dev = NULL;
    }
    for (USBPort **at = &p->bus->ports; *at; at = &(*at)->next) {
        if (*at == p) {
            *at = p->next;
            break;
        }
    }
    p->bus = NULL;
}

void usb_bus_free(USBBus *bus)
{
    while (bus->ports) {
        usb_port_free(bus->ports);
    }
}

static void bus_reset(USBDevice *d)
{
    d->address = d->remote_wakeup = 0;
    d->halted_in = d->halted_out = 0;
    d->stage = STAGE_IDLE;
    memset(d->setup, 0, sizeof(d->setup));
    memset(d->data, 0, sizeof(d->data));
    d->data_len = d->data_pos = 0;
    usb_set_config(d, 0);
    if (usb_ops(d)->reset) {
        usb_ops(d)->reset(d);
    }
}

void usb_port_reset(USBPort *p)
{
    p->suspended = false;
    if (p->dev) {
        bus_reset(p->dev);
    }
}

void usb_port_path(const USBPort *p, char *buf, size_t len)
{
    char up[32] = "";

    if (p->hub && p->hub->port) {
        usb_port_path(p->hub->port, up, sizeof(up));
    }
    snprintf(buf, len, "%s%s%u", up, up[0] ? "." : "", p->number);
}

static unsigned tier(const USBPort *p)
{
    return p->hub && p->hub->port ? 1 + tier(p->hub->port) : 1;
}

unsigned usb_free_ports(const USBBus *bus)
{
    unsigned n = 0;

    for (const USBPort *p = bus->ports; p; p = p->next) {
        n += !p->dev && tier(p) <= USB_MAX_TIERS;
    }
    return n;
}

USBBus *usb_bus_of(Device *controller)
{
    if (!controller || !controller->type->has_bus || strcmp(controller->type->has_bus, "usb")) {
        return NULL;
    }
    return (USBBus *)(void *)((char *)controller + controller->type->has_bus_at);
}

/* -- Tokens ------------------------------------------------------------------ */

static bool is_open(const USBPort *p)
{
    return p->enabled && !p->suspended && (!p->hub || (p->hub->port && is_open(p->hub->port)));
}

USBDevice *usb_find(const USBBus *bus, unsigned address)
{
    for (const USBPort *p = bus->suspended ? NULL : bus->ports; p; p = p->next) {
        if (p->dev && p->dev->address == address && is_open(p)) {
            return p->dev;
        }
    }
    return NULL;
}

unsigned usb_max_packet(const USBDevice *d, USBToken token, unsigned ep)
{
    const USBEndpoint *e = ep ? usb_endpoint(d, token == USB_IN, ep) : NULL;

    return e ? e->max_packet : usb_desc(d)->max_packet0;
}

USBStatus usb_transfer(USBDevice *d, USBPacket *p)
{
    bool in = p->token == USB_IN;
    uint16_t halted = in ? d->halted_in : d->halted_out;

    p->len = 0;
    if (p->ep == 0) {
        return usb_control(d, p);
    }
    if (p->token == USB_SETUP || !d->config || !usb_endpoint(d, in, p->ep)) {
        log_guest(d->dev.type->name, "there is no endpoint %u %s", p->ep, in ? "IN" : "OUT");
        return USB_SILENCE;
    }
    if (halted >> p->ep & 1) {
        return USB_STALL;
    }
    USBStatus status = usb_ops(d)->transfer(d, p);
    assert(p->len <= p->size);
    return status;
}

void usb_halt(USBDevice *d, USBToken token, unsigned ep)
{
    uint16_t *halted = token == USB_IN ? &d->halted_in : &d->halted_out;

    *halted = (uint16_t)(*halted | 1u << ep);
}

/* 7.1.7.7: a resume signal goes up to the first port that is not suspended. */
void usb_ready(USBDevice *d)
{
    USBPort *p = d->port, *asleep = NULL;

    if (!p) {
        return;
    }
    for (USBPort *q = p; q; q = q->hub ? q->hub->port : NULL) {
        if (q->suspended || (!q->hub && q->bus->suspended)) {
            asleep = q;
        }
    }
    if (!asleep) {
        p->bus->ready(p->bus);
    } else if (d->remote_wakeup) {
        asleep->ops->resume(asleep);
    }
}

/* -- Devices come and go ----------------------------------------------------- */

static int find_port(USBDevice *d, USBBus *bus, USBPort **port, Error *err)
{
    const char *name = d->dev.type->name;
    char path[32];

    for (USBPort *p = bus->ports; p; p = p->next) {
        usb_port_path(p, path, sizeof(path));
        if (d->path ? strcmp(path, d->path) : p->dev || tier(p) > USB_MAX_TIERS) {
            continue;
        }
        if (p->dev) {
            return error_set(err, EBUSY, "%s: port=%s is taken, choose another", name, path);
        }
        if (tier(p) > USB_MAX_TIERS) {
            return error_set(err, EINVAL, "%s: port=%s: at most %d hubs in a row", name, path,
                             USB_MAX_TIERS - 1);
        }
        *port = p;
        return 0;
    }
    if (d->path) {
        return error_set(err, ENOENT, "%s: there is no port=%s", name, d->path);
    }
    return error_set(err, ENOSPC, "%s: all USB ports are taken, add a usb-hub in place of a"
                     " device", name);
}

/* The lowest number that nobody has, so that "0.1" stays what it is. */
static uint8_t choose_number(const USBBus *bus)
{
    uint8_t n = 1;

    for (const USBPort *p = bus->ports; p;) {
        if (p->dev && p->dev->number == n) {
            n++;
            p = bus->ports;
        } else {
            p = p->next;
        }
    }
    return n;
}

int usb_plug(USBDevice *d, Error *err)
{
    USBBus *bus = usb_bus_of(d->link);

    if (!bus) {
        return error_set(err, EINVAL, "%s: there is no USB here: add it with -usb, or name"
                         " a controller with bus=", d->dev.type->name);
    }
    int ret = find_port(d, bus, &d->port, err);
    if (ret < 0) {
        return ret;
    }
    d->number = choose_number(bus);
    d->dev.parent_bus = bus->host;
    d->port->dev = d;
    bus_reset(d);
    d->port->ops->attach(d->port);
    return 0;
}

void usb_unplug(USBDevice *d)
{
    USBPort *p = d->port;

    if (p) {
        p->ops->detach(p);
        p->dev = NULL;
        p->suspended = false;
    }
    d->port = NULL;
    d->dev.parent_bus = NULL;
    usb_set_config(d, 0);
}

void usb_power_on(USBDevice *d)
{
    bus_reset(d);
}

int usb_device_post_load(USBDevice *d, Error *err)
{
    if (d->stage >= NUM_STAGES || d->data_len > sizeof(d->data) || d->data_pos > d->data_len ||
        d->address > 127 || d->config > 1) {
        return error_set(err, EINVAL, "%s: the snapshot is damaged", d->dev.type->name);
    }
    d->remote_wakeup = d->remote_wakeup != 0;
    if (usb_ops(d)->configured) {
        usb_ops(d)->configured(d);
    }
    return 0;
}

const VMField usb_device_vmstate[] = {
    VM_FIELD(USBDevice, address),
    VM_FIELD(USBDevice, config),
    VM_FIELD(USBDevice, remote_wakeup),
    VM_FIELD(USBDevice, halted_in),
    VM_FIELD(USBDevice, halted_out),
    VM_FIELD(USBDevice, stage),
    VM_ARRAY(USBDevice, setup),
    VM_FIELD(USBDevice, data_len),
    VM_FIELD(USBDevice, data_pos),
    VM_ARRAY(USBDevice, data),
    VM_END
};
