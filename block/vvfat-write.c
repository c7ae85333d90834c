/* SPDX-License-Identifier: MIT */
/*
 * fat:rw: what the guest writes comes back into the directory of the host.
 *
 *      guest's sectors --> temporary file          when it flushes or pauses, and at the end:
 *                               |
 *      the guest's tree, if it is consistent  --- differences --->  directory
 *      the tree that the directory has ("known")                (files whole, by rename)
 *
 * Consistent: every allocated cluster belongs to exactly one file or directory, and
 * every chain is as long as its file.  A guest in the middle of something is not; its
 * changes wait for a later flush.
 *
 * Nothing of the host is lost by it: before a file of the host is replaced or removed,
 * what of it the guest may still refer to goes to the temporary file; a file that has
 * changed on the host meanwhile, or that the guest could not see, stays as it is, and
 * stderr says so.
 *
 * Not modelled: times, attributes and the label that the guest sets; a renamed file is a
 * new one to the host, with its contents.
 */
#include "block/vvfat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/bits.h"
#include "util/mem.h"

enum { SECTOR = FAT_SECTOR, ENTRY = FAT_ENTRY, MAX_NODES = 65536 };

/* A file or directory, by its path below the directory. */
typedef struct Node {
    char *path;
    bool is_dir;
    bool foreign;                       /* the host's own: let it be */
    bool written;                       /* guest's tree: since the last time */
    bool later;                         /* guest's tree: it has no place, or not yet */
    bool moved;                         /* known: is in the next list */
    uint32_t first, size;
    uint64_t chain;                     /* of its cluster numbers */
    struct timespec mtime;              /* known: of the host's file */
} Node;

typedef struct Tree { Node *node; int num; } Tree;

struct FatWriter {
    char *dir;
    int fd;                             /* the temporary file */
    uint8_t *written, *fresh;           /* a bit per sector: ever, since write-back */
    uint32_t sectors;
    bool pending;                       /* something is fresh */
    uint8_t boot[SECTOR];
    Tree known;
    char why[300];                      /* not consistent: why */
};

/* -- Sectors ----------------------------------------------------------------- */

static bool test_bit(const uint8_t *map, uint32_t n) { return map[n / 8] >> (n % 8) & 1; }
static void set_bit(uint8_t *map, uint32_t n) { map[n / 8] |= (uint8_t)(1u << (n % 8)); }

bool fat_is_written(const Fat *s, uint32_t n)
{
    return s->writer && test_bit(s->writer->written, n);
}

int fat_read_written(const Fat *s, uint32_t n, uint8_t *b)
{
    ssize_t got = pread(s->writer->fd, b, SECTOR, (off_t)n * SECTOR);

    return got == SECTOR ? 0 : got < 0 ? -errno : -EIO;
}

static int keep_sector(const Fat *s, uint32_t n, const uint8_t *b)
{
    ssize_t put = pwrite(s->writer->fd, b, SECTOR, (off_t)n * SECTOR);

    if (put != SECTOR) {
        return put < 0 ? -errno : -ENOSPC;
    }
    set_bit(s->writer->written, n);
    return 0;
}

int fat_write_sector(Fat *s, uint32_t n, const uint8_t *b)
{
    int ret = keep_sector(s, n, b);

    if (ret >= 0) {
        set_bit(s->writer->fresh, n);
        s->writer->pending = true;
    }
    return ret;
}

static uint32_t sector_of(const Fat *s, uint32_t cluster)
{
    return s->start + s->data + (cluster - 2) * s->cluster_sectors;
}

/* -- The guest's tree -------------------------------------------------------- */

typedef struct Parse {
    const Fat *s;
    uint32_t *fat;
    uint8_t *used;                      /* a bit per cluster */
    Tree tree;
    uint32_t active;                    /* FAT */
    int ret;                            /* -EAGAIN: not consistent */
} Parse;

