/* SPDX-License-Identifier: MIT */
/* UHCI 1.1 in the PIIX3 (Intel 290550): a frame list in memory, as a driver's. */
#include "hw/usb/uhci.h"

#include "hw/core/pci.h"
#include "hw/usb/hid.h"
#include "hw/usb/storage.h"
#include "tests/unit/scsi-disk.h"
#include "tests/unit/usb-rig.h"
#include "ui/console.h"
#include "util/log.h"

enum { USBCMD = 0x00, USBSTS = 0x02, USBINTR = 0x04, FRNUM = 0x06, FLBASEADD = 0x08,
       SOFMOD = 0x0c, PORTSC1 = 0x10 };
enum { RUN = 1, HCRESET = 2, EGSM = 8, CF = 0x40 };
enum { STS_INT = 1, STS_ERROR = 2, STS_RESUME = 4, STS_HALTED = 0x20 };
enum { IOC_ENABLE = 4, SHORT_ENABLE = 8 };
enum { RAM_SIZE = 1 << 20, FRAME_LIST = 0x1000, QH = 0x4000, TDS = 0x5000, DATA = 0x10000 };
enum { END = 1, QUEUE = 2, DEPTH = 4 };
enum { IN = 0x69, OUT = 0xe1, SETUP = 0x2d };
enum { NAK = 1 << 19, STALLED = 1 << 22, ACTIVE = 1 << 23, IOC = 1 << 24, SPD = 1 << 29,
       THREE_ERRORS = 3 << 27, TIMEOUT = 1 << 18 };

static AddressSpace *mem, *io;
static PCIBus *bus;
static RAMBlock *ram;
static MemoryRegion ram_region;
static Device *hc;
static int irq;
static uint32_t next_td;

static int map_irq(void *opaque, int slot, int pin)
{
    (void)opaque;
    (void)slot;
    return pin;
}

static void set_irq(void *opaque, int line, int level)
{
    (void)opaque;
    CHECK_EQ(line, 3);                  /* INTD# */
    irq = level;
}

static uint32_t get32(uint32_t at) { return (uint32_t)load_le(ram->host + at, 4); }
static void put32(uint32_t at, uint32_t v) { store_le(ram->host + at, v, 4); }
static uint16_t rd(unsigned reg) { return (uint16_t)device_read(hc, 0, reg, 2); }
static void wr(unsigned reg, uint16_t v) { device_write(hc, 0, reg, v, 2); }

static void start(void)
{
    Error err;

    clock_init_manual(&clock_);
    mem = as_new("memory", 1ull << 32);
    io = as_new("io", 1 << 16);
    ram = ram ? ram : ram_block_new("test.ram", RAM_SIZE);
    memset(ram->host, 0, RAM_SIZE);
    region_init_ram(&ram_region, "ram", ram);
    region_map(mem, &ram_region, 0, 0);
    bus = pci_bus_new(mem, io);
    bus->map_irq = map_irq;
    bus->set_irq = set_irq;
    irq = 0;
    next_td = TDS;
    hc = device_new(&piix3_uhci_type, NULL, &clock_, mem, io);
    CHECK_EQ(pci_plug(bus, (PCIDevice *)hc, PCI_DEVFN(1, 2), &err), 0);
    chip_plug(hc);
    pci_config_write(bus, PCI_DEVFN(1, 2), PCI_COMMAND, 5, 2);
}

static void stop(void)
{
    pci_unplug((PCIDevice *)hc);
    device_free(hc);
    free(bus);
    region_unmap(&ram_region);
    as_free(io);
    as_free(mem);
}

/* All frames begin with the one queue. */
static void go(void)
{
    for (uint32_t i = 0; i < 1024; i++) {
        put32(FRAME_LIST + 4 * i, QH | QUEUE);
    }
    put32(QH, END);
    put32(QH + 4, END);
    device_write(hc, 0, FLBASEADD, FRAME_LIST, 4);
    wr(USBINTR, 0x0f);
    wr(USBCMD, RUN | CF);
}

/* 2.1.7: reset is held, let go, and the port enabled. */
static void reset_port(unsigned n)
{
    unsigned reg = PORTSC1 + 2 * n;

    wr(reg, 1 << 9);
    CHECK_EQ(rd(reg) & 0x0205, 0x0201);
    wr(reg, 0);
    wr(reg, 0x0e);
    CHECK_EQ(rd(reg) & 0x020f, 0x0005);
}

