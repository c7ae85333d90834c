/* SPDX-License-Identifier: MIT */
/* The 8237A and the PC's page registers against Intel 231466. */
#include "hw/dma/i8237.h"

#include "tests/unit/chip-test.h"

enum { STATUS = 8, COMMAND = 8, REQUEST = 9, MASK1 = 10, MODE = 11, CLEAR_FF = 12,
       MASTER_CLEAR = 13, CLEAR_MASK = 14, MASK_ALL = 15 };

static AddressSpace *mem;
static RAMBlock *ram;
static MemoryRegion region;
static Device *first, *second;
static unsigned served;                 /* calls of the peer */
static unsigned moved;
static bool tc;
static uint8_t data[1 << 17];
static unsigned want;

/* A device that moves `want` bytes of `data` when it is granted. */
static void peer(void *opaque, int ch)
{
    served++;
    moved = i8237_transfer(opaque, ch, data, want, &tc);
}

static void out(Device *d, unsigned reg, uint8_t val)
{
    device_write(d, d == second ? I8237_REGS16 : I8237_REGS, reg << (d == second),
                 val, 1);
}

static uint8_t in(Device *d, unsigned reg)
{
    return (uint8_t)device_read(d, d == second ? I8237_REGS16 : I8237_REGS,
                                reg << (d == second), 1);
}

static void out16(Device *d, unsigned reg, uint16_t val)
{
    out(d, reg, val & 0xff);
    out(d, reg, val >> 8);
}

static uint16_t in16(Device *d, unsigned reg)
{
    uint16_t low = in(d, reg);

    return (uint16_t)(low | in(d, reg) << 8);
}

/* Two controllers as in a PC, the cascade open, 1 MiB of memory. */
static void start(void)
{
    clock_init_manual(&clock_);
    mem = as_new("memory", 1 << 24);
    if (!ram) {
        ram = ram_block_new("dma", 1 << 20);
        region_init_ram(&region, "ram", ram);
    }
    memset(ram->host, 0, ram->size);
    region_map(mem, &region, 0, 0);
    second = device_new(&i8237_type, NULL, &clock_, mem, NULL);
    first = device_new(&i8237_type, NULL, &clock_, mem, NULL);
    chip_prop(second, "shift", "1");
    chip_plug(second);
    chip_link(first, "cascade", second);
    chip_plug(first);
    out(second, MODE, 0xc0);
    out(second, MASK1, 0x00);
    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 7 + 1);
    }
    served = moved = 0;
    tc = false;
}

static void stop(void)
{
    device_free(first);
    device_free(second);
    region_unmap(&region);
    as_free(mem);
}

static void program(Device *d, int ch, uint8_t mode, uint16_t address, uint16_t count)
{
    out(d, MASK1, (uint8_t)(4 | ch));
    out(d, CLEAR_FF, 0);
    out(d, MODE, (uint8_t)(mode | ch));
    out16(d, (unsigned)(2 * ch), address);
    out16(d, (unsigned)(2 * ch + 1), count);
    i8237_set_peer(d, ch, peer, d);
    out(d, MASK1, (uint8_t)ch);
}

/* "Single, write transfer": device to memory, page and address; one byte more
 * than programmed; TC in the status, cleared by reading; the mask is set. */
TEST(write_transfer)
{
    start();
    device_write(first, I8237_PAGES, 1, 0x03, 1);       /* 81h: channel 2 */
    program(first, 2, 0x44, 0x1234, 511);
    want = 512;
    i8237_set_dreq(first, 2, 1);
    CHECK_EQ(served, 1);
    CHECK_EQ(moved, 512);
    CHECK(tc);
    CHECK(!memcmp(ram->host + 0x31234, data, 512));
    CHECK_EQ(ram->host[0x31234 + 512], 0);
    CHECK_EQ(in(first, STATUS), 0x44);
    CHECK_EQ(in(first, STATUS), 0x40);
    CHECK_EQ(in(first, MASK_ALL) & 0x0f, 0x0f);
    CHECK_EQ(i8237_transfer(first, 2, data, 1, &tc), 0);
    stop();
}

/* "Read transfer": memory to device; the current address and count can be read
 * on the way. */
TEST(read_transfer)
{
    start();
    memcpy(ram->host + 0x100, "memory", 6);
    program(first, 1, 0x08, 0x100, 0xff);
    want = 6;
    i8237_set_dreq(first, 1, 1);
    CHECK(!memcmp(data, "memory", 6));
    CHECK(!tc);
    out(first, CLEAR_FF, 0);
    CHECK_EQ(in16(first, 2), 0x106);
    CHECK_EQ(in16(first, 3), 0xff - 6);
    CHECK_EQ(i8237_way(first, 1), DMA_FROM_MEMORY);
    stop();
}

/* "Verify": addresses and count move, memory and data do not. */
TEST(verify)
{
    start();
    program(first, 2, 0x40, 0, 3);
    want = 4;
    i8237_set_dreq(first, 2, 1);
    CHECK_EQ(moved, 4);
    CHECK(tc);
    CHECK_EQ(ram->host[0], 0);
    CHECK_EQ(data[0], 1);
    stop();
}

