/* SPDX-License-Identifier: MIT */
/*
 * dmg: Apple disk images (UDIF).  Read-only.
 *
 *      | chunks ... | property list | trailer |
 *
 *      trailer, the last 512 bytes
 *        0  "koly"            24  u64 offset of the data fork
 *       40  u64 offset and length of the resource fork
 *      216  u64 offset and length of the property list
 *      492  u64 sectors of the disk
 *      property list, XML: <key>blkx</key> <array> of <data>, base64, each a
 *      block table (in old images: a resource of the resource fork)
 *        0  "mish"   8 u64 first sector  24 u64 offset of its data
 *      200  u32 runs; each of 40 bytes:
 *           u32 kind, u32 -, u64 sector (from the table's first), u64 sectors,
 *           u64 offset (from the data fork), u64 length
 *      kinds  0 and 2 zeroes, 1 raw, 0x80000005 zlib, 0x80000006 bzip2,
 *             0x80000004 ADC, 0x80000007 lzfse, 0x80000008 lzma,
 *             0x7ffffffe comment, 0xffffffff end
 *
 * All big-endian.  (The layout as given in "Demystifying the DMG File Format",
 * newosxbook.com.)
 *
 * Not modelled: ADC, lzfse and lzma chunks (refused by name), encryption.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#ifdef CONFIG_BZIP2
#include <bzlib.h>
#endif

#include "block/block-int.h"
#include "util/bits.h"
#include "util/mem.h"

enum {
    SECTOR = 512, TRAILER = 512, TABLE = 204, RUN = 40,
    MAX_LIST = 32 << 20, MAX_CHUNK = 16 << 20, MAX_RUNS = 1 << 20,
};

#define RAW     1u
#define ZLIB    0x80000005u
#define BZIP2   0x80000006u
#define COMMENT 0x7ffffffeu
#define END     0xffffffffu

typedef struct Chunk {
    uint64_t start, len;                /* bytes of the disk */
    uint64_t host, host_len;
    uint32_t kind;
} Chunk;

typedef struct Dmg {
    Chunk *chunk;                       /* ascending */
    size_t num, room;
    uint64_t fork;
    const Chunk *unpacked_of;           /* the last one unpacked */
    uint8_t *unpacked;
} Dmg;

/* Nothing at the beginning tells: the name does. */
static int dmg_probe(const uint8_t *head, size_t len, const char *filename)
{
    size_t n = filename ? strlen(filename) : 0;

    (void)head;
    (void)len;
    return n > 4 && !strcmp(filename + n - 4, ".dmg") ? 2 : 0;
}

/* -- Block tables ------------------------------------------------------------ */

static const char *refused(uint32_t kind)
{
    switch (kind) {
    case 0: case 2: case RAW: case ZLIB: return NULL;
#ifdef CONFIG_BZIP2
    case BZIP2:      return NULL;
#else
    case BZIP2:      return "bzip2";
#endif
    case 0x80000004: return "ADC";
    case 0x80000007: return "lzfse";
    case 0x80000008: return "lzma";
    }
    return "an unknown method";
}

static int check_chunk(BlockDriverState *bs, const Chunk *c, Error *err)
{
    uint64_t end = bs->file->length;
    bool packed = c->kind == ZLIB || c->kind == BZIP2;

    if (refused(c->kind)) {
        return error_set(err, ENOTSUP, "%s: compressed with %s (0x%08x), which is not"
                         " supported: convert it with hdiutil", bs->filename,
                         refused(c->kind), c->kind);
    }
    if ((c->kind == RAW || packed) && (c->host > end || c->host_len > end - c->host)) {
        return error_set(err, EINVAL, "%s: damaged dmg image: %llu bytes at %llu, beyond the end"
                         " of the file", bs->filename, (unsigned long long)c->host_len,
                         (unsigned long long)c->host);
    }
    if ((packed && (c->len > MAX_CHUNK || c->host_len > MAX_CHUNK)) ||
        (c->kind == RAW && c->host_len < c->len)) {
        return error_set(err, EINVAL, "%s: damaged dmg image: a chunk of %llu bytes from %llu",
                         bs->filename, (unsigned long long)c->len,
                         (unsigned long long)c->host_len);
    }
    return 0;
}

static int add_chunk(BlockDriverState *bs, Dmg *s, const Chunk *c, Error *err)
{
    if (s->num == MAX_RUNS) {
        return error_set(err, EFBIG, "%s: more than %d chunks", bs->filename, MAX_RUNS);
    }
    if (s->num == s->room) {
        s->room = MAX(64, s->room * 2);
        s->chunk = xrealloc(s->chunk, s->room * sizeof(*s->chunk));
    }
    s->chunk[s->num++] = *c;
    return check_chunk(bs, c, err);
}

