/* SPDX-License-Identifier: MIT */
/*
 * vpc: Microsoft virtual hard disks (.vhd): fixed, dynamic, differencing.
 *
 *      fixed      | data ................................ | footer |
 *      dynamic    | footer | header | table | block | block | ... | footer |
 *      block      | bitmap, a bit per sector, whole sectors | data |
 *
 *      footer, 512 bytes
 *        0  "conectix"   8 features (2)   12 version 0x00010000
 *       16  u64 offset of the header, ~0 if fixed
 *       24  time since 2000-01-01   28 creator   32 its version   36 its host
 *       40  u64 size when made      48 u64 size now
 *       56  u16 cylinders, u8 heads, u8 sectors
 *       60  type: 2 fixed, 3 dynamic, 4 differencing
 *       64  checksum     68  UUID     84  u8 saved state
 *      header, 1024 bytes
 *        0  "cxsparse"   8 u64 ~0     16 u64 offset of the table
 *       24  version 0x00010000        28 entries of the table
 *       32  bytes of the data of a block        36 checksum
 *       40  parent: UUID, time, reserved, 64: its name, UTF-16 big-endian
 *      576  eight locators of 24 bytes: platform code, room, length, reserved,
 *           u64 offset
 *      table      u32 per block: its sector in the file, ~0 if not there
 *
 * All big-endian.  Checksum: ones' complement of the sum of all bytes but its
 * own.  (Microsoft, Virtual Hard Disk Image Format Specification 1.0, 2006.)
 *
 * The size of the disk: Virtual PC and QEMU (creator "vpc ", "qemu") go by the
 * geometry, which cannot name every size; Hyper-V, VirtualBox and some others by
 * the size in the footer.  force_size=on makes images of the latter kind (creator
 * "qem2", the largest geometry).
 *
 * Order: a new block goes where the footer at the end is; first the footer is
 * written behind it, so that one of the two (at 0, at the end) is always good.
 * Then data and bitmap; after a flush the table.
 *
 * Not modelled: writing differencing images, saved states.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "block/clusters.h"
#include "util/bits.h"
#include "util/mem.h"

enum {
    FOOTER = 512, SHORT_FOOTER = 511,   /* Virtual PC 2004: "Hard Disk Footer Format" */
    HEADER = 1024, SECTOR = 512,
    BLOCK_SIZE = 2 << 20, MAX_BLOCK_SIZE = 64 << 20,
    TYPE_FIXED = 2, TYPE_DYNAMIC = 3, TYPE_DIFFERENCING = 4,
    TABLE_AT = 1536,
    EPOCH = 946684800,                  /* 2000-01-01 */
    UUID = 16,
    FILLED = 1024,
    MAX_NAME = 1024,
};

#define NO_BLOCK        0xffffffffu
#define MAX_GEOMETRY    (65535ull * 16 * 255)   /* sectors; above: by size */
#define MAX_SECTORS     0xff000000ull           /* 2040 GiB, the specification's */

typedef struct Vpc {
    ClusterMap map;
    uint32_t type, bitmap;              /* bitmap: bytes, whole sectors */
    uint32_t entries, all_entries;      /* of the disk; of the table, perhaps more */
    uint32_t filled[FILLED];            /* blocks + 1 whose bitmap is all ones */
    uint64_t table_at;
    uint64_t end;                       /* of the last block: the footer's place */
    bool know_end;
    uint8_t footer[FOOTER];
} Vpc;

static const BlockOptDef create_opts[] = {
    { "subformat", "dynamic (default) or fixed" },
    { "force_size", "exactly this size, not the next one a geometry can name (on/off)" },
    { NULL, NULL }
};

static uint32_t checksum(const uint8_t *p, size_t len, size_t at)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum += i >= at && i < at + 4 ? 0 : p[i];
    }
    return ~sum;
}

