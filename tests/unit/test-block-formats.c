/* SPDX-License-Identifier: MIT */
/*
 * Image formats: what is written is read back over closing and opening; after a
 * power cut at any moment the image opens, checks without corruption, and holds
 * every flushed byte; whatever a header says, the answer is a sentence.
 *
 * TEST_CUTS=n in the environment tries that many cuts per format (60, or 6 of
 * the fast tests).
 */
#include <errno.h>
#include <sys/sendfile.h>

#include "tests/test.h"
#include "tests/unit/block-log.h"
#include "tests/unit/read-only-images.h"

enum { DISK = 3 << 20, OPS = 120, MAX_IO = 40000 };

typedef struct Format {
    const char *name, *opts;
    bool several;                       /* files: no power cuts here */
} Format;

static const Format formats[] = {
    { "vdi", NULL, false }, { "vdi", "static=on", false },
    { "vpc", "force_size=on", false }, { "vpc", "subformat=fixed,force_size=on", false },
    { "vmdk", NULL, false }, { "vmdk", "zeroed_grain=on", false },
    { "vmdk", "subformat=streamOptimized", false },
    { "vmdk", "subformat=twoGbMaxExtentSparse", true },
    { "vmdk", "subformat=monolithicFlat", true },
    { "vhdx", "block_size=1M", false },
    { "vhdx", "subformat=fixed,block_size=1M", false },
    { "parallels", "cluster_size=64k", false }, { "qcow", NULL, false },
};

static bool is_fast(void)
{
    const char *level = getenv("TEST_LEVEL");

    return level && !strcmp(level, "fast");
}

static uint32_t seed;

/* TEST_SEED=n in the environment: other random damage. */
static uint32_t first_seed(uint32_t n)
{
    const char *more = getenv("TEST_SEED");

    return n + (more ? (uint32_t)atoi(more) * 65537 : 0);
}

static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)(seed >> 4) * below >> 28);
}

static bool coin(void)
{
    return rnd(2);
}

static char *temp_dir(void)
{
    /* Memory, if there is some: nothing here needs a disk. */
    const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/var/tmp";
    char *path = xasprintf("%s/test-formats-XXXXXX", getenv("TMPDIR") ?: where);

    if (!mkdtemp(path)) {
        abort();
    }
    return path;
}

static char *in_dir(const char *dir, const char *name)
{
    return xasprintf("%s/%s", dir, name);
}

static void drop_dir(char *dir)
{
    char *cmd = xasprintf("rm -rf '%s'", dir);

    CHECK_EQ(system(cmd), 0);
    free(cmd);
    free(dir);
}

static bool create(const Format *f, const char *path, uint64_t size, const char *more)
{
    BlockOpts o = { NULL, 0 };
    Error err = { "" };
    int ret = f->opts ? opts_parse(&o, f->opts, &err) : 0;

    ret = ret >= 0 && more ? opts_parse(&o, more, &err) : ret;
    ret = ret >= 0 ? bdrv_create(f->name, path, size, &o, &err) : ret;
    opts_free(&o);
    if (ret < 0) {
        printf("# %s\n", err.msg);
        CHECK(!"is made");
    }
    return ret >= 0;
}

static BlockDriverState *open_image(const char *path, const char *format, int flags)
{
    BlockDriverState *bs = bdrv_new(NULL);
    Error err = { "" };

    if (bdrv_open(bs, path, format, flags, NULL, &err) < 0) {
        printf("# %s\n", err.msg);
        CHECK(!"opens");
        bdrv_delete(bs);
        return NULL;
    }
    return bs;
}

static void expect_clean(BlockDriverState *bs)
{
    BlockCheck res = { 0 };
    Error err = { "" };

    if (bs->drv->check) {
        CHECK_EQ(bs->drv->check(bs, &res, 0, &err), 0);
        CHECK_EQ(res.corruptions, 0);
        CHECK_EQ(res.errors, 0);
    }
}

