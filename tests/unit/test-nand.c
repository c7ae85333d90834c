/* SPDX-License-Identifier: MIT */
/* NAND chips and the S3C2440's controller: Samsung's data sheets; S3C2440A User's
 * Manual, chapter 6. */
#include "hw/nand/nand.h"

#include "hw/nand/ecc.h"
#include "hw/s3c24xx/nand.h"
#include "tests/unit/sd-image.h"

enum { NFCONF = 0x00, NFCONT = 0x04, NFCMMD = 0x08, NFADDR = 0x0c, NFDATA = 0x10, NFMECCD0 = 0x14,
       NFMECCD1 = 0x18, NFSECCD = 0x1c, NFSTAT = 0x20, NFESTAT0 = 0x24, NFMECC0 = 0x2c,
       NFSECC = 0x34, NFSBLK = 0x38, NFEBLK = 0x3c };
enum { ON = 1, INIT_ECC = 0x10, MAIN_LOCK = 0x20, INT_RNB = 0x200, INT_ILLEGAL = 0x400,
       SOFT_LOCK = 0x1000, LOCK_TIGHT = 0x2000 };
enum { RNB = 1, DETECT = 4, ILLEGAL = 8 };

static Device *chip, *ctl;

static unsigned window_of(unsigned reg, unsigned *at)
{
    unsigned n = reg < NFDATA ? 0 : reg < NFMECCD0 ? 1 : 2;

    *at = reg - (n == 2 ? NFMECCD0 : n == 1 ? NFDATA : 0);
    return n;
}

static uint32_t in_n(unsigned reg, unsigned size)
{
    unsigned at, n = window_of(reg, &at);

    return (uint32_t)device_read(ctl, n, at, size);
}

static void out(unsigned reg, uint32_t val)
{
    unsigned at, n = window_of(reg, &at);

    device_write(ctl, n, at, val, 4);
}

static uint32_t in(unsigned reg)
{
    return in_n(reg, 4);
}

static void data_out(const uint8_t *buf, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        device_write(ctl, 1, 0, buf[i], 1);
    }
}

/* A chip on its controller, without a drive or with a file of `bytes`. */
static void begin(const char *mib, uint64_t bytes)
{
    clock_init_manual(&clock_);
    chip = chip_make(&nand_type);
    chip_prop(chip, "size", mib);
    if (bytes) {
        chip_link(chip, "drive", image_open(bytes, BDRV_O_RDWR));
    }
    chip_plug(chip);
    ctl = chip_make(&s3c2440_nand_type);
    chip_link(ctl, "chip", chip);
    chip_plug(ctl);
    out(NFCONT, ON);
}

static void end(void)
{
    device_free(ctl);
    device_free(chip);
    if (image_blk) {
        image_close();
    }
}

static void wait_ready(void)
{
    if (!(in(NFSTAT) & RNB)) {
        blk_drain_all();
    }
    CHECK(in(NFSTAT) & RNB);
}

static void address(unsigned cycles, uint64_t val)
{
    for (unsigned i = 0; i < cycles; i++) {
        out(NFADDR, val >> (8 * i) & 0xff);
    }
}

static bool large(void)
{
    return nand_model(chip)->page > 512;
}

static unsigned cycles(void)
{
    return nand_model(chip)->col_cycles + nand_model(chip)->row_cycles;
}

static uint64_t addr_of(uint32_t row, uint32_t col)
{
    return (uint64_t)row << (8 * nand_model(chip)->col_cycles) | col;
}

static void read_page(uint32_t row, uint32_t col)
{
    out(NFCMMD, 0x00);
    address(cycles(), addr_of(row, col));
    if (large()) {
        out(NFCMMD, 0x30);
    }
    wait_ready();
}

static uint8_t status(void)
{
    out(NFCMMD, 0x70);
    return (uint8_t)in_n(NFDATA, 1);
}

