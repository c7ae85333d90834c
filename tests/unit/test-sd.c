/* SPDX-License-Identifier: MIT */
/* SD cards against the SD Physical Layer Simplified Specification 3.01. */
#include "hw/sd/sd.h"

#include "tests/unit/sd-image.h"

#define HCS         (1u << 30)
#define VOLTAGES    0x00ff8000u
#define OUT_OF_RANGE    (1u << 31)
#define ADDRESS_ERROR   (1u << 30)
#define BLOCK_LEN_ERROR (1u << 29)
#define ERASE_SEQ_ERROR (1u << 28)
#define WP_VIOLATION    (1u << 26)
#define ILLEGAL_COMMAND (1u << 22)
#define ERASE_RESET     (1u << 13)
#define READY_FOR_DATA  (1u << 8)
#define APP_CMD         (1u << 5)
#define MIB             (1ull << 20)

enum { IDLE, READY, IDENT, STBY, TRAN, DATA, RCV, PRG, DIS };

static uint32_t rca;

static SDReply cmd(Device *d, unsigned index, uint32_t arg)
{
    SDReply r;

    sd_command(d, index, arg, &r);
    return r;
}

static SDReply acmd(Device *d, unsigned index, uint32_t arg)
{
    cmd(d, 55, rca << 16);
    return cmd(d, index, arg);
}

static unsigned state_in(SDReply r)
{
    return r.word[0] >> 9 & 15;
}

static unsigned state(Device *d)
{
    return state_in(cmd(d, 13, rca << 16));
}

/* Figures 4-2 and 4-3: to the transfer state. */
static void start(Device *d)
{
    rca = 0;
    cmd(d, 0, 0);
    cmd(d, 8, 0x1aa);
    acmd(d, 41, HCS | VOLTAGES);
    cmd(d, 2, 0);
    rca = cmd(d, 3, 0).word[0] >> 16;
    cmd(d, 7, rca << 16);
}

static size_t get(Device *d, void *buf, size_t len)
{
    size_t done = 0;

    for (int i = 0; i < 10000 && done < len; i++) {
        size_t n = sd_read(d, (char *)buf + done, len - done);

        done += n;
        if (!n) {
            blk_drain_all();
        }
    }
    return done;
}

static size_t put(Device *d, const void *buf, size_t len)
{
    size_t done = 0;

    for (int i = 0; i < 10000 && done < len; i++) {
        size_t n = sd_write(d, (const char *)buf + done, len - done);

        done += n;
        if (!n) {
            blk_drain_all();
        }
    }
    return done;
}

static uint32_t field(const uint32_t *word, int hi, int lo)
{
    uint32_t v = 0;

    for (int b = hi; b >= lo; b--) {
        v = v << 1 | (word[3 - b / 32] >> (b % 32) & 1);
    }
    return v;
}

/* 4.2: identification, state by state. */
TEST(identification)
{
    Device *d = card_new(64 * MIB, BDRV_O_RDWR);
    SDReply r;

    CHECK_EQ(wire[SD_OUT_PRESENT], 1);
    CHECK_EQ(wire[SD_OUT_PROTECTED], 0);
    CHECK_EQ(cmd(d, 0, 0).kind, SD_NO_REPLY);
    r = cmd(d, 8, 0x1aa);
    CHECK_EQ(r.word[0], 0x1aa);
    CHECK_EQ(r.index, 8);
    CHECK_EQ(cmd(d, 8, 0x2aa).kind, SD_NO_REPLY);       /* another voltage */
    r = cmd(d, 55, 0);
    CHECK(r.word[0] & APP_CMD);
    r = cmd(d, 41, 0);                                  /* inquiry */
    CHECK_EQ(r.kind, SD_SHORT_NO_CRC);
    CHECK_EQ(r.index, 0x3f);
    CHECK_EQ(r.word[0] >> 31, 0);
    CHECK_EQ(r.word[0] & VOLTAGES, VOLTAGES);
    cmd(d, 55, 0);
    r = cmd(d, 41, HCS | VOLTAGES);
    CHECK_EQ(r.word[0] >> 30, 2);                       /* powered up, CCS 0 */
    CHECK_EQ(cmd(d, 2, 0).kind, SD_LONG_REPLY);
    r = cmd(d, 3, 0);
    CHECK_EQ(state_in(r), IDENT);
    rca = r.word[0] >> 16;
    CHECK(rca != 0);
    CHECK_EQ(state(d), STBY);
    CHECK_EQ(cmd(d, 13, (rca + 1) << 16).kind, SD_NO_REPLY);
    CHECK_EQ(state_in(cmd(d, 7, rca << 16)), STBY);
    CHECK_EQ(state(d), TRAN);
    CHECK_EQ(cmd(d, 7, 0).kind, SD_NO_REPLY);           /* deselected */
    CHECK_EQ(state(d), STBY);
    card_free_all(d);
}

