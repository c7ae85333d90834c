/* SPDX-License-Identifier: MIT */
/*
 * -kernel, -initrd, -append on a PC.
 *
 * The kernel is not put into memory here but into fw_cfg items, with the
 * addresses it wants; an option ROM of ours (pc-bios/optionrom/) fetches them
 * when the firmware boots it.  So a reset boots the same kernel again, and the
 * kernel finds the machine as firmware leaves it.
 *
 *   Linux bzImage or zImage, boot protocol 2.00 and later   linuxboot.bin
 *   Multiboot 0.6.96: ELF32 or with addresses in its header  multiboot.bin
 *
 * Errors are sentences about the file that is wrong.
 */
#ifndef HW_BOARDS_LOADER_H
#define HW_BOARDS_LOADER_H

#include <stddef.h>
#include <stdint.h>

#include "hw/core/device.h"

typedef struct KernelFiles {
    const char *kernel, *initrd, *append;       /* the last two may be NULL */
} KernelFiles;

/*
 * Load into fw_cfg.  ram_top: end of the RAM below 4 GiB that may be used.
 * *rom becomes the name of the option ROM to boot.
 */
int loader_load_kernel(Device *fw_cfg, const KernelFiles *files, uint64_t ram_top,
                       const char **rom, Error *err);

/* A whole file, to be freed.  what: "kernel", for the sentence. */
int loader_read_file(const char *what, const char *path, uint64_t max,
                     uint8_t **data, size_t *len, Error *err);

/* -- Formats; each given a file in memory ------------------------------------ */

typedef struct KernelImage {
    const char *path;
    const uint8_t *data;
    size_t len;
    const KernelFiles *files;
    uint64_t ram_top;
    Device *fw_cfg;
} KernelImage;

/* 1: loaded, 0: not of this format, -errno: of this format, but wrong. */
int linux_load(const KernelImage *k, Error *err);
int multiboot_load(const KernelImage *k, Error *err);

#endif
