/* SPDX-License-Identifier: MIT */
/*
 * Whole pictures to files: PPM ("P6", netpbm ppm(5)) and PNG (W3C PNG
 * Specification, 2nd edition).
 *
 * PNG is written here and not with a library, because for one picture of true
 * colour it is four chunks and a call of zlib:
 *
 *      signature  IHDR  IDAT = zlib( (filter 0, R G B R G B ...) per row )  IEND
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "ui/console.h"
#include "util/bits.h"
#include "util/mem.h"

/* One row as bytes R, G, B; one byte more than that is overwritten. */
static void row_rgb(const Surface *s, int y, uint8_t *out)
{
    const uint32_t *p = s->pixels + (size_t)y * (size_t)s->width;

    for (int x = 0; x < s->width; x++, out += 3) {
        store_be(out, p[x] << 8, 4);
    }
}

static void write_ppm(const Surface *s, FILE *f)
{
    size_t len = 3 * (size_t)s->width;
    uint8_t *row = xmalloc(len + 4);

    fprintf(f, "P6\n%d %d\n255\n", s->width, s->height);
    for (int y = 0; y < s->height; y++) {
        row_rgb(s, y, row);
        fwrite(row, 1, len, f);
    }
    free(row);
}

/* 5.3: length, type, data, CRC of type and data. */
static void write_chunk(FILE *f, const char *type, const uint8_t *data, size_t len)
{
    uint8_t word[4];
    uLong crc = crc32(crc32(0, (const uint8_t *)type, 4), data, (uInt)len);

    store_be(word, len, 4);
    fwrite(word, 1, 4, f);
    fwrite(type, 1, 4, f);
    fwrite(data, 1, len, f);
    store_be(word, crc, 4);
    fwrite(word, 1, 4, f);
}

static void write_png(const Surface *s, FILE *f)
{
    size_t stride = 3 * (size_t)s->width + 1, size = stride * (size_t)s->height;
    uint8_t *raw = xmalloc(size + 4), header[13] = { 0 };
    uLongf packed = compressBound(size);
    uint8_t *out = xmalloc(packed);

    for (int y = 0; y < s->height; y++) {
        raw[(size_t)y * stride] = 0;    /* filter: none */
        row_rgb(s, y, raw + (size_t)y * stride + 1);
    }
    compress2(out, &packed, raw, size, Z_DEFAULT_COMPRESSION);
    store_be(header, (uint64_t)s->width, 4);
    store_be(header + 4, (uint64_t)s->height, 4);
    header[8] = 8;                      /* bits per sample */
    header[9] = 2;                      /* true colour */
    fwrite("\x89PNG\r\n\x1a\n", 1, 8, f);
    write_chunk(f, "IHDR", header, sizeof(header));
    write_chunk(f, "IDAT", out, packed);
    write_chunk(f, "IEND", header, 0);
    free(out);
    free(raw);
}

static bool has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), k = strlen(suffix);

    return n > k && !strcmp(path + n - k, suffix);
}

static int save(Console *con, const char *path, const char *format, bool edge,
                Error *err)
{
    bool png = format ? !strcmp(format, "png") : has_suffix(path, ".png");

    if (format && !png && strcmp(format, "ppm")) {
        return error_set(err, EINVAL, "screendump: no format '%s', there are ppm "
                         "and png", format);
    }
    con->ops->update(con->opaque, true);
    if (!con->surface.pixels) {
        return error_set(err, ENODATA, "screendump: %s shows nothing yet", con->name);
    }
    Surface picture = con->surface;
    picture.height -= edge ? 0 : con->edge;
    FILE *f = fopen(path, "wb");
    if (!f) {
        int e = errno;

        return error_set(err, e, "screendump: %s: %s", path, strerror(e));
    }
    (png ? write_png : write_ppm)(&picture, f);
    bool bad = ferror(f);
    if ((fclose(f) != 0) | bad) {
        int e = errno ? errno : EIO;

        return error_set(err, e, "screendump: %s: %s", path, strerror(e));
    }
    return 0;
}

int console_screendump(Console *con, const char *path, const char *format,
                       Error *err)
{
    return save(con, path, format, false, err);
}

int console_screendump_edge(Console *con, const char *path, const char *format,
                            Error *err)
{
    return save(con, path, format, true, err);
}
