/* SPDX-License-Identifier: MIT */
/* CFI flash against JESD68.01, Intel 290737 (28F128J3) and AMD 22358 (Am29LV160D). */
#include "hw/block/pflash.h"

#include "tests/unit/sd-image.h"

enum { BASE = 0x34000000 };
enum { READY = 0x80, ERASE_ERROR = 0x20, PROGRAM_ERROR = 0x10, VPP_LOW = 0x08, LOCKED = 0x02 };

static AddressSpace *mem;

static Device *flash_make(void)
{
    clock_init_manual(&clock_);
    mem = as_new("memory", 1ull << 32);
    return device_new(&cfi_flash_type, NULL, &clock_, mem, NULL);
}

static Device *flash_start(Device *d)
{
    chip_plug(d);
    device_map(d, 0, BASE, 0);
    return d;
}

/* The Versatile's: two 16-bit Intel chips on a 32-bit bus. */
static Device *intel_new(BlockDriverState *drive)
{
    Device *d = flash_make();

    chip_prop(d, "size", "1M");
    chip_prop(d, "width", "4");
    chip_prop(d, "device-width", "2");
    chip_prop(d, "sector", "256k");
    chip_prop(d, "gated", "off");
    if (drive) {
        chip_link(d, "drive", drive);
    }
    return flash_start(d);
}

/* The Mini2440's: one 16-bit AMD chip, boot sectors at the bottom. */
static Device *amd_new(void)
{
    Device *d = flash_make();

    chip_prop(d, "width", "2");
    chip_prop(d, "command-set", "2");
    chip_prop(d, "regions", "1x16k+2x8k+1x32k+31x64k");
    chip_prop(d, "manufacturer", "1");
    chip_prop(d, "device", "0x2249");
    return flash_start(d);
}

static void flash_free_all(Device *d)
{
    device_free(d);
    as_free(mem);
}

static uint32_t get(uint32_t off, unsigned size)
{
    return (uint32_t)as_load(mem, BASE + off, size);
}

static void set(uint32_t off, uint32_t val, unsigned size)
{
    as_store(mem, BASE + off, val, size);
}

static void cmd(uint32_t off, uint32_t c)
{
    set(off, c << 16 | c, 4);
}

static RegionKind kind(void)
{
    return as_find(mem, BASE)->region->kind;
}

/* 290737, 4.1: erased flash is all ones; reading it is the power-up mode. */
TEST(erased)
{
    Device *d = intel_new(NULL);

    CHECK_EQ(get(0, 4), 0xffffffff);
    CHECK_EQ(get(0xfffff, 1), 0xff);
    flash_free_all(d);
}

/* JESD68.01: the query is seen on each chip's lanes, word by word. */
TEST(intel_query)
{
    Device *d = intel_new(NULL);

    cmd(0x55 * 4, 0x98);
    CHECK_EQ(get(0x10 * 4, 4), 0x00510051);
    CHECK_EQ(get(0x11 * 4, 4), 0x00520052);
    CHECK_EQ(get(0x12 * 4, 4), 0x00590059);
    CHECK_EQ(get(0x13 * 4, 2), 1);
    CHECK_EQ(1u << get(0x27 * 4, 1), 512 << 10);        /* of one chip */
    CHECK_EQ(get(0x2c * 4, 1), 1);
    CHECK_EQ(get(0x2d * 4, 1) + 1, 4);                  /* sectors */
    CHECK_EQ((get(0x2f * 4, 1) | get(0x30 * 4, 1) << 8) * 256, 128 << 10);
    uint32_t pri = get(0x15 * 4, 1);
    CHECK_EQ(get(pri * 4, 1), 'P');
    cmd(0, 0xff);
    CHECK_EQ(get(0x10 * 4, 4), 0xffffffff);
    cmd(0, 0x90);
    CHECK_EQ(get(0, 4), 0x00890089);
    CHECK_EQ(get(4, 4), 0x00180018);
    flash_free_all(d);
}

static void intel_program(uint32_t off, uint32_t val)
{
    cmd(off, 0x40);
    set(off, val, 4);
    CHECK_EQ(get(off, 4), 0x00800080);
    cmd(off, 0xff);
}

/* 290737, 4.3: program clears bits, erase sets those of a sector. */
TEST(intel_program_and_erase)
{
    Device *d = intel_new(NULL);

    intel_program(0x40100, 0x12345678);
    CHECK_EQ(get(0x40100, 4), 0x12345678);
    CHECK_EQ(kind(), REGION_ROM);       /* the guest reads memory */
    intel_program(0x40100, 0xffff0000);
    CHECK_EQ(get(0x40100, 4), 0x12340000);
    intel_program(0x80000, 0);
    cmd(0x40000, 0x20);
    CHECK_EQ(kind(), REGION_MMIO);
    cmd(0x40000, 0xd0);
    CHECK_EQ(get(0, 4), 0x00800080);
    cmd(0, 0xff);
    CHECK_EQ(get(0x40100, 4), 0xffffffff);
    CHECK_EQ(get(0x80000, 4), 0);
    cmd(0x80000, 0x20);
    cmd(0x80000, 0x55);                 /* not confirmed: sequence error */
    CHECK_EQ(get(0, 1), READY | ERASE_ERROR | PROGRAM_ERROR);
    cmd(0, 0x50);
    cmd(0, 0x70);
    CHECK_EQ(get(0, 1), READY);
    flash_free_all(d);
}

