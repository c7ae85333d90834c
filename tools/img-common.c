/* SPDX-License-Identifier: MIT */
/*
 * qemu-img: options, messages, opening, extents, JSON, progress.
 */
#include "tools/img.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/refused.h"
#include "util/bits.h"
#include "util/mem.h"

/* -- Saying ------------------------------------------------------------------ */

static void complain(const char *fmt, va_list ap)
{
    fflush(stdout);
    fprintf(stderr, "qemu-img: ");
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\n");
}

int img_fail(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    complain(fmt, ap);
    va_end(ap);
    return 1;
}

int img_usage(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    complain(fmt, ap);
    va_end(ap);
    fprintf(stderr, "Try 'qemu-img --help' for more information\n");
    return 1;
}

/* -- Options ----------------------------------------------------------------- */

static const struct option all_longs[] = {
    { "backing-chain", no_argument, NULL, OPT_BACKING_CHAIN },
    { "bitmaps", no_argument, NULL, OPT_REFUSED },
    { "flush-interval", required_argument, NULL, OPT_FLUSH_INTERVAL },
    { "force", no_argument, NULL, OPT_FORCE },
    { "force-share", no_argument, NULL, 'U' },
    { "format", required_argument, NULL, 'f' },
    { "help", no_argument, NULL, 'h' },
    { "image-opts", no_argument, NULL, OPT_REFUSED },
    { "max-length", required_argument, NULL, OPT_MAX_LENGTH },
    { "no-drain", no_argument, NULL, OPT_NO_DRAIN },
    { "object", required_argument, NULL, OPT_REFUSED },
    { "output", required_argument, NULL, OPT_OUTPUT },
    { "pattern", required_argument, NULL, OPT_PATTERN },
    { "preallocation", required_argument, NULL, OPT_PREALLOCATION },
    { "repair", required_argument, NULL, 'r' },
    { "salvage", no_argument, NULL, OPT_SALVAGE },
    { "shrink", no_argument, NULL, OPT_SHRINK },
    { "size", required_argument, NULL, OPT_SIZE },
    { "start-offset", required_argument, NULL, OPT_START_OFFSET },
    { "target-image-opts", no_argument, NULL, OPT_REFUSED },
    { "target-is-zero", no_argument, NULL, OPT_TARGET_IS_ZERO },
};

static void add_long(ImgArgs *a, int *num, const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(all_longs); i++) {
        const char *n = all_longs[i].name;

        if (strlen(n) == len && memcmp(n, name, len) == 0) {
            a->longs[(*num)++] = all_longs[i];
        }
    }
}

void img_args(ImgArgs *a, int argc, char **argv, const char *shorts, const char *longs)
{
    static const char always[] = "help object image-opts ";
    int num = 0;

    *a = (ImgArgs){ .argc = argc, .argv = argv };
    snprintf(a->shorts, sizeof(a->shorts), ":h%s", shorts);
    for (const char *list = always; list; list = list == always ? longs : NULL) {
        for (const char *p = list; *p;) {
            size_t n = strcspn(p, " ");

            add_long(a, &num, p, n);
            p += n + (p[n] == ' ');
        }
    }
    optind = 1;
}

int img_option(ImgArgs *a)
{
    int index = 0, at = optind;
    int c = getopt_long(a->argc, a->argv, a->shorts, a->longs, &index);

    a->status = 1;
    switch (c) {
    case 'h':
        img_help();
        a->status = 0;
        return '?';
    case ':':
        img_usage("missing argument for option '%s'", a->argv[optind - 1]);
        return '?';
    case '?':
        img_usage("unrecognized option '%s'", a->argv[optind > at ? optind - 1 : at]);
        return '?';
    case OPT_REFUSED:
        img_fail("--%s is not supported: %s", a->longs[index].name,
                 refused_advice(a->longs[index].name));
        return '?';
    }
    return c;
}

int img_left(const ImgArgs *a)
{
    return a->argc - optind;
}

bool img_output(const char *text, bool *json)
{
    *json = !strcmp(text, "json");
    if (!*json && strcmp(text, "human")) {
        img_fail("--output must be used with human or json as argument.");
        return false;
    }
    return true;
}

