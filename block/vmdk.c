/* SPDX-License-Identifier: MIT */
/*
 * vmdk: VMware virtual disks.
 *
 *      descriptor    text: extents, parent, geometry; a file of its own, or
 *                    inside the one sparse extent
 *      flat extent   bytes of the disk
 *      sparse extent (version 1 to 3; all little-endian, counted in sectors)
 *         0  "KDMV"         4  u32 version
 *         8  u32 flags: 0 line ends valid, 1 redundant tables, 2 zeroed grains,
 *            16 compressed, 17 markers
 *        12  u64 capacity  20  u64 grain          28  u64 descriptor and its size
 *        44  u32 entries of a grain table         48  u64 redundant directory
 *        56  u64 directory, ~0: see the footer    64  u64 overhead
 *        72  u8 in use     73  "\n \r\n"          77  u16 compression: 1 deflate
 *
 *      | header | descriptor | rgd | tables | gd | tables | pad | grain | grain ..
 *
 *      directory     u32 per table: its sector
 *      grain table   u32 per grain: its sector, 0 not there, 1 zeroes (flag 2)
 *      compressed    u64 first sector on the disk, u32 length, zlib data
 *      footer        a copy of the header 1024 bytes before the end
 *
 *      COWD extent (ESX)
 *         0  "COWD"  4 u32 version 1  12 u32 sectors  16 u32 grain  20 u32 directory
 *        24  u32 entries; tables of 4096 entries
 *
 * (VMware, Virtual Disk Format 1.1, 2007; version 5.0 for markers and footer.)
 *
 * A child knows its parent by parentFileNameHint and parentCID.  The first write
 * changes an image's CID, so that children made before are refused.
 *
 * Order: data, flush, then the entries of both tables.
 *
 * Not modelled: seSparse extents, raw device mappings, writing COWD extents and
 * images with a footer (streams of other programs).
 */
#include "block/vmdk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <zlib.h>

#include "block/clusters.h"
#include "util/bits.h"
#include "util/mem.h"

enum {
    SECTOR = VMDK_SECTOR, HEADER = VMDK_SECTOR, MAX_TEXT = 1 << 20,
    MAX_GRAIN = 16 << 20, MAX_PACKED = 2 << 20, MARKER = 12,
};

#define AT_END          (~0ull)

typedef struct Extent {
    VmdkKind kind;
    ClusterMap map;                     /* sparse */
    BlockDriverState *file;             /* NULL: zeroes */
    bool own;                           /* file is not bs->file */
    uint64_t start, length, flat_at;
    uint64_t gd_at, rgd_at;             /* rgd_at 0: none */
    uint32_t entries;                   /* of a table */
    bool zero_flag;
    uint64_t data_at, end;              /* of grains; of what is used */
} Extent;

typedef struct Vmdk {
    Extent *ext;
    int num, max;                       /* opened; there will be */
    char type[32];
    uint32_t cid, parent_cid;
    uint64_t cid_at, parent_cid_at;     /* of the digits in bs->file; 0: none */
    bool cid_new;
} Vmdk;

uint32_t vmdk_cid(const BlockDriverState *bs)
{
    return ((const Vmdk *)bs->opaque)->cid;
}

static int vmdk_probe(const uint8_t *head, size_t len, const char *filename)
{
    (void)filename;
    return len >= 4 && (!memcmp(head, "KDMV", 4) || !memcmp(head, "COWD", 4) ||
                        vmdk_is_text((const char *)head, len)) ? 100 : 0;
}

/* -- Grain tables ------------------------------------------------------------ */

static int read_entry(const ClusterMap *m, uint64_t off, uint32_t *value)
{
    uint8_t buf[4];
    int ret = tables_read(m->tables, off, buf, 4);

    *value = (uint32_t)load_le(buf, 4);
    return ret;
}

static int write_entry(const ClusterMap *m, uint64_t off, uint32_t value)
{
    uint8_t buf[4];

    store_le(buf, value, 4);
    return tables_write(m->tables, off, buf, 4);
}

/* Offset of the entry of grain n below that directory; 0: no table there. */
static int find_entry(const Extent *e, uint64_t directory, uint64_t n, uint64_t *at)
{
    uint32_t table;
    int ret = read_entry(&e->map, directory + n / e->entries * 4, &table);

    *at = 0;
    if (ret < 0 || table == 0) {
        return ret;
    }
    *at = (uint64_t)table * SECTOR + n % e->entries * 4;
    return *at + 4 <= e->file->length ? 0 : -EIO;
}

