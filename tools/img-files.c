/* SPDX-License-Identifier: MIT */
/*
 * qemu-img ls, cat, cp: files inside an image, for reading, without root.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/fs.h"
#include "tools/img.h"
#include "util/bits.h"
#include "util/mem.h"

enum { CHUNK = 1 << 20, HOLE = 4096, MAX_DEPTH = 100, MAX_COPIED = 1 << 22 };

typedef struct Files {
    const char *format;
    bool lines, quiet;
    int part, flags;
    BlockDriverState *bs;
    Fs *fs;
    char *buf;                          /* CHUNK bytes */
    unsigned copied;
} Files;

static int find(Files *f, const char *path, FsNode *n)
{
    int ret = f->fs->ops->find(f->fs, path, n);

    return ret < 0 ? img_fail("%s: %s: %s", blk_filename(f->bs), path, strerror(-ret)) : 0;
}

/* -- ls ---------------------------------------------------------------------- */

typedef struct Entry { char *name; FsNode node; } Entry;

typedef struct Entries {
    Entry *e;
    size_t num, room;
} Entries;

static bool collect(void *opaque, const char *name, const FsNode *node)
{
    Entries *l = opaque;

    if (l->num == l->room) {
        l->room = l->room ? 2 * l->room : 64;
        l->e = xrealloc(l->e, l->room * sizeof(*l->e));
    }
    l->e[l->num++] = (Entry){ xstrdup(name), *node };
    return true;
}