/* 4.6.1: unknown and misplaced commands have no reply; the next one tells. */
TEST(illegal_commands)
{
    Device *d = card_new(64 * MIB, BDRV_O_RDWR);

    start(d);
    CHECK_EQ(cmd(d, 5, 0).kind, SD_NO_REPLY);
    CHECK_EQ(cmd(d, 13, rca << 16).word[0], ILLEGAL_COMMAND | TRAN << 9 | READY_FOR_DATA);
    CHECK_EQ(cmd(d, 13, rca << 16).word[0], TRAN << 9 | READY_FOR_DATA);
    CHECK_EQ(cmd(d, 2, 0).kind, SD_NO_REPLY);           /* not in tran */
    CHECK_EQ(cmd(d, 42, 0).kind, SD_NO_REPLY);          /* class 7: not in the CSD */
    CHECK_EQ(cmd(d, 1, 0).kind, SD_NO_REPLY);           /* an MMC's */
    card_free_all(d);
}

/* 5.3.2: (C_SIZE + 1) * 2^(C_SIZE_MULT + 2) * 2^READ_BL_LEN is the size. */
TEST(csd_version_1)
{
    static const uint64_t sizes[] = { 2048, 6 * 2048, 8 * MIB, 12 * MIB, 64 * MIB,
                                      700 * MIB, 1024 * MIB, 1536 * MIB, 2048 * MIB };

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        Device *d = card_new(sizes[i], BDRV_O_RDWR);

        start(d);
        cmd(d, 7, 0);
        SDReply r = cmd(d, 9, rca << 16);
        uint64_t unit = 1ull << (field(r.word, 49, 47) + 2 + field(r.word, 83, 80));

        CHECK_EQ(r.kind, SD_LONG_REPLY);
        CHECK_EQ(field(r.word, 127, 126), 0);
        CHECK_EQ((field(r.word, 73, 62) + 1) * unit, sizes[i]);
        CHECK_EQ(field(r.word, 25, 22), field(r.word, 83, 80));
        CHECK_EQ(r.word[3] & 1, 1);
        card_free_all(d);
    }
}

/* 5.3.3: (C_SIZE + 1) * 512 KiB; OCR says high capacity. */
TEST(csd_version_2)
{
    Device *d = card_new(4096 * MIB, BDRV_O_RDWR);

    rca = 0;
    cmd(d, 8, 0x1aa);
    CHECK_EQ(acmd(d, 41, VOLTAGES).word[0] >> 31, 0);   /* a host without HCS waits */
    CHECK_EQ(acmd(d, 41, HCS | VOLTAGES).word[0] >> 30, 3);
    start(d);
    cmd(d, 7, 0);
    SDReply r = cmd(d, 9, rca << 16);

    CHECK_EQ(field(r.word, 127, 126), 1);
    CHECK_EQ((field(r.word, 69, 48) + 1) * (512ull << 10), 4096 * MIB);
    card_free_all(d);
}

/* 4.2.3: HCS counts only after CMD8. */
TEST(high_capacity_needs_cmd8)
{
    Device *d = card_new(4096 * MIB, BDRV_O_RDWR);

    rca = 0;
    CHECK_EQ(acmd(d, 41, HCS | VOLTAGES).word[0] >> 31, 0);
    card_free_all(d);
}