static int lookup(ClusterMap *m, uint64_t n, uint64_t *host)
{
    const Extent *e = m->opaque;
    uint64_t at;
    uint32_t sector = 0;
    int ret = find_entry(e, e->gd_at, n, &at);

    if (ret >= 0 && at) {
        ret = read_entry(m, at, &sector);
    }
    if (ret < 0) {
        return ret;
    }
    *host = (uint64_t)sector * SECTOR;
    if (sector == 0) {                  /* without a table: all it would hold */
        *host = at ? 0 : e->entries - n % e->entries;
        return CLUSTER_HOLE;
    }
    if (sector == 1 && e->zero_flag) {
        return CLUSTER_ZERO;
    }
    if (*host >= e->file->length) {
        return -EIO;
    }
    return m->pack_all ? CLUSTER_PACKED : CLUSTER_DATA;
}

static int take_room(Extent *e, uint64_t len, uint64_t align, uint64_t *at)
{
    uint64_t start = align_up(e->end, align);

    if ((start + len) / SECTOR > UINT32_MAX) {
        return -EFBIG;
    }
    e->end = start + len;
    *at = start;
    return 0;
}

static int64_t allocate(ClusterMap *m, uint64_t first, uint64_t num, uint64_t *host,
                        bool *zeroed)
{
    int ret = take_room(m->opaque, num * m->size, m->size, host);

    (void)first;
    *zeroed = ret >= 0 && *host >= m->file->length;
    return ret < 0 ? ret : (int64_t)num;
}

static int set_below(Extent *e, uint64_t directory, uint64_t n, uint32_t sector)
{
    uint64_t at, len = align_up(e->entries * 4ull, SECTOR);
    int ret = find_entry(e, directory, n, &at);

    if (ret >= 0 && at == 0) {          /* a program that makes tables late */
        ret = take_room(e, len, SECTOR, &at);
        ret = ret < 0 ? ret : tables_zero(e->map.tables, at, len);
        ret = ret < 0 ? ret : write_entry(&e->map, directory + n / e->entries * 4,
                                          (uint32_t)(at / SECTOR));
        at += n % e->entries * 4;
    }
    return ret < 0 ? ret : write_entry(&e->map, at, sector);
}

static int set_entry(Extent *e, uint64_t n, uint64_t sector)
{
    int ret = e->rgd_at ? set_below(e, e->rgd_at, n, (uint32_t)sector) : 0;

    return ret < 0 ? ret : set_below(e, e->gd_at, n, (uint32_t)sector);
}

static int enter(ClusterMap *m, uint64_t first, uint64_t num, uint64_t host)
{
    int ret = 0;

    for (uint64_t i = 0; i < num && ret >= 0; i++) {
        ret = set_entry(m->opaque, first + i, (host + i * m->size) / SECTOR);
    }
    return ret;
}

static int enter_zero(ClusterMap *m, uint64_t first, uint64_t num)
{
    int ret = 0;

    for (uint64_t i = 0; i < num && ret >= 0; i++) {
        ret = set_entry(m->opaque, first + i, 1);
    }
    return ret;
}

/* -- Compressed grains ------------------------------------------------------- */

static int unpack(ClusterMap *m, uint64_t n, uint64_t host, uint8_t *buf)
{
    uint64_t end = m->file->length;
    uint8_t head[MARKER];
    uLongf got = m->size;

    (void)n;
    if (host > end || end - host < MARKER) {
        return -EIO;
    }
    int ret = bdrv_pread(m->file, host, head, MARKER);
    uint64_t len = load_le(head + 8, 4);

    if (ret < 0) {
        return ret;
    }
    if (len == 0 || len > compressBound(m->size) + SECTOR || len > end - host - MARKER) {
        return -EIO;
    }
    uint8_t *in = xmalloc(len);

    ret = bdrv_pread(m->file, host + MARKER, in, len);
    if (ret >= 0 && uncompress(buf, &got, in, len) != Z_OK) {
        ret = -EIO;
    }
    memset(buf + got, 0, m->size - got);        /* the last may be short */
    free(in);
    return ret;
}

static int64_t pack(const ClusterMap *m, uint64_t n, const uint8_t *in, uint8_t *out,
                    size_t room)
{
    uLongf len = room - MARKER - SECTOR;

    if (compress2(out + MARKER, &len, in, m->size, Z_DEFAULT_COMPRESSION) != Z_OK) {
        return -EIO;
    }
    store_le(out, n * (m->size / SECTOR), 8);
    store_le(out + 8, len, 4);
    uint64_t whole = align_up(MARKER + len, SECTOR);

    memset(out + MARKER + len, 0, whole - MARKER - len);
    return (int64_t)whole;
}

static int allocate_packed(ClusterMap *m, uint64_t len, uint64_t *host)
{
    return take_room(m->opaque, len, SECTOR, host);
}

static int enter_packed(ClusterMap *m, uint64_t n, uint64_t host, uint64_t len)
{
    (void)len;
    return set_entry(m->opaque, n, host / SECTOR);
}

