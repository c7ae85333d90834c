/* SPDX-License-Identifier: MIT */
/* The USB and its devices (USB 2.0, HID 1.11, Bulk-Only Transport 1.0). */
#include "hw/usb/usb.h"

#include "hw/usb/hid.h"
#include "hw/usb/hub.h"
#include "hw/usb/storage.h"
#include "tests/unit/scsi-disk.h"
#include "tests/unit/usb-rig.h"
#include "ui/console.h"

enum { BLOCKS = 64 };

/* -- Chapter 9 --------------------------------------------------------------- */

/* 9.1.1.4, 9.4.6: address 0 after reset; a new one counts after the status stage. */
TEST(a_device_gets_its_address)
{
    Rig *r = rig_new();
    USBDevice *d = rig_plug(&r->dev, &usb_kbd_type, NULL, NULL);
    uint8_t setup[8] = { 0, 5, 7 };
    uint32_t len;

    CHECK_EQ(r->attached[0], 1);
    CHECK(usb_find(&r->bus, 0) == NULL);        /* the port is not enabled */
    rig_reset_port(&r->port[0]);
    CHECK(usb_find(&r->bus, 0) == d);
    CHECK_EQ(rig_packet(d, USB_SETUP, 0, setup, 8, &len), USB_ACK);
    CHECK(usb_find(&r->bus, 0) == d);
    CHECK_EQ(rig_packet(d, USB_IN, 0, setup, 0, &len), USB_ACK);
    CHECK(usb_find(&r->bus, 0) == NULL);
    CHECK(usb_find(&r->bus, 7) == d);
    rig_reset_port(&r->port[0]);
    CHECK(usb_find(&r->bus, 0) == d);
    device_free(&d->dev);
    CHECK_EQ(r->detached[0], 1);
    CHECK(usb_find(&r->bus, 0) == NULL);
    device_free(&r->dev);
}

/* 9.6.1: 18 bytes; a host that asks for more gets no more, in packets of bMaxPacketSize0. */
TEST(descriptors_are_those_of_the_tables)
{
    Rig *r = rig_new();
    USBDevice *d = rig_plug(&r->dev, &usb_mouse_type, NULL, NULL);
    uint8_t b[256];

    CHECK_EQ(rig_control(d, 0x80, 6, 0x0100, 0, 64, b), 18);
    CHECK_EQ(b[0], 18);
    CHECK_EQ(b[1], 1);
    CHECK_EQ(b[7], 8);
    CHECK_EQ(load_le(b + 8, 4), 0x00010627);
    CHECK_EQ(rig_control(d, 0x80, 6, 0x0100, 0, 8, b), 8);
    /* configuration, interface, HID, endpoint */
    CHECK_EQ(rig_control(d, 0x80, 6, 0x0200, 0, 255, b), 9 + 9 + 9 + 7);
    CHECK_EQ(load_le(b + 2, 2), 34);
    CHECK_EQ(b[9 + 5], 3);
    CHECK_EQ(b[18 + 1], 0x21);
    unsigned report = (unsigned)load_le(b + 18 + 7, 2);
    CHECK_EQ(b[27 + 2], 0x81);
    CHECK_EQ(rig_control(d, 0x81, 6, 0x2200, 0, 255, b), report);
    CHECK_EQ(b[report - 1], 0xc0);      /* end of collection */
    /* 9.6.7 */
    CHECK_EQ(rig_control(d, 0x80, 6, 0x0300, 0, 255, b), 4);
    CHECK_EQ(load_le(b + 2, 2), 0x0409);
    CHECK_EQ(rig_control(d, 0x80, 6, 0x0302, 0x409, 255, b), 2 + 2 * (int)strlen("QEMU USB Mouse"));
    CHECK_EQ(b[2], 'Q');
    CHECK_EQ(rig_control(d, 0x80, 6, 0x0309, 0x409, 255, b), -1);
    /* 9.6.2: only a device of two speeds has a qualifier */
    CHECK_EQ(rig_control(d, 0x80, 6, 0x0600, 0, 10, b), -1);
    device_free(&d->dev);
    device_free(&r->dev);
}