static int inconsistent(Parse *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int inconsistent(Parse *p, const char *fmt, ...)
{
    FatWriter *w = p->s->writer;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(w->why, sizeof(w->why), fmt, ap);
    va_end(ap);
    return p->ret = -EAGAIN;
}

static int read_sectors(Parse *p, uint32_t n, uint32_t num, uint8_t *to)
{
    for (uint32_t i = 0; i < num && p->ret >= 0; i++) {
        p->ret = fat_read_sector(p->s, n + i, to + (size_t)i * SECTOR);
    }
    return p->ret;
}

/* All of it, as numbers. */
static int read_fat(Parse *p)
{
    const Fat *s = p->s;
    uint32_t num = s->num_clusters + 2;
    uint8_t *raw = xmalloc((size_t)s->fat_sectors * SECTOR + 4);

    p->fat = xcalloc(num, sizeof(*p->fat));
    p->used = xzalloc(num / 8 + 1);
    if (read_sectors(p, s->start + s->reserved + p->active * s->fat_sectors, s->fat_sectors,
                     raw) >= 0) {
        for (uint32_t i = 0; i < num; i++) {
            const uint8_t *at = raw + (uint64_t)i * (uint32_t)s->type / 8;

            p->fat[i] = s->type == 12 ? (uint32_t)load_le(at, 2) >> (i % 2 * 4) & 0xfff
                      : (uint32_t)load_le(at, (unsigned)s->type / 8) & 0x0fffffff;
        }
    }
    free(raw);
    return p->ret;
}

/* Its clusters are taken; number of them. */
static uint32_t take_chain(Parse *p, Node *n)
{
    const Fat *s = p->s;
    uint32_t end = (s->type == 32 ? 0x0ffffff8 : (1u << s->type) - 8), num = 0;

    n->chain = 14695981039346656037ull;
    for (uint32_t c = n->first; c < end; num++) {
        if (c < 2 || c >= s->num_clusters + 2) {
            inconsistent(p, "%s: its chain leaves the disk", n->path);
            break;
        }
        if (test_bit(p->used, c)) {
            inconsistent(p, "%s: shares a cluster", n->path);
            break;
        }
        set_bit(p->used, c);
        n->chain = (n->chain ^ c) * 1099511628211ull;
        for (uint32_t i = 0; i < s->cluster_sectors; i++) {
            n->written |= test_bit(s->writer->fresh, sector_of(s, c) + i);
        }
        c = p->fat[c];
    }
    return num;
}

typedef struct LongName {
    uint16_t u[FAT_MAX_NAME + FAT_LFN_CHARS];
    int next;                           /* part that must come; 0: complete */
    int num;                            /* units; 0: there is none */
    uint8_t sum;
} LongName;

/* The last part comes first. */
static void add_part(LongName *l, const uint8_t *e)
{
    int part = e[0] & 0x3f;

    if (e[0] & 0x40) {
        *l = (LongName){ .next = part, .sum = e[13] };
    }
    if (part < 1 || part > FAT_MAX_NAME / FAT_LFN_CHARS + 1 || part != l->next ||
        e[13] != l->sum) {
        *l = (LongName){ .next = 0 };
        return;
    }
    l->next--;
    for (int i = 0; i < FAT_LFN_CHARS; i++) {
        int at = l->next * FAT_LFN_CHARS + i;

        l->u[at] = (uint16_t)load_le(e + fat_lfn_place[i], 2);
        if (l->u[at] && e[0] & 0x40) {
            l->num = at + 1;
        } else if (!l->u[at]) {
            break;
        }
    }
}

/* Byte 12: bits 3 and 4 say that base and extension are lower case (Windows NT). */
static bool short_text(const uint8_t *e, char *out)
{
    char *p = out;

    for (int i = 0; i < 11; i++) {
        uint8_t c = i == 0 && e[0] == 5 ? 0xe5 : e[i];
        bool lower = e[12] & (i < 8 ? 8 : 16);

        if (c == ' ') {
            continue;
        }
        if (c < 32 || c > 126) {
            return false;
        }
        if (i >= 8 && !memchr(out, '.', (size_t)(p - out))) {
            *p++ = '.';
        }
        *p++ = (char)(lower && c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    *p = 0;
    return true;
}

/* False: no name for a file of the host. */
static bool entry_name(const uint8_t *e, const LongName *l, char *out)
{
    bool ok = l->num && l->next == 0 && l->sum == fat_checksum(e)
            ? l->num < FAT_MAX_NAME && fat_to_utf8(l->u, l->num, out) : short_text(e, out);

    for (const char *p = out; ok && *p; p++) {
        ok = *p != '/' && (uint8_t)*p >= 32;
    }
    return ok && *out && strcmp(out, ".") && strcmp(out, "..") && strlen(out) <= FAT_MAX_NAME;
}

static void parse_directory(Parse *p, const char *path, const uint8_t *dir, uint32_t len,
                            int depth);

/* The bytes of a chain, which has been taken. */
static uint8_t *read_chain(Parse *p, uint32_t first, uint32_t num)
{
    uint32_t bytes = p->s->cluster_sectors * SECTOR;
    uint8_t *data = xmalloc((size_t)num * bytes + 1);

    for (uint32_t i = 0, c = first; i < num && p->ret >= 0; i++, c = p->fat[c]) {
        read_sectors(p, sector_of(p->s, c), p->s->cluster_sectors, data + (size_t)i * bytes);
    }
    return data;
}

static void parse_entry(Parse *p, const char *path, const uint8_t *e, const LongName *l,
                        int depth)
{
    uint32_t bytes = p->s->cluster_sectors * SECTOR;
    char name[3 * FAT_MAX_NAME + 14];

    if (!entry_name(e, l, name)) {
        inconsistent(p, "%.100s: a name that no file of the host can have",
                     *path ? path : "/");
        return;
    }
    Node n = { .path = xasprintf("%s%s%s", path, *path ? "/" : "", name),
               .is_dir = e[11] & FAT_ATTR_DIR, .size = (uint32_t)load_le(e + 28, 4),
               .first = (uint32_t)load_le(e + 26, 2) |
                        (p->s->type == 32 ? (uint32_t)load_le(e + 20, 2) << 16 : 0) };
    uint32_t num = n.first ? take_chain(p, &n) : 0;

    if (p->ret >= 0 && (n.is_dir ? !num : num != n.size / bytes + (n.size % bytes != 0))) {
        inconsistent(p, "%.200s: has %u clusters for %u bytes", n.path, num, n.size);
    }
    if (p->tree.num >= MAX_NODES || depth >= FAT_MAX_DEPTH) {
        inconsistent(p, "%.200s: too many files, or too deep", n.path);
    }
    p->tree.node = xrealloc(p->tree.node, (size_t)(p->tree.num + 1) * sizeof(n));
    p->tree.node[p->tree.num++] = n;
    if (n.is_dir && p->ret >= 0) {
        uint8_t *dir = read_chain(p, n.first, num);

        parse_directory(p, n.path, dir, num * bytes, depth + 1);
        free(dir);
    }
}

static void parse_directory(Parse *p, const char *path, const uint8_t *dir, uint32_t len,
                            int depth)
{
    LongName l = { .next = 0 };

    for (uint32_t at = 0; at < len && dir[at] && p->ret >= 0; at += ENTRY) {
        const uint8_t *e = dir + at;

        if (e[0] != 0xe5 && (e[11] & 0x3f) == FAT_ATTR_LFN) {
            add_part(&l, e);
            continue;
        }
        if (e[0] != 0xe5 && !(e[11] & FAT_ATTR_LABEL) && memcmp(e, ".          ", 11) &&
            memcmp(e, "..         ", 11)) {
            parse_entry(p, path, e, &l, depth);
        }
        l = (LongName){ .next = 0 };
    }
}

static void parse_root(Parse *p)
{
    const Fat *s = p->s;
    uint32_t len = s->root_sectors * SECTOR;
    Node root = { .path = (char[]){ "/" }, .first = s->root.first };
    uint8_t *dir;

    if (s->type == 32) {
        uint32_t num = take_chain(p, &root);

        dir = read_chain(p, root.first, p->ret < 0 ? 0 : num);
        len = num * s->cluster_sectors * SECTOR;
    } else {
        dir = xmalloc(len);
        read_sectors(p, s->start + s->data - s->root_sectors, s->root_sectors, dir);
    }
    if (p->ret >= 0) {
        parse_directory(p, "", dir, len, 0);
    }
    free(dir);
}

/* "Boot Sector and BPB": where things are, and the serial number, as a new one comes with
 * formatting, which must not empty DIR.  The rest is the guest's: its boot code, the
 * label, the geometry, whether it is mounted. */
static const struct Field { uint8_t at, len; enum { FAT12_16 = 1, FAT32, BOTH } in; } layout[] = {
    { 11, 10, BOTH },                   /* sizes, reserved sectors, FATs, root entries */
    { 22, 2, BOTH },                    /* sectors of a FAT */
    { 32, 4, BOTH },                    /* sectors */
    { 36, 4, FAT32 },                   /* of a FAT */
    { 42, 6, FAT32 },                   /* version, root directory */
    { 39, 4, FAT12_16 },                /* serial number */
    { 67, 4, FAT32 },
};

/* BPB_ExtFlags: bit 7, one FAT is active; bits 3:0, this one. */
static void check_boot(Parse *p)
{
    bool fat32 = p->s->type == 32, same = true;
    uint8_t b[SECTOR];

    if (read_sectors(p, p->s->start, 1, b) < 0) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(layout); i++) {
        const struct Field *f = &layout[i];

        same &= !(f->in & (fat32 ? FAT32 : FAT12_16)) ||
                !memcmp(b + f->at, p->s->writer->boot + f->at, f->len);
    }
    p->active = fat32 && b[40] & 0x80 ? b[40] & 15 : 0;
    if (!same || p->active > 1) {
        inconsistent(p, "the guest has made another file system on it");
    }
}

static void find_lost(Parse *p)
{
    uint32_t bad = p->s->type == 32 ? 0x0ffffff7 : (1u << p->s->type) - 9;

    for (uint32_t c = 2; c < p->s->num_clusters + 2 && p->ret >= 0; c++) {
        if (p->fat[c] && p->fat[c] != bad && !test_bit(p->used, c)) {
            inconsistent(p, "cluster %u belongs to no file", c);
        }
    }
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const Node *)a)->path, ((const Node *)b)->path);
}