static bool is_footer(const uint8_t *f)
{
    return memcmp(f, "conectix", 8) == 0 && load_be(f + 64, 4) == checksum(f, FOOTER, 64);
}

static int vpc_probe(const uint8_t *head, size_t len, const char *filename)
{
    (void)filename;
    return len >= 8 && memcmp(head, "conectix", 8) == 0 ? 100 : 0;
}

/* -- The table --------------------------------------------------------------- */

static int read_entry(const Vpc *s, uint64_t n, uint32_t *sector)
{
    uint8_t buf[4];
    int ret = tables_read(s->map.tables, s->table_at + n * 4, buf, 4);

    *sector = (uint32_t)load_be(buf, 4);
    return ret;
}

static bool is_possible(const Vpc *s, uint32_t sector)
{
    return sector == NO_BLOCK || (uint64_t)sector * SECTOR < s->map.file->length;
}

/* Sector of the block, NO_BLOCK if it is not there. */
static int entry(const Vpc *s, uint64_t n, uint32_t *sector)
{
    int ret = read_entry(s, n, sector);

    return ret < 0 || is_possible(s, *sector) ? ret : -EIO;
}

static int lookup(ClusterMap *m, uint64_t n, uint64_t *host)
{
    const Vpc *s = m->opaque;
    uint32_t sector;
    int ret = entry(s, n, &sector);

    if (ret < 0) {
        return ret;
    }
    *host = sector == NO_BLOCK ? 0 : (uint64_t)sector * SECTOR + s->bitmap;
    return sector == NO_BLOCK ? CLUSTER_HOLE : CLUSTER_DATA;
}

/* Behind the last block: there the next one begins.  Entries behind the end of the
 * disk as we see it may name blocks that another program sees. */
static int find_end(Vpc *s)
{
    uint32_t sector;
    int ret = 0;

    s->end = MAX(s->end, align_up(s->table_at + (uint64_t)s->entries * 4, SECTOR));
    for (uint32_t i = 0; i < s->all_entries && ret >= 0; i++) {
        ret = i < s->entries ? entry(s, i, &sector) : read_entry(s, i, &sector);
        if (ret >= 0 && sector != NO_BLOCK && is_possible(s, sector)) {
            s->end = MAX(s->end, (uint64_t)sector * SECTOR + s->bitmap + s->map.size);
        }
    }
    s->know_end = ret >= 0;
    return ret;
}

static int64_t allocate(ClusterMap *m, uint64_t first, uint64_t num, uint64_t *host,
                        bool *zeroed)
{
    Vpc *s = m->opaque;
    uint8_t bits[SECTOR];
    int ret = s->know_end ? 0 : find_end(s);

    (void)first;
    (void)num;
    if (ret < 0) {
        return ret;
    }
    uint64_t block = s->end, next = block + s->bitmap + m->size;

    if (block / SECTOR >= NO_BLOCK) {
        return -EFBIG;
    }
    *zeroed = block + FOOTER >= m->file->length;
    memset(bits, 0xff, sizeof(bits));   /* all sectors are here from now on */
    ret = bdrv_pwrite(m->file, next, s->footer, FOOTER);
    for (uint32_t i = 0; i < s->bitmap && ret >= 0; i += SECTOR) {
        ret = bdrv_pwrite(m->file, block + i, bits, SECTOR);
    }
    *host = block + s->bitmap;
    s->end = ret < 0 ? s->end : next;
    return ret < 0 ? ret : 1;
}

static int enter(ClusterMap *m, uint64_t first, uint64_t num, uint64_t host)
{
    const Vpc *s = m->opaque;
    uint8_t buf[4];

    (void)num;
    store_be(buf, (host - s->bitmap) / SECTOR, 4);
    return tables_write(m->tables, s->table_at + first * 4, buf, 4);
}

static const ClusterOps vpc_clusters = {
    .lookup = lookup, .allocate = allocate, .enter = enter,
};

/* -- Opening ----------------------------------------------------------------- */

