/* SPDX-License-Identifier: MIT */
/*
 * qemu-img convert: copy images into a new one, of any format.
 *
 *      source 1 | source 2 | ...      one disk
 *        [ piece ][ piece ] ...       next_piece(): of one kind, 2 MiB at most
 *            |        |
 *          worker   worker ...        -m of them, coroutines
 *          read     read
 *          turn 7   turn 8            writes begin in order, unless -W
 *
 * What the source says is zero is not read, and read data is searched for
 * zeroes; what the target reads as zero already is not written.  Compressed
 * targets get whole clusters; compressing is done by the format, on threads.
 *
 * Not modelled: -C (copying by the host's file system) is accepted, and the
 * bytes are copied here.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "block/aio.h"
#include "tools/img.h"
#include "util/bits.h"
#include "util/mem.h"

enum { PIECE = 2 << 20, MAX_WORKERS = 16, DEFAULT_SPARSE = 4096, MAX_SPARSE = 16 << 20 };

typedef struct Source {
    BlockDriverState *bs;
    uint64_t start;                     /* of it in the whole disk */
} Source;

typedef enum Kind { SKIP, ZEROES, DATA } Kind;

typedef struct PieceOf {
    uint64_t off, len, ticket;
    Kind kind;
} PieceOf;

typedef struct BadRun {                 /* what --salvage could not read */
    uint64_t off, len;
    int ret;
} BadRun;

typedef struct Convert {
    /* What the user wants. */
    const char *in_format, *in_cache, *out_format, *out_cache, *out_file, *snapshot, *backing,
        *backing_format;
    char *options;
    BlockOpts opts;
    bool compress, skip_create, quiet, progress, any_order, salvage, target_is_zero, share;
    bool sparse_given;
    int workers;
    uint64_t sparse, rate;              /* bytes of zeroes; bytes per second */
    /* The work. */
    Source *src;
    int num_src;
    BlockDriverState *out;
    uint64_t total, unit;               /* unit: pieces are multiples of it */
    bool reads_zero;
    CoMutex lock;                       /* of next and tickets */
    uint64_t next, tickets, turn, done;
    CoQueue turns;
    int running, ret;
    const char *failed;                 /* "reading", "writing" */
    uint64_t failed_at;
    BadRun bad;                         /* not yet told */
    int64_t began_ns;
    ImgProgress bar;
} Convert;

static void fail_at(Convert *c, int ret, const char *what, uint64_t off)
{
    if (c->ret >= 0) {
        c->ret = ret;
        c->failed = what;
        c->failed_at = off;
    }
}

/* -- What is next ------------------------------------------------------------ */

static Source *source_at(const Convert *c, uint64_t off)
{
    int i = c->num_src - 1;

    while (i > 0 && c->src[i].start > off) {
        i--;
    }
    return &c->src[i];
}

static Kind kind_of(const Convert *c, int status)
{
    if (c->backing && !(status & (BDRV_BLOCK_ALLOCATED | BDRV_BLOCK_ZERO))) {
        return SKIP;
    }
    if (status & BDRV_BLOCK_ZERO) {
        return c->sparse ? ZEROES : DATA;
    }
    return DATA;
}

/* How long is it of one kind from off on?  At most up to the end of its source. */
static int look(Convert *c, uint64_t off, uint64_t *len, Kind *kind)
{
    Source *s = source_at(c, off);
    uint64_t at = off - s->start;
    ImgExtent e;

    if (!c->sparse) {
        *kind = DATA;
        *len = MIN(PIECE, s->bs->length - at);
        return 0;
    }
    int ret = img_extent(s->bs, c->backing ? s->bs->backing : NULL, at, s->bs->length - at, &e);

    if (ret < 0 && c->salvage) {
        *kind = DATA;
        *len = MIN(MAX(PIECE, c->unit), s->bs->length - at);
        return 0;
    }
    *len = e.num;
    *kind = kind_of(c, e.status);
    return ret;
}

/* A piece for a compressed target: a run of whole units of one kind, or one
 * unit of mixed kinds as data. */
