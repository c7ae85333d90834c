/* SPDX-License-Identifier: MIT */
/* fw_cfg, by its specification ("QEMU Firmware Configuration (fw_cfg) Device"). */
#include "hw/misc/fw_cfg.h"

#include <errno.h>

#include "tests/unit/chip-test.h"
#include "util/bits.h"

enum { PORTS, DMA };
static AddressSpace *mem;
static RAMBlock *ram;
static MemoryRegion ram_region;

static Device *fw_new(void)
{
    clock_init_manual(&clock_);
    mem = as_new("memory", 1ull << 32);
    if (!ram) {
        ram = ram_block_new("test.ram", 0x10000);
    }
    memset(ram->host, 0xee, ram->size);
    region_init_ram(&ram_region, "ram", ram);
    region_map(mem, &ram_region, 0, 0);
    return chip_plug(device_new(&fw_cfg_type, NULL, &clock_, mem, NULL));
}

static void fw_free(Device *d)
{
    device_free(d);
    region_unmap(&ram_region);
    as_free(mem);
}

static void fetch(Device *d, uint16_t key, void *buf, unsigned len)
{
    device_write(d, PORTS, 0, key, 2);
    for (unsigned i = 0; i < len; i++) {
        ((uint8_t *)buf)[i] = (uint8_t)device_read(d, PORTS, 1, 1);
    }
}

/* The selector starts an item at its first byte; past its end there are 0s. */
TEST(signature_and_data_port)
{
    Device *d = fw_new();
    char buf[6];

    fetch(d, FW_CFG_SIGNATURE, buf, 6);
    CHECK(!memcmp(buf, "QEMU\0\0", 6));
    fetch(d, FW_CFG_SIGNATURE, buf, 2);
    CHECK(!memcmp(buf, "QE", 2));
    fetch(d, FW_CFG_ID, buf, 4);
    CHECK_EQ(load_le(buf, 4), 3);       /* traditional and DMA */
    fetch(d, 0x7777, buf, 1);
    CHECK_EQ(buf[0], 0);
    fw_free(d);
}

TEST(numbers_are_little_endian)
{
    Device *d = fw_new();
    uint8_t buf[8];

    fw_cfg_add_u16(d, FW_CFG_NB_CPUS, 0x1234);
    fw_cfg_add_u64(d, FW_CFG_RAM_SIZE, 0x1122334455667788);
    fw_cfg_add_u32(d, FW_CFG_IRQ0_OVERRIDE, 1);
    fetch(d, FW_CFG_NB_CPUS, buf, 2);
    CHECK_EQ(load_le(buf, 2), 0x1234);
    fetch(d, FW_CFG_RAM_SIZE, buf, 8);
    CHECK_EQ(load_le(buf, 8), 0x1122334455667788);
    fetch(d, FW_CFG_IRQ0_OVERRIDE, buf, 4);
    CHECK_EQ(load_le(buf, 4), 1);
    fw_free(d);
}

/* The directory: count; size, key, reserved, name[56] each; big endian. */
TEST(files_are_found_by_the_directory)
{
    Device *d = fw_new();
    uint8_t dir[4 + 64 * 2], buf[5];
    uint32_t len;
    Error err;

    CHECK_EQ(fw_cfg_add_file(d, "etc/one", "abc", 3, &err), 0);
    CHECK_EQ(fw_cfg_add_file(d, "etc/two", "defgh", 5, &err), 0);
    CHECK_EQ(fw_cfg_add_file(d, "etc/one", "ABCD", 4, &err), 0);        /* again */
    fetch(d, FW_CFG_FILE_DIR, dir, sizeof(dir));
    CHECK_EQ(load_be(dir, 4), 2);
    CHECK_EQ(load_be(dir + 4, 4), 4);
    CHECK_EQ(load_be(dir + 8, 2), 0x20);
    CHECK_STR((char *)dir + 12, "etc/one");
    CHECK_STR((char *)dir + 64 + 12, "etc/two");
    fetch(d, (uint16_t)load_be(dir + 64 + 8, 2), buf, 5);
    CHECK(!memcmp(buf, "defgh", 5));
    CHECK(!memcmp(fw_cfg_find_file(d, "etc/one", &len), "ABCD", 4));
    CHECK_EQ(len, 4);
    CHECK(!fw_cfg_find_file(d, "etc/three", &len));
    fw_free(d);
}