static uint32_t add_td(unsigned pid, unsigned addr, unsigned ep, uint32_t flags, uint32_t at,
                       uint32_t len)
{
    uint32_t td = next_td;

    put32(td, (td + 16) | DEPTH);
    put32(td + 4, ACTIVE | THREE_ERRORS | flags);
    put32(td + 8, ((len - 1) & 0x7ff) << 21 | ep << 15 | addr << 8 | pid);
    put32(td + 12, at);
    next_td += 16;
    return td;
}

/* The TDs since `first` are the queue's; they run in the next frame. */
static void queue(uint32_t first)
{
    put32(next_td - 16, END);
    put32(QH + 4, first);
    clock_step(&clock_, 8 * NS_PER_MS);
}

static uint32_t control(unsigned addr, unsigned type, unsigned request, unsigned value,
                        unsigned length)
{
    uint32_t first = next_td;
    bool in = type & 0x80;

    put32(DATA, type | request << 8 | value << 16);
    put32(DATA + 4, length << 16);
    add_td(SETUP, addr, 0, 0, DATA, 8);
    for (unsigned done = 0; done < length; done += 8) {
        add_td(in ? IN : OUT, addr, 0, in ? SPD : 0, DATA + 0x100 + done, MIN(8u, length - done));
    }
    uint32_t last = add_td(in && length ? OUT : IN, addr, 0, IOC, 0, 0);
    queue(first);
    return last;
}

static uint32_t status(uint32_t td) { return get32(td + 4); }
static unsigned moved(uint32_t td) { return (status(td) + 1) & 0x7ff; }

static void ack(void)
{
    wr(USBSTS, 0x1f);
    CHECK_EQ(irq, 0);
}

/* 2.1, 2.4: reset values and configuration. */
TEST(registers_after_reset)
{
    start();
    CHECK_EQ(pci_config_read(bus, PCI_DEVFN(1, 2), 0, 4), 0x70208086);
    CHECK_EQ(pci_config_read(bus, PCI_DEVFN(1, 2), 0x0a, 2), 0x0c03);
    CHECK_EQ(pci_config_read(bus, PCI_DEVFN(1, 2), 0x09, 1), 0);
    CHECK_EQ(pci_config_read(bus, PCI_DEVFN(1, 2), 0x60, 1), 0x10);
    CHECK_EQ(pci_config_read(bus, PCI_DEVFN(1, 2), 0xc0, 2), 0x2000);
    CHECK_EQ(pci_config_read(bus, PCI_DEVFN(1, 2), 0x20, 4), 1);
    CHECK_EQ(rd(USBCMD), 0);
    CHECK_EQ(rd(USBSTS), STS_HALTED);
    CHECK_EQ(rd(SOFMOD) & 0xff, 0x40);
    CHECK_EQ(rd(PORTSC1), 0x80);
    CHECK_EQ(rd(PORTSC1 + 2), 0x80);
    CHECK_EQ(rd(PORTSC1 + 4) & 0x80, 0);        /* which tells that there are two */
    stop();
}

TEST(ports_tell_of_devices)
{
    start();
    USBDevice *d = rig_plug(hc, &usb_mouse_type, NULL, NULL);

    CHECK_EQ(rd(PORTSC1), 0x83);
    wr(PORTSC1 + 2, 1 << 2);            /* no device: it cannot be enabled */
    CHECK_EQ(rd(PORTSC1 + 2), 0x80);
    reset_port(0);
    device_free(&d->dev);
    CHECK_EQ(rd(PORTSC1), 0x8a);        /* both have changed */
    wr(PORTSC1, 0x0a);
    CHECK_EQ(rd(PORTSC1), 0x80);
    stop();
}

/* 2.1.2, 2.1.4: frames count while running; a stopped controller is halted. */
TEST(frames)
{
    start();
    wr(FRNUM, 0x7fe);
    go();
    CHECK_EQ(rd(USBSTS) & STS_HALTED, 0);
    clock_step(&clock_, 5 * NS_PER_MS + 1000);
    CHECK_EQ(rd(FRNUM), (0x7fe + 5) & 0x7ff);
    wr(FRNUM, 0);                       /* not while running */
    CHECK_EQ(rd(FRNUM), (0x7fe + 5) & 0x7ff);
    wr(USBCMD, CF);
    CHECK_EQ(rd(USBSTS) & STS_HALTED, STS_HALTED);
    clock_step(&clock_, 5 * NS_PER_MS);
    CHECK_EQ(rd(FRNUM), (0x7fe + 5) & 0x7ff);
    stop();
}

