/* SPDX-License-Identifier: MIT */
/*
 * The text part of VMware disks: vmdk.c opens and creates, vmdk-text.c reads
 * and writes the descriptor.  Nothing here touches a file.
 */
#ifndef BLOCK_VMDK_TEXT_H
#define BLOCK_VMDK_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

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
    uint32_t cid, parent_cid;           /* ~0: no parent */
    const char *type, *parent, *adapter, *hwversion, *toolsversion;
    const char *lines;                  /* extents */
} VmdkText;

char *vmdk_write_text(const VmdkText *t);       /* free() it */

#endif
