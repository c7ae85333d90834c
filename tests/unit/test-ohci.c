/* SPDX-License-Identifier: MIT */
/* OpenHCI 1.0a: descriptors in memory, as a driver builds them. */
#include "hw/usb/ohci.h"

#include "hw/usb/hid.h"
#include "hw/usb/storage.h"
#include "tests/unit/scsi-disk.h"
#include "tests/unit/usb-rig.h"
#include "ui/console.h"

enum { HC_CONTROL = 0x04, HC_COMMAND_STATUS = 0x08, HC_INTERRUPT_STATUS = 0x0c,
       HC_INTERRUPT_ENABLE = 0x10, HC_HCCA = 0x18, HC_CONTROL_HEAD = 0x20, HC_BULK_HEAD = 0x28,
       HC_DONE_HEAD = 0x30, HC_FM_NUMBER = 0x3c, HC_RH_A = 0x48, HC_RH_STATUS = 0x50,
       HC_PORT = 0x54 };
enum { OPERATIONAL = 0x80, SUSPEND = 0xc0, PLE = 4, CLE = 0x10, BLE = 0x20, CLF = 2, BLF = 4 };
enum { WDH = 2, SF = 4, RD = 8, RHSC = 0x40 };
#define MIE 0x80000000u
enum { RAM_SIZE = 1 << 20, HCCA = 0x1000, CONTROL_ED = 0x1200, BULK_IN_ED = 0x1210,
       BULK_OUT_ED = 0x1220, INTERRUPT_ED = 0x1230, TDS = 0x2000, DATA = 0x8000 };
enum { SETUP = 0, OUT = 1, IN = 2 };
#define ROUNDING (1u << 18)

static AddressSpace *mem;
static RAMBlock *ram;
static MemoryRegion ram_region;
static Device *hc;
static uint32_t next_td;

static uint32_t get32(uint32_t at) { return (uint32_t)load_le(ram->host + at, 4); }
static void put32(uint32_t at, uint32_t v) { store_le(ram->host + at, v, 4); }
static uint32_t rd(unsigned reg) { return (uint32_t)device_read(hc, 0, reg, 4); }
static void wr(unsigned reg, uint32_t v) { device_write(hc, 0, reg, v, 4); }

static void start(void)
{
    clock_init_manual(&clock_);
    mem = as_new("memory", 1ull << 32);
    ram = ram ? ram : ram_block_new("test.ram", RAM_SIZE);
    memset(ram->host, 0, RAM_SIZE);
    region_init_ram(&ram_region, "ram", ram);
    region_map(mem, &ram_region, 0, 0);
    next_td = TDS;
    hc = chip_plug(device_new(&ohci_type, NULL, &clock_, mem, NULL));
}

static void stop(void)
{
    device_free(hc);
    region_unmap(&ram_region);
    as_free(mem);
}

static void go(void)
{
    wr(HC_HCCA, HCCA);
    wr(HC_CONTROL_HEAD, CONTROL_ED);
    wr(HC_BULK_HEAD, BULK_IN_ED);
    wr(HC_INTERRUPT_ENABLE, MIE | WDH | RHSC);
    wr(HC_CONTROL, OPERATIONAL | CLE | BLE | PLE);
}

/* Reset of a port, 7.4.4; what is there answers at address 0. */
static void reset_port(unsigned n)
{
    CHECK_EQ(rd(HC_PORT + 4 * n) & 1, 1);
    wr(HC_PORT + 4 * n, 1 << 4);
    CHECK_EQ(rd(HC_PORT + 4 * n) & 0x00100113, 0x00100103);
    wr(HC_PORT + 4 * n, 0x1f << 16);
}

static void put_ed(uint32_t ed, unsigned addr, unsigned ep, unsigned dir, unsigned max,
                   uint32_t next)
{
    put32(ed, addr | ep << 7 | dir << 11 | max << 16);
    put32(ed + 4, TDS);                 /* tail */
    put32(ed + 8, TDS);                 /* head: empty */
    put32(ed + 12, next);
}

