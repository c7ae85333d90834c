/* SPDX-License-Identifier: MIT */
/*
 * An NBD server: disks of ours for clients elsewhere.
 *
 *   nbd_server_new(exports) -> nbd_server_listen(socket) ... nbd_server_free()
 *
 * It runs from the main loop (or aio_poll()), each client and each of its requests
 * in a coroutine.  Clients are not trusted: the handshake has ten seconds, a client
 * 64 requests or 64 MiB in flight, the server max_clients at a time; more wait.
 *
 * Exports and their drives belong to the caller and outlive the server.
 * Threads: with the global lock.
 */
#ifndef BLOCK_NBD_SERVER_H
#define BLOCK_NBD_SERVER_H

#include "block/block.h"

typedef struct NbdExport {
    const char *name, *description;     /* description may be NULL */
    BlockDriverState *bs;
    uint64_t offset, size;              /* bytes of the drive */
    bool read_only;
} NbdExport;

typedef struct NbdServerConfig {
    const NbdExport *exports;
    int num_exports;
    int max_clients;                    /* at a time; 1: no multi-conn */
    bool allocation_depth;              /* offer qemu:allocation-depth, too */
    /* One sentence per event, or NULL. */
    void (*report)(void *opaque, const char *line);
    /* A client that had chosen an export has left; so many are here still. */
    void (*left)(void *opaque, int clients);
    void *opaque;
} NbdServerConfig;

enum { NBD_SERVER_MAX_CLIENTS = 500 };

typedef struct NbdServer NbdServer;

NbdServer *nbd_server_new(const NbdServerConfig *config);
/* Serve all who connect; fd becomes the server's. */
void nbd_server_listen(NbdServer *s, int fd);
/* Serve this one, which needs no handshake: simple replies. */
void nbd_server_serve(NbdServer *s, int fd, const NbdExport *e);
/* All clients are disconnected, their requests ended.  Not in a coroutine. */
void nbd_server_free(NbdServer *s);
/* NBD_FLAG_xxx of an export, for a client that knows structured replies or not. */
uint16_t nbd_server_flags(const NbdServer *s, const NbdExport *e, bool structured);

#endif