static int next_units(Convert *c, PieceOf *p)
{
    uint64_t end = MIN(align_up(p->off + p->len, c->unit), c->total);
    uint64_t whole = p->off + p->len == c->total ? p->len : align_down(p->len, c->unit);

    if (whole) {
        p->len = whole;
        return 0;
    }
    for (uint64_t off = p->off + p->len; off < end;) {
        uint64_t len;
        Kind kind;
        int ret = look(c, off, &len, &kind);

        if (ret < 0) {
            return ret;
        }
        p->kind = kind == p->kind ? kind : DATA;
        off += len;
    }
    p->len = end - p->off;
    return 0;
}

/* False at the end, or after an error. */
static bool next_piece(Convert *c, PieceOf *p)
{
    bool got = false;

    co_mutex_lock(&c->lock);
    if (c->ret >= 0 && c->next < c->total) {
        p->off = c->next;
        int ret = look(c, p->off, &p->len, &p->kind);

        if (ret >= 0 && c->unit > 1) {
            ret = next_units(c, p);
        }
        if (ret < 0) {
            fail_at(c, ret, "reading metadata", p->off);
        } else {
            p->len = p->kind == DATA ? MIN(p->len, MAX(PIECE, c->unit)) : p->len;
            p->ticket = c->tickets++;
            c->next += p->len;
            got = true;
        }
    }
    co_mutex_unlock(&c->lock);
    return got;
}

/* -- One piece --------------------------------------------------------------- */

static int read_bytes(BlockDriverState *bs, uint64_t off, char *buf, uint64_t len)
{
    struct iovec one;
    QEMUIOVector q;

    iov_init_buf(&q, &one, buf, len);
    return bdrv_co_preadv(bs, off, len, &q, 0);
}

static void tell_bad(Convert *c)
{
    if (c->bad.len && !c->quiet) {
        img_fail("warning: error while reading offset %" PRIu64 ", %" PRIu64 " bytes: %s",
                 c->bad.off, c->bad.len, strerror(-c->bad.ret));
    }
    c->bad.len = 0;
}

static void add_bad(Convert *c, const BadRun *b)
{
    if (c->bad.len && c->bad.off + c->bad.len == b->off && c->bad.ret == b->ret) {
        c->bad.len += b->len;
    } else if (b->len) {
        tell_bad(c);
        c->bad = *b;
    }
}

/* What cannot be read becomes zeroes, sector by sector; at: buf's place in the whole disk. */
static void salvage(Convert *c, BlockDriverState *bs, uint64_t off, char *buf, uint64_t len,
                    uint64_t at)
{
    BadRun bad = { .len = 0 };

    for (uint64_t i = 0; i < len; i += BDRV_SECTOR_SIZE) {
        uint64_t n = MIN(len - i, BDRV_SECTOR_SIZE);
        int ret = MIN(read_bytes(bs, off + i, buf + i, n), 0);

        if (ret != bad.ret) {
            add_bad(c, &bad);
            bad = (BadRun){ .off = at + i, .ret = ret };
        }
        if (ret < 0) {
            memset(buf + i, 0, n);
            bad.len += n;
        }
    }
    add_bad(c, &bad);
}

static int read_piece(Convert *c, const PieceOf *p, char *buf)
{
    uint64_t done = 0;

    while (done < p->len) {
        Source *s = source_at(c, p->off + done);
        uint64_t at = p->off + done - s->start, n = MIN(p->len - done, s->bs->length - at);
        int ret = read_bytes(s->bs, at, buf + done, n);

        if (ret < 0 && c->salvage) {
            salvage(c, s->bs, at, buf + done, n, p->off + done);
        } else if (ret < 0) {
            fail_at(c, ret, "reading", p->off + done);
            return ret;
        }
        done += n;
    }
    return 0;
}

static int write_zeroes(Convert *c, uint64_t off, uint64_t len)
{
    if (c->reads_zero) {
        return 0;
    }
    return bdrv_co_write_zeroes(c->out, off, len, c->backing ? 0 : BDRV_REQ_MAY_UNMAP);
}

static int write_run(Convert *c, uint64_t off, char *buf, uint64_t len)
{
    struct iovec one;
    QEMUIOVector q;

    iov_init_buf(&q, &one, buf, len);
    return c->compress ? bdrv_co_write_compressed(c->out, off, len, &q, 0)
                       : bdrv_co_pwritev(c->out, off, len, &q, 0, 0);
}

