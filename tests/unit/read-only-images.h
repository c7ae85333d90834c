/* SPDX-License-Identifier: MIT */
/*
 * Small images of the formats we only read, made by hand: each make_xxx() wraps
 * SMALL bytes of disk and returns the file, whose data is the caller's to free.
 */
#ifndef TESTS_UNIT_READ_ONLY_IMAGES_H
#define TESTS_UNIT_READ_ONLY_IMAGES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/unit/bytes.h"
#include "util/bits.h"
#include "util/mem.h"

enum { SMALL = 512 << 10, BLOCK = 64 << 10 };

static Bytes pack_block(const uint8_t *data)
{
    uLongf len = compressBound(BLOCK);
    Bytes b = { xmalloc(len), 0 };

    if (compress(b.data, &len, data, BLOCK) != Z_OK) {
        abort();
    }
    b.len = len;
    return b;
}

static Bytes make_cloop(const uint8_t *disk)
{
    Bytes b = { NULL, 0 }, data = { NULL, 0 };
    const int num = SMALL / BLOCK;

    put(&b, "#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660"
        " /dev/cloop $1\n", 84);
    put_zeroes(&b, 128 - b.len);
    put_be(&b, BLOCK, 4);
    put_be(&b, (uint64_t)num, 4);
    for (int i = 0; i <= num; i++) {
        put_be(&b, 136 + 8u * ((unsigned)num + 1) + data.len, 8);
        if (i < num) {
            Bytes one = pack_block(disk + i * BLOCK);

            put(&data, one.data, one.len);
            free(one.data);
        }
    }
    put(&b, data.data, data.len);
    free(data.data);
    return b;
}

static Bytes make_bochs(const uint8_t *disk)
{
    Bytes b = { NULL, 0 }, data = { NULL, 0 };
    uint8_t h[512] = "Bochs Virtual HD Image", catalog[SMALL / BLOCK * 4];
    uint32_t used = 0;

    memcpy(h + 32, "Redolog", 8);
    memcpy(h + 48, "Growing", 8);
    store_le(h + 64, 0x20000, 4);
    store_le(h + 68, 512, 4);
    store_le(h + 72, SMALL / BLOCK, 4);
    store_le(h + 76, 512, 4);
    store_le(h + 80, BLOCK, 4);
    store_le(h + 88, SMALL, 8);
    for (int i = 0; i < SMALL / BLOCK; i++) {
        const uint8_t *p = disk + i * BLOCK;
        uint8_t bitmap[512] = { 0 };

        store_le(catalog + i * 4, ~0u, 4);
        if (!buf_is_zero(p, BLOCK)) {
            store_le(catalog + i * 4, used++, 4);
            for (int k = 0; k < BLOCK / 512; k++) {
                bitmap[k / 8] |= (uint8_t)(!buf_is_zero(p + k * 512, 512) << k % 8);
            }
            put(&data, bitmap, 512);
            put(&data, p, BLOCK);
        }
    }
    put(&b, h, 512);
    put(&b, catalog, sizeof(catalog));
    put(&b, data.data, data.len);
    free(data.data);
    return b;
}

/* Runs of zlib, raw and zeroes in turn. */
static Bytes make_mish(const uint8_t *disk, Bytes *data)
{
    Bytes t = { NULL, 0 };

    put(&t, "mish", 4);
    put_be(&t, 1, 4);
    put_be(&t, 0, 8);
    put_be(&t, SMALL / 512, 8);
    put_zeroes(&t, 200 - t.len);
    put_be(&t, SMALL / BLOCK + 1, 4);
    for (unsigned i = 0; i < SMALL / BLOCK; i++) {
        const uint8_t *p = disk + i * BLOCK;
        bool zero = buf_is_zero(p, BLOCK), raw = i & 1;
        Bytes one = pack_block(p);

        put_be(&t, zero ? 2 : raw ? 1 : 0x80000005, 4);
        put_be(&t, 0, 4);
        put_be(&t, i * (BLOCK / 512), 8);
        put_be(&t, BLOCK / 512, 8);
        put_be(&t, data->len, 8);
        put_be(&t, zero ? 0 : raw ? BLOCK : one.len, 8);
        if (!zero) {
            put(data, raw ? p : one.data, raw ? BLOCK : one.len);
        }
        free(one.data);
    }
    put_be(&t, ~0u, 4);
    put_zeroes(&t, 36);
    return t;
}

static void put_base64(Bytes *b, const uint8_t *p, size_t len)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t)(p[i] << 16 | (i + 1 < len ? p[i + 1] : 0) << 8 |
                                (i + 2 < len ? p[i + 2] : 0));
        char out[4] = { set[v >> 18], set[v >> 12 & 63],
                        i + 1 < len ? set[v >> 6 & 63] : '=',
                        i + 2 < len ? set[v & 63] : '=' };

        put(b, out, 4);
        put(b, "\n", i % 57 == 54);
    }
}

static Bytes make_dmg(const uint8_t *disk, bool list)
{
    Bytes b = { NULL, 0 }, t = make_mish(disk, &b);
    uint8_t koly[512] = "koly";
    size_t at = b.len;

    if (list) {
        put(&b, "<plist><key>blkx</key><array><data>", 35);
        put_base64(&b, t.data, t.len);
        put(&b, "</data></array></plist>", 23);
    } else {
        put_be(&b, 16, 4);
        put_be(&b, 16 + 4 + t.len, 4);
        put_be(&b, 4 + t.len, 4);
        put_be(&b, 0, 4);
        put_be(&b, t.len, 4);
        put(&b, t.data, t.len);
    }
    store_be(koly + (list ? 216 : 40), at, 8);
    store_be(koly + (list ? 224 : 48), b.len - at, 8);
    store_be(koly + 492, SMALL / 512, 8);
    put(&b, koly, 512);
    free(t.data);
    return b;
}

static Bytes make_cow(const uint8_t *disk)
{
    Bytes b = { NULL, 0 };

    put_be(&b, 0x4f4f4f4d, 4);
    put_be(&b, 2, 4);
    put_zeroes(&b, 1040 - b.len);
    put_be(&b, SMALL, 8);
    put_be(&b, 512, 4);
    put_be(&b, 0, 4);
    for (int i = 0; i < SMALL / 512 / 8; i++) {
        put(&b, "\xff", 1);
    }
    put_zeroes(&b, align_up(b.len, 512) - b.len);
    put(&b, disk, SMALL);
    return b;
}

#endif