/* Programs whose disks are as large as the footer says, whatever the geometry. */
static bool size_is_exact(const uint8_t *f)
{
    static const char exact[][5] = { "qem2", "win ", "d2v ", "tap\0", "CTXS", "vbox", "wa\0\0" };

    for (size_t i = 0; i < ARRAY_SIZE(exact); i++) {
        if (memcmp(f + 28, exact[i], 4) == 0) {
            return true;
        }
    }
    return false;
}

static uint64_t disk_size(const uint8_t *f)
{
    uint64_t sectors = load_be(f + 56, 2) * f[58] * f[59];

    if (size_is_exact(f) || sectors == 0 || sectors >= MAX_GEOMETRY) {
        return load_be(f + 48, 8);
    }
    return sectors * SECTOR;
}

/* At the end of a fixed image; at 0 of others, or at their end. */
static int find_footer(BlockDriverState *file, uint8_t *f)
{
    uint64_t len = file->length;

    if (len < FOOTER) {
        return 0;
    }
    int ret = bdrv_pread(file, 0, f, FOOTER);

    if (ret >= 0 && !is_footer(f)) {
        ret = bdrv_pread(file, len - FOOTER, f, FOOTER);
    }
    if (ret >= 0 && !is_footer(f)) {
        memset(f, 0, FOOTER);
        ret = bdrv_pread(file, len - SHORT_FOOTER, f, SHORT_FOOTER);
    }
    return ret;
}

static int read_footer(BlockDriverState *bs, Vpc *s, Error *err)
{
    int ret = find_footer(bs->file, s->footer);

    if (ret < 0) {
        return error_set(err, -ret, "%s: cannot be read: %s", bs->filename, strerror(-ret));
    }
    if (memcmp(s->footer, "conectix", 8)) {
        return error_set(err, EINVAL, "%s: not a vpc image", bs->filename);
    }
    if (!is_footer(s->footer)) {
        return error_set(err, EINVAL, "%s: damaged vpc footer: wrong checksum", bs->filename);
    }
    s->type = (uint32_t)load_be(s->footer + 60, 4);
    if (s->type < TYPE_FIXED || s->type > TYPE_DIFFERENCING) {
        return error_set(err, ENOTSUP, "%s: a vpc image of type %u; only fixed, dynamic and"
                         " differencing can be read", bs->filename, s->type);
    }
    bs->length = disk_size(s->footer);
    if (bs->length > MAX_SECTORS * SECTOR || bs->length % SECTOR) {
        return error_set(err, EINVAL, "%s: damaged vpc footer: a disk of %llu bytes",
                         bs->filename, (unsigned long long)bs->length);
    }
    return 0;
}

static int check_header(BlockDriverState *bs, Vpc *s, const uint8_t *h, Error *err)
{
    uint32_t size = (uint32_t)load_be(h + 32, 4);
    uint64_t entries = load_be(h + 28, 4);
    const char *f = bs->filename;

    if (memcmp(h, "cxsparse", 8) || load_be(h + 36, 4) != checksum(h, HEADER, 36)) {
        return error_set(err, EINVAL, "%s: damaged vpc header: %s", f,
                         memcmp(h, "cxsparse", 8) ? "it is not there" : "wrong checksum");
    }
    if (!is_pow2(size) || size < 8 * SECTOR || size > MAX_BLOCK_SIZE) {
        return error_set(err, EINVAL, "%s: damaged vpc header: blocks of %u bytes", f, size);
    }
    s->table_at = load_be(h + 16, 8);
    s->bitmap = (uint32_t)align_up((size / SECTOR + 7) / 8, SECTOR);
    if (entries * size < bs->length) {
        return error_set(err, EINVAL, "%s: damaged vpc header: %llu blocks of %u are less than"
                         " the disk", f, (unsigned long long)entries, size);
    }
    s->entries = (uint32_t)((bs->length + size - 1) / size);
    if (s->table_at % 4 || s->table_at > bs->file->length ||
        (uint64_t)s->entries * 4 > bs->file->length - s->table_at) {
        return error_set(err, EINVAL, "%s: damaged vpc header: a table of %u entries at %llu"
                         " in a file of %llu bytes", f, s->entries,
                         (unsigned long long)s->table_at,
                         (unsigned long long)bs->file->length);
    }
    entries = MIN(entries, MAX_SECTORS * SECTOR / size);
    s->all_entries = (uint32_t)MIN(entries, (bs->file->length - s->table_at) / 4);
    s->map.size = size;
    return 0;
}

