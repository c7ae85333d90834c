/* SPDX-License-Identifier: MIT */
/*
 * qemu-io: open, close, and the commands about an image as a whole.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block/aio.h"
#include "tools/io.h"
#include "util/bits.h"

/* -- Open, close ------------------------------------------------------------- */

static int run_open(Io *io, int argc, char **argv)
{
    IoOpen how = { .flags = BDRV_O_RDWR | BDRV_O_UNMAP };
    BlockOpts opts = { NULL, 0 };
    Error err = { "" };
    int c, ret = 0;

    optind = 0;
    while (ret >= 0 && (c = getopt(argc, argv, "snCro:ki:t:d:Uf:")) != -1) {
        if (c == 'o') {
            ret = opts_parse(&opts, optarg, &err);
        } else {
            ret = c == '?' ? io_usage(argv[0]) : io_take_open_option(&how, c, optarg);
        }
    }
    const char *file = optind < argc ? argv[optind] : opts_get(&opts, "file.filename");
    BlockOpts rest = { NULL, 0 };

    how.format = opts_get(&opts, "driver") ? opts_get(&opts, "driver") : how.format;
    for (int i = 0; i < opts.num; i++) {
        if (strcmp(opts.opt[i].name, "driver") && strcmp(opts.opt[i].name, "file.filename")) {
            opts_set(&rest, opts.opt[i].name, opts.opt[i].value);
        }
    }
    if (*err.msg) {
        fprintf(stderr, "qemu-io: %s\n", err.msg);
    } else if (ret >= 0) {
        ret = file && argc - optind <= 1 ? io_open(io, file, &how, &rest) : io_usage(argv[0]);
    }
    opts_free(&opts);
    opts_free(&rest);
    return ret;
}

static int run_close(Io *io, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    io_close(io);
    return 0;
}

static int run_reopen(Io *io, int argc, char **argv)
{
    bool writable = !io->bs->read_only;
    Error err = { "" };
    int c;

    optind = 0;
    while ((c = getopt(argc, argv, "rw")) != -1) {
        if (c == '?') {
            return io_usage(argv[0]);
        }
        writable = c == 'w';
    }
    if (optind != argc) {
        return io_usage(argv[0]);
    }
    int ret = bdrv_set_writable(io->bs, writable, &err);

    if (ret < 0) {
        fprintf(stderr, "qemu-io: %s\n", err.msg);
    }
    return ret;
}

/* -- Size and flush ---------------------------------------------------------- */

static int run_flush(Io *io, int argc, char **argv)
{
    int ret = blk_flush(io->bs);

    (void)argc;
    (void)argv;
    if (ret < 0) {
        printf("flush: %s\n", strerror(-ret));
    }
    return ret;
}

static int run_length(Io *io, int argc, char **argv)
{
    char buf[32];

    (void)argc;
    (void)argv;
    printf("%s\n", io_size_text(buf, (double)blk_length(io->bs)));
    return 0;
}

static int run_truncate(Io *io, int argc, char **argv)
{
    Error err = { "" };
    int c;

    optind = 0;
    while ((c = getopt(argc, argv, "m:")) != -1) {
        if (c == '?') {
            return io_usage(argv[0]);
        }
        if (strcmp(optarg, "off")) {
            printf("truncate -m %s: only off; use qemu-img resize --preallocation\n", optarg);
            return -ENOTSUP;
        }
    }
    int64_t size = optind < argc ? io_number(argv[optind]) : io_usage(argv[0]);

    if (size < 0) {
        return (int)size;
    }
    int ret = bdrv_truncate(io->bs, (uint64_t)size, &err);

    if (ret < 0) {
        fprintf(stderr, "qemu-io: %s\n", err.msg);
    }
    return ret;
}

static int run_info(Io *io, int argc, char **argv)
{
    BlockInfo info = { .cluster_size = 0 };
    char a[32], b[32];

    (void)argc;
    (void)argv;
    if (io->bs->drv->info) {
        io->bs->drv->info(io->bs, &info);
    }
    printf("format name: %s\ncluster size: %s\nvm state offset: %s\n", blk_format(io->bs),
           io_size_text(a, (double)info.cluster_size),
           io_size_text(b, (double)info.vm_state_offset));
    io_print_specific(info.specific);
    return 0;
}

/* -- Allocation -------------------------------------------------------------- */

/* Bytes from off on that are all allocated here, or all not. */
static int allocated_run(BlockDriverState *bs, uint64_t off, uint64_t end, uint64_t *num,
                         bool *allocated)
{
    *num = 0;
    while (off + *num < end) {
        uint64_t n;
        int st = bdrv_block_status(bs, off + *num, end - off - *num, &n, NULL);

        if (st < 0) {
            return st;
        }
        bool has = st & BDRV_BLOCK_ALLOCATED;

        if (*num && has != *allocated) {
            break;
        }
        *allocated = has;
        *num += n;
    }
    return 0;
}

