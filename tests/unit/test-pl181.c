/* SPDX-License-Identifier: MIT */
/* The PL181 against ARM DDI 0205, with a card in its slot. */
#include "hw/sd/pl181.h"

#include "tests/unit/sd-image.h"

enum { POWER = 0x00, CLOCK = 0x04, ARGUMENT = 0x08, COMMAND = 0x0c, RESPCMD = 0x10,
       RESPONSE0 = 0x14, DATATIMER = 0x24, DATALENGTH = 0x28, DATACTRL = 0x2c,
       DATACNT = 0x30, STATUS = 0x34, CLEAR = 0x38, MASK0 = 0x3c, MASK1 = 0x40,
       FIFOCNT = 0x48, FIFO = 0x80 };
enum { RESPONSE = 1 << 6, LONG = 1 << 7, ENABLE = 1 << 10 };
enum { READ = 3 | 9 << 4, WRITE = 1 | 9 << 4, DMA = 1 << 3 };   /* blocks of 512 */
enum { CMDCRCFAIL = 1 << 0, CMDTIMEOUT = 1 << 2, DATATIMEOUT = 1 << 3,
       CMDRESPEND = 1 << 6, CMDSENT = 1 << 7, DATAEND = 1 << 8, DATABLOCKEND = 1 << 10,
       TXACTIVE = 1 << 12, RXACTIVE = 1 << 13, TXHALFEMPTY = 1 << 14,
       RXHALFFULL = 1 << 15, TXFULL = 1 << 16, RXFULL = 1 << 17, TXEMPTY = 1 << 18,
       RXEMPTY = 1 << 19, RXAVAILABLE = 1 << 21 };

static Device *slot;

static uint32_t get(Device *d, unsigned reg)
{
    return (uint32_t)device_read(d, 0, reg, 4);
}

static void set(Device *d, unsigned reg, uint32_t val)
{
    device_write(d, 0, reg, val, 4);
}

static Device *host_new(uint64_t size)
{
    slot = card_new(size, BDRV_O_RDWR);
    Device *d = chip_make(&pl181_type);

    chip_link(d, "card", slot);
    return chip_plug(d);
}

static void host_free(Device *d)
{
    device_free(d);
    card_free_all(slot);
}

static uint32_t command(Device *d, uint32_t cmd, uint32_t arg)
{
    set(d, CLEAR, 0x7ff);
    set(d, ARGUMENT, arg);
    set(d, COMMAND, cmd | ENABLE);
    return get(d, STATUS) & 0xff;
}

static void start(Device *d)
{
    command(d, 0, 0);
    command(d, 8 | RESPONSE, 0x1aa);
    command(d, 55 | RESPONSE, 0);
    command(d, 41 | RESPONSE, 0x40ff8000);
    command(d, 2 | RESPONSE | LONG, 0);
    command(d, 3 | RESPONSE, 0);
    command(d, 7 | RESPONSE, get(d, RESPONSE0));
    set(d, DATATIMER, 1000000);
}

static void fill(uint8_t *buf, size_t len)
{
    uint32_t seed = 5;

    for (size_t i = 0; i < len; i++) {
        buf[i] = (uint8_t)chip_random(&seed);
    }
}

/* 3.3.6 - 3.3.9, 3.3.13: what a command leaves behind. */
TEST(commands)
{
    Device *d = host_new(1 << 20);

    CHECK_EQ(get(d, 0xfe0) | get(d, 0xfe4) << 8 | get(d, 0xfe8) << 16, 0x041181);
    CHECK_EQ(command(d, 0, 0), CMDSENT);
    CHECK_EQ(command(d, 8 | RESPONSE, 0x1aa), CMDRESPEND);
    CHECK_EQ(get(d, RESPCMD), 8);
    CHECK_EQ(get(d, RESPONSE0), 0x1aa);
    CHECK_EQ(command(d, 5 | RESPONSE, 0), CMDTIMEOUT);
    CHECK_EQ(command(d, 55 | RESPONSE, 0), CMDRESPEND);
    CHECK_EQ(command(d, 41 | RESPONSE, 0x40ff8000), CMDCRCFAIL);        /* R3 has no CRC */
    CHECK_EQ(get(d, RESPCMD), 0x3f);
    CHECK_EQ(get(d, RESPONSE0) >> 31, 1);
    CHECK_EQ(command(d, 2 | RESPONSE | LONG, 0), CMDRESPEND);
    CHECK(get(d, RESPONSE0) != 0);
    set(d, CLEAR, CMDRESPEND);
    CHECK_EQ(get(d, STATUS), RXEMPTY);
    host_free(d);
}

