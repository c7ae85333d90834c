/* SPDX-License-Identifier: MIT */
/*
 * "name=value,name=value": options of -drive, of images and of their creation.
 * A comma in a value is doubled.  A name without "=" is "on", "noNAME" is not
 * special.  The table of a BlockOptDef list is the help, too.
 */
#ifndef BLOCK_OPTS_H
#define BLOCK_OPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

typedef struct BlockOptDef {
    const char *name;                   /* NULL ends the list */
    const char *help;
} BlockOptDef;

typedef struct BlockOpts {
    struct BlockOpt { char *name, *value; } *opt;
    int num;
} BlockOpts;

/* The last of two with the same name counts. */
int opts_parse(BlockOpts *o, const char *text, Error *err);
void opts_set(BlockOpts *o, const char *name, const char *value);
void opts_free(BlockOpts *o);

/* -EINVAL and a sentence that lists what there is, if a name is in no list.
 * more may be NULL. */
int opts_check(const BlockOpts *o, const BlockOptDef *defs,
               const BlockOptDef *more, Error *err);

/* o may be NULL: no options. */
const char *opts_get(const BlockOpts *o, const char *name);     /* or NULL */
/* These leave *out alone if the option is absent. */
int opts_get_bool(const BlockOpts *o, const char *name, bool *out, Error *err);
int opts_get_size(const BlockOpts *o, const char *name, uint64_t *out, Error *err);

/* "64k", "1.5G", "512": k M G T P E are powers of 1024. */
int parse_size(const char *text, uint64_t *out);

#endif
