/* SPDX-License-Identifier: MIT */
/*
 * Protocol blkdebug: a file whose requests fail, or take their time, as asked:
 *
 *      blkdebug:CONFIG:FILE            CONFIG may be empty: nothing happens
 *
 * CONFIG is a text of rules; "#" starts a comment, quotes are optional:
 *
 *      [inject-error]                  [set-state]             [delay]
 *      event = "write_aio"             event = "flush_to_disk" event = "read_aio"
 *      errno = "28"                    state = "1"             delay = "2000"
 *      sector = "8"                    new_state = "2"
 *      once = "on"
 *      state = "1"
 *
 * event is read_aio, write_aio, write_zeroes, discard or flush_to_disk; errno is 5
 * (EIO) if not given; a sector of 512 bytes must be among those of the request; state
 * restricts a rule to one state, 1 at first; delay is in milliseconds.  Errors come
 * after delays and instead of the request; states change after both.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block/block-int.h"
#include "util/bits.h"
#include "util/mem.h"

enum { MAX_RULES = 256, MAX_LINE = 256 };

typedef enum Event { EV_READ, EV_WRITE, EV_ZEROES, EV_DISCARD, EV_FLUSH, NUM_EVENTS } Event;

static const char *const event_names[NUM_EVENTS] = {
    "read_aio", "write_aio", "write_zeroes", "discard", "flush_to_disk",
};

typedef enum Kind { INJECT_ERROR, SET_STATE, DELAY, NUM_KINDS } Kind;

static const char *const kind_names[NUM_KINDS] = { "inject-error", "set-state", "delay" };

typedef struct Rule {
    Kind kind;
    int event;                          /* -1: not given yet */
    int errnum, state, new_state;       /* state 0: any */
    int64_t sector, delay_ms;           /* sector -1: any */
    bool once, used;
} Rule;

typedef struct Debug {
    Rule *rules;
    int num_rules, state;
} Debug;

/* -- The configuration ------------------------------------------------------- */

static int find_word(const char *const *words, int num, const char *word)
{
    for (int i = 0; i < num; i++) {
        if (strcmp(words[i], word) == 0) {
            return i;
        }
    }
    return -1;
}

static char *trim(char *p)
{
    size_t n;

    p += strspn(p, " \t\"");
    n = strlen(p);
    while (n && strchr(" \t\"\r\n", p[n - 1])) {
        p[--n] = 0;
    }
    return p;
}

static bool get_number(const char *text, int64_t max, int64_t *out)
{
    char *end;

    *out = strtoll(text, &end, 0);
    return *text >= '0' && *text <= '9' && !*end && *out <= max;
}

/* False: no such key, or no such value. */
static bool set_key(Rule *r, const char *key, const char *value)
{
    int64_t n = 0;

    if (!strcmp(key, "event")) {
        r->event = find_word(event_names, NUM_EVENTS, value);
        return r->event >= 0;
    }
    if (!strcmp(key, "once") || !strcmp(key, "immediately")) {
        bool on = !strcmp(value, "on");

        r->once |= on && !strcmp(key, "once");
        return on || !strcmp(value, "off");
    }
    if (!get_number(value, INT64_MAX / 512, &n)) {
        return false;
    }
    if (!strcmp(key, "sector")) {
        r->sector = n;
        return true;
    }
    if (n > INT_MAX) {
        return false;
    }
    if (!strcmp(key, "errno")) {
        r->errnum = (int)n;
    } else if (!strcmp(key, "state")) {
        r->state = (int)n;
    } else if (!strcmp(key, "new_state")) {
        r->new_state = (int)n;
    } else if (!strcmp(key, "delay")) {
        r->delay_ms = n;
    } else {
        return false;
    }
    return true;
}

static int parse_line(Debug *s, char *line, Error *err)
{
    line[strcspn(line, "#")] = 0;
    char *p = trim(line), *equals = strchr(p, '=');

    if (!*p) {
        return 0;
    }
    if (*p == '[' && p[strlen(p) - 1] == ']' && s->num_rules < MAX_RULES) {
        p[strlen(p) - 1] = 0;
        int kind = find_word(kind_names, NUM_KINDS, p + 1);

        if (kind < 0) {
            return error_set(err, EINVAL, "[%s]: there is [inject-error], [set-state] and"
                             " [delay]", p + 1);
        }
        s->rules = xrealloc(s->rules, (size_t)(s->num_rules + 1) * sizeof(*s->rules));
        s->rules[s->num_rules++] = (Rule){ .kind = (Kind)kind, .event = -1, .errnum = EIO,
                                           .sector = -1 };
        return 0;
    }
    if (!equals || !s->num_rules) {
        return error_set(err, EINVAL, "\"%s\": write [KIND] first, then name = \"value\"", p);
    }
    *equals = 0;
    char *key = trim(p), *value = trim(equals + 1);

    return set_key(&s->rules[s->num_rules - 1], key, value) ? 0
         : error_set(err, EINVAL, "%s = \"%s\": no such thing; there is event (read_aio,"
                     " write_aio, write_zeroes, discard, flush_to_disk), errno, sector, once,"
                     " state, new_state, delay", key, value);
}