/* Append a TD: the tail's place is used, and the tail moves on (5.2.8.2). */
static uint32_t add_td(uint32_t ed, unsigned dir, uint32_t flags, uint32_t at, uint32_t len)
{
    uint32_t td = next_td;

    if (get32(ed + 8) == get32(ed + 4)) {
        put32(ed + 8, td | (get32(ed + 8) & 2));
    }
    put32(td, 0xf0000000u | flags | dir << 19);
    put32(td + 4, len ? at : 0);
    put32(td + 8, td + 16);
    put32(td + 12, len ? at + len - 1 : 0);
    next_td += 16;
    put32(ed + 4, next_td);
    return td;
}

static unsigned code(uint32_t td) { return get32(td) >> 28; }

static void put_setup(uint32_t at, unsigned type, unsigned request, unsigned value,
                      unsigned length)
{
    put32(at, type | request << 8 | value << 16);
    put32(at + 4, length << 16);
}

/* A whole control transfer; the last TD. */
static uint32_t control(unsigned addr, unsigned type, unsigned request, unsigned value,
                        unsigned length)
{
    unsigned dir = type & 0x80 ? IN : OUT;
    uint32_t last;

    put_setup(DATA, type, request, value, length);
    put_ed(CONTROL_ED, addr, 0, 0, 8, 0);
    put32(CONTROL_ED + 8, next_td);
    put32(CONTROL_ED + 4, next_td);
    add_td(CONTROL_ED, SETUP, 2u << 24, DATA, 8);
    if (length) {
        add_td(CONTROL_ED, dir, 3u << 24 | ROUNDING, DATA + 0x100, length);
    }
    last = add_td(CONTROL_ED, length && dir == IN ? OUT : IN, 3u << 24, 0, 0);
    wr(HC_COMMAND_STATUS, CLF);
    return last;
}

/* Take the done queue, as a driver's interrupt handler does until it is over; how
 * many TDs it had. */
static unsigned reap(void)
{
    unsigned n = 0;

    CHECK_EQ(wire[0], 1);
    for (int i = 0; wire[0] && i < 10; i++) {
        CHECK_EQ(rd(HC_INTERRUPT_STATUS) & WDH, WDH);
        for (uint32_t td = get32(HCCA + 0x84) & ~15u; td && n < 100; td = get32(td + 8)) {
            n++;
        }
        put32(HCCA + 0x84, 0);
        wr(HC_INTERRUPT_STATUS, WDH);
    }
    CHECK_EQ(wire[0], 0);
    return n;
}

/* Chapter 7: reset values. */
TEST(registers_after_reset)
{
    start();
    CHECK_EQ(rd(0), 0x10);
    CHECK_EQ(rd(HC_CONTROL), 0);        /* UsbReset */
    CHECK_EQ(rd(0x34), 0x2edf);
    CHECK_EQ(rd(0x44), 0x628);
    CHECK_EQ(rd(HC_RH_A) & 0xff, 3);
    CHECK_EQ(rd(HC_PORT), 0x100);
    CHECK_EQ(rd(HC_PORT + 12), 0);      /* there are three */
    stop();
}

/* 7.1.3: HostControllerReset leads to UsbSuspend, and leaves the root hub alone. */
TEST(a_software_reset)
{
    start();
    USBDevice *d = rig_plug(hc, &usb_kbd_type, NULL, NULL);

    go();
    CHECK_EQ(wire[0], 1);
    wr(HC_COMMAND_STATUS, 1);
    CHECK_EQ(rd(HC_CONTROL) & 0xc0, SUSPEND);
    CHECK_EQ(rd(HC_COMMAND_STATUS), 0);
    CHECK_EQ(rd(HC_HCCA), 0);
    CHECK_EQ(wire[0], 0);
    CHECK_EQ(rd(HC_PORT) & 0x10001, 0x10001);
    device_free(&d->dev);
    stop();
}

