/* SPDX-License-Identifier: MIT */
/*
 * The default control pipe of every USB device: the stages of a control
 * transfer (Universal Serial Bus Specification 2.0, 8.5.3) and the standard
 * requests (9.4), answered from descriptor tables.
 *
 *   SETUP --> IN data ... --> OUT status        a request to the host
 *        \--> OUT data .. --> IN status         to the device
 *         \-----------------> IN status         without data
 *
 * A request to the host is carried out at SETUP, one with data when these are
 * complete; an error is a STALL at the token that follows.  A new address
 * counts after the status stage (9.4.6).
 *
 * Not modelled: more than one configuration or alternate setting, test modes.
 */
#include <string.h>

#include "hw/usb/usb-int.h"
#include "util/bits.h"
#include "util/log.h"

/* Table 9-4, table 9-5, table 9-6. */
enum { GET_STATUS = 0, CLEAR_FEATURE = 1, SET_FEATURE = 3, SET_ADDRESS = 5,
       GET_DESCRIPTOR = 6, GET_CONFIGURATION = 8, SET_CONFIGURATION = 9,
       GET_INTERFACE = 10, SET_INTERFACE = 11 };
enum { DESC_DEVICE = 1, DESC_CONFIGURATION = 2, DESC_STRING = 3, DESC_INTERFACE = 4,
       DESC_ENDPOINT = 5, DESC_REPORT = 0x22 };
enum { FEATURE_ENDPOINT_HALT = 0, FEATURE_REMOTE_WAKEUP = 1 };
enum { STRING_LANGUAGES, STRING_MANUFACTURER, STRING_PRODUCT, STRING_SERIAL };
enum { ENGLISH_US = 0x0409, BUS_POWERED = 0x80, SELF_POWERED = 0x40, CAN_WAKE = 0x20 };

const USBDesc *usb_desc(const USBDevice *d)
{
    return usb_ops(d)->desc;
}

const USBEndpoint *usb_endpoint(const USBDevice *d, bool in, unsigned ep)
{
    const USBDesc *t = usb_desc(d);
    unsigned address = ep | (in ? 0x80 : 0);

    for (unsigned i = 0; i < t->num_interfaces; i++) {
        for (unsigned k = 0; k < t->interfaces[i].num_endpoints; k++) {
            if (t->interfaces[i].endpoints[k].address == address) {
                return &t->interfaces[i].endpoints[k];
            }
        }
    }
    return NULL;
}

void usb_set_config(USBDevice *d, uint8_t config)
{
    bool changed = d->config != config;

    d->config = config;
    d->halted_in = d->halted_out = 0;
    if (changed && usb_ops(d)->configured) {
        usb_ops(d)->configured(d);
    }
}

/* -- Descriptors ------------------------------------------------------------- */

/* 9.6.1 */
static int device_descriptor(const USBDevice *d, uint8_t *out)
{
    const USBDesc *t = usb_desc(d);

    memset(out, 0, 18);
    out[0] = 18;
    out[1] = DESC_DEVICE;
    store_le(out + 2, 0x0110, 2);       /* full speed only: no other speed to tell of */
    out[4] = t->class;
    out[5] = t->subclass;
    out[6] = t->protocol;
    out[7] = t->max_packet0;
    store_le(out + 8, t->vendor, 2);
    store_le(out + 10, t->product, 2);
    store_le(out + 12, t->release, 2);
    out[14] = STRING_MANUFACTURER;
    out[15] = STRING_PRODUCT;
    out[16] = d->serial[0] ? STRING_SERIAL : 0;
    out[17] = 1;
    return 18;
}

/* 9.6.5, 9.6.6: an interface and what belongs to it. */
static unsigned put_interface(const USBInterface *f, unsigned number, uint8_t *out)
{
    const uint8_t head[] = { 9, DESC_INTERFACE, (uint8_t)number, 0, f->num_endpoints, f->class,
                             f->subclass, f->protocol, 0 };
    unsigned n = sizeof(head);

    memcpy(out, head, n);
    if (f->extra) {
        memcpy(out + n, f->extra, f->extra[0]);
        n += f->extra[0];
    }
    for (unsigned i = 0; i < f->num_endpoints; i++, n += 7) {
        const USBEndpoint *e = &f->endpoints[i];

        out[n] = 7;
        out[n + 1] = DESC_ENDPOINT;
        out[n + 2] = e->address;
        out[n + 3] = e->attributes;
        store_le(out + n + 4, e->max_packet, 2);
        out[n + 6] = e->interval;
    }
    return n;
}

