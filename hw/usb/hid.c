/* SPDX-License-Identifier: MIT */
/*
 * Human interface devices (USB-IF, Device Class Definition for HID 1.11; usages
 * from the HID Usage Tables 1.12): keyboard, mouse, tablet.
 *
 *   ui --key--> ring of key events --> keys held --> 8-byte report --> endpoint 1
 *      --move-> dx dy dz, or x y; buttons ---------> report ---------> endpoint 1
 *
 * A report is made when the host asks, so a mouse that was moved ten times
 * reports once; keys queue, since each press and release must be seen.  Only a
 * configured device takes events, so that a boot loader without USB still has
 * its PS/2 keyboard.
 *
 * Keys that are held are usages; more than six of them report ErrorRollOver
 * (appendix C).
 *
 * Not modelled: strings and physical descriptors, LEDs beyond being read back,
 * an idle rate for pointers.
 */
#include "hw/usb/hid.h"

#include <string.h>

#include "hw/usb/usb.h"
#include "ui/console.h"
#include "util/bits.h"
#include "util/log.h"

/* 7.2 */
enum { GET_REPORT = 1, GET_IDLE = 2, GET_PROTOCOL = 3, SET_REPORT = 9, SET_IDLE = 10,
       SET_PROTOCOL = 11 };
enum { PROTOCOL_BOOT = 0, PROTOCOL_REPORT = 1, DESC_HID = 0x21, DESC_REPORT = 0x22 };
enum { EP_REPORT = 1, REPORT_MAX = 8, IDLE_UNIT_MS = 4, KEYBOARD_IDLE = 125 };
enum { RING = 32, MAX_HELD = 16, MAX_KEYS = 6, ERROR_ROLL_OVER = 1, FIRST_MODIFIER = 0xe0 };
enum { FAR = 1 << 20, ABSOLUTE_MAX = 0x7fff };

typedef struct Hid {
    USBDevice usb;
    bool listening;                     /* a sink is registered */
    uint8_t protocol, idle, leds, changed;
    int64_t next_idle;                  /* when the report is due although unchanged */
    /* Keyboard */
    uint8_t ring[RING], first, count;   /* usage, and its bit of `down` */
    uint32_t ring_down;                 /* by place in the ring */
    uint8_t modifiers, held[MAX_HELD], num_held;
    /* Pointers */
    int32_t x, y, dz;
    uint8_t buttons;
} Hid;

/* -- Keyboard ---------------------------------------------------------------- */

/* clang-format off */

