/* SPDX-License-Identifier: MIT */
/*
 * NBD on the wire, for client and server: numbers, addresses, and a socket that
 * coroutines read and write.
 *
 * "NBD protocol, section" in comments is doc/proto.md of the NetworkBlockDevice
 * project, the protocol's only specification.  All numbers are big-endian.
 *
 * Functions on an NbdSock run in coroutines, one reader and one writer at a time;
 * they return 0 or -errno, -ECONNRESET when the other end is gone, -ETIMEDOUT
 * when nbd_sock_limit() ran out.
 */
#ifndef BLOCK_NBD_PROTO_H
#define BLOCK_NBD_PROTO_H

#include "block/aio.h"
#include "util/error.h"

/* -- Numbers ----------------------------------------------------------------- */

/* NBD protocol, "Newstyle negotiation". */
#define NBD_MAGIC           0x4e42444d41474943ull   /* "NBDMAGIC" */
#define NBD_OPT_MAGIC       0x49484156454f5054ull   /* "IHAVEOPT" */
#define NBD_OLD_MAGIC       0x0000420281861253ull
#define NBD_OPT_REPLY_MAGIC 0x0003e889045565a9ull
#define NBD_REQUEST_MAGIC   0x25609513u
#define NBD_SIMPLE_MAGIC    0x67446698u
#define NBD_CHUNK_MAGIC     0x668e33efu
#define NBD_DEFAULT_PORT    "10809"

enum {
    NBD_FLAG_FIXED_NEWSTYLE = 1, NBD_FLAG_NO_ZEROES = 2,    /* of both sides */

    NBD_OPT_EXPORT_NAME = 1, NBD_OPT_ABORT = 2, NBD_OPT_LIST = 3,
    NBD_OPT_STARTTLS = 5, NBD_OPT_INFO = 6, NBD_OPT_GO = 7,
    NBD_OPT_STRUCTURED_REPLY = 8, NBD_OPT_LIST_META_CONTEXT = 9,
    NBD_OPT_SET_META_CONTEXT = 10,

    NBD_REP_ACK = 1, NBD_REP_SERVER = 2, NBD_REP_INFO = 3, NBD_REP_META_CONTEXT = 4,

    NBD_INFO_EXPORT = 0, NBD_INFO_NAME = 1, NBD_INFO_DESCRIPTION = 2,
    NBD_INFO_BLOCK_SIZE = 3,
};

#define NBD_REP_ERROR           (1u << 31)
#define NBD_REP_ERR_UNSUP       (NBD_REP_ERROR | 1)
#define NBD_REP_ERR_POLICY      (NBD_REP_ERROR | 2)
#define NBD_REP_ERR_INVALID     (NBD_REP_ERROR | 3)
#define NBD_REP_ERR_TLS_REQD    (NBD_REP_ERROR | 5)
#define NBD_REP_ERR_UNKNOWN     (NBD_REP_ERROR | 6)
#define NBD_REP_ERR_SHUTDOWN    (NBD_REP_ERROR | 7)
#define NBD_REP_ERR_BLOCK_SIZE  (NBD_REP_ERROR | 8)
#define NBD_REP_ERR_TOO_BIG     (NBD_REP_ERROR | 9)

/* NBD protocol, "Transmission phase". */
enum {
    NBD_FLAG_HAS_FLAGS = 1 << 0, NBD_FLAG_READ_ONLY = 1 << 1,
    NBD_FLAG_SEND_FLUSH = 1 << 2, NBD_FLAG_SEND_FUA = 1 << 3,
    NBD_FLAG_ROTATIONAL = 1 << 4, NBD_FLAG_SEND_TRIM = 1 << 5,
    NBD_FLAG_SEND_WRITE_ZEROES = 1 << 6, NBD_FLAG_SEND_DF = 1 << 7,
    NBD_FLAG_CAN_MULTI_CONN = 1 << 8, NBD_FLAG_SEND_RESIZE = 1 << 9,
    NBD_FLAG_SEND_CACHE = 1 << 10, NBD_FLAG_SEND_FAST_ZERO = 1 << 11,

    NBD_CMD_READ = 0, NBD_CMD_WRITE = 1, NBD_CMD_DISC = 2, NBD_CMD_FLUSH = 3,
    NBD_CMD_TRIM = 4, NBD_CMD_CACHE = 5, NBD_CMD_WRITE_ZEROES = 6,
    NBD_CMD_BLOCK_STATUS = 7,

