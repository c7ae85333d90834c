/* SPDX-License-Identifier: MIT */
#include "block/vhdx-log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/bits.h"
#include "util/mem.h"

enum {
    UNIT = 4096, HEADER = 64, DESC = 32, MAX_LOG = 64 << 20,
};

#define MAX_FILE        (128ull << 40)  /* twice the largest disk */

/* Polynomial 0x1edc6f41, reflected, four bits at a time. */
uint32_t vhdx_crc32c(uint32_t crc, const void *data, size_t len)
{
    static const uint32_t t[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    const uint8_t *p = data;

    crc = ~crc;
    while (len--) {
        crc ^= *p++;
        crc = crc >> 4 ^ t[crc & 15];
        crc = crc >> 4 ^ t[crc & 15];
    }
    return ~crc;
}

/* -- Reading ----------------------------------------------------------------- */

typedef struct Search {
    const VhdxLog *log;
    uint8_t *buf;                       /* the whole log */
    uint64_t work;                      /* bytes that may still be summed up */
    bool too_much;                      /* no honest log needs that many */
} Search;

/* A piece of the log, which is a ring. */
static void take(const Search *s, uint32_t at, void *out, uint32_t len)
{
    uint32_t first = MIN(len, s->log->length - at);

    memcpy(out, s->buf + at, first);
    memcpy((uint8_t *)out + first, s->buf, len - first);
}

static uint32_t desc_area(uint32_t descs)
{
    return (uint32_t)align_up(HEADER + (uint64_t)descs * DESC, UNIT);
}

/* The whole entry at that place, to be freed; NULL if there is no good one. */
static uint8_t *get_entry(Search *s, uint32_t at)
{
    static const uint8_t zeroes[4];
    uint8_t h[HEADER], *e;
    uint32_t len, descs, crc;

    take(s, at, h, HEADER);
    len = (uint32_t)load_le(h + 8, 4);
    descs = (uint32_t)load_le(h + 24, 4);
    if (memcmp(h, "loge", 4) || memcmp(h + 32, s->log->guid, 16) || len < UNIT ||
        len % UNIT || len > s->log->length || load_le(h + 12, 4) % UNIT ||
        load_le(h + 12, 4) >= s->log->length || load_le(h + 16, 8) == 0 ||
        descs > len / DESC || desc_area(descs) > len) {
        return NULL;
    }
    if (len > s->work) {
        s->too_much = true;
        return NULL;
    }
    s->work -= len;
    e = xmalloc(len);
    take(s, at, e, len);
    crc = vhdx_crc32c(0, e, 4);
    crc = vhdx_crc32c(crc, zeroes, 4);
    crc = vhdx_crc32c(crc, e + 8, len - 8);
    if (crc != load_le(e + 4, 4)) {
        free(e);
        return NULL;
    }
    return e;
}

typedef struct Sequence {
    uint32_t tail, head_end;            /* head_end: behind the last entry */
    uint64_t number;                    /* of the last entry; 0: none */
    uint64_t flushed, last;
} Sequence;

/* The longest sequence from there.  *next is behind it: what begins at another of its
 * entries has the same last one, so it is no better. */
static Sequence follow(Search *s, uint32_t start, uint32_t *next)
{
    Sequence q = { .tail = start };
    uint32_t at = start, covered = 0, tail = 0;
    bool has_tail = false;
    uint8_t *e;

    while (covered < s->log->length && (e = get_entry(s, at))) {
        uint32_t len = (uint32_t)load_le(e + 8, 4);
        uint64_t number = load_le(e + 16, 8);
        bool fits = (q.number == 0 || number == q.number + 1) &&
                    len <= s->log->length - covered;

        if (fits) {
            q.number = number;
            q.flushed = load_le(e + 48, 8);
            q.last = load_le(e + 56, 8);
            tail = (uint32_t)load_le(e + 12, 4);
            covered += len;
            at = (uint32_t)(((uint64_t)at + len) % s->log->length);
        }
        free(e);
        if (!fits) {
            break;
        }
    }
    *next = start + MAX(covered, UNIT);
    /* The tail of the last entry must be one of them: from there it counts. */
    for (uint32_t p = start, seen = 0; seen < covered && !has_tail;) {
        uint8_t h[HEADER];

        take(s, p, h, HEADER);
        has_tail = p == tail;
        seen += (uint32_t)load_le(h + 8, 4);
        p = (uint32_t)(((uint64_t)p + load_le(h + 8, 4)) % s->log->length);
    }
    q.tail = tail;
    q.head_end = at;
    q.number = has_tail ? q.number : 0;
    return q;
}

static int replay_desc(const uint8_t *d, const uint8_t *data, uint64_t number,
                       int (*page)(void *, uint64_t, const uint8_t *, uint64_t),
                       void *opaque)
{
    uint64_t off = load_le(d + 16, 8);
    uint8_t buf[UNIT];

    if (load_le(d + 24, 8) != number || off % UNIT || off > MAX_FILE) {
        return -EINVAL;
    }
    if (memcmp(d, "zero", 4) == 0) {
        uint64_t len = load_le(d + 8, 8);

        return len % UNIT || len > MAX_FILE ? -EINVAL : page(opaque, off, NULL, len);
    }
    if (memcmp(d, "desc", 4) || !data || memcmp(data, "data", 4) ||
        (load_le(data + 4, 4) << 32 | load_le(data + UNIT - 4, 4)) != number) {
        return -EINVAL;
    }
    memcpy(buf, d + 8, 8);
    memcpy(buf + 8, data + 8, UNIT - 12);
    memcpy(buf + UNIT - 4, d + 4, 4);
    return page(opaque, off, buf, UNIT);
}

static int replay_entry(const uint8_t *e,
                        int (*page)(void *, uint64_t, const uint8_t *, uint64_t),
                        void *opaque)
{
    uint32_t len = (uint32_t)load_le(e + 8, 4), descs = (uint32_t)load_le(e + 24, 4);
    uint32_t data = desc_area(descs);
    int ret = 0;

    for (uint32_t i = 0; i < descs && ret >= 0; i++) {
        const uint8_t *d = e + HEADER + i * DESC;
        bool has_data = memcmp(d, "desc", 4) == 0;

        ret = replay_desc(d, has_data && data < len ? e + data : NULL,
                          load_le(e + 16, 8), page, opaque);
        data += has_data ? UNIT : 0;
    }
    return ret;
}

static int replay(Search *s, const Sequence *q,
                  int (*page)(void *, uint64_t, const uint8_t *, uint64_t), void *opaque,
                  Error *err)
{
    uint32_t at = q->tail;
    int ret = 0;

    do {
        uint8_t *e = get_entry(s, at);
        uint32_t len = e ? (uint32_t)load_le(e + 8, 4) : 0;

        ret = e ? replay_entry(e, page, opaque) : -EINVAL;
        free(e);
        at = (uint32_t)(((uint64_t)at + len) % s->log->length);
    } while (ret >= 0 && at != q->head_end);
    return ret < 0 ? error_set(err, -ret, "%s: the vhdx log cannot be replayed: %s",
                               s->log->file->filename, strerror(-ret)) : 1;
}

int vhdx_log_replay(const VhdxLog *log,
                    int (*page)(void *opaque, uint64_t off, const uint8_t *data,
                                uint64_t len),
                    void *opaque, uint64_t *file_size, Error *err)
{
    Search s = { .log = log, .work = 4ull * log->length };
    Sequence best = { .number = 0 };
    uint32_t next;

    if (log->length > MAX_LOG) {
        return error_set(err, EFBIG, "%s: a vhdx log of %u bytes; at most %d can be replayed",
                         log->file->filename, log->length, MAX_LOG);
    }
    s.buf = xmalloc(log->length);
    int ret = bdrv_pread(log->file, log->at, s.buf, log->length);

    if (ret < 0) {
        free(s.buf);
        return error_set(err, -ret, "%s: cannot be read: %s", log->file->filename,
                         strerror(-ret));
    }
    for (uint32_t at = 0; at < log->length; at = next) {
        Sequence q = follow(&s, at, &next);

        if (q.number > best.number) {
            best = q;
        }
    }
    *file_size = best.last;
    s.work = 4ull * log->length;
    if (s.too_much) {
        ret = error_set(err, EINVAL, "%s: damaged vhdx log: entries lie upon each other",
                        log->file->filename);
    } else if (best.number == 0) {
        ret = 0;
    } else if (best.flushed > log->file->length) {
        ret = error_set(err, EINVAL, "%s: truncated: the vhdx log was written when the file had"
                        " %llu bytes", log->file->filename, (unsigned long long)best.flushed);
    } else if (best.last > MAX_FILE) {
        ret = error_set(err, EFBIG, "%s: damaged vhdx log: it asks for a file of %llu bytes",
                        log->file->filename, (unsigned long long)best.last);
    } else {
        ret = replay(&s, &best, page, opaque, err);
    }
    free(s.buf);
    return ret;
}

/* -- Writing ----------------------------------------------------------------- */

static void add_page(uint8_t *e, int i, const TablePage *p, uint64_t number)
{
    uint8_t *d = e + HEADER + i * DESC, *data = e + UNIT + (size_t)i * UNIT;

    memcpy(d, "desc", 4);
    memcpy(d + 4, p->data + UNIT - 4, 4);
    memcpy(d + 8, p->data, 8);
    store_le(d + 16, p->off, 8);
    store_le(d + 24, number, 8);
    memcpy(data, "data", 4);
    store_le(data + 4, number >> 32, 4);
    memcpy(data + 8, p->data + 8, UNIT - 12);
    store_le(data + UNIT - 4, number, 4);
}

int vhdx_log_write(VhdxLog *log, const TablePage *pages, int num)
{
    size_t len = UNIT + (size_t)num * UNIT;
    uint8_t *e = xzalloc(len);
    uint64_t number = ++log->sequence, size = log->file->length;
    uint32_t at = number % 2 ? 0 : (uint32_t)align_down(log->length / 2, UNIT);

    memcpy(e, "loge", 4);
    store_le(e + 8, len, 4);
    store_le(e + 12, at, 4);
    store_le(e + 16, number, 8);
    store_le(e + 24, (uint64_t)num, 4);
    memcpy(e + 32, log->guid, 16);
    store_le(e + 48, align_down(size, 1 << 20), 8);
    store_le(e + 56, align_up(size, 1 << 20), 8);
    for (int i = 0; i < num; i++) {
        add_page(e, i, &pages[i], number);
    }
    store_le(e + 4, vhdx_crc32c(0, e, len), 4);
    /* `size` is safe, too, should others have made the file longer meanwhile. */
    int ret = bdrv_flush(log->file);

    ret = ret < 0 ? ret : bdrv_pwrite(log->file, log->at + at, e, len);
    free(e);
    return ret < 0 ? ret : bdrv_flush(log->file);
}