/* 9.4.5, 9.4.9, 9.4.1: a halted endpoint answers STALL until the feature is cleared. */
TEST(an_endpoint_can_be_halted)
{
    Rig *r = rig_new();
    USBDevice *d = rig_plug(&r->dev, &usb_kbd_type, NULL, NULL);
    uint8_t b[8];
    uint32_t len;

    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 8, &len), USB_SILENCE);    /* not configured */
    rig_configure(&r->port[0], 3);
    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 8, &len), USB_NAK);
    CHECK_EQ(rig_control(d, 0x02, 3, 0, 0x81, 0, NULL), 0);
    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 8, &len), USB_STALL);
    CHECK_EQ(rig_control(d, 0x82, 0, 0, 0x81, 2, b), 2);
    CHECK_EQ(b[0], 1);
    CHECK_EQ(rig_control(d, 0x02, 1, 0, 0x81, 0, NULL), 0);
    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 8, &len), USB_NAK);
    CHECK_EQ(rig_packet(d, USB_IN, 2, b, 8, &len), USB_SILENCE);    /* there is none */
    CHECK_EQ(rig_control(d, 0x02, 3, 0, 0x85, 0, NULL), -1);
    CHECK_EQ(rig_control(d, 0x00, 9, 5, 0, 0, NULL), -1);   /* no configuration 5 */
    CHECK_EQ(rig_control(d, 0x80, 8, 0, 0, 1, b), 1);
    CHECK_EQ(b[0], 1);
    device_free(&d->dev);
    device_free(&r->dev);
}

/* 7.1.7.7, 9.4.9: only a device that may wakes a suspended port. */
TEST(remote_wakeup)
{
    Rig *r = rig_new();
    USBDevice *d = rig_plug(&r->dev, &usb_kbd_type, NULL, NULL);

    rig_configure(&r->port[0], 3);
    r->port[0].suspended = true;
    input_key(0x1e, true);
    CHECK_EQ(r->resumed[0], 0);
    r->port[0].suspended = false;
    CHECK_EQ(rig_control(d, 0x00, 3, 1, 0, 0, NULL), 0);
    r->port[0].suspended = true;
    CHECK(usb_find(&r->bus, 3) == NULL);
    input_key(0x1e, false);
    CHECK_EQ(r->resumed[0], 1);
    device_free(&d->dev);
    device_free(&r->dev);
}

/* -- Human interface devices ------------------------------------------------- */

/* HID 1.11 appendix B.1, 7.2.4: each change is a report; nothing new is NAK. */
TEST(keys_are_reported_one_by_one)
{
    Rig *r = rig_new();
    USBDevice *d = rig_plug(&r->dev, &usb_kbd_type, NULL, NULL);
    uint8_t b[8];
    uint32_t len;

    input_key(0x1e, true);              /* nobody listens yet */
    rig_configure(&r->port[0], 3);
    CHECK_EQ(rig_control(d, 0x21, 10, 0, 0, 0, NULL), 0);   /* idle rate: never */
    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 8, &len), USB_NAK);
    r->ready = 0;
    input_key(0x2a, true);              /* left Shift, A, and A up again */
    input_key(0x1e, true);
    input_key(0x1e, false);
    CHECK_EQ(r->ready, 3);
    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 8, &len), USB_ACK);
    CHECK_EQ(len, 8);
    CHECK_EQ(load_le(b, 8), 0x02);
    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 8, &len), USB_ACK);
    CHECK_EQ(load_le(b, 8), 0x040002);
    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 8, &len), USB_ACK);
    CHECK_EQ(load_le(b, 8), 0x02);
    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 8, &len), USB_NAK);
    device_free(&d->dev);
    device_free(&r->dev);
}