/* UTF-16 of the byte order given to UTF-8; only characters a path may have. */
static char *name_from_utf16(const uint8_t *p, size_t len, bool big)
{
    char *out = xmalloc(len * 2 + 1), *w = out;

    for (size_t i = 0; i + 1 < len; i += 2) {
        uint32_t c = (uint32_t)(big ? load_be(p + i, 2) : load_le(p + i, 2));

        if (c == 0) {
            break;
        }
        c = c == '\\' ? '/' : c;
        if (c < 0x80) {
            *w++ = (char)c;
        } else if (c < 0x800) {
            *w++ = (char)(0xc0 | c >> 6);
            *w++ = (char)(0x80 | (c & 63));
        } else {
            *w++ = (char)(0xe0 | c >> 12);
            *w++ = (char)(0x80 | (c >> 6 & 63));
            *w++ = (char)(0x80 | (c & 63));
        }
    }
    *w = 0;
    return out;
}

/* It must be the one that this image was made upon. */
static int check_parent(BlockDriverState *bs, const uint8_t *h, Error *err)
{
    uint8_t f[FOOTER] = { 0 };
    BlockDriverState *file;

    if ((bs->flags & BDRV_O_NO_BACKING) || buf_is_zero(h + 40, UUID)) {
        return 0;
    }
    int ret = bdrv_open_child(bs, &file, bs->backing_file, NULL, bs->flags & ~BDRV_O_RDWR, err);

    if (ret < 0) {
        return error_prefix(err, ret, "backing file of %s", bs->filename);
    }
    ret = find_footer(file, f);
    if (ret < 0) {
        error_set(err, -ret, "%s: cannot be read: %s", file->filename, strerror(-ret));
    } else if (is_footer(f) && memcmp(f + 68, h + 40, UUID)) {
        ret = error_set(err, EINVAL, "%s: its parent %s is not the image that it was made upon"
                        " (another UUID)", bs->filename, file->filename);
    }
    bdrv_delete_child(file);
    return ret;
}

/* The parent by its relative locator (W2ru, UTF-16 little-endian), else by
 * the name in the header: the last component of either. */
static int find_parent(BlockDriverState *bs, const uint8_t *h, Error *err)
{
    uint8_t name[MAX_NAME];
    char *path = NULL;

    for (int i = 0; i < 8 && !path; i++) {
        const uint8_t *l = h + 576 + 24 * i;
        uint64_t len = load_be(l + 8, 4), off = load_be(l + 16, 8);

        if (memcmp(l, "W2ru", 4) == 0 && len <= MAX_NAME &&
            off <= bs->file->length && len <= bs->file->length - off &&
            bdrv_pread(bs->file, off, name, len) >= 0) {
            path = name_from_utf16(name, len, false);
        }
    }
    if (!path) {
        path = name_from_utf16(h + 64, 512, true);
    }
    if (!*path) {
        free(path);
        return error_set(err, EINVAL, "%s: a differencing vpc image without its parent's name",
                         bs->filename);
    }
    const char *relative = strncmp(path, "./", 2) ? path : path + 2;

    /* C:\dir\x.vhd says nothing here: it is looked for beside this image. */
    if (path[1] == ':' && strrchr(path, '/')) {
        relative = strrchr(path, '/') + 1;
    }
    bs->backing_file = xstrdup(relative);
    bs->backing_format = xstrdup("vpc");
    free(path);
    return check_parent(bs, h, err);
}

