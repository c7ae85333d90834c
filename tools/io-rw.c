/* SPDX-License-Identifier: MIT */
/*
 * qemu-io: read, write and their sisters.
 *
 * What they have in common is a Transfer: where, how much, with which pattern,
 * and what is to be told.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block/aio.h"
#include "tools/io.h"
#include "util/bits.h"
#include "util/mem.h"

enum { READ_FILL = 0xab, WRITE_FILL = 0xcd, MISALIGN = 0x10, MAX_PIECES = 1024 };

#define MAX_LENGTH 2147483136           /* of one request */

typedef struct Transfer {
    Io *io;
    bool write, machine, quiet, dump, vm_state, compress, fua, no_fallback, unmap, zeroes;
    bool has_pattern, has_sub, bad;
    int pattern;
    uint64_t sub_off, sub_len;          /* of the pattern, within what is read */
    bool has_sub_len;
    const char *source;                 /* file with a pattern, or NULL */
    uint64_t off, len;
    char *memory, *buf;                 /* buf: in memory, perhaps misaligned */
    QEMUIOVector qiov;
    struct timespec began;
} Transfer;

/* -- Memory ------------------------------------------------------------------ */

static int fill_from_file(Transfer *t)
{
    FILE *f = fopen(t->source, "rb");
    size_t n = f ? fread(t->buf, 1, t->len, f) : 0;

    if (!f) {
        printf("%s: %s\n", t->source, strerror(errno));
        return -errno;
    }
    fclose(f);
    if (n == 0) {
        printf("%s: file is empty\n", t->source);
        return -EINVAL;
    }
    for (uint64_t i = n; i < t->len; i++) {
        t->buf[i] = t->buf[i - n];
    }
    return 0;
}

static int get_memory(Transfer *t)
{
    size_t shift = t->io->misalign ? MISALIGN : 0;
    int byte = t->write && t->has_pattern ? t->pattern : t->write ? WRITE_FILL : READ_FILL;

    t->memory = bdrv_memalign(t->io->bs, t->len + shift);
    if (!t->memory) {
        printf("%" PRIu64 " bytes: out of memory\n", t->len);
        return -ENOMEM;
    }
    t->buf = t->memory + shift;
    memset(t->buf, byte, t->len);
    return t->source ? fill_from_file(t) : 0;
}

static void free_transfer(Transfer *t)
{
    iov_free(&t->qiov);
    free(t->memory);
}

static void dump(const Transfer *t)
{
    for (uint64_t i = 0; i < t->len; i += 16) {
        uint64_t n = MIN(t->len - i, 16);

        printf("%08" PRIx64 ":  ", t->off + i);
        for (uint64_t j = 0; j < n; j++) {
            printf("%02x ", (unsigned char)t->buf[i + j]);
        }
        printf(" ");
        for (uint64_t j = 0; j < n; j++) {
            char c = t->buf[i + j];

            printf("%c", c >= 32 && c < 127 ? c : '.');
        }
        printf("\n");
    }
}

static int verify(const Transfer *t)
{
    uint64_t len = t->has_sub_len ? t->sub_len : t->len - t->sub_off;

    for (uint64_t i = 0; t->has_pattern && i < len; i++) {
        if ((unsigned char)t->buf[t->sub_off + i] != t->pattern) {
            printf("Pattern verification failed at offset %" PRIu64 ", %" PRIu64 " bytes\n",
                   t->off + t->sub_off, len);
            return -EINVAL;
        }
    }
    return 0;
}

/* -- Options ----------------------------------------------------------------- */

static int take_letter(Transfer *t, int c, const char *name)
{
    int64_t n;

    switch (c) {
    case 'b': t->vm_state = true; break;
    case 'c': t->compress = true; break;
    case 'C': t->machine = true; break;
    case 'f': t->fua = true; break;
    case 'i': t->bad = true; break;
    case 'n': t->no_fallback = true; break;
    case 'p': break;
    case 'q': t->quiet = true; break;
    case 'u': t->unmap = true; break;
    case 'v': t->dump = true; break;
    case 'z': t->zeroes = true; break;
    case 'P':
        t->has_pattern = true;
        t->pattern = io_pattern(optarg);
        return t->pattern < 0 ? -EINVAL : 0;
    case 'l':
        n = io_number(optarg);
        t->has_sub_len = true;
        t->sub_len = (uint64_t)n;
        return (int)MIN(n, 0);
    case 's':
        if (t->write) {
            t->source = optarg;
            return 0;
        }
        n = io_number(optarg);
        t->has_sub = true;
        t->sub_off = (uint64_t)n;
        return (int)MIN(n, 0);
    default: return io_usage(name);
    }
    return 0;
}

