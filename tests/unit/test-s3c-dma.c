/* SPDX-License-Identifier: MIT */
/* The DMA controller against the S3C2440A User's Manual, chapter 8. */
#include "hw/s3c24xx/dma.h"

#include "tests/unit/primecell-test.h"

enum { DISRC = 0x00, DISRCC = 0x04, DIDST = 0x08, DIDSTC = 0x0c, DCON = 0x10, DSTAT = 0x14,
       DCSRC = 0x18, DCDST = 0x1c, DMASKTRIG = 0x20 };
enum { FIXED = 1, SW_TRIG = 1, ON = 2, STOP = 4, BUSY = 1 << 20 };
enum { WORD = 2 << 20, NO_RELOAD = 1 << 22, HARDWARE = 1 << 23, WHOLE = 1 << 27,
       BURST = 1 << 28, INT = 1 << 29 };
enum { SRC = 0x100, DST = 0x800, RAM_SIZE = 0x10000 };

static AddressSpace *mem;
static MemoryRegion ram;

static Device *dma_new(void)
{
    clock_init_manual(&clock_);
    mem = as_new("memory", 1ull << 32);
    region_init_ram(&ram, "ram", ram_block_new("dma.ram", RAM_SIZE));
    region_map(mem, &ram, 0, 0);
    for (unsigned i = 0; i < 0x400; i++) {
        ram.ram->host[SRC + i] = (uint8_t)(i * 5 + 1);
    }
    return chip_plug(device_new(&s3c2440_dma_type, NULL, &clock_, mem, NULL));
}

static void dma_free(Device *d)
{
    device_free(d);
    region_unmap(&ram);
    as_free(mem);
}

static void program(Device *d, int n, uint32_t dcon, uint32_t trig)
{
    unsigned at = 0x40u * (unsigned)n;

    out(d, at + DISRC, SRC);
    out(d, at + DISRCC, 0);
    out(d, at + DIDST, DST);
    out(d, at + DIDSTC, 0);
    out(d, at + DCON, dcon);
    out(d, at + DMASKTRIG, trig);
}

static bool copied(unsigned len)
{
    return !memcmp(ram.ram->host + DST, ram.ram->host + SRC, len) && !ram.ram->host[DST + len];
}

/* "Whole service mode": one request moves all; at TC 0 an interrupt, and off. */
TEST(whole_service_by_software)
{
    Device *d = dma_new();

    program(d, 2, INT | WHOLE | NO_RELOAD | WORD | 16, ON | SW_TRIG);
    CHECK(copied(64));
    CHECK_EQ(rises[2], 1);
    CHECK_EQ(in(d, 0x80 + DMASKTRIG), 0);
    CHECK_EQ(in(d, 0x80 + DSTAT), 0);
    CHECK_EQ(in(d, 0x80 + DCSRC), SRC + 64);
    CHECK_EQ(in(d, 0x80 + DCDST), DST + 64);
    dma_free(d);
}

/* "Single service mode": a request for each unit, or burst of 4. */
TEST(single_service)
{
    Device *d = dma_new();

    program(d, 0, NO_RELOAD | WORD | 4, ON | SW_TRIG);
    CHECK(copied(4));
    CHECK_EQ(in(d, DSTAT), BUSY | 3);
    out(d, DMASKTRIG, ON | SW_TRIG);
    CHECK(copied(8));
    out(d, DMASKTRIG, STOP);
    CHECK_EQ(in(d, DSTAT), 0);
    memset(ram.ram->host + DST, 0, 64);
    program(d, 0, BURST | NO_RELOAD | 2, ON | SW_TRIG);
    CHECK(copied(4));                   /* 4 bytes */
    dma_free(d);
}

/* "Auto reload": goes on with the next request, from the start. */
TEST(reload)
{
    Device *d = dma_new();

    program(d, 1, INT | WHOLE | WORD | 2, ON | SW_TRIG);
    CHECK_EQ(in(d, 0x40 + DMASKTRIG), ON);
    out(d, 0x40 + DIDST, DST + 0x100);
    out(d, 0x40 + DMASKTRIG, ON | SW_TRIG);
    CHECK_EQ(rises[1], 2);
    CHECK(!memcmp(ram.ram->host + DST + 0x100, ram.ram->host + SRC, 8));
    dma_free(d);
}

/* "DMA request sources": channel 0, HWSRCSEL 2 is SDI, for channel 3 it is 1. */
TEST(hardware_requests)
{
    Device *d = dma_new();

    program(d, 0, HARDWARE | 2 << 24 | NO_RELOAD | WORD | 4, ON);
    chip_input(d, S3C_DREQ_UART0, 1);
    chip_input(d, S3C_DREQ_UART0, 0);
    CHECK(copied(0));
    chip_input(d, S3C_DREQ_SDI, 1);     /* a level: until TC is 0 */
    CHECK(copied(16));
    CHECK_EQ(in(d, DMASKTRIG), 0);
    program(d, 3, HARDWARE | 1 << 24 | NO_RELOAD | WORD | 8, ON);
    CHECK(copied(32));
    chip_input(d, S3C_DREQ_SDI, 0);
    dma_free(d);
}

/* A timer's request is a pulse: one service each. */
TEST(timer_requests)
{
    Device *d = dma_new();

    program(d, 0, HARDWARE | 3 << 24 | NO_RELOAD | WORD | 4, ON);
    for (unsigned i = 1; i <= 4; i++) {
        chip_input(d, S3C_DREQ_TIMER, 1);
        chip_input(d, S3C_DREQ_TIMER, 0);
        CHECK(copied(4 * i));
    }
    dma_free(d);
}

/* "INC": a fixed address is a FIFO's. */
TEST(fixed_address)
{
    Device *d = dma_new();

    out(d, DISRC, SRC);
    out(d, DISRCC, FIXED);
    out(d, DIDST, DST);
    out(d, DIDSTC, 0);
    out(d, DCON, WHOLE | NO_RELOAD | 8);
    out(d, DMASKTRIG, ON | SW_TRIG);
    for (int i = 0; i < 8; i++) {
        CHECK_EQ(ram.ram->host[DST + i], ram.ram->host[SRC]);
    }
    dma_free(d);
}

/* A source that asks for ever does not stop the machine. */
TEST(endless_request)
{
    Device *d = dma_new();

    program(d, 0, HARDWARE | 2 << 24 | WORD | 4, ON);
    chip_input(d, S3C_DREQ_SDI, 1);
    CHECK_EQ(in(d, DMASKTRIG), ON);
    clock_step(&clock_, NS_PER_MS);
    chip_input(d, S3C_DREQ_SDI, 0);
    dma_free(d);
}

TEST(contract)
{
    Device *d = chip_new(&s3c2440_dma_type);

    chip_check_reset(d);
    chip_check_hostile_snapshots(d);
    device_free(d);
}