/* Of one kind, zero or not, from i on; the grid is that of the disk. */
static uint64_t run_length(uint64_t off, const char *buf, uint64_t i, uint64_t len,
                           uint64_t grid, bool *zero)
{
    uint64_t from = i;

    while (i < len) {
        uint64_t n = MIN(len - i, grid - (off + i) % grid);
        bool z = buf_is_zero(buf + i, n);

        if (i > from && z != *zero) {
            break;
        }
        *zero = z;
        i += n;
    }
    return i - from;
}

static int write_data(Convert *c, const PieceOf *p, char *buf)
{
    uint64_t grid = c->compress ? c->unit : c->sparse;
    int ret = 0;

    if (!c->sparse) {
        return write_run(c, p->off, buf, p->len);
    }
    for (uint64_t i = 0; i < p->len && ret >= 0;) {
        bool zero = false;
        uint64_t n = run_length(p->off, buf, i, p->len, grid, &zero);

        ret = zero ? write_zeroes(c, p->off + i, n) : write_run(c, p->off + i, buf + i, n);
        i += n;
    }
    return ret;
}

/* -r: not faster than that. */
static void wait_for_rate(const Convert *c)
{
    struct timespec now;

    if (c->rate) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        double due = (double)c->done / (double)c->rate * 1e9 + (double)c->began_ns;
        double early = due - ((double)now.tv_sec * 1e9 + (double)now.tv_nsec);

        if (early > 0) {
            nanosleep(&(struct timespec){ (time_t)(early / 1e9),
                                          (long)early % 1000000000 }, NULL);
        }
    }
}

/* Until all pieces before this one have begun to be written. */
static void wait_turn(Convert *c, const PieceOf *p)
{
    while (!c->any_order && c->turn != p->ticket && c->ret >= 0) {
        co_queue_wait(&c->turns);
    }
    c->turn++;
    co_queue_all(&c->turns);            /* they run when our write waits */
}

static void do_piece(Convert *c, const PieceOf *p, char *buf)
{
    if (p->kind == DATA && read_piece(c, p, buf) < 0) {
        co_queue_all(&c->turns);
        return;
    }
    wait_turn(c, p);
    if (c->ret < 0) {
        return;
    }
    int ret = p->kind == DATA ? write_data(c, p, buf)
            : p->kind == ZEROES ? write_zeroes(c, p->off, p->len) : 0;

    if (ret < 0) {
        fail_at(c, ret, "writing", p->off);
        co_queue_all(&c->turns);
        return;
    }
    c->done += p->len;
    img_progress(&c->bar, c->done, c->total);
    wait_for_rate(c);
}

static void worker(void *opaque)
{
    Convert *c = opaque;
    char *buf = bdrv_memalign(c->out, MAX(PIECE, c->unit));
    PieceOf p;

    if (!buf) {
        fail_at(c, -ENOMEM, "reading", 0);
    }
    while (buf && next_piece(c, &p)) {
        do_piece(c, &p, buf);
    }
    free(buf);
    c->running--;
}

static int copy_all(Convert *c)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    c->began_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    c->running = c->workers;
    for (int i = 0; i < c->workers; i++) {
        coroutine_enter(coroutine_create(worker, c));
    }
    while (c->running) {
        aio_poll();
    }
    tell_bad(c);
    if (c->ret >= 0 && (c->ret = bdrv_flush(c->out)) < 0) {
        return img_fail("%s: cannot be flushed: %s", c->out_file, strerror(-c->ret));
    }
    if (c->ret < 0) {
        return img_fail("error while %s at byte %" PRIu64 ": %s", c->failed, c->failed_at,
                        strerror(-c->ret));
    }
    return 0;
}

/* -- Opening ----------------------------------------------------------------- */

/* "snapshot.id=1", "snapshot.name=x", or just either. */
static const char *snapshot_name(const char *param)
{
    const char *eq = strncmp(param, "snapshot.", 9) ? NULL : strchr(param, '=');

    return eq ? eq + 1 : param;
}