/* 3.3.14: each mask register has its interrupt. */
TEST(two_interrupts)
{
    Device *d = host_new(1 << 20);

    set(d, MASK0, CMDSENT);
    command(d, 0, 0);
    CHECK_EQ(wire[PL181_OUT_INTR0], 1);
    CHECK_EQ(wire[PL181_OUT_INTR1], 0);
    set(d, MASK1, CMDSENT);
    CHECK_EQ(wire[PL181_OUT_INTR1], 1);
    set(d, CLEAR, CMDSENT);
    CHECK_EQ(wire[PL181_OUT_INTR0] | wire[PL181_OUT_INTR1], 0);
    host_free(d);
}

/* 2.2.5, 2.2.6: a block through the FIFO. */
TEST(read_a_block)
{
    Device *d = host_new(1 << 20);
    uint8_t want[512], buf[512];

    fill(want, sizeof(want));
    image_write(512, want, 512);
    start(d);
    set(d, DATALENGTH, 512);
    set(d, DATACTRL, READ);
    CHECK_EQ(get(d, DATACNT), 512);
    CHECK(get(d, STATUS) & RXACTIVE);
    set(d, MASK1, RXHALFFULL);
    CHECK_EQ(command(d, 17 | RESPONSE, 512), CMDRESPEND);
    CHECK_EQ(wire[PL181_OUT_INTR1], 0);
    blk_drain_all();
    CHECK_EQ(wire[PL181_OUT_INTR1], 1);
    CHECK_EQ(get(d, STATUS) & (RXFULL | RXAVAILABLE), RXFULL | RXAVAILABLE);
    CHECK_EQ(get(d, FIFOCNT), (512 - 64) / 4);
    for (int i = 0; i < 128; i++) {
        /* As long as there is a word, although the card has sent them all:
         * Linux, mmci_pio_irq(). */
        CHECK(get(d, STATUS) & RXACTIVE);
        store_le(buf + 4 * i, get(d, FIFO + i % 16 * 4), 4);
    }
    CHECK(!memcmp(buf, want, 512));
    CHECK_EQ(get(d, STATUS) & (DATAEND | DATABLOCKEND | RXACTIVE | RXEMPTY),
             DATAEND | DATABLOCKEND | RXEMPTY);
    CHECK_EQ(get(d, DATACNT), 0);
    host_free(d);
}

TEST(write_a_block)
{
    Device *d = host_new(1 << 20);
    uint8_t want[512], buf[512];

    fill(want, sizeof(want));
    start(d);
    command(d, 24 | RESPONSE, 1024);
    set(d, DATALENGTH, 512);
    set(d, DATACTRL, WRITE);
    CHECK_EQ(get(d, STATUS) & (TXACTIVE | TXHALFEMPTY | TXEMPTY | TXFULL),
             TXACTIVE | TXHALFEMPTY | TXEMPTY);
    for (int i = 0; i < 128; i++) {
        CHECK(!(get(d, STATUS) & TXFULL));
        set(d, FIFO, (uint32_t)load_le(want + 4 * i, 4));
    }
    CHECK_EQ(get(d, STATUS) & (DATAEND | DATABLOCKEND), DATABLOCKEND);  /* card busy */
    blk_drain_all();
    CHECK_EQ(get(d, STATUS) & (DATAEND | TXACTIVE), DATAEND);
    image_read(1024, buf, 512);
    CHECK(!memcmp(buf, want, 512));
    host_free(d);
}

/* A driver that counts DATABLOCKEND sees each of them. */
TEST(every_block_end_is_seen)
{
    Device *d = host_new(1 << 20);
    int ends = 0, words = 0;

    start(d);
    set(d, DATALENGTH, 8 * 512);
    set(d, MASK0, DATABLOCKEND | DATAEND);
    set(d, DATACTRL, READ);
    command(d, 18 | RESPONSE, 0);
    while (words < 8 * 128 && ends < 100) {
        blk_drain_all();
        for (; get(d, STATUS) & RXAVAILABLE; words++) {
            get(d, FIFO);
        }
        CHECK_EQ(wire[PL181_OUT_INTR0], 1);
        ends += get(d, STATUS) & DATABLOCKEND ? 1 : 0;
        set(d, CLEAR, DATABLOCKEND);
    }
    CHECK_EQ(words, 8 * 128);
    CHECK_EQ(ends, 8);
    CHECK(get(d, STATUS) & DATAEND);
    host_free(d);
}

