/* SPDX-License-Identifier: MIT */
/*
 * FAT12, FAT16 and FAT32, for reading.
 *
 *      | boot sector, BPB | FAT 1 | FAT 2 | root (not FAT32) | cluster 2 | 3 ...
 *
 *      FAT entry     the number of the file's next cluster
 *      directory     32 bytes an entry: 8+3 name, attributes, 20+26: cluster,
 *                    28: size; a long name is in the entries before, in pieces
 *                    of 13 UTF-16 characters, the last piece first
 *
 * How many clusters there are says which FAT it is.  Document: Microsoft FAT
 * Specification (2004), 3 to 7.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include "tools/fs.h"
#include "util/bits.h"
#include "util/mem.h"

enum { ENTRY = 32, MAX_NAME = 255, CACHE = 4096, ATTR_LONG = 0x0f, ATTR_VOLUME = 0x08,
       ATTR_DIR = 0x10, LAST_PIECE = 0x40, DELETED = 0xe5 };

typedef struct Fat {
    Fs fs;
    int bits;                           /* 12, 16, 32 */
    uint64_t fat_at, fat_len, root_at, root_len, data_at, cluster_size, num_clusters;
    uint32_t root_cluster;
    uint8_t cache[CACHE + 4];           /* of the FAT */
    uint64_t cache_at, cache_len;
    uint64_t seen_first, seen_index;    /* where the last read was: a chain is long */
    uint32_t seen_cluster;
} Fat;

/* -- The table --------------------------------------------------------------- */

static int fat_bytes(Fat *f, uint64_t off, unsigned n, uint32_t *out)
{
    if (off + n > f->fat_len) {
        return -EIO;
    }
    if (off < f->cache_at || off + n > f->cache_at + f->cache_len) {
        uint64_t at = align_down(off, 512), len = MIN(CACHE, f->fat_len - at);
        int ret = fs_volume_read(&f->fs.volume, f->fat_at + at, f->cache, len);

        f->cache_len = 0;
        if (ret < 0) {
            return ret;
        }
        f->cache_at = at;
        f->cache_len = len;
    }
    *out = (uint32_t)load_le(f->cache + (off - f->cache_at), n);
    return 0;
}

/* The cluster behind this one; 0: it was the last.  -errno. */
static int next_cluster(Fat *f, uint32_t c, uint32_t *next)
{
    uint32_t v = 0;
    int ret;

    switch (f->bits) {
    case 12:
        ret = fat_bytes(f, c + c / 2, 2, &v);
        v = c & 1 ? v >> 4 : v & 0xfff;
        break;
    case 16: ret = fat_bytes(f, c * 2ull, 2, &v); break;
    default:
        ret = fat_bytes(f, c * 4ull, 4, &v);
        v &= 0x0fffffff;
    }
    uint32_t end = f->bits == 12 ? 0xff8 : f->bits == 16 ? 0xfff8 : 0x0ffffff8;

    if (ret >= 0 && v < end && (v < 2 || v >= f->num_clusters + 2)) {
        ret = -EIO;
    }
    *next = v >= end ? 0 : v;
    return ret;
}

/* Cluster number `index` of a chain; *c is 0 behind its end. */
static int walk(Fat *f, uint32_t first, uint64_t index, uint32_t *c)
{
    uint64_t i = 0;
    int ret = 0;

    if (index > f->num_clusters || first < 2 || first >= f->num_clusters + 2) {
        return -EIO;
    }
    *c = first;
    if (f->seen_first == first && f->seen_index <= index) {
        i = f->seen_index;
        *c = f->seen_cluster;
    }
    while (i < index && *c && ret >= 0) {
        ret = next_cluster(f, *c, c);
        i++;
    }
    if (ret >= 0 && *c) {
        f->seen_first = first;
        f->seen_index = index;
        f->seen_cluster = *c;
    }
    return ret;
}

/* Bytes of a chain; fewer than len at its end. */
static int64_t read_chain(Fat *f, uint32_t first, uint64_t off, void *buf, uint64_t len)
{
    uint64_t done = 0;

    while (done < len) {
        uint64_t in = (off + done) % f->cluster_size, n = MIN(len - done, f->cluster_size - in);
        uint32_t c;
        int ret = walk(f, first, (off + done) / f->cluster_size, &c);

        if (ret >= 0 && c == 0) {
            break;
        }
        if (ret >= 0) {
            ret = fs_volume_read(&f->fs.volume, f->data_at + (c - 2) * f->cluster_size + in,
                                 (char *)buf + done, n);
        }
        if (ret < 0) {
            return ret;
        }
        done += n;
    }
    return (int64_t)done;
}

/* -- Directories ------------------------------------------------------------- */

typedef struct LongName {
    uint16_t text[MAX_NAME + 14];
    unsigned len;                       /* 0: none */
    int next;                           /* piece that must follow */
    uint8_t sum;
} LongName;