/* 9.6.3 */
static int configuration_descriptor(const USBDevice *d, uint8_t *out)
{
    const USBDesc *t = usb_desc(d);
    unsigned n = 9;

    for (unsigned i = 0; i < t->num_interfaces; i++) {
        n += put_interface(&t->interfaces[i], i, out + n);
    }
    out[0] = 9;
    out[1] = DESC_CONFIGURATION;
    store_le(out + 2, n, 2);
    out[4] = t->num_interfaces;
    out[5] = 1;
    out[6] = 0;
    out[7] = BUS_POWERED | t->attributes;
    out[8] = t->max_power;
    return (int)n;
}

/* 9.6.7: UTF-16. */
static int string_descriptor(const USBDevice *d, unsigned index, uint8_t *out)
{
    const char *text = index == STRING_MANUFACTURER ? usb_desc(d)->manufacturer_name :
                       index == STRING_PRODUCT ? usb_desc(d)->product_name :
                       index == STRING_SERIAL && d->serial[0] ? d->serial : NULL;
    unsigned n = 2;

    out[1] = DESC_STRING;
    if (index == STRING_LANGUAGES) {
        store_le(out + 2, ENGLISH_US, 2);
        n = 4;
    } else if (!text) {
        return -1;
    }
    for (; text && *text && n < 254; n += 2) {
        store_le(out + n, (uint8_t)*text++, 2);
    }
    out[0] = (uint8_t)n;
    return (int)n;
}

/* HID 1.11, 7.1.1: class descriptors are asked of the interface. */
static int interface_descriptor(const USBDevice *d, const USBSetup *s, uint8_t *out)
{
    const USBDesc *t = usb_desc(d);
    const USBInterface *f = s->index < t->num_interfaces ? &t->interfaces[s->index] : NULL;
    unsigned type = s->value >> 8;

    if (f && type == DESC_REPORT && f->report && f->report_len <= USB_CONTROL_MAX) {
        memcpy(out, f->report, f->report_len);
        return f->report_len;
    }
    if (f && f->extra && type == f->extra[1]) {
        memcpy(out, f->extra, f->extra[0]);
        return f->extra[0];
    }
    return -1;
}

static int get_descriptor(const USBDevice *d, const USBSetup *s, uint8_t *out)
{
    if ((s->type & USB_REQ_RECIPIENT) == USB_INTERFACE_TO) {
        return interface_descriptor(d, s, out);
    }
    switch (s->value >> 8) {
    case DESC_DEVICE:
        return device_descriptor(d, out);
    case DESC_CONFIGURATION:
        return s->value & 0xff ? -1 : configuration_descriptor(d, out);
    case DESC_STRING:
        return string_descriptor(d, s->value & 0xff, out);
    default:                            /* 9.6.2: no qualifier without high speed */
        return -1;
    }
}

/* -- Standard requests ------------------------------------------------------- */

static bool is_halted(const USBDevice *d, unsigned address)
{
    return (address & 0x80 ? d->halted_in : d->halted_out) >> (address & 15) & 1;
}

static bool has_endpoint(const USBDevice *d, unsigned address)
{
    return (address & 15) == 0 || usb_endpoint(d, address & 0x80, address & 15);
}

static int get_status(const USBDevice *d, const USBSetup *s, uint8_t *out)
{
    uint16_t status = 0;

    switch (s->type & USB_REQ_RECIPIENT) {
    case USB_DEVICE_TO:
        status = (uint16_t)((usb_desc(d)->attributes & SELF_POWERED ? 1 : 0) |
                            d->remote_wakeup << 1);
        break;
    case USB_ENDPOINT_TO:
        if (!has_endpoint(d, s->index)) {
            return -1;
        }
        status = is_halted(d, s->index);
        break;
    default:
        break;
    }
    store_le(out, status, 2);
    return 2;
}

/* 9.4.1, 9.4.9 */
static int set_feature(USBDevice *d, const USBSetup *s, bool on)
{
    unsigned recipient = s->type & USB_REQ_RECIPIENT;

    if (recipient == USB_DEVICE_TO && s->value == FEATURE_REMOTE_WAKEUP &&
        usb_desc(d)->attributes & CAN_WAKE) {
        d->remote_wakeup = on;
        return 0;
    }
    if (recipient == USB_ENDPOINT_TO && s->value == FEATURE_ENDPOINT_HALT &&
        has_endpoint(d, s->index)) {
        uint16_t *halted = s->index & 0x80 ? &d->halted_in : &d->halted_out;
        uint16_t bit = (uint16_t)((1u << (s->index & 15)) & ~1u);

        *halted = (uint16_t)(on ? *halted | bit : *halted & ~bit);
        return 0;
    }
    return -1;
}

static int set_configuration(USBDevice *d, const USBSetup *s)
{
    if (s->value > 1) {
        return -1;
    }
    usb_set_config(d, (uint8_t)s->value);
    return 0;
}

static int set_interface(USBDevice *d, const USBSetup *s)
{
    const USBDesc *t = usb_desc(d);

    if (!d->config || s->index >= t->num_interfaces || s->value) {
        return -1;
    }
    d->halted_in = d->halted_out = 0;
    return 0;
}