/* -- Random requests --------------------------------------------------------- */

typedef struct Op {
    enum { OP_WRITE, OP_ZERO, OP_FLUSH } kind;
    uint32_t off, len;
    uint8_t *data;
    size_t begin, end;                  /* records of the log */
} Op;

static Op random_op(void)
{
    Op op = { .kind = rnd(7) ? rnd(6) ? OP_WRITE : OP_ZERO : OP_FLUSH };
    uint32_t unit = rnd(3) ? 512 : 1;

    op.off = rnd(DISK / unit) * unit;
    op.len = (1 + rnd(MAX_IO / unit)) * unit;
    op.len = MIN(op.len, DISK - op.off);
    op.data = xmalloc(op.len);
    for (uint32_t i = 0; i < op.len; i += 4) {
        uint32_t v = op.kind == OP_ZERO ? 0 : rnd(1 << 28) | 0x01010101;

        memcpy(op.data + i, &v, MIN(4, op.len - i));
    }
    return op;
}

static void do_op(BlockDriverState *bs, Op *op)
{
    op->begin = block_log.num;
    CHECK_EQ(op->kind == OP_WRITE ? blk_pwrite(bs, op->off, op->data, op->len)
             : op->kind == OP_ZERO ? blk_write_zeroes(bs, op->off, op->len)
             : blk_flush(bs), 0);
    op->end = block_log.num;
}

static void expect_contents(BlockDriverState *bs, const uint8_t *model)
{
    uint8_t *buf = xmalloc(DISK);

    CHECK_EQ(blk_length(bs), DISK);
    CHECK_EQ(blk_pread(bs, 0, buf, DISK), 0);
    CHECK(memcmp(buf, model, DISK) == 0);
    free(buf);
}

/* The status says where zeroes are: it must be right about that. */
static void expect_status(BlockDriverState *bs, const uint8_t *model)
{
    uint64_t off = 0, num;

    while (off < DISK) {
        int status = bdrv_block_status(bs, off, DISK - off, &num, NULL);

        CHECK(status >= 0 && num > 0);
        if (status < 0 || num == 0) {
            return;
        }
        if (status & BDRV_BLOCK_ZERO) {
            CHECK(buf_is_zero(model + off, num));
        }
        off += num;
    }
}

static void random_rounds(const Format *f, const char *path, uint8_t *model)
{
    seed = 4711;
    for (int round = is_fast() ? 3 : 0; round < 4; round++) {
        BlockDriverState *bs = open_image(path, f->name, BDRV_O_RDWR | BDRV_O_NO_FLUSH);

        for (int i = 0; bs && i < 40; i++) {
            Op op = random_op();

            do_op(bs, &op);
            if (op.kind != OP_FLUSH) {
                memcpy(model + op.off, op.data, op.len);
            }
            free(op.data);
        }
        if (bs) {
            expect_contents(bs, model);
            bdrv_delete(bs);
        }
        bs = open_image(path, f->name, 0);
        if (bs) {
            expect_contents(bs, model);
            expect_status(bs, model);
            expect_clean(bs);
            bdrv_delete(bs);
        }
    }
}

TEST(every_format_keeps_what_is_written)
{
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        char *dir = temp_dir(), *path = in_dir(dir, "a.img");
        uint8_t *model = xzalloc(DISK);
        int before = test_failures;

        if (create(&formats[i], path, DISK, NULL)) {
            random_rounds(&formats[i], path, model);
        }
        if (test_failures != before) {
            printf("# in %s %s\n", formats[i].name, formats[i].opts ? formats[i].opts : "");
        }
        free(model);
        free(path);
        drop_dir(dir);
    }
}

static int in_flight;

static void on_done(void *opaque, int ret)
{
    (void)opaque;
    CHECK_EQ(ret, 0);
    in_flight--;
}

