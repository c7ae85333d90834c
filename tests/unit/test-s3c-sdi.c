/* SPDX-License-Identifier: MIT */
/* The SD interface against the S3C2440A User's Manual, chapter 19, with a card. */
#include "hw/s3c24xx/sdi.h"

#include "tests/unit/primecell-test.h"
#include "tests/unit/sd-image.h"

enum { ARG = 0x08, CMD = 0x0c, CSTA = 0x10, RSP0 = 0x14, DTIMER = 0x24, BSIZE = 0x28, DCON = 0x2c,
       DCNT = 0x30, DSTA = 0x34, FSTA = 0x38, IMSK = 0x3c };
enum { START = 0x140, WAIT = 0x200, LONG = 0x400 };
enum { FIN = 1 << 9, TIMEOUT = 1 << 10, SENT = 1 << 11 };
enum { RECEIVE = 2 << 12, TRANSMIT = 3 << 12, DTST = 1 << 14, BLOCKS = 1 << 17,
       AFTER_COMMAND = 1 << 19, AFTER_RESPONSE = 1 << 20, DMA = 1 << 15 };
enum { DATA_FIN = 1 << 4, RX_HALF = 1 << 7, RX_LAST = 1 << 9, RX_ANY = 1 << 12,
       TX_ROOM = 1 << 13 };

static Device *card, *sdi;

static uint32_t command(unsigned index, uint32_t arg, unsigned how)
{
    out(sdi, CSTA, ~0u);
    out(sdi, ARG, arg);
    out(sdi, CMD, START | index | how);
    return in(sdi, CSTA);
}

static void begin(uint64_t size)
{
    card = card_new(size, BDRV_O_RDWR);
    sdi = chip_make(&s3c2440_sdi_type);
    chip_link(sdi, "card", card);
    chip_plug(sdi);
}

static void end(void)
{
    device_free(sdi);
    card_free_all(card);
}

/* SD Physical Layer, 4.2: to the transfer state. */
static void select_card(void)
{
    command(0, 0, 0);
    command(8, 0x1aa, WAIT);
    do {
        command(55, 0, WAIT);
        command(41, 0x40300000, WAIT);
        clock_step(&clock_, 100 * NS_PER_MS);
    } while (!(in(sdi, RSP0) >> 31));
    command(2, 0, WAIT | LONG);
    command(3, 0, WAIT);
    command(7, in(sdi, RSP0) & 0xffff0000, WAIT);
}

static void settle(void)
{
    blk_drain_all();
    clock_step(&clock_, NS_PER_MS);
}

/* SDICmdSta: sent, response end, its index; without a card a time-out. */
TEST(commands)
{
    begin(1 << 20);
    CHECK_EQ(command(0, 0, 0), SENT);
    CHECK_EQ(command(8, 0x1aa, WAIT), SENT | FIN | 8);
    CHECK_EQ(in(sdi, RSP0), 0x1aa);
    end();
    begin(0);
    CHECK_EQ(command(8, 0x1aa, WAIT), SENT | TIMEOUT);
    end();
}

/* A read of two blocks: the FIFO's flags, the end when all has left the card. */
TEST(receive)
{
    uint8_t data[1024], got[1024];

    begin(1 << 20);
    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 3 + i / 256);
    }
    image_write(4096, data, sizeof(data));
    select_card();
    out(sdi, DCON, RECEIVE | DTST | BLOCKS | AFTER_COMMAND | 2);
    out(sdi, BSIZE, 512);
    out(sdi, IMSK, 1);                  /* half full */
    command(18, 4096, WAIT);
    settle();
    CHECK_EQ(wire[S3C_SDI_OUT_IRQ], 1);
    CHECK(in(sdi, FSTA) & RX_HALF);
    CHECK_EQ(in(sdi, FSTA) & 0x7f, 64);
    for (unsigned i = 0; i < sizeof(got); i += 4) {
        if (!(in(sdi, FSTA) & RX_ANY)) {
            settle();
        }
        store_le(got + i, (uint32_t)device_read(sdi, 1, 0, 4), 4);
    }
    CHECK(!memcmp(got, data, sizeof(data)));
    CHECK(in(sdi, DSTA) & DATA_FIN);
    CHECK_EQ(in(sdi, DCNT), 0);
    CHECK_EQ(wire[S3C_SDI_OUT_IRQ], 0);
    end();
}

/* A write: data may be in the FIFO before the response starts them. */
TEST(transmit)
{
    uint8_t got[512];

    begin(1 << 20);
    select_card();
    out(sdi, DCON, TRANSMIT | DTST | BLOCKS | AFTER_RESPONSE | 1);
    out(sdi, BSIZE, 512);
    for (unsigned i = 0; i < 512; i += 4) {
        if (i == 64) {
            command(24, 512, WAIT);
        }
        if (!(in(sdi, FSTA) & TX_ROOM)) {
            settle();
        }
        device_write(sdi, 1, 0, 0x01000193 * (i + 1), 4);
    }
    settle();
    settle();
    CHECK(in(sdi, DSTA) & DATA_FIN);
    image_read(512, got, sizeof(got));
    for (unsigned i = 0; i < 512; i += 4) {
        CHECK_EQ(load_le(got + i, 4), 0x01000193 * (i + 1));
    }
    end();
}

/* EnDMA: a request while a word can be moved. */
TEST(dma_request)
{
    begin(1 << 20);
    select_card();
    out(sdi, BSIZE, 512);
    out(sdi, DCON, RECEIVE | DTST | BLOCKS | AFTER_COMMAND | DMA | 1);
    command(17, 0, WAIT);
    settle();
    CHECK_EQ(wire[S3C_SDI_OUT_DMA], 1);
    for (unsigned i = 0; i < 512 && wire[S3C_SDI_OUT_DMA]; i += 4) {
        device_read(sdi, 1, 0, 4);
        settle();
    }
    CHECK_EQ(wire[S3C_SDI_OUT_DMA], 0);
    CHECK(in(sdi, DSTA) & DATA_FIN);
    end();
}

/* SDIDTimer: a card that says nothing. */
TEST(data_timeout)
{
    begin(0);
    out(sdi, DTIMER, 1000);
    out(sdi, BSIZE, 512);
    out(sdi, DCON, RECEIVE | DTST | BLOCKS | 1);
    clock_step(&clock_, NS_PER_SEC);
    CHECK_EQ(in(sdi, DSTA), 1 << 5);
    end();
}

TEST(contract)
{
    begin(0);
    chip_check_reset(sdi);
    chip_check_hostile_snapshots(sdi);
    end();
}