/* The CSD cannot say every size. */
TEST(odd_sizes_are_refused)
{
    static const uint64_t sizes[] = { 1000, 64 * MIB + 2048, 2048 * MIB + 1024 };

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        Device *d = chip_make(&sd_card_type);
        Error err = { "" };

        chip_link(d, "drive", image_open(sizes[i], BDRV_O_RDWR));
        CHECK(device_realize(d, &err) < 0);
        CHECK(strstr(err.msg, "resize") != NULL);
        card_free_all(d);
    }
}

static void fill(uint8_t *buf, size_t len, uint32_t seed)
{
    for (size_t i = 0; i < len; i++) {
        buf[i] = (uint8_t)chip_random(&seed);
    }
}

/* 4.3.3: CMD17 one block, by byte address; back to tran by itself. */
TEST(single_block)
{
    Device *d = card_new(64 * MIB, BDRV_O_RDWR);
    uint8_t want[1024], buf[1024];

    fill(want, sizeof(want), 1);
    image_write(5120, want, 1024);
    start(d);
    CHECK_EQ(state_in(cmd(d, 17, 5120)), TRAN);
    CHECK_EQ(state(d), DATA);
    CHECK_EQ(get(d, buf, 512), 512);
    CHECK(!memcmp(buf, want, 512));
    CHECK_EQ(state(d), TRAN);
    CHECK_EQ(sd_read(d, buf, 4), 0);
    CHECK(!sd_waits(d));

    CHECK_EQ(cmd(d, 16, 16).word[0] & BLOCK_LEN_ERROR, 0);      /* partial blocks */
    cmd(d, 17, 5120 + 496);
    CHECK_EQ(get(d, buf, 16), 16);
    CHECK(!memcmp(buf, want + 496, 16));
    CHECK(cmd(d, 17, 5120 + 500).word[0] & ADDRESS_ERROR);      /* misaligned */
    CHECK(cmd(d, 24, 5120).word[0] & BLOCK_LEN_ERROR);          /* none for writes */
    CHECK(cmd(d, 16, 513).word[0] & BLOCK_LEN_ERROR);
    CHECK(cmd(d, 17, 64 << 20).word[0] & OUT_OF_RANGE);
    CHECK_EQ(state(d), TRAN);
    card_free_all(d);
}

/* 4.3.3: CMD18 until CMD12; high capacity cards are addressed by block. */
TEST(read_until_stopped)
{
    Device *d = card_new(4096 * MIB, BDRV_O_RDWR);
    size_t len = 300 << 10;
    uint8_t *want = malloc(len), *buf = malloc(len);

    fill(want, len, 2);
    image_write(3ull << 30, want, len);
    start(d);
    cmd(d, 18, 3u << 21);
    CHECK_EQ(get(d, buf, len), len);
    CHECK(!memcmp(buf, want, len));
    CHECK_EQ(state(d), DATA);
    CHECK_EQ(state_in(cmd(d, 12, 0)), DATA);
    CHECK_EQ(state(d), TRAN);
    cmd(d, 17, (3u << 21) + 1);         /* while a fetch may still be under way */
    CHECK_EQ(get(d, buf, 512), 512);
    CHECK(!memcmp(buf, want + 512, 512));
    free(want);
    free(buf);
    card_free_all(d);
}

/* 4.3.3: past the last block: OUT_OF_RANGE, no data. */
TEST(read_past_the_end)
{
    Device *d = card_new(64 * MIB, BDRV_O_RDWR);
    uint8_t buf[512];

    start(d);
    cmd(d, 18, (64 << 20) - 512);
    CHECK_EQ(get(d, buf, 512), 512);
    CHECK_EQ(cmd(d, 13, rca << 16).word[0] & OUT_OF_RANGE, 0);
    CHECK_EQ(sd_read(d, buf, 4), 0);
    CHECK(cmd(d, 12, 0).word[0] & OUT_OF_RANGE);
    CHECK_EQ(state(d), TRAN);
    card_free_all(d);
}