/* 290737, 4.3.10: write to buffer. */
TEST(intel_buffer)
{
    Device *d = intel_new(NULL);

    cmd(0x1000, 0xe8);
    CHECK_EQ(get(0x1000, 4), 0x00800080);
    cmd(0x1000, 7);
    for (uint32_t i = 0; i < 8; i++) {
        set(0x1010 + 4 * i, 0x01010101 * i, 4);
    }
    cmd(0x1000, 0xd0);
    CHECK_EQ(get(0x1000, 4), 0x00800080);
    cmd(0, 0xff);
    for (uint32_t i = 0; i < 8; i++) {
        CHECK_EQ(get(0x1010 + 4 * i, 4), 0x01010101 * i);
    }
    CHECK_EQ(get(0x100c, 4), 0xffffffff);
    CHECK_EQ(get(0x1030, 4), 0xffffffff);
    flash_free_all(d);
}

/* What is programmed is in the drive, and there again. */
TEST(drive_keeps_it)
{
    Device *d = intel_new(image_open(1 << 20, BDRV_O_RDWR));
    uint8_t buf[4];

    CHECK_EQ(get(0, 4), 0);             /* a sparse file */
    cmd(0, 0x20);
    cmd(0, 0xd0);
    cmd(0, 0xff);
    intel_program(0x2004, 0xcafe1234);
    CHECK_EQ(get(0x2004, 4), 0xcafe1234);
    blk_drain_all();
    CHECK(blk_stats(image_blk)->flush_ops > 0);
    image_read(0x2004, buf, 4);
    CHECK_EQ(load_le(buf, 4), 0xcafe1234);
    image_read(0x3ffff, buf, 2);
    CHECK_EQ(load_le(buf, 2), 0x00ff);
    flash_free_all(d);
    d = intel_new(image_blk);
    CHECK_EQ(get(0x2004, 4), 0xcafe1234);
    flash_free_all(d);
    image_close();
}

TEST(sizes_must_agree)
{
    Device *d = flash_make();
    Error err = { "" };

    chip_prop(d, "size", "1M");
    chip_link(d, "drive", image_open(1 << 19, BDRV_O_RDWR));
    CHECK(device_realize(d, &err) < 0);
    CHECK(strstr(err.msg, "resize") != NULL);
    flash_free_all(d);
    image_close();
}

/* A read-only drive: locked, and says so. */
TEST(read_only_drive)
{
    Device *d = intel_new(image_open(1 << 20, 0));

    cmd(0, 0x20);
    cmd(0, 0xd0);
    CHECK_EQ(get(0, 1), READY | ERASE_ERROR | LOCKED);
    cmd(0, 0x50);
    cmd(0, 0x40);
    set(0, 0, 4);
    CHECK_EQ(get(0, 1), READY | PROGRAM_ERROR | LOCKED);
    cmd(0, 0xff);
    CHECK_EQ(get(0, 4), 0);
    flash_free_all(d);
    image_close();
}

/* DUI 0224, SYS_FLASH: without it no programming voltage. */
TEST(gate)
{
    Device *d = flash_make();

    chip_prop(d, "size", "1M");
    chip_prop(d, "gated", "on");
    flash_start(d);
    set(0, 0x40, 1);
    set(0, 0x55, 1);
    CHECK_EQ(get(0, 1), READY | PROGRAM_ERROR | VPP_LOW);
    set(0, 0x50, 1);
    set(0, 0xff, 1);
    CHECK_EQ(get(0, 1), 0xff);
    chip_input(d, 0, 1);
    set(0, 0x40, 1);
    set(0, 0x55, 1);
    CHECK_EQ(get(0, 1), READY);
    set(0, 0xff, 1);
    CHECK_EQ(get(0, 1), 0x55);
    flash_free_all(d);
}

static void amd_unlock(uint32_t c)
{
    set(0x555 * 2, 0xaa, 2);
    set(0x2aa * 2, 0x55, 2);
    set(0x555 * 2, c, 2);
}