/* 7.4.4, 7.1.4: connection is a root hub status change; enabling needs a device. */
TEST(ports_tell_of_devices)
{
    start();
    go();
    wr(HC_PORT, 1 << 1);                /* SetPortEnable of an empty port */
    CHECK_EQ(rd(HC_PORT), 0x10100);
    wr(HC_PORT, 1 << 16);
    wr(HC_INTERRUPT_STATUS, RHSC);
    CHECK_EQ(wire[0], 0);
    USBDevice *d = rig_plug(hc, &usb_kbd_type, NULL, NULL);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(rd(HC_PORT), 0x10101);
    wr(HC_INTERRUPT_STATUS, RHSC);
    reset_port(0);
    device_free(&d->dev);
    CHECK_EQ(rd(HC_PORT), 0x30100);     /* CSC, PESC */
    CHECK_EQ(rd(HC_INTERRUPT_STATUS) & RHSC, RHSC);
    stop();
}

/* 5.1.2.3, 7.4.3: with DRWE a connection resumes a suspended bus. */
TEST(a_connection_wakes_the_bus)
{
    start();
    go();
    wr(HC_RH_STATUS, 1 << 15);
    wr(HC_CONTROL, SUSPEND);
    USBDevice *d = rig_plug(hc, &usb_kbd_type, NULL, NULL);
    CHECK_EQ(rd(HC_CONTROL) & 0xc0, 0x40);      /* UsbResume */
    CHECK_EQ(rd(HC_INTERRUPT_STATUS) & (RD | RHSC), RD | RHSC);
    device_free(&d->dev);
    stop();
}

/* 5.2.7.1.2: the frame number counts milliseconds, also in the HCCA. */
TEST(frames)
{
    start();
    go();
    clock_step(&clock_, 5 * NS_PER_MS + 1000);
    CHECK_EQ(rd(HC_FM_NUMBER), 5);
    CHECK_EQ(get32(HCCA + 0x80) & 0xffff, 5);
    CHECK_EQ(rd(HC_INTERRUPT_STATUS) & SF, SF);
    clock_step(&clock_, 70000ll * NS_PER_MS);
    CHECK_EQ(rd(HC_FM_NUMBER), (70000 + 5) & 0xffff);
    uint32_t seen = get32(HCCA + 0x80) & 0xffff;
    CHECK((uint16_t)(rd(HC_FM_NUMBER) - seen) <= 16);
    CHECK_EQ(rd(HC_INTERRUPT_STATUS) & 0x20, 0x20);     /* FrameNumberOverflow */
    wr(HC_INTERRUPT_ENABLE, MIE | SF);  /* who wants each frame gets each */
    clock_step(&clock_, 2 * NS_PER_MS);
    for (int i = 0; i < 5; i++) {
        wr(HC_INTERRUPT_STATUS, SF);
        CHECK_EQ(wire[0], 0);
        clock_step(&clock_, NS_PER_MS);
        CHECK_EQ(wire[0], 1);
    }
    stop();
}

/* 4.3: get descriptor, set address: each stage a TD, retired onto the done queue. */
TEST(control_transfers)
{
    start();
    USBDevice *d = rig_plug(hc, &usb_kbd_type, NULL, NULL);

    go();
    wr(HC_INTERRUPT_STATUS, RHSC);
    reset_port(0);
    wr(HC_INTERRUPT_STATUS, RHSC);
    uint32_t last = control(0, 0x80, 6, 0x0100, 18);
    CHECK_EQ(code(last), 0);
    CHECK_EQ(reap(), 3);
    CHECK_EQ(ram->host[DATA + 0x100], 18);
    CHECK_EQ(get32(DATA + 0x108), 0x00010627);
    CHECK_EQ(rd(HC_COMMAND_STATUS) & CLF, CLF); /* there were TDs: another pass */
    /* less than asked for: CurrentBufferPointer stays behind the last byte */
    control(0, 0x80, 6, 0x0100, 64);
    CHECK_EQ(get32(next_td - 32 + 4), DATA + 0x100 + 18);
    CHECK_EQ(reap(), 3);
    last = control(0, 0x00, 5, 9, 0);
    CHECK_EQ(code(last), 0);
    CHECK_EQ(reap(), 2);
    CHECK_EQ(d->address, 9);
    last = control(0, 0x80, 6, 0x0100, 18);
    CHECK_EQ(get32(CONTROL_ED + 8) & 1, 1);     /* nobody there: halted */
    CHECK_EQ(reap(), 1);
    last = control(9, 0x80, 6, 0x0f00, 18);
    CHECK_EQ(code(next_td - 32), 4);    /* STALL at the data stage */
    CHECK_EQ(get32(CONTROL_ED + 8) & 1, 1);
    CHECK_EQ(code(last), 15);           /* not accessed */
    CHECK_EQ(reap(), 2);
    device_free(&d->dev);
    stop();
}