static int load_snapshot(Convert *c)
{
    BlockDriverState *bs = c->src[0].bs;
    Error err = { "" };

    if (!c->snapshot) {
        return 0;
    }
    if (c->num_src > 1) {
        return img_fail("No support for concatenating multiple snapshot");
    }
    if (!bs->drv->snapshot_load ||
        bs->drv->snapshot_load(bs, snapshot_name(c->snapshot), &err) < 0) {
        return img_fail("Failed to load snapshot: %s", *err.msg ? err.msg : "there are none");
    }
    return 0;
}

static int open_sources(Convert *c, char **files)
{
    int flags = c->share ? BDRV_O_NO_LOCK : 0, unused = 0;

    if (!img_cache(c->in_cache, true, &flags) || !img_cache(c->out_cache, false, &unused)) {
        return 1;
    }
    for (int i = 0; i < c->num_src; i++) {
        c->src[i].bs = img_open(files[i], c->in_format, flags, true);
        if (!c->src[i].bs) {
            return 1;
        }
    }
    if (load_snapshot(c)) {
        return 1;
    }
    for (int i = 0; i < c->num_src; i++) {
        c->src[i].start = c->total;
        c->total += c->src[i].bs->length;
    }
    return 0;
}

static int check_target_format(const Convert *c)
{
    const BlockDriver *d = img_driver(c->out_format);

    if (!d) {
        return img_fail("Unknown file format '%s'", c->out_format);
    }
    if (!d->create && !c->skip_create) {
        return img_fail("Format driver '%s' does not support image creation", c->out_format);
    }
    if (c->compress && !d->co_write_compressed) {
        return img_fail("Compression not supported for this file format");
    }
    if (c->backing && !d->supports_backing) {
        return img_fail("Backing file not supported for file format '%s'", c->out_format);
    }
    return 0;
}

/* -B and -F, or -o backing_file= and backing_fmt=. */
static int check_backing(Convert *c)
{
    if (c->backing && !c->skip_create) {
        opts_set(&c->opts, "backing_file", c->backing);
    }
    if (c->backing_format) {
        opts_set(&c->opts, "backing_fmt", c->backing_format);
    }
    c->backing = c->skip_create ? c->backing : opts_get(&c->opts, "backing_file");
    if (!c->backing) {
        return 0;
    }
    if (c->num_src > 1) {
        return img_fail("Having a backing file for the target makes no sense when concatenating"
                        " multiple input images");
    }
    if (!c->skip_create && !opts_get(&c->opts, "backing_fmt")) {
        return img_fail("Use of backing file requires explicit backing format");
    }
    return 0;
}

static int make_target(Convert *c)
{
    const char *size = opts_get(&c->opts, "size"), *pre = opts_get(&c->opts, "preallocation");
    uint64_t bytes = c->total;

    if (c->skip_create) {
        return 0;
    }
    if (size && !img_size("image size", size, &bytes)) {
        return 1;
    }
    if (c->compress && pre && strcmp(pre, "off")) {
        return img_fail("Compression and preallocation not supported at the same time");
    }
    return img_make(c->out_file, c->out_format, bytes, &c->opts, false, "") < 0;
}

static int open_target(Convert *c)
{
    int flags = BDRV_O_RDWR | BDRV_O_UNMAP;

    if (!img_cache(c->out_cache, false, &flags)) {
        return 1;
    }
    c->out = img_open(c->out_file, c->out_format, flags, true);
    if (!c->out) {
        return 1;
    }
    if (c->out->length < c->total) {
        return img_fail("output file is smaller than input file");
    }
    BlockInfo info = { .cluster_size = 0 };

    if (c->compress && c->out->drv->info) {
        c->out->drv->info(c->out, &info);
    }
    c->unit = c->compress ? MAX(info.cluster_size, BDRV_SECTOR_SIZE) : 1;
    c->reads_zero = c->target_is_zero ||
                    (!c->skip_create && !c->backing && c->sparse &&
                     img_new_reads_zero(c->out_file));
    return 0;
}

static int convert(Convert *c, char **files)
{
    Error err = { "" };

    if (c->options && opts_parse(&c->opts, c->options, &err) < 0) {
        return img_fail("%s", err.msg);
    }
    if (open_sources(c, files) || check_target_format(c) || check_backing(c) || make_target(c) ||
        open_target(c)) {
        return 1;
    }
    img_progress_start(&c->bar, c->progress && !c->quiet);
    int ret = copy_all(c);

    img_progress_end(&c->bar, !ret);
    return ret;
}

