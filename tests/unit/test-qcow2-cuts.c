/* SPDX-License-Identifier: MIT */
/*
 * qcow2 and power failures: random work on an image whose file is memory that
 * remembers every write since the last flush.
 *
 *      log    w w w F w w w w | w w F         F: flush of the file
 *      disk   <-- safe --> any of them        |: the power fails here
 *
 * After each piece of work, the power fails at moments within it: what was
 * flushed to the file is there, of the rest a random part is, torn at sectors.
 * Such an image must open for writing, check without corruption (leaks are
 * allowed), and each sector must hold what it held at the last flush of the
 * guest, or anything that was written to it since.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "block/block-int.h"
#include "tests/test.h"
#include "util/bits.h"
#include "util/mem.h"

enum {
    SECTORS = 512, DISK = SECTORS * 512, FILE_MAX = 8 << 20, MAX_VALUES = 48, MAX_LOG = 60000,
    MAX_SNAPS = 3,
};

static uint32_t seed;

static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)(seed >> 4) * below >> 28);
}

/* -- A file of memory -------------------------------------------------------- */

typedef struct Change {                 /* data NULL: zeroes; flush: a flush */
    bool flush, truncate;
    uint64_t off, len;
    uint8_t *data;
} Change;

typedef struct Mem {
    uint8_t *data;
    uint64_t size;
    bool record, yields;
    Change *log;
    int num;
} Mem;

typedef struct MemNode { Mem *m; } MemNode;

static void remember(Mem *m, Change c)
{
    if (m->record) {
        if (m->num == MAX_LOG) {
            abort();
        }
        m->log[m->num++] = c;
    }
}

static void forget(Mem *m)
{
    for (int i = 0; i < m->num; i++) {
        free(m->log[i].data);
    }
    m->num = 0;
}

static void apply(Mem *m, const Change *c, uint64_t from, uint64_t len)
{
    if (c->truncate) {
        if (c->off < m->size) {
            memset(m->data + c->off, 0, m->size - c->off);
        }
        m->size = c->off;
        return;
    }
    if (c->data) {
        memcpy(m->data + c->off + from, c->data + from, len);
    } else {
        memset(m->data + c->off + from, 0, len);
    }
    m->size = MAX(m->size, c->off + from + len);
}

static void wake(void *co)
{
    coroutine_enter(co);
}

/* Let others go on, sometimes. */
static void pause_here(const Mem *m)
{
    AioTask t = { .fn = wake, .opaque = coroutine_self() };

    if (m->yields && rnd(3)) {
        aio_defer(&t);
        coroutine_yield();
    }
}

static int mem_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                      const QEMUIOVector *q, size_t at)
{
    const Mem *m = ((MemNode *)bs->opaque)->m;
    uint64_t have = off < m->size ? MIN(len, m->size - off) : 0;

    pause_here(m);
    iov_from_buf(q, at, m->data + MIN(off, FILE_MAX - 1), have);
    if (have < len) {
        iov_memset(q, at + have, 0, len - have);
    }
    return 0;
}

static int mem_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                       const QEMUIOVector *q, size_t at)
{
    Mem *m = ((MemNode *)bs->opaque)->m;
    Change c = { .off = off, .len = len, .data = xmalloc(len) };

    if (off + len > FILE_MAX) {
        free(c.data);
        return -ENOSPC;
    }
    pause_here(m);
    iov_to_buf(q, at, c.data, len);
    apply(m, &c, 0, len);
    remember(m, c);
    if (!m->record) {
        free(c.data);
    }
    pause_here(m);
    return 0;
}

static int mem_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len, int flags)
{
    Mem *m = ((MemNode *)bs->opaque)->m;
    Change c = { .off = off, .len = len };

    (void)flags;
    if (off + len > FILE_MAX) {
        return -ENOSPC;
    }
    pause_here(m);
    apply(m, &c, 0, len);
    remember(m, c);
    return 0;
}

static int mem_discard(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    const Mem *m = ((MemNode *)bs->opaque)->m;

    return off >= m->size ? 0 : mem_zeroes(bs, off, MIN(len, m->size - off), 0);
}