static uint8_t program(uint32_t row, uint32_t col, const uint8_t *buf, unsigned len)
{
    out(NFCMMD, 0x80);
    address(cycles(), addr_of(row, col));
    data_out(buf, len);
    out(NFCMMD, 0x10);
    wait_ready();
    return status();
}

static uint8_t erase(uint32_t row)
{
    out(NFCMMD, 0x60);
    address(nand_model(chip)->row_cycles, row);
    out(NFCMMD, 0xd0);
    wait_ready();
    return status();
}

/* "Read ID": after one address cycle, maker ECh, then the device. */
TEST(read_id)
{
    static const struct { const char *mib; uint8_t id; } rows[] = {
        { "64", 0x76 }, { "128", 0xf1 }, { "256", 0xda }, { "1024", 0xd3 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        begin(rows[i].mib, 0);
        out(NFCMMD, 0x90);
        out(NFADDR, 0);
        CHECK_EQ(in_n(NFDATA, 1), 0xec);
        CHECK_EQ(in_n(NFDATA, 1), rows[i].id);
        end();
    }
}

/* "Program": only to 0.  "Block erase": its block, to 1.  Status C0h: ready, not
 * protected, passed. */
static void check_program_erase(const char *mib, uint64_t bytes)
{
    const uint8_t a[4] = { 0x12, 0x34, 0x56, 0x78 }, b[4] = { 0xf0, 0xf0, 0xf0, 0xf0 };

    begin(mib, bytes);
    uint32_t pages = nand_model(chip)->pages;

    CHECK_EQ(erase(3 * pages), 0xc0);   /* a sparse file is of zeroes */
    CHECK_EQ(erase(4 * pages), 0xc0);
    CHECK_EQ(program(3 * pages + 1, 0, a, 4), 0xc0);
    CHECK_EQ(program(4 * pages, 0, a, 4), 0xc0);
    CHECK_EQ(program(3 * pages + 1, 0, b, 4), 0xc0);
    read_page(3 * pages + 1, 0);
    CHECK_EQ(in(NFDATA), 0x70503010);
    CHECK_EQ(in_n(NFDATA, 2), 0xffff);
    CHECK_EQ(erase(3 * pages + 5), 0xc0);
    read_page(3 * pages + 1, 0);
    CHECK_EQ(in(NFDATA), 0xffffffff);
    read_page(4 * pages, 2);
    CHECK_EQ(in_n(NFDATA, 2), 0x7856);
    end();
}

TEST(program_and_erase_small_pages) { check_program_erase("64", 0); }
TEST(program_and_erase_large_pages) { check_program_erase("128", 0); }
TEST(program_and_erase_a_file) { check_program_erase("64", 69206016); }
TEST(program_and_erase_a_large_file) { check_program_erase("64", 138412032); }
TEST(program_and_erase_without_spare_areas) { check_program_erase("64", 67108864); }

/* The file: each page followed by its spare area, block 1 begins behind 32. */
TEST(file_layout)
{
    const uint8_t mark[2] = { 0xaa, 0x55 };
    uint8_t got[2];

    begin("64", 69206016);
    erase(32);
    program(32, 0, mark, 2);
    out(NFCMMD, 0x50);
    program(33, 5, mark, 2);            /* 50h: the spare area */
    out(NFCMMD, 0x00);
    image_read(32 * 528, got, 2);
    CHECK(!memcmp(got, mark, 2));
    image_read(33 * 528 + 512 + 5, got, 2);
    CHECK(!memcmp(got, mark, 2));
    end();
}

/* K9F1208, "Pointer operation": 01h second half, 50h spare area. */
TEST(pointers)
{
    uint8_t page[528];

    begin("64", 0);
    for (unsigned i = 0; i < sizeof(page); i++) {
        page[i] = (uint8_t)(i / 4);
    }
    program(7, 0, page, sizeof(page));
    out(NFCMMD, 0x01);
    address(4, addr_of(7, 8));
    wait_ready();
    CHECK_EQ(in_n(NFDATA, 1), (256 + 8) / 4);
    out(NFCMMD, 0x50);
    address(4, addr_of(7, 4));
    wait_ready();
    CHECK_EQ(in_n(NFDATA, 1), (512 + 4) / 4 & 0xff);
    end();
}

/* K9F1G08, "Random data output" 05h-E0h; "random data input" 85h; "copy-back"
 * 35h, 85h-10h. */
TEST(random_data_and_copy_back)
{
    const uint8_t a = 0x11, b = 0x22;

    begin("256", 0);
    out(NFCMMD, 0x80);
    address(5, addr_of(9, 100));
    data_out(&a, 1);
    out(NFCMMD, 0x85);
    address(2, 2050);
    data_out(&b, 1);
    out(NFCMMD, 0x10);
    wait_ready();
    read_page(9, 100);
    CHECK_EQ(in_n(NFDATA, 1), a);
    out(NFCMMD, 0x05);
    address(2, 2050);
    out(NFCMMD, 0xe0);
    CHECK_EQ(in_n(NFDATA, 1), b);
    out(NFCMMD, 0x00);
    address(5, addr_of(9, 0));
    out(NFCMMD, 0x35);
    wait_ready();
    out(NFCMMD, 0x85);
    address(5, addr_of(200, 0));
    out(NFCMMD, 0x10);
    wait_ready();
    read_page(200, 2050);
    CHECK_EQ(in_n(NFDATA, 1), b);
    end();
}

/* "RnB_TransDetect": the edge that RnB_TransMode chooses; a 1 clears. */
TEST(ready_interrupt)
{
    begin("64", 0);
    out(NFCONT, ON | INT_RNB);
    CHECK_EQ(in(NFSTAT) & DETECT, 0);
    CHECK_EQ(wire[0], 0);
    read_page(1, 0);
    CHECK_EQ(in(NFSTAT) & DETECT, DETECT);
    CHECK_EQ(wire[0], 1);
    out(NFSTAT, DETECT);
    CHECK_EQ(in(NFSTAT) & DETECT, 0);
    CHECK_EQ(wire[0], 0);
    end();
}

/* NFCONT: with MODE 0, or not selected, nothing answers. */
TEST(controller_off)
{
    begin("64", 0);
    out(NFCONT, 0);
    out(NFCMMD, 0x90);
    out(NFADDR, 0);
    CHECK_EQ(in_n(NFDATA, 1), 0);
    out(NFCONT, ON | 2);
    out(NFCMMD, 0x90);
    out(NFADDR, 0);
    CHECK_EQ(in_n(NFDATA, 1), 0);
    end();
}

/* "Soft lock": only NFSBLK to NFEBLK - 1 can be changed; "lock-tight": for good. */
TEST(locks)
{
    const uint8_t zero = 0;

    begin("64", 0);
    out(NFSBLK, 32);
    out(NFEBLK, 64);
    out(NFCONT, ON | SOFT_LOCK | INT_ILLEGAL);
    program(64, 0, &zero, 1);
    CHECK_EQ(in(NFSTAT) & ILLEGAL, ILLEGAL);
    CHECK_EQ(wire[0], 1);
    out(NFSTAT, ILLEGAL);
    program(40, 0, &zero, 1);
    CHECK_EQ(in(NFSTAT) & ILLEGAL, 0);
    erase(0);
    CHECK_EQ(in(NFSTAT) & ILLEGAL, ILLEGAL);
    out(NFCONT, ON | LOCK_TIGHT);
    out(NFCONT, ON);
    CHECK_EQ(in(NFCONT) & LOCK_TIGHT, LOCK_TIGHT);
    out(NFEBLK, 1000);
    CHECK_EQ(in(NFEBLK), 64);
    read_page(64, 0);
    CHECK_EQ(in_n(NFDATA, 1), 0xff);
    read_page(40, 0);
    CHECK_EQ(in_n(NFDATA, 1), 0);
    end();
}

/* Codes 0 and 1 into NFMECCD0, 2 and 3 into NFMECCD1. */
static void store_code(uint32_t code)
{
    out(NFMECCD0, (code & 0xff) | (code >> 8 & 0xff) << 16);
    out(NFMECCD1, (code >> 16 & 0xff) | (code >> 24 & 0xff) << 16);
}

/* "ECC module": NFESTAT0 names the wrong byte and bit. */
TEST(ecc_corrects_one_bit)
{
    uint8_t page[512];

    begin("64", 0);
    for (unsigned i = 0; i < sizeof(page); i++) {
        page[i] = (uint8_t)(i * 7 + i / 3);
    }
    program(5, 0, page, sizeof(page));
    out(NFCONT, ON | INIT_ECC);
    NandEcc e = { 0 };

    for (unsigned i = 0; i < sizeof(page); i++) {
        nand_ecc_byte(&e, page[i]);
    }
    read_page(5, 0);
    for (unsigned i = 0; i < sizeof(page); i += 4) {
        CHECK_EQ(in(NFDATA), load_le(page + i, 4));
    }
    uint32_t code = nand_ecc_code(&e);

    CHECK_EQ(in(NFMECC0), code);
    store_code(code);
    CHECK_EQ(in(NFESTAT0) & 3, 0);
    page[300] ^= 1 << 6;
    e = (NandEcc){ 0 };
    for (unsigned i = 0; i < sizeof(page); i++) {
        nand_ecc_byte(&e, page[i]);
    }
    store_code(nand_ecc_code(&e));
    CHECK_EQ(in(NFESTAT0) & 3, 1);
    CHECK_EQ(in(NFESTAT0) >> 4 & 7, 6);
    CHECK_EQ(in(NFESTAT0) >> 7 & 0x7ff, 300);
    store_code(code ^ 0x100);
    CHECK_EQ(in(NFESTAT0) & 3, 3);
    store_code(code ^ 0x5);
    CHECK_EQ(in(NFESTAT0) & 3, 2);
    end();
}

/* P8 is the parity of bytes with an odd address, P8' of the others; inverted, so
 * that erased pages have codes of ones.  A lock stops the sum. */
TEST(ecc_codes)
{
    begin("64", 0);
    out(NFCONT, ON | INIT_ECC);
    read_page(1, 0);
    for (int i = 0; i < 512; i++) {
        in_n(NFDATA, 1);
    }
    CHECK_EQ(in(NFMECC0), 0xffffffff);
    CHECK_EQ(in(NFSECC), 0xffff);
    end();
    NandEcc e = { 0 };
    nand_ecc_byte(&e, 0);
    nand_ecc_byte(&e, 1);               /* address 1, bit 0 */
    CHECK_EQ(nand_ecc_code(&e) & 0xff, 0xff & ~(0x02u | 0x04 | 0x10 | 0x40));
    CHECK_EQ(nand_ecc_code(&e) >> 18 & 0x3f, 0x3f & ~0x15u);
}

/* Chapter 6, "NAND flash controller boot": the first bytes, without spare areas. */
TEST(first_bytes)
{
    uint8_t a[600], got[1024];

    begin("64", 0);
    memset(a, 0x5a, sizeof(a));
    program(0, 0, a, 512);
    program(1, 0, a, 88);
    CHECK_EQ(s3c2440_nand_boot(ctl, got, sizeof(got)), 0);
    CHECK(!memcmp(got, a, sizeof(a)));
    CHECK_EQ(got[600], 0xff);
    end();
}

TEST(contract)
{
    begin("64", 0);
    device_reset(ctl);
    chip_check_reset(ctl);
    chip_check_hostile_snapshots(ctl);
    chip_check_hostile_snapshots(chip);
    end();
}

/* A file of no size that there is. */
TEST(wrong_size)
{
    Error err;

    clock_init_manual(&clock_);
    chip = chip_make(&nand_type);
    chip_link(chip, "drive", image_open(1 << 20, BDRV_O_RDWR));
    CHECK(device_realize(chip, &err) < 0);
    CHECK(strstr(err.msg, "qemu-nandimg") != NULL);
    device_free(chip);
    image_close();
}