/* HID 1.11 appendix C: more keys than the report holds are ErrorRollOver. */
TEST(too_many_keys_roll_over)
{
    Rig *r = rig_new();
    USBDevice *d = rig_plug(&r->dev, &usb_kbd_type, NULL, NULL);
    uint8_t b[8];
    uint32_t len;

    rig_configure(&r->port[0], 3);
    for (uint8_t key = 0x10; key < 0x17; key++) {
        input_key(key, true);
        CHECK_EQ(rig_packet(d, USB_IN, 1, b, 8, &len), USB_ACK);
    }
    CHECK_EQ(load_le(b + 2, 4), 0x01010101);
    input_key(0x10, false);
    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 8, &len), USB_ACK);
    CHECK_EQ(b[2], 0x1a);               /* W, the second that was pressed */
    CHECK_EQ(rig_control(d, 0x21, 9, 0x0200, 0, 1, (uint8_t[]){ 2 }), 1);   /* LEDs */
    CHECK_EQ(rig_control(d, 0xa1, 1, 0x0200, 0, 1, b), 1);
    CHECK_EQ(b[0], 2);
    device_free(&d->dev);
    device_free(&r->dev);
}

/* 7.2.4: with an idle rate a report comes although nothing changed. */
TEST(the_idle_rate_repeats_reports)
{
    Rig *r = rig_new();
    USBDevice *d = rig_plug(&r->dev, &usb_kbd_type, NULL, NULL);
    uint8_t b[8];
    uint32_t len;

    rig_configure(&r->port[0], 3);
    CHECK_EQ(rig_control(d, 0x21, 10, 25 << 8, 0, 0, NULL), 0);     /* 100 ms */
    clock_step(&clock_, 99 * NS_PER_MS);
    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 8, &len), USB_NAK);
    clock_step(&clock_, 1 * NS_PER_MS);
    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 8, &len), USB_ACK);
    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 8, &len), USB_NAK);
    device_free(&d->dev);
    device_free(&r->dev);
}

/* Appendix B.2: movement adds up until the host asks, and what is left follows. */
TEST(a_mouse_adds_up_its_movement)
{
    Rig *r = rig_new();
    USBDevice *d = rig_plug(&r->dev, &usb_mouse_type, NULL, NULL);
    uint8_t b[4];
    uint32_t len;

    rig_configure(&r->port[0], 3);
    CHECK(!input_is_absolute());
    input_pointer(100, -3, 0, 0);
    input_pointer(100, -3, 1, POINTER_LEFT);
    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 4, &len), USB_ACK);
    CHECK_EQ(len, 4);
    CHECK_EQ(load_le(b, 4), 0xfffa7f01);        /* 127, -6, wheel away from the user is + */
    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 4, &len), USB_ACK);
    CHECK_EQ(load_le(b, 4), 73 << 8 | 1);
    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 4, &len), USB_NAK);
    CHECK_EQ(rig_control(d, 0x21, 11, 0, 0, 0, NULL), 0);   /* boot protocol */
    input_pointer(1, 2, 0, 0);
    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 4, &len), USB_ACK);
    CHECK_EQ(len, 3);
    device_free(&d->dev);
    device_free(&r->dev);
}

TEST(a_tablet_is_absolute)
{
    Rig *r = rig_new();
    USBDevice *d = rig_plug(&r->dev, &usb_tablet_type, NULL, NULL);
    uint8_t b[6];
    uint32_t len;

    rig_configure(&r->port[0], 3);
    CHECK(input_is_absolute());
    input_pointer(0x1234, 99999, 0, POINTER_RIGHT);
    CHECK_EQ(rig_packet(d, USB_IN, 1, b, 6, &len), USB_ACK);
    CHECK_EQ(b[0], 2);
    CHECK_EQ(load_le(b + 1, 2), 0x1234);
    CHECK_EQ(load_le(b + 3, 2), 0x7fff);
    device_free(&d->dev);
    CHECK(!input_is_absolute());
    device_free(&r->dev);
}

