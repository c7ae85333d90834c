/* SPDX-License-Identifier: MIT */
/*
 * -kernel, -initrd, -append and -dtb on an ARM board: what a boot loader does
 * (Linux Documentation/arm/booting.rst).
 *
 *      base + 0x0100   ATAGs (without a device tree)
 *           + 0x8000   an Image is there; a zImage at + 0x10000
 *           + half     initrd (at most 128 MiB up), then the device tree
 *
 *      r0 = 0, r1 = the board's machine number, r2 = ATAGs or device tree
 *
 * Kernels are zImage, Image, uImage (not compressed, or gzip) and ELF.  All is
 * kept here and put into RAM again at each reset.  Errors are sentences about
 * the file that is wrong.
 */
#ifndef HW_BOARDS_ARM_BOOT_H
#define HW_BOARDS_ARM_BOOT_H

#include <stddef.h>
#include <stdint.h>

#include "hw/boards/machine.h"

typedef struct ArmBoard {               /* what a loader knows of its board */
    uint32_t ram_base, ram_size;
    uint32_t machine_id;                /* linux/arch/arm/tools/mach-types */
    const char *const *compatible;      /* of its device trees; NULL-terminated */
    uint32_t start;                     /* pc after reset without a kernel */
} ArmBoard;

typedef struct ArmBlob {
    uint32_t addr;
    size_t len;
    uint8_t *data;                      /* owned */
} ArmBlob;

enum { ARM_BLOB_KERNEL, ARM_BLOB_INITRD, ARM_BLOB_DTB, ARM_BLOB_ATAGS, ARM_NUM_BLOBS };

typedef struct ArmBoot {
    const ArmBoard *board;
    ArmBlob blob[ARM_NUM_BLOBS];        /* len 0: not there */
    uint32_t kernel_end;                /* addresses below may be overwritten
                                           while the kernel unpacks itself */
    uint32_t entry, r2;
} ArmBoot;

/* Read m->config's files.  Without -kernel nothing is loaded. */
int arm_boot_load(ArmBoot *b, const ArmBoard *board, const Machine *m, Error *err);
/* Into RAM and registers; from board_reset(), the processor is reset. */
void arm_boot_reset(const ArmBoot *b, Machine *m);
void arm_boot_free(ArmBoot *b);

/* -- arm-image.c, arm-fdt.c -------------------------------------------------- */

/* A kernel file to its blob, entry and kernel_end. */
int arm_image_load(ArmBoot *b, const char *path, Error *err);
/* A device tree file, told about RAM, command line and initrd; its size is
 * final, its address is not set. */
int arm_fdt_load(ArmBoot *b, const char *path, const char *append, Error *err);

#endif