static int run_alloc(Io *io, int argc, char **argv)
{
    int64_t off = io_number(argv[1]), len = argc > 2 ? io_number(argv[2]) : BDRV_SECTOR_SIZE;
    uint64_t sum = 0, num, end;
    char buf[32];

    if (off < 0 || len < 0) {
        return -EINVAL;
    }
    end = MIN((uint64_t)off + (uint64_t)len, io->bs->length);
    for (uint64_t at = (uint64_t)off; at < end; at += num) {
        bool has = false;
        int ret = allocated_run(io->bs, at, end, &num, &has);

        if (ret < 0) {
            printf("is_allocated failed: %s\n", strerror(-ret));
            return ret;
        }
        sum += has ? num : 0;
    }
    printf("%" PRIu64 "/%" PRId64 " bytes allocated at offset %s\n", sum, len,
           io_size_text(buf, (double)off));
    return 0;
}

static int run_map(Io *io, int argc, char **argv)
{
    uint64_t end = io->bs->length, num;

    (void)argc;
    (void)argv;
    for (uint64_t off = 0; off < end; off += num) {
        bool has = false;
        int ret = allocated_run(io->bs, off, end, &num, &has);
        char a[32], b[32];

        if (ret < 0) {
            fprintf(stderr, "qemu-io: Failed to get allocation status: %s\n", strerror(-ret));
            return ret;
        }
        printf("%s (0x%" PRIx64 ") bytes %s allocated at offset %s (0x%" PRIx64 ")\n",
               io_size_text(a, (double)num), num, has ? "   " : "not",
               io_size_text(b, (double)off), off);
    }
    return 0;
}

/* -- The rest ---------------------------------------------------------------- */

static int run_sleep(Io *io, int argc, char **argv)
{
    char *end;
    long ms = strtol(argv[1], &end, 10);

    (void)io;
    (void)argc;
    if (*end || ms < 0) {
        printf("%s is not a valid number\n", argv[1]);
        return -EINVAL;
    }
    nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
    return 0;
}

static int run_sigraise(Io *io, int argc, char **argv)
{
    int64_t sig = io_number(argv[1]);

    (void)io;
    (void)argc;
    if (sig < 0 || sig > 64) {
        return -EINVAL;
    }
    fflush(stdout);
    raise((int)sig);
    return 0;
}

static int run_quit(Io *io, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    io->quit = true;
    return 0;
}

/* clang-format off */
const IoCommand io_image_commands[] = {
    { "alloc", "a", run_alloc, 1, 2, false, "offset [count]",
      "checks if offset is allocated in the file", NULL },
    { "close", "c", run_close, 0, 0, false, "", "close the current open file", NULL },
    { "flush", "f", run_flush, 0, 0, false, "", "flush all in-core file state to disk", NULL },
    { "info", "i", run_info, 0, 0, false, "", "prints information about the current file", NULL },
    { "length", "l", run_length, 0, 0, false, "", "gets the length of the current file", NULL },
    { "map", NULL, run_map, 0, 0, false, "", "prints the allocated areas of a file", NULL },
    { "open", "o", run_open, 0, -1, true,
      "[-rsCnkU] [-t cache] [-d discard] [-f format] [-o options] [path]",
      "open the file specified by path",
      " opens a new file in the requested mode\n\n Example:\n"
      " 'open -n -o driver=raw /tmp/data' - opens raw data file read-write, uncached\n\n"
      " Opens a file for subsequent use by all of the other qemu-io commands.\n"
      " -r, -- open file read-only\n -s, -- use snapshot file\n -C, -- use copy-on-read\n"
      " -n, -- disable host cache, short for -t none\n -U, -- force shared permissions\n"
      " -k, -- use kernel AIO implementation (Linux only, prefer use of -i)\n"
      " -i, -- use AIO mode (threads or native)\n"
      " -t, -- use the given cache mode for the image\n"
      " -d, -- use the given discard mode for the image\n"
      " -o, -- options to be given to the block driver" },
    { "quit", "q", run_quit, 0, 0, true, "", "exit the program", NULL },
    { "reopen", NULL, run_reopen, 0, -1, false, "[-r|-w]",
      "reopens an image read-only, or for writing", NULL },
    { "sigraise", NULL, run_sigraise, 1, 1, true, "signal", "raises a signal", NULL },
    { "sleep", NULL, run_sleep, 1, 1, true, "",
      "waits for the given value in milliseconds", NULL },
    { "truncate", "t", run_truncate, 1, 3, false, "[-m prealloc_mode] off",
      "truncates the current file at the given offset", NULL },
    { NULL, NULL, NULL, 0, 0, false, NULL, NULL, NULL },
};
/* clang-format on */