/* Usage of each key by PS/2 set 1 code, with prefix E0 at 0x80 (table 12). */
static const uint8_t usages[256] = {
    [0x01] = 0x29, [0x02] = 0x1e, [0x03] = 0x1f, [0x04] = 0x20, [0x05] = 0x21, [0x06] = 0x22,
    [0x07] = 0x23, [0x08] = 0x24, [0x09] = 0x25, [0x0a] = 0x26, [0x0b] = 0x27, [0x0c] = 0x2d,
    [0x0d] = 0x2e, [0x0e] = 0x2a, [0x0f] = 0x2b, [0x10] = 0x14, [0x11] = 0x1a, [0x12] = 0x08,
    [0x13] = 0x15, [0x14] = 0x17, [0x15] = 0x1c, [0x16] = 0x18, [0x17] = 0x0c, [0x18] = 0x12,
    [0x19] = 0x13, [0x1a] = 0x2f, [0x1b] = 0x30, [0x1c] = 0x28, [0x1d] = 0xe0, [0x1e] = 0x04,
    [0x1f] = 0x16, [0x20] = 0x07, [0x21] = 0x09, [0x22] = 0x0a, [0x23] = 0x0b, [0x24] = 0x0d,
    [0x25] = 0x0e, [0x26] = 0x0f, [0x27] = 0x33, [0x28] = 0x34, [0x29] = 0x35, [0x2a] = 0xe1,
    [0x2b] = 0x31, [0x2c] = 0x1d, [0x2d] = 0x1b, [0x2e] = 0x06, [0x2f] = 0x19, [0x30] = 0x05,
    [0x31] = 0x11, [0x32] = 0x10, [0x33] = 0x36, [0x34] = 0x37, [0x35] = 0x38, [0x36] = 0xe5,
    [0x37] = 0x55, [0x38] = 0xe2, [0x39] = 0x2c, [0x3a] = 0x39, [0x3b] = 0x3a, [0x3c] = 0x3b,
    [0x3d] = 0x3c, [0x3e] = 0x3d, [0x3f] = 0x3e, [0x40] = 0x3f, [0x41] = 0x40, [0x42] = 0x41,
    [0x43] = 0x42, [0x44] = 0x43, [0x45] = 0x53, [0x46] = 0x47, [0x47] = 0x5f, [0x48] = 0x60,
    [0x49] = 0x61, [0x4a] = 0x56, [0x4b] = 0x5c, [0x4c] = 0x5d, [0x4d] = 0x5e, [0x4e] = 0x57,
    [0x4f] = 0x59, [0x50] = 0x5a, [0x51] = 0x5b, [0x52] = 0x62, [0x53] = 0x63, [0x54] = 0x46,
    [0x56] = 0x64, [0x57] = 0x44, [0x58] = 0x45, [0x59] = 0x67, [0x64] = 0x68, [0x65] = 0x69,
    [0x66] = 0x6a, [0x67] = 0x6b, [0x68] = 0x6c, [0x69] = 0x6d, [0x6a] = 0x6e, [0x6b] = 0x6f,
    [0x70] = 0x88, [0x73] = 0x87, [0x79] = 0x8a, [0x7b] = 0x8b, [0x7d] = 0x89, [0x7e] = 0x85,
    [0x9c] = 0x58, [0x9d] = 0xe4, [0xb5] = 0x54, [0xb7] = 0x46, [0xb8] = 0xe6, [0xc6] = 0x48,
    [0xc7] = 0x4a, [0xc8] = 0x52, [0xc9] = 0x4b, [0xcb] = 0x50, [0xcd] = 0x4f, [0xcf] = 0x4d,
    [0xd0] = 0x51, [0xd1] = 0x4e, [0xd2] = 0x49, [0xd3] = 0x4c, [0xdb] = 0xe3, [0xdc] = 0xe7,
    [0xdd] = 0x65, [0xde] = 0x66,
};

/* Appendix B.1: the boot keyboard. */
static const uint8_t keyboard_report[] = {
    0x05, 0x01, 0x09, 0x06, 0xa1, 0x01,                 /* keyboard */
    0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00,     /* eight modifiers */
    0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02,
    0x95, 0x01, 0x75, 0x08, 0x81, 0x01,                 /* reserved */
    0x95, 0x05, 0x75, 0x01, 0x05, 0x08, 0x19, 0x01,     /* five LEDs */
    0x29, 0x05, 0x91, 0x02, 0x95, 0x01, 0x75, 0x03,
    0x91, 0x01,
    0x95, 0x06, 0x75, 0x08, 0x15, 0x00, 0x26, 0xff,     /* six keys */
    0x00, 0x05, 0x07, 0x19, 0x00, 0x2a, 0xff, 0x00,
    0x81, 0x00, 0xc0,
};

/* Appendix B.2 with a wheel behind it. */
static const uint8_t mouse_report[] = {
    0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01,     /* mouse, pointer */
    0xa1, 0x00, 0x05, 0x09, 0x19, 0x01, 0x29, 0x03,     /* three buttons */
    0x15, 0x00, 0x25, 0x01, 0x95, 0x03, 0x75, 0x01,
    0x81, 0x02, 0x95, 0x01, 0x75, 0x05, 0x81, 0x01,
    0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x09, 0x38,     /* X, Y, wheel: relative */
    0x15, 0x81, 0x25, 0x7f, 0x75, 0x08, 0x95, 0x03,
    0x81, 0x06, 0xc0, 0xc0,
};

static const uint8_t tablet_report[] = {
    0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01,
    0xa1, 0x00, 0x05, 0x09, 0x19, 0x01, 0x29, 0x03,     /* three buttons */
    0x15, 0x00, 0x25, 0x01, 0x95, 0x03, 0x75, 0x01,
    0x81, 0x02, 0x95, 0x01, 0x75, 0x05, 0x81, 0x01,
    0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x15, 0x00,     /* X, Y: absolute */
    0x26, 0xff, 0x7f, 0x35, 0x00, 0x46, 0xff, 0x7f,
    0x75, 0x10, 0x95, 0x02, 0x81, 0x02,
    0x05, 0x01, 0x09, 0x38, 0x15, 0x81, 0x25, 0x7f,     /* wheel: relative */
    0x35, 0x00, 0x45, 0x00, 0x75, 0x08, 0x95, 0x01,
    0x81, 0x06, 0xc0, 0xc0,
};
/* clang-format on */