static void free_tree(Tree *t)
{
    for (int i = 0; i < t->num; i++) {
        free(t->node[i].path);
    }
    free(t->node);
    *t = (Tree){ NULL, 0 };
}

static void sort_tree(Parse *p)
{
    if (p->tree.num) {
        qsort(p->tree.node, (size_t)p->tree.num, sizeof(Node), by_path);
    }
    for (int i = 1; i < p->tree.num && p->ret >= 0; i++) {
        if (!strcmp(p->tree.node[i - 1].path, p->tree.node[i].path)) {
            inconsistent(p, "%.200s: is there twice", p->tree.node[i].path);
        }
    }
}

/* By path, parents before what is in them. */
static int parse(Parse *p, const Fat *s)
{
    *p = (Parse){ .s = s };
    check_boot(p);
    if (p->ret >= 0 && read_fat(p) >= 0) {
        parse_root(p);
        find_lost(p);
        sort_tree(p);
    }
    return p->ret;
}

static void parse_free(Parse *p)
{
    free_tree(&p->tree);
    free(p->fat);
    free(p->used);
}

static Node *find(const Tree *t, const char *path)
{
    Node key = { .path = (char *)(uintptr_t)path };

    return t->num ? bsearch(&key, t->node, (size_t)t->num, sizeof(key), by_path) : NULL;
}