static int open_sparse(BlockDriverState *bs, Vpc *s, Error *err)
{
    uint8_t h[HEADER];
    uint64_t at = load_be(s->footer + 16, 8);
    int ret;

    if (at > bs->file->length || bs->file->length - at < HEADER) {
        return error_set(err, EINVAL, "%s: damaged vpc footer: header at %llu, beyond the end"
                         " of the file", bs->filename, (unsigned long long)at);
    }
    ret = bdrv_pread(bs->file, at, h, HEADER);
    if (ret < 0) {
        return error_set(err, -ret, "%s: cannot be read: %s", bs->filename, strerror(-ret));
    }
    ret = check_header(bs, s, h, err);
    if (ret >= 0) {
        s->end = align_up(at + HEADER, SECTOR);
    }
    if (ret >= 0 && s->type == TYPE_DIFFERENCING) {
        ret = find_parent(bs, h, err);
    }
    return ret;
}

static int vpc_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    Vpc *s = bs->opaque;
    int ret = read_footer(bs, s, err);

    (void)opts;
    if (ret < 0) {
        return ret;
    }
    s->map = (ClusterMap){ .ops = &vpc_clusters, .bs = bs, .file = bs->file, .opaque = s,
                           .length = bs->length, .has_offset = true };
    if (s->type == TYPE_FIXED) {
        if (bs->length > bs->file->length - SHORT_FOOTER) {
            return error_set(err, EINVAL, "%s: truncated: a fixed vpc image of %llu bytes in a"
                             " file of %llu", bs->filename, (unsigned long long)bs->length,
                             (unsigned long long)bs->file->length);
        }
        return 0;
    }
    if (s->type == TYPE_DIFFERENCING && !bs->read_only) {
        return error_set(err, EROFS, "%s: differencing vpc images can only be read: use"
                         " readonly=on, or convert it", bs->filename);
    }
    ret = open_sparse(bs, s, err);
    if (ret >= 0) {
        s->map.tables = tables_new(bs->file, NULL, NULL, 64);
    }
    return ret;
}

static void vpc_close(BlockDriverState *bs)
{
    Vpc *s = bs->opaque;

    clusters_free(&s->map);
}

/* -- Differencing ------------------------------------------------------------ */

/* Bytes from off (<= len) that are all here, or all the parent's. */
static int own_run(const Vpc *s, uint64_t off, uint64_t len, uint64_t *num, bool *here,
                   uint64_t *host)
{
    uint32_t sector;
    uint64_t in = off % s->map.size, first = in / SECTOR, run;
    int ret = entry(s, off / s->map.size, &sector);

    *num = MIN(len, s->map.size - in);
    *here = false;
    if (ret < 0 || sector == NO_BLOCK) {
        return ret;
    }
    *host = (uint64_t)sector * SECTOR + s->bitmap + in;
    ret = tables_bit_run(s->map.tables, (uint64_t)sector * SECTOR, first,
                         (in + *num + SECTOR - 1) / SECTOR - first, true, here, &run);
    if (ret >= 0) {
        *num = MIN(*num, (first + run) * SECTOR - in);
    }
    return ret;
}

static int read_differencing(BlockDriverState *bs, uint64_t off, uint64_t len,
                             const QEMUIOVector *qiov, size_t at)
{
    int ret = 0;

    while (len && ret >= 0) {
        uint64_t n, host = 0;
        bool here;

        ret = own_run(bs->opaque, off, len, &n, &here, &host);
        if (ret >= 0) {
            ret = here ? bdrv_co_preadv(bs->file, host, n, qiov, at)
                       : bdrv_co_read_backing(bs, off, n, qiov, at);
            off += n;
            at += n;
            len -= n;
        }
    }
    return ret;
}