static int take_table(BlockDriverState *bs, Dmg *s, const uint8_t *t, size_t len, Error *err)
{
    const uint64_t limit = 1ull << 50;
    uint64_t runs, first, base;
    int ret = 0;

    if (len < TABLE || memcmp(t, "mish", 4)) {
        return 0;                       /* a resource of another kind */
    }
    runs = load_be(t + 200, 4);
    first = load_be(t + 8, 8);
    base = load_be(t + 24, 8);
    if (runs > (len - TABLE) / RUN || first > limit || base > limit) {
        return error_set(err, EINVAL, "%s: damaged dmg image: a table of %llu runs in %zu bytes",
                         bs->filename, (unsigned long long)runs, len);
    }
    for (uint64_t i = 0; i < runs && ret >= 0; i++) {
        const uint8_t *r = t + TABLE + i * RUN;
        uint64_t sector = load_be(r + 8, 8), num = load_be(r + 16, 8);
        uint64_t host = load_be(r + 24, 8);
        Chunk c = { .kind = (uint32_t)load_be(r, 4), .host_len = load_be(r + 32, 8) };

        if (c.kind == COMMENT || c.kind == END || num == 0) {
            continue;
        }
        if (sector > limit || num > limit || host > 1ull << 60 || s->fork > limit) {
            return error_set(err, EINVAL, "%s: damaged dmg image: %llu sectors at %llu",
                             bs->filename, (unsigned long long)num,
                             (unsigned long long)sector);
        }
        c.start = (first + sector) * SECTOR;
        c.len = num * SECTOR;
        c.host = s->fork + base + host;
        ret = add_chunk(bs, s, &c, err);
    }
    return ret;
}

static int by_start(const void *a, const void *b)
{
    const Chunk *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

/* Base64 up to '<', in place; how many bytes. */
static size_t decode(char *text)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                              "0123456789+/";
    uint8_t *out = (uint8_t *)text;
    uint32_t acc = 0;
    int bits = 0;
    size_t n = 0;

    for (; *text && *text != '<' && *text != '='; text++) {
        const char *p = strchr(set, *text);

        if (!p) {
            continue;
        }
        acc = acc << 6 | (uint32_t)(p - set);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (uint8_t)(acc >> bits);
        }
    }
    return n;
}

static int take_list(BlockDriverState *bs, Dmg *s, char *xml, Error *err)
{
    char *p = strstr(xml, "<key>blkx</key>");
    char *end = p ? strstr(p, "</array>") : NULL;
    int ret = 0;

    if (!end) {
        return error_set(err, EINVAL, "%s: damaged dmg image: no block tables in its property"
                         " list", bs->filename);
    }
    *end = 0;
    while (ret >= 0 && (p = strstr(p, "<data>"))) {
        char *next = strstr(p, "</data>");

        p += 6;
        if (!next) {
            break;
        }
        ret = take_table(bs, s, (uint8_t *)p, decode(p), err);
        p = next + 7;
    }
    return ret;
}

/* Resources: u32 length, data, one after the other. */
static int take_resources(BlockDriverState *bs, Dmg *s, const uint8_t *fork, size_t len,
                          Error *err)
{
    uint64_t at = load_be(fork, 4), all = load_be(fork + 8, 4), end = at + all;
    int ret = 0;

    if (end > len) {
        return error_set(err, EINVAL, "%s: damaged dmg image: resources beyond their fork",
                         bs->filename);
    }
    while (ret >= 0 && at + 4 <= end) {
        uint64_t n = load_be(fork + at, 4);

        at += 4;
        if (n > end - at) {
            break;
        }
        ret = take_table(bs, s, fork + at, n, err);
        at += n;
    }
    return ret;
}

/* -- Opening ----------------------------------------------------------------- */

/* A piece of the file with a zero behind it, to be freed. */
static int read_piece(BlockDriverState *bs, uint64_t at, uint64_t len, char **buf, Error *err)
{
    if (at > bs->file->length || len > bs->file->length - at || len > MAX_LIST) {
        return error_set(err, EINVAL, "%s: damaged dmg trailer: %llu bytes of tables at %llu",
                         bs->filename, (unsigned long long)len, (unsigned long long)at);
    }
    *buf = xzalloc(len + 1);
    int ret = bdrv_pread(bs->file, at, *buf, len);

    if (ret < 0) {
        return error_set(err, -ret, "%s: cannot be read: %s", bs->filename, strerror(-ret));
    }
    return 0;
}

static int read_tables(BlockDriverState *bs, Dmg *s, const uint8_t *t, Error *err)
{
    uint64_t list = load_be(t + 224, 8), fork = load_be(t + 48, 8);
    char *buf = NULL;
    int ret;

    s->fork = load_be(t + 24, 8);
    if (list) {
        ret = read_piece(bs, load_be(t + 216, 8), list, &buf, err);
        ret = ret < 0 ? ret : take_list(bs, s, buf, err);
    } else if (fork >= 16) {
        ret = read_piece(bs, load_be(t + 40, 8), fork, &buf, err);
        ret = ret < 0 ? ret : take_resources(bs, s, (uint8_t *)buf, fork, err);
    } else {
        return error_set(err, EINVAL, "%s: damaged dmg trailer: no tables", bs->filename);
    }
    free(buf);
    return ret;
}

