/* SPDX-License-Identifier: MIT */
/*
 * USB (Universal Serial Bus Specification 2.0) at low and full speed: ports,
 * packets, devices, as controllers, hubs and devices see them.
 *
 *   guest --> controller -- usb_find(), usb_transfer() --> device
 *                ^   ports: attach, detach, resume  <------|
 *                '---------- bus->ready() <--- usb_ready() '
 *
 * A transfer is answered at once and no device keeps a packet: as on the wire,
 * who is not ready says NAK, and who has something after a NAK calls
 * usb_ready(), on which the controller looks at its schedule again.  So a
 * controller keeps nothing but its registers, the guest may take back what it
 * asked for at any time, and a snapshot holds no transfer in flight.
 *
 * A packet here may be longer than the endpoint's maximum: it stands for as
 * many as are needed.  Of `size` bytes `len` were moved, and then came:
 *   USB_ACK      all of it; IN with len < size: the last packet was short
 *   USB_NAK      not now; len is whole packets, the rest is asked for again
 *   USB_STALL    the endpoint is halted, or the request not known
 *   USB_BABBLE   more than `size`
 *   USB_SILENCE  no answer
 *
 * Controllers have a USBBus; .has_bus = "usb" and .has_bus_at say so.  They and
 * hubs have USBPorts, and say in port->enabled and port->suspended what passes.
 *
 * A device's state starts with USBDevice; its type has .bus = "usb" and
 * .bus_ops = USBDeviceOps; USB_PROPS() are among its properties.  realize()
 * ends with usb_plug(), free() begins with usb_unplug(); reset(), post_load()
 * call usb_power_on(), usb_device_post_load(); VM_USB_DEVICE() is in its vmstate.
 * Control requests of chapter 9 are answered from its USBDesc.
 *
 * Threads: with the global lock.
 */
#ifndef HW_USB_USB_H
#define HW_USB_USB_H

#include "hw/core/device.h"

typedef struct USBBus USBBus;
typedef struct USBPort USBPort;
typedef struct USBDevice USBDevice;

/* PIDs, table 8-1. */
typedef enum USBToken { USB_OUT = 0xe1, USB_IN = 0x69, USB_SETUP = 0x2d } USBToken;
typedef enum USBStatus { USB_ACK, USB_NAK, USB_STALL, USB_BABBLE, USB_SILENCE } USBStatus;
typedef enum USBSpeed { USB_LOW_SPEED, USB_FULL_SPEED } USBSpeed;

typedef struct USBPacket {
    USBToken token;
    uint8_t ep;                         /* 0 to 15 */
    uint8_t *data;
    uint32_t size, len;
} USBPacket;

/* -- For controllers and hubs ------------------------------------------------ */

typedef struct USBPortOps {
    void (*attach)(USBPort *p);         /* p->dev is there */
    void (*detach)(USBPort *p);         /* p->dev is about to go */
    void (*resume)(USBPort *p);         /* the device signals resume, 7.1.7.7 */
} USBPortOps;

struct USBPort {
    const USBPortOps *ops;
    USBBus *bus;
    USBDevice *hub;                     /* it belongs to; NULL: root */
    unsigned number;                    /* from 1 */
    USBDevice *dev;
    bool enabled, suspended;
    USBPort *next;                      /* all of the bus, root ports first */
};

struct USBBus {
    Device *host;
    void (*ready)(USBBus *bus);         /* comes at any time, just sets a timer */
    USBPort *ports;
    bool suspended;                     /* by the controller: nothing passes */
};

void usb_bus_init(USBBus *bus, Device *host, void (*ready)(USBBus *bus));
/* In free(): devices stay, without a bus. */
void usb_bus_free(USBBus *bus);
void usb_port_init(USBBus *bus, USBPort *p, USBDevice *hub, unsigned number,
                   const USBPortOps *ops);
/* What is attached comes off. */
void usb_port_free(USBPort *p);
/* Reset signalling, 7.1.7.5: the device has address 0 again. */
void usb_port_reset(USBPort *p);

/* Who hears a token for that address; NULL: nobody. */
USBDevice *usb_find(const USBBus *bus, unsigned address);
USBStatus usb_transfer(USBDevice *d, USBPacket *p);
/* Bytes of a packet of that endpoint, at least 1. */
unsigned usb_max_packet(const USBDevice *d, USBToken token, unsigned ep);