static int mem_flush(BlockDriverState *bs)
{
    Mem *m = ((MemNode *)bs->opaque)->m;

    pause_here(m);
    remember(m, (Change){ .flush = true });
    return 0;
}

static int mem_truncate(BlockDriverState *bs, uint64_t size, Error *err)
{
    Mem *m = ((MemNode *)bs->opaque)->m;
    Change c = { .truncate = true, .off = size };

    (void)err;
    apply(m, &c, 0, 0);
    remember(m, c);
    bs->length = size;
    return 0;
}

static const BlockDriver mem_driver = {
    .name = "mem", .co_preadv = mem_preadv, .co_pwritev = mem_pwritev,
    .co_write_zeroes = mem_zeroes, .co_discard = mem_discard,
    .co_flush_to_disk = mem_flush, .co_truncate = mem_truncate,
};

static BlockDriverState *mem_node(Mem *m)
{
    BlockDriverState *bs = xzalloc(sizeof(*bs));
    MemNode *n = xmalloc(sizeof(*n));

    n->m = m;
    *bs = (BlockDriverState){ .drv = &mem_driver, .opaque = n, .filename = xstrdup("mem"),
                              .flags = BDRV_O_RDWR | BDRV_O_UNMAP, .length = m->size,
                              .read_align = 1, .write_align = 1, .mem_align = 1,
                              .growable = true };
    return bs;
}

/* qcow2 over it; NULL if it does not open. */
static BlockDriverState *open_over(Mem *m, Mem *backing)
{
    BlockDriverState *bs = bdrv_new("disk");
    const BlockDriver *qcow2 = bdrv_find_driver("qcow2");
    Error err = { "" };

    bs->file = mem_node(m);
    bs->filename = xstrdup("mem.qcow2");
    bs->flags = BDRV_O_RDWR | BDRV_O_UNMAP;
    bs->opaque = xzalloc(qcow2->state_size);
    bool ok = qcow2->open(bs, NULL, &err) >= 0;

    bs->drv = ok ? qcow2 : &mem_driver;
    if (!ok) {
        printf("# %s\n", err.msg);
        free(bs->opaque);
        bs->opaque = xzalloc(sizeof(MemNode));
        ((MemNode *)bs->opaque)->m = m;
        bdrv_delete(bs);
        return NULL;
    }
    bs->backing = backing ? mem_node(backing) : NULL;
    return bs;
}

/* -- The disk as it should be ------------------------------------------------ */

typedef struct Sector {                 /* what it may hold; the last is newest */
    uint32_t value[MAX_VALUES];
    int num;
    bool discarded;                     /* any of them, without a cut */
} Sector;

typedef struct Snap { char name[16]; uint32_t value[SECTORS]; } Snap;

typedef struct Rig {
    Mem mem, backing;
    Mem safe, cut;                      /* what surely is on the disk; a trial */
    int done;                           /* of the log, in `safe` or pending */
    BlockDriverState *bs;
    Sector sector[SECTORS];
    Snap snap[MAX_SNAPS];
    int num_snaps, snaps_changing;
    uint32_t stamp, cluster;            /* in sectors */
    int cuts;
    bool with_snapshots, with_backing;
} Rig;

static void stamp_sector(uint8_t *p, uint32_t n, uint32_t value)
{
    for (int i = 0; i < 512; i += 8) {
        store_le(p + i, value ? n : 0, 4);
        store_le(p + i + 4, value, 4);
    }
}

static bool sector_is(const uint8_t *p, uint32_t n, uint32_t value)
{
    uint8_t first[8];

    store_le(first, value ? n : 0, 4);
    store_le(first + 4, value, 4);
    return memcmp(p, first, 8) == 0 && memcmp(p, p + 8, 504) == 0;
}

static uint32_t newest(const Rig *r, uint32_t n)
{
    return r->sector[n].value[r->sector[n].num - 1];
}