TEST(too_long_names_and_too_many_files_are_refused)
{
    Device *d = fw_new();
    char name[80];
    Error err;
    int ret = 0, n = 0;

    memset(name, 'x', sizeof(name));
    name[56] = 0;
    CHECK_EQ(fw_cfg_add_file(d, name, "", 0, &err), -EINVAL);
    name[55] = 0;
    CHECK_EQ(fw_cfg_add_file(d, name, "", 0, &err), 0);
    while (ret == 0 && n < 1000) {
        snprintf(name, sizeof(name), "f%d", n++);
        ret = fw_cfg_add_file(d, name, "", 0, &err);
    }
    CHECK_EQ(ret, -ENOSPC);
    fw_free(d);
}

static uint32_t run_dma(Device *d, uint32_t control, uint32_t len, uint64_t addr)
{
    store_be(ram->host + 0x100, control, 4);
    store_be(ram->host + 0x104, len, 4);
    store_be(ram->host + 0x108, addr, 8);
    device_write(d, DMA, 0, 0, 4);
    device_write(d, DMA, 4, __builtin_bswap32(0x100), 4);
    return (uint32_t)load_be(ram->host + 0x100, 4);
}

enum { ERROR = 1, READ = 2, SKIP = 4, SELECT = 8, WRITE = 16 };

/* "QEMU CFG" identifies the register, read as it would be written. */
TEST(dma_register_has_a_signature)
{
    Device *d = fw_new();
    uint8_t buf[8];

    store_le(buf, device_read(d, DMA, 0, 8), 8);
    CHECK(!memcmp(buf, "QEMU CFG", 8));
    store_le(buf, device_read(d, DMA, 4, 4), 4);
    CHECK(!memcmp(buf, " CFG", 4));
    fw_free(d);
}

TEST(dma_reads_skips_and_pads_with_zeros)
{
    Device *d = fw_new();

    fw_cfg_add(d, FW_CFG_KERNEL_DATA, "0123456789", 10);
    CHECK_EQ(run_dma(d, FW_CFG_KERNEL_DATA << 16 | SELECT | READ, 4, 0x2000), 0);
    CHECK(!memcmp(ram->host + 0x2000, "0123\xee", 5));
    CHECK_EQ(run_dma(d, SKIP, 2, 0), 0);
    CHECK_EQ(run_dma(d, READ, 8, 0x2000), 0);
    CHECK(!memcmp(ram->host + 0x2000, "6789\0\0\0\0\xee", 9));
    CHECK_EQ(run_dma(d, READ, 2, 0x3000), 0);
    CHECK(!memcmp(ram->host + 0x3000, "\0\0\xee", 3));
    fw_free(d);
}

/* One 64-bit write starts a transfer as well; no write to items is allowed. */
TEST(dma_by_one_write_and_write_refused)
{
    Device *d = fw_new();

    store_be(ram->host + 0x200, FW_CFG_SIGNATURE << 16 | SELECT | READ, 4);
    store_be(ram->host + 0x204, 4, 4);
    store_be(ram->host + 0x208, 0x4000, 8);
    device_write(d, DMA, 0, __builtin_bswap64(0x200), 8);
    CHECK(!memcmp(ram->host + 0x4000, "QEMU", 4));
    CHECK_EQ(run_dma(d, WRITE, 4, 0x2000), ERROR);
    CHECK_EQ(run_dma(d, FW_CFG_SIGNATURE << 16 | SELECT | READ, 0xffffffff, 0x5000), 0);
    CHECK(!memcmp(ram->host + 0x5000, "QEMU\0\0", 6));
    fw_free(d);
}

TEST(contract)
{
    Device *a = fw_new(), *b = device_new(&fw_cfg_type, NULL, &clock_, NULL, NULL);

    chip_check_reset(a);
    chip_scribble(a, 3, 300);
    device_reset(b);
    chip_check_snapshot(a, b);
    chip_check_hostile_snapshots(b);
    device_free(b);
    fw_free(a);
}