/* -- For devices ------------------------------------------------------------- */

typedef struct USBEndpoint {            /* 9.6.6 */
    uint8_t address;                    /* 0x80: IN */
    uint8_t attributes;                 /* 1 isochronous, 2 bulk, 3 interrupt */
    uint16_t max_packet;
    uint8_t interval;                   /* ms */
} USBEndpoint;

typedef struct USBInterface {           /* 9.6.5; alternate setting 0 only */
    uint8_t class, subclass, protocol;
    const uint8_t *extra;               /* a class descriptor, type extra[1] */
    const uint8_t *report;              /* HID report descriptor, or NULL */
    uint16_t report_len;
    uint8_t num_endpoints;
    const USBEndpoint *endpoints;
} USBInterface;

typedef struct USBDesc {                /* 9.6.1, 9.6.3: one configuration */
    USBSpeed speed;
    uint16_t vendor, product, release;
    uint8_t class, subclass, protocol, max_packet0;
    uint8_t attributes;                 /* 0x40 self-powered, 0x20 remote wake-up */
    uint8_t max_power;                  /* 2 mA */
    const char *manufacturer_name, *product_name;
    uint8_t num_interfaces;
    const USBInterface *interfaces;
} USBDesc;

typedef struct USBSetup {               /* table 9-2 */
    uint8_t type, request;
    uint16_t value, index, length;
} USBSetup;

enum { USB_REQ_TO_HOST = 0x80, USB_REQ_TYPE = 0x60, USB_REQ_CLASS = 0x20,
       USB_REQ_RECIPIENT = 0x1f, USB_DEVICE_TO = 0, USB_INTERFACE_TO = 1,
       USB_ENDPOINT_TO = 2, USB_OTHER_TO = 3 };
enum { USB_CONTROL_MAX = 512, USB_SERIAL_MAX = 24, USB_MAX_TIERS = 5 };

typedef struct USBDeviceOps {
    const USBDesc *desc;
    /* A request that chapter 9 does not answer.  To the host: up to s->length
     * bytes into data (USB_CONTROL_MAX), return how many; to the device: data
     * has s->length, return 0; less than 0: STALL. */
    int (*control)(USBDevice *d, const USBSetup *s, uint8_t *data);
    /* An endpoint of the descriptors, not halted; fills in p->len. */
    USBStatus (*transfer)(USBDevice *d, USBPacket *p);
    void (*reset)(USBDevice *d);        /* power-on, or reset signalling */
    void (*configured)(USBDevice *d);   /* d->config is another now; or NULL */
} USBDeviceOps;

struct USBDevice {
    Device dev;
    Device *link;                       /* properties */
    char *path;
    USBPort *port;                      /* NULL: not attached */
    uint8_t number;                     /* of the bus, for people: from 1 */
    char serial[USB_SERIAL_MAX];        /* string 3; "": none */
    /* Saved: */
    uint8_t address, config, remote_wakeup;
    uint16_t halted_in, halted_out;     /* by endpoint */
    uint8_t stage, setup[8];
    uint16_t data_len, data_pos;
    uint8_t data[USB_CONTROL_MAX];
};

extern const VMField usb_device_vmstate[];
#define VM_USB_DEVICE(type, m) VM_STRUCTS(type, m, 1, usb_device_vmstate)
#define USB_PROPS(type, m)                                                        \
    { "bus", PROP_LINK, offsetof(type, m.link), 0, "the controller; default: the first" }, \
    { "port", PROP_STRING, offsetof(type, m.path), 0,                             \
      "\"1\", behind a hub \"1.2\"; default: a free one" }

int usb_plug(USBDevice *d, Error *err);
void usb_unplug(USBDevice *d);
void usb_power_on(USBDevice *d);
int usb_device_post_load(USBDevice *d, Error *err);
/* There is an answer other than NAK now.  Never from inside transfer(). */
void usb_ready(USBDevice *d);
/* STALL from now on, until the host clears it. */
void usb_halt(USBDevice *d, USBToken token, unsigned ep);

/* -- For people -------------------------------------------------------------- */

/* "1.2" */
void usb_port_path(const USBPort *p, char *buf, size_t len);
unsigned usb_free_ports(const USBBus *bus);
USBBus *usb_bus_of(Device *controller);         /* NULL: it has none */
const USBDesc *usb_desc(const USBDevice *d);

#endif