static int dmg_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    Dmg *s = bs->opaque;
    uint8_t t[TRAILER];
    int ret = bs->file->length < TRAILER ? -EINVAL
            : bdrv_pread(bs->file, bs->file->length - TRAILER, t, TRAILER);

    (void)opts;
    if (ret < 0 || memcmp(t, "koly", 4)) {
        return error_set(err, EINVAL, "%s: not a dmg image, or truncated: no trailer",
                         bs->filename);
    }
    ret = read_tables(bs, s, t, err);
    if (ret < 0) {
        free(s->chunk);
        return ret;
    }
    if (s->num) {
        qsort(s->chunk, s->num, sizeof(*s->chunk), by_start);
        bs->length = s->chunk[s->num - 1].start + s->chunk[s->num - 1].len;
    }
    if (load_be(t + 492, 8) <= 1ull << 50) {
        bs->length = MAX(bs->length, load_be(t + 492, 8) * SECTOR);
    }
    return 0;
}

static void dmg_close(BlockDriverState *bs)
{
    Dmg *s = bs->opaque;

    free(s->chunk);
    free(s->unpacked);
}

/* -- Reading ----------------------------------------------------------------- */

/* The chunk of that byte, NULL between chunks; *num bytes are alike. */
static const Chunk *find_chunk(const Dmg *s, uint64_t off, uint64_t len, uint64_t *num)
{
    size_t low = 0, high = s->num;

    *num = len;
    while (low < high) {                /* the first that starts behind off */
        size_t mid = (low + high) / 2;

        if (s->chunk[mid].start <= off) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    if (low < s->num) {
        *num = MIN(len, s->chunk[low].start - off);
    }
    if (low == 0 || off - s->chunk[low - 1].start >= s->chunk[low - 1].len) {
        return NULL;
    }
    *num = MIN(*num, s->chunk[low - 1].len - (off - s->chunk[low - 1].start));
    return &s->chunk[low - 1];
}

typedef struct Unpack { const Chunk *c; uint8_t *in, *out; } Unpack;

static int run_unpack(void *arg)
{
    const Unpack *u = arg;

    if (u->c->kind == ZLIB) {
        uLongf got = u->c->len;

        return uncompress(u->out, &got, u->in, u->c->host_len) == Z_OK && got == u->c->len
               ? 0 : -EIO;
    }
#ifdef CONFIG_BZIP2
    unsigned len = (unsigned)u->c->len;

    return BZ2_bzBuffToBuffDecompress((char *)u->out, &len, (char *)u->in,
                                      (unsigned)u->c->host_len, 0, 0) == BZ_OK &&
           len == u->c->len ? 0 : -EIO;
#else
    return -ENOTSUP;
#endif
}

static int read_packed(BlockDriverState *bs, const Chunk *c, uint64_t in, uint64_t len,
                       const QEMUIOVector *qiov, size_t at)
{
    Dmg *s = bs->opaque;

    if (s->unpacked_of == c) {
        iov_from_buf(qiov, at, s->unpacked + in, len);
        return 0;
    }
    Unpack u = { c, malloc(c->host_len + 1), malloc(c->len) };
    int ret = u.in && u.out ? bdrv_pread(bs->file, c->host, u.in, c->host_len) : -ENOMEM;

    ret = ret < 0 ? ret : aio_pool_co(run_unpack, &u);
    free(u.in);
    if (ret < 0) {
        free(u.out);
        return ret;
    }
    iov_from_buf(qiov, at, u.out + in, len);
    free(s->unpacked);
    s->unpacked = u.out;
    s->unpacked_of = c;
    return 0;
}

static int dmg_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                      const QEMUIOVector *qiov, size_t at)
{
    int ret = 0;

    while (len && ret >= 0) {
        uint64_t n;
        const Chunk *c = find_chunk(bs->opaque, off, len, &n);

        if (c && c->kind == RAW) {
            ret = bdrv_co_preadv(bs->file, c->host + (off - c->start), n, qiov, at);
        } else if (c && c->kind >= ZLIB) {
            ret = read_packed(bs, c, off - c->start, n, qiov, at);
        } else {
            iov_memset(qiov, at, 0, n);
        }
        off += n;
        at += n;
        len -= n;
    }
    return ret;
}

static int dmg_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                            uint64_t *num, uint64_t *map)
{
    const Chunk *c = find_chunk(bs->opaque, off, len, num);

    if (c && c->kind == RAW) {
        *map = c->host + (off - c->start);
        return BDRV_BLOCK_DATA | BDRV_BLOCK_ALLOCATED | BDRV_BLOCK_OFFSET;
    }
    return c && c->kind >= ZLIB ? BDRV_BLOCK_DATA | BDRV_BLOCK_ALLOCATED : BDRV_BLOCK_ZERO;
}

static int dmg_info(BlockDriverState *bs, BlockInfo *info)
{
    (void)bs;
    info->compressed = true;
    return 0;
}

const BlockDriver bdrv_dmg = {
    .name = "dmg",
    .for_users = true,
    .state_size = sizeof(Dmg),
    .probe = dmg_probe,
    .open = dmg_open,
    .close = dmg_close,
    .co_preadv = dmg_preadv,
    .co_block_status = dmg_block_status,
    .info = dmg_info,
};