/* Many requests at a time, several in one new cluster: none is lost. */
TEST(requests_at_the_same_time_do_not_lose_each_other)
{
    enum { N = 64, PIECE = 4096 };
    int pieces = (is_fast() ? DISK / 3 : DISK) / PIECE;

    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        char *dir = temp_dir(), *path = in_dir(dir, "a.img");
        uint8_t *model = xzalloc(DISK);
        static struct iovec iov[N];
        static QEMUIOVector q[N];
        BlockDriverState *bs = NULL;

        seed = 99;
        for (int k = 0; k < pieces * PIECE; k++) {
            model[k] = (uint8_t)(k * 7 >> 5);
        }
        if (create(&formats[i], path, DISK, NULL)) {
            bs = open_image(path, formats[i].name, BDRV_O_RDWR | BDRV_O_NO_FLUSH);
        }
        for (int first = 0; bs && first < pieces; first += N) {
            for (int k = 0; k < N; k++) {
                size_t off = (size_t)(first + (k * 37) % N) * PIECE;

                iov_init_buf(&q[k], &iov[k], model + off, PIECE);
                in_flight++;
                blk_aio_pwritev(bs, off, &q[k], on_done, NULL);
            }
            blk_drain(bs);
        }
        CHECK_EQ(in_flight, 0);
        bdrv_delete(bs);
        bs = open_image(path, formats[i].name, 0);
        if (bs) {
            expect_contents(bs, model);
            expect_clean(bs);
        }
        bdrv_delete(bs);
        free(model);
        free(path);
        drop_dir(dir);
    }
}

/* -- Backing and compression ------------------------------------------------- */

static const Format layered[] = { { "vmdk", NULL, false }, { "qcow", NULL, false } };

TEST(a_backing_image_shows_until_it_is_written_over)
{
    for (size_t i = 0; i < ARRAY_SIZE(layered); i++) {
        char *dir = temp_dir(), *base = in_dir(dir, "base"), *top = in_dir(dir, "top");
        uint8_t *model = xzalloc(DISK);
        BlockDriverState *bs;
        Error err = { "" };

        create(&layered[i], base, DISK, NULL);
        random_rounds(&layered[i], base, model);
        create(&layered[i], top, DISK, "backing_file=base");
        random_rounds(&layered[i], top, model);
        bs = open_image(top, layered[i].name, BDRV_O_RDWR);
        CHECK(bs && bs->backing);
        CHECK_EQ(bdrv_commit(bs, &err), 0);
        expect_contents(bs, model);
        bdrv_delete(bs);
        random_rounds(&layered[i], top, model);         /* still its parent */
        free(model);
        free(base);
        free(top);
        drop_dir(dir);
    }
}

TEST(a_vmdk_parent_that_was_changed_is_refused)
{
    char *dir = temp_dir(), *base = in_dir(dir, "base"), *top = in_dir(dir, "top");
    BlockDriverState *bs;
    Error err = { "" };

    create(&layered[0], base, DISK, NULL);
    create(&layered[0], top, DISK, "backing_file=base");
    bs = open_image(base, "vmdk", BDRV_O_RDWR);
    CHECK_EQ(blk_pwrite(bs, 0, "x", 1), 0);
    bdrv_delete(bs);
    bs = bdrv_new(NULL);
    CHECK_EQ(bdrv_open(bs, top, "vmdk", 0, NULL, &err), (uint64_t)-EINVAL);
    CHECK(strstr(err.msg, "was changed after"));
    bdrv_delete(bs);
    free(base);
    free(top);
    drop_dir(dir);
}

typedef struct Packed { BlockDriverState *bs; uint64_t off, len; QEMUIOVector *q; } Packed;

static int write_packed(void *arg)
{
    const Packed *p = arg;

    return bdrv_co_write_compressed(p->bs, p->off, p->len, p->q, 0);
}

