/* SPDX-License-Identifier: MIT */
/* The UDA1341TS against its data sheet, behind the S3C2440's I2S controller (User's
 * Manual, chapter 21). */
#include "hw/misc/uda1341.h"

#include <unistd.h>

#include "hw/s3c24xx/i2s.h"
#include "tests/unit/primecell-test.h"
#include "util/bits.h"

enum { CON = 0x00, MOD = 0x04, PSR = 0x08, FCON = 0x0c, FIFO = 0x10 };
enum { DATA0 = 0x14, STATUS = 0x16 };

static Device *codec, *i2s;
static char path[] = "/tmp/test-uda1341-XXXXXX";

static void begin(void)
{
    clock_init_manual(&clock_);
    strcpy(path + sizeof(path) - 7, "XXXXXX");
    close(mkstemp(path));
    codec = chip_make(&uda1341_type);
    chip_prop(codec, "wav", path);
    chip_plug(codec);
    i2s = chip_make(&s3c2440_i2s_type);
    chip_link(i2s, "codec", codec);
    chip_plug(i2s);
}

/* What was played; its length in bytes. */
static size_t end(uint8_t *wav, size_t max)
{
    device_free(i2s);
    device_free(codec);
    FILE *f = fopen(path, "rb");
    size_t len = fread(wav, 1, max, f);

    fclose(f);
    unlink(path);
    return len;
}

/* "L3 interface": lowest bit first, mode is low for an address. */
static void l3(bool data, uint8_t val)
{
    chip_input(codec, UDA1341_IN_MODE, data);
    for (int i = 0; i < 8; i++) {
        chip_input(codec, UDA1341_IN_CLOCK, 0);
        chip_input(codec, UDA1341_IN_DATA, val >> i & 1);
        chip_input(codec, UDA1341_IN_CLOCK, 1);
    }
}

/* Master, transmit, 16 bits; CODECLK = PCLK / 5. */
static void start(void)
{
    out(i2s, PSR, 4 << 5 | 4);
    out(i2s, MOD, 2 << 6 | 1 << 3);
    out(i2s, FCON, 1 << 15 | 1 << 13);
    out(i2s, CON, 1 << 5 | 1 << 1 | 1);
}

/* A request for DMA while there is room for a frame; played at fs = CODECLK / 256. */
TEST(play)
{
    uint8_t wav[1024];
    unsigned sent = 0;

    begin();
    start();
    while (sent < 64) {
        for (; wire[S3C_I2S_OUT_DMA_TX]; sent++) {
            out(i2s, FIFO, 100 * sent);
        }
        clock_step(&clock_, NS_PER_MS / 10);
    }
    clock_step(&clock_, NS_PER_SEC / 100);
    size_t len = end(wav, sizeof(wav));

    sent &= ~1u;                        /* half a frame waits for the other */
    CHECK_EQ(len, 44 + 2 * sent);
    CHECK(!memcmp(wav, "RIFF", 4) && !memcmp(wav + 8, "WAVEfmt ", 8));
    CHECK_EQ(load_le(wav + 24, 4), 50625000 / 5 / 256);
    CHECK_EQ(load_le(wav + 40, 4), 2 * sent);
    for (unsigned i = 0; i < sent; i++) {
        CHECK_EQ(load_le(wav + 44 + 2 * i, 2), 100 * i);
    }
}

/* "DATA0": 00vvvvvv is volume, 1 dB a step; 10xxx1xx mutes; others' addresses. */
TEST(volume)
{
    const int16_t frame[1][2] = { { 10000, -10000 } };
    uint8_t wav[256];

    begin();
    uda1341_play(codec, frame, 1, 8000);
    l3(false, DATA0);
    l3(true, 21);                       /* - 20 dB */
    uda1341_play(codec, frame, 1, 8000);
    l3(true, 0x84);
    uda1341_play(codec, frame, 1, 8000);
    l3(false, 0x54);                    /* not for this chip */
    l3(true, 0x80);
    uda1341_play(codec, frame, 1, 8000);
    l3(false, STATUS);
    l3(true, 0x40);                     /* reset */
    uda1341_play(codec, frame, 1, 8000);
    CHECK_EQ(end(wav, sizeof(wav)), 44 + 5 * 4);
    CHECK_EQ((int16_t)load_le(wav + 44, 2), 10000);
    CHECK_EQ((int16_t)load_le(wav + 48, 2), 1000);
    CHECK_EQ((uint64_t)(int64_t)(int16_t)load_le(wav + 50, 2), (uint64_t)-1000);
    CHECK_EQ(load_le(wav + 52, 4), 0);
    CHECK_EQ(load_le(wav + 56, 4), 0);
    CHECK_EQ((int16_t)load_le(wav + 60, 2), 10000);
}

TEST(contract)
{
    clock_init_manual(&clock_);
    Device *d = chip_new(&s3c2440_i2s_type), *c = chip_make(&uda1341_type);

    chip_check_reset(d);
    chip_check_hostile_snapshots(d);
    device_free(d);
    chip_plug(c);
    chip_check_reset(c);
    chip_check_hostile_snapshots(c);
    device_free(c);
}