static const ClusterOps plain_grains = {
    .lookup = lookup, .allocate = allocate, .enter = enter,
};
static const ClusterOps zero_grains = {
    .lookup = lookup, .allocate = allocate, .enter = enter, .enter_zero = enter_zero,
};
static const ClusterOps packed_grains = {
    .lookup = lookup, .allocate = allocate, .enter = enter, .unpack = unpack, .pack = pack,
    .allocate_packed = allocate_packed, .enter_packed = enter_packed,
};

/* -- Opening extents --------------------------------------------------------- */

static int unreadable(BlockDriverState *bs, int ret, Error *err)
{
    return error_set(err, -ret, "%s: cannot be read: %s", bs->filename, strerror(-ret));
}

/* What both kinds of sparse extents must hold to. */
static int check_extent(const Extent *e, uint64_t grain, uint64_t tables, Error *err)
{
    const char *f = e->file->filename;

    if (!is_pow2(grain) || grain < SECTOR || grain > MAX_GRAIN) {
        return error_set(err, EINVAL, "%s: damaged vmdk header: grains of %llu bytes", f,
                         (unsigned long long)grain);
    }
    if (e->entries == 0 || e->entries > 4096) {
        return error_set(err, EINVAL, "%s: damaged vmdk header: tables of %u grains", f,
                         e->entries);
    }
    if (e->gd_at == 0 || e->gd_at > e->file->length ||
        tables * 4 > e->file->length - e->gd_at ||
        (e->rgd_at && (e->rgd_at > e->file->length ||
                       tables * 4 > e->file->length - e->rgd_at))) {
        return error_set(err, EINVAL, "%s: damaged vmdk header: a directory of %llu entries at"
                         " %llu, in a file of %llu bytes", f, (unsigned long long)tables,
                         (unsigned long long)e->gd_at, (unsigned long long)e->file->length);
    }
    return 0;
}

static int check_sparse(BlockDriverState *bs, const Extent *e, const uint8_t *h, Error *err)
{
    uint32_t version = (uint32_t)load_le(h + 4, 4), flags = (uint32_t)load_le(h + 8, 4);
    const char *f = e->file->filename;

    if (memcmp(h, "KDMV", 4)) {
        return error_set(err, EINVAL, "%s: not a sparse extent of a vmdk image", f);
    }
    if (version < 1 || version > 3) {
        return error_set(err, ENOTSUP, "%s: vmdk version %u, only 1 to 3 can be read", f,
                         version);
    }
    if ((flags & VMDK_FLAG_NEWLINES) && memcmp(h + 73, "\n \r\n", 4)) {
        return error_set(err, EINVAL, "%s: damaged vmdk header: it was copied as a text file",
                         f);
    }
    if ((flags & VMDK_FLAG_COMPRESSED) &&
        (load_le(h + 77, 2) != 1 || !(flags & VMDK_FLAG_MARKERS))) {
        return error_set(err, ENOTSUP, "%s: a vmdk image compressed with method %u%s", f,
                         (unsigned)load_le(h + 77, 2),
                         flags & VMDK_FLAG_MARKERS ? "" : ", without markers");
    }
    if ((flags & VMDK_FLAG_COMPRESSED) && load_le(h + 20, 8) > MAX_PACKED / SECTOR) {
        return error_set(err, ENOTSUP, "%s: a vmdk image compressed in grains of %llu sectors,"
                         " at most %d can be read", f, (unsigned long long)load_le(h + 20, 8),
                         MAX_PACKED / SECTOR);
    }
    if (!bs->read_only && version == 3 && !(flags & VMDK_FLAG_COMPRESSED)) {
        return error_set(err, EROFS, "%s: vmdk version 3 (changed block tracking) can only be"
                         " read: use readonly=on, or convert it", f);
    }
    if (load_le(h + 12, 8) > 1ull << 51 || load_le(h + 20, 8) > MAX_GRAIN ||
        load_le(h + 64, 8) > 1ull << 51) {
        return error_set(err, EINVAL, "%s: damaged vmdk header: %llu sectors in grains of %llu",
                         f, (unsigned long long)load_le(h + 12, 8),
                         (unsigned long long)load_le(h + 20, 8));
    }
    return 0;
}

/* The header at the end, if the one at 0 sends us there. */
static int read_footer(BlockDriverState *bs, const Extent *e, uint8_t *h, Error *err)
{
    if (load_le(h + 56, 8) != AT_END) {
        return 0;
    }
    if (!bs->read_only) {
        return error_set(err, EROFS, "%s: a vmdk stream with its tables at the end can only be"
                         " read: use readonly=on, or convert it", e->file->filename);
    }
    int ret = e->file->length < 2 * HEADER ? -EINVAL
            : bdrv_pread(e->file, e->file->length - 2 * HEADER, h, HEADER);

    if (ret < 0 || memcmp(h, "KDMV", 4) || load_le(h + 56, 8) == AT_END) {
        return error_set(err, EINVAL, "%s: truncated: a vmdk stream without a footer",
                         e->file->filename);
    }
    return 0;
}