/* -- Requests ---------------------------------------------------------------- */

static int vpc_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                      const QEMUIOVector *qiov, size_t at)
{
    Vpc *s = bs->opaque;

    switch (s->type) {
    case TYPE_FIXED:        return bdrv_co_preadv(bs->file, off, len, qiov, at);
    case TYPE_DIFFERENCING: return read_differencing(bs, off, len, qiov, at);
    }
    return clusters_preadv(&s->map, off, len, qiov, at);
}

/* A sector that another program never wrote has no bit in its block's bitmap. */
static int fill_bitmap(Vpc *s, uint64_t n)
{
    uint32_t sector;
    uint8_t bits[SECTOR], ones[SECTOR];
    int ret = entry(s, n, &sector);

    if (ret < 0 || sector == NO_BLOCK) {
        return ret;                     /* allocate() writes it whole */
    }
    memset(ones, 0xff, sizeof(ones));
    for (uint32_t i = 0; i < s->bitmap && ret >= 0; i += SECTOR) {
        uint64_t at = (uint64_t)sector * SECTOR + i;

        ret = bdrv_pread(s->map.file, at, bits, SECTOR);
        if (ret >= 0 && memcmp(bits, ones, SECTOR)) {
            ret = bdrv_pwrite(s->map.file, at, ones, SECTOR);
        }
    }
    s->filled[n % FILLED] = ret < 0 ? 0 : (uint32_t)n + 1;
    return ret;
}

static int vpc_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                       const QEMUIOVector *qiov, size_t at)
{
    Vpc *s = bs->opaque;
    int ret = 0;

    if (s->type == TYPE_FIXED) {
        return bdrv_co_pwritev(bs->file, off, len, qiov, at, 0);
    }
    for (uint64_t n = off / s->map.size; n * s->map.size < off + len && ret >= 0; n++) {
        ret = s->filled[n % FILLED] == n + 1 ? 0 : fill_bitmap(s, n);
    }
    return ret < 0 ? ret : clusters_pwritev(&s->map, off, len, qiov, at);
}

static int vpc_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len, int flags)
{
    Vpc *s = bs->opaque;

    return s->type == TYPE_FIXED ? bdrv_co_write_zeroes(bs->file, off, len, flags)
                                 : clusters_write_zeroes(&s->map, off, len, flags);
}

static int vpc_discard(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    Vpc *s = bs->opaque;

    return s->type == TYPE_FIXED ? bdrv_co_discard(bs->file, off, len)
                                 : clusters_discard(&s->map, off, len);
}

static int vpc_flush(BlockDriverState *bs)
{
    Vpc *s = bs->opaque;

    return s->map.tables ? tables_flush(s->map.tables) : 0;
}

static int vpc_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                            uint64_t *num, uint64_t *map)
{
    Vpc *s = bs->opaque;
    bool here;
    int ret;

    switch (s->type) {
    case TYPE_FIXED:
        *map = off;
        ret = bdrv_co_block_status(bs->file, off, len, num, NULL);
        return ret < 0 ? ret : ret | BDRV_BLOCK_ALLOCATED | BDRV_BLOCK_OFFSET;
    case TYPE_DIFFERENCING:
        ret = own_run(s, off, len, num, &here, map);
        return ret < 0 ? ret : !here ? 0 :
               BDRV_BLOCK_DATA | BDRV_BLOCK_ALLOCATED | BDRV_BLOCK_OFFSET;
    }
    return clusters_status(&s->map, off, len, num, map);
}

static int vpc_info(BlockDriverState *bs, BlockInfo *info)
{
    const Vpc *s = bs->opaque;

    info->cluster_size = s->type == TYPE_FIXED ? 0 : s->map.size;
    return 0;
}