static void put_utf8(char **p, uint32_t c)
{
    char *o = *p;

    if (c < 0x80) {
        *o++ = (char)c;
    } else if (c < 0x800) {
        *o++ = (char)(0xc0 | c >> 6);
        *o++ = (char)(0x80 | (c & 63));
    } else {
        if (c < 0x10000) {
            *o++ = (char)(0xe0 | c >> 12);
        } else {
            *o++ = (char)(0xf0 | c >> 18);
            *o++ = (char)(0x80 | (c >> 12 & 63));
        }
        *o++ = (char)(0x80 | (c >> 6 & 63));
        *o++ = (char)(0x80 | (c & 63));
    }
    *p = o;
}

static uint8_t short_sum(const uint8_t *e)
{
    uint8_t sum = 0;

    for (int i = 0; i < 11; i++) {
        sum = (uint8_t)((sum >> 1 | sum << 7) + e[i]);
    }
    return sum;
}

/* 7.1: a piece has 5, 6 and 2 characters. */
static void take_piece(LongName *l, const uint8_t *e)
{
    int number = e[0] & 0x3f;

    if (e[0] & LAST_PIECE) {
        *l = (LongName){ .next = number, .sum = e[13], .len = (unsigned)number * 13 };
    }
    if (number == 0 || number != l->next || number * 13 > MAX_NAME + 13 || e[13] != l->sum) {
        l->len = 0;
        l->next = 0;
        return;
    }
    for (int i = 0; i < 13; i++) {
        int at = i < 5 ? 1 + 2 * i : i < 11 ? 14 + 2 * (i - 5) : 28 + 2 * (i - 11);

        l->text[(number - 1) * 13 + i] = (uint16_t)load_le(e + at, 2);
    }
    l->next--;
}

/* UTF-16; half a surrogate is U+FFFD. */
static void long_name(const LongName *l, char *out)
{
    for (unsigned i = 0; i < l->len && l->text[i] && l->text[i] != 0xffff; i++) {
        uint32_t c = l->text[i], low = i + 1 < l->len ? l->text[i + 1] : 0;

        if ((c & 0xfc00) == 0xd800 && (low & 0xfc00) == 0xdc00) {
            c = 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff);
            i++;
        }
        put_utf8(&out, (c & 0xfffff800) == 0xd800 ? 0xfffd : c);
    }
    *out = 0;
}

/* Byte 12: bits 3 and 4 say that base and extension are lower case. */
static void short_name(const uint8_t *e, char *out)
{
    for (int i = 0; i < 11; i++) {
        bool lower = e[12] & (i < 8 ? 8 : 16);
        uint8_t c = i == 0 && e[0] == 5 ? 0xe5 : e[i];

        if (i == 8 && e[8] != ' ') {
            *out++ = '.';
        }
        if (c == ' ') {
            continue;
        }
        if (lower && c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }
        put_utf8(&out, c);
    }
    *out = 0;
}

static int64_t fat_time(const uint8_t *e)
{
    unsigned t = (unsigned)load_le(e + 22, 2), d = (unsigned)load_le(e + 24, 2);
    struct tm tm = { .tm_sec = (int)(t & 31) * 2, .tm_min = (int)(t >> 5 & 63),
                     .tm_hour = (int)(t >> 11), .tm_mday = (int)(d & 31),
                     .tm_mon = (int)(d >> 5 & 15) - 1, .tm_year = (int)(d >> 9) + 80,
                     .tm_isdst = -1 };

    return d ? (int64_t)mktime(&tm) : 0;
}

static FsNode node_of(const Fat *f, const uint8_t *e)
{
    bool dir = e[11] & ATTR_DIR;
    uint32_t high = f->bits == 32 ? (uint32_t)load_le(e + 20, 2) : 0;

    return (FsNode){ .id = high << 16 | load_le(e + 26, 2), .size = dir ? 0 : load_le(e + 28, 4),
                     .mtime = fat_time(e),
                     .mode = (dir ? S_IFDIR | 0111 : S_IFREG) | 0444 | (e[11] & 1 ? 0 : 0200) };
}

/* False: the directory ends, or the caller has seen enough. */
static bool take_entry(Fat *f, const uint8_t *e, LongName *l, FsListFn *fn, void *opaque)
{
    char name[MAX_NAME * 3 + 64];

    if (e[0] == 0) {
        return false;
    }
    if (e[0] != DELETED && (e[11] & 0x3f) == ATTR_LONG) {
        take_piece(l, e);
        return true;
    }
    bool skip = e[0] == DELETED || e[0] == '.' || (e[11] & ATTR_VOLUME);

    if (l->len && l->next == 0 && l->sum == short_sum(e)) {
        long_name(l, name);
    } else {
        short_name(e, name);
    }
    l->len = 0;
    if (skip || !*name) {
        return true;
    }
    FsNode n = node_of(f, e);

    return fn(opaque, name, &n);
}

