/* SPDX-License-Identifier: MIT */
/*
 * Linux/x86 boot protocol 2.00 and later, 16-bit entry (Linux,
 * Documentation/arch/x86/boot.rst, called "boot.rst" here).
 *
 *   file:   [boot sector][setup ...][protected-mode code ..............]
 *                |________|                     |
 *   memory: 0x10000 real-mode code        0x100000 or 0x10000 (zImage)
 *           0x20000 command line          initrd: as high as it may go
 *
 * Protocols before 2.02, and zImages, want the real-mode code at 0x90000.
 */
#include "hw/boards/loader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hw/misc/fw_cfg.h"
#include "util/bits.h"
#include "util/mem.h"

/* boot.rst, "The Real-Mode Kernel Header" */
enum {
    SETUP_SECTS = 0x1f1, SYSSIZE = 0x1f4, BOOT_FLAG = 0x1fe, HEADER = 0x202,
    VERSION = 0x206, TYPE_OF_LOADER = 0x210, LOADFLAGS = 0x211,
    RAMDISK_IMAGE = 0x218, RAMDISK_SIZE = 0x21c, HEAP_END_PTR = 0x224,
    CMD_LINE_PTR = 0x228, INITRD_ADDR_MAX = 0x22c, CMDLINE_SIZE = 0x238,
    PREF_ADDRESS = 0x258, INIT_SIZE = 0x260, HEADER_END = 0x264,
};
enum { CMD_LINE_MAGIC = 0x20, CMD_LINE_OFFSET = 0x22, CL_MAGIC = 0xa33f };
enum { LOADED_HIGH = 1, CAN_USE_HEAP = 0x80, LOADER_UNDEFINED = 0xff };

enum { SECTOR = 512, PAGE = 4096, HIGH_ADDR = 0x100000, LOW_ADDR = 0x10000 };
enum { OLD_CMDLINE_MAX = 255, OLD_INITRD_MAX = 0x37ffffff };

typedef struct Layout {
    uint16_t version;
    bool high;
    uint32_t setup_len;                 /* real-mode part of the file */
    uint32_t real_addr, cmdline_addr, prot_addr;
    uint32_t heap_end;                  /* offset from real_addr; stack above */
    uint32_t cmdline_max;               /* without the final 0 */
    uint64_t kernel_end;                /* memory it needs before it knows more */
} Layout;

static uint32_t field(const KernelImage *k, unsigned at, unsigned len)
{
    return (uint32_t)load_le(k->data + at, len);
}

static void plan_addresses(const KernelImage *k, Layout *l)
{
    if (l->high && l->version >= 0x0202) {
        l->real_addr = 0x10000;
        l->cmdline_addr = 0x20000;
        l->heap_end = 0xe000;
    } else {
        l->real_addr = 0x90000;
        l->cmdline_addr = 0x9a000;
        l->heap_end = 0x9800;
    }
    l->prot_addr = l->high ? HIGH_ADDR : LOW_ADDR;
    l->cmdline_max = OLD_CMDLINE_MAX;
    if (l->version >= 0x0206) {
        l->cmdline_max = MIN(field(k, CMDLINE_SIZE, 4), 0xffffu);
    }
    l->kernel_end = l->prot_addr + (uint64_t)(k->len - l->setup_len);
    if (l->version >= 0x020a) {
        uint64_t start = load_le(k->data + PREF_ADDRESS, 8);

        l->kernel_end = MAX(l->kernel_end, start + field(k, INIT_SIZE, 4));
    }
}

/* 1, 0: no Linux kernel, -errno. */
static int read_header(const KernelImage *k, Layout *l, Error *err)
{
    if (k->len < SECTOR || field(k, BOOT_FLAG, 2) != 0xaa55 ||
        k->len < HEADER + 4 || memcmp(k->data + HEADER, "HdrS", 4)) {
        return 0;
    }
    uint32_t sects = k->data[SETUP_SECTS] ? k->data[SETUP_SECTS] : 4;
    l->setup_len = (sects + 1) * SECTOR;
    if (k->len < HEADER_END || k->len <= l->setup_len) {
        return error_set(err, EINVAL, "kernel: %s is truncated: %zu bytes, its "
                         "setup code alone has %u", k->path, k->len, l->setup_len);
    }
    l->version = (uint16_t)field(k, VERSION, 2);
    if (l->version < 0x0200) {
        return error_set(err, EINVAL, "kernel: %s has boot protocol %x.%02x, 2.00 "
                         "or later is needed", k->path, l->version >> 8,
                         l->version & 0xff);
    }
    l->high = k->data[LOADFLAGS] & LOADED_HIGH;
    /* boot.rst, syssize: reliable since 2.04 */
    uint64_t want = l->version >= 0x0204 ? field(k, SYSSIZE, 4) * 16ull : 0;
    if (k->len - l->setup_len + 15 < want) {
        return error_set(err, EINVAL, "kernel: %s is truncated: %zu bytes, its "
                         "header says %" PRIu64, k->path, k->len,
                         want + l->setup_len);
    }
    return 1;
}