/* 22358, table 9: autoselect, query, program. */
TEST(amd)
{
    Device *d = amd_new();

    amd_unlock(0x90);
    CHECK_EQ(get(0, 2), 1);
    CHECK_EQ(get(2, 2), 0x2249);
    set(0, 0xf0, 2);
    CHECK_EQ(get(0, 2), 0xffff);
    set(0x55 * 2, 0x98, 2);
    CHECK_EQ(get(0x10 * 2, 2), 'Q');
    CHECK_EQ(get(0x13 * 2, 2), 2);
    CHECK_EQ(1u << get(0x27 * 2, 2), 2 << 20);
    CHECK_EQ(get(0x2c * 2, 2), 4);
    CHECK_EQ(get(0x39 * 2, 2) + 1, 31);
    CHECK_EQ((get(0x3b * 2, 2) | get(0x3c * 2, 2) << 8) * 256, 64 << 10);
    set(0, 0xf0, 2);
    amd_unlock(0xa0);
    set(0x4000, 0x1234, 2);
    CHECK_EQ(get(0x4000, 2), 0x1234);   /* data at once: DQ7, DQ6 are done */
    set(0x4002, 0, 2);                  /* no unlock: nothing */
    CHECK_EQ(get(0x4002, 2), 0xffff);
    amd_unlock(0x20);                   /* unlock bypass */
    set(0, 0xa0, 2);
    set(0x6000, 0x5678, 2);
    set(0, 0x90, 2);
    set(0, 0x00, 2);
    set(0, 0xa0, 2);
    set(0x6002, 0, 2);
    CHECK_EQ(get(0x6000, 2), 0x5678);
    CHECK_EQ(get(0x6002, 2), 0xffff);
    flash_free_all(d);
}

/* Sectors have the sizes of their region; several may follow one command. */
TEST(amd_erase)
{
    static const uint32_t at[] = { 0x0, 0x3ffe, 0x4000, 0x6000, 0x8000, 0x10000, 0x1ffffe };
    Device *d = amd_new();

    for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
        amd_unlock(0xa0);
        set(at[i], 0, 2);
    }
    amd_unlock(0x80);
    set(0x555 * 2, 0xaa, 2);
    set(0x2aa * 2, 0x55, 2);
    set(0x4000, 0x30, 2);
    set(0x10000, 0x30, 2);
    CHECK_EQ(get(0x0, 2), 0);
    CHECK_EQ(get(0x3ffe, 2), 0);
    CHECK_EQ(get(0x4000, 2), 0xffff);
    CHECK_EQ(get(0x6000, 2), 0);
    CHECK_EQ(get(0x8000, 2), 0);
    CHECK_EQ(get(0x10000, 2), 0xffff);
    CHECK_EQ(get(0x1ffffe, 2), 0);
    amd_unlock(0x80);
    amd_unlock(0x10);                   /* the chip */
    CHECK_EQ(get(0x0, 2), 0xffff);
    CHECK_EQ(get(0x1ffffe, 2), 0xffff);
    flash_free_all(d);
}

TEST(bad_properties)
{
    static const char *const bad[][2] = {
        { "width", "3" }, { "device-width", "2" }, { "command-set", "3" },
        { "sector", "0" }, { "sector", "3000" }, { "regions", "1x16k" },
        { "regions", "fish" }, { "size", "3000000" }, { "size", "128M" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        Device *d = flash_make();
        Error err;

        chip_prop(d, "size", "1M");
        chip_prop(d, bad[i][0], bad[i][1]);
        CHECK(device_realize(d, &err) < 0);
        flash_free_all(d);
    }
}

static uint64_t invalidated;

static void code_written(void *opaque, uint64_t ram_addr, uint64_t len)
{
    (void)opaque;
    (void)ram_addr;
    invalidated += len;
}

/* Code that was run in the flash and is programmed over is translated again. */
TEST(translated_code_is_dropped)
{
    Device *d = amd_new();

    mem->code_written = code_written;
    amd_unlock(0xa0);
    set(0x100, 0x1234, 2);
    const Section *s = as_find(mem, BASE);
    invalidated = 0;
    ram_test_clear_dirty(s->region->ram->offset, 4096, DIRTY_CODE);
    amd_unlock(0xa0);
    set(0x100, 0x1030, 2);
    CHECK_EQ(invalidated, 2);
    mem->code_written = NULL;
    flash_free_all(d);
}

TEST(contract)
{
    Device *a = intel_new(image_open(1 << 20, BDRV_O_RDWR));

    chip_check_reset(a);
    blk_drain_all();
    chip_check_hostile_snapshots(a);
    flash_free_all(a);
    image_close();
    a = amd_new();
    chip_scribble(a, 5, 2000);
    Device *b = device_new(&cfi_flash_type, NULL, &clock_, NULL, NULL);

    chip_prop(b, "width", "2");
    chip_prop(b, "command-set", "2");
    chip_prop(b, "size", "2M");
    chip_plug(b);
    chip_check_snapshot(a, b);
    device_free(b);
    flash_free_all(a);
}
