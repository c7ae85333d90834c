/* SPDX-License-Identifier: MIT */
/*
 * Protocol fat: a directory of the host as a disk with a FAT file system (Microsoft,
 * "FAT: General Overview of On-Disk Format", 1.03).
 *
 *      fat:[rw:][floppy:][12:|16:|32:]DIR
 *
 *      sector 0      partition table                (disks; a floppy has none)
 *      start         boot sector; FAT32: FSInfo, copies; reserved sectors
 *                    FAT, FAT again                 (made as they are read)
 *                    root directory                 (FAT12, FAT16)
 *                    clusters: 2, 3, ...            directories from memory, files
 *                                                   from the host, each in one run
 *
 * The tree is read once, at open; contents of files are read when the guest does, and
 * cut or filled with zeroes to the size that they had.  With fat:rw: what the guest
 * writes comes back into the directory (vvfat-write.c).
 *
 * Not modelled: links, devices and names that are not UTF-8: with fat:rw: the guest does
 * not see them.
 */
#include "block/vvfat.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/bits.h"
#include "util/mem.h"

enum {
    SECTOR = FAT_SECTOR, ENTRY = FAT_ENTRY, MAX_RUNS = 65536, HEADS = 16, SECS = 63,
    ATTR_READ_ONLY = 1, ATTR_FILE = 32,
};

#define QUIET_NS 500000000

static const struct Shape {
    int type;
    bool floppy;
    uint32_t start, sectors, cluster_sectors, reserved, root_entries;
} shapes[] = {
    { 12, true, 0, 2880, 1, 1, 224 },
    { 12, false, SECS, 64 * HEADS * SECS, 16, 1, 512 },
    { 16, false, SECS, 1024 * HEADS * SECS, 16, 1, 512 },
    { 32, false, SECS, 1024 * HEADS * SECS, 8, 32, 0 },
};

static void put16(uint8_t *p, uint32_t v) { p[0] = (uint8_t)v; p[1] = (uint8_t)(v >> 8); }
static void put32(uint8_t *p, uint32_t v) { put16(p, v); put16(p + 2, v >> 16); }

/* -- Names ------------------------------------------------------------------- */

/* UTF-8 to UTF-16; what is malformed becomes "_".  Number of units. */
int fat_to_utf16(const char *name, uint16_t out[FAT_MAX_NAME])
{
    const uint8_t *p = (const uint8_t *)name;
    int num = 0;

    while (*p && num < FAT_MAX_NAME - 1) {
        int more = *p < 0x80 ? 0 : *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : *p >= 0xc2 ? 1 : -1;
        uint32_t c = more <= 0 ? *p : *p & (0x3fu >> more);

        for (int i = 1; i <= more; i++) {
            if ((p[i] & 0xc0) != 0x80) {
                more = -1;
                break;
            }
            c = c << 6 | (p[i] & 0x3f);
        }
        p += MAX(more, 0) + 1;
        c = more < 0 ? '_' : c;
        if (c >= 0x10000) {
            out[num++] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        out[num++] = (uint16_t)c;
    }
    return num;
}

/* False: half a surrogate. */
bool fat_to_utf8(const uint16_t *u, int num, char *out)
{
    uint8_t *p = (uint8_t *)out;

    for (int i = 0; i < num; i++) {
        uint32_t c = u[i];

        if (c >= 0xd800 && c < 0xe000) {
            if (c >= 0xdc00 || i + 1 >= num || (u[i + 1] & 0xfc00) != 0xdc00) {
                return false;
            }
            c = 0x10000 + ((c & 0x3ff) << 10 | (u[++i] & 0x3ff));
        }
        if (c < 0x80) {
            *p++ = (uint8_t)c;
            continue;
        }
        int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

        *p++ = (uint8_t)((0xf00 >> more & 0xf0) | c >> (6 * more));
        while (more--) {
            *p++ = (uint8_t)(0x80 | (c >> (6 * more) & 0x3f));
        }
    }
    *p = 0;
    return true;
}

/* Well-formed, and not too long: the guest's name for it is the host's. */
bool fat_name_returns(const char *name)
{
    uint16_t u[FAT_MAX_NAME];
    int num = fat_to_utf16(name, u);
    char back[3 * FAT_MAX_NAME + 1];

    for (const char *p = name; *p; p++) {
        if ((uint8_t)*p < 32) {
            return false;
        }
    }
    return num < FAT_MAX_NAME - 1 && fat_to_utf8(u, num, back) && !strcmp(name, back);
}

/* The guest does not see these, so that none is taken for its own. */
bool fat_is_temporary(const char *name)
{
    size_t len = strlen(FAT_TEMPORARY);

    return strlen(name) == len && !strncmp(name, FAT_TEMPORARY, len - 6);
}

/* "Short Directory Entry Names": upper case, few characters.  False: not the same
 * name any more. */
static bool to_short(const char *name, uint8_t out[11])
{
    const char *dot = strrchr(name, '.');
    bool same = true;
    int at = 0;

    memset(out, ' ', 11);
    for (const char *p = name; *p; p++) {
        char c = *p;
        int end = dot && p > dot ? 11 : 8;

        if (p == dot && p > name) {
            at = 8;
            continue;
        }
        if (c >= 'a' && c <= 'z') {
            c = (char)(c - 32);
            same = false;
        } else if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c && strchr("$%'-_@~`!(){}^#&", c)))) {
            c = c == '.' || c == ' ' ? 0 : '_';
            same = false;
        }
        if (c && at < end) {
            out[at++] = (uint8_t)c;
        } else {
            same = false;
        }
    }
    if (out[0] == ' ') {
        out[0] = '_';
    }
    return same;
}