/* Short registers: SCR is 8 bytes. */
TEST(read_scr)
{
    Device *d = host_new(1 << 20);

    start(d);
    command(d, 55 | RESPONSE, 1 << 16);
    set(d, DATALENGTH, 8);
    set(d, DATACTRL, 3 | 3 << 4);
    CHECK_EQ(command(d, 51 | RESPONSE, 0), CMDRESPEND);
    CHECK(get(d, STATUS) & DATAEND);
    CHECK_EQ(get(d, FIFO) & 0xff0f, 0x2502 & 0xff0f);
    get(d, FIFO);
    CHECK(get(d, STATUS) & RXEMPTY);
    host_free(d);
}

/* 3.3.10: cycles of the card's clock until DATATIMEOUT. */
TEST(data_timeout)
{
    Device *d = host_new(1 << 20);

    start(d);
    set(d, CLOCK, 11);                  /* 24 MHz / 24 */
    set(d, DATATIMER, 1000);
    set(d, DATALENGTH, 512);
    set(d, DATACTRL, READ);
    set(d, MASK0, DATATIMEOUT);
    clock_step(&clock_, 999 * NS_PER_US);
    CHECK_EQ(wire[PL181_OUT_INTR0], 0);
    clock_step(&clock_, 2 * NS_PER_US);
    CHECK_EQ(wire[PL181_OUT_INTR0], 1);
    CHECK_EQ(get(d, STATUS) & (DATATIMEOUT | RXACTIVE), DATATIMEOUT);
    host_free(d);
}

/* A host disk that is slow is not a card that is. */
TEST(no_timeout_while_the_host_works)
{
    Device *d = host_new(1 << 20);

    start(d);
    set(d, DATATIMER, 1);
    command(d, 17 | RESPONSE, 0);
    set(d, DATALENGTH, 512);
    set(d, DATACTRL, READ);
    clock_step(&clock_, 10 * NS_PER_US);
    CHECK_EQ(get(d, STATUS) & DATATIMEOUT, 0);
    blk_drain_all();
    CHECK(get(d, STATUS) & RXAVAILABLE);
    host_free(d);
}

/* 2.4: burst requests are for half a FIFO, single ones for a word. */
TEST(dma_requests)
{
    Device *d = host_new(1 << 20);

    start(d);
    command(d, 55 | RESPONSE, 1 << 16);
    set(d, DATALENGTH, 64);
    set(d, DATACTRL, 3 | 6 << 4 | DMA);
    CHECK_EQ(wire[PL181_OUT_DMASREQ], 0);
    command(d, 13 | RESPONSE, 0);
    CHECK_EQ(wire[PL181_OUT_DMABREQ], 1);
    for (int i = 0; i < 9; i++) {
        get(d, FIFO);
    }
    CHECK_EQ(wire[PL181_OUT_DMABREQ], 0);
    CHECK_EQ(wire[PL181_OUT_DMASREQ], 1);
    for (int i = 0; i < 7; i++) {
        get(d, FIFO);
    }
    CHECK_EQ(wire[PL181_OUT_DMASREQ], 0);
    host_free(d);
}

/* No card: commands time out. */
TEST(empty_slot)
{
    Device *d = host_new(0);

    CHECK_EQ(command(d, 8 | RESPONSE, 0x1aa), CMDTIMEOUT);
    CHECK_EQ(command(d, 0, 0), CMDSENT);
    host_free(d);
    d = chip_new(&pl181_type);
    CHECK_EQ(command(d, 8 | RESPONSE, 0x1aa), CMDTIMEOUT);
    device_reset(d);
    chip_check_reset(d);
    device_free(d);
}

TEST(contract)
{
    Device *a = host_new(1 << 20), *b = chip_make(&pl181_type);

    b = chip_plug(b);
    chip_scribble(a, 3, 500);
    blk_drain_all();
    chip_check_hostile_snapshots(a);
    blk_drain_all();
    device_reset(a);
    chip_check_snapshot(a, b);
    device_free(b);
    host_free(a);
}