static int check_options(const Transfer *t)
{
    if (t->zeroes + t->has_pattern + (t->source != NULL) > 1 && t->write) {
        printf("Only one of -z, -P, and -s can be specified at the same time\n");
        return -EINVAL;
    }
    if (t->vm_state + t->compress + t->zeroes > 1) {
        printf("-b, -c, or -z cannot be specified at the same time\n");
        return -EINVAL;
    }
    if (t->no_fallback && !t->zeroes) {
        printf("-n requires -z to be specified\n");
        return -EINVAL;
    }
    if (t->fua && (t->vm_state || t->compress)) {
        printf("-f and -b or -c cannot be specified at the same time\n");
        return -EINVAL;
    }
    if (t->unmap && !t->zeroes) {
        printf("-u requires -z to be specified\n");
        return -EINVAL;
    }
    if ((t->has_sub || t->has_sub_len) && !t->has_pattern) {
        return -EPERM;
    }
    return 0;
}

/* Options, then the offset; argv[optind] is the first length then. */
static int take_arguments(Transfer *t, Io *io, int argc, char **argv, const char *letters,
                          bool write, int min)
{
    int c, ret = 0;

    *t = (Transfer){ .io = io, .write = write };
    iov_init(&t->qiov, 4);
    optind = 0;
    while ((c = getopt(argc, argv, letters)) != -1) {
        if ((ret = take_letter(t, c, argv[0])) < 0) {
            return ret;
        }
    }
    if (argc - optind < min) {
        return io_usage(argv[0]);
    }
    ret = check_options(t);
    if (ret == -EPERM) {
        return io_usage(argv[0]);
    }
    int64_t off = ret < 0 ? ret : io_number(argv[optind++]);

    t->off = (uint64_t)off;
    return (int)MAX(MIN(off, 0), INT32_MIN);
}

static int take_length(Transfer *t, const char *text)
{
    int64_t len = io_number(text);

    if (len < 0) {
        return (int)len;
    }
    if (len > MAX_LENGTH && !t->zeroes) {
        printf("length cannot exceed %d, given %s\n", MAX_LENGTH, text);
        return -EINVAL;
    }
    t->len = (uint64_t)len;
    uint64_t want = t->has_sub_len ? t->sub_len : 0;

    if (!t->write && t->has_pattern && (t->sub_off > t->len || want > t->len - t->sub_off)) {
        printf("pattern verification range exceeds end of read data\n");
        return -EINVAL;
    }
    return 0;
}

/* The lengths of a vector: their sum, and afterwards pieces of the buffer. */
static int take_lengths(Transfer *t, int num, char **texts)
{
    uint64_t lens[MAX_PIECES], at = 0;

    if (num > MAX_PIECES) {
        printf("%d pieces are more than %d\n", num, MAX_PIECES);
        return -EINVAL;
    }
    for (int i = 0; i < num; i++) {
        int64_t n = io_number(texts[i]);

        if (n < 0) {
            return (int)n;
        }
        if (n > MAX_LENGTH || t->len + (uint64_t)n > MAX_LENGTH) {
            printf("length cannot exceed %d, given %s\n", MAX_LENGTH, texts[i]);
            return -EINVAL;
        }
        lens[i] = (uint64_t)n;
        t->len += (uint64_t)n;
    }
    int ret = get_memory(t);

    for (int i = 0; i < num && ret >= 0; i++) {
        iov_add(&t->qiov, t->buf + at, lens[i]);
        at += lens[i];
    }
    return ret;
}

/* -- Requests that wait ------------------------------------------------------ */

/* What the backing image showed is kept: whole clusters around the request. */
static int keep_what_was_read(Transfer *t)
{
    BlockDriverState *bs = t->io->bs;
    BlockInfo info = { .cluster_size = 0 };
    uint64_t grain, off, end, num;
    int ret = 0;

    if (bs->drv->info) {
        bs->drv->info(bs, &info);
    }
    grain = MAX(info.cluster_size, BDRV_SECTOR_SIZE);
    end = MIN(align_up(t->off + t->len, grain), bs->length);
    for (off = align_down(t->off, grain); off < end && ret >= 0; off += num) {
        ret = bdrv_block_status(bs, off, MIN(end - off, grain), &num, NULL);
        if (ret >= 0 && !(ret & BDRV_BLOCK_ALLOCATED) && bs->backing) {
            char *buf = xmalloc(num);

            ret = bdrv_pread(bs, off, buf, num);
            if (ret >= 0) {
                ret = buf_is_zero(buf, num) ? blk_write_zeroes(bs, off, num)
                                            : blk_pwrite(bs, off, buf, num);
            }
            free(buf);
        }
    }
    return ret;
}

