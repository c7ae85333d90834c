/* SPDX-License-Identifier: MIT */
/*
 * qemu-io: exercise a disk image with single requests.
 *
 *      qemu-io -c 'write -P 7 0 4k' -c 'read -P 7 0 4k' image
 *
 * Commands come from -c, or from standard input; io-rw.c and io-image.c have
 * them.  The exit status is 1 if one of them failed.
 *
 * Not modelled: --object, --image-opts (refused by name), breakpoints.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block/aio.h"
#include "sys/loop.h"
#include "tools/io.h"
#include "tools/refused.h"
#include "util/bits.h"
#include "util/mem.h"

enum { MAX_WORDS = 1100, MAX_COMMANDS = 1024, OPT_REFUSED = 256 };

/* -- Opening ----------------------------------------------------------------- */

int io_take_open_option(IoOpen *o, int letter, const char *arg)
{
    switch (letter) {
    case 'C': o->copy_on_read = true; break;
    case 'U': o->flags |= BDRV_O_NO_LOCK; break;
    case 'f': o->format = arg; break;
    case 'k': break;                    /* O_DIRECT files always have it */
    case 'n': bdrv_parse_cache("none", &o->flags); break;
    case 'r': o->flags &= ~BDRV_O_RDWR; break;
    case 's': o->flags |= BDRV_O_SNAPSHOT; break;
    case 'd':
        if (strcmp(arg, "ignore") && strcmp(arg, "off") && strcmp(arg, "unmap") &&
            strcmp(arg, "on")) {
            fprintf(stderr, "qemu-io: Invalid discard option: %s\n", arg);
            return -EINVAL;
        }
        o->flags &= ~BDRV_O_UNMAP;
        o->flags |= !strcmp(arg, "unmap") || !strcmp(arg, "on") ? BDRV_O_UNMAP : 0;
        break;
    case 'i':
        if (strcmp(arg, "threads") && strcmp(arg, "native")) {
            fprintf(stderr, "qemu-io: Invalid aio option: %s\n", arg);
            return -EINVAL;
        }
        break;
    case 't':
        if (bdrv_parse_cache(arg, &o->flags) < 0) {
            fprintf(stderr, "qemu-io: Invalid cache option: %s\n", arg);
            return -EINVAL;
        }
        break;
    }
    return 0;
}

int io_open(Io *io, const char *file, const IoOpen *o, const BlockOpts *opts)
{
    Error err = { "" };

    if (io->bs) {
        fprintf(stderr, "file open already, try 'help close'\n");
        return -EBUSY;
    }
    io->bs = bdrv_new(NULL);
    int ret = bdrv_open(io->bs, file, o->format, o->flags, opts, &err);

    if (ret < 0) {
        fprintf(stderr, "qemu-io: can't open device %s: %s\n", file, err.msg);
        bdrv_delete(io->bs);
        io->bs = NULL;
    }
    io->copy_on_read = o->copy_on_read && ret >= 0 && !io->bs->read_only;
    return ret;
}

void io_close(Io *io)
{
    while (io->in_flight) {
        aio_poll();
    }
    bdrv_delete(io->bs);
    io->bs = NULL;
}

/* -- Commands ---------------------------------------------------------------- */

static int run_help(Io *io, int argc, char **argv);

static const IoCommand help_command = {
    "help", "?", run_help, 0, 1, true, "[command]", "help for one or all commands", NULL
};

static int by_name(const void *a, const void *b)
{
    const IoCommand *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* All commands by name; returns how many. */
static int all_commands(const IoCommand *list[64])
{
    const IoCommand *const tables[] = { io_rw_commands, io_image_commands };
    int num = 0;

    list[num++] = &help_command;
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
        for (const IoCommand *c = tables[t]; c->name; c++) {
            list[num++] = c;
        }
    }
    qsort(list, (size_t)num, sizeof(list[0]), by_name);
    return num;
}

static const IoCommand *find_command(const char *name)
{
    const IoCommand *list[64];
    int num = all_commands(list);

    for (int i = 0; i < num; i++) {
        if (!strcmp(list[i]->name, name) || (list[i]->alias && !strcmp(list[i]->alias, name))) {
            return list[i];
        }
    }
    return NULL;
}

static void print_usage(const IoCommand *c)
{
    printf("%s %s%s-- %s\n", c->name, c->args, *c->args ? " " : "", c->what);
}

int io_usage(const char *name)
{
    const IoCommand *c = find_command(name);

    if (c) {
        print_usage(c);
    }
    return -EINVAL;
}

static int run_help(Io *io, int argc, char **argv)
{
    const IoCommand *list[64];

    (void)io;
    if (argc > 1) {
        const IoCommand *c = find_command(argv[1]);

        if (!c) {
            printf("command %s not found\n", argv[1]);
            return -EINVAL;
        }
        print_usage(c);
        if (c->more) {
            printf("\n%s\n", c->more);
        }
        return 0;
    }
    int num = all_commands(list);

    for (int i = 0; i < num; i++) {
        print_usage(list[i]);
    }
    printf("\nUse 'help commandname' for extended help.\n");
    return 0;
}

static int wrong_count(const IoCommand *c, int num)
{
    if (c->max < 0) {
        fprintf(stderr, "bad argument count %d to %s, expected at least %d arguments\n", num,
                c->name, c->min);
    } else if (c->min == c->max) {
        fprintf(stderr, "bad argument count %d to %s, expected %d arguments\n", num, c->name,
                c->min);
    } else {
        fprintf(stderr, "bad argument count %d to %s, expected between %d and %d arguments\n",
                num, c->name, c->min, c->max);
    }
    return -EINVAL;
}

