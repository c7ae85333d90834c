/* SPDX-License-Identifier: MIT */
/* The PL080 against ARM DDI 0196. */
#include "hw/dma/pl080.h"

#include "tests/unit/chip-test.h"
#include "util/bits.h"

enum { INT_STATUS = 0x00, INT_TC = 0x04, TC_CLEAR = 0x08, INT_ERROR = 0x0c, ERR_CLR = 0x10,
       RAW_TC = 0x14, RAW_ERROR = 0x18, ENABLED = 0x1c, SOFT_BREQ = 0x20,
       SOFT_SREQ = 0x24, SOFT_LBREQ = 0x28, CONFIGURATION = 0x30 };
enum { SRC, DST = 4, LLI = 8, CONTROL = 12, CONFIG = 16 };
#define SIZE_OF(code)   ((code) << 18 | (code) << 21)           /* both widths */
#define SRC_INC         (1u << 26)
#define DST_INC         (1u << 27)
#define TC_INT          (1u << 31)
enum { ENABLE = 1, MEM_TO_MEM = 0 << 11, MEM_TO_PER = 1 << 11, PER_TO_MEM = 2 << 11,
       PER_TO_MEM_PER = 6 << 11, IE = 1 << 14, ITC = 1 << 15, HALT = 1 << 18 };
enum { RAM_SIZE = 1 << 16, PORT = 0x100000, NOTHING = 0x900000 };

static AddressSpace *mem;
static RAMBlock *ram;
static MemoryRegion ram_region, port_region;
static uint32_t port_val, port_reads, port_writes, port_sizes;
static uint8_t port_log[256];

static uint64_t port_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)opaque;
    (void)offset;
    port_sizes |= size;
    port_reads++;
    return port_val++;
}

static void port_write(void *opaque, hwaddr offset, uint64_t val, unsigned size)
{
    (void)opaque;
    (void)offset;
    port_sizes |= size;
    port_log[port_writes++ % sizeof(port_log)] = (uint8_t)val;
}

static const MemoryRegionOps port_ops = { port_read, port_write, 1, 4 };

static Device *dma_new(void)
{
    if (!ram) {
        ram = ram_block_new("test.ram", RAM_SIZE);
        region_init_ram(&ram_region, "ram", ram);
        region_init_io(&port_region, "port", 16, &port_ops, NULL);
        mem = as_new("memory", 1ull << 32);
        region_map(mem, &ram_region, 0, 0);
        region_map(mem, &port_region, PORT, 0);
    }
    for (unsigned i = 0; i < RAM_SIZE; i++) {
        ram->host[i] = (uint8_t)(i * 7 + i / 256);
    }
    port_val = 1;
    port_reads = port_writes = port_sizes = 0;
    clock_init_manual(&clock_);
    Device *d = chip_plug(device_new(&pl080_type, NULL, &clock_, mem, NULL));

    device_write(d, 0, CONFIGURATION, 1, 4);
    return d;
}

static uint32_t get(Device *d, unsigned reg)
{
    return (uint32_t)device_read(d, 0, reg, 4);
}

static void set(Device *d, unsigned reg, uint32_t val)
{
    device_write(d, 0, reg, val, 4);
}

static unsigned chan(int n, unsigned reg)
{
    return 0x100 + 0x20 * (unsigned)n + reg;
}

static void setup(Device *d, int n, uint32_t src, uint32_t dst, uint32_t lli,
                  uint32_t control, uint32_t config)
{
    set(d, chan(n, SRC), src);
    set(d, chan(n, DST), dst);
    set(d, chan(n, LLI), lli);
    set(d, chan(n, CONTROL), control);
    set(d, chan(n, CONFIG), config);
}

static bool same(uint32_t a, uint32_t b, unsigned len)
{
    return !memcmp(ram->host + a, ram->host + b, len);
}

TEST(identification)
{
    Device *d = dma_new();

    CHECK_EQ(get(d, 0xfe0) | get(d, 0xfe4) << 8 | get(d, 0xfe8) << 16 | get(d, 0xfec) << 24,
             0x0a041080);
    CHECK_EQ(get(d, 0xff0), 0x0d);
    device_free(d);
}