static int do_read(void *arg)
{
    Transfer *t = arg;
    BlockDriverState *bs = t->io->bs;

    if (t->vm_state) {
        return bs->drv->load_vmstate ? bs->drv->load_vmstate(bs, t->off, t->buf, t->len)
                                     : -ENOTSUP;
    }
    return bdrv_co_preadv(bs, t->off, t->len, &t->qiov, 0);
}

/* Without the slow way only where the format can say "zeroes". */
static int do_zeroes(const Transfer *t)
{
    BlockDriverState *bs = t->io->bs;
    BlockInfo info = { .cluster_size = 0 };
    int flags = (t->unmap ? BDRV_REQ_MAY_UNMAP : 0) | (t->fua ? BDRV_REQ_FUA : 0);

    if (t->no_fallback) {
        if (bs->drv->info) {
            bs->drv->info(bs, &info);
        }
        if (!bs->drv->co_write_zeroes ||
            (info.cluster_size && (t->off | t->len) % info.cluster_size)) {
            return -ENOTSUP;
        }
    }
    return bdrv_co_write_zeroes(bs, t->off, t->len, flags);
}

static int do_write(void *arg)
{
    Transfer *t = arg;
    BlockDriverState *bs = t->io->bs;

    if (t->vm_state) {
        return bs->drv->save_vmstate ? bs->drv->save_vmstate(bs, t->off, t->buf, t->len)
                                     : -ENOTSUP;
    }
    if (t->zeroes) {
        return do_zeroes(t);
    }
    if (t->compress) {
        return bdrv_co_write_compressed(bs, t->off, t->len, &t->qiov, 0);
    }
    return bdrv_co_pwritev(bs, t->off, t->len, &t->qiov, 0,
                           t->fua || (bs->flags & BDRV_O_WRITETHROUGH) ? BDRV_REQ_FUA : 0);
}

/* The sentence, the pattern, the dump, the report. */
static int finish(Transfer *t, int ret)
{
    const char *verb = t->write ? "write" : "read";

    if (ret < 0) {
        printf("%s failed: %s\n", verb, strerror(-ret));
        return ret;
    }
    if (!t->write) {
        ret = verify(t);
        if (t->dump && !t->quiet) {
            dump(t);
        }
    }
    if (!t->quiet) {
        io_report(t->write ? "wrote" : "read", &t->began, t->off, t->len, t->len, t->machine);
    }
    return ret;
}

static int run_and_finish(Transfer *t, int ret)
{
    if (ret >= 0) {
        clock_gettime(CLOCK_MONOTONIC, &t->began);
        /* State of a machine: the driver waits by itself. */
        ret = !t->vm_state ? aio_run_sync(t->write ? do_write : do_read, t)
            : t->write ? do_write(t) : do_read(t);
        if (ret >= 0 && !t->write && t->io->copy_on_read && !t->vm_state) {
            ret = keep_what_was_read(t);
        }
        ret = finish(t, ret);
    }
    free_transfer(t);
    return ret;
}

static int one_buffer(Transfer *t)
{
    int ret = t->zeroes ? 0 : get_memory(t);

    if (ret >= 0 && t->buf) {
        iov_add(&t->qiov, t->buf, t->len);
    }
    return ret;
}

static int run_read(Io *io, int argc, char **argv)
{
    Transfer t;
    int ret = take_arguments(&t, io, argc, argv, "bCl:pP:qs:v", false, 2);

    if (ret >= 0) {
        ret = take_length(&t, argv[optind]);
    }
    return run_and_finish(&t, ret < 0 ? ret : one_buffer(&t));
}

static int refuse_writes(const Io *io)
{
    if (io->bs->read_only) {
        fprintf(stderr, "qemu-io: Block node is read-only\n");
        return -EACCES;
    }
    return 0;
}

static int run_write(Io *io, int argc, char **argv)
{
    Transfer t;
    int ret = take_arguments(&t, io, argc, argv, "bcCfnpP:qs:uz", true, 2);

    if (ret >= 0) {
        ret = take_length(&t, argv[optind]);
    }
    if (ret >= 0 && t.compress && (t.off | t.len) % BDRV_SECTOR_SIZE) {
        printf("%" PRIu64 " is not a sector-aligned value for '%s'\n",
               t.off % BDRV_SECTOR_SIZE ? t.off : t.len,
               t.off % BDRV_SECTOR_SIZE ? "offset" : "count");
        ret = -EINVAL;
    }
    ret = ret < 0 ? ret : refuse_writes(io);
    return run_and_finish(&t, ret < 0 ? ret : one_buffer(&t));
}

