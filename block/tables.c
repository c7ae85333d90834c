/* SPDX-License-Identifier: MIT */
#include "block/tables.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/bits.h"
#include "util/mem.h"

enum { MAX_PAGES = 2048, MAX_DIRTY = 512, SECTOR = 512 };

typedef struct Page {
    TablePage p;
    bool used;                          /* since the hand came by */
    bool writing;                       /* its file contents are old */
    struct Page *next;
} Page;

struct Tables {
    BlockDriverState *file;
    int (*journal)(void *opaque, const TablePage *pages, int num);
    void *opaque;
    int max_batch;
    Page **bucket, **page;              /* max each; NULL before the first access */
    int num, max, hand, dirty;
    CoMutex load, flush;
};

Tables *tables_new(BlockDriverState *file,
                   int (*journal)(void *opaque, const TablePage *pages, int num),
                   void *opaque, int max_batch)
{
    Tables *t = xzalloc(sizeof(*t));

    t->file = file;
    t->journal = journal;
    t->opaque = opaque;
    t->max_batch = max_batch;
    tables_share(t, 1);
    return t;
}

void tables_share(Tables *t, int num)
{
    assert(t->num == 0);
    t->max = MAX(MAX_PAGES / num, 2);
}

void tables_free(Tables *t)
{
    for (int i = 0; t && i < t->num; i++) {
        free(t->page[i]);
    }
    if (t) {
        free(t->bucket);
        free(t->page);
    }
    free(t);
}

bool tables_clean(const Tables *t)
{
    return t->dirty == 0;
}

static Page **bucket(Tables *t, uint64_t off)
{
    return &t->bucket[off / TABLE_PAGE % (unsigned)t->max];
}

static Page *find(Tables *t, uint64_t off)
{
    Page *p = t->bucket ? *bucket(t, off) : NULL;

    while (p && p->p.off != off) {
        p = p->next;
    }
    return p;
}

/* A page that can be given up, out of its bucket; NULL if all are dirty. */
static Page *evict(Tables *t)
{
    for (int i = 0; i < 2 * t->max; i++) {
        Page *p = t->page[t->hand];

        t->hand = (t->hand + 1) % t->max;
        if (p->used || p->p.dirty || p->writing) {
            p->used = false;
            continue;
        }
        Page **link = bucket(t, p->p.off);

        while (*link != p) {
            link = &(*link)->next;
        }
        *link = p->next;
        return p;
    }
    return NULL;
}

/* With t->load held. */
static int load(Tables *t, uint64_t off, Page **page)
{
    Page *p = find(t, off);
    int ret = 0;

    if (p) {
        *page = p;
        return 0;
    }
    if (!t->bucket) {
        t->bucket = xcalloc((size_t)t->max, sizeof(*t->bucket));
        t->page = xcalloc((size_t)t->max, sizeof(*t->page));
    }
    if (t->num < t->max) {
        p = t->page[t->num++] = xzalloc(sizeof(*p));
    } else {
        while (!(p = evict(t)) && ret >= 0) {
            ret = tables_flush(t);
        }
        if (!p) {
            return ret;
        }
    }
    p->p.off = off;
    ret = bdrv_pread(t->file, off, p->p.data, TABLE_PAGE);
    if (ret < 0) {
        p->p.off = ~0ull - TABLE_PAGE + 1;      /* no page of a file */
        memset(p->p.data, 0, TABLE_PAGE);
        off = p->p.off;
    }
    p->next = *bucket(t, off);
    *bucket(t, off) = p;
    *page = p;
    return ret;
}

static int get(Tables *t, uint64_t off, Page **page)
{
    int ret = 0;

    *page = find(t, off);
    if (!*page) {
        co_mutex_lock(&t->load);
        ret = load(t, off, page);
        co_mutex_unlock(&t->load);
    }
    (*page ? (*page)->used = true : 0);
    return ret;
}

typedef struct Access {
    Tables *t;
    uint64_t off;
    uint8_t *buf;
    size_t len;
    bool write;
} Access;

static void mark(Tables *t, Page *p, size_t at, size_t len)
{
    unsigned first = (unsigned)(at / SECTOR), last = (unsigned)((at + len - 1) / SECTOR);

    t->dirty += !p->p.dirty;
    p->p.dirty |= (uint8_t)((2u << last) - (1u << first));
}

static int run_access(void *arg)
{
    Access *a = arg;
    int ret = 0;

    while (a->len && ret >= 0) {
        uint64_t start = align_down(a->off, TABLE_PAGE);
        size_t at = a->off - start, n = MIN(a->len, TABLE_PAGE - at);
        Page *p = NULL;

        if (a->write && a->t->dirty >= MAX_DIRTY) {
            ret = tables_flush(a->t);
        }
        if (ret >= 0) {
            ret = get(a->t, start, &p);
        }
        if (ret >= 0 && a->write) {
            memcpy(p->p.data + at, a->buf, n);
            mark(a->t, p, at, n);
        } else if (ret >= 0) {
            memcpy(a->buf, p->p.data + at, n);
        }
        a->off += n;
        a->buf += n;
        a->len -= n;
    }
    return ret;
}

