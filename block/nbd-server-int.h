/* SPDX-License-Identifier: MIT */
/* What the two halves of the NBD server share: nbd-server.c and nbd-options.c. */
#ifndef BLOCK_NBD_SERVER_INT_H
#define BLOCK_NBD_SERVER_INT_H

#include "block/nbd-proto.h"
#include "block/nbd-server.h"

/* Meta contexts; their numbers on the wire. */
enum { CONTEXT_ALLOCATION, CONTEXT_DEPTH, NUM_CONTEXTS };

typedef struct NbdClient {
    NbdServer *server;
    NbdSock sock;
    const NbdExport *export;            /* NULL: not chosen yet */
    bool no_zeroes, structured;
    bool context[NUM_CONTEXTS];
    const NbdExport *context_export;    /* they were chosen for */
    CoMutex send;
    int in_flight;
    uint64_t bytes;                     /* of requests in flight */
    CoQueue room;
    bool counted;                       /* had chosen an export */
    struct NbdClient *next;
} NbdClient;

const NbdServerConfig *nbd_server_config(const NbdServer *s);
void nbd_server_report(const NbdServer *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The handshake: 0 and c->export is set, or -errno: close the connection. */
int nbd_options(NbdClient *c);

#endif