TEST(compressed_clusters_are_read_and_written_over)
{
    static const Format packing[] = { { "vmdk", "subformat=streamOptimized", false },
                                      { "qcow", NULL, false } };

    for (size_t i = 0; i < ARRAY_SIZE(packing); i++) {
        char *dir = temp_dir(), *path = in_dir(dir, "a.img");
        uint8_t *model = xzalloc(DISK);
        struct iovec one;
        QEMUIOVector q;
        BlockDriverState *bs;

        seed = 5;
        for (int k = 0; k < DISK; k++) {
            model[k] = (uint8_t)(k >> 16 & 1 ? rnd(256) : (uint32_t)k >> 9);
        }
        create(&packing[i], path, DISK, NULL);
        bs = open_image(path, packing[i].name, BDRV_O_RDWR | BDRV_O_NO_FLUSH);
        iov_init_buf(&q, &one, model, DISK);
        CHECK_EQ(aio_run_sync(write_packed, &(Packed){ bs, 0, DISK, &q }), 0);
        expect_contents(bs, model);
        CHECK(bs->file->length < DISK * 3 / 4);
        bdrv_delete(bs);
        random_rounds(&packing[i], path, model);
        free(model);
        free(path);
        drop_dir(dir);
    }
}

/* -- Power cuts -------------------------------------------------------------- */

static int num_cuts(void)
{
    const char *n = getenv("TEST_CUTS");

    return n ? atoi(n) : is_fast() ? 4 : 60;
}

/* What must be there after a cut behind n records: `flushed`, but where `open`
 * is 255, for those bytes were being written. */
static void expected(const Op *ops, int num, size_t n, uint8_t *flushed, uint8_t *open)
{
    int last = -1;

    memset(flushed, 0, DISK);
    memset(open, 0, DISK);
    for (int i = 0; i < num; i++) {
        if (ops[i].kind == OP_FLUSH && ops[i].end <= n) {
            last = i;
        }
    }
    for (int i = 0; i < num; i++) {
        if (ops[i].kind == OP_FLUSH) {
            continue;
        }
        if (i < last) {
            memcpy(flushed + ops[i].off, ops[i].data, ops[i].len);
        } else if (ops[i].begin < n) {
            memset(open + ops[i].off, 255, ops[i].len);
        }
    }
}

static void after_cut(const Format *f, const char *path, const uint8_t *flushed,
                      const uint8_t *open, int flags)
{
    BlockDriverState *bs = open_image(path, f->name, flags);
    uint8_t *buf = xmalloc(DISK);
    uint64_t wrong = 0;

    if (bs) {
        expect_clean(bs);
        CHECK_EQ(blk_pread(bs, 0, buf, DISK), 0);
        for (int i = 0; i < DISK; i += 8) {
            wrong |= (load_le(buf + i, 8) ^ load_le(flushed + i, 8)) & ~load_le(open + i, 8);
        }
        CHECK_EQ(wrong, 0);
        bdrv_delete(bs);
    }
    free(buf);
}

static void cut_everywhere(const Format *f, const Op *ops, int num, const char *path)
{
    uint8_t *flushed = xmalloc(DISK), *open = xmalloc(DISK);
    int cuts = num_cuts(), before = test_failures;

    for (int i = 0; i <= cuts && test_failures == before; i++) {
        size_t n = block_log.num * (size_t)i / (size_t)cuts;

        expected(ops, num, n, flushed, open);
        block_log_cut(n, i & 1 ? coin : NULL, path);
        after_cut(f, path, flushed, open, 0);
        after_cut(f, path, flushed, open, BDRV_O_RDWR | BDRV_O_NO_FLUSH);
        if (test_failures != before) {
            printf("# %s %s: cut %d behind record %zu of %zu\n", f->name,
                   f->opts ? f->opts : "", i, n, block_log.num);
        }
    }
    free(flushed);
    free(open);
}