/* The root of FAT12 and FAT16 has a place of its own: id 0. */
static int64_t read_dir(Fat *f, uint64_t id, uint64_t off, uint8_t *buf, uint64_t len)
{
    if (id || f->bits == 32) {
        return read_chain(f, id ? (uint32_t)id : f->root_cluster, off, buf, len);
    }
    len = off < f->root_len ? MIN(len, f->root_len - off) : 0;
    int ret = len ? fs_volume_read(&f->fs.volume, f->root_at + off, buf, len) : 0;

    return ret < 0 ? ret : (int64_t)len;
}

static int fat_list(Fs *fs, const FsNode *dir, FsListFn *fn, void *opaque)
{
    Fat *f = (Fat *)fs;
    uint8_t buf[512];
    LongName l = { .len = 0 };

    for (uint64_t off = 0; off < 65536 * ENTRY; off += sizeof(buf)) {
        int64_t n = read_dir(f, dir->id, off, buf, sizeof(buf));

        if (n < 0) {
            return (int)n;
        }
        for (int64_t i = 0; i + ENTRY <= n; i += ENTRY) {
            if (!take_entry(f, buf + i, &l, fn, opaque)) {
                return 0;
            }
        }
        if (n < (int64_t)sizeof(buf)) {
            break;
        }
    }
    return 0;
}

typedef struct Wanted {
    const char *name;
    size_t len;
    FsNode *node;
    bool found;
} Wanted;

static bool is_it(void *opaque, const char *name, const FsNode *node)
{
    Wanted *w = opaque;

    if (strlen(name) == w->len && !strncasecmp(name, w->name, w->len)) {
        *w->node = *node;
        w->found = true;
    }
    return !w->found;
}

static int fat_find(Fs *fs, const char *path, FsNode *node)
{
    *node = (FsNode){ .mode = S_IFDIR | 0755 };
    while (*path) {
        size_t n = strcspn(path, "/");

        if (n && !(n == 1 && *path == '.')) {
            Wanted w = { path, n, node, false };
            FsNode dir = *node;

            if (!S_ISDIR(dir.mode)) {
                return -ENOTDIR;
            }
            int ret = fat_list(fs, &dir, is_it, &w);

            if (ret < 0 || !w.found) {
                return ret < 0 ? ret : -ENOENT;
            }
        }
        path += n + (path[n] == '/');
    }
    return 0;
}

static int64_t fat_read(Fs *fs, const FsNode *node, uint64_t off, void *buf, uint64_t len)
{
    Fat *f = (Fat *)fs;

    if (off >= node->size) {
        return 0;
    }
    len = MIN(len, node->size - off);
    int64_t n = read_chain(f, (uint32_t)node->id, off, buf, len);

    return n >= 0 && (uint64_t)n < len ? -EIO : n;
}

/* -- Opening ----------------------------------------------------------------- */

/* 3.1 to 3.5; false if this is no FAT boot sector. */
static bool read_bpb(Fat *f, const uint8_t *b)
{
    uint64_t sector = load_le(b + 11, 2), per_cluster = b[13], reserved = load_le(b + 14, 2);
    uint64_t fats = b[16], roots = load_le(b + 17, 2);
    uint64_t total = load_le(b + 19, 2) ? load_le(b + 19, 2) : load_le(b + 32, 4);
    uint64_t fat_sectors = load_le(b + 22, 2) ? load_le(b + 22, 2) : load_le(b + 36, 4);

    if (!is_pow2(sector) || sector < 512 || sector > 4096 || !is_pow2(per_cluster) || !reserved ||
        !fats || fats > 4 || !fat_sectors || !total || (b[0] != 0xeb && b[0] != 0xe9)) {
        return false;
    }
    uint64_t root_sectors = (roots * ENTRY + sector - 1) / sector;
    uint64_t meta = reserved + fats * fat_sectors + root_sectors;

    if (total <= meta) {
        return false;
    }
    f->num_clusters = (total - meta) / per_cluster;
    f->bits = f->num_clusters < 4085 ? 12 : f->num_clusters < 65525 ? 16 : 32;
    f->cluster_size = per_cluster * sector;
    f->fat_at = reserved * sector;
    f->fat_len = fat_sectors * sector;
    f->root_at = (reserved + fats * fat_sectors) * sector;
    f->root_len = roots * ENTRY;
    f->data_at = meta * sector;
    f->root_cluster = (uint32_t)load_le(b + 44, 4);
    return f->bits == 32 || roots;
}

static Fs *fat_open(const FsVolume *v, Error *err)
{
    uint8_t boot[512];
    Fat *f = xzalloc(sizeof(*f));

    (void)err;
    if (fs_volume_read(v, 0, boot, sizeof(boot)) < 0 || load_le(boot + 510, 2) != 0xaa55 ||
        !read_bpb(f, boot)) {
        free(f);
        return NULL;
    }
    f->fs = (Fs){ &fs_fat, *v };
    return &f->fs;
}

static void fat_close(Fs *fs)
{
    free(fs);
}

const FsOps fs_fat = { "FAT", fat_open, fat_close, fat_find, fat_list, fat_read, NULL };