static int run_command(Io *io, const char *line)
{
    char *copy = xstrdup(line), *words[MAX_WORDS + 1], *save = NULL;
    int num = 0, ret = 0;

    for (char *w = strtok_r(copy, " \t\n", &save); w && num < MAX_WORDS;
         w = strtok_r(NULL, " \t\n", &save)) {
        words[num++] = w;
    }
    words[num] = NULL;
    const IoCommand *c = num ? find_command(words[0]) : NULL;

    if (num && !c) {
        fprintf(stderr, "command \"%s\" not found\n", words[0]);
        ret = -EINVAL;
    } else if (num && !c->any_time && !io->bs) {
        fprintf(stderr, "no file open, try 'help open'\n");
        ret = -EINVAL;
    } else if (num && (num - 1 < c->min || (c->max >= 0 && num - 1 > c->max))) {
        ret = wrong_count(c, num - 1);
    } else if (num) {
        ret = c->run(io, num, words);
    }
    fflush(stdout);
    free(copy);
    return ret;
}

static void run_input(Io *io)
{
    char *line = NULL;
    size_t room = 0;

    for (;;) {
        printf("qemu-io> ");
        fflush(stdout);
        if (io->quit || getline(&line, &room, stdin) < 0) {
            break;
        }
        run_command(io, line);
        if (io->quit) {
            break;
        }
    }
    free(line);
}

/* -- The command line -------------------------------------------------------- */

static void usage(FILE *to)
{
    fprintf(to, "Usage: qemu-io [OPTIONS]... [-c STRING]... [file]\n"
            "QEMU Disk exerciser\n\n"
            "  -c, --cmd STRING     execute command with its arguments\n"
            "                       from the given string\n"
            "  -f, --format FMT     specifies the block driver to use\n"
            "  -r, --read-only      export read-only\n"
            "  -s, --snapshot       use snapshot file\n"
            "  -n, --nocache        disable host cache, short for -t none\n"
            "  -C, --copy-on-read   enable copy-on-read\n"
            "  -m, --misalign       misalign allocations for O_DIRECT\n"
            "  -k, --native-aio     use kernel AIO implementation\n"
            "                       (Linux only, prefer use of -i)\n"
            "  -i, --aio=MODE       use AIO mode (threads or native)\n"
            "  -t, --cache=MODE     use the given cache mode for the image\n"
            "  -d, --discard=MODE   use the given discard mode for the image\n"
            "  -U, --force-share    force shared permissions\n"
            "  -h, --help           display this help and exit\n"
            "  -V, --version        output version information and exit\n\n"
            "See 'qemu-io -c help' for information on available commands.\n");
}

static const struct option longs[] = {
    { "aio", required_argument, NULL, 'i' }, { "cache", required_argument, NULL, 't' },
    { "cmd", required_argument, NULL, 'c' }, { "copy-on-read", no_argument, NULL, 'C' },
    { "discard", required_argument, NULL, 'd' }, { "force-share", no_argument, NULL, 'U' },
    { "format", required_argument, NULL, 'f' }, { "help", no_argument, NULL, 'h' },
    { "image-opts", no_argument, NULL, OPT_REFUSED }, { "misalign", no_argument, NULL, 'm' },
    { "native-aio", no_argument, NULL, 'k' }, { "nocache", no_argument, NULL, 'n' },
    { "object", required_argument, NULL, OPT_REFUSED },
    { "read-only", no_argument, NULL, 'r' }, { "snapshot", no_argument, NULL, 's' },
    { "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 }
};

typedef struct Line {                   /* the command line */
    IoOpen how;
    char *commands[MAX_COMMANDS];
    int num;
    bool misalign;
} Line;

/* -1: go on; else the exit status. */
static int take_options(Line *l, int argc, char **argv)
{
    int c, index = 0;

    while ((c = getopt_long(argc, argv, "hVc:Crsnki:t:d:mUf:", longs, &index)) != -1) {
        switch (c) {
        case 'h':
            usage(stdout);
            return 0;
        case 'V':
            printf("qemu-io version " CONFIG_VERSION "\n");
            return 0;
        case '?':
            usage(stderr);
            return 1;
        case OPT_REFUSED:
            fprintf(stderr, "qemu-io: --%s is not supported: %s\n", longs[index].name,
                    refused_advice(longs[index].name));
            return 1;
        case 'm': l->misalign = true; break;
        case 'c':
            if (l->num == MAX_COMMANDS) {
                fprintf(stderr, "qemu-io: more than %d commands\n", MAX_COMMANDS);
                return 1;
            }
            l->commands[l->num++] = optarg;
            break;
        default:
            if (io_take_open_option(&l->how, c, optarg) < 0) {
                return 1;
            }
        }
    }
    return -1;
}

int main(int argc, char **argv)
{
    static Line line = { .how = { .flags = BDRV_O_RDWR | BDRV_O_UNMAP } };
    int status = take_options(&line, argc, argv);
    bool failed = false;
    Io io = { .bs = NULL };

    if (status >= 0) {
        return status;
    }
    signal(SIGPIPE, SIG_IGN);
    global_lock();
    aio_program(AIO_TOOL);
    io.misalign = line.misalign;
    if (argc - optind > 1) {
        usage(stderr);
        return 1;
    }
    if (optind < argc && io_open(&io, argv[optind], &line.how, NULL) < 0) {
        return 1;
    }
    for (int i = 0; i < line.num && !io.quit; i++) {
        failed |= run_command(&io, line.commands[i]) < 0;
    }
    if (!line.num) {
        run_input(&io);
    }
    io_close(&io);
    return failed;
}
