/* SPDX-License-Identifier: MIT */
/*
 * A hub of eight ports (Universal Serial Bus Specification 2.0, chapter 11).
 *
 *   upstream port --> endpoint 0: port features --> status, change of each port
 *                 `-> endpoint 1 IN: bitmap of the ports that changed
 *
 * Port status and change are the words of table 11-21 and table 11-22, so that
 * a feature is a bit.  Power is switched for each port (11.11); a port without
 * it sees nothing.
 *
 * Not modelled: over-current, indicators, transaction translators, the time that
 * reset and resume take.
 */
#include "hw/usb/hub.h"

#include "hw/usb/usb.h"
#include "util/bits.h"
#include "util/log.h"

enum { NUM_PORTS = 8, EP_CHANGE = 1, DESC_HUB = 0x29 };

/* Table 11-16 */
enum { GET_STATUS = 0, CLEAR_FEATURE = 1, SET_FEATURE = 3, GET_DESCRIPTOR = 6 };
/* Table 11-17: below 16 bits of the status, then of the change. */
enum { PORT_ENABLE = 1, PORT_SUSPEND = 2, PORT_RESET = 4, PORT_POWER = 8, C_PORT_CONNECTION = 16,
       C_PORT_RESET = 20 };
enum { CONNECTED = 1 << 0, ENABLED = 1 << 1, SUSPENDED = 1 << 2, POWERED = 1 << 8,
       LOW_SPEED = 1 << 9, RESET_DONE = 1 << 4, ALL_CHANGES = 0x1f };

typedef struct Hub {
    USBDevice usb;
    USBPort port[NUM_PORTS];
    uint16_t status[NUM_PORTS], change[NUM_PORTS];
} Hub;

static Hub *hub_of(const USBPort *p)
{
    return (Hub *)p->hub;
}

/* What the words say, for the bus; and the host is told of changes. */
static void show_port(Hub *h, unsigned n)
{
    h->port[n].enabled = h->status[n] & ENABLED;
    h->port[n].suspended = (h->status[n] & SUSPENDED) != 0;
    if (h->change[n]) {
        usb_ready(&h->usb);
    }
}

static void set_status(Hub *h, unsigned n, unsigned bits_, bool on)
{
    h->status[n] = (uint16_t)(on ? h->status[n] | bits_ : h->status[n] & ~bits_);
}

static void set_change(Hub *h, unsigned n, unsigned bits_)
{
    h->change[n] = (uint16_t)(h->change[n] | bits_);
}

/* -- What devices do --------------------------------------------------------- */

static void port_attach(USBPort *p)
{
    Hub *h = hub_of(p);
    unsigned n = p->number - 1;

    if (h->status[n] & POWERED) {
        set_status(h, n, CONNECTED, true);
        set_status(h, n, LOW_SPEED, usb_desc(p->dev)->speed == USB_LOW_SPEED);
        set_change(h, n, CONNECTED);
        show_port(h, n);
    }
}

/* 11.24.2.7.2.2: disabled by a disconnect, which is told by C_PORT_CONNECTION. */
static void port_detach(USBPort *p)
{
    Hub *h = hub_of(p);
    unsigned n = p->number - 1;

    if (h->status[n] & CONNECTED) {
        set_status(h, n, CONNECTED | ENABLED | SUSPENDED | LOW_SPEED, false);
        set_change(h, n, CONNECTED);
        show_port(h, n);
    }
}

static void port_resume(USBPort *p)
{
    Hub *h = hub_of(p);
    unsigned n = p->number - 1;

    if (h->status[n] & SUSPENDED) {
        set_status(h, n, SUSPENDED, false);
        set_change(h, n, SUSPENDED);
        show_port(h, n);
    }
}

static const USBPortOps port_ops = { port_attach, port_detach, port_resume };

/* -- What the host asks ------------------------------------------------------ */

static void power_port(Hub *h, unsigned n, bool on)
{
    if (!on) {
        h->status[n] = h->change[n] = 0;
        show_port(h, n);
    } else if (!(h->status[n] & POWERED)) {
        set_status(h, n, POWERED, true);
        if (h->port[n].dev) {
            port_attach(&h->port[n]);
        }
    }
}

/* 11.24.2.13 */
static int set_port_feature(Hub *h, unsigned n, unsigned feature)
{
    bool enabled = h->status[n] & ENABLED;

    switch (feature) {
    case PORT_RESET:
        if (h->status[n] & CONNECTED) {
            usb_port_reset(&h->port[n]);
            set_status(h, n, SUSPENDED, false);
            set_status(h, n, ENABLED, true);
            set_change(h, n, RESET_DONE);
        }
        break;
    case PORT_SUSPEND:
        set_status(h, n, SUSPENDED, enabled);
        break;
    case PORT_POWER:
        power_port(h, n, true);
        break;
    default:
        return -1;
    }
    show_port(h, n);
    return 0;
}

/* 11.24.2.2 */
static int clear_port_feature(Hub *h, unsigned n, unsigned feature)
{
    if (feature >= C_PORT_CONNECTION && feature <= C_PORT_RESET) {
        h->change[n] = (uint16_t)(h->change[n] & ~(1u << (feature - C_PORT_CONNECTION)));
        return 0;
    }
    switch (feature) {
    case PORT_ENABLE:
        set_status(h, n, ENABLED | SUSPENDED, false);
        break;
    case PORT_SUSPEND:
        if (h->status[n] & SUSPENDED) {
            set_status(h, n, SUSPENDED, false);
            set_change(h, n, SUSPENDED);
        }
        break;
    case PORT_POWER:
        power_port(h, n, false);
        break;
    default:
        return -1;
    }
    show_port(h, n);
    return 0;
}

