/* SPDX-License-Identifier: MIT */
/*
 * qemu-nandimg: make and look at images of NAND flash, for -mtdblock.
 *
 *      page, spare area, page, spare area ...
 *
 * Partitions are those of the mini2440, in U-Boot and Linux.  A written page has
 * in its spare area what the S3C2440's driver in Linux puts there: a code of 3
 * bytes for 512 bytes, from byte 0 on (small pages), or for each 256 bytes, from
 * byte 40 on.  A block is bad if byte 5 (small) or 0 (large) of the spare area of
 * its first page is not FFh; like a boot loader all commands go on behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hw/nand/ecc.h"
#include "hw/nand/nand.h"
#include "util/bits.h"
#include "util/mem.h"

#define MiB (1u << 20)
enum { MAX_RAW = 2048 + 64 };

static const struct Partition {
    const char *name;
    uint64_t start, size;               /* size 0: to the end */
} partitions[] = {
    { "boot",   0,        0x40000 },
    { "env",    0x40000,  0x20000 },
    { "kernel", 0x60000,  0x500000 },
    { "root",   0x560000, 0 },
};

typedef struct Image {
    const char *path;
    int fd;
    const NandModel *m;
    bool oob;                           /* the file has spare areas */
} Image;

static int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int fail(const char *fmt, ...)
{
    va_list ap;

    fputs("qemu-nandimg: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return 1;
}

/* -- Pages ------------------------------------------------------------------- */

static uint64_t chip_size(const Image *im)
{
    return (uint64_t)im->m->mib * MiB;
}

static uint32_t block_size(const Image *im)
{
    return (uint32_t)im->m->page * im->m->pages;
}

static uint32_t raw_size(const Image *im)
{
    return im->m->page + (im->oob ? im->m->oob : 0u);
}

/* Page and spare area; without the latter in the file it is erased. */
static bool read_page(const Image *im, uint32_t row, uint8_t *raw)
{
    memset(raw, 0xff, MAX_RAW);
    return pread(im->fd, raw, raw_size(im), (off_t)row * raw_size(im)) == (ssize_t)raw_size(im) ||
           !fail("%s: page %u cannot be read", im->path, row);
}

static bool write_page(const Image *im, uint32_t row, const uint8_t *raw)
{
    return pwrite(im->fd, raw, raw_size(im), (off_t)row * raw_size(im)) == (ssize_t)raw_size(im) ||
           !fail("%s: page %u cannot be written: %s", im->path, row, strerror(errno));
}

static bool erased(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != 0xff) {
            return false;
        }
    }
    return true;
}

static unsigned marker_at(const Image *im)
{
    return im->m->page + (im->m->page == 512 ? 5u : 0u);
}

static bool block_is_bad(const Image *im, uint64_t off, bool *bad)
{
    uint8_t raw[MAX_RAW];

    if (!read_page(im, (uint32_t)(off / im->m->page), raw)) {
        return false;
    }
    *bad = raw[marker_at(im)] != 0xff;
    return true;
}

/* -- Codes ------------------------------------------------------------------- */

static unsigned step_of(const Image *im)
{
    return im->m->page == 512 ? 512 : 256;
}

static void code_of_step(const Image *im, const uint8_t *raw, unsigned step, uint8_t code[3])
{
    NandEcc e = { 0 };

    for (unsigned i = 0; i < step_of(im); i++) {
        nand_ecc_byte(&e, raw[step * step_of(im) + i]);
    }
    store_le(code, nand_ecc_code(&e), 3);
}

static unsigned code_at(const Image *im, unsigned step)
{
    return im->m->page + (im->m->page == 512 ? 0 : 40 + 3 * step);
}

static void put_codes(const Image *im, uint8_t *raw)
{
    for (unsigned i = 0; i < im->m->page / step_of(im); i++) {
        code_of_step(im, raw, i, raw + code_at(im, i));
    }
}

/* A code that was never written is right. */
static bool codes_right(const Image *im, const uint8_t *raw)
{
    for (unsigned i = 0; i < im->m->page / step_of(im); i++) {
        uint8_t code[3];

        code_of_step(im, raw, i, code);
        if (!erased(raw + code_at(im, i), 3) && memcmp(code, raw + code_at(im, i), 3)) {
            return false;
        }
    }
    return true;
}

/* -- Partitions -------------------------------------------------------------- */

static uint64_t end_of(const Image *im, const struct Partition *p)
{
    return p->size ? p->start + p->size : chip_size(im);
}

