/* SPDX-License-Identifier: MIT */
/*
 * A controller without registers, for tests of USB devices: two root ports, of
 * which a test does the reset, and the stages of control transfers.
 */
#ifndef TESTS_UNIT_USB_RIG_H
#define TESTS_UNIT_USB_RIG_H

#include "hw/usb/usb.h"
#include "tests/unit/chip-test.h"
#include "util/bits.h"

enum { RIG_PORTS = 2 };

typedef struct Rig {
    Device dev;
    USBBus bus;
    USBPort port[RIG_PORTS];
    int attached[RIG_PORTS], detached[RIG_PORTS], resumed[RIG_PORTS], ready;
} Rig;

static inline Rig *rig_of(const USBPort *p)
{
    return (Rig *)p->bus->host;
}

static inline void rig_attach(USBPort *p) { rig_of(p)->attached[p->number - 1]++; }
static inline void rig_detach(USBPort *p)
{
    p->enabled = false;
    rig_of(p)->detached[p->number - 1]++;
}
static inline void rig_resume(USBPort *p) { rig_of(p)->resumed[p->number - 1]++; }
static inline void rig_ready(USBBus *bus) { ((Rig *)bus->host)->ready++; }

static const USBPortOps rig_port_ops = { rig_attach, rig_detach, rig_resume };

static inline void rig_init(Device *d)
{
    Rig *r = (Rig *)d;

    usb_bus_init(&r->bus, d, rig_ready);
    for (unsigned i = 0; i < RIG_PORTS; i++) {
        usb_port_init(&r->bus, &r->port[i], NULL, i + 1, &rig_port_ops);
    }
}

static inline void rig_free(Device *d)
{
    usb_bus_free(&((Rig *)d)->bus);
}

static const DeviceType rig_type = {
    .name = "test-usb", .desc = "for tests", .bus = "sys", .has_bus = "usb",
    .has_bus_at = offsetof(Rig, bus), .state_size = sizeof(Rig), .init = rig_init,
    .free = rig_free,
};

static inline Rig *rig_new(void)
{
    return (Rig *)chip_new(&rig_type);
}

/* A device on the controller; prop NULL: no more properties. */
static inline USBDevice *rig_plug(Device *host, const DeviceType *t, const char *prop, void *link)
{
    Device *d = device_new(t, NULL, &clock_, NULL, NULL);
    Error err = { "" };

    chip_link(d, "bus", host);
    if (prop) {
        chip_link(d, prop, link);
    }
    CHECK_EQ(device_realize(d, &err), 0);
    if (err.msg[0]) {
        printf("# %s\n", err.msg);
    }
    device_reset(d);
    return (USBDevice *)d;
}

static inline void rig_reset_port(USBPort *p)
{
    usb_port_reset(p);
    p->enabled = true;
}

static inline USBStatus rig_packet(USBDevice *d, USBToken token, unsigned ep, void *data,
                                   uint32_t size, uint32_t *len)
{
    USBPacket p = { .token = token, .ep = (uint8_t)ep, .data = data, .size = size };
    USBStatus status = usb_transfer(d, &p);

    *len = p.len;
    return status;
}

/* A control transfer in packets of max_packet0; bytes moved, or -1 for STALL. */
static inline int rig_control(USBDevice *d, unsigned type, unsigned request, unsigned value,
                              unsigned index, unsigned length, void *data)
{
    unsigned max = usb_max_packet(d, USB_IN, 0), done = 0;
    bool in = type & USB_REQ_TO_HOST;
    uint8_t setup[8] = { (uint8_t)type, (uint8_t)request };
    uint32_t len;

    store_le(setup + 2, value, 2);
    store_le(setup + 4, index, 2);
    store_le(setup + 6, length, 2);
    CHECK_EQ(rig_packet(d, USB_SETUP, 0, setup, 8, &len), USB_ACK);
    CHECK_EQ(len, 8);
    while (done < length) {
        uint32_t n = MIN(max, length - done);
        USBStatus status = rig_packet(d, in ? USB_IN : USB_OUT, 0, (uint8_t *)data + done, n,
                                      &len);

        if (status == USB_STALL) {
            return -1;
        }
        CHECK_EQ(status, USB_ACK);
        done += len;
        if (len < max) {
            break;
        }
    }
    USBStatus status = rig_packet(d, in && length ? USB_OUT : USB_IN, 0, setup, 0, &len);
    CHECK_EQ(len, 0);
    return status == USB_ACK ? (int)done : -1;
}

/* Reset, address, configuration: the device works. */
static inline void rig_configure(USBPort *p, unsigned address)
{
    rig_reset_port(p);
    CHECK_EQ(rig_control(p->dev, 0x00, 5, address, 0, 0, NULL), 0);
    CHECK_EQ(rig_control(p->dev, 0x00, 9, 1, 0, 0, NULL), 0);
}

#endif
