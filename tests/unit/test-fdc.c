/* SPDX-License-Identifier: MIT */
/* 82078 through its ports, with an 8237 and RAM (Intel 290468). */
#include <stdlib.h>
#include <unistd.h>

#include "block/block.h"
#include "hw/block/fdc.h"
#include "hw/dma/i8237.h"
#include "tests/test.h"
#include "util/bits.h"
#include "util/mem.h"

enum { BUF = 0x8000, DOR = 0x3f2, MSR = 0x3f4, DSR = 0x3f4, FIFO = 0x3f5, DIR = 0x3f7 };

static Clock clock_;
static AddressSpace *mem, *io;
static RAMBlock *ram;
static MemoryRegion ram_region;
static Device *dma, *fdc;
static BlockDriverState *blk;
static char *path;
static int irq, irq_edges;

static void on_irq(void *opaque, int n, int level)
{
    (void)opaque;
    (void)n;
    irq_edges += level && !irq;
    irq = level;
}

static void *find(void *opaque, PropKind kind, const char *name)
{
    (void)opaque;
    (void)name;
    return kind == PROP_DRIVE ? (void *)blk : (void *)dma;
}

static void out(uint16_t port, uint8_t v) { as_store(io, port, v, 1); }
static uint8_t in(uint16_t port) { return (uint8_t)as_load(io, port, 1); }

/* An image whose sectors begin with their number. */
static void make_image(uint32_t sectors)
{
    uint8_t sec[512];

    path = xasprintf("%s/test-fdc-XXXXXX", getenv("TMPDIR") ?: "/var/tmp");
    int fd = mkstemp(path);

    for (uint32_t i = 0; i < sectors; i++) {
        memset(sec, (uint8_t)i, 512);
        store_le(sec, i, 4);
        if (write(fd, sec, 512) != 512) {
            abort();
        }
    }
    close(fd);
}

static void start(uint32_t sectors, int flags)
{
    const PropResolver r = { find, NULL };
    Error err = { "" };

    irq = irq_edges = 0;
    clock_init_manual(&clock_);
    mem = as_new("memory", 1ull << 32);
    io = as_new("io", 1 << 16);
    ram = ram_block_new("fdc.ram", 1 << 20);
    region_init_ram(&ram_region, "ram", ram);
    region_map(mem, &ram_region, 0, 0);
    dma = device_new(&i8237_type, "dma", &clock_, mem, io);
    CHECK_EQ(device_realize(dma, &err), 0);
    device_reset(dma);
    device_map(dma, I8237_REGS, 0, 0);
    device_map(dma, I8237_PAGES, 0x80, 0);
    blk = bdrv_new("floppy0");
    path = NULL;
    if (sectors) {
        make_image(sectors);
        CHECK_EQ(bdrv_open(blk, path, "raw", flags, NULL, &err), 0);
    }
    fdc = device_new(&fdc_type, "fdc", &clock_, mem, io);
    device_connect(fdc, 0, (qemu_irq){ on_irq, NULL, 0 });
    CHECK_EQ(device_set_prop(fdc, "driveA", "floppy0", &r, &err), 0);
    CHECK_EQ(device_set_prop(fdc, "dma", "dma", &r, &err), 0);
    CHECK_EQ(device_realize(fdc, &err), 0);
    device_reset(fdc);
    device_map(fdc, 0, 0x3f0, 0);
    device_map(fdc, 1, 0x3f7, 0);
}

static void stop(void)
{
    device_free(fdc);
    device_free(dma);
    bdrv_delete(blk);
    region_unmap(&ram_region);
    as_free(mem);
    as_free(io);
    if (path) {
        unlink(path);
        free(path);
    }
}

static void send(const uint8_t *bytes, int n)
{
    for (int i = 0; i < n; i++) {
        CHECK_EQ(in(MSR) & 0xc0, 0x80);
        out(FIFO, bytes[i]);
    }
    blk_drain_all();
}

#define SEND(...) send((const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }))

static void results(uint8_t *bytes, int n)
{
    for (int i = 0; i < n; i++) {
        CHECK_EQ(in(MSR) & 0xd0, 0xd0);
        bytes[i] = in(FIFO);
    }
    CHECK_EQ(in(MSR), 0x80);
}

/* DMA channel 2 at BUF; mode 44h: to memory, 48h: from memory. */
static void program_dma(uint8_t mode, unsigned len)
{
    out(0x0a, 0x06);
    out(0x0c, 0);
    out(0x0b, mode | 2);
    out(0x04, BUF & 0xff);
    out(0x04, BUF >> 8);
    out(0x81, 0);
    out(0x05, (uint8_t)(len - 1));
    out(0x05, (uint8_t)((len - 1) >> 8));
    out(0x0a, 0x02);
}