/* 11.23.2.1 */
static int hub_descriptor(uint8_t *out)
{
    static const uint8_t desc[] = {
        11, DESC_HUB, NUM_PORTS, 0x11, 0,       /* power of each port, no over-current */
        50, 0,                          /* 100 ms to power on */
        0, 0, 0xff, 0xff,               /* no device is fixed */
    };

    memcpy(out, desc, sizeof(desc));
    return sizeof(desc);
}

static int port_request(Hub *h, const USBSetup *s, uint8_t *data)
{
    unsigned n = (s->index & 0xff) - 1u;

    if (n >= NUM_PORTS) {
        return -1;
    }
    switch (s->request) {
    case GET_STATUS:
        store_le(data, h->status[n], 2);
        store_le(data + 2, h->change[n], 2);
        return 4;
    case SET_FEATURE:
        return set_port_feature(h, n, s->value);
    case CLEAR_FEATURE:
        return clear_port_feature(h, n, s->value);
    default:
        return -1;
    }
}

static int hub_control(USBDevice *d, const USBSetup *s, uint8_t *data)
{
    if ((s->type & USB_REQ_TYPE) != USB_REQ_CLASS) {
        return -1;
    }
    if ((s->type & USB_REQ_RECIPIENT) == USB_OTHER_TO) {
        return port_request((Hub *)d, s, data);
    }
    switch (s->request) {
    case GET_DESCRIPTOR:
        return hub_descriptor(data);
    case GET_STATUS:                    /* 11.24.2.6: local power good */
        store_le(data, 0, 4);
        return 4;
    case CLEAR_FEATURE:                 /* C_HUB_LOCAL_POWER, C_HUB_OVER_CURRENT */
        return s->value <= 1 ? 0 : -1;
    default:
        return -1;
    }
}

/* 11.12.4: bit 0 is the hub, the others the ports. */
static USBStatus hub_transfer(USBDevice *d, USBPacket *p)
{
    const Hub *h = (const Hub *)d;
    unsigned map = 0;

    for (unsigned n = 0; n < NUM_PORTS; n++) {
        map |= h->change[n] ? 2u << n : 0;
    }
    if (!map) {
        return USB_NAK;
    }
    p->len = MIN(p->size, 2u);
    store_le(p->data, map, p->len);
    return USB_ACK;
}

/* 11.10: all ports are powered off. */
static void hub_bus_reset(USBDevice *d)
{
    Hub *h = (Hub *)d;

    for (unsigned n = 0; n < NUM_PORTS; n++) {
        h->status[n] = h->change[n] = 0;
        h->port[n].enabled = h->port[n].suspended = false;
    }
}

/* -- The type ---------------------------------------------------------------- */

static const USBEndpoint endpoint = { 0x80 | EP_CHANGE, 3, 2, 255 };

static const USBInterface interface = {
    .class = 9, .num_endpoints = 1, .endpoints = &endpoint,
};

static const USBDesc desc = {
    .speed = USB_FULL_SPEED, .vendor = 0x0409, .product = 0x55aa, .release = 0x0101,
    .class = 9, .max_packet0 = 8, .attributes = 0x60,
    .manufacturer_name = "QEMU", .product_name = "QEMU USB Hub",
    .num_interfaces = 1, .interfaces = &interface,
};

static const USBDeviceOps hub_ops = {
    .desc = &desc,
    .control = hub_control,
    .transfer = hub_transfer,
    .reset = hub_bus_reset,
};

static int hub_realize(Device *d, Error *err)
{
    Hub *h = (Hub *)d;
    int ret = usb_plug(&h->usb, err);

    for (unsigned n = 0; ret == 0 && n < NUM_PORTS; n++) {
        usb_port_init(h->usb.port->bus, &h->port[n], &h->usb, n + 1, &port_ops);
    }
    return ret;
}

static void hub_reset(Device *d)
{
    usb_power_on(&((Hub *)d)->usb);
}

static int hub_post_load(Device *d, Error *err)
{
    Hub *h = (Hub *)d;

    for (unsigned n = 0; n < NUM_PORTS; n++) {
        h->change[n] &= ALL_CHANGES;
        h->port[n].enabled = h->status[n] & ENABLED;
        h->port[n].suspended = (h->status[n] & SUSPENDED) != 0;
    }
    return usb_device_post_load(&h->usb, err);
}

static void hub_free(Device *d)
{
    Hub *h = (Hub *)d;

    for (unsigned n = 0; n < NUM_PORTS; n++) {
        usb_port_free(&h->port[n]);
    }
    usb_unplug(&h->usb);
}

static const VMField hub_vmstate[] = {
    VM_USB_DEVICE(Hub, usb),
    VM_ARRAY(Hub, status),
    VM_ARRAY(Hub, change),
    VM_END
};

static const PropDef hub_props[] = {
    USB_PROPS(Hub, usb),
    { .name = NULL }
};

const DeviceType usb_hub_type = {
    .name           = "usb-hub",
    .desc           = "USB hub of eight ports",
    .manual         = "USB 2.0, chapter 11",
    .bus            = "usb",
    .state_size     = sizeof(Hub),
    .props          = hub_props,
    .vmstate        = hub_vmstate,
    .user_creatable = true,
    .realize        = hub_realize,
    .reset          = hub_reset,
    .post_load      = hub_post_load,
    .free           = hub_free,
    .bus_ops        = &hub_ops,
};
