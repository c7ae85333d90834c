/* SPDX-License-Identifier: MIT */
/* ATAPI CD drives through their ports (ATA/ATAPI-6 9.8, MMC-3, ECMA-130). */
#include "hw/scsi/cd-sector.h"
#include "tests/test.h"
#include "tests/unit/ide-host.h"

enum { BLOCKS = 400 };

static uint8_t reply[1 << 16];
static unsigned reply_len;

/* Send a packet, take what comes; true if it ended without CHECK CONDITION. */
static bool packet_limit(const uint8_t *cdb, unsigned limit)
{
    out8(IDE_ERROR, 0);
    out8(IDE_LBA1, (uint8_t)limit);
    out8(IDE_LBA2, (uint8_t)(limit >> 8));
    out8(IDE_STATUS, 0xa0);
    CHECK_EQ(alt() & 0x88, 0x08);
    CHECK_EQ(in8(IDE_COUNT), 1);        /* CoD */
    reply_len = 0;
    data_out(cdb, 12);
    while (in8(IDE_STATUS) & 0x08) {
        unsigned n = in8(IDE_LBA1) | (unsigned)in8(IDE_LBA2) << 8;

        CHECK_EQ(in8(IDE_COUNT), 2);    /* IO */
        CHECK(n > 0 && n <= limit);
        data_in(reply + reply_len, n);
        reply_len += n;
    }
    CHECK_EQ(in8(IDE_COUNT), 3);
    return !(alt() & 0x01);
}

#define PACKET(...) packet_limit((const uint8_t[12]){ __VA_ARGS__ }, 0xf800)

static unsigned sense(void)
{
    CHECK(PACKET(0x03, 0, 0, 0, 18));
    CHECK_EQ(reply_len, 18);
    return (unsigned)(reply[2] << 16 | reply[12] << 8 | reply[13]);
}

static void cd_host(uint64_t blocks)
{
    host_start();
    host_channel = 1;
    host_add_drive(2, &ide_cd_type, blocks * CD_DATA, CD_DATA);
    out8(IDE_DEV, 0xa0);
}

/* As a driver does: take the unit attention of power-on first. */
static void ready_cd(uint64_t blocks)
{
    cd_host(blocks);
    CHECK(!PACKET(0x00));
    CHECK_EQ(sense(), 0x062900);
}

/* 9.12: signature 14h EBh, status 0; IDENTIFY DEVICE is refused with it. */
TEST(signature)
{
    uint8_t id[512];

    cd_host(BLOCKS);
    CHECK_EQ(alt(), 0x00);
    CHECK(in8(IDE_LBA1) == 0x14 && in8(IDE_LBA2) == 0xeb);
    out8(IDE_LBA1, 0);
    out8(IDE_STATUS, 0xec);
    CHECK_EQ(alt() & 0x01, 1);
    CHECK(in8(IDE_LBA1) == 0x14 && in8(IDE_LBA2) == 0xeb);
    out8(IDE_STATUS, 0xa1);
    data_in(id, 512);
    CHECK_EQ(load_le(id, 2), 0x85c0);
    out8(IDE_STATUS, 0x08);             /* DEVICE RESET: no interrupt */
    CHECK_EQ(alt(), 0x00);
    host_stop();
}

/* SPC-2: INQUIRY works with a unit attention pending, and leaves it. */
TEST(unit_attention_after_power_on)
{
    cd_host(BLOCKS);
    CHECK(PACKET(0x12, 0, 0, 0, 36));
    CHECK_EQ(reply[0], 0x05);
    CHECK(!memcmp(reply + 16, "QEMU DVD-ROM", 12));
    CHECK(!PACKET(0x00));
    CHECK_EQ(in8(IDE_ERROR) >> 4, 6);
    CHECK_EQ(sense(), 0x062900);
    CHECK_EQ(sense(), 0);
    CHECK(PACKET(0x00));
    host_stop();
}

TEST(empty_drive)
{
    cd_host(0);
    PACKET(0x00);
    CHECK(!PACKET(0x00));
    CHECK_EQ(sense(), 0x023a01);
    CHECK(!PACKET(0x25));
    CHECK_EQ(sense(), 0x023a01);
    CHECK(PACKET(0x46, 0, 0, 0, 0, 0, 0, 0, 64));
    CHECK_EQ(load_be(reply + 6, 2), 0);
    host_stop();
}

