/* SPDX-License-Identifier: MIT */
/*
 * vdi: VirtualBox disk images, version 1.1, dynamic and static.
 *
 *      0x000  text, "<<< ... >>>\n"
 *      0x040  u32 signature 0xbeda107f    0x044  u32 version 0x00010001
 *      0x048  u32 header size 0x190       0x04c  u32 type: 1 dynamic, 2 static,
 *      0x050  u32 flags                          3 undo, 4 differencing
 *      0x054  comment, 256 bytes
 *      0x154  u32 offset of the map       0x158  u32 offset of the data
 *      0x15c  u32 cylinders, heads, sectors, sector size (512), unused
 *      0x170  u64 bytes of the disk
 *      0x178  u32 bytes of a block        0x17c  u32 extra bytes per block
 *      0x180  u32 blocks of the disk      0x184  u32 blocks in the file
 *      0x188  UUIDs: image, last snapshot, link, parent
 *
 *      map    u32 per block of the disk: number of the block in the file,
 *             0xffffffff never written, 0xfffffffe discarded (both zeroes)
 *      data   block 0, block 1, ... in the order they were first written
 *
 * All little-endian.  (Layout as published with the VDI header documentation of
 * VirtualBox, "All about VDIs", forums.virtualbox.org.)
 *
 * Order: data, flush, then header and map.  A block that is in the file but not
 * in the map is a leak.
 *
 * Not modelled: undo and differencing images, extra data per block.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "block/clusters.h"
#include "util/bits.h"
#include "util/mem.h"

#define SIGNATURE       0xbeda107fu
#define VERSION         0x00010001u
#define NO_BLOCK        0xfffffffeu     /* and above */
#define MAX_BLOCKS      0x3fffffffu
#define MAX_DISK        (0x3ffff000ull << 20)   /* or the data starts above 4 GiB */

enum {
    HEADER_SIZE = 512, BLOCK_SIZE = 1 << 20, MAX_BLOCK_SIZE = 64 << 20,
    DATA_ALIGN = 4096, CHUNK = 64 << 10,
    TYPE_DYNAMIC = 1, TYPE_STATIC = 2,
    AT_ALLOCATED = 0x184,
    SPARE = 1024, MAX_SEARCHED = 256 << 20,
};

typedef struct Vdi {
    ClusterMap map;
    uint64_t map_at, data_at;
    uint32_t blocks, type;
    uint32_t next;                      /* first unused block of the file */
    bool know_next;
    uint32_t spare[SPARE];              /* when that is the end: some before it */
    int num_spare;
    bool full;
} Vdi;

static const BlockOptDef create_opts[] = {
    { "static", "all blocks allocated from the beginning (on/off)" },
    { "preallocation", "off or metadata (the same as static=on)" },
    { NULL, NULL }
};

static int vdi_probe(const uint8_t *head, size_t len, const char *filename)
{
    (void)filename;
    return len >= 0x44 && load_le(head + 0x40, 4) == SIGNATURE ? 100 : 0;
}

/* -- The map ----------------------------------------------------------------- */

static int lookup(ClusterMap *m, uint64_t n, uint64_t *host)
{
    const Vdi *s = m->opaque;
    uint8_t entry[4];
    int ret = tables_read(s->map.tables, s->map_at + n * 4, entry, 4);
    uint32_t block = (uint32_t)load_le(entry, 4);

    if (ret < 0) {
        return ret;
    }
    if (block >= NO_BLOCK) {
        *host = 0;
        return CLUSTER_HOLE;
    }
    *host = s->data_at + (uint64_t)block * m->size;
    return block < s->blocks ? CLUSTER_DATA : -EIO;
}

/* The first block of the file that no entry names.  The header has a count,
 * which is old after a crash. */
static int find_next(Vdi *s)
{
    uint8_t buf[CHUNK / 8];
    int ret = 0;

    s->next = 0;
    for (uint32_t i = 0; i < s->blocks && ret >= 0;) {
        uint32_t num = (uint32_t)MIN(s->blocks - i, sizeof(buf) / 4);

        ret = bdrv_pread(s->map.file, s->map_at + (uint64_t)i * 4, buf, num * 4);
        for (uint32_t k = 0; k < num && ret >= 0; k++) {
            uint32_t block = (uint32_t)load_le(buf + k * 4, 4);

            if (block < s->blocks && block >= s->next) {
                s->next = block + 1;
            }
        }
        i += num;
    }
    s->know_next = ret >= 0;
    return ret;
}