/* -- Into the directory ------------------------------------------------------ */

static char *host_path(const FatWriter *w, const Node *n)
{
    return xasprintf("%s/%s", w->dir, n->path);
}

static void refuse(const FatWriter *w, Node *n, const char *why)
{
    n->foreign = true;
    fprintf(stderr, "fat:rw:%s: %s: %s: left as it is on the host\n", w->dir, n->path, why);
}

/* Is it still the file that we know? */
static bool is_unchanged(const Node *known, const struct stat *st)
{
    return S_ISREG(st->st_mode) && (uint64_t)st->st_size == known->size &&
           st->st_mtim.tv_sec == known->mtime.tv_sec &&
           st->st_mtim.tv_nsec == known->mtime.tv_nsec;
}

/* What the guest's disk takes from this file is taken from now. */
static int keep_run(const Fat *s, const char *path)
{
    uint8_t b[SECTOR];
    int ret = 0;

    for (int i = 0; i < s->num_runs; i++) {
        FatRun *r = &s->runs[i];

        if (!r->path || strcmp(r->path, path)) {
            continue;
        }
        uint32_t at = sector_of(s, r->first), num = (r->size + SECTOR - 1) / SECTOR;

        for (uint32_t k = 0; r->first && k < num && ret >= 0; k++) {
            if (!fat_is_written(s, at + k)) {
                ret = fat_make_sector(s, at + k, b);
                ret = ret < 0 ? ret : keep_sector(s, at + k, b);
            }
        }
        if (ret >= 0) {
            free(r->path);
            r->path = NULL;
            r->size = 0;
        }
    }
    return ret;
}