static void may_be(Rig *r, uint32_t n, uint32_t value)
{
    Sector *s = &r->sector[n];

    s->discarded = false;
    if (s->num < MAX_VALUES) {
        s->value[s->num++] = value;
    } else {
        s->value[MAX_VALUES - 1] = value;       /* be strict, and flush sooner */
    }
}

/* A flush of the guest: only the newest will do. */
static void flushed(Rig *r)
{
    for (int n = 0; n < SECTORS; n++) {
        r->sector[n].value[0] = newest(r, (uint32_t)n);
        r->sector[n].num = 1;
    }
}

static bool nearly_full(const Rig *r)
{
    for (int n = 0; n < SECTORS; n++) {
        if (r->sector[n].num > MAX_VALUES - 24) {
            return true;
        }
    }
    return false;
}

/* -- The power fails --------------------------------------------------------- */

static void check_content(Rig *r, BlockDriverState *bs, uint8_t *buf)
{
    CHECK_EQ(blk_pread(bs, 0, buf, DISK), 0);
    for (uint32_t n = 0; n < SECTORS; n++) {
        const Sector *s = &r->sector[n];
        bool ok = false;

        for (int i = 0; i < s->num && !ok; i++) {
            ok = sector_is(buf + n * 512, n, s->value[i]);
        }
        if (!ok) {
            printf("# sector %u holds %u/%u, may hold %u .. %u\n", n,
                   (unsigned)load_le(buf + n * 512, 4), (unsigned)load_le(buf + n * 512 + 4, 4),
                   s->value[0], s->value[s->num - 1]);
            CHECK(!"every flushed byte is there");
            return;
        }
    }
}

static void check_snapshot(Rig *r, BlockDriverState *bs, uint8_t *buf)
{
    const Snap *sn = &r->snap[rnd((uint32_t)r->num_snaps)];
    Error err = { "" };

    CHECK_EQ(bs->drv->snapshot_goto(bs, sn->name, &err), 0);
    CHECK_EQ(blk_pread(bs, 0, buf, DISK), 0);
    for (uint32_t n = 0; n < SECTORS; n++) {
        if (!sector_is(buf + n * 512, n, sn->value[n])) {
            CHECK(!"a snapshot is what it was");
            return;
        }
    }
}

static void tell(void *opaque, const char *line)
{
    (void)opaque;
    printf("# %s\n", line);
}

static void check_cut(Rig *r)
{
    static uint8_t buf[DISK];
    BlockDriverState *bs = open_over(&r->cut, r->with_backing ? &r->backing : NULL);
    BlockCheck res = { .corruptions = 0 };
    Error err = { "" };

    r->cuts++;
    CHECK(bs != NULL);
    if (!bs) {
        return;
    }
    CHECK_EQ(bs->drv->check(bs, &res, 0, &err), 0);
    if (res.corruptions) {
        res = (BlockCheck){ .report = tell };
        bs->drv->check(bs, &res, 0, &err);
        CHECK_EQ(res.corruptions, 0);
    }
    check_content(r, bs, buf);
    if (r->num_snaps && !r->snaps_changing && rnd(6) == 0) {
        check_snapshot(r, bs, buf);
    }
    bdrv_delete(bs);
}

/* Of a pending change, all, none, or some sectors. */
static void perhaps_apply(Mem *m, const Change *c, uint32_t percent)
{
    bool torn = rnd(4) == 0;

    if (c->truncate || !torn) {
        if (rnd(100) < percent) {
            apply(m, c, 0, c->len);
        }
        return;
    }
    for (uint64_t at = 0; at < c->len;) {
        uint64_t n = MIN(512 - (c->off + at) % 512, c->len - at);

        if (rnd(100) < percent) {
            apply(m, c, at, n);
        }
        at += n;
    }
}

/* The log from first to end, the changes not yet safe. */
static void cut_here(Rig *r, int first, int end)
{
    static const uint32_t chances[] = { 100, 0, 50, 90, 10 };
    uint32_t percent = chances[rnd(5)];

    memset(r->cut.data, 0, r->cut.size);
    memcpy(r->cut.data, r->safe.data, r->safe.size);
    r->cut.size = r->safe.size;
    for (int i = first; i < end; i++) {
        if (!r->mem.log[i].flush) {
            perhaps_apply(&r->cut, &r->mem.log[i], percent);
        }
    }
    check_cut(r);
}