/* -- Hub --------------------------------------------------------------------- */

static unsigned hub_port(USBDevice *hub, unsigned port)
{
    uint8_t b[4] = { 0 };

    CHECK_EQ(rig_control(hub, 0xa3, 0, 0, port, 4, b), 4);
    return (unsigned)load_le(b, 4);
}

/* 11.24.2: power, connection, reset and enable; 11.12.4: the change bitmap. */
TEST(a_hub_leads_to_devices)
{
    Rig *r = rig_new();
    USBDevice *hub = rig_plug(&r->dev, &usb_hub_type, NULL, NULL), *d;
    uint8_t b[16];
    uint32_t len;

    rig_configure(&r->port[0], 2);
    CHECK_EQ(rig_control(hub, 0xa0, 6, 0x2900, 0, 16, b), 11);
    CHECK_EQ(b[2], 8);
    r->ready = 0;
    d = rig_plug(&r->dev, &usb_kbd_type, NULL, NULL);   /* root port 2 */
    USBDevice *behind = rig_plug(&r->dev, &usb_kbd_type, NULL, NULL);
    CHECK(behind->port->hub == hub);
    CHECK_EQ(hub_port(hub, 1), 0);              /* no power: it sees nothing */
    CHECK_EQ(rig_control(hub, 0x23, 3, 8, 1, 0, NULL), 0);
    CHECK_EQ(hub_port(hub, 1), 0x00010101);
    CHECK_EQ(rig_packet(hub, USB_IN, 1, b, 2, &len), USB_ACK);
    CHECK_EQ(b[0], 0x02);
    CHECK_EQ(rig_control(hub, 0x23, 1, 16, 1, 0, NULL), 0);
    CHECK_EQ(rig_packet(hub, USB_IN, 1, b, 2, &len), USB_NAK);
    CHECK(usb_find(&r->bus, 0) == NULL);
    CHECK_EQ(rig_control(hub, 0x23, 3, 4, 1, 0, NULL), 0);      /* reset enables */
    CHECK_EQ(hub_port(hub, 1), 0x00100103);
    CHECK(usb_find(&r->bus, 0) == behind);
    r->port[0].enabled = false;                 /* the way is closed further up */
    CHECK(usb_find(&r->bus, 0) == NULL);
    r->port[0].enabled = true;
    device_free(&behind->dev);
    CHECK_EQ(hub_port(hub, 1), 0x00110100);
    CHECK_EQ(hub_port(hub, 3) & 0xff, 0);
    device_free(&hub->dev);
    device_free(&d->dev);
    device_free(&r->dev);
}

/* A hub that goes leaves its devices without a port, not the other way round. */
TEST(devices_outlive_their_hub)
{
    Rig *r = rig_new();
    USBDevice *hub = rig_plug(&r->dev, &usb_hub_type, NULL, NULL);
    USBDevice *a = rig_plug(&r->dev, &usb_kbd_type, NULL, NULL);
    USBDevice *b = rig_plug(&r->dev, &usb_mouse_type, NULL, NULL);

    CHECK(b->port->hub == hub);
    device_free(&hub->dev);
    CHECK(b->port == NULL);
    device_free(&r->dev);
    CHECK(a->port == NULL);
    usb_ready(a);
    device_free(&a->dev);
    device_free(&b->dev);
}

/* -- Mass storage ------------------------------------------------------------ */

typedef struct Stick { Rig *r; TestDrive drive; USBDevice *d; } Stick;

static Stick stick_new(int flags)
{
    Stick s = { .r = rig_new(), .drive = drive_new("stick", BLOCKS, 512, flags) };

    s.d = rig_plug(&s.r->dev, &usb_storage_type, "drive", s.drive.blk);
    rig_configure(&s.r->port[0], 4);
    return s;
}

