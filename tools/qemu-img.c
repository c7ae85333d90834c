/* SPDX-License-Identifier: MIT */
/*
 * qemu-img: make, look at, change and copy disk images.
 *
 *      qemu-img COMMAND --> the table below --> img-*.c --> block/
 *
 * Not modelled: --object and --image-opts (refused by name), bitmaps, encrypted
 * images.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "block/aio.h"
#include "sys/loop.h"
#include "tools/img.h"
#include "util/bits.h"

static const struct Command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
} commands[] = {
    { "amend", img_amend, "[-p] [-q] [-f fmt] [-t cache] [--force] -o options filename" },
    { "bench", img_bench, "[-c count] [-d depth] [-f fmt] [--flush-interval=flush_interval]"
      " [-i aio] [-n] [--no-drain] [-o offset] [--pattern=pattern] [-q] [-s buffer_size]"
      " [-S step_size] [-t cache] [-w] [-U] filename" },
    { "cat", img_cat, "[-f fmt] [-P partition] filename path..." },
    { "check", img_check, "[-q] [-f fmt] [--output=ofmt] [-r [leaks | all]] [-T src_cache] [-U]"
      " filename" },
    { "commit", img_commit, "[-q] [-f fmt] [-t cache] [-b base] [-r rate_limit] [-d] [-p]"
      " filename" },
    { "compare", img_compare, "[-f fmt] [-F fmt] [-T src_cache] [-p] [-q] [-s] [-U] filename1"
      " filename2" },
    { "convert", img_convert, "[--target-is-zero] [-U] [-C] [-c] [-p] [-q] [-n] [-f fmt]"
      " [-t cache] [-T src_cache] [-O output_fmt] [-B backing_file [-F backing_fmt]]"
      " [-o options] [-l snapshot_param] [-S sparse_size] [-r rate_limit] [-m num_coroutines]"
      " [-W] [--salvage] filename [filename2 [...]] output_filename" },
    { "cp", img_cp, "[-f fmt] [-P partition] [-q] filename path... destination" },
    { "create", img_create, "[-q] [-f fmt] [-b backing_file [-F backing_fmt]] [-u] [-o options]"
      " filename [size]" },
    { "dd", img_dd, "[-U] [-f fmt] [-O output_fmt] [bs=block_size] [count=blocks] [skip=blocks]"
      " if=input of=output" },
    { "diff", img_diff, "[-f fmt] [-F fmt] [-T src_cache] [-q] [-U] [--output=ofmt] filename1"
      " filename2" },
    { "info", img_info, "[-f fmt] [--output=ofmt] [--backing-chain] [-U] filename" },
    { "ls", img_ls, "[-f fmt] [-P partition] [-l] filename [path...]" },
    { "map", img_map, "[-f fmt] [--start-offset=offset] [--max-length=len] [--output=ofmt] [-U]"
      " filename" },
    { "measure", img_measure, "[--output=ofmt] [-O output_fmt] [-o options] [--size N | [-f fmt]"
      " [-l snapshot_param] filename]" },
    { "rebase", img_rebase, "[-U] [-q] [-f fmt] [-t cache] [-T src_cache] [-p] [-u] -b"
      " backing_file [-F backing_fmt] filename" },
    { "resize", img_resize, "[-f fmt] [--preallocation=prealloc] [-q] [--shrink] filename"
      " [+ | -]size" },
    { "snapshot", img_snapshot, "[-U] [-q] [-l | -a snapshot | -c snapshot | -d snapshot]"
      " filename" },
};

static const char explanation[] =
    "\nCommand parameters:\n"
    "  'filename' is a disk image filename\n"
    "  'fmt' is the disk image format. It is guessed automatically in most cases\n"
    "  'cache' is the cache mode used to write the output disk image: 'none',\n"
    "    'writeback' (default, except for convert), 'writethrough', 'directsync'\n"
    "    or 'unsafe' (default for convert)\n"
    "  'src_cache' is the cache mode used to read input disk images\n"
    "  'size' is the disk image size in bytes, or with a suffix: k or K (1024),\n"
    "    M, G, T, P and E\n"
    "  'options' is a comma separated list of format specific options in a\n"
    "    name=value format; -o help lists those of the used format\n"
    "  'snapshot_param' is 'snapshot.id=[ID],snapshot.name=[NAME]' or '[ID_OR_NAME]'\n"
    "  '-c' (convert) makes the target image compressed\n"
    "  '-u' allows unsafe backing chains: nothing is opened, nothing is copied\n"
    "  '-p' shows progress, '-q' is quiet: errors only\n"
    "  '-S' is how many bytes of zeroes make a hole (4k); 0: no holes at all\n"
    "  '-n' writes to a target that is there already\n"
    "  '-m' is how many coroutines work in parallel (8); '-W' lets them write to\n"
    "    the target in any order\n"
    "  '--output' is how the output looks: human or json\n"
    "  '-r' (check) repairs: 'leaks' only, or 'all' kinds of errors\n"
    "  '-a', '-c', '-d', '-l' (snapshot) apply, create, delete and list\n"
    "  '-s' (compare) is strict: sizes and allocation must be the same\n"
    "  'bs', 'count', 'skip' (dd) are a block in bytes (512), and numbers of blocks\n"
    "  'partition' is 0 for the whole image, or a number; the first that has a file\n"
    "    system if not given. ls, cat and cp read FAT and ext2, ext3, ext4.\n"
    "\nSupported formats:";

static void print_name(void *opaque, const char *name)
{
    (void)opaque;
    printf(" %s", name);
}

static void version(void)
{
    printf("qemu-img version " CONFIG_VERSION "\n");
}

void img_help(void)
{
    version();
    printf("usage: qemu-img [standard options] command [command options]\n"
           "QEMU disk image utility\n\n"
           "    '-h', '--help'       display this help and exit\n"
           "    '-V', '--version'    output version information and exit\n\n"
           "Command syntax:\n");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        printf("  %s %s\n", commands[i].name, commands[i].usage);
    }
    printf("%s", explanation);
    bdrv_each_format(print_name, NULL);
    printf("\n");
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    global_lock();
    aio_program(AIO_TOOL);
    if (argc < 2) {
        return img_usage("Not enough arguments");
    }
    if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version")) {
        version();
        return 0;
    }
    if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")) {
        img_help();
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (!strcmp(argv[1], commands[i].name)) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (argv[1][0] == '-') {
        return img_usage("unrecognized option '%s'", argv[1]);
    }
    return img_usage("Command not found: %s", argv[1]);
}