/* Moments within what was done since the last call. */
static void cut_moments(Rig *r, uint32_t one_in)
{
    Mem *m = &r->mem;
    int first = 0;

    for (int i = 0; i < m->num; i++) {
        if (i >= r->done && rnd(one_in) == 0) {
            cut_here(r, first, i);
        }
        if (m->log[i].flush) {
            for (; first < i; first++) {
                if (!m->log[first].flush) {
                    apply(&r->safe, &m->log[first], 0, m->log[first].len);
                }
            }
            first = i + 1;
        }
    }
    for (int i = 0; i < first; i++) {
        free(m->log[i].data);
    }
    memmove(m->log, m->log + first, (size_t)(m->num - first) * sizeof(*m->log));
    m->num -= first;
    r->done = m->num;
}

/* -- Work -------------------------------------------------------------------- */

static int pending;

static void one_done(void *opaque, int ret)
{
    free(opaque);
    if (ret < 0) {
        printf("# request: %s\n", strerror(-ret));
    }
    CHECK_EQ(ret, 0);
    pending--;
}

typedef struct Request { struct iovec one; QEMUIOVector q; uint8_t data[]; } Request;

static Request *new_request(uint32_t first, uint32_t num, uint32_t stamp)
{
    Request *q = xmalloc(sizeof(*q) + num * 512);

    for (uint32_t i = 0; i < num; i++) {
        stamp_sector(q->data + i * 512, first + i, stamp);
    }
    iov_init_buf(&q->q, &q->one, q->data, num * 512);
    return q;
}

static void start_write(Rig *r, uint32_t first, uint32_t num)
{
    uint32_t stamp = ++r->stamp;
    int what = (int)rnd(10);

    for (uint32_t i = 0; i < num; i++) {
        if (what == 1) {                /* discarded: as it was, or zeroes, */
            may_be(r, first + i, 0);    /* or the backing file's */
            r->sector[first + i].discarded = true;
            continue;
        }
        may_be(r, first + i, what == 0 ? 0 : stamp);
    }
    pending++;
    if (what == 0) {
        blk_aio_write_zeroes(r->bs, first * 512, num * 512, one_done, NULL);
    } else if (what == 1) {
        blk_aio_discard(r->bs, first * 512, num * 512, one_done, NULL);
    } else {
        Request *q = new_request(first, num, stamp);

        blk_aio_pwritev(r->bs, first * 512, &q->q, one_done, q);
    }
}

/* What was written is there; after a discard nobody knows without looking. */
static void look(Rig *r)
{
    static uint8_t buf[DISK];

    CHECK_EQ(blk_pread(r->bs, 0, buf, DISK), 0);
    for (uint32_t n = 0; n < SECTORS; n++) {
        uint32_t value = (uint32_t)load_le(buf + n * 512 + 4, 4);

        CHECK(sector_is(buf + n * 512, n, value));
        if (value != newest(r, n)) {
            Sector *s = &r->sector[n];
            bool known = false;

            for (int i = 0; s->discarded && i < s->num; i++) {
                known |= s->value[i] == value;
            }
            CHECK(known);
            may_be(r, n, value);
        }
    }
}

static void batch(Rig *r)
{
    uint32_t at = rnd(20);

    for (int i = 0; i < 6 && at < SECTORS; i++) {
        uint32_t num = 1 + rnd(rnd(3) ? 4 : 40);

        num = MIN(num, SECTORS - at);
        start_write(r, at, num);
        at += num + rnd(rnd(2) ? 8 : 150);
    }
    if (rnd(4) == 0) {
        pending++;
        blk_aio_flush(r->bs, one_done, NULL);
    }
    blk_drain(r->bs);
    CHECK_EQ(pending, 0);
    look(r);
}

typedef struct Packed { BlockDriverState *bs; uint64_t off, len; QEMUIOVector *q; } Packed;

