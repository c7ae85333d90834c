/* SPDX-License-Identifier: MIT */
/*
 * qemu-img dd: blocks of one image into a new one.
 *
 * The new image is as long as what was read, up to the end of the last block
 * that starts within the input.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/img.h"
#include "util/bits.h"
#include "util/mem.h"

enum { CHUNK = 2 << 20 };

typedef struct Dd {
    const char *in, *out, *format, *out_format;
    uint64_t bs, count, skip;
    bool has_count;
    int flags;
} Dd;

/* -- Copying ----------------------------------------------------------------- */

static int copy(BlockDriverState *in, BlockDriverState *out, uint64_t from, uint64_t size)
{
    char *buf = bdrv_memalign(out, CHUNK);
    int ret = buf ? 0 : -ENOMEM;
    const char *what = "reading from input image file";

    for (uint64_t off = 0; ret >= 0 && off < size;) {
        size_t n = MIN(size - off, CHUNK);

        what = "reading from input image file";
        ret = blk_pread(in, from + off, buf, n);
        if (ret >= 0) {
            what = "writing to output image file";
            ret = blk_pwrite(out, off, buf, n);
        }
        off += n;
    }
    free(buf);
    return ret < 0 ? img_fail("error while %s: %s", what, strerror(-ret)) : 0;
}

static int make_and_copy(const Dd *d, BlockDriverState *in)
{
    uint64_t size = blk_length(in), from = 0;
    BlockOpts none = { NULL, 0 };

    if (d->has_count && d->count <= INT64_MAX / d->bs && d->count * d->bs < size) {
        size = d->count * d->bs;
    }
    if (d->skip && (d->skip > INT64_MAX / d->bs || d->skip * d->bs > blk_length(in))) {
        img_fail("%s: cannot skip to specified offset", d->in);
        size = 0;
    } else {
        from = d->skip * d->bs;
        size = MIN(size, blk_length(in) - from);
    }
    if (img_make(d->out, d->out_format, size, &none, false, d->out) < 0) {
        return 1;
    }
    BlockDriverState *out = img_open(d->out, d->out_format, BDRV_O_RDWR, true);
    int ret = out ? copy(in, out, from, size) || img_flush(out) : 1;

    bdrv_delete(out);
    return ret;
}

/* -- Operands ---------------------------------------------------------------- */

static bool take_size(const char *what, const char *value, uint64_t max, uint64_t *out)
{
    if (!img_size(what, value, out)) {
        return false;
    }
    if (*out > max || (max < INT64_MAX && *out == 0)) {
        img_fail("Invalid %s specified. Must be between 1 and %" PRIu64 ".", what, max);
        return false;
    }
    return true;
}

static bool take_operand(Dd *d, const char *text)
{
    size_t n = strcspn(text, "=");
    char *name = xstrndup(text, n);
    const char *value = text + n + (text[n] == '=');
    bool ok = true;

    if (!text[n]) {
        ok = false;
    } else if (!strcmp(name, "if")) {
        d->in = value;
    } else if (!strcmp(name, "of")) {
        d->out = value;
    } else if (!strcmp(name, "bs")) {
        ok = take_size("bs", value, INT32_MAX, &d->bs);
    } else if (!strcmp(name, "count")) {
        ok = take_size("count", value, INT64_MAX, &d->count);
        d->has_count = true;
    } else if (!strcmp(name, "skip")) {
        ok = take_size("skip", value, INT64_MAX, &d->skip);
    } else {
        ok = false;
        n = 0;
    }
    if (!ok && (!text[strcspn(text, "=")] || n == 0)) {
        img_fail("unrecognized operand %s", name);
    }
    free(name);
    return ok;
}

int img_dd(int argc, char **argv)
{
    Dd d = { .out_format = "raw", .bs = 512 };
    ImgArgs a;
    int o;

    img_args(&a, argc, argv, "f:O:U", "force-share");
    while ((o = img_option(&a)) != -1) {
        switch (o) {
        case 'f': d.format = optarg; break;
        case 'O': d.out_format = optarg; break;
        case 'U': d.flags |= BDRV_O_NO_LOCK; break;
        default: return a.status;
        }
    }
    for (int i = optind; i < argc; i++) {
        if (!take_operand(&d, argv[i])) {
            return 1;
        }
    }
    if (!d.in || !d.out) {
        return img_fail("Must specify both input and output files");
    }
    const BlockDriver *drv = img_driver(d.out_format);

    if (!drv || !drv->create) {
        return drv ? img_fail("Format driver '%s' does not support image creation", d.out_format)
                   : img_fail("Unknown file format '%s'", d.out_format);
    }
    BlockDriverState *in = img_open(d.in, d.format, d.flags, true);
    int ret = in ? make_and_copy(&d, in) : 1;

    bdrv_delete(in);
    return ret;
}