static void key_event(void *opaque, uint8_t key, bool down)
{
    Hid *h = opaque;
    unsigned at = (h->first + h->count) % RING;

    if (!usages[key] || h->count == RING) {
        return;
    }
    h->ring[at] = usages[key];
    h->ring_down = (h->ring_down & ~(1u << at)) | (uint32_t)down << at;
    h->count++;
    usb_ready(&h->usb);
}

static void release_key(Hid *h, uint8_t usage)
{
    for (unsigned i = 0; i < h->num_held; i++) {
        if (h->held[i] == usage) {
            h->num_held--;
            memmove(h->held + i, h->held + i + 1, h->num_held - i);
            return;
        }
    }
}

static void press_key(Hid *h, uint8_t usage, bool down)
{
    if (usage >= FIRST_MODIFIER) {
        uint8_t bit = (uint8_t)(1u << (usage - FIRST_MODIFIER) % 8);

        h->modifiers = (uint8_t)(down ? h->modifiers | bit : h->modifiers & ~bit);
        return;
    }
    release_key(h, usage);
    if (down && h->num_held < MAX_HELD) {
        h->held[h->num_held++] = usage;
    }
}

static void next_key(Hid *h)
{
    if (h->count) {
        unsigned at = h->first;

        h->first = (uint8_t)((at + 1) % RING);
        h->count--;
        press_key(h, h->ring[at], h->ring_down >> at & 1);
    }
}

static unsigned put_keys(const Hid *h, uint8_t *out)
{
    memset(out, 0, 8);
    out[0] = h->modifiers;
    if (h->num_held > MAX_KEYS) {
        memset(out + 2, ERROR_ROLL_OVER, MAX_KEYS);
    } else {
        memcpy(out + 2, h->held, h->num_held);
    }
    return 8;
}

/* -- Pointers ---------------------------------------------------------------- */

static int32_t bound(int32_t v, int32_t min, int32_t max)
{
    return MAX(min, MIN(max, v));
}

static void mouse_moved(void *opaque, int x, int y, int dz, int buttons)
{
    Hid *h = opaque;

    h->x = bound(h->x + bound(x, -FAR, FAR), -FAR, FAR);
    h->y = bound(h->y + bound(y, -FAR, FAR), -FAR, FAR);
    h->dz = bound(h->dz - bound(dz, -FAR, FAR), -FAR, FAR);
    h->buttons = buttons & 7;
    h->changed = 1;
    usb_ready(&h->usb);
}

static void tablet_moved(void *opaque, int x, int y, int dz, int buttons)
{
    Hid *h = opaque;

    h->x = bound(x, 0, ABSOLUTE_MAX);
    h->y = bound(y, 0, ABSOLUTE_MAX);
    h->dz = bound(h->dz - bound(dz, -FAR, FAR), -FAR, FAR);
    h->buttons = buttons & 7;
    h->changed = 1;
    usb_ready(&h->usb);
}

/* What fits into a byte; the rest is for the next report. */
static uint8_t take(int32_t *v)
{
    int32_t n = bound(*v, -127, 127);

    *v -= n;
    return (uint8_t)n;
}

static unsigned put_mouse(Hid *h, uint8_t *out)
{
    out[0] = h->buttons;
    out[1] = take(&h->x);
    out[2] = take(&h->y);
    out[3] = take(&h->dz);
    h->changed = h->x || h->y || h->dz;
    return h->protocol == PROTOCOL_BOOT ? 3 : 4;
}

static unsigned put_tablet(Hid *h, uint8_t *out)
{
    out[0] = h->buttons;
    store_le(out + 1, (uint32_t)h->x, 2);
    store_le(out + 3, (uint32_t)h->y, 2);
    out[5] = take(&h->dz);
    h->changed = h->dz != 0;
    return 6;
}

/* -- Common ------------------------------------------------------------------ */

static bool is_keyboard(const Hid *h)
{
    return h->usb.dev.type == &usb_kbd_type;
}

static unsigned put_report(Hid *h, uint8_t *out)
{
    if (is_keyboard(h)) {
        return put_keys(h, out);
    }
    return h->usb.dev.type == &usb_mouse_type ? put_mouse(h, out) : put_tablet(h, out);
}