TEST(after_a_power_cut_all_that_was_flushed_is_there)
{
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        char *dir = temp_dir(), *path = in_dir(dir, "a.img"), *cut = in_dir(dir, "cut.img");
        Op *ops = xcalloc(OPS, sizeof(*ops));
        BlockDriverState *bs = NULL;

        seed = first_seed(31 + (uint32_t)i);
        if (!formats[i].several && create(&formats[i], path, DISK, NULL)) {
            bs = open_image(path, formats[i].name, BDRV_O_RDWR);
        }
        if (bs) {
            block_log_start(bs->file);
            for (int k = 0; k < OPS; k++) {
                ops[k] = random_op();
                do_op(bs, &ops[k]);
            }
            bdrv_delete(bs);
            cut_everywhere(&formats[i], ops, OPS, cut);
            block_log_end();
        }
        for (int k = 0; k < OPS; k++) {
            free(ops[k].data);
        }
        free(ops);
        free(path);
        free(cut);
        drop_dir(dir);
    }
}

/* -- Hostile images ---------------------------------------------------------- */

static void poke(const char *path, long off, const uint8_t *bytes, size_t len)
{
    FILE *f = fopen(path, "r+b");

    if (!f || fseek(f, off, SEEK_SET) || fwrite(bytes, 1, len, f) != len) {
        abort();
    }
    fclose(f);
}

typedef struct Defect {
    const char *format, *opts;
    long off;
    const char *bytes;
    size_t len;
    const char *says;
} Defect;

#define FF4 "\xff\xff\xff\xff"

static const Defect defects[] = {
    { "vdi", NULL, 0x40, "abcd", 4, "not a vdi image" },
    { "vdi", NULL, 0x44, "\0\0\2\0", 4, "vdi version 2.0" },
    { "vdi", NULL, 0x4c, "\4\0\0\0", 4, "type differencing" },
    { "vdi", NULL, 0x154, FF4, 4, "a map of" },
    { "vdi", NULL, 0x158, "\0\1\0\0", 4, "data at 256" },
    { "vdi", NULL, 0x170, FF4 FF4, 8, "bytes in 3 blocks" },
    { "vdi", NULL, 0x178, "\1\0\0\0", 4, "blocks of 1 bytes" },
    { "vdi", NULL, 0x180, "\xff\xff\xff\x3f", 4, "a map of" },
    { "vpc", NULL, 0x10, FF4 FF4, 8, NULL },            /* the one at the end is good */
    { "vpc", NULL, 512, "x", 1, "it is not there" },
    { "vpc", NULL, 512 + 28, FF4, 4, "wrong checksum" },
    { "vmdk", NULL, 4, "\4\0\0\0", 4, "vmdk version 4" },
    { "vmdk", NULL, 12, FF4 FF4, 8, "sectors in grains" },
    { "vmdk", NULL, 20, "\3\0\0\0\0\0\0\0", 8, "grains of 1536" },
    { "vmdk", "subformat=streamOptimized", 20, "\0\x80\0\0", 4, "in grains of 32768 sectors" },
    { "vmdk", NULL, 28, FF4 FF4, 8, "a descriptor of" },
    { "vmdk", NULL, 36, "\0\0\0\1\0\0\0\0", 8, "a descriptor of" },
    { "vmdk", NULL, 44, "\0\0\0\0", 4, "tables of 0 grains" },
    { "vmdk", NULL, 56, "\xff\xff\xff\x7f\0\0\0\0", 8, "a directory of" },
    { "vmdk", NULL, 56, FF4 FF4, 8, "without a footer" },
    { "vmdk", NULL, 73, "\r\n", 2, "copied as a text file" },
    { "vhdx", NULL, 0, "VHDX", 4, "not a vhdx image" },
    { "vhdx", NULL, (192 << 10) + 8, FF4, 4, NULL },    /* the second one is good */
    { "vhdx", NULL, (2 << 20), "x", 1, "wrong signature" },
    { "vhdx", NULL, (2 << 20) + (64 << 10), "\1\0\0\0", 4, "blocks of 1 bytes" },
    { "vhdx", NULL, (2 << 20) + (64 << 10) + 4, "\2\0\0\0", 4, "differencing" },
    { "vhdx", NULL, (2 << 20) + (64 << 10) + 8, FF4 FF4, 8, "a disk of" },
    { "vhdx", NULL, (2 << 20) + (64 << 10) + 13, "\1\0\0", 3, "allocation table of" },
    { "parallels", NULL, 16, "\3\0\0\0", 4, "parallels version 3" },
    { "parallels", NULL, 28, "\0\0\0\0", 4, "clusters of 0 bytes" },
    { "parallels", NULL, 28, FF4, 4, "clusters of" },
    { "parallels", NULL, 32, FF4, 4, "a table of" },
    { "parallels", NULL, 36, FF4 FF4, 8, "sectors in" },
    { "qcow", NULL, 4, "\0\0\0\3", 4, "qcow version 3" },
    { "qcow", NULL, 8, "\0\0\0\0\0\xff\0\0", 8, "backing file name" },
    { "qcow", NULL, 24, FF4 FF4, 8, "a disk of" },
    { "qcow", NULL, 24, "\0\xff\0\0\0\0\0\0", 8, "a level 1 table" },
    { "qcow", NULL, 32, "\x3f", 1, "63 cluster bits" },
    { "qcow", NULL, 33, "\xff", 1, "255 level 2" },
    { "qcow", NULL, 36, "\0\0\0\1", 4, "encrypted with AES" },
    { "qcow", NULL, 40, FF4 FF4, 8, "a level 1 table" },
};