/* -- The command line -------------------------------------------------------- */

static bool parse_workers(Convert *c, const char *text)
{
    char *end;
    long n = strtol(text, &end, 0);

    if (!*text || *end || n < 1 || n > MAX_WORKERS) {
        img_fail("Invalid number of coroutines. Allowed number of coroutines is between 1 and %d",
                 MAX_WORKERS);
        return false;
    }
    c->workers = (int)n;
    return true;
}

static bool parse_sparse(Convert *c, const char *text)
{
    static const char what[] = "buffer size for sparse output";

    if (!img_size(what, text, &c->sparse)) {
        return false;
    }
    if (c->sparse % BDRV_SECTOR_SIZE || c->sparse > MAX_SPARSE) {
        img_fail("Invalid %s specified. Valid sizes are multiples of %d up to %d. Select 0 to"
                 " disable sparse detection (fully allocates output).", what, BDRV_SECTOR_SIZE,
                 MAX_SPARSE);
        return false;
    }
    c->sparse_given = true;
    return true;
}

/* False: all is said. */
static bool take_option(Convert *c, int o, bool *offload)
{
    switch (o) {
    case 'B': c->backing = optarg; break;
    case 'C': *offload = true; break;
    case 'F': c->backing_format = optarg; break;
    case 'O': c->out_format = optarg; break;
    case 'S': return parse_sparse(c, optarg);
    case 'T': c->in_cache = optarg; break;
    case 'U': c->share = true; break;
    case 'W': c->any_order = true; break;
    case 'c': c->compress = true; break;
    case 'f': c->in_format = optarg; break;
    case 'l': c->snapshot = optarg; break;
    case 'm': return parse_workers(c, optarg);
    case 'n': c->skip_create = true; break;
    case 'o': img_join_options(&c->options, optarg); break;
    case 'p': c->progress = true; break;
    case 'q': c->quiet = true; break;
    case 'r': return img_size("rate limit", optarg, &c->rate);
    case 't': c->out_cache = optarg; break;
    case OPT_SALVAGE: c->salvage = true; break;
    case OPT_TARGET_IS_ZERO: c->target_is_zero = true; break;
    }
    return true;
}

static int check_words(const Convert *c, bool offload, int left)
{
    if (offload && c->sparse_given) {
        return img_fail("Cannot enable copy offloading when -S is used");
    }
    if (offload && c->compress) {
        return img_fail("Cannot enable copy offloading when -c is used");
    }
    if (c->target_is_zero && !c->skip_create) {
        return img_fail("--target-is-zero requires use of -n flag");
    }
    if (left < 2) {
        return img_fail("Must specify image file name");
    }
    if (c->skip_create && c->options) {
        return img_fail("-o has no effect when skipping image creation");
    }
    return 0;
}

static int run_convert(Convert *c, int argc, char **argv)
{
    bool offload = false;
    ImgArgs a;
    int o;

    img_args(&a, argc, argv, "B:CF:O:S:T:UWcf:l:m:no:pqr:t:",
             "bitmaps force-share salvage target-image-opts target-is-zero");
    while ((o = img_option(&a)) != -1) {
        if (o == '?') {
            return a.status;
        }
        if (!take_option(c, o, &offload)) {
            return 1;
        }
    }
    if (img_wants_help(c->options)) {
        return check_target_format(c) ||
               img_list_create_options(c->out_format, img_left(&a) > 1);
    }
    if (check_words(c, offload, img_left(&a))) {
        return 1;
    }
    c->num_src = img_left(&a) - 1;
    c->out_file = argv[argc - 1];
    c->src = xcalloc((size_t)c->num_src, sizeof(*c->src));
    return convert(c, argv + optind);
}

int img_convert(int argc, char **argv)
{
    Convert c = { .out_format = "raw", .in_cache = "writeback", .out_cache = "unsafe",
                  .workers = 8, .sparse = DEFAULT_SPARSE };
    int ret = run_convert(&c, argc, argv);

    for (int i = 0; i < c.num_src; i++) {
        bdrv_delete(c.src[i].bs);
    }
    bdrv_delete(c.out);
    opts_free(&c.opts);
    free(c.options);
    free(c.src);
    return ret;
}
