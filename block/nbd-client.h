/* SPDX-License-Identifier: MIT */
/*
 * NBD, the client's side of the handshake: for the nbd driver and for tools that
 * ask a server what it has.
 *
 * In coroutines, on a connected NbdSock.  All that a server says is checked:
 * what comes back is safe to use as it is.
 */
#ifndef BLOCK_NBD_CLIENT_H
#define BLOCK_NBD_CLIENT_H

#include "block/nbd-proto.h"

typedef struct NbdExportInfo {
    char *name, *description;           /* description may be NULL */
    uint64_t size;
    uint16_t flags;                     /* NBD_FLAG_xxx */
    uint32_t min_block, opt_block, max_block;   /* powers of two; max: any */
    bool structured;                    /* replies will be */
    bool has_status;                    /* base:allocation is there */
    uint32_t context;                   /* its number */
    char **contexts;                    /* nbd_list_exports(): their names */
    int num_contexts;
} NbdExportInfo;

/* Choose an export; the transmission phase follows. */
int nbd_negotiate(NbdSock *s, const char *export_name, NbdExportInfo *info, Error *err);
/* All exports there are: their number or -errno.  The server has been told good-bye. */
int nbd_list_exports(NbdSock *s, NbdExportInfo **list, Error *err);
void nbd_free_info(NbdExportInfo *info);

#endif