static void start_map(BlockDriverState *bs, Extent *e, uint64_t grain, uint32_t flags)
{
    const Vmdk *s = bs->opaque;
    bool packed = flags & VMDK_FLAG_COMPRESSED;

    e->zero_flag = flags & VMDK_FLAG_ZERO;
    e->end = MAX(e->file->length, e->data_at);
    e->map = (ClusterMap){
        .ops = packed ? &packed_grains : e->zero_flag ? &zero_grains : &plain_grains,
        .bs = bs, .file = e->file, .opaque = e, .start = e->start, .length = e->length,
        .tables = tables_new(e->file, NULL, NULL, 64), .size = (uint32_t)grain,
        .pack_all = packed, .has_offset = !e->own,
    };
    tables_share(e->map.tables, s->max);
    if (packed) {
        bs->write_align = MAX(bs->write_align, (uint32_t)grain);
    }
}

static int open_sparse(BlockDriverState *bs, Extent *e, uint8_t *h, Error *err)
{
    int ret = check_sparse(bs, e, h, err);

    ret = ret < 0 ? ret : read_footer(bs, e, h, err);
    ret = ret < 0 ? ret : check_sparse(bs, e, h, err);
    if (ret < 0) {
        return ret;
    }
    uint32_t flags = (uint32_t)load_le(h + 8, 4);
    uint64_t grain = load_le(h + 20, 8) * SECTOR, gd = load_le(h + 56, 8);
    uint64_t rgd = flags & VMDK_FLAG_REDUNDANT ? load_le(h + 48, 8) : 0;

    e->length = load_le(h + 12, 8) * SECTOR;
    e->entries = (uint32_t)load_le(h + 44, 4);
    e->gd_at = gd > 1ull << 51 ? AT_END : gd * SECTOR;
    e->rgd_at = rgd > 1ull << 51 ? AT_END : rgd * SECTOR;
    e->data_at = load_le(h + 64, 8) * SECTOR;
    uint64_t span = MAX(grain * e->entries, 1);

    ret = check_extent(e, grain, (e->length + span - 1) / span, err);
    if (ret >= 0) {
        start_map(bs, e, grain, flags);
    }
    return ret;
}

static int open_cowd(BlockDriverState *bs, Extent *e, const uint8_t *h, Error *err)
{
    uint64_t grain = load_le(h + 16, 4) * SECTOR, tables;

    if (memcmp(h, "COWD", 4) || load_le(h + 4, 4) != 1) {
        return error_set(err, EINVAL, "%s: not a COWD extent of a vmdk image",
                         e->file->filename);
    }
    if (!bs->read_only) {
        return error_set(err, EROFS, "%s: COWD extents can only be read: use readonly=on, or"
                         " convert it", e->file->filename);
    }
    e->length = load_le(h + 12, 4) * SECTOR;
    e->entries = 4096;
    e->gd_at = load_le(h + 20, 4) * SECTOR;
    tables = load_le(h + 24, 4);
    if (tables * e->entries * grain < e->length) {
        return error_set(err, EINVAL, "%s: damaged COWD header: %llu tables are less than the"
                         " disk", e->file->filename, (unsigned long long)tables);
    }
    int ret = check_extent(e, grain, tables, err);

    if (ret >= 0) {
        start_map(bs, e, grain, 0);
    }
    return ret;
}

static int read_head(BlockDriverState *bs, BlockDriverState *file, uint8_t *h, Error *err)
{
    memset(h, 0, HEADER);
    int ret = bdrv_pread(file, 0, h, MIN(file->length, HEADER));

    return ret < 0 ? unreadable(bs, ret, err) : 0;
}

/* One more extent at the end of the disk. */
static Extent *add_extent(BlockDriverState *bs, VmdkKind kind)
{
    Vmdk *s = bs->opaque;
    Extent *e = &s->ext[s->num];

    *e = (Extent){ .kind = kind, .start = bs->length };
    s->num++;
    return e;
}

static int open_line(BlockDriverState *bs, const VmdkLine *l, Error *err)
{
    Extent *e = add_extent(bs, l->kind);
    uint64_t length = l->sectors * SECTOR;
    uint8_t h[HEADER];
    int ret = 0;

    e->length = length;
    if (l->kind == VMDK_ZERO) {
        bs->length += length;
        return 0;
    }
    ret = bdrv_open_child(bs, &e->file, l->file, NULL, bs->flags, err);
    if (ret < 0) {
        return error_prefix(err, ret, "extent of %s", bs->filename);
    }
    e->own = true;
    e->flat_at = l->offset * SECTOR;
    if (l->kind == VMDK_FLAT) {
        if (e->flat_at > e->file->length || length > e->file->length - e->flat_at) {
            ret = error_set(err, EINVAL, "%s: truncated: an extent of %llu bytes at %llu in a"
                            " file of %llu", e->file->filename, (unsigned long long)length,
                            (unsigned long long)e->flat_at,
                            (unsigned long long)e->file->length);
        }
    } else {
        ret = read_head(bs, e->file, h, err);
        ret = ret < 0 ? ret : l->kind == VMDK_COWD ? open_cowd(bs, e, h, err)
                                                   : open_sparse(bs, e, h, err);
        if (ret >= 0 && e->length < length) {
            ret = error_set(err, EINVAL, "%s: an extent of %llu bytes, the descriptor says"
                            " %llu", e->file->filename, (unsigned long long)e->length,
                            (unsigned long long)length);
        }
        e->length = e->map.length = length;
    }
    bs->length += length;
    return ret;
}