/* What a BIOS does first: reset, four sense interrupts, SPECIFY, rate, motor. */
static void bring_up(uint8_t rate)
{
    uint8_t r[2];

    out(DOR, 0x00);
    CHECK_EQ(in(MSR), 0);
    out(DOR, 0x1c);
    CHECK_EQ(irq, 1);
    for (int i = 0; i < 4; i++) {       /* 5.2.4.1 */
        SEND(0x08);
        results(r, 2);
        CHECK_EQ(r[0], 0xc0 | i);
    }
    CHECK_EQ(irq, 0);
    SEND(0x08);
    results(r, 1);
    CHECK_EQ(r[0], 0x80);
    SEND(0x03, 0xaf, 0x02);
    out(DIR, rate);
}

static void seek(uint8_t cyl)
{
    uint8_t r[2];

    SEND(0x0f, 0x00, cyl);
    CHECK_EQ(irq, 1);
    SEND(0x08);
    results(r, 2);
    CHECK_EQ(r[0], 0x20);
    CHECK_EQ(r[1], cyl);
    CHECK_EQ(irq, 0);
}

static void start_144(int flags)
{
    start(2880, flags);
    bring_up(0);
}

TEST(read_with_dma)
{
    uint8_t r[7];

    start_144(0);
    seek(1);
    program_dma(0x44, 1024);
    SEND(0xe6, 0x00, 1, 0, 5, 2, 18, 0x1b, 0xff);
    CHECK_EQ(irq, 1);
    results(r, 7);
    CHECK_EQ(irq, 0);
    CHECK(r[0] == 0 && r[1] == 0 && r[2] == 0);
    CHECK(r[3] == 1 && r[4] == 0 && r[5] == 7 && r[6] == 2);
    CHECK_EQ(load_le(ram->host + BUF, 4), 36 + 4);
    CHECK_EQ(load_le(ram->host + BUF + 512, 4), 36 + 5);
    stop();
}

/* Table 5-3: with MT a transfer goes on with side 1, then ends on the next
 * cylinder. */