/* A short name in its directory. */
typedef struct Taken {
    uint8_t name[11];
    uint32_t more;                      /* numbers behind its own that are taken too */
} Taken;

/* A directory while it is read. */
typedef struct Listing {
    uint8_t *entries;
    uint32_t len;
    Taken *taken;                       /* by hash: a power of 2, half of them empty */
    uint32_t num_taken;
} Listing;

/* Its place; if nobody has the name, an empty one. */
static Taken *find_taken(const Listing *l, const uint8_t name[11])
{
    uint32_t hash = 0;

    for (int i = 0; i < 11; i++) {
        hash = hash * 31 + name[i];
    }
    for (;; hash++) {
        Taken *t = &l->taken[hash & (l->num_taken - 1)];

        if (!t->name[0] || !memcmp(t->name, name, 11)) {
            return t;
        }
    }
}

static bool is_taken(const Listing *l, const uint8_t name[11])
{
    return find_taken(l, name)->name[0];
}

static void put_number(uint8_t name[11], const uint8_t basis[8], uint32_t n)
{
    char tail[12];
    int digits = snprintf(tail, sizeof(tail), "~%u", n), keep = 8 - digits;

    while (keep > 1 && basis[keep - 1] == ' ') {
        keep--;
    }
    memset(name, ' ', 8);
    memcpy(name, basis, (size_t)keep);
    memcpy(name + keep, tail, (size_t)digits);
}

/* "The Basis-Name Generation Algorithm": a number behind a tilde.  Of those with as many
 * digits the first knows how many are taken: none is tried twice. */
static void make_unique(const Listing *l, uint8_t name[11])
{
    uint8_t basis[8];

    memcpy(basis, name, 8);
    for (uint32_t n = 1; n < 1000000; n *= 10) {
        put_number(name, basis, n);
        Taken *first = find_taken(l, name);

        if (!first->name[0]) {
            return;
        }
        while (first->more < 9 * n - 1) {
            put_number(name, basis, n + ++first->more);
            if (!is_taken(l, name)) {
                return;
            }
        }
    }
}

/* "Organization and Association of Short & Long Directory Entries": checksum. */
uint8_t fat_checksum(const uint8_t name[11])
{
    uint8_t sum = 0;

    for (int i = 0; i < 11; i++) {
        sum = (uint8_t)((sum << 7 | sum >> 1) + name[i]);
    }
    return sum;
}

const uint8_t fat_lfn_place[FAT_LFN_CHARS] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };

/* Entries of the long name, last part first.  Bytes written. */
static uint32_t put_long_name(uint8_t *p, const char *name, const uint8_t short_name[11])
{
    uint16_t u[FAT_MAX_NAME];
    int len = fat_to_utf16(name, u), parts = (len + FAT_LFN_CHARS - 1) / FAT_LFN_CHARS;

    for (int part = parts; part > 0; part--, p += ENTRY) {
        memset(p, 0, ENTRY);
        p[0] = (uint8_t)(part | (part == parts ? 0x40 : 0));
        p[11] = FAT_ATTR_LFN;
        p[13] = fat_checksum(short_name);
        for (int i = 0; i < FAT_LFN_CHARS; i++) {
            int k = (part - 1) * FAT_LFN_CHARS + i;

            put16(p + fat_lfn_place[i], k < len ? u[k] : k == len ? 0 : 0xffff);
        }
    }
    return (uint32_t)(parts * ENTRY);
}

/* -- Directories ------------------------------------------------------------- */

static void put_entry(uint8_t *p, const uint8_t name[11], int attr, uint32_t cluster,
                      uint32_t size, time_t when)
{
    struct tm tm = { .tm_year = 80, .tm_mday = 1 };

    localtime_r(&when, &tm);
    uint32_t year = (uint32_t)MAX(tm.tm_year - 80, 0);
    uint32_t date = (year & 127) << 9 | (uint32_t)(tm.tm_mon + 1) << 5 | (uint32_t)tm.tm_mday;
    uint32_t clock = (uint32_t)tm.tm_hour << 11 | (uint32_t)tm.tm_min << 5 |
                     (uint32_t)tm.tm_sec / 2;

    memset(p, 0, ENTRY);
    memcpy(p, name, 11);
    p[11] = (uint8_t)attr;
    put16(p + 14, clock);
    put16(p + 16, date);
    put16(p + 18, date);
    put16(p + 20, cluster >> 16);
    put16(p + 22, clock);
    put16(p + 24, date);
    put16(p + 26, cluster);
    put32(p + 28, size);
}

static int new_run(Fat *s, uint32_t size, Error *err)
{
    uint32_t bytes = s->cluster_sectors * SECTOR;
    uint32_t num = size / bytes + (size % bytes != 0);

    if (s->num_runs >= MAX_RUNS || num > 2 + s->num_clusters - s->next_cluster) {
        return error_set(err, EFBIG, "fat: the directory is too large for a FAT%d %s of"
                         " %u MB", s->type, s->floppy ? "floppy" : "disk", s->total / 2048);
    }
    s->runs = xrealloc(s->runs, (size_t)(s->num_runs + 1) * sizeof(*s->runs));
    s->runs[s->num_runs] = (FatRun){ .first = num ? s->next_cluster : 0, .num = num, .size = size };
    s->next_cluster += num;
    return s->num_runs++;
}

static int scan(Fat *s, const char *path, int parent, int depth, uint32_t *first, Error *err);

/* One file or directory into the list of its directory. */
static int add_entry(Fat *s, const char *path, const char *name, int parent, int depth,
                     Listing *l, Error *err)
{
    char *full = xasprintf("%s/%s", path, name);
    struct stat st;
    uint8_t short_name[11];
    uint32_t first = 0, size = 0;
    int ret = 0;

    if ((s->rw ? lstat : stat)(full, &st) < 0 || access(full, R_OK) < 0 ||
        (S_ISREG(st.st_mode) ? fat_is_temporary(name) : !S_ISDIR(st.st_mode)) ||
        (s->rw && !fat_name_returns(name))) {
        free(full);
        return 0;                       /* gone, or nothing for a guest */
    }
    if (S_ISDIR(st.st_mode)) {
        ret = scan(s, full, parent, depth + 1, &first, err);
    } else if (st.st_size > (off_t)UINT32_MAX) {
        ret = error_set(err, EFBIG, "fat: %s: larger than 4 GB", full);
    } else {
        size = (uint32_t)st.st_size;
        ret = new_run(s, size, err);
        if (ret >= 0) {
            first = s->runs[ret].first;
            s->runs[ret].path = full;
            full = NULL;
        }
    }
    free(full);
    if (ret < 0) {
        return ret;
    }
    l->entries = xrealloc(l->entries, l->len + (FAT_MAX_NAME / FAT_LFN_CHARS + 3) * ENTRY);
    if (!to_short(name, short_name) || is_taken(l, short_name)) {
        make_unique(l, short_name);
        l->len += put_long_name(l->entries + l->len, name, short_name);
    }
    memcpy(find_taken(l, short_name)->name, short_name, 11);
    put_entry(l->entries + l->len, short_name,
              (S_ISDIR(st.st_mode) ? FAT_ATTR_DIR : ATTR_FILE) |
              (st.st_mode & 0200 ? 0 : ATTR_READ_ONLY), first, size, st.st_mtime);
    l->len += ENTRY;
    return 0;
}