/* Room for all extents of the descriptor. */
static int count_lines(BlockDriverState *bs, const char *text, Error *err)
{
    Vmdk *s = bs->opaque;
    VmdkLine l;
    size_t pos = 0;
    int ret;

    while ((ret = vmdk_next_line(text, &pos, &l, bs->filename, err)) > 0) {
        s->max++;
    }
    if (ret == 0 && s->max == 0) {
        return error_set(err, EINVAL, "%s: damaged descriptor: no extents", bs->filename);
    }
    if (s->max > VMDK_MAX_EXTENTS) {
        return error_set(err, EFBIG, "%s: %d extents, at most %d can be opened", bs->filename,
                         s->max, VMDK_MAX_EXTENTS);
    }
    s->ext = xcalloc((size_t)s->max, sizeof(*s->ext));
    return ret;
}

static int open_lines(BlockDriverState *bs, const char *text, Error *err)
{
    VmdkLine l;
    size_t pos = 0;
    int ret = count_lines(bs, text, err);

    while (ret >= 0 && (ret = vmdk_next_line(text, &pos, &l, bs->filename, err)) > 0) {
        if (bs->length + l.sectors * SECTOR > 1ull << 60) {
            return error_set(err, EFBIG, "%s: too large: its extents are more than 1 EiB",
                             bs->filename);
        }
        if (l.read_only && !bs->read_only) {
            return error_set(err, EROFS, "%s: extent %s is read-only: use readonly=on",
                             bs->filename, l.file);
        }
        ret = open_line(bs, &l, err);
    }
    return ret;
}

/* -- The descriptor ---------------------------------------------------------- */

/* Its text, to be freed; *at is where it starts in the file. */
static int read_text(BlockDriverState *file, const uint8_t *h, char **text, uint64_t *at,
                     Error *err)
{
    uint64_t len = file->length;

    *at = 0;
    *text = NULL;
    if (!memcmp(h, "KDMV", 4)) {
        *at = load_le(h + 28, 8) * SECTOR;
        len = load_le(h + 36, 8) * SECTOR;
        if (*at == 0) {
            return 0;                   /* an extent of a larger disk, alone */
        }
        if (load_le(h + 28, 8) > 1ull << 51 || load_le(h + 36, 8) > MAX_TEXT / SECTOR ||
            *at > file->length || len > file->length - *at) {
            return error_set(err, EINVAL, "%s: damaged vmdk header: a descriptor of %llu bytes"
                             " at %llu", file->filename, (unsigned long long)len,
                             (unsigned long long)*at);
        }
    } else if (len > MAX_TEXT) {
        return error_set(err, EFBIG, "%s: a descriptor of %llu bytes; at most %d can be read",
                         file->filename, (unsigned long long)len, MAX_TEXT);
    }
    *text = xzalloc(len + 1);
    int ret = bdrv_pread(file, *at, *text, len);

    if (ret < 0) {
        free(*text);
        *text = NULL;
        return unreadable(file, ret, err);
    }
    return 0;
}

static uint32_t get_hex(const char *text, const char *key)
{
    char value[32];

    return vmdk_get(text, key, value, sizeof(value)) ? (uint32_t)strtoull(value, NULL, 16)
                                                     : VMDK_NO_CID;
}

/* The parent must be as it was when the child was made. */
static int check_parent(BlockDriverState *bs, const Vmdk *s, Error *err)
{
    BlockDriverState *file;
    uint8_t h[HEADER];
    char *text = NULL;
    uint64_t at;
    int ret;

    if (!bs->backing_file || (bs->flags & BDRV_O_NO_BACKING)) {
        return 0;
    }
    ret = bdrv_open_child(bs, &file, bs->backing_file, NULL, bs->flags & ~BDRV_O_RDWR, err);
    if (ret < 0) {
        return error_prefix(err, ret, "backing file of %s", bs->filename);
    }
    ret = read_head(bs, file, h, err);
    ret = ret < 0 ? ret : read_text(file, h, &text, &at, err);
    if (ret >= 0 && (!text || get_hex(text, "CID") != s->parent_cid)) {
        ret = error_set(err, EINVAL, "%s: its parent %s was changed after this image was made"
                        " (CID %08x, was %08x)", bs->filename, file->filename,
                        text ? get_hex(text, "CID") : VMDK_NO_CID, s->parent_cid);
    }
    free(text);
    bdrv_delete_child(file);
    return ret;
}