static int run_packed(void *arg)
{
    Packed *p = arg;

    return bdrv_co_write_compressed(p->bs, p->off, p->len, p->q, 0);
}

static void write_packed(Rig *r)
{
    uint32_t num = MAX(32, r->cluster), first = rnd(SECTORS / num) * num, stamp = ++r->stamp;
    Request *q = new_request(first, num, stamp);
    Packed p = { r->bs, first * 512, num * 512, &q->q };

    for (uint32_t i = 0; i < num; i++) {
        may_be(r, first + i, stamp);
    }
    CHECK_EQ(aio_run_sync(run_packed, &p), 0);
    free(q);
}

static void make_snapshot(Rig *r)
{
    BlockSnapshot sn = { .icount = ~0ull };
    Snap *s = &r->snap[r->num_snaps];
    Error err = { "" };

    snprintf(s->name, sizeof(s->name), "s%u", ++r->stamp);
    snprintf(sn.name, sizeof(sn.name), "%s", s->name);
    for (uint32_t n = 0; n < SECTORS; n++) {
        s->value[n] = newest(r, n);
    }
    CHECK_EQ(r->bs->drv->snapshot_create(r->bs, &sn, &err), 0);
}

static void change_snapshots(Rig *r)
{
    uint32_t i = rnd(MAX_SNAPS);
    Error err = { "" };

    r->snaps_changing = true;
    if (i >= (uint32_t)r->num_snaps) {
        make_snapshot(r);
        cut_moments(r, 4);
        r->num_snaps++;
    } else if (rnd(2)) {
        for (uint32_t n = 0; n < SECTORS; n++) {
            may_be(r, n, r->snap[i].value[n]);
        }
        CHECK_EQ(r->bs->drv->snapshot_goto(r->bs, r->snap[i].name, &err), 0);
        cut_moments(r, 4);
    } else {
        CHECK_EQ(r->bs->drv->snapshot_delete(r->bs, r->snap[i].name, &err), 0);
        cut_moments(r, 4);
        r->snap[i] = r->snap[--r->num_snaps];
    }
    r->snaps_changing = false;
    flushed(r);
}

/* The disk grows, by more than its L1 table reaches; or is as it was.  What is behind its
 * first bytes is of no interest. */
static void resize(Rig *r)
{
    uint64_t reach = (uint64_t)r->cluster * 512 * r->cluster * 512 / 8;
    uint64_t size = rnd(4) ? r->bs->length + reach * (1 + rnd(40)) : DISK;
    Error err = { "" };

    CHECK_EQ(bdrv_truncate(r->bs, size, &err), 0);
    cut_moments(r, 4);
}

static void reopen(Rig *r)
{
    bdrv_delete(r->bs);
    cut_moments(r, 2);
    flushed(r);
    r->bs = open_over(&r->mem, r->with_backing ? &r->backing : NULL);
}

static void step(Rig *r)
{
    switch (rnd(16)) {
    case 0:
        if (r->with_snapshots) {
            change_snapshots(r);
        }
        break;
    case 1:
        reopen(r);
        break;
    case 2: case 3: case 4:
        CHECK_EQ(blk_flush(r->bs), 0);
        cut_moments(r, 3);
        flushed(r);
        break;
    case 5:
        write_packed(r);
        break;
    case 6:
        resize(r);
        break;
    default:
        batch(r);
    }
    cut_moments(r, 12);
    if (nearly_full(r)) {
        CHECK_EQ(blk_flush(r->bs), 0);
        cut_moments(r, 3);
        flushed(r);
    }
}

/* -- Images ------------------------------------------------------------------ */

static void alloc_mem(Mem *m)
{
    *m = (Mem){ .data = xzalloc(FILE_MAX) };
}