static int get_byte(uint8_t val, uint8_t *out)
{
    out[0] = val;
    return 1;
}

/* 9.4; -1: not one of these */
static int standard_request(USBDevice *d, const USBSetup *s)
{
    switch (s->request) {
    case GET_STATUS:
        return get_status(d, s, d->data);
    case CLEAR_FEATURE:
    case SET_FEATURE:
        return set_feature(d, s, s->request == SET_FEATURE);
    case SET_ADDRESS:                   /* usb_control() does it */
        return s->value < 128 ? 0 : -1;
    case GET_DESCRIPTOR:
        return get_descriptor(d, s, d->data);
    case GET_CONFIGURATION:
        return get_byte(d->config, d->data);
    case SET_CONFIGURATION:
        return set_configuration(d, s);
    case GET_INTERFACE:
        return d->config && s->index < usb_desc(d)->num_interfaces ? get_byte(0, d->data) : -1;
    case SET_INTERFACE:
        return set_interface(d, s);
    default:
        return -1;
    }
}

static USBSetup setup_of(const USBDevice *d)
{
    const uint8_t *b = d->setup;

    return (USBSetup){ b[0], b[1], (uint16_t)load_le(b + 2, 2), (uint16_t)load_le(b + 4, 2),
                       (uint16_t)load_le(b + 6, 2) };
}

static int request(USBDevice *d)
{
    USBSetup s = setup_of(d);
    int ret = -1;

    if (!(s.type & USB_REQ_TYPE)) {
        ret = standard_request(d, &s);
    } else if (usb_ops(d)->control) {
        ret = usb_ops(d)->control(d, &s, d->data);
    }
    if (ret < 0) {
        log_unimp(d->dev.type->name, "request %02x %02x value %04x index %04x: STALL", s.type,
                  s.request, s.value, s.index);
    }
    return ret;
}

/* -- Stages ------------------------------------------------------------------ */

static USBStatus setup_stage(USBDevice *d, USBPacket *p)
{
    if (p->size != sizeof(d->setup)) {
        return USB_SILENCE;
    }
    memcpy(d->setup, p->data, sizeof(d->setup));
    p->len = p->size;
    d->data_pos = d->data_len = 0;
    USBSetup s = setup_of(d);
    if (s.type & USB_REQ_TO_HOST) {
        int ret = request(d);

        d->data_len = (uint16_t)(ret < 0 ? 0 : MIN(ret, s.length));
        d->stage = ret < 0 ? STAGE_STALL : STAGE_IN;
    } else if (s.length) {
        d->data_len = (uint16_t)MIN(s.length, USB_CONTROL_MAX);
        d->stage = s.length > USB_CONTROL_MAX ? STAGE_STALL : STAGE_OUT;
    } else {
        d->stage = request(d) < 0 ? STAGE_STALL : STAGE_STATUS_IN;
    }
    return USB_ACK;
}

static USBStatus in_stage(USBDevice *d, USBPacket *p)
{
    switch (d->stage) {
    case STAGE_IN:
        p->len = MIN(p->size, (uint32_t)(d->data_len - d->data_pos));
        memcpy(p->data, d->data + d->data_pos, p->len);
        d->data_pos = (uint16_t)(d->data_pos + p->len);
        return USB_ACK;
    case STAGE_STATUS_IN:
        d->stage = STAGE_IDLE;
        if (!(d->setup[0] & USB_REQ_TYPE) && d->setup[1] == SET_ADDRESS) {
            d->address = d->setup[2];
        }
        return USB_ACK;
    default:
        return USB_STALL;
    }
}

static USBStatus out_stage(USBDevice *d, USBPacket *p)
{
    uint32_t room = (uint32_t)(d->data_len - d->data_pos);

    switch (d->stage) {
    case STAGE_IN:                      /* the host has enough */
        d->stage = STAGE_IDLE;
        p->len = p->size;
        return USB_ACK;
    case STAGE_OUT:
        if (p->size > room) {
            break;
        }
        memcpy(d->data + d->data_pos, p->data, p->size);
        d->data_pos = (uint16_t)(d->data_pos + p->size);
        p->len = p->size;
        if (d->data_pos == d->data_len) {
            d->stage = request(d) < 0 ? STAGE_STALL : STAGE_STATUS_IN;
        }
        return USB_ACK;
    default:
        break;
    }
    d->stage = STAGE_STALL;
    return USB_STALL;
}

USBStatus usb_control(USBDevice *d, USBPacket *p)
{
    switch (p->token) {
    case USB_SETUP:
        return setup_stage(d, p);
    case USB_IN:
        return in_stage(d, p);
    default:
        return out_stage(d, p);
    }
}