static int write_contents(const Parse *p, const Node *n, int fd)
{
    uint8_t b[SECTOR];
    uint32_t left = n->size;
    int ret = 0;

    for (uint32_t c = n->first; left && ret >= 0; c = p->fat[c]) {
        for (uint32_t i = 0; i < p->s->cluster_sectors && left && ret >= 0; i++) {
            uint32_t len = MIN(left, SECTOR);

            ret = fat_read_sector(p->s, sector_of(p->s, c) + i, b);
            ssize_t put = ret < 0 ? 0 : write(fd, b, len);

            if (ret >= 0 && put != (ssize_t)len) {
                ret = put < 0 ? -errno : -ENOSPC;
            }
            left -= len;
        }
    }
    return ret < 0 ? ret : fsync(fd) < 0 ? -errno : 0;
}

static const char *last_name(const char *path) { return strrchr(path, '/') + 1; }

/* The file as a whole takes its name: who looks sees the old one or the new one. */
static int replace_file(const Parse *p, Node *n, const char *path, mode_t mode)
{
    char *temp = xasprintf("%.*s" FAT_TEMPORARY, (int)(last_name(path) - path), path);
    int fd = mkstemp(temp), ret = fd < 0 ? -errno : 0;
    struct stat st = { .st_size = 0 };

    if (fd >= 0) {
        ret = write_contents(p, n, fd);
        if (ret >= 0) {
            ret = keep_run(p->s, path);
        }
        if (ret >= 0 && (fchmod(fd, mode) < 0 || rename(temp, path) < 0 || fstat(fd, &st) < 0)) {
            ret = -errno;
        }
        if (ret < 0) {
            unlink(temp);
        }
        close(fd);
    }
    n->mtime = st.st_mtim;
    free(temp);
    return ret;
}

static int bring_file(const Parse *p, Node *n, const Node *old)
{
    FatWriter *w = p->s->writer;
    char *path = host_path(w, n);
    bool is_there;
    struct stat st;
    int ret = 0;

    is_there = lstat(path, &st) == 0;
    if (old && old->foreign) {
        n->foreign = true;
    } else if (fat_is_temporary(last_name(path))) {
        refuse(w, n, "is a name of temporary files");
    } else if (is_there && !old) {
        refuse(w, n, "is something else on the host");
    } else if (is_there && !is_unchanged(old, &st)) {
        refuse(w, n, "has changed on the host meanwhile");
    } else {
        mode_t mask = umask(0);

        umask(mask);
        ret = replace_file(p, n, path, is_there ? st.st_mode & 0777 : 0666 & ~mask);
    }
    free(path);
    return ret;
}