static void stick_free(Stick *s)
{
    device_free(&s->d->dev);
    device_free(&s->r->dev);
    drive_free(&s->drive);
}

static void send_cbw(Stick *s, uint32_t tag, uint32_t length, bool in, const uint8_t *cdb,
                     unsigned cdb_len)
{
    uint8_t b[31] = { 0 };
    uint32_t len;

    store_le(b, 0x43425355, 4);
    store_le(b + 4, tag, 4);
    store_le(b + 8, length, 4);
    b[12] = in ? 0x80 : 0;
    b[14] = (uint8_t)cdb_len;
    memcpy(b + 15, cdb, cdb_len);
    CHECK_EQ(rig_packet(s->d, USB_OUT, 2, b, 31, &len), USB_ACK);
    CHECK_EQ(len, 31);
}

/* As a controller: NAKs are asked again when the device is ready. */
static USBStatus bulk(Stick *s, USBToken token, void *data, uint32_t size, uint32_t *done)
{
    USBStatus status;
    uint32_t len;

    *done = 0;
    for (int i = 0; i < 10; i++) {
        s->r->ready = 0;
        status = rig_packet(s->d, token, token == USB_IN ? 1 : 2, (uint8_t *)data + *done,
                            size - *done, &len);
        *done += len;
        if (status != USB_NAK) {
            return status;
        }
        CHECK_EQ(len % 64, 0);
        blk_drain(s->drive.blk);
        CHECK(s->r->ready > 0);
    }
    return USB_NAK;
}

static void check_csw(Stick *s, uint32_t tag, uint32_t residue, uint8_t status)
{
    uint8_t b[13] = { 0 };
    uint32_t len;

    CHECK_EQ(bulk(s, USB_IN, b, 13, &len), USB_ACK);
    CHECK_EQ(len, 13);
    CHECK_EQ(load_le(b, 4), 0x53425355);
    CHECK_EQ(load_le(b + 4, 4), tag);
    CHECK_EQ(load_le(b + 8, 4), residue);
    CHECK_EQ(b[12], status);
}

static void clear_halt(Stick *s, unsigned ep)
{
    CHECK_EQ(rig_control(s->d, 0x02, 1, 0, ep, 0, NULL), 0);
}

static const uint8_t test_unit_ready[6] = { 0x00 };

/* Power-on: the first command that is not harmless ends with CHECK CONDITION. */
static void take_attention(Stick *s)
{
    send_cbw(s, 1, 0, false, test_unit_ready, 6);
    check_csw(s, 1, 0, 1);
}

/* 5.1, 5.2: command, data, status. */
TEST(a_block_is_read_and_written)
{
    Stick s = stick_new(BDRV_O_RDWR);
    const uint8_t read10[10] = { 0x28, 0, 0, 0, 0, 5, 0, 0, 2 };
    const uint8_t write10[10] = { 0x2a, 0, 0, 0, 0, 9, 0, 0, 1 };
    uint8_t b[1024];
    uint32_t len;

    take_attention(&s);
    send_cbw(&s, 77, 1024, true, read10, 10);
    CHECK_EQ(bulk(&s, USB_IN, b, 1024, &len), USB_ACK);
    CHECK_EQ(len, 1024);
    CHECK_EQ(load_le(b, 8), 0x0505050500000005);
    CHECK_EQ(load_le(b + 512, 4), 6);
    check_csw(&s, 77, 0, 0);
    memset(b, 0xa5, 512);
    send_cbw(&s, 78, 512, false, write10, 10);
    CHECK_EQ(bulk(&s, USB_OUT, b, 512, &len), USB_ACK);
    CHECK_EQ(len, 512);
    check_csw(&s, 78, 0, 0);
    memset(b, 0, 512);
    CHECK_EQ(blk_pread(s.drive.blk, 9 * 512, b, 512), 0);
    CHECK_EQ(b[511], 0xa5);
    stick_free(&s);
}

/* 6.7.2, case 5 (Hi > Di): less data than the host expects end with a short packet or
 * a halt, and the residue says how much less. */