TEST(a_damaged_header_is_a_sentence)
{
    char *dir = temp_dir(), *path = in_dir(dir, "bad.img");

    for (size_t i = 0; i < ARRAY_SIZE(defects); i++) {
        const Defect *d = &defects[i];
        Format f = { d->format, d->opts, false };
        BlockDriverState *bs = bdrv_new(NULL);
        Error err = { "" };

        create(&f, path, DISK, NULL);
        poke(path, d->off, (const uint8_t *)d->bytes, d->len);
        int ret = bdrv_open(bs, path, d->format, 0, NULL, &err);

        if (d->says ? ret >= 0 || !strstr(err.msg, d->says) || !strstr(err.msg, "bad.img")
                    : ret < 0) {
            printf("# %s at 0x%lx: %d %s\n", d->format, d->off, ret, err.msg);
            CHECK(!"says what is wrong");
        }
        bdrv_delete(bs);
    }
    free(path);
    drop_dir(dir);
}

/* 32 tables that lie nowhere, of 8192 entries each: an end is made. */
TEST(a_check_gives_up_where_all_is_damaged)
{
    char *dir = temp_dir(), *path = in_dir(dir, "bad.img");
    Format f = { "qcow", NULL, false };
    BlockCheck res = { 0 };
    uint8_t tables[32 * 8];
    Error err = { "" };

    memset(tables, 0xff, sizeof(tables));
    create(&f, path, DISK, NULL);
    poke(path, 24, (const uint8_t *)"\0\0\0\4\0\0\0\0\x10\x0d", 10);
    poke(path, 48, tables, sizeof(tables));
    BlockDriverState *bs = open_image(path, "qcow", 0);

    if (bs) {
        CHECK(bs->drv->check(bs, &res, 0, &err) < 0);
        CHECK(strstr(err.msg, "too many places"));
        bdrv_delete(bs);
    }
    free(path);
    drop_dir(dir);
}