/* A bit for each block of the file, below `searched`, that an entry names. */
static int find_named(const Vdi *s, uint8_t *named, uint32_t searched)
{
    uint8_t buf[TABLE_PAGE];
    int ret = 0;

    for (uint32_t i = 0; i < s->blocks && ret >= 0;) {
        uint32_t num = (uint32_t)MIN(s->blocks - i, sizeof(buf) / 4);

        ret = tables_read(s->map.tables, s->map_at + (uint64_t)i * 4, buf, num * 4);
        for (uint32_t k = 0; k < num && ret >= 0; k++) {
            uint32_t block = (uint32_t)load_le(buf + k * 4, 4);

            if (block < searched) {
                named[block / 8] |= (uint8_t)(1u << block % 8);
            }
        }
        i += num;
    }
    return ret;
}

/* Blocks that no entry names lie before the last one after a write that failed, a
 * crash, or another program's work. */
static int find_spare(Vdi *s)
{
    uint32_t searched = MIN(s->blocks, MAX_SEARCHED);
    uint8_t *named = calloc(searched / 8 + 1, 1);
    int ret = named ? find_named(s, named, searched) : -ENOMEM;

    for (uint32_t i = searched; i-- > 0 && ret >= 0 && s->num_spare < SPARE;) {
        if (!(named[i / 8] >> i % 8 & 1)) {
            s->spare[s->num_spare++] = i;
        }
    }
    free(named);
    s->full = ret >= 0 && s->num_spare == 0;
    return ret;
}

static int64_t take(Vdi *s, uint32_t block, uint64_t num, uint64_t *host, bool *zeroed)
{
    *host = s->data_at + (uint64_t)block * s->map.size;
    *zeroed = *host >= s->map.file->length;
    return (int64_t)num;
}

static int64_t allocate(ClusterMap *m, uint64_t first, uint64_t num, uint64_t *host,
                        bool *zeroed)
{
    Vdi *s = m->opaque;
    int ret = s->know_next ? 0 : find_next(s);

    (void)first;
    if (ret >= 0 && s->next < s->blocks) {
        num = MIN(num, s->blocks - s->next);
        s->next += (uint32_t)num;
        return take(s, s->next - (uint32_t)num, num, host, zeroed);
    }
    if (ret >= 0 && s->num_spare == 0 && !s->full) {
        ret = m->allocs ? -EAGAIN : find_spare(s);
    }
    if (ret >= 0 && s->full) {
        ret = -EIO;                     /* two blocks in one place */
    }
    return ret < 0 ? ret : take(s, s->spare[--s->num_spare], 1, host, zeroed);
}

static int enter(ClusterMap *m, uint64_t first, uint64_t num, uint64_t host)
{
    const Vdi *s = m->opaque;
    uint8_t entry[4];
    int ret;

    store_le(entry, s->next, 4);
    ret = tables_write(s->map.tables, AT_ALLOCATED, entry, 4);
    for (uint64_t i = 0; i < num && ret >= 0; i++) {
        store_le(entry, (host - s->data_at) / m->size + i, 4);
        ret = tables_write(s->map.tables, s->map_at + (first + i) * 4, entry, 4);
    }
    return ret;
}

static const ClusterOps vdi_clusters = {
    .lookup = lookup, .allocate = allocate, .enter = enter,
};

/* -- Opening ----------------------------------------------------------------- */

static int check_header(BlockDriverState *bs, const uint8_t *h, Error *err)
{
    static const char *const kinds[] = { "", "", "", "undo", "differencing" };
    uint32_t type = (uint32_t)load_le(h + 0x4c, 4);
    uint32_t size = (uint32_t)load_le(h + 0x178, 4);
    uint64_t map = load_le(h + 0x154, 4), data = load_le(h + 0x158, 4);
    uint64_t blocks = load_le(h + 0x180, 4), disk = load_le(h + 0x170, 8);
    const char *f = bs->filename;

    if (load_le(h + 0x40, 4) != SIGNATURE) {
        return error_set(err, EINVAL, "%s: not a vdi image", f);
    }
    if (load_le(h + 0x44, 4) >> 16 != VERSION >> 16) {
        return error_set(err, ENOTSUP, "%s: vdi version %u.%u, only 1.x can be read", f,
                         (unsigned)load_le(h + 0x46, 2), (unsigned)load_le(h + 0x44, 2));
    }
    if (type == 3 || type == 4 || !buf_is_zero(h + 0x1a8, 32)) {
        return error_set(err, ENOTSUP, "%s: a vdi image of type %s: convert it with"
                         " VBoxManage clonemedium", f, type == 3 ? kinds[3] : kinds[4]);
    }
    if (type != TYPE_DYNAMIC && type != TYPE_STATIC) {
        return error_set(err, EINVAL, "%s: damaged vdi header: image type %u", f, type);
    }
    if (load_le(h + 0x168, 4) != 512 || load_le(h + 0x17c, 4) != 0) {
        return error_set(err, ENOTSUP, "%s: a vdi image with sectors of %u and blocks with"
                         " %u extra bytes; only 512 and 0 can be read", f,
                         (unsigned)load_le(h + 0x168, 4), (unsigned)load_le(h + 0x17c, 4));
    }
    if (!is_pow2(size) || size < 4096 || size > MAX_BLOCK_SIZE) {
        return error_set(err, EINVAL, "%s: damaged vdi header: blocks of %u bytes", f, size);
    }
    if (blocks > MAX_BLOCKS || disk > blocks * size) {
        return error_set(err, EINVAL, "%s: damaged vdi header: %llu bytes in %llu blocks of"
                         " %u", f, (unsigned long long)disk, (unsigned long long)blocks, size);
    }
    if (map % 512 || data % 512 || map < 0x190 || map + blocks * 4 > data ||
        map + blocks * 4 > bs->file->length) {
        return error_set(err, EINVAL, "%s: damaged vdi header: a map of %llu blocks at %llu,"
                         " data at %llu, in a file of %llu bytes", f,
                         (unsigned long long)blocks, (unsigned long long)map,
                         (unsigned long long)data, (unsigned long long)bs->file->length);
    }
    return 0;
}