static int by_name(const void *a, const void *b)
{
    const Entry *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static void free_entries(Entries *l)
{
    for (size_t i = 0; i < l->num; i++) {
        free(l->e[i].name);
    }
    free(l->e);
}

static int read_entries(Files *f, const FsNode *dir, const char *path, Entries *l)
{
    int ret = f->fs->ops->list(f->fs, dir, collect, l);

    if (l->num) {
        qsort(l->e, l->num, sizeof(*l->e), by_name);
    }
    return ret < 0 ? img_fail("%s: %s: %s", blk_filename(f->bs), path, strerror(-ret)) : 0;
}

static void print_mode(uint32_t mode)
{
    static const char rwx[] = "rwxrwxrwx";
    char text[11] = "-";

    text[0] = S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : S_ISCHR(mode) ? 'c' :
              S_ISBLK(mode) ? 'b' : S_ISFIFO(mode) ? 'p' : S_ISSOCK(mode) ? 's' : '-';
    for (int i = 0; i < 9; i++) {
        text[i + 1] = mode & (0400u >> i) ? rwx[i] : '-';
    }
    text[10] = 0;
    printf("%s", text);
}

/* Names come from the image: nothing there may talk to the terminal. */
static void print_name(const char *name)
{
    for (; *name; name++) {
        putchar((unsigned char)*name < 0x20 || *name == 0x7f ? '?' : *name);
    }
}

static void print_entry(const Files *f, const char *name, const FsNode *n)
{
    time_t t = (time_t)n->mtime;
    char date[32] = "";
    struct tm tm;

    if (f->lines) {
        if (localtime_r(&t, &tm)) {
            strftime(date, sizeof(date), "%Y-%m-%d %H:%M", &tm);
        }
        print_mode(n->mode);
        printf(" %5u %5u %12" PRIu64 " %s ", n->uid, n->gid, n->size, date);
    }
    print_name(name);
    printf("%s\n", !f->lines && S_ISDIR(n->mode) ? "/" : "");
}

static int list_one(Files *f, const char *path, bool title)
{
    Entries l = { NULL, 0, 0 };
    FsNode n;

    if (find(f, path, &n)) {
        return 1;
    }
    if (!S_ISDIR(n.mode)) {
        print_entry(f, path, &n);
        return 0;
    }
    int ret = read_entries(f, &n, path, &l);

    if (title) {
        printf("%s:\n", path);
    }
    for (size_t i = 0; i < l.num; i++) {
        print_entry(f, l.e[i].name, &l.e[i].node);
    }
    free_entries(&l);
    return ret;
}

static int list(Files *f, int num, char **paths)
{
    int ret = 0;

    if (num == 0) {
        return list_one(f, "/", false);
    }
    for (int i = 0; i < num; i++) {
        ret |= list_one(f, paths[i], num > 1);
    }
    return ret;
}

/* -- cat, cp ----------------------------------------------------------------- */

typedef struct Copy {
    Files *f;
    const char *path, *to_name;
    const FsNode *n;
    FILE *to;
} Copy;

static int write_failed(const Copy *c)
{
    return img_fail("%s: %s", c->to_name, strerror(errno));
}

static int read_failed(const Copy *c, int64_t ret, uint64_t off)
{
    return img_fail("%s: %s: %s at byte %" PRIu64, blk_filename(c->f->bs), c->path,
                    ret < 0 ? strerror((int)-ret) : "ends", off);
}

static int put(const Copy *c, const char *buf, uint64_t len)
{
    return fwrite(buf, 1, (size_t)len, c->to) == len ? 0 : write_failed(c);
}

/* Zeroes stay holes of a new file. */
static int put_sparse(const Copy *c, uint64_t off, const char *buf, uint64_t len)
{
    bool there = false;                 /* the file's position is at i */
    int ret = 0;

    for (uint64_t i = 0; i < len && !ret; i += HOLE) {
        uint64_t n = MIN(len - i, HOLE);
        bool zero = buf_is_zero(buf + i, n);

        if (!zero) {
            ret = !there && fseeko(c->to, (off_t)(off + i), SEEK_SET) ? write_failed(c)
                                                                     : put(c, buf + i, n);
        }
        there = !zero;
    }
    return ret;
}

static int copy_range(const Copy *c, uint64_t off, uint64_t len, bool sparse)
{
    Files *f = c->f;
    int ret = 0;

    for (uint64_t end = off + len; off < end && !ret;) {
        int64_t got = f->fs->ops->read(f->fs, c->n, off, f->buf, MIN(end - off, CHUNK));

        if (got <= 0) {
            return read_failed(c, got, off);
        }
        ret = sparse ? put_sparse(c, off, f->buf, (uint64_t)got) : put(c, f->buf, (uint64_t)got);
        off += (uint64_t)got;
    }
    return ret;
}

static int copy_sparse(void *opaque, uint64_t off, uint64_t len)
{
    return copy_range(opaque, off, len, true);
}

static bool is_file(const Files *f, const char *path, const FsNode *n)
{
    if (!S_ISREG(n->mode)) {
        img_fail("%s: %s: %s", blk_filename(f->bs), path,
                 S_ISDIR(n->mode) ? "a directory" : "not a regular file");
    }
    return S_ISREG(n->mode);
}

static int cat(Files *f, int num, char **paths)
{
    int ret = num ? 0 : img_usage("Expecting a file of the image");

    for (int i = 0; i < num; i++) {
        FsNode n;
        Copy c = { f, paths[i], "standard output", &n, stdout };

        ret |= find(f, paths[i], &n) || !is_file(f, paths[i], &n) ||
               copy_range(&c, 0, n.size, false);
    }
    if (fflush(stdout)) {
        ret = img_fail("standard output: %s", strerror(errno));
    }
    return ret;
}

static int copy_with_holes(Copy *c)
{
    Fs *fs = c->f->fs;
    int ret = fs->ops->ranges ? fs->ops->ranges(fs, c->n, copy_sparse, c)
                              : copy_sparse(c, 0, c->n->size);

    if (ret) {
        return ret < 0 ? read_failed(c, ret, 0) : ret;
    }
    return fflush(c->to) || ftruncate(fileno(c->to), (off_t)c->n->size) ? write_failed(c) : 0;
}

static int copy_file(Files *f, const char *path, const FsNode *n, const char *to)
{
    FILE *out = is_file(f, path, n) ? fopen(to, "wbe") : NULL;
    Copy c = { f, path, to, n, out };
    struct stat st;

    if (!out) {
        return S_ISREG(n->mode) ? write_failed(&c) : 1;
    }
    bool regular = fstat(fileno(out), &st) == 0 && S_ISREG(st.st_mode);
    int ret = regular ? copy_with_holes(&c) : copy_range(&c, 0, n->size, false);

    fchmod(fileno(out), n->mode & 0777);
    if (fclose(out) && !ret) {
        ret = write_failed(&c);
    }
    return ret;
}

/* A name of the image that is no path: nothing is written elsewhere. */
static bool is_plain(const char *name)
{
    return *name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

typedef struct Level {                  /* a directory that is being copied */
    uint64_t id;
    int depth;
    const struct Level *up;
} Level;

static int copy_tree(Files *f, const char *path, const FsNode *n, const char *to,
                     const Level *up);

static int copy_entries(Files *f, const char *path, const Entries *l, const char *to,
                        const Level *here)
{
    int ret = 0;

    for (size_t i = 0; i < l->num; i++) {
        const Entry *e = &l->e[i];

        if (!is_plain(e->name)) {
            ret |= img_fail("%s: %s: a name that is a path, left out", blk_filename(f->bs), path);
            continue;
        }
        char *from = xasprintf("%s/%s", path, e->name), *dest = xasprintf("%s/%s", to, e->name);

        if (S_ISREG(e->node.mode) || S_ISDIR(e->node.mode)) {
            ret |= copy_tree(f, from, &e->node, dest, here);
        } else if (!f->quiet) {
            img_fail("warning: %s: neither file nor directory, left out", from);
        }
        free(from);
        free(dest);
    }
    return ret;
}

/* Directories of a broken image may hold each other. */
static bool is_above(const Level *l, uint64_t id)
{
    while (l && l->id != id) {
        l = l->up;
    }
    return l != NULL;
}

static int copy_tree(Files *f, const char *path, const FsNode *n, const char *to,
                     const Level *up)
{
    Level here = { n->id, up ? up->depth + 1 : 0, up };
    Entries l = { NULL, 0, 0 };

    if (++f->copied > MAX_COPIED) {
        return img_fail("%s: %s: more than %d files, and no end", blk_filename(f->bs), path,
                        MAX_COPIED);
    }
    if (!S_ISDIR(n->mode)) {
        return copy_file(f, path, n, to);
    }
    if (here.depth > MAX_DEPTH || is_above(up, n->id)) {
        return img_fail("%s: %s: directories without end", blk_filename(f->bs), path);
    }
    if (mkdir(to, 0755) < 0 && errno != EEXIST) {
        return img_fail("%s: %s", to, strerror(errno));
    }
    int ret = read_entries(f, n, path, &l);

    ret |= copy_entries(f, path, &l, to, &here);
    free_entries(&l);
    return ret;
}

static int copy(Files *f, int num, char **paths)
{
    const char *to = num ? paths[num - 1] : "";
    struct stat st;
    bool into = num && stat(to, &st) == 0 && S_ISDIR(st.st_mode);
    int ret = 0;

    if (num < 2) {
        return img_usage("Expecting files of the image, and where to put them");
    }
    if (num > 2 && !into) {
        return img_fail("%s: not a directory", to);
    }
    for (int i = 0; i < num - 1; i++) {
        char *path = xstrdup(paths[i]);
        size_t len = strlen(path);
        FsNode n;

        while (len && path[len - 1] == '/') {
            path[--len] = 0;
        }
        const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
        char *dest = into && is_plain(base) ? xasprintf("%s/%s", to, base) : xstrdup(to);

        ret |= find(f, path, &n) || copy_tree(f, path, &n, dest, NULL);
        free(dest);
        free(path);
    }
    return ret;
}

/* -- The command line -------------------------------------------------------- */

static int with_files(Files *f, const char *file, int num, char **paths,
                      int (*run)(Files *f, int num, char **paths))
{
    Error err = { "" };
    int ret = 1;

    f->bs = img_open(file, f->format, f->flags, true);
    if (!f->bs) {
        return 1;
    }
    f->fs = fs_open(f->bs, f->part, &err);
    if (f->fs) {
        f->buf = xmalloc(CHUNK);
        ret = run(f, num, paths);
        free(f->buf);
        f->fs->ops->close(f->fs);
    } else {
        img_fail("%s", err.msg);
    }
    bdrv_delete(f->bs);
    return ret;
}

static int take_arguments(int argc, char **argv, const char *shorts,
                          int (*run)(Files *f, int num, char **paths))
{
    Files f = { .part = -1 };
    ImgArgs a;
    char *end;
    int o;

    img_args(&a, argc, argv, shorts, "force-share");
    while ((o = img_option(&a)) != -1) {
        switch (o) {
        case 'f': f.format = optarg; break;
        case 'l': f.lines = true; break;
        case 'q': f.quiet = true; break;
        case 'U': f.flags |= BDRV_O_NO_LOCK; break;
        case 'P':
            f.part = (int)strtol(optarg, &end, 10);
            if (!*optarg || *end || f.part < 0 || f.part > 128) {
                return img_fail("Invalid partition '%s': write a number, 0 for the whole image",
                                optarg);
            }
            break;
        default: return a.status;
        }
    }
    if (img_left(&a) < 1) {
        return img_usage("Expecting image file name");
    }
    return with_files(&f, argv[optind], img_left(&a) - 1, argv + optind + 1, run);
}

int img_ls(int argc, char **argv)
{
    return take_arguments(argc, argv, "f:lP:U", list);
}

int img_cat(int argc, char **argv)
{
    return take_arguments(argc, argv, "f:P:U", cat);
}

int img_cp(int argc, char **argv)
{
    return take_arguments(argc, argv, "f:P:qU", copy);
}