static int read_config(Debug *s, const char *path, Error *err)
{
    FILE *f = fopen(path, "re");
    char line[MAX_LINE];
    int ret = 0;

    if (!f) {
        return error_set(err, errno, "%s: %s", path, strerror(errno));
    }
    for (int num = 1; ret >= 0 && fgets(line, sizeof(line), f); num++) {
        ret = parse_line(s, line, err);
        if (ret < 0) {
            error_prefix(err, ret, "%s:%d", path, num);
        }
    }
    fclose(f);
    for (int i = 0; i < s->num_rules && ret >= 0; i++) {
        if (s->rules[i].event < 0) {
            ret = error_set(err, EINVAL, "%s: rule %d has no event", path, i + 1);
        }
    }
    return ret;
}

/* -- Requests ---------------------------------------------------------------- */

static bool applies(const Rule *r, Event event, int state, uint64_t off, uint64_t len)
{
    uint64_t at = (uint64_t)r->sector * BDRV_SECTOR_SIZE;

    return r->event == (int)event && !r->used && (!r->state || r->state == state) &&
           (r->sector < 0 || (at < off + len && off < at + BDRV_SECTOR_SIZE));
}

/* The error that the request shall have, or 0. */
static int meet(BlockDriverState *bs, Event event, uint64_t off, uint64_t len)
{
    Debug *s = bs->opaque;
    int state = s->state, ret = 0;
    int64_t delay = 0;

    for (int i = 0; i < s->num_rules; i++) {
        Rule *r = &s->rules[i];

        if (applies(r, event, state, off, len)) {
            r->used = r->once;
            delay += r->delay_ms;
            ret = r->kind == INJECT_ERROR && ret == 0 ? -r->errnum : ret;
            s->state = r->kind == SET_STATE ? r->new_state : s->state;
        }
    }
    if (delay) {
        aio_co_sleep(delay * 1000000);
    }
    return ret;
}

static int debug_preadv(BlockDriverState *bs, uint64_t off, uint64_t len,
                        const QEMUIOVector *qiov, size_t at)
{
    int ret = meet(bs, EV_READ, off, len);

    return ret < 0 ? ret : bdrv_co_preadv(bs->file, off, len, qiov, at);
}

static int debug_pwritev(BlockDriverState *bs, uint64_t off, uint64_t len,
                         const QEMUIOVector *qiov, size_t at)
{
    int ret = meet(bs, EV_WRITE, off, len);

    return ret < 0 ? ret : bdrv_co_pwritev(bs->file, off, len, qiov, at, 0);
}

static int debug_write_zeroes(BlockDriverState *bs, uint64_t off, uint64_t len, int flags)
{
    int ret = meet(bs, EV_ZEROES, off, len);

    return ret < 0 ? ret : bdrv_co_write_zeroes(bs->file, off, len, flags);
}

static int debug_discard(BlockDriverState *bs, uint64_t off, uint64_t len)
{
    int ret = meet(bs, EV_DISCARD, off, len);

    return ret < 0 ? ret : bdrv_co_discard(bs->file, off, len);
}

/* bs->file is flushed by whoever called. */
static int debug_flush(BlockDriverState *bs)
{
    return meet(bs, EV_FLUSH, 0, 0);
}

static int debug_block_status(BlockDriverState *bs, uint64_t off, uint64_t len,
                              uint64_t *num, uint64_t *map)
{
    return bdrv_co_block_status(bs->file, off, len, num, map);
}

static int debug_truncate(BlockDriverState *bs, uint64_t size, Error *err)
{
    int ret = bdrv_truncate(bs->file, size, err);

    bs->length = bs->file->length;
    return ret;
}

/* -- Life -------------------------------------------------------------------- */

/* FILE is not beside CONFIG, but where we are. */
static int open_file(BlockDriverState *bs, const char *file, Error *err)
{
    char here[PATH_MAX];
    bool relative = *file != '/' && file[strcspn(file, ":/")] != ':' &&
                    getcwd(here, sizeof(here));
    char *path = relative ? xasprintf("%s/%s", here, file) : xstrdup(file);
    int ret = bdrv_open_child(bs, &bs->file, path, NULL, bs->flags, err);

    free(path);
    return ret;
}

static int debug_open(BlockDriverState *bs, const BlockOpts *opts, Error *err)
{
    Debug *s = bs->opaque;
    const char *colon = strchr(bs->filename, ':');
    int ret = 0;

    (void)opts;
    s->state = 1;
    if (!colon || !colon[1]) {
        return error_set(err, EINVAL, "blkdebug:%s: write blkdebug:CONFIG:FILE", bs->filename);
    }
    if (colon > bs->filename) {
        char *config = xstrndup(bs->filename, (size_t)(colon - bs->filename));

        ret = read_config(s, config, err);
        free(config);
    }
    if (ret >= 0) {
        ret = open_file(bs, colon + 1, err);
    }
    if (ret < 0) {
        free(s->rules);
        return ret;
    }
    bs->length = bs->file->length;
    bs->growable = bs->file->growable;
    bs->read_only = bs->file->read_only;
    return 0;
}

static void debug_close(BlockDriverState *bs)
{
    const Debug *s = bs->opaque;

    free(s->rules);
}

const BlockDriver bdrv_blkdebug = {
    .name = "blkdebug",
    .protocol = "blkdebug",
    .state_size = sizeof(Debug),
    .open = debug_open,
    .close = debug_close,
    .co_preadv = debug_preadv,
    .co_pwritev = debug_pwritev,
    .co_write_zeroes = debug_write_zeroes,
    .co_discard = debug_discard,
    .co_flush_to_disk = debug_flush,
    .co_block_status = debug_block_status,
    .co_truncate = debug_truncate,
};