static int bring_directory(const Parse *p, Node *n)
{
    char *path = host_path(p->s->writer, n);
    struct stat st;
    int ret = 0;

    if (mkdir(path, 0777) < 0) {
        ret = -errno;
        if (ret == -EEXIST && lstat(path, &st) == 0) {
            ret = 0;
            if (!S_ISDIR(st.st_mode)) {
                refuse(p->s->writer, n, "is something else on the host");
            }
        }
    }
    free(path);
    return ret;
}

static bool same_file(const Node *a, const Node *b)
{
    return a->is_dir == b->is_dir && a->first == b->first && a->size == b->size &&
           a->chain == b->chain;
}

/* What is wrong with something above it is wrong with it. */
static void inherit(const Tree *t, Node *n)
{
    char *slash = strrchr(n->path, '/');

    n->foreign = n->later = false;
    if (slash) {
        *slash = 0;
        const Node *up = find(t, n->path);

        *slash = '/';
        n->foreign = up && up->foreign;
        n->later = up && up->later;
    }
}

static int bring_one(const Parse *p, Node *n, const Node *old)
{
    inherit(&p->tree, n);
    n->later |= old && old->is_dir != n->is_dir;
    if (n->foreign || n->later) {
        return 0;
    }
    if (old && (n->is_dir || (same_file(n, old) && !n->written))) {
        n->mtime = old->mtime;
        n->foreign = old->foreign;
        return 0;
    }
    int ret = n->is_dir ? bring_directory(p, n) : bring_file(p, n, old);

    if (ret < 0) {
        n->later = true;
        fprintf(stderr, "fat:rw:%s: %s: cannot be written: %s\n", p->s->writer->dir, n->path,
                strerror(-ret));
    }
    return ret;
}

/* New and changed ones, each that can be; the first error. */
static int bring_all(const Parse *p, bool *again)
{
    FatWriter *w = p->s->writer;
    Tree next = { xcalloc((size_t)p->tree.num + (size_t)w->known.num + 1, sizeof(Node)), 0 };
    int ret = 0;

    for (int i = 0; i < p->tree.num; i++) {
        Node *n = &p->tree.node[i], *old = find(&w->known, n->path);
        int one = bring_one(p, n, old);

        ret = ret < 0 ? ret : one;
        *again |= n->later;
        if (!n->later) {
            next.node[next.num] = *n;
            next.node[next.num++].path = xstrdup(n->path);
            if (old) {
                old->moved = true;
            }
        }
    }
    for (int i = 0; i < w->known.num; i++) {            /* to be removed, or not brought */
        if (w->known.node[i].moved) {
            free(w->known.node[i].path);
        } else {
            next.node[next.num++] = w->known.node[i];
        }
    }
    free(w->known.node);
    w->known = next;
    qsort(next.node, (size_t)next.num, sizeof(Node), by_path);
    return ret;
}

static int remove_one(const Fat *s, Node *n)
{
    FatWriter *w = s->writer;
    char *path = host_path(w, n);
    struct stat st;
    int ret = 0;

    if (n->foreign || lstat(path, &st) < 0) {
        ret = 0;
    } else if (n->is_dir) {
        if (S_ISDIR(st.st_mode) && rmdir(path) < 0) {
            refuse(w, n, strerror(errno));
        }
    } else if (!is_unchanged(n, &st)) {
        refuse(w, n, "has changed on the host meanwhile");
    } else {
        ret = keep_run(s, path);
        if (ret >= 0 && unlink(path) < 0) {
            refuse(w, n, strerror(errno));
        }
    }
    free(path);
    return ret;
}