/* 4.3.1.2: without bufferRounding a short packet is DataUnderrun, and halts. */
TEST(a_short_packet_may_be_an_error)
{
    start();
    USBDevice *d = rig_plug(hc, &usb_kbd_type, NULL, NULL);

    go();
    reset_port(0);
    wr(HC_INTERRUPT_STATUS, RHSC);
    put_setup(DATA, 0x80, 6, 0x0100, 64);
    put_ed(CONTROL_ED, 0, 0, 0, 8, 0);
    add_td(CONTROL_ED, SETUP, 2u << 24, DATA, 8);
    uint32_t td = add_td(CONTROL_ED, IN, 3u << 24, DATA + 0x100, 64);
    wr(HC_COMMAND_STATUS, CLF);
    CHECK_EQ(code(td), 9);
    CHECK_EQ(get32(CONTROL_ED + 8) & 1, 1);
    device_free(&d->dev);
    stop();
}

/* 5.2.7.1: an interrupt endpoint in every eighth list; a key comes within 8 ms. */
TEST(a_key_press)
{
    start();
    USBDevice *d = rig_plug(hc, &usb_kbd_type, NULL, NULL);

    go();
    wr(HC_INTERRUPT_STATUS, RHSC);
    reset_port(0);
    wr(HC_INTERRUPT_STATUS, RHSC);
    control(0, 0x00, 5, 1, 0);
    CHECK_EQ(reap(), 2);
    control(1, 0x00, 9, 1, 0);
    CHECK_EQ(reap(), 2);
    control(1, 0x21, 10, 0, 0);         /* no idle rate */
    CHECK_EQ(reap(), 2);
    put_ed(INTERRUPT_ED, 1, 1, IN, 8, 0);
    for (int i = 3; i < 32; i += 8) {
        put32(HCCA + 4 * i, INTERRUPT_ED);
    }
    put32(INTERRUPT_ED + 8, next_td);
    put32(INTERRUPT_ED + 4, next_td);
    uint32_t td = add_td(INTERRUPT_ED, IN, ROUNDING, DATA + 0x200, 8);
    clock_step(&clock_, 1000 * NS_PER_MS);
    CHECK_EQ(code(td), 15);             /* NAK, all the time */
    CHECK_EQ(wire[0], 0);
    input_key(0x1e, true);
    clock_step(&clock_, 8 * NS_PER_MS);
    CHECK_EQ(code(td), 0);
    CHECK_EQ(get32(DATA + 0x200), 0x040000);
    CHECK_EQ(reap(), 1);
    device_free(&d->dev);
    stop();
}

/* -- Bulk -------------------------------------------------------------------- */

static TestDrive drive;
static USBDevice *stick;