/* Where the eight digits of a CID are, so that others can be put there. */
static uint64_t find_digits(const char *text, const char *key, uint64_t at)
{
    char value[32];
    const char *digits = vmdk_get(text, key, value, sizeof(value));

    return digits && strlen(value) == 8 ? at + (uint64_t)(digits - text) : 0;
}

static int parse_text(BlockDriverState *bs, Vmdk *s, const char *text, uint64_t at,
                      Error *err)
{
    char name[1024];

    s->cid_at = find_digits(text, "CID", at);
    s->parent_cid_at = find_digits(text, "parentCID", at);
    s->cid = get_hex(text, "CID");
    s->parent_cid = get_hex(text, "parentCID");
    if (!vmdk_get(text, "createType", s->type, sizeof(s->type))) {
        s->type[0] = 0;
    }
    if (s->parent_cid != VMDK_NO_CID) {
        if (!vmdk_get(text, "parentFileNameHint", name, sizeof(name)) || !*name) {
            return error_set(err, EINVAL, "%s: damaged descriptor: a parent without a name",
                             bs->filename);
        }
        bs->backing_file = xstrdup(name);
        bs->backing_format = xstrdup("vmdk");
    }
    return check_parent(bs, s, err);
}

static int open_single(BlockDriverState *bs, Vmdk *s, uint8_t *h, Error *err)
{
    s->max = 1;
    s->ext = xcalloc(1, sizeof(*s->ext));
    Extent *e = add_extent(bs, VMDK_SPARSE);

    e->file = bs->file;
    int ret = !memcmp(h, "COWD", 4) ? open_cowd(bs, e, h, err) : open_sparse(bs, e, h, err);

    bs->length = e->length;
    return ret;
}

static void vmdk_close(BlockDriverState *bs)
{
    Vmdk *s = bs->opaque;

    for (int i = 0; i < s->num; i++) {
        clusters_free(&s->ext[i].map);
        if (s->ext[i].own) {
            bdrv_delete_child(s->ext[i].file);
        }
    }
    free(s->ext);
    bs->data_file = NULL;
}

static int vmdk_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    Vmdk *s = bs->opaque;
    uint8_t h[HEADER];
    char *text = NULL;
    uint64_t at = 0;
    int ret = read_head(bs, bs->file, h, err);
    bool cowd = !memcmp(h, "COWD", 4), single = cowd || !memcmp(h, "KDMV", 4);

    (void)opts;
    if (ret >= 0 && !single && !vmdk_is_text((char *)h, HEADER)) {
        return error_set(err, EINVAL, "%s: not a vmdk image", bs->filename);
    }
    if (ret >= 0 && !cowd) {
        ret = read_text(bs->file, h, &text, &at, err);
    }
    s->cid = s->parent_cid = VMDK_NO_CID;
    if (ret >= 0 && text) {
        ret = parse_text(bs, s, text, at, err);
    }
    if (ret >= 0) {
        /* Capacity 0: a header around a descriptor of other files. */
        ret = single && load_le(h + 12, 8) ? open_single(bs, s, h, err)
            : text ? open_lines(bs, text, err)
            : error_set(err, EINVAL, "%s: a vmdk image of size 0", bs->filename);
    }
    free(text);
    if (ret < 0) {
        vmdk_close(bs);
    } else if (s->num == 1 && s->ext[0].kind == VMDK_FLAT) {
        bs->data_file = s->ext[0].file;
    }
    return ret;
}

/* -- Requests ---------------------------------------------------------------- */

static Extent *extent_at(const Vmdk *s, uint64_t off)
{
    int low = 0, high = s->num - 1;

    while (low < high) {
        int mid = (low + high + 1) / 2;

        if (s->ext[mid].start <= off) {
            low = mid;
        } else {
            high = mid - 1;
        }
    }
    return &s->ext[low];
}

typedef enum Op { READ, WRITE, PACK, ZEROES, DISCARD } Op;

static int flat_io(const Extent *e, Op op, uint64_t off, uint64_t len,
                   const QEMUIOVector *qiov, size_t at, int flags)
{
    off += e->flat_at;
    switch (op) {
    case READ:    return bdrv_co_preadv(e->file, off, len, qiov, at);
    case ZEROES:  return bdrv_co_write_zeroes(e->file, off, len, flags);
    case DISCARD: return bdrv_co_discard(e->file, off, len);
    default:      return bdrv_co_pwritev(e->file, off, len, qiov, at, 0);
    }
}

