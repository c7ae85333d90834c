/* SPDX-License-Identifier: MIT */
/*
 * vmdk: what its files share.  vmdk.c opens and uses images, vmdk-create.c makes
 * them, vmdk-text.c reads and writes descriptors.  The layout is drawn in vmdk.c.
 */
#ifndef BLOCK_VMDK_H
#define BLOCK_VMDK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "block/block.h"

enum {
    VMDK_SECTOR = 512, VMDK_MAX_EXTENTS = 4096,
    VMDK_FLAG_NEWLINES = 1, VMDK_FLAG_REDUNDANT = 2, VMDK_FLAG_ZERO = 4,
    VMDK_FLAG_COMPRESSED = 1 << 16, VMDK_FLAG_MARKERS = 1 << 17,
};

#define VMDK_NO_CID     0xffffffffu

uint32_t vmdk_cid(const BlockDriverState *bs);

/* -- vmdk-create.c ----------------------------------------------------------- */

extern const BlockOptDef vmdk_create_opts[];
int vmdk_create(const char *filename, uint64_t size, const BlockOpts *opts, Error *err);

/* -- vmdk-text.c: nothing of it touches a file -------------------------------- */

typedef enum VmdkKind { VMDK_FLAT, VMDK_SPARSE, VMDK_COWD, VMDK_ZERO } VmdkKind;

typedef struct VmdkLine {               /* RW 4192256 SPARSE "test-s001.vmdk" */
    VmdkKind kind;
    bool read_only;
    uint64_t sectors, offset;           /* offset: of FLAT, in sectors */
    char file[1024];
} VmdkLine;

/* Is this the beginning of a descriptor? */
bool vmdk_is_text(const char *text, size_t len);
/* The value of key = value or key = "value"; where it is, or NULL. */
const char *vmdk_get(const char *text, const char *key, char *value, size_t size);
/* The next extent line at *pos (0 at first): 1, 0 if there is none, -errno. */
int vmdk_next_line(const char *text, size_t *pos, VmdkLine *line, const char *filename,
                   Error *err);

typedef struct VmdkText {               /* what a new descriptor says */
    uint64_t size;
    uint32_t cid, parent_cid;           /* VMDK_NO_CID: no parent */
    const char *type, *parent, *adapter, *hwversion, *toolsversion;
    const char *lines;                  /* extents */
} VmdkText;

char *vmdk_write_text(const VmdkText *t);       /* free() it */

#endif