static void start_stick(void)
{
    start();
    drive = drive_new("stick", 64, 512, BDRV_O_RDWR);
    stick = rig_plug(hc, &usb_storage_type, "drive", drive.blk);
    go();
    wr(HC_INTERRUPT_STATUS, RHSC);
    reset_port(0);
    wr(HC_INTERRUPT_STATUS, RHSC);
    control(0, 0x00, 5, 1, 0);
    CHECK_EQ(reap(), 2);
    control(1, 0x00, 9, 1, 0);
    CHECK_EQ(reap(), 2);
    put_ed(BULK_IN_ED, 1, 1, IN, 64, BULK_OUT_ED);
    put_ed(BULK_OUT_ED, 1, 2, OUT, 64, 0);
    put32(BULK_OUT_ED + 8, next_td);
    put32(BULK_OUT_ED + 4, next_td);
    next_td += 0x1000;                  /* the two queues apart */
    put32(BULK_IN_ED + 8, next_td);
    put32(BULK_IN_ED + 4, next_td);
}

static void stop_stick(void)
{
    device_free(&stick->dev);
    stop();
    drive_free(&drive);
}

static void put_cbw(uint32_t at, uint32_t length, bool in, const uint8_t *cdb, unsigned len)
{
    memset(ram->host + at, 0, 31);
    put32(at, 0x43425355);
    put32(at + 4, 0x1234);
    put32(at + 8, length);
    ram->host[at + 12] = in ? 0x80 : 0;
    ram->host[at + 14] = (uint8_t)len;
    memcpy(ram->host + at + 15, cdb, len);
}

/* One queue: command out, then `in` for data and status. */
static void command(const uint8_t *cdb, unsigned len, uint32_t data, uint32_t size)
{
    uint32_t in_tail = next_td;

    put_cbw(DATA, size, true, cdb, len);
    next_td = get32(BULK_OUT_ED + 4);
    uint32_t out = add_td(BULK_OUT_ED, OUT, 0, DATA, 31);
    wr(HC_COMMAND_STATUS, BLF);
    CHECK_EQ(code(out), 0);
    next_td = in_tail;
    for (uint32_t at = data, left = size; left;) {      /* a TD has two pages at most */
        uint32_t n = MIN(left, 0x2000 - at % 0x1000);

        add_td(BULK_IN_ED, IN, 7u << 21, at, n);        /* no interrupt */
        at += n;
        left -= n;
    }
    add_td(BULK_IN_ED, IN, ROUNDING, DATA + 0x40, 13);
    wr(HC_COMMAND_STATUS, BLF);
    for (int i = 0; i < 100 && code(next_td - 16) == 15; i++) {
        blk_drain(drive.blk);
        clock_step(&clock_, 10000);
    }
}

TEST(blocks_are_read)
{
    const uint8_t ready[6] = { 0 }, read10[10] = { 0x28, 0, 0, 0, 0, 1, 0, 0, 32 };

    start_stick();
    command(ready, 6, 0, 0);
    CHECK_EQ(ram->host[DATA + 0x40 + 12], 1);   /* unit attention */
    CHECK(reap() >= 1);
    int64_t began = clock_now(&clock_);
    command(read10, 10, DATA + 0x1e00, 32 * 512);
    CHECK_EQ(code(next_td - 16), 0);
    CHECK_EQ(get32(DATA + 0x40), 0x53425355);
    CHECK_EQ(get32(DATA + 0x44), 0x1234);
    CHECK_EQ(get32(DATA + 0x48), 0);
    CHECK_EQ(ram->host[DATA + 0x40 + 12], 0);
    for (uint32_t i = 0; i < 32; i++) {         /* across pages, in order */
        CHECK_EQ(get32(DATA + 0x1e00 + 512 * i), i + 1);
        CHECK_EQ(ram->host[DATA + 0x1e00 + 512 * i + 511], i + 1);
    }
    CHECK_EQ(get32(BULK_IN_ED + 8) & 1, 0);
    /* far more than the 1.2 MB/s of a wire: no frame had to pass for it */
    CHECK(clock_now(&clock_) - began < 1 * NS_PER_MS);
    CHECK(reap() >= 4);
    stop_stick();
}