static int zero_io(Op op, uint64_t len, const QEMUIOVector *qiov, size_t at)
{
    if (op == READ) {
        iov_memset(qiov, at, 0, len);
    }
    return op == READ || op == ZEROES || op == DISCARD ? 0 : -EROFS;
}

static int sparse_io(Extent *e, Op op, uint64_t off, uint64_t len,
                     const QEMUIOVector *qiov, size_t at, int flags)
{
    switch (op) {
    case READ:    return clusters_preadv(&e->map, off, len, qiov, at);
    case WRITE:   return clusters_pwritev(&e->map, off, len, qiov, at);
    case PACK:    return clusters_write_packed(&e->map, off, len, qiov, at);
    case ZEROES:  return clusters_write_zeroes(&e->map, off, len, flags);
    case DISCARD: return e->map.pack_all ? 0 : clusters_discard(&e->map, off, len);
    }
    return -EINVAL;
}

static int write_cid(BlockDriverState *bs, uint64_t at, uint32_t cid)
{
    char digits[9];

    snprintf(digits, sizeof(digits), "%08x", cid);
    return bdrv_pwrite(bs->file, at, digits, 8);
}

/* Children made before must not be used with what we write now. */
static int change_cid(BlockDriverState *bs, Vmdk *s)
{
    uint32_t cid;

    if (s->cid_new || !s->cid_at) {
        return 0;
    }
    s->cid_new = true;                  /* also to whom writes meanwhile */
    do {
        if (getrandom(&cid, sizeof(cid), 0) != sizeof(cid)) {
            cid = s->cid + 1;
        }
    } while (cid == VMDK_NO_CID || cid == s->cid);
    int ret = write_cid(bs, s->cid_at, cid);

    s->cid_new = ret >= 0;
    s->cid = ret < 0 ? s->cid : cid;
    return ret;
}

static int each_extent(BlockDriverState *bs, Op op, uint64_t off, uint64_t len,
                       const QEMUIOVector *qiov, size_t at, int flags)
{
    Vmdk *s = bs->opaque;
    int ret = op == READ ? 0 : change_cid(bs, s);

    while (len && ret >= 0) {
        Extent *e = extent_at(s, off);
        uint64_t in = off - e->start, n = len;

        if (e != &s->ext[s->num - 1]) {
            n = MIN(len, e->length - in);
        }
        ret = e->kind == VMDK_ZERO ? zero_io(op, n, qiov, at)
            : e->kind == VMDK_FLAT ? flat_io(e, op, in, n, qiov, at, flags)
                                   : sparse_io(e, op, in, n, qiov, at, flags);
        off += n;
        at += n;
        len -= n;
    }
    return ret;
}

static int vmdk_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                       const QEMUIOVector *qiov, size_t at)
{
    return each_extent(bs, READ, off, len, qiov, at, 0);
}

static int vmdk_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                        const QEMUIOVector *qiov, size_t at)
{
    return each_extent(bs, WRITE, off, len, qiov, at, 0);
}

static int vmdk_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len, int flags)
{
    return each_extent(bs, ZEROES, off, len, NULL, 0, flags);
}

static int vmdk_discard(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    return each_extent(bs, DISCARD, off, len, NULL, 0, 0);
}

static int vmdk_write_compressed(BlockDriverState *bs, uint64_t off, uint64_t len,
                                 const QEMUIOVector *qiov, size_t at)
{
    const Vmdk *s = bs->opaque;

    return s->ext[0].map.pack_all ? each_extent(bs, PACK, off, len, qiov, at, 0) : -ENOTSUP;
}

static int vmdk_flush_to_os(BlockDriverState *bs)
{
    const Vmdk *s = bs->opaque;
    int ret = 0;

    for (int i = 0; i < s->num && ret >= 0; i++) {
        ret = s->ext[i].map.tables ? tables_flush(s->ext[i].map.tables) : 0;
    }
    return ret;
}

static int vmdk_flush_to_disk(BlockDriverState *bs)
{
    const Vmdk *s = bs->opaque;
    int ret = 0;

    for (int i = 0; i < s->num && ret >= 0; i++) {
        ret = s->ext[i].own ? bdrv_co_flush(s->ext[i].file) : 0;
    }
    return ret;
}

static int vmdk_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                             uint64_t *num, uint64_t *map)
{
    Extent *e = extent_at(bs->opaque, off);
    uint64_t in = off - e->start, n = MIN(len, e->length - in);
    int ret;

    switch (e->kind) {
    case VMDK_ZERO:
        *num = n;
        return BDRV_BLOCK_ZERO | BDRV_BLOCK_ALLOCATED;
    case VMDK_FLAT:
        ret = bdrv_co_block_status(e->file, e->flat_at + in, n, num, map);
        return ret < 0 ? ret : (ret & ~(bs->data_file ? 0 : BDRV_BLOCK_OFFSET)) |
                               BDRV_BLOCK_ALLOCATED;
    default:
        return clusters_status(&e->map, in, n, num, map);
    }
}