/* 3.4.17: TransferSize items of SWidth; the addresses have moved at the end. */
TEST(memory_to_memory)
{
    Device *d = dma_new();

    setup(d, 0, 0x1000, 0x8000, 0, 0xfff | SIZE_OF(2u) | SRC_INC | DST_INC | TC_INT,
          ENABLE | MEM_TO_MEM | ITC | IE);
    CHECK(same(0x1000, 0x8000, 0xfff * 4));
    CHECK_EQ(get(d, chan(0, CONTROL)) & 0xfff, 0);
    CHECK_EQ(get(d, chan(0, SRC)), 0x1000 + 0xfff * 4);
    CHECK_EQ(get(d, chan(0, DST)), 0x8000 + 0xfff * 4);
    CHECK_EQ(get(d, ENABLED), 0);
    CHECK_EQ(get(d, INT_STATUS), 1);
    CHECK_EQ(get(d, INT_TC), 1);
    CHECK_EQ(wire[PL080_OUT_INTR], 1);
    CHECK_EQ(wire[PL080_OUT_INTTC], 1);
    CHECK_EQ(wire[PL080_OUT_INTERR], 0);
    set(d, TC_CLEAR, 1);
    CHECK_EQ(wire[PL080_OUT_INTR], 0);
    device_free(d);
}

/* Widths may differ; bytes keep their order. */
TEST(packing)
{
    Device *d = dma_new();

    setup(d, 0, 0x1000, 0x4000, 0, 64 | 0u << 18 | 2u << 21 | SRC_INC | DST_INC, ENABLE);
    CHECK(same(0x1000, 0x4000, 64));
    setup(d, 0, 0x1000, PORT, 0, 4 | 2u << 18 | 0u << 21 | SRC_INC, ENABLE);
    CHECK_EQ(port_writes, 16);
    CHECK_EQ(port_sizes, 1);
    CHECK(!memcmp(port_log, ram->host + 0x1000, 16));
    device_free(d);
}

/* 3.4.16: linked list items: source, destination, next, control. */
TEST(scatter)
{
    Device *d = dma_new();
    const uint32_t items[][4] = {
        { 0x2000, 0x5000, 0x810, 16 | SIZE_OF(2u) | SRC_INC | DST_INC },
        { 0x3000, 0x6000, 0, 32 | SIZE_OF(0u) | SRC_INC | DST_INC | TC_INT },
    };

    for (int i = 0; i < 8; i++) {
        store_le(ram->host + 0x800 + 4 * i, items[i / 4][i % 4], 4);
    }
    setup(d, 3, 0x1000, 0x4000, 0x800, 8 | SIZE_OF(1u) | SRC_INC | DST_INC, ENABLE | ITC);
    CHECK(same(0x1000, 0x4000, 16));
    CHECK(same(0x2000, 0x5000, 64));
    CHECK(same(0x3000, 0x6000, 32));
    CHECK_EQ(get(d, RAW_TC), 8);
    CHECK_EQ(get(d, ENABLED), 0);
    device_free(d);
}

/* A list that is a ring does not stop the machine; other channels go on. */
TEST(endless_list)
{
    Device *d = dma_new();
    const uint32_t item[4] = { 0x2000, 0x5000, 0x800, 16 | SIZE_OF(2u) | SRC_INC | DST_INC };

    for (int i = 0; i < 4; i++) {
        store_le(ram->host + 0x800 + 4 * i, item[i], 4);
    }
    setup(d, 1, 0x1000, 0x4000, 0x800, 8 | SIZE_OF(2u), ENABLE);
    CHECK_EQ(get(d, ENABLED), 2);
    setup(d, 0, 0x1000, 0x7000, 0, 64 | SIZE_OF(2u) | SRC_INC | DST_INC, ENABLE);
    CHECK(same(0x1000, 0x7000, 256));
    clock_step(&clock_, NS_PER_MS);
    CHECK_EQ(get(d, ENABLED), 2);
    set(d, chan(1, CONFIG), 0);
    CHECK_EQ(get(d, ENABLED), 0);
    device_free(d);
}

/* 2.2.4: peripherals ask; a burst is SBSize items, a single one item. */
TEST(peripheral_to_memory)
{
    Device *d = dma_new();

    setup(d, 2, PORT, 0x4000, 0, 12 | 1u << 12 | SIZE_OF(2u) | DST_INC | TC_INT,
          ENABLE | 5 << 1 | PER_TO_MEM | ITC);
    CHECK_EQ(port_reads, 0);
    set(d, SOFT_BREQ, 1 << 5);
    CHECK_EQ(port_reads, 4);
    CHECK_EQ(port_sizes, 4);
    CHECK_EQ(get(d, SOFT_BREQ), 0);
    CHECK_EQ(get(d, chan(2, CONTROL)) & 0xfff, 8);
    set(d, SOFT_SREQ, 1 << 5);
    CHECK_EQ(port_reads, 5);
    chip_input(d, PL080_IN_BREQ + 6, 1);        /* another's */
    CHECK_EQ(port_reads, 5);
    chip_input(d, PL080_IN_SREQ + 5, 1);        /* stays asked for: all of it */
    CHECK_EQ(port_reads, 12);
    CHECK_EQ(wire[PL080_OUT_INTR], 1);
    CHECK_EQ(load_le(ram->host + 0x4000, 4), 1);
    CHECK_EQ(load_le(ram->host + 0x4000 + 44, 4), 12);
    device_free(d);
}