/* By name, or from an offset to the end of its partition. */
static bool find_range(const Image *im, const char *name, uint64_t *start, uint64_t *end)
{
    char *rest;
    uint64_t off = strtoull(name, &rest, 0);

    for (size_t i = 0; i < ARRAY_SIZE(partitions); i++) {
        const struct Partition *p = &partitions[i];
        bool by_offset = *name && !*rest && off >= p->start && off < end_of(im, p);

        if (by_offset || !strcmp(name, p->name)) {
            *start = by_offset ? off : p->start;
            *end = end_of(im, p);
            return *start % im->m->page == 0 ||
                   !fail("%s: an offset is a multiple of %u, the size of a page", name, im->m->page);
        }
    }
    return !fail("%s: is neither a partition (boot, env, kernel, root) nor an offset in the chip",
                 name);
}

/* -- create ------------------------------------------------------------------ */

static bool erase_all(const Image *im)
{
    uint32_t len = raw_size(im) * im->m->pages;
    uint8_t *ones = xmalloc(len);
    bool ok = true;

    memset(ones, 0xff, len);
    for (uint64_t i = 0; ok && i < chip_size(im) / block_size(im); i++) {
        ok = pwrite(im->fd, ones, len, (off_t)(i * len)) == (ssize_t)len ||
             !fail("%s: %s", im->path, strerror(errno));
    }
    free(ones);
    return ok;
}

/* The file's bytes from start on, page by page, over bad blocks. */
static bool put_pages(const Image *im, const char *file, FILE *in, uint64_t off, uint64_t end)
{
    uint8_t raw[MAX_RAW];
    bool bad = false;

    for (;; off += im->m->page) {
        memset(raw, 0xff, sizeof(raw));
        size_t n = fread(raw, 1, im->m->page, in);

        if (!n) {
            return !ferror(in) || !fail("%s: %s", file, strerror(errno));
        }
        do {
            if (off % block_size(im) == 0 && off < end && !block_is_bad(im, off, &bad)) {
                return false;
            }
            off += bad ? block_size(im) : 0;
        } while (bad && off < end);
        if (off >= end) {
            return !fail("%s: does not fit into its partition, which ends at 0x%" PRIx64, file, end);
        }
        if (!erased(raw, im->m->page)) {
            put_codes(im, raw);
            if (!write_page(im, (uint32_t)(off / im->m->page), raw)) {
                return false;
            }
        }
    }
}

static bool put_file(const Image *im, char *arg)
{
    char *file = strchr(arg, '=');
    uint64_t start, end;

    if (!file) {
        return !fail("%s: want PARTITION=FILE", arg);
    }
    *file++ = 0;
    if (!find_range(im, arg, &start, &end)) {
        return false;
    }
    FILE *in = fopen(file, "rb");
    if (!in) {
        return !fail("%s: %s", file, strerror(errno));
    }
    bool ok = put_pages(im, file, in, start, end);

    fclose(in);
    return ok;
}

static uint32_t mib_of(const char *text)
{
    char *rest;
    unsigned long n = strtoul(text, &rest, 10);

    return (uint32_t)(*rest == 'G' || *rest == 'g' ? n * 1024 : n);
}

static int cmd_create(int argc, char **argv)
{
    const char *size = "64M";
    Image im = { .oob = true, .fd = -1 };
    int opt;

    while ((opt = getopt(argc, argv, "s:")) == 's') {
        size = optarg;
    }
    im.m = nand_model_by_mib(mib_of(size));
    if (opt != -1 || optind >= argc) {
        return fail("create: want [-s SIZE] IMAGE [PARTITION=FILE ...]");
    }
    if (!im.m) {
        return fail("-s %s: there are chips of 64M, 128M, 256M and 1G", size);
    }
    im.path = argv[optind];
    im.fd = open(im.path, O_RDWR | O_CREAT | O_TRUNC, 0666);
    if (im.fd < 0) {
        return fail("%s: %s", im.path, strerror(errno));
    }
    bool ok = erase_all(&im);

    for (int i = optind + 1; ok && i < argc; i++) {
        ok = put_file(&im, argv[i]);
    }
    ok = close(im.fd) == 0 && ok;
    if (!ok) {
        unlink(im.path);
    }
    return !ok;
}

/* -- list, extract, markbad -------------------------------------------------- */

static bool open_image(Image *im, const char *path, int flags)
{
    struct stat st;

    im->path = path;
    im->fd = open(path, flags);
    if (im->fd < 0 || fstat(im->fd, &st) < 0) {
        return !fail("%s: %s", path, strerror(errno));
    }
    im->m = nand_model_by_file((uint64_t)st.st_size, &im->oob);
    return im->m || !fail("%s: is of %lld bytes, which is no size of a NAND image", path,
                          (long long)st.st_size);
}

typedef struct Found {
    uint64_t used;                      /* bytes up to the last page with data */
    unsigned pages, bad_blocks, wrong_codes;
} Found;