/* 7.2.4: NAK while nothing is new, but for the idle rate. */
static USBStatus hid_transfer(USBDevice *d, USBPacket *p)
{
    Hid *h = (Hid *)d;
    int64_t now = clock_now(d->dev.clock);
    uint8_t report[REPORT_MAX];

    if (!h->changed && !h->count && !(h->idle && now >= h->next_idle)) {
        return USB_NAK;
    }
    h->next_idle = now + h->idle * IDLE_UNIT_MS * NS_PER_MS;
    next_key(h);
    unsigned len = put_report(h, report);

    p->len = MIN(p->size, len);
    memcpy(p->data, report, p->len);
    return USB_ACK;
}

static int set_report(Hid *h, const USBSetup *s, const uint8_t *data)
{
    if (!is_keyboard(h) || s->value >> 8 != 2 || s->length < 1) {
        return -1;
    }
    h->leds = data[0] & 0x1f;
    return 0;
}

static int get_byte(uint8_t val, uint8_t *data)
{
    data[0] = val;
    return 1;
}

static int get_report(Hid *h, const USBSetup *s, uint8_t *data)
{
    unsigned type = s->value >> 8;      /* 7.2.1: input, output */

    if (type == 2 && is_keyboard(h)) {
        return get_byte(h->leds, data);
    }
    return type == 1 ? (int)put_report(h, data) : -1;
}

static int hid_control(USBDevice *d, const USBSetup *s, uint8_t *data)
{
    Hid *h = (Hid *)d;

    if ((s->type & ~USB_REQ_TO_HOST) != (USB_REQ_CLASS | USB_INTERFACE_TO)) {
        return -1;
    }
    switch (s->request) {
    case GET_REPORT:
        return get_report(h, s, data);
    case SET_REPORT:
        return set_report(h, s, data);
    case GET_IDLE:
        return get_byte(h->idle, data);
    case SET_IDLE:
        h->idle = (uint8_t)(s->value >> 8);
        h->next_idle = clock_now(d->dev.clock) + h->idle * IDLE_UNIT_MS * NS_PER_MS;
        return 0;
    case GET_PROTOCOL:
        return get_byte(h->protocol, data);
    case SET_PROTOCOL:
        if (s->value > 1 || h->usb.dev.type == &usb_tablet_type) {
            return -1;
        }
        h->protocol = (uint8_t)s->value;
        return 0;
    default:
        return -1;
    }
}

static void listen(Hid *h)
{
    const KeySink keys = { .key = key_event, .opaque = h };
    bool tablet = h->usb.dev.type == &usb_tablet_type;
    const PointerSink pointer = {
        .moved = tablet ? tablet_moved : mouse_moved, .absolute = tablet,
        .name = tablet ? "USB tablet" : "USB mouse", .opaque = h,
    };

    if (is_keyboard(h)) {
        input_add_keyboard(&keys);
    } else {
        input_add_pointer(&pointer);
    }
    h->listening = true;
}

static void hid_configured(USBDevice *d)
{
    Hid *h = (Hid *)d;

    if (d->config && d->port && !h->listening) {
        listen(h);
    } else if ((!d->config || !d->port) && h->listening) {
        input_remove_keyboard(h);
        input_remove_pointer(h);
        h->listening = false;
    }
}

static void hid_bus_reset(USBDevice *d)
{
    Hid *h = (Hid *)d;

    h->protocol = PROTOCOL_REPORT;      /* 7.2.6 */
    h->idle = is_keyboard(h) ? KEYBOARD_IDLE : 0;
    h->next_idle = clock_now(d->dev.clock) + h->idle * IDLE_UNIT_MS * NS_PER_MS;
    h->leds = h->changed = 0;
    memset(h->ring, 0, sizeof(h->ring));
    memset(h->held, 0, sizeof(h->held));
    h->ring_down = 0;
    h->first = h->count = h->modifiers = h->num_held = h->buttons = 0;
    h->x = h->y = h->dz = 0;
}

/* -- The types --------------------------------------------------------------- */

static int hid_realize(Device *d, Error *err)
{
    return usb_plug(&((Hid *)d)->usb, err);
}

static void hid_reset(Device *d)
{
    usb_power_on(&((Hid *)d)->usb);
}