TEST(memory_to_peripheral)
{
    Device *d = dma_new();

    setup(d, 0, 0x1000, PORT, 0, 8 | 1u << 15 | 2u << 18 | 0u << 21 | SRC_INC,
          ENABLE | 9 << 6 | MEM_TO_PER);
    set(d, SOFT_SREQ, 1 << 9);
    CHECK_EQ(port_writes, 1);           /* a byte of a word */
    CHECK_EQ(get(d, chan(0, CONTROL)) & 0xfff, 8);
    set(d, SOFT_BREQ, 1 << 9);
    CHECK_EQ(port_writes, 5);
    CHECK_EQ(get(d, chan(0, CONTROL)) & 0xfff, 7);
    chip_input(d, PL080_IN_BREQ + 9, 1);
    CHECK_EQ(port_writes, 32);
    CHECK(!memcmp(port_log, ram->host + 0x1000, 32));
    device_free(d);
}

/* Table 3-20: the peripheral controls the flow: its last request ends it. */
TEST(peripheral_flow_control)
{
    Device *d = dma_new();

    setup(d, 0, PORT, 0x4000, 0, 1u << 12 | SIZE_OF(2u) | DST_INC | TC_INT,
          ENABLE | 3 << 1 | PER_TO_MEM_PER | ITC);
    set(d, SOFT_BREQ, 1 << 3);
    CHECK_EQ(port_reads, 4);
    CHECK_EQ(get(d, ENABLED), 1);
    set(d, SOFT_LBREQ, 1 << 3);
    CHECK_EQ(port_reads, 8);
    CHECK_EQ(get(d, ENABLED), 0);
    CHECK_EQ(get(d, INT_TC), 1);
    device_free(d);
}

/* 2.2.7: nothing there: error interrupt, the channel is off. */
TEST(errors)
{
    Device *d = dma_new();

    setup(d, 4, NOTHING, 0x4000, 0, 4 | SIZE_OF(2u), ENABLE);
    CHECK_EQ(get(d, RAW_ERROR), 0x10);
    CHECK_EQ(get(d, INT_ERROR), 0);
    CHECK_EQ(get(d, ENABLED), 0);
    set(d, chan(4, CONFIG), IE);
    CHECK_EQ(get(d, INT_ERROR), 0x10);
    CHECK_EQ(wire[PL080_OUT_INTERR], 1);
    CHECK_EQ(wire[PL080_OUT_INTR], 1);
    set(d, ERR_CLR, 0x10);
    CHECK_EQ(wire[PL080_OUT_INTR], 0);
    device_free(d);
}

/* Nothing moves while the controller is off, or the channel is halted. */
TEST(enable_and_halt)
{
    Device *d = dma_new();

    set(d, CONFIGURATION, 0);
    setup(d, 0, 0x1000, 0x4000, 0, 4 | SIZE_OF(2u) | SRC_INC | DST_INC, ENABLE);
    CHECK_EQ(get(d, chan(0, CONTROL)) & 0xfff, 4);
    set(d, chan(0, CONFIG), ENABLE | HALT);
    set(d, CONFIGURATION, 1);
    CHECK_EQ(get(d, chan(0, CONTROL)) & 0xfff, 4);
    set(d, chan(0, CONFIG), ENABLE);
    CHECK_EQ(get(d, chan(0, CONTROL)) & 0xfff, 0);
    device_free(d);
}

TEST(contract)
{
    Device *a = dma_new();

    device_reset(a);
    chip_check_reset(a);
    chip_check_hostile_snapshots(a);
    device_reset(a);
    chip_scribble(a, 5, 300);
    device_reset(a);
    Device *b = chip_plug(device_new(&pl080_type, NULL, &clock_, mem, NULL));

    chip_check_snapshot(a, b);
    device_free(a);
    device_free(b);
}
