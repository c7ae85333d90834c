/* SPDX-License-Identifier: MIT */
/*
 * What the parts of qemu-img share: its command line, its way to open images
 * and to say what went wrong, sizes for people, JSON, progress.
 *
 * A command is a function of its arguments (argv[0] is its name) that returns
 * the exit status.  Options, output and statuses are those that scripts know
 * from the classic tool.
 */
#ifndef TOOLS_IMG_H
#define TOOLS_IMG_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "block/block-int.h"

/* -- Commands ---------------------------------------------------------------- */

int img_amend(int argc, char **argv);
int img_bench(int argc, char **argv);
int img_cat(int argc, char **argv);
int img_check(int argc, char **argv);
int img_commit(int argc, char **argv);
int img_compare(int argc, char **argv);
int img_convert(int argc, char **argv);
int img_cp(int argc, char **argv);
int img_create(int argc, char **argv);
int img_dd(int argc, char **argv);
int img_diff(int argc, char **argv);
int img_info(int argc, char **argv);
int img_ls(int argc, char **argv);
int img_map(int argc, char **argv);
int img_measure(int argc, char **argv);
int img_rebase(int argc, char **argv);
int img_resize(int argc, char **argv);
int img_snapshot(int argc, char **argv);

void img_help(void);

/* -- Saying ------------------------------------------------------------------ */

/* "qemu-img: ..." to stderr; both return 1. */
int img_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* ... and where the help is. */
int img_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* -- Options ----------------------------------------------------------------- */

enum {                                  /* long options without a letter */
    OPT_OUTPUT = 256, OPT_BACKING_CHAIN, OPT_START_OFFSET, OPT_MAX_LENGTH,
    OPT_PREALLOCATION, OPT_SHRINK, OPT_SIZE, OPT_TARGET_IS_ZERO, OPT_SALVAGE,
    OPT_FLUSH_INTERVAL, OPT_NO_DRAIN, OPT_PATTERN, OPT_FORCE, OPT_REFUSED,
};

typedef struct ImgArgs {
    int argc, status;                   /* status: to return after '?' */
    char **argv;
    char shorts[48];
    struct option longs[16];
} ImgArgs;

/* shorts as for getopt(); longs: names, with a blank between them. */
void img_args(ImgArgs *a, int argc, char **argv, const char *shorts, const char *longs);
/* The next letter or OPT_xxx, argument in optarg; -1: no more; '?': leave with
 * a->status, all is said. */
int img_option(ImgArgs *a);
/* How many arguments are left, from argv[optind] on. */
int img_left(const ImgArgs *a);

/* --output=: false and a sentence if neither human nor json. */
bool img_output(const char *text, bool *json);
/* What "what" may be, in bytes: false and a sentence if text is no size. */
bool img_size(const char *what, const char *text, uint64_t *out);
/* -o may come several times: "a=b" and "c=d" become one list. */
void img_join_options(char **all, const char *more);
bool img_wants_help(const char *options);

/* -- Images ------------------------------------------------------------------ */

/* An open image, or NULL and a sentence. */
BlockDriverState *img_open(const char *file, const char *format, int flags, bool quiet);
/* What was written is safe: 0, or 1 and a sentence.  Closing does not say. */
int img_flush(BlockDriverState *bs);
/* -t or -T: false and a sentence if there is no such mode. */
bool img_cache(const char *mode, bool source, int *flags);
const BlockDriver *img_driver(const char *format);
/* Does a new image of this file read as zeroes? */
bool img_new_reads_zero(const char *file);

/* Options of -o for this format as a list for people. */
void img_list_options(const char *title, const BlockOptDef *a, const BlockOptDef *b);
/* Those of create; with a file, its own are among them.  Returns 0. */
int img_list_create_options(const char *format, bool has_file);
/* Make an image; options: of -o, size and backing among them.  Returns 0, or -1
 * and a sentence.  say: the line "Formatting ..." first. */
int img_make(const char *file, const char *format, uint64_t size, BlockOpts *options, bool say,
             const char *prefix);

/* Who answers for bytes of an image: itself or one of its backing images. */
typedef struct ImgExtent {
    uint64_t num;                       /* bytes of one kind */
    int status;                         /* BDRV_BLOCK_xxx; ZERO if nobody has it */
    int depth;                          /* 0: the image itself */
    BlockDriverState *node;
    uint64_t map;                       /* with BDRV_BLOCK_OFFSET */
} ImgExtent;

/* Down to stop and not into it; NULL: to the end.  0 or -errno. */
int img_extent(BlockDriverState *bs, const BlockDriverState *stop, uint64_t off,
               uint64_t len, ImgExtent *e);

/* -- For people and programs ------------------------------------------------- */

/* "64 MiB", three digits. */
const char *img_size_text(char buf[32], uint64_t bytes);

typedef struct ImgProgress {
    bool on;
    double last;
} ImgProgress;

void img_progress_start(ImgProgress *p, bool on);
void img_progress(ImgProgress *p, uint64_t done, uint64_t of);
void img_progress_end(ImgProgress *p, bool complete);

typedef struct Json {
    int depth;
    bool any;                           /* something stands before, here */
} Json;

void json_open(Json *j, const char *key, char bracket); /* key may be NULL */
void json_close(Json *j, char bracket);
void json_str(Json *j, const char *key, const char *value);
void json_num(Json *j, const char *key, uint64_t value);
void json_bool(Json *j, const char *key, bool value);

#endif