/* The footer at the end is lost by a crash while the file grew. */
static int check_last_footer(BlockDriverState *bs, BlockCheck *res, int fix)
{
    Vpc *s = bs->opaque;
    uint8_t f[FOOTER];
    int ret = find_end(s);

    if (ret >= 0) {
        ret = bdrv_pread(bs->file, bs->file->length - FOOTER, f, FOOTER);
    }
    if (ret < 0 || is_footer(f)) {
        return ret;
    }
    res->leaks++;
    if (res->report) {
        res->report(res->opaque, "the footer at the end of the file is missing");
    }
    if (fix & (BDRV_FIX_LEAKS | BDRV_FIX_ERRORS)) {
        ret = bdrv_pwrite_sync(bs->file, s->end, s->footer, FOOTER);
        res->leaks_fixed += ret >= 0;
    }
    return ret;
}

static int vpc_check(BlockDriverState *bs, BlockCheck *res, int fix, Error *err)
{
    Vpc *s = bs->opaque;

    if (s->type == TYPE_FIXED) {
        res->image_end = bs->file->length;
        return 0;
    }
    int ret = clusters_check(&s->map, align_up(s->table_at + s->entries * 4ull, SECTOR) +
                             s->bitmap, s->map.size + s->bitmap, res, err);

    return ret < 0 ? ret : check_last_footer(bs, res, fix);
}

/* -- Creating ---------------------------------------------------------------- */

typedef struct Geometry { uint32_t cyls, heads, secs; } Geometry;

/* Specification, appendix "CHS Calculation". */
static Geometry geometry(uint64_t sectors)
{
    Geometry g;
    uint64_t cyls_heads;

    sectors = MIN(sectors, MAX_GEOMETRY);
    if (sectors >= 65535ull * 16 * 63) {
        g.secs = 255;
        g.heads = 16;
        cyls_heads = sectors / g.secs;
    } else {
        g.secs = 17;
        cyls_heads = sectors / g.secs;
        g.heads = (uint32_t)MAX((cyls_heads + 1023) / 1024, 4);
        if (cyls_heads >= g.heads * 1024ull || g.heads > 16) {
            g.secs = 31;
            g.heads = 16;
            cyls_heads = sectors / g.secs;
        }
        if (cyls_heads >= g.heads * 1024ull) {
            g.secs = 63;
            g.heads = 16;
            cyls_heads = sectors / g.secs;
        }
    }
    g.cyls = (uint32_t)(cyls_heads / g.heads);
    return g;
}

/* The smallest geometry that holds that many sectors; *sectors becomes its. */
static Geometry round_up(uint64_t *sectors)
{
    Geometry g = geometry(*sectors);

    for (uint64_t i = 0; (uint64_t)g.cyls * g.heads * g.secs < *sectors &&
         *sectors < MAX_GEOMETRY; i++) {
        g = geometry(*sectors + i);
    }
    *sectors = MAX(*sectors, (uint64_t)g.cyls * g.heads * g.secs);
    return g;
}

static void make_footer(uint8_t *f, uint64_t size, Geometry g, uint32_t type, bool exact)
{
    memset(f, 0, FOOTER);
    memcpy(f, "conectix", 8);
    store_be(f + 8, 2, 4);
    store_be(f + 12, 0x00010000, 4);
    store_be(f + 16, type == TYPE_FIXED ? ~0ull : FOOTER, 8);
    store_be(f + 24, (uint64_t)time(NULL) - EPOCH, 4);
    memcpy(f + 28, exact ? "qem2" : "qemu", 4);
    store_be(f + 32, 0x00050003, 4);
    memcpy(f + 36, "Wi2k", 4);
    store_be(f + 40, size, 8);
    store_be(f + 48, size, 8);
    store_be(f + 56, g.cyls, 2);
    f[58] = (uint8_t)g.heads;
    f[59] = (uint8_t)g.secs;
    store_be(f + 60, type, 4);
    if (getrandom(f + 68, 16, 0) == 16) {       /* RFC 4122 version 4 */
        f[74] = (f[74] & 0x0f) | 0x40;
        f[76] = (f[76] & 0x3f) | 0x80;
    }
    store_be(f + 64, checksum(f, FOOTER, 64), 4);
}