static int run_readv(Io *io, int argc, char **argv)
{
    Transfer t;
    int ret = take_arguments(&t, io, argc, argv, "CP:qv", false, 2);

    return run_and_finish(&t, ret < 0 ? ret : take_lengths(&t, argc - optind, argv + optind));
}

static int run_writev(Io *io, int argc, char **argv)
{
    Transfer t;
    int ret = take_arguments(&t, io, argc, argv, "CfqP:", true, 2);

    ret = ret < 0 ? ret : refuse_writes(io);
    return run_and_finish(&t, ret < 0 ? ret : take_lengths(&t, argc - optind, argv + optind));
}

/* -- Requests that do not ---------------------------------------------------- */

static void aio_entry(void *opaque)
{
    Transfer *t = opaque;

    finish(t, t->write ? do_write(t) : do_read(t));
    t->io->in_flight--;
    free_transfer(t);
    free(t);
}

static int start(const Transfer *t, int ret)
{
    Transfer *copy;

    if (ret >= 0 && t->bad) {
        printf("%s: treated as invalid\n", t->write ? "aio_write" : "aio_read");
        ret = -EINVAL;
    }
    copy = xmemdup(t, sizeof(*t));
    if (ret < 0) {
        free_transfer(copy);
        free(copy);
        return ret;
    }
    copy->io->in_flight++;
    clock_gettime(CLOCK_MONOTONIC, &copy->began);
    coroutine_enter(coroutine_create(aio_entry, copy));
    return 0;
}

static int run_aio_read(Io *io, int argc, char **argv)
{
    Transfer t;
    int ret = take_arguments(&t, io, argc, argv, "CP:iqv", false, 2);

    return start(&t, ret < 0 ? ret : take_lengths(&t, argc - optind, argv + optind));
}

static int run_aio_write(Io *io, int argc, char **argv)
{
    Transfer t;
    int ret = take_arguments(&t, io, argc, argv, "CfiP:quz", true, 2);

    ret = ret < 0 ? ret : refuse_writes(io);
    if (ret >= 0 && t.zeroes && argc - optind != 1) {
        printf("-z supports only a single length parameter\n");
        ret = -EINVAL;
    }
    if (ret >= 0) {
        ret = t.zeroes ? take_length(&t, argv[optind])
                       : take_lengths(&t, argc - optind, argv + optind);
    }
    return start(&t, ret);
}

static int run_aio_flush(Io *io, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    while (io->in_flight) {
        aio_poll();
    }
    return 0;
}

/* -- Discard ----------------------------------------------------------------- */

static int run_discard(Io *io, int argc, char **argv)
{
    Transfer t;
    int ret = take_arguments(&t, io, argc, argv, "Cq", true, 2);

    t.zeroes = true;                    /* no buffer, no limit */
    if (ret >= 0) {
        ret = take_length(&t, argv[optind]);
    }
    if (ret >= 0) {
        ret = refuse_writes(io);
    }
    clock_gettime(CLOCK_MONOTONIC, &t.began);
    if (ret >= 0 && (ret = blk_discard(io->bs, t.off, t.len)) < 0) {
        printf("discard failed: %s\n", strerror(-ret));
    }
    if (ret >= 0 && !t.quiet) {
        io_report("discard", &t.began, t.off, t.len, t.len, t.machine);
    }
    free_transfer(&t);
    return ret;
}

/* -- The table --------------------------------------------------------------- */

#define HELP_C " -C, -- report statistics in a machine parsable format\n"
#define HELP_Q " -q, -- quiet mode, do not show I/O statistics\n"
#define HELP_V " -v, -- dump buffer to standard output\n"
#define HELP_WP " -P, -- use different pattern to fill file\n"
#define HELP_RP " -P, -- use a pattern to verify read data\n"
#define HELP_F " -f, -- use Force Unit Access semantics\n"
#define READS " Reads a segment of the currently open file, optionally dumping it to the\n" \
    " standard output stream (with -v option) for subsequent inspection.\n"
#define WRITES " Writes into a segment of the currently open file, using a buffer\n" \
    " filled with a set pattern (0xcdcdcdcd).\n"
#define AIO " Note that due to its asynchronous nature, this command will be\n" \
    " considered successful once the request is submitted, independently\n" \
    " of potential I/O errors or pattern mismatches.\n"

