/* SPDX-License-Identifier: MIT */
/*
 * cloop: compressed loop device images (Knoppix), version 2.  Read-only.
 *
 *        0  "#!/bin/sh\n#V2.0 Format\n...": a script that mounts it
 *      128  u32 bytes of a block    132  u32 number of blocks
 *      136  u64 per block, and one more: where its zlib data starts; the next
 *           one is where it ends
 *
 * All big-endian.  (cloop 2.x, compressed_loop.h, as documented with the driver.)
 *
 * Not modelled: versions 0, 1 and 3 and up (other compressors).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "block/clusters.h"
#include "util/bits.h"
#include "util/mem.h"

enum { AT_SIZES = 128, AT_OFFSETS = 136, SECTOR = 512, MAX_BLOCK = 16 << 20 };

typedef struct Cloop {
    ClusterMap map;
} Cloop;

static const char magic[] = "#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t "
                            "iso9660 /dev/cloop $1\n";

static int cloop_probe(const uint8_t *head, size_t len, const char *filename)
{
    (void)filename;
    return len >= sizeof(magic) - 1 && !memcmp(head, magic, sizeof(magic) - 1) ? 2 : 0;
}

static int lookup(ClusterMap *m, uint64_t n, uint64_t *host)
{
    uint8_t e[8];
    int ret = tables_read(m->tables, AT_OFFSETS + n * 8, e, 8);

    *host = load_be(e, 8);
    return ret < 0 ? ret : CLUSTER_PACKED;
}

static int unpack(ClusterMap *m, uint64_t n, uint64_t host, uint8_t *buf)
{
    uint8_t e[8];
    int ret = tables_read(m->tables, AT_OFFSETS + (n + 1) * 8, e, 8);
    uint64_t end = load_be(e, 8);
    uLongf got = m->size;

    if (ret < 0) {
        return ret;
    }
    if (host > end || end > m->file->length || end - host > compressBound(m->size) + SECTOR) {
        return -EIO;
    }
    uint8_t *in = xmalloc(end - host + 1);

    ret = bdrv_pread(m->file, host, in, end - host);
    if (ret >= 0 && uncompress(buf, &got, in, end - host) != Z_OK) {
        ret = -EIO;
    }
    memset(buf + got, 0, m->size - got);
    free(in);
    return ret;
}

static const ClusterOps cloop_clusters = { .lookup = lookup, .unpack = unpack };

static int cloop_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    Cloop *s = bs->opaque;
    uint8_t h[8] = { 0 };
    int ret = bs->file->length < AT_OFFSETS ? -EINVAL
            : bdrv_pread(bs->file, AT_SIZES, h, sizeof(h));
    uint64_t block = load_be(h, 4), num = load_be(h + 4, 4);

    (void)opts;
    if (ret < 0) {
        return error_set(err, -ret, "%s: not a cloop image", bs->filename);
    }
    if (block % SECTOR || block == 0 || block > MAX_BLOCK) {
        return error_set(err, EINVAL, "%s: damaged cloop header: blocks of %llu bytes",
                         bs->filename, (unsigned long long)block);
    }
    if ((num + 1) * 8 > bs->file->length - AT_OFFSETS) {
        return error_set(err, EINVAL, "%s: damaged cloop header: %llu blocks in a file of %llu"
                         " bytes", bs->filename, (unsigned long long)num,
                         (unsigned long long)bs->file->length);
    }
    bs->length = num * block;
    s->map = (ClusterMap){ .ops = &cloop_clusters, .bs = bs, .file = bs->file, .opaque = s,
                           .tables = tables_new(bs->file, NULL, NULL, 64),
                           .length = bs->length, .size = (uint32_t)block };
    return 0;
}

static void cloop_close(BlockDriverState *bs)
{
    clusters_free(bs->opaque);
}

const BlockDriver bdrv_cloop = {
    .name = "cloop",
    .for_users = true,
    .state_size = sizeof(Cloop),
    .probe = cloop_probe,
    .open = cloop_open,
    .close = cloop_close,
    .co_preadv = clusters_co_preadv,
    .co_block_status = clusters_co_status,
};