static int check_fit(const KernelImage *k, const Layout *l, Error *err)
{
    uint64_t top = l->high ? k->ram_top : MIN(k->ram_top, 0x90000ull);
    const char *append = k->files->append ? k->files->append : "";

    if (l->kernel_end > top) {
        return error_set(err, EFBIG, "kernel: %s is too large: it needs memory up "
                         "to %" PRIu64 " MiB, there is %" PRIu64 "; give more "
                         "with -m", k->path, (l->kernel_end + 0xfffff) >> 20,
                         top >> 20);
    }
    if (strlen(append) > l->cmdline_max) {
        return error_set(err, EINVAL, "append: the command line has %zu "
                         "characters, %s takes %u", strlen(append), k->path,
                         l->cmdline_max);
    }
    return 0;
}

/* boot.rst, "Loading The Rest of The Kernel": as high as initrd_addr_max. */
static int load_initrd(const KernelImage *k, const Layout *l, uint8_t *setup, Error *err)
{
    uint64_t last = l->version >= 0x0203 ? field(k, INITRD_ADDR_MAX, 4)
                                         : (uint64_t)OLD_INITRD_MAX;
    uint64_t top = MIN(k->ram_top, last + 1), room = top - MIN(top, l->kernel_end);
    uint8_t *data;
    size_t len;

    if (!k->files->initrd) {
        return 0;
    }
    int ret = loader_read_file("initrd", k->files->initrd, room, &data, &len, err);
    if (ret < 0) {
        return ret;
    }
    uint32_t addr = (uint32_t)align_down(top - len, PAGE);
    if (addr < l->kernel_end) {
        free(data);
        return error_set(err, EFBIG, "initrd: %s is too large: %zu bytes, it ends "
                         "up in the kernel; give more memory with -m",
                         k->files->initrd, len);
    }
    fw_cfg_add_u32(k->fw_cfg, FW_CFG_INITRD_ADDR, addr);
    fw_cfg_add_u32(k->fw_cfg, FW_CFG_INITRD_SIZE, (uint32_t)len);
    fw_cfg_add(k->fw_cfg, FW_CFG_INITRD_DATA, data, (uint32_t)len);
    store_le(setup + RAMDISK_IMAGE, addr, 4);
    store_le(setup + RAMDISK_SIZE, len, 4);
    free(data);
    return 0;
}

/* The header's obligatory fields, those a loader writes. */
static void patch_setup(const Layout *l, uint8_t *setup)
{
    setup[TYPE_OF_LOADER] = LOADER_UNDEFINED;
    if (l->version >= 0x0201) {
        setup[LOADFLAGS] |= CAN_USE_HEAP;
        store_le(setup + HEAP_END_PTR, l->heap_end - 0x200, 2);
    }
    if (l->version >= 0x0202) {
        store_le(setup + CMD_LINE_PTR, l->cmdline_addr, 4);
    } else {
        store_le(setup + CMD_LINE_MAGIC, CL_MAGIC, 2);
        store_le(setup + CMD_LINE_OFFSET, l->cmdline_addr - l->real_addr, 2);
    }
}

static void publish(const KernelImage *k, const Layout *l, const uint8_t *setup)
{
    const char *append = k->files->append ? k->files->append : "";
    uint32_t prot_len = (uint32_t)(k->len - l->setup_len);
    uint32_t cmdline_len = (uint32_t)strlen(append) + 1;

    fw_cfg_add_u32(k->fw_cfg, FW_CFG_SETUP_ADDR, l->real_addr);
    fw_cfg_add_u32(k->fw_cfg, FW_CFG_SETUP_SIZE, l->setup_len);
    fw_cfg_add(k->fw_cfg, FW_CFG_SETUP_DATA, setup, l->setup_len);
    fw_cfg_add_u32(k->fw_cfg, FW_CFG_KERNEL_ADDR, l->prot_addr);
    fw_cfg_add_u32(k->fw_cfg, FW_CFG_KERNEL_SIZE, prot_len);
    fw_cfg_add(k->fw_cfg, FW_CFG_KERNEL_DATA, k->data + l->setup_len, prot_len);
    fw_cfg_add_u32(k->fw_cfg, FW_CFG_CMDLINE_ADDR, l->cmdline_addr);
    fw_cfg_add_u32(k->fw_cfg, FW_CFG_CMDLINE_SIZE, cmdline_len);
    fw_cfg_add(k->fw_cfg, FW_CFG_CMDLINE_DATA, append, cmdline_len);
    /* The stack of the real-mode code starts where its heap ends. */
    fw_cfg_add_u32(k->fw_cfg, FW_CFG_KERNEL_ENTRY, l->heap_end);
}

int linux_load(const KernelImage *k, Error *err)
{
    Layout l = { 0 };
    int ret = read_header(k, &l, err);

    if (ret <= 0) {
        return ret;
    }
    plan_addresses(k, &l);
    ret = check_fit(k, &l, err);
    if (ret < 0) {
        return ret;
    }
    uint8_t *setup = xmalloc(l.setup_len);
    memcpy(setup, k->data, l.setup_len);
    ret = load_initrd(k, &l, setup, err);
    if (ret == 0) {
        patch_setup(&l, setup);
        publish(k, &l, setup);
    }
    free(setup);
    return ret < 0 ? ret : 1;
}