/* clang-format off */
const IoCommand io_rw_commands[] = {
    { "aio_flush", NULL, run_aio_flush, 0, 0, false, "",
      "completes all outstanding aio requests", NULL },
    { "aio_read", NULL, run_aio_read, 2, -1, false, "[-Ciqv] [-P pattern] off len [len..]",
      "asynchronously reads a number of bytes",
      " asynchronously reads a range of bytes from the given offset\n\n Example:\n"
      " 'aio_read -v 512 1k 1k ' - dumps 2 kilobytes read from 512 bytes into the file\n\n"
      READS " The read is performed asynchronously and the aio_flush command must be\n"
      " used to ensure all outstanding aio requests have been completed.\n" AIO HELP_C HELP_RP
      " -i, -- treat request as invalid, for exercising stats\n" HELP_V HELP_Q },
    { "aio_write", NULL, run_aio_write, 2, -1, false, "[-Cfiquz] [-P pattern] off len [len..]",
      "asynchronously writes a number of bytes",
      " asynchronously writes a range of bytes from the given offset source\n"
      " from multiple buffers\n\n Example:\n"
      " 'aio_write 512 1k 1k' - writes 2 kilobytes at 512 bytes into the open file\n\n"
      WRITES " The write is performed asynchronously and the aio_flush command must be\n"
      " used to ensure all outstanding aio requests have been completed.\n" AIO HELP_WP HELP_C
      HELP_F " -i, -- treat request as invalid, for exercising stats\n" HELP_Q
      " -u, -- with -z, allow unmapping\n"
      " -z, -- write zeroes using blk_aio_pwrite_zeroes\n" },
    { "discard", "d", run_discard, 2, -1, false, "[-Cq] off len",
      "discards a number of bytes at a specified offset",
      " discards a range of bytes from the given offset\n\n Example:\n"
      " 'discard 512 1k' - discards 1 kilobyte from 512 bytes into the file\n\n"
      " Discards a segment of the currently open file.\n" HELP_C HELP_Q },
    { "read", "r", run_read, 2, -1, false, "[-abCqv] [-P pattern [-s off] [-l len]] off len",
      "reads a number of bytes at a specified offset",
      " reads a range of bytes from the given offset\n\n Example:\n"
      " 'read -v 512 1k' - dumps 1 kilobyte read from 512 bytes into the file\n\n"
      READS " -b, -- read from the VM state rather than the virtual disk\n" HELP_C
      " -l, -- length for pattern verification (only with -P)\n"
      " -p, -- ignored for backwards compatibility\n" HELP_RP HELP_Q
      " -s, -- start offset for pattern verification (only with -P)\n" HELP_V },
    { "readv", "rv", run_readv, 2, -1, false, "[-Cqv] [-P pattern] off len [len..]",
      "reads a number of bytes at a specified offset",
      " reads a range of bytes from the given offset into multiple buffers\n\n Example:\n"
      " 'readv -v 512 1k 1k ' - dumps 2 kilobytes read from 512 bytes into the file\n\n"
      READS " Uses multiple iovec buffers if more than one byte range is specified.\n" HELP_C
      HELP_RP HELP_V HELP_Q },
    { "write", "w", run_write, 2, -1, false,
      "[-bcCfnquz] [-P pattern | -s source_file] off len",
      "writes a number of bytes at a specified offset",
      " writes a range of bytes from the given offset\n\n Example:\n"
      " 'write 512 1k' - writes 1 kilobyte at 512 bytes into the open file\n\n"
      WRITES " -b, -- write to the VM state rather than the virtual disk\n"
      " -c, -- write compressed data with blk_write_compressed\n" HELP_F
      " -n, -- with -z, don't allow slow fallback\n"
      " -p, -- ignored for backwards compatibility\n" HELP_WP
      " -s, -- use a pattern file to fill the write buffer\n" HELP_C HELP_Q
      " -u, -- with -z, allow unmapping\n -z, -- write zeroes using blk_co_pwrite_zeroes\n" },
    { "writev", "wv", run_writev, 2, -1, false, "[-Cfq] [-P pattern] off len [len..]",
      "writes a number of bytes at a specified offset",
      " writes a range of bytes from the given offset source from multiple buffers\n\n"
      " Example:\n 'writev 512 1k 1k' - writes 2 kilobytes at 512 bytes into the open file\n\n"
      WRITES HELP_WP HELP_C HELP_F HELP_Q },
    { NULL, NULL, NULL, 0, 0, false, NULL, NULL, NULL },
};
/* clang-format on */