static Listing new_listing(int num)
{
    uint32_t size = 1;

    while (size <= 2 * (uint32_t)num) {
        size *= 2;
    }
    return (Listing){ .entries = xmalloc(2 * ENTRY), .taken = xcalloc(size, sizeof(Taken)),
                      .num_taken = size };
}

static uint32_t put_head(uint8_t *dir, int depth, time_t when)
{
    if (depth == 0) {
        put_entry(dir, (const uint8_t *)"QEMU VVFAT ", FAT_ATTR_LABEL, 0, 0, when);
        return ENTRY;
    }
    put_entry(dir, (const uint8_t *)".          ", FAT_ATTR_DIR, 0, 0, when);
    put_entry(dir + ENTRY, (const uint8_t *)"..         ", FAT_ATTR_DIR, 0, 0, when);
    return 2 * ENTRY;
}

/* The entries, once it is known how many clusters they need. */
static int place_directory(Fat *s, int run, int parent, int depth, uint8_t *dir, uint32_t len,
                           Error *err)
{
    uint32_t cluster = s->cluster_sectors * SECTOR;
    bool fixed = depth == 0 && s->type != 32;
    uint32_t room = fixed ? s->root_sectors * SECTOR : align_up(len + ENTRY, cluster);

    if (len > room || (fixed && len + ENTRY > room)) {
        return error_set(err, EFBIG, "fat: too many files in the top directory: %u entries,"
                         " %u fit", len / ENTRY, room / ENTRY);
    }
    FatRun *r = &s->runs[run];

    r->dir = xzalloc(room);
    memcpy(r->dir, dir, len);
    r->size = room;
    r->parent = (uint32_t)parent;
    if (!fixed) {
        int place = new_run(s, room, err);

        if (place < 0) {
            return place;
        }
        r = &s->runs[run];
        r->first = s->runs[place].first;
        r->num = s->runs[place].num;
        s->num_runs--;
    }
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int scan(Fat *s, const char *path, int parent, int depth, uint32_t *first, Error *err)
{
    struct dirent **list = NULL;
    struct stat st;
    int num = depth > FAT_MAX_DEPTH ? -1 : scandir(path, &list, NULL, by_name);
    int run = num < 0 ? -1 : new_run(s, 0, err), ret = run;

    if (num < 0 || stat(path, &st) < 0) {
        return error_set(err, depth > FAT_MAX_DEPTH ? ELOOP : errno, "fat: %s: %s", path,
                         depth > FAT_MAX_DEPTH ? "too deep, or a circle" : strerror(errno));
    }
    Listing l = new_listing(num);

    l.len = put_head(l.entries, depth, st.st_mtime);
    for (int i = 0; i < num; i++) {
        const char *name = list[i]->d_name;

        if (ret >= 0 && strcmp(name, ".") && strcmp(name, "..")) {
            ret = add_entry(s, path, name, run, depth, &l, err);
        }
        free(list[i]);
    }
    free(list);
    if (ret >= 0) {
        ret = place_directory(s, run, parent, depth, l.entries, l.len, err);
    }
    free(l.entries);
    free(l.taken);
    if (ret >= 0) {
        *first = s->runs[run].first;
    }
    return ret;
}

/* "." and ".." of all directories, when all have their places.  The root is 0. */
static void link_directories(Fat *s)
{
    for (int i = 1; i < s->num_runs; i++) {
        FatRun *r = &s->runs[i];

        if (r->dir) {
            uint32_t up = r->parent ? s->runs[r->parent].first : 0;

            put16(r->dir + 20, r->first >> 16);
            put16(r->dir + 26, r->first);
            put16(r->dir + ENTRY + 20, up >> 16);
            put16(r->dir + ENTRY + 26, up);
        }
    }
}

static int by_first(const void *a, const void *b)
{
    uint32_t x = ((const FatRun *)a)->first, y = ((const FatRun *)b)->first;

    return x < y ? -1 : x > y;
}

/* -- Sectors ----------------------------------------------------------------- */

/* Cylinder, head, sector as a partition table has them; large ones are full. */
static void put_chs(uint8_t *p, uint32_t lba)
{
    uint32_t c = MIN(lba / (HEADS * SECS), 1023);

    p[0] = (uint8_t)(lba / SECS % HEADS);
    p[1] = (uint8_t)(lba % SECS + 1) | (uint8_t)(c >> 8 << 6);
    p[2] = (uint8_t)c;
}

static void make_mbr(const Fat *s, uint8_t *b)
{
    uint8_t *p = b + 446;

    put32(b + 440, 0x51454d55);
    p[0] = 0x80;
    put_chs(p + 1, s->start);
    p[4] = s->type == 12 ? 0x01 : s->type == 16 ? 0x06 : 0x0c;
    put_chs(p + 5, s->start + s->total - 1);
    put32(p + 8, s->start);
    put32(p + 12, s->total);
    put16(b + 510, 0xaa55);
}

/* "Boot Sector and BPB". */
static void make_boot(const Fat *s, uint8_t *b)
{
    uint8_t *ext = b + (s->type == 32 ? 64 : 36);

    memcpy(b, "\xeb\x58\x90QEMU    ", 11);
    put16(b + 11, SECTOR);
    b[13] = (uint8_t)s->cluster_sectors;
    put16(b + 14, s->reserved);
    b[16] = 2;
    put16(b + 17, s->root_sectors * SECTOR / ENTRY);
    put16(b + 19, s->total < 65536 ? s->total : 0);
    b[21] = s->floppy ? 0xf0 : 0xf8;
    put16(b + 22, s->type == 32 ? 0 : s->fat_sectors);
    put16(b + 24, s->floppy ? 18 : SECS);
    put16(b + 26, s->floppy ? 2 : HEADS);
    put32(b + 28, s->start);
    put32(b + 32, s->total < 65536 ? 0 : s->total);
    if (s->type == 32) {
        put32(b + 36, s->fat_sectors);
        put32(b + 44, s->root.first);
        put16(b + 48, 1);
        put16(b + 50, 6);
    }
    ext[0] = s->floppy ? 0 : 0x80;
    ext[2] = 0x29;
    put32(ext + 3, 0xfabe1afd);
    memcpy(ext + 7, "QEMU VVFAT ", 11);
    memcpy(ext + 18, s->type == 12 ? "FAT12   " : s->type == 16 ? "FAT16   " : "FAT32   ", 8);
    put16(b + 510, 0xaa55);
}

static void make_reserved(const Fat *s, uint32_t n, uint8_t *b)
{
    if (n == 0 || n == 6) {
        make_boot(s, b);
    } else if (n == 1 || n == 7) {      /* FSInfo */
        put32(b, 0x41615252);
        put32(b + 484, 0x61417272);
        put32(b + 488, s->num_clusters - (s->next_cluster - 2));
        put32(b + 492, s->next_cluster);
        put32(b + 508, 0xaa550000);
    } else if (n == 2 || n == 8) {
        put32(b + 508, 0xaa550000);
    }
}

/* The run that has this cluster, or NULL. */
static const FatRun *find_run(const Fat *s, uint32_t cluster)
{
    int lo = 0, hi = s->num_runs;

    while (lo < hi) {
        int mid = (lo + hi) / 2;
        const FatRun *r = &s->runs[mid];

        if (cluster < r->first) {
            hi = mid;
        } else if (cluster >= r->first + r->num) {
            lo = mid + 1;
        } else {
            return r;
        }
    }
    return NULL;
}

static uint32_t fat_entry(const Fat *s, uint32_t n)
{
    uint32_t mask = s->type == 32 ? 0x0fffffff : (1u << s->type) - 1;

    if (n < 2) {
        return (n == 0 ? 0xffffff00 | (s->floppy ? 0xf0 : 0xf8) : ~0u) & mask;
    }
    const FatRun *r = n < s->next_cluster ? find_run(s, n) : NULL;

    return !r ? 0 : n + 1 < r->first + r->num ? n + 1 : ~0u & mask;
}

static void make_fat(const Fat *s, uint32_t sector, uint8_t *b)
{
    if (s->type == 12) {                /* three bytes for two entries */
        for (uint32_t i = 0; i < SECTOR; i++) {
            uint32_t at = sector * SECTOR + i, pair = at / 3 * 2;
            uint32_t both = fat_entry(s, pair) | fat_entry(s, pair + 1) << 12;

            b[i] = (uint8_t)(both >> (at % 3 * 8));
        }
        return;
    }
    uint32_t size = (uint32_t)s->type / 8;

    for (uint32_t i = 0; i < SECTOR / size; i++) {
        uint32_t v = fat_entry(s, sector * (SECTOR / size) + i);

        if (s->type == 16) {
            put16(b + i * 2, v);
        } else {
            put32(b + i * 4, v);
        }
    }
}

static int make_data(const Fat *s, uint32_t sector, uint8_t *b)
{
    uint32_t cluster = 2 + sector / s->cluster_sectors;
    const FatRun *r = find_run(s, cluster);

    if (!r) {
        return 0;
    }
    uint64_t off = ((uint64_t)(cluster - r->first) * s->cluster_sectors +
                    sector % s->cluster_sectors) * SECTOR;
    size_t len = off < r->size ? MIN(r->size - off, SECTOR) : 0;

    if (r->dir) {
        memcpy(b, r->dir + off, len);
        return 0;
    }
    int fd = len ? open(r->path, O_RDONLY | O_CLOEXEC) : -1;

    if (len && fd < 0) {
        return -EIO;
    }
    ssize_t n = len ? pread(fd, b, len, (off_t)off) : 0;
    if (fd >= 0) {
        close(fd);
    }
    return n < 0 ? -EIO : 0;
}

int fat_make_sector(const Fat *s, uint32_t n, uint8_t *b)
{
    memset(b, 0, SECTOR);
    if (n < s->start) {
        if (n == 0) {
            make_mbr(s, b);
        }
        return 0;
    }
    n -= s->start;
    if (n < s->reserved) {
        make_reserved(s, n, b);
    } else if (n < s->reserved + 2 * s->fat_sectors) {
        make_fat(s, (n - s->reserved) % s->fat_sectors, b);
    } else if (n < s->data) {
        memcpy(b, s->root.dir + (n - s->reserved - 2 * s->fat_sectors) * SECTOR, SECTOR);
    } else {
        return make_data(s, n - s->data, b);
    }
    return 0;
}

int fat_read_sector(const Fat *s, uint32_t n, uint8_t *b)
{
    return fat_is_written(s, n) ? fat_read_written(s, n, b) : fat_make_sector(s, n, b);
}

typedef struct Request {
    Fat *s;
    bool write;
    uint64_t off, len;
    const QEMUIOVector *qiov;
    size_t at;
} Request;

static int do_request(void *arg)
{
    const Request *r = arg;
    uint8_t b[SECTOR];
    int ret = 0;

    for (uint64_t done = 0; done < r->len && ret >= 0; done += SECTOR) {
        uint32_t n = (uint32_t)((r->off + done) / SECTOR);

        if (r->write) {
            iov_to_buf(r->qiov, r->at + done, b, SECTOR);
            ret = fat_write_sector(r->s, n, b);
        } else {
            ret = fat_read_sector(r->s, n, b);
            iov_from_buf(r->qiov, r->at + done, b, SECTOR);
        }
    }
    return ret;
}

static int run_locked(Fat *s, int (*fn)(void *arg), void *arg)
{
    co_mutex_lock(&s->lock);
    int ret = aio_pool_co(fn, arg);
    co_mutex_unlock(&s->lock);
    return ret;
}

static int fat_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                      const QEMUIOVector *qiov, size_t at)
{
    Request r = { bs->opaque, false, off, len, qiov, at };

    return r.s->rw ? run_locked(r.s, do_request, &r) : aio_pool_co(do_request, &r);
}