static int64_t vmdk_allocated(BlockDriverState *bs)
{
    const Vmdk *s = bs->opaque;
    int64_t sum = bs->file->drv->allocated_size ? bs->file->drv->allocated_size(bs->file) : 0;

    for (int i = 0; i < s->num; i++) {
        BlockDriverState *f = s->ext[i].own ? s->ext[i].file : NULL;

        sum += f && f->drv->allocated_size ? f->drv->allocated_size(f) : 0;
    }
    return sum;
}

static int vmdk_info(BlockDriverState *bs, BlockInfo *info)
{
    const Vmdk *s = bs->opaque;
    const Extent *e = &s->ext[0];

    info->cluster_size = e->map.size;
    info->compressed = e->map.pack_all;
    snprintf(info->specific, sizeof(info->specific), "cid: %u\nparent cid: %u\ncreate type: %s",
             s->cid, s->parent_cid, s->type);
    return 0;
}

static int vmdk_check(BlockDriverState *bs, BlockCheck *res, int fix, Error *err)
{
    Vmdk *s = bs->opaque;
    int ret = 0;

    (void)fix;
    for (int i = 0; i < s->num && ret >= 0; i++) {
        Extent *e = &s->ext[i];

        if (e->map.tables) {
            ret = clusters_check(&e->map, e->data_at, e->map.size, res, err);
        }
    }
    return ret;
}

/* -- Commit ------------------------------------------------------------------ */

/* The first write gives the parent a new CID: now, and to us as well. */
static int vmdk_follow_backing(BlockDriverState *bs)
{
    Vmdk *s = bs->opaque;
    BlockDriverState *parent = bs->backing;

    if (!s->parent_cid_at || parent->drv != &bdrv_vmdk) {
        return 0;
    }
    int ret = change_cid(parent, parent->opaque);

    if (ret >= 0) {
        s->parent_cid = vmdk_cid(parent);
        ret = write_cid(bs, s->parent_cid_at, s->parent_cid);
    }
    ret = ret < 0 ? ret : bdrv_flush(parent->file);
    return ret < 0 ? ret : bdrv_flush(bs->file);
}

/* All tables of a directory become empty; *end moves behind the last. */
static int empty_tables(Extent *e, uint64_t directory, uint64_t *end)
{
    uint64_t span = (uint64_t)e->map.size * e->entries, len = e->entries * 4ull;
    uint64_t num = (e->length + span - 1) / span;
    uint32_t table;
    int ret = 0;

    for (uint64_t i = 0; i < num && ret >= 0; i++) {
        ret = read_entry(&e->map, directory + i * 4, &table);
        if (ret >= 0 && table && (uint64_t)table * SECTOR < e->file->length) {
            ret = tables_zero(e->map.tables, (uint64_t)table * SECTOR, len);
            *end = MAX(*end, align_up((uint64_t)table * SECTOR + len, SECTOR));
        }
    }
    return ret;
}

static int empty_extent(Extent *e)
{
    uint64_t end = e->data_at;
    int ret = e->rgd_at ? empty_tables(e, e->rgd_at, &end) : 0;

    ret = ret < 0 ? ret : empty_tables(e, e->gd_at, &end);
    ret = ret < 0 ? ret : tables_flush(e->map.tables);
    ret = ret < 0 ? ret : bdrv_flush(e->file);
    if (ret >= 0 && end < e->file->length) {
        ret = bdrv_truncate(e->file, end, NULL);
    }
    e->end = ret < 0 ? e->end : end;
    return ret;
}

static int vmdk_make_empty(BlockDriverState *bs)
{
    Vmdk *s = bs->opaque;
    int ret = 0;

    for (int i = 0; i < s->num && ret >= 0; i++) {
        ret = s->ext[i].map.tables ? empty_extent(&s->ext[i]) : 0;
    }
    return ret < 0 ? ret : bdrv_flush(bs->file);
}

const BlockDriver bdrv_vmdk = {
    .name = "vmdk",
    .for_users = true,
    .supports_backing = true,
    .state_size = sizeof(Vmdk),
    .create_opts = vmdk_create_opts,
    .probe = vmdk_probe,
    .open = vmdk_open,
    .close = vmdk_close,
    .create = vmdk_create,
    .co_preadv = vmdk_preadv,
    .co_pwritev = vmdk_pwritev,
    .co_write_zeroes = vmdk_write_zeroes,
    .co_discard = vmdk_discard,
    .co_write_compressed = vmdk_write_compressed,
    .co_flush_to_os = vmdk_flush_to_os,
    .co_flush_to_disk = vmdk_flush_to_disk,
    .co_block_status = vmdk_block_status,
    .allocated_size = vmdk_allocated,
    .info = vmdk_info,
    .check = vmdk_check,
    .follow_backing = vmdk_follow_backing,
    .make_empty = vmdk_make_empty,
};