static bool scan(const Image *im, uint64_t start, uint64_t end, Found *f)
{
    uint8_t raw[MAX_RAW];

    *f = (Found){ 0 };
    for (uint64_t off = start; off < end; off += im->m->page) {
        if (!read_page(im, (uint32_t)(off / im->m->page), raw)) {
            return false;
        }
        if (off % block_size(im) == 0 && raw[marker_at(im)] != 0xff) {
            printf("    bad block %" PRIu64 " at 0x%08" PRIx64 "\n", off / block_size(im), off);
            f->bad_blocks++;
            off += block_size(im) - im->m->page;
        } else if (!erased(raw, im->m->page)) {
            f->pages++;
            f->used = off + im->m->page - start;
            f->wrong_codes += !codes_right(im, raw);
        }
    }
    return true;
}

static int cmd_list(int argc, char **argv)
{
    Image im;

    if (argc != 2) {
        return fail("list: want IMAGE");
    }
    if (!open_image(&im, argv[1], O_RDONLY)) {
        return 1;
    }
    printf("%s: %s, %u MiB, pages of %u + %u bytes, blocks of %u KiB%s\n", im.path, im.m->name,
           im.m->mib, im.m->page, im.m->oob, block_size(&im) / 1024,
           im.oob ? "" : ", no spare areas in the file");
    for (size_t i = 0; i < ARRAY_SIZE(partitions); i++) {
        const struct Partition *p = &partitions[i];
        Found f;

        if (!scan(&im, p->start, end_of(&im, p), &f)) {
            return 1;
        }
        printf("%-8s 0x%08" PRIx64 " to 0x%08" PRIx64 ": %" PRIu64 " bytes, %u pages written, "
               "%u with wrong codes\n", p->name, p->start, end_of(&im, p), f.used, f.pages,
               f.wrong_codes);
    }
    return 0;
}

static bool extract(const Image *im, uint64_t start, uint64_t end, FILE *out)
{
    uint8_t raw[MAX_RAW];
    bool bad = false;
    Found f;

    if (!scan(im, start, end, &f)) {
        return false;
    }
    for (uint64_t off = start; off < start + f.used; off += im->m->page) {
        if (off % block_size(im) == 0 && !block_is_bad(im, off, &bad)) {
            return false;
        }
        if (bad) {
            continue;
        }
        if (!read_page(im, (uint32_t)(off / im->m->page), raw)) {
            return false;
        }
        fwrite(raw, im->m->page, 1, out);
    }
    if (f.wrong_codes) {
        fail("%s: %u pages with wrong codes", im->path, f.wrong_codes);
    }
    return true;
}

static int cmd_extract(int argc, char **argv)
{
    uint64_t start, end;
    Image im;

    if (argc != 4) {
        return fail("extract: want IMAGE PARTITION FILE");
    }
    if (!open_image(&im, argv[1], O_RDONLY) || !find_range(&im, argv[2], &start, &end)) {
        return 1;
    }
    FILE *out = fopen(argv[3], "wb");
    if (!out) {
        return fail("%s: %s", argv[3], strerror(errno));
    }
    bool ok = extract(&im, start, end, out);

    ok = !ferror(out) && ok;
    return (fclose(out) == 0 && ok) ? 0 : 1;
}

static int cmd_markbad(int argc, char **argv)
{
    uint8_t raw[MAX_RAW];
    Image im;

    if (argc < 3) {
        return fail("markbad: want IMAGE BLOCK ...");
    }
    if (!open_image(&im, argv[1], O_RDWR)) {
        return 1;
    }
    if (!im.oob) {
        return fail("%s: has no spare areas, where such marks are", im.path);
    }
    for (int i = 2; i < argc; i++) {
        char *rest;
        unsigned long block = strtoul(argv[i], &rest, 0);

        if (!*argv[i] || *rest || block >= chip_size(&im) / block_size(&im)) {
            return fail("%s: is no block of %s", argv[i], im.m->name);
        }
        uint32_t row = (uint32_t)block * im.m->pages;

        if (!read_page(&im, row, raw)) {
            return 1;
        }
        raw[marker_at(&im)] = 0;
        if (!write_page(&im, row, raw)) {
            return 1;
        }
    }
    return 0;
}

static const struct Command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
} commands[] = {
    { "create",  cmd_create,  "[-s 64M|128M|256M|1G] IMAGE [PARTITION=FILE ...]" },
    { "list",    cmd_list,    "IMAGE" },
    { "extract", cmd_extract, "IMAGE PARTITION FILE" },
    { "markbad", cmd_markbad, "IMAGE BLOCK ..." },
};

static int usage(void)
{
    printf("usage: qemu-nandimg COMMAND ...\n\n");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        printf("  %s %s\n", commands[i].name, commands[i].usage);
    }
    printf("\nPARTITION is boot, env, kernel, root, or an offset in the chip, 0x60000.\n");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2 || !strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")) {
        return usage();
    }
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (!strcmp(argv[1], commands[i].name)) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    return fail("%s: no such command; qemu-nandimg --help lists them", argv[1]);
}