static int vdi_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    Vdi *s = bs->opaque;
    uint8_t h[HEADER_SIZE] = { 0 };
    int ret = bdrv_pread(bs->file, 0, h, MIN(bs->file->length, sizeof(h)));

    (void)opts;
    if (ret < 0) {
        return error_set(err, -ret, "%s: cannot be read: %s", bs->filename, strerror(-ret));
    }
    ret = check_header(bs, h, err);
    if (ret < 0) {
        return ret;
    }
    s->type = (uint32_t)load_le(h + 0x4c, 4);
    s->map_at = load_le(h + 0x154, 4);
    s->data_at = load_le(h + 0x158, 4);
    s->blocks = (uint32_t)load_le(h + 0x180, 4);
    bs->length = align_up(load_le(h + 0x170, 8), BDRV_SECTOR_SIZE);
    s->map = (ClusterMap){ .ops = &vdi_clusters, .bs = bs, .file = bs->file, .opaque = s,
                           .tables = tables_new(bs->file, NULL, NULL, 64),
                           .length = bs->length, .size = (uint32_t)load_le(h + 0x178, 4),
                           .has_offset = true };
    return 0;
}

static void vdi_close(BlockDriverState *bs)
{
    Vdi *s = bs->opaque;

    clusters_free(&s->map);
}

/* -- Requests ---------------------------------------------------------------- */

static int vdi_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                            uint64_t *num, uint64_t *map)
{
    Vdi *s = bs->opaque;
    int ret = clusters_status(&s->map, off, len, num, map);

    /* A static image is full of blocks nobody wrote: the file knows. */
    if (ret >= 0 && s->type == TYPE_STATIC && (ret & BDRV_BLOCK_DATA)) {
        uint64_t there;
        int sub = bdrv_co_block_status(bs->file, *map, *num, &there, NULL);

        if (sub >= 0 && there) {
            *num = there;
            ret |= sub & BDRV_BLOCK_ZERO;
            ret &= sub & BDRV_BLOCK_ZERO ? ~BDRV_BLOCK_DATA : ~0;
        }
    }
    return ret;
}

static int vdi_info(BlockDriverState *bs, BlockInfo *info)
{
    const Vdi *s = bs->opaque;

    info->cluster_size = s->map.size;
    return 0;
}

static int vdi_check(BlockDriverState *bs, BlockCheck *res, int fix, Error *err)
{
    Vdi *s = bs->opaque;
    uint8_t count[4];
    int ret = clusters_check(&s->map, s->data_at, s->map.size, res, err);

    if (ret >= 0) {
        ret = find_next(s);
    }
    if (ret >= 0) {
        ret = tables_read(s->map.tables, AT_ALLOCATED, count, 4);
    }
    if (ret < 0 || load_le(count, 4) == s->next) {
        return ret;
    }
    res->leaks++;                       /* a crash came before the header */
    if (res->report) {
        res->report(res->opaque, "the header's count of allocated blocks is old");
    }
    if (fix & (BDRV_FIX_LEAKS | BDRV_FIX_ERRORS)) {
        store_le(count, s->next, 4);
        ret = tables_write(s->map.tables, AT_ALLOCATED, count, 4);
        ret = ret < 0 ? ret : tables_flush(s->map.tables);
        res->leaks_fixed += ret >= 0;
    }
    return ret;
}