static int write_dynamic(BlockDriverState *file, const uint8_t *footer, uint64_t size)
{
    uint32_t blocks = (uint32_t)((size + BLOCK_SIZE - 1) / BLOCK_SIZE);
    uint64_t table = align_up((uint64_t)blocks * 4, SECTOR);
    uint8_t h[HEADER] = { 0 }, *all = xmalloc(table);

    memcpy(h, "cxsparse", 8);
    store_be(h + 8, ~0ull, 8);
    store_be(h + 16, TABLE_AT, 8);
    store_be(h + 24, 0x00010000, 4);
    store_be(h + 28, blocks, 4);
    store_be(h + 32, BLOCK_SIZE, 4);
    store_be(h + 36, checksum(h, HEADER, 36), 4);
    memset(all, 0xff, table);
    int ret = bdrv_pwrite(file, 0, footer, FOOTER);

    ret = ret < 0 ? ret : bdrv_pwrite(file, FOOTER, h, HEADER);
    ret = ret < 0 ? ret : bdrv_pwrite(file, TABLE_AT, all, table);
    ret = ret < 0 ? ret : bdrv_pwrite(file, TABLE_AT + table, footer, FOOTER);
    free(all);
    return ret;
}

static int parse_create(const BlockOpts *opts, bool *fixed, bool *exact, Error *err)
{
    const char *sub = opts_get(opts, "subformat");

    if (sub && strcmp(sub, "dynamic") && strcmp(sub, "fixed")) {
        return error_set(err, EINVAL, "subformat=%s: use dynamic or fixed", sub);
    }
    *fixed = sub && !strcmp(sub, "fixed");
    return opts_get_bool(opts, "force_size", exact, err);
}

static int vpc_create(const char *filename, uint64_t size, const BlockOpts *opts,
                      Error *err)
{
    uint64_t sectors = (size + SECTOR - 1) / SECTOR;
    BlockDriverState *file;
    uint8_t footer[FOOTER];
    bool fixed = false, exact = false;
    int ret = parse_create(opts, &fixed, &exact, err);

    if (ret < 0) {
        return ret;
    }
    if (sectors > MAX_SECTORS) {
        return error_set(err, EFBIG, "%s: a vpc image holds at most %llu bytes", filename,
                         (unsigned long long)MAX_SECTORS * SECTOR);
    }
    Geometry g = exact ? (Geometry){ 65535, 16, 255 } : round_up(&sectors);

    size = sectors * SECTOR;
    make_footer(footer, size, g, fixed ? TYPE_FIXED : TYPE_DYNAMIC, exact);
    ret = bdrv_create_node(filename, 0, NULL, &file, err);
    if (ret < 0) {
        return ret;
    }
    ret = fixed ? bdrv_pwrite(file, size, footer, FOOTER)
                : write_dynamic(file, footer, size);
    ret = ret < 0 ? ret : bdrv_flush(file);
    bdrv_delete_child(file);
    return ret < 0 ? error_set(err, -ret, "%s: cannot be written: %s", filename,
                               strerror(-ret)) : 0;
}

const BlockDriver bdrv_vpc = {
    .name = "vpc",
    .for_users = true,
    .state_size = sizeof(Vpc),
    .create_opts = create_opts,
    .probe = vpc_probe,
    .open = vpc_open,
    .close = vpc_close,
    .create = vpc_create,
    .co_preadv = vpc_preadv,
    .co_pwritev = vpc_pwritev,
    .co_write_zeroes = vpc_write_zeroes,
    .co_discard = vpc_discard,
    .co_flush_to_os = vpc_flush,
    .co_block_status = vpc_block_status,
    .info = vpc_info,
    .check = vpc_check,
};