    NBD_CMD_FLAG_FUA = 1 << 0, NBD_CMD_FLAG_NO_HOLE = 1 << 1,
    NBD_CMD_FLAG_DF = 1 << 2, NBD_CMD_FLAG_REQ_ONE = 1 << 3,
    NBD_CMD_FLAG_FAST_ZERO = 1 << 4,

    NBD_REPLY_FLAG_DONE = 1,

    NBD_REPLY_NONE = 0, NBD_REPLY_OFFSET_DATA = 1, NBD_REPLY_OFFSET_HOLE = 2,
    NBD_REPLY_BLOCK_STATUS = 5, NBD_REPLY_ERROR = (1 << 15) | 1,
    NBD_REPLY_ERROR_OFFSET = (1 << 15) | 2, NBD_REPLY_IS_ERROR = 1 << 15,

    NBD_STATE_HOLE = 1, NBD_STATE_ZERO = 2,     /* of base:allocation */
};

/* Sizes of headers, and limits. */
enum {
    NBD_REQUEST_SIZE = 28, NBD_SIMPLE_SIZE = 16, NBD_CHUNK_SIZE = 20,
    NBD_MAX_STRING = 4096, NBD_MAX_PAYLOAD = 32 << 20,
};

static inline void nbd_put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void nbd_put32(uint8_t *p, uint32_t v)
{
    nbd_put16(p, v >> 16);
    nbd_put16(p + 2, v & 0xffff);
}

static inline void nbd_put64(uint8_t *p, uint64_t v)
{
    nbd_put32(p, (uint32_t)(v >> 32));
    nbd_put32(p + 4, (uint32_t)v);
}

static inline uint16_t nbd_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t nbd_get32(const uint8_t *p)
{
    return (uint32_t)nbd_get16(p) << 16 | nbd_get16(p + 2);
}

static inline uint64_t nbd_get64(const uint8_t *p)
{
    return (uint64_t)nbd_get32(p) << 32 | nbd_get32(p + 4);
}

/* Errors have numbers of their own on the wire; unknown ones are EINVAL. */
uint32_t nbd_error_to_wire(int errnum);
int nbd_error_from_wire(uint32_t error);

/* -- Addresses --------------------------------------------------------------- */

typedef struct NbdAddress {
    char *host, *port;                  /* TCP, or NULL */
    char *path;                         /* unix socket, or NULL */
    char *export_name;
} NbdAddress;

/* What stands behind "nbd:" (//host:port/export, host:port[:exportname=X],
 * unix:PATH[:exportname=X]) or, is_unix, behind "nbd+unix:" (///export?socket=PATH). */
int nbd_parse_address(const char *text, bool is_unix, NbdAddress *a, Error *err);
void nbd_free_address(NbdAddress *a);

/* -- Sockets ----------------------------------------------------------------- */

typedef struct NbdSock {
    int fd;
    Coroutine *reader, *writer;         /* who waits */
    bool watch_read, watch_write;
    bool expired;
    AioTimer limit;
    uint8_t *ahead;                     /* read, not yet asked for */
    size_t start, end;
} NbdSock;

/* fd belongs to the NbdSock from then on. */
void nbd_sock_init(NbdSock *s, int fd);
void nbd_sock_close(NbdSock *s);        /* nobody waits in it any more */
/* Whoever waits, and all that comes later, gets -ECONNRESET.  Anywhere. */
void nbd_sock_shutdown(NbdSock *s);
/* All must be done in ns from now on; 0: no limit any more. */
void nbd_sock_limit(NbdSock *s, int64_t ns);

int nbd_sock_connect(NbdSock *s, const NbdAddress *a, Error *err);
int nbd_sock_read(NbdSock *s, void *buf, size_t len);
int nbd_sock_skip(NbdSock *s, uint64_t len);
int nbd_sock_readv(NbdSock *s, const QEMUIOVector *qiov, size_t at, size_t len);
int nbd_sock_write(NbdSock *s, const void *buf, size_t len);
/* head, then [at, at+len) of qiov, which may be NULL. */
int nbd_sock_writev(NbdSock *s, const void *head, size_t head_len,
                    const QEMUIOVector *qiov, size_t at, size_t len);

#endif