int tables_read(Tables *t, uint64_t off, void *buf, size_t len)
{
    return aio_run_sync(run_access, &(Access){ t, off, buf, len, false });
}

int tables_write(Tables *t, uint64_t off, const void *buf, size_t len)
{
    return aio_run_sync(run_access, &(Access){ t, off, (uint8_t *)(uintptr_t)buf,
                                               len, true });
}

int tables_bit_run(Tables *t, uint64_t off, uint64_t first, uint64_t max, bool msb_first,
                   bool *set, uint64_t *num)
{
    uint8_t bits;

    for (uint64_t n = 0; n < max; n++) {
        uint64_t i = first + n;

        if (n == 0 || i % 8 == 0) {
            int ret = tables_read(t, off + i / 8, &bits, 1);

            if (ret < 0) {
                return ret;
            }
        }
        bool bit = bits >> (msb_first ? 7 - i % 8 : i % 8) & 1;

        if (n == 0) {
            *set = bit;
        } else if (bit != *set) {
            *num = n;
            return 0;
        }
    }
    *num = max;
    return 0;
}

static int run_zero(void *arg)
{
    static const uint8_t zeroes[64 << 10];
    const Access *a = arg;
    Tables *t = a->t;
    uint64_t off = a->off, len = a->len;
    int ret = 0;

    co_mutex_lock(&t->load);
    for (int i = 0; i < t->num; i++) {
        TablePage *p = &t->page[i]->p;
        uint64_t from = MAX(p->off, off), to = MIN(p->off + TABLE_PAGE, off + len);

        if (from < to) {
            memset(p->data + (from - p->off), 0, to - from);
        }
    }
    while (len && ret >= 0) {
        size_t n = MIN(len, sizeof(zeroes));

        ret = bdrv_pwrite(t->file, off, zeroes, n);
        off += n;
        len -= n;
    }
    co_mutex_unlock(&t->load);
    return ret;
}

int tables_zero(Tables *t, uint64_t off, uint64_t len)
{
    return aio_run_sync(run_zero, &(Access){ t, off, NULL, len, true });
}

/* -- Flushing ---------------------------------------------------------------- */

static int by_offset(const void *a, const void *b)
{
    const TablePage *x = a, *y = b;

    return x->off < y->off ? -1 : x->off > y->off;
}

/* Copies of all dirty pages, in order; they count as clean from here on. */
static TablePage *snapshot(Tables *t, int *num)
{
    TablePage *copy = xcalloc((size_t)t->dirty, sizeof(*copy));

    *num = 0;
    for (int i = 0; i < t->num; i++) {
        Page *p = t->page[i];

        if (p->p.dirty) {
            copy[(*num)++] = p->p;
            p->p.dirty = 0;
            p->writing = true;
        }
    }
    t->dirty = 0;
    qsort(copy, (size_t)*num, sizeof(*copy), by_offset);
    return copy;
}

static int write_page(Tables *t, const TablePage *p)
{
    int ret = 0;

    for (unsigned i = 0; i < 8 && ret >= 0;) {
        unsigned n = 0;

        while (i + n < 8 && (p->dirty >> (i + n) & 1)) {
            n++;
        }
        if (n) {
            ret = bdrv_pwrite(t->file, p->off + i * SECTOR, p->data + i * SECTOR,
                              n * SECTOR);
        }
        i += n + 1;
    }
    return ret;
}

static int write_batch(Tables *t, const TablePage *p, int num)
{
    int ret = t->journal ? t->journal(t->opaque, p, num) : 0;

    for (int i = 0; i < num && ret >= 0; i++) {
        ret = write_page(t, p + i);
    }
    return ret;
}

static void finish(Tables *t, const TablePage *copy, int num, bool failed)
{
    for (int i = 0; i < num; i++) {
        Page *p = find(t, copy[i].off);

        p->writing = false;
        if (failed) {
            t->dirty += !p->p.dirty;
            p->p.dirty |= copy[i].dirty;
        }
    }
}

static int run_flush(void *arg)
{
    Tables *t = arg;
    int num, ret = 0;

    co_mutex_lock(&t->flush);
    if (t->dirty) {
        TablePage *copy = snapshot(t, &num);

        ret = bdrv_co_flush(t->file);
        for (int i = 0; i < num && ret >= 0; i += t->max_batch) {
            if (i > 0 && t->journal) {
                ret = bdrv_co_flush(t->file);   /* before its journal is used again */
            }
            if (ret >= 0) {
                ret = write_batch(t, copy + i, MIN(num - i, t->max_batch));
            }
        }
        finish(t, copy, num, ret < 0);
        free(copy);
    }
    co_mutex_unlock(&t->flush);
    return ret;
}

int tables_flush(Tables *t)
{
    return aio_run_sync(run_flush, t);
}