TEST(multi_track)
{
    uint8_t r[7];

    start_144(0);
    program_dma(0x44, 36 * 512);
    SEND(0xe6, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    results(r, 7);
    CHECK(r[0] == 0x04 && r[1] == 0);
    CHECK(r[3] == 1 && r[4] == 0 && r[5] == 1);
    CHECK_EQ(load_le(ram->host + BUF + 35 * 512, 4), 35);
    program_dma(0x44, 20 * 512);
    SEND(0xe6, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    results(r, 7);
    CHECK(r[3] == 0 && r[4] == 1 && r[5] == 3);
    stop();
}

/* 5.1.1: EOT without terminal count: end of cylinder, abnormal. */
TEST(no_terminal_count)
{
    uint8_t r[7];

    start_144(0);
    program_dma(0x44, 4096);
    SEND(0x46, 0x00, 0, 0, 17, 2, 18, 0x1b, 0xff);
    results(r, 7);
    CHECK_EQ(r[0], 0x40);
    CHECK_EQ(r[1], 0x80);
    CHECK(r[3] == 1 && r[4] == 0 && r[5] == 1);
    /* EOT beyond the last sector there is: not found */
    SEND(0x46, 0x00, 0, 0, 17, 2, 21, 0x1b, 0xff);
    results(r, 7);
    CHECK_EQ(r[1], 0x04);
    CHECK_EQ(r[5], 19);
    stop();
}

TEST(write_with_dma)
{
    uint8_t r[7], buf[512];

    start_144(BDRV_O_RDWR);
    seek(79);
    memset(ram->host + BUF, 0x5a, 512);
    program_dma(0x48, 512);
    SEND(0xc5, 0x04, 79, 1, 18, 2, 18, 0x1b, 0xff);
    results(r, 7);
    CHECK(r[0] == 0x04 && r[1] == 0);
    CHECK_EQ(blk_pread(blk, 2879 * 512, buf, 512), 0);
    CHECK(buf[0] == 0x5a && buf[511] == 0x5a);
    stop();
}

TEST(write_protected)
{
    uint8_t r[7];

    start_144(0);
    program_dma(0x48, 512);
    SEND(0xc5, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    results(r, 7);
    CHECK_EQ(r[0], 0x40);
    CHECK_EQ(r[1], 0x02);
    SEND(0x04, 0x00);
    results(r, 1);
    CHECK_EQ(r[0], 0x78);               /* protected, ready, track 0, two sides */
    stop();
}

/* ND of SPECIFY: bytes by the FIFO port, an interrupt for each. */
TEST(non_dma_mode)
{
    uint8_t r[7], buf[512];

    start_144(BDRV_O_RDWR);
    SEND(0x03, 0xaf, 0x03);
    SEND(0x46, 0x00, 0, 0, 18, 2, 18, 0x1b, 0xff);
    for (int i = 0; i < 512; i++) {
        CHECK_EQ(irq, 1);
        CHECK_EQ(in(MSR), 0xf0);
        buf[i] = in(FIFO);
    }
    CHECK_EQ(load_le(buf, 4), 17);
    results(r, 7);
    CHECK_EQ(r[1], 0x80);               /* there is no TC pin */
    SEND(0x45, 0x00, 0, 0, 18, 2, 18, 0x1b, 0xff);
    for (int i = 0; i < 512; i++) {
        CHECK_EQ(in(MSR), 0xb0);
        out(FIFO, 0x33);
    }
    blk_drain_all();
    results(r, 7);
    CHECK_EQ(blk_pread(blk, 17 * 512, buf, 512), 0);
    CHECK_EQ(buf[511], 0x33);
    stop();
}

/* 5.1.7 */
TEST(format_track)
{
    uint8_t r[7], buf[512];

    start_144(BDRV_O_RDWR);
    seek(2);
    for (int i = 0; i < 18; i++) {
        store_le(ram->host + BUF + 4 * i, 0x02000002u | (uint32_t)(i + 1) << 16, 4);
    }
    program_dma(0x48, 72);
    SEND(0x4d, 0x00, 2, 18, 0x50, 0xf6);
    results(r, 7);
    CHECK(r[0] == 0 && r[1] == 0);
    for (int i = 0; i < 18; i++) {
        CHECK_EQ(blk_pread(blk, (72u + (unsigned)i) * 512, buf, 512), 0);
        CHECK(buf[0] == 0xf6 && buf[511] == 0xf6);
    }
    CHECK_EQ(blk_pread(blk, 90 * 512, buf, 512), 0);
    CHECK_EQ(load_le(buf, 4), 90);
    stop();
}

/* 5.1.10: equal; and the two kinds of unequal. */
TEST(scan)
{
    uint8_t r[7];

    start_144(0);
    CHECK_EQ(blk_pread(blk, 3 * 512, ram->host + BUF, 512), 0);
    ram->host[BUF + 7] = 0xff;          /* matches anything */
    program_dma(0x48, 512);
    SEND(0x51, 0x00, 0, 0, 4, 2, 18, 0x1b, 1);
    results(r, 7);
    CHECK_EQ(r[2], 0x08);
    ram->host[BUF + 8]++;
    program_dma(0x48, 512);
    SEND(0x51, 0x00, 0, 0, 4, 2, 18, 0x1b, 1);
    results(r, 7);
    CHECK_EQ(r[2], 0x04);
    program_dma(0x48, 512);
    SEND(0x59, 0x00, 0, 0, 4, 2, 18, 0x1b, 1);
    results(r, 7);
    CHECK_EQ(r[2], 0x00);               /* disk is lower */
    program_dma(0x48, 512);
    SEND(0x5d, 0x00, 0, 0, 4, 2, 18, 0x1b, 1);
    results(r, 7);
    CHECK_EQ(r[2], 0x04);
    stop();
}

TEST(verify_and_read_id)
{
    uint8_t r[7];

    start_144(0);
    SEND(0xd6, 0x80, 0, 0, 1, 2, 18, 0x1b, 9);
    results(r, 7);
    CHECK(r[0] == 0 && r[1] == 0);
    SEND(0x4a, 0x04);
    results(r, 7);
    CHECK(r[0] == 0x04 && r[3] == 0 && r[4] == 1 && r[5] >= 1 && r[5] <= 18 && r[6] == 2);
    stop();
}

/* The wrong rate finds no address mark: how formats are told apart. */
TEST(wrong_data_rate)
{
    uint8_t r[7];

    start(1440, 0);                     /* 720K: 250 kbit/s */
    bring_up(0);
    SEND(0x4a, 0x00);
    results(r, 7);
    CHECK_EQ(r[0], 0x40);
    CHECK_EQ(r[1] & 0x01, 0x01);
    out(DIR, 2);
    SEND(0x4a, 0x00);
    results(r, 7);
    CHECK_EQ(r[0], 0x00);
    CHECK_EQ(fdc_drive_kind(fdc, 0), 4);
    CHECK_EQ(fdc_drive_kind(fdc, 1), 0);
    stop();
}

TEST(wrong_cylinder_and_implied_seek)
{
    uint8_t r[7];

    start_144(0);
    program_dma(0x44, 512);
    SEND(0x46, 0x00, 40, 0, 1, 2, 18, 0x1b, 0xff);
    results(r, 7);
    CHECK_EQ(r[1], 0x04);
    CHECK_EQ(r[2], 0x10);
    SEND(0x13, 0x00, 0x57, 0x00);       /* CONFIGURE: EIS */
    program_dma(0x44, 512);
    SEND(0x46, 0x00, 40, 0, 1, 2, 18, 0x1b, 0xff);
    results(r, 7);
    CHECK_EQ(r[0], 0x00);
    CHECK_EQ(load_le(ram->host + BUF, 4), 40 * 36);
    stop();
}

/* 2.1.8: set by removal, reset by a step with a medium in. */
TEST(disk_change_line)
{
    Error err = { "" };

    start_144(0);
    CHECK_EQ(in(DIR) & 0x80, 0x80);
    seek(1);
    CHECK_EQ(in(DIR) & 0x80, 0);
    out(DOR, 0x0c);                     /* motor off: not driven */
    CHECK_EQ(in(DIR) & 0x80, 0);
    out(DOR, 0x1c);
    CHECK_EQ(blk_eject(blk, false, &err), 0);
    CHECK_EQ(in(DIR) & 0x80, 0x80);
    seek(0);
    CHECK_EQ(in(DIR) & 0x80, 0x80);     /* still no medium */
    CHECK_EQ(blk_change(blk, path, "raw", &err), 0);
    CHECK_EQ(in(DIR) & 0x80, 0x80);
    seek(1);
    CHECK_EQ(in(DIR) & 0x80, 0);
    stop();
}

TEST(absent_and_empty_drives)
{
    uint8_t r[7];

    start(0, 0);
    bring_up(0);
    SEND(0x07, 0x01);                   /* no drive B: never at track 0 */
    SEND(0x08);
    results(r, 2);
    CHECK_EQ(r[0], 0x71);
    SEND(0x07, 0x00);
    SEND(0x08);
    results(r, 2);
    CHECK_EQ(r[0], 0x20);
    SEND(0x4a, 0x00);
    results(r, 7);
    CHECK_EQ(r[0] & 0xc0, 0x40);
    stop();
}

TEST(control_commands)
{
    uint8_t r[16];

    start_144(0);
    SEND(0x10);
    results(r, 1);
    CHECK_EQ(r[0], 0x90);
    SEND(0x94);
    results(r, 1);
    CHECK_EQ(r[0], 0x10);
    SEND(0x13, 0x00, 0x0a, 0x05);
    out(DSR, 0x80);                     /* LOCK keeps FIFO and PRETRK over it */
    for (int i = 0; i < 4; i++) {
        SEND(0x08);
        results(r, 2);
    }
    SEND(0x0e);
    results(r, 10);
    CHECK_EQ(r[4], 0xaf);
    CHECK_EQ(r[5], 0x02);
    CHECK_EQ(r[7] & 0x80, 0x80);
    CHECK_EQ(r[8], 0x0a);
    CHECK_EQ(r[9], 0x05);
    SEND(0x14);
    results(r, 1);
    CHECK_EQ(r[0], 0x00);
    SEND(0x8f, 0x00, 10);               /* relative seeks; DIR = 1 goes in */
    SEND(0x08);
    results(r, 2);
    CHECK_EQ(r[1], 0);
    SEND(0xcf, 0x00, 10);
    SEND(0x08);
    results(r, 2);
    CHECK_EQ(r[1], 10);
    SEND(0x2e);                         /* SAVE, then RESTORE what was saved */
    results(r, 16);
    SEND(0x03, 0x11, 0x22);
    out(FIFO, 0x4e);
    for (int i = 0; i < 16; i++) {
        out(FIFO, r[i]);
    }
    SEND(0x0e);
    results(r, 10);
    CHECK_EQ(r[4], 0xaf);
    SEND(0x8e, 0x05, 0xc0);             /* drive specification, no result */
    SEND(0x8e, 0x2a, 0x80);
    results(r, 4);
    CHECK(r[0] == 0x05 && r[1] == 0x0a);
    SEND(0x1f);
    results(r, 1);
    CHECK_EQ(r[0], 0x80);
    stop();
}

/* A masked channel: the chip waits until the guest unmasks it. */
TEST(dma_masked)
{
    uint8_t r[7];

    start_144(0);
    program_dma(0x44, 512);
    out(0x0a, 0x06);
    SEND(0x46, 0x00, 0, 0, 9, 2, 18, 0x1b, 0xff);
    CHECK_EQ(in(MSR), 0x10);
    CHECK_EQ(irq, 0);
    out(0x0a, 0x02);
    CHECK_EQ(irq, 1);
    results(r, 7);
    CHECK_EQ(load_le(ram->host + BUF, 4), 8);
    stop();
}

TEST(dmagate_holds_the_interrupt)
{
    start_144(0);
    out(DOR, 0x14);
    SEND(0x07, 0x00);
    CHECK_EQ(irq, 0);
    out(DOR, 0x1c);
    CHECK_EQ(irq, 1);
    stop();
}
