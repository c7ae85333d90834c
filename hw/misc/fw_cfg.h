/* SPDX-License-Identifier: MIT */
/*
 * fw_cfg: what the board tells its firmware, for boards.
 *
 * Items are named by 16-bit keys; those above FW_CFG_FILE_FIRST are files, whose
 * names firmware finds in the directory (key FW_CFG_FILE_DIR).  Window 0:
 * selector and data ports (0x510), window 1: the DMA address register (0x514).
 *
 * Items are added by the board before the guest runs and stay as they are.
 * Numbers are little endian.
 */
#ifndef HW_MISC_FW_CFG_H
#define HW_MISC_FW_CFG_H

#include "hw/core/device.h"

extern const DeviceType fw_cfg_type;

enum {                                  /* keys */
    FW_CFG_SIGNATURE = 0x00, FW_CFG_ID, FW_CFG_UUID, FW_CFG_RAM_SIZE,
    FW_CFG_NOGRAPHIC, FW_CFG_NB_CPUS, FW_CFG_MACHINE_ID, FW_CFG_KERNEL_ADDR,
    FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_CMDLINE, FW_CFG_INITRD_ADDR,
    FW_CFG_INITRD_SIZE, FW_CFG_BOOT_DEVICE, FW_CFG_NUMA, FW_CFG_BOOT_MENU,
    FW_CFG_MAX_CPUS, FW_CFG_KERNEL_ENTRY, FW_CFG_KERNEL_DATA, FW_CFG_INITRD_DATA,
    FW_CFG_CMDLINE_ADDR, FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA,
    FW_CFG_SETUP_ADDR, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA, FW_CFG_FILE_DIR,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_IRQ0_OVERRIDE = 0x8002, FW_CFG_HPET = 0x8004,
};

/* The data is copied. */
void fw_cfg_add(Device *d, uint16_t key, const void *data, uint32_t len);
void fw_cfg_add_u16(Device *d, uint16_t key, uint16_t val);
void fw_cfg_add_u32(Device *d, uint16_t key, uint32_t val);
void fw_cfg_add_u64(Device *d, uint16_t key, uint64_t val);
/* name: at most 55 characters, "etc/e820".  -ENOSPC when there are too many. */
int fw_cfg_add_file(Device *d, const char *name, const void *data, uint32_t len,
                    Error *err);
/* The item as the guest reads it, or NULL: tests, the monitor. */
const void *fw_cfg_find(const Device *d, uint16_t key, uint32_t *len);
const void *fw_cfg_find_file(const Device *d, const char *name, uint32_t *len);

#endif
