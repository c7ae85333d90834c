/* SPDX-License-Identifier: MIT */
/* The PL041 against ARM DDI 0173, and the LM4549 behind it. */
#include "hw/arm/pl041.h"

#include "tests/unit/chip-test.h"

enum { RXCR = 0x00, TXCR = 0x04, SR = 0x08, ISR = 0x0c, IE = 0x10, SL1RX = 0x50, SL1TX = 0x54,
       SL2RX = 0x58, SL2TX = 0x5c, SLFR = 0x68, INTCLR = 0x74, MAINCR = 0x78, RESET = 0x7c,
       ALLINTS = 0x84, DR1 = 0x90 };
enum { FEN = 1 << 16, COMPACT = 1 << 15, SLOT3 = 1 << 3, SLOT4 = 1 << 4, EN = 1 };
enum { RXFE = 1, TXFE = 2, RXHF = 4, TXHE = 8, TXFF = 0x20, RXO = 0x100, TXU = 0x200 };
enum { INT_TX = 1 << 2, INT_RX = 1 << 3, INT_UR = 1 << 5 };
enum { RXV_1_2 = 1 << 6 | 1 << 8 };

static uint32_t get(Device *d, unsigned reg)
{
    return (uint32_t)device_read(d, 0, reg, 4);
}

static void set(Device *d, unsigned reg, uint32_t val)
{
    device_write(d, 0, reg, val, 4);
}

static Device *aaci_new(void)
{
    Device *d = chip_new(&pl041_type);

    set(d, RESET, 1);
    set(d, MAINCR, 0x79);               /* interface, slots 1 and 2 */
    return d;
}

static uint32_t codec_read(Device *d, uint32_t reg)
{
    set(d, SL1TX, reg << 12 | 1 << 19);
    CHECK_EQ(get(d, SLFR) & RXV_1_2, RXV_1_2);
    CHECK_EQ(get(d, SL1RX) >> 12, reg);

    uint32_t val = get(d, SL2RX) >> 4;

    CHECK_EQ(get(d, SLFR) & RXV_1_2, 0);
    return val;
}

static void codec_write(Device *d, uint32_t reg, uint32_t val)
{
    set(d, SL2TX, val << 4);
    set(d, SL1TX, reg << 12);
    CHECK_EQ(get(d, SLFR) & 0x2a, 0);   /* not busy */
}

/* Slots 1 and 2 reach the codec's registers. */
TEST(codec)
{
    Device *d = aaci_new();

    CHECK_EQ(get(d, 0xfe0) | get(d, 0xfe4) << 8 | get(d, 0xfe8) << 16, 0x041041);
    CHECK_EQ(codec_read(d, 0x7c), 0x4e53);
    CHECK_EQ(codec_read(d, 0x7e), 0x4331);
    CHECK_EQ(codec_read(d, 0x26) & 0xf, 0xf);
    CHECK_EQ(codec_read(d, 0x02), 0x8000);
    codec_write(d, 0x02, 0x0a0b);
    CHECK_EQ(codec_read(d, 0x02), 0x0a0b);
    codec_write(d, 0x7c, 0);
    CHECK_EQ(codec_read(d, 0x7c), 0x4e53);
    codec_write(d, 0x2c, 44100);        /* without VRA: 48 kHz */
    CHECK_EQ(codec_read(d, 0x2c), 48000);
    codec_write(d, 0x2a, 1);
    codec_write(d, 0x2c, 44100);
    CHECK_EQ(codec_read(d, 0x2c), 44100);
    codec_write(d, 0x00, 0);            /* any write resets */
    CHECK_EQ(codec_read(d, 0x02), 0x8000);
    CHECK_EQ(codec_read(d, 0x2c), 48000);
    device_free(d);
}

/* With no slot enabled a FIFO fills: drivers find its depth so. */
TEST(fifo_depth)
{
    Device *d = aaci_new();
    int n = 0;

    set(d, TXCR, FEN | EN);
    for (; !(get(d, SR) & TXFF) && n < 4096; n++) {
        set(d, DR1, 0);
        clock_step(&clock_, NS_PER_US);
    }
    CHECK_EQ(n, 512);
    set(d, TXCR, 0);
    CHECK_EQ(get(d, SR) & (TXFE | TXFF), TXFE);
    device_free(d);
}

/* Two samples a word, two slots, 48 kHz: 48000 words a second. */
TEST(playing_takes_its_time)
{
    Device *d = aaci_new();

    set(d, TXCR, FEN | COMPACT | SLOT3 | SLOT4 | EN);
    for (int i = 0; i < 480; i++) {
        set(d, DR1 + i % 8 * 4, 0);
    }
    set(d, IE, INT_TX);
    CHECK_EQ(get(d, SR) & TXHE, 0);
    CHECK_EQ(wire[0], 0);
    clock_step(&clock_, NS_PER_MS * 224 / 48);          /* 256 are left */
    CHECK_EQ(wire[0], 0);
    clock_step(&clock_, 25 * NS_PER_US);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(get(d, ISR), INT_TX);
    CHECK_EQ(get(d, ALLINTS), INT_TX);
    for (int i = 0; i < 100; i++) {
        set(d, DR1, 0);
    }
    CHECK_EQ(wire[0], 0);
    set(d, IE, INT_UR);
    clock_step(&clock_, NS_PER_MS * 350 / 48);
    CHECK_EQ(get(d, SR) & TXU, 0);
    clock_step(&clock_, NS_PER_MS);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(get(d, SR) & (TXU | TXFE), TXU | TXFE);
    set(d, TXCR, 0);
    set(d, INTCLR, 1 << 5);
    CHECK_EQ(wire[0], 0);
    device_free(d);
}

TEST(recording_gives_silence)
{
    Device *d = aaci_new();

    set(d, 0x14 + RXCR, FEN | SLOT3 | EN);              /* channel 2 */
    set(d, 0x14 + IE, INT_RX);
    CHECK_EQ(get(d, 0x14 + SR) & RXFE, RXFE);
    clock_step(&clock_, NS_PER_MS * 255 / 48);
    CHECK_EQ(wire[0], 0);
    clock_step(&clock_, NS_PER_MS * 2 / 48);
    CHECK_EQ(wire[0], 1);
    CHECK_EQ(get(d, ALLINTS), INT_RX << 7);
    CHECK_EQ(get(d, DR1 + 0x20), 0);
    CHECK_EQ(get(d, DR1 + 0x20), 0);
    CHECK_EQ(wire[0], 0);
    clock_step(&clock_, NS_PER_SEC);
    CHECK(get(d, 0x14 + SR) & RXO);
    device_free(d);
}

TEST(contract)
{
    Device *a = chip_new(&pl041_type), *b;

    chip_check_hostile_snapshots(a);
    device_reset(a);
    b = chip_plug(chip_make(&pl041_type));
    chip_scribble(a, 4, 300);
    chip_check_snapshot(a, b);
    device_free(a);
    device_free(b);
}