TEST(read_by_pio_in_pieces)
{
    ready_cd(BLOCKS);
    CHECK(PACKET(0x25));
    CHECK_EQ(load_be(reply, 4), BLOCKS - 1);
    CHECK_EQ(load_be(reply + 4, 4), 2048);
    CHECK(packet_limit((const uint8_t[12]){ 0x28, 0, 0, 0, 0, 9, 0, 0, 3 }, 1001));
    CHECK_EQ(reply_len, 3 * 2048);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(load_le(reply + i * 2048, 4), 9 + i);
    }
    /* READ (12), nothing to read; beyond the end */
    CHECK(PACKET(0xa8, 0, 0, 0, 0, 0, 0, 0, 0, 0));
    CHECK_EQ(reply_len, 0);
    CHECK(!PACKET(0x28, 0, 0, 0, 1, 0x8f, 0, 0, 2));
    CHECK_EQ(sense(), 0x052100);
    host_stop();
}

/* More than the buffer: the drive fetches again. */
TEST(long_pio_read)
{
    unsigned good = 0;

    ready_cd(BLOCKS);
    out8(IDE_ERROR, 0);
    out8(IDE_LBA1, 0);
    out8(IDE_LBA2, 0x80);
    out8(IDE_STATUS, 0xa0);
    data_out((const uint8_t[12]){ 0x28, 0, 0, 0, 0, 0, 0, 0, 200 }, 12);
    for (unsigned lba = 0; in8(IDE_STATUS) & 0x08;) {
        unsigned n = in8(IDE_LBA1) | (unsigned)in8(IDE_LBA2) << 8;

        data_in(reply, n);
        for (unsigned i = 0; i < n; i += 2048) {
            good += load_le(reply + i, 4) == lba++;
        }
    }
    CHECK_EQ(good, 200);
    host_stop();
}

static void packet_dma(const uint8_t *cdb, unsigned bytes)
{
    set_prd(0, DMA_AREA, (uint16_t)bytes, true);
    out8(IDE_ERROR, 1);
    out8(IDE_STATUS, 0xa0);
    data_out(cdb, 12);
    bm_start(true);
    settle();
    CHECK_EQ(bm_status() & 7, 4);
    bm_out(0, 0, 1);
    CHECK_EQ(in8(IDE_STATUS) & 0x89, 0);
    CHECK_EQ(in8(IDE_COUNT), 3);
}

TEST(read_by_dma)
{
    ready_cd(BLOCKS);
    packet_dma((const uint8_t[12]){ 0x28, 0, 0, 0, 0, 20, 0, 0, 4 }, 4 * 2048);
    CHECK_EQ(load_le(host.ram->host + DMA_AREA + 3 * 2048, 4), 23);
    packet_dma((const uint8_t[12]){ 0x25 }, 8);         /* a reply, too */
    CHECK_EQ(load_be(host.ram->host + DMA_AREA, 4), BLOCKS - 1);
    host_stop();
}

/* -- Raw sectors ----------------------------------------------------------- */

/* ECMA-130 annex A: each P and Q word, with its parity, sums to zero. */
static bool parity_is_zero(const uint8_t *s, int num, int len, int start, int step,
                           int wrap, const uint8_t *par)
{
    for (int w = 0; w < num; w++) {
        uint8_t sum = par[w] ^ par[w + num];

        for (int i = 0; i < len; i++) {
            sum ^= s[((w >> 1) * start + (w & 1) + i * step) % wrap];
        }
        if (sum) {
            return false;
        }
    }
    return true;
}

TEST(raw_sectors)
{
    ready_cd(BLOCKS);
    CHECK(PACKET(0xbe, 0, 0, 0, 0, 30, 0, 0, 2, 0xf8));
    CHECK_EQ(reply_len, 2 * CD_RAW);
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t *s = reply + i * CD_RAW;

        CHECK(s[0] == 0 && s[1] == 0xff && s[11] == 0);
        /* block 30 + 150 frames: 00:02:30, BCD, Mode 1 */
        CHECK(s[12] == 0 && s[13] == 0x02 && s[14] == 0x30 + i && s[15] == 1);
        CHECK_EQ(load_le(s + 16, 4), 30 + i);
        CHECK(parity_is_zero(s + 12, 86, 24, 2, 86, 1 << 20, s + 2076));
        CHECK(parity_is_zero(s + 12, 52, 43, 86, 88, 2236, s + 2248));
    }
    CHECK(PACKET(0xbe, 0, 0, 0, 0, 30, 0, 0, 3, 0x20));         /* headers */
    CHECK_EQ(reply_len, 12);
    CHECK_EQ(reply[10], 0x32);
    CHECK(PACKET(0xbe, 0, 0, 0, 0, 30, 0, 0, 1, 0x10));
    CHECK_EQ(reply_len, 2048);
    CHECK(PACKET(0xb9, 0, 0, 0, 2, 30, 0, 2, 31, 0x10));        /* by MSF */
    CHECK_EQ(load_le(reply, 4), 30);
    CHECK(!PACKET(0xbe, 4, 0, 0, 0, 30, 0, 0, 1, 0x10));        /* audio expected */
    CHECK_EQ(sense(), 0x056400);
    host_stop();
}