TEST(less_data_than_expected)
{
    Stick s = stick_new(BDRV_O_RDWR);
    const uint8_t inquiry[6] = { 0x12, 0, 0, 0, 36, 0 };
    const uint8_t read10[10] = { 0x28, 0, 0, 0, 0, 0, 0, 0, 1 };
    uint8_t b[2048];
    uint32_t len;

    send_cbw(&s, 1, 255, true, inquiry, 6);
    CHECK_EQ(bulk(&s, USB_IN, b, 255, &len), USB_ACK);
    CHECK_EQ(len, 36);                  /* a short packet */
    CHECK_EQ(b[1] & 0x80, 0);
    check_csw(&s, 1, 255 - 36, 0);
    take_attention(&s);
    send_cbw(&s, 2, 2048, true, read10, 10);
    CHECK_EQ(bulk(&s, USB_IN, b, 2048, &len), USB_STALL);
    CHECK_EQ(len, 512);                 /* no short packet: the pipe halts */
    clear_halt(&s, 0x81);
    check_csw(&s, 2, 2048 - 512, 0);
    stick_free(&s);
}

/* Case 4 (Hi > Dn) and a failed command: a halt, then the status; REQUEST SENSE tells. */
TEST(a_failed_command)
{
    Stick s = stick_new(BDRV_O_RDWR);
    const uint8_t beyond[10] = { 0x28, 0, 0, 1, 0, 0, 0, 0, 1 };
    const uint8_t sense[6] = { 0x03, 0, 0, 0, 18, 0 };
    uint8_t b[512];
    uint32_t len;

    take_attention(&s);
    send_cbw(&s, 3, 512, true, beyond, 10);
    CHECK_EQ(bulk(&s, USB_IN, b, 512, &len), USB_STALL);
    CHECK_EQ(bulk(&s, USB_IN, b, 13, &len), USB_STALL);
    clear_halt(&s, 0x81);
    check_csw(&s, 3, 512, 1);
    send_cbw(&s, 4, 18, true, sense, 6);
    CHECK_EQ(bulk(&s, USB_IN, b, 18, &len), USB_ACK);
    CHECK_EQ(b[2] & 15, 5);             /* ILLEGAL REQUEST */
    CHECK_EQ(b[12], 0x21);
    check_csw(&s, 4, 0, 0);
    stick_free(&s);
}

/* 6.6.1: what is no CBW halts both pipes until reset recovery, 5.3.4. */
TEST(an_invalid_cbw_needs_reset_recovery)
{
    Stick s = stick_new(BDRV_O_RDWR);
    uint8_t b[31] = { 'U', 'S', 'B', 'X' };
    uint32_t len;

    CHECK_EQ(rig_packet(s.d, USB_OUT, 2, b, 31, &len), USB_STALL);
    clear_halt(&s, 0x81);
    clear_halt(&s, 0x02);
    CHECK_EQ(rig_packet(s.d, USB_IN, 1, b, 13, &len), USB_STALL);
    CHECK_EQ(rig_control(s.d, 0x21, 0xff, 0, 0, 0, NULL), 0);
    clear_halt(&s, 0x81);
    clear_halt(&s, 0x02);
    take_attention(&s);
    CHECK_EQ(rig_control(s.d, 0xa1, 0xfe, 0, 0, 1, b), 1);
    CHECK_EQ(b[0], 0);
    stick_free(&s);
}

/* Cases 10 and 3: the directions differ, or the host wants no data: phase error. */
TEST(wrong_directions_are_phase_errors)
{
    Stick s = stick_new(BDRV_O_RDWR);
    const uint8_t read10[10] = { 0x28, 0, 0, 0, 0, 0, 0, 0, 1 };
    uint8_t b[512] = { 0 };
    uint32_t len;

    take_attention(&s);
    send_cbw(&s, 5, 512, false, read10, 10);
    CHECK_EQ(bulk(&s, USB_OUT, b, 512, &len), USB_STALL);
    clear_halt(&s, 0x02);
    check_csw(&s, 5, 512, 2);
    send_cbw(&s, 6, 0, false, read10, 10);
    check_csw(&s, 6, 0, 2);
    send_cbw(&s, 7, 0, false, test_unit_ready, 6);
    check_csw(&s, 7, 0, 0);
    stick_free(&s);
}