static int fat_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                       const QEMUIOVector *qiov, size_t at)
{
    Request r = { bs->opaque, true, off, len, qiov, at };

    aio_timer_set(&r.s->quiet, QUIET_NS);
    return run_locked(r.s, do_request, &r);
}

static int do_write_back(void *arg)
{
    return fat_write_back(arg);
}

static void quiet_entry(void *opaque)
{
    Fat *s = opaque;

    run_locked(s, do_write_back, s);
    s->writing_back = false;
}

/* Not every guest flushes a FAT file system when it is told to sync. */
static void went_quiet(void *opaque)
{
    Fat *s = opaque;

    if (s->writing_back) {
        aio_timer_set(&s->quiet, QUIET_NS);
        return;
    }
    s->writing_back = true;
    coroutine_enter(coroutine_create(quiet_entry, s));
}

static int fat_flush_to_os(BlockDriverState *bs)
{
    Fat *s = bs->opaque;

    return s->writer ? run_locked(s, do_write_back, s) : 0;
}

/* -- Life -------------------------------------------------------------------- */

/* The FAT must have room for the clusters that it leaves. */
static void lay_out(Fat *s, const struct Shape *shape)
{
    s->start = shape->start;
    s->total = shape->sectors - shape->start;
    s->reserved = shape->reserved;
    s->cluster_sectors = shape->cluster_sectors;
    s->root_sectors = shape->root_entries * ENTRY / SECTOR;
    s->num_clusters = (s->total - s->reserved - s->root_sectors) / s->cluster_sectors;
    s->fat_sectors = (uint32_t)(((uint64_t)(s->num_clusters + 2) * (uint32_t)s->type / 8 +
                                 SECTOR) / SECTOR);
    s->data = s->reserved + 2 * s->fat_sectors + s->root_sectors;
    s->num_clusters = (s->total - s->data) / s->cluster_sectors;
    s->next_cluster = 2;
}