/* ECMA-130 14.3: the sector up to and with its EDC, least significant bit first,
 * is divisible by (x^16 + x^15 + x^2 + 1)(x^16 + x^2 + x + 1). */
TEST(edc_makes_the_sector_divisible)
{
    uint8_t raw[CD_RAW] = { 0 };
    uint64_t p = 0, rest = 0;

    for (int i = 0; i < 17; i++) {
        p ^= 0x18005ull >> i & 1 ? 0x10007ull << i : 0;
    }
    for (int i = 0; i < CD_DATA; i++) {
        raw[16 + i] = (uint8_t)(i * 41 >> 2);
    }
    cd_complete_sector(raw, 12345);
    for (int i = 0; i < 8 * 2068; i++) {
        rest = rest << 1 | (raw[i / 8] >> i % 8 & 1);
        rest ^= rest >> 32 & 1 ? p : 0;
    }
    CHECK_EQ(rest, 0);
}

/* -- Disc structure (MMC-3 6.32) ------------------------------------------- */

TEST(toc)
{
    ready_cd(BLOCKS);
    CHECK(PACKET(0x43, 0, 0, 0, 0, 0, 0, 0, 64));
    CHECK_EQ(reply_len, 20);
    CHECK_EQ(load_be(reply, 2), 18);
    CHECK(reply[2] == 1 && reply[3] == 1);
    CHECK(reply[5] == 0x14 && reply[6] == 1 && load_be(reply + 8, 4) == 0);
    CHECK(reply[14] == 0xaa && load_be(reply + 16, 4) == BLOCKS);
    CHECK(PACKET(0x43, 2, 0, 0, 0, 0, 0xaa, 0, 64));            /* MSF, lead-out */
    CHECK_EQ(reply_len, 12);
    CHECK(reply[9] == 0 && reply[10] == 7 && reply[11] == 25);  /* 550 frames */
    CHECK(PACKET(0x43, 0, 1, 0, 0, 0, 0, 0, 64));
    CHECK_EQ(reply_len, 12);
    CHECK(PACKET(0x43, 0, 2, 0, 0, 0, 0, 0, 64));
    CHECK_EQ(reply_len, 4 + 4 * 11);
    CHECK_EQ(reply[4 + 3], 0xa0);
    CHECK(PACKET(0x43, 0, 0, 0, 0, 0, 0, 0, 4));                /* cut to fit */
    CHECK_EQ(reply_len, 4);
    CHECK(!PACKET(0x43, 0, 0, 0, 0, 0, 5, 0, 64));
    CHECK_EQ(sense(), 0x052400);
    host_stop();
}

TEST(information)
{
    ready_cd(BLOCKS);
    CHECK(PACKET(0x51, 0, 0, 0, 0, 0, 0, 0, 34));
    CHECK(reply_len == 34 && reply[2] == 0x0e);
    CHECK(PACKET(0x52, 1, 0, 0, 0, 1, 0, 0, 36));
    CHECK_EQ(load_be(reply + 24, 4), BLOCKS);
    CHECK(PACKET(0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8));
    CHECK_EQ(reply_len, 8);
    CHECK(PACKET(0x42, 0, 0x40, 1, 0, 0, 0, 0, 16));
    CHECK(reply_len == 16 && reply[5] == 0x14);
    CHECK(PACKET(0x2b, 0, 0, 0, 0, 10));
    CHECK(PACKET(0xbb, 0, 0xff, 0xff));
    CHECK(!PACKET(0xad, 0, 0, 0, 0, 0, 0, 0, 8, 4));            /* a CD is no DVD */
    CHECK(!PACKET(0xff));
    CHECK_EQ(sense(), 0x052000);
    host_stop();
}

