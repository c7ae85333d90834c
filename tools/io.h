/* SPDX-License-Identifier: MIT */
/*
 * What the parts of qemu-io share.
 *
 * A command gets its words (argv[0] is its name), reads options with getopt()
 * and returns 0 or -errno; it has said then what is wrong.
 */
#ifndef TOOLS_IO_H
#define TOOLS_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "block/block-int.h"

typedef struct Io {                     /* what the commands work on */
    BlockDriverState *bs;               /* or NULL: nothing is open */
    bool misalign, copy_on_read, quit;
    int in_flight;                      /* aio_read, aio_write */
} Io;

typedef struct IoCommand {
    const char *name, *alias;           /* alias: or NULL */
    int (*run)(Io *io, int argc, char **argv);
    int min, max;                       /* arguments; max -1: any number */
    bool any_time;                      /* without an open image, too */
    const char *args, *what;
    const char *more;                   /* extended help, or NULL */
} IoCommand;

extern const IoCommand io_rw_commands[], io_image_commands[];   /* name NULL ends */

/* -- qemu-io.c --------------------------------------------------------------- */

/* How to open, from one letter of the command line or of `open`. */
typedef struct IoOpen {
    const char *format;
    int flags;
    bool copy_on_read;
} IoOpen;

int io_take_open_option(IoOpen *o, int letter, const char *arg);
int io_open(Io *io, const char *file, const IoOpen *o, const BlockOpts *opts);
void io_close(Io *io);
/* "name args -- what": returns -EINVAL. */
int io_usage(const char *name);

/* -- Numbers and reports (io-misc.c) ----------------------------------------- */

/* "4k": bytes, or -EINVAL and a sentence. */
int64_t io_number(const char *text);
int io_pattern(const char *text);       /* 0 to 255, or -1 and a sentence */
const char *io_size_text(char buf[32], double value);
void io_report(const char *what, const struct timespec *began, uint64_t off, uint64_t asked,
               uint64_t done, bool machine);
void io_print_specific(const char *text);

#endif