static int parse_name(Fat *s, const char **name, Error *err)
{
    for (bool more = true; more;) {
        const char *p = *name;
        size_t n = strcspn(p, ":") + 1;

        more = true;
        if (!strncmp(p, "floppy:", n)) {
            s->floppy = true;
        } else if (!strncmp(p, "12:", n) || !strncmp(p, "16:", n) || !strncmp(p, "32:", n)) {
            s->type = atoi(p);
        } else if (!strncmp(p, "rw:", n)) {
            s->rw = true;
        } else {
            more = false;
        }
        *name += more ? n : 0;
    }
    return s->floppy && s->type && s->type != 12
         ? error_set(err, EINVAL, "fat:floppy:%d: a floppy has FAT12", s->type) : 0;
}

static void fat_close(BlockDriverState *bs)
{
    Fat *s = bs->opaque;

    aio_timer_cancel(&s->quiet);
    while (s->writing_back) {
        aio_poll();
    }
    fat_writer_free(s);
    for (int i = 0; i < s->num_runs; i++) {
        free(s->runs[i].path);
        free(s->runs[i].dir);
    }
    free(s->runs);
}

static int fat_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    Fat *s = bs->opaque;
    const char *dir = bs->filename;
    const struct Shape *shape = shapes;
    uint32_t first;
    int ret = parse_name(s, &dir, err);

    (void)opts;
    if (ret < 0) {
        return ret;
    }
    if (!bs->read_only && !s->rw) {
        if (!(bs->flags & BDRV_O_AUTO_RDONLY)) {
            return error_set(err, EROFS, "fat:%s: can only be read: use fat:rw:, readonly=on or"
                             " snapshot=on", dir);
        }
        bs->read_only = true;
        bs->flags &= ~BDRV_O_RDWR;
    }
    s->type = s->type ? s->type : s->floppy ? 12 : 16;
    while (shape->type != s->type || shape->floppy != s->floppy) {
        shape++;
    }
    lay_out(s, shape);
    ret = scan(s, dir, 0, 0, &first, err);
    if (ret < 0) {
        fat_close(bs);
        return ret;
    }
    link_directories(s);
    s->root = s->runs[0];
    qsort(s->runs, (size_t)s->num_runs, sizeof(*s->runs), by_first);
    bs->length = (uint64_t)shape->sectors * SECTOR;
    bs->read_align = bs->write_align = SECTOR;
    s->quiet = (AioTimer){ .fn = went_quiet, .opaque = s };
    if (!bs->read_only) {
        ret = fat_writer_new(s, dir, shape->sectors, err);
        if (ret < 0) {
            fat_close(bs);
        }
    }
    return ret < 0 ? ret : 0;
}

const BlockDriver bdrv_vvfat = {
    .name = "vvfat",
    .protocol = "fat",
    .state_size = sizeof(Fat),
    .open = fat_open,
    .close = fat_close,
    .co_preadv = fat_preadv,
    .co_pwritev = fat_pwritev,
    .co_flush_to_os = fat_flush_to_os,
};