/* 4.3.4: CMD24; busy until it is written. */
TEST(write_single_block)
{
    Device *d = card_new(64 * MIB, BDRV_O_RDWR);
    uint8_t want[512], buf[512];

    fill(want, 512, 3);
    start(d);
    cmd(d, 24, 1024);
    CHECK_EQ(state(d), RCV);
    CHECK_EQ(put(d, want, 512), 512);
    CHECK(sd_busy(d));
    SDReply r = cmd(d, 13, rca << 16);
    CHECK_EQ(state_in(r), PRG);
    CHECK_EQ(r.word[0] & READY_FOR_DATA, 0);
    blk_drain_all();
    CHECK(!sd_busy(d));
    CHECK_EQ(state(d), TRAN);
    image_read(1024, buf, 512);
    CHECK(!memcmp(buf, want, 512));
    card_free_all(d);
}

/* 4.3.4: CMD25 until CMD12: whole blocks are written, a part of one is not. */
TEST(write_until_stopped)
{
    Device *d = card_new(64 * MIB, BDRV_O_RDWR);
    size_t len = 200 * 512;
    uint8_t *want = malloc(len), *buf = malloc(len), zero[512] = { 0 };

    fill(want, len, 4);
    start(d);
    cmd(d, 25, 512);
    CHECK_EQ(put(d, want, len), len);
    CHECK_EQ(put(d, want, 100), 100);
    cmd(d, 12, 0);
    blk_drain_all();
    CHECK_EQ(state(d), TRAN);
    image_read(512, buf, len);
    CHECK(!memcmp(buf, want, len));
    image_read(512 + len, buf, 512);
    CHECK(!memcmp(buf, zero, 512));
    acmd(d, 22, 0);                     /* 4.3.4: blocks well written */
    CHECK_EQ(get(d, buf, 4), 4);
    CHECK_EQ(load_be(buf, 4), 200);
    free(want);
    free(buf);
    card_free_all(d);
}

/* 4.3.11: CMD23 ends CMD18 and CMD25 without CMD12. */
TEST(set_block_count)
{
    Device *d = card_new(64 * MIB, BDRV_O_RDWR);
    uint8_t want[1536], buf[1536];

    fill(want, sizeof(want), 5);
    start(d);
    cmd(d, 23, 3);
    cmd(d, 25, 0);
    CHECK_EQ(put(d, want, 1536), 1536);
    blk_drain_all();
    CHECK_EQ(state(d), TRAN);
    cmd(d, 23, 3);
    cmd(d, 18, 0);
    CHECK_EQ(get(d, buf, 1536), 1536);
    CHECK(!memcmp(buf, want, 1536));
    CHECK_EQ(state(d), TRAN);
    cmd(d, 18, 0);                      /* the count is for one command */
    CHECK_EQ(get(d, buf, 1536), 1536);
    CHECK_EQ(state(d), DATA);
    card_free_all(d);
}

/* A reset of the machine keeps blocks that were sent. */
TEST(reset_writes_what_was_sent)
{
    Device *d = card_new(64 * MIB, BDRV_O_RDWR);
    uint8_t want[1024], buf[1024];

    fill(want, 1024, 6);
    start(d);
    cmd(d, 25, 0);
    put(d, want, 1024);
    device_reset(d);
    image_read(0, buf, 1024);
    CHECK(!memcmp(buf, want, 1024));
    card_free_all(d);
}

/* 4.3.5: erased blocks read as 0 (SCR); the order of commands is checked. */
TEST(erase)
{
    Device *d = card_new(64 * MIB, BDRV_O_RDWR);
    uint8_t want[4096], buf[4096];

    memset(want, 0x55, sizeof(want));
    image_write(0, want, sizeof(want));
    memset(want + 512, 0, 1024);
    start(d);
    CHECK(cmd(d, 38, 0).word[0] & ERASE_SEQ_ERROR);
    CHECK(cmd(d, 33, 0).word[0] & ERASE_SEQ_ERROR);
    cmd(d, 32, 512);
    cmd(d, 33, 1024);
    cmd(d, 38, 0);
    blk_drain_all();
    CHECK_EQ(state(d), TRAN);
    image_read(0, buf, sizeof(buf));
    CHECK(!memcmp(buf, want, sizeof(buf)));
    cmd(d, 32, 0);
    CHECK(cmd(d, 16, 512).word[0] & ERASE_RESET);
    cmd(d, 33, 0);
    CHECK(cmd(d, 38, 0).word[0] & ERASE_SEQ_ERROR);
    card_free_all(d);
}