static void load_new_image(Mem *m, const char *options)
{
    char *path = xasprintf("%s/test-qcow2-cuts-XXXXXX", getenv("TMPDIR") ?: "/var/tmp");
    int fd = mkstemp(path);
    BlockOpts o = { NULL, 0 };
    Error err = { "" };

    CHECK_EQ(opts_parse(&o, options, &err), 0);
    CHECK_EQ(bdrv_create("qcow2", path, DISK, &o, &err), 0);
    opts_free(&o);
    m->size = (uint64_t)lseek(fd, 0, SEEK_END);
    CHECK(pread(fd, m->data, m->size, 0) == (ssize_t)m->size);
    close(fd);
    unlink(path);
    free(path);
}

static void set_up(Rig *r, const char *options)
{
    BlockInfo info = { .cluster_size = 0 };

    alloc_mem(&r->mem);
    alloc_mem(&r->backing);
    alloc_mem(&r->safe);
    alloc_mem(&r->cut);
    load_new_image(&r->mem, options);
    memcpy(r->safe.data, r->mem.data, r->mem.size);
    r->safe.size = r->mem.size;
    r->with_backing = strstr(options, "backing_file");
    r->backing.size = DISK / 2;
    for (uint32_t n = 0; n < SECTORS; n++) {
        uint32_t value = r->with_backing && n < SECTORS / 2 ? 1000000 + n : 0;

        stamp_sector(r->backing.data + n * 512, n, value);
        r->sector[n] = (Sector){ .value = { value }, .num = 1 };
    }
    r->mem.log = xcalloc(MAX_LOG, sizeof(*r->mem.log));
    r->mem.record = r->mem.yields = true;
    r->bs = open_over(&r->mem, r->with_backing ? &r->backing : NULL);
    r->bs->drv->info(r->bs, &info);
    r->cluster = (uint32_t)(info.cluster_size / 512);
}

static void cuts_test(const char *options, bool with_snapshots, int cuts)
{
    Rig *r = xzalloc(sizeof(*r));
    int before = test_failures;

    r->with_snapshots = with_snapshots;
    set_up(r, options);
    while (r->cuts < cuts && r->bs && test_failures == before) {
        step(r);
    }
    if (test_failures != before) {
        printf("# %s, after %d cuts\n", options, r->cuts);
    }
    bdrv_delete(r->bs);
    forget(&r->mem);
    free(r->mem.log);
    free(r->mem.data);
    free(r->backing.data);
    free(r->safe.data);
    free(r->cut.data);
    free(r);
}

/* CUTS=n in the environment: so many for each kind of image (600, 100 if fast). */
static void cuts_of(const char *options, bool with_snapshots)
{
    const char *n = getenv("CUTS"), *level = getenv("TEST_LEVEL");
    bool fast = level && !strcmp(level, "fast");
    int cuts = n ? atoi(n) : fast ? 100 : 600, images = fast ? 4 : 10;

    /* Tables grow when an image is young: several of them. */
    for (int i = 0; i < images; i++) {
        seed = 20 + (uint32_t)i;
        cuts_test(options, with_snapshots, cuts / images);
    }
}

TEST(small_clusters) { cuts_of("cluster_size=512", false); }
TEST(version_2) { cuts_of("cluster_size=512,compat=0.10", false); }
TEST(large_clusters) { cuts_of("cluster_size=16k", false); }
TEST(wide_refcounts) { cuts_of("cluster_size=512,refcount_bits=64", false); }
TEST(lazy_refcounts) { cuts_of("cluster_size=1k,lazy_refcounts=on", true); }
TEST(lazy_refcounts_over_a_backing_file)
{
    cuts_of("cluster_size=512,lazy_refcounts=on,backing_file=b", false);
}
TEST(subclusters) { cuts_of("cluster_size=16k,extended_l2=on", false); }
TEST(subclusters_of_several_sectors) { cuts_of("cluster_size=32k,extended_l2=on", false); }
TEST(over_a_backing_file) { cuts_of("cluster_size=2k,backing_file=b", false); }
TEST(subclusters_over_a_backing_file)
{
    cuts_of("cluster_size=16k,extended_l2=on,backing_file=b", true);
}
TEST(snapshots) { cuts_of("cluster_size=1k", true); }
TEST(snapshots_over_a_backing_file) { cuts_of("cluster_size=4k,backing_file=b", true); }