/* "Autoinitialize": base registers are restored, the mask bit is not set. */
TEST(autoinitialize)
{
    start();
    program(first, 3, 0x54, 0x200, 9);
    want = 25;
    i8237_set_dreq(first, 3, 1);
    CHECK_EQ(moved, 10);                /* a transfer ends at TC */
    CHECK_EQ(i8237_transfer(first, 3, data, 4, &tc), 4);
    CHECK(!tc);
    out(first, CLEAR_FF, 0);
    CHECK_EQ(in16(first, 6), 0x204);
    CHECK_EQ(in(first, STATUS) & 0x08, 0x08);
    CHECK_EQ(in(first, MASK_ALL) & 0x08, 0);
    stop();
}

/* Mode bit 5: addresses go down. */
TEST(decrement)
{
    start();
    program(first, 2, 0x64, 0x103, 3);
    want = 4;
    i8237_set_dreq(first, 2, 1);
    CHECK_EQ(ram->host[0x103], data[0]);
    CHECK_EQ(ram->host[0x100], data[3]);
    stop();
}

/* The address counter has 16 bits: it wraps inside the page. */
TEST(wraps_at_64_kib)
{
    start();
    device_write(first, I8237_PAGES, 1, 0x01, 1);
    program(first, 2, 0x44, 0xfffe, 3);
    want = 4;
    i8237_set_dreq(first, 2, 1);
    CHECK_EQ(ram->host[0x1ffff], data[1]);
    CHECK_EQ(ram->host[0x10000], data[2]);
    CHECK_EQ(ram->host[0x20000], 0);
    stop();
}

/* The second controller: words, address shifted, page bit 0 unused. */
TEST(sixteen_bit_channel)
{
    start();
    device_write(second, I8237_PAGES, 3, 0x03, 1);      /* 8bh: channel 5 */
    program(second, 1, 0x44, 0x0080, 7);
    want = 17;                          /* half a word is not moved */
    i8237_set_dreq(second, 1, 1);
    CHECK_EQ(moved, 16);
    CHECK(tc);
    CHECK(!memcmp(ram->host + 0x20100, data, 16));
    CHECK_EQ(ram->host[0x20110], 0);
    stop();
}

/* A masked channel, a disabled controller, a closed cascade: no service until
 * they open. */
TEST(requests_wait_until_granted)
{
    start();
    program(first, 2, 0x44, 0, 0xff);
    want = 1;
    out(first, MASK1, 6);
    i8237_set_dreq(first, 2, 1);
    CHECK_EQ(served, 0);
    CHECK_EQ(in(first, STATUS), 0x40);
    out(first, COMMAND, 4);
    out(first, CLEAR_MASK, 0);
    CHECK_EQ(served, 0);
    out(second, MASK1, 4);
    out(first, COMMAND, 0);
    CHECK_EQ(served, 0);
    out(second, MASK1, 0);
    CHECK_EQ(served, 1);
    i8237_set_dreq(first, 2, 0);
    CHECK(!i8237_granted(first, 2));
    stop();
}

/* "Software requests": block mode, not maskable, cleared by TC. */
TEST(software_request)
{
    start();
    program(first, 0, 0x84, 0x40, 0x1ff);
    i8237_set_peer(first, 0, NULL, NULL);
    out(first, MASK1, 4);
    out(first, REQUEST, 4);
    CHECK_EQ(in(first, STATUS), 0x01);
    CHECK_EQ(ram->host[0x40 + 0x1ff], 0xff);    /* nobody drives the data */
    CHECK_EQ(ram->host[0x40 + 0x200], 0);
    stop();
}

/* "Master clear": command, status, request, flip-flop; all channels masked. */
TEST(master_clear)
{
    start();
    out(first, CLEAR_MASK, 0);
    out(first, COMMAND, 4);
    out(first, 0, 0x11);
    out(first, MASTER_CLEAR, 0);
    CHECK_EQ(in(first, MASK_ALL), 0xff);
    CHECK_EQ(in(first, STATUS), 0);
    out16(first, 0, 0x5566);
    CHECK_EQ(in16(first, 0), 0x5566);
    stop();
}

/* All eight page registers can be read back; 82h is channel 3, 83h 1, 87h 0. */
TEST(page_registers)
{
    start();
    for (unsigned i = 0; i < 8; i++) {
        device_write(first, I8237_PAGES, i, (uint64_t)(0x10 + i), 1);
    }
    for (unsigned i = 0; i < 8; i++) {
        CHECK_EQ(device_read(first, I8237_PAGES, i, 1), 0x10 + i);
    }
    stop();
}

TEST(contract)
{
    Device *d = chip_new(&i8237_type), *b = chip_plug(chip_make(&i8237_type));

    chip_check_reset(d);
    chip_scribble(d, 4, 1000);
    chip_check_snapshot(d, b);
    chip_check_hostile_snapshots(d);
    device_free(d);
    device_free(b);
}