/* What is in a directory goes before it. */
static int remove_all(const Parse *p)
{
    FatWriter *w = p->s->writer;
    Tree left = { xcalloc((size_t)w->known.num + 1, sizeof(Node)), 0 };
    int ret = 0;

    for (int i = w->known.num - 1; i >= 0; i--) {
        Node *n = &w->known.node[i];
        const Node *is = find(&p->tree, n->path);

        if (!(is && is->is_dir == n->is_dir) && ret >= 0) {
            ret = remove_one(p->s, n);
            if (ret >= 0) {
                free(n->path);
                continue;
            }
        }
        left.node[left.num++] = *n;
    }
    free(w->known.node);
    w->known = left;
    qsort(left.node, (size_t)left.num, sizeof(Node), by_path);
    return ret;
}

int fat_write_back(Fat *s)
{
    FatWriter *w = s->writer;
    bool again = false;
    Parse p;

    if (!w->pending) {
        return 0;
    }
    int ret = parse(&p, s);

    for (int turn = 0; turn < 2 && ret >= 0 && (turn == 0 || again); turn++) {
        ret = bring_all(&p, &again);    /* the second: where a file was a directory, or so */
        ret = ret < 0 ? ret : remove_all(&p);
    }
    if (ret >= 0) {
        memset(w->fresh, 0, w->sectors / 8 + 1);
        w->pending = false;
    }
    parse_free(&p);
    return ret == -EAGAIN ? 0 : ret;
}

/* -- Life -------------------------------------------------------------------- */

static int open_temporary(FatWriter *w, Error *err)
{
    const char *dir = getenv("TMPDIR");
    char *path = xasprintf("%s/qemu-vvfat-XXXXXX", dir && *dir ? dir : "/var/tmp");
    int ret = 0;

    w->fd = mkstemp(path);
    if (w->fd < 0 || unlink(path) < 0) {
        ret = error_set(err, errno, "%s: no temporary file for fat:rw: %s: set TMPDIR to a"
                        " directory with room", path, strerror(errno));
    }
    free(path);
    return ret;
}

/* What the guest is shown, and how it is on the host. */
static int learn_tree(Fat *s, Error *err)
{
    FatWriter *w = s->writer;
    Parse p;

    fat_make_sector(s, s->start, w->boot);
    int ret = parse(&p, s);
    if (ret < 0) {
        parse_free(&p);
        return error_set(err, EIO, "fat:rw:%s: cannot be read: %s", w->dir, w->why);
    }
    for (int i = 0; i < p.tree.num; i++) {
        Node *n = &p.tree.node[i];
        char *path = host_path(w, n);
        struct stat st;

        if (lstat(path, &st) == 0) {
            n->mtime = st.st_mtim;
        }
        free(path);
    }
    w->known = p.tree;
    p.tree = (Tree){ NULL, 0 };
    parse_free(&p);
    return 0;
}

int fat_writer_new(Fat *s, const char *dir, uint32_t sectors, Error *err)
{
    FatWriter *w = xzalloc(sizeof(*w));

    w->dir = xstrdup(dir);
    w->sectors = sectors;
    w->fd = -1;
    w->written = xzalloc(sectors / 8 + 1);
    w->fresh = xzalloc(sectors / 8 + 1);
    s->writer = w;
    if (access(dir, W_OK) < 0) {
        return error_set(err, errno, "fat:rw:%s: %s: leave out rw: to read only", dir,
                         strerror(errno));
    }
    int ret = open_temporary(w, err);

    return ret < 0 ? ret : learn_tree(s, err);
}

void fat_writer_free(Fat *s)
{
    FatWriter *w = s->writer;

    if (!w) {
        return;
    }
    if (w->pending) {
        fprintf(stderr, "fat:rw:%s: what the guest wrote last is not in the directory: %s\n",
                w->dir, w->why[0] ? w->why : "it could not be written");
    }
    free_tree(&w->known);
    if (w->fd >= 0) {
        close(w->fd);
    }
    free(w->dir);
    free(w->written);
    free(w->fresh);
    free(w);
    s->writer = NULL;
}