/* 4.3.1.3.5: toggles go on through a TD, one per packet, and stay with the endpoint. */
TEST(toggles_are_kept)
{
    const uint8_t inquiry[6] = { 0x12, 0, 0, 0, 36, 0 };

    start_stick();
    command(inquiry, 6, DATA + 0x200, 36);
    CHECK_EQ(get32(BULK_OUT_ED + 8) & 2, 2);    /* one packet out */
    CHECK_EQ(get32(BULK_IN_ED + 8) & 2, 0);     /* two in */
    CHECK(!memcmp(ram->host + DATA + 0x208, "QEMU", 4));
    stop_stick();
}

/* 4.2.2: an endpoint with sKip or Halted is not worked on. */
TEST(skipped_endpoints_wait)
{
    const uint8_t ready[6] = { 0 };

    start_stick();
    put32(BULK_OUT_ED, get32(BULK_OUT_ED) | 1 << 14);
    put_cbw(DATA, 0, true, ready, 6);
    next_td = get32(BULK_OUT_ED + 4);
    uint32_t td = add_td(BULK_OUT_ED, OUT, 0, DATA, 31);
    wr(HC_COMMAND_STATUS, BLF);
    clock_step(&clock_, 50 * NS_PER_MS);
    CHECK_EQ(code(td), 15);
    CHECK_EQ(rd(HC_COMMAND_STATUS) & BLF, 0);   /* none was found */
    put32(BULK_OUT_ED, get32(BULK_OUT_ED) & ~(1u << 14));
    wr(HC_COMMAND_STATUS, BLF);
    CHECK_EQ(code(td), 0);
    stop_stick();
}

/* 4.4.1: DelayInterrupt says how many frames the done queue may wait. */
TEST(the_done_queue_waits)
{
    start();
    USBDevice *d = rig_plug(hc, &usb_kbd_type, NULL, NULL);

    go();
    wr(HC_INTERRUPT_STATUS, RHSC);
    reset_port(0);
    wr(HC_INTERRUPT_STATUS, RHSC);
    put_setup(DATA, 0x80, 6, 0x0100, 18);
    put_ed(CONTROL_ED, 0, 0, 0, 8, 0);
    uint32_t td = add_td(CONTROL_ED, SETUP, 2u << 24 | 3u << 21, DATA, 8);
    wr(HC_COMMAND_STATUS, CLF);
    CHECK_EQ(code(td), 0);
    CHECK_EQ(rd(HC_DONE_HEAD), td);
    CHECK_EQ(wire[0], 0);
    clock_step(&clock_, 2 * NS_PER_MS);
    CHECK_EQ(wire[0], 0);
    clock_step(&clock_, 1 * NS_PER_MS);
    CHECK_EQ(reap(), 1);
    device_free(&d->dev);
    stop();
}

/* Rings of EDs, TDs that are nowhere, lengths that are nonsense: the guest's problem. */
TEST(nonsense_lists_end)
{
    uint32_t seed = 11;

    start();
    USBDevice *d = rig_plug(hc, &usb_kbd_type, NULL, NULL);
    for (int round = 0; round < 200; round++) {
        for (uint32_t at = 0; at < 0x3000; at += 4) {
            uint32_t r = chip_random(&seed);

            put32(at, r % 3 ? (r >> 4 & 0x2ff0) : r << 8 ^ chip_random(&seed));
        }
        go();
        reset_port(0);
        wr(HC_COMMAND_STATUS, CLF | BLF);
        clock_step(&clock_, 40 * NS_PER_MS);
    }
    device_free(&d->dev);
    stop();
}

TEST(contract)
{
    start();
    USBDevice *d = rig_plug(hc, &usb_kbd_type, NULL, NULL);
    Device *other = device_new(&ohci_type, NULL, &clock_, mem, NULL);
    Error err;

    CHECK_EQ(device_realize(other, &err), 0);
    device_reset(other);
    go();
    wr(HC_INTERRUPT_STATUS, RHSC);
    reset_port(0);
    clock_step(&clock_, 3 * NS_PER_MS);
    chip_check_snapshot(hc, other);
    device_free(other);
    device_reset(hc);
    chip_check_reset(hc);
    chip_check_hostile_snapshots(hc);
    device_free(&d->dev);
    stop();
}