/* 3.2: packets of a control transfer; the interrupt is the last one's. */
TEST(control_transfers)
{
    start();
    USBDevice *d = rig_plug(hc, &usb_mouse_type, NULL, NULL);

    go();
    reset_port(0);
    uint32_t last = control(0, 0x80, 6, 0x0100, 18);
    CHECK_EQ(status(last) & (ACTIVE | STALLED), 0);
    CHECK_EQ(get32(DATA + 0x108), 0x00010627);
    CHECK_EQ(moved(last - 16), 2);      /* 18 = 8 + 8 + 2 */
    CHECK_EQ(get32(QH + 4) & END, END);
    CHECK_EQ(rd(USBSTS) & 0x1f, STS_INT);
    CHECK_EQ(irq, 1);
    ack();
    control(0, 0x00, 5, 9, 0);
    ack();
    CHECK_EQ(d->address, 9);
    last = control(9, 0x80, 6, 0x0f00, 8);      /* no such descriptor */
    CHECK_EQ(status(last - 16) & (ACTIVE | STALLED), STALLED);
    CHECK_EQ(status(last) & ACTIVE, ACTIVE);
    CHECK_EQ(get32(QH + 4) & ~15u, last - 16);  /* the queue stops there */
    CHECK_EQ(rd(USBSTS) & 0x1f, STS_ERROR);
    CHECK_EQ(irq, 1);
    ack();
    last = control(5, 0x80, 6, 0x0100, 8);      /* nobody: three attempts */
    CHECK_EQ(status(last - 32) & (ACTIVE | STALLED | TIMEOUT | THREE_ERRORS), STALLED | TIMEOUT);
    device_free(&d->dev);
    stop();
}

/* 3.2.2 SPD: a short packet stops its queue and interrupts, if it is wanted. */
TEST(short_packets)
{
    start();
    USBDevice *d = rig_plug(hc, &usb_mouse_type, NULL, NULL);

    go();
    reset_port(0);
    uint32_t last = control(0, 0x80, 6, 0x0100, 64);
    CHECK_EQ(status(last) & ACTIVE, ACTIVE);
    CHECK_EQ(get32(QH + 4) & ~15u, TDS + 16 * 3);       /* setup, 8, 8, 2 */
    CHECK_EQ(rd(USBSTS) & 0x1f, STS_INT);
    CHECK_EQ(irq, 1);
    wr(USBINTR, IOC_ENABLE);            /* this one is masked, 2.1.3 */
    CHECK_EQ(irq, 0);
    wr(USBINTR, SHORT_ENABLE);
    CHECK_EQ(irq, 1);
    device_free(&d->dev);
    stop();
}

/* A key is reported when the host next looks, and NAK until then. */
TEST(a_key_press)
{
    start();
    USBDevice *d = rig_plug(hc, &usb_kbd_type, NULL, NULL);

    go();
    reset_port(0);
    control(0, 0x00, 5, 1, 0);
    control(1, 0x00, 9, 1, 0);
    control(1, 0x21, 10, 0, 0);
    ack();
    uint32_t td = add_td(IN, 1, 1, IOC, DATA + 0x200, 8);
    queue(td);
    clock_step(&clock_, 1000 * NS_PER_MS);
    CHECK_EQ(status(td) & (ACTIVE | NAK), ACTIVE | NAK);
    CHECK_EQ(irq, 0);
    input_key(0x1e, true);
    clock_step(&clock_, 1 * NS_PER_MS);
    CHECK_EQ(status(td) & ACTIVE, 0);
    CHECK_EQ(get32(DATA + 0x200), 0x040000);
    CHECK_EQ(irq, 1);
    device_free(&d->dev);
    stop();
}

/* 2.1.2: in global suspend, remote wake-up is an interrupt. */
TEST(remote_wakeup)
{
    start();
    USBDevice *d = rig_plug(hc, &usb_kbd_type, NULL, NULL);

    go();
    reset_port(0);
    control(0, 0x00, 9, 1, 0);
    control(0, 0x00, 3, 1, 0);
    ack();
    wr(USBCMD, EGSM | CF);
    input_key(0x1e, true);
    CHECK_EQ(rd(USBSTS) & STS_RESUME, STS_RESUME);
    CHECK_EQ(irq, 1);
    device_free(&d->dev);
    stop();
}