/* Digits and a unit, whatever they come to. */
static bool looks_like_size(const char *text)
{
    size_t n = strspn(text, "0123456789.");

    return n && (!text[n] || (strchr("bBkKMmGgTtPE", text[n]) && !text[n + 1]));
}

bool img_size(const char *what, const char *text, uint64_t *out)
{
    if (parse_size(text, out) >= 0 && *out <= INT64_MAX) {
        return true;
    }
    if (looks_like_size(text) || *text == '-') {
        img_fail("Invalid %s specified. Must be between 0 and %" PRId64 ".", what, INT64_MAX);
        return false;
    }
    img_fail("Invalid %s specified. You may use k, M, G, T, P or E suffixes for", what);
    img_fail("kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
    return false;
}

void img_join_options(char **all, const char *more)
{
    char *old = *all;

    *all = old ? xasprintf("%s,%s", old, more) : xstrdup(more);
    free(old);
}

/* Up to a single comma: two are one of a value. */
static size_t item_length(const char *p)
{
    size_t n = 0;

    while (p[n] && (p[n] != ',' || p[n + 1] == ',')) {
        n += p[n] == ',' ? 2 : 1;
    }
    return n;
}

bool img_wants_help(const char *options)
{
    size_t n;

    for (const char *p = options; p && *p; p += n, p += *p == ',') {
        n = item_length(p);
        if ((n == 4 && !memcmp(p, "help", 4)) || (n == 1 && *p == '?')) {
            return true;
        }
    }
    return false;
}

/* -- Images ------------------------------------------------------------------ */

static void warn_probed(const char *file)
{
    fprintf(stderr, "WARNING: Image format was not specified for '%s' and probing guessed raw.\n"
            "         Automatically detecting the format is dangerous for raw images, write"
            " operations on block 0 will be restricted.\n"
            "         Specify the 'raw' format explicitly to remove the restrictions.\n", file);
}

BlockDriverState *img_open(const char *file, const char *format, int flags, bool quiet)
{
    BlockDriverState *bs = bdrv_new(NULL);
    Error err = { "" };

    if (bdrv_open(bs, file, format, flags, NULL, &err) < 0) {
        img_fail("%s", err.msg);
        bdrv_delete(bs);
        return NULL;
    }
    if (bs->probed && (flags & BDRV_O_RDWR) && !quiet) {
        warn_probed(file);
    }
    return bs;
}

int img_flush(BlockDriverState *bs)
{
    int ret = bdrv_flush(bs);

    return ret < 0 ? img_fail("%s: cannot be flushed: %s", blk_filename(bs), strerror(-ret)) : 0;
}

bool img_cache(const char *mode, bool source, int *flags)
{
    if (bdrv_parse_cache(mode, flags) < 0) {
        img_fail("Invalid %scache option: %s", source ? "source " : "", mode);
        return false;
    }
    return true;
}

const BlockDriver *img_driver(const char *format)
{
    const BlockDriver *d = bdrv_find_driver(format);

    return d && !d->protocol ? d : NULL;
}

bool img_new_reads_zero(const char *file)
{
    struct stat st;

    return stat(file, &st) < 0 || S_ISREG(st.st_mode);
}

/* Data that lies in a hole of the file is zero, too. */
static int look_below(BlockDriverState *node, ImgExtent *e)
{
    BlockDriverState *file = bdrv_data_file(node);
    uint64_t num;

    if (!(e->status & BDRV_BLOCK_OFFSET) || !(e->status & BDRV_BLOCK_DATA) || !file ||
        !file->drv->allocated_size ||
        (uint64_t)file->drv->allocated_size(file) >= file->length) {
        return 0;
    }
    int below = bdrv_block_status(file, e->map, e->num, &num, NULL);

    if (below >= 0 && num) {
        e->status |= below & BDRV_BLOCK_ZERO;
        e->num = num;
    }
    return MIN(below, 0);
}

static void behind_the_end(ImgExtent *e, BlockDriverState *node, uint64_t len)
{
    e->num = len;
    e->node = node;
    e->status = BDRV_BLOCK_ZERO | BDRV_BLOCK_ALLOCATED;
}

int img_extent(BlockDriverState *bs, const BlockDriverState *stop, uint64_t off,
               uint64_t len, ImgExtent *e)
{
    *e = (ImgExtent){ .num = len };
    for (BlockDriverState *n = bs; n && n != stop; n = n->backing, e->depth++) {
        uint64_t num;

        if (off >= n->length) {
            behind_the_end(e, n, e->num);
            return 0;
        }
        int ret = bdrv_block_status(n, off, e->num, &num, &e->map);

        if (ret < 0) {
            return ret;
        }
        e->node = n;
        e->num = num;
        e->status = ret;
        if (ret & BDRV_BLOCK_ALLOCATED) {
            return look_below(n, e);
        }
        if (!n->backing || n->backing == stop) {
            break;
        }
    }
    if (!stop) {
        e->status = BDRV_BLOCK_ZERO;
    }
    return 0;
}

/* -- Sizes ------------------------------------------------------------------- */

const char *img_size_text(char buf[32], uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double v = (double)bytes;
    int u = 0;

    while (v >= 1000 && u < 6) {
        v /= 1024;
        u++;
    }
    snprintf(buf, 32, "%0.3g %s", v, units[u]);
    return buf;
}

/* -- Progress ---------------------------------------------------------------- */

static void show(ImgProgress *p, double percent)
{
    printf("    (%3.2f/100%%)\r", percent);
    fflush(stdout);
    p->last = percent;
}

void img_progress_start(ImgProgress *p, bool on)
{
    *p = (ImgProgress){ .on = on };
    if (on) {
        show(p, 0);
    }
}

void img_progress(ImgProgress *p, uint64_t done, uint64_t of)
{
    double percent = of ? 100.0 * (double)done / (double)of : 100;

    if (p->on && (percent >= p->last + 1 || percent >= 100)) {
        show(p, percent);
    }
}

void img_progress_end(ImgProgress *p, bool complete)
{
    if (p->on) {
        if (complete) {
            show(p, 100);
        }
        printf("\n");
    }
    p->on = false;
}

/* -- JSON -------------------------------------------------------------------- */

/* RFC 3629: the next character; U+FFFD for what is none. */
static uint32_t next_char(const char **s)
{
    static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
    const uint8_t *p = (const uint8_t *)*s;
    int more = *p < 0xc0 || *p >= 0xf8 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3, left = more;
    uint32_t c = more ? *p & (0x3fu >> more) : *p;
    bool good = *p < 0x80 || more;

    for (p++; left && (*p & 0xc0) == 0x80; left--) {
        c = c << 6 | (*p++ & 0x3f);
    }
    *s = (const char *)p;
    good = good && !left && c >= least[more] && c <= 0x10ffff && (c & ~0x7ffu) != 0xd800;
    return good ? c : 0xfffd;
}

static void put_char(uint32_t c)
{
    static const char special[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    const char *at = c < 0x80 ? strchr(special, (int)c) : NULL;

    if (at) {
        printf("\\%c", letter[at - special]);
    } else if (c >= 0x20 && c < 0x7f) {
        putchar((int)c);
    } else if (c < 0x10000) {
        printf("\\u%04X", c);
    } else {
        printf("\\u%04X\\u%04X", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + (c & 0x3ff));
    }
}

static void put_string(const char *s)
{
    putchar('"');
    while (*s) {
        put_char(next_char(&s));
    }
    putchar('"');
}

static void begin_item(Json *j, const char *key)
{
    if (j->any) {
        putchar(',');
    }
    if (j->depth) {
        printf("\n%*s", 4 * j->depth, "");
    }
    if (key) {
        put_string(key);
        printf(": ");
    }
    j->any = true;
}

void json_open(Json *j, const char *key, char bracket)
{
    begin_item(j, key);
    putchar(bracket);
    j->depth++;
    j->any = false;
}

void json_close(Json *j, char bracket)
{
    j->depth--;
    printf("\n%*s%c", 4 * j->depth, "", bracket);
    if (j->depth == 0) {
        putchar('\n');
    }
    j->any = true;
}

void json_str(Json *j, const char *key, const char *value)
{
    begin_item(j, key);
    put_string(value);
}

void json_num(Json *j, const char *key, uint64_t value)
{
    begin_item(j, key);
    printf("%" PRIu64, value);
}

void json_bool(Json *j, const char *key, bool value)
{
    begin_item(j, key);
    printf("%s", value ? "true" : "false");
}