/* 4.3.6: write protected groups. */
TEST(write_protected_groups)
{
    Device *d = card_new(64 * MIB, BDRV_O_RDWR);
    uint8_t buf[4];

    start(d);
    cmd(d, 28, 8 << 20);
    CHECK(cmd(d, 24, 8 << 20).word[0] & WP_VIOLATION);
    CHECK_EQ(state(d), TRAN);
    cmd(d, 30, 0);
    CHECK_EQ(get(d, buf, 4), 4);
    CHECK_EQ(load_be(buf, 4), 2);
    cmd(d, 29, 8 << 20);
    CHECK_EQ(cmd(d, 24, 8 << 20).word[0] & WP_VIOLATION, 0);
    card_free_all(d);
}

/* A read-only image is a protected card. */
TEST(read_only_image)
{
    Device *d = card_new(64 * MIB, 0);

    CHECK_EQ(wire[SD_OUT_PROTECTED], 1);
    start(d);
    CHECK(cmd(d, 24, 0).word[0] & WP_VIOLATION);
    CHECK_EQ(state(d), TRAN);
    card_free_all(d);
}

/* 5.6, 4.10.2, 4.3.10: SCR, SD status, switch function. */
TEST(registers_by_data)
{
    Device *d = card_new(64 * MIB, BDRV_O_RDWR);
    uint8_t buf[64];

    start(d);
    acmd(d, 51, 0);
    CHECK_EQ(get(d, buf, 8), 8);
    CHECK_EQ(buf[0] & 0xf, 2);          /* version 2.00 or later */
    CHECK_EQ(buf[1] & 0xf, 5);          /* 1 and 4 bits */
    acmd(d, 6, 2);
    acmd(d, 13, 0);
    CHECK_EQ(get(d, buf, 64), 64);
    CHECK_EQ(buf[0] >> 6, 2);
    cmd(d, 6, 0x00fffff1);              /* check high speed */
    CHECK_EQ(get(d, buf, 64), 64);
    CHECK_EQ(buf[13] & 3, 3);           /* bits 400, 401: functions 0 and 1 */
    CHECK_EQ(buf[16] & 15, 1);          /* bits 379:376 */
    cmd(d, 6, 0x80fffff1);
    CHECK_EQ(get(d, buf, 64), 64);
    cmd(d, 7, 0);
    SDReply r = cmd(d, 9, rca << 16);
    CHECK_EQ(field(r.word, 103, 96), 0x5a);             /* 50 MHz from now on */
    cmd(d, 7, rca << 16);
    cmd(d, 6, 0x00fffff5);
    CHECK_EQ(get(d, buf, 64), 64);
    CHECK_EQ(buf[16] & 15, 15);         /* no such function */
    card_free_all(d);
}

/* 5.3: CMD27 sets TMP_WRITE_PROTECT; read-only bits must be as they are. */
TEST(program_csd)
{
    Device *d = card_new(64 * MIB, BDRV_O_RDWR);
    uint8_t csd[16];

    start(d);
    cmd(d, 7, 0);
    SDReply r = cmd(d, 9, rca << 16);

    for (int i = 0; i < 4; i++) {
        store_be(csd + 4 * i, r.word[i], 4);
    }
    cmd(d, 7, rca << 16);
    csd[14] |= 0x10;
    cmd(d, 27, 0);
    CHECK_EQ(put(d, csd, 16), 16);
    CHECK(cmd(d, 24, 0).word[0] & WP_VIOLATION);
    csd[0] ^= 1;
    cmd(d, 27, 0);
    CHECK_EQ(put(d, csd, 16), 16);
    CHECK(cmd(d, 13, rca << 16).word[0] & 1 << 16);     /* CSD_OVERWRITE */
    card_free_all(d);
}

