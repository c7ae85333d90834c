/* SPDX-License-Identifier: MIT */
/*
 * A NAND flash chip, 8 bits wide, and the contract between it and its controller.
 *
 *      controller --nand_command, nand_address, nand_write--> chip
 *                 <--nand_read, NandHostOps.ready-----------   | blk_aio_*
 *
 * The chip is a device without windows: "nand".  Which one it is follows from
 * the size of its drive, which holds each page followed by its spare area, or
 * the pages alone (the spare areas are then forgotten at the end).  Without a
 * drive it is erased, and as large as property "size" says, in MiB.
 *
 * While it reads, programs or erases, nand_ready() is false: R/nB is low.  The
 * controller must not read data then; commands but RESET and READ STATUS are
 * refused.  ready() is called from nand_command() or nand_address() when R/nB
 * falls, and when it rises, from there or later from the main loop.
 *
 * nCE is the controller's: a chip that is not selected is not called.
 */
#ifndef HW_NAND_NAND_H
#define HW_NAND_NAND_H

#include "hw/core/device.h"

typedef struct NandHostOps {
    void (*ready)(void *opaque, bool ready);
} NandHostOps;

/* What a controller is told by straps, and image tools by files' sizes. */
typedef struct NandModel {
    const char *name;                   /* "K9F1208U0B" */
    uint32_t mib;
    uint16_t page, oob;                 /* bytes */
    uint16_t pages;                     /* of a block */
    uint8_t col_cycles, row_cycles;
    uint8_t id[8], id_len;
} NandModel;

extern const NandModel nand_models[];   /* ends with name NULL */
extern const DeviceType nand_type;

/* NULL: there is none. */
const NandModel *nand_model_by_mib(uint32_t mib);
/* *oob: whether the file has spare areas. */
const NandModel *nand_model_by_file(uint64_t bytes, bool *oob);
uint32_t nand_num_pages(const NandModel *m);

/* By a controller, in realize() and free(). */
int nand_attach(Device *chip, const char *name, const NandHostOps *ops, void *opaque, Error *err);
void nand_detach(Device *chip);         /* NULL: nothing */

/* All of these: chip may be NULL, a socket that is empty. */
const NandModel *nand_model(const Device *chip);
bool nand_ready(const Device *chip);
void nand_command(Device *chip, uint8_t cmd);
void nand_address(Device *chip, uint8_t val);
void nand_read(Device *chip, uint8_t *buf, unsigned len);
void nand_write(Device *chip, const uint8_t *buf, unsigned len);

/* The first len bytes without spare areas, for what copies them at power-on; it
 * waits for the host.  0 or -errno. */
int nand_read_first(Device *chip, uint8_t *buf, uint32_t len);

#endif