/* Anything may be in a file: the answer is data or an error, in short time. */
static void try_anything(const Format *f, const char *path)
{
    static uint8_t buf[64 << 10];
    BlockDriverState *bs = bdrv_new(NULL);
    BlockCheck res = { 0 };
    Error err = { "" };

    if (bdrv_open(bs, path, f->name, BDRV_O_RDWR | BDRV_O_NO_FLUSH | BDRV_O_AUTO_RDONLY,
                  NULL, &err) < 0) {
        CHECK(strstr(err.msg, path));
        bdrv_delete(bs);
        return;
    }
    for (int i = 0; i < 24 && bs->length > sizeof(buf); i++) {
        uint64_t off = (uint64_t)rnd(1 << 27) << 9, num;

        off %= MIN(bs->length, 8ull << 20) - sizeof(buf) + 1;
        if (i % 3 == 0) {
            blk_pwrite(bs, off, buf, 1 + rnd(sizeof(buf)));
        } else {
            blk_pread(bs, off, buf, sizeof(buf));
        }
        CHECK(bdrv_block_status(bs, off, sizeof(buf), &num, NULL) < 0 || num > 0);
    }
    if (bs->length < 1 << 30) {
        bs->drv->check ? bs->drv->check(bs, &res, BDRV_FIX_ERRORS | BDRV_FIX_LEAKS, &err) : 0;
    }
    bdrv_delete(bs);
}

static void copy_file(const char *from, const char *to)
{
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    while (sendfile(out, in, NULL, 1 << 20) > 0) {
    }
    CHECK_EQ(lseek(out, 0, SEEK_CUR), lseek(in, 0, SEEK_END));
    close(in);
    close(out);
}

TEST(random_damage_is_survived)
{
    char *dir = temp_dir(), *good = in_dir(dir, "good.img"), *bad = in_dir(dir, "bad.img");

    seed = first_seed(77);
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        uint8_t *model = xzalloc(DISK);
        long last = strcmp(formats[i].name, "vhdx") ? 3000 : (3 << 20) + 64;

        create(&formats[i], good, DISK, NULL);
        random_rounds(&formats[i], good, model);
        free(model);
        for (int k = is_fast() ? 50 : 0; k < 60; k++) {
            copy_file(good, bad);
            for (uint32_t n = 1 + rnd(4); n; n--) {
                uint64_t value = rnd(2) ? ~0ull >> rnd(64) : 1ull << rnd(64);
                uint8_t bytes[8];
                long off = rnd(3) ? (long)rnd(700) : (long)rnd((uint32_t)last);

                if (!strcmp(formats[i].name, "vhdx") && off > 700) {
                    off = rnd(2) ? (2 << 20) + (long)rnd(400) : (3 << 20) + (long)rnd(32);
                }
                store_le(bytes, value, 8);
                poke(bad, off & (rnd(2) ? ~3l : ~0l), bytes, 1u << rnd(4));
            }
            try_anything(&formats[i], bad);
        }
    }
    free(good);
    free(bad);
    drop_dir(dir);
}

enum { EXTENTS = 600, EXTENT = 4 << 20 };

/* A descriptor of num extents, all like that of a disk that has one. */
static void write_many(const char *dir, const char *path, int num)
{
    char *one = in_dir(dir, "one.vmdk"), *first = in_dir(dir, "one-s001.vmdk");
    FILE *f;

    create(&(Format){ "vmdk", "subformat=twoGbMaxExtentSparse", true }, one, EXTENT, NULL);
    f = fopen(path, "w");
    fprintf(f, "# Disk DescriptorFile\nversion=1\nCID=00000001\nparentCID=ffffffff\n"
            "createType=\"twoGbMaxExtentSparse\"\n");
    for (int i = 0; i < num; i++) {
        char *name = xasprintf("%s/e%d", dir, i);

        fprintf(f, "RW %d SPARSE \"e%d\"\n", EXTENT / 512, i);
        if (i < EXTENTS) {
            copy_file(first, name);
        }
        free(name);
    }
    fclose(f);
    free(one);
    free(first);
}