static int hid_post_load(Device *d, Error *err)
{
    Hid *h = (Hid *)d;
    bool tablet = d->type == &usb_tablet_type;

    h->first %= RING;
    h->count = MIN(h->count, RING);
    h->num_held = MIN(h->num_held, MAX_HELD);
    h->protocol = h->protocol != 0;
    h->buttons &= 7;
    h->changed = h->changed != 0;
    h->x = bound(h->x, tablet ? 0 : -FAR, tablet ? ABSOLUTE_MAX : FAR);
    h->y = bound(h->y, tablet ? 0 : -FAR, tablet ? ABSOLUTE_MAX : FAR);
    h->dz = bound(h->dz, -FAR, FAR);
    return usb_device_post_load(&h->usb, err);
}

static void hid_free(Device *d)
{
    usb_unplug(&((Hid *)d)->usb);
}

static const VMField hid_vmstate[] = {
    VM_USB_DEVICE(Hid, usb),
    VM_FIELD(Hid, protocol),
    VM_FIELD(Hid, idle),
    VM_FIELD(Hid, leds),
    VM_FIELD(Hid, changed),
    VM_FIELD(Hid, next_idle),
    VM_ARRAY(Hid, ring),
    VM_FIELD(Hid, first),
    VM_FIELD(Hid, count),
    VM_FIELD(Hid, ring_down),
    VM_FIELD(Hid, modifiers),
    VM_ARRAY(Hid, held),
    VM_FIELD(Hid, num_held),
    VM_FIELD(Hid, x),
    VM_FIELD(Hid, y),
    VM_FIELD(Hid, dz),
    VM_FIELD(Hid, buttons),
    VM_END
};

static const PropDef hid_props[] = {
    USB_PROPS(Hid, usb),
    { .name = NULL }
};

/* clang-format off */

/* 6.2.1: HID 1.11, no country, one report descriptor. */
#define HID_DESC(report) { 9, DESC_HID, 0x11, 0x01, 0, 1, DESC_REPORT, sizeof(report), 0 }

static const uint8_t keyboard_hid[] = HID_DESC(keyboard_report);
static const uint8_t mouse_hid[] = HID_DESC(mouse_report);
static const uint8_t tablet_hid[] = HID_DESC(tablet_report);

static const USBEndpoint keyboard_ep = { 0x80 | EP_REPORT, 3, 8, 10 };
static const USBEndpoint mouse_ep = { 0x80 | EP_REPORT, 3, 4, 10 };
static const USBEndpoint tablet_ep = { 0x80 | EP_REPORT, 3, 8, 10 };

static const USBInterface keyboard_if = { 3, 1, 1, keyboard_hid, keyboard_report,
                                          sizeof(keyboard_report), 1, &keyboard_ep };
static const USBInterface mouse_if = { 3, 1, 2, mouse_hid, mouse_report, sizeof(mouse_report),
                                       1, &mouse_ep };
static const USBInterface tablet_if = { 3, 0, 0, tablet_hid, tablet_report,
                                        sizeof(tablet_report), 1, &tablet_ep };

#define HID_TYPE(id, type_name, what, title, interface)                             \
    static const USBDesc id##_desc = {                                              \
        .speed = USB_FULL_SPEED, .vendor = 0x0627, .product = 0x0001, .release = 0, \
        .max_packet0 = 8, .attributes = 0x20, .max_power = 50,                      \
        .manufacturer_name = "QEMU", .product_name = title,                         \
        .num_interfaces = 1, .interfaces = &(interface),                            \
    };                                                                              \
    static const USBDeviceOps id##_ops = {                                          \
        .desc = &id##_desc, .control = hid_control, .transfer = hid_transfer,       \
        .reset = hid_bus_reset, .configured = hid_configured,                       \
    };                                                                              \
    const DeviceType usb_##id##_type = {                                            \
        .name = type_name, .desc = what, .manual = "USB HID 1.11", .bus = "usb",    \
        .state_size = sizeof(Hid), .props = hid_props, .vmstate = hid_vmstate,      \
        .user_creatable = true, .realize = hid_realize, .reset = hid_reset,         \
        .post_load = hid_post_load, .free = hid_free, .bus_ops = &id##_ops,         \
    }

HID_TYPE(kbd, "usb-kbd", "USB keyboard", "QEMU USB Keyboard", keyboard_if);
HID_TYPE(mouse, "usb-mouse", "USB mouse with wheel", "QEMU USB Mouse", mouse_if);
HID_TYPE(tablet, "usb-tablet", "USB tablet, absolute", "QEMU USB Tablet", tablet_if);
/* clang-format on */