/* A device that is pulled out or reset in the middle of a command is not missed. */
TEST(a_stick_goes_while_it_works)
{
    Stick s = stick_new(BDRV_O_RDWR);
    const uint8_t read10[10] = { 0x28, 0, 0, 0, 0, 0, 0, 0, 8 };
    uint8_t b[64];
    uint32_t len;

    take_attention(&s);
    send_cbw(&s, 8, 4096, true, read10, 10);
    CHECK_EQ(rig_packet(s.d, USB_IN, 1, b, 64, &len), USB_NAK);
    rig_configure(&s.r->port[0], 4);
    send_cbw(&s, 9, 4096, true, read10, 10);
    stick_free(&s);
}

/* storage.c: a command under way when the snapshot was made fails, and is repeated. */
TEST(a_snapshot_in_the_middle_of_a_command)
{
    Stick s = stick_new(BDRV_O_RDWR);
    const uint8_t read10[10] = { 0x28, 0, 0, 0, 0, 3, 0, 0, 1 };
    uint8_t b[512], *image;
    uint32_t len;
    Error err = { "" };

    take_attention(&s);
    image = chip_save(&s.d->dev);
    CHECK_EQ(device_load(&s.d->dev, image, vmstate_size(s.d->dev.type->vmstate), &err), 0);
    free(image);
    send_cbw(&s, 8, 0, false, test_unit_ready, 6);
    check_csw(&s, 8, 0, 0);             /* idle: nothing is to be seen */
    send_cbw(&s, 9, 512, true, read10, 10);
    image = chip_save(&s.d->dev);
    CHECK_EQ(device_load(&s.d->dev, image, vmstate_size(s.d->dev.type->vmstate), &err), 0);
    free(image);
    CHECK_EQ(bulk(&s, USB_IN, b, 512, &len), USB_STALL);
    clear_halt(&s, 0x81);
    check_csw(&s, 9, 512, 1);
    take_attention(&s);
    send_cbw(&s, 10, 512, true, read10, 10);
    CHECK_EQ(bulk(&s, USB_IN, b, 512, &len), USB_ACK);
    CHECK_EQ(b[0], 3);
    check_csw(&s, 10, 0, 0);
    stick_free(&s);
}

TEST(hostile_snapshots)
{
    static const DeviceType *const types[] = {
        &usb_kbd_type, &usb_mouse_type, &usb_tablet_type, &usb_hub_type,
    };

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        Rig *r = rig_new();
        USBDevice *d = rig_plug(&r->dev, types[i], NULL, NULL);
        uint32_t seed = 5;

        for (int k = 0; k < 300; k++) {
            uint8_t *image = chip_save(&d->dev), b[64] = { 0 };
            size_t size = vmstate_size(d->dev.type->vmstate);
            uint32_t len;

            for (size_t n = 0; n < size; n++) {
                image[n] = chip_random(&seed) % 8 ? image[n] : (uint8_t)chip_random(&seed);
            }
            device_load(&d->dev, image, size, NULL);
            input_key((uint8_t)k, true);
            input_pointer(k, -k, 1, k);
            rig_packet(d, USB_IN, 1, b, 64, &len);
            rig_packet(d, USB_IN, 0, b, 64, &len);
            rig_packet(d, USB_OUT, 0, b, 64, &len);
            free(image);
            if (k % 8 == 0) {
                device_reset(&d->dev);
            }
        }
        device_free(&d->dev);
        device_free(&r->dev);
    }
}