/* Bounded memory, however many files have tables: two pages for each here. */
TEST(a_vmdk_of_many_extents)
{
    char *dir = temp_dir(), *path = in_dir(dir, "many.vmdk");
    int num = is_fast() ? 60 : EXTENTS;
    Error err = { "" };
    uint32_t word;

    write_many(dir, path, num);
    BlockDriverState *bs = open_image(path, "vmdk", BDRV_O_RDWR);

    for (int pass = 0; bs && pass < 2; pass++) {
        for (uint64_t off = 512; off < (uint64_t)num * EXTENT; off += 1000 << 10) {
            word = (uint32_t)(off >> 9);
            CHECK_EQ(pass == 0 ? blk_pwrite(bs, off, &word, 4) : blk_pread(bs, off, &word, 4), 0);
            CHECK_EQ(word, off >> 9);
        }
    }
    bdrv_delete(bs);
    write_many(dir, path, 4097);
    bs = bdrv_new(NULL);
    CHECK(bdrv_open(bs, path, "vmdk", 0, NULL, &err) < 0 && strstr(err.msg, "4097 extents"));
    bdrv_delete(bs);
    free(path);
    drop_dir(dir);
}

/* -- Formats we only read ---------------------------------------------------- */

static void write_file(const char *path, const Bytes *b)
{
    FILE *f = fopen(path, "wb");

    if (!f || fwrite(b->data, 1, b->len, f) != b->len || fclose(f)) {
        abort();
    }
}

static void read_and_damage(const char *format, const char *path, const uint8_t *disk,
                            Bytes *b)
{
    Format f = { format, NULL, false };
    uint8_t *buf = xmalloc(SMALL);

    write_file(path, b);
    BlockDriverState *bs = open_image(path, format, 0);

    if (bs) {
        CHECK_EQ(blk_length(bs), SMALL);
        CHECK_EQ(blk_pread(bs, 0, buf, SMALL), 0);
        CHECK(memcmp(buf, disk, SMALL) == 0);
        bdrv_delete(bs);
    }
    for (int i = is_fast() ? 150 : 0; i < 200; i++) {
        uint8_t old[8];
        size_t off = rnd(3) ? rnd(600) : b->len - 8 - rnd(600);

        memcpy(old, b->data + off, 8);
        store_be(b->data + off, rnd(2) ? ~0ull >> rnd(64) : 1ull << rnd(64), 8);
        write_file(path, b);
        try_anything(&f, path);
        memcpy(b->data + off, old, 8);
    }
    free(buf);
    free(b->data);
}

static void expect_refusal(const char *path, const char *format, const char *says)
{
    BlockDriverState *bs = bdrv_new(NULL);
    Error err = { "" };

    CHECK(bdrv_open(bs, path, format, 0, NULL, &err) < 0 && strstr(err.msg, says));
    bdrv_delete(bs);
}

TEST(formats_we_only_read)
{
    char *dir = temp_dir(), *path = in_dir(dir, "a.img");
    uint8_t *disk = xzalloc(SMALL);

    seed = first_seed(8);
    for (int i = 0; i < SMALL; i++) {
        disk[i] = (uint8_t)((i >> 16) % 3 == 2 || (i >> 10) % 5 == 0 ? 0 : i >> 7 ^ i);
    }
    Bytes cloop = make_cloop(disk), bochs = make_bochs(disk), cow = make_cow(disk);
    Bytes old = make_dmg(disk, false), dmg = make_dmg(disk, true);

    store_be(cloop.data + 128, 32 << 20, 4);
    write_file(path, &cloop);
    expect_refusal(path, "cloop", "blocks of 33554432 bytes");
    store_be(cloop.data + 128, BLOCK, 4);
    read_and_damage("cloop", path, disk, &cloop);
    read_and_damage("bochs", path, disk, &bochs);
    read_and_damage("cow", path, disk, &cow);
    read_and_damage("dmg", path, disk, &old);
    read_and_damage("dmg", path, disk, &dmg);
    free(disk);
    free(path);
    drop_dir(dir);
}