/* Nothing in the slot: nothing answers, until something is put in. */
TEST(empty_slot)
{
    Device *d = card_new(0, 0);
    uint8_t buf[4];

    CHECK_EQ(wire[SD_OUT_PRESENT], 0);
    CHECK(!sd_inserted(d));
    CHECK_EQ(cmd(d, 8, 0x1aa).kind, SD_NO_REPLY);
    CHECK_EQ(sd_read(d, buf, 4), 0);
    CHECK_EQ(cmd(NULL, 8, 0x1aa).kind, SD_NO_REPLY);
    device_free(d);
}

TEST(change_and_eject)
{
    Device *d = card_new(64 * MIB, BDRV_O_RDWR);
    Error err;

    start(d);
    CHECK_EQ(blk_eject(image_blk, false, &err), 0);
    CHECK_EQ(wire[SD_OUT_PRESENT], 0);
    CHECK_EQ(cmd(d, 13, rca << 16).kind, SD_NO_REPLY);
    CHECK_EQ(blk_change(image_blk, image_path, "raw", &err), 0);
    CHECK_EQ(wire[SD_OUT_PRESENT], 1);
    CHECK_EQ(cmd(d, 13, rca << 16).kind, SD_NO_REPLY);  /* a new one is idle */
    start(d);
    CHECK_EQ(state(d), TRAN);
    card_free_all(d);
}

static int ready_calls;

static void note_ready(void *opaque)
{
    (void)opaque;
    ready_calls++;
}

/* sd.h: data that were not there are announced. */
TEST(ready_is_called)
{
    static const SDHostOps ops = { note_ready };
    Device *d = card_new(64 * MIB, BDRV_O_RDWR);
    uint8_t buf[512];
    Error err;

    CHECK_EQ(sd_attach(d, "host", &ops, NULL, &err), 0);
    CHECK(sd_attach(d, "host", &ops, NULL, &err) < 0);
    start(d);
    ready_calls = 0;
    cmd(d, 17, 0);
    CHECK_EQ(sd_read(d, buf, 512), 0);
    CHECK(sd_waits(d));
    CHECK_EQ(ready_calls, 0);
    blk_drain_all();
    CHECK_EQ(ready_calls, 1);
    CHECK_EQ(sd_read(d, buf, 512), 512);
    sd_detach(d);
    card_free_all(d);
}

/* In the middle of a read: the copy goes on with the same bytes. */
TEST(snapshot_in_a_transfer)
{
    Device *a = card_new(64 * MIB, BDRV_O_RDWR);
    uint8_t want[512 * 64], buf[512 * 64];
    size_t len = vmstate_size(sd_card_type.vmstate);
    Error err;

    fill(want, sizeof(want), 7);
    image_write(0, want, sizeof(want));
    start(a);
    cmd(a, 18, 0);
    CHECK_EQ(get(a, buf, 9000), 9000);
    blk_drain_all();
    uint8_t *image = chip_save(a);
    cmd(a, 0, 0);
    CHECK_EQ(device_load(a, image, len, &err), 0);
    CHECK_EQ(get(a, buf, 10000), 10000);
    CHECK(!memcmp(buf, want + 9000, 10000));
    free(image);
    chip_check_hostile_snapshots(a);
    blk_drain_all();
    card_free_all(a);
}

/* Any commands in any order, with data in between. */
TEST(random_commands_are_survived)
{
    Device *d = card_new(64 * MIB, BDRV_O_RDWR);
    uint8_t buf[700] = { 0 };
    uint32_t seed = 11;

    for (int i = 0; i < 20000; i++) {
        if (i % 50 == 0) {
            start(d);
        }
        unsigned index = chip_random(&seed) % 64;

        if (index == 0 || index == 15) {
            continue;
        }
        cmd(d, index, chip_random(&seed) % 3 ? chip_random(&seed) << 9 : rca << 16);
        sd_read(d, buf, chip_random(&seed) % sizeof(buf));
        sd_write(d, buf, chip_random(&seed) % sizeof(buf));
        if (i % 64 == 0) {
            blk_drain_all();
        }
    }
    device_reset(d);
    start(d);
    CHECK_EQ(state(d), TRAN);
    card_free_all(d);
}