/* -- Creating ---------------------------------------------------------------- */

static void make_header(uint8_t *h, uint64_t size, uint32_t blocks, bool is_static)
{
    uint64_t data = align_up(HEADER_SIZE + (uint64_t)blocks * 4, DATA_ALIGN);

    memset(h, 0, HEADER_SIZE);
    strcpy((char *)h, "<<< Oracle VM VirtualBox Disk Image >>>\n");
    store_le(h + 0x40, SIGNATURE, 4);
    store_le(h + 0x44, VERSION, 4);
    store_le(h + 0x48, 0x190, 4);
    store_le(h + 0x4c, is_static ? TYPE_STATIC : TYPE_DYNAMIC, 4);
    store_le(h + 0x154, HEADER_SIZE, 4);
    store_le(h + 0x158, data, 4);
    store_le(h + 0x168, 512, 4);
    store_le(h + 0x170, size, 8);
    store_le(h + 0x178, BLOCK_SIZE, 4);
    store_le(h + 0x180, blocks, 4);
    store_le(h + AT_ALLOCATED, is_static ? blocks : 0, 4);
    for (int i = 0; i < 2; i++) {       /* two random UUIDs, RFC 4122 version 4 */
        uint8_t *u = h + 0x188 + 16 * i;

        if (getrandom(u, 16, 0) == 16) {
            u[7] = (u[7] & 0x0f) | 0x40;
            u[8] = (u[8] & 0x3f) | 0x80;
        }
    }
}

static int write_map(BlockDriverState *file, uint32_t blocks, uint64_t data, bool is_static)
{
    uint8_t buf[CHUNK / 8];
    int ret = 0;

    for (uint64_t at = HEADER_SIZE; at < data && ret >= 0;) {
        size_t n = MIN(data - at, sizeof(buf));

        for (size_t i = 0; i < n; i += 4) {
            uint64_t block = (at + i - HEADER_SIZE) / 4;

            store_le(buf + i, block >= blocks ? 0 : is_static ? block : ~0ull, 4);
        }
        ret = bdrv_pwrite(file, at, buf, n);
        at += n;
    }
    return ret;
}

static int parse_static(const BlockOpts *opts, bool *is_static, Error *err)
{
    const char *how = opts_get(opts, "preallocation");

    if (how && strcmp(how, "off") && strcmp(how, "metadata")) {
        return error_set(err, EINVAL, "preallocation=%s: use off or metadata", how);
    }
    *is_static = how && !strcmp(how, "metadata");
    return opts_get_bool(opts, "static", is_static, err);
}

static int vdi_create(const char *filename, uint64_t size, const BlockOpts *opts,
                      Error *err)
{
    uint64_t blocks = (size + BLOCK_SIZE - 1) / BLOCK_SIZE;
    BlockDriverState *file;
    uint8_t h[HEADER_SIZE];
    bool is_static;
    int ret = parse_static(opts, &is_static, err);

    if (ret < 0) {
        return ret;
    }
    if (size > MAX_DISK) {
        return error_set(err, EFBIG, "%s: a vdi image holds at most %llu bytes", filename,
                         (unsigned long long)MAX_DISK);
    }
    make_header(h, align_up(size, BDRV_SECTOR_SIZE), (uint32_t)blocks, is_static);
    uint64_t data = load_le(h + 0x158, 4);

    ret = bdrv_create_node(filename, is_static ? data + blocks * BLOCK_SIZE : data, NULL,
                           &file, err);
    if (ret < 0) {
        return ret;
    }
    ret = bdrv_pwrite(file, 0, h, sizeof(h));
    ret = ret < 0 ? ret : write_map(file, (uint32_t)blocks, data, is_static);
    ret = ret < 0 ? ret : bdrv_flush(file);
    bdrv_delete_child(file);
    return ret < 0 ? error_set(err, -ret, "%s: cannot be written: %s", filename,
                               strerror(-ret)) : 0;
}

const BlockDriver bdrv_vdi = {
    .name = "vdi",
    .for_users = true,
    .state_size = sizeof(Vdi),
    .create_opts = create_opts,
    .probe = vdi_probe,
    .open = vdi_open,
    .close = vdi_close,
    .create = vdi_create,
    .co_preadv = clusters_co_preadv,
    .co_pwritev = clusters_co_pwritev,
    .co_write_zeroes = clusters_co_write_zeroes,
    .co_discard = clusters_co_discard,
    .co_flush_to_os = clusters_co_flush,
    .co_block_status = vdi_block_status,
    .info = vdi_info,
    .check = vdi_check,
};