/* 5.2: the profile and which features are current follow the medium. */
TEST(configuration)
{
    unsigned profile = 0, core = 0;

    ready_cd(BLOCKS);
    CHECK(PACKET(0x46, 0, 0, 0, 0, 0, 0, 1, 0));
    CHECK_EQ(load_be(reply, 4), reply_len - 4);
    profile = (unsigned)load_be(reply + 6, 2);
    CHECK_EQ(profile, 8);
    for (unsigned p = 8; p + 4 <= reply_len; p += 4 + reply[p + 3]) {
        core += load_be(reply + p, 2) == 1 && (reply[p + 2] & 1);
        if (load_be(reply + p, 2) == 0x1f) {
            CHECK_EQ(reply[p + 2] & 1, 0);              /* DVD read: not now */
        }
    }
    CHECK_EQ(core, 1);
    CHECK(PACKET(0x46, 2, 0, 0x1e, 0, 0, 0, 1, 0));     /* only CD read */
    CHECK_EQ(reply_len, 16);
    CHECK_EQ(load_be(reply + 8, 2), 0x1e);
    host_stop();
}

TEST(mode_pages)
{
    ready_cd(BLOCKS);
    CHECK(PACKET(0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 64));
    CHECK(reply[8] == 0x2a && reply_len == 10u + reply[9]);
    CHECK(PACKET(0x5a, 0, 0x3f, 0, 0, 0, 0, 1, 0));
    CHECK_EQ(load_be(reply, 2), reply_len - 2);
    CHECK(!PACKET(0x5a, 0, 0xea, 0, 0, 0, 0, 0, 64));   /* saved values */
    CHECK_EQ(sense(), 0x053900);
    CHECK(!PACKET(0x5a, 0, 0x05, 0, 0, 0, 0, 0, 64));
    host_stop();
}

TEST(mode_select)
{
    const uint8_t page[16] = { [8] = 0x01, 6, 0, 5 };

    ready_cd(BLOCKS);
    out8(IDE_ERROR, 0);
    out8(IDE_LBA1, 16);
    out8(IDE_LBA2, 0);
    out8(IDE_STATUS, 0xa0);
    data_out((const uint8_t[12]){ 0x55, 0x10, 0, 0, 0, 0, 0, 0, 16 }, 12);
    CHECK_EQ(in8(IDE_STATUS) & 0x89, 0x08);
    CHECK_EQ(in8(IDE_COUNT), 0);        /* data out */
    data_out(page, 16);
    CHECK_EQ(in8(IDE_STATUS) & 0x89, 0);
    CHECK_EQ(in8(IDE_COUNT), 3);
    host_stop();
}

/* -- Changing the medium --------------------------------------------------- */

TEST(medium_change_by_the_user)
{
    Error err = { "" };

    ready_cd(BLOCKS);
    CHECK(PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8));
    CHECK_EQ(reply[4], 0);
    CHECK_EQ(blk_eject(host.blk[2], false, &err), 0);
    CHECK(!PACKET(0x00));
    CHECK_EQ(sense(), 0x023a01);
    CHECK(PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8));
    CHECK_EQ(reply[4], 3);              /* media removal */
    CHECK_EQ(blk_change(host.blk[2], host.path[2], "raw", &err), 0);
    CHECK(!PACKET(0x00));
    CHECK_EQ(sense(), 0x062800);
    CHECK(PACKET(0x00));
    CHECK(PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8));
    CHECK(reply[4] == 2 && reply[5] == 2);
    host_stop();
}

TEST(locked_medium)
{
    Error err = { "" };

    ready_cd(BLOCKS);
    CHECK(PACKET(0x1e, 0, 0, 0, 1));
    CHECK(blk_eject(host.blk[2], false, &err) < 0);
    CHECK(strstr(err.msg, "locked"));
    CHECK(PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8));
    CHECK_EQ(reply[4], 1);              /* eject request */
    CHECK(!PACKET(0x1b, 0, 0, 0, 2));
    CHECK_EQ(sense(), 0x055302);
    CHECK(PACKET(0x1e, 0, 0, 0, 0));
    CHECK(PACKET(0x1b, 0, 0, 0, 2));    /* the guest opens the tray */
    CHECK(!PACKET(0x00));
    CHECK_EQ(sense(), 0x023a02);
    CHECK(PACKET(0x1b, 0, 0, 0, 3));
    CHECK(!PACKET(0x00));
    CHECK_EQ(sense(), 0x062800);
    CHECK(PACKET(0x00));
    host_stop();
}