/* -- Bulk -------------------------------------------------------------------- */

static uint32_t put_cbw(uint32_t length, const uint8_t *cdb, unsigned len)
{
    memset(ram->host + DATA, 0, 31);
    put32(DATA, 0x43425355);
    put32(DATA + 4, 0x1234);
    put32(DATA + 8, length);
    ram->host[DATA + 12] = 0x80;
    ram->host[DATA + 14] = (uint8_t)len;
    memcpy(ram->host + DATA + 15, cdb, len);
    return add_td(OUT, 1, 2, 0, DATA, 31);
}

/* A ring of queues (bandwidth reclamation): all packets in a few frames. */
TEST(blocks_are_read)
{
    const uint8_t ready[6] = { 0 }, read10[10] = { 0x28, 0, 0, 0, 0, 1, 0, 0, 32 };

    start();
    TestDrive drive = drive_new("stick", 64, 512, BDRV_O_RDWR);
    USBDevice *d = rig_plug(hc, &usb_storage_type, "drive", drive.blk);
    go();
    put32(QH, QH | QUEUE);              /* a ring */
    reset_port(0);
    control(0, 0x00, 5, 1, 0);
    control(1, 0x00, 9, 1, 0);
    uint32_t first = put_cbw(0, ready, 6);
    uint32_t csw = add_td(IN, 1, 1, IOC | SPD, DATA + 0x40, 13);
    queue(first);
    CHECK_EQ(status(csw) & ACTIVE, 0);
    CHECK_EQ(ram->host[DATA + 0x4c], 1);        /* unit attention */
    ack();
    next_td = TDS;
    first = put_cbw(32 * 512, read10, 10);
    for (uint32_t at = 0; at < 32 * 512; at += 64) {
        add_td(IN, 1, 1, SPD, DATA + 0x1000 + at, 64);
    }
    csw = add_td(IN, 1, 1, IOC | SPD, DATA + 0x40, 13);
    int64_t began = clock_now(&clock_);
    put32(next_td - 16, END);
    put32(QH + 4, first);
    for (int i = 0; i < 20 && status(csw) & ACTIVE; i++) {
        clock_step(&clock_, NS_PER_MS);
        blk_drain(drive.blk);
    }
    CHECK_EQ(status(csw) & (ACTIVE | STALLED), 0);
    CHECK_EQ(get32(DATA + 0x40), 0x53425355);
    CHECK_EQ(ram->host[DATA + 0x4c], 0);
    for (uint32_t i = 0; i < 32; i++) {
        CHECK_EQ(get32(DATA + 0x1000 + 512 * i), i + 1);
        CHECK_EQ(ram->host[DATA + 0x1000 + 512 * i + 511], i + 1);
    }
    CHECK(clock_now(&clock_) - began <= 3 * NS_PER_MS);
    device_free(&d->dev);
    stop();
    drive_free(&drive);
}

/* 3.3: a TD that is no PID is a process error: the controller halts. */
TEST(a_bad_pid_halts)
{
    uint64_t before = log_count(LOG_GUEST_ERRORS);

    start();
    go();
    uint32_t td = add_td(0x55, 1, 1, 0, DATA, 8);
    queue(td);
    CHECK_EQ(rd(USBSTS) & 0x30, 0x30);
    CHECK_EQ(rd(USBCMD) & RUN, 0);
    CHECK(log_count(LOG_GUEST_ERRORS) > before);
    stop();
}

TEST(nonsense_lists_end)
{
    uint32_t seed = 11;

    start();
    USBDevice *d = rig_plug(hc, &usb_kbd_type, NULL, NULL);
    for (int round = 0; round < 200; round++) {
        go();
        for (uint32_t at = 0; at < 0x3000; at += 4) {
            uint32_t r = chip_random(&seed);

            put32(at, r % 3 ? (r >> 4 & 0x2ffe) : r << 8 ^ chip_random(&seed));
        }
        reset_port(0);
        clock_step(&clock_, 40 * NS_PER_MS);
        wr(USBSTS, 0x1f);
    }
    device_free(&d->dev);
    stop();
}

TEST(contract)
{
    start();
    go();
    chip_scribble(hc, 3, 100);
    device_reset(hc);
    chip_check_reset(hc);
    chip_check_hostile_snapshots(hc);
    stop();
}
